//! What a suite does to a packet: session keys, keystream, tag. Knows no streams and no order of packets.

use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, InnerIvInit, KeyInit, StreamCipherCore};
use aes::{Aes128Enc, Aes256Enc};
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::{AesGcm, Nonce, Tag};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::{Zeroize, Zeroizing};

use crate::base::srtp::{Key, Suite};

/// RTP or RTCP: each has session keys of its own (RFC 3711 §4.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Rtp,
    Rtcp,
}

/// The session keys of one direction, for RTP or for RTCP.
pub(super) struct Transform {
    cipher: Cipher,
    /// Twelve octets and two zeros with GCM.
    salt: [u8; SALT],
    /// Octets of the tag.
    tag: usize,
}

enum Cipher {
    Cm128(Aes128Enc, Hmac<Sha1>),
    Cm256(Aes256Enc, Hmac<Sha1>),
    Gcm128(AesGcm<Aes128Enc, U12>),
    Gcm256(AesGcm<Aes256Enc, U12>),
}

const SALT: usize = 14;
const AUTHENTICATION_KEY: usize = 20;
/// SRTCP has this tag also where SRTP has a shorter one (RFC 4568 §6.2.2).
const RTCP_TAG: usize = 10;

/// What the tag covers beside the packet, and the keystream begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub ssrc: u32,
    /// Of the packet within its SSRC: 48 bits for RTP, 31 for RTCP.
    pub index: u64,
}

impl Transform {
    /// `None` cannot be: a [`Key`] has the lengths of its suite.
    pub fn new(key: &Key, kind: Kind) -> Option<Self> {
        let suite = key.suite();
        let first_label = match kind {
            Kind::Rtp => 0,
            Kind::Rtcp => 3,
        };
        let mut session = Zeroizing::new([0; 32]);
        let session = session.get_mut(..suite.key_length())?;
        derive(key, first_label, session)?;
        let mut authentication = Zeroizing::new([0; AUTHENTICATION_KEY]);
        derive(key, first_label + 1, &mut authentication[..])?;
        let mut salt = [0; SALT];
        derive(key, first_label + 2, salt.get_mut(..suite.salt_length())?)?;
        Transform::of(suite, kind, session, &authentication[..], salt)
    }

    /// With the session keys as they are.
    fn of(suite: Suite, kind: Kind, session: &[u8], authentication: &[u8], salt: [u8; SALT]) -> Option<Self> {
        let mac = || <Hmac<Sha1> as KeyInit>::new_from_slice(authentication).ok();
        let cipher = match suite {
            Suite::AeadAes128Gcm => Cipher::Gcm128(AesGcm::new_from_slice(session).ok()?),
            Suite::AeadAes256Gcm => Cipher::Gcm256(AesGcm::new_from_slice(session).ok()?),
            Suite::Aes128CmSha1_80 | Suite::Aes128CmSha1_32 => {
                Cipher::Cm128(Aes128Enc::new_from_slice(session).ok()?, mac()?)
            }
            Suite::Aes256CmSha1_80 | Suite::Aes256CmSha1_32 => {
                Cipher::Cm256(Aes256Enc::new_from_slice(session).ok()?, mac()?)
            }
        };
        let tag = match kind {
            Kind::Rtcp if !suite.is_aead() => RTCP_TAG,
            _ => suite.tag_length(),
        };
        Some(Transform { cipher, salt, tag })
    }

    pub fn tag_length(&self) -> usize {
        self.tag
    }

    pub fn is_aead(&self) -> bool {
        matches!(self.cipher, Cipher::Gcm128(_) | Cipher::Gcm256(_))
    }

    /// Encrypts `secret` in place and gives its tag. `clear` goes before it on the wire, `beyond` does not go there
    /// or behind it: both are authenticated.
    pub fn seal(&self, at: Position, clear: &[u8], secret: &mut [u8], beyond: &[u8]) -> Option<[u8; 16]> {
        let mut tag = [0; 16];
        match &self.cipher {
            Cipher::Cm128(aes, mac) => {
                keystream(aes, self.counter(at), secret);
                tag.iter_mut().zip(sum(mac, clear, secret, beyond)).for_each(|(tag, sum)| *tag = sum);
            }
            Cipher::Cm256(aes, mac) => {
                keystream(aes, self.counter(at), secret);
                tag.iter_mut().zip(sum(mac, clear, secret, beyond)).for_each(|(tag, sum)| *tag = sum);
            }
            Cipher::Gcm128(gcm) => tag = gcm_seal(gcm, self.nonce(at), clear, secret, beyond)?,
            Cipher::Gcm256(gcm) => tag = gcm_seal(gcm, self.nonce(at), clear, secret, beyond)?,
        }
        Some(tag)
    }

