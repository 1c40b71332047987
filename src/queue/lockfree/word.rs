//! The one 64-bit word per caller and per agent. All else that the core keeps is a hint or a detail; who has whom
//! is in the words alone, and each changes by one compare-and-swap.
//!
//! ```text
//!             63..60   59..40   39..0
//!   caller    state    epoch    the owner waited for, or the agent, 32 bits | reserved for the owner, bit 32
//!   agent     state    epoch    caller, 20 bits | caller's epoch, 20 bits   (of an offer)
//!                               caller, 20 bits | wish, 20 bits             (of a talk; with callers on hold: wish)
//!                               place, reason or deadline, 40 bits          (of the rest)
//! ```
//!
//! Every change adds one to the epoch, but for the step from a tentative match to an offer. A word is mistaken
//! for an older one only if it changes a million times during one operation of a thread.

use super::sync::{AtomicU64, Ordering};

const EPOCH_AT: u32 = 40;
const STATE_AT: u32 = 60;
const EPOCHS: u32 = (1 << 20) - 1;
const PAYLOAD: u64 = (1 << 40) - 1;
const LOW_20: u64 = (1 << 20) - 1;

/// Cells for callers at most; the last number means "nobody".
pub(super) const CALLERS: u32 = (1 << 20) - 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CallerWord {
    pub epoch: u32,
    pub state: CallerState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallerState {
    /// Nobody's cell, or its caller has just left and whoever decided that is tidying up.
    Free,
    /// Stands in the line of its lane, or in that of the owner whom it waits for alone.
    Waiting {
        owner: Option<u32>,
    },
    /// `owned`: it waited for this agent alone.
    Offered {
        agent: u32,
        owned: bool,
    },
    Connected {
        agent: u32,
    },
    /// Does something else for a while, and stands in no line.
    Parked,
    /// One thread is changing what this caller asks for, and the cell with it. Others say what is to follow.
    Changing {
        then: Then,
    },
}

/// What becomes of a caller whose change is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Waits,
    Parks,
    /// Has left, and was told so; the cell is to be freed.
    Leaves,
}

impl CallerWord {
    /// The same cell one step later.
    pub fn next(self, state: CallerState) -> Self {
        CallerWord { epoch: later(self.epoch, 1), state }
    }

    fn pack(self) -> u64 {
        let (state, payload) = match self.state {
            CallerState::Free => (0, 0),
            CallerState::Waiting { owner } => (1, owner.map_or(0, |owner| u64::from(owner) + 1)),
            CallerState::Offered { agent, owned } => (2, u64::from(agent) | u64::from(owned) << 32),
            CallerState::Connected { agent } => (3, u64::from(agent)),
            CallerState::Parked => (4, 0),
            CallerState::Changing { then: Then::Waits } => (5, 0),
            CallerState::Changing { then: Then::Parks } => (5, 1),
            CallerState::Changing { then: Then::Leaves } => (5, 2),
        };
        state << STATE_AT | u64::from(self.epoch) << EPOCH_AT | payload
    }

    fn unpack(word: u64) -> Self {
        let payload = word & PAYLOAD;
        let low = payload as u32;
        let state = match word >> STATE_AT {
            1 => CallerState::Waiting { owner: low.checked_sub(1) },
            2 => CallerState::Offered { agent: low, owned: payload >> 32 != 0 },
            3 => CallerState::Connected { agent: low },
            4 => CallerState::Parked,
            5 => CallerState::Changing {
                then: match low {
                    0 => Then::Waits,
                    1 => Then::Parks,
                    _ => Then::Leaves,
                },
            },
            _ => CallerState::Free,
        };
        CallerWord { epoch: epoch_of(word), state }
    }

    pub fn load(word: &AtomicU64) -> Self {
        CallerWord::unpack(word.load(Ordering::Acquire))
    }

