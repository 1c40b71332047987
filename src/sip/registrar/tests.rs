use std::time::Duration;

use super::*;
use crate::sip::flow::Transport;
use crate::sip::{Framing, Limits, Message};

#[test]
fn a_binding_comes_is_refreshed_and_expires() {
    let mut world = World::new();
    assert_eq!(
        world.register("1 | <sip:1001@192.0.2.7:5062> | 600"),
        "200 <sip:1001@192.0.2.7:5062>;expires=600 / bound"
    );
    assert_eq!(world.registrar.poll_timeout(), Some((at(600), "registration expires")));
    world.now = at(300);
    assert_eq!(
        world.register("2 | <sip:1001@192.0.2.7:5062>;expires=120 | 600"),
        "200 <sip:1001@192.0.2.7:5062>;expires=120 / refreshed"
    );
    world.now = at(419);
    assert_eq!(world.timeout(), "");
    world.now = at(420);
    assert_eq!(world.timeout(), "expired");
    assert_eq!(world.registrar.poll_timeout(), None);
    assert!(world.registrar.contacts_of("1001").is_empty());
}

#[test]
fn a_fetch_changes_nothing_and_tells_what_is_left() {
    let mut world = World::new();
    assert_eq!(world.register("1 | | "), "200  / ");
    world.register("2 | <sip:a@h1>;q=0.2, <sip:a@h2> | 100");
    world.now = Instant::from_micros(40_500_000);
    assert_eq!(world.register("3 | | "), "200 <sip:a@h2>;expires=60, <sip:a@h1>;q=0.2;expires=60 / ");
}

#[test]
fn best_q_first_then_the_freshest() {
    let mut world = World::new();
    world.register("1 | <sip:a@h1>;q=0.5 | 100");
    world.now = at(1);
    world.register("2 | <sip:a@h2>;q=0.9 | 100");
    world.now = at(2);
    world.register("3 | <sip:a@h3>;q=0.5 | 100");
    let hosts: Vec<_> =
        world.registrar.contacts_of("1001").iter().map(|b| b.contact.uri.host().to_string()).collect();
    assert_eq!(hosts, ["h2", "h3", "h1"]);
}

#[test]
fn too_brief_is_refused_and_too_long_is_shortened() {
    let mut world = World::new();
    assert_eq!(world.register("1 | <sip:a@h> | 59"), "423 expires is shorter than 60 s");
    assert_eq!(world.register("1 | <sip:a@h> | 86400"), "200 <sip:a@h>;expires=3600 / bound");
    assert_eq!(world.register("2 | <sip:a@h> | nonsense"), "200 <sip:a@h>;expires=3600 / refreshed");
    assert_eq!(world.register("3 | <sip:a@h>;expires=60 | "), "200 <sip:a@h>;expires=60 / refreshed");
}

#[test]
fn removal_by_contact_and_by_wildcard() {
    let mut world = World::new();
    world.register("1 | <sip:a@h1>, <sip:a@h2>, <sip:a@h3> | 100");
    assert_eq!(
        world.register("2 | <sip:a@h1>;expires=0 | 100"),
        "200 <sip:a@h2>;expires=100, <sip:a@h3>;expires=100 / removed"
    );
    assert_eq!(
        world.register("3 | <sip:gone@h9>;expires=0 | "),
        "200 <sip:a@h2>;expires=100, <sip:a@h3>;expires=100 / "
    );
    assert_eq!(world.register("4 | * | 100"), "400 Contact: * needs Expires: 0");
    assert_eq!(world.register("4 | * | "), "400 Contact: * needs Expires: 0");
    assert_eq!(world.register("4 | *\r\nContact: <sip:a@h> | 0"), "400 bad Contact");
    assert_eq!(world.register("4 | * | 0"), "200  / removed removed");
    assert_eq!(world.registrar.poll_timeout(), None);
}

#[test]
fn older_requests_of_the_same_call_id_are_refused_whole() {
    let mut world = World::new();
    world.register("5 | <sip:a@h> | 100");
    assert_eq!(world.register("5 | <sip:a@h> | 100"), "500 out of order");
    assert_eq!(world.register("4 | <sip:a@new>, <sip:a@h>;expires=0 | 100"), "500 out of order");
    assert_eq!(world.register("4 | * | 0"), "500 out of order");
    assert_eq!(world.registrar.contacts_of("1001").len(), 1);
    world.call_id = "another";
    assert_eq!(world.register("1 | <sip:a@h> | 200"), "200 <sip:a@h>;expires=200 / refreshed");
}

#[test]
fn one_bad_contact_leaves_all_as_it_was() {
    let mut world = World::new();
    assert_eq!(
        world.register("1 | <sip:a@h1>, <sip:a@h2>;expires=1 | 100"),
        "423 expires is shorter than 60 s"
    );
    assert_eq!(world.register("1 | <sip:a@h1>, <name:John_Smith> | 100"), "400 bad Contact");
    assert!(world.registrar.contacts_of("1001").is_empty());
    assert_eq!(world.registrar.poll_timeout(), None);
}

