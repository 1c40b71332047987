//! One message's bytes to a [`Message`], or to the reason why not and the means to say so.

use std::fmt;

use bytes::Bytes;

use super::super::header::{BadHeader, Headers, Name};
use super::super::message::{CSeq, Message, Request, Response};
use super::super::method::Method;
use super::super::name_addr::NameAddr;
use super::super::status;
use super::super::uri::Uri;
use super::super::via::Via;
use super::error::{Limits, Malformed};
use super::excerpt::Excerpt;
use super::lexer::{self, Invalid};
use super::lines::Lines;
use super::text::{Text, one_line};

/// What the bytes came in, which decides what Content-Length means (RFC 3261 §18.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// The packet's end is the message's end.
    Datagram,
    /// Content-Length alone says where the message ends.
    Stream,
}

/// A refused message.
#[derive(Clone, PartialEq, Eq)]
pub struct ParseError {
    pub why: Malformed,
    /// The request had a way back: it is answered. `None`: drop and count. Never for a response or an ACK.
    pub refusal: Option<Box<Refusal>>,
}

/// Shows the reason only.
impl fmt::Debug for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParseError({}{})", self.why, if self.refusal.is_some() { ", answerable" } else { "" })
    }
}

/// What is needed to answer a request that could not be read: the values as they came, malformed or not,
/// because only the sender has to recognise them.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// Top first; at least one. Those behind the first malformed one are left out.
    pub vias: Vec<Via>,
    from: Option<Bytes>,
    to: Option<Bytes>,
    call_id: Option<Bytes>,
    cseq: Option<Bytes>,
    why: Malformed,
}

impl Refusal {
    /// The response. `to_tag` is added where To has none (RFC 3261 §8.2.6.2).
    pub fn encode(&self, to_tag: &Text) -> Bytes {
        let mut out = Vec::with_capacity(512);
        // 400's phrase should say what is wrong (RFC 3261 §21.4.1), other codes have their own.
        let reason =
            if self.status == 400 { self.why.to_string() } else { status::reason(self.status).to_owned() };
        out.extend_from_slice(format!("SIP/2.0 {} {reason}\r\n", self.status).as_bytes());
        for via in &self.vias {
            out.extend_from_slice(b"Via: ");
            via.encode(&mut out);
            out.extend_from_slice(b"\r\n");
        }
        for (name, value) in
            [("From", &self.from), ("To", &self.to), ("Call-ID", &self.call_id), ("CSeq", &self.cseq)]
        {
            let Some(value) = value else { continue };
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            if name == "To" && !value.windows(5).any(|w| w.eq_ignore_ascii_case(b";tag=")) {
                out.extend_from_slice(b";tag=");
                out.extend_from_slice(to_tag.as_bytes());
            }
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        Bytes::from(out)
    }
}

pub(crate) fn message(whole: Bytes, framing: Framing, limits: &Limits) -> Result<Message, ParseError> {
    let drop = |why| ParseError { why, refusal: None };
    if whole.len() > limits.message {
        // A stream's framer has refused it before; a datagram this long was never meant for us.
        return Err(drop(Malformed::TooLarge));
    }
    let mut lines = Lines::new(&whole, limits);
    if lines.position() == whole.len() {
        return Err(drop(Malformed::Empty));
    }
    let line = lines.raw().map_err(drop)?.ok_or(drop(Malformed::StartLine))?;
    let mut start = Start::read(&whole, line).map_err(drop)?;
    let mut head = Head::default();
    // The head is read to its end even where something is wrong with it: the answer needs Via, From, To.
    let body = head.read(&whole, &mut lines, limits).and_then(|()| {
        let broken = start.broken().or(head.broken);
        broken.map_or_else(|| body(&whole, lines.position(), head.content_length, framing), Err)
    });
    match body.and_then(|body| head.finish(&whole, &mut start, body)) {
        Ok(message) => Ok(message),
        Err(why) => Err(ParseError { why, refusal: head.refusal(&whole, &start, why) }),
    }
}

enum Start {
    Request { method: Method, uri: Result<Uri, Malformed> },
    Response { status: u16, reason: Text },
}

impl Start {
    /// Errors only where nobody can tell whom to answer, or that there is anything to answer.
    fn read(whole: &Bytes, line: &[u8]) -> Result<Start, Malformed> {
        let (first, rest) = lexer::split(line, b' ').ok_or(Malformed::StartLine)?;
        if is_sip(first) {
            return Start::status_line(whole, first, rest);
        }
        let method = Method::from_parsed(whole, first).ok_or(Malformed::StartLine)?;
        // Cut at the last space: spaces within are the URI's mistake, which can be answered.
        let at = rest.iter().rposition(|&b| b == b' ').ok_or(Malformed::StartLine)?;
        let (uri, version) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
        let uri = match version {
            v if v.eq_ignore_ascii_case(VERSION) => request_uri(whole.slice_ref(uri)),
            v if is_sip(v) => Err(Malformed::Version),
            [] => Err(Malformed::StartLine),
            _ => return Err(Malformed::StartLine),
        };
        Ok(Start::Request { method, uri })
    }

