//! `[skill.<name>]`: what agents can be asked for.

use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::load::Loader;
use crate::dialplan::plan::Skill;
use crate::dialplan::source::Entry;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "skill.<name>",
    about: "Something that agents can do, each at a level from 1 (knows the subject) to 9 (expert).",
    short: None,
    fields: &[
        Field::with(
            "value",
            Form::Count(0, 9),
            "0",
            "How much who has it is worth sparing for callers who ask for it (VIP 4, complaint 2).",
        ),
        Field::with("reserve", Form::Count(0, 90), "0", "Percent of them kept free of callers worth less."),
        Field::optional(
            "language",
            Form::Name("language"),
            "none",
            "Asked for by every call in this language.",
        ),
    ],
    example: r#"[skill.english]
language = "en-US"

[skill.vip]
value = 4
reserve = 20
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(loader: &mut Loader<'a, 's>, entry: Entry<'a, 's>) -> Skill {
    let fields = loader.open(entry, &DOC);
    Skill {
        name: entry.key.to_owned(),
        value: u8::try_from(loader.count(&fields, "value")).unwrap_or(0),
        reserve: u8::try_from(loader.count(&fields, "reserve")).unwrap_or(0),
        language: loader.text(&fields, "language").and_then(|written| loader.language_named(written)),
    }
}
