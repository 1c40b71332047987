//! The one way from the shell's threads to the driver: two bounded queues and a knock at the door.
//!
//! Threads with a rank ([`priority`](super::priority)) push into a lock-free queue, for they wait for nobody. All others
//! share one behind a lock: a lock-free queue's pop turns in place while a push is under way, and a thread that the driver
//! has driven off the core in the middle of one would never come to end it. For the lock the driver waits asleep.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use tokio::sync::Notify;

use crate::base::{CallId, RecordingId, SlipId};
use crate::call::{Inquired, NotOpened};
use crate::complaints::Duty;
use crate::exchange::{Gauges, Output};
use crate::media;
use crate::presence::Absence;
use crate::record::{CaseNumber, Complaint, MessageSlip, Waiting};
use crate::sip::locate::{Answer, Question};

use super::failure::Failure;
use super::versions::{Done, Prepared};

/// Something that happened on another thread. All but `Loaded` become an input of the exchange.
#[derive(Debug)]
pub enum Report {
    Media(media::Event),
    /// The recording is on the disk, file and name, or could not be kept.
    RecordingSaved {
        recording: RecordingId,
        result: Result<(), String>,
    },
    /// The samples of a recording that shall be played, or why there are none.
    Loaded {
        recording: RecordingId,
        result: Result<Arc<[i16]>, String>,
    },
    /// The slip is committed, or could not be.
    SlipSaved {
        slip: SlipId,
        result: Result<(), String>,
    },
    /// What was last said of the callback is committed, or could not be yet.
    CallbackSaved {
        callback: CallId,
        saved: bool,
    },
    /// What lies in a message box that a call asked for.
    BoxOpened {
        call: CallId,
        opened: Result<Vec<MessageSlip>, NotOpened>,
    },
    /// The complaint is committed, or could not be.
    ComplaintSaved {
        case: CaseNumber,
        saved: bool,
    },
    /// This is due of a complaint.
    ComplaintDue {
        complaint: Box<Complaint>,
        duty: Duty,
    },
    /// What the store says to a call's question.
    Inquired {
        call: CallId,
        answer: Inquired,
    },
    /// So many messages wait in the box.
    Waiting {
        mailbox: String,
        waiting: Waiting,
    },
    /// What the DNS says, or that it says nothing.
    Resolved {
        question: Question,
        answer: Answer,
    },
    /// What a reload read, complete, checked and tested, or all that is wrong with it.
    Reloaded(Box<Result<(Prepared, Done), Failure>>),
    /// A person's calendar file says so.
    Calendar {
        extension: String,
        events: Arc<[Absence]>,
    },
    /// What the process has and has left.
    Gauges(Gauges),
    /// What an exchange beside the first wants.
    Output {
        from: u8,
        output: Box<Output>,
    },
    Told(Told),
}

/// What the daemon is told by a signal, or by the program around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// SIGHUP.
    Reload,
    /// SIGTERM and SIGINT: the first lets running calls go on, the second does not.
    Stop,
    StopAtOnce,
}

/// Many threads push, the driver's thread pops. A full inbox gives the value back: what it holds must not be
/// lost, so a thread that may not wait keeps it until its next turn.
pub struct Inbox<T>(Arc<Shared<T>>);

struct Shared<T> {
    queue: ArrayQueue<T>,
    /// Of threads without a rank.
    others: Mutex<VecDeque<T>>,
    /// Which of the two is looked into first.
    others_first: AtomicBool,
    door: Notify,
    /// Nobody pops any longer.
    closed: AtomicBool,
}

impl<T> Clone for Inbox<T> {
    fn clone(&self) -> Self {
        Inbox(Arc::clone(&self.0))
    }
}

impl<T> Inbox<T> {
    pub fn new(capacity: usize) -> Self {
        Inbox(Arc::new(Shared {
            queue: ArrayQueue::new(capacity),
            others: Mutex::new(VecDeque::new()),
            others_first: AtomicBool::new(false),
            door: Notify::new(),
            closed: AtomicBool::new(false),
        }))
    }

    fn others(&self) -> MutexGuard<'_, VecDeque<T>> {
        // Nothing panics while it is held.
        self.0.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For threads with a rank, and the driver's own. Never waits.
    pub fn push(&self, value: T) -> Result<(), T> {
        if self.0.closed.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.0.queue.push(value)?;
        // A knock that nobody waits for is kept for the next wait, so none is lost between pop and wait.
        self.0.door.notify_one();
        Ok(())
    }

    /// Something else is to be looked at.
    pub fn knock(&self) {
        self.0.door.notify_one();
    }

    /// For all other threads. Does not wait for room.
    pub fn put(&self, value: T) -> Result<(), T> {
        if self.0.closed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut others = self.others();
        if others.len() >= self.0.queue.capacity() {
            return Err(value);
        }
        others.push_back(value);
        drop(others);
        self.0.door.notify_one();
        Ok(())
    }

    /// Waits while the inbox is full: for threads that no caller listens to.
    #[expect(clippy::disallowed_methods, reason = "a full inbox empties by itself; nobody tells when")]
    pub fn push_patiently(&self, mut value: T) {
        while let Err(back) = self.put(value) {
            value = back;
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// What comes from now on concerns nobody, so that no thread waits for room while it is waited for.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }

    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Relaxed)
    }

    /// Of each of the two in its order; neither keeps the other waiting.
    pub fn pop(&self) -> Option<T> {
        match self.0.others_first.fetch_xor(true, Ordering::Relaxed) {
            true => self.others().pop_front().or_else(|| self.0.queue.pop()),
            false => self.0.queue.pop().or_else(|| self.others().pop_front()),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.queue.is_empty() && self.others().is_empty()
    }

    /// Until something was pushed since the last wait.
    pub async fn knocked(&self) {
        self.0.door.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_comes_back() {
        let inbox = Inbox::new(2);
        assert_eq!((inbox.push(1), inbox.push(2), inbox.push(3)), (Ok(()), Ok(()), Err(3)));
        assert_eq!((inbox.pop(), inbox.pop(), inbox.pop()), (Some(1), Some(2), None));
    }

    #[test]
    fn both_kinds_of_threads_are_heard_in_turn_and_each_in_order() {
        let inbox = Inbox::new(3);
        let _ = [1, 2, 3].map(|value| inbox.push(value).unwrap());
        let _ = [11, 12, 13].map(|value| inbox.put(value).unwrap());
        assert_eq!((inbox.push(4), inbox.put(14)), (Err(4), Err(14)));
        let heard: Vec<_> = std::iter::from_fn(|| inbox.pop()).collect();
        assert_eq!(heard, [1, 11, 2, 12, 3, 13]);
        inbox.put(5).unwrap();
        assert!(!inbox.is_empty());
        assert_eq!((inbox.pop(), inbox.pop(), inbox.is_empty()), (Some(5), None, true));
    }

    #[test]
    fn nobody_waits_for_room_in_a_closed_inbox() {
        let inbox = Inbox::new(1);
        inbox.push_patiently(1);
        inbox.close();
        inbox.push_patiently(2);
        assert_eq!((inbox.pop(), inbox.pop()), (Some(1), None));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_push_of_another_thread_ends_the_wait() {
        let inbox = Inbox::new(2);
        let theirs = inbox.clone();
        let thread = std::thread::spawn(move || theirs.push(7));
        inbox.knocked().await;
        assert_eq!(inbox.pop(), Some(7));
        thread.join().unwrap().unwrap();
    }
}
