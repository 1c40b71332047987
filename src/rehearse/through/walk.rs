//! One caller's way through a dialplan up to a queue, or to its end: the interpreter itself, with time that jumps.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::manner::Manner;
use crate::base::{Catalog, Clip, Instant, Masked, Now, QueueId, Rng};
use crate::dialplan::{Action, Cursor, DialEnd, Event, Facts, Origin, Plan, QueueEnd, QueueState, UrgentEnd};

/// What a plan that is checked never needs.
const MOST_EVENTS: usize = 2_000;
/// How long it takes to hear how things stand with a complaint.
const TOLD: Duration = Duration::from_secs(15);

/// Where a way ends, as far as queues do not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Queue(QueueId),
    Message,
    Callback,
    /// Connected with somebody outside.
    Outside,
    /// The closing phrase.
    Goodbye,
    /// Hung up in the midst of it.
    GaveUp,
}

/// A caller on their way.
pub(super) struct Walk {
    cursor: Cursor,
    catalog: Arc<Catalog>,
    now: Now,
    /// Keys pressed.
    pub keys: u32,
    manner: Manner,
    hangs_up: Instant,
    rng: Rng,
    /// When what plays is over, when the timer runs out, and what a step waits for.
    playing: Option<Instant>,
    timer: Option<Instant>,
    answer: Option<(Instant, Event)>,
    typing: VecDeque<(Instant, char)>,
}

/// Whom a caller calls, and as who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub dials: String,
    pub from: Masked<String>,
}

impl Walk {
    /// `None`: the number is not served.
    pub fn begin(plan: &Arc<Plan>, start: &Start, now: Now, manner: Manner, rng: Rng) -> Option<Walk> {
        let entry = plan.entry(&start.dials, Origin::Caller)?;
        let facts = Facts {
            from: start.from.clone(),
            dialled: start.dials.clone(),
            owner: None,
            origin: Origin::Caller,
            now,
        };
        let hangs_up = now.mono + manner.patience.min(Duration::from_secs(86_400));
        Some(Walk {
            cursor: Cursor::new(plan.clone(), entry, facts),
            catalog: plan.catalog().clone(),
            now,
            keys: 0,
            manner,
            hangs_up,
            rng,
            playing: None,
            timer: None,
            answer: None,
            typing: VecDeque::new(),
        })
    }

    pub fn now(&self) -> Now {
        self.now
    }

    /// The words that they wait for were heard.
    pub fn is_offered(&self) -> bool {
        self.manner.is_offered
    }

    pub fn wrong_keys(&self) -> u32 {
        self.cursor.wrong_keys()
    }

    pub fn run(&mut self) -> End {
        self.go(Event::Begin)
    }

    /// The wait is over without an agent; their patience begins anew.
    pub fn go_on(&mut self, now: Instant, end: QueueEnd) -> End {
        self.advance(now);
        self.hangs_up = self.now.mono + self.manner.patience.min(Duration::from_secs(86_400));
        self.go(Event::QueueEnded(end))
    }

    fn advance(&mut self, to: Instant) {
        let passed = to.since(self.now.mono);
        self.now = Now { mono: self.now.mono + passed, wall: self.now.wall + passed };
    }

    fn go(&mut self, first: Event) -> End {
        let mut event = first;
        for _ in 0..MOST_EVENTS {
            let mut out = Vec::new();
            self.cursor.handle(self.now, event, &mut out);
            for action in out {
                if let Some(end) = self.carry_out(action) {
                    return end;
                }
            }
            let Some((at, next)) = self.next() else { return End::GaveUp };
            if at >= self.hangs_up {
                self.advance(self.hangs_up);
                return End::GaveUp;
            }
            self.advance(at);
            event = next;
        }
        End::GaveUp
    }

    /// What happens next, the earliest first.
    fn next(&mut self) -> Option<(Instant, Event)> {
        let times = [
            self.typing.front().map(|(at, _)| *at),
            self.answer.as_ref().map(|(at, _)| *at),
            self.playing,
            self.timer,
        ];
        let (which, at) =
            times.into_iter().enumerate().filter_map(|(n, at)| Some((n, at?))).min_by_key(|(_, at)| *at)?;
        let event = match which {
            0 => {
                self.keys += 1;
                Event::Digit(self.typing.pop_front()?.1)
            }
            1 => self.answer.take()?.1,
            2 => {
                self.playing = None;
                Event::Played
            }
            _ => {
                self.timer = None;
                Event::TimedOut
            }
        };
        Some((at, event))
    }

    fn carry_out(&mut self, action: Action) -> Option<End> {
        let now = self.now.mono;
        let mut answer = |after: Duration, event| self.answer = Some((now + after, event));
        match action {
            Action::Play(clips) => self.hear(&clips),
            Action::StopPlaying => self.playing = None,
            Action::Arm(after) => self.timer = Some(now + after),
            Action::Disarm => self.timer = None,
            Action::Queue { queue, .. } => return Some(End::Queue(queue)),
            Action::BookCallback { .. } | Action::PromiseCall { .. } => return Some(End::Callback),
            Action::Outside { .. } => return Some(End::Outside),
            Action::HangUp => return Some(End::Goodbye),
            Action::Message { .. } => return Some(End::Message),
            // Whom callers ask for by name is not rehearsed: nobody answers there.
            Action::Dial { ring, .. } => answer(ring, Event::DialEnded(DialEnd::NoAnswer)),
            Action::Urgent { .. } => answer(Duration::ZERO, Event::UrgentEnded(UrgentEnd::NotNow)),
            // The others are not known yet: nobody waits, and everybody is ready.
            Action::QueueState(_) => {
                let ready = u32::MAX;
                answer(Duration::ZERO, Event::QueueState(QueueState { ready, ..QueueState::default() }));
            }
            Action::Survey { .. } => answer(Duration::ZERO, Event::SurveyEnded),
            Action::Complaint { .. } => answer(TOLD, Event::ComplaintTold { found: true }),
            // Desks' own, which the check keeps from callers.
            Action::AnswerUrgent(_) => answer(Duration::ZERO, Event::UrgentAnswered { ok: false }),
            Action::HearUrgent => answer(Duration::ZERO, Event::UrgentHeard(None)),
            Action::Mailbox { .. } => answer(Duration::ZERO, Event::MailboxEnded),
            Action::Presence { .. } => answer(Duration::ZERO, Event::PresenceSet { ok: false }),
            Action::PickUp(_) => answer(Duration::ZERO, Event::NotPickedUp { may: false }),
            Action::Secret(_) | Action::Step { .. } | Action::Took(_) => {}
        }
        None
    }

    fn hear(&mut self, clips: &[Clip]) {
        let catalog = self.catalog.clone();
        let (mut lasts, mut heard) = (Duration::ZERO, Vec::new());
        for clip in clips {
            match clip {
                Clip::Prompt(id) => {
                    let Some(prompt) = catalog.get(*id) else { continue };
                    lasts += prompt.duration;
                    heard.push(prompt.name.as_str());
                }
                Clip::Silence(length) => lasts += *length,
                Clip::Recording(_) => {}
            }
        }
        self.playing = Some(self.now.mono + lasts);
        // What is being typed is typed to its end.
        if self.typing.is_empty() {
            self.typing = self.manner.keys(&heard, self.now.mono, lasts, &mut self.rng).into();
        }
    }
}
