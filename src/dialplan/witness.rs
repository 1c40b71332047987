//! A call that shows what is wrong with a plan: who dials what and when, what they press, and how those whom they are
//! sent to fail them. It can be made: by the [interpreter](Cursor) at once, and on the bench as a
//! [case](crate::cases) is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::Arc;

use jiff::civil::DateTime;

use super::action::Facts;
use super::calendar::local;
use super::circumstance::Circumstance;
use super::flow::{By, Edge, Graph, Node, NodeId, What};
use super::plan::{Origin, Plan};
use super::rider::Rider;
use super::step::{FlowId, Step};
use crate::base::{AgentId, Clip, Masked, Wall};

/// A call, from the number to the step that is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    pub dials: String,
    /// Whose desk calls; `None`: a caller through a trunk.
    pub desk: Option<AgentId>,
    /// The caller's number; empty where it is withheld.
    pub from: Masked<String>,
    pub at: Wall,
    /// What the clock shows then.
    shown: Option<DateTime>,
    /// What the call comes by, in order; the last is where the plan fails it.
    pub way: Vec<Waypoint>,
    /// The step that it comes to then; `None`: the line is closed.
    pub then: Option<String>,
}

/// A step, and how it is left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waypoint {
    pub what: What,
    pub verb: &'static str,
    /// As a call's record names the step: `flow verb (file:line)`.
    pub label: String,
    pub by: By,
    pub(super) at: (FlowId, usize),
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.desk, self.from.is_empty()) {
            (Some(_), _) => write!(f, "a desk dials {}", self.dials)?,
            (None, true) => write!(f, "a caller without a number dials {}", self.dials)?,
            (None, false) => write!(f, "{} dials {}", self.from, self.dials)?,
        }
        if let Some(at) = self.shown {
            write!(f, " on {}", at.strftime("%A %Y-%m-%d at %H:%M"))?;
        }
        for point in &self.way {
            if let Some(told) = told(point) {
                write!(f, "; {told}")?;
            }
        }
        Ok(())
    }
}

/// What somebody does there, or what becomes of the caller; nothing where the step goes on by itself.
fn told(point: &Waypoint) -> Option<String> {
    let queue = match &point.what {
        What::Queue { name } => format!("queue `{name}`"),
        _ => "the queue".to_owned(),
    };
    let person = match &point.what {
        What::Person { extension: Some(extension) } => extension.clone(),
        _ => "the person".to_owned(),
    };
    Some(match &point.by {
        By::Dialled | By::Done | By::Open => return None,
        By::Closed => "it is closed then".to_owned(),
        By::Holiday => "it is a holiday".to_owned(),
        By::Found if point.verb == "lookup" => "the number is on the list".to_owned(),
        By::Missing if point.verb == "lookup" => "the number is not on the list".to_owned(),
        By::Key(key) => format!("presses {key}"),
        By::Silent | By::Exhausted => "presses nothing".to_owned(),
        By::WrongKey => "presses a wrong key".to_owned(),
        By::Collected => "keys in what is asked for".to_owned(),
        By::Empty => "presses # alone".to_owned(),
        By::Holds => "what is asked there holds".to_owned(),
        By::HoldsNot => "what is asked there does not hold".to_owned(),
        By::Found => "is known".to_owned(),
        By::Missing => "is not known".to_owned(),
        By::Served => format!("is served by {}", if point.verb == "queue" { queue } else { person }),
        By::Full => format!("{queue} is full"),
        By::NobodySignedOn => format!("nobody of {queue} is signed on"),
        By::MaxWait => format!("waits too long in {queue}"),
        By::ClosedWaiting => format!("{queue} closes"),
        By::Busy => format!("{person} is busy"),
        By::NoAnswer => format!("{person} does not answer"),
        By::Away => format!("{person} is away"),
        By::Unreachable => format!("{person} has no phone signed in"),
        By::Unknown => "nobody has that extension".to_owned(),
        By::Kept => match &point.what {
            What::Callback { .. } => "is promised a call".to_owned(),
            _ => "leaves a message".to_owned(),
        },
        By::Nothing => "says nothing".to_owned(),
        By::NotKept => "it cannot be kept".to_owned(),
        By::Delegate => "is passed on to the delegate".to_owned(),
        By::Message => "is asked for a message".to_owned(),
    })
}

