//! Which steps of a dialplan its tests have come by, of those that a caller can reach.

use std::collections::BTreeSet;
use std::fmt;

use super::run::Verdict;
use crate::dialplan::Plan;

/// Steps written in the dialplan, and those that a call came by.
#[derive(Clone, Debug)]
pub struct Coverage {
    written: BTreeSet<String>,
    met: BTreeSet<String>,
}

impl Coverage {
    pub fn new(plan: &Plan) -> Self {
        Coverage { written: plan.steps().into_iter().collect(), met: BTreeSet::new() }
    }

    pub fn add(&mut self, verdict: &Verdict) {
        self.met.extend(verdict.steps.iter().filter(|step| self.written.contains(*step)).cloned());
    }

    pub fn met(&self) -> usize {
        self.met.len()
    }

    pub fn written(&self) -> usize {
        self.written.len()
    }

    /// Steps that no test came by, as `flow verb (file:line)`, in order.
    pub fn missed(&self) -> impl Iterator<Item = &str> {
        self.written.difference(&self.met).map(String::as_str)
    }
}

/// In one line.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = (100 * self.met()).checked_div(self.written()).unwrap_or(100);
        write!(f, "{} of {} steps met ({percent} %)", self.met(), self.written())
    }
}
