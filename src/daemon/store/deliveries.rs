//! Who is to be told of a slip: kept from the transaction that makes it so until they are told, or it is given up.

use rusqlite::{Row, Transaction, params};

use super::read::{number, word};
use super::sqlite::{Sqlite, stored};
use super::{Due, StoreError};
use crate::base::{Masked, SlipId, Wall};
use crate::record::{Delivery, Failed, Posted, Target};

/// Due at once.
pub(super) fn insert(transaction: &Transaction<'_>, delivery: &Delivery) -> rusqlite::Result<()> {
    let Delivery { slip, occasion, to } = delivery;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO deliveries (slip, occasion, mail, due, tries) VALUES (?1, ?2, ?3, 0, 0)",
    )?;
    let mail = match to {
        Target::Mail(address) => Some(address.expose()),
        Target::Hook => None,
    };
    insert.execute(params![stored(slip.0), occasion.name(), mail])?;
    Ok(())
}

pub(super) fn settle(transaction: &Transaction<'_>, posted: &Posted) -> rusqlite::Result<()> {
    let delivery = stored(posted.delivery);
    match &posted.failed {
        Some(Failed { why, again: Some(again) }) => {
            let mut update = transaction.prepare_cached(
                "UPDATE deliveries SET tries = tries + 1, due = ?2, last = ?3 WHERE number = ?1",
            )?;
            update.execute(params![delivery, again.as_micros(), why])?;
        }
        // The slip itself is in its box all the same.
        Some(Failed { again: None, .. }) | None => {
            transaction.prepare_cached("DELETE FROM deliveries WHERE number = ?1")?.execute([delivery])?;
        }
    }
    Ok(())
}

impl Sqlite {
    pub(super) fn read_due(&self, by: Wall, most: usize) -> Result<Vec<Due>, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached(
                "SELECT number, slip, occasion, mail, tries FROM deliveries WHERE due <= ?1
                 ORDER BY due, number LIMIT ?2",
            )?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            select.query_map(params![by.as_micros(), most], due)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    pub(super) fn read_next_due(&self, after: Wall) -> Result<Option<Wall>, StoreError> {
        let read = || {
            let mut select = self.db.prepare_cached("SELECT min(due) FROM deliveries WHERE due > ?1")?;
            select.query_row([after.as_micros()], |row| {
                Ok(row.get::<_, Option<i64>>(0)?.map(Wall::from_micros))
            })
        };
        read().map_err(self.failed())
    }
}

fn due(row: &Row<'_>) -> rusqlite::Result<Due> {
    let mail: Option<String> = row.get(3)?;
    Ok(Due {
        number: number(row, 0)?,
        delivery: Delivery {
            slip: SlipId(number(row, 1)?),
            occasion: word(row, 2)?,
            to: mail.map_or(Target::Hook, |address| Target::Mail(Masked::new(address))),
        },
        tries: row.get(4)?,
    })
}
