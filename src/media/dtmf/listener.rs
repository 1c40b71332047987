//! From packets of telephone events to presses.

use std::time::Duration;

use crate::base::Instant;

use super::super::{Digit, Header};
use super::Payload;

/// Turns the packets of telephone events into presses. A press is told by the time stamp of its beginning, which all
/// its packets carry; neither marker nor end is needed, since either may be lost.
#[derive(Clone, Debug, Default)]
pub(in crate::media) struct KeyListener {
    last: Option<Press>,
    /// Those before, at most [`REMEMBERED`], in the order in which they were heard: their packets may come late.
    earlier: Vec<Press>,
}

/// The last press, as far as its packets have told.
#[derive(Clone, Copy, Debug)]
struct Press {
    ssrc: u32,
    event: u8,
    /// Of its beginning; of its newest segment's beginning for a long one.
    timestamp: u32,
    /// The first of these time stamps.
    began: u32,
    /// Of its last packet.
    sequence: u16,
    ended: bool,
    /// When its last packet came.
    at: Instant,
}

/// One packet, with its times made comparable.
#[derive(Clone, Copy, Debug)]
struct Packet {
    press: Press,
    marker: bool,
    /// How long the key had been down by then: of its segment, for a long press.
    lasted: Duration,
    /// Time stamp units a second.
    clock: u32,
}

/// Two presses cannot begin within 50 ms (ITU-T Q.24: a tone of 40 ms and a pause): a time stamp so little
/// ahead is a sender that counts it on within one press.
const SAME_PRESS: Duration = Duration::from_millis(50);
/// An event longer than a duration can say goes on under a new time stamp (RFC 4733 §2.5.1.3), this much later.
const SEGMENT: std::ops::RangeInclusive<u32> = 0xff00..=0x1_0000;
/// After this time without packets an event is over, though its end was lost.
const STALE: Duration = Duration::from_millis(500);
/// A packet of an older press may come so late.
const REORDERED: Duration = Duration::from_secs(5);
/// So many presses are remembered beside the last one: more than anybody keys while a packet is on its way.
const REMEMBERED: usize = 8;
/// By so much the network may have delayed one packet more than another.
const UNEVEN: Duration = Duration::from_millis(40);

impl KeyListener {
    /// A packet of telephone events came, in a stream whose clock counts `clock` units a second (RFC 4733 §2.1: that
    /// of the audio beside it). The key, if a press has begun. Events that are no keys (a flash of the hook, 16) are
    /// left alone, and so is the volume: senders write anything there.
    pub fn note(&mut self, now: Instant, header: &Header, clock: u32, payload: &[u8]) -> Option<Digit> {
        let payload = Payload::parse(payload)?;
        let digit = Digit::from_event(payload.event)?;
        let press = Press {
            ssrc: header.ssrc,
            event: payload.event,
            timestamp: header.timestamp,
            began: header.timestamp,
            sequence: header.sequence,
            ended: payload.end,
            at: now,
        };
        let clock = clock.max(1);
        let lasted = Duration::from_secs(payload.duration.into()) / clock;
        let packet = Packet { press, marker: header.marker, lasted, clock };
        let (begins, known) = match self.last {
            None => (true, press),
            Some(last) => match last.relation(&packet) {
                Relation::Same => {
                    (false, Press { ended: last.ended || press.ended, began: last.began, ..press })
                }
                Relation::Next => (true, press),
                Relation::Older if self.is_overtaken(&last, &packet) => {
                    self.remember(press);
                    return Some(digit);
                }
                Relation::Older => (false, last),
            },
        };
        if begins && self.earlier.iter().any(|earlier| earlier.is_packet_of(&press)) {
            return None;
        }
        if begins && let Some(last) = self.last {
            self.remember(last);
        }
        self.last = Some(known);
        begins.then_some(digit)
    }

    /// Whether this packet is the first of a whole press that the last one overtook on the network. It counts although
    /// it is late: for a key that was pressed and never taken there is no other remedy. The sender's own order tells,
    /// so that whoever writes odd time stamps is not heard twice.
    fn is_overtaken(&self, last: &Press, packet: &Packet) -> bool {
        let sent_before = packet.press.sequence.wrapping_sub(last.sequence) as i16;
        let heard = |known: &Press| known.covers(packet);
        // What came before all that is remembered may have been forgotten.
        let forgotten = self.earlier.len() == REMEMBERED
            && !self.earlier.iter().any(|known| packet.press.is_after(known));
        sent_before < 0 && !forgotten && !heard(last) && !self.earlier.iter().any(heard)
    }

    fn remember(&mut self, press: Press) {
        if self.earlier.len() == REMEMBERED {
            self.earlier.remove(0);
        }
        self.earlier.push(press);
    }
}

enum Relation {
    Same,
    Next,
    /// Of a press before the last one, out of order.
    Older,
}

impl Press {
    /// Whether this is the press that a late packet of another stream than the last one's belongs to.
    fn is_packet_of(&self, packet: &Press) -> bool {
        let late = packet.at.since(self.at) < REORDERED;
        late && (self.ssrc, self.event, self.timestamp) == (packet.ssrc, packet.event, packet.timestamp)
            && (self.ended || !packet.ended || packet.at.since(self.at) <= STALE)
    }

    fn is_after(&self, earlier: &Press) -> bool {
        self.ssrc == earlier.ssrc && (self.timestamp.wrapping_sub(earlier.timestamp) as i32) > 0
    }

    /// Whether a packet's time stamp is one of this press, or too close to it for another press of the same key.
    fn covers(&self, packet: &Packet) -> bool {
        let margin = units(SAME_PRESS, packet.clock);
        let into = packet.press.timestamp.wrapping_sub(self.began.wrapping_sub(margin));
        let length = self.timestamp.wrapping_sub(self.began).wrapping_add(2 * margin);
        (self.ssrc, self.event) == (packet.press.ssrc, packet.press.event) && into <= length
    }

    fn relation(&self, packet: &Packet) -> Relation {
        let quiet = packet.press.at.since(self.at) > STALE;
        let ahead = packet.press.timestamp.wrapping_sub(self.timestamp);
        let same_key = packet.press.event == self.event;
        let units = |time: Duration| units(time, packet.clock);
        if packet.press.ssrc != self.ssrc {
            // A stream restarted under a held key, or among its ends: it had been down before our last packet of it.
            let down_before = packet.press.at.since(self.at) <= packet.lasted + UNEVEN;
            let held = same_key && !packet.marker && !quiet && down_before;
            return if held { Relation::Same } else { Relation::Next };
        }
        if same_key && ahead == 0 {
            // A sender whose clock stands still between presses is told by its pause.
            let again = self.ended && !packet.press.ended && quiet;
            return if again { Relation::Next } else { Relation::Same };
        }
        if same_key && ahead <= units(SAME_PRESS) {
            return Relation::Same;
        }
        if same_key && !self.ended && !packet.marker && !quiet && SEGMENT.contains(&ahead) {
            return Relation::Same;
        }
        if ahead.wrapping_neg() < units(REORDERED) && !quiet {
            return Relation::Older;
        }
        Relation::Next
    }
}

/// A time in time stamp units of a clock that counts `clock` of them a second.
fn units(time: Duration, clock: u32) -> u32 {
    (time.as_millis() as u64 * u64::from(clock) / 1000) as u32
}

#[cfg(test)]
mod overtaken;
#[cfg(test)]
mod tests;
