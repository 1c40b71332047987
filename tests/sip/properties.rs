//! What holds for every message: no bytes break the parser, and what we write we read back as the same.

use bytes::Bytes;
use hotline::sip::{Framing, Limits, Message, Method, Name, NameAddr, Request, StreamFramer, Text, Uri, Via};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_parser_or_framer(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        check(&bytes);
    }

    /// Near misses: a real message with pieces replaced, removed and repeated.
    #[test]
    fn no_near_miss_breaks_parser_or_framer(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..12, piece()), 1..6),
    ) {
        let mut bytes = INVITE.as_bytes().to_vec();
        for (at, length, piece) in edits {
            let at = at.index(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, piece);
        }
        check(&bytes);
    }

    #[test]
    fn what_we_build_is_what_a_peer_reads(request in request()) {
        let parsed = Message::parse(request.encode(), Framing::Stream, &Limits::default());
        prop_assert_eq!(parsed, Ok(Message::Request(request.clone())));

        let mut response = request.response(486).with_body("text/plain", Bytes::from_static(b"busy"));
        response.to.set_tag(&Text::from_static("ours"));
        let parsed = Message::parse(response.encode(), Framing::Stream, &Limits::default());
        prop_assert_eq!(parsed, Ok(Message::Response(response)));
    }

    #[test]
    fn users_and_names_come_back_as_they_were_given(user in "\\PC{1,20}", name in "\\PC{0,20}") {
        let uri = Uri::sip_at(Some(&user), "example.com", None).unwrap();
        prop_assert_eq!(uri.user(), Some(user.as_str().into()));
        let shown = NameAddr::new(uri).with_display(&name);
        prop_assert_eq!(shown.display_name().unwrap_or_default(), name);
    }

    /// No value of ours starts a header of its own.
    #[test]
    fn line_ends_never_leave_a_value(value in "[a-c\r\n: ]{0,30}") {
        let mut request = simple();
        request.headers.push(Name::Subject, value.clone());
        request.headers.push_named("X-Note", value.clone());
        request.headers.push(Name::Reason, value.clone());
        request.to = request.to.with_display(&value).with_param("p", &value.replace([' ', ':'], ""));
        let written = request.encode();
        let lines = written.split(|&b| b == b'\n').count();
        prop_assert_eq!(lines, simple().encode().split(|&b| b == b'\n').count() + 3);
    }
}

/// Read, written and read again it is the same; and a framer takes it in any case.
fn check(bytes: &[u8]) {
    for framing in [Framing::Datagram, Framing::Stream] {
        let Ok(message) = Message::parse(Bytes::copy_from_slice(bytes), framing, &Limits::default()) else {
            continue;
        };
        assert_eq!(Message::parse(message.encode(), framing, &Limits::default()), Ok(message));
    }
    let mut framer = StreamFramer::new(Limits::default());
    framer.push(bytes);
    while framer.poll().is_some() {}
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..4),
        prop::sample::select(vec![
            "\r\n",
            "\n",
            "\r",
            "\r\n ",
            "\r\n\r\n",
            ";",
            ",",
            "\"",
            "\\",
            "<",
            ">",
            "@",
            ":",
            "[",
            "]",
            "%",
            "?",
            "=",
            "sip:",
            "tel:+1",
            "SIP/2.0",
            "z9hG4bK",
            "tag=",
            "4294967296",
            "-1",
            "*",
            "Via: ",
            "l: 5\r\n",
            "\u{738b}",
            " ",
            "\t",
            "\0",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let token = || "[a-zA-Z0-9.!%*_+`'~-]{1,16}";
    let method = prop_oneof![
        Just(Method::Invite),
        Just(Method::Ack),
        token().prop_filter_map("a token", |name| Method::from_text(Text::from(name))),
    ];
    let host = prop_oneof![Just("example.com"), Just("192.0.2.1"), Just("[2001:db8::1]")];
    let person = || ("\\PC{0,12}", "\\PC{0,12}", proptest::option::of("[a-z0-9]{1,10}"));
    let body = proptest::collection::vec(any::<u8>(), 0..200);
    // Not every name: `m` is a Contact, which has a grammar of its own.
    let extra = proptest::collection::vec(("X-[a-zA-Z0-9.!%*_+`'~-]{1,16}", "\\PC{0,40}"), 0..5);
    (method, host, person(), person(), token(), any::<u32>(), extra, body).prop_map(
        |(method, host, from, to, call_id, cseq, extra, body)| {
            let address = |(name, user, tag): (String, String, Option<String>)| {
                let uri = Uri::sip_at((!user.is_empty()).then_some(&user), host, Some(5062)).unwrap();
                let address = NameAddr::new(uri).with_display(&name);
                tag.map_or(address.clone(), |tag| address.with_tag(&Text::from(tag)))
            };
            let (from, to) = (address(from), address(to));
            let via = Via::new(hotline::sip::Transport::Udp, "192.0.2.1:5060".parse().unwrap(), "z9hG4bKx");
            let mut request = Request::new(method, to.uri.clone(), via, from, to, Text::from(call_id), cseq);
            for (name, value) in extra {
                request.headers.push_named(&name, value.trim_matches([' ', '\t']));
            }
            request.with_body("application/octet-stream", Bytes::from(body))
        },
    )
}

fn simple() -> Request {
    let parsed = Message::parse(INVITE.into(), Framing::Datagram, &Limits::default());
    let Ok(Message::Request(request)) = parsed else { panic!("{parsed:?}") };
    request
}

const INVITE: &str = "INVITE sip:95588@192.0.2.1;transport=udp SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKnashds8;rport, SIP/2.0/TCP [2001:db8::9]:5060;branch=z9hG4bK2\r\n\
    Max-Forwards: 70\r\n\
    Route: <sip:proxy.example.com;lr>\r\n\
    From: \"Li \\\"Lei\\\"\" <sip:+8613812345678@example.com;user=phone>;tag=a6c85cf\r\n\
    To: tel:95588\r\n\
    Call-ID: a84b4c76e66710@192.0.2.7\r\n\
    CSeq: 314159 INVITE\r\n\
    Contact: <sip:13812345678@192.0.2.7:5062>;q=0.5;+sip.instance=\"<urn:uuid:0>\"\r\n\
    Supported: timer,\r\n 100rel\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 4\r\n\
    \r\n\
    v=0\n";
