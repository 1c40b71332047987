use super::*;
use crate::base::Rng;
use proptest::prelude::*;

/// When it arrives (ms), marker, time stamp, event, end, duration.
type Packet = (u64, bool, u32, u8, bool, u16);

fn keys(packets: impl IntoIterator<Item = Packet>) -> String {
    let mut listener = KeyListener::default();
    let mut heard = String::new();
    for (ms, marker, timestamp, event, end, duration) in packets {
        let header = Header { marker, payload_type: 101, sequence: 0, timestamp, ssrc: 1 };
        let payload = Payload { event, end, duration }.write();
        heard.extend(listener.note(Instant::from_micros(ms * 1000), &header, 8000, &payload).map(Digit::key));
    }
    heard
}

/// A press at `ms` for `frames` of 20 ms with three ends.
fn press(ms: u64, event: u8, frames: u16) -> Vec<Packet> {
    let timestamp = ms as u32 * 8;
    let tone = (1..=frames).map(|n| (ms + u64::from(n) * 20, n == 1, timestamp, event, false, n * 160));
    let at = ms + u64::from(frames) * 20;
    let ends = (1..=3).map(|n| (at + n * 20, false, timestamp, event, true, frames * 160));
    tone.chain(ends).collect()
}

#[test]
fn every_key_once() {
    let all = (0..16u8).flat_map(|event| press(1000 + u64::from(event) * 300, event, 5));
    assert_eq!(keys(all), "0123456789*#ABCD");
}

#[test]
fn the_same_key_twice_is_two_presses() {
    assert_eq!(keys([press(1000, 5, 4), press(1250, 5, 4)].concat()), "55");
}

#[test]
fn any_part_of_a_press_may_be_lost() {
    let whole = press(1000, 7, 5);
    for lost in 0..255u32 {
        let left = |n: &usize| lost & 1 << n == 0;
        let rest: Vec<_> = (0..whole.len()).filter(left).map(|n| whole[n]).collect();
        assert_eq!(keys(rest.iter().copied().chain(press(1300, 7, 5))), "77", "lost {lost:08b}");
        assert_eq!(keys(rest), "7", "lost {lost:08b}");
    }
}

#[test]
fn without_a_marker_doubled_and_out_of_order() {
    let mut packets = press(1000, 3, 5);
    packets.iter_mut().for_each(|p| p.1 = false);
    assert_eq!(keys(packets.clone()), "3");
    let doubled = packets.iter().flat_map(|p| [*p, *p]);
    assert_eq!(keys(doubled), "3");
    packets.swap(1, 3);
    packets.swap(4, 6);
    assert_eq!(keys(packets), "3");
}

#[test]
fn the_ends_of_a_press_may_come_after_the_beginning_of_the_next() {
    let (mut first, second) = (press(1000, 1, 3), press(1150, 2, 3));
    let late = first.split_off(4);
    let mut packets = first;
    packets.extend(&second[..2]);
    packets.extend(late.iter().map(|p| (second[1].0, p.1, p.2, p.3, p.4, p.5)));
    packets.extend(&second[2..]);
    assert_eq!(keys(packets), "12");
}

#[test]
fn a_long_press_is_one_press() {
    // 20 s: three segments of 65535 units at most (RFC 4733 §2.5.1.3).
    let packets = (0..1000u32).map(|n| {
        let (segment, within) = (n * 160 / 65535, n * 160 % 65535);
        (u64::from(n) * 20, n == 0, 4000 + segment * 65535, 9, false, (within as u16).saturating_add(160))
    });
    let end = (20_000, false, 4000 + 2 * 65535, 9, true, 28930);
    assert_eq!(keys(packets.clone().chain([end, end, end])), "9");
    let at_boundary_lost = packets.enumerate().filter(|(n, _)| !(405..412).contains(n)).map(|(_, p)| p);
    assert_eq!(keys(at_boundary_lost), "9");
}

#[test]
fn a_sender_that_counts_the_time_stamp_on() {
    let packets = (0..10u32).map(|n| (u64::from(n) * 20, n == 0, 8000 + n * 160, 4, n > 6, n as u16 * 160));
    assert_eq!(keys(packets), "4");
}

#[test]
fn a_sender_whose_clock_stands_still() {
    let again = |ms: u64| press(1000, 6, 3).into_iter().map(move |p| (p.0 + ms, p.1, p.2, p.3, p.4, p.5));
    assert_eq!(keys(again(0).chain(again(1000))), "66");
}

#[test]
fn a_clock_that_jumps_back_between_presses() {
    assert_eq!(
        keys([press(9000, 1, 3), press(100, 2, 3)].concat().into_iter().enumerate().map(|(n, p)| {
            let gap = if n >= 6 { 2000 } else { 0 };
            (n as u64 * 20 + gap, p.1, p.2, p.3, p.4, p.5)
        })),
        "12"
    );
}

