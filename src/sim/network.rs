//! The network between the phones and the hotline: it delays, jumbles, doubles and loses datagrams.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::chance::Chance;
use crate::base::{Instant, Rng};
use crate::sip::{Flow, Transport};

/// Where the hotline stands.
pub const HOTLINE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5060);

/// So many bits of the address are a caller's number.
const CALLER_BITS: u32 = 22;

/// The callers' side of the world: what a trunk's `networks` must name.
pub const CALLERS: (IpAddr, u8) = (IpAddr::V4(Ipv4Addr::new(10, 64, 0, 0)), 32 - CALLER_BITS as u8);

/// Where the hotline's own calls to the outside go: the last of the callers' addresses is none's.
pub const GATEWAY: Phone = Phone::Caller((1 << CALLER_BITS) - 1);

/// A phone: every one has an address of its own, by which it is known everywhere in the world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Phone {
    /// A caller's, behind the trunk; by number of the caller.
    Caller(u32),
    /// On a desk; by number of the desk.
    Desk(u16),
}

impl Phone {
    pub fn ip(self) -> IpAddr {
        let base = |net: Ipv4Addr, host: u32| IpAddr::V4(Ipv4Addr::from_bits(net.to_bits() | host));
        match self {
            Phone::Caller(number) => base(Ipv4Addr::new(10, 64, 0, 0), number & ((1 << CALLER_BITS) - 1)),
            Phone::Desk(number) => base(Ipv4Addr::new(10, 1, 0, 0), u32::from(number)),
        }
    }

    pub fn address(self) -> SocketAddr {
        SocketAddr::new(self.ip(), 5060)
    }

    /// Whose address it is.
    pub fn at(ip: IpAddr) -> Option<Phone> {
        let IpAddr::V4(ip) = ip else { return None };
        match ip.octets() {
            [10, 64..=127, ..] => Some(Phone::Caller(ip.to_bits() & ((1 << CALLER_BITS) - 1))),
            [10, 1, high, low] => Some(Phone::Desk(u16::from_be_bytes([high, low]))),
            _ => None,
        }
    }
}

/// The same flow as the other end sees it.
pub(super) fn turned(flow: Flow) -> Flow {
    Flow { local: flow.remote, remote: flow.local, ..flow }
}

/// What the network does to datagrams, and how fast the disk is. Streams are delayed only, and keep their order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// One way, at least.
    pub latency: Duration,
    /// Up to this much more, evenly spread: packets closer together than this may overtake one another.
    pub jitter: Duration,
    /// Of a thousand datagrams, so many are lost …
    pub lost_per_mille: u64,
    /// … so many come twice …
    pub doubled_per_mille: u64,
    /// … and so many are held up by ten times the latency.
    pub late_per_mille: u64,
    /// Milliseconds until something is safe on disk: at least, at most.
    pub disk_ms: (u64, u64),
}

impl Conditions {
    /// A wire: every packet takes 10 ms, every write 20.
    pub const QUIET: Conditions = Conditions {
        latency: Duration::from_millis(10),
        jitter: Duration::ZERO,
        lost_per_mille: 0,
        doubled_per_mille: 0,
        late_per_mille: 0,
        disk_ms: (20, 20),
    };

    /// A provider's network on an ordinary day: 1 % lost.
    pub const ORDINARY: Conditions = Conditions {
        latency: Duration::from_millis(8),
        jitter: Duration::from_millis(6),
        lost_per_mille: 10,
        doubled_per_mille: 2,
        late_per_mille: 5,
        disk_ms: (2, 40),
    };

    /// A network that nobody would sell: one datagram in five lost, one in twenty twice, every tenth held up
    /// behind those that were sent after it.
    pub const HARSH: Conditions = Conditions {
        latency: Duration::from_millis(30),
        jitter: Duration::from_millis(60),
        lost_per_mille: 200,
        doubled_per_mille: 50,
        late_per_mille: 100,
        disk_ms: (2, 40),
    };
}

/// A wall through the network: the phones behind it, about half of all, are drawn by `salt`.
#[derive(Clone, Copy, Debug)]
struct Cut {
    until: Instant,
    salt: u64,
}

