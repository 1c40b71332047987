//! Session descriptions: parse and print (RFC 8866), offer and answer (RFC 3264) as pure functions.
//!
//! Tolerant in what is taken: bare LF, unknown lines, missing `s=` and `t=`; strict in what is sent.

mod crypto;
mod direction;
mod negotiate;
mod parse;
mod session;
mod web;

pub use crypto::Protection;
pub use direction::Direction;
pub use negotiate::{Agreed, Local, Refused, agree, answer, offer, reoffer};
pub use parse::{SdpError, parse};
pub use session::{Attribute, Connection, Media, Origin, Session};
pub use web::{Agreed as AgreedWeb, Web};
