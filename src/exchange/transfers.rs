//! Calls that phones move: REFER (RFC 5589: blind §6, attended §7) and INVITE with Replaces (RFC 3891).
//!
//! Only an agent's phone moves a call, and only the one that it talks in: a caller never does, whatever it claims.

use super::{Exchange, Reply};
use crate::base::{AgentId, CallId, LegId, Now};
use crate::call::{How, NoTransfer};
use crate::dialplan::Origin;
use crate::sip::{Answer, DialogId, Flow, Method, Refer, ReferId, Request};

/// What a REFER moves the caller to.
enum Moves {
    Number(String),
    /// Whom the agent talks with in that call.
    Party {
        of: CallId,
    },
}

impl Exchange {
    /// A phone asks us to send its peer elsewhere.
    pub(super) fn referred(&mut self, now: Now, id: ReferId, refer: &Refer) {
        if let Err((status, why)) = self.transfer(now, id, refer) {
            self.count_refusal(why);
            tracing::info!(status, why, "transfer refused");
            if let Some(leg) = self.dialogs.get(&id.dialog).copied() {
                self.with_call(now, leg.call, |call, ctx| call.transfer_refused(ctx, status, why));
            }
            self.sip.answer_refer(now.mono, id, Err(Answer::new(status)));
        }
    }

    fn transfer(&mut self, now: Now, id: ReferId, refer: &Refer) -> Result<(), (u16, &'static str)> {
        let Some(leg) = self.dialogs.get(&id.dialog).copied() else {
            return Err((403, "transfer by nobody we know"));
        };
        if refer.method != Method::Invite {
            return Err((501, "transfer by another method"));
        }
        if self.referrals.contains_key(&leg) {
            return Err((491, "transfer during a transfer"));
        }
        let call = self.calls.get(&leg.call).ok_or((403, "transfer by nobody we know"))?;
        if call.agents_leg() != Some(leg) {
            return Err((403, "transfer by a caller"));
        }
        let how = match &refer.replaces {
            Some(replaces) => {
                let agent = call.agent();
                let other = self.sip.replaced_dialog(replaces).and_then(|dialog| self.dialogs.get(&dialog));
                let other = other.and_then(|other| self.calls.get(&other.call)).filter(|other| {
                    // The agent's own call to somebody else, and no other.
                    other.id() != leg.call && other.desk().is_some() && other.desk() == agent
                });
                let other = other.ok_or((481, "attended transfer to a foreign or unknown dialog"))?;
                match other.consulted() {
                    Some(_) => Moves::Party { of: other.id() },
                    // Nobody is there yet: the one who was called is called for the caller.
                    None => Moves::Number(other.dialled().to_owned()),
                }
            }
            None => Moves::Number(refer.to.uri.dialled().unwrap_or_default()),
        };
        match how {
            Moves::Number(dialled) => {
                let destination = call.destination(leg, &dialled).map_err(|why| match why {
                    NoTransfer::NotTheirs => (403, "transfer by a caller"),
                    NoTransfer::NotServed
                        if self.config.trunks.iter().any(|trunk| trunk.carries(&dialled)) =>
                    {
                        (403, "transfer to a number that the desk may not call")
                    }
                    NoTransfer::NotServed => (404, "transfer to a number not served"),
                })?;
                self.accept_refer(now, leg, id);
                self.with_call(now, leg.call, |call, ctx| {
                    call.transfer(ctx, &dialled, destination, How::Blind, true);
                });
            }
            Moves::Party { of } => {
                self.accept_refer(now, leg, id);
                self.join_calls(now, leg.call, of);
            }
        }
        Ok(())
    }

    fn accept_refer(&mut self, now: Now, leg: LegId, id: ReferId) {
        self.sip.answer_refer(now.mono, id, Ok(()));
        self.referrals.insert(leg, id);
    }

    /// An order of the console or the API: the caller goes there, or the agent speaks with them first.
    pub(super) fn transfer_by_order(&mut self, now: Now, call: CallId, dialled: &str, how: How) -> Reply {
        let Some(running) = self.calls.get(&call) else {
            return Reply::Refused(format!("there is no call {call}"));
        };
        let Some(leg) = running.agents_leg() else {
            return Reply::Refused("no agent talks in this call".to_owned());
        };
        let destination = match running.destination(leg, dialled) {
            Ok(destination) => destination,
            Err(NoTransfer::NotTheirs) => return Reply::Refused("no agent talks in this call".to_owned()),
            Err(NoTransfer::NotServed) => {
                return Reply::Refused(format!("the agent's desk may not dial {dialled}"));
            }
        };
        self.with_call(now, call, |call, ctx| call.transfer(ctx, dialled, destination, how, false));
        self.count("transfers ordered");
        Reply::Done
    }

