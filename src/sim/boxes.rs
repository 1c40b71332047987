//! What lies in the message boxes of a simulated world, and who may hear it: by the same door as everywhere.

use std::collections::BTreeMap;

use crate::base::{Instant, SlipId};
use crate::call::{NotOpened, OpenBox};
use crate::record::{MessageSlip, Record, SlipChange, SlipState};
use crate::slips::Door;

/// Everybody's in this world; at their own desks nobody is asked.
const PIN: &str = "246813";

#[derive(Default)]
pub(super) struct Boxes {
    slips: BTreeMap<SlipId, MessageSlip>,
    door: Door,
}

impl Boxes {
    /// A record that is written down.
    pub(super) fn take(&mut self, record: &Record) {
        match record {
            Record::Slip(slip) => drop(self.slips.insert(slip.slip, (**slip).clone())),
            Record::SlipDiscarded(slip) => drop(self.slips.remove(slip)),
            Record::SlipChange(slip, change) => {
                let Some(slip) = self.slips.get_mut(slip) else { return };
                match change {
                    // Nothing that is further on comes back.
                    SlipChange::Marked(SlipState::Heard) if slip.state != SlipState::New => {}
                    SlipChange::Marked(state) => slip.state = *state,
                    SlipChange::Forwarded { mailbox } => {
                        slip.keeping.passed.push(std::mem::replace(&mut slip.mailbox, mailbox.clone()));
                        slip.state = SlipState::New;
                    }
                    SlipChange::Promised { due } => {
                        (slip.state, slip.keeping.due) = (SlipState::Open, Some(*due));
                    }
                    SlipChange::Kept { mailbox, keeping, .. } => {
                        (slip.mailbox, slip.keeping) = (mailbox.clone(), keeping.clone());
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn open(&mut self, now: Instant, order: &OpenBox) -> Result<Vec<MessageSlip>, NotOpened> {
        self.door.opens(now, order, !order.own, |pin| pin.expose() == PIN)?;
        let lies = |slip: &&MessageSlip| {
            slip.mailbox == order.mailbox && slip.state != SlipState::Taking && !slip.state.is_settled()
        };
        Ok(self.slips.values().filter(lies).cloned().collect())
    }
}
