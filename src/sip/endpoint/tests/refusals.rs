//! One message in, what comes out: requests that the endpoint answers by itself, and the way answers take.

use crate::base::{Instant, Masked, Rng};
use crate::sip::auth::{Challenger, Credentials, Secret, Verdict};
use crate::sip::{Answer, Config, Endpoint, Event, Flow, Message, Method, Name, Response, Transport};

use super::world::{World, parse, sdp};

const NOW: Instant = Instant::from_micros(5_000_000);

fn endpoint() -> Endpoint {
    Endpoint::new(Config { session_expires: None, ..Config::default() }, Rng::from_number(7))
}

fn flow(from: &str) -> Flow {
    let remote = from.parse().expect("an address");
    Flow { transport: Transport::Udp, local: ([192, 0, 2, 1], 5060).into(), remote, connection: 0 }
}

/// A request with the start line, and the header lines behind the usual ones.
fn request(start: &str, further: &str) -> String {
    let method = start.split(' ').next().unwrap_or_default();
    format!(
        "{start} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK1\r\nFrom: <sip:a@192.0.2.2>;tag=1\r\n\
         To: <sip:100@192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\nContact: <sip:a@192.0.2.2>\r\n{further}\r\n"
    )
}

/// What an endpoint sends for it.
fn answers(endpoint: &mut Endpoint, text: &str) -> Vec<(Flow, Response)> {
    endpoint.handle_message(NOW, flow("192.0.2.2:5060"), text.as_bytes());
    std::iter::from_fn(|| endpoint.poll_transmit())
        .map(|transmit| match parse(&transmit.bytes) {
            Message::Response(response) => (transmit.flow, response),
            Message::Request(request) => panic!("a request: {request:?}"),
        })
        .collect()
}

#[track_caller]
fn check(start: &str, further: &str, status: u16, header: Option<(Name, &str)>) {
    let mut endpoint = endpoint();
    let all = answers(&mut endpoint, &request(start, further));
    let [(_, response)] = &*all else { panic!("{} answers", all.len()) };
    assert_eq!(response.status, status);
    assert!(response.to.tag().is_some(), "every answer but 100 has a tag");
    if let Some((name, value)) = header {
        assert_eq!(response.headers.text(name).as_deref(), Some(value));
    }
    assert!(endpoint.poll_event().is_none(), "the host hears nothing of it");
}

#[test]
fn what_the_endpoint_refuses_by_itself() {
    let allow = "INVITE, ACK, CANCEL, BYE, UPDATE, INFO, OPTIONS, MESSAGE, REFER, NOTIFY, PRACK, REGISTER";
    check("INVITE http://example.com/", "", 416, None);
    check("INVITE sips:100@192.0.2.1", "", 416, None);
    let unsupported = Some((Name::Unsupported, "path, foo"));
    check("INVITE sip:100@192.0.2.1", "Require: path, timer,foo\r\n", 420, unsupported);
    check("SUBSCRIBE sip:100@192.0.2.1", "", 405, Some((Name::Allow, allow)));
    check("REFER sip:100@192.0.2.1", "", 403, None);
    check("NOTIFY sip:100@192.0.2.1", "", 481, None);
    check("DANCE sip:100@192.0.2.1", "", 501, Some((Name::Allow, allow)));
    let accept = Some((Name::Accept, "application/sdp"));
    check("INVITE sip:100@192.0.2.1", "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi", 415, accept);
    let plain = Some((Name::AcceptEncoding, "identity"));
    let zipped = "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi";
    check("INVITE sip:100@192.0.2.1", zipped, 415, plain);
    let short = Some((Name::MinSe, "90"));
    check("INVITE sip:100@192.0.2.1", "Supported: timer\r\nSession-Expires: 30\r\n", 422, short);
    check("BYE sip:100@192.0.2.1", "", 481, None);
    check("INFO sip:100@192.0.2.1", "", 481, None);
    check("PRACK sip:100@192.0.2.1", "RAck: 1 1 INVITE\r\n", 481, None);
    check("INVITE sip:100@192.0.2.1", "Accept: text/plain, application/isup\r\n", 406, None);
    check("CANCEL sip:100@192.0.2.1", "", 481, None);
}

