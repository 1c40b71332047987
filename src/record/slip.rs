//! A message slip, from the first word said to the last thing done.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CaseNumber, Delivery};
use crate::base::{CallId, Masked, RecordingId, SlipId, Wall};

/// A taken message (留言). "New" until heard, "open" until done.
///
/// ```text
///   taking --> new --> heard --> open --> done
///                \________\________\___> deleted
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageSlip {
    pub slip: SlipId,
    pub call: CallId,
    pub from: Masked<String>,
    /// The extension of the person that the message is for; `None` for a box of the house.
    pub person: Option<String>,
    /// The message box that it lies in now: a person's extension or the name of a box of the house.
    pub mailbox: String,
    pub taken: Wall,
    /// Who called and from where, in their own words.
    #[serde(default)]
    pub who: Option<RecordingId>,
    /// What it is about, in the order spoken; empty where the caller hung up before.
    pub recordings: Vec<RecordingId>,
    /// Of what it is about. Milliseconds.
    pub length_ms: u64,
    /// Where the caller wants to be called: their own number that they called right, or one that they keyed in.
    #[serde(default)]
    pub number: Option<Masked<String>>,
    #[serde(default)]
    pub urgent: bool,
    /// Played back to the caller and accepted; `false` where they hung up before.
    pub confirmed: bool,
    pub state: SlipState,
    /// What it is for, where it is no ordinary message.
    #[serde(default)]
    pub about: Option<About>,
    #[serde(default)]
    pub keeping: Keeping,
}

/// What a slip is for that is not, or not only, a caller's words for its box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// The message is a complaint: once the slip is new, the case is accepted.
    Complains { case: CaseNumber, category: String, language: String },
    /// The hotline itself has something to say of a case, in a word.
    Complaint { case: CaseNumber, why: String },
    /// A caller has given the agent of this extension few points.
    Survey { mark: u8, agent: Option<String> },
}

impl About {
    /// The case that it is about.
    pub fn case(&self) -> Option<CaseNumber> {
        match self {
            About::Complains { case, .. } | About::Complaint { case, .. } => Some(*case),
            About::Survey { .. } => None,
        }
    }

    /// For lists.
    pub fn words(&self) -> String {
        match self {
            About::Complains { case, .. } => format!("complaint {case}"),
            About::Complaint { case, why } => format!("complaint {case}: {why}"),
            About::Survey { mark, agent: Some(agent) } => format!("rated {mark}: {agent}"),
            About::Survey { mark, agent: None } => format!("rated {mark}"),
        }
    }
}

/// What sees to it that a slip is not forgotten. Nobody's who takes the message: it begins when the slip is new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeping {
    /// Whoever is to be told of the new slip is; or stands in the store's list of whom to tell.
    pub told: bool,
    /// When somebody looks at it again: a reminder, or it is passed on.
    pub due: Option<Wall>,
    /// In the box that it lies in now.
    pub reminders: u32,
    /// The boxes that it lay in before, the first one first.
    pub passed: Vec<String>,
}

impl MessageSlip {
    pub fn length(&self) -> Duration {
        Duration::from_millis(self.length_ms)
    }
}

/// How many slips wait in a message box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Not heard yet.
    pub new: u32,
    /// Heard and not done.
    pub old: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlipState {
    /// Being recorded. What is found so after a crash becomes new with as much as was said.
    Taking,
    New,
    Heard,
    /// Somebody has it in hand.
    Open,
    Done,
    /// Taken out of its box by its holder.
    Deleted,
}

impl SlipState {
    /// Nothing is left to be done.
    pub const fn is_settled(self) -> bool {
        matches!(self, SlipState::Done | SlipState::Deleted)
    }

    pub const fn name(self) -> &'static str {
        match self {
            SlipState::Taking => "taking",
            SlipState::New => "new",
            SlipState::Heard => "heard",
            SlipState::Open => "open",
            SlipState::Done => "done",
            SlipState::Deleted => "deleted",
        }
    }
}

/// What becomes of a slip that was taken, by its holder or by time.
#[derive(Clone, Debug, PartialEq)]
pub enum SlipChange {
    /// A slip that is further on already stays so.
    Marked(SlipState),
    /// Into another box, where it is new.
    Forwarded { mailbox: String },
    /// Its holder has said that they call back by then: open, and due at that moment.
    Promised { due: Wall },
    /// By time: where it lies from now on, and who is to be told of it.
    Kept { mailbox: String, keeping: Keeping, tell: Vec<Delivery> },
}
