//! The agent parks the caller in a slot, from which any desk takes them; whoever parked them is rung if nobody does.
//!
//! ```text
//!   asked --> no slot is free: the agent is told, and has the caller as before
//!     |
//!     +--> the agent is told the slot --> parked --- a desk dials the slot --> talk
//!            (by voice, and by a text)      |
//!                                           +--- recall: the phone of who parked them rings --> talk
//!                                                  +--- nobody: the head of the line, or the flow's way on
//! ```
//!
//! The slot stays the caller's until somebody has them or they have hung up: also while a phone rings for the recall.

use std::time::Duration;

use super::super::{Body, Ctx, Effect, Event, LegEnd, Stage, Timer};
use super::{By, Departed, Given, How, Leg, Talk, Transfer, Whom, answer_reoffer, back};
use crate::base::{AgentId, LegId};
use crate::dialplan::Parking;
use crate::media::Command;
use crate::record::StageKind;

/// Longer than the slot takes to be told.
const TOLD_WITHIN: Duration = Duration::from_secs(15);

pub(in crate::call) struct Parked {
    by: By,
    slot: Option<String>,
    recall: Duration,
    /// The agent's phone wants to know how it goes on.
    reported: bool,
}

/// The caller hears music; the exchange looks for a slot.
pub(super) fn begin(
    mut talk: Talk,
    body: &mut Body,
    ctx: &mut Ctx<'_>,
    parking: Parking,
    reported: bool,
) -> Stage {
    talk.dismiss(body, ctx);
    body.handed_by = Some(talk.extension().to_owned());
    talk.set_recording_aside(ctx, true);
    ctx.media(Command::Unbridge { leg: body.caller_id });
    let clips = super::music(body);
    body.play(ctx, clips, true);
    let phrase = body.prompts(&["queue/please-wait"]);
    body.play_over(ctx, phrase);
    let Parking { slots, recall } = parking;
    ctx.effect(Effect::Park { slots });
    Stage::Parked(Parked { by: By::Here(Box::new(talk)), slot: None, recall, reported })
}

