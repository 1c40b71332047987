//! Trunks in the whole switch: the carrier is an endpoint of its own, the DNS a table.

mod call_out;
mod callbacks;
mod promises;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Limits, Outbound, Register, Rewrite, Rule, Trunk};
use crate::base::{Catalog, Ids, Instant, Masked, Now, PromptInfo, Rng, Wall};
use crate::dialplan::{self, Manifest, Pattern, SourceFile};
use crate::exchange::{Account, Command, Config, Exchange, Input, Network, Output, Reply, TrunkLine};
use crate::media;
use crate::record::{CallRecord, Record};
use crate::sip::auth::{Challenger, Credentials, Secret, Verdict};
use crate::sip::locate::{Answer as Found, Kind, Question, Record as Entry};
use crate::sip::{
    Answer, Endpoint, Event, Flow, Invite, Method, Name, NameAddr, Request, Transmit, Transport, Uri,
};

const PLAN: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"
"+861095588" = "main"
300 = "lift"

[[flow.main]]
collect = { into = "number", ask = "menu/you-entered", most = 11, on_failure = "end" }
[[flow.main]]
dial = { value = "number", on_unknown = "end", on_unreachable = "end", on_busy = "end", on_no_answer = "end", on_away = "end" }
[[flow.end]]
hang_up = {}

[[flow.lift]]
dial = { number = "+861065880000", trunk = "carrier", ring = "20 s" }

[agent.8001]
may_call = ["1[3-9]xxxxxxxxx"]

[agent.8002]
"#;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\n\
                   a=rtpmap:101 telephone-event/8000\r\n";

const SWITCH: ([u8; 4], u16) = ([127, 0, 0, 1], 5060);
/// Two targets of one name, and a caller's gateway at the first.
const FIRST: ([u8; 4], u16) = ([127, 0, 0, 11], 5060);
const SECOND: ([u8; 4], u16) = ([127, 0, 0, 12], 5060);
const DESK: ([u8; 4], u16) = ([127, 0, 0, 21], 5060);

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let duration = Duration::from_secs(1);
    let texts = Manifest::parse(include_str!("../../../prompts/manifest.toml")).expect("the manifest");
    for (name, by_language) in texts.iter() {
        for (language, text) in by_language {
            let language = Some(language.clone());
            let info = PromptInfo { name: name.to_owned(), language, text: text.clone(), duration };
            catalog.add(info).expect("each prompt once");
        }
    }
    for name in ["common/beep", "common/recording-beep", "common/hold-music", "common/ring-back"] {
        let info = PromptInfo { name: name.to_owned(), language: None, text: String::new(), duration };
        catalog.add(info).expect("each prompt once");
    }
    catalog
}

fn carrier() -> Trunk {
    let pattern = |text| Pattern::parse_telephone(text).unwrap();
    let rule = |fits, strip, put: &str| Rule { fits: pattern(fits), strip, put: put.to_owned() };
    Trunk {
        name: "carrier".to_owned(),
        networks: vec![Network::parse("127.0.0.11").unwrap()],
        server: Some(Uri::parse("sip:carrier.example").unwrap()),
        login: Some(Credentials { user: "bank".to_owned(), password: Masked::from("secret") }),
        rewrite: Rewrite(vec![
            rule("00.", 2, "+"),
            rule("1[3-9]xxxxxxxxx", 0, "+86"),
            rule("01095588", 1, "+86"),
        ]),
        outbound: Outbound {
            numbers: vec![pattern("1[3-9]xxxxxxxxx"), pattern("+86.")],
            rewrite: Rewrite(vec![rule("1[3-9]xxxxxxxxx", 0, "+86")]),
            caller_id: "01095588".to_owned(),
            rank: 0,
        },
        ..Trunk::default()
    }
}

