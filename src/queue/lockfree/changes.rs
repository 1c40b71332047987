//! A caller in line is changed, or leaves the line for a while.

use std::sync::atomic::Ordering;

use super::Core;
use super::cells::NEVER;
use super::claims::{Hall, begin_change, end_change, end_offer, publish_caller, take_back};
use super::floor::Kind;
use super::op::{AT_OLD_PLACE, Facts, Op, public_state};
use super::word::{AgentStep, AgentWord, CallerState, CallerWord, Then, later};
use crate::base::{AgentId, Instant};
use crate::queue::explain::{Explanation, Scene, Seen};
use crate::queue::{
    CallerId, Change, Event, JoinError, LeaveWhy, Left, NotChanged, OwnerSkip, Sink, Withdrawn,
};

impl Core {
    /// Another queue or another credit for a caller in line, whose arrival stays; an agent who is eligible now is
    /// offered in the same call.
    pub fn change(
        &self,
        now: Instant,
        id: CallerId,
        change: Change,
        s: &mut impl Sink,
    ) -> Result<(), NotChanged> {
        let mut op = Op::begin(self, now, s);
        let changed = op.change(id, change);
        op.end();
        changed
    }

    /// Out of the line for a while, the place kept: offered to nobody until [`resume`](Core::resume). An offer under
    /// way is withdrawn and its agent freed at its old place. No deadline of the caller's runs meanwhile; whoever
    /// parks it sees to it that it comes back or leaves.
    pub fn park(&self, now: Instant, id: CallerId, s: &mut impl Sink) -> Left {
        let mut op = Op::begin(self, now, s);
        let parked = op.park(id);
        op.end();
        parked
    }

    /// Back in line at the old place, or offered in the same call; gone, if the longest wait has passed. `false`: no
    /// such caller is parked.
    pub fn resume(&self, now: Instant, id: CallerId, s: &mut impl Sink) -> bool {
        let mut op = Op::begin(self, now, s);
        let resumed = op.resume(id);
        op.end();
        resumed
    }

    /// Who was considered for this caller, at most so many; see [`Explanation`]. `None`: no such caller.
    pub fn explain(&self, id: CallerId, most: usize) -> Option<Explanation> {
        let mut nothing = Vec::new();
        // Looks only: at this very time nothing is due.
        let op = Op::begin(self, Instant::ZERO, &mut nothing);
        op.explain(id, most)
    }
}

