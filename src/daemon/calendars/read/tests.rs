use super::*;

fn at(text: &str) -> Wall {
    let moment: jiff::Timestamp = text.parse().unwrap();
    Wall::from_micros(moment.as_microsecond())
}

/// In a week from Monday, 2026-11-23, on; as `reason from until`.
fn told(text: &str) -> (Vec<String>, Vec<(usize, String)>) {
    let read = read(text, "Asia/Shanghai", at("2026-11-22T16:00:00Z"), at("2026-11-29T16:00:00Z")).unwrap();
    let shown = |wall: Wall| {
        let moment = jiff::Timestamp::from_microsecond(wall.as_micros()).unwrap();
        moment.to_zoned(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap()).strftime("%d %H:%M").to_string()
    };
    let line = |absence: &Absence| {
        let until = absence.until.map(shown).unwrap_or_default();
        format!("{} {} - {until}", absence.reason, shown(absence.from))
    };
    (read.events.iter().map(line).collect(), read.complaints)
}

fn calendar(events: &[&str]) -> String {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n".to_owned();
    for (event, number) in events.iter().zip(0..) {
        text.push_str(&format!(
            "BEGIN:VEVENT\r\nUID:{number}\r\n{}\r\nEND:VEVENT\r\n",
            event.replace('|', "\r\n")
        ));
    }
    text + "END:VCALENDAR\r\n"
}

#[test]
fn what_office_systems_say_becomes_a_reason() {
    let event = |more: &str| format!("DTSTART:20261123T020000Z|DTEND:20261123T030000Z{more}");
    let reason = |more: &str| {
        let (events, complaints) = told(&calendar(&[&event(more)]));
        assert!(complaints.is_empty(), "{complaints:?}");
        events.first().and_then(|event| event.split(' ').next().map(str::to_owned))
    };
    assert_eq!(reason("").as_deref(), Some("meeting"));
    assert_eq!(reason("|X-MICROSOFT-CDO-BUSYSTATUS:BUSY").as_deref(), Some("meeting"));
    assert_eq!(reason("|X-MICROSOFT-CDO-BUSYSTATUS:OOF").as_deref(), Some("out"));
    assert_eq!(reason("|X-MICROSOFT-CDO-BUSYSTATUS:OOF|TRANSP:TRANSPARENT").as_deref(), Some("out"));
    assert_eq!(reason("|X-MICROSOFT-CDO-IMPORTANCE:2").as_deref(), Some("important-meeting"));
    assert_eq!(reason("|PRIORITY:1").as_deref(), Some("important-meeting"));
    assert_eq!(reason("|CATEGORIES:Red,宴会").as_deref(), Some("banquet"));
    assert_eq!(reason("|CATEGORIES:Visitor").as_deref(), Some("visitor"));
    for nothing in [
        "|STATUS:CANCELLED",
        "|STATUS:TENTATIVE",
        "|TRANSP:TRANSPARENT",
        "|X-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "|X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE",
    ] {
        assert_eq!(reason(nothing), None, "{nothing}");
    }
    let days = |more: &str| {
        told(&calendar(&[&format!("DTSTART;VALUE=DATE:20261124|DTEND;VALUE=DATE:20261126{more}")])).0
    };
    assert_eq!(days(""), Vec::<String>::new(), "a note of the day");
    assert_eq!(days("|X-MICROSOFT-CDO-BUSYSTATUS:OOF"), ["leave 24 00:00 - 26 00:00"]);
}

#[test]
fn events_are_repeated_left_out_and_moved() {
    let (events, complaints) = told(
        "BEGIN:VCALENDAR\r\n\
         BEGIN:VTIMEZONE\r\nTZID:China Standard Time\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\n\
         TZOFFSETFROM:+0800\r\nTZOFFSETTO:+0800\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
         BEGIN:VEVENT\r\nUID:weekly\r\nDTSTART;TZID=China Standard Time:20261102T140000\r\n\
         DTEND;TZID=China Standard Time:20261102T150000\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR\r\n\
         EXDATE;TZID=China Standard Time:20261125T140000\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nUID:weekly\r\nRECURRENCE-ID;TZID=China Standard Time:20261127T140000\r\n\
         DTSTART;TZID=China Standard Time:20261127T160000\r\nDTEND;TZID=China Standard Time:20261127T17\r\n 0000\r\n\
         END:VEVENT\r\nEND:VCALENDAR\r\n",
    );
    assert_eq!(complaints, []);
    assert_eq!(events, ["meeting 23 14:00 - 23 15:00", "meeting 27 16:00 - 27 17:00"]);
    let own = calendar(&[
        "DTSTART:20261124T090000|DURATION:PT90M",
        "DTSTART;TZID=Europe/Berlin:20261126T090000|DURATION:PT1H",
    ]);
    assert_eq!(told(&own).0, ["meeting 24 09:00 - 24 10:30", "meeting 26 16:00 - 26 17:00"]);
}

#[test]
fn one_event_that_is_wrong_costs_itself_and_is_told_with_its_line() {
    let (events, complaints) = told(&calendar(&[
        "DTSTART:yesterday|DTEND:20261123T030000Z",
        "DTSTART:20261123T020000Z|DTEND:20261123T030000Z",
        "DTSTART:20261124T020000Z|DTEND:20261124T030000Z|RRULE:EVERY=DAY",
        "DTSTART:20261125T030000Z|DTEND:20261125T020000Z",
        "DTSTART;TZID=Middle Earth:20261126T100000|DURATION:PT1H",
    ]));
    assert_eq!(
        events,
        ["meeting 23 10:00 - 23 11:00", "meeting 24 10:00 - 24 11:00", "meeting 26 10:00 - 26 11:00"]
    );
    let lines: Vec<usize> = complaints.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [6, 18, 23, 27], "{complaints:?}");
}

#[test]
fn what_is_no_calendar_or_half_of_one_is_refused_as_a_whole() {
    let refused =
        |text: &str| read(text, "Asia/Shanghai", Wall::default(), at("2030-01-01T00:00:00Z")).unwrap_err();
    assert!(refused("").contains("no iCalendar"));
    assert!(refused("<html>").contains("no iCalendar"));
    let whole = calendar(&["DTSTART:20261123T020000Z|DTEND:20261123T030000Z"]);
    for end in [whole.len() - 20, whole.len() - 40, 60] {
        assert!(refused(&whole[..end]).contains("cut short"), "{end}");
    }
    assert!(read(&whole, "Nowhere/Land", Wall::default(), Wall::default()).is_err());
}

#[test]
fn a_rule_without_end_ends() {
    let (events, _) = told(&calendar(&["DTSTART:20261123T000000Z|DURATION:PT1S|RRULE:FREQ=SECONDLY"]));
    assert!(!events.is_empty() && events.len() <= MOST_EVENTS);
}
