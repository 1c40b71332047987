//! On a real file each: what a crash, another program, a full disk and another hotline do to it.

mod complaints;
mod files;
mod presences;
mod promised_slips;
mod promises;
mod versions;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rusqlite::Connection;
use tempfile::TempDir;

use super::schema::{MIGRATIONS, migrate};
use super::*;
use crate::base::Masked;
use crate::record::{
    CallEnd, Callback, Diverted, LegQuality, Outside, QueueOutcome, QueueVisit, Stage, StageKind,
};

const SECOND: i64 = 1_000_000;

struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        Folder { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("hotline.sqlite")
    }

    fn open(&self) -> Sqlite {
        Sqlite::open_with(&self.path(), Duration::from_millis(20)).expect("opens")
    }

    fn failure(&self) -> String {
        match Sqlite::open_with(&self.path(), Duration::from_millis(20)) {
            Ok(_) => panic!("opened"),
            Err(error) => error.to_string(),
        }
    }

    /// The file as a power failure would leave it now: copied from under the open store.
    fn crash(&self) -> Folder {
        let after = Folder::new();
        for file in fs::read_dir(self.folder.path()).expect("a folder") {
            let file = file.expect("a file");
            // The shared memory does not survive; the log does.
            if !file.file_name().to_string_lossy().ends_with("-shm") {
                fs::copy(file.path(), after.folder.path().join(file.file_name())).expect("a copy");
            }
        }
        after
    }
}

fn at(seconds: i64) -> Wall {
    Wall::from_micros(1_790_000_000 * SECOND + seconds * SECOND)
}

fn call(id: u64) -> CallRecord {
    CallRecord {
        call: CallId(id),
        sip_call_id: format!("{id}@192.0.2.1"),
        from: "13812345678".into(),
        withheld: true,
        diverted: vec![Diverted { number: "01065881234".into(), reason: "no-answer".to_owned() }],
        dialled: "95500".to_owned(),
        origin: "carrier".to_owned(),
        language: "zh-CN".to_owned(),
        grade: Some("vip".to_owned()),
        started: at(id as i64),
        answered: Some(at(id as i64)),
        ended: at(id as i64 + 90),
        stages: vec![
            Stage { at: at(id as i64), kind: StageKind::Arrive, detail: "main".to_owned() },
            Stage { at: at(id as i64 + 5), kind: StageKind::HangUp, detail: String::new() },
        ],
        keys: "12".into(),
        queue: Some(QueueVisit {
            name: "vip".to_owned(),
            entered: at(id as i64 + 4),
            waited_ms: 7_250,
            offers: 2,
            outcome: QueueOutcome::Served,
            agent: Some("8001".to_owned()),
            talked_ms: 61_000,
            target_ms: 10_000,
        }),
        recordings: vec![RecordingId(id * 10), RecordingId(id * 10 + 1)],
        slip: Some(SlipId(id)),
        outside: Some(Outside {
            number: "13900139000".into(),
            trunk: "carrier".to_owned(),
            answered: true,
            talked_ms: 4_000,
        }),
        complaint: None,
        survey: None,
        notes: Vec::new(),
        legs: Vec::new(),
        version: Some(id),
        wrong_keys: 2,
        end: CallEnd::Refused { status: 486, why: "busy 忙".to_owned() },
    }
}

fn bare_call(id: u64) -> CallRecord {
    CallRecord {
        grade: None,
        answered: None,
        stages: Vec::new(),
        queue: None,
        recordings: Vec::new(),
        slip: None,
        withheld: false,
        diverted: Vec::new(),
        outside: None,
        end: CallEnd::CallerHungUp,
        ..call(id)
    }
}

fn slip(id: u64, state: SlipState) -> MessageSlip {
    MessageSlip {
        slip: SlipId(id),
        call: CallId(id),
        from: "02187654321".into(),
        person: Some("8001".to_owned()),
        mailbox: "8001".to_owned(),
        taken: at(id as i64),
        who: None,
        recordings: vec![RecordingId(id)],
        number: None,
        urgent: false,
        about: None,
        keeping: crate::record::Keeping::default(),
        length_ms: 12_345,
        confirmed: true,
        state,
    }
}

fn calls(records: &[CallRecord]) -> Vec<Record> {
    records.iter().map(|record| Record::Call(Box::new(record.clone()))).collect()
}

fn slips(slips: &[MessageSlip]) -> Vec<Record> {
    slips.iter().map(|slip| Record::Slip(Box::new(slip.clone()))).collect()
}

