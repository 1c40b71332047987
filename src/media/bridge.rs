//! Passing one peer's packets on to another as part of the stream that the other already hears from us.
//!
//! Sequence numbers and time stamps are shifted, not made anew: the listener sees the loss, the order and the
//! timing that the network gave us and treats them with its own jitter buffer. Nothing is decoded here.

use std::time::Duration;

use crate::base::Instant;

use super::Header;
use super::noise::Noise;
use super::outgoing::Outgoing;

/// The shift from what is heard of one peer to what the other is sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Relay {
    shift: Option<Shift>,
    /// The source has fallen silent with a comfort noise that the listener does not take: it is made for it here.
    pub noise: Option<Noise>,
}

#[derive(Clone, Debug)]
struct Shift {
    ssrc: u32,
    sequence_by: u16,
    timestamp_by: u32,
    /// Newest packet of the source.
    sequence: u16,
    at: Instant,
    /// Newest packet whose time stamp is that of its sending.
    timestamp: u32,
    timestamp_at: Instant,
    /// How far `sequence` has come since the shift was made: older packets belong to the time before it.
    since: u16,
}

/// A source that has been quiet for so long is spoken for with silence.
const QUIET: Duration = Duration::from_millis(200);
/// Jumps of the sequence up to this are loss, as [`Reception`](super::reception::Reception) counts them.
const MAX_DROPOUT: u16 = 3000;
/// A source's time stamp may run ahead of its arrival, or back, by so many seconds before it counts as a new time line.
const MAX_JUMP: u32 = 1;

impl Relay {
    /// The next packet begins a new talk spurt: somebody else was heard meanwhile.
    pub fn interrupt(&mut self) {
        self.shift = None;
    }

    /// Whether the source has nothing to say at present.
    pub fn is_quiet(&self, now: Instant) -> bool {
        self.noise.is_some() || self.shift.as_ref().is_none_or(|shift| now.since(shift.at) > QUIET)
    }

    /// When the newest packet was passed on: what had been said by then has been heard.
    pub fn heard_until(&self) -> Option<Instant> {
        self.shift.as_ref().map(|shift| shift.at)
    }

    /// The header under which a packet with `ticks` of time and `octets` of payload goes on; `None` for one
    /// that is older than the bridge. A telephone event has no time of its own: its time stamp is that of its beginning,
    /// and audio may be sent beside it.
    pub fn pass(
        &mut self,
        now: Instant,
        heard: &Header,
        payload_type: u8,
        ticks: u32,
        octets: usize,
        out: &mut Outgoing,
    ) -> Option<Header> {
        // Both streams have the same clock: only equal codecs, or the two laws of G.711, are passed on.
        let clock = Some(out.clock_rate());
        let (shift, begins) = match &mut self.shift {
            Some(shift) if shift.continues(now, heard, clock.filter(|_| ticks > 0)) => (shift, false),
            other => {
                let sequence_by = out.sequence().wrapping_sub(heard.sequence);
                let timestamp_by = out.timestamp(now).wrapping_sub(heard.timestamp);
                (other.insert(Shift::new(now, heard, sequence_by, timestamp_by)), true)
            }
        };
        let newest = shift.note(now, heard, ticks > 0)?;
        let sequence = heard.sequence.wrapping_add(shift.sequence_by);
        let timestamp = heard.timestamp.wrapping_add(shift.timestamp_by);
        out.passed_on(sequence, timestamp, ticks, octets, newest);
        Some(Header { marker: begins || heard.marker, payload_type, sequence, timestamp, ssrc: out.ssrc })
    }

    /// A packet that the listener cannot take is left out without leaving a gap that would look like loss.
    pub fn leave_out(&mut self, now: Instant, heard: &Header) {
        if let Some(shift) = &mut self.shift
            && shift.continues(now, heard, None)
            && shift.note(now, heard, false) == Some(true)
        {
            shift.sequence_by = shift.sequence_by.wrapping_sub(1);
            shift.since = 0;
        }
    }
}

impl Shift {
    fn new(now: Instant, heard: &Header, sequence_by: u16, timestamp_by: u32) -> Self {
        Shift {
            ssrc: heard.ssrc,
            sequence_by,
            timestamp_by,
            // The packet itself is noted next, as the one after this.
            sequence: heard.sequence.wrapping_sub(1),
            at: now,
            timestamp: heard.timestamp,
            timestamp_at: now,
            since: 0,
        }
    }

    /// Whether a packet lies on the time line that the shift was made for. `clock`: the rate of its time stamp, where
    /// that tells the time.
    fn continues(&self, now: Instant, heard: &Header, clock: Option<u32>) -> bool {
        let steps = heard.sequence.wrapping_sub(self.sequence) as i16;
        if heard.ssrc != self.ssrc || steps.unsigned_abs() >= MAX_DROPOUT {
            return false;
        }
        let Some(clock) = clock else { return true };
        let elapsed = now.since(self.timestamp_at).as_micros() as u64 * u64::from(clock) / 1_000_000;
        let advance = heard.timestamp.wrapping_sub(self.timestamp) as i32;
        let ahead = advance.wrapping_sub(elapsed as i32);
        if steps > 0 {
            advance >= 0 && ahead.unsigned_abs() < MAX_JUMP * clock
        } else {
            advance.unsigned_abs() < MAX_JUMP * clock
        }
    }