#[test]
fn other_events_and_fragments_are_no_keys() {
    assert_eq!(keys(press(1000, 16, 3)), "", "flash hook");
    let header = Header { marker: true, payload_type: 101, sequence: 0, timestamp: 0, ssrc: 1 };
    assert_eq!(KeyListener::default().note(Instant::ZERO, &header, 8000, &[1, 2, 3]), None);
}

/// A stream of presses as a phone sends it, through a network that loses: what came of it.
struct Stream {
    clock: u32,
    ssrc: u32,
    /// Milliseconds since the beginning.
    now: u64,
    packets: Vec<(u64, Header, Payload)>,
}

impl Stream {
    fn new(clock: u32) -> Self {
        Stream { clock, ssrc: 1, now: 1000, packets: Vec::new() }
    }

    /// A packet each 20 ms, in segments where the duration's 16 bits are too few, and three ends.
    fn press(&mut self, event: u8, ms: u64, marker: bool) {
        let unit = u64::from(self.clock) / 1000;
        let begun = self.now;
        let last = begun + ms;
        let mut segment = begun * unit;
        for n in 0.. {
            let at = (begun + n * 20).min(last);
            while at * unit - segment > 0xffff {
                segment += 0xffff;
            }
            let ends = if at == last { 3 } else { 1 };
            for end in 0..ends {
                let header = Header {
                    marker: marker && n == 0,
                    payload_type: 101,
                    sequence: 0,
                    timestamp: segment as u32,
                    ssrc: self.ssrc,
                };
                let duration = (at * unit - segment) as u16;
                self.packets.push((at + end * 20, header, Payload { event, end: at == last, duration }));
            }
            if at == last {
                break;
            }
        }
        self.now = last;
    }

    fn pause(&mut self, ms: u64) {
        self.now += ms;
    }

    fn heard(&self, lost: impl Fn(usize) -> bool) -> String {
        let mut listener = KeyListener::default();
        let packets = self.packets.iter().enumerate().filter(|(n, _)| !lost(*n));
        packets
            .filter_map(|(_, (ms, header, payload))| {
                listener.note(Instant::from_micros(ms * 1000), header, self.clock, &payload.write())
            })
            .map(Digit::key)
            .collect()
    }
}

#[test]
fn a_long_press_is_one_press_at_either_clock_and_so_is_the_next() {
    for clock in [8000, 48_000] {
        let mut stream = Stream::new(clock);
        stream.press(9, 20_000, true);
        stream.pause(80);
        stream.press(9, 100, false);
        assert_eq!(stream.heard(|_| false), "99", "at {clock} Hz");
        assert_eq!(stream.heard(|n| n % 7 < 2), "99", "at {clock} Hz, two of seven lost");
    }
}

#[test]
fn two_presses_of_one_key_50_ms_apart_are_two_at_either_clock() {
    for clock in [8000, 48_000] {
        let mut stream = Stream::new(clock);
        stream.press(5, 60, true);
        stream.pause(50);
        stream.press(5, 60, true);
        assert_eq!(stream.heard(|_| false), "55", "at {clock} Hz");
    }
}

#[test]
fn a_stream_that_restarts_within_a_press_or_among_its_ends() {
    for restart in 1..8 {
        let mut stream = Stream::new(8000);
        stream.press(3, 100, false);
        for (_, header, _) in &mut stream.packets[restart..] {
            // The new stream's time stamps begin anywhere.
            header.ssrc = 2;
            header.timestamp += 123_456;
        }
        assert_eq!(stream.heard(|_| false), "3", "after {restart} packets");
        stream.ssrc = 2;
        stream.pause(200);
        stream.press(3, 100, false);
        assert_eq!(stream.heard(|_| false), "33", "after {restart} packets");
    }
}

#[test]
fn a_late_end_of_the_stream_before_is_no_press() {
    let mut stream = Stream::new(8000);
    stream.press(3, 100, true);
    stream.ssrc = 2;
    stream.pause(60);
    stream.press(4, 100, true);
    let end = stream.packets.remove(6);
    stream.packets.insert(9, (stream.packets[8].0, end.1, end.2));
    assert_eq!(stream.heard(|_| false), "34");
}

#[test]
fn flags_and_volume_are_the_senders_own() {
    let header = Header { marker: false, payload_type: 101, sequence: 0, timestamp: 0, ssrc: 1 };
    for flags in [0, 0x3f, 0x40, 0x7f] {
        let mut listener = KeyListener::default();
        let mut note = |ms: u64, flags: u8| {
            listener.note(Instant::from_micros(ms * 1000), &header, 8000, &[7, flags, 0, 160]).map(Digit::key)
        };
        assert_eq!((note(0, flags), note(20, 0x80 | flags)), (Some('7'), None));
    }
}

