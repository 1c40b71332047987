//! An established dialog: ACKs, BYE, INFO, OPTIONS. Re-negotiation is in `reoffer.rs`.

use std::time::Duration;

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::dialog::Dialog;
use crate::sip::{Flow, Method, Name, Request, Text};

use super::client_invite::rejected;
use super::command::Answer;
use super::core::Core;
use super::deadlines::{DialogTimer, TransactionId};
use super::event::{DialogId, EndedWhy, Event};
use super::identity::Identity;
use super::leaving::Leaving;
use super::refusal;
use super::reoffer::{Incoming, Outgoing};
use super::server_invite::refuse;
use super::session::Session;
use super::session_timer::SessionTimer;

pub(super) struct Talking {
    pub(super) id: DialogId,
    tag: Text,
    pub(super) dialog: Dialog,
    /// We sent the INVITE, so that the Call-ID is ours (RFC 3261 §14.1).
    pub(super) caller: bool,
    /// Our 2xx, until its ACK comes.
    pub(super) unacked: Option<Unacked>,
    /// The peer's SDP offer came in its 2xx: the ACK waits for the host's answer.
    pub(super) unsent_ack: Option<UnsentAck>,
    /// What we re-negotiate.
    pub(super) outgoing: Option<Outgoing>,
    /// The SDP offer that is to follow; a newer one replaces it.
    pub(super) wanted: Option<Bytes>,
    /// What the peer re-negotiates and the host has not answered.
    pub(super) incoming: Option<Incoming>,
    /// The host hung up before the ACK: "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has
    /// received an ACK for its 2xx response" (RFC 3261 §15).
    hang_up: Option<Option<String>>,
    pub(super) session_timer: Option<SessionTimer>,
    /// The descriptions in force, for refreshes.
    pub(super) local_sdp: Option<Bytes>,
    pub(super) remote_sdp: Option<Bytes>,
    pub(super) allows_update: bool,
    pub(super) identity: Identity,
}

/// A 2xx of ours (RFC 3261 §13.3.1.4).
pub(super) struct Unacked {
    /// Of the INVITE, and so of the ACK.
    pub(super) sequence: u32,
    pub(super) flow: Flow,
    pub(super) bytes: Bytes,
    /// Until it is sent again; begins with T1.
    pub(super) interval: Duration,
    /// It established the dialog: the host hears of its ACK.
    pub(super) initial: bool,
    /// It carries our SDP offer; the ACK has the answer.
    pub(super) awaits_answer: bool,
}

pub(super) struct UnsentAck {
    transaction: TransactionId,
    sequence: u32,
    tag: Option<Text>,
}

