//! Reliable provisional responses (RFC 3262), both roles.

use std::time::Duration;

use bytes::Bytes;

use crate::base::Rng;
use crate::sip::{Config, DialogId, Endpoint, Event, Message, Method, Name, Request, Response};

use super::world::{World, address, sdp};

const MINUTE: Duration = Duration::from_secs(60);

/// End 0 has called end 1, whose host knows of it.
fn ringing(world: &mut World) -> (DialogId, DialogId) {
    let a = world.call();
    world.advance(20);
    (a, world.invited(1))
}

/// As above; the caller requires every provisional response to be reliable.
fn ringing_required(world: &mut World) -> (DialogId, DialogId) {
    let mut invite = world.invitation(0, address(1));
    invite.headers.push(("Require".to_owned(), "100rel".to_owned()));
    let a = world.ends[0].invite(world.now, invite);
    world.advance(20);
    (a, world.invited(1))
}

fn sent_request(world: &World, end: usize, name: &str) -> Request {
    let Message::Request(request) = world.last_sent(end, name) else { panic!("a response") };
    request
}

fn sent_response(world: &World, end: usize, name: &str) -> Response {
    let Message::Response(response) = world.last_sent(end, name) else { panic!("a request") };
    response
}

#[test]
fn the_200_waits_for_the_prack_of_a_session_description() {
    let mut world = World::new(2);
    let (a, b) = ringing(&mut world);
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(100);
    world.check_ladder(
        "0>1 INVITE
         1>0 100 INVITE
         1>0 183 INVITE
         0>1 PRACK
         1>0 200 PRACK
         1>0 200 INVITE
         0>1 ACK",
    );
    assert_eq!(world.heard(0), ["Progress 183 sdp", "Answered sdp"]);
    assert_eq!(world.heard(1), ["Acked"]);
    let progress = sent_response(&world, 1, "183 INVITE");
    assert!(progress.headers.lists(Name::Require, "100rel"));
    let number = progress.headers.number(Name::RSeq).unwrap_or_default();
    let prack = sent_request(&world, 0, "PRACK");
    assert_eq!(prack.headers.text(Name::RAck), Some(format!("{number} 1 INVITE").into()));
    // The answer has been given; the 200 does not give another.
    assert!(sent_response(&world, 1, "200 INVITE").body.is_empty());
    // The ACK has the INVITE's number, the BYE one above the PRACK's.
    world.ends[0].bye(world.now, a, None);
    world.advance(100);
    assert_eq!((sent_request(&world, 0, "ACK").cseq, sent_request(&world, 0, "BYE").cseq), (1, 3));
    world.drain(MINUTE);
}

#[test]
fn it_is_sent_again_in_doubling_intervals_until_the_prack_comes() {
    let mut world = World::new(2);
    let (_, b) = ringing(&mut world);
    world.check_ladder("0>1 INVITE\n1>0 100 INVITE");
    world.lose.push((1, "183 INVITE", 3));
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.advance(490);
    world.check_ladder("1>0 183 INVITE lost");
    world.advance(1_000);
    world.check_ladder("1>0 183 INVITE lost");
    world.advance(2_000);
    world.check_ladder("1>0 183 INVITE lost");
    world.advance(4_000);
    world.check_ladder("1>0 183 INVITE\n0>1 PRACK\n1>0 200 PRACK");
    assert_eq!(world.heard(0), ["Progress 183 sdp"]);
}

#[test]
fn a_repeated_one_gets_no_second_prack_and_no_second_event() {
    let mut world = World::new(2);
    let (_, b) = ringing(&mut world);
    world.check_ladder("0>1 INVITE\n1>0 100 INVITE");
    world.lose.push((0, "PRACK", 1));
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.advance(1_000);
    // The transaction of the PRACK repeats it; the repeated 183 is discarded.
    world.check_ladder("1>0 183 INVITE\n0>1 PRACK lost\n1>0 183 INVITE\n0>1 PRACK\n1>0 200 PRACK");
    assert_eq!(sent_request(&world, 0, "PRACK").cseq, 2);
    assert_eq!(world.heard(0), ["Progress 183 sdp"]);
}

