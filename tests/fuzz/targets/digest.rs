//! Digest from both sides: no header convinces the server but the right answer, once; no challenge makes the
//! client say more than one line.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use arbitrary::Arbitrary;
use hotline::base::{Instant, Masked, Rng};
use hotline::sip::auth::{Challenger, Credentials, Login, Secret, Verdict};
use hotline::sip::{Method, Name, Response, Uri};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    seed: u64,
    /// What comes as Authorization.
    answer: &'a [u8],
    /// What comes as WWW-Authenticate.
    challenge: &'a str,
    /// Where a right answer is bent, and to what.
    bends: Vec<(u16, u8)>,
    seconds: u16,
}

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const PASSWORD: &str = "correct horse battery staple";

fuzz_target!(|input: Input<'_>| {
    let mut rng = Rng::from_number(input.seed);
    let mut server = Challenger::new("fuzz.example", rng.fork());
    let now = Instant::from_micros(1_000_000);
    let verdict = server.verify(now, PEER, "REGISTER", input.answer, lookup);
    assert!(!matches!(verdict, Verdict::Good(_)));

    for algorithm in 0..2 {
        let challenge = server.challenge(now, PEER, false, |_| true).swap_remove(algorithm);
        let mut phone = login();
        assert!(phone.challenged(&refused(&challenge)).is_ok());
        let right = authorize(&mut phone, &mut rng);
        bent(&mut server, now, &right, &input.bends);
        // What is for one address is worth nothing from another.
        let elsewhere =
            server.verify(now, IpAddr::from([192, 0, 2, 8]), "REGISTER", right.as_bytes(), lookup);
        assert!(!matches!(elsewhere, Verdict::Good(_)));
        let later = now + Duration::from_secs(input.seconds.into());
        let verdict = server.verify(later, PEER, "REGISTER", right.as_bytes(), lookup);
        if input.seconds < 300 {
            assert_eq!(verdict, Verdict::Good(Masked::from("alice")));
        } else {
            assert!(matches!(verdict, Verdict::Stale | Verdict::Good(_)));
        }
        // Heard once, it is worth nothing (RFC 7616 §5.12).
        let again = server.verify(later, PEER, "REGISTER", right.as_bytes(), lookup);
        assert!(!matches!(again, Verdict::Good(_)));
    }

    let mut phone = login();
    if phone.challenged(&refused(input.challenge)).is_ok() {
        let said = authorize(&mut phone, &mut rng);
        assert!(!said.contains(['\r', '\n']), "{said:?}");
        assert!(!said.contains(PASSWORD), "{said:?}");
        assert!(said.len() <= 4 * input.challenge.len() + 1024);
        assert!(!matches!(server.verify(now, PEER, "REGISTER", said.as_bytes(), lookup), Verdict::Good(_)));
    }
});

/// A right answer, bent or not, is wrong for another method.
fn bent(server: &mut Challenger, now: Instant, right: &str, bends: &[(u16, u8)]) {
    if bends.is_empty() {
        return;
    }
    let mut bytes = right.as_bytes().to_vec();
    for (at, byte) in bends.iter().take(4) {
        let at = usize::from(*at) % bytes.len();
        bytes[at] = *byte;
    }
    let verdict = server.verify(now, PEER, "INVITE", &bytes, lookup);
    assert!(!matches!(verdict, Verdict::Good(_)));
}

fn lookup(user: &str) -> Option<Secret> {
    (user == "alice").then(|| Secret::Password(Masked::from(PASSWORD)))
}

fn login() -> Login {
    Login::new(Credentials { user: "alice".to_owned(), password: Masked::from(PASSWORD) })
}

fn authorize(phone: &mut Login, rng: &mut Rng) -> String {
    let uri = Uri::parse("sip:fuzz.example").unwrap();
    let (name, value) = phone.authorize(rng, &Method::Register, &uri).expect("it was challenged");
    assert!(matches!(name, Name::Authorization | Name::ProxyAuthorization));
    value
}

fn refused(challenge: &str) -> Response {
    let request = hotline_fuzz::request(
        "REGISTER sip:fuzz.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx\r\nFrom: <sip:alice@fuzz.example>;tag=a\r\n\
         To: <sip:alice@fuzz.example>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n\r\n",
    );
    let mut response = request.response(401);
    response.headers.push(Name::WwwAuthenticate, challenge);
    response
}
