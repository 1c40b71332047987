//! Requests outside a dialog: OPTIONS, MESSAGE, REGISTER and their like of ours, and the host's answers to the peers'.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::{Flow, Headers, Name, Request, Response, Text};

use super::client_invite::addressee;
use super::clients::ClientUser;
use super::command::{Answer, OutOfDialog, Thread};
use super::core::{Core, Failure};
use super::event::{Event, RequestId};
use super::identity::Identity;
use super::refusal;

/// Requests of ours that may have to be sent once more, with the answer to a challenge. Those without
/// credentials are not kept.
#[derive(Default)]
pub(super) struct Challengeable(BTreeMap<RequestId, Asked>);

struct Asked {
    /// Without Via and without credentials.
    request: Request,
    via: Flow,
    identity: Identity,
}

/// Sends a request of ours.
pub(super) fn send(core: &mut Core, now: Instant, request: OutOfDialog) -> RequestId {
    let id = core.next_request();
    let OutOfDialog { method, to, via, from, headers: further, content, request_uri, thread, credentials } =
        request;
    let mut headers = Headers::default();
    headers.push(Name::MaxForwards, "70");
    for (name, value) in further {
        headers.push_named(&name, value);
    }
    let (call_id, cseq) = match thread {
        Some(Thread { call_id, cseq }) => (Text::from(call_id), cseq),
        None => (core.new_call_id(), 1),
    };
    let mut request = Request {
        method,
        to: addressee(&to, None),
        uri: request_uri.unwrap_or(to),
        vias: Vec::with_capacity(1),
        from: from.with_tag(&core.new_tag()),
        call_id,
        cseq,
        headers,
        body: Bytes::new(),
    };
    if let Some(content) = content {
        request = request.with_body(&content.kind, content.body);
    }
    if let Some(credentials) = credentials {
        let identity = Identity::new(Some(credentials));
        core.challengeable.0.insert(id, Asked { request: request.clone(), via, identity });
    }
    core.send_request(now, request, via, ClientUser::Request(id));
    id
}

/// A response to a request of ours. A challenge that can be answered is (RFC 3261 §22.2: the same Call-ID, the
/// next CSeq), whatever else is final is the host's.
pub(super) fn answered(core: &mut Core, now: Instant, id: RequestId, response: &Response) {
    if response.is_provisional() || try_again(core, now, id, response) {
        return;
    }
    core.challengeable.0.remove(&id);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers =
        response.headers.iter().map(|field| (text(field.name_bytes()), text(field.value()))).collect();
    let reason = response.reason.to_str().into_owned();
    core.event(Event::Reply { id, status: response.status, reason, headers, body: response.body.clone() });
}

/// `false`: the response is final.
fn try_again(core: &mut Core, now: Instant, id: RequestId, response: &Response) -> bool {
    let Some(mut asked) = core.challengeable.0.remove(&id) else { return false };
    if !asked.identity.challenged(response) {
        return false;
    }
    asked.request.cseq = asked.request.cseq.saturating_add(1);
    let mut signed = asked.request.clone();
    asked.identity.sign(&mut signed, &mut core.rng);
    core.send_request(now, signed, asked.via, ClientUser::Request(id));
    core.challengeable.0.insert(id, asked);
    true
}

/// No final response to a request of ours.
pub(super) fn failed(core: &mut Core, id: RequestId, failure: Failure) {
    core.challengeable.0.remove(&id);
    let (headers, body) = (Vec::new(), Bytes::new());
    let reason = failure.reason().to_owned();
    core.event(Event::Reply { id, status: failure.status(), reason, headers, body });
}

/// The host's final response to a peer's request.
pub(super) fn respond(core: &mut Core, now: Instant, id: RequestId, answer: Answer) {
    let Some(transaction) = core.take_request(id) else { return };
    let status = answer.status.clamp(200, 699);
    core.respond_with(now, transaction, status, |response, config| {
        refusal::fill(response, answer);
        if status == 405 && !response.headers.has(Name::Allow) {
            response.headers.push(Name::Allow, config.allow());
        }
    });
}

impl Challengeable {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
