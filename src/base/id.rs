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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The next call's number.
    pub call: u64,
    /// The next recording's number.
    pub recording: u64,
    /// The next slip's number.
    pub slip: u64,
    /// From one number to the next: where several hand out ids, each has those of its own remainder.
    pub step: u64,
}

impl Default for Ids {
    fn default() -> Self {
        Ids { call: 0, recording: 0, slip: 0, step: 1 }
    }
}

impl Ids {
    pub fn next_call(&mut self) -> CallId {
        CallId(Self::take(&mut self.call, self.step))
    }

    pub fn next_recording(&mut self) -> RecordingId {
        RecordingId(Self::take(&mut self.recording, self.step))
    }

    pub fn next_slip(&mut self) -> SlipId {
        SlipId(Self::take(&mut self.slip, self.step))
    }

    /// The ids of one of `of` who hand them out, none of which another gives: those whose remainder is `number`.
    pub fn of_share(self, number: u8, of: u8) -> Ids {
        let (number, step) = (u64::from(number), u64::from(of.max(1)));
        let first = |from: u64| from + (number + step - from % step) % step;
        Ids { call: first(self.call), recording: first(self.recording), slip: first(self.slip), step }
    }

    /// The ids that neither of the two has given.
    pub fn after_both(self, other: Ids) -> Ids {
        Ids {
            call: self.call.max(other.call),
            recording: self.recording.max(other.recording),
            slip: self.slip.max(other.slip),
            step: 1,
        }
    }

    fn take(counter: &mut u64, step: u64) -> u64 {
        let id = *counter;
        *counter += step;
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_who_share_the_ids_never_give_one_twice() {
        let from = Ids { call: 7, recording: 8, slip: 0, step: 1 };
        let mut shares: Vec<Ids> = (0..3).map(|number| from.of_share(number, 3)).collect();
        let mut calls: Vec<u64> =
            shares.iter_mut().flat_map(|ids| [ids.next_call().0, ids.next_call().0]).collect();
        assert_eq!(calls, [9, 12, 7, 10, 8, 11]);
        calls.sort_unstable();
        assert_eq!(calls, [7, 8, 9, 10, 11, 12], "and leave none out");
        assert_eq!(shares.iter().map(|ids| ids.recording).collect::<Vec<_>>(), [9, 10, 8]);
        let next = shares.into_iter().reduce(Ids::after_both).unwrap_or_default();
        assert_eq!((next.call, next.recording, next.step), (15, 10, 1));
        assert_eq!(from.of_share(0, 1), from);
    }
}
