//! Streams: the listeners, the connections that we open, and the registry of all that are open.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::daemon::counters::Counters;
use crate::daemon::failure::Failure;
use crate::sip::{self, Flow, Transmit, Transport};

use super::stream::{self, Limits};
use super::{Arrival, Config, listen_failure};

/// Messages from all streams that wait for the driver; a stream that would add more waits, and TCP slows
/// its sender.
const ARRIVALS: usize = 1024;
/// Messages that wait for one slow reader; then its stream is closed.
pub(super) const WRITES: usize = 256;
const BACKLOG: i32 = 1024;
/// A peer that does not answer our SYN. Well under timer B (32 s), so that another way can be tried.
const CONNECT_LIMIT: Duration = Duration::from_secs(8);
/// The pause after a refused accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub struct Streams {
    listening: Vec<SocketAddr>,
    shared: Shared,
    arrivals: mpsc::Receiver<Event>,
    /// Taken while waiting, handed over with the rest.
    early: Option<Event>,
    /// Streams that we opened, by peer: more messages for the peer share them.
    opened: HashMap<SocketAddr, u64>,
}

/// What every task of a stream holds.
#[derive(Clone)]
pub(super) struct Shared {
    /// The open streams by number: written by the accepting and connecting tasks and by each stream's end,
    /// read by the driver when it sends.
    pub registry: Arc<DashMap<u64, Open>>,
    pub arrivals: mpsc::Sender<Event>,
    pub counters: Arc<Counters>,
    pub limits: Limits,
    numbers: Arc<AtomicU64>,
    most: usize,
}

/// The driver's end of a stream.
pub(super) struct Open {
    pub write: mpsc::Sender<Bytes>,
}

/// What a stream's tasks tell the driver.
pub(super) enum Event {
    Message { flow: Flow, bytes: Bytes },
    Closed(Flow),
}

impl Streams {
    pub fn bind(config: &Config, limits: sip::Limits, counters: &Arc<Counters>) -> Result<Self, Failure> {
        let (sender, arrivals) = mpsc::channel(ARRIVALS);
        let shared = Shared {
            registry: Arc::default(),
            arrivals: sender,
            counters: Arc::clone(counters),
            limits: Limits { idle: config.tcp_idle, message: limits },
            numbers: Arc::new(AtomicU64::new(1)),
            most: config.tcp_streams,
        };
        let mut listening = Vec::new();
        for &address in &config.tcp {
            let bound = listen(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
            let (local, listener) = bound.map_err(|error| listen_failure(Transport::Tcp, address, error))?;
            listening.push(local);
            tokio::spawn(accept(listener, shared.clone()));
        }
        Ok(Streams { listening, shared, arrivals, early: None, opened: HashMap::new() })
    }

    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listening.iter().copied()
    }

    pub fn open(&self) -> usize {
        self.shared.registry.len()
    }

    pub fn send(&mut self, transmit: Transmit) -> Option<Flow> {
        let Transmit { flow, bytes, .. } = transmit;
        let number = match flow.connection {
            0 => self.opened.get(&flow.remote).copied().unwrap_or_else(|| self.connect(flow)),
            number => number,
        };
        // The guard of the registry ends with this block: closing takes it again.
        let sent = match self.shared.registry.get(&number) {
            Some(open) => open.write.try_send(bytes).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => &self.shared.counters.tcp_write_overflow,
                mpsc::error::TrySendError::Closed(_) => &self.shared.counters.tcp_gone,
            }),
            None => Err(&self.shared.counters.tcp_gone),
        };
        let Err(counter) = sent else { return None };
        counter.add_one();
        // Dropping the driver's end stops the writing task, and that the reading one.
        self.shared.registry.remove(&number);
        self.opened.retain(|_, opened| *opened != number);
        Some(flow)
    }

    fn connect(&mut self, flow: Flow) -> u64 {
        let number = self.shared.number();
        let (write, queued) = mpsc::channel(WRITES);
        let flow = Flow { connection: number, ..flow };
        self.shared.registry.insert(number, Open { write });
        self.opened.insert(flow.remote, number);
        tokio::spawn(connect(flow, queued, self.shared.clone()));
        number
    }

    pub async fn ready(&mut self) {
        if self.early.is_none() {
            self.early = self.arrivals.recv().await;
        }
    }

    pub fn receive(&mut self, budget: usize, take: &mut impl FnMut(Arrival<'_>)) -> usize {
        let mut taken = 0;
        while taken < budget {
            let Some(event) = self.early.take().or_else(|| self.arrivals.try_recv().ok()) else { break };
            taken += 1;
            match event {
                Event::Message { flow, bytes } => take(Arrival::Message { flow, bytes: &bytes }),
                Event::Closed(flow) => {
                    take(Arrival::Closed(flow));
                    if self.opened.get(&flow.remote) == Some(&flow.connection) {
                        self.opened.remove(&flow.remote);
                        // What was sent as "connect first" is known to the endpoint without a number.
                        take(Arrival::Closed(Flow { connection: 0, ..flow }));
                    }
                }
            }
        }
        taken
    }
}

impl Shared {
    /// Queues bytes of the stream's own, as an answer to a keep-alive; a full queue needs none.
    pub(super) fn write(&self, flow: Flow, bytes: Bytes) {
        if let Some(open) = self.registry.get(&flow.connection) {
            let _ = open.write.try_send(bytes);
        }
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for the last connections' TIME-WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn accept(listener: TcpListener, shared: Shared) {
    loop {
        let (socket, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a stream could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if shared.registry.len() >= shared.most {
            shared.counters.tcp_refused.add_one();
            continue;
        }
        let Ok(local) = socket.local_addr() else { continue };
        let flow = Flow { transport: Transport::Tcp, local, remote, connection: shared.number() };
        let (write, queued) = mpsc::channel(WRITES);
        shared.registry.insert(flow.connection, Open { write });
        tokio::spawn(stream::carry(socket, flow, queued, shared.clone()));
    }
}

async fn connect(flow: Flow, queued: mpsc::Receiver<Bytes>, shared: Shared) {
    let attempt = tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(flow.remote)).await;
    match attempt.map_err(io::Error::from).and_then(|connected| connected) {
        Ok(socket) => stream::carry(socket, flow, queued, shared).await,
        Err(error) => {
            shared.counters.tcp_connect_failed.add_one();
            tracing::debug!(%flow, %error, "could not connect");
            stream::close(flow, &shared).await;
        }
    }
}
