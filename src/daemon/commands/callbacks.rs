//! `hotline callbacks`: what is owed to customers who gave up the line and kept their place.

use std::path::Path;

use clap::{Args, Subcommand};

use super::agent::{columns, done, local};
use super::promises::call_id;
use crate::base::CallId;
use crate::daemon::control::line;
use crate::daemon::failure::Failure;
use crate::daemon::office::Office;
use crate::exchange::Command;

/// What is asked for.
#[derive(Args, Clone, Debug)]
pub struct Callbacks {
    #[command(subcommand)]
    order: Option<CallbackOrder>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand, Clone, Debug)]
enum CallbackOrder {
    /// Nobody is called.
    Cancel {
        /// As `12` or `c12`.
        #[arg(value_parser = call_id)]
        callback: CallId,
    },
}

/// What is owed to customers who gave up the line and kept their place, as a table or one JSON object a line.
pub fn callbacks(state: &Path, asked: Callbacks) -> Result<String, Failure> {
    if let Some(CallbackOrder::Cancel { callback }) = asked.order {
        return done(Office::at(state).done(Command::CancelCallback { callback }));
    }
    let callbacks = Office::at(state).callbacks()?;
    if asked.json {
        return Ok(callbacks.iter().map(line).collect());
    }
    let mut table =
        vec![["callback", "number", "queue", "since", "state", "tries", "last"].map(str::to_owned)];
    for callback in callbacks {
        table.push([
            callback.callback.to_string(),
            callback.number,
            callback.queue,
            local(callback.since, "%H:%M:%S"),
            callback.state,
            callback.tries.to_string(),
            callback.last.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    Ok(columns(&table))
}
