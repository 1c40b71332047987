//! The engine's settings and their defaults.

use serde::{Deserialize, Serialize};

/// Settings of the media engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Silence on the wire after which a peer counts as gone, in seconds. 20: longer than any Wi-Fi roaming or
    /// router restart that a caller would wait for.
    pub rtp_timeout_s: u32,
    /// The same while the peer holds us. 300: phones on hold often send nothing at all.
    pub rtp_timeout_held_s: u32,
    /// Silence of a browser, in seconds. 30: its page may be loaded anew, or its network change, and come back to the
    /// call; after so long without a sign it has withdrawn its consent anyhow (RFC 7675 §5.1).
    pub browser_timeout_s: u32,
    /// How long after (re-)negotiation a peer behind a NAT may be found at another address than it signalled,
    /// in milliseconds. Every further second is a chance for a stranger to be taken for the peer.
    pub learning_ms: u32,
    /// How many packets in a row, of one source and SSRC, make such an address the peer's.
    pub learning_packets: u8,
    /// Average time between RTCP reports, in milliseconds (RFC 3550 §6.2: 5 s at least).
    pub rtcp_interval_ms: u32,
    /// The shortest and the longest that packets are kept where samples are needed (recording, mixing, transcoding),
    /// in milliseconds; between them the jitter observed decides. 20: one packet; a quiet network needs no more. 200:
    /// beyond that, people begin to talk into each other's sentences (ITU-T G.114), and what is later is concealed.
    pub jitter_least_ms: u32,
    pub jitter_most_ms: u32,
    /// Loudness (root mean square of 20 ms) above which a frame counts as a voice in a recording. 200 is
    /// -44 dB below full scale: under speech, above the noise of a quiet line.
    pub voice_level: u16,
    /// By how much music is lowered below an announcement, in decibels. 15: every word is understood, and who
    /// waits hears that the line is still theirs. 60 and more: the music pauses.
    pub duck_db: u8,
}

/// What [`Config::jitter_most_ms`] can be set to at most: a recording waits for no longer delay.
pub const JITTER_MOST_MS: u32 = 250;

impl Default for Config {
    fn default() -> Self {
        Config {
            rtp_timeout_s: 20,
            rtp_timeout_held_s: 300,
            browser_timeout_s: 30,
            learning_ms: 5000,
            learning_packets: 4,
            rtcp_interval_ms: 5000,
            jitter_least_ms: 20,
            jitter_most_ms: 200,
            voice_level: 200,
            duck_db: 15,
        }
    }
}

impl Config {
    /// What is left of music below an announcement, as a factor.
    pub(super) fn ducked(&self) -> f32 {
        if self.duck_db >= 60 { 0.0 } else { 10f32.powf(-f32::from(self.duck_db) / 20.0) }
    }
}
