//! The RTP ports that legs take and give back.

use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;

/// Even ports for RTP; the odd one above each is its RTCP (RFC 3550 §11). A port given back is the last to be
/// taken again, so that late packets of its last owner meet nobody. One that somebody else on this machine has costs one
/// call, and is then left alone while there are others.
#[derive(Debug)]
pub struct PortPool {
    free: VecDeque<u16>,
    taken: BTreeSet<u16>,
    /// Could not be bound when they were taken last.
    avoided: VecDeque<u16>,
    foreign: BTreeSet<u16>,
}

impl PortPool {
    pub fn new(range: RangeInclusive<u16>) -> Self {
        let free = range.clone().filter(|port| port % 2 == 0 && *port < *range.end()).collect();
        PortPool { free, taken: BTreeSet::new(), avoided: VecDeque::new(), foreign: BTreeSet::new() }
    }

    /// `None` when every port has its leg.
    pub fn take(&mut self) -> Option<u16> {
        let port = self.free.pop_front().or_else(|| self.avoided.pop_front())?;
        self.taken.insert(port);
        Some(port)
    }

    /// It was taken, and somebody else turned out to have it.
    pub fn is_foreign(&mut self, port: u16) {
        if self.taken.contains(&port) {
            self.foreign.insert(port);
        }
    }

    pub fn give_back(&mut self, port: u16) {
        if self.taken.remove(&port) {
            let list = if self.foreign.remove(&port) { &mut self.avoided } else { &mut self.free };
            list.push_back(port);
        }
    }

    pub fn taken(&self) -> impl Iterator<Item = u16> {
        self.taken.iter().copied()
    }

    pub fn free(&self) -> usize {
        self.free.len() + self.avoided.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_ports_with_room_for_rtcp_and_reuse_at_the_end() {
        let mut pool = PortPool::new(10_001..=10_006);
        assert_eq!(pool.free(), 2, "10006 has no odd port above it in the range");
        let first = pool.take();
        assert_eq!(first, Some(10_002));
        pool.give_back(10_002);
        assert_eq!((pool.take(), pool.take(), pool.take()), (Some(10_004), Some(10_002), None));
        pool.give_back(9);
        assert_eq!(pool.take(), None, "what was never taken is not given back");
    }

    #[test]
    fn a_port_that_somebody_else_has_is_taken_only_when_there_is_no_other() {
        let mut pool = PortPool::new(10_000..=10_003);
        assert_eq!(pool.take(), Some(10_000));
        pool.is_foreign(10_000);
        pool.is_foreign(10_002);
        pool.give_back(10_000);
        assert_eq!((pool.take(), pool.free()), (Some(10_002), 1));
        pool.give_back(10_002);
        assert_eq!((pool.take(), pool.take(), pool.take()), (Some(10_002), Some(10_000), None));
        pool.give_back(10_000);
        pool.give_back(10_002);
        assert_eq!(pool.take(), Some(10_000), "it could be bound this time");
    }
}
