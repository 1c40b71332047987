//! A callback that is owed: what must be known of it for a restart to forget none.

use serde::{Deserialize, Serialize};

use crate::base::{CallId, Masked, Wall};

/// A caller who gave up the line, not the place in it. Written when it is booked and after each try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// Its own number, of the calls' kind.
    pub callback: CallId,
    /// To be called.
    pub number: Masked<String>,
    pub queue: String,
    pub language: String,
    pub grade: Option<String>,
    /// Skills by name with their levels, beside what the queue asks for.
    pub needs: Vec<(String, u8)>,
    /// Instead of the queue's credit. Milliseconds.
    pub credit_ms: Option<u64>,
    /// The place in line: since when the customer waits.
    pub since: Wall,
    pub tries: u32,
    /// What came of the last one.
    pub last: Option<String>,
    /// When the last try had been in vain: from then on it is for a person to call.
    pub given_up: Option<Wall>,
}
