//! What a request's headers and body are checked for, and how a response is filled from a host's answer.

use bytes::Bytes;

use crate::sip::{Headers, Method, Name, Request, Response, Scheme, Text};

use super::command::{Answer, Content};
use super::config::Config;

/// Extensions that a peer may require of a registrar beside our own (RFC 3327, RFC 5626).
const OF_REGISTRAR: [&str; 2] = ["path", "outbound"];

/// The checks of RFC 3261 §8.2.1 to §8.2.3 that need no state, in the RFC's order.
///
/// # Errors
/// The answer that the RFC wants.
pub(super) fn inspect(config: &Config, request: &Request) -> Result<(), Answer> {
    let in_dialog = request.to.tag().is_some();
    match &request.method {
        Method::Invite | Method::Bye | Method::Options | Method::Update | Method::Info => {}
        Method::Subscribe if !config.packages.is_empty() => {}
        Method::Prack if config.reliable_provisional => {}
        Method::Refer | Method::Notify | Method::Message if in_dialog => {}
        // Of no subscription of ours (RFC 6665 §4.1.3); and whose call is not with us moves nobody.
        Method::Notify => return Err(Answer::new(481)),
        method if config.methods.contains(method) && !in_dialog => {}
        Method::Refer => return Err(Answer::new(403)),
        method if method.is_known() => return Err(Answer::new(405).with("Allow", config.allow())),
        _ => return Err(Answer::new(501).with("Allow", config.allow())),
    }
    if !matches!(request.uri.scheme(), Scheme::Sip | Scheme::Tel) {
        return Err(Answer::new(416));
    }
    // Max-Forwards and Proxy-Require are for proxies (RFC 3261 §16.3): whom a request has reached takes it, also an
    // OPTIONS that was meant to end here (§11). We forward nothing, so that nothing can loop through us and 483 is
    // never ours to say; the same request by two ways is 482 (§8.2.2.2).
    let further = if request.method == Method::Register { &OF_REGISTRAR[..] } else { &[] };
    let known = || config.extensions().chain(further.iter().copied());
    let unsupported: Vec<_> = request
        .headers
        .list(Name::Require)
        .filter(|tag| !known().any(|ours| tag.eq_ignore_ascii_case(ours.as_bytes())))
        .map(|tag| String::from_utf8_lossy(tag).into_owned())
        .collect();
    if !unsupported.is_empty() {
        return Err(Answer::new(420).with("Unsupported", unsupported.join(", ")));
    }
    Ok(())
}

/// RFC 3261 §20.1: our answer to an INVITE has a session description, which the peer has to take.
///
/// # Errors
/// 406.
pub(super) fn accepts_sdp(headers: &Headers) -> Result<(), Answer> {
    let takes = |range: &[u8]| {
        let kind = range.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        [&b"application/sdp"[..], b"application/*", b"*/*"].iter().any(|ours| kind.eq_ignore_ascii_case(ours))
    };
    // An empty Accept says "nothing", which in an INVITE nobody means.
    let mut ranges = headers.list(Name::Accept).peekable();
    if ranges.peek().is_none() || ranges.any(takes) { Ok(()) } else { Err(Answer::new(406)) }
}

/// The session description of a message. `None` where there is no body, or one that may be ignored
/// (`Content-Disposition: …;handling=optional`, RFC 3204 §4).
///
/// # Errors
/// 415 with what we take.
pub(super) fn sdp_of(headers: &Headers, body: &Bytes) -> Result<Option<Bytes>, Answer> {
    if body.is_empty() {
        return Ok(None);
    }
    let encoded =
        headers.list(Name::ContentEncoding).any(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
    if !encoded && headers.content_type().as_deref() == Some("application/sdp") {
        return Ok(Some(body.clone()));
    }
    let handling = headers.params(Name::ContentDisposition).and_then(|p| p.text("handling"));
    if handling.is_some_and(|h| h.as_bytes().eq_ignore_ascii_case(b"optional")) {
        return Ok(None);
    }
    let name = if encoded { "Accept-Encoding" } else { "Accept" };
    let value = if encoded { "identity" } else { "application/sdp" };
    Err(Answer::new(415).with(name, value))
}

/// The session description of a response or an ACK: what we cannot read counts as none.
pub(super) fn sdp_or_nothing(headers: &Headers, body: &Bytes) -> Option<Bytes> {
    sdp_of(headers, body).ok().flatten()
}

/// Everything of the answer but its status.
pub(super) fn fill(response: &mut Response, answer: Answer) {
    if let Some(reason) = answer.reason {
        response.reason = Text::from(reason);
    }
    for (name, value) in answer.headers {
        response.headers.push_named(&name, value);
    }
    if let Some(content) = answer.content {
        put_content(response, content);
    }
}

pub(super) fn put_content(response: &mut Response, content: Content) {
    response.headers.set(Name::ContentType, content.kind);
    response.body = content.body;
}
