//! `[calendar.<name>]` and `[holidays.<name>.<year>]`.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use toml::de::DeValue;

use crate::dialplan::calendar::{Calendar, Holiday, Span, Year, weekday};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::source::{Entry, Written};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "calendar.<name>",
    about: "Opening hours by weekday (`mon`, `mon-fri`, `sat-sun` …), each one span or a list of them; a day \
            that is not written is closed. With `holidays`, public holidays are closed and weekend days worked \
            in exchange have the hours of `workday`. A year that nobody has entered goes by its weekdays, and \
            the daemon says so: holidays are never guessed.",
    short: None,
    fields: &[
        Field::needed("open", Form::Other("spans by weekday, `{ mon-fri = \"09:00-18:00\" }`"), "The week."),
        Field::optional("workday", Form::Other("spans"), "Monday's", "Hours of a worked weekend day."),
        Field::optional("holidays", Form::Name("holidays"), "none are kept", "Whose holidays."),
    ],
    example: r#"[calendar.office]
open = { mon-fri = ["09:00-12:00", "13:30-18:00"], sat = "09:00-12:00" }
"#,
};

pub(in crate::dialplan) const YEAR: Doc = Doc {
    name: "holidays.<name>.<year>",
    about: "What the authorities have published for one year; one file a year keeps them apart.",
    short: None,
    fields: &[
        Field::needed("source", Form::Text, "Where it was published."),
        Field::needed("days", Form::Other("a list of holidays"), "The holidays."),
        Field::optional(
            "workdays",
            Form::Other("a list of dates"),
            "none",
            "Weekend days worked in exchange.",
        ),
    ],
    example: r#"[holidays.china.2026]
source = "the notice"
days = [{ from = 2026-10-01, to = 2026-10-07, greeting = "greeting/national-day" }]
workdays = [2026-09-20, 2026-10-10]

[calendar.office]
open = { mon-fri = "09:00-18:00" }
holidays = "china"
"#,
};

pub(in crate::dialplan) const HOLIDAY: Doc = Doc {
    name: "holidays.<name>.<year>.days",
    about: "One holiday.",
    short: None,
    fields: &[
        Field::needed("from", Form::Other("a date, `2026-10-01`"), "The first day."),
        Field::optional("to", Form::Other("a date"), "`from`", "The last day."),
        Field::optional(
            "greeting",
            Form::Text,
            "`greeting/happy-holiday`",
            "The prompt that wishes callers well; empty for none.",
        ),
    ],
    example: r#"[holidays.china.2026]
source = "the notice"
days = [{ from = 2026-01-01, to = 2026-01-03, greeting = "greeting/happy-new-year" }]
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    entry: Entry<'a, 's>,
    holidays: &BTreeMap<String, BTreeMap<i16, Year>>,
) -> Calendar {
    let fields = loader.open(entry, &DOC);
    let mut calendar = Calendar { name: entry.key.to_owned(), ..Calendar::default() };
    calendar.week = week(loader, &fields);
    calendar.workday = match fields.get("workday") {
        Some(written) => loader.report.spans(written, "opening hours"),
        None => calendar.week[0].clone(),
    };
    if let Some((name, place)) = loader.text(&fields, "holidays") {
        match holidays.get(&name) {
            Some(years) => {
                calendar.years.clone_from(years);
                calendar.keeps_holidays = true;
            }
            None => {
                let reason = format!("there are no holidays `{name}`");
                loader.report.unknown(place, reason, &name, holidays.keys().map(String::as_str));
            }
        }
    }
    calendar
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn week<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>) -> [Vec<Span>; 7] {
    let mut week: [Vec<Span>; 7] = Default::default();
    let Some(written) = fields.get("open") else { return week };
    let Some(entries) = written.entries() else {
        loader.wrong(written, "`open`", "a table of spans by weekday");
        return week;
    };
    let mut taken = [false; 7];
    for entry in entries {
        let (first, last) = entry.key.split_once('-').unwrap_or((entry.key, entry.key));
        let index = |day: &str| weekday(day).map(|d| d.to_monday_zero_offset() as usize % 7);
        let (Some(first), Some(last)) = (index(first), index(last)) else {
            let reason = format!("`{}` is no weekday", entry.key);
            loader.report.unknown(entry.key_place, reason, entry.key, DAYS);
            continue;
        };
        if first > last {
            loader.report.mistake(entry.key_place, "a span of weekdays goes forward within one week");
            continue;
        }
        let spans = loader.report.spans(entry.value, "opening hours");
        for day in first..=last {
            if std::mem::replace(&mut taken[day], true) {
                let reason = format!("{} has its hours twice", DAYS[day]);
                loader.report.mistake(entry.key_place, reason);
            }
            week[day].clone_from(&spans);
        }
    }
    week
}

