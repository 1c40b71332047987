//! `hotline reload`, `rollback`, `canary`, `versions` and `diff`: what is live, what was, and what another text would change.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::Form;
use super::agent::{columns, local};
use super::records::open;
use crate::base::Catalog;
use crate::daemon::control::{Order, Response, ask, line};
use crate::daemon::dialplans;
use crate::daemon::failure::Failure;
use crate::daemon::office::{InForce, Office};
use crate::daemon::prompts::Prompts;
use crate::daemon::settings::Settings;
use crate::daemon::store::{Sqlite, Store};
use crate::daemon::versions::{PROMPTED, Task};
use crate::dialplan::{self, Change, Plan, Prompted, SourceFile};
use crate::exchange::{CanaryLine, Tally};
use crate::record::{Version, VersionHow, VersionState, VersionTests};

/// `DD-MM` is nobody's order everywhere; seconds are nobody's business in a list.
const TIME: &str = "%Y-%m-%d %H:%M";

/// Has it done, and tells what came of it: what callers notice, what to look at.
pub fn change(state: &Path, task: Task, form: Form) -> Result<String, Failure> {
    let InForce { version, changes, warnings, tests } = Office::at(state).dialplan(task.clone(), "")?;
    if form == Form::Json {
        return Ok(line(&Response::Reloaded { warnings, version, changes, tests }));
    }
    let mut text = warnings.iter().map(|warning| format!("{warning}\n\n")).collect::<String>();
    text.push_str(&told(&changes));
    if let Some(VersionTests::Passed { tests }) = tests {
        let _ = writeln!(text, "{tests} tests passed");
    }
    let version = version.map_or("it".to_owned(), |version| format!("version {version}"));
    let _ = match task {
        Task::Reload { .. } => writeln!(text, "reloaded: {version} is live"),
        Task::Canary { per_mille, .. } => {
            writeln!(text, "{version} is tried with {} of new callers", percent(per_mille))
        }
        Task::Rollback { .. } => writeln!(
            text,
            "{version} is live, whatever lies on disk, until the next reload: mend the files before it"
        ),
        Task::Accept => writeln!(text, "the canary is live: {version}"),
        Task::Stop { .. } => writeln!(
            text,
            "the canary is over: {version} is live for everybody, whatever lies on disk, until the next reload"
        ),
    };
    Ok(text)
}

fn told(changes: &[Change]) -> String {
    changes.iter().map(|change| format!("{change}\n")).collect()
}

fn percent(per_mille: u16) -> String {
    match per_mille % 10 {
        0 => format!("{} %", per_mille / 10),
        tenths => format!("{}.{tenths} %", per_mille / 10),
    }
}

/// The history, the newest last: next to the prompt of a terminal.
pub fn versions(settings: &Settings, state: &Path, form: Form) -> Result<String, Failure> {
    let mut all = Office::at(state).versions()?;
    all.reverse();
    if form == Form::Json {
        return Ok(all.iter().map(line).collect());
    }
    let mut rows =
        vec![["version", "state", "since", "until", "by", "how", "tests", "changes"].map(str::to_owned)];
    for version in &all {
        rows.push([
            version.number.to_string(),
            state_name(version).to_owned(),
            local(version.since, TIME),
            version.until.map_or("-".to_owned(), |until| local(until, TIME)),
            version.by.clone(),
            how(version.how),
            tests(version.tests),
            version.changes.len().to_string(),
        ]);
    }
    let mut text = columns(&rows);
    if let Some(live) = all.iter().rfind(|version| version.state == VersionState::Live) {
        let _ = writeln!(text, "\n{}", on_disk(settings, state, live)?);
    }
    if all.iter().any(|version| version.state == VersionState::Canary) {
        // Without a daemon there is nobody who tries it.
        if let Ok(Response::Status { exchange, .. }) = ask(state, &Order::Status)
            && let Some(canary) = &exchange.canary
        {
            text.push_str(&trial(canary));
        }
    }
    Ok(text)
}

