//! Caller and agent hear each other.

use super::LegEnd;
use super::hold::Hold;
use super::pledge::Pledge;
use super::recording::Recording;
use super::supervise::Guest;
use super::survey::Talked;
use super::transfer::{self, Codes, How};
use super::wait::Wait;
use super::{Body, Ctx, Effect, Event, Leg, Stage, Timer, answer_reoffer, complaint};
use crate::base::{AgentId, Instant, LegId};
use crate::dialplan::{self, DialEnd, QueueEnd};
use crate::media::Command;
use crate::record::{CallEnd, StageKind};
use std::time::Duration;

/// A conversation longer than this is recorded no further: a forgotten hand-set fills no disk.
pub(super) const LONGEST_RECORDING: Duration = Duration::from_secs(4 * 3600);

/// So soon after its transfer has failed it is the phone that hangs up, and not the agent.
const HANGS_UP_WITHIN: Duration = Duration::from_secs(2);

/// How the two were brought together: what the flow and the desk are told when the talk is over.
pub(super) enum Given {
    /// With the wait that it ended: whose agent's phone dies in mid-talk waits again, before all others.
    ByQueue(Box<Wait>),
    ByDialling,
    /// By another agent's transfer; with the wait that the first of them ended, where a queue gave them.
    ByTransfer(Option<Box<Wait>>),
    /// Offered by a queue to a colleague, whose phone rang when this agent took the call.
    ByPickUp(Box<Wait>),
    /// Somebody outside: no desk of ours.
    Outside,
}

pub(super) struct Talk {
    given: Given,
    /// `None` for somebody outside.
    agent: Option<AgentId>,
    extension: String,
    pub(super) leg: Leg,
    pub(super) recording: Option<Recording>,
    /// A supervisor who takes part, or whose phone rings for it.
    pub(super) guest: Option<Box<Guest>>,
    /// What the agent keys.
    pub(super) codes: Box<Codes>,
    since: Instant,
    /// The agent keys in where the caller is to go.
    pub(super) transfers: Option<How>,
    /// What else they key.
    pub(super) pledge: Box<Pledge>,
    /// When the agent's phone was told that its transfer came to nothing.
    pub(super) returned: Option<Instant>,
}

/// Bridges first: no announcement delays an agent who has answered.
pub(super) fn begin(
    body: &mut Body,
    ctx: &mut Ctx<'_>,
    given: Given,
    agent: Option<AgentId>,
    extension: String,
    leg: Leg,
    record: bool,
) -> Stage {
    body.settle_callback(ctx);
    body.settle_urgent(ctx);
    body.stop_playing(ctx);
    ctx.media(Command::Bridge { a: body.caller_id, b: leg.id });
    body.stage(ctx, StageKind::Talk, extension.clone());
    let mut talk = Talk {
        given,
        agent,
        extension,
        leg,
        recording: None,
        guest: None,
        codes: Box::default(),
        since: ctx.now.mono,
        transfers: None,
        pledge: Box::default(),
        returned: None,
    };
    if record {
        talk.record(body, ctx);
    }
    // A caller may have put us on hold while waiting.
    if talk.leg.holds() || body.caller_holds() { Hold::begin(talk, body, ctx) } else { Stage::Talk(talk) }
}

impl Talk {
    pub(super) fn handle(self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match self.conversation(body, ctx, event) {
            Ok(stage) => stage,
            Err(talk) if talk.leg.holds() || body.caller_holds() => Hold::begin(talk, body, ctx),
            Err(talk) => Stage::Talk(talk),
        }
    }

