//! What another exchange was configured with, as the draft of a dialplan: FreeSWITCH's IVR menus (XML), Asterisk's
//! `queues.conf` and the simple contexts of its `extensions.conf`.
//!
//! ```text
//!   files ──► is it XML? ──► freeswitch ─┐
//!             `exten`?  ──► extensions ──┼──► Draft ──► TOML that loads, with a note at every line that
//!             `member`? ──► queues ──────┘              could not be carried over
//! ```
//!
//! Architecture invariant: whatever the input, the draft is a dialplan that loads; what it lacks is said in its notes,
//! never guessed. A draft says only what the files said: words to the caller are the shipped prompts until somebody has
//! recorded others.

mod conf;
mod draft;
mod extensions;
mod freeswitch;
mod queues;

use std::fmt;

pub use draft::Imported;

use crate::dialplan::SourceFile;
use draft::Draft;

/// Something that a person has to look at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Note {
    /// As it was given.
    pub file: String,
    /// From 1; 0: about the file as a whole.
    pub line: usize,
    /// One sentence, no full stop.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.text),
            line => write!(f, "{}:{line}: {}", self.file, self.text),
        }
    }
}

/// Reads all files as one exchange's.
pub fn import(files: &[SourceFile]) -> Imported {
    let mut draft = Draft::default();
    for file in files {
        draft.begin(&file.name);
        let text = file.text.trim_start_matches('\u{feff}');
        if text.trim_start().starts_with('<') {
            freeswitch::read(&mut draft, text);
            continue;
        }
        let sections = conf::read(&mut draft, text);
        if sections.iter().any(|section| section.lines.iter().any(conf::Line::is_extension)) {
            extensions::read(&mut draft, &sections);
        } else if sections.is_empty() {
            draft.note(0, "there is nothing in it that could be carried over");
        } else {
            queues::read(&mut draft, &sections);
        }
    }
    draft.finish()
}

#[cfg(test)]
mod tests;
