//! A notifier and a scripted watcher: what goes over the wire, as ladders from the notifier's side.

use std::time::Duration;

use bytes::Bytes;

use super::world::{address, parse, summary};
use crate::base::{Instant, Rng};
use crate::sip::{
    Answer, Config, Content, Endpoint, Event, Flow, Message, Name, Request, SubscriptionId, Transport,
    Unsubscribed,
};

/// An endpoint whose host accepts what it is told to, and a watcher that answers every NOTIFY with `answers`.
struct Lamp {
    now: Instant,
    end: Endpoint,
    /// What the host grants; `None` leaves SUBSCRIBE unanswered.
    grants: Option<Duration>,
    /// The watcher's answer to a NOTIFY; `None`: it says nothing.
    answers: Option<&'static str>,
    /// Content of the next NOTIFY: counts up.
    told: u32,
    id: Option<SubscriptionId>,
    /// The tag that the notifier gave.
    tag: String,
    sequence: u32,
    branches: u32,
    ladder: Vec<String>,
    events: Vec<String>,
}

impl Lamp {
    fn new() -> Self {
        let config = Config {
            packages: vec!["dialog", "presence"],
            notify_interval: Duration::from_millis(100),
            ..Config::default()
        };
        Lamp {
            now: Instant::from_micros(1_000_000),
            end: Endpoint::new(config, Rng::from_number(7)),
            grants: Some(Duration::from_secs(60)),
            answers: Some("200 OK"),
            told: 0,
            id: None,
            tag: String::new(),
            sequence: 0,
            branches: 0,
            ladder: Vec::new(),
            events: Vec::new(),
        }
    }

    fn flow() -> Flow {
        Flow { transport: Transport::Udp, local: address(0), remote: address(1), connection: 0 }
    }

    fn hand_in(&mut self, text: &str) {
        self.end.handle_message(self.now, Self::flow(), text.as_bytes());
        self.settle();
    }

    fn subscribe(&mut self, event: &str, further: &str) {
        self.sequence += 1;
        self.branches += 1;
        let (sequence, branch, tag) = (self.sequence, self.branches, &self.tag);
        let to_tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
        let text = format!(
            "SUBSCRIBE sip:8001@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKs{branch}\r\n\
             From: <sip:8002@192.0.2.1>;tag=watcher\r\nTo: <sip:8001@192.0.2.1>{to_tag}\r\nCall-ID: lamp\r\n\
             CSeq: {sequence} SUBSCRIBE\r\nContact: <sip:8002@192.0.2.2>\r\nEvent: {event}\r\n{further}\
             Content-Length: 0\r\n\r\n"
        );
        self.hand_in(&text);
    }

    /// Both sides until nothing is left to say in this moment.
    fn settle(&mut self) {
        loop {
            if let Some(transmit) = self.end.poll_transmit() {
                assert_eq!(transmit.flow.remote, address(1));
                self.sent(&transmit.bytes);
            } else if let Some(event) = self.end.poll_event() {
                self.events.push(summary(&event));
                self.host(event);
            } else {
                return;
            }
        }
    }

    fn host(&mut self, event: Event) {
        match event {
            Event::Subscribe { subscription, .. } => {
                self.id = Some(subscription);
                if let Some(granted) = self.grants {
                    self.end.accept_subscription(self.now, subscription, granted);
                }
            }
            Event::NotifyDue { subscription, .. } => {
                self.told += 1;
                let body = Bytes::from(format!("state {}", self.told));
                let content = Content { kind: "text/plain".to_owned(), body };
                self.end.notify(self.now, subscription, Some(content));
            }
            _ => {}
        }
    }

    fn sent(&mut self, bytes: &Bytes) {
        match parse(bytes) {
            Message::Response(response) => {
                if let (Some(tag), 200) = (response.to.tag(), response.status) {
                    self.tag = tag.to_str().into_owned();
                }
                let expires = response.headers.text(Name::Expires).map_or(String::new(), |e| format!(" {e}"));
                self.ladder.push(format!("{}{expires}", response.status));
            }
            Message::Request(notify) => {
                let text = |name| notify.headers.text(name).unwrap_or_default().into_owned();
                let body = String::from_utf8_lossy(&notify.body).into_owned();
                let line = format!("NOTIFY {} {} {body}", text(Name::Event), text(Name::SubscriptionState));
                self.ladder.push(line.trim_end().to_owned());
                if let Some(answer) = self.answers {
                    let reply = reply(&notify, answer);
                    self.end.handle_message(self.now, Self::flow(), reply.as_bytes());
                }
            }
        }
    }

