//! An urgent slip (急件): the caller says in a few seconds who they are and what it is about, and somebody who is not to be
//! disturbed is asked, without a sound, what becomes of them.
//!
//! ```text
//!   asking: may they be? -- no ------------------------------------------------> the flow: not now
//!      | yes
//!   inviting --> recording -- nothing said, twice -----------------------------> the flow: nothing
//!      ^  too short  |  ten seconds at most
//!      +-------------+
//!                    v
//!                 storing --> waiting: music, a phrase at intervals; they have a text, and may be one ring
//!                               |   |
//!                               |   +-- 2, 3, 4, no answer in time, or neither
//!                               |       text nor ring has reached them ---------> the flow: says it in words
//!                               | 1
//!                               v
//!                            reaching: their phone rings, again where it is in use -- answered --> talk
//!                               +-- in vain -----------------------------------> the flow: no answer
//!   caller gone, wherever: what was said is kept as an urgent message
//! ```
//!
//! The slip is a message slip from the first word on, marked urgent: it lies in the person's box once it is safe on disk,
//! and only then they are asked. Who is put through has done with it; who calls back has it open, due at that time.

mod ring;

use std::time::Duration;

use self::ring::Ear;
use super::message::{Pending, Said, Take, Wanted};
use super::offer::Ringing;
use super::talk::{self, Given};
use super::{BEEP, Body, Ctx, Effect, Event, HOLD_MUSIC, Leg, Listen, Promising, Stage, Timer};
use crate::base::{AgentId, Masked, RecordingId, SlipId, UrgentAnswer, Wall};
use crate::dialplan::{self, Urgency, UrgentEnd};
use crate::media::Command;
use crate::record::{PromiseKind, Record, SlipChange, SlipState, StageKind};

/// Who they are and what it is about, in a few seconds.
const LONGEST: Duration = Duration::from_secs(10);
const SILENCE_ENDS: Duration = Duration::from_secs(3);
const SHORTEST: Duration = Duration::from_secs(1);
/// So often they are asked to speak.
const TRIES: u32 = 2;

/// The caller hears that they are not forgotten.
const PHRASE_EVERY: Duration = Duration::from_secs(9);

/// One ring: two of the bell, for a phone that is on silence shows it all the same.
const ONE_RING: Duration = Duration::from_secs(8);

/// Who has said that they take the call may have to end another one first.
const REACH_WITHIN: Duration = Duration::from_secs(40);
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A promise without an hour is due after this.
const SOON: Duration = Duration::from_secs(3600);

/// What the exchange is told of who asks, to pass it on.
#[derive(Clone, Debug, PartialEq)]
pub struct UrgentSlip {
    /// Of whom they ask for.
    pub extension: String,
    pub from: Masked<String>,
    pub grade: Option<String>,
    /// What they have said.
    pub said: Option<RecordingId>,
}

/// How it ended that somebody was asked, for who was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UrgentOver {
    /// By their answer.
    Answered(UrgentAnswer),
    /// They have not answered in time.
    NoAnswer,
    /// They wanted the caller, and could not be reached; or no phone of theirs takes texts, and nobody lifted one.
    NotReached,
    /// The caller has hung up.
    Gone,
}

pub(super) struct Urgent {
    wanted: Wanted,
    extension: String,
    take: Take,
    phase: Phase,
    tries: u32,
    /// The person's phone, which rings or has been lifted.
    ringing: Option<Ringing>,
    /// It has been asked for, and the exchange has not said yet whether it can ring.
    seizes: bool,
    /// What who has lifted it hears and keys.
    ear: Option<Ear>,
    /// No phone of theirs takes texts.
    untold: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Asking,
    Inviting,
    Recording,
    /// Waiting for the writer and the store; then for the exchange.
    Storing,
    Waiting {
        /// They have lifted the phone late, and were given the time once more.
        extended: bool,
    },
    /// They want the caller.
    Reaching,
}

pub(super) fn enter(body: &mut Body, ctx: &mut Ctx<'_>, person: AgentId) -> Stage {
    let Some(extension) = body.extension(person) else {
        return Listen::begin(body, ctx, dialplan::Event::UrgentEnded(UrgentEnd::NotNow));
    };
    body.stage(ctx, StageKind::Urgent, extension.clone());
    let wanted = Wanted {
        complaint: None,
        person: Some(extension.clone()),
        mailbox: extension.clone(),
        ask: Vec::new(),
        before: Vec::new(),
        longest: LONGEST,
        silence: SILENCE_ENDS,
        shortest: SHORTEST,
    };
    let mut take = Take::new(ctx);
    take.urgent = true;
    ctx.effect(Effect::AskUrgent { extension: extension.clone() });
    Stage::Urgent(Urgent {
        wanted,
        extension,
        take,
        phase: Phase::Asking,
        tries: 0,
        ringing: None,
        seizes: false,
        ear: None,
        untold: false,
    })
}

