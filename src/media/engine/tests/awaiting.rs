//! Browsers: nothing is heard or said before the way is open, and then both RTP and RTCP go by it.

use super::*;
use crate::base::Rng;
use crate::base::ice::{Certificate, Credentials, Fingerprint, Role, Terms};
use crate::base::srtp::{Key, Keys, Suite};
use crate::media::srtp::Srtp;

fn peer() -> SocketAddr {
    "198.51.100.9:40000".parse().expect("an address")
}

fn keys(seed: u64) -> (Keys, Srtp) {
    let mut rng = Rng::from_number(seed);
    let mut key = || Key::random(Suite::AeadAes128Gcm, &mut rng);
    let keys = Keys { ours: key(), theirs: key() };
    let theirs = Srtp::new(Keys { ours: keys.theirs.clone(), theirs: keys.ours.clone() }).expect("keys");
    (keys, theirs)
}

fn wait(world: &mut World) {
    let ours = Credentials::random(&mut Rng::from_number(1));
    let (certificate, fingerprint) = (Certificate::First, Fingerprint::new([1; 32]));
    let terms = Terms { ours, certificate, fingerprint, role: Role::Server };
    world.command(Command::Await { leg: A, terms: Box::new(terms) });
}

fn unspecified() -> Stream {
    let nowhere = "0.0.0.0:0".parse().expect("an address");
    Stream { remote_rtp: nowhere, remote_rtcp: nowhere, ..stream(A, Codec::Pcma) }
}

fn open(world: &mut World, to: SocketAddr, keys: &Keys) {
    world.command(Command::Secured { leg: A, peer: to, keys: Box::new(keys.clone()) });
}

fn voice(n: u32, by: &mut Srtp) -> Vec<u8> {
    let header = Header { marker: false, payload_type: 8, sequence: n as u16, timestamp: n * 160, ssrc: 1 };
    let mut packet = header.write().to_vec();
    packet.extend([0xd5; 160]);
    assert!(by.seal_rtp(&mut packet, 0));
    packet
}

fn hear(world: &mut World, packet: &[u8]) {
    world.arrive(A, Channel::Rtp, peer(), packet);
    world.drain();
}

fn quality(world: &mut World) -> crate::media::QualityReport {
    world.command(Command::Close { leg: A });
    let last = world.events.iter().rev().find_map(|event| match event {
        Event::Quality { report, .. } => Some(*report),
        _ => None,
    });
    last.expect("a report")
}

#[test]
fn nothing_passes_before_the_way_is_open_and_what_was_to_be_played_waits() {
    let mut world = World::new();
    wait(&mut world);
    world.command(Command::Connect { leg: A, stream: unspecified() });
    let clips = vec![Sound::Samples(vec![4000; 800].into())];
    world.command(Command::Play { leg: A, play: PlayId(1), clips, repeat: false });
    let (keys, mut theirs) = keys(1);
    let header = Header { marker: false, payload_type: 8, sequence: 1, timestamp: 1, ssrc: 1 };
    hear(&mut world, &[&header.write()[..], &[0xd5; 160]].concat());
    hear(&mut world, &voice(2, &mut theirs));
    hear(&mut world, &[]);
    world.until(500);
    assert_eq!((world.sent.len(), world.reports.len(), &world.events[..]), (0, 0, &[][..]));
    open(&mut world, peer(), &keys);
    world.until(1000);
    assert_eq!(world.events, [Event::Played { leg: A, play: PlayId(1) }]);
    assert!(world.sent.len() > 20 && world.sent.iter().all(|sent| sent.to == peer()));
    hear(&mut world, &voice(3, &mut theirs));
    assert_eq!(world.events.last(), Some(&Event::FirstPacket { leg: A }));
    assert_eq!(world.peers, [], "the system may not shut its port to other ways");
    let quality = quality(&mut world);
    assert_eq!((quality.unusable, quality.packets_received), (3, 1));
}

#[test]
fn reports_come_and_go_by_the_port_of_the_voice() {
    let mut world = World::new();
    wait(&mut world);
    world.command(Command::Connect { leg: A, stream: unspecified() });
    let (keys, mut theirs) = keys(1);
    open(&mut world, peer(), &keys);
    // A receiver report about nobody.
    let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 1];
    assert!(theirs.seal_rtcp(&mut report, 0));
    hear(&mut world, &report);
    let mut sent = Vec::new();
    for _ in 0..8000 {
        world.now_us += 1000;
        world.engine.handle_tick(world.now());
        while let Some(output) = world.engine.poll_output() {
            if let Output::Send { channel, to, bytes, .. } = output
                && bytes.get(1).is_some_and(|kind| (192..=223).contains(kind))
            {
                sent.push((channel, to, bytes.to_vec()));
            }
        }
    }
    let (channel, to, bytes) = sent.first_mut().expect("a report of ours");
    assert_eq!((*channel, *to), (Channel::Rtp, peer()));
    assert!(theirs.open_rtcp(Instant::from_micros(1), bytes).is_ok());
    let quality = quality(&mut world);
    assert_eq!((quality.unusable, quality.forged, quality.packets_received), (0, 0, 0));
}

#[test]
fn a_browser_that_moves_takes_its_call_along() {
    let mut world = World::new();
    wait(&mut world);
    world.command(Command::Connect { leg: A, stream: unspecified() });
    let (keys, _) = keys(1);
    open(&mut world, peer(), &keys);
    world.until(100);
    let other: SocketAddr = "203.0.113.5:5".parse().expect("an address");
    wait(&mut world);
    world.until(200);
    assert!(world.sent.iter().all(|sent| sent.to == peer()), "as before until the new way is open");
    open(&mut world, other, &keys);
    let before = world.sent.len();
    world.until(300);
    assert!(world.sent.len() > before && world.sent[before..].iter().all(|sent| sent.to == other));
    // What is agreed anew goes by the way that there is.
    world.command(Command::Connect { leg: A, stream: Stream { send: false, ..unspecified() } });
    let before = world.sent.len();
    world.until(400);
    world.command(Command::Connect { leg: A, stream: unspecified() });
    assert_eq!(world.sent.len(), before);
    world.until(500);
    assert!(world.sent.len() > before && world.sent[before..].iter().all(|sent| sent.to == other));
}

#[test]
fn a_browser_that_never_comes_is_told_of() {
    let mut world = World::new();
    wait(&mut world);
    world.command(Command::Connect { leg: A, stream: unspecified() });
    world.until(29_900);
    assert_eq!(world.events, []);
    world.until(30_100);
    assert_eq!(world.events, [Event::RtpTimeout { leg: A }]);
}
