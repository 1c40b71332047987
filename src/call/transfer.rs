//! The agent hands the caller on: a blind transfer (RFC 5589 §6).

use super::{Body, Call, Ctx, Listen, Stage};
use crate::base::LegId;
use crate::dialplan::{self, Entry, Origin};
use crate::record::StageKind;

/// Why nobody is transferred.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoTransfer {
    /// It is not an agent who asks, or not one who talks.
    NotTheirs,
    /// The plan does not serve that number for this desk.
    NotServed,
}

impl Call {
    /// Whether the agent of this leg talks with the caller now, on hold or not.
    pub fn talks_on(&self, leg: LegId) -> bool {
        match &self.stage {
            Stage::Talk(talk) => talk.is_agent(leg),
            Stage::Hold(hold) => hold.leg().id == leg,
            _ => false,
        }
    }

    /// Where the number leads that the agent of this leg sends the caller to: what the desk itself may dial, by the
    /// plan that the call began with.
    ///
    /// # Errors
    /// Where the caller stays with the agent.
    pub fn transfer_entry(&self, leg: LegId, dialled: &str) -> Result<Entry, NoTransfer> {
        let extension = match &self.stage {
            Stage::Talk(talk) if talk.is_agent(leg) => talk.extension(),
            Stage::Hold(hold) if hold.leg().id == leg => hold.extension(),
            _ => return Err(NoTransfer::NotTheirs),
        };
        let plan = self.body.cursor.plan();
        let agent = plan.agent_by_extension(extension).ok_or(NoTransfer::NotTheirs)?;
        plan.entry(dialled, Origin::Desk(agent.id)).ok_or(NoTransfer::NotServed)
    }

    /// The caller goes into the flow of that number; the agent's leg is hung up and the agent wraps up.
    pub fn transfer(&mut self, ctx: &mut Ctx<'_>, dialled: &str, entry: Entry) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        let talk = match std::mem::replace(&mut self.stage, Stage::Moving) {
            Stage::Talk(talk) => talk,
            Stage::Hold(hold) => hold.into_talk(&mut self.body),
            other => {
                self.stage = other;
                return;
            }
        };
        let by = talk.extension().to_owned();
        talk.abandon(&mut self.body, ctx);
        self.stage = begin(&mut self.body, ctx, &by, dialled, entry);
    }
}

/// The caller keeps language, grade and what was keyed in; the flow begins anew.
fn begin(body: &mut Body, ctx: &mut Ctx<'_>, by: &str, dialled: &str, entry: Entry) -> Stage {
    body.stage(ctx, StageKind::Listen, format!("transferred by {by} to {dialled}"));
    body.stop_playing(ctx);
    body.cursor = body.cursor.moved_to(entry, dialled, ctx.now);
    Listen::begin(body, ctx, dialplan::Event::Begin)
}