impl Cut {
    fn is_behind(&self, phone: IpAddr) -> bool {
        let number = match phone {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => ip.to_bits() as u64,
        };
        // The golden ratio's bits spread neighbouring addresses over both sides.
        (number ^ self.salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 1
    }
}

#[derive(Debug)]
pub(super) struct Network {
    conditions: Conditions,
    rng: Rng,
    /// While a burst lasts, half of everything is lost.
    burst_until: Instant,
    /// While it lasts, one in five is lost.
    heavy_loss_until: Instant,
    /// While it lasts, everything comes twice.
    doubling_until: Instant,
    /// While it lasts, everything comes in any order.
    reordering_until: Instant,
    cut: Option<Cut>,
    /// When the last message of a phone's streams arrives, in either direction: none overtakes another.
    stream_arrivals: BTreeMap<IpAddr, Instant>,
}

/// The most that a datagram is held up while they come in any order.
const DISORDER: Duration = Duration::from_millis(500);

impl Network {
    pub(super) fn new(conditions: Conditions, rng: Rng) -> Self {
        Network {
            conditions,
            rng,
            burst_until: Instant::ZERO,
            heavy_loss_until: Instant::ZERO,
            doubling_until: Instant::ZERO,
            reordering_until: Instant::ZERO,
            cut: None,
            stream_arrivals: BTreeMap::new(),
        }
    }

    /// How long a write takes.
    pub(super) fn disk_delay(&mut self) -> Duration {
        let (least, most) = self.conditions.disk_ms;
        self.rng.between_ms(least, most)
    }

    pub(super) fn lose_half_until(&mut self, until: Instant) {
        self.burst_until = until;
    }

    pub(super) fn lose_a_fifth_until(&mut self, until: Instant) {
        self.heavy_loss_until = until;
    }

    pub(super) fn double_until(&mut self, until: Instant) {
        self.doubling_until = until;
    }

    pub(super) fn reorder_until(&mut self, until: Instant) {
        self.reordering_until = until;
    }

    /// Half of the phones are out of reach.
    pub(super) fn cut_until(&mut self, until: Instant) {
        self.cut = Some(Cut { until, salt: self.rng.next_u64() });
    }

    /// Whether the phone was out of reach at this time or later. Only the last cut is remembered.
    pub(super) fn was_cut_off(&self, phone: IpAddr, since: Instant) -> bool {
        self.cut.is_some_and(|cut| cut.until > since && cut.is_behind(phone))
    }

    /// From now on nothing is lost.
    pub(super) fn calm(&mut self, now: Instant) {
        self.conditions.lost_per_mille = 0;
        self.burst_until = Instant::ZERO;
        self.heavy_loss_until = Instant::ZERO;
        self.doubling_until = Instant::ZERO;
        self.reordering_until = Instant::ZERO;
        self.cut = self.cut.map(|cut| Cut { until: cut.until.min(now), ..cut });
    }

    /// When a message sent now, from or to this phone, arrives: never, once or twice.
    pub(super) fn carry(
        &mut self,
        now: Instant,
        transport: Transport,
        phone: IpAddr,
    ) -> [Option<Instant>; 2] {
        let healed = self.cut.filter(|cut| now < cut.until && cut.is_behind(phone)).map(|cut| cut.until);
        if transport.is_reliable() {
            // What was sent into the cut comes when it is over.
            let arrives = healed.unwrap_or(now) + self.delay(now);
            let last = self.stream_arrivals.entry(phone).or_default();
            *last = arrives.max(*last);
            return [Some(*last), None];
        }
        let lost = match () {
            () if now < self.burst_until => 500,
            () if now < self.heavy_loss_until => self.conditions.lost_per_mille.max(200),
            () => self.conditions.lost_per_mille,
        };
        let doubled = if now < self.doubling_until { 1000 } else { self.conditions.doubled_per_mille };
        let first = (!self.happens(lost)).then(|| now + self.delay(now));
        let second = self.happens(doubled).then(|| now + self.delay(now));
        if healed.is_some() { [None, None] } else { [first, second] }
    }

