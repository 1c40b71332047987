//! What an endpoint counts: every message that came to nothing, by reason.

/// Counters since start. All of them only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages handed in, good or bad.
    pub received: u64,
    /// Messages handed out, retransmissions included.
    pub sent: u64,
    /// Not SIP, or so broken that no answer is possible.
    pub malformed_dropped: u64,
    /// Broken, and answered with 400 or its like.
    pub malformed_answered: u64,
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
    /// Requests that the endpoint refused by itself: 405, 415, 416, 420, 483, 491, 500, 501…
    pub refused: u64,
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
