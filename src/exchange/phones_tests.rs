//! Several phones of one agent, phones that fall silent, and phones of before a restart.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::tests::{SDP, plan_of};
use super::*;
use crate::base::{Masked, Wall};
use crate::media;
use crate::queue::AgentState;
use crate::record::{Record, Registration, StageKind};
use crate::sip::auth::Secret;
use crate::sip::{Answer, Flow, NameAddr, Transmit, Transport, Uri};

const PLAN: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"

[[flow.main]]
queue = "consultation"

[queue.consultation]
skills = { consultation = 5 }

[skill.consultation]

[agent.1001]
name = "Agent"
skills = { consultation = 5 }
ready = true
"#;

const SWITCH: ([u8; 4], u16) = ([127, 0, 0, 1], 5060);
const CALLER: u16 = 7000;

/// An exchange, a caller, and phones of agent 1001 at 127.0.0.1, by port.
struct Desk {
    exchange: Exchange,
    now: Now,
    phones: BTreeMap<u16, Phone>,
    records: Vec<Record>,
    /// Of the last REGISTER.
    cseq: u32,
}

struct Phone {
    endpoint: sip::Endpoint,
    ringing: Option<sip::DialogId>,
    /// What happened to it, in a word each.
    said: Vec<String>,
    /// Hears and says nothing.
    dead: bool,
    /// Does not say that it rings.
    silent: bool,
}

impl Desk {
    fn new() -> Self {
        let now =
            Now { mono: Instant::from_micros(1_000_000), wall: Wall::from_micros(1_789_000_000_000_000) };
        let account = Account {
            user: "1001".to_owned(),
            secret: Secret::Password(Masked::from("pw")),
            encryption: None,
            codecs: None,
            digits: Default::default(),
            media: Default::default(),
        };
        let config = Config { accounts: vec![account], ..Config::default() };
        let exchange = Exchange::new(config, plan_of(PLAN), Ids::default(), Rng::from_number(1), now);
        Desk { exchange, now, phones: BTreeMap::new(), records: Vec::new(), cseq: 0 }
    }

    fn restored(contact: &str, expires: Wall) -> Self {
        let mut desk = Desk::new();
        desk.phone(7001);
        let registration = Registration {
            number: 41,
            user: Masked::from("1001"),
            contact: Masked::from(contact),
            expires,
            refreshed: desk.now.wall,
            call_id: "before".to_owned(),
            cseq: 9,
            transport: "UDP".to_owned(),
            local: SocketAddr::from(SWITCH),
            remote: SocketAddr::from(([127, 0, 0, 1], 7001)),
            user_agent: None,
            path: Vec::new(),
            outbound: false,
        };
        desk.input(Input::Restore(vec![registration]));
        desk
    }

    fn phone(&mut self, port: u16) -> &mut Phone {
        let endpoint = || sip::Endpoint::new(sip::Config::default(), Rng::from_number(u64::from(port)));
        self.phones.entry(port).or_insert_with(|| Phone {
            endpoint: endpoint(),
            ringing: None,
            said: Vec::new(),
            dead: false,
            silent: false,
        })
    }

    /// Registers without a challenge: what is registered is the subject here, not who.
    fn register(&mut self, port: u16, params: &str, more: &str) {
        self.phone(port);
        self.cseq += 1;
        let cseq = self.cseq;
        let remote = SocketAddr::from(([127, 0, 0, 1], port));
        let flow = Flow { transport: Transport::Udp, local: SocketAddr::from(SWITCH), remote, connection: 0 };
        let text = format!(
            "REGISTER sip:hotline SIP/2.0\r\nVia: SIP/2.0/UDP {remote};branch=z9hG4bK{port}\r\n\
             From: <sip:1001@hotline>;tag=a\r\nTo: <sip:1001@hotline>\r\nCall-ID: {port}\r\nCSeq: {cseq} REGISTER\r\n\
             Contact: <sip:1001@{remote}>{params}\r\n{more}\r\n"
        );
        let parsed = sip::Message::parse(text.into(), sip::Framing::Datagram, &sip::Limits::default());
        let Ok(sip::Message::Request(request)) = parsed else { panic!("{parsed:?}") };
        let answer = self.exchange.register_proven(self.now, "1001", &request, flow);
        assert_eq!(answer.status, 200);
        self.exchange.settle(self.now);
        self.settle();
    }

