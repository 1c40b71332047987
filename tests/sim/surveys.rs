//! The caller rates a talk: what is kept of it, whoever hangs up when; and the agent who is free at once.

use std::collections::VecDeque;
use std::time::Duration;

use hotline::base::Instant;
use hotline::sim::{Act, Caller, Desk, DeskAct, Nature, Reaction, Setup, When, World};

use super::plans;

const PLAN: &str = r#"
[hotline]
name = "Test"

[numbers]
10000 = { flow = "talk" }

[[flow.talk]]
queue = "consultation"

[[flow.talk]]
survey = { solved = true, low_to = "3001" }

[[flow.talk]]
hang_up = "goodbye/thanks"

[queue.consultation]
skills = { consultation = 1 }
wrap_up = "5 s"

[skill.consultation]

[agent.1001]
skills = { consultation = 5 }
ready = true

[agent.3001]
mailbox = true
"#;

const SECOND: Duration = Duration::from_secs(1);
const CUSTOMER: &str = "13912345678";

type Script = Vec<(When, Act)>;

/// A talk of so long, which the agent ends; then this.
fn after_a_talk(talk: Duration, script: Script) -> (World, String) {
    let talks = Reaction::Answer { after: SECOND * 2, talks_for: Some(talk), holds: None, hands_on: None };
    let desk = Desk { script: VecDeque::from(vec![talks; 2]), ..Desk::new("1001") };
    let mut world = World::new(Setup { ladder: true, desks: vec![desk], ..Setup::new(plans::small(PLAN)) });
    world.desk_at(Instant::ZERO + SECOND, 0, DeskAct::Register);
    world.call_at(Instant::ZERO + SECOND * 10, Caller::new(CUSTOMER, "10000", Nature::Script(script)));
    world.run_until(Instant::ZERO + SECOND * 11);
    let ladder = ends(&mut world);
    (world, ladder)
}

fn ends(world: &mut World) -> String {
    let drained = world.drain(SECOND * 600);
    assert!(drained && world.broken().is_empty(), "{:?}\n{}", world.broken(), world.ladder());
    world.ladder().to_owned()
}

/// Of each question the end is waited for: two prompts of two seconds, then one.
fn rates(mark: char, solved: char) -> Script {
    vec![
        (When::Hears("survey/scale-five", SECOND * 3), Act::Press(mark)),
        (When::Hears("survey/resolved", SECOND), Act::Press(solved)),
    ]
}

/// Mark, solved, low: as it is in the call's record.
fn rated(world: &World) -> Option<(u8, Option<bool>, bool)> {
    let answer = world.records()[0].survey.clone()?;
    assert_eq!((answer.agent.as_deref(), answer.queue.as_deref()), (Some("1001"), Some("consultation")));
    Some((answer.mark, answer.solved, answer.low))
}

#[test]
fn each_mark_is_kept_and_a_low_one_is_in_the_supervisors_box() {
    for mark in 1..=5u8 {
        let key = char::from(b'0' + mark);
        let (world, ladder) = after_a_talk(SECOND * 30, rates(key, if mark > 2 { '1' } else { '2' }));
        assert_eq!(rated(&world), Some((mark, Some(mark > 2), mark <= 2)), "{ladder}");
        assert_eq!(ladder.contains("slip m0 for 3001 of 0 ms"), mark <= 2, "{ladder}");
        assert!(ladder.contains("survey/thanks") && ladder.contains("goodbye/thanks"), "{ladder}");
    }
}

#[test]
fn who_hangs_up_has_said_what_they_have_said() {
    let whole = rates('4', '1');
    let hung_up = |step: usize, when: When| {
        let mut script: Script = whole.iter().take(step).cloned().collect();
        script.push((when, Act::HangUp));
        let (world, ladder) = after_a_talk(SECOND * 30, script);
        let record = &world.records()[0];
        assert!(ladder.contains("record: agent-hung-up"), "no error\n{ladder}");
        assert_eq!(record.queue.as_ref().and_then(|visit| visit.agent.as_deref()), Some("1001"));
        rated(&world)
    };
    assert_eq!(hung_up(0, When::Hears("survey/invite", SECOND)), None);
    assert_eq!(hung_up(0, When::Hears("survey/scale-five", SECOND * 8)), None);
    assert_eq!(hung_up(1, When::After(SECOND / 2)), Some((4, None, false)));
    assert_eq!(hung_up(2, When::After(SECOND / 2)), Some((4, Some(true), false)));
}

#[test]
fn who_says_nothing_is_asked_twice_and_thanked_for_calling() {
    let (world, ladder) = after_a_talk(SECOND * 30, Vec::new());
    assert_eq!(rated(&world), None);
    assert_eq!(ladder.matches("survey/scale-five").count(), 2, "{ladder}");
    assert!(ladder.contains("goodbye/thanks"), "{ladder}");
    // A wrong key is no mark.
    let wrong = vec![(When::Hears("survey/scale-five", SECOND * 3), Act::Press('9'))];
    let (world, ladder) = after_a_talk(SECOND * 30, wrong);
    assert_eq!(rated(&world), None);
    assert!(ladder.contains("error/invalid-key survey/scale-five"), "{ladder}");
}

#[test]
fn a_talk_too_short_to_be_rated_is_not() {
    let (world, ladder) = after_a_talk(SECOND * 19, rates('1', '2'));
    assert_eq!(rated(&world), None);
    assert!(!ladder.contains("survey/"), "{ladder}");
}

#[test]
fn nobody_is_asked_twice_a_day_and_the_agent_is_free_while_they_are() {
    let talks = Reaction::Answer { after: SECOND, talks_for: Some(SECOND * 25), holds: None, hands_on: None };
    let desk = Desk { script: VecDeque::from(vec![talks; 3]), ..Desk::new("1001") };
    let mut world = World::new(Setup { ladder: true, desks: vec![desk], ..Setup::new(plans::small(PLAN)) });
    world.desk_at(Instant::ZERO + SECOND, 0, DeskAct::Register);
    let slow = vec![
        (When::Hears("survey/scale-five", SECOND * 12), Act::Press('3')),
        (When::Hears("survey/resolved", SECOND * 9), Act::Press('1')),
    ];
    world.call_at(Instant::ZERO + SECOND * 10, Caller::new(CUSTOMER, "10000", Nature::Script(slow)));
    world.call_at(
        Instant::ZERO + SECOND * 20,
        Caller::new("13800138000", "10000", Nature::Script(Vec::new())),
    );
    let again = Instant::ZERO + SECOND * 150;
    world.run_until(again);
    let before = world.ladder().len();
    world.call_at(again + SECOND, Caller::new(CUSTOMER, "10000", Nature::Script(Vec::new())));
    world.run_until(again + SECOND * 2);
    let ladder = ends(&mut world);
    let third = &ladder[before..];
    assert!(third.contains(" talk\n") && !third.contains("survey/"), "{third}");
    // While one is asked, the next is served.
    let (second, asked) = (ladder.find("caller2 and 1001 talk"), ladder.find("caller hears survey/resolved"));
    assert!(second.is_some() && second < asked, "{ladder}");
}
