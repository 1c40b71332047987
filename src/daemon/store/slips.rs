//! Message slips: taken, marked, passed on, read.

use rusqlite::{OptionalExtension, Row, Transaction, named_params, params};

use super::read::{json, masked, number, wall, word};
use super::sqlite::{Sqlite, json as written, stored};
use super::{SlipFilter, StoreError, complaints, deliveries};
use crate::base::{CallId, Masked, RecordingId, SlipId, Wall};
use crate::record::{Keeping, MessageSlip, SlipChange, SlipState, Waiting};

const SLIP: &str =
    "SELECT slip, call, from_number, person, mailbox, taken, who, recordings, length_ms, number, urgent,
    confirmed, state, told, due, reminders, passed, about
    FROM slips";

/// What somebody has heard or done with meanwhile does not become new again by a late state of the taking; and what
/// has been passed on stays where it is.
pub(super) fn upsert(transaction: &Transaction<'_>, record: &MessageSlip) -> rusqlite::Result<()> {
    let MessageSlip {
        slip,
        call,
        from,
        person,
        mailbox,
        taken,
        who,
        recordings,
        length_ms,
        number,
        urgent,
        confirmed,
        state,
        about,
        keeping: _,
    } = record;
    let recordings: Vec<u64> = recordings.iter().map(|recording| recording.0).collect();
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO slips (slip, call, from_number, person, mailbox, taken, who, recordings, length_ms, number,
             urgent, confirmed, state, told, due, reminders, passed, about)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0, NULL, 0, '[]', ?14)
         ON CONFLICT (slip) DO UPDATE SET
             call = excluded.call, from_number = excluded.from_number, person = excluded.person,
             mailbox = CASE WHEN told THEN mailbox ELSE excluded.mailbox END,
             taken = excluded.taken, who = excluded.who, recordings = excluded.recordings,
             length_ms = excluded.length_ms, number = excluded.number, urgent = excluded.urgent,
             confirmed = excluded.confirmed,
             state = CASE WHEN state NOT IN ('taking', 'new') AND excluded.state IN ('taking', 'new')
                          THEN state ELSE excluded.state END",
    )?;
    upsert.execute(params![
        stored(slip.0),
        stored(call.0),
        from.expose(),
        person,
        mailbox,
        taken.as_micros(),
        who.map(|recording| stored(recording.0)),
        written(&recordings)?,
        stored(*length_ms),
        number.as_ref().map(|number| number.expose()),
        urgent,
        confirmed,
        state.name(),
        about.as_ref().map(written).transpose()?,
    ])?;
    complaints::accept_by_slip(transaction, record)
}

pub(super) fn remove(transaction: &Transaction<'_>, slip: SlipId) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM slips WHERE slip = ?1")?.execute([stored(slip.0)])?;
    Ok(())
}

pub(super) fn change(
    transaction: &Transaction<'_>,
    slip: SlipId,
    change: &SlipChange,
) -> rusqlite::Result<()> {
    match change {
        SlipChange::Marked(state) => {
            // Somebody else may have done with it since it was read out.
            let before = match state {
                SlipState::Heard => "('new')",
                SlipState::Open => "('new', 'heard')",
                _ => "('new', 'heard', 'open')",
            };
            let sql = format!("UPDATE slips SET state = ?2 WHERE slip = ?1 AND state IN {before}");
            transaction.prepare_cached(&sql)?.execute(params![stored(slip.0), state.name()])?;
        }
        SlipChange::Forwarded { mailbox } => {
            forward(transaction, slip, mailbox)?;
        }
        SlipChange::Promised { due } => {
            let sql = "UPDATE slips SET due = ?2, reminders = 0,
                 state = CASE WHEN state IN ('new', 'heard') THEN 'open' ELSE state END
                 WHERE slip = ?1 AND state NOT IN ('done', 'deleted')";
            transaction.prepare_cached(sql)?.execute(params![stored(slip.0), due.as_micros()])?;
        }
        SlipChange::Kept { mailbox, keeping, tell } => {
            let Keeping { told, due, reminders, passed } = keeping;
            let mut update = transaction.prepare_cached(
                "UPDATE slips SET mailbox = ?2, told = ?3, due = ?4, reminders = ?5, passed = ?6,
                     state = CASE WHEN mailbox <> ?2 AND state IN ('heard', 'open') THEN 'new' ELSE state END
                 WHERE slip = ?1",
            )?;
            update.execute(params![
                stored(slip.0),
                mailbox,
                told,
                due.map(Wall::as_micros),
                reminders,
                written(passed)?,
            ])?;
            tell.iter().try_for_each(|delivery| deliveries::insert(transaction, delivery))?;
        }
    }
    Ok(())
}

