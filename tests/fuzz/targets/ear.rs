//! What a peer says, packet by packet, over any network: a recording of it is as long as the time that passed,
//! comes in bounded pieces, and ends when it is told to. Jitter buffer, decoders, concealment, comfort noise and keys
//! are under it. What we say meanwhile, in packets of any length, is one stream without a break.

#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use hotline::base::{CallId, Codec, Instant, LegId, PlayId, RecordingId};
use hotline::media::{Channel, Command, Config, Engine, Event, Header, Output, Sound, Stream};
use libfuzzer_sys::fuzz_target;

const LEG: LegId = LegId { call: CallId(1), index: 0 };

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    /// A packet of a stream, with these steps from the one before.
    Packet {
        sequence: i8,
        timestamp: i16,
        type_: u8,
        payload: &'a [u8],
    },
    /// The next ones, as they should be.
    Orderly {
        count: u8,
        late_ms: u8,
    },
    Source {
        ssrc: u8,
        sequence: u16,
        timestamp: u32,
    },
    Raw(&'a [u8]),
    Wait {
        ms: u16,
    },
    /// The host stops for so long.
    Stall {
        ms: u16,
    },
    Secret(bool),
    /// Something is played to the peer, or nothing any more.
    Play(u16),
    /// Agreed anew.
    Connect(Agreed),
}

/// What is agreed on.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Agreed {
    codec: u8,
    ptime: u8,
    noise: Option<u8>,
}

impl Agreed {
    fn stream(self) -> Stream {
        let remote_rtp = "192.0.2.1:4000".parse().unwrap();
        let codec = Codec::ALL[usize::from(self.codec) % Codec::ALL.len()];
        Stream {
            remote_rtp,
            remote_rtcp: remote_rtp,
            codec,
            payload_type: codec.offered_payload_type(),
            dtmf: Some(101),
            dtmf_clock: 8000,
            ptime_ms: [10, 20, 30, 40, 60][usize::from(self.ptime) % 5],
            noise: self.noise.map(|type_| type_ & 0x7f),
            send: true,
            receive: true,
            held: false,
        }
    }
}

struct World {
    engine: Engine,
    now_ms: u64,
    recorded: usize,
    ended: bool,
    /// The header of our last packet.
    said: Option<Header>,
}

impl World {
    fn command(&mut self, command: Command) {
        self.engine.handle_command(self.now(), command);
        self.drain();
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.now_ms * 1000)
    }

    fn packet(&mut self, bytes: &[u8]) {
        let seat = self.engine.seat(LEG).unwrap();
        self.engine.handle_packet(self.now(), seat, Channel::Rtp, "192.0.2.1:4000".parse().unwrap(), bytes);
        self.drain();
    }

    fn wait(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now_ms += 1;
            self.engine.handle_tick(self.now());
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Audio(audio) => self.recorded += audio.samples.len(),
                Output::Event(Event::RecordingEnded { length, .. }) => {
                    assert_eq!(length.as_micros() as usize, self.recorded * 125);
                    self.ended = true;
                }
                Output::Send { channel: Channel::Rtp, bytes, .. } => {
                    let (header, payload) = Header::parse(bytes).unwrap();
                    assert!(!payload.is_empty());
                    if let Some(before) = self.said.replace(header) {
                        assert_eq!(header.sequence, before.sequence.wrapping_add(1));
                        assert!(header.timestamp.wrapping_sub(before.timestamp) as i32 >= 0);
                    }
                }
                _ => {}
            }
        }
    }
}

fuzz_target!(|input: (Agreed, Vec<Step<'_>>)| {
    let (agreed, steps) = input;
    let engine = Engine::new(Config::default());
    let mut world = World { engine, now_ms: 1000, recorded: 0, ended: false, said: None };
    world.command(Command::Open { leg: LEG, rtp_port: 0, ssrc: 7, sequence: 0, timestamp: 0 });
    world.command(Command::Connect { leg: LEG, stream: agreed.stream() });
    world.command(Command::Record {
        recording: RecordingId(1),
        left: LEG,
        right: None,
        longest: Duration::from_secs(1 << 40),
        silence_ends: None,
    });
    let mut next =
        Header { marker: false, payload_type: 8, sequence: 65_530, timestamp: u32::MAX - 999, ssrc: 1 };
    let began = world.now_ms;
    for step in steps.into_iter().take(64) {
        match step {
            Step::Packet { sequence, timestamp, type_, payload } => {
                next.sequence = next.sequence.wrapping_add_signed(sequence.into());
                next.timestamp = next.timestamp.wrapping_add_signed(timestamp.into());
                let header = Header { payload_type: [0, 8, 9, 13, 101, 111][usize::from(type_) % 6], ..next };
                let mut bytes = header.write().to_vec();
                bytes.extend(payload);
                world.packet(&bytes);
            }
            Step::Orderly { count, late_ms } => {
                world.wait(u64::from(late_ms));
                for _ in 0..count % 32 {
                    next.sequence = next.sequence.wrapping_add(1);
                    next.timestamp = next.timestamp.wrapping_add(160);
                    let mut bytes = next.write().to_vec();
                    bytes.extend([0x2a; 160]);
                    world.packet(&bytes);
                    world.wait(20);
                }
            }
            Step::Source { ssrc, sequence, timestamp } => {
                next = Header { ssrc: ssrc.into(), sequence, timestamp, ..next };
            }
            Step::Raw(bytes) => world.packet(bytes),
            Step::Wait { ms } => world.wait(u64::from(ms % 512)),
            Step::Stall { ms } => {
                world.now_ms += u64::from(ms);
                world.wait(1);
            }
            Step::Play(samples) => {
                let sound = Sound::Samples(vec![3000; usize::from(samples)].into());
                world.command(Command::Play { leg: LEG, play: PlayId(1), clips: vec![sound], repeat: false });
            }
            Step::Connect(agreed) => {
                world.command(Command::Connect { leg: LEG, stream: agreed.stream() });
            }
            Step::Secret(on) => world.command(Command::Secret { leg: LEG, on }),
        }
        assert!(!world.ended);
    }
    world.command(Command::StopRecording { recording: RecordingId(1) });
    assert!(world.ended);
    assert_eq!(world.recorded as u64, (world.now_ms - began) * 8);
    world.command(Command::Close { leg: LEG });
    assert_eq!((world.engine.legs(), world.engine.recordings()), (0, 0));
});
