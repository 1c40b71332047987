//! The ways to browser legs: one thread answers their connectivity checks (ICE) and shakes hands with them (DTLS), so
//! that the media threads have voice alone to do.
//!
//! ```text
//!                       terms, the end of a leg
//!   driver ------------------------------------------+
//!                                                    v
//!   media worker --what is no voice (lock-free)--> browsers --packets; peer and keys--> media worker
//!                                                    |
//!                                                    +--a browser that is gone--> driver
//! ```
//!
//! A handshake is a millisecond of arithmetic done by a library that allocates as it likes and reads what strangers
//! write. Voice is not held up by it: it is sealed and opened by [`media::srtp`](crate::media::srtp), on the worker, as
//! for any other leg. Of the `webrtc` package this is what serves here, its sans-IO parts; its peer connection would take
//! voice through a task, a channel and an interceptor chain of its own, at twenty times the cost.

mod checks;
mod handshake;
mod identity;
mod way;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

pub use identity::Identity;
use way::{Dropped, Output, Way};

use super::counters::Counters;
use super::failure::Failure;
use super::heartbeat::{Heartbeat, Heartbeats};
use super::inbox::{Inbox, Report};
use super::priority;
use super::workers::Lane;
use crate::base::LegId;
use crate::base::ice::Terms;
use crate::media::{Command, Event};

/// Packets that wait at most: two hundred browsers that begin at once. A check or a flight that is lost comes again.
const WAITING: usize = 4096;
/// How long the thread sleeps at most: its heart must go on beating.
const IDLE: Duration = Duration::from_millis(500);

/// The others' end of the thread.
#[derive(Clone)]
pub struct Door(Arc<Shared>);

struct Shared {
    /// Of the driver, which waits for a moment if it must.
    errands: Mutex<Vec<Errand>>,
    /// Of the workers, which never wait.
    packets: ArrayQueue<(LegId, SocketAddr, Box<[u8]>)>,
    bell: OwnedFd,
    counters: Arc<Counters>,
}

enum Errand {
    /// What was agreed with a leg's peer, for the first time or anew.
    Terms {
        leg: LegId,
        terms: Box<Terms>,
        lane: Lane,
    },
    Close(LegId),
    Stop,
}

impl Door {
    /// What came to a leg's port and is no voice. Never waits.
    pub fn packet(&self, leg: LegId, from: SocketAddr, packet: &[u8]) {
        match self.0.packets.push((leg, from, packet.into())) {
            Ok(()) => self.ring(),
            Err(_) => self.0.counters.browser_overrun.add_one(),
        }
    }

    pub fn terms(&self, leg: LegId, terms: Box<Terms>, lane: Lane) {
        self.errand(Errand::Terms { leg, terms, lane });
    }

    pub fn close(&self, leg: LegId) {
        self.errand(Errand::Close(leg));
    }

    fn errand(&self, errand: Errand) {
        self.0.errands.lock().unwrap_or_else(PoisonError::into_inner).push(errand);
        self.ring();
    }

    fn ring(&self) {
        let _ = rustix::io::write(&self.0.bell, &1u64.to_ne_bytes());
    }
}

/// The thread.
pub struct Browsers {
    door: Door,
    thread: JoinHandle<()>,
}

impl Browsers {
    pub fn start(
        identity: Identity,
        inbox: Inbox<Report>,
        counters: &Arc<Counters>,
        hearts: &mut Heartbeats,
    ) -> Result<Self, Failure> {
        let failed = "the browsers' thread could not be started";
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
            .map_err(io::Error::from)
            .map_err(Failure::io(failed))?;
        let door = Door(Arc::new(Shared {
            errands: Mutex::default(),
            packets: ArrayQueue::new(WAITING),
            bell,
            counters: Arc::clone(counters),
        }));
        let run = Run {
            identity,
            door: door.clone(),
            ways: HashMap::new(),
            inbox,
            heart: hearts.watch("browsers"),
        };
        let thread = std::thread::Builder::new().name("browsers".to_owned());
        let thread = thread.spawn(move || {
            priority::give_up();
            run.run();
        });
        Ok(Browsers { door, thread: thread.map_err(Failure::io(failed))? })
    }

    pub fn door(&self) -> &Door {
        &self.door
    }

    pub fn stop(self) {
        self.door.errand(Errand::Stop);
        if self.thread.join().is_err() {
            tracing::error!("the browsers' thread had panicked");
        }
    }
}

