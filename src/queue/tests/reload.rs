//! A new topology while people wait and talk.

use super::*;

fn reload(w: &mut World, topology: Topology) {
    let topology = Arc::new(topology);
    w.step(|core, now, out| core.reconfigure(now, &topology, out));
}

#[test]
fn a_new_skill_serves_who_waits() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT]), agent(1, &[COMPLAINT])]));
    w.away(0);
    w.join(CONSULT, 1);
    w.events();
    reload(&mut w, bank(vec![agent(0, &[CONSULT]), agent(1, &[COMPLAINT, CONSULT])]));
    w.expect(&["offered 1 of q0 to a1"]);
}

#[test]
fn a_new_credit_changes_the_order() {
    let mut w = World::new(bank(vec![agent(0, &[CONSULT, COMPLAINT])]));
    w.step(|core, now, out| core.agent_login(now, AgentId(0), out));
    w.join(CONSULT, 1);
    w.pass(secs(30));
    w.join(COMPLAINT, 2);
    let mut topology = bank(vec![agent(0, &[CONSULT, COMPLAINT])]);
    topology.queues[1].credit = Duration::ZERO;
    reload(&mut w, topology);
    w.events();
    w.ready(0);
    w.expect(&["offered 1 of q0 to a0"]);
}

#[test]
fn a_queue_that_is_gone_lets_its_callers_go_and_talks_go_on() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT]), agent(1, &[CONSULT])]));
    w.join(CONSULT, 1);
    w.accept(0);
    w.join(CONSULT, 2);
    w.join(CONSULT, 3);
    w.events();
    let mut topology = bank(vec![agent(0, &[CONSULT]), agent(1, &[CONSULT])]);
    topology.queues.remove(0);
    reload(&mut w, topology);
    w.expect(&[
        "withdrawn 2 from a1: CallerLeft(QueueRemoved)",
        "left 2 after 0ns: QueueRemoved",
        "left 3 after 0ns: QueueRemoved",
    ]);
    assert_eq!((w.state(0), w.state(1)), (AgentState::Talking, AgentState::Ready));
    w.step(|core, now, out| core.call_ended(now, AgentId(0), None, out));
    assert_eq!(w.state(0), AgentState::Ready, "nothing says how long a wrap-up would be");
}

#[test]
fn agents_who_are_gone_finish_their_call() {
    let mut w = World::staffed(bank((0..3).map(|id| agent(id, &[CONSULT])).collect()));
    w.join(CONSULT, 1);
    w.accept(0);
    w.join(CONSULT, 2);
    w.events();
    reload(&mut w, bank(vec![agent(7, &[CONSULT])]));
    w.expect_all(&[
        "withdrawn 2 from a1: AgentSignedOff",
        "q0 has 1",
        "requeued 2: AgentSignedOff",
        "a1 SignedOff",
        "a2 SignedOff",
    ]);
    assert_eq!(w.core.agent_state(AgentId(2)), None);
    assert_eq!(w.away(0), AwayResult::AfterCall);
    w.step(|core, now, out| core.call_ended(now, AgentId(0), None, out));
    assert_eq!(w.core.agent_state(AgentId(0)), None);
    w.ready(7);
    w.expect(&["offered 2 of q0 to a7"]);
}

#[test]
fn what_was_learnt_about_waiting_is_kept() {
    let mut w = World::staffed(bank(vec![agent(0, &[CONSULT])]));
    w.join(CONSULT, 1);
    w.pass(secs(90));
    w.accept(0);
    w.join(CONSULT, 2);
    reload(&mut w, bank(vec![agent(0, &[CONSULT])]));
    assert_eq!(w.core.estimate(w.id(2)), Some(WaitBand::OneToTwo));
}

#[test]
fn a_closed_queue_serves_who_waits_already() {
    let mut w = World::new(bank(vec![agent(0, &[CONSULT])]));
    w.step(|core, now, out| core.agent_login(now, AgentId(0), out));
    w.join(CONSULT, 1);
    let mut topology = bank(vec![agent(0, &[CONSULT])]);
    topology.queues[0].closed = true;
    reload(&mut w, topology);
    assert_eq!(w.join_with(Join::new(CONSULT, w.now, 2)), Err(JoinError::Closed));
    w.events();
    w.ready(0);
    w.expect(&["offered 1 of q0 to a0"]);
}
