//! What becomes of an order that concerns the dialplan, up to the point where the loop puts it in force: read, checked,
//! tested, compared with what is live, and written into the history. All of it on a thread beside the loop.
//!
//! ```text
//!   reload:   settings, prompts, files on disk --+
//!   rollback: settings, prompts, files of a version --+--> plan --> own tests --> changes --> history --> Prepared
//!   canary:   as a reload                        --+                   |                                    |
//!                                             any mistake: refused, everything stays          the loop's next turn
//! ```

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock;
use super::dialplans;
use super::failure::Failure;
use super::loaded::{Load, Loaded};
use super::prompts::Prompts;
use super::store::{Sqlite, Store, StoreError};
use crate::cases;
use crate::dialplan::{self, Change, Plan, Prompted, SourceFile};
use crate::record::{Version, VersionHow, VersionState, VersionTests};

/// What each prompt said lies with a version's files under this name, which no file has.
pub const PROMPTED: &str = "";

/// So many failed tests are told.
const TOLD: usize = 10;

/// What is to be done about the dialplan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// What lies on disk, for everybody.
    Reload {
        #[serde(default)]
        without_tests: bool,
    },
    /// What lies on disk, for so many callers of a thousand first.
    Canary {
        per_mille: u16,
        /// Accepted after it, unless something gets worse. Seconds.
        #[serde(default)]
        for_s: Option<u64>,
        #[serde(default)]
        without_tests: bool,
    },
    /// Another version; `None`: what was live before the present one.
    Rollback {
        #[serde(default)]
        to: Option<u64>,
    },
    /// The canary for everybody.
    Accept,
    /// The canary for nobody any more; why.
    Stop { why: String },
}

/// A task, and who wants it done.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub task: Task,
    pub by: String,
}

/// What is to be put in force now.
#[derive(Debug)]
pub enum Prepared {
    Live(Box<Loaded>),
    Trial {
        loaded: Box<Loaded>,
        per_mille: u16,
        length: Option<Duration>,
    },
    /// The trial's plan, with the settings and prompts that were read with it.
    Accepted,
    Stopped,
}

/// What was done, for whoever ordered it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    pub version: Option<u64>,
    pub changes: Vec<Change>,
    pub warnings: Vec<String>,
    pub tests: Option<VersionTests>,
}

/// What is live while a task is prepared.
#[derive(Clone)]
pub struct Present {
    pub load: Load,
    pub prompts: Prompts,
    pub plan: Arc<Plan>,
    pub history: History,
}

impl Present {
    /// # Errors
    /// Whatever speaks against it, in full; nothing has been changed then.
    pub fn prepare(&self, wanted: &Wanted) -> Result<(Prepared, Done), Failure> {
        match &wanted.task {
            Task::Accept => Ok((Prepared::Accepted, self.told(|| self.history.accept_canary()))),
            Task::Stop { why } => Ok((Prepared::Stopped, self.told(|| self.history.stop_canary(why)))),
            Task::Reload { without_tests } => {
                let (loaded, done) = self.read(wanted, None, VersionHow::Reload, *without_tests)?;
                Ok((Prepared::Live(Box::new(loaded)), done))
            }
            Task::Canary { per_mille, for_s, without_tests } => {
                let how = VersionHow::Canary { per_mille: *per_mille };
                let (loaded, done) = self.read(wanted, None, how, *without_tests)?;
                let length = for_s.map(Duration::from_secs);
                Ok((Prepared::Trial { loaded: Box::new(loaded), per_mille: *per_mille, length }, done))
            }
            Task::Rollback { to } => {
                let (version, files) = self.history.earlier(*to)?;
                let how = VersionHow::Rollback { of: version.number };
                let (loaded, done) = self.read(wanted, Some(files), how, true)?;
                Ok((Prepared::Live(Box::new(loaded)), done))
            }
        }
    }

    fn told(&self, change: impl FnOnce() -> Result<Option<u64>, StoreError>) -> Done {
        let mut done = Done::default();
        match change() {
            Ok(version) => done.version = version,
            Err(error) => {
                done.warnings.push(format!("the history of the dialplan is not up to date: {error}"))
            }
        }
        done
    }

