//! Promises: as they change, and when they have ended.

use super::{Folder, at};
use crate::base::{CallId, Masked};
use crate::daemon::store::{Sqlite, Store};
use crate::record::{Promise, PromiseKind, PromiseState, Record};

fn promise(number: u64, state: PromiseState) -> Promise {
    let made = i64::try_from(number).unwrap();
    Promise {
        promise: CallId(number),
        kind: PromiseKind::Time,
        call: Some(CallId(7)),
        number: Masked::from("13800138000"),
        queue: "complaint".to_owned(),
        owner: Some("8001".to_owned()),
        holder: number.is_multiple_of(2).then(|| "8002".to_owned()),
        language: "en-US".to_owned(),
        grade: Some("VIP".to_owned()),
        made: at(made),
        due: at(made + 100),
        by: Some(at(made + 200)),
        tries: 2,
        last: Some("busy".to_owned()),
        state,
        ended: (state != PromiseState::Open).then(|| at(made + 150)),
    }
}

#[test]
fn promises_are_kept_as_they_change_and_when_they_have_ended() {
    let folder = Folder::new();
    let mut store = folder.open();
    let written = |number, state| Record::Promise(Box::new(promise(number, state)));
    let open = PromiseState::Open;
    store.write(&[written(3, open), written(1, open), written(2, open), written(4, open)]).unwrap();
    store.write(&[written(3, PromiseState::PassedOn), Record::PromiseUnmade(CallId(2))]).unwrap();
    drop(store);
    let store = Sqlite::open_existing(&folder.path()).unwrap();
    assert_eq!(store.promises(None).unwrap(), [promise(1, open), promise(4, open)], "what is open");
    let since = store.promises(Some(at(3))).unwrap();
    let known = [promise(1, open), promise(3, PromiseState::PassedOn), promise(4, open)];
    assert_eq!(since, known, "what is open, and what was promised since then");
}

#[test]
fn a_promise_that_cannot_be_read_is_left_out() {
    let folder = Folder::new();
    let mut store = folder.open();
    let written = |number| Record::Promise(Box::new(promise(number, PromiseState::Open)));
    store.write(&[written(1), written(2)]).unwrap();
    let other = rusqlite::Connection::open(folder.path()).unwrap();
    other.execute("UPDATE promises SET kind = 'vague' WHERE promise = 1", []).unwrap();
    assert_eq!(store.promises(None).unwrap(), [promise(2, PromiseState::Open)]);
}
