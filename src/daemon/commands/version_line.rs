//! What may be written on the command line about versions of the dialplan.

use std::path::Path;

use clap::{Args, Subcommand};

use super::Form;
use super::versions::{change, diff, parse_length, parse_share, show, versions};
use crate::daemon::failure::Failure;
use crate::daemon::settings::Settings;
use crate::daemon::versions::Task;

#[derive(Args)]
pub struct ReloadLine {
    /// Put it in force although its own tests fail; the history says so.
    #[arg(long)]
    without_tests: bool,
    /// For this share of new callers first, as 10%; back by itself when more of them give up or press wrong keys.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    canary: Option<u16>,
    /// The canary is accepted after so long unless something gets worse, as 30m or 2h; without it, by `hotline canary accept`.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_length, requires = "canary")]
    length: Option<u64>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

impl ReloadLine {
    pub fn run(self, state: &Path) -> Result<String, Failure> {
        let ReloadLine { without_tests, canary, length, json } = self;
        let task = match canary {
            Some(per_mille) => Task::Canary { per_mille, for_s: length, without_tests },
            None => Task::Reload { without_tests },
        };
        change(state, task, form(json))
    }
}

#[derive(Args)]
pub struct RollbackLine {
    /// The number of a version; without it, what was live before the present one.
    version: Option<u64>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

impl RollbackLine {
    pub fn run(self, state: &Path) -> Result<String, Failure> {
        change(state, Task::Rollback { to: self.version }, form(self.json))
    }
}

#[derive(Subcommand, Clone, Copy)]
pub enum CanaryOrder {
    /// All new callers meet it from now on.
    Accept,
    /// No new caller meets it any more.
    Stop,
}

impl CanaryOrder {
    pub fn run(self, state: &Path) -> Result<String, Failure> {
        let task = match self {
            CanaryOrder::Accept => Task::Accept,
            CanaryOrder::Stop => Task::Stop { why: "stopped by hand".to_owned() },
        };
        change(state, task, Form::Table)
    }
}

#[derive(Args)]
pub struct VersionsLine {
    #[command(subcommand)]
    order: Option<VersionsOrder>,
    /// One JSON object a line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum VersionsOrder {
    /// One version with its files.
    Show { version: u64 },
}

impl VersionsLine {
    pub fn run(self, settings: &Settings, state: &Path) -> Result<String, Failure> {
        match self.order {
            None => versions(settings, state, form(self.json)),
            Some(VersionsOrder::Show { version }) => show(state, version, form(self.json)),
        }
    }
}

#[derive(Args)]
pub struct DiffLine {
    /// The number of a version; without it, the live one.
    from: Option<String>,
    /// The number of a version, or a folder laid over the embedded dialplans; without it, what lies on disk.
    to: Option<String>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

impl DiffLine {
    pub fn run(self, settings: &Settings, state: &Path) -> Result<String, Failure> {
        diff(settings, state, self.from.as_deref(), self.to.as_deref(), form(self.json))
    }
}

fn form(json: bool) -> Form {
    if json { Form::Json } else { Form::Table }
}
