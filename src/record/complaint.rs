//! A complaint (投诉): accepted with a number, owned by a person, and not forgotten until it is solved.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{About, CaseNumber, MessageSlip, SlipState};
use crate::base::{CallId, Masked, SlipId, Wall};

/// What a customer complains of, from the first word to the day on which they say that it is solved.
///
/// ```text
///   accepted --> in work --> answered --> solved -- "yes, it is": by key, or by its owner --> closed
///      \___________\____________\_______/ |
///                  ^                      | "no": by key
///                  +------ reopened <-----+
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Complaint {
    pub case: CaseNumber,
    pub accepted: Wall,
    /// The customer's number; empty where they keep it to themselves.
    pub from: Masked<String>,
    /// Where they want to be called, where that is another one.
    #[serde(default)]
    pub number: Option<Masked<String>>,
    pub language: String,
    /// One of the plan's, or whatever somebody wrote.
    pub category: String,
    pub severity: Severity,
    /// What the customer expects, in the words of whoever wrote it down.
    #[serde(default)]
    pub expects: Option<Masked<String>>,
    /// By extension.
    #[serde(default)]
    pub owner: Option<String>,
    pub state: ComplaintState,
    /// The customer has a first answer by then. `None`: not reckoned yet.
    #[serde(default)]
    pub answer_due: Option<Wall>,
    /// And the result by then.
    #[serde(default)]
    pub result_due: Option<Wall>,
    #[serde(default)]
    pub answered: Option<Wall>,
    /// When its owner last called it solved.
    #[serde(default)]
    pub solved: Option<Wall>,
    #[serde(default)]
    pub closed: Option<Wall>,
    /// The first call is the case's own; then those in which somebody asked for it, and our own to the customer.
    pub calls: Vec<CallId>,
    pub slips: Vec<SlipId>,
    #[serde(default)]
    pub care: Care,
    /// The first step first.
    pub history: Vec<ComplaintStep>,
}

/// What sees to it that a complaint is not forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Care {
    /// Whatever was due by then has been seen to.
    pub seen: Option<Wall>,
    /// Somebody above its owner has been told that it is late, or that it was not solved.
    pub escalated: bool,
    /// Follow-up calls in vain since it was called solved.
    pub tries: u32,
    /// No such call before then.
    pub next_try: Option<Wall>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Low,
    #[default]
    Normal,
    High,
}

impl Severity {
    pub const ALL: [Severity; 3] = [Severity::Low, Severity::Normal, Severity::High];

    pub const fn name(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Normal => "normal",
            Severity::High => "high",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComplaintState {
    Accepted,
    InWork,
    /// The customer has been told something; the result is still owed.
    Answered,
    /// So its owner says; the customer is asked.
    Solved,
    /// So it is not, says the customer.
    Reopened,
    Closed,
}

impl ComplaintState {
    pub const ALL: [ComplaintState; 6] = [
        ComplaintState::Accepted,
        ComplaintState::InWork,
        ComplaintState::Answered,
        ComplaintState::Solved,
        ComplaintState::Reopened,
        ComplaintState::Closed,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            ComplaintState::Accepted => "accepted",
            ComplaintState::InWork => "in-work",
            ComplaintState::Answered => "answered",
            ComplaintState::Solved => "solved",
            ComplaintState::Reopened => "reopened",
            ComplaintState::Closed => "closed",
        }
    }

    /// A result is still owed.
    pub const fn is_open(self) -> bool {
        !matches!(self, ComplaintState::Solved | ComplaintState::Closed)
    }
}

/// One thing that became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplaintStep {
    pub at: Wall,
    /// A person's extension, `customer`, `hotline`, or whoever sat at the command line.
    pub by: String,
    /// Nothing of the customer's.
    pub what: String,
}