struct World {
    exchange: Exchange,
    now: Now,
    peers: Vec<(SocketAddr, Endpoint)>,
    /// Addresses that nobody listens at.
    dead: Vec<SocketAddr>,
    outputs: Vec<Output>,
    /// Whether what is to be kept is; `None`: nobody knows yet.
    disk: Option<bool>,
    /// INVITEs that came to a peer while it waited for something else.
    invites: Vec<(usize, crate::sip::DialogId, Box<Request>)>,
}

const FIRST_TARGET: usize = 0;
const SECOND_TARGET: usize = 1;
const DESK_PHONE: usize = 2;

impl World {
    fn new(trunk: Trunk) -> World {
        World::with(trunk, PLAN)
    }

    fn with(trunk: Trunk, plan: &str) -> World {
        let now =
            Now { mono: Instant::from_micros(1_000_000), wall: Wall::from_micros(1_789_000_000_000_000) };
        let files = [SourceFile { name: "test.toml".to_owned(), text: plan.to_owned() }];
        let plan = match dialplan::load(&files, Arc::new(catalog())) {
            Ok((plan, _)) => Arc::new(plan),
            Err(mistakes) => panic!("{}", mistakes.iter().map(ToString::to_string).collect::<String>()),
        };
        let account = |user: &str| Account {
            user: user.to_owned(),
            secret: Secret::Password(Masked::from("desk")),
            encryption: None,
            codecs: None,
            digits: Default::default(),
            media: Default::default(),
        };
        let config = Config {
            trunks: vec![trunk],
            accounts: vec![account("8001"), account("8002")],
            loopback_is_trunk: false,
            // The phones here answer nobody who asks.
            probes: crate::exchange::Pace { every: Duration::ZERO, ..crate::exchange::Pace::default() },
            ..Config::default()
        };
        let sip = crate::sip::Config { ..crate::sip::Config::default() };
        let peers = [FIRST, SECOND, DESK]
            .into_iter()
            .zip(1..)
            .map(|(address, seed)| {
                (SocketAddr::from(address), Endpoint::new(sip.clone(), Rng::from_number(seed)))
            })
            .collect();

        let exchange = Exchange::new(config, plan, Ids::default(), Rng::from_number(1), now);
        let mut world = World {
            exchange,
            now,
            peers,
            dead: Vec::new(),
            outputs: Vec::new(),
            disk: Some(true),
            invites: Vec::new(),
        };
        world.settle();
        world
    }

    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.exchange.poll_output() {
                quiet = false;
                match output {
                    Output::Transmit(Transmit { flow, bytes, .. }) => {
                        let dead = self.dead.contains(&flow.remote);
                        let back = Flow { local: flow.remote, remote: flow.local, ..flow };
                        if let Some((_, peer)) =
                            self.peers.iter_mut().find(|(at, _)| *at == flow.remote && !dead)
                        {
                            peer.handle_message(self.now.mono, back, &bytes);
                        }
                    }
                    Output::Resolve(question) => {
                        let answer = zone(&question);
                        self.exchange.handle_input(self.now, Input::Resolved { question, answer });
                    }
                    Output::Play { leg, play, repeat: false, .. } => {
                        self.exchange
                            .handle_input(self.now, Input::Media(media::Event::Played { leg, play }));
                    }
                    Output::Record(Record::Callback(owed)) => {
                        let callback = owed.callback;
                        self.outputs.push(Output::Record(Record::Callback(owed)));
                        if let Some(saved) = self.disk {
                            let input = Input::CallbackSaved { callback, saved };
                            self.exchange.handle_input(self.now, input);
                        }
                    }
                    Output::Record(Record::Promise(made)) => {
                        let callback = made.promise;
                        self.outputs.push(Output::Record(Record::Promise(made)));
                        if let Some(saved) = self.disk {
                            let input = Input::CallbackSaved { callback, saved };
                            self.exchange.handle_input(self.now, input);
                        }
                    }
                    other => self.outputs.push(other),
                }
            }
            for at in 0..self.peers.len() {
                let mut sent = VecDeque::new();
                while let Some(transmit) = self.peers[at].1.poll_transmit() {
                    sent.push_back(transmit);
                }
                for transmit in sent {
                    quiet = false;
                    let flow =
                        Flow { local: transmit.flow.remote, remote: self.peers[at].0, ..transmit.flow };
                    self.exchange.handle_input(self.now, Input::Sip { flow, bytes: &transmit.bytes });
                }
            }
            self.exchange.check_invariants();
            if quiet {
                return;
            }
        }
    }

    fn advance(&mut self, seconds: u64) {
        let end = self.now.mono + Duration::from_secs(seconds);
        while let Some((at, _)) = self.exchange.poll_timeout().filter(|(at, _)| *at <= end) {
            self.passes(at.max(self.now.mono));
            self.exchange.handle_input(self.now, Input::Timeout);
            self.settle();
        }
        self.passes(end);
    }

    /// Both clocks go.
    fn passes(&mut self, to: Instant) {
        self.now.wall = self.now.wall + to.since(self.now.mono);
        self.now.mono = to;
    }

    fn event(&mut self, peer: usize) -> Option<Event> {
        self.peers[peer].1.poll_event()
    }

    fn flow(&self, peer: usize) -> Flow {
        let local = self.peers[peer].0;
        Flow { transport: Transport::Udp, local, remote: SocketAddr::from(SWITCH), connection: 0 }
    }

    fn call(&mut self, peer: usize, from: &str, to: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let via = self.flow(peer);
        let credentials = (peer == DESK_PHONE)
            .then(|| Credentials { user: from.to_owned(), password: Masked::from("desk") });
        let invite = Invite {
            to: Uri::sip(Some(to), SocketAddr::from(SWITCH)),
            via,
            from: NameAddr::new(Uri::sip(Some(from), self.peers[peer].0)),
            to_display: None,
            contact_user: None,
            sdp: Some(Bytes::from_static(SDP.as_bytes())),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            credentials,
        };
        self.peers[peer].1.invite(self.now.mono, invite);
        self.settle();
        let mut status = None;
        while let Some(event) = self.event(peer) {
            match event {
                Event::Answered { .. } => status = Some(200),
                Event::Rejected { status: refused, .. } => status = Some(refused),
                Event::Invite { dialog, request, .. } => self.invites.push((peer, dialog, request)),
                _ => {}
            }
        }
        status
    }

    /// The INVITE that has come to a peer.
    fn invited(&mut self, peer: usize) -> Option<(crate::sip::DialogId, Box<Request>)> {
        if let Some(at) = self.invites.iter().position(|(of, ..)| *of == peer) {
            let (_, dialog, request) = self.invites.remove(at);
            return Some((dialog, request));
        }
        while let Some(event) = self.event(peer) {
            if let Event::Invite { dialog, request, .. } = event {
                return Some((dialog, request));
            }
        }
        None
    }

    fn asked(&mut self, peer: usize, method: Method) -> Option<(crate::sip::RequestId, Box<Request>)> {
        while let Some(event) = self.event(peer) {
            if let Event::Request { id, request, .. } = event
                && request.method == method
            {
                return Some((id, request));
            }
        }
        None
    }

    fn answer(&mut self, peer: usize, id: crate::sip::RequestId, answer: Answer) {
        self.peers[peer].1.respond(self.now.mono, id, answer);
        self.settle();
    }

    fn records(&self) -> Vec<&CallRecord> {
        let calls = self.outputs.iter().filter_map(|output| match output {
            Output::Record(Record::Call(call)) => Some(&**call),
            _ => None,
        });
        calls.collect()
    }

    fn status(&mut self) -> (TrunkLine, Vec<(String, u64)>) {
        self.exchange.handle_input(self.now, Input::Command { id: 1, command: Command::Status });
        self.settle();
        match self.outputs.pop() {
            Some(Output::Reply { reply: Reply::Status(status), .. }) => {
                (status.trunks[0].clone(), status.counters)
            }
            other => panic!("{other:?}"),
        }
    }

    fn counted(&mut self, why: &str) -> u64 {
        let (_, counters) = self.status();
        counters.iter().find(|(name, _)| name == &format!("refused: {why}")).map_or(0, |(_, count)| *count)
    }

    fn shut_down(&mut self) {
        self.exchange.handle_input(self.now, Input::Shutdown);
        self.settle();
    }
}

