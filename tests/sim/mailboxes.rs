//! The message box by phone, from outside: every key of it, and what each leaves behind.

use std::time::Duration;

use hotline::base::Instant;
use hotline::sim::{Act, Caller, Desk, DeskAct, Nature, Setup, When, World};

use super::plans;

const PLAN: &str = r#"
[hotline]
name = "Test"

[numbers]
10000 = { flow = "message" }
10001 = { flow = "mailbox" }

[[flow.message]]
message = { person = "4001", ask = [] }

[[flow.mailbox]]
mailbox = {}

[agent.4001]
mailbox = true
may_call = ["138."]

[agent.4002]
mailbox = true
"#;

const SECOND: Duration = Duration::from_secs(1);
const LISTENER: &str = "13912345678";

type Script = Vec<(When, Act)>;

fn keys(first: When, keys: &str) -> Script {
    let mut when = Some(first);
    keys.chars().map(|key| (when.take().unwrap_or(When::After(SECOND / 2)), Act::Press(key))).collect()
}

/// Extension and PIN, keyed in as they are asked for.
fn signs_in(extension: &str, pin: &str) -> Script {
    let mut script = keys(When::Hears("mailbox/enter-extension", SECOND), &format!("{extension}#"));
    script.extend(keys(When::Hears("mailbox/enter-pin", SECOND), &format!("{pin}#")));
    script
}

/// One message from each of these numbers, then somebody who calls the box: what becomes of the slips from then on, and
/// all that the listener hears.
fn heard_by(left_by: &[&str], script: Script) -> (Vec<String>, String) {
    let mut world = World::new(Setup { ladder: true, ..Setup::new(plans::small(PLAN)) });
    let mut at = Instant::ZERO + SECOND;
    for from in left_by {
        let leaves = vec![
            (When::Speaks(SECOND), Act::Speak(SECOND * 5)),
            (When::After(SECOND * 6), Act::Press('#')),
            (When::Hears("message/to-accept", SECOND * 20), Act::Press('1')),
        ];
        world.call_at(at, Caller::new(*from, "10000", Nature::Script(leaves)));
        at += SECOND * 90;
    }
    world.run_until(at);
    let before = world.ladder().len();
    world.call_at(at + SECOND, Caller::new(LISTENER, "10001", Nature::Script(script)));
    world.run_until(at + SECOND * 2);
    let drained = world.drain(SECOND * 600);
    let ladder = world.ladder()[before..].to_owned();
    assert!(drained && world.broken().is_empty(), "{:?}\n{ladder}", world.broken());
    let became = ladder.lines().filter_map(|line| Some(line.trim().split_once(' ')?.1.trim()));
    let became = became.filter(|line| line.starts_with("slip ")).map(str::to_owned).collect();
    (became, ladder)
}

/// Keys this after the menu of the first message; the rest of the call is silence.
#[track_caller]
fn pressed(key: char, expected: &[&str], said: &str) {
    let mut script = signs_in("4001", "246813");
    script.push((When::Hears("mailbox/to-skip", SECOND * 3), Act::Press(key)));
    let (became, ladder) = heard_by(&["13800138000"], script);
    assert!(became == expected, "{key}: {became:#?}\n{ladder}");
    assert!(ladder.contains(said), "{key}: not told {said}\n{ladder}");
}

#[test]
fn each_key_does_what_the_line_before_it_says() {
    pressed('1', &["slip m0 is marked heard"], "from-number");
    pressed('2', &["slip m0 is marked heard", "slip m0 is marked open"], "mailbox/saved");
    pressed('3', &["slip m0 is marked heard", "slip m0 is marked deleted"], "mailbox/deleted");
    pressed('4', &["slip m0 is marked heard", "slip m0 is marked open"], "goodbye/");
    pressed('5', &["slip m0 is marked heard"], "mailbox/forward-to");
    pressed('6', &["slip m0 is marked heard", "slip m0 is marked done"], "mailbox/marked-done");
    pressed('#', &["slip m0 is marked heard"], "mailbox/no-more");
    // No key at all: it stays what it is, heard.
    pressed('9', &["slip m0 is marked heard"], "goodbye/");
}

#[test]
fn the_menu_says_each_key_with_what_it_is_for() {
    let (_, ladder) = heard_by(&["13800138000"], signs_in("4001", "246813"));
    let menu = "mailbox/to-listen-again menu/press-1 mailbox/to-save menu/press-2 mailbox/to-delete menu/press-3 \
                mailbox/to-call-back menu/press-4 mailbox/to-forward menu/press-5 mailbox/to-mark-done menu/press-6 \
                mailbox/to-skip menu/press-pound";
    assert!(ladder.contains(menu), "{ladder}");
}

