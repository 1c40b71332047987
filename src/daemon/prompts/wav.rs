//! One sound file to samples. `hound` reads plain PCM; it does not know the companded formats that telephone
//! studios deliver, so those chunks are read here.

use std::io::Cursor;

use thiserror::Error;

use crate::base::Law;
use crate::media;

/// One channel of 16-bit linear sound.
#[derive(Debug, PartialEq, Eq)]
pub struct Sound {
    pub samples: Vec<i16>,
    /// Samples a second: 8000, 16000 or 48000.
    pub rate: u32,
}

/// Why a WAV file cannot be a prompt.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum WavError {
    #[error("is not a WAV file")]
    NotWav,
    #[error("is cut off: its data chunk says {said} octets and {found} are there")]
    CutOff { said: usize, found: usize },
    #[error("cannot be decoded: {0}")]
    Undecodable(String),
    #[error("has {0} channels; a prompt has one")]
    Channels(u16),
    #[error("has a sampling rate of {0} Hz; a prompt has 8000, 16000 or 48000")]
    Rate(u32),
    #[error("has {0} bits a sample; a prompt has 16, or 8 bits of A-law or µ-law")]
    Bits(u16),
    #[error("is in format {0:#06x}; a prompt is PCM (1), A-law (6) or µ-law (7)")]
    Format(u16),
    #[error("holds no sound")]
    Empty,
    #[error("is clipped: {0} samples in a row stand at full scale")]
    Clipped(usize),
}

const PCM: u16 = 1;
const ALAW: u16 = 6;
const ULAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;

/// As many samples at full scale one after the other are no peak but a cut-off one: 1 ms at 8 kHz.
const CLIPPED_RUN: usize = 8;

/// The sound in a WAV file.
pub fn decode(bytes: &[u8]) -> Result<Sound, WavError> {
    let format = Format::read(bytes)?;
    if format.channels != 1 {
        return Err(WavError::Channels(format.channels));
    }
    if !matches!(format.rate, 8000 | 16000 | 48000) {
        return Err(WavError::Rate(format.rate));
    }
    let samples = match (format.tag, format.bits) {
        (PCM | EXTENSIBLE, 16) => pcm(bytes)?,
        (PCM | EXTENSIBLE, bits) => return Err(WavError::Bits(bits)),
        (ALAW, 8) => companded(Law::A, format.data),
        (ULAW, 8) => companded(Law::Mu, format.data),
        (ALAW | ULAW, bits) => return Err(WavError::Bits(bits)),
        (other, _) => return Err(WavError::Format(other)),
    };
    if samples.is_empty() {
        return Err(WavError::Empty);
    }
    // Companded full scale is below the 16-bit one: only PCM can be cut off there.
    if let Some(run) = clipped(&samples) {
        return Err(WavError::Clipped(run));
    }
    Ok(Sound { samples, rate: format.rate })
}

/// The `fmt ` chunk and the octets of `data` (RIFF, Microsoft 1991).
struct Format<'a> {
    tag: u16,
    channels: u16,
    rate: u32,
    bits: u16,
    data: &'a [u8],
}

impl<'a> Format<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, WavError> {
        let (Some(b"RIFF"), Some(b"WAVE")) = (bytes.get(..4), bytes.get(8..12)) else {
            return Err(WavError::NotWav);
        };
        let mut rest = bytes.get(12..).unwrap_or_default();
        let mut found = None;
        while let Some((name, size)) = chunk_head(rest) {
            let body = rest.get(8..).unwrap_or_default();
            if name == *b"fmt " {
                found = fields(body);
            } else if name == *b"data" {
                let (tag, channels, rate, bits) = found.ok_or(WavError::NotWav)?;
                let data = body.get(..size).ok_or(WavError::CutOff { said: size, found: body.len() })?;
                return Ok(Format { tag, channels, rate, bits, data });
            }
            // Chunks begin at even offsets.
            let Some(next) = body.get(size.saturating_add(size % 2)..) else { break };
            rest = next;
        }
        Err(WavError::NotWav)
    }
}

fn chunk_head(bytes: &[u8]) -> Option<([u8; 4], usize)> {
    let (name, rest) = bytes.split_first_chunk::<4>()?;
    let (size, _) = rest.split_first_chunk::<4>()?;
    Some((*name, u32::from_le_bytes(*size) as usize))
}

/// Format tag, channels, rate and bits a sample.
fn fields(body: &[u8]) -> Option<(u16, u16, u32, u16)> {
    let short = |at: usize| Some(u16::from_le_bytes(*body.get(at..)?.first_chunk::<2>()?));
    let rate = u32::from_le_bytes(*body.get(4..)?.first_chunk::<4>()?);
    let tag = match short(0)? {
        // The real tag begins the sub-format's GUID.
        EXTENSIBLE => short(24)?,
        tag => tag,
    };
    Some((tag, short(2)?, rate, short(14)?))
}

