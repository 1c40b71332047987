//! Takes one call through a plan as it was told, by the interpreter alone: whoever the call is sent to does as the way
//! says.

use std::sync::Arc;
use std::time::Duration;

use super::action::{Action, DialEnd, Event, Facts, MessageEnd, QueueEnd, QueueState, UrgentEnd};
use super::cursor::Cursor;
use super::flow::By;
use super::plan::{Entry, Plan};
use super::step::{CollectSpec, Step};
use super::verb::collect::Kind;
use super::witness::Waypoint;
use crate::base::{AwayReason, Instant, Now, RecordingId, Wall};

/// What one step may ask for before it is left: a menu of nine tries asks for eighteen.
const PATIENCE: usize = 64;

pub(super) struct Rider {
    plan: Arc<Plan>,
    cursor: Cursor,
    now: Now,
    came_by: Vec<String>,
    /// Steps that were left.
    left: usize,
    playing: bool,
    armed: bool,
    asks: Option<Asks>,
    over: bool,
}

/// What the call waits for beside keys and words.
enum Asks {
    /// How a queue stands.
    State,
    Queue,
    Dial,
    Message,
    Booking,
    Mailbox,
    Survey,
    Complaint,
    Presence,
    PickUp,
    Urgent,
    Answer,
    Slip,
}

impl Rider {
    /// The call's clock, which stands still.
    pub(super) fn clock(at: Wall) -> Now {
        Now { mono: Instant::ZERO, wall: at }
    }

    pub(super) fn new(plan: &Arc<Plan>, entry: Entry, facts: Facts) -> Rider {
        let now = facts.now;
        let mut rider = Rider {
            plan: plan.clone(),
            cursor: Cursor::new(plan.clone(), entry, facts),
            now,
            came_by: Vec::new(),
            left: 0,
            playing: false,
            armed: false,
            asks: None,
            over: false,
        };
        rider.event(Event::Begin);
        rider
    }

    /// The steps so far, as a call's record names them.
    pub(super) fn came_by(self) -> Vec<String> {
        self.came_by
    }

    /// Whether the line was closed.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Leaves the step in this manner; `false` where the call stands elsewhere, or will not leave it.
    pub(super) fn leave(&mut self, point: &Waypoint) -> bool {
        if self.came_by.get(self.left).is_none_or(|label| *label != point.label) {
            return false;
        }
        self.left += 1;
        let mut keys: Vec<char> = self.keys(point);
        keys.reverse();
        for _ in 0..PATIENCE {
            if self.over || self.came_by.len() > self.left {
                return true;
            }
            match self.next(point, &mut keys) {
                Some(event) => self.event(event),
                None => return false,
            }
        }
        self.over || self.came_by.len() > self.left
    }

    /// What is keyed in there, in order.
    fn keys(&self, point: &Waypoint) -> Vec<char> {
        let (flow, step) = point.at;
        let located = self.plan.flow(flow).and_then(|flow| flow.steps.get(step));
        match (&point.by, located.map(|located| &located.step)) {
            (By::Key(keys), Some(Step::Menu(_) | Step::Regret(_))) => keys.chars().collect(),
            (By::Empty, _) => vec!['#'],
            (By::Collected, Some(Step::Collect(spec))) => self.digits(spec),
            (By::Kept, Some(Step::CallbackAt(_))) => "23591".chars().collect(),
            _ => Vec::new(),
        }
    }

    /// Digits that the step takes.
    fn digits(&self, spec: &CollectSpec) -> Vec<char> {
        let mut digits: Vec<char> = match spec.kind {
            Kind::Digits => vec!['1'; spec.least.max(1)],
            Kind::Extension => {
                let fits = |extension: &&str| (spec.least..=spec.most).contains(&extension.len());
                let mut known = self.plan.agents.iter().map(|agent| agent.extension.as_str());
                known.find(fits).unwrap_or_default().chars().collect()
            }
            Kind::Time => "2359".chars().collect(),
            Kind::Date => "1231".chars().collect(),
        };
        if digits.len() < spec.most {
            digits.push('#');
        }
        if spec.confirm {
            digits.push('1');
        }
        digits
    }

