//! What every stage of a call shares, and what any of them may do with it.

use bytes::Bytes;

use super::call_back::Owed;
use super::complaint::Case;
use super::follow_up::Asks;
use super::keys::Keys;
use super::listen::Listen;
use super::survey::Talked;
use super::timer::Timers;
use super::{Ctx, Effect, Journal, Leg, Place, Stage, Towards};
use crate::base::{AgentId, CallId, Clip, LegId, Masked, PlayId, SlipId};
use crate::dialplan::{self, Cursor, Speech};
use crate::record::StageKind;

/// What every stage shares.
pub(super) struct Body {
    pub(super) id: CallId,
    pub(super) caller_id: LegId,
    /// `None` once the caller's dialog is over: nothing is played, nobody is asked.
    pub(super) caller: Option<Leg>,
    pub(super) cursor: Cursor,
    pub(super) journal: Journal,
    pub(super) timers: Timers,
    pub(super) from: Masked<String>,
    pub(super) desk: Option<AgentId>,
    /// The number of the outside that a desk dialled, until it is called.
    pub(super) outside: Option<Masked<String>>,
    pub(super) keys: Keys,
    pub(super) next_leg: u16,
    /// Where the caller stood who has left the line: a callback, or the queue itself, takes the place up again.
    pub(super) place: Option<Place>,
    /// What this call is to bring about, where it is one of ours.
    pub(super) owed: Option<Owed>,
    /// The slip of who was asked urgently and wants a colleague to take the caller.
    pub(super) urgent: Option<SlipId>,
    /// The agent who handed the caller on last, by extension.
    pub(super) handed_by: Option<String>,
    /// The complaint that this call is about.
    pub(super) case: Option<Case>,
    /// The talk that was last, until it is rated.
    pub(super) talked: Option<Talked>,
    /// The complaint that this call of ours is about.
    pub(super) follow_up: Option<Asks>,
    pub(super) span: tracing::Span,
}

impl Body {
    /// A new party of this call.
    pub(super) fn open_leg(&mut self, ctx: &mut Ctx<'_>, towards: Towards) -> Option<Leg> {
        let id = LegId { call: self.id, index: self.next_leg };
        self.next_leg += 1;
        // The caller's codec first: a bridge of equal codecs forwards without decoding.
        let callers = self.caller.as_ref().and_then(Leg::codec);
        Leg::open(ctx, id, Towards { codecs: towards.codecs.led_by(callers), ..towards })
    }

    pub(super) fn play(&mut self, ctx: &mut Ctx<'_>, clips: Vec<Clip>, repeat: bool) {
        if let Some(caller) = &mut self.caller {
            caller.play(ctx, clips, repeat);
        }
    }

    pub(super) fn play_over(&self, ctx: &mut Ctx<'_>, clips: Vec<Clip>) {
        if let Some(caller) = &self.caller {
            caller.play_over(ctx, clips);
        }
    }

    pub(super) fn stop_playing(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(caller) = &mut self.caller {
            caller.stop(ctx);
        }
    }

    /// The caller has heard the end of what was asked for last.
    pub(super) fn finished(&mut self, play: PlayId) -> bool {
        self.caller.as_mut().is_some_and(|caller| caller.finished(play))
    }

    /// Offer and answer are through, so that the caller can hear us.
    pub(super) fn is_heard(&self) -> bool {
        self.caller.as_ref().is_some_and(Leg::is_connected)
    }

    pub(super) fn caller_holds(&self) -> bool {
        self.caller.as_ref().is_some_and(Leg::holds)
    }

    /// A prompt by name in the caller's language; what the catalogue lacks is left out, since the checker
    /// has already said so.
    pub(super) fn prompt(&self, name: &str) -> Option<Clip> {
        let catalog = self.cursor.plan().catalog();
        catalog.find(self.cursor.language(), name).map(Clip::Prompt)
    }

    /// A person of this call's plan, by what every plan knows them by.
    pub(super) fn extension(&self, person: AgentId) -> Option<String> {
        self.cursor.plan().agent(person).map(|agent| agent.extension.clone())
    }

    pub(super) fn prompts(&self, names: &[&str]) -> Vec<Clip> {
        names.iter().filter_map(|name| self.prompt(name)).collect()
    }

    /// Lines of a menu: what for, and which key.
    pub(super) fn lines(&self, lines: &[(char, &str)]) -> Vec<Clip> {
        let line = |(key, what): &(char, &str)| {
            let key = match key {
                '*' => "star".to_owned(),
                '#' => "pound".to_owned(),
                key => key.to_string(),
            };
            self.prompts(&[*what, &format!("menu/press-{key}")])
        };
        lines.iter().flat_map(line).collect()
    }

    /// Sentences in the caller's language.
    pub(super) fn speech(&self) -> Speech {
        self.cursor.plan().speech(self.cursor.language())
    }

    /// The caller re-negotiates while nobody else is on the line.
    pub(super) fn reoffer(&mut self, ctx: &mut Ctx<'_>, sdp: Option<Bytes>) {
        if let Some(caller) = &mut self.caller {
            answer_reoffer(ctx, caller, sdp);
        }
    }

    pub(super) fn late_answer(&mut self, ctx: &mut Ctx<'_>, sdp: &[u8]) {
        let agreed = self.caller.as_mut().map(|caller| caller.agree(ctx, sdp));
        if let Some(Err(why)) = agreed {
            tracing::warn!(%why, "an SDP answer of the caller cannot be used");
        }
    }

    pub(super) fn stage(&mut self, ctx: &Ctx<'_>, kind: StageKind, detail: impl Into<String>) {
        let detail = detail.into();
        tracing::info!(stage = kind.name(), detail, "stage");
        self.journal.stage(ctx.now, kind, detail);
    }

    /// By what the dialplan's step goes on.
    pub(super) fn took(&mut self, by: &str) {
        self.journal.took(by);
    }

    /// Takes the dialplan's next step.
    pub(super) fn go_on(&mut self, ctx: &mut Ctx<'_>, event: dialplan::Event) -> Stage {
        Listen::begin(self, ctx, event)
    }
}

/// Answers a re-negotiation of `leg`.
pub(super) fn answer_reoffer(ctx: &mut Ctx<'_>, leg: &mut Leg, sdp: Option<Bytes>) {
    let sdp = match sdp {
        Some(offer) => leg.answer(ctx, &offer).map_err(|why| {
            tracing::warn!(leg = %leg.id, %why, "re-negotiation refused");
            why.refusal()
        }),
        None => Ok(leg.offer()),
    };
    ctx.effect(Effect::AnswerReoffer { leg: leg.id, sdp });
}
