//! Urgent slips: who is in a meeting is asked what becomes of a caller; every answer by every means, and a caller who hangs
//! up at each step.

use std::time::Duration;

use hotline::base::{AwayReason, Instant, UrgentAnswer};
use hotline::exchange::{AgentChange, Command, FloorEvent};
use hotline::sim::{
    Act, Caller, Desk, DeskAct, Exchanges, Fault, Nature, Reaction, Ring, Setup, When, World,
};

use super::plans;

/// A manager whom callers ask for, and who takes their calls meanwhile.
const PLAN: &str = r#"
[hotline]
name = "Test"
urgent_most = 2

[numbers]
10000 = { flow = "manager" }
"*17" = { flow = "urgent", from = "desks" }
"*171" = { flow = "now", from = "desks" }
"*173" = { flow = "delegate", from = "desks" }

[[flow.manager]]
dial = { to = "4001", before = [], offer = ["message", "delegate", "again", "urgent"] }

[[flow.urgent]]
urgent = { answer = "listen", on_nobody = "over" }
[[flow.urgent]]
goto = "over"

[[flow.now]]
urgent = "now"
[[flow.now]]
goto = "over"

[[flow.delegate]]
urgent = "delegate"
[[flow.delegate]]
goto = "over"

[[flow.over]]
hang_up = "goodbye/please-hang-up"

[agent.4001]
mailbox = true
delegate = "3001"
urgent = "text"

[agent.3001]
mailbox = true
"#;

const SECOND: Duration = Duration::from_secs(1);
const MOBILE: &str = "13912345678";
/// When the caller dials.
const DIALS: Instant = Instant::from_micros(5_000_000);
/// The desks, in this order.
const MANAGER: u16 = 0;

fn away(reason: AwayReason) -> Command {
    Command::SetAgent { extension: "4001".to_owned(), change: AgentChange::away(reason, None) }
}

/// Chooses "urgent", says it in four seconds.
fn asks() -> Vec<(When, Act)> {
    vec![
        (When::Hears("topic/urgent", SECOND), Act::Press('4')),
        (When::Speaks(SECOND), Act::Speak(SECOND * 4)),
        (When::After(SECOND * 4), Act::Press('#')),
    ]
}

fn answers(after: Duration) -> Reaction {
    Reaction::Answer { after, talks_for: Some(SECOND * 20), holds: None, hands_on: None }
}

struct Scene {
    world: World,
    /// So long after the first call others come.
    lasts: Duration,
}

/// The manager is in a meeting, the delegate at the desk, and somebody calls.
fn scene(plan: &str, reason: AwayReason, script: Vec<(When, Act)>, desks: [Desk; 2]) -> Scene {
    scene_of(Exchanges::ONE, plan, reason, script, desks)
}

fn scene_of(
    exchanges: Exchanges,
    plan: &str,
    reason: AwayReason,
    script: Vec<(When, Act)>,
    desks: [Desk; 2],
) -> Scene {
    let mut world =
        World::new(Setup { ladder: true, exchanges, desks: desks.into(), ..Setup::new(plans::small(plan)) });
    (0..2).for_each(|desk| world.desk_at(Instant::ZERO, desk, DeskAct::Register));
    world.command_at(Instant::ZERO + SECOND, away(reason));
    world.call_at(DIALS, Caller::new(MOBILE, "10000", Nature::Script(script)));
    Scene { world, lasts: SECOND * 60 }
}

fn desks() -> [Desk; 2] {
    [Desk::new("4001"), Desk::new("3001").with([answers(SECOND * 2); 4])]
}

fn meeting(script: Vec<(When, Act)>) -> Scene {
    scene(PLAN, AwayReason::Meeting, script, desks())
}

impl Scene {
    /// Until the manager is asked.
    fn asked(&mut self) -> Instant {
        let asked = |world: &World| states(world).contains(&"asked".to_owned());
        assert!(self.world.run_to(DIALS + SECOND * 60, asked), "{}", self.world.ladder());
        self.world.now().mono
    }

    fn answer(&mut self, answer: UrgentAnswer) {
        let at = self.asked() + SECOND * 3;
        let order = Command::AnswerUrgent { extension: "4001".to_owned(), answer };
        self.world.command_at(at, order.clone());
        // Whoever presses twice has answered once.
        self.world.command_at(at + SECOND / 10, order);
    }

