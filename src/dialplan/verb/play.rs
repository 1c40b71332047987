//! `play`: recordings, one after the other.

use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::step::Step;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "play",
    about: "Plays recordings. A key ends them and is kept for the next menu.",
    short: Some("prompts"),
    fields: &[
        Field::needed("prompts", Form::Prompts, "What is played, in the caller's language."),
        Field::with(
            "interrupt",
            Form::Flag,
            "true",
            "Whether a key ends it; `false` for what must be heard.",
        ),
    ],
    example: r#"[[flow.main]]
play = ["greeting/welcome", "greeting/at-your-service"]

[[flow.main]]
play = { prompts = "notice/recording", interrupt = false }

[[flow.main]]
hang_up = {}
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let phrase = loader.prompts(fields, "prompts");
    Some(Step::Play { phrase, interrupt: loader.flag(fields, "interrupt") })
}