    /// What can happen to two who talk, on hold or not. `Err` gives the talk back, with whatever the parties
    /// have newly agreed on; `Ok` is where the caller went.
    pub(super) fn conversation(
        mut self,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        event: Event,
    ) -> Result<Stage, Talk> {
        let Some(event) = self.guest_event(body, ctx, event) else { return Err(self) };
        self.recording_event(body, ctx, &event);
        match event {
            Event::Digit { leg, digit } if leg == self.leg.id && self.agent.is_some() => {
                let key = digit.expose().key();
                if self.pledge_key(body, ctx, key) {
                    return Err(self);
                }
                if let Some((how, number)) = self.transfer_key(body, ctx, key) {
                    return self.transfer_to(body, ctx, how, &number);
                }
            }
            Event::CallbackBooked { ok, .. } => self.promised(body, ctx, ok),
            Event::ComplaintSaved { saved } => self.complaint_saved(body, ctx, saved),
            Event::Reoffer { leg, sdp } if leg == self.leg.id => answer_reoffer(ctx, &mut self.leg, sdp),
            Event::Reoffer { leg, sdp } if leg == body.caller_id => body.reoffer(ctx, sdp),
            Event::ReofferAnswered { leg, sdp } if leg == self.leg.id => {
                if let Err(refused) = self.leg.agree(ctx, &sdp) {
                    tracing::warn!(%leg, %refused, "an SDP answer cannot be used");
                }
            }
            Event::ReofferAnswered { leg, sdp } if leg == body.caller_id => body.late_answer(ctx, &sdp),
            Event::Ended { leg, end: LegEnd::HungUp }
                if leg == self.leg.id && self.hangs_up_by_itself(ctx) =>
            {
                return Ok(transfer::ring_again(self, body, ctx));
            }
            Event::Ended { leg, end: LegEnd::HungUp } if leg == self.leg.id => {
                return Ok(self.ended(body, ctx, false));
            }
            Event::Ended { leg, end } if leg == self.leg.id => {
                tracing::warn!(agent = self.extension, ?end, "the agent's phone is gone");
                return Ok(self.ended(body, ctx, true));
            }
            Event::RtpTimeout { leg } if leg == self.leg.id => {
                tracing::warn!(agent = self.extension, "the agent's phone sends no audio");
                ctx.effect(Effect::Bye { leg });
                return Ok(self.ended(body, ctx, true));
            }
            Event::OpenFailed { leg, .. } if leg == self.leg.id => {
                ctx.effect(Effect::Bye { leg });
                return Ok(self.ended(body, ctx, true));
            }
            _ => {}
        }
        Err(self)
    }

    /// Some phones hang up when their transfer has failed, as if it had not: it is not their agent who wants that.
    fn hangs_up_by_itself(&self, ctx: &Ctx<'_>) -> bool {
        self.returned.is_some_and(|at| ctx.now.mono.since(at) < HANGS_UP_WITHIN)
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        self.deadline(body, ctx, timer).unwrap_or_else(Stage::Talk)
    }

    /// The deadlines of two who talk, on hold or not. `Err` gives the talk back; `Ok` is where the caller went.
    pub(super) fn deadline(
        mut self,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        timer: Timer,
    ) -> Result<Stage, Talk> {
        match timer {
            Timer::Code if self.pledge_timed_out(body, ctx) => {}
            Timer::Code => {
                if let Some((how, number)) = self.code_timed_out() {
                    return self.transfer_to(body, ctx, how, &number);
                }
            }
            Timer::RecordingBeep => self.recording_beep(body, ctx, true),
            _ => self.guest_rings_in_vain(body, ctx),
        }
        Err(self)
    }

    /// The agent takes the caller at another line of the same desk; the line that they talked at is hung up.
    pub(super) fn goes_on_at(mut self, leg: Leg, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        self.dismiss(body, ctx);
        let recorded = self.recording.is_some();
        self.stop_recording(body, ctx);
        let before = std::mem::replace(&mut self.leg, leg);
        ctx.effect(Effect::Bye { leg: before.id });
        before.close(ctx);
        body.stop_playing(ctx);
        ctx.media(Command::Bridge { a: body.caller_id, b: self.leg.id });
        body.stage(ctx, StageKind::Talk, self.extension.clone());
        if recorded {
            self.record(body, ctx);
        }
        if self.leg.holds() || body.caller_holds() { Hold::begin(self, body, ctx) } else { Stage::Talk(self) }
    }

