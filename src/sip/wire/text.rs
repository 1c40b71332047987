//! A slice of a message.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

/// A tag, a branch, a Call-ID, a reason phrase: bytes as they came, sharing the datagram's memory. They need
/// not be UTF-8. `Debug` and `Display` escape what is not printable ASCII, so that a peer cannot forge log
/// lines. Not for what is confidential: numbers and names live in [`Uri`](crate::sip::Uri) and
/// [`NameAddr`](crate::sip::NameAddr), which mask themselves.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Bytes);

impl Text {
    pub const fn from_static(text: &'static str) -> Self {
        Text(Bytes::from_static(text.as_bytes()))
    }

    /// `bytes` must hold no line end: the parser's slices do not, and what is built goes through
    /// [`From`], which replaces them.
    pub(crate) fn from_parsed(bytes: Bytes) -> Self {
        Text(bytes)
    }

    /// In memory of its own, for what outlives the message: a slice keeps all of it.
    pub(crate) fn alone(&self) -> Self {
        Text(Bytes::copy_from_slice(&self.0))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// As text; bytes that are not UTF-8 show as U+FFFD.
    pub fn to_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

/// A line end inside a value would end the header and start another of the giver's choice (header injection):
/// it becomes a space.
pub(crate) fn one_line(mut text: Vec<u8>) -> Bytes {
    for byte in &mut text {
        if matches!(*byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    Bytes::from(text)
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(one_line(text.into_bytes()))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text::from(text.to_owned())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == *other.as_bytes()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}
