//! How other products would have routed the same callers to the same people: models, built from the sources of their
//! queue modules, and no more than models.
//!
//! They are favourable: a phone's state is known at once, announcements delay nobody, a pass over the database costs
//! nothing, and each is configured as well as its own means allow. What differs is the rule and when it is looked at.

mod app_queue;
mod mod_callcenter;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::callers::Caller;
use super::figures::Figures;
use super::scene::{Line, Scene};
use super::world;
use crate::base::{Instant, Rng};
use app_queue::AppQueue;
use mod_callcenter::ModCallcenter;

/// A product that is modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Asterisk's, tuned: weights by the credits of the queues, penalties that keep the agents of more valuable queues
    /// for last, rules that open a queue to further agents as the plan's relaxation does, `leastrecent`, `retry` of 1 s,
    /// `autopause`.
    AppQueue,
    /// The same, and whoever can serve the most valuable queue serves no other.
    AppQueueApart,
    /// Asterisk's with the defaults: no weights, no penalties, `retry` of 5 s.
    AppQueueDefaults,
    /// FreeSWITCH's: base scores by the credits, tiers as the penalties above, `longest-idle-agent`.
    ModCallcenter,
}

impl Peer {
    pub const ALL: [Peer; 4] =
        [Peer::AppQueue, Peer::AppQueueApart, Peer::AppQueueDefaults, Peer::ModCallcenter];

    pub const fn name(self) -> &'static str {
        match self {
            Peer::AppQueue => "app_queue",
            Peer::AppQueueApart => "app_queue-apart",
            Peer::AppQueueDefaults => "app_queue-defaults",
            Peer::ModCallcenter => "mod_callcenter",
        }
    }

    pub(super) fn live(self, scene: &Scene, callers: &[Caller], desks: Rng) -> Figures {
        match self {
            Peer::AppQueue | Peer::AppQueueApart | Peer::AppQueueDefaults => {
                world::live(scene, callers, AppQueue::new(self, scene, callers.len()), desks)
            }
            Peer::ModCallcenter => {
                world::live(scene, callers, ModCallcenter::new(scene, callers.len()), desks)
            }
        }
    }
}

/// One agent as a member of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Membership {
    /// The less the sooner: what more valuable queues would lose.
    penalty: u32,
    /// Opens after this wait.
    after: Duration,
}

/// By class and agent. Each class is a queue of its own: these products know no needs beside the queue's.
fn memberships(scene: &Scene) -> Vec<Vec<Option<Membership>>> {
    let able: Vec<BTreeSet<usize>> = scene.classes.iter().map(|class| scene.able(class).collect()).collect();
    let of_class = |class: &Line| {
        let of_agent = |agent: usize| {
            let serves = scene.classes.iter().zip(&able).filter(|(_, able)| able.contains(&agent));
            let dearer = serves.filter(|(other, _)| other.queue.value > class.queue.value);
            // Two classes of one queue lose it once.
            let queues: BTreeMap<_, _> =
                dearer.map(|(other, _)| (other.queue.id, other.queue.value)).collect();
            let penalty = queues.values().sum();
            scene.reach(class, agent).map(|after| Membership { penalty, after })
        };
        (0..scene.agents.len()).map(of_agent).collect()
    };
    scene.classes.iter().map(of_class).collect()
}

/// These products count in whole seconds.
fn seconds(at: Instant) -> u64 {
    at.as_micros() / 1_000_000
}
