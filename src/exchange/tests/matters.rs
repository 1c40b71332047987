//! First asked, first responsible: whose a customer's matter is, and how it becomes somebody else's.

use super::floor::{self, CALLER, Floor, OWNER, TARGET};
use super::waiting::quiet;
use super::*;
use crate::base::Masked;
use crate::exchange::FloorEvent;
use crate::record::Contact;

const PLAN: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"

[[flow.main]]
queue = { to = "consultation", owner = "contact" }

[queue.consultation]
skills = { consultation = 5 }
wrap_up = "0 s"

[skill.consultation]

[agent.1001]
skills = { consultation = 5 }
contact = "sip:1001@127.0.0.1:7001"
ready = true
delegate = "1003"

[agent.1002]
skills = { consultation = 5 }
contact = "sip:1002@127.0.0.1:7003"
ready = true

[agent.1003]
skills = { consultation = 5 }
contact = "sip:1003@127.0.0.1:7005"
ready = true
"#;

const CUSTOMER: &str = "13800000001";

impl Bench {
    /// The customer calls, and is served for five seconds; by whom.
    fn served(&mut self, keys: &str) -> String {
        let caller = self.dials(CUSTOMER, "100");
        let (server, _) = self.rung().expect("a phone rings");
        let dialog = self.agent_dialog.expect("a phone that rings");
        self.agent.endpoint.accept(self.now.mono, dialog, Some(Bytes::from_static(SDP.as_bytes())));
        self.settle();
        let leg = self.exchange.calls.values().find_map(Call::agents_leg).expect("they talk");
        for key in keys.chars() {
            let digit = Masked::new(media::Digit::from_char(key).expect("a key"));
            let by = media::DigitMeans::TelephoneEvent;
            self.input(Input::Media(media::Event::Digit { leg, digit, by }));
            self.pass(Duration::from_millis(1500));
        }
        self.pass(Duration::from_secs(5));
        self.hangs_up(caller);
        server
    }

    fn say(&mut self, extension: &str, change: AgentChange) {
        let command = Command::SetAgent { extension: extension.to_owned(), change };
        self.input(Input::Command { id: 1, command });
    }

    fn leaves(&mut self, extension: &str) {
        self.say(extension, AgentChange::away(crate::base::AwayReason::Meeting, None));
    }

    fn owner(&self) -> Contact {
        let contacts = self.outputs.iter().filter_map(|output| match output {
            Output::Record(Record::Contact(contact)) => Some((**contact).clone()),
            _ => None,
        });
        contacts.last().expect("somebody has the matter")
    }
}

#[test]
fn who_took_a_matter_first_has_it_whoever_serves_in_between() {
    let mut bench = quiet(plan_of(PLAN));
    assert_eq!(bench.served(""), "1001");
    let first = bench.owner();
    bench.leaves("1001");
    bench.leaves("1003");
    assert_eq!(bench.served(""), "1002");
    let still = bench.owner();
    assert_eq!((still.extension.as_str(), still.since), ("1001", first.since));
    assert!(still.last_call > first.last_call && still.until > first.until, "another call about it");
    bench.say("1001", AgentChange::Ready);
    bench.say("1003", AgentChange::Ready);
    assert_eq!(bench.served(""), "1001", "who has served them last is not who answers for it");
}

#[test]
fn it_is_somebody_elses_when_they_accept_it_by_a_key() {
    let mut bench = quiet(plan_of(PLAN));
    assert_eq!(bench.served(""), "1001");
    bench.leaves("1001");
    bench.leaves("1003");
    assert_eq!(bench.served("12*8"), "1002");
    assert_eq!(bench.owner().extension, "1002");
    let told = bench.outputs.iter().filter(|output| match output {
        Output::Notice(Notice::Floor(event)) => {
            matches!(&**event, FloorEvent::Matter { from, to, .. } if from.as_deref() == Some("1001") && to == "1002")
        }
        _ => false,
    });
    assert_eq!(told.count(), 1);
    bench.say("1001", AgentChange::Ready);
    bench.say("1003", AgentChange::Ready);
    assert_eq!(bench.served("*8"), "1002", "and accepting it again changes nothing");
    let took = |output: &Output| match output {
        Output::Record(Record::Call(record)) => {
            record.stages.iter().any(|stage| stage.detail == "1002 takes the matter")
        }
        _ => false,
    };
    assert_eq!(
        bench.outputs.iter().filter(|output| took(output)).count(),
        2,
        "it stands in the call's record"
    );
}

#[test]
fn an_absent_owners_delegate_is_asked_before_the_queue() {
    let mut bench = quiet(plan_of(PLAN));
    assert_eq!(bench.served(""), "1001");
    bench.leaves("1001");
    // 1002 has been idle as long, and is named first in the plan.
    assert_eq!(bench.served(""), "1003");
    bench.leaves("1003");
    assert_eq!(bench.served(""), "1002", "at the old place");
    assert_eq!(bench.owner().extension, "1001");
}

