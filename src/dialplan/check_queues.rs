//! What the queues' rules come to, before they go live: who can be served by nobody, and who never is because others
//! always come first.

use std::collections::BTreeSet;
use std::time::Duration;

use super::calendar::local;
use super::circumstance::Circumstance;
use super::flow::{Graph, What};
use super::plan::{Agent, Plan, Queue, Requirement};
use super::source::Report;
use super::step::{Located, Place, Step};

pub(super) fn check(report: &mut Report<'_>, plan: &Plan, queues: &[Place]) {
    unserved(report, plan, queues);
    starved(report, plan, queues);
    endless(report, plan, queues);
}

/// Who can serve such a call in the end, however long it waits.
fn serves(queue: &Queue, needs: &[Requirement], agent: &Agent) -> bool {
    let less = queue.relaxation.last().map_or(0, |step| step.levels);
    queue.sets().any(|set| {
        set.iter().chain(needs).all(|required| {
            let least = required.level.saturating_sub(less).max(1);
            agent.level(required.skill) >= least
        })
    })
}

/// Queues and calls that no agent has the skills for.
fn unserved(report: &mut Report<'_>, plan: &Plan, queues: &[Place]) {
    let names = |needs: &[Requirement]| {
        let skill = |r: &Requirement| plan.skills.get(usize::from(r.skill)).map_or("", |s| s.name.as_str());
        needs.iter().map(|r| format!("{} {}", skill(r), r.level)).collect::<Vec<_>>().join(", ")
    };
    let sets = |queue: &Queue| queue.sets().map(names).collect::<Vec<_>>().join("; or ");
    let mut hopeless = BTreeSet::new();
    for (queue, place) in plan.queues.iter().zip(queues) {
        let anyone = queue.anyone_after.is_some() && !plan.agents.is_empty();
        if !anyone && !plan.agents.iter().any(|agent| serves(queue, &[], agent)) {
            hopeless.insert(queue.id);
            let reason = format!("no agent can serve queue `{}` ({})", queue.name, sets(queue));
            report.warning(*place, reason);
        }
    }
    for here in plan.flows.iter().flat_map(|f| &f.steps) {
        let Step::Queue(spec) = &here.step else { continue };
        let Some(queue) = plan.queue(spec.queue).filter(|q| !hopeless.contains(&q.id)) else { continue };
        if !spec.needs.is_empty() && !plan.agents.iter().any(|agent| serves(queue, &spec.needs, agent)) {
            let reason =
                format!("no agent can serve this call ({}, beside {})", sets(queue), names(&spec.needs));
            report.warning(here.place, reason);
        }
    }
}

/// Queues that callers reach at a time at which nobody is at work who could serve them.
pub(super) fn shifts(
    report: &mut Report<'_>,
    plan: &Plan,
    graph: &Graph,
    queues: &[Place],
    all: &[Circumstance],
) {
    // Who has no hours is always at work.
    if plan.agents.iter().all(|agent| agent.hours.is_none()) {
        return;
    }
    let mut told = BTreeSet::new();
    for one in all {
        let reached = graph.reach_by(graph.callers(), |edge| one.may(plan, graph, edge));
        for (_, node) in graph.nodes().filter(|(id, _)| reached.has(*id)) {
            let What::Queue { name } = &node.what else { continue };
            let Some((queue, place)) = plan.queues.iter().zip(queues).find(|(q, _)| q.name == *name) else {
                continue;
            };
            let servants = || plan.agents.iter().filter(|agent| serves(queue, &[], agent));
            let at_work = |agent: &Agent| agent.hours.is_none_or(|hours| one.is_open(hours));
            if told.contains(&queue.id) || servants().next().is_none() || servants().any(at_work) {
                continue;
            }
            told.insert(queue.id);
            let at = local(&plan.zone, one.at).map(|at| at.strftime("%A %Y-%m-%d at %H:%M").to_string());
            let at = at.unwrap_or_default();
            let reason =
                format!("nobody on a shift can serve queue `{name}` on {at}, and callers come to it then");
            report
                .warning(*place, reason)
                .add_help("let a `hours` step before it, or the agents' `hours`, say so");
        }
    }
}

/// Callers who may wait for ever.
fn endless(report: &mut Report<'_>, plan: &Plan, queues: &[Place]) {
    let steps = || plan.flows.iter().flat_map(|flow| &flow.steps);
    for (queue, place) in plan.queues.iter().zip(queues).filter(|(queue, _)| queue.max_wait.is_none()) {
        let no_way_out = |here: &Located| matches!(&here.step, Step::Queue(spec) if spec.queue == queue.id && spec.keys.is_empty());
        if steps().any(no_way_out) {
            let reason = format!(
                "callers of queue `{}` may wait for ever: its `max_wait` is never, and no key leads out",
                queue.name
            );
            report
                .warning(*place, reason)
                .add_help("give it a `max_wait`, or the step that leads here `keys`");
        }
    }
}

/// Callers who give up, or are let go, before their arrival outweighs another queue's credit: with the same agents
/// they are served only while nobody waits there.
fn starved(report: &mut Report<'_>, plan: &Plan, queues: &[Place]) {
    // What a step of a flow gives in advance counts as its queue's credit.
    let credit = |queue: &Queue| {
        let steps = plan.flows.iter().flat_map(|flow| &flow.steps);
        let given = steps.filter_map(|here| match &here.step {
            Step::Queue(spec) if spec.queue == queue.id => spec.credit,
            _ => None,
        });
        given.chain([queue.credit]).max().unwrap_or(Duration::ZERO)
    };
    let servants = |queue: &Queue| {
        let of = plan.agents.iter().filter(|agent| serves(queue, &[], agent));
        of.map(|agent| agent.id).collect::<BTreeSet<_>>()
    };
    let all: Vec<_> = plan.queues.iter().map(|queue| (queue, credit(queue), servants(queue))).collect();
    for (((first, credit, theirs), place), other) in all.iter().zip(queues).flat_map(|first| {
        let others = all.iter().filter(move |(other, ..)| other.id != first.0.0.id);
        others.map(move |other| (first, other))
    }) {
        let (starved, _, ours) = other;
        let Some(longest) = starved.max_wait else { continue };
        let ahead = credit.saturating_sub(starved.credit);
        if !ours.is_empty() && ours.is_subset(theirs) && ahead >= longest {
            let reason = format!(
                "the credit of queue `{}` starves queue `{}`: its callers wait {} s at most, and who comes here in \
                 all that time goes first, at the same agents",
                first.name,
                starved.name,
                longest.as_secs()
            );
            report
                .warning(*place, reason)
                .add_help("give less `credit`, or some agents to the other queue alone");
        }
    }
}
