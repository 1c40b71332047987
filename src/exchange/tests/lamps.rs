//! A phone that watches a colleague: what it is allowed, and what it is told when.

use super::*;
use crate::record::Waiting;
use crate::sip::auth::{Credentials, Login, Secret};
use crate::sip::{Framing, Limits, Message, Method, Name, Request, Response};

/// Who watches: also an agent, who may be away.
const SECOND: &str = "\n[agent.1002]\nname = \"Watcher\"\nskills = { consultation = 5 }\n";
const THIRD: &str = "\n[agent.1003]\nname = \"Not yet\"\n";

/// The phone of agent 1002, by its messages.
struct Desk {
    bench: Bench,
    login: Login,
    rng: Rng,
    sequence: u32,
    /// Tag and Call-ID of the subscription that was made last.
    dialog: Option<(String, String)>,
    /// NOTIFYs: Subscription-State and body.
    told: Vec<(String, String)>,
}

fn plan_with(further: &str) -> Arc<Plan> {
    let files = [SourceFile { name: "test.toml".to_owned(), text: format!("{PLAN}{further}") }];
    let (plan, _) = dialplan::load(&files, Arc::new(catalog())).expect("a plan");
    Arc::new(plan)
}

impl Desk {
    fn new() -> Self {
        Desk::with(Subscriptions::default())
    }

    fn with(subscriptions: Subscriptions) -> Self {
        let account = |user: &str| Account {
            user: user.to_owned(),
            secret: Secret::Password("secret".to_owned().into()),
            encryption: None,
            codecs: None,
            digits: Default::default(),
            media: Default::default(),
        };
        let accounts = vec![account("1002"), account("2000")];
        let config = Config { accounts, subscriptions, ..Config::default() };
        let credentials = Credentials { user: "1002".to_owned(), password: "secret".to_owned().into() };
        Desk {
            bench: Bench::with(config, plan_with(SECOND)),
            login: Login::new(credentials),
            rng: Rng::from_number(9),
            sequence: 0,
            dialog: None,
            told: Vec::new(),
        }
    }

    fn hand_in(&mut self, request: &Request) {
        let flow = Flow {
            transport: Transport::Udp,
            local: SocketAddr::from(SWITCH),
            remote: SocketAddr::from(([127, 0, 0, 1], WATCHER)),
            connection: 0,
        };
        self.bench.input(Input::Sip { flow, bytes: &request.encode() });
    }

    /// The final response; a challenge is answered.
    fn ask(&mut self, method: &str, target: &str, further: &str, body: &str) -> Response {
        for _ in 0..2 {
            self.sequence += 1;
            let sequence = self.sequence;
            let (tag, call_id) = match &self.dialog {
                Some((tag, call_id)) => (format!(";tag={tag}"), call_id.clone()),
                None => (String::new(), format!("watch-{sequence}")),
            };
            let text = format!(
                "{method} sip:{target}@127.0.0.1 SIP/2.0\r\n\
                 Via: SIP/2.0/UDP 127.0.0.1:{WATCHER};branch=z9hG4bKw{sequence}\r\n\
                 From: <sip:1002@127.0.0.1>;tag=watcher\r\nTo: <sip:{target}@127.0.0.1>{tag}\r\n\
                 Call-ID: {call_id}\r\nCSeq: {sequence} {method}\r\n\
                 Contact: <sip:1002@127.0.0.1:{WATCHER}>\r\n{further}Content-Length: {}\r\n\r\n{body}",
                body.len(),
            );
            let mut request = match parse(&Bytes::from(text)) {
                Message::Request(request) => request,
                Message::Response(_) => panic!("a request"),
            };
            let method = request.method.clone();
            if let Some((name, value)) = self.login.authorize(&mut self.rng, &method, &request.uri) {
                request.headers.push(name, value);
            }
            self.hand_in(&request);
            let response = self.listen().expect("an answer");
            if response.status != 401 || self.login.challenged(&response).is_err() {
                return response;
            }
        }
        panic!("challenged twice")
    }

    /// Takes what came: NOTIFYs are answered, the response is returned.
    fn listen(&mut self) -> Option<Response> {
        let mut answer = None;
        while !self.bench.watched.is_empty() {
            for bytes in std::mem::take(&mut self.bench.watched) {
                match parse(&bytes) {
                    Message::Response(response) => answer = Some(response),
                    Message::Request(request) => self.notified(&request),
                }
            }
        }
        answer
    }

