//! What an agent keys in a talk beside handing the caller on: "I call you back at …", and "this matter is mine".
//!
//! ```text
//!   promise_key -- HHMM, or four seconds without a key --> written down --> "noted, the call is due at …"
//!                                                     \--> no such time, or it cannot be promised: "not done"
//!   matter_key ------------------------------------------> "this customer's matter is now yours"
//! ```
//!
//! The caller hears none of it.

use super::talk::Talk;
use super::transfer::Codes;
use super::{BEEP, Body, Ctx, Effect, Promising, Timer};
use crate::base::Wall;
use crate::record::PromiseKind;

/// What the agent has keyed so far.
#[derive(Debug, Default)]
pub(super) struct Pledge {
    codes: Codes,
    /// The time of a promise is being keyed.
    keys_time: bool,
    /// Being written down.
    asked: Option<Wall>,
}

/// Hours and minutes.
const DIGITS: usize = 4;

impl Talk {
    /// A key of the agent's. `true`: it was part of a time, and of nothing else.
    pub(super) fn pledge_key(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, key: char) -> bool {
        if self.transfers.is_some() {
            return false;
        }
        if self.pledge.keys_time {
            match key {
                '0'..='9' => {
                    let time = self.pledge.codes.number_digits(key, DIGITS);
                    body.timers.arm(Timer::Code, ctx.now.mono + ctx.settings.code_within);
                    if let Some(time) = time {
                        self.promise_at(body, ctx, &time);
                    }
                }
                // Thought better of it.
                _ => self.no_time(body),
            }
            return true;
        }
        let keys = &ctx.settings.pledge_keys;
        match self.pledge.codes.told(key, &[&keys.promise, &keys.matter]) {
            Some(0) => {
                self.pledge.keys_time = true;
                self.pledge.codes.ask_number();
                body.timers.arm(Timer::Code, ctx.now.mono + ctx.settings.code_within);
                self.leg().play_over(ctx, body.prompts(&[BEEP]));
            }
            Some(_) => self.takes_matter(body, ctx),
            None => {}
        }
        false
    }

    /// The agent keys no further. `true`: a time it was.
    pub(super) fn pledge_timed_out(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> bool {
        if !self.pledge.keys_time {
            return false;
        }
        let time = self.pledge.codes.take_number().unwrap_or_default();
        self.promise_at(body, ctx, &time);
        true
    }

    fn no_time(&mut self, body: &mut Body) {
        body.timers.disarm(Timer::Code);
        self.pledge.keys_time = false;
        self.pledge.codes.take_number();
    }

    fn promise_at(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, time: &str) {
        self.no_time(body);
        let plan = body.cursor.plan().clone();
        let due = plan.next_at(ctx.now.wall, time).filter(|_| !body.from.is_empty());
        let Some(due) = due.filter(|_| self.pledge.asked.is_none()) else {
            return self.say_not_done(body, ctx);
        };
        let queue = self.wait().and_then(|wait| plan.queue(wait.queue())).map(|queue| queue.name.clone());
        self.pledge.asked = Some(due);
        ctx.effect(Effect::Promise(Box::new(Promising {
            kind: PromiseKind::Agent,
            number: body.from.clone(),
            keyed: false,
            queue,
            owner: Some(self.extension().to_owned()),
            language: body.cursor.language().clone(),
            grade: body.cursor.grade().map(str::to_owned),
            due,
        })));
    }

    /// The promise is on the disk, or cannot be made.
    pub(super) fn promised(&mut self, body: &Body, ctx: &mut Ctx<'_>, ok: bool) {
        let Some(due) = self.pledge.asked.take() else { return };
        if !ok {
            return self.say_not_done(body, ctx);
        }
        let mut said = body.prompts(&["promise/noted"]);
        said.extend(body.speech().time(due));
        self.leg().play_over(ctx, said);
    }

    fn say_not_done(&self, body: &Body, ctx: &mut Ctx<'_>) {
        self.leg().play_over(ctx, body.prompts(&["agent/not-done"]));
    }

    fn takes_matter(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        let Some(agent) = self.agent().filter(|_| !body.from.is_empty()) else {
            return self.say_not_done(body, ctx);
        };
        ctx.effect(Effect::TakeMatter { agent });
        body.stage(ctx, crate::record::StageKind::Talk, format!("{} takes the matter", self.extension()));
        self.leg().play_over(ctx, body.prompts(&["matter/yours"]));
    }
}
