//! The writer of records: one thread, many records to a transaction, nothing waited for. What a full disk or a
//! locked file refuses is kept and tried again, in order, until it is written or the daemon ends. It also tells how
//! many messages wait in each box: the store knows, whoever changed it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};

use crate::base::{Ids, SlipId};
use crate::complaints;
use crate::dialplan::Plan;
use crate::record::{CaseNumber, ComplaintChange, Record, Waiting};
use crate::slips::Clerk;

use super::clock;
use super::counters::Counters;
use super::failure::Failure;
use super::inbox::{Inbox, Report};
use super::keeper::Keeper;
use super::post::{self, Post};
use super::store::{Store, StoreError};

/// Records in one transaction at most.
const BATCH: usize = 256;
/// Records that may wait for a slow disk, and as many again for one that writes nothing at all: an hour of more
/// calls than ever were, some 100 MB.
const QUEUED: usize = 64 * 1024;
/// The pause before a store that refused is asked again.
const AGAIN: Duration = Duration::from_secs(1);

enum Job {
    Save(Record),
    /// Somebody else changed this slip.
    Changed(SlipId),
    /// Somebody else changed this complaint.
    ComplaintChanged(CaseNumber),
    /// The dialplan in force.
    Plan(Arc<Plan>),
    /// What came of a mail or the web hook.
    Told(post::Outcome),
    /// The last one: these numbers were not used.
    Close(Ids),
}

/// The driver's end.
pub struct Records {
    queue: Sender<Job>,
    thread: JoinHandle<()>,
}

impl Records {
    /// Slips that are committed, or could not be, come to `inbox` as [`Report::SlipSaved`]; what waits in the boxes
    /// comes as [`Report::Waiting`], at the start and after each change.
    ///
    /// # Errors
    /// Mails or the web hook cannot be set up as they are configured; a thread cannot be started.
    pub fn start(
        store: impl Store + 'static,
        plan: Arc<Plan>,
        (post, state): (&post::Config, &Path),
        inbox: Inbox<Report>,
        counters: &Arc<Counters>,
    ) -> Result<Records, Failure> {
        let (queue, jobs) = crossbeam_channel::bounded(QUEUED);
        let done = {
            let queue = queue.clone();
            // Fails only when the thread is gone: the store has it still, and it is told again at the next start.
            move |outcome| drop(queue.send(Job::Told(outcome)))
        };
        let keeper = Keeper {
            clerk: Clerk::new(Arc::clone(&plan), post.hook.is_some()),
            complaints: complaints::Clerk::new(Arc::clone(&plan)),
            inbox: inbox.clone(),
            post: Post::start(post, state, Arc::clone(counters), done)?,
            plan,
            touched: BTreeSet::new(),
            cases: BTreeSet::new(),
            unread: true,
            busy: false,
        };
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || run(store, keeper, &jobs, &inbox))
            .map_err(Failure::io("the store's thread could not be started"))?;
        Ok(Records { queue, thread })
    }

    pub fn save(&self, record: Record) {
        // A registration is written anew with each refresh, a call only once: of a disk that cannot keep up the
        // calls get what it has.
        let passing = matches!(record, Record::Registration(_) | Record::RegistrationEnded(_));
        if passing && self.queue.len() > QUEUED / 2 {
            tracing::warn!("a registration is not written: the store is too slow");
            return;
        }
        match self.queue.try_send(Job::Save(record)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => tracing::error!("a record is lost: the store is too slow"),
            Err(TrySendError::Disconnected(_)) => {
                tracing::error!("a record is lost: the store's thread is gone")
            }
        }
    }

    /// Somebody else has changed this slip in the store.
    pub fn changed(&self, slip: SlipId) {
        self.also(Job::Changed(slip));
    }

    /// The same of a complaint.
    pub fn complaint_changed(&self, case: CaseNumber) {
        self.also(Job::ComplaintChanged(case));
    }

    /// From now on slips go by this plan.
    pub fn plan(&self, plan: Arc<Plan>) {
        self.also(Job::Plan(plan));
    }

    fn also(&self, job: Job) {
        if self.queue.try_send(job).is_err() {
            tracing::error!("the store is too slow: messages waiting are counted at its next change");
        }
    }

    /// After everything saved so far. The next start goes on with these numbers.
    pub fn stop(self, next: Ids) {
        // Fails only when the thread is gone, which the join tells.
        let _ = self.queue.send(Job::Close(next));
        if self.thread.join().is_err() {
            tracing::error!("the store's thread had panicked");
        }
    }
}

