//! Which steps of a dialplan its tests have come by, which keys were pressed in which language, and which ways they
//! have gone: of those that a caller, or a desk, can.

use std::collections::BTreeSet;
use std::fmt;

use super::run::Verdict;
use crate::base::Language;
use crate::dialplan::{By, Graph, NodeId, Plan, Traffic};

/// What was met, and what could have been.
#[derive(Clone, Debug)]
pub struct Coverage<'p> {
    traffic: Traffic<'p>,
    steps: Vec<NodeId>,
    /// Keys that can be pressed, with the language that is spoken then.
    keys: BTreeSet<(NodeId, By, Language)>,
    /// All other ways out of a step, but for the one that every step has.
    branches: BTreeSet<(NodeId, By)>,
}

impl<'p> Coverage<'p> {
    pub fn new(plan: &'p Plan, graph: &'p Graph) -> Self {
        let languages = plan.languages_at(graph);
        let spoken = |id: NodeId| languages.get(id.0 as usize).map_or(&[][..], Vec::as_slice);
        let reached = graph.reach(graph.entries().map(|(id, _)| id));
        let steps: Vec<_> =
            graph.nodes().filter(|(id, node)| node.is_step() && reached.has(*id)).map(|(id, _)| id).collect();
        let ways = || steps.iter().flat_map(|id| graph.from(*id).iter().map(move |edge| (*id, edge)));
        let keys = ways().filter(|(_, edge)| matches!(edge.by, By::Key(_)));
        let keys = keys.flat_map(|(id, edge)| {
            spoken(id).iter().map(move |language| (id, edge.by.clone(), language.clone()))
        });
        // One key may lead to this or to that, as it goes with the person.
        let keys: BTreeSet<_> = keys.collect();
        let other = |by: &By| !matches!(by, By::Key(_) | By::Done | By::Dialled);
        let branches =
            ways().filter(|(_, edge)| other(&edge.by)).map(|(id, edge)| (id, edge.by.clone())).collect();
        Coverage { traffic: Traffic::new(plan, graph), keys, branches, steps }
    }

    pub fn add(&mut self, verdict: &Verdict) {
        for walk in &verdict.walks {
            self.traffic.add(&walk.dialled, walk.desk, walk.steps.iter().map(String::as_str));
        }
    }

    /// The counts behind it.
    pub fn traffic(&self) -> &Traffic<'p> {
        &self.traffic
    }

    /// Every key was pressed in every language in which it can be.
    pub fn has_all_keys(&self) -> bool {
        self.keys.iter().all(|key| self.pressed(key))
    }

    fn pressed(&self, (id, by, language): &(NodeId, By, Language)) -> bool {
        self.traffic.spoken(*id, by, language) > 0
    }

    fn went(&self, (id, by): &(NodeId, By)) -> bool {
        let languages = self.traffic.plan().languages();
        languages.iter().any(|language| self.traffic.spoken(*id, by, language) > 0)
    }

    fn name(&self, id: NodeId) -> String {
        self.traffic.graph().node(id).map(|node| node.label()).unwrap_or_default()
    }

    /// What no test came by, one thing a line: steps as `flow verb (file:line)`, then keys with their language, then
    /// branches.
    pub fn missed(&self) -> Vec<String> {
        let steps = self.steps.iter().filter(|id| self.traffic.node(**id) == 0).map(|id| self.name(*id));
        let keys = self.keys.iter().filter(|key| !self.pressed(key));
        let keys = keys.map(|(id, by, language)| format!("{}: {by} in {language}", self.name(*id)));
        let branches = self.branches.iter().filter(|branch| !self.went(branch));
        let branches = branches.map(|(id, by)| format!("{}: {by}", self.name(*id)));
        steps.chain(keys).chain(branches).collect()
    }

    /// The same of one step.
    pub fn missed_at(&self, id: NodeId) -> Vec<String> {
        let keys = self.keys.iter().filter(|key| key.0 == id && !self.pressed(key));
        let keys = keys.map(|(_, by, language)| format!("{by} in {language}"));
        let branches = self.branches.iter().filter(|branch| branch.0 == id && !self.went(branch));
        keys.chain(branches.map(|(_, by)| by.to_string())).collect()
    }

    /// Whether a caller or a desk can come by this step.
    pub fn can_be_met(&self, id: NodeId) -> bool {
        self.steps.contains(&id)
    }
}

/// In one line.
impl fmt::Display for Coverage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.steps.iter().filter(|id| self.traffic.node(**id) > 0).count();
        let keys = self.keys.iter().filter(|key| self.pressed(key)).count();
        let branches = self.branches.iter().filter(|branch| self.went(branch)).count();
        let mut parts = Vec::new();
        for (what, met, all) in [
            ("steps", steps, self.steps.len()),
            ("keys", keys, self.keys.len()),
            ("branches", branches, self.branches.len()),
        ] {
            let percent = (100 * met).checked_div(all).unwrap_or(100);
            parts.push(format!("{met} of {all} {what} ({percent} %)"));
        }
        write!(f, "{} met", parts.join(", "))
    }
}
