//! What was heard, found by correlating the audio that arrived with every recording there is.
//!
//! An [`Ear`] takes a phone's audio as it comes. While it knows nothing, it waits for sound, takes the first
//! 200 ms of it and looks where in which recording these could be ([`Sounds::find`]: coarsely by envelope, then
//! to the sample). From there it follows that recording to its end, or until the audio goes another way:
//!
//! ```text
//!              sound                 found                    its end
//!   silence ---------> searching ------------> following ---------------> Heard { whole: true }
//!      ^                  |  ^                     |
//!      +---- nothing -----+  +---- other audio ----+------------------> Heard { whole: false }
//!            like it               for 240 ms
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use super::sounds::{Found, QUIET, SoundId, Sounds, correlation, loudness};

/// What a recording must reach to count as heard.
pub const ENOUGH: f32 = 0.9;
/// Pieces that are searched for, in samples: a word, or the beginning of a short one.
const PIECES: [usize; 2] = [1600, 800];
/// Steps in which silence is passed over.
const STEP: usize = 80;
/// Steps in which sound that is like nothing is passed over.
const STRIDE: usize = 800;
/// Steps in which a recording is followed.
const BLOCK: usize = 640;
/// A block this much like the recording is the recording; a lost frame within a block is less.
const ALIKE: f32 = 0.8;
/// After so many blocks that are not, something else is being heard.
const PATIENCE: usize = 3;

/// A recording was heard, as a whole or a part of it. Times in samples since the ear began to listen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    pub sound: SoundId,
    pub from: usize,
    pub to: usize,
    /// From its first word to its last.
    pub whole: bool,
    /// Of the whole recording with what arrived, or of the part that did.
    pub correlation: f32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hearing {
    /// A recording has begun.
    Begins(SoundId),
    Ends(Heard),
}

pub struct Ear {
    sounds: Arc<Sounds>,
    audio: Vec<i16>,
    /// Everything before is accounted for.
    at: usize,
    following: Option<Following>,
    hearings: VecDeque<Hearing>,
}

/// A recording that is being heard.
#[derive(Clone, Copy, Debug)]
struct Following {
    sound: SoundId,
    /// Where its first sample is in the audio: before the beginning where we came in late.
    start: isize,
    /// Where it was recognised.
    found: usize,
    /// Up to where the audio is the recording.
    agreed: usize,
    /// Blocks since then that are not.
    strange: usize,
    /// [`Hearing::Begins`] has been told.
    announced: bool,
}

impl Ear {
    pub fn new(sounds: Arc<Sounds>) -> Ear {
        Ear { sounds, audio: Vec::new(), at: 0, following: None, hearings: VecDeque::new() }
    }

    /// The next audio, at its place on the time line: what is missing is silence, what was there before is kept.
    pub fn listen(&mut self, at: usize, samples: &[i16]) {
        if at > self.audio.len() {
            self.audio.resize(at, 0);
        }
        let known = self.audio.len() - at;
        self.audio.extend(samples.get(known..).unwrap_or_default());
        while self.step(false) {}
    }

    /// There is no more audio.
    pub fn finish(&mut self) {
        while self.step(true) {}
        if let Some(following) = self.following.take() {
            self.end(following);
        }
    }

    /// To be called until `None` after the others.
    pub fn poll(&mut self) -> Option<Hearing> {
        self.hearings.pop_front()
    }

    /// One step further. `false`: more audio is needed.
    fn step(&mut self, last: bool) -> bool {
        match self.following.take() {
            Some(following) => self.follow(following, last),
            None => self.search(),
        }
    }

    fn search(&mut self) -> bool {
        let Some(step) = self.audio.get(self.at..self.at + STEP) else { return false };
        if loudness(step) < QUIET {
            self.at += STEP;
            return true;
        }
        if self.audio.len() < self.at + PIECES[0] {
            return false;
        }
        let found = PIECES.iter().find_map(|&length| {
            let piece = self.audio.get(self.at..self.at + length)?;
            self.sounds.find(piece, ENOUGH)
        });
        let Some(Found { sound, offset, .. }) = found else {
            self.at += STRIDE;
            return true;
        };
        let start = self.at as isize - offset as isize;
        self.following =
            Some(Following { sound, start, found: self.at, agreed: self.at, strange: 0, announced: false });
        true
    }

    fn follow(&mut self, mut following: Following, last: bool) -> bool {
        let sounds = Arc::clone(&self.sounds);
        let Some(sound) = sounds.get(following.sound) else { return true };
        let next = following.agreed + following.strange * BLOCK;
        let within = usize::try_from(next as isize - following.start).unwrap_or(0);
        let length = sound.samples.len().saturating_sub(within).min(BLOCK);
        let ends = within + length >= sound.samples.len();
        let (Some(here), Some(there)) =
            (self.audio.get(next..next + length), sound.samples.get(within..within + length))
        else {
            if last {
                self.end(following);
            } else {
                self.following = Some(following);
            }
            return false;
        };
        following.strange += 1;
        // At its end a recording is over, however the last of it came across.
        if same(here, there) || (ends && following.strange < PATIENCE) {
            following.agreed = next + length;
            following.strange = 0;
        }
        if !following.announced && following.agreed >= following.found + PIECES[0] {
            following.announced = true;
            self.hearings.push_back(Hearing::Begins(following.sound));
        }
        if ends || following.strange >= PATIENCE {
            self.end(following);
        } else {
            self.following = Some(following);
        }
        true
    }

    fn end(&mut self, following: Following) {
        let Following { sound: id, start, found, agreed, announced, .. } = following;
        self.at = agreed.max(found + STRIDE);
        let sounds = Arc::clone(&self.sounds);
        let Some(sound) = sounds.get(id) else { return };
        let reached = usize::try_from(agreed as isize - start).unwrap_or(0);
        let correlation = self.correlation_with(&sound.samples, start, sound.samples.len());
        // Cut off in the silence behind its last word it is whole.
        let rest = sound.samples.get(reached..).unwrap_or_default();
        let whole = correlation >= ENOUGH && rest.chunks(STEP).all(|step| loudness(step) < QUIET);
        if !announced && !whole {
            return;
        }
        if !announced {
            self.hearings.push_back(Hearing::Begins(id));
        }
        let correlation =
            if whole { correlation } else { self.correlation_with(&sound.samples, start, reached) };
        let from = usize::try_from(start).unwrap_or(0);
        self.hearings.push_back(Hearing::Ends(Heard { sound: id, from, to: agreed, whole, correlation }));
    }

    /// Of the first `length` samples of a recording with the audio where it should be; what did not arrive is
    /// silence.
    fn correlation_with(&self, samples: &[i16], start: isize, length: usize) -> f32 {
        let there = samples.get(..length).unwrap_or(samples);
        let place =
            |n: usize| usize::try_from(start + n as isize).ok().and_then(|at| self.audio.get(at)).copied();
        let here: Vec<i16> = (0..there.len()).map(|n| place(n).unwrap_or(0)).collect();
        correlation(&here, there)
    }
}

fn same(here: &[i16], there: &[i16]) -> bool {
    match (loudness(here) < QUIET, loudness(there) < QUIET) {
        (true, true) => true,
        _ => correlation(here, there) >= ALIKE,
    }
}

#[cfg(test)]
mod tests;
