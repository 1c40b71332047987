//! Who comes before whom, and which agent is spent on whom.

use super::*;

const ALL: [QueueId; 3] = [CONSULT, COMPLAINT, VIP];

#[test]
fn credit_is_a_bounded_head_start() {
    let mut w = World::new(bank(vec![agent(0, &ALL)]));
    w.step(|core, now, out| core.agent_login(now, AgentId(0), out));
    w.join(CONSULT, 1);
    w.pass(secs(59));
    w.join(COMPLAINT, 2);
    w.pass(secs(30));
    w.join(VIP, 3);
    w.pass(secs(2));
    w.join(VIP, 4);
    w.pass(secs(100));
    w.events();
    w.ready(0);
    // Virtual times: 1 at 0, 2 at -1, 3 at -1, 4 at +1; the tie goes to who joined first.
    for (tag, queue) in [(2, "q1"), (3, "q2"), (1, "q0"), (4, "q2")] {
        w.expect(&[&format!("offered {tag} of {queue} to a0")]);
        w.accept(0);
        w.events();
        w.hang_up(0);
    }
    w.expect(&[]);
}

#[test]
fn a_call_s_own_credit_counts_instead_of_the_queue_s() {
    let mut w = World::new(bank(vec![agent(0, &ALL)]));
    w.step(|core, now, out| core.agent_login(now, AgentId(0), out));
    w.join(CONSULT, 1);
    w.join_with(Join { credit: Some(secs(90)), ..Join::new(CONSULT, w.now, 2) }).unwrap();
    assert_eq!(w.core.position(w.id(2)), Some(1));
    w.events();
    w.ready(0);
    w.expect(&["offered 2 of q0 to a0"]);
}

#[test]
fn agents_whom_higher_queues_need_come_last() {
    let agents = vec![agent(0, &ALL), agent(1, &[CONSULT, COMPLAINT]), agent(2, &[CONSULT])];
    let mut w = World::staffed(Topology {
        config: Config { reserve_percent: 0, ..Config::default() },
        ..bank(agents)
    });
    for tag in 1..=3 {
        w.join(CONSULT, tag);
    }
    w.expect(&["offered 1 of q0 to a2", "offered 2 of q0 to a1", "offered 3 of q0 to a0"]);
}

#[test]
fn a_caller_of_value_does_not_count_its_own_kind_as_a_cost() {
    let w = &mut World::staffed(bank(vec![agent(0, &[VIP]), agent(1, &[COMPLAINT, VIP])]));
    w.join(VIP, 1);
    w.expect(&["offered 1 of q2 to a0"]);
    w.join(VIP, 2);
    w.expect(&["offered 2 of q2 to a1"]);
}

#[test]
fn among_equals_the_lowest_tier_then_the_least_flexible_then_the_longest_idle() {
    let lines = [QueueId(10), QueueId(11)];
    let senior = AgentSpec { tier: 1, ..agent(0, &lines[..1]) };
    let topology = Topology {
        queues: lines.map(|id| QueueSpec { relaxation: vec![Duration::ZERO], ..queue(id, 0, 0) }).to_vec(),
        agents: vec![senior, agent(1, &lines), agent(2, &lines[..1]), agent(3, &lines[..1])],
        config: Config::default(),
    };
    let mut w = World::staffed(topology);
    w.away(2);
    w.ready(2);
    for tag in 1..=4 {
        w.join(lines[0], tag);
    }
    w.expect(&[
        "offered 1 of q10 to a3",
        "offered 2 of q10 to a2",
        "offered 3 of q10 to a1",
        "offered 4 of q10 to a0",
    ]);
}

#[test]
fn idle_time_is_kept_when_the_caller_gives_up_and_lost_by_refusing() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT]), agent(1, &[CONSULT])]));
    w.join(CONSULT, 1);
    w.leave(1, LeaveWhy::Abandoned);
    w.events();
    w.join(CONSULT, 2);
    w.expect(&["offered 2 of q0 to a0"]);
    w.refuse(0, Refusal::Rejected);
    w.leave(2, LeaveWhy::Abandoned);
    w.events();
    w.join(CONSULT, 3);
    w.expect(&["offered 3 of q0 to a1"]);
}

