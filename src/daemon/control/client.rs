//! The administrator's end of the control socket.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::daemon::failure::Failure;
use crate::daemon::state;

use super::protocol::{Order, Response, line};

/// A reload reads and checks everything, and makes the calls of the tests; nothing else takes as long.
const PATIENCE: Duration = Duration::from_secs(300);

/// Gives one order to the daemon that owns the state folder, and waits for its answer.
pub fn ask(folder: &Path, order: &Order) -> Result<Response, Failure> {
    let socket = send(folder, order)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(Failure::io(BROKEN))?;
    let mut text = String::new();
    BufReader::new(socket).read_line(&mut text).map_err(Failure::io(BROKEN))?;
    parse(&text)
}

/// Gives one order and hears answers until there are no more, or `hear` has heard enough.
pub fn listen(
    folder: &Path,
    order: &Order,
    mut hear: impl FnMut(Response) -> Result<ControlFlow<()>, Failure>,
) -> Result<(), Failure> {
    for text in BufReader::new(send(folder, order)?).lines() {
        if hear(parse(&text.map_err(Failure::io(BROKEN))?)?)?.is_break() {
            break;
        }
    }
    Ok(())
}

const BROKEN: &str = "the hotline did not answer";

fn send(folder: &Path, order: &Order) -> Result<UnixStream, Failure> {
    let mut socket =
        UnixStream::connect(state::control_socket(folder)).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                Failure::NotRunning { folder: folder.to_owned() }
            }
            _ => Failure::Io { what: "the hotline cannot be reached", error },
        })?;
    socket.write_all(line(order).as_bytes()).map_err(Failure::io(BROKEN))?;
    Ok(socket)
}

fn parse(text: &str) -> Result<Response, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::Other(format!("{BROKEN}: {error}")))
}
