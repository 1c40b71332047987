//! The transfer matrix: how it is asked for, what becomes of it, held or not, recorded or not. In each case who hears
//! whom, who is told what, whose turn it is to wrap up, and that nothing is left.

use std::collections::BTreeSet;

use super::floor::{CALLER, DELEGATE, Floor, OWNER, TARGET, held, sdp};
use super::*;
use crate::call::How;

/// How the caller is handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    /// REFER to an extension.
    Refer,
    /// REFER with Replaces, after a call of the owner's own to the target.
    ReferReplaces,
    /// The owner's keys, at once.
    Code,
    /// The owner's keys, after a word with the target.
    Consult,
    /// An order of the console.
    Order,
    /// REFER to a line.
    Queue,
}

/// What becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Answers,
    Busy,
    Refuses,
    NoAnswer,
    /// The target's phone has lost its power: nobody ever answers.
    Vanishes,
    CallerHangsUp,
    OwnerHangsUp,
    /// The owner changes their mind, or hangs up and is rung again because nobody comes.
    ComesBack,
    /// The owner waits, and neither the target nor the delegate comes.
    NobodyComes,
}

/// One cell of the matrix.
fn play(by: By, fate: Fate, hold: bool, record: bool) {
    println!("{by:?} {fate:?}, held: {hold}, recorded: {record}");
    let mut floor = Floor::new(record);
    floor.dial(CALLER, "13812345678", "100");
    let first = floor.answer(OWNER);
    assert_eq!(floor.hears(CALLER), BTreeSet::from([OWNER]));
    assert_eq!(floor.recordings.values().filter(|open| **open == 1).count(), usize::from(record));
    let now = floor.now.mono;
    if hold {
        floor.phone(OWNER).endpoint.reoffer(now, first, held(OWNER));
        floor.settle();
    }
    if by == By::ReferReplaces {
        consult_by_phone(&mut floor, first, fate, hold);
    } else {
        hand_over(&mut floor, by, first);
    }
    let outcome = come_to_an_end(&mut floor, by, fate, first, hold);
    check(&mut floor, by, fate, outcome, record);
}

fn hand_over(floor: &mut Floor, by: By, first: sip::DialogId) {
    let now = floor.now.mono;
    match by {
        By::Refer | By::Queue => {
            let to = if by == By::Refer { "sip:1002@127.0.0.1" } else { "sip:300@127.0.0.1" };
            let to = Uri::parse(to).expect("a URI");
            floor.phone(OWNER).endpoint.refer(now, first, to, None).expect("a session");
            floor.settle();
        }
        By::Code => floor.keys(OWNER, "*11002#"),
        By::Consult => floor.keys(OWNER, "*21002#"),
        By::Order => {
            let call = *floor.exchange.calls.keys().next().expect("a call");
            let command = Command::Transfer { call, to: "1002".to_owned(), how: How::Blind };
            floor.exchange.handle_input(floor.now, Input::Command { id: 1, command });
            floor.settle();
        }
        By::ReferReplaces => {}
    }
    assert!(floor.rings(TARGET), "{by:?}");
}

/// The owner's phone calls the target itself.
fn consult_by_phone(floor: &mut Floor, first: sip::DialogId, fate: Fate, hold: bool) {
    let now = floor.now.mono;
    if !hold {
        floor.phone(OWNER).endpoint.reoffer(now, first, held(OWNER));
        floor.settle();
    }
    floor.dial(OWNER, "1001", "1002");
    assert!(floor.rings(TARGET));
    if matches!(fate, Fate::Answers | Fate::CallerHangsUp | Fate::OwnerHangsUp | Fate::ComesBack) {
        floor.answer(TARGET);
        assert!(floor.hears(TARGET).contains(&OWNER));
    }
}

/// Who has the caller in the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Target,
    Delegate,
    Owner,
    Nobody,
}

