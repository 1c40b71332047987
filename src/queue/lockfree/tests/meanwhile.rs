//! What others do in the middle of an operation: no thread is needed where the operation itself carries it out at a step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::Core;
use super::super::claims::Step;
use crate::base::{AgentId, Instant, QueueId};
use crate::queue::*;

const QUEUE: QueueId = QueueId(0);
const AGENT: AgentId = AgentId(0);

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// One queue, these waits for the tiers, and an agent of this tier; the others of each tier are signed off.
fn topology(tier: u8, relaxation: [u64; 2]) -> Arc<Topology> {
    let relaxation = relaxation.map(Duration::from_secs).to_vec();
    let agent = |id, tier| AgentSpec { tier, ..AgentSpec::new(AgentId(id)) };
    Arc::new(Topology {
        queues: vec![QueueSpec { relaxation, ..QueueSpec::new(QUEUE) }],
        agents: vec![agent(AGENT.0, tier), agent(1, 1), agent(2, 2)],
        config: Config::default(),
    })
}

fn core(topology: &Arc<Topology>) -> &'static Core {
    let core = Box::leak(Box::new(Core::new(at(0), topology)));
    core.agent_login(at(0), AGENT, &mut Vec::new());
    core.agent_ready(at(0), AGENT, &mut Vec::new());
    core
}

/// Does this the first time that an operation comes to the step from now on.
fn meanwhile(core: &'static Core, step: Step, act: impl Fn() + Send + Sync + 'static) {
    let due = AtomicBool::new(true);
    let hook = move |here| {
        if here == step && due.swap(false, Ordering::SeqCst) {
            act();
        }
    };
    assert!(core.pause.set(Box::new(hook)).is_ok());
}

fn offers(events: &[Event]) -> Vec<OfferId> {
    let offers = events.iter().filter_map(|event| match event {
        Event::Offered { offer, .. } => Some(*offer),
        _ => None,
    });
    offers.collect()
}

#[test]
fn a_wait_that_is_over_during_a_reload_counts_by_the_new_rules() {
    let core = core(&topology(1, [20, 40]));
    let s = &mut Vec::new();
    core.join(at(0), Join::new(QUEUE, at(0), 1), s).expect("may wait");
    // The operation goes by the old floor, and finds the new one's deadline due.
    meanwhile(core, Step::Begun, || core.reconfigure(at(10), &topology(1, [60, 90]), &mut Vec::new()));
    core.tick(at(65), s);
    assert_eq!(offers(s).len(), 1, "{s:?}");
    core.check_invariants();
}

#[test]
fn what_the_old_rules_have_told_does_not_use_up_the_new_ones() {
    let core = core(&topology(2, [20, 25]));
    let s = &mut Vec::new();
    core.join(at(0), Join::new(QUEUE, at(0), 1), s).expect("may wait");
    meanwhile(core, Step::Begun, || core.reconfigure(at(10), &topology(2, [30, 90]), &mut Vec::new()));
    // The operation goes by the old floor, by whose rules both waits are over when the first new one is.
    core.tick(at(75), s);
    assert!(offers(s).is_empty(), "{s:?}");
    core.tick(at(90), s);
    assert_eq!(offers(s).len(), 1, "{s:?}");
}

#[test]
fn a_refusal_that_comes_too_late_passes_nobody_over() {
    let core = core(&topology(0, [20, 40]));
    let s = &mut Vec::new();
    core.join(at(0), Join::new(QUEUE, at(0), 1), s).expect("may wait");
    let offer = offers(s)[0];
    // Away and back while the refusal is under way: the caller is the agent's again.
    meanwhile(core, Step::Barred, || {
        core.agent_away(at(1), AGENT, Away::Break, &mut Vec::new());
        core.agent_ready(at(1), AGENT, &mut Vec::new());
    });
    s.clear();
    assert!(!core.offer_refused(at(1), offer, Refusal::Rejected, s));
    assert_eq!(offers(s).len(), 1, "{s:?}");
    core.check_invariants();
}

#[test]
fn of_two_refusals_the_later_one_does_not_undo_the_first() {
    let core = core(&topology(0, [20, 40]));
    let s = &mut Vec::new();
    core.join(at(0), Join::new(QUEUE, at(0), 1), s).expect("may wait");
    let offer = offers(s)[0];
    meanwhile(core, Step::Barred, move || {
        assert!(core.offer_refused(at(1), offer, Refusal::Rejected, &mut Vec::new()));
    });
    s.clear();
    assert!(!core.offer_refused(at(1), offer, Refusal::RingTimeout, s));
    core.agent_ready(at(1), AGENT, s);
    assert!(offers(s).is_empty(), "the agent has just refused this caller: {s:?}");
    core.check_invariants();
}
