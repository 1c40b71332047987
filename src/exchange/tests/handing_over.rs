//! The transfer matrix: how it is asked for, what becomes of it, held or not, recorded or not. In each case who hears
//! whom, who is told what, whose turn it is to wrap up, and that nothing is left.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::base::Masked;
use crate::call::How;
use crate::media::{Command as Order, DigitMeans};

const CALLER: u16 = 7000;
/// Has the caller, and hands them over.
const OWNER: u16 = 7001;
/// Is to have them.
const TARGET: u16 = 7002;
/// Stands in for the target.
const DELEGATE: u16 = 7003;

fn plan(record: bool) -> Arc<Plan> {
    plan_of(&format!(
        r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"
300 = "second"
XXXX = {{ flow = "colleague", from = "desks" }}

[[flow.main]]
queue = "first"

[[flow.second]]
queue = "second"

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
ready = true

[agent.1002]
name = "Target"
skills = {{ second = 1 }}
contact = "sip:1002@127.0.0.1:7002"
delegate = "1003"
ready = true

[agent.1003]
name = "Delegate"
contact = "sip:1003@127.0.0.1:7003"
"#
    ))
}

/// How the caller is handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    /// REFER to an extension.
    Refer,
    /// REFER with Replaces, after a call of the owner's own to the target.
    ReferReplaces,
    /// The owner's keys, at once.
    Code,
    /// The owner's keys, after a word with the target.
    Consult,
    /// An order of the console.
    Order,
    /// REFER to a line.
    Queue,
}

/// What becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Answers,
    Busy,
    Refuses,
    NoAnswer,
    /// The target's phone has lost its power: nobody ever answers.
    Vanishes,
    CallerHangsUp,
    OwnerHangsUp,
    /// The owner changes their mind, or hangs up and is rung again because nobody comes.
    ComesBack,
    /// The owner waits, and neither the target nor the delegate comes.
    NobodyComes,
}

/// Four phones at a switch, with the time in the test's hands.
struct Floor {
    exchange: Exchange,
    now: Now,
    phones: BTreeMap<u16, Phone>,
    vanished: BTreeSet<u16>,
    ears: Ears,
    /// By phone: invitations that ring, in order.
    ringing: BTreeMap<u16, Vec<sip::DialogId>>,
    /// What a phone has heard of its REFER.
    told: Vec<String>,
    talks: BTreeMap<u16, Vec<sip::DialogId>>,
    records: Vec<crate::record::CallRecord>,
    recordings: BTreeMap<RecordingId, u64>,
    /// Messages that somebody is about to leave, by their leg.
    messages: BTreeMap<LegId, RecordingId>,
}

/// Who hears what, as the media is told.
#[derive(Default)]
struct Ears {
    hears: BTreeMap<LegId, BTreeSet<LegId>>,
    plays: BTreeSet<LegId>,
    open: BTreeSet<LegId>,
    /// Of a leg by the port that its peer gave.
    peers: BTreeMap<LegId, u16>,
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
fn sdp(phone: u16) -> Bytes {
    Bytes::from(SDP.replace("4000", &media_port(phone).to_string()))
}

fn held(phone: u16) -> Bytes {
    Bytes::from(format!("{}a=sendonly\r\n", String::from_utf8_lossy(&sdp(phone))))
}

fn media_port(phone: u16) -> u16 {
    phone - 3000
}

impl Floor {
    fn new(record: bool) -> Self {
        let account = |user: &str| Account {
            user: user.into(),
            secret: sip::auth::Secret::Password(Masked::from("1")),
            encryption: None,
            codecs: None,
            digits: Default::default(),
        };
        let config = Config { accounts: vec![account("1001")], ..Config::default() };
        let now =
            Now { mono: Instant::from_micros(1_000_000), wall: Wall::from_micros(1_789_000_000_000_000) };
        Floor {
            exchange: Exchange::new(config, plan(record), Ids::default(), Rng::from_number(1), now),
            now,
            phones: [CALLER, OWNER, TARGET, DELEGATE].map(|port| (port, Phone::new(port))).into(),
            vanished: BTreeSet::new(),
            ears: Ears::default(),
            ringing: BTreeMap::new(),
            told: Vec::new(),
            talks: BTreeMap::new(),
            records: Vec::new(),
            recordings: BTreeMap::new(),
            messages: BTreeMap::new(),
        }
    }