    /// Lets it all come to its end.
    fn end(mut self) -> World {
        // What desks dial they dial before the day is over.
        self.world.run_until(self.world.now().mono.max(DIALS) + self.lasts);
        let drained = self.world.drain(SECOND * 600);
        let world = &self.world;
        assert!(drained && world.broken().is_empty(), "{:?}\n{}", world.broken(), world.ladder());
        self.world
    }
}

/// What whoever follows the floor is told of the slip.
fn states(world: &World) -> Vec<String> {
    let told = world.floor().iter().filter_map(|(_, event)| match event {
        FloorEvent::Urgent { person, state, .. } => {
            assert_eq!(person, "4001");
            Some(state.clone())
        }
        _ => None,
    });
    told.collect()
}

/// What becomes of slips, and how the call ended.
fn left(world: &World) -> Vec<String> {
    let lines = world.ladder().lines().filter_map(|line| {
        let said = line.trim().split_once(' ')?.1.trim();
        let tells = said.contains("slip m") && !said.ends_with("on disk") || said.starts_with("record:");
        tells.then(|| said.to_owned())
    });
    lines.collect()
}

/// Each of these is said to the caller, in this order.
#[track_caller]
fn hears(world: &World, words: &[&str]) {
    let ladder = world.ladder();
    let mut rest = ladder;
    for word in words {
        let at = rest.find(word).unwrap_or_else(|| panic!("`{word}` is not said in its turn:\n{ladder}"));
        rest = &rest[at + word.len()..];
    }
}

const KEPT: &str = "urgent slip m0 for 4001 of 5000 ms, not confirmed";

#[test]
fn put_through_by_a_button() {
    let mut scene = scene(
        PLAN,
        AwayReason::Meeting,
        asks(),
        [Desk::new("4001").with([answers(SECOND * 2)]), Desk::new("3001").with([answers(SECOND)])],
    );
    scene.answer(UrgentAnswer::Now);
    let world = scene.end();
    assert_eq!(states(&world), ["asked", "put-through"]);
    assert_eq!(left(&world), [KEPT, "slip m0 is marked done", "record: agent-hung-up"], "{}", world.ladder());
    hears(
        &world,
        &["message/urgent-sent", "message/urgent-will-answer", "common/hold-music", "goodbye/thanks"],
    );
}

#[test]
fn called_back_at_a_time_that_is_said() {
    let mut scene = meeting(asks());
    let at = scene.world.now().wall + SECOND * 3600 * 5;
    scene.answer(UrgentAnswer::CallBack { at: Some(at) });
    let world = scene.end();
    assert_eq!(states(&world), ["asked", "call-back"]);
    assert_eq!(left(&world), [KEPT, "slip m0 is open, with a time", "record: flow-ended"]);
    hears(
        &world,
        &[
            "person/sorry",
            "urgent/cannot-come",
            "urgent/calls-back-before",
            "time/hour-3",
            "urgent/calls-back-after",
        ],
    );
}

#[test]
fn called_back_as_soon_as_possible() {
    let mut scene = meeting(asks());
    scene.answer(UrgentAnswer::CallBack { at: None });
    let world = scene.end();
    assert_eq!(left(&world), [KEPT, "slip m0 is open, with a time", "record: flow-ended"]);
    hears(&world, &["urgent/cannot-come", "urgent/calls-back-soon", "goodbye/thanks"]);
}

#[test]
fn given_to_the_delegate() {
    let mut scene = meeting(asks());
    scene.answer(UrgentAnswer::Delegate);
    let world = scene.end();
    assert_eq!(states(&world), ["asked", "delegate"]);
    assert_eq!(left(&world), [KEPT, "slip m0 is marked done", "record: agent-hung-up"]);
    hears(&world, &["urgent/cannot-come", "urgent/colleague", "transfer/trying-another"]);
}

#[test]
fn a_message_is_wanted() {
    let mut scene = meeting(asks());
    scene.answer(UrgentAnswer::Message);
    let world = scene.end();
    assert_eq!(states(&world), ["asked", "message"]);
    hears(&world, &["urgent/cannot-come", "urgent/leave-message", "message/say-name"]);
}

