//! A second opinion: what `rsip` accepts, we accept with equal From, To, Call-ID and CSeq, but for a listed
//! few.
//!
//! `rsip` is far narrower than the network, so the reverse does not hold and is not asked for.

use std::path::PathBuf;

use bytes::Bytes;
use hotline::sip::{Framing, Limits, Message, NameAddr};
use proptest::prelude::*;
use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::message::HeadersExt;

/// Torture messages that `rsip` takes and we refuse, each because the RFC says so.
const STRICTER: &[&str] = &[
    "baddn.dat",      // a comma in a display name without quotes
    "badinv01.dat",   // empty parameters in Via and Contact
    "clerr.dat",      // Content-Length longer than the datagram
    "ltgtruri.dat",   // a Request-URI in <>
    "mcl01.dat",      // two different Content-Lengths
    "mismatch01.dat", // CSeq names another method
    "multi01.dat",    // two of each of CSeq, Call-ID, To, From
    "ncl.dat",        // a negative Content-Length
    "quotbal.dat",    // a quote that does not end
    "regbadct.dat",   // headers in a Contact without <>
];

/// Torture messages that `rsip` takes and reads wrongly: `j.user@example.com` becomes a host, because of the
/// dot in the user.
const MISREAD: &[&str] = &["invut.dat", "regaut01.dat"];

/// What identifies a message, as either parser saw it.
#[derive(Debug, PartialEq)]
struct Essence {
    from: Address,
    to: Address,
    call_id: String,
    cseq: (u32, String),
}

#[derive(Debug, PartialEq)]
struct Address {
    /// As written: rsip decodes no escapes.
    user: Option<String>,
    host: String,
    tag: Option<String>,
}

#[test]
fn torture_messages() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    let (mut stricter, mut misread, mut agreed) = (Vec::new(), Vec::new(), 0);
    for rfc in ["rfc4475", "rfc5118"] {
        let mut files: Vec<_> =
            std::fs::read_dir(folder.join(rfc)).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        for path in files {
            let raw = std::fs::read(&path).unwrap();
            let Some(theirs) = theirs(&raw) else { continue };
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match ours(&raw) {
                Some(ours) if ours == theirs => agreed += 1,
                Some(_) => misread.push(name),
                None => stricter.push(name),
            }
        }
    }
    assert_eq!(stricter, STRICTER);
    assert_eq!(misread, MISREAD);
    assert!(agreed >= 10, "{agreed}");
}

