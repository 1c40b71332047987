//! A caller in line is changed, or leaves the line for a while.

use super::cells::CallerState;
use super::explain::{Explanation, Scene, Seen};
use super::sequential::{Core, virtual_time};
use super::{CallerId, Change, Event, JoinError, Left, NotChanged, OwnerSkip, Sink, Withdrawn};
use crate::base::{AgentId, Instant};

impl Core {
    /// Another queue or another credit for a caller in line, whose arrival stays; an agent who is eligible now is
    /// offered in the same call.
    pub fn change(
        &mut self,
        now: Instant,
        id: CallerId,
        change: Change,
        s: &mut impl Sink,
    ) -> Result<(), NotChanged> {
        self.advance(now, s);
        let caller = self.callers.get(id).ok_or(NotChanged::Stale)?;
        match caller.state {
            CallerState::Waiting => {}
            CallerState::Parked => return Err(NotChanged::Parked),
            CallerState::Offered(agent) => return Err(NotChanged::Offered(agent)),
            CallerState::Connected(agent) => return Err(NotChanged::Connected(agent)),
        }
        let (before, queue) = (caller.queue, change.queue.unwrap_or(caller.queue));
        let (own_credit, extra) = (change.credit.or(caller.own_credit), caller.extra.clone());
        let moves = queue != before;
        let entry = self.index.queues.get(&queue).ok_or(NotChanged::Refused(JoinError::NoSuchQueue))?;
        if moves && entry.spec.closed {
            return Err(NotChanged::Refused(JoinError::Closed));
        }
        if moves && entry.spec.capacity.is_some_and(|capacity| entry.waiting >= capacity) {
            return Err(NotChanged::Refused(JoinError::Full));
        }
        let lane = self.index.lane(queue, &extra, own_credit);
        let lane = lane.ok_or(NotChanged::Refused(JoinError::NoSuchQueue))?;
        if moves && !self.is_staffed(lane) {
            return Err(NotChanged::Refused(JoinError::NoAgentsLoggedIn));
        }
        let credit = self.index.lanes[lane].key.credit();
        self.unlist(id);
        if moves {
            self.count(id, -1, s);
        }
        let waived_after = self.index.config.reserve_waived_after;
        let moments = &self.index.lanes[lane].moments;
        let Some(caller) = self.callers.get_mut(id) else { return Err(NotChanged::Stale) };
        let waited = self.now.since(caller.arrived);
        (caller.queue, caller.own_credit, caller.lane) = (queue, own_credit, lane);
        caller.key.v = virtual_time(caller.arrived, credit);
        caller.relaxed = moments.iter().take_while(|moment| **moment <= waited).count();
        caller.waived = waited >= waived_after;
        let skipped = if moves { caller.owner.take() } else { None };
        let tag = caller.tag;
        self.list(id);
        if moves {
            self.count(id, 1, s);
        }
        let position = self.position(id).unwrap_or(1);
        if let Some(caller) = self.callers.get_mut(id) {
            caller.joined_at = position;
        }
        s.emit(Event::Changed { caller: id, tag, queue, credit });
        if let Some((owner, _)) = skipped {
            s.emit(Event::OwnerSkipped { caller: id, tag, owner, why: OwnerSkip::Moved });
        }
        self.match_caller(id, s);
        Ok(())
    }

    /// Out of the line for a while, the place kept: offered to nobody until [`resume`](Core::resume). An offer under
    /// way is withdrawn and its agent freed at its old place. No deadline of the caller's runs meanwhile; whoever
    /// parks it sees to it that it comes back or leaves.
    pub fn park(&mut self, now: Instant, id: CallerId, s: &mut impl Sink) -> Left {
        self.advance(now, s);
        let Some(caller) = self.callers.get(id) else { return Left::Stale };
        match caller.state {
            CallerState::Connected(agent) => Left::TooLate(agent),
            CallerState::Parked => Left::Waiting,
            CallerState::Waiting => {
                self.take_from_line(id, s);
                self.put_aside(id, s);
                Left::Waiting
            }
            CallerState::Offered(agent) => {
                self.withdraw(agent, Withdrawn::CallerParked, s);
                self.put_aside(id, s);
                self.become_ready(agent, true, s);
                Left::WhileOffered(agent)
            }
        }
    }

    fn put_aside(&mut self, id: CallerId, s: &mut dyn Sink) {
        let Some(caller) = self.callers.get_mut(id) else { return };
        caller.state = CallerState::Parked;
        let (tag, skipped) = (caller.tag, caller.owner.take());
        self.arm_caller(id);
        s.emit(Event::Parked { caller: id, tag });
        if let Some((owner, _)) = skipped {
            s.emit(Event::OwnerSkipped { caller: id, tag, owner, why: OwnerSkip::Moved });
        }
    }

    /// Back in line at the old place, or offered in the same call; gone, if the longest wait has passed. `false`: no
    /// such caller is parked.
    pub fn resume(&mut self, now: Instant, id: CallerId, s: &mut impl Sink) -> bool {
        self.advance(now, s);
        let parked = self.callers.get_mut(id).filter(|caller| caller.state == CallerState::Parked);
        let Some(caller) = parked else { return false };
        if caller.leave_by.is_some_and(|by| by <= self.now) {
            self.depart(id, super::LeaveWhy::MaxWait, s);
            return true;
        }
        caller.state = CallerState::Waiting;
        let tag = caller.tag;
        self.put_in_line(id, s);
        s.emit(Event::Resumed { caller: id, tag });
        self.catch_up(id, s);
        self.match_caller(id, s);
        true
    }

    /// Who was considered for this caller, at most so many; see [`Explanation`]. `None`: no such caller.
    pub fn explain(&self, id: CallerId, most: usize) -> Option<Explanation> {
        let caller = self.callers.get(id)?;
        // Not the caller's lane: who is connected may have none under the present rules.
        let key = self.index.lane_key(caller.queue, &caller.extra, caller.own_credit)?;
        let design = self.index.design(&key)?;
        let chosen = match caller.state {
            CallerState::Offered(agent) | CallerState::Connected(agent) => Some(agent),
            CallerState::Waiting | CallerState::Parked => None,
        };
        let owner = caller.owner.map(|(owner, _)| owner).filter(|_| chosen.is_none());
        let waited = self.now.since(caller.arrived);
        let agent = |id: AgentId| {
            let agent = self.agents.get(&id)?;
            Some(Seen {
                state: agent.public_state(self.now),
                holds: agent.state == super::cells::State::Further,
                barred: caller.barred(id, self.now),
            })
        };
        let scene = Scene {
            index: &self.index,
            key: &key,
            choices: &design.choices,
            value: design.value,
            waited,
            owner,
            chosen,
            idle_in: &|pool| self.index.pools[pool].idle,
            reserve: &|pool| self.index.reserve(&self.index.pools[pool]),
            agent: &agent,
        };
        let (agents, more) = scene.agents(most);
        let (queue, credit, tag) = (caller.queue, key.credit(), caller.tag);
        Some(Explanation { caller: id, tag, queue, waited, credit, owner, chosen, agents, more })
    }
}
