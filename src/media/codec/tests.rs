//! Against what other implementations make of the same sound: see `testdata/README.md` for how it was made.

use proptest::prelude::*;

use super::*;

/// 0.5 s at 16 kHz: a voice, noise and a sweep up to 7.6 kHz.
pub const WIDEBAND: &[u8] = include_bytes!("../testdata/wideband.raw");

fn linear(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
}

#[test]
fn g722_is_ffmpegs_bit_for_bit_in_both_directions() {
    let theirs: &[u8] = include_bytes!("../testdata/wideband.g722");
    let mut encoder = Encoder::new(Codec::G722);
    let mut octets = Vec::new();
    for frame in linear(WIDEBAND).chunks(320) {
        encoder.encode(frame, &mut octets);
    }
    let differs = octets.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
    assert_eq!((octets.len(), differs), (theirs.len(), None));

    let expected = linear(include_bytes!("../testdata/wideband.g722.raw"));
    let mut decoder = Decoder::new(Codec::G722);
    let mut samples = Vec::new();
    for frame in theirs.chunks(160) {
        assert!(decoder.decode(frame, &mut samples));
    }
    let differs = samples.iter().zip(&expected).position(|(ours, theirs)| ours != theirs);
    assert_eq!((samples.len(), differs), (expected.len(), None));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_decodes_or_does_not_and_nothing_breaks(
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..20)
    ) {
        for codec in Codec::ALL {
            let mut decoder = Decoder::new(codec);
            let mut samples = Vec::new();
            for packet in &packets {
                let before = samples.len();
                let decoded = decoder.decode(packet, &mut samples);
                let time = ticks(codec, packet) as usize * codec.sample_rate() as usize / codec.clock_rate() as usize;
                prop_assert_eq!(samples.len() - before, if decoded { time } else { 0 });
                samples.clear();
                decoder.recover(packet, 320, &mut samples);
                decoder.conceal(320, &mut samples);
                samples.clear();
            }
        }
    }
}

#[cfg(feature = "opus")]
mod opus_reference {
    use super::*;

    /// The packet that the reference decoder was not given.
    const LOST: usize = 10;
    const FRAME: usize = 320;

    fn packets() -> Vec<&'static [u8]> {
        let mut rest: &[u8] = include_bytes!("../testdata/wideband.opus");
        let mut packets = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let (packet, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
            packets.push(packet);
            rest = after;
        }
        packets
    }

    /// How far `heard` is above its difference from `said`, in decibels.
    pub fn signal_to_noise(said: &[i16], heard: &[i16]) -> f64 {
        let power = |samples: &mut dyn Iterator<Item = f64>| samples.map(|s| s * s).sum::<f64>();
        let signal = power(&mut said.iter().map(|s| f64::from(*s)));
        let noise = power(&mut said.iter().zip(heard).map(|(a, b)| f64::from(*a) - f64::from(*b)));
        10.0 * (signal / noise.max(1.0)).log10()
    }

    #[test]
    fn decodes_what_libopus_wrote_as_libopus_does_and_repairs_a_loss_from_the_next_packet() {
        let packets = packets();
        assert!(packets.iter().all(|packet| ticks(Codec::Opus, packet) == 960));
        let expected = linear(include_bytes!("../testdata/wideband.opus.raw"));
        let mut decoder = Decoder::new(Codec::Opus);
        let mut samples = Vec::new();
        for (number, packet) in packets.iter().enumerate() {
            match number {
                LOST => assert!(decoder.recover(packets[LOST + 1], FRAME, &mut samples)),
                _ => assert!(decoder.decode(packet, &mut samples)),
            }
        }
        assert_eq!(samples.len(), expected.len());
        // The reference computes in floats and we in integers: not the same bits, but the same sound.
        let likeness = signal_to_noise(&expected, &samples);
        assert!(likeness > 40.0, "{likeness}");
        let repaired = LOST * FRAME..(LOST + 1) * FRAME;
        let likeness = signal_to_noise(&expected[repaired.clone()], &samples[repaired]);
        assert!(likeness > 30.0, "{likeness}");
    }

    #[test]
    fn what_we_encode_sounds_like_what_was_said() {
        let (mut encoder, mut decoder) = (Encoder::new(Codec::Opus), Decoder::new(Codec::Opus));
        // A voice: the sweep of the reference is none, and a speech codec owes it nothing.
        let said: Vec<i16> = (0..16_000)
            .map(|n| {
                let t = f64::from(n) / 16_000.0;
                let harmonic = |k: f64| (std::f64::consts::TAU * 140.0 * k * t).sin() / k;
                ((1..20).map(|k| harmonic(f64::from(k))).sum::<f64>() * 4000.0) as i16
            })
            .collect();
        let (mut heard, mut octets) = (Vec::new(), 0);
        for frame in said.chunks(FRAME) {
            let mut packet = Vec::new();
            encoder.encode(frame, &mut packet);
            assert!(!packet.is_empty());
            octets += packet.len();
            assert!(decoder.decode(&packet, &mut heard));
        }
        assert!((1500..4500).contains(&octets), "{octets} octets a second");
        let best = (0..300).map(|delay| correlation(&said[..15_000], &heard[delay..])).fold(0.0, f64::max);
        assert!(best > 0.8, "{best}");
    }

    fn correlation(a: &[i16], b: &[i16]) -> f64 {
        let dot = |a: &[i16], b: &[i16]| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let b = &b[..a.len().min(b.len())];
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    #[test]
    fn silence_without_packets_and_packets_without_sound() {
        let mut decoder = Decoder::new(Codec::Opus);
        let mut samples = Vec::new();
        assert!(!decoder.decode(&[], &mut samples), "no packet");
        assert!(decoder.decode(packets()[0], &mut samples));
        // A lone TOC says that nothing is said for its time (DTX).
        assert!(decoder.decode(&[packets()[0][0] & 0xfc], &mut samples));
        assert_eq!(samples.len(), 2 * FRAME);
        assert!(decoder.conceal(FRAME, &mut samples));
        assert_eq!(samples.len(), 3 * FRAME);
    }

    #[test]
    fn the_time_of_a_packet() {
        let time = |octets: &[u8]| ticks(Codec::Opus, octets);
        assert_eq!(time(&[]), 0);
        assert_eq!([0, 8, 16, 24].map(|toc| time(&[toc])), [480, 960, 1920, 2880], "SILK");
        assert_eq!([96, 104].map(|toc| time(&[toc])), [480, 960], "hybrid");
        assert_eq!([128, 136, 144, 152].map(|toc| time(&[toc])), [120, 240, 480, 960], "CELT");
        assert_eq!((time(&[9]), time(&[11]), time(&[11, 3])), (1920, 0, 2880));
        assert_eq!(time(&[27, 3]), 0, "180 ms");
    }
}
