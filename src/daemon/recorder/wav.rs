//! A WAV file of 16-bit samples as it is written: a header of fixed size, whose two lengths are known last, and the sound.
//!
//! `hound` reads such files here, and would write them sample by sample, with three seeks for each new header: of the
//! recorder's time that was nine parts in ten. What it reads is what the tests hold this to.

use crate::media::SAMPLE_RATE;

/// Octets before the sound.
pub const HEADER: usize = 44;

/// The header of a file with so many octets of sound. What does not fit its field, beyond 37 hours of two
/// channels, says the most.
pub fn header(channels: u16, sound: u64) -> [u8; HEADER] {
    let size = |octets: u64| u32::try_from(octets).unwrap_or(u32::MAX).to_le_bytes();
    let block = 2 * channels;
    let mut header = [0; HEADER];
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &size(sound.saturating_add(HEADER as u64 - 8)),
        b"WAVE",
        b"fmt ",
        &16u32.to_le_bytes(),
        // Linear samples.
        &1u16.to_le_bytes(),
        &channels.to_le_bytes(),
        &SAMPLE_RATE.to_le_bytes(),
        &(SAMPLE_RATE * u32::from(block)).to_le_bytes(),
        &block.to_le_bytes(),
        &16u16.to_le_bytes(),
        b"data",
        &size(sound),
    ];
    for (to, octet) in header.iter_mut().zip(fields.into_iter().flatten()) {
        *to = *octet;
    }
    header
}

/// Appends samples as octets, the lower one first.
pub fn append(samples: &[i16], octets: &mut Vec<u8>) {
    let first = octets.len();
    octets.resize(first + 2 * samples.len(), 0);
    let (pairs, _) = octets.get_mut(first..).unwrap_or_default().as_chunks_mut();
    for (pair, sample) in pairs.iter_mut().zip(samples) {
        *pair = sample.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_reader_finds_what_was_written() {
        let samples = [0, 1, -1, i16::MAX, i16::MIN, 258];
        for channels in [1, 2] {
            let mut file = header(channels, 2 * samples.len() as u64).to_vec();
            append(&samples, &mut file);
            let mut reader = hound::WavReader::new(file.as_slice()).unwrap();
            let spec = hound::WavSpec {
                channels,
                sample_rate: SAMPLE_RATE,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            };
            assert_eq!(reader.spec(), spec);
            assert_eq!(reader.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), samples);
        }
    }

    #[test]
    fn what_is_too_long_for_its_field_says_the_most() {
        let header = header(2, 5_000_000_000);
        assert_eq!((&header[4..8], &header[40..]), (&[0xff; 4][..], &[0xff; 4][..]));
    }
}
