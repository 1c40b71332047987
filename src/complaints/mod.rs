//! What becomes of complaints by time: nobody's complaint is forgotten.
//!
//! ```text
//!   stands(new)      by when the first answer and the result are owed is reckoned and written
//!   stands(open)     half of the hour for the first answer: its owner is reminded;  all of it: its supervisor is told
//!                    some days before the result is owed: its owner;  from that day on, again and again: its supervisor
//!   stands(solved)   a day later the customer is called and asked; not reached, so often: its owner is told
//!   stands(closed)   nothing more
//! ```
//!
//! As with the slips, the [`Clerk`] owns nothing: the store says how each complaint stands, the clerk says what is due, and
//! says so again only when the store has said how it stands then. Whom a [`Duty`] concerns is told by a slip in their box,
//! which has its own clerk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::Wall;
use crate::dialplan::Plan;
use crate::record::{Care, CaseNumber, Complaint, ComplaintChange, ComplaintState};

#[cfg(test)]
mod tests;

/// Something that is due of a complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// Its owner is reminded of the first answer.
    AnswerNears,
    /// Its supervisor is told that there was none.
    AnswerLate,
    ResultNears,
    ResultLate,
    /// The customer is asked whether it is solved.
    FollowUp,
    /// The customer could not be asked: its owner is to.
    NotAsked,
}

impl Duty {
    pub const fn name(self) -> &'static str {
        match self {
            Duty::AnswerNears => "answer due soon",
            Duty::AnswerLate => "answer overdue",
            Duty::ResultNears => "result due soon",
            Duty::ResultLate => "result overdue",
            Duty::FollowUp => "follow-up due",
            Duty::NotAsked => "customer not reached",
        }
    }

    /// It is somebody's above its owner.
    pub const fn escalates(self) -> bool {
        matches!(self, Duty::AnswerLate | Duty::ResultLate)
    }

    /// Who is told of it, by extension. Without a supervisor it stays its owner's; without either it is nobody's.
    pub fn whose(self, complaint: &Complaint, plan: &Plan) -> Option<String> {
        let owner = complaint.owner.as_deref();
        let supervisor = plan.complaint_supervisor();
        let first = if self.escalates() { supervisor.or(owner) } else { owner.or(supervisor) };
        first.map(str::to_owned)
    }
}

/// What the clerk wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Due {
    /// To be written; nobody is told.
    Reckoned(CaseNumber, ComplaintChange),
    /// To be seen to by whoever has calls and slips: [`seen_to`] is then written.
    Duty(Box<Complaint>, Duty),
}

/// What is written once a duty was seen to: the same is not due again before its time.
pub fn seen_to(complaint: &Complaint, duty: Duty, now: Wall) -> ComplaintChange {
    let mut care = Care { seen: Some(now), ..complaint.care.clone() };
    care.escalated |= duty.escalates();
    kept(care)
}

/// A follow-up call came to nothing: it is tried again, by the plan's rule. `counts`: it was the customer who was not there.
pub fn not_reached(complaint: &Complaint, plan: &Plan, counts: bool, now: Wall) -> ComplaintChange {
    let every = plan.complaints().follow_up.as_ref().map_or(std::time::Duration::ZERO, |rule| rule.every);
    let tries = complaint.care.tries.saturating_add(u32::from(counts));
    let care = Care { tries, next_try: Some(now + every), ..complaint.care.clone() };
    kept(care)
}

fn kept(care: Care) -> ComplaintChange {
    // Whoever set another day meanwhile has set it.
    ComplaintChange::Kept { answer_due: None, result_due: None, owner: None, care }
}

/// Keeps every complaint that is not closed in mind.
pub struct Clerk {
    plan: Arc<Plan>,
    open: BTreeMap<CaseNumber, Complaint>,
    /// When to look at each again. One of which the store has not said how it stands since is not among them.
    due: BTreeSet<(Wall, CaseNumber)>,
    due_of: BTreeMap<CaseNumber, Wall>,
}

impl Clerk {
    pub fn new(plan: Arc<Plan>) -> Self {
        Clerk { plan, open: BTreeMap::new(), due: BTreeSet::new(), due_of: BTreeMap::new() }
    }

    /// What is due from now on goes by this plan.
    pub fn reload(&mut self, plan: Arc<Plan>) {
        self.plan = plan;
        let waiting: Vec<CaseNumber> = self.due_of.keys().copied().collect();
        for complaint in
            waiting.into_iter().filter_map(|case| self.open.get(&case).cloned()).collect::<Vec<_>>()
        {
            self.stands(complaint);
        }
    }