    /// Decrypts `secret` in place if `tag` is right; else leaves it as it was.
    pub fn open(&self, at: Position, clear: &[u8], secret: &mut [u8], beyond: &[u8], tag: &[u8]) -> bool {
        match &self.cipher {
            Cipher::Cm128(aes, mac) => {
                let genuine = verify(mac, clear, secret, beyond, tag);
                if genuine {
                    keystream(aes, self.counter(at), secret);
                }
                genuine
            }
            Cipher::Cm256(aes, mac) => {
                let genuine = verify(mac, clear, secret, beyond, tag);
                if genuine {
                    keystream(aes, self.counter(at), secret);
                }
                genuine
            }
            Cipher::Gcm128(gcm) => gcm_open(gcm, self.nonce(at), clear, secret, beyond, tag),
            Cipher::Gcm256(gcm) => gcm_open(gcm, self.nonce(at), clear, secret, beyond, tag),
        }
    }

    /// RFC 3711 §4.1.1: salt, SSRC and index, then sixteen bits that count blocks.
    fn counter(&self, at: Position) -> [u8; 16] {
        let place = u128::from(at.ssrc) << 64 | u128::from(at.index) << 16;
        let mut block = [0; 16];
        block.iter_mut().zip(self.salt).for_each(|(octet, salt)| *octet = salt);
        (u128::from_be_bytes(block) ^ place).to_be_bytes()
    }

    /// RFC 7714 §8.1, §9.1: two zeros, SSRC, index in 48 bits, all that with the salt.
    fn nonce(&self, at: Position) -> [u8; 12] {
        let place = u128::from(at.ssrc) << 48 | u128::from(at.index);
        let [_, _, _, _, place @ ..] = place.to_be_bytes();
        let mut nonce = place;
        nonce.iter_mut().zip(self.salt).for_each(|(octet, salt)| *octet ^= salt);
        nonce
    }
}

impl Drop for Transform {
    fn drop(&mut self) {
        // The ciphers blank themselves.
        self.salt.zeroize();
    }
}

/// The key derivation of RFC 3711 §4.3 with a rate of zero; for 256-bit keys RFC 6188 §3, for GCM RFC 7714 §11.
fn derive(key: &Key, label: u8, out: &mut [u8]) -> Option<()> {
    let mut block = [0; 16];
    block.iter_mut().zip(key.master_salt()).for_each(|(octet, salt)| *octet = *salt);
    *block.get_mut(7)? ^= label;
    out.fill(0);
    match key.master_key().len() {
        16 => {
            let aes = Aes128Enc::new_from_slice(key.master_key()).ok()?;
            keystream(&aes, block, out);
        }
        _ => {
            let aes = Aes256Enc::new_from_slice(key.master_key()).ok()?;
            keystream(&aes, block, out);
        }
    }
    Some(())
}

/// Counter mode. RFC 3711 counts blocks in sixteen bits, which no packet is long enough to overflow.
fn keystream<A>(aes: &A, counter: [u8; 16], octets: &mut [u8])
where
    A: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    CtrCore::<&A, Ctr128BE>::inner_iv_init(aes, &counter.into()).apply_keystream_partial(octets.into());
}

/// Of the whole, as it is on the wire.
fn sum(mac: &Hmac<Sha1>, clear: &[u8], secret: &[u8], beyond: &[u8]) -> [u8; 20] {
    absorbed(mac, clear, secret, beyond).finalize().into_bytes().into()
}

/// In constant time.
fn verify(mac: &Hmac<Sha1>, clear: &[u8], secret: &[u8], beyond: &[u8], tag: &[u8]) -> bool {
    absorbed(mac, clear, secret, beyond).verify_truncated_left(tag).is_ok()
}

fn absorbed(mac: &Hmac<Sha1>, clear: &[u8], secret: &[u8], beyond: &[u8]) -> Hmac<Sha1> {
    let mut mac = mac.clone();
    mac.update(clear);
    mac.update(secret);
    mac.update(beyond);
    mac
}

/// Room for what GCM authenticates and does not encrypt: an RTP header with all that it may carry, mostly 12 octets.
const ASSOCIATED: usize = 256;

fn gcm_seal<A>(
    gcm: &AesGcm<A, U12>,
    nonce: [u8; 12],
    clear: &[u8],
    secret: &mut [u8],
    beyond: &[u8],
) -> Option<[u8; 16]>
where
    AesGcm<A, U12>: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    let nonce = Nonce::<U12>::from(nonce);
    joined(clear, beyond, |associated| {
        gcm.encrypt_inout_detached(&nonce, associated, secret.into()).ok().map(Into::into)
    })
}

