//! What goes into the exchange and what comes out of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::canary::{CanaryLine, CanaryNews, Trial};
use super::{Config, FloorEvent, Word};
use crate::base::{
    AgentId, AwayReason, CallId, Clip, LegId, Masked, Now, PlayId, QueueId, RecordingId, SlipId,
    UrgentAnswer, Wall,
};
use crate::complaints::Duty;
use crate::dialplan::Plan;
use crate::presence::Absence;
use crate::record::{
    Callback, CaseNumber, Complaint, Contact, KeptPlace, KeptPresence, LegQuality, MessageSlip, Promise,
    Record, Registration, Severity, Waiting,
};
use crate::sip::locate::{Answer, Question};
use crate::{call, media, sip};

/// Something that happened outside.
#[derive(Debug)]
pub enum Input<'a> {
    /// One whole SIP message: a datagram, or what was cut out of a stream.
    Sip {
        flow: sip::Flow,
        bytes: &'a [u8],
    },
    /// A stream is closed, or a message could not be sent over this flow.
    FlowClosed(sip::Flow),
    /// The first input of a start: the registrations that the last run left.
    Restore(Vec<Registration>),
    /// After it: the callbacks that the last run owed.
    RestoreCallbacks(Vec<Callback>),
    /// After these: what it had promised and not ended.
    RestorePromises(Vec<Promise>),
    /// And what it remembered of callers.
    RestoreKept {
        contacts: Vec<Contact>,
        places: Vec<KeptPlace>,
    },
    /// And what was said of persons.
    RestorePresences(Vec<KeptPresence>),
    /// A person's calendar file, read anew: what it says from today on, by the beginnings.
    Calendar {
        extension: String,
        events: Arc<[Absence]>,
    },
    Media(media::Event),
    /// A recording is complete on disk, after fsync; or it is not and never will be.
    RecordingSaved {
        recording: RecordingId,
        saved: bool,
    },
    /// A slip in a state other than [`Taking`](crate::record::SlipState::Taking) is committed; or is not and
    /// never will be.
    SlipSaved {
        slip: SlipId,
        saved: bool,
    },
    /// A callback or a promise is written down as it was last given out; or it is not and perhaps never will be.
    CallbackSaved {
        callback: CallId,
        saved: bool,
    },
    /// The answer to an [`Output::OpenBox`].
    BoxOpened {
        call: CallId,
        opened: Result<Vec<MessageSlip>, call::NotOpened>,
    },
    /// A complaint is accepted on disk; or it is not and perhaps never will be.
    ComplaintSaved {
        case: CaseNumber,
        saved: bool,
    },
    /// This is due of a complaint: whoever it concerns is told by a slip, or the customer is called.
    ComplaintDue {
        complaint: Box<Complaint>,
        duty: Duty,
    },
    /// The answer to an [`Output::Inquire`].
    Inquired {
        call: CallId,
        answer: call::Inquired,
    },
    /// So many slips wait in this message box, by the store's count.
    Waiting {
        mailbox: String,
        waiting: Waiting,
    },
    /// An order of the administrator; answered by one [`Output::Reply`] with the same number.
    Command {
        id: u64,
        command: Command,
    },
    /// The answer to an [`Output::Resolve`]; without a record where there is none, or where nobody answered.
    Resolved {
        question: Question,
        answer: Answer,
    },
    /// From now on new calls follow this plan. With a config, who may call and how much is taken on change too;
    /// addresses, ports and timers stay as they were at the start.
    Reload {
        plan: Arc<Plan>,
        config: Option<Box<Config>>,
    },
    /// New callers meet this plan for as long as they are of its share.
    Canary(Arc<Trial>),
    /// No new caller does any more.
    CanaryOver,
    /// For how long the oldest message has waited that is not handed in yet; said whenever that has changed much.
    Backlog(Duration),
    /// What the process has left, as of a second ago.
    Gauges(Gauges),
    /// New calls are refused with 503; [`Notice::Drained`] tells when the last one is over.
    Drain,
    /// Ends every call with a closing phrase; after it comes [`Input::Shutdown`].
    Farewell,
    /// Ends every call at once.
    Shutdown,
    /// The deadline of [`poll_timeout`](super::Exchange::poll_timeout) has come.
    Timeout,
    /// What another exchange's [`Output::Word`] said to this one.
    Word(Word),
    /// Words to this exchange were lost, any number of them. Said after the last one is lost, not before.
    Missed,
}

