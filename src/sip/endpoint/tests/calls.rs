//! Whole calls, message by message.

use std::time::Duration;

use crate::sip::{
    Answer, Config, Content, Event, Message, Method, Name, NameAddr, OutOfDialog, Text, Transport, Uri,
};

use super::world::{World, address, sdp};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_call_is_answered_and_hung_up_by_the_caller() {
    let mut world = World::new(2);
    let a = world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].ring(world.now, b, 180, None);
    world.advance(1000);
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(1000);
    world.ends[0].bye(world.now, a, Some("Q.850;cause=16".to_owned()));
    world.advance(1000);
    world.check_ladder(
        "0>1 INVITE
         1>0 100 INVITE
         1>0 180 INVITE
         1>0 200 INVITE
         0>1 ACK
         0>1 BYE
         1>0 200 BYE",
    );
    assert_eq!(world.heard(0), ["Progress 180", "Answered sdp"]);
    assert!(matches!(world.event(1), Some(Event::Acked { sdp: None, .. })));
    let Some(Event::Ended { why, .. }) = world.event(1) else { panic!("no end") };
    assert_eq!(why, crate::sip::EndedWhy::Bye { reason: Some("Q.850;cause=16".to_owned()) });
    world.drain(MINUTE);
}

#[test]
fn the_callee_hangs_up() {
    let mut world = World::new(2);
    let (_, b) = world.talk();
    world.ends[1].bye(world.now, b, None);
    world.advance(100);
    world.check_ladder("1>0 BYE\n0>1 200 BYE");
    assert_eq!(world.heard(0), ["Ended bye"]);
    assert!(world.heard(1).is_empty());
    world.drain(MINUTE);
}

#[test]
fn both_hang_up_at_once() {
    let mut world = World::new(2);
    let (a, b) = world.talk();
    world.ends[0].bye(world.now, a, None);
    world.ends[1].bye(world.now, b, None);
    world.advance(100);
    world.check_ladder("0>1 BYE\n1>0 BYE\n1>0 200 BYE\n0>1 200 BYE");
    assert!(world.heard(0).is_empty() && world.heard(1).is_empty());
    world.drain(MINUTE);
}

#[test]
fn a_refusal_with_its_headers() {
    let mut world = World::new(2);
    world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].reject(
        world.now,
        b,
        Answer::new(486).with("Retry-After", "30").with("Reason", "Q.850;cause=17"),
    );
    world.advance(100);
    world.check_ladder("0>1 INVITE\n1>0 100 INVITE\n1>0 486 INVITE\n0>1 ACK");
    let Some(Event::Rejected { status: 486, retry_after, .. }) = world.event(0) else {
        panic!("not rejected")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(30)));
    world.drain(MINUTE);
}

#[test]
fn nobody_there_is_timer_b() {
    let mut world = World::new(1);
    world.call();
    world.advance(31_900);
    assert!(world.heard(0).is_empty());
    world.advance(200);
    assert_eq!(world.heard(0), ["Rejected 408"]);
    // T1 doubling: 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s.
    world.check_ladder(&"0>? INVITE\n".repeat(7));
    assert_eq!(world.ends[0].stats().timed_out, 1);
    assert!(world.ends[0].is_empty());
}

#[test]
fn a_bye_that_nobody_answers_is_timer_f() {
    let mut world = World::new(2);
    let (a, _) = world.talk();
    world.lose.push((0, "BYE", 100));
    world.ends[0].bye(world.now, a, None);
    world.advance(31_900);
    assert!(!world.ends[0].is_empty());
    world.advance(300);
    assert!(world.ends[0].is_empty());
    // 0, 0.5, 1.5, 3.5, then every 4 s up to 31.5 s.
    world.check_ladder(&"0>1 BYE lost\n".repeat(11));
}

#[test]
fn a_refusal_that_nobody_acknowledges_is_timer_h() {
    let mut world = World::new(2);
    world.call();
    world.advance(20);
    let b = world.invited(1);
    world.lose.push((0, "ACK", 100));
    world.ends[1].reject(world.now, b, Answer::new(603));
    world.advance(33_000);
    assert_eq!(world.heard(0), ["Rejected 603"]);
    assert_eq!(world.ends[1].stats().unacknowledged, 1);
    world.drain(2 * MINUTE);
}

