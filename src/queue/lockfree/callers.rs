//! What callers do: join, leave, and wait for somebody in particular.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Core;
use super::cells::NEVER;
use super::claims::{Hall, end_offer, publish_caller, take_back};
use super::codes::will_return;
use super::floor::{Counter, Kind};
use super::op::{AT_OLD_PLACE, Facts, Op};
use super::word::{AgentStep, AgentWord, CALLERS, CallerState, CallerWord, Then, later};
use crate::base::{Instant, QueueId};
use crate::queue::{
    CallerId, Event, Join, JoinError, LeaveWhy, Left, OfferId, OwnerSkip, RequeueWhy, Sink, Withdrawn,
};

/// An offer that has ended by our step, its caller not yet back in line.
pub(super) struct GivenBack {
    pub caller: u32,
    pub facts: Facts,
    /// `None`: its longest wait has passed, it leaves.
    stays: Option<CallerWord>,
    /// It waited for the agent alone.
    owned: bool,
}

impl Core {
    /// Begins to wait, or is offered to an idle agent in the same call.
    pub fn join(&self, now: Instant, join: Join, s: &mut impl Sink) -> Result<CallerId, JoinError> {
        let mut op = Op::begin(self, now, s);
        let joined = op.join(join);
        op.end();
        // A longest wait or an owner's hold of zero ends here.
        op.advance(now);
        op.end();
        joined
    }

    /// The caller no longer waits. An offer under way is withdrawn and its agent freed at its old place.
    pub fn leave(&self, now: Instant, id: CallerId, why: LeaveWhy, s: &mut impl Sink) -> Left {
        let mut op = Op::begin(self, now, s);
        let left = op.leave(id, why);
        op.end();
        left
    }

    /// The number under which what such a caller asks for is known.
    pub(super) fn kind(&self, kind: Kind) -> u32 {
        if let Some(known) = self.kinds.get(&kind) {
            return *known.value();
        }
        let number = self.kinds_made.fetch_add(1, Ordering::Relaxed);
        self.kind_of.insert(number, Arc::new(kind.clone()));
        // If two threads meet here, one number is used and the other is nobody's.
        *self.kinds.get_or_insert(kind, number).value()
    }

    /// A cell for a caller; `None` where there are more callers than a word can name.
    fn cell(&self) -> Option<u32> {
        if let Some(entry) = self.free.pop_front() {
            return Some(*entry.value());
        }
        let more = |made: u32| (made < CALLERS).then_some(made + 1);
        self.made.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()
    }
}

impl Counter {
    /// Room for one more, taken at once: of two who come for the last place one gets it.
    pub(super) fn enter(&self, capacity: Option<u32>) -> Option<u32> {
        let more = |waiting: u32| capacity.is_none_or(|most| waiting < most).then(|| waiting.wrapping_add(1));
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .ok()
            .map(|before| before.wrapping_add(1))
    }
}

