//! How many of a lane come before one of it, without walking the lane.
//!
//! Whoever is appended to a lane draws a ticket: one bit in a block of 4096, and one counter per block. Before
//! a ticket come the counters of the blocks before and the bits before it in its own. Tickets ascend with the order
//! of the lane; who is inserted further ahead (a place that was kept, an owner who was waited for) can have none
//! and stands in a list of its own, which is short. What is told here is for callers' ears: while many threads
//! change the lane at once it may be off by what they are just changing, and it never decides who is served.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use crossbeam_skiplist::SkipMap;

use super::walk;
use crate::queue::line::Key;

const WORDS: usize = 64;
const BLOCK: u64 = 64 * WORDS as u64;

/// Instead of a ticket: stands in the list of those inserted ahead.
pub(super) const AHEAD: u64 = u64::MAX - 1;

pub(super) struct Tickets {
    next: AtomicU64,
    /// The greatest virtual time appended so far: what comes before it has no ticket.
    last: AtomicI64,
    blocks: SkipMap<u64, Arc<Block>>,
    ahead: SkipMap<Key, ()>,
}

struct Block {
    count: AtomicU32,
    bits: [AtomicU64; WORDS],
}

impl Default for Tickets {
    fn default() -> Self {
        let (blocks, ahead) = (SkipMap::new(), SkipMap::new());
        Tickets { next: AtomicU64::new(0), last: AtomicI64::new(i64::MIN), blocks, ahead }
    }
}

impl Tickets {
    /// For one who enters the lane. Comes back with [`give_back`](Tickets::give_back).
    pub fn draw(&self, key: Key) -> u64 {
        if self.last.fetch_max(key.v, Ordering::Relaxed) > key.v {
            self.ahead.insert(key, ());
            return AHEAD;
        }
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        self.restore(ticket, key);
        ticket
    }

    /// For one who enters again at its old place.
    pub fn restore(&self, ticket: u64, key: Key) {
        if ticket == AHEAD {
            self.ahead.insert(key, ());
            return;
        }
        let empty =
            || Arc::new(Block { count: AtomicU32::new(0), bits: [const { AtomicU64::new(0) }; WORDS] });
        let block = self.blocks.get_or_insert_with(ticket / BLOCK, empty);
        let (word, bit) = place(ticket);
        if block.value().bits[word].fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            block.value().count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn give_back(&self, ticket: u64, key: Key) {
        if ticket == AHEAD {
            self.ahead.remove(&key);
            return;
        }
        let number = ticket / BLOCK;
        let Some(block) = self.blocks.get(&number) else { return };
        let (word, bit) = place(ticket);
        if block.value().bits[word].fetch_and(!bit, Ordering::Relaxed) & bit != 0
            && block.value().count.fetch_sub(1, Ordering::Relaxed) == 1
            && self.next.load(Ordering::Relaxed) / BLOCK != number
        {
            block.remove();
        }
    }

    /// How many have tickets before this one.
    pub fn before(&self, ticket: u64) -> usize {
        let number = ticket / BLOCK;
        let count = |block: &Block| block.count.load(Ordering::Relaxed) as usize;
        let whole: usize = walk::before(&self.blocks, number).map(|block| count(block.value())).sum();
        let Some(block) = self.blocks.get(&number) else { return whole };
        let (word, bit) = place(ticket);
        let ones = |bits: u64| bits.count_ones() as usize;
        let bits = &block.value().bits;
        let words: usize = bits[..word].iter().map(|bits| ones(bits.load(Ordering::Relaxed))).sum();
        whole + words + ones(bits[word].load(Ordering::Relaxed) & (bit - 1))
    }

    /// All who have tickets.
    pub fn all(&self) -> usize {
        self.blocks.iter().map(|block| block.value().count.load(Ordering::Relaxed) as usize).sum()
    }

    /// How many without a ticket come before this key.
    pub fn ahead_of(&self, key: Key) -> usize {
        walk::before(&self.ahead, key).count()
    }

    /// Blocks and entries held, for the proof that nothing piles up.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.blocks.len() + self.ahead.len()
    }
}

/// Which word of its block, and which bit of it.
fn place(ticket: u64) -> (usize, u64) {
    let within = ticket % BLOCK;
    ((within / 64) as usize, 1 << (within % 64))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn key(v: i64) -> Key {
        Key { v, seq: v as u64, index: 0 }
    }

    #[test]
    fn ranks_are_those_of_a_list_over_many_blocks() {
        let tickets = Tickets::default();
        let mut live: Vec<u64> = (0..20_000).map(|v| tickets.draw(key(v))).collect();
        for at in (0..live.len()).rev().step_by(3) {
            let gone = live.remove(at);
            tickets.give_back(gone, key(gone as i64));
        }
        for (rank, ticket) in live.iter().enumerate().step_by(131) {
            assert_eq!(tickets.before(*ticket), rank);
        }
        assert_eq!(tickets.all(), live.len());
        for ticket in live {
            tickets.give_back(ticket, key(ticket as i64));
        }
        assert!(tickets.held() <= 1, "only the block in use stays");
    }

    #[test]
    fn who_is_inserted_ahead_is_counted_apart_and_keeps_nobody_s_ticket() {
        let tickets = Tickets::default();
        let last = tickets.draw(key(100));
        let early = tickets.draw(key(50));
        assert_eq!((early, tickets.before(last)), (AHEAD, 0));
        assert_eq!((tickets.ahead_of(key(100)), tickets.ahead_of(key(50))), (1, 0));
        tickets.give_back(early, key(50));
        assert_eq!(tickets.ahead_of(key(100)), 0);
    }
}
