//! What must hold between any two operations.

use std::collections::BTreeMap;

use super::cells::{AfterCall, Agent, Caller, CallerState, State};
use super::deadlines::Who;
use super::line::Key;
use super::sequential::Core;
use crate::base::AgentId;

impl Core {
    /// Panics with one sentence where the core contradicts itself. For debug builds and simulation: it looks
    /// at everything, which costs as much as there is.
    ///
    /// S1 no caller is offered twice, S2 no agent is offered two callers, S3 both sides of a pair agree, S4
    /// no caller waits beside an agent who is idle and eligible.
    pub fn check_invariants(&self) {
        self.check_callers();
        self.check_agents();
        self.check_counts();
        self.check_timers();
        self.check_nobody_waits_in_vain();
    }

    fn check_callers(&self) {
        let mut places: BTreeMap<Key, (usize, usize)> = BTreeMap::new();
        for key in self.index.lanes.iter().flat_map(|lane| lane.line.iter()) {
            places.entry(key).or_default().0 += 1;
        }
        for key in self.agents.values().flat_map(|agent| agent.owned.iter()) {
            places.entry(key).or_default().1 += 1;
        }
        for caller in self.callers.iter() {
            let id = caller.id;
            let (in_lanes, in_owned) = places.get(&caller.key).copied().unwrap_or_default();
            let with = match caller.state {
                CallerState::Waiting => {
                    assert_eq!(in_lanes + in_owned, 1, "{id:?} waits, but stands not in exactly one line");
                    assert_eq!(
                        in_owned == 1,
                        caller.owner.is_some(),
                        "{id:?} stands in the wrong kind of line"
                    );
                    continue;
                }
                CallerState::Parked => {
                    assert_eq!(in_lanes + in_owned, 0, "{id:?} stands in line while it is parked");
                    continue;
                }
                CallerState::Offered(agent) => (agent, State::Reserved(id)),
                CallerState::Connected(agent)
                    if self.agents.get(&agent).is_some_and(|a| a.held.contains(&id)) =>
                {
                    assert_eq!(in_lanes + in_owned, 0, "{id:?} stands in line and is on hold");
                    continue;
                }
                CallerState::Connected(agent) => (agent, State::Talking(Some(id))),
            };
            assert_eq!(in_lanes + in_owned, 0, "{id:?} stands in line beside being {:?}", caller.state);
            let state = self.agents.get(&with.0).map(|a| a.state);
            assert_eq!(state, Some(with.1), "S3: {id:?} is {:?}, but the agent disagrees", caller.state);
        }
        for (lane, line) in self.index.lanes.iter().enumerate() {
            for key in line.line.iter() {
                let caller = self.callers.at(key.index);
                assert!(
                    caller.is_some_and(|c| c.key == key && c.lane == lane && c.state == CallerState::Waiting),
                    "lane {lane} has an entry that is nobody's"
                );
            }
        }
    }

    fn check_agents(&self) {
        let mut lists: BTreeMap<AgentId, usize> = BTreeMap::new();
        for id in self.index.groups.iter().flat_map(|group| group.idle.values()) {
            *lists.entry(*id).or_default() += 1;
        }
        for agent in self.agents.values() {
            let (id, state) = (agent.id, agent.state);
            let meant = match state {
                State::Reserved(caller) => Some((caller, CallerState::Offered(id))),
                State::Talking(Some(caller)) => Some((caller, CallerState::Connected(id))),
                _ => None,
            };
            if let Some((caller, expected)) = meant {
                let actual = self.callers.get(caller).map(|c| c.state);
                assert_eq!(actual, Some(expected), "S3: {id} is {state:?}, but the caller disagrees");
            }
            for held in &agent.held {
                let actual = self.callers.get(*held).map(|c| c.state);
                assert_eq!(actual, Some(CallerState::Connected(id)), "{id} holds {held:?}, who is elsewhere");
            }
            let says_so = matches!(state, State::Further | State::Holding);
            assert!(!says_so || !agent.held.is_empty(), "{id} is {state:?} with nobody on hold");
            let may = says_so || matches!(state, State::Reserved(_) | State::Talking(Some(_)));
            assert!(may || agent.held.is_empty(), "{id} is {state:?} with callers on hold");
            let lists = lists.get(&id).copied().unwrap_or(0);
            let expected = usize::from(agent.is_idle(self.now));
            assert_eq!(lists, expected, "{id} is {state:?} and stands in {lists} lists of idle agents");
            let talks = matches!(state, State::Talking(_) | State::Holding);
            let talks_or_open = talks || !agent.held.is_empty();
            assert!(talks || agent.after_call == AfterCall::Stays, "{id} is {state:?} with a wish for later");
            assert!(talks_or_open || agent.group.is_some(), "{id} is in no topology, yet not signed off");
            if !agent.will_return() {
                assert!(agent.owned.is_empty(), "callers wait for {id} alone, who will not return");
            }
            for key in agent.owned.iter() {
                let owner = self.callers.at(key.index).filter(|c| c.key == key).and_then(|c| c.owner);
                assert_eq!(
                    owner.map(|(owner, _)| owner),
                    Some(id),
                    "{id}'s line has an entry that is nobody's"
                );
            }
        }
    }

