//! Rehearsals as an administrator meets them: days as they are written, their mistakes, and what becomes of them.

mod mistakes;
mod policy;
mod through;

use std::sync::{Arc, OnceLock};

use hotline::base::{CallId, Masked, Wall};
use hotline::daemon::dialplans;
use hotline::daemon::prompts::Prompts;
use hotline::dialplan::{Plan, SourceFile};
use hotline::record::{CallEnd, CallRecord, QueueOutcome, QueueVisit};
use hotline::rehearse::{Day, Days, Outcome, Rehearsal, read, recorded, reference, rehearse};

fn shipped() -> Arc<Plan> {
    static PLAN: OnceLock<Arc<Plan>> = OnceLock::new();
    let load = || {
        let prompts = Prompts::load(None).unwrap();
        dialplans::load(&dialplans::Config::default(), &prompts.catalog).unwrap().0
    };
    PLAN.get_or_init(load).clone()
}

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.to_owned(), text: text.to_owned() }
}

/// One of the folder `days`.
fn shipped_day(name: &str) -> Day {
    let path = format!("{}/src/rehearse/days/{name}", env!("CARGO_MANIFEST_DIR"));
    let (day, warnings) =
        read(&file(name, &std::fs::read_to_string(path).unwrap()), None, None, &shipped()).unwrap();
    assert_eq!(warnings, []);
    day
}

fn day(text: &str) -> Day {
    read(&file("day.toml", text), None, None, &shipped()).unwrap().0
}

fn mean(
    outcome: &Outcome,
    class: &str,
    figure: fn(&hotline::rehearse::ClassFigures) -> &hotline::rehearse::Sample,
) -> f64 {
    let class = outcome.classes.iter().find(|c| c.name == class).unwrap();
    figure(&class.figures).estimate().unwrap().mean
}

/// Two hours of one line.
const SHORT: &str = r#"
[day]
from = "09:00"
until = "11:00"
every = "1 h"

[class.consultation]
calls = [60, 120]
talk = "200 s"
patience = "150 s"

[shift]
early = "09:00-11:30"

[staff.desk]
count = { early = 6 }
skills = { consultation = 4 }
"#;

