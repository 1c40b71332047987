//! A thread stopped in the middle of an operation, on this core and on the sequential one behind a mutex.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, TryLockError};
use std::time::Duration;

use super::super::claims::Step;
use crate::base::{AgentId, Instant, QueueId};
use crate::queue::*;

/// Where a thread is stopped.
const STEPS: [Step; 8] = [
    Step::Proposed,
    Step::Taken,
    Step::CallerUnlisted,
    Step::AgentUnlisted,
    Step::Accepted,
    Step::GivenBack,
    Step::Changing,
    Step::Reloading,
];
const STOPPED: &str = "stopped";
const QUEUE: QueueId = QueueId(0);

fn topology() -> Arc<Topology> {
    let agent = |id| AgentSpec::new(AgentId(id));
    let queues = vec![QueueSpec::new(QUEUE)];
    Arc::new(Topology { queues, agents: (0..8).map(agent).collect(), config: Config::default() })
}

fn offer(events: &[Event]) -> Option<OfferId> {
    events.iter().find_map(|event| match event {
        Event::Offered { offer, .. } => Some(*offer),
        _ => None,
    })
}

/// Runs into the step: agent 0 has an offer, caller 2 comes and is changed, agent 1 gets ready, the offer is answered.
fn run_into(core: &Core, step: Step, now: Instant) {
    let s = &mut Vec::new();
    core.agent_ready(now, AgentId(0), s);
    core.join(now, Join::new(QUEUE, now, 1), s).expect("may wait");
    // Somebody else may have carried the match to its end, and the call with it.
    let offer = offer(s);
    let second = core.join(now, Join::new(QUEUE, now, 2), s).expect("may wait");
    let _ = core.change(now, second, Change { queue: None, credit: Some(Duration::from_secs(1)) }, s);
    match (step, offer) {
        (_, None) => {}
        (Step::GivenBack, Some(offer)) => drop(core.offer_refused(now, offer, Refusal::Rejected, s)),
        (_, Some(offer)) => drop(core.offer_accepted(now, offer, s)),
    }
    core.agent_ready(now, AgentId(1), s);
    if step == Step::Reloading {
        core.reconfigure(now, &topology(), s);
    }
}

/// A caller and an agent; whoever is offered meanwhile talks, and that is over. The stopped thread has agents 0 and 1.
fn serve(core: &Core, now: Instant, turn: u64) -> bool {
    let (s, agent) = (&mut Vec::new(), AgentId(2 + (turn % 6) as u32));
    core.agent_ready(now, agent, s);
    core.join(now, Join::new(QUEUE, now, 100 + turn), s).expect("may wait");
    let mut served = false;
    while let Some(offer) = offer(s) {
        s.clear();
        served |= core.offer_accepted(now, offer, s).is_ok();
        core.call_ended(now, offer.agent(), Some(Duration::ZERO), s);
    }
    served
}

/// A sink that stops whoever emits into it: within the operation, wherever that is.
struct Stopping<'a>(&'a dyn Fn());

impl Sink for Stopping<'_> {
    fn emit(&mut self, _: Event) {
        (self.0)();
    }
}

fn core() -> (Core, Instant) {
    let core = Core::new(Instant::ZERO, &topology());
    let now = core.now() + Duration::from_secs(1);
    (0..8).for_each(|id| assert!(core.agent_login(now, AgentId(id), &mut Vec::new())));
    (core, now)
}

/// Calls `stop` in the thread of this name the first time that it comes to the step.
fn stop_at(core: &Core, step: Step, stop: impl Fn() + Send + Sync + 'static) {
    let armed = AtomicBool::new(true);
    let hook = move |at| {
        let here = std::thread::current().name() == Some(STOPPED);
        if here && at == step && armed.swap(false, Ordering::SeqCst) {
            stop();
        }
    };
    assert!(core.pause.set(Box::new(hook)).is_ok());
}

#[test]
fn at_each_step_a_stopped_thread_lets_all_others_work() {
    for step in STEPS {
        let (core, now) = core();
        let gates = Arc::new([Barrier::new(2), Barrier::new(2)]);
        let hook = gates.clone();
        stop_at(&core, step, move || {
            hook[0].wait();
            hook[1].wait();
        });
        std::thread::scope(|scope| {
            let stopped = std::thread::Builder::new().name(STOPPED.into());
            stopped.spawn_scoped(scope, || run_into(&core, step, now)).expect("a thread");
            gates[0].wait();
            let served = (0..50).filter(|turn| serve(&core, now, *turn)).count();
            gates[1].wait();
            assert_eq!(served, 50, "somebody was not served while a thread stood at {step:?}");
        });
        core.check_invariants();
    }
}

