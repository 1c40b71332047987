//! `hotline complaints`, `hotline complaint`, `hotline surveys`, `hotline note`: what customers complain of, what they say
//! of talks, and what is noted of a call.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::agent::{columns, done};
use super::records::{Form, hidden, json, local, open, seconds};
use crate::base::{CallId, Masked, Wall};
use crate::daemon::clock;
use crate::daemon::failure::Failure;
use crate::daemon::office::{Acceptance, Office};
use crate::daemon::store::{ComplaintFilter, Store};
use crate::exchange::Command;
use crate::record::{CaseNumber, Complaint, ComplaintState, ComplaintUpdate, Severity, SurveyAnswer};

/// Who does what is done at the command line.
const BY: &str = "command-line";

/// What `hotline complaint` is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum ComplaintCommand {
    /// The caller of this call complains, or complained.
    Accept {
        call: CallId,
        category: String,
        severity: Severity,
        expects: Option<String>,
        owner: Option<String>,
    },
    Show(CaseNumber),
    Update(CaseNumber, ComplaintUpdate),
}

/// The complaints, the newest last.
pub fn complaints(folder: &Path, filter: ComplaintFilter, form: Form) -> Result<String, Failure> {
    let mut complaints = Office::at(folder).complaints(&filter)?;
    complaints.reverse();
    if form == Form::Json {
        return Ok(complaints.into_iter().map(|one| json(&written(one))).collect());
    }
    let now = clock::now().wall;
    let mut rows = vec![
        [
            "case",
            "accepted",
            "from",
            "category",
            "severity",
            "owner",
            "state",
            "answer by",
            "result by",
            "late",
        ]
        .map(str::to_owned),
    ];
    for one in &complaints {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        rows.push([
            one.case.to_string(),
            local(one.accepted),
            one.from.to_string(),
            if one.category.is_empty() { "-".to_owned() } else { one.category.clone() },
            one.severity.name().to_owned(),
            or_none(one.owner.clone()),
            one.state.name().to_owned(),
            or_none(one.answer_due.map(local)),
            or_none(one.result_due.map(local)),
            if one.is_late(now) { "late" } else { "-" }.to_owned(),
        ]);
    }
    Ok(columns(&rows))
}

/// One of them: made, told of, or changed.
pub fn complaint(folder: &Path, command: ComplaintCommand, form: Form) -> Result<String, Failure> {
    let office = Office::at(folder);
    match command {
        ComplaintCommand::Accept { call, category, severity, expects, owner } => {
            let said = Acceptance { category, severity, expects: expects.map(Masked::new), owner };
            let (case, untold) = office.accept_complaint(call, BY, said)?;
            Ok(told(format!("{case}\n"), untold))
        }
        ComplaintCommand::Show(case) => {
            let found = office.complaint(case)?;
            Ok(if form == Form::Json { json(&written(found)) } else { show(&found) })
        }
        ComplaintCommand::Update(case, update) => {
            let (complaint, untold) = office.update_complaint(case, BY, update)?;
            Ok(told(format!("{case} is {}\n", complaint.state.name()), untold))
        }
    }
}

/// With what could not be told to the daemon.
fn told(what: String, untold: Option<String>) -> String {
    match untold {
        Some(untold) => format!("{what}{untold}\n"),
        None => what,
    }
}

fn show(one: &Complaint) -> String {
    let or_none =
        |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
    let all = |ids: Vec<String>| or_none(Some(ids.join(" ")));
    let rows: Vec<[String; 2]> = [
        ("case", one.case.to_string()),
        ("state", one.state.name().to_owned()),
        ("accepted", local(one.accepted)),
        ("from", one.from.to_string()),
        ("call back", or_none(one.number.as_ref().map(ToString::to_string))),
        ("language", one.language.clone()),
        ("category", or_none(Some(one.category.clone()))),
        ("severity", one.severity.name().to_owned()),
        // It is this command's purpose: whoever may read the state folder owns the case.
        ("expects", or_none(one.expects.as_ref().map(|text| text.expose().clone()))),
        ("owner", or_none(one.owner.clone())),
        ("answer by", or_none(one.answer_due.map(local))),
        ("answered", or_none(one.answered.map(local))),
        ("result by", or_none(one.result_due.map(local))),
        ("solved", or_none(one.solved.map(local))),
        ("closed", or_none(one.closed.map(local))),
        ("took", or_none(one.time_to_solve().map(|time| seconds(time.as_millis())))),
        ("escalated", if one.care.escalated { "yes" } else { "no" }.to_owned()),
        ("follow-up calls in vain", one.care.tries.to_string()),
        ("calls", all(one.calls.iter().map(ToString::to_string).collect())),
        ("messages", all(one.slips.iter().map(ToString::to_string).collect())),
    ]
    .map(|(what, is)| [what.to_owned(), is])
    .to_vec();
    let steps: Vec<[String; 3]> =
        one.history.iter().map(|step| [local(step.at), step.by.clone(), step.what.clone()]).collect();
    format!("{}\n{}", columns(&rows), columns(&steps))
}

