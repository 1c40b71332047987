//! How times are spread around their mean.

use std::time::Duration;

use crate::base::Rng;

/// Of talks, patience, wrap-ups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Fixed(Duration),
    /// By its mean.
    Exponential(Duration),
    Lognormal {
        mean: Duration,
        /// The standard deviation.
        deviation: Duration,
    },
    /// Patience without end.
    Never,
}

impl Distribution {
    /// [`Duration::MAX`] for never.
    pub(super) fn draw(self, rng: &mut Rng) -> Duration {
        match self {
            Distribution::Fixed(time) => time,
            Distribution::Exponential(mean) => mean.mul_f64(-(1.0 - rng.unit()).ln()),
            Distribution::Lognormal { mean, .. } if mean.is_zero() => mean,
            Distribution::Lognormal { mean, deviation } => {
                let variation = deviation.as_secs_f64() / mean.as_secs_f64();
                let variance = variation.powi(2).ln_1p();
                // Box and Muller; the second of their two numbers is not needed.
                let (a, b) = (1.0 - rng.unit(), rng.unit());
                let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
                // Beyond a day nobody talks; it also keeps the product within a `Duration`.
                let time = mean.as_secs_f64() * (variance.sqrt() * normal - variance / 2.0).exp();
                Duration::from_secs_f64(time.min(86_400.0))
            }
            Distribution::Never => Duration::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_deviations_are_what_they_say() {
        let mut rng = Rng::from_number(3);
        let mut moments = |of: Distribution| {
            let drawn: Vec<f64> = (0..200_000).map(|_| of.draw(&mut rng).as_secs_f64()).collect();
            let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
            let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
            (mean, variance.sqrt())
        };
        let mean = Duration::from_secs(200);
        let near = |(mean, deviation): (f64, f64), wanted: f64| {
            (mean / 200.0 - 1.0).abs() < 0.01 && (deviation - wanted).abs() < 0.03 * wanted.max(1.0)
        };
        assert!(near(moments(Distribution::Exponential(mean)), 200.0));
        let deviation = Duration::from_secs(120);
        assert!(near(moments(Distribution::Lognormal { mean, deviation }), 120.0));
        assert!(near(moments(Distribution::Fixed(mean)), 0.0));
        assert_eq!(Distribution::Never.draw(&mut rng), Duration::MAX);
        let none = Distribution::Lognormal { mean: Duration::ZERO, deviation };
        assert_eq!(none.draw(&mut rng), Duration::ZERO);
    }
}