    fn input(&mut self, input: Input<'_>) {
        self.exchange.handle_input(self.now, input);
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.exchange.poll_output() {
                quiet = false;
                match output {
                    Output::Transmit(Transmit { flow, bytes, .. }) => {
                        let back = Flow { local: flow.remote, remote: flow.local, ..flow };
                        let phone = self.phones.get_mut(&flow.remote.port()).filter(|phone| !phone.dead);
                        if let Some(phone) = phone {
                            phone.endpoint.handle_message(self.now.mono, back, &bytes);
                        }
                    }
                    Output::Play { leg, play, repeat: false, .. } => {
                        self.exchange
                            .handle_input(self.now, Input::Media(media::Event::Played { leg, play }));
                    }
                    Output::Record(record) => self.records.push(record),
                    _ => {}
                }
            }
            for (port, phone) in &mut self.phones {
                while let Some(event) = phone.endpoint.poll_event() {
                    phone.hear(self.now.mono, event);
                }
                while let Some(Transmit { flow, bytes, .. }) = phone.endpoint.poll_transmit() {
                    quiet = false;
                    let remote = SocketAddr::from(([127, 0, 0, 1], *port));
                    let flow = Flow { local: flow.remote, remote, ..flow };
                    self.exchange.handle_input(self.now, Input::Sip { flow, bytes: &bytes });
                }
            }
            if quiet {
                self.exchange.check_invariants();
                return;
            }
        }
    }

    fn call(&mut self) {
        let (now, switch) = (self.now.mono, SocketAddr::from(SWITCH));
        let local = SocketAddr::from(([127, 0, 0, 1], CALLER));
        let via = Flow { transport: Transport::Udp, local, remote: switch, connection: 0 };
        self.phone(CALLER).endpoint.invite(
            now,
            sip::Invite {
                to: Uri::sip(Some("100"), switch),
                via,
                from: NameAddr::new(Uri::sip(Some("13812345678"), local)),
                to_display: None,
                contact_user: None,
                sdp: Some(Bytes::from_static(SDP.as_bytes())),
                headers: Vec::new(),
                credentials: None,
            },
        );
        self.settle();
    }

    fn answers(&mut self, port: u16) {
        let now = self.now.mono;
        let phone = self.phone(port);
        let dialog = phone.ringing.take().expect("the phone rings");
        phone.endpoint.accept(now, dialog, Some(Bytes::from_static(SDP.as_bytes())));
        self.settle();
    }

    fn rejects(&mut self, port: u16, status: u16) {
        let now = self.now.mono;
        let phone = self.phone(port);
        let dialog = phone.ringing.take().expect("the phone rings");
        phone.endpoint.reject(now, dialog, Answer::new(status));
        self.settle();
    }

    /// Which phones ring.
    fn ring(&self) -> Vec<u16> {
        self.phones.iter().filter(|(_, phone)| phone.ringing.is_some()).map(|(port, _)| *port).collect()
    }

    fn said(&mut self, port: u16) -> String {
        std::mem::take(&mut self.phone(port).said).join(" ")
    }

    fn wait(&mut self, seconds: u64) {
        let end = self.now.mono + Duration::from_secs(seconds);
        while let Some((at, _)) = self.exchange.poll_timeout().filter(|(at, _)| *at <= end) {
            self.until(at);
            self.input(Input::Timeout);
        }
        self.until(end);
    }

    fn until(&mut self, at: Instant) {
        let by = at.since(self.now.mono);
        self.now = Now { mono: self.now.mono + by, wall: self.now.wall + by };
    }

    fn agent(&self) -> Option<AgentState> {
        self.exchange.core.agent_state(self.exchange.numbering.agent("1001")?)
    }

    fn stages(&self) -> Vec<StageKind> {
        self.exchange.calls.values().map(Call::stage).collect()
    }
}

impl Phone {
    fn hear(&mut self, now: Instant, event: sip::Event) {
        let word = match event {
            sip::Event::Invite { dialog, request, .. } => {
                if !self.silent {
                    self.endpoint.ring(now, dialog, 180, None);
                }
                self.ringing = Some(dialog);
                let route = request.headers.text(sip::Name::Route).unwrap_or_default().into_owned();
                format!("invite{route}")
            }
            sip::Event::Cancelled { .. } => {
                self.ringing = None;
                "cancelled".to_owned()
            }
            sip::Event::Request { id, request, .. } => {
                self.endpoint.respond(now, id, Answer::new(405));
                request.method.to_string()
            }
            sip::Event::Ended { .. } => "ended".to_owned(),
            _ => return,
        };
        self.said.push(word);
    }
}