/// What becomes of a complaint.
#[derive(Clone, Debug, PartialEq)]
pub enum ComplaintChange {
    /// It is made. Of one that is known already, what was not known before.
    Accepted(Box<Complaint>),
    /// Somebody says so.
    Updated { at: Wall, by: String, update: ComplaintUpdate },
    /// By time: what was reckoned, where it is another than before, and what was seen to.
    Kept { answer_due: Option<Wall>, result_due: Option<Wall>, owner: Option<String>, care: Care },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComplaintUpdate {
    Category(String),
    Severity(Severity),
    Expects(Masked<String>),
    /// By extension.
    Owner(String),
    State(ComplaintState),
    /// The result is owed by then.
    ResultDue(Wall),
    /// It was spoken of in this call.
    Call(CallId),
    Slip(SlipId),
}

/// A longer history tells nobody more: a case that is asked for every day fills no disk.
const MOST_STEPS: usize = 500;
const MOST_CALLS: usize = 500;

impl Complaint {
    /// A new one, with what everybody has to say of it.
    pub fn new(
        case: CaseNumber,
        accepted: Wall,
        by: &str,
        from: Masked<String>,
        language: String,
    ) -> Complaint {
        Complaint {
            case,
            accepted,
            from,
            number: None,
            language,
            category: String::new(),
            severity: Severity::default(),
            expects: None,
            owner: None,
            state: ComplaintState::Accepted,
            answer_due: None,
            result_due: None,
            answered: None,
            solved: None,
            closed: None,
            calls: vec![case.call()],
            slips: Vec::new(),
            care: Care::default(),
            history: vec![ComplaintStep { at: accepted, by: by.to_owned(), what: "accepted".to_owned() }],
        }
    }

    /// The case of a message that is a complaint, once the message is complete.
    pub fn of_slip(slip: &MessageSlip) -> Option<Complaint> {
        let Some(About::Complains { case, category, language }) = &slip.about else { return None };
        if slip.state == SlipState::Taking {
            return None;
        }
        let mut complaint =
            Complaint::new(*case, slip.taken, "customer", slip.from.clone(), language.clone());
        complaint.category.clone_from(category);
        complaint.number = slip.number.clone().filter(|number| *number != slip.from);
        complaint.slips.push(slip.slip);
        Some(complaint)
    }

    /// Its customer calls from this number, or is called there.
    pub fn is_of(&self, number: &Masked<String>) -> bool {
        !number.is_empty() && (*number == self.from || self.number.as_ref() == Some(number))
    }

    /// Where the customer is called.
    pub fn to_call(&self) -> Option<&Masked<String>> {
        self.number.as_ref().or(Some(&self.from)).filter(|number| !number.is_empty())
    }

    /// Its result is owed for longer than that.
    pub fn is_late(&self, now: Wall) -> bool {
        self.state.is_open() && self.result_due.is_some_and(|due| due <= now)
    }

    /// How long it took until it was solved, where it was.
    pub fn time_to_solve(&self) -> Option<Duration> {
        self.solved.filter(|_| !self.state.is_open()).map(|at| at.since(self.accepted))
    }

    /// The same word for the store, the simulation and whoever else keeps one.
    pub fn change(&mut self, change: ComplaintChange) {
        match change {
            ComplaintChange::Accepted(again) => self.accepted_again(*again),
            ComplaintChange::Updated { at, by, update } => self.update(at, by, update),
            ComplaintChange::Kept { answer_due, result_due, owner, care } => {
                self.answer_due = answer_due.or(self.answer_due);
                self.result_due = result_due.or(self.result_due);
                self.owner = self.owner.take().or(owner);
                self.care = care;
            }
        }
    }

    /// By an agent after a message, or by the command line after an agent: what is said twice is said once.
    fn accepted_again(&mut self, again: Complaint) {
        if !again.category.is_empty() {
            self.category = again.category;
        }
        self.severity = self.severity.max(again.severity);
        self.expects = again.expects.or(self.expects.take());
        self.owner = self.owner.take().or(again.owner);
        self.number = self.number.take().or(again.number);
        for slip in again.slips {
            add(&mut self.slips, slip);
        }
    }

    fn update(&mut self, at: Wall, by: String, update: ComplaintUpdate) {
        let what = match update {
            ComplaintUpdate::Category(category) => {
                let what = format!("category {category}");
                self.category = category;
                what
            }
            ComplaintUpdate::Severity(severity) => {
                self.severity = severity;
                format!("severity {}", severity.name())
            }
            ComplaintUpdate::Expects(expects) => {
                self.expects = Some(expects);
                "expectation noted".to_owned()
            }
            ComplaintUpdate::Owner(owner) => {
                let what = format!("owner {owner}");
                self.owner = Some(owner);
                what
            }
            ComplaintUpdate::State(state) => {
                self.is_now(state, at);
                state.name().to_owned()
            }
            ComplaintUpdate::ResultDue(due) => {
                self.result_due = Some(due);
                // What was said of the day that was agreed on before holds no longer.
                self.care.escalated = false;
                "another day for the result".to_owned()
            }
            ComplaintUpdate::Call(call) => {
                add(&mut self.calls, call);
                format!("spoken of in {call}")
            }
            ComplaintUpdate::Slip(slip) => {
                add(&mut self.slips, slip);
                format!("slip {slip}")
            }
        };
        if self.history.len() < MOST_STEPS {
            self.history.push(ComplaintStep { at, by, what });
        }
    }

