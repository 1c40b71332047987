//! Complaints: accepted, changed, read.

use rusqlite::{OptionalExtension, Row, Transaction, named_params, params};

use super::read::json;
use super::sqlite::{Sqlite, json as written, stored};
use super::{ComplaintFilter, StoreError};
use crate::record::{CaseNumber, Complaint, ComplaintChange, MessageSlip};

/// A message that is a complaint: its case is in the same transaction, so that the one is never without the other,
/// also where the slip is what a crash has left.
pub(super) fn accept_by_slip(transaction: &Transaction<'_>, slip: &MessageSlip) -> rusqlite::Result<()> {
    let Some(complaint) = Complaint::of_slip(slip) else { return Ok(()) };
    change(transaction, complaint.case, &ComplaintChange::Accepted(Box::new(complaint)))?;
    Ok(())
}

/// `false`: there is no such complaint.
pub(super) fn change(
    transaction: &Transaction<'_>,
    case: CaseNumber,
    change: &ComplaintChange,
) -> rusqlite::Result<bool> {
    let mut select = transaction.prepare_cached("SELECT said FROM complaints WHERE call = ?1")?;
    let found = select.query_row([stored(case.call().0)], complaint).optional()?;
    let complaint = match (found, change) {
        (Some(mut complaint), change) => {
            complaint.change(change.clone());
            complaint
        }
        (None, ComplaintChange::Accepted(complaint)) => (**complaint).clone(),
        (None, _) => return Ok(false),
    };
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO complaints (call, state, owner, accepted, said) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (call) DO UPDATE SET state = excluded.state, owner = excluded.owner, said = excluded.said",
    )?;
    upsert.execute(params![
        stored(case.call().0),
        complaint.state.name(),
        complaint.owner,
        complaint.accepted.as_micros(),
        written(&complaint)?,
    ])?;
    Ok(true)
}

impl Sqlite {
    pub(super) fn read_complaints(&self, filter: &ComplaintFilter) -> Result<Vec<Complaint>, StoreError> {
        let ComplaintFilter { owner, not_closed, since, latest } = filter;
        let latest = if *latest == 0 { -1 } else { i64::try_from(*latest).unwrap_or(-1) };
        let read = || {
            let mut select = self.db.prepare_cached(
                "SELECT said FROM complaints
                 WHERE (:owner IS NULL OR owner = :owner) AND (NOT :not_closed OR state <> 'closed')
                     AND accepted >= :since
                 ORDER BY accepted DESC, call DESC LIMIT :latest",
            )?;
            let since = since.map_or(i64::MIN, crate::base::Wall::as_micros);
            let with = named_params! {
                ":owner": owner, ":not_closed": not_closed, ":since": since, ":latest": latest,
            };
            select.query_map(with, complaint)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    pub(super) fn read_complaint(&self, case: CaseNumber) -> Result<Option<Complaint>, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached("SELECT said FROM complaints WHERE call = ?1")?;
            select.query_row([stored(case.call().0)], complaint).optional()
        };
        read().map_err(self.failed())
    }
}

fn complaint(row: &Row<'_>) -> rusqlite::Result<Complaint> {
    json(row, 0)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}
