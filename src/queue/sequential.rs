//! The core behind `&mut self`: one operation after the other. Lanes are sorted lists, groups are ordered
//! maps; an operation costs the logarithm of who waits plus the lanes and groups concerned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::cells::{AfterCall, Agent, Caller, CallerState, Callers, State};
use super::deadlines::Who;
use super::index::Index;
use super::line::{Key, Line};
use super::{
    AgentState, Away, AwayResult, CallerId, Deadline, Event, Join, JoinError, LeaveWhy, Left, OfferGone,
    OfferId, OwnerSkip, Refusal, RequeueWhy, Seized, Sink, Topology, Withdrawn,
};
use crate::base::{AgentId, Instant};

/// All waiting callers and all agents of one installation.
///
/// Every operation takes the time, carries out first what had become due by then (events of others may
/// therefore come out of any operation), and leaves no caller waiting beside an agent who is idle and
/// eligible. After each, [`next_deadline`](Core::next_deadline) says when to call [`tick`](Core::tick).
/// Time that runs backwards counts as standing still.
#[derive(Clone, Debug)]
pub struct Core {
    pub(super) now: Instant,
    pub(super) index: Index,
    pub(super) callers: Callers,
    pub(super) agents: BTreeMap<AgentId, Agent>,
    pub(super) timers: BTreeSet<(Instant, Who)>,
    pub(super) seq: u64,
}

impl Core {
    /// Nobody waits, everybody is signed off.
    pub fn new(now: Instant, topology: &Arc<Topology>) -> Self {
        let index = Index::new(topology);
        let agents = index.agents.iter().map(|(id, group)| (*id, Agent::new(*id, *group))).collect();
        Core { now, index, callers: Callers::default(), agents, timers: BTreeSet::new(), seq: 0 }
    }

    /// Begins to wait, or is offered to an idle agent in the same call.
    pub fn join(&mut self, now: Instant, join: Join, s: &mut impl Sink) -> Result<CallerId, JoinError> {
        self.advance(now, s);
        let now = self.now;
        let queue = self.index.queues.get(&join.queue).ok_or(JoinError::NoSuchQueue)?;
        if queue.spec.closed && !join.kept {
            return Err(JoinError::Closed);
        }
        if !join.kept && queue.spec.capacity.is_some_and(|capacity| queue.waiting >= capacity) {
            return Err(JoinError::Full);
        }
        let max_wait = join.max_wait.or(queue.spec.max_wait);
        let lane = self.index.lane(join.queue, &join.extra, join.credit).ok_or(JoinError::NoSuchQueue)?;
        let owner = join.owner.and_then(|o| self.agents.get(&o.agent).filter(|a| a.will_return()).map(|_| o));
        if owner.is_none() && !self.is_staffed(lane) {
            return Err(JoinError::NoAgentsLoggedIn);
        }
        let arrived = join.arrived.min(now);
        let waited = now.since(arrived);
        let seq = self.next_seq();
        let v = virtual_time(arrived, self.index.lanes[lane].key.credit());
        let relaxed = self.index.lanes[lane].moments.iter().take_while(|m| **m <= waited).count();
        let waived = waited >= self.index.config.reserve_waived_after;
        let id = self.callers.add(|id| Caller {
            id,
            tag: join.tag,
            queue: join.queue,
            extra: join.extra,
            own_credit: join.credit,
            arrived,
            key: Key { v, seq, index: id.index },
            lane,
            state: CallerState::Waiting,
            owner: owner.map(|o| (o.agent, now + o.hold)),
            leave_by: max_wait.map(|wait| now + wait),
            not_again: Vec::new(),
            relaxed,
            waived,
            joined_at: 0,
            timer: None,
        });
        self.put_in_line(id, s);
        let position = self.position(id).unwrap_or(1);
        if let Some(caller) = self.callers.get_mut(id) {
            caller.joined_at = position;
        }
        if let (Some(wish), None) = (join.owner, owner) {
            s.emit(Event::OwnerSkipped {
                caller: id,
                tag: join.tag,
                owner: wish.agent,
                why: OwnerSkip::Away,
            });
        }
        self.match_caller(id, s);
        // A longest wait or an owner's hold of zero ends here.
        self.advance(now, s);
        Ok(id)
    }

