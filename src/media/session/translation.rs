//! A bridge between codecs that no table joins: what one side's ear hears is encoded anew for the other.
//!
//! ```text
//!   peer of A --> A's ear --(latest frame, in B's slot)--> B's voice --> peer of B
//!                   ^                                        |
//!                   +------------- lent for 60 ms -----------+
//! ```
//!
//! The leg that listens asks for the other's ear anew with each frame; when it asks no longer, because the bridge is
//! gone or the codecs were agreed anew, the ear goes by itself.

use std::time::Duration;

use crate::base::Instant;

use super::super::FRAME_MS;
use super::super::ear::Frame;
use super::super::outbox::Outbox;
use super::super::outgoing::Speaker;
use super::super::voice::Voice;
use super::{Content, Heard, Session};

/// What a leg that hears another through a translation knows of it.
#[derive(Debug, Default)]
pub(super) struct Translation {
    /// The frame of this slot was sent.
    told: bool,
    /// The key of the other side that is being passed on.
    key: Option<Key>,
}

#[derive(Clone, Copy, Debug)]
struct Key {
    ssrc: u32,
    /// The time stamp of its beginning, there and here.
    theirs: u32,
    ours: u32,
    /// Of its last packet.
    at: Instant,
    ended: bool,
}

/// For so many of its frames an ear stays with a leg that nobody asks for it: more than one slot follows another by.
const LENT: u8 = 3;
/// A key without packets for so long is over, though its end was lost.
const KEY_LASTS: Duration = Duration::from_millis(100);

impl Session {
    /// Whether what `other` says has to be translated for this leg's peer.
    pub fn needs_translation(&self, other: &Session) -> bool {
        let (Some(ours), Some(theirs)) = (self.stream(), other.stream()) else { return false };
        ours.codec != theirs.codec && (ours.codec.law().is_none() || theirs.codec.law().is_none())
    }

    /// Lends the ear of this leg to somebody who translates.
    pub fn lend_ear(&mut self) {
        self.ear_lent = LENT;
    }

    /// What is said from now on is translated, or no longer.
    pub fn translate(&mut self, on: bool) {
        if on != self.translation.is_some() {
            self.translation = on.then(Box::default);
            self.relay.interrupt();
        }
    }

    pub fn is_translated(&self) -> bool {
        self.translation.is_some()
    }

    /// The frame of this slot, from the other side's ear.
    pub fn tell(&mut self, now: Instant, frame: &Frame<'_>, out: &mut Outbox) {
        let (Some(stream), Some(to)) = (self.stream().copied(), self.destination()) else { return };
        let Some(translation) = &mut self.translation else { return };
        if self.player.is_some() || self.keys.sounds() {
            return;
        }
        translation.told = true;
        if translation.key.is_some_and(|key| !key.ended && now.since(key.at) < KEY_LASTS) {
            return;
        }
        let silence = [0; 960];
        let samples = match frame.secret {
            true => silence.get(..frame.samples.len()).unwrap_or_default(),
            false => frame.samples,
        };
        self.translated += 1;
        if u64::from(stream.ptime_ms) != FRAME_MS {
            return self.pack(now, &stream, to, Speaker::Peer, (samples, frame.rate), out);
        }
        let voice = self.voice.get_or_insert_with(|| Box::new(Voice::new(stream.codec)));
        let payload = voice.say(samples, frame.rate);
        let header = self.out.frame(now, stream.payload_type, Speaker::Peer, payload.len());
        out.rtp(self.seat, to, &header, payload, None, self.srtp.as_deref_mut());
    }

    /// Whether the frame of this slot has been sent by [`Session::tell`].
    pub(super) fn is_told(&mut self) -> bool {
        self.translation.as_mut().is_some_and(|translation| std::mem::take(&mut translation.told))
    }

    /// A packet of telephone events, on this leg's own time line. `false` where nothing is translated.
    pub(super) fn pass_key(&mut self, now: Instant, heard: &Heard<'_>, out: &mut Outbox) -> bool {
        let Some(translation) = &mut self.translation else { return false };
        if heard.content != Content::Keys {
            return true;
        }
        let Some(key) = heard.payload.first_chunk::<4>() else { return true };
        let known = translation
            .key
            .filter(|known| (known.ssrc, known.theirs) == (heard.header.ssrc, heard.header.timestamp));
        let begins = known.is_none();
        let ours = known.map_or_else(|| self.out.timestamp(now), |known| known.ours);
        let ended = key[1] & 0x80 != 0 || known.is_some_and(|known| known.ended);
        let theirs = heard.header.timestamp;
        translation.key = Some(Key { ssrc: heard.header.ssrc, theirs, ours, at: now, ended });

        let (Some(stream), Some(to)) = (self.stream().copied(), self.destination()) else { return true };
        if let Some(events) = stream.dtmf {
            let payload = at_clock(*key, heard.events_clock, stream.dtmf_clock);
            let lasted = at_clock(*key, heard.events_clock, self.out.clock_rate());
            let header = self.out.event(events, ours, u16::from_be_bytes([lasted[2], lasted[3]]), begins);
            out.rtp(self.seat, to, &header, &payload, None, self.srtp.as_deref_mut());
        }
        true
    }
}

/// A payload of telephone events (RFC 4733 §2.3) whose duration counts in another clock. One too long for its field
/// says the longest.
pub(super) fn at_clock([event, flags, high, low]: [u8; 4], from: u32, to: u32) -> [u8; 4] {
    let duration = u64::from(u16::from_be_bytes([high, low])) * u64::from(to) / u64::from(from.max(1));
    let [high, low] = u16::try_from(duration).unwrap_or(u16::MAX).to_be_bytes();
    [event, flags, high, low]
}

#[cfg(test)]
mod tests {
    use super::at_clock;

    #[test]
    fn a_duration_at_another_clock() {
        let [high, low] = 800u16.to_be_bytes();
        let [longer, lower] = 4800u16.to_be_bytes();
        assert_eq!(at_clock([5, 0x8a, high, low], 8000, 48_000), [5, 0x8a, longer, lower]);
        assert_eq!(at_clock([5, 0x8a, longer, lower], 48_000, 8000), [5, 0x8a, high, low]);
        assert_eq!(at_clock([5, 10, 0xff, 0xff], 8000, 48_000), [5, 10, 0xff, 0xff], "8 s do not fit");
        assert_eq!(at_clock([5, 10, 1, 2], 8000, 8000), [5, 10, 1, 2]);
    }
}
