//! The one way from the shell's threads to the driver: a bounded lock-free queue and a knock at the door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use tokio::sync::Notify;

use crate::base::{CallId, RecordingId, SlipId};
use crate::call::NotOpened;
use crate::exchange::{Gauges, Output};
use crate::media;
use crate::record::{MessageSlip, Waiting};
use crate::sip::locate::{Answer, Question};

use super::failure::Failure;
use super::loaded::Loaded;

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
    /// What a reload read, complete and checked, or all that is wrong with it.
    Reloaded(Box<Result<Loaded, Failure>>),
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
        let (queue, door) = (ArrayQueue::new(capacity), Notify::new());
        Inbox(Arc::new(Shared { queue, door, closed: AtomicBool::new(false) }))
    }

    /// Never waits.
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

    /// Waits while the inbox is full: for threads that no caller listens to.
    #[expect(clippy::disallowed_methods, reason = "a full inbox empties by itself; nobody tells when")]
    pub fn push_patiently(&self, mut value: T) {
        while let Err(back) = self.push(value) {
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

    pub fn pop(&self) -> Option<T> {
        self.0.queue.pop()
    }

    pub fn is_empty(&self) -> bool {
        self.0.queue.is_empty()
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
