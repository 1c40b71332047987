//! What is proven of a plan before it goes live: every path ends in a person, a message or a closing phrase; no
//! circle is without the caller's input; what nobody reaches and what nobody can serve is pointed out.
//!
//! ```text
//! node: (flow, step, attended)      attended: the caller has met a person or left a message on this path
//! edge: where a step may lead, and whether the caller (or a person) had a part in it
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::check_queues;
use super::plan::Plan;
use super::source::Report;
use super::step::{Choice, FlowId, Located, Place, Step, Target};

/// Where things were written.
pub(super) struct WrittenAt {
    pub(super) flows: Vec<Place>,
    pub(super) menus: Vec<Place>,
    pub(super) queues: Vec<Place>,
    pub(super) numbers: Option<Place>,
    pub(super) operator: Option<Target>,
}

/// Where a step may lead.
struct Edge {
    to: Target,
    /// The caller pressed, spoke, or talked with somebody: not a step of a circle that turns by itself.
    input: bool,
    /// A person has served the caller, or a message was offered.
    attended: bool,
}

type Node = (FlowId, usize);

pub(super) fn check(report: &mut Report<'_>, plan: &Plan, written: &WrittenAt) {
    let broken = report.failed();
    dead_ends(report, plan);
    circles(report, plan);
    desks_only(report, plan);
    lost_slots(report, plan);
    check_queues::check(report, plan, &written.queues);
    // A name that is misspelt leaves a flow unreached that is not.
    if !broken {
        unreached(report, plan, written);
        if plan.numbers.is_empty() {
            let place = written.numbers.unwrap_or(Place { file: 0, start: 0, end: 0 });
            report.warning(place, "no number is served: add `[numbers]`");
        }
    }
}

fn edges(plan: &Plan, step: &Step) -> Vec<Edge> {
    let auto = |to: Target| Edge { to, input: false, attended: false };
    let key = |to: Target| Edge { to, input: true, attended: false };
    let person = |to: Target| Edge { to, input: true, attended: true };
    match step {
        Step::Play { .. } | Step::Say { .. } | Step::Language(_) => vec![auto(Target::Next)],
        Step::Goto(target) => vec![auto(*target)],
        Step::Menu(menu) => {
            let Some(menu) = plan.menu(*menu) else { return Vec::new() };
            let mut edges = vec![auto(menu.exhausted)];
            for (_, choice) in &menu.keys {
                match choice {
                    Choice::Go(target) => edges.push(key(*target)),
                    Choice::Language(_) => edges.push(key(Target::Next)),
                    Choice::Repeat => {}
                }
            }
            edges
        }
        Step::Collect(spec) => {
            let empty = spec.on_empty.map(key);
            [key(Target::Next), auto(spec.on_failure)].into_iter().chain(empty).collect()
        }
        Step::Find(spec) => vec![key(Target::Next), auto(spec.on_failure)],
        Step::Hours { open, closed, holiday, .. } => vec![auto(*open), auto(*closed), auto(*holiday)],
        Step::Lookup { found, missing, .. } => vec![auto(*found), auto(*missing)],
        Step::Queue(spec) => {
            let mut edges = vec![person(Target::Next)];
            edges.extend(spec.keys.iter().map(|(_, target)| key(*target)));
            edges.extend([spec.on_full, spec.on_nobody, spec.on_max_wait, spec.on_closed].map(auto));
            edges
        }
        Step::Callback(spec) => vec![person(Target::Next), auto(spec.on_impossible)],
        Step::CallbackAt(spec) => {
            vec![Edge { to: Target::Next, input: true, attended: true }, auto(spec.on_impossible)]
        }
        Step::Dial(spec) => {
            let failures =
                [spec.on_busy, spec.on_no_answer, spec.on_away, spec.on_unreachable, spec.on_unknown];
            let mut edges = vec![person(Target::Next)];
            edges.extend(failures.map(auto));
            edges
        }
        Step::Outside(spec) => {
            let mut edges = vec![person(Target::Next)];
            edges.extend([spec.on_busy, spec.on_no_answer, spec.on_unreachable].map(auto));
            edges
        }
        Step::Message(spec) => {
            let offered = |to| Edge { to, input: false, attended: true };
            vec![person(Target::Next), offered(spec.on_nothing), offered(spec.on_failure)]
        }
        Step::Mailbox { .. } => vec![person(Target::Next)],
        // It comes after a talk; without one it does nothing.
        Step::Survey(_) => vec![auto(Target::Next)],
        Step::Complaint { on_unknown, .. } => vec![person(Target::Next), key(*on_unknown)],
        // Desks' own numbers: nobody waits for a person here.
        Step::Presence(_) | Step::Park(..) | Step::PickUp(_) => {
            vec![Edge { to: Target::Next, input: false, attended: true }]
        }
        Step::Wait { limit, .. } => limit.map(|_| auto(Target::Next)).into_iter().collect(),
        Step::HangUp { .. } => Vec::new(),
        Step::Regret(spec) => {
            let offers = spec.offers.iter().map(|offer| key(offer.target));
            offers.chain([spec.message, spec.without_box].map(auto)).collect()
        }
        Step::CallAgain => vec![auto(Target::Next)],
        // They were asked, or there is the next step.
        Step::Urgent(spec) => {
            let mut edges = vec![auto(Target::Next), auto(spec.message), person(spec.over)];
            edges.extend(spec.delegate.map(auto));
            edges
        }
        Step::AnswerUrgent(spec) => [Target::Next, spec.on_nobody]
            .map(|to| Edge { to, input: false, attended: true })
            .into_iter()
            .collect(),
    }
}

