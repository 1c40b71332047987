//! The floor's events for those who follow them: `hotline events`.
//!
//! As with a trace, the driver hands them into bounded queues and goes on; a thread for each listener writes them.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;
use rustix::net::{RecvFlags, recv};

use crate::base::Wall;
use crate::exchange::FloorEvent;

use super::control::{Response, line};
use super::counters::Counters;
use super::tap::{self, Given, Tap, tap};

/// What a listener may be behind: a minute of a large house.
const BEHIND: usize = 4096;
/// Listeners at a time.
const LISTENERS: usize = 16;
/// Who does not read for so long is left.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a silent listener is looked after.
const LOOK: Duration = Duration::from_secs(1);

pub type Live = tap::Live<(Wall, FloorEvent)>;

/// The driver's end.
pub struct Events {
    taps: Vec<Tap<(Wall, FloorEvent)>>,
    counters: Arc<Counters>,
}

impl Events {
    pub fn new(counters: &Arc<Counters>) -> Events {
        Events { taps: Vec::new(), counters: Arc::clone(counters) }
    }

    /// What happens from now on.
    ///
    /// # Errors
    /// Too many follow already.
    pub fn follow(&mut self) -> Result<Live, &'static str> {
        // Who went away is noticed by the next event; there may not have been one.
        self.taps.retain(Tap::is_heard);
        if self.taps.len() >= LISTENERS {
            return Err("too many follow the events already");
        }
        let (tap, live) = tap(BEHIND);
        self.taps.push(tap);
        Ok(live)
    }

    /// Never waits, and costs nothing where nobody listens.
    pub fn tell(&mut self, at: Wall, event: &FloorEvent) {
        if self.taps.is_empty() {
            return;
        }
        let (happened, counters) = ((at, event.clone()), &self.counters);
        self.taps.retain(|tap| match tap.give(&happened) {
            Given::Taken => true,
            Given::Lost => {
                counters.events_dropped.add_one();
                true
            }
            Given::Gone => false,
        });
    }
}

/// Answers on a thread of its own; `place` is held until its end.
pub fn serve(socket: UnixStream, live: Live, place: impl Send + 'static) {
    let run = move || {
        // They went away: no harm done.
        let _ = show(&socket, &live);
        drop(place);
    };
    if let Err(error) = Builder::new().name("events".to_owned()).spawn(run) {
        tracing::error!(%error, "events could not be followed");
    }
}

fn show(mut socket: &UnixStream, live: &Live) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let mut told = 0;
    loop {
        match live.heard.recv_timeout(LOOK) {
            Ok((at, event)) => {
                socket.write_all(line(&Response::Happened { at, event: Box::new(event) }).as_bytes())?
            }
            Err(RecvTimeoutError::Timeout) if is_there(socket) => {}
            Err(_) => return Ok(()),
        }
        let lost = live.lost.get();
        if lost > told {
            socket.write_all(line(&Response::EventsLost(lost - told)).as_bytes())?;
            told = lost;
        }
    }
}

/// Nothing comes from a listener but its end.
fn is_there(socket: &UnixStream) -> bool {
    !matches!(recv(socket, &mut [0u8; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT), Ok((0, _)))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    fn event(number: usize) -> FloorEvent {
        FloorEvent::Mended { what: number.to_string() }
    }

    #[test]
    fn who_reads_too_slowly_is_told_what_they_lost_and_holds_nobody_up() {
        let counters = Arc::new(Counters::default());
        let mut events = Events::new(&counters);
        events.tell(Wall::default(), &event(0));
        let live = events.follow().unwrap();
        for number in 1..=BEHIND + 3 {
            events.tell(Wall::default(), &event(number));
        }
        assert_eq!(counters.events_dropped.get(), 3);
        let (ours, theirs) = UnixStream::pair().unwrap();
        serve(ours, live, ());
        drop(events);
        let lines: Vec<String> = BufReader::new(theirs).lines().map(Result::unwrap).collect();
        assert_eq!(lines.len(), BEHIND + 1);
        assert!(lines[0].contains("\"what\":\"1\""), "{}", lines[0]);
        assert!(lines.iter().any(|line| line == "{\"events-lost\":3}"));
    }

    #[test]
    fn a_place_is_free_again_when_its_listener_went_away() {
        let mut events = Events::new(&Arc::default());
        let mut all: Vec<_> = (0..LISTENERS).map(|_| events.follow().unwrap()).collect();
        assert!(events.follow().is_err());
        all.pop();
        assert!(events.follow().is_ok());
    }
}
