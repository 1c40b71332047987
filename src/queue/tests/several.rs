//! Agents with several calls: a further caller rings while all others are on hold, and nobody else is free.

use super::*;

/// Each with so many calls at once.
fn desks(calls: &[u8]) -> World {
    let agents = (0..).zip(calls);
    let agents = agents.map(|(id, calls)| AgentSpec { calls_at_once: *calls, ..agent(id, &[CONSULT]) });
    World::staffed(bank(agents.collect()))
}

impl World {
    fn holds(&mut self, agent: u32, holds: bool) -> bool {
        self.step(|core, now, out| core.agent_holds(now, AgentId(agent), holds, out))
    }

    /// Without wrap-up.
    fn over(&mut self, agent: u32, tag: u64) -> bool {
        let none = Some(Duration::ZERO);
        self.step(|core, now, out| core.talk_ended(now, AgentId(agent), tag, none, out))
    }

    fn held(&self, agent: u32) -> Vec<u64> {
        let views = self.core.snapshot().agents;
        let view = views.into_iter().find(|view| view.id == AgentId(agent)).expect("exists");
        view.held.into_iter().map(|(tag, _)| tag).collect()
    }
}

#[test]
fn the_next_caller_rings_while_the_first_is_on_hold() {
    let mut world = desks(&[2]);
    world.join(CONSULT, 1);
    world.accept(0);
    world.join(CONSULT, 2);
    world.join(CONSULT, 3);
    world.expect(&["offered 1 of q0 to a0", "connected 1 to a0 after 0ns"]);
    assert!(world.holds(0, true));
    world.expect_all(&["q0 has 1", "a0 Reserved", "offered 2 of q0 to a0"]);
    world.accept(0);
    world.expect(&["connected 2 to a0 after 0ns"]);
    assert_eq!((world.state(0), world.held(0)), (AgentState::Talking, vec![1]));
    assert!(!world.holds(0, true), "there is room for two");
    assert!(world.over(0, 1), "the one on hold has gone");
    world.expect(&[]);
    assert!(world.holds(0, true));
    world.expect(&["offered 3 of q0 to a0"]);
    world.accept(0);
    assert!(world.over(0, 3) && world.over(0, 2) && !world.over(0, 2));
    assert_eq!((world.state(0), world.held(0)), (AgentState::Ready, vec![]));
}

#[test]
fn with_one_call_at_once_nobody_rings_during_a_hold() {
    let mut world = desks(&[1]);
    world.join(CONSULT, 1);
    world.accept(0);
    world.join(CONSULT, 2);
    world.events();
    assert!(!world.holds(0, true) && !world.holds(0, false));
    world.expect(&[]);
    assert!(world.over(0, 77), "the only talk ends by any tag");
    world.expect(&["offered 2 of q0 to a0"]);
}

#[test]
fn whoever_has_nobody_on_hold_comes_first() {
    let mut world = desks(&[2, 1]);
    world.join(CONSULT, 1);
    world.accept(0);
    world.holds(0, true);
    // Idle for longer, and yet.
    world.join(CONSULT, 2);
    world.join(CONSULT, 3);
    world.events();
    world.accept(1);
    world.accept(0);
    world.expect(&["connected 2 to a1 after 0ns", "connected 3 to a0 after 0ns"]);
}

#[test]
fn a_further_caller_who_is_not_taken_is_no_missed_call() {
    let mut world = desks(&[2]);
    world.join(CONSULT, 1);
    world.accept(0);
    world.holds(0, true);
    world.events();
    for tag in 2..9 {
        world.join(CONSULT, tag);
        world.expect(&[&format!("offered {tag} of q0 to a0")]);
        world.refuse(0, Refusal::RingTimeout);
        assert_eq!(world.state(0), AgentState::Talking);
        world.leave(tag, LeaveWhy::Abandoned);
        world.join(CONSULT, tag + 100);
        world.leave(tag + 100, LeaveWhy::Abandoned);
        // Enough of it, until the next hold.
        let lines: Vec<_> =
            world.events().iter().map(show).filter(|line| line.starts_with("offered")).collect();
        assert!(lines.is_empty(), "{lines:?}");
        assert!(world.holds(0, true));
    }
    assert!(world.over(0, 1));
    assert_eq!(world.state(0), AgentState::Ready);
}

