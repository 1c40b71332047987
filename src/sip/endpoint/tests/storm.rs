//! Many calls over a bad network: every one comes to an end on both sides, and nothing is left.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::sip::{Answer, Config, DialogId, Event};

use super::world::{Faults, World, address, sdp};

/// What the hosts heard. A dialog leaves `alive` by the host's own word or by the one event that ends it, and
/// nothing comes after that.
#[derive(Default)]
struct Tally {
    answered: u32,
    rejected: u32,
    ended: u32,
    /// What only a part of the calls goes through.
    referred: u32,
    renegotiated: u32,
    /// Dialogs of each end that the host still believes in.
    alive: [BTreeSet<DialogId>; 2],
    /// INVITEs without an offer whose answer the host still owes.
    late: BTreeSet<DialogId>,
    /// Dialogs that ring with a session description, to be answered some time.
    ringing: BTreeSet<DialogId>,
}

/// The dialog that an event is about.
fn dialog_of(event: &Event) -> Option<DialogId> {
    match event {
        Event::Invite { dialog, .. }
        | Event::Acked { dialog, .. }
        | Event::Cancelled { dialog }
        | Event::Progress { dialog, .. }
        | Event::Answered { dialog, .. }
        | Event::Rejected { dialog, .. }
        | Event::Reoffer { dialog, .. }
        | Event::ReofferAnswered { dialog, .. }
        | Event::ReofferRefused { dialog, .. }
        | Event::Info { dialog, .. }
        | Event::Message { dialog, .. }
        | Event::Ended { dialog, .. } => Some(*dialog),
        Event::Subscribe { .. } | Event::NotifyDue { .. } | Event::SubscriptionLost { .. } => None,
        Event::Refer { id, .. } | Event::ReferAnswered { id, .. } | Event::ReferProgress { id, .. } => {
            Some(id.dialog)
        }
        Event::Request { .. } | Event::Reply { .. } => None,
    }
}

/// A thousand calls in 100 s; the hosts answer, refuse, hold, hang up and give up by the seed.
fn storm(seed: u64, faults: Faults) -> (World, Tally) {
    let mut world = World::with_config(2, seed, Config::default());
    world.ladder = None;
    world.faults = faults;
    let mut chance = crate::base::Rng::from_number(seed);
    let mut tally = Tally::default();
    for _ in 0..1000 {
        let mut invite = world.invitation(0, address(1));
        let late = chance.below(10) == 0;
        if late {
            invite.sdp = None;
        }
        if chance.below(5) == 0 {
            invite.headers.push(("Require".to_owned(), "100rel".to_owned()));
        }
        let dialog = world.ends[0].invite(world.now, invite);
        tally.alive[0].insert(dialog);
        if late {
            tally.late.insert(dialog);
        }
        if chance.below(20) == 0 {
            world.ends[0].cancel(world.now, dialog);
        }
        let end = world.now + Duration::from_millis(100);
        world.flush();
        while world.step(end) {
            react(&mut world, &mut tally, &mut chance);
        }
        world.now = end;
        // Now and then somebody does something.
        for side in 0..2 {
            let nth = chance.below(tally.alive[side].len().max(1) as u64) as usize;
            let Some(&dialog) = tally.alive[side].iter().nth(nth) else { continue };
            match chance.below(10) {
                0 | 1 => {
                    world.ends[side].bye(world.now, dialog, None);
                    tally.alive[side].remove(&dialog);
                }
                2 => world.ends[side].reoffer(world.now, dialog, sdp(chance.next_u32())),
                3 if side == 0 => world.ends[side].cancel(world.now, dialog),
                4 | 5 => {
                    let to = crate::sip::Uri::sip(Some("300"), address(1));
                    world.ends[side].refer(world.now, dialog, to, None);
                }
                6 | 7 if side == 1 => {
                    if let Some(dialog) = tally.ringing.pop_first() {
                        world.ends[1].accept(world.now, dialog, Some(sdp(1)));
                    }
                }
                _ => {}
            }
        }
        react(&mut world, &mut tally, &mut chance);
    }
    // Everybody hangs up, also on who came last; then only timers remain.
    for wait in [60, 180] {
        for side in 0..2 {
            for dialog in std::mem::take(&mut tally.alive[side]) {
                world.ends[side].bye(world.now, dialog, None);
            }
        }
        world.flush();
        let end = world.now + Duration::from_secs(wait);
        while world.step(end) {
            react(&mut world, &mut tally, &mut chance);
        }
    }
    (world, tally)
}

