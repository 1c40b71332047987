//! How loud a recording is, and how loud it shall be: a studio's recording dropped in beside the shipped prompts
//! sounds as loud as they do.
//!
//! The measure is the active level: the mean power of the 20 ms in which there is speech. Pauses do not count
//! (below -60 dB of full scale, and 15 dB below the mean of the rest), as ITU-R BS.1770 gates and ITU-T P.56 does for
//! telephone speech; one sentence with long pauses and one without come out alike.

/// How loud callers hear what; decibels relative to full scale (dBFS), active level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// Of whatever is spoken.
    pub speech: f64,
    /// Of hold music.
    pub music: f64,
}

impl Default for Levels {
    /// Speech as loud as people are who speak up on a telephone; music somewhat below, so that it does not tire.
    fn default() -> Self {
        Levels { speech: -20.0, music: -24.0 }
    }
}

/// No sample is louder, in dBFS: room for a sum, and for the filters of whoever receives it.
const PEAK: f64 = -3.0;
/// What would have to be made louder by more than this, in decibels, is noise.
const MOST: f64 = 30.0;
const SILENCE: f64 = -60.0;
const BELOW_MEAN: f64 = -15.0;

impl Levels {
    /// Brings a recording to its level, if it has one: `common/beep` and other tones stay as they are.
    pub fn apply(&self, name: &str, has_language: bool, samples: &mut [i16], rate: u32) {
        let target = match has_language {
            true => self.speech,
            false if is_music(name) => self.music,
            false => return,
        };
        let Some(level) = active_level(samples, rate) else { return };
        let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        let room = PEAK - decibels(f64::from(peak).powi(2));
        // In integers, as a start goes over an hour of prompts: sixteen bits behind the point.
        let gain = (10f64.powf((target - level).min(MOST).min(room) / 20.0) * 65536.0) as i64;
        for sample in samples {
            *sample = ((i64::from(*sample) * gain + 32768) >> 16) as i16;
        }
    }
}

/// What has no language and "music" in its name or folder.
pub fn is_music(name: &str) -> bool {
    name.contains("music")
}

/// In dBFS; `None` for silence.
pub fn active_level(samples: &[i16], rate: u32) -> Option<f64> {
    let frame = usize::try_from(rate / 50).unwrap_or(0).max(1);
    let power = |frame: &[i16]| {
        let mut sum = 0i64;
        for sample in frame {
            sum += i64::from(*sample) * i64::from(*sample);
        }
        sum as f64 / frame.len() as f64
    };
    let powers: Vec<f64> = samples.chunks(frame).map(power).collect();
    let loud = mean(&powers, power_of(SILENCE))?;
    mean(&powers, loud * power_of(BELOW_MEAN) / power_of(0.0)).map(decibels)
}

/// Of those above a power.
fn mean(powers: &[f64], above: f64) -> Option<f64> {
    let (count, sum) = powers
        .iter()
        .filter(|power| **power > above)
        .fold((0u32, 0.0), |(count, sum), power| (count + 1, sum + power));
    (count > 0).then(|| sum / f64::from(count))
}

fn power_of(dbfs: f64) -> f64 {
    f64::from(i16::MIN).powi(2) * 10f64.powf(dbfs / 10.0)
}

fn decibels(power: f64) -> f64 {
    10.0 * (power / f64::from(i16::MIN).powi(2)).max(1e-12).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Syllables: a tone that comes and goes five times a second, `share` of the time.
    fn speech(rate: u32, loud: f64, share: f64) -> Vec<i16> {
        let sample = |n: u32| {
            let time = f64::from(n) / f64::from(rate);
            let on = (time * 5.0).fract() < share;
            if on { (loud * (std::f64::consts::TAU * 440.0 * time).sin()) as i16 } else { 0 }
        };
        (0..2 * rate).map(sample).collect()
    }

    #[test]
    fn whatever_it_was_recorded_at_it_is_heard_alike() {
        let levels = Levels::default();
        for rate in [8000, 16000] {
            for (loud, share) in [(300.0, 0.6), (3000.0, 0.6), (25_000.0, 0.6), (3000.0, 0.2), (3000.0, 1.0)]
            {
                let mut samples = speech(rate, loud, share);
                levels.apply("greeting/welcome", true, &mut samples, rate);
                let level = active_level(&samples, rate).expect("speech");
                assert!((level + 20.0).abs() < 0.3, "{loud} for {share} of the time at {rate}: {level:.1}");
            }
        }
    }

    #[test]
    fn pauses_do_not_count() {
        let dense = active_level(&speech(8000, 5000.0, 1.0), 8000);
        let mut sparse = speech(8000, 5000.0, 1.0);
        sparse.extend([3; 40_000]);
        let (Some(dense), Some(sparse)) = (dense, active_level(&sparse, 8000)) else { panic!("speech") };
        assert!((dense - sparse).abs() < 0.1, "{dense:.1} {sparse:.1}");
        assert!((dense + 19.3).abs() < 0.1, "a tone of 5000 is -16.3 dBFS at its peak: {dense:.1}");
    }

    #[test]
    fn peaks_keep_their_room_and_silence_stays_silent() {
        let levels = Levels { speech: 0.0, music: 0.0 };
        let mut samples = speech(8000, 30_000.0, 0.3);
        levels.apply("greeting/welcome", true, &mut samples, 8000);
        let peak = samples.iter().map(|sample| sample.unsigned_abs()).max();
        assert!((23_100..=23_200).contains(&peak.unwrap_or(0)), "-3 dBFS: {peak:?}");
        let mut hiss = [1i16, -1, 2, 0].repeat(2000);
        let before = hiss.clone();
        levels.apply("greeting/welcome", true, &mut hiss, 8000);
        assert_eq!(hiss, before);
    }

    #[test]
    fn music_has_its_own_level_and_tones_are_left_alone() {
        let (levels, sound) = (Levels::default(), speech(8000, 3000.0, 1.0));
        let mut music = sound.clone();
        levels.apply("common/hold-music", false, &mut music, 8000);
        assert!((active_level(&music, 8000).unwrap_or(0.0) + 24.0).abs() < 0.1);
        let mut beep = sound.clone();
        levels.apply("common/beep", false, &mut beep, 8000);
        assert_eq!(beep, sound);
    }
}