fn on_disk(settings: &Settings, state: &Path, live: &Version) -> Result<String, Failure> {
    let files = files_of(&open(state)?, live.number)?.0;
    let same = dialplans::files(&settings.dialplans).is_ok_and(|disk| disk == files);
    let number = live.number;
    Ok(match (same, live.pinned) {
        (true, _) => format!("version {number} is live, and lies on disk"),
        (false, true) => format!(
            "version {number} is live, and stays so when the hotline is started again; on disk lies something else: hotline diff says what"
        ),
        (false, false) => {
            format!("version {number} is live; on disk lies something else: hotline diff says what")
        }
    })
}

fn trial(canary: &CanaryLine) -> String {
    let share = |tally: &Tally, of: u32| {
        format!("{of} ({:.1} %)", 100.0 * f64::from(of) / f64::from(tally.calls.max(1)))
    };
    let row = |name: String, tally: &Tally| {
        [name, tally.calls.to_string(), share(tally, tally.gave_up), share(tally, tally.wrong_keys)]
    };
    let heads = ["calls with", "ended", "given up", "wrong keys"].map(str::to_owned);
    let rows = [
        heads,
        row("the live version".to_owned(), &canary.old),
        row(format!("version {}", canary.version), &canary.new),
    ];
    let left = match canary.left_ms {
        Some(0) => format!("accepted as soon as both have {} calls", canary.least_calls),
        Some(left) => format!("accepted in {} min unless something gets worse", left.div_ceil(60_000)),
        None => "until hotline canary accept, or stop".to_owned(),
    };
    let begun = canary.for_ms / 60_000;
    format!(
        "\nversion {} is tried with {} of new callers since {begun} min; {left}\n{}",
        canary.version,
        percent(canary.per_mille),
        columns(&rows)
    )
}

fn state_name(version: &Version) -> &'static str {
    match version.state {
        VersionState::Live if version.pinned => "live (pinned)",
        VersionState::Live => "live",
        VersionState::Canary => "canary",
        VersionState::Ended => "ended",
    }
}

fn how(how: VersionHow) -> String {
    match how {
        VersionHow::Start => "start".to_owned(),
        VersionHow::Reload => "reload".to_owned(),
        VersionHow::Rollback { of } => format!("rollback to {of}"),
        VersionHow::Canary { per_mille } => format!("canary {}", percent(per_mille)),
    }
}

fn tests(tests: VersionTests) -> String {
    match tests {
        VersionTests::Passed { tests } => format!("{tests} passed"),
        VersionTests::Skipped => "left out".to_owned(),
        VersionTests::NotRun => "not run".to_owned(),
        VersionTests::None => "none".to_owned(),
    }
}

