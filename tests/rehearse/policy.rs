//! The hotline's policy beside other products', on the days that the README shows; here on few of them.

use hotline::exchange::topology_of;
use hotline::rehearse::{Day, Days, Outcome, Peer, rehearse};

use super::{shipped, shipped_day};

/// Not the seed of any table.
const DAYS: Days = Days { count: 8, seed: 77 };

/// What the dialplan keeps free for one skill is not kept for the others.
#[test]
fn each_queue_has_the_reserve_of_its_own_skill() {
    let plan = shipped();
    let topology = topology_of(&plan);
    let of = |name: &str| {
        let id = plan.queue_by_name(name).unwrap().id;
        let queue = topology.queues.iter().find(|queue| queue.id == id).unwrap();
        (queue.value, queue.reserve_percent)
    };
    assert_eq!(of("vip"), (4, Some(20)));
    assert_eq!(of("complaint"), (2, Some(0)));
    assert_eq!(of("consultation"), (0, Some(0)));
}

fn service_of_vips(own: &Outcome, other: &Outcome) -> (f64, f64) {
    let level = |outcome: &Outcome| {
        let vip = outcome.classes.iter().find(|class| class.name == "vip").unwrap();
        assert_eq!(vip.service_target, 10.0);
        vip.figures.service_level.clone()
    };
    let more = level(own).more_than(&level(other)).unwrap();
    (more.mean, more.half_width)
}

fn both(day: &Day, peer: Peer) -> (Outcome, Outcome) {
    let plan = shipped();
    let run = |peer| rehearse("x", &plan, day, DAYS, peer);
    (run(None), run(Some(peer)))
}

#[test]
fn vips_are_answered_within_ten_seconds_at_least_twenty_points_more_often() {
    let (own, other) = both(&shipped_day("normal.toml"), Peer::AppQueue);
    let (mean, half_width) = service_of_vips(&own, &other);
    assert!(mean - half_width >= 20.0, "{mean:.1} +- {half_width:.1}");
}

#[test]
fn every_peer_serves_the_small_centre() {
    let day = shipped_day("small.toml");
    for peer in Peer::ALL {
        let (own, other) = both(&day, peer);
        for (own, other) in own.classes.iter().zip(&other.classes) {
            assert_eq!(own.figures.calls, other.figures.calls, "the same callers");
            let level = other.figures.service_level.estimate().unwrap().mean;
            assert!((10.0..100.0).contains(&level), "{}: {} {level}", peer.name(), other.name);
        }
    }
}
