//! 16 kHz to 8 kHz.

use std::f64::consts::PI;

/// Halves the rate. What lies above 4 kHz would be folded into the voice, so a windowed-sinc low-pass takes it
/// away first: flat to 3.2 kHz, 60 dB down from 4.2 kHz, without delay. Ends count as silence.
pub(super) fn halve(samples: &[i16]) -> Vec<i16> {
    let taps = low_pass();
    let filtered = |centre: usize| {
        let mut sum = 0.0;
        for (tap, weight) in taps.iter().enumerate() {
            let sample = (centre + tap).checked_sub(HALF).and_then(|at| samples.get(at));
            sum += weight * f64::from(sample.copied().unwrap_or(0));
        }
        sum.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
    };
    (0..samples.len()).step_by(2).map(filtered).collect()
}

/// Taps on each side of the centre.
const HALF: usize = 47;
/// Where the response is half, as a fraction of the higher rate: 3.7 kHz.
const CUT: f64 = 3700.0 / 16000.0;

fn low_pass() -> [f64; 2 * HALF + 1] {
    let mut taps = [0.0; 2 * HALF + 1];
    for (at, tap) in taps.iter_mut().enumerate() {
        let x = at as f64 - HALF as f64;
        let sinc = if x == 0.0 { 2.0 * CUT } else { (2.0 * PI * CUT * x).sin() / (PI * x) };
        let turn = 2.0 * PI * at as f64 / (2 * HALF) as f64;
        let blackman = 0.42 - 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos();
        *tap = sinc * blackman;
    }
    let sum: f64 = taps.iter().sum();
    taps.map(|tap| tap / sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64) -> Vec<i16> {
        (0..16000).map(|n| (10000.0 * (2.0 * PI * hz * f64::from(n) / 16000.0).sin()) as i16).collect()
    }

    /// Decibels that a tone loses on the way.
    fn loss(hz: f64) -> f64 {
        let power = |s: &[i16]| s.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / s.len() as f64;
        let (before, after) = (tone(hz), halve(&tone(hz)));
        10.0 * (power(&before) / power(&after[100..after.len() - 100]).max(1e-9)).log10()
    }

    #[test]
    fn the_voice_passes_and_what_would_alias_does_not() {
        for hz in [200.0, 1000.0, 2500.0, 3200.0] {
            assert!(loss(hz).abs() < 0.2, "{hz} Hz lost {} dB", loss(hz));
        }
        for hz in [4200.0, 5000.0, 7500.0] {
            assert!(loss(hz) > 55.0, "{hz} Hz lost only {} dB", loss(hz));
        }
    }

    #[test]
    fn a_tone_keeps_its_place_in_time() {
        let halved = halve(&tone(440.0));
        assert_eq!(halved.len(), 8000);
        for (at, pair) in tone(440.0).chunks(2).enumerate().skip(60).take(7000) {
            assert!((i32::from(pair[0]) - i32::from(halved[at])).abs() < 60, "{at}");
        }
    }

    #[test]
    fn nothing_and_one_sample() {
        assert!(halve(&[]).is_empty());
        assert_eq!(halve(&[0]), [0]);
    }
}
