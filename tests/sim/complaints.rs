//! Complaints: accepted with a number that is on disk before it is said, by a message, by the agent's key and by order; and
//! how things stand with one, for whoever keys its number. With a hang-up at every step.

use std::collections::VecDeque;
use std::time::Duration;

use hotline::base::{CallId, Instant};
use hotline::complaints::Duty;
use hotline::exchange::Command;
use hotline::record::{CaseNumber, Complaint, ComplaintState, Severity};
use hotline::sim::{Act, Caller, Desk, DeskAct, Fault, Nature, Reaction, Ring, Setup, When, World};

use super::plans;

const PLAN: &str = r#"
[hotline]
name = "Test"

[numbers]
10000 = { flow = "message" }
10001 = { flow = "status" }
10002 = { flow = "talk" }

[[flow.message]]
message = { box = "complaint", complaint = "fees", ask = [] }

[[flow.status]]
complaint = { on_unknown = "unknown" }

[[flow.status]]
hang_up = "goodbye/thanks"

[[flow.unknown]]
hang_up = ["error/no-such-service", "goodbye/thanks"]

[[flow.talk]]
queue = "complaint"

[queue.complaint]
skills = { complaint = 1 }

[skill.complaint]

[agent.2001]
skills = { complaint = 5 }
mailbox = true
ready = true

[agent.3001]
mailbox = true

[complaints]
owner = "2001"
supervisor = "3001"
follow_up_to = ["1[3-9]xxxxxxxxx"]
"#;

const SECOND: Duration = Duration::from_secs(1);
const CUSTOMER: &str = "13912345678";

type Script = Vec<(When, Act)>;

fn world() -> World {
    let desk = Desk { script: VecDeque::from(vec![talks()]), ..Desk::new("2001") };
    World::new(Setup { ladder: true, desks: vec![desk], ..Setup::new(plans::small(PLAN)) })
}

/// The agent hangs up after a while.
fn talks() -> Reaction {
    Reaction::Answer { after: SECOND * 2, talks_for: Some(SECOND * 20), holds: None, hands_on: None }
}

fn complains() -> Script {
    vec![
        (When::Speaks(SECOND), Act::Speak(SECOND * 5)),
        (When::After(SECOND * 6), Act::Press('#')),
        (When::Hears("message/to-accept", SECOND * 20), Act::Press('1')),
    ]
}

fn keys(first: When, keys: &str) -> Script {
    let mut when = Some(first);
    keys.chars().map(|key| (when.take().unwrap_or(When::After(SECOND / 2)), Act::Press(key))).collect()
}

/// The number, keyed in as often as it is asked for.
fn asks_for(numbers: &[&str]) -> Script {
    let mut script = Vec::new();
    for number in numbers {
        script.extend(keys(When::Hears("menu/enter-complaint-number", SECOND * 4), &format!("{number}#")));
    }
    script
}

fn ends(world: &mut World) -> String {
    let drained = world.drain(SECOND * 600);
    assert!(drained && world.broken().is_empty(), "{:?}\n{}", world.broken(), world.ladder());
    world.ladder().to_owned()
}

fn spoken(case: CaseNumber) -> String {
    let digits: Vec<String> = case.to_string().chars().map(|digit| format!("digit/{digit}")).collect();
    // The last one is spoken as such.
    let digits = format!("{}-end", digits.join(" "));
    format!("complaint/number-is {digits} complaint/number-again {digits}")
}

/// One complaint by message; then this caller asks for it from that number.
fn then_asks(from: &str, script: Script) -> String {
    let mut world = world();
    let start = Instant::ZERO + SECOND * 10;
    world.call_at(start, Caller::new(CUSTOMER, "10000", Nature::Script(complains())));
    world.run_until(start + SECOND * 120);
    let before = world.ladder().len();
    world.call_at(start + SECOND * 121, Caller::new(from, "10001", Nature::Script(script)));
    world.run_until(start + SECOND * 122);
    ends(&mut world)[before..].to_owned()
}

fn first_case() -> CaseNumber {
    CaseNumber::of(CallId(0))
}

#[test]
fn a_message_is_accepted_with_a_number_that_is_read_twice() {
    let mut world = world();
    world.call_at(Instant::ZERO + SECOND * 10, Caller::new(CUSTOMER, "10000", Nature::Script(complains())));
    world.run_until(Instant::ZERO + SECOND * 11);
    let ladder = ends(&mut world);
    let record = world.records().first().expect("a call").clone();
    let case = record.complaint.expect("a case");
    assert_eq!(case, CaseNumber::of(record.call));
    let heard = format!("complaint/accepted {}", spoken(case));
    let (saved, said) = (ladder.find("slip m0 on disk"), ladder.find(&heard));
    assert!(saved.is_some() && saved < said, "{ladder}");
}

