//! What a leg's peer says, as linear frames at a steady pace, for whoever needs samples and not packets.
//!
//! Packets go in as they arrive ([`Ear::hear`]); in the leg's slot, once in 20 ms, exactly one frame comes out
//! ([`Ear::frame`]), whatever was lost, late or never sent. A leg has an ear only while it has a consumer: a bridge of
//! equal codecs and a caller in a menu do without.
//!
//! A consumer attaches in two lines: `Session::is_listened_to` must say yes for it, and `Engine::hand_out` gives it
//! the frame. There each frame is pulled once and shown to all; who needs another rate than the frame's
//! resamples it. A consumer that hears several legs takes the others' [`Ear::latest`] in its own slot.

use crate::base::{Codec, Instant};

use super::{FRAME_SAMPLES, Header, SAMPLE_RATE, g711};

/// 20 ms of what a peer said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    /// Linear, 20 ms of them at `rate`.
    pub samples: &'a [i16],
    /// 8000, 16000 or 48000 a second: the codec's own.
    pub rate: u32,
    pub kind: Kind,
    /// When the frame was said, by our clock and without the network's delay: its first sample.
    pub said: Instant,
    /// It was said while keyed digits were to stay unheard ([`Command::Secret`](super::Command)): neither
    /// recorded nor passed on.
    pub secret: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Received.
    Voice,
    /// Nothing was received for this time.
    Silence,
}

#[derive(Clone, Debug)]
pub(super) struct Ear {
    window: Box<[Heard; WINDOW]>,
    line: Option<Line>,
    samples: [i16; FRAME_SAMPLES],
    kind: Kind,
    said: Instant,
    secret: bool,
    /// End of the newest frame.
    played: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    sample: i16,
    here: bool,
    secret: bool,
}

/// How a peer's time stamps lie on our time line.
#[derive(Clone, Copy, Debug)]
struct Line {
    ssrc: u32,
    /// This time stamp lies at this place; both move with the newest packet.
    timestamp: u32,
    place: u64,
}

/// Samples at hand.
const WINDOW: usize = 4096;
/// From the end of a frame to the time when it is handed out, in samples (40 ms).
const DELAY: u64 = 320;

impl Default for Ear {
    fn default() -> Self {
        Ear {
            window: Box::new([Heard::default(); WINDOW]),
            line: None,
            samples: [0; FRAME_SAMPLES],
            kind: Kind::Silence,
            said: Instant::ZERO,
            secret: false,
            played: 0,
        }
    }
}

impl Ear {
    /// The peer said something. `secret`: while keyed digits were to stay unheard.
    pub fn hear(&mut self, now: Instant, header: &Header, codec: Codec, payload: &[u8], secret: bool) {
        // What arrives now has just been said.
        let expected = samples_at(now).saturating_sub(payload.len() as u64);
        let (place, newest) = match self.line {
            Some(line) if line.ssrc == header.ssrc => {
                let ahead = header.timestamp.wrapping_sub(line.timestamp) as i32;
                let place = line.place.saturating_add_signed(i64::from(ahead));
                let in_step = place + DELAY >= expected && place <= expected + DELAY;
                if ahead <= 0 && ahead.unsigned_abs() < SAMPLE_RATE {
                    (place, false)
                } else if ahead > 0 && in_step {
                    (place, true)
                } else {
                    (expected, true)
                }
            }
            _ => (expected, true),
        };
        if newest {
            self.line = Some(Line { ssrc: header.ssrc, timestamp: header.timestamp, place });
        }
        let played = self.played;
        let Some(law) = codec.law() else { return };
        let linear = g711::linear(law);
        for (place, octet) in (place..).zip(payload) {
            if place >= played && place < played + WINDOW as u64 {
                let sample = linear[usize::from(*octet)];
                self.window[place as usize % WINDOW] = Heard { sample, here: true, secret };
            }
        }
    }

    /// The next 20 ms. To be called once in 20 ms.
    pub fn frame(&mut self, now: Instant) -> Frame<'_> {
        let Some(place) = samples_at(now).checked_sub(DELAY + FRAME_SAMPLES as u64) else {
            return self.latest();
        };
        self.said = Instant::from_micros(place * 1_000_000 / u64::from(SAMPLE_RATE));
        (self.kind, self.secret) = (Kind::Silence, false);
        self.played = place + FRAME_SAMPLES as u64;
        for (place, sample) in (place..).zip(&mut self.samples) {
            let heard = std::mem::take(&mut self.window[place as usize % WINDOW]);
            *sample = heard.sample;
            if heard.here {
                self.kind = Kind::Voice;
            }
            self.secret |= heard.secret;
        }
        self.latest()
    }

    /// What has been heard up to now and not been pulled, for a consumer that leaves.
    pub fn rest(&self, now: Instant, mut consume: impl FnMut(&Frame<'_>)) {
        let mut ear = self.clone();
        let pulled = samples_at(self.said) + DELAY + FRAME_SAMPLES as u64;
        let mut at =
            (pulled + FRAME_SAMPLES as u64).max(samples_at(now).saturating_sub(FRAME_SAMPLES as u64));
        while ear.said < now && at < samples_at(now) + 2 * DELAY {
            consume(&ear.frame(Instant::from_micros(at * 1_000_000 / u64::from(SAMPLE_RATE))));
            at += FRAME_SAMPLES as u64;
        }
    }

    /// The frame of the last call of [`Ear::frame`] once more.
    pub fn latest(&self) -> Frame<'_> {
        Frame {
            samples: &self.samples,
            rate: SAMPLE_RATE,
            kind: self.kind,
            said: self.said,
            secret: self.secret,
        }
    }
}

fn samples_at(now: Instant) -> u64 {
    now.as_micros() * u64::from(SAMPLE_RATE) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_follow_the_time_stamps_whatever_the_order() {
        let mut ear = Ear::default();
        let hear = |ear: &mut Ear, ms: u64, n: u32| {
            let header =
                Header { marker: false, payload_type: 8, sequence: n as u16, timestamp: n * 160, ssrc: 1 };
            ear.hear(Instant::from_micros(ms * 1000), &header, Codec::Pcma, &[n as u8; 160], n == 3);
        };
        for (ms, n) in [(20, 0), (62, 2), (63, 1), (63, 1), (80, 3), (120, 5)] {
            hear(&mut ear, ms, n);
        }
        let heard: Vec<_> = (0..6)
            .map(|n| {
                let frame = ear.frame(Instant::from_micros(60_000 + n * 20_000));
                assert_eq!(
                    (frame.said.as_micros(), frame.samples.len(), frame.rate),
                    (n * 20_000, 160, 8000)
                );
                (frame.kind, frame.samples[159], frame.secret)
            })
            .collect();
        let voice = |n: u8| (Kind::Voice, g711::decode(crate::base::Law::A, n), n == 3);
        assert_eq!(heard, [voice(0), voice(1), voice(2), voice(3), (Kind::Silence, 0, false), voice(5)]);
    }
}
