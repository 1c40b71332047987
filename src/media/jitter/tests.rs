use super::*;

const LEAST: Duration = Duration::from_millis(20);
const MOST: Duration = Duration::from_millis(200);

fn ms(ms: u64) -> Instant {
    Instant::from_micros(ms * 1000)
}

struct Fixture {
    buffer: JitterBuffer,
    ssrc: u32,
    now: u64,
    /// What was heard, a letter for each 20 ms: the first octet of its packet, or `.` for nothing.
    heard: String,
    ahead: i64,
}

impl Fixture {
    fn new() -> Self {
        let buffer = JitterBuffer::new(8000, LEAST, MOST);
        Fixture { buffer, ssrc: 1, now: 1000, heard: String::new(), ahead: 0 }
    }

    fn put(&mut self, at: u64, sequence: u16, timestamp: u32, letter: char) {
        self.until(at);
        let header = Header { marker: false, payload_type: 8, sequence, timestamp, ssrc: self.ssrc };
        self.buffer.put(ms(at), &header, 160, Some(Codec::Pcma), &[letter as u8; 160], false);
    }

    /// Packet n of a steady stream, so late.
    fn steady(&mut self, n: u32, late: u64) {
        let letter = (b'a' + (n % 26) as u8) as char;
        self.put(1000 + u64::from(n) * 20 + late, n as u16, n * 160, letter);
    }

    /// Frames are pulled at multiples of 20 ms, after what arrives then.
    fn until(&mut self, at: u64) {
        while self.now < at {
            let now = ms(self.now);
            while self.ahead < 160 {
                let (letter, ticks) = match self.buffer.next(now, 160 - self.ahead, self.ahead) {
                    Next::Packet { packet, skip } => {
                        let letter = packet.payload[0] as char;
                        self.buffer.give_back(packet.payload);
                        (letter, packet.ticks - skip)
                    }
                    Next::Missing(ticks) => ('.', ticks),
                };
                self.ahead += ticks;
                self.heard.extend((ticks >= 80).then_some(letter));
            }
            self.ahead -= 160;
            self.now += 20;
        }
    }

    fn delay_ms(&self) -> i64 {
        self.buffer.delay(ms(self.now), self.ahead) / 8
    }
}

#[test]
fn order_duplicates_and_loss_over_the_wraps() {
    let mut f = Fixture::new();
    let at = |n: u16| (n.wrapping_sub(3), u32::from(n).wrapping_mul(160).wrapping_sub(480));
    for (when, n) in [(1000, 0), (1020, 1), (1041, 2), (1079, 4), (1079, 3), (1080, 3), (1120, 6), (1140, 7)]
    {
        let (sequence, timestamp) = at(n);
        f.put(when, sequence, timestamp, (b'a' + n as u8) as char);
    }
    f.until(1240);
    assert_eq!(f.heard, "..abcde.gh..");
    assert_eq!(f.buffer.counts(), Counts::default());
}

#[test]
fn a_late_packet_raises_the_delay_at_once_and_time_lets_it_sink() {
    let mut f = Fixture::new();
    for n in 0..100 {
        f.steady(n, 0);
    }
    assert!(f.buffer.target() < 40 * 8, "{}", f.buffer.target());
    f.steady(101, 100);
    assert_eq!(f.buffer.target(), 100 * 8);
    for n in 106..3000 {
        f.steady(n, 0);
    }
    assert_eq!(f.buffer.target(), 20 * 8, "after a minute");
    assert_eq!(f.buffer.counts().late, 0, "the listener waited for it");
}

#[test]
fn what_comes_after_its_time_is_counted_and_not_heard() {
    let mut f = Fixture::new();
    for n in (0..50).filter(|n| *n != 20) {
        f.steady(n, 0);
        if n == 24 {
            f.put(1480, 20, 20 * 160, 'X');
        }
    }
    assert_eq!(f.buffer.counts(), Counts { late: 1, dropped: 0 });
    assert!((70 * 8..=80 * 8).contains(&f.buffer.target()), "{}", f.buffer.target());
    f.put(1980, 10, 10 * 160, 'X');
    assert_eq!(f.buffer.counts(), Counts { late: 2, dropped: 0 }, "far too late");
    f.until(2200);
    assert!(!f.heard.contains('X'));
    assert_eq!(f.heard.trim_matches('.').matches('.').count(), 1, "{}", f.heard);
}

