//! The flows of RFC 3665 §3 as far as a user agent has a part in them: its proxies are left out, so that Alice and Bob
//! see what they see in the RFC. (§2 is the registrar's.)

use std::time::Duration;

use crate::base::{Masked, Rng};
use crate::sip::auth::{Challenger, Credentials, Secret, Verdict};
use crate::sip::{Answer, DialogId, Event, Invite, Message, Name};

use super::world::{World, address, fork_address, sdp};

const MINUTE: Duration = Duration::from_secs(60);
const ALICE: usize = 0;
const BOB: usize = 1;

/// Plays a scenario, lets everything come to its end, and compares what went between Alice (0) and Bob (1).
#[track_caller]
fn check(scenario: impl FnOnce(&mut World), ladder: &str) {
    let mut world = World::new(2);
    scenario(&mut world);
    world.advance(1_000);
    world.check_ladder(ladder);
    world.drain(3 * MINUTE);
}

/// Alice calls and Bob's phone rings: F1 to F3 of most flows.
fn ring(world: &mut World) -> (DialogId, DialogId) {
    let alice = world.call();
    world.advance(20);
    let bob = world.invited(BOB);
    world.ends[BOB].ring(world.now, bob, 180, None);
    world.advance(1_000);
    (alice, bob)
}

/// And Bob answers.
fn answer(world: &mut World) -> (DialogId, DialogId) {
    let (alice, bob) = ring(world);
    world.ends[BOB].accept(world.now, bob, Some(sdp(1)));
    world.advance(1_000);
    (alice, bob)
}

#[test]
fn successful_session_establishment() {
    check(
        |world| {
            let (_, bob) = answer(world);
            world.ends[BOB].bye(world.now, bob, None);
        },
        "0>1 INVITE
         1>0 100 INVITE
         1>0 180 INVITE
         1>0 200 INVITE
         0>1 ACK
         1>0 BYE
         0>1 200 BYE",
    );
}

/// §3.2: what the proxies on the way ask for: their Record-Route comes back in Route, the nearest first.
#[test]
fn session_establishment_through_two_proxies() {
    check(
        |world| {
            let mut invite = world.invitation(ALICE, address(BOB));
            // Each of them stands where the other end does, so that what is sent to it arrives.
            for proxy in ["<sip:192.0.2.1:5060;lr;p=2>", "<sip:192.0.2.2:5060;lr;p=1>"] {
                invite.headers.push(("Record-Route".to_owned(), proxy.to_owned()));
            }
            world.ends[ALICE].invite(world.now, invite);
            world.advance(20);
            let bob = world.invited(BOB);
            world.ends[BOB].accept(world.now, bob, Some(sdp(1)));
            world.advance(500);
            world.ends[BOB].bye(world.now, bob, None);
            world.advance(100);
            let routes = |world: &World, end: usize, name: &str| {
                let Message::Request(request) = world.last_sent(end, name) else { panic!("a response") };
                let routes = request.headers.all(Name::Route);
                routes.map(|route| String::from_utf8_lossy(route).into_owned()).collect::<Vec<_>>()
            };
            let (one, two) = ("<sip:192.0.2.2:5060;lr;p=1>", "<sip:192.0.2.1:5060;lr;p=2>");
            assert_eq!(routes(world, ALICE, "ACK"), [one, two]);
            assert_eq!(routes(world, BOB, "BYE"), [two, one]);
        },
        "0>1 INVITE
         1>0 100 INVITE
         1>0 200 INVITE
         0>1 ACK
         1>0 BYE
         0>1 200 BYE",
    );
}

