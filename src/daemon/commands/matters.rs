//! `hotline matters`: whose the customers' matters are, and through whose hands they went.

use std::path::Path;

use clap::Args;

use super::agent::{columns, local};
use super::records::{Form, json};
use crate::daemon::failure::Failure;
use crate::daemon::office::{MatterLine, Office};

/// What is asked for.
#[derive(Args, Clone, Debug)]
pub struct Matters {
    /// Of this owner's only, by extension.
    #[arg(long, value_name = "EXTENSION")]
    owner: Option<String>,
    /// How many, by their last calls.
    #[arg(long, default_value_t = 50)]
    latest: usize,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// So many hops of a matter are shown, the latest.
const SHOWN: usize = 8;

/// Those that are open: the time within which a repeat call is its owner's has not passed.
pub fn matters(folder: &Path, asked: &Matters) -> Result<String, Failure> {
    let found = Office::at(folder).matters(asked.owner.as_deref(), asked.latest)?;
    let form = if asked.json { Form::Json } else { Form::Table };
    let head = ["customer", "owner", "since", "calls", "bounces", "last call", "until", "hops"];
    let mut rows = vec![head.map(str::to_owned)];
    let mut lines = String::new();
    for line in found {
        let bounces = line.bounces();
        let MatterLine { matter, calls, way } = line;
        let shown = way.get(way.len().saturating_sub(SHOWN)..).unwrap_or_default();
        let shown = shown.iter().map(ToString::to_string).collect::<Vec<_>>().join(" > ");
        if form == Form::Json {
            lines.push_str(&json(&serde_json::json!({
                "customer": matter.number.to_string(), "owner": matter.extension, "since": matter.since,
                "calls": calls, "bounces": bounces, "last_call": matter.last_call, "until": matter.until,
                "hops": way.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })));
            continue;
        }
        rows.push([
            matter.number.to_string(),
            matter.extension,
            local(matter.since, "%m-%d %H:%M"),
            calls.to_string(),
            bounces.to_string(),
            matter.last_call.to_string(),
            local(matter.until, "%m-%d"),
            shown,
        ]);
    }
    Ok(if form == Form::Json { lines } else { columns(&rows) })
}
