//! Taking streams in: who may have one, and what it takes until the first message can be read.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::sip::{Flow, Transport};

use super::streams::{Open, Shared, WRITES};
use super::{stream, websocket};

const BACKLOG: i32 = 1024;
/// The pause after a refused accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// From the connection to the end of a handshake, however its octets trickle in. Two of them for WSS.
pub const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// To be called within the runtime that shall accept.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Both families may be listened on at the same port.
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for the last connections' TIME-WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

pub(super) async fn accept(listener: TcpListener, transport: Transport, shared: Shared) {
    loop {
        let (socket, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                shared.counters.tcp_accept_failed.add_one();
                tracing::warn!(%error, "a stream could not be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Whoever is turned away is told nothing: the socket is closed.
        if !shared.admits(remote.ip()) {
            shared.counters.sources_denied.add_one();
            continue;
        }
        if shared.registry.len() >= shared.most {
            shared.counters.tcp_refused.add_one();
            continue;
        }
        let Some(seat) = shared.seats.take(remote.ip()) else {
            shared.counters.tcp_refused_source.add_one();
            continue;
        };
        let Ok(local) = socket.local_addr() else { continue };
        let flow = Flow { transport, local, remote, connection: shared.number() };
        let (write, queued) = mpsc::channel(WRITES);
        shared.registry.insert(flow.connection, Open { write, peer: remote.ip() });
        let shared = shared.clone();
        tokio::spawn(async move {
            serve(socket, flow, queued, &shared).await;
            drop(seat);
            shared.close(flow).await;
        });
    }
}

async fn serve(mut socket: TcpStream, flow: Flow, queued: mpsc::Receiver<bytes::Bytes>, shared: &Shared) {
    let _ = socket.set_nodelay(true);
    match flow.transport {
        Transport::Tls => {
            if let Some(mut socket) = secure(socket, flow, shared).await {
                stream::carry(&mut socket, flow, queued, shared).await;
            }
        }
        Transport::Ws => websocket::carry(&mut socket, flow, queued, shared).await,
        Transport::Wss => {
            if let Some(mut socket) = secure(socket, flow, shared).await {
                websocket::carry(&mut socket, flow, queued, shared).await;
            }
        }
        Transport::Tcp | Transport::Udp => stream::carry(&mut socket, flow, queued, shared).await,
    }
}

/// The server's side of a TLS handshake, by the certificate that is in force now.
async fn secure(socket: TcpStream, flow: Flow, shared: &Shared) -> Option<TlsStream<TcpStream>> {
    let config = shared.tls().server?;
    match timeout(HANDSHAKE_LIMIT, TlsAcceptor::from(config).accept(socket)).await {
        Ok(Ok(secured)) => Some(secured),
        Ok(Err(error)) => {
            shared.counters.tls_failed.add_one();
            tracing::debug!(%flow, %error, "no TLS with this peer");
            None
        }
        Err(_) => {
            shared.counters.tls_slow.add_one();
            None
        }
    }
}

/// How many streams each source has.
#[derive(Clone)]
pub struct Seats {
    /// Written by the accepting tasks and by each stream's end.
    taken: Arc<DashMap<IpAddr, usize>>,
    most: usize,
}

/// One stream's place; given back when it is dropped.
pub struct Seat {
    taken: Arc<DashMap<IpAddr, usize>>,
    source: IpAddr,
}

impl Seats {
    pub fn new(most: usize) -> Seats {
        Seats { taken: Arc::default(), most }
    }

    pub fn take(&self, peer: IpAddr) -> Option<Seat> {
        let source = source(peer);
        let mut count = self.taken.entry(source).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Seat { taken: Arc::clone(&self.taken), source })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(mut count) = self.taken.get_mut(&self.source) {
            *count = count.saturating_sub(1);
        }
        self.taken.remove_if(&self.source, |_, count| *count == 0);
    }
}

/// Who counts as one: an IPv4 address; the 64 bits of an IPv6 address that a house is given, since everybody in it
/// may choose among 2^64 others.
fn source(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_given_back_and_a_house_is_one_source() {
        let seats = Seats::new(2);
        let take = |address: &str| seats.take(address.parse().unwrap());
        let (first, _second) = (take("2001:db8::1").unwrap(), take("2001:db8::2").unwrap());
        assert!(take("2001:db8::3").is_none() && take("2001:db8:0:1::1").is_some());
        drop(first);
        assert!(take("2001:db8::3").is_some());
        let (_one, _mapped) = (take("192.0.2.1").unwrap(), take("::ffff:192.0.2.1").unwrap());
        assert!(take("192.0.2.1").is_none() && take("192.0.2.2").is_some());
        drop((_one, _mapped));
        assert!(
            !seats.taken.contains_key(&"192.0.2.1".parse::<IpAddr>().unwrap()),
            "nothing is kept of who has left"
        );
    }
}
