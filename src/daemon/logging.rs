//! Where log lines go and how they look: standard error, for people or as JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

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

/// Installs the subscriber of this process. A second call changes nothing.
pub fn start(config: &Config) {
    let filter = config.filter.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    let lines = fmt::layer().with_writer(io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        Format::Human => lines.with_ansi(io::stderr().is_terminal()).with_target(false).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    // Already installed by a test or by the demo around us: theirs stays.
    drop(tracing_subscriber::registry().with(lines.with_filter(filter)).try_init());
}
