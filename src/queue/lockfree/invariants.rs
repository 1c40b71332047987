//! What must hold while no operation is under way.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::Core;
use super::claims::Hall;
use super::op::Op;
use super::word::{AgentStep, AgentWord, CallerState, CallerWord, later};
use crate::queue::CallerId;
use crate::queue::deadlines::Who;

impl Core {
    /// Panics with one sentence where the core contradicts itself; only while no other thread is in an operation.
    /// For debug builds and simulation: it looks at everything, which costs as much as there is.
    ///
    /// S1 no caller is offered twice, S2 no agent is offered two callers, S3 both sides of a pair agree, S4
    /// no caller waits beside an agent who is idle and eligible.
    pub fn check_invariants(&self) {
        let mut events = Vec::new();
        // Looks only: at this very time nothing is due.
        let op = Op::begin(self, crate::base::Instant::ZERO, &mut events);
        op.check_pairs();
        op.check_lists();
        op.check_counts();
        op.check_timers();
        op.check_nobody_waits_in_vain();
        drop(op);
        assert!(events.is_empty(), "something was overdue: {events:?}");
    }
}

impl Op<'_> {
    fn callers(&self) -> impl Iterator<Item = (u32, CallerWord)> {
        (0..self.core.made.load(Ordering::Acquire)).map(|c| (c, CallerWord::load(self.caller(c))))
    }

    fn agents(&self) -> impl Iterator<Item = (u32, AgentWord)> {
        (0..self.floor.ids.len() as u32).map(|a| (a, AgentWord::load(self.agent(a))))
    }

    fn check_pairs(&self) {
        for (caller, word) in self.callers() {
            let (agent, expected) = match word.state {
                CallerState::Offered { agent, .. } => {
                    (agent, AgentStep::Offered { caller, epoch: later(word.epoch, u32::MAX) })
                }
                CallerState::Connected { agent } => {
                    (agent, AgentStep::Talking { caller: Some(caller), wish: 0 })
                }
                _ => continue,
            };
            if word.state == (CallerState::Connected { agent })
                && self.agent_cell(agent).held.contains_key(&(caller, word.epoch))
            {
                continue;
            }
            let state = match AgentWord::load(self.agent(agent)).state {
                AgentStep::Talking { caller, .. } => AgentStep::Talking { caller, wish: 0 },
                state => state,
            };
            assert_eq!(state, expected, "S3: caller {caller} is {:?}, but the agent disagrees", word.state);
        }
        for (agent, word) in self.agents() {
            let held = self.held(agent, None);
            assert!(!word.state.holds() || held > 0, "agent {agent} is {:?} with nobody on hold", word.state);
            let may = word.state.holds()
                || matches!(word.state, AgentStep::Offered { .. } | AgentStep::Talking { .. });
            assert!(may || held == 0, "agent {agent} is {:?} with {held} on hold", word.state);
            let meant = match word.state {
                AgentStep::Tentative { .. } => panic!("agent {agent} was left in the middle of a match"),
                AgentStep::Offered { caller, .. } | AgentStep::Talking { caller: Some(caller), .. } => caller,
                _ => continue,
            };
            let with = match CallerWord::load(self.caller(meant)).state {
                CallerState::Offered { agent, .. } | CallerState::Connected { agent } => Some(agent),
                _ => None,
            };
            assert_eq!(with, Some(agent), "S3: agent {agent} is {:?}, but the caller disagrees", word.state);
        }
    }

    fn check_lists(&self) {
        let mut places: BTreeMap<(u32, u32), Vec<Option<u32>>> = BTreeMap::new();
        for lane in &self.floor.lanes {
            for entry in &lane.value().line {
                let (key, epoch) = *entry.key();
                places.entry((key.index, epoch)).or_default().push(None);
            }
        }
        for (agent, _) in self.agents() {
            for entry in &self.agent_cell(agent).owned.0 {
                let (key, epoch) = *entry.key();
                places.entry((key.index, epoch)).or_default().push(Some(agent));
            }
        }
        for (caller, word) in self.callers() {
            if let CallerState::Waiting { owner } = word.state {
                let place = places.remove(&(caller, word.epoch)).unwrap_or_default();
                assert_eq!(place, [owner], "caller {caller} stands in the wrong lines");
            }
        }
        let dead = places.len();
        assert!(dead <= 2 * SLACK, "{dead} entries are nobody's");
        let mut lists: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
        for (number, group) in self.floor.groups.iter().enumerate() {
            for entry in &group.idle {
                let (_, agent, epoch) = *entry.key();
                lists.entry((agent, epoch)).or_default().push(number);
            }
        }
        for (agent, word) in self.agents() {
            if let (AgentStep::Idle { .. }, Some(group)) = (word.state, self.floor.group(agent)) {
                let list = lists.remove(&(agent, word.epoch)).unwrap_or_default();
                assert_eq!(list, [group], "agent {agent} stands in the wrong lists of idle agents");
            }
        }
        let dead = lists.len();
        assert!(dead <= SLACK, "{dead} entries of idle agents are nobody's");
    }

    fn check_counts(&self) {
        for (id, counter) in &self.floor.queues {
            let waits = |state| matches!(state, CallerState::Waiting { .. });
            let waiting = self.callers().filter(|(c, w)| waits(w.state) && self.queue_of(*c) == *id).count();
            assert_eq!(
                counter.0.load(Ordering::Relaxed) as usize,
                waiting,
                "{id} miscounts its waiting callers"
            );
        }
        let on = |group: usize| {
            let signed_on = |word: AgentWord| word.state != AgentStep::SignedOff;
            self.agents().filter(|(a, w)| signed_on(*w) && self.floor.group(*a) == Some(group)).count()
        };
        for group in 0..self.floor.groups.len() {
            assert_eq!(self.floor.signed_on(group), on(group), "group {group} miscounts who is signed on");
        }
        for (number, pool) in self.floor.plan.pools.iter().enumerate() {
            let idle: usize = pool.groups.iter().map(|group| self.floor.ready_in(*group)).sum();
            let signed_on: usize = pool.groups.iter().map(|group| on(*group)).sum();
            let counted = (self.floor.idle_in(number) as usize, self.floor.pools[number].signed_on.len());
            assert_eq!(counted, (idle, signed_on), "pool {number} miscounts its agents");
        }
    }

    fn check_timers(&self) {
        let mut first = BTreeMap::new();
        for (at, who, epoch) in self.core.timers.iter().map(|entry| *entry.key()) {
            first.entry((who, epoch)).or_insert(at);
        }
        for (caller, word) in self.callers() {
            let CallerState::Waiting { owner } = word.state else { continue };
            let facts = self.facts(caller);
            let Some((at, deadline)) = self.caller_deadline(caller, facts, owner.is_some()) else { continue };
            // Or an earlier one, which will find nothing due and arm the next: that of a refusal that came too late.
            let armed = first.get(&(Who::Caller(facts.id), word.epoch)).is_some_and(|armed| *armed <= at);
            assert!(armed, "{:?} has not armed its next deadline, {deadline:?} at {at:?}", facts.id);
            assert!(at > self.now(), "a timer of {:?} is overdue", facts.id);
        }
        for (agent, word) in self.agents() {
            if matches!(word.state, AgentStep::WrapUp { .. } | AgentStep::Resting) {
                let id = self.agent_id(agent);
                let mine = |(_, who, epoch): (_, Who, u32)| who == Who::Agent(id) && epoch == word.epoch;
                assert!(self.core.timers.iter().any(|e| mine(*e.key())), "{id} has no deadline in {word:?}");
            }
        }
    }

    fn check_nobody_waits_in_vain(&self) {
        let idle = |word: AgentWord| matches!(word.state, AgentStep::Idle { .. });
        let idle: Vec<u32> = self.agents().filter(|(_, word)| idle(*word)).map(|(agent, _)| agent).collect();
        for (caller, word) in self.callers() {
            let CallerState::Waiting { owner } = word.state else { continue };
            if let Some(agent) = idle.iter().find(|agent| self.eligible(caller, owner, **agent)) {
                let id: CallerId = self.facts(caller).id;
                panic!("S4: {id:?} waits beside {}, who is idle and eligible", self.agent_id(*agent));
            }
        }
    }

    /// The rule of eligibility written down once more, without the search's short cuts.
    fn eligible(&self, caller: u32, owner: Option<u32>, agent: u32) -> bool {
        if self.barred(caller, agent) {
            return false;
        }
        if let Some(owner) = owner {
            return owner == agent;
        }
        let facts = self.facts(caller);
        let (Some(lane), Some(group)) = (self.lane(facts.kind), self.floor.group(agent)) else {
            return false;
        };
        let Some(choice) = lane.design.choices.iter().find(|c| c.group == group) else { return false };
        let waited = self.now().since(facts.arrived);
        let spare = self.floor.plan.pools.iter().enumerate().all(|(number, pool)| {
            let mine = pool.groups.contains(&group);
            !mine
                || pool.value <= lane.design.value
                || self.floor.idle_in(number) > self.floor.reserve(number)
        });
        waited >= choice.after && (spare || waited >= self.floor.plan.config.reserve_waived_after)
    }
}

