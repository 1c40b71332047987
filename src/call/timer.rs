//! The deadlines of a call, by name.

use crate::base::Instant;

/// Every deadline that a call can have. At most one of each is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The dialplan's own: a first digit, a next digit, a pause.
    Listen,
    /// A comfort phrase for somebody who waits.
    Comfort,
    /// The place in line is looked at, and spoken if it has become better.
    Position,
    /// The keys that leave the queue are offered.
    Choice,
    /// An agent's phone has rung long enough.
    Ring,
    /// An agent who has answered has been told enough of the caller.
    Whisper,
    /// Who is to accept a caller by a key has had the time to.
    Screen,
    /// The agent has been told the slot; or a caller has been parked long enough.
    Park,
    /// A supervisor's phone has rung long enough.
    GuestRing,
    /// The agent keys no further digits of a number to transfer to.
    Code,
    /// The held party hears that somebody still remembers them.
    StillHolding,
    /// The agent is reminded of a caller on hold.
    HoldReminder,
    /// The agent's phone has rung long enough for a caller on hold.
    HoldRing,
    /// The two who talk are reminded that they are recorded.
    RecordingBeep,
    /// The caller has had the time to hang up first.
    Farewell,
    /// The caller has not said what becomes of the message; it is kept as it is.
    Confirm,
    /// The writer or the store has not said that a message is safe.
    Durable,
    /// Who is asked urgently has not answered, or not come.
    Urgent,
    /// Their phone was in use: it is tried again.
    Reach,
}

impl Timer {
    pub const fn name(self) -> &'static str {
        match self {
            Timer::Listen => "listen",
            Timer::Comfort => "comfort phrase",
            Timer::Position => "position",
            Timer::Choice => "choice while waiting",
            Timer::Ring => "ring",
            Timer::Whisper => "whisper",
            Timer::Screen => "screening",
            Timer::Park => "park",
            Timer::GuestRing => "supervisor's ring",
            Timer::Code => "transfer code",
            Timer::StillHolding => "still holding",
            Timer::HoldReminder => "hold reminder",
            Timer::HoldRing => "ring for a caller on hold",
            Timer::RecordingBeep => "recording beep",
            Timer::Farewell => "caller hangs up first",
            Timer::Confirm => "confirm message",
            Timer::Durable => "message durable",
            Timer::Urgent => "answer to an urgent slip",
            Timer::Reach => "urgent call tried again",
        }
    }
}

/// The armed ones. A handful at most, so a sorted list of pairs is the whole of it.
#[derive(Debug, Default)]
pub struct Timers(Vec<(Timer, Instant)>);

impl Timers {
    /// Arms `timer`, or moves it.
    pub fn arm(&mut self, timer: Timer, at: Instant) {
        self.disarm(timer);
        self.0.push((timer, at));
    }

    pub fn disarm(&mut self, timer: Timer) {
        self.0.retain(|(armed, _)| *armed != timer);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn next(&self) -> Option<(Instant, Timer)> {
        self.0.iter().map(|&(timer, at)| (at, timer)).min()
    }

    /// Takes the earliest one that is due.
    pub fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = self.next()?;
        if at > now {
            return None;
        }
        self.disarm(timer);
        Some(timer)
    }
}
