//! Message slips in the embedded store: listed, searched, saved beside a bare fsync of as many octets.

use std::hint::black_box;
use std::io::Write as _;

use hotline::base::{CallId, Masked, RecordingId, SlipId, Wall};
use hotline::daemon::store::{SlipFilter, Sqlite, Store};
use hotline::record::{Keeping, MessageSlip, Record, SlipState};

use super::Sample;

const SLIPS: u64 = 10_000;

fn slip(number: u64) -> Record {
    Record::Slip(Box::new(MessageSlip {
        slip: SlipId(number),
        call: CallId(number),
        from: Masked::new(format!("138{:08}", number * 7919 % 100_000_000)),
        person: None,
        mailbox: format!("{}", 4000 + number % 50),
        taken: Wall::from_micros(1_795_136_400_000_000 + number as i64),
        who: Some(RecordingId(number)),
        recordings: vec![RecordingId(number + 1)],
        length_ms: 30_000,
        number: Some(Masked::from("13800138000")),
        urgent: false,
        confirmed: true,
        state: SlipState::New,
        about: None,
        keeping: Keeping::default(),
    }))
}

fn filled() -> (tempfile::TempDir, Sqlite) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Sqlite::open(&folder.path().join("bench.sqlite")).expect("a store");
    let slips: Vec<Record> = (1..=SLIPS).map(slip).collect();
    store.write(&slips).expect("written");
    (folder, store)
}

pub fn listed() -> Sample {
    let (_folder, store) = filled();
    let all = SlipFilter { open_only: true, ..SlipFilter::default() };
    Sample::of(5, |_| drop(black_box(store.slips(&all))))
}

pub fn searched() -> Sample {
    let (_folder, store) = filled();
    let some = SlipFilter { search: Masked::from("0079"), ..SlipFilter::default() };
    Sample::of(5, |_| drop(black_box(store.slips(&some))))
}

pub fn saved() -> Sample {
    let (_folder, mut store) = filled();
    Sample::of(50, |number| {
        let _ = black_box(store.write(&[slip(SLIPS + 1 + u64::from(number))]));
    })
}

/// Two pages of the database: what a slip and its indexes add to the log of a transaction.
pub fn synced() -> Sample {
    let folder = tempfile::tempdir().expect("a folder");
    let mut file = std::fs::File::create(folder.path().join("bare")).expect("a file");
    Sample::of(50, |_| {
        let _ = file.write_all(&[7; 8192]).and_then(|()| file.sync_data());
    })
}
