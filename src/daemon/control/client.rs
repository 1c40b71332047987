//! The administrator's end of the control socket.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::daemon::failure::Failure;
use crate::daemon::state;

use super::protocol::{Order, Response, line};

/// A reload reads and checks everything; nothing else takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gives one order to the daemon that owns the state folder, and waits for its answer.
pub fn ask(folder: &Path, order: &Order) -> Result<Response, Failure> {
    let mut socket =
        UnixStream::connect(state::control_socket(folder)).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                Failure::NotRunning { folder: folder.to_owned() }
            }
            _ => Failure::Io { what: "the hotline cannot be reached", error },
        })?;
    let broken = "the hotline did not answer";
    socket.set_read_timeout(Some(PATIENCE)).map_err(Failure::io(broken))?;
    socket.write_all(line(order).as_bytes()).map_err(Failure::io(broken))?;
    let mut text = String::new();
    BufReader::new(socket).read_line(&mut text).map_err(Failure::io(broken))?;
    serde_json::from_str(&text).map_err(|error| Failure::Other(format!("{broken}: {error}")))
}