fn run(mut store: impl Store, mut keeper: Keeper, jobs: &Receiver<Job>, inbox: &Inbox<Report>) {
    // What was refused, oldest first. Whoever waited for it has been told so.
    let mut refused = VecDeque::new();
    let mut next = None;
    let mut boxes = Boxes::default();
    boxes.count_all(&store, inbox);
    keeper.look(&store);
    while next.is_none() {
        let mut batch = Vec::new();
        let at_rest = refused.is_empty() && boxes.are_told() && keeper.knows_all();
        let patience = if at_rest { keeper.patience(&store, clock::now().wall) } else { AGAIN };
        let first = match jobs.recv_timeout(patience) {
            Ok(first) => Some(first),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        // Whatever else is there already shares the transaction and its fsync.
        for job in first.into_iter().chain(jobs.try_iter().take(BATCH - 1)) {
            match job {
                Job::Save(record) => {
                    boxes.touched(&record);
                    keeper.touched(&record);
                    batch.push(record);
                }
                Job::Changed(slip) => {
                    boxes.all = true;
                    keeper.changed(slip);
                }
                Job::ComplaintChanged(case) => keeper.complaint_changed(case),
                Job::Plan(plan) => keeper.reload(plan),
                Job::Told(outcome) => batch.push(keeper.told(outcome, clock::now().wall)),
                Job::Close(ids) => next = Some(ids),
            }
        }
        write(&mut store, batch, &mut refused, inbox);
        // What is kept back changes the counts when it is written.
        if refused.is_empty() {
            keeper.look(&store);
            let due = keeper.due(&store, clock::now().wall);
            if !due.is_empty() {
                due.iter().for_each(|record| boxes.touched(record));
                write(&mut store, due, &mut refused, inbox);
            }
        }
        // A slip whose change is kept back stands as it will, not as it does: nothing is decided of it meanwhile.
        if refused.is_empty() {
            keeper.look(&store);
            boxes.count(&store, inbox);
        }
    }
    if !refused.is_empty() {
        tracing::error!(records = refused.len(), "records are lost: the store took none to the end");
    }
    if let Some(Err(error)) = next.map(|ids| store.release(ids)) {
        tracing::error!(%error, "the store could not be closed in order");
    }
}

/// What waits in each message box, as it was last told.
#[derive(Default)]
struct Boxes {
    told: BTreeMap<String, Waiting>,
    dirty: BTreeSet<String>,
    /// A slip vanished; which box it was in is known to the store alone.
    all: bool,
}

impl Boxes {
    fn touched(&mut self, record: &Record) {
        match record {
            Record::Call(_)
            | Record::Leg { .. }
            | Record::Callback(_)
            | Record::CallbackOver(_)
            | Record::Promise(_)
            | Record::PromiseUnmade(_)
            | Record::Complaint(..)
            | Record::Survey(_)
            | Record::Contact(_)
            | Record::Presence(_)
            | Record::Place(_)
            | Record::PlaceTaken(..)
            | Record::Registration(_)
            | Record::RegistrationEnded(_)
            | Record::Posted(_) => {}
            Record::Slip(slip) => {
                self.dirty.insert(slip.mailbox.clone());
            }
            Record::SlipDiscarded(_) | Record::SlipChange(..) => self.all = true,
        }
    }

    fn are_told(&self) -> bool {
        !self.all && self.dirty.is_empty()
    }

    fn count_all(&mut self, store: &impl Store, inbox: &Inbox<Report>) {
        self.all = true;
        self.count(store, inbox);
    }

    fn count(&mut self, store: &impl Store, inbox: &Inbox<Report>) {
        if std::mem::take(&mut self.all) {
            self.dirty.extend(self.told.keys().cloned());
            match store.waiting(None) {
                Ok(counts) => {
                    let mut counts: BTreeMap<_, _> = counts.into_iter().collect();
                    for mailbox in std::mem::take(&mut self.dirty) {
                        counts.entry(mailbox).or_default();
                    }
                    counts.into_iter().for_each(|(mailbox, waiting)| self.tell(mailbox, waiting, inbox));
                }
                Err(error) => {
                    self.all = true;
                    tracing::error!(%error, "messages waiting could not be counted");
                }
            }
        }
        while let Some(mailbox) = self.dirty.pop_first() {
            match store.waiting(Some(&mailbox)) {
                Ok(counts) => {
                    let waiting = counts.into_iter().next().map(|(_, waiting)| waiting).unwrap_or_default();
                    self.tell(mailbox, waiting, inbox);
                }
                Err(error) => {
                    tracing::error!(mailbox, %error, "messages waiting could not be counted");
                    self.dirty.insert(mailbox);
                    return;
                }
            }
        }
    }

    fn tell(&mut self, mailbox: String, waiting: Waiting, inbox: &Inbox<Report>) {
        if self.told.get(&mailbox).copied().unwrap_or_default() == waiting {
            return;
        }
        self.told.insert(mailbox.clone(), waiting);
        inbox.push_patiently(Report::Waiting { mailbox, waiting });
    }
}

/// What was refused before comes first, so that no state of a slip overtakes another.
fn write(store: &mut impl Store, batch: Vec<Record>, refused: &mut VecDeque<Record>, inbox: &Inbox<Report>) {
    let mut result = Ok(());
    while !refused.is_empty() {
        let many = refused.len().min(BATCH);
        let (again, _) = refused.make_contiguous().split_at(many);
        match store.write(again) {
            Ok(()) => tracing::info!(records = many, "records that had been refused are written"),
            Err(error) if error.may_pass() => {
                result = Err(error);
                break;
            }
            Err(error) => tracing::error!(records = many, %error, "records are lost"),
        }
        refused.drain(..many);
    }
    if batch.is_empty() {
        return;
    }
    let result = result.and_then(|()| store.write(&batch));
    let kept = result.as_ref().is_err_and(StoreError::may_pass);
    if let Err(error) = &result {
        tracing::error!(records = batch.len(), kept, %error, "records could not be written");
    }
    let result = result.map_err(|error| error.to_string());
    for record in batch {
        if let Record::Slip(slip) = &record {
            inbox.push_patiently(Report::SlipSaved { slip: slip.slip, result: result.clone() });
        }
        if let Record::Callback(owed) = &record {
            inbox.push_patiently(Report::CallbackSaved { callback: owed.callback, saved: result.is_ok() });
        }
        // Of a promise that is no new one nobody waits for the news.
        if let Record::Promise(made) = &record {
            inbox.push_patiently(Report::CallbackSaved { callback: made.promise, saved: result.is_ok() });
        }
        if let Record::Complaint(case, ComplaintChange::Accepted(_)) = &record {
            inbox.push_patiently(Report::ComplaintSaved { case: *case, saved: result.is_ok() });
        }
        // Of a registration the next refresh tells as much.
        let passing = matches!(record, Record::Registration(_) | Record::RegistrationEnded(_));
        if kept && !(passing && refused.len() > QUEUED / 2) {
            if refused.len() < QUEUED {
                refused.push_back(record);
            } else {
                tracing::error!("a record is lost: too many are kept already");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CallId, Masked, RecordingId, SlipId, Wall};
    use crate::daemon::store::{SlipFilter, Sqlite};
    use crate::record::{Keeping, MessageSlip, SlipState};

    fn slip(number: u64) -> Record {
        Record::Slip(Box::new(MessageSlip {
            slip: SlipId(number),
            call: CallId(1),
            from: Masked::from("13800138000"),
            person: None,
            mailbox: "complaint".to_owned(),
            taken: Wall::from_micros(1),
            who: None,
            recordings: vec![RecordingId(number)],
            length_ms: 5000,
            number: None,
            urgent: false,
            confirmed: true,
            state: SlipState::New,
            about: None,
            keeping: Keeping::default(),
        }))
    }

    fn start(store: Sqlite, inbox: &Inbox<Report>) -> Result<Records, Failure> {
        let prompts = crate::daemon::prompts::Prompts::load(None).unwrap();
        let text = "[hotline]\nname = \"test\"\n".to_owned();
        let file = crate::dialplan::SourceFile { name: "test.toml".to_owned(), text };
        let (plan, _) = crate::dialplan::load(&[file], prompts.catalog.clone()).unwrap();
        let nobody = (&post::Config::default(), Path::new("/nowhere"));
        Records::start(store, Arc::new(plan), nobody, inbox.clone(), &Arc::default())
    }

    #[test]
    fn a_slip_is_reported_when_it_is_in_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hotline.sqlite");
        let inbox = Inbox::new(16);
        let mut store = Sqlite::open(&path).unwrap();
        let ids = store.ids().unwrap();
        let records = start(store, &inbox).unwrap();
        for number in 1..=3 {
            records.save(slip(number));
        }
        records.stop(ids);
        for number in 1..=3 {
            let saved = std::iter::from_fn(|| inbox.pop()).find(|it| matches!(it, Report::SlipSaved { .. }));
            let Some(Report::SlipSaved { slip, result: Ok(()) }) = saved else { panic!("not saved") };
            assert_eq!(slip, SlipId(number));
        }
        let store = Sqlite::open_existing(&path).unwrap();
        assert_eq!(store.slips(&SlipFilter::default()).unwrap().len(), 3);
    }

    #[test]
    fn what_waits_is_told_at_the_start_and_when_it_changes_whoever_changed_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hotline.sqlite");
        let mut store = Sqlite::open(&path).unwrap();
        store.write(&[slip(1), slip(2)]).unwrap();
        let ids = store.ids().unwrap();
        let inbox = Inbox::new(16);
        let waiting = |inbox: &Inbox<Report>| loop {
            match inbox.pop() {
                Some(Report::Waiting { mailbox, waiting }) => {
                    return (mailbox, waiting.new, waiting.old);
                }
                Some(_) => {}
                None => std::thread::yield_now(),
            }
        };
        let records = start(store, &inbox).unwrap();
        let complaint = |new, old| ("complaint".to_owned(), new, old);
        assert_eq!(waiting(&inbox), complaint(2, 0), "as the last run left it");
        records.save(slip(3));
        assert_eq!(waiting(&inbox), complaint(3, 0));
        let mut beside = Sqlite::open_existing(&path).unwrap();
        beside.mark(SlipId(1), SlipState::Heard).unwrap();
        beside.mark(SlipId(2), SlipState::Done).unwrap();
        records.changed(SlipId(1));
        assert_eq!(waiting(&inbox), complaint(1, 1));
        records.save(Record::SlipDiscarded(SlipId(3)));
        assert_eq!(waiting(&inbox), complaint(0, 1));
        records.changed(SlipId(1));
        records.stop(ids);
        assert!(
            !std::iter::from_fn(|| inbox.pop()).any(|it| matches!(it, Report::Waiting { .. })),
            "no news"
        );
    }

    #[test]
    fn what_a_locked_store_refuses_is_told_at_once_and_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hotline.sqlite");
        let mut store = Sqlite::open_with(&path, Duration::ZERO).unwrap();
        let inbox = Inbox::new(16);
        let mut refused = VecDeque::new();
        let saved = |inbox: &Inbox<Report>| match inbox.pop() {
            Some(Report::SlipSaved { slip, result }) => (slip.0, result.is_ok()),
            other => panic!("{other:?}"),
        };

        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        write(&mut store, vec![slip(1)], &mut refused, &inbox);
        write(&mut store, vec![slip(2)], &mut refused, &inbox);
        assert_eq!((saved(&inbox), saved(&inbox), refused.len()), ((1, false), (2, false), 2));

        other.execute_batch("ROLLBACK").unwrap();
        write(&mut store, vec![slip(3)], &mut refused, &inbox);
        assert_eq!((saved(&inbox), refused.len()), ((3, true), 0));
        assert_eq!(store.slips(&SlipFilter::default()).unwrap().len(), 3);
    }
}
