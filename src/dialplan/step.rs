//! The steps of a flow as they are meant: one variant a verb, all names resolved.

use std::time::Duration;

use super::action::{Ask, PresenceKind};
use super::plan::{Parking, Phrase, Requirement};
use super::verb::collect::Kind;
use super::verb::say::Said;
use super::verb::when::WhenSpec;
use crate::base::{AgentId, Language, Masked, QueueId, UrgentAnswer};

/// Index into the plan's flows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FlowId(pub(super) u32);

impl FlowId {
    /// No flow has it.
    pub(super) const NOWHERE: FlowId = FlowId(u32::MAX);
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct MenuId(pub(super) u32);

/// Where the caller goes next.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// The step after this one; past the last one the call is closed with a goodbye.
    #[default]
    Next,
    Flow(FlowId),
}

/// A step and where it was written.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Located {
    pub(super) step: Step,
    pub(super) place: Place,
    /// From 1.
    pub(super) line: u32,
}

/// Bytes of one of the plan's files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    /// Index into the files.
    pub(crate) file: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Step {
    Play {
        phrase: Phrase,
        interrupt: bool,
    },
    Say {
        said: Said,
        twice: bool,
    },
    Menu(MenuId),
    Collect(Box<CollectSpec>),
    Find(Box<FindSpec>),
    Hours {
        calendar: usize,
        open: Target,
        closed: Target,
        holiday: Target,
    },
    Lookup {
        list: usize,
        by: Value,
        found: Target,
        missing: Target,
    },
    When(Box<WhenSpec>),
    Queue(Box<QueueSpec>),
    Callback(Box<CallbackSpec>),
    CallbackAt(Box<CallbackAtSpec>),
    Dial(Box<DialSpec>),
    /// `dial` with a number of the outside. Without a number, written by nobody: the one that a desk may call and has
    /// dialled.
    Outside(Box<OutsideSpec>),
    Message(Box<MessageSpec>),
    /// `team`: the box of this name, not the person's own.
    Mailbox {
        tries: u8,
        team: Option<String>,
    },
    Survey(SurveySpec),
    Complaint {
        tries: u8,
        on_unknown: Target,
    },
    Goto(Target),
    Language(Language),
    Presence(PresenceSpec),
    /// With what is said to whoever comes without a caller.
    Park(Box<Parking>, Phrase),
    PickUp(Box<PickUpSpec>),
    Wait {
        phrase: Phrase,
        limit: Option<Duration>,
    },
    HangUp {
        phrase: Phrase,
    },
    /// Written by nobody: says why the person dialled last cannot come, and offers what applies.
    Regret(Box<RegretSpec>),
    /// Written by nobody: when the caller may try again.
    CallAgain,
    /// Written by nobody: the person dialled last is asked urgently what becomes of the caller.
    Urgent(Box<UrgentSpec>),
    AnswerUrgent(Box<AnswerUrgentSpec>),
}

impl Step {
    /// The verb, as written.
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Step::Play { .. } => "play",
            Step::Say { .. } => "say",
            Step::Menu(_) => "menu",
            Step::Collect(_) => "collect",
            Step::Find(_) => "find",
            Step::Hours { .. } => "hours",
            Step::Lookup { .. } => "lookup",
            Step::When(_) => "when",
            Step::Queue(_) => "queue",
            Step::Callback(_) => "callback",
            Step::CallbackAt(_) => "callback_at",
            Step::Dial(_) | Step::Outside(_) => "dial",
            Step::Message(_) => "message",
            Step::Mailbox { .. } => "mailbox",
            Step::Complaint { .. } => "complaint",
            Step::Survey(_) => "survey",
            Step::Goto(_) => "goto",
            Step::Language(_) => "language",
            Step::Presence(_) => "presence",
            Step::Park(..) => "park",
            Step::PickUp(_) => "pick_up",
            Step::Wait { .. } => "wait",
            Step::HangUp { .. } => "hang_up",
            Step::Regret(_) | Step::CallAgain => "regret",
            Step::Urgent(_) | Step::AnswerUrgent(_) => "urgent",
        }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct PickUpSpec {
    pub(super) kind: PickUpKind,
    /// Keys before the slot or the extension.
    pub(super) skip: usize,
    pub(super) nothing: Phrase,
    pub(super) refused: Phrase,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PickUpKind {
    Slot,
    Group,
    Person,
}

/// Something known about the call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value {
    /// The caller's number.
    Caller,
    /// What was dialled.
    Dialled,
    /// The own manager's extension, from a number list.
    Manager,
    /// The extension of who served the caller last, and knows their matter.
    Owner,
    /// What the caller keyed in at a `collect`.
    Keyed(String),
}

