//! What a call asks the store.

use crate::base::{Masked, Wall};
use crate::record::{CaseNumber, Complaint};

/// A question. Each is answered by one [`Inquired`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inquiry {
    /// How things stand with a complaint.
    Case(CaseNumber),
    /// Whether somebody has answered a survey from this number since then.
    Surveyed { from: Masked<String>, since: Wall },
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Inquired {
    /// `None`: there is no such case.
    Case(Option<Box<Complaint>>),
    Surveyed(bool),
    /// The store cannot be read.
    NotNow,
}
