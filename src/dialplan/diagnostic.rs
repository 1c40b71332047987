//! A mistake or a doubt in a dialplan, shown where it was written.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::witness::{Found, Witness};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The plan is refused.
    Mistake,
    /// The plan is taken; a person should look.
    Warning,
}

/// Display: severity and reason, `file:line:column`, the source line with the place marked, suggestions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub severity: Severity,
    /// One sentence, no full stop.
    pub reason: String,
    pub file: Arc<str>,
    /// From 1; 0 where the whole file is meant.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// "did you mean …" and the like; may be empty.
    pub help: Vec<String>,
    /// A call that shows it.
    pub witness: Option<Box<Witness>>,
    /// The text of the line and the marked bytes in it.
    source: String,
    marked: Range<usize>,
}

impl Diagnostic {
    /// About the bytes `span` of `text`, which begin in line `line` (from 1).
    pub(crate) fn new(
        severity: Severity,
        file: &Arc<str>,
        text: &str,
        line: u32,
        span: Range<usize>,
        reason: String,
    ) -> Self {
        let start = floor(text, span.start.min(text.len()));
        let end = floor(text, span.end.clamp(start, text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let source = text[line_start..line_end].trim_end_matches('\r').to_owned();
        let from = (start - line_start).min(source.len());
        let to = end.min(line_end).saturating_sub(line_start).clamp(from, source.len());
        Diagnostic {
            severity,
            reason,
            file: file.clone(),
            line,
            column: text[line_start..start].chars().count() as u32 + 1,
            help: Vec::new(),
            witness: None,
            source: mask(&source),
            marked: from..to,
        }
    }

    /// About a whole file that is no text.
    pub fn of_file(file: &str, reason: String) -> Self {
        let whole = Diagnostic::new(Severity::Warning, &Arc::from(file), "", 0, 0..0, reason);
        Diagnostic { column: 0, ..whole }
    }

    /// The line as it was written; long numbers in it are masked.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn add_witness(&mut self, found: Found) -> &mut Self {
        if let Found::Witness(witness) = found {
            self.witness = Some(witness);
        }
        self
    }

    pub(crate) fn add_help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help.push(help.into());
        self
    }
}

/// Customers' numbers stand in lists, and diagnostics are logged at a reload: of eight or more digits in a row only
/// the first and the last two are shown.
fn mask(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits >= 8 {
            shown.push_str(&rest[..2]);
            shown.extend(std::iter::repeat_n('*', digits - 4));
            shown.push_str(&rest[digits - 2..digits]);
        } else {
            shown.push_str(&rest[..digits]);
        }
        rest = &rest[digits..];
        let other = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        shown.push_str(&rest[..other]);
        rest = &rest[other..];
    }
    shown
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.severity {
            Severity::Mistake => Level::ERROR.with_name("mistake"),
            Severity::Warning => Level::WARNING,
        };
        let mark = AnnotationKind::Primary.span(self.marked.clone());
        let titled = level.primary_title(self.reason.as_str());
        let mut group = if self.line == 0 {
            titled.element(Origin::path(&*self.file))
        } else {
            let snippet = Snippet::source(self.source.as_str()).line_start(self.line as usize);
            titled.element(snippet.path(&*self.file).annotation(mark))
        };
        if let Some(witness) = &self.witness {
            group = group.element(Level::NOTE.message(witness.to_string()));
        }
        for help in &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        f.write_str(&Renderer::plain().render(&[group]))
    }
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn long_numbers_are_masked_and_keep_their_length() {
        assert_eq!(mask("1390000 13800138000, 3001 王"), "1390000 13*******00, 3001 王");
        assert_eq!(mask("12345678"), "12****78");
    }
}