    fn settle(&mut self) {
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

    fn output(&mut self, output: Output) {
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

    fn phone_event(&mut self, port: u16, event: sip::Event) {
        let now = self.now.mono;
        match event {
            sip::Event::Invite { dialog, .. } => self.ringing.entry(port).or_default().push(dialog),
            sip::Event::Answered { dialog, .. } => self.talks.entry(port).or_default().push(dialog),
            sip::Event::Reoffer { dialog, .. } => {
                let answer = Ok(sdp(port));
                self.phone(port).endpoint.answer_reoffer(now, dialog, answer);
            }
            sip::Event::Ended { dialog, .. } | sip::Event::Cancelled { dialog } => {
                self.talks.entry(port).or_default().retain(|of| *of != dialog);
                self.ringing.entry(port).or_default().retain(|of| *of != dialog);
            }
            sip::Event::ReferAnswered { status, .. } => self.told.push(status.to_string()),
            sip::Event::ReferProgress { status, .. } => self.told.push(format!("NOTIFY {status}")),
            _ => {}
        }
    }

    /// Runs all deadlines of the next `seconds`.
    fn pass(&mut self, seconds: u64) {
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

    fn phone(&mut self, port: u16) -> &mut Phone {
        self.phones.get_mut(&port).expect("a phone of the floor")
    }

    fn dial(&mut self, port: u16, from: &str, number: &str) -> sip::DialogId {
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

    fn rings(&self, port: u16) -> bool {
        self.ringing.get(&port).is_some_and(|ringing| !ringing.is_empty())
    }

    fn answer(&mut self, port: u16) -> sip::DialogId {
        let dialog = self.ringing.get_mut(&port).and_then(Vec::pop).unwrap_or_else(|| panic!("{port} rings"));
        let now = self.now.mono;
        self.phone(port).endpoint.accept(now, dialog, Some(sdp(port)));
        self.talks.entry(port).or_default().push(dialog);
        self.settle();
        dialog
    }

    fn reject(&mut self, port: u16, status: u16) {
        let dialog = self.ringing.get_mut(&port).and_then(Vec::pop).unwrap_or_else(|| panic!("{port} rings"));
        let now = self.now.mono;
        self.phone(port).endpoint.reject(now, dialog, sip::Answer::new(status));
        self.settle();
    }

    fn hang_up(&mut self, port: u16) {
        let now = self.now.mono;
        for dialog in self.talks.remove(&port).unwrap_or_default() {
            self.phone(port).endpoint.bye(now, dialog, None);
        }
        self.settle();
    }

    fn keys(&mut self, port: u16, keys: &str) {
        let leg = *self.ears.peers.iter().find(|(_, peer)| **peer == media_port(port)).expect("a leg").0;
        for key in keys.chars() {
            let digit = Masked::new(media::Digit::from_char(key).expect("a key"));
            let by = DigitMeans::TelephoneEvent;
            self.exchange.handle_input(self.now, Input::Media(media::Event::Digit { leg, digit, by }));
            self.pass(0);
            self.settle();
            self.now.mono += Duration::from_millis(300);
        }
    }

    /// The phones that this one hears, by their ports.
    fn hears(&self, port: u16) -> BTreeSet<u16> {
        let of = |leg: &LegId| self.ears.peers.get(leg).map(|peer| peer + 3000);
        let legs = self.ears.peers.iter().filter(|(_, peer)| **peer == media_port(port));
        legs.flat_map(|(leg, _)| self.ears.hears.get(leg).into_iter().flatten()).filter_map(of).collect()
    }

    /// The caller hears a person, or music.
    fn nobody_is_left_in_silence(&self) {
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

    fn state(&self, extension: &str) -> queue::AgentState {
        let agent = self.exchange.numbering.agent(extension).expect("an agent");
        self.exchange.core.agent_state(agent).expect("a state")
    }
}

/// One cell of the matrix.
fn play(by: By, fate: Fate, hold: bool, record: bool) {
    println!("{by:?} {fate:?}, held: {hold}, recorded: {record}");
    let mut floor = Floor::new(record);
    floor.dial(CALLER, "13812345678", "100");
    let first = floor.answer(OWNER);
    assert_eq!(floor.hears(CALLER), BTreeSet::from([OWNER]));
    assert_eq!(floor.recordings.values().filter(|open| **open == 1).count(), usize::from(record));
    let now = floor.now.mono;
    if hold {
        floor.phone(OWNER).endpoint.reoffer(now, first, held(OWNER));
        floor.settle();
    }
    if by == By::ReferReplaces {
        consult_by_phone(&mut floor, first, fate, hold);
    } else {
        hand_over(&mut floor, by, first);
    }
    let outcome = come_to_an_end(&mut floor, by, fate, first, hold);
    check(&mut floor, by, fate, outcome, record);
}

fn hand_over(floor: &mut Floor, by: By, first: sip::DialogId) {
    let now = floor.now.mono;
    match by {
        By::Refer | By::Queue => {
            let to = if by == By::Refer { "sip:1002@127.0.0.1" } else { "sip:300@127.0.0.1" };
            let to = Uri::parse(to).expect("a URI");
            floor.phone(OWNER).endpoint.refer(now, first, to, None).expect("a session");
            floor.settle();
        }
        By::Code => floor.keys(OWNER, "*11002#"),
        By::Consult => floor.keys(OWNER, "*21002#"),
        By::Order => {
            let call = *floor.exchange.calls.keys().next().expect("a call");
            let command = Command::Transfer { call, to: "1002".to_owned(), how: How::Blind };
            floor.exchange.handle_input(floor.now, Input::Command { id: 1, command });
            floor.settle();
        }
        By::ReferReplaces => {}
    }
    assert!(floor.rings(TARGET), "{by:?}");
}

/// The owner's phone calls the target itself.
fn consult_by_phone(floor: &mut Floor, first: sip::DialogId, fate: Fate, hold: bool) {
    let now = floor.now.mono;
    if !hold {
        floor.phone(OWNER).endpoint.reoffer(now, first, held(OWNER));
        floor.settle();
    }
    floor.dial(OWNER, "1001", "1002");
    assert!(floor.rings(TARGET));
    if matches!(fate, Fate::Answers | Fate::CallerHangsUp | Fate::OwnerHangsUp | Fate::ComesBack) {
        floor.answer(TARGET);
        assert!(floor.hears(TARGET).contains(&OWNER));
    }
}

/// Who has the caller in the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Target,
    Delegate,
    Owner,
    Nobody,
}

fn come_to_an_end(floor: &mut Floor, by: By, fate: Fate, first: sip::DialogId, hold: bool) -> Outcome {
    let now = floor.now.mono;
    let attended = matches!(by, By::ReferReplaces | By::Consult);
    match fate {
        Fate::Answers => {
            if by == By::ReferReplaces {
                refer_to_own_call(floor, first);
            } else {
                floor.answer(TARGET);
            }
            if by == By::Consult {
                assert_eq!(floor.hears(OWNER), BTreeSet::from([TARGET]));
                assert_eq!(floor.hears(CALLER), BTreeSet::new(), "music");
                floor.keys(OWNER, "*3");
                assert_eq!(floor.hears(CALLER), BTreeSet::from([OWNER, TARGET]));
                floor.keys(OWNER, "*4");
                assert_eq!(floor.hears(OWNER), BTreeSet::from([TARGET]));
                floor.hang_up(OWNER);
            }
            Outcome::Target
        }
        Fate::Busy | Fate::Refuses => {
            floor.reject(TARGET, if fate == Fate::Busy { 486 } else { 603 });
            failed(floor, by, first, hold)
        }
        Fate::NoAnswer => {
            floor.pass(21);
            failed(floor, by, first, hold)
        }
        Fate::Vanishes => {
            floor.vanished.insert(TARGET);
            floor.pass(21);
            failed(floor, by, first, hold)
        }
        Fate::CallerHangsUp => {
            floor.hang_up(CALLER);
            Outcome::Nobody
        }
        Fate::OwnerHangsUp if by == By::ReferReplaces => {
            // Both of the phone's calls end: the caller is served by nobody else than before.
            floor.hang_up(OWNER);
            Outcome::Nobody
        }
        Fate::OwnerHangsUp => {
            if by != By::Queue {
                floor.hang_up(OWNER);
            }
            floor.answer(TARGET);
            Outcome::Target
        }
        Fate::NobodyComes => {
            floor.reject(TARGET, 486);
            if matches!(by, By::Refer | By::Code | By::Order) {
                floor.reject(DELEGATE, 486);
                if by == By::Refer {
                    assert_eq!(floor.told.last().map(String::as_str), Some("NOTIFY 486"));
                }
                take_off_hold_if(floor, first, hold);
                return Outcome::Owner;
            }
            failed(floor, by, first, hold)
        }
        Fate::ComesBack if attended => {
            if by == By::Consult {
                floor.answer(TARGET);
                floor.keys(OWNER, "*5");
            } else {
                let second = *floor.talks.get(&OWNER).and_then(|talks| talks.last()).expect("two calls");
                floor.phone(OWNER).endpoint.bye(now, second, None);
                floor.talks.entry(OWNER).or_default().retain(|of| *of == first);
                floor.settle();
                take_off_hold(floor, first);
            }
            take_off_hold_if(floor, first, hold && by == By::Consult);
            Outcome::Owner
        }
        Fate::ComesBack => {
            // Blind: the owner hangs up and nobody comes: they are rung again.
            if by == By::Queue {
                floor.answer(TARGET);
                return Outcome::Target;
            }
            floor.hang_up(OWNER);
            floor.reject(TARGET, 486);
            floor.reject(DELEGATE, 486);
            floor.answer(OWNER);
            Outcome::Owner
        }
    }
}

/// Nobody came at the first.
fn failed(floor: &mut Floor, by: By, first: sip::DialogId, hold: bool) -> Outcome {
    match by {
        By::Consult => {
            take_off_hold_if(floor, first, hold);
            Outcome::Owner
        }
        By::ReferReplaces => {
            // The own call came to nothing; the phone goes back to the first.
            let second: Vec<_> = floor.talks.get(&OWNER).into_iter().flatten().copied().collect();
            let now = floor.now.mono;
            for dialog in second.into_iter().filter(|dialog| *dialog != first) {
                floor.phone(OWNER).endpoint.bye(now, dialog, None);
            }
            floor.talks.insert(OWNER, vec![first]);
            floor.settle();
            take_off_hold(floor, first);
            Outcome::Owner
        }
        By::Queue => Outcome::Nobody,
        _ => {
            floor.answer(DELEGATE);
            Outcome::Delegate
        }
    }
}

fn refer_to_own_call(floor: &mut Floor, first: sip::DialogId) {
    let now = floor.now.mono;
    let second = *floor.talks.get(&OWNER).and_then(|talks| talks.last()).expect("two calls");
    let replaces = floor.phone(OWNER).endpoint.dialog_replaces(second).expect("a session");
    let escaped: String = replaces
        .bytes()
        .map(|octet| {
            if octet.is_ascii_alphanumeric() {
                char::from(octet).to_string()
            } else {
                format!("%{octet:02X}")
            }
        })
        .collect();
    let to = Uri::parse(&format!("sip:1002@127.0.0.1?Replaces={escaped}")).expect("a URI");
    floor.phone(OWNER).endpoint.refer(now, first, to, None).expect("a session");
    floor.settle();
}

fn take_off_hold(floor: &mut Floor, first: sip::DialogId) {
    let now = floor.now.mono;
    floor.phone(OWNER).endpoint.reoffer(now, first, sdp(OWNER));
    floor.settle();
}

fn take_off_hold_if(floor: &mut Floor, first: sip::DialogId, held: bool) {
    if held {
        take_off_hold(floor, first);
    }
}

fn check(floor: &mut Floor, by: By, fate: Fate, outcome: Outcome, record: bool) {
    let case = format!("{by:?} {fate:?} -> {outcome:?}");
    let with = match outcome {
        Outcome::Target => Some(TARGET),
        Outcome::Delegate => Some(DELEGATE),
        Outcome::Owner => Some(OWNER),
        Outcome::Nobody => None,
    };
    if let Some(with) = with {
        assert_eq!(floor.hears(CALLER), BTreeSet::from([with]), "{case}");
        assert_eq!(floor.hears(with), BTreeSet::from([CALLER]), "{case}");
    }
    if outcome != Outcome::Owner && outcome != Outcome::Nobody {
        assert_eq!(floor.hears(OWNER), BTreeSet::new(), "{case}");
        let state = floor.state("1001");
        assert!(matches!(state, queue::AgentState::WrapUp { .. }), "{case}: {state:?}");
        assert_eq!(floor.talks.get(&OWNER).map_or(0, Vec::len), 0, "{case}: the owner's phone is free");
    }
    let notified = floor.told.last().map(String::as_str);
    let told = match (by, outcome) {
        (By::Refer, Outcome::Target | Outcome::Delegate) => fate != Fate::OwnerHangsUp,
        (by, outcome) => by == By::ReferReplaces && outcome == Outcome::Target,
    };
    assert!(!told || notified == Some("NOTIFY 200"), "{case}: {notified:?}");
    let open = floor.recordings.values().filter(|open| **open == 1).count();
    assert_eq!(open, usize::from(record && with.is_some() && by != By::Queue), "{case}: recordings");
    for port in [CALLER, OWNER, TARGET, DELEGATE] {
        floor.hang_up(port);
    }
    floor.pass(120);
    assert_eq!(floor.exchange.calls(), 0, "{case}");
    assert!(floor.recordings.values().all(|open| *open == 0), "{case}");
    assert!(floor.ears.open.is_empty(), "{case}");
    let of_caller = floor.records.iter().filter(|record| record.dialled == "100").count();
    assert_eq!(of_caller, 1, "{case}: one record");
}

#[test]
fn every_cell_of_the_matrix_ends_with_somebody_or_a_record() {
    use By::{Code, Consult, Order, Queue, Refer, ReferReplaces};
    use Fate::*;
    let mut failed = Vec::new();
    for by in [Refer, ReferReplaces, Code, Consult, Order, Queue] {
        for fate in
            [Answers, Busy, Refuses, NoAnswer, Vanishes, CallerHangsUp, OwnerHangsUp, ComesBack, NobodyComes]
        {
            for (hold, record) in [(false, false), (false, true), (true, false), (true, true)] {
                // A phone that holds sends no keys: the codes come from who talks.
                if hold && matches!(by, Code | Consult) {
                    continue;
                }
                // All cells are looked at, so that one defect is told from ten.
                if std::panic::catch_unwind(|| play(by, fate, hold, record)).is_err() {
                    failed.push(format!("{by:?} {fate:?}, held: {hold}, recorded: {record}"));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} cells: {failed:#?}", failed.len());
}