impl Op<'_> {
    fn join(&mut self, join: Join) -> Result<CallerId, JoinError> {
        let now = self.now();
        let floor = self.floor.clone();
        let queue = floor.plan.queues.get(&join.queue).ok_or(JoinError::NoSuchQueue)?;
        let counter = floor.queues.get(&join.queue).ok_or(JoinError::NoSuchQueue)?;
        if queue.spec.closed && !join.kept {
            return Err(JoinError::Closed);
        }
        let capacity = queue.spec.capacity.filter(|_| !join.kept);
        if capacity.is_some_and(|capacity| counter.0.load(Ordering::Relaxed) >= capacity) {
            return Err(JoinError::Full);
        }
        let max_wait = join.max_wait.or(queue.spec.max_wait);
        let kind = self.core.kind(Kind { queue: join.queue, extra: join.extra, credit: join.credit });
        let lane = self.lane(kind).ok_or(JoinError::NoSuchQueue)?;
        let owner = join.owner.and_then(|owner| self.agent_number(owner.agent).map(|number| (owner, number)));
        let owner = owner.filter(|(_, number)| self.will_return(*number));
        if owner.is_none() && !floor.is_staffed(&lane) {
            return Err(JoinError::NoAgentsLoggedIn);
        }
        let caller = self.core.cell().ok_or(JoinError::Full)?;
        let Some(waiting) = counter.enter(capacity) else {
            self.core.free.insert(self.next_seq(), caller);
            return Err(JoinError::Full);
        };
        let arrived = join.arrived.min(now);
        let cell = self.caller_cell(caller);
        let time = |at: Option<Instant>| at.map_or(NEVER, Instant::as_micros);
        let order = Ordering::Relaxed;
        let epoch = cell.epoch.load(order).wrapping_add(1);
        cell.epoch.store(epoch, order);
        cell.tag.store(join.tag, order);
        cell.kind.store(kind, order);
        cell.queue.store(u32::from(join.queue.0), order);
        cell.arrived.store(arrived.as_micros(), order);
        cell.seq.store(self.next_seq(), order);
        cell.leave_by.store(time(max_wait.map(|wait| now + wait)), order);
        cell.owner_until.store(time(owner.map(|(owner, _)| now + owner.hold)), order);
        cell.joined_at.store(1, order);
        cell.told_until.fetch_max(now.as_micros(), order);
        cell.ticket.store(NEVER, order);
        cell.barred.store(false, order);
        cell.timer_at.store(NEVER, order);
        let facts = self.facts(caller);
        let free = CallerWord::load(&cell.word);
        let word = free.next(CallerState::Waiting { owner: owner.map(|(_, number)| number) });
        // The cell is ours alone: nobody else moves a word that says "free".
        let entered = free.swap(&cell.word, word);
        debug_assert!(entered, "a cell was handed out twice");
        self.emit(Event::QueueDepth { queue: join.queue, waiting });
        publish_caller(self, caller, word, facts);
        let position = self.core.position(facts.id).unwrap_or(1);
        cell.joined_at.store(position, order);
        match (join.owner, owner) {
            (Some(wish), None) => {
                let (tag, why) = (join.tag, OwnerSkip::Away);
                self.emit(Event::OwnerSkipped { caller: facts.id, tag, owner: wish.agent, why });
            }
            // The owner may have gone while this caller was getting into line.
            (_, Some((_, number))) if !self.will_return(number) => {
                let word = CallerWord::load(self.caller(caller));
                if word.state == (CallerState::Waiting { owner: Some(number) }) {
                    self.leave_owner(caller, word, OwnerSkip::Away);
                }
            }
            _ => {}
        }
        self.match_caller(caller);
        Ok(facts.id)
    }

    pub fn will_return(&self, agent: u32) -> bool {
        will_return(AgentWord::load(self.agent(agent)).state)
    }

    fn leave(&mut self, id: CallerId, why: LeaveWhy) -> Left {
        let caller = id.index;
        if caller >= self.core.made.load(Ordering::Acquire) {
            return Left::Stale;
        }
        loop {
            let word = CallerWord::load(self.caller(caller));
            let facts = self.facts(caller);
            if facts.id != id {
                return Left::Stale;
            }
            match word.state {
                CallerState::Free => return Left::Stale,
                CallerState::Connected { agent } => return Left::TooLate(self.agent_id(agent)),
                CallerState::Waiting { .. } => {
                    if word.swap(self.caller(caller), word.next(CallerState::Free)) {
                        self.unlist_caller(caller, word, facts);
                        self.count(facts.queue, false);
                        self.depart(caller, facts, why);
                        return Left::Waiting;
                    }
                }
                CallerState::Parked => {
                    if word.swap(self.caller(caller), word.next(CallerState::Free)) {
                        self.depart(caller, facts, why);
                        return Left::Waiting;
                    }
                }
                CallerState::Changing { then: Then::Leaves } => return Left::Stale,
                CallerState::Changing { .. } => {
                    let leaves = CallerState::Changing { then: Then::Leaves };
                    if word.swap(self.caller(caller), word.next(leaves)) {
                        // The cell is freed by whoever changes it.
                        let waited = self.now().since(facts.arrived);
                        self.emit(Event::Left { caller: id, tag: facts.tag, why, waited });
                        return Left::Waiting;
                    }
                }
                CallerState::Offered { agent, .. } => {
                    if end_offer(self, caller, word, CallerState::Free) {
                        self.leave_offer(caller, word, facts, why);
                        return Left::WhileOffered(self.agent_id(agent));
                    }
                }
            }
        }
    }

    /// Of a caller whose word is free and was "offered" before: the agent is ready again, as if it had never
    /// been taken.
    pub fn leave_offer(&mut self, caller: u32, word: CallerWord, facts: Facts, why: LeaveWhy) {
        let CallerState::Offered { agent, .. } = word.state else { return };
        let idle = AgentStep::Idle { place: self.place(agent) };
        let offer = take_back(self, agent, caller, later(word.epoch, u32::MAX), idle);
        if let Some(offer) = offer {
            self.withdraw(agent, offer, facts.tag, Withdrawn::CallerLeft(why));
        }
        self.depart(caller, facts, why);
        if let Some(offer) = offer {
            self.became_ready(agent, offer.next(idle));
        }
    }

    pub fn withdraw(&mut self, agent: u32, offer: AgentWord, tag: u64, why: Withdrawn) {
        let offer = OfferId { agent: self.agent_id(agent), epoch: offer.epoch };
        self.emit(Event::OfferWithdrawn { offer, tag, why });
    }

    /// Ends the offer for its caller, who goes back to its old place, or leaves if its longest wait has passed.
    /// `None`: the offer has ended otherwise.
    pub fn give_back(&mut self, caller: u32, theirs: CallerWord) -> Option<GivenBack> {
        let facts = self.facts(caller);
        let CallerState::Offered { owned, .. } = theirs.state else { return None };
        if facts.leave_by <= self.now().as_micros() {
            let ended = end_offer(self, caller, theirs, CallerState::Free);
            return ended.then_some(GivenBack { caller, facts, stays: None, owned });
        }
        if owned {
            self.caller_cell(caller).ticket.store(AT_OLD_PLACE, Ordering::Relaxed);
        }
        // Counted before it waits: else one who takes it at once would count somebody else away.
        let counter = self.floor.queues.get(&facts.queue).cloned();
        let count = |by: u32| {
            if let Some(counter) = &counter {
                counter.0.fetch_add(by, Ordering::Relaxed);
            }
        };
        count(1);
        let waiting = CallerState::Waiting { owner: None };
        if !end_offer(self, caller, theirs, waiting) {
            // One less.
            count(u32::MAX);
            return None;
        }
        Some(GivenBack { caller, facts, stays: Some(theirs.next(waiting)), owned })
    }

    /// The caller is back in line. Does not look for another agent yet: the one who gave it back must have
    /// moved on first.
    pub fn requeue(&mut self, back: &GivenBack, owner: u32, skip: OwnerSkip, why: RequeueWhy) {
        let GivenBack { caller, facts, stays, owned } = *back;
        let Some(word) = stays else { return self.depart(caller, facts, LeaveWhy::MaxWait) };
        let waiting = self.floor.queues.get(&facts.queue).map(|counter| counter.0.load(Ordering::Relaxed));
        if let Some(waiting) = waiting {
            self.emit(Event::QueueDepth { queue: facts.queue, waiting });
        }
        let ticket = if owned { AT_OLD_PLACE } else { facts.ticket };
        publish_caller(self, caller, word, Facts { ticket, ..facts });
        self.emit(Event::Requeued { caller: facts.id, tag: facts.tag, why });
        if owned {
            let owner = self.agent_id(owner);
            self.emit(Event::OwnerSkipped { caller: facts.id, tag: facts.tag, owner, why: skip });
        }
        self.catch_up(caller);
    }

    /// From the owner's line to the general lane, at the same place in the order.
    pub fn leave_owner(&mut self, caller: u32, word: CallerWord, why: OwnerSkip) {
        let CallerState::Waiting { owner: Some(owner) } = word.state else { return };
        let facts = self.facts(caller);
        let general = word.next(CallerState::Waiting { owner: None });
        if !word.swap(self.caller(caller), general) {
            return;
        }
        self.disarm(facts);
        self.unlist_caller(caller, word, facts);
        publish_caller(self, caller, general, Facts { ticket: AT_OLD_PLACE, ..facts });
        let owner = self.agent_id(owner);
        self.emit(Event::OwnerSkipped { caller: facts.id, tag: facts.tag, owner, why });
    }

    /// Moves everybody who waits for this agent alone to the general lanes.
    pub fn skip_owner(&mut self, owner: u32, why: OwnerSkip) {
        // After the agent's word, before the look: who gets into this line meanwhile looks at the word.
        super::sync::fence(super::sync::Ordering::SeqCst);
        let own: Vec<_> = self.agent_cell(owner).owned.0.iter().map(|entry| *entry.key()).collect();
        for (key, epoch) in &own {
            let word = CallerWord::load(self.caller(key.index));
            if word.epoch == *epoch {
                self.leave_owner(key.index, word, why);
            }
        }
        for (key, _) in own {
            self.match_caller(key.index);
        }
    }

    pub fn queue_of(&self, caller: u32) -> QueueId {
        self.facts(caller).queue
    }
}