#[test]
fn a_lost_ack_is_sent_again_for_the_repeated_200() {
    let mut world = World::new(2);
    world.lose.push((0, "ACK", 2));
    world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(2000);
    world.check_ladder(
        "0>1 INVITE
         1>0 100 INVITE
         1>0 200 INVITE
         0>1 ACK lost
         1>0 200 INVITE
         0>1 ACK lost
         1>0 200 INVITE
         0>1 ACK",
    );
    assert_eq!(world.heard(0), ["Answered sdp"]);
    assert_eq!(world.heard(1), ["Acked"]);
}

#[test]
fn a_lost_200_comes_again() {
    let mut world = World::new(2);
    world.lose.push((1, "200 INVITE", 1));
    world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(1000);
    world.check_ladder("0>1 INVITE\n1>0 100 INVITE\n1>0 200 INVITE lost\n1>0 200 INVITE\n0>1 ACK");
}

#[test]
fn no_ack_at_all_ends_the_call() {
    let mut world = World::new(2);
    world.lose.push((0, "ACK", 100));
    world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(33_000);
    assert_eq!(world.heard(1), ["Ended no ACK"]);
    assert_eq!(world.heard(0), ["Answered sdp", "Ended bye"]);
    assert!(world.ladder.iter().flatten().any(|line| line == "1>0 BYE"));
    world.drain(2 * MINUTE);
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let mut world = World::new(2);
    world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.ends[1].bye(world.now, b, None);
    world.advance(200);
    world.check_ladder("0>1 INVITE\n1>0 100 INVITE\n1>0 200 INVITE\n0>1 ACK\n1>0 BYE\n0>1 200 BYE");
    assert!(world.heard(1).is_empty());
    assert_eq!(world.heard(0), ["Answered sdp", "Ended bye"]);
    world.drain(MINUTE);
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    let mut world = World::new(2);
    let mut invite = world.invitation(0, address(1));
    invite.sdp = None;
    let a = world.ends[0].invite(world.now, invite);
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    // The 200 comes twice before the host has made up its mind.
    world.advance(800);
    assert_eq!(world.heard(0), ["Answered sdp"]);
    world.ends[0].ack_sdp(world.now, a, sdp(2));
    world.advance(100);
    assert_eq!(world.heard(1), ["Acked sdp"]);
    world.check_ladder("0>1 INVITE\n1>0 100 INVITE\n1>0 200 INVITE\n1>0 200 INVITE\n0>1 ACK");
}

#[test]
fn ringing_is_repeated_each_minute() {
    let mut world = World::new(2);
    world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.advance(121_000);
    // Once it is agreed on, the description is not said again.
    assert_eq!(world.heard(0), ["Progress 183 sdp", "Progress 183", "Progress 183"]);
    world.ends[1].accept(world.now, b, None);
    world.advance(100);
    assert_eq!(world.heard(0), ["Answered sdp"]);
}

#[test]
fn a_peer_that_rings_for_ever_is_cancelled() {
    let mut world = World::new(2);
    world.call();
    world.advance(20);
    world.advance(200_000);
    assert_eq!(world.heard(0), ["Rejected 487"]);
    assert_eq!(world.heard(1), ["Invite", "Cancelled"]);
    world.drain(2 * MINUTE);
}

#[test]
fn two_forks_answer_and_the_first_wins() {
    let mut world = World::new(3);
    world.forks = vec![1, 2];
    let invite = world.invitation(0, super::world::fork_address());
    let a = world.ends[0].invite(world.now, invite);
    world.advance(15);
    let (b, c) = (world.invited(1), world.invited(2));
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.ends[2].accept(world.now, c, Some(sdp(1)));
    // Its first ACK gets lost: the repeated 200 must not bring a second BYE.
    world.lose.push((0, "BYE", 1));
    world.advance(1000);
    assert_eq!(world.heard(0), ["Answered sdp"]);
    assert_eq!(world.heard(1), ["Acked"]);
    assert_eq!(world.heard(2), ["Acked", "Ended bye"]);
    world.ends[0].bye(world.now, a, None);
    world.advance(100);
    assert_eq!(world.heard(1), ["Ended bye"]);
    world.drain(MINUTE);
}

