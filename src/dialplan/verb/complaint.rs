//! `complaint`: how things stand with a complaint, by its number.

use crate::dialplan::action::Action;
use crate::dialplan::cursor::{Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::step::{Step, Target};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "complaint",
    about: "Asks for the number of a complaint and says how things stand with it; to who calls from the customer's \
            number also by when there is a result. The last digit proves the others, so that a number that is keyed \
            wrong is nobody else's. A complaint is made by `message` with `complaint`, or by the agent's key (`*9`) or \
            `hotline complaint accept`.",
    short: None,
    fields: &[
        Field::with("tries", Form::Count(1, 9), "3", "How often the number may be keyed in."),
        Field::optional("on_unknown", Form::Name("flow"), "the next step", "None of them was a complaint's."),
    ],
    example: r#"[[flow.main]]
complaint = { on_unknown = "agent" }

[[flow.main]]
hang_up = "goodbye/thanks"

[[flow.agent]]
queue = "consultation"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let on_unknown = loader.target(fields, "on_unknown").unwrap_or_default();
    Some(Step::Complaint { tries: loader.tries(fields), on_unknown })
}

pub(in crate::dialplan) fn begin(cursor: &mut Cursor, tries: u8, out: &mut Vec<Action>) -> Turn {
    cursor.ahead.clear();
    out.push(Action::Complaint { tries });
    cursor.stay(Stage::Inquiring)
}

pub(in crate::dialplan) fn told(cursor: &mut Cursor, on_unknown: Target, found: bool) -> Turn {
    cursor.by(if found { By::Found } else { By::Missing });
    Turn::Go(if found { Target::Next } else { on_unknown })
}
