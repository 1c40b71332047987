//! Which worker has which call.
//!
//! A tick costs about as much for one leg as for many: waking up is the dearest part of it. A worker is therefore
//! filled before the next one is begun, and the others sleep; when all are full, calls are spread evenly. All legs
//! of a call are on one worker, whatever that does to the balance.

use std::collections::BTreeMap;

use crate::base::{CallId, LegId};

/// Legs with which a worker counts as full: some 25 packets in and out a millisecond, a tenth of a core.
const FULL: usize = 500;

pub struct Placement {
    legs: BTreeMap<LegId, usize>,
    /// Open legs of each worker.
    load: Vec<usize>,
}

impl Placement {
    pub fn among(workers: usize) -> Self {
        Placement { legs: BTreeMap::new(), load: vec![0; workers] }
    }

    /// The worker of a call, or for a new one the worker that it will get.
    pub fn of(&self, call: CallId) -> usize {
        let (first, last) = (LegId { call, index: 0 }, LegId { call, index: u16::MAX });
        let placed = self.legs.range(first..=last).next().map(|(_, worker)| *worker);
        let with_room = || self.load.iter().position(|legs| *legs < FULL);
        let emptiest = || self.load.iter().enumerate().min_by_key(|(_, legs)| **legs).map(|(at, _)| at);
        placed.or_else(with_room).or_else(emptiest).unwrap_or(0)
    }

    pub fn open(&mut self, leg: LegId) {
        let worker = self.of(leg.call);
        if self.legs.insert(leg, worker).is_none()
            && let Some(legs) = self.load.get_mut(worker)
        {
            *legs += 1;
        }
    }

    pub fn close(&mut self, leg: LegId) {
        let load = self.legs.remove(&leg).and_then(|worker| self.load.get_mut(worker));
        if let Some(legs) = load {
            *legs = legs.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(call: u64, index: u16) -> LegId {
        LegId { call: CallId(call), index }
    }

    #[test]
    fn one_worker_is_filled_before_the_next_and_then_they_share() {
        let mut placement = Placement::among(2);
        let full = FULL as u64;
        for call in 0..2 * full {
            assert_eq!(placement.of(CallId(call)), usize::from(call >= full));
            placement.open(leg(call, 0));
        }
        for call in 2 * full..2 * full + 10 {
            placement.open(leg(call, 0));
        }
        assert_eq!(placement.load, [FULL + 5, FULL + 5]);
    }

    #[test]
    fn a_call_stays_where_it_is_until_its_last_leg_is_closed() {
        let mut placement = Placement::among(2);
        (0..FULL as u64).for_each(|call| placement.open(leg(call, 0)));
        placement.open(leg(7, 1));
        placement.open(leg(7, 1));
        assert_eq!(placement.load, [FULL + 1, 0], "a leg opened twice counts once");
        assert_eq!(placement.of(CallId(1000)), 1);
        placement.close(leg(7, 0));
        assert_eq!(placement.of(CallId(7)), 0);
        placement.close(leg(7, 1));
        placement.close(leg(7, 1));
        assert_eq!(placement.load, [FULL - 1, 0], "a leg closed twice counts once");
        assert_eq!(placement.of(CallId(1000)), 0);
    }
}
