//! Everybody who will call on a day, drawn before it begins: the same callers meet each of the ways to route them.

use std::time::Duration;

use super::day::{Class, Day, Interval, Source};
use super::distribution::Distribution;
use super::recorded::Patience;
use crate::base::{Instant, Rng};

/// One caller, as fate has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Caller {
    pub at: Instant,
    /// Index into the day's classes.
    pub class: usize,
    /// Hangs up unserved after this time; [`Duration::MAX`] never.
    pub patience: Duration,
    pub talk: Duration,
    /// The agent's after the talk.
    pub wrap_up: Duration,
}

/// In the order of arrival. `usual_wrap_up` has the queue's for each class. Each class has a generator of its own:
/// another curve of one does not change the others.
pub(super) fn callers(day: &Day, usual_wrap_up: &[Duration], rng: &mut Rng) -> Vec<Caller> {
    let mut all = Vec::new();
    for (number, (class, usual)) in day.classes.iter().zip(usual_wrap_up).enumerate() {
        let mut rng = rng.fork();
        match &class.source {
            Source::Generated { calls, talk, patience } => {
                for interval in calls {
                    generate(interval, &mut rng, |at, rng| {
                        let patience = patience.draw(rng);
                        let talk = talk.draw(rng);
                        all.push(caller(class, *usual, number, at, patience, talk, rng));
                    });
                }
            }
            Source::Recorded(recorded) => {
                for call in &recorded.calls {
                    let patience = match call.patience {
                        Patience::Was(time) => time,
                        // An exponential patience does not age: what is left is as long as a new one.
                        Patience::MoreThan(time) => recorded.patience.map_or(Duration::MAX, |mean| {
                            time + Distribution::Exponential(mean).draw(&mut rng)
                        }),
                    };
                    let usual_talk = recorded.talks.get(rng.below(recorded.talks.len() as u64) as usize);
                    let talk = call.talk.or(usual_talk.copied()).unwrap_or_default();
                    all.push(caller(class, *usual, number, call.at, patience, talk, &mut rng));
                }
            }
        }
    }
    all.sort_by_key(|caller| (caller.at, caller.class));
    all
}

fn caller(
    class: &Class,
    usual_wrap_up: Duration,
    number: usize,
    at: Instant,
    patience: Duration,
    talk: Duration,
    rng: &mut Rng,
) -> Caller {
    let wrap_up = class.wrap_up.map_or(usual_wrap_up, |wrap_up| wrap_up.draw(rng));
    Caller { at, class: number, patience, talk, wrap_up }
}

/// Gaps between the calls of a Poisson process are exponential.
fn generate(interval: &Interval, rng: &mut Rng, mut arrive: impl FnMut(Instant, &mut Rng)) {
    if interval.calls <= 0.0 {
        return;
    }
    let gap = Distribution::Exponential(interval.length.div_f64(interval.calls));
    let mut after = gap.draw(rng);
    while after < interval.length {
        arrive(interval.from + after, rng);
        after += gap.draw(rng);
    }
}
