//! Days at a bank whose calls are shared by several exchanges on one queue core.

use std::time::Duration;

use hotline::sim::{Day, Exchanges, Report, Watch, day};

use super::plans;

fn sound(report: &Report) {
    assert!(report.is_sound(), "{report}");
    assert!(report.queues.values().all(|queue| queue.served > 0), "nobody was served: {report}");
}

fn shared(of: u8, room: usize, seed: u64, calls: u32) -> Day {
    Day { exchanges: Exchanges { of, room }, ..Day::new(plans::bank(20), seed, calls) }
}

/// Words are up to 20 ms under way, so that offers, withdrawals and hang-ups meet in every order.
#[test]
fn several_exchanges_keep_every_invariant_and_each_has_its_share() {
    for of in [2, 3] {
        let report = day(&shared(of, 64, 1, 1_500));
        sound(&report);
        assert_eq!(report.missed, 0, "the ring was large enough");
        // Of what trunks bring; what desks dial is the first one's.
        let even = 1_500 / u64::from(of);
        assert!(report.taken.iter().all(|taken| *taken > even * 3 / 4), "{:?}", report.taken);
        assert_eq!(day(&shared(of, 64, 1, 1_500)).hash, report.hash, "a seed is a proof");
    }
}

/// A ring of one word, and one of none at all: what is not heard is read.
#[test]
fn words_that_are_lost_lose_no_offer() {
    for (room, least) in [(0, 100), (1, 1)] {
        let report = day(&shared(2, room, 2, 800));
        sound(&report);
        assert!(report.missed >= least, "{} times, with room for {room}", report.missed);
        let offered: u64 = report.queues.values().map(|queue| queue.offered).sum();
        let served: u64 = report.queues.values().map(|queue| queue.served).sum();
        assert!(served * 2 > offered, "{report}");
    }
}

#[test]
fn after_every_input_all_exchanges_agree_with_the_core() {
    for (seed, room) in [(1, 64), (2, 1)] {
        let length = Duration::from_secs(3600);
        let fault_every = Some(Duration::from_secs(20));
        let (watch, other_plan) = (Watch::Closely, Some(plans::bank(8)));
        let exchanges = Exchanges { of: 2, room };
        let report = day(&Day {
            length,
            fault_every,
            watch,
            other_plan,
            exchanges,
            ..Day::new(plans::bank(12), seed, 120)
        });
        assert!(report.is_sound(), "{report}");
    }
}
