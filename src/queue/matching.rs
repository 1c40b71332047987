//! Who is offered to whom, and the bookkeeping that an offer and its end need.
//!
//! The rule that makes polling unnecessary: every step that can turn an ineligible pair eligible ends with a
//! search covering that pair. Such steps are a caller that begins to wait or becomes content with less
//! ([`Core::match_caller`]), an agent that becomes idle ([`Core::match_agent`]), and a reserve that is
//! exceeded because its pool grew or the reserve shrank ([`Core::match_pool`]).

use super::cells::{Caller, CallerState, State};
use super::index::{Choice, Place, Reach};
use super::line::{Key, Line};
use super::sequential::Core;
use super::{CallerId, Event, LeaveWhy, OwnerSkip, RequeueWhy, Sink};
use crate::base::AgentId;

impl Core {
    /// Offers the caller to the best agent who is eligible now, unless it has ceased to wait. An agent found
    /// takes whoever is first for it, so that nobody is passed over; hence the loop.
    pub(super) fn match_caller(&mut self, caller: CallerId, s: &mut dyn Sink) {
        while let Some(waiting) = self.callers.get(caller).filter(|c| c.state == CallerState::Waiting) {
            let Some(agent) = self.best_agent(waiting) else { break };
            let first = self.best_caller(agent).unwrap_or(caller);
            self.offer(first, agent, s);
        }
        self.arm_caller(caller);
    }

    /// After the agent has become idle.
    pub(super) fn match_agent(&mut self, agent: AgentId, s: &mut dyn Sink) {
        if let Some(caller) = self.best_caller(agent) {
            self.offer(caller, agent, s);
            return;
        }
        let Some(group) = self.agents.get(&agent).and_then(|a| a.group) else { return };
        // One more idle agent in a pool frees the others for callers of lower value, at this very count.
        for pool in self.index.groups[group].pools.clone() {
            let idle = self.index.pools[pool].idle;
            if idle == self.index.reserve(&self.index.pools[pool]) + 1 {
                self.match_pool(pool, s);
            }
        }
    }

    /// After the pool's idle agents have come to exceed its reserve.
    pub(super) fn match_pool(&mut self, pool: usize, s: &mut dyn Sink) {
        for group in self.index.pools[pool].groups.clone() {
            let idle: Vec<_> = self.index.groups[group].idle.values().copied().collect();
            for agent in idle {
                if !self.has_work(group) {
                    break;
                }
                // The caller chooses among all its agents: it need not be this one.
                while let Some(caller) = self.best_caller(agent) {
                    self.match_caller(caller, s);
                }
            }
        }
    }

    /// Every waiting caller in order: when everything may have changed.
    pub(super) fn match_all(&mut self, s: &mut dyn Sink) {
        let mut waiting: Vec<_> = self.waiting().map(|c| (c.key, c.id)).collect();
        waiting.sort_unstable();
        for (_, caller) in waiting {
            self.match_caller(caller, s);
        }
    }

    pub(super) fn waiting(&self) -> impl Iterator<Item = &Caller> {
        self.callers.iter().filter(|c| c.state == CallerState::Waiting)
    }

    /// The caller whom this agent, if idle, is offered next: of its own callers the first, else of all lanes
    /// in reach the eligible one with the smallest key. Its own go first because nobody else will take them.
    fn best_caller(&self, id: AgentId) -> Option<CallerId> {
        let agent = self.agents.get(&id).filter(|a| a.is_idle(self.now))?;
        let takes = |key: Key| self.callers.at(key.index).filter(|c| !c.barred(id, self.now));
        if let Some(own) = agent.owned.iter().find_map(takes) {
            return Some(own.id);
        }
        let group = agent.group?;
        let mut best: Option<&Caller> = None;
        for (lane, line) in self.lanes_with_work(group) {
            // Who comes later in a lane has waited less: the first one out of reach ends the search.
            let in_reach = line.iter().take_while(|key| {
                best.is_none_or(|best| *key < best.key) && self.in_reach(lane, group, key.index)
            });
            best = in_reach.into_iter().find_map(takes).or(best);
        }
        best.map(|caller| caller.id)
    }

    /// Whether any caller is eligible for the group, bars between single callers and agents aside.
    fn has_work(&self, group: usize) -> bool {
        self.lanes_with_work(group)
            .any(|(lane, line)| line.first().is_some_and(|head| self.in_reach(lane, group, head.index)))
    }

