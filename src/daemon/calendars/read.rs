//! An iCalendar file (RFC 5545) becomes the absences that it means.
//!
//! The file is cut into its events here, so that one that cannot be read costs itself and is told with its line; each of
//! them, with the file's time zones, is the `calcard` crate's to parse and to repeat (RRULE, EXDATE, RDATE, RECURRENCE-ID,
//! the zones' names of Windows).
//!
//! | an event that | counts as |
//! |---|---|
//! | is cancelled, tentative or free (STATUS, TRANSP, X-MICROSOFT-CDO-BUSYSTATUS) | nothing: the person can be reached |
//! | lasts whole days, without a word of BUSYSTATUS or CATEGORIES | nothing: a birthday, a note |
//! | has a category that is one of ours, or a word for it | that reason |
//! | is "out of office" (BUSYSTATUS OOF) | leave where it lasts whole days, else out |
//! | is of high importance (X-MICROSOFT-CDO-IMPORTANCE 2, PRIORITY 1) | an important meeting |
//! | is anything else | a meeting |

use std::collections::BTreeMap;
use std::str::FromStr;

use calcard::common::IanaString;
use calcard::common::timezone::Tz;
use calcard::icalendar::dates::{CalendarErrorType, TimeOrDelta};
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarValue,
};

use crate::base::{AwayReason, Wall};
use crate::presence::{self, Absence};

/// Of one repeated event from its first day on: daily for fifty years.
const MOST_REPEATED: usize = 20_000;
/// Of one person.
const MOST_EVENTS: usize = 5_000;

#[derive(Debug, Default)]
pub(super) struct Read {
    /// By their beginnings.
    pub events: Vec<Absence>,
    /// Lines, from 1, with what is wrong there.
    pub complaints: Vec<(usize, String)>,
}

/// `zone`: of times that have none of their own. Events that end by `from` or begin at `to` or later are left out.
///
/// # Errors
/// No calendar, or not all of one: why.
pub(super) fn read(text: &str, zone: &str, from: Wall, to: Wall) -> Result<Read, String> {
    let zone = Tz::from_str(zone).map_err(|_| format!("no time zone is called {zone}"))?;
    let Cut { zones, events, mut complaints } = cut(text)?;
    let mut read = Read::default();
    for event in events {
        let calendar = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{zones}{}END:VCALENDAR\r\n", event.text());
        match ICalendar::parse(&calendar) {
            Ok(calendar) => {
                for absence in absences(&event, &calendar, zone, &mut complaints) {
                    if absence.until.is_some_and(|until| until > from) && absence.from < to {
                        read.events.push(absence);
                    }
                }
            }
            Err(_) => complaints.push((event.line(), "this event cannot be read".to_owned())),
        }
    }
    read.events.sort_by_key(|absence| (absence.from, absence.until));
    if read.events.len() > MOST_EVENTS {
        complaints.push((1, format!("more than {MOST_EVENTS} events within sight: the first ones count")));
        read.events.truncate(MOST_EVENTS);
    }
    complaints.sort();
    read.complaints = complaints;
    Ok(read)
}

/// A file in its pieces.
struct Cut {
    zones: String,
    events: Vec<Event>,
    complaints: Vec<(usize, String)>,
}

/// Everything that bears one UID: an event, and what is different on some days.
struct Event {
    /// Where each begins, and its lines.
    parts: Vec<(usize, String)>,
}

impl Event {
    fn line(&self) -> usize {
        self.parts.first().map_or(1, |(line, _)| *line)
    }