#[test]
fn nobody_answers_and_the_delegate_takes_it() {
    let world = meeting(asks()).end();
    assert_eq!(states(&world), ["asked", "no-answer"]);
    // The manager has not heard of it: the slip stays new.
    assert_eq!(left(&world), [KEPT, "record: agent-hung-up"]);
    hears(
        &world,
        &[
            "message/urgent-sent",
            "common/hold-music",
            "urgent/still-asking",
            "urgent/no-answer",
            "transfer/trying-another",
        ],
    );
}

#[test]
fn nobody_answers_and_there_is_no_delegate() {
    let plan = PLAN.replace("delegate = \"3001\"\n", "");
    let world = scene(&plan, AwayReason::Visitor, asks(), desks()).end();
    assert_eq!(states(&world), ["asked", "no-answer"]);
    hears(&world, &["urgent/no-answer", "message/say-name"]);
}

#[test]
fn an_important_meeting_is_not_disturbed_unless_the_plan_says_so() {
    let reason = AwayReason::ImportantMeeting;
    let world = scene(PLAN, reason, asks(), desks()).end();
    assert_eq!(states(&world), Vec::<String>::new());
    hears(&world, &["urgent/not-now", "person/important-meeting", "topic/message", "topic/delegate"]);
    let plan = PLAN.replace("urgent = \"text\"", "urgent_when_important = true");
    let world = scene(&plan, reason, asks(), desks()).end();
    assert_eq!(states(&world), ["asked", "no-answer"]);
}

#[test]
fn who_is_out_or_never_asked_is_not_offered() {
    for (plan, reason) in [
        (PLAN.to_owned(), AwayReason::Out),
        (PLAN.to_owned(), AwayReason::Leave),
        (PLAN.replace("\"text\"", "\"never\""), AwayReason::Meeting),
    ] {
        let world = scene(&plan, reason, Vec::new(), desks()).end();
        assert!(!world.ladder().contains("topic/urgent") && world.ladder().contains("topic/delegate"));
    }
}

#[test]
fn so_often_in_an_hour_and_one_at_a_time() {
    let mut scene = meeting(asks());
    for call in 1..4 {
        let again = Caller::new(format!("1391234567{call}"), "10000", Nature::Script(asks()));
        scene.world.call_at(DIALS + SECOND * 90 * call, again);
    }
    scene.lasts = SECOND * 400;
    let while_another_waits = Caller::new("13912345670", "10000", Nature::Script(asks()));
    scene.world.call_at(DIALS + SECOND * 4, while_another_waits);
    let world = scene.end();
    assert_eq!(states(&world), ["asked", "no-answer", "asked", "no-answer"]);
    assert_eq!(world.ladder().matches("urgent/not-now").count(), 3, "{}", world.ladder());
}

#[test]
fn by_feature_code_from_the_desk_that_is_asked_and_no_other() {
    for (desk, code, told) in
        [(MANAGER, "*173", &["asked", "delegate"][..]), (1, "*173", &["asked", "no-answer"])]
    {
        let mut scene = meeting(asks());
        let asked = scene.asked();
        scene.world.desk_at(asked + SECOND * 2, desk, DeskAct::Dial(code.to_owned()));
        let world = scene.end();
        assert_eq!(states(&world), told, "{}", world.ladder());
        let said = if desk == MANAGER { "agent/urgent-told" } else { "agent/urgent-nobody" };
        assert!(world.ladder().contains(said), "{}", world.ladder());
    }
}

/// The code's own call ends first; then the phone rings for the caller.
#[test]
fn put_through_by_feature_code() {
    let desks = [Desk::new("4001").with([answers(SECOND * 2)]), Desk::new("3001").with([answers(SECOND)])];
    let mut scene = scene(PLAN, AwayReason::Meeting, asks(), desks);
    let asked = scene.asked();
    scene.world.desk_at(asked + SECOND * 2, MANAGER, DeskAct::Dial("*171".to_owned()));
    let world = scene.end();
    assert_eq!(states(&world), ["asked", "put-through"], "{}", world.ladder());
}

#[test]
fn who_wants_the_caller_and_does_not_lift_the_phone_has_a_delegate() {
    let desks = [Desk::new("4001").with([Reaction::Ignore]), Desk::new("3001").with([answers(SECOND)])];
    let mut scene = scene(PLAN, AwayReason::Meeting, asks(), desks);
    scene.answer(UrgentAnswer::Now);
    let world = scene.end();
    assert_eq!(states(&world), ["asked", "not-reached"]);
    hears(&world, &["message/urgent-will-answer", "urgent/no-answer", "transfer/trying-another"]);
    assert_eq!(left(&world), [KEPT, "record: agent-hung-up"]);
}

