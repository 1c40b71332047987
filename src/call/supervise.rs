//! A third party joins two who talk: a supervisor who listens, whispers to the agent, or barges in.
//!
//! ```text
//!   order --> the desk rings --> joined --+--> gone: the two go on as before
//!                 |                       +-- another order of the same desk: heard otherwise from now on
//!                 +-- no answer
//! ```
//!
//! Who hears whom is said to the media as three lists and nothing else; the two who talk are neither interrupted
//! nor told, unless the settings say so. The record says who was there, in which manner, from when to when.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::offer::Ringing;
use super::talk::Talk;
use super::{BEEP, Body, Call, Ctx, Effect, Event, Leg, Stage, Timer, Towards, answer_reoffer};
use crate::base::{AgentId, LegId, Masked};
use crate::media::Command;
use crate::record::StageKind;

/// How a supervisor takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// Hears both, is heard by nobody.
    #[default]
    Listen,
    /// Is heard by the agent only.
    Whisper,
    /// Is heard by both: a call of three.
    Barge,
}

/// Who hears a tone when a supervisor joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Announce {
    #[default]
    Nobody,
    Agent,
    Both,
}

/// Why nobody joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoGuest {
    /// Nobody talks there, so there is nothing to hear.
    NobodyTalks,
    /// Another supervisor is there already.
    Another,
    /// It is the desk that talks.
    Themselves,
}

/// The supervisor.
pub(super) struct Guest {
    ringing: Ringing,
    manner: Manner,
    joined: bool,
}

/// A supervisor who has ordered it sits at the phone.
const RING: Duration = Duration::from_secs(30);

impl Manner {
    pub const fn name(self) -> &'static str {
        match self {
            Manner::Listen => "listen",
            Manner::Whisper => "whisper",
            Manner::Barge => "barge",
        }
    }
}

impl std::fmt::Display for NoGuest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            NoGuest::NobodyTalks => "nobody talks in this call",
            NoGuest::Another => "a supervisor is in this call already",
            NoGuest::Themselves => "this desk talks in the call itself",
        })
    }
}

impl Call {
    /// Whether this desk may join now: `Ok(true)` where it is in already and only the manner can change.
    ///
    /// # Errors
    /// Why it may not.
    pub fn admits(&self, agent: AgentId) -> Result<bool, NoGuest> {
        let talk = match &self.stage {
            Stage::Talk(talk) => talk,
            Stage::Hold(hold) => hold.talk(),
            _ => return Err(NoGuest::NobodyTalks),
        };
        if talk.agent() == Some(agent) || self.body.desk == Some(agent) {
            return Err(NoGuest::Themselves);
        }
        match &talk.guest {
            None => Ok(false),
            Some(guest) if guest.ringing.agent == agent => Ok(true),
            Some(_) => Err(NoGuest::Another),
        }
    }

    /// Rings the desk, which is ours for this: the call gives it back when the supervisor is gone.
    pub fn supervise(
        &mut self,
        ctx: &mut Ctx<'_>,
        agent: AgentId,
        extension: String,
        towards: Towards,
        manner: Manner,
    ) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        if let Some((talk, body)) = self.talk_mut() {
            talk.ring_guest(body, ctx, agent, extension, towards, manner);
        }
    }

    /// The supervisor who is in already takes part in another manner.
    pub fn supervise_otherwise(&mut self, ctx: &mut Ctx<'_>, manner: Manner) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        if let Some((talk, body)) = self.talk_mut() {
            talk.change_manner(body, ctx, manner);
        }
    }

    fn talk_mut(&mut self) -> Option<(&mut Talk, &mut Body)> {
        match &mut self.stage {
            Stage::Talk(talk) => Some((talk, &mut self.body)),
            Stage::Hold(hold) => Some((hold.talk_mut(), &mut self.body)),
            _ => None,
        }
    }
}

impl Talk {
    fn ring_guest(
        &mut self,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        agent: AgentId,
        extension: String,
        towards: Towards,
        manner: Manner,
    ) {
        let display = Masked::new(format!("{} {}", manner.name(), self.extension()));
        let Some(ringing) = Ringing::start(body, ctx, agent, extension, towards, display) else {
            tracing::error!("no RTP port is free for a supervisor's phone");
            return ctx.effect(Effect::Release { agent });
        };
        body.timers.arm(Timer::GuestRing, ctx.now.mono + RING);
        self.guest = Some(Box::new(Guest { ringing, manner, joined: false }));
    }

