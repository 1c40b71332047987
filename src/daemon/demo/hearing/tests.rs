use std::sync::OnceLock;

use super::*;
use crate::base::{Language, Law};
use crate::daemon::prompts::Prompts;
use crate::media;

/// The embedded prompts.
fn sounds() -> Arc<Sounds> {
    static SOUNDS: OnceLock<Arc<Sounds>> = OnceLock::new();
    let load = || {
        let prompts = Prompts::load(None).expect("the embedded prompts are without mistake");
        Arc::new(Sounds::of_prompts(&prompts.catalog, &prompts.library))
    };
    Arc::clone(SOUNDS.get_or_init(load))
}

fn id(tag: &str, name: &str) -> SoundId {
    let wanted = Some(Language::new(tag));
    let sounds = sounds();
    let mut all = sounds.iter();
    let found = all.find(|(_, s)| s.name == name && (s.language.is_none() || s.language == wanted));
    found.expect("the prompt exists").0
}

fn samples(id: SoundId) -> Vec<i16> {
    sounds().get(id).expect("exists").samples.clone()
}

fn through(law: Law, samples: &[i16]) -> Vec<i16> {
    samples.iter().map(|&sample| media::decode(law, media::encode(law, sample))).collect()
}

/// What an ear hears that gets the audio in frames of 20 ms.
fn hear(audio: &[i16]) -> Vec<Hearing> {
    let mut ear = Ear::new(sounds());
    for (n, frame) in audio.chunks(160).enumerate() {
        ear.listen(n * 160, frame);
    }
    ear.finish();
    std::iter::from_fn(|| ear.poll()).collect()
}

fn ended(audio: &[i16]) -> Vec<Heard> {
    let end = |hearing| match hearing {
        Hearing::Ends(heard) => Some(heard),
        Hearing::Begins(_) => None,
    };
    hear(audio).into_iter().filter_map(end).collect()
}

/// Noise that is no prompt, as loud as a voice.
fn noise(length: usize) -> Vec<i16> {
    let mut rng = crate::base::Rng::from_number(7);
    (0..length).map(|_| (rng.below(6000) as i16) - 3000).collect()
}

#[test]
fn prompts_are_heard_through_both_laws_wherever_they_begin() {
    let asked = [id("zh-CN", "greeting/welcome"), id("en-US", "greeting/welcome"), id("zh-CN", "digit/7")];
    for law in Law::ALL {
        for lead in [0, 1, 37, 160, 4321] {
            for asked in asked {
                let mut audio = vec![0; lead];
                audio.extend(through(law, &samples(asked)));
                audio.extend([0; 800]);
                let heard = ended(&audio);
                assert_eq!(heard.len(), 1, "{law:?} {lead} {heard:?}");
                assert_eq!((heard[0].sound, heard[0].whole), (asked, true));
                assert!(heard[0].from.abs_diff(lead) == 0 && heard[0].correlation > 0.99, "{lead} {heard:?}");
            }
        }
    }
}

#[test]
fn one_after_the_other_without_a_gap() {
    let names = ["topic/consult", "menu/press-1", "topic/complaint", "menu/press-2", "message/back-before"];
    let parts = ["time/hour-10", "time/half", "message/back-after"];
    let asked: Vec<SoundId> = names.iter().chain(&parts).map(|name| id("zh-CN", name)).collect();
    let audio: Vec<i16> = asked.iter().flat_map(|id| samples(*id)).collect();
    let heard = ended(&audio);
    assert_eq!(heard.iter().map(|heard| heard.sound).collect::<Vec<_>>(), asked);
    assert!(heard.iter().all(|heard| heard.whole && heard.correlation > 0.99), "{heard:?}");
}

#[test]
fn a_lost_frame_is_forgiven() {
    let asked = id("zh-CN", "queue/connecting");
    let mut audio = through(Law::A, &samples(asked));
    audio[8000..8160].fill(0);
    let heard = ended(&audio);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].whole && heard[0].correlation >= ENOUGH, "{heard:?}");
}

#[test]
fn a_prompt_that_is_cut_off_is_not_whole() {
    let asked = id("zh-CN", "notice/recording");
    let audio = samples(asked);
    let mut cut = audio[..12000].to_vec();
    cut.extend([0; 4000]);
    let heard = ended(&cut);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!((heard[0].sound, heard[0].whole), (asked, false));
    assert!(heard[0].to.abs_diff(12000) <= BLOCK, "{heard:?}");
    // Without the silence behind its last word it is.
    let heard = ended(&audio[..audio.len() - 600]);
    assert_eq!((heard.len(), heard[0].whole), (1, true), "{heard:?}");
}

#[test]
fn half_of_a_prompt_missing_is_a_prompt_not_heard() {
    let asked = id("zh-CN", "queue/connecting");
    let mut audio = samples(asked);
    for frames in audio.chunks_mut(320) {
        frames[..160].fill(0);
    }
    assert!(ended(&audio).iter().all(|heard| !heard.whole), "{:?}", ended(&audio));
}

#[test]
fn music_is_followed_for_as_long_as_it_plays() {
    let music = id("zh-CN", "common/hold-music");
    let mut audio = samples(music)[..8000 * 7].to_vec();
    audio.extend(samples(id("zh-CN", "transfer/sorry-please-wait")));
    let heard = ended(&audio);
    assert_eq!((heard[0].sound, heard[0].whole), (music, false));
    assert!(heard[0].to.abs_diff(8000 * 7) <= 2 * BLOCK, "{heard:?}");
    let sorry = heard.last().expect("heard");
    assert_eq!((sorry.sound, sorry.whole), (id("zh-CN", "transfer/sorry-please-wait"), true));
}

#[test]
fn what_is_no_prompt_is_not_heard() {
    assert_eq!(hear(&noise(16000)), []);
    let unlike: Vec<i16> = samples(id("zh-CN", "greeting/welcome")).into_iter().rev().collect();
    assert_eq!(hear(&unlike), []);
    assert_eq!(hear(&[]), []);
}

#[test]
fn a_beginning_is_told_before_the_end() {
    let asked = id("zh-CN", "message/in-a-meeting");
    let mut ear = Ear::new(sounds());
    for (n, frame) in samples(asked)[..8000].chunks(160).enumerate() {
        ear.listen(n * 160, frame);
    }
    assert_eq!(ear.poll(), Some(Hearing::Begins(asked)));
    assert_eq!(ear.poll(), None);
}

#[test]
fn late_audio_does_not_change_what_was_there() {
    let asked = id("zh-CN", "greeting/welcome");
    let audio = samples(asked);
    let mut ear = Ear::new(sounds());
    for (n, frame) in audio.chunks(160).enumerate() {
        ear.listen(n * 160, frame);
        ear.listen((n * 160).saturating_sub(400), &[9999; 160]);
    }
    ear.finish();
    let last = std::iter::from_fn(|| ear.poll()).last();
    assert!(matches!(last, Some(Hearing::Ends(heard)) if heard.sound == asked && heard.whole), "{last:?}");
}
