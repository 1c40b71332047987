//! Calls that phones move: REFER (a blind transfer, RFC 5589 §6) and INVITE with Replaces (RFC 3891).
//!
//! Only an agent's phone moves a call, and only the one that it talks in: a caller never does, whatever it claims.

use super::Exchange;
use crate::base::{LegId, Now};
use crate::call::NoTransfer;
use crate::dialplan::Origin;
use crate::sip::{Answer, DialogId, Flow, Method, Refer, ReferId, Request};

impl Exchange {
    /// A phone asks us to send its peer elsewhere.
    pub(super) fn referred(&mut self, now: Now, id: ReferId, refer: &Refer) {
        if let Err((status, why)) = self.transfer(now, id, refer) {
            self.count_refusal(why);
            tracing::info!(status, why, "transfer refused");
            self.sip.answer_refer(now.mono, id, Err(Answer::new(status)));
        }
    }

    /// The peer hears that it is done before it is hung up.
    fn transfer(&mut self, now: Now, id: ReferId, refer: &Refer) -> Result<(), (u16, &'static str)> {
        let Some(leg) = self.dialogs.get(&id.dialog).copied() else {
            return Err((403, "transfer by nobody we know"));
        };
        if refer.method != Method::Invite {
            return Err((501, "transfer by another method"));
        }
        if refer.replaces.is_some() {
            return Err((501, "attended transfer"));
        }
        let dialled = refer.to.uri.dialled().unwrap_or_default();
        let call = self.calls.get(&leg.call).ok_or((403, "transfer by nobody we know"))?;
        let entry = call.transfer_entry(leg, &dialled).map_err(|why| match why {
            NoTransfer::NotTheirs => (403, "transfer by a caller"),
            NoTransfer::NotServed => (404, "transfer to a number not served"),
        })?;
        self.sip.answer_refer(now.mono, id, Ok(()));
        self.sip.refer_progress(now.mono, id, 200, None);
        self.with_call(now, leg.call, |call, ctx| call.transfer(ctx, &dialled, entry));
        Ok(())
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
