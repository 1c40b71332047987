//! What supervisors follow as it happens: who joined, was offered, was answered, gave up; how agents are; how well each
//! queue is served.
//!
//! Told as [`Notice::Floor`](super::Notice::Floor): whoever shows them, a screen or a program, needs no other figures.
//! Numbers are masked.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::io::{ends_by_itself, millis, state_name};
use super::{Exchange, Notice, Output};
use crate::base::{AwayReason, CallId, Instant, Masked, Now, QueueId, Wall};
use crate::call::Call;
use crate::queue::{self, AgentState, LeaveWhy, Refusal, RequeueWhy};
use crate::record::CaseNumber;

/// The service level is that of the callers whose wait ended within this time.
const WINDOW: Duration = Duration::from_secs(30 * 60);
/// And of no more than these.
const MOST: usize = 10_000;
/// Who gives up sooner than this did not wait.
const AT_ONCE: Duration = Duration::from_secs(5);

/// One thing that happened, for whoever watches the floor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FloorEvent {
    /// A caller stands in line; `kept`: where they stood before.
    Joined {
        call: CallId,
        queue: String,
        from: String,
        kept: bool,
    },
    /// An agent's phone rings for them.
    Offered {
        call: CallId,
        queue: String,
        agent: String,
    },
    /// It came to nothing: they wait again at their old place.
    NotTaken {
        call: CallId,
        queue: String,
        why: String,
    },
    Answered {
        call: CallId,
        queue: String,
        agent: String,
        waited_ms: u64,
    },
    /// They no longer wait, and nobody has served them. `why`: `abandoned`, `max-wait`, `key`, `overflow` …
    Left {
        call: CallId,
        queue: String,
        why: String,
        waited_ms: u64,
    },
    /// An agent is in this state from now on; `until`: the expected return of who is away, or when a rest or a wrap-up ends by
    /// itself.
    Agent {
        agent: String,
        state: String,
        reason: Option<AwayReason>,
        until: Option<Wall>,
    },
    /// How things stand with a person from now on; without `away` they are there.
    Presence {
        person: String,
        away: Option<AwayReason>,
        until: Option<Wall>,
        place: Option<String>,
        delegate: Option<String>,
        by: Option<String>,
    },
    /// Of those whose wait ended in the last half hour so many per cent were answered within the queue's target.
    ServiceLevel {
        queue: String,
        percent: u8,
        calls: u32,
    },
    /// All tries were in vain: somebody has to see to this customer.
    CallbackGivenUp {
        callback: CallId,
        queue: String,
        number: String,
    },
    /// Somebody is `asked` what becomes of a caller; then `put-through`, `call-back` (`until`: when), `delegate`, `message`,
    /// `no-answer`, `not-reached`, or `gone`: the caller.
    Urgent {
        call: CallId,
        person: String,
        from: String,
        state: String,
        until: Option<Wall>,
    },
    /// Somebody is promised to be called (`open`), or how that has ended: `kept`, `late`, `broken`, `passed on`.
    Promise {
        promise: CallId,
        kind: String,
        /// Who promised, and whose it is now, by extension; nobody: the queue.
        owner: Option<String>,
        holder: Option<String>,
        queue: String,
        number: String,
        by: Option<Wall>,
        result: String,
    },
    /// Something became of a complaint: `accepted`, or what is due.
    Complaint {
        case: CaseNumber,
        what: String,
        owner: Option<String>,
    },
    /// A caller has rated a talk, 1 to 5.
    Survey {
        call: CallId,
        queue: Option<String>,
        agent: Option<String>,
        mark: u8,
        solved: Option<bool>,
        low: bool,
    },
    /// Somebody has noted something of a call, which its record has.
    Noted {
        call: CallId,
        by: String,
    },
    /// Somebody has accepted a customer's matter; whose it was before, where anybody's.
    Matter {
        call: CallId,
        customer: String,
        from: Option<String>,
        to: String,
    },
    /// Something had no owner any more and was put in order.
    Mended {
        what: String,
    },
}

/// What is known of those in line, and of how the queues do.
#[derive(Debug, Default)]
pub(super) struct Feed {
    in_line: BTreeMap<u64, QueueId>,
    levels: BTreeMap<QueueId, Level>,
}

/// A service level, over a window that moves.
#[derive(Debug, Default)]
struct Level {
    ended: VecDeque<(Instant, bool)>,
    good: u32,
    told: Option<u8>,
}

impl Level {
    /// `Some` where it is another than was told last.
    fn ends(&mut self, now: Instant, good: bool) -> Option<(u8, u32)> {
        self.ended.push_back((now, good));
        self.good += u32::from(good);
        while let Some((at, was_good)) = self.ended.front().copied()
            && (now.since(at) > WINDOW || self.ended.len() > MOST)
        {
            self.ended.pop_front();
            self.good -= u32::from(was_good);
        }
        let calls = u32::try_from(self.ended.len()).unwrap_or(u32::MAX);
        let percent = u8::try_from((200 * self.good + calls) / (2 * calls.max(1))).unwrap_or(100);
        (self.told.replace(percent) != Some(percent)).then_some((percent, calls))
    }
}

impl Feed {
    /// What another exchange said of a caller may have been lost.
    pub(super) fn forget_all_but(&mut self, calls: &BTreeMap<CallId, Call>) {
        self.in_line.retain(|tag, _| calls.contains_key(&CallId(*tag)));
    }
}

impl Exchange {
    pub(super) fn tell_floor(&mut self, event: FloorEvent) {
        self.output.push_back(Output::Notice(Notice::Floor(Box::new(event))));
    }

