//! What callers say of a talk, and what agents note of a caller.

use serde::{Deserialize, Serialize};

use crate::base::{CallId, Masked, Wall};

/// What a caller keyed in after a talk (满意度). One for each call; the last talk of it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyAnswer {
    pub call: CallId,
    pub at: Wall,
    pub from: Masked<String>,
    /// Of the talk.
    pub queue: Option<String>,
    /// By extension.
    pub agent: Option<String>,
    /// 1, very dissatisfied, to 5, very satisfied.
    pub mark: u8,
    /// Whether the matter is solved, where that was asked and answered.
    pub solved: Option<bool>,
    /// It is one that somebody above the agent sees to.
    pub low: bool,
}

/// What somebody noted of a call, for whoever has it next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub at: Wall,
    /// The agent's extension, or whoever sat at the command line.
    pub by: String,
    pub text: Masked<String>,
}
