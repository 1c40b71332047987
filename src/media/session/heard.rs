//! An accepted packet, and what its payload type stands for.

use crate::base::{Codec, Law};

use super::super::{Header, SAMPLE_RATE, Stream};

/// An accepted RTP packet.
pub(in crate::media) struct Heard<'a> {
    pub header: Header,
    pub payload: &'a [u8],
    pub content: Content,
    /// Units a second of the time stamps and durations of keys.
    pub events_clock: u32,
    /// It is the first of this leg.
    pub first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media) enum Content {
    Audio(Codec),
    Keys,
    /// Comfort noise (RFC 3389).
    Noise,
    /// A sign of life only.
    Nothing,
}

impl Content {
    /// Of audio that has no memory: a table decodes it.
    pub fn law(self) -> Option<Law> {
        match self {
            Content::Audio(codec) => codec.law(),
            Content::Keys | Content::Noise | Content::Nothing => None,
        }
    }
}

/// Payload type of comfort noise.
const COMFORT_NOISE: u8 = 13;
/// Payload type that our own descriptions give to telephone events: a peer may send by ours, or by its own.
const OUR_EVENTS: [u8; 2] = [101, 102];
/// Longer payloads do not fit a network packet.
const MAX_PAYLOAD: usize = 1400;

/// What a payload type stands for; `None` if nobody agreed on it. Codecs are taken under their static types and the
/// agreed one under the number that our own offers give it: a peer may change over within what we offered, and send
/// by our numbers though it answered with others.
pub(super) fn content(stream: &Stream, payload_type: u8, payload: &[u8]) -> Option<Content> {
    if payload.len() > MAX_PAYLOAD {
        return None;
    }
    let events =
        stream.dtmf == Some(payload_type) || stream.dtmf.is_some() && OUR_EVENTS.contains(&payload_type);
    let audio = if payload_type == stream.payload_type {
        Some(stream.codec)
    } else if events {
        return Some(Content::Keys);
    } else {
        let statics = Codec::ALL.into_iter().find(|codec| codec.static_payload_type() == Some(payload_type));
        statics.or_else(|| (stream.codec.offered_payload_type() == payload_type).then_some(stream.codec))
    };
    match audio {
        Some(_) if payload.is_empty() => Some(Content::Nothing),
        Some(codec) => Some(Content::Audio(codec)),
        None if payload_type != COMFORT_NOISE && stream.noise != Some(payload_type) => None,
        // Its clock is that of G.711.
        None if payload.is_empty() || stream.codec.clock_rate() != SAMPLE_RATE => Some(Content::Nothing),
        None => Some(Content::Noise),
    }
}
