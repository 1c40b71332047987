//! The keep-alive of phones over UDP: a STUN binding request on the SIP port (RFC 5626 §4.4.2, RFC 5389).
//!
//! The answer tells the phone the address that we see it at: one that changes tells it that its address translator
//! has forgotten it, and that it must register again. Nothing else of STUN is spoken here, and no answer is much
//! longer than what asked for it.

use std::net::{IpAddr, SocketAddr};

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FINGERPRINT: u16 = 0x8028;
const MAGIC_COOKIE: u32 = 0x2112_a442;
const FINGERPRINT_XOR: u32 = 0x5354_554e;
const HEADER: usize = 20;

/// The answer to a binding request that came from `remote`. `None` for what is none: a SIP message never begins with
/// two zero bits (RFC 5389 §8). One with attributes that must be understood, as ICE has them, is not for us either.
pub fn answer(datagram: &[u8], remote: SocketAddr) -> Option<Vec<u8>> {
    let (header, attributes) = datagram.split_at_checked(HEADER)?;
    let (fixed, transaction) = header.split_at_checked(8)?;
    let kind = u16::from_be_bytes(fixed.get(..2)?.try_into().ok()?);
    let length = u16::from_be_bytes(fixed.get(2..4)?.try_into().ok()?);
    let cookie = u32::from_be_bytes(fixed.get(4..)?.try_into().ok()?);
    if kind != BINDING_REQUEST || cookie != MAGIC_COOKIE || usize::from(length) != attributes.len() {
        return None;
    }
    let has_fingerprint = read_attributes(attributes)?;

    // As others see it, not as a socket of both families writes it.
    let ip = remote.ip().to_canonical();
    let (family, mut address) = match ip {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    // §15.2: hidden from address translators that "correct" what looks like their own address.
    let mask = MAGIC_COOKIE.to_be_bytes().into_iter().chain(transaction.iter().copied());
    address.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    let port = remote.port() ^ (MAGIC_COOKIE >> 16) as u16;

    let value = 4 + address.len();
    let fingerprint = if has_fingerprint { 8 } else { 0 };
    let mut reply = Vec::with_capacity(HEADER + 4 + value + fingerprint);
    reply.extend(BINDING_SUCCESS.to_be_bytes());
    reply.extend(((4 + value + fingerprint) as u16).to_be_bytes());
    reply.extend(MAGIC_COOKIE.to_be_bytes());
    reply.extend(transaction);
    reply.extend(XOR_MAPPED_ADDRESS.to_be_bytes());
    reply.extend((value as u16).to_be_bytes());
    reply.extend([0, family]);
    reply.extend(port.to_be_bytes());
    reply.extend(address);
    if has_fingerprint {
        let sum = crc32(&reply) ^ FINGERPRINT_XOR;
        reply.extend(FINGERPRINT.to_be_bytes());
        reply.extend(4u16.to_be_bytes());
        reply.extend(sum.to_be_bytes());
    }
    Some(reply)
}

/// Whether there is a FINGERPRINT. `None` for what cannot be read, or must be understood and is not.
fn read_attributes(mut rest: &[u8]) -> Option<bool> {
    let mut has_fingerprint = false;
    while !rest.is_empty() {
        let kind = u16::from_be_bytes(rest.get(..2)?.try_into().ok()?);
        let length = usize::from(u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?));
        if kind < 0x8000 {
            return None;
        }
        has_fingerprint |= kind == FINGERPRINT;
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
    Some(has_fingerprint)
}

/// Of ISO 3309, as §15.5 wants it; bit by bit, for forty octets now and then.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut request = vec![0, 1, 0, attributes.len() as u8, 0x21, 0x12, 0xa4, 0x42];
        request.extend(TRANSACTION);
        request.extend(attributes);
        request
    }

    /// The transaction and the addresses of RFC 5769 §2.2 and §2.3.
    #[test]
    fn the_phone_is_told_the_address_that_we_see_it_at() {
        let v4 = answer(&request(&[]), "192.0.2.1:32853".parse().unwrap()).unwrap();
        assert_eq!(v4[..4], [1, 1, 0, 12]);
        assert_eq!(v4[8..20], TRANSACTION);
        assert_eq!(v4[20..], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);

        let v6 =
            answer(&request(&[]), "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap()).unwrap();
        let address =
            [0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9];
        assert_eq!(v6[24..28], [0, 2, 0xa1, 0x47]);
        assert_eq!(v6[28..], address);
        let mapped = answer(&request(&[]), "[::ffff:192.0.2.1]:32853".parse().unwrap());
        assert_eq!(mapped.as_deref(), Some(v4.as_slice()));
    }

    #[test]
    fn a_fingerprint_is_answered_with_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926, "the check value of this sum");
        let reply =
            answer(&request(&[0x80, 0x28, 0, 4, 1, 2, 3, 4]), "192.0.2.1:9".parse().unwrap()).unwrap();
        let (before, fingerprint) = reply.split_at(reply.len() - 8);
        assert_eq!(usize::from(reply[3]), reply.len() - HEADER);
        let sum = (crc32(before) ^ FINGERPRINT_XOR).to_be_bytes();
        assert_eq!(fingerprint, [[0x80, 0x28, 0, 4], sum].concat());
    }

    #[test]
    fn nothing_else_is_answered() {
        let remote = "192.0.2.1:9".parse().unwrap();
        let good = request(&[0x80, 0x22, 0, 1, b'x', 0, 0, 0]);
        assert!(answer(&good, remote).is_some());
        for cut in 0..good.len() {
            assert_eq!(answer(&good[..cut], remote), None, "{cut} octets");
        }
        for (at, byte) in [(0, 0x40), (1, 0x11), (3, 9), (4, 0)] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert_eq!(answer(&bad, remote), None);
        }
        assert_eq!(answer(&request(&[0, 6, 0, 4, 1, 2, 3, 4]), remote), None, "USERNAME is ICE's");
        assert_eq!(answer(b"OPTIONS sip:hotline SIP/2.0\r\n\r\n", remote), None);
        assert_eq!(answer(b"\r\n\r\n", remote), None);
    }
}
