//! The torture messages of RFC 4475 and RFC 5118 against the parser: what must be read is read, what must be
//! refused is refused with the status that the RFC names, and nothing that a refused message says becomes
//! part of the answer's shape.
//!
//! `tests/torture/expected.toml` says what a whole daemon must answer; the same file is held against the
//! running daemon by the suites with real sockets.

use std::path::PathBuf;

use bytes::Bytes;
use hotline::sip::{Framing, Host, Limits, Malformed, Message, Method, Name, Request, Scheme, Text};

/// Malformed by the letter, taken all the same: the mistake is in what an endpoint does not act on.
const TAKEN: [&str; 2] = [
    // A Date that is not in GMT.
    "rfc4475/baddate.dat",
    // A branch that is the magic cookie and nothing more: matched as RFC 2543 does.
    "rfc4475/badbranch.dat",
];

#[derive(serde::Deserialize)]
struct Expected {
    msg: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    file: String,
    kind: String,
    validity: String,
    allow: Vec<String>,
    best: Vec<String>,
}

#[test]
fn every_message_gets_what_its_rfc_says() {
    let mut wrong = Vec::new();
    for case in cases() {
        let outcome = parse(&read(&case.file));
        let right = match (&outcome, case.validity.as_str()) {
            (Ok(Message::Request(_)), "valid" | "valid-app") => case.kind == "request",
            (Ok(Message::Response(_)), "valid" | "valid-app") => case.kind == "response",
            (Ok(_), _) => TAKEN.contains(&case.file.as_str()) && case.allow.iter().any(|code| code == "2xx"),
            (Err(Refused::With(status)), "invalid") => case.best.contains(&status.to_string()),
            (Err(Refused::Silently), "invalid") => case.best.iter().any(|code| code == "none"),
            (Err(_), _) => false,
        };
        if !right {
            wrong.push(format!("{} ({}): {outcome:?}, want {:?}", case.file, case.validity, case.best));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_was_read_survives_being_written() {
    let mut read_back = 0;
    for case in cases() {
        let Ok(message) = parse(&read(&case.file)) else { continue };
        assert_eq!(parse(&message.encode()).as_ref(), Ok(&message), "{}", case.file);
        read_back += 1;
    }
    assert!(read_back > 40, "{read_back}");
}

#[test]
fn refusals_are_responses_that_a_phone_can_match() {
    let mut answered = 0;
    for case in cases() {
        let raw = read(&case.file);
        let Err(error) = Message::parse(raw.into(), Framing::Datagram, &Limits::default()) else { continue };
        let Some(refusal) = error.refusal else { continue };
        let bytes = refusal.encode(&Text::from_static("ours"));
        answered += 1;
        let head = String::from_utf8_lossy(&bytes).into_owned();
        assert!(head.starts_with(&format!("SIP/2.0 {} ", refusal.status)), "{}", case.file);
        let names: Vec<&str> =
            head.lines().skip(1).filter_map(|line| line.split_once(": ")).map(|(n, _)| n).collect();
        let known = ["Via", "From", "To", "Call-ID", "CSeq", "Content-Length"];
        assert!(names.iter().all(|name| known.contains(name)), "{}: {names:?}", case.file);
        assert!(head.ends_with("\r\n\r\n") && !head.trim_end().contains("\r\n\r\n"), "{}", case.file);
    }
    assert!(answered > 15, "{answered}");
}

#[test]
fn no_prefix_and_no_flipped_byte_breaks_the_parser() {
    for case in cases() {
        let raw = read(&case.file);
        for cut in 0..raw.len() {
            let _ = parse(&raw[..cut]);
        }
        for at in 0..raw.len() {
            for flip in [0x01, 0x20, 0x80, 0xff] {
                let mut bent = raw.clone();
                bent[at] ^= flip;
                if let Ok(message) = parse(&bent) {
                    assert_eq!(parse(&message.encode()), Ok(message), "{} at {at} by {flip:#x}", case.file);
                }
            }
        }
    }
}

#[test]
fn short_tortuous_invite() {
    let invite = request("rfc4475/wsinv.dat");
    assert_eq!(invite.method, Method::Invite);
    assert_eq!(invite.uri.as_bytes(), b"sip:vivekg@chair-dnrc.example.com;unknownparam");
    assert_eq!(invite.cseq, 9);
    assert_eq!(invite.max_forwards(), Some(68));
    assert_eq!(invite.to.tag(), Some(Text::from_static("1918181833n")));
    assert_eq!(invite.from.display_name().as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(invite.from.tag(), Some(Text::from_static("98asjd8")));
    assert_eq!(invite.vias.len(), 3);
    assert_eq!(invite.vias[0].port(), None);
    assert_eq!(invite.vias[1].branch(), Some(Text::from_static("z9hG4bK9ikj8")));
    assert_eq!(invite.vias[2].host(), Host::Ip("192.168.255.111".parse().unwrap()));
    assert_eq!(invite.headers.value(Name::Subject), Some(&b""[..]));
    assert_eq!(
        invite.headers.named("newfangledheader"),
        Some(&b"newfangled value continued newfangled value"[..])
    );
    assert_eq!(invite.headers.content_type().as_deref(), Some("application/sdp"));
    let routes = invite.headers.addresses(Name::Route).unwrap();
    assert_eq!(routes.len(), 1);
    let contacts = invite.headers.addresses(Name::Contact).unwrap();
    assert_eq!(contacts[0].display_name().as_deref(), Some("Quoted string \"\""));
    assert_eq!(contacts[0].params.unquoted("newparam").as_deref(), Some("newvalue"));
    assert_eq!(contacts[0].params.get("q"), Some(&b"0.33"[..]));
}

#[test]
fn odd_tokens_and_escapes() {
    let odd = request("rfc4475/intmeth.dat");
    assert_eq!(odd.method.as_bytes(), b"!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(odd.uri.host(), Host::Name("example.com"));
    assert_eq!(odd.to.display_name().as_deref(), Some("BEL:\x07 NUL:\0 DEL:\x7f"));
    assert_eq!(odd.from.params.unquoted("fromParam''~+*_!.-%").as_deref(), Some("работающий"));

    let escaped = request("rfc4475/esc01.dat");
    assert_eq!(escaped.uri.user().as_deref(), Some("sips:user@example.com"));
    assert_eq!(escaped.uri.host(), Host::Name("example.net"));

    assert_eq!(request("rfc4475/esc02.dat").method.as_bytes(), b"RE%47IST%45R");
    assert_eq!(request("rfc4475/escnull.dat").from.uri.user().as_deref(), Some("null-\0-null"));

    let semicolon = request("rfc4475/semiuri.dat");
    assert_eq!(semicolon.uri.user().as_deref(), Some("user;par=u@example.net"));
    assert_eq!(semicolon.uri.host(), Host::Name("example.com"));
    assert!(semicolon.uri.params().is_empty());
}

#[test]
fn parameters_belong_to_whom_they_stand_with() {
    let of_header = request("rfc4475/cparam01.dat").headers.contact().unwrap();
    assert!(of_header.params.has("unknownparam") && !of_header.uri.params().has("unknownparam"));
    let of_uri = request("rfc4475/cparam02.dat").headers.contact().unwrap();
    assert!(!of_uri.params.has("unknownparam") && of_uri.uri.params().has("unknownparam"));
    let with_route = request("rfc4475/regescrt.dat").headers.contact().unwrap();
    assert!(with_route.uri.has_headers());
}

#[test]
fn bodies_end_where_content_length_says() {
    assert_eq!(request("rfc4475/dblreq.dat").body, Bytes::new());
    let multipart = request("rfc4475/mpart01.dat");
    assert!(
        multipart.body.contains(&0) && multipart.headers.content_type().as_deref() == Some("multipart/mixed")
    );
    assert_eq!(
        request("rfc4475/inv2543.dat").body.len(),
        105,
        "no Content-Length: to the end of the datagram"
    );
}

#[test]
fn addresses_of_version_6() {
    let host = |file: &str| {
        let request = request(file);
        (request.uri.host().to_string(), request.uri.port())
    };
    assert_eq!(host("rfc5118/ipv6-good.dat"), ("[2001:db8::10]".into(), None));
    assert_eq!(host("rfc5118/port-ambiguous.dat"), ("[2001:db8::10:5070]".into(), None));
    assert_eq!(host("rfc5118/port-unambiguous.dat"), ("[2001:db8::10]".into(), Some(5070)));
    let received = |file: &str| request(file).vias[0].received();
    let with = received("rfc5118/via-received-param-with-delim.dat");
    assert_eq!(with, received("rfc5118/via-received-param-no-delim.dat"));
    assert_eq!(with, "2001:db8::9:255".parse().ok());
}

#[test]
fn schemes_that_we_do_not_speak_are_read() {
    assert_eq!(request("rfc4475/unkscm.dat").uri.scheme(), Scheme::Other);
    assert_eq!(request("rfc4475/novelsc.dat").uri.scheme(), Scheme::Other);
    assert_eq!(request("rfc4475/unksm2.dat").to.uri.scheme(), Scheme::Other);
}

#[test]
fn reasons_are_typed() {
    let why = |file: &str| {
        Message::parse(read(file).into(), Framing::Datagram, &Limits::default()).map_err(|e| e.why).err()
    };
    assert_eq!(why("rfc4475/badinv01.dat"), Some(Malformed::Bad(Name::Via)));
    assert_eq!(why("rfc4475/clerr.dat"), Some(Malformed::ShortBody));
    assert_eq!(why("rfc4475/ncl.dat"), Some(Malformed::Bad(Name::ContentLength)));
    assert_eq!(why("rfc4475/scalar02.dat"), Some(Malformed::Bad(Name::CSeq)));
    assert_eq!(why("rfc4475/quotbal.dat"), Some(Malformed::Bad(Name::To)));
    assert_eq!(why("rfc4475/badvers.dat"), Some(Malformed::Version));
    assert_eq!(why("rfc4475/bigcode.dat"), Some(Malformed::Status));
    assert_eq!(why("rfc4475/mcl01.dat"), Some(Malformed::Repeated(Name::ContentLength)));
    assert_eq!(why("rfc4475/mismatch01.dat"), Some(Malformed::CSeqMethod));
    assert_eq!(why("rfc4475/insuf.dat"), Some(Malformed::Missing(Name::From)));
}

#[derive(Debug, PartialEq)]
enum Refused {
    With(u16),
    Silently,
}

fn parse(raw: &[u8]) -> Result<Message, Refused> {
    Message::parse(Bytes::copy_from_slice(raw), Framing::Datagram, &Limits::default())
        .map_err(|error| error.refusal.map_or(Refused::Silently, |refusal| Refused::With(refusal.status)))
}

fn request(file: &str) -> Request {
    match parse(&read(file)) {
        Ok(Message::Request(request)) => request,
        other => panic!("{file}: {other:?}"),
    }
}

fn cases() -> Vec<Case> {
    let text = String::from_utf8(read("expected.toml")).unwrap();
    let Expected { msg } = toml::from_str(&text).unwrap();
    assert_eq!(msg.len(), 64);
    msg
}

fn read(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/torture").join(file);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
