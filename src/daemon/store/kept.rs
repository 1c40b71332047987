//! What is remembered of callers for a while: written as it changes, read and weeded once, at the start.

use rusqlite::{Transaction, params};

use super::StoreError;
use super::sqlite::Sqlite;
use crate::base::{Masked, Wall};
use crate::record::{Contact, KeptPlace};

pub(super) fn contact(transaction: &Transaction<'_>, record: &Contact) -> rusqlite::Result<()> {
    let Contact { number, extension, until } = record;
    let mut upsert = transaction
        .prepare_cached("INSERT OR REPLACE INTO contacts (number, extension, until) VALUES (?1, ?2, ?3)")?;
    upsert.execute(params![number.expose(), extension, until.as_micros()])?;
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

impl Sqlite {
    pub(super) fn read_kept(&self) -> Result<(Vec<Contact>, Vec<KeptPlace>), StoreError> {
        let read = || {
            let mut select =
                self.db.prepare_cached("SELECT number, extension, until FROM contacts ORDER BY until")?;
            let contacts = select.query_map([], |row| {
                Ok(Contact {
                    number: row.get::<_, String>(0).map(Masked::new)?,
                    extension: row.get(1)?,
                    until: row.get(2).map(Wall::from_micros)?,
                })
            })?;
            let contacts = contacts.collect::<rusqlite::Result<_>>()?;
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
