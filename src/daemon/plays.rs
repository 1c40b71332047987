//! Plays that wait for a recording to be read from disk, and what the same call ordered after them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::base::{CallId, Clip, LegId, PlayId, RecordingId};
use crate::media::{Command, Sound};

/// Orders of a call keep their order: while its first play waits, everything after it waits too.
#[derive(Default)]
pub struct Plays {
    held: BTreeMap<CallId, VecDeque<Held>>,
    /// Recordings that have been read for a play that still waits for another.
    loaded: BTreeMap<RecordingId, Arc<[i16]>>,
}

enum Held {
    Command(Command),
    Play { play: Play, missing: BTreeSet<RecordingId> },
}

/// What the exchange orders: [`Command::Play`] with recordings by their numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Play {
    pub leg: LegId,
    pub play: PlayId,
    pub clips: Vec<Clip>,
    pub repeat: bool,
}

impl Plays {
    /// The command, unless it has to wait. A new leg never waits: its ports must be open before they are named
    /// to the peer, and nothing that waits can be about it.
    pub fn command(&mut self, call: CallId, command: Command) -> Option<Command> {
        match self.held.get_mut(&call) {
            Some(held) if !matches!(command, Command::Open { .. }) => {
                held.push_back(Held::Command(command));
                None
            }
            _ => Some(command),
        }
    }

    /// The play as a command, or the recordings that have to be read first.
    pub fn play(&mut self, play: Play) -> Result<Option<Command>, Vec<RecordingId>> {
        let missing: BTreeSet<_> = play.clips.iter().filter_map(recording).collect();
        if missing.is_empty() {
            return Ok(self.command(play.leg.call, play.into_command(&self.loaded)));
        }
        let load = missing.iter().copied().collect();
        self.held.entry(play.leg.call).or_default().push_back(Held::Play { play, missing });
        Err(load)
    }

    /// A recording was read, or cannot be: then its clip is left out. What need not wait any longer comes
    /// back, in order.
    pub fn loaded(&mut self, id: RecordingId, samples: Option<Arc<[i16]>>) -> Vec<(CallId, Command)> {
        if let Some(samples) = samples {
            self.loaded.insert(id, samples);
        }
        let mut ready = Vec::new();
        for (call, held) in &mut self.held {
            for waiting in held.iter_mut() {
                if let Held::Play { missing, .. } = waiting {
                    missing.remove(&id);
                }
            }
            while let Some(first) = held.pop_front() {
                match first {
                    Held::Command(command) => ready.push((*call, command)),
                    Held::Play { play, missing } if missing.is_empty() => {
                        ready.push((*call, play.into_command(&self.loaded)));
                    }
                    waiting @ Held::Play { .. } => {
                        held.push_front(waiting);
                        break;
                    }
                }
            }
        }
        self.held.retain(|_, held| !held.is_empty());
        self.forget();
        ready
    }

    /// Keeps only what a waiting play still needs.
    fn forget(&mut self) {
        let plays = self.held.values().flatten().filter_map(|held| match held {
            Held::Play { play, .. } => Some(play),
            Held::Command(_) => None,
        });
        let needed: BTreeSet<_> = plays.flat_map(|play| play.clips.iter().filter_map(recording)).collect();
        self.loaded.retain(|id, _| needed.contains(id));
    }
}

impl Play {
    fn into_command(self, loaded: &BTreeMap<RecordingId, Arc<[i16]>>) -> Command {
        let sound = |clip| match clip {
            Clip::Prompt(prompt) => Some(Sound::Prompt(prompt)),
            Clip::Silence(length) => Some(Sound::Silence(length)),
            Clip::Recording(id) => loaded.get(&id).cloned().map(Sound::Samples),
        };
        let clips = self.clips.into_iter().filter_map(sound).collect();
        Command::Play { leg: self.leg, play: self.play, clips, repeat: self.repeat }
    }
}

fn recording(clip: &Clip) -> Option<RecordingId> {
    match clip {
        Clip::Recording(id) => Some(*id),
        Clip::Prompt(_) | Clip::Silence(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PromptId;

    fn leg(call: u64) -> LegId {
        LegId { call: CallId(call), index: 0 }
    }

    fn play(call: u64, number: u32, clips: Vec<Clip>) -> Play {
        Play { leg: leg(call), play: PlayId(number), clips, repeat: false }
    }

    fn shown(ready: &[(CallId, Command)]) -> Vec<String> {
        ready
            .iter()
            .map(|(call, command)| match command {
                Command::Play { play, clips, .. } => format!("{call} play {play} of {}", clips.len()),
                Command::Stop { .. } => format!("{call} stop"),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_play_of_prompts_goes_straight_through() {
        let mut plays = Plays::default();
        let result = plays.play(play(1, 1, vec![Clip::Prompt(PromptId(3))]));
        assert!(matches!(result, Ok(Some(Command::Play { .. }))));
    }

    #[test]
    fn what_follows_a_waiting_play_waits_for_it_and_other_calls_do_not() {
        let mut plays = Plays::default();
        let (one, two) = (RecordingId(1), RecordingId(2));
        let both = vec![Clip::Recording(one), Clip::Prompt(PromptId(0)), Clip::Recording(two)];
        assert_eq!(plays.play(play(1, 1, both)).unwrap_err(), [one, two]);
        assert!(plays.command(CallId(1), Command::Stop { leg: leg(1) }).is_none());
        assert!(matches!(plays.play(play(1, 2, vec![])), Ok(None)));
        assert!(plays.command(CallId(2), Command::Stop { leg: leg(2) }).is_some());
        let open = Command::Open {
            leg: LegId { call: CallId(1), index: 1 },
            rtp_port: 20_000,
            ssrc: 1,
            sequence: 1,
            timestamp: 1,
        };
        assert!(plays.command(CallId(1), open).is_some());

        assert!(plays.loaded(one, Some(Arc::from([1i16]))).is_empty());
        let ready = plays.loaded(two, Some(Arc::from([2i16])));
        assert_eq!(shown(&ready), ["c1 play p1 of 3", "c1 stop", "c1 play p2 of 0"]);
        assert!(plays.held.is_empty() && plays.loaded.is_empty());
        assert!(plays.command(CallId(1), Command::Stop { leg: leg(1) }).is_some());
    }

    #[test]
    fn a_recording_that_cannot_be_read_is_left_out() {
        let mut plays = Plays::default();
        let id = RecordingId(9);
        assert!(plays.play(play(1, 1, vec![Clip::Recording(id), Clip::Prompt(PromptId(0))])).is_err());
        assert_eq!(shown(&plays.loaded(id, None)), ["c1 play p1 of 1"]);
    }
}
