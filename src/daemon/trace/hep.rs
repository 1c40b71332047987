//! HEP version 3: every message as it was, to a capture server (Homer), over UDP.
//!
//! The payload is whole and not masked, but for the keys of SRTP: that is what HEP is for. It goes to a server of the house, over a network of
//! the house, and only where one is set.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::base::Masked;
use crate::daemon::counters::Counters;
use crate::daemon::failure::Failure;
use crate::report::traced;
use crate::sip::without_keys;

use super::{Calls, Heard, Live, Seen};

/// Where to, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `None`: no export.
    pub server: Option<SocketAddr>,
    /// By which the server tells its capture agents apart.
    pub id: u32,
    /// Empty: none.
    pub password: Masked<String>,
}

/// Legs that are remembered for the correlation id.
const LEGS: usize = 10_000;
/// What fits into a datagram over IPv4.
const LONGEST: usize = 65_507;

/// The exporter's thread; it ends with the other end of `live`.
pub fn start(
    server: SocketAddr,
    config: &Config,
    live: Live,
    counters: Arc<Counters>,
) -> Result<JoinHandle<()>, Failure> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))
        .and_then(|socket| socket.connect(server).map(|()| socket))
        .map_err(Failure::io("the socket for hep.server cannot be opened"))?;
    let config = config.clone();
    let run = move || {
        let mut calls = Calls::new(LEGS);
        // An ICMP answer to one packet (the server is down) comes as the error of the next.
        for heard in live.heard {
            match heard {
                Heard::Leg(leg) => calls.learn(leg),
                Heard::Message(seen) => {
                    let packet = packet(&seen, &config, correlation(&seen, &calls).as_deref());
                    if packet.is_none_or(|packet| socket.send(&packet).is_err()) {
                        counters.hep_failed.add_one();
                    }
                }
            }
        }
    };
    Builder::new()
        .name("hep".to_owned())
        .spawn(run)
        .map_err(Failure::io("the thread of HEP could not be started"))
}

/// The call that the message belongs to, as `hotline calls` names it.
fn correlation(seen: &Seen, calls: &Calls) -> Option<String> {
    let message = traced::parse(seen.bytes.clone()).ok()?;
    let call_id = traced::Gist::of(&message).call_id;
    calls.call(&call_id.to_str()).map(|call| call.to_string())
}

/// One packet; `None` where the message is too long for one.
fn packet(seen: &Seen, config: &Config, correlation: Option<&str>) -> Option<Vec<u8>> {
    let (from, to) = match seen.sent {
        true => (seen.flow.local, seen.flow.remote),
        false => (seen.flow.remote, seen.flow.local),
    };
    let micros = u64::try_from(seen.at.as_micros()).unwrap_or(0);
    let seconds = u32::try_from(micros / 1_000_000).unwrap_or(u32::MAX);
    let rest = u32::try_from(micros % 1_000_000).unwrap_or(0);
    let mut out = Vec::with_capacity(160 + seen.bytes.len());
    out.extend_from_slice(b"HEP3\0\0");
    match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            chunk(&mut out, 1, &[2])?;
            chunk(&mut out, 3, &from.octets())?;
            chunk(&mut out, 4, &to.octets())?;
        }
        (from, to) => {
            chunk(&mut out, 1, &[10])?;
            chunk(&mut out, 5, &v6(from).octets())?;
            chunk(&mut out, 6, &v6(to).octets())?;
        }
    }
    // The protocol below SIP, by its number in IP.
    chunk(&mut out, 2, &[if seen.flow.transport.is_reliable() { 6 } else { 17 }])?;
    chunk(&mut out, 7, &from.port().to_be_bytes())?;
    chunk(&mut out, 8, &to.port().to_be_bytes())?;
    chunk(&mut out, 9, &seconds.to_be_bytes())?;
    chunk(&mut out, 10, &rest.to_be_bytes())?;
    chunk(&mut out, 11, &[1])?;
    chunk(&mut out, 12, &config.id.to_be_bytes())?;
    if !config.password.expose().is_empty() {
        chunk(&mut out, 14, config.password.expose().as_bytes())?;
    }
    if let Some(correlation) = correlation {
        chunk(&mut out, 17, correlation.as_bytes())?;
    }
    chunk(&mut out, 15, &without_keys(&seen.bytes))?;
    let length = u16::try_from(out.len()).ok().filter(|_| out.len() <= LONGEST)?;
    out.get_mut(4..6)?.copy_from_slice(&length.to_be_bytes());
    Some(out)
}

/// Vendor 0, type, length with these six octets, value.
fn chunk(out: &mut Vec<u8>, kind: u16, value: &[u8]) -> Option<()> {
    let length = u16::try_from(value.len() + 6).ok()?;
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
    Some(())
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::base::Wall;
    use crate::sip::{Flow, Transport};

    fn seen(transport: Transport, local: &str, remote: &str, bytes: Bytes) -> Seen {
        let flow =
            Flow { transport, local: local.parse().unwrap(), remote: remote.parse().unwrap(), connection: 0 };
        Seen { at: Wall::from_micros(1_700_000_000_000_042), sent: false, flow, bytes }
    }

    #[test]
    fn a_packet_octet_by_octet() {
        let config = Config { server: None, id: 2001, password: "pw".into() };
        let seen = seen(Transport::Udp, "192.0.2.1:5060", "192.0.2.9:5080", Bytes::from_static(b"SIP"));
        let expected: &[&[u8]] = &[
            b"HEP3\x00\x77",
            b"\0\0\0\x01\0\x07\x02",
            b"\0\0\0\x03\0\x0a\xc0\0\x02\x09",
            b"\0\0\0\x04\0\x0a\xc0\0\x02\x01",
            b"\0\0\0\x02\0\x07\x11",
            b"\0\0\0\x07\0\x08\x13\xd8",
            b"\0\0\0\x08\0\x08\x13\xc4",
            b"\0\0\0\x09\0\x0a\x65\x53\xf1\x00",
            b"\0\0\0\x0a\0\x0a\0\0\0\x2a",
            b"\0\0\0\x0b\0\x07\x01",
            b"\0\0\0\x0c\0\x0a\0\0\x07\xd1",
            b"\0\0\0\x0e\0\x08pw",
            b"\0\0\0\x11\0\x09c12",
            b"\0\0\0\x0f\0\x09SIP",
        ];
        let packet = packet(&seen, &config, Some("c12")).unwrap();
        assert_eq!(packet, expected.concat());
        assert_eq!(packet.len(), 0x77);
    }

    #[test]
    fn ipv6_has_chunks_of_its_own_and_what_is_too_long_is_not_sent() {
        let config = Config::default();
        let bytes = Bytes::from_static(b"SIP");
        let six =
            packet(&seen(Transport::Tls, "[2001:db8::1]:5061", "[2001:db8::9]:40000", bytes), &config, None);
        let six = six.unwrap();
        assert!(
            six.windows(7).any(|w| w == b"\0\0\0\x01\0\x07\x0a")
                && six.windows(7).any(|w| w == b"\0\0\0\x02\0\x07\x06")
        );
        assert!(
            six.windows(6).any(|w| w == b"\0\0\0\x05\0\x16") && !six.windows(4).any(|w| w == b"\0\0\0\x0e")
        );
        let long = seen(Transport::Tcp, "192.0.2.1:5060", "192.0.2.9:5080", vec![b'x'; 65_450].into());
        assert_eq!(packet(&long, &config, None), None);
    }
}
