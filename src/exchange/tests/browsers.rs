//! Browsers: who is called and taken as one, and what the media is told.

use super::*;
use crate::base::ice::{Certificate, Certificates, Credentials, Fingerprint, Role, Terms};
use crate::base::srtp::Encryption;
use crate::base::{Codec, Codecs, DigitWay, Masked};
use crate::call::{Browser, Effect, Leg, Towards};
use crate::exchange::{Account, MediaKind};
use crate::sdp::{self, Direction, Local, Web};
use crate::sip::auth::Secret;
use crate::sip::{Flow, Transport};

fn certificates() -> Certificates {
    Certificates { first: Fingerprint::new([1; 32]), second: Fingerprint::new([2; 32]) }
}

fn bench(media: MediaKind, certificates: Option<Certificates>) -> Bench {
    let account = Account {
        user: "1001".to_owned(),
        secret: Secret::Password(Masked::from("pw")),
        encryption: None,
        codecs: None,
        digits: DigitWay::Auto,
        media,
    };
    let call = call::Settings { certificates, ..call::Settings::default() };
    Bench::with(Config { accounts: vec![account], call, ..Config::default() }, plan())
}

fn flow(transport: Transport, port: u16) -> Flow {
    let at = |port| ([127, 0, 0, 1], port).into();
    Flow { transport, local: at(5080), remote: at(port), connection: u64::from(port) }
}

fn register(bench: &mut Bench, flow: Flow) {
    let port = flow.remote.port();
    let text = format!(
        "REGISTER sip:hotline SIP/2.0\r\nVia: SIP/2.0/{} {port}.invalid;branch=z9hG4bK{port}\r\n\
         From: <sip:1001@hotline>;tag=a\r\nTo: <sip:1001@hotline>\r\nCall-ID: {port}\r\nCSeq: 1 REGISTER\r\n\
         Contact: <sip:1001@127.0.0.1:{port}>\r\n\r\n",
        flow.transport
    );
    let parsed = sip::Message::parse(text.into(), sip::Framing::Datagram, &sip::Limits::default());
    let Ok(sip::Message::Request(request)) = parsed else { panic!("{parsed:?}") };
    assert_eq!(bench.exchange.register_proven(bench.now, "1001", &request, flow).status, 200);
}

#[test]
fn who_is_called_as_a_browser() {
    let (is, no) = (Browser::Is(Certificate::First), Browser::No);
    for (media, by, expected) in [
        (MediaKind::Auto, &[Transport::Ws][..], is),
        (MediaKind::Auto, &[Transport::Wss, Transport::Ws], is),
        (MediaKind::Auto, &[Transport::Udp], no),
        (MediaKind::Auto, &[Transport::Wss, Transport::Udp], no),
        (MediaKind::Auto, &[], no),
        (MediaKind::Rtp, &[Transport::Wss], no),
        (MediaKind::Browser, &[Transport::Udp], is),
    ] {
        let mut bench = bench(media, Some(certificates()));
        for (at, transport) in by.iter().enumerate() {
            register(&mut bench, flow(*transport, 7001 + at as u16));
        }
        let towards = bench.exchange.towards_desk("1001", flow(Transport::Ws, 7001));
        assert_eq!(towards.browser, expected, "{media:?} {by:?}");
    }
    let mut bench = bench(MediaKind::Browser, None);
    register(&mut bench, flow(Transport::Ws, 7001));
    assert_eq!(bench.exchange.towards_desk("1001", flow(Transport::Ws, 7001)).browser, no, "there are none");
}

#[test]
fn whose_offer_of_a_browsers_media_is_taken() {
    let may = Browser::May;
    for (media, account, expected) in [
        (MediaKind::Auto, "1001", may),
        (MediaKind::Browser, "1001", may),
        (MediaKind::Rtp, "1001", Browser::No),
        (MediaKind::Auto, "somebody", Browser::No),
    ] {
        let exchange = bench(media, Some(certificates())).exchange;
        assert_eq!(exchange.towards_caller(flow(Transport::Ws, 9), None, account).browser, expected);
    }
    let trunk = Trunk::default();
    let exchange = bench(MediaKind::Auto, Some(certificates())).exchange;
    let towards = exchange.towards_caller(flow(Transport::Ws, 9), Some(&trunk), "1001");
    assert_eq!(towards.browser, Browser::No, "a carrier is no browser, whatever it calls itself");
}

/// A browser's side of offer and answer.
struct Page {
    credentials: Credentials,
    certificate: Fingerprint,
    direction: Direction,
}

