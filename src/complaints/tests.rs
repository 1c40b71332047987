//! The clerk of complaints, in virtual time: what is due, when, and whose it is.

use std::time::Duration;

use super::*;
use crate::base::{CallId, Catalog, Masked, PromptInfo};
use crate::dialplan::{self, Manifest, SourceFile};
use crate::record::{ComplaintUpdate, Severity};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

const PLAN: &str = r#"
[hotline]
name = "Test"
languages = ["zh-CN"]
time_zone = "Asia/Shanghai"

[numbers]
10000 = { flow = "main" }

[[flow.main]]
hang_up = "goodbye/thanks"

[agent.2001]
mailbox = true

[agent.3001]
mailbox = true

[calendar.week]
open = { mon-fri = "09:00-17:00" }

[complaints]
owner = "2001"
supervisor = "3001"
hours = "week"
follow_up_to = ["1[3-9]xxxxxxxxx"]
"#;

fn plan() -> Arc<Plan> {
    let mut catalog = Catalog::default();
    let duration = Duration::from_secs(1);
    let texts = Manifest::parse(include_str!("../../prompts/manifest.toml")).expect("the manifest");
    for (name, by_language) in texts.iter() {
        for (language, text) in by_language {
            let language = Some(language.clone());
            let info = PromptInfo { name: name.to_owned(), language, text: text.clone(), duration };
            catalog.add(info).expect("each prompt once");
        }
    }
    // What is no speech has no text.
    for name in ["common/beep", "common/hold-music", "common/recording-beep"] {
        let info = PromptInfo { name: name.to_owned(), language: None, text: String::new(), duration };
        catalog.add(info).expect("each prompt once");
    }
    let files = [SourceFile { name: "test.toml".to_owned(), text: PLAN.to_owned() }];
    Arc::new(dialplan::load(&files, Arc::new(catalog)).unwrap_or_else(|wrong| panic!("{wrong:?}")).0)
}

/// A store of one complaint, and its clerk.
struct Office {
    clerk: Clerk,
    complaint: Complaint,
    now: Wall,
}

/// 2026-11-16, a Monday, in Shanghai.
fn monday(hour: u64, minute: u64) -> Wall {
    Wall::from_micros(1794758400000000) + Duration::from_secs(3600 * hour + 60 * minute)
}

impl Office {
    fn new(accepted: Wall) -> Office {
        let from = Masked::from("13912345678");
        let case = CaseNumber::of(CallId(7));
        let complaint = Complaint::new(case, accepted, "customer", from, "zh-CN".to_owned());
        let mut office = Office { clerk: Clerk::new(plan()), complaint, now: accepted };
        office.stands();
        office
    }

    fn stands(&mut self) {
        self.clerk.stands(self.complaint.clone());
    }

    fn says(&mut self, at: Wall, state: ComplaintState) {
        let update = ComplaintUpdate::State(state);
        self.complaint.change(ComplaintChange::Updated { at, by: "2001".to_owned(), update });
        self.stands();
    }

    /// All that is due until then, each with its time in hours since it was accepted, and whose it is; seen to at once.
    fn until(&mut self, end: Wall) -> Vec<(u64, Duty, String)> {
        let mut all = Vec::new();
        while let Some(at) = self.clerk.next_due().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            match self.clerk.handle_timeout(self.now) {
                Some(Due::Reckoned(_, change)) => self.complaint.change(change),
                Some(Due::Duty(complaint, duty)) => {
                    let whose = duty.whose(&complaint, &self.clerk.plan).unwrap_or_default();
                    all.push((self.now.since(complaint.accepted).as_secs() / 3600, duty, whose));
                    let change = match duty {
                        Duty::FollowUp => not_reached(&complaint, &self.clerk.plan, true, self.now),
                        duty => seen_to(&complaint, duty, self.now),
                    };
                    self.complaint.change(change);
                }
                None => {}
            }
            self.stands();
            assert!(all.len() < 100, "{all:?}");
        }
        all
    }
}

