//! Larger mixes than the models': the whole core with its lists, a dozen threads' random operations, under orders that
//! another tool chooses. It knows no weak memory; for that there are the models.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test --lib --no-default-features tests::mixes`

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};

use super::super::Core;
use super::threads::{Handles, topology, work};
use crate::base::{Instant, Rng};

/// Tried one after the other, each with operations of its own.
const MIXES: u64 = 150;
/// Of each mix.
const ORDERS: usize = 20;
/// What one thread may be stopped for, in the orders that are chosen by priority.
const CHANGES: usize = 4;

/// `threads` at the same time, after some time with one: at rest everything is in order.
fn mix(seed: u64, threads: u64, operations: u64) {
    let core = Arc::new(Core::new(Instant::ZERO, &topology(seed % 5)));
    let (handles, clock) = (Arc::new(Handles::default()), Arc::new(AtomicU64::new(0)));
    work(&core, &handles, &mut Rng::from_number(seed), &clock, 80, false);
    let threads: Vec<_> = (1..=threads)
        .map(|thread| {
            let (core, handles, clock) = (core.clone(), handles.clone(), clock.clone());
            shuttle::thread::spawn(move || {
                let rng = &mut Rng::from_number(seed ^ thread << 32);
                work(&core, &handles, rng, &clock, operations, seed % 2 == 1);
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("a thread ends");
    }
    core.tick(core.now(), &mut Vec::new());
    core.check_invariants();
}

fn in_orders<S: Scheduler + 'static>(scheduler: S, seed: u64, threads: u64, operations: u64) {
    let mut config = shuttle::Config::new();
    config.stack_size = 1 << 20;
    shuttle::Runner::new(scheduler, config).run(move || mix(seed, threads, operations));
}

#[test]
fn twelve_threads_in_orders_by_priority() {
    for seed in 0..MIXES {
        in_orders(PctScheduler::new_from_seed(seed, CHANGES, ORDERS), seed, 12, 5);
    }
}

#[test]
fn four_threads_in_random_orders() {
    for seed in 0..MIXES {
        in_orders(RandomScheduler::new_from_seed(seed, ORDERS), seed, 4, 15);
    }
}
