//! Between 8, 16 and 48 kHz: a polyphase filter that carries its past from frame to frame, so that frames join
//! without a click.
//!
//! One windowed sinc for every pair of rates, drawn to the lower of the two: up to 0.85 of its band passes (3.4 kHz at
//! 8 kHz), and from 1.1 of it on nothing is left that could fold back into a voice. The delay is 20 samples of the
//! lower rate: 2.5 ms at 8 kHz.

use std::f64::consts::PI;

/// From one rate to another that is a whole multiple or part of it.
#[derive(Clone, Debug)]
pub struct Resampler {
    /// Samples out for each one in, or in for each one out: one of the two is 1.
    up: usize,
    down: usize,
    /// For each phase of the output, the weights of the samples around it, oldest first.
    weights: Box<[f32]>,
    /// The newest samples that the next ones still need, and the new ones behind them.
    history: Vec<f32>,
    /// How many of the next samples in pass before the next one out.
    skip: usize,
}

/// Weights of a phase, in samples of the lower rate.
const SPAN: usize = 40;
/// Where half is left, as a part of the lower band.
const CUT: f64 = 0.975;
/// Kaiser's window for 70 dB.
const BETA: f64 = 6.76;

impl Resampler {
    /// `None` where neither rate divides the other, or they are the same.
    pub fn new(from: u32, to: u32) -> Option<Resampler> {
        let whole = |a: u32, b: u32| a.is_multiple_of(b).then_some((a / b) as usize);
        let (up, down) = match (from, to) {
            (0, _) | (_, 0) => return None,
            _ if from == to => return None,
            _ => whole(to, from).map(|up| (up, 1)).or_else(|| whole(from, to).map(|down| (1, down)))?,
        };
        let ratio = up.max(down);
        let sinc = windowed_sinc(ratio);
        let length = SPAN * down;
        let mut weights = Vec::with_capacity(up * length);
        for phase in 0..up {
            // Backwards, as convolution has it: the newest sample meets the first weight.
            let taps = (0..length).rev().filter_map(|tap| sinc.get(phase + tap * up));
            weights.extend(taps.map(|weight| (weight * up as f64) as f32));
        }
        Some(Resampler { up, down, weights: weights.into(), history: vec![0.0; length - 1], skip: 0 })
    }

    /// Appends what `samples` come to.
    pub fn run(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        let length = SPAN * self.down;
        self.history.extend(samples.iter().map(|sample| f32::from(*sample)));
        out.reserve(samples.len() * self.up / self.down + 1);
        let mut at = self.skip;
        while at < samples.len() {
            let window = self.history.get(at..at + length).unwrap_or_default();
            for weights in self.weights.chunks_exact(length) {
                // Rounds half away from zero, and saturates.
                out.push(dot(window, weights).round() as i16);
            }
            at += self.down;
        }
        self.skip = at - samples.len();
        self.history.drain(..samples.len());
    }
}

/// A whole recording at another rate, without delay: its ends count as silence. Unchanged where the rates are equal or
/// have nothing to do with each other.
pub fn whole(samples: &[i16], from: u32, to: u32) -> Vec<i16> {
    let Some(mut resampler) = Resampler::new(from, to) else { return samples.to_vec() };
    let mut out = Vec::with_capacity(samples.len() * resampler.up / resampler.down + SPAN * resampler.up);
    resampler.run(samples, &mut out);
    // As much silence behind it as the filter looks ahead, and as much less at the beginning.
    let (up, down) = (resampler.up, resampler.down);
    resampler.run(&vec![0; SPAN / 2 * down], &mut out);
    out.drain(..SPAN / 2 * up);
    out.truncate((samples.len() * up).div_ceil(down));
    out
}

/// Eight sums side by side, which the compiler makes one instruction of.
fn dot(window: &[f32], weights: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    for (window, weights) in window.as_chunks::<8>().0.iter().zip(weights.as_chunks::<8>().0) {
        for ((sum, sample), weight) in sums.iter_mut().zip(window).zip(weights) {
            *sum += sample * weight;
        }
    }
    sums.iter().sum()
}