fn zone(question: &Question) -> Found {
    let srv =
        |priority, target: &str| Entry::Srv { priority, weight: 0, port: 5060, target: target.to_owned() };
    let records = match (question.kind, question.name.as_str()) {
        (Kind::Srv, "_sip._udp.carrier.example") => {
            vec![srv(10, "a.carrier.example"), srv(20, "b.carrier.example")]
        }
        (Kind::A, "a.carrier.example") => vec![Entry::Address(SocketAddr::from(FIRST).ip())],
        (Kind::A, "b.carrier.example") => vec![Entry::Address(SocketAddr::from(SECOND).ip())],
        _ => Vec::new(),
    };
    Found { records, ttl: Duration::from_secs(60) }
}

fn registering() -> Trunk {
    let address = Uri::parse("sip:4008@carrier.example").unwrap();
    Trunk { register: Some(Register { address, expires: Duration::from_secs(600) }), ..carrier() }
}

#[test]
fn a_trunk_that_we_register_with_is_silenced_by_no_forged_datagram() {
    let mut world = World::new(Trunk { networks: Vec::new(), ..registering() });
    let scan =
        "OPTIONS sip:100@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nUser-Agent: sipvicious\r\n\r\n";
    let remote = SocketAddr::from(FIRST);
    let flow = Flow { transport: Transport::Udp, local: SWITCH.into(), remote, connection: 0 };
    world.exchange.handle_input(world.now, Input::Sip { flow, bytes: scan.as_bytes() });
    let (plan, config) = (world.exchange.plan().clone(), Box::new(world.exchange.config.clone()));
    world.exchange.handle_input(world.now, Input::Reload { plan, config: Some(config) });
    world.exchange.handle_input(world.now, Input::Sip { flow, bytes: scan.as_bytes() });
    assert_eq!(world.exchange.dropped(), 0);
}

