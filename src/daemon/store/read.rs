//! Rows back into records.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};

use super::sqlite::{Sqlite, stored};
use super::{CallFilter, StoreError, legs};
use crate::base::{CallId, Masked, RecordingId, SlipId, Wall};
use crate::record::{CallRecord, CaseNumber, QueueVisit, Stage};

const CALL: &str =
    "SELECT call, sip_call_id, from_number, dialled, origin, language, grade, started, answered,
    ended, keys, queue, queue_entered, waited_ms, offers, outcome, agent, talked_ms, target_ms, slip, end,
    withheld, diverted, outside, complaint, survey, notes, version, wrong_keys
    FROM calls";

impl Sqlite {
    pub(super) fn read_calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>, StoreError> {
        let since = filter.since.map_or(i64::MIN, Wall::as_micros);
        let latest = i64::try_from(filter.latest).unwrap_or(i64::MAX);
        self.in_one_view(|| {
            let sql = format!(
                "{CALL} WHERE started >= ?1 AND (?3 IS NULL OR agent = ?3 OR origin = ?3)
                     ORDER BY started DESC, call DESC LIMIT ?2"
            );
            let mut select = self.db.prepare_cached(&sql)?;
            let mut calls = select
                .query_map(rusqlite::params![since, latest, filter.of], call)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            calls.iter_mut().try_for_each(|call| self.complete(call))?;
            Ok(calls)
        })
    }

    /// The earliest first.
    pub(super) fn read_calls_of(
        &self,
        number: &Masked<String>,
        since: Wall,
    ) -> Result<Vec<CallRecord>, StoreError> {
        self.in_one_view(|| {
            let sql = format!("{CALL} WHERE from_number = ?1 AND ended >= ?2 ORDER BY started, call");
            let mut select = self.db.prepare_cached(&sql)?;
            let calls = select.query_map(rusqlite::params![number.expose(), since.as_micros()], call)?;
            let mut calls = calls.collect::<rusqlite::Result<Vec<_>>>()?;
            calls.iter_mut().try_for_each(|call| self.complete(call))?;
            Ok(calls)
        })
    }

    pub(super) fn read_call(&self, id: CallId) -> Result<Option<CallRecord>, StoreError> {
        self.in_one_view(|| {
            let mut select = self.db.prepare_cached(&format!("{CALL} WHERE call = ?1"))?;
            let mut found = select.query_row([stored(id.0)], call).optional()?;
            found.iter_mut().try_for_each(|call| self.complete(call))?;
            Ok(found)
        })
    }

    /// What several statements read belongs together, whatever the daemon writes meanwhile.
    fn in_one_view<R>(&self, read: impl FnOnce() -> rusqlite::Result<R>) -> Result<R, StoreError> {
        let failed = self.failed();
        let view = self.db.unchecked_transaction().map_err(&failed)?;
        let result = read().map_err(&failed)?;
        view.finish().map_err(&failed)?;
        Ok(result)
    }

    fn complete(&self, call: &mut CallRecord) -> rusqlite::Result<()> {
        let id = stored(call.call.0);
        let mut select =
            self.db.prepare_cached("SELECT at, kind, detail FROM stages WHERE call = ?1 ORDER BY place")?;
        let stages = select.query_map([id], |row| {
            Ok(Stage { at: wall(row, 0)?, kind: word(row, 1)?, detail: row.get(2)? })
        })?;
        call.stages = stages.collect::<rusqlite::Result<_>>()?;
        let mut select =
            self.db.prepare_cached("SELECT recording FROM recordings WHERE call = ?1 ORDER BY place")?;
        let recordings = select.query_map([id], |row| number(row, 0).map(RecordingId))?;
        call.recordings = recordings.collect::<rusqlite::Result<_>>()?;
        call.legs = legs::read(&self.db, call.call)?;
        Ok(())
    }
}

/// Without what lies in other tables.
fn call(row: &Row<'_>) -> rusqlite::Result<CallRecord> {
    let queue: Option<String> = row.get(11)?;
    let visit = |name| -> rusqlite::Result<QueueVisit> {
        Ok(QueueVisit {
            name,
            entered: wall(row, 12)?,
            waited_ms: number(row, 13)?,
            offers: row.get(14)?,
            outcome: word(row, 15)?,
            agent: row.get(16)?,
            talked_ms: number(row, 17)?,
            target_ms: number(row, 18)?,
        })
    };
    let end: String = row.get(20)?;
    Ok(CallRecord {
        call: CallId(number(row, 0)?),
        sip_call_id: row.get(1)?,
        from: masked(row, 2)?,
        withheld: row.get(21)?,
        diverted: json(row, 22)?.unwrap_or_default(),
        dialled: row.get(3)?,
        origin: row.get(4)?,
        language: row.get(5)?,
        grade: row.get(6)?,
        started: wall(row, 7)?,
        answered: row.get::<_, Option<i64>>(8)?.map(Wall::from_micros),
        ended: wall(row, 9)?,
        stages: Vec::new(),
        keys: masked(row, 10)?,
        queue: queue.map(visit).transpose()?,
        recordings: Vec::new(),
        slip: row.get::<_, Option<i64>>(19)?.map(|slip| SlipId(slip.unsigned_abs())),
        complaint: row.get::<_, Option<String>>(24)?.and_then(|case| CaseNumber::parse(&case)),
        survey: json(row, 25)?,
        notes: json(row, 26)?.unwrap_or_default(),
        outside: json(row, 23)?,
        legs: Vec::new(),
        version: row.get::<_, Option<i64>>(27)?.map(i64::unsigned_abs),
        wrong_keys: row.get(28)?,
        end: serde_json::from_str(&end).map_err(|error| unreadable(20, error))?,
    })
}

pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

pub(super) fn wall(row: &Row<'_>, column: usize) -> rusqlite::Result<Wall> {
    row.get(column).map(Wall::from_micros)
}

pub(super) fn masked(row: &Row<'_>, column: usize) -> rusqlite::Result<Masked<String>> {
    row.get::<_, String>(column).map(Masked::new)
}

/// What is kept as JSON, or nothing.
pub(super) fn json<T: for<'a> Deserialize<'a>>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| unreadable(column, error))).transpose()
}

/// A word of one of our enums.
pub(super) fn word<T: for<'a> Deserialize<'a>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    let word: StrDeserializer<'_, WordError> = text.as_str().into_deserializer();
    T::deserialize(word).map_err(|error| unreadable(column, error))
}

pub(super) fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
