//! Four phones at a switch, with the time in the test's hands: who hears whom, who rings, what is left.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::base::Masked;
use crate::media::{Command as Order, DigitMeans};

pub(super) const CALLER: u16 = 7000;
/// Has the caller, and hands them over.
pub(super) const OWNER: u16 = 7001;
/// Is to have them.
pub(super) const TARGET: u16 = 7002;
/// Stands in for the target.
pub(super) const DELEGATE: u16 = 7003;

pub(super) fn plan(record: bool, screening: bool) -> Arc<Plan> {
    plan_of(&text(record, screening))
}

pub(super) fn text(record: bool, screening: bool) -> String {
    format!(
        r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"
300 = "second"
700 = {{ flow = "park", from = "desks" }}
70X = {{ flow = "retrieve", from = "desks" }}
"*8" = {{ flow = "group", from = "desks" }}
"*8XXXX" = {{ flow = "person", from = "desks" }}
XXXX = {{ flow = "colleague", from = "desks" }}

[[flow.main]]
queue = "first"

[[flow.second]]
queue = "second"

[[flow.park]]
park = "701-702"

[[flow.retrieve]]
pick_up = "slot"

[[flow.group]]
pick_up = "group"

[[flow.person]]
pick_up = {{ whom = "person", skip = 2 }}

[[flow.colleague]]
dial = {{ value = "dialled" }}

[queue.first]
skills = {{ first = 1 }}
record = {record}
wrap_up = "30 s"

[queue.second]
skills = {{ second = 1 }}
record = false

[skill.first]

[skill.second]

[agent.1001]
name = "Owner"
skills = {{ first = 1 }}
contact = "sip:1001@127.0.0.1:7001"
pick_up_groups = ["counter"]
ready = true

[agent.1002]
name = "Target"
skills = {{ second = 1 }}
contact = "sip:1002@127.0.0.1:7002"
delegate = "1003"
screening = {screening}
ready = true

[agent.1003]
name = "Delegate"
pick_up_groups = ["counter", "office"]
contact = "sip:1003@127.0.0.1:7003"
"#
    )
}

/// Four phones at a switch, with the time in the test's hands.
pub(super) struct Floor {
    pub(super) exchange: Exchange,
    pub(super) now: Now,
    pub(super) phones: BTreeMap<u16, Phone>,
    pub(super) vanished: BTreeSet<u16>,
    /// Phones that answer every re-INVITE with 488.
    pub(super) refuses: BTreeSet<u16>,
    /// Phones that do not answer any re-INVITE.
    pub(super) mute: BTreeSet<u16>,
    /// Phones to which a phrase is still being said.
    pub(super) listens: BTreeSet<u16>,
    pub(super) ears: Ears,
    /// By phone: invitations that ring, in order.
    pub(super) ringing: BTreeMap<u16, Vec<sip::DialogId>>,
    /// What a phone has heard of its REFER.
    pub(super) told: Vec<String>,
    pub(super) talks: BTreeMap<u16, Vec<sip::DialogId>>,
    /// What was written to a phone.
    pub(super) texts: BTreeMap<u16, Vec<String>>,
    pub(super) records: Vec<crate::record::CallRecord>,
    pub(super) recordings: BTreeMap<RecordingId, u64>,
    /// Messages that somebody is about to leave, by their leg.
    pub(super) messages: BTreeMap<LegId, RecordingId>,
}

/// Who hears what, as the media is told.
#[derive(Default)]
pub(super) struct Ears {
    pub(super) hears: BTreeMap<LegId, BTreeSet<LegId>>,
    pub(super) plays: BTreeSet<LegId>,
    pub(super) open: BTreeSet<LegId>,
    /// Of a leg by the port that its peer gave.
    pub(super) peers: BTreeMap<LegId, u16>,
}