    fn notified(&mut self, notify: &Request) {
        assert_eq!(notify.method, Method::Notify);
        let state = notify.headers.text(Name::SubscriptionState).unwrap_or_default().into_owned();
        self.told.push((state, String::from_utf8_lossy(&notify.body).into_owned()));
        let ok = notify.response(200).encode();
        let flow = Flow {
            transport: Transport::Udp,
            local: SocketAddr::from(SWITCH),
            remote: SocketAddr::from(([127, 0, 0, 1], WATCHER)),
            connection: 0,
        };
        self.bench.input(Input::Sip { flow, bytes: &ok });
    }

    /// Subscribes; the status, and the dialog for later.
    fn watch(&mut self, package: &str, target: &str, expires: u32) -> u16 {
        let further = format!("Event: {package}\r\nExpires: {expires}\r\n");
        let response = self.ask("SUBSCRIBE", target, &further, "");
        if response.status == 200 {
            let tag = response.to.tag().expect("a tag").to_str().into_owned();
            self.dialog = Some((tag, response.call_id.to_string()));
        }
        response.status
    }

    /// A subscription of its own, beside the last one.
    fn watch_anew(&mut self, package: &str, target: &str) -> u16 {
        self.dialog = None;
        self.watch(package, target, 600)
    }

    fn after(&mut self, ms: u64) {
        let until = self.bench.now.mono + Duration::from_millis(ms);
        while let Some((at, _)) = self.bench.exchange.poll_timeout().filter(|(at, _)| *at <= until) {
            self.bench.now.mono = at.max(self.bench.now.mono);
            self.bench.input(Input::Timeout);
            self.listen();
        }
        self.bench.now.mono = until;
    }

    /// Everything that was told since, by the word in each document.
    #[track_caller]
    fn told<const N: usize>(&mut self, words: [&str; N]) {
        self.listen();
        let told = std::mem::take(&mut self.told);
        assert_eq!(told.len(), N, "{told:?}");
        for ((state, body), word) in told.iter().zip(words) {
            assert!(body.contains(word) || state.contains(word), "{word} is not in {state} {body}");
        }
    }

    fn publish(&mut self, further: &str, body: &str) -> Response {
        self.dialog = None;
        let further = format!("Event: presence\r\nContent-Type: application/pidf+xml\r\n{further}");
        self.ask("PUBLISH", "1002", &further, body)
    }

    fn away_of_watcher(&self) -> Option<crate::base::AwayReason> {
        let agent = self.bench.exchange.numbering.agent("1002")?;
        self.bench.exchange.desks.get(agent).away.map(|away| away.reason)
    }
}

fn parse(bytes: &Bytes) -> Message {
    Message::parse(bytes.clone(), Framing::Datagram, &Limits::default()).expect("SIP")
}

#[test]
fn the_lamp_of_a_colleague_rings_talks_and_goes_out() {
    let mut desk = Desk::new();
    assert_eq!(desk.watch("dialog", "1001", 600), 200);
    desk.told(["version=\"0\" state=\"full\" entity=\"sip:1001@127.0.0.1\""]);
    desk.after(1000);
    let caller = desk.bench.call();
    desk.told(["<dialog id=\"c0\" direction=\"recipient\"><state>early</state>"]);
    desk.after(1000);
    desk.bench.agent_answers();
    desk.told(["<state>confirmed</state>"]);
    desk.after(1000);
    desk.bench.caller.endpoint.bye(desk.bench.now.mono, caller, None);
    desk.bench.settle();
    desk.told(["version=\"3\" state=\"full\""]);
    assert!(desk.bench.exchange.calls.is_empty());
    // Wrap-up changes the presence, not the dialogs.
    desk.after(40_000);
    desk.told([]);
    assert_eq!(desk.watch("dialog", "1001", 0), 200);
    desk.told(["terminated;reason=timeout"]);
    assert_eq!(desk.bench.exchange.lamps.watches(), 0);
}

