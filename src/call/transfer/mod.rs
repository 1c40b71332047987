//! The agent hands the caller on: a stage of its own, from the wish to the moment when somebody else talks.
//!
//! ```text
//!                 next of at most three, with an apology to the caller
//!                 +----------------------------+
//!                 v                            |
//!   talk ---> asked ---> ringing ---> nobody comes ---> the agent is still there: talk as before
//!                          |                      +---> the agent has gone: is rung again, then the line, or the flow
//!                          v
//!                       answered --- (screened: who it is, 1 or 2) --- blind, or the agent hangs up ---> talk
//!                          |
//!                          +--- attended: agent and target talk, the caller hears music
//!                                 swap, three, back, until the agent hangs up or comes back
//! ```
//!
//! The agent leaves the call only when caller and target can hear each other, unless the agent hangs up before: then
//! the call looks after the caller alone. Whoever is not spoken with hears music, and a word now and then.

mod begin;
mod codes;
mod consult;
mod park;
mod screen;
mod target;

pub use self::begin::{Destination, GivenAway, NoTransfer, Whom};
pub(super) use self::codes::Codes;
use self::consult::Talks;
pub(super) use self::park::Parked;
use self::target::{Party, Target};
use super::hold::{Hold, Reminder};
use super::listen::Listen;
use super::offer::Ringing;
use super::talk::{self, Given, Talk};
use super::wait::Wait;
use super::{Body, Ctx, Effect, Event, HOLD_MUSIC, Leg, LegEnd, Stage, Timer, answer_reoffer};
use crate::base::{AgentId, LegId};
use crate::dialplan::{self, DialEnd, QueueEnd};
use crate::media::Command;
use crate::record::StageKind;

/// Targets that are tried before the caller is brought back: the one that was named, and who stands in for them.
const MOST_TARGETS: usize = 3;

/// How an agent hands over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Without a word to the target (RFC 5589 §6).
    Blind,
    /// The agent speaks with the target first (RFC 5589 §7).
    Attended,
}

pub(super) struct Transfer {
    by: By,
    target: Target,
    how: How,
    /// Caller and target are joined as soon as the target can be heard: nothing is left to be said before.
    joins: bool,
    talks: Talks,
    /// Who has been tried, by extension; numbers of the outside are not among them.
    tried: Vec<String>,
    reminder: Reminder,
    /// So often the target was told who it is, and asked for a key.
    screened: Option<u32>,
    /// The caller was parked there, and is the one that the slot is for until somebody has them.
    slot: Option<String>,
    /// The agent's phone wants to know how it goes on (RFC 3515 §2.4.4).
    reported: bool,
}

/// The agent who hands over.
enum By {
    /// With the talk as it was: it goes on where nobody comes.
    Here(Box<Talk>),
    Gone(Departed),
}

/// What is left of a talk whose agent has gone.
struct Departed {
    extension: String,
    /// The line that had given the caller to the agent.
    wait: Option<Box<Wait>>,
    recorded: bool,
    /// The agent is being rung again, or has been in vain.
    asked_back: bool,
}

impl How {
    pub const fn name(self) -> &'static str {
        match self {
            How::Blind => "blind",
            How::Attended => "attended",
        }
    }
}

