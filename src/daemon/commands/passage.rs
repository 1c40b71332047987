//! Rehearsing days through the whole dialplan: the live version, or what lies on disk, beside others.

use std::fs;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use jiff::civil::Date;

use super::Form;
use super::records::open;
use super::rehearse::{Records, RehearseOrder, day, file, written};
use crate::base::{Catalog, Wall};
use crate::daemon::control::line;
use crate::daemon::dialplans;
use crate::daemon::failure::Failure;
use crate::daemon::prompts::Prompts;
use crate::daemon::settings::Settings;
use crate::daemon::store::Store;
use crate::daemon::versions::PROMPTED;
use crate::dialplan::Plan;
use crate::record::VersionState;
use crate::rehearse::{self, Day, Days, Passage, Passages, Wishes};

/// The day that is lived through where no date is given: a Monday without a holiday.
const MONDAY: Date = Date::constant(2026, 11, 23);

/// One column.
struct Way {
    name: String,
    plan: Arc<Plan>,
    day: Day,
}

/// Lives through the days with every dialplan that was asked for, each on a thread of its own.
pub fn passage(
    settings: &Settings,
    folder: impl Fn() -> Result<PathBuf, Failure>,
    order: &RehearseOrder,
    form: Form,
) -> Result<String, Failure> {
    let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
    let catalog = &prompts.catalog;
    let on_disk = dialplans::load(&settings.dialplans, catalog)?.0;
    let mut ways: Vec<(String, Arc<Plan>)> = Vec::new();
    if let Some((number, plan)) = live(settings, &folder, catalog)? {
        ways.push((format!("version {number}, live"), plan));
    }
    if order.with.is_empty() || ways.is_empty() {
        ways.push(("on disk".to_owned(), on_disk));
    }
    for path in &order.with {
        let config = dialplans::Config { folder: Some(path.clone()), ..settings.dialplans.clone() };
        ways.push((format!("with {}", path.display()), dialplans::load(&config, catalog)?.0));
    }
    let Some((_, first)) = ways.first() else { return Ok(String::new()) };
    let first = Arc::clone(first);
    let date = order.recorded.unwrap_or(MONDAY);
    let midnight = date
        .to_zoned(first.time_zone().clone())
        .map_err(|_| Failure::Other(format!("there is no day {date}")))?;
    let midnight = Wall::from_micros(midnight.timestamp().as_microsecond());
    let written = written(order)?;
    let records = order.recorded.map(|date| Records::read(&folder()?, date, &first)).transpose()?;
    let roster = order.rosters.first().map(|path| file(path)).transpose()?;
    let ways = ways.into_iter().map(|(name, plan)| {
        let day = day(&written, roster.as_ref(), records.as_ref(), &plan)?;
        Ok(Way { name, plan, day })
    });
    let ways: Vec<Way> = ways.collect::<Result<_, Failure>>()?;
    let Some(usual) = ways.first() else { return Ok(String::new()) };
    let wishes = Wishes::of(&first, &usual.day, midnight);
    for class in &wishes.unreached {
        eprintln!(
            "no number and no menu of {} leads to the queue of class {class}: its callers are left out\n",
            usual.name
        );
    }
    let passages = Passages {
        day: written.name.clone(),
        days: order.days,
        passages: lived(&ways, &wishes, order.days, midnight),
    };
    if let Some(path) = &order.svg {
        fs::write(path, rehearse::chart(&passages)).map_err(Failure::write(path))?;
    }
    Ok(match form {
        Form::Table => passages.to_string(),
        Form::Json => line(&passages),
    })
}

/// The version in force with this state folder, where there is one and it differs from what lies on disk.
fn live(
    settings: &Settings,
    folder: &impl Fn() -> Result<PathBuf, Failure>,
    catalog: &Arc<Catalog>,
) -> Result<Option<(u64, Arc<Plan>)>, Failure> {
    let Ok(store) = folder().and_then(|folder| open(&folder)) else { return Ok(None) };
    let live = store.versions()?.into_iter().find(|version| version.state == VersionState::Live);
    let Some(number) = live.map(|version| version.number) else { return Ok(None) };
    let Some((_, mut files)) = store.version(number)? else { return Ok(None) };
    files.retain(|file| file.name != PROMPTED);
    if dialplans::files(&settings.dialplans).is_ok_and(|disk| disk == files) {
        return Ok(None);
    }
    let plan = dialplans::plan_of(&files, &settings.dialplans.trunks, catalog)?.0;
    Ok(Some((number, Arc::new(plan))))
}

fn lived(ways: &[Way], wishes: &Wishes, days: Days, midnight: Wall) -> Vec<Passage> {
    let (done, all) = (AtomicU32::new(0), days.count * u32::try_from(ways.len()).unwrap_or(1));
    let asks = std::io::stderr().is_terminal();
    let told = |_: u32| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if asks {
            eprint!("\r{done} of {all} days{}", if done == all { "\n\n" } else { "" });
        }
    };
    let one = |way: &Way| rehearse::pass(&way.name, &way.plan, wishes, &way.day, days, midnight, &told);
    thread::scope(|scope| {
        let running: Vec<_> = ways.iter().map(|way| scope.spawn(|| one(way))).collect();
        let lived = running.into_iter().map(|way| way.join());
        lived.map(|passage| passage.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