/// `SPAN * ratio` weights at the higher rate, with a sum of 1.
fn windowed_sinc(ratio: usize) -> Vec<f64> {
    let length = SPAN * ratio;
    let centre = length as f64 / 2.0;
    let cut = CUT / ratio as f64;
    let weight = |at: usize| {
        let x = at as f64 - centre;
        let sinc = if x == 0.0 { cut } else { (PI * cut * x).sin() / (PI * x) };
        sinc * bessel(BETA * (1.0 - (x / centre).powi(2)).max(0.0).sqrt()) / bessel(BETA)
    };
    let weights: Vec<f64> = (0..length).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// The modified Bessel function of the first kind, order 0, by its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..30 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: [u32; 3] = [8000, 16_000, 48_000];

    fn tone(hz: f64, rate: u32) -> Vec<i16> {
        let sample = |n| 10_000.0 * (2.0 * PI * hz * f64::from(n) / f64::from(rate)).sin();
        (0..rate / 2).map(|n| sample(n).round() as i16).collect()
    }

    fn in_frames(samples: &[i16], from: u32, to: u32) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to).expect("rates that go together");
        let mut out = Vec::new();
        samples.chunks(from as usize / 50).for_each(|frame| resampler.run(frame, &mut out));
        out
    }

    fn power(samples: &[i16]) -> f64 {
        samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64
    }

    /// Decibels that a tone loses on the way, in frames of 20 ms.
    fn loss(hz: f64, from: u32, to: u32) -> f64 {
        let after = in_frames(&tone(hz, from), from, to);
        let settled = after.get(to as usize / 50..).expect("half a second");
        10.0 * (power(&tone(hz, from)) / power(settled).max(1e-9)).log10()
    }

    fn pairs() -> impl Iterator<Item = (u32, u32)> {
        RATES.into_iter().flat_map(|from| RATES.map(|to| (from, to))).filter(|(from, to)| from != to)
    }

    #[test]
    fn the_voice_passes() {
        for (from, to) in pairs() {
            let band = f64::from(from.min(to)) / 2.0;
            for part in [0.02, 0.1, 0.5, 0.8, 0.85] {
                let lost = loss(part * band, from, to);
                assert!(lost.abs() < 0.1, "{from} -> {to}: {part} of the band lost {lost} dB");
            }
        }
    }

    #[test]
    fn what_would_fold_back_does_not() {
        for (from, to) in pairs().filter(|(from, to)| from > to) {
            for part in [1.1, 1.25, 1.6, 1.9] {
                let hz = part * f64::from(to) / 2.0;
                let lost = loss(hz, from, to);
                assert!(lost > 65.0, "{from} -> {to}: {hz} Hz lost only {lost} dB");
            }
        }
    }

    #[test]
    fn upwards_nothing_is_heard_but_what_was_said() {
        for (from, to) in pairs().filter(|(from, to)| from < to) {
            for hz in [300.0, 1000.0, 3000.0] {
                let heard = whole(&tone(hz, from), from, to);
                let difference: Vec<i16> = heard.iter().zip(&tone(hz, to)).map(|(a, b)| a - b).collect();
                let middle = to as usize / 50..heard.len() - to as usize / 50;
                let noise = 10.0 * (power(&heard) / power(&difference[middle])).log10();
                assert!(noise > 60.0, "{from} -> {to}: {hz} Hz with noise at -{noise} dB");
            }
        }
    }

    #[test]
    fn frames_of_any_size_join_as_if_they_were_one() {
        for (from, to) in pairs() {
            let said = tone(440.0, from);
            let at_once = in_frames(&said, from, to);
            let mut resampler = Resampler::new(from, to).expect("rates that go together");
            let (mut rest, mut pieces, mut size) = (said.as_slice(), Vec::new(), 1);
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(size.min(rest.len()));
                resampler.run(piece, &mut pieces);
                rest = after;
                size = size * 7 % 331;
            }
            assert_eq!(pieces, at_once, "{from} -> {to}");
            assert_eq!(at_once.len(), said.len() * to as usize / from as usize);
        }
    }

    #[test]
    fn as_sox_has_it() {
        let linear = |bytes: &[u8]| -> Vec<i16> {
            bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
        };
        let at_16 = linear(include_bytes!("testdata/narrow.16k.raw"));
        let at = |rate| match rate {
            8000 => linear(include_bytes!("testdata/narrow.8k.raw")),
            16_000 => at_16.clone(),
            _ => linear(include_bytes!("testdata/narrow.48k.raw")),
        };
        for (from, to) in pairs() {
            let (ours, theirs) = (whole(&at(from), from, to), at(to));
            assert_eq!(ours.len(), theirs.len(), "{from} -> {to}");
            let middle = to as usize / 100..ours.len() - to as usize / 100;
            let difference: Vec<i16> = ours.iter().zip(&theirs).map(|(a, b)| a.saturating_sub(*b)).collect();
            let likeness = 10.0 * (power(&theirs) / power(&difference[middle])).log10();
            assert!(likeness > 50.0, "{from} -> {to}: {likeness} dB above the difference");
        }
    }

    #[test]
    fn nothing_one_sample_and_rates_that_do_not_go_together() {
        assert!(whole(&[], 16_000, 8000).is_empty());
        assert_eq!(whole(&[0], 16_000, 8000), [0]);
        assert_eq!(whole(&[7, 8], 8000, 8000), [7, 8]);
        assert!(Resampler::new(44_100, 8000).is_none());
        assert!(Resampler::new(0, 8000).is_none() && Resampler::new(8000, 8000).is_none());
    }

    #[test]
    fn full_scale_is_not_wrapped() {
        let square: Vec<i16> = (0..800).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        for (from, to) in pairs() {
            let out = in_frames(&square, from, to);
            let low = *out.iter().min().expect("samples");
            assert!(
                low < -32_000 && out.iter().max().is_some_and(|high| *high > 32_000),
                "{from} -> {to} {low}"
            );
        }
    }
}
