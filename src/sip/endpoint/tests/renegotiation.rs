//! Re-INVITE, UPDATE and session timers.

use std::time::Duration;

use bytes::Bytes;

use crate::sip::{Answer, Config, Event, Message, Method, Name, Request};

use super::world::{World, sdp};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn hold_and_resume_by_the_caller() {
    let mut world = World::new(2);
    let (a, b) = world.talk();
    for version in [2, 3] {
        world.ends[0].reoffer(world.now, a, sdp(version));
        world.advance(15);
        assert_eq!(world.heard(1), ["Reoffer sdp"]);
        world.ends[1].answer_reoffer(world.now, b, Ok(sdp(version)));
        world.advance(100);
        world.check_ladder("0>1 INVITE\n1>0 100 INVITE\n1>0 200 INVITE\n0>1 ACK");
        assert_eq!(world.heard(0), ["ReofferAnswered"]);
    }
    world.ends[1].bye(world.now, b, None);
    world.drain(2 * MINUTE);
}

#[test]
fn hold_by_the_callee_and_refused() {
    let mut world = World::new(2);
    let (a, b) = world.talk();
    world.ends[1].reoffer(world.now, b, sdp(2));
    world.advance(15);
    world.ends[0].answer_reoffer(world.now, a, Err(Answer::new(488)));
    world.advance(100);
    world.check_ladder("1>0 INVITE\n0>1 100 INVITE\n0>1 488 INVITE\n1>0 ACK");
    assert_eq!(world.heard(1), ["ReofferRefused 488"]);
    // The call goes on.
    world.ends[0].bye(world.now, a, None);
    world.advance(100);
    assert_eq!(world.heard(1), ["Ended bye"]);
    world.drain(2 * MINUTE);
}

#[test]
fn offers_that_meet_are_refused_and_come_again_one_by_one() {
    let mut world = World::new(2);
    let (a, b) = world.talk();
    world.ends[0].reoffer(world.now, a, sdp(2));
    world.ends[1].reoffer(world.now, b, sdp(3));
    world.advance(50);
    world.check_ladder("0>1 INVITE\n1>0 INVITE\n1>0 491 INVITE\n0>1 491 INVITE\n0>1 ACK\n1>0 ACK");
    let glare = world.now;
    let mut answered = [None, None];
    while answered.iter().any(Option::is_none) && world.now.since(glare) < Duration::from_secs(5) {
        world.advance(10);
        for (end, answered) in answered.iter_mut().enumerate() {
            match world.event(end) {
                Some(Event::Reoffer { dialog, .. }) => {
                    world.ends[end].answer_reoffer(world.now, dialog, Ok(sdp(9)))
                }
                Some(Event::ReofferAnswered { .. }) => *answered = Some(world.now.since(glare)),
                None => {}
                Some(other) => panic!("{other:?}"),
            }
        }
    }
    // RFC 3261 §14.1: the owner of the Call-ID waits 2.1 to 4 s, the other at most 2 s.
    let [Some(owner), Some(other)] = answered else { panic!("not both came through") };
    assert!(owner >= Duration::from_millis(2_040) && owner <= Duration::from_millis(4_100), "{owner:?}");
    assert!(other <= Duration::from_millis(2_100), "{other:?}");
}

#[test]
fn only_the_last_of_waiting_offers_goes_out() {
    let mut world = World::new(2);
    let (a, b) = world.talk();
    for version in [2, 3, 4] {
        world.ends[0].reoffer(world.now, a, sdp(version));
    }
    world.advance(15);
    let Some(Event::Reoffer { sdp: Some(first), .. }) = world.event(1) else { panic!("no offer") };
    world.ends[1].answer_reoffer(world.now, b, Ok(sdp(2)));
    world.advance(50);
    let Some(Event::Reoffer { sdp: Some(second), .. }) = world.event(1) else { panic!("no offer") };
    world.ends[1].answer_reoffer(world.now, b, Ok(sdp(2)));
    world.advance(50);
    assert_eq!((first, second), (sdp(2), sdp(4)));
    assert_eq!(world.heard(0), ["ReofferAnswered"; 2]);
}