    /// The caller no longer waits. An offer under way is withdrawn and its agent freed at its old place.
    pub fn leave(&mut self, now: Instant, id: CallerId, why: LeaveWhy, s: &mut impl Sink) -> Left {
        self.advance(now, s);
        let Some(caller) = self.callers.get(id) else { return Left::Stale };
        match caller.state {
            CallerState::Connected(agent) => Left::TooLate(agent),
            CallerState::Waiting => {
                self.take_from_line(id, s);
                self.depart(id, why, s);
                Left::Waiting
            }
            CallerState::Parked => {
                self.depart(id, why, s);
                Left::Waiting
            }
            CallerState::Offered(agent) => {
                self.withdraw(agent, Withdrawn::CallerLeft(why), s);
                self.depart(id, why, s);
                self.become_ready(agent, true, s);
                Left::WhileOffered(agent)
            }
        }
    }

    /// Signed on, but not ready yet. `false`: not in the topology.
    pub fn agent_login(&mut self, now: Instant, id: AgentId, s: &mut impl Sink) -> bool {
        self.advance(now, s);
        let Some(agent) = self.agents.get_mut(&id) else { return false };
        if agent.state == State::SignedOff {
            agent.misses = 0;
            agent.rest_until = None;
            self.count_signed_on(id, 1);
            self.set_state(id, State::Away(Away::NotReady), s);
        } else if agent.after_call == AfterCall::SignOff && agent.group.is_some() {
            agent.after_call = AfterCall::Stays;
        }
        true
    }

    pub fn agent_logout(&mut self, now: Instant, id: AgentId, s: &mut impl Sink) -> AwayResult {
        self.advance(now, s);
        self.stop(id, AfterCall::SignOff, s)
    }

    /// Free for callers. Ends a wrap-up early, takes back a wish to be away after the call, forgets unanswered
    /// offers. `false`: not signed on.
    pub fn agent_ready(&mut self, now: Instant, id: AgentId, s: &mut impl Sink) -> bool {
        self.advance(now, s);
        let Some(agent) = self.agents.get_mut(&id) else { return false };
        agent.misses = 0;
        match agent.state {
            State::SignedOff => return false,
            State::Away(_) | State::WrapUp(_) => {
                agent.rest_until = None;
                self.become_ready(id, false, s);
            }
            State::Talking(_) | State::Holding if agent.group.is_some() => {
                agent.after_call = AfterCall::Stays;
            }
            State::Ready if agent.rest_until.take().is_some_and(|until| until > self.now) => {
                self.rested(id, s);
            }
            State::Ready | State::Reserved(_) | State::Talking(_) | State::Further | State::Holding => {}
        }
        true
    }

    /// No more callers, at once or, when talking, after the call. An offer under way is withdrawn.
    pub fn agent_away(&mut self, now: Instant, id: AgentId, why: Away, s: &mut impl Sink) -> AwayResult {
        self.advance(now, s);
        self.stop(id, AfterCall::Away(why), s)
    }

    /// The agent is in a call that comes from no queue. Ends with [`call_ended`](Core::call_ended); who was
    /// away is away again then.
    pub fn agent_seize(&mut self, now: Instant, id: AgentId, s: &mut impl Sink) -> Seized {
        self.advance(now, s);
        let Some(agent) = self.agents.get_mut(&id) else { return Seized::SignedOff };
        match agent.state {
            State::SignedOff => return Seized::SignedOff,
            State::Reserved(_) | State::Talking(_) | State::Further | State::Holding => {
                return Seized::Busy;
            }
            State::Away(why) => agent.after_call = AfterCall::Away(why),
            State::Ready | State::WrapUp(_) => {}
        }
        self.take_from_idle(id);
        self.set_state(id, State::Talking(None), s);
        self.arm_agent(id);
        Seized::Yes
    }

