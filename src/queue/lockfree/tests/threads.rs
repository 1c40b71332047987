//! Many threads at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::Core;
use crate::base::{AgentId, Instant, QueueId, Rng};
use crate::queue::*;

const THREADS: u64 = 4;
const AGENTS: u32 = 24;
const QUEUES: u16 = 6;

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

pub(super) fn topology(variant: u64) -> Arc<Topology> {
    let mut rng = Rng::from_number(variant);
    let queues = (0..QUEUES).map(|number| QueueSpec {
        requirement: vec![Requirement { skill: number % 3, level: 1 + (number / 3) as u8 }],
        credit: secs(30 * rng.below(4)),
        value: [0, 2, 4][rng.below(3) as usize],
        max_wait: (number == 1).then(|| secs(40)),
        capacity: (number == 2).then_some(20),
        ..QueueSpec::new(QueueId(number))
    });
    let queues = queues.collect();
    let agents = (0..AGENTS).map(|id| {
        let skills = (0..3).filter(|skill| (id + skill) % 3 > 0);
        let skills = skills.map(|skill| Requirement { skill: skill as u16, level: 1 + (id % 2) as u8 });
        AgentSpec {
            skills: skills.collect(),
            tier: (id % 7 / 6) as u8,
            calls_at_once: (id % 3) as u8 + 1,
            ..AgentSpec::new(AgentId(id))
        }
    });
    let agents = agents.collect();
    Arc::new(Topology { queues, agents, config: Config { no_answers: 3, ..Config::default() } })
}

/// What everybody knows of handles; a lock between the tests' threads, not within the core.
#[derive(Default)]
pub(super) struct Handles {
    callers: Mutex<Vec<CallerId>>,
    offers: Mutex<Vec<OfferId>>,
}

/// One thread's share of a round: random operations with any handle.
pub(super) fn work(
    core: &Core,
    handles: &Handles,
    rng: &mut Rng,
    clock: &AtomicU64,
    operations: u64,
    reloads: bool,
) -> u64 {
    let mut matches = 0;
    let mut events = Vec::new();
    for _ in 0..operations {
        let now = Instant::from_micros(clock.fetch_add(rng.below(20_000), Ordering::Relaxed));
        let agent = AgentId(rng.below(u64::from(AGENTS)) as u32);
        let offer = |rng: &mut Rng| {
            let mut offers = handles.offers.lock().expect("offers");
            let at = rng.below(offers.len().max(1) as u64) as usize;
            (at < offers.len()).then(|| offers.swap_remove(at))
        };
        let known = |rng: &mut Rng| {
            let callers = handles.callers.lock().expect("callers");
            (!callers.is_empty()).then(|| callers[rng.below(callers.len() as u64) as usize])
        };
        match rng.below(26) {
            20 => {
                if let Some(caller) = known(rng) {
                    let queue = (rng.below(2) == 0).then(|| QueueId(rng.below(u64::from(QUEUES)) as u16));
                    let credit = (rng.below(2) == 0).then(|| secs(rng.below(90)));
                    let _ = core.change(now, caller, Change { queue, credit }, &mut events);
                }
            }
            21 => {
                if let Some(caller) = known(rng) {
                    core.park(now, caller, &mut events);
                }
            }
            22 => {
                // Twice: nobody else brings them back.
                for caller in [known(rng), known(rng)].into_iter().flatten() {
                    core.resume(now, caller, &mut events);
                    core.explain(caller, 5);
                }
            }
            0..5 => {
                let mut join = Join::new(QueueId(rng.below(u64::from(QUEUES)) as u16), now, 0);
                if rng.below(6) == 0 {
                    join.owner = Some(Owner { agent, hold: secs(rng.below(20)) });
                }
                if rng.below(6) == 0 {
                    join.arrived = now - secs(rng.below(60));
                }
                let mut callers = handles.callers.lock().expect("callers").len() as u64;
                callers -= callers.min(160);
                if callers == 0
                    && let Ok(id) = core.join(now, join, &mut events)
                {
                    handles.callers.lock().expect("callers").push(id);
                }
            }
            5..7 => {
                let mut callers = handles.callers.lock().expect("callers");
                let at = rng.below(callers.len().max(1) as u64) as usize;
                let caller = (at < callers.len()).then(|| callers.swap_remove(at));
                drop(callers);
                if let Some(caller) = caller {
                    core.leave(now, caller, LeaveWhy::Abandoned, &mut events);
                }
            }
            7..9 => {
                core.agent_login(now, agent, &mut events);
                core.agent_ready(now, agent, &mut events);
            }
            9 => {
                core.agent_away(now, agent, Away::Break, &mut events);
            }
            10 if rng.below(4) == 0 => {
                core.agent_logout(now, agent, &mut events);
            }
            11 if rng.below(4) == 0 => {
                core.agent_seize(now, agent, &mut events);
            }
            12..15 => {
                if let Some(offer) = offer(rng) {
                    matches += u64::from(core.offer_accepted(now, offer, &mut events).is_ok());
                }
            }
            15 => {
                if let Some(offer) = offer(rng) {
                    let refusals = [Refusal::Rejected, Refusal::RingTimeout, Refusal::Busy];
                    core.offer_refused(now, offer, refusals[rng.below(3) as usize], &mut events);
                }
            }
            16..18 => {
                core.call_ended(now, agent, Some(secs(rng.below(3))), &mut events);
            }
            18 if reloads && rng.below(400) == 0 => {
                core.reconfigure(now, &topology(rng.below(5)), &mut events);
            }
            23..25 => {
                core.agent_holds(now, agent, rng.below(3) > 0, &mut events);
            }
            // All have the same tag: some talk of the agent's, on hold or not.
            25 => {
                core.talk_ended(now, agent, 0, Some(secs(rng.below(3))), &mut events);
            }
            18 => {
                assert!(core.snapshot().agents.len() <= AGENTS as usize);
            }
            _ => {
                core.tick(now, &mut events);
            }
        }
        for event in events.drain(..) {
            if let Event::Offered { offer, .. } = event {
                handles.offers.lock().expect("offers").push(offer);
            }
        }
    }
    matches
}

