//! Encrypted legs: what goes over the wire is sealed, what is inside is plain.

use super::*;
use crate::base::Rng;
use crate::base::srtp::{Key, Keys, Suite};
use crate::media::srtp::Srtp;

fn keys(suite: Suite, seed: u64) -> Keys {
    let mut rng = Rng::from_number(seed);
    Keys { ours: Key::random(suite, &mut rng), theirs: Key::random(suite, &mut rng) }
}

/// The peer's end.
fn peer_of(keys: &Keys) -> Srtp {
    Srtp::new(Keys { ours: keys.theirs.clone(), theirs: keys.ours.clone() }).expect("keys")
}

fn protect(world: &mut World, leg: LegId, keys: &Keys) -> Srtp {
    world.command(Command::Protect { leg, keys: Some(Box::new(keys.clone())) });
    peer_of(keys)
}

/// What the engine sends as octets, by leg and channel.
fn drain(world: &mut World) -> Vec<(LegId, Channel, Vec<u8>)> {
    let mut sent = Vec::new();
    while let Some(output) = world.engine.poll_output() {
        if let Output::Send { seat, channel, bytes, .. } = output {
            sent.push((seat.leg, channel, bytes.to_vec()));
        }
    }
    sent
}

/// One frame of the peer of a leg, as it is on the wire.
fn said(leg: LegId, n: u32, by: Option<&mut Srtp>) -> Vec<u8> {
    let ssrc = u32::from(leg.index) + 1;
    let header = Header { marker: false, payload_type: 8, sequence: n as u16, timestamp: n * 160, ssrc };
    let mut packet = header.write().to_vec();
    packet.extend(frame(n));
    if let Some(srtp) = by {
        assert!(srtp.seal_rtp(&mut packet, 0));
    }
    packet
}

fn pass(world: &mut World, from: LegId, packet: &[u8]) -> Vec<(LegId, Channel, Vec<u8>)> {
    world.arrive(from, Channel::Rtp, address(from), packet);
    drain(world)
}

fn payload(packet: &[u8]) -> &[u8] {
    Header::parse(packet).expect("plain RTP").1
}

#[test]
fn bridges_of_encrypted_and_plain_legs() {
    for suite in Suite::ALL {
        let (keys_a, keys_b) = (keys(suite, 1), keys(Suite::Aes128CmSha1_80, 2));
        for both in [false, true] {
            let mut world = World::connected(Codec::Pcma, Codec::Pcma);
            let mut peer_a = protect(&mut world, A, &keys_a);
            let mut peer_b = both.then(|| protect(&mut world, B, &keys_b));
            world.command(Command::Bridge { a: A, b: B });
            for n in 0..100 {
                let at = world.now();
                let sent = pass(&mut world, A, &said(A, n, Some(&mut peer_a)));
                let [(B, Channel::Rtp, packet)] = &sent[..] else { panic!("{sent:?}") };
                let mut packet = packet.clone();
                match &mut peer_b {
                    None => assert_eq!(payload(&packet), frame(n)),
                    Some(peer) => {
                        assert_eq!(packet.len(), 12 + 160 + 10);
                        let plain = peer.open_rtp(at, &mut packet).expect("genuine");
                        assert_eq!(payload(plain), frame(n));
                    }
                }
                let sent = pass(&mut world, B, &said(B, n, peer_b.as_mut()));
                let [(A, Channel::Rtp, packet)] = &sent[..] else { panic!("{sent:?}") };
                let mut packet = packet.clone();
                assert_eq!(packet.len(), 12 + 160 + suite.tag_length());
                assert_eq!(payload(peer_a.open_rtp(at, &mut packet).expect("genuine")), frame(n));
            }
        }
    }
}

#[test]
fn what_is_not_the_peers_is_dropped_and_counted() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    let mut peer = protect(&mut world, A, &keys(Suite::AeadAes128Gcm, 1));
    world.command(Command::Bridge { a: A, b: B });
    assert_eq!(pass(&mut world, A, &said(A, 0, None)), [], "in the clear");
    let genuine = said(A, 1, Some(&mut peer));
    assert_eq!(pass(&mut world, A, &genuine).len(), 1);
    assert_eq!(pass(&mut world, A, &genuine), [], "once more");
    assert_eq!(pass(&mut world, A, &genuine[..20]), [], "cut short");
    world.command(Command::Close { leg: A });
    let report = world.events.iter().find_map(|event| match event {
        Event::Quality { report, .. } => Some(*report),
        _ => None,
    });
    let report = report.expect("a report");
    assert_eq!((report.forged, report.replayed, report.unusable, report.packets_received), (1, 1, 1, 1));
}

#[test]
fn our_own_voice_and_reports_are_sealed_and_keys_go_on_in_a_hold() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    let keys = keys(Suite::Aes256CmSha1_80, 1);
    let mut peer = protect(&mut world, A, &keys);
    world.command(play(A, 1, vec![samples(500, 80_000)], true));
    let (mut heard, mut reports) = (0, 0);
    for ms in 1..20_000u64 {
        if ms == 9000 {
            // The same keys again, as after a hold: nothing begins anew.
            world.command(Command::Protect { leg: A, keys: Some(Box::new(keys.clone())) });
        }
        world.now_us += 1000;
        let now = world.now();
        world.engine.handle_tick(now);
        for (leg, channel, mut packet) in drain(&mut world) {
            match (leg, channel) {
                (A, Channel::Rtp) => {
                    let plain = peer.open_rtp(now, &mut packet).expect("genuine");
                    heard += usize::from(payload(plain) != [encode(Codec::Pcma, 0); 160]);
                }
                (A, Channel::Rtcp) => {
                    let plain = peer.open_rtcp(now, &mut packet).expect("genuine");
                    assert_eq!((plain[0] & 0xc0, plain[1]), (0x80, 200), "a sender report");
                    reports += 1;
                }
                _ => {}
            }
        }
    }
    assert!(heard > 950 && reports >= 2, "{heard} frames, {reports} reports");
    world.command(Command::Protect { leg: A, keys: None });
    assert_eq!(world.sent_to(A).len(), 0);
    world.until(20_100);
    assert_eq!(world.sent_to(A).last().map(|sent| sent.payload.len()), Some(160), "in the clear again");
}