    fn next(&mut self, point: &Waypoint, keys: &mut Vec<char>) -> Option<Event> {
        let by = &point.by;
        if let Some(asks) = self.asks.take() {
            return answer(&asks, by);
        }
        if let Some(key) = keys.pop() {
            return Some(Event::Digit(key));
        }
        if self.playing {
            return Some(Event::Played);
        }
        self.armed.then_some(Event::TimedOut)
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Played => self.playing = false,
            Event::TimedOut => self.armed = false,
            _ => {}
        }
        let mut actions = Vec::new();
        self.cursor.handle(self.now, event, &mut actions);
        for action in actions {
            match action {
                Action::Step { file, line, label } => self.came_by.push(format!("{label} ({file}:{line})")),
                Action::Play(_) => self.playing = true,
                Action::StopPlaying => self.playing = false,
                Action::Arm(_) => self.armed = true,
                Action::Disarm => self.armed = false,
                Action::Secret(_) | Action::Took(_) => {}
                Action::HangUp => self.over = true,
                Action::QueueState(_) => self.asks = Some(Asks::State),
                Action::Queue { .. } => self.asks = Some(Asks::Queue),
                Action::Dial { .. } | Action::Outside { .. } => self.asks = Some(Asks::Dial),
                Action::Message { .. } => self.asks = Some(Asks::Message),
                Action::BookCallback { .. } | Action::PromiseCall { .. } => self.asks = Some(Asks::Booking),
                Action::Mailbox { .. } => self.asks = Some(Asks::Mailbox),
                Action::Survey { .. } => self.asks = Some(Asks::Survey),
                Action::Complaint { .. } => self.asks = Some(Asks::Complaint),
                Action::Presence { .. } => self.asks = Some(Asks::Presence),
                Action::PickUp(_) => self.asks = Some(Asks::PickUp),
                Action::Urgent { .. } => self.asks = Some(Asks::Urgent),
                Action::AnswerUrgent(_) => self.asks = Some(Asks::Answer),
                Action::HearUrgent => self.asks = Some(Asks::Slip),
            }
        }
    }
}

/// What whoever was asked says; `None` where the way does not fit what was asked.
fn answer(asks: &Asks, by: &By) -> Option<Event> {
    Some(match asks {
        Asks::Queue => Event::QueueEnded(match by {
            By::Served => QueueEnd::Served,
            By::Key(key) => QueueEnd::Key(key.chars().next()?),
            By::Full => QueueEnd::Full,
            By::NobodySignedOn => QueueEnd::NobodySignedOn,
            By::MaxWait => QueueEnd::MaxWait,
            By::ClosedWaiting => QueueEnd::Closed,
            _ => return None,
        }),
        // As full, or as empty, as it takes.
        Asks::State => Event::QueueState(match by {
            By::Holds => QueueState { waiting: u32::MAX, longest: Some(Duration::MAX), ready: 0 },
            _ => QueueState { waiting: 0, longest: None, ready: u32::MAX },
        }),
        Asks::Dial => Event::DialEnded(match by {
            By::Served => DialEnd::Served,
            By::Busy => DialEnd::Busy,
            By::NoAnswer => DialEnd::NoAnswer,
            By::Away => DialEnd::Away { reason: AwayReason::Meeting, until: None, delegate: false },
            By::Unreachable => DialEnd::Unreachable,
            _ => return None,
        }),
        Asks::Message => Event::MessageEnded(match by {
            By::Kept => MessageEnd::Saved,
            By::Nothing => MessageEnd::Nothing,
            By::NotKept => MessageEnd::Failed,
            _ => return None,
        }),
        Asks::Booking => Event::CallbackBooked { ok: *by == By::Kept, wait: None },
        Asks::Mailbox => Event::MailboxEnded,
        Asks::Survey => Event::SurveyEnded,
        Asks::Complaint => Event::ComplaintTold { found: *by == By::Found },
        Asks::Presence => Event::PresenceSet { ok: true },
        Asks::PickUp => Event::NotPickedUp { may: true },
        Asks::Urgent => match by {
            By::Served => Event::DialEnded(DialEnd::Served),
            By::Message => Event::UrgentEnded(UrgentEnd::Message),
            By::Delegate => Event::UrgentEnded(UrgentEnd::Delegate),
            _ => Event::UrgentEnded(UrgentEnd::NotNow),
        },
        Asks::Answer => Event::UrgentAnswered { ok: *by == By::Done },
        Asks::Slip => Event::UrgentHeard((*by == By::Done).then_some(RecordingId(0))),
    })
}
