//! `when`: by the grade, by numbers and keyed digits, by how a queue stands; and what is wrong about one.

use std::sync::Arc;

use hotline::dialplan::{Origin, Plan};

use super::plan_of;
use super::walk::{Walk, check};

fn plan(when: &str) -> Arc<Plan> {
    let text = format!(
        "[numbers]\n10000 = \"main\"\n[[flow.main]]\nlookup = {{ list = \"known\", missing = \"ask\" }}\n\
         [[flow.main]]\ngoto = \"ask\"\n\
         [[flow.ask]]\nwhen = {when}\n[[flow.ask]]\nhang_up = \"goodbye/nice-day\"\n\
         [[flow.yes]]\nhang_up = \"goodbye/thanks\"\n[list.known]\ngrade = \"VIP\"\nentries = [\"13800138000\"]\n"
    );
    Arc::new(plan_of(&text).unwrap_or_else(|mistakes| panic!("{}", super::show(&mistakes))).0)
}

const YES: &str = "    says 感谢您的来电，再见。";

fn leads(plan: &Arc<Plan>, from: &str, script: &str) -> bool {
    let walk = Walk::new(plan, "10000", from, Origin::Caller, "2026-11-20T09:30:00").run(script);
    let ladder = walk.ladder();
    assert!(ladder.contains("says "), "{ladder}");
    ladder.contains(YES)
}

#[test]
fn by_the_grade_and_the_number() {
    let graded = plan("{ grade = \"VIP\", then = \"yes\" }");
    assert!(leads(&graded, "13800138000", "") && !leads(&graded, "13500000000", ""));
    let mobile = plan("{ is = [\"1[3-9]XXXXXXXXX\", \"+861.\"], then = \"yes\" }");
    assert!(leads(&mobile, "13500000000", "") && leads(&mobile, "+8613500000000", ""));
    assert!(!leads(&mobile, "02188880000", "") && !leads(&mobile, "", ""), "withheld is no mobile number");
    let both = plan("{ grade = \"VIP\", is = \"139.\", then = \"yes\" }");
    assert!(!leads(&both, "13800138000", ""), "all of it must hold");
}

#[test]
fn by_how_a_queue_stands() {
    let crowded = plan(
        "{ queue = \"consultation\", waiting = 20, longest_wait = \"60 s\", ready_below = 2, then = \"yes\" }",
    );
    for (line, holds) in [
        ("line:20/60/1", true),
        ("line:19/60/1", false),
        ("line:20/59/1", false),
        ("line:20/60/2", false),
        ("line:0/0/0", false),
    ] {
        assert_eq!(leads(&crowded, "13500000000", line), holds, "{line}");
    }
    // Who is not asked about is not looked at.
    check(
        Walk::caller(
            &plan("{ queue = \"consultation\", waiting = 1, grade = \"VIP\", then = \"yes\" }"),
            "10000",
        ),
        "answered\n    says 祝您生活愉快，再见。",
    );
}

#[test]
fn what_was_keyed_in() {
    let text = "[numbers]\n1 = \"main\"\n[[flow.main]]\n\
        collect = { into = \"branch\", ask = \"menu/enter-extension\", most = 3, on_failure = \"no\" }\n[[flow.main]]\n\
        when = { value = \"branch\", is = \"7X\", then = \"yes\", else = \"no\" }\n[[flow.yes]]\nhang_up = \"goodbye/thanks\"\n\
        [[flow.no]]\nhang_up = \"goodbye/nice-day\"\n";
    let plan = Arc::new(plan_of(text).unwrap_or_else(|mistakes| panic!("{}", super::show(&mistakes))).0);
    for (keys, holds) in [("heard 71#", true), ("heard 81#", false), ("heard 711", false)] {
        assert_eq!(Walk::caller(&plan, "1").run(keys).ladder().contains(YES), holds, "{keys}");
    }
}

#[test]
fn what_is_wrong_about_one() {
    let mistake = |when: &str| {
        let text = format!(
            "[numbers]\n1 = \"main\"\n[[flow.main]]\nwhen = {when}\n[[flow.main]]\nhang_up = \"goodbye/thanks\"\n\
             [[flow.yes]]\nhang_up = \"goodbye/thanks\"\n"
        );
        plan_of(&text).map(|_| ()).map_err(|all| all.first().unwrap().reason.clone())
    };
    for (when, reason) in [
        ("{ then = \"yes\" }", "`when` needs something to ask: a `queue`, a `grade` or `is`"),
        (
            "{ queue = \"consultation\", then = \"yes\" }",
            "`queue` needs `waiting`, `longest_wait` or `ready_below` beside it",
        ),
        ("{ waiting = 3, then = \"yes\" }", "`waiting` needs a `queue` beside it"),
        ("{ grade = \"VIP\", value = \"caller\", then = \"yes\" }", "`value` needs `is` beside it"),
        ("{ grade = \"VIP\" }", "`when` needs the field `then`"),
    ] {
        assert_eq!(mistake(when), Err(reason.to_owned()), "{when}");
    }
    // A circle that nobody has a part in.
    let text = "[numbers]\n1 = \"main\"\n[[flow.main]]\nwhen = { grade = \"VIP\", then = \"main\", else = \"main\" }\n";
    let reasons: Vec<String> = plan_of(text).err().unwrap().iter().map(|one| one.reason.clone()).collect();
    assert!(
        reasons.iter().any(|one| one.starts_with("this goes round without the caller's input")),
        "{reasons:?}"
    );
}