#[test]
fn a_call_whose_prack_never_comes_is_refused() {
    let mut world = World::new(2);
    let (_, b) = ringing(&mut world);
    world.lose.push((0, "PRACK", 100));
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(31_900);
    assert!(world.heard(1).is_empty());
    world.advance(200);
    assert_eq!(world.heard(1), ["Ended no PRACK"]);
    assert_eq!(world.heard(0), ["Progress 183 sdp", "Rejected 504"]);
    world.drain(MINUTE);
}

#[test]
fn a_second_one_waits_for_the_prack_of_the_first() {
    let mut world = World::new(2);
    let (_, b) = ringing_required(&mut world);
    world.ends[1].ring(world.now, b, 180, None);
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.ends[1].ring(world.now, b, 180, None);
    world.ends[1].accept(world.now, b, None);
    world.advance(100);
    world.check_ladder(
        "0>1 INVITE
         1>0 100 INVITE
         1>0 180 INVITE
         0>1 PRACK
         1>0 200 PRACK
         1>0 183 INVITE
         0>1 PRACK
         1>0 200 PRACK
         1>0 180 INVITE
         1>0 200 INVITE
         0>1 PRACK
         0>1 ACK
         1>0 200 PRACK",
    );
    assert_eq!(world.heard(0), ["Progress 180", "Progress 183 sdp", "Progress 180", "Answered sdp"]);
}

/// "it MUST be prepared to process PRACK requests for those outstanding responses" (RFC 3262 §3).
#[test]
fn a_200_overtakes_what_carries_no_session_description() {
    let mut world = World::new(2);
    let (_, b) = ringing_required(&mut world);
    world.ends[1].ring(world.now, b, 180, None);
    world.ends[1].accept(world.now, b, Some(sdp(1)));
    world.advance(1_000);
    world.check_ladder(
        "0>1 INVITE
         1>0 100 INVITE
         1>0 180 INVITE
         1>0 200 INVITE
         0>1 PRACK
         0>1 ACK
         1>0 200 PRACK",
    );
    assert_eq!(world.heard(0), ["Progress 180", "Answered sdp"]);
}

#[test]
fn a_prack_that_names_nothing_is_481_and_one_without_a_name_400() {
    let mut world = World::new(2);
    let (_, b) = ringing(&mut world);
    world.lose.push((0, "PRACK", 100));
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.advance(20);
    world.ladder = Some(Vec::new());
    let named = sent_request(&world, 0, "PRACK").headers.text(Name::RAck).unwrap_or_default().into_owned();
    let number = named.split(' ').next().unwrap_or_default();
    let mut cseq = 2;
    for rack in [&*format!("{number} 2 INVITE"), &format!("{number} 1 UPDATE"), "1 1 INVITE", "1 1", "x y z"]
    {
        cseq += 1;
        let mut prack = world.of_caller(Method::Prack, cseq, "183 INVITE");
        prack.headers.push(Name::RAck, rack);
        world.inject(0, 1, &prack);
    }
    world.check_ladder("1>0 481 PRACK\n1>0 481 PRACK\n1>0 481 PRACK\n1>0 400 PRACK\n1>0 400 PRACK");
}

