//! The pitch of a voice: at which distance a signal repeats itself.

/// The shortest and the longest period looked for, in samples at 8 kHz: 200 to 66 Hz, as ITU-T G.711 Appendix I has it.
pub(super) const SHORTEST: usize = 40;
pub(super) const LONGEST: usize = 120;
/// Samples compared, at 8 kHz: 10 ms. Half of Appendix I's, measured on the prompts: their pitch changes fast, and what
/// is longer ago tells less about what comes next.
const COMPARED: usize = 80;

/// How many samples at `rate` are so many at 8 kHz.
pub(super) fn at_rate(samples: usize, rate: u32) -> usize {
    samples * (rate as usize / 8000).max(1)
}

/// The distance at which the end of `signal` is most like itself, and how much: 1 for a perfect repetition, 0 for none.
/// `None` where the signal is too short to tell.
pub(super) fn period(signal: &[i16], rate: u32) -> Option<(usize, f32)> {
    let (shortest, longest) = (at_rate(SHORTEST, rate), at_rate(LONGEST, rate));
    let tail = signal.get(signal.len().checked_sub(at_rate(COMPARED, rate))?..)?;
    // First every other lag and sample at 8 kHz, then the neighbours of the best, all at the signal's own rate.
    let coarse = at_rate(2, rate);
    let score = |lag: usize, step: usize| {
        let end = signal.len().checked_sub(lag)?;
        let before = signal.get(end.checked_sub(tail.len())?..end)?;
        Some(similarity(tail, before, step))
    };
    let best = |lags: &mut dyn Iterator<Item = usize>, step: usize| {
        let scored = lags.filter_map(|lag| Some((lag, score(lag, step)?)));
        scored.max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let (about, _) = best(&mut (shortest..=longest).step_by(coarse), coarse)?;
    let from = about.saturating_sub(coarse).max(shortest);
    best(&mut (from..=(about + coarse).min(longest)), at_rate(1, rate))
}

/// The normalised correlation of two signals of one length, looking at each `step`th sample.
pub(super) fn similarity(a: &[i16], b: &[i16], step: usize) -> f32 {
    let (mut product, mut power_a, mut power_b) = (0i64, 0i64, 0i64);
    for (a, b) in a.iter().zip(b).step_by(step.max(1)) {
        let (a, b) = (i64::from(*a), i64::from(*b));
        product += a * b;
        power_a += a * a;
        power_b += b * b;
    }
    match (power_a as f32 * power_b as f32).sqrt() {
        0.0 => 0.0,
        both => product as f32 / both,
    }
}

/// Root mean square.
pub(super) fn loudness(samples: &[i16]) -> f32 {
    let squares: i64 = samples.iter().map(|sample| i64::from(*sample).pow(2)).sum();
    (squares as f32 / samples.len().max(1) as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_repeats_at_its_period_at_every_rate() {
        for rate in [8000, 16_000, 48_000] {
            let tone: Vec<i16> = (0..rate / 10)
                .map(|n| (8000.0 * (n as f32 * 100.0 * std::f32::consts::TAU / rate as f32).sin()) as i16)
                .collect();
            let (lag, likeness) = period(&tone, rate).expect("long enough");
            assert!(lag.abs_diff(rate as usize / 100) <= at_rate(1, rate), "{lag} at {rate}");
            assert!(likeness > 0.99, "{likeness}");
        }
        assert_eq!(period(&[1; 119], 8000), None, "too short");
    }
}
