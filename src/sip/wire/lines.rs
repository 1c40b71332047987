//! The head of a message, line by line: line ends, folding, and where the body begins.

use bytes::Bytes;

use super::error::{Limits, Malformed};
use super::lexer;

/// One header line without its end.
pub(crate) enum Line<'a> {
    /// As it stands in the message.
    Whole(&'a [u8]),
    /// Folded, or with a CR of its own: copied onto one line.
    Joined(Bytes),
}

impl Line<'_> {
    pub(crate) fn text(&self) -> &[u8] {
        match self {
            Line::Whole(text) => text,
            Line::Joined(text) => text,
        }
    }

    /// What slices of this line share their memory with.
    pub(crate) fn owner<'a>(&'a self, message: &'a Bytes) -> &'a Bytes {
        match self {
            Line::Whole(_) => message,
            Line::Joined(text) => text,
        }
    }
}

/// Reads the lines of one head. A line ends with CR LF or a bare LF.
pub(crate) struct Lines<'a> {
    message: &'a [u8],
    at: usize,
    limit: usize,
}

impl<'a> Lines<'a> {
    /// Blank lines before the start line are skipped (RFC 3261 §7.5).
    pub(crate) fn new(message: &'a [u8], limits: &Limits) -> Self {
        let at = message.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(message.len());
        Lines { message, at, limit: limits.line }
    }

    /// Where the next line, or after the blank line the body, begins.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The next line as it stands, without its end. `None`: the input ended before the line did.
    pub(crate) fn raw(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        Ok(self.next_line()?.map(|(line, _)| line))
    }

    /// The second half says whether there is a CR that ends nothing. One search finds both it and the usual end.
    fn next_line(&mut self) -> Result<Option<(&'a [u8], bool)>, Malformed> {
        let rest = self.message.get(self.at..).unwrap_or_default();
        let (end, own_cr) = match memchr::memchr2(b'\r', b'\n', rest) {
            Some(at) if rest.get(at) == Some(&b'\n') => (Some(at), false),
            Some(at) if rest.get(at + 1) == Some(&b'\n') => (Some(at + 1), false),
            Some(_) => (memchr::memchr(b'\n', rest), true),
            None => (None, false),
        };
        let Some(end) = end else {
            return if rest.len() > self.limit { Err(Malformed::LineTooLong) } else { Ok(None) };
        };
        if end > self.limit {
            return Err(Malformed::LineTooLong);
        }
        self.at += end + 1;
        let line = rest.get(..end).unwrap_or(rest);
        Ok(Some((line.strip_suffix(b"\r").unwrap_or(line), own_cr)))
    }

    /// The next header line with its continuation lines joined by single spaces (RFC 3261 §7.3.1); an empty
    /// one is the end of the head. `None`: the input ended before the line did.
    pub(crate) fn unfolded(&mut self) -> Result<Option<Line<'a>>, Malformed> {
        let Some((first, own_cr)) = self.next_line()? else { return Ok(None) };
        if first.is_empty() || !own_cr && !self.is_continued() {
            return Ok(Some(Line::Whole(first)));
        }
        let mut line = first.to_vec();
        while self.is_continued() {
            let Some(more) = self.raw()? else { return Ok(None) };
            line.push(b' ');
            line.extend_from_slice(lexer::trim(more));
            if line.len() > self.limit {
                return Err(Malformed::LineTooLong);
            }
        }
        Ok(Some(Line::Joined(super::one_line(line))))
    }

    fn is_continued(&self) -> bool {
        self.message.get(self.at).is_some_and(|&b| lexer::is_space(b))
    }
}
