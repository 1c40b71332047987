//! `a=crypto` (RFC 4568): suites and keys of SRTP in a session description.
//!
//! ```text
//!   a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 WSH=64
//!           tag suite                        key and salt, lifetime, number of the key     session parameters
//! ```

use data_encoding::BASE64_NOPAD;

use super::{Attribute, Media};
use crate::base::srtp::{Encryption, Key, KeyRing, Keys, Mki, Suite};

/// Our side of the encryption of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Protection<'a> {
    /// Whether a stream in the clear is refused.
    pub mandatory: bool,
    /// What we protect our packets with.
    pub keys: &'a KeyRing,
    /// Offer RTP/SAVP, not RTP/AVP with keys ("best effort"): where encryption is mandatory, or goes on already.
    pub savp: bool,
}

impl<'a> Protection<'a> {
    /// `None` where nothing is encrypted.
    pub fn new(encryption: Encryption, keys: &'a KeyRing, goes_on: bool) -> Option<Self> {
        let mandatory = encryption == Encryption::Mandatory;
        (encryption != Encryption::Off).then_some(Protection { mandatory, keys, savp: mandatory || goes_on })
    }
}

/// What we offer, in this order: all but the short tags, which are only taken where a peer wants them.
const OFFERED: [Suite; 4] =
    [Suite::AeadAes256Gcm, Suite::AeadAes128Gcm, Suite::Aes256CmSha1_80, Suite::Aes128CmSha1_80];

/// A line of a peer that we can work with.
pub(super) struct Line<'a> {
    tag: &'a str,
    /// As the peer writes it, for the answer.
    name: &'a str,
    key: Key,
}

impl<'a> Line<'a> {
    /// The first of the stream that we can work with (RFC 4568 §5.1.2).
    pub fn first_of(stream: &'a Media) -> Option<Self> {
        let crypto = |attribute: &&Attribute| attribute.name.eq_ignore_ascii_case("crypto");
        stream.attributes.iter().filter(crypto).find_map(|attribute| Line::read(attribute.value.as_deref()?))
    }

    fn read(value: &'a str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next()?;
        let name = words.next()?;
        let suite = Suite::from_name(name)?;
        let key = key(suite, words.next()?)?;
        let is_tag = (1..=9).contains(&tag.len()) && tag.bytes().all(|octet| octet.is_ascii_digit());
        (is_tag && words.all(is_acceptable)).then_some(Line { tag, name, key })
    }

    /// What is agreed by taking this line; `None` where the ring lacks the suite, which no ring does.
    pub fn keys(&self, ring: &KeyRing) -> Option<Keys> {
        Some(Keys { ours: ring.key(self.key.suite())?.clone(), theirs: self.key.clone() })
    }

    /// The line of our answer: the same tag and suite, our own key.
    pub fn answer(&self, ours: &Key) -> Attribute {
        line(self.tag, self.name, ours)
    }
}

/// The lines of our offer.
pub(super) fn offered(ring: &KeyRing) -> impl Iterator<Item = Attribute> {
    let keys = OFFERED.into_iter().filter_map(|suite| ring.key(suite));
    keys.enumerate().map(|(at, key)| line(&(at + 1).to_string(), key.suite().name(), key))
}

fn line(tag: &str, suite: &str, key: &Key) -> Attribute {
    let mut inline = BASE64_NOPAD.encode(key.octets());
    // Padded: RFC 4568 §6.1 wants it.
    inline.extend(std::iter::repeat_n('=', (4 - inline.len() % 4) % 4));
    Attribute::new("crypto", format_args!("{tag} {suite} inline:{inline}"))
}

/// `inline:key||salt|lifetime|MKI:length`. Several keys at once (by semicolons) are none of ours.
fn key(suite: Suite, text: &str) -> Option<Key> {
    let (method, rest) = text.split_once(':')?;
    if !method.eq_ignore_ascii_case("inline") {
        return None;
    }
    let mut parts = rest.split('|');
    let octets = BASE64_NOPAD.decode(parts.next()?.trim_end_matches('=').as_bytes()).ok()?;
    let (lifetime, mki) = match (parts.next(), parts.next(), parts.next()) {
        (lifetime, None, _) => match lifetime {
            // The lifetime may be left out before an MKI.
            Some(only) if only.contains(':') => (None, Some(only)),
            only => (only, None),
        },
        (lifetime, mki, None) => (lifetime, mki),
        _ => return None,
    };
    if !lifetime.is_none_or(is_lifetime) {
        return None;
    }
    let mki = match mki {
        None => None,
        Some(mki) => {
            let (value, length) = mki.split_once(':')?;
            Some(Mki::new(value.parse().ok()?, length.parse().ok()?)?)
        }
    };
    Key::new(suite, &octets, mki)
}

