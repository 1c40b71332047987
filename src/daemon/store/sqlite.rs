//! The embedded store: one SQLite file.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::schema::{self, MIGRATIONS};
use super::slips::left_of;
use super::{
    CallFilter, ComplaintFilter, Due, SlipFilter, Store, StoreError, callbacks, complaints, deliveries, kept,
    legs, presences, promises, registrations, slips, surveys, versions,
};
use crate::base::{CallId, Ids, Masked, RecordingId, SlipId, Wall};
use crate::dialplan::SourceFile;
use crate::record::{
    CallRecord, Callback, CaseNumber, Complaint, ComplaintChange, Contact, KeptPlace, KeptPresence,
    MessageSlip, Promise, Record, Registration, SlipState, SurveyAnswer, Version, Waiting,
};

/// Numbers set aside at a time, and how many of them may be left before more are: many times the calls that
/// can run at once, so that what a crash leaves unrecorded is never given again.
const BLOCK: u64 = 10_000;
const LEAST: u64 = BLOCK / 2;

/// How long to wait for another program's transaction. Ours take milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);

pub struct Sqlite {
    pub(super) db: Connection,
    pub(super) path: PathBuf,
    /// What [`Store::ids`] handed out, and below which numbers are set aside on disk. Zero until it was asked.
    handed: Ids,
    aside: Ids,
}

impl Sqlite {
    /// For the daemon, which owns the state folder. Makes the file where there is none, brings an older one up
    /// to date, sees to it that nobody else can read it.
    pub fn open(path: &Path) -> Result<Sqlite, StoreError> {
        Self::open_with(path, PATIENCE)
    }

    pub(in crate::daemon) fn open_with(path: &Path, patience: Duration) -> Result<Sqlite, StoreError> {
        own(path).map_err(|error| StoreError::io(path, &error))?;
        let mut store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, patience)?;
        let failed = StoreError::of(path);
        // What is newer or foreign stays untouched, down to its journal mode.
        schema::version(&store.db, path)?;
        schema::migrate(&mut store.db, path, MIGRATIONS)?;
        store.db.pragma_update(None, "journal_mode", "WAL").map_err(&failed)?;
        store.db.pragma_update(None, "synchronous", "FULL").map_err(&failed)?;
        Ok(store)
    }

    /// For a command, beside a running daemon or without one. Neither makes nor changes a schema.
    pub fn open_existing(path: &Path) -> Result<Sqlite, StoreError> {
        if !path.exists() {
            return Err(StoreError::Absent { path: path.to_owned() });
        }
        let store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, PATIENCE)?;
        let (found, known) = (schema::version(&store.db, path)?, MIGRATIONS.len() as i64);
        let path = path.to_owned();
        if found > known {
            return Err(StoreError::Newer { path, found, known });
        }
        if found < known {
            return Err(StoreError::Older { path, found, known });
        }
        store.db.pragma_update(None, "synchronous", "FULL").map_err(StoreError::of(&path))?;
        Ok(store)
    }

    fn connect(path: &Path, access: OpenFlags, patience: Duration) -> Result<Sqlite, StoreError> {
        let failed = StoreError::of(path);
        let db =
            Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(&failed)?;
        db.busy_timeout(patience).map_err(&failed)?;
        Ok(Sqlite { db, path: path.to_owned(), handed: Ids::default(), aside: Ids::default() })
    }

    pub(super) fn failed(&self) -> impl Fn(rusqlite::Error) -> StoreError + use<> {
        StoreError::of(&self.path)
    }

    /// One write transaction, durable when it returns `Ok`.
    pub(super) fn change<R>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<R>,
    ) -> Result<R, StoreError> {
        let failed = self.failed();
        // Immediate: a lock that is taken is waited for at the beginning, never met half-way.
        let transaction =
            self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let result = change(&transaction).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(result)
    }
}

