//! Opening hours, holidays and make-up workdays.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;

use crate::base::Wall;

/// Longer than any feast with its weekends.
const DAYS_AHEAD: usize = 21;

/// What a calendar says about a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hours {
    Open,
    Closed,
    /// A public holiday, whatever the hour.
    Holiday,
}

/// `from` to `until`, in minutes of a day; the end is not part of it, and may be 1440.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Span {
    pub(crate) from: u16,
    pub(crate) until: u16,
}

/// A holiday by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Holiday {
    pub(super) from: Date,
    pub(super) to: Date,
    /// The days of the feast itself, on which callers are wished well; within `from` to `to`.
    pub(super) greeting: Option<String>,
}

/// What one year's notice declares.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Year {
    /// Where it was published.
    pub(super) source: String,
    pub(super) holidays: Vec<Holiday>,
    /// Weekend days that are worked (调休).
    pub(super) workdays: BTreeSet<Date>,
}

#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Calendar {
    pub name: String,
    /// From Monday.
    pub(super) week: [Vec<Span>; 7],
    /// The hours of a make-up workday.
    pub(super) workday: Vec<Span>,
    pub(super) years: BTreeMap<i16, Year>,
    /// Whether holidays are kept at all.
    pub(super) keeps_holidays: bool,
}

/// The civil time of a moment; `None` outside the years -9999 to 9999.
pub(super) fn local(zone: &TimeZone, at: Wall) -> Option<DateTime> {
    jiff::Timestamp::from_microsecond(at.as_micros()).ok().map(|t| zone.to_datetime(t))
}

impl Calendar {
    pub(super) fn hours(&self, zone: &TimeZone, at: Wall) -> Hours {
        let Some(now) = local(zone, at) else { return Hours::Closed };
        let date = now.date();
        if self.holiday(date).is_some() {
            return Hours::Holiday;
        }
        let minute = now.hour() as u16 * 60 + now.minute() as u16;
        let open = self.spans(date).iter().any(|s| (s.from..s.until).contains(&minute));
        if open { Hours::Open } else { Hours::Closed }
    }

    pub(super) fn holiday(&self, date: Date) -> Option<&Holiday> {
        if !self.keeps_holidays {
            return None;
        }
        self.years.get(&date.year())?.holidays.iter().find(|h| (h.from..=h.to).contains(&date))
    }

    /// Whether holidays are kept and nobody has entered those of this year.
    pub(super) fn lacks(&self, year: i16) -> bool {
        self.keeps_holidays && !self.years.contains_key(&year)
    }

    /// The spans of a day, of which a holiday has none.
    pub(super) fn open_on(&self, date: Date) -> &[Span] {
        if self.holiday(date).is_some() { &[] } else { self.spans(date) }
    }

    /// Goes by its week that day.
    pub(super) fn is_plain(&self, date: Date) -> bool {
        let worked = self.years.get(&date.year()).is_some_and(|year| year.workdays.contains(&date));
        !(self.keeps_holidays && (worked || self.holiday(date).is_some()))
    }

    /// The minutes of a day at which anything may change.
    pub(super) fn minutes(&self) -> impl Iterator<Item = u16> {
        let spans = self.week.iter().chain([&self.workday]).flatten();
        spans.flat_map(|span| [span.from, span.until])
    }

    fn spans(&self, date: Date) -> &[Span] {
        let worked = self.years.get(&date.year()).is_some_and(|y| y.workdays.contains(&date));
        if self.keeps_holidays && worked {
            return &self.workday;
        }
        &self.week[date.weekday().to_monday_zero_offset() as usize % 7]
    }

    /// The closed times of the days that come, in order. The last one has no end where nothing is known after it.
    pub(super) fn closed(&self, zone: &TimeZone, from: Wall) -> Vec<(Wall, Option<Wall>)> {
        let Some(today) = local(zone, from).map(|t| t.date()) else { return Vec::new() };
        let mut closed = Vec::new();
        let mut since = from;
        for date in std::iter::successors(Some(today), |date| date.tomorrow().ok()).take(DAYS_AHEAD) {
            for span in self.open_on(date) {
                let (Some(opens), Some(closes)) =
                    (moment(zone, date, span.from), moment(zone, date, span.until))
                else {
                    continue;
                };
                if opens > since {
                    closed.push((since, Some(opens)));
                }
                since = since.max(closes);
            }
        }
        closed.push((since, None));
        closed
    }

