//! The writer of records: one thread, many records to a transaction, nothing lost and nothing waited for.

use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};

use crate::base::Ids;
use crate::record::Record;

use super::failure::Failure;
use super::inbox::{Inbox, Report};
use super::store::Store;

/// Records in one transaction at most.
const BATCH: usize = 256;

enum Job {
    Save(Record),
    /// The last one: these numbers were not used.
    Close(Ids),
}

/// The driver's end.
pub struct Records {
    /// Without bound: a record is what is left of a call, and one a call cannot run away.
    queue: Sender<Job>,
    thread: JoinHandle<()>,
}

impl Records {
    /// Slips that are committed, or could not be, come to `inbox` as [`Report::SlipSaved`].
    pub fn start(store: impl Store + 'static, inbox: Inbox<Report>) -> Result<Records, Failure> {
        let (queue, jobs) = crossbeam_channel::unbounded();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || run(store, &jobs, &inbox))
            .map_err(Failure::io("the store's thread could not be started"))?;
        Ok(Records { queue, thread })
    }

    pub fn save(&self, record: Record) {
        if self.queue.send(Job::Save(record)).is_err() {
            tracing::error!("a record is lost: the store's thread is gone");
        }
    }

    /// After everything saved so far. The next start goes on with these numbers.
    pub fn stop(self, next: Ids) {
        // Fails only when the thread is gone, which the join tells.
        let _ = self.queue.send(Job::Close(next));
        if self.thread.join().is_err() {
            tracing::error!("the store's thread had panicked");
        }
    }
}

fn run(mut store: impl Store, jobs: &Receiver<Job>, inbox: &Inbox<Report>) {
    let mut next = None;
    while next.is_none() {
        let Ok(first) = jobs.recv() else { return };
        // Whatever else is there already shares the transaction and its fsync.
        let mut batch = Vec::new();
        for job in std::iter::once(first).chain(jobs.try_iter()).take(BATCH) {
            match job {
                Job::Save(record) => batch.push(record),
                Job::Close(ids) => next = Some(ids),
            }
        }
        write(&mut store, batch, inbox);
    }
    if let Some(Err(error)) = next.map(|ids| store.release(ids)) {
        tracing::error!(%error, "the store could not be closed in order");
    }
}

fn write(store: &mut impl Store, batch: Vec<Record>, inbox: &Inbox<Report>) {
    if batch.is_empty() {
        return;
    }
    let result = store.write(&batch).map_err(|error| error.to_string());
    if let Err(reason) = &result {
        tracing::error!(records = batch.len(), reason, "records could not be written");
    }
    for record in batch {
        if let Record::Slip(slip) = record {
            inbox.push_patiently(Report::SlipSaved { slip: slip.slip, result: result.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CallId, Masked, RecordingId, SlipId, Wall};
    use crate::daemon::store::{SlipFilter, Sqlite};
    use crate::record::{MessageSlip, SlipState};

    fn slip(number: u64) -> Record {
        Record::Slip(Box::new(MessageSlip {
            slip: SlipId(number),
            call: CallId(1),
            from: Masked::from("13800138000"),
            person: None,
            mailbox: "complaint".to_owned(),
            taken: Wall::from_micros(1),
            recording: RecordingId(number),
            length_ms: 5000,
            confirmed: true,
            state: SlipState::New,
        }))
    }

    #[test]
    fn a_slip_is_reported_when_it_is_in_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hotline.sqlite");
        let inbox = Inbox::new(16);
        let mut store = Sqlite::open(&path).unwrap();
        let ids = store.ids().unwrap();
        let records = Records::start(store, inbox.clone()).unwrap();
        for number in 1..=3 {
            records.save(slip(number));
        }
        records.stop(ids);
        for number in 1..=3 {
            let Some(Report::SlipSaved { slip, result: Ok(()) }) = inbox.pop() else { panic!("not saved") };
            assert_eq!(slip, SlipId(number));
        }
        let store = Sqlite::open_existing(&path).unwrap();
        assert_eq!(store.slips(&SlipFilter::default()).unwrap().len(), 3);
    }
}
