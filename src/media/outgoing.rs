//! The stream that we send to a peer: one SSRC for the life of the leg, and a sequence and time line without
//! breaks, whoever is heard on it.

use crate::base::Instant;

use super::{FRAME_MS, Header, SAMPLE_RATE};

/// Who is heard. A change of speaker sets the marker bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    Nobody,
    Player,
    /// Keys as tones.
    Keys,
    Peer,
}

#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub ssrc: u32,
    /// Of the next packet.
    sequence: u16,
    /// Units a second of the time stamps.
    clock_rate: u32,
    /// Time stamp at `opened`.
    base: u32,
    opened: Instant,
    /// Time stamp after the last sample sent.
    end: u32,
    speaker: Option<Speaker>,
    pub packets: u64,
    /// Of payload.
    pub octets: u64,
}

impl Outgoing {
    pub fn new(now: Instant, ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Outgoing {
            ssrc,
            sequence,
            clock_rate: SAMPLE_RATE,
            base: timestamp,
            opened: now,
            end: timestamp,
            speaker: None,
            packets: 0,
            octets: 0,
        }
    }

    /// The time line goes on with another clock: another codec was agreed.
    pub fn set_clock_rate(&mut self, now: Instant, clock_rate: u32) {
        if clock_rate != self.clock_rate {
            (self.base, self.opened) = (self.timestamp(now), now);
            self.end = self.base;
            self.clock_rate = clock_rate;
        }
    }

    /// Units a second of the time stamps.
    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// The time stamp of what is said now: the clock's, but never before the end of what was said.
    pub fn timestamp(&self, now: Instant) -> u32 {
        let clock = self.clock(now);
        if (clock.wrapping_sub(self.end) as i32) < 0 { self.end } else { clock }
    }

    /// The stream's clock, whatever was sent.
    pub fn clock(&self, now: Instant) -> u32 {
        let ticks = now.since(self.opened).as_micros() as u64 * u64::from(self.clock_rate) / 1_000_000;
        self.base.wrapping_add(ticks as u32)
    }

    /// Header of the next frame of our own, with so many octets of payload.
    pub fn frame(&mut self, now: Instant, payload_type: u8, speaker: Speaker, octets: usize) -> Header {
        self.packet(now, payload_type, speaker, octets, FRAME_MS)
    }

    /// The same for a packet of so many milliseconds.
    pub fn packet(
        &mut self,
        now: Instant,
        payload_type: u8,
        speaker: Speaker,
        octets: usize,
        ms: u64,
    ) -> Header {
        let timestamp = self.timestamp(now);
        // Filling silence is no talk spurt (RFC 3551 §4.1).
        let marker = self.speaker != Some(speaker) && speaker != Speaker::Nobody;
        self.speaker = Some(speaker);
        self.end = timestamp.wrapping_add(self.clock_rate / 1000 * ms as u32);
        self.count(octets);
        Header { marker, payload_type, sequence: self.next_sequence(), timestamp, ssrc: self.ssrc }
    }

    /// Header of a telephone event that began at `timestamp` and has lasted `duration` units of the clock.
    pub fn event(&mut self, payload_type: u8, timestamp: u32, duration: u16, begins: bool) -> Header {
        self.speaker = None;
        self.end = timestamp.wrapping_add(u32::from(duration));
        self.count(4);
        Header { marker: begins, payload_type, sequence: self.next_sequence(), timestamp, ssrc: self.ssrc }
    }

    /// Number that the next packet of ours would have.
    pub fn sequence(&self) -> u16 {
        self.sequence
    }

    /// A packet of a peer was passed on with this sequence number and time stamp, as the newest so far or late.
    pub fn passed_on(&mut self, sequence: u16, timestamp: u32, ticks: u32, octets: usize, newest: bool) {
        if newest {
            self.sequence = sequence.wrapping_add(1);
            let end = timestamp.wrapping_add(ticks);
            if (end.wrapping_sub(self.end) as i32) > 0 {
                self.end = end;
            }
        }
        self.speaker = Some(Speaker::Peer);
        self.count(octets);
    }

    fn next_sequence(&mut self) -> u16 {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        sequence
    }

    fn count(&mut self, octets: usize) {
        self.packets += 1;
        self.octets += octets as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    #[test]
    fn frames_follow_the_clock_over_every_wrap() {
        let mut out = Outgoing::new(ms(0), 9, 65535, u32::MAX - 159);
        let frame = |out: &mut Outgoing, at, who| {
            (out.frame(ms(at), 8, who, 160).sequence, out.frame_end(), out.speaker)
        };
        assert_eq!(frame(&mut out, 0, Speaker::Player), (65535, 0, Some(Speaker::Player)));
        assert_eq!(frame(&mut out, 20, Speaker::Player), (0, 160, Some(Speaker::Player)));
        assert_eq!(frame(&mut out, 100, Speaker::Player), (1, 800, Some(Speaker::Player)));
    }

    #[test]
    fn the_marker_is_at_the_change_of_speaker() {
        let mut out = Outgoing::new(ms(0), 9, 0, 0);
        let speakers = [Speaker::Nobody, Speaker::Player, Speaker::Player, Speaker::Nobody, Speaker::Player];
        let markers = speakers.map(|who| out.frame(ms(0), 8, who, 160).marker);
        assert_eq!(markers, [false, true, false, false, true]);
    }

    #[test]
    fn time_never_goes_back() {
        let mut out = Outgoing::new(ms(0), 9, 0, 0);
        out.frame(ms(20), 8, Speaker::Player, 160);
        assert_eq!(out.timestamp(ms(25)), 320, "5 ms into the frame");
        out.passed_on(40, 320, 160, 160, true);
        assert_eq!(out.frame(ms(40), 8, Speaker::Player, 160).timestamp, 480);
        assert_eq!(out.sequence(), 42);
    }

    #[test]
    fn another_clock_goes_on_where_the_one_before_was() {
        let mut out = Outgoing::new(ms(0), 9, 0, 1000);
        assert_eq!(out.frame(ms(20), 8, Speaker::Player, 160).timestamp, 1160);
        out.set_clock_rate(ms(40), 48_000);
        assert_eq!(out.frame(ms(40), 111, Speaker::Player, 50).timestamp, 1320);
        assert_eq!(out.frame(ms(60), 111, Speaker::Player, 50).timestamp, 1320 + 960);
        assert_eq!(out.octets, 260);
    }

    impl Outgoing {
        fn frame_end(&self) -> u32 {
            self.end
        }
    }
}
