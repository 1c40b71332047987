//! Several calls of one agent: all but one are on hold; while all are, a further caller may be offered.
//!
//! ```text
//!                       all on hold, room
//!   agent   Talking(c) -------------------> Idle(further) ---> Tentative(d) ---> Offered(d) ---> Talking(d)
//!               |                            |   ^    ^                            |
//!               | c is over,      talked to, |   |    +----- d has left -----------+
//!               | others are        or away  v   | all on hold, room               | refused, or away
//!               +--- on hold ------------> Holding <-------------------------------+
//!                                            |
//!                                            +--- the last one is over ---> WrapUp, Idle, Away, ...
//! ```
//!
//! The agent's word says no more than that there are callers on hold; which ones, their own words say ("connected"), and
//! a list of the agent's remembers where to look. A caller on hold is let go by a step of its own word alone, whatever
//! the agent does meanwhile. So the two may disagree for a moment: whoever makes the agent's word say "on hold" looks
//! afterwards whether anybody is, and whoever lets a caller go looks at the agent's word afterwards. Of two who do so at
//! the same time at least one sees the other, and carries the agent on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Core;
use super::claims::{Found, Hall, look};
use super::op::Op;
use super::sync::{self, mutant};
use super::word::{AgentStep, AgentWord, CallerState, CallerWord, FURTHER};
use crate::base::{AgentId, Instant};
use crate::queue::Sink;

/// Puts the talk on hold where fewer than so many are: the agent is idle for a further caller. The word is to be
/// published.
pub(super) fn set_aside<H: Hall>(
    h: &mut H,
    agent: u32,
    room: usize,
    further: AgentStep,
) -> Option<AgentWord> {
    loop {
        let Found::Settled(word) = look(h, agent) else { return None };
        let mut meant = None;
        match word.state {
            AgentStep::Talking { caller: Some(caller), wish: 0 } => {
                let theirs = CallerWord::load(h.caller(caller));
                let talks = theirs.state == CallerState::Connected { agent };
                if !talks || h.held(agent, Some(caller)) + 1 >= room {
                    return None;
                }
                meant = Some((caller, theirs.epoch));
            }
            AgentStep::Holding { wish: 0 } => {
                let held = h.held(agent, None);
                if held == 0 || held >= room {
                    return None;
                }
            }
            _ => return None,
        }
        // Listed first: else somebody finds an agent who has nobody on hold. Should the step fail, the entry is dead, or
        // that of a talk which nobody looks for among those on hold.
        if let Some((caller, epoch)) = meant.filter(|_| !mutant!(HeldLate)) {
            h.list_held(agent, caller, epoch);
        }
        let next = word.next(further);
        if word.swap(h.agent(agent), next) {
            if let Some((caller, epoch)) = meant {
                h.list_held(agent, caller, epoch);
            }
            return Some(next);
        }
    }
}

/// Talks with somebody who was on hold: no further caller. The word in which the agent was idle.
pub(super) fn take_up<H: Hall>(h: &mut H, agent: u32) -> Option<AgentWord> {
    loop {
        let Found::Settled(word) = look(h, agent) else { return None };
        if !matches!(word.state, AgentStep::Idle { .. }) || !word.state.holds() {
            return None;
        }
        if word.swap(h.agent(agent), word.next(AgentStep::Holding { wish: 0 })) {
            return Some(word);
        }
    }
}

/// After the agent's word has come to say "on hold", or a caller on hold was let go: the word, if it is not true any more.
pub(super) fn emptied<H: Hall>(h: &mut H, agent: u32) -> Option<AgentWord> {
    if !mutant!(NoHoldFence) {
        sync::fence(sync::Ordering::SeqCst);
    }
    let word = AgentWord::load(h.agent(agent));
    (word.state.holds() && h.held(agent, None) == 0).then_some(word)
}

impl Core {
    /// Every call of the agent's is on hold, or not any more. Where there is room, a further caller may be offered
    /// meanwhile. `false`: nothing follows from it.
    pub fn agent_holds(&self, now: Instant, id: AgentId, holds: bool, s: &mut impl Sink) -> bool {
        let mut op = Op::begin(self, now, s);
        let changed = op.agent_number(id).is_some_and(|agent| op.hold(agent, holds));
        op.end();
        changed
    }

    /// As [`call_ended`](Core::call_ended), of an agent who may have several calls: the one whose caller has this tag is
    /// over. Paperwork and wishes wait for the last one. A call from no queue ends by any tag.
    pub fn talk_ended(
        &self,
        now: Instant,
        id: AgentId,
        tag: u64,
        wrap: Option<Duration>,
        s: &mut impl Sink,
    ) -> bool {
        let mut op = Op::begin(self, now, s);
        let talked = op.agent_number(id).is_some_and(|agent| op.talk_ended(agent, tag, wrap));
        op.end();
        talked
    }
}

impl Op<'_> {
    fn hold(&mut self, agent: u32, holds: bool) -> bool {
        if !holds {
            let idle = take_up(self, agent);
            if let Some(idle) = idle {
                self.unlist_agent(agent, idle);
                self.settle(agent, None);
            }
            return idle.is_some();
        }
        let room = self.floor.plan.calls_at_once(self.agent_id(agent));
        let place = self.next_seq() | FURTHER;
        let Some(word) = set_aside(self, agent, room, AgentStep::Idle { place }) else { return false };
        self.remember_place(agent, place);
        self.put_to_idle(agent, word);
        true
    }

    fn talk_ended(&mut self, agent: u32, tag: u64, wrap: Option<Duration>) -> bool {
        loop {
            if let Found::Settled(word) = look(self, agent)
                && let AgentStep::Talking { caller, .. } = word.state
            {
                let alone = self.held(agent, caller) == 0;
                if alone || caller.is_none_or(|caller| self.facts(caller).tag == tag) {
                    if self.end_talk(agent, word, wrap) {
                        return true;
                    }
                    continue;
                }
            }
            let Some((caller, theirs)) = self.held_with(agent, tag) else { return false };
            let facts = self.facts(caller);
            if theirs.swap(self.caller(caller), theirs.next(CallerState::Free)) {
                self.agent_cell(agent).held.remove(&(caller, theirs.epoch));
                let wrap = wrap.or_else(|| self.usual_wrap_up(facts));
                self.free_cell(caller, facts);
                self.settle(agent, wrap);
                return true;
            }
        }
    }

    /// Carries an agent on whose last caller on hold has gone.
    pub fn settle(&mut self, agent: u32, wrap: Option<Duration>) {
        while let Some(word) = emptied(self, agent) {
            let wish = word.state.wish();
            let next = word.next(self.after_talk(agent, wish, wrap));
            if word.swap(self.agent(agent), next) {
                self.unlist_agent(agent, word);
                self.talk_over(agent, next, wish);
                return;
            }
        }
    }

    fn held_with(&self, agent: u32, tag: u64) -> Option<(u32, CallerWord)> {
        let held = self.agent_cell(agent).held.iter().map(|entry| *entry.key());
        let held = held
            .map(|(caller, epoch)| (caller, CallerWord { epoch, state: CallerState::Connected { agent } }));
        held.into_iter().find(|(caller, theirs)| {
            // In this order: while the word stands, the tag is its caller's.
            self.caller_cell(*caller).tag.load(Ordering::Relaxed) == tag
                && CallerWord::load(self.caller(*caller)) == *theirs
        })
    }
}
