//! What was said of a person's presence: a restart takes nobody out of a meeting.

use serde::{Deserialize, Serialize};

use crate::base::{AwayReason, Wall};

/// All that was said of one person by hand. One for each person; the latest counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPresence {
    pub extension: String,
    pub hand: Option<KeptWord>,
    /// Absences agreed beforehand.
    #[serde(default)]
    pub agreed: Vec<KeptAbsence>,
    /// An agent of queues who has signed on and not off.
    pub signed_on: bool,
}

impl KeptPresence {
    /// Says no more than is so of anybody.
    pub fn is_nothing(&self) -> bool {
        self.hand.is_none() && self.agreed.is_empty() && !self.signed_on
    }
}

/// The last word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptWord {
    Away(KeptAbsence),
    /// There until then, whatever a calendar says.
    Here {
        until: Wall,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAbsence {
    pub reason: AwayReason,
    pub from: Wall,
    pub until: Option<Wall>,
    pub place: Option<String>,
    /// By extension.
    pub delegate: Option<String>,
}
