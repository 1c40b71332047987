//! One message in: read, matched with a transaction, checked, and handed to whom it concerns.

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::{Flow, Framing, Malformed, Message, Method, ParseError, Request, Response};

use super::Endpoint;
use super::client_invite::decline_fork;
use super::clients::ClientUser;
use super::core::Core;
use super::deadlines::TransactionId;
use super::event::{DialogId, Event};
use super::out_of_dialog;
use super::refusal;
use super::server_invite::{Ringing, refuse};
use super::servers::{Arrival, ServerUser};
use super::session::Session;

impl Endpoint {
    pub(super) fn receive(&mut self, now: Instant, flow: Flow, bytes: &[u8]) {
        self.core.stats.received += 1;
        if bytes.len() > self.core.config.limits.message {
            self.core.stats.too_large += 1;
            return;
        }
        let framing = if flow.transport.is_framed() { Framing::Datagram } else { Framing::Stream };
        match Message::parse(Bytes::copy_from_slice(bytes), framing, &self.core.config.limits) {
            Ok(Message::Request(request)) => self.receive_request(now, flow, request),
            Ok(Message::Response(response)) => self.receive_response(now, flow, &response),
            Err(error) => refuse_malformed(&mut self.core, flow, error),
        }
    }

    fn receive_response(&mut self, now: Instant, flow: Flow, response: &Response) {
        let core = &mut self.core;
        let Some((transaction, user)) = core.receive_response(now, flow, response) else { return };
        match user {
            ClientUser::Invite(id) => self.step(id, |session, core| match session {
                Some(Session::Calling(calling)) => calling.receive(core, now, transaction, response),
                Some(Session::Talking(talking)) if talking.holds_ack_of(transaction, response.to.tag()) => {
                    Some(Session::Talking(talking))
                }
                other => {
                    if response.is_success() {
                        decline_fork(core, now, transaction, response);
                    }
                    other
                }
            }),
            ClientUser::Reoffer(id) => self.step(id, |session, core| match session {
                Some(Session::Talking(mut talking)) => {
                    Some(match talking.reoffer_response(core, now, transaction, response) {
                        Some(why) => talking.end(core, now, why),
                        None => Session::Talking(talking),
                    })
                }
                Some(Session::Ringing(mut ringing)) => {
                    ringing.usage().reoffer_response(core, now, transaction, response);
                    Some(Session::Ringing(ringing))
                }
                Some(Session::Calling(mut calling)) => {
                    calling.update_answered(core, now, transaction, response);
                    Some(Session::Calling(calling))
                }
                other => {
                    // We hung up meanwhile: the 2xx still wants its ACK.
                    if response.is_success() && response.cseq.method == Method::Invite {
                        core.acknowledge_late(transaction, response);
                    }
                    other
                }
            }),
            ClientUser::Prack(id) => {
                if let Some(Session::Calling(calling)) = self.sessions.get_mut(&id) {
                    calling.prack_answered(&mut self.core, now, transaction, response);
                }
            }
            ClientUser::Refer(id) => {
                if let Some(Session::Talking(talking)) = self.sessions.get_mut(&id) {
                    talking.refer_response(&mut self.core, now, transaction, response);
                }
            }
            ClientUser::Bye(id) => self.step(id, |session, core| match session {
                Some(Session::Leaving(leaving)) => leaving.answered(core, now, transaction, response),
                other => other,
            }),
            ClientUser::Request(id) => out_of_dialog::answered(core, now, id, response),
            ClientUser::Subscription(id) => {
                self.subscriptions.answered(core, now, id, transaction, response);
            }
            ClientUser::Nobody => {}
        }
    }

    fn receive_request(&mut self, now: Instant, flow: Flow, mut request: Request) {
        if let Some(via) = request.vias.first_mut() {
            via.mark_received(flow.remote);
        }
        match self.core.receive_request(now, flow, &request) {
            Arrival::Absorbed => {}
            Arrival::Passed => self.receive_ack(now, &request),
            Arrival::New(transaction) if request.method == Method::Cancel => {
                self.receive_cancel(now, transaction, &request);
            }
            Arrival::New(transaction) => self.receive_new(now, flow, transaction, request),
        }
    }

    fn receive_ack(&mut self, now: Instant, ack: &Request) {
        let Some(id) = self.find_dialog(ack) else {
            self.core.stats.unmatched_acks += 1;
            return;
        };
        self.step(id, |session, core| match session {
            Some(Session::Talking(talking)) => Some(talking.acked(core, now, ack)),
            other => other,
        });
    }

