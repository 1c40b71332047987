//! Any bytes as one message: no panic; what is read is written and read again as the same; a refusal is a
//! response that says nothing of its own; and `rsip` agrees.

#![no_main]

use bytes::Bytes;
use hotline::sip::{Framing, Limits, Message, Name, ParseError, Request, Response, Text, Via};
use hotline_fuzz::{check_shown, oracle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for framing in [Framing::Datagram, Framing::Stream] {
        match Message::parse(Bytes::copy_from_slice(data), framing, &Limits::default()) {
            Ok(message) => check_read(data, framing, &message),
            Err(error) => check_refused(data, &error),
        }
    }
    check_oracle(data);
});

fn check_read(data: &[u8], framing: Framing, message: &Message) {
    let written = message.encode();
    // A list of Vias becomes lines, and Content-Length is always written: the head may have more lines than came.
    let limits = Limits { headers: 1024, ..Limits::default() };
    assert_eq!(Message::parse(written.clone(), framing, &limits).as_ref(), Ok(message));
    // Compact names become long ones, addresses get brackets: a bounded growth for each line.
    assert!(written.len() <= 4 * data.len() + 512, "{} from {}", written.len(), data.len());
    check_shown(&format!("{message:?}"));
    match message {
        Message::Request(request) => check_request(request),
        Message::Response(response) => check_response(response),
    }
}

fn check_request(request: &Request) {
    assert!(!request.vias.is_empty());
    // What `check_request` of the parser promises to everybody behind it.
    assert!(request.headers.contacts().is_ok() || request.headers.has(Name::Contact));
    for name in [Name::Route, Name::RecordRoute] {
        assert!(request.headers.addresses(name).is_ok());
    }
    look_at(&request.headers);
    request.vias.iter().for_each(check_via);
    let mut response = request.response(486).with_body("text/plain", Bytes::from_static(b"busy"));
    response.to.set_tag(&Text::from_static("ours"));
    let limits = Limits { headers: 1024, ..Limits::default() };
    let back = Message::parse(response.encode(), Framing::Stream, &limits);
    assert_eq!(back, Ok(Message::Response(response)));
}

fn check_response(response: &Response) {
    assert!((100..700).contains(&response.status));
    response.vias.iter().for_each(check_via);
    look_at(&response.headers);
}

/// Every reader of headers, whatever the values are.
fn look_at(headers: &hotline::sip::Headers) {
    for field in headers.iter() {
        let name = field.name();
        let _ = (headers.number(name), headers.seconds(name), headers.params(name), headers.addresses(name));
        let _ = (headers.list(name).count(), headers.lists(name, "timer"));
        assert!(!field.value().iter().any(|b| matches!(b, b'\r' | b'\n')));
    }
    let _ = (headers.contact(), headers.content_type());
    check_shown(&format!("{headers:?}"));
}

fn check_via(via: &Via) {
    let from = "192.0.2.99:5099".parse().unwrap();
    let mut marked = via.clone();
    marked.mark_received(from);
    // An answer goes to who asked, never to where a Via points (RFC 3261 §18.2.2, RFC 3581 §4).
    assert_eq!(marked.reply_address().map(|to| to.ip()), Some(from.ip()));
    check_shown(&format!("{marked:?}"));
}

fn check_refused(data: &[u8], error: &ParseError) {
    check_shown(&format!("{error:?}"));
    let Some(refusal) = &error.refusal else { return };
    let bytes = refusal.encode(&Text::from_static("ours"));
    assert!(bytes.len() <= 4 * data.len() + 512);
    let head = String::from_utf8_lossy(&bytes);
    assert!(head.starts_with(&format!("SIP/2.0 {} ", refusal.status)));
    assert!(head.ends_with("\r\n\r\n") && !head.trim_end_matches("\r\n").contains("\r\n\r\n"), "{head:?}");
    let known = ["Via", "From", "To", "Call-ID", "CSeq", "Content-Length"];
    let lines = head.trim_end_matches("\r\n").split('\n').skip(1);
    for name in lines.map(|line| line.split(':').next().unwrap_or_default()) {
        assert!(known.contains(&name), "{head:?}");
    }
}

fn check_oracle(data: &[u8]) {
    if !oracle::is_plain(data) {
        return;
    }
    let Some(theirs) = oracle::theirs(data) else { return };
    match Message::parse(Bytes::copy_from_slice(data), Framing::Datagram, &Limits::default()) {
        Ok(message) => assert_eq!(oracle::ours(&message), theirs),
        Err(error) => assert!(oracle::is_stricter(error.why), "{error:?}"),
    }
}
