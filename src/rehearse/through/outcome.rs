//! Where a day's callers ended, by class: in figures, as a table, and as the numbers that a chart is drawn from.

use std::fmt;

use serde::Serialize;

use crate::base::Instant;
use crate::rehearse::figures::{Estimate, Sample};
use crate::rehearse::table::{columns, difference, shown};

/// How a visit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    Person,
    Message,
    Callback,
    /// The plan said goodbye, and nobody was there.
    Goodbye,
    /// To another queue after the first: not followed any further.
    SentOn,
    GaveUpInMenu,
    GaveUpInLine,
}

impl Ends {
    pub const ALL: [Ends; 7] = [
        Ends::Person,
        Ends::Message,
        Ends::Callback,
        Ends::Goodbye,
        Ends::SentOn,
        Ends::GaveUpInMenu,
        Ends::GaveUpInLine,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Ends::Person => "reached a person",
            Ends::Message => "left a message",
            Ends::Callback => "is called back",
            Ends::Goodbye => "goodbye, without a person",
            Ends::SentOn => "sent on to another queue",
            Ends::GaveUpInMenu => "gave up in a menu",
            Ends::GaveUpInLine => "gave up in line",
        }
    }
}

/// One caller's visit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub class: usize,
    pub began: Instant,
    /// By its place in the plan.
    pub queue: Option<usize>,
    pub end: Ends,
    pub answered: Option<Instant>,
    pub keys: u32,
    pub wrong_keys: u32,
}

impl Visit {
    pub fn new(class: usize, began: Instant) -> Self {
        Visit { class, began, queue: None, end: Ends::GaveUpInMenu, answered: None, keys: 0, wrong_keys: 0 }
    }
}

/// One class on one day.
#[derive(Clone, Debug, Default)]
struct ClassDay {
    calls: u32,
    ends: [u32; 7],
    /// Served in another queue than theirs.
    wrong_place: u32,
    wrong_keys: u32,
    keys: u32,
    seconds: f64,
}

/// One day.
#[derive(Clone, Debug)]
pub(super) struct DayEnds(Vec<ClassDay>);

impl DayEnds {
    pub fn new(classes: usize, visits: impl Iterator<Item = Visit>, wanted: &[usize]) -> Self {
        let mut days = vec![ClassDay::default(); classes];
        for visit in visits {
            let Some(day) = days.get_mut(visit.class) else { continue };
            day.calls += 1;
            if let Some(count) = day.ends.get_mut(visit.end as usize) {
                *count += 1;
            }
            day.wrong_keys += u32::from(visit.wrong_keys > 0);
            if let Some(answered) = visit.answered {
                day.wrong_place += u32::from(visit.queue != wanted.get(visit.class).copied());
                day.keys += visit.keys;
                day.seconds += answered.since(visit.began).as_secs_f64();
            }
        }
        DayEnds(days)
    }
}

/// The days of one plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Passage {
    pub name: String,
    pub classes: Vec<PassageFigures>,
}

/// One class: a sample for each figure, in per cent of its calls, keys or seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PassageFigures {
    pub name: String,
    pub queue: String,
    /// Calls of a day.
    pub calls: Sample,
    /// In the order of [`Ends::ALL`].
    pub ends: Vec<Sample>,
    /// Served, in another queue than theirs.
    pub wrong_place: Sample,
    /// Callers who pressed a key that means nothing, or none where one was asked for.
    pub wrong_keys: Sample,
    /// Of those who reached a person: keys pressed, and seconds from dialling to the answer.
    pub keys: Sample,
    pub seconds: Sample,
}

impl PassageFigures {
    /// With what each is called and its unit.
    pub(in crate::rehearse) fn all(&self) -> Vec<(&'static str, &'static str, &Sample)> {
        let ends = Ends::ALL.iter().zip(&self.ends).map(|(end, sample)| (end.name(), "%", sample));
        let more = [
            ("in the wrong place", "%", &self.wrong_place),
            ("wrong keys", "%", &self.wrong_keys),
            ("keys to a person", "", &self.keys),
            ("seconds to a person", "s", &self.seconds),
        ];
        ends.chain(more).collect()
    }

    fn add(&mut self, day: &ClassDay) {
        let share = |part: u32| (day.calls > 0).then(|| 100.0 * f64::from(part) / f64::from(day.calls));
        self.calls.0.push(Some(f64::from(day.calls)));
        for (sample, count) in self.ends.iter_mut().zip(day.ends) {
            sample.0.push(share(count));
        }
        self.wrong_place.0.push(share(day.wrong_place));
        self.wrong_keys.0.push(share(day.wrong_keys));
        let served = day.ends.first().copied().unwrap_or(0);
        let mean = |sum: f64| (served > 0).then(|| sum / f64::from(served));
        self.keys.0.push(mean(f64::from(day.keys)));
        self.seconds.0.push(mean(day.seconds));
    }
}

impl Passage {
    pub(super) fn new(name: &str, classes: &[(String, String)], days: &[DayEnds]) -> Self {
        let classes = classes.iter().enumerate().map(|(number, (class, queue))| {
            let ends = vec![Sample::default(); Ends::ALL.len()];
            let mut figures = PassageFigures {
                name: class.clone(),
                queue: queue.clone(),
                ends,
                ..PassageFigures::default()
            };
            days.iter().filter_map(|day| day.0.get(number)).for_each(|day| figures.add(day));
            figures
        });
        Passage { name: name.to_owned(), classes: classes.collect() }
    }
}

/// The same days with several plans; the first is what the others are compared with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Passages {
    pub day: String,
    pub days: super::Days,
    pub passages: Vec<Passage>,
}

impl fmt::Display for Passages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.passages.split_first() else { return Ok(()) };
        let calls: f64 = first.classes.iter().filter_map(|c| c.calls.estimate()).map(|e| e.mean).sum();
        writeln!(
            f,
            "{}: {} days of about {calls:.0} calls through the dialplan, seed {}; +- is half of the 95 % confidence interval\n",
            self.day, self.days.count, self.days.seed
        )?;
        let names = self.passages.iter().map(|passage| passage.name.clone());
        let mut rows =
            vec![["class".to_owned(), "its callers".to_owned()].into_iter().chain(names).collect::<Vec<_>>()];
        for class in &first.classes {
            let calls = class.calls.estimate().map_or(0.0, |calls| calls.mean);
            let mut head = format!("{} ({calls:.0} calls)", class.name);
            for (at, (name, unit, sample)) in class.all().into_iter().enumerate() {
                let others: Vec<Option<&Sample>> =
                    others.iter().map(|other| figure(other, &class.name, at)).collect();
                // What never happens is not worth a line.
                if std::iter::once(Some(sample)).chain(others.iter().copied()).flatten().all(is_nothing) {
                    continue;
                }
                let mut row =
                    vec![std::mem::take(&mut head), name.to_owned(), shown(sample.estimate(), unit)];
                for own in others {
                    let value = shown(own.and_then(Sample::estimate), unit);
                    let more: Option<Estimate> = own.and_then(|own| own.more_than(sample));
                    row.push(more.map_or(value.clone(), |more| format!("{value} ({})", difference(more))));
                }
                rows.push(row);
            }
        }
        write!(f, "{}", columns(&rows))
    }
}

fn figure<'a>(passage: &'a Passage, class: &str, at: usize) -> Option<&'a Sample> {
    let class = passage.classes.iter().find(|known| known.name == class)?;
    class.all().into_iter().nth(at).map(|(.., sample)| sample)
}

fn is_nothing(sample: &Sample) -> bool {
    sample.0.iter().all(|value| value.is_none_or(|value| value == 0.0))
}
