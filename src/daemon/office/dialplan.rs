//! Which dialplan is in force, and which was.

use super::{Office, refused};
use crate::daemon::control::{Order, Response};
use crate::daemon::failure::Failure;
use crate::daemon::store::Store;
use crate::daemon::versions::Task;
use crate::dialplan::Change;
use crate::record::{Version, VersionTests};

/// What came of a task: what is live now, or on trial.
#[derive(Clone, Debug, PartialEq)]
pub struct InForce {
    pub version: Option<u64>,
    /// What callers notice of it.
    pub changes: Vec<Change>,
    /// What a person should look at.
    pub warnings: Vec<String>,
    pub tests: Option<VersionTests>,
}

impl Office {
    /// Settings, prompts and dialplans are read again, or an earlier version is taken. `by`: who wants it; by the control
    /// socket the daemon itself knows better.
    pub fn dialplan(&self, task: Task, by: &str) -> Result<InForce, Failure> {
        match self.order_by(Order::Dialplan(task), by)? {
            Response::Reloaded { warnings, version, changes, tests } => {
                Ok(InForce { version, changes, warnings, tests })
            }
            Response::Refused(mistakes) => {
                Err(Failure::Other(format!("not done, everything stays as it was:\n{mistakes}")))
            }
            other => Err(refused(other)),
        }
    }

    /// What was in force or on trial, the newest first.
    pub fn versions(&self) -> Result<Vec<Version>, Failure> {
        self.store(|store| Ok(store.versions()?))
    }
}
