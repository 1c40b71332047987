//! The caller rates the talk that is over, by a key; the agent is long free.
//!
//! ```text
//!   a talk long enough? -- no --------------------------------------------> flow
//!      | yes
//!   asked lately? (the store) -- yes -------------------------------------> flow
//!      | no
//!   1 to 5 -- nothing, twice ---------------------------------------------> flow
//!      | written down; a low one is in the supervisor's box
//!   solved? 1, 2 (where it is asked) -------------------------------------> thanks --> flow
//! ```
//!
//! Who hangs up has said what they have said; that is no error.

use std::time::Duration;

use super::{Body, Ctx, Effect, Event, Inquired, Inquiry, Listen, Stage, Timer};
use crate::base::Wall;
use crate::dialplan;
use crate::record::{About, Keeping, MessageSlip, Record, SlipState, StageKind, SurveyAnswer};

/// So often each question is asked.
const MOST_ASKED: u32 = 2;

// The words say which key is which: a test compares.
const SCALE: &str = "survey/scale-five";
const SOLVED: &str = "survey/resolved";
const YES: char = '1';
const NO: char = '2';

/// What the dialplan wants.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SurveyOrder {
    /// Who has talked for less is not asked.
    pub after_talk: Duration,
    /// Nobody is asked twice in this time; zero: always.
    pub once_in: Duration,
    /// Whether it is solved is asked, too.
    pub solved: bool,
    /// Marks up to this one are low.
    pub low: u8,
    /// The extension of who is told of a low one.
    pub low_to: Option<String>,
}

/// The talk that was last.
#[derive(Clone, Debug)]
pub(super) struct Talked {
    pub agent: String,
    pub queue: Option<String>,
    pub lasted: Duration,
}

pub(super) struct Survey {
    order: SurveyOrder,
    talked: Talked,
    phase: Phase,
    asked: u32,
}

enum Phase {
    /// The store is asked whether they were.
    Looking,
    Mark,
    Solved(Box<SurveyAnswer>),
    Thanks,
}

pub(super) fn enter(body: &mut Body, ctx: &mut Ctx<'_>, order: SurveyOrder) -> Stage {
    // Of one talk once, however often a flow comes by.
    let Some(talked) = body.talked.take().filter(|talked| talked.lasted >= order.after_talk) else {
        return ended(body, ctx);
    };
    let survey = Survey { order, talked, phase: Phase::Looking, asked: 0 };
    if body.from.is_empty() || survey.order.once_in.is_zero() {
        return survey.begin(body, ctx);
    }
    let back = i64::try_from(survey.order.once_in.as_micros()).unwrap_or(i64::MAX);
    let since = Wall::from_micros(ctx.now.wall.as_micros().saturating_sub(back));
    ctx.effect(Effect::Inquire(Inquiry::Surveyed { from: body.from.clone(), since }));
    body.timers.arm(Timer::Durable, ctx.now.mono + ctx.settings.durable_within);
    Stage::Survey(survey)
}

fn ended(body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
    body.timers.disarm(Timer::Confirm);
    body.timers.disarm(Timer::Durable);
    body.stop_playing(ctx);
    Listen::begin(body, ctx, dialplan::Event::SurveyEnded)
}

impl Survey {
    pub(super) fn handle(self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::Digit { leg, digit } if leg == body.caller_id => {
                return self.pressed(body, ctx, digit.expose().key());
            }
            Event::Played { leg, play } if leg == body.caller_id && body.finished(play) => {
                if matches!(self.phase, Phase::Thanks) {
                    return ended(body, ctx);
                }
                body.timers.arm(Timer::Confirm, ctx.now.mono + ctx.settings.confirm_within);
            }
            Event::Inquired(answer) if matches!(self.phase, Phase::Looking) => {
                body.timers.disarm(Timer::Durable);
                return match answer {
                    Inquired::Surveyed(false) => self.begin(body, ctx),
                    _ => ended(body, ctx),
                };
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => body.reoffer(ctx, sdp),
            _ => {}
        }
        Stage::Survey(self)
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match (timer, &self.phase) {
            (Timer::Durable, Phase::Looking) => ended(body, ctx),
            (Timer::Confirm, Phase::Mark | Phase::Solved(_)) => self.again(body, ctx, &[]),
            _ => Stage::Survey(self),
        }
    }

    fn begin(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        body.stage(ctx, StageKind::Survey, self.talked.agent.clone());
        self.phase = Phase::Mark;
        self.ask(body, ctx, &["survey/invite"])
    }

    fn ask(mut self, body: &mut Body, ctx: &mut Ctx<'_>, before: &[&str]) -> Stage {
        let question = match self.phase {
            Phase::Solved(_) => SOLVED,
            _ => SCALE,
        };
        let names: Vec<&str> = before.iter().copied().chain([question]).collect();
        self.asked += 1;
        self.say(body, ctx, &names)
    }