    /// Hours that are the same on Monday to Friday and nothing else, or the same every day: what can be said
    /// in one sentence. `true`: every day.
    pub(super) fn sayable(&self) -> Option<(bool, &[Span])> {
        let [first, rest @ ..] = &self.week;
        if first.is_empty() || rest[..4].iter().any(|d| d != first) {
            return None;
        }
        match (&rest[4], &rest[5]) {
            (saturday, sunday) if saturday.is_empty() && sunday.is_empty() => Some((false, first)),
            (saturday, sunday) if saturday == first && sunday == first => Some((true, first)),
            _ => None,
        }
    }
}

/// A minute of a day as a moment.
fn moment(zone: &TimeZone, date: Date, minute: u16) -> Option<Wall> {
    let (date, minute) = if minute >= 1440 { (date.tomorrow().ok()?, 0) } else { (date, minute) };
    let time = Time::new((minute / 60) as i8, (minute % 60) as i8, 0, 0).ok()?;
    let at = date.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp();
    Some(Wall::from_micros(at.as_microsecond()))
}

/// `HH:MM` in minutes of the day; `24:00` is 1440.
pub(crate) fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    if hours.is_empty() || hours.len() > 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && (hours < 24 || (hours == 24 && minutes == 0))).then_some(hours * 60 + minutes)
}

/// The moments of today and of so many days after it at which the clock shows these four digits (`HHMM`), past or not;
/// none where no clock does.
pub(super) fn days_at(zone: &TimeZone, now: Wall, digits: &str, days: usize) -> Vec<Wall> {
    let clock = || {
        let (hour, minute) = digits.split_at_checked(2)?;
        let digits = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit());
        Time::new(hour.parse().ok().filter(|_| digits)?, minute.parse().ok()?, 0, 0).ok()
    };
    let (Some(time), Some(today)) = (clock(), local(zone, now)) else { return Vec::new() };
    let dates = std::iter::successors(Some(today.date()), |date| date.tomorrow().ok()).take(days + 1);
    let at = |date: Date| date.to_datetime(time).to_zoned(zone.clone()).ok();
    dates.filter_map(at).map(|at| Wall::from_micros(at.timestamp().as_microsecond())).collect()
}

/// The next moment at which the clock shows these four digits (`HHMM`); `None` where no clock does.
pub(super) fn next_at(zone: &TimeZone, now: Wall, digits: &str) -> Option<Wall> {
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let time = Time::new(digits[..2].parse().ok()?, digits[2..].parse().ok()?, 0, 0).ok()?;
    let today = local(zone, now)?;
    let date = if time > today.time() { today.date() } else { today.date().tomorrow().ok()? };
    let at = date.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp();
    Some(Wall::from_micros(at.as_microsecond()))
}

/// Nine in the morning of the next day with this month and day (`MMDD`), today not being one; `None` where there is none.
pub(super) fn next_on(zone: &TimeZone, now: Wall, digits: &str) -> Option<Wall> {
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (month, day): (i8, i8) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    let today = local(zone, now)?.date();
    // The 29th of February comes again within eight years.
    let date = (today.year()..today.year().saturating_add(9))
        .filter_map(|year| Date::new(year, month, day).ok())
        .find(|date| *date > today)?;
    let at = date.at(9, 0, 0, 0).to_zoned(zone.clone()).ok()?.timestamp();
    Some(Wall::from_micros(at.as_microsecond()))
}

/// The part of the day that a greeting names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DayPart {
    Morning,
    Noon,
    Afternoon,
    Evening,
}

impl DayPart {
    /// Morning from 5, noon from 11, afternoon from 13, evening from 18 to 5.
    pub(super) fn of(hour: i8) -> Self {
        match hour {
            5..=10 => DayPart::Morning,
            11..=12 => DayPart::Noon,
            13..=17 => DayPart::Afternoon,
            _ => DayPart::Evening,
        }
    }

    pub(super) fn prompt(self) -> &'static str {
        match self {
            DayPart::Morning => "greeting/good-morning",
            DayPart::Noon => "greeting/good-noon",
            DayPart::Afternoon => "greeting/good-afternoon",
            DayPart::Evening => "greeting/good-evening",
        }
    }
}