#[test]
fn the_reserve_stays_idle_until_it_is_waived() {
    // Five who can serve VIP callers, a reserve of one.
    let mut w = World::staffed(bank((0..5).map(|id| agent(id, &ALL)).collect()));
    for tag in 1..=6 {
        w.join(CONSULT, tag);
    }
    w.expect(&[
        "offered 1 of q0 to a0",
        "offered 2 of q0 to a1",
        "offered 3 of q0 to a2",
        "offered 4 of q0 to a3",
    ]);
    assert_eq!(w.state(4), AgentState::Ready);
    w.pass(secs(90) - Duration::from_micros(1));
    w.expect(&[]);
    assert_eq!(w.core.next_deadline().map(|(_, d)| d), Some(Deadline::ReserveWaiver));
    w.pass(Duration::from_micros(1));
    w.expect(&["offered 5 of q0 to a4"]);
}

#[test]
fn a_vip_caller_gets_the_reserved_agent() {
    let mut w = World::staffed(bank((0..3).map(|id| agent(id, &ALL)).collect()));
    for tag in 1..=3 {
        w.join(CONSULT, tag);
    }
    w.events();
    w.join(VIP, 4);
    w.expect(&["offered 4 of q2 to a2"]);
}

#[test]
fn one_more_idle_agent_frees_another_from_the_reserve() {
    let agents = vec![agent(0, &ALL), agent(1, &[VIP]), agent(2, &[VIP])];
    let mut w = World::staffed(bank(agents));
    w.away(1);
    w.away(2);
    w.join(CONSULT, 1);
    w.expect(&[]);
    w.events();
    // Cannot serve the caller, but lifts the pool above its reserve.
    w.ready(1);
    w.expect(&["offered 1 of q0 to a0"]);
}

#[test]
fn a_smaller_reserve_frees_agents() {
    let agents = vec![agent(0, &ALL), agent(1, &[VIP]), agent(2, &[VIP])];
    let mut w = World::staffed(bank(agents));
    w.away(1);
    w.away(2);
    w.join(CONSULT, 1);
    w.events();
    w.logout(2);
    w.expect(&["offered 1 of q0 to a0"]);
}

#[test]
fn tiers_come_in_reach_step_by_step() {
    let agents = (0..4).map(|tier| AgentSpec { tier, ..agent(u32::from(tier), &[CONSULT]) }).collect();
    let mut w = World::staffed(bank(agents));
    for tag in 1..=4 {
        w.join(CONSULT, tag);
    }
    w.expect(&["offered 1 of q0 to a0"]);
    w.pass(secs(20));
    w.expect(&["relaxed 2 to 1", "offered 2 of q0 to a1", "relaxed 3 to 1", "relaxed 4 to 1"]);
    w.pass(secs(20));
    w.expect(&["relaxed 3 to 2", "offered 3 of q0 to a2", "relaxed 4 to 2"]);
    w.pass(secs(20));
    w.expect(&["relaxed 4 to 3", "offered 4 of q0 to a3"]);
}

#[test]
fn a_level_short_is_a_step_and_a_skill_missing_is_never_made_up() {
    let mut topology = bank(vec![
        AgentSpec { skills: vec![skill(CONSULT, 1)], ..agent(0, &[]) },
        AgentSpec { skills: vec![skill(CONSULT, 2)], ..agent(1, &[]) },
        AgentSpec { skills: vec![skill(VIP, 9)], ..agent(2, &[]) },
    ]);
    topology.queues[0].requirement = vec![skill(CONSULT, 3)];
    let mut w = World::staffed(topology);
    for tag in 1..=3 {
        w.join(CONSULT, tag);
    }
    w.pass(secs(20));
    w.expect(&["relaxed 1 to 1", "offered 1 of q0 to a1", "relaxed 2 to 1", "relaxed 3 to 1"]);
    w.pass(secs(3600));
    w.expect(&["relaxed 2 to 2", "offered 2 of q0 to a0", "relaxed 3 to 2"]);
}

#[test]
fn at_last_anybody_will_do_who_has_the_caller_s_own_skills() {
    let english = Requirement { skill: 50, level: 1 };
    let mut topology = bank(vec![
        AgentSpec { skills: vec![skill(CONSULT, 1)], ..agent(0, &[]) },
        AgentSpec { skills: vec![skill(CONSULT, 1), english], ..agent(1, &[]) },
        agent(2, &[VIP]),
    ]);
    topology.queues[2].anyone_after = Some(secs(45));
    let mut w = World::staffed(topology);
    w.away(2);
    w.events();
    w.join_with(Join { extra: vec![english], ..Join::new(VIP, w.now, 1) }).unwrap();
    w.pass(secs(44));
    w.expect(&[]);
    w.pass(secs(1));
    w.expect(&["relaxed 1 to 1", "offered 1 of q2 to a1"]);
}

