//! The agents' desks: who is there, who is away and why, whose phone is busy.
//!
//! What an agent may be offered is the queue core's business; a desk knows what the core does not: the
//! reason and the end of an absence, which callers are told, and calls that came from no queue.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{AgentId, AwayReason, CallId, Instant, Wall};

#[derive(Debug, Default)]
pub(super) struct Desks {
    desks: BTreeMap<AgentId, Desk>,
    /// Those that may look different since somebody last asked.
    touched: BTreeSet<AgentId>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Desk {
    pub away: Option<Absence>,
    /// The call that rings this desk or is talked in, whether or not a queue gave it.
    pub call: Option<CallId>,
    /// Since when in the present state.
    pub since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Absence {
    pub reason: AwayReason,
    pub until: Option<Wall>,
}

impl Desks {
    /// Nothing changes where the desk exists.
    pub(super) fn open(&mut self, agent: AgentId, now: Instant) {
        self.desks.entry(agent).or_insert(Desk { since: now, ..Desk::default() });
    }

    pub(super) fn get(&self, agent: AgentId) -> Desk {
        self.desks.get(&agent).copied().unwrap_or_default()
    }

    pub(super) fn set_away(&mut self, agent: AgentId, away: Option<Absence>) {
        self.touch(agent);
        self.desks.entry(agent).or_default().away = away;
    }

    pub(super) fn changed(&mut self, agent: AgentId, now: Instant) {
        self.touch(agent);
        self.desks.entry(agent).or_default().since = now;
    }

    /// `false` where another call has the desk.
    pub(super) fn take(&mut self, agent: AgentId, call: CallId) -> bool {
        self.touch(agent);
        let desk = self.desks.entry(agent).or_default();
        let free = desk.call.is_none_or(|present| present == call);
        if free {
            desk.call = Some(call);
        }
        free
    }

    pub(super) fn release(&mut self, agent: AgentId, call: CallId) {
        self.touch(agent);
        if let Some(desk) = self.desks.get_mut(&agent)
            && desk.call == Some(call)
        {
            desk.call = None;
        }
    }

    /// Something about the desk may be different: its call moved on, its phone came or went.
    pub(super) fn touch(&mut self, agent: AgentId) {
        self.touched.insert(agent);
    }

    pub(super) fn take_touched(&mut self) -> BTreeSet<AgentId> {
        std::mem::take(&mut self.touched)
    }

    /// In the order of the agents.
    pub(super) fn iter(&self) -> impl Iterator<Item = (AgentId, &Desk)> {
        self.desks.iter().map(|(agent, desk)| (*agent, desk))
    }
}
