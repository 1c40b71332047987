//! Joining, leaving, waiting, positions and estimates.

use super::*;

#[test]
fn a_caller_beside_an_idle_agent_is_offered_in_the_same_call() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT])]));
    w.join(CONSULT, 1);
    w.expect_all(&["q0 has 1", "q0 has 0", "a0 Reserved", "offered 1 of q0 to a0"]);
    w.pass(secs(3));
    w.accept(0);
    w.expect_all(&["a0 Talking", "connected 1 to a0 after 3s"]);
    assert_eq!(w.leave(1, LeaveWhy::Abandoned), Left::TooLate(AgentId(0)));
    w.pass(secs(60));
    w.step(|core, now, out| core.call_ended(now, AgentId(0), None, out));
    w.expect_all(&["a0 WrapUp { until: 1084.000000s }"]);
    assert_eq!(w.leave(1, LeaveWhy::Abandoned), Left::Stale);
    assert_eq!(w.core.next_deadline().map(|(_, d)| d.name()), Some("wrap-up"));
    w.pass(secs(20));
    w.expect_all(&["a0 Ready"]);
    assert_eq!(w.core.next_deadline(), None);
}

#[test]
fn a_freed_agent_takes_whoever_has_waited_longest() {
    let mut w = World::new(bank(vec![agent(0, &[CONSULT])]));
    w.step(|core, now, out| core.agent_login(now, AgentId(0), out));
    for tag in 1..=3 {
        w.join(CONSULT, tag);
    }
    assert_eq!(
        (1..=3).map(|tag| w.core.position(w.id(tag))).collect::<Vec<_>>(),
        [Some(1), Some(2), Some(3)]
    );
    w.events();
    w.ready(0);
    w.expect(&["offered 1 of q0 to a0"]);
    assert_eq!((1..=3).map(|tag| w.core.position(w.id(tag))).collect::<Vec<_>>(), [None, Some(1), Some(2)]);
}

#[test]
fn giving_up_while_waiting_and_while_a_phone_rings() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT])]));
    w.join(CONSULT, 1);
    w.join(CONSULT, 2);
    w.join(CONSULT, 3);
    w.pass(secs(4));
    w.events();
    assert_eq!(w.leave(2, LeaveWhy::Key('1')), Left::Waiting);
    w.expect(&["left 2 after 4s: Key('1')"]);
    assert_eq!(w.leave(1, LeaveWhy::Abandoned), Left::WhileOffered(AgentId(0)));
    w.expect(&[
        "withdrawn 1 from a0: CallerLeft(Abandoned)",
        "left 1 after 4s: Abandoned",
        "offered 3 of q0 to a0",
    ]);
    assert_eq!(w.leave(1, LeaveWhy::Abandoned), Left::Stale);
}

#[test]
fn an_old_offer_is_refused_not_misapplied() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT])]));
    w.join(CONSULT, 1);
    let old = w.offer_to(0);
    w.leave(1, LeaveWhy::Abandoned);
    w.join(CONSULT, 2);
    w.events();
    assert_eq!(w.step(|core, now, out| core.offer_accepted(now, old, out)), Err(OfferGone));
    assert!(!w.step(|core, now, out| core.offer_refused(now, old, Refusal::Rejected, out)));
    w.expect_all(&[]);
    w.accept(0);
    let done = w.offer_to(0);
    assert_eq!(w.step(|core, now, out| core.offer_accepted(now, done, out)), Err(OfferGone));
}

#[test]
fn the_longest_wait_ends_in_line_but_not_while_a_phone_rings() {
    let mut topology = bank(vec![agent(0, &[CONSULT])]);
    topology.queues[0].max_wait = Some(secs(30));
    let mut w = World::staffed(topology);
    w.join(CONSULT, 1);
    w.join(CONSULT, 2);
    w.join_with(Join { max_wait: Some(secs(5)), ..Join::new(CONSULT, w.now, 3) }).unwrap();
    w.events();
    w.pass(secs(29));
    w.expect(&["left 3 after 5s: MaxWait"]);
    w.pass(secs(6));
    w.expect(&["left 2 after 30s: MaxWait"]);
    w.refuse(0, Refusal::Rejected);
    w.expect(&["left 1 after 35s: MaxWait"]);
    assert!(matches!(w.state(0), AgentState::Resting { .. }));
}

