//! Talk-off: how often the detector of tones takes a voice for a key, in hours of speech.
//!
//! The speech is what the program ships, in both languages, and the same slower and faster, by which its pitch and its
//! formants wander over those of men, women and children; or whatever lies in a folder. Of a detector that hears no key
//! where none is, it has to be seen that it hears one where one is: a press ends each pass.

use std::f64::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};

use hotline::base::Law;
use hotline::daemon::prompts::decode;
use hotline::media::{self, Detector};

const RATE: f64 = 8000.0;
/// Samples of 20 ms.
const FRAME: usize = 160;
/// The slowest and the fastest.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.6..=1.7;
/// False keys in an hour that are let pass: one in ten hours of talk.
const ALLOWED_AN_HOUR: f64 = 0.1;

/// `HOTLINE_SPEECH=DIR cargo test --test main talkoff -- --ignored --nocapture`: WAV files of 8, 16 or 48 kHz, one
/// channel, in that folder and those below it; without it the prompts. Some minutes.
#[test]
#[ignore = "hours of speech"]
fn hours_of_speech() {
    let folder = std::env::var_os("HOTLINE_SPEECH").map_or_else(prompts, PathBuf::from);
    run(&folder, 1, 0.01);
}

/// A minute and more of it, with every change.
#[test]
fn minutes_of_speech() {
    run(&prompts(), 9, 0.25);
}

fn prompts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts")
}

/// Each `nth` file of the folder, at speeds `step` apart.
fn run(folder: &Path, nth: usize, step: f64) {
    let mut files = Vec::new();
    walk(folder, &mut files);
    files.sort();
    let speech: Vec<_> = files.iter().step_by(nth).filter_map(|file| Some((file, read(file)?))).collect();
    assert!(!speech.is_empty(), "no WAV file in {}", folder.display());
    let (mut samples, mut keys) = (0, 0);
    let mut speed = *SPEEDS.start();
    while speed <= *SPEEDS.end() {
        let mut detector = Detector::default();
        for (file, (rate, sound)) in &speech {
            let sound = on_the_line(sound, speed * f64::from(*rate) / RATE);
            samples += sound.len();
            for (at, frame) in sound.chunks(FRAME).enumerate() {
                if let Some(key) = detector.hear(frame) {
                    keys += 1;
                    let seconds = (at * FRAME) as f64 / RATE;
                    println!("{} at {seconds:.2} s, speed {speed:.2}: {}", file.display(), key.key());
                }
            }
        }
        let heard: Vec<_> =
            press().chunks(FRAME).filter_map(|frame| detector.hear(frame)).map(media::Digit::key).collect();
        assert_eq!(heard, ['5'], "the detector hears nothing any more");
        speed += step;
    }
    let hours = samples as f64 / RATE / 3600.0;
    // Of no key in so many hours: the rate that would have shown one with 95 %.
    let bound =
        if keys == 0 { format!(", below {:.3} an hour with 95 %", 3.0 / hours) } else { String::new() };
    println!("{hours:.1} h of speech, {keys} false keys{bound}");
    assert!(f64::from(keys) <= ALLOWED_AN_HOUR * hours, "{keys} false keys in {hours:.1} h");
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        // What belongs to no language is music and tones.
        if path.is_dir() && !path.ends_with("prompts/common") {
            walk(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "wav") {
            files.push(path);
        }
    }
}

/// Samples a second, and the samples.
fn read(file: &Path) -> Option<(u32, Vec<i16>)> {
    match decode(&fs::read(file).ok()?) {
        Ok(sound) => Some((sound.rate, sound.samples)),
        Err(error) => {
            println!("{} is left out: it {error}", file.display());
            None
        }
    }
}

/// Played `step` samples at a time, through A-law as on a line.
fn on_the_line(sound: &[i16], step: f64) -> Vec<i16> {
    let length = (sound.len() as f64 / step) as usize;
    let sample = |n: usize| {
        let at = n as f64 * step;
        let (whole, part) = (at as usize, at.fract());
        let (a, b) = (f64::from(*sound.get(whole)?), f64::from(*sound.get(whole + 1)?));
        let sample = (a + (b - a) * part) as i16;
        Some(media::decode(Law::A, media::encode(Law::A, sample)))
    };
    (0..length).map_while(sample).collect()
}

/// A pause, the key 5 for 60 ms, a pause.
fn press() -> Vec<i16> {
    let tone = |n: usize| {
        let t = n as f64 / RATE;
        ((TAU * 770.0 * t).sin() * 4000.0 + (TAU * 1336.0 * t).sin() * 4000.0) as i16
    };
    let pause = || std::iter::repeat_n(0, 10 * FRAME);
    pause().chain((0..3 * FRAME).map(tone)).chain(pause()).collect()
}
