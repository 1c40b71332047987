//! Calls as ladders: what was sent, what was heard, in order. Seconds are those since the caller dialled; `>` is
//! towards the hotline, `<` from it.

use std::time::Duration;

use hotline::base::Instant;
use hotline::sim::{Act, Caller, Desk, DeskAct, Nature, Reaction, Setup, When, World};

use super::plans;

/// Enough of a hotline: a menu, a queue with two agents, a box for messages.
pub const PLAN: &str = r#"
[hotline]
name = "Test"
operator = "consult"

[numbers]
10000 = { flow = "main" }

[[flow.main]]
play = "greeting/welcome"
[[flow.main]]
menu = "main"

[menu.main.keys]
1 = { say = "topic/consult", goto = "consult" }
4 = { say = "topic/leave-message", goto = "message" }

[[flow.consult]]
queue = { to = "consult" }

[[flow.message]]
message = { box = "desk" }

[skill.consult]

[queue.consult]
skills = { consult = 1 }
position = false
record = false
ring = "15 s"

[agent.1001]
skills = { consult = 5 }
ready = true

[agent.1002]
skills = { consult = 4 }
ready = true
"#;

const SECOND: Duration = Duration::from_secs(1);

/// A call by script to two desks that react as told, in a quiet network.
struct Scenario {
    caller: Caller,
    first: Vec<Reaction>,
    second: Vec<Reaction>,
}

fn calls(script: &[(When, Act)]) -> Scenario {
    let caller = Caller::new("13912345678", "10000", Nature::Script(script.to_vec()));
    Scenario { caller, first: Vec::new(), second: Vec::new() }
}

fn answers(after: u32, talks_for: Option<u32>) -> Reaction {
    Reaction::Answer { after: SECOND * after, talks_for: talks_for.map(|length| SECOND * length), holds: None }
}

fn check(scenario: Scenario, expected: &str) {
    let desks = vec![Desk::new("1001").with(scenario.first), Desk::new("1002").with(scenario.second)];
    let mut world = World::new(Setup { desks, ladder: true, ..Setup::new(plans::small(PLAN)) });
    world.desk_at(Instant::ZERO, 0, DeskAct::Register);
    world.desk_at(Instant::ZERO, 1, DeskAct::Register);
    world.call_at(Instant::ZERO + SECOND * 10, scenario.caller);
    world.run_until(Instant::ZERO + SECOND * 20);
    let drained = world.drain(SECOND * 600);
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let found: Vec<&str> = world.ladder().lines().map(str::trim).collect();
    assert!(found == expected, "the ladder is now:\n{}", world.ladder());
    assert!(drained && world.broken().is_empty(), "{:?}", world.broken());
}

#[test]
fn greeted_and_given_the_menu() {
    check(calls(&[(When::Hears("topic/consult", SECOND), Act::HangUp)]), "");
}

#[test]
fn waits_is_offered_talks_and_hangs_up() {
    let mut scenario = calls(&[
        (When::Hears("topic/consult", SECOND), Act::Press('1')),
        (When::Talks(SECOND * 30), Act::HangUp),
    ]);
    scenario.first = vec![answers(3, None)];
    check(scenario, "");
}

#[test]
fn the_agent_holds_and_comes_back_and_hangs_up() {
    let mut scenario = calls(&[(When::Hears("topic/consult", SECOND), Act::Press('1'))]);
    let holds = Some((SECOND * 5, SECOND * 40));
    scenario.first = vec![Reaction::Answer { after: SECOND * 2, talks_for: Some(SECOND * 60), holds }];
    check(scenario, "");
}

#[test]
fn no_answer_rings_the_next_agent() {
    let mut scenario = calls(&[(When::Hears("topic/consult", SECOND), Act::Press('1'))]);
    scenario.first = vec![Reaction::Ignore];
    scenario.second = vec![answers(2, Some(10))];
    check(scenario, "");
}

#[test]
fn a_busy_phone_and_a_refusal_put_the_caller_back_in_line() {
    let mut scenario = calls(&[
        (When::Hears("topic/consult", SECOND), Act::Press('1')),
        (When::Talks(SECOND * 3), Act::HangUp),
    ]);
    scenario.first = vec![Reaction::Refuse { after: SECOND, status: 486 }];
    scenario.second = vec![Reaction::Refuse { after: SECOND, status: 603 }, answers(1, None)];
    check(scenario, "");
}

#[test]
fn the_caller_gives_up_while_a_phone_rings() {
    let mut scenario = calls(&[
        (When::Hears("topic/consult", SECOND), Act::Press('1')),
        (When::After(SECOND * 6), Act::HangUp),
    ]);
    scenario.first = vec![Reaction::Ignore];
    check(scenario, "");
}

#[test]
fn the_caller_gives_up_before_our_answer_is_there() {
    let mut scenario = calls(&[]);
    scenario.caller.cancels_after = Some(Duration::from_millis(5));
    check(scenario, "");
}

#[test]
fn a_message_whole() {
    let scenario = calls(&[
        (When::Hears("topic/consult", SECOND), Act::Press('4')),
        (When::Speaks(SECOND), Act::Speak(SECOND * 8)),
        (When::After(SECOND * 8), Act::Press('#')),
        (When::Hears("message/confirm", SECOND * 12), Act::Press('1')),
    ]);
    check(scenario, "");
}

#[test]
fn a_message_half_way() {
    let scenario = calls(&[
        (When::Hears("topic/consult", SECOND), Act::Press('4')),
        (When::Speaks(SECOND), Act::Speak(SECOND * 20)),
        (When::After(SECOND * 8), Act::HangUp),
    ]);
    check(scenario, "");
}