#[test]
fn after_a_while_a_matter_is_nobodys_and_a_restart_forgets_none() {
    let mut bench = quiet(plan_of(PLAN));
    bench.exchange.config.call.matter_lasts = Duration::from_secs(600);
    assert_eq!(bench.served(""), "1001");
    let left = bench.owner();
    bench.pass(Duration::from_secs(601));
    bench.leaves("1001");
    bench.leaves("1003");
    assert_eq!(bench.served(""), "1002");
    assert_eq!(bench.owner().extension, "1002", "who takes it now has it");
    let mut next = quiet(plan_of(PLAN));
    next.now = bench.now;
    let contacts =
        vec![Contact { extension: "1003".to_owned(), until: next.now.wall + HOUR, ..left.clone() }];
    next.input(Input::RestoreKept { contacts, places: Vec::new() });
    assert_eq!(next.served(""), "1003");
    assert_eq!(next.owner().since, left.since);
}

const HOUR: Duration = Duration::from_secs(3600);

// -- after a talk that was handed on --

/// The caller has hung up after a talk with the colleague whom the owner handed them to.
fn handed_on() -> Floor {
    let text = floor::text(false, false)
        .replace("queue = \"first\"", "queue = { to = \"first\", owner = \"contact\" }");
    let mut floor = Floor::with(plan_of(&text));
    floor.dial(CALLER, CUSTOMER, "100");
    floor.answer(OWNER);
    floor.keys(OWNER, "*11002#");
    floor.answer(TARGET);
    floor.pass(5);
    floor.hang_up(CALLER);
    floor
}

fn whose(floor: &Floor) -> Option<String> {
    floor.exchange.contact_owner(floor.now, &Masked::from(CUSTOMER))
}

fn is_asked(floor: &Floor) -> bool {
    floor.talks.get(&TARGET).is_some_and(|talks| !talks.is_empty())
}

fn over(floor: &mut Floor, what: &str) {
    assert_eq!(floor.exchange.calls(), 0, "{what}");
    assert!(!is_asked(floor) && floor.ears.open.is_empty(), "{what}: the phone is hung up");
    assert_eq!(floor.records.len(), 1, "{what}: one record");
    assert!(matches!(floor.state("1002"), queue::AgentState::Ready), "{what}: {:?}", floor.state("1002"));
}

#[test]
fn who_was_handed_the_caller_is_asked_whose_the_matter_is_and_takes_it_by_a_key() {
    let mut floor = handed_on();
    assert!(is_asked(&floor) && floor.records.is_empty(), "the caller has gone, the phone is not hung up");
    assert_eq!(whose(&floor).as_deref(), Some("1001"));
    floor.keys(TARGET, "1");
    over(&mut floor, "one");
    assert_eq!(whose(&floor).as_deref(), Some("1002"));
    assert!(floor.records[0].stages.iter().any(|stage| stage.detail == "1002 takes the matter"));
}

#[test]
fn without_that_key_it_stays_whose_it_was() {
    for what in ["another key", "no key", "hangs up", "vanishes", "house ends"] {
        let mut floor = handed_on();
        assert!(is_asked(&floor));
        match what {
            "another key" => floor.keys(TARGET, "2"),
            "no key" => floor.pass(5),
            "hangs up" => floor.hang_up(TARGET),
            "vanishes" => {
                let leg = *floor.ears.open.iter().next().expect("the phone's leg");
                let silent = media::Event::RtpTimeout { leg };
                floor.exchange.handle_input(floor.now, Input::Media(silent));
                floor.settle();
            }
            _ => {
                floor.exchange.handle_input(floor.now, Input::Shutdown);
                floor.settle();
            }
        }
        over(&mut floor, what);
        assert_eq!(whose(&floor).as_deref(), Some("1001"), "{what}");
    }
}

#[test]
fn nobody_else_is_asked() {
    // Who has it already; who hangs up before the caller; and where the queue asks nobody first.
    let text = floor::text(false, false);
    let owners = text.replace("queue = \"first\"", "queue = { to = \"first\", owner = \"contact\" }");
    for (what, plan) in [("own", &owners), ("hangs up first", &owners), ("no owner", &text)] {
        let mut floor = Floor::with(plan_of(plan));
        floor.dial(CALLER, CUSTOMER, "100");
        floor.answer(OWNER);
        if what != "own" {
            floor.keys(OWNER, "*11002#");
            floor.answer(TARGET);
        }
        floor.pass(5);
        if what == "hangs up first" {
            floor.hang_up(TARGET);
        }
        floor.hang_up(CALLER);
        assert_eq!(floor.exchange.calls(), 0, "{what}");
        assert_eq!(whose(&floor).as_deref(), Some("1001"), "{what}");
    }
}