/// A reload that another one overtakes leaves nothing in the lists of the newest floor.
#[test]
fn a_reload_that_stops_in_the_middle_is_overtaken_without_a_trace() {
    for (step, agents) in [
        (Step::Reloading, false),
        (Step::Reloading, true),
        (Step::CallerUnlisted, false),
        (Step::AgentUnlisted, true),
    ] {
        let (core, now) = core();
        let s = &mut Vec::new();
        match agents {
            true => (0..8).for_each(|id| assert!(core.agent_ready(now, AgentId(id), s))),
            false => (0..60).for_each(|tag| {
                core.join(now, Join::new(QUEUE, now, tag), s).expect("may wait");
            }),
        }
        let before = core.held().entries;
        let gates = Arc::new([Barrier::new(2), Barrier::new(2)]);
        let hook = gates.clone();
        stop_at(&core, step, move || {
            hook[0].wait();
            hook[1].wait();
        });
        std::thread::scope(|scope| {
            let stopped = std::thread::Builder::new().name(STOPPED.into());
            let reload = || core.reconfigure(now, &topology(), &mut Vec::new());
            stopped.spawn_scoped(scope, reload).expect("a thread");
            gates[0].wait();
            core.reconfigure(now, &topology(), &mut Vec::new());
            gates[1].wait();
        });
        core.check_invariants();
        assert_eq!(
            core.held().entries,
            before,
            "entries that are nobody's, after {step:?}, agents: {agents}"
        );
    }
}

/// The same behind a mutex, for comparison: while one is stopped nobody gets in.
#[test]
fn behind_a_mutex_a_stopped_thread_stops_all_others() {
    let now = Instant::ZERO + Duration::from_secs(1);
    let core = Mutex::new(sequential::Core::new(Instant::ZERO, &topology()));
    let gates = [Barrier::new(2), Barrier::new(2)];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let once = AtomicBool::new(true);
            let stop = || {
                if once.swap(false, Ordering::SeqCst) {
                    gates[0].wait();
                    gates[1].wait();
                }
            };
            core.lock().expect("mine").agent_login(now, AgentId(0), &mut Stopping(&stop));
        });
        gates[0].wait();
        let shut_out = (0..50).filter(|_| matches!(core.try_lock(), Err(TryLockError::WouldBlock))).count();
        gates[1].wait();
        assert_eq!(shut_out, 50);
    });
}

/// The longest and the 99th percentile, in microseconds, and how many.
fn figures(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_micros();
    format!("{:>9} operations, p99 {:>7} us, longest {:>7} us", times.len(), at(0.99), at(1.0))
}

/// What others measure while a thread stands for 100 ms: at each step of this core, and in the other one's operation.
#[test]
#[ignore = "prints figures of this machine"]
#[allow(clippy::disallowed_methods, reason = "measures")]
fn what_a_stop_of_100_ms_costs_others() {
    const STOP: Duration = Duration::from_millis(100);
    let measured = |others: &dyn Fn(u64), stands: &AtomicBool| {
        let (mut times, mut turn) = (Vec::new(), 0);
        while stands.load(Ordering::SeqCst) {
            let begun = std::time::Instant::now();
            others(turn);
            times.push(begun.elapsed());
            turn += 1;
        }
        times
    };
    for step in STEPS {
        let (core, now) = core();
        let stands = Arc::new(AtomicBool::new(false));
        let (hook, steps) = (stands.clone(), Arc::new(AtomicU64::new(0)));
        let seen = steps.clone();
        stop_at(&core, step, move || {
            seen.fetch_add(1, Ordering::SeqCst);
            hook.store(true, Ordering::SeqCst);
            std::thread::sleep(STOP);
            hook.store(false, Ordering::SeqCst);
        });
        std::thread::scope(|scope| {
            let stopped = std::thread::Builder::new().name(STOPPED.into());
            stopped.spawn_scoped(scope, || run_into(&core, step, now)).expect("a thread");
            while steps.load(Ordering::SeqCst) == 0 || !stands.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let others = |turn| {
                serve(&core, now, turn);
            };
            let times = measured(&others, &stands);
            println!("stopped at {:<16} {}", format!("{step:?}"), figures(times));
        });
        core.check_invariants();
    }
    let now = Instant::ZERO + Duration::from_secs(1);
    let core = Mutex::new(sequential::Core::new(Instant::ZERO, &topology()));
    let stands = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let stop = || {
                stands.store(true, Ordering::SeqCst);
                std::thread::sleep(STOP);
            };
            core.lock().expect("mine").agent_login(now, AgentId(0), &mut Stopping(&stop));
            stands.store(false, Ordering::SeqCst);
        });
        while !stands.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let login = |_| {
            core.lock().expect("mine").agent_login(now, AgentId(1), &mut Vec::new());
        };
        let times = measured(&login, &stands);
        let longest = times.iter().max().copied().unwrap_or_default();
        println!("stopped behind a mutex      {}", figures(times));
        assert!(longest > STOP / 2, "the mutex was expected to hold others up");
    });
}
