//! The history of the dialplan. Each text is kept once, however many versions have it.

use rusqlite::{OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};

use super::StoreError;
use super::read::unreadable;
use super::sqlite::{Sqlite, json, stored};
use crate::dialplan::SourceFile;
use crate::record::Version;

/// Older ones are forgotten with their texts, unless they are in force.
const MOST: u64 = 500;

pub(super) fn insert(
    transaction: &Transaction<'_>,
    version: &Version,
    files: &[SourceFile],
) -> rusqlite::Result<u64> {
    let next: i64 =
        transaction.query_row("SELECT coalesce(max(version), 0) + 1 FROM versions", [], |row| row.get(0))?;
    let number = next.unsigned_abs();
    let version = Version { number, ..version.clone() };
    transaction
        .execute("INSERT INTO versions (version, said) VALUES (?1, ?2)", params![next, json(&version)?])?;
    for file in files {
        let hash = Sha256::digest(file.text.as_bytes());
        let hash: &[u8] = hash.as_ref();
        let text = "INSERT OR IGNORE INTO version_texts (hash, text) VALUES (?1, ?2)";
        transaction.prepare_cached(text)?.execute(params![hash, file.text])?;
        let named = "INSERT INTO version_files (version, name, hash) VALUES (?1, ?2, ?3)";
        transaction.prepare_cached(named)?.execute(params![next, file.name, hash])?;
    }
    forget(transaction, number)?;
    Ok(number)
}

fn forget(transaction: &Transaction<'_>, newest: u64) -> rusqlite::Result<()> {
    let Some(oldest) = newest.checked_sub(MOST) else { return Ok(()) };
    let ended = "json_extract(said, '$.state') = 'ended'";
    let old = format!("SELECT version FROM versions WHERE version <= ?1 AND {ended}");
    transaction.execute(&format!("DELETE FROM version_files WHERE version IN ({old})"), [stored(oldest)])?;
    transaction
        .execute(&format!("DELETE FROM versions WHERE version <= ?1 AND {ended}"), [stored(oldest)])?;
    transaction
        .execute("DELETE FROM version_texts WHERE hash NOT IN (SELECT hash FROM version_files)", [])?;
    Ok(())
}

pub(super) fn update(transaction: &Transaction<'_>, version: &Version) -> rusqlite::Result<()> {
    let mut update = transaction.prepare_cached("UPDATE versions SET said = ?2 WHERE version = ?1")?;
    update.execute(params![stored(version.number), json(version)?]).map(drop)
}

impl Sqlite {
    pub(super) fn read_versions(&self) -> Result<Vec<Version>, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached("SELECT said FROM versions ORDER BY version DESC")?;
            select
                .query_map([], |row| version(&row.get::<_, String>(0)?))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    pub(super) fn read_version(&self, number: u64) -> Result<Option<(Version, Vec<SourceFile>)>, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached("SELECT said FROM versions WHERE version = ?1")?;
            let said = select.query_row([stored(number)], |row| row.get::<_, String>(0)).optional()?;
            let Some(said) = said else { return Ok(None) };
            let mut select = self.db.prepare_cached(
                "SELECT name, text FROM version_files JOIN version_texts USING (hash) WHERE version = ?1 ORDER BY name",
            )?;
            let file = |row: &rusqlite::Row<'_>| Ok(SourceFile { name: row.get(0)?, text: row.get(1)? });
            let files = select.query_map([stored(number)], file)?.collect::<rusqlite::Result<_>>()?;
            Ok(Some((version(&said)?, files)))
        };
        read().map_err(self.failed())
    }
}

fn version(said: &str) -> rusqlite::Result<Version> {
    serde_json::from_str(said).map_err(|error| unreadable(0, error))
}
