//! CANCEL against everything that it can meet.

use std::time::Duration;

use crate::sip::Event;

use super::world::{World, sdp};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn cancel_while_it_rings() {
    let mut world = World::new(2);
    let a = world.call();
    world.advance(50);
    world.ends[0].cancel(world.now, a);
    world.ends[0].cancel(world.now, a);
    world.advance(100);
    world.check_ladder(
        "0>1 INVITE
         1>0 100 INVITE
         0>1 CANCEL
         1>0 200 CANCEL
         1>0 487 INVITE
         0>1 ACK",
    );
    assert_eq!(world.heard(0), ["Rejected 487"]);
    assert_eq!(world.heard(1), ["Invite", "Cancelled"]);
    world.drain(MINUTE);
}

#[test]
fn cancel_before_any_response_waits_for_one() {
    let mut world = World::new(2);
    let a = world.call();
    world.ends[0].cancel(world.now, a);
    world.advance(5);
    world.check_ladder("0>1 INVITE");
    world.advance(100);
    world.check_ladder("1>0 100 INVITE\n0>1 CANCEL\n1>0 200 CANCEL\n1>0 487 INVITE\n0>1 ACK");
    assert_eq!(world.heard(0), ["Rejected 487"]);
    world.drain(MINUTE);
}

#[test]
fn cancel_where_nobody_answers_ends_with_timer_b() {
    let mut world = World::new(1);
    let a = world.call();
    world.ends[0].cancel(world.now, a);
    world.advance(33_000);
    world.check_ladder(&["0>? INVITE"; 4].join("\n"));
    assert_eq!(world.heard(0), ["Rejected 487"]);
    assert!(world.ends[0].is_empty());
}

/// The 200 is on its way when we cancel: it is acknowledged and hung up, the CANCEL answered without effect.
#[test]
fn cancel_crosses_the_200() {
    let mut world = World::new(2);
    let a = world.call();
    world.advance(50);
    let b = world.invited(1);
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.flush();
    world.ends[0].cancel(world.now, a);
    world.advance(100);
    world.check_ladder(
        "0>1 INVITE
         1>0 100 INVITE
         1>0 200 INVITE
         0>1 CANCEL
         0>1 ACK
         0>1 BYE
         1>0 200 CANCEL
         1>0 200 BYE",
    );
    assert_eq!(world.heard(0), ["Rejected 487"]);
    assert_eq!(world.heard(1), ["Acked", "Ended bye"]);
    world.drain(MINUTE);
}

/// As above, and the first 200 is lost: it comes long after the CANCEL was answered.
#[test]
fn a_late_200_after_cancel_is_acked_and_byed() {
    let mut world = World::new(2);
    let a = world.call();
    world.advance(50);
    let b = world.invited(1);
    world.lose.push((1, "200 INVITE", 3));
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.flush();
    world.ends[0].cancel(world.now, a);
    world.advance(10_000);
    let ladder = world.ladder.clone().unwrap_or_default();
    assert_eq!(ladder.iter().filter(|line| *line == "0>1 BYE").count(), 1);
    assert_eq!(world.heard(0), ["Rejected 487"]);
    assert_eq!(world.heard(1), ["Acked", "Ended bye"]);
    world.drain(MINUTE);
}

#[test]
fn cancel_after_the_answer_is_a_bye_and_still_rejected() {
    let mut world = World::new(2);
    let (a, _) = world.talk();
    world.ends[0].cancel(world.now, a);
    world.advance(100);
    world.check_ladder("0>1 BYE\n1>0 200 BYE");
    assert_eq!(world.heard(0), ["Rejected 487"]);
}

#[test]
fn hanging_up_an_unanswered_call_of_ours_is_silent() {
    let mut world = World::new(2);
    let a = world.call();
    world.advance(50);
    world.ends[0].bye(world.now, a, Some("SIP;cause=200".to_owned()));
    world.advance(100);
    assert!(world.heard(0).is_empty());
    assert_eq!(world.heard(1), ["Invite", "Cancelled"]);
    world.drain(MINUTE);
}

#[test]
fn a_peer_that_ignores_cancel_is_given_up() {
    let mut world = World::new(2);
    let a = world.call();
    world.advance(50);
    world.lose.push((0, "CANCEL", 100));
    world.ends[0].cancel(world.now, a);
    world.advance(31_900);
    assert!(world.heard(0).is_empty());
    world.advance(200);
    assert_eq!(world.heard(0), ["Rejected 487"]);
    // The peer still rings; its host gives up in the end.
    let b = world.invited(1);
    world.ends[1].bye(world.now, b, None);
    world.drain(2 * MINUTE);
}

#[test]
fn what_is_over_ignores_every_command() {
    let mut world = World::new(2);
    let (a, b) = world.talk();
    world.ends[0].bye(world.now, a, None);
    world.advance(100);
    world.heard(1);
    world.check_ladder("0>1 BYE\n1>0 200 BYE");
    let now = world.now;
    for (end, dialog) in [(0, a), (1, b)] {
        world.ends[end].ring(now, dialog, 180, None);
        world.ends[end].accept(now, dialog, Some(sdp(1)));
        world.ends[end].reject(now, dialog, crate::sip::Answer::new(486));
        world.ends[end].cancel(now, dialog);
        world.ends[end].reoffer(now, dialog, sdp(2));
        world.ends[end].answer_reoffer(now, dialog, Ok(sdp(2)));
        world.ends[end].bye(now, dialog, None);
    }
    world.advance(100);
    world.check_ladder("");
    assert_eq!(world.event(0).map(|event: Event| format!("{event:?}")), None);
    world.drain(MINUTE);
}
