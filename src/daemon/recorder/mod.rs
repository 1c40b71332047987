//! Recordings on disk: one thread writes what the media engines hand over, and reads it back to be played.
//!
//! ```text
//!   begin -> NAME.wav.part --audio, header brought up to date every second--> end
//!         -> finalize, fsync the file, rename to NAME.wav, fsync the folder -> saved
//! ```
//!
//! A crash leaves a `.part` that is playable up to the last second; the next start repairs its header and
//! gives it its name. Nobody is told "saved" before the disk has it.
//!
//! Audio wakes nobody: the thread looks by itself every `PATIENCE` while something is recorded, for waking it would
//! cost the voice threads a system call for each piece. Whatever else is asked wakes it at once, and since all of it comes in one
//! queue, what was asked first is done first.

mod files;
mod joined;
mod repair;
mod wav;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError};

use crate::base::{Instant, RecordingId};
use crate::media::Audio;

use super::clock;
use super::counters::Counters;
use super::failure::Failure;
use super::inbox::{Inbox, Report};

pub use files::{length, path_of};
pub use joined::joined;
pub use repair::{Repaired, repair_all};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How often the header of a growing file is brought up to date: a player of what a crash left hears up to there, until
    /// the next start has repaired it.
    pub flush: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config { flush: Duration::from_secs(1) }
    }
}

/// Pieces of audio that may wait for a slow disk: about 25 s of 100 recordings, 80 MB.
const QUEUED: usize = 8 * 1024;
/// How long audio waits at most before the thread looks for it.
const PATIENCE: Duration = Duration::from_millis(100);
/// The same while nothing is recorded.
const IDLE: Duration = Duration::from_secs(1);

/// What the thread is asked for. What one sender asks is done in its order.
enum Job {
    Begin { recording: RecordingId, channels: u16 },
    Audio(Audio),
    End { recording: RecordingId },
    Load { recording: RecordingId },
    Discard { recording: RecordingId },
    Stop,
}

/// The asking end; every media worker and the driver hold one. No call of it ever waits.
#[derive(Clone)]
pub struct Recorder {
    /// Without bound but for the audio: what begins or ends a recording is rare and must not be lost.
    jobs: Sender<Job>,
    thread: thread::Thread,
    /// Audio on its way. Raised by the senders, lowered by the thread.
    queued: Arc<AtomicUsize>,
    counters: Arc<Counters>,
    inbox: Inbox<Report>,
}

impl Recorder {
    /// Starts the thread. Results come to `inbox` as [`Report::RecordingSaved`] and [`Report::Loaded`].
    pub fn start(
        state: &Path,
        config: &Config,
        inbox: Inbox<Report>,
        counters: &Arc<Counters>,
    ) -> Result<(Recorder, JoinHandle<()>), Failure> {
        let (sender, jobs) = crossbeam_channel::unbounded();
        let queued = Arc::new(AtomicUsize::new(0));
        let writing = Writing {
            queued: Arc::clone(&queued),
            state: state.to_owned(),
            flush: config.flush,
            inbox: inbox.clone(),
            counters: Arc::clone(counters),
            open: writer::Writers::default(),
            flushed: clock::mono(),
        };
        let handle = thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || writing.run(&jobs))
            .map_err(Failure::io("the recorder's thread could not be started"))?;
        let (thread, counters) = (handle.thread().clone(), Arc::clone(counters));
        Ok((Recorder { jobs: sender, thread, queued, counters, inbox }, handle))
    }

    /// Before the engine is told to record, so that the file is there before its first audio.
    pub fn begin(&self, recording: RecordingId, channels: u16) {
        if !self.ask(Job::Begin { recording, channels }) {
            self.counters.recordings_failed.add_one();
            tracing::error!(%recording, "nothing can be recorded: the recorder's thread is gone");
        }
    }

    /// A disk that is too slow costs the recording, which is told of at once, and not the call.
    pub fn audio(&self, audio: Audio) {
        let recording = audio.recording;
        let room = self.queued.fetch_add(1, Ordering::Relaxed) < QUEUED;
        if !(room && self.jobs.send(Job::Audio(audio)).is_ok()) {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            self.counters.recording_audio_lost.add_one();
            let result = Err("the disk is too slow".to_owned());
            // Where the inbox is full the next piece says it again.
            let _ = self.inbox.push(Report::RecordingSaved { recording, result });
        }
    }

    /// After the last audio. Leads to one [`Report::RecordingSaved`].
    pub fn end(&self, recording: RecordingId) {
        self.ask(Job::End { recording });
    }

    /// Leads to one [`Report::Loaded`]; `false` where it cannot, for the thread is gone.
    pub fn load(&self, recording: RecordingId) -> bool {
        self.ask(Job::Load { recording })
    }

    /// Removes a recording that nobody shall hear, whole or not.
    pub fn discard(&self, recording: RecordingId) {
        self.ask(Job::Discard { recording });
    }

    /// After everything asked so far.
    pub fn stop(&self) {
        self.ask(Job::Stop);
    }

    /// `false` where the thread is gone: at the very end, or because it panicked. A message then fails by its
    /// deadline, and its caller is told so.
    fn ask(&self, job: Job) -> bool {
        let sent = self.jobs.send(job).is_ok();
        self.thread.unpark();
        sent
    }
}

