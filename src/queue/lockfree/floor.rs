//! One topology at work: the lanes of callers and the groups of idle agents that belong to it.
//!
//! A floor is built, used and forgotten as a whole. While a new one is taken into use, operations that began on
//! the old one end there; whoever has put somebody into a list looks afterwards whether that floor is still the
//! one in use, and moves them over if it is not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_skiplist::SkipMap;
use once_cell::race::OnceBox;

use super::table::Table;
use super::tickets::Tickets;
use super::walk;
use super::word::FURTHER;
use crate::base::{AgentId, Instant, QueueId};
use crate::queue::index::{Design, Index, LaneKey};
use crate::queue::line::Key;
use crate::queue::{Requirement, Topology};

/// A caller's entry: its place, and the epoch of the word that put it there. With another epoch it is dead.
pub(super) type Entry = (Key, u32);
/// An idle agent's: place, number, epoch.
pub(super) type Idle = (u64, u32, u32);

pub(super) struct Floor {
    /// Who can do what. Its own lists stay empty.
    pub plan: Index,
    pub queues: BTreeMap<QueueId, Arc<Counter>>,
    /// Every agent there ever was, by number; numbers are kept from floor to floor.
    pub ids: Arc<Vec<AgentId>>,
    pub numbers: BTreeMap<AgentId, u32>,
    /// By number; `None`: not in this topology.
    pub group_of: Vec<Option<u32>>,
    pub groups: Vec<Group>,
    pub pools: Vec<Pool>,
    /// In the order of their queues.
    pub lanes: SkipMap<LaneKey, Arc<Lane>>,
    by_kind: Table<OnceBox<Arc<Lane>>>,
}

/// How many wait in a queue. Lives as long as the queue, whatever the floor.
#[derive(Default)]
pub(super) struct Counter(pub AtomicU32);

/// Callers of one queue with the same requirement and credit.
pub(super) struct Lane {
    pub key: LaneKey,
    pub design: Design,
    /// With each caller's ticket.
    pub line: SkipMap<Entry, u64>,
    pub tickets: Tickets,
    /// The wait of the caller served last, in microseconds, and when that was; 0 for never. For ears only.
    pub last_wait: AtomicU64,
    pub last_at: AtomicU64,
}

pub(super) struct Group {
    pub idle: SkipMap<Idle, ()>,
    pub signed_on: SkipMap<u32, ()>,
    /// By the lane's key, so that it does not matter how often a lane is made known.
    pub lanes: SkipMap<LaneKey, (Arc<Lane>, Duration)>,
}

/// See [`Index`]'s pools. `idle` counts entries: up before one is made, down by whoever removes it.
#[derive(Default)]
pub(super) struct Pool {
    pub idle: AtomicU32,
    pub signed_on: SkipMap<u32, ()>,
}

/// What a caller asks for, by number: what stays of it when the topology changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub queue: QueueId,
    pub extra: Vec<Requirement>,
    pub credit: Option<Duration>,
}

impl Floor {
    pub fn new(topology: &Arc<Topology>, before: Option<&Floor>) -> Self {
        let plan = Index::new(topology);
        let mut ids = before.map(|b| b.ids.as_ref().clone()).unwrap_or_default();
        let mut numbers = before.map(|b| b.numbers.clone()).unwrap_or_default();
        for id in plan.agents.keys() {
            numbers.entry(*id).or_insert_with(|| {
                ids.push(*id);
                (ids.len() - 1) as u32
            });
        }
        let group_of = ids.iter().map(|id| plan.agents.get(id).map(|group| *group as u32)).collect();
        let groups = plan.groups.iter().map(|_| Group {
            idle: SkipMap::new(),
            signed_on: SkipMap::new(),
            lanes: SkipMap::new(),
        });
        let counter = |id| before.and_then(|b| b.queues.get(id)).cloned().unwrap_or_default();
        Floor {
            queues: plan.queues.keys().map(|id| (*id, counter(id))).collect(),
            ids: Arc::new(ids),
            numbers,
            group_of,
            groups: groups.collect(),
            pools: plan.pools.iter().map(|_| Pool::default()).collect(),
            lanes: SkipMap::new(),
            by_kind: Table::default(),
            plan,
        }
    }

