//! Who may call, and when: one caller and one moment for each difference that a plan makes between them. What a proof
//! says of all calls it says of these.

use jiff::civil::Time;

use super::calendar::{Hours, local};
use super::flow::{By, Edge, Graph};
use super::plan::Plan;
use super::step::{Step, Value};
use crate::base::{Masked, Wall};

/// More are not looked at: a plan whose calendars and lists differ in more ways is proven without examples for the rest.
const MOST: usize = 96;

/// A year ahead, in days.
const DAYS: usize = 366;

/// Numbers looked at of one list: its entries differ in nothing but the number, and the overlap with other lists.
const OF_ONE_LIST: usize = 40;

/// A caller and a moment, and what the plan's calendars and lists say of them.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Circumstance {
    pub(super) from: Masked<String>,
    pub(super) at: Wall,
    hours: Vec<Hours>,
    /// Whether each list has the number.
    lists: Vec<bool>,
}

impl Circumstance {
    /// Whether such a call may leave the step so. Only what calendars and the caller's number decide is known.
    pub(super) fn allows(&self, step: &Step, by: &By) -> bool {
        self.allows_hours(step, by) && self.allows_number(step, by)
    }

    /// Whether such a call may take this edge.
    pub(super) fn may(&self, plan: &Plan, graph: &Graph, edge: &Edge) -> bool {
        graph.step(plan, edge.from).is_none_or(|step| self.allows(step, &edge.by))
    }

    /// The same at any hour.
    pub(super) fn allows_number(&self, step: &Step, by: &By) -> bool {
        match step {
            Step::Lookup { list, by: Value::Caller, .. } => {
                self.lists.get(*list).copied().unwrap_or(false) == (*by == By::Found)
            }
            _ => true,
        }
    }

    fn allows_hours(&self, step: &Step, by: &By) -> bool {
        let Step::Hours { calendar, .. } = step else { return true };
        let meant = match by {
            By::Open => Hours::Open,
            By::Holiday => Hours::Holiday,
            _ => Hours::Closed,
        };
        self.hours.get(*calendar).is_none_or(|hours| *hours == meant)
    }

    /// Whether this calendar is open.
    pub(super) fn is_open(&self, calendar: usize) -> bool {
        self.hours.get(calendar) == Some(&Hours::Open)
    }
}

/// Callers at moments from this one on, the plainest first: an unknown number, now.
pub(super) fn circumstances(plan: &Plan, from: Wall) -> Vec<Circumstance> {
    let moments = moments(plan, from);
    let numbers = numbers(plan);
    let both = numbers.iter().flat_map(|(number, lists)| {
        moments.iter().map(move |(at, hours)| Circumstance {
            from: Masked::new(number.clone()),
            at: *at,
            hours: hours.clone(),
            lists: lists.clone(),
        })
    });
    both.take(MOST).collect()
}

/// A moment for each way in which the calendars differ within a year.
fn moments(plan: &Plan, from: Wall) -> Vec<(Wall, Vec<Hours>)> {
    let said = |at: Wall| plan.calendars.iter().map(|c| c.hours(&plan.zone, at)).collect::<Vec<_>>();
    let mut found: Vec<(Wall, Vec<Hours>)> = vec![(from, said(from))];
    let Some(today) = local(&plan.zone, from).map(|at| at.date()) else { return found };
    let mut minutes: Vec<u16> = plan.calendars.iter().flat_map(|calendar| calendar.minutes()).collect();
    minutes.push(0);
    minutes.sort_unstable();
    minutes.dedup();
    let days = std::iter::successors(Some(today), |date| date.tomorrow().ok()).take(DAYS);
    for date in days {
        // A day on which every calendar goes by its week, and that week has been looked at, has nothing new.
        if date > today.saturating_add(jiff::Span::new().days(7))
            && plan.calendars.iter().all(|calendar| calendar.is_plain(date))
        {
            continue;
        }
        for minute in &minutes {
            // A few minutes past the change: who dials then is not overtaken by it.
            let Ok(time) = Time::new((minute / 60 % 24) as i8, (minute % 60) as i8, 0, 0) else { continue };
            let Ok(zoned) = date.to_datetime(time).to_zoned(plan.zone.clone()) else { continue };
            let at = Wall::from_micros(zoned.timestamp().as_microsecond());
            let hours = said(at);
            if at < from || found.iter().any(|(_, known)| *known == hours) {
                continue;
            }
            let later = Wall::from_micros(at.as_micros().saturating_add(PAST_THE_CHANGE));
            let at = if said(later) == hours { later } else { at };
            found.push((at, hours));
            if found.len() == MOST {
                return found;
            }
        }
    }
    found
}

/// Ten minutes, in microseconds.
const PAST_THE_CHANGE: i64 = 600_000_000;

/// A caller's number for each way in which the lists differ: first one that no list has.
fn numbers(plan: &Plan) -> Vec<(String, Vec<bool>)> {
    let said = |number: &str| plan.lists.iter().map(|list| list.find(number).is_some()).collect::<Vec<_>>();
    let strangers = (0..10).map(|digit: u8| format!("135{digit}2345678"));
    let entries = plan.lists.iter().flat_map(|list| list.entries.iter().take(OF_ONE_LIST));
    let listed = entries.map(|entry| entry.pattern.example(0));
    // Who withholds the number is in no list.
    let mut found: Vec<(String, Vec<bool>)> = Vec::new();
    let unknown = strangers.chain([String::new()]).find(|number| !said(number).contains(&true));
    for number in unknown.into_iter().chain(listed) {
        let lists = said(&number);
        if !found.iter().any(|(_, known)| *known == lists) {
            found.push((number, lists));
        }
    }
    found
}
