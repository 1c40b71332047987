//! What chance decides in the simulated world.

use std::time::Duration;

use crate::base::Rng;

/// Distributions on top of the seeded generator.
pub(super) trait Chance {
    fn chance(&mut self, probability: f64) -> bool;
    /// Evenly spread, in milliseconds.
    fn between_ms(&mut self, least: u64, most: u64) -> Duration;
    /// Exponential: patience, time between arrivals.
    fn exponential(&mut self, mean: Duration) -> Duration;
    /// Log-normal with this mean and a coefficient of variation of 1: how long people talk.
    fn talk(&mut self, mean: Duration) -> Duration;
    /// The index of one of the weights.
    fn weighted(&mut self, weights: &[u32]) -> usize;
}

impl Chance for Rng {
    fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    fn between_ms(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most.saturating_sub(least) + 1))
    }

    fn exponential(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.unit()).ln())
    }

    fn talk(&mut self, mean: Duration) -> Duration {
        // With sigma² = ln 2 the standard deviation equals the mean; the median is the mean over the root of 2.
        let (a, b) = (1.0 - self.unit(), self.unit());
        let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        let sigma = std::f64::consts::LN_2.sqrt();
        mean.mul_f64(((sigma * normal).exp() / std::f64::consts::SQRT_2).min(20.0))
    }

    fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut left = self.below(total);
        for (at, weight) in weights.iter().enumerate() {
            match left.checked_sub(u64::from(*weight)) {
                Some(rest) => left = rest,
                None => return at,
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_shares_are_what_they_say() {
        let mut rng = Rng::from_number(7);
        let mean = Duration::from_secs(100);
        let average = |draw: &mut dyn FnMut() -> Duration| {
            (0..20_000).map(|_| draw().as_secs_f64()).sum::<f64>() / 20_000.0
        };
        let exponential = average(&mut || rng.exponential(mean));
        assert!((95.0..105.0).contains(&exponential), "{exponential}");
        let talk = average(&mut || rng.talk(mean));
        assert!((94.0..106.0).contains(&talk), "{talk}");
        let mut counts = [0; 3];
        (0..10_000).for_each(|_| counts[rng.weighted(&[1, 0, 3])] += 1);
        assert!(counts[1] == 0 && (2300..2700).contains(&counts[0]), "{counts:?}");
    }
}
