//! What was promised to callers, against what was kept.
//!
//! | figure | meaning here |
//! |---|---|
//! | kept | the customer was reached in time, called first, or wanted it no longer; where no time was named, ever |
//! | late | reached, but after the time that was named and what is granted on top (`promise_within_s`) |
//! | broken | nobody called them |
//! | passed on | called in vain as often as the rules say, or taken out of the machine's hands: a person sees to it |
//!
//! Each promise that has ended counts in one of these; who promised it has it in their line, whoever kept it.

use std::collections::BTreeMap;

use crate::record::{Promise, PromiseState};

/// Of some promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub made: u32,
    pub open: u32,
    pub kept: u32,
    pub late: u32,
    pub broken: u32,
    pub passed_on: u32,
    /// Of those that were kept, late or not: by somebody else than who had promised.
    pub by_others: u32,
}

impl Kept {
    fn take(&mut self, promise: &Promise) {
        self.made += 1;
        match promise.state {
            PromiseState::Open => self.open += 1,
            PromiseState::Kept if promise.is_late() => self.late += 1,
            PromiseState::Kept => self.kept += 1,
            PromiseState::Broken => self.broken += 1,
            PromiseState::PassedOn => self.passed_on += 1,
        }
        let others = promise.state == PromiseState::Kept && promise.holder != promise.owner;
        self.by_others += u32::from(others);
    }

    /// In per cent of those that have ended, to a whole one; `None` where none has.
    pub fn in_time(&self) -> Option<u32> {
        let ended = self.kept + self.late + self.broken + self.passed_on;
        (ended > 0).then(|| (200 * self.kept + ended) / (2 * ended))
    }
}

/// What the lines of a report are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    Queue,
    /// Who promised.
    Person,
}

/// A line for each day and queue or person, in this order. `day`: on which a promise was made, in the house's time.
pub fn kept_promises(
    promises: &[Promise],
    per: Per,
    day: impl Fn(&Promise) -> String,
) -> BTreeMap<(String, String), Kept> {
    let mut lines: BTreeMap<(String, String), Kept> = BTreeMap::new();
    for promise in promises {
        let whose = match per {
            Per::Queue => promise.queue.clone(),
            Per::Person => promise.owner.clone().unwrap_or_else(|| format!("queue {}", promise.queue)),
        };
        lines.entry((day(promise), whose)).or_default().take(promise);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CallId, Masked, Wall};
    use crate::record::PromiseKind;

    #[test]
    fn every_promise_that_has_ended_counts_once() {
        let at = |seconds: i64| Wall::from_micros(seconds * 1_000_000);
        let promise = |owner: &str, holder: Option<&str>, state, ended| Promise {
            promise: CallId(1),
            kind: PromiseKind::Time,
            call: None,
            number: Masked::from("13800138000"),
            queue: "consultation".to_owned(),
            owner: Some(owner.to_owned()),
            holder: holder.map(str::to_owned),
            language: "zh-CN".to_owned(),
            grade: None,
            made: at(0),
            due: at(100),
            by: Some(at(200)),
            tries: 0,
            last: None,
            state,
            ended,
        };
        let promises = [
            promise("8001", Some("8001"), PromiseState::Kept, Some(at(200))),
            promise("8001", Some("8001"), PromiseState::Kept, Some(at(201))),
            promise("8001", None, PromiseState::Kept, Some(at(150))),
            promise("8001", None, PromiseState::Broken, Some(at(999))),
            promise("8001", Some("8001"), PromiseState::Open, None),
            promise("8002", Some("8002"), PromiseState::PassedOn, Some(at(300))),
        ];
        let day = |_: &Promise| "2026-11-22".to_owned();
        let lines: Vec<_> = kept_promises(&promises, Per::Person, day).into_iter().collect();
        let [((_, first), one), ((_, second), two)] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((first.as_str(), second.as_str()), ("8001", "8002"));
        let all = Kept { made: 5, open: 1, kept: 2, late: 1, broken: 1, passed_on: 0, by_others: 1 };
        assert_eq!((*one, one.in_time()), (all, Some(50)));
        assert_eq!((two.passed_on, two.in_time()), (1, Some(0)));
        let queues = kept_promises(&promises, Per::Queue, day);
        assert_eq!(queues.values().map(|kept| kept.made).collect::<Vec<_>>(), [6]);
    }
}
