//! Operations on two endpoints joined by a faulty network: whatever their hosts do and the network loses,
//! doubles, delays and damages, no host hears of a dialog after its end, and when all have hung up nothing is
//! left.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::Bytes;
use hotline::base::{Instant, Masked, Rng};
use hotline::sip::auth::Credentials;
use hotline::sip::{
    Answer, Config, DialogId, Endpoint, Event, Flow, Framing, Invite, Limits, Message, Method, NameAddr,
    OutOfDialog, ReferId, RequestId, SubscriptionId, Transport, Unsubscribed, Uri,
};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    seed: u8,
    /// Chances in 256: lost, doubled, late.
    faults: (u8, u8, u8),
    steps: Vec<(bool, Step<'a>)>,
}

/// What the host of one side does; `dialog` counts among those that it knows.
#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Invite {
        sdp: bool,
        tcp: bool,
        credentials: bool,
    },
    Ring {
        dialog: u8,
        early: bool,
    },
    Accept {
        dialog: u8,
        sdp: bool,
    },
    Reject {
        dialog: u8,
        status: u8,
    },
    Challenge {
        dialog: u8,
    },
    Cancel {
        dialog: u8,
    },
    Reoffer {
        dialog: u8,
    },
    AnswerReoffer {
        dialog: u8,
        refuse: bool,
    },
    AckSdp {
        dialog: u8,
    },
    Bye {
        dialog: u8,
    },
    Refer {
        dialog: u8,
        replaces: bool,
    },
    AnswerRefer {
        refuse: bool,
    },
    ReferProgress {
        status: u16,
    },
    Subscribe {
        expires: u8,
    },
    Subscribed {
        act: Subscribed,
    },
    Request {
        method: u8,
    },
    Respond {
        status: u8,
    },
    Wait {
        milliseconds: u16,
    },
    FlowClosed,
    /// The last message that went to this side comes again, with some bytes changed.
    Bent {
        changes: Vec<(u16, u8)>,
    },
    Raw(&'a [u8]),
}

/// What a host does about the subscription that it was asked for last.
#[derive(Arbitrary, Debug)]
enum Subscribed {
    Accept { seconds: u8 },
    Reject,
    News,
    End,
}

struct Side {
    end: Endpoint,
    alive: BTreeSet<DialogId>,
    refers: Vec<ReferId>,
    subscriptions: Vec<SubscriptionId>,
    requests: Vec<RequestId>,
    /// What came last.
    last: Option<(Flow, Bytes)>,
}

struct World {
    now: Instant,
    sides: [Side; 2],
    faults: (u8, u8, u8),
    rng: Rng,
    wire: BTreeMap<(Instant, u64), (usize, Flow, Bytes)>,
    sequence: u64,
    version: u32,
    carried: u64,
}

/// More would be a storm that feeds itself.
const MOST_MESSAGES: u64 = 20_000;

fuzz_target!(|input: Input<'_>| {
    let mut world = World::new(input.seed, input.faults);
    for (second, step) in input.steps.iter().take(48) {
        world.act(usize::from(*second), step);
        world.settle();
    }
    world.hang_up();
});

impl World {
    fn new(seed: u8, faults: (u8, u8, u8)) -> Self {
        let mut rng = Rng::from_number(seed.into());
        let mut side = || Side {
            end: Endpoint::new(Config { packages: vec!["dialog"], ..Config::default() }, rng.fork()),
            alive: BTreeSet::new(),
            refers: Vec::new(),
            subscriptions: Vec::new(),
            requests: Vec::new(),
            last: None,
        };
        let sides = [side(), side()];
        let now = Instant::from_micros(1_000_000);
        World { now, sides, faults, rng, wire: BTreeMap::new(), sequence: 0, version: 1, carried: 0 }
    }