#[test]
fn past_the_limit_the_oldest_gives_way() {
    let mut world = World::new();
    for n in 1..=5 {
        world.now = at(n);
        world.register(&format!("{n} | <sip:a@h{n}> | 100"));
    }
    world.now = at(6);
    world.register("6 | <sip:a@h1> | 100");
    world.now = at(7);
    let answer = world.register("7 | <sip:a@h6> | 100");
    assert!(
        answer.ends_with("/ bound pushed out") && !answer.contains("h2") && answer.contains("h1"),
        "{answer}"
    );
    assert_eq!(
        world.register("8 | <sip:a@1>, <sip:a@2>, <sip:a@3>, <sip:a@4>, <sip:a@5>, <sip:a@6> | 100"),
        "403 too many contacts"
    );
}

#[test]
fn the_same_uri_is_compared_as_rfc_3261_does() {
    let mut world = World::new();
    world.register("1 | <sip:%61lice@Example.COM;Transport=udp> | 100");
    let same = world.register("2 | <sip:alice@example.com;transport=UDP> | 100");
    assert!(same.ends_with("/ refreshed"), "{same}");
    let other = world.register("3 | <sip:Alice@example.com;transport=udp> | 100");
    assert!(other.ends_with("/ bound"), "{other}");
    // RFC 4475 3.1.1.4: the NUL does not end the user.
    let other = world.register("4 | <sip:null-%00-a@h>, <sip:null-%00-b@h> | 100");
    assert!(other.ends_with("/ bound bound"), "{other}");
}

#[test]
fn a_phone_that_restarts_on_another_port_replaces_itself() {
    let mut world = World::new();
    let id = r#"+sip.instance="<urn:uuid:1>""#;
    world.register(&format!("1 | <sip:a@h:1111>;{id} | 100"));
    world.call_id = "after";
    let answer = world.register(&format!("1 | <sip:a@h:2222>;{id} | 100"));
    assert_eq!(answer, format!("200 <sip:a@h:2222>;{id};expires=100 / refreshed"));
}

#[test]
fn a_closed_stream_is_opened_again_to_the_contact() {
    let mut world = World::new();
    world.flow.transport = Transport::Tcp;
    world.flow.connection = 9;
    world.register("1 | <sip:a@192.0.2.7:5070;transport=tcp> | 100");
    let way = |world: &World| world.registrar.contacts_of("1001").first().map(Binding::way);
    assert_eq!(way(&world), Some(Way::Flow(world.flow)));
    world.registrar.handle_flow_closed(Flow { connection: 8, ..world.flow });
    assert_eq!(way(&world), Some(Way::Flow(world.flow)));
    world.registrar.handle_flow_closed(world.flow);
    assert_eq!(way(&world), Some(Way::Connect("192.0.2.7:5070".parse().unwrap())));
}

#[test]
fn what_was_kept_is_put_back() {
    let mut before = World::new();
    before.register("1 | <sip:a@h1>, <sip:a@h2> | 100");
    let kept: Vec<_> = before.registrar.iter().map(|(aor, b)| (aor.to_owned(), b.clone())).collect();
    let mut after = Registrar::new(Config::default());
    for (aor, binding) in kept.into_iter().rev() {
        after.restore(&aor, binding.clone());
        after.restore(&aor, binding);
    }
    assert_eq!(after.contacts_of("1001").len(), 2);
    assert_eq!(after.poll_timeout(), before.registrar.poll_timeout());
}

struct World {
    registrar: Registrar,
    now: Instant,
    call_id: &'static str,
    flow: Flow,
}

impl World {
    fn new() -> Self {
        let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.7:5062".parse().unwrap());
        let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
        World { registrar: Registrar::new(Config::default()), now: at(0), call_id: "c", flow }
    }

    /// `cseq | contact | expires` -> `status contacts / changes`.
    fn register(&mut self, request: &str) -> String {
        let parts: Vec<&str> = request.split('|').map(str::trim).collect();
        let mut text = format!(
            "REGISTER sip:bank SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:1001@bank>;tag=a\r\n\
             To: <sip:1001@bank>\r\nCall-ID: {}\r\nCSeq: {} REGISTER\r\n",
            self.call_id, parts[0]
        );
        if !parts[1].is_empty() {
            text.push_str(&format!("Contact: {}\r\n", parts[1]));
        }
        if !parts[2].is_empty() {
            text.push_str(&format!("Expires: {}\r\n", parts[2]));
        }
        text.push_str("\r\n");
        let parsed = Message::parse(text.into(), Framing::Datagram, &Limits::default());
        let Ok(Message::Request(request)) = parsed else { panic!("{parsed:?}") };
        match self.registrar.register(self.now, "1001", &request, self.flow) {
            Ok(done) => format!("200 {} / {}", done.contacts.join(", "), names(&done.changes)),
            Err(refused) => format!("{} {refused}", refused.status()),
        }
    }

    fn timeout(&mut self) -> String {
        names(&self.registrar.handle_timeout(self.now))
    }
}

fn names(changes: &[Change]) -> String {
    let name = |change: &Change| match change.what {
        What::Bound => "bound",
        What::Refreshed => "refreshed",
        What::Unbound(Why::Removed) => "removed",
        What::Unbound(Why::Expired) => "expired",
        What::Unbound(Why::PushedOut) => "pushed out",
    };
    changes.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}