    fn text(&self) -> String {
        self.parts.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// Of a property of one part; else of the part.
    fn line_of(&self, part: usize, property: &str) -> usize {
        let Some((first, text)) = self.parts.get(part) else { return self.line() };
        let named = |line: &str| {
            let name = line.split([';', ':']).next().unwrap_or_default();
            name.eq_ignore_ascii_case(property)
        };
        first + text.lines().position(named).unwrap_or(0)
    }
}

fn cut(text: &str) -> Result<Cut, String> {
    let mut cut = Cut { zones: String::new(), events: Vec::new(), complaints: Vec::new() };
    let mut by_uid: BTreeMap<String, usize> = BTreeMap::new();
    // The component whose lines are collected: its name, where it begins, its UID.
    let mut open: Option<(&str, usize, String, String)> = None;
    let (mut begun, mut ended) = (false, false);
    for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
        let word = |name: &str| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        };
        let is = |name: &str, value: &str| word(name).is_some_and(|found| found.eq_ignore_ascii_case(value));
        begun |= is("BEGIN", "VCALENDAR");
        ended |= is("END", "VCALENDAR");
        if let Some(kind) = ["VEVENT", "VTIMEZONE"].into_iter().find(|kind| is("BEGIN", kind))
            && let Some((_, at, ..)) = open.replace((kind, number, String::new(), String::new()))
        {
            cut.complaints.push((at, "this does not end before the next begins".to_owned()));
        }
        let Some((kind, at, uid, lines)) = &mut open else { continue };
        lines.push_str(line.trim_end_matches('\r'));
        lines.push_str("\r\n");
        if let Some(value) = word("UID") {
            value.clone_into(uid);
        }
        if !is("END", kind) {
            continue;
        }
        let (at, uid, lines) = (*at, std::mem::take(uid), std::mem::take(lines));
        if *kind == "VTIMEZONE" {
            cut.zones.push_str(&lines);
        } else if let Some(event) = by_uid.get(&uid).and_then(|known| cut.events.get_mut(*known)) {
            event.parts.push((at, lines));
        } else {
            if !uid.is_empty() {
                by_uid.insert(uid, cut.events.len());
            }
            cut.events.push(Event { parts: vec![(at, lines)] });
        }
        open = None;
    }
    if !begun {
        return Err("this is no iCalendar file: BEGIN:VCALENDAR is missing".to_owned());
    }
    if !ended || open.is_some() {
        return Err("this file was cut short: END:VCALENDAR is missing".to_owned());
    }
    Ok(cut)
}

fn absences(
    event: &Event,
    calendar: &ICalendar,
    zone: Tz,
    complaints: &mut Vec<(usize, String)>,
) -> Vec<Absence> {
    // Which part of the event each component is.
    let mut meant: BTreeMap<u32, (usize, Option<AwayReason>, Option<String>)> = BTreeMap::new();
    let zones = calendar.build_tz_resolver();
    let components = calendar.components.iter().zip(0u32..);
    let vevents =
        components.filter(|(component, _)| component.component_type == ICalendarComponentType::VEvent);
    for ((component, id), part) in vevents.zip(0..) {
        for entry in &component.entries {
            let zone_known = entry.tz_id().is_none_or(|name| zones.resolve(name).is_some());
            if entry.name == ICalendarProperty::Dtstart && !zone_known {
                let reason = "an unknown time zone: read as the house's own".to_owned();
                complaints.push((event.line_of(part, "DTSTART"), reason));
            }
            let is_rule = matches!(entry.values.first(), Some(ICalendarValue::RecurrenceRule(_)));
            if entry.name == ICalendarProperty::Rrule && !is_rule {
                let reason = "this rule of repetition cannot be read: only the first day counts".to_owned();
                complaints.push((event.line_of(part, "RRULE"), reason));
            }
        }
        meant.insert(id, (part, reason(component), text_of(component, &ICalendarProperty::Location)));
    }
    let expanded = calendar.expand_dates(zone, MOST_REPEATED);
    for error in expanded.errors {
        let part = meant.get(&error.comp_id).map_or(0, |(part, ..)| *part);
        let (property, reason) = match error.error {
            CalendarErrorType::MissingDtStart | CalendarErrorType::InvalidDtStart => {
                ("DTSTART", "no beginning that can be read: the event is left out".to_owned())
            }
            CalendarErrorType::InvalidDtEnd | CalendarErrorType::InvalidDuration => {
                ("DTEND", "no end that can be read: the event is left out".to_owned())
            }
            CalendarErrorType::RRule(error) => ("RRULE", format!("this rule of repetition is none: {error}")),
        };
        complaints.push((event.line_of(part, property), reason));
    }
    let mut absences = Vec::new();
    let mut backwards = false;
    for occurrence in expanded.events {
        let Some((part, Some(reason), place)) = meant.get(&occurrence.comp_id) else { continue };
        let end = match occurrence.end {
            TimeOrDelta::Time(end) => end,
            TimeOrDelta::Delta(length) => occurrence.start + length,
        };
        let (begin, end) = (occurrence.start.timestamp_micros(), end.timestamp_micros());
        if end < begin && !std::mem::replace(&mut backwards, true) {
            let reason = "this event ends before it begins: it is left out".to_owned();
            complaints.push((event.line_of(*part, "DTEND"), reason));
        }
        if end > begin {
            absences.push(Absence {
                place: place.as_deref().and_then(presence::place),
                ..Absence::new(*reason, Wall::from_micros(begin), Some(Wall::from_micros(end)))
            });
        }
    }
    absences
}

