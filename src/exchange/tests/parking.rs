//! Parking, retrieving, recall; and colleagues who take each other's ringing calls.

use std::collections::BTreeSet;

use super::floor::{CALLER, DELEGATE, Floor, OWNER, TARGET};
use super::*;

/// The owner talks with the caller.
fn talking(record: bool) -> (Floor, sip::DialogId) {
    let mut floor = Floor::new(record);
    floor.dial(CALLER, "13812345678", "100");
    let first = floor.answer(OWNER);
    (floor, first)
}

fn count(floor: &Floor, what: &str) -> u64 {
    floor.exchange.counts.get(what).copied().unwrap_or_default()
}

fn slots(floor: &Floor) -> Vec<String> {
    let mut slots: Vec<_> = floor.exchange.commons.slots.iter().map(|slot| slot.key().clone()).collect();
    slots.sort();
    slots
}

fn end(floor: &mut Floor, case: &str) {
    for port in [CALLER, OWNER, TARGET, DELEGATE] {
        floor.hang_up(port);
    }
    floor.pass(120);
    assert_eq!(floor.exchange.calls(), 0, "{case}");
    assert!(slots(floor).is_empty() && floor.exchange.parked.is_empty(), "{case}: slots");
    assert!(floor.ears.open.is_empty(), "{case}: open legs");
    assert!(floor.recordings.values().all(|open| *open == 0), "{case}: recordings");
}

/// By the phone's REFER, by the key, by a blind transfer with keys.
fn park(floor: &mut Floor, first: sip::DialogId, by: &str) {
    let now = floor.now.mono;
    match by {
        "refer" => {
            let to = Uri::parse("sip:700@127.0.0.1").expect("a URI");
            floor.phone(OWNER).endpoint.refer(now, first, to, None).expect("a session");
            floor.settle();
        }
        "key" => floor.keys(OWNER, "*6"),
        _ => floor.keys(OWNER, "*1700#"),
    }
}

#[test]
fn who_is_parked_is_taken_by_any_desk_that_dials_the_slot() {
    for by in ["refer", "key", "number"] {
        let (mut floor, first) = talking(true);
        park(&mut floor, first, by);
        assert_eq!(slots(&floor), ["701"], "{by}");
        assert_eq!(floor.talks.get(&OWNER).map_or(0, Vec::len), 0, "{by}: the agent's phone is free");
        assert!(matches!(floor.state("1001"), queue::AgentState::WrapUp { .. }), "{by}");
        assert_eq!(
            floor.texts.get(&OWNER).map(Vec::as_slice),
            Some(&["来电停靠于 701".to_owned()][..]),
            "{by}"
        );
        assert!(
            by != "refer" || floor.told.last().map(String::as_str) == Some("NOTIFY 200"),
            "{:?}",
            floor.told
        );
        assert_eq!(floor.hears(CALLER), BTreeSet::new(), "{by}: music");
        floor.pass(30);
        floor.dial(DELEGATE, "1003", "701");
        assert_eq!(floor.hears(CALLER), BTreeSet::from([DELEGATE]), "{by}");
        assert_eq!(floor.hears(DELEGATE), BTreeSet::from([CALLER]), "{by}");
        assert!(slots(&floor).is_empty(), "{by}: the slot is free");
        assert_eq!(floor.recordings.values().filter(|open| **open == 1).count(), 1, "{by}: recorded on");
        // Nobody is recalled who was taken.
        floor.pass(70);
        assert!(!floor.rings(OWNER), "{by}");
        end(&mut floor, by);
        let of_caller = floor.records.iter().find(|record| record.dialled == "100").expect("a record");
        assert!(
            of_caller.stages.iter().any(|stage| stage.detail == "parked at 701 by 1001"),
            "{of_caller:?}"
        );
        assert!(of_caller.stages.iter().any(|stage| stage.detail == "picked up by 1003"), "{of_caller:?}");
    }
}

