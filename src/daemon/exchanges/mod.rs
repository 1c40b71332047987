//! The exchanges beside the first: each has a share of the calls and a thread of its own.
//!
//! ```text
//!   driver: the first exchange, --- orders: never lost, in order -----> exchange-1, exchange-2, ...
//!           sockets, store,                                                  |          |
//!           media threads <-------- outputs, by the inbox, in order ---------+----------+
//!             ^                                                              |          |
//!             +---- words: a ring for each exchange; the last may be lost ---+----------+
//! ```
//!
//! The driver alone has sockets and files: it reads off each message whose it is, and carries out what all exchanges
//! want. Nobody ever waits for an exchange: what it has not come to lies at its [door](Door).

mod door;
mod ring;
mod thread;

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use crate::base::Ids;
use crate::exchange::{Exchange, Input, Lands, Word};
use crate::sip::Flow;

pub use self::door::Order;
use self::door::{Door, Doors};
use self::thread::Turning;
use super::clock;
use super::failure::Failure;
use super::heartbeat::Heartbeats;
use super::inbox::{Inbox, Report};
use super::priority::{self, Rank};

/// More messages than these before one door, and no more are taken from the network: its buffers and the streams' peers
/// wait, and the exchange refuses new calls meanwhile.
const MOST_ORDERS: usize = 8 * 1024;

/// How many exchanges may be set. The ring of words and the marks in tags would bear more; no house has more calls.
pub const MOST: u8 = 16;

/// The driver's end of all exchanges but its own.
pub struct Others {
    doors: Doors,
    threads: Vec<JoinHandle<Ids>>,
}

impl Others {
    /// The first of these is the driver's own and comes back.
    pub fn start(
        exchanges: Vec<Exchange>,
        inbox: &Inbox<Report>,
        hearts: &mut Heartbeats,
        real_time: bool,
    ) -> Result<(Exchange, Others), Failure> {
        let doors: Doors = exchanges.iter().map(|_| Door::new(inbox.clone())).collect();
        let mut exchanges = exchanges.into_iter();
        let Some(first) = exchanges.next() else {
            return Err(Failure::Other("no exchange at all was made".to_owned()));
        };
        let (mut threads, mut begin) = (Vec::new(), Vec::new());
        for (exchange, number) in exchanges.zip(1u8..) {
            let name = format!("exchange-{number}");
            let turning =
                Turning::new(exchange, number, Arc::clone(&doors), inbox.clone(), hearts.watch(name.clone()));
            // It begins when everybody can knock at every door.
            let (sender, receiver) = sync_channel::<Turning>(1);
            let thread = std::thread::Builder::new().name(name).spawn(move || match receiver.recv() {
                Ok(turning) => {
                    if real_time {
                        priority::ask_for(Rank::Signalling);
                    }
                    turning.run()
                }
                Err(_) => Ids::default(),
            });
            let thread = thread.map_err(Failure::io("an exchange's thread could not be started"))?;
            if let Some(door) = doors.get(usize::from(number)) {
                door.opens(thread.thread().clone());
            }
            threads.push(thread);
            begin.push((sender, turning));
        }
        for (sender, turning) in begin {
            // The thread is there: it has nothing else to do yet.
            let _ = sender.send(turning);
        }
        Ok((first, Others { doors, threads }))
    }

    /// How many exchanges there are, the first one included.
    pub fn of(&self) -> u8 {
        u8::try_from(self.doors.len()).unwrap_or(u8::MAX)
    }

    pub fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// Gives the input to whom it is for. `Some`: the first exchange is one of them.
    pub fn give(&self, input: Input<'static>) -> Option<Input<'static>> {
        match Lands::of(&input, self.of()) {
            Lands::With(0) => Some(input),
            Lands::With(number) => {
                self.order(number, Order::Input(input));
                None
            }
            Lands::WithAll => {
                for number in 1..self.of() {
                    if let Some(same) = input.for_another() {
                        self.order(number, Order::Input(same));
                    }
                }
                Some(input)
            }
        }
    }

    pub fn message(&self, number: u8, flow: Flow, bytes: Box<[u8]>) {
        self.order(number, Order::Message { since: clock::mono(), flow, bytes });
    }

    fn order(&self, number: u8, order: Order) {
        if let Some(door) = self.doors.get(usize::from(number)) {
            door.order(order);
        }
    }

    /// No more messages are to be taken in for now.
    pub fn are_full(&self) -> bool {
        self.doors.iter().any(|door| door.open() >= MOST_ORDERS)
    }

    /// What the first exchange says to another.
    pub fn say(&self, to: u8, word: Word) {
        door::say(&self.doors, to, word);
    }

    /// What others say to the first, as an input; `None`: nothing for now.
    pub fn word(&self) -> Option<Input<'static>> {
        self.doors.first()?.word()
    }

    /// Nothing runs in them, nothing lies before their doors.
    pub fn are_idle(&self) -> bool {
        self.doors.iter().skip(1).all(Door::is_idle)
    }

    /// Tells all to end after everything ordered so far.
    pub fn stop(&self) {
        for number in 1..self.of() {
            self.order(number, Order::Stop);
        }
    }

    pub fn have_ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// After [`stop`](Self::stop): the ids that none of them has given.
    pub fn join(self, first: Ids) -> Ids {
        self.threads.into_iter().fold(first, |ids, thread| match thread.join() {
            Ok(theirs) => ids.after_both(theirs),
            Err(_) => {
                tracing::error!("an exchange had panicked");
                ids
            }
        })
    }
}
