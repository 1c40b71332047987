//! `hang_up`: a closing phrase, then the end.

use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::step::Step;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "hang_up",
    about: "Says a closing phrase and ends the call. There is no way to hang up without one.",
    short: Some("phrase"),
    fields: &[Field::with("phrase", Form::Prompts, "goodbye/thanks", "What is said last.")],
    example: r#"[[flow.main]]
hang_up = "goodbye/nice-day"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let phrase = loader.prompts(fields, "phrase");
    if let Some(written) = fields.get("phrase").filter(|w| w.each().is_empty()) {
        loader.report.mistake(written.place, "the caller hears a closing phrase before the line is closed");
    }
    Some(Step::HangUp { phrase })
}
