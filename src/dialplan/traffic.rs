//! How many calls came by each step of a plan and by each way from one to the next, counted from the stages of their
//! records: what tests met, or what callers do.

use std::collections::BTreeMap;

use super::flow::{By, Graph, NodeId};
use super::plan::{Origin, Plan};
use super::step::{Choice, Step};
use crate::base::{AgentId, Language};

/// What separates a step's name from what it went on by in a call's record, and those from one another.
const NAME_ENDS: &str = "): ";
const NEXT: &str = "; ";

/// The graph of a plan with counts.
#[derive(Clone, Debug)]
pub struct Traffic<'p> {
    plan: &'p Plan,
    graph: &'p Graph,
    /// A name may stand for several: what a default does has the place of the step that has the default.
    by_label: BTreeMap<String, Vec<NodeId>>,
    nodes: Vec<u64>,
    edges: Vec<u64>,
    /// Calls by the language that was spoken, for each way out of a step.
    spoken: BTreeMap<(NodeId, By, Language), u64>,
    calls: u64,
    strangers: u64,
}

impl<'p> Traffic<'p> {
    pub fn new(plan: &'p Plan, graph: &'p Graph) -> Self {
        let mut by_label: BTreeMap<String, Vec<NodeId>> = BTreeMap::new();
        for (id, node) in graph.nodes().filter(|(_, node)| node.is_step()) {
            by_label.entry(node.label()).or_default().push(id);
        }
        Traffic {
            plan,
            graph,
            by_label,
            nodes: vec![0; graph.nodes().count()],
            edges: vec![0; graph.edges().len()],
            spoken: BTreeMap::new(),
            calls: 0,
            strangers: 0,
        }
    }

    /// One call: what was dialled, and the steps as its record names them.
    pub fn add<'s>(&mut self, dialled: &str, desk: bool, steps: impl IntoIterator<Item = &'s str>) {
        self.calls += 1;
        let mut language = self.plan.language().clone();
        let mut before: Option<(NodeId, Vec<&str>)> = self.entry(dialled, desk).map(|id| (id, Vec::new()));
        for detail in steps {
            let (label, by) = parts(detail);
            let nodes = self.by_label.get(label).cloned().unwrap_or_default();
            let Some(first) = nodes.first().copied() else {
                self.strangers += 1;
                before = None;
                continue;
            };
            // Of several with one name the one that follows from what came before.
            let follows = |from: NodeId| {
                let ways = self.graph.from(from).iter();
                nodes.iter().copied().find(|node| ways.clone().any(|edge| edge.to == *node))
            };
            let here = before.as_ref().and_then(|(from, _)| follows(*from)).unwrap_or(first);
            if let Some((from, by)) = before.take() {
                self.go(from, &by, Some(here));
            }
            count(&mut self.nodes, here.0 as usize);
            self.speak(here, &by, &mut language);
            before = Some((here, by));
        }
        if let Some((from, by)) = before {
            self.go(from, &by, None);
        }
    }

    /// The number that was dialled, as the plan finds it.
    fn entry(&mut self, dialled: &str, desk: bool) -> Option<NodeId> {
        let origin = if desk { Origin::Desk(AgentId(0)) } else { Origin::Caller };
        let number = self.plan.number(dialled, origin)?;
        let (id, _) = self.graph.entries().nth(number)?;
        count(&mut self.nodes, id.0 as usize);
        Some(id)
    }

    /// Ways that were taken out of a step; the last one led to `to`, where there was another step.
    fn go(&mut self, from: NodeId, by: &[&str], to: Option<NodeId>) {
        let first = self.graph.edges().partition_point(|edge| edge.from < from);
        let ways: Vec<_> =
            self.graph.from(from).iter().enumerate().map(|(at, edge)| (first + at, edge)).collect();
        let mut left = false;
        for word in by {
            let named: Vec<_> = ways.iter().filter(|(_, edge)| edge.by.to_string() == *word).collect();
            let there = named.iter().find(|(_, edge)| Some(edge.to) == to);
            if let Some((at, edge)) = there.or(named.first()) {
                left |= edge.to != from;
                count(&mut self.edges, *at);
            }
        }
        let plainly = ways
            .iter()
            .find(|(_, edge)| matches!(edge.by, By::Done | By::Dialled) && to.is_none_or(|to| edge.to == to));
        if let Some((at, _)) = plainly.filter(|_| !left) {
            count(&mut self.edges, *at);
        }
    }

    fn speak(&mut self, here: NodeId, by: &[&str], language: &mut Language) {
        let plan = self.plan;
        for word in by {
            let Some(edge) = self.graph.from(here).iter().find(|edge| edge.by.to_string() == *word) else {
                continue;
            };
            *self.spoken.entry((here, edge.by.clone(), language.clone())).or_default() += 1;
        }
        let chosen = by.iter().rev().find_map(|word| plan.chooses(self.graph, here, word));
        if let Some(chosen) = chosen {
            *language = chosen;
        }
    }

    pub fn plan(&self) -> &'p Plan {
        self.plan
    }

    pub fn graph(&self) -> &'p Graph {
        self.graph
    }

    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Steps of records that this plan does not have: of calls under another version.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }

    /// So often a call came by this step.
    pub fn node(&self, id: NodeId) -> u64 {
        self.nodes.get(id.0 as usize).copied().unwrap_or(0)
    }

    /// So often a call went this way; an index into [`Graph::edges`].
    pub fn edge(&self, at: usize) -> u64 {
        self.edges.get(at).copied().unwrap_or(0)
    }

    /// So often a call went this way while it was spoken to in this language.
    pub fn spoken(&self, node: NodeId, by: &By, language: &Language) -> u64 {
        self.spoken.get(&(node, by.clone(), language.clone())).copied().unwrap_or(0)
    }
}

