//! The engine under a virtual clock: what goes in, and exactly what comes out.

mod arranging;
mod as_it_comes;
mod awaiting;
mod bridging;
mod conference;
mod keying;
mod packing;
mod protecting;
mod recording;
mod translating;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::base::{CallId, Codec, PlayId, PromptId, RecordingId};
use crate::media::{Audio, Decoder, Encoder, Header, Seat, Sound, Stream};

const A: LegId = LegId { call: CallId(1), index: 0 };
const B: LegId = LegId { call: CallId(1), index: 1 };
const EVENTS: u8 = 101;

/// An RTP packet that the engine sent.
#[derive(Clone, Debug, PartialEq)]
struct Sent {
    at_ms: u64,
    leg: LegId,
    to: SocketAddr,
    header: Header,
    payload: Vec<u8>,
}

struct World {
    engine: Engine,
    now_us: u64,
    sent: Vec<Sent>,
    reports: Vec<(u64, LegId, SocketAddr, Vec<u8>)>,
    events: Vec<Event>,
    audio: Vec<Audio>,
    peers: Vec<(LegId, Option<SocketAddr>)>,
}

impl World {
    /// Legs A and B are open; nothing is connected. Leg A sends in the first of 20 ms, leg B in the second.
    fn new() -> Self {
        let engine = Engine::new(Config::default());
        let (sent, reports, events, audio, peers) = Default::default();
        let mut world = World { engine, now_us: 0, sent, reports, events, audio, peers };
        for (leg, ssrc) in [(A, 0xaaaa), (B, 0xbbbb)] {
            world.command(Command::Open { leg, rtp_port: 0, ssrc, sequence: 100, timestamp: 0 });
        }
        world
    }

    fn connected(codec_a: Codec, codec_b: Codec) -> Self {
        let mut world = World::new();
        for (leg, codec) in [(A, codec_a), (B, codec_b)] {
            world.command(Command::Connect { leg, stream: stream(leg, codec) });
        }
        world
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.now_us)
    }

    fn command(&mut self, command: Command) {
        self.engine.handle_command(self.now(), command);
        self.drain();
    }

    fn until(&mut self, ms: u64) {
        while self.now_us < ms * 1000 {
            self.now_us += 1000;
            self.engine.handle_tick(self.now());
            self.drain();
        }
    }

    fn packet(&mut self, leg: LegId, from: SocketAddr, header: Header, payload: &[u8]) {
        let mut packet = header.write().to_vec();
        packet.extend(payload);
        self.arrive(leg, Channel::Rtp, from, &packet);
        self.drain();
    }

    fn arrive(&mut self, leg: LegId, channel: Channel, from: SocketAddr, packet: &[u8]) {
        if let Some(seat) = self.engine.seat(leg) {
            self.engine.handle_packet(self.now(), seat, channel, from, packet);
        }
    }

    /// The peer of a leg says frame `n` of its stream.
    fn say(&mut self, leg: LegId, codec: Codec, n: u32, payload: &[u8]) {
        let header = Header {
            marker: false,
            payload_type: codec.offered_payload_type(),
            sequence: n as u16,
            timestamp: n * 160,
            ssrc: u32::from(leg.index) + 1,
        };
        self.packet(leg, address(leg), header, payload);
    }

    /// The peer of a leg holds a key for 60 ms; its stream is at frame `n`.
    fn press(&mut self, leg: LegId, n: u32, event: u8) {
        for packet in 0..6u32 {
            let header = Header {
                marker: packet == 0,
                payload_type: EVENTS,
                sequence: (n + packet) as u16,
                timestamp: n * 160,
                ssrc: u32::from(leg.index) + 1,
            };
            let end = if packet > 2 { 0x80 } else { 0 };
            let [d0, d1] = (160 * (packet as u16 + 1).min(3)).to_be_bytes();
            self.packet(leg, address(leg), header, &[event, end | 10, d0, d1]);
            self.until(self.now_us / 1000 + 20);
        }
    }

    fn drain(&mut self) {
        let at_ms = self.now_us / 1000;
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Send { seat: Seat { leg, .. }, channel: Channel::Rtp, to, bytes }
                    if bytes.get(1).is_none_or(|kind| !(192..=223).contains(kind)) =>
                {
                    let (header, payload) = Header::parse(bytes).expect("RTP");
                    self.sent.push(Sent { at_ms, leg, to, header, payload: payload.to_vec() });
                }
                // From the RTP port where the two share it.
                Output::Send { seat: Seat { leg, .. }, to, bytes, .. } => {
                    self.reports.push((at_ms, leg, to, bytes.to_vec()));
                }
                Output::Event(event) => self.events.push(event),
                Output::Audio(audio) => self.audio.push(audio),
                Output::Peer { seat, only } => self.peers.push((seat.leg, only)),
            }
        }
    }

    fn sent_to(&self, leg: LegId) -> Vec<&Sent> {
        self.sent.iter().filter(|sent| sent.leg == leg).collect()
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Keys reported so far.
    fn keys(&self) -> String {
        let key = |event: &Event| match event {
            Event::Digit { digit, .. } => Some(digit.expose().key()),
            _ => None,
        };
        self.events.iter().filter_map(key).collect()
    }
}

