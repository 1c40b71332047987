//! Who is handed a caller hears who it is first, and accepts or refuses by key.

use std::collections::BTreeSet;

use super::floor::{CALLER, DELEGATE, Floor, OWNER, TARGET, plan};
use super::*;

/// The target's phone has answered a caller whom the owner hands on.
fn screened() -> Floor {
    let mut floor = Floor::with(plan(false, true));
    floor.dial(CALLER, "13812345678", "100");
    let first = floor.answer(OWNER);
    let now = floor.now.mono;
    let to = Uri::parse("sip:1002@127.0.0.1").expect("a URI");
    floor.phone(OWNER).endpoint.refer(now, first, to, None).expect("a session");
    floor.settle();
    floor.answer(TARGET);
    assert_eq!(floor.hears(CALLER), BTreeSet::new(), "music, and nobody yet");
    assert_ne!(floor.told.last().map(String::as_str), Some("NOTIFY 200"));
    floor
}

fn end(floor: &mut Floor) {
    for port in [CALLER, OWNER, TARGET, DELEGATE] {
        floor.hang_up(port);
    }
    floor.pass(120);
    assert_eq!(floor.exchange.calls(), 0);
    assert!(floor.ears.open.is_empty());
}

#[test]
fn one_accepts() {
    let mut floor = screened();
    floor.keys(TARGET, "7");
    assert_eq!(floor.hears(CALLER), BTreeSet::new(), "no such key");
    floor.keys(TARGET, "1");
    assert_eq!(floor.hears(CALLER), BTreeSet::from([TARGET]));
    assert_eq!(floor.told.last().map(String::as_str), Some("NOTIFY 200"));
    end(&mut floor);
}

#[test]
fn two_refuses_and_so_does_silence_or_hanging_up() {
    for how in ["key", "silence", "hangs up"] {
        let mut floor = screened();
        match how {
            "key" => floor.keys(TARGET, "2"),
            "silence" => floor.pass(11),
            _ => floor.hang_up(TARGET),
        }
        assert!(floor.rings(DELEGATE), "{how}: the next one's turn");
        floor.answer(DELEGATE);
        assert_eq!(
            floor.hears(CALLER),
            BTreeSet::from([DELEGATE]),
            "{how}: who is not screened is joined at once"
        );
        end(&mut floor);
    }
}

#[test]
fn the_agent_may_have_hung_up_meanwhile() {
    let mut floor = screened();
    floor.hang_up(OWNER);
    assert_eq!(floor.hears(CALLER), BTreeSet::new());
    floor.keys(TARGET, "1");
    assert_eq!(floor.hears(CALLER), BTreeSet::from([TARGET]));
    end(&mut floor);
}

/// As some phones do (baresip 1.0): the transfer has failed, and they hang up.
#[test]
fn a_phone_that_hangs_up_after_its_transfer_has_failed_is_rung_again() {
    for waits in [1, 3] {
        let mut floor = Floor::new(false);
        floor.dial(CALLER, "13812345678", "100");
        let first = floor.answer(OWNER);
        let now = floor.now.mono;
        let to = Uri::parse("sip:1003@127.0.0.1").expect("a URI");
        floor.phone(OWNER).endpoint.refer(now, first, to, None).expect("a session");
        floor.settle();
        floor.reject(DELEGATE, 486);
        assert_eq!(floor.told.last().map(String::as_str), Some("NOTIFY 486"));
        floor.pass(waits);
        floor.hang_up(OWNER);
        if waits < 2 {
            floor.answer(OWNER);
            assert_eq!(floor.hears(CALLER), BTreeSet::from([OWNER]));
        } else {
            assert!(!floor.rings(OWNER), "that was the agent's own wish");
        }
        end(&mut floor);
    }
}

#[test]
fn who_was_spoken_with_is_not_asked() {
    let mut floor = Floor::with(plan(false, true));
    floor.dial(CALLER, "13812345678", "100");
    floor.answer(OWNER);
    floor.keys(OWNER, "*21002#");
    floor.answer(TARGET);
    assert_eq!(floor.hears(TARGET), BTreeSet::from([OWNER]));
    floor.hang_up(OWNER);
    assert_eq!(floor.hears(CALLER), BTreeSet::from([TARGET]));
    end(&mut floor);
}