    /// Keeps what was learnt about waiting.
    pub fn inherit(&self, old: &Floor) {
        for lane in old.lanes.iter() {
            let at = lane.value().last_at.load(Ordering::Relaxed);
            if at == 0 {
                continue;
            }
            if let Some(heir) = self.lane_with(lane.key()) {
                heir.last_at.store(at, Ordering::Relaxed);
                heir.last_wait.store(lane.value().last_wait.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
    }

    /// The lane for callers of this kind; `None` where there is no such queue.
    pub fn lane(&self, number: u32, kind: impl FnOnce() -> Option<Arc<Kind>>) -> Option<&Arc<Lane>> {
        let place = self.by_kind.at(number);
        if let Some(lane) = place.get() {
            return Some(lane);
        }
        let kind = kind()?;
        let lane = self.lane_with(&self.plan.lane_key(kind.queue, &kind.extra, kind.credit)?)?;
        Some(place.get_or_init(|| Box::new(lane)))
    }

    /// Does not wait for another thread that makes the same lane: whatever is missing, everybody adds.
    fn lane_with(&self, key: &LaneKey) -> Option<Arc<Lane>> {
        let entry = match self.lanes.get(key) {
            Some(entry) => entry,
            None => {
                let design = self.plan.design(key)?;
                self.lanes.get_or_insert_with(key.clone(), || Arc::new(Lane::new(key, design)))
            }
        };
        let lane = entry.value().clone();
        for choice in &lane.design.choices {
            let lanes = &self.groups[choice.group].lanes;
            lanes.get_or_insert_with(key.clone(), || (lane.clone(), choice.after));
        }
        Some(lane)
    }

    pub fn lanes_of(&self, queue: QueueId) -> impl Iterator<Item = Arc<Lane>> {
        let lanes = walk::from(&self.lanes, LaneKey::before(queue));
        lanes.take_while(move |lane| lane.key().queue() == queue).map(|lane| lane.value().clone())
    }

    pub fn group(&self, agent: u32) -> Option<usize> {
        self.group_of.get(agent as usize).copied().flatten().map(|group| group as usize)
    }

    pub fn pools_of(&self, group: usize) -> &[usize] {
        &self.plan.groups[group].pools
    }

    /// Who has somebody on hold is no reserve for anybody.
    fn pools_kept_by(&self, group: usize, (place, ..): Idle) -> &[usize] {
        if place & FURTHER == 0 { self.pools_of(group) } else { &[] }
    }

    /// Idle agents of the group who have nobody on hold.
    pub fn ready_in(&self, group: usize) -> usize {
        let idle = &self.groups[group].idle;
        idle.len().saturating_sub(walk::from(idle, (FURTHER, 0, 0)).count())
    }

    pub fn reserve(&self, pool: usize) -> u32 {
        self.plan.pools[pool].reserve(u32::try_from(self.pools[pool].signed_on.len()).unwrap_or(u32::MAX))
    }

    pub fn idle_in(&self, pool: usize) -> u32 {
        self.pools[pool].idle.load(Ordering::Relaxed)
    }

    /// Whether a caller of this value may use an agent of this group without touching a reserve.
    pub fn reserve_allows(&self, value: u32, group: usize) -> bool {
        let pools = self.pools_of(group).iter().filter(|pool| self.plan.pools[**pool].value > value);
        pools.into_iter().all(|pool| self.idle_in(*pool) > self.reserve(*pool))
    }

    /// Whether callers of the lane who have waited so long are content with the group, reserves respected.
    pub fn in_reach(&self, lane: &Lane, group: usize, after: Duration, waited: Duration) -> bool {
        waited >= after
            && (waited >= self.plan.config.reserve_waived_after
                || self.reserve_allows(lane.design.value, group))
    }

    /// Enters an idle agent. Returns the pools whose reserve is exceeded by this very one.
    pub fn enter(&self, group: usize, idle: Idle) -> Vec<usize> {
        let mut exceeded = Vec::new();
        for &pool in self.pools_kept_by(group, idle) {
            let count = self.pools[pool].idle.fetch_add(1, Ordering::Relaxed) + 1;
            if count == self.reserve(pool) + 1 {
                exceeded.push(pool);
            }
        }
        self.groups[group].idle.insert(idle, ());
        exceeded
    }

    /// Harmless where there is no such entry (any more).
    pub fn remove(&self, group: usize, idle: &Idle) {
        if let Some(entry) = self.groups[group].idle.get(idle)
            && entry.remove()
        {
            for &pool in self.pools_kept_by(group, *idle) {
                self.pools[pool].idle.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Somebody who serves the lane, now or after a wait, is signed on.
    pub fn is_staffed(&self, lane: &Lane) -> bool {
        lane.design.choices.iter().any(|choice| self.signed_on(choice.group) > 0)
    }

    /// Harmless for who is signed on already, or in no group.
    pub fn sign_on(&self, agent: u32) {
        let Some(group) = self.group(agent) else { return };
        for pool in self.pools_of(group) {
            self.pools[*pool].signed_on.get_or_insert(agent, ());
        }
        self.groups[group].signed_on.get_or_insert(agent, ());
    }

    pub fn signed_on(&self, group: usize) -> usize {
        self.groups[group].signed_on.len()
    }
}

impl Lane {
    fn new(key: &LaneKey, design: Design) -> Self {
        Lane {
            key: key.clone(),
            design,
            line: SkipMap::new(),
            tickets: Tickets::default(),
            last_wait: AtomicU64::new(0),
            last_at: AtomicU64::new(0),
        }
    }

    /// The place in the one order of all lanes.
    pub fn virtual_time(&self, arrived: Instant) -> i64 {
        let credit = i64::try_from(self.key.credit().as_micros()).unwrap_or(i64::MAX);
        i64::try_from(arrived.as_micros()).unwrap_or(i64::MAX).saturating_sub(credit)
    }

    /// When the caller with this key arrived.
    pub fn arrived(&self, key: Key) -> Instant {
        let credit = i64::try_from(self.key.credit().as_micros()).unwrap_or(i64::MAX);
        Instant::from_micros(u64::try_from(key.v.saturating_add(credit)).unwrap_or(0))
    }

    /// How many of this lane come before the key, whose ticket is this if it stands here.
    pub fn rank(&self, key: Key, ticket: Option<u64>) -> usize {
        let ticket = ticket.filter(|t| *t != super::tickets::AHEAD).or_else(|| {
            let mut later = walk::from(&self.line, (key, 0)).map(|entry| *entry.value());
            later.find(|ticket| *ticket != super::tickets::AHEAD)
        });
        let with = ticket.map_or_else(|| self.tickets.all(), |ticket| self.tickets.before(ticket));
        with + self.tickets.ahead_of(key)
    }
}