/// What can only be brought about by a full house or a broken disk is gone round where another way leads there.
fn cost(by: &By) -> u32 {
    match by {
        By::Full | By::NotKept | By::Unknown | By::Delegate | By::Message => 1_000,
        By::MaxWait | By::ClosedWaiting => 30,
        By::Kept | By::Nothing | By::Collected | By::Empty => 10,
        _ => 1,
    }
}

/// The plainest way from an entry to a node, by edges that may be taken; empty where there is none, and where the entry
/// is the node.
pub(super) fn way(
    graph: &Graph,
    from: NodeId,
    to: NodeId,
    may: impl Fn(&Edge) -> bool,
) -> Option<Vec<&Edge>> {
    let mut best: Vec<Option<(u32, Option<&Edge>)>> = vec![None; graph.nodes().count()];
    let mut open = BinaryHeap::new();
    *best.get_mut(from.0 as usize)? = Some((0, None));
    open.push(Reverse((0, from)));
    while let Some(Reverse((cost_here, id))) = open.pop() {
        if id == to {
            break;
        }
        if best.get(id.0 as usize).copied().flatten().is_some_and(|(known, _)| known < cost_here) {
            continue;
        }
        for edge in graph.from(id).iter().filter(|edge| !edge.by.is_again() && may(edge)) {
            let there = cost_here.saturating_add(cost(&edge.by));
            let Some(known) = best.get_mut(edge.to.0 as usize) else { continue };
            if known.is_none_or(|(known, _)| there < known) {
                *known = Some((there, Some(edge)));
                open.push(Reverse((there, edge.to)));
            }
        }
    }
    let mut way = Vec::new();
    let mut at = to;
    while let Some((_, Some(edge))) = best.get(at.0 as usize)? {
        way.push(*edge);
        at = edge.from;
    }
    way.reverse();
    (at == from).then_some(way)
}

/// What a call is to show.
pub(super) struct Shown<'g> {
    /// Edges that it takes last, one after the other.
    pub(super) last: Vec<&'g Edge>,
    /// Edges that it must not take before.
    pub(super) unattended: bool,
}

/// Whether there is a call that shows it.
pub(super) enum Found {
    /// The interpreter has made it, and it went there.
    Witness(Box<Witness>),
    /// Only where hours change while the call lasts, or no number leads there, or too much decides: not shown.
    Possibly,
    /// No call can be such.
    Never,
}

/// Looks for a call that shows it, among callers in these circumstances.
pub(super) fn find(plan: &Arc<Plan>, graph: &Graph, all: &[Circumstance], shown: &Shown<'_>) -> Found {
    let Some(goal) = shown.last.first().map(|edge| edge.from) else { return Found::Never };
    let step_of = |id: NodeId| graph.step(plan, id);
    let may_before = |edge: &Edge| !(shown.unattended && edge.attended);
    let mut callers: Vec<(NodeId, bool)> = Vec::new();
    for (id, node) in graph.entries() {
        if let What::Entry { desks, .. } = node.what {
            callers.push((id, desks));
        }
    }
    callers.sort_by_key(|(id, desks)| (*desks, *id));
    let then = shown.last.last().and_then(|edge| graph.node(edge.to)).filter(|node| node.at.is_some());
    let then = then.map(Node::label);
    let mut reached = false;
    for (entry, desks) in callers {
        // Whatever calendars and lists say, this number does not lead there.
        if way(graph, entry, goal, may_before).is_none() {
            continue;
        }
        reached = true;
        let Some((dials, desk)) = dialled(plan, graph, entry, desks) else { continue };
        for one in all {
            let allows = |edge: &Edge| step_of(edge.from).is_none_or(|step| one.allows(step, &edge.by));
            if !shown.last.iter().all(|edge| allows(edge)) {
                continue;
            }
            let Some(way) = way(graph, entry, goal, |edge| may_before(edge) && allows(edge)) else {
                continue;
            };
            let way = way.into_iter().chain(shown.last.iter().copied());
            let witness = Witness {
                dials: dials.clone(),
                desk,
                from: one.from.clone(),
                at: one.at,
                shown: local(&plan.zone, one.at),
                way: way.filter_map(|edge| waypoint(graph, edge)).collect(),
                then: then.clone(),
            };
            if witness.is_true(plan) {
                return Found::Witness(Box::new(witness));
            }
        }
        let possible = all.iter().any(|one| {
            let allows =
                |edge: &Edge| step_of(edge.from).is_none_or(|step| one.allows_number(step, &edge.by));
            shown.last.iter().all(|edge| allows(edge))
                && way(graph, entry, goal, |edge| may_before(edge) && allows(edge)).is_some()
        });
        if possible {
            return Found::Possibly;
        }
    }
    if reached { Found::Never } else { Found::Possibly }
}

