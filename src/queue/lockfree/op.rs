//! One operation under way: its floor, its events, and the work that it has found.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crossbeam_skiplist::map;

use super::Core;
use super::cells::{Agent, Caller, NEVER};
use super::claims::{Hall, Step, publish_agent, publish_caller, serve_agent, serve_caller};
use super::codes::reason;
use super::floor::{Entry, Floor, Kind, Lane};
use super::sync;
use super::tickets::AHEAD;
use super::walk;
use super::word::{AgentStep, AgentWord, CallerState, CallerWord, FURTHER, UNTIL};
use crate::base::{AgentId, Instant, QueueId};
use crate::queue::line::Key;
use crate::queue::{AgentState, CallerId, Event, LeaveWhy, OfferId, Sink};

/// Of the numbers that operations draw: so often one gives back what lists have left behind.
const FREED_EACH: u64 = 32;

/// Caller's cell, epoch of its handle, agent, number.
pub(super) type Bar = (u32, u32, u32, u64);

pub(super) struct Op<'a> {
    pub core: &'a Core,
    pub floor: Arc<Floor>,
    pub sink: &'a mut dyn Sink,
    /// Agents who stand idle again without anybody's order.
    again: Vec<u32>,
    /// Pools whose reserve came to be exceeded.
    pub exceeded: Vec<usize>,
    /// Nothing that this operation looks at is freed meanwhile; the lists' own pins are cheaper within this one.
    _pin: crossbeam_epoch::Guard,
}

/// See [`Hall::Facts`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub id: CallerId,
    pub tag: u64,
    pub kind: u32,
    pub queue: QueueId,
    pub arrived: Instant,
    pub seq: u64,
    pub leave_by: u64,
    pub ticket: u64,
    pub barred: bool,
    pub timer: (u64, u32),
}

impl<'a> Op<'a> {
    /// Begins with what had become due.
    pub fn begin(core: &'a Core, now: Instant, sink: &'a mut dyn Sink) -> Self {
        let (again, exceeded) = (Vec::new(), Vec::new());
        let _pin = crossbeam_epoch::pin();
        // By itself a thread frees four entries an operation at most, and there are operations that leave more.
        if core.seq.load(Ordering::Relaxed).is_multiple_of(FREED_EACH) {
            _pin.flush();
        }
        let mut op = Op { core, floor: core.floor.load_full(), sink, again, exceeded, _pin };
        op.pause(Step::Begun);
        op.advance(now);
        op
    }

    /// Ends with what this operation has stirred up.
    pub fn end(&mut self) {
        while let Some(agent) = self.again.pop() {
            self.match_agent(agent);
        }
    }

    pub fn now(&self) -> Instant {
        self.core.now()
    }

    pub fn next_seq(&self) -> u64 {
        self.core.seq.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn emit(&mut self, event: Event) {
        self.sink.emit(event);
    }

    pub fn caller_cell(&self, caller: u32) -> &'a Caller {
        self.core.callers.at(caller)
    }

