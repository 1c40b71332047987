//! What went over the wire, as a ladder on the terminal.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;

use crate::daemon::control::{Order, Response, TraceOrder, line, listen};
use crate::daemon::failure::Failure;
use crate::daemon::office::refused;
use crate::report::Ladder;

use super::Form;

/// Where no terminal says how wide it is.
const WIDTH: usize = 100;

/// Writes messages to standard output as they come, until there are no more or nobody reads on.
pub fn trace(state: &Path, order: TraceOrder, form: Form) -> Result<(), Failure> {
    let out = io::stdout();
    let size = rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
    let width = size.filter(|_| out.is_terminal()).filter(|width| *width > 0).unwrap_or(WIDTH);
    let mut ladder = Ladder::new(width, out.is_terminal());
    let mut any = false;
    let follow = order.follow;
    listen(state, &Order::Trace(order), |response| {
        let text = match response {
            Response::Traced(traced) if matches!(form, Form::Json) => line(&*traced),
            Response::Traced(traced) => ladder.draw(&traced),
            Response::TraceLost(count) if matches!(form, Form::Json) => {
                line(&serde_json::json!({ "lost": count }))
            }
            Response::TraceLost(count) => {
                format!("-- {count} messages came faster than they could be shown\n")
            }
            other => return Err(refused(other)),
        };
        any = true;
        let mut out = out.lock();
        // `| head` has seen enough: no failure.
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        Ok(if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    if !any && !follow && !matches!(form, Form::Json) {
        let _ = writeln!(io::stdout(), "no such messages among those that are kept");
    }
    Ok(())
}
