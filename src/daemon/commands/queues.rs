//! The queues of a running daemon.

use std::path::Path;

use super::Form;
use super::agent::{columns, refused};
use super::records::json;
use crate::daemon::control::{Order, Response, ask};
use crate::daemon::failure::Failure;
use crate::exchange::QueueLine;

/// Each with who waits, talks and is there; read from the queue core itself, however busy the exchanges are.
pub fn queues(state: &Path, form: Form) -> Result<String, Failure> {
    match ask(state, &Order::Queues)? {
        Response::Queues(queues) => Ok(match form {
            Form::Json => queues.iter().map(json).collect(),
            Form::Table => table(&queues),
        }),
        other => Err(refused(other)),
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
