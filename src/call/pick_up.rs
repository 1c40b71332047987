//! A colleague takes the caller at their own desk: out of a slot, or while somebody else's phone rings.
//!
//! ```text
//!   parked, offered, dialled, handed on --> the colleague's dialog comes over from the call they dialled with
//!                                             | their phone agrees            | it does not
//!                                             v                               v
//!                                           talk                      as if nobody had come
//! ```
//!
//! The caller hears the music go on meanwhile, which is one re-INVITE long.

use std::time::Duration;

use super::offer::Ringing;
use super::talk::{self, Given};
use super::transfer::{GivenAway, Parked};
use super::wait::{self, Wait};
use super::{Body, Call, Ctx, Effect, Event, Leg, Listen, Stage, Timer, hang_up};
use crate::base::AgentId;
use crate::dialplan::{self, DialEnd};
use crate::queue::LeaveWhy;
use crate::record::{CallEnd, QueueOutcome, StageKind};

/// A phone that does not answer our re-INVITE is not there.
const AGREES_WITHIN: Duration = Duration::from_secs(8);

pub(super) struct PickUp {
    was: Was,
    ringing: Ringing,
}

/// Where the caller was.
enum Was {
    Parked(Box<Parked>),
    /// Offered to a colleague; the line is left.
    InLine(Box<Wait>),
    Dialled,
}

impl Call {
    /// The phone of this agent rings for the caller, and nobody has answered it.
    pub fn rings(&self, agent: AgentId) -> bool {
        match &self.stage {
            Stage::Offer(offer) => offer.rings() && offer.agent() == agent,
            Stage::Dial(dial) => dial.agent() == Some(agent),
            Stage::Transfer(transfer) => transfer.rings(agent),
            _ => false,
        }
    }

    /// The slot that the caller is parked in, until somebody has them.
    pub fn slot(&self) -> Option<&str> {
        match &self.stage {
            Stage::Parked(parked) => parked.slot(),
            Stage::Transfer(transfer) => transfer.slot(),
            Stage::PickUp(PickUp { was: Was::Parked(parked), .. }) => parked.slot(),
            _ => None,
        }
    }

    /// The agent whose desk made this call, as a party that another call may have. Only while nobody else is in it.
    pub fn own_party(&self, extension: &str) -> Option<GivenAway> {
        let caller = self.body.caller.as_ref().filter(|_| matches!(self.stage, Stage::Listen(_)))?;
        Some(GivenAway {
            agent: Some(self.body.desk?),
            extension: extension.to_owned(),
            towards: caller.towards(),
            leg: caller.id,
        })
    }

    /// The desk's dialog belongs to another call from now on; this one is over.
    pub fn moved_over(&mut self, ctx: &mut Ctx<'_>) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        self.stage = hang_up::over(&mut self.body, ctx, CallEnd::Transferred);
    }

    /// Nobody was there for the desk to take.
    pub fn not_picked_up(&mut self, ctx: &mut Ctx<'_>, may: bool) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        if matches!(self.stage, Stage::Listen(_)) {
            self.stage = Listen::begin(&mut self.body, ctx, dialplan::Event::NotPickedUp { may });
        }
    }

    /// This colleague has the caller, as soon as their phone sends its media here.
    pub fn pick_up(&mut self, ctx: &mut Ctx<'_>, given: GivenAway) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        let body = &mut self.body;
        let GivenAway { agent: Some(agent), extension, towards, leg: from } = given else { return };
        let Some(mut leg) = body.open_leg(ctx, towards) else {
            tracing::error!("no RTP port is free for who picks up");
            return ctx.effect(Effect::Bye { leg: from });
        };
        let sdp = leg.offer();
        let ringing = Ringing { agent, extension, leg };
        self.stage = match std::mem::replace(&mut self.stage, Stage::Moving) {
            Stage::Parked(parked) => begin(Was::Parked(Box::new(parked)), ringing, body, ctx),
            Stage::Offer(offer) => {
                let wait = offer.taken_by_another(body, ctx);
                begin(Was::InLine(Box::new(wait)), ringing, body, ctx)
            }
            Stage::Dial(dial) => {
                body.timers.disarm(Timer::Ring);
                dial.abandon(ctx);
                begin(Was::Dialled, ringing, body, ctx)
            }
            Stage::Transfer(transfer) => transfer.picked_up(body, ctx, ringing),
            other => {
                ringing.leg.close(ctx);
                self.stage = other;
                return ctx.effect(Effect::Bye { leg: from });
            }
        };
        let leg = self.taker().unwrap_or(from);
        ctx.effect(Effect::TakeOver { leg, from, agent: Some(agent), sdp });
    }

    fn taker(&self) -> Option<crate::base::LegId> {
        match &self.stage {
            Stage::PickUp(pick_up) => Some(pick_up.ringing.leg.id),
            Stage::Transfer(transfer) => transfer.target_leg(),
            _ => None,
        }
    }
}

