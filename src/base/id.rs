//! Typed ids: a call is never mistaken for a leg, an agent never for a queue.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $repr:ty, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $repr);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(
    /// One caller's visit, first INVITE to last record. Unique for the life of a state folder.
    CallId, u64, "c"
);
id!(
    /// An agent or other person with a desk: index into the plan's list of agents.
    AgentId, u32, "a"
);
id!(
    /// A named service that callers wait for: index into the plan's list of queues.
    QueueId, u16, "q"
);
id!(
    /// One request to play something to a leg; what is reported as played carries it.
    PlayId, u32, "p"
);
id!(
    /// One recording on disk. Unique for the life of a state folder.
    RecordingId, u64, "r"
);
id!(
    /// One message slip. Unique for the life of a state folder.
    SlipId, u64, "m"
);

/// One party of a call (RFC 7092: a leg of the back-to-back user agent): a dialog and its media.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId {
    /// The call that the leg belongs to: all legs of a call are served by the same media worker.
    pub call: CallId,
    /// 0 is the caller; every other party of the call gets the next number, never used again in the call.
    pub index: u16,
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.call, self.index)
    }
}

impl fmt::Debug for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hands out the ids that are unique for the life of a state folder. The host starts it where the store left
/// off; the core counts on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// The next call's number.
    pub call: u64,
    /// The next recording's number.
    pub recording: u64,
    /// The next slip's number.
    pub slip: u64,
}

impl Ids {
    pub fn next_call(&mut self) -> CallId {
        CallId(Self::take(&mut self.call))
    }

    pub fn next_recording(&mut self) -> RecordingId {
        RecordingId(Self::take(&mut self.recording))
    }

    pub fn next_slip(&mut self) -> SlipId {
        SlipId(Self::take(&mut self.slip))
    }

    fn take(counter: &mut u64) -> u64 {
        let id = *counter;
        *counter += 1;
        id
    }
}
