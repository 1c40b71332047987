//! `goto`: another flow.

use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::step::Step;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "goto",
    about: "Goes on at the beginning of another flow and does not come back.",
    short: Some("flow"),
    fields: &[Field::needed("flow", Form::Name("flow"), "Which one.")],
    example: r#"[[flow.main]]
goto = "closing"

[[flow.closing]]
hang_up = {}
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    loader.target(fields, "flow").map(Step::Goto)
}
