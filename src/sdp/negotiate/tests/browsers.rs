//! Streams of browsers (WebRTC).

use super::*;
use crate::base::Rng;
use crate::base::ice::{Credentials, Fingerprint, Role};
use crate::sdp::Web;

const PRINT: &str =
    "7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08";

/// Of Chromium 156, its audio alone, without the lines that are the same for each codec.
const CHROMIUM: &str = "v=0\r\n\
    o=- 7614219274584779017 2 IN IP4 127.0.0.1\r\n\
    s=-\r\n\
    t=0 0\r\n\
    a=group:BUNDLE 0\r\n\
    a=extmap-allow-mixed\r\n\
    a=msid-semantic: WMS\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n\
    c=IN IP4 0.0.0.0\r\n\
    a=rtcp:9 IN IP4 0.0.0.0\r\n\
    a=candidate:1 1 udp 2122260223 0dc6b74a-1b0a-4d2c-8b6f-0a8e2d1d8b6a.local 56143 typ host generation 0\r\n\
    a=ice-ufrag:4ZcD\r\n\
    a=ice-pwd:2/1muCWoOi3uLifh0NuRHlig\r\n\
    a=ice-options:trickle\r\n\
    a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08\r\n\
    a=setup:actpass\r\n\
    a=mid:0\r\n\
    a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
    a=sendrecv\r\n\
    a=rtcp-mux\r\n\
    a=rtpmap:111 opus/48000/2\r\n\
    a=rtcp-fb:111 transport-cc\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\n\
    a=rtpmap:63 red/48000/2\r\n\
    a=fmtp:63 111/111\r\n\
    a=rtpmap:9 G722/8000\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:13 CN/8000\r\n\
    a=rtpmap:110 telephone-event/48000\r\n\
    a=rtpmap:126 telephone-event/8000\r\n\
    a=ssrc:2754920552 cname:Jz3YyqHn0yTbl0xk\r\n";

fn credentials() -> Credentials {
    Credentials::random(&mut Rng::from_number(1))
}

fn ours() -> Fingerprint {
    Fingerprint::new([0xab; 32])
}

fn web(credentials: &Credentials, only: bool) -> Local<'_> {
    Local { web: Some(Web { credentials, fingerprint: ours(), only, before: None }), ..local() }
}

#[test]
fn a_browsers_offer_is_answered() {
    let credentials = credentials();
    let (text, agreed) = answer(&session(CHROMIUM), &web(&credentials, false)).expect("an answer");
    let print = ours();
    let (ufrag, password) = (credentials.ufrag(), credentials.password());
    assert_eq!(
        text,
        format!(
            "v=0\r\no=user 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
             a=group:BUNDLE 0\r\na=ice-lite\r\n\
             m=audio 30000 UDP/TLS/RTP/SAVPF 8 126 13\r\na=rtpmap:8 PCMA/8000\r\n\
             a=rtpmap:126 telephone-event/8000\r\na=fmtp:126 0-15\r\na=rtpmap:13 CN/8000\r\n\
             a=ptime:20\r\na=sendrecv\r\na=mid:0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n\
             a=ice-options:trickle\r\na=fingerprint:sha-256 {print}\r\na=setup:passive\r\na=rtcp-mux\r\n\
             a=msid:hotline audio\r\na=candidate:1 1 udp 2130706431 192.0.2.1 30000 typ host\r\n\
             a=end-of-candidates\r\n"
        )
    );
    let peer = agreed.web.expect("a browser");
    assert_eq!((peer.ufrag.as_str(), peer.role), ("4ZcD", Role::Server));
    assert_eq!(peer.fingerprint.to_string(), PRINT);
    assert!(
        agreed.send && agreed.receive && !agreed.peer_holds,
        "0.0.0.0 says that checks will show, not a hold"
    );
    assert!(agreed.remote_rtp.ip().is_unspecified() && agreed.keys.is_none());
}

