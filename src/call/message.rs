//! A message is taken: recorded, played back, confirmed, and safe on disk before the caller is told so.
//!
//! ```text
//!            +----------------------- 2, too short ------------------------+
//!            v                                                             |
//!       recording -- ended --> read back -- 1, or nothing said --> storing |--> saved phrase --> flow
//!            |                    |  3: cancelled phrase -----------------------------------> flow
//!            | caller gone        | caller gone
//!            +--> pending: ended? saved? stored?  (what was said is kept)
//! ```

use std::time::Duration;

use super::{BEEP, Body, Ctx, Effect, Event, Listen, Stage, Timer};
use crate::base::{Clip, RecordingId, SlipId, Wall};
use crate::dialplan::{self, MessageEnd};
use crate::media::{Command, EndWhy};
use crate::record::{MessageSlip, Record, SlipState, StageKind};

/// Too short a recording is asked for again this many times; after that the caller has nothing to say.
const TRIES: u32 = 2;

/// Less voice than this in a recording is a breath or a click.
const LEAST_VOICE: Duration = Duration::from_millis(200);

/// What the dialplan wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The extension of the person that the message is for.
    pub person: Option<String>,
    pub mailbox: String,
    pub longest: Duration,
    pub silence: Duration,
    pub shortest: Duration,
}

pub(super) struct Message {
    wanted: Wanted,
    take: Take,
    tries: u32,
    phase: Phase,
}

enum Phase {
    /// The caller is asked to speak (again).
    Inviting,
    Recording,
    /// The caller hears their message and is asked what becomes of it.
    ReadBack,
    /// Waiting for the writer, the store or both.
    Storing,
    /// The last phrase; how the verb ended.
    Telling(MessageEnd),
}

/// The recording that the message is, for now.
struct Take {
    slip: SlipId,
    recording: RecordingId,
    taken: Wall,
    length: Duration,
    /// On disk after fsync.
    saved: bool,
    confirmed: bool,
}

/// What is still to be done when the caller has gone.
pub(super) struct Pending {
    wanted: Wanted,
    take: Take,
    ended: bool,
    stored: bool,
}

pub(super) fn enter(body: &mut Body, ctx: &mut Ctx<'_>, wanted: Wanted) -> Stage {
    body.stage(ctx, StageKind::Message, wanted.mailbox.clone());
    let slip = ctx.ids.next_slip();
    let take = record(body, ctx, &wanted, slip);
    Stage::Message(Message { wanted, take, tries: 1, phase: Phase::Recording })
}

/// Starts to record. The slip is written first: what a killed process leaves behind is found by it.
fn record(body: &mut Body, ctx: &mut Ctx<'_>, wanted: &Wanted, slip: SlipId) -> Take {
    let recording = ctx.ids.next_recording();
    let take =
        Take { slip, recording, taken: ctx.now.wall, length: Duration::ZERO, saved: false, confirmed: false };
    ctx.effect(take.write(body, wanted, SlipState::Taking));
    ctx.media(Command::Record {
        recording,
        left: body.caller_id,
        right: None,
        longest: wanted.longest,
        silence_ends: Some(wanted.silence),
    });
    take
}

