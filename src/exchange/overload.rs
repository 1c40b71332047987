//! Whether new calls can be taken on. Running ones come first: a call that cannot be served well is told so at once.
//!
//! A 503 is not free: reading the INVITE, sending the answer and receiving its ACK is a third of what a short call
//! costs, most of it the system's. While messages wait too long, only so many are sent in a second; the other new calls
//! are dropped unread, at a tenth of that, and their callers ask again in half a second (timer A), when there may be
//! room. Else refusing would take the time that serving needs, and goodput would fall as more is offered.

use std::time::Duration;

use super::guard::{Meter, Pace, Standing};
use super::{Exchange, Gauges};
use crate::base::{Instant, Now};
use crate::sip::{self, Glance};

/// The log says once in this time that calls are being refused.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// So many 503 a second while messages wait too long: about a hundredth of a core.
const REFUSALS: u32 = 500;
const BACKLOG: &str = "overload: messages wait too long";

/// What the shell says about how things stand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strain {
    /// For how long the oldest message has waited that is still to come.
    pub backlog: Duration,
    pub gauges: Gauges,
    told: Option<Instant>,
    refusals: Meter,
    pub unread: u64,
}

impl Exchange {
    /// A message that the guard has let in. While there is a reason to, new calls are refused by the endpoint without
    /// being made dialogs and transactions of (RFC 3261 §8.2.7, RFC 7339 §4).
    pub(super) fn message(&mut self, now: Now, flow: sip::Flow, bytes: &[u8]) {
        let why = self.no_more_calls();
        let is_new = |glance: Glance<'_>| glance.method == b"INVITE" && !glance.in_dialog;
        if why == Some(BACKLOG)
            && Glance::at(bytes).is_some_and(is_new)
            && !self.strain.refusals.take(now.mono, Pace::per_second(REFUSALS))
        {
            self.strain.unread += 1;
            return;
        }
        self.sip.refuse_new_calls(why.is_some());
        let standing = self.guard.standing(now.mono, &self.sign_in.offenders, flow.remote.ip());
        self.sip.expect_strangers(standing != Standing::Trunk);
        let before = self.sip.stats().shed;
        self.sip.handle_message(now.mono, flow, bytes);
        if let Some(why) = why
            && self.sip.stats().shed != before
        {
            self.count_refusal(why);
            if self.strain.told.is_none_or(|told| now.mono.since(told) >= TELL_EVERY) {
                self.strain.told = Some(now.mono);
                tracing::warn!(why, calls = self.calls.len(), "new calls are refused with 503");
            }
        }
    }

    /// Of the house, as far as this exchange knows: others may be taking one in this moment.
    pub fn all_calls(&self) -> usize {
        self.calls.len() + self.commons.calls_of_others(self.share)
    }

    /// Why new calls are refused, if they are.
    pub(super) fn no_more_calls(&self) -> Option<&'static str> {
        let (overload, Strain { backlog, gauges, .. }) = (&self.config.overload, self.strain);
        let more = |value: Option<u64>, limit: Option<u64>| value.zip(limit).is_some_and(|(v, l)| v > l);
        if self.draining {
            Some("draining")
        } else if self.all_calls() >= self.config.most_calls {
            Some("too many calls")
        } else if backlog > overload.queue_age {
            Some(BACKLOG)
        } else if gauges.files_left.is_some_and(|left| left < overload.files) {
            Some("overload: file handles")
        } else if more(gauges.resident, overload.resident) {
            Some("overload: memory")
        } else {
            None
        }
    }
}