    fn lanes_with_work(&self, group: usize) -> impl Iterator<Item = (&Reach, &Line)> {
        let lanes = self.index.groups[group].lanes.iter();
        lanes.map(|lane| (lane, &self.index.lanes[lane.lane].line)).filter(|(_, line)| !line.is_empty())
    }

    fn in_reach(&self, lane: &Reach, group: usize, caller: u32) -> bool {
        let Some(caller) = self.callers.at(caller) else { return false };
        let waited = self.now.since(caller.arrived);
        waited >= lane.after
            && (waited >= self.index.config.reserve_waived_after
                || self.index.reserve_allows(self.index.lanes[lane.lane].value, group))
    }

    /// The agent whom this waiting caller is offered to now.
    fn best_agent(&self, caller: &Caller) -> Option<AgentId> {
        if let Some((owner, _)) = caller.owner {
            let owner = self.agents.get(&owner)?;
            let takes = owner.is_idle(self.now) && !caller.barred(owner.id, self.now);
            return takes.then_some(owner.id);
        }
        let mut further = None;
        for equals in self.index.lanes[caller.lane].choices.chunk_by(|a, b| a.rank == b.rank) {
            let longest = equals.iter().filter_map(|choice| self.idle_longest(caller, choice)).min();
            match longest {
                Some(((false, ..), agent)) => return Some(agent),
                // Only where everybody in reach has somebody on hold.
                found => further = further.or(found),
            }
        }
        further.map(|(_, agent)| agent)
    }

    fn idle_longest(&self, caller: &Caller, choice: &Choice) -> Option<(Place, AgentId)> {
        let group = &self.index.groups[choice.group];
        let lane = Reach { lane: caller.lane, after: choice.after };
        if group.idle.is_empty() || !self.in_reach(&lane, choice.group, caller.id.index) {
            return None;
        }
        let mut idle = group.idle.iter();
        idle.find(|(_, agent)| !caller.barred(**agent, self.now)).map(|(place, agent)| (*place, *agent))
    }

    fn offer(&mut self, id: CallerId, to: AgentId, s: &mut dyn Sink) {
        self.take_from_line(id, s);
        self.take_from_idle(to);
        // Not counted per agent: one who was dropped and comes back must not take up old numbers.
        let epoch = self.next_seq() as u32;
        let (Some(caller), Some(agent)) = (self.callers.get_mut(id), self.agents.get_mut(&to)) else {
            return;
        };
        caller.state = CallerState::Offered(to);
        agent.epoch = epoch;
        let (tag, queue, offer) = (caller.tag, caller.queue, agent.offer());
        self.arm_caller(id);
        self.set_state(to, State::Reserved(id), s);
        s.emit(Event::Offered { offer, caller: id, tag, queue, agent: to });
    }

    /// Puts an offered caller back where it came from, or lets it go if its longest wait has passed. Does
    /// not look for another agent yet: the one who gave it back must have moved on first.
    pub(super) fn requeue(
        &mut self,
        id: CallerId,
        skip: Option<OwnerSkip>,
        why: RequeueWhy,
        s: &mut dyn Sink,
    ) {
        let Some(caller) = self.callers.get_mut(id) else { return };
        if caller.leave_by.is_some_and(|by| by <= self.now) {
            self.depart(id, LeaveWhy::MaxWait, s);
            return;
        }
        caller.state = CallerState::Waiting;
        let tag = caller.tag;
        let hold_ended = caller.owner.is_some_and(|(_, until)| until <= self.now);
        let skip = skip.or(hold_ended.then_some(OwnerSkip::HoldEnded));
        let skipped = if skip.is_some() { caller.owner.take() } else { None };
        self.put_in_line(id, s);
        s.emit(Event::Requeued { caller: id, tag, why });
        if let (Some((owner, _)), Some(why)) = (skipped, skip) {
            s.emit(Event::OwnerSkipped { caller: id, tag, owner, why });
        }
        self.catch_up(id, s);
    }

    /// Frees the caller's cell. Whoever had the caller must have let go of it.
    pub(super) fn depart(&mut self, id: CallerId, why: LeaveWhy, s: &mut dyn Sink) {
        self.disarm_caller(id);
        let Some(caller) = self.callers.remove(id) else { return };
        s.emit(Event::Left { caller: id, tag: caller.tag, why, waited: self.now.since(caller.arrived) });
    }

    /// Moves everybody who waits for this agent alone to the general lanes, at the same place in the order.
    pub(super) fn skip_owner(&mut self, owner: AgentId, why: OwnerSkip, s: &mut dyn Sink) {
        let Some(agent) = self.agents.get(&owner) else { return };
        let own: Vec<_> =
            agent.owned.iter().filter_map(|key| self.callers.at(key.index)).map(|c| c.id).collect();
        for &caller in &own {
            self.leave_owner(caller, why, s);
        }
        for caller in own {
            self.match_caller(caller, s);
        }
    }

