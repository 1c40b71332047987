//! What a lived day was like, and what many of them say together.

use std::time::Duration;

use serde::Serialize;

use super::scene::Scene;
use crate::base::Instant;
use crate::record::{QueueOutcome, QueueVisit};
use crate::report::QueueFigures;

/// Of one day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures {
    /// By class.
    pub classes: Vec<QueueFigures>,
    /// By agent.
    pub work: Vec<Work>,
    /// By caller: what came of the wait, and how long it was.
    pub ends: Vec<Option<(QueueOutcome, Duration)>>,
}

/// How an agent's day was spent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Work {
    /// In the spans of the shift, and in talks beyond them.
    pub on_duty: Duration,
    /// Of that, ringing, talking and in wrap-up.
    pub busy: Duration,
    /// The end of the last span.
    pub left_at: Instant,
}

impl Figures {
    pub fn new(scene: &Scene) -> Self {
        Figures {
            classes: vec![QueueFigures::default(); scene.classes.len()],
            work: Vec::new(),
            ends: Vec::new(),
        }
    }

    pub fn add(&mut self, class: usize, visit: &QueueVisit) {
        if let Some(figures) = self.classes.get_mut(class) {
            figures.add(visit);
        }
    }

    /// Of these agents together; `None` where none of them was there.
    pub fn occupancy(&self, agents: &[usize]) -> Option<f64> {
        let work = || agents.iter().filter_map(|agent| self.work.get(*agent));
        let on_duty: Duration = work().map(|w| w.on_duty).sum();
        let busy: Duration = work().map(|w| w.busy).sum();
        (!on_duty.is_zero()).then(|| 100.0 * busy.as_secs_f64() / on_duty.as_secs_f64())
    }
}

/// One figure on each of the days; `None` on a day without anybody whom it is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample(pub(super) Vec<Option<f64>>);

/// A mean and how far off it may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    pub mean: f64,
    /// Half the width of the 95 % confidence interval.
    pub half_width: f64,
}

impl Sample {
    /// By Student's t over the days. `None` of fewer than two.
    pub fn estimate(&self) -> Option<Estimate> {
        estimate(&self.0.iter().copied().flatten().collect::<Vec<_>>())
    }

    /// How much more this is than `other`, which met the same callers on the same days.
    pub fn more_than(&self, other: &Sample) -> Option<Estimate> {
        let pairs = self.0.iter().zip(&other.0);
        estimate(&pairs.filter_map(|(own, other)| Some((*own)? - (*other)?)).collect::<Vec<_>>())
    }
}

fn estimate(values: &[f64]) -> Option<Estimate> {
    let count = values.len() as f64;
    let freedom = values.len().checked_sub(1).filter(|freedom| *freedom > 0)?;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / freedom as f64;
    Some(Estimate { mean, half_width: student(freedom) * (variance / count).sqrt() })
}

/// The 97.5 % quantile of Student's t: exact for few days, from there the first terms of its expansion about the
/// normal quantile (Abramowitz and Stegun 26.7.5).
fn student(freedom: usize) -> f64 {
    const FEW: [f64; 4] = [12.706_205, 4.302_653, 3.182_446, 2.776_445];
    if let Some(exact) = freedom.checked_sub(1).and_then(|at| FEW.get(at)) {
        return *exact;
    }
    let z: f64 = 1.959_964;
    let n = freedom as f64;
    z + (z.powi(3) + z) / (4.0 * n)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
        + (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / (384.0 * n.powi(3))
        + (79.0 * z.powi(9) + 776.0 * z.powi(7) + 1482.0 * z.powi(5) - 1920.0 * z.powi(3) - 945.0 * z)
            / (92_160.0 * n.powi(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        let table =
            [(1, 12.706), (4, 2.776), (5, 2.571), (9, 2.262), (19, 2.093), (29, 2.045), (1000, 1.962)];
        for (freedom, wanted) in table {
            assert!((student(freedom) - wanted).abs() < 0.002, "{freedom}: {}", student(freedom));
        }
    }

    #[test]
    fn a_difference_of_days_that_rise_and_fall_together_is_known_better_than_either() {
        let own = Sample((0..10).map(|day| Some(f64::from(day % 5) + 1.0)).collect());
        let other = Sample((0..10).map(|day| Some(f64::from(day % 5))).collect());
        assert_eq!(own.more_than(&other), Some(Estimate { mean: 1.0, half_width: 0.0 }));
        let alone = own.estimate().expect("ten days");
        assert!((alone.mean - 3.0).abs() < 1e-9 && (alone.half_width - 1.066).abs() < 0.001, "{alone:?}");
        assert_eq!(Sample(vec![Some(1.0), None]).estimate(), None);
    }
}
