//! Texts that phones send (RFC 3428): relayed to all phones of a person, or in a call to the other party.
//!
//! Who answers a text of the house is heard: see [`urgent`](super::urgent).
//!
//! Nothing is kept: the sender hears from the addressee's phone what became of its text, and "delivered" only from
//! there. What somebody wrote stands in no log and no record.
//!
//! A text that a phone's contact would lead back to us comes without credentials, and ends: nothing can loop.

use std::collections::BTreeMap;

use super::Exchange;
use crate::base::{AgentId, CallId, Now};
use crate::sip::{
    Answer, Content, DialogId, Flow, Method, Name, NameAddr, OutOfDialog, Request, RequestId, Uri,
};

/// Of one text. A MESSAGE stays within 1300 octets, since on its way nobody knows about congestion (RFC 3428 §8); the
/// headers of ours, with a proxy's route, take up to 500 of them.
const MOST_OCTETS: usize = 800;

/// Whom a text of the house's own comes from.
const HOUSE: &str = "hotline";

/// Texts on their way.
#[derive(Default)]
pub(super) struct Texts {
    /// By the request that brought them.
    relayed: BTreeMap<RequestId, Relayed>,
    /// What was sent to each phone, and the request that brought it.
    sent: BTreeMap<RequestId, RequestId>,
    /// Questions to who is asked urgently, and about which call.
    questions: BTreeMap<RequestId, CallId>,
}

struct Relayed {
    /// So many phones have not answered.
    waiting: usize,
    /// The best of the refusals so far.
    status: u16,
}

