//! Registrations of phones: written as they change, read once, at the start.

use std::net::SocketAddr;

use rusqlite::types::Type;
use rusqlite::{Row, Transaction, params};

use super::StoreError;
use super::sqlite::{Sqlite, json, stored};
use crate::base::{Masked, Wall};
use crate::record::Registration;

pub(super) fn upsert(transaction: &Transaction<'_>, record: &Registration) -> rusqlite::Result<()> {
    let Registration {
        number,
        user,
        contact,
        expires,
        refreshed,
        call_id,
        cseq,
        transport,
        local,
        remote,
        user_agent,
        path,
        outbound,
    } = record;
    let mut upsert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO registrations (number, user, contact, expires, refreshed, call_id, cseq, transport,
             local, remote, user_agent, path, outbound)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    upsert.execute(params![
        stored(*number),
        user.expose(),
        contact.expose(),
        expires.as_micros(),
        refreshed.as_micros(),
        call_id,
        cseq,
        transport,
        local.to_string(),
        remote.to_string(),
        user_agent,
        json(path)?,
        outbound,
    ])?;
    Ok(())
}

pub(super) fn remove(transaction: &Transaction<'_>, number: u64) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM registrations WHERE number = ?1")?.execute([stored(number)])?;
    Ok(())
}

impl Sqlite {
    /// Latest first. A row that cannot be read is left out: its phone registers again, and the others need not.
    pub(super) fn read_registrations(&self) -> Result<Vec<Registration>, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached(
                "SELECT number, user, contact, expires, refreshed, call_id, cseq, transport, local, remote,
                     user_agent, path, outbound
                 FROM registrations ORDER BY refreshed DESC, number",
            )?;
            let mut registrations = Vec::new();
            for row in select.query_map([], registration)? {
                match row {
                    Ok(registration) => registrations.push(registration),
                    Err(error @ rusqlite::Error::SqliteFailure(..)) => return Err(error),
                    Err(error) => tracing::warn!(%error, "a registration that cannot be read is left out"),
                }
            }
            Ok(registrations)
        };
        read().map_err(self.failed())
    }
}

fn registration(row: &Row<'_>) -> rusqlite::Result<Registration> {
    let path: String = row.get(11)?;
    Ok(Registration {
        number: row.get::<_, i64>(0)?.unsigned_abs(),
        user: row.get::<_, String>(1).map(Masked::new)?,
        contact: row.get::<_, String>(2).map(Masked::new)?,
        expires: row.get(3).map(Wall::from_micros)?,
        refreshed: row.get(4).map(Wall::from_micros)?,
        call_id: row.get(5)?,
        cseq: row.get(6)?,
        transport: row.get(7)?,
        local: address(row, 8)?,
        remote: address(row, 9)?,
        user_agent: row.get(10)?,
        path: serde_json::from_str(&path).map_err(|error| unreadable(11, error))?,
        outbound: row.get(12)?,
    })
}

fn address(row: &Row<'_>, column: usize) -> rusqlite::Result<SocketAddr> {
    row.get::<_, String>(column)?.parse().map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
