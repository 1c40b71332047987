//! Reading one documented table: unknown keys, missing fields, wrong types and bounds are found here, once for
//! all verbs and tables. A value that is wrong is reported and replaced by its default, so that one run finds
//! every mistake.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::DeValue;

use super::calendar::{Span, minutes};
use super::doc::{Default, Doc, Field, Form, parse_time, show_time};
use super::source::{Entry, Report, Written};
use super::step::Place;

/// A table that was opened against its documentation.
pub(crate) struct Fields<'a, 's> {
    doc: &'static Doc,
    place: Place,
    written: BTreeMap<&'static str, Written<'a, 's>>,
}

impl<'a, 's> Fields<'a, 's> {
    /// Where the whole was written.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn get(&self, name: &str) -> Option<Written<'a, 's>> {
        self.written.get(name).copied()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.written.contains_key(name)
    }

    fn field(&self, name: &str) -> Option<&'static Field> {
        let field = self.doc.field(name);
        debug_assert!(field.is_some(), "{} has no field {name}", self.doc.name);
        field
    }

    pub(crate) fn default(&self, name: &str) -> &'static str {
        self.field(name).map_or("", Field::written_default)
    }
}

impl Report<'_> {
    /// Opens a table, or the short form that stands for one of its fields.
    pub(crate) fn open<'a, 's>(&mut self, whole: Entry<'a, 's>, doc: &'static Doc) -> Fields<'a, 's> {
        let mut written = BTreeMap::new();
        let place = whole.key_place;
        match (whole.value.entries(), doc.short) {
            (Some(entries), _) => {
                for entry in entries {
                    match doc.field(entry.key) {
                        Some(field) => {
                            written.insert(field.name, entry.value);
                        }
                        None => self.unknown(
                            entry.key_place,
                            format!("`{}` has no field `{}`", doc.name, entry.key),
                            entry.key,
                            doc.fields.iter().map(|f| f.name),
                        ),
                    }
                }
            }
            (None, Some(short)) => {
                if let Some(field) = doc.field(short) {
                    written.insert(field.name, whole.value);
                }
            }
            (None, None) => {
                let reason = format!("`{}` is a table, found {}", doc.name, whole.value.kind());
                self.mistake(whole.value.place, reason);
                return Fields { doc, place, written };
            }
        }
        for field in doc.fields {
            if matches!(field.default, Default::Needed) && !written.contains_key(field.name) {
                self.mistake(place, format!("`{}` needs the field `{}`", doc.name, field.name));
            }
        }
        Fields { doc, place, written }
    }

    pub(crate) fn wrong(&mut self, written: Written<'_, '_>, what: &str, wanted: &str) {
        let reason = format!("{what} is {wanted}, found {}", written.kind());
        self.mistake(written.place, reason);
    }

    pub(crate) fn text(&mut self, fields: &Fields<'_, '_>, name: &str) -> Option<(String, Place)> {
        let written = fields.get(name)?;
        self.as_text(written, &format!("`{name}`")).map(|text| (text.to_owned(), written.place))
    }

    pub(crate) fn as_text<'a, 's>(&mut self, written: Written<'a, 's>, what: &str) -> Option<&'a str> {
        match written.value {
            DeValue::String(text) => Some(text.as_ref()),
            _ => {
                self.wrong(written, what, "a text");
                None
            }
        }
    }

    pub(crate) fn flag(&mut self, fields: &Fields<'_, '_>, name: &str) -> bool {
        let default = fields.default(name) == "true";
        match fields.get(name).map(|w| (w, w.value)) {
            None => default,
            Some((_, DeValue::Boolean(flag))) => *flag,
            Some((written, _)) => {
                self.wrong(written, &format!("`{name}`"), "true or false");
                default
            }
        }
    }

    /// Within the bounds of the field's form.
    pub(crate) fn count(&mut self, fields: &Fields<'_, '_>, name: &str) -> i64 {
        self.count_if(fields, name).unwrap_or_else(|| fields.default(name).parse().unwrap_or(0))
    }

    pub(crate) fn count_if(&mut self, fields: &Fields<'_, '_>, name: &str) -> Option<i64> {
        let written = fields.get(name)?;
        let Some(Form::Count(least, most)) = fields.field(name).map(|f| f.form) else { return None };
        self.as_count(written, &format!("`{name}`"), least, most)
    }

    pub(crate) fn as_count(
        &mut self,
        written: Written<'_, '_>,
        what: &str,
        least: i64,
        most: i64,
    ) -> Option<i64> {
        let wanted = format!("a number from {least} to {most}");
        let DeValue::Integer(integer) = written.value else {
            self.wrong(written, what, &wanted);
            return None;
        };
        match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(n) if (least..=most).contains(&n) => Some(n),
            _ => {
                self.mistake(written.place, format!("{what} is {wanted}"));
                None
            }
        }
    }

    pub(crate) fn time(&mut self, fields: &Fields<'_, '_>, name: &str) -> Duration {
        self.time_if(fields, name)
            .unwrap_or_else(|| Duration::from_millis(parse_time(fields.default(name)).unwrap_or(0)))
    }

    pub(crate) fn time_if(&mut self, fields: &Fields<'_, '_>, name: &str) -> Option<Duration> {
        let written = fields.get(name)?;
        let (Form::Time(least, most) | Form::TimeOrNever(least, most)) = fields.field(name)?.form else {
            return None;
        };
        self.as_time(written, &format!("`{name}`"), least, most)
    }

    /// `None` is never.
    pub(crate) fn time_or_never(&mut self, fields: &Fields<'_, '_>, name: &str) -> Option<Duration> {
        match fields.get(name).map(|w| w.value) {
            Some(DeValue::String(text)) if text == "never" => None,
            None if fields.default(name) == "never" => None,
            _ => Some(self.time(fields, name)),
        }
    }

    pub(crate) fn as_time(
        &mut self,
        written: Written<'_, '_>,
        what: &str,
        least: u64,
        most: u64,
    ) -> Option<Duration> {
        let wanted = "a time: a whole number, a space, and ms, s, min or h";
        match written.value {
            DeValue::String(text) => match parse_time(text) {
                Some(millis) if (least..=most).contains(&millis) => {
                    return Some(Duration::from_millis(millis));
                }
                Some(_) => {
                    let reason = format!("{what} lies between {} and {}", show_time(least), show_time(most));
                    self.mistake(written.place, reason);
                }
                None => {
                    self.mistake(written.place, format!("{what} is {wanted}")).add_help("write \"15 s\"");
                }
            },
            DeValue::Integer(integer) => {
                let help = format!("write \"{} s\"", integer.as_str());
                let reason = format!("{what} is {wanted}, found a number");
                self.mistake(written.place, reason).add_help(help);
            }
            _ => self.wrong(written, what, wanted),
        }
        None
    }

    /// One of the words of the field's form.
    pub(crate) fn one(&mut self, fields: &Fields<'_, '_>, name: &str) -> Option<&'static str> {
        let Some(Form::One(words)) = fields.field(name).map(|f| f.form) else { return None };
        let find = |text: &str| words.iter().find(|w| **w == text).copied();
        let Some(written) = fields.get(name) else { return find(fields.default(name)) };
        let text = self.as_text(written, &format!("`{name}`"))?;
        let found = find(text);
        if found.is_none() {
            let reason = format!("`{name}` is one of {}", words.join(", "));
            self.unknown(written.place, reason, text, words.iter().copied());
        }
        found
    }

    /// Ascending spans of a day, each as `"09:00-18:00"`.
    pub(crate) fn spans(&mut self, written: Written<'_, '_>, what: &str) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for each in written.each() {
            let Some(text) = self.as_text(each, what) else { continue };
            let parsed =
                text.split_once('-').and_then(|(from, until)| Some((minutes(from)?, minutes(until)?)));
            match parsed {
                Some((from, until)) if from < until => {
                    if spans.last().is_some_and(|last| last.until > from) {
                        let reason = format!("the {what} of one day ascend and do not overlap");
                        self.mistake(each.place, reason);
                    }
                    spans.push(Span { from, until });
                }
                _ => {
                    let reason = format!("{what} are two ascending times of one day");
                    self.mistake(each.place, reason).add_help("write \"09:00-18:00\"");
                }
            }
        }
        spans
    }
}