impl Op<'_> {
    /// The word and the facts of this very caller.
    fn known(&self, id: CallerId) -> Option<(CallerWord, Facts)> {
        if id.index >= self.core.made.load(Ordering::Acquire) {
            return None;
        }
        let word = CallerWord::load(self.caller(id.index));
        let facts = self.facts(id.index);
        (facts.id == id && word.state != CallerState::Free).then_some((word, facts))
    }

    fn change(&mut self, id: CallerId, change: Change) -> Result<(), NotChanged> {
        let caller = id.index;
        loop {
            let (word, facts) = self.known(id).ok_or(NotChanged::Stale)?;
            let owner = match word.state {
                CallerState::Free | CallerState::Changing { then: Then::Leaves } => {
                    return Err(NotChanged::Stale);
                }
                CallerState::Waiting { owner } => owner,
                CallerState::Parked => return Err(NotChanged::Parked),
                CallerState::Changing { .. } => return Err(NotChanged::Changing),
                CallerState::Offered { agent, .. } => {
                    return Err(NotChanged::Offered(self.agent_id(agent)));
                }
                CallerState::Connected { agent } => {
                    return Err(NotChanged::Connected(self.agent_id(agent)));
                }
            };
            let before = self.kind(facts.kind).ok_or(NotChanged::Stale)?;
            let queue = change.queue.unwrap_or(facts.queue);
            let (moves, credit) = (queue != facts.queue, change.credit.or(before.credit));
            let refused = NotChanged::Refused;
            let floor = self.floor.clone();
            let spec = floor.plan.queues.get(&queue).map(|entry| &entry.spec);
            let spec = spec.ok_or(refused(JoinError::NoSuchQueue))?;
            let counter = floor.queues.get(&queue).ok_or(refused(JoinError::NoSuchQueue))?;
            if moves && spec.closed {
                return Err(refused(JoinError::Closed));
            }
            if moves && spec.capacity.is_some_and(|most| counter.0.load(Ordering::Relaxed) >= most) {
                return Err(refused(JoinError::Full));
            }
            let kind = self.core.kind(Kind { queue, extra: before.extra.clone(), credit });
            let lane = self.lane(kind).ok_or(refused(JoinError::NoSuchQueue))?;
            if moves && !floor.is_staffed(&lane) {
                return Err(refused(JoinError::NoAgentsLoggedIn));
            }
            // Counted before it waits there.
            let entered = match moves {
                true => Some(counter.enter(spec.capacity).ok_or(refused(JoinError::Full))?),
                false => None,
            };
            if !begin_change(self, caller, word) {
                if entered.is_some() {
                    counter.0.fetch_sub(1, Ordering::Relaxed);
                }
                continue;
            }
            self.unlist_caller(caller, word, facts);
            self.disarm(facts);
            if let Some(waiting) = entered {
                self.count(facts.queue, false);
                self.emit(Event::QueueDepth { queue, waiting });
            }
            let (cell, order) = (self.caller_cell(caller), Ordering::Relaxed);
            cell.kind.store(kind, order);
            cell.queue.store(u32::from(queue.0), order);
            cell.told_until.fetch_max(self.now().as_micros(), order);
            // Not the last of its lane, even where nobody of a later time stands there: of equal times it came first.
            cell.ticket.store(AT_OLD_PLACE, order);
            cell.timer_at.store(NEVER, order);
            let credit = lane.key.credit();
            let facts = self.facts(caller);
            let next = end_change(self, caller, owner.filter(|_| !moves));
            self.changed(caller, next, facts, credit, owner.filter(|_| moves));
            return Ok(());
        }
    }

    /// The caller's word is this now, after a change.
    fn changed(
        &mut self,
        caller: u32,
        word: CallerWord,
        facts: Facts,
        credit: std::time::Duration,
        skipped: Option<u32>,
    ) {
        let (id, tag) = (facts.id, facts.tag);
        let waits = match word.state {
            CallerState::Waiting { owner } => Some(owner),
            _ => None,
        };
        if waits.is_some() {
            publish_caller(self, caller, word, facts);
            let position = self.core.position(id).unwrap_or(1);
            self.caller_cell(caller).joined_at.store(position, Ordering::Relaxed);
        } else {
            self.count(facts.queue, false);
        }
        if word.state == CallerState::Free {
            // Whoever let it leave has said so.
            self.free_cell(caller, facts);
            return;
        }
        self.emit(Event::Changed { caller: id, tag, queue: facts.queue, credit });
        if let Some(owner) = skipped {
            let owner = self.agent_id(owner);
            self.emit(Event::OwnerSkipped { caller: id, tag, owner, why: OwnerSkip::Moved });
        }
        let Some(owner) = waits else { return };
        // The owner may have gone while this caller stood in no line.
        if owner.is_some_and(|owner| !self.will_return(owner)) {
            let now = CallerWord::load(self.caller(caller));
            if now == word {
                self.leave_owner(caller, word, OwnerSkip::Away);
            }
        }
        self.match_caller(caller);
    }

    fn park(&mut self, id: CallerId) -> Left {
        let caller = id.index;
        loop {
            let Some((word, facts)) = self.known(id) else { return Left::Stale };
            let skipped = match word.state {
                CallerState::Free | CallerState::Changing { then: Then::Leaves } => return Left::Stale,
                CallerState::Connected { agent } => return Left::TooLate(self.agent_id(agent)),
                CallerState::Parked | CallerState::Changing { then: Then::Parks } => return Left::Waiting,
                CallerState::Changing { then: Then::Waits } => {
                    let parks = CallerState::Changing { then: Then::Parks };
                    if !word.swap(self.caller(caller), word.next(parks)) {
                        continue;
                    }
                    None
                }
                CallerState::Waiting { owner } => {
                    if !word.swap(self.caller(caller), word.next(CallerState::Parked)) {
                        continue;
                    }
                    self.unlist_caller(caller, word, facts);
                    self.count(facts.queue, false);
                    self.disarm(facts);
                    owner
                }
                CallerState::Offered { agent, owned } => {
                    if !end_offer(self, caller, word, CallerState::Parked) {
                        continue;
                    }
                    let idle = AgentStep::Idle { place: self.place(agent) };
                    let offer = take_back(self, agent, caller, later(word.epoch, u32::MAX), idle);
                    if let Some(offer) = offer {
                        self.withdraw(agent, offer, facts.tag, Withdrawn::CallerParked);
                    }
                    self.parked_caller(facts, owned.then_some(agent));
                    if let Some(offer) = offer {
                        self.became_ready(agent, offer.next(idle));
                    }
                    return Left::WhileOffered(self.agent_id(agent));
                }
            };
            self.parked_caller(facts, skipped);
            return Left::Waiting;
        }
    }

    fn parked_caller(&mut self, facts: Facts, skipped: Option<u32>) {
        let (caller, tag) = (facts.id, facts.tag);
        self.emit(Event::Parked { caller, tag });
        if let Some(owner) = skipped {
            let owner = self.agent_id(owner);
            self.emit(Event::OwnerSkipped { caller, tag, owner, why: OwnerSkip::Moved });
        }
    }

    fn resume(&mut self, id: CallerId) -> bool {
        let caller = id.index;
        loop {
            let Some((word, facts)) = self.known(id) else { return false };
            match word.state {
                CallerState::Changing { then: Then::Parks } => {
                    let waits = CallerState::Changing { then: Then::Waits };
                    if word.swap(self.caller(caller), word.next(waits)) {
                        self.emit(Event::Resumed { caller: id, tag: facts.tag });
                        return true;
                    }
                }
                CallerState::Parked => {
                    let too_late = facts.leave_by <= self.now().as_micros();
                    let gone = match (too_late, self.lane(facts.kind)) {
                        (true, _) => Some(LeaveWhy::MaxWait),
                        (false, None) => Some(LeaveWhy::QueueRemoved),
                        (false, Some(_)) => None,
                    };
                    if let Some(why) = gone {
                        if word.swap(self.caller(caller), word.next(CallerState::Free)) {
                            self.depart(caller, facts, why);
                            return true;
                        }
                        continue;
                    }
                    if self.back_in_line(caller, word, facts) {
                        return true;
                    }
                }
                _ => return false,
            }
        }
    }

    /// `false`: somebody was quicker.
    fn back_in_line(&mut self, caller: u32, word: CallerWord, facts: Facts) -> bool {
        let Some(counter) = self.floor.queues.get(&facts.queue).cloned() else { return false };
        let next = word.next(CallerState::Waiting { owner: None });
        // Counted before it waits: else one who takes it at once would count somebody else away.
        let waiting = counter.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if !word.swap(self.caller(caller), next) {
            counter.0.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        self.emit(Event::QueueDepth { queue: facts.queue, waiting });
        publish_caller(self, caller, next, Facts { ticket: AT_OLD_PLACE, ..facts });
        self.emit(Event::Resumed { caller: facts.id, tag: facts.tag });
        self.catch_up(caller);
        self.match_caller(caller);
        true
    }

    fn explain(&self, id: CallerId, most: usize) -> Option<Explanation> {
        let (word, facts) = self.known(id)?;
        let (owner, chosen) = match word.state {
            CallerState::Waiting { owner } => (owner, None),
            CallerState::Offered { agent, .. } | CallerState::Connected { agent } => (None, Some(agent)),
            _ => (None, None),
        };
        let lane = self.lane(facts.kind)?;
        let waited = self.now().since(facts.arrived);
        let (owner, chosen) = (owner.map(|a| self.agent_id(a)), chosen.map(|a| self.agent_id(a)));
        let agent = |agent: AgentId| {
            let number = *self.floor.numbers.get(&agent)?;
            let state = AgentWord::load(self.agent(number)).state;
            Some(Seen {
                state: public_state(state, self.agent_cell(number), self.now()),
                holds: state.holds() && matches!(state, AgentStep::Idle { .. }),
                barred: self.barred(id.index, number),
            })
        };
        let scene = Scene {
            index: &self.floor.plan,
            key: &lane.key,
            choices: &lane.design.choices,
            value: lane.design.value,
            waited,
            owner,
            chosen,
            idle_in: &|pool| self.floor.idle_in(pool),
            reserve: &|pool| self.floor.reserve(pool),
            agent: &agent,
        };
        let (agents, more) = scene.agents(most);
        let (queue, credit, tag) = (facts.queue, lane.key.credit(), facts.tag);
        Some(Explanation { caller: id, tag, queue, waited, credit, owner, chosen, agents, more })
    }
}
