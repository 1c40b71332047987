//! An INVITE in another dialog's place (RFC 3891).

use std::time::Duration;

use crate::sip::{DialogId, Event};

use super::world::{World, address, sdp};

const MINUTE: Duration = Duration::from_secs(60);

/// End 2 calls end 1 with these headers.
fn call_with(world: &mut World, headers: &[(&str, &str)]) -> DialogId {
    let mut invite = world.invitation(2, address(1));
    invite.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let id = world.ends[2].invite(world.now, invite);
    world.advance(50);
    id
}

#[test]
fn a_third_party_takes_over() {
    let mut world = World::new(3);
    let (a, b) = world.talk();
    // End 0 hands its place to end 2, which calls end 0's peer.
    let value = world.ends[0].dialog_replaces(a).expect("a session");
    call_with(&mut world, &[("Replaces", &value), ("Require", "replaces")]);
    let Some(Event::Invite { dialog, replaces, .. }) = world.event(1) else { panic!("no INVITE") };
    assert_eq!(replaces, Some(b));
    world.ends[1].accept(world.now, dialog, Some(sdp(3)));
    world.ends[1].bye(world.now, b, None);
    world.advance(100);
    assert_eq!(world.heard(0), ["Ended bye"]);
    assert_eq!(world.heard(2), ["Answered sdp"]);
    world.ends[1].bye(world.now, dialog, None);
    world.drain(MINUTE);
}

#[test]
fn what_cannot_be_replaced() {
    let mut world = World::new(3);
    let (a, b) = world.talk();
    let value = world.ends[0].dialog_replaces(a).expect("a session");
    let early_only = format!("{value};early-only");
    let other_tag = value.replace("from-tag=", "from-tag=x");
    let other_call = format!("x{value}");
    for (headers, status) in [
        (&[("Replaces", &*early_only)][..], "Rejected 486"),
        (&[("Replaces", &*other_tag)], "Rejected 481"),
        (&[("Replaces", &*other_call)], "Rejected 481"),
        (&[("Replaces", "no tags")], "Rejected 400"),
        (&[("Replaces", &*value), ("Replaces", &*value)], "Rejected 400"),
        (&[("Replaces", &*value), ("Join", &*value)], "Rejected 400"),
    ] {
        call_with(&mut world, headers);
        assert_eq!(world.heard(2), [status], "{headers:?}");
    }
    // One that we have just hung up, and whose BYE is not answered yet.
    world.lose.push((1, "BYE", 100));
    world.ends[1].bye(world.now, b, None);
    call_with(&mut world, &[("Replaces", &value)]);
    assert_eq!(world.heard(2), ["Rejected 603"]);
    assert!(world.heard(1).is_empty());
}

/// A call that rings here can be picked by nobody but its own host: we did not begin it (RFC 3891 §3).
#[test]
fn a_dialog_that_rings_with_us_is_not_replaced_and_one_of_ours_is() {
    let mut world = World::new(3);
    let a = world.call();
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].ring(world.now, b, 180, None);
    world.advance(20);
    let crate::sip::Message::Response(ringing) = world.last_sent(1, "180 INVITE") else {
        panic!("a request")
    };
    let tag = |address: &crate::sip::NameAddr| address.tag().map(|t| t.to_string()).unwrap_or_default();
    let (caller, callee) = (tag(&ringing.from), tag(&ringing.to));
    let to_callee = format!("{};to-tag={callee};from-tag={caller}", ringing.call_id);
    call_with(&mut world, &[("Replaces", &to_callee)]);
    assert_eq!(world.heard(2), ["Rejected 481"]);
    let to_caller = format!("{};to-tag={caller};from-tag={callee};early-only", ringing.call_id);
    let mut invite = world.invitation(2, address(0));
    invite.headers.push(("Replaces".to_owned(), to_caller));
    world.ends[2].invite(world.now, invite);
    world.advance(20);
    world.heard(1);
    let replaced = std::iter::from_fn(|| world.event(0)).find_map(|event| match event {
        Event::Invite { replaces, .. } => Some(replaces),
        _ => None,
    });
    assert_eq!(replaced, Some(Some(a)));
}