/// One ring; who lifts it hears the slip and says nothing: the text is not answered either.
#[test]
fn one_ring_that_is_lifted_and_one_that_is_not() {
    let plan = PLAN.replace("\"text\"", "\"ring\"");
    for (reaction, heard) in [
        (Reaction::Ignore, false),
        (
            Reaction::Answer { after: SECOND * 3, talks_for: Some(SECOND * 12), holds: None, hands_on: None },
            true,
        ),
        (Reaction::Refuse { after: SECOND, status: 603 }, false),
    ] {
        let desks = [Desk::new("4001").with([reaction]), Desk::new("3001").with([answers(SECOND)])];
        let world = scene(&plan, AwayReason::Meeting, asks(), desks).end();
        assert_eq!(states(&world), ["asked", "no-answer"]);
        assert_eq!(world.ladder().contains("agent/urgent-call"), heard, "{}", world.ladder());
    }
}

/// How long the caller waited for the answer, in milliseconds.
fn waited(world: &World) -> u64 {
    let at = |wanted: bool| {
        let told = world.floor().iter().find_map(|(at, event)| match event {
            FloorEvent::Urgent { state, .. } if (state == "asked") == wanted => Some(*at),
            _ => None,
        });
        told.expect("asked, and over")
    };
    u64::try_from(at(false).since(at(true)).as_millis()).expect("milliseconds")
}

#[test]
fn a_phone_without_texts_keeps_nobody_waiting() {
    let desks =
        || [Desk { takes_texts: false, ..Desk::new("4001") }, Desk::new("3001").with([answers(SECOND)])];
    let world = scene(PLAN, AwayReason::Meeting, asks(), desks()).end();
    assert_eq!(states(&world), ["asked", "not-reached"]);
    assert_eq!(
        left(&world),
        [KEPT, "record: agent-hung-up"],
        "the slip lies in the box; the delegate has the caller"
    );
    hears(&world, &["urgent/no-answer", "transfer/trying-another"]);
    assert!(waited(&world) < 1000, "{} ms", waited(&world));
    // The one ring is waited for, and no longer.
    let plan = PLAN.replace("\"text\"", "\"ring\"");
    let rings = |reaction| {
        let [manager, delegate] = desks();
        scene(&plan, AwayReason::Meeting, asks(), [manager.with([reaction]), delegate]).end()
    };
    let world = rings(Reaction::Refuse { after: SECOND * 3, status: 603 });
    assert_eq!(states(&world), ["asked", "not-reached"]);
    assert!((3000..4000).contains(&waited(&world)), "{} ms", waited(&world));
    let world = rings(Reaction::Ignore);
    assert_eq!(states(&world), ["asked", "not-reached"]);
    assert!((7000..10_000).contains(&waited(&world)), "{} ms", waited(&world));
    // Who has lifted it is waited for.
    let lifts = Reaction::Answer { after: SECOND, talks_for: Some(SECOND * 60), holds: None, hands_on: None };
    assert_eq!(states(&rings(lifts)), ["asked", "no-answer"]);
    // Who has a screen is asked there, whatever the phone knows.
    let plan = PLAN.replace("\"text\"", "\"screen\"");
    let world = scene(&plan, AwayReason::Meeting, asks(), desks()).end();
    assert_eq!(states(&world), ["asked", "no-answer"]);
    assert!(!world.ladder().contains("MESSAGE"), "{}", world.ladder());
}

#[test]
fn who_says_nothing_is_asked_once_more_and_offered_the_rest() {
    let world = meeting(vec![(When::Hears("topic/urgent", SECOND), Act::Press('4'))]).end();
    assert_eq!(states(&world), Vec::<String>::new());
    assert_eq!(left(&world)[0], "slip m0 discarded");
    hears(
        &world,
        &["urgent/say-who-and-what", "message/too-short", "urgent/say-who-and-what", "topic/message"],
    );
    assert_eq!(world.ladder().matches("topic/urgent").count(), 1, "nobody is asked twice");
}

