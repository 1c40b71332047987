//! Keys as tones within the voice (ITU-T Q.23): hearing them, for peers that know no telephone events, and sounding
//! them.
//!
//! ```text
//!   8 kHz samples --> spectrum (eight tones, 20 ms, every 5 ms) --> verdict (one key? which?) --> detector (presses)
//! ```
//!
//! The limits are those of ITU-T Q.24 (its column of AT&T, which is Bellcore's); [`Detector`] names them.

mod detector;
mod listener;
mod spectrum;
mod tones;

pub use detector::Detector;
pub(super) use listener::ToneListener;
pub(super) use tones::ToneSender;

#[cfg(test)]
mod tests;