fn count(counts: &mut [u64], at: usize) {
    if let Some(count) = counts.get_mut(at) {
        *count += 1;
    }
}

/// The step's own name, `flow verb (file:line)`, without what it went on by.
pub fn step_label(detail: &str) -> &str {
    parts(detail).0
}

/// `flow verb (file:line): key 9; key 3`.
fn parts(detail: &str) -> (&str, Vec<&str>) {
    match detail.find(NAME_ENDS) {
        Some(at) => {
            let by = detail.get(at + NAME_ENDS.len()..).unwrap_or_default();
            (detail.get(..=at).unwrap_or(detail), by.split(NEXT).collect())
        }
        None => (detail, Vec::new()),
    }
}

impl Plan {
    /// The language that is spoken from a step on, if it changes there: by itself, or by a key.
    fn chooses(&self, graph: &Graph, node: NodeId, word: &str) -> Option<Language> {
        let (flow, step) = graph.node(node)?.at?;
        match &self.flow(flow)?.steps.get(step)?.step {
            Step::Language(language) => Some(language.clone()),
            Step::Menu(menu) => self.menu(*menu)?.keys.iter().find_map(|(key, choice)| match choice {
                Choice::Language(language) if By::Key(key.clone()).to_string() == word => {
                    Some(language.clone())
                }
                _ => None,
            }),
            _ => None,
        }
    }

    /// The languages that callers, and desks, may be spoken to in at each node of the graph.
    pub fn languages_at(&self, graph: &Graph) -> Vec<Vec<Language>> {
        let mut at: Vec<Vec<Language>> = vec![Vec::new(); graph.nodes().count()];
        let mut open: Vec<_> = graph.entries().map(|(id, _)| (id, self.language().clone())).collect();
        while let Some((id, language)) = open.pop() {
            match at.get_mut(id.0 as usize) {
                Some(known) if !known.contains(&language) => known.push(language.clone()),
                _ => continue,
            }
            // A step that sets the language does so whatever leads on from it.
            let set = graph.node(id).and_then(|node| node.at).and_then(|(flow, step)| {
                match &self.flow(flow)?.steps.get(step)?.step {
                    Step::Language(language) => Some(language.clone()),
                    _ => None,
                }
            });
            for edge in graph.from(id) {
                let chosen = set.clone().or_else(|| self.chooses(graph, id, &edge.by.to_string()));
                open.push((edge.to, chosen.unwrap_or_else(|| language.clone())));
            }
        }
        at.iter_mut().for_each(|known| known.sort());
        at
    }
}
