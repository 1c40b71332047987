//! The state of queues and agents at one moment, for screens and reports.

use std::time::Duration;

use super::AgentState;
use crate::base::{AgentId, Instant, QueueId};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub at: Instant,
    /// In the order of their ids.
    pub queues: Vec<QueueView>,
    /// In the order of their ids; agents who are signed off included.
    pub agents: Vec<AgentView>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    pub id: QueueId,
    pub waiting: u32,
    /// Callers for whom a phone rings.
    pub offered: u32,
    pub talking: u32,
    /// How long the one who waits longest has waited, from `Join::arrived`.
    pub longest: Option<Duration>,
    /// Signed-on agents who may serve the queue without relaxation of levels, and how many of them are ready.
    pub signed_on: u32,
    pub ready: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentView {
    pub id: AgentId,
    pub state: AgentState,
    /// In this state since.
    pub since: Instant,
    /// The caller being offered or talked with, and where it came from. `None` for a call from no queue.
    pub caller: Option<(u64, QueueId)>,
    /// Callers on hold beside, in the order of their tags: of an agent who may have several calls.
    pub held: Vec<(u64, QueueId)>,
    /// Will be away or signed off when the call ends.
    pub leaves_after_call: bool,
}

/// How long a caller still has to wait, as it is told. Say a new one only where it is less than the one said
/// before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitBand {
    UnderOneMinute,
    OneToTwo,
    TwoToFive,
    FiveToTen,
    OverTen,
}

impl WaitBand {
    pub fn of(wait: Duration) -> Self {
        match wait.as_secs() {
            0..60 => WaitBand::UnderOneMinute,
            60..120 => WaitBand::OneToTwo,
            120..300 => WaitBand::TwoToFive,
            300..600 => WaitBand::FiveToTen,
            _ => WaitBand::OverTen,
        }
    }

    /// At least, and at most; no end for the longest.
    pub fn range(self) -> (Duration, Option<Duration>) {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        match self {
            WaitBand::UnderOneMinute => (minutes(0), Some(minutes(1))),
            WaitBand::OneToTwo => (minutes(1), Some(minutes(2))),
            WaitBand::TwoToFive => (minutes(2), Some(minutes(5))),
            WaitBand::FiveToTen => (minutes(5), Some(minutes(10))),
            WaitBand::OverTen => (minutes(10), None),
        }
    }
}
