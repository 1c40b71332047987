//! How the legs of a call were heard.

use rusqlite::{Connection, Transaction, params};

use super::sqlite::stored;
use crate::base::CallId;
use crate::record::LegQuality;

/// A leg has one last report.
pub(super) fn insert(transaction: &Transaction<'_>, call: CallId, leg: &LegQuality) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO legs (call, leg, party, codec, sent, received, lost, late, jitter_ms,
             round_trip_ms, peer_lost, peer_jitter_ms, mos_x100)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    insert.execute(params![
        stored(call.0),
        leg.leg,
        leg.party,
        leg.codec,
        stored(leg.sent),
        stored(leg.received),
        stored(leg.lost),
        stored(leg.late),
        leg.jitter_ms,
        leg.round_trip_ms,
        leg.peer_lost,
        leg.peer_jitter_ms,
        leg.mos_x100,
    ])?;
    Ok(())
}

/// Of one call, the caller's first.
pub(super) fn read(db: &Connection, call: CallId) -> rusqlite::Result<Vec<LegQuality>> {
    let mut select = db.prepare_cached(
        "SELECT leg, party, codec, sent, received, lost, late, jitter_ms, round_trip_ms, peer_lost,
             peer_jitter_ms, mos_x100
         FROM legs WHERE call = ?1 ORDER BY leg",
    )?;
    let count = |value: i64| value.unsigned_abs();
    let legs = select.query_map([stored(call.0)], |row| {
        Ok(LegQuality {
            leg: row.get(0)?,
            party: row.get(1)?,
            codec: row.get(2)?,
            sent: row.get(3).map(count)?,
            received: row.get(4).map(count)?,
            lost: row.get(5).map(count)?,
            late: row.get(6).map(count)?,
            jitter_ms: row.get(7)?,
            round_trip_ms: row.get(8)?,
            peer_lost: row.get(9)?,
            peer_jitter_ms: row.get(10)?,
            mos_x100: row.get(11)?,
        })
    })?;
    legs.collect()
}
