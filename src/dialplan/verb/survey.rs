//! `survey`: the caller rates the talk that is over.

use crate::base::AgentId;
use crate::dialplan::action::Action;
use crate::dialplan::cursor::{Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::step::{Step, SurveySpec};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "survey",
    about: "Who stays on the line when the agent has gone is asked for a mark from 1 to 5, by a key. The agent is free \
            meanwhile. Marks are in the call's record and in `hotline surveys`; a low one is at once in a supervisor's \
            message box, with the call's number. Stands after `queue` or `dial`; without a talk it asks nothing. Goes on \
            with the next step.",
    short: None,
    fields: &[
        Field::with(
            "after_talk",
            Form::Time(0, 600_000),
            "20 s",
            "Who has talked for less has nothing to rate.",
        ),
        Field::with("once_in", Form::Time(0, 720 * 3_600_000), "24 h", "Nobody is asked twice in this time."),
        Field::with("solved", Form::Flag, "false", "Whether the matter is solved is asked, too."),
        Field::with("low", Form::Count(0, 4), "2", "This mark, and those below it, are low; 0: none is."),
        Field::optional(
            "low_to",
            Form::Name("agent"),
            "the supervisor of `[complaints]`",
            "In whose message box a low mark is.",
        ),
    ],
    example: r#"[[flow.main]]
queue = "consultation"

[[flow.main]]
survey = { solved = true }

[[flow.main]]
hang_up = "goodbye/thanks"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    Some(Step::Survey(SurveySpec {
        after_talk: loader.time(fields, "after_talk"),
        once_in: loader.time(fields, "once_in"),
        solved: loader.flag(fields, "solved"),
        low: u8::try_from(loader.count(fields, "low")).unwrap_or(0),
        low_to: loader.agent(fields, "low_to"),
    }))
}

pub(in crate::dialplan) fn begin(cursor: &mut Cursor, spec: SurveySpec, out: &mut Vec<Action>) -> Turn {
    let SurveySpec { after_talk, once_in, solved, low, low_to } = spec;
    let low_to: Option<AgentId> = low_to.or(cursor.plan.complaints().supervisor());
    cursor.ahead.clear();
    out.push(Action::Survey { after_talk, once_in, solved, low, low_to });
    cursor.stay(Stage::Surveying)
}
