//! An agent calls a customer by an order: first the agent's phone rings, then the customer's.

use super::*;
use crate::call::Call;
use crate::record::{CallEnd, StageKind};

const PLAN: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"

[[flow.main]]
hang_up = "goodbye/thanks"

[agent.8001]
contact = "sip:8001@127.0.0.21:5060"
may_call = ["1[3-9]xxxxxxxxx"]
"#;

fn order(world: &mut World, extension: &str, number: &str) -> Reply {
    let command = Command::CallOut { extension: extension.to_owned(), number: Masked::from(number) };
    world.exchange.handle_input(world.now, Input::Command { id: 1, command });
    world.settle();
    let replies = world.outputs.iter().rev();
    let reply = replies.filter_map(|output| match output {
        Output::Reply { reply, .. } => Some(reply.clone()),
        _ => None,
    });
    reply.take(1).next().expect("a reply")
}

fn accept(world: &mut World, peer: usize, dialog: crate::sip::DialogId) {
    world.peers[peer].1.accept(world.now.mono, dialog, Some(Bytes::from_static(SDP.as_bytes())));
    world.settle();
}

fn recorded(world: &World) -> usize {
    let started = |output: &&Output| {
        matches!(output, Output::Media { command: media::Command::Record { right: Some(_), .. }, .. })
    };
    world.outputs.iter().filter(started).count()
}

#[test]
fn the_agents_phone_rings_first_then_the_customers_and_the_talk_is_recorded() {
    let mut world = World::with(carrier(), PLAN);
    assert_eq!(order(&mut world, "8001", "139 1234-5678"), Reply::Done);
    assert!(
        world.invited(FIRST_TARGET).is_none(),
        "nobody outside is rung for an agent who may not be there"
    );
    let (dialog, invite) = world.invited(DESK_PHONE).expect("the desk rings");
    // The phone shows whom it is about to call.
    assert_eq!(invite.from.uri.dialled().as_deref(), Some("13912345678"));
    accept(&mut world, DESK_PHONE, dialog);
    let (customer, invite) = world.invited(FIRST_TARGET).expect("the customer's telephone rings");
    assert_eq!(invite.uri.user().as_deref(), Some("+8613912345678"));
    assert_eq!(invite.from.uri.user().as_deref(), Some("01095588"), "the bank's number is shown");
    accept(&mut world, FIRST_TARGET, customer);
    assert_eq!(world.exchange.calls.values().map(Call::stage).collect::<Vec<_>>(), [StageKind::Talk]);
    assert_eq!(recorded(&world), 1);
    world.peers[FIRST_TARGET].1.bye(world.now.mono, customer, None);
    world.settle();
    world.advance(60);
    let [record] = world.records()[..] else { panic!("{} records", world.records().len()) };
    let outside = record.outside.as_ref().expect("a call to the outside");
    assert!(outside.answered && outside.trunk == "carrier", "{record:?}");
    assert_eq!((record.origin.as_str(), record.recordings.len()), ("8001", 1));
}

#[test]
fn without_the_right_nobody_is_rung() {
    let mut world = World::with(carrier(), PLAN);
    for (extension, number, why) in [
        ("8001", "01065881234", "agent 8001 may not call that number: see may_call in the dialplan"),
        ("8001", "rm -rf", "this is no telephone number"),
        ("8009", "13912345678", "the dialplan has no agent 8009"),
    ] {
        assert_eq!(order(&mut world, extension, number), Reply::Refused(why.to_owned()));
    }
    assert!(world.invited(DESK_PHONE).is_none() && world.invited(FIRST_TARGET).is_none());
    assert_eq!(world.counted("no right to call that number"), 1);
}

#[test]
fn an_agent_who_does_not_come_to_the_phone_costs_the_customer_nothing() {
    for refuses in [true, false] {
        let mut world = World::with(carrier(), PLAN);
        order(&mut world, "8001", "13912345678");
        let (dialog, _) = world.invited(DESK_PHONE).expect("the desk rings");
        // One call at a time.
        assert_eq!(
            order(&mut world, "8001", "13912345678"),
            Reply::Refused("8001 is in another call".to_owned())
        );
        if refuses {
            world.peers[DESK_PHONE].1.reject(world.now.mono, dialog, Answer::new(486));
            world.settle();
        } else {
            world.advance(25);
        }
        assert!(world.invited(FIRST_TARGET).is_none());
        assert_eq!(world.exchange.calls(), 0);
        let ends: Vec<_> = world.records().iter().map(|record| record.end.clone()).collect();
        let why = if refuses { "busy" } else { "no answer" };
        assert_eq!(ends, [CallEnd::NotReached { why: why.to_owned() }]);
        assert!(matches!(order(&mut world, "8001", "13912345678"), Reply::Done), "the desk is free again");
    }
}

#[test]
fn where_the_house_does_not_want_it_nothing_is_recorded() {
    let mut world = World::with(carrier(), PLAN);
    world.exchange.config.call.record_outside = false;
    order(&mut world, "8001", "13912345678");
    let (dialog, _) = world.invited(DESK_PHONE).expect("the desk rings");
    accept(&mut world, DESK_PHONE, dialog);
    let (customer, _) = world.invited(FIRST_TARGET).expect("the customer's telephone rings");
    accept(&mut world, FIRST_TARGET, customer);
    assert_eq!(recorded(&world), 0);
}

#[test]
fn a_customer_on_hold_is_not_forgotten_either() {
    let mut world = World::with(carrier(), PLAN);
    order(&mut world, "8001", "13912345678");
    let (dialog, _) = world.invited(DESK_PHONE).expect("the desk rings");
    accept(&mut world, DESK_PHONE, dialog);
    let (customer, _) = world.invited(FIRST_TARGET).expect("the customer's telephone rings");
    accept(&mut world, FIRST_TARGET, customer);
    let hold = Bytes::from(format!("{SDP}a=sendonly\r\n"));
    world.peers[DESK_PHONE].1.reoffer(world.now.mono, dialog, hold);
    world.settle();
    world.advance(44);
    assert!(world.asked(DESK_PHONE, Method::Message).is_none());
    world.advance(2);
    assert!(world.asked(DESK_PHONE, Method::Message).is_some());
    assert!(world.invited(DESK_PHONE).is_none(), "a text, and no ring: it is their own call");
}
