//! What is proven of a plan before it goes live: every path ends in a person, a message, a callback or a goodbye; no
//! circle is without the caller's input; what nobody reaches and what nobody can serve is pointed out.
//!
//! The proof is made on the plan's [graph](Graph). What it refuses it shows: [a call](super::witness) that gets there.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::circumstance::{Circumstance, circumstances};
use super::flow::{Edge, Graph, Node, NodeId, What};
use super::journey::journeys;
use super::plan::Plan;
use super::policy::{self, Rule};
use super::source::Report;
use super::step::{FlowId, Located, Place, Step, Target};
use super::witness::{self, Found, Shown};
use super::{check_queues, check_year};
use crate::base::Wall;

/// Where things were written.
pub(super) struct WrittenAt {
    pub(super) flows: Vec<Place>,
    pub(super) menus: Vec<Place>,
    pub(super) queues: Vec<Place>,
    pub(super) calendars: Vec<Place>,
    pub(super) numbers: Option<Place>,
    pub(super) operator: Option<Target>,
    pub(super) rules: Vec<Rule>,
}

/// `today`: from when on calls come.
pub(super) fn check(report: &mut Report<'_>, plan: &Arc<Plan>, written: &WrittenAt, today: Option<Wall>) {
    let broken = report.failed();
    let graph = plan.graph();
    let court = Court { plan, graph: &graph, broken, today, all: OnceCell::new() };
    dead_ends(report, plan, &graph, &court);
    circles(report, plan, &graph, &court);
    desks_only(report, plan, &graph);
    lost_slots(report, plan);
    stays(report, plan, &graph);
    check_queues::check(report, plan, &written.queues);
    if !broken {
        check_queues::shifts(report, plan, &graph, &written.queues, court.circumstances());
    }
    if let Some(today) = today.filter(|_| !broken) {
        check_year::check(report, plan, &written.calendars, today);
    }
    // A name that is misspelt leaves a flow unreached that is not.
    if !broken {
        unreached(report, plan, &graph, written);
        if plan.numbers.is_empty() {
            let place = written.numbers.unwrap_or(Place { file: 0, start: 0, end: 0 });
            report.warning(place, "no number is served: add `[numbers]`");
        }
    }
    // The house is asked last: whether a plan that cannot be served would keep to its rules nobody can say.
    if !report.failed() {
        let all = court.circumstances();
        policy::check(report, plan, &graph, all, || journeys(plan, court.from()), &written.rules);
    }
}

/// Where a doubt becomes a call that shows it, or none.
struct Court<'a> {
    plan: &'a Arc<Plan>,
    graph: &'a Graph,
    /// Of a plan that was not understood no call can be made.
    broken: bool,
    today: Option<Wall>,
    all: OnceCell<Vec<Circumstance>>,
}

impl Court<'_> {
    fn hear(&self, shown: &Shown<'_>) -> Found {
        if self.broken {
            return Found::Possibly;
        }
        witness::find(self.plan, self.graph, self.circumstances(), shown)
    }

    fn circumstances(&self) -> &[Circumstance] {
        self.all.get_or_init(|| circumstances(self.plan, self.from()))
    }

    fn from(&self) -> Wall {
        self.today.unwrap_or_else(|| self.plan.some_day())
    }
}

fn located<'p>(plan: &'p Plan, node: &Node) -> Option<&'p Located> {
    let (flow, step) = node.at?;
    plan.flow(flow)?.steps.get(step)
}

/// Where a call may begin: the numbers, and flows that nothing leads to, which are judged all the same.
fn starts(graph: &Graph) -> Vec<NodeId> {
    let mut led_to = vec![false; graph.nodes().count()];
    for edge in graph.edges() {
        if let Some(led_to) = led_to.get_mut(edge.to.0 as usize) {
            *led_to = true;
        }
    }
    let first = |node: &Node| node.at.is_some_and(|(_, step)| step == 0);
    let alone = |id: NodeId| !led_to.get(id.0 as usize).copied().unwrap_or(false);
    graph
        .nodes()
        .filter(|(id, node)| matches!(node.what, What::Entry { .. }) || (first(node) && alone(*id)))
        .map(|(id, _)| id)
        .collect()
}

