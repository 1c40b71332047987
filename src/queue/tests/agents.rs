//! Signing on, being away, refusing, wrapping up.

use super::*;

fn one() -> World {
    World::staffed(bank(vec![agent(0, &[CONSULT])]))
}

#[test]
fn signing_on_is_not_being_ready() {
    let mut w = World::new(bank(vec![agent(0, &[CONSULT])]));
    assert!(!w.step(|core, now, out| core.agent_ready(now, AgentId(0), out)), "not signed on");
    assert!(!w.step(|core, now, out| core.agent_login(now, AgentId(5), out)), "unknown");
    assert_eq!(w.away(0), AwayResult::SignedOff);
    assert!(w.step(|core, now, out| core.agent_login(now, AgentId(0), out)));
    w.join(CONSULT, 1);
    w.expect_all(&["a0 Away(NotReady)", "q0 has 1"]);
    w.ready(0);
    w.expect_all(&["a0 Ready", "q0 has 0", "a0 Reserved", "offered 1 of q0 to a0"]);
}

#[test]
fn away_and_sign_off_withdraw_an_offer() {
    let mut w = one();
    w.join(CONSULT, 1);
    w.events();
    assert_eq!(w.away(0), AwayResult::Now);
    w.expect(&["withdrawn 1 from a0: AgentAway", "requeued 1: AgentAway"]);
    w.ready(0);
    w.expect(&["offered 1 of q0 to a0"]);
    assert_eq!(w.logout(0), AwayResult::Now);
    w.expect(&["withdrawn 1 from a0: AgentSignedOff", "requeued 1: AgentSignedOff"]);
    assert_eq!(w.state(0), AgentState::SignedOff);
}

#[test]
fn away_while_talking_waits_for_the_end_of_the_call() {
    let mut w = one();
    w.join(CONSULT, 1);
    w.accept(0);
    w.events();
    assert_eq!(w.away(0), AwayResult::AfterCall);
    assert!(w.core.snapshot().agents[0].leaves_after_call);
    w.step(|core, now, out| core.call_ended(now, AgentId(0), None, out));
    w.expect_all(&["a0 Away(Break)"]);

    w.ready(0);
    w.join(CONSULT, 2);
    w.accept(0);
    w.events();
    assert_eq!(w.logout(0), AwayResult::AfterCall);
    w.ready(0);
    w.hang_up(0);
    w.expect_all(&["a0 Ready"]);
}

#[test]
fn two_unanswered_offers_in_a_row_put_an_agent_away() {
    let mut w = one();
    w.join(CONSULT, 1);
    w.join(CONSULT, 2);
    w.events();
    w.refuse(0, Refusal::RingTimeout);
    w.expect(&["requeued 1: Refused(RingTimeout)"]);
    w.pass(secs(15));
    w.expect(&["offered 1 of q0 to a0"]);
    w.refuse(0, Refusal::RingTimeout);
    w.expect(&["requeued 1: Refused(RingTimeout)"]);
    assert_eq!(w.state(0), AgentState::Away(Away::NoAnswer));
    w.pass(secs(16));
    w.expect(&[]);
    w.ready(0);
    w.expect(&["offered 1 of q0 to a0"]);
    w.refuse(0, Refusal::RingTimeout);
    assert!(matches!(w.state(0), AgentState::Resting { .. }), "one key back starts the count anew");
}

#[test]
fn an_answer_or_a_rejection_in_between_is_a_sign_of_life() {
    let mut w = one();
    for tag in 0..6 {
        w.join(CONSULT, tag);
    }
    let refuse = |w: &mut World, refusal| {
        w.refuse(0, refusal);
        w.pass(secs(15));
        assert_eq!(w.state(0), AgentState::Reserved);
    };
    refuse(&mut w, Refusal::RingTimeout);
    refuse(&mut w, Refusal::Rejected);
    refuse(&mut w, Refusal::RingTimeout);
    w.accept(0);
    w.hang_up(0);
    refuse(&mut w, Refusal::RingTimeout);
}

#[test]
fn who_did_not_take_a_caller_rests_and_is_offered_nobody() {
    for (refusal, rest) in [(Refusal::Rejected, 10), (Refusal::Busy, 30), (Refusal::RingTimeout, 15)] {
        let mut w = one();
        w.join(CONSULT, 1);
        w.join(CONSULT, 2);
        w.events();
        w.refuse(0, refusal);
        let until = w.now + secs(rest);
        assert_eq!(w.state(0), AgentState::Resting { until });
        assert_eq!(w.core.next_deadline(), Some((until, Deadline::Rest)));
        w.pass(secs(rest) - Duration::from_micros(1));
        w.expect(&[&format!("requeued 1: Refused({refusal:?})")]);
        assert_eq!(w.core.position(w.id(1)), Some(1));
        w.pass(Duration::from_micros(1));
        w.expect_all(&["a0 Ready", "q0 has 1", "a0 Reserved", "offered 1 of q0 to a0"]);
    }
}

#[test]
fn who_is_ready_again_before_the_rest_ends_takes_another() {
    let mut w = one();
    w.join(CONSULT, 1);
    w.join(CONSULT, 2);
    w.events();
    w.refuse(0, Refusal::Rejected);
    w.events();
    w.ready(0);
    w.expect(&["offered 2 of q0 to a0"]);
    w.accept(0);
    w.pass(secs(10));
    w.hang_up(0);
    w.expect(&["connected 2 to a0 after 0ns", "offered 1 of q0 to a0"]);
}