/// The manager's phone is lifted three seconds after it began to ring; then these keys, one a second.
fn keyed(keys: &str) -> World {
    let plan = PLAN.replace("\"text\"", "\"ring\"");
    let lifts =
        Reaction::Answer { after: SECOND * 3, talks_for: Some(SECOND * 40), holds: None, hands_on: None };
    let desks = [Desk::new("4001").with([lifts; 2]), Desk::new("3001").with([answers(SECOND)])];
    let mut scene = scene(&plan, AwayReason::Meeting, asks(), desks);
    let lifted = scene.asked() + SECOND * 4;
    for (at, key) in keys.chars().enumerate() {
        let at = lifted + SECOND * u32::try_from(at).unwrap();
        scene.world.desk_at(at, MANAGER, DeskAct::Press(key));
    }
    scene.end()
}

#[test]
fn by_key_in_the_one_ring() {
    for (keys, told) in [
        ("1", "put-through"),
        ("91", "put-through"),
        ("21530", "call-back"),
        ("2#", "call-back"),
        ("297991530", "call-back"),
        ("3", "delegate"),
        ("4", "message"),
        ("", "no-answer"),
        ("215", "no-answer"),
    ] {
        let world = keyed(keys);
        assert_eq!(states(&world), ["asked", told], "{keys}\n{}", world.ladder());
    }
    let world = keyed("1");
    assert_eq!(left(&world), [KEPT, "slip m0 is marked done", "record: agent-hung-up"]);
    assert_eq!(world.ladder().matches("4001 < INVITE").count(), 1, "who has lifted it is not rung again");
    hears(&keyed("21530"), &["urgent/calls-back-before", "time/hour-3", "time/half"]);
    hears(&keyed("297991530"), &["error/invalid-key", "agent/enter-call-back-time"]);
}

/// By these texts, so many seconds after the question came.
fn texted(texts: &[(u32, u16, &str)]) -> World {
    let desks = [Desk::new("4001").with([answers(SECOND * 2)]), Desk::new("3001").with([answers(SECOND)])];
    let mut scene = scene(PLAN, AwayReason::Meeting, asks(), desks);
    let asked = scene.asked();
    for (after, desk, text) in texts {
        scene.world.desk_at(asked + SECOND * *after, *desk, DeskAct::Write((*text).to_owned()));
    }
    scene.end()
}

#[test]
fn by_text_from_who_is_asked_and_nobody_else() {
    for (texts, told) in [
        (&[(2, MANAGER, "1")][..], "put-through"),
        (&[(2, MANAGER, "2 15:30")], "call-back"),
        (&[(2, MANAGER, "hello"), (4, MANAGER, "3")], "delegate"),
        (&[(2, 1, "1"), (4, MANAGER, "4")], "message"),
        (&[(2, MANAGER, "4"), (3, MANAGER, "1")], "message"),
        (&[(2, MANAGER, "2 25:00")], "no-answer"),
        (&[(25, MANAGER, "1")], "no-answer"),
    ] {
        let world = texted(texts);
        assert_eq!(states(&world), ["asked", told], "{texts:?}\n{}", world.ladder());
        // Each text has arrived, whatever it says; the question, what came of it, and what an answer did not do.
        let ladder = world.ladder();
        assert_eq!(ladder.matches("< 200 MESSAGE").count(), texts.len(), "{texts:?}\n{ladder}");
    }
    let said = texted(&[(2, MANAGER, "hello"), (4, MANAGER, "4"), (6, MANAGER, "1")]);
    assert_eq!(said.ladder().matches("4001 < MESSAGE").count(), 4, "{}", said.ladder());
}

/// Not at chosen steps: every half second of the whole, each in a world of its own.
#[test]
fn a_caller_who_hangs_up_at_any_moment_has_left_what_they_said() {
    let (mut kept, plan) = (0, plans::small(PLAN));
    for half_seconds in 1..=90 {
        let mut caller = Caller::new(MOBILE, "10000", Nature::Script(asks()));
        caller.cancels_after = Some(SECOND / 2 * half_seconds);
        let setup = Setup { ladder: true, desks: desks().into(), ..Setup::new(plan.clone()) };
        let mut world = World::new(setup);
        (0..2).for_each(|desk| world.desk_at(Instant::ZERO, desk, DeskAct::Register));
        world.command_at(Instant::ZERO + SECOND, away(AwayReason::Meeting));
        world.call_at(DIALS, caller);
        let world = Scene { world, lasts: SECOND * 60 }.end();
        let (left, ladder) = (left(&world), world.ladder());
        let said = said_for(ladder);
        // They begin to speak a second after the tone; less than a second is no message.
        let whole = said.is_some_and(|said| said >= 1.3);
        let has_slip = left.iter().any(|line| line.starts_with("urgent slip m0 for 4001"));
        assert_eq!(has_slip, whole, "after {half_seconds} half seconds: {left:?}\n{ladder}");
        let told = states(&world);
        assert!(told.len() != 1, "asked, and never told what came of it: {told:?}\n{ladder}");
        kept += u32::from(whole);
    }
    assert!((50..80).contains(&kept), "{kept}");
}

