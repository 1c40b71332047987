//! The real clocks: the one place that reads them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::base::{Instant, Now, Wall};

/// Both clocks. The monotonic one counts from the machine's start, the same in every thread.
#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
pub fn now() -> Now {
    let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    };
    Now { mono: mono(), wall: Wall::from_micros(wall) }
}

pub fn mono() -> Instant {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_nsec).unwrap_or(0) / 1000;
    Instant::from_micros(seconds.saturating_mul(1_000_000).saturating_add(micros))
}

/// The argument of an absolute sleep on the monotonic clock.
pub fn timespec(at: Instant) -> Timespec {
    let micros = at.as_micros();
    Timespec {
        tv_sec: i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(micros % 1_000_000 * 1000).unwrap_or(0),
    }
}

/// How long until `at`; zero where it has passed.
pub fn until(at: Instant) -> Duration {
    at.since(mono())
}
