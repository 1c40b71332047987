//! The two sockets of a leg. Packets go by system calls without libc's cancellation points around them.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use rustix::net::{RecvFlags, SendFlags, recvfrom, sendto};
use socket2::{Domain, Protocol, Socket, Type};

use crate::media::Channel;

/// Expedited forwarding (RFC 3246), as voice has it everywhere: the DSCP 46 in the upper six bits.
const EXPEDITED: u32 = 46 << 2;

/// RTP and the RTCP port above it, bound and non-blocking.
#[derive(Debug)]
pub struct Ports {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// On `::`, IPv4 peers are reached by their mapped addresses (RFC 4291 §2.5.5.2).
    mapped: bool,
}

impl Ports {
    pub fn bind(address: IpAddr, rtp_port: u16) -> io::Result<Ports> {
        let rtcp_port = rtp_port.checked_add(1).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Ports {
            rtp: bind(SocketAddr::new(address, rtp_port))?,
            rtcp: bind(SocketAddr::new(address, rtcp_port))?,
            mapped: address == IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        })
    }

    pub fn socket(&self, channel: Channel) -> &UdpSocket {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }

    pub fn send(&self, channel: Channel, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
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
