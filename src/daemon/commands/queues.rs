//! The queues of a running daemon.

use std::path::Path;

use super::Form;
use super::agent::columns;
use super::records::json;
use crate::daemon::failure::Failure;
use crate::daemon::office::Office;
use crate::exchange::QueueLine;

/// Each with who waits, talks and is there; read from the queue core itself, however busy the exchanges are.
/// `only`: the one of this name.
pub fn queues(state: &Path, only: Option<&str>, form: Form) -> Result<String, Failure> {
    let queues = pick(Office::at(state).queues()?, only)?;
    Ok(match form {
        Form::Json => queues.iter().map(json).collect(),
        Form::Table => table(&queues),
    })
}

fn pick(mut queues: Vec<QueueLine>, only: Option<&str>) -> Result<Vec<QueueLine>, Failure> {
    let Some(name) = only else { return Ok(queues) };
    let known: Vec<String> = queues.iter().map(|queue| queue.name.clone()).collect();
    queues.retain(|queue| queue.name == name);
    match queues.is_empty() {
        true => Err(Failure::Refused(format!("no queue is called {name:?}: there are {}", known.join(", ")))),
        false => Ok(queues),
    }
}

fn table(queues: &[QueueLine]) -> String {
    let mut rows = vec![["queue", "waiting", "longest", "talking", "signed on", "ready"].map(str::to_owned)];
    for queue in queues {
        rows.push([
            queue.name.clone(),
            queue.waiting.to_string(),
            format!("{} s", queue.longest_ms / 1000),
            queue.talking.to_string(),
            queue.signed_on.to_string(),
            queue.ready.to_string(),
        ]);
    }
    columns(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_queue_is_shown_alone_and_a_wrong_name_is_answered_with_the_right_ones() {
        let line = |name: &str| QueueLine { name: name.to_owned(), ..QueueLine::default() };
        let queues = || vec![line("vip"), line("complaint")];
        let names = |queues: Vec<QueueLine>| queues.into_iter().map(|queue| queue.name).collect::<Vec<_>>();
        assert_eq!(names(pick(queues(), None).unwrap()), ["vip", "complaint"]);
        assert_eq!(names(pick(queues(), Some("complaint")).unwrap()), ["complaint"]);
        let failure = pick(queues(), Some("vipp")).unwrap_err().to_string();
        assert!(failure.contains("vip, complaint"), "{failure}");
    }
}