impl Message {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match (&self.phase, event) {
            (Phase::Recording, Event::Digit { leg, digit })
                if leg == body.caller_id && digit.expose().key() == '#' =>
            {
                ctx.media(Command::StopRecording { recording: self.take.recording });
            }
            (Phase::Inviting, Event::Played { leg, play })
                if leg == body.caller_id && body.finished(play) =>
            {
                self.take = record(body, ctx, &self.wanted, self.take.slip);
                self.phase = Phase::Recording;
            }
            (Phase::Recording, Event::RecordingEnded { recording, length, voiced, why })
                if recording == self.take.recording =>
            {
                self.take.length = length;
                return self.recorded(body, ctx, voiced, why);
            }
            (phase, Event::RecordingSaved { recording, saved }) if recording == self.take.recording => {
                if !saved {
                    return self.failed(body, ctx);
                }
                self.take.saved = true;
                if matches!(phase, Phase::Storing) {
                    ctx.effect(self.take.write(body, &self.wanted, SlipState::New));
                }
            }
            (Phase::ReadBack, Event::Digit { leg, digit }) if leg == body.caller_id => {
                match digit.expose().key() {
                    '1' => {
                        self.take.confirmed = true;
                        return self.store(body, ctx);
                    }
                    '2' => return self.again(body, ctx, &["message/record-now", BEEP]),
                    '3' => return self.cancel(body, ctx),
                    _ => {}
                }
            }
            (Phase::ReadBack, Event::Played { leg, play })
                if leg == body.caller_id && body.finished(play) =>
            {
                body.timers.arm(Timer::Confirm, ctx.now.mono + ctx.settings.confirm_within);
            }
            (Phase::Storing, Event::SlipSaved { slip, saved }) if slip == self.take.slip => {
                return if saved { self.saved(body, ctx) } else { self.failed(body, ctx) };
            }
            (Phase::Telling(end), Event::Played { leg, play })
                if leg == body.caller_id && body.finished(play) =>
            {
                let end = *end;
                return Listen::begin(body, ctx, dialplan::Event::MessageEnded(end));
            }
            (_, Event::Reoffer { leg, sdp }) if leg == body.caller_id => body.reoffer(ctx, sdp),
            _ => {}
        }
        Stage::Message(self)
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match timer {
            // Who does not object has left a message.
            Timer::Confirm => self.store(body, ctx),
            Timer::Durable => self.failed(body, ctx),
            _ => Stage::Message(self),
        }
    }

    fn recorded(mut self, body: &mut Body, ctx: &mut Ctx<'_>, voiced: Duration, why: EndWhy) -> Stage {
        if self.take.is_nothing(&self.wanted, voiced) {
            if self.tries < TRIES {
                return self.again(body, ctx, &["message/too-short", "message/record-now", BEEP]);
            }
            self.discard(ctx);
            return Listen::begin(body, ctx, dialplan::Event::MessageEnded(MessageEnd::Nothing));
        }
        let mut clips = match why {
            EndWhy::Longest => body.prompts(&["message/time-is-up"]),
            _ => Vec::new(),
        };
        clips.extend(body.prompts(&["message/read-back"]));
        clips.push(Clip::Recording(self.take.recording));
        clips.extend(body.prompts(&["message/confirm"]));
        body.play(ctx, clips, false);
        self.phase = Phase::ReadBack;
        Stage::Message(self)
    }

    /// Forgets this take and records another one.
    fn again(mut self, body: &mut Body, ctx: &mut Ctx<'_>, invitation: &[&str]) -> Stage {
        ctx.effect(Effect::Discard { recording: self.take.recording });
        let clips = body.prompts(invitation);
        body.timers.disarm(Timer::Confirm);
        body.play(ctx, clips, false);
        self.tries += 1;
        self.phase = Phase::Inviting;
        Stage::Message(self)
    }

    fn cancel(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        self.discard(ctx);
        self.tell(body, ctx, "message/cancelled", MessageEnd::Nothing)
    }

    fn discard(&self, ctx: &mut Ctx<'_>) {
        ctx.effect(Effect::Discard { recording: self.take.recording });
        ctx.effect(Effect::Record(Record::SlipDiscarded(self.take.slip)));
    }

    fn store(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        body.timers.disarm(Timer::Confirm);
        body.timers.arm(Timer::Durable, ctx.now.mono + ctx.settings.durable_within);
        body.stop_playing(ctx);
        if self.take.saved {
            ctx.effect(self.take.write(body, &self.wanted, SlipState::New));
        }
        self.phase = Phase::Storing;
        Stage::Message(self)
    }

    fn saved(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        body.timers.disarm(Timer::Durable);
        body.journal.slip(self.take.slip);
        self.tell(body, ctx, "message/saved", MessageEnd::Saved)
    }

    /// The caller must not believe that their message is kept. The flow says so.
    fn failed(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        tracing::error!(slip = %self.take.slip, "a message could not be made durable");
        body.timers.disarm(Timer::Confirm);
        body.timers.disarm(Timer::Durable);
        ctx.media(Command::StopRecording { recording: self.take.recording });
        Listen::begin(body, ctx, dialplan::Event::MessageEnded(MessageEnd::Failed))
    }

    fn tell(mut self, body: &mut Body, ctx: &mut Ctx<'_>, prompt: &str, end: MessageEnd) -> Stage {
        let clips = body.prompts(&[prompt]);
        if clips.is_empty() {
            return Listen::begin(body, ctx, dialplan::Event::MessageEnded(end));
        }
        body.play(ctx, clips, false);
        self.phase = Phase::Telling(end);
        Stage::Message(self)
    }

    /// `None` where nothing is left to be done.
    pub(super) fn caller_gone(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Option<Pending> {
        let Message { wanted, take, phase, .. } = self;
        let (ended, stored) = match phase {
            Phase::Recording => (false, false),
            Phase::ReadBack => (true, false),
            Phase::Storing => (true, take.saved),
            // Taken back, or a new one was about to be recorded: the earlier one is gone.
            Phase::Inviting => {
                ctx.effect(Effect::Record(Record::SlipDiscarded(take.slip)));
                return None;
            }
            Phase::Telling(_) => return None,
        };
        body.timers.clear();
        body.timers.arm(Timer::Durable, ctx.now.mono + ctx.settings.durable_within);
        let mut pending = Pending { wanted, take, ended, stored };
        pending.write_if_safe(body, ctx);
        Some(pending)
    }
}

