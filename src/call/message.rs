//! A message is taken: who calls, which number, what it is about, whether it is urgent; played back, confirmed, and
//! safe on disk before the caller is told so. Which of it is asked is the dialplan's.
//!
//! ```text
//!    who? ----> number? ----> what it is about ----> urgent? ----> read back -- 1, or nothing said --> storing
//!     ^                         ^   ^   too short                   |  |  |                              |
//!     |                         |   +--- once more                  |  |  |          flow <-- saved phrase
//!     +---------- 2: again -----+-----------------------------------+  |  |
//!                               +-- 3: a further piece ----------------+  |
//!            caller gone, wherever: what was said is kept                 +--> pending: ended? saved? stored?
//! ```
//!
//! What is said again replaces the earlier take only once it is said: who hangs up in between has left the first.

mod pending;
mod take;

use std::time::Duration;

use super::{BEEP, Body, Ctx, Effect, Event, Listen, Stage, Timer};
use crate::base::{Clip, Masked};
use crate::dialplan::{self, Ask, MessageEnd};
use crate::media::{Command, EndWhy};
use crate::record::{Record, SlipState, StageKind};

pub(super) use self::pending::Pending;
pub(super) use self::take::{Said, Take};

/// Too short a recording is asked for again this many times; after that the caller has nothing to say.
const TRIES: u32 = 2;

/// A number is keyed in and read back at most so often; the last one stands.
const NUMBER_TRIES: u32 = 3;

/// Fewer digits are no telephone number, more are none that anybody has (ITU-T E.164 with an extension).
const LEAST_DIGITS: usize = 5;
const MOST_DIGITS: usize = 20;

/// Between two digits of a number.
const BETWEEN_DIGITS: Duration = Duration::from_secs(4);

/// A name and a company.
const LONGEST_WHO: Duration = Duration::from_secs(15);
const SILENCE_AFTER_WHO: Duration = Duration::from_secs(3);

/// Pieces that one message may consist of.
const MOST_PIECES: usize = 5;

// The keys, and what is said before each: the caller hears them from these very lines.
const RIGHT: (char, &str) = ('1', "message/number-right");
const OTHER: (char, &str) = ('2', "message/number-other");
const URGENT: (char, &str) = ('1', "message/is-urgent");
const NOT_URGENT: (char, &str) = ('2', "message/not-urgent");
const ACCEPT: (char, &str) = ('1', "message/to-accept");
const AGAIN: (char, &str) = ('2', "message/to-record-again");
const ADD: (char, &str) = ('3', "message/to-add");

/// What the dialplan wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The extension of the person that the message is for.
    pub person: Option<String>,
    pub mailbox: String,
    /// It is a complaint of this category: its case has a number, which the caller is told.
    pub complaint: Option<String>,
    pub ask: Vec<Ask>,
    /// What invites it, with the tone.
    pub before: Vec<Clip>,
    pub longest: Duration,
    pub silence: Duration,
    pub shortest: Duration,
}

pub(super) struct Message {
    wanted: Wanted,
    take: Take,
    phase: Phase,
    /// So often the message proper was recorded, and the number keyed in.
    tries: u32,
    number_tries: u32,
    /// To be said before what comes next.
    first: Vec<Clip>,
}

enum Phase {
    /// The caller is asked to speak.
    Inviting(Said),
    Recording(Said),
    /// A number is read out: is it right?
    Checking {
        number: Masked<String>,
        keyed: bool,
    },
    /// The caller keys a number in; so far these digits.
    Keying(Masked<String>),
    /// Is it urgent?
    Urgency,
    /// The caller hears their message and is asked what becomes of it.
    ReadBack,
    /// Waiting for the writer, the store or both.
    Storing,
    /// The last phrase; how the verb ended.
    Telling(MessageEnd),
}

pub(super) fn enter(body: &mut Body, ctx: &mut Ctx<'_>, wanted: Wanted) -> Stage {
    body.stage(ctx, StageKind::Message, wanted.mailbox.clone());
    let take = Take::new(ctx);
    let phase = Phase::Inviting(Said::Who);
    Message { wanted, take, phase, tries: 0, number_tries: 0, first: Vec::new() }.ask_who(body, ctx)
}

