//! Two legs that hear each other through an ear and a voice, because no table joins their codecs.

use super::*;
use crate::media::Decoder;

const SECONDS: u32 = 2;

/// A voice at any rate: harmonics that come and go, so that one piece of it is like no other.
fn voice(rate: u32) -> Vec<i16> {
    let sample = |n: u32| {
        let t = f64::from(n) / f64::from(rate);
        let glide = std::f64::consts::TAU * (180.0 * t + 60.0 * (1.0 - (3.0 * t).cos()));
        let wave: f64 = (1..8).map(|k| (f64::from(k) * glide).sin() / f64::from(k)).sum();
        (wave * 3500.0 * (0.6 + 0.4 * (17.0 * t).sin())) as i16
    };
    (0..rate * SECONDS).map(sample).collect()
}

/// The greatest normalised correlation of what was said with what was heard, at any delay up to 300 ms.
fn likeness(said: &[i16], heard: &[i16], rate: u32) -> f64 {
    let dot =
        |a: &[i16], b: &[i16]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
    // Without the beginning, in which the ear makes up its mind.
    let said = &said[rate as usize / 2..rate as usize];
    (0..rate as usize / 3)
        .filter_map(|delay| {
            let heard = heard.get(rate as usize / 2 + delay..)?.get(..said.len())?;
            Some(dot(said, heard) / (dot(said, said) * dot(heard, heard)).sqrt().max(1.0))
        })
        .fold(0.0, f64::max)
}

impl World {
    /// The peer of a leg says all this in its codec, while the other listens; what it hears, decoded.
    fn converse(&mut self, leg: LegId, from: Codec, to: Codec) -> Vec<i16> {
        let other = if leg == A { B } else { A };
        let mut encoder = Encoder::new(from);
        let said = voice(from.sample_rate());
        let start = self.now_us / 1000;
        let ticks = from.clock_rate() / 50;
        for (n, frame) in (0..).zip(said.chunks(from.sample_rate() as usize / 50)) {
            let mut payload = Vec::new();
            encoder.encode(frame, &mut payload);
            let header = Header {
                marker: n == 0,
                payload_type: from.offered_payload_type(),
                sequence: n as u16,
                timestamp: n * ticks,
                ssrc: 77 + u32::from(leg.index),
            };
            self.packet(leg, address(leg), header, &payload);
            self.until(start + (u64::from(n) + 1) * 20);
        }
        self.until(start + u64::from(SECONDS) * 1000 + 400);

        let mut decoder = Decoder::new(to);
        let mut heard = Vec::new();
        for sent in self.sent_to(other).into_iter().filter(|sent| sent.at_ms >= start) {
            assert_eq!(sent.header.payload_type, to.offered_payload_type());
            assert!(decoder.decode(&sent.payload, &mut heard));
        }
        heard
    }
}

#[test]
fn each_codec_is_heard_in_each_other_both_ways() {
    for from in Codec::ALL {
        for to in Codec::ALL.into_iter().filter(|to| *to != from) {
            let mut world = World::connected(from, to);
            world.command(Command::Bridge { a: A, b: B });
            for (leg, from, to) in [(A, from, to), (B, to, from)] {
                let heard = world.converse(leg, from, to);
                let rate = to.sample_rate();
                let like = likeness(&voice(rate), &heard, rate);
                // What a bit rate of 24 kbit/s keeps of a voice is its sound, and most of its shape.
                let shaped = [from, to].iter().all(|codec| codec.static_payload_type().is_some());
                assert!(like > if shaped { 0.95 } else { 0.75 }, "{from} to {to}: {like:.3}");
            }
            if from.law().is_some() && to.law().is_some() {
                continue;
            }
            let sent = world.sent_to(B);
            // One stream: numbers without a gap, and each time stamp 20 ms after the one before.
            for pair in sent.windows(2) {
                assert_eq!(pair[1].header.sequence, pair[0].header.sequence.wrapping_add(1));
                let step = pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp);
                assert!(
                    step >= to.clock_rate() / 50 && step < to.clock_rate() / 10,
                    "{from} to {to}: {step}"
                );
            }
        }
    }
}

#[test]
fn equal_codecs_of_any_kind_pass_untouched() {
    for codec in Codec::ALL {
        let mut world = World::connected(codec, codec);
        world.command(Command::Bridge { a: A, b: B });
        let mut encoder = Encoder::new(codec);
        let mut said = Vec::new();
        for (n, frame) in
            (0..).zip(voice(codec.sample_rate()).chunks(codec.sample_rate() as usize / 50).take(50))
        {
            let mut payload = Vec::new();
            encoder.encode(frame, &mut payload);
            let header = Header {
                marker: false,
                payload_type: codec.offered_payload_type(),
                sequence: n as u16,
                timestamp: n * (codec.clock_rate() / 50),
                ssrc: 5,
            };
            world.packet(A, address(A), header, &payload);
            world.until((u64::from(n) + 1) * 20);
            said.push(payload);
        }
        let heard: Vec<_> =
            world.sent_to(B).into_iter().filter(|sent| said.contains(&sent.payload)).collect();
        assert_eq!(heard.len(), 50, "{codec}");
        let steps =
            heard.windows(2).map(|pair| pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp));
        assert!(steps.into_iter().all(|step| step == codec.clock_rate() / 50), "{codec}");
    }
}

#[test]
fn a_key_crosses_a_translation_once_with_its_time_in_the_other_clock() {
    for to in Codec::ALL.into_iter().filter(|codec| codec.law().is_none()) {
        let mut world = World::connected(Codec::Pcma, to);
        let clock = to.clock_rate();
        world.command(Command::Connect { leg: B, stream: Stream { dtmf_clock: clock, ..stream(B, to) } });
        world.command(Command::Bridge { a: A, b: B });
        world.until(100);
        world.press(A, 5, 7);
        world.until(400);
        let keys: Vec<_> =
            world.sent_to(B).into_iter().filter(|sent| sent.header.payload_type == EVENTS).cloned().collect();
        assert_eq!(keys.len(), 6, "{to}");
        let beginning = keys[0].header.timestamp;
        assert!(keys.iter().all(|key| key.header.timestamp == beginning && key.payload[0] == 7), "{to}");
        assert_eq!(keys.iter().filter(|key| key.header.marker).count(), 1, "{to}");
        let lasted = u16::from_be_bytes([keys[5].payload[2], keys[5].payload[3]]);
        assert_eq!(u32::from(lasted), clock * 60 / 1000, "{to}");
        // While it sounds nothing else is sent, and afterwards the voice goes on after it.
        let after = world.sent_to(B).into_iter().rfind(|sent| sent.header.payload_type != EVENTS).cloned();
        assert!(after.is_some_and(|sent| sent.header.timestamp.wrapping_sub(beginning) >= u32::from(lasted)));
    }
}

#[test]
fn the_ear_goes_when_the_bridge_does() {
    let mut world = World::connected(Codec::Pcma, Codec::G722);
    world.command(Command::Bridge { a: A, b: B });
    world.say(A, Codec::Pcma, 0, &frame(0));
    world.until(100);
    let ears = |world: &World| world.engine.sessions.iter().flatten().filter(|s| s.ear.is_some()).count();
    assert_eq!(ears(&world), 2);
    world.command(Command::Unbridge { leg: A });
    world.until(300);
    assert_eq!(ears(&world), 0);
    // The two agree on one codec after all.
    world.command(Command::Bridge { a: A, b: B });
    world.until(400);
    world.command(Command::Connect { leg: B, stream: stream(B, Codec::Pcma) });
    world.until(600);
    assert_eq!(ears(&world), 0);
}
