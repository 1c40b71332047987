//! What a simulated day came to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::checker::Broken;
use super::faults::Fault;
use crate::exchange::{CanaryNews, FloorEvent, Notice, Output};
use crate::record::{CallRecord, QueueOutcome, Record, SlipState};

/// Who waited shorter than this and hung up has not been made to wait (the industry's "short abandons").
const ABANDONED_FROM: Duration = Duration::from_secs(5);

/// The figures of a run, and its hash.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub seed: u64,
    /// Calls with a record, desks' own included.
    pub calls: u64,
    pub refused: u64,
    /// By the word of the record.
    pub ends: BTreeMap<&'static str, u64>,
    pub queues: BTreeMap<String, QueueFigures>,
    /// Slips that became durable.
    pub messages: u64,
    /// Phones that rang for a caller out of a queue.
    pub offers: u64,
    /// Agents who were told who it is before they were joined.
    pub whispers: u64,
    /// Calls that an agent handed on, whatever came of it; that were parked; that somebody else picked up; and times that
    /// an agent was reminded of a caller on hold.
    pub handed_on: u64,
    pub parked: u64,
    pub picked_up: u64,
    pub reminders: u64,
    /// Persons who were asked urgently what becomes of a caller, and what came of it, by the words of the floor.
    pub urgent: BTreeMap<String, u64>,
    /// What callers were promised, and how it ended, by the words of the floor.
    pub promises: BTreeMap<String, u64>,
    pub messages_in: u64,
    /// Before they were read.
    pub dropped: u64,
    pub messages_out: u64,
    pub inputs: u64,
    pub outputs: u64,
    pub faults: BTreeMap<Fault, u64>,
    /// Of the virtual clock.
    pub simulated: Duration,
    /// SHA-256 of the whole output in order.
    pub hash: String,
    pub broken: Vec<Broken>,
    /// Calls that each exchange took.
    pub taken: Vec<u64>,
    /// How often words between exchanges were lost.
    pub missed: u64,
    /// What became of a plan that some callers met first.
    pub canary: Option<CanaryNews>,
    /// The planted fault found its moment.
    pub sabotaged: bool,
}

/// One queue's day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueFigures {
    pub offered: u64,
    pub served: u64,
    /// Within the queue's target.
    pub in_time: u64,
    /// Hung up after [`ABANDONED_FROM`].
    pub abandoned: u64,
    /// Hung up before.
    pub short_abandoned: u64,
    /// Left for a message, after the longest wait, or before they could wait at all.
    pub left: u64,
    waited_ms: u64,
    pub talked: Duration,
}

impl QueueFigures {
    /// Percent of all callers who were answered within the target; short abandons do not count.
    pub fn service_level(&self) -> f64 {
        percent(self.in_time, self.offered - self.short_abandoned)
    }

    pub fn abandonment(&self) -> f64 {
        percent(self.abandoned, self.offered)
    }

    /// Average speed of answer.
    pub fn asa(&self) -> Duration {
        Duration::from_millis(self.waited_ms.checked_div(self.served).unwrap_or(0))
    }

    fn add(&mut self, record: &CallRecord) {
        let Some(visit) = &record.queue else { return };
        self.offered += 1;
        match visit.outcome {
            QueueOutcome::Served => {
                self.served += 1;
                self.in_time += u64::from(visit.waited_ms <= visit.target_ms);
                self.waited_ms += visit.waited_ms;
                self.talked += Duration::from_millis(visit.talked_ms);
            }
            QueueOutcome::Abandoned if Duration::from_millis(visit.waited_ms) < ABANDONED_FROM => {
                self.short_abandoned += 1;
            }
            QueueOutcome::Abandoned => self.abandoned += 1,
            _ => self.left += 1,
        }
    }
}

impl Report {
    pub(super) fn take(&mut self, output: &Output) {
        self.outputs += 1;
        match output {
            Output::Transmit(_) => self.messages_out += 1,
            Output::Notice(Notice::Offered { .. }) => self.offers += 1,
            Output::Notice(Notice::Floor(event)) => match &**event {
                FloorEvent::Urgent { state, .. } => {
                    *self.urgent.entry(state.clone()).or_default() += 1;
                }
                FloorEvent::Promise { result, .. } => {
                    *self.promises.entry(result.clone()).or_default() += 1;
                }
                _ => {}
            },
            Output::Notice(Notice::Refused { .. }) => self.refused += 1,
            Output::Record(Record::Call(record)) => {
                self.calls += 1;
                *self.ends.entry(record.end.name()).or_default() += 1;
                let is = |what: &str| record.stages.iter().any(|stage| stage.detail.starts_with(what));
                self.handed_on += u64::from(is("blind by"));
                self.parked += u64::from(is("parked at"));
                self.picked_up += u64::from(is("picked up by"));
                let reminded = record.stages.iter().filter(|stage| stage.detail.ends_with("is reminded"));
                self.reminders += reminded.count() as u64;
                if let Some(visit) = &record.queue {
                    self.queues.entry(visit.name.clone()).or_default().add(record);
                }
            }
            Output::Record(Record::Slip(slip)) if slip.state == SlipState::New => self.messages += 1,
            _ => {}
        }
    }

    /// Every sentence held.
    pub fn is_sound(&self) -> bool {
        self.broken.is_empty()
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 100.0 } else { part as f64 * 100.0 / whole as f64 }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.simulated.as_secs() / 60;
        writeln!(
            f,
            "seed {}: {} calls in {} h {:02} min of virtual time",
            self.seed,
            self.calls,
            minutes / 60,
            minutes % 60
        )?;
        writeln!(
            f,
            "  SIP {} in, {} out; {} inputs, {} outputs",
            self.messages_in, self.messages_out, self.inputs, self.outputs
        )?;
        writeln!(f, "  {} offers, {} messages taken, {} refusals", self.offers, self.messages, self.refused)?;
        writeln!(
            f,
            "  {} handed on, {} parked, {} picked up, {} reminders of callers on hold",
            self.handed_on, self.parked, self.picked_up, self.reminders
        )?;
        let urgent: Vec<_> = self.urgent.iter().map(|(state, count)| format!("{count} {state}")).collect();
        writeln!(f, "  urgent slips: {}", urgent.join(", "))?;
        writeln!(f, "\n  {:<16} {:>7}", "ended", "calls")?;
        for (end, calls) in &self.ends {
            writeln!(f, "  {end:<16} {calls:>7}")?;
        }
        writeln!(
            f,
            "\n  {:<16} {:>7} {:>7} {:>7} {:>9} {:>7} {:>7} {:>7}",
            "queue", "offered", "served", "level %", "abandon %", "short", "left", "ASA s"
        )?;
        for (name, queue) in &self.queues {
            writeln!(
                f,
                "  {name:<16} {:>7} {:>7} {:>7.1} {:>9.1} {:>7} {:>7} {:>7.1}",
                queue.offered,
                queue.served,
                queue.service_level(),
                queue.abandonment(),
                queue.short_abandoned,
                queue.left,
                queue.asa().as_secs_f64()
            )?;
        }
        if !self.faults.is_empty() {
            writeln!(f, "\n  {:<18} {:>5}", "fault", "times")?;
            for (fault, times) in &self.faults {
                writeln!(f, "  {:<18} {times:>5}", format!("{fault:?}"))?;
            }
        }
        writeln!(f, "\n  hash {}", self.hash)?;
        match self.broken.len() {
            0 => write!(f, "  every invariant held"),
            count => {
                write!(f, "  {count} broken invariants:")?;
                self.broken.iter().take(20).try_for_each(|broken| write!(f, "\n    {broken}"))
            }
        }
    }
}
