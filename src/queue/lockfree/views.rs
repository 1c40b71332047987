//! Looking at the core while others change it: nothing here makes anybody wait, and what is seen of one caller
//! and another may be a moment apart.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Core;
use super::floor::Floor;
use super::op::public_state;
use super::walk;
use super::word::{AgentStep, AgentWord, CallerState, CallerWord, Then};
use crate::base::{AgentId, Instant, QueueId};
use crate::queue::{AgentState, AgentView, CallerId, QueueView, Snapshot, WaitBand};

/// How long the wait of the caller served last says something about the next one's.
const STALE: Duration = Duration::from_secs(15 * 60);

impl Core {
    /// How many of the same queue come before this caller, plus one; for who waits for an owner alone, among
    /// those. `None`: does not wait. "About" is the honest word when it is spoken: somebody with a credit
    /// may still pass.
    pub fn position(&self, id: CallerId) -> Option<u32> {
        let (owner, kind) = self.waiting_kind(id)?;
        let floor = self.floor.load();
        let cell = self.callers.at(id.index);
        let own = self.lane_on(&floor, kind)?;
        let key = cell.key(id.index, own.virtual_time(cell.arrived()));
        let before = match owner {
            Some(owner) => walk::before(&self.agents.at(owner).owned.0, (key, 0)).count(),
            None => {
                let ticket = cell.ticket.load(Ordering::Relaxed);
                let lanes = floor.lanes_of(own.key.queue());
                lanes
                    .map(|lane| {
                        let mine = std::sync::Arc::ptr_eq(&lane, &own);
                        if lane.line.is_empty() { 0 } else { lane.rank(key, mine.then_some(ticket)) }
                    })
                    .sum()
            }
        };
        Some(u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// How long this caller still has to wait: what the head of its lane has waited so far (the wait of the
    /// last one served where nobody is ahead), times the share of the callers before it who are still there.
    /// `None`: nothing is known, or it does not wait.
    pub fn estimate(&self, id: CallerId) -> Option<WaitBand> {
        let (owner, kind) = self.waiting_kind(id)?;
        if owner.is_some() {
            return None;
        }
        let floor = self.floor.load();
        let lane = self.lane_on(&floor, kind)?;
        let head = lane.line.front().map(|head| head.key().0).filter(|head| head.index != id.index);
        let last = Instant::from_micros(lane.last_at.load(Ordering::Relaxed));
        let whole = match head {
            Some(head) => self.now().since(lane.arrived(head)),
            None if last > Instant::ZERO && self.now().since(last) <= STALE => {
                Duration::from_micros(lane.last_wait.load(Ordering::Relaxed))
            }
            None => return None,
        };
        let then = self.callers.at(id.index).joined_at.load(Ordering::Relaxed).max(1);
        let now = self.position(id)?;
        Some(WaitBand::of(whole.saturating_mul(now.min(then)) / then))
    }

    /// Somebody who could serve this waiting caller is signed on, ready or not. `None`: does not wait.
    pub fn is_attended(&self, id: CallerId) -> Option<bool> {
        let (owner, kind) = self.waiting_kind(id)?;
        let floor = self.floor.load();
        let lane = self.lane_on(&floor, kind)?;
        Some(owner.is_some() || floor.is_staffed(&lane))
    }

    /// Of a waiting caller: the owner waited for alone, and what it asks for.
    fn waiting_kind(&self, id: CallerId) -> Option<(Option<u32>, u32)> {
        if id.index >= self.made.load(Ordering::Acquire) {
            return None;
        }
        let cell = self.callers.at(id.index);
        let word = CallerWord::load(&cell.word);
        let CallerState::Waiting { owner } = word.state else { return None };
        (cell.epoch.load(Ordering::Relaxed) == id.epoch).then(|| (owner, cell.kind.load(Ordering::Relaxed)))
    }

    fn lane_on(&self, floor: &Floor, kind: u32) -> Option<std::sync::Arc<super::floor::Lane>> {
        floor.lane(kind, || self.kind_of.get(&kind).map(|kind| kind.value().clone())).cloned()
    }

    pub fn agent_state(&self, id: AgentId) -> Option<AgentState> {
        let floor = self.floor.load();
        let agent = *floor.numbers.get(&id)?;
        let state = AgentWord::load(&self.agents.at(agent).word).state;
        let known = floor.group(agent).is_some() || state != AgentStep::SignedOff;
        known.then(|| public_state(state, self.agents.at(agent), self.now()))
    }

    pub fn snapshot(&self) -> Snapshot {
        let floor = self.floor.load_full();
        let now = self.now();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut queues: BTreeMap<QueueId, QueueView> = BTreeMap::new();
        for (id, queue) in &floor.plan.queues {
            let groups = || floor.plan.first_choice(&queue.spec).map(|(number, _)| &floor.groups[number]);
            let signed_on = groups().map(|group| count(group.signed_on.len())).sum();
            let numbers = || floor.plan.first_choice(&queue.spec).map(|(number, _)| number);
            let ready = numbers().map(|group| count(floor.ready_in(group))).sum();
            let view =
                QueueView { id: *id, waiting: 0, offered: 0, talking: 0, longest: None, signed_on, ready };
            queues.insert(*id, view);
        }
        for caller in 0..self.made.load(Ordering::Acquire) {
            let cell = self.callers.at(caller);
            let state = CallerWord::load(&cell.word).state;
            let queue = QueueId(cell.queue.load(Ordering::Relaxed) as u16);
            let Some(view) = queues.get_mut(&queue) else { continue };
            match state {
                CallerState::Free
                | CallerState::Parked
                | CallerState::Changing { then: Then::Parks | Then::Leaves } => {}
                CallerState::Waiting { .. } | CallerState::Changing { then: Then::Waits } => {
                    view.waiting += 1;
                    view.longest = view.longest.max(Some(now.since(cell.arrived())));
                }
                CallerState::Offered { .. } => view.offered += 1,
                CallerState::Connected { .. } => view.talking += 1,
            }
        }
        let agents =
            floor.numbers.iter().filter_map(|(id, number)| self.view_agent(&floor, *id, *number, now));
        Snapshot { at: now, agents: agents.collect(), queues: queues.into_values().collect() }
    }

    fn view_agent(&self, floor: &Floor, id: AgentId, number: u32, now: Instant) -> Option<AgentView> {
        let cell = self.agents.at(number);
        let state = AgentWord::load(&cell.word).state;
        if floor.group(number).is_none() && state == AgentStep::SignedOff {
            return None;
        }
        let with = match state {
            AgentStep::Tentative { caller, .. } | AgentStep::Offered { caller, .. } => Some(caller),
            AgentStep::Talking { caller, .. } => caller,
            _ => None,
        };
        let of = |caller: u32| {
            let theirs = self.callers.at(caller);
            let queue = QueueId(theirs.queue.load(Ordering::Relaxed) as u16);
            (theirs.tag.load(Ordering::Relaxed), queue)
        };
        let held = cell.held.iter().map(|entry| *entry.key()).filter(|(caller, epoch)| {
            let there = CallerState::Connected { agent: number };
            CallerWord::load(&self.callers.at(*caller).word) == CallerWord { epoch: *epoch, state: there }
        });
        let mut held: Vec<_> = held.map(|(caller, _)| of(caller)).collect();
        held.sort_unstable();
        Some(AgentView {
            id,
            state: public_state(state, cell, now),
            since: Instant::from_micros(cell.since.load(Ordering::Relaxed)),
            caller: with.map(of),
            held,
            leaves_after_call: state.wish() != 0,
        })
    }
}
