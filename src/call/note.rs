//! What an agent notes of a caller, for whoever has the call next: it goes along wherever the call goes.
//!
//! The next phone that rings shows it with what the call is about; the record keeps it.

use super::{Call, Ctx};
use crate::base::Masked;
use crate::record::Note;

/// Characters of a note: a phone's display shows fewer anyway.
const LONGEST: usize = 200;

/// The note is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNoted {
    Empty,
    TooLong,
    /// There are many of this call already.
    TooMany,
}

impl Call {
    /// # Errors
    /// Where the call stays as it was.
    pub fn note(&mut self, ctx: &Ctx<'_>, by: &str, text: &Masked<String>) -> Result<(), NotNoted> {
        // On one line: it stands in a header of the next INVITE.
        let words: Vec<&str> = text.expose().split(|c: char| c.is_control() || c.is_whitespace()).collect();
        let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        if line.is_empty() {
            return Err(NotNoted::Empty);
        }
        if line.chars().count() > LONGEST {
            return Err(NotNoted::TooLong);
        }
        let note = Note { at: ctx.now.wall, by: by.to_owned(), text: Masked::new(line) };
        if self.body.journal.note(note) { Ok(()) } else { Err(NotNoted::TooMany) }
    }
}
