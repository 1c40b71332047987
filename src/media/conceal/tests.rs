use super::super::speech::{correlation, largest_step, segmental_snr, speech};
use super::*;
use crate::base::Rng;

/// What is heard of speech when these frames of 20 ms are lost.
fn heard(speech: &[i16], lost: &[bool], conceal: bool) -> Vec<i16> {
    let mut concealer = Concealer::new(8000);
    let mut out = Vec::new();
    for (frame, lost) in speech.chunks_exact(160).zip(lost) {
        let mut frame = frame.to_vec();
        match (*lost, conceal) {
            (true, true) => concealer.conceal(160, &mut out),
            (true, false) => out.extend([0; 160]),
            (false, true) => {
                if concealer.is_going() {
                    concealer.blend(&mut frame);
                }
                concealer.hear(&frame);
                out.extend(frame);
            }
            (false, false) => out.extend(frame),
        }
    }
    out
}

fn losses(seed: u64, frames: usize, percent: u64) -> Vec<bool> {
    let mut rng = Rng::from_number(seed);
    (0..frames).map(|_| rng.below(100) < percent).collect()
}

#[test]
fn it_is_better_than_zeros_and_does_not_click() {
    let speech = speech();
    let (mut better, mut worst_step) = (Vec::new(), 0);
    for seed in 0..10 {
        let lost = losses(seed, speech.len() / 160, 5);
        let (concealed, zeros) = (heard(&speech, &lost, true), heard(&speech, &lost, false));
        let speech = &speech[..concealed.len()];
        // Of the first half of what is lost: later a voice has gone its own way.
        let only_lost = |samples: &[i16]| -> Vec<i16> {
            let frames = samples.chunks_exact(160).zip(&lost).filter(|(_, lost)| **lost);
            frames.flat_map(|(frame, _)| frame[..80].to_vec()).collect()
        };
        better.push((
            // Zeros are like nothing.
            correlation(&only_lost(speech), &only_lost(&concealed)),
            segmental_snr(&only_lost(speech), &only_lost(&concealed))
                - segmental_snr(&only_lost(speech), &only_lost(&zeros)),
        ));
        worst_step = worst_step.max(largest_step(&concealed));
        // The first and the last sample of each absence, against what the speech itself does around there.
        for (frame, _) in lost.iter().enumerate().filter(|(_, lost)| **lost) {
            for seam in [frame * 160, frame * 160 + 160] {
                let Some(around) = speech.get(seam.saturating_sub(400)..seam + 240) else { continue };
                let Some(pair) = seam.checked_sub(1).and_then(|at| concealed.get(at..at + 2)) else {
                    continue;
                };
                let allowed = largest_step(around).saturating_add(300);
                assert!(pair[0].abs_diff(pair[1]) <= allowed, "{} > {allowed} at {seam}", largest_step(pair));
            }
        }
    }
    let mean = |of: fn(&(f64, f64)) -> f64| better.iter().map(of).sum::<f64>() / better.len() as f64;
    println!("correlation {:+.4}, segmental SNR {:+.2} dB, step {worst_step}", mean(|b| b.0), mean(|b| b.1));
    assert!(mean(|b| b.0) > 0.3, "{better:?}");
    assert!(mean(|b| b.1) > 1.0, "{better:?}");
    assert!(worst_step <= largest_step(&speech), "{worst_step} > {}", largest_step(&speech));
}

#[test]
fn a_steady_tone_goes_on_and_then_fades_to_silence() {
    let tone = |n: usize| (8000.0 * (n as f32 * 125.0 * std::f32::consts::TAU / 8000.0).sin()) as i16;
    let mut concealer = Concealer::new(8000);
    concealer.hear(&(0..800).map(tone).collect::<Vec<_>>());
    let mut out = Vec::new();
    concealer.conceal(480, &mut out);
    for (at, sample) in out.iter().enumerate().take(80) {
        assert!(sample.abs_diff(tone(800 + at)) < 250, "{sample} for {} at {at}", tone(800 + at));
    }
    let loud = |part: &[i16]| part.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
    let loudest: Vec<u16> = out.chunks(80).map(loud).collect();
    assert!(loudest.windows(2).skip(1).all(|pair| pair[1] < pair[0]), "{loudest:?}");
    assert!(concealer.is_silent());
    out.clear();
    concealer.conceal(160, &mut out);
    assert_eq!(out, [0; 160]);

    let mut back: Vec<i16> = (0..160).map(|_| 16_000).collect();
    concealer.blend(&mut back);
    assert!(back[0] < 800 && largest_step(&back) < 800 && back[40] == 16_000, "{back:?}");
}

#[test]
fn whatever_was_heard_before_and_at_every_rate() {
    for rate in [8000, 16_000, 48_000] {
        for past in [vec![], vec![i16::MIN; 50], vec![i16::MAX; 5000], vec![1]] {
            let mut concealer = Concealer::new(rate);
            concealer.hear(&past);
            let mut out = past;
            concealer.conceal(rate as usize / 10, &mut out);
            assert!(concealer.is_silent());
            let mut back = vec![0; 7];
            concealer.blend(&mut back);
            concealer.hear(&back);
            assert_eq!(out.last(), Some(&0));
        }
    }
}
