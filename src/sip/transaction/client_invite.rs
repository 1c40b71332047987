//! The INVITE client transaction: RFC 3261 §17.1.1 as corrected by RFC 6026 §7.2.

use std::time::Duration;

use super::{Action, Class, ClientInput, Timer, Timing};

/// ```text
///                     INVITE from the user: send
///            timer A: send  +---v-----+   timer B, transport error: tell the user
///                   +-------| Calling |----------------------------------------+
///                   +------>+---------+                                        |
///         300-699: ACK, pass |   | |  2xx: pass                                |
///            +---------------+   | +-----------------------+                   |
///            |           1xx: pass                         |                   |
///            |             +-----v------+ 1xx: pass        |                   |
///            |             | Proceeding |----+             |                   |
///            |             +------------+<---+             |                   |
///            |  300-699:    |   |   |  abandoned and timer B, transport error   |
///            |  ACK, pass   |   |   +-------------------------)--------------->+
///            |              |   |  2xx: pass                |                  |
///            |              |   +-----------------------+   |                  |
///         +--v--------+<----+                       +---v---v--+               |
///     +-->| Completed | 300-699: ACK                | Accepted | 2xx: pass     |
///     +---+-----------+                             +----------+               |
///               | timer D, transport error            | timer M              |
///               |                +------------+       |                      |
///               +--------------->| Terminated |<------+----------------------+
///                                +------------+
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
    Terminated,
}

/// An INVITE of ours, from the first sending to the end of timer D or M.
#[derive(Debug)]
pub struct ClientInvite {
    state: State,
    timing: Timing,
    /// Of timer A.
    interval: Duration,
    /// A provisional response does not stop timer B any more.
    abandoned: bool,
}

impl ClientInvite {
    /// A new transaction; its INVITE goes out with the first actions.
    pub fn start(timing: Timing, actions: &mut Vec<Action>) -> Self {
        actions.push(Action::Send);
        if !timing.reliable {
            actions.push(Action::Set(Timer::A, timing.t1));
        }
        actions.push(Action::Set(Timer::B, timing.give_up()));
        ClientInvite { state: State::Calling, timing, interval: timing.t1, abandoned: false }
    }

