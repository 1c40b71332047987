//! `hotline why`, and orders of `hotline queue`: what the routing does with a call, and another place in line for it.

use std::path::Path;

use super::Form;
use super::agent::{columns, done, local};
use crate::base::CallId;
use crate::daemon::control::line;
use crate::daemon::failure::Failure;
use crate::daemon::office::Office;
use crate::exchange::MatchLine;

/// Another queue or another head start for a call that waits.
pub fn change_waiting(
    state: &Path,
    call: CallId,
    queue: Option<String>,
    credit: Option<u64>,
) -> Result<String, Failure> {
    done(Office::at(state).change_waiting(call, queue, credit))
}

/// Each offer of the call with everybody who was considered for it, in words or as one JSON object a line.
pub fn why(state: &Path, call: CallId, form: Form) -> Result<String, Failure> {
    let matches = Office::at(state).why(call)?;
    if matches!(form, Form::Json) {
        return Ok(matches.iter().map(line).collect());
    }
    let told: Vec<String> = matches.iter().map(|one| told(call, one, &local(one.at, "%H:%M:%S"))).collect();
    Ok(told.join("\n"))
}

pub(super) fn told(call: CallId, one: &MatchLine, at: &str) -> String {
    let (waited, credit) = (one.waited_ms / 1000, one.credit_ms / 1000);
    let mut text = format!("{at}  {call} in queue {}, waited {waited} s", one.queue);
    if credit > 0 {
        text.push_str(&format!(", treated as if it had waited {credit} s more"));
    }
    match (&one.chosen, &one.owner) {
        (Some(agent), _) => text.push_str(&format!("; offered to {agent}\n")),
        (None, Some(owner)) => text.push_str(&format!("; waits for {owner} alone\n")),
        (None, None) => text.push_str("; waits\n"),
    }
    let rows: Vec<[String; 2]> =
        one.considered.iter().map(|one| [format!("  {}", one.agent), one.reason.clone()]).collect();
    text.push_str(&columns(&rows));
    if one.more > 0 {
        text.push_str(&format!("  and {} more agents\n", one.more));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Wall;
    use crate::exchange::ConsideredLine;

    #[test]
    fn an_offer_is_told_in_words() {
        let considered = [("1003", "chosen"), ("201", "wrap up")];
        let considered = considered
            .map(|(agent, reason)| ConsideredLine { agent: agent.to_owned(), reason: reason.to_owned() });
        let mut one = MatchLine {
            at: Wall::default(),
            queue: "complaint".to_owned(),
            waited_ms: 35_400,
            credit_ms: 60_000,
            chosen: Some("1003".to_owned()),
            owner: None,
            considered: considered.to_vec(),
            more: 4,
        };
        let words = "14:03:05  c12 in queue complaint, waited 35 s, treated as if it had waited 60 s more; offered to 1003
  1003  chosen
  201   wrap up
  and 4 more agents
";
        assert_eq!(told(CallId(12), &one, "14:03:05"), words);
        (one.chosen, one.owner, one.credit_ms) = (None, Some("1003".to_owned()), 0);
        let first = "14:03:05  c12 in queue complaint, waited 35 s; waits for 1003 alone";
        assert_eq!(told(CallId(12), &one, "14:03:05").lines().next(), Some(first));
    }
}