fn come_to_an_end(floor: &mut Floor, by: By, fate: Fate, first: sip::DialogId, hold: bool) -> Outcome {
    let now = floor.now.mono;
    let attended = matches!(by, By::ReferReplaces | By::Consult);
    match fate {
        Fate::Answers => {
            if by == By::ReferReplaces {
                refer_to_own_call(floor, first);
            } else {
                floor.answer(TARGET);
            }
            if by == By::Consult {
                assert_eq!(floor.hears(OWNER), BTreeSet::from([TARGET]));
                assert_eq!(floor.hears(CALLER), BTreeSet::new(), "music");
                floor.keys(OWNER, "*3");
                assert_eq!(floor.hears(CALLER), BTreeSet::from([OWNER, TARGET]));
                floor.keys(OWNER, "*4");
                assert_eq!(floor.hears(OWNER), BTreeSet::from([TARGET]));
                floor.hang_up(OWNER);
            }
            Outcome::Target
        }
        Fate::Busy | Fate::Refuses => {
            floor.reject(TARGET, if fate == Fate::Busy { 486 } else { 603 });
            failed(floor, by, first, hold)
        }
        Fate::NoAnswer => {
            floor.pass(21);
            failed(floor, by, first, hold)
        }
        Fate::Vanishes => {
            floor.vanished.insert(TARGET);
            floor.pass(21);
            failed(floor, by, first, hold)
        }
        Fate::CallerHangsUp => {
            floor.hang_up(CALLER);
            Outcome::Nobody
        }
        Fate::OwnerHangsUp if by == By::ReferReplaces => {
            // Both of the phone's calls end: the caller is served by nobody else than before.
            floor.hang_up(OWNER);
            Outcome::Nobody
        }
        Fate::OwnerHangsUp => {
            if by != By::Queue {
                floor.hang_up(OWNER);
            }
            floor.answer(TARGET);
            Outcome::Target
        }
        Fate::NobodyComes => {
            floor.reject(TARGET, 486);
            if matches!(by, By::Refer | By::Code | By::Order) {
                floor.reject(DELEGATE, 486);
                if by == By::Refer {
                    assert_eq!(floor.told.last().map(String::as_str), Some("NOTIFY 486"));
                }
                take_off_hold_if(floor, first, hold);
                return Outcome::Owner;
            }
            failed(floor, by, first, hold)
        }
        Fate::ComesBack if attended => {
            if by == By::Consult {
                floor.answer(TARGET);
                floor.keys(OWNER, "*5");
            } else {
                let second = *floor.talks.get(&OWNER).and_then(|talks| talks.last()).expect("two calls");
                floor.phone(OWNER).endpoint.bye(now, second, None);
                floor.talks.entry(OWNER).or_default().retain(|of| *of == first);
                floor.settle();
                take_off_hold(floor, first);
            }
            take_off_hold_if(floor, first, hold && by == By::Consult);
            Outcome::Owner
        }
        Fate::ComesBack => {
            // Blind: the owner hangs up and nobody comes: they are rung again.
            if by == By::Queue {
                floor.answer(TARGET);
                return Outcome::Target;
            }
            floor.hang_up(OWNER);
            floor.reject(TARGET, 486);
            floor.reject(DELEGATE, 486);
            floor.answer(OWNER);
            Outcome::Owner
        }
    }
}

/// Nobody came at the first.
fn failed(floor: &mut Floor, by: By, first: sip::DialogId, hold: bool) -> Outcome {
    match by {
        By::Consult => {
            take_off_hold_if(floor, first, hold);
            Outcome::Owner
        }
        By::ReferReplaces => {
            // The own call came to nothing; the phone goes back to the first.
            let second: Vec<_> = floor.talks.get(&OWNER).into_iter().flatten().copied().collect();
            let now = floor.now.mono;
            for dialog in second.into_iter().filter(|dialog| *dialog != first) {
                floor.phone(OWNER).endpoint.bye(now, dialog, None);
            }
            floor.talks.insert(OWNER, vec![first]);
            floor.settle();
            take_off_hold(floor, first);
            Outcome::Owner
        }
        By::Queue => Outcome::Nobody,
        _ => {
            floor.answer(DELEGATE);
            Outcome::Delegate
        }
    }
}

fn refer_to_own_call(floor: &mut Floor, first: sip::DialogId) {
    let now = floor.now.mono;
    let second = *floor.talks.get(&OWNER).and_then(|talks| talks.last()).expect("two calls");
    let replaces = floor.phone(OWNER).endpoint.dialog_replaces(second).expect("a session");
    let escaped: String = replaces
        .bytes()
        .map(|octet| {
            if octet.is_ascii_alphanumeric() {
                char::from(octet).to_string()
            } else {
                format!("%{octet:02X}")
            }
        })
        .collect();
    let to = Uri::parse(&format!("sip:1002@127.0.0.1?Replaces={escaped}")).expect("a URI");
    floor.phone(OWNER).endpoint.refer(now, first, to, None).expect("a session");
    floor.settle();
}

fn take_off_hold(floor: &mut Floor, first: sip::DialogId) {
    let now = floor.now.mono;
    floor.phone(OWNER).endpoint.reoffer(now, first, sdp(OWNER));
    floor.settle();
}

fn take_off_hold_if(floor: &mut Floor, first: sip::DialogId, held: bool) {
    if held {
        take_off_hold(floor, first);
    }
}

