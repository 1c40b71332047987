//! What a leg is told that nobody has encoded for it: linear samples of any rate into its own codec, as one stream
//! without seams, whoever speaks in turn.
//!
//! A leg with G.711 needs this only where parties are mixed for it: its prompts are octets of the library, shared by
//! all. G.722 and Opus carry their past from packet to packet, so that octets of different origins cannot be joined
//! without a click; each leg has an encoder of its own for as long as it uses such a codec.

use crate::base::Codec;

use super::codec::Encoder;
use super::resample::Resampler;

#[derive(Debug)]
pub(super) struct Voice {
    encoder: Encoder,
    /// From the rate of the samples that came last, where that is not the codec's.
    resampler: Option<(u32, Resampler)>,
    resampled: Vec<i16>,
    /// Said and not yet in a packet, at the codec's rate: only for a peer that wants other packets than of a frame.
    kept: Vec<i16>,
    payload: Vec<u8>,
}

impl Voice {
    pub fn new(codec: Codec) -> Voice {
        Voice {
            encoder: Encoder::new(codec),
            resampler: None,
            resampled: Vec::new(),
            kept: Vec::new(),
            payload: Vec::new(),
        }
    }

    pub fn codec(&self) -> Codec {
        self.encoder.codec()
    }

    /// The payload of the next packet: `samples` are its 20 ms, `rate` of them a second. Empty where the codec sends
    /// nothing for them.
    pub fn say(&mut self, samples: &[i16], rate: u32) -> &[u8] {
        self.payload.clear();
        if rate == self.codec().sample_rate() {
            self.encoder.encode(samples, &mut self.payload);
            return &self.payload;
        }
        self.resample(samples, rate);
        self.encoder.encode(&self.resampled, &mut self.payload);
        &self.payload
    }

    /// Keeps samples for [`Voice::packet`].
    pub fn keep(&mut self, samples: &[i16], rate: u32) {
        if rate == self.codec().sample_rate() {
            return self.kept.extend_from_slice(samples);
        }
        self.resample(samples, rate);
        self.kept.append(&mut self.resampled);
    }

    /// What was kept is not said.
    pub fn forget(&mut self) {
        self.kept.clear();
    }

    /// The payload of a packet of so many milliseconds; `None` where less is kept.
    pub fn packet(&mut self, ms: u64) -> Option<&[u8]> {
        let samples = self.codec().sample_rate() as usize / 1000 * ms as usize;
        self.payload.clear();
        self.encoder.encode(self.kept.get(..samples)?, &mut self.payload);
        self.kept.drain(..samples);
        Some(&self.payload)
    }

    fn resample(&mut self, samples: &[i16], rate: u32) {
        let own = self.codec().sample_rate();
        if self.resampler.as_ref().is_none_or(|(from, _)| *from != rate) {
            self.resampler = Resampler::new(rate, own).map(|resampler| (rate, resampler));
        }
        self.resampled.clear();
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.run(samples, &mut self.resampled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Decoder;

    #[test]
    fn each_codec_says_what_it_is_told_at_any_rate() {
        for codec in Codec::ALL {
            for rate in [8000, 16_000, 48_000] {
                let (mut voice, mut decoder) = (Voice::new(codec), Decoder::new(codec));
                let mut heard = Vec::new();
                for frame in 0..25 {
                    let tone =
                        |n: u32| (std::f64::consts::TAU * 500.0 * f64::from(n) / f64::from(rate)).sin();
                    let samples: Vec<i16> =
                        (0..rate / 50).map(|n| (8000.0 * tone(frame * rate / 50 + n)) as i16).collect();
                    assert!(decoder.decode(voice.say(&samples, rate), &mut heard), "{codec} {rate}");
                }
                let own = codec.sample_rate();
                assert_eq!(heard.len(), own as usize / 2, "{codec} {rate}");
                // The tone is still one of 500 Hz, and as loud.
                let settled = &heard[own as usize / 10..];
                let crossings = settled.windows(2).filter(|w| w[0] < 0 && w[1] >= 0).count();
                assert!((199..=201).contains(&crossings), "{codec} {rate}: {crossings} in 0.4 s");
                let power = settled.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / settled.len() as f64;
                assert!((power.sqrt() - 5657.0).abs() < 600.0, "{codec} {rate}: {}", power.sqrt());
            }
        }
    }
}
