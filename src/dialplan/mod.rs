//! Dialplans: TOML text in, a checked [`Plan`] out, and the interpreter that walks a call through it.
//!
//! ```text
//!  files ──► source (what was written, with places) ──► load ──► plan (what is meant) ──► check ──► Arc<Plan>
//!                                                        │ verb/* and table/*: one file each            │
//!  Facts, Event ──────────────────────────────────────────────────────────────► Cursor ◄────────────────┘
//!                                                                                 └──► Action
//! ```
//!
//! - A plan is numbers, flows of steps, and data: menus, queues, skills, agents, lists, calendars. A step has one
//!   verb. Several files are merged; a name defined twice is a mistake.
//! - Every reference is resolved at load, and all mistakes are told at once, each with its place and, where a name
//!   is near, with what may have been meant.
//! - Verbs and tables carry their documentation ([`reference()`]); defaults and bounds are read from it.
//!
//! Architecture invariant: the interpreter is total. A step waits for an event or names its successor; no circle
//! is without the caller's input; every path ends in a person, a message or a closing phrase; there is no way to
//! hang up without one. The checker proves it before a plan is used.
//!
//! Architecture invariant: nothing here knows queues, phones or files: the interpreter says `Queue`, `Dial`,
//! `Message` and is told how it ended. There is no clock but the one in the arguments.

mod action;
mod boxes;
mod calendar;
mod changes;
mod check;
mod check_queues;
mod check_year;
mod circumstance;
mod complaints;
mod cursor;
mod diagnostic;
mod doc;
mod fields;
mod flow;
mod implied;
mod journey;
mod key_lines;
mod labels;
mod load;
mod manifest;
mod pattern;
mod plan;
mod policy;
mod read;
mod reference;
mod rider;
mod source;
mod speech;
mod step;
mod table;
mod traffic;
mod verb;
mod wishes;
mod witness;

/// Documented tables with the places of what was written: for other files of the house that are read as a dialplan is.
pub(crate) mod written {
    pub(crate) use super::calendar::minutes;
    #[cfg(feature = "daemon")]
    pub(crate) use super::doc::{Default, parse_time};
    pub(crate) use super::doc::{Doc, Field, Form};
    pub(crate) use super::fields::Fields;
    pub(crate) use super::reference::describe;
    pub(crate) use super::source::{Entry, Named, Parsed, Report, Written};
    pub(crate) use super::step::Place;

    /// Every verb, in the order of the reference.
    #[cfg(feature = "daemon")]
    pub(crate) fn verbs() -> impl Iterator<Item = &'static Doc> {
        super::verb::VERBS.iter().map(|verb| verb.doc)
    }

    /// Every table beside the flows, each named by its place: `menu.<name>.keys.<key>`.
    #[cfg(feature = "daemon")]
    pub(crate) fn tables() -> impl Iterator<Item = &'static Doc> {
        super::table::TABLES.iter().copied()
    }
}

pub use action::{
    Action, Ask, DialEnd, Event, Facts, MessageEnd, Owner, PickUp, PresenceChange, QueueEnd, QueueState,
    UrgentEnd,
};
pub use calendar::{Calendar, Hours};
pub use changes::{Change, Prompted, changes, prompt_changes};
pub use cursor::Cursor;
pub use diagnostic::{Diagnostic, Severity};
pub use flow::{By, Edge, Graph, Node, NodeId, Reached, What};
pub use journey::{Journey, Reach, journeys};
pub use key_lines::key_lines;
pub use load::{Around, Examined, examine, load, load_beside};
pub use manifest::{Manifest, prompt_name};
pub use pattern::Pattern;
pub use plan::{
    Agent, BoxRule, ComplaintRule, Entry, Flow, FollowUpRule, Number, NumberList, OfferRules, Origin,
    Parking, Phrase, Plan, Queue, Relaxation, Requirement, Skill, Urgency, UrgentRules, WHISPER_MOST,
    Whisper,
};
pub use reference::{Example, examples, reference};
pub use speech::Speech;
pub use traffic::{Traffic, step_label};
pub use witness::{Waypoint, Witness};

/// A file of the dialplans folder: `*.toml` is plan text, anything else a data file that a `list` may name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceFile {
    /// As it is shown in diagnostics and named in `file = "…"`: the path inside the folder.
    pub name: String,
    pub text: String,
}
