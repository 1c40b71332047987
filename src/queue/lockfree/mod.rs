//! The core that no thread can block.
//!
//! Every operation takes `&self`, and any number of threads may carry out operations at the same time. None ever
//! waits for another: a thread that is stopped in the middle of an operation delays at most the one caller and the one
//! agent it was busy with. What is true is in [`word`]s; [`claims`] says how they change; [`floor`]s hold the
//! lists in which searches find whom, and [`search`] reads them. With one thread the outcome is, event for event,
//! that of the [sequential core](super::sequential), which the tests hold it against.

mod agents;
mod callers;
mod cells;
mod changes;
mod claims;
mod codes;
mod floor;
mod holds;
mod invariants;
#[cfg(all(test, loom))]
mod models;
mod op;
mod reload;
mod search;
mod standing;
mod sync;
mod table;
#[cfg(all(test, not(loom)))]
mod tests;
mod tickets;
mod timers;
mod views;
mod walk;
mod word;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use arc_swap::ArcSwap;
use crossbeam_skiplist::SkipMap;

use self::floor::{Floor, Kind};
use self::op::Bar;
use self::table::Table;
use super::deadlines::Who;
use super::{Deadline, Topology};
use crate::base::Instant;

/// All waiting callers and all agents of one installation.
///
/// Every operation takes the time, carries out first what had become due by then (events of others may
/// therefore come out of any operation), and leaves no caller waiting beside an agent who is idle and
/// eligible. After each, [`next_deadline`](Core::next_deadline) says when to call [`tick`](Core::tick).
/// Time that runs backwards counts as standing still.
pub struct Core {
    /// The latest that any operation was given, in microseconds.
    now: AtomicU64,
    seq: AtomicU64,
    floor: ArcSwap<Floor>,
    callers: Table<cells::Caller>,
    /// Cells handed out so far.
    made: AtomicU32,
    /// Cells nobody has, first in, first out: the longer a cell rests, the safer its epoch.
    free: SkipMap<u64, u32>,
    agents: Table<cells::Agent>,
    timers: SkipMap<(Instant, Who, u32), Deadline>,
    /// Callers, by cell and epoch of the handle, whom an agent did not take, and until when (microseconds) they are
    /// not offered to this agent again. With a number for each refusal: one that comes too late takes back its own.
    bars: SkipMap<Bar, u64>,
    /// At most one for each way in which a dialplan can queue somebody.
    kinds: SkipMap<Kind, u32>,
    kind_of: SkipMap<u32, Arc<Kind>>,
    kinds_made: AtomicU32,
    /// Where tests stop a thread.
    #[cfg(all(test, not(loom)))]
    pause: std::sync::OnceLock<Box<dyn Fn(claims::Step) + Send + Sync>>,
}

impl Core {
    /// Nobody waits, everybody is signed off.
    pub fn new(now: Instant, topology: &Arc<Topology>) -> Self {
        Core {
            now: AtomicU64::new(now.as_micros()),
            seq: AtomicU64::new(0),
            floor: ArcSwap::from_pointee(Floor::new(topology, None)),
            callers: Table::default(),
            made: AtomicU32::new(0),
            free: SkipMap::new(),
            agents: Table::default(),
            timers: SkipMap::new(),
            bars: SkipMap::new(),
            kinds: SkipMap::new(),
            kind_of: SkipMap::new(),
            kinds_made: AtomicU32::new(0),
            #[cfg(all(test, not(loom)))]
            pause: std::sync::OnceLock::new(),
        }
    }
}
