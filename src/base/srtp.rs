//! What a session description agrees on about encryption, and the media engine works with: suites and keys of
//! SRTP (RFC 3711).

use std::fmt;

use zeroize::Zeroize;

use super::Rng;

/// How packets are encrypted and authenticated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Suite {
    /// RFC 7714.
    AeadAes256Gcm,
    AeadAes128Gcm,
    /// RFC 6188.
    Aes256CmSha1_80,
    /// RFC 3711 and 4568 §6.2.1: what every implementation has.
    Aes128CmSha1_80,
    /// A tag of four octets lets one forged packet of four thousand million through.
    Aes256CmSha1_32,
    Aes128CmSha1_32,
}

impl Suite {
    /// In our order of preference: authenticated encryption first (faster, and a tag of sixteen octets), longer keys
    /// before shorter ones, short tags last.
    pub const ALL: [Suite; 6] = [
        Suite::AeadAes256Gcm,
        Suite::AeadAes128Gcm,
        Suite::Aes256CmSha1_80,
        Suite::Aes128CmSha1_80,
        Suite::Aes256CmSha1_32,
        Suite::Aes128CmSha1_32,
    ];

    /// The name in `a=crypto` (RFC 4568 §6.2, RFC 6188 §6, RFC 7714 §14.1).
    pub const fn name(self) -> &'static str {
        match self {
            Suite::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Suite::Aes256CmSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Suite::Aes128CmSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::Aes256CmSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Suite::Aes128CmSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// By its name, also by the one that drafts of RFC 6188 gave and phones still write.
    pub fn from_name(name: &str) -> Option<Self> {
        let known = |suite: &Suite| suite.name().eq_ignore_ascii_case(name);
        Suite::ALL.into_iter().find(known).or_else(|| match name.to_ascii_uppercase().as_str() {
            "AES_CM_256_HMAC_SHA1_80" => Some(Suite::Aes256CmSha1_80),
            "AES_CM_256_HMAC_SHA1_32" => Some(Suite::Aes256CmSha1_32),
            _ => None,
        })
    }

    pub const fn is_aead(self) -> bool {
        matches!(self, Suite::AeadAes256Gcm | Suite::AeadAes128Gcm)
    }

    /// Octets of the master key.
    pub const fn key_length(self) -> usize {
        match self {
            Suite::AeadAes128Gcm | Suite::Aes128CmSha1_80 | Suite::Aes128CmSha1_32 => 16,
            Suite::AeadAes256Gcm | Suite::Aes256CmSha1_80 | Suite::Aes256CmSha1_32 => 32,
        }
    }

    /// Octets of the master salt.
    pub const fn salt_length(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Octets that an RTP packet gets longer by.
    pub const fn tag_length(self) -> usize {
        match self {
            Suite::AeadAes256Gcm | Suite::AeadAes128Gcm => 16,
            Suite::Aes256CmSha1_80 | Suite::Aes128CmSha1_80 => 10,
            Suite::Aes256CmSha1_32 | Suite::Aes128CmSha1_32 => 4,
        }
    }
}

/// The longest: 32 octets of key, 14 of salt.
const LONGEST: usize = 46;

/// A master key with its salt: what one side protects its packets with. Blanked when it is dropped; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    suite: Suite,
    /// Key and salt, as many octets as the suite has.
    octets: [u8; LONGEST],
    mki: Option<Mki>,
}

/// The number that packets carry so that the receiver knows the key (RFC 3711 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mki {
    value: [u8; Mki::LONGEST],
    length: u8,
}

impl Mki {
    /// RFC 4568 §6.1 allows 128 octets; nobody has so many keys.
    const LONGEST: usize = 8;

    /// `None` where the length is none, too long, or too short for the value.
    pub fn new(value: u64, length: usize) -> Option<Self> {
        let fits = (1..=Mki::LONGEST).contains(&length) && (length == 8 || value >> (8 * length) == 0);
        fits.then_some(Mki { value: value.to_be_bytes(), length: length as u8 })
    }

    /// As it stands in a packet.
    pub fn octets(&self) -> &[u8] {
        let (_, octets) = self.value.split_at(Mki::LONGEST - usize::from(self.length));
        octets
    }
}