/// `2^20` or a number of packets. No call lasts long enough to reach a sensible one.
fn is_lifetime(text: &str) -> bool {
    let digits = text.strip_prefix("2^").unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit())
}

/// A session parameter (RFC 4568 §6.3) that changes nothing for us: the size of the replay window, a derivation rate
/// of none, and what the peer says may be ignored. What takes encryption or authentication away is refused, and with
/// it the line.
fn is_acceptable(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or("").to_ascii_uppercase();
    name == "WSH" || name.starts_with('-') || parameter.eq_ignore_ascii_case("KDR=0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";
    const INLINE: &str = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn read(value: &str) -> Option<Key> {
        Line::read(value).map(|line| line.key)
    }

    #[test]
    fn lines_of_rfc_4568_and_of_phones() {
        let plain = read(&format!("1 {SUITE} {INLINE}")).expect("read");
        assert_eq!((plain.suite(), plain.mki()), (Suite::Aes128CmSha1_80, &[][..]));
        assert_eq!(plain.octets().len(), 30);
        for same in ["|2^20", "|1048576", " WSH=64", " KDR=0 -SOMETHING=1", "|2^31 WSH=128"] {
            assert_eq!(read(&format!("1 {SUITE} {INLINE}{same}")).as_ref(), Some(&plain), "{same}");
        }
        for (mki, octets) in [("|2^20|1:4", &[0, 0, 0, 1][..]), ("|7:1", &[7])] {
            let key = read(&format!("999999999 {SUITE} {INLINE}{mki}")).expect("read");
            assert_eq!((key.octets(), key.mki()), (plain.octets(), octets));
        }
        let gcm = "AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==";
        assert_eq!(read(&format!("2 {gcm}")).map(|key| key.suite()), Some(Suite::AeadAes128Gcm));
        assert_eq!(read(&format!("2 {}", gcm.trim_end_matches('='))), read(&format!("2 {gcm}")));
    }

    #[test]
    fn lines_that_are_passed_over() {
        for line in [
            format!("1 {SUITE} {INLINE} UNENCRYPTED_SRTP"),
            format!("1 {SUITE} {INLINE} UNENCRYPTED_SRTCP"),
            format!("1 {SUITE} {INLINE} WSH=64 UNAUTHENTICATED_SRTP"),
            format!("1 {SUITE} {INLINE} KDR=1"),
            format!("1 {SUITE} {INLINE} FEC_ORDER=FEC_SRTP"),
            format!("1 {SUITE} {INLINE} SOMETHING=1"),
            format!("1 {SUITE} {INLINE};{INLINE}"),
            format!("1 {SUITE} {INLINE}|2^20|1:4|9"),
            format!("1 {SUITE} {INLINE}|many"),
            format!("1 {SUITE} {INLINE}|2^20|1:129"),
            format!("1 {SUITE} {INLINE}|2^20|256:1"),
            format!("1 {SUITE} {}", INLINE.replace("WVN", "WV")),
            format!("1 {SUITE} {}", INLINE.replace('W', "?")),
            format!("1 {SUITE} uri:https://192.0.2.1/key"),
            format!("1 F8_128_HMAC_SHA1_80 {INLINE}"),
            format!("one {SUITE} {INLINE}"),
            format!("1234567890 {SUITE} {INLINE}"),
            format!("1 {SUITE}"),
            String::new(),
        ] {
            assert_eq!(read(&line), None, "{line}");
        }
    }

    #[test]
    fn what_we_write_is_what_we_read() {
        let ring = KeyRing::new(&mut Rng::from_number(1));
        let lines: Vec<_> = offered(&ring).map(|line| line.value.unwrap_or_default()).collect();
        let read: Vec<_> = lines.iter().filter_map(|line| read(line)).collect();
        let own: Vec<_> = OFFERED.iter().filter_map(|suite| ring.key(*suite).cloned()).collect();
        assert_eq!(read, own);
        let tags: Vec<_> = lines.iter().map(|line| line.split(' ').next()).collect();
        assert_eq!(tags, ["1", "2", "3", "4"].map(Some));
        assert!(lines.iter().all(|line| line.split(':').next_back().is_some_and(|key| key.len() % 4 == 0)));
    }
}
