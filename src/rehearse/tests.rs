//! The rehearsal against what queueing theory knows exactly: one queue, everything exponential.

use std::sync::Arc;
use std::time::Duration;

use super::day::{Class, Day, Desks, Interval, Source, Staff, Worker};
use super::distribution::Distribution;
use super::scene::{Desk, Line, Scene, specs};
use super::{callers, figures::Figures, router::House, world};
use crate::base::{Instant, QueueId, Rng};
use crate::queue::{Config, QueueSpec, Topology};

const TALK: Duration = Duration::from_secs(200);
const TARGET: Duration = Duration::from_secs(20);

/// Hours without end: so many agents, and so many of them busy on average if nobody gave up.
pub(super) struct Model {
    pub agents: u32,
    pub load: f64,
    pub patience: Option<Duration>,
    /// Of one run: long, so that the empty beginning does not count.
    pub hours: u32,
}

impl Model {
    pub fn day(&self) -> Day {
        let length = Duration::from_secs(3600) * self.hours;
        let calls = self.load * length.as_secs_f64() / TALK.as_secs_f64();
        let class = Class {
            name: "all".to_owned(),
            queue: QueueId(0),
            needs: Vec::new(),
            wrap_up: None,
            source: Source::Generated {
                calls: vec![Interval { from: Instant::ZERO, length, calls }],
                talk: Distribution::Exponential(TALK),
                patience: self.patience.map_or(Distribution::Never, Distribution::Exponential),
            },
        };
        let end = Instant::ZERO + length + Duration::from_secs(24 * 3600);
        let staff = Staff {
            name: "all".to_owned(),
            agents: vec![
                Worker { skills: Vec::new(), shift: vec![(Instant::ZERO, end)] };
                self.agents as usize
            ],
        };
        let at_once = Distribution::Fixed(Duration::ZERO);
        let desks = Desks { answers: at_once, absent_per_mille: 0, absent_for: at_once };
        Day { name: String::new(), classes: vec![class], staff: vec![staff], desks }
    }

    pub fn scene(&self, day: &Day) -> Scene {
        let queue = QueueSpec { wrap_up: Duration::ZERO, ..QueueSpec::new(QueueId(0)) };
        let workers = day.staff.iter().flat_map(|staff| &staff.agents);
        let agents: Vec<_> = workers.map(|worker| Desk { staff: 0, worker: worker.clone() }).collect();
        let topology =
            Topology { queues: vec![queue.clone()], agents: specs(&agents), config: Config::default() };
        let line = Line {
            name: "all".to_owned(),
            queue,
            queue_name: "all".to_owned(),
            needs: Vec::new(),
            target: TARGET,
            ring: Duration::from_secs(15),
        };
        Scene {
            topology: Arc::new(topology),
            classes: vec![line],
            staff: vec![("all".to_owned(), agents.len())],
            agents,
            desks: day.desks,
        }
    }

    /// Means over the runs, with this service target.
    fn run(&self, runs: u64, target: Duration) -> Seen {
        let day = self.day();
        let mut scene = self.scene(&day);
        scene.classes[0].target = target;
        let mut seen = Seen::default();
        for seed in 0..runs {
            let mut rng = Rng::from_number(seed);
            let callers = callers::callers(&day, &[Duration::ZERO], &mut rng);
            let figures = world::live(&scene, &callers, House::new(&scene, callers.len()), rng);
            seen.add(&figures, runs as f64);
        }
        seen
    }