    pub fn agent_cell(&self, agent: u32) -> &'a Agent {
        self.core.agents.at(agent)
    }

    /// The newest floor, if it is not this operation's.
    pub fn floor_changed(&self) -> Option<Arc<Floor>> {
        let newest = self.core.floor.load();
        (!Arc::ptr_eq(&newest, &self.floor)).then(|| newest.clone())
    }

    pub fn kind(&self, number: u32) -> Option<Arc<Kind>> {
        self.core.kind_of.get(&number).map(|kind| kind.value().clone())
    }

    pub fn lane(&self, kind: u32) -> Option<Arc<Lane>> {
        self.floor.lane(kind, || self.kind(kind)).cloned()
    }

    // -- searching --

    pub fn match_caller(&mut self, caller: u32) {
        loop {
            serve_caller(self, caller);
            self.arm_caller(caller);
            // Else a deadline of the old rules could replace one of the new; and what the caller's wait has brought it was
            // looked for on a floor on which nobody stands any more.
            let Some(newest) = self.floor_changed() else { return };
            self.floor = newest;
        }
    }

    /// After the agent has become idle.
    pub fn match_agent(&mut self, agent: u32) {
        let exceeded = std::mem::take(&mut self.exceeded);
        if serve_agent(self, agent) {
            return;
        }
        let Some(group) = self.floor.group(agent) else { return };
        let floor = self.floor.clone();
        // One more idle agent in a pool frees the others for callers of lower value, at this very count.
        for &pool in floor.pools_of(group) {
            if exceeded.contains(&pool) || floor.idle_in(pool) == floor.reserve(pool) + 1 {
                self.match_pool(pool);
            }
        }
    }

    /// After the pool's idle agents have come to exceed its reserve.
    pub fn match_pool(&mut self, pool: usize) {
        let floor = self.floor.clone();
        let Some(groups) = floor.plan.pools.get(pool).map(|pool| &pool.groups) else { return };
        for &group in groups {
            let idle: Vec<u32> = floor.groups[group].idle.iter().map(|entry| entry.key().1).collect();
            for agent in idle {
                if !self.has_work(group) {
                    break;
                }
                // The caller chooses among all its agents: it need not be this one.
                while let Some((caller, epoch)) = self.first_caller(agent) {
                    self.match_caller(caller);
                    // Somebody is about to list an idle agent, and will search for it then.
                    let word = CallerWord::load(self.caller(caller));
                    if word.epoch == epoch {
                        break;
                    }
                }
            }
        }
    }

    // -- callers --

    pub fn key(&self, caller: u32, facts: &Facts, lane: &Lane) -> Key {
        Key { v: lane.virtual_time(facts.arrived), seq: facts.seq, index: caller }
    }

    /// Takes the entry of a caller who waited in this word out of its line, if it is there.
    pub fn unlist_caller(&mut self, caller: u32, word: CallerWord, facts: Facts) {
        let kind = || self.kind(facts.kind);
        if let Some(lane) = self.floor.lane(facts.kind, kind) {
            self.unlist_from(lane, caller, word, facts);
        }
        if let Some(newest) = self.floor_changed()
            && let Some(lane) = newest.lane(facts.kind, kind)
        {
            self.unlist_from(lane, caller, word, facts);
        }
    }

    pub fn unlist_from(&self, lane: &Lane, caller: u32, word: CallerWord, facts: Facts) {
        let CallerState::Waiting { owner } = word.state else { return };
        let entry = (self.key(caller, &facts, lane), word.epoch);
        match owner {
            Some(owner) => {
                let owned = &self.agent_cell(owner).owned.0;
                // This line outlives floors, and was perhaps entered by the credit of another one.
                let mine = |(key, epoch): &Entry| (key.index, *epoch) == (caller, word.epoch);
                if owned.remove(&entry).is_none()
                    && let Some(other) = owned.iter().find(|entry| mine(entry.key()))
                {
                    other.remove();
                }
            }
            None => {
                if let Some(found) = lane.line.get(&entry)
                    && found.remove()
                {
                    lane.tickets.give_back(*found.value(), entry.0);
                }
            }
        }
    }

    /// One more or one less waits in the queue.
    pub fn count(&mut self, queue: QueueId, up: bool) {
        let Some(counter) = self.floor.queues.get(&queue) else { return };
        let waiting = if up {
            counter.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
        } else {
            counter.0.fetch_sub(1, Ordering::Relaxed).wrapping_sub(1)
        };
        self.emit(Event::QueueDepth { queue, waiting });
    }

    /// Frees the cell of a caller whose word is free. Whoever had the caller must have let go of it.
    pub fn depart(&mut self, caller: u32, facts: Facts, why: LeaveWhy) {
        let waited = self.now().since(facts.arrived);
        self.free_cell(caller, facts);
        self.emit(Event::Left { caller: facts.id, tag: facts.tag, why, waited });
    }

    pub fn free_cell(&mut self, caller: u32, facts: Facts) {
        self.disarm(facts);
        self.drop_bars(facts, |_| true);
        let turn = self.core.seq.fetch_add(1, Ordering::Relaxed);
        self.core.free.insert(turn, caller);
    }

    pub fn barred(&self, caller: u32, agent: u32) -> bool {
        let cell = self.caller_cell(caller);
        cell.barred.load(Ordering::Relaxed) && {
            let (epoch, now) = (cell.epoch.load(Ordering::Relaxed), self.core.now.load(Ordering::Relaxed));
            let bars = walk::from(&self.core.bars, (caller, epoch, agent, 0));
            let mut mine =
                bars.take_while(|bar| (bar.key().0, bar.key().1, bar.key().2) == (caller, epoch, agent));
            mine.any(|bar| *bar.value() > now)
        }
    }

    pub fn drop_bars(&self, facts: Facts, which: impl Fn(u64) -> bool) {
        if !facts.barred {
            return;
        }
        for bar in self.bars(facts).filter(|bar| which(*bar.value())) {
            bar.remove();
        }
    }

    /// The agents who are, or were, barred for this caller.
    pub fn bars(&self, facts: Facts) -> impl Iterator<Item = map::Entry<'_, Bar, u64>> {
        let CallerId { index, epoch } = facts.id;
        let bars = walk::from(&self.core.bars, (index, epoch, 0, 0));
        bars.take_while(move |bar| (bar.key().0, bar.key().1) == (index, epoch))
    }

    // -- agents --

    pub fn agent_number(&self, id: AgentId) -> Option<u32> {
        let number = *self.floor.numbers.get(&id)?;
        let known = self.floor.group(number).is_some()
            || AgentWord::load(self.agent(number)).state != AgentStep::SignedOff;
        known.then_some(number)
    }

    pub fn agent_id(&self, agent: u32) -> AgentId {
        self.core.agent_id(&self.floor, agent)
    }

    /// The state has just been reached.
    pub fn announce(&mut self, agent: u32, state: AgentStep) {
        self.agent_cell(agent).since.store(self.now().as_micros(), Ordering::Relaxed);
        let state = public_state(state, self.agent_cell(agent), self.now());
        let agent = self.agent_id(agent);
        self.emit(Event::AgentState { agent, state });
    }

    /// Idle at a new place, unless the agent rests.
    pub fn ready_state(&self, agent: u32) -> AgentStep {
        let cell = self.agent_cell(agent);
        let place = self.next_seq() & !FURTHER;
        cell.place.store(place, Ordering::Relaxed);
        if cell.rest_until.load(Ordering::Relaxed) > self.now().as_micros() {
            AgentStep::Resting
        } else {
            AgentStep::Idle { place }
        }
    }

    /// The agent has just got this word, which says it is ready.
    pub fn became_ready(&mut self, agent: u32, word: AgentWord) {
        self.announce(agent, word.state);
        self.arm_agent(agent, word);
        self.put_to_idle(agent, word);
    }

    pub fn put_to_idle(&mut self, agent: u32, word: AgentWord) {
        if let AgentStep::Idle { .. } = word.state {
            publish_agent(self, agent, word);
            self.match_agent(agent);
        }
    }

    fn idle_entry(agent: u32, word: AgentWord) -> Option<(u64, u32, u32)> {
        match word.state {
            AgentStep::Idle { place } => Some((place, agent, word.epoch)),
            _ => None,
        }
    }

    // -- from floor to floor --

    /// Gives a waiting caller its place on the newest floor. Only one of those who try succeeds, and the old entries
    /// are dead. Returns the facts of a caller whose queue is gone, and who has been let go of.
    pub fn move_caller(
        &mut self,
        caller: u32,
        word: CallerWord,
        facts: Facts,
        from: &Floor,
    ) -> Option<Facts> {
        let moved = word.next(word.state);
        let here = self.lane(facts.kind);
        let next = if here.is_some() { moved } else { word.next(CallerState::Free) };
        if !word.swap(self.caller(caller), next) {
            return None;
        }
        self.disarm(facts);
        if let Some(old) = from.lane(facts.kind, || self.kind(facts.kind)) {
            self.unlist_from(old, caller, word, facts);
        }
        // Another topology may have overtaken this one, and have had the caller already.
        self.unlist_caller(caller, word, facts);
        if here.is_none() {
            return Some(facts);
        }
        let facts = Facts { ticket: NEVER, ..facts };
        self.caller_cell(caller).ticket.store(NEVER, Ordering::Relaxed);
        publish_caller(self, caller, moved, facts);
        None
    }

    pub fn move_agent(&mut self, agent: u32, word: AgentWord) {
        let moved = word.next(word.state);
        if word.swap(self.agent(agent), moved) {
            // As with callers.
            self.unlist_agent(agent, word);
            publish_agent(self, agent, moved);
        }
    }
}

