//! The tables, and how a file of an older hotline becomes one of this.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// Each takes the schema to the next version; what has been released is never edited, only added to.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
    include_str!("schema_8.sql"),
    include_str!("schema_9.sql"),
    include_str!("schema_10.sql"),
    include_str!("schema_11.sql"),
    include_str!("schema_12.sql"),
];

/// "HOTL", in the file's header: tells our files from others.
const APPLICATION: i64 = 0x484f_544c;

/// The schema that a file has, once it is known to be ours or empty.
pub(super) fn version(db: &Connection, path: &Path) -> Result<i64, StoreError> {
    let failed = StoreError::of(path);
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(&failed)?;
    let application: i64 =
        db.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(&failed)?;
    let tables: i64 =
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(&failed)?;
    if application != APPLICATION && (tables > 0 || found != 0) {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    Ok(found)
}

/// Brings the file up to date, as a whole or not at all.
pub(super) fn migrate(db: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let failed = StoreError::of(path);
    let known = migrations.len() as i64;
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let found = version(&change, path)?;
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    if found == known {
        return Ok(());
    }
    for sql in migrations.iter().skip(usize::try_from(found).unwrap_or(0)) {
        change.execute_batch(sql).map_err(&failed)?;
    }
    change.pragma_update(None, "application_id", APPLICATION).map_err(&failed)?;
    change.pragma_update(None, "user_version", known).map_err(&failed)?;
    change.commit().map_err(&failed)?;
    if found > 0 {
        tracing::info!(from = found, to = known, "the store has been brought up to date");
    }
    Ok(())
}
