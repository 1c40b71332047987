//! What is kept beside the words. Whoever is about to hand a caller's cell over to everybody writes it first; what
//! changes later is a detail about which two threads may disagree for a moment without harm.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crossbeam_skiplist::SkipMap;

use super::floor::Entry;
use super::sync;
use crate::base::Instant;
use crate::queue::line::Key;

/// "None" for a time.
pub(super) const NEVER: u64 = u64::MAX;

#[derive(Default)]
pub(super) struct Caller {
    pub word: sync::AtomicU64,
    /// Of the handle: one more for each caller who gets the cell.
    pub epoch: AtomicU32,
    pub tag: AtomicU64,
    pub kind: AtomicU32,
    pub queue: AtomicU32,
    pub arrived: AtomicU64,
    pub seq: AtomicU64,
    pub leave_by: AtomicU64,
    pub owner_until: AtomicU64,
    /// Position right after joining.
    pub joined_at: AtomicU32,
    /// Relaxation steps that had come by then (microseconds) were told. A time, and no number of steps: it means the same
    /// by the rules of any floor, and it only grows, whichever thread comes late.
    pub told_until: AtomicU64,
    /// In the lane; `NEVER` until one is drawn.
    pub ticket: AtomicU64,
    /// Whether agents are barred.
    pub barred: AtomicBool,
    /// The entry among the timers: when, and the epoch of the word then.
    pub timer_at: AtomicU64,
    pub timer_epoch: AtomicU32,
}

impl Caller {
    pub fn arrived(&self) -> Instant {
        Instant::from_micros(self.arrived.load(Ordering::Relaxed))
    }

    pub fn key(&self, index: u32, v: i64) -> Key {
        Key { v, seq: self.seq.load(Ordering::Relaxed), index }
    }
}

pub(super) struct Agent {
    pub word: sync::AtomicU64,
    /// The place among the idle, while an offer holds the agent.
    pub place: AtomicU64,
    pub since: AtomicU64,
    pub misses: AtomicU32,
    /// No offers before this.
    pub rest_until: AtomicU64,
    /// Callers who wait for this agent alone.
    pub owned: Line,
    /// Callers on hold, with the epoch of the word in which they are connected. With another the entry is dead.
    pub held: SkipMap<(u32, u32), ()>,
}

impl Default for Agent {
    fn default() -> Self {
        Agent {
            word: sync::AtomicU64::default(),
            place: AtomicU64::new(0),
            since: AtomicU64::new(0),
            misses: AtomicU32::new(0),
            rest_until: AtomicU64::new(0),
            owned: Line::default(),
            held: SkipMap::new(),
        }
    }
}

/// A line of callers.
pub(super) struct Line(pub SkipMap<Entry, ()>);

impl Default for Line {
    fn default() -> Self {
        Line(SkipMap::new())
    }
}
