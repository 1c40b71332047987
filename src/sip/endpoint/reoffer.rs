//! Re-negotiation in an established dialog: re-INVITE both ways (RFC 3261 §14), UPDATE from the peer (RFC 3311),
//! and the refreshes of RFC 4028.

use std::time::Duration;

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::{Headers, Method, Name, Request, Response};

use super::clients::ClientUser;
use super::command::{Answer, Content};
use super::core::{Core, Failure};
use super::deadlines::{DialogTimer, TransactionId};
use super::event::{EndedWhy, Event};
use super::refusal;
use super::servers::ServerUser;
use super::session::Session;
use super::session_timer::SessionTimer;
use super::talking::{Talking, Unacked};

/// A re-INVITE or UPDATE of ours.
pub(super) struct Outgoing {
    stage: Stage,
    /// `None` in an UPDATE that only refreshes the session.
    sdp: Option<Bytes>,
    /// Ours to keep the session alive, not the host's.
    refresh: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On its way.
    Sent(TransactionId),
    /// It met the peer's (491) and waits for its next turn.
    Glare,
}

/// A re-INVITE or UPDATE of the peer's that the host has not answered.
pub(super) struct Incoming {
    pub(super) transaction: TransactionId,
    sequence: u32,
    is_invite: bool,
    /// It brought an SDP offer; if not, our answer is one.
    offer: Option<Bytes>,
    /// Its Contact, taken when it is accepted.
    headers: Headers,
    session_timer: Option<SessionTimer>,
}

impl Outgoing {
    pub fn transaction(&self) -> Option<TransactionId> {
        match self.stage {
            Stage::Sent(transaction) => Some(transaction),
            Stage::Glare => None,
        }
    }
}

impl Talking {
    // -- ours --

    /// The host wants another session description.
    pub fn reoffer(&mut self, core: &mut Core, now: Instant, sdp: Bytes) {
        match &mut self.outgoing {
            Some(Outgoing { stage: Stage::Glare, sdp: waiting, refresh, .. }) => {
                *waiting = Some(sdp);
                *refresh = false;
            }
            _ => {
                self.wanted = Some(sdp);
                self.go_on(core, now);
            }
        }
    }

    /// Sends what waited for its turn.
    pub(super) fn go_on(&mut self, core: &mut Core, now: Instant) {
        if self.is_busy() || self.is_deserted() {
            return;
        }
        if let Some(sdp) = self.wanted.take() {
            self.send_reoffer(core, now, Method::Invite, Some(sdp), false);
        }
    }

    /// Offers may not cross (RFC 3264 §4, RFC 3311 §5.2): one at a time, and none before the ACK.
    fn is_busy(&self) -> bool {
        self.outgoing.is_some()
            || self.incoming.is_some()
            || self.unacked.is_some()
            || self.unsent_ack.is_some()
    }

    /// The moment after a 491 has come.
    pub fn glare_over(&mut self, core: &mut Core, now: Instant) {
        let Some(Outgoing { stage: Stage::Glare, sdp, refresh, .. }) = &self.outgoing else { return };
        let (sdp, refresh) = (sdp.clone(), *refresh);
        if self.incoming.is_some() || self.unacked.is_some() {
            let wait = self.back_off(core);
            core.set_dialog_timer(self.id, DialogTimer::Glare, now + wait);
            return;
        }
        self.outgoing = None;
        self.send_reoffer(core, now, Method::Invite, sdp, refresh);
    }

    /// Half the session interval is over: UPDATE where the peer takes it, else a re-INVITE with the same
    /// description (RFC 4028 §7.4).
    pub fn refresh(&mut self, core: &mut Core, now: Instant) {
        if self.is_busy() {
            // Whatever is going on refreshes the session as well, or ends soon.
            core.set_dialog_timer(self.id, DialogTimer::SessionRefresh, now + Duration::from_secs(5));
        } else if self.allows_update {
            self.send_reoffer(core, now, Method::Update, None, true);
        } else if let Some(sdp) = self.local_sdp.clone() {
            self.send_reoffer(core, now, Method::Invite, Some(sdp), true);
        }
    }

