//! What an endpoint counts: every message that came to nothing, by reason.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::sip::Malformed;

/// Counters since start. All of them only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages handed in, good or bad.
    pub received: u64,
    /// Messages handed out, retransmissions included.
    pub sent: u64,
    /// Not SIP, or so broken that no answer is possible.
    pub malformed_dropped: Tally<Malformed>,
    /// Broken, and answered with 400 or its like.
    pub malformed_answered: Tally<Malformed>,
    /// Longer than [`Config::limits`](super::Config::limits) allow.
    pub too_large: u64,
    /// Keep-alives: empty datagrams, CRLF (RFC 5626 §3.5.1).
    pub keep_alives: u64,
    /// Responses that belong to no transaction of ours.
    pub unmatched_responses: u64,
    /// ACKs that belong to no transaction and no dialog.
    pub unmatched_acks: u64,
    /// Requests in a dialog that we do not have; answered 481.
    pub unknown_dialogs: u64,
    /// Repeated requests and responses that a transaction absorbed.
    pub absorbed: u64,
    /// The same request by two ways; answered 482.
    pub merged: u64,
    /// New calls refused with 503 without a transaction, as the host wished.
    pub shed: u64,
    /// Requests that the endpoint refused by itself, by status: 405, 415, 416, 420, 491, 500, 501…
    pub refused: Tally<u16>,
    /// NOTIFYs of ours, without repetitions.
    pub notifies: u64,
    /// NOTIFYs that a peer refused, and those that nobody answered.
    pub notify_refused: u64,
    pub notify_unanswered: u64,
    /// Requests of ours that were too large for UDP and went over TCP (RFC 3261 §18.1.1).
    pub moved_to_tcp: u64,
    /// Our own messages sent again.
    pub retransmitted: u64,
    /// Transactions of ours that nobody answered (timers B and F).
    pub timed_out: u64,
    /// Our final responses that nobody acknowledged (timer H and its like for 2xx).
    pub unacknowledged: u64,
}

impl Stats {
    /// Every counter with its name in words, in the order above; those that have reasons, by reason.
    pub fn named(&self) -> Vec<(String, u64)> {
        // By name of every field, so that a new one cannot be forgotten.
        let Stats {
            received,
            sent,
            malformed_dropped,
            malformed_answered,
            too_large,
            keep_alives,
            unmatched_responses,
            unmatched_acks,
            unknown_dialogs,
            absorbed,
            merged,
            shed,
            refused,
            notifies,
            notify_refused,
            notify_unanswered,
            moved_to_tcp,
            retransmitted,
            timed_out,
            unacknowledged,
        } = self;
        let mut named =
            vec![("sip messages received".to_owned(), *received), ("sip messages sent".to_owned(), *sent)];
        named.extend(malformed_dropped.named("sip malformed, dropped"));
        named.extend(malformed_answered.named("sip malformed, answered"));
        named.extend(refused.named("sip refused by the protocol"));
        named.extend(
            [
                ("sip too large", too_large),
                ("sip keep-alives", keep_alives),
                ("sip unmatched responses", unmatched_responses),
                ("sip unmatched ACKs", unmatched_acks),
                ("sip unknown dialogs", unknown_dialogs),
                ("sip repeated, absorbed", absorbed),
                ("sip merged requests", merged),
                ("sip new calls shed", shed),
                ("sip too large for UDP, sent over TCP", moved_to_tcp),
                ("sip sent again", retransmitted),
                ("sip timed out", timed_out),
                ("sip unacknowledged", unacknowledged),
                ("notify sent", notifies),
                ("notify refused", notify_refused),
                ("notify unanswered", notify_unanswered),
            ]
            .map(|(name, count)| (name.to_owned(), *count)),
        );
        named
    }
}

/// How often, by reason. There are as many reasons as the code has, whatever peers send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally<R>(BTreeMap<R, u64>);

impl<R: Ord + Copy + Display> Tally<R> {
    pub(crate) fn add(&mut self, reason: R) {
        *self.0.entry(reason).or_default() += 1;
    }

    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub fn of(&self, reason: R) -> u64 {
        self.0.get(&reason).copied().unwrap_or(0)
    }

    fn named(&self, what: &str) -> impl Iterator<Item = (String, u64)> {
        self.0.iter().map(move |(reason, count)| (format!("{what}: {reason}"), *count))
    }
}

impl<R> Default for Tally<R> {
    fn default() -> Self {
        Tally(BTreeMap::new())
    }
}
