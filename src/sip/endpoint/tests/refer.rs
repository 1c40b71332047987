//! REFER in a dialog and what is told about it (RFC 3515, RFC 4488).

use std::time::Duration;

use crate::sip::{Answer, Event, Message, Method, Name, NameAddr, Refer, ReferId, Uri};

use super::world::{World, address, sdp};

const MINUTE: Duration = Duration::from_secs(60);

fn uri(text: &str) -> Uri {
    Uri::parse(text).expect("a URI")
}

fn asked(world: &mut World, end: usize) -> (ReferId, Refer) {
    match world.event(end) {
        Some(Event::Refer { id, refer }) => (id, *refer),
        other => panic!("no REFER but {other:?}"),
    }
}

fn notified(world: &World) -> (String, String, String) {
    let Message::Request(notify) = world.last_sent(1, "NOTIFY") else { panic!("a response") };
    let text = |name| notify.headers.text(name).unwrap_or_default().into_owned();
    assert_eq!(text(Name::ContentType), "message/sipfrag;version=2.0");
    (text(Name::Event), text(Name::SubscriptionState), String::from_utf8_lossy(&notify.body).into_owned())
}

#[test]
fn a_refer_from_asking_to_the_last_word() {
    let mut world = World::new(2);
    let (a, b) = world.talk();
    let by = NameAddr::new(uri("sip:200@192.0.2.1"));
    let replaced = "abc@x;to-tag=1;from-tag=2";
    let to = uri("sip:300@192.0.2.9;user=phone").with_header("Replaces", replaced);
    let ours = world.ends[0].refer(world.now, a, to, Some(by)).expect("a session");
    world.advance(15);
    let (id, refer) = asked(&mut world, 1);
    assert_eq!(id.dialog, b);
    assert_eq!(refer.to.uri, uri("sip:300@192.0.2.9;user=phone"));
    assert_eq!(refer.method, Method::Invite);
    assert_eq!(refer.replaces, crate::sip::Replaces::parse(replaced));
    assert_eq!(refer.referred_by.map(|by| by.uri), Some(uri("sip:200@192.0.2.1")));
    world.ends[1].answer_refer(world.now, id, Ok(()));
    world.flush();
    assert_eq!(
        notified(&world),
        ("refer".into(), "active;expires=60".into(), "SIP/2.0 100 Trying\r\n".into())
    );
    // A word that comes before the last one is acknowledged waits, and a newer one takes its place.
    world.ends[1].refer_progress(world.now, id, 180, None);
    world.ends[1].refer_progress(world.now, id, 200, None);
    world.advance(100);
    assert_eq!(
        notified(&world),
        ("refer".into(), "terminated;reason=noresource".into(), "SIP/2.0 200 OK\r\n".into())
    );
    world.check_ladder(
        "0>1 REFER
         1>0 202 REFER
         1>0 NOTIFY
         0>1 200 NOTIFY
         1>0 NOTIFY
         0>1 200 NOTIFY",
    );
    let Some(Event::ReferAnswered { id, status: 202 }) = world.event(0) else { panic!("not taken") };
    assert_eq!(id, ours);
    assert_eq!(world.heard(0), ["ReferProgress 100", "ReferProgress 200 over"]);
    // It is through: a further word is none.
    world.ends[1].refer_progress(world.now, ours, 486, None);
    world.ends[0].bye(world.now, a, None);
    world.drain(MINUTE);
}

#[test]
fn a_refused_refer_changes_nothing() {
    let mut world = World::new(2);
    let (a, b) = world.talk();
    world.ends[0].refer(world.now, a, uri("sip:300@192.0.2.9"), None);
    world.advance(15);
    let (id, _) = asked(&mut world, 1);
    world.ends[1].answer_refer(world.now, id, Err(Answer::new(603)));
    world.ends[1].refer_progress(world.now, id, 200, None);
    world.advance(100);
    world.check_ladder("0>1 REFER\n1>0 603 REFER");
    assert_eq!(world.heard(0), ["ReferAnswered 603"]);
    world.ends[1].bye(world.now, b, None);
    world.drain(MINUTE);
}

#[test]
fn who_wants_no_notify_gets_none() {
    let mut world = World::new(2);
    world.talk();
    let mut refer = world.of_caller(Method::Refer, 5, "200 INVITE");
    refer.headers.push(Name::ReferTo, "<sip:300@192.0.2.9>");
    refer.headers.push(Name::Require, "norefersub");
    refer.headers.push_named("Refer-Sub", "false");
    world.inject(0, 1, &refer);
    let (id, _) = asked(&mut world, 1);
    world.ends[1].answer_refer(world.now, id, Ok(()));
    world.ends[1].refer_progress(world.now, id, 200, None);
    world.advance(100);
    world.check_ladder("1>0 202 REFER");
    let Message::Response(taken) = world.last_sent(1, "202 REFER") else { panic!("a request") };
    assert_eq!(taken.headers.named("Refer-Sub"), Some(&b"false"[..]));
}

#[test]
fn exactly_one_address_and_a_replaces_that_is_one() {
    let mut world = World::new(2);
    world.talk();
    let bad: [&[&str]; 5] = [
        &[],
        &["<sip:a@h>", "<sip:b@h>"],
        &["<sip:a@h>, <sip:b@h>"],
        &["<sip:a@h?Replaces=only-a-call-id>"],
        &["not an address"],
    ];
    for (at, addresses) in bad.into_iter().enumerate() {
        let mut refer = world.of_caller(Method::Refer, 5 + at as u32, "200 INVITE");
        for address in addresses {
            refer.headers.push(Name::ReferTo, *address);
        }
        world.inject(0, 1, &refer);
    }
    world.check_ladder(&"1>0 400 REFER\n".repeat(5));
    assert!(world.heard(1).is_empty());
}

