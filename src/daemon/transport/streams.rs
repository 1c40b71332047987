//! Streams: the registry of all that are open, accepted or opened by us. Their tasks run on a thread of their own.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use dashmap::DashMap;
use tokio::sync::mpsc;

use crate::daemon::counters::Counters;
use crate::daemon::failure::Failure;
use crate::sip::{self, Flow, Transmit, Transport};

use super::access::AccessLists;
use super::connect::connect;
use super::listen::{Seats, accept, listen};
use super::stream::Limits;
use super::thread::StreamThread;
use super::tls::Tls;
use super::{Arrival, Config, listen_failure, websocket};

/// Messages from all streams that wait for the driver; a stream that would add more waits, and TCP slows
/// its sender.
const ARRIVALS: usize = 1024;
/// Messages that wait for one slow reader; then its stream is closed.
pub(super) const WRITES: usize = 256;

pub struct Streams {
    listening: Vec<(Transport, SocketAddr)>,
    shared: Shared,
    arrivals: mpsc::Receiver<Event>,
    /// Taken while waiting, handed over with the rest.
    early: Option<Event>,
    /// Streams that we opened, by peer: more messages for the peer share them.
    opened: HashMap<(Transport, SocketAddr), Vec<Opened>>,
    thread: StreamThread,
}

/// A stream that we opened, and as whom its peer had to prove itself.
struct Opened {
    server: Option<Box<str>>,
    number: u64,
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
    pub websocket: Arc<websocket::Config>,
    pub seats: Seats,
    /// Of our own that SIP is listened on, without wildcards.
    pub addresses: Arc<[IpAddr]>,
    pub most: usize,
    /// Written by the driver at a reload, read at the beginning of each stream.
    reloadable: Arc<RwLock<Reloadable>>,
    numbers: Arc<AtomicU64>,
}

struct Reloadable {
    tls: Tls,
    access: AccessLists,
}

/// The driver's end of a stream.
pub(super) struct Open {
    pub write: mpsc::Sender<Bytes>,
    pub peer: IpAddr,
}

/// What a stream's tasks tell the driver.
pub(super) enum Event {
    Message { flow: Flow, bytes: Bytes },
    Closed(Flow),
}

impl Streams {
    pub fn bind(
        config: &Config,
        tls: Tls,
        limits: sip::Limits,
        counters: &Arc<Counters>,
    ) -> Result<Self, Failure> {
        let thread =
            StreamThread::start().map_err(Failure::io("the thread of the streams could not be started"))?;
        let (sender, arrivals) = mpsc::channel(ARRIVALS);
        let specific = |address: &SocketAddr| (!address.ip().is_unspecified()).then_some(address.ip());
        let shared = Shared {
            registry: Arc::default(),
            arrivals: sender,
            counters: Arc::clone(counters),
            limits: Limits { idle: config.tcp_idle, message: limits },
            websocket: Arc::new(config.websocket.clone()),
            seats: Seats::new(config.tcp_streams_per_source),
            addresses: config.addresses().filter_map(|(_, address)| specific(&address)).collect(),
            most: config.tcp_streams,
            reloadable: Arc::new(RwLock::new(Reloadable { tls, access: config.access.clone() })),
            numbers: Arc::new(AtomicU64::new(1)),
        };
        let mut listening = Vec::new();
        let within = thread.runtime().enter();
        for (transport, address) in config.addresses().filter(|(transport, _)| transport.is_reliable()) {
            let bound = listen(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
            let (local, listener) = bound.map_err(|error| listen_failure(transport, address, error))?;
            listening.push((transport, local));
            thread.runtime().spawn(accept(listener, transport, shared.clone()));
        }
        drop(within);
        Ok(Streams { listening, shared, arrivals, early: None, opened: HashMap::new(), thread })
    }

    pub fn addresses(&self) -> impl Iterator<Item = (Transport, SocketAddr)> {
        self.listening.iter().copied()
    }

    pub fn open(&self) -> usize {
        self.shared.registry.len()
    }

    /// New streams are judged by these; open ones of sources that are shut out now are closed.
    pub fn reload(&self, tls: Tls, access: AccessLists) {
        self.shared.registry.retain(|_, open| access.admits(open.peer));
        let mut current = self.shared.reloadable.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever listens for TLS keeps on with what there was when the certificate is taken away.
        let server = tls.server.or_else(|| current.tls.server.take());
        *current = Reloadable { tls: Tls { server, ..tls }, access };
    }

    pub fn send(&mut self, transmit: Transmit) -> Option<Flow> {
        let Transmit { flow, bytes, server } = transmit;
        let number = match flow.connection {
            // Browsers cannot be connected to (RFC 7118 §5): theirs was the connection, and it is gone.
            0 if matches!(flow.transport, Transport::Ws | Transport::Wss) => 0,
            0 => self.opened_to(flow, server.as_deref()).unwrap_or_else(|| self.connect(flow, server)),
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
        self.forget_opened(flow, number);
        Some(flow)
    }

    /// The stream that we have opened to there. Who names nobody takes any; who does, one that proved that name.
    fn opened_to(&self, flow: Flow, server: Option<&str>) -> Option<u64> {
        let opened = self.opened.get(&(flow.transport, flow.remote))?;
        let fits = |of: &&Opened| server.is_none() || of.server.as_deref() == server;
        opened.iter().find(fits).map(|of| of.number)
    }

    /// Whether it was one of those that we opened.
    fn forget_opened(&mut self, flow: Flow, number: u64) -> bool {
        let key = (flow.transport, flow.remote);
        let Some(opened) = self.opened.get_mut(&key) else { return false };
        let before = opened.len();
        opened.retain(|of| of.number != number);
        let was_there = opened.len() < before;
        if opened.is_empty() {
            self.opened.remove(&key);
        }
        was_there
    }

    fn connect(&mut self, flow: Flow, server: Option<Box<str>>) -> u64 {
        let number = self.shared.number();
        let (write, queued) = mpsc::channel(WRITES);
        let flow = Flow { connection: number, ..flow };
        self.shared.registry.insert(number, Open { write, peer: flow.remote.ip() });
        let opened = Opened { server: server.clone(), number };
        self.opened.entry((flow.transport, flow.remote)).or_default().push(opened);
        self.thread.runtime().spawn(connect(flow, server, queued, self.shared.clone()));
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
                    if self.forget_opened(flow, flow.connection) {
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
    /// Takes the stream off the registry and tells the driver.
    pub(super) async fn close(&self, flow: Flow) {
        self.registry.remove(&flow.connection);
        // Fails only when the driver is gone too.
        let _ = self.arrivals.send(Event::Closed(flow)).await;
    }

    /// Queues bytes of the stream's own, as an answer to a keep-alive; a full queue needs none.
    pub(super) fn write(&self, flow: Flow, bytes: Bytes) {
        if let Some(open) = self.registry.get(&flow.connection) {
            let _ = open.write.try_send(bytes);
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn tls(&self) -> Tls {
        self.reloadable.read().unwrap_or_else(PoisonError::into_inner).tls.clone()
    }

    pub(super) fn admits(&self, peer: IpAddr) -> bool {
        self.reloadable.read().unwrap_or_else(PoisonError::into_inner).access.admits(peer)
    }
}