/// Loss in bursts of `mean` packets on average, `rate` of all in the long run (Gilbert's model).
fn bursts(seed: u64, rate: f64, mean: f64, packets: usize) -> Vec<bool> {
    let mut rng = Rng::from_number(seed);
    let leave = 1.0 / mean;
    let enter = leave * rate / (1.0 - rate);
    let mut lost = false;
    let step = |_| {
        lost = if lost { rng.unit() >= leave } else { rng.unit() < enter };
        lost
    };
    (0..packets).map(step).collect()
}

#[test]
fn through_bursts_of_loss_99_of_100_presses_arrive_and_none_twice() {
    for (mean, clock) in [(1.0, 8000), (3.0, 8000), (3.0, 48_000), (5.0, 8000)] {
        let (mut pressed, mut heard) = (0, 0);
        for seed in 0..100u64 {
            let mut rng = Rng::from_number(seed);
            let mut stream = Stream::new(clock);
            let keys: Vec<u8> = (0..100).map(|_| rng.below(3) as u8).collect();
            for key in &keys {
                stream.press(*key, 60 + rng.below(240), rng.below(4) > 0);
                stream.pause(80 + rng.below(400));
            }
            let lost = bursts(seed + 7, 0.05, mean, stream.packets.len());
            let got = stream.heard(|n| lost[n]);
            // In order, and none that was not pressed: a subsequence, each at most once.
            let mut rest = keys.iter();
            let expected =
                |key: char| rest.any(|pressed| Digit::from_event(*pressed).map(Digit::key) == Some(key));
            assert!(got.chars().all(expected), "{got}");
            (pressed, heard) = (pressed + keys.len(), heard + got.len());
        }
        assert!(heard <= pressed && heard * 1000 >= pressed * 990, "{heard} of {pressed} at {mean}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Nonsense may be taken for keys, but never one packet for two, nor the same octets again for another press.
    #[test]
    fn any_octets_are_at_most_one_key_each(
        packets in proptest::collection::vec(
            (0u64..300, any::<u16>(), 0u32..4000, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..9)),
            0..60,
        ),
        clock in prop::sample::select(vec![0u32, 1, 8000, 48_000, u32::MAX]),
    ) {
        let mut listener = KeyListener::default();
        let (mut ms, mut began) = (1000, u32::MAX - 60_000);
        for (later, sequence, step, marker, payload) in packets {
            ms += later;
            began = began.wrapping_add(step);
            let header = Header { marker, payload_type: 101, sequence, timestamp: began, ssrc: 1 };
            let now = Instant::from_micros(ms * 1000);
            let heard = listener.note(now, &header, clock, &payload);
            prop_assert!(heard.is_none() || payload.len() >= 4 && payload[0] < 16);
            prop_assert_eq!(listener.note(now, &header, clock, &payload), None);
        }
    }

    #[test]
    fn presses_survive_any_loss_of_single_packets(
        events in proptest::collection::vec(0u8..16, 1..8),
        gap in 250u64..2000,
        lost in proptest::collection::vec(any::<bool>(), 80),
    ) {
        let mut expected = String::new();
        let mut packets = Vec::new();
        let mut dropped = lost.iter();
        for (n, event) in events.iter().enumerate() {
            expected.extend(Digit::from_event(*event).map(Digit::key));
            let mut whole = press(1000 + n as u64 * gap, *event, 4);
            let keep = whole[3];
            whole.retain(|_| !dropped.next().copied().unwrap_or(false));
            packets.extend(if whole.is_empty() { vec![keep] } else { whole });
        }
        prop_assert_eq!(keys(packets), expected);
    }

    #[test]
    fn no_loss_makes_one_press_two(
        presses in proptest::collection::vec((0u8..3, 40u64..2500, 60u64..900, any::<bool>()), 1..10),
        lost in proptest::collection::vec(0u8..4, 800),
        fast: bool,
    ) {
        let mut stream = Stream::new(if fast { 48_000 } else { 8000 });
        let mut whole = Vec::new();
        for (event, ms, pause, marker) in &presses {
            let first = stream.packets.len();
            stream.press(*event, *ms, *marker);
            stream.pause(*pause);
            whole.push(first..stream.packets.len());
        }
        let is_lost = |n: usize| lost.get(n).is_some_and(|lost| *lost == 0);
        let arrived = whole.iter().zip(&presses).filter(|(packets, _)| !(*packets).clone().all(is_lost));
        let expected: String = arrived.filter_map(|(_, press)| Digit::from_event(press.0).map(Digit::key)).collect();
        let heard = stream.heard(is_lost);
        if fast {
            // A segment is 1.4 s long there: a press that begins just so much after one whose ends were all lost
            // cannot be told from its next segment. It is missed rather than one counted twice.
            let mut rest = expected.chars();
            prop_assert!(heard.chars().all(|key| rest.any(|pressed| pressed == key)), "{} of {}", heard, expected);
        } else {
            prop_assert_eq!(heard, expected);
        }
    }
}
