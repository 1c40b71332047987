//! The beat of a media thread: absolute times, so that a late turn does not make all later ones late.

use std::time::Duration;

use rustix::thread::ClockId;
use rustix::thread::clock_nanosleep_absolute;

use crate::base::Instant;
use crate::daemon::clock;

pub const PERIOD: Duration = Duration::from_millis(1);

pub struct Tick {
    next: Instant,
}

impl Tick {
    pub fn starting(now: Instant) -> Self {
        Tick { next: now + PERIOD }
    }

    /// Sleeps to the next beat. Returns how many beats had passed already: the machine was busy.
    pub fn sleep(&mut self) -> u64 {
        let late = self.missed(clock::mono());
        if late == 0 {
            // An interrupted sleep only makes this beat early; the next one is absolute again.
            let _ = clock_nanosleep_absolute(ClockId::Monotonic, &clock::timespec(self.next));
        }
        self.next += PERIOD;
        late
    }

    /// Skips the beats that are over, all but the last one, which is due now.
    fn missed(&mut self, now: Instant) -> u64 {
        let behind = now.since(self.next).as_micros() / PERIOD.as_micros();
        let behind = u64::try_from(behind).unwrap_or(0);
        self.next += Duration::from_micros(behind.saturating_mul(1000));
        behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_that_are_over_are_skipped_and_the_grid_stays() {
        let mut tick = Tick::starting(Instant::from_micros(5_000));
        assert_eq!(tick.missed(Instant::from_micros(5_900)), 0);
        assert_eq!(tick.next, Instant::from_micros(6_000));
        assert_eq!(tick.missed(Instant::from_micros(9_300)), 3);
        assert_eq!(tick.next, Instant::from_micros(9_000));
    }
}
