//! Offers and answers with the descriptions of phones and switches.

mod browsers;
mod protected;

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::super::parse;
use super::*;

/// Captured from baresip 1.0.0 of Debian 12.
const BARESIP: &str = "v=0\r\n\
    o=- 912995380 1343563556 IN IP4 192.0.2.2\r\n\
    s=-\r\n\
    c=IN IP4 192.0.2.2\r\n\
    t=0 0\r\n\
    a=tool:baresip 1.0.0\r\n\
    m=audio 16334 RTP/AVP 0 8 96 101\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:96 opus/48000/2\r\n\
    a=fmtp:96 stereo=1;sprop-stereo=1\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\n\
    a=sendrecv\r\n\
    a=label:1\r\n\
    a=rtcp-rsize\r\n\
    a=ssrc:157748704 cname:sip:alice@127.0.0.1\r\n\
    a=minptime:20\r\n\
    a=ptime:20\r\n";

/// In the shape in which PJSUA sends it.
const PJSIP: &str = "v=0\r\n\
    o=- 3912345678 3912345678 IN IP4 10.0.0.5\r\n\
    s=pjmedia\r\n\
    b=AS:117\r\n\
    t=0 0\r\n\
    a=X-nat:0\r\n\
    m=audio 4000 RTP/AVP 98 97 99 104 3 0 8 9 120 121 122\r\n\
    c=IN IP4 10.0.0.5\r\n\
    b=TIAS:96000\r\n\
    a=rtcp:4001 IN IP4 10.0.0.6\r\n\
    a=sendrecv\r\n\
    a=rtpmap:98 speex/16000\r\n\
    a=rtpmap:97 speex/8000\r\n\
    a=rtpmap:99 speex/32000\r\n\
    a=rtpmap:104 iLBC/8000\r\n\
    a=fmtp:104 mode=30\r\n\
    a=rtpmap:3 GSM/8000\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:9 G722/8000\r\n\
    a=rtpmap:120 telephone-event/16000\r\n\
    a=fmtp:120 0-16\r\n\
    a=rtpmap:121 telephone-event/8000\r\n\
    a=fmtp:121 0-16\r\n\
    a=rtpmap:122 telephone-event/32000\r\n\
    a=fmtp:122 0-16\r\n\
    a=ssrc:1091462190 cname:6a8e62d5\r\n";

/// In the shape in which Linphone sends it, with AVPF, RTCP on the same port and video.
const LINPHONE: &str = "v=0\r\n\
    o=bob 2890 1431 IN IP4 172.16.0.9\r\n\
    s=Talk\r\n\
    c=IN IP4 172.16.0.9\r\n\
    t=0 0\r\n\
    a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics\r\n\
    a=record:off\r\n\
    m=audio 7078 RTP/AVPF 96 97 98 0 8 18 101 99 100\r\n\
    a=rtpmap:96 opus/48000/2\r\n\
    a=fmtp:96 useinbandfec=1\r\n\
    a=rtpmap:97 speex/16000\r\n\
    a=rtpmap:98 speex/8000\r\n\
    a=fmtp:18 annexb=yes\r\n\
    a=rtpmap:101 telephone-event/48000\r\n\
    a=rtpmap:99 telephone-event/16000\r\n\
    a=rtpmap:100 telephone-event/8000\r\n\
    a=rtcp-fb:* trr-int 5000\r\n\
    a=rtcp-fb:* ccm tmmbr\r\n\
    a=rtcp-mux\r\n\
    m=video 9078 RTP/AVPF 96 97\r\n\
    a=rtpmap:96 VP8/90000\r\n\
    a=rtpmap:97 H264/90000\r\n\
    a=fmtp:97 profile-level-id=42801F\r\n";

/// In the shape in which Asterisk sends it.
const ASTERISK: &str = "v=0\r\n\
    o=- 1462035891 1462035891 IN IP4 203.0.113.10\r\n\
    s=Asterisk\r\n\
    c=IN IP4 203.0.113.10\r\n\
    t=0 0\r\n\
    m=audio 16384 RTP/AVP 8 0 101\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\n\
    a=ptime:20\r\n\
    a=maxptime:150\r\n\
    a=sendrecv\r\n";

/// As in SIPp's built-in scenario, but without the `rtpmap` of its static payload type, and with bare LF.
const SIPP: &str = "v=0\n\
    o=user1 53655765 2353687637 IN IP4 127.0.0.1\n\
    s=-\n\
    c=IN IP4 127.0.0.1\n\
    t=0 0\n\
    m=audio 6000 RTP/AVP 0\n";

const BOTH: &[Codec] = &[Codec::Pcma, Codec::Pcmu];

fn local() -> Local<'static> {
    Local {
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        rtp_port: 30000,
        codecs: BOTH,
        session_id: 7,
        version: 1,
        direction: Direction::SendRecv,
        events: true,
        protection: None,
        web: None,
    }
}