/// `None`: the person can be reached all the same.
fn reason(event: &ICalendarComponent) -> Option<AwayReason> {
    let upper = |property: ICalendarProperty| text_of(event, &property).map(|text| text.to_ascii_uppercase());
    let other = |name: &str| {
        let entry = event.entries.iter().find(
            |entry| matches!(&entry.name, ICalendarProperty::Other(other) if other.eq_ignore_ascii_case(name)),
        );
        entry.and_then(|entry| entry.values.first()).and_then(as_text).map(|text| text.to_ascii_uppercase())
    };
    let busy = other("X-MICROSOFT-CDO-BUSYSTATUS").or_else(|| other("X-MICROSOFT-CDO-INTENDEDSTATUS"));
    let cancelled = matches!(upper(ICalendarProperty::Status).as_deref(), Some("CANCELLED" | "TENTATIVE"));
    let free = matches!(busy.as_deref(), Some("FREE" | "TENTATIVE" | "WORKINGELSEWHERE"));
    let transparent = upper(ICalendarProperty::Transp).as_deref() == Some("TRANSPARENT");
    let out = busy.as_deref() == Some("OOF");
    // Office systems write an absence that nobody is to be asked about as transparent, too.
    if cancelled || free || transparent && !out {
        return None;
    }
    if let Some(named) = categories(event).iter().find_map(|category| by_category(category)) {
        return Some(named);
    }
    let whole_days = event.entries.iter().any(|entry| {
        let date =
            matches!(entry.values.first(), Some(ICalendarValue::PartialDateTime(at)) if !at.has_time());
        entry.name == ICalendarProperty::Dtstart && date
    });
    let important = other("X-MICROSOFT-CDO-IMPORTANCE").as_deref() == Some("2")
        || event.entries.iter().any(|entry| {
            let first = matches!(entry.values.first(), Some(ICalendarValue::Integer(1)));
            entry.name == ICalendarProperty::Priority && first
        });
    match (out, whole_days) {
        (true, true) => Some(AwayReason::Leave),
        (true, false) => Some(AwayReason::Out),
        (false, true) if busy.is_none() => None,
        (false, _) if important => Some(AwayReason::ImportantMeeting),
        (false, _) => Some(AwayReason::Meeting),
    }
}

fn by_category(category: &str) -> Option<AwayReason> {
    let category = category.trim().to_lowercase();
    let words: [(AwayReason, &[&str]); 8] = [
        (AwayReason::ImportantMeeting, &["important-meeting", "important meeting", "重要会议"]),
        (AwayReason::Meeting, &["meeting", "会议", "开会"]),
        (AwayReason::Visitor, &["visitor", "visitors", "会客", "来访"]),
        (AwayReason::Out, &["out", "travel", "business trip", "外出", "出差"]),
        (AwayReason::Banquet, &["banquet", "dinner", "宴会", "宴请"]),
        (AwayReason::Break, &["break", "lunch", "休息", "午休"]),
        (AwayReason::Leave, &["leave", "vacation", "holiday", "annual leave", "休假", "年假", "请假"]),
        (AwayReason::Training, &["training", "培训"]),
    ];
    words.into_iter().find(|(_, names)| names.contains(&category.as_str())).map(|(reason, _)| reason)
}

fn categories(event: &ICalendarComponent) -> Vec<String> {
    let listed = event.entries.iter().filter(|entry| entry.name == ICalendarProperty::Categories);
    let texts = listed.flat_map(|entry| &entry.values).filter_map(as_text);
    texts.flat_map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn text_of(event: &ICalendarComponent, property: &ICalendarProperty) -> Option<String> {
    let entry = event.entries.iter().find(|entry| entry.name == *property)?;
    entry.values.first().and_then(as_text)
}

fn as_text(value: &ICalendarValue) -> Option<String> {
    Some(match value {
        ICalendarValue::Text(text) => text.clone(),
        ICalendarValue::Status(status) => status.as_str().to_owned(),
        ICalendarValue::Transparency(transparency) => transparency.as_str().to_owned(),
        ICalendarValue::Integer(number) => number.to_string(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
