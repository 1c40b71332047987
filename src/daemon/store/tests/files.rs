//! The file itself: whose it is, how old, how sound, and who else has it.

use super::*;

#[test]
fn the_file_and_its_companions_are_for_their_owner_only() {
    let folder = Folder::new();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut store = folder.open();
    store.write(&calls(&[call(1)])).unwrap();
    let files: Vec<_> =
        fs::read_dir(folder.folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    drop(store);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o644)).unwrap();
    folder.open();
    assert_eq!(mode(&folder.path()), 0o600);
}

#[test]
fn a_newer_file_is_left_alone() {
    let folder = Folder::new();
    drop(folder.open());
    let known = MIGRATIONS.len() as i64;
    let newer = known + 1;
    Connection::open(folder.path()).unwrap().pragma_update(None, "user_version", newer).unwrap();
    let before = fs::read(folder.path()).unwrap();
    let sentence = folder.failure();
    let expected = format!("was written by a newer hotline (schema {newer}, this one knows {known})");
    assert!(sentence.contains(&expected), "{sentence}");
    assert!(sentence.starts_with(&folder.path().display().to_string()), "{sentence}");
    let opened = Sqlite::open_existing(&folder.path());
    assert!(matches!(opened, Err(StoreError::Newer { found, .. }) if found == newer));
    assert_eq!(fs::read(folder.path()).unwrap(), before);
}

#[test]
fn an_older_file_is_brought_up_to_date_and_keeps_what_it_has() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.write(&calls(&[call(1)])).unwrap();
    drop(store);
    let next: Vec<_> =
        MIGRATIONS.iter().copied().chain(["ALTER TABLE calls ADD COLUMN satisfaction INTEGER"]).collect();
    let mut db = Connection::open(folder.path()).unwrap();
    migrate(&mut db, &folder.path(), &next).unwrap();
    migrate(&mut db, &folder.path(), &next).unwrap();
    let kept: i64 =
        db.query_row("SELECT count(satisfaction IS NULL) FROM calls", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
    drop(db);
    assert!(folder.failure().contains("newer hotline"));
}

#[test]
fn a_migration_that_fails_leaves_the_file_as_it_was() {
    let folder = Folder::new();
    drop(folder.open());
    let broken: Vec<_> =
        MIGRATIONS.iter().copied().chain(["CREATE TABLE half (x); CREATE TABLE calls (x)"]).collect();
    let mut db = Connection::open(folder.path()).unwrap();
    assert!(migrate(&mut db, &folder.path(), &broken).is_err());
    drop(db);
    let store = folder.open();
    assert_eq!(store.calls(&all()).unwrap(), []);
    assert!(!store.db.table_exists(None, "half").unwrap());
}

#[test]
fn a_command_waits_for_the_daemon_to_bring_the_file_up_to_date() {
    let folder = Folder::new();
    assert!(matches!(Sqlite::open_existing(&folder.path()), Err(StoreError::Absent { .. })));
    drop(folder.open());
    let known = MIGRATIONS.len() as i64;
    Connection::open(folder.path()).unwrap().pragma_update(None, "user_version", known - 1).unwrap();
    assert!(matches!(Sqlite::open_existing(&folder.path()), Err(StoreError::Older { .. })));
}

#[test]
fn somebody_elses_file_is_not_touched() {
    let folder = Folder::new();
    fs::File::create(folder.path())
        .unwrap()
        .write_all(b"shopping list, long enough for a header\n".repeat(30).as_slice())
        .unwrap();
    assert!(folder.failure().contains("is not a database of the hotline"));
    let folder = Folder::new();
    Connection::open(folder.path()).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(folder.failure().contains("is not a database of the hotline"));
}

#[test]
fn a_damaged_file_says_so() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.write(&calls(&(1..200).map(call).collect::<Vec<_>>())).unwrap();
    drop(store);
    let mut bytes = fs::read(folder.path()).unwrap();
    let length = bytes.len();
    bytes[4096..length].fill(0xa5);
    fs::write(folder.path(), bytes).unwrap();
    let outcome = Sqlite::open_with(&folder.path(), Duration::ZERO).and_then(|store| store.calls(&all()));
    let sentence = outcome.expect_err("damaged").to_string();
    assert!(sentence.contains("is damaged"), "{sentence}");
}

#[test]
fn a_lock_of_another_program_is_named() {
    let folder = Folder::new();
    drop(folder.open());
    let other = Connection::open(folder.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let sentence = folder.failure();
    assert!(sentence.contains("is locked by another program"), "{sentence}");
    other.execute_batch("ROLLBACK").unwrap();
    let mut store = folder.open();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(store.write(&calls(&[call(1)])), Err(StoreError::Locked { .. })));
    other.execute_batch("ROLLBACK").unwrap();
    store.write(&calls(&[call(1)])).unwrap();
}
