//! One party has put the other on hold: a phrase and music instead of silence, and a word now and then.
//!
//! A phone that holds hears nothing of us, so an agent who forgets the caller is reminded where the eye or the ear still
//! is: by a text, and by their phone's ringing as for a further call. Whoever answers that ring has the caller again,
//! without looking for the right button.
//!
//! ```text
//!   held --45 s--> a text, a brief ring --90 s--> "sorry to have kept you waiting", a longer ring --each 90 s--+
//!     |               |                              |          ^                                              |
//!     | resumed       | answered                     | answered +----------------------------------------------+
//!     v               v                              v
//!   talk            talk, at the line that rang    talk, at the line that rang
//! ```

use std::time::Duration;

use super::offer::{Ringing, display};
use super::talk::Talk;
use super::{BEEP, Body, Ctx, Effect, Event, HOLD_MUSIC, Leg, Stage, Timer};
use crate::base::{AgentId, Clip, LegId};
use crate::record::StageKind;

/// "Sorry to have kept you waiting. We are reminding your representative."
const SORRY: &str = "hold/sorry-long";
/// The first ring only reminds …
const BRIEF_RING: Duration = Duration::from_secs(8);
/// … and the others want to be answered.
const LONG_RING: Duration = Duration::from_secs(20);

/// When a caller on hold is remembered.
#[derive(Clone, Debug)]
pub struct HoldReminders {
    /// The agent is reminded after so long; zero: never.
    pub agent_after: Duration,
    /// After so long, and again each time, the caller hears an apology and the agent is called; zero: never.
    pub caller_after: Duration,
    /// The agent's phone rings. `false`: for phones that remind by themselves; a text is sent in any case.
    pub rings: bool,
}

impl Default for HoldReminders {
    fn default() -> Self {
        let (agent_after, caller_after) = (Duration::from_secs(45), Duration::from_secs(90));
        HoldReminders { agent_after, caller_after, rings: true }
    }
}

pub(super) struct Hold {
    talk: Talk,
    held: Party,
    reminder: Reminder,
}

/// Who is on hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Party {
    Caller,
    Agent,
}

/// What reminds an agent of the caller.
#[derive(Default)]
pub(super) struct Reminder {
    /// So often so far.
    times: u32,
    /// The agent's phone, which rings for it.
    ringing: Option<Ringing>,
}

impl Hold {
    /// One of the two legs has said that it does not want to hear the other (RFC 3264 §8.4).
    pub(super) fn begin(talk: Talk, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let held = if talk.leg().holds() { Party::Caller } else { Party::Agent };
        body.stage(
            ctx,
            StageKind::Hold,
            format!("{} on hold", if held == Party::Caller { "caller" } else { "agent" }),
        );
        let mut hold = Hold { talk, held, reminder: Reminder::default() };
        let phrase = body.prompts(&["hold/on-hold"]);
        hold.console(body, ctx, phrase);
        if hold.may_forget(body).is_some() {
            hold.reminder.arm(body, ctx);
        }
        Stage::Hold(hold)
    }

    /// By the agent.
    pub(super) fn is_caller_held(&self) -> bool {
        self.held == Party::Caller
    }

