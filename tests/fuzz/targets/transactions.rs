//! Inputs in any order to the four transaction machines: what RFC 3261 §17 and RFC 6026 promise whatever
//! happens, and an end once nobody does anything any more.

#![no_main]

use std::collections::BTreeMap;
use std::time::Duration;

use arbitrary::Arbitrary;
use hotline::sip::transaction::{
    Action, Class, ClientInput, ClientInvite, ClientNonInvite, ServerInput, ServerInvite, ServerNonInvite,
    Timer, Timing,
};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    Provisional,
    Success,
    Failure,
    /// The timer that is due first.
    Fire,
    TransportFailed,
    Abandon,
    Request,
    Ack,
}

#[derive(Arbitrary, Debug)]
struct Input {
    reliable: bool,
    steps: Vec<Step>,
}

enum Machine {
    ClientInvite(ClientInvite),
    ClientNonInvite(ClientNonInvite),
    ServerInvite(ServerInvite),
    ServerNonInvite(ServerNonInvite),
}

/// A machine with what an endpoint keeps for it.
struct Driven {
    machine: Machine,
    now: Duration,
    timers: BTreeMap<Timer, Duration>,
    terminated: bool,
    /// Final responses that were passed up; times that the user was told of a failure.
    finals: u32,
    failures: u32,
    /// The user of a server machine has given its final response.
    responded: bool,
    reliable: bool,
}

fuzz_target!(|input: Input| {
    for kind in 0..4 {
        let mut driven = Driven::start(kind, input.reliable);
        for step in input.steps.iter().take(200) {
            driven.step(*step);
        }
        driven.end();
    }
});

impl Driven {
    fn start(kind: u8, reliable: bool) -> Self {
        let timing = Timing {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            reliable,
        };
        let mut actions = Vec::new();
        let machine = match kind {
            0 => Machine::ClientInvite(ClientInvite::start(timing, &mut actions)),
            1 => Machine::ClientNonInvite(ClientNonInvite::start(timing, &mut actions)),
            2 => Machine::ServerInvite(ServerInvite::start(timing, &mut actions)),
            _ => Machine::ServerNonInvite(ServerNonInvite::start(timing, &mut actions)),
        };
        let mut driven = Driven {
            machine,
            now: Duration::ZERO,
            timers: BTreeMap::new(),
            terminated: false,
            finals: 0,
            failures: 0,
            responded: false,
            reliable,
        };
        driven.carry_out(&actions, None);
        driven
    }

    fn is_client(&self) -> bool {
        matches!(self.machine, Machine::ClientInvite(_) | Machine::ClientNonInvite(_))
    }

    fn is_invite(&self) -> bool {
        matches!(self.machine, Machine::ClientInvite(_) | Machine::ServerInvite(_))
    }

    fn step(&mut self, step: Step) {
        let client = self.is_client();
        match step {
            Step::Provisional => self.class(Class::Provisional),
            Step::Success => self.class(Class::Success),
            Step::Failure => self.class(Class::Failure),
            Step::Fire => self.fire(),
            Step::TransportFailed if client => self.client(ClientInput::TransportFailed, None),
            Step::TransportFailed => self.server(ServerInput::TransportFailed),
            Step::Abandon if matches!(self.machine, Machine::ClientInvite(_)) => {
                self.client(ClientInput::Abandon, None);
            }
            Step::Request if !client => self.server(ServerInput::Request),
            Step::Ack if matches!(self.machine, Machine::ServerInvite(_)) => self.server(ServerInput::Ack),
            Step::Abandon | Step::Request | Step::Ack => {}
        }
    }

    fn class(&mut self, class: Class) {
        if self.is_client() {
            return self.client(ClientInput::Response(class), Some(class));
        }
        // A user answers once, but for the 2xx of an INVITE, which it repeats itself (RFC 6026 §7.1).
        let again = self.responded && !(self.is_invite() && class == Class::Success);
        if !again && !self.terminated {
            self.responded |= class != Class::Provisional;
            self.server(ServerInput::Respond(class));
        }
    }