fn session(text: &str) -> Session {
    parse(text.as_bytes()).expect("a description")
}

fn answered(text: &str) -> (String, Agreed) {
    answer(&session(text), &local()).expect("an answer")
}

fn refused(text: &str) -> Refused {
    answer(&session(text), &local()).expect_err("refused")
}

/// The streams' lines of a description.
fn streams(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("m=")).collect()
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[test]
fn the_offer() {
    assert_eq!(
        offer(&local()),
        "v=0\r\no=user 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 30000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
}

#[test]
fn the_answer_takes_the_offers_first_codec_and_its_numbers() {
    let (text, agreed) = answered(BARESIP);
    assert_eq!(
        text,
        "v=0\r\no=user 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 30000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
    assert_eq!(
        agreed,
        Agreed {
            remote_rtp: address("192.0.2.2:16334"),
            remote_rtcp: address("192.0.2.2:16335"),
            codec: Codec::Pcma,
            payload_type: 8,
            dtmf: Some(101),
            dtmf_clock: 8000,
            ptime_ms: 20,
            noise: None,
            send: true,
            receive: true,
            peer_holds: false,
            keys: None,
            web: None,
        }
    );
}

#[test]
fn phones_and_switches() {
    let summary = |text: &str| {
        let agreed = answered(text).1;
        (agreed.codec, agreed.payload_type, agreed.dtmf, agreed.remote_rtp, agreed.remote_rtcp)
    };
    assert_eq!(
        summary(PJSIP),
        (Codec::Pcma, 8, Some(121), address("10.0.0.5:4000"), address("10.0.0.6:4001"))
    );
    assert_eq!(
        summary(LINPHONE),
        (Codec::Pcma, 8, Some(100), address("172.16.0.9:7078"), address("172.16.0.9:7079"))
    );
    assert_eq!(
        summary(ASTERISK),
        (Codec::Pcma, 8, Some(101), address("203.0.113.10:16384"), address("203.0.113.10:16385"))
    );
    assert_eq!(summary(SIPP), (Codec::Pcmu, 0, None, address("127.0.0.1:6000"), address("127.0.0.1:6001")));
    let text = answered(LINPHONE).0;
    assert_eq!(streams(&text), ["m=audio 30000 RTP/AVPF 8 100", "m=video 0 RTP/AVPF 96 97"]);
    assert!(!text.contains("rtcp-mux"));
}

#[test]
fn dynamic_numbers_and_our_own_limits() {
    let dynamic =
        "v=0\nc=IN IP6 2001:db8::7\nm=audio 5000 RTP/AVP 97 0\na=rtpmap:97 pcma/8000/1\na=rtpmap:0 PCMU/8000";
    let agreed = answered(dynamic).1;
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Pcma, 97));
    assert_eq!(agreed.remote_rtp, address("[2001:db8::7]:5000"));
    let ours = Local { codecs: &[Codec::Pcmu], ..local() };
    assert_eq!(answer(&session(dynamic), &ours).map(|(_, agreed)| agreed.payload_type), Ok(0));
}

#[test]
fn packets_are_as_long_as_the_peer_wishes_where_we_have_that_length() {
    let with = |line: &str| answered(&ASTERISK.replace("a=ptime:20\r\n", line)).1.ptime_ms;
    for (wished, sent) in [
        ("10", 10),
        ("20", 20),
        ("30", 30),
        ("40", 40),
        ("60", 60),
        ("25", 20),
        ("50", 40),
        ("1", 10),
        ("200", 60),
        ("4294967295", 60),
        ("0", 20),
        ("-10", 20),
        ("nonsense", 20),
        ("99999999999999999999", 20),
    ] {
        assert_eq!(with(&format!("a=ptime:{wished}\r\n")), sent, "{wished}");
    }
    assert_eq!(with(""), 20);
    let bears = |line: &str| answered(&ASTERISK.replace("a=ptime:20\r\na=maxptime:150\r\n", line)).1.ptime_ms;
    assert_eq!(bears("a=maxptime:10\r\n"), 10);
    assert_eq!(bears("a=ptime:60\r\na=maxptime:40\r\n"), 40);
    assert_eq!(bears("a=ptime:20\r\na=maxptime:0\r\n"), 20);
}

#[cfg(feature = "opus")]
#[test]
fn opus_has_no_packets_of_30_ms() {
    let text = ASTERISK
        .replace("RTP/AVP 8 0 101", "RTP/AVP 96")
        .replace("a=rtpmap:8 PCMA/8000", "a=rtpmap:96 opus/48000/2")
        .replace("a=ptime:20", "a=ptime:30");
    let local = Local { codecs: &[Codec::Opus], ..local() };
    let (_, agreed) = answer(&session(&text), &local).expect("an answer");
    assert_eq!((agreed.codec, agreed.ptime_ms), (Codec::Opus, 20));
}

