//! An established dialog: ACKs of 2xx both ways, BYE, the end. Re-negotiation is in `reoffer.rs`.

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::{Flow, Method, Name, Request, Text};

use super::client_invite::rejected;
use super::command::Answer;
use super::core::Core;
use super::deadlines::{DialogTimer, TransactionId};
use super::event::{EndedWhy, Event};
use super::leaving::Leaving;
use super::refusal;
use super::reliable::Acknowledgeable;
use super::session::Session;
use super::usage::{First, Unacked, UnsentAck, Usage};

impl Usage {
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
            self.first = First::Agreed;
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
            self.first = First::Agreed;
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
        let said = self.hang_up.take();
        let deserted = said.is_some();
        let reason = said.unwrap_or_else(|| why.reason());
        if !deserted {
            core.event(Event::Ended { dialog: self.id, why });
        }
        self.leave(core, now, reason)
    }

    pub fn expire(self: Box<Self>, core: &mut Core, now: Instant) -> Session {
        self.end(core, now, EndedWhy::SessionExpired)
    }

    fn leave(mut self: Box<Self>, core: &mut Core, now: Instant, reason: Option<String>) -> Session {
        self.wanted = None;
        self.report_last(core, now);
        self.acknowledge_with(core, now, None);
        let reoffer = self.close(core, now);
        let Usage { id, tag, dialog, identity, .. } = *self;
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
        if !self.accepts_sequence(core, now, transaction, request) {
            return Some(Session::Talking(self));
        }
        self.dialog.refresh_flow(flow);
        match request.method {
            Method::Bye => {
                core.respond(now, transaction, 200);
                let reason = request.headers.text(Name::Reason).map(|reason| reason.into_owned());
                self.event(core, Event::Ended { dialog: self.id, why: EndedWhy::Bye { reason } });
                self.drop_refers(core, now);
                if let Some(reoffer) = self.close(core, now) {
                    core.abandon(now, reoffer);
                }
                return None;
            }
            Method::Invite => self.receive_reoffer(core, now, transaction, request),
            Method::Prack => self.receive_late_prack(core, now, transaction, request),
            Method::Refer => self.receive_refer(core, now, transaction, request),
            Method::Notify => self.receive_notify(core, now, transaction, request),
            _ => self.receive_within(core, now, transaction, request),
        }
        Some(Session::Talking(self))
    }

    /// The PRACK of a provisional response that our final one overtook: "it MUST be prepared to process PRACK
    /// requests for those outstanding responses" (RFC 3262 §3).
    fn receive_late_prack(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        prack: &Request,
    ) {
        let Some(name) = Acknowledgeable::of(prack) else {
            return self.refuse(core, now, transaction, Answer::new(400));
        };
        if self.overtaken.take_if(|overtaken| *overtaken == name).is_some() {
            core.respond(now, transaction, 200);
        } else {
            self.refuse(core, now, transaction, Answer::new(481));
        }
    }
}