/// A person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Whom {
    Fixed(AgentId),
    Value(Value),
    /// The one dialled last in this call.
    Last,
    /// Who takes the calls of the one dialled last.
    Delegate,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct MenuSpec {
    pub(super) name: String,
    pub(super) prompts: Phrase,
    /// What may be keyed, in order.
    pub(super) keys: Vec<(String, Choice)>,
    pub(super) first_digit: Duration,
    pub(super) between_digits: Duration,
    pub(super) tries: u8,
    pub(super) invalid: Phrase,
    pub(super) silent: Phrase,
    /// Said before `exhausted`; after the last wrong key `too_many` comes before it.
    pub(super) too_many: Phrase,
    pub(super) leaving: Phrase,
    pub(super) exhausted: Target,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Choice {
    Go(Target),
    Repeat,
    Language(Language),
}

/// What somebody is offered whose person cannot come.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct RegretSpec {
    /// In the order of the plan.
    pub(super) offers: Vec<Offer>,
    /// Times, tries and phrases of the menu that is made of them.
    pub(super) menu: MenuSpec,
    /// Who chooses nothing leaves a message; of a person without a message box, goes here.
    pub(super) message: Target,
    pub(super) without_box: Target,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Offer {
    pub(super) what: Offered,
    pub(super) key: char,
    /// With the key.
    pub(super) said: Phrase,
    pub(super) target: Target,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Offered {
    Message,
    /// Who takes the person's calls.
    Delegate,
    /// Instead of a delegate, where there is none.
    Operator,
    Again,
    /// They are asked what becomes of the caller.
    Urgent,
    /// A flow of the plan.
    Flow,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct CollectSpec {
    pub(super) into: String,
    pub(super) kind: Kind,
    pub(super) prompts: Phrase,
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) first_digit: Duration,
    pub(super) between_digits: Duration,
    pub(super) tries: u8,
    pub(super) secret: bool,
    pub(super) confirm: bool,
    /// Where `#` alone leads; `None`: it is wrong.
    pub(super) on_empty: Option<Target>,
    pub(super) on_failure: Target,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct FindSpec {
    pub(super) into: String,
    pub(super) prompts: Phrase,
    pub(super) first_digit: Duration,
    pub(super) between_digits: Duration,
    pub(super) tries: u8,
    pub(super) on_failure: Target,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct QueueSpec {
    pub(super) queue: QueueId,
    pub(super) before: Phrase,
    pub(super) needs: Vec<Requirement>,
    pub(super) credit: Option<Duration>,
    pub(super) keys: Vec<(char, Target)>,
    pub(super) offer: Phrase,
    /// In order of preference.
    pub(super) owners: Vec<OwnerKind>,
    pub(super) owner_wait: Duration,
    pub(super) on_closed: Target,
    pub(super) on_full: Target,
    pub(super) on_nobody: Target,
    pub(super) on_max_wait: Target,
}

/// An owner as written: who that is differs from caller to caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OwnerKind {
    Manager,
    Contact,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct CallbackSpec {
    pub(super) queue: QueueId,
    /// What is called; the caller's own number for the most part.
    pub(super) number: Value,
    pub(super) accepted: Phrase,
    pub(super) on_impossible: Target,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct CallbackAtSpec {
    pub(super) queue: QueueId,
    pub(super) number: Value,
    pub(super) prompts: Phrase,
    pub(super) first_digit: Duration,
    pub(super) between_digits: Duration,
    pub(super) tries: u8,
    pub(super) on_impossible: Target,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct DialSpec {
    pub(super) whom: Whom,
    pub(super) before: Phrase,
    pub(super) ring: Duration,
    pub(super) on_busy: Target,
    pub(super) on_no_answer: Target,
    pub(super) on_away: Target,
    pub(super) on_unreachable: Target,
    pub(super) on_unknown: Target,
    /// Whether `error/no-such-extension` is said before `on_unknown`.
    pub(super) say_unknown: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct OutsideSpec {
    /// As the administrator wrote it: never what a caller said or keyed.
    pub(super) number: Option<Masked<String>>,
    pub(super) trunk: Option<String>,
    pub(super) before: Phrase,
    pub(super) ring: Duration,
    pub(super) on_busy: Target,
    pub(super) on_no_answer: Target,
    pub(super) on_unreachable: Target,
}

/// Where a caller goes who has asked urgently; the next step is for whom nobody was asked.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct UrgentSpec {
    /// Who takes the person's calls; `None` where nobody ever does.
    pub(super) delegate: Option<Target>,
    pub(super) message: Target,
    /// Past the answer, or the talk.
    pub(super) over: Target,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct AnswerUrgentSpec {
    /// `None`: the slip is heard.
    pub(super) answer: Option<UrgentAnswer>,
    /// Four digits (hours, minutes) keyed in at a `collect`.
    pub(super) back_at: Option<Value>,
    pub(super) before: Phrase,
    pub(super) done: Phrase,
    pub(super) nobody: Phrase,
    pub(super) on_nobody: Target,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct MessageSpec {
    pub(super) whom: Option<Whom>,
    pub(super) box_name: String,
    /// It is a complaint of this category.
    pub(super) complaint: Option<String>,
    pub(super) ask: Vec<Ask>,
    pub(super) before: Phrase,
    pub(super) longest: Duration,
    pub(super) silence: Duration,
    pub(super) shortest: Duration,
    pub(super) on_nothing: Target,
    pub(super) on_failure: Target,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct SurveySpec {
    pub(super) after_talk: Duration,
    pub(super) once_in: Duration,
    pub(super) solved: bool,
    /// Marks up to this one are low.
    pub(super) low: u8,
    pub(super) low_to: Option<AgentId>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct PresenceSpec {
    pub(super) change: PresenceKind,
    /// Four digits (hours, minutes) keyed in at a `collect`.
    pub(super) back_at: Option<Value>,
    /// Four digits (month, day).
    pub(super) back_on: Option<Value>,
    /// The extension of who takes the calls.
    pub(super) delegate: Option<Value>,
    pub(super) done: Phrase,
    pub(super) refused: Phrase,
}
