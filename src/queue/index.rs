//! The topology as matching needs it: lanes of callers, groups of agents, and who reaches whom when.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::line::Line;
use super::{AgentSpec, Config, QueueSpec, Requirement, Topology};
use crate::base::{AgentId, Instant, QueueId};

#[derive(Clone, Debug)]
pub(super) struct Index {
    pub config: Config,
    pub queues: BTreeMap<QueueId, QueueEntry>,
    pub agents: BTreeMap<AgentId, usize>,
    /// Of those who may have more than one.
    pub calls_at_once: BTreeMap<AgentId, u8>,
    pub groups: Vec<Group>,
    pub pools: Vec<Pool>,
    /// Grows by what callers bring along, at most one for each way in which a dialplan can queue somebody.
    pub lanes: Vec<Lane>,
    lane_of: BTreeMap<LaneKey, usize>,
}

#[derive(Clone, Debug)]
pub(super) struct QueueEntry {
    pub spec: QueueSpec,
    pub lanes: Vec<usize>,
    pub waiting: u32,
}

/// Callers of one queue with the same requirement and credit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneKey {
    queue: QueueId,
    extra: Vec<Requirement>,
    credit: Duration,
}

#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub key: LaneKey,
    pub value: u32,
    pub line: Line,
    /// Best first.
    pub choices: Vec<Choice>,
    /// The waits at which further groups come in reach, ascending.
    pub moments: Vec<Duration>,
    /// Some group in reach belongs to a pool of a higher value.
    pub guarded: bool,
    /// The wait of the caller who was served last, and when that was.
    pub last_served: Option<(Duration, Instant)>,
}

/// What a lane's key and the topology make of it; see [`Lane`].
#[derive(Clone, Debug)]
pub(super) struct Design {
    pub value: u32,
    pub choices: Vec<Choice>,
    pub moments: Vec<Duration>,
    pub guarded: bool,
}

/// One group as seen from one lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub group: usize,
    /// Equal ranks compete by idle time alone; lower is better.
    pub rank: Rank,
    /// The wait that brings it in reach.
    pub after: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// What queues of a higher value lose.
    pub cost: u64,
    /// Tiers and levels short.
    pub steps: u32,
    /// How many queues the group can serve.
    pub flexibility: u32,
}

/// Among the idle, smallest first: whether there are callers on hold beside, since when, and a number for ties.
pub(super) type Place = (bool, Instant, u64);

/// One lane as seen from one group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub lane: usize,
    /// The wait after which its callers may be served.
    pub after: Duration,
}

/// Agents who can do the same.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub key: GroupKey,
    /// In the order of their ids.
    pub members: Vec<AgentId>,
    pub idle: BTreeMap<Place, AgentId>,
    pub signed_on: u32,
    pub pools: Vec<usize>,
    /// Lanes in reach, now or later, and after which wait.
    pub lanes: Vec<Reach>,
    flexibility: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupKey {
    skills: Vec<Requirement>,
    tier: u8,
    queues: Option<BTreeSet<QueueId>>,
}

/// The agents who meet one requirement that queues of value protect. Two queues with the same requirement
/// share a pool, at the higher value and with the larger reserve.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    requirement: Need,
    queues: Vec<QueueId>,
    pub value: u32,
    /// To be kept idle, in per cent of those signed on.
    share: u8,
    pub groups: Vec<usize>,
    pub signed_on: u32,
    pub idle: u32,
}

/// All of one of these sets; see [`QueueSpec::or`].
type Need = Vec<Vec<Requirement>>;

impl Index {
    pub fn new(topology: &Arc<Topology>) -> Self {
        let mut index = Index {
            config: topology.config.clone(),
            queues: BTreeMap::new(),
            agents: BTreeMap::new(),
            calls_at_once: BTreeMap::new(),
            groups: Vec::new(),
            pools: Vec::new(),
            lanes: Vec::new(),
            lane_of: BTreeMap::new(),
        };
        for queue in &topology.queues {
            let mut spec = queue.clone();
            (spec.requirement, spec.or) = sets(&spec.requirement, &spec.or);
            spec.relaxation.sort();
            index.queues.entry(spec.id).or_insert(QueueEntry { spec, lanes: Vec::new(), waiting: 0 });
        }
        index.build_pools();
        index.build_groups(&topology.agents);
        index
    }

    fn build_pools(&mut self) {
        for QueueEntry { spec, .. } in self.queues.values().filter(|q| q.spec.value > 0) {
            let share = spec.reserve_percent.unwrap_or(self.config.reserve_percent);
            let need: Need = spec.sets().map(<[_]>::to_vec).collect();
            match self.pools.iter_mut().find(|p| p.requirement == need) {
                Some(pool) => {
                    pool.value = pool.value.max(spec.value);
                    pool.share = pool.share.max(share);
                    pool.queues.push(spec.id);
                }
                None => self.pools.push(Pool {
                    requirement: need,
                    queues: vec![spec.id],
                    value: spec.value,
                    share,
                    groups: Vec::new(),
                    signed_on: 0,
                    idle: 0,
                }),
            }
        }
    }

