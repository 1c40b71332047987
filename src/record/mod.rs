//! What a call leaves behind: the call record with every stage and its times, and the message slip.
//!
//! Plain values: the calls fill them in, the shell writes them down, reports fold over them.

mod callback;
mod case_number;
mod complaint;
mod delivery;
mod kept;
mod presence;
mod promise;
mod quality;
mod registration;
mod slip;
mod survey;
mod trunks;
mod version;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::{CallId, Masked, RecordingId, SlipId, Wall};

pub use self::callback::Callback;
pub use self::case_number::{CaseNumber, MOST_DIGITS as MOST_CASE_DIGITS};
pub use self::complaint::{
    Care, Complaint, ComplaintChange, ComplaintState, ComplaintStep, ComplaintUpdate, Severity,
};
pub use self::delivery::{Delivery, Failed, Occasion, Posted, Target};
pub use self::kept::{Contact, KeptPlace};
pub use self::presence::{KeptAbsence, KeptPresence, KeptWord};
pub use self::promise::{Promise, PromiseKind, PromiseState};
pub use self::quality::LegQuality;
pub use self::registration::Registration;
pub use self::slip::{About, Keeping, MessageSlip, SlipChange, SlipState, Waiting};
pub use self::survey::{Note, SurveyAnswer};
pub use self::trunks::{Diverted, Outside};
pub use self::version::{Version, VersionHow, VersionState, VersionTests};

/// What is written down.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    Call(Box<CallRecord>),
    /// How a leg was heard; when it is closed, before or after its call's record.
    Leg {
        call: CallId,
        quality: Box<LegQuality>,
    },
    /// A new slip, or the present state of one that is known.
    Slip(Box<MessageSlip>),
    /// The caller took it back, or said nothing: no trace of it is kept.
    SlipDiscarded(SlipId),
    /// What became of a slip that was taken.
    SlipChange(SlipId, SlipChange),
    /// What becomes of a complaint.
    Complaint(CaseNumber, ComplaintChange),
    /// What a caller said of a talk, or all that they have said so far.
    Survey(Box<SurveyAnswer>),
    /// What came of telling somebody of a slip.
    Posted(Box<Posted>),
    /// A new registration of a phone, or the present state of one that is known.
    Registration(Box<Registration>),
    /// The registration with this number is over.
    RegistrationEnded(u64),
    /// A callback that is owed, or the present state of one that is known.
    Callback(Box<Callback>),
    /// Nothing is owed any more.
    CallbackOver(CallId),
    /// What was promised to a caller, or the present state of a promise that is known.
    Promise(Box<Promise>),
    /// It could not be written down in time, and was promised to nobody.
    PromiseUnmade(CallId),
    /// Whose a customer's matter is, instead of whose it was before.
    Contact(Box<Contact>),
    /// A place in line that is kept for who dropped.
    Place(Box<KeptPlace>),
    /// Taken up again: number and queue.
    PlaceTaken(Masked<String>, String),
    /// What was said of a person's presence, instead of what was before.
    Presence(Box<KeptPresence>),
}

/// One call from its first INVITE to its last BYE. Written exactly once, when the call is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    pub call: CallId,
    /// The Call-ID of the caller's dialog, to find the call in a trace.
    pub sip_call_id: String,
    /// Empty where nobody said it.
    pub from: Masked<String>,
    /// The caller does not want the number to be shown (RFC 3325 §9.3): it is nobody's but the record's.
    #[serde(default)]
    pub withheld: bool,
    /// Who sent the call on to us, the first one first.
    #[serde(default)]
    pub diverted: Vec<Diverted>,
    /// The number that was dialled; `outside` where it is in the field of that name.
    pub dialled: String,
    /// The trunk's name, or the account of a desk that dialled.
    pub origin: String,
    pub language: String,
    /// The caller's grade as the dialplan found it (`vip`, …).
    pub grade: Option<String>,
    pub started: Wall,
    pub answered: Option<Wall>,
    pub ended: Wall,
    pub stages: Vec<Stage>,
    /// The keys pressed in menus; what is keyed as a secret never gets here.
    pub keys: Masked<String>,
    /// The queue that the caller last waited in, and what came of it.
    pub queue: Option<QueueVisit>,
    pub recordings: Vec<RecordingId>,
    pub slip: Option<SlipId>,
    /// The complaint that was made in it, or asked for.
    #[serde(default)]
    pub complaint: Option<CaseNumber>,
    #[serde(default)]
    pub survey: Option<SurveyAnswer>,
    /// What agents noted of it, the first one first.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// Whom of outside an agent called, or the flow for the caller.
    #[serde(default)]
    pub outside: Option<Outside>,
    /// How each party was heard, as far as [`Record::Leg`] has said it.
    #[serde(default)]
    pub legs: Vec<LegQuality>,
    /// The version of the dialplan that it began with, where there is a history of them.
    #[serde(default)]
    pub version: Option<u64>,
    /// How often a menu or a question was answered by a key that means nothing there, or by none.
    #[serde(default)]
    pub wrong_keys: u32,
    pub end: CallEnd,
}

