use proptest::prelude::*;

use super::{masked, unmasked};

const INVITE: &str = "INVITE sip:95588@bank.example SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK7;rport;x-line=13800138000\r\n\
    Max-Forwards: 68\r\n\
    f: \"Wang Xiaoming\" <sip:13800138000:secret@carrier.example;user=phone>;tag=9f;x-cell=12345\r\n\
    To: <sip:95588@bank.example>\r\n\
    Call-ID: 13800138000-77@192.0.2.1\r\nCSeq: 1 INVITE\r\n\
    Contact: sip:+8613800138000@192.0.2.1;transport=udp\r\n\
    P-Asserted-Identity: \"Wang, X\" <sip:13800138000@carrier.example>, <tel:+8613800138000;phone-context=x>\r\n\
    Diversion: <sip:1001@bank.example?Reason=a>;reason=user-busy;counter=1\r\n\
    Authorization: Digest username=\"13800138000\", realm=\"bank\", nonce=\"n0\",\r\n \
    uri=\"sip:95588@bank.example\", response=\"deadbeef\", algorithm=SHA-256, nc=00000001\r\n\
    X-Customer: grade 3\r\nUser-Agent: Border 7.2\r\nReason: Q.850;cause=16;text=\"13800138000 left\"\r\n\
    Content-Type: application/sdp\r\n\r\n\
    v=0\r\no=wang 20518 1 IN IP4 192.0.2.1\r\ns=Wang's call\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 54400 RTP/SAVP 8\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n\
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZi\r\na=x-name:Wang\r\n";

#[test]
fn what_steers_the_protocol_is_shown_and_whose_call_it_is_is_not() {
    let shown = "INVITE sip:*****@bank.example SIP/2.0\n\
        Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK7;rport;x-line=***\n\
        Max-Forwards: 68\n\
        f: \"Wa*********ng\" <sip:13*******00@carrier.example;user=phone>;tag=9f;x-cell=***\n\
        To: <sip:*****@bank.example>\n\
        Call-ID: 13*******00-77@192.0.2.1\n\
        CSeq: 1 INVITE\n\
        Contact: sip:+8**********00@192.0.2.1;transport=udp\n\
        P-Asserted-Identity: \"*******\" <sip:13*******00@carrier.example>, <tel:+8**********00;phone-context=***>\n\
        Diversion: <sip:****@bank.example?***>;reason=user-busy;counter=1\n\
        Authorization: Digest username=***, realm=\"bank\", nonce=***, uri=***, response=***, algorithm=SHA-256, \
        nc=00000001\n\
        X-Customer: (7 octets)\n\
        User-Agent: Border 7.2\n\
        Reason: Q.850;cause=16;text=\"13*******00 left\"\n\
        Content-Type: application/sdp\n\
        \n\
        v=0\n\
        o=**** 20518 1 IN IP4 192.0.2.1\n\
        s=***\n\
        c=IN IP4 192.0.2.1\n\
        t=0 0\n\
        m=audio 54400 RTP/SAVP 8\n\
        a=rtpmap:8 PCMA/8000\n\
        a=sendrecv\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 ***\n\
        a=x-name:***\n";
    assert_eq!(masked(INVITE.as_bytes()), shown);
}

#[test]
fn of_a_body_that_is_not_sdp_only_the_length_is_shown() {
    let of = |kind: &str, body: &str| {
        let text = format!("INFO sip:a@b SIP/2.0\r\nc: {kind}\r\n\r\n{body}");
        masked(text.as_bytes()).lines().last().unwrap_or("").to_owned()
    };
    assert_eq!(of("application/dtmf-relay", "Signal=5\r\nDuration=160"), "(22 octets)");
    assert_eq!(of("text/plain", "call 13800138000"), "(16 octets)");
    assert_eq!(of("message/sipfrag;version=2.0", "SIP/2.0 200 OK"), "SIP/2.0 200 (14 octets)");
}

#[test]
fn a_response_keeps_its_status_and_hides_numbers_in_its_phrase() {
    assert_eq!(masked(b"SIP/2.0 404 no 8001 here\r\n\r\n"), "SIP/2.0 404 no **** here\n\n");
    assert_eq!(masked(b"SIP/2.0 13800138000 \r\n"), "SIP/2.0 ***\n\n");
}

