//! Endpoints, a virtual clock, and a network that delays, loses, doubles and reorders by a seed. What happens is
//! written down as a ladder, so that a test is a script and the text that it must come to.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::base::{Instant, Rng};
use crate::sip::{
    Config, DialogId, Endpoint, Event, Flow, Framing, Headers, Invite, Limits, Message, Method, Name,
    NameAddr, Request, Transport, Uri,
};

pub const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

pub fn sdp(version: u32) -> Bytes {
    Bytes::from(SDP.replace("- 1 1", &format!("- 1 {version}")))
}

/// Chances in 1000.
#[derive(Clone, Copy, Default)]
pub struct Faults {
    pub loss: u64,
    pub doubling: u64,
    pub reordering: u64,
    /// A damaged copy comes before the message itself.
    pub noise: u64,
}

pub struct World {
    pub now: Instant,
    pub ends: Vec<Endpoint>,
    pub events: Vec<VecDeque<Event>>,
    pub faults: Faults,
    /// Messages to lose: the end that sends, the name as in the ladder, and how many of them.
    pub lose: Vec<(usize, &'static str, u32)>,
    /// Who gets what is sent to an address that is nobody's: all of them.
    pub forks: Vec<usize>,
    /// Nobody listens on TCP.
    pub no_tcp: bool,
    /// What went over the network, one line a message; `None` when nobody asks.
    pub ladder: Option<Vec<String>>,
    /// The last message sent by each end.
    pub sent: Vec<Vec<Bytes>>,
    rng: Rng,
    wire: BTreeMap<(Instant, u64), (usize, Flow, Bytes)>,
    sequence: u64,
    connections: u64,
}

const DELAY: Duration = Duration::from_millis(10);

pub fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, end as u8 + 1], 5060))
}

/// An address that is nobody's own.
pub fn fork_address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 99], 5060))
}

impl World {
    pub fn new(ends: usize) -> Self {
        World::with_config(ends, 1, Config { session_expires: None, ..Config::default() })
    }

    pub fn with_config(ends: usize, seed: u64, config: Config) -> Self {
        let mut rng = Rng::from_number(seed);
        World {
            now: Instant::from_micros(1_000_000),
            ends: (0..ends).map(|_| Endpoint::new(config.clone(), rng.fork())).collect(),
            events: (0..ends).map(|_| VecDeque::new()).collect(),
            faults: Faults::default(),
            lose: Vec::new(),
            forks: Vec::new(),
            no_tcp: false,
            ladder: Some(Vec::new()),
            sent: vec![Vec::new(); ends],
            rng,
            wire: BTreeMap::new(),
            sequence: 0,
            connections: 0,
        }
    }

    pub fn flow(&self, from: usize, to: usize) -> Flow {
        Flow { transport: Transport::Udp, local: address(from), remote: address(to), connection: 0 }
    }

    pub fn invitation(&self, from: usize, to: SocketAddr) -> Invite {
        Invite {
            to: Uri::sip(Some("100"), to),
            via: Flow { transport: Transport::Udp, local: address(from), remote: to, connection: 0 },
            from: NameAddr::new(Uri::sip(Some("200"), address(from))),
            to_display: None,
            contact_user: None,
            sdp: Some(sdp(1)),
            headers: Vec::new(),
            credentials: None,
        }
    }

    /// End 0 calls end 1.
    pub fn call(&mut self) -> DialogId {
        let invite = self.invitation(0, address(1));
        let id = self.ends[0].invite(self.now, invite);
        self.flush();
        id
    }

    /// A call of end 0 to end 1 that is established: the dialog of each.
    pub fn talk(&mut self) -> (DialogId, DialogId) {
        let a = self.call();
        self.advance(20);
        let b = self.invited(1);
        self.ends[1].accept(self.now, b, Some(sdp(1)));
        self.advance(100);
        assert!(matches!(self.event(0), Some(Event::Answered { .. })));
        assert!(matches!(self.event(1), Some(Event::Acked { .. })));
        if let Some(ladder) = &mut self.ladder {
            ladder.clear();
        }
        (a, b)
    }

    /// The next event of an end, which must be an INVITE.
    pub fn invited(&mut self, end: usize) -> DialogId {
        match self.event(end) {
            Some(Event::Invite { dialog, .. }) => dialog,
            other => panic!("no INVITE but {other:?}"),
        }
    }

    pub fn event(&mut self, end: usize) -> Option<Event> {
        self.events[end].pop_front()
    }

    /// All events of an end, in short.
    pub fn heard(&mut self, end: usize) -> Vec<String> {
        std::mem::take(&mut self.events[end]).iter().map(summary).collect()
    }

