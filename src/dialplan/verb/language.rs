//! `language`: which language the caller is spoken to in.

use std::time::Duration;

use crate::base::{Clip, Language};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::Phrase;
use crate::dialplan::step::{Choice, MenuSpec, Step, Target};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "language",
    about: "Sets the language of the call, or lets the caller choose: each language asks in its own words \
            (`language/choose`), the first is key 1, the second key 2. No key or another key: the call keeps \
            its language. A call also asks for the skill that a language has.",
    short: Some("set"),
    fields: &[
        Field::optional("set", Form::Name("language"), "nothing", "This language from here on."),
        Field::optional(
            "choose",
            Form::Other("a list of languages"),
            "nothing",
            "The caller chooses among them.",
        ),
        Field::with("first_digit", Form::Time(500, 60_000), "5 s", "How long a key is waited for."),
    ],
    example: r#"[[flow.main]]
language = { choose = ["zh-CN", "en-US"] }

[[flow.main]]
hang_up = {}
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let first_digit = loader.time_or(fields, "first_digit", loader.defaults.first_digit);
    match (loader.text(fields, "set"), fields.get("choose")) {
        (Some(written), None) => loader.language_named(written).map(Step::Language),
        (None, Some(choose)) => {
            let mut offered = Vec::new();
            for each in choose.each() {
                let Some(name) = loader.as_text(each, "a language") else { continue };
                offered.extend(loader.language_named((name.to_owned(), each.place)));
            }
            if !(2..=9).contains(&offered.len()) {
                loader.report.mistake(choose.place, "a choice is between two and nine languages");
                return None;
            }
            Some(Step::Menu(loader.add_menu(menu(loader, &offered, first_digit))))
        }
        _ => {
            loader.report.mistake(fields.place(), "`language` needs either `set` or `choose`");
            None
        }
    }
}

fn menu(loader: &Loader<'_, '_>, offered: &[Language], wait: Duration) -> MenuSpec {
    let asked: Vec<Clip> =
        offered.iter().filter_map(|l| loader.catalog.find(l, "language/choose")).map(Clip::Prompt).collect();
    let prompts = Phrase(loader.languages.iter().map(|l| (l.clone(), asked.clone())).collect());
    let keys = offered.iter().enumerate();
    MenuSpec {
        name: "language".to_owned(),
        prompts,
        keys: keys.map(|(at, l)| ((at + 1).to_string(), Choice::Language(l.clone()))).collect(),
        first_digit: wait,
        between_digits: wait,
        tries: 1,
        invalid: Phrase::default(),
        silent: Phrase::default(),
        too_many: Phrase::default(),
        leaving: Phrase::default(),
        exhausted: Target::Next,
    }
}
