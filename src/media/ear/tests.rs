use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::g711;
use super::super::speech::{correlation, largest_step, soft_speech, speech};
use super::*;
use crate::base::{Law, Rng};

/// A peer who says something over and over, and a network.
struct Sim {
    ear: Ear,
    said: Vec<i16>,
    /// Frames pulled so far.
    frames: u64,
    heard: Vec<i16>,
    kinds: Vec<Kind>,
    /// Arrival in microseconds and a number, for the order; number of the packet.
    under_way: BTreeMap<(u64, u64), u32>,
    sent: u64,
    ptime_ms: u64,
    longest_pending: usize,
}

impl Sim {
    fn new(said: Vec<i16>, ptime_ms: u64) -> Self {
        Sim {
            ear: Ear::new(&Config::default()),
            said,
            frames: 0,
            heard: Vec::new(),
            kinds: Vec::new(),
            under_way: BTreeMap::new(),
            sent: 0,
            ptime_ms,
            longest_pending: 0,
        }
    }

    /// Packet `n`, after so long a delay, on a clock that is fast by `ppm`.
    fn send(&mut self, n: u32, delay_us: u64, ppm: i64) {
        let at = 1_000_000 + (u64::from(n) + 1) * self.ptime_ms * 1000;
        let drift = at as i64 * -ppm / 1_000_000;
        self.under_way.insert((at.saturating_add_signed(drift) + delay_us, self.sent), n);
        self.sent += 1;
    }

    fn samples(&self, n: u32) -> impl Iterator<Item = i16> {
        let samples = self.ptime_ms as usize * 8;
        self.said.iter().copied().cycle().skip(n as usize * samples % self.said.len()).take(samples)
    }

    fn until(&mut self, ms: u64) {
        while 1000 + self.frames * 20 < ms {
            let now_us = 1_000_000 + self.frames * 20_000;
            while let Some(first) = self.under_way.first_entry().filter(|first| first.key().0 <= now_us) {
                let at = Instant::from_micros(first.key().0);
                let n = first.remove();
                let payload: Vec<u8> = self.samples(n).map(|s| g711::encode(Law::A, s)).collect();
                let header = Header {
                    marker: false,
                    payload_type: 8,
                    sequence: n as u16,
                    timestamp: n.wrapping_mul(self.ptime_ms as u32 * 8),
                    ssrc: 1,
                };
                self.ear.hear(at, &header, Codec::Pcma, &payload, false);
            }
            let frame = self.ear.frame(Instant::from_micros(now_us));
            assert_eq!((frame.samples.len(), frame.rate), (160, 8000));
            self.heard.extend(frame.samples);
            self.kinds.push(frame.kind);
            self.longest_pending = self.longest_pending.max(self.ear.pending.len());
            self.frames += 1;
        }
    }

    fn share(&self, from: usize, kind: Kind) -> f64 {
        let kinds = &self.kinds[from..];
        kinds.iter().filter(|other| **other == kind).count() as f64 / kinds.len() as f64
    }
}

#[test]
fn a_good_network_changes_nothing() {
    for ptime in [10, 20, 30, 40, 60] {
        let said = speech();
        let mut sim = Sim::new(said.clone(), ptime);
        for n in 0..5000 / ptime as u32 {
            sim.send(n, 0, 0);
        }
        sim.until(5500);
        let first = sim.heard.iter().position(|s| *s != 0).expect("speech") as u64 / 8;
        assert!((ptime + 30..=ptime + 60).contains(&first), "the first sound after {first} ms");
        // Half a second each, wherever it lies: the delay sinks to the least, in a pause.
        let alike = |at: usize| {
            let lags = 0..1000;
            let best =
                lags.map(|lag| correlation(&said[at..at + 4000], &sim.heard[at + lag..at + lag + 4000]));
            best.fold(0.0, f64::max)
        };
        let unlike = (0..28_000).step_by(4000).filter(|at| alike(*at) < 0.99).count();
        assert!(unlike <= 1, "{unlike} with packets of {ptime} ms");
    }
}

#[test]
fn loss_and_jitter_are_heard_as_speech_without_clicks() {
    let said = soft_speech();
    let mut sim = Sim::new(said.clone(), 20);
    let mut rng = Rng::from_number(4);
    for n in 0..900 {
        if rng.below(100) >= 5 {
            sim.send(n, rng.below(40_000), 0);
        }
    }
    sim.until(18_500);
    let voiced = sim.share(10, Kind::Voice);
    assert!(voiced > 0.9, "{voiced}");
    // A-law alone adds a sixteenth of the sample.
    let (step, allowed) = (largest_step(&sim.heard), largest_step(&said) / 16 * 17);
    assert!(step <= allowed, "{step} > {allowed}");
    assert!(sim.share(10, Kind::Silence) < 0.03);
}

