//! What recordings hold, and when they end.

use super::*;

#[test]
fn both_parties_are_recorded_in_step() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcmu);
    world.until(1000);
    record(&mut world, Some(B), None);
    for n in 0..100u32 {
        world.until(1000 + u64::from(n + 1) * 20);
        world.say(A, Codec::Pcma, n, &frame(n));
        if n % 10 != 3 {
            world.say(B, Codec::Pcmu, n, &frame(n + 900));
        }
    }
    world.command(Command::StopRecording { recording: RecordingId(1) });
    world.command(Command::StopRecording { recording: RecordingId(1) });

    let samples: Vec<i16> = world.audio.iter().flat_map(|audio| audio.samples.iter().copied()).collect();
    assert_eq!(samples.len(), 2 * 2000 * 8);
    for (side, first, codec, lost) in [(0, 0, Codec::Pcma, 10), (1, 900, Codec::Pcmu, 3)] {
        for n in (0..100u32).filter(|n| n % 10 != lost) {
            let at = n as usize * 160;
            let recorded: Vec<i16> = samples.chunks(2).skip(at).take(160).map(|pair| pair[side]).collect();
            let said: Vec<i16> = frame(n + first).into_iter().map(|octet| decode(codec, octet)).collect();
            // After a loss, and at first, the beginning is blended with what was made up.
            let from = if n == 0 || n % 10 == lost + 1 { 80 } else { 0 };
            assert!(recorded[from..] == said[from..], "frame {n} of side {side}");
        }
    }
    assert!(world.audio.iter().all(|audio| audio.channels == 2 && audio.samples.len() <= 2 * 8 * 640));
    let ended: Vec<_> = world.events.iter().filter(|e| matches!(e, Event::RecordingEnded { .. })).collect();
    assert!(
        matches!(ended[..], [Event::RecordingEnded { length, why: EndWhy::Stopped, .. }] if *length == Duration::from_secs(2)),
        "{ended:?}"
    );
    assert_eq!(world.engine.recordings(), 0);
}

#[test]
fn a_recording_ends_with_its_leg_and_by_silence_and_without_a_leg() {
    let ends = |world: &mut World| {
        let ends = world.take_events().into_iter().filter_map(|event| match event {
            Event::RecordingEnded { length, why, .. } => Some((length.as_millis(), why)),
            _ => None,
        });
        ends.collect::<Vec<_>>()
    };
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    record(&mut world, Some(B), None);
    world.until(500);
    world.command(Command::Close { leg: B });
    assert_eq!(ends(&mut world), [], "the caller is still there");
    world.until(1000);
    world.command(Command::Close { leg: A });
    assert_eq!(ends(&mut world), [(1000, EndWhy::Closed)]);

    record(&mut world, None, None);
    assert_eq!(ends(&mut world), [(0, EndWhy::Closed)]);

    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    record(&mut world, None, Some(Duration::from_secs(5)));
    world.until(10_000);
    assert_eq!(ends(&mut world), [(5000, EndWhy::Silence)]);
    assert_eq!(world.audio.iter().map(|audio| audio.samples.len()).sum::<usize>(), 40_000);
}

#[test]
fn a_secret_is_blank_in_recordings_and_kept_from_the_other_party() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Bridge { a: A, b: B });
    record(&mut world, None, None);
    world.command(Command::Secret { leg: A, on: true });
    for n in 0..50u32 {
        world.until(u64::from(n + 1) * 20);
        world.say(A, Codec::Pcma, n, &[0x2a; 160]);
    }
    world.press(A, 50, 7);
    world.command(Command::Secret { leg: A, on: false });
    world.until(1600);
    world.say(A, Codec::Pcma, 79, &[0x2a; 160]);
    world.until(1700);
    world.say(A, Codec::Pcma, 84, &[0x2a; 160]);
    world.command(Command::StopRecording { recording: RecordingId(1) });
    assert_eq!(world.keys(), "7", "the call itself has to know");
    let digit = world.events.iter().find(|event| matches!(event, Event::Digit { .. }));
    assert_eq!(format!("{digit:?}"), "Some(Digit { leg: c1/0, digit: *, by: TelephoneEvent })");
    let loud = world.audio.iter().flat_map(|audio| &audio.samples).filter(|sample| **sample != 0).count();
    assert!((160..=240).contains(&loud), "what came after the tone had faded: {loud}");
    let spoken: Vec<_> = world.sent_to(B).into_iter().filter(|s| s.payload != [0xd5; 160]).collect();
    assert_eq!(spoken.len(), 1);
}