fn all() -> CallFilter {
    CallFilter { latest: usize::MAX, since: None, of: None }
}

#[test]
fn what_is_written_is_read_again() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.write(&calls(&[call(1), bare_call(2), call(3)])).unwrap();
    assert_eq!(store.call(CallId(1)).unwrap(), Some(call(1)));
    assert_eq!(store.call(CallId(4)).unwrap(), None);
    assert_eq!(store.calls(&all()).unwrap(), [call(3), bare_call(2), call(1)]);
    assert_eq!(store.calls(&CallFilter { latest: 1, ..all() }).unwrap(), [call(3)]);
    assert_eq!(store.calls(&CallFilter { since: Some(at(2)), ..all() }).unwrap(), [call(3), bare_call(2)]);
}

#[test]
fn every_word_and_every_end_comes_back_as_itself() {
    let folder = Folder::new();
    let mut store = folder.open();
    let why = || "why".to_owned();
    let ends = [
        CallEnd::CallerHungUp,
        CallEnd::CallerCancelled,
        CallEnd::AgentHungUp,
        CallEnd::FlowEnded,
        CallEnd::Refused { status: 603, why: why() },
        CallEnd::NoAudio,
        CallEnd::DialogLost { why: why() },
        CallEnd::SessionExpired,
        CallEnd::Shutdown,
        CallEnd::Fault { why: why() },
    ];
    let outcomes = [
        QueueOutcome::Served,
        QueueOutcome::Abandoned,
        QueueOutcome::LeftByKey,
        QueueOutcome::MaxWait,
        QueueOutcome::Full,
        QueueOutcome::NobodySignedOn,
    ];
    let kinds = [
        StageKind::Arrive,
        StageKind::Listen,
        StageKind::Wait,
        StageKind::Offer,
        StageKind::Talk,
        StageKind::Hold,
        StageKind::Message,
        StageKind::Presence,
        StageKind::HangUp,
    ];
    let records: Vec<_> = (1..)
        .zip(ends)
        .map(|(id, end)| {
            let mut record = CallRecord { end, ..call(id) };
            let at = id as usize;
            if let Some(visit) = &mut record.queue {
                visit.outcome = outcomes[at % outcomes.len()];
            }
            record.stages[0].kind = kinds[at % kinds.len()];
            record
        })
        .collect();
    store.write(&calls(&records)).unwrap();
    for record in &records {
        assert_eq!(store.call(record.call).unwrap().as_ref(), Some(record));
    }
}

#[test]
fn a_call_recorded_twice_costs_the_others_nothing() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.write(&calls(&[call(1)])).unwrap();
    let mut batch = calls(&[bare_call(1), call(2)]);
    batch.extend(slips(&[slip(9, SlipState::New)]));
    store.write(&batch).unwrap();
    assert_eq!(store.calls(&all()).unwrap(), [call(2), call(1)]);
    assert!(store.slip(SlipId(9)).unwrap().is_some());
}

#[test]
fn a_slip_goes_its_way_and_never_back_by_itself() {
    let folder = Folder::new();
    let mut store = folder.open();
    let states = |store: &Sqlite| store.slip(SlipId(1)).unwrap().map(|slip| slip.state);
    store.write(&slips(&[slip(1, SlipState::Taking)])).unwrap();
    assert_eq!(states(&store), Some(SlipState::Taking));
    store.write(&slips(&[slip(1, SlipState::New)])).unwrap();
    assert_eq!(store.slip(SlipId(1)).unwrap(), Some(slip(1, SlipState::New)));
    assert!(store.mark(SlipId(1), SlipState::Heard).unwrap());
    store.write(&slips(&[slip(1, SlipState::New)])).unwrap();
    assert_eq!(states(&store), Some(SlipState::Heard));
    store.write(&slips(&[slip(1, SlipState::Done)])).unwrap();
    assert_eq!(states(&store), Some(SlipState::Done));
    assert!(store.mark(SlipId(1), SlipState::New).unwrap(), "a person may");
    assert_eq!(states(&store), Some(SlipState::New));
    assert!(!store.mark(SlipId(2), SlipState::Done).unwrap());
    store.write(&[Record::SlipDiscarded(SlipId(1))]).unwrap();
    assert_eq!(states(&store), None);
}

