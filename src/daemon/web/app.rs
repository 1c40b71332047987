//! What every request needs, and the few threads that work for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::attempts::Attempts;
use super::feed::Feed;
use super::gate::Lasting;
use super::problem::Problem;
use crate::daemon::office::Office;

/// Requests that are worked on at a time: what they ask for is in memory, or a read of a few rows.
pub const AT_WORK: usize = 6;
/// Passwords that are looked at at a time: each takes a core for a moment, and 19 MiB.
const HASHING: usize = 1;
/// And those that may wait for it.
const HASHES_WAITING: usize = 16;
/// Who has waited so long for their turn is told to come later.
const PATIENCE: Duration = Duration::from_secs(5);
/// Event streams; each is a connection, and the others want some too.
pub const STREAMS: usize = 256;

#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    office: Office,
    lasting: Lasting,
    max_body: usize,
    attempts: Mutex<Attempts>,
    at_work: Arc<Semaphore>,
    hashing: Arc<Semaphore>,
    hashes: Arc<Semaphore>,
    feed: Arc<Feed>,
    streams: Arc<Semaphore>,
    /// `true` once all is to end.
    ending: watch::Receiver<bool>,
}

impl App {
    pub fn new(
        office: Office,
        lasting: Lasting,
        max_body: usize,
        attempts: Attempts,
        feed: Arc<Feed>,
        ending: watch::Receiver<bool>,
    ) -> App {
        App(Arc::new(Inner {
            office,
            lasting,
            max_body,
            attempts: Mutex::new(attempts),
            at_work: Arc::new(Semaphore::new(AT_WORK)),
            hashing: Arc::new(Semaphore::new(HASHING)),
            hashes: Arc::new(Semaphore::new(HASHING + HASHES_WAITING)),
            feed,
            streams: Arc::new(Semaphore::new(STREAMS)),
            ending,
        }))
    }

    pub fn lasting(&self) -> Lasting {
        self.0.lasting
    }

    pub fn max_body(&self) -> usize {
        self.0.max_body
    }

    pub fn feed(&self) -> &Arc<Feed> {
        &self.0.feed
    }

    pub fn streams(&self) -> &Arc<Semaphore> {
        &self.0.streams
    }

    pub fn ending(&self) -> watch::Receiver<bool> {
        self.0.ending.clone()
    }

    pub fn attempts<R>(&self, look: impl FnOnce(&mut Attempts) -> R) -> R {
        look(&mut self.0.attempts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Done on a thread that may wait for a disk or for the exchange.
    pub async fn within<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Office) -> Result<R, Problem> + Send + 'static,
    ) -> Result<R, Problem> {
        let busy = || Problem::busy("too much is asked at once", 2);
        let turn = timeout(PATIENCE, Arc::clone(&self.0.at_work).acquire_owned()).await;
        let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        let inner = Arc::clone(&self.0);
        // The turn is the work's: whoever goes away meanwhile makes no room for more of it.
        let work = move || (work(&inner.office), turn).0;
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|_| Err(fault()))
    }

    /// Something slow, of which not many may be wanted at once.
    pub async fn hash<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Office) -> Result<R, Problem> + Send + 'static,
    ) -> Result<R, Problem> {
        let busy = || Problem::busy("too many sign in at once", 2);
        let place = Arc::clone(&self.0.hashes).try_acquire_owned().map_err(|_| busy())?;
        let turn = Arc::clone(&self.0.hashing).acquire_owned().await.map_err(|_| busy())?;
        let inner = Arc::clone(&self.0);
        let work = move || (work(&inner.office), turn, place).0;
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|_| Err(fault()))
    }
}

/// A panic, which is a fault of ours and costs this request only.
fn fault() -> Problem {
    use axum::http::StatusCode;
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", "the request failed by a fault of the hotline")
}