    fn change_manner(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, manner: Manner) {
        let Some(guest) = &mut self.guest else { return };
        let changes = std::mem::replace(&mut guest.manner, manner) != manner;
        if guest.joined && changes {
            self.guest_joins(body, ctx);
        }
    }

    /// What concerns the supervisor's leg alone. The event comes back where it does not.
    pub(super) fn guest_event(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Option<Event> {
        let of_guest = |leg: LegId| self.guest.as_ref().is_some_and(|guest| guest.ringing.is(leg));
        match event {
            Event::Answered { leg, sdp } if of_guest(leg) => {
                body.timers.disarm(Timer::GuestRing);
                let agreed = self.guest.as_mut().is_some_and(|guest| guest.ringing.answered(ctx, sdp));
                if !agreed {
                    self.dismiss(body, ctx);
                    return None;
                }
                self.guest_joins(body, ctx);
                self.announce_guest(body, ctx);
            }
            Event::Rejected { leg, .. }
            | Event::Ended { leg, .. }
            | Event::OpenFailed { leg, .. }
            | Event::RtpTimeout { leg }
                if of_guest(leg) =>
            {
                self.dismiss(body, ctx);
            }
            Event::Reoffer { leg, sdp } if of_guest(leg) => {
                if let Some(guest) = &mut self.guest {
                    answer_reoffer(ctx, &mut guest.ringing.leg, sdp);
                }
            }
            Event::ReofferAnswered { leg, sdp } if of_guest(leg) => {
                if let Some(guest) = &mut self.guest
                    && let Err(refused) = guest.ringing.leg.agree(ctx, &sdp)
                {
                    tracing::warn!(%leg, %refused, "an SDP answer cannot be used");
                }
            }
            other => return Some(other),
        }
        None
    }

    pub(super) fn guest_rings_in_vain(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        if self.guest.as_ref().is_some_and(|guest| !guest.joined) {
            self.dismiss(body, ctx);
        }
    }

    /// From now on they hear each other as the manner says.
    fn guest_joins(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        let Some(guest) = &mut self.guest else { return };
        guest.joined = true;
        let (caller, agent, third) = (body.caller_id, self.leg.id, guest.ringing.leg.id);
        let (by_agent, by_caller) = match guest.manner {
            Manner::Listen => (vec![caller], vec![agent]),
            Manner::Whisper => (vec![caller, third], vec![agent]),
            Manner::Barge => (vec![caller, third], vec![agent, third]),
        };
        for (leg, others) in [(third, vec![caller, agent]), (agent, by_agent), (caller, by_caller)] {
            ctx.media(Command::Hear { leg, others });
        }
        // Whom the caller hears is in the recording.
        let heard = (guest.manner == Manner::Barge).then_some(third);
        if let Some(recording) = &self.recording {
            ctx.media(Command::RecordThird { recording: recording.id, third: heard });
        }
        let detail = format!("{} by {}", guest.manner.name(), guest.ringing.extension);
        body.stage(ctx, StageKind::Supervise, detail);
    }

    fn announce_guest(&self, body: &Body, ctx: &mut Ctx<'_>) {
        let announce = ctx.settings.announce_supervisor;
        if announce != Announce::Nobody {
            self.leg.play_over(ctx, body.prompts(&[BEEP]));
        }
        if announce == Announce::Both {
            body.play_over(ctx, body.prompts(&[BEEP]));
        }
    }

    /// The supervisor is gone, or never came; the two who talk hear each other as before.
    pub(super) fn dismiss(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        let Some(guest) = self.guest.take() else { return };
        body.timers.disarm(Timer::GuestRing);
        let detail = format!("{} is gone", guest.ringing.extension);
        if guest.joined {
            body.stage(ctx, StageKind::Supervise, detail);
        } else {
            tracing::info!(desk = guest.ringing.extension, "a supervisor did not answer");
        }
        ctx.effect(Effect::Release { agent: guest.ringing.agent });
        guest.ringing.give_up(ctx);
    }

    pub(super) fn guest_leg(&self) -> Option<&Leg> {
        self.guest.as_ref().map(|guest| &guest.ringing.leg)
    }
}
