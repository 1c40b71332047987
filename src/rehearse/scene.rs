//! A plan and a day put together: what every way to route callers is told.

use std::sync::Arc;
use std::time::Duration;

use super::day::{Day, Desks, Worker};
use crate::base::AgentId;
use crate::dialplan::Plan;
use crate::exchange::topology_of;
use crate::queue::{AgentSpec, QueueSpec, Requirement, Topology};

#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// The plan's queues and rules with the day's agents, who are numbered as in `agents`.
    pub topology: Arc<Topology>,
    pub classes: Vec<Line>,
    pub agents: Vec<Desk>,
    /// The names of the staff and how many agents each has.
    pub staff: Vec<(String, usize)>,
    pub desks: Desks,
}

/// Where the callers of a class wait.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub name: String,
    pub queue: QueueSpec,
    pub queue_name: String,
    pub needs: Vec<Requirement>,
    pub target: Duration,
    pub ring: Duration,
}

#[derive(Clone, Debug)]
pub(super) struct Desk {
    /// Index into the scene's staff.
    pub staff: usize,
    pub worker: Worker,
}

impl Scene {
    pub fn new(plan: &Plan, day: &Day) -> Self {
        let mut topology = topology_of(plan);
        let mut agents = Vec::new();
        for (number, staff) in day.staff.iter().enumerate() {
            agents.extend(staff.agents.iter().map(|worker| Desk { staff: number, worker: worker.clone() }));
        }
        topology.agents = specs(&agents);
        let classes = day.classes.iter().filter_map(|class| {
            let queue = plan.queue(class.queue)?;
            let spec = topology.queues.iter().find(|spec| spec.id == class.queue)?;
            Some(Line {
                name: class.name.clone(),
                queue: spec.clone(),
                queue_name: queue.name.clone(),
                needs: class.needs.clone(),
                target: queue.service_target,
                ring: queue.ring,
            })
        });
        Scene {
            classes: classes.collect(),
            agents,
            staff: day.staff.iter().map(|staff| (staff.name.clone(), staff.agents.len())).collect(),
            desks: day.desks,
            topology: Arc::new(topology),
        }
    }

    /// After which wait the agent will do for callers of this class; `None` never.
    pub fn reach(&self, class: &Line, agent: usize) -> Option<Duration> {
        class.queue.reach(self.topology.agents.get(agent)?, &class.needs)
    }

    /// The agents who will do at once.
    pub fn able(&self, class: &Line) -> impl Iterator<Item = usize> {
        (0..self.agents.len()).filter(|agent| self.reach(class, *agent).is_some_and(|after| after.is_zero()))
    }
}

/// Agents for the core, numbered in order.
pub(super) fn specs(agents: &[Desk]) -> Vec<AgentSpec> {
    let spec = |(number, desk): (u32, &Desk)| AgentSpec {
        skills: desk.worker.skills.clone(),
        ..AgentSpec::new(AgentId(number))
    };
    (0..).zip(agents).map(spec).collect()
}
