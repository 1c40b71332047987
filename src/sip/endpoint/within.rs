//! What a peer may say in a dialog, early or confirmed, beside BYE and re-negotiation: INFO, MESSAGE, OPTIONS.

use crate::base::Instant;
use crate::sip::{Method, Request};

use super::clients::ClientUser;
use super::command::{Answer, Content};
use super::core::Core;
use super::deadlines::TransactionId;
use super::event::{Event, RequestId};
use super::server_invite::refuse;
use super::servers::ServerUser;
use super::usage::Usage;

impl Usage {
    /// Takes the request's number (RFC 3261 §12.2.2). `false`: it is out of order, and answered with 500.
    pub(super) fn accepts_sequence(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        request: &Request,
    ) -> bool {
        let accepted = self.dialog.accept_sequence(request.cseq);
        if !accepted {
            core.stats.refused.add(500);
            core.respond(now, transaction, 500);
        }
        accepted
    }

    /// A request that is at home in every dialog.
    pub(super) fn receive_within(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        request: &Request,
    ) {
        match request.method {
            Method::Update => self.receive_reoffer(core, now, transaction, request),
            Method::Info => self.receive_info(core, now, transaction, request),
            Method::Message => self.receive_message(core, now, transaction, request),
            Method::Options => {
                core.respond_with_abilities(now, transaction);
            }
            // There is nobody yet to be transferred.
            Method::Refer => self.refuse(core, now, transaction, Answer::new(480)),
            // NOTIFY needs a subscription, PRACK a provisional response of ours; the others were refused before.
            _ => self.refuse(core, now, transaction, Answer::new(481)),
        }
    }

    /// 200, and what the host hears of it: nothing of an INFO without a body, which has no meaning. One with a body
    /// that the host does not read gets a 415. One of a package (RFC 6086 §4.2.1) is not for us: we have announced
    /// none.
    fn receive_info(&mut self, core: &mut Core, now: Instant, transaction: TransactionId, info: &Request) {
        if info.headers.named("Info-Package").is_some() {
            let answer = Answer::new(469).with("Recv-Info", "");
            return self.refuse(core, now, transaction, answer);
        }
        let kind = info.headers.content_type().filter(|_| !info.body.is_empty());
        let kinds = &core.config.info_kinds;
        let known = |kind: &String| {
            let kind = kind.split(';').next().unwrap_or("").trim();
            kinds.is_empty() || kinds.iter().any(|known| known.eq_ignore_ascii_case(kind))
        };
        if !kind.as_ref().is_none_or(known) {
            // RFC 3261 §21.4.13.
            let answer = Answer::new(415).with("Accept", kinds.join(", "));
            return self.refuse(core, now, transaction, answer);
        }
        core.respond(now, transaction, 200);
        if let Some(kind) = kind {
            self.event(core, Event::Info { dialog: self.id, kind, body: info.body.clone() });
        }
    }

    /// Whom the text is for the host knows, and whether they got it: it answers.
    fn receive_message(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        message: &Request,
    ) {
        if self.is_deserted() {
            return self.refuse(core, now, transaction, Answer::new(480));
        }
        let id = core.next_request();
        core.set_server_user(transaction, ServerUser::Request(id), None);
        core.event(Event::Message { id, dialog: self.id, request: Box::new(message.clone()) });
    }

    /// Sends a text of the host's. A refusal of it, whatever it says, is no word on the session. `None` where the
    /// peer has not said that it takes texts.
    pub fn send_message(&mut self, core: &mut Core, now: Instant, content: Content) -> Option<RequestId> {
        if !self.allows_message || self.is_deserted() {
            return None;
        }
        let id = core.next_request();
        let (message, flow) = self.dialog.request(Method::Message);
        let mut message = message.with_body(&content.kind, content.body);
        self.identity.sign(&mut message, &mut core.rng);
        core.send_request(now, message, flow, ClientUser::Request(id));
        Some(id)
    }

    /// Refuses a request of the peer's.
    pub(super) fn refuse(&self, core: &mut Core, now: Instant, transaction: TransactionId, answer: Answer) {
        core.stats.refused.add(answer.status);
        refuse(core, now, transaction, answer);
    }
}
