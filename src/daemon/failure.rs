//! Why the daemon cannot start or a command cannot be carried out: one clear sentence each, exit code 2.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::sip::Transport;

use super::store::StoreError;

/// A failure of the environment, or of what an administrator gave us. `Display` is what the person reads.
#[derive(Debug, Error)]
pub enum Failure {
    #[error("{mistakes}")]
    Settings { mistakes: String },
    #[error("{diagnostics}")]
    Dialplan { diagnostics: String },
    #[error("{mistakes}")]
    Prompts { mistakes: String },
    #[error("{transport} port {} on {} is in use by another program: stop it, or choose another address with --listen", address.port(), address.ip())]
    PortInUse { transport: Transport, address: SocketAddr },
    #[error("cannot listen on {transport} {address}: {error}")]
    Listen { transport: Transport, address: SocketAddr, error: io::Error },
    #[error("the state folder {} cannot be used: {error}; choose another with --state", folder.display())]
    State { folder: PathBuf, error: io::Error },
    #[error("the state folder {} is in use by another hotline; choose another with --state", folder.display())]
    StateInUse { folder: PathBuf },
    #[error("no folder for state: neither --state nor XDG_STATE_HOME nor HOME is set")]
    NoStateFolder,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("cannot write {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("no hotline is running on the state folder {}; start one with: hotline serve", folder.display())]
    NotRunning { folder: PathBuf },
    #[error("the hotline refused: {0}")]
    Refused(String),
    /// There is no such thing.
    #[error("{0}")]
    Absent(String),
    #[error("{what}: {error}")]
    Io { what: &'static str, error: io::Error },
    #[error("{0}")]
    Other(String),
}

impl Failure {
    pub fn io(what: &'static str) -> impl FnOnce(io::Error) -> Failure {
        move |error| Failure::Io { what, error }
    }

    pub fn state(folder: &Path) -> impl FnOnce(io::Error) -> Failure {
        move |error| Failure::State { folder: folder.to_owned(), error }
    }

    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Failure {
        move |error| Failure::Write { path: path.to_owned(), error }
    }

    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Failure {
        move |error| Failure::Read { path: path.to_owned(), error }
    }
}