/// RFC 3515 §2.4.6: further ones are told apart by their number.
#[test]
fn several_refers_are_told_apart() {
    let mut world = World::new(2);
    let (a, _) = world.talk();
    let first = world.ends[0].refer(world.now, a, uri("sip:300@192.0.2.9"), None).expect("a session");
    let second = world.ends[0].refer(world.now, a, uri("sip:301@192.0.2.9"), None).expect("a session");
    world.advance(15);
    let ((one, _), (two, _)) = (asked(&mut world, 1), asked(&mut world, 1));
    for id in [one, two] {
        world.ends[1].answer_refer(world.now, id, Ok(()));
    }
    world.advance(50);
    world.ends[1].refer_progress(world.now, two, 486, Some("on the phone".into()));
    world.advance(50);
    assert_eq!(notified(&world).0, "refer;id=3");
    assert_eq!(notified(&world).2, "SIP/2.0 486 on the phone\r\n");
    let over: Vec<_> = std::iter::from_fn(|| world.event(0))
        .filter_map(|event| match event {
            Event::ReferProgress { id, status, over: true } => Some((id, status)),
            _ => None,
        })
        .collect();
    assert_eq!(over, [(second, 486)]);
    world.ends[1].refer_progress(world.now, one, 200, None);
    world.advance(50);
    assert_eq!(world.heard(0), ["ReferProgress 200 over"]);
    assert_ne!(first, second);
}

#[test]
fn what_was_to_be_said_is_said_before_we_leave() {
    let mut world = World::new(2);
    let (a, b) = world.talk();
    world.ends[0].refer(world.now, a, uri("sip:300@192.0.2.9"), None);
    world.advance(15);
    let (id, _) = asked(&mut world, 1);
    world.ends[1].answer_refer(world.now, id, Ok(()));
    world.ends[1].refer_progress(world.now, id, 200, None);
    world.ends[1].bye(world.now, b, None);
    world.advance(100);
    world.check_ladder(
        "0>1 REFER
         1>0 202 REFER
         1>0 NOTIFY
         1>0 NOTIFY
         1>0 BYE
         0>1 200 NOTIFY
         0>1 200 NOTIFY
         0>1 200 BYE",
    );
    let heard = world.heard(0);
    assert_eq!(heard, ["ReferAnswered 202", "ReferProgress 100", "ReferProgress 200 over", "Ended bye"]);
    world.drain(MINUTE);
}

#[test]
fn a_notify_of_nothing_is_481_and_of_another_package_489() {
    let mut world = World::new(2);
    world.talk();
    for (cseq, package) in [(5, "refer"), (6, "refer;id=9"), (7, "dialog")] {
        let mut notify = world.of_callee(Method::Notify, cseq, "200 INVITE");
        notify.headers.push(Name::Event, package);
        notify.headers.push(Name::SubscriptionState, "active");
        world.inject(1, 0, &notify);
    }
    world.check_ladder("0>1 481 NOTIFY\n0>1 481 NOTIFY\n0>1 489 NOTIFY");
}

#[test]
fn a_refer_that_nobody_answers_is_408_and_the_call_goes_on() {
    let mut world = World::new(2);
    let (a, _) = world.talk();
    world.lose.push((0, "REFER", 100));
    world.ends[0].refer(world.now, a, uri("sip:300@192.0.2.9"), None);
    world.advance(33_000);
    assert_eq!(world.heard(0), ["ReferAnswered 408"]);
    world.ends[0].reoffer(world.now, a, sdp(2));
    world.advance(20);
    assert_eq!(world.heard(1), ["Reoffer sdp"]);
}

#[test]
fn before_the_answer_nobody_is_referred() {
    let mut world = World::new(2);
    let invite = world.invitation(0, address(1));
    let a = world.ends[0].invite(world.now, invite);
    assert_eq!(world.ends[0].refer(world.now, a, uri("sip:300@192.0.2.9"), None), None);
}

/// A peer that hangs up takes its question with it: nothing of it is left.
#[test]
fn a_refer_that_the_host_has_not_answered_ends_with_the_dialog() {
    let mut world = World::new(2);
    let (a, _) = world.talk();
    world.ends[0].refer(world.now, a, uri("sip:300@192.0.2.9"), None);
    world.ends[0].bye(world.now, a, None);
    world.advance(15);
    let (id, _) = asked(&mut world, 1);
    world.ends[1].answer_refer(world.now, id, Ok(()));
    world.advance(50);
    world.check_ladder("0>1 REFER\n0>1 BYE\n1>0 200 BYE\n1>0 603 REFER");
    world.drain(MINUTE);
}

/// The number is what the host knows a REFER by: a second one of the same number is never the host's.
#[test]
fn the_same_refer_by_another_way_is_refused() {
    let mut world = World::new(2);
    let (_, b) = world.talk();
    let mut refer = world.of_caller(Method::Refer, 5, "200 INVITE");
    refer.headers.push(Name::ReferTo, "<sip:300@192.0.2.9>");
    world.inject(0, 1, &refer);
    refer.vias[0].params.set("branch", "z9hG4bK-another");
    world.inject(0, 1, &refer);
    world.check_ladder("1>0 482 REFER");
    assert_eq!(world.heard(1), ["Refer"]);
    world.ends[1].bye(world.now, b, None);
    world.drain(MINUTE);
}
