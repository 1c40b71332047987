//! Re-negotiation: re-INVITE both ways (RFC 3261 §14), UPDATE both ways and before the answer, too (RFC 3311), an
//! offer in PRACK (RFC 3262 §5), and the refreshes of RFC 4028.

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
use super::session_timer::SessionTimer;
use super::usage::{First, Unacked, Usage};

/// A re-INVITE or UPDATE of ours.
pub(super) struct Outgoing {
    stage: Stage,
    method: Method,
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

/// A re-INVITE, UPDATE or PRACK of the peer's with an offer that the host has not answered.
pub(super) struct Incoming {
    pub(super) transaction: TransactionId,
    sequence: u32,
    method: Method,
    /// It brought an SDP offer; if not, our answer is one.
    offer: Option<Bytes>,
    /// Its Contact, taken when it is accepted.
    headers: Headers,
    session_timer: Option<SessionTimer>,
}

impl Incoming {
    pub fn new(
        transaction: TransactionId,
        request: &Request,
        offer: Option<Bytes>,
        session_timer: Option<SessionTimer>,
    ) -> Self {
        let mut headers = Headers::default();
        headers.copy_from(&request.headers, Name::Contact);
        let (sequence, method) = (request.cseq, request.method.clone());
        Incoming { transaction, sequence, method, offer, headers, session_timer }
    }
}

impl Outgoing {
    pub fn transaction(&self) -> Option<TransactionId> {
        match self.stage {
            Stage::Sent(transaction) => Some(transaction),
            Stage::Glare => None,
        }
    }
}

impl Usage {
    /// How soon a refresh that found no room, or was refused for the moment, is tried again.
    const REFRESH_AGAIN: Duration = Duration::from_secs(5);

    // -- ours --

    /// The host wants another session description.
    pub fn reoffer(&mut self, core: &mut Core, now: Instant, sdp: Bytes) {
        match &mut self.outgoing {
            Some(Outgoing { stage: Stage::Glare, sdp: waiting, refresh, method }) => {
                // An UPDATE that was only a refresh may carry an offer as well.
                *waiting = Some(sdp);
                *refresh = false;
                if self.confirmed {
                    *method = Method::Invite;
                }
            }
            _ => {
                self.wanted = Some(sdp);
                self.go_on(core, now);
            }
        }
    }