impl Store for Sqlite {
    fn write(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let aside = further(self.aside, records);
        self.change(|transaction| {
            for record in records {
                match record {
                    Record::Call(call) => insert_call(transaction, call)?,
                    Record::Leg { call, quality } => legs::insert(transaction, *call, quality)?,
                    Record::Slip(slip) => slips::upsert(transaction, slip)?,
                    Record::SlipDiscarded(slip) => slips::remove(transaction, *slip)?,
                    Record::SlipChange(slip, change) => slips::change(transaction, *slip, change)?,
                    Record::Complaint(case, change) => {
                        // Of one that is unknown nothing can be said.
                        complaints::change(transaction, *case, change)?;
                    }
                    Record::Survey(answer) => surveys::upsert(transaction, answer)?,
                    Record::Posted(posted) => deliveries::settle(transaction, posted)?,
                    Record::Callback(callback) => callbacks::upsert(transaction, callback)?,
                    Record::CallbackOver(callback) => callbacks::remove(transaction, *callback)?,
                    Record::Promise(promise) => promises::upsert(transaction, promise)?,
                    Record::PromiseUnmade(promise) => promises::remove(transaction, *promise)?,
                    Record::Contact(contact) => kept::contact(transaction, contact)?,
                    Record::Place(place) => kept::place(transaction, place)?,
                    Record::PlaceTaken(number, queue) => kept::place_taken(transaction, number, queue)?,
                    Record::Presence(presence) => presences::upsert(transaction, presence)?,
                    Record::Registration(registration) => registrations::upsert(transaction, registration)?,
                    Record::RegistrationEnded(number) => registrations::remove(transaction, *number)?,
                }
            }
            set_aside(transaction, aside)
        })?;
        self.aside = aside;
        Ok(())
    }

    fn ids(&mut self) -> Result<Ids, StoreError> {
        let (next, aside) = self.change(|transaction| {
            let next = |name: &str| -> rusqlite::Result<u64> {
                let mut select = transaction.prepare_cached("SELECT next FROM counters WHERE name = ?1")?;
                select.query_row([name], |row| row.get::<_, i64>(0)).map(|next| next.unsigned_abs().max(1))
            };
            let (call, recording, slip) = (next("call")?, next("recording")?, next("slip")?);
            let next = Ids { call, recording, slip, step: 1 };
            let aside = Ids { call: call + BLOCK, recording: recording + BLOCK, slip: slip + BLOCK, step: 1 };
            set_aside(transaction, aside)?;
            Ok((next, aside))
        })?;
        (self.handed, self.aside) = (next, aside);
        Ok(next)
    }

    fn release(&mut self, next: Ids) -> Result<(), StoreError> {
        // Never below what this run began with, whoever asks.
        let next = Ids {
            call: next.call.max(self.handed.call),
            recording: next.recording.max(self.handed.recording),
            slip: next.slip.max(self.handed.slip),
            step: 1,
        };
        self.change(|transaction| set_aside(transaction, next))?;
        self.aside = next;
        Ok(())
    }

    fn recover(
        &mut self,
        kept: &dyn Fn(RecordingId) -> Option<Duration>,
    ) -> Result<Vec<MessageSlip>, StoreError> {
        let recovered: Vec<_> =
            self.slips_in(SlipState::Taking)?.into_iter().filter_map(|slip| left_of(slip, kept)).collect();
        self.change(|transaction| {
            transaction.execute("DELETE FROM slips WHERE state = ?1", [SlipState::Taking.name()])?;
            recovered.iter().try_for_each(|slip| slips::upsert(transaction, slip))
        })?;
        Ok(recovered)
    }

    fn registrations(&self) -> Result<Vec<Registration>, StoreError> {
        self.read_registrations()
    }

    fn callbacks(&self) -> Result<Vec<Callback>, StoreError> {
        self.read_callbacks()
    }

    fn promises(&self, since: Option<Wall>) -> Result<Vec<Promise>, StoreError> {
        self.read_promises(since)
    }

    fn kept(&mut self, now: Wall) -> Result<(Vec<Contact>, Vec<KeptPlace>), StoreError> {
        self.change(|transaction| kept::forget(transaction, now))?;
        self.read_kept()
    }

    fn matters(&self, now: Wall, owner: Option<&str>, most: usize) -> Result<Vec<Contact>, StoreError> {
        self.read_matters(now, owner, most)
    }

