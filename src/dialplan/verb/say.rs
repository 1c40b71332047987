//! `say`: what is put together at the time of the call.

use jiff::civil::Date;

use crate::base::{Clip, Now};
use crate::dialplan::calendar::{local, minutes};
use crate::dialplan::cursor::Cursor;
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::speech::Speech;
use crate::dialplan::step::{Step, Value};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "say",
    about: "Says a greeting that fits the time of day, a number, an amount of money, an ordinal, digits, a telephone \
            number, a time, a date or opening hours, as people of the caller's language say it. Exactly one of `what`, \
            `number`, `amount`, `ordinal`, `digits`, `telephone`, `value`, `clock` and `hours` is written.",
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
        Field::optional(
            "amount",
            Form::Text,
            "nothing",
            "Yuan, and hundredths after a dot: `\"12.50\"` is 十二元五角.",
        ),
        Field::optional("ordinal", Form::Count(1, 999), "nothing", "Said as first, second, third."),
        Field::optional("digits", Form::Text, "nothing", "Said digit by digit."),
        Field::optional(
            "telephone",
            Form::Text,
            "nothing",
            "Said digit by digit in the groups of a telephone number: `\"4008095588\"` in 3, 3 and 4.",
        ),
        Field::optional("value", Form::Value, "nothing", "Something known of the call, see `as`."),
        Field::with(
            "as",
            Form::One(&["digits", "telephone", "number", "amount", "ordinal", "time", "date"]),
            "digits",
            "How `value` is said. `time` is `1530`, `date` is `20051001`, `amount` is `12.50`. What a value is not is said \
             digit by digit.",
        ),
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
say = { value = "caller", as = "telephone", twice = true }

[[flow.main]]
say = { amount = "12.50" }

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
    /// Yuan and hundredths.
    Amount(u64, u8),
    Ordinal(u64),
    Digits(String),
    Telephone(String),
    Value(Value, As),
    /// Minutes of the day.
    Clock(u16),
    Hours(usize),
}

/// How something known of the call is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::dialplan) enum As {
    Digits,
    Telephone,
    Number,
    Amount,
    Ordinal,
    Time,
    Date,
}

impl As {
    /// As it is written.
    pub(in crate::dialplan) const fn name(self) -> &'static str {
        match self {
            As::Digits => "digits",
            As::Telephone => "telephone",
            As::Number => "number",
            As::Amount => "amount",
            As::Ordinal => "ordinal",
            As::Time => "time",
            As::Date => "date",
        }
    }
}

const KINDS: [&str; 9] =
    ["what", "number", "amount", "ordinal", "digits", "telephone", "value", "clock", "hours"];

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
        "amount" => {
            let (text, place) = loader.text(fields, "amount")?;
            let amount = parse_amount(&text);
            if amount.is_none() {
                let reason = "`amount` is yuan, with two digits after a dot where there are fen";
                loader.report.mistake(place, reason).add_help("write \"12.50\"");
            }
            let (yuan, fen) = amount?;
            Said::Amount(yuan, fen)
        }
        "ordinal" => Said::Ordinal(u64::try_from(loader.count_if(fields, "ordinal")?).unwrap_or(1)),
        "telephone" => {
            let (text, place) = loader.text(fields, "telephone")?;
            let good = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ');
            if !text.contains(|c: char| c.is_ascii_digit()) || !text.chars().all(good) {
                loader.report.mistake(place, "`telephone` is a telephone number");
            }
            Said::Telephone(text)
        }
        "value" => {
            let how = match loader.one(fields, "as") {
                Some("telephone") => As::Telephone,
                Some("number") => As::Number,
                Some("amount") => As::Amount,
                Some("ordinal") => As::Ordinal,
                Some("time") => As::Time,
                Some("date") => As::Date,
                _ => As::Digits,
            };
            Said::Value(loader.value(fields, "value")?, how)
        }
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
    if let Some(written) = fields.get("as").filter(|_| kind != "value") {
        loader.report.mistake(written.place, format!("`as` goes with `value`, not with `{kind}`"));
    }
    Some(Step::Say { said, twice: loader.flag(fields, "twice") })
}

/// Yuan and hundredths: `12`, `12.5`, `12.50`.
fn parse_amount(text: &str) -> Option<(u64, u8)> {
    let (yuan, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(yuan) || !digits(rest) || rest.len() > 2 {
        return None;
    }
    let hundredths = rest.parse::<u8>().ok()? * if rest.len() == 1 { 10 } else { 1 };
    Some((yuan.parse().ok()?, hundredths))
}

/// As it is meant, where it can be said so.
fn said_as(speech: &Speech, text: &str, how: As) -> Option<Vec<Clip>> {
    Some(match how {
        As::Digits => return None,
        As::Telephone => speech.telephone(text),
        As::Number => speech.number(text.parse().ok()?),
        As::Ordinal => speech.ordinal(text.parse().ok()?),
        As::Amount => parse_amount(text).map(|(yuan, fen)| speech.amount(yuan, fen))?,
        As::Time => {
            let at = minutes(&format!("{}:{}", text.get(..2)?, text.get(2..)?)).filter(|at| *at < 1440)?;
            speech.clock((at / 60) as u8, (at % 60) as u8)
        }
        As::Date => {
            let (year, month, day) = (text.get(..4)?, text.get(4..6)?, text.get(6..)?);
            speech.full_date(Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?)
        }
    })
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
        Said::Amount(yuan, fen) => speech.amount(*yuan, *fen),
        Said::Ordinal(n) => speech.ordinal(*n),
        Said::Telephone(text) if twice => speech.telephone_twice(text),
        Said::Telephone(text) => speech.telephone(text),
        Said::Value(value, As::Telephone) if twice => {
            cursor.value(value).map(|text| speech.telephone_twice(text)).unwrap_or_default()
        }
        Said::Value(value, how) => {
            let known = cursor.value(value);
            known.map(|text| said_as(&speech, text, *how).unwrap_or_else(|| digits(text))).unwrap_or_default()
        }
        Said::Clock(at) => speech.clock((at / 60) as u8, (at % 60) as u8),
        Said::Hours(calendar) => match plan.calendars.get(*calendar).and_then(|c| c.sayable()) {
            Some((every_day, spans)) => speech.opening_hours(every_day, spans),
            None => Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_yuan_and_hundredths() {
        for (text, amount) in [("12", (12, 0)), ("12.5", (12, 50)), ("12.05", (12, 5)), ("0.99", (0, 99))] {
            assert_eq!(parse_amount(text), Some(amount), "{text}");
        }
        for text in ["", ".", "1.", ".5", "-1", "1.234", "1,50", "1.5x", "99999999999999999999"] {
            assert_eq!(parse_amount(text), None, "{text}");
        }
    }
}
