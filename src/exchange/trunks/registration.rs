//! Our registration with a trunk: when to ask, what the answer means, when to ask again.
//!
//! A pure machine without messages:
//! ```text
//!                begin               200
//!   +--------+ --------> +--------+ -------------> +------------+
//!   | absent |           | asking | <-- refresh -- | registered |
//!   +--------+           +--------+   at 80 %      +------------+
//!        ^                |   ^   ^                       |
//!        |    423: longer +---+   | retry                 | leave
//!        |                |       |                       v
//!        |       any other v      |                  +---------+
//!        |              +---------+  Retry-After,    | leaving |
//!        |              | waiting |  else doubling   +---------+
//!        |              +---------+                       |
//!        +------------------- leave ----------------------+ any answer
//! ```
//! One Call-ID for as long as we run, a CSeq that only rises (RFC 3261 §10.2); the pauses between failures are those
//! of RFC 5626 §4.5, so that a thousand clients of a registrar that comes back do not come back at once.

use std::time::Duration;

use crate::base::{Instant, Rng};
use crate::sip::Thread;

/// RFC 5626 §4.5: base-time and max-time.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(1800);
/// A registrar that grants less is not asked more often than this.
const SHORTEST_REFRESH: Duration = Duration::from_secs(5);
/// A Min-Expires beyond this is nonsense.
const LONGEST_EXPIRES: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Debug)]
pub(super) struct Registration {
    call_id: String,
    cseq: u32,
    /// What is asked for: the setting, or the registrar's minimum where that is more.
    expires: Duration,
    state: State,
    /// Failures in a row.
    failures: u32,
    /// Of the last failure, for the administrator.
    trouble: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Absent,
    /// `until`: what was granted before is good for so long still.
    Asking {
        until: Option<Instant>,
    },
    Registered {
        refresh: Instant,
        until: Instant,
    },
    Waiting {
        retry: Instant,
        until: Option<Instant>,
    },
    Leaving,
}

/// A REGISTER to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ask {
    pub thread: Thread,
    /// Zero takes the registration back.
    pub expires: Duration,
}

/// What a registrar answered.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub status: u16,
    /// Of our contact, in a 200.
    pub expires: Option<Duration>,
    pub min_expires: Option<Duration>,
    pub retry_after: Option<Duration>,
}

impl Registration {
    pub(super) fn new(expires: Duration, rng: &mut Rng) -> Self {
        Registration {
            call_id: rng.token(24),
            cseq: 0,
            expires,
            state: State::Absent,
            failures: 0,
            trouble: None,
        }
    }

    /// The first REGISTER, where there was none yet.
    pub(super) fn begin(&mut self) -> Option<Ask> {
        (self.state == State::Absent).then(|| self.ask(None))
    }