/// The thread's own.
struct Writing {
    queued: Arc<AtomicUsize>,
    state: PathBuf,
    flush: Duration,
    inbox: Inbox<Report>,
    counters: Arc<Counters>,
    open: writer::Writers,
    flushed: Instant,
}

impl Writing {
    fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            self.flush_when_due();
            match jobs.try_recv() {
                Ok(Job::Stop) | Err(TryRecvError::Disconnected) => return self.end_all(),
                Ok(job) => self.carry_out(job),
                // Who asks for something after this look has woken us before we sleep.
                Err(TryRecvError::Empty) if self.open.is_empty() => thread::park_timeout(IDLE),
                Err(TryRecvError::Empty) => thread::park_timeout(PATIENCE),
            }
        }
    }

    /// Between any two jobs: a crash while much waits for a slow disk costs no more either.
    fn flush_when_due(&mut self) {
        let now = clock::mono();
        if now.since(self.flushed) >= self.flush {
            self.flushed = now;
            for (recording, reason) in self.open.flush_all() {
                self.fails(recording, reason);
            }
        }
    }

    fn carry_out(&mut self, job: Job) {
        match job {
            Job::Begin { recording, channels } => {
                if let Some(reason) = self.open.begin(&self.state, recording, channels) {
                    self.fails(recording, reason);
                }
            }
            Job::Audio(audio) => {
                self.queued.fetch_sub(1, Ordering::Relaxed);
                let recording = audio.recording;
                if let Some(reason) = self.open.audio(&audio) {
                    self.fails(recording, reason);
                }
            }
            Job::End { recording } => {
                let told = self.open.has_failed(recording);
                let result = self.open.end(recording);
                if let Err(reason) = &result
                    && !told
                {
                    self.counters.recordings_failed.add_one();
                    tracing::error!(%recording, %reason, "a recording could not be kept");
                }
                self.inbox.push_patiently(Report::RecordingSaved { recording, result });
            }
            Job::Load { recording } => {
                let result = files::load(&self.state, recording);
                self.inbox.push_patiently(Report::Loaded { recording, result });
            }
            Job::Discard { recording } => {
                drop(self.open.end(recording));
                files::remove(&self.state, recording);
            }
            Job::Stop => {}
        }
    }

    /// The call hears of it at once, and is recorded no further.
    fn fails(&self, recording: RecordingId, reason: String) {
        self.counters.recordings_failed.add_one();
        self.inbox.push_patiently(Report::RecordingSaved { recording, result: Err(reason) });
    }

    fn end_all(&mut self) {
        for (recording, result) in self.open.end_all() {
            if let Err(reason) = result {
                tracing::error!(%recording, %reason, "a recording could not be kept");
            }
        }
    }
}

#[cfg(test)]
mod tests;
