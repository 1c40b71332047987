//! Reliable provisional responses (RFC 3262): which of ours are, what a PRACK names, and which of the peer's is
//! the next.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::{Flow, Headers, Method, Name, Request, Response};

use super::config::Config;
use super::core::Core;
use super::deadlines::DialogTimer;
use super::event::DialogId;

/// The option tag.
pub(super) const OPTION: &str = "100rel";

/// Which of our provisional responses to an INVITE are reliable (RFC 3262 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reliability {
    Never,
    /// The peer can: what it must not miss is sent reliably.
    WithSdp,
    /// The peer requires it.
    Always,
}

impl Reliability {
    /// What the INVITE asks for.
    pub fn of(config: &Config, invite: &Headers) -> Self {
        if !config.reliable_provisional {
            Reliability::Never
        } else if invite.lists(Name::Require, OPTION) {
            Reliability::Always
        } else if invite.lists(Name::Supported, OPTION) {
            Reliability::WithSdp
        } else {
            Reliability::Never
        }
    }
}

/// What the RAck of a PRACK names: our response by its RSeq, and the INVITE by its CSeq (RFC 3262 §7.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Acknowledgeable {
    pub response: u32,
    pub invite: u32,
}

impl Acknowledgeable {
    /// What a PRACK acknowledges. `None` where its RAck cannot be read: 400.
    pub fn of(prack: &Request) -> Option<Self> {
        let text = prack.headers.text(Name::RAck)?;
        let mut parts = text.split_ascii_whitespace();
        let response = parts.next()?.parse().ok()?;
        let invite = parts.next()?.parse().ok()?;
        let method = parts.next()?;
        // Only responses to INVITE are ever reliable: another method names nothing of ours.
        let invite = if method.as_bytes() == Method::Invite.as_bytes() { invite } else { u32::MAX };
        parts.next().is_none().then_some(Acknowledgeable { response, invite })
    }

    /// The RAck of our PRACK.
    pub fn to_value(self) -> String {
        format!("{} {} INVITE", self.response, self.invite)
    }
}

/// Our provisional responses to one INVITE: at most one reliable one is on its way, the next waits for its PRACK.
///
/// ```text
///        ring            timer "1xx again": send again
///   idle -----> outstanding ---+
///    ^            |   ^--------+         64 x T1: 504, the call is over
///    +---PRACK----+
/// ```
pub(super) struct Provisionals {
    pub reliability: Reliability,
    /// The RSeq of the last one.
    last: u32,
    outstanding: Option<Outstanding>,
    waiting: VecDeque<(u16, Option<Bytes>)>,
}

struct Outstanding {
    name: Acknowledgeable,
    flow: Flow,
    bytes: Bytes,
    /// Until it is sent again; begins with T1.
    interval: Duration,
    has_sdp: bool,
}

impl Provisionals {
    /// "The value is chosen uniformly between 1 and 2**31 - 1" (RFC 3262 §3); the upper half is left out, so that
    /// it never wraps.
    pub fn new(core: &mut Core, reliability: Reliability) -> Self {
        let last = (core.rng.next_u32() >> 2) + 1;
        Provisionals { reliability, last, outstanding: None, waiting: VecDeque::new() }
    }

    pub fn is_reliable(&self, sdp: &Option<Bytes>) -> bool {
        match self.reliability {
            Reliability::Never => false,
            Reliability::WithSdp => sdp.is_some(),
            Reliability::Always => true,
        }
    }

    /// A response that has to wait: "The UAS MUST NOT send a second reliable provisional response until the first
    /// is acknowledged". `false`: it need not.
    pub fn postpone(&mut self, status: u16, sdp: &Option<Bytes>) -> bool {
        if self.outstanding.is_none() {
            return false;
        }
        self.waiting.push_back((status, sdp.clone()));
        true
    }