#[test]
fn a_registration_is_made_kept_and_taken_back() {
    let mut world = World::new(registering());
    let mut challenger = Challenger::new("carrier".to_owned(), Rng::from_number(5));
    let (id, first) = world.asked(FIRST_TARGET, Method::Register).unwrap();
    let challenge =
        challenger.challenge(world.now.mono, SocketAddr::from(SWITCH).ip(), false, |_| true).remove(0);
    world.answer(FIRST_TARGET, id, Answer::new(401).with("WWW-Authenticate", challenge));
    let (id, second) = world.asked(FIRST_TARGET, Method::Register).unwrap();
    let secret = Secret::Password(Masked::from("secret"));
    let verdict = challenger
        .verify_request(world.now.mono, SocketAddr::from(SWITCH).ip(), &second, |_| Some(secret.clone()));
    assert!(matches!(verdict, Verdict::Good(_)));
    assert!(second.cseq > first.cseq && second.call_id == first.call_id);
    assert_eq!(String::from_utf8_lossy(second.uri.as_bytes()), "sip:carrier.example");
    let contact = second.headers.contact().unwrap();
    assert_eq!(contact.uri.user().as_deref(), Some("4008"));
    assert!(!world.status().0.carries_outside_calls);
    let granted = NameAddr::new(contact.uri.clone()).with_param("expires", "100").to_value();
    world.answer(FIRST_TARGET, id, Answer::new(200).with("Contact", granted));
    let (line, _) = world.status();
    assert!(line.carries_outside_calls, "{line:?}");
    assert_eq!(line.registration.as_deref(), Some("registered for 100 s"));

    world.advance(79);
    assert!(world.asked(FIRST_TARGET, Method::Register).is_none());
    world.advance(1);
    let (id, refresh) = world.asked(FIRST_TARGET, Method::Register).unwrap();
    assert!(refresh.cseq > second.cseq && refresh.call_id == first.call_id);
    world.answer(FIRST_TARGET, id, Answer::new(200).with("Expires", "600"));
    world.shut_down();
    let (_, last) = world.asked(FIRST_TARGET, Method::Register).unwrap();
    assert_eq!(last.headers.number(Name::Expires), Some(0));
}

