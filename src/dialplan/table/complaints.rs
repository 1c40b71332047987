//! `[complaints]`: whose complaints are, and by when they are answered.

use std::time::Duration;

use super::agent::telephone_patterns;
use crate::dialplan::doc::{Doc, Field, Form, parse_time};
use crate::dialplan::load::Loader;
use crate::dialplan::plan::{ComplaintRule, FollowUpRule};
use crate::dialplan::source::Entry;

const DAY_MS: u64 = 24 * 3_600_000;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "complaints",
    about: "What holds for every complaint: whose it is, by when there is an answer, and who is told when it is late. Its \
            owner is told in their message box, as are whoever a message is passed on to: lamp, mail, web hook. Without \
            this table complaints are accepted all the same; nobody owns those that no agent has taken.",
    short: None,
    fields: &[
        Field::optional(
            "owner",
            Form::Name("agent"),
            "nobody",
            "Whose a complaint is that was left as a message. Who accepts one in a talk owns it.",
        ),
        Field::optional(
            "supervisor",
            Form::Name("agent"),
            "nobody",
            "Who is told of what is late or not solved.",
        ),
        Field::optional(
            "hours",
            Form::Name("calendar"),
            "day and night",
            "Only these hours count for the first answer, and only in them is anybody told or called.",
        ),
        Field::with(
            "answer_within",
            Form::Time(60_000, 30 * DAY_MS),
            "1 h",
            "The first answer, counted in these hours.",
        ),
        Field::with("result_days", Form::Count(1, 90), "15", "The result, in days."),
        Field::with(
            "most_days",
            Form::Count(1, 365),
            "30",
            "A hard case may take so long: `hotline complaint N due` goes no further.",
        ),
        Field::with("remind_days", Form::Count(0, 90), "2", "So many days before it the owner is reminded."),
        Field::with(
            "remind",
            Form::Time(60_000, 30 * DAY_MS),
            "24 h",
            "How often the supervisor is told of one that is late.",
        ),
        Field::optional(
            "follow_up_to",
            Form::Other("a list of numbers or patterns"),
            "nobody",
            "Whom the hotline calls to ask whether it is solved, by patterns as in `may_call`: these calls cost the house \
             money. Else the owner closes it by hand.",
        ),
        Field::optional(
            "follow_up_trunk",
            Form::Text,
            "one that carries the number",
            "The trunk of the configuration file that these calls go over.",
        ),
        Field::with(
            "follow_up_after",
            Form::Time(60_000, 30 * DAY_MS),
            "24 h",
            "So long after it was called solved.",
        ),
        Field::with(
            "follow_up_tries",
            Form::Count(1, 10),
            "3",
            "Busy, no answer, or nobody who presses a key: after so many tries its owner is told.",
        ),
        Field::with("follow_up_every", Form::Time(60_000, 7 * DAY_MS), "4 h", "From one try to the next."),
        Field::with(
            "follow_up_ring",
            Form::Time(5_000, 90_000),
            "25 s",
            "How long the customer's phone rings.",
        ),
    ],
    example: r#"[complaints]
owner = "1001"
result_days = 10
follow_up_to = ["1[3-9]xxxxxxxxx"]
"#,
};

/// What holds where nothing is written.
pub(in crate::dialplan) fn unwritten() -> ComplaintRule {
    let written = |name| DOC.field(name).map_or("", |field| field.written_default());
    let time = |name| Duration::from_millis(parse_time(written(name)).unwrap_or(0));
    let days = |name| written(name).parse().unwrap_or(0);
    ComplaintRule {
        answer_within: time("answer_within"),
        result_days: days("result_days"),
        most_days: days("most_days"),
        remind_days: days("remind_days"),
        remind: time("remind"),
        ..ComplaintRule::default()
    }
}

pub(in crate::dialplan) fn read<'a, 's>(loader: &mut Loader<'a, 's>, whole: Entry<'a, 's>) -> ComplaintRule {
    let fields = loader.open(whole, &DOC);
    let result_days = days(loader.count(&fields, "result_days"));
    let most_days = days(loader.count(&fields, "most_days"));
    if result_days > most_days {
        let reason = "`result_days` is at most `most_days`";
        loader
            .report
            .mistake(fields.get("result_days").map_or(fields.place(), |written| written.place), reason);
    }
    let trunk = loader.text(&fields, "follow_up_trunk").map(|(trunk, place)| {
        loader.known_trunk(&trunk, place);
        trunk
    });
    let to = telephone_patterns(loader, &fields, "follow_up_to", "a number that is called");
    let follow_up = FollowUpRule {
        to,
        trunk,
        after: loader.time(&fields, "follow_up_after"),
        tries: days(loader.count(&fields, "follow_up_tries")),
        every: loader.time(&fields, "follow_up_every"),
        ring: loader.time(&fields, "follow_up_ring"),
    };
    ComplaintRule {
        owner: loader.agent(&fields, "owner"),
        supervisor: loader.agent(&fields, "supervisor"),
        hours: loader.calendar(&fields, "hours"),
        answer_within: loader.time(&fields, "answer_within"),
        result_days,
        most_days,
        remind_days: days(loader.count(&fields, "remind_days")),
        remind: loader.time(&fields, "remind"),
        follow_up: Some(follow_up).filter(|rule| !rule.to.is_empty()),
    }
}

fn days(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(0)
}
