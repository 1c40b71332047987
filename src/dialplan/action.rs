//! What goes into the interpreter and what comes out of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::flow::By;
use super::plan::{Origin, Requirement};
use crate::base::{AgentId, AwayReason, Clip, Masked, Now, QueueId, RecordingId, UrgentAnswer, Wall};

/// What is known of a call when it begins.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The caller's number; empty where it was withheld.
    pub from: Masked<String>,
    pub dialled: String,
    /// The extension of whose matter this number's is: first asked, first responsible.
    pub owner: Option<String>,
    pub origin: Origin,
    pub now: Now,
}

/// What happened to the call.
#[derive(Clone, PartialEq)]
pub enum Event {
    /// The call is answered: the first step may be taken. Sent once.
    Begin,
    /// `0`–`9`, `*`, `#`, `A`–`D`; sent also while something plays or the caller waits for nothing.
    Digit(char),
    /// The last [`Action::Play`] reached its end; not sent when it was stopped or replaced.
    Played,
    /// The one armed timer.
    TimedOut,
    /// Answers [`Action::QueueState`].
    QueueState(QueueState),
    /// Answers [`Action::Queue`].
    QueueEnded(QueueEnd),
    /// Answers [`Action::Dial`].
    DialEnded(DialEnd),
    /// Answers [`Action::Message`].
    MessageEnded(MessageEnd),
    /// Answers [`Action::Mailbox`].
    MailboxEnded,
    /// Answers [`Action::Urgent`].
    UrgentEnded(UrgentEnd),
    /// Answers [`Action::AnswerUrgent`]; not `ok`: nobody waits for an answer.
    UrgentAnswered { ok: bool },
    /// Answers [`Action::HearUrgent`] with what a caller has said who waits.
    UrgentHeard(Option<RecordingId>),
    /// Answers [`Action::Survey`].
    SurveyEnded,
    /// Answers [`Action::Complaint`]. `found`: there was one of the number that was keyed.
    ComplaintTold { found: bool },
    /// Answers [`Action::BookCallback`] and [`Action::PromiseCall`].
    CallbackBooked {
        ok: bool,
        /// How long it takes until the caller is called: at least, and at most, where it is not far off.
        wait: Option<(Duration, Option<Duration>)>,
    },
    /// Answers [`Action::Presence`].
    PresenceSet { ok: bool },
    /// Answers [`Action::PickUp`] where nobody is connected. `may`: nobody is there; else it is not theirs to take.
    NotPickedUp { may: bool },
}

impl Event {
    pub const NOT_BOOKED: Event = Event::CallbackBooked { ok: false, wait: None };
}

/// Without the digit: it may be part of a secret.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Begin => f.write_str("Begin"),
            Event::Digit(_) => f.write_str("Digit"),
            Event::Played => f.write_str("Played"),
            Event::TimedOut => f.write_str("TimedOut"),
            Event::QueueState(state) => write!(f, "{state:?}"),
            Event::QueueEnded(end) => write!(f, "QueueEnded({end:?})"),
            Event::DialEnded(end) => write!(f, "DialEnded({end:?})"),
            Event::MessageEnded(end) => write!(f, "MessageEnded({end:?})"),
            Event::MailboxEnded => f.write_str("MailboxEnded"),
            Event::UrgentEnded(end) => write!(f, "UrgentEnded({end:?})"),
            Event::UrgentAnswered { ok } => write!(f, "UrgentAnswered({ok})"),
            Event::UrgentHeard(_) => f.write_str("UrgentHeard"),
            Event::SurveyEnded => f.write_str("SurveyEnded"),
            Event::ComplaintTold { found } => write!(f, "ComplaintTold({found})"),
            Event::CallbackBooked { ok, .. } => write!(f, "CallbackBooked({ok})"),
            Event::PresenceSet { ok } => write!(f, "PresenceSet({ok})"),
            Event::NotPickedUp { may } => write!(f, "NotPickedUp({may})"),
        }
    }
}

