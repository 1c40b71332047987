//! Somebody outside is called: for an agent at their desk, or by a step that the administrator wrote.
//!
//! ```text
//!   enter -- ReachOutside --> a trunk? -- NotSeized --> the flow goes on
//!                                | OutsideReached
//!                                v
//!                    ringing: tone, or what the network says (early media)
//!                      | Answered          | Rejected, nobody answers
//!                      v                   v
//!                    talk               the flow goes on
//! ```

use std::time::Duration;

use bytes::Bytes;

use super::talk::{self, Given};
use super::{
    Body, CalledBack, Ctx, Effect, Event, HOLD_MUSIC, InviteOutside, Leg, Listen, NoMedia, RING_BACK, Stage,
    Timer, Towards,
};
use crate::base::{LegId, Masked};
use crate::dialplan::{self, DialEnd};
use crate::media::Command;
use crate::record::StageKind;

pub(super) struct Outside {
    number: Masked<String>,
    ring: Duration,
    /// `None` until the exchange has said which trunk carries the call.
    party: Option<Party>,
}

struct Party {
    leg: Leg,
    /// What the network says is heard instead of our tone.
    early: bool,
}

/// `number` is the dialplan's; without it, the one that the desk dialled. A caller who is no desk has none.
pub(super) fn enter(
    body: &mut Body,
    ctx: &mut Ctx<'_>,
    number: Option<Masked<String>>,
    trunk: Option<String>,
    ring: Duration,
) -> Stage {
    let Some(number) = number.or_else(|| body.outside.take()) else {
        return Listen::begin(body, ctx, dialplan::Event::DialEnded(DialEnd::Unreachable));
    };
    body.journal.calls_outside(number.clone());
    ctx.effect(Effect::ReachOutside { number: number.clone(), trunk });
    Stage::Outside(Outside { number, ring, party: None })
}

