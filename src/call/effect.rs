//! What a call wants done.

use std::time::Duration;

use bytes::Bytes;

use super::{CalledBack, FollowedUp, Inquiry, OpenBox, Refusal, SharedPlan, UrgentOver, UrgentSlip};
use crate::base::{
    AgentId, CallId, Clip, Instant, Language, LegId, Masked, PlayId, QueueId, RecordingId, UrgentAnswer, Wall,
};
use crate::dialplan::{Owner, PickUp, PresenceChange, Requirement};
use crate::media;
use crate::queue;
use crate::record::{Complaint, PromiseKind, Record};

/// What a call wants done. Carried out by the exchange in this order.
#[derive(Debug)]
pub enum Effect {
    /// 200 to the caller's INVITE.
    Accept {
        leg: LegId,
        sdp: Bytes,
    },
    /// A final refusal of the caller's INVITE.
    Refuse {
        leg: LegId,
        refusal: Refusal,
    },
    Invite(Box<InviteAgent>),
    /// Asks for a way to a number of the outside, over this trunk or any.
    ReachOutside {
        number: Masked<String>,
        trunk: Option<String>,
    },
    InviteOutside(Box<InviteOutside>),
    AnswerReoffer {
        leg: LegId,
        sdp: Result<Bytes, Refusal>,
    },
    /// A party of another call becomes this leg: their dialog is asked to send its media here. Answered as a re-negotiation.
    TakeOver {
        leg: LegId,
        /// As the other call knows it.
        from: LegId,
        /// `None` for somebody outside.
        agent: Option<AgentId>,
        sdp: Bytes,
    },
    /// Asks for the first of these slots that is free: answered by [`Event::Parked`](super::Event::Parked).
    Park {
        slots: Vec<String>,
    },
    /// Connects this call's desk with somebody's caller; the call is over then. Else
    /// [`Call::not_picked_up`](super::Call::not_picked_up).
    PickUp(PickUp),
    /// What the agent's phone is told of the transfer that it asked for; the last word from 200 on.
    Referred {
        leg: LegId,
        status: u16,
    },
    /// Ends the leg's dialog, whatever its state: CANCEL or BYE.
    Bye {
        leg: LegId,
    },
    Media(media::Command),
    /// What [`Command::Play`](media::Command::Play) is, with recordings still to be read from disk.
    Play {
        leg: LegId,
        play: PlayId,
        clips: Vec<Clip>,
        repeat: bool,
    },
    Join {
        request: QueueRequest,
        plan: SharedPlan,
    },
    Leave {
        caller: queue::CallerId,
        why: queue::LeaveWhy,
    },
    /// The caller hung up while waiting: whoever calls from this number before `until` stands where they stood.
    KeepPlace {
        number: Masked<String>,
        /// By name.
        queue: String,
        arrived: Instant,
        until: Instant,
    },
    /// The caller wants to be called back: answered by [`Event::CallbackBooked`](super::Event::CallbackBooked).
    BookCallback(Box<Booking>),
    /// The agent says by a key that this caller's matter is theirs from now on.
    TakeMatter {
        agent: AgentId,
    },
    /// Asks whose this caller's matter is: answered by [`Event::MatterIs`](super::Event::MatterIs).
    AskMatter,
    /// Somebody is to be promised a call: answered by [`Event::CallbackBooked`](super::Event::CallbackBooked).
    Promise(Box<Promising>),
    /// What came of calling back, or of what was promised.
    CalledBack {
        callback: CallId,
        what: CalledBack,
    },
    /// What came of asking a customer whether it is solved.
    FollowedUp {
        complaint: Box<Complaint>,
        what: FollowedUp,
    },
    AcceptOffer {
        offer: queue::OfferId,
    },
    RefuseOffer {
        offer: queue::OfferId,
        why: queue::Refusal,
    },
    /// The talk of an agent who was given by the queue is over: wrap-up.
    TalkEnded {
        agent: AgentId,
    },
    /// A text to the agent's phones. Never a customer's data: it stays on the display.
    Text {
        agent: AgentId,
        text: String,
    },
    /// An agent's phone fell silent in mid-talk: it is to be asked for a sign of life, and rung no more until the agent
    /// says that they are there. Before [`TalkEnded`](Effect::TalkEnded).
    PhoneLost {
        agent: AgentId,
    },
    /// Asks for the phone of the person with this extension, past the queues.
    Seize {
        extension: String,
        /// Not theirs, but the phone of who takes their calls now.
        delegate: bool,
    },
    Release {
        agent: AgentId,
    },
    /// The same of an agent who has served a queue's caller whom it had not given to them.
    WrapUp {
        agent: AgentId,
        wrap_up: Duration,
    },
    /// Asks whether this person may be asked what becomes of the caller: answered by
    /// [`Event::UrgentAllowed`](super::Event::UrgentAllowed).
    AskUrgent {
        extension: String,
    },
    /// The person is asked: answered by [`Event::UrgentTold`](super::Event::UrgentTold), and what they say comes as
    /// [`Event::UrgentAnswered`](super::Event::UrgentAnswered).
    TellUrgent(Box<UrgentSlip>),
    /// There is nothing more to be answered.
    UrgentOver {
        extension: String,
        how: UrgentOver,
    },
    /// Asks for the phone of somebody who is away, whom the caller is put through to: as [`Effect::Seize`].
    SeizeUrgently {
        extension: String,
    },
    /// What this agent answers to who asks urgently: answered by
    /// [`Event::UrgentReplied`](super::Event::UrgentReplied).
    AnswerUrgent {
        agent: AgentId,
        answer: UrgentAnswer,
    },
    /// How a queue of the call's plan stands: answered by [`Event::QueueState`](super::Event::QueueState).
    QueueState {
        queue: QueueId,
        plan: SharedPlan,
    },
    /// What that caller has said: answered by [`Event::UrgentHeard`](super::Event::UrgentHeard).
    HearUrgent {
        agent: AgentId,
    },
    Presence {
        agent: AgentId,
        change: PresenceChange,
    },
    Record(Record),
    /// Asks for what lies in a message box: answered by [`Event::BoxOpened`](super::Event::BoxOpened).
    OpenBox(OpenBox),
    /// Asks the store: answered by [`Event::Inquired`](super::Event::Inquired).
    Inquire(Inquiry),
    /// A recording that nobody shall ever hear.
    Discard {
        recording: RecordingId,
    },
    /// The last: nothing of the call is left.
    Over,
}

