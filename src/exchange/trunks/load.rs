//! How many calls a trunk has, and how fast they come.

use std::time::Duration;

use super::settings::Limits;
use crate::base::Instant;

/// A trunk's calls at the moment. Their rate is held by the generic cell rate algorithm: a second's worth of calls
/// may come at once, and on average no more than the limit.
#[derive(Debug, Default)]
pub(super) struct Load {
    calls: u32,
    /// When the calls that were taken would have come at an even pace.
    even: Instant,
}

impl Load {
    /// Takes one more call, or says why not.
    pub(super) fn admit(&mut self, now: Instant, limits: Limits) -> Result<(), &'static str> {
        if limits.calls > 0 && self.calls >= limits.calls {
            return Err("too many calls on the trunk");
        }
        if limits.calls_per_second > 0 {
            let second = Duration::from_secs(1);
            let pace = second / limits.calls_per_second;
            let next = self.even.max(now) + pace;
            if next > now + second {
                return Err("too many calls a second on the trunk");
            }
            self.even = next;
        }
        self.calls = self.calls.saturating_add(1);
        Ok(())
    }

    pub(super) fn over(&mut self) {
        self.calls = self.calls.saturating_sub(1);
    }

    pub(super) fn calls(&self) -> u32 {
        self.calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(1_000_000 + ms * 1000)
    }

    #[test]
    fn as_many_at_once_as_agreed() {
        let (mut load, limits) = (Load::default(), Limits { calls: 2, calls_per_second: 0 });
        assert!(load.admit(at(0), limits).is_ok() && load.admit(at(0), limits).is_ok());
        assert_eq!(load.admit(at(0), limits), Err("too many calls on the trunk"));
        load.over();
        assert!(load.admit(at(0), limits).is_ok());
        assert_eq!(load.calls(), 2);
    }

    #[test]
    fn as_many_a_second_as_agreed() {
        let limits = Limits { calls: 0, calls_per_second: 5 };
        let mut load = Load::default();
        let mut taken_at_once = 0;
        while load.admit(at(0), limits).is_ok() {
            taken_at_once += 1;
        }
        assert_eq!(taken_at_once, 5);
        assert!(load.admit(at(199), limits).is_err());
        assert!(load.admit(at(200), limits).is_ok() && load.admit(at(200), limits).is_err());
        // Ten seconds of a flood: the second's worth of the beginning, and five a second.
        let mut load = Load::default();
        let taken = (0..10_000).filter(|ms| load.admit(at(*ms), limits).is_ok()).count();
        assert!((54..=55).contains(&taken), "{taken}");
    }

    #[test]
    fn without_limits_all_are_taken() {
        let mut load = Load::default();
        assert!((0..10_000).all(|_| load.admit(at(0), Limits::default()).is_ok()));
    }
}
