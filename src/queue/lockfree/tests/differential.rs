//! The same operations on both cores, right and wrong ones: the same answers, the same events, the same deadlines, the
//! same views, after each.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::base::{AgentId, Instant, QueueId, Rng};
use crate::queue::*;

const AGENTS: u32 = 9;
const SKILLS: u16 = 4;

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// Queues with credits, values, levels, longest waits; agents with tiers, restrictions, and some who are not there.
fn topology(rng: &mut Rng) -> Topology {
    let queues = (0..4u16).filter(|_| rng.below(8) > 0).collect::<Vec<_>>();
    let queues = queues.into_iter().map(|number| QueueSpec {
        requirement: vec![Requirement { skill: number % SKILLS, level: 1 + rng.below(3) as u8 }],
        or: (0..rng.below(6).saturating_sub(3)).map(|_| other_set(rng)).collect(),
        credit: secs(30 * rng.below(4)),
        value: [0, 0, 2, 4][rng.below(4) as usize],
        reserve_percent: (rng.below(3) == 0).then(|| rng.below(60) as u8),
        max_wait: (rng.below(3) == 0).then(|| secs(50 + rng.below(200))),
        anyone_after: (rng.below(4) == 0).then(|| secs(45)),
        capacity: (rng.below(4) == 0).then_some(6),
        closed: rng.below(20) == 0,
        ..QueueSpec::new(QueueId(number))
    });
    let queues = queues.collect();
    let agents = (0..AGENTS).filter(|_| rng.below(8) > 0).collect::<Vec<_>>();
    let agents = agents.into_iter().map(|id| {
        let skills = (0..SKILLS).filter(|_| rng.below(2) == 0).collect::<Vec<_>>();
        let skills = skills.into_iter().map(|skill| Requirement { skill, level: 1 + rng.below(3) as u8 });
        let skills = skills.collect();
        let tier = if rng.below(3) == 0 { rng.below(5) as u8 } else { 0 };
        let queues = (rng.below(5) == 0).then(|| vec![QueueId(rng.below(4) as u16)]);
        let calls_at_once = [1, 1, 2, 3][rng.below(4) as usize];
        AgentSpec { id: AgentId(id), skills, tier, queues, calls_at_once }
    });
    let agents = agents.collect();
    let config = Config {
        reserve_percent: [0, 20, 50][rng.below(3) as usize],
        reserve_waived_after: secs(20 + rng.below(80)),
        ..Config::default()
    };
    Topology { queues, agents, config }
}

fn other_set(rng: &mut Rng) -> Vec<Requirement> {
    let skills = (0..SKILLS).filter(|_| rng.below(3) == 0).collect::<Vec<_>>();
    let set = skills.into_iter().map(|skill| Requirement { skill, level: 1 + rng.below(3) as u8 });
    set.collect()
}

/// Both cores, and every handle they ever gave, in pairs: their numbers differ, their order does not.
struct Twins {
    rng: Rng,
    now: Instant,
    oracle: sequential::Core,
    core: lockfree::Core,
    callers: Vec<(CallerId, CallerId)>,
    offers: Vec<(OfferId, OfferId)>,
    joined: u64,
    events: u64,
}

