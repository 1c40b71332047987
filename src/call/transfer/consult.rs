//! The agent and the target speak while the caller waits; or all three do.

use super::super::hold::Reminder;
use super::super::{Body, Ctx, Stage};
use super::target::Target;
use super::{By, Transfer, music};
use crate::media::Command;
use crate::record::StageKind;

/// Whom the agent talks with once the target is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Talks {
    Target,
    Caller,
    All,
}

impl Talks {
    /// It is the caller who hears music.
    pub fn holds_caller(self, answered: bool) -> bool {
        !answered || self == Talks::Target
    }
}

impl Transfer {
    /// The caller hears music from now on; the agent hears nobody yet.
    pub(super) fn set_caller_aside(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        if let By::Here(talk) = &mut self.by {
            talk.set_recording_aside(ctx, true);
        }
        ctx.media(Command::Unbridge { leg: body.caller_id });
        let clips = music(body);
        body.play(ctx, clips, true);
        self.remember(body, ctx);
    }

    pub(super) fn talk_to_target(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        self.talks = Talks::Target;
        self.rearrange(body, ctx, "consults");
    }

    /// The agent's keys: swap, three, back.
    pub(super) fn keyed(mut self, body: &mut Body, ctx: &mut Ctx<'_>, key: char) -> Stage {
        let By::Here(talk) = &mut self.by else { return Stage::Transfer(self) };
        let keys = &ctx.settings.transfer_keys;
        let told = talk.codes.told(key, &[&keys.back, &keys.swap, &keys.three]);
        match told {
            Some(0) => self.come_back(body, ctx, &[]),
            Some(1) if self.target.has_answered() && self.screened.is_none() => {
                self.talks = if self.talks == Talks::Target { Talks::Caller } else { Talks::Target };
                let whom = if self.talks == Talks::Target { "consults" } else { "swaps to the caller" };
                self.rearrange(body, ctx, whom);
                Stage::Transfer(self)
            }
            Some(2) if self.target.has_answered() && self.screened.is_none() => {
                self.talks = Talks::All;
                self.rearrange(body, ctx, "all three talk");
                Stage::Transfer(self)
            }
            _ => Stage::Transfer(self),
        }
    }

    /// Who hears whom, as it is to be now. Only where the target is there and the agent, too.
    fn rearrange(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, what: &str) {
        let (By::Here(talk), Target::Talking(party)) = (&mut self.by, &mut self.target) else { return };
        let (caller, agent, target) = (body.caller_id, talk.leg.id, party.leg.id);
        let detail = format!("{} {what}, with {}", talk.extension(), party.extension);
        talk.leg_mut().stop(ctx);
        talk.set_recording_aside(ctx, self.talks == Talks::Target);
        for leg in [caller, agent, target] {
            ctx.media(Command::Unbridge { leg });
        }
        match self.talks {
            Talks::Target => {
                party.leg.stop(ctx);
                ctx.media(Command::Bridge { a: agent, b: target });
                let clips = music(body);
                body.play(ctx, clips, true);
            }
            Talks::Caller => {
                body.stop_playing(ctx);
                ctx.media(Command::Bridge { a: caller, b: agent });
                party.leg.play(ctx, music(body), true);
            }
            Talks::All => {
                body.stop_playing(ctx);
                party.leg.stop(ctx);
                let all = [caller, agent, target];
                for leg in all {
                    let others = all.into_iter().filter(|other| *other != leg).collect();
                    ctx.media(Command::Hear { leg, others });
                }
            }
        }
        body.is_remembered();
        if self.talks != Talks::All {
            self.remember(body, ctx);
        }
        // Who speaks with the target may forget the caller; the target, a colleague, may call out.
        if self.talks == Talks::Target {
            self.reminder = Reminder::default();
            self.reminder.arm(body, ctx);
        }
        body.stage(ctx, StageKind::Transfer, detail);
    }
}
