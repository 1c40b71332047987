//! Who is asked what becomes of an urgent caller, and the answer as a button of a screen gives it.

use std::path::Path;

use super::Form;
use super::agent::{columns, done, local};
use crate::base::{UrgentAnswer, Wall};
use crate::daemon::control::line;
use crate::daemon::failure::Failure;
use crate::daemon::office::Office;
use crate::exchange::Command;

/// As a table, or one JSON object a line.
pub fn urgents(state: &Path, form: Form) -> Result<String, Failure> {
    let urgents = Office::at(state).urgents()?;
    if matches!(form, Form::Json) {
        return Ok(urgents.iter().map(line).collect());
    }
    let mut table = vec![["person", "since", "call", "from", "answer"].map(str::to_owned)];
    for urgent in urgents {
        let answer = urgent.answer.map_or_else(|| "-".to_owned(), |answer| answer.to_string());
        let since = local(urgent.since, "%H:%M:%S");
        table.push([urgent.person, since, urgent.call.to_string(), urgent.from, answer]);
    }
    Ok(columns(&table))
}

/// Answers in this person's name.
pub fn answer_urgent(
    state: &Path,
    extension: String,
    answer: UrgentAnswer,
    until: Option<Wall>,
) -> Result<String, Failure> {
    let answer = match (answer, until) {
        (UrgentAnswer::CallBack { .. }, at) => UrgentAnswer::CallBack { at },
        (answer, None) => answer,
        (_, Some(_)) => return Err(Failure::Refused("only who calls back has a time".to_owned())),
    };
    done(Office::at(state).done(Command::AnswerUrgent { extension, answer }))
}

/// A word, or the key that a phone has for it.
pub fn parse_answer(text: &str) -> Result<UrgentAnswer, String> {
    let all = UrgentAnswer::KEYS.into_iter().filter_map(UrgentAnswer::of_key);
    let named = all.into_iter().find(|answer| answer.name() == text);
    named
        .or_else(|| UrgentAnswer::of_text(text, |_| None))
        .ok_or_else(|| "one of now, call-back, delegate, message".to_owned())
}