impl Transfer {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::Seized { agent, extension, towards } if self.target.is_asked() => {
                self.ring(body, ctx, agent, extension, towards)
            }
            Event::OutsideReached { trunk, towards } if self.target.is_asked() => {
                self.ring_outside(body, ctx, trunk, towards)
            }
            Event::NotSeized { why } if self.target.is_asked() => self.missed(body, ctx, why),
            Event::Answered { leg, sdp } if self.target.rings(leg) => self.answered(body, ctx, sdp),
            Event::ReofferAnswered { leg, sdp } if self.target.rings(leg) => {
                self.answered(body, ctx, Some(sdp))
            }
            Event::Rejected { leg, status } | Event::ReofferRefused { leg, status }
                if self.target.rings(leg) =>
            {
                self.missed(body, ctx, target::verdict(status))
            }
            Event::Ended { leg, .. } | Event::OpenFailed { leg, .. } | Event::RtpTimeout { leg }
                if self.target.is(leg) =>
            {
                self.target_left(body, ctx)
            }
            Event::Ended { leg, end } if self.is_agents(leg) => self.agent_left(body, ctx, Some(end)),
            Event::OpenFailed { leg, .. } | Event::RtpTimeout { leg } if self.is_agents(leg) => {
                self.agent_left(body, ctx, None)
            }
            Event::Digit { leg, digit } if self.is_agents(leg) => {
                let key = digit.expose().key();
                self.keyed(body, ctx, key)
            }
            Event::Digit { leg, digit } if self.screened.is_some() && self.target.is(leg) => {
                let key = digit.expose().key();
                self.screen_key(body, ctx, key)
            }
            Event::Played { leg, play } if self.screened.is_some() && self.target.is(leg) => {
                self.screen_told(body, ctx, play)
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                Stage::Transfer(self)
            }
            Event::ReofferAnswered { leg, sdp } if leg == body.caller_id => {
                body.late_answer(ctx, &sdp);
                Stage::Transfer(self)
            }
            Event::Reoffer { leg, sdp } => {
                if let Some(leg) = self.leg_mut(leg) {
                    answer_reoffer(ctx, leg, sdp);
                }
                Stage::Transfer(self)
            }
            Event::ReofferAnswered { leg, sdp } => {
                if let Some(Err(refused)) = self.leg_mut(leg).map(|leg| leg.agree(ctx, &sdp)) {
                    tracing::warn!(%leg, %refused, "an SDP answer cannot be used");
                }
                Stage::Transfer(self)
            }
            event => {
                if let By::Here(talk) = &mut self.by {
                    talk.recording_event(body, ctx, &event);
                }
                Stage::Transfer(self)
            }
        }
    }

    pub(super) fn timed_out(mut self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match timer {
            Timer::Ring => self.missed(body, ctx, DialEnd::NoAnswer),
            Timer::Screen => self.screen_in_vain(body, ctx),
            Timer::RecordingBeep => {
                if let By::Here(talk) = &self.by {
                    talk.recording_beep(body, ctx, false);
                }
                Stage::Transfer(self)
            }
            Timer::StillHolding => {
                let phrase = body.prompts(&["hold/still-holding"]);
                self.remember(body, ctx);
                if self.talks.holds_caller(self.target.has_answered()) {
                    body.play_over(ctx, phrase);
                } else if let Target::Talking(party) = &self.target {
                    party.leg.play_over(ctx, phrase);
                }
                Stage::Transfer(self)
            }
            Timer::HoldReminder => {
                if let By::Here(talk) = &self.by
                    && self.target.has_answered()
                    && self.talks == Talks::Target
                {
                    self.reminder.whisper(body, ctx, talk.leg());
                }
                Stage::Transfer(self)
            }
            _ => Stage::Transfer(self),
        }
    }

    /// Somebody waits: the next word is due.
    fn remember(&mut self, body: &mut Body, ctx: &Ctx<'_>) {
        body.timers.arm(Timer::StillHolding, ctx.now.mono + ctx.settings.still_holding_every);
    }

    /// Nobody of those tried comes to the phone, or the last of them has let us go: who is next?
    fn missed(mut self, body: &mut Body, ctx: &mut Ctx<'_>, why: DialEnd) -> Stage {
        body.timers.disarm(Timer::Ring);
        self.screen_over(body);
        self.target.give_up(ctx);
        let next = match self.how {
            // Whom the agent wants to speak with is for the agent to say.
            How::Attended if matches!(self.by, By::Here(_)) => None,
            _ => self.next_target(body),
        };
        match next {
            Some(extension) => {
                let phrase = body.prompts(&["transfer/sorry-please-wait"]);
                body.play_over(ctx, phrase);
                self.ask(ctx, Whom::Person { extension });
                Stage::Transfer(self)
            }
            None => self.nobody(body, ctx, why),
        }
    }

    /// Who stands in for whom was tried last.
    fn next_target(&self, body: &Body) -> Option<String> {
        if self.tried.len() >= MOST_TARGETS || self.is_asked_back() {
            return None;
        }
        let plan = body.cursor.plan();
        let delegate = plan.agent_by_extension(self.tried.last()?)?.delegate?;
        let extension = plan.agent(delegate)?.extension.clone();
        let owner = self.owner();
        (extension != owner && !self.tried.contains(&extension)).then_some(extension)
    }

    /// The caller comes back to the agent; to whoever can serve them, where the agent has gone.
    fn nobody(mut self, body: &mut Body, ctx: &mut Ctx<'_>, why: DialEnd) -> Stage {
        let status = match why {
            DialEnd::Busy => 486,
            DialEnd::Away { .. } | DialEnd::NoAnswer => 480,
            _ => 404,
        };
        tracing::info!(by = self.owner(), ?why, "the transfer came to nothing");
        match self.by {
            By::Here(mut talk) => {
                if self.reported {
                    ctx.effect(Effect::Referred { leg: talk.leg.id, status });
                    talk.returned = Some(ctx.now.mono);
                }
                let phrase = match why {
                    DialEnd::Busy => "transfer/busy",
                    DialEnd::NoAnswer => "transfer/no-answer",
                    _ => "transfer/failed",
                };
                back(*talk, body, ctx, &[phrase])
            }
            By::Gone(mut departed) if !departed.asked_back => {
                departed.asked_back = true;
                let extension = departed.extension.clone();
                self.by = By::Gone(departed);
                let phrase = body.prompts(&["transfer/sorry-please-wait"]);
                body.play_over(ctx, phrase);
                self.ask(ctx, Whom::Person { extension });
                Stage::Transfer(self)
            }
            By::Gone(departed) => departed.back_to_line(body, ctx),
        }
    }

    /// The target is there: the agent's wish is done, or the two speak first.
    fn answered(mut self, body: &mut Body, ctx: &mut Ctx<'_>, sdp: Option<bytes::Bytes>) -> Stage {
        body.timers.disarm(Timer::Ring);
        if !self.target.answered(ctx, sdp) {
            return self.missed(body, ctx, DialEnd::Unreachable);
        }
        if matches!(self.by, By::Here(_)) && !self.joins {
            self.talk_to_target(body, ctx);
            return Stage::Transfer(self);
        }
        if self.is_screened(body) {
            return self.screen(body, ctx);
        }
        self.join(body, ctx)
    }

    /// Caller and target talk; the agent's leg is hung up.
    fn join(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        self.screen_over(body);
        let Transfer { by, target, how, reported, .. } = self;
        let Some(Party { agent, extension, leg }) = target.into_party() else {
            // Only who has answered is joined.
            return Listen::begin(body, ctx, dialplan::Event::DialEnded(DialEnd::Unreachable));
        };
        let departed = match by {
            By::Here(talk) => {
                if reported {
                    ctx.effect(Effect::Referred { leg: talk.leg.id, status: 200 });
                }
                ctx.effect(Effect::Bye { leg: talk.leg.id });
                Departed::of(*talk, body, ctx)
            }
            By::Gone(departed) => departed,
        };
        body.is_remembered();
        body.stage(
            ctx,
            StageKind::Transfer,
            format!("{} by {} to {extension}", how.name(), departed.extension),
        );
        body.journal.talk_goes_on(ctx.now);
        let given = Given::ByTransfer(departed.wait);
        talk::begin(body, ctx, given, agent, extension, leg, departed.recorded)
    }

    /// Whom the agent speaks with, or who is rung, has hung up.
    fn target_left(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        if !self.target.has_answered() || self.screened.is_some() {
            return self.missed(body, ctx, DialEnd::Unreachable);
        }
        self.come_back(body, ctx, &[])
    }

    /// The agent has hung up: before the target came, or because the two are to talk now.
    fn agent_left(mut self, body: &mut Body, ctx: &mut Ctx<'_>, end: Option<LegEnd>) -> Stage {
        let By::Here(talk) = self.by else { return Stage::Transfer(self) };
        match end {
            Some(LegEnd::HungUp) => {}
            Some(end) => tracing::warn!(agent = talk.extension(), ?end, "the agent's phone is gone"),
            None => ctx.effect(Effect::Bye { leg: talk.leg.id }),
        }
        self.by = By::Gone(Departed::of(*talk, body, ctx));
        self.reported = false;
        if self.target.has_answered() && self.screened.is_none() {
            return self.join(body, ctx);
        }
        Stage::Transfer(self)
    }

    /// The target is let go, and the agent talks with the caller again.
    fn come_back(mut self, body: &mut Body, ctx: &mut Ctx<'_>, phrase: &[&str]) -> Stage {
        body.timers.disarm(Timer::Ring);
        self.screen_over(body);
        self.target.give_up(ctx);
        match self.by {
            By::Here(talk) => {
                if self.reported {
                    ctx.effect(Effect::Referred { leg: talk.leg.id, status: 487 });
                }
                back(*talk, body, ctx, phrase)
            }
            By::Gone(departed) => departed.back_to_line(body, ctx),
        }
    }

    /// The caller has gone.
    pub(super) fn abandon(mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        self.target.give_up(ctx);
        if let By::Here(talk) = self.by {
            if self.reported {
                ctx.effect(Effect::Referred { leg: talk.leg.id, status: 487 });
            }
            talk.abandon(body, ctx);
        }
    }

    fn owner(&self) -> &str {
        match &self.by {
            By::Here(talk) => talk.extension(),
            By::Gone(departed) => &departed.extension,
        }
    }

    fn is_asked_back(&self) -> bool {
        matches!(&self.by, By::Gone(departed) if departed.asked_back)
    }

    fn is_agents(&self, leg: LegId) -> bool {
        matches!(&self.by, By::Here(talk) if talk.is_agent(leg))
    }

    fn leg_mut(&mut self, leg: LegId) -> Option<&mut Leg> {
        match &mut self.by {
            By::Here(talk) if talk.is_agent(leg) => Some(talk.leg_mut()),
            _ => self.target.leg_mut().filter(|of| of.id == leg),
        }
    }

    /// Who is responsible for the caller: the agent, while there; then whoever is rung.
    pub(super) fn agent(&self) -> Option<AgentId> {
        match &self.by {
            By::Here(talk) => talk.agent(),
            By::Gone(_) => self.target.agent(),
        }
    }

    pub(super) fn legs(&self) -> impl Iterator<Item = &Leg> {
        let agents = match &self.by {
            By::Here(talk) => Some(talk.leg()),
            By::Gone(_) => None,
        };
        agents.into_iter().chain(self.target.leg())
    }

    /// This agent's phone rings for the caller.
    pub(super) fn rings(&self, agent: AgentId) -> bool {
        matches!(&self.target, Target::Ringing(party) if party.agent == Some(agent))
    }

    /// A colleague takes the caller whom the target's phone rings for: they are the target from now on.
    pub(super) fn picked_up(mut self, body: &mut Body, ctx: &mut Ctx<'_>, ringing: Ringing) -> Stage {
        self.target.give_up(ctx);
        let Ringing { agent, extension, leg } = ringing;
        body.stage(ctx, StageKind::Transfer, format!("picked up by {extension}"));
        self.tried.push(extension.clone());
        self.target = Target::Ringing(Party { agent: Some(agent), extension, leg });
        Stage::Transfer(self)
    }

    pub(super) fn slot(&self) -> Option<&str> {
        self.slot.as_deref()
    }

    pub(super) fn target_leg(&self) -> Option<LegId> {
        self.target.leg().map(|leg| leg.id)
    }

    /// The agent's leg, while the agent is there.
    pub(super) fn agents_leg(&self) -> Option<LegId> {
        match &self.by {
            By::Here(talk) => Some(talk.leg.id),
            By::Gone(_) => None,
        }
    }
}

