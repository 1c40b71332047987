//! A complaint is accepted in a talk: by a key of the agent's, or by an order. Its number is said to the caller once it
//! is on disk: to both when the agent keys for it, else to the caller when the talk is over.
//!
//! ```text
//!            key, order                     ComplaintSaved
//!   no case ------------> being written ------------------> on disk -- key ----> said to both, as often as it is keyed
//!                              |                               |
//!                              | could not be: never said      +---- the talk is over, not said yet --> Telling --> flow
//!                                                              +---- the flow leads the caller --> with its next words
//! ```

use super::talk::Talk;
use super::{Body, Call, Ctx, Effect, Event, Listen, Stage, Timer};
use crate::base::{Clip, Masked};
use crate::dialplan;
use crate::record::{CaseNumber, Complaint, ComplaintChange, Record, Severity, StageKind};

/// What is known of a complaint when it is accepted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComplaintOrder {
    /// Empty: not said.
    pub category: String,
    pub severity: Severity,
    pub expects: Option<Masked<String>>,
    /// The extension of whose it is; `None`: of the agent who talks.
    pub owner: Option<String>,
}

/// The complaint that a call is about.
pub(super) struct Case {
    number: CaseNumber,
    saved: Saved,
    /// To the caller.
    told: bool,
    /// It is being said before what the flow says.
    says: bool,
    /// The agent has keyed that it be said.
    keyed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Saved {
    Writing,
    OnDisk,
    /// It is not, and the caller must not believe that it is.
    Never,
}

impl Case {
    pub(super) fn number(&self) -> CaseNumber {
        self.number
    }
}

impl Call {
    /// The caller's complaint is accepted, or more is said of the one that is: one call makes one case.
    pub fn accept_complaint(&mut self, ctx: &mut Ctx<'_>, by: &str, order: ComplaintOrder) -> CaseNumber {
        let span = self.body.span.clone();
        let _entered = span.enter();
        let agent = match &self.stage {
            Stage::Talk(talk) => Some(talk.extension().to_owned()),
            Stage::Hold(hold) => Some(hold.extension().to_owned()),
            _ => None,
        };
        let owner = order.owner.clone().or(agent);
        self.body.accept(ctx, by, ComplaintOrder { owner, ..order }, false)
    }
}

impl Body {
    /// `keyed`: the number is said as soon as it may be.
    fn accept(&mut self, ctx: &mut Ctx<'_>, by: &str, order: ComplaintOrder, keyed: bool) -> CaseNumber {
        let ComplaintOrder { category, severity, expects, owner } = order;
        let case = CaseNumber::of(self.id);
        let language = self.cursor.language().to_string();
        let mut complaint = Complaint::new(case, ctx.now.wall, by, self.from.clone(), language);
        // Of somebody outside whom an agent called it is nobody's in the plan.
        complaint.owner = owner.filter(|owner| self.cursor.plan().agent_by_extension(owner).is_some());
        (complaint.category, complaint.severity, complaint.expects) = (category, severity, expects);
        self.stage(ctx, StageKind::Complaint, format!("{case} accepted by {by}"));
        self.journal.complaint(case);
        let told = self.case.as_ref().is_some_and(|case| case.told);
        self.case = Some(Case { number: case, saved: Saved::Writing, told, says: false, keyed });
        let change = ComplaintChange::Accepted(Box::new(complaint));
        ctx.effect(Effect::Record(Record::Complaint(case, change)));
        case
    }

    /// A message has made a case, which is on disk with it. What the caller hears.
    pub(super) fn case_by_message(&mut self) -> Vec<Clip> {
        let number = CaseNumber::of(self.id);
        self.journal.complaint(number);
        self.case = Some(Case { number, saved: Saved::OnDisk, told: true, says: false, keyed: false });
        self.case_number(number)
    }

    pub(super) fn case_saved(&mut self, saved: bool) {
        let Some(case) = &mut self.case else { return };
        case.saved = if saved { Saved::OnDisk } else { Saved::Never };
        if !saved {
            tracing::error!(case = %case.number, "a complaint could not be written down: its number is not said");
        }
    }