    fn news(&mut self) {
        let id = self.id.expect("subscribed");
        self.end.notify_soon(self.now, id);
        self.settle();
    }

    fn advance(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some((at, _)) = self.end.poll_timeout().filter(|(at, _)| *at <= until) {
            self.now = at.max(self.now);
            self.end.handle_timeout(self.now);
            self.settle();
        }
        self.now = until;
    }

    #[track_caller]
    fn check(&mut self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut self.ladder), expected);
    }
}

fn reply(notify: &Request, status: &str) -> String {
    let via = String::from_utf8_lossy(&notify.encode())
        .lines()
        .find(|line| line.starts_with("Via:"))
        .expect("a request has a Via")
        .to_owned();
    format!(
        "SIP/2.0 {status}\r\n{via}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} NOTIFY\r\n\
         Content-Length: 0\r\n\r\n",
        notify.from.to_value(),
        notify.to.to_value(),
        notify.call_id,
        notify.cseq,
    )
}

#[test]
fn a_lamp_is_told_at_once_refreshed_and_ended_by_its_phone() {
    let mut lamp = Lamp::new();
    lamp.subscribe("dialog;id=7", "Expires: 60\r\n");
    lamp.check(&["200 60", "NOTIFY dialog;id=7 active;expires=60 state 1"]);
    lamp.advance(1000);
    lamp.news();
    lamp.check(&["NOTIFY dialog;id=7 active;expires=59 state 2"]);
    lamp.advance(20_000);
    lamp.subscribe("dialog;id=7", "Expires: 60\r\n");
    lamp.check(&["200 60", "NOTIFY dialog;id=7 active;expires=60 state 3"]);
    lamp.grants = Some(Duration::ZERO);
    lamp.subscribe("dialog;id=7", "Expires: 0\r\n");
    lamp.check(&["200 0", "NOTIFY dialog;id=7 terminated;reason=timeout state 4"]);
    assert_eq!(lamp.end.subscriptions(), 0);
    lamp.subscribe("dialog;id=7", "Expires: 60\r\n");
    lamp.check(&["481"]);
    lamp.advance(40_000);
    assert!(lamp.end.is_empty(), "{:?}", lamp.end.poll_timeout());
}

#[test]
fn a_fetch_tells_once_and_an_old_subscription_runs_out() {
    let mut lamp = Lamp::new();
    lamp.grants = Some(Duration::ZERO);
    lamp.subscribe("presence", "Expires: 0\r\n");
    lamp.check(&["200 0", "NOTIFY presence terminated;reason=timeout state 1"]);
    lamp.advance(40_000);
    assert!(lamp.end.is_empty());

    let mut lamp = Lamp::new();
    lamp.subscribe("presence", "Expires: 60\r\n");
    lamp.advance(59_999);
    lamp.check(&["200 60", "NOTIFY presence active;expires=60 state 1"]);
    assert_eq!(lamp.end.poll_timeout().map(|(_, name)| name), Some("subscription expires"));
    lamp.advance(1);
    lamp.check(&["NOTIFY presence terminated;reason=timeout state 2"]);
    assert_eq!(lamp.events, ["Subscribe presence", "NotifyDue", "NotifyDue last"]);
    lamp.advance(40_000);
    assert!(lamp.end.is_empty());
}

#[test]
fn one_notify_at_a_time_and_the_latest_state_wins() {
    let mut lamp = Lamp::new();
    lamp.answers = None;
    lamp.subscribe("dialog", "");
    lamp.check(&["200 60", "NOTIFY dialog active;expires=60 state 1"]);
    lamp.news();
    lamp.news();
    lamp.check(&[]);
    // The repetition of the first one is answered: the pause is long over, the three changes are one.
    lamp.answers = Some("200 OK");
    lamp.advance(500);
    lamp.check(&["NOTIFY dialog active;expires=60 state 1", "NOTIFY dialog active;expires=59 state 2"]);
    // Within the pause it waits for its end.
    lamp.advance(10);
    lamp.news();
    lamp.news();
    lamp.check(&[]);
    lamp.advance(90);
    lamp.check(&["NOTIFY dialog active;expires=59 state 3"]);
    lamp.advance(1000);
    lamp.check(&[]);
}

