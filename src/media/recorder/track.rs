//! One party's samples around the present, by their place on the recording's time line.
//!
//! ```text
//!   packets --------> where their time stamps say ----+--> window --> piece by piece, 300 ms after the fact
//!   frames of its ear --> where the last one ended ---+
//! ```
//!
//! Nobody waits for a recording, so that it needs no ear where packets are G.711 and nothing else listens: a packet
//! is decoded by table into its place, early or late, before or after its neighbours. What is still missing when its
//! time has come is concealed there, as an ear would have done. That is a seventh of what an ear costs.

use crate::base::Instant;

use super::super::conceal::{Concealer, FADED_MS};
use super::super::ear::{Frame, Kind};
use super::super::pitch::loudness;
use super::super::resample::Resampler;
use super::super::{FRAME_SAMPLES, SAMPLE_RATE, g711};
use super::Packet;
use super::spoken::Spoken;

pub(super) struct Track {
    window: Box<[i16; WINDOW]>,
    /// The first sample of the window that has not been handed over.
    taken: i64,
    /// Below this loudness nobody speaks.
    level: u16,
    /// Where the next frame would go on without a seam.
    next: Option<i64>,
    /// Only while packets come, and not frames.
    spoken: Option<Spoken>,
    /// To the recording's rate from this one.
    resampler: Option<(u32, Resampler)>,
    resampled: Vec<i16>,
}

/// Samples of a track at hand, in whole frames: a piece, the lateness, a frame, and as much as a party may be ahead.
pub(super) const WINDOW: usize = 40 * FRAME_SAMPLES;
/// A party may be out of step by so much, in samples (10 ms): where its jitter buffer has changed its delay there is no
/// seam while somebody speaks, and both are put right in the next pause.
const OUT_OF_STEP: u64 = 80;
/// Out of step by more than this, in samples (160 ms), a party is put right at once.
const FAR_OUT_OF_STEP: u64 = 1280;
/// What is missing so long before it is handed over is concealed, in samples (60 ms): then all that concealment goes by
/// is still at hand.
const SETTLED: i64 = 3 * FRAME_SAMPLES as i64;
/// Samples before a loss that concealment goes by, and after it that it may blend (50 and 10 ms).
const BEFORE: i64 = 400;
const AFTER: i64 = 80;
const FADED: i64 = (FADED_MS * SAMPLE_RATE as usize / 1000) as i64;

impl Track {
    pub fn new(taken: u64, level: u16) -> Self {
        Track {
            window: Box::new([0; WINDOW]),
            taken: taken as i64,
            level,
            next: None,
            spoken: None,
            resampler: None,
            resampled: Vec::new(),
        }
    }

    /// What comes next goes on nowhere.
    pub fn pause(&mut self) {
        self.next = None;
        self.join_all();
        if let Some(spoken) = &mut self.spoken {
            spoken.interrupt();
        }
    }

    /// A packet arrived, as its sender left it. `blank`: it shall not be heard. `began`: when the recording did.
    pub fn hear(&mut self, now: Instant, began: Instant, packet: &Packet<'_>, blank: bool) {
        self.next = None;
        let ticks = packet.payload.len() as i64;
        let table = g711::linear(packet.law);
        let spoken = self.spoken.get_or_insert_default();
        let Some(noted) = spoken.note(now, began, packet.header, ticks) else { return };
        if blank || packet.secret {
            return self.pause();
        }
        let level = i64::from(self.level);
        let is_loud = || {
            let squares = packet.payload.iter().map(|octet| i64::from(table[usize::from(*octet)]).pow(2));
            squares.sum::<i64>() >= level.pow(2) * ticks
        };
        let out_by = spoken.out_by();
        let keep = out_by <= OUT_OF_STEP || out_by <= FAR_OUT_OF_STEP && is_loud();
        let at = spoken.place(noted, keep);
        let (from, to) = (at.max(self.taken), (at + ticks).min(self.taken + WINDOW as i64));
        if from < to {
            spoken.add(from, to, keep && !noted.begins);
            self.lay_at(at, packet.payload, |place, octet| *place = table[usize::from(octet)]);
        }
    }

    /// A frame of the party's ear.
    pub fn lay(&mut self, place: i64, frame: &Frame<'_>) {
        if self.spoken.is_some() {
            self.join_all();
            self.spoken = None;
        }
        if frame.rate != SAMPLE_RATE {
            let mut resampled = std::mem::take(&mut self.resampled);
            resampled.clear();
            if let Some(resampler) = self.resampler_from(frame.rate) {
                resampler.run(frame.samples, &mut resampled);
            }
            self.lay_samples(place, frame, &resampled);
            self.resampled = resampled;
        } else {
            self.lay_samples(place, frame, frame.samples);
        }
    }

