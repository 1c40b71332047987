//! The message boxes of a plan: whose turn it is, and by when.

use std::time::Duration;

use super::calendar::Hours;
use super::plan::{BoxRule, Plan};
use crate::base::Wall;

/// Working time is counted in these steps.
const STEP: Duration = Duration::from_secs(60);

/// So many of them are looked at: a calendar that is closed for half a year is one that nobody keeps.
const MOST_STEPS: u32 = 183 * 24 * 60;

impl Plan {
    pub fn box_rule(&self, mailbox: &str) -> &BoxRule {
        self.boxes.get(mailbox).unwrap_or(&self.every_box)
    }

    /// This much of the box's time later, and within it: `from` itself where nothing is left of it.
    pub fn working_time_after(&self, rule: &BoxRule, from: Wall, work: Duration) -> Wall {
        let calendar = rule.hours.and_then(|hours| self.calendars.get(hours));
        let Some(calendar) = calendar else { return later(from, work) };
        let (mut at, mut left) = (from, work);
        for _ in 0..MOST_STEPS {
            let open = calendar.hours(&self.zone, at) == Hours::Open;
            if open && left <= STEP {
                return later(at, left);
            }
            if open {
                left = left.saturating_sub(STEP);
            }
            at = later(at, STEP);
        }
        later(from, work)
    }

    /// Who gets what nobody has done with in `mailbox`, after it lay in `passed`: the delegate of whom it was left for,
    /// then the supervisor. A delegate does not delegate, and nobody gets it twice.
    pub fn next_holder(&self, mailbox: &str, passed: &[String]) -> Option<&str> {
        let delegate = |of: &str| {
            let own = self.agent_by_extension(of).and_then(|agent| agent.delegate);
            self.box_rule(of).delegate.or(own)
        };
        let supervisor = |of: &str| self.box_rule(of).supervisor;
        let by_delegation = passed.last().is_some_and(|last| {
            delegate(last).and_then(|id| self.agent(id)).is_some_and(|agent| agent.extension == mailbox)
        });
        let first = passed.first().map(String::as_str);
        let wanted =
            [delegate(mailbox).filter(|_| !by_delegation), supervisor(mailbox), first.and_then(supervisor)];
        let holders = wanted.into_iter().flatten().filter_map(|id| self.agent(id));
        let mut others = holders.map(|agent| agent.extension.as_str());
        others.find(|holder| *holder != mailbox && !passed.iter().any(|before| before == holder))
    }
}

fn later(at: Wall, by: Duration) -> Wall {
    Wall::from_micros(at.as_micros().saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
}
