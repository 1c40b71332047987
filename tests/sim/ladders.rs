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
message = { box = "desk", ask = [] }

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
    Reaction::Answer {
        after: SECOND * after,
        talks_for: talks_for.map(|length| SECOND * length),
        holds: None,
        hands_on: None,
    }
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
    check(
        calls(&[(When::Hears("topic/consult", SECOND), Act::HangUp)]),
        "
        0.000 caller > INVITE 10000
        0.000 caller < 200 INVITE
        0.000 caller hears greeting/welcome
        0.020 caller > ACK
        2.000 caller hears topic/consult menu/press-1 topic/leave-message menu/press-4
        3.010 caller > BYE
        3.010 caller < 200 BYE
        3.010 record: caller-hung-up
        ",
    );
}

#[test]
fn waits_is_offered_talks_and_hangs_up() {
    let mut scenario = calls(&[
        (When::Hears("topic/consult", SECOND), Act::Press('1')),
        (When::Talks(SECOND * 30), Act::HangUp),
    ]);
    scenario.first = vec![answers(3, None)];
    check(
        scenario,
        "
        0.000 caller > INVITE 10000
        0.000 caller < 200 INVITE
        0.000 caller hears greeting/welcome
        0.020 caller > ACK
        2.000 caller hears topic/consult menu/press-1 topic/leave-message menu/press-4
        3.000 caller presses 1
        3.000 caller hears queue/connecting
        5.000 caller hears common/hold-music ...
        5.000 1001 < INVITE 1001
        5.020 1001 > 180 INVITE
        8.020 1001 > 200 INVITE
        8.020 1001 < ACK
        8.020 caller and 1001 talk
        38.030 caller > BYE
        38.030 caller < 200 BYE
        38.030 1001 < BYE
        38.030 record: caller-hung-up, served by 1001
        38.050 1001 > 200 BYE
        ",
    );
}

#[test]
fn the_agent_holds_and_comes_back_and_hangs_up() {
    let mut scenario = calls(&[(When::Hears("topic/consult", SECOND), Act::Press('1'))]);
    let holds = Some((SECOND * 5, SECOND * 40));
    scenario.first =
        vec![Reaction::Answer { after: SECOND * 2, talks_for: Some(SECOND * 60), holds, hands_on: None }];
    check(
        scenario,
        "
        0.000 caller > INVITE 10000
        0.000 caller < 200 INVITE
        0.000 caller hears greeting/welcome
        0.020 caller > ACK
        2.000 caller hears topic/consult menu/press-1 topic/leave-message menu/press-4
        3.000 caller presses 1
        3.000 caller hears queue/connecting
        5.000 caller hears common/hold-music ...
        5.000 1001 < INVITE 1001
        5.020 1001 > 180 INVITE
        7.020 1001 > 200 INVITE
        7.020 1001 < ACK
        7.020 caller and 1001 talk
        12.040 1001 > re-INVITE sendonly
        12.040 1001 < 200 INVITE
        12.040 caller hears common/hold-music ...
        12.040 caller hears hold/on-hold over the music
        12.060 1001 > ACK
        42.040 caller hears hold/still-holding over the music
        47.040 1001 > re-INVITE
        47.040 1001 < 200 INVITE
        47.060 1001 > ACK
        67.040 1001 > BYE
        67.040 1001 < 200 BYE
        67.040 caller hears goodbye/thanks
        69.040 caller < BYE
        69.040 record: agent-hung-up, served by 1001
        69.060 caller > 200 BYE
        ",
    );
}

#[test]
fn no_answer_rings_the_next_agent() {
    let mut scenario = calls(&[(When::Hears("topic/consult", SECOND), Act::Press('1'))]);
    scenario.first = vec![Reaction::Ignore];
    scenario.second = vec![answers(2, Some(10))];
    check(
        scenario,
        "
        0.000 caller > INVITE 10000
        0.000 caller < 200 INVITE
        0.000 caller hears greeting/welcome
        0.020 caller > ACK
        2.000 caller hears topic/consult menu/press-1 topic/leave-message menu/press-4
        3.000 caller presses 1
        3.000 caller hears queue/connecting
        5.000 caller hears common/hold-music ...
        5.000 1001 < INVITE 1001
        5.020 1001 > 180 INVITE
        20.000 1001 < CANCEL
        20.000 caller hears transfer/sorry-please-wait over the music
        20.000 1002 < INVITE 1002
        20.020 1001 > 200 CANCEL
        20.020 1001 > 487 INVITE
        20.020 1001 < ACK
        20.020 1002 > 180 INVITE
        22.020 1002 > 200 INVITE
        22.020 1002 < ACK
        22.020 caller and 1002 talk
        32.040 1002 > BYE
        32.040 1002 < 200 BYE
        32.040 caller hears goodbye/thanks
        34.040 caller < BYE
        34.040 record: agent-hung-up, served by 1002
        34.060 caller > 200 BYE
        ",
    );
}

