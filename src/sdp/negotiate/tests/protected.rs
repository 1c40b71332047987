//! Encrypted streams: RTP/SAVP, and RTP/AVP with keys.

use super::*;
use crate::base::Rng;
use crate::base::srtp::{Encryption, KeyRing, Suite};

const KEY: &str = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

fn ring(seed: u64) -> KeyRing {
    KeyRing::new(&mut Rng::from_number(seed))
}

fn protected(encryption: Encryption, keys: &KeyRing) -> Local<'_> {
    Local { protection: Protection::new(encryption, keys, false), ..local() }
}

fn description(streams: &[(&str, &[&str])]) -> Session {
    let mut text = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n".to_owned();
    for (at, (protocol, lines)) in streams.iter().enumerate() {
        text +=
            &format!("m=audio {} {protocol} 8 101\r\na=rtpmap:101 telephone-event/8000\r\n", 4000 + 2 * at);
        lines.iter().for_each(|line| text += &format!("a=crypto:{line}\r\n"));
    }
    session(&text)
}

/// What is made of an offer: ports and protocols of the answer's streams, the line of its key without the key, suite.
fn made_of(offer: &Session, encryption: Encryption) -> Result<String, Refused> {
    let keys = ring(1);
    let (text, agreed) = answer(offer, &protected(encryption, &keys))?;
    let mut out = Vec::new();
    for stream in &session(&text).media {
        out.push(format!("{} {}", if stream.port == 0 { "refused" } else { "taken" }, stream.protocol));
        for crypto in stream.attributes.iter().filter(|attribute| attribute.name == "crypto") {
            let value = crypto.value.as_deref().unwrap_or_default();
            out.push(value.split(" inline:").next().unwrap_or_default().to_owned());
        }
    }
    if let Some(agreed) = &agreed.keys {
        assert_eq!(keys.key(agreed.ours.suite()), Some(&agreed.ours), "our own key");
        assert_eq!(agreed.ours.suite(), agreed.theirs.suite());
        assert_ne!(agreed.ours.octets(), agreed.theirs.octets());
        out.push(agreed.ours.suite().name().to_owned());
    }
    Ok(out.join(", "))
}

#[test]
fn answers_in_each_mode() {
    use Encryption::{Mandatory, Off, Optional};
    let (strong, short) =
        (format!("3 AES_CM_128_HMAC_SHA1_80 {KEY}|2^31"), format!("9 AES_CM_128_HMAC_SHA1_32 {KEY}"));
    let draft = format!("1 AES_CM_256_HMAC_SHA1_80 inline:{}", "QUFB".repeat(15) + "QQ==");
    let unknown = format!("1 F8_128_HMAC_SHA1_80 {KEY}");
    let clear = format!("1 AES_CM_128_HMAC_SHA1_80 {KEY} UNENCRYPTED_SRTP");
    let savp = description(&[("RTP/SAVP", &[&strong, &short])]);
    let made = "taken RTP/SAVP, 3 AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_80";
    for mode in [Optional, Mandatory] {
        assert_eq!(made_of(&savp, mode).as_deref(), Ok(made), "the first line, its tag");
        let turned = description(&[("RTP/SAVPF", &[&clear, &unknown, &short, &strong])]);
        let made = "taken RTP/SAVPF, 9 AES_CM_128_HMAC_SHA1_32, AES_CM_128_HMAC_SHA1_32";
        assert_eq!(made_of(&turned, mode).as_deref(), Ok(made), "the first that we can work with");
        let best_effort = description(&[("RTP/AVP", &[&strong])]);
        let made = "taken RTP/AVP, 3 AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_80";
        assert_eq!(made_of(&best_effort, mode).as_deref(), Ok(made));
        let both = description(&[("RTP/AVP", &[]), ("RTP/SAVP", &[&strong])]);
        let made = "refused RTP/AVP, taken RTP/SAVP, 3 AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_80";
        assert_eq!(made_of(&both, mode).as_deref(), Ok(made), "the encrypted one of two");
        let drafts = description(&[("RTP/SAVP", &[&draft])]);
        let made = "taken RTP/SAVP, 1 AES_CM_256_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_80";
        assert_eq!(made_of(&drafts, mode).as_deref(), Ok(made), "the suite as the peer writes it");
        for useless in [&[][..], &[&*unknown], &[&*clear]] {
            assert_eq!(made_of(&description(&[("RTP/SAVP", useless)]), mode), Err(Refused::NoSuite));
        }
    }
    let plain = description(&[("RTP/AVP", &[])]);
    assert_eq!(made_of(&plain, Optional).as_deref(), Ok("taken RTP/AVP"));
    assert_eq!(made_of(&plain, Mandatory), Err(Refused::InTheClear));
    assert_eq!(made_of(&description(&[("RTP/AVP", &[&clear])]), Mandatory), Err(Refused::InTheClear));
    assert_eq!(made_of(&description(&[("RTP/AVP", &[&strong])]), Off).as_deref(), Ok("taken RTP/AVP"));
    assert_eq!(made_of(&savp, Off), Err(Refused::Transport("RTP/SAVP".to_owned())));
    let both = description(&[("RTP/SAVP", &[&strong]), ("RTP/AVP", &[])]);
    assert_eq!(made_of(&both, Off).as_deref(), Ok("refused RTP/SAVP, taken RTP/AVP"));
}

