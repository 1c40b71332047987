//! A caller in line gets another queue or credit, or leaves the line for a while; and what is told about it.

use super::*;

fn change(queue: Option<QueueId>, credit: Option<u64>) -> Change {
    Change { queue, credit: credit.map(secs) }
}

fn apply(world: &mut World, tag: u64, change: Change) -> Result<(), NotChanged> {
    let id = world.id(tag);
    world.step(|core, now, out| core.change(now, id, change, out))
}

fn park(world: &mut World, tag: u64) -> Left {
    let id = world.id(tag);
    world.step(|core, now, out| core.park(now, id, out))
}

fn resume(world: &mut World, tag: u64) -> bool {
    let id = world.id(tag);
    world.step(|core, now, out| core.resume(now, id, out))
}

/// Nobody is free: agent 1 talks.
fn busy(agents: Vec<AgentSpec>) -> World {
    let mut world = World::staffed(bank(agents));
    world.join(CONSULT, 100);
    world.accept(1);
    world.events();
    world
}

#[test]
fn a_higher_credit_passes_those_who_came_before() {
    let mut world = busy(vec![agent(1, &[CONSULT])]);
    world.join(CONSULT, 1);
    world.now += secs(20);
    world.join(CONSULT, 2);
    world.events();
    assert_eq!(apply(&mut world, 2, change(None, Some(60))), Ok(()));
    assert_eq!((world.core.position(world.id(2)), world.core.position(world.id(1))), (Some(1), Some(2)));
    world.hang_up(1);
    world.expect(&["changed 2 to q0 with 60s", "offered 2 of q0 to a1"]);
}

#[test]
fn who_is_moved_stands_where_the_arrival_says() {
    let mut world = busy(vec![agent(1, &[CONSULT]), agent(2, &[COMPLAINT])]);
    world.join(COMPLAINT, 101);
    world.accept(2);
    world.join(CONSULT, 1);
    world.now += secs(1);
    world.join(COMPLAINT, 2);
    world.events();
    assert_eq!(apply(&mut world, 1, change(Some(COMPLAINT), None)), Ok(()));
    world.expect_all(&["q0 has 0", "q1 has 2", "changed 1 to q1 with 60s"]);
    assert_eq!(world.core.position(world.id(1)), Some(1));
    world.hang_up(2);
    world.expect(&["offered 1 of q1 to a2"]);
}

#[test]
fn who_is_moved_to_a_queue_with_a_free_agent_is_offered_at_once() {
    let mut world = busy(vec![agent(1, &[CONSULT]), agent(2, &[VIP])]);
    world.join(CONSULT, 1);
    world.events();
    assert_eq!(apply(&mut world, 1, change(Some(VIP), None)), Ok(()));
    world.expect(&["changed 1 to q2 with 90s", "offered 1 of q2 to a2"]);
}

#[test]
fn a_move_that_cannot_be_leaves_everything_as_it_was() {
    let mut topology = bank(vec![agent(1, &[CONSULT, COMPLAINT])]);
    topology.queues[1].capacity = Some(1);
    let mut world = World::staffed(topology);
    for tag in 0..3 {
        world.join(if tag == 1 { COMPLAINT } else { CONSULT }, tag);
    }
    world.events();
    let refused = |why| Err(NotChanged::Refused(why));
    assert_eq!(apply(&mut world, 2, change(Some(COMPLAINT), None)), refused(JoinError::Full));
    assert_eq!(apply(&mut world, 2, change(Some(QueueId(9)), None)), refused(JoinError::NoSuchQueue));
    assert_eq!(apply(&mut world, 2, change(Some(VIP), None)), refused(JoinError::NoAgentsLoggedIn));
    assert_eq!(apply(&mut world, 0, change(None, Some(1))), Err(NotChanged::Offered(AgentId(1))));
    world.accept(1);
    assert_eq!(apply(&mut world, 0, change(None, Some(1))), Err(NotChanged::Connected(AgentId(1))));
    world.expect(&["connected 0 to a1 after 0ns"]);
    assert_eq!(world.core.position(world.id(2)), Some(1));
}

#[test]
fn old_handles_change_nothing() {
    let mut world = busy(vec![agent(1, &[CONSULT])]);
    world.join(CONSULT, 1);
    world.leave(1, LeaveWhy::Abandoned);
    world.join(CONSULT, 2);
    world.events();
    assert_eq!(apply(&mut world, 1, change(None, Some(60))), Err(NotChanged::Stale));
    assert_eq!((park(&mut world, 1), resume(&mut world, 1)), (Left::Stale, false));
    assert!(!resume(&mut world, 2), "not parked");
    assert_eq!(world.core.explain(world.id(1), 9), None);
    world.expect_all(&[]);
}

#[test]
fn a_parked_caller_is_offered_to_nobody_and_comes_back_to_its_place() {
    let mut world = busy(vec![agent(1, &[CONSULT])]);
    world.join(CONSULT, 1);
    world.now += secs(1);
    world.join(CONSULT, 2);
    world.events();
    assert_eq!(park(&mut world, 1), Left::Waiting);
    world.expect_all(&["q0 has 1", "parked 1"]);
    assert_eq!(world.core.position(world.id(1)), None);
    assert_eq!(apply(&mut world, 1, change(None, Some(1))), Err(NotChanged::Parked));
    world.join(CONSULT, 3);
    assert!(resume(&mut world, 1));
    assert_eq!(world.core.position(world.id(1)), Some(1));
    world.hang_up(1);
    world.expect(&["resumed 1", "offered 1 of q0 to a1"]);
}

