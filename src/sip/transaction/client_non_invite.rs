//! The client transaction of every other request: RFC 3261 §17.1.2.

use std::time::Duration;

use super::{Action, Class, ClientInput, Timer, Timing};

/// ```text
///                     request from the user: send
///            timer E: send  +---v----+   timer F, transport error: tell the user
///                   +-------| Trying |---------------------------------+
///                   +------>+--------+                                 |
///           200-699: pass    |      |  1xx: pass                       |
///            +---------------+      |                                  |
///            |               +------v-----+ timer E: send; 1xx: pass   |
///            | 200-699: pass | Proceeding |----+                       |
///            +<--------------+------------+<---+                       |
///         +--v--------+             |  timer F, transport error        |
///         | Completed |             +--------------------------------->+
///         +-----------+                                                |
///               | timer K       +------------+                         |
///               +-------------->| Terminated |<------------------------+
///                               +------------+
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

/// A request of ours other than INVITE and ACK.
#[derive(Debug)]
pub struct ClientNonInvite {
    state: State,
    timing: Timing,
    /// Of timer E.
    interval: Duration,
}

impl ClientNonInvite {
    /// A new transaction; its request goes out with the first actions.
    pub fn start(timing: Timing, actions: &mut Vec<Action>) -> Self {
        actions.push(Action::Send);
        if !timing.reliable {
            actions.push(Action::Set(Timer::E, timing.t1));
        }
        actions.push(Action::Set(Timer::F, timing.give_up()));
        ClientNonInvite { state: State::Trying, timing, interval: timing.t1 }
    }

    /// The next state, and what is to be done, appended to `actions`.
    pub fn handle(&mut self, input: ClientInput, actions: &mut Vec<Action>) {
        use Action::*;
        use ClientInput::*;
        let timing = self.timing;
        self.state = match (self.state, input) {
            (State::Trying, Fired(Timer::E)) => {
                self.interval = timing.back_off(self.interval);
                actions.extend([SendAgain, Set(Timer::E, self.interval)]);
                State::Trying
            }
            // §17.1.2.2: after a provisional response "Timer E MUST be reset to T2".
            (State::Proceeding, Fired(Timer::E)) => {
                actions.extend([SendAgain, Set(Timer::E, timing.t2)]);
                State::Proceeding
            }
            (State::Trying | State::Proceeding, Fired(Timer::F)) => {
                actions.extend([TimedOut, Terminate]);
                State::Terminated
            }
            (State::Trying | State::Proceeding, TransportFailed) => {
                actions.extend([Unreachable, Terminate]);
                State::Terminated
            }
            (State::Trying | State::Proceeding, Response(Class::Provisional)) => {
                actions.push(Pass);
                State::Proceeding
            }
            (State::Trying | State::Proceeding, Response(_)) => {
                actions.extend([Clear(Timer::E), Clear(Timer::F)]);
                actions.extend([Set(Timer::K, timing.unless_reliable(timing.t4)), Pass]);
                State::Completed
            }
            (State::Completed, Fired(Timer::K)) => {
                actions.push(Terminate);
                State::Terminated
            }
            (state, Response(_)) => {
                actions.push(Absorb);
                state
            }
            (state, _) => state,
        };
    }

    /// Has nothing come back yet?
    pub fn is_unanswered(&self) -> bool {
        self.state == State::Trying
    }
}

#[cfg(test)]
mod tests {
    use super::super::timer::{TCP, UDP};
    use super::*;
    use Action::*;
    use Class::*;
    use ClientInput::{Fired as Fire, Response, TransportFailed};

    fn after(timing: Timing, inputs: &[ClientInput]) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut machine = ClientNonInvite::start(timing, &mut actions);
        for input in inputs {
            actions.clear();
            machine.handle(*input, &mut actions);
        }
        actions
    }

    #[test]
    fn repeats_the_request_up_to_t2_until_timer_f() {
        let ms = Duration::from_millis;
        let e = Fire(Timer::E);
        assert_eq!(after(UDP, &[]), [Send, Set(Timer::E, ms(500)), Set(Timer::F, ms(32_000))]);
        assert_eq!(after(UDP, &[e]), [SendAgain, Set(Timer::E, ms(1000))]);
        assert_eq!(after(UDP, &[e, e, e]), [SendAgain, Set(Timer::E, ms(4000))]);
        assert_eq!(after(UDP, &[e, e, e, e]), [SendAgain, Set(Timer::E, ms(4000))]);
        assert_eq!(after(UDP, &[Fire(Timer::F)]), [TimedOut, Terminate]);
        assert_eq!(after(UDP, &[Response(Provisional), e]), [SendAgain, Set(Timer::E, ms(4000))]);
        assert_eq!(after(UDP, &[Response(Provisional), Fire(Timer::F)]), [TimedOut, Terminate]);
        assert_eq!(after(TCP, &[]), [Send, Set(Timer::F, ms(32_000))]);
    }

    #[test]
    fn the_final_response_is_passed_once() {
        for class in [Success, Failure] {
            let done = after(UDP, &[Response(class)]);
            let k = Set(Timer::K, Duration::from_secs(5));
            assert_eq!(done, [Clear(Timer::E), Clear(Timer::F), k, Pass]);
            assert_eq!(after(UDP, &[Response(class), Response(class)]), [Absorb]);
            assert_eq!(after(UDP, &[Response(class), Fire(Timer::K)]), [Terminate]);
        }
        assert!(after(TCP, &[Response(Success)]).contains(&Set(Timer::K, Duration::ZERO)));
    }

    #[test]
    fn a_lost_transport_ends_it_before_the_answer() {
        assert_eq!(after(TCP, &[TransportFailed]), [Unreachable, Terminate]);
        assert_eq!(after(TCP, &[Response(Success), TransportFailed]), []);
    }
}