/// A flow that runs out without a person, a message or a goodbye: closed with thanks by nobody's will.
fn dead_ends(report: &mut Report<'_>, plan: &Plan, graph: &Graph, court: &Court<'_>) {
    let mut seen: BTreeSet<(NodeId, bool)> = BTreeSet::new();
    let mut open: Vec<(NodeId, bool)> = starts(graph).into_iter().map(|id| (id, false)).collect();
    let mut told = BTreeSet::new();
    while let Some((id, attended)) = open.pop() {
        if !seen.insert((id, attended)) {
            continue;
        }
        for edge in graph.from(id) {
            let attended = attended || edge.attended;
            if attended || !is_nobodys(graph, edge) {
                open.push((edge.to, attended));
            } else if !told.contains(&id)
                && let Some(node) = graph.node(id)
                && let Some(here) = located(plan, node)
            {
                let found = court.hear(&Shown { last: vec![edge], unattended: true });
                if matches!(found, Found::Never) {
                    continue;
                }
                let reason = format!(
                    "flow `{}` ends after this `{}` without a person, a message or a goodbye",
                    node.flow,
                    here.step.verb()
                );
                told.insert(id);
                report
                    .mistake(here.place, reason)
                    .add_witness(found)
                    .add_help("end it with `queue`, `dial`, `message`, `goto` or `hang_up`");
            }
        }
    }
}

/// Leads past the last step of a flow.
fn is_nobodys(graph: &Graph, edge: &Edge) -> bool {
    graph.node(edge.to).is_some_and(|node| node.what == What::Goodbye && node.at.is_none())
}

/// A circle of steps that the caller has no part in.
fn circles(report: &mut Report<'_>, plan: &Plan, graph: &Graph, court: &Court<'_>) {
    // Depth first over the edges without input: a node met again on its own path closes a circle.
    let nodes = graph.nodes().count();
    let mut done = vec![false; nodes];
    let mut on_path: Vec<Option<usize>> = vec![None; nodes];
    let mut told = BTreeSet::new();
    for (start, _) in graph.nodes() {
        let mut path: Vec<(NodeId, usize)> = Vec::new();
        let mut enter = Some(start);
        loop {
            if let Some(id) = enter.take() {
                let at = id.0 as usize;
                match on_path.get(at).copied().flatten() {
                    Some(from) => {
                        tell_circle(report, plan, court, &mut told, path.get(from..).unwrap_or_default())
                    }
                    None if !done.get(at).copied().unwrap_or(true) => {
                        set(&mut on_path, at, Some(path.len()));
                        path.push((id, 0));
                    }
                    None => {}
                }
            }
            let Some((id, tried)) = path.last_mut() else { break };
            let by_itself = |edge: &&Edge| !edge.input && !edge.by.is_again();
            match graph.from(*id).get(*tried..).unwrap_or_default().iter().position(|edge| by_itself(&edge)) {
                Some(further) => {
                    let next = *tried + further;
                    *tried = next + 1;
                    enter = graph.from(*id).get(next).map(|edge| edge.to);
                }
                None => {
                    let at = id.0 as usize;
                    set(&mut done, at, true);
                    set(&mut on_path, at, None);
                    path.pop();
                }
            }
        }
    }
}

fn set<T>(of: &mut [T], at: usize, value: T) {
    if let Some(place) = of.get_mut(at) {
        *place = value;
    }
}

fn tell_circle(
    report: &mut Report<'_>,
    plan: &Plan,
    court: &Court<'_>,
    told: &mut BTreeSet<Vec<NodeId>>,
    circle: &[(NodeId, usize)],
) {
    // Between the same steps there may be several ways.
    let mut steps: Vec<NodeId> = circle.iter().map(|(id, _)| *id).collect();
    steps.sort_unstable();
    if !told.insert(steps) {
        return;
    }
    let graph = court.graph;
    let taken = circle.iter().filter_map(|(id, tried)| graph.from(*id).get(tried.checked_sub(1)?));
    let found = court.hear(&Shown { last: taken.collect(), unattended: false });
    if matches!(found, Found::Never) {
        return;
    }
    let nodes: Vec<&Node> = circle.iter().filter_map(|(id, _)| graph.node(*id)).collect();
    let Some(first) = nodes.iter().filter_map(|node| located(plan, node)).min_by_key(|l| l.place) else {
        return;
    };
    let mut names: Vec<&str> = Vec::new();
    for node in &nodes {
        if names.last() != Some(&&*node.flow) {
            names.push(&node.flow);
        }
    }
    if let Some(name) = names.first().copied() {
        names.push(name);
    }
    let names = names.join(" -> ");
    let queue = nodes.iter().find_map(|node| match &node.what {
        What::Queue { name } => Some(name),
        _ => None,
    });
    let reason = match queue {
        Some(queue) => format!("the overflow of queue `{queue}` never ends: {names}"),
        None => format!("this goes round without the caller's input: {names}"),
    };
    let place = first.place;
    report
        .mistake(place, reason)
        .add_witness(found)
        .add_help("let a menu, a message or a goodbye be part of it");
}