/// What came of the wait in a queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueVisit {
    pub name: String,
    pub entered: Wall,
    /// From entering to the agent's answer, or to the end of waiting. Milliseconds.
    pub waited_ms: u64,
    /// How many agents were rung.
    pub offers: u32,
    pub outcome: QueueOutcome,
    /// The agent's extension.
    pub agent: Option<String>,
    /// From the agent's answer to the end of the talk. Milliseconds.
    pub talked_ms: u64,
    /// The service target of the queue at the time. Milliseconds.
    pub target_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueOutcome {
    Served,
    /// The caller hung up while waiting.
    Abandoned,
    /// The caller pressed a key to leave the queue.
    LeftByKey,
    MaxWait,
    Full,
    NobodySignedOn,
    /// The service closed while the caller waited.
    Closed,
}

impl QueueOutcome {
    pub const fn name(self) -> &'static str {
        match self {
            QueueOutcome::Served => "served",
            QueueOutcome::Abandoned => "abandoned",
            QueueOutcome::LeftByKey => "left-by-key",
            QueueOutcome::MaxWait => "max-wait",
            QueueOutcome::Full => "full",
            QueueOutcome::NobodySignedOn => "nobody-signed-on",
            QueueOutcome::Closed => "closed",
        }
    }
}

/// One step of the journey. A stage lasts until the next one begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub at: Wall,
    pub kind: StageKind,
    /// What the stage is about: the flow and step, the queue, the agent's extension. Never a customer's data.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageKind {
    Arrive,
    Listen,
    Wait,
    Offer,
    Talk,
    Hold,
    /// The agent hands the caller on.
    Transfer,
    /// A supervisor takes part in a talk, in another manner than before, or no longer.
    Supervise,
    /// The recording of a talk is paused, resumed, or given up.
    Record,
    Message,
    /// Somebody who is not to be disturbed is asked what becomes of the caller.
    Urgent,
    /// A person hears their messages.
    Mailbox,
    Presence,
    /// A complaint is accepted, or asked for.
    Complaint,
    /// The caller rates a talk.
    Survey,
    HangUp,
}

impl StageKind {
    pub const fn name(self) -> &'static str {
        match self {
            StageKind::Arrive => "arrive",
            StageKind::Listen => "listen",
            StageKind::Wait => "wait",
            StageKind::Offer => "offer",
            StageKind::Talk => "talk",
            StageKind::Hold => "hold",
            StageKind::Transfer => "transfer",
            StageKind::Supervise => "supervise",
            StageKind::Record => "record",
            StageKind::Message => "message",
            StageKind::Urgent => "urgent",
            StageKind::Mailbox => "mailbox",
            StageKind::Presence => "presence",
            StageKind::Complaint => "complaint",
            StageKind::Survey => "survey",
            StageKind::HangUp => "hang-up",
        }
    }
}

/// Why a call ended, with the SIP status or Reason (RFC 3326) where one was involved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallEnd {
    /// The caller hung up.
    CallerHungUp,
    /// The caller gave up before the call was answered.
    CallerCancelled,
    /// The agent hung up and the flow had nothing more to say.
    AgentHungUp,
    /// An agent's call to somebody with whom a caller talks on in another call.
    Transferred,
    /// The flow said goodbye.
    FlowEnded,
    /// Not taken: the status that the caller's side was given, and why.
    Refused { status: u16, why: String },
    /// We called, and nobody was there.
    NotReached { why: String },
    /// The caller's phone sent no audio for the time-out.
    NoAudio,
    /// The caller's dialog broke: no ACK, or a request of ours was refused.
    DialogLost { why: String },
    /// The session timer (RFC 4028) ran out.
    SessionExpired,
    /// The drain's limit, or a second signal to stop.
    Shutdown,
    /// A broken invariant cost this call; the text is for the log's reader.
    Fault { why: String },
}

impl CallEnd {
    /// The word for lists.
    pub const fn name(&self) -> &'static str {
        match self {
            CallEnd::CallerHungUp => "caller-hung-up",
            CallEnd::CallerCancelled => "caller-cancelled",
            CallEnd::AgentHungUp => "agent-hung-up",
            CallEnd::Transferred => "transferred",
            CallEnd::FlowEnded => "flow-ended",
            CallEnd::Refused { .. } => "refused",
            CallEnd::NotReached { .. } => "not-reached",
            CallEnd::NoAudio => "no-audio",
            CallEnd::DialogLost { .. } => "dialog-lost",
            CallEnd::SessionExpired => "session-expired",
            CallEnd::Shutdown => "shutdown",
            CallEnd::Fault { .. } => "fault",
        }
    }
}

impl fmt::Display for CallEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            CallEnd::Refused { status, why } => write!(f, " ({status}: {why})"),
            CallEnd::DialogLost { why } | CallEnd::Fault { why } | CallEnd::NotReached { why } => {
                write!(f, " ({why})")
            }
            _ => Ok(()),
        }
    }
}
