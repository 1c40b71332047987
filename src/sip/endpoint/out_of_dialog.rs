//! Requests outside a dialog: OPTIONS, MESSAGE and their like of ours, and the host's answers to the peers'.

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::{Headers, Name, Request, Response};

use super::client_invite::addressee;
use super::clients::ClientUser;
use super::command::{Answer, OutOfDialog};
use super::core::{Core, Failure};
use super::event::{Event, RequestId};
use super::refusal;

/// Sends a request of ours.
pub(super) fn send(core: &mut Core, now: Instant, request: OutOfDialog) -> RequestId {
    let id = core.next_request();
    let OutOfDialog { method, to, via, from, headers: further, content } = request;
    let mut headers = Headers::default();
    headers.push(Name::MaxForwards, "70");
    for (name, value) in further {
        headers.push_named(&name, value);
    }
    let mut request = Request {
        method,
        to: addressee(&to, None),
        uri: to,
        vias: Vec::with_capacity(1),
        from: from.with_tag(&core.new_tag()),
        call_id: core.new_call_id(),
        cseq: 1,
        headers,
        body: Bytes::new(),
    };
    if let Some(content) = content {
        request = request.with_body(&content.kind, content.body);
    }
    core.send_request(now, request, via, ClientUser::Request(id));
    id
}

/// The final response to a request of ours.
pub(super) fn answered(core: &mut Core, id: RequestId, response: &Response) {
    if response.is_provisional() {
        return;
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers =
        response.headers.iter().map(|field| (text(field.name_bytes()), text(field.value()))).collect();
    let reason = response.reason.to_str().into_owned();
    core.event(Event::Reply { id, status: response.status, reason, headers, body: response.body.clone() });
}

/// No final response to a request of ours.
pub(super) fn failed(core: &mut Core, id: RequestId, failure: Failure) {
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
