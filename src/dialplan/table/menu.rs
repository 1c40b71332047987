//! `[menu.<name>]`: a choice, as data.

use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::Phrase;
use crate::dialplan::source::Entry;
use crate::dialplan::step::{Choice, MenuSpec};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "menu.<name>",
    about: "A choice with keys. Each key that has `say` is read out with its own `menu/press-…`, in the order \
            1 to 9, 0, *, #. A key of several digits is taken when no longer one can follow.",
    short: None,
    fields: &[
        Field::needed("keys", Form::Other("a table of keys"), "What may be pressed."),
        Field::optional("before", Form::Prompts, "nothing", "Played before the keys are read out."),
        Field::optional("prompts", Form::Prompts, "`before` and the keys", "Played instead of them."),
        Field::with("first_digit", Form::Time(500, 60_000), "5 s", "How long the first digit is waited for."),
        Field::with(
            "between_digits",
            Form::Time(500, 60_000),
            "3 s",
            "How long each further one is waited for.",
        ),
        Field::with("tries", Form::Count(1, 9), "3", "How often the caller may be wrong or silent."),
        Field::with("invalid", Form::Prompts, "error/invalid-key", "Said to a wrong key."),
        Field::with("silent", Form::Prompts, "error/no-input", "Said when no key came."),
        Field::with("too_many", Form::Prompts, "error/too-many-tries", "Said to the last wrong key."),
        Field::with("leaving", Form::Prompts, "error/to-agent", "Said before `exhausted`."),
        Field::optional(
            "exhausted",
            Form::Name("flow"),
            "the operator of [hotline]",
            "Where a caller goes who could not choose: to a person.",
        ),
    ],
    example: r#"[menu.main]
before = "menu/listen"
exhausted = "consultation"

[menu.main.keys]
1 = { say = "topic/consult", goto = "consultation" }
0 = { say = "topic/repeat", repeat = true }

[[flow.main]]
menu = "main"

[[flow.consultation]]
queue = "consultation"
"#,
};

pub(in crate::dialplan) const KEY: Doc = Doc {
    name: "menu.<name>.keys.<key>",
    about: "What one key does. A text alone is the flow of a key that is not read out.",
    short: Some("goto"),
    fields: &[
        Field::optional("goto", Form::Name("flow"), "nothing", "Goes on there."),
        Field::with("repeat", Form::Flag, "false", "Reads the menu out again."),
        Field::optional(
            "language",
            Form::Name("language"),
            "nothing",
            "Sets the language, then the next step.",
        ),
        Field::optional("say", Form::Prompts, "not read out", "What the key is for, before `menu/press-…`."),
    ],
    example: r#"[menu.main]
exhausted = "consultation"
keys = { 1 = "consultation", 9 = { say = "topic/repeat", repeat = true } }

[[flow.main]]
menu = "main"

[[flow.consultation]]
queue = "consultation"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    entry: Entry<'a, 's>,
) -> Option<MenuSpec> {
    let fields = loader.open(entry, &DOC);
    let keys = keys(loader, &fields);
    let mut prompts = loader.prompts(&fields, "before");
    for (_, said) in &keys {
        append(&mut prompts, said);
    }
    if fields.has("prompts") {
        prompts = loader.prompts(&fields, "prompts");
    }
    if prompts.is_empty() && !loader.report.failed() {
        let reason = format!("menu `{}` says nothing", entry.key);
        let help = "give its keys `say`, or the menu `prompts`";
        loader.report.warning(fields.place(), reason).add_help(help);
    }
    let tries = loader.tries(&fields);
    for (name, to) in [("invalid", "a wrong key"), ("silent", "no key")] {
        if let Some(written) = fields.get(name).filter(|_| tries > 1)
            && loader.prompts(&fields, name).is_empty()
            && !loader.report.failed()
        {
            let reason = format!("menu `{}` says nothing to {to}, and asks again", entry.key);
            loader.report.warning(written.place, reason).add_help("leave it out: then an apology is said");
        }
    }
    let exhausted =
        loader.target(&fields, "exhausted").or_else(|| loader.operator(fields.place(), "exhausted"));
    Some(MenuSpec {
        name: entry.key.to_owned(),
        prompts,
        keys: keys.into_iter().map(|(key, _)| key).collect(),
        first_digit: loader.time_or(&fields, "first_digit", loader.defaults.first_digit),
        between_digits: loader.time_or(&fields, "between_digits", loader.defaults.between_digits),
        tries,
        invalid: loader.prompts(&fields, "invalid"),
        silent: loader.prompts(&fields, "silent"),
        too_many: loader.prompts(&fields, "too_many"),
        leaving: loader.prompts(&fields, "leaving"),
        exhausted: exhausted?,
    })
}

type Key = ((String, Choice), Phrase);

fn keys<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>) -> Vec<Key> {
    let Some(written) = fields.get("keys") else { return Vec::new() };
    let Some(mut entries) = written.entries() else {
        loader.wrong(written, "`keys`", "a table of keys");
        return Vec::new();
    };
    if entries.is_empty() {
        loader.report.mistake(written.place, "a menu has at least one key");
    }
    entries.sort_by_key(|e| order(e.key));
    let mut keys = Vec::new();
    for entry in entries {
        let good = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#');
        if entry.key.is_empty() || entry.key.len() > 8 || !entry.key.chars().all(good) {
            loader.report.mistake(entry.key_place, "a key is one to eight of the digits 0 to 9, * and #");
            continue;
        }
        keys.extend(key(loader, entry));
    }
    keys
}

/// 1 to 9, then 0, *, #; shorter before longer.
fn order(key: &str) -> (usize, Vec<usize>) {
    (key.len(), key.chars().map(|c| "1234567890*#".find(c).unwrap_or(12)).collect())
}

fn key<'a, 's>(loader: &mut Loader<'a, 's>, entry: Entry<'a, 's>) -> Option<Key> {
    let fields = loader.open(entry, &KEY);
    let goto = loader.target(&fields, "goto");
    let language = loader.text(&fields, "language").and_then(|written| loader.language_named(written));
    let repeat = loader.flag(&fields, "repeat");
    let mut said = loader.prompts(&fields, "say");
    if !said.is_empty() {
        for digit in entry.key.chars() {
            let name = match digit {
                '*' => "menu/press-star".to_owned(),
                '#' => "menu/press-pound".to_owned(),
                digit => format!("menu/press-{digit}"),
            };
            let press = loader.phrase(fields.place(), &name);
            append(&mut said, &press);
        }
    }
    let written = [fields.has("goto"), fields.has("language"), repeat];
    if written.iter().filter(|w| **w).count() != 1 {
        loader.report.mistake(fields.place(), "a key has exactly one of `goto`, `repeat` and `language`");
        return None;
    }
    let choice = match (goto, language) {
        (Some(target), _) => Choice::Go(target),
        (None, Some(language)) => Choice::Language(language),
        (None, None) if repeat => Choice::Repeat,
        (None, None) => return None,
    };
    Some(((entry.key.to_owned(), choice), said))
}

fn append(phrase: &mut Phrase, more: &Phrase) {
    for (language, clips) in &more.0 {
        phrase.0.entry(language.clone()).or_default().extend_from_slice(clips);
    }
}
