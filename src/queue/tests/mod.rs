//! Exact input, exact events: one test per rule of the policy.

#![allow(clippy::duplicate_mod, reason = "both cores go through the same tests")]

mod agents;
mod callers;
mod changes;
mod policy;
mod random;
mod reload;
mod several;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::base::{AgentId, Instant, QueueId};

pub(super) const CONSULT: QueueId = QueueId(0);
pub(super) const COMPLAINT: QueueId = QueueId(1);
pub(super) const VIP: QueueId = QueueId(2);

/// Skills carry the numbers of the queues that ask for them.
pub(super) fn skill(queue: QueueId, level: u8) -> Requirement {
    Requirement { skill: queue.0, level }
}

pub(super) fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

pub(super) fn queue(id: QueueId, credit: u64, value: u32) -> QueueSpec {
    let requirement = vec![skill(id, 1)];
    QueueSpec { requirement, credit: secs(credit), value, ..QueueSpec::new(id) }
}

/// An agent with these skills at level 1.
pub(super) fn agent(id: u32, queues: &[QueueId]) -> AgentSpec {
    AgentSpec { skills: queues.iter().map(|q| skill(*q, 1)).collect(), ..AgentSpec::new(AgentId(id)) }
}

/// The bank's three lines.
pub(super) fn bank(agents: Vec<AgentSpec>) -> Topology {
    let queues = vec![queue(CONSULT, 0, 0), queue(COMPLAINT, 60, 2), queue(VIP, 90, 4)];
    Topology { queues, agents, config: Config::default() }
}

/// A core, a clock, and what has come out since the last look. Invariants are checked after every step.
pub(super) struct World {
    pub core: Core,
    pub now: Instant,
    out: Vec<Event>,
    offers: Vec<OfferId>,
    callers: Vec<(u64, CallerId)>,
}

impl World {
    /// Nobody signed on; the clock stands at 1000 s.
    pub fn new(topology: Topology) -> Self {
        let now = Instant::ZERO + secs(1000);
        let core = Core::new(now, &Arc::new(topology));
        World { core, now, out: Vec::new(), offers: Vec::new(), callers: Vec::new() }
    }

    /// Everybody ready, in the order of their ids and a microsecond apart.
    pub fn staffed(topology: Topology) -> Self {
        let ids: Vec<_> = topology.agents.iter().map(|a| a.id).collect();
        let mut world = World::new(topology);
        for AgentId(id) in ids {
            world.ready(id);
            world.now += Duration::from_micros(1);
        }
        world.now = Instant::ZERO + secs(1001);
        world.events();
        world
    }

    /// Jumps from deadline to deadline.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, _)) = self.core.next_deadline().filter(|(at, _)| *at <= end) {
            self.now = at;
            self.step(|core, now, out| core.tick(now, out));
        }
        self.now = end;
        self.step(|core, now, out| core.tick(now, out));
    }

    pub fn ready(&mut self, id: u32) {
        self.step(|core, now, out| {
            assert!(core.agent_login(now, AgentId(id), out) && core.agent_ready(now, AgentId(id), out));
        });
    }

    pub fn away(&mut self, id: u32) -> AwayResult {
        self.step(|core, now, out| core.agent_away(now, AgentId(id), Away::Break, out))
    }

    pub fn logout(&mut self, id: u32) -> AwayResult {
        self.step(|core, now, out| core.agent_logout(now, AgentId(id), out))
    }

    pub fn join(&mut self, queue: QueueId, tag: u64) -> CallerId {
        let join = Join::new(queue, self.now, tag);
        self.join_with(join).expect("the caller may wait")
    }

    pub fn join_with(&mut self, join: Join) -> Result<CallerId, JoinError> {
        let tag = join.tag;
        let joined = self.step(|core, now, out| core.join(now, join, out));
        self.callers.extend(joined.ok().map(|id| (tag, id)));
        joined
    }

    pub fn leave(&mut self, tag: u64, why: LeaveWhy) -> Left {
        let id = self.id(tag);
        self.step(|core, now, out| core.leave(now, id, why, out))
    }

    pub fn accept(&mut self, agent: u32) {
        let offer = self.offer_to(agent);
        self.step(|core, now, out| core.offer_accepted(now, offer, out)).expect("the offer stands");
    }

    pub fn refuse(&mut self, agent: u32, refusal: Refusal) {
        let offer = self.offer_to(agent);
        assert!(self.step(|core, now, out| core.offer_refused(now, offer, refusal, out)), "the offer stands");
    }

    /// Without wrap-up.
    pub fn hang_up(&mut self, agent: u32) {
        assert!(self.step(|core, now, out| core.call_ended(now, AgentId(agent), Some(Duration::ZERO), out)));
    }

    /// The latest.
    pub fn offer_to(&self, agent: u32) -> OfferId {
        *self.offers.iter().rfind(|o| o.agent() == AgentId(agent)).expect("was offered somebody")
    }

    pub fn id(&self, tag: u64) -> CallerId {
        self.callers.iter().rfind(|(t, _)| *t == tag).expect("has joined").1
    }

    pub fn state(&self, agent: u32) -> AgentState {
        self.core.agent_state(AgentId(agent)).expect("exists")
    }

    pub fn step<R>(&mut self, operation: impl FnOnce(&mut Core, Instant, &mut Vec<Event>) -> R) -> R {
        let before = self.out.len();
        let result = operation(&mut self.core, self.now, &mut self.out);
        self.core.check_invariants();
        self.offers.extend(self.out[before..].iter().filter_map(|e| match e {
            Event::Offered { offer, .. } => Some(*offer),
            _ => None,
        }));
        result
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.out)
    }

    /// What happened since the last look, one line per event; depths and agents' states left out.
    #[track_caller]
    pub fn expect(&mut self, expected: &[&str]) {
        let quiet = |e: &&Event| !matches!(e, Event::QueueDepth { .. } | Event::AgentState { .. });
        let lines: Vec<_> = self.out.iter().filter(quiet).map(show).collect();
        self.out.clear();
        assert_eq!(lines, expected);
    }

    /// The same with everything.
    #[track_caller]
    pub fn expect_all(&mut self, expected: &[&str]) {
        let lines: Vec<_> = self.out.drain(..).map(|e| show(&e)).collect();
        assert_eq!(lines, expected);
    }
}

fn show(event: &Event) -> String {
    match event {
        Event::Offered { tag, queue, agent, .. } => format!("offered {tag} of {queue} to {agent}"),
        Event::OfferWithdrawn { offer, tag, why } => {
            format!("withdrawn {tag} from {}: {why:?}", offer.agent())
        }
        Event::Connected { tag, agent, waited, .. } => format!("connected {tag} to {agent} after {waited:?}"),
        Event::Requeued { tag, why, .. } => format!("requeued {tag}: {why:?}"),
        Event::Left { tag, why, waited, .. } => format!("left {tag} after {waited:?}: {why:?}"),
        Event::AgentState { agent, state } => format!("{agent} {state:?}"),
        Event::Relaxed { tag, tier, .. } => format!("relaxed {tag} to {tier}"),
        Event::OwnerSkipped { tag, owner, why, .. } => format!("skipped {owner} for {tag}: {why:?}"),
        Event::Changed { tag, queue, credit, .. } => format!("changed {tag} to {queue} with {credit:?}"),
        Event::Parked { tag, .. } => format!("parked {tag}"),
        Event::Resumed { tag, .. } => format!("resumed {tag}"),
        Event::QueueDepth { queue, waiting } => format!("{queue} has {waiting}"),
    }
}