    /// Lets time pass, with everything that falls due in it.
    pub fn advance(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        self.flush();
        while self.step(end) {}
        self.now = end;
    }

    /// Until nothing is due any more, at most `limit` later.
    pub fn drain(&mut self, limit: Duration) {
        let end = self.now + limit;
        self.flush();
        while self.step(end) {}
        self.assert_empty();
    }

    pub fn assert_empty(&mut self) {
        for (at, end) in self.ends.iter_mut().enumerate() {
            self.events[at].clear();
            assert!(end.is_empty(), "end {at} has something left: {:?}", end.poll_timeout());
        }
    }

    /// The next thing that happens no later than `end`. `false`: nothing does.
    pub fn step(&mut self, end: Instant) -> bool {
        let arrival = self.wire.first_key_value().map(|(&(at, _), _)| at);
        let timer = self.ends.iter().filter_map(Endpoint::poll_timeout).map(|(at, _)| at).min();
        let Some(next) = arrival.into_iter().chain(timer).min().filter(|&at| at <= end) else { return false };
        self.now = next.max(self.now);
        if arrival == Some(next) {
            if let Some((_, (to, flow, bytes))) = self.wire.pop_first() {
                self.ends[to].handle_message(self.now, flow, &bytes);
            }
        } else {
            for end in &mut self.ends {
                end.handle_timeout(self.now);
            }
        }
        self.flush();
        true
    }

    /// Takes what the endpoints put out.
    pub fn flush(&mut self) {
        for from in 0..self.ends.len() {
            while let Some(transmit) = self.ends[from].poll_transmit() {
                self.carry(from, transmit.flow, transmit.bytes);
            }
            while let Some(event) = self.ends[from].poll_event() {
                self.events[from].push_back(event);
            }
        }
    }

    fn carry(&mut self, from: usize, mut flow: Flow, bytes: Bytes) {
        let name = if self.ladder.is_some() || !self.lose.is_empty() { name(&bytes) } else { String::new() };
        let lost = self.is_lost(from, &name);
        if flow.transport == Transport::Tcp && flow.connection == 0 && self.no_tcp {
            if let Some(ladder) = &mut self.ladder {
                ladder.push(format!("{from}>? {name} no connection"));
            }
            self.ends[from].handle_flow_closed(self.now, flow);
            return;
        }
        if flow.transport == Transport::Tcp && flow.connection == 0 {
            self.connections += 1;
            flow.connection = self.connections;
        }
        let to: Vec<usize> = match (0..self.ends.len()).find(|&end| address(end) == flow.remote) {
            Some(end) => vec![end],
            None if flow.remote == fork_address() => self.forks.clone(),
            None => Vec::new(),
        };
        if let Some(ladder) = &mut self.ladder {
            let to = to.first().map_or("?".to_owned(), |to| to.to_string());
            ladder.push(format!("{from}>{to} {name}{}", if lost { " lost" } else { "" }));
            self.sent[from].push(bytes.clone());
        }
        if lost {
            return;
        }
        for to in to {
            if self.chance(self.faults.noise) {
                let damaged = self.damage(&bytes);
                let arrival = Flow { local: address(to), remote: address(from), ..flow };
                self.sequence += 1;
                self.wire.insert((self.now + DELAY, self.sequence), (to, arrival, damaged));
            }
            let copies = if self.chance(self.faults.doubling) { 2 } else { 1 };
            for _ in 0..copies {
                let late = if self.chance(self.faults.reordering) { self.rng.below(200) } else { 0 };
                let arrival = Flow { local: address(to), remote: address(from), ..flow };
                self.sequence += 1;
                let at = self.now + DELAY + Duration::from_millis(late);
                self.wire.insert((at, self.sequence), (to, arrival, bytes.clone()));
            }
        }
    }

    /// A few octets changed, or the end cut off.
    fn damage(&mut self, bytes: &Bytes) -> Bytes {
        let mut damaged = bytes.to_vec();
        for _ in 0..=self.rng.below(4) {
            let at = self.rng.below(damaged.len() as u64) as usize;
            match self.rng.below(4) {
                0 => damaged.truncate(at.max(1)),
                1 => damaged[at] = self.rng.next_u32() as u8,
                2 => damaged[at] = b"\r\n :;,<>@\"=0"[self.rng.below(12) as usize],
                _ => {
                    let from = self.rng.below(damaged.len() as u64) as usize;
                    damaged.swap(at, from);
                }
            }
        }
        Bytes::from(damaged)
    }

