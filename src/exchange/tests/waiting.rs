//! Places in line: kept for who dropped, given back to whom a phone failed, held for an owner.

use super::*;

const TWO: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"
101 = "owned"

[[flow.main]]
queue = "consultation"

[[flow.owned]]
queue = { to = "consultation", owner = ["manager", "contact"] }

[calendar.service]
open = { mon-sun = "09:00-17:00" }

[queue.consultation]
skills = { consultation = 5 }
calendar = "service"
wrap_up = "0 s"

[skill.consultation]

[agent.1001]
skills = { consultation = 5 }
contact = "sip:1001@127.0.0.1:7001"
ready = true

[agent.1002]
skills = { consultation = 5 }
contact = "sip:1002@127.0.0.1:7003"
ready = true
"#;

const FIRST: &str = "13800000001";
const SECOND: &str = "13800000002";

/// Nobody is asked for signs of life: the phones here give none.
pub(super) fn quiet(plan: Arc<Plan>) -> Bench {
    let probes = Pace { every: Duration::ZERO, ..Pace::default() };
    Bench::with(Config { probes, ..Config::default() }, plan)
}

fn away(bench: &mut Bench) {
    bench.set_agent(AgentChange::away(crate::base::AwayReason::Break, None));
}

impl Bench {
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        let wall = self.now.wall;
        let began = self.now.mono;
        while let Some((at, _)) = self.exchange.poll_timeout().filter(|(at, _)| *at <= end) {
            let at = at.max(self.now.mono);
            self.now = Now { mono: at, wall: wall + at.since(began) };
            self.exchange.handle_input(self.now, Input::Timeout);
            for phone in [&mut self.caller, &mut self.agent] {
                phone.endpoint.handle_timeout(self.now.mono);
            }
            self.settle();
        }
        self.now = Now { mono: end, wall: wall + time };
        for phone in [&mut self.caller, &mut self.agent] {
            phone.endpoint.handle_timeout(end);
        }
        self.settle();
        self.exchange.check_invariants();
    }

    pub(super) fn dials(&mut self, from: &str, number: &str) -> sip::DialogId {
        self.dial_as(from, number, Some(Bytes::from_static(SDP.as_bytes())))
    }

    pub(super) fn hangs_up(&mut self, dialog: sip::DialogId) {
        self.caller.endpoint.bye(self.now.mono, dialog, None);
        self.settle();
        self.exchange.check_invariants();
    }

    /// Whose phone rings for whom.
    pub(super) fn rung(&mut self) -> Option<(String, String)> {
        let mut rung = None;
        while let Some(event) = self.agent.endpoint.poll_event() {
            if let sip::Event::Invite { dialog, request, .. } = event {
                let user = |uri: &Uri| uri.user().unwrap_or_default().into_owned();
                self.agent_dialog = Some(dialog);
                rung = Some((user(&request.uri), user(&request.from.uri)));
            }
        }
        rung
    }

    fn stages(&self) -> Vec<StageKind> {
        self.exchange.calls.values().map(Call::stage).collect()
    }
}

fn for_whom(rung: Option<(String, String)>) -> String {
    rung.expect("a phone rings").1
}

#[test]
fn who_dropped_and_calls_again_stands_where_they_stood() {
    for (gone, first) in [(60, FIRST), (299, FIRST), (301, SECOND)] {
        let plan = PLAN.replace("[skill.con", "max_wait = \"never\"\n[skill.con");
        let mut bench = quiet(plan_of(&plan));
        away(&mut bench);
        let dialog = bench.dials(FIRST, "100");
        bench.pass(Duration::from_secs(10));
        bench.dials(SECOND, "100");
        bench.hangs_up(dialog);
        bench.pass(Duration::from_secs(gone));
        bench.dials(FIRST, "100");
        bench.set_agent(AgentChange::Ready);
        assert_eq!(for_whom(bench.rung()), first, "gone for {gone} s");
    }
}

#[test]
fn a_place_is_used_once_and_is_nobody_elses() {
    let mut bench = quiet(plan());
    away(&mut bench);
    let dialog = bench.dials(FIRST, "100");
    bench.pass(Duration::from_secs(10));
    bench.hangs_up(dialog);
    bench.dials(SECOND, "100");
    bench.pass(Duration::from_secs(1));
    bench.dials(FIRST, "100");
    bench.pass(Duration::from_secs(1));
    bench.dials(FIRST, "100");
    let places: Vec<_> = bench
        .exchange
        .calls
        .values()
        .map(|call| bench.exchange.core.position(call.queued_as().unwrap()))
        .collect();
    assert_eq!(places, [Some(2), Some(1), Some(3)]);
}

