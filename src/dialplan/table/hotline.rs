//! `[hotline]` and `[defaults]`: what holds for the whole plan.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::base::Language;
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::load::Loader;
use crate::dialplan::plan::{OfferRules, UrgentRules};
use crate::dialplan::source::Entry;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "hotline",
    about: "The hotline as a whole. There is exactly one.",
    short: None,
    fields: &[
        Field::needed("name", Form::Text, "For screens and records."),
        Field::with(
            "language",
            Form::Text,
            "zh-CN",
            "What a call begins in (a BCP 47 tag: a folder of prompts).",
        ),
        Field::optional(
            "languages",
            Form::Other("a list of languages"),
            "`language` alone",
            "Every prompt that the plan names must exist in each.",
        ),
        Field::with(
            "time_zone",
            Form::Text,
            "Asia/Shanghai",
            "An IANA name; calendars and spoken times go by it.",
        ),
        Field::optional(
            "operator",
            Form::Name("flow"),
            "none",
            "Where a caller goes who cannot work a menu: it leads to a person.",
        ),
        Field::optional(
            "main_numbers",
            Form::Name("list"),
            "none",
            "Main numbers of companies, at which nobody in particular is called back: never read out to a caller \
             who leaves a message, who keys in their own instead.",
        ),
        Field::with(
            "rest_refused",
            Form::Time(0, 600_000),
            "10 s",
            "How long an agent who has refused a caller is offered nobody: they are about to do something else.",
        ),
        Field::with(
            "rest_busy",
            Form::Time(0, 600_000),
            "30 s",
            "The same after the phone said that it is in use: a call that no queue gave takes longer.",
        ),
        Field::with(
            "rest_no_answer",
            Form::Time(0, 600_000),
            "15 s",
            "The same after nobody answered, or the phone could not be reached: the line goes on without them meanwhile. \
             `ready`, by key or command, ends any rest.",
        ),
        Field::with(
            "no_answers",
            Form::Count(1, 20),
            "2",
            "After so many calls in a row that nobody answered the agent is away (no answer) until they are `ready`: \
             one may be missed by anybody, but nobody sits at a desk that misses more.",
        ),
        Field::with(
            "more_time",
            Form::Time(1_000, 3_600_000),
            "40 s",
            "What an agent's one request for more time (`*15`) adds to a wrap-up.",
        ),
        Field::with(
            "urgent_wait",
            Form::Time(5_000, 120_000),
            "20 s",
            "How long an urgent caller waits for the answer of who is asked: then whoever takes their calls, else a \
             message.",
        ),
        Field::with(
            "urgent_most",
            Form::Count(1, 100),
            "3",
            "So often one person is asked at most within `urgent_within`, by whomever; one caller at a time. Further \
             callers are told that it is not possible now: a meeting that is disturbed every minute is none.",
        ),
        Field::with("urgent_within", Form::Time(60_000, 86_400_000), "1 h", "For `urgent_most`."),
        Field::with(
            "urgent_shows_number",
            Form::Flag,
            "false",
            "Whether the text on the phone has the caller's number in full: it stays on the phone, and others may see \
             it. The display of a phone that rings has it in any case.",
        ),
    ],
    example: r#"[hotline]
name = "Example Bank"
language = "zh-CN"
languages = ["zh-CN", "en-US"]
time_zone = "Asia/Shanghai"
operator = "consultation"

[[flow.consultation]]
queue = "consultation"
"#,
};

pub(in crate::dialplan) const DEFAULTS: Doc = Doc {
    name: "defaults",
    about: "Inherited by every menu and verb that has the field and does not write it.",
    short: None,
    fields: &[
        Field::with("first_digit", Form::Time(500, 60_000), "5 s", "How long the first digit is waited for."),
        Field::with(
            "between_digits",
            Form::Time(500, 60_000),
            "3 s",
            "How long each further one is waited for.",
        ),
        Field::with("tries", Form::Count(1, 9), "3", "How often a menu or a number is asked for."),
        Field::with("ring", Form::Time(3_000, 120_000), "15 s", "How long one phone rings."),
    ],
    example: r#"[defaults]
first_digit = "7 s"
tries = 2
"#,
};

