//! A planted fault trips each invariant; and one call through the whole switch, input by input.

mod browsers;
mod closing;
mod encrypted;
mod floor;
mod handing_over;
mod held_long;
mod holds;
mod lines;
mod matters;
mod parking;
mod persons;
mod quality;
mod reconciling;
mod resting;
mod screening;
mod texts;
mod transfers;
mod waiting;
mod whispering;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::base::{AwayReason, Catalog, Language, PromptInfo, Wall};
use crate::dialplan::{self, Manifest, SourceFile};
use crate::media;
use crate::record::{CallEnd, Record, StageKind};
use crate::sip::{Flow, NameAddr, Transmit, Transport, Uri};

mod lamps;

pub(super) const PLAN: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"
200 = "person"
300 = "box"

[[flow.main]]
queue = "consultation"

[[flow.person]]
dial = "1001"

[[flow.box]]
message = { box = "desk", ask = [] }

[queue.consultation]
skills = { consultation = 5 }

[skill.consultation]

[agent.1001]
name = "Agent"
skills = { consultation = 5 }
contact = "sip:1001@127.0.0.1:7001"
ready = true
"#;

pub(super) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\n\
                   a=rtpmap:101 telephone-event/8000\r\n";

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let duration = Duration::from_secs(1);
    let texts = Manifest::parse(include_str!("../../prompts/manifest.toml")).expect("the manifest");
    for (name, by_language) in texts.iter() {
        for (language, text) in by_language {
            let language = Some(language.clone());
            let info = PromptInfo { name: name.to_owned(), language, text: text.clone(), duration };
            catalog.add(info).expect("each prompt once");
        }
    }
    for name in ["common/beep", "common/recording-beep", "common/hold-music"] {
        let info = PromptInfo { name: name.to_owned(), language: None, text: String::new(), duration };
        catalog.add(info).expect("each prompt once");
    }
    catalog
}

fn plan() -> Arc<Plan> {
    plan_of(PLAN)
}

pub(super) fn plan_of(text: &str) -> Arc<Plan> {
    let files = [SourceFile { name: "test.toml".to_owned(), text: text.to_owned() }];
    match dialplan::load(&files, Arc::new(catalog())) {
        Ok((plan, _)) => Arc::new(plan),
        Err(mistakes) => panic!("{}", mistakes.iter().map(ToString::to_string).collect::<String>()),
    }
}

/// An exchange with one phone on either side.
struct Bench {
    exchange: Exchange,
    now: Now,
    caller: Phone,
    agent: Phone,
    /// What the agent's phone knows the talk by.
    agent_dialog: Option<sip::DialogId>,
    /// What the caller's phone knows it by.
    callers_own: Option<sip::DialogId>,
    outputs: Vec<Output>,
    /// What is played is among the outputs, and ends when the test says so.
    plays_last: bool,
    /// What went to the phone that watches.
    watched: Vec<Bytes>,
}

struct Phone {
    address: SocketAddr,
    endpoint: sip::Endpoint,
}

impl Phone {
    fn new(port: u16) -> Self {
        let endpoint = sip::Endpoint::new(sip::Config::default(), Rng::from_number(u64::from(port)));
        Phone { address: SocketAddr::from(([127, 0, 0, 1], port)), endpoint }
    }
}

/// The port of the phone that watches.
const WATCHER: u16 = 7002;
const SWITCH: ([u8; 4], u16) = ([127, 0, 0, 1], 5060);

impl Bench {
    fn new() -> Self {
        Bench::with(Config::default(), plan())
    }

    fn with(config: Config, plan: Arc<Plan>) -> Self {
        let now =
            Now { mono: Instant::from_micros(1_000_000), wall: Wall::from_micros(1_789_000_000_000_000) };
        let exchange = Exchange::new(config, plan, Ids::default(), Rng::from_number(1), now);
        Bench {
            exchange,
            now,
            caller: Phone::new(7000),
            agent: Phone::new(7001),
            agent_dialog: None,
            callers_own: None,
            outputs: Vec::new(),
            plays_last: false,
            watched: Vec::new(),
        }
    }