/// Whom a request has reached takes it (RFC 3261 §8.2.2.3, §16.3).
#[test]
fn what_only_a_proxy_minds_is_taken() {
    let mut endpoint = endpoint();
    let text = request("INVITE sip:100@192.0.2.1", "Max-Forwards: 0\r\nProxy-Require: foo\r\n");
    let all = answers(&mut endpoint, &text);
    assert_eq!(all.iter().map(|(_, r)| r.status).collect::<Vec<_>>(), [100]);
    assert!(matches!(endpoint.poll_event(), Some(Event::Invite { .. })));
}

#[test]
fn requests_of_dialogs_that_are_none_are_481() {
    for method in ["BYE", "INVITE", "UPDATE", "INFO", "OPTIONS"] {
        let mut endpoint = endpoint();
        let text = request(&format!("{method} sip:100@192.0.2.1"), "")
            .replace("To: <sip:100@192.0.2.1>", "To: <sip:100@192.0.2.1>;tag=x");
        let all = answers(&mut endpoint, &text);
        assert_eq!(all.iter().map(|(_, r)| r.status).collect::<Vec<_>>(), [481], "{method}");
        assert_eq!(endpoint.stats().unknown_dialogs, 1, "{method}");
    }
    let mut endpoint = endpoint();
    assert!(answers(&mut endpoint, &request("ACK sip:100@192.0.2.1", "")).is_empty());
    assert_eq!(endpoint.stats().unmatched_acks, 1);
}

#[test]
fn a_wrong_tag_or_call_id_is_another_dialog() {
    let mut world = World::new(2);
    world.talk();
    let Message::Request(mut info) = world.last_sent(0, "ACK") else { panic!("a response") };
    info.method = Method::Info;
    info.cseq = 9;
    info.from.set_tag(&"forged".into());
    info.vias[0].params.set("branch", "z9hG4bKforged");
    let flow = world.flow(1, 0);
    world.ends[1].handle_message(world.now, flow, &info.encode());
    world.flush();
    world.check_ladder("1>0 481 INFO");
}

#[test]
fn a_repeated_invite_gets_the_last_response_and_a_merged_one_482() {
    let mut endpoint = endpoint();
    let invite = request("INVITE sip:100@192.0.2.1", "");
    let statuses = |all: Vec<(Flow, Response)>| all.iter().map(|(_, r)| r.status).collect::<Vec<_>>();
    assert_eq!(statuses(answers(&mut endpoint, &invite)), [100]);
    assert_eq!(statuses(answers(&mut endpoint, &invite)), [100]);
    let Some(Event::Invite { dialog, .. }) = endpoint.poll_event() else { panic!("no INVITE") };
    assert!(endpoint.poll_event().is_none());
    assert_eq!(statuses(answers(&mut endpoint, &invite.replace("z9hG4bK1", "z9hG4bK2"))), [482]);
    endpoint.reject(NOW, dialog, Answer::new(486));
    assert_eq!(endpoint.poll_transmit().map(|t| super::world::name(&t.bytes)).as_deref(), Some("486 INVITE"));
    assert_eq!(statuses(answers(&mut endpoint, &invite)), [486]);
    assert_eq!((endpoint.stats().merged, endpoint.stats().retransmitted), (1, 2));
}

/// As from a phone that gives each request the same branch.
#[test]
fn a_branch_that_is_used_again_for_another_call_is_another_transaction() {
    let mut endpoint = endpoint();
    let first = request("BYE sip:100@192.0.2.1", "");
    let second = first.replace("Call-ID: 1", "Call-ID: 2");
    for text in [&first, &second] {
        let all = answers(&mut endpoint, text);
        let ids: Vec<_> = all.iter().map(|(_, r)| r.call_id.to_str().into_owned()).collect();
        assert_eq!(ids, [text.split("Call-ID: ").nth(1).unwrap().split("\r\n").next().unwrap()]);
    }
    assert_eq!((endpoint.stats().retransmitted, endpoint.stats().unknown_dialogs), (0, 2));
}