#[test]
fn slips_by_box_and_what_is_still_open() {
    let folder = Folder::new();
    let mut store = folder.open();
    let other = MessageSlip { mailbox: "night".to_owned(), person: None, ..slip(3, SlipState::New) };
    let written = [slip(1, SlipState::Done), slip(2, SlipState::Heard), other.clone()];
    store.write(&slips(&written)).unwrap();
    let find = |mailbox: Option<&str>, open_only| {
        store
            .slips(&SlipFilter { mailbox: mailbox.map(str::to_owned), open_only, ..SlipFilter::default() })
            .unwrap()
    };
    assert_eq!(find(None, false), [other.clone(), slip(2, SlipState::Heard), slip(1, SlipState::Done)]);
    assert_eq!(find(None, true), [other.clone(), slip(2, SlipState::Heard)]);
    assert_eq!(find(Some("8001"), true), [slip(2, SlipState::Heard)]);
    assert_eq!(find(Some("night"), false), [other]);
}

#[test]
fn what_was_acknowledged_survives_a_crash() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.write(&slips(&[slip(1, SlipState::New)])).unwrap();
    store.write(&calls(&[call(1)])).unwrap();
    let after = folder.crash();
    let store = after.open();
    assert_eq!(store.slip(SlipId(1)).unwrap(), Some(slip(1, SlipState::New)));
    assert_eq!(store.call(CallId(1)).unwrap(), Some(call(1)));
}

#[test]
fn a_write_that_was_cut_short_is_as_if_it_had_not_begun() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.write(&slips(&[slip(1, SlipState::New)])).unwrap();
    store.write(&slips(&[slip(2, SlipState::New)])).unwrap();
    let after = folder.crash();
    // The last bytes of the log did not reach the disk.
    let log = after.folder.path().join("hotline.sqlite-wal");
    let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
    file.set_len(fs::metadata(&log).unwrap().len() - 100).unwrap();
    let store = after.open();
    assert!(store.slip(SlipId(1)).unwrap().is_some());
    assert_eq!(store.slip(SlipId(2)).unwrap(), None);
}

/// Another process at the same file, doing what [`child`] does for this task. Dies with the test.
struct Other {
    process: Child,
    says: BufReader<ChildStdout>,
}

const TASK: &str = "HOTLINE_TEST_STORE_TASK";
const FILE: &str = "HOTLINE_TEST_STORE_FILE";

impl Other {
    fn start(task: &str, file: &Path) -> Self {
        let (_, module) = module_path!().split_once("::").expect("a module of the crate");
        let mut process = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "--ignored", "--nocapture", &format!("{module}::child")])
            .env(TASK, task)
            .env(FILE, file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let says = BufReader::new(process.stdout.take().expect("is piped"));
        Other { process, says }
    }

    /// The next word that is meant for us: the test harness talks too.
    fn says(&mut self) -> Option<String> {
        let mut line = String::new();
        while self.says.read_line(&mut line).expect("readable") > 0 {
            if let Some((_, word)) = line.trim_end().rsplit_once("child: ") {
                return Some(word.to_owned());
            }
            line.clear();
        }
        None
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // SIGKILL: no chance to tidy up.
        self.process.kill().expect("is ours");
        self.process.wait().expect("is ours");
    }
}

#[test]
#[ignore = "the other process of two tests, does nothing by itself"]
fn child() {
    let (Ok(task), Ok(file)) = (env::var(TASK), env::var(FILE)) else { return };
    let mut store = Sqlite::open(Path::new(&file)).expect("opens");
    let say = |word: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "child: {word}").and_then(|()| out.flush()).expect("somebody listens");
    };
    if task == "lock" {
        store.db.execute_batch("BEGIN IMMEDIATE").expect("locks");
        say("locked");
        std::thread::park_timeout(Duration::from_secs(60));
        return;
    }
    let first = store.ids().expect("numbers").slip;
    for id in first..first + 5_000 {
        store.write(&slips(&[slip(id, SlipState::New)])).expect("writes");
        say(&id.to_string());
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = Folder::new();
    for _ in 0..3 {
        let mut other = Other::start("write", &folder.path());
        let acknowledged: Vec<u64> =
            (0..25).map_while(|_| other.says()).map(|word| word.parse().expect("a number")).collect();
        drop(other);
        assert_eq!(acknowledged.len(), 25);
        let store = folder.open();
        for id in acknowledged {
            assert!(store.slip(SlipId(id)).unwrap().is_some(), "slip {id} is lost");
        }
    }
    let numbers = folder.open().slips(&SlipFilter::default()).unwrap();
    let mut blocks: Vec<_> = numbers.iter().map(|slip| slip.slip.0 / 10_000).collect();
    blocks.dedup();
    assert_eq!(blocks, [2, 1, 0], "each run has had numbers of its own");
}