impl Ears {
    fn order(&mut self, order: &Order) {
        match order {
            Order::Open { leg, .. } => {
                self.open.insert(*leg);
            }
            Order::Connect { leg, stream } => {
                self.peers.insert(*leg, stream.remote_rtp.port());
            }
            Order::Bridge { a, b } => {
                self.unbridge(*a);
                self.unbridge(*b);
                self.hears.insert(*a, BTreeSet::from([*b]));
                self.hears.insert(*b, BTreeSet::from([*a]));
            }
            Order::Hear { leg, others } => {
                self.hears.insert(*leg, others.iter().copied().collect());
            }
            Order::Unbridge { leg } => self.unbridge(*leg),
            Order::Stop { leg } => {
                self.plays.remove(leg);
            }
            Order::Close { leg } => {
                self.unbridge(*leg);
                self.plays.remove(leg);
                self.open.remove(leg);
                self.peers.remove(leg);
            }
            _ => {}
        }
    }

    fn unbridge(&mut self, leg: LegId) {
        self.hears.remove(&leg);
        self.hears.values_mut().for_each(|others| {
            others.remove(&leg);
        });
    }
}

/// A phone's SDP names it by its media port.
pub(super) fn sdp(phone: u16) -> Bytes {
    Bytes::from(SDP.replace("4000", &media_port(phone).to_string()))
}

pub(super) fn held(phone: u16) -> Bytes {
    Bytes::from(format!("{}a=sendonly\r\n", String::from_utf8_lossy(&sdp(phone))))
}

pub(super) fn media_port(phone: u16) -> u16 {
    phone - 3000
}

impl Floor {
    pub(super) fn new(record: bool) -> Self {
        Floor::with(plan(record, false))
    }

    pub(super) fn with(plan: Arc<Plan>) -> Self {
        let account = |user: &str| Account {
            user: user.into(),
            secret: sip::auth::Secret::Password(Masked::from("1")),
            encryption: None,
            codecs: None,
            digits: Default::default(),
            media: Default::default(),
        };
        let config = Config { accounts: ["1001", "1002", "1003"].map(account).into(), ..Config::default() };
        let now =
            Now { mono: Instant::from_micros(1_000_000), wall: Wall::from_micros(1_789_000_000_000_000) };
        Floor {
            exchange: Exchange::new(config, plan, Ids::default(), Rng::from_number(1), now),
            now,
            phones: [CALLER, OWNER, TARGET, DELEGATE].map(|port| (port, Phone::new(port))).into(),
            vanished: BTreeSet::new(),
            refuses: BTreeSet::new(),
            mute: BTreeSet::new(),
            listens: BTreeSet::new(),
            ears: Ears::default(),
            ringing: BTreeMap::new(),
            told: Vec::new(),
            talks: BTreeMap::new(),
            texts: BTreeMap::new(),
            records: Vec::new(),
            recordings: BTreeMap::new(),
            messages: BTreeMap::new(),
        }
    }

