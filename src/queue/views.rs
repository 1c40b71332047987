//! Looking at the core without changing it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cells::{AfterCall, CallerState, State};
use super::sequential::Core;
use super::{AgentState, AgentView, CallerId, QueueView, Snapshot, WaitBand};
use crate::base::{AgentId, Instant, QueueId};

/// How long the wait of the caller served last says something about the next one's.
const STALE: Duration = Duration::from_secs(15 * 60);

impl Core {
    /// How many of the same queue come before this caller, plus one; for who waits for an owner alone, among
    /// those. `None`: does not wait. "About" is the honest word when it is spoken: somebody with a credit
    /// may still pass.
    pub fn position(&self, id: CallerId) -> Option<u32> {
        let caller = self.callers.get(id).filter(|c| c.state == CallerState::Waiting)?;
        let before = match caller.owner {
            Some((owner, _)) => self.agents.get(&owner)?.owned.rank(caller.key),
            None => {
                let lanes = &self.index.queues.get(&caller.queue)?.lanes;
                lanes.iter().map(|lane| self.index.lanes[*lane].line.rank(caller.key)).sum()
            }
        };
        Some(u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// How long this caller still has to wait: what the head of its lane has waited so far (the wait of the
    /// last one served where nobody is ahead), times the share of the callers before it who are still there.
    /// `None`: nothing is known, or it does not wait.
    pub fn estimate(&self, id: CallerId) -> Option<WaitBand> {
        let caller = self.callers.get(id).filter(|c| c.state == CallerState::Waiting && c.owner.is_none())?;
        let lane = &self.index.lanes[caller.lane];
        let head = lane.line.first().and_then(|key| self.callers.at(key.index)).filter(|head| head.id != id);
        let whole = match (head, lane.last_served) {
            (Some(head), _) => self.now.since(head.arrived),
            (None, Some((wait, at))) if self.now.since(at) <= STALE => wait,
            (None, _) => return None,
        };
        let (now, then) = (self.position(id)?, caller.joined_at.max(1));
        Some(WaitBand::of(whole.saturating_mul(now.min(then)) / then))
    }

    /// Somebody who could serve this waiting caller is signed on, ready or not. `None`: does not wait.
    pub fn is_attended(&self, id: CallerId) -> Option<bool> {
        let caller = self.callers.get(id).filter(|c| c.state == CallerState::Waiting)?;
        Some(caller.owner.is_some() || self.is_staffed(caller.lane))
    }

    pub fn agent_state(&self, id: AgentId) -> Option<AgentState> {
        self.agents.get(&id).map(|a| a.public_state(self.now))
    }

    /// The core's time: the latest that any operation was given.
    pub fn now(&self) -> Instant {
        self.now
    }

    pub fn snapshot(&self) -> Snapshot {
        let mut queues: BTreeMap<QueueId, QueueView> = BTreeMap::new();
        for (id, queue) in &self.index.queues {
            let (mut signed_on, mut ready) = (0, 0);
            for (_, group) in self.index.first_choice(&queue.spec) {
                signed_on += group.signed_on;
                let ready_ones = group.idle.keys().take_while(|(holds, ..)| !holds).count();
                ready += u32::try_from(ready_ones).unwrap_or(u32::MAX);
            }
            let view =
                QueueView { id: *id, waiting: 0, offered: 0, talking: 0, longest: None, signed_on, ready };
            queues.insert(*id, view);
        }
        for caller in self.callers.iter() {
            let Some(view) = queues.get_mut(&caller.queue) else { continue };
            match caller.state {
                CallerState::Waiting => {
                    view.waiting += 1;
                    view.longest = view.longest.max(Some(self.now.since(caller.arrived)));
                }
                CallerState::Parked => {}
                CallerState::Offered(_) => view.offered += 1,
                CallerState::Connected(_) => view.talking += 1,
            }
        }
        let agents = self.agents.values().map(|agent| AgentView {
            id: agent.id,
            state: agent.public_state(self.now),
            since: agent.since,
            caller: match agent.state {
                State::Reserved(caller) | State::Talking(Some(caller)) => {
                    self.callers.get(caller).map(|c| (c.tag, c.queue))
                }
                _ => None,
            },
            held: {
                let held = agent.held.iter().filter_map(|c| self.callers.get(*c));
                let mut held: Vec<_> = held.map(|c| (c.tag, c.queue)).collect();
                held.sort_unstable();
                held
            },
            leaves_after_call: agent.after_call != AfterCall::Stays,
        });
        Snapshot { at: self.now, queues: queues.into_values().collect(), agents: agents.collect() }
    }
}