    fn fire(&mut self) {
        let Some((&timer, &at)) = self.timers.iter().min_by_key(|(_, at)| **at) else { return };
        self.timers.remove(&timer);
        self.now = self.now.max(at);
        match self.is_client() {
            true => self.client(ClientInput::Fired(timer), None),
            false => self.server(ServerInput::Fired(timer)),
        }
    }

    fn client(&mut self, input: ClientInput, response: Option<Class>) {
        let mut actions = Vec::new();
        match &mut self.machine {
            Machine::ClientInvite(machine) => machine.handle(input, &mut actions),
            Machine::ClientNonInvite(machine) => machine.handle(input, &mut actions),
            _ => return,
        }
        self.carry_out(&actions, response);
    }

    fn server(&mut self, input: ServerInput) {
        let mut actions = Vec::new();
        match &mut self.machine {
            Machine::ServerInvite(machine) => machine.handle(input, &mut actions),
            Machine::ServerNonInvite(machine) => machine.handle(input, &mut actions),
            _ => return,
        }
        self.carry_out(&actions, None);
    }

    fn carry_out(&mut self, actions: &[Action], response: Option<Class>) {
        assert!(actions.len() <= 8, "{actions:?}");
        if self.terminated {
            assert!(actions.iter().all(|action| *action == Action::Absorb), "after its end: {actions:?}");
            return;
        }
        for action in actions {
            assert!(!self.terminated, "behind Terminate: {actions:?}");
            match action {
                Action::Set(timer, wait) => {
                    self.check_timer(*timer, *wait);
                    self.timers.insert(*timer, self.now + *wait);
                }
                Action::Clear(timer) => {
                    self.timers.remove(timer);
                }
                Action::Pass => self.passed(response),
                Action::Terminate => {
                    self.terminated = true;
                    self.timers.clear();
                }
                Action::TimedOut | Action::Unreachable => self.failures += 1,
                // Over a transport that loses nothing nothing is repeated by a timer (RFC 3261 §17.1.1.2, §17.2.1).
                Action::SendAgain => assert!(!self.reliable || !self.is_client(), "{actions:?}"),
                Action::Acknowledge => assert!(matches!(self.machine, Machine::ClientInvite(_))),
                Action::Send | Action::Absorb => {}
            }
        }
        assert!(self.failures <= 1, "told twice");
    }

    fn passed(&mut self, response: Option<Class>) {
        let Some(class) = response else { return };
        if class == Class::Provisional {
            assert_eq!(self.finals, 0, "a provisional response behind the final one");
            return;
        }
        assert_eq!(self.failures, 0, "answered after it was given up");
        self.finals += 1;
        // Only forks of an INVITE answer more than once (RFC 6026 §7.2).
        assert!(self.finals == 1 || self.is_invite() && class == Class::Success);
    }

    /// RFC 3261 table 4.
    fn check_timer(&self, timer: Timer, wait: Duration) {
        let repeats = matches!(timer, Timer::A | Timer::E | Timer::G);
        assert!(!(repeats && self.reliable));
        assert!(!matches!(timer, Timer::E | Timer::G) || wait <= Duration::from_secs(4));
        let gives_up = matches!(timer, Timer::B | Timer::F | Timer::H | Timer::L | Timer::M);
        assert!(!gives_up || wait == Duration::from_secs(32));
        let of_client =
            matches!(timer, Timer::A | Timer::B | Timer::D | Timer::E | Timer::F | Timer::K | Timer::M);
        assert_eq!(of_client, self.is_client());
    }

    /// Nobody does anything any more, but for a server's user, who owes an answer: it ends by itself. A
    /// client INVITE that was answered provisionally rings as long as its user likes.
    fn end(&mut self) {
        if !self.is_client() && !self.responded {
            self.step(Step::Failure);
        }
        if matches!(self.machine, Machine::ClientInvite(_)) {
            self.step(Step::Abandon);
        }
        for _ in 0..100 {
            self.fire();
        }
        assert!(self.terminated, "never ends");
        assert!(!self.is_client() || self.finals > 0 || self.failures == 1, "its user was told nothing");
        assert!(self.now <= Duration::from_secs(200 * 32 + 100));
    }
}