    /// All that is missing before `end` is made up for.
    pub fn settle(&mut self, end: u64) {
        let limit = end as i64 + SETTLED;
        while let Some((from, back)) = self.spoken.as_mut().and_then(|spoken| spoken.missing_before(limit)) {
            self.conceal(from, back);
        }
    }

    /// So is what is missing between what has come, and no more: there is nothing to wait for.
    fn join_all(&mut self) {
        while let Some((from, back)) = self.spoken.as_mut().and_then(|spoken| spoken.missing_between()) {
            self.conceal(from, Some(back));
        }
    }

    /// The first `count` samples that have not been handed over, which are of one frame of the window.
    pub fn front(&self, count: u64) -> &[i16] {
        let start = self.taken as usize % WINDOW;
        self.window.get(start..start + count as usize).unwrap_or_default()
    }

    /// They have been handed over, and their places are silent from then on.
    pub fn clear(&mut self, count: u64) {
        let start = self.taken as usize % WINDOW;
        self.window.get_mut(start..start + count as usize).unwrap_or_default().fill(0);
        self.taken += count as i64;
    }

    /// `samples` of the frame, at the recording's rate.
    fn lay_samples(&mut self, place: i64, frame: &Frame<'_>, samples: &[i16]) {
        if frame.secret {
            self.next = None;
            return;
        }
        let silent = frame.kind == Kind::Silence;
        let next = self.next.filter(|_| !silent).unwrap_or(place);
        let out_by = place.abs_diff(next);
        let at = if out_by > FAR_OUT_OF_STEP {
            place
        } else if out_by <= OUT_OF_STEP || loudness(samples) >= f32::from(self.level) {
            next
        } else if place > next {
            place
        } else {
            // Behind: a quiet frame less.
            return;
        };
        // After silence a party is in step without a seam.
        self.next = (!silent).then_some(at + samples.len() as i64);
        match silent {
            // Silence never hides the end of what was said before.
            true => self.lay_at(at, samples, |place, sample| {
                if sample != 0 {
                    *place = sample;
                }
            }),
            false => self.lay_at(at, samples, |place, sample| *place = sample),
        }
    }

    /// What was lost from `from` on, until the voice came `back`, if it did.
    fn conceal(&mut self, from: i64, back: Option<i64>) {
        let mut concealer = Concealer::new(SAMPLE_RATE);
        concealer.hear(&self.read(from - BEFORE, BEFORE));
        let missing = back.map_or(FADED, |back| (back - from).clamp(0, FADED));
        let mut made = Vec::new();
        concealer.conceal(usize::try_from(missing).unwrap_or(0), &mut made);
        self.lay_at(from, &made, |place, sample| *place = sample);
        if let Some(back) = back {
            let mut samples = self.read(back, AFTER);
            concealer.blend(&mut samples);
            self.lay_at(back, &samples, |place, sample| *place = sample);
        }
    }

    /// Lays values from a place on. What has been handed over is past, and what lies behind the window too far ahead.
    fn lay_at<T: Copy>(&mut self, at: i64, values: &[T], lay: impl Fn(&mut i16, T)) {
        let skipped = (self.taken - at).max(0);
        let room = (self.taken + WINDOW as i64 - at).max(0);
        let clip = |length: i64| usize::try_from(length).unwrap_or(usize::MAX).min(values.len());
        let values = values.get(clip(skipped)..clip(room)).unwrap_or_default();
        let start = usize::try_from(at + skipped).unwrap_or(0) % WINDOW;
        let (before_end, after) = values.split_at(values.len().min(WINDOW - start));
        for (start, values) in [(start, before_end), (0, after)] {
            let Some(window) = self.window.get_mut(start..start + values.len()) else { continue };
            window.iter_mut().zip(values).for_each(|(place, value)| lay(place, *value));
        }
    }

    /// Samples from a place on; zero where they lie in the window no more, or not yet.
    fn read(&self, from: i64, count: i64) -> Vec<i16> {
        let sample = |place: i64| {
            let at_hand = (self.taken..self.taken + WINDOW as i64).contains(&place);
            let place = usize::try_from(place).ok().filter(|_| at_hand)?;
            self.window.get(place % WINDOW).copied()
        };
        (from..from + count).map(|place| sample(place).unwrap_or(0)).collect()
    }

    /// `None` where the frame has the recording's rate.
    fn resampler_from(&mut self, rate: u32) -> Option<&mut Resampler> {
        if self.resampler.as_ref().is_none_or(|(from, _)| *from != rate) {
            self.resampler = Resampler::new(rate, SAMPLE_RATE).map(|resampler| (rate, resampler));
        }
        self.resampler.as_mut().map(|(_, resampler)| resampler)
    }
}