    pub(super) fn joined_floor(&mut self, call: CallId, queue: QueueId, kept: bool) {
        self.feed.in_line.insert(call.0, queue);
        let from = self.calls.get(&call).map(|call| call.from().to_string()).unwrap_or_default();
        let queue = self.numbering.queue_name(queue).to_owned();
        self.tell_floor(FloorEvent::Joined { call, queue, from, kept });
    }

    /// What the core says, in the words of those who watch. A callback that keeps its place is nobody in line.
    pub(super) fn show_floor(&mut self, now: Now, event: &queue::Event) {
        use queue::Event as Core;
        let name = |exchange: &Self, tag: u64| {
            let queue = *exchange.feed.in_line.get(&tag)?;
            Some((queue, exchange.numbering.queue_name(queue).to_owned()))
        };
        match *event {
            Core::Offered { tag, agent, .. } => {
                let Some((_, queue)) = name(self, tag) else { return };
                let agent = self.numbering.extension(agent).to_owned();
                self.tell_floor(FloorEvent::Offered { call: CallId(tag), queue, agent });
            }
            Core::Requeued { tag, why, .. } => {
                let Some((_, queue)) = name(self, tag) else { return };
                let why = requeued(why).to_owned();
                self.tell_floor(FloorEvent::NotTaken { call: CallId(tag), queue, why });
            }
            Core::Connected { tag, agent, waited, .. } => {
                let Some((id, queue)) = name(self, tag) else { return };
                self.feed.in_line.remove(&tag);
                let (call, waited_ms) = (CallId(tag), millis(waited));
                let agent = self.numbering.extension(agent).to_owned();
                let target = self.plan.queue_by_name(&queue).map_or(Duration::ZERO, |q| q.service_target);
                self.tell_floor(FloorEvent::Answered { call, queue, agent, waited_ms });
                self.level(now, id, waited <= target);
            }
            Core::Left { tag, why, waited, .. } => {
                let Some((id, queue)) = name(self, tag) else { return };
                self.feed.in_line.remove(&tag);
                let (call, waited_ms) = (CallId(tag), millis(waited));
                self.tell_floor(FloorEvent::Left { call, queue, why: left(why).to_owned(), waited_ms });
                if why != LeaveWhy::Abandoned || waited >= AT_ONCE {
                    self.level(now, id, false);
                }
            }
            Core::AgentState { agent, state } => {
                let away = self.desks.get(agent).away;
                let (reason, until) = match state {
                    AgentState::Away(queue::Away::NoAnswer) => (Some(AwayReason::NoAnswer), None),
                    AgentState::Away(_) => {
                        (away.as_ref().map(|away| away.reason), away.as_ref().and_then(|away| away.until))
                    }
                    state => (None, ends_by_itself(now, state)),
                };
                self.tell_floor(FloorEvent::Agent {
                    agent: self.numbering.extension(agent).to_owned(),
                    state: state_name(state).to_owned(),
                    reason,
                    until,
                });
            }
            // What follows says why.
            Core::OfferWithdrawn { .. }
            | Core::Relaxed { .. }
            | Core::Changed { .. }
            | Core::Parked { .. }
            | Core::Resumed { .. }
            | Core::OwnerSkipped { .. }
            | Core::QueueDepth { .. } => {}
        }
    }

    fn level(&mut self, now: Now, queue: QueueId, good: bool) {
        let Some((percent, calls)) = self.feed.levels.entry(queue).or_default().ends(now.mono, good) else {
            return;
        };
        let queue = self.numbering.queue_name(queue).to_owned();
        self.tell_floor(FloorEvent::ServiceLevel { queue, percent, calls });
    }

    pub(super) fn given_up_floor(&mut self, callback: CallId, queue: String, number: &Masked<String>) {
        self.tell_floor(FloorEvent::CallbackGivenUp { callback, queue, number: number.to_string() });
    }
}

fn left(why: LeaveWhy) -> &'static str {
    match why {
        LeaveWhy::Abandoned => "abandoned",
        LeaveWhy::MaxWait => "max-wait",
        LeaveWhy::Overflow(_) => "overflow",
        LeaveWhy::Key(_) => "key",
        LeaveWhy::TakeMessage => "sent-elsewhere",
        LeaveWhy::NodeLost => "node-lost",
        LeaveWhy::QueueRemoved => "queue-removed",
    }
}

fn requeued(why: RequeueWhy) -> &'static str {
    match why {
        RequeueWhy::Refused(Refusal::Rejected) => "refused",
        RequeueWhy::Refused(Refusal::RingTimeout) => "no-answer",
        RequeueWhy::Refused(Refusal::Unreachable) => "unreachable",
        RequeueWhy::Refused(Refusal::Busy) => "busy",
        RequeueWhy::AgentAway => "agent-away",
        RequeueWhy::AgentSignedOff => "agent-signed-off",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_level_is_told_when_it_changes_and_forgets_what_is_old() {
        let at = |minutes: u64| Instant::ZERO + Duration::from_secs(60 * minutes);
        let mut level = Level::default();
        assert_eq!(level.ends(at(1), true), Some((100, 1)));
        assert_eq!(level.ends(at(2), true), None);
        assert_eq!(level.ends(at(3), false), Some((67, 3)));
        assert_eq!(level.ends(at(32), true), None, "two of three, of the last half hour");
        assert_eq!(level.ends(at(33), true), None, "two of three again");
        assert_eq!(level.ends(at(34), true), Some((100, 3)), "who was not served well is forgotten");
        assert_eq!(level.ends(at(90), false), Some((0, 1)));
        for _ in 0..MOST + 10 {
            level.ends(at(90), true);
        }
        assert_eq!((level.ended.len(), level.good), (MOST, u32::try_from(MOST).unwrap()));
    }
}
