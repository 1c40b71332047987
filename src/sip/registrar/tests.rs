use std::collections::BTreeSet;
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
fn a_contact_that_means_two_bindings_replaces_both() {
    let mut world = World::new();
    world.register("1 | <sip:a@h1>;+sip.instance=\"<urn:uuid:1>\" | 100");
    world.now = at(1);
    world.register("2 | <sip:a@h2> | 100");
    // The phone of the first by its instance, the second by its URI.
    assert_eq!(
        world.register("3 | <sip:a@h2>;+sip.instance=\"<urn:uuid:1>\" | 100"),
        "200 <sip:a@h2>;+sip.instance=\"<urn:uuid:1>\";expires=100 / pushed out refreshed"
    );
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
fn what_was_kept_is_put_back_under_its_number() {
    let mut before = World::new();
    before.register("1 | <sip:a@h1>;q=0.3, <sip:a@h2> | 100");
    let kept: Vec<_> = before.registrar.iter().map(|(aor, b)| (aor.to_owned(), b.kept())).collect();
    let mut after = World::new();
    for (aor, kept) in kept.iter().rev() {
        assert!(after.registrar.restore(aor, kept.clone()).is_some());
        assert!(after.registrar.restore(aor, kept.clone()).is_none(), "the number is given");
    }
    assert_eq!(after.registrar.contacts_of("1001"), before.registrar.contacts_of("1001"));
    assert_eq!(after.registrar.poll_timeout(), before.registrar.poll_timeout());
    // The next one gets a number of its own, and the phone's own order goes on.
    assert_eq!(after.register("1 | <sip:a@h2> | 100"), "500 out of order");
    after.register("2 | <sip:a@h3> | 100");
    let ids: BTreeSet<_> = after.registrar.iter().map(|(_, b)| b.id).collect();
    assert_eq!(ids, [BindingId(1), BindingId(2), BindingId(3)].into());
}

#[test]
fn after_a_restart_streams_are_gone() {
    let mut before = World::new();
    before.flow = Flow { transport: Transport::Tcp, connection: 4, ..before.flow };
    before.register("1 | <sip:a@192.0.2.7:5070;transport=tcp> | 100");
    let kept = before.registrar.contacts_of("1001")[0].kept();
    let mut after = Registrar::new(Config::default());
    let way = |binding: Option<&Binding>| binding.map(Binding::way);
    assert_eq!(
        way(after.restore("1001", kept.clone())),
        Some(Way::Connect("192.0.2.7:5070".parse().unwrap()))
    );
    let flow = Flow { transport: Transport::Ws, ..kept.flow };
    let browser = Kept { flow, id: BindingId(2), contact: "<sip:b@192.0.2.8>".to_owned(), ..kept.clone() };
    assert_eq!(way(after.restore("1001", browser)), Some(Way::Gone), "nobody connects to a browser");
    let nonsense = Kept { id: BindingId(3), contact: "<sip:".to_owned(), ..kept };
    assert_eq!(after.restore("1001", nonsense), None);
    assert_eq!(after.len(), 2);
}

#[test]
fn a_path_is_kept_and_told_where_the_phone_knows_it() {
    let mut world = World::new();
    world.more = "Path: <sip:p2.bank;lr>, <sip:p1.bank;lr>\r\n";
    assert_eq!(world.register("1 | <sip:a@h> | 100"), "420 Path without Supported: path");
    assert!(world.registrar.is_empty());
    world.more = "Path: <sip:p2.bank;lr>\r\nPath: <sip:p1.bank;lr>\r\nSupported: timer, path\r\n";
    assert!(
        world.register("1 | <sip:a@h> | 100").ends_with("/ bound path=<sip:p2.bank;lr>,<sip:p1.bank;lr>")
    );
    assert_eq!(*world.registrar.contacts_of("1001")[0].path, ["<sip:p2.bank;lr>", "<sip:p1.bank;lr>"]);
    world.more = "Path: <mailto:a@b>\r\nSupported: path\r\n";
    assert_eq!(world.register("2 | <sip:a@h> | 100"), "400 bad Path");
    // The latest word counts: without a Path there is none any more.
    world.more = "";
    world.register("3 | <sip:a@h> | 100");
    assert!(world.registrar.contacts_of("1001")[0].path.is_empty());
}

#[test]
fn flows_of_one_phone_live_side_by_side_and_each_is_replaced_by_its_number() {
    let mut world = World::new();
    world.more = "Supported: path, outbound\r\n";
    let contact =
        |host: &str, flow: u32| format!(r#"<sip:a@{host};ob>;reg-id={flow};+sip.instance="<urn:uuid:1>""#);
    assert!(world.register(&format!("1 | {} | 100", contact("h1", 1))).ends_with("/ bound outbound"));
    world.call_id = "second";
    assert!(world.register(&format!("1 | {} | 100", contact("h2", 2))).ends_with("/ bound outbound"));
    world.call_id = "third";
    assert!(world.register(&format!("1 | {} | 100", contact("h3", 1))).ends_with("/ refreshed outbound"));
    let hosts: BTreeSet<_> =
        world.registrar.contacts_of("1001").iter().map(|b| b.contact.uri.host().to_string()).collect();
    assert_eq!(hosts, ["h2".to_owned(), "h3".to_owned()].into());

    assert_eq!(world.register(&format!("2 | {} | 100", contact("h", 0))), "400 bad Contact");
    assert_eq!(
        world.register(&format!("2 | {}, <sip:a@h9> | 100", contact("h", 1))),
        "400 bad Contact",
        "a flow has one contact"
    );
    // Without "outbound" the number means nothing for us.
    world.more = "";
    assert!(world.register(&format!("2 | {} | 100", contact("h4", 7))).ends_with("/ bound"));
}

#[test]
fn a_flow_through_a_proxy_that_keeps_none_is_refused() {
    let mut world = World::new();
    let contact = r#"<sip:a@h;ob>;reg-id=1;+sip.instance="<urn:uuid:1>""#;
    world.more = "Via: SIP/2.0/UDP phone;branch=z9hG4bKb\r\nSupported: path, outbound\r\n";
    assert_eq!(world.register(&format!("1 | {contact} | 100")), "439 first hop lacks outbound support");
    world.more = "Via: SIP/2.0/UDP phone;branch=z9hG4bKb\r\nSupported: path, outbound\r\n\
                  Path: <sip:token@edge;lr;ob>\r\n";
    let answer = world.register(&format!("1 | {contact} | 100"));
    assert!(answer.ends_with("/ bound path=<sip:token@edge;lr;ob> outbound"), "{answer}");
}

#[test]
fn a_closed_flow_is_no_way_any_more() {
    let mut world = World::new();
    world.more = "Supported: outbound\r\n";
    world.flow = Flow { transport: Transport::Tcp, connection: 9, ..world.flow };
    world.register(
        r#"1 | <sip:a@192.0.2.7:5070;transport=tcp;ob>;reg-id=1;+sip.instance="<urn:uuid:1>" | 100"#,
    );
    assert_eq!(world.registrar.handle_flow_closed(world.flow), ["1001"]);
    assert_eq!(world.registrar.contacts_of("1001")[0].way(), Way::Gone);
    assert!(world.registrar.handle_flow_closed(world.flow).is_empty());
}

#[test]
fn past_the_limit_of_all_nobody_new_is_taken() {
    let mut world = World::new();
    world.registrar = Registrar::new(Config { most: 2, ..Config::default() });
    world.register("1 | <sip:a@h1>, <sip:a@h2> | 100");
    assert_eq!(world.register("2 | <sip:a@h3> | 100"), "503 registrar full");
    assert!(world.register("2 | <sip:a@h1> | 100").ends_with("/ refreshed"));
    assert!(world.register("3 | <sip:a@h1>;expires=0, <sip:a@h3> | 100").ends_with("/ removed bound"));
    assert_eq!(world.registrar.len(), 2);
}

/// The indices beside the bindings say what the bindings say, whatever order things came in.
#[test]
fn deadlines_and_owners_follow_the_bindings() {
    let mut rng = crate::base::Rng::from_number(5);
    let mut world = World::new();
    for cseq in 1..3_000 {
        world.now = at(cseq);
        let (host, life) = (rng.below(9), [0, 60, 61, 90][rng.below(4) as usize]);
        let connection = rng.below(3);
        let transport = if connection == 0 { Transport::Udp } else { Transport::Tcp };
        world.flow = Flow { transport, connection, ..world.flow };
        world.register(&format!("{cseq} | <sip:a@h{host}>;expires={life} | "));
        match rng.below(8) {
            0 => drop(world.registrar.handle_flow_closed(world.flow)),
            1 => drop(world.register(&format!("{cseq}9 | * | 0"))),
            _ => drop(world.timeout()),
        }
        let registrar = &world.registrar;
        let all: Vec<_> = registrar.contacts_of("1001").to_vec();
        assert!(all.iter().all(|b| registrar.binding(b.id).is_some_and(|(_, found)| found == b)));
        assert_eq!(registrar.len(), all.len());
        assert_eq!(registrar.deadlines, all.iter().map(|b| (b.expires, b.id)).collect());
        let streams = all.iter().filter(|b| b.flow.connection != 0).map(|b| (b.flow.connection, b.id));
        assert_eq!(registrar.streams, streams.collect());
    }
}

struct World {
    registrar: Registrar,
    now: Instant,
    call_id: &'static str,
    flow: Flow,
    /// Further headers.
    more: &'static str,
}

impl World {
    fn new() -> Self {
        let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.7:5062".parse().unwrap());
        let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
        World { registrar: Registrar::new(Config::default()), now: at(0), call_id: "c", flow, more: "" }
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
        text.push_str(self.more);
        text.push_str("\r\n");
        let parsed = Message::parse(text.into(), Framing::Datagram, &Limits::default());
        let Ok(Message::Request(request)) = parsed else { panic!("{parsed:?}") };
        match self.registrar.register(self.now, "1001", &request, self.flow) {
            Ok(done) => {
                let path = if done.path.is_empty() {
                    String::new()
                } else {
                    format!(" path={}", done.path.join(","))
                };
                let outbound = if done.outbound { " outbound" } else { "" };
                format!("200 {} / {}{path}{outbound}", done.contacts.join(", "), names(&done.changes))
            }
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
        What::Unbound(Why::NoAccount) => "without account",
    };
    changes.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}
