//! Codecs: 20 ms each way, and what a bridge between two of them costs beside that.

use std::hint::black_box;

use hotline::base::{Codec, Instant, LegId};
use hotline::media::{Channel, Command, Decoder, Encoder, Header, Seat};

use super::{CALLS, Sample, connected, drained, legs, phone};

const FRAMES: u32 = 200;

/// A voice of several harmonics: what is silent costs a codec less.
fn voice(rate: u32) -> Vec<i16> {
    let sample = |n: u32| {
        let t = f64::from(n) / f64::from(rate);
        let glide = std::f64::consts::TAU * (180.0 * t + 60.0 * (1.0 - (3.0 * t).cos()));
        ((1..8).map(|k| (f64::from(k) * glide).sin() / f64::from(k)).sum::<f64>() * 3500.0) as i16
    };
    (0..rate / 50 * FRAMES).map(sample).collect()
}

fn packets(codec: Codec) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(codec);
    let encoded = |frame: &[i16]| {
        let mut payload = Vec::new();
        encoder.encode(frame, &mut payload);
        payload
    };
    voice(codec.sample_rate()).chunks(codec.sample_rate() as usize / 50).map(encoded).collect()
}

fn encoded(codec: Codec) -> Sample {
    let (said, mut encoder, mut payload) = (voice(codec.sample_rate()), Encoder::new(codec), Vec::new());
    let frames: Vec<_> = said.chunks(codec.sample_rate() as usize / 50).collect();
    Sample::of(FRAMES, |turn| {
        payload.clear();
        encoder.encode(black_box(frames[turn as usize % frames.len()]), &mut payload);
        black_box(&payload);
    })
}

fn decoded(codec: Codec) -> Sample {
    let (packets, mut decoder, mut samples) = (packets(codec), Decoder::new(codec), Vec::new());
    Sample::of(FRAMES, |turn| {
        samples.clear();
        decoder.decode(black_box(&packets[turn as usize % packets.len()]), &mut samples);
        black_box(&samples);
    })
}

pub fn encoded_g711() -> Sample {
    encoded(Codec::Pcma)
}

pub fn decoded_g711() -> Sample {
    decoded(Codec::Pcma)
}

pub fn encoded_g722() -> Sample {
    encoded(Codec::G722)
}

pub fn decoded_g722() -> Sample {
    decoded(Codec::G722)
}

#[cfg(feature = "opus")]
pub fn encoded_opus() -> Sample {
    encoded(Codec::Opus)
}

#[cfg(feature = "opus")]
pub fn decoded_opus() -> Sample {
    decoded(Codec::Opus)
}

/// Twenty calls, both of whose sides speak all the time; for each 20 ms of a call.
fn bridged(codecs: [Codec; 2]) -> Sample {
    let legs: Vec<LegId> = legs(2).into_iter().take(2 * CALLS as usize / 10).collect();
    let mut engine = connected(&legs, codecs);
    for pair in legs.chunks(2) {
        engine.handle_command(Instant::ZERO, Command::Bridge { a: pair[0], b: pair[1] });
    }
    let seats: Vec<Seat> = legs.iter().filter_map(|leg| engine.seat(*leg)).collect();
    let said = codecs.map(packets);
    let frames = FRAMES / 4;
    let begun = std::time::Instant::now();
    for ms in 0..u64::from(frames) * 20 {
        let (now, frame) = (Instant::from_micros(ms * 1000), (ms / 20) as u32);
        for (at, leg) in legs.iter().enumerate().skip((ms % 20) as usize).step_by(20) {
            let codec = codecs[at % 2];
            let header = Header {
                marker: false,
                payload_type: codec.offered_payload_type(),
                sequence: frame as u16,
                timestamp: frame * (codec.clock_rate() / 50),
                ssrc: 9,
            };
            let mut packet = header.write().to_vec();
            packet.extend(&said[at % 2][frame as usize % FRAMES as usize]);
            engine.handle_packet(now, seats[at], Channel::Rtp, phone(*leg), &packet);
        }
        drained(&mut engine);
        engine.handle_tick(now);
        drained(&mut engine);
    }
    Sample(begun.elapsed(), frames * legs.len() as u32 / 2)
}

pub fn g722_and_g711() -> Sample {
    bridged([Codec::G722, Codec::Pcma])
}

#[cfg(feature = "opus")]
pub fn opus_and_g711() -> Sample {
    bridged([Codec::Opus, Codec::Pcma])
}