#[test]
fn a_peer_that_lost_the_dialog_ends_it() {
    let mut world = World::new(2);
    let (a, b) = world.talk();
    // The peer hangs up, and we never hear of it.
    world.lose.push((1, "BYE", 100));
    world.ends[1].bye(world.now, b, None);
    world.advance(40_000);
    world.check_ladder(&"1>0 BYE lost\n".repeat(11));
    world.ends[0].reoffer(world.now, a, sdp(2));
    world.advance(100);
    assert_eq!(world.heard(0), ["Ended request failed with 481"]);
    world.check_ladder("0>1 INVITE\n1>0 481 INVITE\n0>1 ACK\n0>1 BYE\n1>0 481 BYE");
    world.drain(2 * MINUTE);
}

#[test]
fn hanging_up_during_a_reoffer() {
    for who in [0, 1] {
        let mut world = World::new(2);
        let (a, b) = world.talk();
        world.ends[0].reoffer(world.now, a, sdp(2));
        world.advance(15);
        let dialog = if who == 0 { a } else { b };
        world.ends[who].bye(world.now, dialog, None);
        world.advance(100);
        assert_eq!(world.heard(1 - who).last().map(String::as_str), Some("Ended bye"));
        // The 487 to the open re-INVITE is acknowledged, nothing lingers.
        world.drain(2 * MINUTE);
    }
}

#[test]
fn a_reoffer_that_nobody_answers_ends_the_call() {
    let mut world = World::new(2);
    let (a, _) = world.talk();
    world.lose.push((0, "INVITE", 100));
    world.ends[0].reoffer(world.now, a, sdp(2));
    world.advance(33_000);
    assert_eq!(world.heard(0), ["Ended request failed with 408"]);
    assert_eq!(world.heard(1), ["Ended bye"]);
    world.drain(2 * MINUTE);
}

/// A request of end 0 in its dialog with end 1, made from its last ACK.
fn in_dialog(world: &World, method: Method, cseq: u32) -> Request {
    let Message::Request(mut request) = world.last_sent(0, "ACK") else { panic!("a response") };
    request.method = method;
    request.cseq = cseq;
    request.vias[0].params.set("branch", &format!("z9hG4bK-{}-{cseq}", request.method));
    request.headers.push(Name::Contact, "<sip:moved@192.0.2.1:5060>");
    request
}

fn send(world: &mut World, request: &Request) {
    let flow = world.flow(1, 0);
    world.ends[1].handle_message(world.now, flow, &request.encode());
    world.flush();
}

#[test]
fn update_with_and_without_an_offer() {
    let mut world = World::new(2);
    let (_, b) = world.talk();
    let refresh = in_dialog(&world, Method::Update, 5);
    send(&mut world, &refresh);
    assert!(world.heard(1).is_empty());
    let offer = in_dialog(&world, Method::Update, 6).with_body("application/sdp", sdp(5));
    send(&mut world, &offer);
    assert_eq!(world.heard(1), ["Reoffer sdp"]);
    // A second one before the answer (RFC 3311 §5.2).
    let early = in_dialog(&world, Method::Update, 7).with_body("application/sdp", sdp(6));
    send(&mut world, &early);
    world.ends[1].answer_reoffer(world.now, b, Ok(sdp(7)));
    world.flush();
    world.check_ladder("1>0 200 UPDATE\n1>0 500 UPDATE\n1>0 200 UPDATE");
    let Message::Response(answer) = world.last_sent(1, "200 UPDATE") else { panic!("a request") };
    assert_eq!(answer.body, sdp(7));
    // The target moved with it.
    world.ends[1].bye(world.now, b, None);
    world.flush();
    let Message::Request(bye) = world.last_sent(1, "BYE") else { panic!("a response") };
    assert_eq!(bye.uri.as_bytes(), b"sip:moved@192.0.2.1:5060");
}

