//! Wrong days: every mistake at once, each where it was written, with what may have been meant.

use hotline::rehearse::read;

use super::{SHORT, file, shipped};

/// Each as `line: reason`, and the help below it; in order.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let told = match read(&file("day.toml", text), None, None, &shipped()) {
        Ok((_, warnings)) => warnings,
        Err(mistakes) => mistakes,
    };
    let mut lines = Vec::new();
    for diagnostic in told {
        lines.push(format!("{}: {}", diagnostic.line, diagnostic.reason));
        lines.extend(diagnostic.help);
    }
    assert_eq!(lines, expected);
}

#[test]
fn names_that_the_dialplan_does_not_have() {
    let text = SHORT
        .replace("class.consultation", "class.consultaton")
        .replace("{ consultation = 4 }", "{ consultation = 12, vipp = 3 }");
    check(
        &text,
        &[
            "7: the dialplan has no queue `consultaton`",
            "did you mean `consultation`?",
            "17: the level of a skill is a number from 1 to 9",
            "17: the dialplan has no skill `vipp`",
            "did you mean `vip`?",
        ],
    );
}

#[test]
fn curves_that_do_not_fit_the_day() {
    check(
        &SHORT.replace("[60, 120]", "[60, -1, 7]"),
        &[
            "8: `calls` has 3 numbers, and the day has 2 intervals",
            "8: a number of `calls` is a number from 0 to 100000",
        ],
    );
    check(&SHORT.replace("1 h", "50 min"), &["5: the day is not a whole number of `every`"]);
}

#[test]
fn times_and_distributions() {
    let text = SHORT
        .replace("talk = \"200 s\"", "talk = { mean = \"200 s\", shape = \"lognormall\" }")
        .replace("patience = \"150 s\"", "patience = { mean = \"150 s\", deviation = \"3 s\" }")
        .replace("09:00-11:30", "11:30-09:00");
    check(
        &text,
        &[
            "9: `shape` is one of exponential, lognormal, fixed",
            "did you mean `lognormal`?",
            "10: only a `lognormal` distribution has a deviation of its own",
            "write shape = \"lognormal\" beside it",
            "13: hours are two ascending times of one day",
            "write \"09:00-18:00\"",
        ],
    );
}

#[test]
fn people_and_shifts_that_there_are_not() {
    check(
        &SHORT.replace("count = { early = 6 }", "people = { early = [\"1001\", \"1101\"], earl = [] }"),
        &[
            "16: the dialplan has nobody at the extension 1101",
            "did you mean `1001`?",
            "16: `[shift]` has no `earl`",
            "did you mean `early`?",
            "17: the skills of `people` are those of the dialplan",
        ],
    );
}

#[test]
fn callers_whom_nobody_can_serve_are_pointed_out() {
    check(
        &SHORT.replace("{ consultation = 4 }", "{ complaint = 4 }"),
        &["7: nobody on duty has the skills for queue `consultation`"],
    );
}