#[test]
fn a_complaint_that_nobody_looks_at_is_its_owners_and_then_the_supervisors() {
    let mut office = Office::new(monday(10, 0));
    let due = office.until(monday(10, 0) + DAY * 18);
    let [(0, Duty::AnswerNears, owner), (1, Duty::AnswerLate, supervisor), rest @ ..] = &due[..] else {
        panic!("{due:?}")
    };
    assert_eq!((owner.as_str(), supervisor.as_str()), ("2001", "3001"));
    assert_eq!(office.complaint.answer_due, Some(monday(11, 0)));
    assert_eq!(office.complaint.result_due, Some(monday(10, 0) + DAY * 15));
    // Thirteen days later it is a Sunday: on Monday at nine, then the day itself, and each day after it.
    let rest: Vec<_> = rest.iter().map(|(at, duty, whose)| (*at, *duty, whose.as_str())).collect();
    assert_eq!(
        rest,
        [
            (13 * 24 + 23, Duty::ResultNears, "2001"),
            (15 * 24, Duty::ResultLate, "3001"),
            (16 * 24, Duty::ResultLate, "3001"),
            (17 * 24, Duty::ResultLate, "3001"),
            (18 * 24, Duty::ResultLate, "3001"),
        ]
    );
    assert!(office.complaint.care.escalated);
}

#[test]
fn what_is_accepted_in_the_evening_is_answered_the_next_morning() {
    let mut office = Office::new(monday(16, 30));
    office.until(monday(17, 0));
    assert_eq!(office.complaint.answer_due, Some(monday(16, 30) + HOUR * 17), "9:30 on Tuesday");
    let mut night = Office::new(monday(20, 0));
    night.until(monday(20, 0));
    assert_eq!(night.complaint.answer_due, Some(monday(10, 0) + DAY));
}

#[test]
fn an_answer_in_time_reminds_nobody() {
    let mut office = Office::new(monday(10, 0));
    assert_eq!(office.until(monday(10, 10)), []);
    office.says(monday(10, 10), ComplaintState::Answered);
    assert_eq!(office.until(monday(10, 0) + DAY * 12), []);
}

#[test]
fn after_a_night_without_the_hotline_the_worst_is_said_once() {
    let mut office = Office::new(monday(10, 0));
    office.until(monday(10, 5));
    office.now = monday(15, 0) + DAY;
    let due = office.until(monday(15, 0) + DAY);
    assert_eq!(due.iter().map(|(_, duty, _)| *duty).collect::<Vec<_>>(), [Duty::AnswerLate]);
}

#[test]
fn the_customer_is_asked_a_day_later_some_times_and_then_its_owner_is_told() {
    let mut office = Office::new(monday(10, 0));
    office.until(monday(10, 5));
    office.says(monday(11, 0), ComplaintState::Solved);
    let due = office.until(monday(10, 0) + DAY * 30);
    let told: Vec<_> = due.iter().map(|(at, duty, whose)| (*at, *duty, whose.as_str())).collect();
    assert_eq!(
        told,
        [
            (25, Duty::FollowUp, "2001"),
            (29, Duty::FollowUp, "2001"),
            // The next try would be after hours.
            (47, Duty::FollowUp, "2001"),
            (51, Duty::NotAsked, "2001"),
        ]
    );
    // Who says no is asked again only when it is solved again.
    office.says(office.now, ComplaintState::Reopened);
    let due = office.until(office.now);
    assert!(due.iter().all(|(_, duty, _)| *duty != Duty::FollowUp), "{due:?}");
    office.says(office.now, ComplaintState::Solved);
    assert_eq!(office.complaint.care.tries, 0);
    office.says(office.now, ComplaintState::Closed);
    assert_eq!((office.until(office.now + DAY * 30), office.clerk.open()), (Vec::new(), 0));
}

#[test]
fn whom_the_plan_does_not_call_nobody_calls() {
    let mut office = Office::new(monday(10, 0));
    office.complaint.from = Masked::from("02187654321");
    office.complaint.severity = Severity::High;
    office.until(monday(10, 5));
    office.says(monday(11, 0), ComplaintState::Solved);
    assert_eq!(office.until(monday(10, 0) + DAY * 30), []);
}

#[test]
fn nobody_puts_a_result_off_for_ever() {
    let mut office = Office::new(monday(10, 0));
    office.until(monday(10, 5));
    let mut put_off = |days: u32| {
        let update = ComplaintUpdate::ResultDue(monday(10, 0) + DAY * days);
        office.complaint.change(ComplaintChange::Updated { at: office.now, by: "2001".to_owned(), update });
        office.stands();
        office.until(monday(10, 5));
        office.complaint.result_due
    };
    assert_eq!(put_off(25), Some(monday(10, 0) + DAY * 25));
    assert_eq!(put_off(300), Some(monday(10, 0) + DAY * 30));
}
