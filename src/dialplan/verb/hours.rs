//! `hours`: open, closed or a holiday.

use crate::base::Now;
use crate::dialplan::calendar::Hours;
use crate::dialplan::cursor::{Cursor, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::step::{Step, Target};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "hours",
    about: "Goes by a calendar: on with the next step while it is open, elsewhere when it is not.",
    short: None,
    fields: &[
        Field::needed("calendar", Form::Name("calendar"), "Whose hours."),
        Field::needed("closed", Form::Name("flow"), "Outside the hours."),
        Field::optional(
            "holiday",
            Form::Name("flow"),
            "as `closed`",
            "On a public holiday, whatever the hour.",
        ),
        Field::optional("open", Form::Name("flow"), "the next step", "Within the hours."),
    ],
    example: r#"[[flow.main]]
hours = { calendar = "service", closed = "closed" }

[[flow.main]]
hang_up = {}

[[flow.closed]]
play = "closed/after-hours"

[[flow.closed]]
hang_up = {}
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let calendar = loader.calendar(fields, "calendar");
    let open = loader.target(fields, "open").unwrap_or_default();
    let closed = loader.target(fields, "closed");
    let holiday = loader.target(fields, "holiday").or(closed);
    Some(Step::Hours { calendar: calendar?, open, closed: closed?, holiday: holiday? })
}

pub(in crate::dialplan) fn run(
    cursor: &mut Cursor,
    calendar: usize,
    now: Now,
    [open, closed, holiday]: [Target; 3],
) -> Turn {
    let plan = cursor.plan.clone();
    let hours = plan.calendars.get(calendar).map_or(Hours::Closed, |c| c.hours(&plan.zone, now.wall));
    let (by, target) = match hours {
        Hours::Open => (By::Open, open),
        Hours::Closed => (By::Closed, closed),
        Hours::Holiday => (By::Holiday, holiday),
    };
    cursor.by(by);
    Turn::Go(target)
}