    fn send_reoffer(
        &mut self,
        core: &mut Core,
        now: Instant,
        method: Method,
        sdp: Option<Bytes>,
        refresh: bool,
    ) {
        let (mut request, flow) = self.dialog.request(method);
        request.headers.push(Name::Contact, self.dialog.contact());
        core.config.push_abilities(&mut request.headers);
        if let Some(timer) = &self.session_timer {
            timer.push_refresh(&mut request.headers);
        }
        if let Some(sdp) = &sdp {
            request = request.with_body("application/sdp", sdp.clone());
        }
        self.identity.sign(&mut request, &mut core.rng);
        let transaction = core.send_request(now, request, flow, ClientUser::Reoffer(self.id));
        self.outgoing = Some(Outgoing { stage: Stage::Sent(transaction), sdp, refresh });
    }

    /// A response to our re-INVITE or UPDATE.
    pub fn reoffer_response(
        mut self: Box<Self>,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        response: &Response,
    ) -> Session {
        let dialog = self.id;
        let is_ours = self.outgoing.as_ref().and_then(Outgoing::transaction) == Some(transaction);
        if !is_ours || response.is_provisional() {
            return Session::Talking(self);
        }
        if self.identity.challenged(response) {
            self.send_reoffer_again(core, now, &response.cseq.method);
            return Session::Talking(self);
        }
        if response.status == 491 {
            if let Some(outgoing) = &mut self.outgoing {
                outgoing.stage = Stage::Glare;
            }
            let wait = self.back_off(core);
            core.set_dialog_timer(dialog, DialogTimer::Glare, now + wait);
            return Session::Talking(self);
        }
        let Some(outgoing) = self.outgoing.take() else { return Session::Talking(self) };
        match response.status {
            200..300 => self.reoffer_accepted(core, now, transaction, outgoing, response),
            // RFC 3261 §12.2.1.2: the peer does not know the dialog, or is gone.
            status @ (408 | 481) => return self.end(core, now, EndedWhy::RequestFailed { status }),
            _ if outgoing.refresh => {}
            status => self.event(core, Event::ReofferRefused { dialog, status }),
        }
        self.go_on(core, now);
        Session::Talking(self)
    }

    fn reoffer_accepted(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        outgoing: Outgoing,
        response: &Response,
    ) {
        let dialog = self.id;
        if response.cseq.method == Method::Invite {
            self.acknowledge(core, transaction, response.cseq.number, response.to.tag(), false);
        }
        self.identity.accepted();
        self.dialog.refresh_target(&response.headers);
        let agreed = SessionTimer::agreed(&response.headers);
        self.set_session_timer(core, now, agreed);
        let Some(ours) = outgoing.sdp else { return };
        match refusal::sdp_or_nothing(&response.headers, &response.body) {
            Some(sdp) => {
                self.local_sdp = Some(ours);
                let changed = self.remote_sdp.replace(sdp.clone()).as_ref() != Some(&sdp);
                if !outgoing.refresh || changed {
                    self.event(core, Event::ReofferAnswered { dialog, sdp });
                }
            }
            // An offer without an answer changed nothing.
            None if outgoing.refresh => {}
            None => self.event(core, Event::ReofferRefused { dialog, status: 488 }),
        }
    }

    /// The same once more, now with the answer to the peer's challenge.
    fn send_reoffer_again(&mut self, core: &mut Core, now: Instant, method: &Method) {
        if let Some(Outgoing { sdp, refresh, .. }) = self.outgoing.take() {
            self.send_reoffer(core, now, method.clone(), sdp, refresh);
        }
    }

    /// Our re-INVITE or UPDATE came to nothing: the dialog is over (RFC 3261 §12.2.1.2).
    pub fn reoffer_failed(mut self: Box<Self>, core: &mut Core, now: Instant, failure: Failure) -> Session {
        self.outgoing = None;
        let why = match failure {
            Failure::TimedOut => EndedWhy::RequestFailed { status: failure.status() },
            Failure::Unreachable => EndedWhy::FlowLost,
        };
        self.end(core, now, why)
    }

    /// RFC 3261 §14.1: who owns the Call-ID waits 2.1 to 4 s, the other 0 to 2 s, in units of 10 ms.
    fn back_off(&self, core: &mut Core) -> Duration {
        let units = if self.caller { 210 + core.rng.below(191) } else { core.rng.below(201) };
        Duration::from_millis(units * 10)
    }

    // -- the peer's --

