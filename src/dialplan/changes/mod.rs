//! What callers will notice of another plan, in words: "key 3 of menu main now leads to complaint; it led to
//! consultation".
//!
//! Everything that has a name is compared with what bears the same name in the other plan: each is told as a list of
//! [facts](Facts), a label and a value in words, so that a field that is added to the language is compared in one line.
//! Steps have no names: what a flow does is compared as a text is, line by line.
//!
//! Customers' numbers are told by how many of them there are, never which.

mod flows;
mod people;
mod rules;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::base::{Catalog, Language};

/// One thing that is not as it was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Change {
    /// What it is about: `menu main`, `queue vip`, `agents 1001, 1002`.
    pub about: String,
    /// What is different, without a full stop.
    pub what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.what)
    }
}

/// In the order in which callers meet it: numbers, menus, flows, queues, people, hours, and the rest.
pub fn changes(before: &Plan, after: &Plan) -> Vec<Change> {
    let mut all = Vec::new();
    rules::hotline(before, after, &mut all);
    flows::numbers(before, after, &mut all);
    flows::menus(before, after, &mut all);
    flows::flows(before, after, &mut all);
    rules::queues(before, after, &mut all);
    people::agents(before, after, &mut all);
    rules::calendars(before, after, &mut all);
    rules::lists(before, after, &mut all);
    rules::skills(before, after, &mut all);
    rules::boxes(before, after, &mut all);
    all
}

/// What is said otherwise than before, and in what other voice.
pub fn prompt_changes(before: &Prompted, after: &Prompted) -> Vec<Change> {
    let mut all = Vec::new();
    for ((name, language), spoken) in &after.0 {
        let about = match language {
            Some(language) => format!("prompt {name} ({language})"),
            None => format!("prompt {name}"),
        };
        let what = match before.0.get(&(name.clone(), language.clone())) {
            None => "is new".to_owned(),
            Some(old) if old.text != spoken.text => {
                format!("says {}; it said {}", quoted(&spoken.text), quoted(&old.text))
            }
            Some(old) if old.length_us != spoken.length_us => {
                format!("is another recording, {} long; it was {}", length(spoken), length(old))
            }
            Some(_) => continue,
        };
        all.push(Change { about, what });
    }
    let gone = before.0.keys().filter(|key| !after.0.contains_key(*key));
    all.extend(gone.map(|(name, language)| Change {
        about: match language {
            Some(language) => format!("prompt {name} ({language})"),
            None => format!("prompt {name}"),
        },
        what: "is gone".to_owned(),
    }));
    all
}

fn quoted(text: &str) -> String {
    if text.is_empty() {
        "something that nobody has written down".to_owned()
    } else {
        format!("“{text}”")
    }
}

fn length(spoken: &Spoken) -> String {
    format!("{:.1} s", spoken.length_us as f64 / 1e6)
}

/// What each prompt says: kept with a version, whose recordings are not.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Prompted(BTreeMap<(String, Option<Language>), Spoken>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Spoken {
    text: String,
    length_us: u64,
}

impl Prompted {
    pub fn of(catalog: &Catalog) -> Self {
        let all = catalog.named().map(|prompt| {
            let length_us = u64::try_from(prompt.duration.as_micros()).unwrap_or(u64::MAX);
            let key = (prompt.name.clone(), prompt.language.clone());
            (key, Spoken { text: prompt.text.clone(), length_us })
        });
        Prompted(all.collect())
    }

    /// One line a prompt: language, name, microseconds, text, with tabs between them.
    pub fn written(&self) -> String {
        let mut lines = String::new();
        for ((name, language), spoken) in &self.0 {
            let language = language.as_ref().map_or("", |language| language.0.as_str());
            let text = spoken.text.replace(['\t', '\n', '\r'], " ");
            lines.push_str(&format!("{language}\t{name}\t{}\t{text}\n", spoken.length_us));
        }
        lines
    }

    /// What is no such line is left out.
    pub fn read(lines: &str) -> Self {
        let one = |line: &str| {
            let mut parts = line.splitn(4, '\t');
            let (language, name) = (parts.next()?, parts.next()?);
            let (length_us, text) = (parts.next()?.parse().ok()?, parts.next()?.to_owned());
            let language = (!language.is_empty()).then(|| Language::new(language));
            Some(((name.to_owned(), language), Spoken { text, length_us }))
        };
        Prompted(lines.lines().filter_map(one).collect())
    }
}

/// What is true of something, in the order in which it is told.
#[derive(Default)]
struct Facts(Vec<(String, String)>);

impl Facts {
    fn add(&mut self, label: impl Into<String>, value: impl Into<String>) {
        self.0.push((label.into(), value.into()));
    }

    /// Left out where there is nothing to say.
    fn add_some(&mut self, label: impl Into<String>, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.add(label, value);
        }
    }

    fn get(&self, label: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == label).map(|(_, value)| value.as_str())
    }

    /// One sentence for each fact that differs.
    fn differ(&self, before: &Facts) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        for (label, value) in &self.0 {
            match before.get(label) {
                Some(old) if old == value => {}
                Some(old) => told.push(format!("{label} is now {value}; it was {old}")),
                None => told.push(format!("{label} is now {value}; there was none")),
            }
        }
        let gone = before.0.iter().filter(|(label, _)| self.get(label).is_none());
        told.extend(gone.map(|(label, old)| format!("there is no {label} any more; it was {old}")));
        told
    }
}

/// What bears a name in one plan or both: those of `after` in its order, then those that are gone.
fn by_name<'a, T>(
    before: &'a [T],
    after: &'a [T],
    name: impl Fn(&T) -> String,
) -> Vec<(String, Option<&'a T>, Option<&'a T>)> {
    let of = |all: &'a [T]| -> BTreeMap<String, &'a T> { all.iter().map(|one| (name(one), one)).collect() };
    let (old, new) = (of(before), of(after));
    let here = after.iter().map(|one| {
        let name = name(one);
        let known = old.get(&name).copied();
        (name, known, Some(one))
    });
    let gone = before.iter().map(|one| (name(one), Some(one), None));
    here.chain(gone.filter(|(name, ..)| !new.contains_key(name))).collect()
}