fn gcm_open<A>(
    gcm: &AesGcm<A, U12>,
    nonce: [u8; 12],
    clear: &[u8],
    secret: &mut [u8],
    beyond: &[u8],
    tag: &[u8],
) -> bool
where
    AesGcm<A, U12>: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    let Ok(tag) = <[u8; 16]>::try_from(tag) else { return false };
    let (nonce, tag) = (Nonce::<U12>::from(nonce), Tag::from(tag));
    joined(clear, beyond, |associated| {
        gcm.decrypt_inout_detached(&nonce, associated, secret.into(), &tag).is_ok()
    })
}

/// Both in one piece, on the stack where they fit.
fn joined<T>(clear: &[u8], beyond: &[u8], with: impl FnOnce(&[u8]) -> T) -> T {
    if beyond.is_empty() {
        return with(clear);
    }
    let mut room = [0; ASSOCIATED];
    let length = clear.len() + beyond.len();
    match room.get_mut(..length) {
        Some(room) => {
            room.iter_mut().zip(clear.iter().chain(beyond)).for_each(|(room, octet)| *room = *octet);
            with(room)
        }
        None => with(&[clear, beyond].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER_PERMISSIVE;

    fn hex(text: &str) -> Vec<u8> {
        let digits: String = text.split_whitespace().collect();
        HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).expect("hexadecimal")
    }

    const AT_ZERO: Position = Position { ssrc: 0, index: 0 };

    fn salt(text: &str) -> [u8; SALT] {
        let mut salt = [0; SALT];
        salt.iter_mut().zip(hex(text)).for_each(|(own, octet)| *own = octet);
        salt
    }

    /// RFC 3711 appendix B.2 and RFC 6188 §7.1, §7.2: the keystream of a session key.
    #[test]
    fn keystreams_of_the_rfcs() {
        let cases = [
            (
                Suite::Aes128CmSha1_80,
                "2B7E151628AED2A6ABF7158809CF4F3C",
                "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0",
            ),
            (
                Suite::Aes256CmSha1_80,
                "57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98",
                "92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac 63c4868b7096d88421b563b8c94c9a31",
            ),
        ];
        for (suite, key, stream) in cases {
            let salt = salt("F0F1F2F3F4F5F6F7F8F9FAFBFCFD");
            let transform = Transform::of(suite, Kind::Rtp, &hex(key), &[0; 20], salt).expect("a key");
            let mut octets = [0; 48];
            transform.seal(AT_ZERO, &[], &mut octets, &[]).expect("sealed");
            assert_eq!(octets[..], hex(stream), "{suite:?}");
        }
    }

    /// RFC 3711 appendix B.3 and RFC 6188 §7.3: cipher key, salt, authentication key.
    #[test]
    fn session_keys_of_the_rfcs() {
        let cases = [
            (
                Suite::Aes128CmSha1_80,
                "E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6",
                "C61E7A93744F39EE10734AFE3FF7A087",
                "30CBBC08863D8C85D49DB34A9AE1",
                "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF722709863",
            ),
            (
                Suite::Aes256CmSha1_80,
                "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6 3b04803de51ee7c96423ab5b78d2",
                "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
                "fa31791685ca444a9e07c6c64e93",
                "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
            ),
        ];
        for (suite, master, cipher, salt, authentication) in cases {
            let key = Key::new(suite, &hex(master), None).expect("a key");
            for (label, expected) in [(0, cipher), (1, authentication), (2, salt)] {
                let mut own = vec![0; hex(expected).len()];
                derive(&key, label, &mut own).expect("derived");
                assert_eq!(own, hex(expected), "{suite:?}, label {label}");
            }
        }
    }

    /// RFC 7714 §16.1.1, §16.2.1.
    #[test]
    fn packets_of_the_rfc_with_gcm() {
        let clear = hex("8040f17b 8041f8d3 5501a0b2");
        let at = Position { ssrc: 0x5501_a0b2, index: 0xf17b };
        let cases = [
            (
                Suite::AeadAes128Gcm,
                16,
                "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833",
                "899d7f27 beb16a91 52cf765e e4390cce",
            ),
            (
                Suite::AeadAes256Gcm,
                32,
                "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b",
                "7aa3db36 dfffd6b0 f9bb7878 d7a76c13",
            ),
        ];
        for (suite, length, secret, tag) in cases {
            let key: Vec<u8> = (0..length).collect();
            let transform = Transform::of(suite, Kind::Rtp, &key, &[], salt("517569642070726f2071756f"));
            let transform = transform.expect("a key");
            let mut octets = *b"Gallia est omnis divisa in partes tres";
            let own = transform.seal(at, &clear, &mut octets, &[]).expect("sealed");
            assert_eq!((&octets[..], &own[..]), (&hex(secret)[..], &hex(tag)[..]), "{suite:?}");
            assert!(transform.open(at, &clear, &mut octets, &[], &own));
            assert_eq!(octets, *b"Gallia est omnis divisa in partes tres");
        }
    }
}
