//! What becomes of the message slips: who is told, who is reminded, to whom they are passed on. Nobody's message is
//! forgotten.
//!
//! ```text
//!   stands(slip) --> untold: its box's addressees are told, the clock begins
//!                    half its time: its holder is reminded
//!                    all of it: to the delegate, then to the supervisor, each with the time of their own box
//!                    nobody left: its holder is reminded again and again
//!   stands(done), gone --> nothing more
//! ```
//!
//! The [`Clerk`] owns no slip. The store says how each one stands, the clerk says what is to be written, and acts on a
//! slip again only when the store has said how it stands then: so a write that fails, a crash, and somebody at the
//! command line who has done with it meanwhile are all the same to it.

mod door;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{SlipId, Wall};
use crate::dialplan::Plan;
use crate::record::{Delivery, Keeping, MessageSlip, Occasion, Record, SlipChange, SlipState, Target};

pub use door::Door;

/// The first try again of a mail or a web hook, and the longest pause between two.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Two days: after a weekend without a server somebody has noticed, and the slip is in its box all the same.
const MOST_TRIES: u32 = 59;

/// Keeps every slip that is not settled in mind.
pub struct Clerk {
    plan: Arc<Plan>,
    /// Whether there is a web hook to tell.
    hook: bool,
    open: BTreeMap<SlipId, MessageSlip>,
    /// When to look at each again. A slip of which the store has not said how it stands since is not among them.
    due: BTreeSet<(Wall, SlipId)>,
}

impl Clerk {
    pub fn new(plan: Arc<Plan>, hook: bool) -> Self {
        Clerk { plan, hook, open: BTreeMap::new(), due: BTreeSet::new() }
    }

    /// What is due is due as it was; what becomes due from now on goes by this plan.
    pub fn reload(&mut self, plan: Arc<Plan>) {
        self.plan = plan;
    }

    /// The store's word on a slip: after each start of all that are not settled, then after each change.
    pub fn stands(&mut self, slip: MessageSlip) {
        self.gone(slip.slip);
        if slip.state == SlipState::Taking || slip.state.is_settled() {
            return;
        }
        // Without a time it has none yet, or was opened again: at once.
        let at = slip.keeping.due.filter(|_| slip.keeping.told).unwrap_or(Wall::from_micros(i64::MIN));
        self.due.insert((at, slip.slip));
        self.open.insert(slip.slip, slip);
    }

    /// There is no such slip any more.
    pub fn gone(&mut self, slip: SlipId) {
        let Some(before) = self.open.remove(&slip) else { return };
        let at = before.keeping.due.filter(|_| before.keeping.told).unwrap_or(Wall::from_micros(i64::MIN));
        self.due.remove(&(at, slip));
    }

    /// When [`Clerk::handle_timeout`] has something to say.
    pub fn next_due(&self) -> Option<Wall> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Slips that are not settled.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// The next thing to be written by now; to be asked until there is none. Once it is written, or could not be, the
    /// slip [stands](Clerk::stands) anew.
    pub fn handle_timeout(&mut self, now: Wall) -> Option<Record> {
        let (at, id) = self.due.first().copied().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, id));
        let slip = self.open.get(&id)?;
        let change = if !slip.keeping.told || slip.keeping.due.is_none() {
            self.begins(slip, now)
        } else if slip.keeping.reminders == 0 {
            self.reminds(slip, self.half(&slip.mailbox, now))
        } else {
            self.passes_on(slip, now)
        };
        Some(Record::SlipChange(id, change))
    }

    /// The time begins when it was taken, or came into this box.
    fn begins(&self, slip: &MessageSlip, now: Wall) -> SlipChange {
        let keeping = &slip.keeping;
        let from = if keeping.told || !keeping.passed.is_empty() { now } else { slip.taken };
        let tell = if keeping.told { Vec::new() } else { self.told(slip, &slip.mailbox, Occasion::New) };
        // Who has said already when they call back is reminded then.
        let due = keeping.due.filter(|due| *due > now).unwrap_or_else(|| self.half(&slip.mailbox, from));
        let keeping = Keeping { told: true, due: Some(due), reminders: 0, passed: keeping.passed.clone() };
        SlipChange::Kept { mailbox: slip.mailbox.clone(), keeping, tell }
    }

    fn reminds(&self, slip: &MessageSlip, due: Wall) -> SlipChange {
        let tell = self.told(slip, &slip.mailbox, Occasion::Reminder);
        let keeping = Keeping {
            due: Some(due),
            reminders: slip.keeping.reminders.saturating_add(1),
            ..slip.keeping.clone()
        };
        SlipChange::Kept { mailbox: slip.mailbox.clone(), keeping, tell }
    }

    fn passes_on(&self, slip: &MessageSlip, now: Wall) -> SlipChange {
        let before = &slip.keeping.passed;
        let Some(next) = self.plan.next_holder(&slip.mailbox, before) else {
            let rule = self.plan.box_rule(&slip.mailbox);
            let due = self.plan.working_time_after(rule, now, rule.remind);
            return self.reminds(slip, due);
        };
        let passed = before.iter().chain([&slip.mailbox]).cloned().collect();
        let keeping = Keeping { told: true, due: Some(self.half(next, now)), reminders: 0, passed };
        SlipChange::Kept {
            mailbox: next.to_owned(),
            keeping,
            tell: self.told(slip, next, Occasion::PassedOn),
        }
    }

    fn half(&self, mailbox: &str, from: Wall) -> Wall {
        let rule = self.plan.box_rule(mailbox);
        self.plan.working_time_after(rule, from, rule.due / 2)
    }

    fn told(&self, slip: &MessageSlip, mailbox: &str, occasion: Occasion) -> Vec<Delivery> {
        let mail = self.plan.box_rule(mailbox).mail.iter().cloned().map(Target::Mail);
        let all = mail.chain(self.hook.then_some(Target::Hook));
        all.map(|to| Delivery { slip: slip.slip, occasion, to }).collect()
    }
}

/// How long to wait before a mail or a web hook is tried once more, after so many tries in vain; `None`: it is given up.
pub fn pause_after(tries: u32) -> Option<Duration> {
    let doubled = FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(16));
    (tries < MOST_TRIES).then(|| doubled.min(LONGEST_PAUSE))
}