    /// It is an agent who may forget somebody, at either end; a caller who holds us will be back, or not.
    fn may_forget(&self, body: &Body) -> Option<AgentId> {
        match self.held {
            Party::Caller => self.talk.agent(),
            Party::Agent => body.desk,
        }
    }

    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        let event = match event {
            Event::Answered { leg, sdp } if self.reminder.rings_on(leg) => {
                return self.answered(body, ctx, sdp);
            }
            Event::Rejected { leg, .. } | Event::Ended { leg, .. } | Event::OpenFailed { leg, .. }
                if self.reminder.rings_on(leg) =>
            {
                self.reminder.stop_ringing(body, ctx);
                return Stage::Hold(self);
            }
            event => event,
        };
        let Hold { talk, held, mut reminder } = self;
        match talk.conversation(body, ctx, event) {
            // A transfer remembers the caller by a word of its own.
            Ok(stage @ Stage::Transfer(_)) => {
                reminder.stop_ringing(body, ctx);
                stage
            }
            Ok(stage) => {
                reminder.stop_ringing(body, ctx);
                body.is_remembered();
                stage
            }
            Err(talk)
                if talk.leg().holds() == (held == Party::Caller)
                    && (talk.leg().holds() || body.caller_holds()) =>
            {
                Stage::Hold(Hold { talk, held, reminder })
            }
            Err(mut talk) => {
                reminder.stop_ringing(body, ctx);
                body.is_remembered();
                body.stop_playing(ctx);
                talk.leg_mut().stop(ctx);
                if talk.leg().holds() || body.caller_holds() {
                    return Hold::begin(talk, body, ctx);
                }
                body.stage(ctx, StageKind::Talk, talk.extension().to_owned());
                Stage::Talk(talk)
            }
        }
    }

    /// The agent has answered the ring: the caller is theirs at this line, and the one that held is free.
    fn answered(mut self, body: &mut Body, ctx: &mut Ctx<'_>, sdp: Option<bytes::Bytes>) -> Stage {
        let Some(mut ringing) = self.reminder.ringing.take() else { return Stage::Hold(self) };
        body.timers.disarm(Timer::HoldRing);
        if !ringing.answered(ctx, sdp) {
            ringing.give_up(ctx);
            return Stage::Hold(self);
        }
        body.is_remembered();
        self.talk.goes_on_at(ringing.leg, body, ctx)
    }

    pub(super) fn timed_out(mut self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match timer {
            Timer::RecordingBeep => self.talk.recording_beep(body, ctx, false),
            Timer::StillHolding => {
                let phrase = body.prompts(&["hold/still-holding"]);
                self.console(body, ctx, phrase);
            }
            Timer::HoldReminder => self.remind(body, ctx),
            Timer::HoldRing => self.reminder.stop_ringing(body, ctx),
            timer => {
                let Hold { talk, held, mut reminder } = self;
                return match talk.deadline(body, ctx, timer) {
                    Ok(stage) => {
                        reminder.stop_ringing(body, ctx);
                        stage
                    }
                    Err(talk) => Stage::Hold(Hold { talk, held, reminder }),
                };
            }
        }
        Stage::Hold(self)
    }

    /// The agent seems to have forgotten the caller.
    fn remind(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        let Some(agent) = self.may_forget(body) else { return };
        if self.reminder.is_late(ctx) {
            let sorry = body.prompts(&[SORRY]);
            self.console(body, ctx, sorry);
        }
        let who = match self.held {
            Party::Caller => self.talk.extension(),
            Party::Agent => "the desk",
        };
        body.stage(ctx, StageKind::Hold, format!("{who} is reminded"));
        ctx.effect(Effect::Text { agent, text: words(body).to_owned() });
        self.ring(body, ctx, agent);
        self.reminder.times += 1;
        self.reminder.arm(body, ctx);
    }

    fn ring(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, agent: AgentId) {
        // The desk that made the call is its first party: it cannot come to it at another line.
        let here = self.held == Party::Caller;
        if !here || !ctx.settings.hold.rings || self.reminder.ringing.is_some() {
            return;
        }
        let (extension, towards) = (self.talk.extension().to_owned(), self.talk.leg().towards());
        let display = display(words(body), body.cursor.grade(), &body.from);
        // Without a free port there is still the text.
        self.reminder.ringing = Ringing::start(body, ctx, agent, extension, towards, display);
        let length = if self.reminder.is_late(ctx) { LONG_RING } else { BRIEF_RING };
        body.timers.arm(Timer::HoldRing, ctx.now.mono + length);
    }

    /// `phrase` over the music, to whoever is held.
    fn console(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, phrase: Vec<Clip>) {
        body.timers.arm(Timer::StillHolding, ctx.now.mono + ctx.settings.still_holding_every);
        let music = body.prompts(&[HOLD_MUSIC]);
        let held = match self.held {
            Party::Caller => body.caller.as_mut(),
            Party::Agent => Some(self.talk.leg_mut()),
        };
        if let Some(held) = held {
            if !held.is_playing() {
                held.play(ctx, music, true);
            }
            held.play_over(ctx, phrase);
        }
    }

    /// The talk goes elsewhere; nobody is held any more.
    pub(super) fn into_talk(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Talk {
        self.reminder.stop_ringing(body, ctx);
        body.is_remembered();
        self.talk
    }

    pub(super) fn talk(&self) -> &Talk {
        &self.talk
    }

    pub(super) fn talk_mut(&mut self) -> &mut Talk {
        &mut self.talk
    }

    pub(super) fn extension(&self) -> &str {
        self.talk.extension()
    }

    /// The caller has gone.
    pub(super) fn abandon(mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        self.reminder.stop_ringing(body, ctx);
        self.talk.abandon(body, ctx);
    }

    pub(super) fn agent(&self) -> Option<AgentId> {
        self.talk.agent()
    }

    pub(super) fn leg(&self) -> &Leg {
        self.talk.leg()
    }

    /// The agent's phone that rings for a caller on hold.
    pub(super) fn reminders_leg(&self) -> Option<&Leg> {
        self.reminder.ringing.as_ref().map(|ringing| &ringing.leg)
    }
}

impl Reminder {
    /// The next one.
    pub(super) fn arm(&self, body: &mut Body, ctx: &Ctx<'_>) {
        let HoldReminders { agent_after, caller_after, .. } = ctx.settings.hold;
        let after = match self.times {
            0 if !agent_after.is_zero() => agent_after,
            0 => caller_after,
            1 if !agent_after.is_zero() && !caller_after.is_zero() => {
                caller_after.saturating_sub(agent_after).max(Duration::from_secs(1))
            }
            _ => caller_after,
        };
        if !after.is_zero() {
            body.timers.arm(Timer::HoldReminder, ctx.now.mono + after);
        }
    }

    /// This one is due to the caller, too.
    fn is_late(&self, ctx: &Ctx<'_>) -> bool {
        self.times > 0 || ctx.settings.hold.agent_after.is_zero()
    }

    /// For an agent who listens, since they speak with somebody else meanwhile: a tone in the ear; and the apology to the
    /// caller when it is late.
    pub(super) fn whisper(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, agent: &Leg) {
        if self.is_late(ctx) {
            let sorry = body.prompts(&[SORRY]);
            body.play_over(ctx, sorry);
        }
        agent.play_over(ctx, body.prompts(&[BEEP]));
        self.times += 1;
        self.arm(body, ctx);
    }

    fn rings_on(&self, leg: LegId) -> bool {
        self.ringing.as_ref().is_some_and(|ringing| ringing.is(leg))
    }

    fn stop_ringing(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        body.timers.disarm(Timer::HoldRing);
        if let Some(ringing) = self.ringing.take() {
            ringing.give_up(ctx);
        }
    }
}

impl Body {
    /// Nobody is on hold any more.
    pub(super) fn is_remembered(&mut self) {
        self.timers.disarm(Timer::StillHolding);
        self.timers.disarm(Timer::HoldReminder);
    }
}

/// What the agent reads, in the house's language.
fn words(body: &Body) -> &'static str {
    match body.cursor.plan().language().0.starts_with("zh") {
        true => "来电保持中，请接回",
        false => "Caller on hold, please return",
    }
}
