//! What is ordered about a talk that runs: a supervisor's desk joins it, its recording is paused.

use super::{Exchange, Reply};
use crate::base::{CallId, Now};
use crate::call::{Event, Manner, NotRecorded};
use crate::dialplan::DialEnd;

impl Exchange {
    /// The desk rings, and is taken by that call until its supervisor is gone.
    pub(super) fn supervise(&mut self, now: Now, call: CallId, extension: &str, manner: Manner) -> Reply {
        let agent = self.plan.agent_by_extension(extension).and_then(|_| self.numbering.agent(extension));
        let Some(agent) = agent else {
            return Reply::Refused(format!("the dialplan has no agent {extension}"));
        };
        let Some(running) = self.calls.get(&call) else {
            return Reply::Refused(format!("there is no call {call}"));
        };
        match running.admits(agent) {
            Err(why) => return Reply::Refused(why.to_string()),
            Ok(true) => self.with_call(now, call, |call, ctx| call.supervise_otherwise(ctx, manner)),
            Ok(false) => match self.seize(now, call, extension) {
                Event::Seized { agent, extension, towards } => {
                    self.with_call(now, call, |call, ctx| {
                        call.supervise(ctx, agent, extension, towards, manner);
                    });
                }
                Event::NotSeized { why } => {
                    return Reply::Refused(format!("{extension} {}", not_rung(why)));
                }
                _ => {}
            },
        }
        tracing::info!(%call, desk = extension, manner = manner.name(), "supervision ordered");
        self.count("calls supervised");
        Reply::Done
    }

    pub(super) fn pause_recording(&mut self, now: Now, call: CallId, paused: bool) -> Reply {
        let mut done = None;
        self.with_call(now, call, |call, ctx| done = Some(call.pause_recording(ctx, paused)));
        match done {
            Some(Ok(())) => Reply::Done,
            Some(Err(NotRecorded)) => Reply::Refused(format!("nothing is recorded in call {call}")),
            None => Reply::Refused(format!("there is no call {call}")),
        }
    }
}

pub(super) fn not_rung(why: DialEnd) -> &'static str {
    match why {
        DialEnd::Busy => "is in another call",
        DialEnd::Away { .. } => "is away",
        _ => "cannot be reached",
    }
}