fn check(floor: &mut Floor, by: By, fate: Fate, outcome: Outcome, record: bool) {
    let case = format!("{by:?} {fate:?} -> {outcome:?}");
    let with = match outcome {
        Outcome::Target => Some(TARGET),
        Outcome::Delegate => Some(DELEGATE),
        Outcome::Owner => Some(OWNER),
        Outcome::Nobody => None,
    };
    if let Some(with) = with {
        assert_eq!(floor.hears(CALLER), BTreeSet::from([with]), "{case}");
        assert_eq!(floor.hears(with), BTreeSet::from([CALLER]), "{case}");
    }
    if outcome != Outcome::Owner && outcome != Outcome::Nobody {
        assert_eq!(floor.hears(OWNER), BTreeSet::new(), "{case}");
        let state = floor.state("1001");
        assert!(matches!(state, queue::AgentState::WrapUp { .. }), "{case}: {state:?}");
        assert_eq!(floor.talks.get(&OWNER).map_or(0, Vec::len), 0, "{case}: the owner's phone is free");
    }
    let notified = floor.told.last().map(String::as_str);
    let told = match (by, outcome) {
        (By::Refer, Outcome::Target | Outcome::Delegate) => fate != Fate::OwnerHangsUp,
        (by, outcome) => by == By::ReferReplaces && outcome == Outcome::Target,
    };
    assert!(!told || notified == Some("NOTIFY 200"), "{case}: {notified:?}");
    let open = floor.recordings.values().filter(|open| **open == 1).count();
    assert_eq!(open, usize::from(record && with.is_some() && by != By::Queue), "{case}: recordings");
    for port in [CALLER, OWNER, TARGET, DELEGATE] {
        floor.hang_up(port);
    }
    floor.pass(120);
    assert_eq!(floor.exchange.calls(), 0, "{case}");
    assert!(floor.recordings.values().all(|open| *open == 0), "{case}");
    assert!(floor.ears.open.is_empty(), "{case}");
    let of_caller: Vec<_> = floor.records.iter().filter(|record| record.dialled == "100").collect();
    let [of_caller] = &of_caller[..] else { panic!("{case}: {} records", of_caller.len()) };
    whole(of_caller, by, fate, outcome, record, &case);
    // Who took the matter first has it, wherever the caller went: nobody has accepted it by a key.
    let customer = crate::base::Masked::from("13812345678");
    let owner = floor.exchange.contact_owner(floor.now, &customer);
    assert_eq!(owner.as_deref(), Some("1001"), "{case}: whose matter it is");
}

/// What statistics are made of: whom the queue had given the caller to, how long they talked, and a recording of each talk.
fn whole(left: &crate::record::CallRecord, by: By, fate: Fate, outcome: Outcome, record: bool, case: &str) {
    let visit = left.queue.as_ref().expect("a visit");
    // Who is handed to another line visits that one.
    let (name, agent) = match (by, outcome) {
        (By::Queue, Outcome::Target) => ("second", Some("1002")),
        (By::Queue, _) => ("second", None),
        _ => ("first", Some("1001")),
    };
    assert_eq!((visit.name.as_str(), visit.agent.as_deref()), (name, agent), "{case}");
    let served = visit.outcome == crate::record::QueueOutcome::Served;
    assert_eq!(served, agent.is_some(), "{case}: {:?}", visit.outcome);
    let lasted = left.ended.since(left.started).as_millis();
    assert!(u128::from(visit.waited_ms + visit.talked_ms) <= lasted, "{case}: {visit:?} in {lasted} ms");
    let rung_again = fate == Fate::ComesBack && matches!(by, By::Refer | By::Code | By::Order);
    let second_talk = matches!(outcome, Outcome::Target | Outcome::Delegate) && by != By::Queue || rung_again;
    let talks = if record { 1 + usize::from(second_talk) } else { 0 };
    assert_eq!(left.recordings.len(), talks, "{case}: recordings");
}

#[test]
fn every_cell_of_the_matrix_ends_with_somebody_or_a_record() {
    use By::{Code, Consult, Order, Queue, Refer, ReferReplaces};
    use Fate::*;
    let mut failed = Vec::new();
    for by in [Refer, ReferReplaces, Code, Consult, Order, Queue] {
        for fate in
            [Answers, Busy, Refuses, NoAnswer, Vanishes, CallerHangsUp, OwnerHangsUp, ComesBack, NobodyComes]
        {
            for (hold, record) in [(false, false), (false, true), (true, false), (true, true)] {
                // A phone that holds sends no keys: the codes come from who talks.
                if hold && matches!(by, Code | Consult) {
                    continue;
                }
                // All cells are looked at, so that one defect is told from ten.
                if std::panic::catch_unwind(|| play(by, fate, hold, record)).is_err() {
                    failed.push(format!("{by:?} {fate:?}, held: {hold}, recorded: {record}"));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} cells: {failed:#?}", failed.len());
}