#[test]
fn a_busy_phone_and_a_refusal_put_the_caller_back_in_line() {
    let mut scenario = calls(&[
        (When::Hears("topic/consult", SECOND), Act::Press('1')),
        (When::Talks(SECOND * 3), Act::HangUp),
    ]);
    scenario.first = vec![Reaction::Refuse { after: SECOND, status: 486 }];
    scenario.second = vec![Reaction::Refuse { after: SECOND, status: 603 }, answers(1, None)];
    check(
        scenario,
        "
        0.000 caller > INVITE 10000
        0.000 caller < 200 INVITE
        0.000 caller hears greeting/welcome
        0.020 caller > ACK
        2.000 caller hears topic/consult menu/press-1 topic/leave-message menu/press-4
        3.000 caller presses 1
        3.000 caller hears queue/connecting
        5.000 caller hears common/hold-music ...
        5.000 1001 < INVITE 1001
        5.020 1001 > 180 INVITE
        6.020 1001 > 486 INVITE
        6.020 1001 < ACK
        6.020 caller hears transfer/sorry-please-wait over the music
        6.020 1002 < INVITE 1002
        6.040 1002 > 180 INVITE
        7.040 1002 > 603 INVITE
        7.040 1002 < ACK
        7.040 caller hears transfer/sorry-please-wait over the music
        17.040 1002 < INVITE 1002
        17.060 1002 > 180 INVITE
        18.060 1002 > 200 INVITE
        18.060 1002 < ACK
        18.060 caller and 1002 talk
        21.070 caller > BYE
        21.070 caller < 200 BYE
        21.070 1002 < BYE
        21.070 record: caller-hung-up, served by 1002
        21.090 1002 > 200 BYE
        ",
    );
}

#[test]
fn the_caller_gives_up_while_a_phone_rings() {
    let mut scenario = calls(&[
        (When::Hears("topic/consult", SECOND), Act::Press('1')),
        (When::After(SECOND * 6), Act::HangUp),
    ]);
    scenario.first = vec![Reaction::Ignore];
    check(
        scenario,
        "
        0.000 caller > INVITE 10000
        0.000 caller < 200 INVITE
        0.000 caller hears greeting/welcome
        0.020 caller > ACK
        2.000 caller hears topic/consult menu/press-1 topic/leave-message menu/press-4
        3.000 caller presses 1
        3.000 caller hears queue/connecting
        5.000 caller hears common/hold-music ...
        5.000 1001 < INVITE 1001
        5.020 1001 > 180 INVITE
        9.010 caller > BYE
        9.010 caller < 200 BYE
        9.010 1001 < CANCEL
        9.010 record: caller-hung-up, abandoned
        9.030 1001 > 200 CANCEL
        9.030 1001 > 487 INVITE
        9.030 1001 < ACK
        ",
    );
}

#[test]
fn the_caller_gives_up_before_our_answer_is_there() {
    let mut scenario = calls(&[]);
    scenario.caller.cancels_after = Some(Duration::from_millis(5));
    check(
        scenario,
        "
        0.000 caller > INVITE 10000
        0.000 caller < 200 INVITE
        0.000 caller hears greeting/welcome
        0.020 caller > CANCEL
        0.020 caller < 200 CANCEL
        0.020 caller > ACK
        0.020 caller > BYE
        0.020 caller < 200 BYE
        0.020 record: caller-hung-up
        ",
    );
}