    fn act(&mut self, at: usize, step: &Step<'_>) {
        let now = self.now;
        let sdp = self.sdp();
        let flow = flow(at, false);
        let side = &mut self.sides[at];
        let known = |dialog: &u8| {
            let nth = usize::from(*dialog) % side.alive.len().max(1);
            side.alive.iter().nth(nth).copied()
        };
        match step {
            Step::Invite { sdp: offers, tcp, credentials } => {
                let invite = invitation(at, *tcp, offers.then_some(sdp), *credentials);
                let dialog = side.end.invite(now, invite);
                assert!(side.alive.insert(dialog));
            }
            Step::Ring { dialog, early } => {
                let Some(dialog) = known(dialog) else { return };
                side.end.ring(now, dialog, if *early { 183 } else { 180 }, early.then_some(sdp));
            }
            Step::Accept { dialog, sdp: answers } => {
                let Some(dialog) = known(dialog) else { return };
                side.end.accept(now, dialog, answers.then_some(sdp));
            }
            Step::Reject { dialog, status } => {
                let Some(dialog) = known(dialog) else { return };
                let status = 400 + u16::from(*status) % 300;
                side.end.reject(now, dialog, Answer::new(status).with("Retry-After", "1"));
            }
            Step::Challenge { dialog } => {
                let Some(dialog) = known(dialog) else { return };
                let challenge = "Digest realm=\"fuzz\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";
                side.end.reject(now, dialog, Answer::new(401).with("WWW-Authenticate", challenge));
            }
            Step::Cancel { dialog } => {
                let Some(dialog) = known(dialog) else { return };
                side.end.cancel(now, dialog);
            }
            Step::Reoffer { dialog } => {
                let Some(dialog) = known(dialog) else { return };
                side.end.reoffer(now, dialog, sdp);
            }
            Step::AnswerReoffer { dialog, refuse } => {
                let Some(dialog) = known(dialog) else { return };
                side.end.answer_reoffer(now, dialog, if *refuse { Err(Answer::new(488)) } else { Ok(sdp) });
            }
            Step::AckSdp { dialog } => {
                let Some(dialog) = known(dialog) else { return };
                side.end.ack_sdp(now, dialog, sdp);
            }
            Step::Bye { dialog } => {
                let Some(dialog) = known(dialog) else { return };
                side.end.bye(now, dialog, None);
                side.alive.remove(&dialog);
            }
            Step::Refer { dialog, replaces } => {
                let Some(dialog) = known(dialog) else { return };
                let replaced = replaces.then(|| side.end.dialog_replaces(dialog)).flatten();
                let to = match replaced.map(|value| value.replace(';', "%3B").replace('=', "%3D")) {
                    Some(value) => format!("sip:300@192.0.2.{}?Replaces={value}", at + 1),
                    None => "sip:300@192.0.2.9".to_owned(),
                };
                if let Ok(to) = Uri::parse(&to) {
                    side.end.refer(now, dialog, to, None);
                }
            }
            Step::AnswerRefer { refuse } => {
                let Some(&refer) = side.refers.last() else { return };
                side.end.answer_refer(now, refer, if *refuse { Err(Answer::new(603)) } else { Ok(()) });
            }
            Step::ReferProgress { status } => {
                let Some(&refer) = side.refers.last() else { return };
                side.end.refer_progress(now, refer, 100 + status % 600, None);
            }
            Step::Subscribe { expires } => {
                let mut request = out_of_dialog(at, Method::Subscribe, flow);
                request.headers.push(("Event".to_owned(), "dialog".to_owned()));
                request.headers.push(("Expires".to_owned(), expires.to_string()));
                side.end.request(now, request);
            }
            Step::Subscribed { act } => {
                let Some(&id) = side.subscriptions.last() else { return };
                match act {
                    Subscribed::Accept { seconds } => {
                        side.end.accept_subscription(now, id, Duration::from_secs((*seconds).into()));
                    }
                    Subscribed::Reject => side.end.reject_subscription(now, id, Answer::new(403)),
                    Subscribed::News => side.end.notify_soon(now, id),
                    Subscribed::End => side.end.end_subscription(now, id, Unsubscribed::NoResource),
                }
            }
            Step::Request { method } => {
                let method =
                    [Method::Options, Method::Message, Method::Register][usize::from(*method) % 3].clone();
                let request = out_of_dialog(at, method, flow);
                side.end.request(now, request);
            }
            Step::Respond { status } => {
                if let Some(id) = side.requests.pop() {
                    side.end.respond(now, id, Answer::new(200 + u16::from(*status) % 500));
                }
            }
            Step::Wait { milliseconds } => self.advance(Duration::from_millis((*milliseconds).into())),
            Step::FlowClosed => side.end.handle_flow_closed(now, flow),
            Step::Bent { changes } => {
                let Some((flow, bytes)) = side.last.clone() else { return };
                let mut bent = bytes.to_vec();
                for (at, byte) in changes.iter().take(8) {
                    let at = usize::from(*at) % bent.len();
                    bent[at] = *byte;
                }
                side.end.handle_message(now, flow, &bent);
            }
            Step::Raw(bytes) => side.end.handle_message(now, flow, bytes),
        }
    }

