//! A talk is over that a colleague had handed on: who had it last is asked whether they answer for the customer from now on
//! (首问负责制). Without a key the matter stays whose it was.
//!
//! ```text
//!   the caller has gone --> whose is it? -- nobody's, or theirs already -------------------------> over
//!                             | a colleague's
//!                             v
//!                           asked: "1001 answers for this customer; to take it over, press 1"
//!                             |   \-- 1 --> theirs from now on, and said so ---------------------> over
//!                             +-- another key, no key, or the phone is hung up ------------------> over
//! ```
//!
//! The caller has hung up: nobody waits, and the record ends the talk with them. The agent's desk is theirs again when the
//! question is over.

use std::time::Duration;

use super::talk::Talk;
use super::{Body, Ctx, Effect, Event, LegEnd, Stage, Timer, answer_reoffer, hang_up};
use crate::base::{AgentId, Clip};
use crate::record::{CallEnd, StageKind};

/// The key, and what is said before it.
const TAKE: (char, &str) = ('1', "matter/take-it");
/// For the key, after the phrase.
const KEY_WITHIN: Duration = Duration::from_secs(4);
/// Longer than any of the phrases: their end may never be heard of.
const LONGEST_PHRASE: Duration = Duration::from_secs(20);

/// The agent who is asked.
pub(super) struct Asking {
    talk: Box<Talk>,
    agent: AgentId,
    phase: Phase,
    /// How the caller's visit ended.
    end: CallEnd,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The exchange says whose it is.
    Looking,
    Asked,
    /// The last word.
    Leaving,
}

/// The caller has gone: the exchange is asked whose the matter is.
pub(super) fn ask(mut talk: Talk, body: &mut Body, ctx: &mut Ctx<'_>, end: CallEnd) -> Stage {
    let Some(agent) = talk.agent() else {
        talk.abandon(body, ctx);
        return hang_up::over(body, ctx, end);
    };
    talk.close(body, ctx);
    hang_up::close_caller(body, ctx);
    ctx.effect(Effect::AskMatter);
    Stage::Asking(Asking { talk: Box::new(talk), agent, phase: Phase::Looking, end })
}

impl Asking {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::MatterIs { owner } if self.phase == Phase::Looking => match owner {
                Some(owner) if owner != self.talk.extension() => self.ask(body, ctx, &owner),
                _ => self.over(body, ctx, true),
            },
            Event::Digit { leg, digit } if self.talk.is_agent(leg) && self.phase == Phase::Asked => {
                if digit.expose().key() == TAKE.0 {
                    self.takes(body, ctx)
                } else {
                    self.over(body, ctx, true)
                }
            }
            Event::Played { leg, play } if self.talk.is_agent(leg) => {
                match self.talk.leg_mut().finished(play).then_some(self.phase) {
                    Some(Phase::Asked) => {
                        body.timers.arm(Timer::Screen, ctx.now.mono + KEY_WITHIN);
                        Stage::Asking(self)
                    }
                    Some(Phase::Leaving) => self.over(body, ctx, true),
                    Some(Phase::Looking) | None => Stage::Asking(self),
                }
            }
            Event::Ended { leg, end } if self.talk.is_agent(leg) => {
                if end != LegEnd::HungUp {
                    tracing::warn!(agent = self.talk.extension(), ?end, "the agent's phone is gone");
                }
                self.over(body, ctx, false)
            }
            Event::OpenFailed { leg, .. } | Event::RtpTimeout { leg } if self.talk.is_agent(leg) => {
                self.over(body, ctx, true)
            }
            Event::Reoffer { leg, sdp } if self.talk.is_agent(leg) => {
                answer_reoffer(ctx, self.talk.leg_mut(), sdp);
                Stage::Asking(self)
            }
            _ => Stage::Asking(self),
        }
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match timer {
            Timer::Screen => self.over(body, ctx, true),
            _ => Stage::Asking(self),
        }
    }

    /// The house ends, or the call by order.
    pub(super) fn abandon(self, body: &mut Body, ctx: &mut Ctx<'_>) {
        body.timers.disarm(Timer::Screen);
        ctx.effect(Effect::Bye { leg: self.talk.leg().id });
        self.talk.let_go(body, ctx);
    }

    fn ask(mut self, body: &mut Body, ctx: &mut Ctx<'_>, owner: &str) -> Stage {
        // In the house's language: it is no customer who hears it.
        let plan = body.cursor.plan().clone();
        let speech = plan.speech(plan.language());
        let mut clips = speech.prompt("matter/is-with");
        clips.extend(speech.digits(owner));
        clips.extend(speech.prompt(TAKE.1));
        clips.extend(speech.prompt(&format!("menu/press-{}", TAKE.0)));
        self.talk.leg_mut().want_keys(ctx, true);
        self.say(body, ctx, clips, Phase::Asked)
    }

    fn takes(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        ctx.effect(Effect::TakeMatter { agent: self.agent });
        body.stage(ctx, StageKind::Talk, format!("{} takes the matter", self.talk.extension()));
        let plan = body.cursor.plan().clone();
        let yours = plan.speech(plan.language()).prompt("matter/yours");
        self.say(body, ctx, yours, Phase::Leaving)
    }

    fn say(mut self, body: &mut Body, ctx: &mut Ctx<'_>, clips: Vec<Clip>, phase: Phase) -> Stage {
        self.talk.leg_mut().play(ctx, clips, false);
        body.timers.arm(Timer::Screen, ctx.now.mono + LONGEST_PHRASE);
        self.phase = phase;
        Stage::Asking(self)
    }

    /// `there`: their dialog is still to be ended.
    fn over(self, body: &mut Body, ctx: &mut Ctx<'_>, there: bool) -> Stage {
        if there {
            ctx.effect(Effect::Bye { leg: self.talk.leg().id });
        }
        self.talk.let_go(body, ctx);
        hang_up::over(body, ctx, self.end)
    }

    pub(super) fn agent(&self) -> AgentId {
        self.agent
    }

    pub(super) fn talk(&self) -> &Talk {
        &self.talk
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Language;
    use crate::dialplan::Manifest;

    /// What is said is what is done, in each language.
    #[test]
    fn the_key_is_the_one_that_is_spoken() {
        let texts = Manifest::parse(include_str!("../../prompts/manifest.toml")).expect("the manifest");
        let line = |language: &str| {
            let of = |prompt: &str| texts.text(prompt, &Language::new(language));
            format!("{} {}", of(TAKE.1), of(&format!("menu/press-{}", TAKE.0)))
        };
        assert!(line("zh-CN").contains("负责") && line("zh-CN").contains("按一"), "{}", line("zh-CN"));
        assert!(line("en-US").contains("take") && line("en-US").contains("press one"), "{}", line("en-US"));
    }
}
