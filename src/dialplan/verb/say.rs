//! `say`: what is put together at the time of the call.

use jiff::civil::Date;

use crate::base::{Clip, Now};
use crate::dialplan::calendar::{local, minutes};
use crate::dialplan::cursor::Cursor;
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::step::{Step, Value};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "say",
    about: "Says a greeting that fits the time of day, a number, digits, a time, a date or opening hours. \
            Exactly one of `what`, `number`, `digits`, `value`, `clock` and `hours` is written.",
    short: Some("what"),
    fields: &[
        Field::optional(
            "what",
            Form::One(&["greeting", "time", "date"]),
            "nothing",
            "`greeting`: good morning (5 to 11), noon (to 13), afternoon (to 18), evening; then, on a holiday of \
             `calendar`, its wish. `time`, `date`: those of the call.",
        ),
        Field::optional("number", Form::Count(0, 999_999_999), "nothing", "Said as a number."),
        Field::optional("digits", Form::Text, "nothing", "Said digit by digit."),
        Field::optional("value", Form::Value, "nothing", "Something known of the call, digit by digit."),
        Field::optional(
            "clock",
            Form::Other("a time of the clock, `\"15:30\"`"),
            "nothing",
            "Said as a time.",
        ),
        Field::optional("hours", Form::Name("calendar"), "nothing", "That calendar's opening hours."),
        Field::optional("calendar", Form::Name("calendar"), "no wish", "Whose holidays a greeting knows."),
        Field::with("twice", Form::Flag, "false", "Digits are said twice, 120 ms apart."),
    ],
    example: r#"[[flow.main]]
say = "greeting"

[[flow.main]]
say = { value = "caller", twice = true }

[[flow.main]]
hang_up = {}
"#,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::dialplan) enum Said {
    Greeting {
        calendar: Option<usize>,
    },
    Time,
    Date,
    Number(u64),
    Digits(String),
    Value(Value),
    /// Minutes of the day.
    Clock(u16),
    Hours(usize),
}

const KINDS: [&str; 6] = ["what", "number", "digits", "value", "clock", "hours"];

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let written: Vec<&str> = KINDS.into_iter().filter(|k| fields.has(k)).collect();
    let [kind] = written[..] else {
        loader.report.mistake(fields.place(), format!("`say` needs exactly one of {}", KINDS.join(", ")));
        return None;
    };
    let said = match kind {
        "what" => match loader.one(fields, "what")? {
            "greeting" => Said::Greeting { calendar: loader.calendar(fields, "calendar") },
            "time" => Said::Time,
            _ => Said::Date,
        },
        "number" => Said::Number(u64::try_from(loader.count_if(fields, "number")?).unwrap_or(0)),
        "digits" => {
            let (text, place) = loader.text(fields, "digits")?;
            if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
                loader.report.mistake(place, "`digits` holds digits only");
            }
            Said::Digits(text)
        }
        "value" => Said::Value(loader.value(fields, "value")?),
        "clock" => {
            let (text, place) = loader.text(fields, "clock")?;
            let at = minutes(&text).filter(|m| *m < 1440);
            if at.is_none() {
                loader.report.mistake(place, "`clock` is a time of the clock such as \"15:30\"");
            }
            Said::Clock(at?)
        }
        _ => {
            let calendar = loader.calendar(fields, "hours")?;
            if let Some((_, written)) = loader.text(fields, "hours")
                && loader.calendars.get(calendar).is_some_and(|c| c.sayable().is_none())
            {
                let reason = "these opening hours cannot be said: they differ between Monday and Friday";
                loader.report.mistake(written, reason).add_help("record a prompt of your own and `play` it");
            }
            Said::Hours(calendar)
        }
    };
    Some(Step::Say { said, twice: loader.flag(fields, "twice") })
}

pub(in crate::dialplan) fn clips(cursor: &Cursor, said: &Said, twice: bool, now: Now) -> Vec<Clip> {
    let plan = &cursor.plan;
    let speech = plan.speech(&cursor.language);
    let digits = |text: &str| if twice { speech.digits_twice(text) } else { speech.digits(text) };
    match said {
        Said::Greeting { calendar } => {
            let today: Option<Date> = local(&plan.zone, now.wall).map(|t| t.date());
            let calendar = calendar.and_then(|c| plan.calendars.get(c));
            let holiday = calendar.zip(today).and_then(|(c, date)| c.holiday(date));
            speech.greeting(now.wall, holiday.and_then(|h| h.greeting.as_deref()))
        }
        Said::Time => speech.time(now.wall),
        Said::Date => speech.date(now.wall),
        Said::Number(n) => speech.number(*n),
        Said::Digits(text) => digits(text),
        Said::Value(value) => cursor.value(value).map(digits).unwrap_or_default(),
        Said::Clock(at) => speech.clock((at / 60) as u8, (at % 60) as u8),
        Said::Hours(calendar) => match plan.calendars.get(*calendar).and_then(|c| c.sayable()) {
            Some((every_day, spans)) => speech.opening_hours(every_day, spans),
            None => Vec::new(),
        },
    }
}
