use proptest::prelude::*;

use super::*;
use crate::base::Rng;
use crate::base::srtp::{Mki, Suite};

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    data_encoding::HEXLOWER.decode(digits.as_bytes()).expect("hexadecimal")
}

fn ms(ms: u64) -> Instant {
    Instant::from_micros(ms * 1000)
}

fn keys(suite: Suite, seed: u64) -> Keys {
    let mut rng = Rng::from_number(seed);
    Keys { ours: Key::random(suite, &mut rng), theirs: Key::random(suite, &mut rng) }
}

fn pair_of(keys: Keys) -> (Srtp, Srtp) {
    let other = Keys { ours: keys.theirs.clone(), theirs: keys.ours.clone() };
    (Srtp::new(keys).expect("keys"), Srtp::new(other).expect("keys"))
}

fn pair(suite: Suite) -> (Srtp, Srtp) {
    pair_of(keys(suite, 1))
}

fn rtp(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..160).map(|n| n as u8 ^ sequence as u8));
    packet
}

fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 200, 0, 6];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x55; 20]);
    packet
}

fn sealed(by: &mut Srtp, plain: &[u8]) -> Vec<u8> {
    let mut packet = plain.to_vec();
    assert!(by.seal_rtp(&mut packet, 0), "sealed");
    packet
}

fn opened(by: &mut Srtp, at: Instant, packet: &[u8]) -> Result<Vec<u8>, Unsound> {
    by.open_rtp(at, &mut packet.to_vec()).map(<[u8]>::to_vec)
}

/// Packets that libsrtp's own tests (`srtp_validate`) hold: another's output, not ours.
#[test]
fn packets_of_an_independent_implementation() {
    let plain = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    let cases = [
        (
            Suite::Aes128CmSha1_80,
            "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6",
            "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb",
        ),
        (
            Suite::Aes256CmSha1_80,
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6 3b04803de51ee7c96423ab5b78d2",
            "800f1234 decafbad cafebabe f1d9de17 ff251ff1 aa007774 b0b4b40d a08d9d9a 5b3a55d8 873b",
        ),
    ];
    for (suite, key, packet) in cases {
        let key = Key::new(suite, &hex(key), None).expect("a key");
        let (mut a, mut b) = pair_of(Keys { ours: key.clone(), theirs: key });
        assert_eq!(sealed(&mut a, &plain), hex(packet), "{suite:?}");
        assert_eq!(opened(&mut b, ms(0), &hex(packet)), Ok(plain.clone()), "{suite:?}");
    }
    let key = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
    let key = Key::new(Suite::Aes128CmSha1_80, &key, None).expect("a key");
    let (_, mut b) = pair_of(Keys { ours: key.clone(), theirs: key });
    let mut packet =
        hex("81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798");
    let plain = hex("81c8000b cafebabe abababab abababab abababab abababab");
    assert_eq!(b.open_rtcp(ms(0), &mut packet), Ok(&plain[..]));
}

#[test]
fn every_suite_both_ways_and_each_packet_once() {
    for suite in Suite::ALL {
        let (mut a, mut b) = pair(suite);
        for sequence in 65_500..65_600u32 {
            let plain = rtp(sequence as u16, 7);
            let packet = sealed(&mut a, &plain);
            assert_eq!(packet.len(), plain.len() + suite.tag_length());
            assert_eq!(packet[..12], plain[..12]);
            assert_ne!(packet[12..60], plain[12..60]);
            assert_eq!(opened(&mut b, ms(0), &packet), Ok(plain), "{suite:?} {sequence}");
            assert_eq!(opened(&mut b, ms(0), &packet), Err(Unsound::Replayed));
        }
        let plain = rtcp(9);
        for _ in 0..3 {
            let mut packet = plain.clone();
            assert!(b.seal_rtcp(&mut packet, 0));
            let copy = packet.clone();
            assert_eq!(a.open_rtcp(ms(0), &mut packet), Ok(&plain[..]));
            assert_eq!(a.open_rtcp(ms(0), &mut copy.clone()), Err(Unsound::Replayed));
        }
    }
}

#[test]
fn what_stands_before_a_packet_in_the_buffer_stays() {
    let (mut a, mut b) = pair(Suite::AeadAes128Gcm);
    let mut buffer = b"before".to_vec();
    buffer.extend(rtp(1, 7));
    assert!(a.seal_rtp(&mut buffer, 6));
    assert_eq!(&buffer[..6], b"before");
    assert_eq!(opened(&mut b, ms(0), &buffer[6..]), Ok(rtp(1, 7)));
}

