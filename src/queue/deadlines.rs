//! The core's timers: at most one per caller and per agent, always the next thing that is due.

use super::cells::{Caller, CallerState, State};
use super::sequential::Core;
use super::{CallerId, Deadline, Event, LeaveWhy, OwnerSkip, Sink};
use crate::base::{AgentId, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Agent(AgentId),
    Caller(CallerId),
}

impl Core {
    /// Carries out whatever is due by then, each thing at its own time: a late tick changes nothing. Every
    /// operation begins with it.
    pub(super) fn advance(&mut self, now: Instant, s: &mut dyn Sink) {
        while let Some(&(at, who)) = self.timers.first() {
            if at > now {
                break;
            }
            self.timers.pop_first();
            self.now = self.now.max(at);
            match who {
                Who::Agent(id) => {
                    let due = self.agents.get_mut(&id).and_then(|a| a.timer.take());
                    match due {
                        Some((_, Deadline::WrapUp)) => self.become_ready(id, false, s),
                        Some(_) => self.rested(id, s),
                        None => {}
                    }
                }
                Who::Caller(id) => {
                    if let Some(caller) = self.callers.get_mut(id) {
                        caller.timer = None;
                    }
                    self.caller_due(id, s);
                }
            }
        }
        self.now = self.now.max(now);
    }

    fn caller_due(&mut self, id: CallerId, s: &mut dyn Sink) {
        let now = self.now;
        let Some(caller) = self.callers.get_mut(id).filter(|c| c.state == CallerState::Waiting) else {
            return;
        };
        if caller.leave_by.is_some_and(|by| by <= now) {
            self.take_from_line(id, s);
            self.depart(id, LeaveWhy::MaxWait, s);
            return;
        }
        if caller.owner.is_some_and(|(_, until)| until <= now) {
            self.leave_owner(id, OwnerSkip::HoldEnded, s);
        }
        self.catch_up(id, s);
        self.match_caller(id, s);
    }

    /// Marks what the caller's wait has brought it by now, so that no deadline of its lies in the past.
    pub(super) fn catch_up(&mut self, id: CallerId, s: &mut dyn Sink) {
        let now = self.now;
        let Some(caller) = self.callers.get_mut(id) else { return };
        let waited = now.since(caller.arrived);
        caller.not_again.retain(|(_, until)| *until > now);
        caller.waived |= waited >= self.index.config.reserve_waived_after;
        let reached = self.index.lanes[caller.lane].moments.iter().take_while(|m| **m <= waited).count();
        for step in caller.relaxed..reached {
            let tier = u8::try_from(step + 1).unwrap_or(u8::MAX);
            s.emit(Event::Relaxed { caller: id, tag: caller.tag, tier });
        }
        caller.relaxed = caller.relaxed.max(reached);
    }

    /// When to call [`tick`](Core::tick) next, and what for.
    pub fn next_deadline(&self) -> Option<(Instant, Deadline)> {
        let (at, who) = self.timers.first()?;
        let timer = match who {
            Who::Agent(id) => self.agents.get(id)?.timer,
            Who::Caller(id) => self.callers.get(*id)?.timer,
        };
        timer.map(|(_, deadline)| (*at, deadline))
    }

    /// After anything that a caller's deadlines depend on. Only waiting callers have any: an offer that
    /// rings is not taken away because the longest wait ends meanwhile.
    pub(super) fn arm_caller(&mut self, id: CallerId) {
        let next = self.callers.get(id).and_then(|c| self.caller_deadline(c));
        let Some(caller) = self.callers.get_mut(id) else { return };
        if caller.timer == next {
            return;
        }
        if let Some((at, _)) = std::mem::replace(&mut caller.timer, next) {
            self.timers.remove(&(at, Who::Caller(id)));
        }
        if let Some((at, _)) = next {
            self.timers.insert((at, Who::Caller(id)));
        }
    }

    pub(super) fn disarm_caller(&mut self, id: CallerId) {
        if let Some((at, _)) = self.callers.get_mut(id).and_then(|c| c.timer.take()) {
            self.timers.remove(&(at, Who::Caller(id)));
        }
    }

    pub(super) fn caller_deadline(&self, caller: &Caller) -> Option<(Instant, Deadline)> {
        if caller.state != CallerState::Waiting {
            return None;
        }
        let lane = self.index.lanes.get(caller.lane)?;
        let waiver = caller.arrived + self.index.config.reserve_waived_after;
        let again = caller.not_again.iter().map(|(_, until)| *until).filter(|until| *until > self.now).min();
        let moment = lane.moments.get(caller.relaxed).map(|after| caller.arrived + *after);
        [
            caller.leave_by.map(|at| (at, Deadline::MaxWait)),
            caller.owner.map(|(_, until)| (until, Deadline::OwnerHold)),
            moment.map(|at| (at, Deadline::Relaxation)),
            (lane.guarded && !caller.waived).then_some((waiver, Deadline::ReserveWaiver)),
            again.map(|at| (at, Deadline::OfferAgain)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// After a change of an agent's state or rest.
    pub(super) fn arm_agent(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let next = match agent.state {
            State::WrapUp(until) => Some((until, Deadline::WrapUp)),
            State::Ready => agent.rest_until.filter(|until| *until > self.now).map(|at| (at, Deadline::Rest)),
            _ => None,
        };
        if let Some((at, _)) = std::mem::replace(&mut agent.timer, next) {
            self.timers.remove(&(at, Who::Agent(id)));
        }
        if let Some((at, _)) = next {
            self.timers.insert((at, Who::Agent(id)));
        }
    }
}
