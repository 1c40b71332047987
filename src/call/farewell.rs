//! The last moments with the caller: a closing phrase before we hang up, and time for the caller to hang up first.
//!
//! ```text
//!   the flow's closing phrase was heard --> listening: the bank wants the caller to hang up first --> BYE, over
//!   ended by order, or the drain's limit --> saying goodbye ----------------------------------------> BYE, over
//! ```

use std::time::Duration;

use super::hang_up::{self, closing};
use super::message::Pending;
use super::{Body, Ctx, Effect, Event, Stage, Timer};
use crate::record::{CallEnd, StageKind};

/// What whoever is hung up on by order hears.
const GOODBYE: &str = "goodbye/thanks";
/// Longer than any such phrase.
const LONGEST_PHRASE: Duration = Duration::from_secs(10);

pub(super) struct Farewell {
    end: CallEnd,
    says: bool,
    /// What the caller had left by then is still made safe.
    pending: Option<Pending>,
}

/// The flow's closing phrase was heard. A desk's own call ends at once: its agent needs no manners.
pub(super) fn said(body: &mut Body, ctx: &mut Ctx<'_>, end: CallEnd) -> Stage {
    let wait = ctx.settings.caller_hangs_up_within;
    if wait.is_zero() || body.desk.is_some() || !body.is_heard() {
        return hang_up::goodbye(body, ctx, end);
    }
    body.timers.arm(Timer::Farewell, ctx.now.mono + wait);
    Stage::Farewell(Farewell { end, says: false, pending: None })
}

/// The call is to end now, wherever it is: everybody else is let go, and the caller hears a closing phrase.
pub(super) fn dismiss(stage: Stage, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
    let phrase = body.prompts(&[GOODBYE]);
    let unheard = !body.is_heard() || body.desk.is_some() || phrase.is_empty();
    if unheard
        || matches!(
            stage,
            Stage::CallBack(_)
                | Stage::CallOut(_)
                | Stage::Following(_)
                | Stage::Closing(_)
                | Stage::Farewell(_)
        )
    {
        ctx.effect(Effect::Bye { leg: body.caller_id });
        return hang_up::caller_gone(stage, body, ctx, CallEnd::Shutdown);
    }
    body.timers.clear();
    let pending = hang_up::let_go(stage, body, ctx);
    if let Some(pending) = &pending {
        pending.stop(ctx);
    }
    body.stage(ctx, StageKind::Listen, "ended by order");
    body.play(ctx, phrase, false);
    body.timers.arm(Timer::Farewell, ctx.now.mono + LONGEST_PHRASE);
    Stage::Farewell(Farewell { end: CallEnd::Shutdown, says: true, pending })
}

impl Farewell {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::Played { leg, play } if leg == body.caller_id && body.finished(play) && self.says => {
                self.over(body, ctx)
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                Stage::Farewell(self)
            }
            event => {
                if self.pending.as_mut().is_some_and(|pending| pending.handle(body, ctx, event)) {
                    self.pending = None;
                }
                Stage::Farewell(self)
            }
        }
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match timer {
            Timer::Farewell => self.over(body, ctx),
            _ => Stage::Farewell(self),
        }
    }

    fn over(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        ctx.effect(Effect::Bye { leg: body.caller_id });
        self.caller_gone(body, ctx, None)
    }

    /// The caller has hung up, or we have; `end`: why, where it is not what was about to happen anyway.
    pub(super) fn caller_gone(self, body: &mut Body, ctx: &mut Ctx<'_>, end: Option<CallEnd>) -> Stage {
        closing(self.pending, body, ctx, end.unwrap_or(self.end))
    }
}
