//! The caller asks for one person: that person's phone rings, past the queues.

use std::time::Duration;

use super::offer::{Ringing, display};
use super::talk::{self, Given};
use super::{Body, Ctx, Effect, Event, HOLD_MUSIC, Leg, Listen, Stage, Timer, Towards};
use crate::base::AgentId;
use crate::dialplan::{self, DialEnd};
use crate::record::StageKind;

pub(super) struct Dial {
    ring: Duration,
    /// `None` until the exchange has said whether the person can be rung at all.
    ringing: Option<Ringing>,
}

pub(super) fn enter(
    body: &mut Body,
    ctx: &mut Ctx<'_>,
    person: AgentId,
    delegate: bool,
    ring: Duration,
) -> Stage {
    match body.extension(person) {
        Some(extension) => {
            ctx.effect(Effect::Seize { extension, delegate });
            Stage::Dial(Dial { ring, ringing: None })
        }
        None => Listen::begin(body, ctx, dialplan::Event::DialEnded(DialEnd::Unreachable)),
    }
}

impl Dial {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::NotSeized { why } => self.ended(body, ctx, why),
            Event::Seized { agent, extension, towards } if self.ringing.is_none() => {
                self.ring(body, ctx, agent, extension, towards)
            }
            Event::Answered { leg, sdp } if self.rings(leg) => {
                body.timers.disarm(Timer::Ring);
                let Some(mut ringing) = self.ringing.take() else { return Stage::Dial(self) };
                if !ringing.answered(ctx, sdp) {
                    self.ringing = Some(ringing);
                    return self.failed(body, ctx, DialEnd::Unreachable);
                }
                let Ringing { agent, extension, leg } = ringing;
                talk::begin(body, ctx, Given::ByDialling, Some(agent), extension, leg, false)
            }
            Event::Rejected { leg, status } if self.rings(leg) => {
                let why = match status {
                    486 | 600 | 603 => DialEnd::Busy,
                    480 | 487 => DialEnd::NoAnswer,
                    _ => DialEnd::Unreachable,
                };
                self.failed(body, ctx, why)
            }
            Event::Ended { leg, .. } if self.rings(leg) => self.failed(body, ctx, DialEnd::Unreachable),
            Event::OpenFailed { leg, .. } if self.rings(leg) => self.failed(body, ctx, DialEnd::Unreachable),
            Event::Played { leg, play } if leg == body.caller_id && body.finished(play) => {
                self.ring_back(body, ctx);
                Stage::Dial(self)
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                Stage::Dial(self)
            }
            _ => Stage::Dial(self),
        }
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        self.failed(body, ctx, DialEnd::NoAnswer)
    }

    fn ring(
        mut self,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        agent: AgentId,
        extension: String,
        towards: Towards,
    ) -> Stage {
        let display = display("", body.cursor.grade(), &body.from);
        let Some(ringing) = Ringing::start(body, ctx, agent, extension, towards, display) else {
            tracing::error!("no RTP port is free for a person's phone");
            ctx.effect(Effect::Release { agent });
            return self.ended(body, ctx, DialEnd::Unreachable);
        };
        body.stage(ctx, StageKind::Offer, ringing.extension.clone());
        body.timers.arm(Timer::Ring, ctx.now.mono + self.ring);
        self.ringing = Some(ringing);
        self.ring_back(body, ctx);
        Stage::Dial(self)
    }

    /// Music while the phone rings: a caller is never met by silence.
    fn ring_back(&self, body: &mut Body, ctx: &mut Ctx<'_>) {
        let music = body.prompts(&[HOLD_MUSIC]);
        body.play(ctx, music, true);
    }

    fn failed(mut self, body: &mut Body, ctx: &mut Ctx<'_>, why: DialEnd) -> Stage {
        body.timers.disarm(Timer::Ring);
        if let Some(ringing) = self.ringing.take() {
            ctx.effect(Effect::Release { agent: ringing.agent });
            ringing.give_up(ctx);
        }
        self.ended(body, ctx, why)
    }

    fn ended(self, body: &mut Body, ctx: &mut Ctx<'_>, why: DialEnd) -> Stage {
        body.stop_playing(ctx);
        Listen::begin(body, ctx, dialplan::Event::DialEnded(why))
    }

    /// The caller has gone.
    pub(super) fn abandon(self, ctx: &mut Ctx<'_>) {
        if let Some(ringing) = self.ringing {
            ctx.effect(Effect::Release { agent: ringing.agent });
            ringing.give_up(ctx);
        }
    }

    fn rings(&self, leg: crate::base::LegId) -> bool {
        self.ringing.as_ref().is_some_and(|ringing| ringing.is(leg))
    }

    pub(super) fn agent(&self) -> Option<AgentId> {
        self.ringing.as_ref().map(|ringing| ringing.agent)
    }

    pub(super) fn leg(&self) -> Option<&Leg> {
        self.ringing.as_ref().map(|ringing| &ringing.leg)
    }
}