    /// The next state, and what is to be done, appended to `actions`.
    pub fn handle(&mut self, input: ClientInput, actions: &mut Vec<Action>) {
        use Action::*;
        use ClientInput::*;
        let timing = self.timing;
        self.state = match (self.state, input) {
            // Given up, and so often sent in vain that no answer was lost: the phone is dead. Once it is back it shall not
            // ring for a call that nobody makes any more, and cannot be told so before it rings (RFC 3261 §9.1).
            (State::Calling, Fired(Timer::A)) if self.abandoned && self.interval > 4 * timing.t1 => {
                State::Calling
            }
            // §17.1.1.2: "When timer A fires, the client transaction MUST retransmit the request"
            (State::Calling, Fired(Timer::A)) => {
                self.interval *= 2;
                actions.extend([SendAgain, Set(Timer::A, self.interval)]);
                State::Calling
            }
            (State::Calling, Fired(Timer::B)) => {
                actions.extend([TimedOut, Terminate]);
                State::Terminated
            }
            (State::Calling, TransportFailed) => {
                actions.extend([Unreachable, Terminate]);
                State::Terminated
            }
            (State::Calling, Response(Class::Provisional)) => {
                actions.push(Clear(Timer::A));
                if !self.abandoned {
                    actions.push(Clear(Timer::B));
                }
                actions.push(Pass);
                State::Proceeding
            }
            (State::Proceeding, Response(Class::Provisional)) => {
                actions.push(Pass);
                State::Proceeding
            }
            (State::Calling | State::Proceeding, Response(Class::Success)) => {
                actions.extend([Clear(Timer::A), Clear(Timer::B)]);
                actions.extend([Set(Timer::M, timing.give_up()), Pass]);
                State::Accepted
            }
            (State::Calling | State::Proceeding, Response(Class::Failure)) => {
                actions.extend([Clear(Timer::A), Clear(Timer::B)]);
                actions.extend([Acknowledge, Set(Timer::D, timing.timer_d()), Pass]);
                State::Completed
            }
            // §9.1: after CANCEL "the client SHOULD then consider the original transaction cancelled".
            (State::Calling, Abandon) => {
                self.abandoned = true;
                State::Calling
            }
            (State::Proceeding, Abandon) => {
                actions.push(Set(Timer::B, timing.give_up()));
                State::Proceeding
            }
            (State::Proceeding, Fired(Timer::B)) => {
                actions.extend([TimedOut, Terminate]);
                State::Terminated
            }
            (State::Proceeding, TransportFailed) => {
                actions.extend([Unreachable, Terminate]);
                State::Terminated
            }
            // §17.1.1.2: the ACK is repeated, the response "MUST NOT be passed up".
            (State::Completed, Response(Class::Failure)) => {
                actions.push(Acknowledge);
                State::Completed
            }
            (State::Completed, Fired(Timer::D) | TransportFailed) => {
                actions.push(Terminate);
                State::Terminated
            }
            // RFC 6026 §7.2: every 2xx goes to the user, who alone can tell a repetition from another fork.
            (State::Accepted, Response(Class::Success)) => {
                actions.push(Pass);
                State::Accepted
            }
            // A transport error here changes nothing: the call stands (RFC 6026 §7.2).
            (State::Accepted, Fired(Timer::M)) => {
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
        self.state == State::Calling
    }

    /// Has a provisional response come, and no final one? Only then may a CANCEL be sent (RFC 3261 §9.1).
    pub fn is_proceeding(&self) -> bool {
        self.state == State::Proceeding
    }
}

#[cfg(test)]
mod tests {
    use super::super::timer::{TCP, UDP};
    use super::*;
    use Action::*;
    use Class::*;
    use ClientInput::{Abandon, Fired as Fire, Response, TransportFailed};

    /// Feeds the inputs and returns what the last one caused.
    fn after(timing: Timing, inputs: &[ClientInput]) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut machine = ClientInvite::start(timing, &mut actions);
        for input in inputs {
            actions.clear();
            machine.handle(*input, &mut actions);
        }
        actions
    }

    #[test]
    fn repeats_the_invite_in_doubling_intervals_until_timer_b() {
        let ms = Duration::from_millis;
        assert_eq!(after(UDP, &[]), [Send, Set(Timer::A, ms(500)), Set(Timer::B, ms(32_000))]);
        assert_eq!(after(UDP, &[Fire(Timer::A)]), [SendAgain, Set(Timer::A, ms(1000))]);
        assert_eq!(after(UDP, &[Fire(Timer::A), Fire(Timer::A)]), [SendAgain, Set(Timer::A, ms(2000))]);
        assert_eq!(after(UDP, &[Fire(Timer::B)]), [TimedOut, Terminate]);
        assert_eq!(after(TCP, &[]), [Send, Set(Timer::B, ms(32_000))]);
    }

    #[test]
    fn provisional_responses_stop_both_timers() {
        assert_eq!(after(UDP, &[Response(Provisional)]), [Clear(Timer::A), Clear(Timer::B), Pass]);
        assert_eq!(after(UDP, &[Response(Provisional), Response(Provisional)]), [Pass]);
    }

    #[test]
    fn an_abandoned_invite_waits_once_more_for_timer_b() {
        let abandoned = [Response(Provisional), Abandon];
        assert_eq!(after(UDP, &abandoned), [Set(Timer::B, Duration::from_secs(32))]);
        assert_eq!(after(UDP, &[Response(Provisional), Abandon, Fire(Timer::B)]), [TimedOut, Terminate]);
        // Before any response timer B runs anyway, after the final one there is nothing to wait for.
        assert_eq!(after(UDP, &[Abandon]), []);
        assert_eq!(after(UDP, &[Abandon, Response(Provisional)]), [Clear(Timer::A), Pass]);
        assert_eq!(after(UDP, &[Response(Success), Abandon]), []);
    }

    #[test]
    fn an_invite_that_is_given_up_is_sent_four_times_at_most() {
        let unheard = [Fire(Timer::A), Fire(Timer::A), Abandon, Fire(Timer::A)];
        assert_eq!(after(UDP, &unheard)[0], SendAgain, "a lost answer is asked for again");
        assert_eq!(after(UDP, &[&unheard[..], &[Fire(Timer::A)]].concat()), []);
        assert_eq!(
            after(UDP, &[&unheard[..], &[Fire(Timer::A), Fire(Timer::B)]].concat()),
            [TimedOut, Terminate]
        );
        assert_eq!(after(UDP, &[&unheard[..2], &[Fire(Timer::A), Fire(Timer::A)]].concat())[0], SendAgain);
    }

    #[test]
    fn a_refusal_is_acknowledged_each_time_and_passed_once() {
        let refused = after(UDP, &[Response(Failure)]);
        let d = Duration::from_secs(32);
        assert_eq!(refused, [Clear(Timer::A), Clear(Timer::B), Acknowledge, Set(Timer::D, d), Pass]);
        assert_eq!(after(UDP, &[Response(Failure), Response(Failure)]), [Acknowledge]);
        assert_eq!(after(UDP, &[Response(Failure), Response(Success)]), [Absorb]);
        assert_eq!(after(UDP, &[Response(Failure), Fire(Timer::D)]), [Terminate]);
        assert!(after(TCP, &[Response(Failure)]).contains(&Set(Timer::D, Duration::ZERO)));
    }

    #[test]
    fn every_2xx_is_passed_until_timer_m() {
        let m = Set(Timer::M, Duration::from_secs(32));
        assert_eq!(after(UDP, &[Response(Success)]), [Clear(Timer::A), Clear(Timer::B), m, Pass]);
        assert_eq!(after(UDP, &[Response(Success), Response(Success)]), [Pass]);
        assert_eq!(after(UDP, &[Response(Success), Response(Provisional)]), [Absorb]);
        assert_eq!(after(UDP, &[Response(Success), Response(Failure)]), [Absorb]);
        assert_eq!(after(UDP, &[Response(Success), TransportFailed]), []);
        assert_eq!(after(UDP, &[Response(Success), Fire(Timer::M)]), [Terminate]);
    }

    #[test]
    fn a_lost_transport_ends_it_before_the_answer() {
        assert_eq!(after(UDP, &[TransportFailed]), [Unreachable, Terminate]);
        assert_eq!(after(UDP, &[Response(Provisional), TransportFailed]), [Unreachable, Terminate]);
        assert_eq!(after(UDP, &[TransportFailed, Response(Success)]), [Absorb]);
    }
}
