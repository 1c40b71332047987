//! Sounding keys for peers that take no telephone events.

use std::collections::VecDeque;
use std::f32::consts::{PI, TAU};

use super::super::Digit;

/// Presses keys as tones of 100 ms with pauses of 100 ms, at any sampling rate.
#[derive(Clone, Debug, Default)]
pub(in crate::media) struct ToneSender {
    waiting: VecDeque<Digit>,
    now: Option<Sounding>,
}

/// A tone and the pause after it.
#[derive(Clone, Copy, Debug)]
struct Sounding {
    digit: Digit,
    /// Samples so far.
    at: u32,
}

/// As the tones of [`KeySender`](super::super::dtmf::KeySender): ITU-T Q.24 asks for 40 ms of each, and some
/// receivers for more.
const TONE_MS: u32 = 100;
const PAUSE_MS: u32 = 100;
/// A tone swells and fades for so long: a step would be heard as a click, and seen as all frequencies at once.
const RAMP_MS: u32 = 4;
/// Amplitudes: -10 dBm0 and, since lines weaken what is high, -8 dBm0 (ITU-T Q.23 §6 leaves it to the network).
const LOW_AMPLITUDE: f32 = 7218.0;
const HIGH_AMPLITUDE: f32 = 9087.0;
/// More keys than anybody presses are not kept.
const MAX_WAITING: usize = 64;

impl ToneSender {
    /// Characters that are no keys are left out.
    pub fn press(&mut self, keys: &str) {
        let room = MAX_WAITING.saturating_sub(self.waiting.len());
        self.waiting.extend(keys.chars().filter_map(Digit::from_char).take(room));
    }

    /// Whether keys are to be heard, now or next: nothing else is sent meanwhile.
    pub fn sounds(&self) -> bool {
        self.now.is_some() || !self.waiting.is_empty()
    }

    /// The next samples, at `rate` samples a second.
    pub fn fill(&mut self, rate: u32, samples: &mut [i16]) {
        let (tone, whole) = (rate * TONE_MS / 1000, rate * (TONE_MS + PAUSE_MS) / 1000);
        for sample in samples {
            *sample = 0;
            if self.now.is_none() {
                self.now = self.waiting.pop_front().map(|digit| Sounding { digit, at: 0 });
            }
            let Some(sounding) = &mut self.now else { continue };
            if sounding.at < tone {
                *sample = (sounding.sample(rate) * ramp(sounding.at, tone, rate)) as i16;
            }
            sounding.at += 1;
            if sounding.at >= whole {
                self.now = None;
            }
        }
    }
}

impl Sounding {
    fn sample(&self, rate: u32) -> f32 {
        let (low, high) = self.digit.tones();
        let wave = |hertz: u16| {
            // Whole turns are taken away while numbers are whole: exact for a tone of any length.
            let turn = u64::from(hertz) * u64::from(self.at) % u64::from(rate.max(1));
            (turn as f32 / rate as f32 * TAU).sin()
        };
        LOW_AMPLITUDE * wave(low) + HIGH_AMPLITUDE * wave(high)
    }
}

/// From 0 to 1 at the beginning and back at the end, as a half cosine.
fn ramp(at: u32, length: u32, rate: u32) -> f32 {
    let edge = (rate * RAMP_MS / 1000).max(1);
    let inside = at.min(length.saturating_sub(at + 1));
    if inside >= edge { 1.0 } else { 0.5 - 0.5 * (PI * (inside as f32 + 0.5) / edge as f32).cos() }
}