/// What `[defaults]` says; `None` where it says nothing.
#[derive(Clone, Copy, Default, Debug)]
pub(in crate::dialplan) struct Defaults {
    pub(in crate::dialplan) first_digit: Option<Duration>,
    pub(in crate::dialplan) between_digits: Option<Duration>,
    pub(in crate::dialplan) tries: Option<i64>,
    pub(in crate::dialplan) ring: Option<Duration>,
}

/// Sets what `[hotline]` says in the plan in the making.
pub(in crate::dialplan) fn read<'a, 's>(loader: &mut Loader<'a, 's>, whole: Entry<'a, 's>) {
    let fields = loader.open(whole, &DOC);
    loader.name = loader.text(&fields, "name").map(|(name, _)| name).unwrap_or_default();
    loader.hotline = Some(whole.key_place);
    let existing = loader.catalog.languages();
    let mut written = Vec::new();
    written.extend(loader.text(&fields, "language"));
    if let Some(list) = fields.get("languages") {
        for each in list.each() {
            let name = loader.as_text(each, "a language");
            written.extend(name.map(|n| (n.to_owned(), each.place)));
        }
    } else if written.is_empty() {
        written.push(("zh-CN".to_owned(), fields.place()));
    }
    for (name, place) in written {
        let language = Language(name);
        if !existing.contains(&language) {
            let reason = format!("there are no prompts in `{language}`");
            let known: Vec<&str> = existing.iter().map(|l| l.0.as_str()).collect();
            loader.report.unknown(place, reason, &language.0, known);
        } else if !loader.languages.contains(&language) {
            loader.languages.push(language);
        }
    }
    let own = fields.get("language").is_none().then(|| Language::new("zh-CN"));
    let own = own.filter(|l| loader.languages.contains(l));
    if let Some(language) = own.or_else(|| loader.languages.first().cloned()) {
        loader.language = language;
    }
    if let Some((name, place)) = loader.text(&fields, "time_zone") {
        match TimeZone::get(&name) {
            Ok(zone) => loader.zone = zone,
            Err(_) => {
                let reason = format!("there is no time zone `{name}`");
                loader.report.mistake(place, reason).add_help("an IANA name such as `Asia/Shanghai`");
            }
        }
    }
    loader.main_numbers = loader.list(&fields, "main_numbers");
    loader.offers = OfferRules {
        rest_refused: loader.time(&fields, "rest_refused"),
        rest_busy: loader.time(&fields, "rest_busy"),
        rest_no_answer: loader.time(&fields, "rest_no_answer"),
        no_answers: u32::try_from(loader.count(&fields, "no_answers")).unwrap_or(1),
        more_time: loader.time(&fields, "more_time"),
    };
    loader.urgent = UrgentRules {
        wait: loader.time(&fields, "urgent_wait"),
        most: u32::try_from(loader.count(&fields, "urgent_most")).unwrap_or(1),
        within: loader.time(&fields, "urgent_within"),
        shows_number: loader.flag(&fields, "urgent_shows_number"),
    };
    if let Some(written) = fields.get("operator") {
        loader.operator = loader.as_target(written, "`operator`");
        // A name that is wrong is one mistake, not one at each menu.
        loader.operator_written = true;
    }
}

pub(in crate::dialplan) fn read_defaults<'a, 's>(loader: &mut Loader<'a, 's>, whole: Entry<'a, 's>) {
    let fields = loader.open(whole, &DEFAULTS);
    loader.defaults = Defaults {
        first_digit: loader.time_if(&fields, "first_digit"),
        between_digits: loader.time_if(&fields, "between_digits"),
        tries: loader.count_if(&fields, "tries"),
        ring: loader.time_if(&fields, "ring"),
    };
}
