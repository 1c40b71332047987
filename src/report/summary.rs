//! The summary of any number of calls, by queue.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::record::{CallRecord, QueueOutcome, QueueVisit};

/// Who hangs up within this time of entering a queue may have dialled wrongly: no failure of the service.
pub const AT_ONCE: Duration = Duration::from_secs(5);

/// Figures of a set of calls. Built with `collect()`, or call by call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub calls: u64,
    pub answered: u64,
    /// Calls that left a message.
    pub messages: u64,
    /// By the word for the end.
    pub ends: BTreeMap<&'static str, u64>,
    /// By the name of the last queue that the caller entered.
    pub queues: BTreeMap<String, QueueFigures>,
}

/// Each caller who entered is counted under exactly one outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueFigures {
    pub entered: u64,
    pub served: u64,
    /// Of those served, within the target.
    pub in_time: u64,
    /// Hung up while waiting, at once or not.
    pub abandoned: u64,
    /// Of those, within [`AT_ONCE`].
    pub at_once: u64,
    pub left_by_key: u64,
    pub max_wait: u64,
    /// Not let in: the queue was full, or nobody was signed on.
    pub turned_away: u64,
    /// Phones rung in vain: agents who did not take an offer.
    pub offers_lost: u64,
    pub answer_speed: Mean,
    pub handling: Mean,
    pub longest_wait_ms: u64,
}

/// A mean of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mean {
    pub count: u64,
    pub total_ms: u64,
}

/// A share, or nothing where there was nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub of: u64,
    pub part: u64,
}

impl Summary {
    pub fn add(&mut self, call: &CallRecord) {
        self.calls += 1;
        self.answered += u64::from(call.answered.is_some());
        self.messages += u64::from(call.slip.is_some());
        *self.ends.entry(call.end.name()).or_default() += 1;
        if let Some(visit) = &call.queue {
            self.queues.entry(visit.name.clone()).or_default().add(visit);
        }
    }

    /// All queues together.
    pub fn total(&self) -> QueueFigures {
        let mut total = QueueFigures::default();
        self.queues.values().for_each(|queue| total.merge(queue));
        total
    }
}

impl<'a> FromIterator<&'a CallRecord> for Summary {
    fn from_iter<T: IntoIterator<Item = &'a CallRecord>>(calls: T) -> Self {
        let mut summary = Summary::default();
        calls.into_iter().for_each(|call| summary.add(call));
        summary
    }
}

impl QueueFigures {
    pub fn add(&mut self, visit: &QueueVisit) {
        self.entered += 1;
        self.longest_wait_ms = self.longest_wait_ms.max(visit.waited_ms);
        self.offers_lost += u64::from(visit.offers);
        match visit.outcome {
            QueueOutcome::Served => {
                self.served += 1;
                self.in_time += u64::from(visit.waited_ms <= visit.target_ms);
                // The last offer was taken.
                self.offers_lost -= u64::from(visit.offers.min(1));
                self.answer_speed.add(visit.waited_ms);
                self.handling.add(visit.talked_ms);
            }
            QueueOutcome::Abandoned => {
                self.abandoned += 1;
                self.at_once += u64::from(u128::from(visit.waited_ms) < AT_ONCE.as_millis());
            }
            QueueOutcome::LeftByKey => self.left_by_key += 1,
            QueueOutcome::MaxWait => self.max_wait += 1,
            QueueOutcome::Full | QueueOutcome::NobodySignedOn | QueueOutcome::Closed => self.turned_away += 1,
        }
    }

    fn merge(&mut self, other: &QueueFigures) {
        self.entered += other.entered;
        self.served += other.served;
        self.in_time += other.in_time;
        self.abandoned += other.abandoned;
        self.at_once += other.at_once;
        self.left_by_key += other.left_by_key;
        self.max_wait += other.max_wait;
        self.turned_away += other.turned_away;
        self.offers_lost += other.offers_lost;
        self.answer_speed.merge(other.answer_speed);
        self.handling.merge(other.handling);
        self.longest_wait_ms = self.longest_wait_ms.max(other.longest_wait_ms);
    }

    /// Who hung up at once counts neither for nor against.
    pub fn service_level(&self) -> Share {
        Share { of: self.entered - self.at_once, part: self.in_time }
    }

    /// Everybody who hung up while waiting.
    pub fn abandonment(&self) -> Share {
        Share { of: self.entered, part: self.abandoned }
    }

    /// Without those who hung up at once.
    pub fn abandonment_counted(&self) -> Share {
        Share { of: self.entered - self.at_once, part: self.abandoned - self.at_once }
    }
}

impl Mean {
    fn add(&mut self, ms: u64) {
        self.count += 1;
        self.total_ms = self.total_ms.saturating_add(ms);
    }

    fn merge(&mut self, other: Mean) {
        self.count += other.count;
        self.total_ms = self.total_ms.saturating_add(other.total_ms);
    }

    /// `None` of nothing.
    pub fn value(self) -> Option<Duration> {
        Some(Duration::from_millis(self.total_ms.checked_div(self.count)?))
    }
}

impl Share {
    /// In tenths of a per cent, rounded. `None` of nobody.
    pub fn per_mille(self) -> Option<u64> {
        (self.part * 1000 + self.of / 2).checked_div(self.of)
    }
}

/// `81.5 %`, or a dash.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per_mille() {
            Some(share) => f.pad(&format!("{}.{} %", share / 10, share % 10)),
            None => f.pad("-"),
        }
    }
}

/// Seconds with one decimal, or a dash.
impl fmt::Display for Mean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(mean) => f.pad(&format!("{:.1} s", mean.as_secs_f64())),
            None => f.pad("-"),
        }
    }
}

