//! The phone of who is asked: one ring in which they hear the slip and answer by a key, or the call that they want.
//!
//! ```text
//!   rings --> lifted: "you have an urgent call", the caller's words, the four answers -- 1, 3, 4 --> answered
//!     |                                                                            \-- 2, four digits or # --> answered
//!     +-- not lifted, hung up: the text on the phone can still be answered
//! ```

use super::super::offer::{Ringing, display};
use super::super::{Body, Ctx, Effect, Event, Stage, Timer, answer_reoffer};
use super::{ONE_RING, Phase, TRY_AGAIN, Urgent};
use crate::base::{Clip, LegId, UrgentAnswer};
use crate::dialplan::DialEnd;

/// What is said of each answer, before its key.
const ANSWERS: [&str; 4] =
    ["topic/urgent-now", "topic/urgent-call-back", "topic/urgent-delegate", "topic/urgent-message"];

/// So often the slip is said to who says nothing.
const MOST_SAID: u32 = 3;

/// Digits of a time.
const DIGITS: usize = 4;

/// Who has lifted the phone.
#[derive(Debug)]
pub(super) struct Ear {
    said: u32,
    /// The time at which they call back, as far as it is keyed.
    back_at: Option<String>,
}

impl Urgent {
    /// What concerns the person's phone.
    pub(super) fn ring_event(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        if matches!(event, Event::Seized { .. } | Event::NotSeized { .. }) {
            self.seizes = false;
        }
        match event {
            Event::Seized { agent, extension, towards } if self.is_waiting() && self.ringing.is_none() => {
                let title = title(body);
                let display = display(title, body.cursor.grade(), &body.from);
                match Ringing::start(body, ctx, agent, extension, towards, display) {
                    Some(ringing) => self.ringing = Some(ringing),
                    None => {
                        tracing::error!("no RTP port is free for who is asked urgently");
                        ctx.effect(Effect::Release { agent });
                        body.timers.arm(Timer::Reach, ctx.now.mono + TRY_AGAIN);
                    }
                }
                if self.phase != Phase::Reaching {
                    body.timers.arm(Timer::Ring, ctx.now.mono + ONE_RING);
                }
            }
            // It comes too late.
            Event::Seized { agent, .. } => ctx.effect(Effect::Release { agent }),
            Event::NotSeized { why } if self.phase == Phase::Reaching && self.ringing.is_none() => {
                if why != DialEnd::Busy {
                    return self.not_reached(body, ctx);
                }
                body.timers.arm(Timer::Reach, ctx.now.mono + TRY_AGAIN);
            }
            Event::NotSeized { .. } => return self.unless_nobody_knows(body, ctx),
            Event::Answered { leg, sdp } if self.rings(leg) => {
                body.timers.disarm(Timer::Ring);
                let Some(mut ringing) = self.ringing.take() else { return Stage::Urgent(self) };
                let good = ringing.answered(ctx, sdp);
                self.ringing = Some(ringing);
                if !good {
                    self.let_go_of_phone(body, ctx);
                    return self.phone_lost(body, ctx);
                }
                if self.phase == Phase::Reaching {
                    return match self.ringing.take() {
                        Some(ringing) => self.talk(body, ctx, ringing),
                        None => Stage::Urgent(self),
                    };
                }
                self.ear = Some(Ear { said: 0, back_at: None });
                self.speak(body, ctx);
            }
            Event::Digit { leg, digit } if self.rings(leg) => {
                return self.pressed(body, ctx, digit.expose().key());
            }
            Event::Played { leg, play } if self.rings(leg) => {
                let over = self.ringing.as_mut().is_some_and(|ringing| ringing.leg.finished(play));
                if over && self.ear.as_ref().is_some_and(|ear| ear.back_at.is_none()) {
                    self.speak(body, ctx);
                }
            }
            Event::Reoffer { leg, sdp } if self.rings(leg) => {
                if let Some(ringing) = &mut self.ringing {
                    answer_reoffer(ctx, &mut ringing.leg, sdp);
                }
            }
            Event::Rejected { leg, status } if self.rings(leg) => {
                self.let_go_of_phone(body, ctx);
                // In another call: it is tried again when that is over.
                if self.phase == Phase::Reaching && status == 486 {
                    body.timers.arm(Timer::Reach, ctx.now.mono + TRY_AGAIN);
                    return Stage::Urgent(self);
                }
                return self.phone_lost(body, ctx);
            }
            Event::Ended { leg, .. } | Event::OpenFailed { leg, .. } | Event::RtpTimeout { leg }
                if self.rings(leg) =>
            {
                self.let_go_of_phone(body, ctx);
                return self.phone_lost(body, ctx);
            }
            _ => {}
        }
        Stage::Urgent(self)
    }

