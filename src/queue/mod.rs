//! The ACD core: who waits, who is free, and who is offered to whom.
//!
//! It knows callers, agents, queues and time; no SIP, no clock, no randomness. A match happens inside the
//! operation that makes it possible: joining beside an idle agent yields [`Event::Offered`] in the same
//! call. Ties are broken by order of arrival, so that equal input gives equal output.
//!
//! The policy, in one paragraph: a *lane* holds the callers of one queue with the same requirement and
//! credit; all lanes share one order, *virtual time* = arrival - credit, so that overtaking is bounded by
//! the difference of two credits. A free agent takes the earliest caller whom it may serve. A caller takes
//! the agent whom higher-valued queues will miss least, then the lowest tier, then the least flexible, then
//! the one idle longest. A share of the agents of a protected queue stays idle for it, until a caller has
//! waited too long for that. The longer a caller waits, the less it insists on tier and level. A caller's
//! owner is asked first, and the place in the queue is kept meanwhile.
//!
//! Architecture invariant: this module names `base` only.

mod cells;
mod changes;
mod deadlines;
mod event;
mod explain;
mod index;
mod invariants;
mod line;
pub mod lockfree;
mod matching;
pub mod sequential;
mod snapshot;
#[cfg(test)]
mod tests;
mod topology;
mod views;

pub use event::{
    AgentState, Away, AwayResult, CallerId, Change, Deadline, Event, Join, JoinError, LeaveWhy, Left,
    NotChanged, OfferGone, OfferId, Owner, OwnerSkip, Refusal, RequeueWhy, Seized, Sink, Standing, Withdrawn,
};
pub use explain::{Behind, Considered, Explanation, Lack, Verdict};
pub use lockfree::Core;
pub use snapshot::{AgentView, QueueView, Snapshot, WaitBand};
pub use topology::{AgentSpec, Config, QueueSpec, Requirement, Topology};
