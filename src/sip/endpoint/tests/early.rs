//! Early dialogs: UPDATE before the answer (RFC 3311), several phones of one INVITE, and what else is said in them.

use std::time::Duration;

use crate::sip::{Answer, DialogId, Event, Message, Method, Name};

use super::world::{World, address, fork_address, sdp};

const MINUTE: Duration = Duration::from_secs(60);

/// End 1 rings; the first offer is answered in a reliable 183.
fn agreed(world: &mut World) -> (DialogId, DialogId) {
    let a = world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.advance(50);
    assert_eq!(world.heard(0), ["Progress 183 sdp"]);
    world.ladder = Some(Vec::new());
    (a, b)
}

#[test]
fn update_by_the_caller_before_the_answer() {
    let mut world = World::new(2);
    let (a, b) = agreed(&mut world);
    world.ends[0].reoffer(world.now, a, sdp(2));
    world.advance(15);
    assert_eq!(world.heard(1), ["Reoffer sdp"]);
    world.ends[1].answer_reoffer(world.now, b, Ok(sdp(3)));
    world.advance(50);
    let Some(Event::ReofferAnswered { sdp: answer, .. }) = world.event(0) else { panic!("no answer") };
    assert_eq!(answer, sdp(3));
    world.ends[1].accept(world.now, b, None);
    world.advance(50);
    world.check_ladder("0>1 UPDATE\n1>0 200 UPDATE\n1>0 200 INVITE\n0>1 ACK");
    let Some(Event::Answered { sdp: Some(in_force), .. }) = world.event(0) else { panic!("no answer") };
    assert_eq!(in_force, sdp(3));
    world.ends[1].bye(world.now, b, None);
    world.drain(MINUTE);
}

#[test]
fn update_by_the_callee_before_the_answer() {
    let mut world = World::new(2);
    let (a, b) = agreed(&mut world);
    world.ends[1].reoffer(world.now, b, sdp(2));
    world.advance(15);
    assert_eq!(world.heard(0), ["Reoffer sdp"]);
    // The 200 of the INVITE does not wait for it.
    world.ends[1].accept(world.now, b, None);
    world.advance(15);
    world.ends[0].answer_reoffer(world.now, a, Ok(sdp(3)));
    world.advance(50);
    world.check_ladder("1>0 UPDATE\n1>0 200 INVITE\n0>1 ACK\n0>1 200 UPDATE");
    assert_eq!(world.heard(0), ["Answered sdp"]);
    assert_eq!(world.heard(1), ["Acked", "ReofferAnswered"]);
    world.ends[0].bye(world.now, a, None);
    world.drain(MINUTE);
}

