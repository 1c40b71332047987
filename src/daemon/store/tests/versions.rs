//! The history of the dialplan: each text once, numbers never twice.

use super::{Folder, at};
use crate::daemon::store::Store;
use crate::dialplan::SourceFile;
use crate::record::{Version, VersionHow, VersionState, VersionTests};

fn version(since: i64) -> Version {
    Version {
        number: 0,
        since: at(since),
        by: "wang".to_owned(),
        how: VersionHow::Canary { per_mille: 100 },
        state: VersionState::Live,
        until: None,
        ended: None,
        tests: VersionTests::Passed { tests: 3 },
        warnings: 1,
        changes: vec!["menu main: is new".to_owned()],
        pinned: true,
        was_live: true,
    }
}

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.to_owned(), text: text.to_owned() }
}

#[test]
fn versions_come_back_with_their_files_and_texts_are_kept_once() {
    let folder = Folder::new();
    let mut store = folder.open();
    let (first, second) =
        ([file("a.toml", "same"), file("b.toml", "old")], [file("a.toml", "same"), file("b.toml", "new")]);
    assert_eq!(store.keep_version(&version(1), &first, &[]).unwrap(), 1);
    let ended = Version {
        number: 1,
        state: VersionState::Ended,
        until: Some(at(2)),
        ended: Some("version 2 took its place".to_owned()),
        ..version(1)
    };
    assert_eq!(store.keep_version(&version(2), &second, std::slice::from_ref(&ended)).unwrap(), 2);
    let all = store.versions().unwrap();
    assert_eq!(all, [Version { number: 2, ..version(2) }, ended.clone()]);
    assert_eq!(store.version(1).unwrap(), Some((ended, first.to_vec())));
    assert_eq!(store.version(2).unwrap().unwrap().1, second.to_vec());
    assert_eq!(store.version(3).unwrap(), None);
    let texts: i64 = store.db.query_row("SELECT count(*) FROM version_texts", [], |row| row.get(0)).unwrap();
    assert_eq!(texts, 3);
}

#[test]
fn the_oldest_are_forgotten_and_what_is_live_is_not() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.keep_version(&version(1), &[file("a.toml", "the live one")], &[]).unwrap();
    for number in 2..=510 {
        let ended = Version { state: VersionState::Ended, ..version(number) };
        store.keep_version(&ended, &[file("a.toml", &format!("text {number}"))], &[]).unwrap();
    }
    let all = store.versions().unwrap();
    assert_eq!((all.len(), all.first().unwrap().number, all.last().unwrap().number), (501, 510, 1));
    assert_eq!(store.version(1).unwrap().unwrap().1, [file("a.toml", "the live one")]);
    let texts: i64 = store.db.query_row("SELECT count(*) FROM version_texts", [], |row| row.get(0)).unwrap();
    assert_eq!(texts, 501);
}