fn react(world: &mut World, tally: &mut Tally, chance: &mut crate::base::Rng) {
    world.flush();
    for side in 0..2 {
        while let Some(event) = world.event(side) {
            let now = world.now;
            let end = &mut world.ends[side];
            if !matches!(event, Event::Invite { .. })
                && let Some(dialog) = dialog_of(&event)
            {
                assert!(tally.alive[side].contains(&dialog), "{event:?} after the end");
            }
            match event {
                Event::Invite { dialog, .. } => {
                    assert!(tally.alive[side].insert(dialog), "a dialog comes once");
                    match chance.below(10) {
                        0 => {
                            end.reject(now, dialog, Answer::new(486));
                            tally.alive[side].remove(&dialog);
                        }
                        1 => end.ring(now, dialog, 180, None),
                        2 | 3 => {
                            end.ring(now, dialog, 183, Some(sdp(1)));
                            tally.ringing.insert(dialog);
                        }
                        4 => {
                            // The 200 has to wait for the PRACK.
                            end.ring(now, dialog, 183, Some(sdp(1)));
                            end.ring(now, dialog, 180, None);
                            end.accept(now, dialog, Some(sdp(1)));
                        }
                        _ => end.accept(now, dialog, Some(sdp(1))),
                    }
                }
                Event::Progress { dialog, sdp: Some(_), .. } if tally.late.contains(&dialog) => {
                    // An unreliable one is no offer yet, and this then no answer to it.
                    end.ack_sdp(now, dialog, sdp(3));
                }
                Event::Answered { dialog, .. } => {
                    tally.answered += 1;
                    if tally.late.remove(&dialog) {
                        end.ack_sdp(now, dialog, sdp(3));
                    }
                }
                Event::Refer { id, .. } => {
                    tally.referred += 1;
                    match chance.below(3) {
                        0 => end.answer_refer(now, id, Err(Answer::new(603))),
                        _ => {
                            end.answer_refer(now, id, Ok(()));
                            end.refer_progress(now, id, 180, None);
                            end.refer_progress(now, id, 200, None);
                        }
                    }
                }
                Event::ReofferAnswered { .. } => tally.renegotiated += 1,
                Event::Rejected { dialog, .. } => {
                    tally.rejected += 1;
                    tally.alive[side].remove(&dialog);
                }
                Event::Ended { dialog, .. } | Event::Cancelled { dialog } => {
                    tally.ended += 1;
                    tally.alive[side].remove(&dialog);
                }
                Event::Reoffer { dialog, .. } => end.answer_reoffer(now, dialog, Ok(sdp(2))),
                Event::Request { id, .. } => end.respond(now, id, Answer::new(200)),
                Event::Info { .. }
                | Event::ReferAnswered { .. }
                | Event::ReferProgress { .. }
                | Event::Progress { .. }
                | Event::Acked { .. }
                | Event::ReofferRefused { .. } => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }
    world.flush();
}

#[test]
fn a_thousand_calls_over_a_bad_network_leave_nothing() {
    let faults = Faults { loss: 50, doubling: 30, reordering: 50, noise: 0 };
    for seed in 1..=3 {
        let (mut world, tally) = storm(seed, faults);
        world.assert_empty();
        assert!(tally.alive.iter().all(BTreeSet::is_empty), "a call whose end was not told");
        assert!(tally.answered > 500, "answered {}", tally.answered);
        assert!(tally.rejected > 50 && tally.ended > 300, "{} {}", tally.rejected, tally.ended);
        assert!(tally.referred > 50 && tally.renegotiated > 50, "{} {}", tally.referred, tally.renegotiated);
        assert!(world.ends[0].stats().retransmitted > 100);
        assert_eq!(world.ends[1].stats().malformed_dropped.total(), 0);
    }
}

/// What a damaged message begins comes to an end as well.
#[test]
fn damaged_messages_leave_nothing_either() {
    for seed in 11..=13 {
        let (mut world, tally) = storm(seed, Faults { noise: 300, ..Faults::default() });
        world.assert_empty();
        assert!(tally.answered > 500, "answered {}", tally.answered);
        let stats = world.ends[1].stats();
        assert!(stats.malformed_dropped.total() > 10 && stats.malformed_answered.total() > 10, "{stats:?}");
    }
}

#[test]
fn a_perfect_network_needs_no_repetition() {
    let (mut world, _) = storm(4, Faults::default());
    world.assert_empty();
    assert_eq!((world.ends[0].stats().retransmitted, world.ends[1].stats().retransmitted), (0, 0));
    assert_eq!((world.ends[0].stats().timed_out, world.ends[1].stats().unacknowledged), (0, 0));
}

#[test]
fn the_same_seed_is_the_same_storm() {
    let faults = Faults { loss: 50, doubling: 30, reordering: 50, noise: 0 };
    let stats = |seed| {
        let (world, _) = storm(seed, faults);
        (world.ends[0].stats().clone(), world.ends[1].stats().clone())
    };
    assert_eq!(stats(5), stats(5));
    assert_ne!(stats(5), stats(6));
}
