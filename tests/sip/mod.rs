//! SIP from the outside: the library's public parser and framer, held against the RFCs' own messages, another
//! parser and chance.

/// Streams cut at every byte.
mod framer;
/// Any bytes, near misses, and what we build ourselves.
mod properties;
/// A second opinion from `rsip`.
mod rsip_oracle;
/// How long a wrong password takes, and an unknown user.
mod timing;
/// The messages of RFC 4475 and RFC 5118.
mod torture;
