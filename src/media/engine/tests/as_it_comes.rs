//! A bridge that is recorded and heard by nobody else: what its recording holds, packet by packet.

use super::*;

/// What is on one channel of the recording.
fn recorded(world: &World, side: usize) -> Vec<i16> {
    let samples = world.audio.iter().flat_map(|audio| &audio.samples);
    samples.copied().skip(side).step_by(2).collect()
}

fn decoded(n: u32) -> Vec<i16> {
    frame(n).into_iter().map(|octet| decode(Codec::Pcma, octet)).collect()
}

fn bridged() -> World {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Bridge { a: A, b: B });
    record(&mut world, Some(B), None);
    world
}

fn stop(world: &mut World) {
    world.command(Command::StopRecording { recording: RecordingId(1) });
}

fn has_ear(world: &World, leg: LegId) -> bool {
    let place = world.engine.places[&leg];
    world.engine.sessions[place].as_ref().is_some_and(|session| session.ear.is_some())
}

/// Frame n of the peer of A comes 20 ms after it was begun, and so much later.
fn say_all(world: &mut World, packets: impl IntoIterator<Item = (u32, u64)>) {
    let arrivals = packets.into_iter().map(|(n, late)| (u64::from(n + 1) * 20 + late, n));
    let mut arrivals: Vec<_> = arrivals.collect();
    arrivals.sort_unstable();
    for (at, n) in arrivals {
        world.until(at);
        world.say(A, Codec::Pcma, n, &frame(n));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// To the sample what came, where it was said, in whatever order it came; what was lost is made up for.
    #[test]
    fn holds_every_packet_where_it_was_said(
        fates in proptest::collection::vec((0u32..8, 0u64..100), 1..100),
    ) {
        let mut world = bridged();
        let came = |n: u32| n == 0 || fates.get(n as usize - 1).is_some_and(|(lost, _)| *lost > 0);
        let count = fates.len() as u32 + 1;
        let late = |n: u32| if n == 0 { 0 } else { fates[n as usize - 1].1 };
        say_all(&mut world, (0..count).filter(|n| came(*n)).map(|n| (n, late(n))));
        prop_assert!(!has_ear(&world, A));
        world.until(u64::from(count) * 20 + 400);
        stop(&mut world);
        let left = recorded(&world, 0);
        prop_assert_eq!(left.len() as u64, (u64::from(count) * 20 + 400) * 8);
        for n in 0..count {
            let said = decoded(n);
            let at = n as usize * 160;
            let kept = &left[at..at + 160];
            if came(n) {
                // Behind a loss the beginning is blended with what was made up for it.
                let from = if n > 0 && !came(n - 1) { 80 } else { 0 };
                prop_assert_eq!(&kept[from..], &said[from..], "frame {}", n);
            } else if came(n - 1) {
                prop_assert!(kept[..80].iter().any(|sample| *sample != 0), "a hole at frame {}", n);
            }
        }
        prop_assert!(left[(count as usize + 4) * 160..].iter().all(|sample| *sample == 0), "it goes on in the end");
        prop_assert!(recorded(&world, 1).iter().all(|sample| *sample == 0));
    }
}

#[test]
fn is_what_the_other_party_heard() {
    let mut world = bridged();
    // Each third is overtaken by the next two.
    say_all(&mut world, (0..200).map(|n| (n, if n > 0 && n % 3 == 0 { 45 } else { 0 })));
    world.until(4400);
    stop(&mut world);
    let left = recorded(&world, 0);
    let heard: Vec<_> = world.sent_to(B).into_iter().filter(|sent| sent.payload != [0xd5; 160]).collect();
    assert_eq!(heard.len(), 200);
    let first = heard[0].header.timestamp;
    for sent in heard {
        let at = sent.header.timestamp.wrapping_sub(first) as usize;
        let samples: Vec<i16> = sent.payload.iter().map(|octet| decode(Codec::Pcma, *octet)).collect();
        assert_eq!(left[at..at + 160], samples, "at {at}");
    }
}

#[test]
fn goes_on_over_another_source_and_jumps_of_its_clock() {
    let mut world = bridged();
    for n in 0..60u32 {
        world.until(u64::from(n + 1) * 20);
        let (ssrc, sequence, timestamp) = match n {
            0..10 => (1, n, n * 160),
            10..20 => (2, 700 + n, n * 160 + 99_999),
            20..30 => (2, 700 + n, n * 160 + 2_000_000_000),
            _ => (2, 9000 + n, n * 160),
        };
        let header = Header { marker: false, payload_type: 8, sequence: sequence as u16, timestamp, ssrc };
        world.packet(A, address(A), header, &frame(n));
    }
    world.until(1600);
    stop(&mut world);
    let left = recorded(&world, 0);
    // One packet is given up before a sequence that begins anew (RFC 3550 A.1).
    for n in (0..60u32).filter(|n| *n != 30) {
        let from = if matches!(n, 10 | 20 | 31) { 80 } else { 0 };
        let at = n as usize * 160;
        assert_eq!(left[at + from..at + 160], decoded(n)[from..], "frame {n}");
    }
}

#[test]
fn is_blank_while_it_pauses_and_what_is_secret_is() {
    let mut world = bridged();
    for n in 0..100u32 {
        world.until(u64::from(n + 1) * 20);
        world.say(A, Codec::Pcma, n, &frame(n));
        match n {
            19 | 39 => {
                let paused = n == 19;
                world.command(Command::PauseRecording { recording: RecordingId(1), paused });
            }
            59 | 69 => world.command(Command::Secret { leg: A, on: n == 59 }),
            _ => {}
        }
    }
    world.until(2500);
    stop(&mut world);
    let left = recorded(&world, 0);
    for n in 0..100u32 {
        // Half a second longer, for the tone of the last key.
        let blank = matches!(n, 20..40 | 60..94);
        let kept = &left[n as usize * 160..][..160];
        match blank {
            true => assert_eq!(kept, [0; 160], "frame {n}"),
            false => assert_eq!(kept, decoded(n), "frame {n}"),
        }
    }
}

#[test]
fn loses_nothing_when_somebody_else_begins_to_listen_and_when_they_leave() {
    let mut world = bridged();
    for n in 0..300u32 {
        world.until(u64::from(n + 1) * 20);
        world.say(A, Codec::Pcma, n, &frame(n));
        if n == 100 || n == 200 {
            assert_eq!(has_ear(&world, A), n == 200);
            world.command(Command::HearTones { leg: A, on: n == 100 });
        }
    }
    assert!(!has_ear(&world, A) && !has_ear(&world, B));
    world.until(6400);
    stop(&mut world);
    let left = recorded(&world, 0);
    for n in 0..300u32 {
        // Blended, where an ear begins or ends.
        let from = if matches!(n, 101 | 200..204) { 80 } else { 0 };
        let at = n as usize * 160;
        assert_eq!(left[at + from..at + 160], decoded(n)[from..], "frame {n}");
    }
}

#[test]
fn noise_and_codecs_with_a_past_have_an_ear() {
    let mut world = bridged();
    world.say(A, Codec::Pcma, 0, &frame(0));
    assert!(!has_ear(&world, A));
    let noise = Header { marker: false, payload_type: 13, sequence: 1, timestamp: 160, ssrc: 1 };
    world.packet(A, address(A), noise, &[30]);
    assert!(has_ear(&world, A));
    world.until(2000);
    stop(&mut world);
    let left = recorded(&world, 0);
    assert!(left[8000..12_000].iter().filter(|sample| **sample != 0).count() > 2000, "noise is heard");

    let mut world = World::connected(Codec::G722, Codec::G722);
    record(&mut world, Some(B), None);
    world.say(A, Codec::G722, 0, &[0x55; 160]);
    assert!(has_ear(&world, A));
}

#[test]
fn a_party_whose_first_packet_was_late_is_put_in_step_in_its_first_pause() {
    let mut world = bridged();
    let (quiet, loud) = ([encode(Codec::Pcma, 8); 160], [encode(Codec::Pcma, 8000); 160]);
    for n in 0..200u32 {
        // They speak for a second, wait for half of one, and speak again.
        let payload = if (50..75).contains(&n) { quiet } else { loud };
        let at = u64::from(n + 1) * 20;
        world.until(at);
        world.say(B, Codec::Pcma, n, &payload);
        // The network of A is slow at first.
        world.until(at + if n < 5 { 15 } else { 0 });
        world.say(A, Codec::Pcma, n, &payload);
    }
    world.until(4400);
    stop(&mut world);
    let (left, right) = (recorded(&world, 0), recorded(&world, 1));
    let speaks = |sample: &i16| *sample > 1000;
    for channel in [&left, &right] {
        let begins = channel[60 * 160..].iter().position(speaks).expect("a voice") + 60 * 160;
        assert!(begins.abs_diff(75 * 160) <= 80, "{begins}");
    }
}

#[test]
fn crumbs_are_laid_and_nothing_is_made_up_between_them() {
    let mut world = bridged();
    let loud = encode(Codec::Pcma, 8000);
    // Ten octets in each 40, a packet each 5 ms.
    for n in 0..400u16 {
        world.until(20 + u64::from(n) * 5);
        let timestamp = u32::from(n) * 40;
        let header = Header { marker: false, payload_type: 8, sequence: n, timestamp, ssrc: 1 };
        world.packet(A, address(A), header, &[loud; 10]);
    }
    world.until(2500);
    stop(&mut world);
    let left = recorded(&world, 0);
    let kept = left.iter().filter(|sample| **sample > 7000).count();
    assert!((3900..6000).contains(&kept), "{kept}");
}
