//! Ids that outlive a reload.
//!
//! A plan numbers its agents, queues and skills by their place in it, and the next plan may number them
//! otherwise while calls of the old one still run. Between plans things are the same if they have the same
//! name: here every name gets a number once and keeps it.

use std::collections::BTreeMap;

use crate::base::{AgentId, QueueId};
use crate::dialplan::{self, Plan};
use crate::queue::Requirement;

#[derive(Clone, Debug, Default)]
pub(super) struct Numbering {
    agents: Names,
    queues: Names,
    skills: Names,
}

#[derive(Clone, Debug, Default)]
struct Names {
    by_name: BTreeMap<String, usize>,
    names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.by_name.get(name) {
            return *number;
        }
        let number = self.names.len();
        self.names.push(name.to_owned());
        self.by_name.insert(name.to_owned(), number);
        number
    }
}

impl Numbering {
    /// Gives a number to everything in `plan` that has none.
    pub(super) fn learn(&mut self, plan: &Plan) {
        for agent in plan.agents() {
            self.agents.number(&agent.extension);
        }
        for queue in plan.queues() {
            self.queues.number(&queue.name);
        }
        for skill in plan.skills() {
            self.skills.number(&skill.name);
        }
    }

    pub(super) fn agent(&self, extension: &str) -> Option<AgentId> {
        self.agents.by_name.get(extension).map(|number| AgentId(*number as u32))
    }

    pub(super) fn extension(&self, agent: AgentId) -> &str {
        self.agents.names.get(agent.0 as usize).map_or("", String::as_str)
    }

    pub(super) fn queue(&self, name: &str) -> Option<QueueId> {
        self.queues.by_name.get(name).and_then(|number| u16::try_from(*number).ok()).map(QueueId)
    }

    pub(super) fn queue_name(&self, queue: QueueId) -> &str {
        self.queues.names.get(usize::from(queue.0)).map_or("", String::as_str)
    }

    pub(super) fn skill_name(&self, skill: u16) -> &str {
        self.skills.names.get(usize::from(skill)).map_or("", String::as_str)
    }

    /// A plan's requirements in numbers that every plan shares.
    pub(super) fn requirements(&self, plan: &Plan, required: &[dialplan::Requirement]) -> Vec<Requirement> {
        required
            .iter()
            .filter_map(|requirement| {
                let skill = plan.skills().get(usize::from(requirement.skill))?;
                let number = u16::try_from(*self.skills.by_name.get(&skill.name)?).ok()?;
                Some(Requirement { skill: number, level: requirement.level })
            })
            .collect()
    }
}