    /// Sends what waited for its turn. Before the 2xx only UPDATE can carry an offer, and only once the first one
    /// is answered (RFC 3311 §5.1).
    pub(super) fn go_on(&mut self, core: &mut Core, now: Instant) {
        if self.is_busy() || self.is_deserted() {
            return;
        }
        let method = match self.confirmed {
            true => Method::Invite,
            false if self.first == First::Agreed && self.allows_update => Method::Update,
            false => return,
        };
        if let Some(sdp) = self.wanted.take() {
            self.send_reoffer(core, now, method, Some(sdp), false);
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
        if self.incoming.is_some() || self.unacked.is_some() {
            let wait = self.back_off(core);
            core.set_dialog_timer(self.id, DialogTimer::Glare, now + wait);
            return;
        }
        let Some(outgoing) = self.outgoing.take_if(|outgoing| outgoing.stage == Stage::Glare) else { return };
        self.send_reoffer(core, now, outgoing.method, outgoing.sdp, outgoing.refresh);
    }

    /// Whether a glare timer is for this one of several early dialogs.
    pub fn waits_after_glare(&self) -> bool {
        self.outgoing.as_ref().is_some_and(|outgoing| outgoing.stage == Stage::Glare)
    }

    /// Half the session interval is over: UPDATE where the peer takes it, else a re-INVITE with the same
    /// description (RFC 4028 §7.4).
    pub fn refresh(&mut self, core: &mut Core, now: Instant) {
        if self.is_busy() {
            // Whatever is going on refreshes the session as well, or ends soon.
            core.set_dialog_timer(self.id, DialogTimer::SessionRefresh, now + Self::REFRESH_AGAIN);
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
        let (mut request, flow) = self.dialog.request(method.clone());
        request.headers.push(Name::Contact, self.dialog.contact());
        core.config.push_abilities(&mut request.headers);
        if let Some(timer) = &self.session_timer {
            timer.push_refresh(self.least_session, &mut request.headers);
        }
        if let Some(sdp) = &sdp {
            request = request.with_body("application/sdp", sdp.clone());
        }
        self.identity.sign(&mut request, &mut core.rng);
        let transaction = core.send_request(now, request, flow, ClientUser::Reoffer(self.id));
        self.outgoing = Some(Outgoing { stage: Stage::Sent(transaction), method, sdp, refresh });
    }

    /// Whether a response or a failure is of our re-INVITE or UPDATE.
    pub fn awaits(&self, transaction: TransactionId) -> bool {
        self.outgoing.as_ref().and_then(Outgoing::transaction) == Some(transaction)
    }

    /// A response to our re-INVITE or UPDATE. The reason where it ends a confirmed dialog.
    pub fn reoffer_response(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        response: &Response,
    ) -> Option<EndedWhy> {
        if !self.awaits(transaction) || response.is_provisional() {
            return None;
        }
        let mut outgoing = self.outgoing.take()?;
        if self.identity.challenged(response) {
            self.send_reoffer(core, now, outgoing.method, outgoing.sdp, outgoing.refresh);
            return None;
        }
        match response.status {
            200..300 => self.reoffer_accepted(core, now, transaction, outgoing, response),
            491 => {
                outgoing.stage = Stage::Glare;
                self.outgoing = Some(outgoing);
                let wait = self.back_off(core);
                core.set_dialog_timer(self.id, DialogTimer::Glare, now + wait);
                return None;
            }
            422 if self.takes_longer_session(response) => {
                self.send_reoffer(core, now, outgoing.method, outgoing.sdp, outgoing.refresh);
                return None;
            }
            // RFC 3261 §12.2.1.2: the peer does not know the dialog, or is gone.
            status @ (408 | 481) if self.confirmed => return Some(EndedWhy::RequestFailed { status }),
            status if outgoing.refresh => {
                // A peer that does not take UPDATE after all is asked by re-INVITE.
                self.allows_update &= !matches!(status, 405 | 501);
                let wait = response.headers.seconds(Name::RetryAfter).unwrap_or(Self::REFRESH_AGAIN);
                let wait = wait.max(Self::REFRESH_AGAIN);
                core.set_dialog_timer(self.id, DialogTimer::SessionRefresh, now + wait);
            }
            status => self.event(core, Event::ReofferRefused { dialog: self.id, status }),
        }
        self.go_on(core, now);
        None
    }

    /// The peer wants fewer refreshes (RFC 4028 §7.4): once.
    fn takes_longer_session(&mut self, refusal: &Response) -> bool {
        let (Some(timer), Some(least)) = (&mut self.session_timer, refusal.headers.seconds(Name::MinSe))
        else {
            return false;
        };
        let first = self.least_session.replace(least).is_none_or(|before| before < least);
        timer.lengthen(least);
        first
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
        if self.confirmed {
            let agreed = SessionTimer::agreed(&response.headers);
            self.set_session_timer(core, now, agreed);
        }
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

    /// Our re-INVITE or UPDATE came to nothing: a confirmed dialog is over (RFC 3261 §12.2.1.2); of an early one
    /// the INVITE's own fate decides.
    pub fn reoffer_failed(&mut self, core: &mut Core, failure: Failure) -> Option<EndedWhy> {
        self.outgoing = None;
        let status = failure.status();
        if !self.confirmed {
            self.event(core, Event::ReofferRefused { dialog: self.id, status });
            return None;
        }
        Some(match failure {
            Failure::TimedOut => EndedWhy::RequestFailed { status },
            Failure::Unreachable => EndedWhy::FlowLost,
        })
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
        let is_invite = request.method == Method::Invite;
        let asked = refusal::sdp_of(&request.headers, &request.body).and_then(|offer| {
            if is_invite || offer.is_some() {
                self.may_reoffer(core)?;
            }
            let grants = self.confirmed.then(|| SessionTimer::grant(&core.config, &request.headers));
            Ok((offer, grants.transpose()?.flatten()))
        });
        let (offer, session_timer) = match asked {
            Ok(asked) => asked,
            Err(answer) => return self.refuse(core, now, transaction, answer),
        };
        if let Some(unacked) = self.unacked.take_if(|_| is_invite || offer.is_some()) {
            // A new INVITE follows our 2xx: the ACK in between was lost, but not what it says.
            self.acknowledged(core, unacked, None);
        }
        let incoming = Incoming::new(transaction, request, offer, session_timer);
        if !is_invite && incoming.offer.is_none() {
            // An UPDATE that only refreshes the session.
            self.accept_reoffer(core, now, incoming, None);
        } else {
            self.ask_host(core, now, incoming);
        }
    }

    /// The host has the say on an offer.
    pub(super) fn ask_host(&mut self, core: &mut Core, now: Instant, incoming: Incoming) {
        core.set_server_user(incoming.transaction, ServerUser::Reoffer(self.id), None);
        if incoming.method == Method::Invite {
            core.respond(now, incoming.transaction, 100);
        }
        let sdp = incoming.offer.clone();
        self.incoming = Some(incoming);
        self.event(core, Event::Reoffer { dialog: self.id, sdp });
    }

    /// RFC 3261 §14.2, RFC 3311 §5.2: one negotiation at a time.
    ///
    /// # Errors
    /// 500 with Retry-After where the peer is ahead of our own answer, 491 where our offer is out.
    pub(super) fn may_reoffer(&self, core: &mut Core) -> Result<(), Answer> {
        if self.is_deserted() {
            return Err(Answer::new(481));
        }
        let unanswered = !self.confirmed && matches!(self.first, First::None | First::Theirs);
        if self.incoming.is_some() || unanswered {
            return Err(Answer::new(500).with("Retry-After", core.rng.below(11).to_string()));
        }
        let our_offer_is_out = self.outgoing.as_ref().and_then(Outgoing::transaction).is_some()
            || self.unacked.as_ref().is_some_and(|unacked| unacked.awaits_answer)
            || !self.confirmed && self.first == First::Ours;
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
        let Incoming { transaction, sequence, method, offer, headers, session_timer } = incoming;
        let (is_invite, is_prack) = (method == Method::Invite, method == Method::Prack);
        self.dialog.refresh_target(&headers);
        if self.confirmed && !is_prack {
            self.set_session_timer(core, now, session_timer);
        }
        let awaits_answer = is_invite && offer.is_none();
        if sdp.is_some() {
            self.local_sdp = sdp.clone();
            self.remote_sdp = offer.or(self.remote_sdp.take());
        }
        let sent = core.respond_with(now, transaction, 200, |response, config| {
            if !is_prack {
                response.headers.push(Name::Contact, self.dialog.contact());
                config.push_abilities(&mut response.headers);
            }
            if let Some(timer) = self.session_timer.as_ref().filter(|_| self.confirmed && !is_prack) {
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

    /// The way back of the peer's re-INVITE or UPDATE is gone.
    pub fn reoffer_lost(&mut self, transaction: TransactionId) {
        self.incoming.take_if(|incoming| incoming.transaction == transaction);
    }

    /// Nobody will answer the peer's offer any more.
    pub(super) fn drop_incoming(&mut self, core: &mut Core, now: Instant) {
        if let Some(incoming) = self.incoming.take() {
            core.respond(now, incoming.transaction, 487);
        }
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
