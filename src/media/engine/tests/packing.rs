//! Packets as long as the peer asked for, and comfort noise.

use super::*;
use crate::media::pitch::loudness;

impl World {
    /// Leg A has its packets so long, and leg B as ever.
    fn packing(codec: Codec, ptime_ms: u8) -> World {
        let mut world = World::new();
        world.command(Command::Connect { leg: A, stream: Stream { ptime_ms, ..stream(A, codec) } });
        world.command(Command::Connect { leg: B, stream: stream(B, Codec::Pcma) });
        world
    }

    /// Comfort noise of the leg's peer, in place of its packet `n`.
    fn say_noise(&mut self, leg: LegId, n: u32, level: u8) {
        let header = Header {
            marker: false,
            payload_type: 13,
            sequence: n as u16,
            timestamp: n * 160,
            ssrc: u32::from(leg.index) + 1,
        };
        self.packet(leg, address(leg), header, &[level]);
    }
}

/// Each packet begins where the one before ended, and they leave at a steady pace.
fn assert_steady(sent: &[&Sent], ptime_ms: u64, clock_rate: u32) {
    assert!(sent.len() > 5, "{sent:?}");
    for pair in sent.windows(2) {
        let (before, after) = (&pair[0].header, &pair[1].header);
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        let advance = after.timestamp.wrapping_sub(before.timestamp);
        assert_eq!(u64::from(advance), u64::from(clock_rate / 1000) * ptime_ms);
        assert_eq!(pair[1].at_ms - pair[0].at_ms, ptime_ms, "after {}", pair[0].at_ms);
    }
}

#[test]
fn what_is_played_comes_whole_in_packets_of_each_length() {
    let said: Vec<i16> = (0..8000).map(|n| (n % 251) * 64).collect();
    for ptime_ms in [10u8, 20, 30, 40, 60] {
        for codec in Codec::G711 {
            let mut world = World::packing(codec, ptime_ms);
            world.command(play(A, 1, vec![Sound::Samples(said.clone().into())], false));
            world.until(1500);
            let sent = world.sent_to(A);
            assert_steady(&sent, ptime_ms.into(), 8000);
            assert!(sent.iter().all(|sent| sent.payload.len() == usize::from(ptime_ms) * 8));
            let heard: Vec<u8> = sent.iter().flat_map(|sent| sent.payload.clone()).collect();
            let expected: Vec<u8> = said.iter().map(|sample| encode(codec, *sample)).collect();
            assert!(heard.starts_with(&expected), "{codec} in packets of {ptime_ms} ms");
            assert!(sent[0].header.marker && sent[0].at_ms <= 60);
            assert_eq!(world.sent_to(B)[0].payload.len(), 160, "who asked for nothing");
        }
    }
}

#[test]
fn the_other_codecs_too() {
    for codec in Codec::ALL {
        for ptime_ms in [10u8, 20, 40, 60] {
            let mut world = World::packing(codec, ptime_ms);
            world.command(play(A, 1, vec![samples(5000, 8000)], true));
            world.until(600);
            let sent = world.sent_to(A);
            assert_steady(&sent, ptime_ms.into(), codec.clock_rate());
            let ticks = codec.clock_rate() / 1000 * u32::from(ptime_ms);
            assert!(sent.iter().all(|sent| crate::media::codec::ticks(codec, &sent.payload) == ticks));
        }
    }
}

#[test]
fn what_is_translated_comes_in_such_packets_and_what_is_forwarded_stays_as_it_is() {
    let mut world = World::packing(Codec::G722, 30);
    world.command(Command::Bridge { a: A, b: B });
    for n in 0..50u32 {
        world.say(B, Codec::Pcma, n, &frame(n));
        world.until(u64::from(n + 1) * 20);
    }
    let sent: Vec<_> = world.sent_to(A).into_iter().filter(|sent| sent.at_ms > 200).collect();
    assert_steady(&sent, 30, 8000);
    assert!(sent.iter().all(|sent| sent.payload.len() == 240));

    let mut world = World::packing(Codec::Pcma, 30);
    world.command(Command::Bridge { a: A, b: B });
    for n in 0..50u32 {
        world.say(B, Codec::Pcma, n, &frame(n));
        world.until(u64::from(n + 1) * 20);
    }
    let sent = world.sent_to(A);
    let forwarded: Vec<_> = (0..50u32).map(frame).collect();
    assert_eq!(sent.iter().map(|sent| sent.payload.clone()).collect::<Vec<_>>(), forwarded);
}

#[test]
fn a_key_breaks_a_packet_off_and_another_length_is_taken_up_at_once() {
    let mut world = World::packing(Codec::Pcma, 60);
    world.command(play(A, 1, vec![samples(5000, 80_000)], false));
    world.until(200);
    world.command(Command::SendDigits { leg: A, digits: Masked::from("5") });
    world.until(900);
    let times: Vec<_> = world.sent_to(A).iter().map(|sent| sent.header.timestamp).collect();
    assert!(times.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) as i32 >= 0), "{times:?}");
    let sequences: Vec<_> = world.sent_to(A).iter().map(|sent| sent.header.sequence).collect();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{sequences:?}");

    for ptime_ms in [10, 20, 30] {
        let from = world.now_us / 1000 + 60;
        world.command(Command::Connect { leg: A, stream: Stream { ptime_ms, ..stream(A, Codec::Pcma) } });
        world.until(from + 300);
        let sent: Vec<_> = world.sent_to(A).into_iter().filter(|sent| sent.at_ms > from).collect();
        assert_steady(&sent, ptime_ms.into(), 8000);
    }
    world.command(Command::Close { leg: A });
    assert!(world.engine.slots.iter().all(|slot| slot.halves.is_empty()));
}

#[test]
fn comfort_noise_goes_on_to_who_takes_it_and_is_made_for_who_does_not() {
    for takes in [true, false] {
        let mut world = World::new();
        world.command(Command::Connect { leg: A, stream: stream(A, Codec::Pcma) });
        let noise = takes.then_some(13);
        world.command(Command::Connect { leg: B, stream: Stream { noise, ..stream(B, Codec::Pcma) } });
        world.command(Command::Bridge { a: A, b: B });
        for n in 0..10 {
            world.say(A, Codec::Pcma, n, &frame(n));
            world.until(u64::from(n + 1) * 20);
        }
        world.say_noise(A, 10, 45);
        world.until(400);
        let quiet: Vec<Sent> =
            world.sent_to(B).into_iter().filter(|sent| sent.at_ms > 180).cloned().collect();
        if takes {
            assert_eq!(
                (quiet[0].header.payload_type, quiet[0].payload.as_slice()),
                (13, &[45][..]),
                "{quiet:?}"
            );
        } else {
            let heard: Vec<i16> =
                quiet.iter().flat_map(|sent| sent.payload.iter().map(|o| decode(Codec::Pcma, *o))).collect();
            assert!((150.0..230.0).contains(&loudness(&heard)), "{} at -45 dB", loudness(&heard));
            assert!(heard.len() >= 8 * 160, "at once, and all the time");
        }
        // The voice comes back: nothing of it is missing, and no noise beside it.
        let before = world.sent_to(B).len();
        for n in 20..25 {
            world.say(A, Codec::Pcma, n - 9, &frame(n));
            world.until(u64::from(n + 1) * 20);
        }
        let back: Vec<_> = world.sent_to(B)[before..].iter().map(|sent| sent.payload.clone()).collect();
        assert_eq!(back, (20..25).map(frame).collect::<Vec<_>>());
        assert_unbroken(&world.sent_to(B)[before..]);
    }
}
