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
    left_behind(Caller::new(number, "10000", Nature::Script(script.to_vec())))
}

fn left_behind(caller: Caller) -> (Vec<String>, String) {
    let mut world = World::new(Setup { ladder: true, ..Setup::new(plans::small(PLAN)) });
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
fn each_key_is_said_with_what_it_is_for() {
    let (_, ladder) = left_by(MOBILE, &whole());
    for lines in [
        "message/number-right menu/press-1 message/number-other menu/press-2",
        "message/is-urgent menu/press-1 message/not-urgent menu/press-2",
        "message/to-accept menu/press-1 message/to-record-again menu/press-2 message/to-add menu/press-3",
    ] {
        assert!(ladder.contains(lines), "{lines}\n{ladder}");
    }
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

/// What a slip has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Kept {
    who: bool,
    number: bool,
    matter: bool,
    urgent: bool,
    confirmed: bool,
}

/// Not at chosen steps: every half second of the whole dialogue, each in a world of its own.
#[test]
fn a_caller_who_hangs_up_at_any_moment_has_left_exactly_what_they_had_said() {
    let mut kept = Vec::new();
    for half_seconds in 1.. {
        let mut caller = Caller::new(MOBILE, "10000", Nature::Script(whole()));
        caller.cancels_after = Some(SECOND / 2 * half_seconds);
        let (left, ladder) = left_behind(caller);
        let [slip, record] = &left[..] else {
            assert_eq!(left, ["record: caller-hung-up"], "{ladder}");
            assert_eq!(said_for(&ladder, "r0"), None, "{ladder}");
            continue;
        };
        let pressed = ladder.matches("caller presses").count();
        let (name, matter) = (said_for(&ladder, "r0"), said_for(&ladder, "r1"));
        let expected = Kept {
            // They begin to speak a second after the tone; a breath is no name, and no message is under two seconds.
            who: name.is_some_and(|said| said > 1.2),
            number: pressed >= 2,
            matter: matter.is_some_and(|said| said >= 2.0),
            urgent: pressed >= 4,
            confirmed: pressed >= 5,
        };
        let found = Kept {
            who: slip.contains(" from (r0)"),
            number: slip.contains(" at 13912345678"),
            matter: !slip.contains(" of 0 ms") && !slip.contains("discarded"),
            urgent: slip.starts_with("urgent "),
            confirmed: slip.ends_with(", confirmed"),
        };
        assert_eq!(found, expected, "after {half_seconds} half seconds: {slip}\n{ladder}");
        kept.push(found);
        if record == "record: flow-ended" {
            break;
        }
    }
    let all = Kept { who: true, number: true, matter: true, urgent: true, confirmed: true };
    assert!(kept.len() > 60 && kept.last() == Some(&all), "{} moments: {kept:?}", kept.len());
}

/// From the tone to the end of the call, in seconds; `None` where this recording never began.
fn said_for(ladder: &str, recording: &str) -> Option<f64> {
    let at = |what: &str| {
        let line = ladder.lines().find(|line| line.contains(what))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    let began = at(&format!("is recorded as {recording}"))?;
    Some(at("caller > BYE").or_else(|| at("caller < BYE"))? - began)
}