#[test]
fn a_peers_clock_that_drifts_for_an_hour_neither_starves_nor_grows() {
    for ppm in [-100, 100] {
        let mut sim = Sim::new(vec![50, -50], 20);
        let mut rng = Rng::from_number(9);
        for minute in 0..60 {
            for n in minute * 3000..(minute + 1) * 3000 {
                sim.send(n, rng.below(5000), ppm);
            }
            sim.until(1000 + u64::from(minute + 1) * 60_000 - 1000);
            sim.heard.clear();
            let delay = sim.ear.jitter.delay(sim.ear.pulled, sim.ear.ahead() + 160);
            assert!((0..=60 * 8).contains(&delay), "{delay} in minute {minute} at {ppm} ppm");
        }
        assert!(sim.share(10, Kind::Voice) > 0.999, "{} at {ppm}", sim.share(10, Kind::Voice));
    }
}

#[test]
fn said_is_when_it_was_said_however_long_it_was_kept() {
    let mut sim = Sim::new(speech(), 20);
    for n in 0..100 {
        sim.send(n, if n < 50 { 0 } else { u64::from(n) % 5 * 20_000 }, 0);
    }
    for ms in [1900, 2990] {
        sim.until(ms);
        let frame = sim.ear.latest();
        // The sample that the frame begins with, in the speech.
        let begins = (frame.said.as_micros() as i64 - 1_000_000) * 8 / 1000;
        let there = (begins - 8..=begins + 8).any(|at| {
            let said = speech().into_iter().skip(at.max(0) as usize).take(160);
            said.zip(frame.samples)
                .all(|(said, heard)| said.abs_diff(*heard) <= said.unsigned_abs() / 16 + 16)
        });
        assert!(there || frame.kind != Kind::Voice, "{begins}");
    }
}

#[test]
fn what_was_secret_is_marked_and_so_is_what_is_made_of_it() {
    let mut ear = Ear::new(&Config::default());
    let mut heard = Vec::new();
    for n in 0..50u32 {
        let now = Instant::from_micros(1_000_000 + u64::from(n) * 20_000);
        let header =
            Header { marker: false, payload_type: 8, sequence: n as u16, timestamp: n * 160, ssrc: 1 };
        if n != 25 {
            ear.hear(now, &header, Codec::Pcma, &[0x2a; 160], (20..=25).contains(&n));
        }
        let frame = ear.frame(now);
        heard.push((frame.kind, frame.secret));
    }
    let secrets: Vec<Kind> = heard.iter().filter(|(_, secret)| *secret).map(|(kind, _)| *kind).collect();
    assert!((6..=7).contains(&secrets.len()), "{heard:?}");
    assert!(secrets.contains(&Kind::Concealed));
}

#[test]
fn the_rest_is_what_was_heard_and_not_pulled() {
    let mut ear = Ear::new(&Config::default());
    let mut heard = 0;
    let mut count = |frame: &Frame<'_>| heard += frame.samples.iter().filter(|s| **s != 0).count();
    let mut now = Instant::ZERO;
    for n in 0..50u32 {
        now = Instant::from_micros(1_000_000 + u64::from(n) * 20_000);
        let header =
            Header { marker: false, payload_type: 8, sequence: n as u16, timestamp: n * 160, ssrc: 1 };
        ear.hear(now, &header, Codec::Pcma, &[0x2a; 160], false);
        count(&ear.frame(now));
    }
    ear.rest(now, count);
    assert!((50 * 160..=50 * 160 + 3 * 160).contains(&heard), "{heard}");
}

#[test]
fn comfort_noise_fills_the_pause_and_neither_end_of_it_clicks() {
    let said = soft_speech();
    let mut ear = Ear::new(&Config::default());
    let mut heard = Vec::new();
    for n in 0..300u32 {
        let now = Instant::from_micros(1_000_000 + u64::from(n) * 20_000);
        // Two seconds of speech, two of silence with a word about it now and then, and speech again.
        let sequence = if n < 100 { n } else { n.min(100 + (n - 100) / 25).max(n.saturating_sub(96)) };
        let header =
            Header { marker: false, payload_type: 8, sequence: sequence as u16, timestamp: n * 160, ssrc: 1 };
        match n {
            100..200 if n % 25 == 0 => ear.hear_noise(now, &header, &[50, 127], false),
            100..200 => {}
            _ => {
                let from = (n as usize * 160) % (said.len() - 160);
                let payload: Vec<u8> =
                    said[from..from + 160].iter().map(|sample| g711::encode(Law::A, *sample)).collect();
                ear.hear(now, &header, Codec::Pcma, &payload, false);
            }
        }
        let frame = ear.frame(now);
        heard.extend_from_slice(frame.samples);
        assert!(!(110..200).contains(&n) || frame.kind == Kind::Voice, "{:?} in frame {n}", frame.kind);
    }
    let loud = super::super::pitch::loudness(&heard[110 * 160..200 * 160]);
    assert!((80.0..130.0).contains(&loud), "{loud} for -50 dB");
    let (step, allowed) = (largest_step(&heard), largest_step(&said) / 16 * 17);
    assert!(step <= allowed, "{step} > {allowed}");
    assert_eq!(ear.too_late(), 0);
}