/// What the process has, and has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// File handles that can still be opened; `None` where that is not known.
    pub files_left: Option<u64>,
    /// Resident memory in octets; `None` where that is not known.
    pub resident: Option<u64>,
}

/// Something to be done outside. Taken with [`poll_output`](super::Exchange::poll_output) after each input
/// until there is none, and carried out in this order: a media port is open before the 200 that names it leaves.
#[derive(Debug)]
pub enum Output {
    Transmit(sip::Transmit),
    /// For the media worker of the call.
    Media {
        call: CallId,
        command: media::Command,
    },
    /// As [`media::Command::Play`], with recordings that have yet to be read from disk.
    Play {
        leg: LegId,
        play: PlayId,
        clips: Vec<Clip>,
        repeat: bool,
    },
    /// A question to the DNS; answered by one [`Input::Resolved`], in seconds at most, whatever happens.
    Resolve(Question),
    Record(Record),
    /// Somebody wants to hear what lies in a message box; answered by one [`Input::BoxOpened`].
    OpenBox {
        call: CallId,
        order: call::OpenBox,
    },
    /// A call asks the store; answered by one [`Input::Inquired`].
    Inquire {
        call: CallId,
        inquiry: call::Inquiry,
    },
    /// A recording that nobody shall hear is to be removed.
    Discard(RecordingId),
    Notice(Notice),
    Reply {
        id: u64,
        reply: Reply,
    },
    /// For another exchange of the house. May be lost, where that one is told of it: [`Input::Missed`].
    Word {
        to: u8,
        word: Word,
    },
}

/// What the administrator can order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    Agents,
    /// Changes the state of the agent with this extension.
    SetAgent {
        extension: String,
        change: AgentChange,
    },
    Status,
    Calls,
    /// Rings this desk and joins it to two who talk; or changes how it takes part, where it is in already.
    Supervise {
        call: CallId,
        extension: String,
        manner: call::Manner,
    },
    /// Pauses the recording of a talk, or resumes it.
    PauseRecording {
        call: CallId,
        paused: bool,
    },
    /// The agent of this call hands the caller on, to whatever the agent's desk may dial.
    Transfer {
        call: CallId,
        to: String,
        how: call::How,
    },
    /// This desk rings, and who answers is connected with the number, as if they had dialled it.
    CallOut {
        extension: String,
        number: Masked<String>,
    },
    /// What is owed to customers who gave up the line.
    Callbacks,
    CancelCallback {
        callback: CallId,
    },
    /// Who is asked what becomes of a caller.
    Urgents,
    /// What the person with this extension answers.
    AnswerUrgent {
        extension: String,
        answer: UrgentAnswer,
    },
    /// The agent with this extension has said that they will call this number then.
    Promise {
        extension: String,
        number: Masked<String>,
        due: Wall,
    },
    /// A person has kept it, or sees to it from now on.
    SettlePromise {
        promise: CallId,
        kept: bool,
    },
    /// Another queue, or another head start over later callers, for a call that waits.
    ChangeWaiting {
        call: CallId,
        queue: Option<String>,
        credit_ms: Option<u64>,
    },
    /// Why the call was offered to whom it was, or why it still waits.
    Why {
        call: CallId,
    },
    /// The caller of this call complains: the case is accepted, or more is said of it.
    AcceptComplaint {
        call: CallId,
        /// Who orders it.
        by: String,
        #[serde(default)]
        category: String,
        #[serde(default)]
        severity: Severity,
        #[serde(default)]
        expects: Option<Masked<String>>,
        /// By extension; `None`: the agent who talks.
        #[serde(default)]
        owner: Option<String>,
    },
    /// For whoever has the call next, and the record.
    Note {
        call: CallId,
        by: String,
        text: Masked<String>,
    },
    /// Ends a call.
    HangUp {
        call: CallId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentChange {
    SignOn,
    SignOff,
    Ready,
    /// The present wrap-up is extended, once.
    MoreTime,
    Away(Box<AwayOrder>),
    /// Somebody else takes the calls for the rest of the present absence; `None`: whom the plan says.
    Delegate(Option<String>),
}

/// An absence, as it is ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwayOrder {
    pub reason: AwayReason,
    /// The expected return.
    pub until: Option<Wall>,
    /// At an hour that is agreed on; `None`: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Wall>,
    /// Where the person is, for colleagues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Who takes the calls meanwhile, by extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<String>,
}

