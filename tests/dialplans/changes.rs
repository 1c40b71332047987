//! What is said of two plans: in words that a caller would understand, and nothing where nothing changed.

use hotline::base::{Catalog, Language, PromptInfo};
use hotline::dialplan::{Plan, Prompted, changes, prompt_changes};
use std::time::Duration;

use super::{plan_of, shipped, show};

const BEFORE: &str = r#"
[numbers]
10000 = { flow = "main" }

[[flow.main]]
play = "greeting/welcome"
[[flow.main]]
hours = { calendar = "hours", closed = "closed" }
[[flow.main]]
menu = "main"

[menu.main]
before = "menu/listen"
exhausted = "consult"
[menu.main.keys]
1 = { say = "topic/consult", goto = "consult" }
3 = { say = "topic/complaint", goto = "consult" }
9 = { say = "topic/repeat", repeat = true }

[[flow.consult]]
queue = { to = "vip" }

[[flow.complaints]]
message = { box = "complaints" }

[[flow.closed]]
hang_up = "closed/after-hours"

[queue.vip]
skills = { consultation = 1 }
credit = "90 s"

[calendar.hours]
open = { mon-fri = "09:00-17:30" }

[list.known]
entries = ["13800000001", { number = "13800000002", manager = "1001" }]

[agent."1010-1030"]
skills = { consultation = 3 }
"#;

fn plan(text: &str) -> Plan {
    plan_of(text).unwrap_or_else(|mistakes| panic!("{}", show(&mistakes))).0
}

