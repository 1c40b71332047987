//! Bytes to messages: what the network sends is read here, and nowhere else.
//!
//! ```text
//!   datagram ------------------------------+
//!                                          v
//!   stream --> StreamFramer --> one message's bytes --> parse --> Message | ParseError
//!              (framer.rs)                  lines.rs: unfolded header lines, as excerpts
//!                                           lexer.rs: tokens, quotes, lists
//! ```
//!
//! Tolerant in what it takes (folding, compact names, odd white space, bare LF, leading blank lines, bytes
//! that are not UTF-8), with hard limits ([`Limits`]) and one typed reason for every refusal ([`Malformed`])
//! that holds nothing of the message.

mod error;
pub(crate) mod excerpt;
mod framer;
pub(crate) mod lexer;
mod lines;
mod params;
pub(crate) mod parse;
pub mod stun;
mod text;

pub use error::{Limits, Malformed};
pub use framer::{Cut, StreamFramer};
pub(crate) use lexer::{Invalid, is_token};
pub use params::Params;
pub use parse::{Framing, ParseError, Refusal};
pub use text::Text;
pub(crate) use text::one_line;
