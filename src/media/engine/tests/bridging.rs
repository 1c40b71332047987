//! Two legs that hear each other.

use super::*;

#[test]
fn equal_codecs_pass_bit_for_bit_at_once() {
    for codec in Codec::G711 {
        let mut world = World::connected(codec, codec);
        world.command(Command::Bridge { a: A, b: B });
        for n in 0..500 {
            world.until(u64::from(n) * 20 + 7);
            world.say(A, codec, n, &frame(n));
            world.until(u64::from(n) * 20 + 9);
            world.say(B, codec, n, &frame(n + 7000));
        }
        for (leg, at, shift) in [(B, 7, 0), (A, 9, 7000)] {
            let heard = world.sent_to(leg);
            let spoken: Vec<_> = heard.iter().filter(|s| s.payload != [encode(codec, 0); 160]).collect();
            assert_eq!(spoken.len(), 500);
            for (n, sent) in spoken.into_iter().enumerate() {
                assert_eq!(sent.payload, frame(n as u32 + shift));
                assert_eq!((sent.at_ms, sent.to), (n as u64 * 20 + at, address(leg)));
                assert_eq!(sent.header.marker, n == 0);
            }
            assert_unbroken(&heard);
        }
    }
}

#[test]
fn different_codecs_go_through_a_table() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcmu);
    world.command(Command::Bridge { a: A, b: B });
    let said: Vec<u8> = (0..160).map(|n| encode(Codec::Pcma, n * 150 - 12000)).collect();
    world.say(A, Codec::Pcma, 0, &said);
    let heard = world.sent_to(B)[0];
    assert_eq!(heard.header.payload_type, 0);
    for (before, after) in said.iter().zip(&heard.payload) {
        let (before, after) =
            (i32::from(decode(Codec::Pcma, *before)), i32::from(decode(Codec::Pcmu, *after)));
        assert!((before - after).abs() <= 16 + before.abs() / 16, "{before} {after}");
    }
}

#[test]
fn a_peer_that_changes_over_to_the_other_law_is_still_understood() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Bridge { a: A, b: B });
    world.say(A, Codec::Pcmu, 0, &[encode(Codec::Pcmu, 5000); 160]);
    assert_eq!(
        world.sent_to(B)[0].payload,
        [encode(Codec::Pcma, decode(Codec::Pcmu, encode(Codec::Pcmu, 5000))); 160]
    );
}

#[test]
fn an_announcement_overrides_the_bridge_and_an_answered_agent_is_heard_at_once() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(play(A, 1, vec![samples(500, 80_000)], true));
    for n in 0..200u32 {
        world.until(u64::from(n) * 20 + 5);
        match n {
            50 => {
                world.command(Command::Stop { leg: A });
                world.command(Command::Bridge { a: A, b: B });
            }
            100 => world.command(play(A, 2, vec![samples(900, 1600)], false)),
            150 => world.command(Command::Unbridge { leg: B }),
            _ => {}
        }
        world.say(B, Codec::Pcma, n, &frame(n));
    }
    let heard = world.sent_to(A);
    assert_unbroken(&heard);
    let speech: Vec<u64> =
        heard.iter().filter(|s| (0..200).any(|n| s.payload == frame(n))).map(|s| s.at_ms).collect();
    assert_eq!(speech.first(), Some(&1005), "in the packet in which the bridge was made");
    assert!(!speech.iter().any(|at| (2005..2200).contains(at)), "not under the announcement");
    assert_eq!(speech.iter().filter(|at| **at > 2205).count(), 39);
    assert_eq!(speech.last(), Some(&2985));
    let markers: Vec<u64> = heard.iter().filter(|s| s.header.marker).map(|s| s.at_ms).collect();
    assert_eq!(markers, [20, 1005, 2020, 2205]);
    assert_eq!(world.events.iter().filter(|e| matches!(e, Event::Played { .. })).count(), 1);
}

#[test]
fn a_quiet_peer_is_spoken_for_with_silence() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Bridge { a: A, b: B });
    world.until(100);
    assert_eq!(world.sent_to(A).len(), 5, "nobody has said anything yet");
    for n in 0..10 {
        world.until(100 + u64::from(n) * 20 + 10);
        world.say(B, Codec::Pcma, n, &frame(n));
    }
    world.until(1290);
    world.say(B, Codec::Pcma, 60, &frame(60));
    let heard = world.sent_to(A);
    assert!(heard.len() > 55, "{}", heard.len());
    let longest = heard.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).max();
    assert!(longest <= Some(220), "{longest:?}");
    assert!(heard.last().is_some_and(|last| last.header.marker && last.payload == frame(60)));
}

#[test]
fn loss_and_disorder_are_passed_on_and_duplicates_are_not() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Bridge { a: A, b: B });
    for n in [0, 1, 1, 4, 3, 3, 5] {
        world.say(A, Codec::Pcma, n, &frame(n));
    }
    let heard: Vec<_> = world.sent_to(B).iter().map(|s| (s.header.sequence, s.header.timestamp)).collect();
    assert_eq!(heard, [(100, 0), (101, 160), (104, 640), (103, 480), (105, 800)]);
}