#[test]
fn a_longest_wait_of_zero_is_served_at_once_or_not_at_all() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT])]));
    let now = |w: &World, tag| Join { max_wait: Some(Duration::ZERO), ..Join::new(CONSULT, w.now, tag) };
    w.join_with(now(&w, 1)).unwrap();
    w.expect(&["offered 1 of q0 to a0"]);
    w.join_with(now(&w, 2)).unwrap();
    w.expect(&["left 2 after 0ns: MaxWait"]);
}

#[test]
fn who_may_not_wait() {
    let mut topology = bank(vec![agent(0, &[CONSULT])]);
    topology.queues[0].capacity = Some(1);
    topology.queues[1].closed = true;
    let mut w = World::new(topology);
    let join = |w: &mut World, queue| w.join_with(Join::new(queue, w.now, 9)).map(|_| ());
    assert_eq!(join(&mut w, CONSULT), Err(JoinError::NoAgentsLoggedIn));
    assert_eq!(join(&mut w, COMPLAINT), Err(JoinError::Closed));
    assert_eq!(join(&mut w, QueueId(77)), Err(JoinError::NoSuchQueue));
    w.ready(0);
    assert_eq!(join(&mut w, VIP), Err(JoinError::NoAgentsLoggedIn), "signed on, but lacks the skill");
    assert_eq!(join(&mut w, CONSULT), Ok(()), "is offered at once");
    assert_eq!(join(&mut w, CONSULT), Ok(()), "waits");
    assert_eq!(join(&mut w, CONSULT), Err(JoinError::Full));
    w.away(0);
    assert_eq!(join(&mut w, CONSULT), Err(JoinError::Full), "the offered one is back");
}

#[test]
fn a_kept_place_is_the_old_place() {
    let mut w = World::new(bank(vec![agent(0, &[CONSULT])]));
    w.step(|core, now, out| core.agent_login(now, AgentId(0), out));
    let arrived = w.now;
    w.pass(secs(50));
    w.join(CONSULT, 1);
    w.join_with(Join { arrived, ..Join::new(CONSULT, w.now, 2) }).unwrap();
    assert_eq!(w.core.position(w.id(2)), Some(1));
    w.events();
    w.ready(0);
    w.expect(&["offered 2 of q0 to a0"]);
    w.accept(0);
    w.expect(&["connected 2 to a0 after 50s"]);
}

#[test]
fn a_caller_s_own_needs_come_on_top() {
    let mut english = agent(1, &[CONSULT]);
    english.skills.push(Requirement { skill: 50, level: 2 });
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT]), english]));
    let extra = vec![Requirement { skill: 50, level: 2 }];
    w.join_with(Join { extra: extra.clone(), ..Join::new(CONSULT, w.now, 1) }).unwrap();
    w.join_with(Join { extra, ..Join::new(CONSULT, w.now, 2) }).unwrap();
    w.join(CONSULT, 3);
    w.expect(&["offered 1 of q0 to a1", "offered 3 of q0 to a0"]);
    assert_eq!(w.core.position(w.id(2)), Some(1));
}

#[test]
fn estimates_follow_the_head_of_the_line_and_shrink_with_it() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT])]));
    w.join(CONSULT, 1);
    w.accept(0);
    for tag in 2..=5 {
        w.join(CONSULT, tag);
        w.pass(secs(60));
    }
    // The head, who is 2, has waited 240 s now.
    assert_eq!(w.core.estimate(w.id(5)), Some(WaitBand::TwoToFive));
    assert_eq!(w.core.estimate(w.id(2)), Some(WaitBand::UnderOneMinute), "the last one served did not wait");
    w.leave(2, LeaveWhy::Abandoned);
    w.leave(3, LeaveWhy::Abandoned);
    // The head, who is 4, has waited 120 s; two of four are left.
    assert_eq!(w.core.estimate(w.id(5)), Some(WaitBand::OneToTwo));
    w.hang_up(0);
    assert_eq!(w.core.estimate(w.id(4)), None, "is being offered");
}

