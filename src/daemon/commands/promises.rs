//! `hotline promises`: what callers were promised, what became of it, and a report of one against the other.

use std::path::Path;

use clap::{Args, Subcommand};
use jiff::{ToSpan, Zoned};

use super::agent::{columns, done, local};
use super::parse_until;
use super::records::{Form, json};
use crate::base::{CallId, Masked, Wall};
use crate::daemon::failure::Failure;
use crate::daemon::office::Office;
use crate::record::{Promise, PromiseState};
use crate::report::{Kept, Per, kept_promises};

/// What is asked for.
#[derive(Args, Clone, Debug)]
pub struct Promises {
    #[command(subcommand)]
    order: Option<PromiseOrder>,
    /// Also those that have ended, of the last days.
    #[arg(long)]
    all: bool,
    /// How many days, today being one: with --all, and for the report.
    #[arg(long, global = true, default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=3660))]
    days: i64,
    /// One JSON object a line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand, Clone, Debug)]
enum PromiseOrder {
    /// What is open (the default).
    List,
    /// Made, kept in time, late, broken and passed on, for each day and queue.
    Report {
        /// For each day and person who promised, instead.
        #[arg(long)]
        persons: bool,
    },
    /// An agent has said that they call a customer back: their phone rings then, and the customer's when they are there.
    Make {
        /// The agent's extension.
        agent: String,
        number: String,
        /// 15:30, or a date and time.
        #[arg(long, value_parser = parse_until)]
        at: Wall,
    },
    /// A person has called them: it is kept.
    Kept {
        /// As `12` or `c12`.
        #[arg(value_parser = call_id)]
        promise: CallId,
    },
    /// A person sees to it: nobody is called any more.
    Settle {
        /// As `12` or `c12`.
        #[arg(value_parser = call_id)]
        promise: CallId,
    },
}

/// Lists, reports, or changes.
pub fn promises(folder: &Path, asked: Promises) -> Result<String, Failure> {
    let Promises { order, all, days, json } = asked;
    let form = if json { Form::Json } else { Form::Table };
    let office = Office::at(folder);
    let read = |since| office.promises(since);
    let settle = |promise, kept| done(office.settle_promise(promise, kept));
    match order {
        None | Some(PromiseOrder::List) => {
            let since = if all { Some(day_before(days)) } else { None };
            Ok(list(&read(since)?, form))
        }
        Some(PromiseOrder::Report { persons }) => {
            let since = day_before(days);
            let mut made = read(Some(since))?;
            made.retain(|promise| promise.made >= since);
            Ok(report(&made, if persons { Per::Person } else { Per::Queue }, form))
        }
        Some(PromiseOrder::Make { agent, number, at }) => {
            done(office.promise(agent, Masked::new(number), at))
        }
        Some(PromiseOrder::Kept { promise }) => settle(promise, true),
        Some(PromiseOrder::Settle { promise }) => settle(promise, false),
    }
}

/// The beginning of the first of so many days, the last one being today.
fn day_before(days: i64) -> Wall {
    let today = Zoned::now().start_of_day().and_then(|today| today.checked_sub((days - 1).days()));
    Wall::from_micros(today.map_or(0, |day| day.timestamp().as_microsecond()))
}

pub(super) fn call_id(text: &str) -> Result<CallId, String> {
    let number = text.trim_start_matches('c').parse();
    number.map(CallId).map_err(|_| "not a number, as 12 or c12".to_owned())
}

/// Numbers masked.
fn list(promises: &[Promise], form: Form) -> String {
    if form == Form::Json {
        let line = |promise: &Promise| {
            json(&serde_json::json!({
                "promise": promise.promise,
                "kind": promise.kind.name(),
                "call": promise.call,
                "number": promise.number.to_string(),
                "queue": promise.queue,
                "owner": promise.owner,
                "holder": promise.holder,
                "made": promise.made,
                "due": promise.due,
                "by": promise.by,
                "tries": promise.tries,
                "last": promise.last,
                "state": promise.result(),
                "ended": promise.ended,
            }))
        };
        return promises.iter().map(line).collect();
    }
    let head = ["promise", "kind", "number", "owner", "with", "made", "due", "by", "state", "tries", "last"];
    let mut rows = vec![head.map(str::to_owned)];
    for promise in promises {
        let queue = || format!("queue {}", promise.queue);
        rows.push([
            promise.promise.to_string(),
            promise.kind.name().to_owned(),
            promise.number.to_string(),
            promise.owner.clone().unwrap_or_else(queue),
            promise.holder.clone().unwrap_or_else(queue),
            local(promise.made, "%m-%d %H:%M"),
            local(promise.due, "%m-%d %H:%M"),
            promise.by.map_or("-".to_owned(), |by| local(by, "%H:%M")),
            state(promise),
            promise.tries.to_string(),
            promise.last.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    columns(&rows)
}

fn state(promise: &Promise) -> String {
    match (promise.state, promise.ended) {
        (PromiseState::Open, _) | (_, None) => promise.result().to_owned(),
        (_, Some(ended)) => format!("{} {}", promise.result(), local(ended, "%H:%M")),
    }
}

fn report(promises: &[Promise], per: Per, form: Form) -> String {
    let lines = kept_promises(promises, per, |promise| local(promise.made, "%Y-%m-%d"));
    let whose = match per {
        Per::Queue => "queue",
        Per::Person => "person",
    };
    if form == Form::Json {
        let line = |((day, name), kept): (&(String, String), &Kept)| {
            json(&serde_json::json!({
                "day": day, whose: name, "made": kept.made, "kept": kept.kept, "late": kept.late,
                "broken": kept.broken, "passed_on": kept.passed_on, "open": kept.open,
                "by_others": kept.by_others, "in_time_percent": kept.in_time(),
            }))
        };
        return lines.iter().map(line).collect();
    }
    let head =
        ["day", whose, "made", "in time", "late", "broken", "passed on", "open", "by others", "kept in time"];
    let mut rows = vec![head.map(str::to_owned)];
    for ((day, name), kept) in lines {
        let [made, in_time, late, broken, passed_on, open, others] =
            [kept.made, kept.kept, kept.late, kept.broken, kept.passed_on, kept.open, kept.by_others]
                .map(|count| count.to_string());
        let percent = kept.in_time().map_or("-".to_owned(), |percent| format!("{percent} %"));
        rows.push([day, name, made, in_time, late, broken, passed_on, open, others, percent]);
    }
    columns(&rows)
}
