//! Calls that phones move, and callers who may not.

use super::*;
use crate::base::Masked;

/// The agent's phone asks for a blind transfer, and hears what becomes of it.
fn transfer(bench: &mut Bench, from_agent: bool, dialog: sip::DialogId, to: &str) -> Vec<String> {
    let to = Uri::parse(to).expect("a URI");
    let now = bench.now.mono;
    let phone = if from_agent { &mut bench.agent } else { &mut bench.caller };
    phone.endpoint.refer(now, dialog, to, None).expect("a session");
    bench.settle();
    bench.exchange.check_invariants();
    let phone = if from_agent { &mut bench.agent } else { &mut bench.caller };
    std::iter::from_fn(|| phone.endpoint.poll_event())
        .filter_map(|event| match event {
            sip::Event::ReferAnswered { status, .. } => Some(format!("answered {status}")),
            sip::Event::ReferProgress { status, over, .. } => Some(format!("progress {status} {over}")),
            sip::Event::Ended { .. } => Some("ended".to_owned()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_blind_transfer_takes_the_caller_into_the_flow_of_that_number() {
    let (mut bench, _) = Bench::talking();
    let agents = bench.agent_dialog.expect("they talk");
    let heard = transfer(&mut bench, true, agents, "sip:300@elsewhere.example");
    assert_eq!(heard, ["answered 202", "progress 100 false", "progress 200 true", "ended"]);
    let call = bench.exchange.calls.values().next().expect("the caller is still there");
    assert_eq!(call.stage(), StageKind::Message);
    assert!(matches!(bench.agent_state(), Some(queue::AgentState::WrapUp { .. })));
}

#[test]
fn who_may_not_move_a_call_is_refused_and_counted() {
    let (mut bench, callers) = Bench::talking();
    let agents = bench.agent_dialog.expect("they talk");
    assert_eq!(transfer(&mut bench, true, agents, "sip:999@127.0.0.1"), ["answered 404"]);
    let attended = "sip:300@127.0.0.1?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2";
    assert_eq!(transfer(&mut bench, true, agents, attended), ["answered 481"]);
    assert_eq!(transfer(&mut bench, true, agents, "sip:300@127.0.0.1;method=BYE"), ["answered 501"]);
    assert_eq!(transfer(&mut bench, false, callers, "sip:300@127.0.0.1"), ["answered 403"]);
    let call = bench.exchange.calls.values().next().expect("they still talk");
    assert_eq!(call.stage(), StageKind::Talk);
    let counted = |why| bench.exchange.refused.get(why).copied();
    assert_eq!(counted("transfer by a caller"), Some(1));
    assert_eq!(counted("transfer to a number not served"), Some(1));
    bench.caller.endpoint.bye(bench.now.mono, callers, None);
    bench.settle();
    let stages = stages_of_record(&bench);
    for refused in
        ["refused with 404: transfer to a number not served", "refused with 403: transfer by a caller"]
    {
        assert!(stages.iter().any(|stage| stage == refused), "{stages:?}");
    }
}

fn stages_of_record(bench: &Bench) -> Vec<String> {
    let records = bench.outputs.iter().filter_map(|output| match output {
        Output::Record(Record::Call(record)) => Some(record),
        _ => None,
    });
    records.flat_map(|record| record.stages.iter().map(|stage| stage.detail.clone())).collect()
}

/// A trunk would carry it; the desk has no right to it.
#[test]
fn a_transfer_to_a_number_that_the_desk_may_not_call_is_403() {
    let mobile = dialplan::Pattern::parse_telephone("1[3-9]xxxxxxxxx").expect("a pattern");
    let trunk = Trunk {
        name: "carrier".to_owned(),
        server: Some(Uri::parse("sip:carrier.example").expect("a URI")),
        outbound: Outbound { numbers: vec![mobile], ..Outbound::default() },
        ..Trunk::default()
    };
    let mut bench = Bench::with(Config { trunks: vec![trunk], ..Config::default() }, plan());
    let callers = bench.establish();
    let agents = bench.agent_dialog.expect("they talk");
    assert_eq!(transfer(&mut bench, true, agents, "sip:13912345678@127.0.0.1"), ["answered 403"]);
    let why = "transfer to a number that the desk may not call";
    assert_eq!(bench.exchange.refused.get(why).copied(), Some(1));
    bench.caller.endpoint.bye(bench.now.mono, callers, None);
    bench.settle();
    let stages = stages_of_record(&bench);
    assert!(stages.contains(&format!("refused with 403: {why}")), "{stages:?}");
}

/// The agent goes on at another phone: it calls in with what the first one knows of the dialog.
#[test]
fn a_signed_in_agent_takes_their_own_leg_over_and_nobody_else_does() {
    let secret = sip::auth::Secret::Password(Masked::from("1"));
    let mut bench = Bench::with(
        Config {
            accounts: vec![Account {
                user: "1001".into(),
                secret,
                encryption: None,
                codecs: None,
                digits: Default::default(),
                media: Default::default(),
            }],
            ..Config::default()
        },
        plan(),
    );
    let callers = bench.establish();
    let first = bench.agent_dialog.expect("they talk");
    let of_agent = bench.agent.endpoint.dialog_replaces(first).expect("a session");
    let of_caller = bench.caller.endpoint.dialog_replaces(callers).expect("a session");
    let switch = SocketAddr::from(SWITCH);
    let mut take_over = |value: &str, user: &str| {
        let from = bench.agent.address;
        let via = Flow { transport: Transport::Udp, local: from, remote: switch, connection: 0 };
        let password = Masked::from("1");
        let invite = sip::Invite {
            to: Uri::sip(Some("1001"), switch),
            via,
            from: NameAddr::new(Uri::sip(Some(user), from)),
            to_display: None,
            contact_user: None,
            sdp: Some(Bytes::from(SDP.replace("4000", "4100"))),
            headers: vec![("Replaces".to_owned(), value.to_owned())],
            credentials: Some(sip::auth::Credentials { user: "1001".into(), password }),
        };
        bench.agent.endpoint.invite(bench.now.mono, invite);
        bench.settle();
        bench.exchange.check_invariants();
        std::iter::from_fn(|| bench.agent.endpoint.poll_event())
            .filter_map(|event| match event {
                sip::Event::Answered { .. } => Some("answered".to_owned()),
                sip::Event::Rejected { status, .. } => Some(format!("rejected {status}")),
                sip::Event::Ended { dialog, .. } => Some(format!("ended {}", dialog == first)),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    // A caller claims the agent's leg, the agent the caller's.
    assert_eq!(take_over(&of_agent, "13812345678"), ["rejected 403"]);
    assert_eq!(take_over(&of_caller, "1001"), ["rejected 403"]);
    assert_eq!(take_over(&of_agent.replace("to-tag=", "to-tag=x"), "1001"), ["rejected 481"]);
    assert_eq!(take_over(&of_agent, "1001"), ["answered", "ended true"]);
    let call = bench.exchange.calls.values().next().expect("they still talk");
    assert_eq!(call.stage(), StageKind::Talk);
    let to_agent = bench.outputs.iter().rev().find_map(|output| match output {
        Output::Media { command: media::Command::Connect { leg, stream }, .. } if leg.index == 1 => {
            Some(stream.remote_rtp.port())
        }
        _ => None,
    });
    assert_eq!(to_agent, Some(4100));
}

/// With room to spare for a long name and a route, our INVITE to a phone stays what a datagram carries
/// (RFC 3261 §18.1.1): nobody waits for a connection that a phone behind NAT never takes.
#[test]
fn an_offered_call_fits_into_a_datagram() {
    let mut bench = Bench::new();
    bench.call();
    let length = std::iter::from_fn(|| bench.agent.endpoint.poll_event()).find_map(|event| match event {
        sip::Event::Invite { request, .. } => Some(request.encode().len()),
        _ => None,
    });
    let length = length.expect("the agent's phone rings");
    assert!(length < 1150, "{length} octets");
}