#[test]
fn the_same_seed_gives_the_same_days_and_another_one_others() {
    let (plan, day) = (shipped(), day(SHORT));
    let run = |seed| rehearse("x", &plan, &day, Days { count: 3, seed }, None);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn more_people_answer_sooner_and_are_less_busy() {
    let plan = shipped();
    let days = Days { count: 10, seed: 4 };
    let few = rehearse("few", &plan, &day(SHORT), days, None);
    let many = rehearse("many", &plan, &day(&SHORT.replace("early = 6", "early = 12")), days, None);
    let class = "consultation";
    assert!(mean(&few, class, |f| &f.service_level) < mean(&many, class, |f| &f.service_level));
    assert!(mean(&few, class, |f| &f.abandonment) > mean(&many, class, |f| &f.abandonment));
    assert!(mean(&few, class, |f| &f.occupancy) > mean(&many, class, |f| &f.occupancy));
    // 180 calls on average, and the same ones for both.
    assert!((mean(&few, class, |f| &f.calls) - 180.0).abs() < 15.0);
    assert_eq!(few.classes[0].figures.calls, many.classes[0].figures.calls);
    // Somebody is there the whole time: nobody is sent away.
    assert_eq!(mean(&few, class, |f| &f.turned_away), 0.0);
}

#[test]
fn a_roster_takes_the_place_of_the_days_own() {
    let roster = file(
        "roster.toml",
        "[shift]\nlate = \"10:00-11:00\"\n[staff.late]\ncount = { late = 2 }\nskills = { vip = 1 }\n",
    );
    let (day, warnings) = read(&file("day.toml", SHORT), Some(&roster), None, &shipped()).unwrap();
    assert_eq!((day.staff.len(), day.staff[0].agents.len()), (1, 2));
    // VIP agents serve no consultations.
    assert_eq!(warnings.len(), 1);
    let outcome = rehearse("x", &shipped(), &day, Days { count: 2, seed: 1 }, None);
    assert_eq!(mean(&outcome, "consultation", |f| &f.turned_away), 100.0);
}

#[test]
fn people_of_the_dialplan_have_the_skills_that_they_have_there() {
    let people = SHORT.replace(
        "count = { early = 6 }\nskills = { consultation = 4 }",
        "people = { early = [\"1001\", \"3001\"] }",
    );
    let day = day(&people);
    let plan = shipped();
    let skills = |extension| plan.agent_by_extension(extension).unwrap().skills.len();
    assert_eq!(
        day.staff[0].agents.iter().map(|worker| worker.skills.len()).collect::<Vec<_>>(),
        [skills("1001"), skills("3001")]
    );
}

fn record(at_s: u64, queue: &str, outcome: QueueOutcome, waited_s: u64, talked_s: u64) -> CallRecord {
    let midnight = Wall::from_micros(1_795_363_200_000_000);
    let entered = midnight + std::time::Duration::from_secs(at_s);
    CallRecord {
        call: CallId(at_s),
        sip_call_id: String::new(),
        from: Masked::default(),
        withheld: false,
        diverted: Vec::new(),
        dialled: String::new(),
        origin: String::new(),
        language: "zh-CN".to_owned(),
        grade: None,
        started: entered,
        answered: Some(entered),
        ended: entered,
        stages: Vec::new(),
        keys: Masked::default(),
        queue: Some(QueueVisit {
            name: queue.to_owned(),
            entered,
            waited_ms: waited_s * 1000,
            offers: 1,
            outcome,
            agent: None,
            talked_ms: talked_s * 1000,
            target_ms: 20_000,
        }),
        recordings: Vec::new(),
        slip: None,
        outside: None,
        complaint: None,
        survey: None,
        notes: Vec::new(),
        legs: Vec::new(),
        version: None,
        wrong_keys: 0,
        end: CallEnd::CallerHungUp,
    }
}

/// With enough people everybody is served whom nobody served then; the calls come as they came.
#[test]
fn recorded_calls_come_again() {
    use QueueOutcome::{Abandoned, MaxWait, Served};
    let calls: Vec<_> = (0..50)
        .map(|n| match n % 5 {
            0 => record(36_000 + 10 * n, "vip", Abandoned, 60, 0),
            1 => record(36_000 + 10 * n, "gone", Served, 1, 10),
            2 => record(36_000 + 10 * n, "complaint", MaxWait, 300, 0),
            _ => record(36_000 + 10 * n, "complaint", Served, 30, 120),
        })
        .collect();
    let (classes, strangers) = recorded(&shipped(), &calls, Wall::from_micros(1_795_363_200_000_000));
    assert_eq!(strangers, 10);
    let roster = "[day]\nfrom = \"09:00\"\nuntil = \"12:00\"\n[shift]\nlong = \"09:00-13:00\"\n[staff.all]\ncount = { long = 60 }\nskills = { vip = 5, complaint = 5 }\n";
    let (day, _) = read(&file("day.toml", roster), None, Some(classes), &shipped()).unwrap();
    let outcome = rehearse("x", &shipped(), &day, Days { count: 2, seed: 1 }, None);
    let names: Vec<_> = outcome.classes.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["complaint", "vip"]);
    assert_eq!(
        (mean(&outcome, "complaint", |f| &f.calls), mean(&outcome, "vip", |f| &f.calls)),
        (30.0, 10.0)
    );
    for class in names {
        assert_eq!(mean(&outcome, class, |f| &f.service_level), 100.0);
    }
}

#[test]
fn the_table_and_the_differences() {
    let (plan, days) = (shipped(), Days { count: 5, seed: 1 });
    let more = SHORT.replace("early = 6", "early = 12");
    let outcomes = vec![
        rehearse("hotline", &plan, &day(SHORT), days, None),
        rehearse("roster more.toml", &plan, &day(&more), days, None),
    ];
    let alone = Rehearsal { day: "day.toml".to_owned(), days, outcomes: outcomes[..1].to_vec() };
    let head = alone.to_string().lines().nth(2).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(head, "class calls target service level abandonment ASA longest wait turned away occupancy");
    let beside = Rehearsal { day: "day.toml".to_owned(), days, outcomes };
    let text = beside.to_string();
    assert!(text.lines().nth(2).unwrap().ends_with("roster more.toml"), "{text}");
    assert!(text.contains("service level  ") && text.contains(" % (+"), "{text}");
    let differences = beside.differences();
    let service = differences.iter().find(|d| d.figure == "service level").unwrap();
    assert_eq!((service.outcome.as_str(), service.class.as_str()), ("roster more.toml", "consultation"));
    // The same callers: sure of the difference after five days.
    assert!(service.more.mean > service.more.half_width && service.more.half_width > 0.0);
}

#[test]
fn the_printed_reference_is_the_one_in_the_folder() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rehearse/days/REFERENCE.md");
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        written == reference(),
        "out of date: hotline rehearse --reference > src/rehearse/days/REFERENCE.md"
    );
}

/// The examples of the reference, one after the other, are a day.
#[test]
fn the_examples_are_a_day() {
    let reference = reference();
    let examples = reference.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let day = day(&examples.collect::<Vec<_>>().concat());
    let agents: Vec<_> = day.staff.iter().map(|staff| (staff.name.as_str(), staff.agents.len())).collect();
    assert_eq!((day.classes.len(), agents), (2, vec![("complaint-desk", 20), ("managers", 1)]));
}
