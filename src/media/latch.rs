//! Where a peer really is: symmetric RTP (RFC 4961) learnt without letting a stranger in.
//!
//! A phone behind a NAT signals an address that nobody can reach; its packets come from another. Whoever sends
//! to our port could claim to be that phone and be sent the conversation ("RTP bleed"). Therefore:
//!
//! ```text
//!               Connect                   packets of one stranger in a row,
//!   (unknown) ----------> Signalled ----- within the learning time, and none -----> Learnt
//!                          ^   ^  |       of the signalled address                     |
//!                          |   |  +-- learning time over, or a packet of the           |
//!                          |   |      signalled address: strangers are never heard     |
//!                          |   +------------- a packet of the signalled address -------+
//!                          +--- Connect with another address (with the same: stay, learn again)
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::Instant;

use super::Header;

#[derive(Clone, Debug)]
pub(super) struct Latch {
    signalled: SocketAddr,
    learnt: Option<SocketAddr>,
    /// Deadline "learning": after it no other address is taken for the peer's. `None` once that is settled.
    learning_until: Option<Instant>,
    candidate: Option<Candidate>,
    needed: u8,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    next_sequence: u16,
    packets: u8,
}

impl Latch {
    pub fn new(now: Instant, signalled: SocketAddr, learning: Duration, needed: u8) -> Self {
        let learning_until = Some(now + learning);
        Latch { signalled, learnt: None, learning_until, candidate: None, needed: needed.max(1) }
    }

    /// After a re-negotiation.
    pub fn renew(&mut self, now: Instant, signalled: SocketAddr, learning: Duration) {
        // 0.0.0.0 is the hold of RFC 2543 §B.5 and says nothing of where the peer is.
        if signalled.ip().is_unspecified() {
            return;
        }
        if signalled != self.signalled {
            self.signalled = signalled;
            self.learnt = None;
        }
        self.learning_until = Some(now + learning);
        self.candidate = None;
    }

    /// Where to send.
    pub fn remote(&self) -> SocketAddr {
        self.learnt.unwrap_or(self.signalled)
    }

    /// The peer's address once it has been heard from where it said that it is: until a re-negotiation, nobody else is.
    pub fn confirmed(&self) -> Option<SocketAddr> {
        (self.learning_until.is_none() && self.learnt.is_none()).then_some(self.signalled)
    }

    /// Whether a well-formed packet is the peer's.
    pub fn admit(&mut self, now: Instant, from: SocketAddr, header: &Header) -> bool {
        if from == self.signalled {
            self.learnt = None;
            self.settle();
            return true;
        }
        if self.learnt == Some(from) {
            self.settle();
            return true;
        }
        match self.learning_until {
            Some(until) if now < until => self.consider(from, header),
            _ => false,
        }
    }

    fn consider(&mut self, from: SocketAddr, header: &Header) -> bool {
        let packets = match self.candidate {
            Some(c) if c.from == from && c.ssrc == header.ssrc && c.next_sequence == header.sequence => {
                c.packets.saturating_add(1)
            }
            _ => 1,
        };
        let next_sequence = header.sequence.wrapping_add(1);
        self.candidate = Some(Candidate { from, ssrc: header.ssrc, next_sequence, packets });
        if packets < self.needed {
            return false;
        }
        self.learnt = Some(from);
        self.settle();
        true
    }

    fn settle(&mut self) {
        self.learning_until = None;
        self.candidate = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEARNING: Duration = Duration::from_secs(5);

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    struct Fixture {
        latch: Latch,
        peer: SocketAddr,
        nat: SocketAddr,
        stranger: SocketAddr,
    }

    impl Fixture {
        fn new() -> Self {
            let peer = at("192.168.1.20:4000");
            Fixture {
                latch: Latch::new(Instant::ZERO, peer, LEARNING, 4),
                peer,
                nat: at("198.51.100.7:61000"),
                stranger: at("203.0.113.66:9"),
            }
        }

        fn admit(&mut self, ms: u64, from: SocketAddr, ssrc: u32, sequence: u16) -> bool {
            let header = Header { marker: false, payload_type: 0, sequence, timestamp: 0, ssrc };
            self.latch.admit(Instant::from_micros(ms * 1000), from, &header)
        }

        fn admit_row(&mut self, ms: u64, from: SocketAddr, ssrc: u32, sequence: u16) -> [bool; 4] {
            [0, 1, 2, 3].map(|n: u16| self.admit(ms, from, ssrc, sequence.wrapping_add(n)))
        }
    }

    #[test]
    fn the_signalled_address_is_heard_at_once_and_ends_the_learning() {
        let mut f = Fixture::new();
        assert!(f.admit(0, f.peer, 1, 1));
        assert_eq!(f.admit_row(20, f.stranger, 2, 1), [false; 4]);
        assert_eq!(f.latch.remote(), f.peer);
    }

    #[test]
    fn a_phone_behind_a_nat_is_found() {
        let mut f = Fixture::new();
        assert_eq!(f.admit_row(100, f.nat, 1, 65534), [false, false, false, true]);
        assert_eq!(f.latch.remote(), f.nat);
        assert!(f.admit(200, f.nat, 1, 1));
        assert_eq!(f.admit_row(300, f.stranger, 1, 2), [false; 4], "and nobody else is");
    }

    #[test]
    fn a_row_is_of_one_source_and_without_gaps() {
        let mut f = Fixture::new();
        for (n, sequence) in [1, 2, 3, 5, 6, 7].into_iter().enumerate() {
            assert!(!f.admit(n as u64, f.nat, 1, sequence));
        }
        for n in 0..20 {
            assert!(!f.admit(50, f.nat, n, 8 + n as u16), "each of another SSRC");
            assert!(!f.admit(50, f.stranger, 1, 8 + n as u16));
        }
        assert_eq!(f.latch.remote(), f.peer);
    }

    #[test]
    fn after_the_learning_time_no_flood_helps() {
        let mut f = Fixture::new();
        for n in 0..1000u16 {
            assert!(!f.admit(5000 + u64::from(n), f.stranger, 1, n));
        }
        assert_eq!(f.latch.remote(), f.peer);
    }

    #[test]
    fn a_stranger_who_was_quicker_is_put_out_by_the_peer() {
        let mut f = Fixture::new();
        assert_eq!(f.admit_row(0, f.stranger, 2, 1), [false, false, false, true]);
        assert!(f.admit(100, f.peer, 1, 1));
        assert_eq!(f.latch.remote(), f.peer);
        assert_eq!(f.admit_row(120, f.stranger, 2, 5), [false; 4]);
    }

    #[test]
    fn a_renegotiation_opens_the_window_once_more() {
        let mut f = Fixture::new();
        f.admit_row(0, f.nat, 1, 1);
        f.latch.renew(Instant::from_micros(60_000_000), f.peer, LEARNING);
        assert_eq!(f.latch.remote(), f.nat, "the same address: the NAT is still there");
        let moved = at("198.51.100.7:61002");
        assert_eq!(f.admit_row(60_100, moved, 5, 1), [false, false, false, true]);
        assert_eq!(f.latch.remote(), moved);

        f.latch.renew(Instant::from_micros(90_000_000), at("10.0.0.1:7000"), LEARNING);
        assert_eq!(f.latch.remote(), at("10.0.0.1:7000"));
        assert!(!f.admit(90_001, f.peer, 1, 9), "the former address is a stranger's now");
        f.latch.renew(Instant::from_micros(95_000_000), at("0.0.0.0:7000"), LEARNING);
        assert_eq!(f.latch.remote(), at("10.0.0.1:7000"), "held as in RFC 2543");
    }
}