#[test]
fn a_disk_that_fails_gives_no_number() {
    let mut world = world();
    // Each for five seconds at least.
    (0..30).for_each(|time| world.fault_at(Instant::ZERO + SECOND * 4 * time, Fault::DiskFails));
    world.call_at(Instant::ZERO + SECOND * 10, Caller::new(CUSTOMER, "10000", Nature::Script(complains())));
    world.run_until(Instant::ZERO + SECOND * 11);
    let ladder = ends(&mut world);
    assert!(!ladder.contains("complaint/number-is"), "{ladder}");
    assert_eq!(world.records()[0].complaint, None);
}

#[test]
fn who_hangs_up_at_any_moment_of_the_message_has_a_case_if_they_have_a_slip() {
    let mut cases = 0;
    for halves in (1..90).step_by(3) {
        let mut world = world();
        let mut caller = Caller::new(CUSTOMER, "10000", Nature::Script(complains()));
        caller.cancels_after = Some(SECOND / 2 * halves);
        world.call_at(Instant::ZERO + SECOND * 10, caller);
        world.run_until(Instant::ZERO + SECOND * 11);
        let ladder = ends(&mut world);
        let record = &world.records()[0];
        assert_eq!(record.slip.is_some(), record.complaint.is_some(), "after {halves} halves\n{ladder}");
        cases += usize::from(record.complaint.is_some());
    }
    assert!(cases > 10, "{cases}");
}

#[test]
fn the_agents_key_accepts_and_both_hear_the_number_over_their_talk() {
    for (press, times) in [(1, 1), (2, 2)] {
        let mut world = world();
        world.desk_at(Instant::ZERO + SECOND, 0, DeskAct::Register);
        world
            .call_at(Instant::ZERO + SECOND * 10, Caller::new(CUSTOMER, "10002", Nature::Script(Vec::new())));
        for time in 0..press {
            let at = Instant::ZERO + SECOND * (18 + 5 * time);
            world.desk_at(at, 0, DeskAct::Press('*'));
            world.desk_at(at + SECOND / 4, 0, DeskAct::Press('9'));
        }
        world.run_until(Instant::ZERO + SECOND * 11);
        let ladder = ends(&mut world);
        let case = world.records()[0].complaint.expect("a case");
        let over = format!("hears complaint/accepted {} over the music", spoken(case));
        // Caller and agent.
        assert_eq!(ladder.matches(&over).count(), 2 * times, "{ladder}");
        assert!(ladder.contains(&format!("complaint {case} accepted, 2001's")), "{ladder}");
        assert_eq!(
            ladder.matches("complaint/number-is").count(),
            2 * times,
            "not again at the end\n{ladder}"
        );
    }
}

#[test]
fn what_is_accepted_by_order_is_said_when_the_talk_is_over() {
    for hangs_up in [false, true] {
        let mut world = world();
        world.desk_at(Instant::ZERO + SECOND, 0, DeskAct::Register);
        let script = if hangs_up { vec![(When::Talks(SECOND * 12), Act::HangUp)] } else { Vec::new() };
        world.call_at(Instant::ZERO + SECOND * 10, Caller::new(CUSTOMER, "10002", Nature::Script(script)));
        world.run_to(Instant::ZERO + SECOND * 30, |world| world.ladder().contains(" talk\n"));
        let call = first_call(&world);
        let accept = Command::AcceptComplaint {
            call,
            by: "test".to_owned(),
            category: "fees".to_owned(),
            severity: Severity::High,
            expects: Some("an apology".into()),
            owner: None,
        };
        let at = world.now().mono + SECOND;
        world.command_at(at, accept);
        let ladder = ends(&mut world);
        let case = CaseNumber::of(call);
        assert_eq!(world.records()[0].complaint, Some(case));
        let said = format!("caller hears complaint/accepted {}\n", spoken(case));
        assert_eq!(ladder.contains(&said), !hangs_up, "{ladder}");
        assert!(ladder.contains(&format!("complaint {case} accepted, 2001's")), "{ladder}");
    }
}