    /// `Some(newest)`, or `None` for what is older than the shift.
    fn note(&mut self, now: Instant, heard: &Header, timed: bool) -> Option<bool> {
        let steps = heard.sequence.wrapping_sub(self.sequence) as i16;
        if steps <= 0 {
            return (steps.unsigned_abs() < self.since).then_some(false);
        }
        self.since = self.since.saturating_add(steps.unsigned_abs());
        self.sequence = heard.sequence;
        self.at = now;
        if timed {
            self.timestamp = heard.timestamp;
            self.timestamp_at = now;
        }
        Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::outgoing::Speaker;
    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    fn heard(ssrc: u32, sequence: u16, timestamp: u32) -> Header {
        Header { marker: false, payload_type: 0, sequence, timestamp, ssrc }
    }

    /// Sequence, time stamp, marker.
    type Passed = Option<(u16, u32, bool)>;

    struct Fixture {
        relay: Relay,
        out: Outgoing,
    }

    impl Fixture {
        fn new() -> Self {
            Fixture { relay: Relay::default(), out: Outgoing::new(ms(0), 9, 100, 0) }
        }

        fn pass(&mut self, at: u64, heard: Header) -> Passed {
            let passed = self.relay.pass(ms(at), &heard, 8, 160, 160, &mut self.out)?;
            assert_eq!((passed.ssrc, passed.payload_type), (9, 8));
            Some((passed.sequence, passed.timestamp, passed.marker))
        }
    }

    #[test]
    fn order_loss_and_timing_are_kept_over_the_wraps() {
        let mut f = Fixture::new();
        assert_eq!(f.pass(0, heard(1, 65534, u32::MAX - 159)), Some((100, 0, true)));
        assert_eq!(f.pass(20, heard(1, 65535, 0)), Some((101, 160, false)));
        assert_eq!(f.pass(60, heard(1, 1, 320)), Some((103, 480, false)), "one is missing");
        assert_eq!(f.pass(61, heard(1, 0, 160)), Some((102, 320, false)), "and comes late");
        assert_eq!(f.pass(80, heard(1, 2, 480)), Some((104, 640, false)));
    }

    #[test]
    fn a_packet_from_before_the_bridge_is_not_passed() {
        let mut f = Fixture::new();
        assert_eq!(f.pass(0, heard(1, 10, 1600)), Some((100, 0, true)));
        assert_eq!(f.pass(1, heard(1, 9, 1440)), None);
    }

    #[test]
    fn player_to_bridge_to_player_to_bridge() {
        let mut f = Fixture::new();
        assert_eq!(f.out.frame(ms(0), 8, Speaker::Player, 160).sequence, 100);
        assert_eq!(f.pass(5, heard(1, 10, 5000)), Some((101, 160, true)), "after the frame being played");
        assert_eq!(f.pass(25, heard(1, 11, 5160)), Some((102, 320, false)));
        f.relay.interrupt();
        let frame = f.out.frame(ms(40), 8, Speaker::Player, 160);
        assert_eq!((frame.sequence, frame.timestamp, frame.marker), (103, 480, true));
        assert_eq!(f.pass(80, heard(1, 13, 5480)), Some((104, 640, true)));
    }

    #[test]
    fn another_source_and_jumps_of_its_clock_or_sequence_go_on_without_a_break() {
        let mut f = Fixture::new();
        assert_eq!(f.pass(0, heard(1, 10, 0)), Some((100, 0, true)));
        assert_eq!(f.pass(20, heard(2, 7000, 123_456)), Some((101, 160, true)), "another SSRC");
        assert_eq!(f.pass(40, heard(2, 7001, 9_123_616)), Some((102, 320, true)), "time stamp jumps ahead");
        assert_eq!(f.pass(60, heard(2, 7002, 5)), Some((103, 480, true)), "and back");
        assert_eq!(f.pass(80, heard(2, 30000, 165)), Some((104, 640, true)), "the sequence jumps");
        assert_eq!(f.pass(100, heard(2, 30001, 325)), Some((105, 800, false)));
    }

    #[test]
    fn silence_of_the_source_keeps_its_time_line() {
        let mut f = Fixture::new();
        assert_eq!(f.pass(0, heard(1, 10, 0)), Some((100, 0, true)));
        assert!(!f.relay.is_quiet(ms(200)) && f.relay.is_quiet(ms(201)));
        // Ten seconds without packets, as with voice activity detection: time stamp and clock agree.
        assert_eq!(f.pass(10_000, heard(1, 11, 80_000)), Some((101, 80_000, false)));
    }

    #[test]
    fn what_is_left_out_leaves_no_gap() {
        let mut f = Fixture::new();
        assert_eq!(f.pass(0, heard(1, 10, 0)), Some((100, 0, true)));
        f.relay.leave_out(ms(20), &heard(1, 11, 160));
        f.relay.leave_out(ms(40), &heard(1, 12, 160));
        assert_eq!(f.pass(60, heard(1, 13, 480)), Some((101, 480, false)));
    }

    #[test]
    fn keys_held_beside_the_voice_keep_their_one_time_stamp() {
        let mut f = Fixture::new();
        assert_eq!(f.pass(0, heard(1, 10, 0)), Some((100, 0, true)));
        for n in 1..200u16 {
            let at = u64::from(n) * 20;
            let key = f.relay.pass(ms(at), &heard(1, 9 + 2 * n, 160), 101, 0, 4, &mut f.out);
            let key = key.map(|h| (h.sequence, h.timestamp, h.marker));
            assert_eq!(key, Some((99 + 2 * n, 160, false)), "4 s after its beginning, too");
            let voice = f.pass(at, heard(1, 10 + 2 * n, u32::from(n) * 160));
            assert_eq!(voice, Some((100 + 2 * n, u32::from(n) * 160, false)));
        }
    }
}