#[test]
fn too_brief_a_registration_is_asked_for_longer_and_503_goes_to_the_next_target() {
    let mut world = World::new(registering());
    let (id, _) = world.asked(FIRST_TARGET, Method::Register).unwrap();
    world.answer(FIRST_TARGET, id, Answer::new(423).with("Min-Expires", "1800"));
    let (id, longer) = world.asked(FIRST_TARGET, Method::Register).unwrap();
    assert_eq!(longer.headers.number(Name::Expires), Some(1800));
    world.answer(FIRST_TARGET, id, Answer::new(503));
    let (id, other) = world.asked(SECOND_TARGET, Method::Register).unwrap();
    assert!(other.cseq > longer.cseq && other.call_id == longer.call_id);
    world.answer(SECOND_TARGET, id, Answer::new(500));
    let (line, _) = world.status();
    assert!(line.registration.as_deref().is_some_and(|text| text.starts_with("refused (500)")), "{line:?}");
    world.advance(31);
    assert!(world.asked(FIRST_TARGET, Method::Register).is_some(), "and after a pause again");
}

#[test]
fn an_agent_with_the_right_to_it_calls_the_outside() {
    let mut world = World::new(carrier());
    assert_eq!(world.call(DESK_PHONE, "8001", "13800138000", &[]), Some(200));
    let (dialog, invite) = world.invited(FIRST_TARGET).unwrap();
    assert_eq!(invite.uri.dialled().as_deref(), Some("+8613800138000"));
    assert_eq!(invite.from.uri.user().as_deref(), Some("01095588"), "the bank's number");
    let now = world.now.mono;
    world.peers[FIRST_TARGET].1.ring(now, dialog, 183, Some(Bytes::from_static(SDP.as_bytes())));
    world.settle();
    let bridged = |world: &World| {
        let bridge =
            |output: &&Output| matches!(output, Output::Media { command: media::Command::Bridge { .. }, .. });
        world.outputs.iter().filter(bridge).count()
    };
    assert_eq!(bridged(&world), 1, "early media is heard");
    world.peers[FIRST_TARGET].1.accept(now, dialog, Some(Bytes::from_static(SDP.as_bytes())));
    world.settle();
    assert_eq!(world.status().0.calls, 1);
    world.advance(5);
    world.peers[FIRST_TARGET].1.bye(world.now.mono, dialog, None);
    world.settle();
    let records = world.records();
    let outside = records[0].outside.as_ref().unwrap();
    assert_eq!((records[0].dialled.as_str(), records[0].origin.as_str()), ("outside", "8001"));
    assert_eq!(outside.number, Masked::from("13800138000"));
    assert_eq!((outside.trunk.as_str(), outside.answered, outside.talked_ms), ("carrier", true, 5_000));
    assert_eq!(world.status().0.calls, 0);
}

#[test]
fn without_the_right_there_is_no_call() {
    let mut world = World::new(carrier());
    for (agent, number, status) in [
        ("8001", "01065881234", 403),
        ("8001", "12800138000", 403),
        ("8001", "138001380000", 403),
        ("8002", "13800138000", 403),
        ("8001", "nobody", 404),
    ] {
        assert_eq!(world.call(DESK_PHONE, agent, number, &[]), Some(status), "{agent} {number}");
    }
    assert_eq!(world.counted("no right to call that number"), 4);
    assert!(world.invited(FIRST_TARGET).is_none() && world.invited(SECOND_TARGET).is_none());
}

