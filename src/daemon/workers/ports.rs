//! The two sockets of a leg. Packets go by system calls without libc's cancellation points around them.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use rustix::net::{RecvFlags, SendFlags, connect, connect_unspec, recvfrom, send, sendto};
use socket2::{Domain, Protocol, Socket, Type};

use crate::media::Channel;

/// Expedited forwarding (RFC 3246), as voice has it everywhere: the DSCP 46 in the upper six bits.
const EXPEDITED: u32 = 46 << 2;

/// RTP and the RTCP port above it, bound and non-blocking.
#[derive(Debug)]
pub struct Ports {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// RTP goes to this address only and comes from there only: the kernel drops what strangers send, and finds the way
    /// once and not for every packet (a tenth of what a bridged packet costs).
    connected: Option<SocketAddr>,
    /// Bound to one address and not to all of them: there, connecting would choose one of ours for good, and it may not be
    /// the one that the peer sends to.
    specific: bool,
    /// On `::`, IPv4 peers are reached by their mapped addresses (RFC 4291 §2.5.5.2).
    mapped: bool,
}

impl Ports {
    pub fn bind(address: IpAddr, rtp_port: u16) -> io::Result<Ports> {
        let rtcp_port = rtp_port.checked_add(1).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Ports {
            rtp: bind(SocketAddr::new(address, rtp_port))?,
            rtcp: bind(SocketAddr::new(address, rtcp_port))?,
            connected: None,
            specific: !address.is_unspecified(),
            mapped: address == IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        })
    }

    pub fn socket(&self, channel: Channel) -> &UdpSocket {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }

    /// RTP from and to nobody else until further notice; `None`: from anybody again.
    pub fn only_from(&mut self, peer: Option<SocketAddr>) {
        if !self.specific || self.connected == peer {
            return;
        }
        let done = match peer {
            Some(peer) => connect(&self.rtp, &peer),
            None => connect_unspec(&self.rtp),
        };
        // Where that fails, packets go and come as they did.
        self.connected = if done.is_ok() { peer } else { None };
    }

    pub fn send(&self, channel: Channel, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        if channel == Channel::Rtp && self.connected == Some(to) {
            send(&self.rtp, bytes, SendFlags::empty())?;
            return Ok(());
        }
        let to = match to {
            SocketAddr::V4(v4) if self.mapped => {
                SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into()
            }
            to => to,
        };
        sendto(self.socket(channel), bytes, SendFlags::empty(), &to)?;
        Ok(())
    }

    /// `None` when there is nothing more.
    pub fn receive(&self, channel: Channel, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let (length, _, from) = recvfrom(self.socket(channel), buffer, RecvFlags::empty()).ok()?;
        let from = SocketAddr::try_from(from?).ok()?;
        Some((length, SocketAddr::new(from.ip().to_canonical(), from.port())))
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // Not every container may; voice then goes as everything else does.
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
        let _ = socket.set_tclass_v6(EXPEDITED);
    }
    // Also on `::`, for IPv4 peers by their mapped addresses.
    let _ = socket.set_tos_v4(EXPEDITED);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn ports() -> Ports {
        (20_000..60_000).step_by(2).find_map(|port| Ports::bind(HOME, port).ok()).unwrap()
    }

    fn phone() -> UdpSocket {
        let phone = UdpSocket::bind((HOME, 0)).unwrap();
        phone.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        phone
    }

    #[test]
    fn nobody_else_is_heard_until_anybody_is_again() {
        let mut ports = ports();
        let own = ports.rtp.local_addr().unwrap();
        let (peer, stranger) = (phone(), phone());
        let from = |phone: &UdpSocket| phone.local_addr().unwrap();
        ports.only_from(Some(from(&peer)));
        let mut buffer = [0; 9];
        stranger.send_to(b"stranger", own).unwrap();
        peer.send_to(b"peer", own).unwrap();
        assert_eq!(ports.receive(Channel::Rtp, &mut buffer), Some((4, from(&peer))));
        assert_eq!(ports.receive(Channel::Rtp, &mut buffer), None);
        ports.send(Channel::Rtp, from(&peer), b"voice").unwrap();
        assert_eq!(peer.recv(&mut buffer).unwrap(), 5);

        ports.only_from(None);
        assert_eq!(ports.rtp.local_addr().unwrap(), own);
        stranger.send_to(b"stranger", own).unwrap();
        assert_eq!(ports.receive(Channel::Rtp, &mut buffer), Some((8, from(&stranger))));
        ports.send(Channel::Rtp, from(&stranger), b"voice").unwrap();
        assert_eq!(stranger.recv(&mut buffer).unwrap(), 5);
    }
}
