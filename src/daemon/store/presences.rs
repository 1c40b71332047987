//! What was said of people's presence: written as it is said, read once, at the start.

use rusqlite::{Transaction, params};

use super::StoreError;
use super::sqlite::{Sqlite, json};
use crate::record::KeptPresence;

pub(super) fn upsert(transaction: &Transaction<'_>, record: &KeptPresence) -> rusqlite::Result<()> {
    if record.is_nothing() {
        let mut delete = transaction.prepare_cached("DELETE FROM presences WHERE extension = ?1")?;
        delete.execute([&record.extension])?;
        return Ok(());
    }
    let mut upsert =
        transaction.prepare_cached("INSERT OR REPLACE INTO presences (extension, said) VALUES (?1, ?2)")?;
    upsert.execute(params![record.extension, json(record)?])?;
    Ok(())
}

impl Sqlite {
    /// A row that cannot be read is left out, and said so: it is one person's.
    pub(super) fn read_presences(&self) -> Result<Vec<KeptPresence>, StoreError> {
        let read = || {
            let mut select =
                self.db.prepare_cached("SELECT extension, said FROM presences ORDER BY extension")?;
            let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let rows: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>()?;
            let read = rows.into_iter().filter_map(|(extension, said)| {
                let presence = serde_json::from_str(&said);
                presence
                    .inspect_err(|error| tracing::error!(%error, extension, "a presence cannot be read"))
                    .ok()
            });
            Ok(read.collect())
        };
        read().map_err(self.failed())
    }
}
