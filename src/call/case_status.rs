//! A caller keys the number of a complaint and hears how things stand with it.
//!
//! ```text
//!   number? -- its check digit is right --> asking the store -- there is one --> told --> flow
//!      ^  | wrong, or nothing keyed               | there is none
//!      +--+---------------------------------------+  tries exhausted: an apology --> flow
//! ```
//!
//! Whoever has the number hears the state. By when the result is owed hears only who calls from the customer's number, or
//! from the one at which they want to be called: a number that was guessed, or overheard, says nothing more.

use std::time::Duration;

use super::{Body, Ctx, Effect, Event, Inquired, Inquiry, Listen, Stage, Timer};
use crate::base::Clip;
use crate::dialplan;
use crate::record::{
    CaseNumber, Complaint, ComplaintChange, ComplaintState, ComplaintUpdate, MOST_CASE_DIGITS, Record,
    StageKind,
};

/// Between two digits.
const BETWEEN_DIGITS: Duration = Duration::from_secs(5);

pub(super) struct CaseStatus {
    /// So often the number may still be keyed in.
    tries: u8,
    phase: Phase,
}

enum Phase {
    Keying(String),
    Asking(CaseNumber),
    /// The last word; whether a case was found.
    Leaving {
        found: bool,
    },
}

pub(super) fn enter(body: &mut Body, ctx: &mut Ctx<'_>, tries: u8) -> Stage {
    CaseStatus { tries, phase: Phase::Leaving { found: false } }.ask(body, ctx, &[])
}

impl CaseStatus {
    pub(super) fn handle(self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::Digit { leg, digit } if leg == body.caller_id => {
                return self.pressed(body, ctx, digit.expose().key());
            }
            Event::Played { leg, play } if leg == body.caller_id && body.finished(play) => match self.phase {
                Phase::Keying(_) => {
                    body.timers.arm(Timer::Confirm, ctx.now.mono + ctx.settings.confirm_within);
                }
                Phase::Asking(_) => {}
                Phase::Leaving { found } => {
                    return Listen::begin(body, ctx, dialplan::Event::ComplaintTold { found });
                }
            },
            Event::Inquired(answer) => {
                if let Phase::Asking(case) = self.phase {
                    body.timers.disarm(Timer::Durable);
                    return self.answered(body, ctx, case, answer);
                }
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => body.reoffer(ctx, sdp),
            _ => {}
        }
        Stage::CaseStatus(self)
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match (timer, &self.phase) {
            (Timer::Confirm, Phase::Keying(_)) => self.complete(body, ctx),
            (Timer::Durable, Phase::Asking(_)) => self.leave(body, ctx, &["error/system-busy"], false),
            _ => Stage::CaseStatus(self),
        }
    }

    fn pressed(mut self, body: &mut Body, ctx: &mut Ctx<'_>, key: char) -> Stage {
        let Phase::Keying(typed) = &mut self.phase else { return Stage::CaseStatus(self) };
        match key {
            '#' => return self.complete(body, ctx),
            '0'..='9' => typed.push(key),
            // Begun anew.
            _ => typed.clear(),
        }
        if typed.len() >= MOST_CASE_DIGITS {
            return self.complete(body, ctx);
        }
        body.stop_playing(ctx);
        body.timers.arm(Timer::Confirm, ctx.now.mono + BETWEEN_DIGITS);
        Stage::CaseStatus(self)
    }

    fn ask(mut self, body: &mut Body, ctx: &mut Ctx<'_>, before: &[&str]) -> Stage {
        body.timers.disarm(Timer::Confirm);
        let names: Vec<&str> = before.iter().copied().chain(["menu/enter-complaint-number"]).collect();
        let clips = body.prompts(&names);
        body.play(ctx, clips, false);
        self.phase = Phase::Keying(String::new());
        Stage::CaseStatus(self)
    }

    /// The digits are complete.
    fn complete(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        body.timers.disarm(Timer::Confirm);
        let Phase::Keying(typed) = &self.phase else { return Stage::CaseStatus(self) };
        let Some(case) = CaseNumber::parse(typed) else { return self.wrong(body, ctx) };
        body.stop_playing(ctx);
        body.timers.arm(Timer::Durable, ctx.now.mono + ctx.settings.durable_within);
        ctx.effect(Effect::Inquire(Inquiry::Case(case)));
        self.phase = Phase::Asking(case);
        Stage::CaseStatus(self)
    }

    fn answered(self, body: &mut Body, ctx: &mut Ctx<'_>, case: CaseNumber, answer: Inquired) -> Stage {
        match answer {
            Inquired::Case(Some(complaint)) => self.tell(body, ctx, &complaint),
            Inquired::Case(None) => self.wrong(body, ctx),
            Inquired::NotNow => {
                tracing::error!(%case, "a complaint cannot be looked up");
                self.leave(body, ctx, &["error/system-busy"], false)
            }
            Inquired::Surveyed(_) => Stage::CaseStatus(self),
        }
    }

    fn wrong(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        self.tries = self.tries.saturating_sub(1);
        if self.tries == 0 {
            return self.leave(body, ctx, &["complaint/number-unknown", "error/too-many-tries"], false);
        }
        self.ask(body, ctx, &["complaint/number-unknown"])
    }

    fn tell(self, body: &mut Body, ctx: &mut Ctx<'_>, complaint: &Complaint) -> Stage {
        let own = complaint.is_of(&body.from);
        let case = complaint.case;
        body.stage(ctx, StageKind::Complaint, format!("{case} asked for: {}", complaint.state.name()));
        if own {
            body.journal.complaint(case);
            let by = "customer".to_owned();
            let update = ComplaintUpdate::Call(body.id);
            let change = ComplaintChange::Updated { at: ctx.now.wall, by, update };
            ctx.effect(Effect::Record(Record::Complaint(case, change)));
        }
        let clips = told(body, ctx, complaint, own);
        self.leave_with(body, ctx, clips, true)
    }

    fn leave(self, body: &mut Body, ctx: &mut Ctx<'_>, said: &[&str], found: bool) -> Stage {
        let clips = body.prompts(said);
        self.leave_with(body, ctx, clips, found)
    }

    fn leave_with(mut self, body: &mut Body, ctx: &mut Ctx<'_>, clips: Vec<Clip>, found: bool) -> Stage {
        body.timers.disarm(Timer::Confirm);
        body.play(ctx, clips, false);
        self.phase = Phase::Leaving { found };
        Stage::CaseStatus(self)
    }
}

/// The state; and by when the result is owed, to whom that concerns.
fn told(body: &Body, ctx: &Ctx<'_>, complaint: &Complaint, own: bool) -> Vec<Clip> {
    let state = match complaint.state {
        ComplaintState::Accepted => "complaint/accepted",
        ComplaintState::InWork if complaint.care.escalated => "complaint/status-escalated",
        ComplaintState::InWork => "complaint/status-open",
        ComplaintState::Answered => "complaint/status-answered",
        ComplaintState::Solved => "complaint/status-resolved",
        ComplaintState::Reopened => "complaint/status-reopened",
        ComplaintState::Closed => "complaint/status-closed",
    };
    let mut clips = body.prompts(&[state]);
    if !own || !complaint.state.is_open() {
        return clips;
    }
    if complaint.is_late(ctx.now.wall) {
        clips.extend(body.prompts(&["complaint/late"]));
    } else if let Some(due) = complaint.result_due {
        clips.extend(body.prompts(&["complaint/due-before"]));
        clips.extend(body.speech().date(due));
        clips.extend(body.prompts(&["complaint/due-after"]));
    }
    clips
}