impl Talking {
    pub fn new(id: DialogId, dialog: Dialog, tag: Text, caller: bool) -> Self {
        Talking {
            id,
            tag,
            dialog,
            caller,
            unacked: None,
            unsent_ack: None,
            outgoing: None,
            wanted: None,
            incoming: None,
            hang_up: None,
            session_timer: None,
            local_sdp: None,
            remote_sdp: None,
            allows_update: false,
            identity: Identity::default(),
        }
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

    pub fn lose_connection(&mut self) {
        self.dialog.lose_connection();
    }

    /// The host is gone; what still happens is between us and the peer.
    pub(super) fn is_deserted(&self) -> bool {
        self.hang_up.is_some()
    }

    pub(super) fn event(&self, core: &mut Core, event: Event) {
        if !self.is_deserted() {
            core.event(event);
        }
    }

    // -- the ACK of our 2xx --

    /// The 2xx has been sent; from now on it is repeated.
    pub(super) fn await_ack(&mut self, core: &mut Core, now: Instant, unacked: Unacked) {
        let give_up = core.timing(unacked.flow.transport).give_up();
        core.set_dialog_timer(self.id, DialogTimer::SuccessAgain, now + unacked.interval);
        core.set_dialog_timer(self.id, DialogTimer::NoAck, now + give_up);
        self.unacked = Some(unacked);
    }

    pub fn send_success_again(&mut self, core: &mut Core, now: Instant) {
        let Some(unacked) = &mut self.unacked else { return };
        core.stats.retransmitted += 1;
        core.transmit(unacked.flow, unacked.bytes.clone());
        unacked.interval = core.timing(unacked.flow.transport).back_off(unacked.interval);
        core.set_dialog_timer(self.id, DialogTimer::SuccessAgain, now + unacked.interval);
    }

    pub fn no_ack(mut self: Box<Self>, core: &mut Core, now: Instant) -> Session {
        core.stats.unacknowledged += 1;
        self.unacked = None;
        core.clear_dialog_timer(self.id, DialogTimer::SuccessAgain);
        self.end(core, now, EndedWhy::NoAck)
    }

    /// An ACK in this dialog.
    pub fn acked(mut self: Box<Self>, core: &mut Core, now: Instant, ack: &Request) -> Session {
        let Some(unacked) = self.unacked.take_if(|unacked| unacked.sequence == ack.cseq) else {
            core.stats.absorbed += 1;
            return Session::Talking(self);
        };
        self.acknowledged(core, unacked, refusal::sdp_or_nothing(&ack.headers, &ack.body));
        match self.hang_up.take() {
            Some(reason) => self.leave(core, now, reason),
            None => {
                self.go_on(core, now);
                Session::Talking(self)
            }
        }
    }

    /// Our 2xx has arrived: its ACK says so, or a new INVITE that only follows it.
    pub(super) fn acknowledged(&mut self, core: &mut Core, unacked: Unacked, sdp: Option<Bytes>) {
        core.clear_dialog_timer(self.id, DialogTimer::SuccessAgain);
        core.clear_dialog_timer(self.id, DialogTimer::NoAck);
        if unacked.awaits_answer {
            self.remote_sdp = sdp.clone();
        }
        let dialog = self.id;
        if unacked.initial {
            self.event(core, Event::Acked { dialog, sdp });
        } else if let Some(sdp) = sdp.filter(|_| unacked.awaits_answer) {
            self.event(core, Event::ReofferAnswered { dialog, sdp });
        }
    }

    // -- our ACK of the peer's 2xx --

    /// Sends the ACK, or keeps it until the host has answered the SDP offer.
    pub fn acknowledge(
        &mut self,
        core: &mut Core,
        transaction: TransactionId,
        sequence: u32,
        tag: Option<Text>,
        wants_answer: bool,
    ) {
        if wants_answer {
            self.unsent_ack = Some(UnsentAck { transaction, sequence, tag });
        } else {
            let (ack, flow) = self.dialog.ack(sequence);
            core.acknowledge(transaction, tag, ack, flow);
        }
    }

    /// The ACK that waited, with the host's SDP answer; without one where the host hangs up instead.
    pub fn acknowledge_with(&mut self, core: &mut Core, now: Instant, sdp: Option<Bytes>) {
        let Some(UnsentAck { transaction, sequence, tag }) = self.unsent_ack.take() else { return };
        let (mut ack, flow) = self.dialog.ack(sequence);
        if let Some(sdp) = sdp {
            self.local_sdp = Some(sdp.clone());
            ack = ack.with_body("application/sdp", sdp);
        }
        core.acknowledge(transaction, tag, ack, flow);
        self.go_on(core, now);
    }

    /// Whether a 2xx is the one whose ACK waits for the host.
    pub fn holds_ack_of(&self, transaction: TransactionId, tag: Option<Text>) -> bool {
        self.unsent_ack.as_ref().is_some_and(|ack| ack.transaction == transaction && ack.tag == tag)
    }

    // -- the end --

    /// The host's word.
    pub fn hang_up(mut self: Box<Self>, core: &mut Core, now: Instant, reason: Option<String>) -> Session {
        if self.unacked.is_some() {
            self.hang_up.get_or_insert(reason);
            return Session::Talking(self);
        }
        self.leave(core, now, reason)
    }

    /// The host gave up our INVITE a moment after its answer; it waits to hear that nothing came of it.
    pub fn cancel(self: Box<Self>, core: &mut Core, now: Instant) -> Session {
        if !self.caller {
            return Session::Talking(self);
        }
        self.event(core, rejected(self.id, 487, "cancelled".to_owned(), None));
        self.hang_up(core, now, None)
    }

    /// The session is over by something else; the host hears why.
    pub(super) fn end(mut self: Box<Self>, core: &mut Core, now: Instant, why: EndedWhy) -> Session {
        self.event(core, Event::Ended { dialog: self.id, why });
        let reason = self.hang_up.take().flatten();
        self.leave(core, now, reason)
    }

    pub fn expire(self: Box<Self>, core: &mut Core, now: Instant) -> Session {
        self.end(core, now, EndedWhy::SessionExpired)
    }

    fn leave(mut self: Box<Self>, core: &mut Core, now: Instant, reason: Option<String>) -> Session {
        self.wanted = None;
        self.acknowledge_with(core, now, None);
        let reoffer = self.close(core, now);
        let Talking { id, tag, dialog, identity, .. } = *self;
        Leaving::start(core, now, (id, tag, dialog), reason, reoffer, identity)
    }

    /// Ends what is open beside the dialog: timers, and the peer's re-INVITE.
    fn close(&mut self, core: &mut Core, now: Instant) -> Option<TransactionId> {
        for timer in [
            DialogTimer::SuccessAgain,
            DialogTimer::NoAck,
            DialogTimer::Glare,
            DialogTimer::SessionRefresh,
            DialogTimer::SessionExpires,
        ] {
            core.clear_dialog_timer(self.id, timer);
        }
        if let Some(incoming) = self.incoming.take() {
            core.respond(now, incoming.transaction, 487);
        }
        self.outgoing.take().and_then(|outgoing| outgoing.transaction())
    }

    // -- requests of the peer --

    /// Any request in the dialog but ACK and CANCEL.
    pub fn receive(
        mut self: Box<Self>,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        request: &Request,
        flow: Flow,
    ) -> Option<Session> {
        if !self.dialog.accept_sequence(request.cseq) {
            core.stats.refused += 1;
            core.respond(now, transaction, 500);
            return Some(Session::Talking(self));
        }
        self.dialog.refresh_flow(flow);
        match request.method {
            Method::Bye => {
                core.respond(now, transaction, 200);
                let reason = request.headers.text(Name::Reason).map(|reason| reason.into_owned());
                self.event(core, Event::Ended { dialog: self.id, why: EndedWhy::Bye { reason } });
                if let Some(reoffer) = self.close(core, now) {
                    core.abandon(now, reoffer);
                }
                return None;
            }
            Method::Invite | Method::Update => self.receive_reoffer(core, now, transaction, request),
            Method::Info => {
                if let Some(event) = answer_info(core, now, self.id, transaction, request) {
                    self.event(core, event);
                }
            }
            // OPTIONS; the others were refused before.
            _ => core.respond_with_abilities(now, transaction),
        }
        Some(Session::Talking(self))
    }

    pub(super) fn refuse(&self, core: &mut Core, now: Instant, transaction: TransactionId, answer: Answer) {
        core.stats.refused += 1;
        refuse(core, now, transaction, answer);
    }
}

/// 200, and what the host hears of it: nothing of an INFO without a body, which has no meaning (RFC 6086 §4.2.2).
pub(super) fn answer_info(
    core: &mut Core,
    now: Instant,
    dialog: DialogId,
    transaction: TransactionId,
    request: &Request,
) -> Option<Event> {
    core.respond(now, transaction, 200);
    let kind = request.headers.content_type().filter(|_| !request.body.is_empty())?;
    Some(Event::Info { dialog, kind, body: request.body.clone() })
}