#[test]
fn loss_and_disorder_around_the_wrap() {
    let (mut a, mut b) = pair(Suite::Aes128CmSha1_80);
    let sent: Vec<_> = (0..200u32)
        .map(|n| rtp((65_436 + n) as u16, 7))
        .map(|plain| (sealed(&mut a, &plain), plain))
        .collect();
    // All between 50 before the wrap and 20 behind it are lost, two come late.
    let order = (0..50).chain(120..150).chain([99, 101]).chain(150..200);
    for n in order {
        let (packet, plain) = &sent[n];
        assert_eq!(opened(&mut b, ms(0), packet).as_ref(), Ok(plain), "{n}");
    }
}

#[test]
fn a_first_packet_from_behind_the_wrap() {
    let (mut a, mut b) = pair(Suite::AeadAes256Gcm);
    sealed(&mut a, &rtp(65_535, 7));
    for sequence in 0..3 {
        let packet = sealed(&mut a, &rtp(sequence, 7));
        assert_eq!(opened(&mut b, ms(0), &packet), Ok(rtp(sequence, 7)));
    }
}

#[test]
fn nothing_is_sealed_twice_with_one_keystream() {
    let (mut a, _) = pair(Suite::Aes128CmSha1_80);
    sealed(&mut a, &rtp(100, 7));
    sealed(&mut a, &rtp(102, 7));
    let mut buffer = vec![1, 2, 3];
    buffer.extend(rtp(100, 7));
    assert!(!a.seal_rtp(&mut buffer, 3));
    assert_eq!(buffer, [1, 2, 3], "the packet is gone");
    sealed(&mut a, &rtp(101, 7));
}

#[test]
fn other_and_late_sources() {
    let (mut a, mut b) = pair(Suite::Aes128CmSha1_32);
    let theirs = |ssrc| {
        let (mut fresh, _) = pair(Suite::Aes128CmSha1_32);
        sealed(&mut fresh, &rtp(40_000, ssrc))
    };
    assert_eq!(opened(&mut b, ms(0), &sealed(&mut a, &rtp(1, 7))), Ok(rtp(1, 7)));
    for ssrc in 8..30 {
        let packet = theirs(ssrc);
        assert_eq!(opened(&mut b, ms(0), &packet), Ok(rtp(40_000, ssrc)));
        assert_eq!(opened(&mut b, ms(0), &packet), Err(Unsound::Replayed));
    }
}

#[test]
fn an_mki_is_asked_for_where_it_was_agreed() {
    for suite in [Suite::AeadAes128Gcm, Suite::Aes128CmSha1_80] {
        let octets = vec![3; suite.key_length() + suite.salt_length()];
        let key = |mki| Key::new(suite, &octets, Mki::new(mki, 4)).expect("a key");
        let (mut a, mut b) = pair_of(Keys { ours: key(1), theirs: key(1) });
        let packet = sealed(&mut a, &rtp(1, 7));
        assert_eq!(packet.len(), rtp(1, 7).len() + suite.tag_length() + 4);
        assert_eq!(opened(&mut b, ms(0), &packet), Ok(rtp(1, 7)));
        let mut report = rtcp(7);
        assert!(a.seal_rtcp(&mut report, 0));
        assert_eq!(b.open_rtcp(ms(0), &mut report), Ok(&rtcp(7)[..]));
        let (mut other, _) = pair_of(Keys { ours: key(2), theirs: key(2) });
        assert_eq!(opened(&mut b, ms(0), &sealed(&mut other, &rtp(2, 7))), Err(Unsound::Forged));
    }
}

#[test]
fn a_new_key_and_packets_of_the_old_one_on_the_way() {
    let suite = Suite::Aes128CmSha1_80;
    let (first, second) = (keys(suite, 1), keys(suite, 2));
    let (mut a, mut b) = pair_of(first.clone());
    let early = sealed(&mut a, &rtp(1, 7));
    let late = sealed(&mut a, &rtp(2, 7));
    let latest = sealed(&mut a, &rtp(3, 7));
    let (mut a2, _) = pair_of(second.clone());
    assert_eq!(opened(&mut b, ms(0), &early), Ok(rtp(1, 7)));
    b.rekey(ms(0), Keys { ours: second.theirs, theirs: second.ours });
    assert_eq!(opened(&mut b, ms(10), &sealed(&mut a2, &rtp(4, 7))), Ok(rtp(4, 7)));
    assert_eq!(opened(&mut b, ms(20), &late), Ok(rtp(2, 7)), "still on the way");
    assert_eq!(opened(&mut b, ms(20), &early), Err(Unsound::Replayed), "not once more");
    assert_eq!(opened(&mut b, ms(2000), &latest), Err(Unsound::Forged), "too late");
}

