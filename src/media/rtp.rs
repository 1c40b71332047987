//! The RTP header (RFC 3550 §5.1).

/// The fixed header, without what we neither send nor use (CSRC list, extension, padding).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub marker: bool,
    /// 7 bits.
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

impl Header {
    /// Octets of the header as we write it.
    pub const LENGTH: usize = 12;

    pub fn write(&self) -> [u8; Header::LENGTH] {
        let mut bytes = [0; Header::LENGTH];
        bytes[0] = VERSION_2;
        bytes[1] = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }

    /// Header and payload; `None` for what is not RTP: another version, too short for what it announces, or a
    /// payload type that RTCP uses on a shared port (RFC 5761 §4).
    pub fn parse(packet: &[u8]) -> Option<(Header, &[u8])> {
        let (&[first, second, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3], mut payload) =
            packet.split_first_chunk()?;
        if first & 0xc0 != VERSION_2 || (192..=223).contains(&second) {
            return None;
        }
        payload = payload.get(usize::from(first & 0x0f) * 4..)?;
        if first & EXTENSION != 0 {
            let (&[_, _, l0, l1], rest) = payload.split_first_chunk()?;
            payload = rest.get(usize::from(u16::from_be_bytes([l0, l1])) * 4..)?;
        }
        if first & PADDING != 0 {
            let padding = usize::from(*payload.last()?);
            if padding == 0 {
                return None;
            }
            payload = payload.get(..payload.len().checked_sub(padding)?)?;
        }
        let header = Header {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
        };
        Some((header, payload))
    }
}

const VERSION_2: u8 = 0x80;
const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_packet_as_a_phone_sends_it() {
        let packet = [0x80, 0x88, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef, 0xd5, 0x55];
        let header =
            Header { marker: true, payload_type: 8, sequence: 0x1234, timestamp: 160, ssrc: 0xdead_beef };
        assert_eq!(Header::parse(&packet), Some((header, &[0xd5, 0x55][..])));
        assert_eq!(header.write(), packet[..12]);
    }

    #[test]
    fn contributors_extension_and_padding_are_skipped() {
        let mut packet = vec![0x80 | PADDING | EXTENSION | 2, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend([9; 8]); // two CSRCs
        packet.extend([0xbe, 0xde, 0, 1, 7, 7, 7, 7]); // extension of one word
        packet.extend([1, 2, 3, 0, 2]); // three octets, two of padding
        assert_eq!(Header::parse(&packet).map(|(_, payload)| payload), Some(&[1, 2, 3][..]));
    }

    #[test]
    fn what_is_not_rtp() {
        let good = Header { marker: false, payload_type: 0, sequence: 0, timestamp: 0, ssrc: 0 }.write();
        let with = |at: usize, value: u8| {
            let mut bytes = good;
            bytes[at] = value;
            bytes
        };
        assert!(Header::parse(&good).is_some());
        assert_eq!(Header::parse(&good[..11]), None);
        assert_eq!(Header::parse(&with(0, 0x40)), None, "version 1");
        assert_eq!(Header::parse(&with(0, 0x81)), None, "a CSRC is missing");
        assert_eq!(Header::parse(&with(0, 0x90)), None, "the extension is missing");
        assert_eq!(Header::parse(&with(0, 0xa0)), None, "the padding is missing");
        assert_eq!(Header::parse(&with(1, 200)), None, "RTCP");
        assert_eq!(Header::parse(b""), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn never_panics(packet in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Header::parse(&packet);
        }

        #[test]
        fn round_trip(marker: bool, payload_type in 0u8..64, sequence: u16, timestamp: u32, ssrc: u32) {
            let header = Header { marker, payload_type, sequence, timestamp, ssrc };
            let bytes = header.write();
            prop_assert_eq!(Header::parse(&bytes), Some((header, &[][..])));
        }
    }
}
