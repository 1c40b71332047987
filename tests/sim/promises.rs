//! Days of promises: by order and with the place kept, among people who are away, busy, not at home, or press nothing.
//! Whatever was promised ends in one way and once: kept, late, broken or passed on.

use std::collections::BTreeMap;
use std::time::Duration;

use hotline::base::{AwayReason, CallId, Instant, Masked, Rng, Wall};
use hotline::exchange::{AgentChange, Command, FloorEvent};
use hotline::sim::{Act, Caller, Desk, DeskAct, Exchanges, Nature, Reaction, Ring, Setup, When, World};

use super::plans;

const PLAN: &str = r#"
[hotline]
name = "Promises"

[numbers]
10000 = "main"

[[flow.main]]
queue = { to = "consult", before = [], keys = { 1 = "callback" }, offer = "queue/offer-callback" }

[[flow.callback]]
callback = "consult"

[queue.consult]
skills = { consult = 1 }
wrap_up = "5 s"
max_wait = "never"
choice_after = "never"
offer_after = "5 s"
position = false
record = false
left_in_line = "serve"
callback_to = ["1."]
callback_tries = 2
callback_every = "60 s"
callback_ring = "20 s"

[skill.consult]

[agent.1001]
skills = { consult = 5 }
may_call = ["1."]
delegate = "1002"
ready = true

[agent.1002]
skills = { consult = 5 }
may_call = ["1."]
ready = true
"#;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Of whom as many are promised a call by an agent as book a place.
const PEOPLE: u64 = 30;

fn number(of: u64) -> String {
    format!("1390000{of:04}")
}

/// What their telephone does, each time that it rings.
fn rings(rng: &mut Rng) -> Vec<Ring> {
    let ring = |rng: &mut Rng| match rng.below(8) {
        0 => Ring::Refuses(486),
        1 => Ring::NobodyThere,
        // Takes the call, and whoever calls; a machine does so too, and presses nothing.
        pressed => {
            let keys = if pressed == 2 { Vec::new() } else { vec!['1'] };
            let script =
                keys.into_iter().map(|key| (When::Hears("callback/answer", SECOND), Act::Press(key)));
            let hangs_up = (When::Talks(SECOND * 60), Act::HangUp);
            let who = Caller::new("", "", Nature::Script(script.chain([hangs_up]).collect()));
            Ring::Answers { after: SECOND * 3, who: Box::new(who) }
        }
    };
    std::iter::repeat_with(|| ring(rng)).take(12).collect()
}

