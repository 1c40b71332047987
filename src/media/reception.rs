//! Book-keeping about a received stream: sequence, loss, duplicates, jitter (RFC 3550 §6.4.1, §A.1, §A.3, §A.8).

use std::time::Duration;

use crate::base::Instant;

use super::Header;
use super::rtcp::Block;

/// What a packet is to the stream it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The newest so far.
    New,
    /// Overtaken by others, first time seen.
    Late,
    /// Seen before, or too old to tell.
    Duplicate,
}

/// The stream that a peer sends us, over changes of its SSRC.
#[derive(Clone, Debug, Default)]
pub(super) struct Reception {
    source: Option<Source>,
    before: Totals,
    /// Of the newest sender report: middle of its NTP time, and when it came.
    sender_report: Option<(u32, Instant)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub received: u64,
    pub lost: u64,
    pub duplicates: u64,
}

#[derive(Clone, Debug)]
struct Source {
    ssrc: u32,
    /// Sequence numbers with the number of their wraps.
    first: u32,
    highest: u32,
    received: u64,
    duplicates: u64,
    /// Bit n: `highest - n` was received.
    seen: u64,
    /// Where the next packet would be, if a jump of the sequence is a restart and no stray packet.
    restart: Option<u16>,
    transit: Option<u32>,
    /// Units a second of its time stamps, as of the last packet that had one.
    clock: u32,
    /// In time stamp units, times 16.
    jitter_x16: u32,
    expected_before: u32,
    received_before: u64,
}

/// Jumps up to this are loss; greater ones a restart (RFC 3550 §A.1: MAX_DROPOUT).
const MAX_DROPOUT: u16 = 3000;

impl Reception {
    /// Takes note of a packet. `clock`: units a second of its time stamp; `None` for packets whose time stamp is not that
    /// of their sending (telephone events).
    pub fn note(&mut self, now: Instant, header: &Header, clock: Option<u32>) -> Arrival {
        match &mut self.source {
            Some(source) if source.ssrc == header.ssrc => match source.note(header.sequence) {
                Some(arrival) => {
                    if let Some(clock) = clock.filter(|_| arrival != Arrival::Duplicate) {
                        source.note_transit(now, header.timestamp, clock);
                    }
                    return arrival;
                }
                None => self.start(header),
            },
            _ => self.start(header),
        }
        Arrival::New
    }

    pub fn note_sender_report(&mut self, now: Instant, ntp_middle: u32) {
        self.sender_report = Some((ntp_middle, now));
    }

    pub fn totals(&self) -> Totals {
        let mut totals = self.before;
        if let Some(source) = &self.source {
            totals.received += source.received;
            totals.lost += source.lost();
            totals.duplicates += source.duplicates;
        }
        totals
    }

    pub fn jitter(&self) -> Duration {
        let Some(source) = &self.source else { return Duration::ZERO };
        Duration::from_micros(u64::from(source.jitter_x16 / 16) * 1_000_000 / u64::from(source.clock.max(1)))
    }

    /// The block for our next report; the fraction is of the time since the last call.
    pub fn report(&mut self, now: Instant) -> Option<Block> {
        let source = self.source.as_mut()?;
        let expected = source.expected();
        let expected_since = u64::from(expected.wrapping_sub(source.expected_before));
        let received_since = source.received.saturating_sub(source.received_before);
        source.expected_before = expected;
        source.received_before = source.received;
        let lost_since = expected_since.saturating_sub(received_since);
        let (last_report, delay) = match self.sender_report {
            Some((middle, at)) => (middle, rtcp_units(now.since(at))),
            None => (0, 0),
        };
        Some(Block {
            ssrc: source.ssrc,
            fraction_lost: (lost_since * 256).checked_div(expected_since).unwrap_or(0).min(255) as u8,
            lost: i32::try_from(source.lost()).unwrap_or(i32::MAX),
            highest: source.highest,
            jitter: source.jitter_x16 / 16,
            last_report,
            delay,
        })
    }

    /// A new SSRC, or a sequence that begins anew.
    fn start(&mut self, header: &Header) {
        self.before = self.totals();
        self.sender_report = None;
        let first = u32::from(header.sequence);
        self.source = Some(Source {
            ssrc: header.ssrc,
            first,
            highest: first,
            received: 1,
            duplicates: 0,
            seen: 1,
            restart: None,
            transit: None,
            clock: 0,
            jitter_x16: 0,
            expected_before: 0,
            received_before: 0,
        });
    }
}

impl Source {
    /// `None` where the stream has to be started anew.
    fn note(&mut self, sequence: u16) -> Option<Arrival> {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        let behind = ahead.wrapping_neg();
        if ahead != 0 && ahead < MAX_DROPOUT {
            self.seen = self.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.highest = self.highest.wrapping_add(u32::from(ahead));
        } else if u32::from(behind) < u64::BITS {
            let bit = 1 << behind;
            if self.seen & bit != 0 {
                self.duplicates += 1;
                return Some(Arrival::Duplicate);
            }
            self.seen |= bit;
            // What came first may have overtaken others: the beginning of a call, and a key in it, is not given up for that.
            if u32::from(behind) > self.highest.wrapping_sub(self.first) {
                self.first = self.highest.wrapping_sub(u32::from(behind));
            }
            self.received += 1;
            return Some(Arrival::Late);
        } else if self.restart == Some(sequence) {
            return None;
        } else {
            // Two in a row make a restart (RFC 3550 §A.1); the first of them is given up.
            self.restart = Some(sequence.wrapping_add(1));
            self.duplicates += 1;
            return Some(Arrival::Duplicate);
        }
        self.restart = None;
        self.received += 1;
        Some(Arrival::New)
    }

