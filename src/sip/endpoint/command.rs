//! What a host asks of an endpoint: the arguments of its methods.

use bytes::Bytes;

use crate::sip::auth::Credentials;
use crate::sip::{Flow, Method, NameAddr, Uri};

/// A body and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The `Content-Type`, as `application/sdp`.
    pub kind: String,
    pub body: Bytes,
}

impl Content {
    pub fn sdp(body: Bytes) -> Self {
        Content { kind: "application/sdp".to_owned(), body }
    }
}

/// A final response of the host's choosing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// 200 to 699.
    pub status: u16,
    /// The reason phrase; the RFC's own where `None`.
    pub reason: Option<String>,
    /// Further headers, in order: `WWW-Authenticate`, `Contact`, `Retry-After`, `Reason`…
    pub headers: Vec<(String, String)>,
    pub content: Option<Content>,
}

impl Answer {
    pub fn new(status: u16) -> Self {
        Answer { status, ..Answer::default() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A call to somebody: the argument of [`Endpoint::invite`](super::Endpoint::invite).
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub struct OutOfDialog {
    pub method: Method,
    /// The request-URI, and `To` without its parameters.
    pub to: Uri,
    pub via: Flow,
    /// `From`, without a tag.
    pub from: NameAddr,
    pub headers: Vec<(String, String)>,
    pub content: Option<Content>,
}