impl Message {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::Digit { leg, digit } if leg == body.caller_id => {
                return self.pressed(body, ctx, digit.expose().key());
            }
            Event::Played { leg, play } if leg == body.caller_id && body.finished(play) => {
                return self.played(body, ctx);
            }
            Event::RecordingEnded { recording, length, voiced, why } => {
                if let Phase::Recording(said) = self.phase
                    && self.take.is_running(recording)
                {
                    return self.recorded(body, ctx, said, (length, voiced), why);
                }
            }
            Event::RecordingSaved { recording, saved } if self.take.has(recording) => {
                if !saved {
                    return self.failed(body, ctx);
                }
                self.take.saved(recording);
                if matches!(self.phase, Phase::Storing) {
                    self.write_if_safe(body, ctx);
                }
            }
            Event::SlipSaved { slip, saved }
                if slip == self.take.slip && matches!(self.phase, Phase::Storing) =>
            {
                return if saved { self.saved(body, ctx) } else { self.failed(body, ctx) };
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => body.reoffer(ctx, sdp),
            _ => {}
        }
        Stage::Message(self)
    }

    pub(super) fn timed_out(mut self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match (timer, std::mem::replace(&mut self.phase, Phase::Storing)) {
            (Timer::Confirm, Phase::Checking { number, keyed }) => {
                // Their own number is known anyhow; they did not say that they want to be called there.
                self.take.number = keyed.then_some(number);
                self.ask_matter(body, ctx)
            }
            (Timer::Confirm, Phase::Keying(typed)) => self.keyed(body, ctx, typed),
            (Timer::Confirm, Phase::Urgency) => self.read_back(body, ctx),
            // Who does not object has left a message.
            (Timer::Confirm, Phase::ReadBack) => self.store(body, ctx),
            (Timer::Durable, _) => self.failed(body, ctx),
            (_, phase) => Stage::Message(Message { phase, ..self }),
        }
    }

    fn pressed(mut self, body: &mut Body, ctx: &mut Ctx<'_>, key: char) -> Stage {
        match std::mem::replace(&mut self.phase, Phase::Storing) {
            Phase::Recording(said) => {
                if let Some(recording) = self.take.running().filter(|_| key == '#') {
                    ctx.media(Command::StopRecording { recording });
                }
                self.phase = Phase::Recording(said);
                Stage::Message(self)
            }
            Phase::Checking { number, .. } if key == RIGHT.0 => {
                self.take.number = Some(number);
                self.ask_matter(body, ctx)
            }
            Phase::Checking { .. } if key == OTHER.0 => self.key_in(body, ctx),
            Phase::Keying(typed) => self.typed(body, ctx, typed, key),
            Phase::Urgency if key == URGENT.0 || key == NOT_URGENT.0 => {
                self.take.urgent = key == URGENT.0;
                self.read_back(body, ctx)
            }
            Phase::ReadBack if key == ACCEPT.0 => {
                self.take.confirmed = true;
                self.store(body, ctx)
            }
            Phase::ReadBack if key == AGAIN.0 => {
                self.take.set_aside();
                self.tries = 0;
                self.ask_who(body, ctx)
            }
            Phase::ReadBack if key == ADD.0 && self.take.matter.len() < MOST_PIECES => {
                let clips = body.prompts(&["message/add-now", BEEP]);
                self.invite(body, ctx, Said::Further, clips)
            }
            phase => {
                self.phase = phase;
                Stage::Message(self)
            }
        }
    }

    fn played(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        match self.phase {
            Phase::Inviting(said) => {
                self.record(body, ctx, said);
                Stage::Message(self)
            }
            Phase::Checking { .. } | Phase::Keying(_) | Phase::Urgency | Phase::ReadBack => {
                body.timers.arm(Timer::Confirm, ctx.now.mono + ctx.settings.confirm_within);
                Stage::Message(self)
            }
            Phase::Telling(end) => Listen::begin(body, ctx, dialplan::Event::MessageEnded(end)),
            _ => Stage::Message(self),
        }
    }

    // -- one question after the other --

    fn ask_who(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        if !self.asks(Ask::Who) {
            return self.ask_number(body, ctx);
        }
        let clips = body.prompts(&["message/say-name", BEEP]);
        self.invite(body, ctx, Said::Who, clips)
    }

    /// A number that is confirmed is not asked for again.
    fn ask_number(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        if !self.asks(Ask::Number) || self.take.number.is_some() {
            return self.ask_matter(body, ctx);
        }
        match body.cursor.number_to_read_out() {
            Some(number) => {
                self.check(body, ctx, number, false);
                Stage::Message(self)
            }
            None => self.key_in(body, ctx),
        }
    }

    fn key_in(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let clips = body.prompts(&["message/enter-number"]);
        self.say(body, ctx, clips);
        self.phase = Phase::Keying(Masked::default());
        Stage::Message(self)
    }

    fn typed(mut self, body: &mut Body, ctx: &mut Ctx<'_>, typed: Masked<String>, key: char) -> Stage {
        match key {
            '#' => return self.keyed(body, ctx, typed),
            '0'..='9' => {
                body.stop_playing(ctx);
                let typed = format!("{}{key}", typed.expose());
                if typed.len() >= MOST_DIGITS {
                    return self.keyed(body, ctx, Masked::new(typed));
                }
                body.timers.arm(Timer::Confirm, ctx.now.mono + BETWEEN_DIGITS);
                self.phase = Phase::Keying(Masked::new(typed));
            }
            _ => self.phase = Phase::Keying(typed),
        }
        Stage::Message(self)
    }

    /// The digits are complete. Nothing, or too little, is no reason to keep anybody from leaving a message.
    fn keyed(mut self, body: &mut Body, ctx: &mut Ctx<'_>, typed: Masked<String>) -> Stage {
        self.number_tries += 1;
        let digits = typed.expose().len();
        if digits == 0 || self.number_tries > NUMBER_TRIES {
            return self.ask_matter(body, ctx);
        }
        if digits < LEAST_DIGITS {
            self.first = body.prompts(&["error/invalid-key"]);
            return self.key_in(body, ctx);
        }
        self.check(body, ctx, typed, true);
        Stage::Message(self)
    }

    fn check(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, number: Masked<String>, keyed: bool) {
        let mut clips = body.speech().phone_number(number.expose());
        clips.extend(body.lines(&[RIGHT, OTHER]));
        self.say(body, ctx, clips);
        self.phase = Phase::Checking { number, keyed };
    }

    fn ask_matter(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let clips = self.wanted.before.clone();
        self.invite(body, ctx, Said::Matter, clips)
    }

    /// Once: what was answered, or passed over, is not asked again.
    fn ask_urgent(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        if !self.asks(Ask::Urgent) || std::mem::replace(&mut self.take.asked_urgent, true) {
            return self.read_back(body, ctx);
        }
        let clips = body.lines(&[URGENT, NOT_URGENT]);
        self.say(body, ctx, clips);
        self.phase = Phase::Urgency;
        Stage::Message(self)
    }

    fn read_back(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        self.take.fill_up();
        let mut clips = body.prompts(&["message/read-back"]);
        if let Some(who) = &self.take.who {
            clips.extend(body.prompts(&["message/your-name-is"]));
            clips.push(Clip::Recording(who.recording));
        }
        if let Some(number) = &self.take.number {
            clips.extend(body.prompts(&["message/your-number-is"]));
            clips.extend(body.speech().digits(number.expose()));
        }
        if !self.take.matter.is_empty() && (self.take.who.is_some() || self.take.number.is_some()) {
            clips.extend(body.prompts(&["message/your-message-is"]));
        }
        clips.extend(self.take.matter.iter().map(|piece| Clip::Recording(piece.recording)));
        if self.take.urgent {
            clips.extend(body.prompts(&["message/marked-urgent"]));
        }
        clips.extend(body.lines(&[ACCEPT, AGAIN, ADD]));
        self.say(body, ctx, clips);
        self.phase = Phase::ReadBack;
        Stage::Message(self)
    }

    fn asks(&self, what: Ask) -> bool {
        self.wanted.ask.contains(&what)
    }

    // -- speaking --

    fn invite(mut self, body: &mut Body, ctx: &mut Ctx<'_>, said: Said, clips: Vec<Clip>) -> Stage {
        self.say(body, ctx, clips);
        self.phase = Phase::Inviting(said);
        Stage::Message(self)
    }

    fn say(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, clips: Vec<Clip>) {
        body.timers.disarm(Timer::Confirm);
        let mut all = std::mem::take(&mut self.first);
        all.extend(clips);
        body.play(ctx, all, false);
    }

    /// Starts to record. The slip is written first: what a killed process leaves behind is found by it.
    fn record(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, said: Said) {
        let recording = ctx.ids.next_recording();
        self.take.begin(said, recording);
        ctx.effect(self.take.write(body, &self.wanted, SlipState::Taking));
        let (longest, silence) = match said {
            Said::Who => (LONGEST_WHO, SILENCE_AFTER_WHO),
            Said::Matter | Said::Further => (self.wanted.longest, self.wanted.silence),
        };
        ctx.media(Command::Record {
            recording,
            left: body.caller_id,
            right: None,
            longest,
            silence_ends: Some(silence),
        });
        self.tries += u32::from(said == Said::Matter);
        self.phase = Phase::Recording(said);
    }

    fn recorded(
        mut self,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        said: Said,
        (length, voiced): (Duration, Duration),
        why: EndWhy,
    ) -> Stage {
        let kept = self.take.ended(ctx, &self.wanted, length, voiced);
        if kept && why == EndWhy::Longest && said != Said::Who {
            self.first = body.prompts(&["message/time-is-up"]);
        }
        match said {
            Said::Who => self.ask_number(body, ctx),
            Said::Further => self.read_back(body, ctx),
            Said::Matter if kept => self.ask_urgent(body, ctx),
            Said::Matter if self.tries < TRIES => {
                self.first = body.prompts(&["message/too-short"]);
                self.ask_matter(body, ctx)
            }
            // A name or a number is something to call back by.
            Said::Matter if self.take.is_worth_keeping() => self.ask_urgent(body, ctx),
            Said::Matter => {
                self.take.discard(ctx);
                Listen::begin(body, ctx, dialplan::Event::MessageEnded(MessageEnd::Nothing))
            }
        }
    }

    // -- storing --

    fn store(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        body.timers.disarm(Timer::Confirm);
        body.timers.arm(Timer::Durable, ctx.now.mono + ctx.settings.durable_within);
        body.stop_playing(ctx);
        self.phase = Phase::Storing;
        self.write_if_safe(body, ctx);
        Stage::Message(self)
    }

    fn write_if_safe(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        if self.take.is_safe() {
            self.take.discard_spares(ctx);
            ctx.effect(self.take.write(body, &self.wanted, SlipState::New));
        }
    }

    fn saved(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        body.timers.disarm(Timer::Durable);
        body.journal.slip(self.take.slip);
        let clips = match &self.wanted.complaint {
            // With the slip its case is on disk.
            Some(_) => body.case_by_message(),
            None => body.prompts(&["message/saved"]),
        };
        self.tell(body, ctx, clips, MessageEnd::Saved)
    }

    /// The caller must not believe that their message is kept. The flow says so.
    fn failed(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        tracing::error!(slip = %self.take.slip, "a message could not be made durable");
        body.timers.disarm(Timer::Confirm);
        body.timers.disarm(Timer::Durable);
        if let Some(recording) = self.take.running() {
            ctx.media(Command::StopRecording { recording });
        }
        Listen::begin(body, ctx, dialplan::Event::MessageEnded(MessageEnd::Failed))
    }

    fn tell(mut self, body: &mut Body, ctx: &mut Ctx<'_>, clips: Vec<Clip>, end: MessageEnd) -> Stage {
        if clips.is_empty() {
            return Listen::begin(body, ctx, dialplan::Event::MessageEnded(end));
        }
        body.play(ctx, clips, false);
        self.phase = Phase::Telling(end);
        Stage::Message(self)
    }
}