/// From is where our requests are for, and they go where the INVITE came from.
#[test]
fn an_invite_of_rfc_2543_needs_no_contact() {
    let mut endpoint = endpoint();
    let invite = request("INVITE sip:100@192.0.2.1", "").replace("Contact: <sip:a@192.0.2.2>\r\n", "");
    let invite = invite.replace("From: <sip:a@192.0.2.2>", "From: <sip:a@203.0.113.9>");
    answers(&mut endpoint, &invite);
    let Some(Event::Invite { dialog, .. }) = endpoint.poll_event() else { panic!("no INVITE") };
    endpoint.accept(NOW, dialog, Some(super::world::sdp(1)));
    let ok = endpoint.poll_transmit().unwrap();
    let Message::Response(ok) = parse(&ok.bytes) else { panic!("a request") };
    let tag = ok.to.tag().unwrap().to_str().into_owned();
    let ack = invite
        .replace("INVITE", "ACK")
        .replace("branch=z9hG4bK1", "branch=z9hG4bK2")
        .replace("To: <sip:100@192.0.2.1>", &format!("To: <sip:100@192.0.2.1>;tag={tag}"));
    assert!(answers(&mut endpoint, &ack).is_empty());
    endpoint.bye(NOW, dialog, None);
    let bye = endpoint.poll_transmit().unwrap();
    let Message::Request(request) = parse(&bye.bytes) else { panic!("a response") };
    assert_eq!((request.method, request.uri.as_bytes()), (Method::Bye, &b"sip:a@203.0.113.9"[..]));
    assert_eq!(bye.flow.remote.to_string(), "192.0.2.2:5060");
}

#[test]
fn an_invite_of_rfc_2543_is_matched_without_a_branch() {
    let mut endpoint = endpoint();
    let invite = request("INVITE sip:100@192.0.2.1", "").replace(";branch=z9hG4bK1", "");
    answers(&mut endpoint, &invite);
    let Some(Event::Invite { dialog, .. }) = endpoint.poll_event() else { panic!("no INVITE") };
    endpoint.reject(NOW, dialog, Answer::new(486));
    let Some(refusal) = endpoint.poll_transmit() else { panic!("no answer") };
    let Message::Response(refusal) = parse(&refusal.bytes) else { panic!("a request") };
    let tag = refusal.to.tag().map(|tag| tag.to_str().into_owned()).unwrap_or_default();
    let ack = invite
        .replace("INVITE", "ACK")
        .replace("To: <sip:100@192.0.2.1>", &format!("To: <sip:100@192.0.2.1>;tag={tag}"));
    assert!(answers(&mut endpoint, &ack).is_empty());
    assert_eq!(endpoint.poll_timeout().map(|(_, name)| name), Some("timer I"));
}

#[test]
fn malformed_messages_are_answered_where_they_can_be() {
    let mut endpoint = endpoint();
    let old = request("INVITE sip:100@192.0.2.1", "").replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia");
    assert_eq!(answers(&mut endpoint, &old).iter().map(|(_, r)| r.status).collect::<Vec<_>>(), [505]);
    let no_call_id = request("INVITE sip:100@192.0.2.1", "").replace("Call-ID: 1\r\n", "");
    endpoint.handle_message(NOW, flow("192.0.2.2:5060"), no_call_id.as_bytes());
    let answer = endpoint.poll_transmit().expect("is answered");
    assert!(answer.bytes.starts_with(b"SIP/2.0 400 "));
    for junk in [&b"\x00\x01\x02"[..], b"SIP/2.0 200 OK\r\n\r\n", b"\r\n\r\n"] {
        endpoint.handle_message(NOW, flow("192.0.2.2:5060"), junk);
    }
    endpoint.handle_message(NOW, flow("192.0.2.2:5060"), &vec![b'a'; 70_000]);
    assert!(endpoint.poll_transmit().is_none() && endpoint.poll_event().is_none());
    let counted: Vec<_> = endpoint.stats().named().into_iter().filter(|(_, count)| *count > 0).collect();
    let counted: Vec<_> = counted.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(
        counted,
        [
            ("sip messages received", 6),
            ("sip messages sent", 2),
            ("sip malformed, dropped: not a SIP start line", 1),
            ("sip malformed, dropped: no Via", 1),
            ("sip malformed, answered: SIP version not supported", 1),
            ("sip malformed, answered: no Call-ID", 1),
            ("sip too large", 1),
            ("sip keep-alives", 1),
        ]
    );
    assert!(endpoint.is_empty());
}

