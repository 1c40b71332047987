//! What the routing costs: the lock-free core beside the sequential one behind a mutex, in one run and with the same
//! work. `cargo bench --bench queue`; nothing is asserted. CPU time per match is the figure to trust on a machine that
//! does other things as well.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hotline::base::{AgentId, Instant, QueueId};
use hotline::queue::{
    AgentSpec, CallerId, Event, Join, OfferId, QueueSpec, Requirement, Topology, lockfree, sequential,
};

/// The daemon's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Either core, used by many threads.
trait Routing: Sync {
    fn join(&self, now: Instant, join: Join, s: &mut Vec<Event>) -> CallerId;
    fn sign_on(&self, now: Instant, agent: AgentId, s: &mut Vec<Event>);
    fn accept(&self, now: Instant, offer: OfferId, s: &mut Vec<Event>);
    /// Without wrap-up; `false` where the agent does not talk.
    fn hang_up(&self, now: Instant, agent: AgentId, s: &mut Vec<Event>) -> bool;
    fn position(&self, caller: CallerId) -> Option<u32>;
}

impl Routing for lockfree::Core {
    fn join(&self, now: Instant, join: Join, s: &mut Vec<Event>) -> CallerId {
        self.join(now, join, s).expect("may wait")
    }
    fn sign_on(&self, now: Instant, agent: AgentId, s: &mut Vec<Event>) {
        assert!(self.agent_login(now, agent, s) && self.agent_ready(now, agent, s));
    }
    fn accept(&self, now: Instant, offer: OfferId, s: &mut Vec<Event>) {
        let _ = self.offer_accepted(now, offer, s);
    }
    fn hang_up(&self, now: Instant, agent: AgentId, s: &mut Vec<Event>) -> bool {
        self.call_ended(now, agent, Some(Duration::ZERO), s)
    }
    fn position(&self, caller: CallerId) -> Option<u32> {
        self.position(caller)
    }
}

struct Locked(Mutex<sequential::Core>);

impl Locked {
    fn with<R>(&self, operation: impl FnOnce(&mut sequential::Core) -> R) -> R {
        operation(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Routing for Locked {
    fn join(&self, now: Instant, join: Join, s: &mut Vec<Event>) -> CallerId {
        self.with(|core| core.join(now, join, s)).expect("may wait")
    }
    fn sign_on(&self, now: Instant, agent: AgentId, s: &mut Vec<Event>) {
        assert!(self.with(|core| core.agent_login(now, agent, s) && core.agent_ready(now, agent, s)));
    }
    fn accept(&self, now: Instant, offer: OfferId, s: &mut Vec<Event>) {
        let _ = self.with(|core| core.offer_accepted(now, offer, s));
    }
    fn hang_up(&self, now: Instant, agent: AgentId, s: &mut Vec<Event>) -> bool {
        self.with(|core| core.call_ended(now, agent, Some(Duration::ZERO), s))
    }
    fn position(&self, caller: CallerId) -> Option<u32> {
        self.with(|core| core.position(caller))
    }
}

/// A centre at work: every agent talks, and so many wait.
#[derive(Clone, Copy)]
struct Size {
    waiting: u64,
    agents: u32,
    skills: u16,
}

impl Size {
    fn topology(self) -> Arc<Topology> {
        let skill = |skill| Requirement { skill, level: 1 };
        let queue = |number: u16| QueueSpec {
            requirement: vec![skill(number)],
            credit: Duration::from_secs(10 * u64::from(number % 10)),
            ..QueueSpec::new(QueueId(number))
        };
        let agent = |number: u32| {
            let first = (number % u32::from(self.skills)) as u16;
            let skills = (0..=first % 3).map(|more| skill((first + more) % self.skills)).collect();
            AgentSpec { skills, ..AgentSpec::new(AgentId(number)) }
        };
        Arc::new(Topology {
            queues: (0..self.skills).map(queue).collect(),
            agents: (0..self.agents).map(agent).collect(),
            config: Default::default(),
        })
    }

    fn lockfree(self) -> lockfree::Core {
        lockfree::Core::new(START, &self.topology())
    }

    fn locked(self) -> Locked {
        Locked(Mutex::new(sequential::Core::new(START, &self.topology())))
    }

    fn queue(self, tag: u64) -> QueueId {
        QueueId((tag % u64::from(self.skills)) as u16)
    }

    fn fill(self, core: &impl Routing) -> Vec<CallerId> {
        let mut events = Vec::new();
        (0..self.agents).for_each(|agent| core.sign_on(START, AgentId(agent), &mut events));
        let mut callers = Vec::new();
        // The first ones are served until nobody is left.
        for tag in 0..self.waiting + u64::from(self.agents) {
            let now = START + Duration::from_micros(tag);
            events.clear();
            callers.push(core.join(now, Join::new(self.queue(tag), now, tag), &mut events));
            answer(core, now, &mut events);
        }
        callers
    }
}

const START: Instant = Instant::from_micros(1_000_000_000);

fn answer(core: &impl Routing, now: Instant, events: &mut Vec<Event>) {
    let offered = |event: &Event| match event {
        Event::Offered { offer, .. } => Some(*offer),
        _ => None,
    };
    let offers: Vec<OfferId> = events.iter().filter_map(offered).collect();
    for offer in offers {
        core.accept(now, offer, events);
    }
    events.clear();
}

/// What this thread has had of a processor.
fn cpu() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let spent = told.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok());
    Duration::from_nanos(spent.unwrap_or(0))
}

struct Rate {
    per_second: f64,
    cpu_us: f64,
}

/// A match is: a call ends, its agent gets the next caller, who is answered, and somebody joins behind.
fn rate(size: Size, core: &impl Routing, threads: u32, turns: u32) -> Rate {
    size.fill(core);
    let (clock, matches, spent) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (clock, matches, spent) = (&clock, &matches, &spent);
            scope.spawn(move || {
                let (before, mut made, mut events) = (cpu(), 0, Vec::new());
                for turn in 0..turns / threads {
                    let agent = AgentId((turn * threads + thread) % size.agents);
                    let tick = clock.fetch_add(20, Ordering::Relaxed);
                    let now = START + Duration::from_secs(1) + Duration::from_micros(tick);
                    if core.hang_up(now, agent, &mut events) {
                        made += 1;
                    }
                    answer(core, now, &mut events);
                    core.join(now, Join::new(size.queue(u64::from(turn)), now, 0), &mut events);
                    answer(core, now, &mut events);
                }
                matches.fetch_add(made, Ordering::Relaxed);
                spent.fetch_add((cpu() - before).as_nanos() as u64, Ordering::Relaxed);
            });
        }
    });
    let (wall, matches) = (begun.elapsed().as_secs_f64(), matches.into_inner() as f64);
    Rate { per_second: matches / wall, cpu_us: spent.into_inner() as f64 / matches / 1000.0 }
}

