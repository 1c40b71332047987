//! What lies in the message boxes of a simulated world, and who may hear it: by the same door as everywhere.

use std::collections::BTreeMap;

use crate::base::{Instant, SlipId};
use crate::call::{Inquired, Inquiry, NotOpened, OpenBox};
use crate::record::{
    CaseNumber, Complaint, ComplaintChange, MessageSlip, Record, SlipChange, SlipState, SurveyAnswer,
};
use crate::slips::Door;

/// Everybody's in this world; at their own desks nobody is asked.
const PIN: &str = "246813";

#[derive(Default)]
pub(super) struct Boxes {
    slips: BTreeMap<SlipId, MessageSlip>,
    complaints: BTreeMap<CaseNumber, Complaint>,
    surveys: Vec<SurveyAnswer>,
    door: Door,
}

impl Boxes {
    /// A record that is written down.
    pub(super) fn take(&mut self, record: &Record) {
        match record {
            Record::Slip(slip) => {
                if let Some(complaint) = Complaint::of_slip(slip) {
                    self.changed(complaint.case, ComplaintChange::Accepted(Box::new(complaint)));
                }
                self.slips.insert(slip.slip, (**slip).clone());
            }
            Record::Complaint(case, change) => self.changed(*case, change.clone()),
            Record::Survey(answer) => self.surveys.push((**answer).clone()),
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

    fn changed(&mut self, case: CaseNumber, change: ComplaintChange) {
        match (self.complaints.get_mut(&case), change) {
            (Some(complaint), change) => complaint.change(change),
            (None, ComplaintChange::Accepted(complaint)) => drop(self.complaints.insert(case, *complaint)),
            (None, _) => {}
        }
    }

    pub(super) fn answer(&self, inquiry: &Inquiry) -> Inquired {
        match inquiry {
            Inquiry::Case(case) => Inquired::Case(self.complaints.get(case).cloned().map(Box::new)),
            Inquiry::Surveyed { from, since } => {
                Inquired::Surveyed(self.surveys.iter().any(|one| one.from == *from && one.at >= *since))
            }
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