#[test]
fn comfort_noise_is_agreed_on_with_who_offers_it() {
    let (text, agreed) = answered(&ASTERISK.replace("8 0 101", "8 0 13 101"));
    assert_eq!(agreed.noise, Some(13));
    assert_eq!(streams(&text), ["m=audio 30000 RTP/AVP 8 101 13"]);
    assert!(text.contains("a=rtpmap:13 CN/8000\r\n"), "{text}");
    let named =
        ASTERISK.replace("8 0 101", "8 0 107 101").replace("a=ptime", "a=rtpmap:107 CN/8000\r\na=ptime");
    assert_eq!(answered(&named).1.noise, Some(107));
    assert_eq!(answered(&named.replace("CN/8000", "CN/16000")).1.noise, None);
    let (text, agreed) = answered(ASTERISK);
    assert!(agreed.noise.is_none() && !text.contains("CN"), "{text}");
    assert!(!offer(&local()).contains("CN"));
}

#[test]
fn several_streams_keep_their_order() {
    let offer = "v=0\nc=IN IP4 192.0.2.7\nm=video 4000 RTP/AVP 31\nm=audio 0 RTP/AVP 0\nm=audio 4002 RTP/SAVP 0\n\
                 m=audio 4004 RTP/AVP 8\nm=image 4006 udptl t38\nm=audio 4008 RTP/AVP 0\n";
    let (text, agreed) = answered(offer);
    assert_eq!(
        streams(&text),
        [
            "m=video 0 RTP/AVP 31",
            "m=audio 0 RTP/AVP 0",
            "m=audio 0 RTP/SAVP 0",
            "m=audio 30000 RTP/AVP 8",
            "m=image 0 udptl t38",
            "m=audio 0 RTP/AVP 0",
        ]
    );
    assert_eq!(agreed.remote_rtp, address("192.0.2.7:4004"));

    let shape = session(&text);
    let held = Local { version: 2, direction: Direction::SendOnly, ..local() };
    let again = reoffer(&held, &shape);
    assert_eq!(streams(&again)[3], "m=audio 30000 RTP/AVP 8 0 101");
    assert_eq!(streams(&again).len(), 6);
    assert!(
        again.contains("o=user 7 2 IN IP4")
            && again.ends_with("m=image 0 udptl t38\r\nm=audio 0 RTP/AVP 0\r\n")
    );
    assert!(again.contains("a=sendonly\r\n"));
}

#[test]
fn what_is_refused() {
    let one = |line: &str| refused(&format!("v=0\r\nc=IN IP4 192.0.2.7\r\n{line}\r\n"));
    assert_eq!(one("m=video 4000 RTP/AVP 31"), Refused::NoAudio);
    assert_eq!(one("m=audio 0 RTP/AVP 0"), Refused::NoAudio);
    assert_eq!(one("t=0 0"), Refused::NoAudio);
    assert_eq!(one("m=audio 4000 RTP/AVP 9 18"), Refused::NoCodec);
    assert_eq!(one("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 G729/8000"), Refused::NoCodec);
    assert_eq!(one("m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 PCMA/16000"), Refused::NoCodec);
    let secured = one("m=audio 4000 RTP/SAVP 0");
    assert_eq!(secured.to_string(), "audio only over RTP/SAVP, not over RTP/AVP");
    assert_eq!(secured.status(), 488);
    assert_eq!(refused("v=0\r\nm=audio 4000 RTP/AVP 0\r\n"), Refused::NoAddress);
    let named = refused("v=0\r\nc=IN IP4 phone.example.com\r\nm=audio 4000 RTP/AVP 0\r\n");
    assert_eq!(named.to_string(), "the connection address is a name, not an IP address");
}

#[test]
fn every_direction_against_every_other() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    let cases = [
        // theirs, ours, answered
        (SendRecv, SendRecv, SendRecv),
        (SendOnly, SendRecv, RecvOnly),
        (RecvOnly, SendRecv, SendOnly),
        (Inactive, SendRecv, Inactive),
        (SendRecv, SendOnly, SendOnly),
        (SendOnly, SendOnly, Inactive),
        (RecvOnly, SendOnly, SendOnly),
        (SendRecv, RecvOnly, RecvOnly),
        (SendRecv, Inactive, Inactive),
    ];
    for (theirs, ours, expected) in cases {
        let offer = session(&ASTERISK.replace("a=sendrecv", &format!("a={theirs}")));
        let (text, agreed) = answer(&offer, &Local { direction: ours, ..local() }).expect("an answer");
        assert!(text.contains(&format!("a={expected}\r\n")), "{theirs} {ours}: {text}");
        assert_eq!((agreed.send, agreed.receive), (expected.sends(), expected.receives()), "{theirs} {ours}");
        assert_eq!(agreed.peer_holds, !theirs.receives(), "{theirs} {ours}");
    }
}

