//! Any order of inputs to the four machines: what must hold whatever the network, the user and the clock do.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::timer::{TCP, UDP};
use super::{
    Action, Class, ClientInput, ClientInvite, ClientNonInvite, ServerInput, ServerInvite, ServerNonInvite,
    Timer, Timing,
};

/// One machine as an endpoint drives it: it fires only timers that are set, and forgets what has terminated.
struct Driven<M> {
    machine: M,
    set: BTreeSet<Timer>,
    over: bool,
    /// What each input so far caused.
    caused: Vec<Vec<Action>>,
}

impl<M> Driven<M> {
    fn start(start: impl FnOnce(&mut Vec<Action>) -> M) -> Self {
        let mut actions = Vec::new();
        let machine = start(&mut actions);
        let mut driven = Driven { machine, set: BTreeSet::new(), over: false, caused: Vec::new() };
        driven.carry_out(actions);
        driven
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in &actions {
            assert!(!self.over, "{action:?} after the end");
            match action {
                Action::Set(timer, _) => drop(self.set.insert(*timer)),
                Action::Clear(timer) => drop(self.set.remove(timer)),
                Action::Terminate => self.over = true,
                _ => {}
            }
        }
        self.caused.push(actions);
    }

    fn feed<I>(&mut self, input: I, handle: impl FnOnce(&mut M, I, &mut Vec<Action>)) {
        if self.over {
            return;
        }
        let mut actions = Vec::new();
        handle(&mut self.machine, input, &mut actions);
        self.carry_out(actions);
    }

    /// The `nth` of the timers that are set, which is none any more.
    fn take_timer(&mut self, nth: usize) -> Option<Timer> {
        let timer = self.set.iter().nth(nth % self.set.len().max(1)).copied()?;
        self.set.remove(&timer);
        Some(timer)
    }

    fn count(&self, wanted: Action) -> usize {
        self.caused.iter().flatten().filter(|action| **action == wanted).count()
    }

    /// No timer is ever set that this machine does not have.
    fn has_only(&self, timers: &[Timer]) {
        for action in self.caused.iter().flatten() {
            if let Action::Set(timer, _) | Action::Clear(timer) = action {
                assert!(timers.contains(timer), "{timer:?} of another machine");
            }
        }
    }
}

/// What happens next. A timer is chosen among those that are set.
#[derive(Clone, Copy, Debug)]
enum Step {
    Response(Class),
    Request,
    Ack,
    Fire(usize),
    Fail,
    Abandon,
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Provisional), Just(Class::Success), Just(Class::Failure)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => class().prop_map(Step::Response),
        3 => Just(Step::Request),
        2 => Just(Step::Ack),
        6 => (0..4usize).prop_map(Step::Fire),
        1 => Just(Step::Fail),
        1 => Just(Step::Abandon),
    ];
    prop::collection::vec(step, 0..24)
}

fn timing() -> impl Strategy<Value = Timing> {
    prop_oneof![Just(UDP), Just(TCP)]
}

/// Drives a client machine; gives the responses' classes beside what each input caused.
fn client<M>(
    driven: &mut Driven<M>,
    steps: &[Step],
    handle: impl Fn(&mut M, ClientInput, &mut Vec<Action>),
) -> Vec<Class> {
    let mut passed = Vec::new();
    for step in steps {
        let input = match step {
            Step::Response(class) => ClientInput::Response(*class),
            Step::Fire(nth) => match driven.take_timer(*nth) {
                Some(timer) => ClientInput::Fired(timer),
                None => continue,
            },
            Step::Fail => ClientInput::TransportFailed,
            Step::Abandon => ClientInput::Abandon,
            Step::Request | Step::Ack => continue,
        };
        let before = driven.caused.len();
        driven.feed(input, &handle);
        if let (Some(actions), ClientInput::Response(class)) = (driven.caused.get(before), input) {
            // A response is passed up, or absorbed, or repeats an ACK: it is never lost and never counted twice.
            let fates = [Action::Pass, Action::Absorb, Action::Acknowledge];
            assert!(actions.iter().any(|action| fates.contains(action)), "{class:?} went nowhere");
            if actions.contains(&Action::Pass) {
                passed.push(class);
            }
        }
    }
    passed
}