#[test]
fn a_key_that_stays_goes_on_where_it_is() {
    let suite = Suite::Aes128CmSha1_80;
    let (mut a, mut b) = pair(suite);
    for sequence in [65_534, 65_535, 0] {
        let packet = sealed(&mut a, &rtp(sequence, 7));
        assert_eq!(opened(&mut b, ms(0), &packet), Ok(rtp(sequence, 7)));
    }
    a.rekey(ms(0), a.keys.clone());
    b.rekey(ms(0), b.keys.clone());
    let packet = sealed(&mut a, &rtp(1, 7));
    assert_eq!(opened(&mut b, ms(0), &packet), Ok(rtp(1, 7)), "in its second round");
}

#[test]
fn with_a_new_key_a_peer_begins_its_rounds_anew_or_goes_on() {
    let suite = Suite::Aes128CmSha1_80;
    for goes_on in [false, true] {
        let (first, second) = (keys(suite, 1), keys(suite, 2));
        let (mut a, mut b) = pair_of(first);
        for sequence in [65_000, 20_000, 50_000, 10_000, 40_000, 65_000u16] {
            let packet = sealed(&mut a, &rtp(sequence, 7));
            opened(&mut b, ms(0), &packet).expect("opened");
        }
        let (mut a2, _) = pair_of(second.clone());
        if goes_on {
            a2.out.sealed = a.out.sealed;
        }
        b.rekey(ms(0), Keys { ours: second.theirs, theirs: second.ours });
        for sequence in [65_001, 65_002] {
            let packet = sealed(&mut a2, &rtp(sequence, 7));
            assert_eq!(opened(&mut b, ms(0), &packet), Ok(rtp(sequence, 7)), "goes on: {goes_on}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_are_dropped_and_nothing_panics(
        packet in proptest::collection::vec(any::<u8>(), 0..300),
        suite in 0..6usize,
        mki in any::<bool>(),
    ) {
        let suite = Suite::ALL[suite];
        let octets = vec![3; suite.key_length() + suite.salt_length()];
        let key = Key::new(suite, &octets, mki.then(|| Mki::new(1, 2)).flatten()).expect("a key");
        let mut srtp = Srtp::new(Keys { ours: key.clone(), theirs: key }).expect("keys");
        prop_assert!(srtp.open_rtp(ms(0), &mut packet.clone()).is_err());
        prop_assert!(srtp.open_rtcp(ms(0), &mut packet.clone()).is_err());
        prop_assert!(srtp.heard.rtp_heard.get(0).is_none());
        // What is sealed may be anything too: it comes from our own writers, and must not panic for all that.
        srtp.seal_rtp(&mut packet.clone(), packet.len() / 2);
        srtp.seal_rtcp(&mut packet.clone(), packet.len() / 2);
    }

    #[test]
    fn a_flipped_bit_is_always_found(
        bit in 0..(160usize + 12 + 4) * 8,
        suite in 0..6usize,
        heard_before in any::<bool>(),
    ) {
        let (mut a, mut b) = pair(Suite::ALL[suite]);
        if heard_before {
            opened(&mut b, ms(0), &sealed(&mut a, &rtp(500, 7))).expect("opened");
        }
        let packet = sealed(&mut a, &rtp(501, 7));
        let mut changed = packet.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(opened(&mut b, ms(0), &changed).is_err());
        prop_assert_eq!(opened(&mut b, ms(0), &packet), Ok(rtp(501, 7)), "and does no harm to the true one");

        let mut report = rtcp(7);
        prop_assert!(a.seal_rtcp(&mut report, 0));
        let mut changed = report.clone();
        let bit = bit % (changed.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(b.open_rtcp(ms(0), &mut changed).is_err());
        prop_assert_eq!(b.open_rtcp(ms(0), &mut report), Ok(&rtcp(7)[..]));
    }

    #[test]
    fn cut_short_is_dropped(length in 0..188usize, suite in 0..6usize) {
        let (mut a, mut b) = pair(Suite::ALL[suite]);
        let packet = sealed(&mut a, &rtp(501, 7));
        let length = length.min(packet.len() - 1);
        prop_assert!(opened(&mut b, ms(0), &packet[..length]).is_err());
    }
}