    fn calls_of(&self, number: &Masked<String>, since: Wall) -> Result<Vec<CallRecord>, StoreError> {
        self.read_calls_of(number, since)
    }

    fn presences(&self) -> Result<Vec<KeptPresence>, StoreError> {
        self.read_presences()
    }

    fn calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>, StoreError> {
        self.read_calls(filter)
    }

    fn call(&self, call: CallId) -> Result<Option<CallRecord>, StoreError> {
        self.read_call(call)
    }

    fn slips(&self, filter: &SlipFilter) -> Result<Vec<MessageSlip>, StoreError> {
        self.read_slips(filter)
    }

    fn slip(&self, slip: SlipId) -> Result<Option<MessageSlip>, StoreError> {
        self.read_slip(slip)
    }

    fn waiting(&self, mailbox: Option<&str>) -> Result<Vec<(String, Waiting)>, StoreError> {
        self.read_waiting(mailbox)
    }

    fn due(&self, by: Wall, most: usize) -> Result<Vec<Due>, StoreError> {
        self.read_due(by, most)
    }

    fn next_due(&self, after: Wall) -> Result<Option<Wall>, StoreError> {
        self.read_next_due(after)
    }

    fn complaints(&self, filter: &ComplaintFilter) -> Result<Vec<Complaint>, StoreError> {
        self.read_complaints(filter)
    }

    fn complaint(&self, case: CaseNumber) -> Result<Option<Complaint>, StoreError> {
        self.read_complaint(case)
    }

    fn change_complaint(&mut self, case: CaseNumber, change: &ComplaintChange) -> Result<bool, StoreError> {
        self.change(|transaction| complaints::change(transaction, case, change))
    }

    fn surveys(&self, since: Wall) -> Result<Vec<SurveyAnswer>, StoreError> {
        self.read_surveys(since)
    }

    fn surveyed(&self, from: &Masked<String>, since: Wall) -> Result<bool, StoreError> {
        self.read_surveyed(from, since)
    }

    fn versions(&self) -> Result<Vec<Version>, StoreError> {
        self.read_versions()
    }

    fn version(&self, number: u64) -> Result<Option<(Version, Vec<SourceFile>)>, StoreError> {
        self.read_version(number)
    }

    fn keep_version(
        &mut self,
        version: &Version,
        files: &[SourceFile],
        changed: &[Version],
    ) -> Result<u64, StoreError> {
        self.change(|transaction| {
            changed.iter().try_for_each(|other| versions::update(transaction, other))?;
            versions::insert(transaction, version, files)
        })
    }

    fn change_versions(&mut self, changed: &[Version]) -> Result<(), StoreError> {
        self.change(|transaction| changed.iter().try_for_each(|other| versions::update(transaction, other)))
    }

    fn mark(&mut self, slip: SlipId, state: SlipState) -> Result<bool, StoreError> {
        self.change(|transaction| slips::mark(transaction, slip, state))
    }

    fn forward(&mut self, slip: SlipId, mailbox: &str) -> Result<bool, StoreError> {
        self.change(|transaction| slips::forward(transaction, slip, mailbox))
    }
}

