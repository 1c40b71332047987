//! What is remembered of callers for a while: written as it changes, read and weeded once, at the start.

use rusqlite::{Row, Transaction, params};

use super::StoreError;
use super::sqlite::{Sqlite, stored};
use crate::base::{CallId, Masked, Wall};
use crate::record::{Contact, KeptPlace};

pub(super) fn contact(transaction: &Transaction<'_>, record: &Contact) -> rusqlite::Result<()> {
    let Contact { number, extension, since, last_call, until } = record;
    let mut upsert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO contacts (number, extension, until, since, last_call)
             VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let (until, since) = (until.as_micros(), since.as_micros());
    upsert.execute(params![number.expose(), extension, until, since, stored(last_call.0)])?;
    Ok(())
}

pub(super) fn place(transaction: &Transaction<'_>, record: &KeptPlace) -> rusqlite::Result<()> {
    let KeptPlace { number, queue, since, until } = record;
    let mut upsert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO places (number, queue, since, until) VALUES (?1, ?2, ?3, ?4)",
    )?;
    upsert.execute(params![number.expose(), queue, since.as_micros(), until.as_micros()])?;
    Ok(())
}

pub(super) fn place_taken(
    transaction: &Transaction<'_>,
    number: &Masked<String>,
    queue: &str,
) -> rusqlite::Result<()> {
    let mut delete = transaction.prepare_cached("DELETE FROM places WHERE number = ?1 AND queue = ?2")?;
    delete.execute(params![number.expose(), queue])?;
    Ok(())
}

pub(super) fn forget(transaction: &Transaction<'_>, now: Wall) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM contacts WHERE until <= ?1", [now.as_micros()])?;
    transaction.execute("DELETE FROM places WHERE until <= ?1", [now.as_micros()])?;
    Ok(())
}

/// Who was remembered by an older hotline has their matter since nobody knows when.
const CONTACT: &str = "number, extension, until, coalesce(since, 0), coalesce(last_call, 0)";

fn read_contact(row: &Row<'_>) -> rusqlite::Result<Contact> {
    Ok(Contact {
        number: row.get::<_, String>(0).map(Masked::new)?,
        extension: row.get(1)?,
        until: row.get(2).map(Wall::from_micros)?,
        since: row.get(3).map(Wall::from_micros)?,
        last_call: row.get::<_, i64>(4).map(|call| CallId(call.unsigned_abs()))?,
    })
}

impl Sqlite {
    /// The latest by their calls.
    pub(super) fn read_matters(
        &self,
        now: Wall,
        owner: Option<&str>,
        most: usize,
    ) -> Result<Vec<Contact>, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached(&format!(
                "SELECT {CONTACT} FROM contacts WHERE until > ?1 AND (?2 IS NULL OR extension = ?2)
                 ORDER BY last_call DESC LIMIT ?3"
            ))?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            select
                .query_map(params![now.as_micros(), owner, most], read_contact)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    pub(super) fn read_kept(&self) -> Result<(Vec<Contact>, Vec<KeptPlace>), StoreError> {
        let read = || {
            let mut select =
                self.db.prepare_cached(&format!("SELECT {CONTACT} FROM contacts ORDER BY until"))?;
            let contacts = select.query_map([], read_contact)?.collect::<rusqlite::Result<_>>()?;
            let mut select =
                self.db.prepare_cached("SELECT number, queue, since, until FROM places ORDER BY until")?;
            let places = select.query_map([], |row| {
                Ok(KeptPlace {
                    number: row.get::<_, String>(0).map(Masked::new)?,
                    queue: row.get(1)?,
                    since: row.get(2).map(Wall::from_micros)?,
                    until: row.get(3).map(Wall::from_micros)?,
                })
            })?;
            Ok((contacts, places.collect::<rusqlite::Result<_>>()?))
        };
        read().map_err(self.failed())
    }
}