#[test]
fn a_reinvite_without_an_offer_asks_for_ours() {
    let mut world = World::new(2);
    let (_, b) = world.talk();
    let asking = in_dialog(&world, Method::Invite, 5);
    send(&mut world, &asking);
    assert_eq!(world.heard(1), ["Reoffer"]);
    world.ends[1].answer_reoffer(world.now, b, Ok(sdp(7)));
    world.flush();
    // Our offer is out: another INVITE now is glare.
    let crossing = in_dialog(&world, Method::Invite, 6).with_body("application/sdp", sdp(6));
    send(&mut world, &crossing);
    world.check_ladder("1>0 100 INVITE\n1>0 200 INVITE\n1>0 491 INVITE");
    let ack = in_dialog(&world, Method::Ack, 5).with_body("application/sdp", sdp(8));
    send(&mut world, &ack);
    let Some(Event::ReofferAnswered { sdp: answer, .. }) = world.event(1) else { panic!("no answer") };
    assert_eq!(answer, sdp(8));
}

#[test]
fn what_is_out_of_order_is_500_and_a_cancelled_reinvite_487() {
    let mut world = World::new(2);
    let (_, b) = world.talk();
    let old = in_dialog(&world, Method::Info, 0);
    send(&mut world, &old);
    world.check_ladder("1>0 500 INFO");
    let reinvite = in_dialog(&world, Method::Invite, 5).with_body("application/sdp", sdp(2));
    let mut cancel = reinvite.clone();
    cancel.method = Method::Cancel;
    cancel.body = Bytes::new();
    send(&mut world, &reinvite);
    send(&mut world, &cancel);
    world.check_ladder("1>0 100 INVITE\n1>0 200 CANCEL\n1>0 487 INVITE");
    // The host's answer comes too late and changes nothing.
    world.ends[1].answer_reoffer(world.now, b, Ok(sdp(2)));
    world.flush();
    world.check_ladder("");
}

fn with_timers() -> World {
    World::with_config(2, 1, Config::default())
}

#[test]
fn a_session_is_refreshed_by_update_for_ever() {
    let mut world = with_timers();
    let (a, _) = world.talk();
    world.advance(3_610_000);
    // 600 s, refreshed by the caller at half of it.
    world.check_ladder(&"0>1 UPDATE\n1>0 200 UPDATE\n".repeat(12));
    assert!(world.heard(0).is_empty() && world.heard(1).is_empty());
    world.ends[0].bye(world.now, a, None);
    world.drain(2 * MINUTE);
}

#[test]
fn a_session_whose_refresher_is_gone_is_hung_up() {
    let mut world = with_timers();
    world.talk();
    world.lose.push((0, "UPDATE", u32::MAX));
    world.advance(400_000);
    // The refresher notices first: its UPDATE times out.
    assert_eq!(world.heard(0), ["Ended request failed with 408"]);
    assert_eq!(world.heard(1), ["Ended bye"]);
    world.drain(2 * MINUTE);

    let mut world = with_timers();
    world.talk();
    world.lose.extend([(0, "UPDATE", u32::MAX), (0, "BYE", u32::MAX)]);
    world.advance(567_000);
    assert!(world.heard(1).is_empty());
    world.advance(2_000);
    assert_eq!(world.heard(1), ["Ended session timer expired"]);
    world.drain(2 * MINUTE);
}

#[test]
fn a_peer_without_timers_and_without_update_is_asked_by_reinvite() {
    let mut world = with_timers();
    let invite = "INVITE sip:100@192.0.2.1 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKplain\r\nMax-Forwards: 70\r\n\
        From: <sip:old@192.0.2.2>;tag=old\r\nTo: <sip:100@192.0.2.1>\r\nCall-ID: old\r\nCSeq: 1 INVITE\r\n\
        Contact: <sip:old@192.0.2.2:5060>\r\nContent-Length: 0\r\n\r\n";
    let flow = world.flow(0, 1);
    world.ends[0].handle_message(world.now, flow, invite.as_bytes());
    world.flush();
    let a = world.invited(0);
    world.ends[0].accept(world.now, a, Some(sdp(1)));
    world.flush();
    let Message::Response(answer) = world.last_sent(0, "200 INVITE") else { panic!("a request") };
    assert_eq!(answer.headers.text(Name::SessionExpires).as_deref(), Some("600;refresher=uas"));
    assert!(!answer.headers.has(Name::Require));
    let tag = answer.to.tag().map(|tag| tag.to_str().into_owned()).unwrap_or_default();
    let ack = invite
        .replace("INVITE sip", "ACK sip")
        .replace("1 INVITE", "1 ACK")
        .replace("plain", "ack")
        .replace("To: <sip:100@192.0.2.1>", &format!("To: <sip:100@192.0.2.1>;tag={tag}"));
    world.ends[0].handle_message(world.now, flow, ack.as_bytes());
    world.flush();
    assert_eq!(world.heard(0), ["Acked"]);
    world.ladder = Some(Vec::new());
    world.advance(300_100);
    let Message::Request(refresh) = world.last_sent(0, "INVITE") else { panic!("a response") };
    assert_eq!((refresh.body, refresh.uri.as_bytes()), (sdp(1), &b"sip:old@192.0.2.2:5060"[..]));
}