impl Page {
    fn new(seed: u64) -> Self {
        let credentials = Credentials::random(&mut Rng::from_number(seed));
        Page { credentials, certificate: Fingerprint::new([9; 32]), direction: Direction::SendRecv }
    }

    fn local(&self) -> Local<'_> {
        Local {
            address: [127, 0, 0, 1].into(),
            rtp_port: 4000,
            codecs: &[Codec::Pcma],
            session_id: 1,
            version: 1,
            direction: self.direction,
            events: true,
            protection: None,
            web: Some(Web {
                credentials: &self.credentials,
                fingerprint: self.certificate,
                only: true,
                before: None,
            }),
        }
    }
}

/// A leg of a browser, and what its media is told by `act`.
fn told(bench: &mut Bench, leg: &mut Leg, act: impl FnOnce(&mut Ctx<'_>, &mut Leg)) -> Vec<Terms> {
    let ((), effects) = bench.exchange.in_ctx(bench.now, |ctx| act(ctx, leg));
    let terms = |effect| match effect {
        Effect::Media(media::Command::Await { terms, .. }) => Some(*terms),
        _ => None,
    };
    effects.into_iter().filter_map(terms).collect()
}

fn open(bench: &mut Bench, browser: Browser) -> Leg {
    let towards = Towards {
        address: [192, 0, 2, 1].into(),
        encryption: Encryption::Mandatory,
        codecs: Codecs::default(),
        digits: DigitWay::Auto,
        browser,
    };
    let id = LegId { call: crate::base::CallId(77), index: 0 };
    let (leg, _) = bench.exchange.in_ctx(bench.now, |ctx| Leg::open(ctx, id, towards));
    leg.expect("a port")
}

#[test]
fn the_media_is_told_once_and_again_when_the_way_or_the_certificate_is_another() {
    let mut bench = bench(MediaKind::Auto, Some(certificates()));
    let mut leg = open(&mut bench, Browser::May);
    let mut page = Page::new(7);
    let offer = |bench: &mut Bench, leg: &mut Leg, page: &Page| {
        let offer = sdp::offer(&page.local());
        told(bench, leg, |ctx, leg| {
            let answer = leg.answer(ctx, offer.as_bytes()).expect("an answer");
            let answer = sdp::parse(&answer).expect("a description");
            let agreed = sdp::agree(&page.local(), &answer).expect("agreed").web.expect("a browser");
            assert_eq!((agreed.fingerprint, agreed.role), (certificates().first, Role::Client));
        })
    };
    let [first] = &offer(&mut bench, &mut leg, &page)[..] else { panic!("once") };
    assert_eq!(first.certificate, Certificate::First);
    assert_eq!((first.fingerprint, first.role), (page.certificate, Role::Server));

    page.direction = Direction::SendOnly;
    assert_eq!(offer(&mut bench, &mut leg, &page), [], "a hold changes nothing");
    assert!(leg.holds());
    page.credentials = Page::new(8).credentials;
    let [restarted] = &offer(&mut bench, &mut leg, &page)[..] else { panic!("once") };
    assert_ne!(restarted.ours, first.ours, "a browser that looks for the way anew gets a new password");
    page.certificate = Fingerprint::new([10; 32]);
    let [again] = &offer(&mut bench, &mut leg, &page)[..] else { panic!("once") };
    assert_eq!(again.fingerprint, page.certificate);

    let plain = String::from_utf8_lossy(&leg.offer()).replace("UDP/TLS/RTP/SAVPF", "RTP/AVP");
    let refused = bench.exchange.in_ctx(bench.now, |ctx| leg.answer(ctx, plain.as_bytes()).is_err()).0;
    assert!(refused, "what is a browser stays one");
}

#[test]
fn a_browser_that_is_called_answers_with_its_own() {
    let mut bench = bench(MediaKind::Auto, Some(certificates()));
    let mut leg = open(&mut bench, Browser::Is(Certificate::First));
    let page = Page::new(7);
    let offer = sdp::parse(&leg.offer()).expect("a description");
    let (answer, agreed) = sdp::answer(&offer, &page.local()).expect("an answer");
    assert_eq!(agreed.web.expect("a browser").fingerprint, certificates().first);
    let told = told(&mut bench, &mut leg, |ctx, leg| leg.agree(ctx, answer.as_bytes()).expect("agreed"));
    let [terms] = &told[..] else { panic!("once") };
    // This page lets us begin.
    assert_eq!((terms.fingerprint, terms.role), (page.certificate, Role::Client));
    let other = Browser::Is(Certificate::Second);
    assert_eq!(leg.towards_by_another().browser, other, "whose keys would be those of the leg that is gone");
}
