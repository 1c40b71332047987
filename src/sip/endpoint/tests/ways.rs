//! The ways that messages take: too large for a datagram (RFC 3261 §18.1.1), sockets that fail, streams that close.

use std::time::Duration;

use crate::sip::{Event, Message, Transport};

use super::world::{World, address, sdp};

const MINUTE: Duration = Duration::from_secs(60);

fn large_call(world: &mut World) -> crate::sip::DialogId {
    let mut invite = world.invitation(0, address(1));
    invite.headers.push(("X-Large".to_owned(), "x".repeat(1300)));
    let id = world.ends[0].invite(world.now, invite);
    world.flush();
    id
}

fn via_of(world: &World, end: usize, name: &str) -> String {
    let Message::Request(request) = world.last_sent(end, name) else { panic!("a response") };
    request.via().and_then(|via| via.transport()).map(|way| way.to_string()).unwrap_or_default()
}

#[test]
fn what_is_too_large_for_a_datagram_goes_over_tcp() {
    let mut world = World::new(2);
    let a = large_call(&mut world);
    world.advance(20);
    let Some(Event::Invite { dialog, flow, .. }) = world.event(1) else { panic!("no INVITE") };
    assert_eq!((flow.transport, flow.connection), (Transport::Tcp, 1));
    world.ends[1].accept(world.now, dialog, Some(sdp(1)));
    world.advance(50);
    world.ends[0].bye(world.now, a, None);
    world.advance(50);
    // The small ones that follow take the connection that is there.
    world.check_ladder("0>1 INVITE\n1>0 100 INVITE\n1>0 200 INVITE\n0>1 ACK\n0>1 BYE\n1>0 200 BYE");
    assert_eq!((&*via_of(&world, 0, "INVITE"), &*via_of(&world, 0, "BYE")), ("TCP", "TCP"));
    assert_eq!(world.ends[0].stats().moved_to_tcp, 1);
    world.drain(MINUTE);
}

#[test]
fn and_over_udp_all_the_same_where_nobody_listens_on_tcp() {
    let mut world = World::new(2);
    world.no_tcp = true;
    let a = large_call(&mut world);
    world.advance(20);
    world.check_ladder("0>? INVITE no connection\n0>1 INVITE\n1>0 100 INVITE");
    assert_eq!(via_of(&world, 0, "INVITE"), "UDP");
    world.ends[0].cancel(world.now, a);
    world.advance(100);
    world.check_ladder("0>1 CANCEL\n1>0 200 CANCEL\n1>0 487 INVITE\n0>1 ACK");
    assert_eq!(world.heard(0), ["Rejected 487"]);
    world.drain(MINUTE);
}

#[test]
fn a_failed_datagram_ends_only_what_nothing_has_come_back_to() {
    let mut world = World::new(2);
    let flow = world.flow(0, 1);
    // Nobody has said anything yet: the caller learns at once.
    world.call();
    world.ends[0].handle_flow_closed(world.now, flow);
    world.advance(5);
    assert_eq!(world.heard(0), ["Rejected 503"]);
    world.advance(100);
    world.heard(1);
    // It rings: what a later datagram met does not matter.
    let a = world.call();
    world.advance(50);
    let b = world.invited(1);
    world.ends[0].handle_flow_closed(world.now, flow);
    let back = world.flow(1, 0);
    world.ends[1].handle_flow_closed(world.now, back);
    assert!(world.heard(0).is_empty() && world.heard(1).is_empty());
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(50);
    assert_eq!(world.heard(0), ["Answered sdp"]);
    // Nor does it end a dialog with a re-negotiation of the peer's open in it.
    world.ends[0].reoffer(world.now, a, sdp(2));
    world.advance(20);
    world.ends[1].handle_flow_closed(world.now, back);
    world.ends[1].answer_reoffer(world.now, b, Ok(sdp(2)));
    world.advance(50);
    assert_eq!(world.heard(0), ["ReofferAnswered"]);
}

#[test]
fn a_closed_stream_is_opened_anew_for_the_next_request() {
    let mut world = World::new(2);
    let a = large_call(&mut world);
    world.advance(20);
    let Some(Event::Invite { dialog, flow, .. }) = world.event(1) else { panic!("no INVITE") };
    world.ends[1].accept(world.now, dialog, Some(sdp(1)));
    world.advance(50);
    world.heard(0);
    let ours = crate::sip::Flow { local: address(0), remote: address(1), ..flow };
    world.ends[0].handle_flow_closed(world.now, ours);
    world.ends[0].handle_flow_closed(world.now, ours);
    world.ends[0].bye(world.now, a, None);
    world.advance(50);
    assert_eq!(world.heard(1), ["Acked", "Ended bye"]);
    world.drain(MINUTE);
}
