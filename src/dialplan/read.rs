//! Fields whose meaning depends on the rest of the plan: prompts, flows, queues, skills, people. What does not is
//! read by the [report](super::fields) alone, which the first lines here pass on to.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::DeValue;

use super::doc::Doc;
use super::fields::Fields;
use super::load::Loader;
use super::plan::{Phrase, Requirement};
use super::source::{Entry, Written, nearest};
use super::step::{Place, Target, Value};
use crate::base::{AgentId, Clip, Language, QueueId};

/// What is known of every call.
const KNOWN_OF_ALL: [&str; 4] = ["caller", "dialled", "manager", "owner"];

impl<'a, 's> Loader<'a, 's> {
    pub(super) fn open(&mut self, whole: Entry<'a, 's>, doc: &'static Doc) -> Fields<'a, 's> {
        self.report.open(whole, doc)
    }

    pub(super) fn wrong(&mut self, written: Written<'_, '_>, what: &str, wanted: &str) {
        self.report.wrong(written, what, wanted)
    }

    pub(super) fn text(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<(String, Place)> {
        self.report.text(fields, name)
    }

    pub(super) fn as_text(&mut self, written: Written<'a, 's>, what: &str) -> Option<&'a str> {
        self.report.as_text(written, what)
    }

    pub(super) fn flag(&mut self, fields: &Fields<'a, 's>, name: &str) -> bool {
        self.report.flag(fields, name)
    }

    pub(super) fn count(&mut self, fields: &Fields<'a, 's>, name: &str) -> i64 {
        self.report.count(fields, name)
    }

    pub(super) fn count_if(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<i64> {
        self.report.count_if(fields, name)
    }

    pub(super) fn as_count(
        &mut self,
        written: Written<'_, '_>,
        what: &str,
        least: i64,
        most: i64,
    ) -> Option<i64> {
        self.report.as_count(written, what, least, most)
    }

    pub(super) fn time(&mut self, fields: &Fields<'a, 's>, name: &str) -> Duration {
        self.report.time(fields, name)
    }

    pub(super) fn time_if(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<Duration> {
        self.report.time_if(fields, name)
    }

    pub(super) fn time_or_never(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<Duration> {
        self.report.time_or_never(fields, name)
    }

    pub(super) fn as_time(
        &mut self,
        written: Written<'_, '_>,
        what: &str,
        least: u64,
        most: u64,
    ) -> Option<Duration> {
        self.report.as_time(written, what, least, most)
    }

    pub(super) fn one(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<&'static str> {
        self.report.one(fields, name)
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

    /// Written prompts or the documented ones, in every language.
    pub(super) fn prompts(&mut self, fields: &Fields<'a, 's>, name: &str) -> Phrase {
        match fields.get(name) {
            Some(written) => self.as_prompts(written, &format!("`{name}`")),
            None => self.phrase(fields.place(), fields.default(name)),
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
        self.queue_named(written)
    }

    pub(super) fn queue_named(&mut self, written: (String, Place)) -> Option<QueueId> {
        self.defined(written, "queue", |n| &n.queues)
    }

    pub(super) fn menu_index(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<u32> {
        let written = self.text(fields, name)?;
        self.menu_named(written)
    }

    pub(super) fn menu_named(&mut self, written: (String, Place)) -> Option<u32> {
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

    /// Nothing can be stored under the name of what is known of every call.
    pub(super) fn is_free_name(&mut self, name: &str, place: Place) {
        if KNOWN_OF_ALL.contains(&name) {
            self.report.mistake(place, format!("`{name}` is known of every call: choose another name"));
        }
    }

    /// What a call knows under this name.
    pub(super) fn value(&mut self, fields: &Fields<'a, 's>, name: &str) -> Option<Value> {
        let (text, place) = match self.text(fields, name) {
            Some(written) => written,
            None => (fields.default(name).to_owned(), fields.place()),
        };
        match text.as_str() {
            "caller" => Some(Value::Caller),
            "dialled" => Some(Value::Dialled),
            "manager" => Some(Value::Manager),
            "owner" => Some(Value::Owner),
            "" => None,
            keyed if self.names.collected.contains(keyed) => Some(Value::Keyed(text)),
            _ => {
                let known: Vec<String> = KNOWN_OF_ALL
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