impl Hall for Op<'_> {
    type Facts = Facts;

    fn caller(&self, caller: u32) -> &sync::AtomicU64 {
        &self.core.callers.at(caller).word
    }

    fn agent(&self, agent: u32) -> &sync::AtomicU64 {
        &self.core.agents.at(agent).word
    }

    fn facts(&self, caller: u32) -> Facts {
        let cell = self.caller_cell(caller);
        let (relaxed, number) = (Ordering::Relaxed, |of: &AtomicU32| of.load(Ordering::Relaxed));
        Facts {
            id: CallerId { index: caller, epoch: number(&cell.epoch) },
            tag: cell.tag.load(relaxed),
            kind: number(&cell.kind),
            queue: QueueId(number(&cell.queue) as u16),
            arrived: cell.arrived(),
            seq: cell.seq.load(relaxed),
            leave_by: cell.leave_by.load(relaxed),
            ticket: cell.ticket.load(relaxed),
            barred: cell.barred.load(relaxed),
            timer: (cell.timer_at.load(relaxed), number(&cell.timer_epoch)),
        }
    }

    fn place(&self, agent: u32) -> u64 {
        let place = self.agent_cell(agent).place.load(Ordering::Relaxed) & !FURTHER;
        if self.held(agent, None) > 0 { place | FURTHER } else { place }
    }

    fn remember_place(&mut self, agent: u32, place: u64) {
        self.agent_cell(agent).place.store(place, Ordering::Relaxed);
    }

    fn list_caller(&mut self, caller: u32, word: CallerWord, facts: Facts) {
        let (CallerState::Waiting { owner }, Some(lane)) = (word.state, self.lane(facts.kind)) else {
            return;
        };
        let key = self.key(caller, &facts, &lane);
        if let Some(owner) = owner {
            self.agent_cell(owner).owned.0.insert((key, word.epoch), ());
            return;
        }
        let ticket = match facts.ticket {
            NEVER => lane.tickets.draw(key),
            ticket => {
                lane.tickets.restore(ticket, key);
                ticket
            }
        };
        self.caller_cell(caller).ticket.store(ticket, Ordering::Relaxed);
        lane.line.insert((key, word.epoch), ticket);
    }

    fn list_agent(&mut self, agent: u32, word: AgentWord) {
        if let (Some(group), Some(idle)) = (self.floor.group(agent), Self::idle_entry(agent, word)) {
            let exceeded = self.floor.enter(group, idle);
            self.exceeded.extend(exceeded);
        }
    }

    fn unlist_agent(&mut self, agent: u32, word: AgentWord) {
        let Some(idle) = Self::idle_entry(agent, word) else { return };
        for floor in [Some(self.floor.clone()), self.floor_changed()].into_iter().flatten() {
            if let Some(group) = floor.group(agent) {
                floor.remove(group, &idle);
            }
        }
    }

    fn confirm_caller(&mut self, caller: u32, word: CallerWord, facts: Facts) {
        if CallerWord::load(self.caller(caller)) != word {
            self.unlist_caller(caller, word, facts);
        } else if let Some(newest) = self.floor_changed() {
            let old = std::mem::replace(&mut self.floor, newest);
            if let Some(facts) = self.move_caller(caller, word, self.facts(caller), &old) {
                self.count(facts.queue, false);
                self.depart(caller, facts, LeaveWhy::QueueRemoved);
            }
        }
    }

    fn confirm_agent(&mut self, agent: u32, word: AgentWord) {
        if AgentWord::load(self.agent(agent)) != word {
            self.unlist_agent(agent, word);
        } else if let Some(newest) = self.floor_changed() {
            self.floor = newest;
            self.move_agent(agent, word);
        } else if word.state.holds() {
            self.settle(agent, None);
        }
    }

    fn held(&self, agent: u32, but: Option<u32>) -> usize {
        let held = &self.agent_cell(agent).held;
        let lives = held.iter().filter(|entry| {
            let (caller, epoch) = *entry.key();
            let lives = CallerWord::load(self.caller(caller))
                == CallerWord { epoch, state: CallerState::Connected { agent } };
            if !lives {
                entry.remove();
            }
            lives && Some(caller) != but
        });
        lives.count()
    }

    fn list_held(&mut self, agent: u32, caller: u32, epoch: u32) {
        self.agent_cell(agent).held.get_or_insert((caller, epoch), ());
    }

    fn first_caller(&mut self, agent: u32) -> Option<(u32, u32)> {
        self.best_caller(agent)
    }

    fn first_agent(&mut self, caller: u32, word: CallerWord) -> Option<u32> {
        self.best_agent(caller, word)
    }

    fn taken(&mut self, caller: u32, word: CallerWord, facts: Facts) {
        self.unlist_caller(caller, word, facts);
        self.count(facts.queue, false);
        self.disarm(facts);
    }

    fn offered(&mut self, agent: u32, word: AgentWord, facts: Facts) {
        self.announce(agent, word.state);
        let id = self.agent_id(agent);
        let offer = OfferId { agent: id, epoch: word.epoch };
        self.emit(Event::Offered { offer, caller: facts.id, tag: facts.tag, queue: facts.queue, agent: id });
    }

    fn search_later(&mut self, agent: u32) {
        self.again.push(agent);
    }

    #[cfg(all(test, not(loom)))]
    fn pause(&mut self, at: Step) {
        if let Some(pause) = self.core.pause.get() {
            pause(at);
        }
    }
}

