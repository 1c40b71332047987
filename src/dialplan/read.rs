//! Reading one documented table: unknown keys, missing fields, wrong types and bounds are found here, once for
//! all verbs and tables. A value that is wrong is reported and replaced by its default, so that one run finds
//! every mistake.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::DeValue;

use super::doc::{Default, Doc, Field, Form, parse_time, show_time};
use super::load::Loader;
use super::plan::{Phrase, Requirement};
use super::source::{Entry, Written, nearest};
use super::step::{Place, Target, Value};
use crate::base::{AgentId, Clip, Language, QueueId};

/// A table that was opened against its documentation.
pub(super) struct Fields<'a, 's> {
    doc: &'static Doc,
    place: Place,
    written: BTreeMap<&'static str, Written<'a, 's>>,
}

impl<'a, 's> Fields<'a, 's> {
    /// Where the whole was written.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn get(&self, name: &str) -> Option<Written<'a, 's>> {
        self.written.get(name).copied()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.written.contains_key(name)
    }

    fn field(&self, name: &str) -> Option<&'static Field> {
        let field = self.doc.field(name);
        debug_assert!(field.is_some(), "{} has no field {name}", self.doc.name);
        field
    }

    pub(super) fn default(&self, name: &str) -> &'static str {
        self.field(name).map_or("", Field::written_default)
    }
}