/// §3.3: the other side wants to know who calls (there a proxy by 407, here Bob by 401); the INVITE goes once more with the credentials.
#[test]
fn session_establishment_with_authentication() {
    check(
        |world| {
            let mut invite: Invite = world.invitation(ALICE, address(BOB));
            let password = Masked::from("secret");
            invite.credentials = Some(Credentials { user: "alice".to_owned(), password: password.clone() });
            world.ends[ALICE].invite(world.now, invite);
            let mut challenger = Challenger::new("atlanta".to_owned(), Rng::from_number(3));
            for good in [false, true] {
                world.advance(20);
                let Some(Event::Invite { dialog, request, .. }) = world.event(BOB) else {
                    panic!("no INVITE")
                };
                let secret = Secret::Password(password.clone());
                let verdict = challenger
                    .verify_request(world.now, super::refusals::PEER, &request, |_| Some(secret.clone()));
                assert_eq!(matches!(verdict, Verdict::Good(_)), good);
                let challenges = challenger.challenge(world.now, super::refusals::PEER, false, |_| true);
                let refusal = challenges
                    .into_iter()
                    .fold(Answer::new(401), |answer, value| answer.with("WWW-Authenticate", value));
                match good {
                    true => world.ends[BOB].accept(world.now, dialog, Some(sdp(1))),
                    false => world.ends[BOB].reject(world.now, dialog, refusal),
                }
                world.flush();
                if good {
                    world.advance(100);
                    world.ends[BOB].bye(world.now, dialog, None);
                }
            }
        },
        "0>1 INVITE
         1>0 100 INVITE
         1>0 401 INVITE
         0>1 ACK
         0>1 INVITE
         1>0 100 INVITE
         1>0 200 INVITE
         0>1 ACK
         1>0 BYE
         0>1 200 BYE",
    );
}

/// §3.6: whom a redirect server names is for the host to call.
#[test]
fn session_via_redirect() {
    check(
        |world| {
            world.call();
            world.advance(20);
            let first = world.invited(BOB);
            let moved = Answer::new(302).with("Contact", "<sip:bob@192.0.2.2:5060>");
            world.ends[BOB].reject(world.now, first, moved);
            world.advance(100);
            assert_eq!(world.heard(ALICE), ["Rejected 302"]);
            let (alice, _) = ring(world);
            world.ends[ALICE].cancel(world.now, alice);
        },
        "0>1 INVITE
         1>0 100 INVITE
         1>0 302 INVITE
         0>1 ACK
         0>1 INVITE
         1>0 100 INVITE
         1>0 180 INVITE
         0>1 CANCEL
         1>0 200 CANCEL
         1>0 487 INVITE
         0>1 ACK",
    );
}

/// §3.7: Bob's address changes in the middle of the call.
#[test]
fn session_with_reinvite() {
    check(
        |world| {
            let (alice, bob) = answer(world);
            world.heard(ALICE);
            world.ends[BOB].reoffer(world.now, bob, sdp(2));
            world.advance(15);
            assert_eq!(world.heard(ALICE), ["Reoffer sdp"]);
            world.ends[ALICE].answer_reoffer(world.now, alice, Ok(sdp(2)));
            world.advance(1_000);
            world.ends[ALICE].bye(world.now, alice, None);
        },
        "0>1 INVITE
         1>0 100 INVITE
         1>0 180 INVITE
         1>0 200 INVITE
         0>1 ACK
         1>0 INVITE
         0>1 100 INVITE
         0>1 200 INVITE
         1>0 ACK
         0>1 BYE
         1>0 200 BYE",
    );
}

/// §3.8: nobody answers, and Alice gives up.
#[test]
fn unsuccessful_no_answer() {
    check(
        |world| {
            let (alice, _) = ring(world);
            world.ends[ALICE].cancel(world.now, alice);
            world.advance(100);
            assert_eq!(world.heard(ALICE), ["Progress 180", "Rejected 487"]);
        },
        "0>1 INVITE
         1>0 100 INVITE
         1>0 180 INVITE
         0>1 CANCEL
         1>0 200 CANCEL
         1>0 487 INVITE
         0>1 ACK",
    );
}

/// §3.9 and §3.11: busy, and temporarily unavailable after it rang.
#[test]
fn unsuccessful_busy_and_unavailable() {
    for (status, ladder) in [(486, "1>0 486 INVITE"), (480, "1>0 480 INVITE")] {
        check(
            |world| {
                let (_, bob) = ring(world);
                world.ends[BOB].reject(world.now, bob, Answer::new(status));
                world.advance(100);
                assert_eq!(world.heard(ALICE), ["Progress 180".to_owned(), format!("Rejected {status}")]);
            },
            &format!("0>1 INVITE\n1>0 100 INVITE\n1>0 180 INVITE\n{ladder}\n0>1 ACK"),
        );
    }
}

/// §3.10: seven INVITEs in 32 seconds, and then nobody is there.
#[test]
fn unsuccessful_no_response() {
    check(
        |world| {
            let invite = world.invitation(ALICE, fork_address());
            world.ends[ALICE].invite(world.now, invite);
            world.advance(33_000);
            assert_eq!(world.heard(ALICE), ["Rejected 408"]);
        },
        &"0>? INVITE\n".repeat(7),
    );
}
