//! The adaptive jitter buffer: packets in as the network brings them, out in order and when their time has come.
//!
//! ```text
//!   time stamps --> places --> lateness of each packet --> target delay
//!                     |
//!   packets ------> buffer --- next(now) ---> packet | missing
//!                                ^ cursor: the place played next
//! ```
//!
//! Places and lateness are those of the [`TimeLine`].

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::{Codec, Instant};

use super::Header;
use super::timeline::TimeLine;

#[derive(Clone, Debug)]
pub(super) struct JitterBuffer {
    least: i64,
    most: i64,
    packets: VecDeque<Packet>,
    line: TimeLine,
    /// The place of what is taken next.
    cursor: i64,
    /// What the listener was given since the buffer ran dry, without the cursor going on.
    held: i64,
    /// Off in silence: then the next packet waits until the target delay has passed.
    flowing: bool,
    /// The cursor is where something has been played up to.
    played: bool,
    lateness: Lateness,
    counts: Counts,
    /// Emptied payloads, to be filled again.
    spare: Vec<Vec<u8>>,
}

/// What became of packets, and of the time for which there were none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Packets that came when their place had been played.
    pub late: u64,
    /// Packets dropped because more were there than the longest delay holds.
    pub dropped: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub place: i64,
    /// Its length in time.
    pub ticks: i64,
    /// `None` where the payload is comfort noise.
    pub codec: Option<Codec>,
    pub payload: Vec<u8>,
    pub secret: bool,
    /// The time line that it lies on: what lies right behind the end of another does not go on from there.
    pub line: u32,
}

/// What is to be heard next.
#[derive(Debug)]
pub(super) enum Next {
    /// Without its first `skip` units: they have been played.
    Packet { packet: Packet, skip: i64 },
    /// For so long, there is nothing: lost, late, or never sent.
    Missing(i64),
}

/// Packets at most, however short.
const MOST_PACKETS: usize = 64;
/// So long after the last sample, a pause has begun, in milliseconds: what was concealed has faded by then.
const PAUSE_MS: i64 = 60;
/// What may be in the buffer beyond the longest delay: a packet or two, in milliseconds.
const SLACK_MS: i64 = 100;
/// Payloads kept for reuse.
const MOST_SPARE: usize = 4;

impl JitterBuffer {
    /// `clock`: units a second of the time stamps. The delay lies between `least` and `most`.
    pub fn new(clock: u32, least: Duration, most: Duration) -> Self {
        let units = |time: Duration| time.as_micros() as i64 * i64::from(clock) / 1_000_000;
        JitterBuffer {
            least: units(least),
            most: units(most),
            packets: VecDeque::new(),
            line: TimeLine::new(clock, most),
            cursor: 0,
            held: 0,
            flowing: false,
            played: false,
            lateness: Lateness::new(clock),
            counts: Counts::default(),
            spare: Vec::new(),
        }
    }

