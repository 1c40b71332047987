//! `[box.<name>]`: what becomes of the messages in a box.

use crate::base::Masked;
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::load::Loader;
use crate::dialplan::plan::BoxRule;
use crate::dialplan::source::Entry;

/// Holds for every box that has no table of its own.
pub(in crate::dialplan) const DEFAULT: &str = "default";

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "box.<name>",
    about: "What becomes of the messages in a box: a person's, by extension, or a team's, by the name that \
            `message` gives it. `box.default` is for every box without a table of its own. A message that nobody \
            has done with is reminded of after half its time; after all of it, it goes to the delegate, then to \
            the supervisor, who is reminded until it is done.",
    short: None,
    fields: &[
        Field::with(
            "due",
            Form::Time(1_000, 30 * 24 * 3_600_000),
            "4 h",
            "Within this time it is to be done, or it is passed on.",
        ),
        Field::optional(
            "hours",
            Form::Name("calendar"),
            "day and night",
            "Only these hours count, and only in them is anybody reminded.",
        ),
        Field::with(
            "remind",
            Form::Time(1_000, 30 * 24 * 3_600_000),
            "4 h",
            "How often its last holder is reminded.",
        ),
        Field::optional("delegate", Form::Name("agent"), "the person's own", "Who gets what is overdue."),
        Field::optional("supervisor", Form::Name("agent"), "nobody", "Who gets it then."),
        Field::optional(
            "mail",
            Form::Other("addresses, `[\"wang@bank.example\"]`"),
            "nobody",
            "Who gets a mail with the recording: at once, with each reminder, and when it is passed on to this box.",
        ),
        Field::optional(
            "readers",
            Form::Other("extensions, `[\"1001\", \"1002\"]`"),
            "nobody",
            "Who hears a team's messages at their own desk (`mailbox` with this `box`).",
        ),
    ],
    example: r#"[box.4001]
due = "2 h"
supervisor = "1001"
mail = ["wang@bank.example"]

[box.default]
due = "1 h"
"#,
};

/// What holds where nothing is written.
pub(in crate::dialplan) fn unwritten() -> BoxRule {
    let time = |name| {
        let written = DOC.field(name).map_or("", |field| field.written_default());
        std::time::Duration::from_millis(crate::dialplan::doc::parse_time(written).unwrap_or(0))
    };
    BoxRule { due: time("due"), remind: time("remind"), ..BoxRule::default() }
}

pub(in crate::dialplan) fn read<'a, 's>(loader: &mut Loader<'a, 's>, entry: Entry<'a, 's>) -> BoxRule {
    let fields = loader.open(entry, &DOC);
    let mut mail = Vec::new();
    for written in fields.get("mail").map(|written| written.each()).unwrap_or_default() {
        let Some(address) = loader.as_text(written, "an address") else { continue };
        if is_address(address) {
            mail.push(Masked::from(address));
        } else {
            loader
                .report
                .mistake(written.place, "this is no mail address")
                .add_help("such as `wang@bank.example`");
        }
    }
    let written = fields.get("readers").map(|written| written.each()).unwrap_or_default();
    let named: Vec<_> = written
        .into_iter()
        .filter_map(|one| Some((loader.as_text(one, "an extension")?.to_owned(), one.place)))
        .collect();
    let readers: Vec<_> = named.into_iter().filter_map(|one| loader.agent_named(one)).collect();
    if !readers.is_empty() {
        loader.opened.insert(entry.key.to_owned());
    }
    BoxRule {
        readers,
        due: loader.time(&fields, "due"),
        hours: loader.calendar(&fields, "hours"),
        remind: loader.time(&fields, "remind"),
        delegate: loader.agent(&fields, "delegate"),
        supervisor: loader.agent(&fields, "supervisor"),
        mail,
    }
}

/// What certainly is none is told before it goes live; the rest is the mail server's to say.
fn is_address(text: &str) -> bool {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>()[]\\,;:\"".contains(&byte));
    let parts = text.rsplit_once('@');
    visible
        && parts
            .is_some_and(|(local, domain)| !local.is_empty() && !local.contains('@') && domain.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn addresses() {
        assert!(is_address("wang@bank.example") && is_address("a.b+c@x.y.z"));
        for wrong in
            ["", "wang", "@bank.example", "wang@bank", "a b@c.d", "a@b@c.d", "a@b.c\r\nX: y", "<a@b.c>"]
        {
            assert!(!is_address(wrong), "{wrong}");
        }
    }
}
