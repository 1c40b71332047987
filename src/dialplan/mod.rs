//! Dialplans: TOML text in, a checked [`Plan`] out, and the interpreter that walks a call through it.

mod action;
mod calendar;
mod check;
mod cursor;
mod diagnostic;
mod doc;
mod load;
mod manifest;
mod pattern;
mod plan;
mod read;
mod source;
mod speech;
mod step;
mod table;
mod verb;

pub use action::{Action, DialEnd, Event, Facts, MessageEnd, PresenceChange, QueueEnd};
pub use calendar::{Calendar, Hours};
pub use cursor::Cursor;
pub use diagnostic::{Diagnostic, Severity};
pub use load::load;
pub use manifest::{Manifest, prompt_name};
pub use pattern::Pattern;
pub use plan::{
    Agent, Entry, Flow, Number, NumberList, Origin, Phrase, Plan, Queue, Relaxation, Requirement, Skill,
};
pub use speech::Speech;

/// A file of the dialplans folder: `*.toml` is plan text, anything else a data file that a `list` may name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceFile {
    /// As it is shown in diagnostics and named in `file = "…"`: the path inside the folder.
    pub name: String,
    pub text: String,
}