    fn is_now(&mut self, state: ComplaintState, at: Wall) {
        match state {
            ComplaintState::Answered => {
                self.answered.get_or_insert(at);
            }
            ComplaintState::Solved => {
                self.answered.get_or_insert(at);
                self.solved = Some(at);
                (self.care.tries, self.care.next_try) = (0, None);
            }
            ComplaintState::Closed => {
                self.solved.get_or_insert(at);
                self.closed = Some(at);
            }
            ComplaintState::Reopened => {
                self.solved = None;
                self.closed = None;
            }
            ComplaintState::Accepted | ComplaintState::InWork => {}
        }
        self.state = state;
    }
}

/// Once, and not without end.
fn add<T: PartialEq>(all: &mut Vec<T>, one: T) {
    if !all.contains(&one) && all.len() < MOST_CALLS {
        all.push(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: Wall = Wall::from_micros(1_000_000);

    fn complaint() -> Complaint {
        Complaint::new(
            CaseNumber::of(CallId(572)),
            BEGAN,
            "2001",
            Masked::from("13912345678"),
            "zh-CN".to_owned(),
        )
    }

    fn says(complaint: &mut Complaint, after: u64, update: ComplaintUpdate) {
        let at = BEGAN + Duration::from_secs(after);
        complaint.change(ComplaintChange::Updated { at, by: "2001".to_owned(), update });
    }

    #[test]
    fn a_complaint_goes_its_way_and_back_where_the_customer_says_no() {
        let mut complaint = complaint();
        says(&mut complaint, 60, ComplaintUpdate::State(ComplaintState::InWork));
        says(&mut complaint, 120, ComplaintUpdate::State(ComplaintState::Answered));
        assert_eq!(complaint.answered, Some(BEGAN + Duration::from_secs(120)));
        assert_eq!(complaint.time_to_solve(), None);
        says(&mut complaint, 180, ComplaintUpdate::State(ComplaintState::Solved));
        assert_eq!(complaint.time_to_solve(), Some(Duration::from_secs(180)));
        says(&mut complaint, 240, ComplaintUpdate::State(ComplaintState::Reopened));
        assert_eq!((complaint.time_to_solve(), complaint.state.is_open()), (None, true));
        assert_eq!(complaint.answered, Some(BEGAN + Duration::from_secs(120)), "that answer was given");
        says(&mut complaint, 300, ComplaintUpdate::State(ComplaintState::Closed));
        assert_eq!(complaint.time_to_solve(), Some(Duration::from_secs(300)));
        assert_eq!(complaint.history.len(), 6);
    }

    #[test]
    fn what_is_accepted_twice_is_one_case_with_all_that_was_said() {
        let mut complaint = complaint();
        let mut again = complaint.clone();
        (again.category, again.severity) = ("fees".to_owned(), Severity::High);
        again.slips.push(SlipId(3));
        complaint.change(ComplaintChange::Accepted(Box::new(again.clone())));
        complaint.change(ComplaintChange::Accepted(Box::new(again)));
        assert_eq!((complaint.category.as_str(), complaint.severity), ("fees", Severity::High));
        assert_eq!((complaint.slips, complaint.history.len()), (vec![SlipId(3)], 1));
    }

    #[test]
    fn whose_it_is_and_when_it_is_late() {
        let mut complaint = complaint();
        assert!(complaint.is_of(&Masked::from("13912345678")));
        assert!(!complaint.is_of(&Masked::from("13800138000")) && !complaint.is_of(&Masked::default()));
        complaint.number = Some(Masked::from("13800138000"));
        assert!(complaint.is_of(&Masked::from("13800138000")));
        let (due, late) = (BEGAN + Duration::from_secs(10), BEGAN + Duration::from_secs(11));
        says(&mut complaint, 1, ComplaintUpdate::ResultDue(due));
        assert!(complaint.is_late(late) && !complaint.is_late(BEGAN));
        says(&mut complaint, 2, ComplaintUpdate::State(ComplaintState::Solved));
        assert!(!complaint.is_late(late));
    }
}