/// Whatever a caller dials, claims to be, keys in or asks for: nothing of it becomes a call to the outside.
#[test]
fn no_word_of_a_caller_leads_to_an_outside_leg() {
    let mut world = World::new(carrier());
    let mut rng = Rng::from_number(9);
    let numbers = [
        "13800138000",
        "100",
        "8001",
        "+8613800138000",
        "+861095588",
        "01095588",
        "4008",
        "*21",
        "outside",
        "",
    ];
    let froms = ["13800138000", "8001", "8002", "anonymous", "4008", "bank"];
    let headers: [&[(&str, &str)]; 5] = [
        &[],
        &[("P-Asserted-Identity", "<sip:8001@carrier.example>")],
        &[("Diversion", "<sip:13800138000@carrier.example>;reason=unconditional")],
        &[("Route", "<sip:carrier.example;lr>")],
        &[("Refer-To", "<sip:13800138000@carrier.example>"), ("Privacy", "id")],
    ];
    let pick = |rng: &mut Rng, most: usize| rng.below(most as u64) as usize;
    for _ in 0..300 {
        let from = froms[pick(&mut rng, froms.len())];
        let to = numbers[pick(&mut rng, numbers.len())];
        let further = headers[pick(&mut rng, headers.len())];
        if world.call(FIRST_TARGET, from, to, further) == Some(200) {
            let calls: Vec<_> = world.exchange.calls.keys().copied().collect();
            for call in calls {
                let leg = crate::base::LegId { call, index: 0 };
                for _ in 0..rng.below(14) {
                    let key = char::from_digit(rng.below(10) as u32, 10).unwrap_or('0');
                    let digit = media::Digit::from_char(key).unwrap();
                    let digit = Masked::new(digit);
                    let by = media::DigitMeans::TelephoneEvent;
                    let event = media::Event::Digit { leg, digit, by };
                    world.exchange.handle_input(world.now, Input::Media(event));
                }
            }
            world.settle();
        }
        world.advance(rng.below(4));
        for target in [FIRST_TARGET, SECOND_TARGET] {
            assert!(world.invited(target).is_none(), "{from} calls {to} {further:?}");
        }
    }
    world.shut_down();
    assert!(world.records().iter().all(|record| record.outside.is_none()));
    assert!(world.records().len() > 50, "callers were taken in");
}

#[test]
fn the_dialplan_may_call_one_number_of_the_outside_for_a_caller() {
    let mut world = World::new(carrier());
    assert_eq!(world.call(FIRST_TARGET, "13900139000", "300", &[]), Some(200));
    let (dialog, invite) = world.invited(FIRST_TARGET).unwrap_or_else(|| panic!("no INVITE"));
    assert_eq!(invite.uri.dialled().as_deref(), Some("+861065880000"));
    world.peers[FIRST_TARGET].1.reject(world.now.mono, dialog, Answer::new(486));
    world.settle();
    world.advance(30);
    let records = world.records();
    assert!(records[0].outside.as_ref().is_some_and(|outside| !outside.answered));
}

#[test]
fn a_silent_target_is_passed_by_and_a_refusal_is_final() {
    let mut world = World::new(carrier());
    world.dead.push(SocketAddr::from(FIRST));
    world.call(DESK_PHONE, "8001", "13800138000", &[]);
    assert!(world.invited(SECOND_TARGET).is_none());
    world.advance(4);
    let (dialog, _) = world.invited(SECOND_TARGET).unwrap();
    world.peers[SECOND_TARGET].1.reject(world.now.mono, dialog, Answer::new(404));
    world.settle();
    world.advance(60);
    assert!(world.invited(SECOND_TARGET).is_none());
    assert!(world.records()[0].outside.as_ref().is_some_and(|outside| !outside.answered));
}

