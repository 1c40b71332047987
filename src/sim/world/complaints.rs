//! What is due of complaints in a simulated world, and how they stand.

use super::World;
use crate::call::{Inquired, Inquiry};
use crate::complaints::Duty;
use crate::exchange::Input;
use crate::record::{CaseNumber, Complaint};

impl World {
    /// As it is written down.
    pub fn complaint(&self, case: CaseNumber) -> Option<Complaint> {
        match self.boxes.answer(&Inquiry::Case(case)) {
            Inquired::Case(found) => found.map(|found| *found),
            _ => None,
        }
    }

    /// The clerk of complaints says that this is due now.
    pub fn complaint_due(&mut self, complaint: Complaint, duty: Duty) {
        self.input(Input::ComplaintDue { complaint: Box::new(complaint), duty });
        self.settle();
    }
}