#[test]
fn an_interval_that_is_too_short_is_refused_and_asked_for_again() {
    let config = Config { session_expires: Some(Duration::from_secs(95)), ..Config::default() };
    let mut world = World::with_config(2, 1, config);
    let strict = Config { min_session_expires: Duration::from_secs(300), ..Config::default() };
    world.ends[1] = crate::sip::Endpoint::new(strict, crate::base::Rng::from_number(9));
    world.call();
    world.advance(100);
    world.check_ladder("0>1 INVITE\n1>0 422 INVITE\n0>1 ACK\n0>1 INVITE\n1>0 100 INVITE");
    let Message::Request(second) = world.last_sent(0, "INVITE") else { panic!("a response") };
    assert_eq!(second.headers.number(Name::SessionExpires), Some(300));
    assert_eq!(second.cseq, 2);
}

/// The caller's refresh is lost, and this answers it instead.
fn refresh_answered(status: u16, headers: &[(Name, &str)]) -> World {
    let mut world = with_timers();
    world.talk();
    world.lose.push((0, "UPDATE", 1));
    world.advance(300_100);
    let Message::Request(update) = world.last_sent(0, "UPDATE") else { panic!("a response") };
    let mut answer = update.response(status);
    for (name, value) in headers {
        answer.headers.push(*name, *value);
    }
    let flow = world.flow(0, 1);
    world.ends[0].handle_message(world.now, flow, &answer.encode());
    world.flush();
    world
}

#[test]
fn a_refresh_that_is_too_frequent_is_asked_for_less_often() {
    let world = refresh_answered(422, &[(Name::MinSe, "900")]);
    let Message::Request(second) = world.last_sent(0, "UPDATE") else { panic!("a response") };
    assert_eq!(second.headers.text(Name::SessionExpires).as_deref(), Some("900;refresher=uac"));
    assert_eq!(second.headers.number(Name::MinSe), Some(900));
}

#[test]
fn a_refresh_that_meets_an_offer_comes_again_as_what_it_was() {
    let mut world = refresh_answered(491, &[]);
    world.check_ladder("0>1 UPDATE lost");
    world.advance(4_100);
    world.check_ladder("0>1 UPDATE\n1>0 200 UPDATE");
    assert!(world.heard(0).is_empty() && world.heard(1).is_empty());
}

#[test]
fn a_peer_that_takes_no_update_after_all_is_asked_by_reinvite() {
    let mut world = refresh_answered(405, &[]);
    world.check_ladder("0>1 UPDATE lost");
    world.advance(5_100);
    assert_eq!(world.heard(1), ["Reoffer sdp"]);
    let Message::Request(refresh) = world.last_sent(0, "INVITE") else { panic!("a response") };
    assert_eq!(refresh.body, sdp(1));
}

#[test]
fn a_refresh_refused_for_the_moment_is_tried_again_and_else_the_session_ends() {
    let mut world = refresh_answered(500, &[(Name::RetryAfter, "8")]);
    world.advance(7_900);
    world.check_ladder("0>1 UPDATE lost");
    world.lose.push((0, "UPDATE", u32::MAX));
    world.advance(60_000);
    // Nobody answers it: over, and the BYE says why.
    assert_eq!(world.heard(0), ["Ended request failed with 408"]);
    let Message::Request(bye) = world.last_sent(0, "BYE") else { panic!("a response") };
    let reason = bye.headers.text(Name::Reason).unwrap_or_default().into_owned();
    assert_eq!(reason, "SIP;cause=408;text=\"request in the dialog failed\"");
}