impl Urgent {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::UrgentAllowed { ok } if self.phase == Phase::Asking => {
                return if ok { self.invite(body, ctx) } else { self.ended(body, ctx, UrgentEnd::NotNow) };
            }
            Event::UrgentTold { told } if self.phase == Phase::Storing => {
                return if told { self.wait(body, ctx) } else { self.ended(body, ctx, UrgentEnd::NotNow) };
            }
            Event::UrgentAnswered { answer } if matches!(self.phase, Phase::Waiting { .. }) => {
                return self.answered(body, ctx, answer);
            }
            Event::UrgentUntold => {
                self.untold = true;
                return self.unless_nobody_knows(body, ctx);
            }
            Event::Digit { leg, digit } if leg == body.caller_id => {
                if let Some(recording) = self.take.running().filter(|_| digit.expose().key() == '#') {
                    ctx.media(Command::StopRecording { recording });
                }
            }
            Event::Played { leg, play } if leg == body.caller_id && body.finished(play) => match self.phase {
                Phase::Inviting => self.record(body, ctx),
                Phase::Storing | Phase::Waiting { .. } | Phase::Reaching => music(body, ctx),
                Phase::Asking | Phase::Recording => {}
            },
            Event::RecordingEnded { recording, length, voiced, .. } if self.take.is_running(recording) => {
                let kept = self.take.ended(ctx, &self.wanted, length, voiced);
                if self.phase == Phase::Recording {
                    return self.recorded(body, ctx, kept);
                }
            }
            Event::RecordingSaved { recording, saved } if self.take.has(recording) => {
                if !saved {
                    return self.not_stored(body, ctx);
                }
                self.take.saved(recording);
                if self.phase == Phase::Storing {
                    self.write_if_safe(body, ctx);
                }
            }
            Event::SlipSaved { slip, saved } if slip == self.take.slip && self.phase == Phase::Storing => {
                if !saved {
                    return self.not_stored(body, ctx);
                }
                body.journal.slip(slip);
                self.tell(body, ctx);
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => body.reoffer(ctx, sdp),
            event => return self.ring_event(body, ctx, event),
        }
        Stage::Urgent(self)
    }

    pub(super) fn timed_out(mut self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match (timer, self.phase) {
            (Timer::Durable, Phase::Storing) => return self.not_stored(body, ctx),
            (Timer::Comfort, Phase::Waiting { .. } | Phase::Reaching) => {
                let words =
                    if self.phase == Phase::Reaching { "queue/please-wait" } else { "urgent/still-asking" };
                let phrase = body.prompts(&[words]);
                body.play(ctx, phrase, false);
                body.timers.arm(Timer::Comfort, ctx.now.mono + PHRASE_EVERY);
            }
            (Timer::Ring, Phase::Waiting { .. }) => {
                self.let_go_of_phone(body, ctx);
                return self.unless_nobody_knows(body, ctx);
            }
            // Who is listening to it right now is about to answer.
            (Timer::Urgent, Phase::Waiting { extended: false }) if self.ear.is_some() => {
                self.phase = Phase::Waiting { extended: true };
                body.timers.arm(Timer::Urgent, ctx.now.mono + body.cursor.plan().urgent().wait);
            }
            (Timer::Urgent, Phase::Waiting { .. }) => {
                self.told_over(ctx, UrgentOver::NoAnswer);
                return self.ended(body, ctx, UrgentEnd::NoAnswer);
            }
            (Timer::Urgent, Phase::Reaching) => return self.not_reached(body, ctx),
            (Timer::Reach, Phase::Reaching) => self.seize(ctx),
            _ => {}
        }
        Stage::Urgent(self)
    }

    // -- the caller speaks --

    fn invite(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let mut clips = if self.tries == 0 { Vec::new() } else { body.prompts(&["message/too-short"]) };
        clips.extend(body.prompts(&["urgent/say-who-and-what", BEEP]));
        body.play(ctx, clips, false);
        self.phase = Phase::Inviting;
        Stage::Urgent(self)
    }

    /// The slip is written first: what a killed process leaves behind is found by it.
    fn record(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        let recording = ctx.ids.next_recording();
        self.take.begin(Said::Matter, recording);
        ctx.effect(self.take.write(body, &self.wanted, SlipState::Taking));
        ctx.media(Command::Record {
            recording,
            left: body.caller_id,
            right: None,
            longest: LONGEST,
            silence_ends: Some(SILENCE_ENDS),
        });
        self.tries += 1;
        self.phase = Phase::Recording;
    }

    /// Not `kept`: nothing was said.
    fn recorded(mut self, body: &mut Body, ctx: &mut Ctx<'_>, kept: bool) -> Stage {
        if kept {
            body.timers.arm(Timer::Durable, ctx.now.mono + ctx.settings.durable_within);
            self.phase = Phase::Storing;
            music(body, ctx);
            self.write_if_safe(body, ctx);
            return Stage::Urgent(self);
        }
        if self.tries < TRIES {
            return self.invite(body, ctx);
        }
        self.take.discard(ctx);
        self.ended(body, ctx, UrgentEnd::Nothing)
    }

    fn write_if_safe(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        if self.take.is_safe() {
            ctx.effect(self.take.write(body, &self.wanted, SlipState::New));
        }
    }

    /// The disk takes nothing: the person is asked all the same, and the caller has been told of no message.
    fn not_stored(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        tracing::error!(slip = %self.take.slip, "an urgent slip could not be made durable");
        if self.phase == Phase::Recording {
            // A recording that cannot be written has ended, or does so at once.
            if let Some(recording) = self.take.running() {
                ctx.media(Command::StopRecording { recording });
            }
            self.phase = Phase::Storing;
            music(body, ctx);
        }
        if self.phase == Phase::Storing {
            self.tell(body, ctx);
        }
        Stage::Urgent(self)
    }

    // -- the person is asked --

    fn tell(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        body.timers.disarm(Timer::Durable);
        ctx.effect(Effect::TellUrgent(Box::new(UrgentSlip {
            extension: self.extension.clone(),
            from: body.from.clone(),
            grade: body.cursor.grade().map(str::to_owned),
            said: self.take.matter.first().map(|piece| piece.recording),
        })));
    }

    fn wait(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let plan = body.cursor.plan().clone();
        body.stage(ctx, StageKind::Urgent, format!("{} is asked", self.extension));
        let phrase = body.prompts(&["message/urgent-sent"]);
        body.play(ctx, phrase, false);
        body.timers.arm(Timer::Urgent, ctx.now.mono + plan.urgent().wait);
        body.timers.arm(Timer::Comfort, ctx.now.mono + PHRASE_EVERY);
        self.phase = Phase::Waiting { extended: false };
        let rings = plan.agent_by_extension(&self.extension).is_some_and(|who| who.urgent == Urgency::Ring);
        if rings {
            self.seize(ctx);
        }
        self.unless_nobody_knows(body, ctx)
    }

    /// Where neither a text nor a ring has reached them nobody will answer: the caller waits for nothing.
    fn unless_nobody_knows(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let may_know = !self.untold || self.seizes || self.ringing.is_some();
        if may_know || !matches!(self.phase, Phase::Waiting { .. }) {
            return Stage::Urgent(self);
        }
        self.not_reached(body, ctx)
    }

    fn answered(self, body: &mut Body, ctx: &mut Ctx<'_>, answer: UrgentAnswer) -> Stage {
        body.stage(ctx, StageKind::Urgent, format!("{}: {answer}", self.extension));
        let end = match answer {
            UrgentAnswer::Now => return self.put_through(body, ctx),
            UrgentAnswer::CallBack { at } => UrgentEnd::CallBack { at },
            UrgentAnswer::Delegate => UrgentEnd::Delegate,
            UrgentAnswer::Message => UrgentEnd::Message,
        };
        match answer {
            UrgentAnswer::CallBack { at } => {
                let due = at.unwrap_or(ctx.now.wall + SOON);
                self.slip_becomes(ctx, SlipChange::Promised { due });
                self.promise(body, ctx, due);
            }
            UrgentAnswer::Delegate => body.urgent = Some(self.take.slip),
            UrgentAnswer::Now | UrgentAnswer::Message => {}
        }
        self.told_over(ctx, UrgentOver::Answered(answer));
        self.ended(body, ctx, end)
    }

    /// The person is rung then and connected with the caller, where the plan calls such numbers back. Where it does not,
    /// the slip reminds them.
    fn promise(&self, body: &Body, ctx: &mut Ctx<'_>, due: Wall) {
        if body.from.is_empty() {
            return;
        }
        ctx.effect(Effect::Promise(Box::new(Promising {
            kind: PromiseKind::Urgent,
            number: body.from.clone(),
            keyed: false,
            queue: None,
            owner: Some(self.extension.clone()),
            language: body.cursor.language().clone(),
            grade: body.cursor.grade().map(str::to_owned),
            due,
        })));
    }

    /// Who has lifted the phone talks at once; else it rings until they do.
    fn put_through(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        if self.ear.is_some()
            && let Some(ringing) = self.ringing.take()
        {
            return self.talk(body, ctx, ringing);
        }
        body.timers.disarm(Timer::Ring);
        body.timers.arm(Timer::Urgent, ctx.now.mono + REACH_WITHIN);
        body.timers.arm(Timer::Comfort, ctx.now.mono + PHRASE_EVERY);
        let phrase = body.prompts(&["message/urgent-will-answer"]);
        body.play(ctx, phrase, false);
        let rings = self.ringing.is_some();
        self.phase = Phase::Reaching;
        if !rings {
            self.seize(ctx);
        }
        Stage::Urgent(self)
    }

    fn talk(self, body: &mut Body, ctx: &mut Ctx<'_>, ringing: Ringing) -> Stage {
        no_timers(body);
        self.slip_becomes(ctx, SlipChange::Marked(SlipState::Done));
        self.told_over(ctx, UrgentOver::Answered(UrgentAnswer::Now));
        let Ringing { agent, extension, mut leg } = ringing;
        leg.want_keys(ctx, false);
        leg.stop(ctx);
        talk::begin(body, ctx, Given::ByDialling, Some(agent), extension, leg, false)
    }

    fn not_reached(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        self.told_over(ctx, UrgentOver::NotReached);
        self.ended(body, ctx, UrgentEnd::NoAnswer)
    }

    fn ended(mut self, body: &mut Body, ctx: &mut Ctx<'_>, end: UrgentEnd) -> Stage {
        no_timers(body);
        self.let_go_of_phone(body, ctx);
        body.stop_playing(ctx);
        Listen::begin(body, ctx, dialplan::Event::UrgentEnded(end))
    }

    /// The caller has gone. What is still to be made safe.
    pub(super) fn caller_gone(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Option<Pending> {
        no_timers(body);
        self.let_go_of_phone(body, ctx);
        self.told_over(ctx, UrgentOver::Gone);
        if self.is_waiting() {
            return None;
        }
        let stored = self.phase == Phase::Storing && self.take.is_safe();
        Pending::of(self.wanted, self.take, stored, body, ctx)
    }

    fn told_over(&self, ctx: &mut Ctx<'_>, how: UrgentOver) {
        ctx.effect(Effect::UrgentOver { extension: self.extension.clone(), how });
    }

    fn slip_becomes(&self, ctx: &mut Ctx<'_>, change: SlipChange) {
        ctx.effect(Effect::Record(Record::SlipChange(self.take.slip, change)));
    }

    /// They are being asked, or reached.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. } | Phase::Reaching)
    }

    /// The caller may end what they say by a key.
    pub(super) fn has_keys(&self) -> bool {
        matches!(self.phase, Phase::Inviting | Phase::Recording)
    }

    pub(super) fn agent(&self) -> Option<AgentId> {
        self.ringing.as_ref().map(|ringing| ringing.agent)
    }

    pub(super) fn leg(&self) -> Option<&Leg> {
        self.ringing.as_ref().map(|ringing| &ringing.leg)
    }
}

impl Body {
    /// Who was to take the caller's urgent matter has: the slip is done with.
    pub(super) fn settle_urgent(&mut self, ctx: &mut Ctx<'_>) {
        let slip: Option<SlipId> = self.urgent.take();
        if let Some(slip) = slip {
            ctx.effect(Effect::Record(Record::SlipChange(slip, SlipChange::Marked(SlipState::Done))));
        }
    }
}

fn music(body: &mut Body, ctx: &mut Ctx<'_>) {
    let music = body.prompts(&[HOLD_MUSIC]);
    body.play(ctx, music, true);
}

fn no_timers(body: &mut Body) {
    for timer in [Timer::Urgent, Timer::Comfort, Timer::Ring, Timer::Reach, Timer::Durable] {
        body.timers.disarm(timer);
    }
}