/// Accepted while the flow asks for a number: the caller hears it with the flow's next words, once, wherever they hang up.
#[test]
fn what_is_accepted_by_order_while_the_flow_leads_is_said_at_its_next_step() {
    let case = CaseNumber::of(CallId(0));
    for (script, heard) in [
        // Says nothing: asked again, after the number.
        (Vec::new(), true),
        // Keys something that is no case: told so, after the number.
        (keys(When::After(SECOND * 12), "12#"), true),
        (vec![(When::After(SECOND * 11), Act::HangUp)], false),
        (vec![(When::Hears("complaint/number-is", SECOND), Act::HangUp)], true),
    ] {
        let mut world = world();
        let start = Instant::ZERO + SECOND * 10;
        world.call_at(start, Caller::new(CUSTOMER, "10001", Nature::Script(script)));
        let accept = Command::AcceptComplaint {
            call: CallId(0),
            by: "test".to_owned(),
            category: "fees".to_owned(),
            severity: Severity::Low,
            expects: None,
            owner: None,
        };
        world.command_at(start + SECOND * 2, accept);
        world.run_until(start + SECOND);
        let ladder = ends(&mut world);
        assert_eq!(world.records()[0].complaint, Some(case));
        let said = format!("complaint/accepted {}", spoken(case));
        assert_eq!(ladder.matches(&said).count(), usize::from(heard), "{ladder}");
    }
}

fn first_call(world: &World) -> CallId {
    world
        .floor()
        .iter()
        .find_map(|(_, event)| match event {
            hotline::exchange::FloorEvent::Joined { call, .. } => Some(*call),
            _ => None,
        })
        .expect("a caller in line")
}

#[test]
fn whoever_has_the_number_hears_how_it_stands() {
    let case = first_case();
    let ladder = then_asks(CUSTOMER, asks_for(&[&case.to_string()]));
    assert!(ladder.contains("caller2 hears complaint/accepted"), "{ladder}");
    assert!(ladder.contains(&format!("complaint {case}: Call(")), "the call is the case's\n{ladder}");
}

#[test]
fn another_number_hears_the_state_and_leaves_no_trace_in_the_case() {
    let case = first_case();
    let ladder = then_asks("13800138000", asks_for(&[&case.to_string()]));
    assert!(ladder.contains("caller2 hears complaint/accepted"), "{ladder}");
    assert!(
        !ladder.contains("due-before") && !ladder.contains(&format!("complaint {case}: Call(")),
        "{ladder}"
    );
}

#[test]
fn three_wrong_numbers_end_politely() {
    let case = first_case().to_string();
    // One digit wrong; digits of no case; nothing.
    let mistyped = case.replace('0', "1");
    let ladder = then_asks(CUSTOMER, asks_for(&[&mistyped, "5724", ""]));
    assert_eq!(ladder.matches("complaint/number-unknown").count(), 3, "{ladder}");
    assert!(ladder.contains("complaint/number-unknown error/too-many-tries"), "{ladder}");
    assert!(ladder.contains("error/no-such-service") && ladder.contains("goodbye/thanks"), "{ladder}");
    // Who keys it right the second time is told.
    let ladder = then_asks(CUSTOMER, asks_for(&[&mistyped, &case]));
    assert!(ladder.contains("caller2 hears complaint/accepted"), "{ladder}");
}

#[test]
fn who_asks_may_hang_up_at_every_step() {
    let case = first_case().to_string();
    let whole = asks_for(&[&case]);
    for step in 0..=whole.len() {
        let mut script = whole.clone();
        script.truncate(step);
        script.push((When::After(SECOND / 4), Act::HangUp));
        let ladder = then_asks(CUSTOMER, script);
        assert!(ladder.contains("record: caller-hung-up"), "step {step}\n{ladder}");
    }
    let ladder = then_asks(CUSTOMER, Vec::new());
    assert!(ladder.contains("error/too-many-tries"), "who says nothing\n{ladder}");
}

/// A complaint by message, said to be solved; then its customer is called, whose telephone does this.
fn followed_up(ring: Ring) -> (Complaint, String) {
    let mut world = world();
    let start = Instant::ZERO + SECOND * 10;
    world.call_at(start, Caller::new(CUSTOMER, "10000", Nature::Script(complains())));
    world.run_until(start + SECOND * 120);
    let before = world.ladder().len();
    world.expect(CUSTOMER, vec![ring]);
    let mut complaint = world.complaint(first_case()).expect("a case");
    complaint.owner = Some("2001".to_owned());
    world.complaint_due(complaint, Duty::FollowUp);
    world.run_until(start + SECOND * 121);
    let ladder = ends(&mut world)[before..].to_owned();
    (world.complaint(first_case()).expect("the case"), ladder)
}

