//! What the core's hot paths cost, in nanoseconds: the best and the middle of several rounds, since other work on
//! the machine only ever adds. `cargo bench --bench core`; with a word behind `--`, only the lines that contain it.
//!
//! `benches/instructions` counts machine instructions beside the times: the same on every machine, however busy.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod codecs;
#[cfg(feature = "daemon")]
mod dialplan;
mod sip;
#[cfg(feature = "daemon")]
mod slips;
mod srtp;

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hotline::base::{AgentId, CallId, Codec, Instant, LegId, PlayId, PromptId, QueueId, RecordingId};
use hotline::media::{self, Channel, Command, Engine, Library, Output, Seat, Sound, Stream};
use hotline::queue::{AgentSpec, Core, Event, Join, OfferId, QueueSpec, Requirement, Topology};

/// The daemon's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 9;

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let counting = arguments.iter().any(|argument| argument == "--count");
    arguments.retain(|argument| !argument.starts_with('-'));
    let wanted = arguments.pop().unwrap_or_default();
    let measured: &[(&str, Measure)] = &[
        ("sip: parse an INVITE of 1.2 kB", sip::parse_invite),
        ("sip: the same, and what a call needs of it", sip::parse_and_use),
        ("sip: write it again", sip::write_invite),
        ("sip: OPTIONS and its answer, both ends", sip::round_trip),
        ("sip: INVITE, 180, 200, ACK, BYE, 200, both ends", sip::whole_call),
        ("sip: a refresh among 10,000 phones", sip::refreshed),
        ("sip: where one of 10,000 phones is", sip::looked_up),
        #[cfg(feature = "daemon")]
        ("trace: keep a message of 1.2 kB", kept_message),
        ("media: a packet over a bridge, 200 calls", bridged_packet),
        ("media: a packet over a bridge, other law", transcoded_packet),
        ("media: a frame for one of three who hear each other, 200 calls", mixed_frame),
        ("media: a packet heard: jitter, decoding, recording", recorded_packet),
        ("media: a frame of a prompt, 200 calls", played_frame),
        ("srtp: a packet sealed and opened, AES-256-GCM", srtp::gcm_256),
        ("srtp: the same, AES-128-GCM", srtp::gcm_128),
        ("srtp: the same, AES-256-CM with SHA1-80", srtp::cm_256_80),
        ("srtp: the same, AES-128-CM with SHA1-80", srtp::cm_128_80),
        ("srtp: the same, AES-256-CM with SHA1-32", srtp::cm_256_32),
        ("srtp: the same, AES-128-CM with SHA1-32", srtp::cm_128_32),
        ("codec: encode 20 ms of G.711", codecs::encoded_g711),
        ("codec: decode 20 ms of G.711", codecs::decoded_g711),
        ("codec: encode 20 ms of G.722", codecs::encoded_g722),
        ("codec: decode 20 ms of G.722", codecs::decoded_g722),
        #[cfg(feature = "opus")]
        ("codec: encode 20 ms of Opus", codecs::encoded_opus),
        #[cfg(feature = "opus")]
        ("codec: decode 20 ms of Opus", codecs::decoded_opus),
        ("codec: G.722 and G.711 bridged, 20 ms both ways", codecs::g722_and_g711),
        #[cfg(feature = "opus")]
        ("codec: Opus and G.711 bridged, 20 ms both ways", codecs::opus_and_g711),
        #[cfg(feature = "daemon")]
        ("slips: list 10,000", slips::listed),
        #[cfg(feature = "daemon")]
        ("slips: search among 10,000", slips::searched),
        #[cfg(feature = "daemon")]
        ("slips: save one, among 10,000", slips::saved),
        #[cfg(feature = "daemon")]
        ("slips: a bare fsync of as many octets", slips::synced),
        #[cfg(feature = "daemon")]
        ("dialplan: read and check 10,000 steps", dialplan::checked),
        #[cfg(feature = "daemon")]
        ("dialplan: the same with a year's calendars and the rules of the house", dialplan::checked_in_full),
        #[cfg(feature = "daemon")]
        ("dialplan: its graph alone", dialplan::drawn),
        ("queue: a match, 10,000 wait for 1,000 agents", matched),
        ("queue: where one of 100,000 stands in line", placed),
    ];
    let measured = measured.iter().filter(|(name, _)| name.contains(&wanted));
    if counting {
        // Under callgrind, which looks at `Sample::of` alone: for each line how often it was done.
        measured.for_each(|(name, measure)| println!("{}\t{name}", measure().1));
        return;
    }
    println!("{:>9} {:>9}", "best", "middle");
    for (name, measure) in measured {
        let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| measure().nanoseconds()).collect();
        rounds.sort_by(f64::total_cmp);
        println!("{:7.0} ns {:6.0} ns  {name}", rounds[0], rounds[ROUNDS / 2]);
    }
}

type Measure = fn() -> Sample;

/// How long so many repetitions took.
struct Sample(Duration, u32);

impl Sample {
    /// Not inlined, so that instructions can be counted within it and not in what goes before.
    #[inline(never)]
    fn of(repetitions: u32, mut work: impl FnMut(u32)) -> Sample {
        let begun = std::time::Instant::now();
        (0..repetitions).for_each(&mut work);
        Sample(begun.elapsed(), repetitions)
    }

