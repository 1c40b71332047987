//! Messages out of a stream: however the network cuts them, the same messages come out.

use std::path::PathBuf;

use bytes::Bytes;
use hotline::sip::wire::Cut;
use hotline::sip::{Framing, Limits, Malformed, Message, Name, StreamFramer};

#[test]
fn a_split_at_every_byte_changes_nothing() {
    let messages = messages();
    let stream: Vec<u8> = messages.concat();
    let whole: Vec<Cut> = messages.iter().map(|m| Cut::Message(Bytes::copy_from_slice(m))).collect();
    for at in 0..=stream.len() {
        let mut framer = StreamFramer::new(Limits::default());
        let mut cuts = feed(&mut framer, &stream[..at]);
        cuts.extend(feed(&mut framer, &stream[at..]));
        assert_eq!(cuts, whole, "split at {at}");
        assert!(!framer.is_within_message(), "split at {at}");
    }
}

#[test]
fn one_byte_at_a_time() {
    let messages = messages();
    let mut framer = StreamFramer::new(Limits::default());
    let cuts: Vec<Cut> = messages.concat().chunks(1).flat_map(|byte| feed(&mut framer, byte)).collect();
    assert_eq!(cuts.len(), messages.len());
}

#[test]
fn what_is_cut_out_is_what_the_parser_takes() {
    let mut framer = StreamFramer::new(Limits::default());
    for cut in feed(&mut framer, &messages().concat()) {
        let Cut::Message(bytes) = cut else { panic!("{cut:?}") };
        let parsed = Message::parse(bytes, Framing::Stream, &Limits::default());
        assert!(parsed.is_ok(), "{parsed:?}");
    }
}

#[test]
fn two_line_ends_are_a_ping_and_one_is_nothing() {
    let mut framer = StreamFramer::new(Limits::default());
    assert_eq!(feed(&mut framer, b"\r\n"), []);
    assert_eq!(feed(&mut framer, b"\r\n"), [Cut::Ping]);
    assert_eq!(feed(&mut framer, b"\r\n\r\n\r\n\r\n"), [Cut::Ping, Cut::Ping]);
    let message = options("Content-Length: 0\r\n");
    let one = Cut::Message(Bytes::from(message.clone()));
    let stray = [b"\r\n".to_vec(), message.clone(), b"\r\n".to_vec(), message].concat();
    assert_eq!(feed(&mut framer, &stray), [one.clone(), one]);
}

#[test]
fn without_a_length_there_is_no_next_message() {
    broken("", Malformed::NoContentLength);
    broken("Content-Length: -1\r\n", Malformed::Bad(Name::ContentLength));
    broken("Content-Length: ten\r\n", Malformed::Bad(Name::ContentLength));
    broken("Content-Length:\r\n", Malformed::Bad(Name::ContentLength));
    broken("Content-Length: 1\r\nl: 2\r\n", Malformed::Repeated(Name::ContentLength));
    broken("Content-Length: 1\r\n 2\r\n", Malformed::Bad(Name::ContentLength));
    broken("Content-Length: 99999999999999999999\r\n", Malformed::Bad(Name::ContentLength));
    broken("Content-Length: 4000000000\r\n", Malformed::TooLarge);
    // A length that hides in a folded line is no length.
    broken("Subject: x\r\n Content-Length: 5\r\n", Malformed::NoContentLength);
}

#[test]
fn lengths_in_odd_dress_are_lengths() {
    for header in
        ["l:3\r\n", "CONTENT-length \t: 0003 \r\n", "Content-Length:\r\n 3\r\n", "l: 3\r\nl: 3\r\n", "l: 3\n"]
    {
        let message = [options(header), b"abc".to_vec()].concat();
        let mut framer = StreamFramer::new(Limits::default());
        assert_eq!(feed(&mut framer, &message), [Cut::Message(Bytes::from(message.clone()))], "{header:?}");
        let parsed = Message::parse(message.into(), Framing::Stream, &Limits::default());
        let Ok(Message::Request(request)) = parsed else { panic!("{header:?}: {parsed:?}") };
        assert_eq!(request.body, "abc");
    }
}

#[test]
fn a_head_without_end_is_bounded() {
    let limits = Limits { message: 1000, ..Limits::default() };
    let mut framer = StreamFramer::new(limits);
    let mut cuts = Vec::new();
    for _ in 0..100 {
        cuts.extend(feed(&mut framer, b"X: 3456789012345678\r\n"));
    }
    let broken = [Cut::Broken { why: Malformed::TooLarge, head: Bytes::new() }];
    assert_eq!(cuts, broken);
    // The same where it comes at once, with its end.
    let whole =
        [options("Content-Length: 0\r\n"), vec![b'x'; 1000], options(&"X: y\r\n".repeat(200))].concat();
    assert_eq!(feed(&mut StreamFramer::new(limits), &whole)[1..], broken);
}

/// The stream is given up, what came of the message gets its 400 from the parser, and nothing more is read.
fn broken(header: &str, why: Malformed) {
    let message = options(header);
    let mut framer = StreamFramer::new(Limits::default());
    let cuts = feed(&mut framer, &message);
    let [Cut::Broken { why: found, head }] = cuts.as_slice() else { panic!("{header:?}: {cuts:?}") };
    assert_eq!((*found, head.as_ref()), (why, message.as_slice()), "{header:?}");
    assert_eq!(feed(&mut framer, &options("Content-Length: 0\r\n")), []);
    let error = Message::parse(head.clone(), Framing::Stream, &Limits::default()).unwrap_err();
    assert_eq!(error.refusal.map(|refusal| refusal.status), Some(400), "{header:?}");
}

fn feed(framer: &mut StreamFramer, bytes: &[u8]) -> Vec<Cut> {
    framer.push(bytes);
    std::iter::from_fn(|| framer.poll()).collect()
}

fn options(headers: &str) -> Vec<u8> {
    format!(
        "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=a\r\nTo: <sip:a@h>\r\n\
         Call-ID: c\r\nCSeq: 1 OPTIONS\r\n{headers}\r\n"
    )
    .into_bytes()
}

/// Torture messages that carry a right Content-Length: folded, compact, with NUL bytes in the body, without a
/// body.
fn messages() -> Vec<Vec<u8>> {
    let files = ["wsinv", "intmeth", "mpart01", "zeromf", "noreason", "semiuri", "transports", "esc01"];
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/torture/rfc4475");
    files.iter().map(|name| std::fs::read(folder.join(format!("{name}.dat"))).unwrap()).collect()
}