    pub(super) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        match self.state {
            State::Registered { refresh, .. } => Some((refresh, "trunk registration refresh")),
            State::Waiting { retry, .. } => Some((retry, "trunk registration retry")),
            State::Absent | State::Asking { .. } | State::Leaving => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Ask> {
        match self.state {
            State::Registered { refresh, until } if refresh <= now => Some(self.ask(Some(until))),
            State::Waiting { retry, until } if retry <= now => Some(self.ask(until)),
            _ => None,
        }
    }

    /// The answer to what was asked last. Another REGISTER at once where the registrar wants a longer time.
    pub(super) fn answered(&mut self, now: Instant, rng: &mut Rng, answer: Answer) -> Option<Ask> {
        let until = match self.state {
            State::Asking { until } => until,
            State::Leaving => {
                self.state = State::Absent;
                return None;
            }
            _ => return None,
        };
        match answer.status {
            200..300 => {
                let granted = answer.expires.unwrap_or(self.expires);
                let refresh = granted.mul_f64(0.8).max(SHORTEST_REFRESH);
                self.state = State::Registered { refresh: now + refresh, until: now + granted };
                (self.failures, self.trouble) = (0, None);
                None
            }
            // RFC 3261 §10.2.8. A registrar that asks for more than that, or for less than it was asked, is not followed.
            423 => {
                match answer.min_expires.filter(|least| *least > self.expires && *least <= LONGEST_EXPIRES) {
                    Some(least) => {
                        self.expires = least;
                        Some(self.ask(until))
                    }
                    None => self.failed(now, rng, answer, until),
                }
            }
            _ => self.failed(now, rng, answer, until),
        }
    }

    fn failed(&mut self, now: Instant, rng: &mut Rng, answer: Answer, until: Option<Instant>) -> Option<Ask> {
        let longest = FIRST_PAUSE.saturating_mul(1 << self.failures.min(6)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.trouble = Some(answer.status);
        // Between a half and the whole, at random.
        let pause = longest.mul_f64(0.5 + rng.unit() / 2.0);
        let pause = answer.retry_after.map_or(pause, |asked| asked.clamp(pause, LONGEST_PAUSE));
        self.state = State::Waiting { retry: now + pause, until };
        None
    }

    /// Takes the registration back, where there may be one. Nothing is asked again afterwards, until
    /// [`begin`](Self::begin).
    pub(super) fn leave(&mut self) -> Option<Ask> {
        let state = std::mem::replace(&mut self.state, State::Absent);
        match state {
            State::Absent => None,
            State::Leaving => {
                self.state = State::Leaving;
                None
            }
            // Nobody has answered for a while: nothing is known to be there.
            State::Waiting { until: None, .. } => None,
            State::Asking { .. } | State::Registered { .. } | State::Waiting { .. } => {
                let ask = self.ask(None);
                self.state = State::Leaving;
                Some(Ask { expires: Duration::ZERO, ..ask })
            }
        }
    }

    fn ask(&mut self, until: Option<Instant>) -> Ask {
        self.state = State::Asking { until };
        self.cseq = self.cseq.saturating_add(Thread::STRIDE);
        let thread = Thread { call_id: self.call_id.clone(), cseq: self.cseq };
        Ask { thread, expires: self.expires }
    }

    /// Whether the other side knows where we are.
    pub(super) fn is_held(&self, now: Instant) -> bool {
        self.held_until().is_some_and(|until| until > now)
    }

    /// Until when the other side knows where we are.
    pub(super) fn held_until(&self) -> Option<Instant> {
        match self.state {
            State::Registered { until, .. } => Some(until),
            State::Asking { until } | State::Waiting { until, .. } => until,
            State::Absent | State::Leaving => None,
        }
    }

    /// For the administrator.
    pub(super) fn describe(&self, now: Instant) -> String {
        match (self.state, self.trouble) {
            (State::Registered { until, .. }, _) => {
                format!("registered for {} s", until.since(now).as_secs())
            }
            (State::Waiting { retry, .. }, trouble) => {
                let why = trouble.map_or(String::new(), |status| format!(" ({status})"));
                format!("refused{why}, again in {} s", retry.since(now).as_secs())
            }
            (State::Asking { .. }, Some(status)) => format!("asking again after {status}"),
            (State::Asking { .. }, None) => "asking".to_owned(),
            (State::Leaving, _) => "leaving".to_owned(),
            (State::Absent, _) => "not registered".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(0) + Duration::from_secs(seconds)
    }

    fn begun() -> (Registration, Rng) {
        let mut rng = Rng::from_number(1);
        let mut registration = Registration::new(Duration::from_secs(600), &mut rng);
        let first = registration.begin().unwrap();
        assert_eq!((first.thread.cseq, first.expires), (8, Duration::from_secs(600)));
        assert_eq!(registration.begin(), None);
        (registration, rng)
    }

    fn answer(status: u16) -> Answer {
        Answer { status, ..Answer::default() }
    }

    #[test]
    fn a_grant_is_refreshed_at_four_fifths_under_the_same_name() {
        let (mut registration, mut rng) = begun();
        let granted = Answer { expires: Some(Duration::from_secs(100)), ..answer(200) };
        assert_eq!(registration.answered(at(1), &mut rng, granted), None);
        assert_eq!(registration.poll_timeout(), Some((at(81), "trunk registration refresh")));
        assert_eq!(registration.handle_timeout(at(80)), None);
        let again = registration.handle_timeout(at(81)).unwrap();
        assert_eq!((again.thread.cseq, again.expires), (16, Duration::from_secs(600)));
        assert_eq!(again.thread.call_id, registration.call_id);
        assert!(registration.is_held(at(100)) && !registration.is_held(at(101)));
    }

    #[test]
    fn too_brief_asks_for_longer_once() {
        let (mut registration, mut rng) = begun();
        let brief = Answer { min_expires: Some(Duration::from_secs(900)), ..answer(423) };
        let longer = registration.answered(at(0), &mut rng, brief).unwrap();
        assert_eq!((longer.expires, longer.thread.cseq), (Duration::from_secs(900), 16));
        // The same again, none at all, and too much are refusals like any other.
        assert_eq!(registration.answered(at(0), &mut rng, brief), None);
        assert!(registration.poll_timeout().is_some_and(|(_, name)| name == "trunk registration retry"));
    }

    #[test]
    fn failures_wait_longer_and_longer_and_never_in_step() {
        let (mut registration, mut rng) = begun();
        let mut now = at(0);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            assert_eq!(registration.answered(now, &mut rng, answer(503)), None);
            assert!(!registration.is_held(now));
            let (retry, _) = registration.poll_timeout().unwrap();
            pauses.push(retry.since(now).as_secs());
            now = retry;
            assert!(registration.handle_timeout(now).is_some());
        }
        let bounds =
            [15..=30, 30..=60, 60..=120, 120..=240, 240..=480, 480..=960, 900..=1800, 900..=1800, 900..=1800];
        for (pause, bound) in pauses.iter().zip(bounds) {
            assert!(bound.contains(pause), "{pauses:?}");
        }
        let granted = Answer { expires: Some(Duration::from_secs(600)), ..answer(200) };
        registration.answered(now, &mut rng, granted);
        assert!(registration.is_held(now), "and begins anew");
        assert_eq!(registration.failures, 0);
    }

    #[test]
    fn who_says_when_to_come_back_is_heard_within_bounds() {
        for (asked, bound) in [(0, 15..=30), (120, 120..=120), (1_000_000, 1800..=1800)] {
            let (mut registration, mut rng) = begun();
            let later = Answer { retry_after: Some(Duration::from_secs(asked)), ..answer(503) };
            registration.answered(at(0), &mut rng, later);
            let (retry, _) = registration.poll_timeout().unwrap();
            assert!(bound.contains(&retry.since(at(0)).as_secs()), "{asked}");
        }
    }

    #[test]
    fn a_failed_refresh_keeps_what_was_granted_until_it_ends() {
        let (mut registration, mut rng) = begun();
        let granted = Answer { expires: Some(Duration::from_secs(600)), ..answer(200) };
        registration.answered(at(0), &mut rng, granted);
        registration.handle_timeout(at(480)).unwrap();
        registration.answered(at(512), &mut rng, answer(408));
        assert!(registration.is_held(at(599)) && !registration.is_held(at(600)));
    }

    #[test]
    fn leaving_takes_back_what_may_be_there_and_asks_no_more() {
        let (mut registration, mut rng) = begun();
        registration.answered(at(0), &mut rng, answer(200));
        let last = registration.leave().unwrap();
        assert_eq!((last.expires, last.thread.cseq), (Duration::ZERO, 16));
        assert_eq!((registration.leave(), registration.poll_timeout()), (None, None));
        assert_eq!(registration.answered(at(1), &mut rng, answer(200)), None);
        assert!(!registration.is_held(at(1)));
        assert!(registration.begin().is_some(), "after a change of mind");

        let (mut registration, mut rng) = begun();
        registration.answered(at(0), &mut rng, answer(403));
        assert_eq!(registration.leave(), None, "there is nothing to take back");
        assert_eq!(registration.poll_timeout(), None);
    }
}
