//! The loop around an exchange that has no sockets: the driver's, without the rest.

use std::time::Duration;

use super::door::{Door, Doors, Order, say};
use crate::base::{Ids, Instant};
use crate::daemon::clock;
use crate::daemon::heartbeat::Heartbeat;
use crate::daemon::inbox::{Inbox, Report, Told};
use crate::exchange::{Exchange, Input, Output};

/// Orders that are carried out in one turn.
const ORDERS: usize = 64;
/// Words that are heard in one turn.
const WORDS: usize = 256;
/// The age of what waits is told again when it has changed by so much.
const NOTEWORTHY: Duration = Duration::from_millis(1);
/// The watchdog wants to see that the loop turns.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub struct Turning {
    exchange: Exchange,
    number: u8,
    doors: Doors,
    inbox: Inbox<Report>,
    heart: Heartbeat,
    /// The age of the oldest message that the exchange was told last.
    told_age: Duration,
}

impl Turning {
    pub fn new(exchange: Exchange, number: u8, doors: Doors, inbox: Inbox<Report>, heart: Heartbeat) -> Self {
        Turning { exchange, number, doors, inbox, heart, told_age: Duration::ZERO }
    }

    /// Until it is told to stop. The ids that it has not given.
    pub fn run(mut self) -> Ids {
        let _farewell = Farewell(self.inbox.clone());
        let doors = self.doors.clone();
        let Some(door) = doors.get(usize::from(self.number)) else { return self.exchange.ids() };
        self.put_out();
        loop {
            let mut busy = self.deadline();
            match self.orders(door) {
                Some(any) => busy |= any,
                None => return self.exchange.ids(),
            }
            busy |= self.words(door);
            door.set_idle(self.exchange.is_idle());
            self.heart.beat();
            if !busy {
                let deadline = self.exchange.poll_timeout().map(|(at, _)| clock::until(at));
                std::thread::park_timeout(deadline.unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE));
            }
        }
    }

    fn deadline(&mut self) -> bool {
        match self.exchange.poll_timeout() {
            Some((at, deadline)) if at <= clock::mono() => {
                tracing::trace!(%deadline, exchange = self.number, "due");
                self.input(Input::Timeout);
                true
            }
            _ => false,
        }
    }

    /// `None`: the end.
    fn orders(&mut self, door: &Door) -> Option<bool> {
        for taken in 0..ORDERS {
            let Some(order) = door.take() else {
                self.tell_age(Duration::ZERO);
                return Some(taken > 0);
            };
            match order {
                Order::Message { since, flow, bytes } => {
                    self.tell_age(age(since));
                    self.input(Input::Sip { flow, bytes: &bytes });
                }
                Order::Input(input) => self.input(input),
                Order::Stop => {
                    door.done();
                    return None;
                }
            }
            // Before the order counts as done: whoever sees that none is open sees this.
            door.set_idle(self.exchange.is_idle());
            door.done();
        }
        Some(true)
    }

    fn words(&mut self, door: &Door) -> bool {
        for heard in 0..WORDS {
            let Some(word) = door.word() else { return heard > 0 };
            self.input(word);
        }
        true
    }

    fn tell_age(&mut self, age: Duration) {
        if age.abs_diff(self.told_age) >= NOTEWORTHY {
            self.told_age = age;
            self.input(Input::Backlog(age));
        }
    }

    fn input(&mut self, input: Input<'_>) {
        self.exchange.handle_input(clock::now(), input);
        self.put_out();
    }

    fn put_out(&mut self) {
        while let Some(output) = self.exchange.poll_output() {
            match output {
                Output::Word { to, word } => say(&self.doors, to, word),
                output => {
                    self.inbox.push_patiently(Report::Output { from: self.number, output: Box::new(output) });
                }
            }
        }
    }
}

fn age(since: Instant) -> Duration {
    clock::mono().since(since)
}

/// A hotline that has lost a share of its calls ends, and is started again whole.
struct Farewell(Inbox<Report>);

impl Drop for Farewell {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.push_patiently(Report::Told(Told::StopAtOnce));
        }
    }
}
