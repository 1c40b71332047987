//! What a leg is played: clips one after the other without a gap, in frames of 20 ms.

use std::time::Duration;

use crate::base::{Law, PlayId};

use super::{FRAME_SAMPLES, Library, SAMPLE_RATE, Sound, g711};

/// The octets of one frame.
pub(super) type Frame = [u8; FRAME_SAMPLES];

#[derive(Clone, Debug)]
pub(super) struct Player {
    pub play: PlayId,
    clips: Vec<Sound>,
    repeat: bool,
    /// The clip being played, and how many of its samples have been.
    at: usize,
    played: usize,
}

impl Player {
    /// `None` where there is nothing to hear.
    pub fn new(play: PlayId, clips: Vec<Sound>, repeat: bool, library: &Library) -> Option<Self> {
        let audible = clips.iter().any(|clip| length(clip, library) > 0);
        audible.then_some(Player { play, clips, repeat, at: 0, played: 0 })
    }

    /// Fills the next frame, with silence behind the end. `true` if it is the last one.
    pub fn fill(&mut self, library: &Library, law: Law, frame: &mut Frame) -> bool {
        let mut rest = frame.as_mut_slice();
        while !rest.is_empty() {
            let Some(clip) = self.clips.get(self.at) else {
                rest.fill(g711::silence(law));
                return true;
            };
            let count = copy(clip, self.played, library, law, rest);
            self.played += count;
            rest = rest.get_mut(count..).unwrap_or_default();
            if self.played >= length(clip, library) {
                self.next_clip();
            }
        }
        // Not at the beginning of the next call: the last frame is to be known when it is sent.
        while self.clips.get(self.at).is_some_and(|clip| length(clip, library) == 0) {
            self.next_clip();
        }
        self.at >= self.clips.len()
    }

    fn next_clip(&mut self) {
        self.at += 1;
        self.played = 0;
        if self.repeat && self.at >= self.clips.len() {
            self.at = 0;
        }
    }
}

/// In samples.
fn length(clip: &Sound, library: &Library) -> usize {
    match clip {
        Sound::Prompt(prompt) => library.get(*prompt, Law::A).map_or(0, |octets| octets.len()),
        Sound::Silence(time) => samples_of(*time),
        Sound::Samples(samples) => samples.len(),
    }
}

fn samples_of(time: Duration) -> usize {
    usize::try_from(time.as_millis() * u128::from(SAMPLE_RATE) / 1000).unwrap_or(usize::MAX)
}

/// Copies what fits from sample `from` on, and says how much that was.
fn copy(clip: &Sound, from: usize, library: &Library, law: Law, into: &mut [u8]) -> usize {
    match clip {
        Sound::Prompt(prompt) => {
            let octets = library.get(*prompt, law).and_then(|octets| octets.get(from..)).unwrap_or_default();
            let count = octets.len().min(into.len());
            for (to, octet) in into.iter_mut().zip(octets) {
                *to = *octet;
            }
            count
        }
        Sound::Silence(time) => {
            let count = samples_of(*time).saturating_sub(from).min(into.len());
            into.iter_mut().take(count).for_each(|to| *to = g711::silence(law));
            count
        }
        Sound::Samples(samples) => {
            let samples = samples.get(from..).unwrap_or_default();
            let count = samples.len().min(into.len());
            for (to, sample) in into.iter_mut().zip(samples) {
                *to = g711::encode(law, *sample);
            }
            count
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PromptId;

    /// Prompt 0 has 200 samples of one loudness, prompt 1 has 160 of another, prompt 2 none.
    fn library() -> Library {
        let mut library = Library::default();
        for samples in [vec![1000; 200], vec![-1000; 160], vec![]] {
            library.add(&samples, 8000).expect("8 kHz");
        }
        library
    }

    fn play(clips: &[Sound], repeat: bool) -> Player {
        Player::new(PlayId(1), clips.to_vec(), repeat, &library()).expect("something to hear")
    }

    /// Frames as linear samples up to the last one, at most `limit`.
    fn frames(mut player: Player, law: Law, limit: usize) -> Vec<[i16; 160]> {
        let mut frames = Vec::new();
        while frames.len() < limit {
            let mut frame = [0; 160];
            let last = player.fill(&library(), law, &mut frame);
            frames.push(frame.map(|octet| g711::decode(law, octet)));
            if last {
                break;
            }
        }
        frames
    }

    const PROMPT: Sound = Sound::Prompt(PromptId(0));
    const OTHER: Sound = Sound::Prompt(PromptId(1));

    #[test]
    fn clips_follow_each_other_without_a_gap() {
        for law in Law::ALL {
            let quantised = |s| g711::decode(law, g711::encode(law, s));
            let samples = Sound::Samples(vec![500; 90].into());
            let heard = frames(play(&[PROMPT, samples, OTHER], false), law, 10).concat();
            let mut expected = vec![quantised(1000); 200];
            expected.extend([quantised(500)].repeat(90));
            expected.extend([quantised(-1000)].repeat(160));
            expected.extend([quantised(0)].repeat(30));
            assert_eq!(heard, expected);
        }
    }

    #[test]
    fn the_last_frame_is_known_as_such() {
        assert_eq!(frames(play(&[OTHER], false), Law::A, 10).len(), 1);
        assert_eq!(frames(play(&[OTHER, Sound::Prompt(PromptId(2))], false), Law::A, 10).len(), 1);
        assert_eq!(frames(play(&[PROMPT], false), Law::A, 10).len(), 2);
        assert_eq!(frames(play(&[Sound::Silence(Duration::from_secs(1))], false), Law::A, 99).len(), 50);
    }

    #[test]
    fn repeating_joins_the_ends() {
        let heard = frames(play(&[PROMPT, Sound::Silence(Duration::from_millis(5))], true), Law::Mu, 6);
        let one: Vec<i16> = [vec![988; 200], vec![0; 40]].concat();
        assert_eq!(heard.concat(), one.repeat(4));
    }

    #[test]
    fn what_is_missing_is_left_out() {
        let missing = Sound::Prompt(PromptId(77));
        assert_eq!(frames(play(&[missing.clone(), OTHER, missing.clone()], false), Law::A, 10).len(), 1);
        let nothing = [missing, Sound::Prompt(PromptId(2)), Sound::Silence(Duration::ZERO)];
        assert!(Player::new(PlayId(1), nothing.to_vec(), true, &library()).is_none());
        assert!(Player::new(PlayId(1), vec![], false, &library()).is_none());
    }
}