/// How a queue stands at some moment.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct QueueState {
    /// Callers in line, those included for whom a phone rings.
    pub waiting: u32,
    /// How long the one who waits longest has waited.
    pub longest: Option<Duration>,
    /// Agents who would be rung at once.
    pub ready: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueEnd {
    /// The caller talked with an agent, and the agent is gone.
    Served,
    /// One of the keys of [`Action::Queue`]; the caller has left the queue.
    Key(char),
    MaxWait,
    Full,
    NobodySignedOn,
    /// The queue's calendar closed while the caller waited.
    Closed,
}

/// Who is asked before the others of a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    Person(AgentId),
    /// Whose matter this number's is.
    Contact,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DialEnd {
    /// The caller talked with the person, who is gone.
    Served,
    /// In another call.
    Busy,
    NoAnswer,
    Away {
        reason: AwayReason,
        until: Option<Wall>,
        /// Somebody was named who takes the calls meanwhile.
        delegate: bool,
    },
    /// No phone registered, or the phone refused.
    Unreachable,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageEnd {
    /// On disk, confirmed by the caller or kept because they said nothing against it.
    Saved,
    /// Nothing was said, or the caller took it back.
    Nothing,
    /// The disk or the recorder failed.
    Failed,
}

/// What became of asking somebody urgently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UrgentEnd {
    /// They cannot be asked: not in what they are in, not so often, or no phone of theirs is there.
    NotNow,
    /// The caller said nothing.
    Nothing,
    /// They will call back; `None`: as soon as they can.
    CallBack { at: Option<Wall> },
    /// They want whoever takes their calls to take this one.
    Delegate,
    /// They want a message.
    Message,
    /// They said nothing in time, or could not be put through after all.
    NoAnswer,
}

/// What a message slip asks for beside what it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Name and company, spoken.
    Who,
    /// Where to call back: the caller's own number read out, or keyed in.
    Number,
    Urgent,
}

impl Ask {
    pub(super) const ALL: [Ask; 3] = [Ask::Who, Ask::Number, Ask::Urgent];

    pub const fn name(self) -> &'static str {
        match self {
            Ask::Who => "who",
            Ask::Number => "number",
            Ask::Urgent => "urgent",
        }
    }
}

/// A change of an agent's state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PresenceChange {
    SignOn,
    SignOff,
    Ready,
    /// For the present wrap-up; once.
    MoreTime,
    Away {
        reason: AwayReason,
        /// The expected return.
        until: Option<Wall>,
        /// Who takes the calls meanwhile, by extension.
        delegate: Option<String>,
    },
    /// Somebody else takes the calls for the rest of the present absence; `None`: whom the plan says.
    Delegate(Option<String>),
}

/// The same as written in a dialplan: when the person is back is not known yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PresenceKind {
    SignOn,
    SignOff,
    Ready,
    MoreTime,
    Away(AwayReason),
    Delegate,
}

/// Whose caller a desk takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PickUp {
    /// Who is parked there.
    Slot(String),
    /// Whoever's phone rings who shares a group with the desk.
    Group,
    /// This one's, by extension.
    Person(String),
}