    pub(super) fn receive_reoffer(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        request: &Request,
    ) {
        if let Err(answer) = self.may_reoffer(core) {
            return self.refuse(core, now, transaction, answer);
        }
        let offer = match refusal::sdp_of(&request.headers, &request.body) {
            Ok(offer) => offer,
            Err(answer) => return self.refuse(core, now, transaction, answer),
        };
        let session_timer = match SessionTimer::grant(&core.config, &request.headers) {
            Ok(timer) => timer,
            Err(answer) => return self.refuse(core, now, transaction, answer),
        };
        if let Some(unacked) = self.unacked.take() {
            // A new INVITE follows our 2xx: the ACK in between was lost, but not what it says.
            self.acknowledged(core, unacked, None);
        }
        let is_invite = request.method == Method::Invite;
        let mut headers = Headers::default();
        headers.copy_from(&request.headers, Name::Contact);
        let incoming = Incoming {
            transaction,
            sequence: request.cseq,
            is_invite,
            offer: offer.clone(),
            headers,
            session_timer,
        };
        if !is_invite && offer.is_none() {
            // An UPDATE that only refreshes the session.
            self.accept_reoffer(core, now, incoming, None);
            return;
        }
        core.set_server_user(transaction, ServerUser::Reoffer(self.id), None);
        if is_invite {
            core.respond(now, transaction, 100);
        }
        self.incoming = Some(incoming);
        self.event(core, Event::Reoffer { dialog: self.id, sdp: offer });
    }

    /// RFC 3261 §14.2, RFC 3311 §5.2: one negotiation at a time.
    fn may_reoffer(&self, core: &mut Core) -> Result<(), Answer> {
        if self.is_deserted() {
            return Err(Answer::new(481));
        }
        if self.incoming.is_some() {
            return Err(Answer::new(500).with("Retry-After", core.rng.below(11).to_string()));
        }
        let our_offer_is_out = self.outgoing.as_ref().and_then(Outgoing::transaction).is_some()
            || self.unacked.as_ref().is_some_and(|unacked| unacked.awaits_answer);
        if our_offer_is_out || self.unsent_ack.is_some() {
            return Err(Answer::new(491));
        }
        Ok(())
    }

    /// The host's answer to [`Event::Reoffer`].
    pub fn answer_reoffer(&mut self, core: &mut Core, now: Instant, result: Result<Bytes, Answer>) {
        let Some(incoming) = self.incoming.take() else { return };
        match result {
            Ok(sdp) => self.accept_reoffer(core, now, incoming, Some(sdp)),
            Err(answer) => self.refuse(core, now, incoming.transaction, answer),
        }
        self.go_on(core, now);
    }

    fn accept_reoffer(&mut self, core: &mut Core, now: Instant, incoming: Incoming, sdp: Option<Bytes>) {
        let Incoming { transaction, sequence, is_invite, offer, headers, session_timer } = incoming;
        self.dialog.refresh_target(&headers);
        self.set_session_timer(core, now, session_timer);
        let awaits_answer = is_invite && offer.is_none();
        if sdp.is_some() {
            self.local_sdp = sdp.clone();
            self.remote_sdp = offer.or(self.remote_sdp.take());
        }
        let sent = core.respond_with(now, transaction, 200, |response, config| {
            response.headers.push(Name::Contact, self.dialog.contact());
            config.push_abilities(&mut response.headers);
            if let Some(timer) = &self.session_timer {
                timer.push_granted(response);
            }
            if let Some(sdp) = sdp {
                refusal::put_content(response, Content::sdp(sdp));
            }
        });
        if let Some((flow, bytes)) = sent.filter(|_| is_invite) {
            let interval = core.config.t1;
            let unacked = Unacked { sequence, flow, bytes, interval, initial: false, awaits_answer };
            self.await_ack(core, now, unacked);
        }
    }

    /// The peer cancelled its re-INVITE; 487 goes out.
    pub fn reoffer_cancelled(&mut self, core: &mut Core, now: Instant, transaction: TransactionId) {
        core.respond(now, transaction, 487);
        self.incoming.take_if(|incoming| incoming.transaction == transaction);
        self.go_on(core, now);
    }

    /// The way back of the peer's re-INVITE is gone.
    pub fn reoffer_lost(&mut self) {
        self.incoming = None;
    }

    pub(super) fn set_session_timer(&mut self, core: &mut Core, now: Instant, timer: Option<SessionTimer>) {
        self.session_timer = timer;
        match timer {
            Some(timer) => timer.arm(core, now, self.id),
            None => {
                core.clear_dialog_timer(self.id, DialogTimer::SessionRefresh);
                core.clear_dialog_timer(self.id, DialogTimer::SessionExpires);
            }
        }
    }
}