    /// Whether this thread made the step.
    pub fn swap(self, word: &AtomicU64, next: Self) -> bool {
        word.compare_exchange(self.pack(), next.pack(), Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AgentWord {
    pub epoch: u32,
    pub state: AgentStep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AgentStep {
    SignedOff,
    /// The reason, as [`code`](super::codes) writes it.
    Away(u32),
    /// Ready; the place among the idle, smallest first. With [`FURTHER`]: for a further caller, all others being on hold.
    Idle {
        place: u64,
    },
    /// Did not take a caller a moment ago.
    Resting,
    /// Meant for this caller, whose word has the last say: any thread may finish the match.
    Tentative {
        caller: u32,
        epoch: u32,
    },
    /// The caller's epoch when it still waited: its word has gone on by one.
    Offered {
        caller: u32,
        epoch: u32,
    },
    /// `caller`: `None` for a call from no queue. `wish`: what becomes of the agent afterwards, 0 for nothing.
    Talking {
        caller: Option<u32>,
        wish: u32,
    },
    /// Has callers on hold, talks with one of them or with none, and is offered nobody further.
    Holding {
        wish: u32,
    },
    /// The low 39 bits of the deadline in microseconds; times further apart than three days are no wrap-up's.
    WrapUp {
        until: u64,
        extended: bool,
    },
}

/// In the place of an idle agent who has callers on hold: after all who have none.
pub(super) const FURTHER: u64 = 1 << 39;

impl AgentStep {
    /// Says that there are callers on hold. Who they are, their own words say.
    pub fn holds(self) -> bool {
        match self {
            AgentStep::Holding { .. } => true,
            AgentStep::Idle { place } => place & FURTHER != 0,
            _ => false,
        }
    }

    /// The same talk with another wish. An agent who is idle for a further caller is so no longer.
    pub fn wishing(self, wish: u32) -> Self {
        match self {
            AgentStep::Talking { caller, .. } => AgentStep::Talking { caller, wish },
            AgentStep::Holding { .. } => AgentStep::Holding { wish },
            state if state.holds() => AgentStep::Holding { wish },
            state => state,
        }
    }

    /// What becomes of the agent when the talk ends, if this is a talk.
    pub fn wish(self) -> u32 {
        match self {
            AgentStep::Talking { wish, .. } | AgentStep::Holding { wish } => wish,
            _ => 0,
        }
    }
}

/// The bits of a deadline that a word keeps.
pub(super) const UNTIL: u64 = (1 << 39) - 1;

impl AgentWord {
    pub fn next(self, state: AgentStep) -> Self {
        AgentWord { epoch: later(self.epoch, 1), state }
    }

    /// A tentative match that has succeeded: the offer bears its number.
    pub fn confirmed(self, caller: u32, epoch: u32) -> Self {
        AgentWord { epoch: self.epoch, state: AgentStep::Offered { caller, epoch } }
    }

    fn pack(self) -> u64 {
        let pair = |high: u32, low: u32| u64::from(high) << 20 | u64::from(low) & LOW_20;
        let (state, payload) = match self.state {
            AgentStep::SignedOff => (0, 0),
            AgentStep::Away(reason) => (1, u64::from(reason)),
            AgentStep::Idle { place } => (2, place & PAYLOAD),
            AgentStep::Resting => (3, 0),
            AgentStep::Tentative { caller, epoch } => (4, pair(caller, epoch)),
            AgentStep::Offered { caller, epoch } => (5, pair(caller, epoch)),
            AgentStep::Talking { caller, wish } => (6, pair(caller.unwrap_or(CALLERS), wish)),
            AgentStep::WrapUp { until, extended } => (7, until & UNTIL | u64::from(extended) << 39),
            AgentStep::Holding { wish } => (8, u64::from(wish)),
        };
        state << STATE_AT | u64::from(self.epoch) << EPOCH_AT | payload
    }

    fn unpack(word: u64) -> Self {
        let payload = word & PAYLOAD;
        let (high, low) = ((payload >> 20) as u32, (payload & LOW_20) as u32);
        let state = match word >> STATE_AT {
            1 => AgentStep::Away(payload as u32),
            2 => AgentStep::Idle { place: payload },
            3 => AgentStep::Resting,
            4 => AgentStep::Tentative { caller: high, epoch: low },
            5 => AgentStep::Offered { caller: high, epoch: low },
            6 => AgentStep::Talking { caller: Some(high).filter(|high| *high != CALLERS), wish: low },
            7 => AgentStep::WrapUp { until: payload & UNTIL, extended: payload >> 39 != 0 },
            8 => AgentStep::Holding { wish: low },
            _ => AgentStep::SignedOff,
        };
        AgentWord { epoch: epoch_of(word), state }
    }

    pub fn load(word: &AtomicU64) -> Self {
        AgentWord::unpack(word.load(Ordering::Acquire))
    }

    /// Whether this thread made the step.
    pub fn swap(self, word: &AtomicU64, next: Self) -> bool {
        word.compare_exchange(self.pack(), next.pack(), Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// An epoch so many steps later; `u32::MAX` steps later is one earlier.
pub(super) fn later(epoch: u32, steps: u32) -> u32 {
    epoch.wrapping_add(steps) & EPOCHS
}

fn epoch_of(word: u64) -> u32 {
    (word >> EPOCH_AT) as u32 & EPOCHS
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_they_were_written() {
        use AgentStep::*;
        for epoch in [0, 1, EPOCHS] {
            for state in [
                CallerState::Free,
                CallerState::Waiting { owner: None },
                CallerState::Waiting { owner: Some(0) },
                CallerState::Waiting { owner: Some(u32::MAX - 1) },
                CallerState::Offered { agent: 0, owned: false },
                CallerState::Offered { agent: u32::MAX, owned: true },
                CallerState::Connected { agent: 7 },
                CallerState::Parked,
                CallerState::Changing { then: Then::Waits },
                CallerState::Changing { then: Then::Parks },
                CallerState::Changing { then: Then::Leaves },
            ] {
                let word = CallerWord { epoch, state };
                assert_eq!(CallerWord::unpack(word.pack()), word);
            }
            for state in [
                SignedOff,
                Away(0x1ffff),
                Idle { place: PAYLOAD },
                Resting,
                Tentative { caller: CALLERS - 1, epoch: EPOCHS },
                Offered { caller: 0, epoch: 3 },
                Talking { caller: None, wish: 0 },
                Talking { caller: Some(CALLERS - 1), wish: 0xfffff },
                WrapUp { until: UNTIL, extended: true },
                Holding { wish: 0xfffff },
            ] {
                let word = AgentWord { epoch, state };
                assert_eq!(AgentWord::unpack(word.pack()), word);
            }
        }
        assert_eq!(later(EPOCHS, 1), 0);
    }
}