    fn phone_lost(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        match self.phase {
            Phase::Reaching => self.not_reached(body, ctx),
            _ => self.unless_nobody_knows(body, ctx),
        }
    }

    pub(super) fn seize(&mut self, ctx: &mut Ctx<'_>) {
        self.seizes = true;
        ctx.effect(Effect::SeizeUrgently { extension: self.extension.clone() });
    }

    pub(super) fn let_go_of_phone(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        body.timers.disarm(Timer::Ring);
        self.ear = None;
        if let Some(ringing) = self.ringing.take() {
            ctx.effect(Effect::Release { agent: ringing.agent });
            ringing.give_up(ctx);
        }
    }

    /// In the house's language: it is no customer who hears it.
    fn speak(&mut self, body: &Body, ctx: &mut Ctx<'_>) {
        let (Some(ringing), Some(ear)) = (&mut self.ringing, &mut self.ear) else { return };
        if ear.said >= MOST_SAID {
            return;
        }
        ear.said += 1;
        let plan = body.cursor.plan();
        let speech = plan.speech(plan.language());
        let mut clips = speech.prompt("agent/urgent-call");
        clips.extend(self.take.matter.iter().map(|piece| Clip::Recording(piece.recording)));
        for (what, key) in ANSWERS.into_iter().zip(UrgentAnswer::KEYS) {
            clips.extend(speech.prompt(what));
            clips.extend(speech.prompt(&format!("menu/press-{key}")));
        }
        ringing.leg.want_keys(ctx, true);
        ringing.leg.play(ctx, clips, false);
    }

    fn pressed(mut self, body: &mut Body, ctx: &mut Ctx<'_>, key: char) -> Stage {
        let Some(ear) = &mut self.ear else { return Stage::Urgent(self) };
        if let Some(typed) = &mut ear.back_at {
            match key {
                '#' => return self.answered(body, ctx, UrgentAnswer::CallBack { at: None }),
                '0'..='9' => typed.push(key),
                _ => {}
            }
            if typed.len() < DIGITS {
                return Stage::Urgent(self);
            }
            let digits = std::mem::take(typed);
            match body.cursor.plan().next_at(ctx.now.wall, &digits) {
                Some(at) => return self.answered(body, ctx, UrgentAnswer::CallBack { at: Some(at) }),
                None => self.ask_time(body, ctx, true),
            }
            return Stage::Urgent(self);
        }
        match UrgentAnswer::of_key(key) {
            Some(UrgentAnswer::CallBack { .. }) => {
                ear.back_at = Some(String::new());
                self.ask_time(body, ctx, false);
                Stage::Urgent(self)
            }
            Some(answer) => self.answered(body, ctx, answer),
            None => Stage::Urgent(self),
        }
    }

    fn ask_time(&mut self, body: &Body, ctx: &mut Ctx<'_>, again: bool) {
        let Some(ringing) = &mut self.ringing else { return };
        let plan = body.cursor.plan();
        let speech = plan.speech(plan.language());
        let mut clips = if again { speech.prompt("error/invalid-key") } else { Vec::new() };
        clips.extend(speech.prompt("agent/enter-call-back-time"));
        ringing.leg.play(ctx, clips, false);
    }

    fn rings(&self, leg: LegId) -> bool {
        self.ringing.as_ref().is_some_and(|ringing| ringing.is(leg))
    }
}

/// What the phone's display says it is.
fn title(body: &Body) -> &'static str {
    match body.cursor.plan().language().0.starts_with("zh") {
        true => "急件",
        false => "Urgent",
    }
}