#[test]
fn nothing_is_estimated_where_nothing_is_known() {
    let mut w = World::new(bank(vec![agent(0, &[CONSULT])]));
    w.step(|core, now, out| core.agent_login(now, AgentId(0), out));
    w.join(CONSULT, 1);
    assert_eq!(w.core.estimate(w.id(1)), None);
    let bands = [59, 60, 120, 300, 599, 600].map(|s| WaitBand::of(secs(s)));
    use WaitBand::*;
    assert_eq!(bands, [UnderOneMinute, OneToTwo, TwoToFive, FiveToTen, FiveToTen, OverTen]);
}

#[test]
fn the_snapshot_counts_everybody_once() {
    let mut w =
        World::staffed(bank(vec![agent(0, &[CONSULT]), agent(1, &[CONSULT]), agent(2, &[COMPLAINT])]));
    w.join(CONSULT, 1);
    w.accept(0);
    w.join(CONSULT, 2);
    w.join(CONSULT, 3);
    w.pass(secs(7));
    let snapshot = w.core.snapshot();
    let consult = &snapshot.queues[0];
    assert_eq!((consult.waiting, consult.offered, consult.talking), (1, 1, 1));
    assert_eq!((consult.longest, consult.signed_on, consult.ready), (Some(secs(7)), 2, 0));
    assert_eq!((snapshot.queues[1].signed_on, snapshot.queues[1].ready), (1, 1));
    assert_eq!(snapshot.agents[0].caller, Some((1, CONSULT)));
    assert_eq!(snapshot.agents[1].state, AgentState::Reserved);
    assert_eq!(snapshot.agents[2].caller, None);
}

/// A handle names one caller for ever, and an offer's number one offer: who comes into the same cell, and the next offer
/// to the same agent, are none of theirs.
#[test]
fn handles_from_yesterday_are_refused_by_every_operation() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT])]));
    let (caller, offer) = (w.join(CONSULT, 1), w.offer_to(0));
    w.accept(0);
    w.hang_up(0);
    let next = w.join(CONSULT, 2);
    assert_eq!(
        (caller.index, w.offer_to(0).agent()),
        (next.index, offer.agent()),
        "the same cell, the same agent"
    );
    assert_ne!((caller, offer), (next, w.offer_to(0)));
    w.events();
    let before = w.core.snapshot();
    let change = Change { queue: Some(VIP), credit: Some(secs(90)) };
    assert_eq!(w.step(|c, now, s| c.leave(now, caller, LeaveWhy::Abandoned, s)), Left::Stale);
    assert_eq!(w.step(|c, now, s| c.change(now, caller, change, s)), Err(NotChanged::Stale));
    assert_eq!(w.step(|c, now, s| c.park(now, caller, s)), Left::Stale);
    assert!(!w.step(|c, now, s| c.resume(now, caller, s)));
    assert_eq!(w.step(|c, now, s| c.offer_accepted(now, offer, s)), Err(OfferGone));
    assert!(!w.step(|c, now, s| c.offer_refused(now, offer, Refusal::Busy, s)));
    assert_eq!(
        (w.core.position(caller), w.core.estimate(caller), w.core.is_attended(caller)),
        (None, None, None)
    );
    assert_eq!(w.core.explain(caller, 9), None);
    let nobody = CallerId { index: u32::MAX, epoch: 0 };
    assert_eq!(w.step(|c, now, s| c.leave(now, nobody, LeaveWhy::Abandoned, s)), Left::Stale);
    assert_eq!(w.core.position(nobody), None);
    assert_eq!(w.core.snapshot(), before);
    w.expect_all(&[]);
    w.accept(0);
    w.expect(&["connected 2 to a0 after 0ns"]);
}
