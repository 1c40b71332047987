//! `hotline call`: an agent calls a customer, by the agent's right and with the bank's number shown.

use super::supervise::not_rung;
use super::trunks::is_telephone;
use super::{Exchange, Notice, Output, Reply};
use crate::base::{AgentId, CallId, Masked, Now};
use crate::call::{Briefing, Call, CallOut, Event, Towards};
use crate::dialplan::{Cursor, Entry, Facts, Origin};

impl Exchange {
    /// The agent's phone rings; what becomes of the call is in its record.
    pub(super) fn call_out(&mut self, now: Now, extension: &str, written: &Masked<String>) -> Reply {
        let number = as_dialled(written.expose());
        let Some(agent) = self.plan.agent_by_extension(extension).map(|agent| agent.id) else {
            return Reply::Refused(format!("the dialplan has no agent {extension}"));
        };
        if !is_telephone(number.expose()) {
            return Reply::Refused("this is no telephone number".to_owned());
        }
        let Some(entry) = self.plan.entry_outside(number.expose(), agent) else {
            self.count_refusal("no right to call that number");
            return Reply::Refused(format!(
                "agent {extension} may not call that number: see may_call in the dialplan"
            ));
        };
        if let Some(why) = self.no_more_calls() {
            return Reply::Refused(why.to_owned());
        }
        let call = self.ids.next_call();
        let planned = agent;
        let (agent, extension, towards) = match self.seize(now, call, extension) {
            Event::Seized { agent, extension, towards } => (agent, extension, towards),
            Event::NotSeized { why } => return Reply::Refused(format!("{extension} {}", not_rung(why))),
            _ => return Reply::Refused(format!("{extension} cannot be reached")),
        };
        let origin = Origin::Desk(planned);
        self.ring_who_calls_out(
            now,
            Ordered { call, agent, extension, towards, number, origin, entry, briefing: None },
        );
        self.count("calls ordered for agents");
        Reply::Done
    }

    /// Rings an agent's phone, which is seized, for a call to the outside.
    pub(super) fn ring_who_calls_out(&mut self, now: Now, ordered: Ordered) {
        let Ordered { call, agent, extension, towards, number, origin, entry, briefing } = ordered;
        self.trunks.desk_taken(call, agent);
        let from = Masked::new(extension.clone());
        let dialled = "outside".to_owned();
        let begun = Notice::CallBegan { call, from: from.clone(), dialled: dialled.clone() };
        self.output.push_back(Output::Notice(begun));
        let facts = Facts { from, dialled, owner: None, origin, now };
        let cursor = Cursor::new(self.plan.clone(), entry, facts);
        let wanted = CallOut { call, agent, extension, towards, number, cursor, briefing };
        let (begun, effects) = self.in_ctx(now, |ctx| Call::call_out(ctx, wanted));
        self.keep(begun);
        self.carry_out(now, call, effects);
    }
}

/// An agent who is to call somebody outside.
pub(super) struct Ordered {
    pub call: CallId,
    /// As the core and the desks know them.
    pub agent: AgentId,
    pub extension: String,
    pub towards: Towards,
    pub number: Masked<String>,
    /// As the plan knows them.
    pub origin: Origin,
    pub entry: Entry,
    pub briefing: Option<Briefing>,
}

/// Without what people write between digits.
pub(super) fn as_dialled(written: &str) -> Masked<String> {
    Masked::new(written.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '/')).collect())
}
