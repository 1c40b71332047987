//! How well a leg was heard: counters, and the mean opinion score that they suggest.

use std::time::Duration;

use super::FRAME_MS;
use crate::base::Codec;

/// A leg's media in figures, from the leg's first packet on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QualityReport {
    /// As agreed last; `None` where nothing was.
    pub codec: Option<Codec>,
    pub packets_sent: u64,
    /// Of payload.
    pub octets_sent: u64,
    /// Accepted RTP packets, duplicates not counted.
    pub packets_received: u64,
    /// Expected and not received (RFC 3550 §A.3); reordered packets are not lost.
    pub packets_lost: u64,
    /// Packets dropped because they came twice, or far too late.
    pub duplicates: u64,
    /// Frames of the other side's voice that were encoded anew for this leg, because its codec is another; 0 where they
    /// were passed on as they came.
    pub translated: u64,
    /// Packets that came too late to be heard, of those that were decoded here (recorded, mixed, transcoded).
    pub late: u64,
    /// How long packets wait for later ones where they are decoded here, in microseconds; `None` where they are not.
    pub buffer_us: Option<u32>,
    /// Packets dropped because they came from another address than the peer's.
    pub strangers: u64,
    /// Packets dropped because they were not RTP, or of a payload type that nobody agreed on.
    pub unusable: u64,
    /// Packets of an encrypted leg dropped because their tag was wrong: forged, or of another key.
    pub forged: u64,
    /// Packets of an encrypted leg dropped because they came before, or were too old to tell.
    pub replayed: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1) in microseconds.
    pub jitter_us: u32,
    /// Round trip from RTCP; `None` until the peer has answered a report.
    pub rtt_us: Option<u32>,
    /// What the peer said that it lost of ours; `None` where it sent no reports.
    pub peer_lost: Option<u32>,
    /// The jitter that the peer measured, in microseconds.
    pub peer_jitter_us: Option<u32>,
    /// Mean opinion score of what we heard, times 100: 100 (unusable) to 441, by a simplified E-model of the codec's
    /// own band (ITU-T G.107, G.107.1, G.107.2). 0 where nothing was received.
    pub mos_x100: u16,
}

/// Mean opinion score, times 100: what is left of the best rating after delay, coding and random loss. `lost` is a
/// fraction of what was expected, and includes what came too late; `delay` is one way, from mouth to ear.
pub(super) fn mos_x100(codec: Codec, lost: f64, delay: Duration) -> u16 {
    let Band { best, scale, coding, robustness } = band(codec);
    let delay_ms = delay.as_secs_f64() * 1000.0;
    let delay_impairment = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
    let loss_percent = lost.clamp(0.0, 1.0) * 100.0;
    let equipment = coding + (95.0 - coding) * loss_percent / (loss_percent + robustness);
    let r = ((best - delay_impairment - equipment) / scale).clamp(0.0, 100.0);
    let mos = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6;
    (mos.clamp(1.0, 4.5) * 100.0).round() as u16
}

/// How a codec is rated: the E-model of its band, and its own impairments there.
struct Band {
    /// R of the band without any impairment.
    best: f64,
    /// The band's R is divided by this before it becomes a score.
    scale: f64,
    /// Ie: what the codec itself takes away.
    coding: f64,
    /// Bpl: the percentage of random loss that takes away half of what is left.
    robustness: f64,
}

/// A score compares calls of one codec; across bands, listeners judge what they are used to.
fn band(codec: Codec) -> Band {
    match codec {
        // G.107; G.113 appendix I: with packet loss concealment.
        Codec::Pcma | Codec::Pcmu => Band { best: 93.2, scale: 1.0, coding: 0.0, robustness: 25.1 },
        // G.107.1; G.113 appendix IV: 64 kbit/s. Of robustness it says nothing.
        Codec::G722 => Band { best: 129.0, scale: 1.29, coding: 13.0, robustness: G722_ROBUSTNESS },
        // G.107.2. The ITU has no values of Opus: those of Al-Ahmadi et al., "An adaptive bitrate switching algorithm for
        // speech applications in context of WebRTC", ACM TOMM 17 (2021), at 28 kbit/s, about what phones send.
        #[cfg(feature = "opus")]
        Codec::Opus => Band { best: 148.0, scale: 1.48, coding: 18.5, robustness: 10.6 },
    }
}

/// One way, for [`mos_x100`]: half the round trip, and the jitter buffer; where we have none because we only pass the
/// packets on, the peer's is assumed to hold twice the jitter and two frames.
pub(super) fn delay(round_trip: Duration, buffer: Option<Duration>, jitter: Duration) -> Duration {
    round_trip / 2 + buffer.map_or(2 * jitter + Duration::from_millis(40), |buffer| buffer + FRAME)
}

const FRAME: Duration = Duration::from_millis(FRAME_MS);
/// The ITU has none: measured by wideband PESQ over the prompts, 1 to 20 % of the packets lost at random and concealed
/// by us: 9 to 13. Opus came to 7 to 10 in the same way, near what is published.
const G722_ROBUSTNESS: f64 = 11.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_fall_with_loss_and_delay() {
        let score = |lost, jitter_ms, rtt_ms| {
            let (jitter, round_trip) = (Duration::from_millis(jitter_ms), Duration::from_millis(rtt_ms));
            mos_x100(Codec::Pcma, lost, delay(round_trip, None, jitter))
        };
        assert_eq!(score(0.0, 0, 0), 439);
        assert_eq!(score(0.01, 0, 0), 430);
        assert_eq!(score(0.05, 10, 100), 381);
        assert_eq!(score(0.0, 0, 600), 346);
        assert_eq!(score(1.0, 500, 5000), 100);
        let alone = |codec, lost| mos_x100(codec, lost, Duration::ZERO);
        assert_eq!([Codec::Pcmu, Codec::G722].map(|codec| alone(codec, 0.0)), [441, 434]);
        let at_5 = [Codec::Pcmu, Codec::G722].map(|codec| alone(codec, 0.05));
        assert!(at_5[0] > at_5[1] && at_5[1] > 300, "{at_5:?}");
        let buffered = |ms| delay(Duration::ZERO, Some(Duration::from_millis(ms)), Duration::from_secs(1));
        assert_eq!(
            (mos_x100(Codec::Pcmu, 0.0, buffered(20)), mos_x100(Codec::Pcmu, 0.0, buffered(200))),
            (439, 414)
        );
    }
}
