//! Who is first for whom. Entries are hints: whoever meets a dead one removes it.

use std::sync::Arc;
use std::time::Duration;

use super::claims::Hall;
use super::floor::{Idle, Lane};
use super::op::Op;
use super::word::{AgentStep, AgentWord, CallerState, CallerWord, FURTHER, later};
use crate::queue::index::Choice;
use crate::queue::line::Key;

impl Op<'_> {
    /// The caller whom this agent, if idle, is offered next: of its own callers the first, else of all lanes
    /// in reach the eligible one with the smallest key. Its own go first because nobody else will take them.
    pub fn best_caller(&mut self, agent: u32) -> Option<(u32, u32)> {
        if !matches!(AgentWord::load(self.agent(agent)).state, AgentStep::Idle { .. }) {
            return None;
        }
        let owned = &self.agent_cell(agent).owned.0;
        for entry in owned {
            let (key, epoch) = *entry.key();
            if !self.waits(key, epoch, Some(agent)) {
                entry.remove();
            } else if !self.barred(key.index, agent) {
                return Some((key.index, epoch));
            }
        }
        let group = self.floor.group(agent)?;
        let mut best: Option<(Key, u32)> = None;
        for reach in &self.floor.groups[group].lanes {
            let (lane, after) = reach.value();
            best = self.first_of(lane, *after, group, agent, best).or(best);
        }
        best.map(|(key, epoch)| (key.index, epoch))
    }

    /// The first of the lane whom the agent may serve and who comes before the best found so far.
    fn first_of(
        &self,
        lane: &Lane,
        after: Duration,
        group: usize,
        agent: u32,
        best: Option<(Key, u32)>,
    ) -> Option<(Key, u32)> {
        for entry in &lane.line {
            let (key, epoch) = *entry.key();
            if best.is_some_and(|(best, _)| best <= key) {
                return None;
            }
            if !self.waits(key, epoch, None) {
                if entry.remove() {
                    lane.tickets.give_back(*entry.value(), key);
                }
                continue;
            }
            // Who comes later in a lane has waited less: the first one out of reach ends the search.
            let waited = self.now().since(lane.arrived(key));
            if !self.floor.in_reach(lane, group, after, waited) {
                return None;
            }
            if !self.barred(key.index, agent) {
                return Some((key, epoch));
            }
        }
        None
    }

    /// Whether any caller is eligible for the group, bars between single callers and agents aside.
    pub fn has_work(&self, group: usize) -> bool {
        self.floor.groups[group].lanes.iter().any(|reach| {
            let (lane, after) = reach.value();
            lane.line.front().is_some_and(|head| {
                let waited = self.now().since(lane.arrived(head.key().0));
                self.floor.in_reach(lane, group, *after, waited)
            })
        })
    }

    fn waits(&self, key: Key, epoch: u32, owner: Option<u32>) -> bool {
        CallerWord::load(self.caller(key.index))
            == CallerWord { epoch, state: CallerState::Waiting { owner } }
    }

    /// The agent whom this waiting caller is offered to now; or one about to be free or taken, to be helped.
    pub fn best_agent(&mut self, caller: u32, word: CallerWord) -> Option<u32> {
        let CallerState::Waiting { owner } = word.state else { return None };
        if let Some(owner) = owner {
            let takes = match AgentWord::load(self.agent(owner)).state {
                AgentStep::Idle { .. } => !self.barred(caller, owner),
                AgentStep::Tentative { .. } => true,
                _ => false,
            };
            return takes.then_some(owner);
        }
        let cell = self.caller_cell(caller);
        let lane = self.lane(cell.kind.load(std::sync::atomic::Ordering::Relaxed))?;
        let waited = self.now().since(cell.arrived());
        let mut further = None;
        for equals in lane.design.choices.chunk_by(|a, b| a.rank == b.rank) {
            let longest = equals.iter().filter_map(|choice| self.idle_longest(caller, &lane, waited, choice));
            match longest.min() {
                Some((place, agent, _)) if place < FURTHER => return Some(agent),
                // Only where everybody in reach has somebody on hold.
                found => further = further.or(found),
            }
        }
        further.map(|(_, agent, _)| agent)
    }

    fn idle_longest(&self, caller: u32, lane: &Arc<Lane>, waited: Duration, choice: &Choice) -> Option<Idle> {
        let idle = &self.floor.groups[choice.group].idle;
        if idle.is_empty() || !self.floor.in_reach(lane, choice.group, choice.after, waited) {
            return None;
        }
        for entry in idle {
            let found @ (_, agent, epoch) = *entry.key();
            let word = AgentWord::load(self.agent(agent));
            match word.state {
                AgentStep::Idle { .. } if word.epoch == epoch => {
                    if !self.barred(caller, agent) {
                        return Some(found);
                    }
                }
                AgentStep::Tentative { .. } if word.epoch == later(epoch, 1) => return Some(found),
                _ => self.floor.remove(choice.group, &found),
            }
        }
        None
    }
}
