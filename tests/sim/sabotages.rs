//! Each invariant is tripped by a planted fault, and no other one is.

use std::time::Duration;

use hotline::sim::{Broken, Conditions, Day, Sabotage, Watch, day};

use super::plans;

fn a_day_with(sabotage: Option<Sabotage>) -> Vec<Broken> {
    let length = Duration::from_secs(3600);
    let watch = Watch::Every(64);
    let (conditions, fault_every) = (Conditions::QUIET, None);
    day(&Day { length, watch, conditions, fault_every, sabotage, ..Day::new(plans::bank(4), 5, 80) }).broken
}

#[test]
fn the_day_is_sound_without_sabotage() {
    assert_eq!(a_day_with(None), []);
}

#[test]
fn every_planted_fault_trips_its_invariant_and_no_other() {
    let mut wrong = Vec::new();
    for sabotage in Sabotage::ALL {
        let broken = a_day_with(Some(sabotage));
        let mut tripped: Vec<_> = broken.iter().map(|broken| broken.invariant).collect();
        tripped.dedup();
        if tripped != [sabotage.breaks()] {
            wrong.push(format!("{sabotage:?} shall trip {:?}: {broken:#?}", sabotage.breaks()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_invariant_that_can_be_seen_from_outside_has_its_planted_fault() {
    use hotline::sim::Invariant;
    let tripped: Vec<Invariant> = Sabotage::ALL.iter().map(|sabotage| sabotage.breaks()).collect();
    for invariant in Invariant::OUTSIDE {
        assert!(tripped.contains(&invariant), "{invariant:?} is never tripped");
    }
}