/// One year of `holidays.<name>`.
pub(in crate::dialplan) fn read_year<'a, 's>(
    loader: &mut Loader<'a, 's>,
    entry: Entry<'a, 's>,
) -> Option<(i16, Year)> {
    let fields = loader.open(entry, &YEAR);
    let number = entry.key.parse::<i16>().ok().filter(|y| (1990..=2200).contains(y));
    if number.is_none() {
        loader.report.mistake(entry.key_place, format!("`{}` is no year", entry.key));
    }
    let number = number?;
    let source = loader.text(&fields, "source").map(|(source, _)| source).unwrap_or_default();
    let mut year = Year { source, ..Year::default() };
    for written in fields.get("days").map(Written::each).unwrap_or_default() {
        let Some(one) = holiday(loader, written, number) else { continue };
        if let Some(other) = year.holidays.iter().find(|other| one.from <= other.to && other.from <= one.to) {
            let reason = format!("this holiday and that from {} to {} overlap", other.from, other.to);
            loader.report.mistake(written.place, reason);
        }
        year.holidays.push(one);
    }
    for written in fields.get("workdays").map(Written::each).unwrap_or_default() {
        let Some(date) = date(loader, written, number) else { continue };
        if year.holidays.iter().any(|h| (h.from..=h.to).contains(&date)) {
            loader.report.mistake(written.place, format!("{date} is also a holiday"));
        }
        if !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            let reason =
                format!("{date} is a {:?}: only weekend days are worked in exchange", date.weekday());
            loader.report.warning(written.place, reason);
        }
        year.workdays.insert(date);
    }
    Some((number, year))
}

fn holiday<'a, 's>(loader: &mut Loader<'a, 's>, written: Written<'a, 's>, year: i16) -> Option<Holiday> {
    let whole = Entry { key: "days", key_place: written.place, value: written };
    let fields = loader.open(whole, &HOLIDAY);
    let from = fields.get("from").and_then(|w| date(loader, w, year));
    let to = match fields.get("to") {
        Some(written) => date(loader, written, year),
        None => from,
    };
    let (greeting, place) = match loader.text(&fields, "greeting") {
        Some((name, place)) => (name, place),
        None => ("greeting/happy-holiday".to_owned(), fields.place()),
    };
    if !greeting.is_empty() {
        loader.phrase(place, &greeting);
    }
    let (from, to) = (from?, to?);
    if from > to {
        loader.report.mistake(fields.place(), "a holiday ends after it begins");
    }
    Some(Holiday { from, to, greeting: Some(greeting).filter(|g| !g.is_empty()) })
}

fn date(loader: &mut Loader<'_, '_>, written: Written<'_, '_>, year: i16) -> Option<Date> {
    let found = match written.value {
        DeValue::Datetime(at) => at.date.filter(|_| at.time.is_none()).and_then(|d| {
            Date::new(i16::try_from(d.year).ok()?, i8::try_from(d.month).ok()?, i8::try_from(d.day).ok()?)
                .ok()
        }),
        _ => None,
    };
    match found {
        Some(date) if date.year() == year => return Some(date),
        Some(date) => {
            loader.report.mistake(written.place, format!("{date} is not in {year}"));
        }
        None => {
            let reason = "a day is a date without quotes";
            loader.report.mistake(written.place, reason).add_help(format!("write {year}-10-01"));
        }
    }
    None
}