impl Departed {
    /// The agent's part is over: wrap-up. The agent's dialog has ended, or is about to.
    fn of(talk: Talk, body: &mut Body, ctx: &mut Ctx<'_>) -> Departed {
        let extension = talk.extension().to_owned();
        let recorded = talk.recording.is_some();
        let wait = match talk.finish(body, ctx) {
            Given::ByQueue(wait) | Given::ByPickUp(wait) => Some(wait),
            Given::ByTransfer(wait) => wait,
            Given::ByDialling | Given::Outside => None,
        };
        Departed { extension, wait, recorded, asked_back: false }
    }

    /// Nobody is there for the caller, not even the agent: the head of the line, or the flow's own way on.
    fn back_to_line(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        body.is_remembered();
        body.stop_playing(ctx);
        match self.wait {
            Some(wait) => wait.again_first(body, ctx, &self.extension),
            None => Listen::begin(body, ctx, dialplan::Event::DialEnded(DialEnd::NoAnswer)),
        }
    }
}

/// The agent's phone has hung up, though nobody has the caller: it rings again, and then it is the line's turn.
pub(super) fn ring_again(talk: Talk, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
    let departed = Departed { asked_back: true, ..Departed::of(talk, body, ctx) };
    let extension = departed.extension.clone();
    body.stage(
        ctx,
        StageKind::Transfer,
        format!("{extension} hung up after a transfer in vain: is rung again"),
    );
    let clips = music(body);
    body.play(ctx, clips, true);
    let phrase = body.prompts(&["transfer/sorry-please-wait"]);
    body.play_over(ctx, phrase);
    let mut transfer = Transfer::by(By::Gone(departed), How::Blind, false);
    transfer.remember(body, ctx);
    transfer.ask(ctx, Whom::Person { extension });
    Stage::Transfer(transfer)
}

/// Caller and agent talk as before; the agent hears why.
fn back(mut talk: Talk, body: &mut Body, ctx: &mut Ctx<'_>, phrase: &[&str]) -> Stage {
    body.is_remembered();
    body.stop_playing(ctx);
    talk.leg_mut().stop(ctx);
    talk.set_recording_aside(ctx, false);
    ctx.media(Command::Bridge { a: body.caller_id, b: talk.leg.id });
    talk.leg.play_over(ctx, body.prompts(phrase));
    if talk.leg().holds() || body.caller_holds() {
        return Hold::begin(talk, body, ctx);
    }
    body.stage(ctx, StageKind::Talk, talk.extension().to_owned());
    Stage::Talk(talk)
}

/// The flow's event after a talk that a transfer began.
pub(super) fn served(wait: Option<Box<Wait>>) -> dialplan::Event {
    match wait {
        Some(_) => dialplan::Event::QueueEnded(QueueEnd::Served),
        None => dialplan::Event::DialEnded(DialEnd::Served),
    }
}

fn music(body: &Body) -> Vec<crate::base::Clip> {
    body.prompts(&[HOLD_MUSIC])
}
