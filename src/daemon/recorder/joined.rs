//! Several recordings as one file: to send, or to take along.

use std::io::Cursor;
use std::path::Path;

use hound::{SampleFormat, WavSpec, WavWriter};

use super::files;
use crate::base::RecordingId;
use crate::media;

/// Between two pieces, in samples: 300 ms.
const PAUSE: usize = media::SAMPLE_RATE as usize * 3 / 10;

/// A WAV of all of them that can be read, in this order, their first channels.
///
/// # Errors
/// None could be read, and why not the last one.
pub fn joined(state: &Path, recordings: impl IntoIterator<Item = RecordingId>) -> Result<Vec<u8>, String> {
    let mut failed = "there is none".to_owned();
    let mut samples: Vec<i16> = Vec::new();
    for recording in recordings {
        match files::load(state, recording) {
            Ok(piece) => {
                let pause = if samples.is_empty() { 0 } else { PAUSE };
                samples.resize(samples.len() + pause, 0);
                samples.extend_from_slice(&piece);
            }
            Err(reason) => failed = reason,
        }
    }
    if samples.is_empty() {
        return Err(failed);
    }
    written(&samples).map_err(|error| error.to_string())
}

fn written(samples: &[i16]) -> hound::Result<Vec<u8>> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: media::SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::with_capacity(samples.len() * 2 + 64));
    let mut wav = WavWriter::new(&mut bytes, spec)?;
    samples.iter().try_for_each(|sample| wav.write_sample(*sample))?;
    wav.finalize()?;
    Ok(bytes.into_inner())
}