#[test]
fn offers_and_what_their_answers_mean() {
    use Encryption::{Mandatory, Off, Optional};
    let (ours, theirs) = (ring(1), ring(2));
    for (mode, protocol) in [(Optional, "RTP/AVP"), (Mandatory, "RTP/SAVP")] {
        let text = offer(&protected(mode, &ours));
        assert!(
            text.contains(&format!("m=audio 30000 {protocol} ")) && text.contains("a=crypto:4 "),
            "{text}"
        );
        for (peer, encrypted) in [(Mandatory, true), (Optional, true), (Off, false)] {
            let Ok((text, agreed)) = answer(&session(&text), &protected(peer, &theirs)) else {
                assert_eq!((mode, peer), (Mandatory, Off), "the one that is refused");
                continue;
            };
            let back = agree(&protected(mode, &ours), &session(&text)).expect("agreed");
            assert_eq!(back.keys.is_some(), encrypted, "{mode:?} {peer:?}");
            if let (Some(back), Some(agreed)) = (back.keys, agreed.keys) {
                assert_eq!((&back.ours, &back.theirs), (&agreed.theirs, &agreed.ours));
                assert_eq!(back.ours.suite(), Suite::AeadAes256Gcm, "the first that we offer");
            }
        }
    }
    let plain = description(&[("RTP/AVP", &[])]);
    assert_eq!(agree(&protected(Mandatory, &ours), &plain), Err(Refused::InTheClear));
    assert_eq!(
        agree(&protected(Mandatory, &ours), &description(&[("RTP/SAVP", &[])])),
        Err(Refused::NoSuite)
    );
    assert!(!offer(&protected(Off, &ours)).contains("crypto"));
}

#[test]
fn what_is_encrypted_is_offered_as_such_from_then_on() {
    let keys = ring(1);
    let again = Local { protection: Protection::new(Encryption::Optional, &keys, true), ..local() };
    assert!(offer(&again).contains("RTP/SAVP"));
}

#[test]
fn a_refusal_says_its_reason_by_code() {
    let codes = [
        (Refused::NoAddress, 301),
        (Refused::InTheClear, 302),
        (Refused::Transport("RTP/SAVP".to_owned()), 302),
        (Refused::NoAudio, 304),
        (Refused::NoCodec, 305),
        (Refused::NoSuite, 399),
    ];
    codes.into_iter().for_each(|(refused, code)| assert_eq!(refused.warning(), code));
}