#[test]
fn the_lock_of_another_process_is_named_and_ends_with_it() {
    let folder = Folder::new();
    let mut other = Other::start("lock", &folder.path());
    assert_eq!(other.says().as_deref(), Some("locked"));
    let sentence = folder.failure();
    assert!(sentence.contains("is locked by another program"), "{sentence}");
    drop(other);
    folder.open();
}

#[test]
fn a_slip_cut_short_by_a_crash_becomes_new_or_vanishes() {
    let folder = Folder::new();
    let mut store = folder.open();
    let taking = [slip(1, SlipState::Taking), slip(2, SlipState::Taking), slip(3, SlipState::New)];
    store.write(&slips(&taking)).unwrap();
    let kept = |recording| (recording == RecordingId(1)).then_some(Duration::from_millis(4_000));
    let expected = MessageSlip { length_ms: 4_000, ..slip(1, SlipState::New) };
    assert_eq!(store.recover(&kept).unwrap(), std::slice::from_ref(&expected));
    assert_eq!(store.slip(SlipId(1)).unwrap(), Some(expected));
    assert_eq!(store.slip(SlipId(2)).unwrap(), None);
    assert_eq!(store.slip(SlipId(3)).unwrap(), Some(slip(3, SlipState::New)));
    assert_eq!(store.recover(&kept).unwrap(), []);
}

#[test]
fn numbers_go_on_without_a_gap_after_an_orderly_end() {
    let folder = Folder::new();
    let mut store = folder.open();
    let mut ids = store.ids().unwrap();
    assert_eq!(ids, Ids { call: 1, recording: 1, slip: 1, step: 1 });
    ids.next_call();
    ids.next_call();
    ids.next_slip();
    store.release(ids).unwrap();
    drop(store);
    assert_eq!(folder.open().ids().unwrap(), Ids { call: 3, recording: 1, slip: 2, step: 1 });
}

#[test]
fn numbers_are_never_given_again_after_a_crash() {
    let folder = Folder::new();
    let mut store = folder.open();
    let mut ids = store.ids().unwrap();
    // Far beyond one block, a hundred calls under way at a time.
    let mut used = 0;
    for _ in 0..300 {
        let batch: Vec<_> = (0..100).map(|_| bare_call(ids.next_call().0)).collect();
        used = ids.call + 100;
        store.write(&calls(&batch)).unwrap();
    }
    let next = folder.crash().open().ids().unwrap();
    assert!(next.call > used, "{} may have been used", next.call);
    assert!(next.call < used + 20_000, "{} wastes numbers", next.call);

    let records = [slip(50_000, SlipState::New)];
    store.write(&slips(&records)).unwrap();
    let next = folder.crash().open().ids().unwrap();
    assert!(next.slip > 50_000 && next.recording > 50_000);
}

#[test]
fn releasing_too_much_does_not_bring_back_used_numbers() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.release(Ids { call: 500, recording: 500, slip: 500, step: 1 }).unwrap();
    assert_eq!(store.ids().unwrap().call, 500);
    store.release(Ids::default()).unwrap();
    assert_eq!(store.ids().unwrap().call, 500);
}

#[test]
fn a_command_reads_and_marks_beside_a_running_daemon() {
    let folder = Folder::new();
    let mut daemon = folder.open();
    daemon.write(&slips(&[slip(1, SlipState::New)])).unwrap();
    let mut command = Sqlite::open_existing(&folder.path()).unwrap();
    assert!(command.mark(SlipId(1), SlipState::Heard).unwrap());
    daemon.write(&calls(&[call(1)])).unwrap();
    assert_eq!(command.calls(&all()).unwrap(), [call(1)]);
    assert_eq!(daemon.slip(SlipId(1)).unwrap(), Some(slip(1, SlipState::Heard)));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = Folder::new();
    fs::write(folder.path(), b"").unwrap();
    // Not a folder, so nothing can be made in it, whoever runs the test.
    let inside = folder.path().join("hotline.sqlite");
    let sentence = Sqlite::open(&inside).err().expect("fails").to_string();
    assert!(sentence.contains("cannot be written") && sentence.contains("--state"), "{sentence}");
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.write(&slips(&[slip(1, SlipState::New)])).unwrap();
    let pages: i64 = store.db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.db.pragma_update(None, "max_page_count", pages + 1).unwrap();
    let many: Vec<_> = (2..500).map(|id| slip(id, SlipState::New)).collect();
    let error = store.write(&slips(&many)).expect_err("full");
    assert!(error.to_string().contains("no room left"), "{error}");
    assert_eq!(store.slip(SlipId(2)).unwrap(), None, "all or nothing");
    store.db.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    store.write(&slips(&many)).unwrap();
    assert_eq!(store.slips(&SlipFilter::default()).unwrap().len(), 499);
}

