//! Days through the whole dialplan: what becomes of callers when a key leads elsewhere, a menu says another one, or the
//! hours change.

use std::sync::Arc;

use hotline::base::Wall;
use hotline::daemon::dialplans;
use hotline::daemon::prompts::Prompts;
use hotline::dialplan::Plan;
use hotline::rehearse::{Days, Ends, Passage, PassageFigures, Passages, Sample, Wishes, chart, pass};

use super::{day, shipped};

/// Midnight before Monday, 23 November 2026, in Beijing.
const MIDNIGHT: Wall = Wall::from_micros(1_795_363_200_000_000);

/// Enough people for everybody: what the plan does to callers is what is seen.
const DAY: &str = r#"
[day]
from = "10:00"
until = "12:00"
every = "1 h"

[class.consultation]
calls = [120, 120]
talk = "120 s"
patience = "300 s"

[class.lost-card]
calls = [60, 60]
talk = "120 s"
patience = "300 s"

[class.complaint]
calls = [60, 60]
talk = "120 s"
patience = "300 s"

[class.vip]
calls = [30, 30]
talk = "120 s"
patience = "300 s"

[shift]
early = "09:00-13:00"

[staff.desk]
count = { early = 40 }
skills = { consultation = 5, complaint = 5, vip = 5 }
"#;

/// The shipped plan with one place of its text written otherwise.
fn edited(old: &str, new: &str) -> Arc<Plan> {
    let prompts = Prompts::load(None).unwrap();
    let mut files = dialplans::sources(&dialplans::Config::default()).unwrap();
    assert!(files.iter().any(|file| file.text.contains(old)), "{old}");
    files.iter_mut().for_each(|file| file.text = file.text.replace(old, new));
    Arc::new(dialplans::plan_of(&files, &[], &prompts.catalog).unwrap().0)
}

fn passed(plan: &Arc<Plan>) -> Passage {
    let day = day(DAY);
    let wishes = Wishes::of(&shipped(), &day, MIDNIGHT);
    assert_eq!(wishes.unreached, Vec::<String>::new());
    pass("x", plan, &wishes, &day, Days { count: 4, seed: 3 }, MIDNIGHT, &|_| {})
}

fn class<'a>(passage: &'a Passage, name: &str) -> &'a PassageFigures {
    passage.classes.iter().find(|class| class.name == name).unwrap()
}

fn mean(sample: &Sample) -> f64 {
    sample.estimate().unwrap().mean
}

fn end(figures: &PassageFigures, end: Ends) -> f64 {
    let at = Ends::ALL.iter().position(|one| *one == end).unwrap();
    mean(&figures.ends[at])
}

#[test]
fn callers_of_the_shipped_plan_come_to_their_own_people() {
    let passage = passed(&shipped());
    for name in ["consultation", "lost-card", "complaint", "vip"] {
        let figures = class(&passage, name);
        assert!(end(figures, Ends::Person) > 85.0, "{name}: {figures:?}");
        let ends: f64 = Ends::ALL.iter().map(|one| end(figures, *one)).sum();
        assert!((ends - 100.0).abs() < 1e-6, "every caller ends somewhere: {ends}");
        assert!(mean(&figures.seconds) > 5.0, "{figures:?}");
    }
    // Some press wrong keys, and land with whoever takes those who cannot choose.
    let lost = class(&passage, "lost-card");
    assert!((2.0..20.0).contains(&mean(&lost.wrong_keys)), "{lost:?}");
    assert!(mean(&lost.wrong_place) < 10.0, "{lost:?}");
    // Language and menu; who is known by their number presses nothing.
    assert!((1.5..3.0).contains(&mean(&lost.keys)), "{lost:?}");
    assert!(mean(&class(&passage, "vip").keys) < 0.5);
    assert_eq!(passage, passed(&shipped()), "a seed is a proof");
}

#[test]
fn a_key_that_leads_elsewhere_brings_callers_to_the_wrong_place() {
    let plan = edited("goto = \"complaint\" }", "goto = \"consultation\" }");
    let (before, after) = (passed(&shipped()), passed(&plan));
    let wrong = |passage: &Passage, name| mean(&class(passage, name).wrong_place);
    assert!(wrong(&after, "complaint") > 80.0 && wrong(&before, "complaint") < 10.0);
    assert_eq!(wrong(&after, "consultation"), wrong(&before, "consultation"), "nobody else is concerned");
}

#[test]
fn a_menu_that_says_the_wrong_key_costs_wrong_keys_and_time() {
    let said = "[menu.main.keys]\n1 = { say = \"topic/consult\", goto = \"consultation\" }\n";
    let told = "prompts = [\"menu/listen\", \"topic/consult\", \"menu/press-8\", \"topic/lost-card\", \"menu/press-3\"]\n\
                [menu.main.keys]\n1 = \"consultation\"\n";
    let (before, after) = (passed(&shipped()), passed(&edited(said, told)));
    let (usual, worse) = (class(&before, "consultation"), class(&after, "consultation"));
    assert!(mean(&worse.wrong_keys) > 80.0 && mean(&usual.wrong_keys) < 20.0, "{worse:?}");
    assert!(mean(&worse.seconds) > mean(&usual.seconds) + 10.0, "{worse:?}");
}

#[test]
fn who_calls_when_it_is_closed_leaves_a_message_or_hears_goodbye() {
    let plan = edited("mon-fri = \"08:00-20:00\"", "mon-fri = \"08:00-09:00\"");
    let after = passed(&plan);
    let figures = class(&after, "consultation");
    assert!(end(figures, Ends::Person) < 10.0, "{figures:?}");
    assert!(end(figures, Ends::Message) > 50.0, "{figures:?}");
}

#[test]
fn two_plans_stand_beside_each_other_in_a_table_and_a_chart() {
    let plan = edited("goto = \"complaint\" }", "goto = \"consultation\" }");
    let mut passages = vec![passed(&shipped()), passed(&plan)];
    (passages[0].name, passages[1].name) = ("on <disk>".to_owned(), "new".to_owned());
    let passages = Passages { day: "day.toml".to_owned(), days: Days { count: 4, seed: 3 }, passages };
    let table = passages.to_string();
    let line = table.lines().find(|line| line.contains("in the wrong place") && line.contains("(+")).unwrap();
    assert!(line.contains("%"), "{table}");
    assert!(table.contains("reached a person") && !table.contains("is called back"), "{table}");
    let svg = chart(&passages);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.contains("on &lt;disk&gt;"));
    // Well-formed, and a bar for each end of each class of each plan beside the legend and the ground.
    let read = roxmltree::Document::parse(&svg).unwrap();
    let bars = read.descendants().filter(|node| node.has_tag_name("rect")).count();
    assert_eq!(bars, 1 + 7 + 2 * 4 * 7);
}