/// Dead entries that threads may leave behind for the next one who comes by; with one thread there are none.
const SLACK: usize = 16;

/// What a core holds, for the proof that nothing piles up.
#[cfg(all(test, not(loom)))]
#[derive(Debug)]
pub(super) struct Held {
    /// In lines, lists, timers and bars.
    pub entries: usize,
    /// Cells ever used at the same time.
    pub cells: usize,
    /// Of tickets.
    pub blocks: usize,
}

#[cfg(all(test, not(loom)))]
impl Core {
    pub(super) fn held(&self) -> Held {
        let floor = self.floor.load();
        let lanes = floor.lanes.iter();
        let (lines, blocks) = lanes.fold((0, 0), |(lines, blocks), lane| {
            (lines + lane.value().line.len(), blocks + lane.value().tickets.held())
        });
        let idle: usize = floor.groups.iter().map(|group| group.idle.len() + group.signed_on.len()).sum();
        let beside = |agent: u32| self.agents.at(agent).owned.0.len() + self.agents.at(agent).held.len();
        let owned: usize = (0..floor.ids.len() as u32).map(beside).sum();
        let entries = lines + idle + owned + self.timers.len() + self.bars.len();
        Held { entries, cells: self.made.load(Ordering::Relaxed) as usize, blocks }
    }
}
