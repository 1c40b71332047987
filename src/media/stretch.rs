//! A little more or less time in the same signal: one pitch period is left out or repeated, and the ends are blended
//! (WSOLA). So the delay of a jitter buffer changes while somebody speaks.

use super::pitch::{at_rate, loudness, similarity};

/// The shortest and the longest piece left out or repeated, at 8 kHz: 2.5 and 15 ms.
const SHORTEST: usize = 20;
const LONGEST: usize = 120;
/// Of the blend, at 8 kHz: 5 ms.
const BLEND: usize = 40;
/// Pieces less alike than this are no period of a voice.
const ALIKE: f32 = 0.6;

/// So many samples are needed.
pub(super) fn needed(rate: u32) -> usize {
    at_rate(LONGEST + BLEND, rate)
}

/// Whether nothing at the beginning is louder than `level` (root mean square).
pub(super) fn is_quiet(samples: &[i16], rate: u32, level: f32) -> bool {
    let part = samples.get(..needed(rate).min(samples.len())).unwrap_or_default();
    part.chunks(at_rate(BLEND, rate)).all(|part| loudness(part) < level)
}

/// Leaves out a period at the beginning; says how many samples. None if no two pieces there are alike, unless it is
/// `quiet`, or `anyhow`.
pub(super) fn shorten(samples: &mut Vec<i16>, rate: u32, quiet: bool, anyhow: bool) -> usize {
    let Some((lag, blend)) = piece(samples, rate, quiet, anyhow) else { return 0 };
    let head: Vec<i16> = samples.iter().take(blend).copied().collect();
    for (at, (from, sample)) in head.iter().zip(samples.iter_mut().skip(lag)).enumerate() {
        *sample = mix(*from, *sample, at, blend);
    }
    samples.drain(..lag);
    lag
}

/// Repeats a period at the beginning; says how many samples.
pub(super) fn lengthen(samples: &mut Vec<i16>, rate: u32, quiet: bool, anyhow: bool) -> usize {
    let Some((lag, blend)) = piece(samples, rate, quiet, anyhow) else { return 0 };
    let Some(head) = samples.get(..lag + blend) else { return 0 };
    // The first period, then what follows it turning into the beginning once more.
    let seam =
        head.iter().skip(lag).zip(head).take(blend).enumerate().map(|(at, (a, b))| mix(*a, *b, at, blend));
    let inserted: Vec<i16> = head.iter().take(lag).copied().chain(seam).collect();
    samples.splice(..blend, inserted);
    lag
}

/// The distance of two pieces that are alike, and how long their blend is.
fn piece(samples: &[i16], rate: u32, quiet: bool, anyhow: bool) -> Option<(usize, usize)> {
    let blend = at_rate(BLEND, rate);
    let head = samples.get(..blend)?;
    samples.get(..needed(rate))?;
    if quiet {
        return Some((at_rate(LONGEST, rate), blend));
    }
    let lags = (at_rate(SHORTEST, rate)..=at_rate(LONGEST, rate)).step_by(at_rate(1, rate));
    let likeness =
        |lag: usize| similarity(head, samples.get(lag..lag + blend).unwrap_or_default(), at_rate(1, rate));
    let (lag, alike) = lags.map(|lag| (lag, likeness(lag))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    (alike > ALIKE || anyhow).then_some((lag, blend))
}

fn mix(from: i16, to: i16, at: usize, length: usize) -> i16 {
    let share = (at as f32 + 1.0) / (length as f32 + 1.0);
    (f32::from(from) * (1.0 - share) + f32::from(to) * share) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(count: usize) -> Vec<i16> {
        let sample = |n: usize| (8000.0 * (n as f32 * 130.0 * std::f32::consts::TAU / 8000.0).sin()) as i16;
        (0..count).map(sample).collect()
    }

    fn largest_step(samples: &[i16]) -> u16 {
        samples.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap_or(0)
    }

    #[test]
    fn a_tone_stays_a_tone() {
        let before = tone(400);
        let mut shorter = before.clone();
        let left_out = shorten(&mut shorter, 8000, false, false);
        assert!((61..=62).contains(&left_out) && shorter.len() == 400 - left_out, "{left_out}");
        assert_eq!(shorter[200..], before[200 + left_out..]);
        let mut longer = before.clone();
        let repeated = lengthen(&mut longer, 8000, false, false);
        assert!((61..=62).contains(&repeated) && longer.len() == 400 + repeated, "{repeated}");
        assert_eq!((longer[0], &longer[200 + repeated..]), (before[0], &before[200..]));
        for changed in [shorter, longer] {
            assert!(largest_step(&changed) <= largest_step(&before) * 11 / 10);
        }
    }

    #[test]
    fn what_repeats_nothing_is_left_alone_unless_it_has_to_be_or_is_quiet() {
        let mut state = 1u32;
        let noise: Vec<i16> = (0..400)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 17) as i16 - 16384
            })
            .collect();
        assert_eq!(shorten(&mut noise.clone(), 8000, false, false), 0);
        assert!(shorten(&mut noise.clone(), 8000, false, true) > 0);
        let mut hum: Vec<i16> = noise.iter().map(|sample| sample / 200).collect();
        assert_eq!((is_quiet(&hum, 8000, 200.0), is_quiet(&noise, 8000, 200.0)), (true, false));
        assert_eq!(lengthen(&mut hum, 8000, true, false), 120);
        assert_eq!(shorten(&mut tone(159), 8000, false, true), 0, "too short");
    }
}
