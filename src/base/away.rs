//! Why a person cannot take a call.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The reason of an agent's or manager's absence; what the caller is told follows from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AwayReason {
    /// In a meeting (开会).
    Meeting,
    /// In a meeting that is not to be disturbed but for the gravest cause.
    ImportantMeeting,
    /// With a visitor (会客).
    Visitor,
    /// Out of the office (外出).
    Out,
    /// At a banquet (宴会).
    Banquet,
    /// A pause.
    Break,
    /// On leave.
    Leave,
    Training,
    /// Outside the working hours.
    OffDuty,
    /// Set by the system: offers rang out unanswered.
    NoAnswer,
}

impl AwayReason {
    pub const ALL: [AwayReason; 10] = [
        AwayReason::Meeting,
        AwayReason::ImportantMeeting,
        AwayReason::Visitor,
        AwayReason::Out,
        AwayReason::Banquet,
        AwayReason::Break,
        AwayReason::Leave,
        AwayReason::Training,
        AwayReason::OffDuty,
        AwayReason::NoAnswer,
    ];

    /// The word in dialplans, commands and records.
    pub const fn name(self) -> &'static str {
        match self {
            AwayReason::Meeting => "meeting",
            AwayReason::ImportantMeeting => "important-meeting",
            AwayReason::Visitor => "visitor",
            AwayReason::Out => "out",
            AwayReason::Banquet => "banquet",
            AwayReason::Break => "break",
            AwayReason::Leave => "leave",
            AwayReason::Training => "training",
            AwayReason::OffDuty => "off-duty",
            AwayReason::NoAnswer => "no-answer",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        AwayReason::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

impl fmt::Display for AwayReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
