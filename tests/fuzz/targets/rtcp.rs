//! Any octets as the RTCP of a peer: what is believed of them stays within reason.

#![no_main]

use hotline::base::{CallId, Codec, Instant, LegId};
use hotline::media::{Channel, Command, Config, Engine, Event, Output, Stream};
use libfuzzer_sys::fuzz_target;

const LEG: LegId = LegId { call: CallId(1), index: 0 };

fuzz_target!(|data: &[u8]| {
    let mut engine = Engine::new(Config::default());
    let peer = "192.0.2.1:4000".parse().unwrap();
    let mut now_ms = 1000;
    let now = |ms: u64| Instant::from_micros(ms * 1000);
    // The SSRC is one that the octets can easily name.
    engine.handle_command(
        now(now_ms),
        Command::Open { leg: LEG, rtp_port: 0, ssrc: 0, sequence: 0, timestamp: 0 },
    );
    let stream = Stream {
        remote_rtp: peer,
        remote_rtcp: peer,
        codec: Codec::Pcma,
        payload_type: 8,
        dtmf: None,
        dtmf_clock: 8000,
        ptime_ms: 20,
        noise: None,
        send: true,
        receive: true,
        held: false,
    };
    engine.handle_command(now(now_ms), Command::Connect { leg: LEG, stream });
    let seat = engine.seat(LEG).unwrap();
    engine.handle_packet(
        now(now_ms),
        seat,
        Channel::Rtp,
        peer,
        &[0x80, 8, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 0xd5],
    );
    // Datagrams behind the octet that says how long each is.
    let mut rest = data;
    while let Some((&length, after)) = rest.split_first() {
        let (packet, after) = after.split_at(usize::from(length).min(after.len()));
        engine.handle_packet(now(now_ms), seat, Channel::Rtcp, peer, packet);
        for _ in 0..length % 64 {
            now_ms += 1;
            engine.handle_tick(now(now_ms));
        }
        rest = after;
    }
    engine.handle_command(now(now_ms), Command::Close { leg: LEG });
    let mut reports = 0;
    while let Some(output) = engine.poll_output() {
        if let Output::Event(Event::Quality { report, .. }) = output {
            reports += 1;
            assert!(report.rtt_us.is_none_or(|rtt| rtt < 60_000_000), "{report:?}");
            assert!((100..=450).contains(&report.mos_x100), "{report:?}");
        }
    }
    assert!(reports >= 1);
});
