//! What the core's hot paths cost, in nanoseconds: the best and the middle of several rounds, since other work on
//! the machine only ever adds. `cargo bench --bench core`; with a word behind `--`, only the lines that contain it.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use hotline::base::{AgentId, CallId, Codec, Instant, LegId, PlayId, PromptId, QueueId, Wall};
use hotline::daemon::trace;
use hotline::media::{self, Channel, Command, Engine, Library, Output, Sound, Stream};
use hotline::queue::{AgentSpec, Core, Event, Join, OfferId, QueueSpec, Requirement, Topology};
use hotline::sip::registrar::{self, Registrar};
use hotline::sip::{Flow, Framing, Limits, Message, Transport};

const ROUNDS: usize = 9;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let measured: [(&str, Measure); 9] = [
        ("sip: parse an INVITE of 1.2 kB", parse_invite),
        ("sip: write it again", write_invite),
        ("sip: a refresh among 10,000 phones", refreshed),
        ("sip: where one of 10,000 phones is", looked_up),
        ("trace: keep a message of 1.2 kB", kept_message),
        ("media: a packet over a bridge, 200 calls", bridged_packet),
        ("media: a packet over a bridge, other law", transcoded_packet),
        ("media: a frame of a prompt, 200 calls", played_frame),
        ("queue: a match, 10,000 wait for 1,000 agents", matched),
    ];
    println!("{:>9} {:>9}", "best", "middle");
    for (name, measure) in measured.into_iter().filter(|(name, _)| name.contains(&wanted)) {
        let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| measure().nanoseconds()).collect();
        rounds.sort_by(f64::total_cmp);
        println!("{:7.0} ns {:6.0} ns  {name}", rounds[0], rounds[ROUNDS / 2]);
    }
}

type Measure = fn() -> Sample;

/// How long so many repetitions took.
struct Sample(Duration, u32);

impl Sample {
    fn of(repetitions: u32, mut work: impl FnMut(u32)) -> Sample {
        let begun = std::time::Instant::now();
        (0..repetitions).for_each(&mut work);
        Sample(begun.elapsed(), repetitions)
    }

    fn nanoseconds(&self) -> f64 {
        self.0.as_nanos() as f64 / f64::from(self.1)
    }
}

// -- sip --

/// As a carrier's border element writes it.
fn invite() -> Bytes {
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

fn parse_invite() -> Sample {
    let (bytes, limits) = (invite(), Limits::default());
    Sample::of(50_000, |_| drop(black_box(parse(black_box(&bytes), &limits))))
}

fn write_invite() -> Sample {
    let message = parse(&invite(), &Limits::default());
    Sample::of(50_000, |_| drop(black_box(black_box(&message).encode())))
}

/// What a trace costs every message while nobody looks.
fn kept_message() -> Sample {
    let config = trace::Config::default();
    let mut ring = trace::Ring::new(config.messages, config.octets);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 5060));
    let flow = Flow { transport: Transport::Udp, local: address, remote: address, connection: 0 };
    let bytes = invite();
    Sample::of(100_000, |_| ring.push(Wall::default(), true, flow, black_box(&bytes)))
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
fn refreshed() -> Sample {
    let (mut registrar, mut register) = registrar();
    Sample::of(20_000, |n| register(&mut registrar, 10_000 + n))
}

fn looked_up() -> Sample {
    let (registrar, _) = registrar();
    Sample::of(20_000, |n| {
        black_box(registrar.contacts_of(&(n * 7 % 10_000).to_string()).len());
    })
}

// -- media --

const CALLS: u64 = 200;
/// Two seconds of the 50 frames that each leg has in one.
const FRAMES: u64 = 100;
const FRAME: Duration = Duration::from_millis(20);

fn phone(leg: LegId) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 10_000 + 2 * (2 * leg.call.0 as u16 + leg.index)).into()
}

fn legs(sides: u16) -> Vec<LegId> {
    (0..CALLS).flat_map(|call| (0..sides).map(move |index| LegId { call: CallId(call), index })).collect()
}

fn connected(legs: &[LegId], codecs: [Codec; 2]) -> Engine {
    let mut engine = Engine::new(media::Config::default());
    for (&leg, codec) in legs.iter().zip(codecs.into_iter().cycle()) {
        let open = Command::Open { leg, rtp_port: 0, ssrc: 7, sequence: 1, timestamp: 1 };
        engine.handle_command(Instant::ZERO, open);
        let stream = Stream {
            remote_rtp: phone(leg),
            remote_rtcp: phone(leg),
            codec,
            payload_type: codec.static_payload_type(),
            dtmf: Some(101),
            send: true,
            receive: true,
            held: false,
        };
        engine.handle_command(Instant::ZERO, Command::Connect { leg, stream });
    }
    engine
}

/// How many packets it wants to send.
fn drained(engine: &mut Engine) -> u32 {
    let mut sent = 0;
    while let Some(output) = engine.poll_output() {
        sent += u32::from(matches!(black_box(output), Output::Send { channel: Channel::Rtp, .. }));
    }
    sent
}

