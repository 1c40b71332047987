//! Somebody listens to what happens: a queue of so many that is filled by whoever makes things happen and never waits. Who
//! reads too slowly loses what does not fit, and is told how much.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::counters::Counter;

/// The listener's end.
pub struct Live<T> {
    pub heard: Receiver<T>,
    /// What did not fit.
    pub lost: Arc<Counter>,
}

/// The other one.
pub struct Tap<T> {
    heard: Sender<T>,
    lost: Arc<Counter>,
}

pub enum Given {
    Taken,
    Lost,
    /// Nobody listens any more.
    Gone,
}

impl<T: Clone> Tap<T> {
    pub fn give(&self, what: &T) -> Given {
        match self.heard.try_send(what.clone()) {
            Ok(()) => Given::Taken,
            Err(TrySendError::Full(_)) => {
                self.lost.add_one();
                Given::Lost
            }
            Err(TrySendError::Disconnected(_)) => Given::Gone,
        }
    }

    pub fn is_heard(&self) -> bool {
        Arc::strong_count(&self.lost) > 1
    }
}

/// `behind`: what the listener may be behind.
pub fn tap<T>(behind: usize) -> (Tap<T>, Live<T>) {
    let (sender, receiver) = bounded(behind);
    let lost = Arc::new(Counter::default());
    (Tap { heard: sender, lost: Arc::clone(&lost) }, Live { heard: receiver, lost })
}