/// The table of `hotline calls --summary`.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} calls, {} answered, {} messages", self.calls, self.answered, self.messages)?;
        for (end, count) in &self.ends {
            writeln!(f, "  {count:>6}  {end}")?;
        }
        if self.queues.is_empty() {
            return Ok(());
        }
        let total = ("all".to_owned(), self.total());
        let total = (self.queues.len() > 1).then_some((&total.0, &total.1));
        let rows: Vec<_> = self.queues.iter().chain(total).collect();
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(5);
        writeln!(
            f,
            "\n{:width$} {:>8} {:>8} {:>8} {:>9} {:>9} {:>10} {:>10} {:>9} {:>8}",
            "queue",
            "entered",
            "served",
            "in time",
            "ASA",
            "AHT",
            "abandoned",
            "after 5 s",
            "longest",
            "others"
        )?;
        for (name, queue) in rows {
            let longest = format!("{:.1} s", Duration::from_millis(queue.longest_wait_ms).as_secs_f64());
            writeln!(
                f,
                "{name:width$} {:>8} {:>8} {:>8} {:>9} {:>9} {:>10} {:>10} {longest:>9} {:>8}",
                queue.entered,
                queue.served,
                queue.service_level(),
                queue.answer_speed,
                queue.handling,
                queue.abandonment(),
                queue.abandonment_counted(),
                queue.left_by_key + queue.max_wait + queue.turned_away,
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CallId, Masked, Wall};
    use crate::record::CallEnd;

    fn call(queue: Option<(&str, QueueOutcome, u64, u64)>) -> CallRecord {
        let visit = |(name, outcome, waited_ms, talked_ms): (&str, QueueOutcome, u64, u64)| QueueVisit {
            name: name.to_owned(),
            entered: Wall::default(),
            waited_ms,
            offers: 2,
            outcome,
            agent: None,
            talked_ms,
            target_ms: 20_000,
        };
        CallRecord {
            call: CallId(1),
            sip_call_id: String::new(),
            from: Masked::default(),
            withheld: false,
            diverted: Vec::new(),
            dialled: String::new(),
            origin: String::new(),
            language: String::new(),
            grade: None,
            started: Wall::default(),
            answered: queue.map(|_| Wall::default()),
            ended: Wall::default(),
            stages: Vec::new(),
            keys: Masked::default(),
            queue: queue.map(visit),
            recordings: Vec::new(),
            slip: None,
            outside: None,
            complaint: None,
            survey: None,
            notes: Vec::new(),
            legs: Vec::new(),
            version: None,
            wrong_keys: 0,
            end: CallEnd::CallerHungUp,
        }
    }

    fn day() -> Vec<CallRecord> {
        use QueueOutcome::*;
        [
            Some(("vip", Served, 4_000, 100_000)),
            Some(("vip", Served, 20_000, 200_000)),
            Some(("vip", Served, 20_001, 60_000)),
            Some(("vip", Abandoned, 4_999, 0)),
            Some(("vip", Abandoned, 5_000, 0)),
            Some(("vip", LeftByKey, 61_000, 0)),
            Some(("complaint", MaxWait, 300_000, 0)),
            Some(("complaint", NobodySignedOn, 0, 0)),
            None,
        ]
        .map(call)
        .to_vec()
    }

    #[test]
    fn figures_of_a_queue() {
        let summary: Summary = day().iter().collect();
        let vip = &summary.queues["vip"];
        assert_eq!((vip.entered, vip.served, vip.in_time), (6, 3, 2));
        assert_eq!((vip.abandoned, vip.at_once, vip.left_by_key), (2, 1, 1));
        assert_eq!(vip.offers_lost, 9);
        // 2 of the 5 who did not hang up at once.
        assert_eq!(vip.service_level().per_mille(), Some(400));
        assert_eq!(vip.abandonment().per_mille(), Some(333));
        assert_eq!(vip.abandonment_counted().per_mille(), Some(200));
        assert_eq!(vip.answer_speed.value(), Some(Duration::from_millis(14_667)));
        assert_eq!(vip.handling.value(), Some(Duration::from_secs(120)));
        assert_eq!(vip.longest_wait_ms, 61_000);
    }

    #[test]
    fn every_caller_has_one_outcome() {
        let summary: Summary = day().iter().collect();
        assert_eq!((summary.calls, summary.answered), (9, 8));
        let all = summary.total();
        assert_eq!(all.entered, 8);
        assert_eq!(all.served + all.abandoned + all.left_by_key + all.max_wait + all.turned_away, 8);
    }

    #[test]
    fn nothing_is_a_dash_and_not_a_division() {
        let none = QueueFigures::default();
        assert_eq!(
            (none.service_level().to_string(), none.answer_speed.to_string()),
            ("-".into(), "-".into())
        );
        assert_eq!(Summary::default().to_string(), "0 calls, 0 answered, 0 messages\n");
    }

    #[test]
    fn the_table() {
        let summary: Summary = day().iter().collect();
        let expected = "\
9 calls, 8 answered, 0 messages
       9  caller-hung-up

queue      entered   served  in time       ASA       AHT  abandoned  after 5 s   longest   others
complaint        2        0    0.0 %         -         -      0.0 %      0.0 %   300.0 s        2
vip              6        3   40.0 %    14.7 s   120.0 s     33.3 %     20.0 %    61.0 s        1
all              8        3   28.6 %    14.7 s   120.0 s     25.0 %     14.3 %   300.0 s        3
";
        assert_eq!(summary.to_string(), expected);
    }
}
