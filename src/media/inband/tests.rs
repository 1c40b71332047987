//! The limits of ITU-T Q.24, each from both sides, with generated tones.

use proptest::prelude::*;

use super::*;
use crate::base::{Law, Rng};
use crate::media::{Digit, decode, encode};

/// A press as somebody's generator might sound it.
#[derive(Clone, Copy, Debug)]
struct Press {
    key: char,
    ms: f64,
    /// Of the low tone, in dBm0.
    level: f64,
    /// High over low, in dB.
    twist: f64,
    /// Both tones' error, in percent.
    off: (f64, f64),
    /// In turns.
    phase: (f64, f64),
}

const NORMAL: Press =
    Press { key: '5', ms: 60.0, level: -10.0, twist: 0.0, off: (0.0, 0.0), phase: (0.0, 0.25) };

const KEYS: &str = "0123456789*#ABCD";

/// 0 dBm0 lies 3.14 dB under the loudest sine of G.711 A-law.
#[expect(clippy::approx_constant, reason = "decibels, not half a turn")]
fn amplitude(dbm0: f64) -> f64 {
    32768.0 * 10f64.powf((dbm0 - 3.14) / 20.0)
}

/// What is on a line: sums of tones, noise and silence, as floating point until it is heard.
struct Line {
    samples: Vec<f64>,
    rng: Rng,
}

impl Line {
    /// `seed` also decides how the line lies to the detector's looks.
    fn new(seed: u64) -> Self {
        let mut rng = Rng::from_number(seed);
        let lead = 800 + rng.below(320) as usize;
        Line { samples: vec![0.0; lead], rng }
    }

    fn silence(mut self, ms: f64) -> Self {
        self.samples.extend(std::iter::repeat_n(0.0, (ms * 8.0).round() as usize));
        self
    }

    fn press(mut self, press: Press) -> Self {
        let (low, high) = Digit::from_char(press.key).expect("a key").tones();
        let turns = |hertz: u16, off: f64, n: f64| f64::from(hertz) * (1.0 + off / 100.0) * n / 8000.0;
        let (a, b) = (amplitude(press.level), amplitude(press.level + press.twist));
        self.samples.extend((0..(press.ms * 8.0).round() as usize).map(|n| {
            let n = n as f64;
            a * ((turns(low, press.off.0, n) + press.phase.0) * std::f64::consts::TAU).sin()
                + b * ((turns(high, press.off.1, n) + press.phase.1) * std::f64::consts::TAU).sin()
        }));
        self
    }

    /// White noise over all there is so far.
    fn noise(mut self, dbm0: f64) -> Self {
        let deviation = amplitude(dbm0) / 2f64.sqrt();
        for sample in &mut self.samples {
            let normal: f64 = (0..12).map(|_| self.rng.unit()).sum::<f64>() - 6.0;
            *sample += normal * deviation;
        }
        self
    }

    /// Another tone under all there is so far.
    fn hum(mut self, hertz: f64, dbm0: f64) -> Self {
        for (n, sample) in self.samples.iter_mut().enumerate() {
            *sample += amplitude(dbm0) * (hertz * n as f64 / 8000.0 * std::f64::consts::TAU).sin();
        }
        self
    }

    /// Through G.711, in frames of 20 ms. The keys and where in time they were known, in samples.
    fn heard_at(self) -> Vec<(char, usize)> {
        let samples: Vec<i16> = self
            .silence(100.0)
            .samples
            .iter()
            .map(|s| decode(Law::Mu, encode(Law::Mu, s.clamp(-32768.0, 32767.0) as i16)))
            .collect();
        let mut detector = Detector::default();
        let frames = samples.chunks(160).enumerate();
        frames.filter_map(|(n, frame)| Some((detector.hear(frame)?.key(), (n + 1) * 160))).collect()
    }

    fn heard(self) -> String {
        self.heard_at().into_iter().map(|(key, _)| key).collect()
    }
}

/// How many presses of 320 are heard: each key, at 20 alignments and phases. None is heard as another key or twice.
fn heard_of(press: impl Fn(Press) -> Press, line: impl Fn(Line) -> Line) -> usize {
    let mut heard = 0;
    for key in KEYS.chars() {
        for seed in 0..20 {
            let mut rng = Rng::from_number(seed * 128 + u64::from(key as u32));
            let phase = (rng.unit(), rng.unit());
            let text = line(Line::new(rng.next_u64()).press(press(Press { key, phase, ..NORMAL }))).heard();
            assert!(text.is_empty() || text == key.to_string(), "{key} heard as {text:?}");
            heard += text.len();
        }
    }
    heard
}

/// All that [`heard_of`] tries.
const ALL: usize = 320;

fn plain(press: impl Fn(Press) -> Press) -> usize {
    heard_of(press, |line| line)
}