fn address(leg: LegId) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, leg.index as u8 + 1], 4000))
}

/// One sample as an octet of G.711.
fn encode(codec: Codec, sample: i16) -> u8 {
    let mut octet = Vec::new();
    Encoder::new(codec).encode(&[sample], &mut octet);
    octet[0]
}

/// One octet of G.711 as a sample.
fn decode(codec: Codec, octet: u8) -> i16 {
    let mut sample = Vec::new();
    Decoder::new(codec).decode(&[octet], &mut sample);
    sample[0]
}

fn stream(leg: LegId, codec: Codec) -> Stream {
    let remote_rtp = address(leg);
    Stream {
        remote_rtp,
        remote_rtcp: SocketAddr::new(remote_rtp.ip(), remote_rtp.port() + 1),
        codec,
        payload_type: codec.offered_payload_type(),
        dtmf: Some(EVENTS),
        dtmf_clock: 8000,
        ptime_ms: 20,
        noise: None,
        send: true,
        receive: true,
        held: false,
    }
}

fn play(leg: LegId, play: u32, clips: Vec<Sound>, repeat: bool) -> Command {
    Command::Play { leg, play: PlayId(play), clips, repeat }
}

/// A clip of 16-bit samples.
fn samples(value: i16, count: usize) -> Sound {
    Sound::Samples(vec![value; count].into())
}

/// 160 octets that nobody else sends.
fn frame(n: u32) -> Vec<u8> {
    (0..160u32).map(|at| (n * 37 + at * 11 + n * at) as u8).collect()
}

/// Sequence and time stamps of a listener's stream have no break and do not overlap.
fn assert_unbroken(sent: &[&Sent]) {
    for pair in sent.windows(2) {
        let (before, after) = (&pair[0].header, &pair[1].header);
        assert_eq!(after.sequence, before.sequence.wrapping_add(1), "{pair:?}");
        let advance = after.timestamp.wrapping_sub(before.timestamp);
        assert!((160..=480).contains(&advance), "by {advance}: {before:?} {after:?}");
        assert_eq!(after.ssrc, before.ssrc);
    }
}

#[test]
fn a_prompt_is_played_frame_by_frame_and_then_there_is_silence() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcmu);
    let mut library = Library::default();
    library.add(&[1000; 400], 8000).expect("8 kHz");
    world.command(Command::Library(Arc::new(library)));
    world.command(play(A, 9, vec![Sound::Prompt(PromptId(0))], false));
    world.until(80);

    let octet = encode(Codec::Pcma, 1000);
    let sent = world.sent_to(A);
    let shape: Vec<_> =
        sent.iter().map(|s| (s.at_ms, s.header.sequence, s.header.timestamp, s.header.marker)).collect();
    let expected =
        [(20, 100, 160, true), (40, 101, 320, false), (60, 102, 480, false), (80, 103, 640, false)];
    assert_eq!(shape, expected);
    assert_eq!(sent[1].payload, [octet; 160]);
    assert_eq!(sent[2].payload, [[octet; 80], [0xd5; 80]].concat());
    assert_eq!(sent[3].payload, [0xd5; 160]);
    assert!(sent.iter().all(|s| s.to == address(A) && s.header.payload_type == 8 && s.header.ssrc == 0xaaaa));
    assert_eq!(world.take_events(), [Event::Played { leg: A, play: PlayId(9) }]);
    assert_eq!(world.sent_to(B).len(), 4, "silence from the beginning");
}

#[test]
fn replaced_stopped_repeated_and_empty_plays() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(play(A, 1, vec![samples(500, 8000)], false));
    world.until(40);
    world.command(play(A, 2, vec![samples(600, 160)], false));
    world.until(60);
    assert_eq!(world.take_events(), [Event::Played { leg: A, play: PlayId(2) }]);
    world.command(play(A, 3, vec![samples(700, 160)], true));
    world.until(1000);
    world.command(Command::Stop { leg: A });
    world.until(2000);
    assert_eq!(world.take_events(), []);
    world.command(play(A, 4, vec![Sound::Prompt(PromptId(5))], false));
    assert_eq!(world.take_events(), [Event::Played { leg: A, play: PlayId(4) }]);
    assert_unbroken(&world.sent_to(A));
}