/// By the administrator, who may also take a step back.
pub(super) fn mark(transaction: &Transaction<'_>, slip: SlipId, state: SlipState) -> rusqlite::Result<bool> {
    // What is settled is not due; what no longer is gets its time anew.
    let sql = "UPDATE slips SET state = ?2, due = CASE WHEN ?3 THEN NULL ELSE due END WHERE slip = ?1";
    let changed = transaction.execute(sql, params![stored(slip.0), state.name(), state.is_settled()])?;
    Ok(changed > 0)
}

/// New in its new box: its holder is told, and has all the time that this box has.
pub(super) fn forward(transaction: &Transaction<'_>, slip: SlipId, mailbox: &str) -> rusqlite::Result<bool> {
    let mut update = transaction.prepare_cached(
        "UPDATE slips SET passed = json_insert(passed, '$[#]', mailbox), mailbox = ?2, state = 'new', told = 0,
             due = NULL, reminders = 0
         WHERE slip = ?1 AND state <> 'taking' AND mailbox <> ?2",
    )?;
    Ok(update.execute(params![stored(slip.0), mailbox])? > 0)
}

/// What a crash left of a slip that was being taken; `None` where that is nothing.
pub(super) fn left_of(
    mut slip: MessageSlip,
    kept: &dyn Fn(RecordingId) -> Option<std::time::Duration>,
) -> Option<MessageSlip> {
    slip.who = slip.who.filter(|who| kept(*who).is_some());
    let pieces = slip.recordings.iter().filter_map(|recording| Some((*recording, kept(*recording)?)));
    let (recordings, lengths): (Vec<_>, Vec<_>) = pieces.unzip();
    let length: std::time::Duration = lengths.iter().sum();
    let worth = slip.who.is_some() || !recordings.is_empty() || slip.number.is_some();
    let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    worth.then_some(MessageSlip { recordings, length_ms, state: SlipState::New, ..slip })
}

impl Sqlite {
    pub(super) fn read_slips(&self, filter: &SlipFilter) -> Result<Vec<MessageSlip>, StoreError> {
        let SlipFilter { mailbox, open_only, latest, search } = filter;
        let latest = if *latest == 0 { -1 } else { i64::try_from(*latest).unwrap_or(-1) };
        let read = || {
            let sql = format!(
                "{SLIP} WHERE (:mailbox IS NULL OR mailbox = :mailbox)
                     AND (NOT :open_only OR state NOT IN ('done', 'deleted'))
                     AND (:search = '' OR instr(mailbox, :search) OR instr(from_number, :search)
                          OR instr(ifnull(number, ''), :search))
                 ORDER BY taken DESC, slip DESC LIMIT :latest"
            );
            let mut select = self.db.prepare_cached(&sql)?;
            let with = named_params! {
                ":mailbox": mailbox, ":open_only": open_only, ":search": search.expose(), ":latest": latest,
            };
            select.query_map(with, slip)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    pub(super) fn read_waiting(&self, mailbox: Option<&str>) -> Result<Vec<(String, Waiting)>, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached(
                "SELECT mailbox, count(*) FILTER (WHERE state = 'new'),
                     count(*) FILTER (WHERE state IN ('heard', 'open'))
                 FROM slips WHERE state NOT IN ('done', 'deleted') AND (?1 IS NULL OR mailbox = ?1)
                 GROUP BY mailbox",
            )?;
            select
                .query_map([mailbox], |row| {
                    Ok((row.get(0)?, Waiting { new: row.get(1)?, old: row.get(2)? }))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    pub(super) fn slips_in(&self, state: SlipState) -> Result<Vec<MessageSlip>, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached(&format!("{SLIP} WHERE state = ?1 ORDER BY slip"))?;
            select.query_map([state.name()], slip)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    pub(super) fn read_slip(&self, id: SlipId) -> Result<Option<MessageSlip>, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached(&format!("{SLIP} WHERE slip = ?1"))?;
            select.query_row([stored(id.0)], slip).optional()
        };
        read().map_err(self.failed())
    }
}

fn slip(row: &Row<'_>) -> rusqlite::Result<MessageSlip> {
    let recordings: Vec<u64> = json(row, 7)?.unwrap_or_default();
    Ok(MessageSlip {
        slip: SlipId(number(row, 0)?),
        call: CallId(number(row, 1)?),
        from: masked(row, 2)?,
        person: row.get(3)?,
        mailbox: row.get(4)?,
        taken: wall(row, 5)?,
        who: row.get::<_, Option<i64>>(6)?.map(|who| RecordingId(who.unsigned_abs())),
        recordings: recordings.into_iter().map(RecordingId).collect(),
        length_ms: number(row, 8)?,
        number: row.get::<_, Option<String>>(9)?.map(Masked::new),
        urgent: row.get(10)?,
        confirmed: row.get(11)?,
        state: word(row, 12)?,
        about: json(row, 17)?,
        keeping: Keeping {
            told: row.get(13)?,
            due: row.get::<_, Option<i64>>(14)?.map(Wall::from_micros),
            reminders: row.get(15)?,
            passed: json(row, 16)?.unwrap_or_default(),
        },
    })
}
