//! Who does not take a caller rests: what lists and those who watch are told of it.

use super::*;

const ONE: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]
rest_refused = "7 s"
rest_busy = "20 s"
rest_no_answer = "9 s"
no_answers = 3

[numbers]
100 = "main"

[[flow.main]]
queue = "consultation"

[queue.consultation]
skills = { consultation = 5 }
ring = "10 s"

[skill.consultation]

[agent.1001]
skills = { consultation = 5 }
contact = "sip:1001@127.0.0.1:7001"
ready = true
"#;

fn line(bench: &mut Bench) -> AgentLine {
    match waiting::ordered(bench, Command::Agents) {
        Reply::Agents(lines) => lines.into_iter().next().expect("an agent"),
        other => panic!("{other:?}"),
    }
}

fn resting(bench: &mut Bench) -> Vec<RestLine> {
    match waiting::ordered(bench, Command::Status) {
        Reply::Status(status) => status.resting,
        other => panic!("{other:?}"),
    }
}

/// Rung for a caller; the phone says this, or nothing for the whole ring.
fn does_not_take(bench: &mut Bench, status: Option<u16>) {
    bench.rung().expect("the phone rings");
    bench.outputs.clear();
    match (status, bench.agent_dialog) {
        (Some(status), Some(dialog)) => {
            bench.agent.endpoint.reject(bench.now.mono, dialog, sip::Answer::new(status));
            bench.settle();
        }
        _ => bench.pass(Duration::from_secs(10)),
    }
}

#[test]
fn the_rest_and_its_end_are_told_by_the_plans_own_times() {
    for (status, seconds) in [(Some(603), 7), (Some(486), 20), (None, 9)] {
        let mut bench = waiting::quiet(plan_of(ONE));
        bench.dials("13800000001", "100");
        does_not_take(&mut bench, status);
        let until = bench.now.wall + Duration::from_secs(seconds);
        let told = bench.outputs.iter().find_map(|output| match output {
            Output::Notice(Notice::Floor(event)) => match &**event {
                FloorEvent::Agent { state, until, .. } => Some((state.clone(), *until)),
                _ => None,
            },
            _ => None,
        });
        assert_eq!(told, Some(("resting".to_owned(), Some(until))));
        let agent = line(&mut bench);
        assert_eq!((agent.state.as_str(), agent.until, agent.reason), ("resting", Some(until), None));
        assert_eq!(resting(&mut bench), [RestLine { agent: "1001".to_owned(), until }]);
        let call = *bench.exchange.calls.keys().next().unwrap();
        let Reply::Why(why) = waiting::ordered(&mut bench, Command::Why { call }) else { panic!("not told") };
        assert_eq!(why[1].considered[0].reason, "rests: did not take a caller a moment ago");
        bench.pass(Duration::from_secs(seconds - 1));
        assert_eq!(bench.rung(), None);
        bench.pass(Duration::from_secs(1));
        assert!(bench.rung().is_some() && resting(&mut bench).is_empty(), "{status:?}");
    }
}

#[test]
fn so_many_misses_in_a_row_as_the_plan_says_and_the_agent_is_away() {
    let mut bench = waiting::quiet(plan_of(ONE));
    bench.dials("13800000001", "100");
    for _ in 0..2 {
        does_not_take(&mut bench, None);
        assert_eq!(line(&mut bench).state, "resting");
        bench.pass(Duration::from_secs(9));
    }
    does_not_take(&mut bench, None);
    let agent = line(&mut bench);
    assert_eq!((agent.state.as_str(), agent.until), ("away", None));
    assert_eq!(agent.reason, Some(crate::base::AwayReason::NoAnswer));
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.rung(), None);
    bench.set_agent(AgentChange::Ready);
    assert!(bench.rung().is_some(), "by a word of theirs");
}

#[test]
fn ready_ends_a_rest() {
    let mut bench = waiting::quiet(plan_of(ONE));
    bench.dials("13800000001", "100");
    bench.dials("13800000002", "100");
    does_not_take(&mut bench, Some(603));
    bench.set_agent(AgentChange::Ready);
    assert_eq!(bench.rung().expect("the phone rings").1, "13800000002", "whom they refused has their time");
}

#[test]
fn who_is_rung_is_reserved_until_their_phone_says_that_it_rings() {
    let mut bench = waiting::quiet(plan_of(ONE));
    let dialog = bench.dials("13800000001", "100");
    bench.rung().expect("an INVITE");
    assert_eq!(line(&mut bench).state, "reserved");
    bench.agent.endpoint.ring(bench.now.mono, bench.agent_dialog.unwrap(), 180, None);
    bench.outputs.clear();
    bench.settle();
    let told = |output: &Output| match output {
        Output::Notice(Notice::Floor(event)) => match &**event {
            FloorEvent::Agent { state, .. } => Some(state.clone()),
            _ => None,
        },
        _ => None,
    };
    assert_eq!(bench.outputs.iter().filter_map(told).collect::<Vec<_>>(), ["ringing"]);
    assert_eq!(line(&mut bench).state, "ringing");
    let own = bench.agent_dialog.unwrap();
    bench.agent.endpoint.accept(bench.now.mono, own, Some(Bytes::from_static(SDP.as_bytes())));
    bench.settle();
    assert_eq!(line(&mut bench).state, "talking");
    bench.hangs_up(dialog);
    assert_eq!(line(&mut bench).state, "wrap-up");
}