/// One packet's fate.
#[derive(Clone, Debug)]
enum Fate {
    Lost,
    After(u64),
    Twice(u64, u64),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        1 => Just(Fate::Lost),
        8 => (0u64..60_000).prop_map(Fate::After),
        1 => (0u64..2_000_000).prop_map(Fate::After),
        1 => (0u64..100_000, 0u64..400_000).prop_map(|(a, b)| Fate::Twice(a, b)),
    ]
}

/// Whatever the network does to these packets: a frame each 20 ms, no click, no stall once it is good again, and no growth.
fn check(fates: &[Fate], ptime: u64, ppm: i64) -> Result<(), TestCaseError> {
    let said = soft_speech();
    let mut sim = Sim::new(said.clone(), ptime);
    for (n, fate) in fates.iter().enumerate() {
        let n = n as u32;
        match *fate {
            Fate::Lost => {}
            Fate::After(delay) => sim.send(n, delay, ppm),
            Fate::Twice(first, second) => {
                sim.send(n, first, ppm);
                sim.send(n, second, ppm);
            }
        }
    }
    // A good network afterwards.
    let bad = fates.len() as u64 * ptime;
    let good = 5000 / ptime as u32;
    for n in 0..good {
        sim.send(fates.len() as u32 + n, 1000, ppm);
    }
    sim.until(1000 + bad + 5000);
    prop_assert!(sim.share((bad / 20) as usize + 125, Kind::Voice) > 0.9, "it stalls: {:?}", sim.kinds);
    prop_assert!(sim.longest_pending <= 160 + 160 + 480 + 120, "{}", sim.longest_pending);
    let (step, allowed) = (largest_step(&sim.heard), largest_step(&said) / 2 * 3);
    prop_assert!(step <= allowed, "{step} > {allowed}");
    Ok(())
}

/// One packet more than a second late makes the good ones after it a new time line, and the first of that line is
/// overtaken: what then lay behind the end of the old line was taken for its continuation, with a click.
#[test]
fn what_overtakes_the_beginning_of_a_time_line_does_not_click() {
    let mut fates = vec![Fate::Lost; 275];
    for (n, delay) in
        [(89, 1_015_233), (136, 1_190_672), (244, 20_387), (250, 80_335), (254, 633), (255, 30_333), (258, 0)]
    {
        fates[n] = Fate::After(delay);
    }
    check(&fates, 10, 0).expect("no click");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_stalls_clicks_or_grows(
        fates in proptest::collection::vec(fate(), 1..300),
        ptime in prop::sample::select(vec![10u64, 20, 30, 40, 60]),
        ppm in -200i64..200,
    ) {
        check(&fates, ptime, ppm)?;
    }
}

#[test]
fn every_codec_is_heard_at_its_own_rate_and_a_change_does_no_harm() {
    let mut ear = Ear::new(&Config::default());
    let (mut n, mut timestamps) = (0u16, [0u32; 2]);
    for codec in Codec::ALL.into_iter().chain([Codec::Pcmu]) {
        let mut encoder = super::super::Encoder::new(codec);
        let samples = codec.sample_rate() as usize / 50;
        let mut loud = 0;
        for frame in 0..100usize {
            let tone = |at: usize| {
                let turn = (frame * samples + at) as f32 * 440.0 / codec.sample_rate() as f32;
                (8000.0 * (turn * std::f32::consts::TAU).sin()) as i16
            };
            let mut payload = Vec::new();
            encoder.encode(&(0..samples).map(tone).collect::<Vec<_>>(), &mut payload);
            let clock = usize::from(codec.clock_rate() != 8000);
            let timestamp = timestamps[clock];
            timestamps[clock] += codec.clock_rate() / 50;
            let now = Instant::from_micros(1_000_000 + u64::from(n) * 20_000);
            let header = Header { marker: false, payload_type: 96, sequence: n, timestamp, ssrc: 1 };
            // One in ten is lost.
            if frame % 10 != 9 {
                ear.hear(now, &header, codec, &payload, false);
            }
            n += 1;
            let frame = ear.frame(now);
            assert_eq!(frame.samples.len(), frame.rate as usize / 50);
            if frame.rate == codec.sample_rate() && super::super::pitch::loudness(frame.samples) > 3000.0 {
                loud += 1;
            }
        }
        assert!(loud > 90, "{loud} frames of {codec}");
    }
}
