//! The dialplan's queues and people in the queue core's own words.

use std::sync::Arc;

use super::numbering::Numbering;
use crate::base::AwayReason;
use crate::dialplan::{self, Plan};
use crate::queue::{AgentSpec, Away, Config, QueueSpec, Topology};

/// What the core would route by under this plan alone: queues, agents and skills have the numbers that they have
/// in the plan. For rehearsals, which have no running calls of another plan.
pub fn topology_of(plan: &Plan) -> Topology {
    let mut numbering = Numbering::default();
    numbering.learn(plan);
    Topology::clone(&topology(plan, &numbering))
}

/// What the core is to route by while `plan` is in force.
pub(super) fn topology(plan: &Plan, numbering: &Numbering) -> Arc<Topology> {
    let queues = plan.queues().iter().filter_map(|queue| queue_spec(plan, numbering, queue)).collect();
    let agents = plan
        .agents()
        .iter()
        .filter_map(|agent| {
            Some(AgentSpec {
                skills: numbering.requirements(plan, &agent.skills),
                calls_at_once: agent.calls_at_once,
                ..AgentSpec::new(numbering.agent(&agent.extension)?)
            })
        })
        .collect();
    Arc::new(Topology { queues, agents, config: config(plan) })
}

/// The same, with the queues that only `other` has: callers meet it who are the first to.
pub(super) fn beside(plan: &Plan, other: &Plan, numbering: &Numbering) -> Arc<Topology> {
    let mut both = Topology::clone(&topology(plan, numbering));
    let new = other.queues().iter().filter(|queue| plan.queue_by_name(&queue.name).is_none());
    both.queues.extend(new.filter_map(|queue| queue_spec(other, numbering, queue)));
    Arc::new(both)
}

fn config(plan: &Plan) -> Config {
    let offers = plan.offers();
    Config {
        rest_rejected: offers.rest_refused,
        rest_busy: offers.rest_busy,
        rest_no_answer: offers.rest_no_answer,
        no_answers: offers.no_answers,
        wrap_up_extension: offers.more_time,
        ..Config::default()
    }
}

fn queue_spec(plan: &Plan, numbering: &Numbering, queue: &dialplan::Queue) -> Option<QueueSpec> {
    // A queue is worth as much as the most precious skill that it asks for, and is kept as much: of several sets, as
    // the cheapest.
    let worth = |set: &[dialplan::Requirement]| {
        let skills = set.iter().filter_map(|required| plan.skills().get(usize::from(required.skill)));
        skills.map(|skill| (skill.value, skill.reserve)).max().unwrap_or_default()
    };
    let (value, reserve) = queue.sets().map(worth).min().unwrap_or_default();
    Some(QueueSpec {
        requirement: numbering.requirements(plan, &queue.requirement),
        or: queue.or.iter().map(|set| numbering.requirements(plan, set)).collect(),
        credit: queue.credit,
        value: u32::from(value),
        reserve_percent: Some(reserve),
        relaxation: queue.relaxation.iter().map(|step| step.after).collect(),
        anyone_after: queue.anyone_after,
        max_wait: queue.max_wait,
        wrap_up: queue.wrap_up,
        capacity: queue.capacity,
        ..QueueSpec::new(numbering.queue(&queue.name)?)
    })
}

/// The core routes by "away" alone; the reason is kept by the desk. Its own word is used where it has one.
pub(super) fn away(reason: AwayReason) -> Away {
    match reason {
        AwayReason::Meeting | AwayReason::ImportantMeeting => Away::Meeting,
        AwayReason::Visitor => Away::Visitor,
        AwayReason::Out | AwayReason::Leave | AwayReason::OffDuty => Away::Out,
        AwayReason::Banquet => Away::Banquet,
        AwayReason::Break => Away::Break,
        AwayReason::Training => Away::Training,
        AwayReason::NoAnswer => Away::NoAnswer,
    }
}
