//! New calls are refused without being remembered.

use super::world::{World, parse};
use crate::sip::Message;

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
