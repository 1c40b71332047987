//! Payloads to linear samples and back, at the codec's own sample rate ([`Codec::sample_rate`]).
//!
//! G.711 has no memory and is a table; the others carry their past from packet to packet, so that a leg has a
//! [`Decoder`] or an [`Encoder`] of its own, made when somebody first needs samples.

pub(super) mod g711;
mod g722;
#[cfg(feature = "opus")]
mod opus;

use crate::base::{Codec, Law};

/// What a leg's peer says, packet by packet in their order.
#[derive(Debug)]
pub enum Decoder {
    G711(Law),
    G722(Box<g722::Decoder>),
    #[cfg(feature = "opus")]
    Opus(Box<opus::Decoder>),
}

/// What a leg's peer hears.
#[derive(Debug)]
pub enum Encoder {
    G711(Law),
    G722(Box<g722::Encoder>),
    #[cfg(feature = "opus")]
    Opus(Box<opus::Encoder>),
}

impl Decoder {
    pub fn new(codec: Codec) -> Decoder {
        match codec {
            Codec::Pcma => Decoder::G711(Law::A),
            Codec::Pcmu => Decoder::G711(Law::Mu),
            Codec::G722 => Decoder::G722(Box::default()),
            #[cfg(feature = "opus")]
            Codec::Opus => Decoder::Opus(Box::new(opus::Decoder::new())),
        }
    }

    pub fn codec(&self) -> Codec {
        match self {
            Decoder::G711(Law::A) => Codec::Pcma,
            Decoder::G711(Law::Mu) => Codec::Pcmu,
            Decoder::G722(_) => Codec::G722,
            #[cfg(feature = "opus")]
            Decoder::Opus(_) => Codec::Opus,
        }
    }

    /// Appends the samples of the next packet. `false` where the payload is none of this codec: nothing is appended.
    pub fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> bool {
        match self {
            Decoder::G711(law) => {
                let table = g711::linear(*law);
                samples.extend(payload.iter().map(|octet| table[usize::from(*octet)]));
                true
            }
            Decoder::G722(decoder) => {
                decoder.decode(payload, samples);
                true
            }
            #[cfg(feature = "opus")]
            Decoder::Opus(decoder) => decoder.decode(payload, samples),
        }
    }

    /// Appends `count` samples for a packet that was lost, from what the packet after it says of it, which is to be
    /// decoded next. `false` where the codec repeats nothing.
    #[cfg_attr(not(feature = "opus"), expect(unused_variables, reason = "only Opus knows"))]
    pub fn recover(&mut self, next: &[u8], count: usize, samples: &mut Vec<i16>) -> bool {
        match self {
            Decoder::G711(_) | Decoder::G722(_) => false,
            #[cfg(feature = "opus")]
            Decoder::Opus(decoder) => decoder.recover(next, count, samples),
        }
    }

    /// Appends `count` samples in the place of a lost packet, as the codec itself sees fit. `false` where it has no
    /// opinion and the listener has to conceal the loss.
    #[cfg_attr(not(feature = "opus"), expect(unused_variables, reason = "only Opus knows"))]
    pub fn conceal(&mut self, count: usize, samples: &mut Vec<i16>) -> bool {
        match self {
            Decoder::G711(_) | Decoder::G722(_) => false,
            #[cfg(feature = "opus")]
            Decoder::Opus(decoder) => decoder.conceal(count, samples),
        }
    }
}

impl Encoder {
    pub fn new(codec: Codec) -> Encoder {
        match codec {
            Codec::Pcma => Encoder::G711(Law::A),
            Codec::Pcmu => Encoder::G711(Law::Mu),
            Codec::G722 => Encoder::G722(Box::default()),
            #[cfg(feature = "opus")]
            Codec::Opus => Encoder::Opus(Box::new(opus::Encoder::new())),
        }
    }

    pub fn codec(&self) -> Codec {
        match self {
            Encoder::G711(Law::A) => Codec::Pcma,
            Encoder::G711(Law::Mu) => Codec::Pcmu,
            Encoder::G722(_) => Codec::G722,
            #[cfg(feature = "opus")]
            Encoder::Opus(_) => Codec::Opus,
        }
    }

    /// Appends the payload of one packet: 10, 20, 40 or 60 ms of samples.
    pub fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        match self {
            Encoder::G711(law) => payload.extend(samples.iter().map(|sample| g711::encode(*law, *sample))),
            Encoder::G722(encoder) => encoder.encode(samples, payload),
            #[cfg(feature = "opus")]
            Encoder::Opus(encoder) => encoder.encode(samples, payload),
        }
    }
}

/// How much time a payload is, in units of the codec's RTP clock; 0 for one that is none.
pub fn ticks(codec: Codec, payload: &[u8]) -> u32 {
    match codec {
        // G.722 packs two samples into each octet, and counts half of them.
        Codec::Pcma | Codec::Pcmu | Codec::G722 => payload.len() as u32,
        #[cfg(feature = "opus")]
        Codec::Opus => opus::ticks(payload),
    }
}

#[cfg(test)]
mod tests;