type Refusal = (Answer, &'static str);

impl Exchange {
    /// A MESSAGE outside a dialog.
    pub(super) fn text(&mut self, now: Now, id: RequestId, request: &Request, flow: Flow) {
        if let Err((answer, why)) = self.relay(now, id, request, flow) {
            self.refuse(now, answer.status, why, flow);
            self.sip.respond(now.mono, id, answer);
        }
    }

    fn relay(&mut self, now: Now, id: RequestId, request: &Request, flow: Flow) -> Result<(), Refusal> {
        let sender = self.account_of(now, request, flow)?;
        let content = text_of(request)?;
        let extension = request.uri.dialled().unwrap_or_default();
        if extension == HOUSE {
            return match self.urgent_text(now, id, &sender, &content) {
                true => Ok(()),
                false => Err((Answer::new(403), "answer of somebody whom nobody asks")),
            };
        }
        if self.plan.agent_by_extension(&extension).is_none() {
            return Err((Answer::new(404), "text to nobody we know"));
        }
        let name = self.plan.agent_by_extension(&sender).map(|agent| agent.name.expose().clone());
        let sent = self.send_text(now, &extension, (&sender, name.as_deref()), &content);
        if sent.is_empty() {
            return Err((Answer::new(480), "text to somebody without a phone"));
        }
        self.await_answers(id, sent);
        Ok(())
    }

    /// The house's own words to an agent. Whether anybody reads them nobody knows: a phone that takes no texts refuses.
    pub(super) fn text_to(&mut self, now: Now, agent: AgentId, text: &str) {
        self.house_text(now, agent, text);
    }

    /// The same; of this one it is worth knowing that no phone takes it.
    pub(super) fn question_to(&mut self, now: Now, agent: AgentId, text: &str, call: CallId) {
        let sent = self.house_text(now, agent, text);
        if sent.is_empty() {
            self.untold(call);
        }
        self.texts.questions.extend(sent.into_iter().map(|sent| (sent, call)));
    }

    /// The caller waits for nothing, unless the phone rings besides.
    fn untold(&mut self, call: CallId) {
        self.count("urgent slips: no phone takes the text");
        self.work.push_back((call, crate::call::Event::UrgentUntold));
    }

    fn house_text(&mut self, now: Now, agent: AgentId, text: &str) -> Vec<RequestId> {
        let extension = self.numbering.extension(agent).to_owned();
        let body = bytes::Bytes::copy_from_slice(text.as_bytes());
        let content = Content { kind: "text/plain;charset=UTF-8".to_owned(), body };
        let sent = self.send_text(now, &extension, (HOUSE, None), &content);
        if !sent.is_empty() {
            self.count("texts to agents");
        }
        sent
    }

    fn question_answered(&mut self, call: CallId, status: u16) {
        if (200..300).contains(&status) {
            self.texts.questions.retain(|_, about| *about != call);
        } else if !self.texts.questions.values().any(|about| *about == call) {
            tracing::warn!(%call, status, "no phone of who is asked urgently takes texts");
            self.untold(call);
        }
    }

    /// To every phone of the person; `from`: user and name.
    fn send_text(
        &mut self,
        now: Now,
        extension: &str,
        (sender, name): (&str, Option<&str>),
        content: &Content,
    ) -> Vec<RequestId> {
        let phones = self.phones_of(extension);
        phones
            .into_iter()
            .filter_map(|phone| phone.ways.into_iter().next())
            .map(|target| {
                let host = self.config.address_for(target.via.local.ip());
                let host = std::net::SocketAddr::new(host, target.via.local.port());
                let from = NameAddr::new(Uri::sip(Some(sender), host));
                let from = name.map_or(from.clone(), |name| from.with_display(name));
                let message = OutOfDialog {
                    content: Some(content.clone()),
                    ..OutOfDialog::new(Method::Message, target.uri, target.via, from)
                };
                let routed =
                    target.route.into_iter().fold(message, |message, hop| message.with("Route", hop));
                self.sip.request(now.mono, routed)
            })
            .collect()
    }

    /// A MESSAGE in a call: for whom its sender talks with.
    pub(super) fn text_in_call(&mut self, now: Now, id: RequestId, dialog: DialogId, request: &Request) {
        match self.relay_in_call(now, dialog, request) {
            Ok(sent) => self.await_answers(id, vec![sent]),
            Err((answer, why)) => {
                self.count_refusal(why);
                self.sip.respond(now.mono, id, answer);
            }
        }
    }

    fn relay_in_call(&mut self, now: Now, dialog: DialogId, request: &Request) -> Result<RequestId, Refusal> {
        let content = text_of(request)?;
        let leg = self.dialogs.get(&dialog);
        let other = leg.and_then(|leg| self.calls.get(&leg.call)?.other_party(*leg));
        let dialog = other.and_then(|other| self.legs.get(&other).copied());
        let dialog = dialog.ok_or((Answer::new(480), "text in a call with nobody to read it"))?;
        let sent = self.sip.message(now.mono, dialog, content);
        sent.ok_or((Answer::new(488), "text to a party that takes none"))
    }

    fn await_answers(&mut self, id: RequestId, sent: Vec<RequestId>) {
        self.count("texts relayed");
        self.texts.relayed.insert(id, Relayed { waiting: sent.len(), status: 480 });
        self.texts.sent.extend(sent.into_iter().map(|sent| (sent, id)));
    }

    /// The answer of a phone to a text; `false` where it answers something else. The first phone that takes the text
    /// has it delivered (RFC 3428 §7: a sender sees one 2xx); it is refused when all have refused it.
    pub(super) fn text_answered(&mut self, now: Now, sent: RequestId, status: u16) -> bool {
        if let Some(call) = self.texts.questions.remove(&sent) {
            self.question_answered(call, status);
            return true;
        }
        let Some(id) = self.texts.sent.remove(&sent) else { return false };
        let Some(relayed) = self.texts.relayed.get_mut(&id) else { return true };
        relayed.waiting = relayed.waiting.saturating_sub(1);
        let status = said_to_sender(status);
        if relayed.status == 480 {
            relayed.status = status;
        }
        let delivered = (200..300).contains(&status);
        let status = if delivered { status } else { relayed.status };
        if delivered || relayed.waiting == 0 {
            self.texts.relayed.remove(&id);
            self.count(if delivered { "texts delivered" } else { "texts not delivered" });
            self.sip.respond(now.mono, id, Answer::new(status));
        }
        true
    }
}

/// What a phone's answer means to somebody who does not know the phone: that it speaks no MESSAGE, or wants to know who
/// we are, are no news of the sender's request.
fn said_to_sender(status: u16) -> u16 {
    match status {
        // 202 of a phone that keeps it for later (RFC 3428 §7).
        200 | 202 | 408 | 413 | 486 | 488 | 600 | 603 => status,
        201..300 => 200,
        405 | 406 | 415 | 501 | 606 => 488,
        _ => 480,
    }
}

/// # Errors
/// 413 and 415 for what no phone of ours need understand.
fn text_of(request: &Request) -> Result<Content, Refusal> {
    let headers = &request.headers;
    let kind = headers.content_type().unwrap_or_else(|| "text/plain".to_owned());
    let encoded =
        headers.list(Name::ContentEncoding).any(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err((Answer::new(415).with("Accept-Encoding", "identity"), "text of another encoding"));
    }
    if kind != "text/plain" {
        return Err((Answer::new(415).with("Accept", "text/plain"), "text of another type"));
    }
    if request.body.len() > MOST_OCTETS {
        return Err((Answer::new(413), "text too long"));
    }
    // With its character set.
    let kind = headers.text(Name::ContentType).map_or(kind, |value| value.into_owned());
    Ok(Content { kind, body: request.body.clone() })
}
