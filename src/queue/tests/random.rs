//! Random operations: the invariants hold after each, equal input gives equal events, everything drains.

use proptest::prelude::*;

use super::*;
use crate::base::Rng;

const AGENTS: u32 = 9;

/// Some topology with three queues, tiers, levels, restrictions and a person who is not always there.
fn topology(rng: &mut Rng) -> Topology {
    let mut queues = bank(Vec::new()).queues;
    for queue in &mut queues {
        queue.max_wait = (rng.below(3) == 0).then(|| secs(50 + rng.below(200)));
        queue.anyone_after = (rng.below(4) == 0).then(|| secs(45));
        queue.capacity = (rng.below(4) == 0).then_some(12);
        queue.requirement[0].level = 1 + rng.below(3) as u8;
        if rng.below(4) == 0 {
            queue.or.push(vec![Requirement { skill: rng.below(4) as u16, level: 2 }]);
        }
    }
    if rng.below(6) == 0 {
        queues.swap_remove(rng.below(3) as usize);
    }
    let agents = (0..AGENTS).filter(|_| rng.below(8) > 0).collect::<Vec<_>>();
    let agents = agents.into_iter().map(|id| {
        let mut skills = Vec::new();
        for skill in 0..4 {
            if rng.below(2) == 0 {
                skills.push(Requirement { skill, level: 1 + rng.below(3) as u8 });
            }
        }
        let tier = if rng.below(3) == 0 { rng.below(5) as u8 } else { 0 };
        let queues = (rng.below(5) == 0).then(|| vec![QueueId(rng.below(3) as u16)]);
        let calls_at_once = [1, 1, 2, 3][rng.below(4) as usize];
        AgentSpec { id: AgentId(id), skills, tier, queues, calls_at_once }
    });
    let agents = agents.collect();
    let config = Config { reserve_percent: [0, 20, 50][rng.below(3) as usize], ..Config::default() };
    Topology { queues, agents, config }
}

/// A host that does random things, right and wrong ones, with whatever handles it ever had.
struct Host {
    rng: Rng,
    core: Core,
    now: Instant,
    log: Vec<Event>,
    callers: Vec<CallerId>,
    offers: Vec<OfferId>,
    joined: u64,
}