/// One version: what was known of it, what it changed, and its files.
pub fn show(state: &Path, number: u64, form: Form) -> Result<String, Failure> {
    let store = open(state)?;
    let (version, mut files) = store
        .version(number)?
        .ok_or_else(|| Failure::Other(format!("there is no version {number}: see hotline versions")))?;
    files.retain(|file| file.name != PROMPTED);
    if form == Form::Json {
        let files: Vec<_> =
            files.iter().map(|file| json!({ "name": file.name, "text": file.text })).collect();
        return Ok(line(&json!({ "version": version, "files": files })));
    }
    let mut text = format!(
        "version {number}: {}, {} since {}, by {}; tests: {}; {} warnings\n",
        state_name(&version),
        how(version.how),
        local(version.since, TIME),
        version.by,
        tests(version.tests),
        version.warnings,
    );
    if let (Some(until), Some(why)) = (version.until, &version.ended) {
        let _ = writeln!(text, "ended {}: {why}", local(until, TIME));
    }
    version.changes.iter().for_each(|change| text.push_str(&format!("{change}\n")));
    for file in &files {
        let _ = write!(text, "\n# ---- {}\n{}", file.name, file.text);
        if !file.text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(text)
}

/// What callers would notice. Without `from` the live version, without `to` what lies on disk: what a reload would bring.
/// Each is the number of a version, or a folder.
pub fn diff(
    settings: &Settings,
    state: &Path,
    from: Option<&str>,
    to: Option<&str>,
    form: Form,
) -> Result<String, Failure> {
    let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
    // A folder alone is where one wants to go, not where one comes from.
    let (from, to) = match (from, to) {
        (Some(folder), None) if folder.parse::<u64>().is_err() => (None, Some(folder)),
        both => both,
    };
    let side = |named: Option<&str>, disk: bool| Side::read(settings, state, &prompts.catalog, named, disk);
    let (old, new) = (side(from, false)?, side(to, true)?);
    let mut changes = dialplan::changes(&old.plan, &new.plan);
    changes.extend(dialplan::prompt_changes(&old.prompted, &new.prompted));
    if form == Form::Json {
        return Ok(line(&json!({ "from": old.name, "to": new.name, "changes": changes })));
    }
    let count = match changes.len() {
        0 => "nothing that callers notice".to_owned(),
        1 => "1 change".to_owned(),
        more => format!("{more} changes"),
    };
    Ok(format!("{}{} -> {}: {count}\n", told(&changes), old.name, new.name))
}

/// What is compared.
struct Side {
    name: String,
    plan: Arc<Plan>,
    prompted: Prompted,
}

impl Side {
    fn read(
        settings: &Settings,
        state: &Path,
        catalog: &Arc<Catalog>,
        named: Option<&str>,
        disk: bool,
    ) -> Result<Side, Failure> {
        let config = &settings.dialplans;
        let now = Prompted::of(catalog);
        let (name, files, prompted) = match (named, named.map(str::parse::<u64>)) {
            (_, Some(Ok(number))) => {
                let (files, prompted) = files_of(&open(state)?, number)?;
                (format!("version {number}"), files, prompted)
            }
            (Some(folder), _) => {
                let config = dialplans::Config { folder: Some(PathBuf::from(folder)), ..config.clone() };
                (folder.to_owned(), dialplans::files(&config)?, now)
            }
            (None, _) if disk => ("what lies on disk".to_owned(), dialplans::files(config)?, now),
            (None, _) => {
                let store = open(state)?;
                let live = store.versions()?.into_iter().find(|version| version.state == VersionState::Live);
                let number = live.map(|version| version.number).ok_or_else(|| {
                    Failure::Other("no version was ever live with this state folder".to_owned())
                })?;
                let (files, prompted) = files_of(&store, number)?;
                (format!("version {number}, which is live"), files, prompted)
            }
        };
        let plan = dialplans::plan_of(&files, &config.trunks, catalog)?.0;
        Ok(Side { name, plan: Arc::new(plan), prompted })
    }
}

fn files_of(store: &Sqlite, number: u64) -> Result<(Vec<SourceFile>, Prompted), Failure> {
    let (_, files) = store
        .version(number)?
        .ok_or_else(|| Failure::Other(format!("there is no version {number}: see hotline versions")))?;
    let (said, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.name == PROMPTED);
    let prompted = said.first().map(|file| Prompted::read(&file.text)).unwrap_or_default();
    Ok((files, prompted))
}

/// `10%`, `2.5 %`: of a thousand.
pub fn parse_share(text: &str) -> Result<u16, String> {
    let wrong = || format!("{text:?} is no share of callers: write 10%, or 2.5%");
    let number: f64 = text.trim_end_matches('%').trim().parse().map_err(|_| wrong())?;
    let per_mille = (number * 10.0).round();
    if (1.0..=1000.0).contains(&per_mille) { Ok(per_mille as u16) } else { Err(wrong()) }
}

/// `30m`, `2h`, `90s`, `30 min`: seconds, a week at most.
pub fn parse_length(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no length of time: write 30m, 2h or 90s");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "s" => number,
        "m" | "min" => number.checked_mul(60).ok_or_else(wrong)?,
        "h" => number.checked_mul(3_600).ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    if (1..=7 * 86_400).contains(&seconds) { Ok(seconds) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_lengths_are_read_as_people_write_them() {
        assert_eq!(
            (parse_share("10%"), parse_share("2.5 %"), parse_share("100")),
            (Ok(100), Ok(25), Ok(1000))
        );
        assert_eq!(
            (parse_length("30m"), parse_length("2 h"), parse_length("90s")),
            (Ok(1_800), Ok(7_200), Ok(90))
        );
        for nonsense in ["", "0%", "101%", "ten", "-5%", "NaN"] {
            assert!(parse_share(nonsense).is_err(), "{nonsense}");
        }
        for nonsense in ["", "30", "0m", "9999999999999999h", "m", "8 d"] {
            assert!(parse_length(nonsense).is_err(), "{nonsense}");
        }
    }
}
