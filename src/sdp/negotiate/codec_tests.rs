//! Codecs with static and dynamic numbers, in whose order, with events at which clock.

use std::net::{IpAddr, Ipv4Addr};

use super::*;

fn local(codecs: &[Codec]) -> Local<'_> {
    Local {
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        rtp_port: 30000,
        codecs,
        session_id: 7,
        version: 1,
        direction: Direction::SendRecv,
        events: true,
        protection: None,
        web: None,
    }
}

fn session(media: &str) -> Session {
    parse(format!("v=0\r\nc=IN IP4 192.0.2.7\r\n{media}").as_bytes()).expect("a description")
}

fn answered(media: &str, codecs: &[Codec]) -> Result<(String, Agreed), Refused> {
    answer(&session(media), &local(codecs))
}

/// Codec, its number, number and clock of its events.
fn summary(media: &str, codecs: &[Codec]) -> Option<(Codec, u8, Option<u8>, u32)> {
    let agreed = answered(media, codecs).ok()?.1;
    Some((agreed.codec, agreed.payload_type, agreed.dtmf, agreed.dtmf_clock))
}

const WIDE: &str = "m=audio 4000 RTP/AVP 0 9 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

#[test]
fn whoever_answers_chooses() {
    use Codec::{G722, Pcma, Pcmu};
    assert_eq!(summary(WIDE, &[G722, Pcmu]), Some((G722, 9, Some(101), 8000)));
    assert_eq!(summary(WIDE, &[Pcmu, G722]), Some((Pcmu, 0, Some(101), 8000)));
    assert_eq!(answered(WIDE.replace(" 9", "").as_str(), &[G722]).err(), Some(Refused::NoCodec));
    let theirs =
        agree(&local(&[Pcma, Pcmu, G722]), &session("m=audio 4000 RTP/AVP 9 0\r\n")).expect("agreed");
    assert_eq!(theirs.codec, G722, "the answer to our offer has their order");
}

#[test]
fn what_is_called_a_codec_and_is_another_one() {
    let with = |map: &str| format!("m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 {map}\r\n");
    let codec = |map: &str| summary(&with(map), &Codec::ALL).map(|agreed| agreed.0);
    assert_eq!(codec("g722/8000"), Some(Codec::G722));
    assert_eq!(codec("G722/16000"), None, "its clock is 8000, whatever it samples at");
    assert_eq!(codec("PCMU/8000/2"), None, "two channels");
    assert_eq!(codec("PCMU/8000/x"), None);
    assert_eq!(codec("PCMU"), None);
}

#[test]
fn an_offer_of_all() {
    let text = offer(&local(&[Codec::G722, Codec::Pcma]));
    assert!(
        text.contains("m=audio 30000 RTP/AVP 9 8 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\n"),
        "{text}"
    );
    assert!(text.contains("a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"), "{text}");
    assert!(!text.contains("48000"), "{text}");
}

#[test]
fn a_thousand_lines() {
    let many = |line: &dyn Fn(u32) -> String| (0..1000).map(line).collect::<String>();
    let formats = many(&|n| format!(" {}", 96 + n % 32));
    let maps = many(&|n| format!("a=rtpmap:{} X{n}/8000\r\n", 96 + n % 32));
    assert_eq!(
        answered(&format!("m=audio 4000 RTP/AVP{formats}\r\n{maps}"), &Codec::ALL).err(),
        Some(Refused::NoCodec)
    );
    let (text, agreed) =
        answered(&format!("m=audio 4000 RTP/AVP{formats} 8\r\n{maps}"), &Codec::ALL).expect("an answer");
    assert_eq!((agreed.codec, text.lines().count() < 20), (Codec::Pcma, true), "{text}");
}

#[cfg(feature = "opus")]
mod opus {
    use super::*;
    use Codec::{Opus, Pcma};

    /// As Linphone and browsers have it.
    const OFFER: &str = "m=audio 7078 RTP/AVP 96 0 8 101 100\r\n\
        a=rtpmap:96 opus/48000/2\r\n\
        a=fmtp:96 minptime=10;useinbandfec=1\r\n\
        a=rtpmap:101 telephone-event/48000\r\n\
        a=rtpmap:100 telephone-event/8000\r\n";

    #[test]
    fn under_the_offers_number_with_events_at_its_clock() {
        let (text, agreed) = answered(OFFER, &[Opus, Pcma]).expect("an answer");
        assert_eq!((agreed.codec, agreed.payload_type), (Opus, 96));
        assert_eq!((agreed.dtmf, agreed.dtmf_clock), (Some(101), 48_000));
        assert!(
            text.contains(
                "m=audio 30000 RTP/AVP 96 101\r\na=rtpmap:96 opus/48000/2\r\n\
                 a=fmtp:96 useinbandfec=1;stereo=0;sprop-stereo=0\r\n\
                 a=rtpmap:101 telephone-event/48000\r\na=fmtp:101 0-15\r\n"
            ),
            "{text}"
        );
        assert_eq!(summary(OFFER, &[Pcma]), Some((Pcma, 8, Some(100), 8000)));
        let slow = OFFER.replace("a=rtpmap:101 telephone-event/48000\r\n", "");
        assert_eq!(summary(&slow, &[Opus]), Some((Opus, 96, Some(100), 8000)), "no other clock is offered");
    }

    #[test]
    fn one_channel_is_forgiven_and_three_are_not() {
        for (map, taken) in
            [("opus/48000", true), ("OPUS/48000/1", true), ("opus/48000/3", false), ("opus/16000/2", false)]
        {
            assert_eq!(summary(&OFFER.replace("opus/48000/2", map), &[Opus]).is_some(), taken, "{map}");
        }
    }

    #[test]
    fn ours_has_events_at_both_clocks_and_is_one_that_we_can_answer() {
        let text = super::super::offer(&local(&Codec::ALL));
        assert!(text.contains("m=audio 30000 RTP/AVP 8 0 9 111 101 102\r\n"), "{text}");
        assert!(text.contains("a=rtpmap:102 telephone-event/48000\r\n"), "{text}");
        let offer = parse(text.as_bytes()).expect("a description");
        for codec in Codec::ALL {
            let (answered, ours) = answer(&offer, &local(&[codec])).expect("an answer");
            let theirs = agree(&local(&Codec::ALL), &parse(answered.as_bytes()).expect("a description"));
            assert_eq!(theirs, Ok(ours.clone()), "{codec}");
            assert_eq!((ours.codec, ours.dtmf_clock), (codec, codec.clock_rate()), "{codec}");
        }
    }
}
