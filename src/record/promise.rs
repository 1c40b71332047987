//! What a caller was promised: a thing with a clock, an owner and a result.

use std::fmt;

use crate::base::{CallId, Masked, Wall};

/// That somebody will be called. Written when it is made, whenever it changes hands or a try was made, and when it ends;
/// kept then, for the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Its own number, of the calls' kind. The callback of a queue that stands for it has the same.
    pub promise: CallId,
    pub kind: PromiseKind,
    /// The call that it was made in; `None`: by order.
    pub call: Option<CallId>,
    /// To be called.
    pub number: Masked<String>,
    /// By name: its rules for callbacks are this one's, and its agents call where no other person can.
    pub queue: String,
    /// The extension of who promised; `None`: the queue.
    pub owner: Option<String>,
    /// Whose it is now; `None`: the queue's.
    pub holder: Option<String>,
    pub language: String,
    pub grade: Option<String>,
    pub made: Wall,
    /// Nobody is called before.
    pub due: Wall,
    /// Later than this is late; `None`: no time was named.
    pub by: Option<Wall>,
    /// How often the customer was called in vain.
    pub tries: u32,
    /// What came of the last try.
    pub last: Option<String>,
    pub state: PromiseState,
    pub ended: Option<Wall>,
}

/// How it came to be promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PromiseKind {
    /// The place in line was kept.
    Place,
    /// At a time that the caller chose.
    Time,
    /// By an agent: keyed in a talk, or ordered.
    Agent,
    /// The answer to an urgent slip.
    Urgent,
}

impl PromiseKind {
    pub const ALL: [PromiseKind; 4] =
        [PromiseKind::Place, PromiseKind::Time, PromiseKind::Agent, PromiseKind::Urgent];

    pub const fn name(self) -> &'static str {
        match self {
            PromiseKind::Place => "place",
            PromiseKind::Time => "time",
            PromiseKind::Agent => "agent",
            PromiseKind::Urgent => "urgent",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Each but the first is an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PromiseState {
    Open,
    /// The customer was reached, or called first, or wants it no longer.
    Kept,
    /// Nobody called them.
    Broken,
    /// They were called in vain, or it was taken out of the machine's hands: a person has to see to it.
    PassedOn,
}

impl PromiseState {
    pub const ALL: [PromiseState; 4] =
        [PromiseState::Open, PromiseState::Kept, PromiseState::Broken, PromiseState::PassedOn];

    pub const fn name(self) -> &'static str {
        match self {
            PromiseState::Open => "open",
            PromiseState::Kept => "kept",
            PromiseState::Broken => "broken",
            PromiseState::PassedOn => "passed on",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl Promise {
    /// Kept, but not in time.
    pub fn is_late(&self) -> bool {
        self.state == PromiseState::Kept && self.by.zip(self.ended).is_some_and(|(by, ended)| ended > by)
    }

    /// The result in a word, for lists.
    pub fn result(&self) -> &'static str {
        if self.is_late() { "late" } else { self.state.name() }
    }
}

impl fmt::Display for PromiseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