#[test]
fn a_message_is_forwarded_to_a_colleague_with_a_box_only() {
    let forwards = |to: &str| {
        let mut script = signs_in("4001", "246813");
        script.push((When::Hears("mailbox/to-skip", SECOND * 3), Act::Press('5')));
        script.extend(keys(When::Hears("mailbox/forward-to", SECOND), &format!("{to}#")));
        heard_by(&["13800138000"], script)
    };
    let (became, ladder) = forwards("4002");
    assert_eq!(became, ["slip m0 is marked heard", "slip m0 is forwarded to 4002"], "{ladder}");
    for nobody in ["4009", "4001", ""] {
        let (became, ladder) = forwards(nobody);
        assert_eq!(became, ["slip m0 is marked heard"], "{nobody}: {ladder}");
        assert!(ladder.contains("mailbox/no-such-box"), "{nobody}: {ladder}");
    }
}

#[test]
fn only_whom_the_owner_may_call_is_called_back() {
    let mut script = signs_in("4001", "246813");
    script.push((When::Hears("mailbox/to-skip", SECOND * 3), Act::Press('4')));
    let (became, ladder) = heard_by(&["13900139000"], script);
    assert_eq!(became, ["slip m0 is marked heard"], "{ladder}");
    assert!(ladder.contains("mailbox/cannot-call-back"), "{ladder}");
}

#[test]
fn a_key_works_while_the_message_still_speaks_and_what_is_skipped_stays_new() {
    let mut script = signs_in("4001", "246813");
    script.push((When::Hears("mailbox/received", SECOND * 3), Act::Press('#')));
    script.push((When::Hears("mailbox/received", SECOND * 3), Act::Press('6')));
    let (became, ladder) = heard_by(&["13800138000", "13800138001"], script);
    assert_eq!(became, ["slip m1 is marked done"], "{ladder}");
}

#[test]
fn who_hangs_up_in_the_middle_of_a_message_has_not_heard_it() {
    let mut script = signs_in("4001", "246813");
    script.push((When::Hears("mailbox/received", SECOND * 3), Act::HangUp));
    let (became, ladder) = heard_by(&["13800138000"], script);
    assert_eq!(became, Vec::<String>::new(), "{ladder}");
}

#[test]
fn a_wrong_pin_is_told_and_the_third_ends_the_call() {
    let mut script = signs_in("4001", "000000");
    script.extend(signs_in("4009", "000000"));
    let mut third = script.clone();
    script.extend(signs_in("4001", "246813"));
    let (_, ladder) = heard_by(&["13800138000"], script);
    assert_eq!(ladder.matches("hears mailbox/wrong-pin").count(), 2, "{ladder}");
    third.extend(signs_in("4001", "111111"));
    let (became, ladder) = heard_by(&["13800138000"], third);
    assert_eq!(became, Vec::<String>::new(), "{ladder}");
    assert!(!ladder.contains("mailbox/received") && ladder.contains("goodbye/"), "{ladder}");
}

const TEAM: &str = r#"
[hotline]
name = "Test"

[numbers]
10000 = { flow = "message" }
"*97" = { flow = "team", from = "desks" }

[[flow.message]]
message = { box = "counter", ask = [] }

[[flow.team]]
mailbox = { box = "counter" }

[[flow.team]]
hang_up = "goodbye/please-hang-up"

[box.counter]
readers = ["4001"]

[agent.4001]

[agent.4002]
"#;

/// What belongs to a team is heard by its readers at their own desks, and by nobody else.
#[test]
fn a_teams_box_is_opened_by_its_readers() {
    let desks = vec![Desk::new("4001"), Desk::new("4002")];
    let mut world = World::new(Setup { ladder: true, desks, ..Setup::new(plans::small(TEAM)) });
    (0..2).for_each(|desk| world.desk_at(Instant::ZERO, desk, DeskAct::Register));
    let says = vec![
        (When::Speaks(SECOND), Act::Speak(SECOND * 5)),
        (When::After(SECOND * 6), Act::Press('#')),
        (When::Hears("message/to-accept", SECOND * 20), Act::Press('1')),
    ];
    world.call_at(Instant::ZERO + SECOND * 5, Caller::new(LISTENER, "10000", Nature::Script(says)));
    world.desk_at(Instant::ZERO + SECOND * 90, 1, DeskAct::Dial("*97".to_owned()));
    world.desk_at(Instant::ZERO + SECOND * 120, 0, DeskAct::Dial("*97".to_owned()));
    world.run_until(Instant::ZERO + SECOND * 200);
    let drained = world.drain(SECOND * 600);
    let ladder = world.ladder();
    assert!(drained && world.broken().is_empty(), "{:?}\n{ladder}", world.broken());
    let foreign = ladder.find("mailbox/no-such-box").expect("who is no reader");
    let heard = ladder.find("mailbox/received").expect("who is");
    assert!(foreign < heard && ladder.matches("mailbox/received").count() == 1, "{ladder}");
    assert!(ladder.contains("slip m0 is marked heard"), "{ladder}");
}
