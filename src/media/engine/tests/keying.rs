//! Keys as tones: heard while they are wanted, and sounded for a peer that takes no events.

use super::*;
use crate::media::inband::ToneSender;
use crate::media::{Detector, DigitMeans};

/// 20 ms frames of a peer that keys `keys` in its voice, 100 ms of tone and of pause each.
fn tones(codec: Codec, keys: &str) -> Vec<Vec<u8>> {
    let mut sender = ToneSender::default();
    sender.press(keys);
    let mut frames = Vec::new();
    while sender.sounds() {
        let mut samples = [0; 160];
        sender.fill(8000, &mut samples);
        frames.push(samples.iter().map(|sample| encode(codec, *sample)).collect());
    }
    frames
}

/// The keys that a peer hears in what it was sent.
fn heard_by(world: &World, leg: LegId, codec: Codec) -> String {
    let mut detector = Detector::default();
    let audio = world.sent_to(leg).into_iter().filter(|sent| sent.header.payload_type != EVENTS);
    let frames = audio.map(|sent| sent.payload.iter().map(|o| decode(codec, *o)).collect::<Vec<_>>());
    frames.filter_map(|frame| detector.hear(&frame)).map(|digit| digit.key()).collect()
}

fn without_events(leg: LegId, codec: Codec) -> Command {
    Command::Connect { leg, stream: Stream { dtmf: None, ..stream(leg, codec) } }
}

#[test]
fn tones_are_heard_while_keys_are_wanted_and_only_then() {
    for codec in [Codec::Pcma, Codec::Pcmu] {
        let mut world = World::new();
        world.command(without_events(A, codec));
        let mut n = 0;
        let mut say = |world: &mut World, keys: &str| {
            for frame in tones(codec, keys) {
                world.say(A, codec, n, &frame);
                n += 1;
                world.until(world.now_us / 1000 + 20);
            }
            // What an ear keeps back comes out.
            world.until(world.now_us / 1000 + 300);
            n += 15;
        };
        say(&mut world, "12");
        assert_eq!(world.keys(), "", "nobody wants any");
        world.command(Command::HearTones { leg: A, on: true });
        say(&mut world, "1223#A");
        assert_eq!(world.keys(), "1223#A");
        world.command(Command::HearTones { leg: A, on: true });
        world.command(Command::HearTones { leg: A, on: false });
        say(&mut world, "45");
        assert_eq!(world.keys(), "1223#A");
        let by_tone = |e: &Event| matches!(e, Event::Digit { leg: A, by: DigitMeans::Tone, .. });
        assert_eq!(world.events.iter().filter(|e| by_tone(e)).count(), 6);
    }
}

#[test]
fn a_peer_without_events_is_pressed_tones() {
    let mut world = World::new();
    world.command(without_events(A, Codec::Pcma));
    world.command(Command::SendDigits { leg: A, digits: Masked::from("4#9x") });
    world.until(1000);
    assert_eq!(heard_by(&world, A, Codec::Pcma), "4#9");
    assert_eq!(world.sent_to(A).len(), 50, "one packet in every 20 ms");
    assert!(world.sent_to(A).iter().all(|sent| sent.header.payload_type != EVENTS));
}

#[test]
fn events_become_tones_where_the_other_party_takes_none() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(without_events(B, Codec::Pcma));
    world.command(Command::Bridge { a: A, b: B });
    for n in 0..10 {
        world.say(A, Codec::Pcma, n, &[0xd5; 160]);
        world.until(world.now_us / 1000 + 20);
    }
    world.press(A, 10, 5);
    world.press(A, 20, 6);
    world.until(1500);
    assert_eq!(world.keys(), "56");
    assert_eq!(heard_by(&world, B, Codec::Pcma), "56");
    assert!(world.sent_to(B).iter().all(|sent| sent.header.payload_type != EVENTS));
}

#[test]
fn tones_of_a_secret_cross_no_bridge_and_are_no_sound_in_a_recording() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(without_events(A, Codec::Pcma));
    world.command(Command::Bridge { a: A, b: B });
    world.command(Command::Record {
        recording: RecordingId(1),
        left: A,
        right: Some(B),
        longest: Duration::from_secs(60),
        silence_ends: None,
    });
    world.command(Command::Secret { leg: A, on: true });
    world.command(Command::HearTones { leg: A, on: true });
    for (n, frame) in tones(Codec::Pcma, "4711").into_iter().enumerate() {
        world.say(A, Codec::Pcma, n as u32, &frame);
        world.until(world.now_us / 1000 + 20);
    }
    world.until(1500);
    world.command(Command::StopRecording { recording: RecordingId(1) });
    assert_eq!(world.keys(), "4711", "the call itself has to know");
    assert_eq!(heard_by(&world, B, Codec::Pcma), "");
    assert!(world.audio.iter().all(|audio| audio.samples.iter().all(|sample| *sample == 0)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// From the first packet of a call on, whatever is lost, doubled, and delayed by up to 400 ms: each press of which any
    /// packet arrived counts, and once, though what came first had overtaken it.
    #[test]
    fn each_press_in_a_voice_counts_once_on_any_network(
        seed in any::<u64>(),
        lead in 0u32..10,
        presses in proptest::collection::vec((0u8..10, 2u32..6, 4u32..8), 1..8),
        lost in 0u64..90,
    ) {
        let mut dice = crate::base::Rng::from_number(seed);
        let mut sent = vec![None; lead as usize];
        for (n, (event, frames, pause)) in presses.iter().enumerate() {
            let began = sent.len() as u32;
            sent.extend((1..=*frames).map(|frame| Some((n, *event, began, frame, false))));
            sent.extend([Some((n, *event, began, *frames, true)); 3]);
            sent.extend(vec![None; *pause as usize]);
        }
        let mut arrivals = Vec::new();
        for at in 0..sent.len() {
            for _ in 0..u64::from(dice.below(100) >= lost) + u64::from(dice.below(20) == 0) {
                arrivals.push((1000 + at as u64 * 20 + dice.below(400), at));
            }
        }
        arrivals.sort_unstable();
        let mut known: Vec<_> = arrivals.iter().filter_map(|(_, at)| sent[*at]).map(|it| (it.0, it.1)).collect();
        known.sort_unstable();
        known.dedup();
        let mut expected: Vec<char> = known.iter().map(|(_, event)| char::from(b'0' + event)).collect();
        expected.sort_unstable();

        let mut world = World::connected(Codec::Pcma, Codec::Pcma);
        for (ms, at) in arrivals {
            world.until(ms);
            let (payload_type, timestamp) = sent[at].map_or((8, at as u32), |press| (EVENTS, press.2));
            let (sequence, timestamp) = (65_530u16.wrapping_add(at as u16), timestamp * 160);
            let header = Header { marker: false, payload_type, sequence, timestamp, ssrc: 1 };
            let payload = sent[at].map_or_else(|| frame(at as u32), |(_, event, _, frames, end)| {
                let [high, low] = (160 * frames as u16).to_be_bytes();
                vec![event, if end { 0x80 } else { 0 } | 10, high, low]
            });
            world.packet(A, address(A), header, &payload);
        }
        let mut heard: Vec<char> = world.keys().chars().collect();
        heard.sort_unstable();
        prop_assert_eq!(heard, expected);
    }
}