#[test]
fn everyday_messages() {
    for raw in EVERYDAY {
        let raw = raw.replace('\n', "\r\n");
        let theirs = theirs(raw.as_bytes()).unwrap_or_else(|| panic!("rsip refuses\n{raw}"));
        assert_eq!(ours(raw.as_bytes()), Some(theirs));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn made_up_messages(
        method in prop::sample::select(vec!["INVITE", "REGISTER", "BYE", "OPTIONS", "MESSAGE"]),
        from in address(),
        to in address(),
        call_id in "[a-zA-Z0-9]{1,20}(@[a-z0-9.]{1,12})?",
        cseq in any::<u32>(),
    ) {
        let raw = format!(
            "{method} sip:95588@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKnashds8\r\n\
             Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Content-Length: 0\r\n\r\n"
        );
        if let Some(theirs) = theirs(raw.as_bytes()) {
            prop_assert_eq!(ours(raw.as_bytes()), Some(theirs));
        }
    }
}

fn address() -> impl Strategy<Value = String> {
    let display = prop_oneof![Just(""), Just("Bob "), Just("\"Bob Smith\" "), Just("\"B, o; b\" ")];
    let user = "[a-z0-9_]{1,10}";
    let host = "([a-z]{1,8}\\.(com|org)|192\\.0\\.2\\.[1-9])(:5[0-9]{3})?";
    let tag = proptest::option::of("[a-z0-9]{1,12}");
    (display, user, host, tag).prop_map(|(display, user, host, tag)| {
        let tag = tag.map_or(String::new(), |tag| format!(";tag={tag}"));
        format!("{display}<sip:{user}@{host}>{tag}")
    })
}

fn ours(raw: &[u8]) -> Option<Essence> {
    let address = |a: &NameAddr| Address {
        user: written_user(a),
        host: a.uri.host().to_string().to_ascii_lowercase(),
        tag: a.tag().map(|tag| tag.to_str().into_owned()),
    };
    let parsed = Message::parse(Bytes::copy_from_slice(raw), Framing::Datagram, &Limits::default()).ok()?;
    Some(match parsed {
        Message::Request(m) => Essence {
            from: address(&m.from),
            to: address(&m.to),
            call_id: m.call_id.to_str().into_owned(),
            cseq: (m.cseq, m.method.to_string()),
        },
        Message::Response(m) => Essence {
            from: address(&m.from),
            to: address(&m.to),
            call_id: m.call_id.to_str().into_owned(),
            cseq: (m.cseq.number, m.cseq.method.to_string()),
        },
    })
}

fn written_user(address: &NameAddr) -> Option<String> {
    let uri = String::from_utf8_lossy(address.uri.as_bytes()).into_owned();
    let (user, _) = uri.split_once(':')?.1.split_once('@')?;
    Some(user.split(':').next()?.to_owned())
}

/// `None` where `rsip` refuses the message or one of the four.
fn theirs(raw: &[u8]) -> Option<Essence> {
    let address = |uri: &rsip::Uri, tag: Option<&rsip::param::Tag>| Address {
        user: uri.user().map(str::to_owned),
        host: uri.host().to_string().to_ascii_lowercase(),
        tag: tag.map(|tag| tag.to_string()),
    };
    let message = rsip::SipMessage::try_from(raw).ok()?;
    let from = message.from_header().ok()?.typed().ok()?;
    let to = message.to_header().ok()?.typed().ok()?;
    let cseq = message.cseq_header().ok()?.typed().ok()?;
    Some(Essence {
        from: address(&from.uri, from.tag()),
        to: address(&to.uri, to.tag()),
        call_id: message.call_id_header().ok()?.value().to_owned(),
        cseq: (cseq.seq, cseq.method.to_string()),
    })
}

/// As the phones and peers of RFC 3665 send them.
const EVERYDAY: [&str; 5] = [
    "INVITE sip:95588@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bKPjb2c1
Max-Forwards: 70
From: \"Alice\" <sip:alice@192.0.2.1>;tag=9fxced76sl
To: <sip:95588@192.0.2.1>
Contact: <sip:alice@192.0.2.7:5062;ob>
Call-ID: 3848276298220188511
CSeq: 1 INVITE
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE
User-Agent: phone
Content-Length: 0

",
    "SIP/2.0 180 Ringing
Via: SIP/2.0/UDP 192.0.2.7:5062;rport=5062;received=192.0.2.7;branch=z9hG4bKPjb2c1
From: \"Alice\" <sip:alice@192.0.2.1>;tag=9fxced76sl
To: <sip:95588@192.0.2.1>;tag=8321234356
Call-ID: 3848276298220188511
CSeq: 1 INVITE
Contact: <sip:95588@192.0.2.1:5060>
Content-Length: 0

",
    "ACK sip:95588@192.0.2.1:5060 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKPjb2c2
Max-Forwards: 70
From: \"Alice\" <sip:alice@192.0.2.1>;tag=9fxced76sl
To: <sip:95588@192.0.2.1>;tag=8321234356
Call-ID: 3848276298220188511
CSeq: 1 ACK
Content-Length: 0

",
    "REGISTER sip:192.0.2.1 SIP/2.0
Via: SIP/2.0/TCP 192.0.2.8:5060;branch=z9hG4bKnashds7
Max-Forwards: 70
From: <sip:1001@192.0.2.1>;tag=a73kszlfl
To: <sip:1001@192.0.2.1>
Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.8
CSeq: 1826 REGISTER
Contact: <sip:1001@192.0.2.8>
Expires: 3600
Content-Length: 0

",
    "BYE sip:alice@192.0.2.7:5062;ob SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnashds9
Max-Forwards: 70
From: <sip:95588@192.0.2.1>;tag=8321234356
To: \"Alice\" <sip:alice@192.0.2.1>;tag=9fxced76sl
Call-ID: 3848276298220188511
CSeq: 1 BYE
Reason: Q.850;cause=16
Content-Length: 0

",
];