#[test]
fn answers_go_where_rfc_3581_says() {
    // Without rport to the port of the Via, with it to the port that the packet came from.
    for (via, to) in [
        ("192.0.2.2:5062;", "198.51.100.7:5062"),
        ("192.0.2.2;", "198.51.100.7:5060"),
        ("10.0.0.1:5062;rport;", "198.51.100.7:40000"),
    ] {
        let mut endpoint = endpoint();
        let text = request("OPTIONS sip:192.0.2.1", "").replace("192.0.2.2:5060;", via);
        endpoint.handle_message(NOW, flow("198.51.100.7:40000"), text.as_bytes());
        let Some(Event::Request { id, .. }) = endpoint.poll_event() else { panic!("no request") };
        endpoint.respond(NOW, id, Answer::new(200));
        let sent = endpoint.poll_transmit().expect("an answer");
        assert_eq!(sent.flow.remote.to_string(), to);
        let Message::Response(response) = parse(&sent.bytes) else { panic!("a request") };
        let received = response.via().and_then(|via| via.received()).map(|ip| ip.to_string());
        assert_eq!(received.as_deref(), Some("198.51.100.7"));
    }
}

/// Requests in the dialog follow the route set, nearest first, and the Contact.
#[test]
fn record_route_becomes_the_route_set() {
    for (record_route, uri, routes) in [
        (
            "<sip:192.0.2.9;lr>, <sip:192.0.2.8;lr>",
            "sip:a@192.0.2.2",
            "<sip:192.0.2.9;lr>|<sip:192.0.2.8;lr>",
        ),
        ("<sip:192.0.2.9>, <sip:192.0.2.8;lr>", "sip:192.0.2.9", "<sip:192.0.2.8;lr>|<sip:a@192.0.2.2>"),
    ] {
        let mut endpoint = endpoint();
        let invite = request("INVITE sip:100@192.0.2.1", &format!("Record-Route: {record_route}\r\n"));
        answers(&mut endpoint, &invite);
        let Some(Event::Invite { dialog, .. }) = endpoint.poll_event() else { panic!("no INVITE") };
        endpoint.accept(NOW, dialog, Some(sdp(1)));
        let Some(accepted) = endpoint.poll_transmit() else { panic!("no answer") };
        let Message::Response(accepted) = parse(&accepted.bytes) else { panic!("a request") };
        assert_eq!(accepted.headers.text(Name::RecordRoute).as_deref(), Some(record_route));
        let tag = accepted.to.tag().map(|tag| tag.to_str().into_owned()).unwrap_or_default();
        let to = format!("To: <sip:100@192.0.2.1>;tag={tag}");
        let ack =
            request("ACK sip:100@192.0.2.1", "").replace("K1", "K2").replace("To: <sip:100@192.0.2.1>", &to);
        answers(&mut endpoint, &ack);
        endpoint.bye(NOW, dialog, None);
        let bye = endpoint.poll_transmit().expect("a BYE");
        let Message::Request(request) = parse(&bye.bytes) else { panic!("a response") };
        assert_eq!(bye.flow.remote.to_string(), "192.0.2.9:5060");
        assert_eq!(request.uri.as_bytes(), uri.as_bytes());
        let route: Vec<_> = request.headers.all(Name::Route).map(String::from_utf8_lossy).collect();
        assert_eq!(route.join("|"), routes);
    }
}

#[test]
fn a_peer_behind_nat_is_called_back_over_its_flow() {
    let mut endpoint = endpoint();
    let invite = request("INVITE sip:100@192.0.2.1", "")
        .replace("192.0.2.2", "10.0.0.1")
        .replace(";branch", ";rport;branch");
    endpoint.handle_message(NOW, flow("198.51.100.7:40000"), invite.as_bytes());
    let Some(Event::Invite { dialog, .. }) = endpoint.poll_event() else { panic!("no INVITE") };
    endpoint.accept(NOW, dialog, Some(sdp(1)));
    let mut sent: Vec<_> = std::iter::from_fn(|| endpoint.poll_transmit()).collect();
    let Some(Message::Response(accepted)) = sent.pop().map(|t| parse(&t.bytes)) else { panic!("no answer") };
    let tag = accepted.to.tag().map(|tag| tag.to_str().into_owned()).unwrap_or_default();
    let ack = invite
        .replace("INVITE", "ACK")
        .replace("K1", "K2")
        .replace("To: <sip:100@192.0.2.1>", &format!("To: <sip:100@192.0.2.1>;tag={tag}"));
    endpoint.handle_message(NOW, flow("198.51.100.7:40000"), ack.as_bytes());
    endpoint.bye(NOW, dialog, None);
    let bye = endpoint.poll_transmit().expect("a BYE");
    assert_eq!(bye.flow.remote.to_string(), "198.51.100.7:40000");
    assert!(bye.bytes.starts_with(b"BYE sip:a@10.0.0.1 SIP/2.0\r\n"));
}

