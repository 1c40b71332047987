//! The administrator looks into the routing: why a call went to whom it went, and another priority or queue for who
//! waits.

use std::collections::VecDeque;
use std::time::Duration;

use super::io::{millis, state_name};
use super::{ConsideredLine, Exchange, MatchLine, Reply};
use crate::base::{CallId, Now, Wall};
use crate::call;
use crate::queue::{self, AgentState, Behind, Change, Explanation, Lack, NotChanged, Verdict};
use crate::record::Stage;

/// Matches that are remembered: about an hour of a large bank, and a few megabytes.
const MOST_MATCHES: usize = 4_000;

/// Agents told of for one match: the next best ones. Keeps what a match costs below that of its first message.
const MOST_AGENTS: usize = 48;

/// Why the latest offers were made, oldest first.
#[derive(Debug, Default)]
pub(super) struct Matches(VecDeque<(Wall, Explanation)>);

impl Matches {
    fn push(&mut self, at: Wall, explanation: Explanation) {
        if self.0.len() >= MOST_MATCHES {
            self.0.pop_front();
        }
        self.0.push_back((at, explanation));
    }

    fn of(&self, call: CallId) -> impl Iterator<Item = &(Wall, Explanation)> {
        self.0.iter().filter(move |(_, explanation)| explanation.tag == call.0)
    }
}

impl Exchange {
    /// This caller has just been offered: the reasons are still to be seen.
    pub(super) fn remember_match(&mut self, now: Now, caller: queue::CallerId) {
        if let Some(explanation) = self.core.explain(caller, MOST_AGENTS) {
            self.matches.push(now.wall, explanation);
        }
    }

    /// Each offer of the call, and, while it waits, how things stand now.
    pub(super) fn why(&self, now: Now, call: CallId) -> Reply {
        let lines = self.explain(now, call);
        if lines.is_empty() {
            return Reply::Refused(format!(
                "nothing is known of an offer to call {call}: it waits in no queue"
            ));
        }
        Reply::Why(lines)
    }

    /// The offers of a call, and where it waits, why to nobody yet.
    fn explain(&self, now: Now, call: CallId) -> Vec<MatchLine> {
        let waiting = self.calls.get(&call).and_then(|call| call.queued_as());
        let present = waiting.and_then(|caller| self.core.explain(caller, MOST_AGENTS));
        let present = present.filter(|explanation| explanation.chosen.is_none());
        let past = self.matches.of(call).map(|(at, explanation)| self.match_line(*at, explanation));
        past.chain(present.map(|explanation| self.match_line(now.wall, &explanation))).collect()
    }

    /// The call that began last: its stages so far, and what [`Command::Why`](super::Command::Why) tells of it.
    pub fn newest_journey(&self, now: Now) -> Option<(&[Stage], Vec<MatchLine>)> {
        let call = self.calls.values().next_back()?;
        Some((call.stages(), self.explain(now, call.id())))
    }

    fn match_line(&self, at: Wall, explanation: &Explanation) -> MatchLine {
        let name = |agent| self.numbering.extension(agent).to_owned();
        let alone = !explanation.agents.iter().any(|a| matches!(a.verdict, Verdict::Behind(_)));
        let considered = explanation.agents.iter().map(|considered| ConsideredLine {
            agent: name(considered.agent),
            reason: self.reason(considered.verdict, alone),
        });
        MatchLine {
            at,
            queue: self.numbering.queue_name(explanation.queue).to_owned(),
            waited_ms: millis(explanation.waited),
            credit_ms: millis(explanation.credit),
            chosen: explanation.chosen.map(name),
            owner: explanation.owner.map(name),
            considered: considered.collect(),
            more: explanation.more,
        }
    }

    /// In words. `alone`: nobody else could have been chosen.
    fn reason(&self, verdict: Verdict, alone: bool) -> String {
        let skill = |skill| self.numbering.skill_name(skill);
        match verdict {
            Verdict::Chosen if alone => "chosen: nobody else was free for this caller".to_owned(),
            Verdict::Chosen => "chosen: the best of those who were free for this caller".to_owned(),
            Verdict::Behind(Behind::Value) => "free, but queues of a higher value would miss them".to_owned(),
            Verdict::Behind(Behind::Steps) => "free, but less skilled than is asked for".to_owned(),
            Verdict::Behind(Behind::Flexibility) => "free, but can serve more queues".to_owned(),
            Verdict::Behind(Behind::IdleTime) => "free, but not for as long".to_owned(),
            Verdict::Behind(Behind::Hold) => "open to a further caller, but has one on hold".to_owned(),
            Verdict::Free => "free".to_owned(),
            Verdict::NotReady(AgentState::Resting { .. }) => {
                "rests: did not take a caller a moment ago".to_owned()
            }
            Verdict::NotReady(state) => state_name(state).replace('-', " "),
            Verdict::NotAgain => "did not take this caller a moment ago".to_owned(),
            Verdict::Spared => "free, but kept so for queues of a higher value".to_owned(),
            Verdict::NotYet { after } => {
                format!("will do only after a wait of {} s", after.as_secs())
            }
            Verdict::NotTheOwner => "the caller waits for its own agent first".to_owned(),
            Verdict::Lacks(Lack::Queue) => "does not serve the queue".to_owned(),
            Verdict::Lacks(Lack::Skill(missing)) => format!("lacks the skill {}", skill(missing)),
            Verdict::Lacks(Lack::Level { skill: short, has, wanted }) => {
                format!("has {} {has} only, {wanted} is asked for", skill(short))
            }
            Verdict::Lacks(Lack::Tier) => "is reached by no relaxation of the queue".to_owned(),
        }
    }

    /// Another queue or credit for a call that waits. Who talks, is rung for or is gone stays as it is.
    pub(super) fn change_waiting(
        &mut self,
        now: Now,
        call: CallId,
        queue: Option<String>,
        credit: Option<Duration>,
    ) -> Reply {
        let refused = |why: String| Reply::Refused(why);
        let Some(waiting) = self.calls.get(&call) else {
            return refused(format!("there is no call {call}"));
        };
        let Some(caller) = waiting.queued_as() else {
            return refused(format!("call {call} waits in no queue"));
        };
        // The call goes by the names of the plan that it began with, the core by numbers that all plans share.
        let named = match &queue {
            None => None,
            Some(name) => match (self.numbering.queue(name), waiting.queue_in_its_plan(name)) {
                (Some(core), Some(plan)) => Some((core, plan)),
                _ => return refused(format!("there is no queue {name} for call {call}")),
            },
        };
        let change = Change { queue: named.map(|(core, _)| core), credit };
        match self.core.change(now.mono, caller, change, &mut self.core_events) {
            Ok(()) => {
                let to = queue.as_deref().unwrap_or("the same");
                let credit_s = credit.map(|credit| credit.as_secs());
                tracing::info!(%call, queue = to, credit_s, "audit: place in line changed by an administrator");
                if let Some((_, queue)) = named {
                    self.work.push_back((call, call::Event::QueueChanged { queue }));
                }
                self.count("places changed by an administrator");
                Reply::Done
            }
            Err(NotChanged::Offered(agent)) => {
                let desk = self.numbering.extension(agent);
                refused(format!("call {call} is being offered to {desk}: nothing was changed"))
            }
            Err(why) => refused(format!("{why}: nothing was changed for call {call}")),
        }
    }
}
