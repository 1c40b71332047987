//! What outlives the process: call records, message slips, registrations of phones, and the numbers that must
//! never be given twice.
//!
//! [`Store`] is what the rest knows; [`Sqlite`] is the embedded one, a single file in the state folder. A
//! write is one transaction and returns when the disk has it, so that "saved" is only ever said of what a
//! power failure cannot take back. Reading beside a running daemon disturbs nobody (write-ahead log).
//!
//! This is one of the few places that may expose confidential values: the file is readable by its owner
//! only, and what is read comes out masked again.

mod callbacks;
mod complaints;
mod deliveries;
mod error;
mod kept;
mod legs;
mod presences;
mod promises;
mod read;
mod registrations;
mod schema;
mod slips;
mod sqlite;
mod surveys;
#[cfg(test)]
mod tests;
mod users;
mod versions;

use std::time::Duration;

use crate::base::{CallId, Ids, Masked, RecordingId, SlipId, Wall};
use crate::dialplan::SourceFile;
use crate::record::{
    CallRecord, Callback, CaseNumber, Complaint, ComplaintChange, Contact, Delivery, KeptPlace, KeptPresence,
    MessageSlip, Promise, Record, Registration, SlipState, SurveyAnswer, Version, Waiting,
};

pub use error::StoreError;
pub use sqlite::Sqlite;
pub use users::DeedFilter;

/// A place for records. Blocking: it lives on a thread of its own, or in a command.
pub trait Store: Send {
    /// All of them or none; durable when it returns `Ok`.
    fn write(&mut self, records: &[Record]) -> Result<(), StoreError>;

    /// The numbers to go on with. They are set aside before they are handed out: after a crash the next start
    /// goes on beyond all that may have been used.
    fn ids(&mut self) -> Result<Ids, StoreError>;

    /// At an orderly end: `next` and all numbers above were not used, the next start may have them.
    fn release(&mut self, next: Ids) -> Result<(), StoreError>;

    /// After a crash, before the first call: slips whose taking was cut short become new with what `kept` says
    /// is left of the recording, or vanish where nothing is. Returns those that became new.
    fn recover(
        &mut self,
        kept: &dyn Fn(RecordingId) -> Option<Duration>,
    ) -> Result<Vec<MessageSlip>, StoreError>;

    /// Where the phones are, as far as it was written before the last run ended. The latest first.
    fn registrations(&self) -> Result<Vec<Registration>, StoreError>;

    /// What is owed to customers. The longest waiting first.
    fn callbacks(&self) -> Result<Vec<Callback>, StoreError>;

    /// What was promised to callers and is open; with a time, also what was promised since then and has ended. The
    /// earliest first.
    fn promises(&self, since: Option<Wall>) -> Result<Vec<Promise>, StoreError>;

    /// What is remembered of callers beyond this moment; all else is forgotten. Who would be forgotten first comes first.
    fn kept(&mut self, now: Wall) -> Result<(Vec<Contact>, Vec<KeptPlace>), StoreError>;

    /// Whose matters are open, one person's or everybody's: so many, those with the latest calls, these first.
    fn matters(&self, now: Wall, owner: Option<&str>, most: usize) -> Result<Vec<Contact>, StoreError>;

    /// The calls from a number that ended then or later. The earliest first.
    fn calls_of(&self, number: &Masked<String>, since: Wall) -> Result<Vec<CallRecord>, StoreError>;

    /// What was said of people's presence.
    fn presences(&self) -> Result<Vec<KeptPresence>, StoreError>;

    /// Newest first.
    fn calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>, StoreError>;

    fn call(&self, call: CallId) -> Result<Option<CallRecord>, StoreError>;

    /// Newest first.
    fn slips(&self, filter: &SlipFilter) -> Result<Vec<MessageSlip>, StoreError>;

    fn slip(&self, slip: SlipId) -> Result<Option<MessageSlip>, StoreError>;

    /// What waits in one box, or in every one that something waits in.
    fn waiting(&self, mailbox: Option<&str>) -> Result<Vec<(String, Waiting)>, StoreError>;

    /// Who is to be told of a slip by now, the longest waiting first.
    fn due(&self, by: Wall, most: usize) -> Result<Vec<Due>, StoreError>;

    /// When somebody is to be told who is not to be told yet.
    fn next_due(&self, after: Wall) -> Result<Option<Wall>, StoreError>;

    /// Newest first.
    fn complaints(&self, filter: &ComplaintFilter) -> Result<Vec<Complaint>, StoreError>;

    fn complaint(&self, case: CaseNumber) -> Result<Option<Complaint>, StoreError>;

    /// `false`: there is no such complaint.
    fn change_complaint(&mut self, case: CaseNumber, change: &ComplaintChange) -> Result<bool, StoreError>;

    /// What callers have said of talks since then, the first one first.
    fn surveys(&self, since: Wall) -> Result<Vec<SurveyAnswer>, StoreError>;

    /// Whether somebody has answered a survey from this number since then.
    fn surveyed(&self, from: &Masked<String>, since: Wall) -> Result<bool, StoreError>;

    /// Heard, open, done, or new again. `false`: there is no such slip.
    fn mark(&mut self, slip: SlipId, state: SlipState) -> Result<bool, StoreError>;

    /// The history of the dialplan, the newest first.
    fn versions(&self) -> Result<Vec<Version>, StoreError>;

    /// One of them with its files.
    fn version(&self, number: u64) -> Result<Option<(Version, Vec<SourceFile>)>, StoreError>;

    /// A new one, under the next number, which comes back; and what becomes of others by it.
    fn keep_version(
        &mut self,
        version: &Version,
        files: &[SourceFile],
        changed: &[Version],
    ) -> Result<u64, StoreError>;

    fn change_versions(&mut self, changed: &[Version]) -> Result<(), StoreError>;

    /// Into another box, where it is new. `false`: there is no such slip.
    fn forward(&mut self, slip: SlipId, mailbox: &str) -> Result<bool, StoreError>;
}

/// A delivery that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub number: u64,
    pub delivery: Delivery,
    /// So many were in vain.
    pub tries: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFilter {
    /// At most so many.
    pub latest: usize,
    /// Calls that began at this time or later.
    pub since: Option<Wall>,
    /// Those that the agent with this extension answered or made; `None`: all.
    pub of: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlipFilter {
    /// A person's extension or a box of the house; `None`: all.
    pub mailbox: Option<String>,
    /// Leave out what is done.
    pub open_only: bool,
    /// At most so many, the newest; 0: all.
    pub latest: usize,
    /// What the box, the caller's number or the number left for calling back contains; empty: anything.
    pub search: Masked<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComplaintFilter {
    /// An extension; `None`: everybody's.
    pub owner: Option<String>,
    /// Leave out what is closed.
    pub not_closed: bool,
    /// Accepted at this time or later.
    pub since: Option<Wall>,
    /// At most so many, the newest; 0: all.
    pub latest: usize,
}
