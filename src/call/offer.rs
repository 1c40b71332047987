//! The queue proposes the caller to an agent: a phone rings.

use bytes::Bytes;

use super::talk::{self, Given};
use super::wait::{self, Wait};
use super::{
    Body, Ctx, Effect, Event, InviteAgent, Leg, NoMedia, Stage, Timer, Towards, answer_reoffer, pick_up,
    whisper,
};
use crate::base::{AgentId, LegId, Masked, QueueId};
use crate::dialplan::WHISPER_MOST;
use crate::queue::{CallerId, OfferId, Refusal};
use crate::record::StageKind;

pub(super) struct Offer {
    /// The caller's place in line, which an offer that comes to nothing leaves as it is.
    wait: Wait,
    ringing: Ringing,
    offer: OfferId,
    phone: Phone,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phone {
    Rings,
    /// It has answered, and the agent hears who it is.
    Whispers,
    /// The core has been told that it answered.
    Taken,
}

/// An agent's phone that rings.
pub(super) struct Ringing {
    pub agent: AgentId,
    pub extension: String,
    pub leg: Leg,
}

impl Ringing {
    /// Opens a leg and invites. `None` when no RTP port is free.
    pub(super) fn start(
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        agent: AgentId,
        extension: String,
        towards: Towards,
        display: Masked<String>,
    ) -> Option<Ringing> {
        let mut leg = body.open_leg(ctx, towards)?;
        let sdp = leg.offer();
        ctx.effect(Effect::Invite(Box::new(InviteAgent {
            leg: leg.id,
            agent,
            about: about(&display, body),
            display,
            from: body.from.clone(),
            by: body.handed_by.clone(),
            sdp,
        })));
        Some(Ringing { agent, extension, leg })
    }

    /// Takes the answer's session description. `false`: it cannot be used and the leg has to go.
    pub(super) fn answered(&mut self, ctx: &mut Ctx<'_>, sdp: Option<Bytes>) -> bool {
        let agreed = match &sdp {
            Some(answer) => self.leg.agree(ctx, answer),
            None => Err(NoMedia::NoAnswer),
        };
        if let Err(why) = &agreed {
            tracing::warn!(leg = %self.leg.id, %why, "an agent's answer cannot be used");
        }
        agreed.is_ok()
    }

    /// Ends the leg: CANCEL or BYE, whichever its dialog needs.
    pub(super) fn give_up(self, ctx: &mut Ctx<'_>) {
        ctx.effect(Effect::Bye { leg: self.leg.id });
        self.leg.close(ctx);
    }

