//! Settings: embedded defaults < configuration file < environment < arguments.
//!
//! Every module owns its `Config` with its defaults; this only composes them. What was written
//! ([`written`]) is turned into what is meant ([`meant`]); everything wrong with it is told at once, each
//! mistake with the place where it was written.
//!
//! - a file: `hotline.toml` at the root of the project documents every setting
//! - the environment: `HOTLINE__SECTION__KEY`, as `HOTLINE__LISTEN__UDP=192.0.2.1:5060`; lists by commas
//! - arguments: `--listen`, `--state`, `--dialplans`, `--prompts`

mod layers;
mod meant;
mod trunks;
mod written;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::daemon::{Failure, Settings};

pub use layers::Origin;

use layers::Layers;

/// Used where no `--config` is given and it exists.
pub const SYSTEM_FILE: &str = "/etc/hotline/hotline.toml";

/// Where settings come from. Can be read again at every reload.
#[derive(Clone, Debug, Default)]
pub struct Source {
    pub file: Option<PathBuf>,
    /// All variables of the process; those of other programs are passed over.
    pub environment: Vec<(String, String)>,
    pub arguments: Arguments,
}

/// What was said on the command line.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// Replaces both `listen.udp` and `listen.tcp`.
    pub listen: Vec<String>,
    pub state: Option<PathBuf>,
    pub dialplans: Option<PathBuf>,
    /// Nothing embedded is used beside `dialplans`.
    pub dialplans_alone: bool,
    pub prompts: Option<PathBuf>,
}

/// One mistake in the settings. Never shows a value: it may be a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub origin: Origin,
    /// `listen.udp`; empty where the file as a whole is meant.
    pub setting: String,
    pub reason: String,
}

/// All mistakes of one reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl Source {
    /// The process's environment, and the file that is given or the system's.
    pub fn of_process(file: Option<PathBuf>, arguments: Arguments) -> Source {
        let system = || Some(PathBuf::from(SYSTEM_FILE)).filter(|path| path.exists());
        // Names and values that are not text belong to other programs.
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let environment = std::env::vars_os().filter_map(text).collect();
        Source { file: file.or_else(system), environment, arguments }
    }

    pub fn load(&self) -> Result<Settings, Failure> {
        let text = match &self.file {
            Some(path) => {
                Some(fs::read_to_string(path).map_err(|error| Failure::Read { path: path.clone(), error })?)
            }
            None => None,
        };
        let file = self.file.as_deref().zip(text.as_deref());
        self.read(file).map_err(|mistakes| Failure::Settings { mistakes: mistakes.to_string() })
    }

    /// As [`Source::load`], the file given by its name and its text.
    fn read(&self, file: Option<(&Path, &str)>) -> Result<Settings, Mistakes> {
        let (layers, mut mistakes) = Layers::collect(file, &self.environment, &self.arguments);
        if let Some(written) = layers.merge(&mut mistakes) {
            let base = file.and_then(|(path, _)| path.parent());
            if let Some(settings) = meant::settings(&written, &layers, base, &mut mistakes) {
                return Ok(Settings { bare: file.is_none(), ..settings });
            }
        }
        // As a person reads the file, from above.
        mistakes.sort_by_key(|mistake| match &mistake.origin {
            Origin::File { line, column, .. } => (*line, *column),
            _ => (usize::MAX, 0),
        });
        // One argument may give several settings; its mistake is told once.
        mistakes.dedup_by(|next, one| {
            matches!(one.origin, Origin::Argument(_))
                && one.origin == next.origin
                && one.reason == next.reason
        });
        Err(Mistakes(mistakes))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.setting.is_empty() {
            write!(f, "{}: ", self.setting)?;
        }
        f.write_str(&self.reason)
    }
}

/// One a line.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