    /// Whom the agent talks with in the other call talks with the caller of this one from now on.
    fn join_calls(&mut self, now: Now, call: CallId, other: CallId) {
        let Some(given) = self.calls.get(&other).and_then(crate::call::Call::consulted) else { return };
        self.count("transfers, attended");
        self.with_call(now, call, |call, ctx| call.adopt(ctx, given));
        self.with_call(now, other, |call, ctx| call.give_away(ctx));
    }

    /// The dialog of `from`, of another call, is this leg's from now on.
    pub(super) fn take_party(
        &mut self,
        now: Now,
        leg: LegId,
        from: LegId,
        agent: Option<AgentId>,
        sdp: bytes::Bytes,
    ) {
        let Some(dialog) = self.legs.remove(&from) else { return };
        self.legs.insert(leg, dialog);
        self.dialogs.insert(dialog, leg);
        self.trunks.leg_moved(from, leg);
        if let Some(agent) = agent {
            self.desks.pass_on(agent, from.call, leg.call);
        }
        if let Some(call_id) = self.sip.call_id(dialog).cloned() {
            let party = agent.map_or("outside", |agent| self.numbering.extension(agent)).to_owned();
            self.name_leg(leg, call_id, party);
        }
        self.sip.reoffer(now.mono, dialog, sdp);
    }

    /// What the agent's phone hears of the transfer that it asked for.
    pub(super) fn report_transfer(&mut self, now: Now, leg: LegId, status: u16) {
        let referral = match status {
            200.. => self.referrals.remove(&leg),
            _ => self.referrals.get(&leg).copied(),
        };
        if let Some(id) = referral {
            self.sip.refer_progress(now.mono, id, status, None);
        }
    }

    /// An INVITE wants the place of a dialog of ours.
    pub(super) fn replacing(
        &mut self,
        now: Now,
        dialog: DialogId,
        request: &Request,
        flow: Flow,
        replaced: DialogId,
    ) {
        if let Err((answer, why)) = self.take_over(now, dialog, request, flow, replaced) {
            self.reject_call(now, dialog, answer, why, flow);
        }
    }

    /// The new dialog becomes the leg's; the leg agrees on its media as after any re-negotiation, and its answer
    /// settles which of the two dialogs stays: see [`settle_takeover`](Self::settle_takeover).
    fn take_over(
        &mut self,
        now: Now,
        dialog: DialogId,
        request: &Request,
        flow: Flow,
        replaced: DialogId,
    ) -> Result<(), (Answer, &'static str)> {
        let origin = self.origin_of(now, request, flow)?;
        self.sip.trying(now.mono, dialog);
        let agent = match origin {
            Origin::Desk(agent) => self.plan.agent(agent).and_then(|a| self.numbering.agent(&a.extension)),
            Origin::Caller => None,
        };
        let foreign = || (Answer::new(403), "takes over a foreign dialog");
        let agent = agent.ok_or_else(foreign)?;
        let leg = self.dialogs.get(&replaced).copied().ok_or_else(foreign)?;
        let call = self.calls.get(&leg.call).ok_or_else(foreign)?;
        if call.agent() != Some(agent) || !call.talks_on(leg) {
            return Err(foreign());
        }
        if request.body.is_empty() {
            return Err((Answer::new(488), "takes over without an SDP offer"));
        }
        self.rename_leg(leg, dialog);
        self.takeovers.insert(dialog, replaced);
        let sdp = Some(request.body.clone());
        self.with_call(now, leg.call, |call, ctx| call.handle(ctx, crate::call::Event::Reoffer { leg, sdp }));
        Ok(())
    }

    /// The leg's answer where its dialog takes another one's place. Gives the answer back where it does not.
    pub(super) fn settle_takeover(
        &mut self,
        now: Now,
        leg: LegId,
        answer: Result<bytes::Bytes, Answer>,
    ) -> Option<Result<bytes::Bytes, Answer>> {
        let taken = self.legs.get(&leg).and_then(|new| Some((*new, self.takeovers.remove(new)?)));
        let Some((new, old)) = taken else { return Some(answer) };
        match answer {
            Ok(sdp) => {
                self.sip.accept(now.mono, new, Some(sdp));
                self.sip.bye(now.mono, old, Some("SIP;cause=200;text=\"Call completed elsewhere\"".into()));
            }
            Err(refusal) => {
                self.rename_leg(leg, old);
                self.count_refusal("takes over with an unusable SDP offer");
                self.sip.reject(now.mono, new, refusal);
            }
        }
        None
    }

    /// From now on this dialog is the leg's, and what another one still says concerns nobody.
    fn rename_leg(&mut self, leg: LegId, dialog: DialogId) {
        if let Some(before) = self.legs.insert(leg, dialog) {
            self.dialogs.remove(&before);
        }
        self.dialogs.insert(dialog, leg);
    }
}
