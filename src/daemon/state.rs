//! The state folder: where it is, that it is ours alone, what lies in it.
//!
//! ```text
//! lock                held while a daemon runs
//! control.sock        orders of the administrator
//! hotline.sqlite      call records and message slips
//! recordings/         what was recorded
//! demo-accounts.json  generated passwords, while there is no configuration file
//! ```

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, flock};
use rustix::io::Errno;

use super::failure::Failure;

const LOCK: &str = "lock";

/// The folder that is set, else `$XDG_STATE_HOME/hotline`, else `~/.local/state/hotline`.
pub fn folder(set: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(set) = set {
        return Ok(set.to_owned());
    }
    // The service manager's own word for the folder that it made for us.
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("STATE_DIRECTORY")
        .or_else(|| absolute("XDG_STATE_HOME").map(|base| base.join("hotline")))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state/hotline")))
        .ok_or(Failure::NoStateFolder)
}

/// The folder while this process owns it.
pub struct State {
    folder: PathBuf,
    /// The lock is released when the file is closed, also by a crash.
    _lock: File,
}

impl State {
    /// Makes the folder where there is none, proves that it can be written, and takes the lock.
    pub fn open(folder: PathBuf) -> Result<State, Failure> {
        // Whatever is created from here on is readable by its owner only.
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        let failed = Failure::state(&folder);
        let lock = DirBuilder::new().recursive(true).mode(0o700).create(&folder).and_then(|()| {
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join(LOCK))
        });
        let mut lock = lock.map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(Failure::StateInUse { folder }),
            Err(error) => return Err(Failure::State { folder, error: error.into() }),
        }
        let written = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
        written.map_err(Failure::state(&folder))?;
        Ok(State { folder, _lock: lock })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Where the daemon takes orders.
pub fn control_socket(folder: &Path) -> PathBuf {
    folder.join("control.sock")
}

/// Call records and message slips.
pub fn database(folder: &Path) -> PathBuf {
    folder.join("hotline.sqlite")
}

/// Office calendars as they were read last: for a start that finds them spoilt.
pub fn calendars(folder: &Path) -> PathBuf {
    folder.join("calendars")
}

/// Replaces a file as a whole: after a crash it is the old or the new one. Readable by its owner only.
pub fn write_whole(path: &Path, content: &str) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn one_daemon_owns_the_folder_until_it_ends() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("deep/state");
        let first = State::open(folder.clone()).unwrap();
        assert_eq!(fs::metadata(first.folder()).unwrap().permissions().mode() & 0o777, 0o700);
        let second = State::open(folder.clone());
        assert!(matches!(second, Err(Failure::StateInUse { .. })));
        drop(first);
        assert!(State::open(folder).is_ok());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_one_sentence() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        let Err(failure) = State::open(root.path().join("file/state")) else { panic!("opened") };
        let sentence = failure.to_string();
        assert!(sentence.contains("file/state cannot be used") && sentence.contains("--state"), "{sentence}");
        assert_eq!(sentence.lines().count(), 1);
    }
}
