//! `lookup`: whether a number is on a list.

use crate::dialplan::cursor::{Cursor, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::step::{Step, Target, Value};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "lookup",
    about: "Looks a number up in a list. A hit gives the call the list's grade and, where the entry has one, \
            the caller's own manager (known as `manager` from then on).",
    short: None,
    fields: &[
        Field::needed("list", Form::Name("list"), "Which list."),
        Field::with("by", Form::Value, "caller", "What is looked up."),
        Field::optional("found", Form::Name("flow"), "the next step", "When it is on the list."),
        Field::optional("missing", Form::Name("flow"), "the next step", "When it is not."),
    ],
    example: r#"[[flow.main]]
lookup = { list = "vip", found = "vip" }

[[flow.main]]
hang_up = {}

[[flow.vip]]
queue = "consultation"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let list = loader.list(fields, "list");
    let by = loader.value(fields, "by");
    let found = loader.target(fields, "found").unwrap_or_default();
    let missing = loader.target(fields, "missing").unwrap_or_default();
    if !fields.has("found") && !fields.has("missing") {
        loader.report.mistake(fields.place(), "`lookup` needs `found`, `missing` or both");
    }
    Some(Step::Lookup { list: list?, by: by?, found, missing })
}

pub(in crate::dialplan) fn run(
    cursor: &mut Cursor,
    list: usize,
    by: &Value,
    found: Target,
    missing: Target,
) -> Turn {
    let plan = cursor.plan.clone();
    let list = plan.lists.get(list);
    let entry = cursor.value(by).and_then(|number| list?.find(number));
    let (Some(entry), Some(list)) = (entry, list) else {
        cursor.by(By::Missing);
        return Turn::Go(missing);
    };
    cursor.by(By::Found);
    if list.grade.is_some() {
        cursor.grade.clone_from(&list.grade);
    }
    if entry.manager.is_some() {
        cursor.manager = entry.manager;
    }
    Turn::Go(found)
}
