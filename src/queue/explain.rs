//! Why a caller was offered to this agent and to nobody else; or why it still waits.
//!
//! Nothing is kept for it while matches are made. Asked right after an offer, it tells of that very match; what other
//! threads have done in between shows.

use std::time::Duration;

use super::index::{Choice, Index, LaneKey, Rank};
use super::{AgentState, CallerId};
use crate::base::{AgentId, QueueId};

/// Who was considered for a caller, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub caller: CallerId,
    pub tag: u64,
    pub queue: QueueId,
    pub waited: Duration,
    pub credit: Duration,
    /// Waits for this agent alone.
    pub owner: Option<AgentId>,
    /// Has the offer, or has accepted it.
    pub chosen: Option<AgentId>,
    /// Best first; those who can never serve the caller last.
    pub agents: Vec<Considered>,
    /// How many more there are, of whom nothing is told.
    pub more: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Considered {
    pub agent: AgentId,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Chosen,
    /// Free and good enough, but another was better.
    Behind(Behind),
    /// Ready, good enough, and yet not asked; only while somebody is just changing something.
    Free,
    NotReady(AgentState),
    /// Did not take this very caller a moment ago.
    NotAgain,
    /// Free, but kept so for queues of a higher value.
    Spared,
    /// The caller becomes content with this agent after this wait.
    NotYet {
        after: Duration,
    },
    /// The caller waits for its own agent alone for now.
    NotTheOwner,
    Lacks(Lack),
}

/// In what the one chosen was better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Queues of a higher value would miss this agent more.
    Value,
    /// A lower tier, or closer to the level that is asked for.
    Steps,
    /// Can serve fewer queues.
    Flexibility,
    /// Equal, and idle for longer.
    IdleTime,
    /// Has nobody on hold.
    Hold,
}

/// What an agent lacks for a caller, however long it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Does not serve the queue.
    Queue,
    /// The index of the skill.
    Skill(u16),
    Level {
        skill: u16,
        has: u8,
        wanted: u8,
    },
    /// No relaxation of the queue goes so far.
    Tier,
}

/// What a core knows of an agent at this moment.
pub(super) struct Seen {
    pub state: AgentState,
    /// Open to a further caller, with others on hold.
    pub holds: bool,
    pub barred: bool,
}

/// A caller, and the floor as it sees it.
pub(super) struct Scene<'a> {
    pub index: &'a Index,
    pub key: &'a LaneKey,
    pub choices: &'a [Choice],
    pub value: u32,
    pub waited: Duration,
    pub owner: Option<AgentId>,
    pub chosen: Option<AgentId>,
    pub idle_in: &'a dyn Fn(usize) -> u32,
    pub reserve: &'a dyn Fn(usize) -> u32,
    pub agent: &'a dyn Fn(AgentId) -> Option<Seen>,
}

impl Scene<'_> {
    /// Of at most so many agents, and how many are left. Looks at no more than these.
    pub fn agents(&self, most: usize) -> (Vec<Considered>, usize) {
        let groups = &self.index.groups;
        let in_reach = self.choices.iter().map(|choice| (choice.group, Some(choice)));
        let is_chosen = |group: usize| self.choices.iter().any(|choice| choice.group == group);
        let others = (0..groups.len()).filter(|group| !is_chosen(*group)).map(|group| (group, None));
        let first = self.chosen.map(|agent| Considered { agent, verdict: Verdict::Chosen });
        let rest = in_reach.chain(others).flat_map(|(group, choice)| {
            groups[group].members.iter().map(move |agent| (*agent, group, choice))
        });
        let rest = rest.filter(|(agent, ..)| Some(*agent) != self.chosen);
        let rest = rest.map(|(agent, group, choice)| {
            let verdict = self.verdict(agent, group, choice);
            Considered { agent, verdict }
        });
        let told: Vec<_> = first.into_iter().chain(rest).take(most).collect();
        let gone = usize::from(self.chosen.is_some_and(|agent| !self.index.agents.contains_key(&agent)));
        let more = (self.index.agents.len() + gone).saturating_sub(told.len());
        (told, more)
    }

    fn verdict(&self, agent: AgentId, group: usize, choice: Option<&Choice>) -> Verdict {
        let seen = (self.agent)(agent);
        if self.owner.is_some_and(|owner| owner != agent) {
            return Verdict::NotTheOwner;
        }
        let Some(choice) = choice.filter(|_| self.owner.is_none()) else {
            return match (self.owner, seen) {
                (Some(_), Some(seen)) => self.state(&seen).unwrap_or(Verdict::Free),
                _ => Verdict::Lacks(self.lack(group)),
            };
        };
        let Some(seen) = seen else { return Verdict::NotReady(AgentState::SignedOff) };
        if let Some(verdict) = self.state(&seen) {
            return verdict;
        }
        if self.waited < choice.after {
            return Verdict::NotYet { after: choice.after };
        }
        if self.waited < self.index.config.reserve_waived_after && !self.reserve_allows(group) {
            return Verdict::Spared;
        }
        if seen.holds && self.chosen.is_some() {
            return Verdict::Behind(Behind::Hold);
        }
        let chosen = self.chosen.and_then(|agent| self.index.agents.get(&agent));
        let better = chosen.and_then(|group| self.choices.iter().find(|choice| choice.group == *group));
        better.map_or(Verdict::Free, |better| Verdict::Behind(behind(&choice.rank, &better.rank)))
    }

    /// `None`: may be offered this caller.
    fn state(&self, seen: &Seen) -> Option<Verdict> {
        match seen.state {
            state if state != AgentState::Ready && !seen.holds => Some(Verdict::NotReady(state)),
            _ if seen.barred => Some(Verdict::NotAgain),
            _ => None,
        }
    }

    /// As it was when the chosen one was still idle.
    fn reserve_allows(&self, group: usize) -> bool {
        let chosen = self.chosen.and_then(|agent| self.index.agents.get(&agent));
        self.index.groups[group].pools.iter().all(|&number| {
            let pool = &self.index.pools[number];
            let taken = u32::from(chosen.is_some_and(|group| pool.groups.contains(group)));
            pool.value <= self.value || (self.idle_in)(number) + taken > (self.reserve)(number)
        })
    }

    fn lack(&self, group: usize) -> Lack {
        let group = &self.index.groups[group].key;
        let Some(queue) = self.index.queues.get(&self.key.queue()) else { return Lack::Queue };
        if !group.allowed(queue.spec.id) {
            return Lack::Queue;
        }
        // Of several sets the one that the agent comes closest to.
        let own = queue.spec.sets().map(|set| group.lacks(set)).min_by_key(|lack| match lack {
            None => 0,
            Some((_, had)) if *had > 0 => 1,
            Some(_) => 2,
        });
        match group.lacks(self.key.extra()).or(own.flatten()) {
            None => Lack::Tier,
            Some((wanted, 0)) => Lack::Skill(wanted.skill),
            Some((wanted, has)) => Lack::Level { skill: wanted.skill, has, wanted: wanted.level },
        }
    }
}

fn behind(this: &Rank, better: &Rank) -> Behind {
    if this.cost != better.cost {
        Behind::Value
    } else if this.steps != better.steps {
        Behind::Steps
    } else if this.flexibility != better.flexibility {
        Behind::Flexibility
    } else {
        Behind::IdleTime
    }
}