    fn read(
        &self,
        wanted: &Wanted,
        files: Option<Vec<SourceFile>>,
        how: VersionHow,
        untested: bool,
    ) -> Result<(Loaded, Done), Failure> {
        let pinned = files.is_some();
        let mut loaded = Loaded::again(&self.load, &self.prompts, files)?;
        let tests = match how {
            VersionHow::Rollback { .. } => VersionTests::NotRun,
            _ if untested => VersionTests::Skipped,
            _ => pass(&loaded.plan, &loaded.files)?,
        };
        let (before, after) = (Prompted::of(self.plan.catalog()), Prompted::of(loaded.plan.catalog()));
        let mut changes = dialplan::changes(&self.plan, &loaded.plan);
        changes.extend(dialplan::prompt_changes(&before, &after));
        let version = Version {
            number: 0,
            since: clock::now().wall,
            by: wanted.by.clone(),
            how,
            state: match how {
                VersionHow::Canary { .. } => VersionState::Canary,
                _ => VersionState::Live,
            },
            until: None,
            ended: None,
            tests,
            warnings: u32::try_from(loaded.warnings.len()).unwrap_or(u32::MAX),
            changes: changes.iter().map(Change::to_string).collect(),
            pinned,
            was_live: !matches!(how, VersionHow::Canary { .. }),
        };
        let kept = self.told(|| self.history.keep(&version, &loaded).map(Some));
        loaded.is_version(kept.version);
        let mut warnings = loaded.warnings.clone();
        warnings.extend(kept.warnings);
        Ok((loaded, Done { version: kept.version, changes, warnings, tests: Some(tests) }))
    }
}

/// Makes the calls of the dialplan's own tests: one thread, since voices are heard meanwhile.
fn pass(plan: &Arc<Plan>, files: &[SourceFile]) -> Result<VersionTests, Failure> {
    let tests: Vec<SourceFile> =
        files.iter().filter(|file| dialplans::is_test(&file.name)).cloned().collect();
    if tests.is_empty() {
        return Ok(VersionTests::None);
    }
    let cases = cases::read(&tests, plan).map_err(|mistakes| dialplans::mistakes(&mistakes))?;
    let failed: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let fault = cases::run(plan, case).fault?;
            let step = fault.step.map(|step| format!("step {}: ", step + 1)).unwrap_or_default();
            Some(format!("{} ({}): {step}{}", case.name, case.place, fault.reason))
        })
        .collect();
    if failed.is_empty() {
        return Ok(VersionTests::Passed { tests: u32::try_from(cases.len()).unwrap_or(u32::MAX) });
    }
    let more = match failed.len().checked_sub(TOLD) {
        None | Some(0) => String::new(),
        Some(more) => format!("\nand {more} more"),
    };
    Err(Failure::Other(format!(
        "{} of {} tests of the dialplan fail (hotline test shows the calls; --without-tests, where it must be):\n{}{more}",
        failed.len(),
        cases.len(),
        failed.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("\n"),
    )))
}

/// The versions in the store: who changed what, when.
#[derive(Clone, Debug)]
pub struct History {
    pub database: PathBuf,
}

impl History {
    fn open(&self) -> Result<Sqlite, StoreError> {
        Sqlite::open_existing(&self.database)
    }

    /// A new version, and the end of what it takes the place of.
    fn keep(&self, version: &Version, loaded: &Loaded) -> Result<u64, StoreError> {
        let mut store = self.open()?;
        let next = store.versions()?.first().map_or(1, |newest| newest.number + 1);
        let is_live = version.state == VersionState::Live;
        let mut touched: Vec<Version> = Vec::new();
        for mut other in store.versions()?.into_iter().filter(|other| other.state != VersionState::Ended) {
            if is_live || other.state == VersionState::Canary {
                end(&mut other, version.since, format!("version {next} took its place"));
            } else {
                // On disk lies what is on trial: a start must not take it for all.
                other.pinned = true;
            }
            touched.push(other);
        }
        store.keep_version(version, &with_prompts(loaded), &touched)
    }

    fn earlier(&self, wanted: Option<u64>) -> Result<(Version, Vec<SourceFile>), Failure> {
        let store = self.open()?;
        let number = match wanted {
            Some(number) => number,
            None => {
                let ended = |version: &Version| version.state == VersionState::Ended && version.was_live;
                let before = store.versions()?.into_iter().find(ended);
                before.map(|version| version.number).ok_or_else(|| {
                    Failure::Other("there is no earlier version: this is the first".to_owned())
                })?
            }
        };
        let found = store.version(number)?;
        let (version, mut files) = found
            .ok_or_else(|| Failure::Other(format!("there is no version {number}: see hotline versions")))?;
        files.retain(|file| file.name != PROMPTED);
        Ok((version, files))
    }