/// For machines: its numbers masked, its times by RFC 3339.
fn written(mut one: Complaint) -> Value {
    one.from = hidden(&one.from);
    one.number = one.number.as_ref().map(hidden);
    let times = [
        ("accepted", Some(one.accepted)),
        ("answer_due", one.answer_due),
        ("result_due", one.result_due),
        ("answered", one.answered),
        ("solved", one.solved),
        ("closed", one.closed),
    ];
    let steps: Vec<Wall> = one.history.iter().map(|step| step.at).collect();
    let mut written = serde_json::to_value(&one).unwrap_or_default();
    for (place, at) in times {
        if let (Some(written), Some(at)) = (written.get_mut(place), at) {
            *written = Value::String(at.to_string());
        }
    }
    for (place, at) in steps.into_iter().enumerate() {
        if let Some(written) = written.pointer_mut(&format!("/history/{place}/at")) {
            *written = Value::String(at.to_string());
        }
    }
    written
}

/// For whoever has the call next.
pub fn note(folder: &Path, call: CallId, text: String) -> Result<String, Failure> {
    let order = Command::Note { call, by: BY.to_owned(), text: Masked::new(text) };
    done(Office::at(folder).done(order))
}

/// What callers say of talks, by queue and by agent, or each answer.
pub fn surveys(folder: &Path, since: Wall, each: bool, form: Form) -> Result<String, Failure> {
    let answers = open(folder)?.surveys(since)?;
    if form == Form::Json {
        return Ok(answers.into_iter().map(|one| json(&written_answer(one))).collect());
    }
    if each {
        let mut rows = vec![["call", "at", "queue", "agent", "mark", "solved", "low"].map(str::to_owned)];
        for one in &answers {
            rows.push([
                one.call.to_string(),
                local(one.at),
                one.queue.clone().unwrap_or_else(|| "-".to_owned()),
                one.agent.clone().unwrap_or_else(|| "-".to_owned()),
                one.mark.to_string(),
                one.solved.map_or("-", |solved| if solved { "yes" } else { "no" }).to_owned(),
                if one.low { "low" } else { "-" }.to_owned(),
            ]);
        }
        return Ok(columns(&rows));
    }
    let mut rows =
        vec![["", "", "answers", "average", "1", "2", "3", "4", "5", "solved", "low"].map(str::to_owned)];
    rows.push(tally("all", "", &answers.iter().collect::<Vec<_>>()));
    let of_queue = |one: &SurveyAnswer| one.queue.clone();
    let of_agent = |one: &SurveyAnswer| one.agent.clone();
    rows.extend(by(&answers, "queue", of_queue));
    rows.extend(by(&answers, "agent", of_agent));
    Ok(columns(&rows))
}

fn by(
    answers: &[SurveyAnswer],
    what: &str,
    of: impl Fn(&SurveyAnswer) -> Option<String>,
) -> Vec<[String; 11]> {
    let mut groups: BTreeMap<String, Vec<&SurveyAnswer>> = BTreeMap::new();
    for one in answers {
        groups.entry(of(one).unwrap_or_else(|| "none".to_owned())).or_default().push(one);
    }
    groups.iter().map(|(name, answers)| tally(what, name, answers)).collect()
}

fn tally(what: &str, name: &str, answers: &[&SurveyAnswer]) -> [String; 11] {
    let count = |mark: u8| answers.iter().filter(|one| one.mark == mark).count().to_string();
    let sum: u32 = answers.iter().map(|one| u32::from(one.mark)).sum();
    let average = if answers.is_empty() {
        "-".to_owned()
    } else {
        format!("{:.2}", f64::from(sum) / answers.len() as f64)
    };
    let said: Vec<bool> = answers.iter().filter_map(|one| one.solved).collect();
    let solved = match said.len() {
        0 => "-".to_owned(),
        all => format!("{} %", 100 * said.iter().filter(|solved| **solved).count() / all),
    };
    let low = answers.iter().filter(|one| one.low).count().to_string();
    let [one, two, three, four, five] = [1, 2, 3, 4, 5].map(count);
    let (what, name, all) = (what.to_owned(), name.to_owned(), answers.len().to_string());
    [what, name, all, average, one, two, three, four, five, solved, low]
}

fn written_answer(mut one: SurveyAnswer) -> Value {
    one.from = hidden(&one.from);
    let at = one.at;
    let mut written = serde_json::to_value(&one).unwrap_or_default();
    if let Some(written) = written.get_mut("at") {
        *written = Value::String(at.to_string());
    }
    written
}

/// A word of `hotline complaint`.
pub fn parse_severity(word: &str) -> Result<Severity, String> {
    Severity::ALL
        .into_iter()
        .find(|severity| severity.name() == word)
        .ok_or_else(|| format!("one of {}", Severity::ALL.map(Severity::name).join(", ")))
}

pub fn parse_state(word: &str) -> Result<ComplaintState, String> {
    ComplaintState::ALL
        .into_iter()
        .find(|state| state.name() == word)
        .ok_or_else(|| format!("one of {}", ComplaintState::ALL.map(ComplaintState::name).join(", ")))
}

pub fn parse_case(written: &str) -> Result<CaseNumber, String> {
    CaseNumber::parse(written)
        .ok_or_else(|| "no complaint has this number: its last digit says so".to_owned())
}
