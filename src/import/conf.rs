//! Asterisk's configuration files: sections of `name = value` and `name => value`, with remarks and templates.

use super::draft::Draft;

/// `[name](template)` and the lines below it.
pub(super) struct Section {
    pub(super) name: String,
    /// Of these it inherits, in order.
    pub(super) inherits: Vec<String>,
    /// It is there to be inherited from alone.
    pub(super) template: bool,
    pub(super) line: usize,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Line {
    /// From 1.
    pub(super) number: usize,
    /// In lower case.
    pub(super) name: String,
    pub(super) value: String,
}

impl Line {
    pub(super) fn is_extension(&self) -> bool {
        matches!(self.name.as_str(), "exten" | "same")
    }
}

pub(super) fn read(draft: &mut Draft, text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut in_remark = false;
    for (number, line) in (1..).zip(text.lines()) {
        // A remark over several lines: `;--` … `--;`.
        if in_remark {
            in_remark = !line.contains("--;");
            continue;
        }
        if line.trim_start().starts_with(";--") && !line.contains("--;") {
            in_remark = true;
            continue;
        }
        let line = without_remark(line).trim();
        if line.is_empty() {
            continue;
        }
        if let Some(directive) = line.strip_prefix('#') {
            draft.note(number, format!("`#{directive}` is not followed: give that file, too"));
        } else if let Some(rest) = line.strip_prefix('[') {
            sections.push(section(number, rest));
        } else if let Some((name, value)) = line.split_once('=') {
            let value = value.strip_prefix('>').unwrap_or(value).trim().to_owned();
            let line = Line { number, name: name.trim().to_ascii_lowercase(), value };
            match sections.last_mut() {
                Some(section) => section.lines.push(line),
                None => draft.note(number, "it stands before the first section, and is left out"),
            }
        } else {
            draft.note(number, "it is neither a section nor `name = value`, and is left out");
        }
    }
    sections
}

/// `;` begins a remark, `\;` is one character.
fn without_remark(line: &str) -> &str {
    let mut before = ' ';
    for (at, character) in line.char_indices() {
        if character == ';' && before != '\\' {
            return line.get(..at).unwrap_or(line);
        }
        before = character;
    }
    line
}

fn section(number: usize, rest: &str) -> Section {
    let (name, after) = rest.split_once(']').unwrap_or((rest, ""));
    let inside = after.trim().strip_prefix('(').map(|inside| inside.split(')').next().unwrap_or_default());
    let words: Vec<_> = inside.unwrap_or_default().split(',').map(str::trim).collect();
    let inherits = words.iter().filter(|word| !matches!(**word, "" | "!" | "+"));
    Section {
        name: name.trim().to_owned(),
        inherits: inherits.map(|word| (*word).to_owned()).collect(),
        template: words.contains(&"!"),
        line: number,
        lines: Vec::new(),
    }
}