/// `mon` … `sun`.
pub(super) fn weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        "sat" => Weekday::Saturday,
        "sun" => Weekday::Sunday,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    fn at(text: &str) -> Wall {
        let local: DateTime = text.parse().unwrap();
        Wall::from_micros(local.to_zoned(shanghai()).unwrap().timestamp().as_microsecond())
    }

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn office() -> Calendar {
        let day = vec![Span { from: 9 * 60, until: 12 * 60 }, Span { from: 13 * 60, until: 18 * 60 }];
        let mut week: [Vec<Span>; 7] = Default::default();
        week[..5].fill(day.clone());
        let year = Year {
            source: "the notice".to_owned(),
            holidays: vec![Holiday { from: date("2026-10-01"), to: date("2026-10-07"), greeting: None }],
            workdays: BTreeSet::from([date("2026-10-10")]),
        };
        Calendar {
            name: "office".into(),
            week,
            workday: day,
            years: BTreeMap::from([(2026, year)]),
            keeps_holidays: true,
        }
    }

    #[test]
    fn open_closed_holiday_and_worked_saturday() {
        let hours = |t: &str| office().hours(&shanghai(), at(t));
        assert_eq!(hours("2026-11-20T08:59:59"), Hours::Closed);
        assert_eq!(hours("2026-11-20T09:00:00"), Hours::Open);
        assert_eq!(hours("2026-11-20T12:00:00"), Hours::Closed);
        assert_eq!(hours("2026-11-20T17:59:59"), Hours::Open);
        assert_eq!(hours("2026-11-20T18:00:00"), Hours::Closed);
        assert_eq!(hours("2026-11-21T10:00:00"), Hours::Closed);
        assert_eq!(hours("2026-10-01T10:00:00"), Hours::Holiday);
        assert_eq!(hours("2026-10-10T10:00:00"), Hours::Open);
        // A year that nobody has entered goes by its weekdays: never guessed.
        assert_eq!(hours("2027-10-01T10:00:00"), Hours::Open);
        assert!(office().lacks(2027) && !office().lacks(2026));
    }

    #[test]
    fn closed_times_lie_between_the_open_ones() {
        let closed = office().closed(&shanghai(), at("2026-11-20T12:30:00"));
        let first: Vec<_> = closed.iter().take(3).copied().collect();
        assert_eq!(
            first,
            [
                (at("2026-11-20T12:30:00"), Some(at("2026-11-20T13:00:00"))),
                (at("2026-11-20T18:00:00"), Some(at("2026-11-23T09:00:00"))),
                (at("2026-11-23T12:00:00"), Some(at("2026-11-23T13:00:00"))),
            ]
        );
        assert_eq!(closed.last().map(|(_, until)| *until), Some(None), "further ahead nobody looks");
        let feast = office().closed(&shanghai(), at("2026-09-30T18:00:00"));
        assert_eq!(
            feast.first().copied(),
            Some((at("2026-09-30T18:00:00"), Some(at("2026-10-08T09:00:00"))))
        );
        assert_eq!(Calendar::default().closed(&shanghai(), at("2026-11-20T12:30:00")).len(), 1);
    }

    #[test]
    fn a_time_of_the_clock_is_today_or_tomorrow() {
        let zone = shanghai();
        let next = |now: &str, digits: &str| next_at(&zone, at(now), digits);
        assert_eq!(next("2026-11-20T14:00:00", "1500"), Some(at("2026-11-20T15:00:00")));
        assert_eq!(next("2026-11-20T15:00:00", "1500"), Some(at("2026-11-21T15:00:00")));
        assert_eq!(next("2026-12-31T23:00:00", "0930"), Some(at("2027-01-01T09:30:00")));
        assert_eq!(next("2026-11-20T14:00:00", "2460"), None);
        assert_eq!(next("2026-11-20T14:00:00", "150"), None);
        let on = |digits: &str| next_on(&zone, at("2026-11-20T14:00:00"), digits);
        assert_eq!(on("1121"), Some(at("2026-11-21T09:00:00")));
        assert_eq!(on("1120"), Some(at("2027-11-20T09:00:00")), "today is no day to come back on");
        assert_eq!(on("0229"), Some(at("2028-02-29T09:00:00")));
        assert_eq!([on("1301"), on("0231"), on("111"), on("ab12")], [None; 4]);
    }

    #[test]
    fn hours_that_one_sentence_can_say() {
        let mut calendar = office();
        assert_eq!(calendar.sayable().map(|(every, spans)| (every, spans.len())), Some((false, 2)));
        calendar.week[5] = calendar.week[0].clone();
        assert_eq!(calendar.sayable(), None);
        calendar.week[6] = calendar.week[0].clone();
        assert_eq!(calendar.sayable().map(|(every, _)| every), Some(true));
    }

    #[test]
    fn minutes_of_a_day() {
        assert_eq!(minutes("09:30"), Some(570));
        assert_eq!(minutes("24:00"), Some(1440));
        assert_eq!([minutes("24:01"), minutes("9:3"), minutes("0930"), minutes(":30")], [None; 4]);
    }
}
