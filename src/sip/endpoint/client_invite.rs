//! We call a peer: from our INVITE to its final response (RFC 3261 §13.2).

use std::time::Duration;

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::dialog::Dialog;
use crate::sip::{Flow, Headers, Method, Name, NameAddr, Request, Response, Text};

use super::clients::ClientUser;
use super::command::{Answer, Invite};
use super::core::{Core, Failure};
use super::deadlines::{DialogTimer, TransactionId};
use super::event::{DialogId, Event};
use super::forks::{self, Forks, Heard, Origin};
use super::identity::Identity;
use super::leaving::Leaving;
use super::refusal;
use super::session::Session;
use super::session_timer::{self, SessionTimer};
use super::usage::First;

/// An INVITE of ours without a final response.
///
/// A CANCEL and the 200 may cross:
/// ```text
///        we                                 peer
///   cancel() ----- CANCEL ----------------->
///            <---- 200 (INVITE) ------------   answered before the CANCEL came
///       ACK  ------------------------------>
///       BYE  ------------------------------>
///            <---- 200 (CANCEL), 200 (BYE) -
///   Rejected 487
/// ```
pub(super) struct Calling {
    id: DialogId,
    tag: Text,
    call_id: Text,
    /// Of the INVITE that is on its way.
    sequence: u32,
    transaction: TransactionId,
    invite: Box<Invite>,
    cancel: Cancel,
    /// The host does not want to hear how it ends.
    silent: bool,
    identity: Identity,
    /// The peer's Min-SE after 422.
    least_session: Option<Duration>,
    /// The phones that ring.
    forks: Forks,
    /// An SDP offer of the host's that waits for the answer, or for the only phone that it can go to.
    wanted: Option<Bytes>,
}

enum Cancel {
    No,
    /// To be sent after the first provisional response (RFC 3261 §9.1).
    Wanted(Option<String>),
    Sent,
}

impl Calling {
    pub fn start(core: &mut Core, now: Instant, invite: Invite) -> Session {
        let id = core.next_dialog();
        let tag = core.new_tag();
        core.name_dialog(tag.clone(), id);
        let identity = Identity::new(invite.credentials.clone());
        let mut calling = Calling {
            id,
            tag,
            call_id: core.new_call_id(),
            sequence: 0,
            transaction: TransactionId(0),
            invite: Box::new(invite),
            cancel: Cancel::No,
            silent: false,
            identity,
            least_session: None,
            forks: Forks::default(),
            wanted: None,
        };
        let request = calling.compose(core);
        calling.send(core, now, request);
        Session::Calling(Box::new(calling))
    }

    pub fn id(&self) -> DialogId {
        self.id
    }

    pub fn tag(&self) -> &Text {
        &self.tag
    }

    pub fn call_id(&self) -> &Text {
        &self.call_id
    }

    /// Whether anything has come back.
    pub fn is_heard(&self, core: &Core) -> bool {
        core.is_proceeding(self.transaction)
    }

    pub fn silence(&mut self) {
        self.silent = true;
        self.forks.usages().for_each(|usage| usage.hang_up = Some(None));
    }

    /// CANCEL now, or as soon as it may be sent.
    pub fn cancel(mut self: Box<Self>, core: &mut Core, now: Instant, reason: Option<String>) -> Session {
        if matches!(self.cancel, Cancel::No) {
            if core.is_proceeding(self.transaction) {
                self.send_cancel(core, now, reason);
            } else {
                self.cancel = Cancel::Wanted(reason);
                core.abandon(now, self.transaction);
            }
        }
        Session::Calling(self)
    }

    /// A response that the transaction passes up.
    pub fn receive(
        mut self: Box<Self>,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        response: &Response,
    ) -> Option<Session> {
        if transaction != self.transaction {
            return Some(Session::Calling(self));
        }
        match response.status {
            0..200 => {
                self.progress(core, now, response);
                Some(Session::Calling(self))
            }
            200..300 => self.answered(core, now, response),
            401 | 407 | 422 if self.try_again(core, now, response) => Some(Session::Calling(self)),
            status => {
                self.forks.dismiss(core, now);
                let retry_after = response.headers.seconds(Name::RetryAfter);
                self.over(core, status, response.reason.to_str().into_owned(), retry_after);
                None
            }
        }
    }