#[test]
fn frequencies_off_by_1_5_percent_are_keys_and_by_3_5_none() {
    for off in [-1.0, 1.0] {
        assert_eq!(plain(|p| Press { off: (1.5 * off, 1.5 * off), ms: 40.0, ..p }), ALL);
        assert_eq!(plain(|p| Press { off: (1.5 * off, -1.5 * off), ms: 40.0, ..p }), ALL);
        for ms in [40.0, 60.0, 500.0] {
            assert_eq!(plain(|p| Press { off: (3.5 * off, 0.0), ms, ..p }), 0, "the low one, {ms} ms");
            assert_eq!(plain(|p| Press { off: (0.0, 3.5 * off), ms, ..p }), 0, "the high one, {ms} ms");
            assert_eq!(plain(|p| Press { off: (3.5 * off, 3.5 * off), ms, ..p }), 0, "both, {ms} ms");
        }
    }
}

#[test]
fn twist_from_minus_8_to_plus_4_db_is_a_keys_and_beyond_minus_12_and_plus_7_none() {
    for twist in [-8.0, -4.0, 2.0, 4.0] {
        assert_eq!(plain(|p| Press { twist, ms: 40.0, ..p }), ALL, "{twist} dB");
    }
    for twist in [-20.0, -12.0, 7.0, 15.0] {
        assert_eq!(plain(|p| Press { twist, ms: 200.0, ..p }), 0, "{twist} dB");
    }
}

#[test]
fn tones_of_40_ms_are_keys_and_of_23_ms_none() {
    for ms in [40.0, 45.0, 70.0, 3000.0] {
        assert_eq!(plain(|p| Press { ms, ..p }), ALL, "{ms} ms");
    }
    for ms in [5.0, 10.0, 15.0, 20.0, 23.0] {
        assert_eq!(plain(|p| Press { ms, ..p }), 0, "{ms} ms");
    }
}

#[test]
fn tones_from_0_to_minus_36_dbm0_are_keys_and_at_minus_48_none() {
    for level in [0.0, -3.0, -10.0, -25.0, -36.0] {
        assert_eq!(plain(|p| Press { level, ms: 40.0, ..p }), ALL, "{level} dBm0");
    }
    // Ours, since RFC 4733 §2.3.5 and ITU-T Q.24 give -55 dBm and lower.
    for level in [-48.0, -55.0] {
        assert_eq!(plain(|p| Press { level, ms: 1000.0, ..p }), 0, "{level} dBm0");
    }
}

#[test]
fn noise_15_db_below_hides_no_key_and_makes_none() {
    // Both tones together have -7 dBm0.
    assert_eq!(heard_of(|p| Press { ms: 40.0, ..p }, |line| line.silence(50.0).noise(-22.0)), ALL);
    assert_eq!(heard_of(|p| Press { ms: 23.0, ..p }, |line| line.silence(50.0).noise(-22.0)), 0);
    let worst = |p| Press { ms: 40.0, twist: -8.0, off: (1.5, -1.5), ..p };
    assert_eq!(heard_of(worst, |line| line.silence(50.0).noise(-25.0)), ALL);
    for dbm0 in [0.0, -10.0, -30.0] {
        assert_eq!(Line::new(1).silence(60_000.0).noise(dbm0).heard(), "");
    }
}

#[test]
fn a_mains_hum_and_a_faint_dial_tone_hide_no_key() {
    let press = |p| Press { ms: 40.0, ..p };
    assert_eq!(heard_of(press, |line| line.silence(50.0).hum(50.0, -25.0)), ALL);
    assert_eq!(heard_of(press, |line| line.silence(50.0).hum(450.0, -25.0)), ALL, "China's");
    assert_eq!(
        heard_of(press, |line| line.silence(50.0).hum(350.0, -25.0).hum(440.0, -25.0)),
        ALL,
        "America's"
    );
    assert_eq!(Line::new(1).silence(30_000.0).hum(350.0, -13.0).hum(440.0, -13.0).heard(), "");
}

/// What is heard of two presses of a key with a pause between them, at each key and 20 alignments.
fn pairs(gap: f64) -> Vec<String> {
    let pair = |key, seed| {
        let press = Press { key, ..NORMAL };
        Line::new(seed).press(press).silence(gap).press(Press { phase: (0.4, 0.9), ..press }).heard()
    };
    KEYS.chars().flat_map(|key| (0..20).map(move |seed| pair(key, seed))).collect()
}

#[test]
fn an_interruption_of_10_ms_is_ignored_and_a_pause_of_40_ms_separates() {
    for gap in [1.0, 5.0, 10.0] {
        assert!(pairs(gap).iter().all(|heard| heard.len() == 1), "{gap} ms");
    }
    for gap in [40.0, 50.0, 500.0] {
        assert!(pairs(gap).iter().all(|heard| heard.len() == 2), "{gap} ms");
    }
}