#[test]
fn a_notify_that_is_refused_or_unanswered_ends_the_subscription() {
    for (answer, after, status) in
        [(Some("481 Gone"), 0, "481"), (Some("500 No"), 0, "500"), (None, 32_000, "408")]
    {
        let mut lamp = Lamp::new();
        lamp.answers = answer;
        lamp.subscribe("dialog", "");
        lamp.advance(after);
        assert_eq!(
            lamp.events.last().map(String::as_str),
            Some(format!("SubscriptionLost {status}").as_str())
        );
        assert_eq!(lamp.end.subscriptions(), 0);
        lamp.advance(40_000);
        assert!(lamp.end.is_empty());
    }
    // Whoever names a time is asked again.
    let mut lamp = Lamp::new();
    lamp.answers = Some("503 Later\r\nRetry-After: 5");
    lamp.subscribe("dialog", "");
    lamp.answers = Some("200 OK");
    lamp.ladder.clear();
    lamp.advance(4999);
    lamp.check(&[]);
    lamp.advance(1);
    lamp.check(&["NOTIFY dialog active;expires=55 state 2"]);
}

#[test]
fn the_host_ends_it_with_its_reason_behind_what_is_on_its_way() {
    let mut lamp = Lamp::new();
    lamp.answers = None;
    lamp.subscribe("dialog", "");
    let id = lamp.id.expect("subscribed");
    lamp.end.end_subscription(lamp.now, id, Unsubscribed::Deactivated);
    lamp.settle();
    lamp.check(&["200 60", "NOTIFY dialog active;expires=60 state 1"]);
    lamp.answers = Some("200 OK");
    lamp.advance(500);
    lamp.check(&["NOTIFY dialog active;expires=60 state 1", "NOTIFY dialog terminated;reason=deactivated"]);
    assert_eq!(lamp.end.subscriptions(), 0);
    assert_eq!(lamp.events, ["Subscribe dialog", "NotifyDue"], "the host's own word has no event");
}

#[test]
fn unknown_packages_challenges_and_other_dialogs() {
    let mut lamp = Lamp::new();
    lamp.subscribe("conference", "");
    lamp.subscribe("dialogue", "");
    lamp.check(&["489", "489"]);
    assert!(lamp.events.is_empty());

    // A challenge makes nothing; a challenged refresh takes nothing away.
    lamp.grants = None;
    lamp.subscribe("dialog", "");
    let id = lamp.id.expect("asked");
    lamp.end.reject_subscription(lamp.now, id, Answer::new(401));
    lamp.settle();
    lamp.check(&["401"]);
    assert_eq!(lamp.end.subscriptions(), 0);
    lamp.grants = Some(Duration::from_secs(60));
    lamp.subscribe("Dialog", "");
    lamp.check(&["200 60", "NOTIFY dialog active;expires=60 state 1"]);
    lamp.grants = None;
    lamp.subscribe("dialog", "");
    let id = lamp.id.expect("asked");
    lamp.end.reject_subscription(lamp.now, id, Answer::new(401));
    lamp.settle();
    lamp.check(&["401"]);
    lamp.advance(200);
    lamp.news();
    lamp.check(&["NOTIFY dialog active;expires=59 state 2"]);

    // Another event, an older number, another dialog.
    lamp.subscribe("presence", "");
    lamp.check(&["481"]);
    lamp.sequence = 1;
    lamp.subscribe("dialog", "");
    lamp.check(&["500"]);
    lamp.sequence = 20;
    lamp.tag = "nobody".to_owned();
    lamp.subscribe("dialog", "");
    lamp.check(&["481"]);
}

/// Or else NOTIFY and refusal would follow each other as fast as the network goes.
#[test]
fn a_peer_that_wants_to_be_asked_again_at_once_waits_for_the_pause() {
    let mut lamp = Lamp::new();
    lamp.answers = Some("503 Later\r\nRetry-After: 5");
    lamp.subscribe("dialog", "");
    lamp.answers = Some("503 Now\r\nRetry-After: 0");
    lamp.ladder.clear();
    lamp.advance(5000);
    lamp.check(&["NOTIFY dialog active;expires=55 state 2"]);
    lamp.advance(99);
    lamp.check(&[]);
    lamp.answers = Some("200 OK");
    lamp.advance(1);
    lamp.check(&["NOTIFY dialog active;expires=54 state 3"]);
}