impl AgentChange {
    /// From now on.
    pub fn away(reason: AwayReason, until: Option<Wall>) -> Self {
        AgentChange::Away(Box::new(AwayOrder { reason, until, from: None, place: None, delegate: None }))
    }
}

/// The answer to a [`Command`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Done,
    Agents(Vec<AgentLine>),
    Status(Box<StatusLine>),
    Calls(Vec<CallLine>),
    Callbacks(Vec<CallbackLine>),
    Urgents(Vec<UrgentLine>),
    Why(Vec<MatchLine>),
    /// A complaint has this number.
    Accepted {
        case: CaseNumber,
    },
    /// Nothing was changed; why.
    Refused(String),
}

/// One agent, for a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentLine {
    pub extension: String,
    pub name: String,
    /// `signed-off`, `ready`, `resting`, `reserved`, `ringing`, `talking`, `wrap-up`, `away`.
    pub state: String,
    pub reason: Option<AwayReason>,
    /// When the person can be reached again, or a rest or a wrap-up ends by itself.
    pub until: Option<Wall>,
    #[serde(default)]
    pub place: Option<String>,
    /// Who takes the calls meanwhile: named with the absence, by extension.
    #[serde(default)]
    pub delegate: Option<String>,
    /// What says so: `by hand`, `agreed`, `calendar`, `working hours`.
    #[serde(default)]
    pub by: Option<String>,
    /// A phone can be reached: registered, or at a fixed contact.
    pub reachable: bool,
    /// Since when in this state. Milliseconds.
    pub for_ms: u64,
    pub skills: Vec<String>,
}

/// One running call, for a list. Confidential values stay masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallLine {
    pub call: CallId,
    pub from: String,
    /// The same in the clear, for views that look at who asks. It stays within the process: nobody is sent it.
    #[serde(skip)]
    pub number: Masked<String>,
    pub stage: String,
    pub queue: Option<String>,
    pub agent: Option<String>,
    pub started: Wall,
    /// How each party is heard, as last reported: every 5 s.
    #[serde(default)]
    pub legs: Vec<LegQuality>,
}

/// One callback that is owed, for a list. The number stays masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallbackLine {
    pub callback: CallId,
    pub number: String,
    pub queue: String,
    /// The place in line.
    pub since: Wall,
    /// `booking`: not promised yet; `in line`, `calling`, or `later`: by night, without a trunk, between two tries; `given
    /// up`: a person has to call.
    pub state: String,
    pub tries: u32,
    /// What came of the last one.
    pub last: Option<String>,
}

/// Somebody who is asked what becomes of a caller, for a list. The number stays masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UrgentLine {
    pub person: String,
    pub call: CallId,
    pub from: String,
    /// When they were asked.
    pub since: Wall,
    /// Given already, and the caller waits to be put through.
    pub answer: Option<UrgentAnswer>,
}

/// One offer of a call, or how things stand while it waits: who was considered, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatchLine {
    pub at: Wall,
    pub queue: String,
    pub waited_ms: u64,
    pub credit_ms: u64,
    /// The extension of the agent who was offered the call; `None` while it waits.
    pub chosen: Option<String>,
    /// The agent whom it waits for alone.
    pub owner: Option<String>,
    /// Best first.
    pub considered: Vec<ConsideredLine>,
    /// So many more agents, of whom nothing is told.
    pub more: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsideredLine {
    pub agent: String,
    /// In words.
    pub reason: String,
}

/// The exchange in figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusLine {
    pub calls: usize,
    pub most_calls: usize,
    pub draining: bool,
    /// Why new calls are refused, if they are.
    pub no_more_calls: Option<String>,
    /// Sources, and users at known sources, that get no answer for now.
    pub silenced: usize,
    pub registrations: usize,
    pub rtp_ports_free: usize,
    pub queues: Vec<QueueLine>,
    /// Who did not take a caller and is offered nobody for a while.
    #[serde(default)]
    pub resting: Vec<RestLine>,
    #[serde(default)]
    pub trunks: Vec<TrunkLine>,
    /// Another version of the dialplan that some callers meet first.
    #[serde(default)]
    pub canary: Option<CanaryLine>,
    /// Refused and dropped messages and calls, by reason.
    pub counters: Vec<(String, u64)>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueLine {
    pub name: String,
    pub waiting: u32,
    pub talking: u32,
    pub longest_ms: u64,
    pub signed_on: u32,
    pub ready: u32,
}