    /// Units a second of time stamps and places.
    pub fn clock(&self) -> u32 {
        self.line.clock()
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// A packet arrived that is `ticks` long.
    pub fn put(
        &mut self,
        now: Instant,
        header: &Header,
        ticks: i64,
        codec: Option<Codec>,
        payload: &[u8],
        secret: bool,
    ) {
        if ticks <= 0 {
            return;
        }
        let Some(noted) = self.line.note(now, header, ticks) else {
            self.counts.late += 1;
            return;
        };
        let place = noted.place;
        self.lateness.note(noted.late_by);
        // Grow at once: the next may be as late.
        if !noted.begins && noted.late_by > self.lateness.target {
            self.lateness.target = noted.late_by.min(self.most);
        }
        if self.played && place + ticks <= self.cursor {
            self.counts.late += 1;
            return;
        }
        let at = self.packets.partition_point(|other| other.place < place);
        if self.packets.get(at).is_some_and(|other| other.place == place) {
            return;
        }
        let mut octets = self.spare.pop().unwrap_or_default();
        octets.extend_from_slice(payload);
        let packet = Packet { place, ticks, codec, payload: octets, secret, line: self.line.begun() };
        self.packets.insert(at, packet);
        self.shed();
    }

    /// What is heard next, for at most `want` units. `ahead`: units that were taken and are not yet heard.
    pub fn next(&mut self, now: Instant, want: i64, ahead: i64) -> Next {
        let Some(front) = self.packets.front().map(|front| front.place) else {
            return self.run_dry(want);
        };
        if self.flowing && front - self.cursor - self.held > self.most + self.milliseconds(PAUSE_MS) {
            (self.flowing, self.held) = (false, 0);
        }
        if !self.flowing {
            // The beginning of a talk spurt: here the delay is set anew, and nobody hears it.
            let due = self.line.said_now(now) + ahead - self.target();
            if front > due {
                return Next::Missing(want.min(front - due));
            }
            self.flowing = true;
            return self.take();
        }
        let gap = front - self.cursor - self.held;
        if gap <= 0 {
            return self.take();
        }
        self.cursor += self.held + gap.min(want);
        self.held = 0;
        Next::Missing(gap.min(want))
    }

    /// Whether what is heard next is here already.
    pub fn is_ready(&self) -> bool {
        self.flowing && self.packets.front().is_some_and(|front| front.place <= self.cursor + self.held)
    }

    /// The packet right behind what was missing just now: it may repeat some of it.
    pub fn follower(&self) -> Option<&Packet> {
        self.packets.front().filter(|front| self.held == 0 && front.place == self.cursor)
    }

    /// By how much the delay is longer than it has to be; negative where it is shorter than it should be. Nothing
    /// can be said of a pause.
    pub fn surplus(&self, now: Instant, ahead: i64) -> Option<i64> {
        self.flowing.then(|| self.delay(now, ahead) - self.target())
    }

    /// How long ago that was said which is heard now: the delay, in units.
    pub fn delay(&self, now: Instant, ahead: i64) -> i64 {
        match self.flowing {
            true => self.line.said_now(now) - (self.cursor + self.held - ahead),
            false => self.target(),
        }
    }

    /// The delay that the observed lateness asks for.
    pub fn target(&self) -> i64 {
        self.lateness.target.clamp(self.least, self.most.max(self.least))
    }

    /// The payload of a packet that was taken, for reuse.
    pub fn give_back(&mut self, mut payload: Vec<u8>) {
        if self.spare.len() < MOST_SPARE {
            payload.clear();
            self.spare.push(payload);
        }
    }

    fn take(&mut self) -> Next {
        let Some(packet) = self.packets.pop_front() else { return Next::Missing(1) };
        self.cursor = self.cursor.max(packet.place);
        let skip = self.cursor - packet.place;
        self.cursor = packet.place + packet.ticks;
        (self.held, self.played) = (0, true);
        Next::Packet { packet, skip }
    }

    /// The cursor waits for what may come; the listener is given something else meanwhile.
    fn run_dry(&mut self, ticks: i64) -> Next {
        if self.flowing {
            self.held += ticks;
            if self.held > self.milliseconds(PAUSE_MS) {
                (self.flowing, self.held) = (false, 0);
            }
        }
        Next::Missing(ticks)
    }

    /// After a stall of the network more is here than the longest delay holds: the oldest go.
    fn shed(&mut self) {
        let longest = self.most + self.milliseconds(SLACK_MS);
        let newest = self.packets.back().map_or(0, |packet| packet.place + packet.ticks);
        let too_long = |front: &Packet| newest - front.place > longest && newest - front.place > front.ticks;
        if self.packets.len() <= MOST_PACKETS && !self.packets.front().is_some_and(too_long) {
            return;
        }
        // Down to the target at once, not packet by packet with a seam at each.
        let keep = self.target().max(self.milliseconds(PAUSE_MS));
        while self.packets.len() > 1
            && (self.packets.len() > MOST_PACKETS / 2
                || self.packets.front().is_some_and(|front| newest - front.place > keep))
        {
            if let Some(packet) = self.packets.pop_front() {
                self.counts.dropped += 1;
                self.give_back(packet.payload);
            }
        }
        if let Some(front) = self.packets.front() {
            (self.cursor, self.held) = (self.cursor.max(front.place), 0);
        }
    }

    fn milliseconds(&self, ms: i64) -> i64 {
        ms * i64::from(self.clock()) / 1000
    }
}

/// How late packets are: a histogram that forgets.
#[derive(Clone, Debug)]
struct Lateness {
    /// Units in a bin.
    bin: i64,
    weights: [f32; BINS],
    total: f32,
    /// What the next packet weighs: ever more, so that the others weigh ever less.
    weight: f32,
    /// Rises at once with a late packet and sinks slowly to what the histogram says.
    target: i64,
}

/// Of 5 ms.
const BINS: usize = 64;
/// A packet's weight less in the next one's view: of 500, ten seconds, the first has a third left.
const REMEMBERED: f32 = 0.998;
/// How many may be later than the target delay, and have to be concealed.
const MAY_BE_LATE: f32 = 0.01;
/// How much of the way down the target goes with each packet.
const SINKS: i64 = 256;
/// The delay before anything is known, in milliseconds.
const FIRST_TARGET_MS: i64 = 40;

impl Lateness {
    fn new(clock: u32) -> Self {
        let clock = i64::from(clock);
        Lateness {
            bin: (clock / 200).max(1),
            weights: [0.0; BINS],
            total: 0.0,
            weight: 1.0,
            target: FIRST_TARGET_MS * clock / 1000,
        }
    }

    fn note(&mut self, late_by: i64) {
        let bin = usize::try_from(late_by / self.bin).unwrap_or(0).min(BINS - 1);
        if let Some(weight) = self.weights.get_mut(bin) {
            *weight += self.weight;
        }
        self.total += self.weight;
        self.weight /= REMEMBERED;
        if self.weight > 1e6 {
            let scale = 1.0 / self.weight;
            self.weights.iter_mut().for_each(|weight| *weight *= scale);
            self.total *= scale;
            self.weight = 1.0;
        }
        let asked = self.asked();
        if self.target > asked {
            self.target -= (self.target - asked + SINKS - 1) / SINKS;
        }
    }

    /// The delay in which all but a few would have come.
    fn asked(&self) -> i64 {
        // From the earliest: nearly all are among the first few.
        let mut in_time = 0.0;
        for (bin, weight) in self.weights.iter().enumerate() {
            in_time += weight;
            if in_time >= self.total * (1.0 - MAY_BE_LATE) {
                return (bin as i64 + 1) * self.bin;
            }
        }
        BINS as i64 * self.bin
    }
}

#[cfg(test)]
mod tests;
