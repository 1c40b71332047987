//! New calls are refused, and strangers challenged, without being remembered.

use std::time::Duration;

use super::world::{World, parse};
use crate::sip::{Answer, DialogId, Event, Message};

fn tag_of(bytes: &bytes::Bytes) -> Option<String> {
    let Message::Response(response) = parse(bytes) else { return None };
    (response.status == 503).then(|| response.to.tag().map(|tag| tag.to_string()))?
}

#[test]
fn a_refused_invite_leaves_nothing_behind_and_its_repetition_hears_the_same() {
    let mut world = World::new(2);
    world.ends[1].refuse_new_calls(true);
    world.lose.push((1, "503 INVITE", 1));
    world.call();
    world.advance(2000);
    assert_eq!(world.heard(0), ["Rejected 503"]);
    let tags: Vec<_> = world.sent[1].iter().filter_map(tag_of).collect();
    assert!(matches!(tags.as_slice(), [first, second] if first == second), "{tags:?}");
    assert!(world.ends[1].is_empty());
    let stats = world.ends[1].stats();
    assert_eq!((stats.shed, stats.unmatched_acks), (2, 1));
}

#[test]
fn what_is_under_way_goes_on() {
    let mut world = World::new(2);
    let (caller, called) = world.talk();
    world.ends[1].refuse_new_calls(true);
    world.ends[0].reoffer(world.now, caller, super::world::sdp(2));
    world.advance(100);
    assert_eq!(world.heard(1), ["Reoffer sdp"]);
    world.ends[1].answer_reoffer(world.now, called, Ok(super::world::sdp(3)));
    world.advance(100);
    world.ends[0].bye(world.now, caller, None);
    world.drain(std::time::Duration::from_secs(60));
    assert_eq!(world.ends[1].stats().shed, 0);
    world.ends[1].refuse_new_calls(false);
    world.call();
    world.advance(100);
    assert!(world.event(1).is_some());
}

fn invited(world: &mut World) -> DialogId {
    let Some(Event::Invite { dialog, .. }) = world.event(1) else { panic!("no INVITE") };
    dialog
}

#[test]
fn a_stranger_who_never_acknowledges_is_challenged_once_and_forgotten() {
    let mut world = World::new(2);
    world.ends[1].expect_strangers(true);
    world.lose.push((0, "ACK", 9));
    world.call();
    world.advance(20);
    let dialog = invited(&mut world);
    world.ends[1].reject(world.now, dialog, Answer::new(401));
    assert!(world.ends[1].poll_timeout().is_none(), "nothing is kept of it");
    world.advance(40_000);
    assert_eq!(world.heard(0), ["Rejected 401"]);
    assert_eq!(world.sent[1].len(), 1, "one 401 and no 100");
    assert!(world.ends[1].is_empty());
}

#[test]
fn a_challenge_that_is_lost_is_asked_for_again() {
    let mut world = World::new(2);
    world.ends[1].expect_strangers(true);
    world.lose.push((1, "401 INVITE", 1));
    world.call();
    for patience in [20, 1000] {
        world.advance(patience);
        let dialog = invited(&mut world);
        world.ends[1].reject(world.now, dialog, Answer::new(401));
    }
    world.advance(100);
    assert_eq!(world.heard(0), ["Rejected 401"]);
    world.drain(Duration::from_secs(60));
}

#[test]
fn a_stranger_who_is_known_by_now_is_told_to_wait_once_and_answered_in_earnest() {
    let mut world = World::new(2);
    world.ends[1].expect_strangers(true);
    world.call();
    world.advance(20);
    let dialog = invited(&mut world);
    for _ in 0..2 {
        world.ends[1].trying(world.now, dialog);
    }
    world.lose.push((1, "486 INVITE", 1));
    world.ends[1].reject(world.now, dialog, Answer::new(486));
    world.advance(1000);
    assert_eq!(world.heard(0), ["Rejected 486"]);
    let said: Vec<_> =
        world.sent[1].iter().map(|bytes| String::from_utf8_lossy(&bytes[8..11]).into_owned()).collect();
    assert_eq!(said, ["100", "486", "486"]);
    world.drain(Duration::from_secs(60));
}