/// Rounds of work by all threads; at rest after each, everything must be in order.
fn stress(seed: u64, rounds: u64, operations: u64, reloads: bool) -> u64 {
    let core = Core::new(Instant::ZERO, &topology(0));
    let (handles, clock, matches) = (Handles::default(), AtomicU64::new(0), AtomicU64::new(0));
    for round in 0..rounds {
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (core, handles, clock, matches) = (&core, &handles, &clock, &matches);
                scope.spawn(move || {
                    let mut rng = Rng::from_number(seed ^ round << 8 ^ thread);
                    let made = work(core, handles, &mut rng, clock, operations, reloads);
                    matches.fetch_add(made, Ordering::Relaxed);
                });
            }
        });
        // What the last operations left due.
        core.tick(core.now(), &mut Vec::new());
        core.check_invariants();
    }
    matches.into_inner()
}

#[test]
fn threads_leave_everything_in_order() {
    let matches = stress(1, 40, 400, false);
    assert!(matches > 1000, "{matches} matches: too little happened");
}

#[test]
fn threads_leave_everything_in_order_while_the_topology_changes() {
    let matches = stress(2, 40, 400, true);
    assert!(matches > 500, "{matches} matches: too little happened");
}

/// Alone in its process: it looks at the memory of all of it.
#[test]
#[ignore = "ten million operations; OPERATIONS=100000000 for a hundred, MALLOC_ARENA_MAX=1 for less noise"]
#[expect(clippy::disallowed_methods, reason = "how long it took is told, and nothing depends on it")]
fn threads_leave_everything_in_order_for_long() {
    const ROUND: u64 = 1000;
    let operations: u64 = std::env::var("OPERATIONS").map_or(10_000_000, |n| n.parse().expect("a number"));
    let tenth = operations / (10 * ROUND * THREADS);
    assert!(tenth > 0, "too few");
    let began = std::time::Instant::now();
    let (mut matches, mut before) = (0, 0);
    for seed in 0..10 {
        matches += stress(seed, tenth, ROUND, seed % 2 == 1);
        // After one with new topologies and one without.
        if seed == 1 {
            before = resident();
        }
        println!(
            "{} operations, {matches} matches, {:?}",
            (seed + 1) * tenth * ROUND * THREADS,
            began.elapsed()
        );
    }
    let grown = resident().saturating_sub(before);
    println!("{before} bytes in memory, then {grown} more");
    assert!(matches > operations / 100, "{matches} matches: too little happened");
    assert!(grown < 16 << 20, "{grown} bytes more than after a fifth");
}

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("pages") * 4096
}

