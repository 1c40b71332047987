//! The limits of a message and the reasons for refusing one.

use super::super::header::Name;

/// What a message may cost us. All in octets, but for `headers`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Start line, headers and body together. A UDP datagram cannot be longer than 65,507.
    pub message: usize,
    /// Header fields, each line of a list counted once.
    pub headers: usize,
    /// One header with its folded lines, or the start line.
    pub line: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { message: 64 * 1024, headers: 128, line: 8 * 1024 }
    }
}

/// Why a message was refused. Holds nothing of what was received: safe to log and to count by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
pub enum Malformed {
    /// Only line ends: a keep-alive of RFC 5626 §4.4.1, not a mistake.
    #[error("empty")]
    Empty,
    #[error("message too large")]
    TooLarge,
    #[error("too many headers")]
    TooManyHeaders,
    #[error("line too long")]
    LineTooLong,
    #[error("not a SIP start line")]
    StartLine,
    #[error("SIP version not supported")]
    Version,
    #[error("bad status code")]
    Status,
    #[error("bad Request-URI")]
    RequestUri,
    /// No blank line after the headers.
    #[error("headers not ended")]
    Truncated,
    #[error("line without a header name")]
    HeaderLine,
    #[error("no {0}")]
    Missing(Name),
    #[error("more than one {0}")]
    Repeated(Name),
    #[error("bad {0}")]
    Bad(Name),
    #[error("CSeq names another method")]
    CSeqMethod,
    /// Fewer octets follow than Content-Length says.
    #[error("body shorter than Content-Length")]
    ShortBody,
    /// A stream cannot be cut into messages without it (RFC 3261 §18.3).
    #[error("no Content-Length on a stream")]
    NoContentLength,
}

impl Malformed {
    /// The answer's status where the request can be answered.
    pub fn status(self) -> u16 {
        match self {
            Malformed::Version => 505,
            Malformed::TooLarge | Malformed::TooManyHeaders | Malformed::LineTooLong => 513,
            _ => 400,
        }
    }
}
