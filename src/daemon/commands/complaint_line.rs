//! The arguments of `hotline complaint`, `hotline complaints` and `hotline surveys`.

use std::path::Path;

use clap::{Args, Subcommand};

use super::complaints::{
    ComplaintCommand, complaint, complaints, note, parse_case, parse_severity, parse_state, surveys,
};
use super::{Form, parse_until};
use crate::base::{CallId, Masked, Wall};
use crate::daemon::failure::Failure;
use crate::daemon::store::ComplaintFilter;
use crate::record::{CaseNumber, ComplaintState, ComplaintUpdate, Severity};

#[derive(Subcommand)]
enum ComplaintLine {
    /// The caller of a call complains: print the number of the case. In a call that runs the caller hears it when the
    /// talk is over, or on the agent's key.
    Accept {
        /// As `12` or `c12`.
        #[arg(value_parser = call_id)]
        call: CallId,
        #[arg(long, default_value = "", hide_default_value = true)]
        category: String,
        /// One of low, normal or high.
        #[arg(long, default_value = "normal", value_parser = parse_severity)]
        severity: Severity,
        /// What the customer expects.
        #[arg(long, value_name = "TEXT")]
        expects: Option<String>,
        /// Whose it is, by extension; without it the agent's who talked with them.
        #[arg(long, value_name = "EXTENSION")]
        owner: Option<String>,
    },
    /// Everything that is known of one.
    Show {
        #[arg(value_parser = parse_case)]
        case: CaseNumber,
    },
    /// Say how it stands.
    State {
        #[arg(value_parser = parse_case)]
        case: CaseNumber,
        /// One of accepted, in-work, answered, solved, reopened or closed.
        // Not `state`: by that name the folder of the daemon goes.
        #[arg(value_parser = parse_state, value_name = "STATE")]
        stands: ComplaintState,
    },
    /// Give it to somebody.
    Owner {
        #[arg(value_parser = parse_case)]
        case: CaseNumber,
        extension: String,
    },
    Category {
        #[arg(value_parser = parse_case)]
        case: CaseNumber,
        category: String,
    },
    Severity {
        #[arg(value_parser = parse_case)]
        case: CaseNumber,
        #[arg(value_parser = parse_severity)]
        severity: Severity,
    },
    /// Write down what the customer expects.
    Expects {
        #[arg(value_parser = parse_case)]
        case: CaseNumber,
        text: String,
    },
    /// Put the result off to another day, as 2026-12-15; not beyond `most_days` of the dialplan's `[complaints]`.
    Due {
        #[arg(value_parser = parse_case)]
        case: CaseNumber,
        #[arg(value_parser = parse_until)]
        day: Wall,
    },
    /// It was spoken of in this call, too.
    Call {
        #[arg(value_parser = parse_case)]
        case: CaseNumber,
        /// As `12` or `c12`.
        #[arg(value_parser = call_id)]
        call: CallId,
    },
}

impl From<ComplaintLine> for ComplaintCommand {
    fn from(line: ComplaintLine) -> Self {
        let (case, update) = match line {
            ComplaintLine::Accept { call, category, severity, expects, owner } => {
                return ComplaintCommand::Accept { call, category, severity, expects, owner };
            }
            ComplaintLine::Show { case } => return ComplaintCommand::Show(case),
            ComplaintLine::State { case, stands } => (case, ComplaintUpdate::State(stands)),
            ComplaintLine::Owner { case, extension } => (case, ComplaintUpdate::Owner(extension)),
            ComplaintLine::Category { case, category } => (case, ComplaintUpdate::Category(category)),
            ComplaintLine::Severity { case, severity } => (case, ComplaintUpdate::Severity(severity)),
            ComplaintLine::Expects { case, text } => (case, ComplaintUpdate::Expects(Masked::new(text))),
            ComplaintLine::Due { case, day } => (case, ComplaintUpdate::ResultDue(day)),
            ComplaintLine::Call { case, call } => (case, ComplaintUpdate::Call(call)),
        };
        ComplaintCommand::Update(case, update)
    }
}

#[derive(Args)]
pub struct ComplaintOf {
    #[command(subcommand)]
    order: ComplaintLine,
    /// As JSON.
    #[arg(long, global = true)]
    json: bool,
}

impl ComplaintOf {
    /// # Errors
    /// There is no such complaint or call, or the store cannot be written.
    pub fn run(self, folder: &Path) -> Result<String, Failure> {
        complaint(folder, self.order.into(), form(self.json))
    }
}

#[derive(Args)]
pub struct NoteLine {
    /// As `12` or `c12`: see `hotline calls --running`.
    #[arg(value_parser = call_id)]
    call: CallId,
    text: String,
}

impl NoteLine {
    /// # Errors
    /// There is no such call, or it is no note.
    pub fn run(self, folder: &Path) -> Result<String, Failure> {
        note(folder, self.call, self.text)
    }
}

#[derive(Args)]
pub struct ComplaintsLine {
    /// Of this person only, by extension.
    #[arg(long)]
    owner: Option<String>,
    /// Also those that are closed.
    #[arg(long)]
    all: bool,
    /// Of these, at most so many of the newest.
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true)]
    latest: usize,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

impl ComplaintsLine {
    /// # Errors
    /// The store cannot be read.
    pub fn run(self, folder: &Path) -> Result<String, Failure> {
        let ComplaintsLine { owner, all, latest, json } = self;
        complaints(folder, ComplaintFilter { owner, not_closed: !all, since: None, latest }, form(json))
    }
}

#[derive(Args)]
pub struct SurveysLine {
    /// From this time on, as 2026-11-20T00:00:00+08:00; without it, all.
    #[arg(long, value_parser = parse_until)]
    since: Option<Wall>,
    /// Each answer instead.
    #[arg(long)]
    each: bool,
    /// Each answer as one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl SurveysLine {
    /// # Errors
    /// The store cannot be read.
    pub fn run(self, folder: &Path) -> Result<String, Failure> {
        surveys(folder, self.since.unwrap_or(Wall::from_micros(i64::MIN)), self.each, form(self.json))
    }
}

fn form(json: bool) -> Form {
    if json { Form::Json } else { Form::Table }
}

fn call_id(text: &str) -> Result<CallId, String> {
    let digits = text.strip_prefix('c').unwrap_or(text);
    digits.parse().map(CallId).map_err(|_| "a call is written as `12` or `c12`".to_owned())
}