#[test]
fn what_is_no_message_is_a_length() {
    assert_eq!(masked(b""), "\n");
    assert_eq!(masked(b"hello 13800138000 again and again\r\n"), "(33 octets)\n\n");
    assert_eq!(masked(b"INVITE sip:8001 SIP/2.0\n: \x1b[31m\n"), "INVITE sip:**** SIP/2.0\n(7 octets)\n\n");
}

#[test]
fn nothing_that_a_terminal_obeys_comes_through() {
    let evil = "SIP/2.0 200 \u{1b}[2J\u{9b}31m\r\nServer: a\u{7}b\rc\u{202e}\r\n\r\n";
    assert_eq!(
        masked(evil.as_bytes()),
        "SIP/2.0 200 \\u{1b}[2J\\u{9b}31m\nServer: a\\u{7}b\\rc\\u{202e}\n\n"
    );
    assert_eq!(unmasked(b"a\x1b[0m\r\n\xff\r\n"), "a\\u{1b}[0m\n\\u{fffd}\n");
}

/// Every place where a peer may put a number, `@` for the number itself.
const PLACES: &[&str] = &[
    "INVITE sip:@@h SIP/2.0\r\nTo: <sip:@@h>",
    "INVITE tel:@ SIP/2.0\r\nTo: <tel:@>",
    "INVITE sip:@ SIP/2.0\r\nX-@: 1",
    "INVITE sip:a:@@h;x=@?b=@ SIP/2.0\r\nFrom: @ <sip:a@h>;tag=1;@;x=@",
    "SIP/2.0 200 @\r\nContact: \"a \\\" @\" <sip:@@h>, sip:@@h;expires=1, <sip:a@h;@=1>",
    "BYE sip:a@h SIP/2.0\r\nDiversion: <tel:@>;x=\"@, @\"\r\nHistory-Info: <sip:@@h?Reason=@>;index=1",
    "BYE sip:a@h SIP/2.0\r\nAuthorization: Digest username=\"@\", uri=\"sip:@@h\", x=@\r\nX: @\r\nSubject: @",
    "BYE sip:a@h SIP/2.0\r\nProxy-Authorization: Basic @\r\nReferred-By: @ <sip:@@h>\r\n folded @",
    "BYE sip:a@h SIP/2.0\r\nReason: SIP;text=\"@\"\r\nUser-Agent: @\r\nVia: SIP/2.0/UDP h;x=@;branch=1",
    "BYE sip:a@h SIP/2.0\r\nFrom: <sip:@@h>;tag=@\r\nCall-ID: x@y\r\nVia: SIP/2.0/UDP h;branch=@",
    "INFO sip:a@h SIP/2.0\r\nContent-Type: application/dtmf\r\n\r\n@",
    "INFO sip:a@h SIP/2.0\r\nc: application/sdp\r\n\r\no=@ 1 1 IN IP4 h\r\ns=@\r\ni=@\r\na=x:@\r\na=@\r\n@\r\np=@",
    "@",
    "@: a\r\n@\r\n\r\n@",
    "INFO @",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Masks keep two digits at either end: three in a row are never the customer's.
    #[test]
    fn no_number_comes_through_anywhere(number in "[6-9]{5,16}", place in 0..PLACES.len()) {
        // `@@h` is the number at a host, `x@y` and `a@h` are addresses as they stand.
        let text = PLACES[place].replace("a@h", "a\u{1}h").replace("@@h", "@\u{1}h").replace('@', &number);
        let out = masked(text.replace('\u{1}', "@").as_bytes());
        for at in 0..=number.len() - 3 {
            let piece = &number[at..at + 3];
            prop_assert!(!out.contains(piece), "{piece} of {number} in {out}");
        }
    }

    #[test]
    fn no_extension_comes_through_an_address(number in "[6-9]{3,7}", place in 0..6usize) {
        let text = PLACES[place].replace("a@h", "a\u{1}h").replace("@@h", "@\u{1}h").replace('@', &number);
        let out = masked(text.replace('\u{1}', "@").as_bytes());
        prop_assert!(!out.contains(&number), "{number} in {out}");
    }

    #[test]
    fn any_bytes_become_lines_of_printable_ascii(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let out = masked(&bytes);
        prop_assert!(out.bytes().all(|b| b == b'\n' || (0x20..0x7f).contains(&b)), "{out:?}");
        prop_assert!(unmasked(&bytes).bytes().all(|b| b == b'\n' || (0x20..0x7f).contains(&b)));
    }
}