#[test]
fn a_rest_goes_on_after_a_call_of_the_agents_own_and_ends_with_a_word() {
    let mut w = one();
    w.join(CONSULT, 1);
    w.refuse(0, Refusal::Busy);
    w.pass(secs(10));
    assert_eq!(w.step(|core, now, out| core.agent_seize(now, AgentId(0), out)), Seized::Yes);
    w.pass(secs(10));
    w.step(|core, now, out| core.call_ended(now, AgentId(0), Some(Duration::ZERO), out));
    assert_eq!(w.state(0), AgentState::Resting { until: w.now + secs(10) });
    w.away(0);
    assert_eq!(
        w.core.next_deadline().map(|(_, d)| d),
        Some(Deadline::OfferAgain),
        "who is away does not rest"
    );
    w.ready(0);
    assert_eq!(w.state(0), AgentState::Ready, "but not for the caller who was refused");
}

#[test]
fn a_refused_caller_goes_to_the_next_agent_at_its_old_place() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT]), agent(1, &[CONSULT]), agent(2, &[CONSULT])]));
    w.join(CONSULT, 1);
    w.events();
    w.refuse(0, Refusal::Rejected);
    w.expect(&["requeued 1: Refused(Rejected)", "offered 1 of q0 to a1"]);
    w.join(CONSULT, 2);
    w.join(CONSULT, 3);
    w.accept(2);
    w.events();
    w.refuse(1, Refusal::Rejected);
    w.expect(&["requeued 1: Refused(Rejected)"]);
    assert_eq!(w.core.position(w.id(1)), Some(1));
    w.hang_up(2);
    w.expect(&["offered 1 of q0 to a2"]);
}

#[test]
fn an_unreachable_phone_counts_as_unanswered() {
    let mut w = one();
    w.join(CONSULT, 1);
    w.refuse(0, Refusal::Unreachable);
    assert!(matches!(w.state(0), AgentState::Resting { .. }));
    w.pass(secs(15));
    w.refuse(0, Refusal::Unreachable);
    assert_eq!(w.state(0), AgentState::Away(Away::NoAnswer));
}

#[test]
fn wrap_up_is_extended_once_and_ended_early() {
    let mut w = one();
    w.join(CONSULT, 1);
    w.accept(0);
    w.join(CONSULT, 2);
    w.events();
    let extend = |w: &mut World| w.step(|core, now, out| core.wrap_up_extend(now, AgentId(0), out));
    assert_eq!(extend(&mut w), None, "still talking");
    w.step(|core, now, out| core.call_ended(now, AgentId(0), None, out));
    assert_eq!(extend(&mut w), Some(w.now + secs(60)));
    assert_eq!(extend(&mut w), None, "once");
    w.pass(secs(59));
    w.expect_all(&["a0 WrapUp { until: 1021.000000s }", "a0 WrapUp { until: 1061.000000s }"]);
    w.pass(secs(1));
    w.expect(&["offered 2 of q0 to a0"]);
    w.accept(0);
    w.step(|core, now, out| core.call_ended(now, AgentId(0), None, out));
    w.join(CONSULT, 3);
    w.events();
    w.ready(0);
    w.expect(&["offered 3 of q0 to a0"]);
}

#[test]
fn a_wrap_up_is_as_long_as_the_queue_that_was_served_says_and_holds_for_all() {
    let mut topology = bank(vec![agent(0, &[CONSULT, VIP])]);
    let wraps = [(CONSULT, 7), (VIP, 0)];
    for queue in &mut topology.queues {
        let wrap = wraps.iter().find(|(id, _)| *id == queue.id);
        queue.wrap_up = wrap.map_or(queue.wrap_up, |(_, wrap)| secs(*wrap));
    }
    let mut w = World::staffed(topology);
    w.join(CONSULT, 1);
    w.accept(0);
    w.step(|core, now, out| core.call_ended(now, AgentId(0), None, out));
    assert_eq!(w.state(0), AgentState::WrapUp { until: w.now + secs(7) });
    w.join(VIP, 2);
    w.events();
    w.pass(secs(6));
    w.expect(&[]);
    w.pass(secs(1));
    w.expect(&["offered 2 of q2 to a0"]);
    w.accept(0);
    w.join(CONSULT, 3);
    w.events();
    w.step(|core, now, out| core.call_ended(now, AgentId(0), None, out));
    w.expect(&["offered 3 of q0 to a0"]);
}

#[test]
fn a_call_from_no_queue_keeps_offers_away() {
    let mut w = one();
    let seize = |w: &mut World| w.step(|core, now, out| core.agent_seize(now, AgentId(0), out));
    assert_eq!(seize(&mut w), Seized::Yes);
    assert_eq!(seize(&mut w), Seized::Busy);
    w.join(CONSULT, 1);
    w.events();
    w.step(|core, now, out| core.call_ended(now, AgentId(0), None, out));
    w.expect(&["offered 1 of q0 to a0"]);
    assert_eq!(seize(&mut w), Seized::Busy);
    w.away(0);
    assert_eq!(seize(&mut w), Seized::Yes);
    w.hang_up(0);
    assert_eq!(w.state(0), AgentState::Away(Away::Break), "as before the call");
    w.logout(0);
    assert_eq!(seize(&mut w), Seized::SignedOff);
}
