//! The administrator's orders.

use super::io::{RINGING, ends_by_itself, millis, state_name};
use super::{AgentChange, AgentLine, AwayOrder, CallLine, Command, Exchange, Reply, RestLine, StatusLine};
use crate::base::{AgentId, Now};
use crate::call;
use crate::dialplan::PresenceChange;
use crate::presence::{self, Absence, Away};
use crate::queue::AgentState;

impl Exchange {
    /// `None`: it is answered once the disk has it.
    pub(super) fn command(&mut self, now: Now, id: u64, command: Command) -> Option<Reply> {
        Some(match command {
            Command::Agents => Reply::Agents(self.agent_lines(now)),
            Command::SetAgent { extension, change } => self.set_agent(now, &extension, change),
            Command::Status => Reply::Status(Box::new(self.status(now))),
            Command::Calls => Reply::Calls(self.call_lines()),
            Command::Supervise { call, extension, manner } => self.supervise(now, call, &extension, manner),
            Command::PauseRecording { call, paused } => self.pause_recording(now, call, paused),
            Command::Transfer { call, to, how } => self.transfer_by_order(now, call, &to, how),
            Command::CallOut { extension, number } => self.call_out(now, &extension, &number),
            Command::Callbacks => Reply::Callbacks(self.callback_lines()),
            Command::Urgents => Reply::Urgents(self.urgent_lines()),
            Command::AnswerUrgent { extension, answer } => self.answer_by_order(&extension, answer),
            Command::Why { call } => self.why(now, call),
            Command::ChangeWaiting { call, queue, credit_ms } => {
                self.change_waiting(now, call, queue, credit_ms.map(std::time::Duration::from_millis))
            }
            Command::CancelCallback { callback } if self.cancel_callback(now, callback) => Reply::Done,
            Command::CancelCallback { callback } => {
                Reply::Refused(format!("there is no callback {callback}"))
            }
            Command::Promise { extension, number, due } => {
                return self
                    .order_promise(now, id, &extension, number.expose(), due)
                    .err()
                    .map(Reply::Refused);
            }
            Command::SettlePromise { promise, kept } => match self.settle_promise(now, promise, kept) {
                Some(()) => Reply::Done,
                None => Reply::Refused(format!("there is no open promise {promise}")),
            },
            Command::AcceptComplaint { call, by, category, severity, expects, owner } => {
                let order = call::ComplaintOrder { category, severity, expects, owner };
                self.accept_complaint(now, call, &by, order)
            }
            Command::Note { call, by, text } => self.note(now, call, &by, &text),
            Command::HangUp { call } if self.calls.contains_key(&call) => {
                self.work.push_back((call, call::Event::Dismissed));
                Reply::Done
            }
            Command::HangUp { call } => Reply::Refused(format!("there is no call {call}")),
        })
    }

    fn set_agent(&mut self, now: Now, extension: &str, change: AgentChange) -> Reply {
        let known =
            self.numbering.agent(extension).filter(|_| self.plan.agent_by_extension(extension).is_some());
        let Some(agent) = known else {
            return Reply::Refused(format!("the dialplan has no agent {extension}"));
        };
        let signed_on = self.core.agent_state(agent).is_some_and(|state| state != AgentState::SignedOff);
        let change = match change {
            AgentChange::SignOn => PresenceChange::SignOn,
            AgentChange::SignOff => PresenceChange::SignOff,
            // At the command line "ready" means ready, signed on or not.
            AgentChange::Ready if !signed_on => PresenceChange::SignOn,
            AgentChange::Ready => PresenceChange::Ready,
            AgentChange::MoreTime => PresenceChange::MoreTime,
            AgentChange::Away(order) => return self.order_absence(now, agent, *order),
            AgentChange::Delegate(delegate) => PresenceChange::Delegate(delegate),
        };
        match self.set_presence(now, agent, change) {
            Ok(()) => Reply::Done,
            Err(why) => Reply::Refused(format!("agent {extension}: {why}")),
        }
    }

    fn order_absence(&mut self, now: Now, agent: AgentId, order: AwayOrder) -> Reply {
        let AwayOrder { reason, until, from, place, delegate } = order;
        let delegate = delegate.map(|extension| self.delegate_named(&extension)).transpose();
        let set = delegate.and_then(|delegate| {
            let (from, place) = (from.unwrap_or(now.wall), place.as_deref().and_then(presence::place));
            self.set_absence(now, agent, Absence { reason, from, until, place, delegate })
        });
        match set {
            Ok(()) => Reply::Done,
            Err(why) => Reply::Refused(format!("agent {}: {why}", self.numbering.extension(agent))),
        }
    }