    fn nanoseconds(&self) -> f64 {
        self.0.as_nanos() as f64 / f64::from(self.1)
    }
}

// -- trace --

/// What a trace costs every message while nobody looks.
#[cfg(feature = "daemon")]
fn kept_message() -> Sample {
    use hotline::base::Wall;
    use hotline::daemon::trace;
    use hotline::sip::{Flow, Transport};
    let config = trace::Config::default();
    let mut ring = trace::Ring::new(config.messages, config.octets);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 5060));
    let flow = Flow { transport: Transport::Udp, local: address, remote: address, connection: 0 };
    let bytes = sip::invite();
    Sample::of(100_000, |_| ring.push(Wall::default(), true, flow, black_box(&bytes)))
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
            payload_type: codec.offered_payload_type(),
            dtmf: Some(101),
            dtmf_clock: 8000,
            ptime_ms: 20,
            noise: None,
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
fn talking(parties: usize, codecs: [Codec; 2]) -> Sample {
    let legs = legs(parties as u16);
    let mut engine = connected(&legs, codecs);
    for together in legs.chunks(parties) {
        for leg in together {
            let others = together.iter().copied().filter(|other| other != leg).collect();
            engine.handle_command(Instant::ZERO, Command::Hear { leg: *leg, others });
        }
    }
    let seats: Vec<Seat> = legs.iter().filter_map(|leg| engine.seat(*leg)).collect();
    let mut packet = [0; 172];
    let (mut sent, begun) = (0, std::time::Instant::now());
    for ms in 0..FRAMES * 20 {
        let (now, frame) = (Instant::ZERO + Duration::from_millis(ms), (ms / 20) as u32);
        for (at, leg) in legs.iter().enumerate().skip((ms % 20) as usize).step_by(20) {
            packet[..2].copy_from_slice(&[0x80, codecs[at % 2].offered_payload_type()]);
            packet[2..4].copy_from_slice(&(frame as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(frame * 160).to_be_bytes());
            engine.handle_packet(now, seats[at], Channel::Rtp, phone(*leg), &packet);
        }
        sent += drained(&mut engine);
        engine.handle_tick(now);
        sent += drained(&mut engine);
    }
    Sample(begun.elapsed(), sent)
}

fn bridged_packet() -> Sample {
    talking(2, [Codec::Pcma, Codec::Pcma])
}

fn transcoded_packet() -> Sample {
    talking(2, [Codec::Pcma, Codec::Pcmu])
}

/// With what it costs to take in what the others say.
fn mixed_frame() -> Sample {
    talking(3, [Codec::Pcma, Codec::Pcma])
}

/// Through the jitter buffer, decoded, and laid on the line of a recording of both parties.
fn recorded_packet() -> Sample {
    let legs = legs(2);
    let codecs = [Codec::Pcma, Codec::Pcmu];
    let mut engine = connected(&legs, codecs);
    for (pair, recording) in legs.chunks(2).zip(0..) {
        let (recording, longest) = (RecordingId(recording), Duration::from_secs(3600));
        let (left, right) = (pair[0], Some(pair[1]));
        let record = Command::Record { recording, left, right, longest, silence_ends: None };
        engine.handle_command(Instant::ZERO, record);
    }
    let seats: Vec<Seat> = legs.iter().filter_map(|leg| engine.seat(*leg)).collect();
    let mut packet = [0x2a; 172];
    let (mut heard, begun) = (0, std::time::Instant::now());
    for ms in 0..FRAMES * 20 {
        let (now, frame) = (Instant::ZERO + Duration::from_millis(ms), (ms / 20) as u32);
        for (at, leg) in legs.iter().enumerate().skip((ms % 20) as usize).step_by(20) {
            packet[..2].copy_from_slice(&[0x80, codecs[at % 2].offered_payload_type()]);
            packet[2..4].copy_from_slice(&(frame as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(frame * 160).to_be_bytes());
            engine.handle_packet(now, seats[at], Channel::Rtp, phone(*leg), &packet);
            heard += 1;
        }
        engine.handle_tick(now);
        drained(&mut engine);
    }
    Sample(begun.elapsed(), heard)
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
/// What an announcement costs at the worst of times.
fn placed() -> Sample {
    let agent = AgentSpec::new(AgentId(0));
    let topology = Topology {
        queues: vec![QueueSpec::new(QueueId(0))],
        agents: vec![agent],
        config: Default::default(),
    };
    let now = Instant::ZERO + Duration::from_secs(1000);
    let core = Core::new(now, &Arc::new(topology));
    let mut events = Vec::new();
    assert!(core.agent_login(now, AgentId(0), &mut events));
    let mut join = |tag| core.join(now, Join::new(QueueId(0), now, tag), &mut events).expect("may wait");
    let callers: Vec<_> = (0..100_000).map(&mut join).collect();
    Sample::of(20_000, |turn| {
        black_box(core.position(callers[turn as usize * 7919 % callers.len()]));
    })
}

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
        AgentSpec { skills, ..AgentSpec::new(AgentId(number)) }
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