    fn status_line(whole: &Bytes, version: &[u8], rest: &[u8]) -> Result<Start, Malformed> {
        if !version.eq_ignore_ascii_case(VERSION) {
            return Err(Malformed::Version);
        }
        // The space before an empty phrase is often left out.
        let (code, reason) = lexer::split(rest, b' ').unwrap_or((rest, &[]));
        let status = lexer::number(code).and_then(|code| u16::try_from(code).ok());
        let status = status.filter(|code| (100..700).contains(code)).ok_or(Malformed::Status)?;
        let reason =
            if reason.contains(&b'\r') { one_line(reason.to_vec()) } else { whole.slice_ref(reason) };
        Ok(Start::Response { status, reason: Text::from_parsed(reason) })
    }

    fn broken(&self) -> Option<Malformed> {
        match self {
            Start::Request { uri: Err(why), .. } => Some(*why),
            _ => None,
        }
    }
}

const VERSION: &[u8] = b"SIP/2.0";

fn is_sip(version: &[u8]) -> bool {
    version.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
}

fn request_uri(raw: Bytes) -> Result<Uri, Malformed> {
    match Uri::from_parsed(raw) {
        // RFC 3261 §19.1.5: headers are not allowed here, and RFC 4475 §3.1.2.11 shows what they would
        // smuggle in.
        Ok(uri) if !uri.has_headers() => Ok(uri),
        Ok(_) | Err(Invalid) => Err(Malformed::RequestUri),
    }
}

/// The headers as they are read; the first mistake is kept and reading goes on.
#[derive(Default)]
struct Head {
    vias: Vec<Via>,
    /// A malformed Via came: nothing is added behind it.
    way_back_broken: bool,
    from: Option<Excerpt>,
    to: Option<Excerpt>,
    call_id: Option<Excerpt>,
    cseq: Option<Excerpt>,
    content_length: Option<usize>,
    headers: Headers,
    broken: Option<Malformed>,
}

impl Head {
    /// Errors where reading cannot go on.
    fn read(&mut self, whole: &Bytes, lines: &mut Lines<'_>, limits: &Limits) -> Result<(), Malformed> {
        self.headers = Headers::of(whole);
        for _ in 0..=limits.headers {
            let line = lines.unfolded()?.ok_or(Malformed::Truncated)?;
            if line.text(whole).is_empty() {
                return Ok(());
            }
            if let Err(why) = self.field(whole, line) {
                self.broken.get_or_insert(why);
            }
        }
        Err(Malformed::TooManyHeaders)
    }

    fn field(&mut self, whole: &Bytes, line: Excerpt) -> Result<(), Malformed> {
        let text = line.text(whole);
        let (written, behind) = lexer::split(text, b':').ok_or(Malformed::HeaderLine)?;
        let (written, behind) = (lexer::trim_end(written), lexer::skip_space(behind));
        let (start, value) = (text.len() - behind.len(), lexer::trim_end(behind));
        let name = Name::from_bytes(written);
        let part = || line.part(start..start + value.len());
        match name {
            Name::Via => self.via(line.owner(whole), value),
            Name::From => once(name, &mut self.from, part()),
            Name::To => once(name, &mut self.to, part()),
            Name::CallId => once(name, &mut self.call_id, part()),
            Name::CSeq => once(name, &mut self.cseq, part()),
            Name::ContentLength => self.length(value),
            // Of the names that we know, none needs to be looked at again. A line that continues nothing begins
            // with a space, which is no token.
            Name::Other if !lexer::is_token(written) => Err(Malformed::HeaderLine),
            Name::Other => {
                self.headers.push_other(line.part(0..start + value.len()), written.len(), start);
                Ok(())
            }
            _ => {
                self.headers.push_excerpt(name, part());
                Ok(())
            }
        }
    }

