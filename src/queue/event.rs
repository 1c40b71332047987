//! What goes in and what comes out: handles, joining, the answers, the events.

use std::fmt;
use std::time::Duration;

use super::Requirement;
use crate::base::{AgentId, Instant, QueueId};

/// A caller in the core, from [`join`](super::Core::join) until it has left or its talk has ended. A handle
/// that outlives its caller is refused, never misapplied.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerId {
    pub(super) index: u32,
    pub(super) epoch: u32,
}

/// One offer of one caller to one agent. Outlives its offer as harmlessly as a [`CallerId`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferId {
    pub(super) agent: AgentId,
    pub(super) epoch: u32,
}

impl OfferId {
    pub fn agent(self) -> AgentId {
        self.agent
    }
}

/// A caller who wants to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    pub queue: QueueId,
    /// What this caller needs beyond the queue's requirement, such as a language.
    pub extra: Vec<Requirement>,
    /// Instead of the queue's credit.
    pub credit: Option<Duration>,
    /// When the wait began: now, or earlier for a caller whose place was kept. Later than now counts as now.
    pub arrived: Instant,
    /// The place was the caller's before: a line that is full or closed takes them all the same.
    pub kept: bool,
    pub owner: Option<Owner>,
    /// Instead of the queue's longest wait; counted from joining.
    pub max_wait: Option<Duration>,
    /// The host's own number for the caller; comes back with every event.
    pub tag: u64,
}

impl Join {
    /// A caller without wishes who arrives now.
    pub fn new(queue: QueueId, arrived: Instant, tag: u64) -> Self {
        Join {
            queue,
            extra: Vec::new(),
            credit: None,
            arrived,
            kept: false,
            owner: None,
            max_wait: None,
            tag,
        }
    }
}

/// The agent who is asked first, whatever the queue requires: the account manager, or whoever took the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub agent: AgentId,
    /// For how long the caller waits for this agent alone. It keeps its place in the queue meanwhile, and an
    /// owner who is away or signed off is not waited for at all.
    pub hold: Duration,
}

/// Why a caller cannot wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("the queue is full")]
    Full,
    #[error("the queue is closed")]
    Closed,
    #[error("nobody who could serve the caller is signed on")]
    NoAgentsLoggedIn,
    #[error("there is no such queue")]
    NoSuchQueue,
}

/// Why an agent is not to be offered callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Away {
    /// Signed on, has not said "ready" yet.
    NotReady,
    Meeting,
    Visitor,
    Out,
    Banquet,
    Break,
    Training,
    /// Put away by the core after unanswered offers in a row.
    NoAnswer,
    /// By a supervisor or the command line.
    Admin,
    Other(u16),
}

/// How an agent's side ended an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The agent declined.
    Rejected,
    /// Rang for the whole ring time.
    RingTimeout,
    /// No phone registered, no route, no response.
    Unreachable,
    /// The phone is in use.
    Busy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaveWhy {
    /// Hung up.
    Abandoned,
    MaxWait,
    /// Goes on waiting in another queue.
    Overflow(QueueId),
    /// Chose another way by this key.
    Key(char),
    TakeMessage,
    /// The node that held the caller's leg is lost.
    NodeLost,
    /// The new topology has no such queue.
    QueueRemoved,
}

/// Where [`leave`](super::Core::leave) found the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    Waiting,
    /// The agent's phone was ringing; the offer is withdrawn.
    WhileOffered(AgentId),
    /// The caller talks with this agent: end the call with `call_ended` instead. Nothing has changed.
    TooLate(AgentId),
    /// No such caller any more.
    Stale,
}

/// What is to be different for a caller in line. Its arrival, and with it its place, stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Waits in this queue from now on. The wait for an owner alone ends with it; the longest wait does not begin
    /// anew.
    pub queue: Option<QueueId>,
    /// This head start instead of the present one.
    pub credit: Option<Duration>,
}

/// Why a caller was not changed; everything is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotChanged {
    #[error("no such caller waits any more")]
    Stale,
    /// The agent's phone rings for the caller; if nobody answers it waits again.
    #[error("the caller is being offered to an agent")]
    Offered(AgentId),
    #[error("the caller is talking with an agent")]
    Connected(AgentId),
    #[error("the caller does something else for now")]
    Parked,
    #[error("the caller is just being changed by somebody else")]
    Changing,
    /// The other queue does not take the caller.
    #[error("the caller cannot wait there: {0}")]
    Refused(JoinError),
}

/// When a wish to be away or signed off takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwayResult {
    Now,
    AfterCall,
    /// Not signed on, or unknown: nothing to do.
    SignedOff,
}

/// Whether an agent could be claimed for a call that comes from no queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seized {
    Yes,
    /// Being offered a caller, or talking.
    Busy,
    /// Not signed on, or unknown: the core keeps no account of this person.
    SignedOff,
}

