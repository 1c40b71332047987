//! The messages that callers left.

use super::Office;
use crate::base::{RecordingId, SlipId};
use crate::daemon::control::Order;
use crate::daemon::failure::Failure;
use crate::daemon::recorder;
use crate::daemon::store::{SlipFilter, Sqlite, Store};
use crate::record::{MessageSlip, SlipState};

impl Office {
    /// The newest first. What is being spoken right now is no message yet.
    pub fn messages(&self, filter: &SlipFilter) -> Result<Vec<MessageSlip>, Failure> {
        let mut slips = self.store(|store| Ok(store.slips(filter)?))?;
        slips.retain(|slip| !filter.open_only || slip.state != SlipState::Taking);
        Ok(slips)
    }

    /// A message that is complete: nobody settles one that is still being spoken.
    pub fn message(&self, slip: SlipId) -> Result<MessageSlip, Failure> {
        self.store(|store| taken(store, slip))
    }

    /// The sound of it: who called, then what about, as one WAV.
    pub fn message_sound(&self, slip: &MessageSlip) -> Result<Vec<u8>, Failure> {
        let whole = recorder::joined(self.folder(), parts(slip));
        whole.map_err(|why| Failure::Other(format!("the recording cannot be read: {why}")))
    }

    /// Heard, in hand, or settled. What could not be told to the daemon, in words.
    pub fn mark_message(&self, slip: SlipId, state: SlipState) -> Result<Option<String>, Failure> {
        self.store(|store| {
            taken(store, slip)?;
            if store.mark(slip, state)? { Ok(()) } else { Err(no_message(slip)) }
        })?;
        Ok(self.settled(slip))
    }

    /// Into another box, where it is new.
    pub fn forward_message(&self, slip: SlipId, mailbox: &str) -> Result<Option<String>, Failure> {
        self.store(|store| {
            if taken(store, slip)?.mailbox == mailbox {
                return Err(Failure::Other(format!("message {slip} lies in box {mailbox} already")));
            }
            if store.forward(slip, mailbox)? { Ok(()) } else { Err(no_message(slip)) }
        })?;
        Ok(self.settled(slip))
    }

    /// The lamp on the desk phone follows.
    fn settled(&self, slip: SlipId) -> Option<String> {
        self.tell(Order::Settled { slip })
    }
}

/// Who called, then what about.
pub fn parts(slip: &MessageSlip) -> Vec<RecordingId> {
    slip.who.iter().chain(&slip.recordings).copied().collect()
}

fn taken(store: &Sqlite, slip: SlipId) -> Result<MessageSlip, Failure> {
    let found = store.slip(slip)?.ok_or_else(|| no_message(slip))?;
    match found.state {
        SlipState::Taking => Err(Failure::Other(format!("message {slip} is still being taken"))),
        _ => Ok(found),
    }
}

fn no_message(slip: SlipId) -> Failure {
    Failure::Absent(format!("there is no message {slip}"))
}
