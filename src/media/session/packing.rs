//! What a peer is said in packets of another length than our frames, because it asked for them (`a=ptime`).
//!
//! ```text
//!   frames        |---20---|---20---|---20---|---20---|
//!   ptime 10       |10|    |10|     ...                  the other half leaves half-way between two frames
//!   ptime 30                    |----30-----|----30----| each when it is due, so at a steady pace
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::Instant;

use super::super::outbox::Outbox;
use super::super::outgoing::Speaker;
use super::super::voice::Voice;
use super::super::{FRAME_MS, Stream};
use super::Session;

#[derive(Debug)]
pub(super) struct Packing {
    speaker: Speaker,
    /// Of the last frame.
    at: Instant,
    /// Deadline "packet": before it none leaves, though there is enough for one.
    due: Instant,
}

/// Frames further apart than this are not of one piece: the bridge, or a key, was heard between them.
const APART: Duration = Duration::from_millis(FRAME_MS + FRAME_MS / 2);

impl Session {
    /// Whether packets leave half-way between two of this leg's slots.
    pub fn has_halves(&self) -> bool {
        self.stream().is_some_and(|stream| matches!(stream.ptime_ms, 10 | 30))
    }

    /// Takes the frame of this slot and sends what is due.
    pub(super) fn pack(
        &mut self,
        now: Instant,
        stream: &Stream,
        to: SocketAddr,
        speaker: Speaker,
        (samples, rate): (&[i16], u32),
        out: &mut Outbox,
    ) {
        let voice = self.voice.get_or_insert_with(|| Box::new(Voice::new(stream.codec)));
        match &mut self.packing {
            Some(packing) if now.since(packing.at) <= APART => {
                (packing.speaker, packing.at) = (speaker, now);
            }
            packing => {
                voice.forget();
                *packing = Some(Packing { speaker, at: now, due: now });
            }
        }
        voice.keep(samples, rate);
        self.send_packed(now, stream, to, out);
    }

    /// Half-way between two slots.
    pub fn speak_half(&mut self, now: Instant, out: &mut Outbox) {
        let Some(stream) = self.stream().copied() else { return };
        let fresh = self.packing.as_ref().is_some_and(|packing| now.since(packing.at) < APART);
        if let Some(to) = self.destination()
            && fresh
            && !self.keys.sounds()
        {
            self.send_packed(now, &stream, to, out);
        }
    }

    fn send_packed(&mut self, now: Instant, stream: &Stream, to: SocketAddr, out: &mut Outbox) {
        let (Some(packing), Some(voice)) = (&mut self.packing, &mut self.voice) else { return };
        let ms = u64::from(stream.ptime_ms);
        if packing.due > now {
            return;
        }
        if let Some(payload) = voice.packet(ms) {
            let header = self.out.packet(now, stream.payload_type, packing.speaker, payload.len(), ms);
            out.rtp(self.seat, to, &header, payload, None, self.srtp.as_deref_mut());
            packing.due = now + Duration::from_millis(ms);
        }
    }
}