fn follow((flow, step): Node, target: Target) -> Node {
    match target {
        Target::Next => (flow, step + 1),
        Target::Flow(flow) => (flow, 0),
    }
}

fn located(plan: &Plan, (flow, step): Node) -> Option<&Located> {
    plan.flow(flow)?.steps.get(step)
}

fn starts(plan: &Plan) -> impl Iterator<Item = Node> {
    (0..plan.flows.len()).filter_map(|at| u32::try_from(at).ok()).map(|at| (FlowId(at), 0))
}

/// Everything that can be reached from these nodes.
fn reach(plan: &Plan, from: impl IntoIterator<Item = Node>) -> BTreeSet<Node> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<Node> = from.into_iter().collect();
    while let Some(node) = open.pop() {
        let Some(step) = located(plan, node) else { continue };
        if seen.insert(node) {
            open.extend(edges(plan, &step.step).iter().map(|e| follow(node, e.to)));
        }
    }
    seen
}

/// A flow that runs out without a person, a message or a goodbye.
/// What somebody may come by who calls through a trunk.
pub(super) fn callers_reach(plan: &Plan) -> BTreeSet<Node> {
    let numbers = plan.numbers.iter().filter(|number| !number.desks);
    reach(plan, numbers.map(|number| (number.flow, 0)))
}

fn dead_ends(report: &mut Report<'_>, plan: &Plan) {
    let mut seen: BTreeSet<(Node, bool)> = BTreeSet::new();
    let mut open: Vec<(Node, bool)> = starts(plan).map(|node| (node, false)).collect();
    let mut told = BTreeSet::new();
    // A flow begun after a person was there is judged with its callers; alone it may look unfinished.
    let entered: BTreeSet<FlowId> = goals(plan);
    open.retain(|((flow, _), _)| !entered.contains(flow) || plan.numbers.iter().any(|n| n.flow == *flow));
    while let Some((node, attended)) = open.pop() {
        let Some(here) = located(plan, node) else { continue };
        if !seen.insert((node, attended)) {
            continue;
        }
        for edge in edges(plan, &here.step) {
            let attended = attended || edge.attended;
            let next = follow(node, edge.to);
            if located(plan, next).is_some() {
                open.push((next, attended));
            } else if !attended && told.insert(here.place) {
                let name = plan.flow(node.0).map_or("", |f| f.name.as_str());
                let reason = format!(
                    "flow `{name}` ends after this `{}` without a person, a message or a goodbye",
                    here.step.verb()
                );
                report
                    .mistake(here.place, reason)
                    .add_help("end it with `queue`, `dial`, `message`, `goto` or `hang_up`");
            }
        }
    }
}

