//! What callers said of talks.

use rusqlite::{Row, Transaction, params};

use super::StoreError;
use super::read::{masked, number, wall};
use super::sqlite::{Sqlite, stored};
use crate::base::{CallId, Masked, Wall};
use crate::record::SurveyAnswer;

/// The latest word of a call's counts.
pub(super) fn upsert(transaction: &Transaction<'_>, answer: &SurveyAnswer) -> rusqlite::Result<()> {
    let SurveyAnswer { call, at, from, queue, agent, mark, solved, low } = answer;
    let mut upsert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO surveys (call, at, from_number, queue, agent, mark, solved, low)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    upsert.execute(params![
        stored(call.0),
        at.as_micros(),
        from.expose(),
        queue,
        agent,
        mark,
        solved,
        low
    ])?;
    Ok(())
}

impl Sqlite {
    pub(super) fn read_surveys(&self, since: Wall) -> Result<Vec<SurveyAnswer>, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached(
                "SELECT call, at, from_number, queue, agent, mark, solved, low FROM surveys
                 WHERE at >= ?1 ORDER BY at, call",
            )?;
            select.query_map([since.as_micros()], answer)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    pub(super) fn read_surveyed(&self, from: &Masked<String>, since: Wall) -> Result<bool, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM surveys WHERE from_number = ?1 AND at >= ?2)",
            )?;
            select.query_row(params![from.expose(), since.as_micros()], |row| row.get(0))
        };
        read().map_err(self.failed())
    }
}

fn answer(row: &Row<'_>) -> rusqlite::Result<SurveyAnswer> {
    Ok(SurveyAnswer {
        call: CallId(number(row, 0)?),
        at: wall(row, 1)?,
        from: masked(row, 2)?,
        queue: row.get(3)?,
        agent: row.get(4)?,
        mark: row.get(5)?,
        solved: row.get(6)?,
        low: row.get(7)?,
    })
}