/// From a free agent to the decided offer, each time by itself; microseconds.
fn hand_overs(size: Size, core: &impl Routing, turns: u32) -> Vec<f64> {
    size.fill(core);
    let mut events = Vec::new();
    let mut times = Vec::new();
    for turn in 0..turns {
        let now = START + Duration::from_secs(1) + Duration::from_micros(20 * u64::from(turn));
        let agent = AgentId(turn % size.agents);
        let begun = std::time::Instant::now();
        let talked = core.hang_up(now, agent, &mut events);
        let took = begun.elapsed();
        if talked && events.iter().any(|event| matches!(event, Event::Offered { .. })) {
            times.push(took.as_nanos() as f64 / 1000.0);
        }
        answer(core, now, &mut events);
        core.join(now, Join::new(size.queue(u64::from(turn)), now, 0), &mut events);
        answer(core, now, &mut events);
    }
    times.sort_by(f64::total_cmp);
    times
}

fn positions(size: Size, core: &impl Routing, turns: u32) -> f64 {
    let callers = size.fill(core);
    let begun = std::time::Instant::now();
    let asked = (0..turns as usize).map(|turn| callers[turn * 7919 % callers.len()]);
    let found = asked.filter_map(|caller| std::hint::black_box(core.position(caller))).count();
    begun.elapsed().as_nanos() as f64 / found.max(1) as f64
}

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!("{:<34} {:>7} {:>22} {:>22}", "waiting / agents / skills", "threads", "lock-free", "mutex");
    for (waiting, agents, skills) in [(1_000, 1_000, 20), (10_000, 1_000, 200), (100_000, 10_000, 200)] {
        let size = Size { waiting, agents, skills };
        for threads in [1, 2] {
            let ours = rate(size, &size.lockfree(), threads, 200_000);
            let theirs = rate(size, &size.locked(), threads, 200_000);
            let show = |rate: &Rate| format!("{:8.0} /s {:6.2} us", rate.per_second, rate.cpu_us);
            let name = format!("{waiting} / {agents} / {skills}");
            println!("{name:<34} {threads:>7} {:>22} {:>22}", show(&ours), show(&theirs));
        }
    }
    let size = Size { waiting: 200, agents: 500, skills: 20 };
    let ours = hand_overs(size, &size.lockfree(), 100_000);
    let theirs = hand_overs(size, &size.locked(), 100_000);
    for (name, at) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        let show = |times: &[f64]| format!("{:.2} us", times[((times.len() - 1) as f64 * at) as usize]);
        let name = format!("200 / 500: free agent to offer, {name}");
        println!("{name:<34} {:>7} {:>22} {:>22}", 1, show(&ours), show(&theirs));
    }
    let one = Size { waiting: 100_000, agents: 1, skills: 1 };
    let (ours, theirs) = (positions(one, &one.lockfree(), 100_000), positions(one, &one.locked(), 100_000));
    let show = |nanoseconds: f64| format!("{nanoseconds:.0} ns");
    println!("{:<34} {:>7} {:>22} {:>22}", "100000: a place in line", 1, show(ours), show(theirs));
}