    /// The agent has the caller. From here on the caller leaves by [`call_ended`](Core::call_ended).
    pub fn offer_accepted(
        &mut self,
        now: Instant,
        o: OfferId,
        s: &mut impl Sink,
    ) -> Result<CallerId, OfferGone> {
        self.advance(now, s);
        let id = self.offered(o).ok_or(OfferGone)?;
        let caller = self.callers.get_mut(id).ok_or(OfferGone)?;
        let waited = self.now.since(caller.arrived);
        caller.state = CallerState::Connected(o.agent);
        let (tag, lane) = (caller.tag, caller.lane);
        self.index.lanes[lane].last_served = Some((waited, self.now));
        if let Some(agent) = self.agents.get_mut(&o.agent) {
            agent.misses = 0;
        }
        self.set_state(o.agent, State::Talking(Some(id)), s);
        s.emit(Event::Connected { caller: id, tag, agent: o.agent, waited });
        Ok(id)
    }

    /// The agent does not take the caller, who goes back to its old place, and rests for a while: not even a "ready" before
    /// its end brings the same caller back. `false`: the offer had ended already.
    pub fn offer_refused(&mut self, now: Instant, o: OfferId, refusal: Refusal, s: &mut impl Sink) -> bool {
        self.advance(now, s);
        let now = self.now;
        let Some(id) = self.offered(o) else { return false };
        let config = &self.index.config;
        let (rest, missed) = config.rest_after(refusal);
        let limit = config.no_answers;
        if let Some(caller) = self.callers.get_mut(id) {
            caller.not_again.retain(|(agent, until)| *agent != o.agent && *until > now);
            caller.not_again.push((o.agent, now + rest));
        }
        self.requeue(id, Some(OwnerSkip::Refused), RequeueWhy::Refused(refusal), s);
        let Some(agent) = self.agents.get_mut(&o.agent) else { return true };
        if !agent.held.is_empty() {
            // Somebody who talks already need not take more.
            self.set_state(o.agent, State::Holding, s);
            self.match_caller(id, s);
            return true;
        }
        if missed {
            agent.misses += 1;
        } else if refusal == Refusal::Rejected {
            // Somebody is there.
            agent.misses = 0;
        }
        agent.rest_until = Some(now + rest);
        if agent.misses >= limit {
            self.put_away(o.agent, State::Away(Away::NoAnswer), s);
        } else {
            self.become_ready(o.agent, false, s);
        }
        self.match_caller(id, s);
        true
    }

    /// The agent's call is over: wrap-up for this long (`None`: as the caller's queue says), then ready, or
    /// away or signed off at once where that was wished. `false`: the agent was not talking.
    pub fn call_ended(
        &mut self,
        now: Instant,
        id: AgentId,
        wrap: Option<Duration>,
        s: &mut impl Sink,
    ) -> bool {
        self.advance(now, s);
        let State::Talking(caller) = self.agent_step(id) else { return false };
        self.end_talk(id, caller, wrap, s);
        true
    }

    /// The same of an agent who may have several calls: the one whose caller has this tag is over. Paperwork and wishes
    /// wait for the last one. A call from no queue ends by any tag.
    pub fn talk_ended(
        &mut self,
        now: Instant,
        id: AgentId,
        tag: u64,
        wrap: Option<Duration>,
        s: &mut impl Sink,
    ) -> bool {
        self.advance(now, s);
        let Some(agent) = self.agents.get(&id) else { return false };
        let is_meant = |caller: &CallerId| self.callers.get(*caller).is_some_and(|c| c.tag == tag);
        if let State::Talking(caller) = agent.state
            && (agent.held.is_empty() || caller.is_none_or(|caller| is_meant(&caller)))
        {
            self.end_talk(id, caller, wrap, s);
            return true;
        }
        let Some(over) = agent.held.iter().position(is_meant) else { return false };
        let caller = self.agents.get_mut(&id).map(|agent| agent.held.remove(over));
        let wrap = self.forget_talk(caller, wrap);
        self.settle(id, wrap, s);
        true
    }

