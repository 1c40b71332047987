//! What lies before an exchange's door: orders of the driver, and words of other exchanges.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use crossbeam_queue::SegQueue;

use super::ring::{Heard, Ring};
use crate::base::Instant;
use crate::daemon::inbox::{Inbox, Report};
use crate::exchange::{Input, Word};
use crate::sip::Flow;

/// Words that one exchange has not come to. An offer takes one: thousands at once are a house's worst moment, and what
/// does not fit is read from the core.
const MOST_WORDS: usize = 4096;

/// All exchanges', the first one's first.
pub type Doors = Arc<[Door]>;

/// What the driver wants of an exchange.
#[derive(Debug)]
pub enum Order {
    /// As `Input::Sip`; it came at this time.
    Message {
        since: Instant,
        flow: Flow,
        bytes: Box<[u8]>,
    },
    Input(Input<'static>),
    Stop,
}

pub struct Door {
    orders: SegQueue<Order>,
    /// Ordered, and not carried out yet.
    open: AtomicUsize,
    words: Ring<Word>,
    /// The exchange has no call and no transaction.
    idle: AtomicBool,
    /// The exchange's; the first one's is the driver, who is called by the inbox.
    thread: OnceLock<Thread>,
    inbox: Inbox<Report>,
}

impl Door {
    pub fn new(inbox: Inbox<Report>) -> Self {
        Door {
            orders: SegQueue::new(),
            open: AtomicUsize::new(0),
            words: Ring::new(MOST_WORDS),
            idle: AtomicBool::new(true),
            thread: OnceLock::new(),
            inbox,
        }
    }

    /// Before anybody knocks.
    pub fn opens(&self, thread: Thread) {
        let _ = self.thread.set(thread);
    }

    fn knock(&self) {
        match self.thread.get() {
            // A knock before the thread waits is kept for when it does.
            Some(thread) => thread.unpark(),
            None => self.inbox.knock(),
        }
    }

    pub fn order(&self, order: Order) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.orders.push(order);
        self.knock();
    }

    pub fn take(&self) -> Option<Order> {
        self.orders.pop()
    }

    /// One that was taken is carried out, and what came of it is told.
    pub fn done(&self) {
        self.open.fetch_sub(1, Ordering::Release);
    }

    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    pub fn set_idle(&self, idle: bool) {
        if self.idle.swap(idle, Ordering::Relaxed) != idle && idle {
            // The driver may wait for nothing else.
            self.inbox.knock();
        }
    }

    pub fn is_idle(&self) -> bool {
        self.open() == 0 && self.idle.load(Ordering::Relaxed)
    }

    /// Never waits: what does not fit is lost, and that it was is not.
    pub fn say(&self, word: Word) {
        self.words.push(word);
        self.knock();
    }

    /// The next word as an input.
    pub fn word(&self) -> Option<Input<'static>> {
        self.words.pop().map(|heard| match heard {
            Heard::Word(word) => Input::Word(word),
            Heard::Missed => Input::Missed,
        })
    }
}

pub fn say(doors: &[Door], to: u8, word: Word) {
    if let Some(door) = doors.get(usize::from(to)) {
        door.say(word);
    }
}
