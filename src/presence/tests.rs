use super::*;

fn at(minutes: i64) -> Wall {
    Wall::from_micros(minutes * 60_000_000)
}

fn span(reason: AwayReason, from: i64, until: i64) -> Absence {
    Absence::new(reason, at(from), Some(at(until)))
}

fn told(person: &Person, minute: i64, off_duty: &[Absence]) -> Option<(AwayReason, Source, Option<Wall>)> {
    person.away(at(minute), off_duty).map(|away| (away.reason, away.by, away.until))
}

#[test]
fn the_line_further_up_counts_and_what_ends_gives_way_to_what_applies() {
    use AwayReason::{Meeting, OffDuty, Out, Visitor};
    let off_duty = [span(OffDuty, 600, 1440)];
    let mut person = Person { calendar: vec![span(Meeting, 100, 200)].into(), ..Person::default() };
    person.agreed.push(span(Visitor, 150, 160));
    person.hand = Some(Word::Away(span(Out, 0, 120)));
    let seen = |minute| told(&person, minute, &off_duty);
    assert_eq!(seen(50), Some((Out, Source::Hand, Some(at(200)))), "from one into the other");
    assert_eq!(seen(120), Some((Meeting, Source::Calendar, Some(at(200)))), "not there: the meeting goes on");
    assert_eq!(seen(155), Some((Visitor, Source::Agreed, Some(at(200)))));
    assert_eq!(seen(200), None);
    assert_eq!(seen(600), Some((OffDuty, Source::Hours, Some(at(1440)))));
    let changes: Vec<_> = std::iter::successors(person.next_change(at(0), &off_duty), |now| {
        person.next_change(*now, &off_duty)
    })
    .collect();
    assert_eq!(changes, [100, 120, 150, 160, 200, 600, 1440].map(at));
}

#[test]
fn ready_by_hand_overrules_what_is_and_not_what_comes() {
    use AwayReason::{Meeting, Out};
    let mut person =
        Person { calendar: vec![span(Meeting, 0, 60), span(Meeting, 90, 120)].into(), ..Person::default() };
    person.hand = Some(Word::Away(Absence::new(Out, at(0), None)));
    assert_eq!(told(&person, 10, &[]), Some((Out, Source::Hand, None)), "nobody knows when");
    person.here(at(10), &[]);
    assert_eq!(told(&person, 10, &[]), None);
    assert_eq!(told(&person, 59, &[]), None);
    assert_eq!(person.next_change(at(10), &[]), Some(at(60)));
    assert_eq!(told(&person, 90, &[]), Some((Meeting, Source::Calendar, Some(at(120)))));
    assert!(person.forget_what_is_over(at(60)) && person.is_unsaid());
    person.here(at(70), &[]);
    assert_eq!(person.hand, None, "there is nothing to overrule");
}

#[test]
fn who_goes_from_one_meeting_into_the_next_is_back_after_the_second() {
    use AwayReason::{Meeting, OffDuty};
    let person = Person {
        calendar: vec![span(Meeting, 0, 60), span(Meeting, 64, 120), span(Meeting, 130, 140)].into(),
        ..Person::default()
    };
    assert_eq!(told(&person, 0, &[]), Some((Meeting, Source::Calendar, Some(at(120)))));
    let never = [Absence::new(OffDuty, at(121), None)];
    assert_eq!(told(&person, 0, &never), Some((Meeting, Source::Calendar, None)));
    // Endless as well, and found out in time.
    let many: Vec<_> = (0..1000).map(|n| span(Meeting, n * 10, n * 10 + 10)).collect();
    let person = Person { calendar: many.into(), ..Person::default() };
    assert_eq!(told(&person, 0, &[]), Some((Meeting, Source::Calendar, None)));
}

#[test]
fn of_several_at_once_the_gravest_is_told() {
    use AwayReason::{Break, ImportantMeeting, Leave, Meeting};
    let of = |reasons: &[AwayReason]| {
        let calendar: Vec<_> = reasons.iter().map(|reason| span(*reason, 0, 10)).collect();
        told(&Person { calendar: calendar.into(), ..Person::default() }, 5, &[]).map(|(reason, ..)| reason)
    };
    assert_eq!(of(&[Break, Meeting, ImportantMeeting]), Some(ImportantMeeting));
    assert_eq!(of(&[Meeting, Leave]), Some(Leave));
    assert_eq!(of(&[]), None);
}

#[test]
fn an_absence_agreed_for_an_hour_is_taken_back_by_being_there() {
    let agreed = vec![span(AwayReason::Out, 10, 20), span(AwayReason::Out, 30, 40)];
    let mut person = Person { agreed, ..Person::default() };
    person.here(at(15), &[]);
    assert_eq!((told(&person, 15, &[]), person.hand.clone()), (None, None));
    assert_eq!(told(&person, 35, &[]).map(|(reason, ..)| reason), Some(AwayReason::Out));
    assert!(person.forget_what_is_over(at(40)) && person.is_unsaid());
    assert!(!person.forget_what_is_over(at(41)));
}

#[test]
fn whereabouts_are_one_line() {
    assert_eq!(place(" 三号楼\n 2 层 \u{7}").as_deref(), Some("三号楼 2 层"));
    assert_eq!(place(" \n"), None);
    assert_eq!(place(&"x".repeat(500)).map(|place| place.len()), Some(LONGEST_PLACE));
}

#[test]
fn delegates_are_asked_in_turn_and_a_circle_ends() {
    let next = |agent: AgentId| Some(AgentId([1, 2, 0, 3][agent.0 as usize]));
    assert_eq!(delegates(AgentId(0), next).collect::<Vec<_>>(), [1, 2].map(AgentId));
    assert_eq!(delegates(AgentId(3), next).count(), 0, "nobody is their own");
    assert!(is_circle(AgentId(2), AgentId(0), |_| true, next));
    assert!(
        !is_circle(AgentId(2), AgentId(0), |agent| agent != AgentId(1), next),
        "somebody on the way is there"
    );
    assert!(!is_circle(AgentId(3), AgentId(0), |_| true, next), "a circle of others is not this one's");
    assert!(is_circle(AgentId(3), AgentId(3), |_| false, next));
}