    /// Erlang A, which without impatience is Erlang C: from the probabilities of so many callers in the system.
    fn erlang(&self) -> Seen {
        let theta = self.patience.map_or(0.0, |patience| 1.0 / patience.as_secs_f64());
        let (mu, s) = (1.0 / TALK.as_secs_f64(), f64::from(self.agents));
        let lambda = self.load * mu;
        // Birth and death, scaled by the state in which all agents are busy.
        let leave = |ahead: f64| s * mu + (ahead + 1.0) * theta;
        let mut below = 0.0;
        let mut weight = 1.0;
        for state in (1..=self.agents).rev() {
            weight *= f64::from(state) * mu / lambda;
            below += weight;
        }
        let mut above = vec![1.0];
        for ahead in 0..20_000 {
            let next = above.last().copied().unwrap_or(0.0) * lambda / leave(f64::from(ahead));
            above.push(next);
        }
        let total = below + above.iter().sum::<f64>();
        let waiting: f64 = above.iter().enumerate().map(|(ahead, p)| ahead as f64 * p / total).sum();
        let waits = above.iter().sum::<f64>() / total;
        let abandoned = theta * waiting / lambda;
        let in_time = 1.0 - waits + self.served_in_time(&above, total);
        // By Little's law all spend `waiting / lambda` seconds; without abandonment all of them are served.
        Seen { waits, in_time, abandoned, wait: waiting / lambda }
    }

    /// The share of all who wait and are served within the target. Who finds so many ahead is served when these and
    /// one talk more have come to an end, unless its own patience ends before: exponential steps, followed in small
    /// ones of time.
    fn served_in_time(&self, found: &[f64], total: f64) -> f64 {
        const STEPS: u32 = 20_000;
        let theta = self.patience.map_or(0.0, |patience| 1.0 / patience.as_secs_f64());
        let rate = f64::from(self.agents) / TALK.as_secs_f64();
        let step = TARGET.as_secs_f64() / f64::from(STEPS);
        // Nobody finds more than a few hundred ahead and is served in time.
        let mut ahead: Vec<f64> = found.iter().take(400).map(|p| p / total).collect();
        let mut served = 0.0;
        for _ in 0..STEPS {
            let before = ahead.clone();
            for (number, share) in before.iter().enumerate() {
                let leaves = (rate + number as f64 * theta) * step * share;
                ahead[number] -= leaves + theta * step * share;
                match number {
                    0 => served += leaves,
                    _ => ahead[number - 1] += leaves,
                }
            }
        }
        served
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    waits: f64,
    in_time: f64,
    abandoned: f64,
    /// Seconds; of everybody.
    wait: f64,
}

impl Seen {
    fn add(&mut self, figures: &Figures, runs: f64) {
        let class = &figures.classes[0];
        let entered = class.entered as f64;
        self.in_time += class.in_time as f64 / entered / runs;
        self.abandoned += class.abandoned as f64 / entered / runs;
        // Of those served, who are everybody where nobody gives up.
        self.wait += class.answer_speed.total_ms as f64 / 1000.0 / entered / runs;
    }
}

fn near(what: &str, seen: f64, exact: f64, within: f64) {
    let off = seen / exact - 1.0;
    assert!(off.abs() <= within, "{what}: {seen:.4} instead of {exact:.4}, {:+.2} % off", 100.0 * off);
}

/// Erlang C: nobody gives up.
#[test]
fn waiting_agrees_with_erlang_c() {
    for (agents, load) in [(10, 7.0), (20, 16.0)] {
        let model = Model { agents, load, patience: None, hours: 250 };
        let exact = model.erlang();
        let seen = model.run(10, TARGET);
        near("ASA", seen.wait, exact.wait, 0.05);
        near("service level", seen.in_time, exact.in_time, 0.02);
        // Who does not wait at all is answered within a target of nothing.
        let waits = 1.0 - model.run(10, Duration::ZERO).in_time;
        near("chance to wait", waits, exact.waits, 0.05);
    }
}

/// Erlang A: patience is exponential.
#[test]
fn abandonment_and_service_level_agree_with_erlang_a() {
    for (agents, load) in [(20, 21.0), (50, 50.0)] {
        let model = Model { agents, load, patience: Some(Duration::from_secs(180)), hours: 250 };
        let (exact, seen) = (model.erlang(), model.run(5, TARGET));
        near("abandonment", seen.abandoned, exact.abandoned, 0.02);
        near("service level", seen.in_time, exact.in_time, 0.02);
    }
}
