//! Requests and responses: parsed and built by the same types.
//!
//! What every message must have is a field; everything else is in [`Headers`]. Content-Length is never
//! stored: the body's length is the truth. A parsed message is slices of one buffer, so that reading an
//! INVITE costs a handful of allocations, and cloning one little more.

use std::fmt;

use bytes::Bytes;

use super::header::{Headers, Name};
use super::method::Method;
use super::name_addr::NameAddr;
use super::status;
use super::uri::Uri;
use super::via::Via;
use super::wire::{Framing, Limits, ParseError, Text, parse};

/// RFC 3261 §20.16.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CSeq {
    pub number: u32,
    pub method: Method,
}

/// One SIP message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    Request(Request),
    Response(Response),
}

impl Message {
    /// Exactly one message: a datagram, or what [`StreamFramer`](super::wire::StreamFramer) cut out of a
    /// stream. What follows the body that Content-Length announces is ignored (RFC 3261 §18.3).
    ///
    /// # Errors
    /// With a typed reason, and the means to answer where the request has enough for that.
    pub fn parse(bytes: Bytes, framing: Framing, limits: &Limits) -> Result<Message, ParseError> {
        parse::message(bytes, framing, limits)
    }

    pub fn encode(&self) -> Bytes {
        match self {
            Message::Request(request) => request.encode(),
            Message::Response(response) => response.encode(),
        }
    }
}

/// A request (RFC 3261 §7.1).
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub uri: Uri,
    /// Top first; a parsed request has at least one.
    pub vias: Vec<Via>,
    pub from: NameAddr,
    pub to: NameAddr,
    pub call_id: Text,
    /// The number only: its method is the request's.
    pub cseq: u32,
    pub headers: Headers,
    pub body: Bytes,
}

impl Request {
    /// With `Max-Forwards: 70` and nothing more than the grammar demands.
    pub fn new(
        method: Method,
        uri: Uri,
        via: Via,
        from: NameAddr,
        to: NameAddr,
        call_id: Text,
        cseq: u32,
    ) -> Self {
        let mut headers = Headers::with_capacity(8);
        headers.push(Name::MaxForwards, "70");
        Request { method, uri, vias: vec![via], from, to, call_id, cseq, headers, body: Bytes::new() }
    }

    /// With a body and its Content-Type.
    pub fn with_body(mut self, kind: &str, body: Bytes) -> Self {
        self.headers.set(Name::ContentType, kind);
        self.body = body;
        self
    }

    pub fn via(&self) -> Option<&Via> {
        self.vias.first()
    }

    /// Hops left. `None` where the request has none (RFC 2543 peers).
    pub fn max_forwards(&self) -> Option<u32> {
        self.headers.number(Name::MaxForwards)
    }

    /// A response with Via, From, To, Call-ID and CSeq copied (RFC 3261 §8.2.6.2), Timestamp too (§8.2.6.1).
    /// The To tag is the caller's to set; Record-Route is copied by who makes a dialog of it (§12.1.1).
    pub fn response(&self, status: u16) -> Response {
        let mut headers = Headers::with_capacity(8);
        headers.copy_from(&self.headers, Name::Timestamp);
        Response {
            status,
            reason: Text::from_static(status::reason(status)),
            vias: self.vias.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            call_id: self.call_id.clone(),
            cseq: CSeq { number: self.cseq, method: self.method.clone() },
            headers,
            body: Bytes::new(),
        }
    }

    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(640 + self.body.len());
        out.extend_from_slice(self.method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.uri.as_bytes());
        out.extend_from_slice(b" SIP/2.0\r\n");
        encode_vias(&self.vias, &mut out);
        let head = Essentials {
            from: &self.from,
            to: &self.to,
            call_id: &self.call_id,
            number: self.cseq,
            method: &self.method,
        };
        encode_rest(&head, &self.headers, &self.body, out)
    }
}

/// A response (RFC 3261 §7.2).
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    pub reason: Text,
    /// Top first; a parsed response has at least one.
    pub vias: Vec<Via>,
    pub from: NameAddr,
    pub to: NameAddr,
    pub call_id: Text,
    pub cseq: CSeq,
    pub headers: Headers,
    pub body: Bytes,
}

impl Response {
    /// With a body and its Content-Type.
    pub fn with_body(mut self, kind: &str, body: Bytes) -> Self {
        self.headers.set(Name::ContentType, kind);
        self.body = body;
        self
    }

    pub fn via(&self) -> Option<&Via> {
        self.vias.first()
    }

    pub fn is_provisional(&self) -> bool {
        self.status < 200
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(640 + self.body.len());
        out.extend_from_slice(format!("SIP/2.0 {} ", self.status).as_bytes());
        out.extend_from_slice(self.reason.as_bytes());
        out.extend_from_slice(b"\r\n");
        encode_vias(&self.vias, &mut out);
        let CSeq { number, method } = &self.cseq;
        let head =
            Essentials { from: &self.from, to: &self.to, call_id: &self.call_id, number: *number, method };
        encode_rest(&head, &self.headers, &self.body, out)
    }
}

struct Essentials<'a> {
    from: &'a NameAddr,
    to: &'a NameAddr,
    call_id: &'a Text,
    number: u32,
    method: &'a Method,
}

fn encode_vias(vias: &[Via], out: &mut Vec<u8>) {
    for via in vias {
        out.extend_from_slice(b"Via: ");
        via.encode(out);
        out.extend_from_slice(b"\r\n");
    }
}

fn encode_rest(head: &Essentials<'_>, headers: &Headers, body: &Bytes, mut out: Vec<u8>) -> Bytes {
    out.extend_from_slice(b"From: ");
    head.from.encode(&mut out);
    out.extend_from_slice(b"\r\nTo: ");
    head.to.encode(&mut out);
    out.extend_from_slice(b"\r\nCall-ID: ");
    out.extend_from_slice(head.call_id.as_bytes());
    out.extend_from_slice(format!("\r\nCSeq: {} ", head.number).as_bytes());
    out.extend_from_slice(head.method.as_bytes());
    out.extend_from_slice(b"\r\n");
    headers.encode(&mut out);
    out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    out.extend_from_slice(body);
    // Its transaction keeps it for half a minute.
    out.shrink_to_fit();
    Bytes::from(out)
}

/// What identifies the message, masked; never its headers' values or its body.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} CSeq {}", self.method, self.uri, self.call_id, self.cseq)?;
        write!(f, " ({} headers, {} octets of body)", self.headers.len(), self.body.len())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} CSeq {} {}", self.status, self.call_id, self.cseq.number, self.cseq.method)?;
        write!(f, " ({} headers, {} octets of body)", self.headers.len(), self.body.len())
    }
}