impl Parked {
    pub(in crate::call) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::Parked { slot } if self.slot.is_none() => self.told(body, ctx, slot),
            Event::NotParked if self.slot.is_none() => self.nowhere(body, ctx),
            Event::Played { leg, play } if self.is_agents(leg) => {
                let told = self.agents_mut().is_some_and(|agents| agents.finished(play));
                if told { self.alone(body, ctx, None) } else { Stage::Parked(self) }
            }
            Event::Ended { leg, end } if self.is_agents(leg) => self.alone(body, ctx, Some(end)),
            Event::OpenFailed { leg, .. } | Event::RtpTimeout { leg } if self.is_agents(leg) => {
                self.alone(body, ctx, None)
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                Stage::Parked(self)
            }
            Event::Reoffer { leg, sdp } if self.is_agents(leg) => {
                if let Some(agents) = self.agents_mut() {
                    answer_reoffer(ctx, agents, sdp);
                }
                Stage::Parked(self)
            }
            Event::ReofferAnswered { leg, sdp } if leg == body.caller_id => {
                body.late_answer(ctx, &sdp);
                Stage::Parked(self)
            }
            event => {
                if let By::Here(talk) = &mut self.by {
                    talk.recording_event(body, ctx, &event);
                }
                Stage::Parked(self)
            }
        }
    }

    pub(in crate::call) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match timer {
            Timer::Park if matches!(self.by, By::Here(_)) => return self.alone(body, ctx, None),
            Timer::Park => return self.recall(body, ctx),
            Timer::RecordingBeep => {
                if let By::Here(talk) = &self.by {
                    talk.recording_beep(body, ctx, false);
                }
            }
            Timer::StillHolding => self.comfort(body, ctx),
            _ => {}
        }
        Stage::Parked(self)
    }

    /// The agent is told where; a phone that holds hears nothing, so they may read it as well.
    fn told(mut self, body: &mut Body, ctx: &mut Ctx<'_>, slot: String) -> Stage {
        let by = self.owner().to_owned();
        body.stage(ctx, StageKind::Hold, format!("parked at {slot} by {by}"));
        let plan = body.cursor.plan().clone();
        let speech = plan.speech(plan.language());
        let mut clips = speech.prompt("park/parked-at");
        clips.extend(speech.digits_twice(&slot));
        if let By::Here(talk) = &mut self.by {
            let agents = talk.leg_mut();
            agents.play(ctx, clips, false);
            if let Some(agent) = talk.agent() {
                let text =
                    if plan.language().0.starts_with("zh") { "来电停靠于" } else { "Call parked at" };
                ctx.effect(Effect::Text { agent, text: format!("{text} {slot}") });
            }
        }
        body.timers.arm(Timer::Park, ctx.now.mono + TOLD_WITHIN);
        self.slot = Some(slot);
        self.comfort(body, ctx);
        Stage::Parked(self)
    }

    fn nowhere(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let By::Here(talk) = self.by else { return Stage::Parked(self) };
        if self.reported {
            ctx.effect(Effect::Referred { leg: talk.leg.id, status: 486 });
        }
        back(*talk, body, ctx, &["park/none-free"])
    }

    /// The agent knows where, or has hung up before: the caller waits in the slot. `end`: how the agent's dialog ended.
    fn alone(self, body: &mut Body, ctx: &mut Ctx<'_>, end: Option<LegEnd>) -> Stage {
        Stage::Parked(self.without_agent(body, ctx, end))
    }

    fn without_agent(mut self, body: &mut Body, ctx: &mut Ctx<'_>, end: Option<LegEnd>) -> Parked {
        let By::Here(talk) = self.by else { return self };
        if end.is_none() {
            if self.reported {
                ctx.effect(Effect::Referred { leg: talk.leg.id, status: 200 });
            }
            ctx.effect(Effect::Bye { leg: talk.leg.id });
        }
        self.by = By::Gone(Departed::of(*talk, body, ctx));
        body.timers.arm(Timer::Park, ctx.now.mono + self.recall);
        self
    }

    /// Who parked the caller is gone, or has been told where, while a colleague fetches them.
    pub(in crate::call) fn fetched_meanwhile(
        mut self,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        event: Event,
    ) -> Parked {
        match event {
            Event::Ended { leg, end } if self.is_agents(leg) => self.without_agent(body, ctx, Some(end)),
            Event::OpenFailed { leg, .. } | Event::RtpTimeout { leg } if self.is_agents(leg) => {
                self.without_agent(body, ctx, None)
            }
            Event::Played { leg, play } if self.is_agents(leg) => {
                let told = self.agents_mut().is_some_and(|agents| agents.finished(play));
                if told { self.without_agent(body, ctx, None) } else { self }
            }
            Event::Reoffer { leg, sdp } if self.is_agents(leg) => {
                if let Some(agents) = self.agents_mut() {
                    answer_reoffer(ctx, agents, sdp);
                }
                self
            }
            event => {
                if let By::Here(talk) = &mut self.by {
                    talk.recording_event(body, ctx, &event);
                }
                self
            }
        }
    }

    /// The colleague did not come after all: the caller waits in the slot as before.
    pub(in crate::call) fn goes_on(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let left = if matches!(self.by, By::Here(_)) { TOLD_WITHIN } else { self.recall };
        body.timers.arm(Timer::Park, ctx.now.mono + left);
        self.comfort(body, ctx);
        Stage::Parked(self)
    }

    fn comfort(&self, body: &mut Body, ctx: &mut Ctx<'_>) {
        body.timers.arm(Timer::StillHolding, ctx.now.mono + ctx.settings.still_holding_every);
        let phrase = body.prompts(&["park/waiting"]);
        body.play_over(ctx, phrase);
    }

    /// Nobody has taken the caller: whoever parked them is rung, with the slot on the display.
    fn recall(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let By::Gone(mut departed) = self.by else { return Stage::Parked(self) };
        departed.asked_back = true;
        let extension = departed.extension.clone();
        body.stage(ctx, StageKind::Transfer, format!("recall: rings {extension}"));
        let mut transfer =
            Transfer { slot: self.slot, ..Transfer::by(By::Gone(departed), How::Blind, false) };
        transfer.remember(body, ctx);
        let phrase = body.prompts(&["transfer/sorry-please-wait"]);
        body.play_over(ctx, phrase);
        transfer.ask(ctx, Whom::Person { extension });
        Stage::Transfer(transfer)
    }

    /// A desk has dialled the slot: how the caller came, and whether the talk is recorded.
    pub(in crate::call) fn taken(self, body: &mut Body, ctx: &mut Ctx<'_>) -> (Given, bool) {
        body.timers.disarm(Timer::Park);
        body.is_remembered();
        let departed = match self.by {
            By::Here(talk) => {
                ctx.effect(Effect::Bye { leg: talk.leg.id });
                Departed::of(*talk, body, ctx)
            }
            By::Gone(departed) => departed,
        };
        (Given::ByTransfer(departed.wait), departed.recorded)
    }

    /// The caller has gone.
    pub(in crate::call) fn abandon(self, body: &mut Body, ctx: &mut Ctx<'_>) {
        if let By::Here(talk) = self.by {
            if self.reported {
                ctx.effect(Effect::Referred { leg: talk.leg.id, status: 487 });
            }
            talk.abandon(body, ctx);
        }
    }

    pub(in crate::call) fn slot(&self) -> Option<&str> {
        self.slot.as_deref()
    }

    pub(in crate::call) fn agent(&self) -> Option<AgentId> {
        match &self.by {
            By::Here(talk) => talk.agent(),
            By::Gone(_) => None,
        }
    }

    /// The agent's, while they are told where the caller is.
    pub(in crate::call) fn leg(&self) -> Option<&Leg> {
        match &self.by {
            By::Here(talk) => Some(talk.leg()),
            By::Gone(_) => None,
        }
    }

    fn agents_mut(&mut self) -> Option<&mut Leg> {
        match &mut self.by {
            By::Here(talk) => Some(talk.leg_mut()),
            By::Gone(_) => None,
        }
    }

    fn is_agents(&self, leg: LegId) -> bool {
        self.leg().is_some_and(|of| of.id == leg)
    }

    pub(in crate::call) fn owner(&self) -> &str {
        match &self.by {
            By::Here(talk) => talk.extension(),
            By::Gone(departed) => &departed.extension,
        }
    }
}