#[test]
fn a_play_waits_for_the_stream_and_goes_on_unheard_on_hold() {
    let mut world = World::new();
    world.command(play(A, 1, vec![samples(500, 320)], false));
    world.until(500);
    assert_eq!((world.sent.len(), world.events.len()), (0, 0));
    world.command(Command::Connect { leg: A, stream: stream(A, Codec::Pcma) });
    world.until(540);
    assert_eq!(world.sent.len(), 2);
    assert_eq!(world.take_events(), [Event::Played { leg: A, play: PlayId(1) }]);

    world.command(Command::Connect {
        leg: A,
        stream: Stream { send: false, held: true, ..stream(A, Codec::Pcma) },
    });
    world.command(play(A, 2, vec![samples(500, 320)], false));
    world.until(580);
    assert_eq!(world.sent.len(), 2);
    assert_eq!(world.take_events(), [Event::Played { leg: A, play: PlayId(2) }]);
}

#[test]
fn keys_that_we_press() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::SendDigits { leg: A, digits: Masked::from("4#") });
    world.until(500);
    let heard = world.sent_to(A);
    let events: Vec<_> = heard.iter().filter(|s| s.header.payload_type == EVENTS).collect();
    assert_eq!(events.len(), 16);
    assert_eq!((events[0].payload[0], events[8].payload[0]), (4, 11));
    let sequences: Vec<_> =
        heard.windows(2).map(|p| p[1].header.sequence.wrapping_sub(p[0].header.sequence)).collect();
    assert!(sequences.iter().all(|step| *step == 1));
    assert_eq!(heard.len(), 25, "one packet in every 20 ms");
}

#[test]
fn a_stranger_neither_hears_nor_is_heard() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Bridge { a: A, b: B });
    record(&mut world, Some(B), None);
    world.say(A, Codec::Pcma, 0, &frame(0));
    let stranger = SocketAddr::from(([203, 0, 113, 66], 9));
    for n in 0..500u32 {
        world.until(u64::from(n) * 20);
        let header =
            Header { marker: false, payload_type: 8, sequence: n as u16, timestamp: n * 160, ssrc: 66 };
        world.packet(A, stranger, header, &[0x2a; 160]);
        world.packet(A, stranger, Header { payload_type: EVENTS, ..header }, &[9, 0x8a, 1, 0]);
        world.arrive(A, Channel::Rtcp, stranger, &[0x80, 201, 0, 1, 0, 0, 0, 66]);
        world.say(B, Codec::Pcma, n, &frame(n));
    }
    world.command(Command::StopRecording { recording: RecordingId(1) });
    world.command(Command::Close { leg: A });
    assert!(world.sent.iter().all(|s| s.to != stranger && s.payload != [0x2a; 160]));
    assert!(world.reports.iter().all(|(_, _, to, _)| *to != stranger));
    assert_eq!(world.keys(), "");
    let left = world.audio.iter().flat_map(|audio| audio.samples.chunks(2).map(|pair| pair[0]));
    assert!(left.skip(8 * 160).all(|sample| sample == 0));
    assert!(matches!(world.events.last(), Some(Event::Quality { report, .. }) if report.strangers == 1500));
}

#[test]
fn the_host_is_told_where_alone_a_peer_is() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.until(100);
    assert_eq!(world.peers, [], "nobody has been heard");
    world.say(A, Codec::Pcma, 0, &[0; 160]);
    world.until(200);
    assert_eq!(world.peers, [(A, Some(address(A)))]);
    let moved = Stream { remote_rtp: address(B), ..stream(A, Codec::Pcma) };
    world.command(Command::Connect { leg: A, stream: moved });
    assert_eq!(world.peers, [(A, Some(address(A))), (A, None)], "before the first packet from there");
}

#[test]
fn a_phone_behind_a_nat_is_sent_to_where_it_is() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    let nat: SocketAddr = "198.51.100.7:61000".parse().expect("an address");
    for n in 0..4 {
        let header =
            Header { marker: false, payload_type: 8, sequence: n, timestamp: 160 * u32::from(n), ssrc: 1 };
        world.packet(A, "[::ffff:198.51.100.7]:61000".parse().expect("an address"), header, &[0; 160]);
    }
    world.until(20);
    assert_eq!(world.sent_to(A)[0].to, nat);
    assert_eq!(world.take_events(), [Event::FirstPacket { leg: A }]);
}