#[test]
fn info_and_options_in_a_dialog() {
    let mut world = World::new(2);
    let (_, b) = world.talk();
    let ack = match world.last_sent(0, "ACK") {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    };
    for (method, body) in [(Method::Info, "Signal=5\r\n"), (Method::Options, "")] {
        let mut request = ack.clone();
        request.method = method;
        request.cseq += 7;
        request.vias[0].params.set("branch", &format!("z9hG4bK-{}", request.method));
        let request = request.with_body("application/dtmf-relay", bytes::Bytes::from(body));
        let flow = world.flow(1, 0);
        world.ends[1].handle_message(world.now, flow, &request.encode());
    }
    world.advance(100);
    world.check_ladder("1>0 200 INFO\n1>0 200 OPTIONS");
    let Some(Event::Info { dialog, kind, body }) = world.event(1) else { panic!("no INFO") };
    assert_eq!((dialog, &*kind, &*body), (b, "application/dtmf-relay", &b"Signal=5\r\n"[..]));
    let Message::Response(options) = world.last_sent(1, "200 OPTIONS") else { panic!("a request") };
    assert!(options.headers.lists(Name::Allow, "UPDATE") && options.headers.lists(Name::Allow, "REGISTER"));
}

#[test]
fn an_info_that_the_host_does_not_read() {
    let mut world = World::new(2);
    world.talk();
    world.ends[1].core.config.info_kinds = vec!["application/dtmf-relay", "application/dtmf"];
    let Message::Request(ack) = world.last_sent(0, "ACK") else { panic!("a response") };
    let kinds =
        ["Application/DTMF ; charset=utf-8", "application/media_control+xml", "application/dtmf-relay"];
    for (n, kind) in (0..).zip(kinds) {
        let mut request = ack.clone();
        request.method = Method::Info;
        request.cseq += 7 + n;
        request.vias[0].params.set("branch", &format!("z9hG4bK-info-{n}"));
        let flow = world.flow(1, 0);
        world.ends[1].handle_message(world.now, flow, &request.with_body(kind, "5".into()).encode());
    }
    world.advance(100);
    world.check_ladder("1>0 200 INFO\n1>0 415 INFO\n1>0 200 INFO");
    let Message::Response(refusal) = world.last_sent(1, "415 INFO") else { panic!("a request") };
    assert!(refusal.headers.lists(Name::Accept, "application/dtmf-relay"));
    assert!(refusal.headers.lists(Name::Accept, "application/dtmf"));
    assert_eq!(world.heard(1).iter().filter(|heard| heard.starts_with("Info")).count(), 2);
}

/// A peer's request that goes with the INVITE before it is answered.
fn early(world: &World, method: Method, cseq: u32) -> crate::sip::Request {
    let Message::Request(mut request) = world.last_sent(0, "INVITE") else { panic!("a response") };
    let Message::Response(ringing) = world.last_sent(1, "180 INVITE") else { panic!("a request") };
    request.method = method;
    request.cseq = cseq;
    request.to = ringing.to;
    request.vias[0].params.set("branch", &format!("z9hG4bK-{}-{cseq}", request.method));
    request
}

#[test]
fn requests_in_an_early_dialog() {
    let mut world = World::new(2);
    world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].ring(world.now, b, 180, None);
    world.advance(20);
    world.ladder = Some(Vec::new());
    let flow = world.flow(1, 0);
    for (at, method) in
        [Method::Options, Method::Update, Method::Invite, Method::Refer].into_iter().enumerate()
    {
        let request = early(&world, method, 2 + at as u32);
        world.ends[1].handle_message(world.now, flow, &request.encode());
    }
    let info = early(&world, Method::Info, 7).with_body("application/dtmf", "5".into());
    let old = early(&world, Method::Info, 1).with_body("application/dtmf", "6".into());
    let bye = early(&world, Method::Bye, 8);
    for request in [info, old, bye] {
        world.ends[1].handle_message(world.now, flow, &request.encode());
    }
    world.advance(100);
    world.check_ladder(
        "1>0 200 OPTIONS
         1>0 500 UPDATE
         1>0 500 INVITE
         1>0 480 REFER
         1>0 200 INFO
         1>0 500 INFO
         1>0 200 BYE
         1>0 487 INVITE
         0>1 ACK",
    );
    assert_eq!(world.heard(1), ["Info application/dtmf", "Cancelled"]);
}

