//! What sets the models apart from the queue core: when they look.

use std::time::Duration;

use super::super::router::{Move, Router};
use super::super::tests::Model;
use super::Peer;
use super::app_queue::AppQueue;
use super::mod_callcenter::ModCallcenter;
use crate::base::Instant;
use crate::record::QueueOutcome;

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

/// Calls the model whenever it wants to be, up to a time. When it rang.
fn rings(router: &mut impl Router, until: Instant) -> Vec<Instant> {
    let mut rings = Vec::new();
    while let Some(due) = router.next_due().filter(|due| *due <= until) {
        let mut out = Vec::new();
        router.due(due, &mut out);
        rings.extend(out.iter().filter(|step| matches!(step, Move::Ring { .. })).map(|_| due));
    }
    rings
}

/// One agent; the first caller talks until 2.5 s, the second came at 1.3 s.
fn one_talks_and_one_waits(router: &mut impl Router) {
    let mut out = Vec::new();
    router.ready(at(0), 0, &mut out);
    router.join(at(300), 0, 0, &mut out);
    if out.is_empty() {
        assert_eq!(rings(router, at(500)).len(), 1);
    }
    assert!(router.answer(at(500), 0, &mut out));
    out.clear();
    router.join(at(1300), 1, 0, &mut out);
    assert_eq!(out, []);
    assert_eq!(rings(router, at(2500)), []);
    router.finish(at(2500), 0, Duration::ZERO, &mut out);
    assert_eq!(out, [], "nobody is told that the agent is free");
}

#[test]
fn app_queue_finds_out_when_its_caller_looks_again() {
    let model = Model { agents: 1, load: 0.5, patience: None, hours: 1 };
    let mut router = AppQueue::new(Peer::AppQueue, &model.scene(&model.day()), 2);
    one_talks_and_one_waits(&mut router);
    assert_eq!(rings(&mut router, at(4000)), [at(3300)]);
}

#[test]
fn mod_callcenter_lets_the_second_pass_in_which_the_talk_ended() {
    let model = Model { agents: 1, load: 0.5, patience: None, hours: 1 };
    let mut router = ModCallcenter::new(&model.scene(&model.day()), 2);
    one_talks_and_one_waits(&mut router);
    assert_eq!(rings(&mut router, at(4000)), [at(3000)]);
}

#[test]
fn who_hangs_up_while_a_phone_rings_frees_the_agent_and_who_comes_to_nobody_is_sent_away() {
    let model = Model { agents: 1, load: 0.5, patience: None, hours: 1 };
    let scene = model.scene(&model.day());
    fn check(mut router: impl Router) {
        let mut out = Vec::new();
        router.join(at(0), 0, 0, &mut out);
        assert_eq!(out, [Move::Out { caller: 0, outcome: QueueOutcome::NobodySignedOn }]);
        out.clear();
        router.ready(at(0), 0, &mut out);
        router.join(at(100), 1, 0, &mut out);
        if out.is_empty() {
            rings(&mut router, at(300));
        }
        out.clear();
        router.hang_up(at(400), 1, &mut out);
        assert_eq!(out, [Move::StopRinging { agent: 0 }]);
        assert!(!router.answer(at(500), 0, &mut out));
        out.clear();
        router.join(at(1000), 2, 0, &mut out);
        assert_eq!(out.len() + rings(&mut router, at(2000)).len(), 1);
    }
    check(AppQueue::new(Peer::AppQueue, &scene, 3));
    check(ModCallcenter::new(&scene, 3));
}
