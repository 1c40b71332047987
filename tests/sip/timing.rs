//! Whether the time of an answer tells a wrong password from an unknown user.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant as Clock;

use hotline::base::{Instant, Masked, Rng};
use hotline::sip::auth::{Algorithm, Challenger, Credentials, Login, Secret, Verdict};
use hotline::sip::{Framing, Limits, Message, Method, Name, Uri};

const SAMPLES: usize = 20_000;

/// `cargo test --release --test main timing -- --ignored --nocapture`. The distance D of Kolmogorov and Smirnov is the
/// largest between the two distributions, 0 to 1: what chance alone does to so many samples stays below 0.02.
#[test]
#[ignore = "a measurement: nothing depends on it but the reader"]
#[allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn wrong_password_and_unknown_user_take_the_same_time() {
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let now = Instant::from_micros(1_000_000);
    for algorithm in Algorithm::ALL {
        let mut challenger = Challenger::new("hotline", Rng::from_number(1)).offering(&[algorithm]);
        let mut rng = Rng::from_number(2);
        let mut took: [Vec<u64>; 2] = [Vec::new(), Vec::new()];
        for number in 0..2 * SAMPLES {
            // In turn, so that what the machine does besides strikes both.
            let (kind, user) = if number % 2 == 0 { (0, "1001") } else { (1, "7007") };
            let mut login =
                Login::new(Credentials { user: user.to_owned(), password: Masked::from("guess") });
            let challenge = challenger.challenge(now, peer, false, |_| true);
            login.challenged(&refusal(&challenge)).unwrap();
            let (_, header) =
                login.authorize(&mut rng, &Method::Register, &Uri::parse("sip:h").unwrap()).unwrap();
            let begun = Clock::now();
            let verdict = challenger.verify(now, peer, "REGISTER", header.as_bytes(), |user| {
                (user == "1001").then(|| Secret::Password(Masked::from("Circle of Life")))
            });
            took[kind].push(u64::try_from(begun.elapsed().as_nanos()).unwrap());
            assert!(matches!(verdict, Verdict::Bad(_)));
        }
        took.iter_mut().for_each(|samples| samples.sort_unstable());
        for (name, samples) in ["wrong password", "unknown user"].iter().zip(&took) {
            let at = |share: usize| samples[samples.len() * share / 1000];
            let [p10, p50, p90, p99] = [100, 500, 900, 990].map(at);
            println!("{:8} {name:15} p10 {p10} p50 {p50} p90 {p90} p99 {p99} ns", algorithm.name());
        }
        println!("{:8} D = {:.4}", algorithm.name(), distance(&took[0], &took[1]));
    }
}

fn refusal(challenges: &[String]) -> hotline::sip::Response {
    let text = "SIP/2.0 401 No\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=a\r\n\
        To: <sip:a@h>;tag=b\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n\r\n";
    let parsed = Message::parse(text.into(), Framing::Datagram, &Limits::default());
    let Ok(Message::Response(mut response)) = parsed else { panic!("{parsed:?}") };
    for challenge in challenges {
        response.headers.push(Name::WwwAuthenticate, challenge.clone());
    }
    response
}

/// Of two sorted samples of one length.
fn distance(a: &[u64], b: &[u64]) -> f64 {
    let share = |samples: &[u64], value: u64| {
        samples.partition_point(|sample| *sample <= value) as f64 / samples.len() as f64
    };
    a.iter().chain(b).map(|value| (share(a, *value) - share(b, *value)).abs()).fold(0.0, f64::max)
}
