//! A peer calls us: from the INVITE outside a dialog to our final response (RFC 3261 §13.3).

use std::time::Duration;

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::dialog::Dialog;
use crate::sip::{Flow, Headers, Method, Name, Request, Response, Text};

use super::command::{Answer, Content};
use super::core::Core;
use super::deadlines::{DialogTimer, TransactionId};
use super::event::{DialogId, Event};
use super::refusal;
use super::servers::ServerUser;
use super::session::Session;
use super::session_timer::SessionTimer;
use super::talking::{Talking, Unacked, answer_info};

/// A call that the host has not answered yet.
pub(super) struct Ringing {
    id: DialogId,
    transaction: TransactionId,
    /// The INVITE's number.
    sequence: u32,
    dialog: Dialog,
    tag: Text,
    /// Goes back in every response that makes a dialog (RFC 3261 §12.1.1).
    record_route: Headers,
    /// The INVITE carried an SDP offer; if not, our 2xx carries ours and the ACK the answer.
    offer: Option<Bytes>,
    session_timer: Option<SessionTimer>,
    allows_update: bool,
    /// The last provisional response: repeated each minute.
    last: Option<(u16, Option<Bytes>)>,
}

impl Ringing {
    /// RFC 3261 §13.3.1.1: "the UAS MUST send a non-100 provisional response at every minute".
    const RING_AGAIN: Duration = Duration::from_secs(60);

    /// A new INVITE. `None` where it is refused right here; the response is sent then.
    pub fn start(
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        request: Box<Request>,
        flow: Flow,
    ) -> Option<Session> {
        let offer = match refusal::sdp_of(&request.headers, &request.body) {
            Ok(offer) => offer,
            Err(answer) => {
                refuse(core, now, transaction, answer);
                return None;
            }
        };
        let session_timer = match SessionTimer::grant(&core.config, &request.headers) {
            Ok(timer) => timer,
            Err(answer) => {
                refuse(core, now, transaction, answer);
                return None;
            }
        };
        let tag = core.new_tag();
        let user = request.uri.user().map(|user| user.into_owned());
        let contact = core.contact(&flow, user.as_deref());
        let Some(dialog) = Dialog::of_server(&request, flow, &tag, contact) else {
            refuse(core, now, transaction, Answer::new(400));
            return None;
        };
        let id = core.next_dialog();
        core.name_dialog(tag.clone(), id);
        core.set_server_user(transaction, ServerUser::Invite(id), Some(tag.clone()));
        core.respond(now, transaction, 100);
        let mut record_route = Headers::default();
        record_route.copy_from(&request.headers, Name::RecordRoute);
        let sequence = request.cseq;
        let allows_update = request.headers.lists(Name::Allow, "UPDATE");
        core.event(Event::Invite { dialog: id, request, flow });
        let ringing = Ringing {
            id,
            transaction,
            sequence,
            dialog,
            tag,
            record_route,
            offer,
            session_timer,
            allows_update,
            last: None,
        };
        Some(Session::Ringing(Box::new(ringing)))
    }

    pub fn id(&self) -> DialogId {
        self.id
    }

    pub fn tag(&self) -> &Text {
        &self.tag
    }

    pub fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    /// 180 or 183, now and each minute.
    pub fn ring(&mut self, core: &mut Core, now: Instant, status: u16, sdp: Option<Bytes>) {
        let status = status.clamp(101, 199);
        core.respond_with(now, self.transaction, status, |response, _| self.complete(response, sdp.clone()));
        self.last = Some((status, sdp));
        core.set_dialog_timer(self.id, DialogTimer::RingAgain, now + Self::RING_AGAIN);
    }

    pub fn ring_again(&mut self, core: &mut Core, now: Instant) {
        if let Some((status, sdp)) = self.last.take() {
            self.ring(core, now, status, sdp);
        }
    }

    /// 200: the call is established; the ACK is awaited.
    pub fn accept(self: Box<Self>, core: &mut Core, now: Instant, sdp: Option<Bytes>) -> Session {
        core.clear_dialog_timer(self.id, DialogTimer::RingAgain);
        let sdp = sdp.or_else(|| self.last.as_ref().and_then(|(_, sdp)| sdp.clone()));
        let sent = core.respond_with(now, self.transaction, 200, |response, config| {
            self.complete(response, sdp.clone());
            config.push_abilities(&mut response.headers);
            if let Some(timer) = &self.session_timer {
                timer.push_granted(response);
            }
        });
        let Ringing { id, sequence, dialog, tag, offer, session_timer, allows_update, .. } = *self;
        let mut talking = Talking::new(id, dialog, tag, false);
        talking.local_sdp = sdp;
        talking.remote_sdp = offer.clone();
        talking.allows_update = allows_update;
        talking.set_session_timer(core, now, session_timer);
        if let Some((flow, bytes)) = sent {
            let (interval, awaits_answer) = (core.config.t1, offer.is_none());
            talking.await_ack(
                core,
                now,
                Unacked { sequence, flow, bytes, interval, initial: true, awaits_answer },
            );
        }
        Session::Talking(Box::new(talking))
    }

    /// A final response of the host's choosing.
    pub fn reject(self: Box<Self>, core: &mut Core, now: Instant, answer: Answer) {
        refuse(core, now, self.transaction, answer);
    }

    /// The peer sent CANCEL, or BYE in the early dialog.
    pub fn cancelled(self: Box<Self>, core: &mut Core, now: Instant) {
        core.respond(now, self.transaction, 487);
        core.event(Event::Cancelled { dialog: self.id });
    }

    /// A request in the early dialog.
    pub fn receive(
        mut self: Box<Self>,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        request: &Request,
    ) -> Option<Session> {
        if !self.dialog.accept_sequence(request.cseq) {
            core.stats.refused += 1;
            core.respond(now, transaction, 500);
            return Some(Session::Ringing(self));
        }
        match request.method {
            // The caller may end an early dialog by BYE (RFC 3261 §15).
            Method::Bye => {
                core.respond(now, transaction, 200);
                self.cancelled(core, now);
                return None;
            }
            // Before the first INVITE has its answer (RFC 3261 §14.2, RFC 3311 §5.2).
            Method::Invite | Method::Update => {
                core.stats.refused += 1;
                let wait = core.rng.below(11).to_string();
                refuse(core, now, transaction, Answer::new(500).with("Retry-After", wait));
            }
            Method::Info => {
                if let Some(event) = answer_info(core, now, self.id, transaction, request) {
                    core.event(event);
                }
            }
            // OPTIONS; the others were refused before.
            _ => core.respond_with_abilities(now, transaction),
        }
        Some(Session::Ringing(self))
    }

    fn complete(&self, response: &mut Response, sdp: Option<Bytes>) {
        response.headers.copy_from(&self.record_route, Name::RecordRoute);
        response.headers.push(Name::Contact, self.dialog.contact());
        if let Some(sdp) = sdp {
            refusal::put_content(response, Content::sdp(sdp));
        }
    }
}

/// Sends a final refusal with its headers.
pub(super) fn refuse(core: &mut Core, now: Instant, transaction: TransactionId, answer: Answer) {
    let status = answer.status.clamp(300, 699);
    core.respond_with(now, transaction, status, |response, _| refusal::fill(response, answer));
}