impl Pending {
    /// `true` once the message is safe, or turned out to be none.
    pub(super) fn handle(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> bool {
        match event {
            Event::RecordingEnded { recording, length, voiced, .. } if recording == self.take.recording => {
                self.take.length = length;
                self.ended = true;
                if self.take.is_nothing(&self.wanted, voiced) {
                    ctx.effect(Effect::Discard { recording });
                    ctx.effect(Effect::Record(Record::SlipDiscarded(self.take.slip)));
                    return true;
                }
                self.write_if_safe(body, ctx);
            }
            Event::RecordingSaved { recording, saved } if recording == self.take.recording => {
                if !saved {
                    tracing::error!(slip = %self.take.slip, "a message could not be made durable");
                    return true;
                }
                self.take.saved = true;
                self.write_if_safe(body, ctx);
            }
            Event::SlipSaved { slip, saved } if slip == self.take.slip && self.stored => {
                if saved {
                    body.journal.slip(slip);
                } else {
                    tracing::error!(%slip, "a message slip could not be stored");
                }
                return true;
            }
            _ => {}
        }
        false
    }

    fn write_if_safe(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        if self.ended && self.take.saved && !self.stored {
            self.stored = true;
            ctx.effect(self.take.write(body, &self.wanted, SlipState::New));
        }
    }
}

impl Take {
    /// Too short, or nobody spoke.
    fn is_nothing(&self, wanted: &Wanted, voiced: Duration) -> bool {
        self.length < wanted.shortest || voiced < LEAST_VOICE
    }

    fn write(&self, body: &Body, wanted: &Wanted, state: SlipState) -> Effect {
        Effect::Record(Record::Slip(Box::new(MessageSlip {
            slip: self.slip,
            call: body.id,
            from: body.from.clone(),
            person: wanted.person.clone(),
            mailbox: wanted.mailbox.clone(),
            taken: self.taken,
            recording: self.recording,
            length_ms: self.length.as_millis() as u64,
            confirmed: self.confirmed,
            state,
        })))
    }
}