#[test]
fn whom_a_dead_phone_cut_off_stands_before_all_others_and_is_not_hung_up_on() {
    let (mut bench, first) = Bench::talking();
    bench.pass(Duration::from_secs(30));
    bench.dials(SECOND, "100");
    let call = *bench.exchange.calls.keys().next().unwrap();
    bench.input(Input::Media(media::Event::RtpTimeout { leg: LegId { call, index: 1 } }));
    assert_eq!(bench.stages(), [StageKind::Wait, StageKind::Wait]);
    assert_eq!(bench.agent_state(), Some(queue::AgentState::Away(queue::Away::NoAnswer)));
    let place =
        |bench: &Bench| bench.exchange.core.position(bench.exchange.calls[&call].queued_as().unwrap());
    assert_eq!(place(&bench), Some(1));
    let ended = |event: &sip::Event| matches!(event, sip::Event::Ended { dialog, .. } if *dialog == first);
    assert!(!std::iter::from_fn(|| bench.caller.endpoint.poll_event()).any(|event| ended(&event)));
    bench.rung();
    bench.set_agent(AgentChange::Ready);
    assert_eq!(for_whom(bench.rung()), "13812345678");
    let dialog = bench.agent_dialog.unwrap();
    bench.agent.endpoint.accept(bench.now.mono, dialog, Some(Bytes::from_static(SDP.as_bytes())));
    bench.settle();
    bench.pass(Duration::from_secs(5));
    bench.hangs_up(first);
    let record = bench.outputs.iter().find_map(|output| match output {
        Output::Record(Record::Call(record)) => Some(record),
        _ => None,
    });
    let visit = record.and_then(|record| record.queue.as_ref()).expect("a record with a queue");
    assert_eq!((visit.offers, visit.talked_ms), (2, 35_000), "both talks count");
}

#[test]
fn the_one_who_served_a_number_last_is_asked_first_and_the_place_is_kept() {
    let mut bench = quiet(plan_of(TWO));
    let first = bench.dials(FIRST, "101");
    let (server, _) = bench.rung().expect("a phone rings");
    assert_eq!(server, "1001");
    let dialog = bench.agent_dialog.unwrap();
    bench.agent.endpoint.accept(bench.now.mono, dialog, Some(Bytes::from_static(SDP.as_bytes())));
    bench.settle();
    bench.pass(Duration::from_secs(5));
    bench.hangs_up(first);
    // 1002 has been idle longer, and is who anybody else gets.
    let again = bench.dials(FIRST, "101");
    assert_eq!(bench.rung().expect("a phone rings").0, "1001");
    bench.hangs_up(again);
    let other = bench.dials(SECOND, "101");
    assert_eq!(bench.rung().expect("a phone rings").0, "1002");
    bench.hangs_up(other);
    // Away: not waited for.
    away(&mut bench);
    bench.dials(FIRST, "101");
    assert_eq!(bench.rung().expect("a phone rings").0, "1002");
}

#[test]
fn an_owner_who_talks_is_waited_for_and_then_the_others_at_the_old_place() {
    let mut bench = quiet(plan_of(TWO));
    for served in [FIRST, SECOND] {
        bench.dials(served, "101");
        bench.rung().expect("a phone rings");
        let dialog = bench.agent_dialog.unwrap();
        bench.agent.endpoint.accept(bench.now.mono, dialog, Some(Bytes::from_static(SDP.as_bytes())));
        bench.settle();
    }
    bench.dials(FIRST, "101");
    let call = *bench.exchange.calls.keys().next_back().unwrap();
    let waits =
        |bench: &Bench| bench.exchange.core.estimate(bench.exchange.calls[&call].queued_as().unwrap());
    bench.pass(Duration::from_secs(14));
    assert_eq!(waits(&bench), None, "for the owner alone");
    bench.pass(Duration::from_secs(2));
    assert!(waits(&bench).is_some(), "for anybody");
}

