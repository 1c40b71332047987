//! Who is handed a caller may want to know who it is, and to refuse, before they are joined: by key.
//!
//! The caller hears music meanwhile. Who has hung up, or keys nothing, has refused: the next target's turn.

use super::super::{Body, Ctx, Stage, Timer, whisper};
use super::target::Target;
use super::{By, DialEnd, How, Transfer};
use crate::base::{Clip, PlayId};
use std::time::Duration;

/// Said by the whisper: 1 accepts, 2 refuses.
const CHOICES: &str = "agent/accept-choices";
pub(in crate::call) const ACCEPT: char = '1';
pub(in crate::call) const REFUSE: char = '2';
/// For the key, after the phrase.
const KEY_WITHIN: Duration = Duration::from_secs(5);
/// So often they are asked.
const MOST_ASKED: u32 = 2;

impl Transfer {
    /// The target wants to be asked. Not who is rung again: they know whom they have handed on.
    pub(super) fn is_screened(&self, body: &Body) -> bool {
        let person = self.target.extension().and_then(|of| body.cursor.plan().agent_by_extension(of));
        // Who is joined with whom they have spoken with knows who it is.
        let spoken = self.how == How::Attended && self.joins;
        !spoken && !self.is_asked_back() && person.is_some_and(|person| person.screening)
    }

    pub(super) fn screen(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let asked = self.screened.unwrap_or(0) + 1;
        self.screened = Some(asked);
        let clips = self.who_it_is(body, ctx);
        if let Target::Talking(party) = &mut self.target {
            party.leg.want_keys(ctx, true);
            party.leg.play(ctx, clips, false);
        }
        // Should the phrase's end never be heard of.
        body.timers.arm(Timer::Screen, ctx.now.mono + Duration::from_secs(30));
        Stage::Transfer(self)
    }

    /// Who hands on, which service, which number, and what to press.
    fn who_it_is(&self, body: &Body, ctx: &Ctx<'_>) -> Vec<Clip> {
        let plan = body.cursor.plan();
        let speech = plan.speech(plan.language());
        let mut clips = speech.prompt("transfer/screen-before");
        clips.extend(speech.digits(self.owner()));
        let wait = match &self.by {
            By::Here(talk) => talk.wait(),
            By::Gone(departed) => departed.wait.as_deref(),
        };
        if let Some((wait, queue)) = wait.and_then(|wait| Some((wait, plan.queue(wait.queue())?))) {
            clips.extend(whisper::clips(body, ctx.now.mono, queue, wait.arrived()));
        }
        if body.from.is_empty() {
            clips.extend(speech.prompt("transfer/screen-withheld"));
        } else {
            clips.extend(speech.prompt("transfer/screen-caller"));
            clips.extend(speech.digits(body.from.expose()));
        }
        clips.extend(speech.prompt(CHOICES));
        clips
    }

    pub(super) fn screen_key(self, body: &mut Body, ctx: &mut Ctx<'_>, key: char) -> Stage {
        match key {
            ACCEPT => self.join(body, ctx),
            REFUSE => self.missed(body, ctx, DialEnd::Busy),
            _ => Stage::Transfer(self),
        }
    }

    pub(super) fn screen_told(mut self, body: &mut Body, ctx: &mut Ctx<'_>, play: PlayId) -> Stage {
        if self.target.leg_mut().is_some_and(|leg| leg.finished(play)) {
            body.timers.arm(Timer::Screen, ctx.now.mono + KEY_WITHIN);
        }
        Stage::Transfer(self)
    }

    pub(super) fn screen_in_vain(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        match self.screened {
            Some(asked) if asked < MOST_ASKED => self.screen(body, ctx),
            Some(_) => self.missed(body, ctx, DialEnd::NoAnswer),
            None => Stage::Transfer(self),
        }
    }

    pub(super) fn screen_over(&mut self, body: &mut Body) {
        body.timers.disarm(Timer::Screen);
        self.screened = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Language;
    use crate::dialplan::Manifest;

    /// What is said is what is done, in each language.
    #[test]
    fn the_keys_are_the_ones_that_are_spoken() {
        let texts = Manifest::parse(include_str!("../../../prompts/manifest.toml")).expect("the manifest");
        let spoken = |language: &str| {
            let (_, by_language) = texts.iter().find(|(name, _)| *name == CHOICES).expect("the prompt");
            by_language.get(&Language::new(language)).expect("a text").clone()
        };
        for (language, words) in [
            ("zh-CN", [("接听请按一", ACCEPT, '1'), ("拒接请按二", REFUSE, '2')]),
            ("en-US", [("answer, press one", ACCEPT, '1'), ("decline, press two", REFUSE, '2')]),
        ] {
            for (words, key, digit) in words {
                assert!(spoken(language).contains(words), "{language}: {}", spoken(language));
                assert_eq!(key, digit);
            }
        }
    }
}