/// What the floor was told of each promise, in order.
fn days(seed: u64, exchanges: Exchanges, everybody_leaves: bool) -> BTreeMap<CallId, Vec<String>> {
    let mut rng = Rng::from_number(seed);
    let desk = |extension, rng: &mut Rng| {
        let reaction = |rng: &mut Rng| match rng.below(8) {
            0 => Reaction::Ignore,
            1 => Reaction::Refuse { after: SECOND, status: 486 },
            _ => {
                let talks_for = Some(SECOND * u32::try_from(40 + rng.below(80)).unwrap());
                Reaction::Answer { after: SECOND * 2, talks_for, holds: None, hands_on: None }
            }
        };
        Desk::new(extension).with(std::iter::repeat_with(|| reaction(rng)).take(300).collect::<Vec<_>>())
    };
    let desks = vec![desk("1001", &mut rng), desk("1002", &mut rng)];
    let mut world =
        World::new(Setup { desks, ladder: true, seed, exchanges, ..Setup::new(plans::small(PLAN)) });
    (0..2).for_each(|desk| world.desk_at(Instant::ZERO, desk, DeskAct::Register));
    let begins = world.now().wall;
    for of in 0..PEOPLE {
        let calls = SECOND * u32::try_from(10 + rng.below(1800)).unwrap();
        let script = vec![(When::Hears("queue/offer-callback", SECOND), Act::Press('1'))];
        world.call_at(Instant::ZERO + calls, Caller::new(number(of), "10000", Nature::Script(script)));
        world.expect(&number(of), rings(&mut rng));
        let ordered = number(PEOPLE + of);
        let (said, after) = (10 + rng.below(1800), 1 + rng.below(3600));
        let due: Wall = begins + SECOND * u32::try_from(said + after).unwrap();
        let extension = ["1001", "1002"][rng.below(2) as usize].to_owned();
        let command = Command::Promise { extension, number: Masked::new(ordered.clone()), due };
        world.command_at(Instant::ZERO + SECOND * u32::try_from(said).unwrap(), command);
        world.expect(&ordered, rings(&mut rng));
    }
    let set = |extension: &str, change| Command::SetAgent { extension: extension.to_owned(), change };
    for _ in 0..6 {
        let extension = ["1001", "1002"][rng.below(2) as usize];
        let from = SECOND * u32::try_from(rng.below(5400)).unwrap();
        let lasts = SECOND * u32::try_from(60 + rng.below(900)).unwrap();
        world.command_at(Instant::ZERO + from, set(extension, AgentChange::away(AwayReason::Meeting, None)));
        world.command_at(Instant::ZERO + from + lasts, set(extension, AgentChange::Ready));
    }
    if everybody_leaves {
        for (desk, extension) in [(0, "1001"), (1, "1002")] {
            world.command_at(Instant::ZERO + HOUR / 2, set(extension, AgentChange::SignOff));
            world.desk_at(Instant::ZERO + HOUR / 2, desk, DeskAct::Vanish);
        }
    }
    // A queue that nobody works in keeps nothing for longer than a week.
    world.run_until(Instant::ZERO + HOUR * 24 * 8);
    let mut told: BTreeMap<CallId, Vec<String>> = BTreeMap::new();
    for (_, event) in world.floor() {
        if let FloorEvent::Promise { promise, result, .. } = event {
            told.entry(*promise).or_default().push(result.clone());
        }
    }
    assert!(world.broken().is_empty(), "seed {seed}: {:?}", world.broken());
    told
}

/// So many ended in each way.
fn check(seed: u64, exchanges: Exchanges, everybody_leaves: bool) -> BTreeMap<String, usize> {
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for (promise, told) in days(seed, exchanges, everybody_leaves) {
        let [open, end] = &told[..] else { panic!("seed {seed}, {promise}: {told:?}") };
        assert_eq!(open, "open", "seed {seed}, {promise}");
        assert!(
            ["kept", "late", "broken", "passed on"].contains(&end.as_str()),
            "seed {seed}, {promise}: {end}"
        );
        *ends.entry(end.clone()).or_default() += 1;
    }
    ends
}

fn all(
    seeds: std::ops::RangeInclusive<u64>,
    exchanges: u8,
    everybody_leaves: bool,
) -> BTreeMap<String, usize> {
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for seed in seeds {
        let exchanges = if exchanges == 1 { Exchanges::ONE } else { Exchanges { of: exchanges, room: 64 } };
        for (end, count) in check(seed, exchanges, everybody_leaves) {
            *all.entry(end).or_default() += count;
        }
    }
    all
}

#[test]
fn every_promise_ends_once_and_most_are_kept() {
    let ends = all(1..=5, 1, false);
    let of = |end: &str| ends.get(end).copied().unwrap_or(0);
    assert!(of("kept") + of("late") > 150 && of("passed on") > 5, "{ends:?}");
    assert_eq!(of("broken"), 0, "somebody was there all the time: {ends:?}");
}

#[test]
fn where_everybody_leaves_what_nobody_tried_is_broken() {
    let ends = all(1..=1, 1, true);
    assert!(ends.get("broken").is_some_and(|broken| *broken > 5), "{ends:?}");
}

#[test]
fn over_two_exchanges_as_well() {
    let ends = all(1..=2, 2, false);
    assert!(ends.values().sum::<usize>() > 60, "{ends:?}");
}
