//! The atomics of the words: the machine's, or those of loom, which tries every order in which threads may see them,
//! or those of shuttle, which tries many orders in which larger mixes of threads may take their steps.

#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(shuttle)]
pub use shuttle::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(any(loom, shuttle)))]
pub use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Deliberate mistakes, each of which the models must catch: what a check does not notice, it does not check.
#[cfg(loom)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    None,
    /// Publishing without the fence between the entry and the search.
    NoFence,
    /// The agent's word decides a refusal beside the caller's.
    RefusalByAgent,
    /// Who loses an acceptance frees the agent.
    LoserFrees,
    /// Being away does not look at whose turn it was.
    AwayLeavesOffered,
    /// An agent who comes back without a caller is not listed again.
    NotListedAgain,
    /// The end of a call does not carry an acceptance under way to its end.
    EndIgnoresAcceptance,
    /// A caller who left during a change waits on.
    ChangeForgetsLeave,
    /// A reload does not fence between the new floor and the walk.
    NoReloadFence,
    /// Who has listed somebody does not look whether the floor is still in use.
    OldFloor,
    /// Idle agents are counted after they are listed.
    CountedLate,
    /// Who makes a pool exceed its reserve looks for its own caller only.
    NoPoolSearch,
    /// A timer searches before it raises the time.
    TimeRaisedLate,
    /// A timer does not fence between the time and the search.
    NoTimeFence,
    /// Who is away looks for callers of its own without a fence.
    NoOwnerFence,
    /// Whoever lets a caller on hold go, or makes the agent's word say that there are some, looks without a fence.
    NoHoldFence,
    /// Nobody looks after making the agent's word say that callers are on hold.
    HoldNotLookedAt,
    /// A caller is listed as on hold after the agent's word says so.
    HeldLate,
    /// Who waits for an owner does not look whether the owner is still there.
    OwnerNotLookedAt,
}

#[cfg(loom)]
thread_local! {
    /// loom runs all threads of a model on one.
    pub static MUTANT: std::cell::Cell<Mutant> = const { std::cell::Cell::new(Mutant::None) };
}

/// Whether this mistake is to be made; never outside the models.
#[cfg(loom)]
macro_rules! mutant {
    ($which:ident) => {
        super::sync::MUTANT.get() == super::sync::Mutant::$which
    };
}

#[cfg(not(loom))]
macro_rules! mutant {
    ($which:ident) => {
        false
    };
}

pub(super) use mutant;