    /// Takes what the endpoints put out, until they have nothing more to say.
    fn settle(&mut self) {
        for at in 0..2 {
            while let Some(transmit) = self.sides[at].end.poll_transmit() {
                self.carry(at, transmit.flow, transmit.bytes);
            }
            while let Some(event) = self.sides[at].end.poll_event() {
                self.hear(at, event);
            }
        }
    }

    fn hear(&mut self, at: usize, event: Event) {
        let now = self.now;
        let side = &mut self.sides[at];
        let shown = format!("{event:?}");
        hotline_fuzz::check_shown(&shown);
        if let Event::Invite { dialog, .. } = event {
            assert!(side.alive.insert(dialog), "a dialog comes once");
            return;
        }
        match event {
            Event::Cancelled { dialog } | Event::Rejected { dialog, .. } | Event::Ended { dialog, .. } => {
                // The host's own reject ends a dialog too, and nothing says so: it stays in the list until now.
                assert!(side.alive.remove(&dialog), "{shown} after the end");
            }
            Event::Acked { dialog, .. }
            | Event::Progress { dialog, .. }
            | Event::Answered { dialog, .. }
            | Event::Reoffer { dialog, .. }
            | Event::ReofferAnswered { dialog, .. }
            | Event::ReofferRefused { dialog, .. }
            | Event::Info { dialog, .. } => assert!(side.alive.contains(&dialog), "{shown} after the end"),
            Event::Message { id, dialog, .. } => {
                assert!(side.alive.contains(&dialog), "{shown} after the end");
                side.requests.push(id);
            }
            Event::Refer { id, .. } => {
                assert!(side.alive.contains(&id.dialog), "{shown} after the end");
                side.refers.push(id);
            }
            Event::ReferAnswered { id, .. } | Event::ReferProgress { id, .. } => {
                assert!(side.alive.contains(&id.dialog), "{shown} after the end");
            }
            Event::Subscribe { subscription, .. } => side.subscriptions.push(subscription),
            Event::NotifyDue { subscription, .. } => side.end.notify(now, subscription, None),
            Event::Request { id, .. } => side.requests.push(id),
            _ => {}
        }
    }

    fn carry(&mut self, from: usize, mut flow: Flow, bytes: Bytes) {
        self.carried += 1;
        assert!(self.carried < MOST_MESSAGES, "a storm");
        // What we send is SIP, whatever came.
        let sent = Message::parse(bytes.clone(), Framing::Datagram, &Limits::default());
        assert!(sent.is_ok() || is_refusal(&bytes), "{sent:?}");
        let to = 1 - from;
        if flow.remote != address(to) {
            return;
        }
        if flow.transport == Transport::Tcp && flow.connection == 0 {
            flow.connection = 1;
        }
        let (lost, doubled, late) = self.faults;
        if !flow.transport.is_reliable() && self.chance(lost / 2) {
            return;
        }
        let copies = if !flow.transport.is_reliable() && self.chance(doubled) { 2 } else { 1 };
        for _ in 0..copies {
            let wait =
                if !flow.transport.is_reliable() && self.chance(late) { self.rng.below(700) } else { 0 };
            self.sequence += 1;
            let key = (self.now + Duration::from_millis(10 + wait), self.sequence);
            self.wire.insert(key, (to, reversed(flow), bytes.clone()));
        }
    }

