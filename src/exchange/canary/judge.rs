//! Whether a plan on trial does worse than the one in force, by the calls of both in the same time.
//!
//! Of each call two things are asked: did the caller give up, and did they press a wrong key or none. Each is compared
//! by Fisher's exact test, one-sided: how likely is it, were both plans alike, that so many of these calls or more are
//! the new plan's? Exact, so that small samples are judged as rightly as large ones.
//!
//! Who looks again and again finds something in the end, so each look is given less room: the k-th one alarms below
//! `ALARM / (k (k + 1))`, which adds up to `ALARM` over all looks there will ever be, and each of the two questions has half
//! of it. A plan that is as good as the old one is thus taken back in one trial of a hundred at most, however long it
//! lasts. What is worse by less than `LEAST_RISE` is nobody's reason to take anything back, however sure it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The chance that a plan is taken back which is as good as the old one.
const ALARM: f64 = 0.01;
/// Both plans must have had so many calls before anything is judged.
pub const LEAST_CALLS: u32 = 50;
/// The new plan's calls between two looks.
const BETWEEN_LOOKS: u32 = 25;
/// A smaller difference between the two shares of calls is let pass.
const LEAST_RISE: f64 = 0.02;

/// What became of the calls with one plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub calls: u32,
    pub gave_up: u32,
    /// Calls with a wrong key, or none where one was asked for.
    pub wrong_keys: u32,
}

/// What is worse than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worse {
    GiveUps,
    WrongKeys,
}

impl fmt::Display for Worse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Worse::GiveUps => "more callers give up",
            Worse::WrongKeys => "more callers press wrong keys, or none",
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct Judge {
    looks: u32,
    /// The new plan's calls at the last look.
    looked_at: u32,
}

impl Judge {
    /// Looks, if there is enough to look at since the last time.
    pub(super) fn look(&mut self, old: Tally, new: Tally) -> Option<Worse> {
        let due = new.calls >= self.looked_at.saturating_add(BETWEEN_LOOKS);
        if old.calls < LEAST_CALLS || new.calls < LEAST_CALLS || !due {
            return None;
        }
        self.looked_at = new.calls;
        self.looks += 1;
        let look = f64::from(self.looks);
        let level = ALARM / 2.0 / (look * (look + 1.0));
        let worse = |of: fn(&Tally) -> u32| {
            let share = |tally: &Tally| f64::from(of(tally)) / f64::from(tally.calls.max(1));
            share(&new) - share(&old) >= LEAST_RISE
                && as_many_or_more((of(&new), new.calls), (of(&old), old.calls)) < level
        };
        match (worse(|tally| tally.gave_up), worse(|tally| tally.wrong_keys)) {
            (true, _) => Some(Worse::GiveUps),
            (_, true) => Some(Worse::WrongKeys),
            _ => None,
        }
    }
}

/// Fisher's exact test: of so many calls on each side, so many hit; the chance that as many or more of all hits are on
/// the first side by accident.
fn as_many_or_more((hits, calls): (u32, u32), (other_hits, other_calls): (u32, u32)) -> f64 {
    let (all_hits, all_calls) = (hits + other_hits, calls + other_calls);
    let ways = |of: u32, take: u32| log_factorial(of) - log_factorial(take) - log_factorial(of - take);
    let chance = |hits: u32| {
        (ways(calls, hits) + ways(other_calls, all_hits - hits) - ways(all_calls, all_hits)).exp()
    };
    // No more than all calls, and the other side cannot have more hits than calls.
    let most = calls.min(all_hits);
    (hits..=most).filter(|hits| all_hits - hits <= other_calls).map(chance).sum()
}

/// Stirling's series: off by less than 1e-9 from 20 on, exact below.
fn log_factorial(n: u32) -> f64 {
    if n < 20 {
        return (2..=n).map(|k| f64::from(k).ln()).sum();
    }
    let n = f64::from(n);
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn the_exact_test_says_what_the_tables_say() {
        // Fisher's tea taster: all four of four cups of milk, 1/70; three of them or more, 17/70.
        assert!((as_many_or_more((4, 4), (0, 4)) - 1.0 / 70.0).abs() < 1e-12);
        assert!((as_many_or_more((3, 4), (1, 4)) - 17.0 / 70.0).abs() < 1e-12);
        // R: fisher.test(matrix(c(30, 70, 50, 450), 2), alternative = "greater")
        assert!((as_many_or_more((0, 50), (9, 90)) - 1.0).abs() < 1e-9, "anything is as many as none");
        let large = as_many_or_more((300, 1_000), (2_000, 10_000));
        assert!(large > 0.0 && large < 1e-10, "{large}");
    }

    #[test]
    fn nothing_is_judged_before_there_is_enough() {
        let bad = Tally { calls: 49, gave_up: 49, wrong_keys: 49 };
        let good = Tally { calls: 1_000, gave_up: 10, wrong_keys: 10 };
        assert_eq!(Judge::default().look(good, bad), None);
        assert_eq!(Judge::default().look(Tally { calls: 49, ..good }, Tally { calls: 500, ..bad }), None);
        let bad = Tally { calls: 50, ..bad };
        assert_eq!(Judge::default().look(good, bad), Some(Worse::GiveUps));
        let keys = Tally { gave_up: 0, ..bad };
        assert_eq!(Judge::default().look(good, keys), Some(Worse::WrongKeys));
    }

    #[test]
    fn what_is_worse_by_a_hair_is_let_pass() {
        let (old, new) = (Tally { calls: 1_000_000, gave_up: 50_000, wrong_keys: 0 }, 1_000_000);
        let new = |gave_up| Tally { calls: new, gave_up, wrong_keys: 0 };
        assert_eq!(Judge::default().look(old, new(60_000)), None);
        assert_eq!(Judge::default().look(old, new(71_000)), Some(Worse::GiveUps));
    }

    /// The share of trials in which the new plan is taken back, and after how many of its calls.
    fn taken_back(old_rate: u64, new_rate: u64) -> (u32, u32) {
        let mut rng = Rng::from_number(7);
        let (mut back, mut after) = (0, 0);
        for _ in 0..400 {
            let (mut judge, mut old, mut new) = (Judge::default(), Tally::default(), Tally::default());
            // A share of 10 % of 10,000 calls.
            for call in 0..10_000 {
                let (tally, rate) = if call % 10 == 0 { (&mut new, new_rate) } else { (&mut old, old_rate) };
                tally.calls += 1;
                tally.gave_up += u32::from(rng.below(1000) < rate);
                tally.wrong_keys += u32::from(rng.below(1000) < rate);
                if judge.look(old, new).is_some() {
                    back += 1;
                    after += new.calls;
                    break;
                }
            }
        }
        (back, after / back.max(1))
    }

    #[test]
    fn as_good_a_plan_stays_and_a_bad_one_goes() {
        // One of a hundred would be four of 400.
        assert!(taken_back(80, 80).0 <= 4, "{:?}", taken_back(80, 80));
        let (back, after) = taken_back(80, 200);
        assert!(back >= 396 && after < 250, "{back} of 400, after {after} calls");
    }
}