fn waypoint(graph: &Graph, edge: &Edge) -> Option<Waypoint> {
    let node = graph.node(edge.from)?;
    let at = node.at?;
    Some(Waypoint { what: node.what.clone(), verb: node.verb, label: node.label(), by: edge.by.clone(), at })
}

/// A number that leads to this entry and no other, and who dials it.
fn dialled(plan: &Plan, graph: &Graph, entry: NodeId, desks: bool) -> Option<(String, Option<AgentId>)> {
    let desk = if desks { Some(plan.agents.first()?.id) } else { None };
    let origin = desk.map_or(Origin::Caller, Origin::Desk);
    let first = graph.from(entry).first()?.to;
    let What::Entry { number, .. } = &graph.node(entry)?.what else { return None };
    let pattern = plan.numbers.iter().map(|number| &number.pattern).find(|p| p.as_str() == number)?;
    let leads =
        |dials: &String| plan.entry(dials, origin).and_then(|entry| graph.start(entry.flow)) == Some(first);
    (0..10).map(|nth| pattern.example(nth)).find(leads).map(|dials| (dials, desk))
}

impl Waypoint {
    /// The prompt that a caller hears first at this menu, by name.
    pub fn first_words(&self, plan: &Plan) -> Option<String> {
        let (flow, step) = self.at;
        let Step::Menu(menu) = &plan.flow(flow)?.steps.get(step)?.step else { return None };
        let Clip::Prompt(id) = plan.menu(*menu)?.prompts.clips(&plan.language).first()? else { return None };
        plan.catalog.get(*id).map(|prompt| prompt.name.clone())
    }
}

impl Witness {
    /// Makes the call with the interpreter: whether it comes by every step of the way, and then to where it says.
    pub fn is_true(&self, plan: &Arc<Plan>) -> bool {
        let (came_by, over) = self.replay(plan);
        let meant = self.way.iter().map(|point| &point.label).chain(&self.then);
        came_by.iter().take(self.way.len() + 1).eq(meant) && (over || self.then.is_some())
    }

    /// The steps that the call comes by, as its record would name them, when everybody does as the way says; and whether
    /// the line was closed then.
    pub fn replay(&self, plan: &Arc<Plan>) -> (Vec<String>, bool) {
        let origin = self.desk.map_or(Origin::Caller, Origin::Desk);
        let Some(entry) = plan.entry(&self.dials, origin) else { return (Vec::new(), false) };
        let facts = Facts {
            from: self.from.clone(),
            dialled: self.dials.clone(),
            owner: None,
            origin,
            now: Rider::clock(self.at),
        };
        let mut rider = Rider::new(plan, entry, facts);
        let done = self.way.iter().all(|point| rider.leave(point));
        let over = done && rider.is_over();
        (rider.came_by(), over)
    }
}