    fn accept_canary(&self) -> Result<Option<u64>, StoreError> {
        let (mut store, now) = (self.open()?, clock::now().wall);
        let mut open: Vec<Version> = store.versions()?;
        open.retain(|version| version.state != VersionState::Ended);
        let accepted =
            open.iter().find(|version| version.state == VersionState::Canary).map(|canary| canary.number);
        for version in &mut open {
            if version.state == VersionState::Canary {
                (version.state, version.was_live) = (VersionState::Live, true);
            } else if let Some(accepted) = accepted {
                end(version, now, format!("version {accepted} took its place"));
            }
        }
        store.change_versions(&open)?;
        Ok(accepted)
    }

    fn stop_canary(&self, why: &str) -> Result<Option<u64>, StoreError> {
        let (mut store, now) = (self.open()?, clock::now().wall);
        let mut canaries: Vec<Version> = store.versions()?;
        canaries.retain(|version| version.state == VersionState::Canary);
        canaries.iter_mut().for_each(|canary| end(canary, now, why.to_owned()));
        store.change_versions(&canaries)?;
        Ok(store
            .versions()?
            .iter()
            .find(|version| version.state == VersionState::Live)
            .map(|live| live.number))
    }
}

fn end(version: &mut Version, at: crate::base::Wall, why: String) {
    version.state = VersionState::Ended;
    (version.until, version.ended) = (Some(at), Some(why));
}

fn with_prompts(loaded: &Loaded) -> Vec<SourceFile> {
    let said = Prompted::of(loaded.plan.catalog()).written();
    loaded.files.iter().cloned().chain([SourceFile { name: PROMPTED.to_owned(), text: said }]).collect()
}

/// The files of the version that is live whatever lies on disk, where there is one.
///
/// # Errors
/// The store cannot be read.
pub fn pinned(store: &impl Store) -> Result<Option<(u64, Vec<SourceFile>)>, StoreError> {
    let live =
        store.versions()?.into_iter().find(|version| version.state == VersionState::Live && version.pinned);
    let Some(number) = live.map(|version| version.number) else { return Ok(None) };
    let found = store.version(number)?;
    Ok(found.map(|(_, mut files)| {
        files.retain(|file| file.name != PROMPTED);
        (number, files)
    }))
}

/// Writes into the history what the hotline has started with: the version that was live, if its text is the same.
///
/// # Errors
/// The store cannot be read or written.
pub fn started(store: &mut impl Store, loaded: &mut Loaded) -> Result<(), StoreError> {
    let now = clock::now().wall;
    let mut open = store.versions()?;
    let next = open.first().map_or(1, |newest| newest.number + 1);
    open.retain(|version| version.state != VersionState::Ended);
    let live = open.iter().find(|version| version.state == VersionState::Live).map(|live| live.number);
    let mut files = match live {
        Some(number) => store.version(number)?.map(|(_, files)| files).unwrap_or_default(),
        None => Vec::new(),
    };
    files.retain(|file| file.name != PROMPTED);
    let same = live.is_some() && files == *loaded.files;
    open.retain(|version| !same || version.state == VersionState::Canary);
    for version in &mut open {
        let why = match version.state {
            VersionState::Canary => "the hotline ended".to_owned(),
            _ => format!("the hotline was started with another dialplan, version {next}"),
        };
        end(version, now, why);
    }
    if same {
        loaded.is_version(live);
        return store.change_versions(&open);
    }
    let version = Version {
        number: 0,
        since: now,
        by: "start".to_owned(),
        how: VersionHow::Start,
        state: VersionState::Live,
        until: None,
        ended: None,
        tests: VersionTests::NotRun,
        warnings: u32::try_from(loaded.warnings.len()).unwrap_or(u32::MAX),
        changes: Vec::new(),
        pinned: false,
        was_live: true,
    };
    let number = store.keep_version(&version, &with_prompts(loaded), &open)?;
    loaded.is_version(Some(number));
    Ok(())
}