/// Flows that some step leads to.
fn goals(plan: &Plan) -> BTreeSet<FlowId> {
    let steps = plan.flows.iter().flat_map(|f| &f.steps);
    let targets = steps.flat_map(|s| edges(plan, &s.step)).map(|e| e.to);
    targets.filter_map(|t| if let Target::Flow(flow) = t { Some(flow) } else { None }).collect()
}

/// A circle of steps that the caller has no part in.
fn circles(report: &mut Report<'_>, plan: &Plan) {
    // Depth first over the edges without input: a node met again on its own path closes a circle.
    let mut done: BTreeSet<Node> = BTreeSet::new();
    for start in starts(plan) {
        let mut path: Vec<(Node, Vec<Node>)> = Vec::new();
        let mut on_path: BTreeMap<Node, usize> = BTreeMap::new();
        let mut enter = Some(start);
        loop {
            if let Some(node) = enter.take() {
                if let Some(at) = on_path.get(&node) {
                    tell_circle(report, plan, path[*at..].iter().map(|(n, _)| *n));
                } else if !done.contains(&node)
                    && let Some(here) = located(plan, node)
                {
                    let next = edges(plan, &here.step).into_iter().filter(|e| !e.input);
                    on_path.insert(node, path.len());
                    path.push((node, next.map(|e| follow(node, e.to)).collect()));
                }
            }
            let Some((node, next)) = path.last_mut() else { break };
            match next.pop() {
                Some(next) => enter = Some(next),
                None => {
                    done.insert(*node);
                    on_path.remove(node);
                    path.pop();
                }
            }
        }
    }
}

fn tell_circle(report: &mut Report<'_>, plan: &Plan, circle: impl Iterator<Item = Node>) {
    let nodes: Vec<Node> = circle.collect();
    let Some(first) = nodes.iter().filter_map(|n| located(plan, *n)).min_by_key(|l| l.place) else { return };
    let mut names: Vec<&str> = Vec::new();
    for flow in nodes.iter().filter_map(|(flow, _)| plan.flow(*flow)) {
        if names.last() != Some(&flow.name.as_str()) {
            names.push(&flow.name);
        }
    }
    if let Some(name) = names.first().copied() {
        names.push(name);
    }
    let place = first.place;
    let reason = format!("this goes round without the caller's input: {}", names.join(" -> "));
    report.mistake(place, reason).add_help("let a menu, a message or a goodbye be part of it");
}

/// What is for agents.
fn desks_only(report: &mut Report<'_>, plan: &Plan) {
    for node in callers_reach(plan) {
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

/// Who is parked where nobody can fetch them.
fn lost_slots(report: &mut Report<'_>, plan: &Plan) {
    let mut told = BTreeSet::new();
    for (flow, slot) in plan.lost_slots() {
        if let Some(Located { place, .. }) = located(plan, (flow, 0)).filter(|_| told.insert(flow)) {
            report
                .mistake(*place, format!("no number of desks retrieves slot `{slot}`"))
                .add_help("add a number that matches the slots, with a flow `pick_up = \"slot\"`");
        }
    }
}

/// Flows and menus that no number leads to.
fn unreached(report: &mut Report<'_>, plan: &Plan, written: &WrittenAt) {
    let mut from: Vec<Node> = plan.numbers.iter().map(|n| (n.flow, 0)).collect();
    if let Some(Target::Flow(operator)) = written.operator {
        from.push((operator, 0));
    }
    let seen = reach(plan, from);
    for (at, place) in written.flows.iter().enumerate() {
        let Some(flow) = plan.flows.get(at) else { continue };
        let id = u32::try_from(at).map(FlowId);
        if !id.is_ok_and(|id| seen.contains(&(id, 0))) {
            report.warning(*place, format!("no number leads to flow `{}`", flow.name));
        }
    }
    let menus: BTreeSet<u32> = seen
        .iter()
        .filter_map(|n| match located(plan, *n)?.step {
            Step::Menu(menu) => Some(menu.0),
            _ => None,
        })
        .collect();
    for (at, place) in written.menus.iter().enumerate() {
        let Some(menu) = plan.menus.get(at) else { continue };
        if !u32::try_from(at).is_ok_and(|at| menus.contains(&at)) {
            report.warning(*place, format!("no number leads to menu `{}`", menu.name));
        }
    }
}