/// As a worker does it: every millisecond the packets that came, then the tick.
fn bridged(codecs: [Codec; 2]) -> Sample {
    let legs = legs(2);
    let mut engine = connected(&legs, codecs);
    for pair in legs.chunks(2) {
        engine.handle_command(Instant::ZERO, Command::Bridge { a: pair[0], b: pair[1] });
    }
    let mut packet = [0; 172];
    let (mut sent, begun) = (0, std::time::Instant::now());
    for ms in 0..FRAMES * 20 {
        let (now, frame) = (Instant::ZERO + Duration::from_millis(ms), (ms / 20) as u32);
        for (at, leg) in legs.iter().enumerate().skip((ms % 20) as usize).step_by(20) {
            packet[..2].copy_from_slice(&[0x80, codecs[at % 2].static_payload_type()]);
            packet[2..4].copy_from_slice(&(frame as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(frame * 160).to_be_bytes());
            engine.handle_packet(now, *leg, Channel::Rtp, phone(*leg), &packet);
        }
        sent += drained(&mut engine);
        engine.handle_tick(now);
        sent += drained(&mut engine);
    }
    Sample(begun.elapsed(), sent)
}

fn bridged_packet() -> Sample {
    bridged([Codec::Pcma, Codec::Pcma])
}

fn transcoded_packet() -> Sample {
    bridged([Codec::Pcma, Codec::Pcmu])
}

fn played_frame() -> Sample {
    let legs = legs(1);
    let mut engine = connected(&legs, [Codec::Pcma, Codec::Pcmu]);
    let mut library = Library::default();
    let prompt = library.add(&[1000; 12 * 8000], 8000).unwrap_or(PromptId(0));
    engine.handle_command(Instant::ZERO, Command::Library(Arc::new(library)));
    for (&leg, play) in legs.iter().zip(0..) {
        let clips = vec![Sound::Prompt(prompt)];
        let play = Command::Play { leg, play: PlayId(play), clips, repeat: true };
        engine.handle_command(Instant::ZERO, play);
    }
    let (mut sent, begun) = (0, std::time::Instant::now());
    for ms in 0..FRAMES * FRAME.as_millis() as u64 {
        engine.handle_tick(Instant::ZERO + Duration::from_millis(ms));
        sent += drained(&mut engine);
    }
    Sample(begun.elapsed(), sent)
}

// -- queue --

const AGENTS: u32 = 1000;
const CALLERS: u64 = 10_000;
const QUEUES: u16 = 10;

/// An agent's call ends, the next caller is offered and accepted, and somebody joins behind.
fn matched() -> Sample {
    let skill = |skill| Requirement { skill, level: 1 };
    let queue = |number: u16| QueueSpec {
        requirement: vec![skill(number)],
        credit: Duration::from_secs(10 * u64::from(number)),
        wrap_up: Duration::ZERO,
        ..QueueSpec::new(QueueId(number))
    };
    let agent = |number: u32| {
        let first = (number % u32::from(QUEUES)) as u16;
        let skills = (0..=first % 3).map(|more| skill((first + more) % QUEUES)).collect();
        AgentSpec { id: AgentId(number), skills, tier: 0, queues: None }
    };
    let topology = Topology {
        queues: (0..QUEUES).map(queue).collect(),
        agents: (0..AGENTS).map(agent).collect(),
        config: Default::default(),
    };
    let mut now = Instant::ZERO + Duration::from_secs(1000);
    let mut core = Core::new(now, &Arc::new(topology));
    let mut events = Vec::new();
    let join = |core: &mut Core, now, tag: u64, events: &mut Vec<Event>| {
        let joined = core.join(now, Join::new(QueueId((tag % u64::from(QUEUES)) as u16), now, tag), events);
        assert!(joined.is_ok(), "{joined:?}");
    };
    (0..AGENTS).for_each(|number| assert!(core.agent_login(now, AgentId(number), &mut events)));
    (0..CALLERS).for_each(|tag| join(&mut core, now, tag, &mut events));
    (0..AGENTS).for_each(|number| assert!(core.agent_ready(now, AgentId(number), &mut events)));
    accept(&mut core, now, &mut events);
    Sample::of(20_000, |turn| {
        now += Duration::from_millis(1);
        assert!(core.call_ended(now, AgentId(turn % AGENTS), None, &mut events));
        accept(&mut core, now, &mut events);
        join(&mut core, now, CALLERS + u64::from(turn), &mut events);
    })
}

fn accept(core: &mut Core, now: Instant, events: &mut Vec<Event>) {
    let offered = |event: Event| match event {
        Event::Offered { offer, .. } => Some(offer),
        _ => None,
    };
    let offers: Vec<OfferId> = events.drain(..).filter_map(offered).collect();
    for offer in offers {
        assert!(core.offer_accepted(now, offer, events).is_ok());
    }
    events.clear();
}