/// How things stand for a caller at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Or is parked.
    Waiting,
    /// This agent is to be rung, or rings.
    Offered { offer: OfferId, agent: AgentId, queue: QueueId },
    /// Talks with an agent.
    Connected,
    /// Has left, or the talk is over.
    Gone,
}

/// The offer has ended otherwise: withdrawn, refused or accepted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the offer has ended already")]
pub struct OfferGone;

/// ```text
///                 login             ready              match            accepted
///   SignedOff ------------> Away <---------> Ready <---------> Reserved --------> Talking
///       ^                    ^       away      ^    refused or     |                 |
///       |                    |                 |    withdrawn      | no answer       | call_ended
///       +---- logout --------+-----------------|-------------------+                 v
///                                              +------------------------------- WrapUp
///                                                  deadline, or ready
///
///   Who did not take a caller, and is not away for it, is Resting on the way from Reserved to Ready: until a deadline,
///   or "ready".
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    SignedOff,
    Away(Away),
    Ready,
    /// Did not take a caller: offered nobody before this.
    Resting {
        until: Instant,
    },
    /// One caller is offered; the phone rings, or soon will.
    Reserved,
    Talking,
    WrapUp {
        until: Instant,
    },
}

/// Why an offer ended without the agent's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    CallerLeft(LeaveWhy),
    /// The caller does something else for a while.
    CallerParked,
    AgentAway,
    AgentSignedOff,
}

/// Why a caller is back at its old place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequeueWhy {
    Refused(Refusal),
    AgentAway,
    AgentSignedOff,
}

/// In the order in which things happened. `tag` is always the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Ring this agent for this caller.
    Offered {
        offer: OfferId,
        caller: CallerId,
        tag: u64,
        queue: QueueId,
        agent: AgentId,
    },
    /// Stop ringing.
    OfferWithdrawn {
        offer: OfferId,
        tag: u64,
        why: Withdrawn,
    },
    /// The agent has accepted; `waited` counts from `Join::arrived`.
    Connected {
        caller: CallerId,
        tag: u64,
        agent: AgentId,
        waited: Duration,
    },
    Requeued {
        caller: CallerId,
        tag: u64,
        why: RequeueWhy,
    },
    /// Out of the core; `waited` counts from `Join::arrived`.
    Left {
        caller: CallerId,
        tag: u64,
        why: LeaveWhy,
        waited: Duration,
    },
    AgentState {
        agent: AgentId,
        state: AgentState,
    },
    /// The caller has waited long enough for this many relaxation steps of its queue.
    Relaxed {
        caller: CallerId,
        tag: u64,
        tier: u8,
    },
    /// The caller no longer waits for its owner alone.
    OwnerSkipped {
        caller: CallerId,
        tag: u64,
        owner: AgentId,
        why: OwnerSkip,
    },
    /// Waits in this queue, with this head start, from now on; at the old place in time.
    Changed {
        caller: CallerId,
        tag: u64,
        queue: QueueId,
        credit: Duration,
    },
    /// Does not wait for the time being, and keeps its place.
    Parked {
        caller: CallerId,
        tag: u64,
    },
    /// Back from being parked, at the old place.
    Resumed {
        caller: CallerId,
        tag: u64,
    },
    /// How many wait in the queue now, offered and parked callers not counted.
    QueueDepth {
        queue: QueueId,
        waiting: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerSkip {
    /// Away or signed off, now or after the present call.
    Away,
    /// Had the caller offered and did not take it.
    Refused,
    /// Not free within `Owner::hold`.
    HoldEnded,
    /// The caller was parked, or moved to another queue.
    Moved,
}

/// Takes events. One buffer per operation; nothing is called back from inside the core.
pub trait Sink {
    fn emit(&mut self, event: Event);
}

impl Sink for Vec<Event> {
    fn emit(&mut self, event: Event) {
        self.push(event);
    }
}

/// What the next deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deadline {
    /// The longest wait of a caller.
    MaxWait,
    /// A caller stops waiting for its owner alone.
    OwnerHold,
    /// More agents become good enough for a caller.
    Relaxation,
    /// A caller may use the reserve.
    ReserveWaiver,
    /// A caller may be offered to an agent again who did not take it.
    OfferAgain,
    /// A wrap-up ends.
    WrapUp,
    /// An agent who did not take a caller is ready again.
    Rest,
}

impl Deadline {
    pub fn name(self) -> &'static str {
        match self {
            Deadline::MaxWait => "longest wait",
            Deadline::OwnerHold => "owner hold",
            Deadline::Relaxation => "relaxation",
            Deadline::ReserveWaiver => "reserve waiver",
            Deadline::OfferAgain => "offer again",
            Deadline::WrapUp => "wrap-up",
            Deadline::Rest => "rest",
        }
    }
}

impl fmt::Debug for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "caller{}.{}", self.index, self.epoch)
    }
}

impl fmt::Debug for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offer{}.{}", self.agent, self.epoch)
    }
}
