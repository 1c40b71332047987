//! What every caller hears, as far as can be told from outside: for the sentence that nobody is met by silence.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::{CallId, Instant, LegId, PlayId, RecordingId};
use crate::media::Stream;

/// Longer than any menu waits for a key, or a disk is waited for.
const LONGEST_SILENCE: Duration = Duration::from_secs(12);

/// So often the silences that last are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

#[derive(Default, Debug)]
pub(super) struct Ears {
    callers: BTreeMap<LegId, Ear>,
    recordings: BTreeMap<RecordingId, LegId>,
    looked: Instant,
    silences: Vec<(LegId, Duration)>,
}

#[derive(Default, Debug)]
struct Ear {
    connected: bool,
    /// We may not send, or the caller has put us on hold.
    deaf: bool,
    playing: Option<PlayId>,
    bridged: bool,
    /// The caller is the one who speaks.
    recording: bool,
    silent_since: Option<Instant>,
    /// Nothing that was to be heard was cut off since it began.
    heard_out: bool,
}

impl Ears {
    pub(super) fn open(&mut self, leg: LegId) {
        if leg.index == 0 {
            self.callers.insert(leg, Ear { heard_out: true, ..Ear::default() });
        }
    }

    pub(super) fn connect(&mut self, now: Instant, leg: LegId, stream: &Stream) {
        self.change(now, leg, |ear| {
            ear.connected = true;
            ear.deaf = !stream.send || stream.held;
        });
    }

    pub(super) fn play(&mut self, now: Instant, leg: LegId, play: PlayId, repeat: bool) {
        self.change(now, leg, |ear| (ear.playing, ear.heard_out) = (Some(play), repeat));
    }

    pub(super) fn played(&mut self, now: Instant, leg: LegId, play: PlayId) {
        self.change(now, leg, |ear| {
            if ear.playing == Some(play) {
                (ear.playing, ear.heard_out) = (None, true);
            }
        });
        self.look(now);
    }

    pub(super) fn stop(&mut self, now: Instant, leg: LegId) {
        self.change(now, leg, |ear| ear.playing = None);
    }

    pub(super) fn bridge(&mut self, now: Instant, leg: LegId, on: bool) {
        self.change(now, leg, |ear| ear.bridged = on);
    }

    pub(super) fn record(&mut self, now: Instant, leg: LegId, recording: RecordingId) {
        self.recordings.insert(recording, leg);
        self.change(now, leg, |ear| ear.recording = true);
    }

    pub(super) fn recorded(&mut self, now: Instant, recording: RecordingId) {
        if let Some(leg) = self.recordings.remove(&recording) {
            self.change(now, leg, |ear| ear.recording = false);
        }
    }

    pub(super) fn close(&mut self, now: Instant, leg: LegId) {
        self.change(now, leg, |ear| ear.connected = false);
    }

    /// Nothing of the call is asked any more.
    pub(super) fn over(&mut self, now: Instant, call: CallId) {
        let leg = LegId { call, index: 0 };
        self.close(now, leg);
        self.callers.remove(&leg);
        self.look(now);
    }

    /// Whether the last thing that was said to the caller came to its end.
    pub(super) fn has_heard_out(&self, leg: LegId) -> bool {
        self.callers.get(&leg).is_none_or(|ear| ear.heard_out)
    }

    /// A silence that was too long; each is told once.
    pub(super) fn take_silence(&mut self) -> Option<(LegId, Duration)> {
        self.silences.pop()
    }

    fn change(&mut self, now: Instant, leg: LegId, change: impl FnOnce(&mut Ear)) {
        let Some(ear) = self.callers.get_mut(&leg) else { return };
        change(ear);
        let hears = ear.playing.is_some() || ear.bridged;
        if ear.connected && !hears && !ear.deaf && !ear.recording {
            ear.silent_since.get_or_insert(now);
        } else if let Some(since) = ear.silent_since.take()
            && now.since(since) > LONGEST_SILENCE
        {
            self.silences.push((leg, now.since(since)));
        }
    }

    /// Silences that nothing has ended yet.
    fn look(&mut self, now: Instant) {
        if now.since(self.looked) < LOOK_EVERY {
            return;
        }
        self.looked = now;
        for (leg, ear) in &mut self.callers {
            if let Some(since) = ear.silent_since
                && now.since(since) > LONGEST_SILENCE
            {
                self.silences.push((*leg, now.since(since)));
                // Told once; the next silence counts anew.
                ear.silent_since = Some(now);
            }
        }
    }
}
