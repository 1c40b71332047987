//! What a host asks of an endpoint: the arguments of its methods.

use std::fmt;

use bytes::Bytes;

use crate::sip::auth::Credentials;
use crate::sip::{Flow, Method, NameAddr, Uri};

/// A body and what it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// The `Content-Type`, as `application/sdp`.
    pub kind: String,
    /// As it is sent.
    pub body: Bytes,
}

impl Content {
    /// `application/sdp`.
    pub fn sdp(body: Bytes) -> Self {
        Content { kind: "application/sdp".to_owned(), body }
    }
}

/// A final response of the host's choosing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// 200 to 699.
    pub status: u16,
    /// The reason phrase; the RFC's own where `None`.
    pub reason: Option<String>,
    /// Further headers, in order: `WWW-Authenticate`, `Contact`, `Retry-After`, `Reason`…
    pub headers: Vec<(String, String)>,
    /// The body.
    pub content: Option<Content>,
}

impl Answer {
    /// A status and nothing more.
    pub fn new(status: u16) -> Self {
        Answer { status, ..Answer::default() }
    }

    /// With a header added.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A call to somebody: the argument of [`Endpoint::invite`](super::Endpoint::invite).
#[derive(Clone)]
pub struct Invite {
    /// The request-URI: a registered contact, or an address at a trunk. Also `To`, without its parameters.
    pub to: Uri,
    /// Where the request goes and how: the flow that the contact registered over, or a new one.
    pub via: Flow,
    /// `From`, without a tag.
    pub from: NameAddr,
    /// The display name of `To`.
    pub to_display: Option<String>,
    /// The user part of our `Contact`.
    pub contact_user: Option<String>,
    /// Our SDP offer; `None` leaves the offer to the peer's 200.
    pub sdp: Option<Bytes>,
    /// Further headers, in order.
    pub headers: Vec<(String, String)>,
    /// Used once when the peer challenges with 401 or 407.
    pub credentials: Option<Credentials>,
}

/// A request outside a dialog: the argument of [`Endpoint::request`](super::Endpoint::request).
#[derive(Clone)]
pub struct OutOfDialog {
    /// Not INVITE, ACK, BYE or CANCEL.
    pub method: Method,
    /// `To`, without its parameters.
    pub to: Uri,
    /// Where the request goes and how.
    pub via: Flow,
    /// `From`, without a tag.
    pub from: NameAddr,
    /// Further headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub content: Option<Content>,
    /// `to` where it is `None`. A REGISTER has the registrar's here (RFC 3261 §10.2).
    pub request_uri: Option<Uri>,
    /// What the request is the next one of; a Call-ID of its own where it is `None`.
    pub thread: Option<Thread>,
    /// Used when the peer challenges with 401 or 407: the request then goes out once more with the next CSeq.
    pub credentials: Option<Credentials>,
}

impl OutOfDialog {
    /// Without a body, further headers and credentials.
    pub fn new(method: Method, to: Uri, via: Flow, from: NameAddr) -> Self {
        OutOfDialog {
            method,
            to,
            via,
            from,
            headers: Vec::new(),
            content: None,
            request_uri: None,
            thread: None,
            credentials: None,
        }
    }

    /// With a header added.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// Requests that belong together: the refreshes of one registration (RFC 3261 §10.2: one Call-ID, rising CSeq).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thread {
    pub call_id: String,
    /// Of this request. Each challenge that is answered takes one more; [`Thread::STRIDE`] leaves room.
    pub cseq: u32,
}

impl Thread {
    /// From one request to the next: more than the challenges that are answered for one.
    pub const STRIDE: u32 = 8;
}

/// Without the body: it may hold what somebody said or keyed.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} octets)", self.kind, self.body.len())
    }
}

/// Without the headers' values: they may hold numbers or credentials.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Answer { status, reason, headers, content } = self;
        write!(f, "Answer {status} {reason:?} {:?} {content:?}", Names(headers))
    }
}

/// Masked, without the headers' values and the session description.
impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Invite { to, via, from, headers, .. } = self;
        write!(f, "Invite {to} over {via} from {from} {:?}", Names(headers))
    }
}

/// Masked, without the headers' values and the body.
impl fmt::Debug for OutOfDialog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OutOfDialog { method, to, via, from, headers, content, .. } = self;
        write!(f, "{method} {to} over {via} from {from} {:?} {content:?}", Names(headers))
    }
}

/// The names of headers.
pub(super) struct Names<'a>(pub &'a [(String, String)]);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
