//! Messages out of a stream (RFC 3261 §18.3).

use bytes::{Buf, Bytes, BytesMut};

use super::super::header::Name;
use super::error::{Limits, Malformed};
use super::lexer;

/// What a stream holds next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cut {
    /// Exactly one message.
    Message(Bytes),
    /// A keep-alive: answer with one CR LF (RFC 5626 §4.4.1).
    Ping,
    /// The stream cannot be cut any further: close it. `head` is what there is of the message; handed to the
    /// parser it yields the 400 to send before closing. Empty where nothing can be answered.
    Broken { why: Malformed, head: Bytes },
}

/// Bytes in as they come, whole messages out. After [`Cut::Broken`] it yields nothing more.
///
/// Memory is bounded by [`Limits::message`] and what one `push` brings.
#[derive(Debug)]
pub struct StreamFramer {
    limits: Limits,
    buffer: BytesMut,
    /// No blank line ends before this offset: a head that comes in drops is not searched again from its
    /// start.
    searched: usize,
    /// Line ends in a row since the last message; two make a ping.
    line_ends: u8,
    broken: bool,
}

impl StreamFramer {
    pub fn new(limits: Limits) -> Self {
        StreamFramer { limits, buffer: BytesMut::new(), searched: 0, line_ends: 0, broken: false }
    }

    /// Then call [`poll`](Self::poll) until it yields nothing.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.buffer.extend_from_slice(bytes);
        }
    }

    pub fn poll(&mut self) -> Option<Cut> {
        if self.broken {
            return None;
        }
        if self.skip_line_ends() {
            return Some(Cut::Ping);
        }
        if self.buffer.is_empty() {
            return None;
        }
        let Some(head) = self.head_end() else {
            return (self.buffer.len() > self.limits.message).then(|| self.break_off(Malformed::TooLarge, 0));
        };
        // Whether the head came whole or in drops, it is too long in the same way.
        if head > self.limits.message {
            return Some(self.break_off(Malformed::TooLarge, 0));
        }
        let length = match content_length(self.buffer.get(..head).unwrap_or_default()) {
            Ok(length) => length,
            Err(why) => return Some(self.break_off(why, head)),
        };
        let Some(total) = head.checked_add(length).filter(|total| *total <= self.limits.message) else {
            return Some(self.break_off(Malformed::TooLarge, head));
        };
        if self.buffer.len() < total {
            return None;
        }
        self.searched = 0;
        Some(Cut::Message(self.buffer.split_to(total).freeze()))
    }

    /// Whether a message has begun and not ended: a stream that stays so for long is closed by the host.
    pub fn is_within_message(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// True for a ping: CR LF CR LF before a start line.
    fn skip_line_ends(&mut self) -> bool {
        while let Some(&byte) = self.buffer.first() {
            match byte {
                b'\n' => self.line_ends += 1,
                b'\r' => {}
                _ => {
                    self.line_ends = 0;
                    return false;
                }
            }
            self.buffer.advance(1);
            if self.line_ends == 2 {
                self.line_ends = 0;
                return true;
            }
        }
        false
    }

    /// Behind the blank line that ends the head.
    fn head_end(&mut self) -> Option<usize> {
        let mut at = self.searched;
        while let Some(end) = self.buffer.get(at..)?.iter().position(|&b| b == b'\n') {
            let next = at + end + 1;
            match self.buffer.get(next..)? {
                [b'\n', ..] => return Some(next + 1),
                [b'\r', b'\n', ..] => return Some(next + 2),
                // What follows decides, and has not come yet.
                [] | [b'\r'] => {
                    self.searched = next - 1;
                    return None;
                }
                _ => at = next,
            }
        }
        self.searched = self.buffer.len();
        None
    }

    fn break_off(&mut self, why: Malformed, head: usize) -> Cut {
        self.broken = true;
        let head = self.buffer.split_to(head.min(self.buffer.len())).freeze();
        self.buffer = BytesMut::new();
        Cut::Broken { why, head }
    }
}

/// The one Content-Length of a complete head. Folded lines are part of the line before, so that nobody hides
/// a Content-Length in a Subject.
fn content_length(head: &[u8]) -> Result<usize, Malformed> {
    let mut found = None;
    let mut lines = head.split(|&b| b == b'\n').skip(1).peekable();
    while let Some(line) = lines.next() {
        let Some((name, value)) = lexer::split(line, b':') else { continue };
        let is_folded = line.first().is_some_and(|&b| lexer::is_space(b));
        if is_folded || Name::from_bytes(lexer::trim(name)) != Name::ContentLength {
            continue;
        }
        let mut digits = lexer::trim(value.strip_suffix(b"\r").unwrap_or(value));
        // `Content-Length:` and the number on the next line is legal, if mad.
        while let Some(more) = lines.next_if(|more| more.first().is_some_and(|&b| lexer::is_space(b))) {
            let more = lexer::trim(more.strip_suffix(b"\r").unwrap_or(more));
            match (digits.is_empty(), more.is_empty()) {
                (true, _) => digits = more,
                (false, true) => {}
                (false, false) => return Err(Malformed::Bad(Name::ContentLength)),
            }
        }
        let length = lexer::number(digits).and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or(Malformed::Bad(Name::ContentLength))?;
        if found.replace(length).is_some_and(|before| before != length) {
            return Err(Malformed::Repeated(Name::ContentLength));
        }
    }
    found.ok_or(Malformed::NoContentLength)
}