    fn build_groups(&mut self, agents: &[AgentSpec]) {
        let mut known: BTreeMap<GroupKey, usize> = BTreeMap::new();
        for agent in agents {
            if self.agents.contains_key(&agent.id) {
                continue;
            }
            let key = GroupKey {
                skills: normal(&agent.skills),
                tier: agent.tier,
                queues: agent.queues.as_ref().map(|q| q.iter().copied().collect()),
            };
            let at = *known.entry(key.clone()).or_insert_with(|| {
                let pools: Vec<_> = (0..self.pools.len()).filter(|&p| self.pools[p].includes(&key)).collect();
                for &pool in &pools {
                    self.pools[pool].groups.push(self.groups.len());
                }
                let serves = self.queues.values().filter(|q| key.reach(&q.spec, &[]).is_some()).count();
                self.groups.push(Group {
                    key,
                    members: Vec::new(),
                    idle: BTreeMap::new(),
                    signed_on: 0,
                    pools,
                    lanes: Vec::new(),
                    flexibility: serves as u32,
                });
                self.groups.len() - 1
            });
            self.agents.insert(agent.id, at);
            if agent.calls_at_once > 1 {
                self.calls_at_once.insert(agent.id, agent.calls_at_once);
            }
        }
        for (agent, group) in &self.agents {
            self.groups[*group].members.push(*agent);
        }
    }

    /// The lane for callers of this kind; `None` where there is no such queue.
    pub fn lane(&mut self, queue: QueueId, extra: &[Requirement], credit: Option<Duration>) -> Option<usize> {
        let key = self.lane_key(queue, extra, credit)?;
        if let Some(&lane) = self.lane_of.get(&key) {
            return Some(lane);
        }
        let design = self.design(&key)?;
        let at = self.lanes.len();
        for choice in &design.choices {
            self.groups[choice.group].lanes.push(Reach { lane: at, after: choice.after });
        }
        self.lanes.push(Lane {
            key: key.clone(),
            value: design.value,
            line: Line::default(),
            choices: design.choices,
            moments: design.moments,
            guarded: design.guarded,
            last_served: None,
        });
        self.lane_of.insert(key, at);
        self.queues.get_mut(&queue)?.lanes.push(at);
        Some(at)
    }

    pub fn lane_key(
        &self,
        queue: QueueId,
        extra: &[Requirement],
        credit: Option<Duration>,
    ) -> Option<LaneKey> {
        let spec = &self.queues.get(&queue)?.spec;
        Some(LaneKey { queue, extra: normal(extra), credit: credit.unwrap_or(spec.credit) })
    }

    /// Who serves such a lane, and when.
    pub fn design(&self, key: &LaneKey) -> Option<Design> {
        let spec = &self.queues.get(&key.queue)?.spec;
        let mut choices = Vec::new();
        let mut guarded = false;
        for (number, group) in self.groups.iter().enumerate() {
            let Some((steps, after)) = group.key.reach(spec, &key.extra) else { continue };
            let above = group.pools.iter().map(|&p| self.pools[p].value).filter(|value| *value > spec.value);
            let cost = above.map(u64::from).sum();
            guarded |= cost > 0;
            let rank = Rank { cost, steps, flexibility: group.flexibility };
            choices.push(Choice { group: number, rank, after });
        }
        choices.sort_by_key(|c| (c.rank, c.group));
        let later: BTreeSet<_> = choices.iter().map(|c| c.after).filter(|after| !after.is_zero()).collect();
        Some(Design { value: spec.value, choices, moments: later.into_iter().collect(), guarded })
    }

    /// Keeps what was learnt about waiting across a new topology.
    pub fn inherit(&mut self, old: &Index) {
        for lane in old.lanes.iter().filter(|lane| lane.last_served.is_some()) {
            let LaneKey { queue, extra, credit } = &lane.key;
            if let Some(at) = self.lane(*queue, extra, Some(*credit)) {
                self.lanes[at].last_served = lane.last_served;
            }
        }
    }

    /// Whether a caller of this value may use an agent of this group without touching a reserve.
    pub fn reserve_allows(&self, value: u32, group: usize) -> bool {
        let pools = self.groups[group].pools.iter().map(|&p| &self.pools[p]);
        pools.filter(|pool| pool.value > value).all(|pool| pool.idle > self.reserve(pool))
    }

    /// Agents of this pool to be kept idle.
    pub fn reserve(&self, pool: &Pool) -> u32 {
        pool.reserve(pool.signed_on)
    }

    pub fn calls_at_once(&self, agent: AgentId) -> usize {
        usize::from(self.calls_at_once.get(&agent).copied().unwrap_or(1))
    }

