//! The head of a message, line by line: line ends, folding, and where the body begins.

use std::ops::Range;

use super::error::{Limits, Malformed};
use super::excerpt::Excerpt;
use super::lexer;

/// Reads the lines of one head. A line ends with CR LF or a bare LF.
pub(crate) struct Lines<'a> {
    message: &'a [u8],
    at: usize,
    limit: usize,
    /// The last line has a CR that ends nothing.
    own_cr: bool,
}

impl<'a> Lines<'a> {
    /// Blank lines before the start line are skipped (RFC 3261 §7.5).
    pub(crate) fn new(message: &'a [u8], limits: &Limits) -> Self {
        let at = message.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(message.len());
        Lines { message, at, limit: limits.line, own_cr: false }
    }

    /// Where the next line, or after the blank line the body, begins.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The next line as it stands, without its end. `None`: the input ended before the line did.
    pub(crate) fn raw(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        Ok(self.next_line()?.map(|line| self.message.get(line).unwrap_or_default()))
    }

    /// Where the next line lies. One search finds both its usual end and a CR that ends nothing.
    #[inline]
    fn next_line(&mut self) -> Result<Option<Range<usize>>, Malformed> {
        let rest = self.message.get(self.at..).unwrap_or_default();
        let found = memchr::memchr2(b'\r', b'\n', rest);
        self.own_cr = false;
        match found.map(|at| (at, rest.get(at..).unwrap_or_default())) {
            Some((at, [b'\r', b'\n', ..])) => self.pass(at, at + 2),
            Some((at, [b'\n', ..])) => self.pass(at, at + 1),
            _ => self.odd_line(rest),
        }
    }

    /// A line that goes on behind a CR, or has no end.
    #[cold]
    fn odd_line(&mut self, rest: &[u8]) -> Result<Option<Range<usize>>, Malformed> {
        self.own_cr = true;
        match lexer::split(rest, b'\n') {
            Some((line, _)) => self.pass(line.strip_suffix(b"\r").unwrap_or(line).len(), line.len() + 1),
            None if rest.len() > self.limit => Err(Malformed::LineTooLong),
            None => Ok(None),
        }
    }

    /// To the `next` line from one that ends at `end`, both counted from here.
    fn pass(&mut self, end: usize, next: usize) -> Result<Option<Range<usize>>, Malformed> {
        // With its CR, without its LF.
        if next - 1 > self.limit {
            return Err(Malformed::LineTooLong);
        }
        let line = self.at..self.at + end;
        self.at += next;
        Ok(Some(line))
    }

    /// The next header line with its continuation lines joined by single spaces (RFC 3261 §7.3.1); an empty
    /// one is the end of the head. `None`: the input ended before the line did.
    #[inline]
    pub(crate) fn unfolded(&mut self) -> Result<Option<Excerpt>, Malformed> {
        let Some(first) = self.next_line()? else { return Ok(None) };
        if first.is_empty() || !self.own_cr && !self.is_continued() {
            return Ok(Some(Excerpt::At(first)));
        }
        self.joined(first)
    }

    #[cold]
    fn joined(&mut self, first: Range<usize>) -> Result<Option<Excerpt>, Malformed> {
        let mut line = self.message.get(first).unwrap_or_default().to_vec();
        while self.is_continued() {
            let Some(more) = self.raw()? else { return Ok(None) };
            line.push(b' ');
            line.extend_from_slice(lexer::trim(more));
            if line.len() > self.limit {
                return Err(Malformed::LineTooLong);
            }
        }
        Ok(Some(Excerpt::Own(super::one_line(line))))
    }

    fn is_continued(&self) -> bool {
        self.message.get(self.at).is_some_and(|&b| lexer::is_space(b))
    }
}