    fn is_lost(&mut self, from: usize, name: &str) -> bool {
        let planned =
            self.lose.iter_mut().find(|(end, what, left)| *end == from && *what == name && *left > 0);
        if let Some((_, _, left)) = planned {
            *left -= 1;
            return true;
        }
        self.chance(self.faults.loss)
    }

    fn chance(&mut self, of_thousand: u64) -> bool {
        of_thousand > 0 && self.rng.below(1000) < of_thousand
    }

    /// The ladder since the last call of this, compared with the text: one message a line.
    #[track_caller]
    pub fn check_ladder(&mut self, expected: &str) {
        let ladder = self.ladder.as_mut().map(std::mem::take).unwrap_or_default();
        let expected: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(ladder, expected);
    }

    /// The last message of that name that an end sent.
    pub fn last_sent(&self, end: usize, what: &str) -> Message {
        let bytes = self.sent[end].iter().rev().find(|bytes| name(bytes) == what).expect("was sent");
        parse(bytes)
    }
}

pub fn parse(bytes: &Bytes) -> Message {
    Message::parse(bytes.clone(), Framing::Datagram, &Limits::default()).expect("what we send is SIP")
}

impl World {
    /// A further request of the caller (end 0) in the dialog of its INVITE, early or not, as end 1 gets it: past
    /// the caller's own endpoint.
    pub fn of_caller(&self, method: Method, cseq: u32, answer: &str) -> Request {
        let Message::Request(invite) = self.last_sent(0, "INVITE") else { panic!("a response") };
        let Message::Response(response) = self.last_sent(1, answer) else { panic!("a request") };
        let mut request = Request { method, cseq, to: response.to, headers: Headers::default(), ..invite };
        request.body = Bytes::new();
        request.headers.push(Name::Contact, "<sip:200@192.0.2.1:5060>");
        request.vias[0].params.set("branch", &format!("z9hG4bK-{}-{cseq}", request.method));
        request
    }

    /// As above, of the callee (end 1).
    pub fn of_callee(&self, method: Method, cseq: u32, answer: &str) -> Request {
        let mut request = self.of_caller(method, cseq, answer);
        std::mem::swap(&mut request.from, &mut request.to);
        request.headers.set(Name::Contact, "<sip:100@192.0.2.2:5060>");
        request
    }

    /// Hands a request of `from` to `to`.
    pub fn inject(&mut self, from: usize, to: usize, request: &Request) {
        let flow = self.flow(to, from);
        self.ends[to].handle_message(self.now, flow, &request.encode());
        self.flush();
    }
}

/// `INVITE`, `180 INVITE`.
pub fn name(bytes: &Bytes) -> String {
    match parse(bytes) {
        Message::Request(request) => request.method.to_string(),
        Message::Response(response) => format!("{} {}", response.status, response.cseq.method),
    }
}

pub fn summary(event: &Event) -> String {
    let with = |sdp: &Option<Bytes>| if sdp.is_some() { " sdp" } else { "" };
    match event {
        Event::Invite { .. } => "Invite".to_owned(),
        Event::Acked { sdp, .. } => format!("Acked{}", with(sdp)),
        Event::Cancelled { .. } => "Cancelled".to_owned(),
        Event::Progress { status, sdp, .. } => format!("Progress {status}{}", with(sdp)),
        Event::Answered { sdp, .. } => format!("Answered{}", with(sdp)),
        Event::Rejected { status, .. } => format!("Rejected {status}"),
        Event::Reoffer { sdp, .. } => format!("Reoffer{}", with(sdp)),
        Event::ReofferAnswered { .. } => "ReofferAnswered".to_owned(),
        Event::ReofferRefused { status, .. } => format!("ReofferRefused {status}"),
        Event::Info { kind, .. } => format!("Info {kind}"),
        Event::Message { request, .. } => format!("Message of {} octets", request.body.len()),
        Event::Refer { .. } => "Refer".to_owned(),
        Event::ReferAnswered { status, .. } => format!("ReferAnswered {status}"),
        Event::ReferProgress { status, over, .. } => {
            format!("ReferProgress {status}{}", if *over { " over" } else { "" })
        }
        Event::Ended { why, .. } => format!("Ended {why}"),
        Event::Request { request, .. } => format!("Request {}", request.method),
        Event::Subscribe { package, refresh, .. } => {
            format!("Subscribe {package}{}", if *refresh { " again" } else { "" })
        }
        Event::NotifyDue { last, .. } => format!("NotifyDue{}", if *last { " last" } else { "" }),
        Event::SubscriptionLost { status, .. } => format!("SubscriptionLost {status}"),
        Event::Reply { status, .. } => format!("Reply {status}"),
    }
}