fn insert_call(transaction: &Transaction<'_>, record: &CallRecord) -> rusqlite::Result<()> {
    let CallRecord {
        call,
        sip_call_id,
        from,
        withheld,
        diverted,
        dialled,
        origin,
        language,
        grade,
        started,
        answered,
        ended,
        stages,
        keys,
        queue,
        recordings,
        slip,
        complaint,
        survey,
        notes,
        outside,
        // Each of them is a record of its own.
        legs: _,
        version,
        wrong_keys,
        end,
    } = record;
    let visit = queue.as_ref();
    let mut insert = transaction.prepare_cached(
        "INSERT INTO calls (call, sip_call_id, from_number, dialled, origin, language, grade, started, answered,
             ended, keys, queue, queue_entered, waited_ms, offers, outcome, agent, talked_ms, target_ms, slip, end,
             withheld, diverted, outside, complaint, survey, notes, version, wrong_keys)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
             ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)
         ON CONFLICT DO NOTHING",
    )?;
    let inserted = insert.execute(params![
        stored(call.0),
        sip_call_id,
        from.expose(),
        dialled,
        origin,
        language,
        grade,
        started.as_micros(),
        answered.map(|at| at.as_micros()),
        ended.as_micros(),
        keys.expose(),
        visit.map(|v| &v.name),
        visit.map(|v| v.entered.as_micros()),
        visit.map(|v| stored(v.waited_ms)),
        visit.map(|v| v.offers),
        visit.map(|v| v.outcome.name()),
        visit.and_then(|v| v.agent.as_ref()),
        visit.map(|v| stored(v.talked_ms)),
        visit.map(|v| stored(v.target_ms)),
        slip.map(|slip| stored(slip.0)),
        json(end)?,
        withheld,
        (!diverted.is_empty()).then(|| json(diverted)).transpose()?,
        outside.as_ref().map(json).transpose()?,
        complaint.map(|case| case.to_string()),
        survey.as_ref().map(json).transpose()?,
        (!notes.is_empty()).then(|| json(notes)).transpose()?,
        version.map(stored),
        wrong_keys,
    ])?;
    if inserted == 0 {
        // The other records of the transaction must not suffer for it.
        tracing::error!(%call, "a call was recorded twice; the first record stays");
        return Ok(());
    }
    let mut insert = transaction
        .prepare_cached("INSERT INTO stages (call, place, at, kind, detail) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (place, stage) in (0i64..).zip(stages) {
        let kind = stage.kind.name();
        insert.execute(params![stored(call.0), place, stage.at.as_micros(), kind, stage.detail])?;
    }
    let mut insert =
        transaction.prepare_cached("INSERT INTO recordings (call, place, recording) VALUES (?1, ?2, ?3)")?;
    for (place, recording) in (0i64..).zip(recordings) {
        insert.execute([stored(call.0), place, stored(recording.0)])?;
    }
    Ok(())
}

/// As much as must be set aside for these records' numbers to stay well below.
fn further(mut aside: Ids, records: &[Record]) -> Ids {
    let raise = |mark: &mut u64, used: u64| {
        if *mark != 0 && used.saturating_add(LEAST) >= *mark {
            *mark = used.saturating_add(BLOCK);
        }
    };
    for record in records {
        match record {
            Record::Call(call) => {
                raise(&mut aside.call, call.call.0);
                call.recordings.iter().for_each(|recording| raise(&mut aside.recording, recording.0));
                call.slip.iter().for_each(|slip| raise(&mut aside.slip, slip.0));
            }
            Record::Slip(slip) => {
                raise(&mut aside.slip, slip.slip.0);
                slip.who.iter().chain(&slip.recordings).for_each(|id| raise(&mut aside.recording, id.0));
            }
            Record::SlipDiscarded(slip) => raise(&mut aside.slip, slip.0),
            Record::Callback(callback) => raise(&mut aside.call, callback.callback.0),
            Record::Promise(promise) => raise(&mut aside.call, promise.promise.0),
            Record::Leg { call, .. } => raise(&mut aside.call, call.0),
            Record::Survey(answer) => raise(&mut aside.call, answer.call.0),
            Record::CallbackOver(_)
            | Record::PromiseUnmade(_)
            | Record::Complaint(..)
            | Record::Contact(_)
            | Record::Presence(_)
            | Record::Place(_)
            | Record::PlaceTaken(..)
            | Record::Registration(_)
            | Record::RegistrationEnded(_)
            | Record::SlipChange(..)
            | Record::Posted(_) => {}
        }
    }
    aside
}

fn set_aside(transaction: &Transaction<'_>, aside: Ids) -> rusqlite::Result<()> {
    let mut update =
        transaction.prepare_cached("UPDATE counters SET next = ?2 WHERE name = ?1 AND next <> ?2")?;
    for (name, next) in [("call", aside.call), ("recording", aside.recording), ("slip", aside.slip)] {
        if next > 0 {
            update.execute(params![name, stored(next)])?;
        }
    }
    Ok(())
}

/// SQLite's integers are signed; no number of ours gets near the difference.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// Makes the file if need be, and makes it ours alone. SQLite gives its companions the same mode.
fn own(path: &Path) -> std::io::Result<()> {
    let file: File =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}
