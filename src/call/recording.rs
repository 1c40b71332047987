//! The recording of a talk: paused and resumed by the agent's key or an order, given up where the disk takes no more.
//!
//! What is said while it is paused is blank in it and keeps its place: a minute of the talk is the same minute of
//! the recording. The record says when, and a disk that fails never costs more than the recording.

use super::talk::{LONGEST_RECORDING, Talk};
use super::{Body, Call, Ctx, Event, RECORDING_BEEP, Stage, Timer};
use crate::base::RecordingId;
use crate::media::Command;
use crate::record::StageKind;

/// The recording that is going on.
pub(super) struct Recording {
    pub(super) id: RecordingId,
    paused: bool,
    /// The agent's latest keys, as many as pause it.
    keys: String,
}

/// There is nothing to pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotRecorded;

impl Call {
    /// Pauses the recording of the talk, or resumes it; nothing changes where it is so already.
    ///
    /// # Errors
    /// Where nothing is recorded.
    pub fn pause_recording(&mut self, ctx: &mut Ctx<'_>, paused: bool) -> Result<(), NotRecorded> {
        let span = self.body.span.clone();
        let _entered = span.enter();
        let talk = match &mut self.stage {
            Stage::Talk(talk) => talk,
            Stage::Hold(hold) => hold.talk_mut(),
            _ => return Err(NotRecorded),
        };
        talk.pause(&mut self.body, ctx, |_| paused)
    }
}

impl Talk {
    pub(super) fn record(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        let id = ctx.ids.next_recording();
        ctx.media(Command::Record {
            recording: id,
            left: body.caller_id,
            right: Some(self.leg.id),
            longest: LONGEST_RECORDING,
            silence_ends: None,
        });
        body.journal.recording(id);
        self.recording = Some(Recording { id, paused: false, keys: String::new() });
        self.recording_beep(body, ctx, true);
    }

    /// Both hear that they are recorded, where the house wants it so, and will again. Not `heard`: one of them is on
    /// hold, and hears music.
    pub(super) fn recording_beep(&self, body: &mut Body, ctx: &mut Ctx<'_>, heard: bool) {
        let Some(every) = ctx.settings.recording_beep else { return };
        if self.recording.as_ref().is_none_or(|recording| recording.paused) {
            return;
        }
        if heard {
            let tone = body.prompts(&[RECORDING_BEEP]);
            self.leg.play_over(ctx, tone.clone());
            body.play_over(ctx, tone);
        }
        if !every.is_zero() {
            body.timers.arm(Timer::RecordingBeep, ctx.now.mono + every);
        }
    }

    pub(super) fn stop_recording(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        if let Some(recording) = self.recording.take() {
            body.timers.disarm(Timer::RecordingBeep);
            ctx.media(Command::StopRecording { recording: recording.id });
        }
    }

    /// While the caller is not spoken with, what is said is none of the caller's recording.
    pub(super) fn set_recording_aside(&mut self, ctx: &mut Ctx<'_>, aside: bool) {
        if let Some(recording) = &self.recording {
            let paused = aside || recording.paused;
            ctx.media(Command::PauseRecording { recording: recording.id, paused });
        }
    }

    /// What concerns the recording alone; every event goes on.
    pub(super) fn recording_event(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: &Event) {
        let Some(recording) = &mut self.recording else { return };
        match event {
            // While it is being made there is but one thing to be said of it.
            Event::RecordingSaved { recording: id, saved: false } if *id == recording.id => {
                tracing::error!(recording = %id, "the talk is recorded no further");
                body.stage(ctx, StageKind::Record, "given up: it cannot be written");
                self.stop_recording(body, ctx);
            }
            Event::Digit { leg, digit }
                if *leg == self.leg.id
                    && recording.is_told(digit.expose().key(), &ctx.settings.pause_recording_key) =>
            {
                // It is being recorded: it was looked at above.
                let _ = self.pause(body, ctx, |paused| !paused);
            }
            _ => {}
        }
    }

    fn pause(
        &mut self,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        wanted: impl FnOnce(bool) -> bool,
    ) -> Result<(), NotRecorded> {
        let recording = self.recording.as_mut().ok_or(NotRecorded)?;
        let paused = wanted(recording.paused);
        if std::mem::replace(&mut recording.paused, paused) != paused {
            ctx.media(Command::PauseRecording { recording: recording.id, paused });
            body.stage(ctx, StageKind::Record, if paused { "paused" } else { "resumed" });
            body.timers.disarm(Timer::RecordingBeep);
            self.recording_beep(body, ctx, true);
        }
        Ok(())
    }
}

impl Recording {
    /// Whether this key completes the code.
    fn is_told(&mut self, key: char, code: &str) -> bool {
        self.keys.push(key);
        while self.keys.len() > code.len() {
            self.keys.remove(0);
        }
        let told = !code.is_empty() && self.keys == code;
        if told {
            self.keys.clear();
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_heard_wherever_it_comes_and_no_code_never() {
        let told = |keys: &str, code: &str| {
            let mut recording = Recording { id: RecordingId(1), paused: false, keys: String::new() };
            keys.chars().filter(|key| recording.is_told(*key, code)).count()
        };
        assert_eq!(
            [told("*7", "*7"), told("12**77*7", "*7"), told("7*", "*7"), told("*7*7*", "*7")],
            [1, 2, 0, 2]
        );
        assert_eq!([told("1234", ""), told("777", "7")], [0, 3]);
    }
}
