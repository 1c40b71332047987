//! What was written: the files' tables with the place of every key and value, and the mistakes found so far.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::SourceFile;
use super::diagnostic::{Diagnostic, Severity};
use super::step::Place;

/// The files and what is wrong with them.
pub(crate) struct Report<'s> {
    files: Vec<(Arc<str>, &'s str)>,
    /// Where the lines of each file end.
    ends: Vec<Vec<usize>>,
    pub(crate) diagnostics: Vec<(Place, Diagnostic)>,
}

impl<'s> Report<'s> {
    pub(crate) fn new(files: &'s [SourceFile]) -> Self {
        let ends = |f: &SourceFile| f.text.match_indices('\n').map(|(at, _)| at).collect();
        let ends = files.iter().map(ends).collect();
        let files = files.iter().map(|f| (Arc::from(f.name.as_str()), f.text.as_str())).collect();
        Report { files, ends, diagnostics: Vec::new() }
    }

    /// A mistake here; the caller may add a label and help.
    pub(crate) fn mistake(&mut self, place: Place, reason: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Mistake, place, reason.into())
    }

    pub(crate) fn warning(&mut self, place: Place, reason: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Warning, place, reason.into())
    }

    fn add(&mut self, severity: Severity, place: Place, reason: String) -> &mut Diagnostic {
        let nothing = (Arc::from(""), "");
        let (file, text) = self.files.get(place.file).unwrap_or(&nothing);
        let span = place.start..place.end;
        let diagnostic = Diagnostic::new(severity, file, text, self.line(place), span, reason);
        let at = self.diagnostics.len();
        self.diagnostics.push((place, diagnostic));
        &mut self.diagnostics[at].1
    }

    /// A name that nothing bears, with the nearest that something does.
    pub(crate) fn unknown<'n>(
        &mut self,
        place: Place,
        reason: String,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        let near = nearest(name, known);
        let diagnostic = self.mistake(place, reason);
        if let Some(near) = near {
            diagnostic.add_help(format!("did you mean `{near}`?"));
        }
    }

    pub(crate) fn file_name(&self, file: usize) -> Arc<str> {
        self.files.get(file).map_or(Arc::from(""), |f| f.0.clone())
    }

    pub(crate) fn file_names(&self) -> Vec<Arc<str>> {
        self.files.iter().map(|f| f.0.clone()).collect()
    }

    pub(crate) fn file_text(&self, file: usize) -> &'s str {
        self.files.get(file).map_or("", |f| f.1)
    }

    pub(crate) fn find_file(&self, name: &str) -> Option<usize> {
        self.files.iter().position(|f| &*f.0 == name)
    }

    /// From 1.
    pub(crate) fn line(&self, place: Place) -> u32 {
        let before =
            self.ends.get(place.file).map_or(0, |ends| ends.partition_point(|end| *end < place.start));
        before as u32 + 1
    }

    /// `file:line`, for reasons that speak of a second place.
    pub(crate) fn show(&self, place: Place) -> String {
        format!("{}:{}", self.file_name(place.file), self.line(place))
    }

    pub(crate) fn failed(&self) -> bool {
        self.diagnostics.iter().any(|d| d.1.severity == Severity::Mistake)
    }

    /// In the order of the files.
    pub(crate) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_key(|d| (d.1.severity, d.0));
        self.diagnostics.dedup();
        self.diagnostics.into_iter().map(|d| d.1).collect()
    }
}

/// The most similar of the known names, where one is similar enough to be meant.
pub(crate) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let allowed = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(name, k), k))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, k)| k)
}

/// A value and where it was written.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a, 's> {
    pub(crate) place: Place,
    pub(crate) value: &'a DeValue<'s>,
}

impl<'a, 's> Written<'a, 's> {
    fn new(file: usize, value: &'a Spanned<DeValue<'s>>) -> Self {
        Written { place: place(file, value.span()), value: value.get_ref() }
    }

    /// The elements of an array, or the value itself.
    pub(crate) fn each(self) -> Vec<Written<'a, 's>> {
        match self.value {
            DeValue::Array(array) => array.iter().map(|v| Written::new(self.place.file, v)).collect(),
            _ => vec![self],
        }
    }

    /// A text without more ado; `None` for anything else.
    pub(crate) fn as_word(self) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) => Some(text.as_ref()),
            _ => None,
        }
    }

    /// The keys and values of a table, in the order written; `None` for anything else.
    pub(crate) fn entries(self) -> Option<Vec<Entry<'a, 's>>> {
        let DeValue::Table(table) = self.value else { return None };
        Some(entries(self.place.file, table))
    }

    /// `a table`, `an integer` …
    pub(crate) fn kind(self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a decimal number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }
}

/// A key with its value.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a, 's> {
    pub(crate) key: &'a str,
    pub(crate) key_place: Place,
    pub(crate) value: Written<'a, 's>,
}

fn place(file: usize, span: std::ops::Range<usize>) -> Place {
    Place { file, start: span.start, end: span.end }
}

fn entries<'a, 's>(file: usize, table: &'a DeTable<'s>) -> Vec<Entry<'a, 's>> {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().as_ref(),
            key_place: place(file, key.span()),
            value: Written::new(file, value),
        })
        .collect();
    entries.sort_by_key(|e| e.key_place);
    entries
}

/// One file's tables. Mistakes of syntax go to the report.
pub(crate) struct Parsed<'s> {
    file: usize,
    table: DeTable<'s>,
}

impl<'s> Parsed<'s> {
    pub(crate) fn read(report: &mut Report<'s>, file: usize) -> Self {
        let (table, errors) = DeTable::parse_recoverable(report.file_text(file));
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            report.mistake(place(file, span), format!("this is not TOML: {}", error.message()));
        }
        Parsed { file, table: table.into_inner() }
    }

    pub(crate) fn entries(&self) -> Vec<Entry<'_, 's>> {
        entries(self.file, &self.table)
    }
}

/// Definitions of one kind, by name, over all files; a name defined twice is a mistake.
pub(crate) struct Named<'a, 's> {
    kind: &'static str,
    all: BTreeMap<&'a str, Entry<'a, 's>>,
    /// In the order of the files.
    pub(crate) order: Vec<Entry<'a, 's>>,
}

impl<'a, 's> Named<'a, 's> {
    pub(crate) fn new(kind: &'static str) -> Self {
        Named { kind, all: BTreeMap::new(), order: Vec::new() }
    }

    /// Takes the tables under one top-level key of one file.
    pub(crate) fn add(&mut self, report: &mut Report<'_>, whole: Entry<'a, 's>) {
        let Some(entries) = whole.value.entries() else {
            report.mistake(
                whole.value.place,
                format!("`{}` holds tables by name, found {}", self.kind, whole.value.kind()),
            );
            return;
        };
        for entry in entries {
            if let Some(first) = self.all.get(entry.key) {
                let first = report.show(first.key_place);
                report
                    .mistake(entry.key_place, format!("{} `{}` is defined twice", self.kind, entry.key))
                    .add_help(format!("the first is at {first}"));
                continue;
            }
            self.all.insert(entry.key, entry);
            self.order.push(entry);
        }
    }
}