impl Outside {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::NotSeized { why } if self.party.is_none() => {
                body.try_comes_to(CalledBack::NotReached("no trunk"));
                self.ended(body, ctx, why)
            }
            Event::OutsideReached { trunk, towards } if self.party.is_none() => {
                self.invite(body, ctx, trunk, towards)
            }
            Event::EarlyMedia { leg, sdp } if self.rings(leg) => {
                self.hear(body, ctx, &sdp);
                Stage::Outside(self)
            }
            Event::Answered { leg, sdp } if self.rings(leg) => self.answered(body, ctx, sdp),
            Event::Rejected { leg, status } if self.rings(leg) => {
                let why = match status {
                    486 | 600 => DialEnd::Busy,
                    408 | 480 | 487 | 603 => DialEnd::NoAnswer,
                    _ => DialEnd::Unreachable,
                };
                self.failed(body, ctx, why)
            }
            Event::Ended { leg, .. } | Event::OpenFailed { leg, .. } if self.rings(leg) => {
                self.failed(body, ctx, DialEnd::Unreachable)
            }
            Event::Played { leg, play } if leg == body.caller_id && body.finished(play) => {
                if self.party.as_ref().is_some_and(|party| !party.early) {
                    ring_back(body, ctx);
                }
                Stage::Outside(self)
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                Stage::Outside(self)
            }
            _ => Stage::Outside(self),
        }
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        self.failed(body, ctx, DialEnd::NoAnswer)
    }

    fn invite(mut self, body: &mut Body, ctx: &mut Ctx<'_>, trunk: String, towards: Towards) -> Stage {
        let Some(mut leg) = body.open_leg(ctx, towards) else {
            tracing::error!("no RTP port is free for a call to the outside");
            body.try_comes_to(CalledBack::NotReached("no port"));
            return self.ended(body, ctx, DialEnd::Unreachable);
        };
        let sdp = leg.offer();
        body.stage(ctx, StageKind::Offer, format!("outside by {trunk}"));
        body.journal.outside_by(&trunk);
        body.timers.arm(Timer::Ring, ctx.now.mono + self.ring);
        let number = self.number.clone();
        ctx.effect(Effect::InviteOutside(Box::new(InviteOutside { leg: leg.id, trunk, number, sdp })));
        self.party = Some(Party { leg, early: false });
        ring_back(body, ctx);
        Stage::Outside(self)
    }

    /// Tones and announcements of the network, before anybody answers: "the number you have dialled …".
    fn hear(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, sdp: &[u8]) {
        let Some(party) = &mut self.party else { return };
        if let Err(why) = party.leg.agree(ctx, sdp) {
            tracing::warn!(leg = %party.leg.id, %why, "early media cannot be used");
            return;
        }
        if !std::mem::replace(&mut party.early, true) {
            body.stop_playing(ctx);
            ctx.media(Command::Bridge { a: body.caller_id, b: party.leg.id });
        }
    }

    fn answered(mut self, body: &mut Body, ctx: &mut Ctx<'_>, sdp: Option<Bytes>) -> Stage {
        let Some(mut party) = self.party.take() else { return Stage::Outside(self) };
        let agreed = match &sdp {
            Some(answer) => party.leg.agree(ctx, answer),
            // A reliable provisional response carried the answer already (RFC 3262 §5).
            None if party.early => Ok(()),
            None => Err(NoMedia::NoAnswer),
        };
        if let Err(why) = agreed {
            tracing::warn!(leg = %party.leg.id, %why, "an answer from outside cannot be used");
            self.party = Some(party);
            return self.failed(body, ctx, DialEnd::Unreachable);
        }
        body.timers.disarm(Timer::Ring);
        body.try_comes_to(CalledBack::Done);
        body.journal.outside_answered(ctx.now);
        // A bank has to be able to show what its people said; a caller whom a flow sends outside is the other side's.
        let record = body.desk.is_some() && ctx.settings.record_outside;
        talk::begin(body, ctx, Given::Outside, None, "outside".to_owned(), party.leg, record)
    }

    fn failed(mut self, body: &mut Body, ctx: &mut Ctx<'_>, why: DialEnd) -> Stage {
        body.timers.disarm(Timer::Ring);
        body.try_comes_to(CalledBack::NotReached(match why {
            DialEnd::Busy => "busy",
            DialEnd::NoAnswer => "no answer",
            _ => "not reached",
        }));
        if let Some(party) = self.party.take() {
            party.give_up(body, ctx);
        }
        self.ended(body, ctx, why)
    }

    fn ended(self, body: &mut Body, ctx: &mut Ctx<'_>, why: DialEnd) -> Stage {
        body.stop_playing(ctx);
        Listen::begin(body, ctx, dialplan::Event::DialEnded(why))
    }

    /// The caller, or the agent, has gone.
    pub(super) fn abandon(self, body: &mut Body, ctx: &mut Ctx<'_>) {
        if let Some(party) = self.party {
            party.give_up(body, ctx);
        }
    }

    fn rings(&self, leg: LegId) -> bool {
        self.party.as_ref().is_some_and(|party| party.leg.id == leg)
    }

    pub(super) fn leg(&self) -> Option<&Leg> {
        self.party.as_ref().map(|party| &party.leg)
    }
}

impl Party {
    fn give_up(self, body: &Body, ctx: &mut Ctx<'_>) {
        ctx.effect(Effect::Bye { leg: self.leg.id });
        if self.early {
            ctx.media(Command::Unbridge { leg: body.caller_id });
        }
        self.leg.close(ctx);
    }
}

/// Never silence: the tone that a telephone is known to ring by, music where the plan has no tone.
fn ring_back(body: &mut Body, ctx: &mut Ctx<'_>) {
    let mut tone = body.prompts(&[RING_BACK]);
    if tone.is_empty() {
        tone = body.prompts(&[HOLD_MUSIC]);
    }
    body.play(ctx, tone, true);
}
