//! The SIP engine: messages, transactions, whole calls, registrations.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use hotline::base::{Instant, Rng};
use hotline::sip::registrar::{self, Registrar};
use hotline::sip::{
    Answer, Config, Endpoint, Event, Flow, Framing, Invite, Limits, Message, Method, Name, NameAddr,
    OutOfDialog, Request, Transport, Uri,
};

use super::Sample;

/// As a carrier's border element writes it.
pub fn invite() -> Bytes {
    let body = "v=0\r\no=- 20518 0 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n\
        m=audio 54400 RTP/AVP 8 0 18 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
        a=rtpmap:18 G729/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";
    let head = "INVITE sip:95588@hotline.example.com:5060 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKnashds8ab12cd34;rport\r\n\
        Via: SIP/2.0/TCP client.carrier.example.com:5060;branch=z9hG4bK74bf9;received=192.0.2.4\r\n\
        Record-Route: <sip:edge.carrier.example.com;lr>\r\nMax-Forwards: 68\r\n\
        From: \"Caller\" <sip:13800138000@carrier.example.com;user=phone>;tag=9fxced76sl\r\n\
        To: <sip:95588@hotline.example.com>\r\n\
        Call-ID: 3848276298220188511@edge.carrier.example.com\r\nCSeq: 10276 INVITE\r\n\
        Contact: <sip:13800138000@203.0.113.1:5060;transport=udp>\r\n\
        P-Asserted-Identity: <sip:13800138000@carrier.example.com>\r\n\
        Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK, REFER, NOTIFY\r\n\
        Supported: 100rel, timer, replaces\r\nSession-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\n\
        User-Agent: Border element 7.2\r\nContent-Type: application/sdp\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into()
}

fn parse(bytes: &Bytes, limits: &Limits) -> Message {
    Message::parse(bytes.clone(), Framing::Datagram, limits).expect("a good message")
}

fn request(bytes: &Bytes, limits: &Limits) -> Request {
    match parse(bytes, limits) {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!("it is a request"),
    }
}

pub fn parse_invite() -> Sample {
    let (bytes, limits) = (invite(), Limits::default());
    Sample::of(50_000, |_| drop(black_box(parse(black_box(&bytes), &limits))))
}

/// What a transaction, a dialog and a call look at.
pub fn parse_and_use() -> Sample {
    let (bytes, limits) = (invite(), Limits::default());
    Sample::of(50_000, |_| {
        let invite = request(black_box(&bytes), &limits);
        let via = invite.via().expect("it has one");
        black_box((via.has_cookie(), via.branch(), via.rport(), via.reply_address()));
        black_box((invite.from.tag(), invite.to.tag(), invite.max_forwards(), invite.cseq));
        black_box((invite.uri.user(), invite.uri.host(), invite.from.uri.user()));
        black_box((invite.headers.contact(), invite.headers.value(Name::ContentType)));
        black_box(invite.headers.lists(Name::Supported, "100rel"));
        black_box(invite.headers.seconds(Name::SessionExpires));
    })
}

pub fn write_invite() -> Sample {
    let message = parse(&invite(), &Limits::default());
    Sample::of(50_000, |_| drop(black_box(black_box(&message).encode())))
}

/// Two endpoints, a network without delay, and a clock on which ten milliseconds pass between two calls: so
/// many transactions as such a load leaves behind are there all the time.
struct Pair {
    now: Instant,
    ends: [Endpoint; 2],
}

const PACE: Duration = Duration::from_millis(10);

fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, end as u8 + 1], 5060))
}

fn flow(from: usize) -> Flow {
    Flow { transport: Transport::Udp, local: address(from), remote: address(1 - from), connection: 0 }
}

impl Pair {
    fn new() -> Self {
        let config = Config { session_expires: None, ..Config::default() };
        let end = |seed| Endpoint::new(config.clone(), Rng::from_number(seed));
        Pair { now: Instant::from_micros(1_000_000), ends: [end(1), end(2)] }
    }