impl Core {
    /// The core's time: the latest that any operation was given.
    pub fn now(&self) -> Instant {
        Instant::from_micros(self.now.load(Ordering::Acquire))
    }

    pub(super) fn agent_id(&self, floor: &Floor, agent: u32) -> AgentId {
        match floor.ids.get(agent as usize) {
            Some(id) => *id,
            // A number given after this floor was laid.
            None => self.floor.load().ids.get(agent as usize).copied().unwrap_or(AgentId(u32::MAX)),
        }
    }
}

pub(super) fn public_state(state: AgentStep, of: &Agent, now: Instant) -> AgentState {
    match state {
        AgentStep::SignedOff => AgentState::SignedOff,
        AgentStep::Away(code) => AgentState::Away(reason(code)),
        state if state.holds() => AgentState::Talking,
        AgentStep::Idle { .. } => AgentState::Ready,
        AgentStep::Resting => {
            AgentState::Resting { until: Instant::from_micros(of.rest_until.load(Ordering::Relaxed)) }
        }
        AgentStep::Tentative { .. } | AgentStep::Offered { .. } => AgentState::Reserved,
        AgentStep::Talking { .. } | AgentStep::Holding { .. } => AgentState::Talking,
        AgentStep::WrapUp { until, .. } => AgentState::WrapUp { until: whole(until, now) },
    }
}

/// The deadline of which a word keeps the low bits: of all that have them the one nearest to now.
pub(super) fn whole(until: u64, now: Instant) -> Instant {
    let half = Duration::from_micros(UNTIL / 2);
    let earliest = (now - half).as_micros();
    Instant::from_micros(earliest + (until.wrapping_sub(earliest) & UNTIL))
}

/// Instead of a ticket for a caller whose place is not at the end.
pub(super) const AT_OLD_PLACE: u64 = AHEAD;
