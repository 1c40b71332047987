//! Whom the caller is handed to: asked for, rung, there.

use bytes::Bytes;

use super::super::offer::{Ringing, display};
use super::super::{Body, Ctx, Effect, InviteOutside, Leg, NoMedia, RING_BACK, Stage, Timer, Towards};
use super::{By, How, Transfer, Whom, music};
use crate::base::{AgentId, LegId, Masked};
use crate::dialplan::DialEnd;
use crate::record::StageKind;

/// The other party, on the way or there.
pub(super) struct Party {
    /// `None` for somebody outside.
    pub agent: Option<AgentId>,
    pub extension: String,
    pub leg: Leg,
}

pub(super) enum Target {
    /// The exchange has not said yet whether they can be rung. The number, where they are outside.
    Asked(Option<Masked<String>>),
    Ringing(Party),
    Talking(Party),
    /// Given up.
    None,
}

impl Target {
    pub fn is_asked(&self) -> bool {
        matches!(self, Target::Asked(_))
    }

    pub fn has_answered(&self) -> bool {
        matches!(self, Target::Talking(_))
    }

    fn party(&self) -> Option<&Party> {
        match self {
            Target::Ringing(party) | Target::Talking(party) => Some(party),
            Target::Asked(_) | Target::None => None,
        }
    }

    pub fn into_party(self) -> Option<Party> {
        match self {
            Target::Ringing(party) | Target::Talking(party) => Some(party),
            Target::Asked(_) | Target::None => None,
        }
    }

    pub fn leg(&self) -> Option<&Leg> {
        self.party().map(|party| &party.leg)
    }

    pub fn leg_mut(&mut self) -> Option<&mut Leg> {
        match self {
            Target::Ringing(party) | Target::Talking(party) => Some(&mut party.leg),
            Target::Asked(_) | Target::None => None,
        }
    }

    pub fn extension(&self) -> Option<&str> {
        self.party().map(|party| party.extension.as_str())
    }

    pub fn agent(&self) -> Option<AgentId> {
        self.party().and_then(|party| party.agent)
    }

    pub fn is(&self, leg: LegId) -> bool {
        self.party().is_some_and(|party| party.leg.id == leg)
    }

    pub fn rings(&self, leg: LegId) -> bool {
        matches!(self, Target::Ringing(party) if party.leg.id == leg)
    }

    /// `false`: there is no audio in common.
    pub fn answered(&mut self, ctx: &mut Ctx<'_>, sdp: Option<Bytes>) -> bool {
        let Some(leg) = self.leg_mut() else { return false };
        let agreed = match &sdp {
            Some(answer) => leg.agree(ctx, answer),
            None if leg.is_connected() => Ok(()),
            None => Err(NoMedia::NoAnswer),
        };
        if let Err(why) = &agreed {
            tracing::warn!(leg = %leg.id, %why, "an answer cannot be used");
        }
        let done = agreed.is_ok();
        *self = match std::mem::replace(self, Target::None) {
            Target::Ringing(party) if done => Target::Talking(party),
            other => other,
        };
        done
    }

    /// Ends what there is of them: CANCEL or BYE, whichever their dialog needs.
    pub fn give_up(&mut self, ctx: &mut Ctx<'_>) {
        let Some(Party { agent, leg, .. }) = std::mem::replace(self, Target::None).into_party() else {
            return;
        };
        if let Some(agent) = agent {
            ctx.effect(Effect::Release { agent });
        }
        ctx.effect(Effect::Bye { leg: leg.id });
        leg.close(ctx);
    }
}

impl Transfer {
    /// Asks the exchange for the target's phone.
    pub(super) fn ask(&mut self, ctx: &mut Ctx<'_>, whom: Whom) {
        self.target = match whom {
            Whom::Person { extension } => {
                self.tried.push(extension.clone());
                ctx.effect(Effect::Seize { extension, delegate: false });
                Target::Asked(None)
            }
            Whom::Outside { number } => {
                ctx.effect(Effect::ReachOutside { number: number.clone(), trunk: None });
                Target::Asked(Some(number))
            }
        };
    }

    pub(super) fn ring(
        self,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        agent: AgentId,
        extension: String,
        towards: Towards,
    ) -> Stage {
        // The target sees who hands the caller over, the grade, and the caller.
        let display = display(self.slot().unwrap_or(self.owner()), body.cursor.grade(), &body.from);
        let Some(Ringing { agent, extension, leg }) =
            Ringing::start(body, ctx, agent, extension, towards, display)
        else {
            tracing::error!("no RTP port is free for the target of a transfer");
            ctx.effect(Effect::Release { agent });
            return self.missed(body, ctx, DialEnd::Unreachable);
        };
        body.stage(
            ctx,
            StageKind::Transfer,
            format!("{} by {}: rings {extension}", self.how.name(), self.owner()),
        );
        self.rings_now(body, ctx, Party { agent: Some(agent), extension, leg })
    }

    pub(super) fn ring_outside(
        mut self,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        trunk: String,
        towards: Towards,
    ) -> Stage {
        let number = match &mut self.target {
            Target::Asked(number) => number.take(),
            _ => None,
        };
        let Some((number, mut leg)) = number.and_then(|number| Some((number, body.open_leg(ctx, towards)?)))
        else {
            tracing::error!("no RTP port is free for the target of a transfer");
            return self.missed(body, ctx, DialEnd::Unreachable);
        };
        let sdp = leg.offer();
        body.stage(
            ctx,
            StageKind::Transfer,
            format!("{} by {}: outside by {trunk}", self.how.name(), self.owner()),
        );
        body.journal.calls_outside(number.clone());
        body.journal.outside_by(&trunk);
        ctx.effect(Effect::InviteOutside(Box::new(InviteOutside { leg: leg.id, trunk, number, sdp })));
        self.rings_now(body, ctx, Party { agent: None, extension: "outside".to_owned(), leg })
    }

    fn rings_now(mut self, body: &mut Body, ctx: &mut Ctx<'_>, party: Party) -> Stage {
        body.timers.arm(Timer::Ring, ctx.now.mono + ctx.settings.transfer_ring);
        self.target = Target::Ringing(party);
        if let By::Here(talk) = &mut self.by
            && self.how == How::Attended
        {
            let mut tone = body.prompts(&[RING_BACK]);
            if tone.is_empty() {
                tone = music(body);
            }
            talk.leg_mut().play(ctx, tone, true);
        }
        if let By::Here(talk) = &self.by
            && self.reported
        {
            ctx.effect(Effect::Referred { leg: talk.leg.id, status: 180 });
        }
        Stage::Transfer(self)
    }
}

/// What a final response says of the person.
pub(super) fn verdict(status: u16) -> DialEnd {
    match status {
        486 | 600 | 603 => DialEnd::Busy,
        408 | 480 | 487 => DialEnd::NoAnswer,
        _ => DialEnd::Unreachable,
    }
}
