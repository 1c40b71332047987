//! The time line of what a peer says: where each packet lies, and how late it was.
//!
//! A *place* is where a packet lies on one time line of ours, in units of the RTP clock, that goes on over changes
//! of the source and jumps of its clock. A packet's *transit* is its arrival less its place; what it is above the
//! fastest of the last seconds (the *baseline*, which follows the drift of the peer's clock) is its *lateness*.

use std::time::Duration;

use crate::base::Instant;

use super::Header;

#[derive(Clone, Debug)]
pub(super) struct TimeLine {
    /// Units a second of time stamps and places.
    clock: u32,
    /// The longest that a packet is waited for.
    patience: i64,
    newest: Option<Newest>,
    /// Time lines begun so far.
    begun: u32,
    /// The fastest transit of this window, and of the one before.
    fastest: Option<(i64, i64)>,
    window_began: Instant,
}

/// Where a packet lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    pub place: i64,
    pub late_by: i64,
    /// The source is another one, or its clock has jumped: what lies right behind the end of another packet does not
    /// go on from there.
    pub begins: bool,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    place: i64,
    end: i64,
}

/// A packet that is earlier than the fastest by so much is on another time line, in milliseconds.
const TOO_EARLY_MS: i64 = 300;
/// What may be late beyond twice the longest delay, in milliseconds.
const SLACK_MS: i64 = 100;
/// A packet this far behind in its sequence is late, and no new beginning.
const REORDERED: u16 = 100;
/// The fastest transit is that of the last one or two windows: short enough to follow a change of route, and a drift of
/// 100 ppm within a millisecond.
const WINDOW: Duration = Duration::from_secs(5);

impl TimeLine {
    /// `clock`: units a second of the time stamps. `most`: the longest delay that a listener would wait.
    pub fn new(clock: u32, most: Duration) -> Self {
        let most = most.as_micros() as i64 * i64::from(clock) / 1_000_000;
        TimeLine {
            clock,
            patience: 2 * most + SLACK_MS * i64::from(clock) / 1000,
            newest: None,
            begun: 0,
            fastest: None,
            window_began: Instant::ZERO,
        }
    }

    pub fn clock(&self) -> u32 {
        self.clock
    }

    /// Time lines begun so far.
    pub fn begun(&self) -> u32 {
        self.begun
    }

    /// A packet arrived that is `ticks` long. `None` where it is older than the time line.
    pub fn note(&mut self, now: Instant, header: &Header, ticks: i64) -> Option<Noted> {
        let arrival = units_at(now, self.clock);
        let (place, begins) = match self.place(arrival, header) {
            Placed::On(place) => (place, false),
            Placed::Anew => {
                self.begun = self.begun.wrapping_add(1);
                let said_now = arrival - self.baseline().unwrap_or(0);
                (self.newest.take().map_or(said_now, |newest| said_now.max(newest.end)), true)
            }
            Placed::Nowhere => return None,
        };
        let late_by = self.note_transit(now, arrival - place);
        if self.newest.is_none_or(|newest| place > newest.place) {
            let (ssrc, sequence, timestamp) = (header.ssrc, header.sequence, header.timestamp);
            self.newest = Some(Newest { ssrc, sequence, timestamp, place, end: place + ticks });
        }
        Some(Noted { place, late_by, begins })
    }

    /// The place of what arrives now, if it was as fast as the fastest.
    pub fn said_now(&self, now: Instant) -> i64 {
        units_at(now, self.clock) - self.baseline().unwrap_or(0)
    }

    pub fn baseline(&self) -> Option<i64> {
        self.fastest.map(|(this, before)| this.min(before))
    }

    fn place(&self, arrival: i64, header: &Header) -> Placed {
        let Some(newest) = self.newest.filter(|newest| newest.ssrc == header.ssrc) else {
            return Placed::Anew;
        };
        let steps = header.sequence.wrapping_sub(newest.sequence) as i16;
        let ahead = i64::from(header.timestamp.wrapping_sub(newest.timestamp) as i32);
        let place = newest.place + ahead;
        let late_by = arrival - place - self.baseline().unwrap_or(0);
        // Later than anything that would be waited for: the peer's clock stood still, or jumped back.
        let too_early = TOO_EARLY_MS * i64::from(self.clock) / 1000;
        let in_time = late_by > -too_early && late_by < self.patience;
        if steps > 0 && ahead > 0 && in_time {
            Placed::On(place)
        } else if steps <= 0 && steps.unsigned_abs() < REORDERED {
            if ahead <= 0 && in_time { Placed::On(place) } else { Placed::Nowhere }
        } else {
            Placed::Anew
        }
    }

    /// Takes note of a packet's transit and says how late it was.
    fn note_transit(&mut self, now: Instant, transit: i64) -> i64 {
        let (this, before) = match self.fastest {
            None => {
                self.window_began = now;
                (transit, transit)
            }
            Some((this, _)) if now.since(self.window_began) > WINDOW => {
                self.window_began = now;
                (transit, this)
            }
            Some((this, before)) => (this.min(transit), before),
        };
        self.fastest = Some((this, before));
        transit - this.min(before)
    }
}

enum Placed {
    On(i64),
    /// A time line begins.
    Anew,
    /// Older than the time line.
    Nowhere,
}

/// A time in units of a clock.
pub(super) fn units_at(time: Instant, clock: u32) -> i64 {
    let (seconds, micros) = (time.as_micros() / 1_000_000, time.as_micros() % 1_000_000);
    (seconds * u64::from(clock) + micros * u64::from(clock) / 1_000_000) as i64
}