#[test]
fn a_browser_is_offered_what_it_takes() {
    let credentials = credentials();
    let local = web(&credentials, true);
    let offer = session(&offer(&local));
    assert_eq!(
        offer.attributes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["group:BUNDLE 0", "ice-lite"]
    );
    let [stream] = &offer.media[..] else { panic!("{offer:?}") };
    assert_eq!(stream.protocol, "UDP/TLS/RTP/SAVPF");
    assert_eq!(value(stream, "setup"), Some("actpass"));
    for (setup, role) in [("active", Role::Server), ("passive", Role::Client)] {
        let text = CHROMIUM.replace("setup:actpass", &format!("setup:{setup}"));
        let agreed = agree(&local, &session(&text)).expect("agreed").web.expect("a browser");
        assert_eq!(agreed.role, role);
    }
    assert_eq!(agree(&local, &session(ASTERISK)), Err(Refused::InTheClear), "never anything else");
    let plain = web(&credentials, false);
    assert!(matches!(agree(&plain, &session(CHROMIUM)), Err(Refused::Transport(_))), "not what we offered");
    assert!(agree(&plain, &session(ASTERISK)).expect("agreed").web.is_none());
}

#[test]
fn what_was_agreed_stays_until_the_certificate_is_another() {
    let credentials = credentials();
    let passive = CHROMIUM.replace("setup:actpass", "setup:passive").replace("mid:0", "mid:voice");
    let before =
        answer(&session(&passive), &web(&credentials, false)).expect("an answer").1.web.expect("a browser");
    assert_eq!(before.role, Role::Client);
    let local = web(&credentials, true);
    let local = Local { web: local.web.map(|web| Web { before: Some(&before), ..web }), ..local };
    let again = |text: &str| answer(&session(text), &local).map(|(text, agreed)| (text, agreed.web));
    let (text, agreed) = again(CHROMIUM).expect("an answer");
    assert_eq!(agreed.map(|agreed| agreed.role), Some(Role::Client), "a role is for the association");
    assert!(text.contains("a=setup:active\r\n"));
    let other = CHROMIUM.replace("7B:8B", "7C:8B");
    assert_eq!(again(&other).expect("an answer").1.map(|agreed| agreed.role), Some(Role::Server));
    assert_eq!(again(ASTERISK).err(), Some(Refused::InTheClear));
    assert!(offer(&local).contains("a=mid:voice\r\n") && offer(&local).contains("a=group:BUNDLE voice\r\n"));
}

#[test]
fn who_cannot_be_known_or_reached_is_refused() {
    let credentials = credentials();
    for without in ["a=rtcp-mux\r\n", "a=ice-ufrag:4ZcD\r\n", PRINT] {
        let offer = session(&CHROMIUM.replace(without, ""));
        assert_eq!(answer(&offer, &web(&credentials, false)).err(), Some(Refused::NoHandshake), "{without}");
    }
    let weak = session(&CHROMIUM.replace("sha-256", "sha-1"));
    assert_eq!(answer(&weak, &web(&credentials, false)).err(), Some(Refused::NoHandshake));
    assert!(matches!(answer(&session(CHROMIUM), &local()), Err(Refused::Transport(_))), "not from everybody");
}

#[test]
fn video_is_refused_in_its_place() {
    let credentials = credentials();
    let offer = CHROMIUM.replace("BUNDLE 0", "BUNDLE 0 1")
        + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n";
    let (text, _) = answer(&session(&offer), &web(&credentials, false)).expect("an answer");
    assert!(
        text.contains("a=group:BUNDLE 0\r\n") && text.contains("m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"),
        "{text}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in the lines that browsers add, nothing breaks.
    #[test]
    fn no_line_of_a_browser_breaks_anything(line in 0usize..40, text in "\\PC{0,60}", value in "[ -~]{0,40}") {
        let credentials = credentials();
        let lines: Vec<_> = CHROMIUM.split_terminator("\r\n").collect();
        let at = line % lines.len();
        let name = lines[at].split(':').next().unwrap_or_default();
        for changed in [text.clone(), format!("{name}:{value}")] {
            let mut lines = lines.clone();
            lines[at] = &changed;
            if let Ok(offer) = parse((lines.join("\r\n") + "\r\n").as_bytes()) {
                let _ = answer(&offer, &web(&credentials, false));
                let _ = agree(&web(&credentials, true), &offer);
            }
        }
    }
}
