//! The latest messages, in memory that is taken once: keeping one is a copy and no allocation.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::base::Wall;
use crate::sip::Flow;

use super::Seen;

/// Bounded in messages and octets; the oldest make room.
pub struct Ring {
    arena: Vec<u8>,
    /// Octets that were ever given out; the place in the arena is this modulo its length.
    end: u64,
    kept: VecDeque<Kept>,
    most: usize,
}

struct Kept {
    at: Wall,
    sent: bool,
    flow: Flow,
    start: u64,
    length: usize,
}

impl Ring {
    pub fn new(messages: usize, octets: usize) -> Ring {
        let octets = if messages == 0 { 0 } else { octets };
        Ring { arena: vec![0; octets], end: 0, kept: VecDeque::with_capacity(messages), most: messages }
    }

    /// A message that is longer than the whole ring is not kept.
    pub fn push(&mut self, at: Wall, sent: bool, flow: Flow, bytes: &[u8]) {
        if self.most == 0 || bytes.len() > self.arena.len() || self.arena.is_empty() {
            return;
        }
        let (room, length) = (self.arena.len() as u64, bytes.len() as u64);
        // In one piece: what is left before the arena's end is passed over.
        let tail = room - self.end % room;
        let start = if tail < length { self.end + tail } else { self.end };
        let end = start + length;
        while self.kept.len() >= self.most
            || self.kept.front().is_some_and(|oldest| oldest.start + room < end)
        {
            self.kept.pop_front();
        }
        let offset = usize::try_from(start % room).unwrap_or(0);
        if let Some(place) = self.arena.get_mut(offset..offset + bytes.len()) {
            place.copy_from_slice(bytes);
            self.end = end;
            self.kept.push_back(Kept { at, sent, flow, start, length: bytes.len() });
        }
    }

    /// The oldest first. One copy for all of them.
    pub fn all(&self) -> Vec<Seen> {
        let arena = Bytes::copy_from_slice(&self.arena);
        let room = self.arena.len().max(1) as u64;
        let seen = |kept: &Kept| {
            let offset = usize::try_from(kept.start % room).unwrap_or(0);
            let bytes = arena.slice(offset..offset + kept.length);
            Seen { at: kept.at, sent: kept.sent, flow: kept.flow, bytes }
        };
        self.kept.iter().map(seen).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sip::Transport;

    fn push(ring: &mut Ring, bytes: &[u8]) {
        let address = ([192, 0, 2, 1], 5060).into();
        let flow = Flow { transport: Transport::Udp, local: address, remote: address, connection: 0 };
        ring.push(Wall::default(), false, flow, bytes);
    }

    fn held(ring: &Ring) -> Vec<Vec<u8>> {
        ring.all().iter().map(|seen| seen.bytes.to_vec()).collect()
    }

    #[test]
    fn the_oldest_make_room_by_number_and_by_length() {
        let mut ring = Ring::new(3, 10);
        for bytes in ["a", "b", "c", "d"] {
            push(&mut ring, bytes.as_bytes());
        }
        assert_eq!(held(&ring), [b"b", b"c", b"d"]);
        push(&mut ring, b"eeeeeeeee");
        assert_eq!(held(&ring), [b"eeeeeeeee"]);
        push(&mut ring, b"longer than all of it");
        assert_eq!(held(&ring), [b"eeeeeeeee"]);
        let mut off = Ring::new(0, 10);
        push(&mut off, b"a");
        assert!(held(&off).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever is kept is whole, in order, and the newest.
        #[test]
        fn what_is_kept_is_the_end_of_what_came(
            lengths in proptest::collection::vec(0usize..40, 0..200),
            most in 1usize..12,
            octets in 1usize..100,
        ) {
            let mut ring = Ring::new(most, octets);
            let mut came: Vec<Vec<u8>> = Vec::new();
            for (at, length) in lengths.into_iter().enumerate() {
                let bytes = vec![u8::try_from(at % 256).unwrap(); length];
                push(&mut ring, &bytes);
                if length <= octets {
                    came.push(bytes);
                }
                let held = held(&ring);
                prop_assert!(held.len() <= most && came.ends_with(&held));
                prop_assert!(came.is_empty() || !held.is_empty());
            }
        }
    }
}