    /// RSeq and Require of the next reliable one.
    pub fn number(&mut self, response: &mut Response) {
        self.last += 1;
        response.headers.push(Name::Require, OPTION);
        response.headers.push(Name::RSeq, self.last.to_string());
    }

    /// It has been sent, and is again until its PRACK comes.
    pub fn sent(
        &mut self,
        core: &mut Core,
        now: Instant,
        dialog: DialogId,
        invite: u32,
        (flow, bytes): (Flow, Bytes),
        has_sdp: bool,
    ) {
        let timing = core.timing(flow.transport);
        core.set_dialog_timer(dialog, DialogTimer::ProvisionalAgain, now + timing.t1);
        core.set_dialog_timer(dialog, DialogTimer::NoPrack, now + timing.give_up());
        let name = Acknowledgeable { response: self.last, invite };
        self.outstanding = Some(Outstanding { name, flow, bytes, interval: timing.t1, has_sdp });
    }

    /// Over every transport: there may be a lossy one behind the next hop.
    pub fn send_again(&mut self, core: &mut Core, now: Instant, dialog: DialogId) {
        let Some(outstanding) = &mut self.outstanding else { return };
        core.stats.retransmitted += 1;
        core.transmit(outstanding.flow, outstanding.bytes.clone());
        outstanding.interval *= 2;
        core.set_dialog_timer(dialog, DialogTimer::ProvisionalAgain, now + outstanding.interval);
    }

    /// A PRACK has come. `false`: it names nothing that waits for one (481).
    pub fn acknowledged(&mut self, core: &mut Core, dialog: DialogId, name: Acknowledgeable) -> bool {
        let taken = self.outstanding.take_if(|outstanding| outstanding.name == name).is_some();
        if taken {
            Self::stop(core, dialog);
        }
        taken
    }

    /// The next one that waited for its turn.
    pub fn next(&mut self) -> Option<(u16, Option<Bytes>)> {
        if self.outstanding.is_some() { None } else { self.waiting.pop_front() }
    }

    /// "it MUST NOT send a 2xx final response until those provisional responses [with a session description] are
    /// acknowledged" (RFC 3262 §3).
    pub fn holds_success(&self) -> bool {
        self.outstanding.as_ref().is_some_and(|outstanding| outstanding.has_sdp)
            || self.waiting.iter().any(|(_, sdp)| sdp.is_some())
    }

    /// The final response goes out: no repetition any more, but its PRACK may be on its way.
    pub fn overtaken(self, core: &mut Core, dialog: DialogId) -> Option<Acknowledgeable> {
        Self::stop(core, dialog);
        self.outstanding.map(|outstanding| outstanding.name)
    }

    fn stop(core: &mut Core, dialog: DialogId) {
        core.clear_dialog_timer(dialog, DialogTimer::ProvisionalAgain);
        core.clear_dialog_timer(dialog, DialogTimer::NoPrack);
    }
}

/// A peer's reliable provisional responses in one early dialog, in their order (RFC 3262 §4).
#[derive(Default)]
pub(super) struct Received {
    last: Option<u32>,
}

impl Received {
    /// The RSeq of a response that is reliable.
    pub fn number_of(response: &Response) -> Option<u32> {
        if !response.headers.lists(Name::Require, OPTION) {
            return None;
        }
        response.headers.number(Name::RSeq).filter(|number| *number != 0)
    }

    /// Takes the next one. `false`: a repetition, or one before it is missing, and "MUST NOT be acknowledged".
    pub fn take(&mut self, number: u32) -> bool {
        if self.last.is_some_and(|last| number != last.wrapping_add(1)) {
            return false;
        }
        self.last = Some(number);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Received;

    #[test]
    fn reliable_responses_are_taken_in_order_and_once() {
        let mut received = Received::default();
        let taken: Vec<_> = [7, 7, 9, 8, 8, 7, 9].into_iter().map(|number| received.take(number)).collect();
        assert_eq!(taken, [true, false, false, true, false, false, true]);
    }
}