    /// Carries messages to and fro until nobody has any; events go to `host`.
    fn settle(&mut self, mut host: impl FnMut(&mut Endpoint, usize, Instant, Event)) {
        let mut quiet = false;
        while !quiet {
            quiet = true;
            for from in 0..2 {
                while let Some(transmit) = self.ends[from].poll_transmit() {
                    quiet = false;
                    self.ends[1 - from].handle_message(self.now, flow(1 - from), &transmit.bytes);
                }
                while let Some(event) = self.ends[from].poll_event() {
                    quiet = false;
                    host(&mut self.ends[from], from, self.now, event);
                }
            }
        }
    }

    fn pass_time(&mut self) {
        self.now += PACE;
        for end in &mut self.ends {
            end.handle_timeout(self.now);
        }
    }
}

pub fn round_trip() -> Sample {
    let mut pair = Pair::new();
    let from = NameAddr::new(Uri::sip(Some("200"), address(0)));
    let mut answered = 0;
    let sample = Sample::of(5_000, |_| {
        let to = Uri::sip(Some("100"), address(1));
        pair.ends[0].request(pair.now, OutOfDialog::new(Method::Options, to, flow(0), from.clone()));
        pair.settle(|end, _, now, event| match event {
            Event::Request { id, .. } => end.respond(now, id, Answer::new(200)),
            _ => answered += 1,
        });
        pair.pass_time();
    });
    assert_eq!(answered, sample.1);
    sample
}

pub fn whole_call() -> Sample {
    let mut pair = Pair::new();
    let (sdp, from) = (Bytes::from_static(b"v=0\r\n"), NameAddr::new(Uri::sip(Some("200"), address(0))));
    let mut ended = 0;
    let sample = Sample::of(5_000, |_| {
        let invite = Invite {
            to: Uri::sip(Some("100"), address(1)),
            via: flow(0),
            from: from.clone(),
            to_display: None,
            contact_user: None,
            sdp: Some(sdp.clone()),
            headers: Vec::new(),
            credentials: None,
        };
        let dialog = pair.ends[0].invite(pair.now, invite);
        pair.settle(|end, _, now, event| {
            if let Event::Invite { dialog, .. } = event {
                end.ring(now, dialog, 180, None);
                end.accept(now, dialog, Some(sdp.clone()));
            }
        });
        pair.ends[0].bye(pair.now, dialog, None);
        pair.settle(|_, _, _, event| ended += u32::from(matches!(event, Event::Ended { .. })));
        pair.pass_time();
    });
    assert_eq!(ended, sample.1);
    sample
}

/// 10,000 phones, and the REGISTER with which the next one refreshes.
fn registrar() -> (Registrar, impl FnMut(&mut Registrar, u32)) {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 5060));
    let register = move |registrar: &mut Registrar, n: u32| {
        let (user, cseq) = (n % 10_000, n / 10_000 + 1);
        let remote = SocketAddr::from((Ipv4Addr::from(0x0a00_0000 | user), 5060));
        let text = format!(
            "REGISTER sip:bank SIP/2.0\r\nVia: SIP/2.0/UDP {remote};branch=z9hG4bKa\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@bank>;tag=a\r\nTo: <sip:{user}@bank>\r\nCall-ID: {user}\r\nCSeq: {cseq} REGISTER\r\n\
             Contact: <sip:{user}@{remote}>;expires=3600\r\nUser-Agent: phone/1.0\r\n\r\n"
        );
        let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
        let Ok(Message::Request(request)) =
            Message::parse(text.into(), Framing::Datagram, &Limits::default())
        else {
            unreachable!("a REGISTER")
        };
        let now = Instant::from_micros(u64::from(n) * 500);
        black_box(registrar.register(now, &user.to_string(), &request, flow).is_ok());
    };
    let mut registrar = Registrar::new(registrar::Config::default());
    (0..10_000).for_each(|n| register(&mut registrar, n));
    (registrar, register)
}

/// With parsing the request.
pub fn refreshed() -> Sample {
    let (mut registrar, mut register) = registrar();
    Sample::of(20_000, |n| register(&mut registrar, 10_000 + n))
}

pub fn looked_up() -> Sample {
    let (registrar, _) = registrar();
    Sample::of(20_000, |n| {
        black_box(registrar.contacts_of(&(n * 7 % 10_000).to_string()).len());
    })
}