    /// Every call of the agent's is on hold, or not any more. Where there is room, a further caller may be offered
    /// meanwhile. `false`: nothing follows from it.
    pub fn agent_holds(&mut self, now: Instant, id: AgentId, holds: bool, s: &mut impl Sink) -> bool {
        self.advance(now, s);
        let room = self.index.calls_at_once(id);
        let (seq, now) = (self.next_seq(), self.now);
        let Some(agent) = self.agents.get_mut(&id).filter(|a| a.after_call == AfterCall::Stays) else {
            return false;
        };
        match agent.state {
            State::Further if !holds => {
                self.take_from_idle(id);
                self.set_quietly(id, State::Holding);
                return true;
            }
            State::Talking(Some(caller)) if holds && agent.held.len() + 1 < room => {
                agent.held.push(caller);
            }
            State::Holding if holds && agent.held.len() < room => {}
            _ => return false,
        }
        agent.idle = (true, now, seq);
        self.set_quietly(id, State::Further);
        self.put_to_idle(id, s);
        true
    }

    fn agent_step(&self, id: AgentId) -> State {
        self.agents.get(&id).map_or(State::SignedOff, |agent| agent.state)
    }

    fn end_talk(&mut self, id: AgentId, caller: Option<CallerId>, wrap: Option<Duration>, s: &mut impl Sink) {
        let wrap = self.forget_talk(caller, wrap);
        self.set_quietly(id, State::Holding);
        self.settle(id, wrap, s);
    }

    /// The caller has gone. For how long its agent wraps up.
    fn forget_talk(&mut self, caller: Option<CallerId>, wrap: Option<Duration>) -> Option<Duration> {
        let queue = caller.and_then(|c| self.callers.remove(c)).map(|c| c.queue);
        wrap.or_else(|| queue.and_then(|q| self.index.queues.get(&q)).map(|q| q.spec.wrap_up))
    }