    fn delay(&mut self, now: Instant) -> Duration {
        let disorder = if now < self.reordering_until { DISORDER } else { Duration::ZERO };
        let jitter = (self.conditions.jitter + disorder).as_micros() as u64;
        let jitter = Duration::from_micros(self.rng.below(jitter + 1));
        let held = if self.happens(self.conditions.late_per_mille) { 10 } else { 1 };
        self.conditions.latency * held + jitter
    }

    fn happens(&mut self, per_mille: u64) -> bool {
        per_mille > 0 && self.rng.below(1000) < per_mille
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phone_has_its_own_address() {
        for phone in [
            Phone::Caller(0),
            Phone::Caller(5000),
            Phone::Caller(4_000_000),
            Phone::Desk(0),
            Phone::Desk(999),
        ] {
            assert_eq!(Phone::at(phone.ip()), Some(phone));
        }
        assert_eq!(Phone::at(HOTLINE.ip()), None);
        assert_ne!(Phone::Caller(1).ip(), Phone::Desk(1).ip());
    }

    #[test]
    fn a_quiet_wire_delivers_once_and_an_ordinary_one_loses_and_doubles() {
        let mut wire = Network::new(Conditions::QUIET, Rng::from_number(1));
        let at = Instant::from_micros(5_000_000);
        let phone = Phone::Desk(1).ip();
        assert_eq!(wire.carry(at, Transport::Udp, phone), [Some(at + Duration::from_millis(10)), None]);

        let mut network = Network::new(Conditions::ORDINARY, Rng::from_number(1));
        let mut arrived = [0; 3];
        for _ in 0..20_000 {
            arrived[network.carry(at, Transport::Udp, phone).iter().flatten().count()] += 1;
        }
        let [lost, once, twice] = arrived;
        assert!(
            (100..300).contains(&lost) && (20..80).contains(&twice),
            "{lost} lost, {once} once, {twice} twice"
        );
        assert!(
            (0..1000).all(|_| network.carry(at, Transport::Tcp, phone)[0].is_some()),
            "a stream loses nothing"
        );
    }

    #[test]
    fn behind_a_cut_datagrams_are_lost_and_streams_wait() {
        let mut network = Network::new(Conditions::QUIET, Rng::from_number(1));
        let at = Instant::from_micros(5_000_000);
        let healed = at + Duration::from_secs(30);
        network.cut_until(healed);
        let arrival = |network: &mut Network, at, transport, number| {
            network.carry(at, transport, Phone::Caller(number).ip())[0]
        };
        let (cut, free): (Vec<u32>, Vec<u32>) =
            (0..1000).partition(|&number| arrival(&mut network, at, Transport::Udp, number).is_none());
        assert!((400..600).contains(&cut.len()), "{} of 1000", cut.len());
        let (cut, free) = (cut[0], free[0]);
        let soon = Duration::from_millis(10);
        assert_eq!(arrival(&mut network, at, Transport::Tcp, cut), Some(healed + soon));
        assert_eq!(arrival(&mut network, at, Transport::Tcp, free), Some(at + soon));
        assert_eq!(arrival(&mut network, healed, Transport::Udp, cut), Some(healed + soon));
        assert!(network.was_cut_off(Phone::Caller(cut).ip(), at));
        assert!(!network.was_cut_off(Phone::Caller(free).ip(), at));
        assert!(!network.was_cut_off(Phone::Caller(cut).ip(), healed));
    }

    #[test]
    fn in_disorder_a_later_datagram_comes_first() {
        let mut network = Network::new(Conditions::QUIET, Rng::from_number(1));
        let at = Instant::from_micros(5_000_000);
        network.reorder_until(at + Duration::from_secs(1));
        let phone = Phone::Caller(1).ip();
        let arrivals: Vec<_> = (0..100)
            .filter_map(|ms| network.carry(at + Duration::from_millis(ms), Transport::Udp, phone)[0])
            .collect();
        assert!(arrivals.len() == 100 && !arrivals.is_sorted());
    }
}
