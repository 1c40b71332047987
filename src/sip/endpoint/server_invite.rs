//! A peer calls us: from the INVITE outside a dialog to our final response (RFC 3261 §13.3, RFC 3262 §3).

use std::time::Duration;

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::dialog::Dialog;
use crate::sip::{Flow, Headers, Method, Name, Request, Response, Text};

use super::command::{Answer, Content};
use super::core::Core;
use super::deadlines::{DialogTimer, TransactionId};
use super::event::{DialogId, EndedWhy, Event};
use super::refusal;
use super::reliable::{Acknowledgeable, Provisionals, Reliability};
use super::reoffer::Incoming;
use super::servers::ServerUser;
use super::session::Session;
use super::session_timer::SessionTimer;
use super::usage::{First, Unacked, Usage};

/// A call that the host has not answered yet.
pub(super) struct Ringing {
    transaction: TransactionId,
    /// The INVITE's number.
    sequence: u32,
    /// The early dialog.
    usage: Usage,
    /// Goes back in every response that makes a dialog (RFC 3261 §12.1.1).
    record_route: Headers,
    session_timer: Option<SessionTimer>,
    provisionals: Provisionals,
    /// The last provisional response: repeated each minute.
    last: Option<(u16, Option<Bytes>)>,
    /// The host has answered, but the PRACK of a session description is still missing.
    accepted: Option<Option<Bytes>>,
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
        replaces: Option<DialogId>,
    ) -> Option<Session> {
        let asked = refusal::accepts_sdp(&request.headers)
            .and_then(|()| refusal::sdp_of(&request.headers, &request.body))
            .and_then(|offer| Ok((offer, SessionTimer::grant(&core.config, &request.headers)?)));
        let (offer, session_timer) = match asked {
            Ok(asked) => asked,
            Err(answer) => {
                core.stats.refused.add(answer.status);
                refuse(core, now, transaction, answer);
                return None;
            }
        };
        let tag = core.new_tag();
        let user = request.uri.user().map(|user| user.into_owned());
        let contact = core.contact(&flow, user.as_deref());
        let Some(dialog) = Dialog::of_server(&request, flow, &tag, contact) else {
            core.stats.refused.add(400);
            refuse(core, now, transaction, Answer::new(400));
            return None;
        };
        let id = core.next_dialog();
        core.name_dialog(tag.clone(), id);
        core.set_server_user(transaction, ServerUser::Invite(id), Some(tag.clone()));
        if !core.expects_strangers {
            core.respond(now, transaction, 100);
        }
        let mut record_route = Headers::default();
        record_route.copy_from(&request.headers, Name::RecordRoute);
        let sequence = request.cseq;
        let reliability = Reliability::of(&core.config, &request.headers);
        let first = if offer.is_some() { First::Theirs } else { First::None };
        let mut usage = Usage::new(id, dialog, tag, false, first);
        usage.learn_methods(&request.headers);
        usage.remote_sdp = offer;
        // RFC 3261 §13.3.1: the caller says how long it waits. Zero is what nobody can mean.
        if let Some(expires) = request.headers.seconds(Name::Expires).filter(|expires| !expires.is_zero()) {
            core.set_dialog_timer(id, DialogTimer::InviteExpires, now + expires);
        }
        core.event(Event::Invite { dialog: id, request, flow, replaces });
        let provisionals = Provisionals::new(core, reliability);
        let ringing = Ringing {
            transaction,
            sequence,
            usage,
            record_route,
            session_timer,
            provisionals,
            last: None,
            accepted: None,
        };
        Some(Session::Ringing(Box::new(ringing)))
    }

    pub fn id(&self) -> DialogId {
        self.usage.id
    }

    pub fn transaction(&self) -> TransactionId {
        self.transaction
    }

    pub fn tag(&self) -> &Text {
        &self.usage.tag
    }

    pub fn dialog(&self) -> &Dialog {
        &self.usage.dialog
    }

    /// The early dialog, for what may be said in it.
    pub fn usage(&mut self) -> &mut Usage {
        &mut self.usage
    }

    /// 180 or 183, now and each minute; after the PRACK of the one before where they are reliable.
    pub fn ring(&mut self, core: &mut Core, now: Instant, status: u16, sdp: Option<Bytes>) {
        if self.accepted.is_some() {
            return;
        }
        let status = status.clamp(101, 199);
        // What is agreed on already is not said again (RFC 6337 §2.2).
        let sdp = sdp.filter(|_| self.usage.first != First::Agreed);
        let reliable = self.provisionals.is_reliable(&sdp);
        if !(reliable && self.provisionals.postpone(status, &sdp)) {
            self.send_provisional(core, now, status, sdp, reliable);
        }
    }

    fn send_provisional(
        &mut self,
        core: &mut Core,
        now: Instant,
        status: u16,
        sdp: Option<Bytes>,
        reliable: bool,
    ) {
        let sent = core.respond_with(now, self.transaction, status, |response, config| {
            complete(response, &self.record_route, &self.usage.dialog, sdp.clone());
            if reliable {
                self.provisionals.number(response);
                // RFC 3311 §5.1: so the peer knows that it may send UPDATE before the answer.
                response.headers.push(Name::Allow, config.allow());
            }
        });
        core.set_dialog_timer(self.usage.id, DialogTimer::RingAgain, now + Self::RING_AGAIN);
        if let Some(sent) = sent.filter(|_| reliable) {
            let (id, has_sdp) = (self.usage.id, sdp.is_some());
            self.provisionals.sent(core, now, id, self.sequence, sent, has_sdp);
            if has_sdp {
                self.usage.local_sdp = sdp;
                self.usage.first = match self.usage.first {
                    First::None => First::Ours,
                    _ => First::Agreed,
                };
                self.last = Some((status, None));
                return;
            }
        }
        self.last = Some((status, sdp));
    }

    pub fn ring_again(&mut self, core: &mut Core, now: Instant) {
        if let Some((status, sdp)) = self.last.take() {
            self.ring(core, now, status, sdp);
        }
    }

    /// The reliable response once more.
    pub fn provisional_again(&mut self, core: &mut Core, now: Instant) {
        self.provisionals.send_again(core, now, self.usage.id);
    }

    /// "If no PRACK is received within 64*T1, the UAS SHOULD reject the original request with a 5xx response"
    /// (RFC 3262 §3).
    pub fn no_prack(mut self: Box<Self>, core: &mut Core, now: Instant) {
        core.stats.unacknowledged += 1;
        self.usage.drop_incoming(core, now);
        core.respond(now, self.transaction, 504);
        core.event(Event::Ended { dialog: self.usage.id, why: EndedWhy::NoPrack });
    }

    /// 200: the call is established; the ACK is awaited. Where a session description awaits its PRACK, so does
    /// the 200.
    pub fn accept(mut self: Box<Self>, core: &mut Core, now: Instant, sdp: Option<Bytes>) -> Session {
        if self.provisionals.holds_success() {
            self.accepted = Some(sdp);
            return Session::Ringing(self);
        }
        core.clear_dialog_timer(self.usage.id, DialogTimer::RingAgain);
        core.clear_dialog_timer(self.usage.id, DialogTimer::InviteExpires);
        let Ringing {
            transaction, sequence, mut usage, record_route, session_timer, provisionals, last, ..
        } = *self;
        usage.overtaken = provisionals.overtaken(core, usage.id);
        // The first answer counts, and it has been given (RFC 3261 §13.2.1).
        let agreed = usage.first == First::Agreed;
        let sdp = sdp.or(last.and_then(|(_, sdp)| sdp)).filter(|_| !agreed);
        let sent = core.respond_with(now, transaction, 200, |response, config| {
            complete(response, &record_route, &usage.dialog, sdp.clone());
            config.push_abilities(&mut response.headers);
            if let Some(timer) = &session_timer {
                timer.push_granted(response);
            }
        });
        usage.confirmed = true;
        let awaits_answer = usage.first == First::None;
        if !agreed {
            usage.local_sdp = sdp;
            usage.first = if awaits_answer { First::Ours } else { First::Agreed };
        }
        usage.set_session_timer(core, now, session_timer);
        if let Some((flow, bytes)) = sent {
            let interval = core.config.t1;
            usage.await_ack(
                core,
                now,
                Unacked { sequence, flow, bytes, interval, initial: true, awaits_answer },
            );
        }
        Session::Talking(Box::new(usage))
    }

    /// A final response of the host's choosing.
    pub fn reject(mut self: Box<Self>, core: &mut Core, now: Instant, answer: Answer) {
        self.usage.drop_incoming(core, now);
        refuse(core, now, self.transaction, answer);
    }

    /// The peer sent CANCEL, or BYE in the early dialog, or waits no longer.
    pub fn cancelled(mut self: Box<Self>, core: &mut Core, now: Instant) {
        self.usage.drop_incoming(core, now);
        core.respond(now, self.transaction, 487);
        core.event(Event::Cancelled { dialog: self.usage.id });
    }

    /// A request in the early dialog.
    pub fn receive(
        mut self: Box<Self>,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        request: &Request,
    ) -> Option<Session> {
        if !self.usage.accepts_sequence(core, now, transaction, request) {
            return Some(Session::Ringing(self));
        }
        match request.method {
            // The caller may end an early dialog by BYE (RFC 3261 §15).
            Method::Bye => {
                core.respond(now, transaction, 200);
                self.cancelled(core, now);
                return None;
            }
            // Before the first INVITE has its answer (RFC 3261 §14.2).
            Method::Invite => {
                let wait = core.rng.below(11).to_string();
                let answer = Answer::new(500).with("Retry-After", wait);
                self.usage.refuse(core, now, transaction, answer);
            }
            Method::Prack => return Some(self.receive_prack(core, now, transaction, request)),
            _ => self.usage.receive_within(core, now, transaction, request),
        }
        Some(Session::Ringing(self))
    }

    /// RFC 3262 §3, §5.
    fn receive_prack(
        mut self: Box<Self>,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        prack: &Request,
    ) -> Session {
        let Some(name) = Acknowledgeable::of(prack) else {
            self.usage.refuse(core, now, transaction, Answer::new(400));
            return Session::Ringing(self);
        };
        if !self.provisionals.acknowledged(core, self.usage.id, name) {
            self.usage.refuse(core, now, transaction, Answer::new(481));
            return Session::Ringing(self);
        }
        match refusal::sdp_of(&prack.headers, &prack.body) {
            Err(answer) => self.usage.refuse(core, now, transaction, answer),
            Ok(sdp) => self.take_prack(core, now, transaction, prack, sdp),
        }
        if let Some((status, sdp)) = self.provisionals.next() {
            let reliable = self.provisionals.is_reliable(&sdp);
            self.send_provisional(core, now, status, sdp, reliable);
        }
        match self.accepted.take() {
            Some(sdp) => self.accept(core, now, sdp),
            None => {
                self.usage.go_on(core, now);
                Session::Ringing(self)
            }
        }
    }

    fn take_prack(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        prack: &Request,
        sdp: Option<Bytes>,
    ) {
        let dialog = self.usage.id;
        match (self.usage.first, sdp) {
            (First::Ours, Some(answer)) => {
                core.respond(now, transaction, 200);
                self.usage.first = First::Agreed;
                self.usage.remote_sdp = Some(answer.clone());
                core.event(Event::ReofferAnswered { dialog, sdp: answer });
            }
            (first, None) => {
                core.respond(now, transaction, 200);
                if first == First::Ours {
                    // An offer without an answer: it is made once more, in the 200.
                    self.usage.first = First::None;
                }
            }
            // A further offer, which the 200 of the PRACK answers.
            (_, Some(offer)) => {
                if let Err(answer) = self.usage.may_reoffer(core) {
                    return self.usage.refuse(core, now, transaction, answer);
                }
                let incoming = Incoming::new(transaction, prack, Some(offer), None);
                self.usage.ask_host(core, now, incoming);
            }
        }
    }
}

fn complete(response: &mut Response, record_route: &Headers, dialog: &Dialog, sdp: Option<Bytes>) {
    response.headers.copy_from(record_route, Name::RecordRoute);
    response.headers.push(Name::Contact, dialog.contact());
    if let Some(sdp) = sdp {
        refusal::put_content(response, Content::sdp(sdp));
    }
}

/// Sends a final refusal with its headers.
pub(super) fn refuse(core: &mut Core, now: Instant, transaction: TransactionId, answer: Answer) {
    let status = answer.status.clamp(300, 699);
    core.respond_with(now, transaction, status, |response, _| refusal::fill(response, answer));
}