#[test]
fn a_press_is_known_within_40_ms_and_a_frame() {
    for seed in 0..100 {
        let line = Line::new(seed);
        let begun = line.samples.len();
        let heard = line.press(Press { ms: 300.0, ..NORMAL }).heard_at();
        let [(key, at)] = heard[..] else { panic!("{heard:?}") };
        assert!(key == '5' && at - begun <= (40 + 20) * 8, "{} ms", (at - begun) / 8);
    }
}

#[test]
fn what_the_network_loses_of_a_press_does_not_double_it() {
    let line = Line::new(3).press(Press { ms: 400.0, ..NORMAL }).silence(100.0);
    let line = line.press(Press { ms: 100.0, ..NORMAL }).silence(100.0);
    let frames: Vec<Vec<i16>> =
        line.samples.chunks(160).map(|c| c.iter().map(|s| *s as i16).collect()).collect();
    for lost in 0..15 {
        let mut detector = Detector::default();
        let mut heard = String::new();
        for (n, frame) in frames.iter().enumerate() {
            // In the first press, up to 240 ms long.
            if (8..8 + lost).contains(&n) {
                detector.lose();
            } else {
                heard.extend(detector.hear(frame).map(Digit::key));
            }
        }
        assert_eq!(heard, "55", "{lost} frames");
    }
}

#[test]
fn what_we_sound_is_heard_and_does_not_click() {
    for rate in [8000, 16_000, 48_000] {
        let mut sender = ToneSender::default();
        sender.press("0123456789*#ABCDx 55");
        let mut samples = Vec::new();
        while sender.sounds() {
            let mut frame = vec![0; rate as usize / 50];
            sender.fill(rate, &mut frame);
            samples.extend(frame);
        }
        assert_eq!(samples.len(), 18 * rate as usize / 5, "100 ms and 100 ms each");
        // The steepest that the two tones are at their loudest, and no step beside it.
        let steepest = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
        let most = std::f64::consts::TAU * (941.0 * 7218.0 + 1633.0 * 9087.0) / f64::from(rate);
        assert!(f64::from(steepest.unwrap_or(0)) <= most, "{steepest:?} at {rate}");
        assert!(samples[0].abs() < 400, "begins at {}", samples[0]);

        let narrow: Vec<i16> = samples.iter().copied().step_by(rate as usize / 8000).collect();
        let mut detector = Detector::default();
        let heard: String =
            narrow.chunks(160).filter_map(|frame| detector.hear(frame)).map(Digit::key).collect();
        assert_eq!(heard, "0123456789*#ABCD55");
    }
}

#[test]
fn silence_full_scale_and_single_tones_are_no_keys() {
    for sample in [0, i16::MAX, i16::MIN] {
        let mut detector = Detector::default();
        assert!((0..100).all(|_| detector.hear(&[sample; 160]).is_none()));
    }
    for hertz in [697.0, 852.0, 1209.0, 1633.0, 440.0, 2000.0] {
        assert_eq!(Line::new(1).silence(2000.0).hum(hertz, -6.0).heard(), "", "{hertz} Hz");
    }
    assert_eq!(Detector::default().hear(&[]), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Within the limits all at once, and with pauses of 50 ms: each press, once, in order.
    #[test]
    fn presses_within_the_limits_are_heard_each_once(
        seed: u64,
        presses in proptest::collection::vec(
            (0usize..16, 40.0..250.0f64, -30.0..-6.0f64, -8.0..4.0f64, -1.5..1.5f64, -1.5..1.5f64, 0.0..1.0f64, 40.0..300.0f64),
            1..12,
        ),
    ) {
        let mut line = Line::new(seed);
        let mut keys = String::new();
        for (key, ms, level, twist, low, high, phase, gap) in presses {
            let key = KEYS.chars().nth(key).expect("16 keys");
            keys.push(key);
            let press = Press { key, ms, level, twist, off: (low, high), phase: (phase, 1.0 - phase) };
            line = line.press(press).silence(gap);
        }
        prop_assert_eq!(line.heard(), keys);
    }

    /// However the samples are cut into chunks.
    #[test]
    fn chunks_of_any_length_give_the_same(seed: u64, cuts in proptest::collection::vec(1usize..400, 1..40)) {
        let line = Line::new(seed).press(NORMAL).silence(60.0).press(NORMAL).silence(100.0);
        let samples: Vec<i16> = line.samples.iter().map(|s| *s as i16).collect();
        let (mut detector, mut rest, mut heard) = (Detector::default(), &samples[..], 0);
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            heard += usize::from(detector.hear(now).is_some());
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(heard, 2);
    }

    #[test]
    fn any_samples_and_losses_are_taken(
        frames in proptest::collection::vec((proptest::collection::vec(any::<i16>(), 0..200), any::<bool>()), 0..20),
    ) {
        let mut detector = Detector::default();
        for (samples, lost) in frames {
            if lost {
                detector.lose();
            }
            let _ = detector.hear(&samples);
        }
    }
}
