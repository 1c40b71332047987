//! What callers were promised: written as it changes; the open ones read at the start, all of them for reports.

use rusqlite::types::Type;
use rusqlite::{Row, Transaction, params};

use super::StoreError;
use super::sqlite::{Sqlite, stored};
use crate::base::{CallId, Masked, Wall};
use crate::record::{Promise, PromiseKind, PromiseState};

const COLUMNS: &str = "promise, kind, call, number, queue, owner, holder, language, grade, made, due, by, tries, last, \
                       state, ended";

pub(super) fn upsert(transaction: &Transaction<'_>, record: &Promise) -> rusqlite::Result<()> {
    let Promise {
        promise,
        kind,
        call,
        number,
        queue,
        owner,
        holder,
        language,
        grade,
        made,
        due,
        by,
        tries,
        last,
        state,
        ended,
    } = record;
    let mut upsert = transaction.prepare_cached(&format!(
        "INSERT OR REPLACE INTO promises ({COLUMNS})
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
    ))?;
    upsert.execute(params![
        stored(promise.0),
        kind.name(),
        call.map(|call| stored(call.0)),
        number.expose(),
        queue,
        owner,
        holder,
        language,
        grade,
        made.as_micros(),
        due.as_micros(),
        by.map(Wall::as_micros),
        tries,
        last,
        state.name(),
        ended.map(Wall::as_micros),
    ])?;
    Ok(())
}

pub(super) fn remove(transaction: &Transaction<'_>, promise: CallId) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM promises WHERE promise = ?1")?.execute([stored(promise.0)])?;
    Ok(())
}

impl Sqlite {
    /// Which of them. The earliest first. A row that cannot be read is left out, and said so: the others still count.
    pub(super) fn read_promises(&self, since: Option<Wall>) -> Result<Vec<Promise>, StoreError> {
        // Nothing made since is asked for at the start: what is open, whenever that was promised.
        let which = match since {
            Some(_) => "made >= ?1 OR state = 'open'",
            None => "state = 'open' AND ?1 = 0",
        };
        let read = || {
            let mut select = self.db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM promises WHERE {which} ORDER BY made, promise"
            ))?;
            let mut promises = Vec::new();
            for row in select.query_map([since.map_or(0, Wall::as_micros)], promise)? {
                match row {
                    Ok(promise) => promises.push(promise),
                    Err(error @ rusqlite::Error::SqliteFailure(..)) => return Err(error),
                    Err(error) => tracing::error!(%error, "a promise that cannot be read is left out"),
                }
            }
            Ok(promises)
        };
        read().map_err(self.failed())
    }
}

fn promise(row: &Row<'_>) -> rusqlite::Result<Promise> {
    let unknown = |column: usize, what: &str| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, format!("no such {what}").into())
    };
    let (kind, state): (String, String) = (row.get(1)?, row.get(14)?);
    let wall = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Wall::from_micros));
    Ok(Promise {
        promise: row.get::<_, i64>(0).map(|number| CallId(number.unsigned_abs()))?,
        kind: PromiseKind::parse(&kind).ok_or_else(|| unknown(1, "kind of promise"))?,
        call: row.get::<_, Option<i64>>(2)?.map(|number| CallId(number.unsigned_abs())),
        number: row.get::<_, String>(3).map(Masked::new)?,
        queue: row.get(4)?,
        owner: row.get(5)?,
        holder: row.get(6)?,
        language: row.get(7)?,
        grade: row.get(8)?,
        made: row.get(9).map(Wall::from_micros)?,
        due: row.get(10).map(Wall::from_micros)?,
        by: wall(11)?,
        tries: row.get(12)?,
        last: row.get(13)?,
        state: PromiseState::parse(&state).ok_or_else(|| unknown(14, "state of a promise"))?,
        ended: wall(15)?,
    })
}