    /// From the owner's line to the general lane. The queue's depth stays the same.
    pub(super) fn leave_owner(&mut self, id: CallerId, why: OwnerSkip, s: &mut dyn Sink) {
        let Some(caller) = self.callers.get_mut(id) else { return };
        let Some((owner, _)) = caller.owner.take() else { return };
        let (key, lane, tag) = (caller.key, caller.lane, caller.tag);
        if let Some(agent) = self.agents.get_mut(&owner) {
            agent.owned.remove(key);
        }
        self.index.lanes[lane].line.insert(key);
        s.emit(Event::OwnerSkipped { caller: id, tag, owner, why });
    }

    pub(super) fn put_in_line(&mut self, id: CallerId, s: &mut dyn Sink) {
        if self.list(id) {
            self.count(id, 1, s);
        }
    }

    pub(super) fn list(&mut self, id: CallerId) -> bool {
        self.line_of(id).map(|(line, key)| line.insert(key)).is_some()
    }

    pub(super) fn unlist(&mut self, id: CallerId) -> bool {
        self.line_of(id).map(|(line, key)| line.remove(key)).is_some()
    }

    pub(super) fn take_from_line(&mut self, id: CallerId, s: &mut dyn Sink) {
        if self.unlist(id) {
            self.count(id, -1, s);
        }
    }

    fn line_of(&mut self, id: CallerId) -> Option<(&mut Line, Key)> {
        let caller = self.callers.get(id)?;
        let line = match caller.owner {
            Some((owner, _)) => &mut self.agents.get_mut(&owner)?.owned,
            None => &mut self.index.lanes[caller.lane].line,
        };
        Some((line, caller.key))
    }

    pub(super) fn count(&mut self, id: CallerId, by: i32, s: &mut dyn Sink) {
        let Some(caller) = self.callers.get(id) else { return };
        let Some(queue) = self.index.queues.get_mut(&caller.queue) else { return };
        queue.waiting = queue.waiting.saturating_add_signed(by);
        s.emit(Event::QueueDepth { queue: caller.queue, waiting: queue.waiting });
    }

    /// The agent is ready; idle at once unless it rests. With `keep_place` it is as if it had never
    /// been taken.
    pub(super) fn become_ready(&mut self, id: AgentId, keep_place: bool, s: &mut dyn Sink) {
        let seq = self.next_seq();
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if !keep_place {
            agent.idle = (false, self.now, seq);
        }
        agent.idle.0 = !agent.held.is_empty();
        let state = if agent.idle.0 { State::Further } else { State::Ready };
        self.set_state(id, state, s);
        self.arm_agent(id);
        self.put_to_idle(id, s);
    }

    /// Who rested is idle; its place is where it was.
    pub(super) fn rested(&mut self, id: AgentId, s: &mut dyn Sink) {
        self.set_state(id, State::Ready, s);
        self.arm_agent(id);
        self.put_to_idle(id, s);
    }

    pub(super) fn put_to_idle(&mut self, id: AgentId, s: &mut dyn Sink) {
        let Some(agent) = self.agents.get(&id).filter(|a| a.is_idle(self.now)) else { return };
        if let Some(group) = agent.group {
            self.index.groups[group].idle.insert(agent.idle, id);
            // Who has somebody on hold is no reserve for anybody.
            for &pool in self.index.groups[group].pools.iter().filter(|_| !agent.idle.0) {
                self.index.pools[pool].idle += 1;
            }
        }
        self.match_agent(id, s);
    }

    /// Harmless for an agent who is not idle.
    pub(super) fn take_from_idle(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else { return };
        let Some(group) = agent.group else { return };
        if self.index.groups[group].idle.remove(&agent.idle).is_some() {
            for &pool in self.index.groups[group].pools.iter().filter(|_| !agent.idle.0) {
                self.index.pools[pool].idle -= 1;
            }
        }
    }

    /// Where nobody outside sees a difference.
    pub(super) fn set_quietly(&mut self, id: AgentId, state: State) {
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.state = state;
        }
    }

    pub(super) fn set_state(&mut self, id: AgentId, state: State, s: &mut dyn Sink) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.state = state;
        agent.since = self.now;
        s.emit(Event::AgentState { agent: id, state: agent.public_state(self.now) });
    }
}
