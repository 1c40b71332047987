//! Opus (RFC 6716) by the `ropus` crate, a translation of the reference implementation, for one channel at 16 kHz.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ropus::{Application, Bitrate, Channels, DecodeMode, InbandFec, Signal};

use crate::base::Codec;

const RATE: u32 = Codec::Opus.sample_rate();
/// Samples of the longest packet, 120 ms (RFC 6716 §3.1).
const LONGEST: usize = RATE as usize * 120 / 1000;
/// Samples of the shortest frame, 2.5 ms: what is lost is concealed in multiples of it.
const SHORTEST: usize = RATE as usize / 400;
/// Octets of the longest packet that we write; at our bit rate a fifth of it is used.
const MOST_OCTETS: usize = 400;
/// Wide-band speech, clear and without more than the field gives it (RFC 7587 §3.1.1: 16 to 20 kbit/s, and what the
/// repair of losses takes).
const BITS_PER_SECOND: u32 = 24_000;
/// Of 10. Above 5 the ear gains little and the processor pays double.
const COMPLEXITY: u8 = 5;
/// The loss in per cent that our packets are made to bear.
const EXPECTED_LOSS: u8 = 5;

pub struct Decoder {
    /// `None` where it could not be made, and for the rest of a packet that broke it.
    inner: Option<ropus::Decoder>,
}

pub struct Encoder {
    inner: Option<ropus::Encoder>,
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder { inner: ropus::Decoder::new(RATE, Channels::Mono).ok() }
    }

    pub fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> bool {
        if ticks(payload) == 0 {
            return false;
        }
        self.run(payload, LONGEST, DecodeMode::Normal, samples)
    }

    /// From the copy that the packet after the lost one carries; where it carries none, as [`Decoder::conceal`].
    pub fn recover(&mut self, next: &[u8], count: usize, samples: &mut Vec<i16>) -> bool {
        ticks(next) != 0 && self.fill(next, count, samples)
    }

    pub fn conceal(&mut self, count: usize, samples: &mut Vec<i16>) -> bool {
        self.fill(&[], count, samples)
    }

    fn fill(&mut self, next: &[u8], count: usize, samples: &mut Vec<i16>) -> bool {
        let count = count.min(LONGEST) / SHORTEST * SHORTEST;
        count > 0 && self.run(next, count, DecodeMode::Fec, samples)
    }

    fn run(&mut self, payload: &[u8], room: usize, mode: DecodeMode, samples: &mut Vec<i16>) -> bool {
        let start = samples.len();
        samples.resize(start + room, 0);
        let into = samples.get_mut(start..).unwrap_or_default();
        let Some(inner) = &mut self.inner else {
            samples.truncate(start);
            return false;
        };
        // What a stranger's octets can do to fifty thousand lines of arithmetic is not ours to prove: a packet that
        // breaks the decoder costs this leg 20 ms, and no other leg anything.
        let decoded = catch_unwind(AssertUnwindSafe(|| inner.decode(payload, into, mode)));
        let count = match decoded {
            Ok(Ok(count)) => count,
            Ok(Err(_)) => 0,
            Err(_) => {
                *self = Decoder::new();
                0
            }
        };
        samples.truncate(start + count);
        count > 0
    }
}

impl Encoder {
    pub fn new() -> Encoder {
        let inner = ropus::Encoder::builder(RATE, Channels::Mono, Application::Voip)
            .bitrate(Bitrate::Bits(BITS_PER_SECOND))
            .complexity(COMPLEXITY)
            .signal(Signal::Voice)
            .inband_fec(InbandFec::Enabled)
            .packet_loss_perc(EXPECTED_LOSS)
            .build();
        Encoder { inner: inner.ok() }
    }

    /// Appends nothing where the samples are no whole frame.
    pub fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        let Some(inner) = &mut self.inner else { return };
        let start = payload.len();
        payload.resize(start + MOST_OCTETS, 0);
        let into = payload.get_mut(start..).unwrap_or_default();
        let length = inner.encode(samples, into).unwrap_or(0);
        payload.truncate(start + length);
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Decoder")
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Encoder")
    }
}

/// The time of a packet in units of the 48 kHz clock, by its first octets (RFC 6716 §3.1, §3.2); 0 for none.
pub fn ticks(payload: &[u8]) -> u32 {
    let Some((toc, rest)) = payload.split_first() else { return 0 };
    let frame = match toc >> 3 {
        config @ 0..12 => [480, 960, 1920, 2880][usize::from(config & 3)],
        config @ 12..16 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => rest.first().map_or(0, |count| u32::from(count & 0x3f)),
    };
    match frame * frames {
        time @ ..=5760 => time,
        _ => 0,
    }
}