/// After everything else the clock runs: whatever is set fires, until nothing is.
fn run_out<M, I>(
    driven: &mut Driven<M>,
    fired: impl Fn(Timer) -> I,
    handle: impl Fn(&mut M, I, &mut Vec<Action>),
) {
    for _ in 0..200 {
        // The one that ends a wait comes last: the repetitions before it change nothing.
        let Some(timer) = driven.set.iter().next_back().copied() else { break };
        driven.set.remove(&timer);
        driven.feed(fired(timer), &handle);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn client_invite(steps in steps(), timing in timing()) {
        let mut driven = Driven::start(|actions| ClientInvite::start(timing, actions));
        let passed = client(&mut driven, &steps, ClientInvite::handle);
        driven.has_only(&[Timer::A, Timer::B, Timer::D, Timer::M]);
        // One final outcome: one refusal, or any number of 2xx (forks), or a failure; nothing before it after it.
        let refusals = passed.iter().filter(|class| **class == Class::Failure).count();
        let successes = passed.iter().filter(|class| **class == Class::Success).count();
        let failures = driven.count(Action::TimedOut) + driven.count(Action::Unreachable);
        prop_assert!(refusals + successes.min(1) + failures <= 1, "{passed:?}");
        let first_final = passed.iter().position(|class| *class != Class::Provisional).unwrap_or(passed.len());
        prop_assert!(passed.iter().skip(first_final).all(|class| *class != Class::Provisional));
        if timing.reliable {
            prop_assert_eq!(driven.count(Action::SendAgain), 0);
        }
        // Only while it rings nothing runs: then the user has a deadline, and CANCEL gives this one back.
        if !driven.over && driven.set.is_empty() {
            driven.feed(ClientInput::Abandon, ClientInvite::handle);
        }
        run_out(&mut driven, ClientInput::Fired, ClientInvite::handle);
        prop_assert!(driven.over, "never ends: {:?}", driven.caused);
    }

    #[test]
    fn client_non_invite(steps in steps(), timing in timing()) {
        let mut driven = Driven::start(|actions| ClientNonInvite::start(timing, actions));
        let passed = client(&mut driven, &steps, ClientNonInvite::handle);
        driven.has_only(&[Timer::E, Timer::F, Timer::K]);
        let finals = passed.iter().filter(|class| **class != Class::Provisional).count();
        let failures = driven.count(Action::TimedOut) + driven.count(Action::Unreachable);
        prop_assert!(finals + failures <= 1, "{passed:?}");
        prop_assert_eq!(driven.count(Action::Acknowledge), 0);
        if timing.reliable {
            prop_assert_eq!(driven.count(Action::SendAgain), 0);
        }
        prop_assert!(driven.over || !driven.set.is_empty(), "waits without a deadline");
        run_out(&mut driven, ClientInput::Fired, ClientNonInvite::handle);
        prop_assert!(driven.over, "never ends: {:?}", driven.caused);
    }

    #[test]
    fn server_invite(steps in steps(), timing in timing()) {
        let mut driven = Driven::start(|actions| ServerInvite::start(timing, actions));
        let sent = server(&mut driven, &steps, ServerInvite::handle);
        driven.has_only(&[Timer::G, Timer::H, Timer::I, Timer::L]);
        prop_assert!(sent <= 1, "two final responses of the machine's own");
        prop_assert!(driven.count(Action::TimedOut) + driven.count(Action::Unreachable) <= 1);
        // A user that has not answered does so; then it comes to its end.
        driven.feed(ServerInput::Respond(Class::Failure), ServerInvite::handle);
        run_out(&mut driven, ServerInput::Fired, ServerInvite::handle);
        prop_assert!(driven.over, "never ends: {:?}", driven.caused);
    }

    #[test]
    fn server_non_invite(steps in steps(), timing in timing()) {
        let mut driven = Driven::start(|actions| ServerNonInvite::start(timing, actions));
        let sent = server(&mut driven, &steps, ServerNonInvite::handle);
        driven.has_only(&[Timer::J]);
        prop_assert!(sent <= 1, "two final responses");
        prop_assert_eq!(driven.count(Action::TimedOut), 0);
        driven.feed(ServerInput::Respond(Class::Success), ServerNonInvite::handle);
        run_out(&mut driven, ServerInput::Fired, ServerNonInvite::handle);
        prop_assert!(driven.over, "never ends: {:?}", driven.caused);
    }
}

/// Drives a server machine. The number of refusals (of a non-INVITE: final responses) that it sent as new ones; the
/// 2xx of an INVITE is the user's to repeat (RFC 6026 §7.1).
fn server<M>(
    driven: &mut Driven<M>,
    steps: &[Step],
    handle: impl Fn(&mut M, ServerInput, &mut Vec<Action>),
) -> usize {
    let mut sent = 0;
    for step in steps {
        let input = match step {
            Step::Response(class) => ServerInput::Respond(*class),
            Step::Request => ServerInput::Request,
            Step::Ack => ServerInput::Ack,
            Step::Fire(nth) => match driven.take_timer(*nth) {
                Some(timer) => ServerInput::Fired(timer),
                None => continue,
            },
            Step::Fail => ServerInput::TransportFailed,
            Step::Abandon => continue,
        };
        let before = driven.caused.len();
        driven.feed(input, &handle);
        let Some(actions) = driven.caused.get(before) else { continue };
        match input {
            ServerInput::Respond(Class::Failure) if actions.contains(&Action::Send) => sent += 1,
            // The same request again is never the user's: they have it.
            ServerInput::Request => assert!(!actions.contains(&Action::Pass), "{actions:?}"),
            _ => {}
        }
    }
    sent
}
