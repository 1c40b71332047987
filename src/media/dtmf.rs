//! Keys as telephone events (RFC 4733): each press once, however its packets arrive; and pressing keys ourselves.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::base::Instant;

use super::{FRAME_SAMPLES, Header};

/// One key of the telephone: `0`-`9`, `*`, `#`, `A`-`D`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digit(u8);

const KEYS: &str = "0123456789*#ABCD";

impl Digit {
    /// By event code (RFC 4733 §3.2): 0 to 15.
    pub fn from_event(code: u8) -> Option<Self> {
        (code < 16).then_some(Digit(code))
    }

    pub fn from_char(key: char) -> Option<Self> {
        KEYS.find(key.to_ascii_uppercase()).map(|at| Digit(at as u8))
    }

    /// The event code.
    pub fn event(self) -> u8 {
        self.0
    }

    /// The key's character.
    pub fn key(self) -> char {
        self.as_ref().chars().next().unwrap_or('0')
    }
}

impl AsRef<str> for Digit {
    fn as_ref(&self) -> &str {
        let at = usize::from(self.0);
        KEYS.get(at..=at).unwrap_or("0")
    }
}

/// A key is confidential: it prints as a star.
impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("*")
    }
}

/// The payload (RFC 4733 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Payload {
    event: u8,
    end: bool,
    /// Since the event's beginning, in time stamp units.
    duration: u16,
}

impl Payload {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let &[event, flags, d0, d1] = bytes.first_chunk()?;
        Some(Payload { event, end: flags & 0x80 != 0, duration: u16::from_be_bytes([d0, d1]) })
    }

    fn write(self) -> [u8; 4] {
        let [d0, d1] = self.duration.to_be_bytes();
        [self.event, u8::from(self.end) << 7 | VOLUME, d0, d1]
    }
}

/// -10 dBm0: what phones send.
const VOLUME: u8 = 10;

/// Turns the packets of telephone events into presses.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyListener {
    last: Option<Press>,
}

/// The last press, as far as its packets have told.
#[derive(Clone, Copy, Debug)]
struct Press {
    ssrc: u32,
    event: u8,
    /// Time stamp of its last packet: all packets of a press have that of its beginning.
    timestamp: u32,
    ended: bool,
    at: Instant,
}

/// Two presses cannot begin within 50 ms (ITU-T Q.24: a tone of 40 ms and a pause): a time stamp so little
/// ahead is a sender that counts it on within one press.
const SAME_PRESS: u32 = 400;
/// An event longer than a duration can say goes on under a new time stamp (RFC 4733 §2.5.1.3), this much later.
const SEGMENT: std::ops::RangeInclusive<u32> = 0xff00..=0x1_0000;
/// After this time without packets an event is over, though its end was lost.
const STALE: Duration = Duration::from_millis(500);
/// A packet of an older press may come so late, in time stamp units (5 s).
const REORDERED: u32 = 40_000;

impl KeyListener {
    /// A packet of telephone events came. The key, if a press has begun.
    pub fn note(&mut self, now: Instant, header: &Header, payload: &[u8]) -> Option<Digit> {
        let payload = Payload::parse(payload)?;
        let digit = Digit::from_event(payload.event)?;
        let press = Press {
            ssrc: header.ssrc,
            event: payload.event,
            timestamp: header.timestamp,
            ended: payload.end,
            at: now,
        };
        let (begins, known) = match self.last {
            None => (true, press),
            Some(last) => match last.relation(&press, header.marker) {
                Relation::Same => (false, Press { ended: last.ended || press.ended, ..press }),
                Relation::Next => (true, press),
                Relation::Older => (false, last),
            },
        };
        self.last = Some(known);
        begins.then_some(digit)
    }
}

enum Relation {
    Same,
    Next,
    /// Of a press before the last one, out of order.
    Older,
}