#[test]
fn our_late_offer_is_answered_by_the_prack() {
    let mut world = World::new(2);
    let mut invite = world.invitation(0, address(1));
    invite.sdp = None;
    let a = world.ends[0].invite(world.now, invite);
    world.advance(20);
    let b = world.invited(1);
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.advance(100);
    // The PRACK waits for the host.
    assert_eq!(world.heard(0), ["Progress 183 sdp"]);
    world.ends[0].ack_sdp(world.now, a, sdp(2));
    world.advance(50);
    let Some(Event::ReofferAnswered { sdp: answer, .. }) = world.event(1) else { panic!("no answer") };
    assert_eq!(answer, sdp(2));
    world.ends[1].accept(world.now, b, None);
    world.advance(50);
    world.check_ladder(
        "0>1 INVITE
         1>0 100 INVITE
         1>0 183 INVITE
         0>1 PRACK
         1>0 200 PRACK
         1>0 200 INVITE
         0>1 ACK",
    );
    assert_eq!(world.heard(0), ["Answered sdp"]);
    assert_eq!(world.heard(1), ["Acked"]);
    assert!(sent_request(&world, 0, "ACK").body.is_empty());
}

#[test]
fn an_offer_in_a_prack_is_answered_by_its_200() {
    let mut world = World::new(2);
    let (_, b) = ringing(&mut world);
    world.lose.push((0, "PRACK", 100));
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.advance(20);
    world.ladder = Some(Vec::new());
    let mut prack = world.of_caller(Method::Prack, 3, "183 INVITE");
    prack.headers.copy_from(&sent_request(&world, 0, "PRACK").headers, Name::RAck);
    world.inject(0, 1, &prack.with_body("application/sdp", sdp(5)));
    assert_eq!(world.heard(1), ["Reoffer sdp"]);
    world.check_ladder("");
    world.ends[1].answer_reoffer(world.now, b, Ok(sdp(6)));
    world.flush();
    world.check_ladder("1>0 200 PRACK");
    assert_eq!(sent_response(&world, 1, "200 PRACK").body, sdp(6));
}

#[test]
fn cancel_while_a_prack_is_missing() {
    let mut world = World::new(2);
    let (a, b) = ringing(&mut world);
    world.lose.push((0, "PRACK", 100));
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.ends[1].accept(world.now, b, None);
    world.advance(200);
    world.ends[0].cancel(world.now, a);
    world.advance(100);
    assert_eq!(world.heard(0), ["Progress 183 sdp", "Rejected 487"]);
    assert_eq!(world.heard(1), ["Cancelled"]);
    world.drain(2 * MINUTE);
}

/// Where it is switched off, it is neither offered nor accepted.
#[test]
fn without_the_extension() {
    let off = || Config { reliable_provisional: false, session_expires: None, ..Config::default() };
    let mut world = World::new(2);
    world.ends[1] = Endpoint::new(off(), Rng::from_number(5));
    let (_, b) = ringing(&mut world);
    world.ends[1].ring(world.now, b, 183, Some(sdp(1)));
    world.advance(50);
    world.check_ladder("0>1 INVITE\n1>0 100 INVITE\n1>0 183 INVITE");
    assert!(!sent_response(&world, 1, "183 INVITE").headers.has(Name::RSeq));

    let options = world.of_caller(Method::Options, 8, "183 INVITE");
    world.inject(0, 1, &options);
    let abilities = sent_response(&world, 1, "200 OPTIONS").headers;
    assert!(!abilities.lists(Name::Supported, "100rel") && !abilities.lists(Name::Allow, "PRACK"));
    assert!(abilities.lists(Name::Supported, "replaces"));
    let prack = world.of_caller(Method::Prack, 9, "183 INVITE").with_body("x/y", Bytes::from("x"));
    world.inject(0, 1, &prack);
    assert_eq!(sent_response(&world, 1, "405 PRACK").status, 405);
    world.ladder = Some(Vec::new());

    let mut invite = world.invitation(0, address(1));
    invite.headers.push(("Require".to_owned(), "100rel".to_owned()));
    world.ends[0].invite(world.now, invite);
    world.advance(50);
    world.check_ladder("0>1 INVITE\n1>0 420 INVITE\n0>1 ACK");
    assert!(sent_response(&world, 1, "420 INVITE").headers.lists(Name::Unsupported, "100rel"));
}
