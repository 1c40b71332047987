//! Pressing keys towards a peer.

use std::collections::VecDeque;

use super::super::{Digit, FRAME_MS};
use super::Payload;

/// Presses keys: tones of 100 ms with pauses of 100 ms, one packet every 20 ms, the end three times.
#[derive(Clone, Debug, Default)]
pub(in crate::media) struct KeySender {
    waiting: VecDeque<Digit>,
    tone: Option<Tone>,
    /// Frames of pause still to come.
    pause: u8,
}

#[derive(Clone, Copy, Debug)]
struct Tone {
    digit: Digit,
    timestamp: u32,
    /// Packets sent.
    packets: u16,
}

/// One packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media) struct KeyPacket {
    pub timestamp: u32,
    pub duration: u16,
    pub begins: bool,
    pub payload: [u8; 4],
}

const TONE_FRAMES: u16 = 5;
const END_PACKETS: u16 = 3;
const PAUSE_FRAMES: u8 = 3;
/// More keys than anybody presses are not kept.
const MAX_WAITING: usize = 64;

impl KeySender {
    /// Characters that are no keys are left out.
    pub fn press(&mut self, keys: &str) {
        let room = MAX_WAITING.saturating_sub(self.waiting.len());
        self.waiting.extend(keys.chars().filter_map(Digit::from_char).take(room));
    }

    /// Whether a key is sounding: nothing else is sent meanwhile.
    pub fn sounds(&self) -> bool {
        self.tone.is_some()
    }

    /// The packet for this frame; `None` in pauses and when there is nothing to press. `timestamp` is the stream's now,
    /// by a clock of `clock` units a second. A tone of 100 ms needs no second segment (RFC 4733 §2.5.1.3) below 655 kHz.
    pub fn next_packet(&mut self, timestamp: u32, clock: u32) -> Option<KeyPacket> {
        if self.tone.is_none() && self.pause > 0 {
            self.pause -= 1;
            return None;
        }
        let mut tone = match self.tone {
            Some(tone) => tone,
            None => Tone { digit: self.waiting.pop_front()?, timestamp, packets: 0 },
        };
        tone.packets += 1;
        let end = tone.packets > TONE_FRAMES;
        let frame = u64::from(clock) * FRAME_MS / 1000;
        let duration = (u64::from(tone.packets.min(TONE_FRAMES)) * frame).min(u16::MAX.into()) as u16;
        let payload = Payload { event: tone.digit.event(), end, duration }.write();
        let over = tone.packets >= TONE_FRAMES + END_PACKETS;
        self.tone = (!over).then_some(tone);
        if over {
            self.pause = PAUSE_FRAMES;
        }
        Some(KeyPacket { timestamp: tone.timestamp, duration, begins: tone.packets == 1, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::super::KeyListener;
    use super::*;
    use crate::base::Instant;
    use crate::media::Header;

    #[test]
    fn what_is_pressed_is_heard_at_either_clock() {
        for clock in [8000, 48_000] {
            let (mut sender, mut listener) = (KeySender::default(), KeyListener::default());
            sender.press("12 2#x");
            let (mut heard, mut packets, mut markers) = (String::new(), Vec::new(), 0);
            for frame in 0..60u32 {
                let Some(packet) = sender.next_packet(frame * clock / 50, clock) else { continue };
                packets.push(packet);
                markers += u32::from(packet.begins);
                let header = Header {
                    marker: packet.begins,
                    payload_type: 101,
                    sequence: frame as u16,
                    timestamp: packet.timestamp,
                    ssrc: 1,
                };
                let at = Instant::from_micros(u64::from(frame) * 20_000);
                heard.extend(listener.note(at, &header, clock, &packet.payload).map(Digit::key));
            }
            assert_eq!((heard.as_str(), packets.len(), markers), ("122#", 4 * 8, 4));
            // Key 1: 20 ms more with each packet, then the end three times, all with the same duration.
            let unit = (clock / 50) as u16;
            let ends = packets[..8].iter().map(|p| (p.payload[0], p.payload[1], p.duration / unit));
            let whole = [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 5), (1, 5), (1, 5)];
            assert!(ends.eq(whole.map(|(end, frames)| (1, end << 7 | 10, frames))));
            assert!(packets[..8].iter().all(|p| p.timestamp == packets[0].timestamp));
        }
    }
}