#[test]
fn all_phones_of_an_agent_ring_and_the_first_that_answers_has_the_caller() {
    let mut desk = Desk::new();
    desk.register(7001, "", "");
    desk.register(7002, "", "");
    desk.call();
    assert_eq!(desk.ring(), [7001, 7002]);
    desk.answers(7002);
    assert_eq!((desk.ring(), desk.stages()), (vec![], vec![StageKind::Talk]));
    assert_eq!((desk.said(7001).as_str(), desk.said(7002).as_str()), ("invite cancelled", "invite"));
}

#[test]
fn two_answers_at_once_leave_one() {
    let mut desk = Desk::new();
    desk.register(7001, "", "");
    desk.register(7002, "", "");
    desk.call();
    let now = desk.now.mono;
    for port in [7001, 7002] {
        let phone = desk.phone(port);
        let dialog = phone.ringing.take().expect("it rings");
        phone.endpoint.accept(now, dialog, Some(Bytes::from_static(SDP.as_bytes())));
    }
    desk.settle();
    assert_eq!(desk.stages(), [StageKind::Talk]);
    assert_eq!((desk.said(7001).as_str(), desk.said(7002).as_str()), ("invite", "invite ended"));
}

#[test]
fn the_preferred_ring_first_and_the_others_after_them() {
    let mut desk = Desk::new();
    desk.register(7001, ";q=0.5", "");
    desk.register(7002, ";q=0.9", "");
    desk.register(7003, ";q=0.5", "");
    desk.call();
    assert_eq!(desk.ring(), [7002]);
    desk.rejects(7002, 486);
    assert_eq!(desk.ring(), [7001, 7003]);
    // Who declines has decided for all of their phones (RFC 3261 §16.7 step 5).
    desk.rejects(7001, 603);
    assert_eq!((desk.ring(), desk.stages()), (vec![], vec![StageKind::Wait]));
    assert_eq!(desk.said(7003), "invite cancelled");
}

#[test]
fn a_caller_who_leaves_stops_all_phones() {
    let mut desk = Desk::new();
    desk.register(7001, "", "");
    desk.register(7002, "", "");
    desk.call();
    desk.input(Input::Shutdown);
    assert_eq!((desk.ring(), desk.exchange.calls()), (vec![], 0));
    assert_eq!(
        (desk.said(7001).as_str(), desk.said(7002).as_str()),
        ("invite cancelled", "invite cancelled")
    );
}

#[test]
fn a_flow_that_fails_gives_way_to_the_next_of_the_same_phone() {
    let mut desk = Desk::new();
    let flow = |number: u32| format!(";reg-id={number};+sip.instance=\"<urn:uuid:1>\"");
    desk.register(7001, &flow(1), "Supported: outbound, path\r\n");
    desk.until(desk.now.mono + Duration::from_secs(1));
    desk.register(7002, &flow(2), "Supported: outbound, path\r\n");
    desk.phone(7002).silent = true;
    desk.call();
    // One phone: only one of its flows is tried, the latest.
    assert_eq!(desk.ring(), [7002]);
    desk.rejects(7002, 430);
    assert_eq!(desk.ring(), [7001]);
    desk.answers(7001);
    assert_eq!(desk.stages(), [StageKind::Talk]);
}

#[test]
fn a_path_becomes_the_route() {
    let mut desk = Desk::new();
    desk.register(7001, "", "Supported: path\r\nPath: <sip:127.0.0.1:7009;lr>\r\n");
    // The proxy, played by a phone.
    desk.phone(7009);
    desk.call();
    assert_eq!(desk.ring(), [7009]);
    assert_eq!(desk.said(7009), "invite<sip:127.0.0.1:7009;lr>");
}

