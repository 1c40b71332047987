use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::challenger::Counts;
use super::*;
use crate::base::{Instant, Rng};
use crate::sip::header::{Headers, Name};
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::uri::Uri;
use crate::sip::{Framing, Limits, Message};

const PASSWORD: &str = "Circle of Life";
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// RFC 7616 §3.9.1: both algorithms, the published values.
#[test]
fn the_rfcs_own_example() {
    let proof = |algorithm: Algorithm| {
        let secret = Secret::Password(Masked::from(PASSWORD));
        let ha1 = secret.ha1(algorithm, "Mufasa", "http-auth@example.org").unwrap();
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let qop = Some(Qop { count: "00000001", cnonce, body: None });
        Proof { algorithm, ha1: &ha1, method: "GET", uri: "/dir/index.html", nonce, qop }.response()
    };
    assert_eq!(proof(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
    assert_eq!(proof(Algorithm::Sha256), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

#[test]
fn challenges_in_the_order_that_is_offered() {
    let offered = |algorithms: &[Algorithm]| {
        let mut challenger = Challenger::new("bank", Rng::from_number(1)).offering(algorithms);
        let values = challenger.challenge(Instant::ZERO, PEER, false, |_| true);
        values.iter().map(|v| v.rsplit('=').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(offered(&Algorithm::ALL), ["SHA-256", "MD5"]);
    assert_eq!(offered(&[Algorithm::Md5, Algorithm::Sha256]), ["MD5", "SHA-256"]);
    assert_eq!(offered(&[Algorithm::Sha256]), ["SHA-256"]);
}

#[test]
fn our_client_satisfies_our_server() {
    let mut world = World::new();
    let header = world.login("1001", PASSWORD);
    assert!(header.contains("algorithm=SHA-256"), "{header}");
    assert_eq!(world.verify(&header), Verdict::Good(Masked::from("1001")));
}

#[test]
fn wrong_password_and_unknown_user_look_the_same() {
    let mut world = World::new();
    let wrong = world.login("1001", "circle of life");
    let unknown = world.login("9999", PASSWORD);
    assert_eq!(world.verify(&wrong), Verdict::Bad(Masked::from("1001")));
    assert_eq!(world.verify(&unknown), Verdict::Bad(Masked::from("9999")));
    assert_eq!(world.challenger.used.len(), 0, "nothing is remembered of those who fail");
}

#[test]
fn an_answer_is_good_once_and_counts_may_be_reordered() {
    let mut world = World::new();
    let mut login = world.challenged_login("1001", PASSWORD);
    let headers: Vec<String> = (0..4).map(|_| world.answer(&mut login)).collect();
    let good = Verdict::Good(Masked::from("1001"));
    assert_eq!(world.verify(&headers[0]), good);
    assert_eq!(world.verify(&headers[0]), Verdict::Stale, "replayed");
    assert_eq!(world.verify(&headers[3]), good);
    assert_eq!(world.verify(&headers[1]), good, "overtaken, not replayed");
    assert_eq!(world.verify(&headers[1]), Verdict::Stale);
}

#[test]
fn counts_too_far_behind_are_replays() {
    let mut counts = Counts { highest: 100, seen: 1 };
    assert!(!counts.take(100) && !counts.take(36) && counts.take(37) && !counts.take(37));
    assert!(counts.take(u32::MAX) && !counts.take(100) && !counts.take(u32::MAX));
}

#[test]
fn an_old_nonce_or_one_of_before_a_restart_is_stale_not_bad() {
    let mut world = World::new();
    let header = world.login("1001", PASSWORD);
    world.now += Duration::from_secs(300);
    assert_eq!(world.verify(&header), Verdict::Stale);
    let wrong = world.login("1001", "x");
    world.now += Duration::from_secs(300);
    assert_eq!(
        world.verify(&wrong),
        Verdict::Stale,
        "an old nonce tells nobody whether the password was right"
    );

    let header = world.login("1001", PASSWORD);
    world.challenger = Challenger::new("bank", Rng::from_number(2));
    assert_eq!(world.verify(&header), Verdict::Stale);
    let stale = world.challenger.challenge(world.now, PEER, true, |_| true);
    assert!(stale.iter().all(|value| value.ends_with(", stale=true")), "{stale:?}");
}

#[test]
fn used_nonces_are_forgotten_when_they_expire() {
    let mut world = World::new();
    for _ in 0..10 {
        let header = world.login("1001", PASSWORD);
        assert_eq!(world.verify(&header), Verdict::Good(Masked::from("1001")));
        world.now += Duration::from_secs(100);
    }
    assert!(world.challenger.used.len() <= 4, "{:?}", world.challenger);
}

#[test]
fn a_nonce_is_for_the_address_that_it_was_sent_to() {
    let mut world = World::new();
    let header = world.login("1001", PASSWORD);
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8));
    let secret = |_: &str| Some(Secret::Password(Masked::from(PASSWORD)));
    let verdict = world.challenger.verify(world.now, elsewhere, "REGISTER", header.as_bytes(), secret);
    assert_eq!(verdict, Verdict::Stale, "overheard, or the phone has moved");
    let mapped = IpAddr::V6(Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped());
    let verdict = world.challenger.verify(world.now, mapped, "REGISTER", header.as_bytes(), secret);
    assert_eq!(
        verdict,
        Verdict::Good(Masked::from("1001")),
        "the same address, as a socket of both families has it"
    );
}

#[test]
fn a_phone_is_challenged_with_what_it_knows() {
    let mut challenger = Challenger::new("bank", Rng::from_number(1));
    let md5 = challenger.challenge(Instant::ZERO, PEER, false, |algorithm| algorithm == Algorithm::Md5);
    assert!(matches!(md5.as_slice(), [only] if only.ends_with("algorithm=MD5")), "{md5:?}");
    challenger.algorithms = vec![Algorithm::Sha256];
    let all = challenger.challenge(Instant::ZERO, PEER, false, |algorithm| algorithm == Algorithm::Md5);
    assert!(
        matches!(all.as_slice(), [only] if only.ends_with("algorithm=SHA-256")),
        "nothing weaker than set"
    );
}

/// RFC 7616 §3.4.2 and §3.4.3, computed by hand from their formulas.
#[test]
fn the_client_answers_sessions_and_covers_bodies() {
    let answer = |challenge: &str, body: &[u8]| {
        let mut login = Login::new(credentials("trunk", "secret"));
        login.challenged(&response(401, Name::WwwAuthenticate, &[challenge.to_owned()])).unwrap();
        let uri = Uri::parse("sip:1@example.com").unwrap();
        login.authorize_with(&mut Rng::from_number(1), &Method::Invite, &uri, body).unwrap().1
    };
    let field =
        |value: &str, name: &str| Fields::parse(value.as_bytes()).unwrap().get(name).unwrap().into_owned();
    let md5 = |parts: &[&str]| Algorithm::Md5.hash(parts);

    let session =
        answer("Digest realm=\"p\", nonce=\"n\", qop=\"auth-int,auth\", algorithm=MD5-sess", b"v=0");
    assert_eq!((field(&session, "algorithm"), field(&session, "qop")), ("MD5-sess".into(), "auth".into()));
    let cnonce = field(&session, "cnonce");
    let a1 = md5(&[&md5(&["trunk", "p", "secret"]), "n", &cnonce]);
    let a2 = md5(&["INVITE", "sip:1@example.com"]);
    assert_eq!(field(&session, "response"), md5(&[&a1, "n", "00000001", &cnonce, "auth", &a2]));

    let covered = answer("Digest realm=\"p\", nonce=\"n\", qop=\"auth-int\"", b"v=0");
    let cnonce = field(&covered, "cnonce");
    let a2 = md5(&["INVITE", "sip:1@example.com", &md5(&["v=0"])]);
    let a1 = md5(&["trunk", "p", "secret"]);
    assert_eq!(field(&covered, "response"), md5(&[&a1, "n", "00000001", &cnonce, "auth-int", &a2]));
}

#[test]
fn what_is_no_digest_for_us_is_missing_and_what_is_half_a_digest_is_bad() {
    let mut world = World::new();
    assert_eq!(world.verify("NoOneKnowsThisScheme opaque-data=here"), Verdict::Missing);
    assert_eq!(world.verify("Digest realm=\"elsewhere\", username=\"1001\""), Verdict::Missing);
    assert_eq!(world.verify(""), Verdict::Missing);
    assert_eq!(world.verify("Digest realm=\"bank\", username=\"1001\""), Verdict::Missing);
    let header = world.login("1001", PASSWORD);
    for cut in 0..header.len() {
        // Never a panic, never good.
        assert!(!matches!(world.verify(&header[..cut]), Verdict::Good(_)), "{cut}");
    }
    assert_eq!(world.verify(&header.replace("qop=auth, ", "")), Verdict::Missing);
    assert_eq!(world.verify(&header.replace("SHA-256", "MD5")), Verdict::Bad(Masked::from("1001")));
    assert_eq!(world.verify(&header), Verdict::Good(Masked::from("1001")));
}

#[test]
fn md5_is_refused_where_it_is_not_offered() {
    let mut world = World::new();
    let mut login = Login::new(credentials("1001", PASSWORD));
    let md5_only = vec![world.challenger.challenge(world.now, PEER, false, |_| true).pop().unwrap()];
    login.challenged(&response(401, Name::WwwAuthenticate, &md5_only)).unwrap();
    let header = world.answer(&mut login);
    assert!(header.contains("algorithm=MD5"), "{header}");
    let again = world.answer(&mut login);
    assert_eq!(world.verify(&header), Verdict::Good(Masked::from("1001")));
    world.challenger.algorithms = vec![Algorithm::Sha256];
    assert_eq!(world.verify(&again), Verdict::Missing);
}

#[test]
fn stored_hashes_serve_for_their_algorithm_only() {
    let mut world = World::new();
    let ha1 = Algorithm::Sha256.hash(&["1001", "bank", PASSWORD]);
    let secret = Secret::Ha1 { sha256: Some(Masked::from(ha1)), md5: None };
    let header = world.login("1001", PASSWORD);
    let verdict =
        world.challenger.verify(world.now, PEER, "REGISTER", header.as_bytes(), |_| Some(secret.clone()));
    assert_eq!(verdict, Verdict::Good(Masked::from("1001")));
    let none = Secret::Ha1 { sha256: None, md5: None };
    let header = world.login("1001", PASSWORD);
    let verdict =
        world.challenger.verify(world.now, PEER, "REGISTER", header.as_bytes(), |_| Some(none.clone()));
    assert_eq!(verdict, Verdict::Bad(Masked::from("1001")));
}

#[test]
fn the_client_does_not_repeat_a_refused_password() {
    let mut world = World::new();
    let mut login = world.challenged_login("1001", "wrong");
    world.answer(&mut login);
    let again = world.challenger.challenge(world.now, PEER, false, |_| true);
    let refused = login.challenged(&response(401, Name::WwwAuthenticate, &again));
    assert_eq!(refused, Err(LoginRefused::Refused));
    let stale = world.challenger.challenge(world.now, PEER, true, |_| true);
    assert_eq!(login.challenged(&response(401, Name::WwwAuthenticate, &stale)), Ok(()));
}

#[test]
fn the_client_answers_proxies_and_servers_of_rfc_2069() {
    let mut login = Login::new(credentials("trunk", "secret"));
    let asked = ["Digest realm=\"p\", nonce=\"n\", opaque=\"o\"".to_owned()];
    login.challenged(&response(407, Name::ProxyAuthenticate, &asked)).unwrap();
    let uri = Uri::parse("sip:1@example.com").unwrap();
    let (name, value) = login.authorize(&mut Rng::from_number(1), &Method::Invite, &uri).unwrap();
    assert_eq!(name, Name::ProxyAuthorization);
    assert!(
        value.contains("opaque=\"o\"") && !value.contains("qop") && !value.contains("algorithm"),
        "{value}"
    );

    let neither = [
        "Digest realm=\"p\", nonce=\"n\", qop=\"auth-conf\"".to_owned(),
        "Digest realm=\"p\", nonce=\"n\", algorithm=MD5-sess".to_owned(),
        "Basic realm=\"p\"".to_owned(),
    ];
    let refused =
        Login::new(credentials("a", "b")).challenged(&response(401, Name::WwwAuthenticate, &neither));
    assert_eq!(refused, Err(LoginRefused::NoChallenge));
}

#[test]
fn nothing_shows_a_password() {
    let login = Login::new(credentials("1001", "top-secret-word"));
    let shown = format!("{login:?} {:?}", Secret::Password(Masked::from("top-secret-word")));
    assert!(!shown.contains("secret-word"), "{shown}");
}

struct World {
    challenger: Challenger,
    rng: Rng,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let now = Instant::from_micros(7_000_000);
        World { challenger: Challenger::new("bank", Rng::from_number(1)), rng: Rng::from_number(2), now }
    }

    fn challenged_login(&mut self, user: &str, password: &str) -> Login {
        let mut login = Login::new(credentials(user, password));
        let asked = self.challenger.challenge(self.now, PEER, false, |_| true);
        login.challenged(&response(401, Name::WwwAuthenticate, &asked)).unwrap();
        login
    }

    fn login(&mut self, user: &str, password: &str) -> String {
        let mut login = self.challenged_login(user, password);
        self.answer(&mut login)
    }

    fn answer(&mut self, login: &mut Login) -> String {
        let uri = Uri::parse("sip:bank.example").unwrap();
        let (name, value) = login.authorize(&mut self.rng, &Method::Register, &uri).unwrap();
        assert_eq!(name, Name::Authorization);
        value
    }

    fn verify(&mut self, header: &str) -> Verdict {
        self.challenger.verify(self.now, PEER, "REGISTER", header.as_bytes(), |user| {
            (user == "1001").then(|| Secret::Password(Masked::from(PASSWORD)))
        })
    }
}

fn credentials(user: &str, password: &str) -> Credentials {
    Credentials { user: user.into(), password: Masked::from(password) }
}

fn response(status: u16, name: Name, values: &[String]) -> Response {
    let text = format!(
        "SIP/2.0 {status} No\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=a\r\nTo: <sip:a@h>;tag=b\r\n\
         Call-ID: c\r\nCSeq: 1 REGISTER\r\n\r\n"
    );
    let parsed = Message::parse(text.into(), Framing::Datagram, &Limits::default());
    let Ok(Message::Response(mut response)) = parsed else { panic!("{parsed:?}") };
    response.headers = Headers::default();
    for value in values {
        response.headers.push(name, value.clone());
    }
    response
}
