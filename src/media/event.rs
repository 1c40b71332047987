//! What the engine reports to a call.

use std::time::Duration;

use crate::base::{LegId, Masked, PlayId, RecordingId};

use super::{Digit, QualityReport};

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A key was pressed: exactly once per press, at its beginning.
    Digit { leg: LegId, digit: Masked<Digit>, by: DigitMeans },
    /// What was played reached its end. Not sent for what was stopped or replaced, nor for what repeats.
    Played { leg: LegId, play: PlayId },
    /// The peer's first RTP packet of this leg.
    FirstPacket { leg: LegId },
    /// Nothing came from the peer for the time-out of the settings. Once, until packets come again.
    RtpTimeout { leg: LegId },
    /// All audio has been handed over. Exactly once per recording, after its last [`Audio`].
    RecordingEnded {
        recording: RecordingId,
        length: Duration,
        /// How much of the length was a voice and not silence: nearly nothing for a caller who said nothing. Where two are
        /// recorded, all of it.
        voiced: Duration,
        why: EndWhy,
    },
    /// With each RTCP report of ours, and once as the `last` at [`Command::Close`](super::Command::Close) of a leg that
    /// was open.
    Quality { leg: LegId, report: QualityReport, last: bool },
    /// The host could not bind the ports. The engine never says it.
    OpenFailed { leg: LegId, reason: String },
}

/// How a key reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigitMeans {
    /// RFC 4733.
    TelephoneEvent,
    /// Within the voice (ITU-T Q.23).
    Tone,
    /// SIP INFO: reported by signalling, never by the engine.
    Info,
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndWhy {
    /// By command.
    Stopped,
    Silence,
    Longest,
    /// The leg was closed, or never was.
    Closed,
}

/// A piece of a recording, ready for a WAV writer: 160 ms or some more; the last one of any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    pub recording: RecordingId,
    /// 1, or 2: left and right interleaved.
    pub channels: u16,
    /// 16-bit linear at 8 kHz.
    pub samples: Vec<i16>,
}
