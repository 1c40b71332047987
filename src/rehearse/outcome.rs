//! What days under one plan, roster and way to route came to.

use serde::Serialize;
use serde::ser::SerializeStruct;

use super::figures::{Estimate, Figures, Sample};
use super::scene::Scene;
use crate::report::QueueFigures;

/// One way to live through the same days.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// What is different about it.
    pub name: String,
    pub classes: Vec<ClassOutcome>,
    pub staff: Vec<StaffOutcome>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassOutcome {
    pub name: String,
    pub queue: String,
    /// Seconds.
    pub service_target: f64,
    pub figures: ClassFigures,
}

/// One sample for each figure; in per cent or seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClassFigures {
    /// Callers of a day.
    pub calls: Sample,
    /// Answered within the target, of those who did not give up at once.
    pub service_level: Sample,
    /// Hung up while waiting.
    pub abandonment: Sample,
    /// The mean wait of those who were answered.
    pub answer_speed: Sample,
    pub longest_wait: Sample,
    /// Neither answered nor hung up: the longest wait, a full line, nobody on duty.
    pub turned_away: Sample,
    /// Of the agents who will do at once for these callers.
    pub occupancy: Sample,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StaffOutcome {
    pub name: String,
    pub agents: usize,
    pub occupancy: Sample,
}

impl ClassFigures {
    /// With what each is called and its unit.
    pub(super) fn all(&self) -> [(&'static str, &'static str, &Sample); 6] {
        [
            ("service level", "%", &self.service_level),
            ("abandonment", "%", &self.abandonment),
            ("ASA", "s", &self.answer_speed),
            ("longest wait", "s", &self.longest_wait),
            ("turned away", "%", &self.turned_away),
            ("occupancy", "%", &self.occupancy),
        ]
    }

    fn add(&mut self, day: &QueueFigures, occupancy: Option<f64>) {
        let away = day.max_wait + day.turned_away + day.left_by_key;
        self.calls.0.push(Some(day.entered as f64));
        self.service_level.0.push(share(day.in_time, day.entered - day.at_once));
        self.abandonment.0.push(share(day.abandoned, day.entered));
        self.answer_speed.0.push(day.answer_speed.value().map(|mean| mean.as_secs_f64()));
        self.longest_wait.0.push((day.entered > 0).then_some(day.longest_wait_ms as f64 / 1000.0));
        self.turned_away.0.push(share(away, day.entered));
        self.occupancy.0.push(occupancy);
    }
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| 100.0 * part as f64 / of as f64)
}

impl Outcome {
    pub(super) fn new(name: &str, scene: &Scene, days: &[Figures]) -> Self {
        let classes = scene.classes.iter().enumerate().map(|(number, class)| {
            let able: Vec<_> = scene.able(class).collect();
            let mut figures = ClassFigures::default();
            for day in days {
                if let Some(own) = day.classes.get(number) {
                    figures.add(own, day.occupancy(&able));
                }
            }
            ClassOutcome {
                name: class.name.clone(),
                queue: class.queue_name.clone(),
                service_target: class.target.as_secs_f64(),
                figures,
            }
        });
        let staff = scene.staff.iter().enumerate().map(|(number, (name, agents))| {
            let own: Vec<_> = (0..scene.agents.len())
                .filter(|a| scene.agents.get(*a).is_some_and(|d| d.staff == number))
                .collect();
            let occupancy = Sample(days.iter().map(|day| day.occupancy(&own)).collect());
            StaffOutcome { name: name.clone(), agents: *agents, occupancy }
        });
        Outcome { name: name.to_owned(), classes: classes.collect(), staff: staff.collect() }
    }
}

/// As its estimate: programs are given what people are given.
impl Serialize for Sample {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let estimate = self.estimate();
        let mut out = serializer.serialize_struct("Estimate", 2)?;
        out.serialize_field("mean", &estimate.map(|Estimate { mean, .. }| mean))?;
        out.serialize_field("half_width", &estimate.map(|Estimate { half_width, .. }| half_width))?;
        out.end()
    }
}
