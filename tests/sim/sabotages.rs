//! Each invariant is tripped by a planted fault, and no other one is.

use std::time::Duration;

use hotline::sim::{Conditions, Day, Report, Sabotage, Watch, day};

use super::plans;

fn an_hour(seed: u64, sabotage: Option<Sabotage>) -> Report {
    let length = Duration::from_secs(3600);
    let watch = Watch::Every(64);
    let (conditions, fault_every) = (Conditions::QUIET, None);
    day(&Day { length, watch, conditions, fault_every, sabotage, ..Day::new(plans::bank(4), seed, 100) })
}

/// The first hour in which the fault finds its moment: not every hour brings a message.
fn an_hour_with(sabotage: Sabotage) -> Report {
    let mut hours = (5..25).map(|seed| an_hour(seed, Some(sabotage)));
    hours.find(|report| report.sabotaged).unwrap_or_else(|| panic!("{sabotage:?} never found its moment"))
}

#[test]
fn the_hours_are_sound_without_sabotage() {
    for seed in 5..10 {
        assert_eq!(an_hour(seed, None).broken, []);
    }
}

#[test]
fn every_planted_fault_trips_its_invariant_and_no_other() {
    let mut wrong = Vec::new();
    for sabotage in Sabotage::ALL {
        let broken = an_hour_with(sabotage).broken;
        let mut tripped: Vec<_> = broken.iter().map(|broken| broken.invariant).collect();
        tripped.dedup();
        if tripped != [sabotage.breaks()] {
            wrong.push(format!("{sabotage:?} shall trip {:?}: {broken:#?}", sabotage.breaks()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the network does to everybody hides nothing of what the exchange does wrong.
#[test]
fn over_a_harsh_network_they_are_noticed_as_well() {
    for sabotage in [Sabotage::SwallowRecord, Sabotage::SwallowEnd, Sabotage::SwallowByes] {
        let length = Duration::from_secs(3600);
        let sabotage = Some(sabotage);
        let report = day(&Day { length, sabotage, ..Day::harsh(plans::bank(4), 1, 100) });
        let breaks = sabotage.map(Sabotage::breaks);
        let noticed = report.broken.iter().any(|broken| Some(broken.invariant) == breaks);
        assert!(report.sabotaged && noticed, "{sabotage:?}: {report}");
    }
}

#[test]
fn every_invariant_that_can_be_seen_from_outside_has_its_planted_fault() {
    use hotline::sim::Invariant;
    let tripped: Vec<Invariant> = Sabotage::ALL.iter().map(|sabotage| sabotage.breaks()).collect();
    for invariant in Invariant::OUTSIDE {
        assert!(tripped.contains(&invariant), "{invariant:?} is never tripped");
    }
}
