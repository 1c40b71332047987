//! Wrong days: every mistake at once, each where it was written, with what may have been meant.

use hotline::dialplan::Diagnostic;
use hotline::rehearse::read;

use super::{SHORT, file, shipped};

#[track_caller]
fn check(text: &str, expected: &str) {
    let told = match read(&file("day.toml", text), None, None, &shipped()) {
        Ok((_, warnings)) => warnings,
        Err(mistakes) => mistakes,
    };
    let told: String = told.iter().map(Diagnostic::to_string).map(|text| text + "\n").collect();
    assert!(told.trim() == expected.trim(), "it went otherwise:\n{}\n", told.trim());
}

#[test]
fn names_that_the_dialplan_does_not_have() {
    let text = SHORT
        .replace("class.consultation", "class.consultaton")
        .replace("skills = { consultation = 4 }", "skills = { consultation = 12, vipp = 3 }");
    check(&text, "");
}

#[test]
fn curves_that_do_not_fit_the_day() {
    check(&SHORT.replace("[60, 120]", "[60, -1, 7]"), "");
    check(&SHORT.replace("1 h", "50 min"), "");
}

#[test]
fn times_and_distributions() {
    let text = SHORT
        .replace("talk = \"200 s\"", "talk = { mean = \"200 s\", shape = \"lognormall\" }")
        .replace("patience = \"150 s\"", "patience = { mean = 150, deviation = \"3 s\" }")
        .replace("09:00-11:30", "11:30-09:00");
    check(&text, "");
}

#[test]
fn nobody_calls_and_nobody_works() {
    check("[day]\nfrom = \"9\"\nuntil = \"11:00\"\n[shifts]\n", "");
}

#[test]
fn people_are_known_and_not_counted() {
    check(
        &SHORT.replace("count = { early = 6 }", "people = { early = [\"1001\", \"1101\"], earl = [] }"),
        "",
    );
}

#[test]
fn callers_whom_nobody_can_serve() {
    check(&SHORT.replace("consultation = 4", "complaint = 4"), "");
}
