//! The head of a message, line by line: line ends, folding, and where the body begins.

use bytes::Bytes;

use super::error::{Limits, Malformed};
use super::lexer;

/// Reads the lines of one head. A line ends with CR LF or a bare LF.
pub(crate) struct Lines<'a> {
    whole: &'a Bytes,
    at: usize,
    limits: &'a Limits,
}

impl<'a> Lines<'a> {
    /// Blank lines before the start line are skipped (RFC 3261 §7.5).
    pub(crate) fn new(whole: &'a Bytes, limits: &'a Limits) -> Self {
        let at = whole.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(whole.len());
        Lines { whole, at, limits }
    }

    /// Where the next line, or after the blank line the body, begins.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The next line as it stands, without its end. `None`: the input ended before the line did.
    pub(crate) fn raw(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let rest = self.whole.get(self.at..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return if rest.len() > self.limits.line { Err(Malformed::LineTooLong) } else { Ok(None) };
        };
        if end > self.limits.line {
            return Err(Malformed::LineTooLong);
        }
        self.at += end + 1;
        let line = rest.get(..end).unwrap_or(rest);
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// The next header line with its continuation lines joined by single spaces (RFC 3261 §7.3.1); an empty one is the
    /// end of the head. A slice of the message unless it was folded or holds a CR of its own.
    pub(crate) fn unfolded(&mut self) -> Result<Option<Bytes>, Malformed> {
        let Some(first) = self.raw()? else { return Ok(None) };
        if first.is_empty() {
            return Ok(Some(Bytes::new()));
        }
        let folded = self.whole.get(self.at).is_some_and(|&b| lexer::is_space(b));
        if !folded && !first.contains(&b'\r') {
            return Ok(Some(self.whole.slice_ref(first)));
        }
        let mut line = first.to_vec();
        while self.whole.get(self.at).is_some_and(|&b| lexer::is_space(b)) {
            let Some(more) = self.raw()? else { return Ok(None) };
            line.push(b' ');
            line.extend_from_slice(lexer::trim(more));
            if line.len() > self.limits.line {
                return Err(Malformed::LineTooLong);
            }
        }
        Ok(Some(super::one_line(line)))
    }
}