    fn check_counts(&self) {
        for (id, queue) in &self.index.queues {
            let waiting = self.waiting().filter(|c| c.queue == *id).count();
            assert_eq!(queue.waiting as usize, waiting, "{id} miscounts its waiting callers");
        }
        let mut signed_on = vec![0u32; self.index.groups.len()];
        for group in self.agents.values().filter(|a| a.state != State::SignedOff).filter_map(|a| a.group) {
            signed_on[group] += 1;
        }
        for (number, group) in self.index.groups.iter().enumerate() {
            assert_eq!(group.signed_on, signed_on[number], "group {number} miscounts who is signed on");
        }
        for (number, pool) in self.index.pools.iter().enumerate() {
            let idle = |g: &usize| self.index.groups[*g].idle.keys().filter(|(holds, ..)| !holds).count();
            let idle: usize = pool.groups.iter().map(idle).sum();
            let on: u32 = pool.groups.iter().map(|g| signed_on[*g]).sum();
            assert_eq!(
                (pool.idle as usize, pool.signed_on),
                (idle, on),
                "pool {number} miscounts its agents"
            );
        }
    }

    fn check_timers(&self) {
        for (at, who) in &self.timers {
            let timer = match who {
                Who::Agent(id) => self.agents.get(id).and_then(|a| a.timer),
                Who::Caller(id) => self.callers.get(*id).and_then(|c| c.timer),
            };
            assert_eq!(timer.map(|(at, _)| at), Some(*at), "a timer is left over for {who:?}");
            assert!(*at > self.now, "a timer of {who:?} is overdue");
        }
        let armed = self.agents.values().filter(|a| a.timer.is_some()).count()
            + self.callers.iter().filter(|c| c.timer.is_some()).count();
        assert_eq!(armed, self.timers.len(), "a timer is missing");
        for caller in self.callers.iter() {
            let expected = self.caller_deadline(caller);
            assert_eq!(caller.timer, expected, "{:?} has not armed its next deadline", caller.id);
        }
    }

    fn check_nobody_waits_in_vain(&self) {
        let idle: Vec<_> = self.agents.values().filter(|agent| agent.is_idle(self.now)).collect();
        for caller in self.waiting() {
            if let Some(agent) = idle.iter().find(|agent| self.eligible(caller, agent)) {
                panic!("S4: {:?} waits beside {}, who is idle and eligible", caller.id, agent.id);
            }
        }
    }

    /// The rule of eligibility written down once more, without the search's short cuts.
    fn eligible(&self, caller: &Caller, agent: &Agent) -> bool {
        if caller.barred(agent.id, self.now) {
            return false;
        }
        if let Some((owner, _)) = caller.owner {
            return owner == agent.id;
        }
        let lane = &self.index.lanes[caller.lane];
        let Some(choice) = lane.choices.iter().find(|c| Some(c.group) == agent.group) else { return false };
        let waited = self.now.since(caller.arrived);
        let spare = self.index.pools.iter().all(|pool| {
            let mine = pool.groups.contains(&choice.group);
            !mine || pool.value <= lane.value || pool.idle > self.index.reserve(pool)
        });
        waited >= choice.after && (spare || waited >= self.index.config.reserve_waived_after)
    }
}