fn begin(was: Was, ringing: Ringing, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
    body.stage(ctx, StageKind::Offer, format!("picked up by {}", ringing.extension));
    body.timers.arm(Timer::Ring, ctx.now.mono + AGREES_WITHIN);
    Stage::PickUp(PickUp { was, ringing })
}

impl PickUp {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::ReofferAnswered { leg, sdp } if self.ringing.is(leg) => {
                match self.ringing.answered(ctx, Some(sdp)) {
                    true => self.joins(body, ctx),
                    false => self.fails(body, ctx),
                }
            }
            Event::ReofferRefused { leg, .. }
            | Event::Ended { leg, .. }
            | Event::OpenFailed { leg, .. }
            | Event::RtpTimeout { leg }
                if self.ringing.is(leg) =>
            {
                self.fails(body, ctx)
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                Stage::PickUp(self)
            }
            Event::ReofferAnswered { leg, sdp } if leg == body.caller_id => {
                body.late_answer(ctx, &sdp);
                Stage::PickUp(self)
            }
            event => {
                // Whoever parked the caller may still be hearing where.
                self.was = match self.was {
                    Was::Parked(parked) => Was::Parked(Box::new(parked.fetched_meanwhile(body, ctx, event))),
                    was => was,
                };
                Stage::PickUp(self)
            }
        }
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match timer {
            Timer::Ring => self.fails(body, ctx),
            _ => Stage::PickUp(self),
        }
    }

    fn joins(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        body.timers.disarm(Timer::Ring);
        let PickUp { was, ringing: Ringing { agent, extension, leg } } = self;
        let (given, recorded) = match was {
            Was::Parked(parked) => {
                body.journal.talk_goes_on(ctx.now);
                parked.taken(body, ctx)
            }
            Was::InLine(wait) => {
                body.journal.served_by(ctx.now, &extension);
                let recorded = body.cursor.plan().queue(wait.queue()).is_some_and(|queue| queue.record);
                (Given::ByPickUp(wait), recorded)
            }
            Was::Dialled => (Given::ByDialling, false),
        };
        talk::begin(body, ctx, given, Some(agent), extension, leg, recorded)
    }

    /// The colleague's phone is not there after all: as if nobody had come.
    fn fails(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        body.timers.disarm(Timer::Ring);
        let PickUp { was, ringing } = self;
        let extension = ringing.extension.clone();
        ctx.effect(Effect::Release { agent: ringing.agent });
        ringing.give_up(ctx);
        match was {
            Was::Parked(parked) => parked.goes_on(body, ctx),
            Was::InLine(wait) => {
                body.journal.queue_left(ctx.now, QueueOutcome::Abandoned);
                wait.again_first(body, ctx, &extension)
            }
            Was::Dialled => {
                body.stop_playing(ctx);
                Listen::begin(body, ctx, dialplan::Event::DialEnded(DialEnd::NoAnswer))
            }
        }
    }

    /// The caller has gone.
    pub(super) fn abandon(self, body: &mut Body, ctx: &mut Ctx<'_>) {
        ctx.effect(Effect::Release { agent: self.ringing.agent });
        self.ringing.give_up(ctx);
        match self.was {
            Was::Parked(parked) => parked.abandon(body, ctx),
            // Out of the line already.
            Was::InLine(_) => body.journal.queue_left(ctx.now, QueueOutcome::Abandoned),
            Was::Dialled => {}
        }
    }

    pub(super) fn agent(&self) -> AgentId {
        self.ringing.agent
    }

    /// Who parked the caller, and is still being told where.
    pub(super) fn parker(&self) -> Option<AgentId> {
        match &self.was {
            Was::Parked(parked) => parked.agent(),
            Was::InLine(_) | Was::Dialled => None,
        }
    }

    pub(super) fn legs(&self) -> impl Iterator<Item = &Leg> {
        let parkers = match &self.was {
            Was::Parked(parked) => parked.leg(),
            _ => None,
        };
        parkers.into_iter().chain([&self.ringing.leg])
    }
}

/// Out of the line, since somebody else than whose phone rings takes the caller.
pub(super) fn leave_line(wait: &Wait, body: &mut Body, ctx: &mut Ctx<'_>) {
    wait::stop_announcing(body);
    if let Some(caller) = wait.caller() {
        ctx.effect(Effect::Leave { caller, why: LeaveWhy::TakeMessage });
    }
}
