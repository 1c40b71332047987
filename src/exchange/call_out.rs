//! `hotline call`: an agent calls a customer, by the agent's right and with the bank's number shown.

use super::supervise::not_rung;
use super::trunks::is_telephone;
use super::{Exchange, Notice, Output, Reply};
use crate::base::{Masked, Now};
use crate::call::{Call, CallOut, Event};
use crate::dialplan::{Cursor, Facts, Origin};

impl Exchange {
    /// The agent's phone rings; what becomes of the call is in its record.
    pub(super) fn call_out(&mut self, now: Now, extension: &str, written: &Masked<String>) -> Reply {
        // As people write numbers down.
        let number: String =
            written.expose().chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '/')).collect();
        let Some(agent) = self.plan.agent_by_extension(extension).map(|agent| agent.id) else {
            return Reply::Refused(format!("the dialplan has no agent {extension}"));
        };
        if !is_telephone(&number) {
            return Reply::Refused("this is no telephone number".to_owned());
        }
        let Some(entry) = self.plan.entry_outside(&number, agent) else {
            self.count_refusal("no right to call that number");
            return Reply::Refused(format!(
                "agent {extension} may not call that number: see may_call in the dialplan"
            ));
        };
        if let Some(why) = self.no_more_calls() {
            return Reply::Refused(why.to_owned());
        }
        let call = self.ids.next_call();
        let (agent, extension, towards) = match self.seize(now, call, extension) {
            Event::Seized { agent, extension, towards } => (agent, extension, towards),
            Event::NotSeized { why } => return Reply::Refused(format!("{extension} {}", not_rung(why))),
            _ => return Reply::Refused(format!("{extension} cannot be reached")),
        };
        self.trunks.desk_taken(call, agent);
        let from = Masked::new(extension.clone());
        let dialled = "outside".to_owned();
        let begun = Notice::CallBegan { call, from: from.clone(), dialled: dialled.clone() };
        self.output.push_back(Output::Notice(begun));
        let origin = self.plan.agent_by_extension(&extension).map(|agent| Origin::Desk(agent.id));
        let facts = Facts { from, dialled, owner: None, origin: origin.unwrap_or(Origin::Caller), now };
        let cursor = Cursor::new(self.plan.clone(), entry, facts);
        let number = Masked::new(number);
        let wanted = CallOut { call, agent, extension, towards, number, cursor };
        let (begun, effects) = self.in_ctx(now, |ctx| Call::call_out(ctx, wanted));
        self.keep(begun);
        self.carry_out(now, call, effects);
        self.count("calls ordered for agents");
        Reply::Done
    }
}
