//! What has lost its owner in a running exchange is put in order, counted and told; what is only on its way is not.

use super::*;
use crate::exchange::FloorEvent;
use crate::queue::LeaveWhy;

impl Bench {
    /// Two looks and one more.
    fn looks(&mut self) {
        for _ in 0..3 {
            self.look();
        }
    }

    fn look(&mut self) {
        self.now.mono += Duration::from_secs(6);
        self.exchange.handle_input(self.now, Input::Gauges(Gauges::default()));
        self.settle();
    }

    /// Counters, and how many were told of it.
    fn put_in_order(&mut self) -> (Vec<String>, usize) {
        let reply = self.exchange.command(self.now, 1, Command::Status);
        let Some(Reply::Status(status)) = reply else { panic!("no status") };
        let counters = status.counters.into_iter().filter(|(name, _)| name.contains("mended"));
        let told = |output: &&Output| match output {
            Output::Notice(Notice::Floor(event)) => matches!(**event, FloorEvent::Mended { .. }),
            _ => false,
        };
        let told = self.outputs.iter().filter(told).count();
        (counters.map(|(name, count)| format!("{name} {count}")).collect(), told)
    }
}

type Plant = fn(&mut Bench);

#[test]
fn each_fault_that_can_be_mended_is_mended_once() {
    let faults: [(Plant, &str); 5] = [
        (|bench| assert!(bench.exchange.ports.take().is_some()), "mended: RTP ports without a leg 1"),
        (
            |bench| {
                let (leg, dialog) = bench.exchange.legs.pop_first().expect("a leg");
                bench.exchange.legs.insert(LegId { call: CallId(77), ..leg }, dialog);
            },
            "mended: legs without a call 1",
        ),
        (
            |bench| {
                let agent = bench.exchange.numbering.agent("1001").expect("the agent");
                bench.exchange.core.call_ended(bench.now.mono, agent, None, &mut Vec::new());
            },
            "mended: talks that the queue core does not know 1",
        ),
        (
            |bench| {
                let at = bench.now.mono + Duration::from_secs(3600);
                bench.exchange.deadlines.insert((at, CallId(77), Timer::Ring));
            },
            "mended: deadlines without a call 1",
        ),
        (
            |bench| {
                let agent = bench.exchange.numbering.agent("1001").expect("the agent");
                let call = bench.exchange.desks.get(agent).call.expect("a call");
                bench.exchange.desks.release(agent, call);
                bench.exchange.desks.take(agent, CallId(77));
                bench.exchange.calls.clear();
                bench.exchange.ports = PortPool::new(20_000..=20_100);
                bench.exchange.legs.clear();
                bench.exchange.dialogs.clear();
                bench.exchange.core.call_ended(bench.now.mono, agent, None, &mut Vec::new());
                bench.exchange.deadlines.clear();
            },
            "mended: desks of a call that is over 1",
        ),
    ];
    for (plant, counted) in faults {
        let (mut bench, _) = Bench::talking();
        bench.looks();
        assert_eq!(bench.put_in_order(), (Vec::new(), 0), "nothing is wrong yet");
        plant(&mut bench);
        assert!(bench.exchange.invariants().is_err(), "{counted}");
        bench.looks();
        assert_eq!(bench.put_in_order(), (vec![counted.to_owned()], 1));
        assert_eq!(bench.exchange.invariants(), Ok(()), "{counted}");
    }
}

#[test]
fn who_waits_in_a_line_that_forgot_them_is_told_that_nobody_comes() {
    let mut bench = Bench::new();
    bench.set_agent(AgentChange::away(crate::base::AwayReason::Break, None));
    bench.call();
    let (id, call) = bench.exchange.calls.iter().next().expect("a call");
    let (id, caller) = (*id, call.queued_as().expect("in line"));
    bench.exchange.core.leave(bench.now.mono, caller, LeaveWhy::Abandoned, &mut Vec::new());
    bench.looks();
    assert_eq!(bench.put_in_order().0, ["mended: callers without a place in line 1"]);
    assert_ne!(bench.exchange.calls[&id].stage(), StageKind::Wait);
    assert_eq!(bench.exchange.invariants(), Ok(()));
}

#[test]
fn what_is_over_by_the_next_look_was_on_its_way_and_what_cannot_be_mended_is_said_once() {
    let (mut bench, _) = Bench::talking();
    bench.look();
    let port = bench.exchange.ports.take().expect("a port");
    bench.look();
    bench.exchange.ports.give_back(port);
    bench.looks();
    assert_eq!(bench.put_in_order(), (Vec::new(), 0));

    let queue = bench.exchange.numbering.queue("consultation").expect("the queue");
    let join = queue::Join::new(queue, bench.now.mono, 99);
    bench.exchange.core.join(bench.now.mono, join, &mut Vec::new()).expect("joined");
    bench.looks();
    bench.looks();
    bench.looks();
    let (counted, told) = bench.put_in_order();
    assert_eq!((counted.len(), told), (2, 1), "{counted:?}");
    assert!(counted.contains(&"not mended 1".to_owned()), "{counted:?}");
}
