//! Orders of the administrator: JSON, one object a line, over a socket in the state folder.
//!
//! Whoever may open the socket may order: it belongs to the daemon's user, mode 0600.

mod client;
mod peer;
mod protocol;
mod server;

pub use client::{ask, listen};
pub use protocol::{Order, Response, Shell, TraceOrder, line};
pub use server::{Control, Orders, Pending, Socket};
