//! A leg's voice, of whatever rate, before the detector.

use super::super::ear::{Frame, Kind};
use super::super::resample::Resampler;
use super::super::{Digit, SAMPLE_RATE};
use super::Detector;

/// Hears keys in the frames of an ear.
#[derive(Default)]
pub(in crate::media) struct ToneListener {
    detector: Detector,
    /// From this rate to the detector's, where they differ.
    narrow: Option<(u32, Resampler)>,
    samples: Vec<i16>,
}

impl ToneListener {
    /// The key, if a press has begun in this frame.
    pub fn note(&mut self, frame: &Frame<'_>) -> Option<Digit> {
        if frame.kind == Kind::Concealed {
            self.detector.lose();
            return None;
        }
        if frame.rate == SAMPLE_RATE {
            return self.detector.hear(frame.samples);
        }
        if self.narrow.as_ref().is_none_or(|(rate, _)| *rate != frame.rate) {
            self.narrow = Resampler::new(frame.rate, SAMPLE_RATE).map(|resampler| (frame.rate, resampler));
        }
        let (_, resampler) = self.narrow.as_mut()?;
        self.samples.clear();
        resampler.run(frame.samples, &mut self.samples);
        self.detector.hear(&self.samples)
    }
}
