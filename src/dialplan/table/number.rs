//! `[numbers]`: what is dialled.

use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::load::Loader;
use crate::dialplan::pattern::Pattern;
use crate::dialplan::plan::Number;
use crate::dialplan::source::Entry;
use crate::dialplan::step::Target;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "numbers.<number>",
    about: "A number that is served and the flow behind it. `X` is any one digit, a dot at the end any further \
            digits (at least one); the most literal number wins. What is not listed is refused (404).",
    short: Some("flow"),
    fields: &[
        Field::needed("flow", Form::Name("flow"), "Where the call begins."),
        Field::with(
            "from",
            Form::One(&["callers", "desks"]),
            "callers",
            "`desks`: only agents' phones may dial it; numbers of callers can be dialled by both.",
        ),
        Field::optional("title", Form::Text, "none", "What it is for, as shown at start."),
    ],
    example: r#"[numbers]
10000 = "main"
"*13" = { flow = "ready", from = "desks", title = "ready" }

[[flow.main]]
queue = "consultation"

[[flow.ready]]
presence = "ready"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(loader: &mut Loader<'a, 's>, entry: Entry<'a, 's>) -> Option<Number> {
    let fields = loader.open(entry, &DOC);
    let pattern = Pattern::parse(entry.key);
    if let Err(reason) = &pattern {
        loader.report.mistake(entry.key_place, *reason);
    }
    let desks = loader.one(&fields, "from") == Some("desks");
    let title = loader.text(&fields, "title").map(|(title, _)| title).unwrap_or_default();
    match (pattern, loader.target(&fields, "flow")?) {
        (Ok(pattern), Target::Flow(flow)) => Some(Number { pattern, desks, flow, title }),
        _ => None,
    }
}
