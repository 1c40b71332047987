//! What calendars come to over the coming year: a year that nobody has published, minutes that fall between two spans,
//! stretches in which nobody is there.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::calendar::{Calendar, local};
use super::plan::Plan;
use super::source::Report;
use super::step::Place;
use crate::base::Wall;

const DAYS: usize = 366;

/// Less is no pause that anybody meant: 11:59 to 12:00.
const LEAST_PAUSE: u16 = 5;

/// Longer than any feast with its weekends.
const LONGEST_STRETCH: usize = 11;

/// The month from which on the next year's holidays are looked for: they are published in November.
const PUBLISHED: i8 = 11;

pub(super) fn check(report: &mut Report<'_>, plan: &Plan, calendars: &[Place], today: Wall) {
    let Some(today) = local(&plan.zone, today).map(|at| at.date()) else { return };
    for (calendar, place) in plan.calendars.iter().zip(calendars) {
        unpublished(report, calendar, *place, today);
        let days: Vec<Date> =
            std::iter::successors(Some(today), |date| date.tomorrow().ok()).take(DAYS).collect();
        slits(report, calendar, *place, &days);
        stretches(report, calendar, *place, &days);
    }
}

/// Holidays are never guessed.
fn unpublished(report: &mut Report<'_>, calendar: &Calendar, place: Place, today: Date) {
    let next = (today.month() >= PUBLISHED).then(|| today.year().saturating_add(1));
    for year in [Some(today.year()), next].into_iter().flatten().filter(|year| calendar.lacks(*year)) {
        let reason = format!(
            "calendar `{}` has no holidays of {year}: every day of it counts by its weekday only",
            calendar.name
        );
        let newest = calendar.years.iter().next_back().filter(|(newest, _)| **newest < year);
        let help = match newest {
            Some((newest, known)) => format!(
                "the newest that are known, of {newest}, are from: {}; add `[holidays.<name>.{year}]` when it is \
                 published",
                known.source
            ),
            None => format!("add `[holidays.<name>.{year}]`, with its source"),
        };
        report.warning(place, reason).add_help(help);
    }
}

/// Minutes between two spans, or at midnight, that nobody meant.
fn slits(report: &mut Report<'_>, calendar: &Calendar, place: Place, days: &[Date]) {
    let mut last: Option<(Date, u16)> = None;
    for date in days {
        for span in calendar.open_on(*date) {
            if let Some((day, until)) = last {
                let night = day.tomorrow().is_ok_and(|next| next == *date);
                let pause = match (day == *date, night) {
                    (true, _) => span.from.saturating_sub(until),
                    (_, true) => span.from.saturating_add(1440).saturating_sub(until),
                    _ => u16::MAX,
                };
                if (1..LEAST_PAUSE).contains(&pause) {
                    let reason = format!(
                        "calendar `{}` leaves a gap of {pause} min, first on {day} at {:02}:{:02}",
                        calendar.name,
                        until / 60,
                        until % 60
                    );
                    report
                        .warning(place, reason)
                        .add_help("a span ends where the next begins; a day ends at 24:00");
                    return;
                }
            }
            last = Some((*date, span.until));
        }
    }
}

/// Days on end on which nobody is there.
fn stretches(report: &mut Report<'_>, calendar: &Calendar, place: Place, days: &[Date]) {
    let mut closed = 0;
    let mut longest: Option<(usize, Date)> = None;
    for date in days {
        closed = if calendar.open_on(*date).is_empty() { closed + 1 } else { 0 };
        if longest.is_none_or(|(most, _)| closed > most) && closed > 0 {
            longest = Some((closed, *date));
        }
    }
    let Some((most, last)) = longest else { return };
    if most == days.len() {
        report.warning(place, format!("calendar `{}` is open on no day of the coming year", calendar.name));
    } else if most >= LONGEST_STRETCH {
        let first = i64::try_from(most - 1).ok().and_then(|days| last.checked_sub(days.days()).ok());
        let first = first.unwrap_or(last);
        let reason =
            format!("calendar `{}` is closed for {most} days on end, from {first} to {last}", calendar.name);
        report.warning(place, reason);
    }
}