    /// Carries messages to and fro until nobody has anything to say.
    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.exchange.poll_output() {
                quiet = false;
                match &output {
                    Output::Transmit(Transmit { flow, bytes, .. }) if flow.remote.port() == WATCHER => {
                        self.watched.push(bytes.clone());
                    }
                    Output::Transmit(Transmit { flow, bytes, .. }) => {
                        let phone =
                            if flow.remote.port() == 7000 { &mut self.caller } else { &mut self.agent };
                        let back = Flow { local: flow.remote, remote: flow.local, ..*flow };
                        phone.endpoint.handle_message(self.now.mono, back, bytes);
                    }
                    // Everything is heard to its end at once, unless a test wants to see it.
                    Output::Play { leg, play, repeat: false, .. } if !self.plays_last => {
                        let (leg, play) = (*leg, *play);
                        self.exchange
                            .handle_input(self.now, Input::Media(media::Event::Played { leg, play }));
                    }
                    _ => self.outputs.push(output),
                }
            }
            for phone in [&mut self.caller, &mut self.agent] {
                while let Some(transmit) = phone.endpoint.poll_transmit() {
                    quiet = false;
                    let flow = Flow { local: transmit.flow.remote, remote: phone.address, ..transmit.flow };
                    self.exchange.handle_input(self.now, Input::Sip { flow, bytes: &transmit.bytes });
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn call(&mut self) -> sip::DialogId {
        self.dial("100", Some(Bytes::from_static(SDP.as_bytes())))
    }

    fn dial(&mut self, number: &str, sdp: Option<Bytes>) -> sip::DialogId {
        self.dial_as("13812345678", number, sdp)
    }

    fn dial_as(&mut self, from: &str, number: &str, sdp: Option<Bytes>) -> sip::DialogId {
        let switch = SocketAddr::from(SWITCH);
        let via =
            Flow { transport: Transport::Udp, local: self.caller.address, remote: switch, connection: 0 };
        let invite = sip::Invite {
            to: Uri::sip(Some(number), switch),
            via,
            from: NameAddr::new(Uri::sip(Some(from), self.caller.address)),
            to_display: None,
            contact_user: None,
            sdp,
            headers: Vec::new(),
            credentials: None,
        };
        let dialog = self.caller.endpoint.invite(self.now.mono, invite);
        self.settle();
        dialog
    }

    /// The agent's phone has begun to ring since it was looked at last.
    fn agent_rings(&mut self) -> Option<sip::DialogId> {
        let mut ringing = None;
        while let Some(event) = self.agent.endpoint.poll_event() {
            if let sip::Event::Invite { dialog, .. } = event {
                ringing = Some(dialog);
            }
        }
        ringing
    }

    fn input(&mut self, input: Input<'_>) {
        self.exchange.handle_input(self.now, input);
        self.settle();
        self.exchange.check_invariants();
    }

    fn set_agent(&mut self, change: AgentChange) {
        let command = Command::SetAgent { extension: "1001".to_owned(), change };
        self.input(Input::Command { id: 1, command });
    }

    fn agent_state(&self) -> Option<queue::AgentState> {
        self.exchange.core.agent_state(self.exchange.numbering.agent("1001")?)
    }

    /// Where our audio for the caller goes now.
    fn caller_hears_at(&self) -> Option<SocketAddr> {
        self.outputs.iter().rev().find_map(|output| match output {
            Output::Media { command: media::Command::Connect { leg, stream }, .. } if leg.index == 0 => {
                Some(stream.remote_rtp)
            }
            _ => None,
        })
    }

    fn agent_answers(&mut self) {
        let dialog = self.agent_rings().expect("the agent's phone rings");
        self.agent.endpoint.accept(self.now.mono, dialog, Some(Bytes::from_static(SDP.as_bytes())));
        self.agent_dialog = Some(dialog);
        self.settle();
    }

    /// One caller who talks with the agent.
    fn talking() -> (Self, sip::DialogId) {
        let mut bench = Bench::new();
        let dialog = bench.establish();
        (bench, dialog)
    }

    fn establish(&mut self) -> sip::DialogId {
        let dialog = self.call();
        self.agent_answers();
        self.exchange.check_invariants();
        dialog
    }

    fn broken(&self) -> Broken {
        self.exchange.invariants().expect_err("the planted fault")
    }
}

#[test]
fn a_call_is_queued_offered_bridged_and_recorded() {
    let (mut bench, dialog) = Bench::talking();
    let stages: Vec<_> = bench.exchange.calls.values().map(Call::stage).collect();
    assert_eq!(stages, [StageKind::Talk]);
    let bridged =
        |output: &Output| matches!(output, Output::Media { command: media::Command::Bridge { .. }, .. });
    assert_eq!(bench.outputs.iter().filter(|output| bridged(output)).count(), 1);

    bench.caller.endpoint.bye(bench.now.mono, dialog, None);
    bench.settle();
    bench.exchange.check_invariants();
    assert_eq!(bench.exchange.calls(), 0);
    let records: Vec<_> = bench
        .outputs
        .iter()
        .filter_map(|output| match output {
            Output::Record(Record::Call(record)) => Some(record),
            _ => None,
        })
        .collect();
    let [record] = records.as_slice() else { panic!("{} records", records.len()) };
    assert_eq!(record.end, CallEnd::CallerHungUp);
    assert_eq!(record.queue.as_ref().and_then(|visit| visit.agent.as_deref()), Some("1001"));
}

#[test]
fn a_stranger_is_challenged_and_an_unknown_number_refused() {
    let config = Config { loopback_is_trunk: false, ..Config::default() };
    let mut bench = Bench::with(config, plan());
    bench.call();
    let event = bench.caller.endpoint.poll_event();
    assert!(matches!(event, Some(sip::Event::Rejected { status: 401, .. })), "{event:?}");
    assert_eq!(bench.exchange.calls(), 0);
    let sent = bench.exchange.sip_stats().sent;
    assert_eq!((sent, bench.exchange.is_idle()), (1, true), "no 100, and nothing is kept");
}

#[test]
fn a_reload_changes_who_may_call_and_leaves_running_calls_alone() {
    let (mut bench, _) = Bench::talking();
    let strict = Config { loopback_is_trunk: false, ..Config::default() };
    let reload = Input::Reload { plan: plan(), config: Some(Box::new(strict)) };
    bench.exchange.handle_input(bench.now, reload);
    bench.exchange.check_invariants();
    assert_eq!(bench.exchange.calls.values().map(Call::stage).collect::<Vec<_>>(), [StageKind::Talk]);
    bench.call();
    let challenged = std::iter::from_fn(|| bench.caller.endpoint.poll_event())
        .any(|event| matches!(event, sip::Event::Rejected { status: 401, .. }));
    assert!(challenged);
    assert_eq!(bench.exchange.calls(), 1);
}

#[test]
fn draining_refuses_the_next_call_and_tells_when_the_last_is_over() {
    let (mut bench, dialog) = Bench::talking();
    bench.exchange.handle_input(bench.now, Input::Drain);
    bench.outputs.clear();
    bench.call();
    let refused = std::iter::from_fn(|| bench.caller.endpoint.poll_event())
        .any(|event| matches!(event, sip::Event::Rejected { status: 503, .. }));
    assert!(refused);
    let drained = |output: &Output| matches!(output, Output::Notice(Notice::Drained));
    assert!(!bench.outputs.iter().any(drained));
    bench.caller.endpoint.bye(bench.now.mono, dialog, None);
    bench.settle();
    assert!(bench.outputs.iter().any(drained));
}

#[test]
fn under_strain_new_calls_are_refused_and_running_ones_go_on() {
    let (mut bench, dialog) = Bench::talking();
    let strains = [
        Input::Backlog(Duration::from_millis(101)),
        Input::Gauges(Gauges { files_left: Some(127), resident: None }),
        Input::Gauges(Gauges { files_left: Some(128), resident: Some(2 << 20) }),
    ];
    bench.exchange.config.overload.resident = Some(1 << 20);
    let (at_ease, all_left) = (Input::Backlog(Duration::from_millis(100)), Input::Gauges(Gauges::default()));
    let mut refused = 0;
    for strain in strains {
        bench.input(strain);
        bench.call();
        refused += std::iter::from_fn(|| bench.caller.endpoint.poll_event())
            .filter(|event| matches!(event, sip::Event::Rejected { status: 503, retry_after: Some(_), .. }))
            .count();
        bench.input(Input::Backlog(Duration::ZERO));
    }
    assert_eq!((refused, bench.exchange.calls()), (3, 1));
    let why: Vec<_> = bench.exchange.refused.iter().map(|(why, count)| (*why, *count)).collect();
    let expected = ["overload: file handles", "overload: memory", "overload: messages wait too long"]
        .map(|why| (why, 1));
    assert_eq!(why, expected);
    assert_eq!(bench.exchange.dialogs.len(), 2, "nothing is kept of those who were refused");

    bench.input(at_ease);
    bench.input(all_left);
    bench.call();
    assert_eq!(bench.exchange.calls(), 2, "as soon as there is room");
    bench.caller.endpoint.bye(bench.now.mono, dialog, None);
    bench.settle();
    assert_eq!(bench.exchange.calls(), 1);
}

#[test]
fn while_messages_wait_only_so_many_calls_are_refused_and_the_others_dropped_unread() {
    let (mut bench, dialog) = Bench::talking();
    bench.input(Input::Backlog(Duration::from_secs(1)));
    for _ in 0..1100 {
        bench.call();
    }
    // A second's worth, and another for the burst.
    assert_eq!((bench.exchange.sip.stats().shed, bench.exchange.strain.unread), (1000, 100));
    bench.caller.endpoint.bye(bench.now.mono, dialog, None);
    bench.settle();
    assert_eq!(bench.exchange.calls(), 0, "what belongs to a running call is read");
}

#[test]
fn a_late_answer_of_a_caller_whom_nobody_serves_yet_is_taken() {
    let mut bench = Bench::new();
    bench.call();
    let leg = LegId { call: *bench.exchange.calls.keys().next().expect("a call"), index: 0 };
    assert_eq!(bench.caller_hears_at(), Some(SocketAddr::from(([127, 0, 0, 1], 4000))));
    let sdp = Bytes::from(SDP.replace("4000", "4444"));
    bench.exchange.work.push_back((leg.call, call::Event::ReofferAnswered { leg, sdp }));
    bench.input(Input::Timeout);
    assert_eq!(bench.caller_hears_at(), Some(SocketAddr::from(([127, 0, 0, 1], 4444))));
}

#[test]
fn a_caller_who_answers_our_offer_with_nothing_usable_is_not_kept_for_ever() {
    for answer in ["", "v=0\r\nnonsense"] {
        let mut bench = Bench::new();
        let dialog = bench.dial("100", None);
        assert_eq!(bench.exchange.calls(), 1, "the offer is out, the ACK is awaited");
        bench.caller.endpoint.ack_sdp(bench.now.mono, dialog, Bytes::from(answer));
        bench.settle();
        bench.exchange.check_invariants();
        assert_eq!(bench.exchange.calls(), 0);
        let hung_up = std::iter::from_fn(|| bench.caller.endpoint.poll_event())
            .any(|event| matches!(event, sip::Event::Ended { why: sip::EndedWhy::Bye { .. }, .. }));
        assert!(hung_up);
    }
}

#[test]
fn a_caller_who_holds_us_while_waiting_is_on_hold_when_the_agent_answers() {
    let mut bench = Bench::new();
    let dialog = bench.call();
    let held = Bytes::from(format!("{SDP}a=sendonly\r\n"));
    bench.caller.endpoint.reoffer(bench.now.mono, dialog, held);
    bench.settle();
    bench.agent_answers();
    bench.exchange.check_invariants();
    assert_eq!(bench.exchange.calls.values().map(Call::stage).collect::<Vec<_>>(), [StageKind::Hold]);
}

#[test]
fn who_signs_on_while_talking_past_the_queues_is_offered_nobody_before_the_end() {
    let mut bench = Bench::new();
    bench.set_agent(AgentChange::SignOff);
    let person = bench.dial("200", Some(Bytes::from_static(SDP.as_bytes())));
    bench.agent_answers();
    bench.set_agent(AgentChange::SignOn);
    assert_eq!(bench.agent_state(), Some(queue::AgentState::Talking));
    bench.call();
    assert_eq!(bench.agent_rings(), None, "the agent is in a call");
    bench.caller.endpoint.bye(bench.now.mono, person, None);
    bench.settle();
    bench.exchange.check_invariants();
    bench.agent_answers();
    bench.exchange.check_invariants();
    assert_eq!(bench.exchange.calls.values().map(Call::stage).collect::<Vec<_>>(), [StageKind::Talk]);
}

#[test]
fn who_signs_off_while_away_is_not_rung_on_the_way_out() {
    let mut bench = Bench::new();
    bench.set_agent(AgentChange::away(AwayReason::Meeting, None));
    bench.call();
    assert_eq!(bench.agent_rings(), None);
    bench.set_agent(AgentChange::SignOff);
    bench.settle();
    assert_eq!(bench.agent_rings(), None);
    assert_eq!(bench.agent_state(), Some(queue::AgentState::SignedOff));
    bench.exchange.check_invariants();
    bench.set_agent(AgentChange::SignOn);
    bench.settle();
    assert!(bench.agent_rings().is_some(), "the caller is still in line");
}

#[test]
fn a_phone_that_is_back_before_the_call_ends_leaves_its_agent_signed_on() {
    let (mut bench, dialog) = Bench::talking();
    let agent = bench.exchange.numbering.agent("1001").expect("the agent");
    // As the end of the registration does it.
    bench.exchange.core.agent_logout(bench.now.mono, agent, &mut Vec::new());
    bench.exchange.phone_there(bench.now, "1001");
    bench.caller.endpoint.bye(bench.now.mono, dialog, None);
    bench.settle();
    assert_ne!(bench.agent_state(), Some(queue::AgentState::SignedOff));
}

#[test]
fn who_comes_back_from_a_meeting_is_ready_though_the_phone_was_gone_meanwhile() {
    let mut bench = Bench::new();
    let agent = bench.exchange.numbering.agent("1001").expect("the agent");
    bench.set_agent(AgentChange::away(crate::base::AwayReason::Meeting, None));
    bench.exchange.core.agent_logout(bench.now.mono, agent, &mut Vec::new());
    bench.exchange.phone_there(bench.now, "1001");
    assert_eq!(bench.agent_state(), Some(queue::AgentState::SignedOff), "away is away");
    assert!(bench.exchange.set_presence(bench.now, agent, dialplan::PresenceChange::Ready).is_ok());
    assert_eq!(bench.agent_state(), Some(queue::AgentState::Ready));
}

#[test]
fn a_message_that_takes_long_to_be_safe_is_not_forgotten() {
    let mut bench = Bench::new();
    let dialog = bench.dial("300", Some(Bytes::from_static(SDP.as_bytes())));
    let recording = *bench.exchange.recordings.keys().next().expect("a message is recorded");
    bench.caller.endpoint.bye(bench.now.mono, dialog, None);
    bench.settle();
    let (length, voiced) = (Duration::from_secs(9), Duration::from_secs(8));
    let why = media::EndWhy::Closed;
    bench.input(Input::Media(media::Event::RecordingEnded { recording, length, voiced, why }));
    bench.now.mono += Duration::from_secs(60);
    bench.input(Input::Timeout);
    assert_eq!(bench.exchange.calls(), 1);
    bench.input(Input::RecordingSaved { recording, saved: true });
    let kept = |output: &Output| match output {
        Output::Record(Record::Slip(slip)) => (slip.state == SlipState::New).then_some(slip.slip),
        _ => None,
    };
    let slip = bench.outputs.iter().find_map(kept).expect("the message is in its box");
    bench.input(Input::SlipSaved { slip, saved: true });
    assert_eq!(bench.exchange.calls(), 0);
}

#[test]
fn a_lost_port_is_noticed() {
    let (mut bench, _) = Bench::talking();
    let port = bench.exchange.ports.take().expect("a free port");
    assert_eq!(bench.broken(), Broken::LostPort(port));
}

#[test]
fn a_shared_port_is_noticed() {
    let (mut bench, _) = Bench::talking();
    let given = bench.exchange.ports.taken().next().expect("a taken port");
    bench.exchange.ports.give_back(given);
    // A pool of that one port gives it to the next leg too.
    bench.exchange.ports = PortPool::new(given..=given + 1);
    bench.call();
    assert_eq!(bench.broken(), Broken::SharedPort(given));
}

#[test]
fn a_port_that_somebody_else_has_is_left_alone() {
    let mut bench = Bench::new();
    bench.call();
    let (leg, _) = bench.exchange.legs.first_key_value().expect("a leg");
    let (leg, port) = (*leg, bench.exchange.ports.taken().next().expect("its port"));
    bench.input(Input::Media(media::Event::OpenFailed { leg, reason: "in use".to_owned() }));
    assert_eq!((bench.exchange.calls(), bench.exchange.ports.taken().count()), (0, 0));
    let next = bench.exchange.ports.take().expect("another");
    bench.exchange.ports.give_back(next);
    let mut all = Vec::new();
    all.extend(std::iter::from_fn(|| bench.exchange.ports.take()));
    assert_eq!(
        (all.pop(), all.pop()),
        (Some(port), Some(next)),
        "what was given back before is the last resort"
    );
}

#[test]
fn a_stray_leg_is_noticed() {
    let (mut bench, _) = Bench::talking();
    let (leg, dialog) = bench.exchange.legs.pop_first().expect("a leg");
    let stray = LegId { call: CallId(77), ..leg };
    bench.exchange.legs.insert(stray, dialog);
    assert_eq!(bench.broken(), Broken::StrayLeg(stray.to_string()));
}

#[test]
fn a_call_that_talks_with_an_agent_who_does_not_is_noticed() {
    let (bench, _) = Bench::talking();
    let agent = bench.exchange.numbering.agent("1001").expect("the agent");
    bench.exchange.core.call_ended(bench.now.mono, agent, None, &mut Vec::new());
    assert!(matches!(bench.broken(), Broken::CallWithoutTalk(_)));
}

#[test]
fn an_agent_who_talks_with_nobody_is_noticed() {
    let (mut bench, _) = Bench::talking();
    bench.exchange.calls.clear();
    bench.exchange.legs.clear();
    bench.exchange.dialogs.clear();
    bench.exchange.ports = PortPool::new(20_000..=20_100);
    assert!(matches!(bench.broken(), Broken::TalkWithoutCall(_)));
}

#[test]
fn a_caller_in_one_line_only_is_noticed() {
    let mut bench = Bench::new();
    bench.call();
    let queue = bench.exchange.numbering.queue("consultation").expect("the queue");
    let join = queue::Join::new(queue, bench.now.mono, 99);
    bench.exchange.core.join(bench.now.mono, join, &mut Vec::new()).expect("joined");
    assert!(matches!(bench.broken(), Broken::CallerNotInLine(_)));
}

#[test]
fn a_stray_deadline_is_noticed() {
    let (mut bench, _) = Bench::talking();
    bench.exchange.deadlines.insert((bench.now.mono, CallId(77), Timer::Ring));
    assert!(matches!(bench.broken(), Broken::StrayDeadline(_)));
}

#[test]
fn a_desk_of_a_call_that_is_over_is_noticed() {
    let mut bench = Bench::new();
    let agent = bench.exchange.numbering.agent("1001").expect("the agent");
    bench.exchange.desks.take(agent, CallId(77));
    assert!(matches!(bench.broken(), Broken::DeskOfNobody(_)));
}

#[test]
fn what_is_left_after_the_last_call_is_noticed() {
    let mut bench = Bench::new();
    bench.exchange.work.push_back((CallId(77), call::Event::Shutdown));
    assert!(matches!(bench.broken(), Broken::LeftOver(_)));
}

#[test]
fn languages_of_the_test_plan_are_those_of_the_manifest() {
    assert!(catalog().languages().contains(&Language::new("zh-CN")));
}
