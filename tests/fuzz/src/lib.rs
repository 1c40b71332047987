//! What several targets use.

pub mod oracle;

use bytes::Bytes;
use hotline::sip::{Framing, Limits, Message, Request};

/// Parsed as one message out of a datagram.
pub fn parse(bytes: &[u8]) -> Option<Message> {
    Message::parse(Bytes::copy_from_slice(bytes), Framing::Datagram, &Limits::default()).ok()
}

/// The request in `text`, which is ours and well formed.
pub fn request(text: &str) -> Request {
    match parse(text.as_bytes()) {
        Some(Message::Request(request)) => request,
        _ => panic!("not a request: {text}"),
    }
}

/// Nothing that a log shows may forge a line or steer a terminal.
pub fn check_shown(shown: &str) {
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}
