//! The INVITE server transaction: RFC 3261 §17.2.1 as corrected by RFC 6026 §7.1.

use std::time::Duration;

use super::{Action, Class, ServerInput, Timer, Timing};

/// ```text
///                       INVITE: pass
///       INVITE: send again +--v---------+ 1xx from the user: send
///                    +-----| Proceeding |-----+
///                    +---->+------------+<----+
///   300-699 from the user:  |     |     |  2xx from the user: send
///   send                    |     |     +------------------+
///            +--------------+     | transport error:       |
///   INVITE,  |                    | tell the user          |
///   timer G: |                    |                        |
///   send  +--v--------+           |                  +-----v----+ INVITE: absorb
///     +-->| Completed |           |                  | Accepted | ACK: pass
///     +---+-----------+           |                  +----------+ 2xx from the user: send
///            |     |  timer H:    |                        |
///       ACK  |     |  tell user   |                        | timer L
///         +--v--------+           |                        |
///         | Confirmed | ACK, INVITE: absorb                |
///         +-----------+           |                        |
///               | timer I         |     +------------+     |
///               +-----------------+---->| Terminated |<----+
///                                       +------------+
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
    Terminated,
}

/// A peer's INVITE, from its arrival to the end of timer I or L.
#[derive(Debug)]
pub struct ServerInvite {
    state: State,
    timing: Timing,
    /// Of timer G.
    interval: Duration,
}

impl ServerInvite {
    /// A new INVITE came in and goes to the user, who sends 100 at once.
    pub fn start(timing: Timing, actions: &mut Vec<Action>) -> Self {
        actions.push(Action::Pass);
        ServerInvite { state: State::Proceeding, timing, interval: timing.t1 }
    }

    /// The next state, and what is to be done, appended to `actions`.
    pub fn handle(&mut self, input: ServerInput, actions: &mut Vec<Action>) {
        use Action::*;
        use ServerInput::*;
        let timing = self.timing;
        self.state = match (self.state, input) {
            (State::Proceeding, Request) => {
                actions.push(SendAgain);
                State::Proceeding
            }
            (State::Proceeding, Respond(Class::Provisional)) => {
                actions.push(Send);
                State::Proceeding
            }
            (State::Proceeding, Respond(Class::Success)) => {
                actions.extend([Send, Set(Timer::L, timing.give_up())]);
                State::Accepted
            }
            (State::Proceeding, Respond(Class::Failure)) => {
                actions.push(Send);
                if !timing.reliable {
                    actions.push(Set(Timer::G, timing.t1));
                }
                actions.push(Set(Timer::H, timing.give_up()));
                State::Completed
            }
            (State::Proceeding | State::Completed, TransportFailed) => {
                actions.extend([Unreachable, Terminate]);
                State::Terminated
            }
            (State::Completed, Request) => {
                actions.push(SendAgain);
                State::Completed
            }
            (State::Completed, Fired(Timer::G)) => {
                self.interval = timing.back_off(self.interval);
                actions.extend([SendAgain, Set(Timer::G, self.interval)]);
                State::Completed
            }
            (State::Completed, Fired(Timer::H)) => {
                actions.extend([TimedOut, Terminate]);
                State::Terminated
            }
            (State::Completed, Ack) => {
                actions.extend([Clear(Timer::G), Clear(Timer::H)]);
                actions.push(Set(Timer::I, timing.unless_reliable(timing.t4)));
                State::Confirmed
            }
            (State::Confirmed, Fired(Timer::I)) => {
                actions.push(Terminate);
                State::Terminated
            }
            // RFC 6026 §7.1: the 2xx is repeated by the user, not here.
            (State::Accepted, Respond(Class::Success)) => {
                actions.push(Send);
                State::Accepted
            }
            (State::Accepted, Ack) => {
                actions.push(Pass);
                State::Accepted
            }
            (State::Accepted, Fired(Timer::L)) => {
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

    /// Has no final response been sent? A CANCEL has an effect only until then (RFC 3261 §9.2).
    pub fn is_open(&self) -> bool {
        self.state == State::Proceeding
    }
}

#[cfg(test)]
mod tests {
    use super::super::timer::{TCP, UDP};
    use super::*;
    use Action::*;
    use Class::*;
    use ServerInput::{Ack, Fired as Fire, Request, Respond, TransportFailed};

    fn after(timing: Timing, inputs: &[ServerInput]) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut machine = ServerInvite::start(timing, &mut actions);
        for input in inputs {
            actions.clear();
            machine.handle(*input, &mut actions);
        }
        actions
    }

    #[test]
    fn repeats_the_last_provisional_response_for_a_repeated_invite() {
        assert_eq!(after(UDP, &[]), [Pass]);
        assert_eq!(after(UDP, &[Respond(Provisional)]), [Send]);
        assert_eq!(after(UDP, &[Respond(Provisional), Request]), [SendAgain]);
    }

    #[test]
    fn repeats_a_refusal_until_it_is_acknowledged() {
        let ms = Duration::from_millis;
        let no = Respond(Failure);
        let g = Fire(Timer::G);
        assert_eq!(after(UDP, &[no]), [Send, Set(Timer::G, ms(500)), Set(Timer::H, ms(32_000))]);
        assert_eq!(after(TCP, &[no]), [Send, Set(Timer::H, ms(32_000))]);
        assert_eq!(after(UDP, &[no, g]), [SendAgain, Set(Timer::G, ms(1000))]);
        assert_eq!(after(UDP, &[no, g, g, g, g]), [SendAgain, Set(Timer::G, ms(4000))]);
        assert_eq!(after(UDP, &[no, Request]), [SendAgain]);
        assert_eq!(after(UDP, &[no, Fire(Timer::H)]), [TimedOut, Terminate]);
        let acked = after(UDP, &[no, Ack]);
        assert_eq!(acked, [Clear(Timer::G), Clear(Timer::H), Set(Timer::I, ms(5000))]);
        assert_eq!(after(UDP, &[no, Ack, Ack]), [Absorb]);
        assert_eq!(after(UDP, &[no, Ack, Request]), [Absorb]);
        assert_eq!(after(UDP, &[no, Ack, Fire(Timer::I)]), [Terminate]);
        assert!(after(TCP, &[no, Ack]).contains(&Set(Timer::I, Duration::ZERO)));
    }

    #[test]
    fn after_a_2xx_invites_are_absorbed_and_acks_passed_until_timer_l() {
        let yes = Respond(Success);
        assert_eq!(after(UDP, &[yes]), [Send, Set(Timer::L, Duration::from_secs(32))]);
        assert_eq!(after(UDP, &[yes, Request]), [Absorb]);
        assert_eq!(after(UDP, &[yes, yes]), [Send]);
        assert_eq!(after(UDP, &[yes, Ack]), [Pass]);
        assert_eq!(after(UDP, &[yes, Fire(Timer::L)]), [Terminate]);
    }

    #[test]
    fn a_second_final_response_changes_nothing() {
        assert_eq!(after(UDP, &[Respond(Success), Respond(Failure)]), []);
        assert_eq!(after(UDP, &[Respond(Failure), Respond(Success)]), []);
    }

    #[test]
    fn a_lost_transport_ends_it_unless_accepted() {
        assert_eq!(after(TCP, &[TransportFailed]), [Unreachable, Terminate]);
        assert_eq!(after(TCP, &[Respond(Failure), TransportFailed]), [Unreachable, Terminate]);
        assert_eq!(after(TCP, &[Respond(Success), TransportFailed]), []);
    }
}
