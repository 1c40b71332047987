//! RTCP (RFC 3550 §6): reports both ways, source description, goodbye.

use crate::base::Instant;

/// What a peer's compound packet says to us, piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A sender report: the middle 32 bits of its NTP time, which our next report returns.
    Sender {
        ssrc: u32,
        ntp_middle: u32,
    },
    /// Somebody's reception of somebody: ours if `block.ssrc` is.
    Block(Block),
    Bye,
}

/// A report block (§6.4.1): how the stream of `ssrc` is received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Since the beginning; 24 bits with sign: duplicates may make it negative.
    pub lost: i32,
    /// Highest sequence number with the number of its wraps.
    pub highest: u32,
    /// In time stamp units.
    pub jitter: u32,
    /// Middle of the NTP time of the last sender report; 0 where there was none.
    pub last_report: u32,
    /// Since then, in 65536ths of a second.
    pub delay: u32,
}

/// What we have sent (§6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// 32 bits of seconds, 32 of their fraction.
    pub ntp: u64,
    pub timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// Appends a compound packet: SR (or RR where nothing was sent), SDES with the CNAME, and BYE at the end.
pub(super) fn write(out: &mut Vec<u8>, ssrc: u32, sent: Option<Sent>, block: Option<Block>, bye: bool) {
    let count = u8::from(block.is_some());
    let kind = if sent.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
    packet(out, count, kind, |out| {
        out.extend(ssrc.to_be_bytes());
        if let Some(sent) = sent {
            out.extend(sent.ntp.to_be_bytes());
            out.extend(sent.timestamp.to_be_bytes());
            out.extend(sent.packets.to_be_bytes());
            out.extend(sent.octets.to_be_bytes());
        }
        if let Some(block) = block {
            let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
            out.extend(block.ssrc.to_be_bytes());
            out.extend((u32::from(block.fraction_lost) << 24 | lost).to_be_bytes());
            out.extend(block.highest.to_be_bytes());
            out.extend(block.jitter.to_be_bytes());
            out.extend(block.last_report.to_be_bytes());
            out.extend(block.delay.to_be_bytes());
        }
    });
    packet(out, 1, SOURCE_DESCRIPTION, |out| {
        out.extend(ssrc.to_be_bytes());
        // A name of this session only, so that nobody is recognised by it (RFC 7022 §4.2).
        let mut name = [0; 8];
        for (at, digit) in name.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(ssrc.rotate_left(4 * at as u32 + 4) & 15) as usize];
        }
        out.extend([CNAME, name.len() as u8]);
        out.extend(name);
        out.extend([0, 0]); // end of the list, and up to a whole word
    });
    if bye {
        packet(out, 1, GOODBYE, |out| out.extend(ssrc.to_be_bytes()));
    }
}

/// Calls `heard` for each piece of a compound packet; `false` if it is not well-formed, and then nothing is
/// heard of it. It need not begin with a report (RFC 5506 §3.4.2): phones greet with APP and part with BYE alone.
pub(super) fn read(compound: &[u8], mut heard: impl FnMut(Item)) -> bool {
    let known = |part: Option<Part<'_>>| part.is_some_and(|part| (192..=223).contains(&part.kind));
    if compound.is_empty() || !parts(compound).all(known) {
        return false;
    }
    for part in parts(compound).flatten() {
        let blocks = match part.kind {
            SENDER_REPORT => {
                if let (Some(ssrc), Some(ntp_middle)) = (word(part.body, 0), middle(part.body)) {
                    heard(Item::Sender { ssrc, ntp_middle });
                }
                part.body.get(24..)
            }
            RECEIVER_REPORT => part.body.get(4..),
            GOODBYE => {
                heard(Item::Bye);
                None
            }
            _ => None,
        };
        for block in blocks.unwrap_or_default().chunks_exact(24).take(part.count) {
            if let Some(block) = read_block(block) {
                heard(Item::Block(block));
            }
        }
    }
    true
}

/// Our monotonic clock in NTP format. §6.4.1 allows the time since start, where no wall clock is at hand; what
/// matters to a peer and for the round trip are differences. Never 0, which means "no report yet".
pub(super) fn ntp(now: Instant) -> u64 {
    let micros = now.as_micros();
    let fraction = ((micros % 1_000_000) << 32) / 1_000_000;
    ((micros / 1_000_000 + 1) << 32) | fraction
}

/// The middle 32 bits of a time: 16 of seconds, 16 of their fraction.
pub(super) fn ntp_middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const CNAME: u8 = 1;

struct Part<'a> {
    count: usize,
    kind: u8,
    body: &'a [u8],
}

fn packet(out: &mut Vec<u8>, count: u8, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0x80 | count, kind, 0, 0]);
    body(out);
    let words = ((out.len() - start) / 4 - 1) as u16;
    if let Some(length) = out.get_mut(start + 2..start + 4) {
        length.copy_from_slice(&words.to_be_bytes());
    }
}

/// The packets of a compound; `None` for the rest that is not one.
fn parts(mut rest: &[u8]) -> impl Iterator<Item = Option<Part<'_>>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let part = split_part(rest);
        rest = part.as_ref().map_or(&[], |(_, after)| after);
        Some(part.map(|(part, _)| part))
    })
}

