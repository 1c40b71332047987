//! What the exchanges of one house have in common: the queue core, the desks, and what one of them knows and all need.
//!
//! Architecture invariant: whatever is here is looked up by its key and changed in one step; no exchange holds on to an
//! entry while it does anything else, so none waits for what another one does. Nothing here is walked through in an
//! order that matters.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use dashmap::DashMap;

use super::desks::Room;
use super::directory::Phone;
use super::numbering::Numbering;
use super::places::{self, Lasting, Matter};
use super::share::Share;
use super::trunks::Line;
use super::urgent::Asked;
use crate::base::{AgentId, CallId, Instant, Masked};
use crate::queue;

/// A caller and the queue that they wait in, wait for at home, or have hung up in.
pub(super) type Waiter = (Masked<String>, String);

pub(super) struct Commons {
    pub core: Arc<queue::Core>,
    pub room: Arc<Room>,
    /// How each person can be rung now, by extension; of those who can be. Kept by the first exchange for the others.
    pub phones: DashMap<String, Vec<Phone>>,
    /// By trunk: what it carries, and where it is.
    pub trunks: DashMap<String, Line>,
    /// Callbacks that are owed, and since when their customers wait.
    pub owed: DashMap<Waiter, (CallId, Instant)>,
    /// Who is parked where, by slot.
    pub slots: DashMap<String, CallId>,
    /// Who is asked what becomes of a caller, or was.
    pub urgent: DashMap<AgentId, Asked>,
    places: Mutex<Lasting<Waiter, Instant>>,
    contacts: Mutex<Lasting<Masked<String>, Matter>>,
    /// Of the plan in force.
    numbering: ArcSwap<Numbering>,
    /// Of each share.
    calls: Vec<AtomicUsize>,
}

impl Commons {
    pub fn new(core: queue::Core, numbering: Numbering, of: u8) -> Self {
        Commons {
            core: Arc::new(core),
            room: Arc::default(),
            phones: DashMap::new(),
            trunks: DashMap::new(),
            owed: DashMap::new(),
            slots: DashMap::new(),
            urgent: DashMap::new(),
            places: Mutex::new(Lasting::new(places::MOST_PLACES)),
            contacts: Mutex::new(Lasting::new(places::MOST_CONTACTS)),
            numbering: ArcSwap::from_pointee(numbering),
            calls: (0..of.max(1)).map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    /// Places in line of callers who have hung up, by number and queue: since when they waited.
    pub fn places(&self) -> MutexGuard<'_, Lasting<Waiter, Instant>> {
        locked(&self.places)
    }

    /// Whose each customer's matter is.
    pub fn contacts(&self) -> MutexGuard<'_, Lasting<Masked<String>, Matter>> {
        locked(&self.contacts)
    }

    pub fn numbering(&self) -> Arc<Numbering> {
        self.numbering.load_full()
    }

    pub fn set_numbering(&self, numbering: Numbering) {
        self.numbering.store(Arc::new(numbering));
    }

    pub fn has_calls(&self, share: Share, calls: usize) {
        if let Some(own) = self.calls.get(usize::from(share.number)) {
            own.store(calls, Ordering::Relaxed);
        }
    }

    /// As of their last inputs.
    pub fn calls_of_others(&self, share: Share) -> usize {
        let others = self.calls.iter().zip(0..).filter(|(_, number)| *number != share.number);
        others.map(|(calls, _)| calls.load(Ordering::Relaxed)).sum()
    }
}

/// What lasts is whole again by itself: an entry more or less harms nobody.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