/// What the dialplan wants of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueRequest {
    pub queue: QueueId,
    /// Beside the queue's own requirement.
    pub needs: Vec<Requirement>,
    /// Instead of the queue's own credit.
    pub credit: Option<Duration>,
    /// Who is asked first, in order of preference, and for how long.
    pub owners: Vec<Owner>,
    pub owner_wait: Duration,
    /// Since when the caller has waited, where that is not now.
    pub arrived: Option<Instant>,
    /// Keys that end the wait.
    pub keys: Vec<char>,
    /// Said after the queue's `offer_after`; may be empty.
    pub offer: Vec<Clip>,
}

/// An INVITE to an agent's phone.
#[derive(Debug)]
pub struct InviteAgent {
    pub leg: LegId,
    pub agent: AgentId,
    /// What a desk phone shows: queue, grade, caller.
    pub display: Masked<String>,
    /// The caller's number, for `From`.
    pub from: Masked<String>,
    /// The same as a line of text, with what the caller has pressed: for screens that show a subject.
    pub about: Masked<String>,
    /// The extension of who hands the caller on.
    pub by: Option<String>,
    pub sdp: Bytes,
}

/// An INVITE to somebody outside.
#[derive(Debug)]
pub struct InviteOutside {
    pub leg: LegId,
    /// The one that [`Event::OutsideReached`](super::Event::OutsideReached) named.
    pub trunk: String,
    /// As it was dialled or written.
    pub number: Masked<String>,
    pub sdp: Bytes,
}

/// Somebody who is to be called at a certain time.
#[derive(Clone, Debug, PartialEq)]
pub struct Promising {
    pub kind: PromiseKind,
    pub number: Masked<String>,
    /// Keyed in or told: another number than the one that called.
    pub keyed: bool,
    /// By name; `None`: the first queue of the plan that calls customers back.
    pub queue: Option<String>,
    /// The extension of who calls; `None`: the queue.
    pub owner: Option<String>,
    pub language: Language,
    pub grade: Option<String>,
    pub due: Wall,
}

/// A caller who wants to be called back when their turn comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Booking {
    pub number: Masked<String>,
    /// Keyed in: another number than the one that calls.
    pub keyed: bool,
    /// By name.
    pub queue: String,
    pub language: Language,
    pub grade: Option<String>,
    /// Skills by name with their levels.
    pub needs: Vec<(String, u8)>,
    pub credit: Option<Duration>,
    /// The place in line.
    pub arrived: Instant,
}
