//! The writer of records: one thread, many records to a transaction, nothing lost and nothing waited for.

use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};

use crate::record::Record;

use super::failure::Failure;
use super::inbox::{Inbox, Report};
use super::store::Store;

/// Records in one transaction at most.
const BATCH: usize = 256;

/// The driver's end.
pub struct Records {
    /// Without bound: a record is what is left of a call, and one a call cannot run away.
    queue: Sender<Record>,
    thread: JoinHandle<()>,
}

impl Records {
    /// Slips that are committed, or could not be, come to `inbox` as [`Report::SlipSaved`].
    pub fn start(store: Store, inbox: Inbox<Report>) -> Result<Records, Failure> {
        let (queue, records) = crossbeam_channel::unbounded();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || run(store, &records, &inbox))
            .map_err(Failure::io("the store's thread could not be started"))?;
        Ok(Records { queue, thread })
    }

    pub fn save(&self, record: Record) {
        if self.queue.send(record).is_err() {
            tracing::error!("a record is lost: the store's thread is gone");
        }
    }

    /// After everything saved so far.
    pub fn stop(self) {
        drop(self.queue);
        if self.thread.join().is_err() {
            tracing::error!("the store's thread had panicked");
        }
    }
}

fn run(mut store: Store, records: &Receiver<Record>, inbox: &Inbox<Report>) {
    while let Ok(first) = records.recv() {
        // Whatever else is there already shares the transaction and its fsync.
        let batch: Vec<_> = std::iter::once(first).chain(records.try_iter().take(BATCH - 1)).collect();
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
}