impl Twins {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::from_number(seed);
        let topology = Arc::new(topology(&mut rng));
        Twins {
            rng,
            now: Instant::ZERO,
            oracle: sequential::Core::new(Instant::ZERO, &topology),
            core: lockfree::Core::new(Instant::ZERO, &topology),
            callers: Vec::new(),
            offers: Vec::new(),
            joined: 0,
            events: 0,
        }
    }

    fn step(&mut self) {
        // Half of the operations happen at the same moment as the one before.
        self.now += Duration::from_millis(self.rng.below(2) * self.rng.below(6000));
        let now = self.now;
        let agent = AgentId(self.rng.below(u64::from(AGENTS)) as u32);
        match self.rng.below(32) {
            28..31 => {
                let holds = self.rng.below(3) > 0;
                self.both(
                    |c, s| c.agent_holds(now, agent, holds, s),
                    |c, s| c.agent_holds(now, agent, holds, s),
                );
            }
            31 => {
                let tag = self.joined.saturating_sub(self.rng.below(30));
                let wrap = [None, Some(Duration::ZERO)][self.rng.below(2) as usize];
                self.both(
                    |c, s| c.talk_ended(now, agent, tag, wrap, s),
                    |c, s| c.talk_ended(now, agent, tag, wrap, s),
                );
            }
            0..6 => self.join(),
            24 if !self.callers.is_empty() => {
                let (theirs, ours) = recent(&mut self.rng, &self.callers, 30);
                let rng = &mut self.rng;
                let change = Change {
                    queue: (rng.below(2) == 0).then(|| QueueId(rng.below(5) as u16)),
                    credit: (rng.below(2) == 0).then(|| secs(rng.below(4) * 60)),
                };
                self.both(|c, s| c.change(now, theirs, change, s), |c, s| c.change(now, ours, change, s));
            }
            25 if !self.callers.is_empty() => {
                let (theirs, ours) = recent(&mut self.rng, &self.callers, 30);
                self.both(|c, s| c.park(now, theirs, s), |c, s| c.park(now, ours, s));
            }
            26 | 27 if !self.callers.is_empty() => {
                let (theirs, ours) = recent(&mut self.rng, &self.callers, 30);
                self.both(|c, s| c.resume(now, theirs, s), |c, s| c.resume(now, ours, s));
            }
            6 if !self.callers.is_empty() => {
                let (theirs, ours) = recent(&mut self.rng, &self.callers, 30);
                let why = LeaveWhy::Abandoned;
                self.both(|core, s| core.leave(now, theirs, why, s), |core, s| core.leave(now, ours, why, s));
            }
            7..10 => {
                self.both(|c, s| c.agent_login(now, agent, s), |c, s| c.agent_login(now, agent, s));
                self.both(|c, s| c.agent_ready(now, agent, s), |c, s| c.agent_ready(now, agent, s));
            }
            10 => {
                let why = [Away::Meeting, Away::Other(7)][self.rng.below(2) as usize];
                self.both(|c, s| c.agent_away(now, agent, why, s), |c, s| c.agent_away(now, agent, why, s));
            }
            11 if self.rng.below(3) == 0 => {
                self.both(|c, s| c.agent_logout(now, agent, s), |c, s| c.agent_logout(now, agent, s));
            }
            12 if self.rng.below(3) == 0 => {
                self.both(|c, s| c.agent_seize(now, agent, s), |c, s| c.agent_seize(now, agent, s));
            }
            13..16 if !self.offers.is_empty() => {
                let (theirs, ours) = recent(&mut self.rng, &self.offers, 12);
                self.both(
                    |c, s| c.offer_accepted(now, theirs, s).is_ok(),
                    |c, s| c.offer_accepted(now, ours, s).is_ok(),
                );
            }
            16..18 if !self.offers.is_empty() => {
                let (theirs, ours) = recent(&mut self.rng, &self.offers, 12);
                let refusals = [Refusal::Rejected, Refusal::Busy, Refusal::RingTimeout, Refusal::Unreachable];
                let refusal = refusals[self.rng.below(4) as usize];
                self.both(
                    |c, s| c.offer_refused(now, theirs, refusal, s),
                    |c, s| c.offer_refused(now, ours, refusal, s),
                );
            }
            18..20 => {
                let wrap = [None, Some(Duration::ZERO), Some(secs(7))][self.rng.below(3) as usize];
                self.both(|c, s| c.call_ended(now, agent, wrap, s), |c, s| c.call_ended(now, agent, wrap, s));
            }
            20 => {
                self.both(|c, s| c.wrap_up_extend(now, agent, s), |c, s| c.wrap_up_extend(now, agent, s));
            }
            21 if self.rng.below(8) == 0 => {
                let next = Arc::new(topology(&mut self.rng));
                self.both(|c, s| c.reconfigure(now, &next, s), |c, s| c.reconfigure(now, &next, s));
            }
            _ => {
                self.both(|c, s| c.tick(now, s), |c, s| c.tick(now, s));
            }
        }
    }

    fn join(&mut self) {
        self.joined += 1;
        let rng = &mut self.rng;
        let mut join = Join::new(QueueId(rng.below(4) as u16), self.now, self.joined);
        if rng.below(4) == 0 {
            join.extra.push(Requirement { skill: 3, level: 1 + rng.below(2) as u8 });
        }
        if rng.below(4) == 0 {
            let agent = AgentId(rng.below(u64::from(AGENTS)) as u32);
            join.owner = Some(Owner { agent, hold: secs(rng.below(30)) });
        }
        if rng.below(5) == 0 {
            join.arrived = self.now - secs(rng.below(120));
            join.kept = rng.below(2) == 0;
        }
        if rng.below(5) == 0 {
            join.credit = Some(secs(rng.below(3) * 45));
        }
        let (theirs, ours, now) = (join.clone(), join, self.now);
        let (mut of_oracle, mut of_core) = (None, None);
        self.both(
            |c, s| c.join(now, theirs, s).map(|id| of_oracle = Some(id)),
            |c, s| c.join(now, ours, s).map(|id| of_core = Some(id)),
        );
        self.callers.extend(of_oracle.zip(of_core));
    }

    fn both<R: PartialEq + std::fmt::Debug>(
        &mut self,
        theirs: impl FnOnce(&mut sequential::Core, &mut Vec<Event>) -> R,
        ours: impl FnOnce(&lockfree::Core, &mut Vec<Event>) -> R,
    ) {
        let (mut expected, mut got) = (Vec::new(), Vec::new());
        assert_eq!(theirs(&mut self.oracle, &mut expected), ours(&self.core, &mut got), "answers differ");
        let alike = |events: &[Event]| events.iter().map(without_handles).collect::<Vec<_>>();
        assert_eq!(alike(&expected), alike(&got), "events differ at {:?}", self.now);
        self.events += expected.len() as u64;
        for pair in expected.iter().zip(&got) {
            if let (Event::Offered { offer: theirs, .. }, Event::Offered { offer: ours, .. }) = pair {
                self.offers.push((*theirs, *ours));
            }
        }
        assert_eq!(self.oracle.next_deadline(), self.core.next_deadline(), "deadlines differ");
    }

    fn compare_views(&self) {
        self.core.check_invariants();
        assert_eq!(self.oracle.snapshot(), self.core.snapshot());
        for (theirs, ours) in self.callers.iter().rev().take(60) {
            assert_eq!(self.oracle.position(*theirs), self.core.position(*ours), "positions differ");
            assert_eq!(self.oracle.is_attended(*theirs), self.core.is_attended(*ours), "attendance differs");
            assert_eq!(self.oracle.estimate(*theirs), self.core.estimate(*ours), "estimates differ");
            let (nobody, most) = (CallerId { index: 0, epoch: 0 }, 1 + self.joined as usize % 12);
            let explain = |e: Option<Explanation>| e.map(|e| Explanation { caller: nobody, ..e });
            let (theirs, ours) = (self.oracle.explain(*theirs, most), self.core.explain(*ours, most));
            assert_eq!(explain(theirs), explain(ours), "explanations differ");
        }
    }
}

