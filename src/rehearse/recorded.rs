//! A day's calls out of the records that the daemon kept of them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::day::{Class, Source};
use crate::base::{Instant, Wall};
use crate::dialplan::Plan;
use crate::queue::Requirement;
use crate::record::{CallRecord, QueueOutcome, QueueVisit};

/// The calls of one queue, and what is assumed where the record cannot know: how long would a caller have talked
/// who gave up, how long would one have waited who was served?
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    pub(super) calls: Vec<RecordedCall>,
    /// The mean patience: all time waited, shared out among those who gave up (the likeliest mean if patience is
    /// exponential and cut short by being served). `None`: nobody gave up.
    pub(super) patience: Option<Duration>,
    /// Of those who were served.
    pub(super) talks: Vec<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RecordedCall {
    pub at: Instant,
    pub patience: Patience,
    /// `None`: was not served.
    pub talk: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Patience {
    Was(Duration),
    /// Was served, or went another way, after this time.
    MoreThan(Duration),
}

/// The classes of a recorded day, which began at `midnight`: one for each queue of the plan, and one for those of
/// its callers who spoke a language that the plan has a skill for. Also how many visits were to queues that the plan
/// does not have, and are left out.
pub fn recorded(plan: &Plan, records: &[CallRecord], midnight: Wall) -> (Vec<Class>, usize) {
    let mut classes: BTreeMap<(usize, Option<u16>), Class> = BTreeMap::new();
    let mut strangers = 0;
    let visits = records.iter().filter_map(|record| record.queue.as_ref().map(|visit| (record, visit)));
    for (record, visit) in visits {
        let Some((number, queue)) = plan.queues().iter().enumerate().find(|(_, q)| q.name == visit.name)
        else {
            strangers += 1;
            continue;
        };
        let speaks =
            |skill: &crate::dialplan::Skill| skill.language.as_ref().is_some_and(|l| l.0 == record.language);
        let language = plan.skills().iter().position(speaks).and_then(|skill| u16::try_from(skill).ok());
        let class = classes.entry((number, language)).or_insert_with(|| Class {
            name: match language {
                Some(_) => format!("{} {}", queue.name, record.language),
                None => queue.name.clone(),
            },
            queue: queue.id,
            needs: language.map(|skill| Requirement { skill, level: 1 }).into_iter().collect(),
            wrap_up: None,
            source: Source::Recorded(Recorded::default()),
        });
        if let Source::Recorded(recorded) = &mut class.source {
            recorded.calls.push(call(visit, midnight));
        }
    }
    let mut classes: Vec<_> = classes.into_values().collect();
    for class in &mut classes {
        if let Source::Recorded(recorded) = &mut class.source {
            recorded.conclude();
        }
    }
    (classes, strangers)
}

fn call(visit: &QueueVisit, midnight: Wall) -> RecordedCall {
    let waited = Duration::from_millis(visit.waited_ms);
    RecordedCall {
        at: Instant::ZERO + visit.entered.since(midnight),
        patience: match visit.outcome {
            QueueOutcome::Abandoned => Patience::Was(waited),
            _ => Patience::MoreThan(waited),
        },
        talk: (visit.outcome == QueueOutcome::Served).then(|| Duration::from_millis(visit.talked_ms)),
    }
}

impl Recorded {
    fn conclude(&mut self) {
        let waited = |call: &RecordedCall| match call.patience {
            Patience::Was(time) | Patience::MoreThan(time) => time,
        };
        let gave_up = self.calls.iter().filter(|call| matches!(call.patience, Patience::Was(_))).count();
        let waited: Duration = self.calls.iter().map(waited).sum();
        self.patience = u32::try_from(gave_up).ok().and_then(|gave_up| waited.checked_div(gave_up));
        self.talks = self.calls.iter().filter_map(|call| call.talk).collect();
        self.calls.sort_by_key(|call| call.at);
    }
}
