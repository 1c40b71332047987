//! Callbacks that are owed: written as they change, read once, at the start.

use rusqlite::types::Type;
use rusqlite::{Row, Transaction, params};

use super::StoreError;
use super::sqlite::{Sqlite, json, stored};
use crate::base::{CallId, Masked, Wall};
use crate::record::Callback;

pub(super) fn upsert(transaction: &Transaction<'_>, record: &Callback) -> rusqlite::Result<()> {
    let Callback { callback, number, queue, language, grade, needs, credit_ms, since, tries, last, given_up } =
        record;
    let mut upsert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO callbacks (callback, number, queue, language, grade, needs, credit_ms, since, tries,
             last, given_up)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    upsert.execute(params![
        stored(callback.0),
        number.expose(),
        queue,
        language,
        grade,
        json(needs)?,
        credit_ms.map(stored),
        since.as_micros(),
        tries,
        last,
        given_up.map(Wall::as_micros),
    ])?;
    Ok(())
}

pub(super) fn remove(transaction: &Transaction<'_>, callback: CallId) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM callbacks WHERE callback = ?1")?.execute([stored(callback.0)])?;
    Ok(())
}

impl Sqlite {
    /// Longest waiting first. A row that cannot be read is left out, and said so: the others are still owed.
    pub(super) fn read_callbacks(&self) -> Result<Vec<Callback>, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached(
                "SELECT callback, number, queue, language, grade, needs, credit_ms, since, tries, last,
                     given_up
                 FROM callbacks ORDER BY since, callback",
            )?;
            let mut callbacks = Vec::new();
            for row in select.query_map([], callback)? {
                match row {
                    Ok(callback) => callbacks.push(callback),
                    Err(error @ rusqlite::Error::SqliteFailure(..)) => return Err(error),
                    Err(error) => tracing::error!(%error, "a callback that cannot be read is left out"),
                }
            }
            Ok(callbacks)
        };
        read().map_err(self.failed())
    }
}

fn callback(row: &Row<'_>) -> rusqlite::Result<Callback> {
    let needs: String = row.get(5)?;
    Ok(Callback {
        callback: row.get::<_, i64>(0).map(|number| CallId(number.unsigned_abs()))?,
        number: row.get::<_, String>(1).map(Masked::new)?,
        queue: row.get(2)?,
        language: row.get(3)?,
        grade: row.get(4)?,
        needs: serde_json::from_str(&needs)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(5, Type::Text, Box::new(error)))?,
        credit_ms: row.get::<_, Option<i64>>(6)?.map(i64::unsigned_abs),
        since: row.get(7).map(Wall::from_micros)?,
        tries: row.get(8)?,
        last: row.get(9)?,
        given_up: row.get::<_, Option<i64>>(10)?.map(Wall::from_micros),
    })
}