#[test]
fn parking_withdraws_an_offer_and_the_next_one_is_served() {
    let mut world = World::staffed(bank(vec![agent(1, &[CONSULT])]));
    world.join(CONSULT, 1);
    world.join(CONSULT, 2);
    world.events();
    assert_eq!(park(&mut world, 1), Left::WhileOffered(AgentId(1)));
    world.expect(&["withdrawn 1 from a1: CallerParked", "parked 1", "offered 2 of q0 to a1"]);
    assert_eq!(world.leave(1, LeaveWhy::Abandoned), Left::Waiting);
    world.expect(&["left 1 after 0ns: Abandoned"]);
}

#[test]
fn a_parked_caller_s_longest_wait_ends_when_it_comes_back() {
    let mut topology = bank(vec![agent(1, &[CONSULT])]);
    topology.queues[0].max_wait = Some(secs(30));
    let mut world = World::staffed(topology);
    world.join(CONSULT, 100);
    world.accept(1);
    world.join(CONSULT, 1);
    park(&mut world, 1);
    world.events();
    world.pass(secs(60));
    world.expect(&[]);
    assert!(resume(&mut world, 1));
    world.expect(&["left 1 after 60s: MaxWait"]);
}

#[test]
fn a_parked_caller_whose_queue_is_removed_leaves() {
    let mut world = busy(vec![agent(1, &[CONSULT])]);
    world.join(CONSULT, 1);
    park(&mut world, 1);
    world.events();
    let mut topology = bank(vec![agent(1, &[COMPLAINT])]);
    topology.queues.remove(0);
    world.step(|core, now, out| core.reconfigure(now, &Arc::new(topology), out));
    world.expect(&["left 1 after 0ns: QueueRemoved"]);
}

#[test]
fn either_set_of_skills_will_do() {
    let mut topology = bank(vec![agent(1, &[COMPLAINT]), agent(2, &[VIP])]);
    topology.queues[0].or = vec![vec![skill(COMPLAINT, 1), skill(VIP, 1)], vec![skill(COMPLAINT, 2)]];
    let skills = vec![skill(COMPLAINT, 1), skill(VIP, 1)];
    topology.agents.push(AgentSpec { skills, ..agent(3, &[]) });
    let mut world = World::staffed(topology);
    // The first set is complaints and VIPs at once, the second complaints one level higher than agent 1's.
    world.core.check_invariants();
    world.join(CONSULT, 1);
    world.expect(&["offered 1 of q0 to a3"]);
    world.join(CONSULT, 2);
    world.pass(secs(19));
    world.expect(&[]);
    world.pass(secs(1));
    world.expect(&["relaxed 2 to 1", "offered 2 of q0 to a1"]);
}

fn told(world: &World, tag: u64) -> Vec<String> {
    let explanation = world.core.explain(world.id(tag), 9).expect("exists");
    let line = |considered: &Considered| format!("{} {:?}", considered.agent, considered.verdict);
    explanation.agents.iter().map(line).collect()
}

#[test]
fn everybody_considered_is_told_with_the_reason() {
    let low = AgentSpec { tier: 1, ..agent(6, &[CONSULT]) };
    let own = AgentSpec { queues: Some(vec![VIP]), ..agent(7, &[CONSULT]) };
    let ids = [agent(1, &[CONSULT]), agent(2, &[CONSULT]), agent(3, &[CONSULT, VIP])];
    let agents = ids.into_iter().chain([agent(4, &[COMPLAINT]), agent(5, &[CONSULT]), low, own]);
    let mut topology = bank(agents.collect());
    topology.config.reserve_percent = 60;
    let mut world = World::staffed(topology);
    world.away(5);
    world.join(CONSULT, 1);
    assert_eq!(
        told(&world, 1),
        [
            "a1 Chosen",
            "a2 Behind(IdleTime)",
            "a5 NotReady(Away(Break))",
            "a6 NotYet { after: 20s }",
            "a3 Spared",
            "a4 Lacks(Skill(0))",
            "a7 Lacks(Queue)",
        ]
    );
    world.refuse(1, Refusal::Rejected);
    assert_eq!(told(&world, 1)[..2], ["a2 Chosen", "a1 NotReady(Resting { until: 1011.000000s })"]);
    world.ready(1);
    assert_eq!(told(&world, 1)[..2], ["a2 Chosen", "a1 NotAgain"]);
    let short = world.core.explain(world.id(1), 3).expect("exists");
    assert_eq!((short.agents.len(), short.more), (3, 4));
    assert_eq!(short.chosen, Some(AgentId(2)));
}

#[test]
fn while_an_owner_is_waited_for_nobody_else_counts() {
    let mut world = World::staffed(bank(vec![agent(1, &[CONSULT]), agent(2, &[VIP])]));
    world.join(VIP, 100);
    world.accept(2);
    let owner = Some(Owner { agent: AgentId(2), hold: secs(30) });
    let join = Join { owner, ..Join::new(CONSULT, world.now, 1) };
    world.join_with(join).expect("may wait");
    assert_eq!(told(&world, 1), ["a1 NotTheOwner", "a2 NotReady(Talking)"]);
    world.events();
    assert_eq!(park(&mut world, 1), Left::Waiting);
    world.expect(&["parked 1", "skipped a2 for 1: Moved"]);
}
