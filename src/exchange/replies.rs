//! One answer of several exchanges to one order.

use super::{Reply, StatusLine};

impl Reply {
    /// With what another exchange of the house replied; the first exchange's comes first.
    pub fn and(self, other: Reply) -> Reply {
        match (self, other) {
            (Reply::Calls(mut calls), Reply::Calls(more)) => {
                calls.extend(more);
                calls.sort_by_key(|line| line.call);
                Reply::Calls(calls)
            }
            (Reply::Callbacks(mut callbacks), Reply::Callbacks(more)) => {
                callbacks.extend(more);
                callbacks.sort_by_key(|line| line.callback);
                Reply::Callbacks(callbacks)
            }
            (Reply::Status(status), Reply::Status(more)) => Reply::Status(Box::new(status.and(*more))),
            (first, _) => first,
        }
    }
}

impl StatusLine {
    /// Queues and trunks are the house's: the first exchange has told of them.
    fn and(mut self, other: StatusLine) -> StatusLine {
        self.calls += other.calls;
        self.draining |= other.draining;
        self.no_more_calls = self.no_more_calls.or(other.no_more_calls);
        self.silenced += other.silenced;
        self.registrations += other.registrations;
        self.rtp_ports_free += other.rtp_ports_free;
        for (name, count) in other.counters {
            match self.counters.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += count,
                None => self.counters.push((name, count)),
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_added_and_what_only_one_knows_is_kept() {
        let counters = |all: &[(&str, u64)]| all.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        let first = StatusLine {
            calls: 2,
            most_calls: 9,
            registrations: 5,
            counters: counters(&[("received", 7), ("texts relayed", 1)]),
            ..StatusLine::default()
        };
        let second = StatusLine {
            calls: 1,
            most_calls: 9,
            no_more_calls: Some("draining".to_owned()),
            counters: counters(&[("received", 3), ("refused: draining", 4)]),
            ..StatusLine::default()
        };
        let Reply::Status(both) = Reply::Status(Box::new(first)).and(Reply::Status(Box::new(second))) else {
            panic!("a status");
        };
        assert_eq!((both.calls, both.most_calls, both.registrations), (3, 9, 5));
        assert_eq!(both.no_more_calls.as_deref(), Some("draining"));
        let sums = counters(&[("received", 10), ("texts relayed", 1), ("refused: draining", 4)]);
        assert_eq!(both.counters, sums);
        assert_eq!(Reply::Done.and(Reply::Refused("no".to_owned())), Reply::Done);
    }
}
