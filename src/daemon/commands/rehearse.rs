//! Rehearsing days on the bench: files, records and flags become plans and days; what is simulated is the core's business.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use jiff::civil::Date;

use super::records::{Form, open};
use crate::base::Wall;
use crate::daemon::dialplans;
use crate::daemon::failure::Failure;
use crate::daemon::prompts::Prompts;
use crate::daemon::settings::Settings;
use crate::daemon::store::{CallFilter, Store};
use crate::dialplan::{Diagnostic, Plan, SourceFile};
use crate::record::CallRecord;
use crate::rehearse::{self, Day, Days, Outcome, Peer, Rehearsal};

/// The day of those who have not written one yet.
const EXAMPLE: &str = include_str!("../../rehearse/days/normal.toml");

/// What `hotline rehearse` is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct RehearseOrder {
    /// `None`: the example.
    pub day: Option<PathBuf>,
    /// The calls of this date instead of the day's own.
    pub recorded: Option<Date>,
    /// Each is one more column: other staff, another dialplan, another product.
    pub rosters: Vec<PathBuf>,
    pub with: Vec<PathBuf>,
    pub against: Vec<Peer>,
    /// From the first word on, not only in line; and where a chart of it is written.
    pub through: bool,
    pub svg: Option<PathBuf>,
    pub days: Days,
}

/// One column.
struct Way {
    name: String,
    plan: Arc<Plan>,
    day: Day,
    peer: Option<Peer>,
}

/// Lives through the days in every way that was asked for; each on a thread of its own. `folder` is where the records
/// are.
pub fn rehearse(
    settings: &Settings,
    folder: impl FnOnce() -> Result<PathBuf, Failure>,
    order: &RehearseOrder,
    form: Form,
) -> Result<String, Failure> {
    let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
    let load = |folder: Option<&PathBuf>| {
        let other = folder
            .map(|folder| dialplans::Config { folder: Some(folder.clone()), ..settings.dialplans.clone() });
        Ok::<_, Failure>(dialplans::load(other.as_ref().unwrap_or(&settings.dialplans), &prompts.catalog)?.0)
    };
    let plan = load(None)?;
    let written = written(order)?;
    let records = match order.recorded {
        Some(date) => Some(Records::read(&folder()?, date, &plan)?),
        None => None,
    };
    let read = |plan: &Plan, roster: Option<&SourceFile>| day(&written, roster, records.as_ref(), plan);
    let usual = read(&plan, None)?;
    let way = |name: String, plan: &Arc<Plan>, day: &Day, peer| Way {
        name,
        plan: Arc::clone(plan),
        day: day.clone(),
        peer,
    };
    let mut ways = vec![way("hotline".to_owned(), &plan, &usual, None)];
    for path in &order.with {
        let other = load(Some(path))?;
        ways.push(way(format!("with {}", path.display()), &other, &read(&other, None)?, None));
    }
    for path in &order.rosters {
        let day = read(&plan, Some(&file(path)?))?;
        ways.push(way(format!("roster {}", path.display()), &plan, &day, None));
    }
    for peer in &order.against {
        ways.push(way(peer.name().to_owned(), &plan, &usual, Some(*peer)));
    }
    let rehearsal =
        Rehearsal { day: written.name.clone(), days: order.days, outcomes: live(&ways, order.days) };
    Ok(match form {
        Form::Table => rehearsal.to_string(),
        Form::Json => rehearsal_json(&rehearsal),
    })
}

pub(super) fn written(order: &RehearseOrder) -> Result<SourceFile, Failure> {
    match &order.day {
        Some(path) => file(path),
        None => Ok(SourceFile { name: "normal.toml".to_owned(), text: EXAMPLE.to_owned() }),
    }
}

/// Everything that may be written in a day.
pub fn days_reference() -> String {
    rehearse::reference()
}

fn live(ways: &[Way], days: Days) -> Vec<Outcome> {
    let one = |way: &Way| rehearse::rehearse(&way.name, &way.plan, &way.day, days, way.peer);
    thread::scope(|scope| {
        let running: Vec<_> = ways.iter().map(|way| scope.spawn(move || one(way))).collect();
        let lived = running.into_iter().map(|way| way.join());
        lived.map(|outcome| outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

pub(super) fn day(
    written: &SourceFile,
    roster: Option<&SourceFile>,
    records: Option<&Records>,
    plan: &Plan,
) -> Result<Day, Failure> {
    let recorded = records.map(|records| {
        let (classes, strangers) = rehearse::recorded(plan, &records.calls, records.midnight);
        if strangers > 0 {
            eprintln!(
                "{strangers} recorded calls waited in queues that this dialplan does not have: left out\n"
            );
        }
        classes
    });
    match rehearse::read(written, roster, recorded, plan) {
        Ok((day, warnings)) => {
            if !warnings.is_empty() {
                eprintln!("{}\n", shown(&warnings));
            }
            Ok(day)
        }
        Err(mistakes) => Err(Failure::Dialplan { diagnostics: shown(&mistakes) }),
    }
}

fn shown(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n\n")
}

pub(super) fn file(path: &Path) -> Result<SourceFile, Failure> {
    let text = fs::read_to_string(path).map_err(Failure::read(path))?;
    Ok(SourceFile { name: path.display().to_string(), text })
}

/// A day's calls, by the dialplan's clock.
pub(super) struct Records {
    calls: Vec<CallRecord>,
    midnight: Wall,
}

impl Records {
    pub(super) fn read(folder: &Path, date: Date, plan: &Plan) -> Result<Self, Failure> {
        let midnight = |date: Date| {
            let start = date.to_zoned(plan.time_zone().clone()).ok()?;
            Some(Wall::from_micros(start.timestamp().as_microsecond()))
        };
        let bounds = midnight(date).zip(date.tomorrow().ok().and_then(midnight));
        let (from, until) = bounds.ok_or_else(|| Failure::Other(format!("there is no day {date}")))?;
        let mut calls =
            open(folder)?.calls(&CallFilter { latest: usize::MAX, since: Some(from), of: None })?;
        calls.retain(|call| call.queue.as_ref().is_some_and(|visit| (from..until).contains(&visit.entered)));
        if calls.is_empty() {
            return Err(Failure::Other(format!("nobody waited in a queue on {date}")));
        }
        Ok(Records { calls, midnight: from })
    }
}

fn rehearsal_json(rehearsal: &Rehearsal) -> String {
    let mut text = serde_json::to_string_pretty(rehearsal).unwrap_or_default();
    text.push('\n');
    text
}