impl<'a, 's> Loader<'a, 's> {
    /// Opens a table, or the short form that stands for one of its fields.
    pub(super) fn open(&mut self, whole: Entry<'a, 's>, doc: &'static Doc) -> Fields<'a, 's> {
        let mut written = BTreeMap::new();
        let place = whole.key_place;
        match (whole.value.entries(), doc.short) {
            (Some(entries), _) => {
                for entry in entries {
                    match doc.field(entry.key) {
                        Some(field) => {
                            written.insert(field.name, entry.value);
                        }
                        None => self.report.unknown(
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
                self.report.mistake(whole.value.place, reason);
                return Fields { doc, place, written };
            }
        }
        for field in doc.fields {
            if matches!(field.default, Default::Needed) && !written.contains_key(field.name) {
                self.report.mistake(place, format!("`{}` needs the field `{}`", doc.name, field.name));
            }
        }
        Fields { doc, place, written }
    }

    pub(super) fn wrong(&mut self, written: Written<'_, '_>, what: &str, wanted: &str) {
        let reason = format!("{what} is {wanted}, found {}", written.kind());
        self.report.mistake(written.place, reason);
    }

    pub(super) fn text(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<(String, Place)> {
        let written = fields.get(name)?;
        self.as_text(written, &format!("`{name}`")).map(|text| (text.to_owned(), written.place))
    }

    pub(super) fn as_text(&mut self, written: Written<'a, 's>, what: &str) -> Option<&'a str> {
        match written.value {
            DeValue::String(text) => Some(text.as_ref()),
            _ => {
                self.wrong(written, what, "a text");
                None
            }
        }
    }

    pub(super) fn flag(&mut self, fields: &Fields<'a, 's>, name: &str) -> bool {
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
    pub(super) fn count(&mut self, fields: &Fields<'a, 's>, name: &str) -> i64 {
        self.count_if(fields, name).unwrap_or_else(|| fields.default(name).parse().unwrap_or(0))
    }

    pub(super) fn count_if(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<i64> {
        let written = fields.get(name)?;
        let Some(Form::Count(least, most)) = fields.field(name).map(|f| f.form) else { return None };
        self.as_count(written, &format!("`{name}`"), least, most)
    }

    pub(super) fn as_count(
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
                self.report.mistake(written.place, format!("{what} is {wanted}"));
                None
            }
        }
    }

    /// Written, else inherited, else the documented default.
    pub(super) fn time_or(
        &mut self,
        fields: &Fields<'a, 's>,
        name: &str,
        inherited: Option<Duration>,
    ) -> Duration {
        match (fields.get(name), inherited) {
            (None, Some(inherited)) => inherited,
            _ => self.time(fields, name),
        }
    }

    pub(super) fn time(&mut self, fields: &Fields<'a, 's>, name: &str) -> Duration {
        self.time_if(fields, name)
            .unwrap_or_else(|| Duration::from_millis(parse_time(fields.default(name)).unwrap_or(0)))
    }

    pub(super) fn time_if(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<Duration> {
        let written = fields.get(name)?;
        let (Form::Time(least, most) | Form::TimeOrNever(least, most)) = fields.field(name)?.form else {
            return None;
        };
        self.as_time(written, &format!("`{name}`"), least, most)
    }

    /// `None` is never.
    pub(super) fn time_or_never(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<Duration> {
        match fields.get(name).map(|w| w.value) {
            Some(DeValue::String(text)) if text == "never" => None,
            None if fields.default(name) == "never" => None,
            _ => Some(self.time(fields, name)),
        }
    }

    pub(super) fn as_time(
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
                    self.report.mistake(written.place, reason);
                }
                None => {
                    self.report
                        .mistake(written.place, format!("{what} is {wanted}"))
                        .add_help("write \"15 s\"");
                }
            },
            DeValue::Integer(integer) => {
                let help = format!("write \"{} s\"", integer.as_str());
                let reason = format!("{what} is {wanted}, found a number");
                self.report.mistake(written.place, reason).add_help(help);
            }
            _ => self.wrong(written, what, wanted),
        }
        None
    }

    /// One of the words of the field's form.
    pub(super) fn one(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<&'static str> {
        let Some(Form::One(words)) = fields.field(name).map(|f| f.form) else { return None };
        let find = |text: &str| words.iter().find(|w| **w == text).copied();
        let Some(written) = fields.get(name) else { return find(fields.default(name)) };
        let text = self.as_text(written, &format!("`{name}`"))?;
        let found = find(text);
        if found.is_none() {
            let reason = format!("`{name}` is one of {}", words.join(", "));
            self.report.unknown(written.place, reason, text, words.iter().copied());
        }
        found
    }

    /// Written prompts or the documented ones, in every language.
    pub(super) fn prompts(&mut self, fields: &Fields<'a, 's>, name: &str) -> Phrase {
        match fields.get(name) {
            Some(written) => self.as_prompts(written, &format!("`{name}`")),
            None => self.phrase(fields.place, fields.default(name)),
        }
    }

    pub(super) fn as_prompts(&mut self, written: Written<'a, 's>, what: &str) -> Phrase {
        let mut phrase = Phrase::default();
        for part in written.each() {
            match part.value {
                DeValue::String(name) => self.add_prompt(&mut phrase, part.place, name),
                _ => self.wrong(part, what, "the name of a prompt, or a list of them"),
            }
        }
        phrase
    }

    /// Names separated by spaces, wanted by the language itself.
    pub(super) fn phrase(&mut self, place: Place, names: &str) -> Phrase {
        let mut phrase = Phrase::default();
        for name in names.split_whitespace() {
            self.add_prompt(&mut phrase, place, name);
        }
        phrase
    }

    fn add_prompt(&mut self, phrase: &mut Phrase, place: Place, name: &str) {
        let mut missing = Vec::new();
        for language in self.languages.clone() {
            match self.catalog.find(&language, name) {
                Some(id) => phrase.0.entry(language).or_default().push(Clip::Prompt(id)),
                None => missing.push(language),
            }
        }
        self.missing_prompt(place, name, &missing);
    }

    /// Reports a prompt that these languages lack.
    pub(super) fn missing_prompt(&mut self, place: Place, name: &str, missing: &[Language]) {
        if missing.is_empty() || !self.missing.insert((name.to_owned(), place)) {
            return;
        }
        let languages = missing.iter().map(Language::to_string).collect::<Vec<_>>().join(" and ");
        let catalog = self.catalog.clone();
        let near = nearest(name, catalog.names().filter(|n| *n != name)).map(str::to_owned);
        let everywhere = catalog.names().any(|n| n == name);
        let diagnostic = self.report.mistake(place, format!("prompt `{name}` does not exist in {languages}"));
        match near {
            Some(near) if !everywhere => {
                diagnostic.add_help(format!("did you mean `{near}`?"));
            }
            _ => {}
        }
    }

    /// A flow by name; `None` where nothing is written or nothing bears the name.
    pub(super) fn target(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<Target> {
        let written = fields.get(name)?;
        match self.as_target(written, &format!("`{name}`")) {
            Some(target) => Some(target),
            None => Some(self.void()),
        }
    }

    pub(super) fn as_target(&mut self, written: Written<'a, 's>, what: &str) -> Option<Target> {
        let name = self.as_text(written, what)?;
        let found = self.names.flows.get(name).copied();
        if found.is_none() {
            let known: Vec<&str> = self.names.flows.keys().map(String::as_str).collect();
            self.report.unknown(written.place, format!("there is no flow `{name}`"), name, known);
        }
        found.map(Target::Flow)
    }

    /// Looks a name up among the definitions of a kind.
    fn defined<T: Copy>(
        &mut self,
        (name, place): (String, Place),
        kind: &str,
        of: impl Fn(&super::load::Names) -> &BTreeMap<String, T>,
    ) -> Option<T> {
        let found = of(&self.names).get(&name).copied();
        if found.is_none() {
            let known: Vec<String> = of(&self.names).keys().cloned().collect();
            let reason = format!("there is no {kind} `{name}`");
            self.report.unknown(place, reason, &name, known.iter().map(String::as_str));
        }
        found
    }

    pub(super) fn queue(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<QueueId> {
        let written = self.text(fields, name)?;
        self.defined(written, "queue", |n| &n.queues)
    }

    pub(super) fn menu_index(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<u32> {
        let written = self.text(fields, name)?;
        self.defined(written, "menu", |n| &n.menus)
    }

    pub(super) fn list(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<usize> {
        let written = self.text(fields, name)?;
        self.defined(written, "list", |n| &n.lists)
    }

    pub(super) fn calendar(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<usize> {
        let written = self.text(fields, name)?;
        self.defined(written, "calendar", |n| &n.calendars)
    }

    pub(super) fn agent(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<AgentId> {
        let written = self.text(fields, name)?;
        self.agent_named(written)
    }

    pub(super) fn agent_named(&mut self, written: (String, Place)) -> Option<AgentId> {
        self.defined(written, "agent", |n| &n.agents)
    }

    pub(super) fn language_named(&mut self, (name, place): (String, Place)) -> Option<Language> {
        let found = self.languages.iter().find(|l| l.0 == name).cloned();
        if found.is_none() {
            let known: Vec<String> = self.languages.iter().map(|l| l.0.clone()).collect();
            let reason = format!("`{name}` is not among the languages of [hotline]");
            self.report.unknown(place, reason, &name, known.iter().map(String::as_str));
        }
        found
    }

    /// What a call knows under this name.
    pub(super) fn value(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<Value> {
        let (text, place) = match self.text(fields, name) {
            Some(written) => written,
            None => (fields.default(name).to_owned(), fields.place),
        };
        match text.as_str() {
            "caller" => Some(Value::Caller),
            "dialled" => Some(Value::Dialled),
            "manager" => Some(Value::Manager),
            "" => None,
            keyed if self.names.collected.contains(keyed) => Some(Value::Keyed(text)),
            _ => {
                let known: Vec<String> = ["caller", "dialled", "manager"]
                    .iter()
                    .map(|s| (*s).to_owned())
                    .chain(self.names.collected.iter().cloned())
                    .collect();
                let reason = format!("nothing is known as `{text}`: no `collect` stores into it");
                self.report.unknown(place, reason, &text, known.iter().map(String::as_str));
                None
            }
        }
    }

    /// `{ skill = level, … }`.
    pub(super) fn skill_levels(&mut self, fields: &Fields<'a, 's>, name: &str) -> Vec<Requirement> {
        fields.get(name).map(|written| self.skill_set(written, name)).unwrap_or_default()
    }

    /// `{ skill = level, … }`, or a list of such sets: the first one, and the others that will do instead.
    pub(super) fn skill_sets(
        &mut self,
        fields: &Fields<'a, 's>,
        name: &str,
    ) -> (Vec<Requirement>, Vec<Vec<Requirement>>) {
        let Some(written) = fields.get(name) else { return (Vec::new(), Vec::new()) };
        let mut sets = written.each().into_iter().map(|set| {
            let levels = self.skill_set(set, name);
            if written.entries().is_none() && set.entries().is_some_and(|entries| entries.is_empty()) {
                self.report.warning(set.place, "any agent has these skills: nothing is asked for");
            }
            levels
        });
        let first = sets.next();
        let or: Vec<_> = sets.collect();
        if first.is_none() {
            self.report.mistake(written.place, format!("`{name}` lists no set of skills"));
        }
        (first.unwrap_or_default(), or)
    }

    fn skill_set(&mut self, written: Written<'a, 's>, name: &str) -> Vec<Requirement> {
        let Some(entries) = written.entries() else {
            self.wrong(written, &format!("`{name}`"), "a table of skills with their levels");
            return Vec::new();
        };
        let mut levels = Vec::new();
        for entry in entries {
            let skill = self.defined((entry.key.to_owned(), entry.key_place), "skill", |n| &n.skills);
            let level = self.as_count(entry.value, "the level of a skill", 1, 9);
            if let (Some(skill), Some(level)) = (skill, level) {
                levels.push(Requirement { skill, level: level as u8 });
            }
        }
        levels.sort_unstable();
        levels
    }
}