#[test]
fn who_is_left_in_line_is_told() {
    // Nobody is signed on any more: a look at each comfort phrase, told at the second.
    let mut bench = quiet(plan());
    away(&mut bench);
    bench.dials(FIRST, "100");
    bench.set_agent(AgentChange::SignOff);
    bench.pass(Duration::from_secs(31));
    assert_eq!(bench.stages(), [StageKind::Wait]);
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.stages(), [StageKind::Message]);
    // It is before nine in Beijing.
    for (serve, stage) in [("tell", StageKind::Message), ("serve", StageKind::Wait)] {
        let plan = TWO.replace("wrap_up", &format!("left_in_line = \"{serve}\"\nwrap_up"));
        let mut bench = quiet(plan_of(&plan));
        for extension in ["1001", "1002"] {
            let change = AgentChange::away(crate::base::AwayReason::Break, None);
            let command = Command::SetAgent { extension: extension.to_owned(), change };
            bench.input(Input::Command { id: 1, command });
        }
        bench.dials(FIRST, "100");
        bench.pass(Duration::from_secs(31));
        assert_eq!(bench.stages(), [stage], "{serve}");
    }
}

pub(super) fn ordered(bench: &mut Bench, command: Command) -> Reply {
    bench.outputs.clear();
    bench.input(Input::Command { id: 7, command });
    let reply = bench.outputs.iter().find_map(|output| match output {
        Output::Reply { id: 7, reply } => Some(reply.clone()),
        _ => None,
    });
    reply.expect("each order is answered")
}

/// Two callers wait for one agent, the other one being away; the calls' numbers.
fn two_in_line(bench: &mut Bench) -> [CallId; 2] {
    away(bench);
    let command = Command::SetAgent {
        extension: "1002".to_owned(),
        change: AgentChange::away(crate::base::AwayReason::Break, None),
    };
    bench.input(Input::Command { id: 1, command });
    bench.dials(FIRST, "100");
    bench.pass(Duration::from_secs(5));
    bench.dials(SECOND, "100");
    let calls: Vec<_> = bench.exchange.calls.keys().copied().collect();
    calls.try_into().expect("two calls")
}

#[test]
fn an_administrator_gives_another_priority_and_why_says_what_came_of_it() {
    let mut bench = quiet(plan_of(TWO));
    let [first, second] = two_in_line(&mut bench);
    let change = |call, credit_ms| Command::ChangeWaiting { call, queue: None, credit_ms: Some(credit_ms) };
    assert_eq!(ordered(&mut bench, change(second, 60_000)), Reply::Done);
    assert_eq!(
        ordered(&mut bench, Command::HangUp { call: CallId(99) }),
        Reply::Refused("there is no call c99".to_owned())
    );
    bench.set_agent(AgentChange::Ready);
    assert_eq!(for_whom(bench.rung()), SECOND, "who came later has more credit now");
    let refused = ordered(&mut bench, change(second, 0));
    let reason = format!("call {second} is being offered to 1001: nothing was changed");
    assert_eq!(refused, Reply::Refused(reason));
    let Reply::Why(told) = ordered(&mut bench, Command::Why { call: second }) else { panic!("not told") };
    assert_eq!(told.len(), 1);
    let reasons: Vec<_> = told[0].considered.iter().map(|c| format!("{}: {}", c.agent, c.reason)).collect();
    assert_eq!(reasons, ["1001: chosen: nobody else was free for this caller", "1002: away"]);
    assert_eq!((told[0].waited_ms, told[0].credit_ms), (0, 60_000));
    let Reply::Why(told) = ordered(&mut bench, Command::Why { call: first }) else { panic!("not told") };
    assert_eq!((told[0].chosen.as_deref(), told[0].considered.len()), (None, 2));
    let unknown = ordered(&mut bench, Command::Why { call: CallId(99) });
    assert!(matches!(unknown, Reply::Refused(_)));
    assert!(matches!(ordered(&mut bench, change(CallId(99), 0)), Reply::Refused(_)));
}

#[test]
fn an_administrator_moves_a_caller_to_another_queue() {
    let text = TWO.replace("ready = true", "ready = true\n");
    let text = format!(
        "{text}\n[queue.second]\nskills = {{ second = 1 }}\n[skill.second]\n[agent.1003]\nskills = {{ second = 1 }}\ncontact = \"sip:1003@127.0.0.1:7005\"\nready = true\n"
    );
    let mut bench = quiet(plan_of(&text));
    let [first, _] = two_in_line(&mut bench);
    let to =
        |call, queue: &str| Command::ChangeWaiting { call, queue: Some(queue.to_owned()), credit_ms: None };
    let unknown = format!("there is no queue third for call {first}");
    assert_eq!(ordered(&mut bench, to(first, "third")), Reply::Refused(unknown));
    assert_eq!(ordered(&mut bench, to(first, "second")), Reply::Done);
    let rung = bench.rung().expect("the other queue's agent is rung at once");
    assert_eq!(rung, ("1003".to_owned(), FIRST.to_owned()));
    assert_eq!(bench.exchange.calls[&first].queue_name(), Some("second"));
}