/// From the tone to the end of the call, in seconds; `None` where it never began.
fn said_for(ladder: &str) -> Option<f64> {
    let at = |what: &str| {
        let line = ladder.lines().find(|line| line.contains(what))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    let began = at("is recorded as r0")?;
    Some(at("caller > BYE").or_else(|| at("caller < BYE"))? - began)
}

/// The caller is in one exchange and the answer comes to another.
#[test]
fn several_exchanges() {
    for seed in 1..=4 {
        let exchanges = Exchanges { of: 3, ..Exchanges::ONE };
        let mut scene = scene_of(exchanges, PLAN, AwayReason::Meeting, asks(), desks());
        for call in 1..=seed {
            let number = format!("1381234567{call}");
            scene
                .world
                .call_at(DIALS + SECOND * 100 * call, Caller::new(number, "10000", Nature::Script(asks())));
        }
        scene.lasts = SECOND * 100 * seed + SECOND * 60;
        scene.answer(UrgentAnswer::Delegate);
        let world = scene.end();
        assert_eq!(states(&world)[..2], ["asked", "delegate"], "{}", world.ladder());
    }
}

/// What is promised is kept: at that time the manager's phone rings, and a key has the caller called.
#[test]
fn who_said_that_they_call_back_is_connected_with_the_caller_then() {
    // The queue calls no such number back: it is the manager's right that counts.
    let queue = "[skill.consult]\n[queue.consult]\nskills = { consult = 1 }\ncallback_to = [\"2.\"]\n";
    let plan = PLAN.replace("[agent.4001]\n", &format!("{queue}[agent.4001]\nmay_call = [\"1.\"]\n"));
    let desks = [Desk::new("4001").with([answers(SECOND * 2)]), Desk::new("3001")];
    let mut scene = scene(&plan, AwayReason::Meeting, asks(), desks);
    let person = Caller::new("", "", Nature::Script(vec![(When::Talks(SECOND * 5), Act::HangUp)]));
    scene.world.expect(MOBILE, vec![Ring::Answers { after: SECOND * 2, who: Box::new(person) }]);
    let asked = scene.asked();
    scene.world.desk_at(asked + SECOND * 2, MANAGER, DeskAct::Write("2 10:10".to_owned()));
    let ready = Command::SetAgent { extension: "4001".to_owned(), change: AgentChange::Ready };
    scene.world.command_at(asked + SECOND * 60, ready);
    let rings = |world: &World| world.ladder().contains("4001 < INVITE");
    assert!(scene.world.run_to(asked + SECOND * 700, rings), "{}", scene.world.ladder());
    let rung = scene.world.now();
    scene.world.desk_at(rung.mono + SECOND * 8, MANAGER, DeskAct::Press('1'));
    let world = scene.end();
    let floor = world.floor().iter().filter_map(|(_, event)| match event {
        FloorEvent::Promise { kind, result, .. } => Some(format!("{kind} {result}")),
        _ => None,
    });
    assert_eq!(floor.collect::<Vec<_>>(), ["urgent open", "urgent kept"], "{}", world.ladder());
}

/// The manager is asked and the caller hears the answer; of the slip nothing was promised to anybody.
#[test]
fn a_disk_that_takes_nothing_costs_the_slip_and_not_the_answer() {
    let mut scene = meeting(asks());
    // After the caller has begun to speak, and for five seconds at least.
    scene.world.fault_at(DIALS + SECOND * 15, Fault::DiskFails);
    scene.answer(UrgentAnswer::Message);
    let world = scene.end();
    assert_eq!(states(&world), ["asked", "message"], "{}", world.ladder());
    hears(&world, &["message/urgent-sent", "urgent/leave-message"]);
    assert!(!world.ladder().contains("slip m0 on disk"), "{}", world.ladder());
}