    fn agent_lines(&self, now: Now) -> Vec<AgentLine> {
        self.plan
            .agents()
            .iter()
            .filter_map(|agent| {
                let id = self.numbering.agent(&agent.extension)?;
                let desk = self.desks.get(id);
                let state = self.core.agent_state(id).unwrap_or(AgentState::SignedOff);
                let away: Option<Away> = desk.away;
                let no_answer = state == AgentState::Away(crate::queue::Away::NoAnswer);
                let ends = ends_by_itself(now, state).filter(|_| away.is_none());
                Some(AgentLine {
                    extension: agent.extension.clone(),
                    name: agent.name.expose().clone(),
                    // A person who serves no queue is away all the same.
                    state: match state {
                        _ if away.is_some() => "away",
                        _ if desk.rings && !desk.talks => RINGING,
                        state => state_name(state),
                    }
                    .to_owned(),
                    reason: away
                        .as_ref()
                        .map(|away| away.reason)
                        .or(no_answer.then_some(crate::base::AwayReason::NoAnswer)),
                    until: away.as_ref().and_then(|away| away.until).or(ends),
                    place: away.as_ref().and_then(|away| away.place.as_deref().map(str::to_owned)),
                    delegate: away
                        .as_ref()
                        .and_then(|away| away.delegate)
                        .map(|delegate| self.numbering.extension(delegate).to_owned()),
                    by: away.as_ref().map(|away| away.by.name().to_owned()),
                    reachable: self.phone_of(&agent.extension).is_some(),
                    for_ms: millis(now.mono.since(desk.since)),
                    skills: agent
                        .skills
                        .iter()
                        .filter_map(|skill| self.plan.skills().get(usize::from(skill.skill)))
                        .map(|skill| skill.name.clone())
                        .collect(),
                })
            })
            .collect()
    }

    /// Who did not take a caller and is offered nobody for a while.
    fn resting(&self, now: Now) -> Vec<RestLine> {
        let agents = self.core.snapshot().agents.into_iter();
        let rests = agents.filter_map(|agent| match agent.state {
            AgentState::Resting { until } => Some(RestLine {
                agent: self.numbering.extension(agent.id).to_owned(),
                until: now.wall_at(until),
            }),
            _ => None,
        });
        rests.collect()
    }

    fn call_lines(&self) -> Vec<CallLine> {
        self.calls
            .values()
            .map(|call| CallLine {
                call: call.id(),
                from: call.from().to_string(),
                number: call.from().clone(),
                stage: call.stage().name().to_owned(),
                queue: call.queue_name().map(str::to_owned),
                agent: call.agent().map(|agent| self.numbering.extension(agent).to_owned()),
                started: call.started(),
                legs: self.qualities.of(call.id()),
            })
            .collect()
    }

    fn status(&self, now: Now) -> StatusLine {
        // The house's are told by the first.
        let queues = if self.share.is_first() { self.board().queues() } else { Vec::new() };
        let mut counters: Vec<(String, u64)> =
            self.refused.iter().map(|(why, count)| (format!("refused: {why}"), *count)).collect();
        counters.extend(self.counts.iter().map(|(what, count)| ((*what).to_owned(), *count)));
        counters.extend(
            Some(("dropped: new call, overload".to_owned(), self.strain.unread)).filter(|(_, n)| *n > 0),
        );
        counters.extend(self.guard.dropped().map(|(why, count)| (format!("dropped: {why}"), count)));
        counters.extend(self.sip.stats().named());
        let watches =
            self.lamps.counts().map(|(package, count)| (format!("subscriptions: {package}"), count));
        counters.extend(
            watches
                .into_iter()
                .chain([("publications".to_owned(), self.lamps.compositor.len())])
                .map(|(name, count)| (name, u64::try_from(count).unwrap_or(u64::MAX))),
        );
        StatusLine {
            calls: self.calls.len(),
            most_calls: self.config.most_calls,
            draining: self.draining,
            no_more_calls: self.no_more_calls().map(str::to_owned),
            silenced: self.sign_in.offenders.silent(now.mono),
            registrations: self.directory.registrations(),
            rtp_ports_free: self.ports.free(),
            queues,
            resting: if self.share.is_first() { self.resting(now) } else { Vec::new() },
            canary: self.canary_line(now),
            trunks: if self.share.is_first() { self.trunk_lines(now) } else { Vec::new() },
            counters,
        }
    }
}
