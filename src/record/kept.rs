//! What is remembered of callers for a while: a restart in between is none of their business.

use serde::{Deserialize, Serialize};

use crate::base::{CallId, Masked, Wall};

/// Whose the matter of a customer is: who took it first, or has accepted it since. One for each number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub number: Masked<String>,
    /// The agent's extension.
    pub extension: String,
    /// They have it since then.
    pub since: Wall,
    /// The latest call about it.
    pub last_call: CallId,
    /// Nobody remembers it any more then.
    pub until: Wall,
}

/// Where a caller stood who hung up while waiting. One for each number and queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPlace {
    pub number: Masked<String>,
    /// By name.
    pub queue: String,
    /// Since when they had waited.
    pub since: Wall,
    pub until: Wall,
}