fn picks_up(script: Script) -> Ring {
    Ring::Answers { after: SECOND * 3, who: Box::new(Caller::new("", "", Nature::Script(script))) }
}

fn says(key: char, then: Script) -> Script {
    let mut script = vec![(When::Hears("complaint/it-is-not-solved", SECOND), Act::Press(key))];
    script.extend(then);
    script
}

#[test]
fn a_customer_who_says_yes_has_closed_the_case_and_one_who_says_no_has_opened_it_again() {
    let hangs_up = || vec![(When::After(SECOND / 2), Act::HangUp)];
    for then in [Vec::new(), hangs_up()] {
        let (complaint, ladder) = followed_up(picks_up(says('1', then.clone())));
        assert_eq!((complaint.state, complaint.calls.len()), (ComplaintState::Closed, 2), "{ladder}");
        assert!(ladder.contains("complaint/thanks-closed goodbye/thanks"), "{ladder}");
        let (complaint, ladder) = followed_up(picks_up(says('2', then)));
        assert_eq!((complaint.state, complaint.care.escalated), (ComplaintState::Reopened, true), "{ladder}");
        assert!(ladder.contains("complaint/reopened goodbye/thanks"), "{ladder}");
        // Its owner's box, and the supervisor's.
        assert!(ladder.contains("for 2001 of 0 ms") && ladder.contains("for 3001 of 0 ms"), "{ladder}");
    }
}

#[test]
fn the_keys_of_a_follow_up_are_said_with_what_they_are_for() {
    let (_, ladder) = followed_up(picks_up(says('1', Vec::new())));
    let question = "complaint/follow-up complaint/is-it-solved complaint/it-is-solved menu/press-1 \
                    complaint/it-is-not-solved menu/press-2";
    assert!(ladder.contains(question), "{ladder}");
}

#[test]
fn a_customer_who_is_not_there_is_called_again_later() {
    let nobody = [
        Ring::Refuses(486),
        Ring::NobodyThere,
        // A machine; who hangs up at once; in the middle of the question.
        picks_up(Vec::new()),
        picks_up(vec![(When::After(SECOND / 2), Act::HangUp)]),
        picks_up(vec![(When::Hears("complaint/it-is-not-solved", SECOND * 2), Act::HangUp)]),
    ];
    for ring in nobody {
        let what = format!("{ring:?}");
        let (complaint, ladder) = followed_up(ring);
        assert_eq!(complaint.state, ComplaintState::Accepted, "{what}\n{ladder}");
        assert_eq!(complaint.care.tries, 1, "{what}\n{ladder}");
        assert!(complaint.care.next_try.is_some(), "{what}");
    }
}

#[test]
fn what_is_late_is_in_the_box_of_its_owner_and_then_the_supervisors() {
    let mut world = world();
    let start = Instant::ZERO + SECOND * 10;
    world.call_at(start, Caller::new(CUSTOMER, "10000", Nature::Script(complains())));
    world.run_until(start + SECOND * 120);
    let mut complaint = world.complaint(first_case()).expect("a case");
    complaint.owner = Some("2001".to_owned());
    world.complaint_due(complaint.clone(), Duty::AnswerNears);
    assert!(!world.complaint(first_case()).expect("the case").care.escalated);
    world.complaint_due(complaint, Duty::AnswerLate);
    assert!(world.complaint(first_case()).expect("the case").care.escalated);
    let ladder = ends(&mut world);
    assert!(
        ladder.contains("slip m1 for 2001 of 0 ms") && ladder.contains("slip m2 for 3001 of 0 ms"),
        "{ladder}"
    );
}

/// What an agent notes of a call stands in its record, and in front of whoever is rung for it next.
#[test]
fn a_note_goes_along_with_the_call() {
    let mut world = world();
    world.desk_at(Instant::ZERO + SECOND, 0, DeskAct::Register);
    let note = |text: &str| Command::Note { call: CallId(0), by: "1001".to_owned(), text: text.into() };
    world.call_at(Instant::ZERO + SECOND * 10, Caller::new(CUSTOMER, "10002", Nature::Script(Vec::new())));
    world.command_at(Instant::ZERO + SECOND * 11, note("asks for\n  the third time"));
    world.command_at(Instant::ZERO + SECOND * 11, note("  "));
    world.command_at(Instant::ZERO + SECOND * 11, note(&"long ".repeat(60)));
    world.run_until(Instant::ZERO + SECOND * 12);
    ends(&mut world);
    let notes: Vec<_> = world.records()[0].notes.iter().map(|note| note.text.expose().clone()).collect();
    assert_eq!(notes, ["asks for the third time"]);
}
