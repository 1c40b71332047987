//! The reference says what the loader does.

use hotline::dialplan::{examples, load, reference};

use super::{HOTLINE, catalog, file, show};

/// What an example needs and does not define itself.
const HOUSE: &[(&str, &str)] = &[
    ("[hotline]", HOTLINE),
    ("[numbers]", "[numbers]\n1 = \"main\"\n"),
    ("[[flow.main]]", "[[flow.main]]\nhang_up = {}\n"),
    ("[calendar.service]", "[calendar.service]\nopen = { mon-fri = \"09:00-18:00\" }\n"),
    ("[skill.consultation]", "[skill.consultation]\n"),
    ("[queue.consultation]", "[queue.consultation]\nskills = { consultation = 1 }\n"),
    ("[agent.1001]", "[agent.1001]\nskills = { consultation = 5 }\n"),
    ("[agent.4001]", "[agent.4001]\nmailbox = true\n"),
    ("[list.vip]", "[list.vip]\nentries = [\"13800138000\"]\n"),
];

#[test]
fn every_example_is_a_plan_without_a_word() {
    for example in examples() {
        let mut text = example.text.to_owned();
        for (_, rest) in HOUSE.iter().filter(|(head, _)| !example.text.contains(head)) {
            text.push('\n');
            text.push_str(rest);
        }
        match load(&[file("example.toml", &text)], catalog()) {
            Ok((_, warnings)) => assert!(warnings.is_empty(), "{}:\n{}", example.name, show(&warnings)),
            Err(mistakes) => panic!("{}:\n{}", example.name, show(&mistakes)),
        }
    }
}

#[test]
fn every_verb_and_table_is_in_it() {
    let reference = reference();
    for name in [
        "play",
        "say",
        "language",
        "menu",
        "collect",
        "find",
        "callback",
        "callback_at",
        "hours",
        "lookup",
        "when",
        "queue",
        "dial",
        "message",
        "mailbox",
        "complaint",
        "survey",
        "presence",
        "park",
        "pick_up",
        "goto",
        "wait",
        "hang_up",
        "hotline",
        "defaults",
        "numbers.<number>",
        "menu.<name>",
        "menu.<name>.keys.<key>",
        "queue.<name>",
        "skill.<name>",
        "agent.<extension>",
        "box.<name>",
        "complaints",
        "list.<name>",
        "list.<name>.entries",
        "calendar.<name>",
        "holidays.<name>.<year>",
        "holidays.<name>.<year>.days",
        "policy.few-keys",
        "policy.person-from-every-menu",
        "policy.depth",
        "policy.short-words",
        "policy.apology",
        "policy.read-back",
        "policy.recording-notice",
        "policy.time-to-person",
    ] {
        assert!(reference.contains(&format!("### `{name}`\n")), "{name}");
    }
    assert_eq!(examples().len(), 47);
    assert_eq!(reference.matches("```toml").count(), 47);
}

/// An example shows what it is about.
#[test]
fn every_example_uses_what_it_documents() {
    for example in examples() {
        let word = example.name.split('.').next().unwrap();
        assert!(example.text.contains(word), "{}", example.name);
    }
}

#[test]
fn a_row_has_form_default_and_meaning() {
    let reference = reference();
    for row in [
        "| `first_digit` | a time, 500 ms to 1 min | `5 s` | How long the first digit is waited for. |",
        "| `tries` | 1 to 9 | `3` | How often the caller may be wrong or silent. |",
        "| `list` | the name of a list | **needed** | Which list. |",
        "| `max_wait` | a time, 5 s to 2 h, or `\"never\"` | `300 s` | Longest wait; then `on_max_wait`. |",
    ] {
        assert!(reference.contains(row), "{row}\n{reference}");
    }
}

#[test]
fn the_printed_reference_is_the_one_in_the_folder() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/dialplans/REFERENCE.md");
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        written == reference(),
        "dialplans/REFERENCE.md is out of date: hotline reference > dialplans/REFERENCE.md"
    );
}
