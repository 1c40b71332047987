//! What went over the wire: the latest messages in a ring, for whoever asks, and each message for whoever listens.
//!
//! ```text
//!   driver: every message in and out --> Trace --> Ring            copied into memory that is there already
//!                                          |
//!   exchange: "this dialog is a leg" ----> +--> taps: bounded queues, what does not fit is counted
//!                                                 |                      |
//!                                          a thread for each        the thread of HEP --> Homer
//!                                          `hotline sip trace`
//!                                          filter, mask, write
//! ```
//!
//! The driver copies bytes and nothing else: reading, masking and writing are done by threads that nobody waits
//! for. A listener that falls behind loses messages and is told how many.

mod calls;
pub mod hep;
mod ring;
mod show;
mod viewer;

use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;

use crate::base::{CallId, Wall};
use crate::sip::Flow;

use super::counters::Counters;
use super::failure::Failure;
use super::tap::{self, Given, Tap, tap};

pub use calls::Calls;
pub use ring::Ring;
pub use show::{Asked, serve};

/// How much is kept, and whether it may be seen whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Messages in the ring; 0: none are kept, and traces are live only.
    pub messages: usize,
    /// Memory for them.
    pub octets: usize,
    /// Whether an administrator may ask for messages without masks.
    pub unmasked: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { messages: 2000, octets: 2 * 1024 * 1024, unmasked: false }
    }
}

/// One message as it passed the socket.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub at: Wall,
    /// By us.
    pub sent: bool,
    pub flow: Flow,
    pub bytes: Bytes,
}

/// Whose leg the dialogs with this Call-ID are.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    pub call_id: String,
    pub call: CallId,
    /// A trunk, an agent's extension.
    pub party: String,
}

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum Heard {
    Message(Seen),
    Leg(Leg),
}

/// What a listener may be behind. A message has 64 KiB at most, most have one.
const BEHIND: usize = 1024;
/// Listeners at a time, beside HEP.
const LISTENERS: usize = 4;

/// The driver's end.
pub struct Trace {
    ring: Ring,
    calls: Calls,
    taps: Vec<Tap<Heard>>,
    hep: Option<(Tap<Heard>, JoinHandle<()>)>,
    counters: Arc<Counters>,
    unmasked: bool,
}

/// What somebody who asks is given.
pub struct Feed {
    pub past: Vec<Seen>,
    pub calls: Calls,
    pub live: Option<Live>,
    pub unmasked: bool,
}

/// From now on.
pub type Live = tap::Live<Heard>;

impl Trace {
    /// Opens the socket for HEP where there is a server.
    pub fn start(config: &Config, hep: &hep::Config, counters: &Arc<Counters>) -> Result<Trace, Failure> {
        let hep = match hep.server {
            Some(server) => {
                let (tap, live) = tap(BEHIND);
                Some((tap, hep::start(server, hep, live, Arc::clone(counters))?))
            }
            None => None,
        };
        Ok(Trace {
            ring: Ring::new(config.messages, config.octets),
            // A leg has several messages: the ring forgets them first.
            calls: Calls::new(config.messages.max(BEHIND)),
            taps: Vec::new(),
            hep,
            counters: Arc::clone(counters),
            unmasked: config.unmasked,
        })
    }

    /// On the path of every message: copies, and never waits.
    pub fn message(&mut self, at: Wall, sent: bool, flow: Flow, bytes: &[u8]) {
        self.ring.push(at, sent, flow, bytes);
        if self.hep.is_some() || !self.taps.is_empty() {
            let seen = Seen { at, sent, flow, bytes: Bytes::copy_from_slice(bytes) };
            self.tell(&Heard::Message(seen));
        }
    }

    pub fn leg(&mut self, leg: Leg) {
        self.tell(&Heard::Leg(leg.clone()));
        self.calls.learn(leg);
    }

    /// The past, and where somebody follows, what comes.
    ///
    /// # Errors
    /// Too many follow already.
    pub fn feed(&mut self, follow: bool) -> Result<Feed, &'static str> {
        // Who went away is noticed by the next message; there may not have been one.
        self.tell_nothing();
        if follow && self.taps.len() >= LISTENERS {
            return Err("too many follow the trace already");
        }
        let live = follow.then(|| {
            let (tap, live) = tap(BEHIND);
            self.taps.push(tap);
            live
        });
        Ok(Feed { past: self.ring.all(), calls: self.calls.clone(), live, unmasked: self.unmasked })
    }

    /// What is on its way to HEP leaves.
    pub fn stop(self) {
        drop(self.taps);
        if let Some((tap, thread)) = self.hep {
            drop(tap);
            if thread.join().is_err() {
                tracing::error!("the thread of HEP had panicked");
            }
        }
    }

    fn tell(&mut self, heard: &Heard) {
        let counters = &self.counters;
        self.taps.retain(|tap| match tap.give(heard) {
            Given::Taken => true,
            Given::Lost => {
                counters.trace_dropped.add_one();
                true
            }
            Given::Gone => false,
        });
        if let Some((tap, _)) = &self.hep
            && !matches!(tap.give(heard), Given::Taken)
        {
            counters.hep_dropped.add_one();
        }
    }

    fn tell_nothing(&mut self) {
        self.taps.retain(Tap::is_heard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Transport;

    fn flow() -> Flow {
        let address = ([192, 0, 2, 1], 5060).into();
        Flow { transport: Transport::Udp, local: address, remote: address, connection: 0 }
    }

    #[test]
    fn who_does_not_listen_loses_messages_and_holds_nobody_up() {
        let counters = Arc::new(Counters::default());
        let mut trace = Trace::start(&Config::default(), &hep::Config::default(), &counters).unwrap();
        let live = trace.feed(true).unwrap().live.unwrap();
        for _ in 0..BEHIND + 7 {
            trace.message(Wall::default(), true, flow(), b"x");
        }
        assert_eq!((live.lost.get(), counters.trace_dropped.get()), (7, 7));
        assert_eq!(live.heard.len(), BEHIND);
        assert_eq!(trace.feed(false).unwrap().past.len(), BEHIND + 7);
    }

    #[test]
    fn a_place_is_free_again_when_its_listener_went_away() {
        let counters = Arc::new(Counters::default());
        let mut trace = Trace::start(&Config::default(), &hep::Config::default(), &counters).unwrap();
        let feeds: Vec<_> = (0..LISTENERS).map(|_| trace.feed(true).unwrap()).collect();
        assert!(trace.feed(true).is_err() && trace.feed(false).is_ok());
        drop(feeds);
        assert!(trace.feed(true).is_ok());
        trace.message(Wall::default(), false, flow(), b"x");
        assert_eq!(trace.taps.len(), 0);
    }
}