fn record(world: &mut World, right: Option<LegId>, silence_ends: Option<Duration>) {
    world.command(Command::Record {
        recording: RecordingId(1),
        left: A,
        right,
        longest: Duration::from_secs(3600),
        silence_ends,
    });
}

#[test]
fn a_silent_peer_times_out_once_and_later_on_hold() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Connect { leg: B, stream: Stream { held: true, ..stream(B, Codec::Pcma) } });
    let timeouts = |world: &mut World| -> Vec<LegId> {
        let events = world.take_events();
        events
            .iter()
            .filter_map(|e| if let Event::RtpTimeout { leg } = e { Some(*leg) } else { None })
            .collect()
    };
    world.until(10_000);
    world.say(A, Codec::Pcma, 0, &frame(0));
    world.until(29_990);
    assert_eq!(timeouts(&mut world), []);
    world.until(60_000);
    assert_eq!(timeouts(&mut world), [A]);
    world.say(A, Codec::Pcma, 1, &frame(1));
    world.until(70_000);
    // A report is a sign of life, too: a phone may suppress silence.
    let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
    let from = SocketAddr::new(address(A).ip(), 4001);
    world.arrive(A, Channel::Rtcp, from, &report);
    world.until(89_990);
    assert_eq!(timeouts(&mut world), []);
    world.until(91_000);
    assert_eq!(timeouts(&mut world), [A]);
    world.until(300_100);
    assert_eq!(timeouts(&mut world), [B]);
}

#[test]
fn reports_go_out_come_back_and_give_the_round_trip() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    for n in 0..1000u32 {
        world.until(u64::from(n) * 20);
        if n % 50 != 49 {
            world.say(A, Codec::Pcma, n, &frame(n));
        }
    }
    let times: Vec<u64> = world.reports.iter().filter(|r| r.1 == A).map(|r| r.0).collect();
    assert!((3..=7).contains(&times.len()), "{times:?}");
    assert!(times.windows(2).all(|pair| (2500..=7520).contains(&(pair[1] - pair[0]))), "{times:?}");

    // The peer answers the last report 300 ms later and says that it held it for 100 ms.
    let (at, _, to, sr) = world.reports.iter().rfind(|r| r.1 == A).cloned().expect("a report");
    assert_eq!(to, SocketAddr::new(address(A).ip(), 4001));
    world.until(20_000 + 7600);
    let ntp_middle = &sr[10..14];
    let delay = ((world.now_us / 1000 - at - 200) * 65536 / 1000) as u32;
    let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0xaa, 0xaa, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0, 80];
    report.extend(ntp_middle);
    report.extend(delay.to_be_bytes());
    world.arrive(A, Channel::Rtcp, to, &report);
    let of_a = |event: &&Event| matches!(event, Event::Quality { leg: A, last: false, .. });
    let reports = world.reports.iter().filter(|r| r.1 == A).count();
    assert_eq!(world.events.iter().filter(of_a).count(), reports, "one with each report");
    world.command(Command::Close { leg: A });
    let Some(Event::Quality { report, last: true, .. }) = world.events.last() else { panic!("no report") };
    assert_eq!(report.codec, Some(Codec::Pcma));
    assert!(report.rtt_us.is_some_and(|rtt| (199_900..200_100).contains(&rtt)), "{report:?}");
    assert_eq!((report.peer_lost, report.peer_jitter_us), (Some(3), Some(10_000)));
    assert_eq!((report.packets_received, report.packets_lost), (980, 19));
    assert!((370..=425).contains(&report.mos_x100), "{report:?}");
}

#[test]
fn a_closed_leg_says_goodbye_and_leaves_nothing() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Bridge { a: A, b: B });
    world.say(A, Codec::Pcma, 0, &frame(0));
    let seat = world.engine.seat(A).expect("open");
    world.command(Command::Close { leg: A });
    world.command(Command::Close { leg: A });
    let (_, leg, _, report) = world.reports.last().expect("a report");
    assert_eq!((*leg, &report[report.len() - 8..]), (A, &[0x81, 203, 0, 1, 0, 0, 0xaa, 0xaa][..]));
    let last = world.take_events();
    assert!(matches!(last[..], [Event::FirstPacket { .. }, Event::Quality { leg: A, .. }]), "{last:?}");

    let count = world.sent_to(A).len();
    assert_eq!(world.engine.seat(A), None);
    world.engine.handle_packet(world.now(), seat, Channel::Rtp, address(A), &[0x80; 172]);
    world.until(100);
    assert_eq!(world.sent_to(A).len(), count);
    assert_eq!(world.engine.counters().no_leg, 1);
    assert_eq!(world.sent_to(B).last().map(|s| s.payload.clone()), Some(vec![0xd5; 160]), "B hears silence");
    world.command(Command::Close { leg: B });
    assert_eq!(world.engine.legs(), 0);
    assert!(world.engine.slots.iter().all(|slot| slot.sessions.is_empty() && slot.recordings.is_empty()));
    assert_eq!(world.engine.free.len(), world.engine.sessions.len());
}