    /// The agent has hung up, or their phone is `lost`: then the talk is not over for the caller, who hears an apology
    /// and stands before all others of the queue that gave them.
    fn ended(self, body: &mut Body, ctx: &mut Ctx<'_>, lost: bool) -> Stage {
        let extension = self.extension.clone();
        if self.agent.is_some() {
            let queue = self.wait().and_then(|wait| body.cursor.plan().queue(wait.queue()));
            let queue = queue.map(|queue| queue.name.clone());
            let lasted = ctx.now.mono.since(self.since);
            body.talked = Some(Talked { agent: extension.clone(), queue, lasted });
        }
        match (&self.given, self.agent) {
            (Given::ByQueue(_) | Given::ByPickUp(_) | Given::ByTransfer(_), Some(agent)) if lost => {
                ctx.effect(Effect::PhoneLost { agent })
            }
            _ => body.journal.end_is(CallEnd::AgentHungUp),
        }
        let event = match self.finish(body, ctx) {
            Given::ByQueue(wait) | Given::ByPickUp(wait) | Given::ByTransfer(Some(wait)) if lost => {
                return wait.again_first(body, ctx, &extension);
            }
            Given::ByTransfer(wait) => transfer::served(wait),
            Given::ByQueue(_) | Given::ByPickUp(_) => dialplan::Event::QueueEnded(QueueEnd::Served),
            Given::ByDialling | Given::Outside => dialplan::Event::DialEnded(DialEnd::Served),
        };
        body.stop_playing(ctx);
        complaint::tell_then(body, ctx, event)
    }

    /// The caller has gone: the agent's phone is hung up.
    pub(super) fn abandon(self, body: &mut Body, ctx: &mut Ctx<'_>) {
        ctx.effect(Effect::Bye { leg: self.leg.id });
        self.finish(body, ctx);
    }

    /// What the agent did for the caller is over; their dialog is none of the call's any more.
    pub(super) fn finish(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Given {
        self.close(body, ctx);
        self.let_go(body, ctx)
    }

    /// The desk is the agent's own again, after what they have to write.
    pub(super) fn let_go(self, body: &Body, ctx: &mut Ctx<'_>) -> Given {
        self.leg.close(ctx);
        match (&self.given, self.agent) {
            (Given::ByQueue(_), Some(agent)) => ctx.effect(Effect::TalkEnded { agent }),
            (Given::ByPickUp(wait), Some(agent)) => {
                let queue = body.cursor.plan().queue(wait.queue());
                let wrap_up = queue.map_or(Duration::ZERO, |queue| queue.wrap_up);
                ctx.effect(Effect::WrapUp { agent, wrap_up });
            }
            (Given::ByDialling | Given::ByTransfer(_), Some(agent)) => ctx.effect(Effect::Release { agent }),
            (_, None) | (Given::Outside, _) => {}
        }
        self.given
    }

    /// A colleague has handed the caller on, whose queue asks first for who answers for a customer, and the agent hears us.
    pub(super) fn may_take_over(&self, body: &Body) -> bool {
        let asks = matches!(&self.given, Given::ByTransfer(Some(wait)) if wait.asks_contact());
        asks && self.agent.is_some() && !body.from.is_empty() && self.leg.is_connected() && !self.leg.holds()
    }

    /// The other party talks on in another call, which has their dialog and their desk.
    pub(super) fn give_away(mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        self.close(body, ctx);
        self.leg.close(ctx);
    }

    /// The two hear each other no more.
    pub(super) fn close(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        self.dismiss(body, ctx);
        body.timers.disarm(Timer::Code);
        body.journal.talk_ended(ctx.now);
        ctx.media(Command::Unbridge { leg: body.caller_id });
        self.stop_recording(body, ctx);
    }

    /// The line that had given the caller.
    pub(super) fn wait(&self) -> Option<&Wait> {
        match &self.given {
            Given::ByQueue(wait) | Given::ByPickUp(wait) | Given::ByTransfer(Some(wait)) => Some(wait),
            _ => None,
        }
    }

    pub(super) fn agent(&self) -> Option<AgentId> {
        self.agent
    }

    pub(super) fn leg(&self) -> &Leg {
        &self.leg
    }

    pub(super) fn leg_mut(&mut self) -> &mut Leg {
        &mut self.leg
    }

    pub(super) fn extension(&self) -> &str {
        &self.extension
    }

    pub(super) fn is_agent(&self, leg: LegId) -> bool {
        self.leg.id == leg
    }
}