    /// The store's word on a complaint: after each start of all that are not closed, then after each change.
    pub fn stands(&mut self, complaint: Complaint) {
        self.gone(complaint.case);
        if complaint.state == ComplaintState::Closed {
            return;
        }
        let case = complaint.case;
        if let Some((at, _)) = next(&self.plan, &complaint) {
            self.due.insert((at, case));
            self.due_of.insert(case, at);
        }
        self.open.insert(case, complaint);
    }

    /// There is no such complaint any more.
    pub fn gone(&mut self, case: CaseNumber) {
        self.open.remove(&case);
        if let Some(at) = self.due_of.remove(&case) {
            self.due.remove(&(at, case));
        }
    }

    /// When [`Clerk::handle_timeout`] has something to say.
    pub fn next_due(&self) -> Option<Wall> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Complaints that are not closed.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// The next thing that is due by now; to be asked until there is none.
    pub fn handle_timeout(&mut self, now: Wall) -> Option<Due> {
        loop {
            let (at, case) = self.due.first().copied().filter(|(at, _)| *at <= now)?;
            self.due.remove(&(at, case));
            self.due_of.remove(&case);
            let Some(complaint) = self.open.get(&case) else { continue };
            if !is_reckoned(&self.plan, complaint) {
                return Some(Due::Reckoned(case, reckoned(&self.plan, complaint)));
            }
            if let Some((_, duty)) = latest(&self.plan, complaint, now) {
                return Some(Due::Duty(Box::new(complaint.clone()), duty));
            }
        }
    }
}

/// By when it is owed, and whose it is.
fn reckoned(plan: &Plan, complaint: &Complaint) -> ComplaintChange {
    let rule = plan.complaints();
    let latest = rule.latest_due(complaint.accepted);
    ComplaintChange::Kept {
        answer_due: Some(complaint.answer_due.unwrap_or_else(|| plan.answer_due(complaint.accepted))),
        result_due: Some(
            complaint.result_due.map_or(rule.result_due(complaint.accepted), |due| due.min(latest)),
        ),
        owner: complaint.owner.clone().or_else(|| plan.complaint_owner().map(str::to_owned)),
        care: complaint.care.clone(),
    }
}

/// Nobody puts the result off for ever, whoever says so.
fn is_reckoned(plan: &Plan, complaint: &Complaint) -> bool {
    let latest = plan.complaints().latest_due(complaint.accepted);
    complaint.answer_due.is_some() && complaint.result_due.is_some_and(|due| due <= latest)
}

/// What comes next of it, and when. Never what was seen to already.
fn next(plan: &Plan, complaint: &Complaint) -> Option<(Wall, Option<Duty>)> {
    if !is_reckoned(plan, complaint) {
        return Some((Wall::from_micros(i64::MIN), None));
    }
    duties(plan, complaint).into_iter().min().map(|(at, duty)| (at, Some(duty)))
}

/// Of several that have become due meanwhile, as by a night without the hotline, the one that says most.
fn latest(plan: &Plan, complaint: &Complaint, now: Wall) -> Option<(Wall, Duty)> {
    duties(plan, complaint).into_iter().filter(|(at, _)| *at <= now).max_by_key(|(at, duty)| (*duty, *at))
}

/// All that are still to come, each at its time and within the hours in which anybody is told.
fn duties(plan: &Plan, complaint: &Complaint) -> Vec<(Wall, Duty)> {
    let rule = plan.complaints();
    let seen = complaint.care.seen.unwrap_or(Wall::from_micros(i64::MIN));
    let mut duties = Vec::new();
    if complaint.state == ComplaintState::Solved {
        let Some(follow_up) = &rule.follow_up else { return duties };
        let Some(solved) = complaint.solved else { return duties };
        let asked_for = complaint.to_call().is_some_and(|number| follow_up.may_call(number.expose()));
        if asked_for && complaint.care.tries < follow_up.tries {
            let at = (solved + follow_up.after).max(complaint.care.next_try.unwrap_or(solved));
            duties.push((plan.complaint_hours(at), Duty::FollowUp));
        } else if asked_for && seen < complaint.care.next_try.unwrap_or(solved) {
            // The last try was in vain; said once.
            duties.push((plan.complaint_hours(complaint.care.next_try.unwrap_or(solved)), Duty::NotAsked));
        }
        return duties;
    }
    let (Some(answer), Some(result)) = (complaint.answer_due, complaint.result_due) else { return duties };
    let mut add = |at: Wall, duty: Duty| {
        let at = plan.complaint_hours(at);
        if at > seen {
            duties.push((at, duty));
        }
    };
    if complaint.answered.is_none() {
        add(complaint.accepted + answer.since(complaint.accepted) / 2, Duty::AnswerNears);
        add(answer, Duty::AnswerLate);
    }
    add(rule.reminded(result), Duty::ResultNears);
    // From then on at each such time.
    let late = if seen < result { result } else { seen + rule.remind };
    add(late, Duty::ResultLate);
    duties
}