#[test]
fn keys_are_reported_once_and_passed_on_under_the_others_number() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Connect { leg: B, stream: Stream { dtmf: Some(96), ..stream(B, Codec::Pcma) } });
    world.command(Command::Bridge { a: A, b: B });
    world.say(A, Codec::Pcma, 0, &frame(0));
    world.until(20);
    world.press(A, 1, 5);
    world.say(A, Codec::Pcma, 7, &frame(7));
    assert_eq!(world.keys(), "5");
    let events: Vec<_> = world.sent_to(B).into_iter().filter(|s| s.header.payload_type == 96).collect();
    assert_eq!(events.len(), 6);
    assert!(events.iter().all(|s| s.header.timestamp == 160 && s.payload[0] == 5));
    assert_eq!(events[0].header.sequence, 101);
    assert!(world.sent_to(B).last().is_some_and(|s| s.header.sequence == 107 && s.header.timestamp == 1120));
}

#[test]
fn a_peer_that_takes_no_events_sees_no_gap() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Connect { leg: B, stream: Stream { dtmf: None, ..stream(B, Codec::Pcma) } });
    world.command(Command::Bridge { a: A, b: B });
    world.say(A, Codec::Pcma, 0, &frame(0));
    world.press(A, 1, 5);
    world.say(A, Codec::Pcma, 7, &frame(7));
    // The key comes as a tone in their place.
    let heard: Vec<_> = world.sent_to(B).iter().map(|s| s.header.sequence).collect();
    assert!(heard.len() >= 5 && heard.iter().copied().eq(100..100 + heard.len() as u16), "{heard:?}");
}

#[test]
fn an_hour_of_talk_wraps_without_a_break() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Bridge { a: A, b: B });
    world.say(A, Codec::Pcma, 0, &frame(0));
    world.sent.clear();
    let mut expected = 101u16;
    for n in 1..180_000u32 {
        world.now_us += 20_000;
        world.say(A, Codec::Pcma, n, &[1; 160]);
        let [sent] = &world.sent[..] else { panic!("{n}: {:?}", world.sent) };
        assert_eq!((sent.header.sequence, sent.header.timestamp), (expected, n * 160));
        assert!(!sent.header.marker);
        expected = expected.wrapping_add(1);
        world.sent.clear();
    }
}

#[test]
fn another_source_and_a_wrap_in_mid_talk_are_one_stream_to_who_listens() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Bridge { a: A, b: B });
    // The phone is replaced by a conference, which numbers otherwise; and its sequence and time stamps wrap at once.
    for n in 0..60u32 {
        let (ssrc, sequence, timestamp) = match n {
            0..20 => (7, 65_530u16.wrapping_add(n as u16), (u32::MAX - 800).wrapping_add(n * 160)),
            20..40 => (8, n as u16, n * 160),
            _ => (8, 40_000 + n as u16, 3_000_000_000 + n * 160),
        };
        world.until(u64::from(n) * 20);
        let header = Header { marker: false, payload_type: 8, sequence, timestamp, ssrc };
        world.packet(A, address(A), header, &frame(n));
    }
    let sent = world.sent_to(B);
    assert_unbroken(&sent);
    let heard: Vec<_> = sent.iter().map(|sent| sent.payload.clone()).collect();
    // A jump of the sequence is believed at its second packet (RFC 3550 §A.1).
    assert_eq!(heard, (0..60).filter(|n| *n != 40).map(frame).collect::<Vec<_>>());
}

#[test]
fn a_stranger_who_was_quicker_than_the_peer_is_rid_of_at_once() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Bridge { a: A, b: B });
    let stranger = SocketAddr::from(([203, 0, 113, 66], 9));
    let from_stranger =
        |n: u32| Header { marker: false, payload_type: 8, sequence: n as u16, timestamp: n * 160, ssrc: 66 };
    for n in 0..20 {
        world.until(u64::from(n) * 20);
        world.packet(A, stranger, from_stranger(n), &[0x2a; 160]);
        world.say(B, Codec::Pcma, n, &frame(n));
    }
    assert!(world.sent_to(A).iter().any(|sent| sent.to == stranger), "taken for the peer behind its NAT");
    let (to_a, to_b) = (world.sent_to(A).len(), world.sent_to(B).len());
    for n in 20..600 {
        world.until(u64::from(n) * 20);
        world.say(A, Codec::Pcma, n, &frame(n));
        world.packet(A, stranger, from_stranger(n), &[0x2a; 160]);
        world.say(B, Codec::Pcma, n, &frame(n));
    }
    assert!(world.sent_to(A)[to_a..].iter().all(|sent| sent.to == address(A)));
    assert!(world.sent_to(B)[to_b..].iter().all(|sent| sent.payload != [0x2a; 160]));
}
