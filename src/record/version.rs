//! A version of the dialplan: when it was live, who put it in force, what was known of it.

use serde::{Deserialize, Serialize};

use crate::base::Wall;

/// One entry of the history. Numbers rise and are never given twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub number: u64,
    /// When it was put in force, or on trial.
    pub since: Wall,
    /// Who did: a user of the machine, a signal, the hotline itself.
    pub by: String,
    pub how: VersionHow,
    pub state: VersionState,
    /// When and why it is no longer in force.
    #[serde(default)]
    pub until: Option<Wall>,
    #[serde(default)]
    pub ended: Option<String>,
    pub tests: VersionTests,
    /// What the check pointed out, beside what it would have refused.
    pub warnings: u32,
    /// What callers notice of it beside what was in force before, each in one line.
    #[serde(default)]
    pub changes: Vec<String>,
    /// Live whatever lies on disk: at the next start, too.
    #[serde(default)]
    pub pinned: bool,
    /// It was in force for all callers at some time.
    #[serde(default)]
    pub was_live: bool,
}

/// How a version came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionHow {
    /// The hotline found it on disk when it started.
    Start,
    Reload,
    /// The text of an earlier version again.
    Rollback {
        of: u64,
    },
    /// For a share of new callers first: so many of a thousand.
    Canary {
        per_mille: u16,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionState {
    Live,
    /// A share of new callers meets it.
    Canary,
    Ended,
}

/// What came of the dialplan's own tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionTests {
    Passed {
        tests: u32,
    },
    /// It was put in force without them by somebody's order.
    Skipped,
    /// They were not run: at a start, and where the same text was live before.
    NotRun,
    /// The dialplan has none.
    None,
}