#[test]
fn a_new_leg_in_an_old_place_has_no_past() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.command(Command::Bridge { a: A, b: B });
    world.command(Command::Close { leg: A });
    let other = LegId { call: CallId(2), index: 0 };
    world.command(Command::Open { leg: other, rtp_port: 0, ssrc: 5, sequence: 0, timestamp: 0 });
    world.command(Command::Connect { leg: other, stream: stream(other, Codec::Pcma) });
    world.say(B, Codec::Pcma, 0, &frame(0));
    assert!(world.sent_to(other).is_empty());
}

#[test]
fn what_is_sent_is_spread_over_the_twenty_milliseconds() {
    let mut world = World::new();
    for index in 2..60 {
        let leg = LegId { call: CallId(1), index };
        world.command(Command::Open { leg, rtp_port: 0, ssrc: index.into(), sequence: 0, timestamp: 0 });
        world.command(Command::Connect { leg, stream: stream(leg, Codec::Pcma) });
    }
    for leg in [A, B] {
        world.command(Command::Connect { leg, stream: stream(leg, Codec::Pcma) });
    }
    world.until(100);
    for ms in 1..=100 {
        assert_eq!(world.sent.iter().filter(|s| s.at_ms == ms).count(), 3, "{ms} ms");
    }
}

#[test]
fn late_ticks_are_made_up_for_but_not_a_long_stop() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    world.until(100);
    assert_eq!(world.sent_to(A).len(), 5);
    world.now_us = 160_000;
    world.engine.handle_tick(world.now());
    world.drain();
    assert_eq!(world.sent_to(A).len(), 8);
    world.now_us = 5_160_000;
    world.engine.handle_tick(world.now());
    world.engine.handle_tick(world.now());
    world.drain();
    let heard = world.sent_to(A);
    assert_eq!(heard.len(), 13);
    assert_eq!(heard[12].header.timestamp, 5160 * 8);
}

#[test]
fn a_library_that_shrinks_is_ignored() {
    let mut world = World::connected(Codec::Pcma, Codec::Pcma);
    let mut library = Library::default();
    library.add(&[1000; 160], 8000).expect("8 kHz");
    world.command(Command::Library(Arc::new(library)));
    world.command(Command::Library(Arc::default()));
    world.command(play(A, 1, vec![Sound::Prompt(PromptId(0))], false));
    world.until(20);
    assert_eq!(world.sent_to(A)[0].payload, [encode(Codec::Pcma, 1000); 160]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing that the network sends, in whatever state a leg is, does harm.
    #[test]
    fn never_panics(
        packets in proptest::collection::vec(
            (any::<bool>(), any::<bool>(), 0u64..300, 0u8..4, proptest::collection::vec(any::<u8>(), 0..200)), 0..60),
    ) {
        let mut world = World::connected(Codec::Pcma, Codec::Pcmu);
        world.command(Command::Bridge { a: A, b: B });
        record(&mut world, Some(B), Some(Duration::from_secs(1)));
        for (to_a, rtcp, wait, head, bytes) in packets {
            let leg = if to_a { A } else { B };
            let channel = if rtcp { Channel::Rtcp } else { Channel::Rtp };
            let mut packet = match head {
                0 => vec![0x80, 8],
                1 => vec![0x80, EVENTS],
                2 => vec![0x81, 200],
                _ => vec![],
            };
            packet.extend(bytes);
            world.now_us += wait * 1000;
            world.arrive(leg, channel, address(leg), &packet);
            world.engine.handle_tick(world.now());
            world.drain();
        }
        world.command(Command::Close { leg: A });
        world.command(Command::Close { leg: B });
        let ended = world.events.iter().filter(|e| matches!(e, Event::RecordingEnded { .. })).count();
        prop_assert_eq!(ended, 1);
        prop_assert_eq!(world.engine.legs() + world.engine.recordings(), 0);
    }
}