#[test]
fn a_target_that_is_full_is_passed_by_unless_it_rang() {
    for (rings, tried) in [(false, true), (true, false)] {
        let mut world = World::new(carrier());
        world.call(DESK_PHONE, "8001", "13800138000", &[]);
        let (dialog, _) = world.invited(FIRST_TARGET).unwrap();
        let now = world.now.mono;
        if rings {
            world.peers[FIRST_TARGET].1.ring(now, dialog, 180, None);
            world.settle();
        }
        world.peers[FIRST_TARGET].1.reject(now, dialog, Answer::new(503));
        world.settle();
        assert_eq!(world.invited(SECOND_TARGET).is_some(), tried);
    }
}

#[test]
fn a_trunk_that_is_silent_carries_no_calls_until_it_speaks() {
    let mut world = World::new(Trunk { probe_every: Duration::from_secs(30), ..carrier() });
    world.dead.extend([SocketAddr::from(FIRST), SocketAddr::from(SECOND)]);
    world.advance(120);
    let (line, _) = world.status();
    assert_eq!((line.state.as_str(), line.carries_outside_calls), ("down", false));
    world.call(DESK_PHONE, "8001", "13800138000", &[]);
    assert_eq!(world.counted("no trunk is free"), 1);
    // Who calls from there is served all the same: their side knows best.
    world.dead.clear();
    assert_eq!(world.call(FIRST_TARGET, "13900139000", "100", &[]), Some(200));
    for _ in 0..60 {
        world.advance(1);
        if let Some((id, _)) = world.asked(FIRST_TARGET, Method::Options) {
            world.answer(FIRST_TARGET, id, Answer::new(404));
        }
    }
    assert_eq!(world.status().0.state, "up", "a refusal is a sign of life");
}

#[test]
fn a_full_trunk_refuses_and_counts() {
    let limits = Limits { calls: 2, calls_per_second: 0 };
    let mut world = World::new(Trunk { limits, ..carrier() });
    let call = |world: &mut World| world.call(FIRST_TARGET, "13900139000", "100", &[]);
    assert_eq!([call(&mut world), call(&mut world), call(&mut world)], [Some(200), Some(200), Some(503)]);
    assert_eq!(world.counted("too many calls on the trunk"), 1);
    world.call(DESK_PHONE, "8001", "13800138000", &[]);
    assert!(world.invited(FIRST_TARGET).is_none(), "no line is left for the outside");
    world.shut_down();

    let limits = Limits { calls: 0, calls_per_second: 3 };
    let mut world = World::new(Trunk { limits, ..carrier() });
    let taken = (0..5).filter(|_| call(&mut world) == Some(200)).count();
    assert_eq!((taken, world.counted("too many calls a second on the trunk")), (3, 2));
    world.advance(1);
    assert_eq!(call(&mut world), Some(200));
}

#[test]
fn the_record_knows_who_called_and_who_sent_the_call_on() {
    let asserted = ("P-Asserted-Identity", "<tel:0086-138-0013-8000>");
    let headers =
        [asserted, ("Privacy", "id"), ("Diversion", "<sip:13911112222@carrier.example>;reason=user-busy")];
    for (trusted, number, withheld) in [(true, "+8613800138000", true), (false, "", true)] {
        let mut world = World::new(Trunk { trusted, ..carrier() });
        // As the carrier writes the bank's number; the plan has it as the house does.
        assert_eq!(world.call(FIRST_TARGET, "anonymous", "01095588", &headers), Some(200));
        let calls = world.exchange.calls.values().map(|call| call.from().clone()).collect::<Vec<_>>();
        assert_eq!(calls, [Masked::default()], "nobody is shown it");
        world.shut_down();
        let record = world.records()[0];
        assert_eq!((&record.from, record.withheld), (&Masked::from(number), withheld));
        assert_eq!(record.dialled, "+861095588");
        assert_eq!(record.diverted[0].number, Masked::from("+8613911112222"));
    }
    let mut world = World::new(carrier());
    assert_eq!(world.call(FIRST_TARGET, "13800138000", "100", &[]), Some(200));
    world.shut_down();
    assert_eq!(world.records()[0].from, Masked::from("+8613800138000"));
}
