//! Telling somebody outside of a slip: by mail, by web hook.

use serde::{Deserialize, Serialize};

use crate::base::{Masked, SlipId, Wall};

/// One message to one addressee. Kept until it has arrived, or is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub slip: SlipId,
    pub occasion: Occasion,
    pub to: Target,
}

/// Why somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// It was taken, or forwarded into this box.
    New,
    /// Nobody has done with it, and time runs.
    Reminder,
    /// Its holder let the time go by: it is another one's now.
    PassedOn,
}

impl Occasion {
    pub const fn name(self) -> &'static str {
        match self {
            Occasion::New => "new",
            Occasion::Reminder => "reminder",
            Occasion::PassedOn => "passed-on",
        }
    }
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An address (RFC 5321 §2.3.11).
    Mail(Masked<String>),
    /// The web hook of the settings.
    Hook,
}

/// What came of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its number in the store.
    pub delivery: u64,
    /// `None`: it has arrived.
    pub failed: Option<Failed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// For the administrator; nothing of the message's content.
    pub why: String,
    /// `None`: given up.
    pub again: Option<Wall>,
}