#[test]
fn an_agent_bound_to_queues_serves_no_other() {
    let mut w = World::staffed(bank(vec![
        AgentSpec { queues: Some(vec![COMPLAINT]), ..agent(0, &ALL) },
        AgentSpec { queues: Some(vec![CONSULT]), ..agent(1, &ALL) },
    ]));
    w.join(CONSULT, 1);
    w.join(CONSULT, 2);
    w.join(COMPLAINT, 3);
    w.expect(&["offered 1 of q0 to a1", "offered 3 of q1 to a0"]);
}

fn owned(w: &World, tag: u64, hold: u64) -> Join {
    Join { owner: Some(Owner { agent: AgentId(0), hold: secs(hold) }), ..Join::new(CONSULT, w.now, tag) }
}

#[test]
fn the_owner_is_asked_first_whatever_the_skills() {
    let mut w = World::staffed(bank(vec![agent(0, &[VIP]), agent(1, &[CONSULT])]));
    w.join_with(owned(&w, 1, 15)).unwrap();
    w.expect(&["offered 1 of q0 to a0"]);
}

#[test]
fn a_busy_owner_is_waited_for_and_then_passed_with_the_place_kept() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT]), agent(1, &[CONSULT])]));
    w.join(CONSULT, 1);
    w.accept(0);
    w.events();
    w.join_with(owned(&w, 2, 15)).unwrap();
    w.expect(&[]);
    assert_eq!(w.core.next_deadline().map(|(_, d)| d), Some(Deadline::OwnerHold));
    w.join(CONSULT, 3);
    w.join(CONSULT, 4);
    w.events();
    w.pass(secs(15));
    w.expect(&["skipped a0 for 2: HoldEnded"]);
    assert_eq!([2, 4].map(|tag| w.core.position(w.id(tag))), [Some(1), Some(2)]);
    w.accept(1);
    w.hang_up(1);
    w.expect(&["connected 3 to a1 after 15s", "offered 2 of q0 to a1"]);
}

#[test]
fn an_owner_who_gets_free_takes_the_own_caller_before_older_ones() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT])]));
    w.join(CONSULT, 1);
    w.accept(0);
    w.join(CONSULT, 2);
    w.pass(secs(100));
    w.join_with(owned(&w, 3, 15)).unwrap();
    w.events();
    w.hang_up(0);
    w.expect(&["offered 3 of q0 to a0"]);
}

#[test]
fn an_owner_who_will_not_come_is_not_waited_for() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT]), agent(1, &[CONSULT])]));
    w.away(0);
    w.join_with(owned(&w, 1, 15)).unwrap();
    w.expect(&["skipped a0 for 1: Away", "offered 1 of q0 to a1"]);
    w.accept(1);

    w.ready(0);
    w.join(CONSULT, 2);
    w.accept(0);
    w.join_with(owned(&w, 3, 15)).unwrap();
    w.events();
    assert_eq!(w.away(0), AwayResult::AfterCall);
    w.expect(&["skipped a0 for 3: Away"]);
    w.hang_up(1);
    w.expect(&["offered 3 of q0 to a1"]);
}

#[test]
fn an_owner_who_refuses_is_passed_at_once() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT]), agent(1, &[CONSULT])]));
    w.join_with(owned(&w, 1, 15)).unwrap();
    w.events();
    w.refuse(0, Refusal::RingTimeout);
    w.expect(&["requeued 1: Refused(RingTimeout)", "skipped a0 for 1: Refused", "offered 1 of q0 to a1"]);
}

#[test]
fn a_queue_s_own_reserve_counts_instead_of_the_usual_one() {
    let own = |agents: Vec<AgentSpec>| {
        let mut topology = bank(agents);
        for queue in &mut topology.queues {
            queue.reserve_percent = Some(if queue.id == VIP { 40 } else { 0 });
        }
        World::staffed(topology)
    };
    // Two of five are kept for VIP callers, nobody for complaints.
    let mut w = own((0..5).map(|id| agent(id, &ALL)).collect());
    for tag in 1..=4 {
        w.join(CONSULT, tag);
    }
    w.expect(&["offered 1 of q0 to a0", "offered 2 of q0 to a1", "offered 3 of q0 to a2"]);
    let mut w = own((0..3).map(|id| agent(id, &[CONSULT, COMPLAINT])).collect());
    for tag in 1..=3 {
        w.join(CONSULT, tag);
    }
    w.expect(&["offered 1 of q0 to a0", "offered 2 of q0 to a1", "offered 3 of q0 to a2"]);
}
