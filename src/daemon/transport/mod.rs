//! SIP's bytes to and from the network: datagram sockets that the driver drains itself, and streams on a thread of
//! their own. Nothing here reads a message; [`StreamFramer`](crate::sip::wire::StreamFramer) only cuts.
//!
//! ```text
//!   UDP ------------------------------------+
//!   TCP -> listen -----------+-> stream ----+--> Arrival --> driver
//!   TLS -> listen -> secure -+              |
//!   WS  -> listen -----------+-> websocket -+
//!   WSS -> listen -> secure -+
//! ```
//!
//! Every limit is on the whole of a thing, not on a pause in it: who sends an octet now and then gains no time.

pub mod access;
mod connect;
pub(in crate::daemon) mod listen;
mod stream;
mod streams;
mod thread;
pub mod tls;
mod udp;
pub mod websocket;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::sip::{Flow, Limits, Transmit, Transport};

use super::counters::Counters;
use super::failure::Failure;
use access::AccessLists;
use streams::Streams;
use tls::Tls;
use udp::Datagrams;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub udp: Vec<SocketAddr>,
    pub tcp: Vec<SocketAddr>,
    pub tls: Vec<SocketAddr>,
    pub ws: Vec<SocketAddr>,
    pub wss: Vec<SocketAddr>,
    /// A stream on which nothing came for this long is closed.
    pub tcp_idle: Duration,
    /// More streams than this are turned away.
    pub tcp_streams: usize,
    /// More than these from one source are turned away.
    pub tcp_streams_per_source: usize,
    pub certificates: tls::Config,
    pub websocket: websocket::Config,
    pub access: AccessLists,
}

impl Default for Config {
    fn default() -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 5060));
        Config {
            udp: vec![loopback],
            tcp: vec![loopback],
            tls: Vec::new(),
            ws: Vec::new(),
            wss: Vec::new(),
            // A phone that registers keeps its stream warm at least every two minutes (RFC 5626 §4.4.1), but
            // older ones only come back to register, hourly by default.
            tcp_idle: Duration::from_secs(3900),
            tcp_streams: 1000,
            tcp_streams_per_source: 50,
            certificates: tls::Config::default(),
            websocket: websocket::Config::default(),
            access: AccessLists::default(),
        }
    }
}

impl Config {
    /// All that is listened on.
    pub fn addresses(&self) -> impl Iterator<Item = (Transport, SocketAddr)> {
        let lists = [
            (Transport::Udp, &self.udp),
            (Transport::Tcp, &self.tcp),
            (Transport::Tls, &self.tls),
            (Transport::Ws, &self.ws),
            (Transport::Wss, &self.wss),
        ];
        lists.into_iter().flat_map(|(transport, list)| list.iter().map(move |address| (transport, *address)))
    }
}

/// All sockets of the control plane. Lives on the driver's thread, inside its runtime.
pub struct Transports {
    datagrams: Datagrams,
    streams: Streams,
}

impl Transports {
    /// Binds everything or nothing.
    pub fn bind(
        config: &Config,
        tls: Tls,
        limits: Limits,
        counters: &Arc<Counters>,
    ) -> Result<Self, Failure> {
        let datagrams = Datagrams::bind(&config.udp, config.access.clone(), limits.message, counters)?;
        let streams = Streams::bind(config, tls, limits, counters)?;
        Ok(Transports { datagrams, streams })
    }

    /// What is bound, with the ports that the system chose where 0 was asked for.
    pub fn addresses(&self) -> Vec<(Transport, SocketAddr)> {
        let udp = self.datagrams.addresses().map(|address| (Transport::Udp, address));
        udp.chain(self.streams.addresses()).collect()
    }

    /// What a reload changes: certificates and address lists. What is listened on stays.
    pub fn reload(&mut self, config: &Config, tls: Tls) {
        self.datagrams.reload(config.access.clone());
        self.streams.reload(tls, config.access.clone());
    }

    /// Sends, or starts to. The flow comes back where it is already known to be lost; a stream that breaks
    /// later is reported by [`Transports::receive`].
    pub fn send(&mut self, transmit: Transmit) -> Option<Flow> {
        match transmit.flow.transport {
            Transport::Udp => self.datagrams.send(transmit),
            _ => self.streams.send(transmit),
        }
    }

    /// Waits until there is something to receive. Nothing is lost when the wait is given up.
    pub async fn ready(&mut self) {
        tokio::select! {
            () = self.datagrams.ready() => {}
            () = self.streams.ready() => {}
        }
    }

    /// Hands over at most about `budget` arrivals, streams and sockets in turn; more may be waiting.
    pub fn receive(&mut self, budget: usize, mut take: impl FnMut(Arrival<'_>)) -> usize {
        let share = budget.div_ceil(2);
        let first = self.streams.receive(share, &mut take);
        first + self.datagrams.receive(budget.saturating_sub(first).max(1), &mut take)
    }

    pub fn open_streams(&self) -> usize {
        self.streams.open()
    }
}

/// What is bound as most peers see it: where that is all addresses, the one that the world is reached from.
pub fn as_seen(addresses: &[(Transport, SocketAddr)]) -> Vec<(Transport, SocketAddr)> {
    addresses.iter().map(|(transport, address)| (*transport, seen(*address))).collect()
}

fn seen(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    // Towards the rest of the world (an address of RFC 5737 or RFC 3849 stands for it); nothing is sent.
    let outside = if address.is_ipv4() { SocketAddr::from(([192, 0, 2, 1], 9)) } else { OUTSIDE_V6 };
    let loopback = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    SocketAddr::new(udp::route(outside).unwrap_or(loopback), address.port())
}

const OUTSIDE_V6: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 9);

/// What the network brought.
#[derive(Debug)]
pub enum Arrival<'a> {
    /// Exactly one message, or what claims to be one.
    Message { flow: Flow, bytes: &'a [u8] },
    /// The stream is gone, or could not be opened.
    Closed(Flow),
}

/// The sentence for a socket that could not be bound.
fn listen_failure(transport: Transport, address: SocketAddr, error: std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        return Failure::PortInUse { transport, address };
    }
    Failure::Listen { transport, address, error }
}

#[cfg(test)]
mod tests;