fn told(edit: &[(&str, &str)]) -> Vec<String> {
    let mut text = BEFORE.to_owned();
    for (old, new) in edit {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    changes(&plan(BEFORE), &plan(&text)).iter().map(ToString::to_string).collect()
}

#[test]
fn a_key_that_leads_elsewhere_is_told_by_both_ends() {
    let edit = [("\"topic/complaint\", goto = \"consult\"", "\"topic/complaint\", goto = \"complaints\"")];
    assert_eq!(told(&edit), ["menu main: key 3 now leads to complaints instead of consult"]);
    let edit = [(
        "9 = { say = \"topic/repeat\", repeat = true }",
        "9 = { say = \"topic/repeat\", goto = \"consult\" }",
    )];
    assert_eq!(told(&edit), ["menu main: key 9 now leads to consult; before, it said it again"]);
    let edit = [("9 = { say = \"topic/repeat\", repeat = true }\n", "")];
    assert_eq!(
        told(&edit),
        [
            "menu main: key 9 means nothing any more; it said it again",
            "menu main: what it says is now menu/listen topic/consult menu/press-1 topic/complaint menu/press-3; it was \
             menu/listen topic/consult menu/press-1 topic/complaint menu/press-3 topic/repeat menu/press-9"
        ]
    );
}

#[test]
fn fields_are_told_with_what_they_were() {
    let told = told(&[
        ("credit = \"90 s\"", "credit = \"60 s\"\nmax_wait = \"10 min\""),
        ("mon-fri = \"09:00-17:30\"", "mon-fri = \"08:30-17:30\", sat = \"09:00-12:00\""),
        ("exhausted = \"consult\"", "exhausted = \"complaints\""),
    ]);
    assert_eq!(
        told,
        [
            "menu main: where the end of tries leads is now complaints; it was consult",
            "queue vip: the credit is now 60 s; it was 90 s",
            "queue vip: the longest wait is now 10 min; it was 5 min",
            "calendar hours: the week is now Monday to Friday 08:30-17:30, Saturday 09:00-12:00, Sunday closed; it was \
             Monday to Friday 09:00-17:30, Saturday to Sunday closed",
            "calendar hours: the time of make-up workdays is now 08:30-17:30; it was 09:00-17:30",
        ]
    );
}

#[test]
fn steps_are_told_where_they_stand() {
    let listed = (
        "play = \"greeting/welcome\"",
        "play = \"greeting/welcome\"\n[[flow.main]]\nlookup = { list = \"known\", found = \"consult\" }",
    );
    assert_eq!(told(&[listed]), ["flow main: after `play greeting/welcome` does `lookup known`, too"]);
    assert_eq!(
        told(&[("play = \"greeting/welcome\"", "play = \"notice/recording\"")]),
        ["flow main: at its beginning does `play notice/recording` instead of `play greeting/welcome`"]
    );
    assert_eq!(
        told(&[("[[flow.main]]\nhours = { calendar = \"hours\", closed = \"closed\" }\n", "")]),
        ["flow main: after `play greeting/welcome` does not do `hours hours` any more"]
    );
    assert_eq!(
        told(&[("queue = { to = \"vip\" }", "queue = { to = \"vip\", keys = { 2 = \"complaints\" } }")]),
        ["flow consult: `queue vip`: where key 2 leads is now complaints; there was none"]
    );
}

#[test]
fn people_who_change_alike_are_told_together_and_customers_by_their_number() {
    assert_eq!(
        told(&[("skills = { consultation = 3 }", "skills = { consultation = 4 }")]),
        [
            "agents 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1017 and 13 more: the skill consultation is now level 4; it was level 3"
        ]
    );
    assert_eq!(told(&[("[agent.\"1010-1030\"]", "[agent.\"1010-1029\"]")]), ["agent 1030: has left"]);
    let listed = told(&[("\"13800000001\", ", "\"13800000007\", \"13800000008\", ")]);
    assert_eq!(listed, ["list known: 2 numbers more, 1 fewer"]);
    let moved = told(&[("manager = \"1001\"", "manager = \"4001\"")]);
    assert_eq!(moved, ["list known: 1 numbers have another manager"]);
}

#[test]
fn what_is_the_same_is_not_told_whatever_the_order_it_is_written_in() {
    assert_eq!(told(&[]), Vec::<String>::new());
    let (head, rest) = BEFORE.split_once("[queue.vip]").unwrap();
    let turned = format!("[queue.vip]{rest}{head}");
    assert_eq!(changes(&plan(BEFORE), &plan(&turned)), []);
}

/// Whatever may be written in a dialplan has words.
#[test]
fn the_shipped_plan_has_words_for_all_that_it_does() {
    let load = |files: &[_]| hotline::dialplan::load(files, super::catalog()).unwrap().0;
    let whole = load(&shipped());
    assert_eq!(changes(&whole, &whole), []);
    let empty = plan("[numbers]\n1 = \"bye\"\n[[flow.bye]]\nhang_up = \"goodbye/thanks\"\n");
    let told: Vec<String> = changes(&empty, &whole).iter().map(ToString::to_string).collect();
    for what in [
        "number 10000: is served now, and begins with main",
        "menu main: is new",
        "queue vip: is new",
        "flow bye: is gone",
    ] {
        assert!(told.iter().any(|one| one == what), "{what}: {told:#?}");
    }
    assert!(told.iter().all(|one| !one.contains("nowhere")), "{told:#?}");
}

#[test]
fn a_prompt_that_says_something_else_is_quoted() {
    let catalog = |text: &str, ms| {
        let mut catalog = Catalog::default();
        let duration = Duration::from_millis(ms);
        let info = PromptInfo {
            name: "greeting/welcome".into(),
            language: Some(Language::new("zh-CN")),
            text: text.into(),
            duration,
        };
        catalog.add(info).unwrap();
        Prompted::of(&catalog)
    };
    let told = |old: &Prompted, new: &Prompted| {
        prompt_changes(old, new).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (old, new) = (catalog("您好", 2_000), catalog("欢迎", 2_000));
    assert_eq!(told(&old, &new), ["prompt greeting/welcome (zh-CN): says “欢迎”; it said “您好”"]);
    assert_eq!(
        told(&old, &catalog("您好", 2_400)),
        ["prompt greeting/welcome (zh-CN): is another recording, 2.4 s long; it was 2.0 s"]
    );
    assert_eq!(told(&old, &Prompted::default()), ["prompt greeting/welcome (zh-CN): is gone"]);
    // As it is kept with a version.
    assert_eq!(Prompted::read(&old.written()), old);
    assert_eq!(Prompted::read("nonsense\nzh-CN\tx\tnumber\ttext\n"), Prompted::default());
}