    /// A talk is over: perhaps it was the last.
    fn settle(&mut self, id: AgentId, wrap: Option<Duration>, s: &mut impl Sink) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if !agent.held.is_empty() || !matches!(agent.state, State::Further | State::Holding) {
            return;
        }
        agent.extended = false;
        let after_call = std::mem::replace(&mut agent.after_call, AfterCall::Stays);
        self.take_from_idle(id);
        match (after_call, wrap.filter(|wrap| !wrap.is_zero())) {
            (AfterCall::Away(why), _) => self.put_away(id, State::Away(why), s),
            (AfterCall::SignOff, _) => self.put_away(id, State::SignedOff, s),
            (AfterCall::Stays, Some(wrap)) => {
                self.set_state(id, State::WrapUp(self.now + wrap), s);
                self.arm_agent(id);
            }
            (AfterCall::Stays, None) => self.become_ready(id, false, s),
        }
    }

    /// More time for the paperwork, once per wrap-up. The new deadline; `None` where there is no wrap-up or it
    /// was extended before.
    pub fn wrap_up_extend(&mut self, now: Instant, id: AgentId, s: &mut impl Sink) -> Option<Instant> {
        self.advance(now, s);
        let agent = self.agents.get_mut(&id).filter(|a| !a.extended)?;
        let State::WrapUp(until) = &mut agent.state else { return None };
        *until += self.index.config.wrap_up_extension;
        agent.extended = true;
        let until = *until;
        s.emit(Event::AgentState { agent: id, state: AgentState::WrapUp { until } });
        self.arm_agent(id);
        Some(until)
    }

    /// Carries out what is due, and says what is due next.
    pub fn tick(&mut self, now: Instant, s: &mut impl Sink) -> Option<(Instant, Deadline)> {
        self.advance(now, s);
        self.next_deadline()
    }

    /// New rules for everybody, those who wait included; offers and talks go on. Who waits in a queue that is
    /// gone leaves; agents who are gone are signed off, when talking after the call.
    pub fn reconfigure(&mut self, now: Instant, topology: &Arc<Topology>, s: &mut impl Sink) {
        self.advance(now, s);
        let old = std::mem::replace(&mut self.index, Index::new(topology));
        self.index.inherit(&old);
        let homeless = self.move_callers();
        let gone = self.move_agents();
        for id in homeless {
            let Some(caller) = self.callers.get(id) else { continue };
            let offered = match caller.state {
                CallerState::Offered(agent) => Some(agent),
                _ => None,
            };
            if let Some(agent) = offered {
                self.withdraw(agent, Withdrawn::CallerLeft(LeaveWhy::QueueRemoved), s);
            }
            self.depart(id, LeaveWhy::QueueRemoved, s);
            if let Some(agent) = offered {
                self.become_ready(agent, true, s);
            }
        }
        for id in gone {
            if self.stop(id, AfterCall::SignOff, s) == AwayResult::SignedOff {
                self.agents.remove(&id);
            }
        }
        self.match_all(s);
    }

    /// Gives every caller its lane in the new index. Returns those whose queue is gone, who are in no line.
    fn move_callers(&mut self) -> Vec<CallerId> {
        for agent in self.agents.values_mut() {
            agent.owned = Line::default();
        }
        let ids: Vec<_> = self.callers.iter().map(|c| c.id).collect();
        let mut homeless = Vec::new();
        for id in ids {
            let Some(caller) = self.callers.get_mut(id) else { continue };
            if let CallerState::Connected(_) = caller.state {
                continue;
            }
            let Some(lane) = self.index.lane(caller.queue, &caller.extra, caller.own_credit) else {
                homeless.push(id);
                continue;
            };
            caller.lane = lane;
            caller.key.v = virtual_time(caller.arrived, self.index.lanes[lane].key.credit());
            let waited = self.now.since(caller.arrived);
            caller.relaxed = self.index.lanes[lane].moments.iter().take_while(|m| **m <= waited).count();
            caller.waived = waited >= self.index.config.reserve_waived_after;
            if caller.state == CallerState::Waiting {
                self.put_in_line(id, &mut Vec::new());
            }
        }
        homeless
    }

    /// Gives every agent its group. Returns those who are gone.
    fn move_agents(&mut self) -> Vec<AgentId> {
        for (id, group) in &self.index.agents {
            self.agents.entry(*id).or_insert_with(|| Agent::new(*id, *group)).group = Some(*group);
        }
        let ids: Vec<_> = self.agents.keys().copied().collect();
        let mut gone = Vec::new();
        for id in ids {
            let group = self.index.agents.get(&id).copied();
            let Some(agent) = self.agents.get_mut(&id) else { continue };
            agent.group = group;
            let Some(group) = group else {
                gone.push(id);
                continue;
            };
            let (idle, place) = (agent.is_idle(self.now), agent.idle);
            if agent.state != State::SignedOff {
                self.count_signed_on(id, 1);
            }
            if idle {
                self.index.groups[group].idle.insert(place, id);
                for &pool in self.index.groups[group].pools.iter().filter(|_| !place.0) {
                    self.index.pools[pool].idle += 1;
                }
            }
        }
        gone
    }

    /// Away or signed off, now or after the call.
    fn stop(&mut self, id: AgentId, how: AfterCall, s: &mut dyn Sink) -> AwayResult {
        let Some(agent) = self.agents.get_mut(&id) else { return AwayResult::SignedOff };
        let (state, withdrawn, why) = match how {
            AfterCall::Away(why) => (State::Away(why), Withdrawn::AgentAway, RequeueWhy::AgentAway),
            _ => (State::SignedOff, Withdrawn::AgentSignedOff, RequeueWhy::AgentSignedOff),
        };
        let holds = !agent.held.is_empty();
        match agent.state {
            State::SignedOff => return AwayResult::SignedOff,
            State::Talking(_) | State::Further | State::Holding => {
                // A sign-off that the topology demands is not softened to being away.
                if agent.group.is_some() || how == AfterCall::SignOff {
                    agent.after_call = how;
                }
                if agent.state == State::Further {
                    self.take_from_idle(id);
                    self.set_quietly(id, State::Holding);
                }
                self.skip_owner(id, OwnerSkip::Away, s);
                return AwayResult::AfterCall;
            }
            State::Reserved(caller) if holds => {
                if agent.group.is_some() || how == AfterCall::SignOff {
                    agent.after_call = how;
                }
                self.withdraw(id, withdrawn, s);
                self.requeue(caller, Some(OwnerSkip::Away), why, s);
                self.set_state(id, State::Holding, s);
                self.skip_owner(id, OwnerSkip::Away, s);
                self.match_caller(caller, s);
                return AwayResult::AfterCall;
            }
            State::Reserved(caller) => {
                self.withdraw(id, withdrawn, s);
                self.requeue(caller, Some(OwnerSkip::Away), why, s);
                self.put_away(id, state, s);
                self.match_caller(caller, s);
            }
            State::Ready | State::Away(_) | State::WrapUp(_) => self.put_away(id, state, s),
        }
        AwayResult::Now
    }

    /// Out of everybody's reach.
    fn put_away(&mut self, id: AgentId, state: State, s: &mut dyn Sink) {
        self.take_from_idle(id);
        self.set_state(id, state, s);
        self.arm_agent(id);
        if state == State::SignedOff {
            self.count_signed_on(id, -1);
        }
        self.skip_owner(id, OwnerSkip::Away, s);
        if state == State::SignedOff {
            self.signed_off(id, s);
        }
    }

    fn signed_off(&mut self, id: AgentId, s: &mut dyn Sink) {
        let Some(agent) = self.agents.get(&id) else { return };
        let Some(group) = agent.group else {
            self.agents.remove(&id);
            return;
        };
        // Fewer signed on means a smaller reserve.
        for pool in self.index.groups[group].pools.clone() {
            if self.index.pools[pool].idle > self.index.reserve(&self.index.pools[pool]) {
                self.match_pool(pool, s);
            }
        }
    }

    fn count_signed_on(&mut self, id: AgentId, by: i32) {
        let Some(group) = self.agents.get(&id).and_then(|a| a.group) else { return };
        let group = &mut self.index.groups[group];
        group.signed_on = group.signed_on.saturating_add_signed(by);
        for &pool in &group.pools {
            let pool = &mut self.index.pools[pool];
            pool.signed_on = pool.signed_on.saturating_add_signed(by);
        }
    }

    pub(super) fn is_staffed(&self, lane: usize) -> bool {
        self.index.lanes[lane].choices.iter().any(|c| self.index.groups[c.group].signed_on > 0)
    }

    pub(super) fn withdraw(&mut self, agent: AgentId, why: Withdrawn, s: &mut dyn Sink) {
        let Some(agent) = self.agents.get(&agent) else { return };
        let State::Reserved(caller) = agent.state else { return };
        let tag = self.callers.get(caller).map_or(0, |c| c.tag);
        s.emit(Event::OfferWithdrawn { offer: agent.offer(), tag, why });
    }

    fn offered(&self, o: OfferId) -> Option<CallerId> {
        let agent = self.agents.get(&o.agent).filter(|a| a.epoch == o.epoch)?;
        match agent.state {
            State::Reserved(caller) => Some(caller),
            _ => None,
        }
    }

    pub(super) fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }
}

pub(super) fn virtual_time(arrived: Instant, credit: Duration) -> i64 {
    let credit = i64::try_from(credit.as_micros()).unwrap_or(i64::MAX);
    i64::try_from(arrived.as_micros()).unwrap_or(i64::MAX).saturating_sub(credit)
}