#[test]
fn who_parked_somebody_is_rung_after_a_time_and_then_the_line_has_them() {
    for answers in [true, false] {
        let (mut floor, first) = talking(false);
        park(&mut floor, first, "refer");
        floor.pass(59);
        assert!(!floor.rings(OWNER));
        floor.pass(2);
        assert!(floor.rings(OWNER));
        assert_eq!(slots(&floor), ["701"], "the slot is theirs until somebody has them");
        if answers {
            floor.answer(OWNER);
            assert_eq!(floor.hears(CALLER), BTreeSet::from([OWNER]));
            assert!(slots(&floor).is_empty());
        } else {
            floor.reject(OWNER, 486);
            let stage = floor.exchange.calls.values().map(Call::stage).next();
            assert!(matches!(stage, Some(StageKind::Wait | StageKind::Offer)), "in line: {stage:?}");
            assert!(slots(&floor).is_empty());
        }
        end(&mut floor, "recall");
    }
}

#[test]
fn while_the_recall_rings_the_slot_can_still_be_dialled() {
    let (mut floor, first) = talking(false);
    park(&mut floor, first, "refer");
    floor.pass(61);
    assert!(floor.rings(OWNER));
    floor.dial(DELEGATE, "1003", "701");
    assert!(!floor.rings(OWNER), "rung no more");
    assert_eq!(floor.hears(CALLER), BTreeSet::from([DELEGATE]));
    end(&mut floor, "recall and slot");
}

#[test]
fn where_no_slot_is_free_the_agent_has_the_caller_as_before() {
    let (mut floor, first) = talking(true);
    floor.exchange.commons.slots.insert("701".to_owned(), CallId(900));
    park(&mut floor, first, "key");
    assert_eq!(slots(&floor), ["701", "702"], "the next one");
    floor.dial(DELEGATE, "1003", "702");
    assert_eq!(floor.hears(CALLER), BTreeSet::from([DELEGATE]));
    floor.exchange.commons.slots.insert("702".to_owned(), CallId(901));
    floor.keys(DELEGATE, "*6");
    assert_eq!(floor.hears(CALLER), BTreeSet::from([DELEGATE]), "no slot: nothing has changed");
    assert_eq!(count(&floor, "callers not parked: no slot is free"), 1);
    floor.exchange.commons.slots.clear();
    end(&mut floor, "no slot");
}

#[test]
fn a_caller_who_hangs_up_leaves_the_slot_and_an_empty_one_is_said_to_be_empty() {
    let (mut floor, first) = talking(false);
    park(&mut floor, first, "refer");
    floor.hang_up(CALLER);
    assert!(slots(&floor).is_empty());
    floor.dial(DELEGATE, "1003", "701");
    assert_eq!(count(&floor, "pick-ups in vain"), 1);
    floor.pass(1);
    assert_eq!(floor.exchange.calls(), 0, "the desk is told, and its call is over");
    end(&mut floor, "gone");
}

#[test]
fn a_colleague_of_the_group_takes_a_ringing_call_and_a_foreigner_does_not() {
    for code in ["*8", "*81001"] {
        let mut floor = Floor::new(true);
        floor.dial(CALLER, "13812345678", "100");
        assert!(floor.rings(OWNER));
        // Of another group.
        floor.dial(TARGET, "1002", code);
        assert!(floor.rings(OWNER), "{code}");
        let refused = if code == "*8" { "pick-ups in vain" } else { "pick-ups refused: another group" };
        assert_eq!(count(&floor, refused), 1, "{code}");
        floor.pass(1);
        floor.dial(DELEGATE, "1003", code);
        assert!(!floor.rings(OWNER), "{code}: rings no more");
        assert_eq!(floor.hears(CALLER), BTreeSet::from([DELEGATE]), "{code}");
        assert_eq!(floor.hears(DELEGATE), BTreeSet::from([CALLER]), "{code}");
        assert!(matches!(floor.state("1001"), queue::AgentState::Ready), "{code}: {:?}", floor.state("1001"));
        assert_eq!(floor.recordings.values().filter(|open| **open == 1).count(), 1, "{code}: recorded");
        end(&mut floor, code);
        let of_caller = floor.records.iter().find(|record| record.dialled == "100").expect("a record");
        let visit = of_caller.queue.as_ref().expect("a visit");
        assert_eq!(visit.agent.as_deref(), Some("1003"), "{code}");
    }
}