    /// Timer B (also after CANCEL), or no way to the peer.
    pub fn fail(mut self: Box<Self>, core: &mut Core, now: Instant, failure: Failure) {
        self.forks.dismiss(core, now);
        let (status, reason) = match &self.cancel {
            Cancel::No => (failure.status(), failure.reason()),
            Cancel::Wanted(_) | Cancel::Sent => (487, "cancelled"),
        };
        self.over(core, status, reason.to_owned(), None);
    }

    /// The peer rings for too long.
    pub fn expire(self: Box<Self>, core: &mut Core, now: Instant) -> Session {
        self.cancel(core, now, None)
    }

    fn progress(&mut self, core: &mut Core, now: Instant, response: &Response) {
        let heard =
            self.with_forks(|forks, origin, identity| forks.heard(core, now, origin, identity, response));
        let Heard::News(sdp) = heard else { return };
        if let Cancel::Wanted(reason) = &mut self.cancel {
            let reason = reason.take();
            self.send_cancel(core, now, reason);
            return;
        }
        if response.status > 100 && matches!(self.cancel, Cancel::No) {
            core.set_dialog_timer(self.id, DialogTimer::InviteExpires, now + core.config.invite_expires);
            core.event(Event::Progress { dialog: self.id, status: response.status, sdp });
            self.go_on(core, now);
        }
    }

    // -- in the early dialogs --

    pub fn early_dialogs(&self) -> impl Iterator<Item = &Dialog> {
        self.forks.dialogs()
    }

    /// The host's answer to the offer of a reliable provisional response.
    pub fn answer_offer(&mut self, core: &mut Core, now: Instant, sdp: &Bytes) {
        self.with_forks(|forks, origin, identity| forks.answer_offer(core, now, origin, identity, sdp));
    }

    /// A response to a PRACK.
    pub fn prack_answered(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        response: &Response,
    ) {
        let answered = (transaction, response);
        self.with_forks(|forks, origin, identity| {
            forks.prack_answered(core, now, origin, identity, answered)
        });
    }

    /// Another session description before the answer: by UPDATE once the first one is agreed on with one phone.
    pub fn reoffer(&mut self, core: &mut Core, now: Instant, sdp: Bytes) {
        self.wanted = Some(sdp);
        self.go_on(core, now);
    }

    fn go_on(&mut self, core: &mut Core, now: Instant) {
        if self.wanted.is_none() {
            return;
        }
        let Some(usage) = self.forks.only_agreed().filter(|usage| usage.allows_update) else { return };
        if let Some(sdp) = self.wanted.take() {
            std::mem::swap(&mut usage.identity, &mut self.identity);
            usage.reoffer(core, now, sdp);
            std::mem::swap(&mut usage.identity, &mut self.identity);
            core.note_sequence(self.transaction, usage.dialog.local_sequence());
        }
    }

    /// A response to an UPDATE of ours.
    pub fn update_answered(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        response: &Response,
    ) {
        let Some(usage) = self.forks.awaiting(transaction) else { return };
        std::mem::swap(&mut usage.identity, &mut self.identity);
        usage.reoffer_response(core, now, transaction, response);
        std::mem::swap(&mut usage.identity, &mut self.identity);
        core.note_sequence(self.transaction, usage.dialog.local_sequence());
    }

    pub fn update_failed(&mut self, core: &mut Core, transaction: TransactionId, failure: Failure) {
        if let Some(usage) = self.forks.awaiting(transaction) {
            usage.reoffer_failed(core, failure);
        }
    }

    pub fn glare_over(&mut self, core: &mut Core, now: Instant) {
        if let Some(usage) = self.forks.usages().find(|usage| usage.waits_after_glare()) {
            usage.glare_over(core, now);
            core.note_sequence(self.transaction, usage.dialog.local_sequence());
        }
    }

