//! Presses on a network that lets packets overtake each other by more than a press.

use super::*;
use crate::base::Rng;
use proptest::prelude::*;

/// When it arrives (ms), sequence number, time stamp, event, end, duration.
type Packet = (u64, u16, u32, u8, bool, u16);

fn keys(packets: &[Packet]) -> String {
    let mut listener = KeyListener::default();
    let mut heard = String::new();
    for &(ms, sequence, timestamp, event, end, duration) in packets {
        let header = Header { marker: false, payload_type: 101, sequence, timestamp, ssrc: 1 };
        let payload = Payload { event, end, duration }.write();
        heard.extend(listener.note(Instant::from_micros(ms * 1000), &header, 8000, &payload).map(Digit::key));
    }
    heard
}

/// Presses of 100 ms every 200 ms, as they are sent; the first begins at 1,000 ms.
fn pressed(events: &[u8]) -> Vec<Packet> {
    let press = |(at, event): (usize, &u8)| {
        let (ms, sequence, event) = (1000 + at as u64 * 200, 100 + at as u16 * 10, *event);
        let timestamp = ms as u32 * 8;
        let tone = (0..5)
            .map(move |n| (ms + u64::from(n) * 20, sequence + n, timestamp, event, false, (n + 1) * 160));
        tone.chain((5..8).map(move |n| (ms + 80, sequence + n, timestamp, event, true, 800)))
    };
    events.iter().enumerate().flat_map(press).collect()
}

#[test]
fn a_press_that_another_overtook_counts_when_it_comes() {
    let mut packets = pressed(&[2, 8, 7]);
    packets[8].0 = 1000;
    packets[..8].iter_mut().for_each(|p| p.0 += 340);
    packets.sort_by_key(|p| p.0);
    assert_eq!(keys(&packets), "827");
    // One packet of it is enough.
    packets.retain(|p| p.3 != 2 || p.1 == 102);
    assert_eq!(keys(&packets), "827");
}

#[test]
fn the_same_key_too() {
    let mut packets = pressed(&[5, 5, 5]);
    packets[16].0 = 1250;
    packets[8..16].iter_mut().for_each(|p| p.0 += 150);
    packets.sort_by_key(|p| p.0);
    assert_eq!(keys(&packets), "555");
}

#[test]
fn whose_ends_carry_an_older_time_stamp_is_heard_once() {
    // The sender counts the time stamp on with each packet and goes back to the first one with the ends.
    let mut packets = pressed(&[4]);
    packets.iter_mut().zip(0..5).for_each(|(p, n)| p.2 += n * 160);
    assert_eq!(keys(&packets), "4");
    // The same out of order.
    packets.swap(3, 6);
    assert_eq!(keys(&packets), "4");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is lost, doubled and delayed by up to 400 ms: of what arrived each press counts, and once.
    #[test]
    fn each_press_once_on_any_network(seed in any::<u64>(), events in prop::collection::vec(0u8..10, 1..12)) {
        let mut dice = Rng::from_number(seed);
        let mut arrived = Vec::new();
        for packet in pressed(&events) {
            for _ in 0..dice.below(3) {
                arrived.push((packet.0 + dice.below(400), packet.1, packet.2, packet.3, packet.4, packet.5));
            }
        }
        arrived.sort_by_key(|p| p.0);
        let mut presses: Vec<(u32, u8)> = arrived.iter().map(|p| (p.2, p.3)).collect();
        presses.sort_unstable();
        presses.dedup();
        let mut expected: Vec<char> = presses.iter().map(|(_, event)| (b'0' + event) as char).collect();
        let mut heard: Vec<char> = keys(&arrived).chars().collect();
        expected.sort_unstable();
        heard.sort_unstable();
        prop_assert_eq!(heard, expected);
    }
}
