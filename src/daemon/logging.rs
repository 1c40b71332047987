//! Where log lines go and how they look: standard error, for people or as JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub format: Format,
    /// The directives of `tracing-subscriber`'s filter: `info`, `info,hotline::sip=debug`.
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
    EnvFilter::try_new(filter).map(drop).map_err(|error| error.to_string())
}

/// Installs the subscriber of this process. A second call changes nothing.
pub fn start(config: &Config) {
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let done = match config.format {
        Format::Human => builder.with_ansi(io::stderr().is_terminal()).with_target(false).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    // Already installed by a test or by the demo around us: theirs stays.
    drop(done);
}
