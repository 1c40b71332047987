//! Media on plain threads: each has an engine, its legs' sockets and an absolute tick of 1 ms.
//!
//! ```text
//!   driver --orders (lock-free)--> worker: orders, sockets, tick, packets out --reports--> driver
//!                                     |
//!                                     +--audio--> recorder
//! ```
//!
//! All legs of a call are on one worker ([`placement`]), so that a bridge crosses no thread. The driver binds a leg's ports
//! before it passes the leg on: when an answer leaves, the ports in it are open.

mod placement;
mod ports;
mod tick;
mod worker;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::base::{CallId, LegId};
use crate::media::{self, Command, Event, Library};

use super::browsers::Door;
use super::counters::Counters;
use super::failure::Failure;
use super::heartbeat::Heartbeats;
use super::inbox::{Inbox, Report};
use super::priority::{self, Rank};
use super::recorder::Recorder;
use placement::Placement;
use ports::Ports;
use worker::{Order, Orders, Work, Worker};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Threads; 0 for one a core, two at least.
    pub workers: usize,
    /// Whether the threads ask for real-time priority (`SCHED_FIFO`). Where it is refused they go on without.
    pub real_time: bool,
    /// The address that RTP is bound to; `None` for the one that SIP listens on where that is one only, else
    /// all addresses.
    pub address: Option<IpAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Config { workers: 0, real_time: true, address: None }
    }
}

impl Config {
    fn threads(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from).max(2),
            set => set,
        }
    }
}

/// What every worker needs besides its own.
pub struct Surroundings<'a> {
    pub media: &'a media::Config,
    pub recorder: &'a Recorder,
    pub inbox: &'a Inbox<Report>,
    /// `None`: there are no browsers.
    pub door: Option<&'a Door>,
    pub counters: &'a Arc<Counters>,
    pub hearts: &'a mut Heartbeats,
}

/// The driver's end of all media threads.
pub struct Workers {
    workers: Vec<Handle>,
    placement: Placement,
    address: IpAddr,
    door: Option<Door>,
    /// The legs that are browsers.
    browsers: BTreeSet<LegId>,
    counters: Arc<Counters>,
}

/// The way from another thread to the worker of a leg.
pub struct Lane(Orders);

impl Lane {
    /// From the leg's RTP port.
    pub fn send(&self, leg: LegId, to: SocketAddr, bytes: Vec<u8>) {
        self.0.push(Order::Send { leg, to, bytes });
    }

    pub fn command(&self, command: Command) {
        self.0.push(Order::Command(command));
    }
}

struct Handle {
    orders: Orders,
    work: Arc<Work>,
    thread: JoinHandle<()>,
}

impl Workers {
    pub fn start(config: &Config, address: IpAddr, around: Surroundings<'_>) -> Result<Self, Failure> {
        let mut workers = Vec::new();
        for number in 0..config.threads() {
            let failed = "the media threads could not be started";
            let orders = Orders::new().map_err(Failure::io(failed))?;
            let work = Arc::new(Work::default());
            let worker = Worker::new(
                media::Engine::new(around.media.clone()),
                Arc::clone(&work),
                orders.clone(),
                around.recorder.clone(),
                around.inbox.clone(),
                Arc::clone(around.counters),
                around.hearts.watch(format!("media {number}")),
            );
            let worker = worker.map_err(Failure::io(failed))?.with_door(around.door.cloned());
            let real_time = config.real_time;
            let thread = std::thread::Builder::new().name(format!("media-{number}"));
            let thread = thread.spawn(move || {
                if real_time {
                    priority::ask_for(Rank::Media);
                }
                worker.run();
            });
            workers.push(Handle { orders, work, thread: thread.map_err(Failure::io(failed))? });
        }
        let placement = Placement::among(workers.len());
        let (door, counters) = (around.door.cloned(), Arc::clone(around.counters));
        Ok(Workers { workers, placement, address, door, browsers: BTreeSet::new(), counters })
    }

    pub fn count(&self) -> usize {
        self.workers.len()
    }

    /// Legs of all threads that hear a mix, and legs that hear what was encoded for them alone, as of the last half second.
    pub fn dear_legs(&self) -> (usize, usize) {
        let sum = |of: fn(&Work) -> usize| self.workers.iter().map(|worker| of(&worker.work)).sum();
        (sum(Work::mixes), sum(Work::translations))
    }

    /// Gives every engine the prompts.
    pub fn library(&self, library: &Arc<Library>) {
        for worker in &self.workers {
            worker.orders.push(Order::Command(Command::Library(Arc::clone(library))));
        }
    }

    /// Passes an order on. Ports that cannot be bound are told at once.
    pub fn command(&mut self, call: CallId, command: Command) -> Option<Event> {
        let worker = self.workers.get(self.placement.of(call))?;
        let (leg, rtp_port) = match &command {
            Command::Open { leg, rtp_port, .. } => (*leg, *rtp_port),
            _ => {
                match (&command, &self.door) {
                    // First there: the worker passes on what comes by the terms.
                    (Command::Await { leg, terms }, Some(door)) => {
                        self.browsers.insert(*leg);
                        door.terms(*leg, terms.clone(), Lane(worker.orders.clone()));
                    }
                    (Command::Close { leg }, door) => {
                        self.placement.close(*leg);
                        if let Some(door) = door.as_ref().filter(|_| self.browsers.remove(leg)) {
                            door.close(*leg);
                        }
                    }
                    _ => {}
                }
                worker.orders.push(Order::Command(command));
                return None;
            }
        };
        match Ports::bind(self.address, rtp_port) {
            Ok(ports) => {
                self.placement.open(leg);
                worker.orders.push(Order::Open { leg, ports, command });
                None
            }
            Err(error) => {
                self.counters.rtp_bind_failed.add_one();
                Some(Event::OpenFailed { leg, reason: format!("RTP port {rtp_port}: {error}") })
            }
        }
    }

    /// Ends all threads, after everything ordered so far.
    pub fn stop(self) {
        for worker in &self.workers {
            worker.orders.push(Order::Stop);
        }
        for worker in self.workers {
            if worker.thread.join().is_err() {
                tracing::error!("a media thread had panicked");
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "real sockets and threads in real time")]
mod tests;