/// What the call shall do.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Replaces what is playing. Answered by [`Event::Played`] at the end. Never empty.
    Play(Vec<Clip>),
    StopPlaying,
    /// There is one timer: replaces the one before.
    Arm(Duration),
    Disarm,
    /// How a queue stands now; reports [`Event::QueueState`].
    QueueState(QueueId),
    /// Put the caller in line; the call plays music, positions and comfort and reports [`Event::QueueEnded`].
    Queue {
        queue: QueueId,
        /// Beside the queue's own requirement.
        needs: Vec<Requirement>,
        /// Instead of the queue's own credit.
        credit: Option<Duration>,
        /// Waited for before all others, the first who can be waited for; the place in line is kept meanwhile.
        owners: Vec<Owner>,
        /// For so long.
        owner_wait: Duration,
        /// Keys that end the wait ([`QueueEnd::Key`]); all others are ignored.
        keys: Vec<char>,
        /// Said after the queue's `offer_after` and with each comfort phrase from then on; may be empty.
        offer: Vec<Clip>,
    },
    /// Keep the caller's place in this queue and call them back when their turn comes; reports
    /// [`Event::CallbackBooked`].
    BookCallback {
        queue: QueueId,
        /// Keyed in by the caller; `None`: the one that they call from.
        number: Option<Masked<String>>,
    },
    /// Promise that the caller is called then; reports [`Event::CallbackBooked`].
    PromiseCall {
        /// Whose rules it goes by.
        queue: QueueId,
        /// Keyed in by the caller; `None`: the one that they call from.
        number: Option<Masked<String>>,
        /// Who is to call; `None`: the queue.
        person: Option<AgentId>,
        due: Wall,
    },
    /// Ring a person and connect the caller; reports [`Event::DialEnded`].
    Dial {
        person: AgentId,
        /// Not the person, but who takes their calls now.
        delegate: bool,
        ring: Duration,
    },
    /// Connect the caller with somebody outside; reports [`Event::DialEnded`]. Without a number: the one that the desk
    /// has dialled, which a caller's call does not have.
    Outside {
        number: Option<Masked<String>>,
        trunk: Option<String>,
        ring: Duration,
    },
    /// Take a message: the call asks what is asked, says `before`, records until `#`, silence or `longest`, plays
    /// back, lets the caller confirm, says that it is saved, and reports [`Event::MessageEnded`].
    Message {
        /// `None`: for the team whose box it is.
        person: Option<AgentId>,
        box_name: String,
        /// It is a complaint of this category, and has a number, which is said instead of that it is saved.
        complaint: Option<String>,
        ask: Vec<Ask>,
        /// What invites the message, with the tone.
        before: Vec<Clip>,
        longest: Duration,
        /// This much silence ends it.
        silence: Duration,
        /// Less than this is not a message.
        shortest: Duration,
    },
    /// Ask somebody who is not to be disturbed what becomes of this caller, who says in a few seconds who they are and
    /// what it is about; reports [`Event::UrgentEnded`], or [`Event::DialEnded`] where the two have talked.
    Urgent {
        person: AgentId,
    },
    /// What whoever sits at the desk that calls answers to the caller who waits for it; reports
    /// [`Event::UrgentAnswered`].
    AnswerUrgent(UrgentAnswer),
    /// What that caller has said; reports [`Event::UrgentHeard`].
    HearUrgent,
    /// Let the caller hear their messages; reports [`Event::MailboxEnded`], or [`Event::DialEnded`] where they called
    /// somebody back.
    Mailbox {
        /// How often extension and PIN may be keyed in.
        tries: u8,
        /// A team's box by name, for one of its readers; `None`: a person's.
        team: Option<String>,
    },
    /// Ask for a mark, where the caller has talked with somebody; reports [`Event::SurveyEnded`].
    Survey {
        /// Who has talked for less is not asked.
        after_talk: Duration,
        /// Nobody is asked twice in this time.
        once_in: Duration,
        /// Whether it is solved is asked, too.
        solved: bool,
        /// Marks up to this one are low.
        low: u8,
        /// Who is told of a low one.
        low_to: Option<AgentId>,
    },
    /// Tell the caller how things stand with the complaint whose number they key; reports [`Event::ComplaintTold`].
    Complaint {
        /// How often the number may be keyed in.
        tries: u8,
    },
    /// Of the agent whose desk calls; reports [`Event::PresenceSet`].
    Presence {
        change: PresenceChange,
    },
    /// Connect the desk that calls with somebody's caller: the call is over then. Else [`Event::NotPickedUp`].
    PickUp(PickUp),
    /// Between on and off, keyed digits appear in no log and no recording.
    Secret(bool),
    /// Where the call is, for its record and the log. `label` is `flow verb`.
    Step {
        file: Arc<str>,
        line: u32,
        label: String,
    },
    /// By what the call goes on from the step where it is, or comes to it once more: for its record.
    Took(By),
    /// The closing phrase has been played. Nothing follows.
    HangUp,
}