impl Key {
    /// `octets` are key and salt; `None` where they are not of the suite's length.
    pub fn new(suite: Suite, octets: &[u8], mki: Option<Mki>) -> Option<Self> {
        if octets.len() != suite.key_length() + suite.salt_length() {
            return None;
        }
        let mut own = [0; LONGEST];
        own.iter_mut().zip(octets).for_each(|(own, octet)| *own = *octet);
        Some(Key { suite, octets: own, mki })
    }

    pub fn random(suite: Suite, rng: &mut Rng) -> Self {
        let mut octets = [0; LONGEST];
        for eight in octets.chunks_mut(8) {
            eight.iter_mut().zip(rng.next_u64().to_be_bytes()).for_each(|(own, octet)| *own = octet);
        }
        let length = suite.key_length() + suite.salt_length();
        octets.iter_mut().skip(length).for_each(|beyond| *beyond = 0);
        Key { suite, octets, mki: None }
    }

    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Octets of every packet that say which key it is.
    pub fn mki(&self) -> &[u8] {
        self.mki.as_ref().map_or(&[], Mki::octets)
    }

    /// Key and salt in one, as `inline:` holds them: for the printer of `a=crypto` alone.
    pub fn octets(&self) -> &[u8] {
        self.octets.split_at(self.suite.key_length() + self.suite.salt_length()).0
    }

    /// For the derivation of session keys alone.
    pub fn master_key(&self) -> &[u8] {
        self.octets().split_at(self.suite.key_length()).0
    }

    pub fn master_salt(&self) -> &[u8] {
        self.octets().split_at(self.suite.key_length()).1
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.suite.name())
    }
}

/// The keys of a leg. Both sides use the same suite (RFC 4568 §5.1.2), each its own key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys {
    pub ours: Key,
    pub theirs: Key,
}

/// One key of ours for each suite: what a leg offers, and answers with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRing(Vec<Key>);

impl KeyRing {
    pub fn new(rng: &mut Rng) -> Self {
        KeyRing(Suite::ALL.map(|suite| Key::random(suite, rng)).to_vec())
    }

    pub fn key(&self, suite: Suite) -> Option<&Key> {
        self.0.iter().find(|key| key.suite == suite)
    }
}

/// Whether media is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Encryption {
    /// Only in the clear.
    #[default]
    Off,
    /// Encrypted where the peer does it too ("best effort").
    Optional,
    /// Encrypted or not at all.
    Mandatory,
}

impl Encryption {
    pub const fn name(self) -> &'static str {
        match self {
            Encryption::Off => "off",
            Encryption::Optional => "optional",
            Encryption::Mandatory => "mandatory",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Encryption::Off, Encryption::Optional, Encryption::Mandatory]
            .into_iter()
            .find(|one| one.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_its_suite_and_nothing_more() {
        let key = Key::new(Suite::Aes128CmSha1_80, &[0x41; 30], None).expect("30 octets");
        assert_eq!(format!("{key:?}"), "Key(AES_CM_128_HMAC_SHA1_80)");
        assert_eq!((key.master_key(), key.master_salt()), (&[0x41; 16][..], &[0x41; 14][..]));
        assert_eq!(Key::new(Suite::Aes128CmSha1_80, &[0; 29], None), None);
        assert_eq!(Key::new(Suite::AeadAes256Gcm, &[0; 46], None), None);
    }

    #[test]
    fn keys_of_a_ring_differ() {
        let ring = KeyRing::new(&mut Rng::from_number(1));
        for suite in Suite::ALL {
            assert_eq!(Suite::from_name(suite.name()), Some(suite));
            let key = ring.key(suite).expect("one for each");
            assert_eq!(key.octets().len(), suite.key_length() + suite.salt_length());
            assert_eq!(ring.0.iter().filter(|other| other.octets()[..16] == key.octets()[..16]).count(), 1);
        }
        assert_ne!(ring, KeyRing::new(&mut Rng::from_number(2)));
    }

    #[test]
    fn an_mki_has_the_length_that_was_said() {
        let octets = |value, length| Mki::new(value, length).map(|mki| mki.octets().to_vec());
        assert_eq!(octets(1, 4), Some(vec![0, 0, 0, 1]));
        assert_eq!(octets(0x1234, 2), Some(vec![0x12, 0x34]));
        assert_eq!(octets(u64::MAX, 8), Some(vec![255; 8]));
        assert_eq!([octets(256, 1), octets(1, 0), octets(1, 9)], [None, None, None]);
    }
}
