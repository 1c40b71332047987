//! A thread for who asks: reads, masks and writes, and is waited for by nobody.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::thread::Builder;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;
use rustix::net::{RecvFlags, recv};

use crate::base::{CallId, Masked};
use crate::daemon::clock;
use crate::daemon::control::{Response, TraceOrder, line};

use super::viewer::{Detail, Viewer, Wanted};
use super::{Feed, Heard, Live};

/// Who does not read for so long is left.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a silent listener is looked after.
const LOOK: Duration = Duration::from_secs(1);
/// What comes within this time is shown together: the call that an INVITE began is known a moment after it.
const TOGETHER: Duration = Duration::from_millis(50);
/// Messages that are shown together at most.
const BATCH: usize = 256;

/// Who asked for what.
pub struct Asked {
    pub order: TraceOrder,
    /// The user at the other end of the socket, where the system tells.
    pub user: Option<u32>,
}

/// Answers on a thread of its own; `place` is held until its end.
pub fn serve(socket: UnixStream, asked: Asked, feed: Feed, place: impl Send + 'static) {
    let run = move || {
        // They went away: no harm done.
        let _ = show(&socket, &asked, feed);
        drop(place);
    };
    if let Err(error) = Builder::new().name("trace".to_owned()).spawn(run) {
        tracing::error!(%error, "a trace could not be begun");
    }
}

fn show(socket: &UnixStream, asked: &Asked, feed: Feed) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let order = &asked.order;
    if order.unmasked && !feed.unmasked {
        return say(socket, &Response::Refused("trace.unmasked is not set: messages are masked".to_owned()));
    }
    if order.unmasked {
        tracing::info!(user = asked.user, follow = order.follow, "a trace without masks is given out");
    }
    let mut viewer = Viewer::new(wanted(order), detail(order), feed.calls);
    feed.past.iter().for_each(|seen| viewer.learn(seen));
    let mut shown: Vec<_> = feed.past.iter().filter_map(|seen| viewer.view(seen)).collect();
    let left_out = shown.len().saturating_sub(order.limit);
    for traced in shown.drain(left_out..) {
        say(socket, &Response::Traced(Box::new(traced)))?;
    }
    drop(feed.past);
    match feed.live {
        Some(live) => follow(socket, &mut viewer, &live),
        None => Ok(()),
    }
}

fn follow(socket: &UnixStream, viewer: &mut Viewer, live: &Live) -> io::Result<()> {
    let mut told = 0;
    loop {
        let first = match live.heard.recv_timeout(LOOK) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout) if is_there(socket) => continue,
            Err(_) => return Ok(()),
        };
        let mut batch = vec![first];
        let until = clock::mono() + TOGETHER;
        while batch.len() < BATCH
            && let Ok(heard) = live.heard.recv_timeout(clock::until(until))
        {
            batch.push(heard);
        }
        let mut messages = Vec::new();
        for heard in batch {
            match heard {
                Heard::Leg(leg) => viewer.leg(leg),
                Heard::Message(seen) => messages.push(seen),
            }
        }
        for seen in &messages {
            if let Some(traced) = viewer.view(seen) {
                say(socket, &Response::Traced(Box::new(traced)))?;
            }
        }
        let lost = live.lost.get();
        if lost > told {
            say(socket, &Response::TraceLost(lost - told))?;
            told = lost;
        }
    }
}

/// Nothing comes from a listener but its end.
fn is_there(socket: &UnixStream) -> bool {
    !matches!(recv(socket, &mut [0u8; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT), Ok((0, _)))
}

fn say(mut socket: &UnixStream, response: &Response) -> io::Result<()> {
    socket.write_all(line(response).as_bytes())
}

fn wanted(order: &TraceOrder) -> Wanted {
    match (&order.call, &order.number) {
        (Some(text), _) => {
            let call = text.strip_prefix('c').unwrap_or(text).parse().ok().map(CallId);
            Wanted::Call { call, call_id: text.clone() }
        }
        (None, Some(number)) => Wanted::Number(Masked::clone(number)),
        (None, None) => Wanted::All,
    }
}

fn detail(order: &TraceOrder) -> Detail {
    match (order.unmasked, order.detail) {
        (true, _) => Detail::Whole,
        (false, true) => Detail::Masked,
        (false, false) => Detail::Line,
    }
}