#[test]
fn held_for_the_whole_session_or_by_address() {
    let (text, agreed) = answered("v=0\nc=IN IP4 192.0.2.7\na=inactive\nm=audio 4000 RTP/AVP 0\n");
    assert!(text.contains("a=inactive\r\n") && agreed.peer_holds);

    let (text, agreed) = answered(&ASTERISK.replace("c=IN IP4 203.0.113.10", "c=IN IP4 0.0.0.0"));
    assert!(text.contains("a=recvonly\r\n"));
    assert_eq!((agreed.send, agreed.receive, agreed.peer_holds), (false, true, true));
    assert!(agreed.remote_rtp.ip().is_unspecified());
    // RFC 2543 knew nothing else, and some add a direction to it.
    for (direction, answered_with, receive) in
        [("sendonly", "recvonly", true), ("recvonly", "inactive", false), ("inactive", "inactive", false)]
    {
        let held =
            ASTERISK.replace("c=IN IP4 203.0.113.10", "c=IN IP4 0.0.0.0").replace("sendrecv", direction);
        let (text, agreed) = answered(&held);
        assert!(text.contains(&format!("a={answered_with}\r\n")), "{direction}: {text}");
        assert_eq!((agreed.send, agreed.receive, agreed.peer_holds), (false, receive, true), "{direction}");
    }
    let (_, agreed) = answered("v=0\nc=IN IP6 ::\nm=audio 4000 RTP/AVP 0\n");
    assert_eq!((agreed.send, agreed.peer_holds), (false, true));
}

#[test]
fn who_only_listens_is_mute_and_holds_nobody() {
    let (text, agreed) = answered(&ASTERISK.replace("sendrecv", "recvonly"));
    assert!(text.contains("a=sendonly\r\n"), "{text}");
    assert_eq!((agreed.send, agreed.receive, agreed.peer_holds), (true, false, false));
    let muted = agree(&local(), &session(&ASTERISK.replace("sendrecv", "recvonly"))).expect("agreed");
    assert_eq!((muted.send, muted.receive, muted.peer_holds), (true, false, false));
}

#[test]
fn an_answer_to_our_offer() {
    let agreed = agree(&local(), &session(ASTERISK)).expect("agreed");
    assert_eq!((agreed.codec, agreed.dtmf, agreed.peer_holds), (Codec::Pcma, Some(101), false));

    let ours = Local { direction: Direction::SendOnly, ..local() };
    let held = agree(&ours, &session(&ASTERISK.replace("sendrecv", "recvonly"))).expect("agreed");
    assert_eq!((held.send, held.receive, held.peer_holds), (true, false, false), "we hold, not the peer");

    let inactive = session(&ASTERISK.replace("sendrecv", "inactive"));
    let held = agree(&local(), &inactive).expect("agreed");
    assert_eq!((held.send, held.receive, held.peer_holds), (false, false, true));

    let refused = session("v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 0 RTP/AVP 8\r\n");
    assert_eq!(agree(&local(), &refused), Err(Refused::NoAudio));
}

#[test]
fn what_we_offer_we_can_answer() {
    let (text, agreed) = answered(&offer(&local()));
    let back = agree(&local(), &session(&text)).expect("agreed");
    assert_eq!(back, agreed);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever lines a description is shuffled and cut from, there is an answer with as many streams, or a reason.
    #[test]
    fn never_panics(
        picks in proptest::collection::vec((0usize..90, 0usize..40), 0..40),
        ours in 0usize..4,
    ) {
        let corpus = [BARESIP, PJSIP, LINPHONE, ASTERISK, SIPP].concat();
        let lines: Vec<&str> = corpus.lines().collect();
        let cut = |&(line, keep): &(usize, usize)| {
            let line = lines[line % lines.len()];
            line.chars().take(if keep < 10 { keep * 3 } else { usize::MAX }).collect::<String>()
        };
        let text = picks.iter().map(cut).collect::<Vec<_>>().join("\r\n");
        let direction = Direction::new(ours & 1 == 1, ours & 2 == 2);
        if let Ok(offer) = parse(text.as_bytes()) {
            let local = Local { direction, ..local() };
            let _ = agree(&local, &offer);
            let again = session(&reoffer(&local, &offer));
            prop_assert!(again.media.len() >= offer.media.len());
            if let Ok((text, agreed)) = answer(&offer, &local) {
                let answer = session(&text);
                prop_assert_eq!(answer.media.len(), offer.media.len());
                prop_assert_eq!(answer.media.iter().filter(|m| m.port != 0).count(), 1);
                prop_assert!(!agreed.send || direction.sends());
            }
        }
    }
}
