//! Where log lines go and how they look: standard error, for people or as JSON.
//!
//! Lines are written by a thread of their own: a terminal that is held or a full pipe stops that thread, and no
//! caller. What it cannot take by then is lost and counted.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use super::counters::Counters;

/// Lines that wait for a slow reader.
const WAITING: usize = 8 * 1024;
/// How long the last lines may take when the program ends.
const FAREWELL: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub format: Format,
    /// A level, and others for parts of the program: `info`, `info,hotline::sip=debug`.
    pub filter: String,
}

impl Default for Config {
    fn default() -> Self {
        Config { format: Format::Human, filter: "info".to_owned() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Human,
    /// One JSON object a line, spans included.
    Json,
}

/// Whether a filter can be used, and if not, why.
pub fn check_filter(filter: &str) -> Result<(), String> {
    filter.parse::<Targets>().map(drop).map_err(|error| error.to_string())
}

fn targets(filter: &str) -> Targets {
    filter.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO))
}

/// The log of this process. Dropped, it waits a moment for its last lines.
pub struct Log {
    /// `None` where somebody around us had installed another one.
    filter: Option<Handle<Targets, Registry>>,
    lines: Lines,
}

/// Installs the log of this process. A second call changes nothing.
pub fn start(config: &Config, counters: &Arc<Counters>) -> io::Result<Log> {
    let lines = Lines::to(io::stderr(), counters)?;
    let (filter, handle) = reload::Layer::new(targets(&config.filter));
    let to = lines.clone();
    let layer = fmt::layer().with_writer(move || to.clone());
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        Format::Human => layer.with_ansi(io::stderr().is_terminal()).with_target(false).boxed(),
        Format::Json => layer.json().flatten_event(true).boxed(),
    };
    // Already installed by a test or by the demo around us: theirs stays.
    let installed = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().is_ok();
    Ok(Log { filter: installed.then_some(handle), lines })
}

impl Log {
    /// From now on only what this filter lets through.
    pub fn set_filter(&self, filter: &str) {
        if let Some(handle) = &self.filter {
            // Fails only when the subscriber is gone, which lives as long as the process.
            let _ = handle.reload(targets(filter));
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let (done, written) = bounded(1);
        if self.lines.queue.send_timeout(Order::Tell(done), FAREWELL).is_ok() {
            let _ = written.recv_timeout(FAREWELL);
        }
    }
}

/// The near end of the writing thread; a writer that never waits.
#[derive(Clone)]
struct Lines {
    queue: Sender<Order>,
    counters: Arc<Counters>,
}

enum Order {
    Line(Box<[u8]>),
    /// Answered when all before it is written.
    Tell(Sender<()>),
}

impl Lines {
    fn to(out: impl Write + Send + 'static, counters: &Arc<Counters>) -> io::Result<Lines> {
        let (queue, orders) = bounded(WAITING);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write(out, &orders))?;
        Ok(Lines { queue, counters: Arc::clone(counters) })
    }
}

/// A whole event comes by one call.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Order::Line(line.into())).is_err() {
            self.counters.log_lines_lost.add_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(mut out: impl Write, orders: &Receiver<Order>) {
    for order in orders {
        match order {
            // A reader that is gone is no reason to end: there is nobody to tell.
            Order::Line(line) => drop(out.write_all(&line)),
            Order::Tell(done) => {
                let _ = out.flush();
                let _ = done.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_order_before_the_end_and_nobody_waits_for_a_reader_that_stalls() {
        let (paper, counters) = (Paper::default(), Arc::new(Counters::default()));
        let mut lines = Lines::to(paper.clone(), &counters).unwrap();
        writeln!(lines, "one").unwrap();
        writeln!(lines, "two").unwrap();
        drop(Log { filter: None, lines: lines.clone() });
        assert_eq!(*paper.0.lock().unwrap(), b"one\ntwo\n");

        let held = paper.0.lock().unwrap();
        for _ in 0..WAITING + 10 {
            lines.write_all(b".").unwrap();
        }
        // The thread holds one in its hand, or has not come to it yet.
        let lost = counters.log_lines_lost.get();
        assert!((9..=10).contains(&lost), "{lost}");
        drop(held);
        drop(Log { filter: None, lines });
        assert_eq!(paper.0.lock().unwrap().len() as u64, 8 + WAITING as u64 + 10 - lost);
    }
}