#[test]
fn jitter_is_held_and_no_more_than_jitter() {
    let mut f = Fixture::new();
    for n in 0..1500u32 {
        f.steady(n, u64::from(n * 7 % 5) * 10); // 0 to 40 ms
    }
    assert!((40..=60).contains(&f.delay_ms()), "{}", f.delay_ms());
    assert!(!f.heard[100..].contains('.'), "{}", f.heard);
}

#[test]
fn another_source_and_jumps_of_its_clock_go_on_without_a_gap() {
    let mut f = Fixture::new();
    let mut said = String::new();
    for n in 0..60u32 {
        let letter = (b'a' + (n % 26) as u8) as char;
        let (ssrc, sequence, timestamp) = match n {
            0..10 => (1, n, n * 160),
            10..20 => (2, 700 + n, n * 160 + 99_999),
            20..30 => (2, 700 + n, n * 160 + 2_000_000_000),
            30..40 => (2, 700 + n, n * 160),
            _ => (2, 9000 + n, n * 160),
        };
        f.ssrc = ssrc;
        f.put(1000 + u64::from(n) * 20, sequence as u16, timestamp, letter);
        said.push(letter);
    }
    f.until(2400);
    assert_eq!(f.heard.trim_matches('.'), said);
    assert_eq!((f.buffer.counts(), f.buffer.line.begun()), (Counts::default(), 4));
}

#[test]
fn a_packet_that_overtook_the_first_of_a_time_line_lies_on_it_too() {
    let mut buffer = JitterBuffer::new(8000, LEAST, MOST);
    let mut put = |at: u64, n: u16, timestamp: u32| {
        let header = Header { marker: false, payload_type: 8, sequence: n, timestamp, ssrc: 1 };
        buffer.put(ms(at), &header, 160, Some(Codec::Pcma), &[n as u8; 160], false);
    };
    put(1000, 1, 160);
    // The clock jumps, and the second packet behind the jump comes first.
    put(1041, 3, 900_160);
    put(1042, 2, 900_000);
    let lines: Vec<(u32, i64)> = buffer.packets.iter().map(|packet| (packet.line, packet.place)).collect();
    let [(old, first), (new, second), (newer, third)] = lines[..] else { panic!("{lines:?}") };
    assert!(new == newer && old != new, "{lines:?}");
    assert!(first + 160 <= second && second + 160 == third, "{lines:?}");
}

#[test]
fn a_pause_is_a_pause_and_the_next_word_begins_whole() {
    let mut f = Fixture::new();
    for n in 0..20 {
        f.steady(n, 0);
    }
    // Three seconds of nothing; the time stamps go on, the sequence has no gap.
    for n in 170..190u32 {
        f.put(1000 + u64::from(n) * 20, (n - 150) as u16, n * 160, 'z');
    }
    f.until(5200);
    let heard = f.heard.trim_matches('.').split('.').filter(|part| !part.is_empty()).collect::<Vec<_>>();
    assert_eq!(heard, ["abcdefghijklmnopqrst", &"z".repeat(20)]);
    assert!(f.buffer.target() <= 40 * 8);
}

#[test]
fn a_burst_after_a_stall_leaves_no_long_delay() {
    for stalled in [5u32, 14, 30, 200] {
        let mut f = Fixture::new();
        for n in 0..50 {
            f.steady(n, 0);
        }
        // All that was said in the stall comes at its end, in one millisecond.
        for n in 50..50 + stalled {
            f.steady(n, u64::from(50 + stalled - n) * 20);
        }
        let after = 50 + stalled;
        for n in after..after + 3000 {
            f.steady(n, 0);
            assert!(f.buffer.packets.len() <= 20, "{}", f.buffer.packets.len());
            assert!(f.delay_ms() <= 400, "{} ms after a stall of {stalled}", f.delay_ms());
        }
        assert!(
            f.heard.ends_with("abcdefghijklmnopqrstuvwxyz") || !f.heard[f.heard.len() - 30..].contains('.')
        );
    }
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let mut buffer = JitterBuffer::new(8000, LEAST, MOST);
    for n in 0..10_000u32 {
        let header = Header {
            marker: false,
            payload_type: 8,
            sequence: n as u16,
            timestamp: n.wrapping_mul(if n % 3 == 0 { 80 } else { 0x9e37_79b9 }),
            ssrc: n / 700,
        };
        buffer.put(
            ms(u64::from(n) / 50),
            &header,
            1 + i64::from(n % 160),
            Some(Codec::Pcma),
            &[0; 1400],
            false,
        );
        assert!(buffer.packets.len() <= MOST_PACKETS && buffer.spare.len() <= MOST_SPARE);
    }
}