    /// Once more, but nobody is pressed.
    fn again(self, body: &mut Body, ctx: &mut Ctx<'_>, before: &[&str]) -> Stage {
        match self.phase {
            _ if self.asked < MOST_ASKED => self.ask(body, ctx, before),
            Phase::Solved(_) => self.thank(body, ctx),
            _ => ended(body, ctx),
        }
    }

    fn pressed(mut self, body: &mut Body, ctx: &mut Ctx<'_>, key: char) -> Stage {
        match std::mem::replace(&mut self.phase, Phase::Thanks) {
            Phase::Mark => match key.to_digit(10).and_then(|mark| u8::try_from(mark).ok()) {
                Some(mark @ 1..=5) => self.marked(body, ctx, mark),
                _ => {
                    self.phase = Phase::Mark;
                    self.again(body, ctx, &["error/invalid-key"])
                }
            },
            Phase::Solved(answer) if key == YES || key == NO => {
                let answer = SurveyAnswer { solved: Some(key == YES), ..*answer };
                body.written_down(ctx, &answer);
                self.thank(body, ctx)
            }
            Phase::Solved(answer) => {
                self.phase = Phase::Solved(answer);
                self.again(body, ctx, &["error/invalid-key"])
            }
            phase => {
                self.phase = phase;
                Stage::Survey(self)
            }
        }
    }

    /// It is kept at once: who hangs up now has rated.
    fn marked(mut self, body: &mut Body, ctx: &mut Ctx<'_>, mark: u8) -> Stage {
        let answer = SurveyAnswer {
            call: body.id,
            at: ctx.now.wall,
            from: body.from.clone(),
            queue: self.talked.queue.clone(),
            agent: Some(self.talked.agent.clone()),
            mark,
            solved: None,
            low: mark <= self.order.low,
        };
        body.written_down(ctx, &answer);
        if answer.low
            && let Some(to) = &self.order.low_to
        {
            body.tell_of_low(ctx, to, &answer);
        }
        if !self.order.solved {
            return self.thank(body, ctx);
        }
        self.phase = Phase::Solved(Box::new(answer));
        self.asked = 0;
        self.ask(body, ctx, &[])
    }

    fn thank(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        self.phase = Phase::Thanks;
        self.say(body, ctx, &["survey/thanks"])
    }

    fn say(self, body: &mut Body, ctx: &mut Ctx<'_>, names: &[&str]) -> Stage {
        body.timers.disarm(Timer::Confirm);
        let clips = body.prompts(names);
        body.play(ctx, clips, false);
        Stage::Survey(self)
    }
}

impl Body {
    fn written_down(&mut self, ctx: &mut Ctx<'_>, answer: &SurveyAnswer) {
        self.journal.survey(answer.clone());
        ctx.effect(Effect::Record(Record::Survey(Box::new(answer.clone()))));
    }

    /// A slip without a word of the caller's: the call's record and recording say what it was about.
    fn tell_of_low(&self, ctx: &mut Ctx<'_>, to: &str, answer: &SurveyAnswer) {
        let slip = MessageSlip {
            slip: ctx.ids.next_slip(),
            call: self.id,
            from: self.from.clone(),
            person: Some(to.to_owned()),
            mailbox: to.to_owned(),
            taken: ctx.now.wall,
            who: None,
            recordings: Vec::new(),
            length_ms: 0,
            number: None,
            urgent: false,
            confirmed: true,
            state: SlipState::New,
            about: Some(About::Survey { mark: answer.mark, agent: answer.agent.clone() }),
            keeping: Keeping::default(),
        };
        ctx.effect(Effect::Record(Record::Slip(Box::new(slip))));
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
        let texts = Manifest::parse(include_str!("../../prompts/manifest.toml")).expect("the manifest");
        let spoken = |name: &str, language: &str| {
            let (_, by_language) = texts.iter().find(|(known, _)| *known == name).expect("the prompt");
            by_language.get(&Language::new(language)).expect("a text").to_lowercase()
        };
        for (language, words) in [
            ("zh-CN", ["非常满意请按五", "非常不满意请按一", "已解决请按一", "未解决请按二"]),
            (
                "en-US",
                ["five for very satisfied", "one for very dissatisfied", "yes, press one", "no, press two"],
            ),
        ] {
            let [best, worst, yes, no] = words;
            let scale = spoken(SCALE, language);
            assert!(scale.contains(best) && scale.contains(worst), "{scale}");
            let solved = spoken(SOLVED, language);
            assert!(solved.contains(yes) && solved.contains(no), "{solved}");
        }
        assert_eq!((YES, NO), ('1', '2'));
    }
}