/// Alone in its process: it looks at the memory of all of it.
#[test]
#[ignore = "takes seconds, alone"]
fn thousands_of_topologies_leave_nothing_behind() {
    let core = Core::new(Instant::ZERO, &topology(0));
    let s = &mut Vec::new();
    (0..AGENTS).for_each(|id| assert!(core.agent_login(Instant::ZERO, AgentId(id), s)));
    for tag in 0..160 {
        let queue = QueueId([0, 1, 3, 4][tag as usize % 4]);
        core.join(Instant::ZERO, Join::new(queue, Instant::ZERO, tag), s).expect("may wait");
    }
    let reload =
        |count| (0..count).for_each(|n| core.reconfigure(Instant::ZERO, &topology(n % 5), &mut Vec::new()));
    reload(500);
    let before = resident();
    reload(3000);
    let grown = resident().saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more");
    core.check_invariants();
}

fn offered(event: &Event) -> Option<OfferId> {
    match event {
        Event::Offered { offer, .. } => Some(*offer),
        _ => None,
    }
}

/// A day of callers who come, are served, refused, give up: the lists are as short afterwards as they were before.
fn churn(callers: u64) -> Core {
    let core = Core::new(Instant::ZERO, &topology(0));
    let s = &mut Vec::new();
    let mut rng = Rng::from_number(5);
    for id in 0..AGENTS {
        core.agent_login(Instant::ZERO, AgentId(id), s);
        core.agent_ready(Instant::ZERO, AgentId(id), s);
    }
    let mut now = Instant::ZERO;
    let mut waiting = std::collections::VecDeque::new();
    for tag in 0..callers {
        now += Duration::from_millis(rng.below(100));
        s.clear();
        if let Ok(id) = core.join(now, Join::new(QueueId((tag % u64::from(QUEUES)) as u16), now, tag), s) {
            waiting.push_back(id);
        }
        if waiting.len() > 50
            && let Some(id) = waiting.pop_front()
        {
            core.leave(now, id, LeaveWhy::Abandoned, s);
        }
        for offer in s.clone().iter().filter_map(offered) {
            match rng.below(10) {
                0 => drop(core.offer_refused(now, offer, Refusal::Rejected, s)),
                _ => drop(core.offer_accepted(now, offer, s)),
            }
        }
        core.call_ended(now, AgentId(rng.below(u64::from(AGENTS)) as u32), Some(secs(1)), s);
        let agent = AgentId(rng.below(u64::from(AGENTS)) as u32);
        core.agent_ready(now, agent, s);
    }
    for id in waiting {
        core.leave(now, id, LeaveWhy::Abandoned, s);
    }
    for id in 0..AGENTS {
        core.call_ended(now, AgentId(id), None, s);
        core.agent_logout(now, AgentId(id), s);
    }
    core
}

fn assert_empty(core: &Core) {
    let held = core.held();
    assert_eq!(held.entries, 0, "{held:?}");
    assert!(held.cells <= 200, "{held:?}");
    assert!(held.blocks <= 6, "{held:?}");
}

#[test]
fn a_day_s_churn_leaves_nothing_behind() {
    assert_empty(&churn(20_000));
}

/// Alone in its process: it looks at the memory of all of it.
#[test]
#[ignore = "takes a minute"]
fn millions_of_callers_leave_nothing_behind() {
    assert_empty(&churn(200_000));
    let before = resident();
    assert_empty(&churn(3_000_000));
    let grown = resident().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes more than after the first");
}
