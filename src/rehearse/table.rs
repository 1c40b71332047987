//! The tables that people read.

use std::fmt;

use super::Rehearsal;
use super::figures::Estimate;
use super::outcome::{ClassOutcome, Outcome};

impl fmt::Display for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.outcomes.split_first() else { return Ok(()) };
        let calls: f64 =
            first.classes.iter().filter_map(|c| c.figures.calls.estimate()).map(|e| e.mean).sum();
        writeln!(
            f,
            "{}: {} days of about {calls:.0} calls, seed {}; +- is half of the 95 % confidence interval\n",
            self.day, self.days.count, self.days.seed
        )?;
        if others.is_empty() {
            write!(f, "{}", columns(&alone(first)))?;
        } else {
            write!(f, "{}", columns(&beside(first, others)))?;
        }
        writeln!(f)?;
        let mut staff = vec![["staff".to_owned(), "agents".to_owned(), "occupancy".to_owned()].to_vec()];
        for outcome in &self.outcomes {
            for group in &outcome.staff {
                let name = match others {
                    [] => group.name.clone(),
                    _ => format!("{}, {}", group.name, outcome.name),
                };
                staff.push(vec![name, group.agents.to_string(), shown(group.occupancy.estimate(), "%")]);
            }
        }
        write!(f, "{}", columns(&staff))
    }
}

/// A row a class.
fn alone(outcome: &Outcome) -> Vec<Vec<String>> {
    let mut rows = vec![vec!["class".to_owned(), "calls".to_owned(), "target".to_owned()]];
    for (number, class) in outcome.classes.iter().enumerate() {
        let mut row = vec![class.name.clone(), calls(class), format!("{} s", class.service_target)];
        for (name, unit, sample) in class.figures.all() {
            if number == 0 {
                rows.iter_mut().take(1).for_each(|heads| heads.push(name.to_owned()));
            }
            row.push(shown(sample.estimate(), unit));
        }
        rows.push(row);
    }
    rows
}

/// A row a figure, a column a way; differences from the first in brackets.
fn beside(first: &Outcome, others: &[Outcome]) -> Vec<Vec<String>> {
    let names = std::iter::once(first).chain(others).map(|outcome| outcome.name.clone());
    let mut rows =
        vec![["class".to_owned(), "figure".to_owned()].into_iter().chain(names).collect::<Vec<_>>()];
    for class in &first.classes {
        for (at, (name, unit, sample)) in class.figures.all().into_iter().enumerate() {
            let head = match at {
                0 => format!("{} ({} s, {} calls)", class.name, class.service_target, calls(class)),
                _ => String::new(),
            };
            let mut row = vec![head, name.to_owned(), shown(sample.estimate(), unit)];
            for other in others {
                let own = other.classes.iter().find(|c| c.name == class.name);
                let own = own.and_then(|c| c.figures.all().into_iter().nth(at)).map(|(.., sample)| sample);
                let value = shown(own.and_then(|s| s.estimate()), unit);
                let more = own.and_then(|own| own.more_than(sample)).map(difference);
                row.push(match more {
                    Some(more) => format!("{value} ({more})"),
                    None => value,
                });
            }
            rows.push(row);
        }
    }
    rows
}

fn calls(class: &ClassOutcome) -> String {
    class.figures.calls.estimate().map_or("-".to_owned(), |calls| format!("{:.0}", calls.mean))
}

pub(super) fn shown(estimate: Option<Estimate>, unit: &str) -> String {
    match estimate {
        Some(Estimate { mean, half_width }) => format!("{mean:.1} +- {half_width:.1} {unit}"),
        None => "-".to_owned(),
    }
}

pub(super) fn difference(Estimate { mean, half_width }: Estimate) -> String {
    format!("{mean:+.1} +- {half_width:.1}")
}

pub(super) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
