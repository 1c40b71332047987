//! The timers of RFC 3261 (table 4) and RFC 6026, and how long they run.

use std::time::Duration;

/// Every timer of the four machines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// INVITE client, UDP: sends the INVITE again; doubles from T1.
    A,
    /// INVITE client: nobody answered, or not even after CANCEL; 64 × T1.
    B,
    /// INVITE client: how long repeated refusals are acknowledged; 32 s, 0 over TCP.
    D,
    /// Other client, UDP: sends the request again; doubles from T1 up to T2.
    E,
    /// Other client: nobody answered; 64 × T1.
    F,
    /// INVITE server, UDP: sends the refusal again; doubles from T1 up to T2.
    G,
    /// INVITE server: the refusal was never acknowledged; 64 × T1.
    H,
    /// INVITE server: how long repeated ACKs are absorbed; T4, 0 over TCP.
    I,
    /// Other server: how long the response is repeated for a repeated request; 64 × T1, 0 over TCP.
    J,
    /// Other client: how long repeated responses are absorbed; T4, 0 over TCP.
    K,
    /// INVITE server after a 2xx (RFC 6026): how long repeated INVITEs are absorbed; 64 × T1.
    L,
    /// INVITE client after a 2xx (RFC 6026): how long further 2xx are expected; 64 × T1.
    M,
}

impl Timer {
    /// As a log prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Timer::A => "timer A",
            Timer::B => "timer B",
            Timer::D => "timer D",
            Timer::E => "timer E",
            Timer::F => "timer F",
            Timer::G => "timer G",
            Timer::H => "timer H",
            Timer::I => "timer I",
            Timer::J => "timer J",
            Timer::K => "timer K",
            Timer::L => "timer L",
            Timer::M => "timer M",
        }
    }
}

/// What the machines' timers are computed from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// The estimated round trip.
    pub t1: Duration,
    /// The longest retransmission interval.
    pub t2: Duration,
    /// How long a message stays in the network.
    pub t4: Duration,
    /// A transport that loses nothing: no retransmissions, no waiting for them.
    pub reliable: bool,
}

impl Timing {
    /// Timer D over an unreliable transport is at least this (RFC 3261 §17.1.1.2).
    const TIMER_D: Duration = Duration::from_secs(32);

    /// 64 × T1: when a transaction gives up on its peer.
    pub fn give_up(&self) -> Duration {
        self.t1 * 64
    }

    /// Twice `interval`, at most T2.
    pub fn back_off(&self, interval: Duration) -> Duration {
        (interval * 2).min(self.t2)
    }

    pub(super) fn timer_d(&self) -> Duration {
        self.unless_reliable(Self::TIMER_D)
    }

    /// `wait`, or no time at all where nothing can be repeated.
    pub(super) fn unless_reliable(&self, wait: Duration) -> Duration {
        if self.reliable { Duration::ZERO } else { wait }
    }
}

#[cfg(test)]
pub(super) const UDP: Timing = Timing {
    t1: Duration::from_millis(500),
    t2: Duration::from_secs(4),
    t4: Duration::from_secs(5),
    reliable: false,
};

#[cfg(test)]
pub(super) const TCP: Timing = Timing { reliable: true, ..UDP };