    pub(super) fn is(&self, leg: LegId) -> bool {
        self.leg.id == leg
    }
}

impl Offer {
    pub(super) fn ring(
        wait: Wait,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        offer: OfferId,
        agent: AgentId,
        extension: String,
        towards: Towards,
    ) -> Stage {
        let plan = body.cursor.plan().clone();
        let queue = plan.queue(wait.queue());
        let title = queue.and_then(|queue| queue.titles.get(plan.language())).map_or("", String::as_str);
        let display = display(title, body.cursor.grade(), &body.from);
        let Some(ringing) = Ringing::start(body, ctx, agent, extension, towards, display) else {
            tracing::error!("no RTP port is free for an agent");
            ctx.effect(Effect::RefuseOffer { offer, why: Refusal::Unreachable });
            return Stage::Wait(wait);
        };
        body.stage(ctx, StageKind::Offer, ringing.extension.clone());
        body.journal.offered();
        if let Some(queue) = queue {
            body.timers.arm(Timer::Ring, ctx.now.mono + queue.ring);
        }
        Stage::Offer(Offer { wait, ringing, offer, phone: Phone::Rings })
    }

    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::Answered { leg, sdp } if self.ringing.is(leg) => {
                body.timers.disarm(Timer::Ring);
                if !self.ringing.answered(ctx, sdp) {
                    return self.refused(body, ctx, Refusal::Unreachable);
                }
                self.whisper(body, ctx)
            }
            Event::Played { leg, play } if self.ringing.is(leg) => {
                match self.ringing.leg.finished(play) && self.phone == Phone::Whispers {
                    true => self.take(body, ctx),
                    false => Stage::Offer(self),
                }
            }
            Event::Reoffer { leg, sdp } if self.ringing.is(leg) => {
                answer_reoffer(ctx, &mut self.ringing.leg, sdp);
                Stage::Offer(self)
            }
            Event::Connected { offer } if offer == self.offer => {
                wait::stop_announcing(body);
                let record = body.cursor.plan().queue(self.wait.queue()).is_some_and(|queue| queue.record);
                let Ringing { agent, extension, leg } = self.ringing;
                body.journal.served_by(ctx.now, &extension);
                talk::begin(
                    body,
                    ctx,
                    Given::ByQueue(Box::new(self.wait)),
                    Some(agent),
                    extension,
                    leg,
                    record,
                )
            }
            Event::Rejected { leg, status } if self.ringing.is(leg) => {
                self.refused(body, ctx, refusal(status))
            }
            Event::Ended { leg, .. } if self.ringing.is(leg) => self.refused(body, ctx, Refusal::Unreachable),
            Event::OpenFailed { leg, reason } if self.ringing.is(leg) => {
                tracing::error!(%leg, reason, "media could not be opened");
                self.refused(body, ctx, Refusal::Unreachable)
            }
            // The agent went away, or the core gave the caller another way: the phone stops ringing.
            Event::OfferWithdrawn { offer } if offer == self.offer => self.back_in_line(body, ctx),
            event => {
                let Offer { wait, ringing, offer, phone } = self;
                match wait.waiting(body, ctx, event) {
                    Err(wait) => Stage::Offer(Offer { wait, ringing, offer, phone }),
                    Ok(stage) => {
                        rings_no_more(body);
                        ringing.give_up(ctx);
                        stage
                    }
                }
            }
        }
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match timer {
            Timer::Ring => self.refused(body, ctx, Refusal::RingTimeout),
            Timer::Whisper => self.take(body, ctx),
            timer => {
                self.wait.put_off(body, ctx, timer);
                Stage::Offer(self)
            }
        }
    }

    /// Tells the agent who it is, if there is something to tell.
    fn whisper(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let plan = body.cursor.plan().clone();
        let queue = plan.queue(self.wait.queue());
        let said =
            queue.map_or(Vec::new(), |queue| whisper::clips(body, ctx.now.mono, queue, self.wait.arrived()));
        if said.is_empty() {
            return self.take(body, ctx);
        }
        self.phone = Phone::Whispers;
        self.ringing.leg.play(ctx, said, false);
        body.timers.arm(Timer::Whisper, ctx.now.mono + WHISPER_MOST);
        Stage::Offer(self)
    }

    /// The agent takes the caller: the core says whether they are joined.
    fn take(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        body.timers.disarm(Timer::Whisper);
        self.ringing.leg.stop(ctx);
        self.phone = Phone::Taken;
        ctx.effect(Effect::AcceptOffer { offer: self.offer });
        Stage::Offer(self)
    }

    fn refused(self, body: &mut Body, ctx: &mut Ctx<'_>, why: Refusal) -> Stage {
        tracing::info!(agent = self.ringing.extension, ?why, "offer came to nothing");
        ctx.effect(Effect::RefuseOffer { offer: self.offer, why });
        self.back_in_line(body, ctx)
    }

    fn back_in_line(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        rings_no_more(body);
        self.ringing.give_up(ctx);
        let queue = body.cursor.plan().queue(self.wait.queue()).map(|queue| queue.name.clone());
        body.stage(ctx, StageKind::Wait, queue.unwrap_or_default());
        self.wait.resume(body, ctx)
    }

    /// A colleague takes the caller: this phone stops ringing, and the line is left.
    pub(super) fn taken_by_another(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Wait {
        rings_no_more(body);
        self.ringing.give_up(ctx);
        pick_up::leave_line(&self.wait, body, ctx);
        self.wait
    }

    /// The phone rings, and its agent has done nothing yet.
    pub(super) fn rings(&self) -> bool {
        self.phone == Phone::Rings
    }

    /// The caller has gone.
    pub(super) fn abandon(self, ctx: &mut Ctx<'_>) -> Wait {
        self.ringing.give_up(ctx);
        self.wait
    }

    pub(super) fn has_keys(&self) -> bool {
        self.wait.has_keys()
    }

    pub(super) fn caller(&self) -> Option<CallerId> {
        self.wait.caller()
    }

    pub(super) fn queue(&self) -> QueueId {
        self.wait.queue()
    }

    pub(super) fn id(&self) -> OfferId {
        self.offer
    }

    pub(super) fn agent(&self) -> AgentId {
        self.ringing.agent
    }

    pub(super) fn leg(&self) -> &Leg {
        &self.ringing.leg
    }
}

fn rings_no_more(body: &mut Body) {
    body.timers.disarm(Timer::Ring);
    body.timers.disarm(Timer::Whisper);
}

/// How an agent's final response counts: 486 and 600 are "on another call", 480 and 487 the phone's own no-answer, what the
/// network says (404, 408, 503 …) that it could not be reached, all else a rejection.
fn refusal(status: u16) -> Refusal {
    match status {
        486 | 600 => Refusal::Busy,
        480 | 487 => Refusal::RingTimeout,
        404 | 408 | 410 | 488 | 500..=599 => Refusal::Unreachable,
        _ => Refusal::Rejected,
    }
}

/// What a screen shows as the subject: the same, and the keys that the caller has pressed so far.
fn about(display: &Masked<String>, body: &Body) -> Masked<String> {
    let keys = body.cursor.keys_pressed();
    let keys = Some(keys.expose()).filter(|keys| !keys.is_empty()).map(|keys| format!("[{keys}]"));
    let case = body.case.as_ref().map(|case| format!("#{}", case.number()));
    let notes = body.journal.notes().iter().map(|note| note.text.expose().clone());
    let parts = [Some(display.expose().clone()), keys, case].into_iter().chain(notes.map(Some));
    Masked::new(parts.flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
}

/// What a desk phone shows: the service, the caller's grade, the caller.
pub(super) fn display(title: &str, grade: Option<&str>, from: &Masked<String>) -> Masked<String> {
    let from = from.expose();
    Masked::new(
        [title, grade.unwrap_or(""), from]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" "),
    )
}