    /// Groups that serve the queue without relaxation.
    pub fn first_choice<'a>(&'a self, queue: &'a QueueSpec) -> impl Iterator<Item = (usize, &'a Group)> {
        let groups = self.groups.iter().enumerate();
        groups.filter(|(_, g)| g.key.reach(queue, &[]).is_some_and(|(_, after)| after.is_zero()))
    }
}

impl LaneKey {
    pub fn queue(&self) -> QueueId {
        self.queue
    }

    /// Comes before all lanes of the queue.
    pub fn before(queue: QueueId) -> Self {
        LaneKey { queue, extra: Vec::new(), credit: Duration::ZERO }
    }

    pub fn credit(&self) -> Duration {
        self.credit
    }

    pub fn extra(&self) -> &[Requirement] {
        &self.extra
    }
}

impl Pool {
    /// Agents to be kept idle of so many signed on: the rounded share.
    pub fn reserve(&self, signed_on: u32) -> u32 {
        let share = u64::from(self.share) * u64::from(signed_on);
        u32::try_from((share + 50) / 100).unwrap_or(u32::MAX)
    }

    fn includes(&self, group: &GroupKey) -> bool {
        let meets = |set: &Vec<Requirement>| group.shortfall(set) == Some(0);
        self.queues.iter().any(|q| group.allowed(*q)) && self.requirement.iter().any(meets)
    }
}

impl GroupKey {
    pub fn allowed(&self, queue: QueueId) -> bool {
        self.queues.as_ref().is_none_or(|only| only.contains(&queue))
    }

    /// The most levels that any skill falls short by; `None` where one is missing.
    fn shortfall(&self, requirement: &[Requirement]) -> Option<u32> {
        let mut most = 0;
        for wanted in requirement {
            let had = self.skills.iter().find(|s| s.skill == wanted.skill)?;
            most = most.max(u32::from(wanted.level.saturating_sub(had.level)));
        }
        Some(most)
    }

    /// The first skill of the set that is missing, or has too low a level: how much there is, and how much is wanted.
    pub fn lacks(&self, set: &[Requirement]) -> Option<(Requirement, u8)> {
        set.iter().find_map(|wanted| {
            let had = self.skills.iter().find(|s| s.skill == wanted.skill).map_or(0, |s| s.level);
            (had == 0 || had < wanted.level).then_some((*wanted, had))
        })
    }

    /// In how many steps, and after which wait, callers of the queue come in reach of the group.
    fn reach(&self, queue: &QueueSpec, extra: &[Requirement]) -> Option<(u32, Duration)> {
        if !self.allowed(queue.id) {
            return None;
        }
        let own = queue.sets().filter_map(|set| self.shortfall(set)).min();
        let short = own.zip(self.shortfall(extra));
        let by_steps = short.and_then(|(own, extra)| {
            let steps = u32::from(self.tier) + own.max(extra);
            let after = match steps.checked_sub(1) {
                None => Duration::ZERO,
                Some(at) => *queue.relaxation.get(at as usize)?,
            };
            Some((steps, after))
        });
        let as_anyone = queue
            .anyone_after
            .filter(|_| self.shortfall(extra) == Some(0))
            .map(|after| (by_steps.map_or(u32::MAX, |(steps, _)| steps), after));
        by_steps.into_iter().chain(as_anyone).min_by_key(|(steps, after)| (*after, *steps))
    }
}

impl QueueSpec {
    /// The sets of which an agent must have one.
    pub(super) fn sets(&self) -> impl Iterator<Item = &[Requirement]> {
        std::iter::once(&self.requirement).chain(&self.or).map(Vec::as_slice)
    }
}

/// In one order, each set once, so that equal needs are equal.
fn sets(first: &[Requirement], or: &[Vec<Requirement>]) -> (Vec<Requirement>, Need) {
    let mut all: Need = or.iter().map(|set| normal(set)).chain([normal(first)]).collect();
    all.sort();
    all.dedup();
    let or = all.split_off(1);
    (all.pop().unwrap_or_default(), or)
}

/// Sorted by skill, each once, at its highest level.
fn normal(requirement: &[Requirement]) -> Vec<Requirement> {
    let mut all = requirement.to_vec();
    all.sort_by_key(|r| (r.skill, Reverse(r.level)));
    all.dedup_by_key(|r| r.skill);
    all
}

impl QueueSpec {
    /// After which wait the agent will do for a caller of this queue who has these needs of its own; `None`: never.
    pub fn reach(&self, agent: &AgentSpec, needs: &[Requirement]) -> Option<Duration> {
        let group = GroupKey {
            skills: normal(&agent.skills),
            tier: agent.tier,
            queues: agent.queues.as_ref().map(|queues| queues.iter().copied().collect()),
        };
        group.reach(self, needs).map(|(_, after)| after)
    }
}