#[test]
fn a_call_that_is_handed_on_can_be_taken_while_it_rings() {
    let (mut floor, _) = talking(false);
    floor.keys(OWNER, "*11002#");
    assert!(floor.rings(TARGET));
    floor.hang_up(OWNER);
    floor.reject(TARGET, 486);
    // The delegate is rung next; the owner is of the same group.
    assert!(floor.rings(DELEGATE));
    floor.dial(OWNER, "1001", "*81003");
    assert!(!floor.rings(DELEGATE));
    assert_eq!(floor.hears(CALLER), BTreeSet::from([OWNER]));
    end(&mut floor, "handed on");
}

#[test]
fn whoever_talks_already_takes_nobody_else() {
    let (mut floor, _) = talking(false);
    floor.dial(OWNER, "1001", "*8");
    assert_eq!(count(&floor, "pick-ups in vain"), 1);
    assert_eq!(floor.hears(CALLER), BTreeSet::from([OWNER]));
    end(&mut floor, "busy");
}

/// The desk that dialled vanishes before its phone has agreed: as if nobody had come.
#[test]
fn a_phone_that_does_not_agree_leaves_the_caller_where_they_were() {
    let (mut floor, first) = talking(false);
    park(&mut floor, first, "refer");
    floor.refuses.insert(DELEGATE);
    floor.dial(DELEGATE, "1003", "701");
    floor.pass(1);
    assert_eq!(slots(&floor), ["701"]);
    assert_eq!(floor.hears(CALLER), BTreeSet::new(), "music");
    floor.refuses.clear();
    floor.dial(DELEGATE, "1003", "701");
    assert_eq!(floor.hears(CALLER), BTreeSet::from([DELEGATE]));
    end(&mut floor, "refuses");
}

/// Who parked somebody hangs up, or is told the rest of it, while the colleague's phone still has to agree: their desk is
/// free at once.
#[test]
fn who_parked_somebody_may_hang_up_while_a_colleague_fetches_them() {
    for hangs_up in [true, false] {
        let (mut floor, first) = talking(false);
        floor.listens.insert(OWNER);
        park(&mut floor, first, "key");
        assert_eq!(floor.talks.get(&OWNER).map_or(0, Vec::len), 1, "still being told where");
        floor.mute.insert(DELEGATE);
        floor.dial(DELEGATE, "1003", "701");
        floor.pass(1);
        if hangs_up {
            floor.hang_up(OWNER);
            assert!(
                matches!(floor.state("1001"), queue::AgentState::WrapUp { .. }),
                "{:?}",
                floor.state("1001")
            );
        }
        // The phone never agrees: the caller is in the slot as before, and who parked them is rung in the end.
        floor.listens.clear();
        floor.pass(30);
        assert_eq!(slots(&floor), ["701"]);
        assert_eq!(floor.talks.get(&OWNER).map_or(0, Vec::len), 0, "free in any case");
        for _ in 0..90 {
            if floor.rings(OWNER) {
                break;
            }
            floor.pass(1);
        }
        assert!(floor.rings(OWNER), "recalled");
        floor.answer(OWNER);
        assert_eq!(floor.hears(CALLER), BTreeSet::from([OWNER]));
        end(&mut floor, "parker");
    }
}

/// Whoever takes the call that a queue offers to a colleague has notes to write as the colleague would have had.
#[test]
fn who_takes_a_ringing_call_of_a_queue_wraps_up_after_it() {
    let mut floor = Floor::new(false);
    let ready = Command::SetAgent { extension: "1003".to_owned(), change: AgentChange::Ready };
    floor.exchange.handle_input(floor.now, Input::Command { id: 1, command: ready });
    floor.settle();
    floor.dial(CALLER, "13812345678", "100");
    floor.dial(DELEGATE, "1003", "*8");
    assert_eq!(floor.hears(CALLER), BTreeSet::from([DELEGATE]));
    floor.pass(10);
    floor.hang_up(CALLER);
    assert!(matches!(floor.state("1003"), queue::AgentState::WrapUp { .. }), "{:?}", floor.state("1003"));
    assert!(
        matches!(floor.state("1001"), queue::AgentState::Ready),
        "who did not have it has nothing to write"
    );
    floor.pass(31);
    assert!(matches!(floor.state("1003"), queue::AgentState::Ready), "{:?}", floor.state("1003"));
    end(&mut floor, "wrap-up");
}
