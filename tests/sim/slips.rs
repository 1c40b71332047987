//! Message slips, question by question: every branch, and a caller who hangs up at each step of it.

use std::time::Duration;

use hotline::base::Instant;
use hotline::sim::{Act, Caller, Nature, Setup, When, World};

use super::plans;

/// A box that is asked for at once, with everything that a slip asks.
const PLAN: &str = r#"
[hotline]
name = "Test"
main_numbers = "companies"

[numbers]
10000 = { flow = "message" }

[[flow.message]]
message = { person = "4001" }

[agent.4001]
mailbox = true

[list.companies]
entries = ["0106588XXXX"]
"#;

const SECOND: Duration = Duration::from_secs(1);

/// The caller says who they are, what it is about; all goes as well as it can.
fn whole() -> Vec<(When, Act)> {
    vec![
        (When::Speaks(SECOND), Act::Speak(SECOND * 3)),
        (When::After(SECOND * 3), Act::Press('#')),
        (When::Hears("message/number-right", SECOND * 15), Act::Press('1')),
        (When::Speaks(SECOND), Act::Speak(SECOND * 8)),
        (When::After(SECOND * 8), Act::Press('#')),
        (When::Hears("message/is-urgent", SECOND * 3), Act::Press('1')),
        (When::Hears("message/to-accept", SECOND * 20), Act::Press('1')),
    ]
}

/// What a caller from this number leaves behind: the slip's line and the record's of the ladder, or all of it.
fn left_by(number: &str, script: &[(When, Act)]) -> (Vec<String>, String) {
    let mut world = World::new(Setup { ladder: true, ..Setup::new(plans::small(PLAN)) });
    let caller = Caller::new(number, "10000", Nature::Script(script.to_vec()));
    world.call_at(Instant::ZERO + SECOND, caller);
    world.run_until(Instant::ZERO + SECOND * 2);
    let drained = world.drain(SECOND * 600);
    assert!(drained && world.broken().is_empty(), "{:?}\n{}", world.broken(), world.ladder());
    let lines = world.ladder().lines().filter_map(|line| {
        let said = line.trim().split_once(' ')?.1;
        let tells = said.contains("slip m") && !said.ends_with("on disk") || said.starts_with("record:");
        tells.then(|| said.to_owned())
    });
    (lines.collect(), world.ladder().to_string())
}

#[track_caller]
fn check(number: &str, script: &[(When, Act)], expected: &[&str]) {
    let (left, ladder) = left_by(number, script);
    assert!(left == expected, "{left:#?}\n{ladder}");
}

const MOBILE: &str = "13912345678";

#[test]
fn everything_is_asked_and_kept() {
    check(
        MOBILE,
        &whole(),
        &["urgent slip m0 from (r0) at 13912345678 for 4001 of 9000 ms, confirmed", "record: flow-ended"],
    );
}

#[test]
fn a_caller_who_hangs_up_at_any_step_has_left_what_they_said() {
    let at = |step: usize, after: When| {
        let mut script = whole();
        script.truncate(step);
        script.push((after, Act::HangUp));
        script
    };
    let (who, gone) = ("slip m0 from (r0) for 4001 of 0 ms, not confirmed", "record: caller-hung-up");
    let hung_up = |step, after, kept: &str| check(MOBILE, &at(step, after), &[kept, gone]);
    let name = |after| hung_up(1, after, who);
    hung_up(0, When::Speaks(SECOND), "slip m0 discarded");
    // In the middle of the name; while the own number is read out; when it has been.
    name(When::After(SECOND * 2));
    hung_up(2, When::Hears("message/number-right", SECOND), who);
    hung_up(2, When::Hears("message/number-right", SECOND * 18), who);
    // The number called right; the tone; some words of the message.
    let number = "slip m0 from (r0) at 13912345678 for 4001 of 0 ms, not confirmed";
    hung_up(3, When::After(SECOND), number);
    hung_up(3, When::Speaks(SECOND), number);
    let some = "slip m0 from (r0) at 13912345678 for 4001 of 6010 ms, not confirmed";
    hung_up(4, When::After(SECOND * 5), some);
    // Everything but whether it is urgent; then that too; in the middle of the read-back.
    let all = "slip m0 from (r0) at 13912345678 for 4001 of 9000 ms, not confirmed";
    hung_up(5, When::Hears("message/is-urgent", SECOND), all);
    let urgent = "urgent slip m0 from (r0) at 13912345678 for 4001 of 9000 ms, not confirmed";
    hung_up(6, When::After(SECOND / 2), urgent);
    hung_up(6, When::Hears("message/to-accept", SECOND * 10), urgent);
}

#[test]
fn a_company_and_a_caller_without_a_number_key_one_in() {
    for from in ["01065881234", "anonymous"] {
        let mut script = whole();
        let keys = "13800138000#".chars();
        let mut first = Some(When::Hears("message/enter-number", SECOND * 5));
        let typed: Vec<_> =
            keys.map(|key| (first.take().unwrap_or(When::After(SECOND / 2)), Act::Press(key))).collect();
        script.splice(2..2, typed);
        let (left, ladder) = left_by(from, &script);
        assert_eq!(
            left,
            ["urgent slip m0 from (r0) at 13800138000 for 4001 of 9000 ms, confirmed", "record: flow-ended"],
            "{ladder}"
        );
        // The one that called is never read out; the one that was keyed in is, and back again at the end.
        let read_out: Vec<_> =
            ladder.lines().filter(|line| line.contains("message/your-number-is")).collect();
        assert_eq!(read_out.len(), 2, "{ladder}");
        assert!(
            read_out.iter().all(|line| line.contains("your-number-is digit/1 digit/3 digit/8")),
            "{ladder}"
        );
    }
}

#[test]
fn who_says_it_again_or_adds_to_it() {
    let mut again = whole();
    again.truncate(6);
    again.extend([
        (When::Hears("message/to-accept", SECOND * 20), Act::Press('2')),
        (When::Speaks(SECOND), Act::Speak(SECOND * 3)),
        (When::After(SECOND * 3), Act::Press('#')),
        (When::Speaks(SECOND), Act::Speak(SECOND * 4)),
        (When::After(SECOND * 4), Act::Press('#')),
        (When::Hears("message/to-accept", SECOND * 20), Act::Press('3')),
        (When::Speaks(SECOND), Act::Speak(SECOND * 5)),
        (When::After(SECOND * 5), Act::Press('#')),
        (When::Hears("message/to-accept", SECOND * 25), Act::Press('1')),
    ]);
    check(
        MOBILE,
        &again,
        &["urgent slip m0 from (r2) at 13912345678 for 4001 of 11000 ms, confirmed", "record: flow-ended"],
    );
    // Who wants to say it again and says nothing more has left the first.
    again.truncate(7);
    again.push((When::Speaks(SECOND), Act::HangUp));
    check(
        MOBILE,
        &again,
        &[
            "urgent slip m0 from (r0) at 13912345678 for 4001 of 9000 ms, not confirmed",
            "record: caller-hung-up",
        ],
    );
}

#[test]
fn who_says_nothing_to_every_question_is_asked_to_the_end() {
    check(MOBILE, &[], &["slip m0 discarded", "record: flow-ended"]);
}