#[test]
fn what_is_over_is_said_once_as_terminated_and_no_number_is_shown() {
    let mut desk = Desk::new();
    desk.watch("dialog", "1001", 600);
    desk.after(1000);
    let caller = desk.bench.call();
    desk.after(1000);
    desk.bench.caller.endpoint.cancel(desk.bench.now.mono, caller);
    desk.bench.settle();
    desk.listen();
    let told = std::mem::take(&mut desk.told);
    assert!(told.iter().all(|(_, body)| !body.contains("13812345678")), "{told:?}");
    let (_, last) = told.last().expect("told");
    assert!(last.contains("<dialog id=\"c0\" direction=\"recipient\"><state>terminated</state>"), "{last}");
    desk.after(1000);
    desk.bench.call();
    desk.listen();
    let (_, next) = desk.told.pop().expect("told");
    assert!(!next.contains("terminated") && next.contains("id=\"c1\""), "{next}");
}

#[test]
fn presence_follows_the_agent() {
    let mut desk = Desk::new();
    assert_eq!(desk.watch("presence", "1001", 600), 200);
    desk.told(["<basic>open</basic>"]);
    desk.after(1000);
    let reason = crate::base::AwayReason::Meeting;
    desk.bench.set_agent(AgentChange::away(reason, Some(Wall::from_micros(1_789_003_600_000_000))));
    desk.told(["<rpid:activities until=\"2026-09-10T01:26:40.000Z\"><rpid:meeting/>"]);
    desk.after(1000);
    desk.bench.set_agent(AgentChange::SignOff);
    desk.told(["<note xml:lang=\"en\">signed off</note>"]);
    desk.after(1000);
    desk.bench.set_agent(AgentChange::Ready);
    desk.told(["<basic>open</basic>"]);
    desk.after(1000);
    desk.bench.call();
    desk.told(["<rpid:on-the-phone/>"]);
}

#[test]
fn messages_wait_in_ones_own_box() {
    let mut desk = Desk::new();
    let waiting = |new, old| Input::Waiting { mailbox: "1002".to_owned(), waiting: Waiting { new, old } };
    desk.bench.input(waiting(1, 0));
    assert_eq!(desk.watch("message-summary", "1002", 600), 200);
    desk.told(["Messages-Waiting: yes\r\nMessage-Account: sip:1002@127.0.0.1\r\nVoice-Message: 1/0"]);
    desk.after(1000);
    desk.bench.input(waiting(0, 1));
    desk.told(["Messages-Waiting: no\r\nMessage-Account: sip:1002@127.0.0.1\r\nVoice-Message: 0/1"]);
    desk.after(1000);
    desk.bench.input(waiting(0, 1));
    desk.told([]);
    assert_eq!(desk.watch_anew("message-summary", "1001"), 403);
}

#[test]
fn who_has_not_signed_in_or_is_no_agent_watches_nothing() {
    let mut desk = Desk::new();
    assert_eq!(desk.watch("dialog", "4711", 600), 404);
    assert_eq!(desk.watch("dialog", "1001", 30), 423);
    assert_eq!(desk.watch("conference", "1001", 600), 489);
    let sdp = desk.ask("SUBSCRIBE", "1001", "Event: dialog\r\nAccept: application/sdp\r\n", "");
    assert_eq!(sdp.status, 406);
    desk.login = Login::new(Credentials { user: "2000".to_owned(), password: "secret".to_owned().into() });
    assert_eq!(desk.watch("dialog", "1001", 600), 403);
    desk.login = Login::new(Credentials { user: "1002".to_owned(), password: "guess".to_owned().into() });
    assert_eq!(desk.watch("dialog", "1001", 600), 401);
    desk.told([]);
    assert_eq!(desk.bench.exchange.lamps.watches(), 0);
    assert_eq!(desk.bench.exchange.sip.subscriptions(), 0);
}

#[test]
fn limits_hold_and_a_fetch_takes_no_place() {
    let mut desk = Desk::with(Subscriptions { most_per_account: 1, ..Subscriptions::default() });
    assert_eq!(desk.watch_anew("dialog", "1001"), 200);
    assert_eq!(desk.watch_anew("presence", "1001"), 480);
    desk.dialog = None;
    assert_eq!(desk.watch("presence", "1001", 0), 200);
    assert_eq!(desk.bench.exchange.lamps.watches(), 1);
    desk.listen();
    let mut desk = Desk::with(Subscriptions { most: 1, ..Subscriptions::default() });
    assert_eq!(desk.watch_anew("dialog", "1001"), 200);
    assert_eq!(desk.watch_anew("dialog", "1001"), 503);
}

