//! What a plan says of complaints: whose they are, by when there is an answer, and whom the hotline calls about them.

use std::time::Duration;

use super::calendar::Hours;
use super::plan::{BoxRule, ComplaintRule, FollowUpRule, Plan};
use crate::base::{AgentId, Wall};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How far ahead an hour is looked for in which somebody may be told.
const LOOKED_AT: u32 = 31 * 24 * 4;
const STEP: Duration = Duration::from_secs(15 * 60);

impl FollowUpRule {
    pub fn may_call(&self, number: &str) -> bool {
        self.to.iter().any(|pattern| pattern.matches(number))
    }
}

impl ComplaintRule {
    pub fn supervisor(&self) -> Option<AgentId> {
        self.supervisor
    }

    /// The result of what was accepted then is owed by that day.
    pub fn result_due(&self, accepted: Wall) -> Wall {
        accepted + DAY * self.result_days
    }

    /// No result may be put off beyond it.
    pub fn latest_due(&self, accepted: Wall) -> Wall {
        accepted + DAY * self.most_days
    }

    /// Its owner is reminded then.
    pub fn reminded(&self, result_due: Wall) -> Wall {
        let before = i64::try_from((DAY * self.remind_days).as_micros()).unwrap_or(i64::MAX);
        Wall::from_micros(result_due.as_micros().saturating_sub(before))
    }
}

impl Plan {
    pub fn complaints(&self) -> &ComplaintRule {
        &self.complaints
    }

    /// When the first answer to what was accepted then is owed.
    pub fn answer_due(&self, accepted: Wall) -> Wall {
        let rule = BoxRule { hours: self.complaints.hours, ..BoxRule::default() };
        self.working_time_after(&rule, accepted, self.complaints.answer_within)
    }

    /// The first moment from then on in which anybody may be told of a complaint, or called about one.
    pub fn complaint_hours(&self, from: Wall) -> Wall {
        let calendar = self.complaints.hours.and_then(|hours| self.calendars.get(hours));
        let Some(calendar) = calendar else { return from };
        let mut at = from;
        for _ in 0..LOOKED_AT {
            if calendar.hours(&self.zone, at) == Hours::Open {
                return at;
            }
            at = at + STEP;
        }
        from
    }

    pub fn complaint_owner(&self) -> Option<&str> {
        self.agent(self.complaints.owner?).map(|agent| agent.extension.as_str())
    }

    pub fn complaint_supervisor(&self) -> Option<&str> {
        self.agent(self.complaints.supervisor?).map(|agent| agent.extension.as_str())
    }
}
