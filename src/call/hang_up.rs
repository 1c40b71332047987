//! The end of a visit: everything is closed, and the record is written.

use super::message::Pending;
use super::{Body, Call, Ctx, Effect, Event, Stage, Timer, matter};
use crate::record::{CallEnd, Record, StageKind};

/// The caller has gone, but what they said is not safe yet.
pub(super) struct Closing {
    pending: Pending,
    end: CallEnd,
}

/// Nothing is left. The exchange forgets the call.
pub(super) struct Over;

/// The flow has said goodbye: we hang up.
pub(super) fn goodbye(body: &mut Body, ctx: &mut Ctx<'_>, end: CallEnd) -> Stage {
    ctx.effect(Effect::Bye { leg: body.caller_id });
    over(body, ctx, end)
}

/// The caller's dialog is over, whatever stage the call is in.
pub(super) fn caller_gone(stage: Stage, body: &mut Body, ctx: &mut Ctx<'_>, end: CallEnd) -> Stage {
    match stage {
        Stage::Closing(closing) => Stage::Closing(closing),
        // What the flow had said last was goodbye: the caller hung up as the bank wanted it.
        Stage::Farewell(farewell) => farewell.caller_gone(body, ctx, Some(end)),
        Stage::Message(message) => {
            close_caller(body, ctx);
            let pending = message.caller_gone(body, ctx);
            closing(pending, body, ctx, end)
        }
        Stage::Urgent(urgent) => {
            close_caller(body, ctx);
            let pending = urgent.caller_gone(body, ctx);
            closing(pending, body, ctx, end)
        }
        // Who had it last may answer for the customer from now on.
        Stage::Talk(talk) if end == CallEnd::CallerHungUp && talk.may_take_over(body) => {
            matter::ask(talk, body, ctx, end)
        }
        stage => {
            let_go(stage, body, ctx);
            over(body, ctx, end)
        }
    }
}

/// Over, but for what the caller has said and is not safe yet.
pub(super) fn closing(pending: Option<Pending>, body: &mut Body, ctx: &mut Ctx<'_>, end: CallEnd) -> Stage {
    close_caller(body, ctx);
    match pending {
        Some(pending) => Stage::Closing(Closing { pending, end }),
        None => over(body, ctx, end),
    }
}

/// Everybody but the caller leaves the call, wherever it is; what the caller was leaving is still to be made safe.
pub(super) fn let_go(stage: Stage, body: &mut Body, ctx: &mut Ctx<'_>) -> Option<Pending> {
    match stage {
        Stage::Wait(wait) => wait.abandon(body, ctx),
        Stage::Offer(offer) => offer.abandon(ctx).abandon(body, ctx),
        Stage::Dial(dial) => dial.abandon(ctx),
        Stage::Outside(outside) => outside.abandon(body, ctx),
        Stage::Talk(talk) => talk.abandon(body, ctx),
        Stage::Hold(hold) => hold.abandon(body, ctx),
        Stage::Transfer(transfer) => transfer.abandon(body, ctx),
        Stage::Parked(parked) => parked.abandon(body, ctx),
        Stage::PickUp(pick_up) => pick_up.abandon(body, ctx),
        Stage::Asking(asking) => asking.abandon(body, ctx),
        Stage::Message(message) => return message.caller_gone(body, ctx),
        Stage::Urgent(urgent) => return urgent.caller_gone(body, ctx),
        Stage::Closing(Closing { pending, .. }) => return Some(pending),
        Stage::Listen(_)
        | Stage::Mailbox(_)
        | Stage::Telling(_)
        | Stage::CaseStatus(_)
        | Stage::Survey(_)
        | Stage::CallBack(_)
        | Stage::CallOut(_)
        | Stage::Following(_)
        | Stage::Farewell(_)
        | Stage::Over(_)
        | Stage::Moving => {}
    }
    None
}

impl Closing {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        if matches!(event, Event::Shutdown) || self.pending.handle(body, ctx, event) {
            return over(body, ctx, self.end);
        }
        Stage::Closing(self)
    }

    /// The writer has not said yet that the message is safe. Nobody is kept waiting, so it may take its time:
    /// without us the message would come to light at the next start only.
    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        tracing::error!("a message was not made durable in time");
        body.timers.arm(Timer::Durable, ctx.now.mono + ctx.settings.durable_within);
        Stage::Closing(self)
    }
}

/// Closes what is left and writes the record.
pub(super) fn over(body: &mut Body, ctx: &mut Ctx<'_>, end: CallEnd) -> Stage {
    close_caller(body, ctx);
    body.settle_callback(ctx);
    body.settle_follow_up(ctx);
    body.timers.clear();
    // Who hung up first is what the reader of a record wants to know.
    let end = match (end, body.journal.end()) {
        (CallEnd::FlowEnded | CallEnd::CallerHungUp, CallEnd::AgentHungUp) => CallEnd::AgentHungUp,
        (end, _) => end,
    };
    body.stage(ctx, StageKind::HangUp, end.name());
    body.journal.end_is(end);
    let language = body.cursor.language().to_string();
    let grade = body.cursor.grade().map(str::to_owned);
    let keys = body.cursor.keys_pressed();
    body.journal.met_plan(body.cursor.plan().version(), body.cursor.wrong_keys());
    let record = body.journal.close(ctx.now, language, grade, keys);
    tracing::info!(end = %record.end, "call over");
    ctx.effect(Effect::Record(Record::Call(Box::new(record))));
    ctx.effect(Effect::Over);
    Stage::Over(Over)
}

pub(super) fn close_caller(body: &mut Body, ctx: &mut Ctx<'_>) {
    if let Some(caller) = body.caller.take() {
        caller.close(ctx);
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({})", self.id(), self.stage().name())
    }
}
