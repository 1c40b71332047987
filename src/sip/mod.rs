//! SIP: bytes <-> messages <-> transactions <-> dialogs. Knows RFC 3261 and its extensions; does not know
//! what a call is.
//!
//! ```text
//!   bytes in                                                                   bytes out
//!      |                                                                           ^
//!   wire/         limits, lexer, StreamFramer, parse           Message::encode     |
//!      v                                                                           |
//!   message.rs    Request | Response: Via, From, To, Call-ID, CSeq typed;  header.rs: all the rest
//!      |          uri.rs, name_addr.rs, via.rs, method.rs, status.rs: what they are made of
//!      v
//!   transaction/  the four machines of RFC 3261 §17 and RFC 6026: retransmission, absorption
//!      v
//!   dialog.rs     RFC 3261 §12: tags, route set, sequence numbers
//!      v
//!   endpoint/     one user agent: handle_message / handle_timeout, poll_transmit / poll_event / poll_timeout
//!
//!   mask.rs       a message for people to read, customers' data hidden
//!   auth/         digest, both sides; pure                registrar/   who can be reached where; pure
//!   locate.rs     where a URI leads (RFC 3263); pure
//!   events/       lamps, messages waiting, presence: documents and publications; pure
//! ```
//!
//! **Invariants.** No socket, no clock, no randomness of its own: [`Flow`] says where bytes came from, time
//! and [`Rng`](crate::base::Rng) are arguments. Nothing received is trusted to be well formed, short, UTF-8
//! or true: a malformed message becomes a [`Malformed`] and at most one answer, never a panic, and its
//! content reaches no log. An answer goes to where the request came from, whatever its Via claims. `Debug` of
//! every type here masks or leaves out numbers, names and credentials.

pub mod auth;
mod belonging;
pub mod dialog;
mod endpoint;
pub mod events;
mod flow;
mod glance;
mod header;
pub mod locate;
mod mask;
mod message;
mod method;
mod name_addr;
pub mod registrar;
pub mod status;
pub mod transaction;
mod uri;
mod via;
pub mod wire;

pub use belonging::Belonging;
pub use endpoint::{
    Answer, Config, Content, DialogId, EndedWhy, Endpoint, Event, Invite, OutOfDialog, Refer, ReferId,
    Replaces, RequestId, Stats, SubscriptionId, Tally, Thread, Unsubscribed,
};
pub use flow::{Flow, Transmit, Transport};
pub use glance::{Glance, begins_with_any};
pub use header::{BadHeader, Contacts, Field, Headers, Name};
pub use mask::{masked, unmasked, without_keys};
pub use message::{CSeq, Message, Request, Response};
pub use method::Method;
pub use name_addr::NameAddr;
pub use uri::{BadUri, Host, Scheme, Uri};
pub use via::{MAGIC_COOKIE, Via};
pub use wire::{Framing, Limits, Malformed, Params, ParseError, Refusal, StreamFramer, Text};
