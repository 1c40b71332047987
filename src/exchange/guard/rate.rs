//! How fast somebody may ask: paces and the meters that hold them, eight octets each.

use std::time::Duration;

use crate::base::Instant;

/// So many a second, and as many again at once after a while of silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exchange) struct Pace {
    every: Duration,
    burst: Duration,
}

impl Pace {
    /// Twice a second's worth may come at once. `None` for no limit.
    pub fn per_second(count: u32) -> Option<Self> {
        let every = Duration::from_secs(1).checked_div(count)?;
        Some(Pace { every, burst: Duration::from_secs(2) })
    }
}

/// When the next one would be due if they came evenly (the virtual scheduling of ITU-T I.371): a token bucket in one
/// number, which needs no tending while nobody comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::exchange) struct Meter(Instant);

impl Meter {
    /// Takes one where there is room for it.
    pub fn take(&mut self, now: Instant, pace: Option<Pace>) -> bool {
        let Some(pace) = pace else { return true };
        let next = self.0.max(now) + pace.every;
        let fits = next.since(now) <= pace.burst;
        if fits {
            self.0 = next;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_pace() {
        let pace = Pace::per_second(10);
        let mut meter = Meter::default();
        let at = |ms: u64| Instant::from_micros(5_000_000 + ms * 1000);
        let taken = |meter: &mut Meter, ms: u64| (0..100).filter(|_| meter.take(at(ms), pace)).count();
        assert_eq!(taken(&mut meter, 0), 20);
        assert_eq!(taken(&mut meter, 99), 0);
        assert_eq!(taken(&mut meter, 100), 1);
        assert_eq!(taken(&mut meter, 1100), 10);
        assert_eq!(taken(&mut meter, 60_000), 20, "no more than the burst, however long the silence");
        assert_eq!(taken(&mut meter, 0), 0, "a clock that goes back gives nothing");
        assert!((0..1000).all(|_| meter.take(at(0), Pace::per_second(0))), "no limit");
    }
}
