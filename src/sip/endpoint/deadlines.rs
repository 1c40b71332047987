//! Every deadline of an endpoint in one ordered structure.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::Instant;
use crate::sip::transaction::Timer;

use super::event::DialogId;
use super::subscription::SubscriptionId;

/// A transaction of ours or a peer's. Never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct TransactionId(pub u64);

impl TransactionId {
    /// The ends of the order, to find all.
    pub const FIRST: TransactionId = TransactionId(0);
    pub const LAST: TransactionId = TransactionId(u64::MAX);
}

/// What happens when the time has come, and to whom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Deadline {
    /// A timer of a client transaction's machine.
    Client(TransactionId, Timer),
    /// A timer of a server transaction's machine.
    Server(TransactionId, Timer),
    /// A dialog's own.
    Dialog(DialogId, DialogTimer),
    /// A subscription's own.
    Subscription(SubscriptionId, SubscriptionTimer),
}

/// The deadlines of a dialog, or of the INVITE that may become one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum DialogTimer {
    /// Our 2xx goes out again: T1 doubling to T2, over every transport (RFC 3261 §13.3.1.4).
    SuccessAgain,
    /// Our 2xx was never acknowledged: 64 × T1.
    NoAck,
    /// Our reliable provisional response goes out again: T1 doubling, over every transport (RFC 3262 §3).
    ProvisionalAgain,
    /// Our reliable provisional response was never acknowledged: 64 × T1.
    NoPrack,
    /// A ringing call's provisional response goes out again, so that no proxy gives up: each minute
    /// (RFC 3261 §13.3.1.1).
    RingAgain,
    /// The peer rings for longer than the host allows: we cancel. Of a peer's INVITE: its `Expires` is over.
    InviteExpires,
    /// Our re-INVITE met another (491): it goes out again (RFC 3261 §14.1).
    Glare,
    /// Ours to refresh: half the session interval (RFC 4028 §7.2).
    SessionRefresh,
    /// Nobody refreshed the session (RFC 4028 §10).
    SessionExpires,
}

/// The deadlines of a subscription.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum SubscriptionTimer {
    /// Nobody refreshed it (RFC 6665 §4.2.1.1).
    Expires,
    /// The pause after a NOTIFY is over and there is news.
    NotifyAgain,
}

impl DialogTimer {
    /// The ends of the order, to clear them all.
    pub const FIRST: DialogTimer = DialogTimer::SuccessAgain;
    pub const LAST: DialogTimer = DialogTimer::SessionExpires;
}

impl Deadline {
    pub fn name(self) -> &'static str {
        match self {
            Deadline::Client(_, timer) | Deadline::Server(_, timer) => timer.name(),
            Deadline::Dialog(_, timer) => match timer {
                DialogTimer::SuccessAgain => "2xx again",
                DialogTimer::NoAck => "no ACK",
                DialogTimer::ProvisionalAgain => "1xx again",
                DialogTimer::NoPrack => "no PRACK",
                DialogTimer::RingAgain => "ringing again",
                DialogTimer::InviteExpires => "INVITE expires",
                DialogTimer::Glare => "glare",
                DialogTimer::SessionRefresh => "session refresh",
                DialogTimer::SessionExpires => "session expires",
            },
            Deadline::Subscription(_, timer) => match timer {
                SubscriptionTimer::Expires => "subscription expires",
                SubscriptionTimer::NotifyAgain => "NOTIFY again",
            },
        }
    }
}

/// Deadlines in the order of their time, those of the same moment in the order they were set. A deadline
/// exists at most once.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    due: BTreeSet<(Instant, u64, Deadline)>,
    set: BTreeMap<Deadline, (Instant, u64)>,
    sequence: u64,
}

impl Deadlines {
    /// Sets it, or moves it.
    pub fn set(&mut self, deadline: Deadline, at: Instant) {
        self.sequence += 1;
        if let Some((was, sequence)) = self.set.insert(deadline, (at, self.sequence)) {
            self.due.remove(&(was, sequence, deadline));
        }
        self.due.insert((at, self.sequence, deadline));
    }

    pub fn clear(&mut self, deadline: Deadline) {
        if let Some((at, sequence)) = self.set.remove(&deadline) {
            self.due.remove(&(at, sequence, deadline));
        }
    }

    /// Clears everything between two deadlines of one owner, both included.
    pub fn clear_range(&mut self, first: Deadline, last: Deadline) {
        while let Some((&deadline, _)) = self.set.range(first..=last).next() {
            self.clear(deadline);
        }
    }

    pub fn next(&self) -> Option<(Instant, Deadline)> {
        self.due.first().map(|&(at, _, deadline)| (at, deadline))
    }

    /// Takes the first deadline that has come.
    pub fn pop_due(&mut self, now: Instant) -> Option<Deadline> {
        let (at, deadline) = self.next()?;
        if at > now {
            return None;
        }
        self.clear(deadline);
        Some(deadline)
    }

    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_in_order_moves_and_clears() {
        let at = Instant::from_micros;
        let client = |n, timer| Deadline::Client(TransactionId(n), timer);
        let mut deadlines = Deadlines::default();
        deadlines.set(client(1, Timer::A), at(5));
        deadlines.set(client(1, Timer::B), at(3));
        deadlines.set(client(2, Timer::A), at(3));
        deadlines.set(client(1, Timer::A), at(1));
        assert_eq!(deadlines.pop_due(at(0)), None);
        assert_eq!(deadlines.pop_due(at(4)), Some(client(1, Timer::A)));
        assert_eq!(deadlines.pop_due(at(4)), Some(client(1, Timer::B)));
        assert_eq!(deadlines.next(), Some((at(3), client(2, Timer::A))));
        deadlines.set(client(1, Timer::M), at(9));
        deadlines.clear_range(client(2, Timer::A), client(2, Timer::M));
        assert_eq!(deadlines.next(), Some((at(9), client(1, Timer::M))));
        deadlines.clear(client(1, Timer::M));
        assert!(deadlines.is_empty());
    }
}