impl Host {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::from_number(seed);
        let core = Core::new(Instant::ZERO, &Arc::new(topology(&mut rng)));
        let (log, callers, offers) = (Vec::new(), Vec::new(), Vec::new());
        Host { rng, core, now: Instant::ZERO, log, callers, offers, joined: 0 }
    }

    fn step(&mut self) {
        // Now and then a late tick: deadlines pass unnoticed until the next operation.
        self.now += Duration::from_millis(self.rng.below(6000));
        let (now, before) = (self.now, self.log.len());
        let agent = AgentId(self.rng.below(u64::from(AGENTS)) as u32);
        let mut log = std::mem::take(&mut self.log);
        match self.rng.below(26) {
            23 | 24 => {
                let holds = self.rng.below(3) > 0;
                self.core.agent_holds(now, agent, holds, &mut log);
            }
            25 => {
                let tag = self.rng.below(self.joined + 1);
                self.core.talk_ended(now, agent, tag, None, &mut log);
            }
            0..5 => self.join(&mut log),
            20 if !self.callers.is_empty() => {
                let caller = pick(&mut self.rng, &self.callers);
                let queue = (self.rng.below(2) == 0).then(|| QueueId(self.rng.below(4) as u16));
                let credit = (self.rng.below(2) == 0).then(|| secs(self.rng.below(4) * 60));
                let _ = self.core.change(now, caller, Change { queue, credit }, &mut log);
            }
            21 if !self.callers.is_empty() => {
                let caller = pick(&mut self.rng, &self.callers);
                self.core.park(now, caller, &mut log);
            }
            22 if !self.callers.is_empty() => {
                let caller = pick(&mut self.rng, &self.callers);
                self.core.resume(now, caller, &mut log);
            }
            5 if !self.callers.is_empty() => {
                let caller = pick(&mut self.rng, &self.callers);
                self.core.leave(now, caller, LeaveWhy::Abandoned, &mut log);
            }
            6..9 => {
                self.core.agent_login(now, agent, &mut log);
                self.core.agent_ready(now, agent, &mut log);
            }
            9 => {
                self.core.agent_away(now, agent, Away::Meeting, &mut log);
            }
            10 if self.rng.below(3) == 0 => {
                self.core.agent_logout(now, agent, &mut log);
            }
            11 if self.rng.below(3) == 0 => {
                self.core.agent_seize(now, agent, &mut log);
            }
            12..15 if !self.offers.is_empty() => {
                let recent = self.offers.len().saturating_sub(12);
                let offer = pick(&mut self.rng, &self.offers[recent..]);
                let _ = self.core.offer_accepted(now, offer, &mut log);
            }
            15 if !self.offers.is_empty() => {
                let offer = pick(&mut self.rng, &self.offers);
                let refusals = [Refusal::Rejected, Refusal::Busy, Refusal::RingTimeout, Refusal::Unreachable];
                let refusal = pick(&mut self.rng, &refusals);
                self.core.offer_refused(now, offer, refusal, &mut log);
            }
            16..18 => {
                let wrap = pick(&mut self.rng, &[None, Some(Duration::ZERO), Some(secs(7))]);
                self.core.call_ended(now, agent, wrap, &mut log);
            }
            18 => {
                self.core.wrap_up_extend(now, agent, &mut log);
            }
            19 if self.rng.below(8) == 0 => {
                let next = Arc::new(topology(&mut self.rng));
                self.core.reconfigure(now, &next, &mut log);
            }
            _ => {
                self.core.tick(now, &mut log);
            }
        }
        self.log = log;
        self.core.check_invariants();
        self.follow(before);
    }

    fn join(&mut self, log: &mut Vec<Event>) {
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
        }
        if rng.below(5) == 0 {
            join.credit = Some(secs(rng.below(3) * 45));
        }
        if let Ok(caller) = self.core.join(self.now, join, log) {
            self.callers.push(caller);
        }
    }

    fn follow(&mut self, from: usize) {
        for event in &self.log[from..] {
            if let Event::Offered { offer, .. } = event {
                self.offers.push(*offer);
            }
        }
    }

    fn end_talks(&mut self, agent: AgentId) {
        self.core.call_ended(self.now, agent, Some(Duration::ZERO), &mut self.log);
        let views = self.core.snapshot().agents;
        for (tag, _) in views.into_iter().filter(|view| view.id == agent).flat_map(|view| view.held) {
            self.core.talk_ended(self.now, agent, tag, Some(Duration::ZERO), &mut self.log);
        }
    }

    /// Everybody gets ready, answers, talks briefly; whoever nobody can serve gives up.
    fn drain(&mut self) {
        for _ in 0..400 {
            for agent in (0..AGENTS).map(AgentId) {
                self.core.agent_login(self.now, agent, &mut self.log);
                self.end_talks(agent);
                self.core.agent_ready(self.now, agent, &mut self.log);
                self.core.check_invariants();
            }
            self.offers.clear();
            self.follow(0);
            for offer in std::mem::take(&mut self.offers) {
                let _ = self.core.offer_accepted(self.now, offer, &mut self.log);
            }
            self.now += secs(1);
        }
        for caller in std::mem::take(&mut self.callers) {
            self.core.leave(self.now, caller, LeaveWhy::Abandoned, &mut self.log);
        }
        for agent in (0..AGENTS).map(AgentId) {
            self.end_talks(agent);
            self.core.agent_logout(self.now, agent, &mut self.log);
        }
        self.core.check_invariants();
    }
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.below(from.len() as u64) as usize]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_and_everything_drains(seed: u64, steps in 1usize..400) {
        let mut host = Host::new(seed);
        for _ in 0..steps {
            host.step();
        }
        host.drain();
        let snapshot = host.core.snapshot();
        for queue in &snapshot.queues {
            prop_assert_eq!((queue.waiting, queue.offered, queue.talking), (0, 0, 0));
        }
        prop_assert_eq!(host.core.next_deadline(), None, "a deadline is left over");
        balance(&host.log)?;
    }

    #[test]
    fn equal_input_gives_equal_events(seed: u64) {
        let mut runs = [Host::new(seed), Host::new(seed)];
        for host in &mut runs {
            for _ in 0..200 {
                host.step();
            }
        }
        prop_assert_eq!(&runs[0].log, &runs[1].log);
    }
}

/// Every offer ends once; every caller connects or leaves once at most; nobody is offered twice at a time.
fn balance(log: &[Event]) -> Result<(), TestCaseError> {
    let mut offered: std::collections::BTreeMap<u64, AgentId> = Default::default();
    let mut gone = std::collections::BTreeSet::new();
    for event in log {
        match event {
            Event::Offered { tag, agent, .. } => {
                prop_assert!(!gone.contains(tag), "{} was offered after the end", tag);
                prop_assert!(offered.values().all(|a| a != agent), "{} was offered two callers", agent);
                prop_assert_eq!(offered.insert(*tag, *agent), None, "{} was offered twice", tag);
            }
            // An offer that was under way has ended with it.
            Event::Parked { tag, .. } => drop(offered.remove(tag)),
            Event::Requeued { tag, .. } => {
                prop_assert!(offered.remove(tag).is_some(), "{} came back from nowhere", tag);
            }
            Event::Connected { tag, agent, .. } => {
                prop_assert_eq!(offered.remove(tag), Some(*agent));
                prop_assert!(gone.insert(*tag), "{} was served twice", tag);
            }
            Event::Left { tag, .. } => {
                offered.remove(tag);
                prop_assert!(gone.insert(*tag), "{} ended twice", tag);
            }
            _ => {}
        }
    }
    prop_assert!(offered.is_empty(), "an offer never ended");
    Ok(())
}