    /// With the number before it, where the caller does not know it yet: accepted by order while the flow leads them, it is
    /// said with the flow's next words. Who cuts them short by a key hears it with those that follow.
    pub(super) fn case_before(&mut self, clips: Vec<Clip>) -> Vec<Clip> {
        let Some(case) = self.case.as_mut().filter(|case| !case.told && case.saved == Saved::OnDisk) else {
            return clips;
        };
        case.says = true;
        let number = case.number;
        let mut said = self.case_number(number);
        said.extend(clips);
        said
    }

    /// What was played has been heard to its end.
    pub(super) fn case_heard(&mut self) {
        if let Some(case) = self.case.as_mut().filter(|case| case.says) {
            (case.told, case.says) = (true, false);
        }
    }

    /// That it is accepted, and its number, digit by digit, twice.
    fn case_number(&self, case: CaseNumber) -> Vec<Clip> {
        let mut clips = self.prompts(&["complaint/accepted"]);
        clips.extend(self.speech().complaint_number(&case.to_string()));
        clips
    }
}

impl Talk {
    /// By the agent's code; or the number is said again.
    pub(super) fn accept_complaint(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        match &mut body.case {
            Some(Case { saved: Saved::Writing, keyed, .. }) => *keyed = true,
            Some(Case { saved: Saved::OnDisk, .. }) => self.say_case(body, ctx),
            Some(Case { saved: Saved::Never, .. }) | None => {
                let by = self.extension().to_owned();
                let order = ComplaintOrder { owner: Some(by.clone()), ..ComplaintOrder::default() };
                body.accept(ctx, &by, order, true);
            }
        }
    }

    pub(super) fn complaint_saved(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, saved: bool) {
        match &body.case {
            Some(case) if case.keyed && saved => self.say_case(body, ctx),
            // The agent hears that it was in vain, and can say so.
            Some(case) if case.keyed => self.leg.play_over(ctx, body.prompts(&["error/system-busy"])),
            _ => {}
        }
    }

    /// To both, over what they say.
    fn say_case(&self, body: &mut Body, ctx: &mut Ctx<'_>) {
        let Some(case) = &mut body.case else { return };
        (case.told, case.keyed) = (true, false);
        let number = case.number;
        let clips = body.case_number(number);
        self.leg.play_over(ctx, clips.clone());
        body.play_over(ctx, clips);
    }
}

/// The talk is over; the caller is told the number of their complaint before the flow goes on.
pub(super) struct Telling {
    then: dialplan::Event,
    says: bool,
}

/// Where there is nothing to tell, the flow goes on at once.
pub(super) fn tell_then(body: &mut Body, ctx: &mut Ctx<'_>, then: dialplan::Event) -> Stage {
    match &body.case {
        Some(Case { told: false, saved: Saved::OnDisk, .. }) => Telling { then, says: false }.say(body, ctx),
        Some(Case { told: false, saved: Saved::Writing, .. }) => {
            body.timers.arm(Timer::Durable, ctx.now.mono + ctx.settings.durable_within);
            Stage::Telling(Telling { then, says: false })
        }
        _ => Listen::begin(body, ctx, then),
    }
}

impl Telling {
    pub(super) fn handle(self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::Played { leg, play } if leg == body.caller_id && body.finished(play) => {
                Listen::begin(body, ctx, self.then)
            }
            Event::ComplaintSaved { saved } if !self.says => {
                body.timers.disarm(Timer::Durable);
                if saved { self.say(body, ctx) } else { self.apologise(body, ctx) }
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                Stage::Telling(self)
            }
            _ => Stage::Telling(self),
        }
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        if timer == Timer::Durable && !self.says {
            return self.apologise(body, ctx);
        }
        Stage::Telling(self)
    }

    fn say(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let Some(case) = &mut body.case else { return Listen::begin(body, ctx, self.then) };
        case.told = true;
        let number = case.number;
        let clips = body.case_number(number);
        body.play(ctx, clips, false);
        self.says = true;
        Stage::Telling(self)
    }

    /// No number is told that nobody would find again.
    fn apologise(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let clips = body.prompts(&["error/system-busy"]);
        body.play(ctx, clips, false);
        self.says = true;
        Stage::Telling(self)
    }
}
