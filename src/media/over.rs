//! What is played over what a leg hears otherwise: an announcement over music, a word to one party of a bridge.
//!
//! Music gives way to words and goes on below them; a person who speaks is never made quieter.

use crate::base::Law;

use super::mixer::{Fader, limit};
use super::player::{Frame, Player};
use super::{FRAME_SAMPLES, Library, SAMPLE_RATE, g711};

#[derive(Debug)]
pub(super) struct Over {
    /// `None` when it is over and the music only has to come back.
    player: Option<Player>,
    music: Fader,
    said: Fader,
}

/// What lies below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    /// Music, or nothing.
    Music,
    Voices,
}

impl Over {
    pub fn new(player: Player) -> Self {
        Over { player: Some(player), music: Fader::open(), said: Fader::open() }
    }

    /// Other words; what lies below stays as it is.
    pub fn replace(&mut self, player: Option<Player>) {
        self.player = player;
    }

    /// Lays the next 20 ms over `frame`. `ducked`: what is left of music meanwhile, as a factor. `true` when all is
    /// as it was before.
    pub fn lay(
        &mut self,
        library: &Library,
        law: Law,
        below: Below,
        ducked: f32,
        frame: &mut [i16; FRAME_SAMPLES],
    ) -> bool {
        let mut octets: Frame = [g711::silence(law); FRAME_SAMPLES];
        let mut words = None;
        if let Some(player) = &mut self.player {
            if player.fill(library, law, &mut octets) {
                self.player = None;
            }
            words = Some(octets.map(|octet| g711::decode(law, octet)));
        }
        let gives_way = words.is_some() && below == Below::Music;
        self.music.to(if gives_way { ducked } else { 1.0 });
        let mut sum = [0i32; FRAME_SAMPLES];
        self.music.add(SAMPLE_RATE, Some(frame), &mut sum);
        // Words that are cut off die away; they begin as loud as they are.
        match &words {
            Some(words) => self.said.add(SAMPLE_RATE, Some(words), &mut sum),
            None => self.said.add(SAMPLE_RATE, None, &mut sum),
        }
        for (to, sum) in frame.iter_mut().zip(sum) {
            *to = limit(sum);
        }
        self.player.is_none() && self.music.is_open()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::{PlayId, PromptId};
    use crate::media::Sound;

    const DUCKED: f32 = 0.178;

    fn fixture() -> (Library, Over) {
        let mut library = Library::default();
        // Twenty whole turns, so that the words themselves end without a step.
        let words: Vec<i16> = (0..314).map(|n| ((n as f32 * 0.4).sin() * 3000.0) as i16).collect();
        library.add(&words, 8000).expect("8 kHz");
        let clips = vec![Sound::Silence(Duration::from_millis(10)), Sound::Prompt(PromptId(0))];
        let player = Player::new(PlayId(0), clips, false, &library).expect("audible");
        (library, Over::new(player))
    }

    /// Below lies a constant, so that its gain can be read off between the words.
    fn run(below: Below) -> (Vec<i16>, usize) {
        let (library, mut over) = fixture();
        let mut heard = Vec::new();
        for frames in 1..20 {
            let mut frame = [8000; FRAME_SAMPLES];
            let done = over.lay(&library, Law::A, below, DUCKED, &mut frame);
            heard.extend(frame);
            if done {
                return (heard, frames);
            }
        }
        panic!("it never ends");
    }

    #[test]
    fn music_gives_way_by_a_ramp_and_comes_back() {
        let (heard, frames) = run(Below::Music);
        assert_eq!(frames, 4, "50 ms of words in three frames, one to come back");
        // 10 ms of silence first: the ramp can be seen alone, from full to a sixth in 10 ms.
        assert!(
            (heard[0] - 8000).abs() < 200 && (heard[79] - 1424).abs() < 400,
            "{} {}",
            heard[0],
            heard[79]
        );
        let largest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max();
        assert!(largest < Some(1400), "{largest:?}");
        assert_eq!(heard.last(), Some(&8000));
    }

    #[test]
    fn a_person_who_speaks_is_not_made_quieter() {
        let (heard, frames) = run(Below::Voices);
        assert_eq!(frames, 3);
        assert!(heard[..80].iter().all(|sample| (sample - 8000).abs() <= 8), "{:?}", &heard[..80]);
    }
}
