//! G.711: A-law and µ-law, one octet a sample.

use crate::base::Law;

/// One octet as a 16-bit linear sample.
pub fn decode(law: Law, octet: u8) -> i16 {
    linear(law)[usize::from(octet)]
}

/// One 16-bit linear sample as an octet.
pub const fn encode(law: Law, sample: i16) -> u8 {
    match law {
        Law::A => encode_a(sample),
        Law::Mu => encode_u(sample),
    }
}

/// The linear value of each of the 256 octets.
pub(in crate::media) fn linear(law: Law) -> &'static [i16; 256] {
    match law {
        Law::A => &LINEAR_A,
        Law::Mu => &LINEAR_U,
    }
}

/// The octets of the other law that come nearest to each octet of `from`.
pub(in crate::media) fn other_law(from: Law) -> &'static [u8; 256] {
    match from {
        Law::A => &A_TO_U,
        Law::Mu => &U_TO_A,
    }
}

/// The octet of a sample of zero.
pub(in crate::media) const fn silence(law: Law) -> u8 {
    encode(law, 0)
}

static LINEAR_A: [i16; 256] = linear_table(Law::A);
static LINEAR_U: [i16; 256] = linear_table(Law::Mu);
static A_TO_U: [u8; 256] = transcoding_table(Law::A);
static U_TO_A: [u8; 256] = transcoding_table(Law::Mu);

const fn linear_table(law: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = match law {
            Law::A => decode_a(octet as u8),
            Law::Mu => decode_u(octet as u8),
        };
        octet += 1;
    }
    table
}

const fn transcoding_table(from: Law) -> [u8; 256] {
    let linear = linear_table(from);
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = match from {
            Law::A => encode_u(linear[octet]),
            Law::Mu => encode_a(linear[octet]),
        };
        octet += 1;
    }
    table
}

/// Sign, three bits of segment, four of mantissa; even bits inverted (ITU-T G.711 table 1).
const fn decode_a(octet: u8) -> i16 {
    let octet = octet ^ 0x55;
    let segment = (octet >> 4) & 7;
    let mantissa = ((octet & 15) as i16) << 4;
    let magnitude = match segment {
        0 => mantissa + 8,
        _ => (mantissa + 0x108) << (segment - 1),
    };
    if octet & 0x80 != 0 { magnitude } else { -magnitude }
}

const fn encode_a(sample: i16) -> u8 {
    // 13 bits are significant; a negative value -n lies in the interval of n - 1.
    let (mask, magnitude) = if sample >= 0 { (0xd5, sample >> 3) } else { (0x55, !(sample >> 3)) };
    let magnitude = magnitude as u16;
    let segment = if magnitude < 32 { 0 } else { 11 - magnitude.leading_zeros() as u16 };
    let shift = if segment < 2 { 1 } else { segment };
    ((segment << 4 | (magnitude >> shift) & 15) as u8) ^ mask
}

/// As A-law, with a bias of 33 in 14 bits and all bits inverted (ITU-T G.711 table 2).
const fn decode_u(octet: u8) -> i16 {
    let octet = !octet;
    let magnitude = ((((octet & 15) as i16) << 3) + 0x84) << ((octet >> 4) & 7);
    if octet & 0x80 != 0 { 0x84 - magnitude } else { magnitude - 0x84 }
}

const fn encode_u(sample: i16) -> u8 {
    let sample = sample >> 2;
    let (mask, magnitude) = if sample >= 0 { (0xff, sample) } else { (0x7f, -sample) };
    let biased = (if magnitude > 8158 { 8158 } else { magnitude }) as u16 + 33;
    let segment = 10 - biased.leading_zeros() as u16;
    ((segment << 4 | (biased >> (segment + 1)) & 15) as u8) ^ mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Codec;

    #[test]
    fn equal_to_an_independent_implementation_for_every_octet_and_sample() {
        let fixture = include_str!("../testdata/g711.txt");
        for (codec, law) in [(Codec::Pcma, Law::A), (Codec::Pcmu, Law::Mu)] {
            let section = |what: &str| {
                let title = format!("{codec} {what}");
                let lines = fixture.lines().skip_while(move |l| *l != title).skip(1);
                lines.take_while(|l| !l.starts_with('P')).collect::<Vec<_>>().join(" ").replace(',', " ")
            };
            let numbers = |text: &str| -> Vec<i32> {
                text.split_whitespace().map(|n| n.parse().expect("a number")).collect()
            };

            let decoded = numbers(&section("decode"));
            assert_eq!(decoded.len(), 256);
            for (octet, &value) in decoded.iter().enumerate() {
                assert_eq!(i32::from(decode(law, octet as u8)), value, "{codec} {octet}");
            }

            let changes = numbers(&section("encode"));
            assert!(changes.len() > 500, "{}", changes.len());
            let mut expected = changes.chunks(2).peekable();
            let mut octet = 0;
            for sample in i16::MIN..=i16::MAX {
                if let Some(change) = expected.next_if(|c| c[0] == i32::from(sample)) {
                    octet = change[1] as u8;
                }
                assert_eq!(encode(law, sample), octet, "{codec} {sample}");
            }
            assert!(expected.next().is_none());
        }
    }

    #[test]
    fn the_other_law_is_within_one_step() {
        for from in Law::ALL {
            let to = from.other();
            for octet in 0..=255u8 {
                let (before, after) = (decode(from, octet), decode(to, other_law(from)[usize::from(octet)]));
                let step = (i32::from(before).abs() / 16).max(16);
                assert!(
                    (i32::from(before) - i32::from(after)).abs() <= step,
                    "{from:?} {octet}: {before} {after}"
                );
            }
        }
    }

    #[test]
    fn silence_is_the_quietest_octet() {
        assert_eq!((silence(Law::A), silence(Law::Mu)), (0xd5, 0xff));
    }
}