fn secret(user: &str) -> Option<Secret> {
    (user == "trunk").then(|| Secret::Password(Masked::from("swordfish")))
}

pub(super) const PEER: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[test]
fn a_challenged_invite_goes_again_with_credentials() {
    for (password, heard) in [("swordfish", "Progress 180"), ("wrong", "Rejected 401")] {
        let mut world = World::new(2);
        let mut challenger = Challenger::new("bank".to_owned(), Rng::from_number(3));
        let mut invite = world.invitation(0, super::world::address(1));
        invite.credentials = Some(Credentials { user: "trunk".to_owned(), password: Masked::from(password) });
        world.ends[0].invite(world.now, invite);
        for _ in 0..3 {
            world.advance(50);
            let Some(Event::Invite { dialog, request, .. }) = world.event(1) else { break };
            let verdict = challenger.verify_request(world.now, PEER, &request, secret);
            if matches!(verdict, Verdict::Good(_)) {
                world.ends[1].ring(world.now, dialog, 180, None);
                continue;
            }
            let mut answer = Answer::new(401);
            for challenge in challenger.challenge(world.now, PEER, false, |_| true) {
                answer = answer.with("WWW-Authenticate", challenge);
            }
            world.ends[1].reject(world.now, dialog, answer);
        }
        world.advance(50);
        assert_eq!(world.heard(0), [heard], "{password}");
    }
}

#[test]
fn a_challenged_bye_goes_again_with_credentials() {
    let mut world = World::new(2);
    let mut challenger = Challenger::new("bank".to_owned(), Rng::from_number(3));
    let mut invite = world.invitation(0, super::world::address(1));
    invite.credentials = Some(Credentials { user: "trunk".to_owned(), password: Masked::from("swordfish") });
    let a = world.ends[0].invite(world.now, invite);
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(100);
    world.ends[0].bye(world.now, a, Some("Q.850;cause=16".to_owned()));
    // The peer asks who it is before it says 200.
    world.lose.push((0, "BYE", 2));
    world.flush();
    let Message::Request(bye) = world.last_sent(0, "BYE") else { panic!("a response") };
    let mut challenge = bye.response(401);
    challenge
        .headers
        .push(Name::WwwAuthenticate, challenger.challenge(world.now, PEER, false, |_| true).remove(0));
    let flow = world.flow(0, 1);
    world.ends[0].handle_message(world.now, flow, &challenge.encode());
    world.flush();
    let Message::Request(second) = world.last_sent(0, "BYE") else { panic!("a response") };
    assert_eq!(second.cseq, bye.cseq + 1);
    assert!(second.headers.has(Name::Reason));
    assert!(matches!(challenger.verify_request(world.now, PEER, &second, secret), Verdict::Good(_)));
    world.drain(std::time::Duration::from_secs(120));
}

#[test]
fn a_response_that_is_not_ours_is_counted() {
    let mut world = World::new(2);
    world.call();
    let Message::Request(invite) = world.last_sent(0, "INVITE") else { panic!("a response") };
    let mut astray = invite.response(200);
    astray.vias.push(astray.vias[0].clone());
    let mut forged = invite.response(200);
    forged.vias[0].params.set("branch", "z9hG4bKguess");
    let flow = world.flow(0, 1);
    for response in [astray, forged] {
        world.ends[0].handle_message(world.now, flow, &response.encode());
    }
    assert_eq!(world.ends[0].stats().unmatched_responses, 2);
    assert!(world.heard(0).is_empty());
}

#[test]
fn deadlines_have_names() {
    let mut world = World::new(2);
    world.call();
    assert_eq!(world.ends[0].poll_timeout().map(|(_, name)| name), Some("timer A"));
    world.advance(50);
    assert_eq!(world.ends[0].poll_timeout().map(|(_, name)| name), Some("INVITE expires"));
}
