//! Who does not take a caller rests, and is then rung again: as the phones see it, whatever happens in between.

use std::collections::BTreeMap;
use std::time::Duration;

use hotline::base::{Instant, Rng};
use hotline::exchange::{AgentChange, Command};
use hotline::sim::{Act, Caller, Desk, DeskAct, Nature, Reaction, Setup, When, World};

use super::ladders::PLAN;
use super::plans;

const SECOND: Duration = Duration::from_secs(1);
const DESKS: [&str; 3] = ["1001", "1002", "1003"];
/// The first call; the ladder counts from there.
const BEGIN: u64 = 10;
/// So often everybody says that they are ready, whatever they were.
const READY_EVERY: u64 = 97;
/// A message takes 20 ms from end to end.
const WAY: f64 = 0.05;

fn an_hour(seed: u64) -> World {
    let mut rng = Rng::from_number(seed);
    let mut desk = |extension| {
        let script: Vec<Reaction> = (0..200)
            .map(|_| {
                let after = SECOND * u32::try_from(1 + rng.below(4)).unwrap();
                match rng.below(10) {
                    0..=1 => Reaction::Refuse { after, status: 603 },
                    2..=3 => Reaction::Refuse { after, status: 486 },
                    4..=5 => Reaction::Ignore,
                    _ => {
                        Reaction::Answer { after, talks_for: Some(SECOND * 10), holds: None, hands_on: None }
                    }
                }
            })
            .collect();
        Desk::new(extension).with(script)
    };
    let desks: Vec<Desk> = DESKS.map(&mut desk).to_vec();
    let plan = plans::small(&format!("{PLAN}\n[agent.1003]\nskills = {{ consult = 3 }}\nready = true\n"));
    let mut world = World::new(Setup { desks, ladder: true, seed, ..Setup::new(plan) });
    for desk in 0..3 {
        world.desk_at(Instant::ZERO, desk, DeskAct::Register);
    }
    for call in 0..120u64 {
        let begins = BEGIN + if call == 0 { 0 } else { rng.below(3600) };
        let script = vec![(When::Hears("topic/consult", SECOND), Act::Press('1'))];
        let caller = Caller::new(format!("139123{call:05}"), "10000", Nature::Script(script));
        world.call_at(Instant::ZERO + Duration::from_secs(begins), caller);
    }
    for (at, extension) in (1..40).flat_map(|n| DESKS.map(|desk| (BEGIN + n * READY_EVERY, desk))) {
        let ready = Command::SetAgent { extension: extension.to_owned(), change: AgentChange::Ready };
        world.command_at(Instant::ZERO + Duration::from_secs(at), ready);
    }
    world.run_until(Instant::ZERO + Duration::from_secs(4000));
    assert!(world.drain(SECOND * 7200) && world.broken().is_empty(), "seed {seed}: {:?}", world.broken());
    world
}

/// When a phone may be rung again.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    since: f64,
    until: f64,
    seconds: u32,
    misses: u32,
}

impl Rest {
    /// Everybody has said that they are ready since it began.
    fn is_ended_by_a_word(self, now: f64) -> bool {
        ((now + WAY) / READY_EVERY as f64).floor() * READY_EVERY as f64 + WAY > self.since
    }
}

#[test]
fn nobody_is_rung_before_their_rest_is_over_and_everybody_after_it() {
    // How often a phone was rung as soon as a rest of so many seconds was over.
    let mut rung_after: BTreeMap<u32, u32> = BTreeMap::new();
    for seed in 1..=6 {
        let world = an_hour(seed);
        let mut rests: BTreeMap<&str, Rest> = BTreeMap::new();
        for line in world.ladder().lines() {
            let mut words = line.split_whitespace();
            let (Some(at), Some(who)) = (words.next(), words.next()) else { continue };
            if !DESKS.contains(&who) {
                continue;
            }
            let (at, what): (f64, Vec<&str>) = (at.parse().expect("seconds"), words.collect());
            let rest = rests.entry(who).or_default();
            let misses = if rest.is_ended_by_a_word(at) { 0 } else { rest.misses };
            let (seconds, misses) = match what[..] {
                ["<", "INVITE", _] => {
                    let may = at + WAY > rest.until || rest.is_ended_by_a_word(at);
                    assert!(may, "seed {seed}: {who} is rung at {at}: {rest:?}");
                    *rung_after.entry(rest.seconds).or_default() += u32::from((at - rest.until).abs() < WAY);
                    continue;
                }
                [">", "603", "INVITE"] => (10, 0),
                [">", "486", "INVITE"] => (30, misses),
                ["<", "CANCEL"] => (15, misses + 1),
                [">", "200", "INVITE"] => (0, 0),
                _ => continue,
            };
            // Two calls in a row, and only a word of theirs makes them ready.
            let until = if misses >= 2 { f64::INFINITY } else { at + f64::from(seconds) };
            *rest = Rest { since: at, until, seconds, misses };
        }
    }
    for seconds in [10, 15, 30] {
        assert!(rung_after.get(&seconds).is_some_and(|many| *many > 3), "{seconds} s: {rung_after:?}");
    }
}