#[test]
fn a_caller_who_leaves_makes_room_again() {
    let mut world = desks(&[2]);
    world.join(CONSULT, 1);
    world.accept(0);
    world.holds(0, true);
    world.join(CONSULT, 2);
    world.join(CONSULT, 3);
    world.events();
    world.leave(2, LeaveWhy::Abandoned);
    world.expect(&[
        "withdrawn 2 from a0: CallerLeft(Abandoned)",
        "left 2 after 0ns: Abandoned",
        "offered 3 of q0 to a0",
    ]);
    // The caller on hold goes while the phone rings: the agent is no more than reserved then.
    assert!(world.over(0, 1));
    world.leave(3, LeaveWhy::Abandoned);
    assert_eq!((world.state(0), world.held(0)), (AgentState::Ready, vec![]));
}

#[test]
fn to_be_away_waits_for_the_last_call() {
    let mut world = desks(&[3]);
    for tag in 1..4 {
        world.join(CONSULT, tag);
        world.accept(0);
        world.holds(0, true);
    }
    world.events();
    assert_eq!(world.held(0), [1, 2]);
    assert_eq!(world.away(0), AwayResult::AfterCall);
    assert!(!world.holds(0, true), "on the way out");
    for tag in [3, 1] {
        assert!(world.over(0, tag));
        assert_eq!(world.state(0), AgentState::Talking);
    }
    assert!(world.over(0, 2));
    assert_eq!(world.state(0), AgentState::Away(Away::Break));
}

#[test]
fn to_be_away_ends_an_offer_and_keeps_the_talks() {
    let mut world = desks(&[2]);
    world.join(CONSULT, 1);
    world.accept(0);
    world.holds(0, true);
    world.join(CONSULT, 2);
    world.events();
    assert_eq!(world.away(0), AwayResult::AfterCall);
    world.expect(&["withdrawn 2 from a0: AgentAway", "requeued 2: AgentAway"]);
    assert_eq!(world.state(0), AgentState::Talking);
    world.ready(0);
    world.expect(&[]);
    assert!(world.over(0, 1));
    world.expect(&["offered 2 of q0 to a0"]);
}

#[test]
fn the_last_call_s_queue_decides_the_wrap_up() {
    let mut world = desks(&[2]);
    world.join(CONSULT, 1);
    world.accept(0);
    world.holds(0, true);
    world.join(CONSULT, 2);
    world.accept(0);
    let over = |world: &mut World, tag| {
        assert!(world.step(|core, now, out| core.talk_ended(now, AgentId(0), tag, None, out)));
    };
    over(&mut world, 2);
    assert_eq!(world.state(0), AgentState::Talking);
    over(&mut world, 1);
    assert_eq!(world.state(0), AgentState::WrapUp { until: world.now + secs(20) });
}

#[test]
fn who_has_somebody_on_hold_is_no_reserve() {
    let two = |id| AgentSpec { calls_at_once: 2, ..agent(id, &[CONSULT, VIP]) };
    let mut topology = bank(vec![two(0), two(1)]);
    topology.config.reserve_percent = 50;
    let mut world = World::staffed(topology);
    world.join(VIP, 1);
    world.accept(0);
    world.holds(0, true);
    world.join(CONSULT, 2);
    world.events();
    world.expect(&[]);
    world.join(VIP, 3);
    world.expect(&["offered 3 of q2 to a1"]);
    world.join(VIP, 4);
    world.expect(&["offered 4 of q2 to a0"]);
}
