//! An agent calls somebody outside by an order instead of the phone's keys: the agent's own phone rings first, and who
//! answers it hears the customer's ring.
//!
//! ```text
//!   begin: the desk rings -- Rejected, nobody answers --> over, nobody outside was rung
//!                 | Answered
//!                 v
//!             the flow of a desk's call to the outside, as if the agent had dialled
//! ```

use std::time::Duration;

use bytes::Bytes;

use super::timer::Timers;
use super::{Body, Call, Ctx, Effect, Event, InviteAgent, Journal, Leg, Stage, Timer, Towards, hang_up};
use crate::base::{AgentId, CallId, LegId, Masked};
use crate::dialplan::{self, Cursor};
use crate::record::{CallEnd, StageKind};

/// Who has asked for the call sits at the phone.
const RING: Duration = Duration::from_secs(20);
/// What a record says was dialled: the number itself is somebody's.
const OUTSIDE: &str = "outside";

/// A call that an agent is to make.
pub struct CallOut {
    pub call: CallId,
    /// Theirs is the desk, which the call has.
    pub agent: AgentId,
    pub extension: String,
    pub towards: Towards,
    /// Their right to it has been looked at.
    pub number: Masked<String>,
    /// In the flow of desks' calls to the outside.
    pub cursor: Cursor,
}

pub(super) struct Calling;

/// Rings the agent's phone.
pub(super) fn begin(ctx: &mut Ctx<'_>, wanted: CallOut) -> Call {
    let CallOut { call, agent, extension, towards, number, cursor } = wanted;
    let span = tracing::info_span!("call", id = %call, desk = extension, to = %number);
    let entered = span.clone().entered();
    let from = Masked::new(extension.clone());
    let mut journal =
        Journal::new(call, String::new(), from.clone(), OUTSIDE.to_owned(), extension.clone(), ctx.now);
    journal.stage(ctx.now, StageKind::Arrive, OUTSIDE);
    let id = LegId { call, index: 0 };
    let mut body = Body {
        id: call,
        caller_id: id,
        caller: None,
        cursor,
        journal,
        timers: Timers::default(),
        from,
        outside: Some(number.clone()),
        desk: Some(agent),
        keys: Default::default(),
        next_leg: 1,
        place: None,
        owed: None,
        urgent: None,
        handed_by: None,
        span: span.clone(),
    };
    let stage = match Leg::open(ctx, id, towards) {
        Some(mut leg) => {
            let sdp = leg.offer();
            body.caller = Some(leg);
            body.stage(ctx, StageKind::Offer, extension);
            body.timers.arm(Timer::Ring, ctx.now.mono + RING);
            // The phone shows whom it is about to call.
            let invite = InviteAgent {
                leg: id,
                agent,
                display: number.clone(),
                from: number,
                about: Masked::default(),
                by: None,
                sdp,
            };
            ctx.effect(Effect::Invite(Box::new(invite)));
            Stage::CallOut(Calling)
        }
        None => {
            tracing::error!("no RTP port is free for a call to the outside");
            not_reached(&mut body, ctx, "no port")
        }
    };
    drop(entered);
    Call { body, stage }
}

impl Calling {
    pub(super) fn handle(self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::Answered { leg, sdp } if leg == body.caller_id => self.answered(body, ctx, sdp),
            Event::Rejected { leg, status } if leg == body.caller_id => {
                not_reached(body, ctx, if matches!(status, 486 | 600) { "busy" } else { "no answer" })
            }
            _ => Stage::CallOut(self),
        }
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        ctx.effect(Effect::Bye { leg: body.caller_id });
        not_reached(body, ctx, "no answer")
    }

    fn answered(self, body: &mut Body, ctx: &mut Ctx<'_>, sdp: Option<Bytes>) -> Stage {
        body.timers.disarm(Timer::Ring);
        let agreed = match (&sdp, &mut body.caller) {
            (Some(answer), Some(caller)) => caller.agree(ctx, answer).is_ok(),
            _ => false,
        };
        if !agreed {
            tracing::warn!("the answer of an agent's phone cannot be used");
            ctx.effect(Effect::Bye { leg: body.caller_id });
            return not_reached(body, ctx, "no media");
        }
        body.journal.answered(ctx.now);
        body.go_on(ctx, dialplan::Event::Begin)
    }
}

fn not_reached(body: &mut Body, ctx: &mut Ctx<'_>, why: &'static str) -> Stage {
    hang_up::over(body, ctx, CallEnd::NotReached { why: why.to_owned() })
}