/// An agent who rests, for a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestLine {
    pub agent: String,
    pub until: Wall,
}

/// One trunk, for a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrunkLine {
    pub name: String,
    /// `up`, `down`, or `not asked` where nobody looks after it.
    pub state: String,
    /// Of our registration with it, where there is to be one.
    pub registration: Option<String>,
    /// Calls to the outside go over it now.
    pub carries_outside_calls: bool,
    /// Both directions.
    pub calls: u32,
    /// Zero for no limit.
    pub most_calls: u32,
}

/// News for logs, metrics and whoever watches. Never a customer's data in the clear.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    CallBegan {
        call: CallId,
        from: Masked<String>,
        dialled: String,
    },
    CallOver {
        call: CallId,
    },
    /// Dialogs with this Call-ID are a call's leg, or may become it; comes before our first message in them. `party`:
    /// a trunk, an account or
    /// an agent's extension.
    Leg {
        leg: LegId,
        call_id: sip::Text,
        party: String,
    },
    /// A phone rings for a caller.
    Offered {
        call: CallId,
        agent: AgentId,
        queue: Option<QueueId>,
    },
    AgentState {
        agent: AgentId,
        state: &'static str,
    },
    /// For whoever watches the floor.
    Floor(Box<FloorEvent>),
    Registered {
        user: String,
        contacts: usize,
    },
    /// A call or a registration was not taken.
    Refused {
        status: u16,
        why: &'static str,
        source: sip::Flow,
    },
    /// Of the version of the dialplan that is on trial.
    Canary(CanaryNews),
    /// Draining, and no call is left.
    Drained,
}

/// What the next timeout is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deadline {
    Sip(&'static str),
    Queue(crate::queue::Deadline),
    Call(CallId, call::Timer),
    /// A callback stands in line again.
    Callback,
    /// Somebody is to be called, as was promised.
    Promise,
    /// Of the directory: a registration expires, or somebody is to be asked for a sign of life.
    Phone(&'static str),
    /// A person's presence may change by itself: an absence begins or ends.
    Presence,
    /// What a phone published about its person.
    Publication,
    /// How the calls with a plan on trial went.
    Canary,
    /// Of a trunk: a registration of ours, a sign of life, a target that says nothing.
    Trunk(&'static str),
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Deadline::Sip(name) | Deadline::Trunk(name) => f.write_str(name),
            Deadline::Queue(deadline) => f.write_str(deadline.name()),
            Deadline::Call(call, timer) => write!(f, "{} of {call}", timer.name()),
            Deadline::Callback => f.write_str("callback"),
            Deadline::Promise => f.write_str("promise"),
            Deadline::Phone(name) => f.write_str(name),
            Deadline::Presence => f.write_str("presence"),
            Deadline::Publication => f.write_str("publication expires"),
            Deadline::Canary => f.write_str("canary"),
        }
    }
}

/// What the core cannot know: the phone of an agent who is reserved, or called past the queues, has said that it rings.
pub(super) const RINGING: &str = "ringing";

/// For lists: the agent's state by the word of the design.
pub(super) fn state_name(state: crate::queue::AgentState) -> &'static str {
    use crate::queue::AgentState;
    match state {
        AgentState::SignedOff => "signed-off",
        AgentState::Away(_) => "away",
        AgentState::Ready => "ready",
        AgentState::Resting { .. } => "resting",
        AgentState::Reserved => "reserved",
        AgentState::Talking => "talking",
        AgentState::WrapUp { .. } => "wrap-up",
    }
}

/// When the state ends without anybody's doing.
pub(super) fn ends_by_itself(now: Now, state: crate::queue::AgentState) -> Option<Wall> {
    use crate::queue::AgentState;
    match state {
        AgentState::Resting { until } | AgentState::WrapUp { until } => Some(now.wall_at(until)),
        _ => None,
    }
}

/// Whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