    /// The host's answer to an UPDATE of the peer's.
    pub fn answer_reoffer(&mut self, core: &mut Core, now: Instant, result: Result<Bytes, Answer>) {
        if let Some(usage) = self.forks.usages().find(|usage| usage.incoming.is_some()) {
            usage.answer_reoffer(core, now, result);
        }
    }

    pub fn reoffer_lost(&mut self, transaction: TransactionId) {
        self.forks.usages().for_each(|usage| usage.reoffer_lost(transaction));
    }

    /// A request of a phone that rings.
    pub fn receive_request(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        request: &Request,
    ) {
        if self.silent {
            return core.respond(now, transaction, 481);
        }
        let asking = self.forks.is_asking();
        let Some(usage) = self.forks.owner(request) else { return core.respond(now, transaction, 481) };
        if !usage.accepts_sequence(core, now, transaction, request) {
            return;
        }
        match request.method {
            // Ours is in progress (RFC 3261 §14.2).
            Method::Invite => usage.refuse(core, now, transaction, Answer::new(491)),
            // "The callee's UA MUST NOT send a BYE on early dialogs" (RFC 3261 §15): its final response says it.
            Method::Bye => usage.refuse(core, now, transaction, Answer::new(481)),
            // The host hears of one offer at a time: the other phone's turn comes.
            Method::Update if asking && !request.body.is_empty() => {
                let wait = core.rng.below(11).to_string();
                usage.refuse(core, now, transaction, Answer::new(500).with("Retry-After", wait));
            }
            _ => usage.receive_within(core, now, transaction, request),
        }
    }