    fn note_transit(&mut self, now: Instant, timestamp: u32, clock: u32) {
        if std::mem::replace(&mut self.clock, clock) != clock {
            (self.transit, self.jitter_x16) = (None, 0);
        }
        let arrival = (now.as_micros() * u64::from(clock) / 1_000_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(last) = self.transit.replace(transit) {
            let change = (transit.wrapping_sub(last) as i32).unsigned_abs();
            // A jump of the time stamp is the peer's new beginning and says nothing about the network.
            if change < clock {
                self.jitter_x16 = self.jitter_x16 + change - (self.jitter_x16 + 8) / 16;
            }
        }
    }

    fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.first).wrapping_add(1)
    }

    fn lost(&self) -> u64 {
        u64::from(self.expected()).saturating_sub(self.received)
    }
}

/// In 65536ths of a second.
fn rtcp_units(time: Duration) -> u32 {
    u32::try_from((time.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(ssrc: u32, sequence: u16, timestamp: u32) -> Header {
        Header { marker: false, payload_type: 8, sequence, timestamp, ssrc }
    }

    fn note_all(reception: &mut Reception, sequences: impl IntoIterator<Item = u16>) -> Vec<Arrival> {
        let note = |s| reception.note(Instant::ZERO, &header(1, s, 0), Some(8000));
        sequences.into_iter().map(note).collect()
    }

    #[test]
    fn loss_reordering_and_duplicates_over_the_wrap() {
        use Arrival::{Duplicate, Late, New};
        let mut reception = Reception::default();
        let arrivals = note_all(&mut reception, [65533, 65535, 65534, 65535, 1, 65533, 2]);
        assert_eq!(arrivals, [New, New, Late, Duplicate, New, Duplicate, New]);
        assert_eq!(reception.totals(), Totals { received: 5, lost: 1, duplicates: 2 });
        let block = reception.report(Instant::ZERO).expect("a source");
        assert_eq!((block.highest, block.lost, block.fraction_lost), (0x1_0002, 1, 42));
    }

    #[test]
    fn what_came_first_may_have_overtaken_others() {
        use Arrival::{Duplicate, Late, New};
        let mut reception = Reception::default();
        assert_eq!(
            note_all(&mut reception, [1, 65534, 0, 0, 65534, 2]),
            [New, Late, Late, Duplicate, Duplicate, New]
        );
        assert_eq!(reception.totals(), Totals { received: 4, lost: 1, duplicates: 2 });
        let block = reception.report(Instant::ZERO).expect("a source");
        assert_eq!((block.highest, block.lost), (2, 1));
    }

    #[test]
    fn two_wraps_in_a_long_run() {
        let mut reception = Reception::default();
        let count = 150_000u32;
        let arrivals = note_all(&mut reception, (0..count).filter(|n| n % 100 != 7).map(|n| n as u16));
        assert!(arrivals.iter().all(|a| *a == Arrival::New));
        assert_eq!(reception.totals(), Totals { received: 148_500, lost: 1500, duplicates: 0 });
    }

    #[test]
    fn a_restart_takes_two_packets_and_a_stray_one_changes_nothing() {
        use Arrival::{Duplicate, New};
        let mut reception = Reception::default();
        assert_eq!(note_all(&mut reception, [5, 6, 30000, 7]), [New, New, Duplicate, New]);
        assert_eq!(note_all(&mut reception, [40000, 40001, 40002]), [Duplicate, New, New]);
        assert_eq!(reception.totals().lost, 0);
    }

    #[test]
    fn another_source_adds_up() {
        let mut reception = Reception::default();
        for (ssrc, sequence) in [(1, 1), (1, 3), (2, 900), (2, 901)] {
            assert_eq!(reception.note(Instant::ZERO, &header(ssrc, sequence, 0), Some(8000)), Arrival::New);
        }
        assert_eq!(reception.totals(), Totals { received: 4, lost: 1, duplicates: 0 });
    }

    #[test]
    fn jitter_is_the_smoothed_change_of_transit() {
        let mut reception = Reception::default();
        // Every other packet 8 ms late: the transit changes by 64 units each time.
        for n in 0..400u32 {
            let late = if n % 2 == 1 { 8000 } else { 0 };
            let at = Instant::from_micros(u64::from(n) * 20_000 + late);
            reception.note(at, &header(1, n as u16, n * 160), Some(8000));
        }
        let jitter = reception.jitter().as_micros();
        assert!((7500..=8000).contains(&jitter), "{jitter}");
    }

    #[test]
    fn the_delay_since_the_senders_report() {
        let mut reception = Reception::default();
        note_all(&mut reception, [1]);
        reception.note_sender_report(Instant::from_micros(1_000_000), 77);
        let block = reception.report(Instant::from_micros(2_500_000)).expect("a source");
        assert_eq!((block.last_report, block.delay), (77, 65536 * 3 / 2));
    }
}
