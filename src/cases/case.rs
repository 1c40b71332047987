//! One call as it was written down.

use std::time::Duration;

use crate::base::{AwayReason, Masked, UrgentAnswer, Wall};
use crate::record::{CallEnd, QueueOutcome};

/// A call to be made, and what must come of it.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    /// Where it was written, as `menu.toml:12`.
    pub place: String,
    pub dials: String,
    /// The extension of the desk whose phone dials; `None`: a caller does, through a trunk.
    pub desk: Option<String>,
    pub from: Masked<String>,
    /// When the caller dials.
    pub at: Wall,
    /// Whoever is not named is not there: the phone is not signed in.
    pub people: Vec<Person>,
    pub steps: Vec<Step>,
    /// Never heard, from the first word to the last.
    pub never: Vec<String>,
    /// The whole call takes no longer.
    pub within: Duration,
    pub expected: Expected,
}

/// What must be true of the call when it is over.
#[derive(Clone, Default, Debug)]
pub struct Expected {
    /// How it ends by itself; without it the caller hangs up after the last step.
    pub end: Option<&'static str>,
    /// The queue that they waited in last.
    pub queue: Option<String>,
    pub outcome: Option<&'static str>,
    /// The extension of who served them.
    pub served_by: Option<String>,
    /// The box that a message was left in.
    pub message: Option<String>,
    pub language: Option<String>,
    /// Keys pressed, at most.
    pub keys: Option<usize>,
}

/// What people's phones do in a case.
#[derive(Clone, Debug)]
pub struct Person {
    pub extension: String,
    pub conduct: Conduct,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Conduct {
    /// Takes each call after a while; hangs up after `talks`, or leaves that to the caller.
    Answers {
        after: Duration,
        talks: Option<Duration>,
    },
    /// Lets it ring.
    NoAnswer,
    /// The phone is engaged: 486.
    Busy,
    /// Presses the button that refuses: 603.
    Refuses,
    SignedOff,
    Away {
        reason: AwayReason,
        until: Option<Wall>,
    },
}

impl Conduct {
    pub(super) fn is_away(&self) -> bool {
        matches!(self, Conduct::Away { .. })
    }
}

/// What comes next in a call.
#[derive(Clone, Debug)]
pub struct Step {
    pub wanted: Wanted,
    /// From the step before.
    pub within: Option<Duration>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Wanted {
    /// A prompt's name, or words out of its text, is heard.
    Hears(String),
    /// One key after the other.
    Press(String),
    /// After the tone.
    Speak(Duration),
    Wait(Duration),
    /// Somebody is on the line: this extension, or anybody.
    Talks(Option<String>),
    /// Whoever is asked urgently answers.
    Answers(UrgentAnswer),
    Hold,
    Resume,
    HangUp,
    /// Meanwhile the phone of this extension dials a number, and presses keys when it hears something.
    Desk {
        extension: String,
        dials: String,
        keys: String,
    },
}

/// The ways in which a call may end, as they are written: the words of the call records.
pub(super) const ENDS: &[&str] = &[
    CallEnd::FlowEnded.name(),
    CallEnd::AgentHungUp.name(),
    CallEnd::CallerHungUp.name(),
    CallEnd::NoAudio.name(),
    "refused",
];

/// What may come of a wait.
pub(super) const OUTCOMES: &[&str] = &[
    QueueOutcome::Served.name(),
    QueueOutcome::Abandoned.name(),
    QueueOutcome::LeftByKey.name(),
    QueueOutcome::MaxWait.name(),
    QueueOutcome::Full.name(),
    QueueOutcome::NobodySignedOn.name(),
    QueueOutcome::Closed.name(),
];