/// What is for agents.
fn desks_only(report: &mut Report<'_>, plan: &Plan, graph: &Graph) {
    let reached = graph.reach(graph.callers());
    for (_, node) in graph.nodes().filter(|(id, _)| reached.has(*id)) {
        let Some(Located { step, place, .. }) = located(plan, node) else { continue };
        let reason = match step {
            Step::Presence(_) => "callers reach this `presence`: only agents have a state",
            Step::Park(..) => "callers reach this `park`: only agents park somebody",
            Step::PickUp(_) => "callers reach this `pick_up`: only agents take somebody's call",
            Step::AnswerUrgent(_) => "callers reach this `urgent`: only who is asked answers",
            _ => continue,
        };
        report.mistake(*place, reason).add_help("give the number `from = \"desks\"`");
    }
}

/// Where a caller is left alone until they hang up: good for a test of a line.
fn stays(report: &mut Report<'_>, plan: &Plan, graph: &Graph) {
    let reached = graph.reach(graph.callers());
    for (_, node) in graph.nodes().filter(|(id, node)| node.what == What::Stay && reached.has(*id)) {
        let Some(here) = located(plan, node) else { continue };
        report
            .warning(here.place, "a caller stays here until they hang up: no person, no message, no goodbye")
            .add_help("give it a `limit`, and a step after it");
    }
}

/// Who is parked where nobody can fetch them.
fn lost_slots(report: &mut Report<'_>, plan: &Plan) {
    let mut told = BTreeSet::new();
    for (flow, slot) in plan.lost_slots() {
        let first = plan.flow(flow).and_then(|flow| flow.steps.first());
        if let Some(Located { place, .. }) = first.filter(|_| told.insert(flow)) {
            report
                .mistake(*place, format!("no number of desks retrieves slot `{slot}`"))
                .add_help("add a number that matches the slots, with a flow `pick_up = \"slot\"`");
        }
    }
}

/// Flows, steps and menus that no number leads to.
fn unreached(report: &mut Report<'_>, plan: &Plan, graph: &Graph, written: &WrittenAt) {
    let mut from: Vec<NodeId> = graph.entries().map(|(id, _)| id).collect();
    if let Some(Target::Flow(operator)) = written.operator {
        from.extend(graph.start(operator));
    }
    let seen = graph.reach(from);
    for ((at, place), flow) in (0..).zip(&written.flows).zip(&plan.flows) {
        let Some(start) = graph.start(FlowId(at)) else { continue };
        if !seen.has(start) {
            report.warning(*place, format!("no number leads to flow `{}`", flow.name));
            continue;
        }
        // After a step that is not reached the next is none either: one warning a flow.
        let steps = (start.0..).map(NodeId).zip(&flow.steps);
        if let Some((_, here)) = steps.into_iter().find(|(id, _)| !seen.has(*id)) {
            let reason =
                format!("no call comes to this `{}`: the step before it never goes on", here.step.verb());
            report.warning(here.place, reason);
        }
    }
    let mut menus = BTreeSet::new();
    for (_, node) in graph.nodes().filter(|(id, _)| seen.has(*id)) {
        if let Some(Step::Menu(menu)) = located(plan, node).map(|here| &here.step) {
            menus.insert(menu.0);
        }
    }
    for (at, place) in (0..).zip(&written.menus) {
        let Some(menu) = plan.menus.get(at as usize) else { continue };
        if !menus.contains(&at) {
            report.warning(*place, format!("no number leads to menu `{}`", menu.name));
        }
    }
}
