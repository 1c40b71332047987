//! Datagram sockets. Read without a task of their own: the driver drains them in its turn.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket as Sender};
use std::sync::Arc;
use std::task::Poll;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::daemon::counters::{Counter, Counters};
use crate::daemon::failure::Failure;
use crate::sip::wire::stun;
use crate::sip::{Flow, Transmit, Transport};

use super::access::AccessLists;
use super::{Arrival, listen_failure};

/// Room for a burst of messages while the exchange is busy.
const SOCKET_BUFFER: usize = 4 << 20;
/// Peers whose way out is remembered, for sockets on all addresses.
const ROUTES: usize = 4096;

pub struct Datagrams {
    sockets: Vec<Port>,
    buffer: Vec<u8>,
    /// The socket to drain first next time, so that a busy one does not starve the others.
    next: usize,
    counters: Arc<Counters>,
    access: AccessLists,
}

struct Port {
    local: SocketAddr,
    socket: UdpSocket,
    /// The same socket, for sends that need no readiness of the runtime.
    sender: Sender,
    /// For a socket on all addresses: the address of ours that a peer sees.
    routes: HashMap<IpAddr, IpAddr>,
}

impl Datagrams {
    pub fn bind(
        addresses: &[SocketAddr],
        access: AccessLists,
        max_message: usize,
        counters: &Arc<Counters>,
    ) -> Result<Self, Failure> {
        let open = |address: &SocketAddr| {
            Port::bind(*address).map_err(|error| listen_failure(Transport::Udp, *address, error))
        };
        let sockets = addresses.iter().map(open).collect::<Result<_, _>>()?;
        // One octet more than a message may have: what fills it was too long, and the endpoint says so.
        let buffer = vec![0; max_message.saturating_add(1)];
        Ok(Datagrams { sockets, buffer, next: 0, counters: Arc::clone(counters), access })
    }

    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|port| port.local)
    }

    pub fn send(&mut self, transmit: Transmit) -> Option<Flow> {
        let Transmit { flow, bytes, .. } = transmit;
        let Some(port) = self.port_for(flow.local, flow.remote) else {
            self.counters.udp_send_failed.add_one();
            return Some(flow);
        };
        match port.sender.send_to(&bytes, with_scope(flow.remote, flow.local)) {
            Ok(_) => None,
            Err(error) => {
                let (counter, lost) = self.judge(&error);
                counter.add_one();
                tracing::debug!(%flow, %error, "datagram not sent");
                lost.then_some(flow)
            }
        }
    }

    /// How a refused send counts, and whether it says that this way leads nowhere.
    ///
    /// What ICMP says of earlier datagrams is not asked for (`IP_RECVERR`): anybody can forge it, and the timers of
    /// the transactions find out by themselves.
    fn judge(&self, error: &io::Error) -> (&Counter, bool) {
        let counters = &self.counters;
        match error.kind() {
            // Full buffers pass, and retransmission is the protocol's own cure.
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::OutOfMemory => {
                (&counters.udp_blocked, false)
            }
            io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::ConnectionRefused => (&counters.udp_unreachable, true),
            _ => match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
                Some(rustix::io::Errno::NOBUFS) => (&counters.udp_blocked, false),
                Some(rustix::io::Errno::MSGSIZE) => (&counters.udp_too_large, true),
                _ => (&counters.udp_send_failed, true),
            },
        }
    }

    /// The socket that the flow came in by; for a flow that begins here, one that can reach the peer.
    fn port_for(&self, local: SocketAddr, remote: SocketAddr) -> Option<&Port> {
        let same_port = |port: &&Port| port.local.port() == local.port();
        let exact = |port: &&Port| port.local == local;
        let family = |port: &&Port| port.local.is_ipv4() == remote.is_ipv4();
        let sockets = || self.sockets.iter();
        sockets()
            .find(exact)
            .or_else(|| sockets().filter(family).filter(same_port).find(|p| p.local.ip().is_unspecified()))
            .or_else(|| sockets().find(family))
    }

    /// From now on these lists hold, and each peer's way is looked for anew: our own address may be another.
    pub fn reload(&mut self, access: AccessLists) {
        self.access = access;
        self.sockets.iter_mut().for_each(|port| port.routes.clear());
    }

    pub async fn ready(&self) {
        poll_fn(|context| {
            let ready = self.sockets.iter().any(|port| port.socket.poll_recv_ready(context).is_ready());
            if ready { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    pub fn receive(&mut self, budget: usize, take: &mut impl FnMut(Arrival<'_>)) -> usize {
        let mut taken = 0;
        for turn in 0..self.sockets.len() {
            let at = (self.next + turn) % self.sockets.len();
            let Some(port) = self.sockets.get_mut(at) else { break };
            while taken < budget {
                // An error other than "nothing there" is an ICMP message about an earlier send: not ours.
                let (length, remote) = match port.socket.try_recv_from(&mut self.buffer) {
                    Ok(arrived) => arrived,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => {
                        taken += 1;
                        continue;
                    }
                };
                taken += 1;
                if !self.access.admits(remote.ip()) {
                    self.counters.sources_denied.add_one();
                    continue;
                }
                let local = port.local_for(remote);
                let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
                let bytes = self.buffer.get(..length).unwrap_or_default();
                // Lost like any datagram where the system has no room for it: the phone asks again.
                if let Some(pong) = stun::answer(bytes, remote) {
                    self.counters.udp_keep_alives.add_one();
                    let _ = port.sender.send_to(&pong, remote);
                    continue;
                }
                take(Arrival::Message { flow, bytes });
            }
        }
        self.next = self.next.wrapping_add(1);
        taken
    }
}

impl Port {
    fn bind(address: SocketAddr) -> io::Result<Port> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            // Both families may be listened on at the same port.
            socket.set_only_v6(true)?;
        }
        // What the system refuses here only costs room for bursts.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let sender = Sender::from(socket);
        let socket = UdpSocket::from_std(sender.try_clone()?)?;
        Ok(Port { local: socket.local_addr()?, socket, sender, routes: HashMap::new() })
    }

    /// The address of ours that this peer talks to.
    fn local_for(&mut self, remote: SocketAddr) -> SocketAddr {
        if !self.local.ip().is_unspecified() {
            return self.local;
        }
        if self.routes.len() >= ROUTES {
            self.routes.clear();
        }
        let ip = match self.routes.get(&remote.ip()) {
            Some(known) => *known,
            // One that is not found now, as without a file handle, may be found the next time.
            None => match route(remote) {
                Ok(found) => *self.routes.entry(remote.ip()).or_insert(found),
                Err(_) => self.local.ip(),
            },
        };
        with_scope(SocketAddr::new(ip, self.local.port()), remote)
    }
}

/// A link-local address means something on its own link only (RFC 4007 §6), and no SIP message names the link: it is
/// that of the other end.
fn with_scope(address: SocketAddr, other: SocketAddr) -> SocketAddr {
    match (address, other) {
        (SocketAddr::V6(mut address), SocketAddr::V6(other))
            if address.ip().is_unicast_link_local() && address.scope_id() == 0 =>
        {
            address.set_scope_id(other.scope_id());
            address.into()
        }
        _ => address,
    }
}

/// The address of ours from which the system would send to `remote`. No packet leaves.
pub fn route(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: SocketAddr = match remote {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let probe = Sender::bind(any)?;
    probe.connect(remote)?;
    Ok(probe.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_that_was_not_found_is_looked_for_again() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut port = runtime.block_on(async { Port::bind(([0, 0, 0, 0], 0).into()).unwrap() });
        // Nobody may send to all without having asked for it.
        assert!(port.local_for(([255, 255, 255, 255], 9).into()).ip().is_unspecified());
        assert!(port.routes.is_empty());
        assert!(port.local_for(([127, 0, 0, 1], 9).into()).ip().is_loopback());
        assert_eq!(port.routes.len(), 1);
    }
}
