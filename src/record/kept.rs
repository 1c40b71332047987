//! What is remembered of callers for a while: a restart in between is none of their business.

use serde::{Deserialize, Serialize};

use crate::base::{Masked, Wall};

/// Who served a number last. One for each number; the latest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub number: Masked<String>,
    /// The agent's extension.
    pub extension: String,
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
