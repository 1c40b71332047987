//! One party has put the other on hold: a phrase and music instead of silence, and a word now and then.

use super::talk::Talk;
use super::{Body, Ctx, Event, HOLD_MUSIC, Leg, Stage, Timer};
use crate::base::{AgentId, Clip};
use crate::record::StageKind;

pub(super) struct Hold {
    talk: Talk,
    held: Party,
}

/// Who is on hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Party {
    Caller,
    Agent,
}

impl Hold {
    /// One of the two legs has said that it does not want to hear the other (RFC 3264 §8.4).
    pub(super) fn begin(talk: Talk, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let held = if talk.leg().holds() { Party::Caller } else { Party::Agent };
        body.stage(
            ctx,
            StageKind::Hold,
            format!("{} on hold", if held == Party::Caller { "caller" } else { "agent" }),
        );
        let mut hold = Hold { talk, held };
        let phrase = body.prompts(&["hold/on-hold"]);
        hold.console(body, ctx, phrase);
        Stage::Hold(hold)
    }

    pub(super) fn handle(self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        let held = self.held;
        match self.talk.conversation(body, ctx, event) {
            // A transfer remembers the caller by a word of its own.
            Ok(stage @ Stage::Transfer(_)) => stage,
            Ok(stage) => {
                body.timers.disarm(Timer::StillHolding);
                stage
            }
            Err(talk)
                if talk.leg().holds() == (held == Party::Caller)
                    && (talk.leg().holds() || body.caller_holds()) =>
            {
                Stage::Hold(Hold { talk, held })
            }
            Err(mut talk) => {
                body.timers.disarm(Timer::StillHolding);
                body.stop_playing(ctx);
                talk.leg_mut().stop(ctx);
                if talk.leg().holds() || body.caller_holds() {
                    return Hold::begin(talk, body, ctx);
                }
                body.stage(ctx, StageKind::Talk, talk.extension().to_owned());
                Stage::Talk(talk)
            }
        }
    }

    pub(super) fn timed_out(mut self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        if timer == Timer::RecordingBeep {
            self.talk.recording_beep(body, ctx, false);
            return Stage::Hold(self);
        }
        if timer != Timer::StillHolding {
            let held = self.held;
            return match self.talk.deadline(body, ctx, timer) {
                Ok(stage) => stage,
                Err(talk) => Stage::Hold(Hold { talk, held }),
            };
        }
        let phrase = body.prompts(&["hold/still-holding"]);
        self.console(body, ctx, phrase);
        Stage::Hold(self)
    }

    /// `phrase` over the music, to whoever is held.
    fn console(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, phrase: Vec<Clip>) {
        body.timers.arm(Timer::StillHolding, ctx.now.mono + ctx.settings.still_holding_every);
        let music = body.prompts(&[HOLD_MUSIC]);
        let held = match self.held {
            Party::Caller => body.caller.as_mut(),
            Party::Agent => Some(self.talk.leg_mut()),
        };
        if let Some(held) = held {
            if !held.is_playing() {
                held.play(ctx, music, true);
            }
            held.play_over(ctx, phrase);
        }
    }

    /// The talk goes elsewhere; nobody is held any more.
    pub(super) fn into_talk(self, body: &mut Body) -> Talk {
        body.timers.disarm(Timer::StillHolding);
        self.talk
    }

    pub(super) fn talk(&self) -> &Talk {
        &self.talk
    }

    pub(super) fn talk_mut(&mut self) -> &mut Talk {
        &mut self.talk
    }

    pub(super) fn extension(&self) -> &str {
        self.talk.extension()
    }

    /// The caller has gone.
    pub(super) fn abandon(self, body: &mut Body, ctx: &mut Ctx<'_>) {
        self.talk.abandon(body, ctx);
    }

    pub(super) fn agent(&self) -> Option<AgentId> {
        self.talk.agent()
    }

    pub(super) fn leg(&self) -> &Leg {
        self.talk.leg()
    }
}