    /// RFC 3261 §9.2. After the final response a CANCEL is answered and changes nothing.
    fn receive_cancel(&mut self, now: Instant, transaction: TransactionId, cancel: &Request) {
        let Some((invite, user, open)) = self.core.cancelled_by(cancel) else {
            self.core.stats.unknown_dialogs += 1;
            self.core.respond(now, transaction, 481);
            return;
        };
        self.core.respond(now, transaction, 200);
        if !open {
            return;
        }
        match user {
            ServerUser::Invite(id) => self.step(id, |session, core| match session {
                Some(Session::Ringing(ringing)) => {
                    ringing.cancelled(core, now);
                    None
                }
                other => other,
            }),
            ServerUser::Reoffer(id) => self.step(id, |session, core| {
                if let Some(Session::Talking(mut talking)) = session {
                    talking.reoffer_cancelled(core, now, invite);
                    Some(Session::Talking(talking))
                } else {
                    session
                }
            }),
            ServerUser::Refer(_) | ServerUser::Request(_) | ServerUser::Nobody => {}
        }
    }

    fn receive_new(&mut self, now: Instant, flow: Flow, transaction: TransactionId, request: Request) {
        let core = &mut self.core;
        if let Err(answer) = refusal::inspect(&core.config, &request) {
            core.stats.refused.add(answer.status);
            refuse(core, now, transaction, answer);
        } else if request.to.tag().is_some() {
            self.receive_in_dialog(now, flow, transaction, &request);
        } else if core.is_merged(transaction, &request) {
            core.stats.merged += 1;
            core.respond(now, transaction, 482);
        } else {
            self.receive_out_of_dialog(now, flow, transaction, request);
        }
    }

    fn receive_in_dialog(&mut self, now: Instant, flow: Flow, transaction: TransactionId, request: &Request) {
        if self.receive_in_subscription(now, flow, transaction, request) {
            return;
        }
        let Some(id) = self.find_dialog(request) else {
            return self.unknown_dialog(now, transaction);
        };
        self.core.is_strangers_no_more(transaction);
        self.step(id, |session, core| match session {
            Some(Session::Talking(talking)) => talking.receive(core, now, transaction, request, flow),
            Some(Session::Ringing(ringing)) => ringing.receive(core, now, transaction, request),
            Some(Session::Calling(mut calling)) => {
                calling.receive_request(core, now, transaction, request);
                Some(Session::Calling(calling))
            }
            // Our BYE and the peer's have crossed.
            Some(Session::Leaving(leaving)) if request.method == Method::Bye => {
                core.respond(now, transaction, 200);
                Some(Session::Leaving(leaving))
            }
            other => {
                core.stats.unknown_dialogs += 1;
                core.respond(now, transaction, 481);
                other
            }
        });
    }

    fn unknown_dialog(&mut self, now: Instant, transaction: TransactionId) {
        self.core.stats.unknown_dialogs += 1;
        self.core.respond(now, transaction, 481);
    }

    fn receive_out_of_dialog(
        &mut self,
        now: Instant,
        flow: Flow,
        transaction: TransactionId,
        request: Request,
    ) {
        let replaces = match self.replaced_by(&request) {
            Ok(replaces) => replaces,
            Err(answer) => {
                self.core.stats.refused.add(answer.status);
                return refuse(&mut self.core, now, transaction, answer);
            }
        };
        let core = &mut self.core;
        match request.method {
            Method::Invite => {
                let request = Box::new(request);
                if let Some(session) = Ringing::start(core, now, transaction, request, flow, replaces) {
                    self.sessions.insert(session.id(), session);
                }
            }
            Method::Subscribe => self.receive_subscribe(now, flow, transaction, request),
            Method::Bye | Method::Update | Method::Info | Method::Prack => {
                self.unknown_dialog(now, transaction)
            }
            _ if core.config.methods.contains(&request.method) => {
                let id = core.next_request();
                core.set_server_user(transaction, ServerUser::Request(id), None);
                core.event(Event::Request { id, request: Box::new(request), flow });
            }
            // OPTIONS where the host does not want to see it: a ping (RFC 3261 §11.2).
            _ => core.respond_with_abilities(now, transaction),
        }
    }

    /// The dialog of a peer's request: by our tag, then by the rest of its name.
    pub(super) fn find_dialog(&self, request: &Request) -> Option<DialogId> {
        let id = self.core.dialog_named(&request.to.tag()?)?;
        self.sessions.get(&id).is_some_and(|session| session.owns(request)).then_some(id)
    }
}

fn refuse_malformed(core: &mut Core, flow: Flow, error: ParseError) {
    if error.why == Malformed::Empty {
        core.stats.keep_alives += 1;
        return;
    }
    let Some(mut refusal) = error.refusal else {
        core.stats.malformed_dropped.add(error.why);
        return;
    };
    core.stats.malformed_answered.add(error.why);
    let mut to = flow;
    if let Some(via) = refusal.vias.first_mut() {
        via.mark_received(flow.remote);
        if !flow.transport.is_reliable() {
            to.remote = via.reply_address().unwrap_or(flow.remote);
        }
    }
    // Without a transaction: a repeated request gets another tag, which harms nobody.
    let tag = core.new_tag();
    core.transmit(to, refusal.encode(&tag));
}