/// Its number is above the INVITE's, and the ACK has the INVITE's again.
#[test]
fn an_info_before_the_answer_does_not_confuse_the_ack() {
    let mut world = World::new(2);
    world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].ring(world.now, b, 180, None);
    world.flush();
    let info = early(&world, Method::Info, 7).with_body("application/dtmf", "5".into());
    let flow = world.flow(1, 0);
    world.ends[1].handle_message(world.now, flow, &info.encode());
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(2000);
    assert_eq!(world.heard(1), ["Info application/dtmf", "Acked"]);
}

#[test]
fn a_message_outside_a_dialog_and_its_answer() {
    let mut world = World::new(2);
    let (to, via) = (Uri::sip(Some("100"), address(1)), world.flow(0, 1));
    let from = NameAddr::new(Uri::sip(Some("200"), address(0)));
    let request = OutOfDialog {
        content: Some(Content { kind: "text/plain".to_owned(), body: "hi".into() }),
        ..OutOfDialog::new(Method::Message, to, via, from).with("Subject", "hello")
    };
    let asked = world.ends[0].request(world.now, request);
    world.advance(20);
    let Some(Event::Request { id, request, .. }) = world.event(1) else { panic!("no request") };
    assert_eq!((&*request.body, request.headers.text(Name::Subject).as_deref()), (&b"hi"[..], Some("hello")));
    world.ends[1].respond(world.now, id, Answer::new(202).with("X-Queue", "vip"));
    world.ends[1].respond(world.now, id, Answer::new(500));
    world.advance(20);
    let Some(Event::Reply { id, status: 202, headers, .. }) = world.event(0) else { panic!("no reply") };
    assert_eq!((id, headers), (asked, vec![("X-Queue".to_owned(), "vip".to_owned())]));
    world.check_ladder("0>1 MESSAGE\n1>0 202 MESSAGE");
    world.drain(MINUTE);
}

/// RFC 3428 §8: in a dialog as outside, and what is not answered is no reason to hang up.
#[test]
fn a_message_in_a_dialog_goes_to_who_takes_texts_and_is_the_hosts_to_answer() {
    let mut world = World::new(2);
    let (a, b) = world.talk();
    world.ladder = Some(Vec::new());
    let text = || Content { kind: "text/plain;charset=utf-8".to_owned(), body: "hi".into() };
    let asked = world.ends[0].message(world.now, a, text()).expect("they take texts");
    world.advance(20);
    let message = std::mem::take(&mut world.events[1]).into_iter().find_map(|event| match event {
        Event::Message { id, dialog, request } => Some((id, dialog, request)),
        _ => None,
    });
    let (id, dialog, request) = message.expect("a text");
    assert_eq!((dialog, &*request.body), (b, &b"hi"[..]));
    assert!(!request.headers.has(Name::Contact), "RFC 3428 \u{a7}4");
    world.ends[1].respond(world.now, id, Answer::new(481));
    world.advance(20);
    let reply = std::mem::take(&mut world.events[0]).into_iter().last();
    assert!(matches!(reply, Some(Event::Reply { id, status: 481, .. }) if id == asked), "{reply:?}");
    world.check_ladder("0>1 MESSAGE\n1>0 481 MESSAGE");
    // Nobody is there yet who could read it.
    let ringing = world.call();
    assert_eq!(world.ends[0].message(world.now, ringing, text()), None);
    world.ends[0].bye(world.now, ringing, None);
    world.ends[0].bye(world.now, a, None);
    world.drain(MINUTE);
}

