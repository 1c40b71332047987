//! Where a part of a message lies.

use std::ops::Range;

use bytes::Bytes;

/// A line of a message or a part of one, given by where it stands: unlike a `Bytes` it is no use of the message's
/// memory that has to be counted, and most of a message is never asked for.
#[derive(Clone)]
pub(crate) enum Excerpt {
    /// As it stands in the message.
    At(Range<usize>),
    /// What stands in no message like this: it was folded there, or it is ours.
    Own(Bytes),
}

impl Excerpt {
    /// `message` is the one that it was taken from, here and below.
    pub(crate) fn text<'a>(&'a self, message: &'a Bytes) -> &'a [u8] {
        match self {
            Excerpt::At(range) => message.get(range.clone()).unwrap_or_default(),
            Excerpt::Own(text) => text,
        }
    }

    /// What slices of [`text`](Self::text) share their memory with.
    pub(crate) fn owner<'a>(&'a self, message: &'a Bytes) -> &'a Bytes {
        match self {
            Excerpt::At(_) => message,
            Excerpt::Own(text) => text,
        }
    }

    /// For what outlives the reading.
    pub(crate) fn bytes(&self, message: &Bytes) -> Bytes {
        self.owner(message).slice_ref(self.text(message))
    }

    /// A part of this one; `range` lies within it.
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        match self {
            Excerpt::At(whole) => Excerpt::At(whole.start + range.start..whole.start + range.end),
            Excerpt::Own(text) => Excerpt::Own(text.slice_ref(text.get(range).unwrap_or_default())),
        }
    }
}