fn split_part(bytes: &[u8]) -> Option<(Part<'_>, &[u8])> {
    let (&[first, kind, l0, l1], rest) = bytes.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes([l0, l1])) * 4;
    (first & 0xc0 == 0x80).then_some(())?;
    let (body, after) = rest.split_at_checked(length)?;
    Some((Part { count: usize::from(first & 31), kind, body }, after))
}

fn read_block(bytes: &[u8]) -> Option<Block> {
    let loss = word(bytes, 4)?;
    Some(Block {
        ssrc: word(bytes, 0)?,
        fraction_lost: (loss >> 24) as u8,
        lost: (loss << 8) as i32 >> 8,
        highest: word(bytes, 8)?,
        jitter: word(bytes, 12)?,
        last_report: word(bytes, 16)?,
        delay: word(bytes, 20)?,
    })
}

fn middle(sender_report: &[u8]) -> Option<u32> {
    word(sender_report, 6)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items(compound: &[u8]) -> Option<Vec<Item>> {
        let mut items = Vec::new();
        read(compound, |item| items.push(item)).then_some(items)
    }

    const BLOCK: Block = Block {
        ssrc: 7,
        fraction_lost: 12,
        lost: -3,
        highest: 0x1_0002,
        jitter: 99,
        last_report: 0xabcd,
        delay: 65536,
    };

    #[test]
    fn what_is_written_is_read() {
        let sent = Sent { ntp: 0x1111_2222_3333_4444, timestamp: 5, packets: 6, octets: 7 };
        let mut bytes = Vec::new();
        write(&mut bytes, 0xfeed_0001, Some(sent), Some(BLOCK), true);
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(
            items(&bytes),
            Some(vec![
                Item::Sender { ssrc: 0xfeed_0001, ntp_middle: 0x2222_3333 },
                Item::Block(BLOCK),
                Item::Bye
            ])
        );

        bytes.clear();
        write(&mut bytes, 1, None, None, false);
        assert_eq!(items(&bytes), Some(vec![]));
        assert_eq!(bytes[..4], [0x80, 201, 0, 1]);
    }

    #[test]
    fn a_report_laid_out_as_the_figures_of_the_rfc() {
        let bytes = [
            0x81, 0xc8, 0x00, 0x0c, 0x5b, 0x6e, 0x34, 0xa1, 0xe9, 0x2f, 0x11, 0x02, 0x40, 0x00, 0x00,
            0x00, //
            0x00, 0x00, 0x0f, 0xa0, 0x00, 0x00, 0x00, 0x19, 0x00, 0x00, 0x0f, 0xa0, 0x00, 0x00, 0x00,
            0x2a, //
            0x40, 0x00, 0x00, 0x05, 0x00, 0x01, 0x00, 0x10, 0x00, 0x00, 0x00, 0x08, 0x00, 0x01, 0x80,
            0x00, //
            0x00, 0x00, 0x80, 0x00, 0x81, 0xca, 0x00, 0x02, 0x5b, 0x6e, 0x34, 0xa1, 0x01, 0x01, 0x61, 0x00,
        ];
        let block = Block {
            ssrc: 42,
            fraction_lost: 64,
            lost: 5,
            highest: 0x1_0010,
            jitter: 8,
            last_report: 0x1_8000,
            delay: 0x8000,
        };
        assert_eq!(
            items(&bytes),
            Some(vec![Item::Sender { ssrc: 0x5b6e_34a1, ntp_middle: 0x1102_4000 }, Item::Block(block)])
        );
    }

    #[test]
    fn greeting_and_parting_of_baresip_1_0() {
        let greeting = b"\x80\xcc\0\x03\x09\x67\x0d\xe0\x50\x49\x4e\x47PONG";
        assert_eq!(items(greeting), Some(vec![]));
        let parting = b"\x81\xcb\0\x03\x33\x13\x7d\xe0\x04Adjo\0\0\0\
            \x81\xca\0\x07\x33\x13\x7d\xe0\x01\x13sip:alice@127.0.0.1\0\0\0";
        assert_eq!(items(parting), Some(vec![Item::Bye]));
    }

    #[test]
    fn what_is_not_rtcp() {
        let mut bytes = Vec::new();
        write(&mut bytes, 1, None, Some(BLOCK), true);
        assert!(items(&bytes).is_some());
        assert_eq!(items(&bytes[..bytes.len() - 1]), None, "cut short");
        bytes[1] = 96;
        assert_eq!(items(&bytes), None, "a payload type of RTP");
        bytes[1] = 201;
        assert_eq!(items(b""), None);
        bytes[0] = 0;
        assert_eq!(items(&bytes), None, "version 0");
    }

    #[test]
    fn time_is_in_seconds_and_fractions() {
        assert_eq!(ntp(Instant::ZERO), 1 << 32);
        assert_eq!(ntp(Instant::from_micros(2_500_000)), 3 << 32 | 1 << 31);
        assert_eq!(ntp_middle(3 << 32 | 1 << 31), 3 << 16 | 1 << 15);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            let _ = items(&bytes);
        }

        #[test]
        fn never_panics_behind_a_good_head(count in 0u8..32, body in proptest::collection::vec(any::<u8>(), 0..25)) {
            for kind in 200..=207 {
                let mut bytes = vec![0x80 | count, kind, 0, body.len() as u8];
                bytes.extend(body.iter().flat_map(|b| [*b; 4]));
                let _ = items(&bytes);
            }
        }
    }
}