#[test]
fn an_agent_whose_phone_is_silent_is_offered_nobody_until_it_is_heard() {
    let mut desk = Desk::new();
    desk.register(7001, ";expires=3600", "");
    assert_eq!(desk.agent(), Some(AgentState::Ready));
    desk.wait(60);
    assert_eq!(desk.said(7001), "OPTIONS", "a refusal is an answer");
    desk.wait(120);
    assert_eq!(desk.agent(), Some(AgentState::Ready));

    desk.phone(7001).dead = true;
    desk.wait(80);
    assert_eq!(desk.agent(), Some(AgentState::SignedOff));
    desk.call();
    assert_eq!((desk.ring(), desk.stages().contains(&StageKind::Wait)), (vec![], false));

    desk.phone(7001).dead = false;
    desk.wait(70);
    assert_eq!(desk.agent(), Some(AgentState::Ready), "back by its answer");
    desk.call();
    assert_eq!(desk.ring(), [7001]);
}

#[test]
fn any_word_of_a_phone_is_a_sign_of_life() {
    let mut desk = Desk::new();
    desk.register(7001, ";expires=3600", "");
    desk.phone(7001).dead = true;
    desk.wait(140);
    assert_eq!(desk.agent(), Some(AgentState::SignedOff));
    let remote = SocketAddr::from(([127, 0, 0, 1], 7001));
    let flow = Flow { transport: Transport::Udp, local: SocketAddr::from(SWITCH), remote, connection: 0 };
    desk.input(Input::Sip { flow, bytes: b"\r\n\r\n" });
    assert_eq!(desk.agent(), Some(AgentState::Ready));
}

#[test]
fn a_phone_of_before_the_restart_rings_without_registering_anew() {
    let wall = Desk::new().now.wall;
    let mut desk = Desk::restored("<sip:1001@127.0.0.1:7001>", wall + Duration::from_secs(600));
    assert_eq!(desk.agent(), Some(AgentState::Ready));
    desk.call();
    assert_eq!(desk.ring(), [7001]);
    desk.answers(7001);
    assert_eq!(desk.stages(), [StageKind::Talk]);
    // Its time goes on by the wall's clock.
    desk.wait(601);
    assert!(matches!(desk.records.as_slice(), [.., Record::RegistrationEnded(41)]), "{:?}", desk.records);
}

#[test]
fn what_expired_while_nobody_was_there_is_written_off() {
    let wall = Desk::new().now.wall;
    let desk = Desk::restored("<sip:1001@127.0.0.1:7001>", wall);
    assert_eq!(desk.agent(), Some(AgentState::SignedOff));
    assert_eq!(desk.records, [Record::RegistrationEnded(41)]);
}

#[test]
fn what_is_written_is_what_is_read_again() {
    let mut desk = Desk::new();
    desk.register(
        7001,
        ";q=0.7;expires=600",
        "Supported: path\r\nPath: <sip:p1;lr>\r\nUser-Agent: phone\r\n",
    );
    let written: VecDeque<_> = std::mem::take(&mut desk.records).into();
    let Some(Record::Registration(first)) = written.front().cloned() else { panic!("{written:?}") };
    assert_eq!(first.expires, desk.now.wall + Duration::from_secs(600));
    let mut after = Desk::new();
    after.input(Input::Restore(vec![*first.clone()]));
    assert_eq!(after.exchange.directory.registrations(), 1);
    // A refresh after the restart keeps its number, and the order of the phone's requests goes on.
    after.cseq = 1;
    after.register(7001, ";q=0.7;expires=600", "");
    let again = after.records.iter().find_map(|record| match record {
        Record::Registration(again) => Some(again.number),
        _ => None,
    });
    assert_eq!(again, Some(first.number));
}

#[test]
fn who_has_no_account_any_longer_is_not_rung_any_longer() {
    let mut desk = Desk::new();
    desk.register(7001, "", "");
    assert_eq!(desk.agent(), Some(AgentState::Ready));
    let accounts = desk.exchange.config.accounts.clone();
    let reload = |accounts| {
        let config = Some(Box::new(Config { accounts, ..Config::default() }));
        Input::Reload { plan: plan_of(PLAN), config }
    };
    desk.input(reload(accounts));
    assert_eq!(desk.agent(), Some(AgentState::Ready), "a reload that leaves the account");
    desk.records.clear();
    desk.input(reload(Vec::new()));
    assert_eq!(desk.agent(), Some(AgentState::SignedOff));
    assert!(matches!(desk.records.as_slice(), [Record::RegistrationEnded(_)]), "{:?}", desk.records);
}