impl Press {
    fn relation(&self, packet: &Press, marker: bool) -> Relation {
        let quiet = packet.at.since(self.at) > STALE;
        let ahead = packet.timestamp.wrapping_sub(self.timestamp);
        let same_key = packet.event == self.event;
        if packet.ssrc != self.ssrc {
            // A stream restarted under a held key.
            let held = same_key && !self.ended && !marker && !quiet;
            return if held { Relation::Same } else { Relation::Next };
        }
        if same_key && ahead == 0 {
            // A sender whose clock stands still between presses is told by its pause.
            let again = self.ended && !packet.ended && quiet;
            return if again { Relation::Next } else { Relation::Same };
        }
        if same_key && ahead <= SAME_PRESS {
            return Relation::Same;
        }
        if same_key && !self.ended && !marker && SEGMENT.contains(&ahead) {
            return Relation::Same;
        }
        if ahead.wrapping_neg() < REORDERED && !quiet {
            return Relation::Older;
        }
        Relation::Next
    }
}

/// Presses keys: tones of 100 ms with pauses of 100 ms, one packet every 20 ms, the end three times.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySender {
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
pub(super) struct KeyPacket {
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

    /// The packet for this frame; `None` in pauses and when there is nothing to press. `timestamp` is the stream's now.
    pub fn next_packet(&mut self, timestamp: u32) -> Option<KeyPacket> {
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
        let duration = tone.packets.min(TONE_FRAMES) * FRAME_SAMPLES as u16;
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
    use super::*;
    use proptest::prelude::*;

    /// When it arrives (ms), marker, time stamp, event, end, duration.
    type Packet = (u64, bool, u32, u8, bool, u16);

    fn keys(packets: impl IntoIterator<Item = Packet>) -> String {
        let mut listener = KeyListener::default();
        let mut heard = String::new();
        for (ms, marker, timestamp, event, end, duration) in packets {
            let header = Header { marker, payload_type: 101, sequence: 0, timestamp, ssrc: 1 };
            let payload = Payload { event, end, duration }.write();
            heard.extend(listener.note(Instant::from_micros(ms * 1000), &header, &payload).map(Digit::key));
        }
        heard
    }

    /// A press at `ms` for `frames` of 20 ms with three ends.
    fn press(ms: u64, event: u8, frames: u16) -> Vec<Packet> {
        let timestamp = ms as u32 * 8;
        let tone = (1..=frames).map(|n| (ms + u64::from(n) * 20, n == 1, timestamp, event, false, n * 160));
        let at = ms + u64::from(frames) * 20;
        let ends = (1..=3).map(|n| (at + n * 20, false, timestamp, event, true, frames * 160));
        tone.chain(ends).collect()
    }

    #[test]
    fn every_key_once() {
        let all = (0..16u8).flat_map(|event| press(1000 + u64::from(event) * 300, event, 5));
        assert_eq!(keys(all), "0123456789*#ABCD");
    }

    #[test]
    fn the_same_key_twice_is_two_presses() {
        assert_eq!(keys([press(1000, 5, 4), press(1250, 5, 4)].concat()), "55");
    }

    #[test]
    fn any_part_of_a_press_may_be_lost() {
        let whole = press(1000, 7, 5);
        for lost in 0..255u32 {
            let left = |n: &usize| lost & 1 << n == 0;
            let rest: Vec<_> = (0..whole.len()).filter(left).map(|n| whole[n]).collect();
            assert_eq!(keys(rest.iter().copied().chain(press(1300, 7, 5))), "77", "lost {lost:08b}");
            assert_eq!(keys(rest), "7", "lost {lost:08b}");
        }
    }

    #[test]
    fn without_a_marker_doubled_and_out_of_order() {
        let mut packets = press(1000, 3, 5);
        packets.iter_mut().for_each(|p| p.1 = false);
        assert_eq!(keys(packets.clone()), "3");
        let doubled = packets.iter().flat_map(|p| [*p, *p]);
        assert_eq!(keys(doubled), "3");
        packets.swap(1, 3);
        packets.swap(4, 6);
        assert_eq!(keys(packets), "3");
    }

    #[test]
    fn the_ends_of_a_press_may_come_after_the_beginning_of_the_next() {
        let (mut first, second) = (press(1000, 1, 3), press(1150, 2, 3));
        let late = first.split_off(4);
        let mut packets = first;
        packets.extend(&second[..2]);
        packets.extend(late.iter().map(|p| (second[1].0, p.1, p.2, p.3, p.4, p.5)));
        packets.extend(&second[2..]);
        assert_eq!(keys(packets), "12");
    }

    #[test]
    fn a_long_press_is_one_press() {
        // 20 s: three segments of 65535 units at most (RFC 4733 §2.5.1.3).
        let packets = (0..1000u32).map(|n| {
            let (segment, within) = (n * 160 / 65535, n * 160 % 65535);
            (u64::from(n) * 20, n == 0, 4000 + segment * 65535, 9, false, (within as u16).saturating_add(160))
        });
        let end = (20_000, false, 4000 + 2 * 65535, 9, true, 28930);
        assert_eq!(keys(packets.clone().chain([end, end, end])), "9");
        let at_boundary_lost = packets.enumerate().filter(|(n, _)| !(405..412).contains(n)).map(|(_, p)| p);
        assert_eq!(keys(at_boundary_lost), "9");
    }

    #[test]
    fn a_sender_that_counts_the_time_stamp_on() {
        let packets =
            (0..10u32).map(|n| (u64::from(n) * 20, n == 0, 8000 + n * 160, 4, n > 6, n as u16 * 160));
        assert_eq!(keys(packets), "4");
    }

    #[test]
    fn a_sender_whose_clock_stands_still() {
        let again = |ms: u64| press(1000, 6, 3).into_iter().map(move |p| (p.0 + ms, p.1, p.2, p.3, p.4, p.5));
        assert_eq!(keys(again(0).chain(again(1000))), "66");
    }

    #[test]
    fn a_clock_that_jumps_back_between_presses() {
        assert_eq!(
            keys([press(9000, 1, 3), press(100, 2, 3)].concat().into_iter().enumerate().map(|(n, p)| {
                let gap = if n >= 6 { 2000 } else { 0 };
                (n as u64 * 20 + gap, p.1, p.2, p.3, p.4, p.5)
            })),
            "12"
        );
    }

    #[test]
    fn other_events_and_fragments_are_no_keys() {
        assert_eq!(keys(press(1000, 16, 3)), "", "flash hook");
        let header = Header { marker: true, payload_type: 101, sequence: 0, timestamp: 0, ssrc: 1 };
        assert_eq!(KeyListener::default().note(Instant::ZERO, &header, &[1, 2, 3]), None);
    }

    #[test]
    fn what_is_pressed_is_heard() {
        let (mut sender, mut listener) = (KeySender::default(), KeyListener::default());
        sender.press("12 2#x");
        let (mut heard, mut packets) = (String::new(), 0);
        for frame in 0..60u32 {
            let Some(packet) = sender.next_packet(frame * 160) else { continue };
            packets += 1;
            let header = Header {
                marker: packet.begins,
                payload_type: 101,
                sequence: frame as u16,
                timestamp: packet.timestamp,
                ssrc: 1,
            };
            let at = Instant::from_micros(u64::from(frame) * 20_000);
            heard.extend(listener.note(at, &header, &packet.payload).map(Digit::key));
        }
        assert_eq!((heard.as_str(), packets), ("122#", 4 * 8));
    }

    #[test]
    fn a_digit_does_not_print() {
        assert_eq!(format!("{:?}", Digit::from_char('7')), "Some(*)");
        assert_eq!(Digit::from_char('d').map(Digit::event), Some(15));
        assert_eq!(Digit::from_char('x'), None);
    }

    proptest! {
        #[test]
        fn presses_survive_any_loss_of_single_packets(
            events in proptest::collection::vec(0u8..16, 1..8),
            gap in 250u64..2000,
            lost in proptest::collection::vec(any::<bool>(), 80),
        ) {
            let mut expected = String::new();
            let mut packets = Vec::new();
            let mut dropped = lost.iter();
            for (n, event) in events.iter().enumerate() {
                expected.extend(Digit::from_event(*event).map(Digit::key));
                let mut whole = press(1000 + n as u64 * gap, *event, 4);
                let keep = whole[3];
                whole.retain(|_| !dropped.next().copied().unwrap_or(false));
                packets.extend(if whole.is_empty() { vec![keep] } else { whole });
            }
            prop_assert_eq!(keys(packets), expected);
        }
    }
}
