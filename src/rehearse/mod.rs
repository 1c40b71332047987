//! Rehearsing a day: who would have waited how long, with these rules and these people?
//!
//! ```text
//!   day.toml, or records ──► Day ──┐
//!   dialplans ─────────────► Plan ─┴─► scene ─► callers ─► world <-> router ─► figures ─► outcome, with its band
//!                                              (a seed)             │
//!                                                                   ├── the queue core itself
//!                                                                   └── models of other products
//! ```
//!
//! Arrivals are generated from a curve or taken from the records of a day; agents come by a roster. What the callers
//! will do (when they come, how long they talk, when they lose patience) is drawn before the day begins, so that
//! two plans, two rosters or two ways to route meet the very same callers, and their difference is known better than
//! either figure. The days are repeated with other seeds; every figure comes with its 95 % confidence interval.
//!
//! Left out of it: menus before the queue, owners asked first, places kept, messages and callbacks chosen while waiting,
//! transfers. A rehearsal is about the line and the people who serve it; one [through](pass) the dialplan begins with the
//! first word that callers hear.

mod callers;
mod chart;
mod day;
mod distribution;
mod figures;
mod outcome;
mod peers;
mod read;
mod recorded;
mod router;
mod scene;
mod table;
#[cfg(test)]
mod tests;
mod through;
mod world;

use std::time::Duration;

use serde::Serialize;
use serde::ser::SerializeStruct as _;

pub use chart::chart;
pub use day::{Class, Day, Desks, Interval, Source, Staff, Worker};
pub use distribution::Distribution;
pub use figures::{Estimate, Sample};
pub use outcome::{ClassFigures, ClassOutcome, Outcome, StaffOutcome};
pub use peers::Peer;
#[cfg(feature = "daemon")]
pub(crate) use read::written;
pub use read::{read, reference};
pub use recorded::{Recorded, recorded};
pub use through::{Ends, Passage, PassageFigures, Passages, Wishes, pass};

use crate::base::Rng;
use crate::dialplan::Plan;
use callers::callers;
use figures::Figures;
use router::House;
use scene::Scene;

/// How often, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Days {
    pub count: u32,
    /// The same seed gives the same days.
    pub seed: u64,
}

/// Lives through the days with the queue core, or as another product would route.
pub fn rehearse(name: &str, plan: &Plan, day: &Day, days: Days, peer: Option<Peer>) -> Outcome {
    let scene = Scene::new(plan, day);
    let lived: Vec<_> = (0..days.count).map(|number| one(&scene, day, days.seed, number, peer)).collect();
    Outcome::new(name, &scene, &lived)
}

fn one(scene: &Scene, day: &Day, seed: u64, number: u32, peer: Option<Peer>) -> Figures {
    let mut rng = Rng::from_number(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(number)));
    let desks = rng.fork();
    let wrap_up: Vec<Duration> = scene.classes.iter().map(|class| class.queue.wrap_up).collect();
    let callers = callers(day, &wrap_up, &mut rng);
    match peer {
        None => world::live(scene, &callers, House::new(scene, callers.len()), desks),
        Some(peer) => peer.live(scene, &callers, desks),
    }
}

/// Days lived through in several ways; the first is what the others are compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsal {
    pub day: String,
    pub days: Days,
    pub outcomes: Vec<Outcome>,
}

/// How much more a figure is in another way than in the first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    pub outcome: String,
    pub class: String,
    pub figure: &'static str,
    pub unit: &'static str,
    #[serde(flatten)]
    pub more: Estimate,
}

impl Rehearsal {
    /// Of all figures, day by day: narrower than the intervals of the two would tell.
    pub fn differences(&self) -> Vec<Difference> {
        let Some((first, others)) = self.outcomes.split_first() else { return Vec::new() };
        let mut all = Vec::new();
        for (outcome, class) in others.iter().flat_map(|o| o.classes.iter().map(move |class| (o, class))) {
            let Some(usual) = first.classes.iter().find(|usual| usual.name == class.name) else { continue };
            for ((figure, unit, own), (.., usual)) in class.figures.all().into_iter().zip(usual.figures.all())
            {
                all.extend(own.more_than(usual).map(|more| Difference {
                    outcome: outcome.name.clone(),
                    class: class.name.clone(),
                    figure,
                    unit,
                    more,
                }));
            }
        }
        all
    }
}

/// The differences are written with the outcomes.
impl Serialize for Rehearsal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Rehearsal", 4)?;
        out.serialize_field("day", &self.day)?;
        out.serialize_field("days", &self.days)?;
        out.serialize_field("outcomes", &self.outcomes)?;
        out.serialize_field("differences", &self.differences())?;
        out.end()
    }
}
