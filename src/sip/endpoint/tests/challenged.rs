//! Requests of ours outside a dialog that the peer challenges.

use std::time::Duration;

use crate::base::{Masked, Rng};
use crate::sip::auth::{Algorithm, Challenger, Credentials, Secret, Verdict};
use crate::sip::{Answer, Event, Method, Name, NameAddr, OutOfDialog, Request, RequestId, Thread, Uri};

use super::world::{World, address};

const MINUTE: Duration = Duration::from_secs(60);

/// The second end is a registrar that knows `hotline` by this password.
const PASSWORD: &str = "let us in";

fn registration(world: &World, password: &str, cseq: u32) -> OutOfDialog {
    let own = Uri::sip(Some("hotline"), address(1));
    OutOfDialog {
        request_uri: Some(Uri::sip(None, address(1))),
        thread: Some(Thread { call_id: "ours".to_owned(), cseq }),
        credentials: Some(Credentials { user: "hotline".to_owned(), password: Masked::from(password) }),
        ..OutOfDialog::new(Method::Register, own.clone(), world.flow(0, 1), NameAddr::new(own))
    }
}

fn registrar(offers: Algorithm) -> Challenger {
    Challenger::new("carrier".to_owned(), Rng::from_number(3)).offering(&[offers])
}

/// Lets the registrar answer what has come; the verdict on it.
fn judge(world: &mut World, registrar: &mut Challenger) -> (RequestId, Box<Request>, bool) {
    world.advance(20);
    let Some(Event::Request { id, request, .. }) = world.event(1) else { panic!("no request") };
    let secret = Secret::Password(Masked::from(PASSWORD));
    let verdict =
        registrar.verify_request(world.now, super::refusals::PEER, &request, |_| Some(secret.clone()));
    let good = matches!(verdict, Verdict::Good(_));
    let answer = if good {
        Answer::new(200).with("Expires", "60")
    } else {
        let challenges =
            registrar.challenge(world.now, super::refusals::PEER, verdict == Verdict::Stale, |_| true);
        challenges.into_iter().fold(Answer::new(401), |answer, value| answer.with("WWW-Authenticate", value))
    };
    world.ends[1].respond(world.now, id, answer);
    (id, request, good)
}

#[test]
fn a_challenge_is_answered_with_the_next_number_of_the_same_thread() {
    for algorithm in [Algorithm::Sha256, Algorithm::Md5] {
        let mut world = World::new(2);
        let mut registrar = registrar(algorithm);
        let request = registration(&world, PASSWORD, 7);
        let asked = world.ends[0].request(world.now, request);
        let (_, first, good) = judge(&mut world, &mut registrar);
        assert!(!good && !first.headers.has(Name::Authorization));
        let (_, second, good) = judge(&mut world, &mut registrar);
        assert!(good);
        assert_eq!((first.cseq, second.cseq), (7, 8));
        assert_eq!((&first.call_id.to_str()[..], &second.call_id.to_str()[..]), ("ours", "ours"));
        assert_eq!(first.from.tag(), second.from.tag());
        assert_eq!(second.uri, Uri::sip(None, address(1)));
        assert_eq!(second.to.uri.user().as_deref(), Some("hotline"));
        world.advance(20);
        let Some(Event::Reply { id, status: 200, .. }) = world.event(0) else { panic!("no reply") };
        assert_eq!(id, asked);
        world.drain(MINUTE);
    }
}

#[test]
fn a_wrong_password_is_tried_once() {
    let mut world = World::new(2);
    let mut registrar = registrar(Algorithm::Sha256);
    let request = registration(&world, "guess", 1);
    world.ends[0].request(world.now, request);
    assert!(!judge(&mut world, &mut registrar).2);
    assert!(!judge(&mut world, &mut registrar).2);
    world.advance(20);
    let Some(Event::Reply { status: 401, .. }) = world.event(0) else { panic!("no reply") };
    assert!(world.event(1).is_none(), "nothing more was asked");
    world.drain(MINUTE);
}

#[test]
fn without_an_answer_nothing_is_kept() {
    let mut world = World::new(1);
    let request = registration(&world, PASSWORD, 1);
    world.ends[0].request(world.now, request);
    world.advance(33_000);
    assert_eq!(world.heard(0), ["Reply 408"]);
    world.drain(MINUTE);
}
