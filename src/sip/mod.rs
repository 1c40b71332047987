//! SIP: bytes <-> messages <-> transactions <-> dialogs. Knows RFC 3261 and its extensions; does not know what a call is.

pub mod auth;
pub mod dialog;
mod endpoint;
mod flow;
mod header;
mod message;
mod method;
mod name_addr;
pub mod registrar;
pub mod status;
pub mod transaction;
mod uri;
mod via;
pub mod wire;

pub use endpoint::{Answer, Config, Content, DialogId, EndedWhy, Endpoint, Event, Invite, OutOfDialog, RequestId, Stats};
pub use flow::{Flow, Transmit, Transport};
pub use header::{BadHeader, Contacts, Field, Headers, Name};
pub use message::{CSeq, Message, Request, Response};
pub use method::Method;
pub use name_addr::NameAddr;
pub use uri::{BadUri, Host, Scheme, Uri};
pub use via::{MAGIC_COOKIE, Via};
pub use wire::{Framing, Limits, Malformed, ParseError, Params, Refusal, StreamFramer, Text};
