//! What a party has said in packets: where each belongs, and what is missing between them.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::Instant;

use super::super::timeline::{Noted, TimeLine, units_at};
use super::super::{Header, JITTER_MOST_MS, SAMPLE_RATE};

pub(super) struct Spoken {
    line: TimeLine,
    /// From a place on the peer's time line to that of the recording: as it is, and as it would be if it were set now.
    shift: Option<i64>,
    right_shift: i64,
    /// Samples in a packet: the first was said so long before the packet left.
    packet: i64,
    /// What has come, in the order of its places. What joins without a seam is one piece.
    pieces: VecDeque<Piece>,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    from: i64,
    to: i64,
}

/// With more pieces than that at hand nothing is made up: a voice that comes in such crumbs is none, and each seam costs a
/// search for its pitch. Every other packet of 20 ms lost makes half as many.
const MOST_PIECES: usize = 32;

impl Default for Spoken {
    fn default() -> Self {
        let most = Duration::from_millis(JITTER_MOST_MS.into());
        Spoken {
            line: TimeLine::new(SAMPLE_RATE, most),
            shift: None,
            right_shift: 0,
            packet: 0,
            pieces: VecDeque::new(),
        }
    }
}

impl Spoken {
    /// Takes note of a packet. `None` where it is older than anything that could be put right.
    pub fn note(&mut self, now: Instant, began: Instant, header: &Header, ticks: i64) -> Option<Noted> {
        let noted = self.line.note(now, header, ticks)?;
        if noted.begins {
            self.packet = ticks;
        }
        let fastest = self.line.baseline().unwrap_or(0);
        self.right_shift = fastest - self.packet - units_at(began, SAMPLE_RATE);
        Some(noted)
    }

    /// How far the party is out of step, in samples: its clock drifts, or its network has become faster.
    pub fn out_by(&self) -> u64 {
        self.shift.map_or(0, |shift| shift.abs_diff(self.right_shift))
    }

    /// Where a packet belongs on the recording's time line. `keep`: where it goes on from the last one without a seam.
    pub fn place(&mut self, noted: Noted, keep: bool) -> i64 {
        if !keep {
            self.shift = None;
        }
        noted.place + *self.shift.get_or_insert(self.right_shift)
    }

    /// Something has come. `joins`: without a seam to what lies right beside it.
    pub fn add(&mut self, from: i64, to: i64, joins: bool) {
        if self.pieces.len() >= MOST_PIECES {
            self.interrupt();
        }
        match self.pieces.back_mut() {
            Some(last) if joins && last.to == from => last.to = to,
            Some(last) if from < last.to => self.insert(from, to),
            _ => self.pieces.push_back(Piece { from, to }),
        }
    }

    /// Late, and before something that came earlier.
    fn insert(&mut self, from: i64, to: i64) {
        let at = self.pieces.partition_point(|piece| piece.from <= from);
        let before = at.checked_sub(1);
        let reaches = before.and_then(|before| self.pieces.get(before)).map(|before| before.to);
        if reaches.is_some_and(|reaches| to <= reaches) {
            return;
        }
        let goes_on = self.pieces.get(at).is_some_and(|after| after.from == to);
        match (before.filter(|_| reaches == Some(from)), goes_on) {
            (Some(before), true) => {
                let end = self.pieces.remove(at).map_or(to, |after| after.to);
                self.pieces.get_mut(before).into_iter().for_each(|piece| piece.to = end);
            }
            (Some(before), false) => self.pieces.get_mut(before).into_iter().for_each(|piece| piece.to = to),
            (None, true) => self.pieces.get_mut(at).into_iter().for_each(|piece| piece.from = from),
            (None, false) => self.pieces.insert(at, Piece { from, to }),
        }
    }

    /// What comes next goes on nowhere.
    pub fn interrupt(&mut self) {
        self.pieces.clear();
    }

    /// The first place before `limit` where something is missing, and where the voice comes back. It is not said again.
    pub fn missing_before(&mut self, limit: i64) -> Option<(i64, Option<i64>)> {
        let first = self.pieces.front().filter(|first| first.to < limit)?.to;
        if let Some((from, back)) = self.missing_between() {
            return Some((from, Some(back)));
        }
        self.pieces.clear();
        Some((first, None))
    }

    /// The same, where the voice has come back already.
    pub fn missing_between(&mut self) -> Option<(i64, i64)> {
        let back = self.pieces.get(1)?.from;
        let first = self.pieces.pop_front()?;
        let second = self.pieces.front_mut()?;
        // Where the second begins before the first ends it has been laid over it.
        (second.from, second.to) = (first.from, second.to.max(first.to));
        Some((first.to.min(back), back))
    }
}