    fn chance(&mut self, of_256: u8) -> bool {
        self.rng.below(256) < of_256.into()
    }

    fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// The next thing that happens no later than `end`.
    fn step(&mut self, end: Instant) -> bool {
        self.settle();
        let arrival = self.wire.first_key_value().map(|(&(at, _), _)| at);
        let timers = self.sides.iter().filter_map(|side| side.end.poll_timeout()).map(|(at, _)| at);
        let Some(next) = arrival.into_iter().chain(timers).min().filter(|at| *at <= end) else {
            return false;
        };
        self.now = self.now.max(next);
        if arrival == Some(next) {
            if let Some((_, (to, flow, bytes))) = self.wire.pop_first() {
                self.sides[to].end.handle_message(self.now, flow, &bytes);
                self.sides[to].last = Some((flow, bytes));
            }
        } else {
            for side in &mut self.sides {
                side.end.handle_timeout(self.now);
            }
        }
        self.settle();
        true
    }

    /// The network heals, every host answers what it was asked and hangs up; then only timers remain.
    fn hang_up(&mut self) {
        self.faults = (0, 0, 0);
        for _ in 0..3 {
            for side in &mut self.sides {
                for dialog in std::mem::take(&mut side.alive) {
                    side.end.bye(self.now, dialog, None);
                }
                for id in std::mem::take(&mut side.refers) {
                    side.end.answer_refer(self.now, id, Err(Answer::new(603)));
                    side.end.refer_progress(self.now, id, 603, None);
                }
                for id in std::mem::take(&mut side.subscriptions) {
                    side.end.reject_subscription(self.now, id, Answer::new(403));
                    side.end.end_subscription(self.now, id, Unsubscribed::Deactivated);
                }
                for id in std::mem::take(&mut side.requests) {
                    side.end.respond(self.now, id, Answer::new(200));
                }
            }
            self.advance(Duration::from_secs(200));
        }
        for side in &self.sides {
            assert!(side.alive.is_empty());
            assert!(side.end.is_empty(), "left: {:?}", side.end.poll_timeout());
        }
    }

    fn sdp(&mut self) -> Bytes {
        self.version += 1;
        Bytes::from(format!(
            "v=0\r\no=- 1 {} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
            self.version
        ))
    }
}

/// The answer to a request that could not be read repeats what came (RFC 3261 §8.2.6), readable or not.
fn is_refusal(bytes: &[u8]) -> bool {
    [&b"SIP/2.0 4"[..], b"SIP/2.0 5"].iter().any(|start| bytes.starts_with(start))
}

fn address(side: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, side as u8 + 1], 5060))
}

fn flow(from: usize, tcp: bool) -> Flow {
    let transport = if tcp { Transport::Tcp } else { Transport::Udp };
    Flow { transport, local: address(from), remote: address(1 - from), connection: 0 }
}

fn reversed(flow: Flow) -> Flow {
    Flow { local: flow.remote, remote: flow.local, ..flow }
}

fn invitation(at: usize, tcp: bool, sdp: Option<Bytes>, credentials: bool) -> Invite {
    Invite {
        to: Uri::sip(Some("100"), address(1 - at)),
        via: flow(at, tcp),
        from: NameAddr::new(Uri::sip(Some("200"), address(at))),
        to_display: None,
        contact_user: None,
        sdp,
        headers: Vec::new(),
        credentials: credentials
            .then(|| Credentials { user: "alice".to_owned(), password: Masked::from("secret") }),
    }
}

fn out_of_dialog(at: usize, method: Method, via: Flow) -> OutOfDialog {
    let (to, from) =
        (Uri::sip(Some("100"), address(1 - at)), NameAddr::new(Uri::sip(Some("200"), address(at))));
    OutOfDialog::new(method, to, via, from)
}