fn pcm(bytes: &[u8]) -> Result<Vec<i16>, WavError> {
    let undecodable = |error: hound::Error| WavError::Undecodable(error.to_string());
    let mut reader = hound::WavReader::new(Cursor::new(bytes)).map_err(undecodable)?;
    reader.samples::<i16>().collect::<Result<_, _>>().map_err(undecodable)
}

fn companded(law: Law, data: &[u8]) -> Vec<i16> {
    data.iter().map(|&octet| media::decode(law, octet)).collect()
}

fn clipped(samples: &[i16]) -> Option<usize> {
    let same_scale = |a: &i16, b: &i16| a == b && (*a == i16::MAX || *a == i16::MIN);
    samples.chunk_by(same_scale).map(<[i16]>::len).max().filter(|longest| *longest >= CLIPPED_RUN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A canonical file with the given format fields.
    fn wav(tag: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let frame = channels * bits / 8;
        let mut file = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
        file.extend(16u32.to_le_bytes());
        file.extend(tag.to_le_bytes());
        file.extend(channels.to_le_bytes());
        file.extend(rate.to_le_bytes());
        file.extend((rate * u32::from(frame)).to_le_bytes());
        file.extend(frame.to_le_bytes());
        file.extend(bits.to_le_bytes());
        file.extend(b"data");
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
        let size = file.len() as u32 - 8;
        file[4..8].copy_from_slice(&size.to_le_bytes());
        file
    }

    fn octets(samples: &[i16]) -> Vec<u8> {
        samples.iter().flat_map(|s| s.to_le_bytes()).collect()
    }

    fn tone(rate: u32, hertz: f32, length: usize) -> Vec<i16> {
        let step = std::f32::consts::TAU * hertz / rate as f32;
        (0..length).map(|n| ((n as f32 * step).sin() * 10_000.0) as i16).collect()
    }

    #[test]
    fn pcm_of_both_rates_is_taken_as_it_is() {
        for rate in [8000, 16000, 48000] {
            let samples = tone(rate, 440.0, 800);
            assert_eq!(decode(&wav(1, 1, rate, 16, &octets(&samples))), Ok(Sound { samples, rate }));
        }
    }

    #[test]
    fn companded_files_decode_by_the_tables_of_g711() {
        // The end points and the smallest steps of both laws.
        let heard = |tag, data: &[u8]| decode(&wav(tag, 1, 8000, 8, data)).unwrap().samples;
        assert_eq!(heard(6, &[0xd5, 0x55, 0xaa, 0x2a]), [8, -8, 32256, -32256]);
        assert_eq!(heard(7, &[0xff, 0x7f, 0x80, 0x00]), [0, 0, 32124, -32124]);
    }

    #[test]
    fn each_mistake_has_its_name() {
        let some = octets(&tone(8000, 440.0, 100));
        assert_eq!(decode(b"hello"), Err(WavError::NotWav));
        assert_eq!(decode(&wav(1, 2, 8000, 16, &some)), Err(WavError::Channels(2)));
        assert_eq!(decode(&wav(1, 1, 44100, 16, &some)), Err(WavError::Rate(44100)));
        assert_eq!(decode(&wav(1, 1, 8000, 8, &some)), Err(WavError::Bits(8)));
        assert_eq!(decode(&wav(85, 1, 8000, 16, &some)), Err(WavError::Format(85)));
        assert_eq!(decode(&wav(1, 1, 8000, 16, &[])), Err(WavError::Empty));
        let cut = wav(1, 1, 8000, 16, &some);
        let half = &cut[..cut.len() - 60];
        assert_eq!(decode(half), Err(WavError::CutOff { said: 200, found: 140 }));
        let mut loud = tone(8000, 440.0, 100);
        loud[20..30].fill(i16::MAX);
        assert_eq!(decode(&wav(1, 1, 8000, 16, &octets(&loud))), Err(WavError::Clipped(10)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Chunks of any names and lengths behind a good head, and any octets.
        #[test]
        fn whatever_a_file_holds_it_is_sound_or_a_mistake(
            chunks in proptest::collection::vec(
                (
                    prop::sample::select(vec![*b"fmt ", *b"data", *b"LIST", *b"fact", *b"RIFF"]),
                    prop::option::of(any::<u32>()),
                    proptest::collection::vec(any::<u8>(), 0..80),
                ),
                0..5,
            ),
            any in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
            for (name, said, octets) in chunks {
                file.extend(name);
                file.extend(said.unwrap_or(octets.len() as u32).to_le_bytes());
                file.extend(octets);
            }
            for bytes in [file, any] {
                if let Ok(sound) = decode(&bytes) {
                    prop_assert!(!sound.samples.is_empty() && sound.samples.len() <= bytes.len());
                }
            }
        }
    }

    #[test]
    fn no_file_makes_the_reader_stumble() {
        let whole = wav(1, 1, 8000, 16, &octets(&tone(8000, 440.0, 20)));
        for end in 0..whole.len() {
            assert!(decode(&whole[..end]).is_err(), "cut at {end}");
        }
        for at in 0..44 {
            for value in [0, 1, 0x7f, 0xff] {
                let mut broken = whole.clone();
                broken[at] = value;
                let _ = decode(&broken);
            }
        }
    }
}
