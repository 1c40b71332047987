//! We call a peer: from our INVITE to its final response (RFC 3261 §13.2).

use std::time::Duration;

use crate::base::Instant;
use crate::sip::dialog::Dialog;
use crate::sip::{Flow, Headers, Method, Name, NameAddr, Request, Response, Text};

use super::clients::ClientUser;
use super::command::Invite;
use super::core::{Core, Failure};
use super::deadlines::{DialogTimer, TransactionId};
use super::event::{DialogId, Event};
use super::identity::Identity;
use super::leaving::Leaving;
use super::refusal;
use super::session::Session;
use super::session_timer::{self, SessionTimer};
use super::talking::Talking;

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

    pub fn silence(&mut self) {
        self.silent = true;
    }

    /// CANCEL now, or as soon as it may be sent.
    pub fn cancel(mut self: Box<Self>, core: &mut Core, now: Instant, reason: Option<String>) -> Session {
        if matches!(self.cancel, Cancel::No) {
            if core.is_proceeding(self.transaction) {
                self.send_cancel(core, now, reason);
            } else {
                self.cancel = Cancel::Wanted(reason);
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
                let retry_after = response.headers.seconds(Name::RetryAfter);
                self.over(core, status, response.reason.to_str().into_owned(), retry_after);
                None
            }
        }
    }

    /// Timer B (also after CANCEL), or no way to the peer.
    pub fn fail(self: Box<Self>, core: &mut Core, failure: Failure) {
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
        if let Cancel::Wanted(reason) = &mut self.cancel {
            let reason = reason.take();
            self.send_cancel(core, now, reason);
            return;
        }
        if response.status > 100 && matches!(self.cancel, Cancel::No) {
            core.set_dialog_timer(self.id, DialogTimer::InviteExpires, now + core.config.invite_expires);
            let sdp = refusal::sdp_or_nothing(&response.headers, &response.body);
            core.event(Event::Progress { dialog: self.id, status: response.status, sdp });
        }
    }

    fn answered(self: Box<Self>, core: &mut Core, now: Instant, response: &Response) -> Option<Session> {
        core.clear_dialog_timer(self.id, DialogTimer::InviteExpires);
        let (Some(sent), Some(flow)) =
            (core.sent_invite(self.transaction), core.client_flow(self.transaction))
        else {
            self.over(core, 500, "transaction lost".to_owned(), None);
            return None;
        };
        let dialog = Dialog::of_client(sent, response, flow);
        let Calling { id, tag, sequence, transaction, invite, cancel, silent, mut identity, .. } = *self;
        let sdp = refusal::sdp_or_nothing(&response.headers, &response.body);
        if !matches!(cancel, Cancel::No) {
            let (ack, flow) = dialog.ack(sequence);
            core.acknowledge(transaction, response.to.tag(), ack, flow);
            if !silent {
                core.event(rejected(id, 487, "cancelled".to_owned(), None));
            }
            return Some(Leaving::start(core, now, (id, tag, dialog), None, None, identity));
        }
        let mut talking = Talking::new(id, dialog, tag, true);
        identity.accepted();
        talking.identity = identity;
        talking.allows_update = response.headers.lists(Name::Allow, "UPDATE");
        talking.remote_sdp = sdp.clone();
        let wants_answer = invite.sdp.is_none();
        talking.local_sdp = invite.sdp;
        talking.set_session_timer(core, now, SessionTimer::agreed(&response.headers));
        talking.acknowledge(core, transaction, sequence, response.to.tag(), wants_answer);
        core.event(Event::Answered { dialog: id, sdp });
        Some(Session::Talking(Box::new(talking)))
    }

    /// Sends the INVITE once more, as the refusal asks for. `false`: it is final.
    fn try_again(&mut self, core: &mut Core, now: Instant, response: &Response) -> bool {
        if !matches!(self.cancel, Cancel::No) {
            return false;
        }
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
    let (Some(invite), Some(flow)) = (core.sent_invite(transaction), core.client_flow(transaction)) else {
        return;
    };
    let mut dialog = Dialog::of_client(invite, response, flow);
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
