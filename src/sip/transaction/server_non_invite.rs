//! The server transaction of every other request: RFC 3261 §17.2.2.

use super::{Action, Class, ServerInput, Timer, Timing};

/// ```text
///                      request: pass
///      request: absorb +--v-----+
///                 +----| Trying |----------------------------+
///                 +--->+--------+                            |
///    1xx from the user:   |     |  200-699 from the user:    |
///    send                 |     |  send                      |
///               +---------v--+  |                            |
///     request,  | Proceeding |  |                            |
///     1xx: send +------------+  |                            |
///                 |       |     |    transport error:        |
///  200-699: send  |       +-----)-------tell the user------->+
///               +-v---------+<--+                            |
///      request: | Completed |                                |
///      send     +-----------+     +------------+             |
///                     | timer J   | Terminated |             |
///                     +---------->+------------+<------------+
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

/// A peer's request other than INVITE and ACK.
#[derive(Debug)]
pub struct ServerNonInvite {
    state: State,
    timing: Timing,
}

impl ServerNonInvite {
    /// A new request came in and goes to the user.
    pub fn start(timing: Timing, actions: &mut Vec<Action>) -> Self {
        actions.push(Action::Pass);
        ServerNonInvite { state: State::Trying, timing }
    }

    /// The next state, and what is to be done, appended to `actions`.
    pub fn handle(&mut self, input: ServerInput, actions: &mut Vec<Action>) {
        use Action::*;
        use ServerInput::*;
        let timing = self.timing;
        self.state = match (self.state, input) {
            (State::Trying | State::Proceeding, Respond(Class::Provisional)) => {
                actions.push(Send);
                State::Proceeding
            }
            (State::Trying | State::Proceeding, Respond(_)) => {
                actions.extend([Send, Set(Timer::J, timing.unless_reliable(timing.give_up()))]);
                State::Completed
            }
            (State::Proceeding | State::Completed, Request) => {
                actions.push(SendAgain);
                self.state
            }
            (State::Trying | State::Proceeding | State::Completed, TransportFailed) => {
                actions.extend([Unreachable, Terminate]);
                State::Terminated
            }
            (State::Completed, Fired(Timer::J)) => {
                actions.push(Terminate);
                State::Terminated
            }
            (state, Request | Ack) => {
                actions.push(Absorb);
                state
            }
            (state, _) => state,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::timer::{TCP, UDP};
    use super::*;
    use Action::*;
    use Class::*;
    use ServerInput::{Fired as Fire, Request, Respond, TransportFailed};

    fn after(timing: Timing, inputs: &[ServerInput]) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut machine = ServerNonInvite::start(timing, &mut actions);
        for input in inputs {
            actions.clear();
            machine.handle(*input, &mut actions);
        }
        actions
    }

    #[test]
    fn a_repeated_request_is_absorbed_until_there_is_a_response_to_repeat() {
        assert_eq!(after(UDP, &[]), [Pass]);
        assert_eq!(after(UDP, &[Request]), [Absorb]);
        assert_eq!(after(UDP, &[Respond(Provisional)]), [Send]);
        assert_eq!(after(UDP, &[Respond(Provisional), Request]), [SendAgain]);
        assert_eq!(after(UDP, &[Respond(Success)]), [Send, Set(Timer::J, Duration::from_secs(32))]);
        assert_eq!(after(UDP, &[Respond(Success), Request]), [SendAgain]);
        assert_eq!(after(UDP, &[Respond(Failure), Request]), [SendAgain]);
    }

    #[test]
    fn the_first_final_response_stands_until_timer_j() {
        assert_eq!(after(UDP, &[Respond(Success), Respond(Failure)]), []);
        assert_eq!(after(UDP, &[Respond(Success), Fire(Timer::J)]), [Terminate]);
        assert_eq!(after(TCP, &[Respond(Success)]), [Send, Set(Timer::J, Duration::ZERO)]);
    }

    #[test]
    fn a_lost_transport_ends_it() {
        assert_eq!(after(TCP, &[TransportFailed]), [Unreachable, Terminate]);
    }
}