#[test]
fn a_call_over_tcp_repeats_only_its_200() {
    let mut world = World::new(2);
    let mut invite = world.invitation(0, address(1));
    invite.via.transport = Transport::Tcp;
    let a = world.ends[0].invite(world.now, invite);
    world.advance(1000);
    let b = world.invited(1);
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(100);
    world.ends[0].bye(world.now, a, None);
    world.advance(100);
    world.check_ladder("0>1 INVITE\n1>0 100 INVITE\n1>0 200 INVITE\n0>1 ACK\n0>1 BYE\n1>0 200 BYE");
    assert_eq!(world.heard(1), ["Acked", "Ended bye"]);
    world.drain(MINUTE);
}

#[test]
fn a_connection_that_cannot_be_opened_is_503() {
    let mut world = World::with_config(1, 1, Config::default());
    let mut invite = world.invitation(0, address(1));
    invite.via.transport = Transport::Tcp;
    let via = invite.via;
    world.ends[0].invite(world.now, invite);
    world.flush();
    world.ends[0].handle_flow_closed(world.now, via);
    world.flush();
    assert_eq!(world.heard(0), ["Rejected 503"]);
    assert!(world.ends[0].is_empty());
}

#[test]
fn a_closed_connection_cancels_who_still_rings_and_keeps_who_talks() {
    let mut world = World::new(2);
    let mut invite = world.invitation(0, address(1));
    invite.via.transport = Transport::Tcp;
    let a = world.ends[0].invite(world.now, invite.clone());
    world.advance(20);
    let Some(Event::Invite { dialog: b, flow, .. }) = world.event(1) else { panic!("no INVITE") };
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(100);
    world.ends[0].invite(world.now, invite);
    world.advance(20);
    let Some(Event::Acked { .. }) = world.event(1) else { panic!("no ACK") };
    let Some(Event::Invite { flow: second, .. }) = world.event(1) else { panic!("no INVITE") };
    for closed in [flow, second] {
        world.ends[1].handle_flow_closed(world.now, closed);
        let theirs = crate::sip::Flow { local: closed.remote, remote: closed.local, ..closed };
        world.ends[0].handle_flow_closed(world.now, theirs);
    }
    world.flush();
    assert_eq!(world.heard(1), ["Cancelled"]);
    assert_eq!(world.heard(0), ["Answered sdp", "Rejected 503"]);
    // The established call goes on over a connection of its own.
    world.ends[0].bye(world.now, a, None);
    world.advance(100);
    assert_eq!(world.heard(1), ["Ended bye"]);
    world.drain(MINUTE);
}

/// Each further 2xx costs an ACK and a BYE to where it says: one peer must not make us send them without end.
#[test]
fn a_peer_that_answers_for_ever_more_phones_is_not_followed() {
    let mut world = World::new(2);
    world.talk();
    let Message::Response(mut answer) = world.last_sent(1, "200 INVITE") else { panic!("a request") };
    for phone in 0..100 {
        answer.to.set_tag(&Text::from(format!("phone{phone}")));
        let flow = world.flow(0, 1);
        world.ends[0].handle_message(world.now, flow, &answer.encode());
    }
    world.flush();
    let ladder = world.ladder.take().unwrap_or_default();
    assert_eq!(ladder.iter().filter(|line| *line == "0>1 BYE").count(), 15);
    assert_eq!(ladder.iter().filter(|line| *line == "0>1 ACK").count(), 15);
}

/// RFC 3261 §13.3.1: "if the invitation expires before the UAS has generated a final response, a 487 (Request
/// Terminated) response SHOULD be generated".
#[test]
fn an_invitation_that_expires_is_over() {
    let mut world = World::new(2);
    let mut invite = world.invitation(0, address(1));
    invite.headers.push(("Expires".to_owned(), "30".to_owned()));
    world.ends[0].invite(world.now, invite.clone());
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].ring(world.now, b, 180, None);
    world.advance(29_900);
    assert!(world.heard(1).is_empty());
    world.advance(200);
    assert_eq!(world.heard(1), ["Cancelled"]);
    assert_eq!(world.heard(0), ["Progress 180", "Rejected 487"]);
    // One that is answered in time goes on.
    world.ends[0].invite(world.now, invite);
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(40_000);
    assert_eq!(world.heard(1), ["Acked"]);
    world.ends[1].bye(world.now, b, None);
    world.drain(MINUTE);
}