    fn with_forks<T>(&mut self, act: impl FnOnce(&mut Forks, &Origin<'_>, &mut Identity) -> T) -> T {
        let Calling { id, tag, transaction, invite, forks, identity, .. } = self;
        let origin = Origin { id: *id, tag, transaction: *transaction, sdp: &invite.sdp };
        act(forks, &origin, identity)
    }

    fn answered(self: Box<Self>, core: &mut Core, now: Instant, response: &Response) -> Option<Session> {
        core.clear_dialog_timer(self.id, DialogTimer::InviteExpires);
        let Calling { id, tag, sequence, transaction, invite, cancel, silent, mut identity, .. } = *self;
        let origin = Origin { id, tag: &tag, transaction, sdp: &invite.sdp };
        let Some(mut talking) = self.forks.confirm(core, now, &origin, response) else {
            // Its transaction is gone, and so cannot have passed this up.
            if !silent {
                core.event(rejected(id, 500, "transaction lost".to_owned(), None));
            }
            return None;
        };
        if !matches!(cancel, Cancel::No) {
            talking.drop_incoming(core, now);
            let (ack, flow) = talking.dialog.ack(sequence);
            core.acknowledge(transaction, response.to.tag(), ack, flow);
            if !silent {
                core.event(rejected(id, 487, "cancelled".to_owned(), None));
            }
            return Some(Leaving::start(core, now, (id, tag, talking.dialog), None, None, identity));
        }
        identity.accepted();
        talking.identity = identity;
        talking.confirmed = true;
        talking.wanted = talking.wanted.or(self.wanted);
        talking.least_session = self.least_session;
        talking.learn_methods(&response.headers);
        // What came reliably before is the answer, and any other is to be ignored (RFC 3261 §13.2.1).
        if talking.first != First::Agreed {
            talking.remote_sdp =
                refusal::sdp_or_nothing(&response.headers, &response.body).or(talking.remote_sdp);
        }
        let wants_answer = invite.sdp.is_none() && talking.first != First::Agreed;
        talking.first = if wants_answer { First::Theirs } else { First::Agreed };
        talking.set_session_timer(core, now, SessionTimer::agreed(&response.headers));
        talking.acknowledge(core, transaction, sequence, response.to.tag(), wants_answer);
        core.event(Event::Answered { dialog: id, sdp: talking.remote_sdp.clone() });
        talking.go_on(core, now);
        Some(Session::Talking(Box::new(talking)))
    }

    /// Sends the INVITE once more, as the refusal asks for. `false`: it is final.
    fn try_again(&mut self, core: &mut Core, now: Instant, response: &Response) -> bool {
        if !matches!(self.cancel, Cancel::No) {
            return false;
        }
        self.forks.dismiss(core, now);
        if response.status == 422 {
            let least = response.headers.seconds(Name::MinSe);
            if self.least_session.is_some() || least.is_none() {
                return false;
            }
            self.least_session = least;
            let request = self.compose(core);
            self.send(core, now, request);
            return true;
        }
        if !self.identity.challenged(response) {
            return false;
        }
        let request = self.compose(core);
        self.send(core, now, request);
        true
    }

    fn compose(&mut self, core: &mut Core) -> Request {
        self.sequence += 1;
        let Invite { to, via, from, to_display, contact_user, sdp, headers: further, .. } = &*self.invite;
        let mut headers = Headers::default();
        headers.push(Name::MaxForwards, "70");
        headers.push(Name::Contact, core.contact(via, contact_user.as_deref()));
        core.config.push_abilities(&mut headers);
        session_timer::push_wish(&core.config, self.least_session, &mut headers);
        for (name, value) in further {
            headers.push_named(name, value.clone());
        }
        let mut request = Request {
            method: Method::Invite,
            uri: to.clone(),
            vias: Vec::with_capacity(1),
            from: from.clone().with_tag(&self.tag),
            to: addressee(to, to_display.as_deref()),
            call_id: self.call_id.clone(),
            cseq: self.sequence,
            headers,
            body: Default::default(),
        };
        if let Some(sdp) = sdp {
            request = request.with_body("application/sdp", sdp.clone());
        }
        self.identity.sign(&mut request, &mut core.rng);
        request
    }

    fn send(&mut self, core: &mut Core, now: Instant, request: Request) {
        core.set_dialog_timer(self.id, DialogTimer::InviteExpires, now + core.config.invite_expires);
        let flow: Flow = core.client_flow(self.transaction).unwrap_or(self.invite.via);
        self.transaction = core.send_request(now, request, flow, ClientUser::Invite(self.id));
    }

    fn send_cancel(&mut self, core: &mut Core, now: Instant, reason: Option<String>) {
        core.send_cancel(now, self.transaction, reason.as_deref());
        self.cancel = Cancel::Sent;
        core.clear_dialog_timer(self.id, DialogTimer::InviteExpires);
        core.abandon(now, self.transaction);
    }

    fn over(self: Box<Self>, core: &mut Core, status: u16, reason: String, retry_after: Option<Duration>) {
        if !self.silent {
            core.event(rejected(self.id, status, reason, retry_after));
        }
    }
}

/// A 2xx to an INVITE that needs none any more: another fork's after the first, or one that comes after we gave
/// up. It is acknowledged and hung up at once (RFC 3261 §13.2.2.4).
pub(super) fn decline_fork(core: &mut Core, now: Instant, transaction: TransactionId, response: &Response) {
    if core.acknowledged_forks(transaction) >= forks::MOST {
        return;
    }
    let (Some(invite), Some(flow)) = (core.sent_invite(transaction), core.client_flow(transaction)) else {
        return;
    };
    let mut dialog = Dialog::of_client(invite, response, flow);
    // Its early dialog may have seen requests of ours before.
    dialog.raise_sequence(core.noted_sequence(transaction));
    let (ack, flow) = dialog.ack(response.cseq.number);
    core.acknowledge(transaction, response.to.tag(), ack, flow);
    let (bye, flow) = dialog.request(Method::Bye);
    core.send_request(now, bye, flow, ClientUser::Nobody);
}

/// `To` of a request to `uri`: the address without what only the way there needs.
pub(super) fn addressee(uri: &crate::sip::Uri, display: Option<&str>) -> NameAddr {
    let user = uri.user();
    let bare = crate::sip::Uri::sip_at(user.as_deref(), &uri.host().to_string(), uri.port());
    let to = NameAddr::new(bare.unwrap_or_else(|_| uri.clone()));
    match display {
        Some(name) => to.with_display(name),
        None => to,
    }
}

pub(super) fn rejected(
    dialog: DialogId,
    status: u16,
    reason: String,
    retry_after: Option<Duration>,
) -> Event {
    Event::Rejected { dialog, status, reason, retry_after }
}