#[test]
fn a_batch_is_durable_in_one_go() {
    let folder = Folder::new();
    let mut store = folder.open();
    let settings =
        |name| store.db.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
    assert_eq!(settings("synchronous").unwrap(), rusqlite::types::Value::Integer(2), "FULL");
    assert_eq!(settings("journal_mode").unwrap(), rusqlite::types::Value::Text("wal".to_owned()));
    // Another program sees the whole batch or none of it.
    let other = Connection::open(folder.path()).unwrap();
    let counted = || other.query_row("SELECT count(*) FROM calls", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(counted(), 0);
    store.write(&calls(&(1..=50).map(call).collect::<Vec<_>>())).unwrap();
    assert_eq!(counted(), 50);
}

#[test]
fn a_registration_that_cannot_be_read_takes_no_other_with_it() {
    let folder = Folder::new();
    let mut store = folder.open();
    let registration = |number, remote: &str| {
        Record::Registration(Box::new(Registration {
            number,
            user: Masked::from("1001"),
            contact: Masked::from("<sip:1001@192.0.2.7>"),
            expires: at(3600),
            refreshed: at(0),
            call_id: "a".to_owned(),
            cseq: 1,
            transport: "UDP".to_owned(),
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: remote.parse().unwrap(),
            user_agent: None,
            path: Vec::new(),
            outbound: false,
        }))
    };
    store.write(&[registration(1, "192.0.2.7:5060"), registration(2, "192.0.2.8:5060")]).unwrap();
    let other = Connection::open(folder.path()).unwrap();
    other.execute("UPDATE registrations SET remote = 'nowhere' WHERE number = 1", []).unwrap();
    let read = store.registrations().unwrap();
    assert_eq!(read.iter().map(|registration| registration.number).collect::<Vec<_>>(), [2]);
}

#[test]
fn callbacks_are_kept_as_they_change_until_they_are_over() {
    let folder = Folder::new();
    let mut store = folder.open();
    let owed = |number, tries| Callback {
        callback: CallId(number),
        number: Masked::from("13800138000"),
        queue: "complaint".to_owned(),
        language: "en-US".to_owned(),
        grade: Some("VIP".to_owned()),
        needs: vec![("english".to_owned(), 2)],
        credit_ms: Some(90_000),
        since: at(100 - i64::try_from(number).unwrap()),
        tries,
        given_up: None,
        last: (tries > 0).then(|| "busy".to_owned()),
    };
    let written = |number, tries| Record::Callback(Box::new(owed(number, tries)));
    store.write(&[written(1, 0), written(2, 0), written(3, 0), written(1, 1)]).unwrap();
    store.write(&[Record::CallbackOver(CallId(2))]).unwrap();
    drop(store);
    let store = Sqlite::open_existing(&folder.path()).unwrap();
    assert_eq!(store.callbacks().unwrap(), [owed(3, 0), owed(1, 1)], "the longest waiting first");
}

#[test]
fn a_leg_is_part_of_its_call_whichever_comes_first() {
    let folder = Folder::new();
    let mut store = folder.open();
    let leg = |leg, received| LegQuality {
        leg,
        party: "carrier".to_owned(),
        codec: "PCMA".to_owned(),
        sent: 500,
        received,
        lost: 12,
        late: 3,
        jitter_ms: 7,
        round_trip_ms: Some(48),
        peer_lost: None,
        peer_jitter_ms: Some(2),
        mos_x100: 398,
    };
    let record = |index, received| Record::Leg { call: CallId(4), quality: Box::new(leg(index, received)) };
    store.write(&[record(1, 300)]).unwrap();
    store.write(&[Record::Call(Box::new(call(4)))]).unwrap();
    store.write(&[record(0, 480)]).unwrap();
    let expected = CallRecord { legs: vec![leg(0, 480), leg(1, 300)], ..call(4) };
    assert_eq!(store.call(CallId(4)).unwrap(), Some(expected.clone()));
    assert_eq!(store.calls(&CallFilter { latest: 9, ..all() }).unwrap(), [expected]);
}