    fn via(&mut self, owner: &Bytes, value: &[u8]) -> Result<(), Malformed> {
        for piece in lexer::list(value) {
            if self.way_back_broken {
                break;
            }
            // Until this one is known to be well formed, it is the last: an answer must not visit hops out of
            // order.
            self.way_back_broken = true;
            let (via, well_formed) =
                Via::from_parsed(owner, piece).map_err(|Invalid| Malformed::Bad(Name::Via))?;
            self.vias.push(via);
            well_formed.map_err(|Invalid| Malformed::Bad(Name::Via))?;
            self.way_back_broken = false;
        }
        Ok(())
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let length = lexer::number(value).and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or(Malformed::Bad(Name::ContentLength))?;
        match self.content_length.replace(length) {
            // The same one twice does no harm; two different ones are how messages are smuggled.
            Some(before) if before != length => Err(Malformed::Repeated(Name::ContentLength)),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, whole: &Bytes, start: &mut Start, body: Bytes) -> Result<Message, Malformed> {
        if self.vias.is_empty() {
            return Err(Malformed::Missing(Name::Via));
        }
        let from = address(Name::From, whole, self.from.as_ref())?;
        let to = address(Name::To, whole, self.to.as_ref())?;
        let call_id = self.call_id.as_ref().ok_or(Malformed::Missing(Name::CallId))?;
        let spelt = call_id.text(whole);
        if spelt.is_empty() || memchr::memchr2(b' ', b'\t', spelt).is_some() {
            return Err(Malformed::Bad(Name::CallId));
        }
        let call_id = Text::from_parsed(call_id.bytes(whole));
        let cseq = cseq(whole, self.cseq.as_ref().ok_or(Malformed::Missing(Name::CSeq))?)?;
        let (vias, headers) = (&mut self.vias, &mut self.headers);
        match start {
            Start::Request { method, uri } => {
                if cseq.method != *method {
                    return Err(Malformed::CSeqMethod);
                }
                // What an endpoint acts on must be readable before it acts. Headers that it only passes by (Date,
                // Subject, …) may be what they like (RFC 3261 §8.2, RFC 4475 §3.1.2.12).
                headers.check().map_err(|BadHeader(name)| Malformed::Bad(name))?;
                Ok(Message::Request(Request {
                    method: cseq.method,
                    // A refusal needs the method only.
                    uri: std::mem::replace(uri, Err(Malformed::RequestUri))?,
                    vias: std::mem::take(vias),
                    from,
                    to,
                    call_id,
                    cseq: cseq.number,
                    headers: std::mem::take(headers),
                    body,
                }))
            }
            Start::Response { status, reason } => Ok(Message::Response(Response {
                status: *status,
                reason: std::mem::take(reason),
                vias: std::mem::take(vias),
                from,
                to,
                call_id,
                cseq,
                headers: std::mem::take(headers),
                body,
            })),
        }
    }

    /// An ACK is never answered (RFC 3261 §17), a response neither.
    fn refusal(&mut self, whole: &Bytes, start: &Start, why: Malformed) -> Option<Box<Refusal>> {
        let Start::Request { method, .. } = start else { return None };
        if *method == Method::Ack || self.vias.is_empty() {
            return None;
        }
        let status = match why {
            // The method comes first (RFC 3261 §8.2.1, RFC 4475 §3.1.2.18).
            Malformed::CSeqMethod if !method.is_known() => 501,
            why => why.status(),
        };
        let as_it_came = |value: &Option<Excerpt>| value.as_ref().map(|value| value.bytes(whole));
        Some(Box::new(Refusal {
            status,
            vias: std::mem::take(&mut self.vias),
            from: as_it_came(&self.from),
            to: as_it_came(&self.to),
            call_id: as_it_came(&self.call_id),
            cseq: as_it_came(&self.cseq),
            why,
        }))
    }
}

fn once(name: Name, slot: &mut Option<Excerpt>, value: Excerpt) -> Result<(), Malformed> {
    match slot {
        Some(_) => Err(Malformed::Repeated(name)),
        None => {
            *slot = Some(value);
            Ok(())
        }
    }
}

fn address(name: Name, whole: &Bytes, value: Option<&Excerpt>) -> Result<NameAddr, Malformed> {
    let value = value.ok_or(Malformed::Missing(name))?;
    NameAddr::from_parsed(value.owner(whole), value.text(whole)).map_err(|Invalid| Malformed::Bad(name))
}

fn cseq(whole: &Bytes, value: &Excerpt) -> Result<CSeq, Malformed> {
    let text = value.text(whole);
    let digits = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let number = text.get(..digits).and_then(lexer::number).ok_or(Malformed::Bad(Name::CSeq))?;
    let method = lexer::trim(text.get(digits..).unwrap_or_default());
    let method = Method::from_parsed(value.owner(whole), method).ok_or(Malformed::Bad(Name::CSeq))?;
    Ok(CSeq { number, method })
}

fn body(whole: &Bytes, at: usize, length: Option<usize>, framing: Framing) -> Result<Bytes, Malformed> {
    let rest = whole.get(at..).unwrap_or_default();
    match (length, framing) {
        (Some(length), _) => rest.get(..length).map(|body| whole.slice_ref(body)).ok_or(Malformed::ShortBody),
        (None, Framing::Datagram) => Ok(whole.slice_ref(rest)),
        (None, Framing::Stream) => Err(Malformed::NoContentLength),
    }
}