    pub(super) fn settle(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.exchange.poll_output() {
                quiet = false;
                self.output(output);
            }
            let ports: Vec<u16> = self.phones.keys().copied().collect();
            for port in ports {
                while let Some(transmit) = self.phone(port).endpoint.poll_transmit() {
                    quiet = false;
                    if self.vanished.contains(&port) {
                        continue;
                    }
                    let local = SocketAddr::from(([127, 0, 0, 1], port));
                    let flow = Flow { local: transmit.flow.remote, remote: local, ..transmit.flow };
                    self.exchange.handle_input(self.now, Input::Sip { flow, bytes: &transmit.bytes });
                }
                while let Some(event) = self.phone(port).endpoint.poll_event() {
                    quiet = false;
                    self.phone_event(port, event);
                }
            }
            if quiet {
                self.exchange.check_invariants();
                self.nobody_is_left_in_silence();
                return;
            }
        }
    }

    pub(super) fn output(&mut self, output: Output) {
        match output {
            Output::Transmit(Transmit { flow, bytes, .. }) => {
                let port = flow.remote.port();
                if !self.vanished.contains(&port) {
                    let back = Flow { local: flow.remote, remote: flow.local, ..flow };
                    let now = self.now.mono;
                    self.phone(port).endpoint.handle_message(now, back, &bytes);
                }
            }
            // Music goes on for ever, a phrase is heard to its end at once.
            Output::Play { leg, repeat: true, .. } => {
                self.ears.plays.insert(leg);
            }
            Output::Play { leg, play, .. } => {
                self.ears.plays.remove(&leg);
                let phone = self.ears.peers.get(&leg).map(|peer| peer + 3000);
                if phone.is_some_and(|phone| self.listens.contains(&phone)) {
                    return;
                }
                self.exchange.handle_input(self.now, Input::Media(media::Event::Played { leg, play }));
            }
            Output::Media { command, .. } => {
                match &command {
                    Order::Record { recording, right: Some(_), .. } => {
                        self.recordings.insert(*recording, 1);
                    }
                    Order::Record { recording, left, right: None, .. } => {
                        self.messages.insert(*left, *recording);
                    }
                    // Nobody has said anything.
                    Order::Close { leg } => {
                        if let Some(recording) = self.messages.remove(leg) {
                            let (length, voiced) = (Duration::ZERO, Duration::ZERO);
                            let why = media::EndWhy::Closed;
                            let ended = media::Event::RecordingEnded { recording, length, voiced, why };
                            self.exchange.handle_input(self.now, Input::Media(ended));
                        }
                    }
                    Order::StopRecording { recording } => {
                        self.recordings.insert(*recording, 0);
                    }
                    _ => {}
                }
                self.ears.order(&command);
            }
            Output::Record(Record::Call(record)) => self.records.push(*record),
            _ => {}
        }
    }

    pub(super) fn phone_event(&mut self, port: u16, event: sip::Event) {
        let now = self.now.mono;
        match event {
            sip::Event::Invite { dialog, .. } => self.ringing.entry(port).or_default().push(dialog),
            sip::Event::Answered { dialog, .. } => self.talks.entry(port).or_default().push(dialog),
            sip::Event::Reoffer { .. } if self.mute.contains(&port) => {}
            sip::Event::Reoffer { dialog, .. } => {
                let refuses = self.refuses.contains(&port);
                let answer = if refuses { Err(sip::Answer::new(488)) } else { Ok(sdp(port)) };
                self.phone(port).endpoint.answer_reoffer(now, dialog, answer);
            }
            sip::Event::Ended { dialog, .. } | sip::Event::Cancelled { dialog } => {
                self.talks.entry(port).or_default().retain(|of| *of != dialog);
                self.ringing.entry(port).or_default().retain(|of| *of != dialog);
            }
            sip::Event::Request { id, request, .. } => {
                if request.method == sip::Method::Message {
                    let text = String::from_utf8_lossy(&request.body).into_owned();
                    self.texts.entry(port).or_default().push(text);
                }
                self.phone(port).endpoint.respond(now, id, sip::Answer::new(200));
            }
            sip::Event::ReferAnswered { status, .. } => self.told.push(status.to_string()),
            sip::Event::ReferProgress { status, .. } => self.told.push(format!("NOTIFY {status}")),
            _ => {}
        }
    }

    /// Runs all deadlines of the next `seconds`.
    pub(super) fn pass(&mut self, seconds: u64) {
        let end = self.now.mono + Duration::from_secs(seconds);
        loop {
            let exchange = self.exchange.poll_timeout().map(|(at, _)| at);
            let phones = self.phones.values().filter_map(|phone| Some(phone.endpoint.poll_timeout()?.0));
            let next = phones.chain(exchange).min().filter(|at| *at <= end);
            let at = next.unwrap_or(end).max(self.now.mono);
            self.now = Now { mono: at, wall: self.now.wall + at.since(self.now.mono) };
            let Some(_) = next else { return };
            self.exchange.handle_input(self.now, Input::Timeout);
            for phone in self.phones.values_mut() {
                phone.endpoint.handle_timeout(at);
            }
            self.settle();
        }
    }

    pub(super) fn phone(&mut self, port: u16) -> &mut Phone {
        self.phones.get_mut(&port).expect("a phone of the floor")
    }

    pub(super) fn dial(&mut self, port: u16, from: &str, number: &str) -> sip::DialogId {
        let (now, switch) = (self.now.mono, SocketAddr::from(SWITCH));
        let phone = self.phone(port);
        let via = Flow { transport: Transport::Udp, local: phone.address, remote: switch, connection: 0 };
        let dialog = phone.endpoint.invite(
            now,
            sip::Invite {
                to: Uri::sip(Some(number), switch),
                via,
                from: NameAddr::new(Uri::sip(Some(from), phone.address)),
                to_display: None,
                contact_user: None,
                sdp: Some(sdp(port)),
                headers: Vec::new(),
                credentials: Some(sip::auth::Credentials { user: from.into(), password: Masked::from("1") }),
            },
        );
        self.settle();
        dialog
    }

    pub(super) fn rings(&self, port: u16) -> bool {
        self.ringing.get(&port).is_some_and(|ringing| !ringing.is_empty())
    }

    pub(super) fn answer(&mut self, port: u16) -> sip::DialogId {
        let dialog = self.ringing.get_mut(&port).and_then(Vec::pop).unwrap_or_else(|| panic!("{port} rings"));
        let now = self.now.mono;
        self.phone(port).endpoint.accept(now, dialog, Some(sdp(port)));
        self.talks.entry(port).or_default().push(dialog);
        self.settle();
        dialog
    }

    pub(super) fn reject(&mut self, port: u16, status: u16) {
        let dialog = self.ringing.get_mut(&port).and_then(Vec::pop).unwrap_or_else(|| panic!("{port} rings"));
        let now = self.now.mono;
        self.phone(port).endpoint.reject(now, dialog, sip::Answer::new(status));
        self.settle();
    }

    pub(super) fn hang_up(&mut self, port: u16) {
        let now = self.now.mono;
        for dialog in self.talks.remove(&port).unwrap_or_default() {
            self.phone(port).endpoint.bye(now, dialog, None);
        }
        self.settle();
    }

    pub(super) fn keys(&mut self, port: u16, keys: &str) {
        let leg = *self.ears.peers.iter().find(|(_, peer)| **peer == media_port(port)).expect("a leg").0;
        for key in keys.chars() {
            let digit = Masked::new(media::Digit::from_char(key).expect("a key"));
            let by = DigitMeans::TelephoneEvent;
            self.exchange.handle_input(self.now, Input::Media(media::Event::Digit { leg, digit, by }));
            self.pass(0);
            self.settle();
            let pause = Duration::from_millis(300);
            self.now = Now { mono: self.now.mono + pause, wall: self.now.wall + pause };
        }
    }

    /// The phones that this one hears, by their ports.
    pub(super) fn hears(&self, port: u16) -> BTreeSet<u16> {
        let of = |leg: &LegId| self.ears.peers.get(leg).map(|peer| peer + 3000);
        let legs = self.ears.peers.iter().filter(|(_, peer)| **peer == media_port(port));
        legs.flat_map(|(leg, _)| self.ears.hears.get(leg).into_iter().flatten()).filter_map(of).collect()
    }

    /// The caller hears a person, or music.
    pub(super) fn nobody_is_left_in_silence(&self) {
        let Some((leg, _)) = self.ears.peers.iter().find(|(_, peer)| **peer == media_port(CALLER)) else {
            return;
        };
        let stage = self.exchange.calls.get(&leg.call).map(Call::stage);
        let hears = self.ears.hears.get(leg).is_some_and(|others| !others.is_empty());
        assert!(
            hears
                || self.ears.plays.contains(leg)
                || !matches!(stage, Some(StageKind::Transfer | StageKind::Talk)),
            "the caller hears nothing: {stage:?}"
        );
    }

    pub(super) fn state(&self, extension: &str) -> queue::AgentState {
        let agent = self.exchange.numbering.agent(extension).expect("an agent");
        self.exchange.core.agent_state(agent).expect("a state")
    }
}