struct Run {
    identity: Identity,
    door: Door,
    ways: HashMap<LegId, (Way, Lane)>,
    inbox: Inbox<Report>,
    heart: Heartbeat,
}

impl Run {
    fn run(mut self) {
        loop {
            self.heart.beat();
            self.sleep();
            if !self.take_errands() {
                return;
            }
            // No more than were there: errands have their turn too.
            for _ in 0..self.door.0.packets.len() {
                let Some((leg, from, packet)) = self.door.0.packets.pop() else { break };
                self.with(leg, |way, now| way.handle_packet(now, from, &packet));
            }
            self.handle_timeouts();
        }
    }

    /// Until somebody rings, or something is due.
    fn sleep(&self) {
        let now = clock();
        let due = self.ways.values().filter_map(|(way, _)| way.poll_timeout()).min();
        let patience = due.map_or(IDLE, |due| due.saturating_duration_since(now).min(IDLE));
        let patience = Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(0),
            tv_nsec: i64::from(patience.subsec_nanos()),
        };
        let bell = &self.door.0.bell;
        let _ = poll(&mut [PollFd::from_borrowed_fd(bell.as_fd(), PollFlags::IN)], Some(&patience));
        let _ = rustix::io::read(bell, &mut [0; 8]);
    }

    /// False when the thread shall end.
    fn take_errands(&mut self) -> bool {
        let errands =
            std::mem::take(&mut *self.door.0.errands.lock().unwrap_or_else(PoisonError::into_inner));
        for errand in errands {
            match errand {
                Errand::Terms { leg, terms, lane } => self.agree(leg, *terms, lane),
                Errand::Close(leg) => {
                    self.ways.remove(&leg);
                }
                Errand::Stop => return false,
            }
        }
        true
    }

    fn agree(&mut self, leg: LegId, terms: Terms, lane: Lane) {
        if self.ways.contains_key(&leg) {
            return self.with(leg, |way, now| way.renew(now, terms).map_err(|_| Dropped::Refused));
        }
        match Way::new(clock(), &self.identity, terms) {
            Ok(way) => {
                self.ways.insert(leg, (way, lane));
            }
            Err(error) => tracing::error!(%leg, %error, "no handshake with a browser"),
        }
    }

    fn handle_timeouts(&mut self) {
        let now = clock();
        let due = |way: &Way| way.poll_timeout().is_some_and(|due| due <= now);
        let due: Vec<_> = self.ways.iter().filter(|(_, (way, _))| due(way)).map(|(leg, _)| *leg).collect();
        for leg in due {
            self.with(leg, |way, now| {
                way.handle_timeout(now);
                Ok(())
            });
        }
    }

    /// Does something to a leg's way and carries out what it wants. What the libraries choke on ends that leg's way and
    /// no other.
    fn with(&mut self, leg: LegId, act: impl FnOnce(&mut Way, Instant) -> Result<(), Dropped>) {
        let counters = &self.door.0.counters;
        let Some((way, lane)) = self.ways.get_mut(&leg) else { return counters.browser_stray.add_one() };
        match catch_unwind(AssertUnwindSafe(|| act(way, clock()))) {
            Ok(Ok(())) => {}
            Ok(Err(Dropped::Forged)) => counters.browser_forged.add_one(),
            Ok(Err(Dropped::Stray)) => counters.browser_stray.add_one(),
            Ok(Err(Dropped::Refused)) => counters.browser_refused.add_one(),
            Err(_) => {
                counters.browser_refused.add_one();
                tracing::error!(%leg, "the handshake with a browser broke off");
                self.ways.remove(&leg);
                return;
            }
        }
        while let Some(output) = way.poll_output() {
            match output {
                Output::Send { to, bytes } => lane.send(leg, to, bytes),
                Output::Secured { peer, keys } => {
                    tracing::debug!(%leg, suite = keys.ours.suite().name(), "a browser is there");
                    lane.command(Command::Secured { leg, peer, keys });
                }
                Output::Lost => {
                    tracing::info!(%leg, "a browser gives no sign of life");
                    self.inbox.push_patiently(Report::Media(Event::RtpTimeout { leg }));
                }
            }
        }
    }
}

/// The library counts in the standard library's instants.
#[expect(clippy::disallowed_methods, reason = "this is the shell, and the library takes no other clock")]
fn clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