fn recent<T: Copy>(rng: &mut Rng, from: &[T], most: usize) -> T {
    let from = &from[from.len().saturating_sub(most)..];
    from[rng.below(from.len() as u64) as usize]
}

fn without_handles(event: &Event) -> Event {
    let (nobody, no_offer) = (CallerId { index: 0, epoch: 0 }, OfferId { agent: AgentId(0), epoch: 0 });
    let mut event = *event;
    match &mut event {
        Event::Offered { offer, caller, .. } => (*offer, *caller) = (no_offer, nobody),
        Event::OfferWithdrawn { offer, .. } => *offer = no_offer,
        Event::Connected { caller, .. }
        | Event::Requeued { caller, .. }
        | Event::Left { caller, .. }
        | Event::Relaxed { caller, .. }
        | Event::Changed { caller, .. }
        | Event::Parked { caller, .. }
        | Event::Resumed { caller, .. }
        | Event::OwnerSkipped { caller, .. } => *caller = nobody,
        Event::AgentState { .. } | Event::QueueDepth { .. } => {}
    }
    event
}

fn run(seed: u64, steps: u64) -> u64 {
    let mut twins = Twins::new(seed);
    for step in 0..steps {
        twins.step();
        if step % 16 == 0 {
            twins.compare_views();
        }
    }
    twins.compare_views();
    twins.events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_cores_do_the_same(seed: u64, steps in 1u64..400) {
        run(seed, steps);
    }
}

/// Short and long ones.
#[test]
#[ignore = "takes minutes"]
fn both_cores_do_the_same_in_a_million_sequences() {
    const SEQUENCES: u64 = 1_000_000;
    let events: u64 = (0..SEQUENCES).map(|seed| run(seed, 10 + seed % 90)).sum();
    assert!(events > 10 * SEQUENCES, "{events} events: too little happened");
}
