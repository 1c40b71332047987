//! What can be wrong with a store, each in one sentence for the person in front of the terminal.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{} was written by a newer hotline (schema {found}, this one knows {known}): run that one, or choose another folder with --state", path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("{} was written by an older hotline (schema {found}, this one writes {known}): start the daemon once to bring it up to date", path.display())]
    Older { path: PathBuf, found: i64, known: i64 },
    #[error("{} is not a database of the hotline: move it away, or choose another folder with --state", path.display())]
    Foreign { path: PathBuf },
    #[error("{} does not exist: no hotline has run with this state folder yet", path.display())]
    Absent { path: PathBuf },
    #[error("{} is locked by another program: end it, or choose another folder with --state", path.display())]
    Locked { path: PathBuf },
    #[error("{} cannot be written ({reason}): check its owner and mode, or choose another folder with --state", path.display())]
    NotWritable { path: PathBuf, reason: String },
    #[error("there is no room left for {}: free some space on its disk", path.display())]
    Full { path: PathBuf },
    #[error("{} is damaged ({reason}): restore it from a backup, or move it away", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{}: {source}", path.display())]
    Other { path: PathBuf, source: rusqlite::Error },
}

impl StoreError {
    pub(super) fn of(path: &Path) -> impl Fn(rusqlite::Error) -> StoreError + use<> {
        let path = path.to_owned();
        move |source| {
            let path = path.clone();
            match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked { path },
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                    StoreError::NotWritable { path, reason: source.to_string() }
                }
                Some(ErrorCode::DiskFull) => StoreError::Full { path },
                Some(ErrorCode::NotADatabase) => StoreError::Foreign { path },
                Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path, reason: source.to_string() },
                _ => match source {
                    rusqlite::Error::FromSqlConversionFailure(..)
                    | rusqlite::Error::InvalidColumnType(..)
                    | rusqlite::Error::IntegralValueOutOfRange(..) => {
                        StoreError::Damaged { path, reason: source.to_string() }
                    }
                    source => StoreError::Other { path, source },
                },
            }
        }
    }

    /// Whether the same write may succeed later: the fault lies with the disk or the file, not with a record.
    pub fn may_pass(&self) -> bool {
        match self {
            StoreError::Locked { .. } | StoreError::Full { .. } | StoreError::NotWritable { .. } => true,
            StoreError::Other { source, .. } => {
                source.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
            }
            _ => false,
        }
    }

    pub(super) fn io(path: &Path, error: &io::Error) -> StoreError {
        StoreError::NotWritable { path: path.to_owned(), reason: error.to_string() }
    }
}