#[test]
fn a_reload_and_the_end_tell_those_who_watch() {
    let mut desk = Desk::new();
    desk.bench.input(Input::Reload { plan: plan_with(&format!("{SECOND}{THIRD}")), config: None });
    assert_eq!(desk.watch_anew("dialog", "1001"), 200);
    assert_eq!(desk.watch_anew("dialog", "1003"), 200);
    desk.listen();
    desk.told.clear();
    desk.after(1000);
    desk.bench.input(Input::Reload { plan: plan_with(SECOND), config: None });
    desk.told(["terminated;reason=noresource"]);
    desk.bench.input(Input::Shutdown);
    desk.told(["terminated;reason=deactivated"]);
    assert_eq!(desk.watch_anew("dialog", "1001"), 503, "nobody comes back to who goes away");

    let mut desk = Desk::new();
    assert_eq!(desk.watch_anew("dialog", "1001"), 200);
    desk.listen();
    desk.told.clear();
    let config = Config { accounts: Vec::new(), ..desk.bench.exchange.config.clone() };
    desk.bench.input(Input::Reload { plan: plan_with(SECOND), config: Some(Box::new(config)) });
    desk.told(["terminated;reason=rejected"]);
}

const MEETING: &str = "<presence><person><activities><meeting/></activities></person></presence>";
const OPEN: &str = "<presence><tuple><status><basic>open</basic></status></tuple></presence>";

#[test]
fn a_phone_publishes_its_person_away_and_back_and_undoes_nobody_elses_word() {
    use crate::base::AwayReason::{Banquet, Meeting};
    let etag = |response: &Response| {
        assert_eq!(response.status, 200);
        String::from_utf8_lossy(response.headers.named("SIP-ETag").expect("a tag")).into_owned()
    };
    let mut desk = Desk::new();
    let first = desk.publish("Expires: 600\r\n", MEETING);
    assert_eq!(desk.away_of_watcher(), Some(Meeting));
    let second = desk.publish(&format!("Expires: 600\r\nSIP-If-Match: {}\r\n", etag(&first)), OPEN);
    assert_eq!(desk.away_of_watcher(), None);
    assert_eq!(desk.publish(&format!("SIP-If-Match: {}\r\n", etag(&first)), OPEN).status, 412);

    // Announced at the command line: "open" does not end it.
    let away = |reason| AgentChange::away(reason, None);
    let third = desk.publish(&format!("SIP-If-Match: {}\r\n", etag(&second)), MEETING);
    let command = Command::SetAgent { extension: "1002".to_owned(), change: away(Banquet) };
    desk.bench.input(Input::Command { id: 1, command });
    let fourth = desk.publish(&format!("Expires: 600\r\nSIP-If-Match: {}\r\n", etag(&third)), "");
    assert_eq!(desk.away_of_watcher(), Some(Banquet), "a refresh is no new word");
    let fifth = desk.publish(&format!("Expires: 60\r\nSIP-If-Match: {}\r\n", etag(&fourth)), OPEN);
    assert_eq!(desk.away_of_watcher(), Some(Banquet));
    // The last word counts; when the phone says no more, what it had said is over.
    desk.publish(&format!("Expires: 60\r\nSIP-If-Match: {}\r\n", etag(&fifth)), MEETING);
    assert_eq!(desk.away_of_watcher(), Some(Meeting));
    desk.after(60_000);
    assert_eq!(desk.away_of_watcher(), None);
    assert!(desk.bench.exchange.lamps.compositor.is_empty());

    desk.dialog = None;
    let other =
        desk.ask("PUBLISH", "1001", "Event: presence\r\nContent-Type: application/pidf+xml\r\n", MEETING);
    assert_eq!(other.status, 403, "only about oneself");
    assert_ne!(desk.bench.agent_state(), Some(queue::AgentState::Away(queue::Away::Meeting)));
}

#[test]
fn phones_that_do_not_ask_are_told_where_that_is_set() {
    let notifies = |unsolicited| {
        let subscriptions = Subscriptions { unsolicited, ..Subscriptions::default() };
        let mut desk = Desk::with(subscriptions);
        let waiting = Waiting { new: 2, old: 0 };
        desk.bench.input(Input::Waiting { mailbox: "1001".to_owned(), waiting });
        desk.bench.exchange.sip_stats().sent
    };
    assert_eq!(notifies(false), 0);
    assert_eq!(notifies(true), 1);
}
