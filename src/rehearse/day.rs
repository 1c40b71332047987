//! What a day is made of: who calls, who works, how desks behave.

use std::time::Duration;

use super::distribution::Distribution;
use super::recorded::Recorded;
use crate::base::{Instant, QueueId};
use crate::queue::Requirement;

/// A day with every name resolved against one plan. All [`Instant`]s count from midnight.
#[derive(Clone, Debug, PartialEq)]
pub struct Day {
    /// As it is shown; the file's name.
    pub name: String,
    pub classes: Vec<Class>,
    pub staff: Vec<Staff>,
    pub desks: Desks,
}

/// Callers of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    pub name: String,
    /// The plan's number of the queue that they join.
    pub queue: QueueId,
    /// What they need beyond the queue's requirement; skills by the plan's numbers.
    pub needs: Vec<Requirement>,
    /// The agent's after each talk; `None`: what the queue says, always the same.
    pub wrap_up: Option<Distribution>,
    pub source: Source,
}

/// Where a class's calls come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A Poisson process with a rate of its own in each interval.
    Generated { calls: Vec<Interval>, talk: Distribution, patience: Distribution },
    /// As they came, on a day of which there are records.
    Recorded(Recorded),
}

/// Part of an arrival curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub from: Instant,
    pub length: Duration,
    /// How many calls come in it on average.
    pub calls: f64,
}

/// Agents of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Staff {
    pub name: String,
    pub agents: Vec<Worker>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// By the plan's numbers.
    pub skills: Vec<Requirement>,
    /// When the agent is here, ascending; between two spans there is a break.
    pub shift: Vec<(Instant, Instant)>,
}

/// What happens when a desk rings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Desks {
    /// From the offer to the answer.
    pub answers: Distribution,
    /// Of a thousand offers so many find that the agent has just left the desk.
    pub absent_per_mille: u32,
    /// For so long; everything rings in vain meanwhile.
    pub absent_for: Distribution,
}