#[test]
fn updates_that_meet_are_refused_and_come_again() {
    let mut world = World::new(2);
    let (a, b) = agreed(&mut world);
    world.ends[0].reoffer(world.now, a, sdp(2));
    world.ends[1].reoffer(world.now, b, sdp(3));
    world.advance(50);
    world.check_ladder("0>1 UPDATE\n1>0 UPDATE\n1>0 491 UPDATE\n0>1 491 UPDATE");
    let mut through = [false; 2];
    for _ in 0..500 {
        world.advance(10);
        for (end, dialog) in [(0, a), (1, b)] {
            match world.event(end) {
                Some(Event::Reoffer { .. }) => world.ends[end].answer_reoffer(world.now, dialog, Ok(sdp(9))),
                Some(Event::ReofferAnswered { .. }) => through[end] = true,
                None => {}
                Some(other) => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(through, [true; 2]);
}

/// RFC 3311 §5.2: who owes an answer says 500, who waits for one 491.
#[test]
fn an_offer_before_the_first_answer_is_refused() {
    let mut world = World::new(2);
    world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].ring(world.now, b, 180, None);
    world.advance(50);
    world.ladder = Some(Vec::new());
    let update = world.of_caller(Method::Update, 2, "180 INVITE").with_body("application/sdp", sdp(2));
    world.inject(0, 1, &update);
    let update = world.of_callee(Method::Update, 1, "180 INVITE").with_body("application/sdp", sdp(2));
    world.inject(1, 0, &update);
    // One without an offer only says where the peer is.
    let refresh = world.of_callee(Method::Update, 2, "180 INVITE");
    world.inject(1, 0, &refresh);
    world.check_ladder("1>0 500 UPDATE\n0>1 491 UPDATE\n0>1 200 UPDATE");
    let Message::Response(refused) = world.last_sent(1, "500 UPDATE") else { panic!("a request") };
    assert!(refused.headers.number(Name::RetryAfter).is_some_and(|seconds| seconds <= 10));
}

#[test]
fn what_a_phone_says_while_it_rings() {
    let mut world = World::new(2);
    world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].ring(world.now, b, 180, None);
    world.advance(50);
    world.ladder = Some(Vec::new());
    world.heard(0);
    let info = world.of_callee(Method::Info, 5, "180 INVITE").with_body("application/dtmf", "5".into());
    let text = world.of_callee(Method::Message, 6, "180 INVITE").with_body("text/plain", "hi".into());
    let options = world.of_callee(Method::Options, 7, "180 INVITE");
    let again = world.of_callee(Method::Invite, 8, "180 INVITE").with_body("application/sdp", sdp(4));
    let mut package = world.of_callee(Method::Info, 9, "180 INVITE").with_body("a/b", "5".into());
    package.headers.push_named("Info-Package", "foo");
    let old = world.of_callee(Method::Info, 4, "180 INVITE");
    let bye = world.of_callee(Method::Bye, 10, "180 INVITE");
    let mut stranger = world.of_callee(Method::Info, 11, "180 INVITE");
    stranger.from.set_tag(&"other".into());
    for request in [info, text, options, again, package, old, bye, stranger] {
        world.inject(1, 0, &request);
    }
    world.check_ladder(
        "0>1 200 INFO
         0>1 200 OPTIONS
         0>1 491 INVITE
         0>1 469 INFO
         0>1 500 INFO
         0>1 481 BYE
         0>1 481 INFO",
    );
    let text = world.events[0].iter().find_map(|event| match event {
        Event::Message { id, .. } => Some(*id),
        _ => None,
    });
    world.ends[0].respond(world.now, text.expect("the text"), Answer::new(480));
    world.flush();
    world.check_ladder("0>1 480 MESSAGE");
    assert_eq!(world.heard(0), ["Info application/dtmf", "Message of 2 octets"]);
}

/// Each has its own dialog; who answers second is hung up with a number above that of its PRACK.
#[test]
fn two_phones_ring_reliably_and_one_wins() {
    let mut world = World::new(3);
    world.forks = vec![1, 2];
    let invite = world.invitation(0, fork_address());
    let a = world.ends[0].invite(world.now, invite);
    world.advance(15);
    let (b, c) = (world.invited(1), world.invited(2));
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.ends[2].ring(world.now, c, 183, Some(sdp(2)));
    world.advance(50);
    assert_eq!(world.heard(0), ["Progress 183 sdp"; 2]);
    // One description for two phones would be a promise to both: it waits.
    world.ends[0].reoffer(world.now, a, sdp(5));
    world.advance(50);
    world.ends[1].accept(world.now, b, None);
    world.ends[2].accept(world.now, c, None);
    world.advance(30);
    assert_eq!(world.heard(2), ["Acked", "Ended bye"]);
    let Message::Request(bye) = world.last_sent(0, "BYE") else { panic!("a response") };
    assert!(bye.cseq > 2, "{}", bye.cseq);
    assert_eq!(world.heard(1), ["Acked", "Reoffer sdp"]);
    world.ends[1].answer_reoffer(world.now, b, Ok(sdp(6)));
    world.advance(50);
    assert_eq!(world.heard(0), ["Answered sdp", "ReofferAnswered"]);
    world.ends[0].bye(world.now, a, None);
    world.drain(MINUTE);
}

/// Of two phones that ask at once the second hears that its turn has not come.
#[test]
fn one_offer_of_several_phones_at_a_time() {
    let mut world = World::new(3);
    world.forks = vec![1, 2];
    let invite = world.invitation(0, fork_address());
    let a = world.ends[0].invite(world.now, invite);
    world.advance(15);
    let (b, c) = (world.invited(1), world.invited(2));
    for (end, dialog) in [(1, b), (2, c)] {
        world.ends[end].ring(world.now, dialog, 183, Some(sdp(1)));
    }
    world.advance(50);
    for (end, dialog) in [(1, b), (2, c)] {
        world.ends[end].reoffer(world.now, dialog, sdp(2));
    }
    world.advance(15);
    world.ends[0].answer_reoffer(world.now, a, Ok(sdp(3)));
    world.advance(50);
    assert_eq!(world.heard(1), ["ReofferAnswered"]);
    assert_eq!(world.heard(2), ["ReofferRefused 500"]);
    world.ends[0].cancel(world.now, a);
    world.advance(100);
    assert_eq!(world.heard(1), ["Cancelled"]);
}

#[test]
fn hanging_up_while_an_early_offer_is_open() {
    for canceller in [0, 1] {
        let mut world = World::new(2);
        let (a, b) = agreed(&mut world);
        world.ends[0].reoffer(world.now, a, sdp(2));
        world.ends[1].reoffer(world.now, b, sdp(3));
        world.advance(5);
        let dialog = if canceller == 0 { a } else { b };
        world.ends[canceller].bye(world.now, dialog, None);
        world.drain(3 * MINUTE);
    }
}

#[test]
fn a_call_by_name_of_a_silent_fork_still_ends() {
    let mut world = World::new(2);
    let mut invite = world.invitation(0, address(1));
    invite.sdp = None;
    let a = world.ends[0].invite(world.now, invite);
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.advance(50);
    // The host never answers the offer and gives up instead.
    world.ends[0].cancel(world.now, a);
    world.advance(100);
    assert_eq!(world.heard(0), ["Progress 183 sdp", "Rejected 487"]);
    assert_eq!(world.heard(1), ["Cancelled"]);
    world.drain(MINUTE);
}

/// What the peer asked and nobody answered ends with the call, however it ends.
#[test]
fn an_update_that_the_host_has_not_answered_ends_with_a_call_that_nobody_pracks() {
    let mut world = World::new(2);
    let mut invite = world.invitation(0, address(1));
    invite.headers.push(("Require".to_owned(), "100rel".to_owned()));
    world.ends[0].invite(world.now, invite);
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.advance(50);
    world.lose.push((0, "PRACK", 100));
    world.ends[1].ring(world.now, b, 180, None);
    world.flush();
    let update = world.of_caller(Method::Update, 7, "183 INVITE").with_body("application/sdp", sdp(5));
    world.inject(0, 1, &update);
    assert_eq!(world.heard(1), ["Reoffer sdp"]);
    world.advance(33_000);
    assert_eq!(world.heard(1), ["Ended no PRACK"]);
    world.drain(2 * MINUTE);
}

/// The host has hung up and hears of nothing more, though the peer has not heard of it yet.
#[test]
fn a_peer_that_still_rings_says_nothing_to_a_host_that_hung_up() {
    let mut world = World::new(2);
    let (a, b) = agreed(&mut world);
    world.lose.push((0, "CANCEL", 100));
    world.ends[0].bye(world.now, a, None);
    world.ends[1].reoffer(world.now, b, sdp(5));
    world.advance(20);
    world.check_ladder("0>1 CANCEL lost\n1>0 UPDATE\n0>1 481 UPDATE");
    assert!(world.heard(0).is_empty());
    world.ends[1].bye(world.now, b, None);
    world.drain(2 * MINUTE);
}