#[test]
fn an_invite_without_a_session_description_gets_ours_and_answers_with_the_ack() {
    let mut scenario =
        calls(&[(When::Hears("topic/consult", SECOND), Act::Press('4')), (When::After(SECOND), Act::HangUp)]);
    scenario.caller.offers_late = true;
    check(
        scenario,
        "
        0.000 caller > INVITE 10000
        0.000 caller < 200 INVITE
        0.000 caller hears greeting/welcome
        0.020 caller > ACK
        2.020 caller hears topic/consult menu/press-1 topic/leave-message menu/press-4
        3.020 caller presses 4
        3.020 caller hears message/record-now common/beep
        4.030 caller > BYE
        4.030 caller < 200 BYE
        4.030 record: caller-hung-up
        ",
    );
}

#[test]
fn the_phone_of_a_caller_who_talks_goes_dead() {
    let mut scenario = calls(&[
        (When::Hears("topic/consult", SECOND), Act::Press('1')),
        (When::Talks(SECOND * 5), Act::Vanish),
    ]);
    scenario.first = vec![answers(1, None)];
    check(
        scenario,
        "
        0.000 caller > INVITE 10000
        0.000 caller < 200 INVITE
        0.000 caller hears greeting/welcome
        0.020 caller > ACK
        2.000 caller hears topic/consult menu/press-1 topic/leave-message menu/press-4
        3.000 caller presses 1
        3.000 caller hears queue/connecting
        5.000 caller hears common/hold-music ...
        5.000 1001 < INVITE 1001
        5.020 1001 > 180 INVITE
        6.020 1001 > 200 INVITE
        6.020 1001 < ACK
        6.020 caller and 1001 talk
        31.020 caller sends no audio
        31.020 caller < BYE
        31.020 1001 < BYE
        31.020 record: no-audio, served by 1001
        31.040 1001 > 200 BYE
        31.520 caller < BYE
        32.520 caller < BYE
        34.520 caller < BYE
        38.520 caller < BYE
        42.520 caller < BYE
        46.520 caller < BYE
        50.520 caller < BYE
        54.520 caller < BYE
        58.520 caller < BYE
        62.520 caller < BYE
        ",
    );
}

#[test]
fn a_message_whole() {
    let scenario = calls(&[
        (When::Hears("topic/consult", SECOND), Act::Press('4')),
        (When::Speaks(SECOND), Act::Speak(SECOND * 8)),
        (When::After(SECOND * 8), Act::Press('#')),
        (When::Hears("message/to-accept", SECOND * 12), Act::Press('1')),
    ]);
    check(
        scenario,
        "
        0.000 caller > INVITE 10000
        0.000 caller < 200 INVITE
        0.000 caller hears greeting/welcome
        0.020 caller > ACK
        2.000 caller hears topic/consult menu/press-1 topic/leave-message menu/press-4
        3.000 caller presses 4
        3.000 caller hears message/record-now common/beep
        7.000 caller is recorded as r0
        16.000 caller presses #
        16.000 recording r0 ends: Stopped
        16.000 caller hears message/read-back (r0) message/to-accept menu/press-1 message/to-record-again menu/press-2 message/to-add menu/press-3
        16.020 recording r0 on disk
        28.000 caller presses 1
        28.000 slip m0 for desk of 9000 ms, confirmed
        28.020 slip m0 on disk
        28.020 caller hears message/saved
        30.020 caller hears goodbye/thanks
        32.020 caller < BYE
        32.020 record: flow-ended
        32.040 caller > 200 BYE
        ",
    );
}

#[test]
fn a_message_half_way() {
    let scenario = calls(&[
        (When::Hears("topic/consult", SECOND), Act::Press('4')),
        (When::Speaks(SECOND), Act::Speak(SECOND * 20)),
        (When::After(SECOND * 8), Act::HangUp),
    ]);
    check(
        scenario,
        "
        0.000 caller > INVITE 10000
        0.000 caller < 200 INVITE
        0.000 caller hears greeting/welcome
        0.020 caller > ACK
        2.000 caller hears topic/consult menu/press-1 topic/leave-message menu/press-4
        3.000 caller presses 4
        3.000 caller hears message/record-now common/beep
        7.000 caller is recorded as r0
        16.010 caller > BYE
        16.010 caller < 200 BYE
        16.010 recording r0 ends: Closed
        16.030 recording r0 on disk
        16.030 slip m0 for desk of 9010 ms, not confirmed
        16.050 slip m0 on disk
        16.050 record: caller-hung-up
        ",
    );
}
