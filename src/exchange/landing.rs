//! Which of several exchanges a message of the network is for: the first one decides, before any reads it.

use std::time::Duration;

use super::Exchange;
use super::places::Lasting;
use crate::base::{Instant, Now};
use crate::sip::{Belonging, Flow, NameAddr, Uri};

/// Calls of agents who are in another call, of the last minutes.
const MOST_SECOND_CALLS: usize = 4096;
/// After so long an INVITE has its answer (timer C, RFC 3261 §16.6), and what comes later bears our tag.
const RINGS: Duration = Duration::from_secs(300);

/// Where an agent's second call went, by Call-ID: the first one may end while it rings, and its CANCEL must still find
/// it.
pub(super) type SecondCalls = Lasting<Vec<u8>, u8>;

pub(super) fn no_second_calls() -> SecondCalls {
    Lasting::new(MOST_SECOND_CALLS)
}

impl Exchange {
    /// Who of several exchanges gets this message, in an [`Input::Sip`](super::Input::Sip); `None`: nobody, it is not let
    /// in. For the first one; take its outputs afterwards, as after an input.
    pub fn route(&mut self, now: Now, flow: Flow, bytes: &[u8]) -> Option<u8> {
        if !self.lets_in(now, flow, bytes) {
            return None;
        }
        self.settle(now);
        Some(match Belonging::of(bytes) {
            Belonging::To(number) if number < self.share.of => number,
            Belonging::NewCall { call_id, from, to } => {
                self.new_call_lands(now.mono, flow, call_id, from, to)
            }
            _ => 0,
        })
    }

    /// An agent who is in a call and makes another one may want to join the two: both have to be with one exchange. Who
    /// somebody is who says so in passing is not proven, and matters to nobody but themselves.
    fn new_call_lands(&mut self, now: Instant, flow: Flow, call_id: &[u8], from: &[u8], to: &[u8]) -> u8 {
        if let Some(number) = self.second_calls.get(now, &call_id.to_vec()) {
            return number;
        }
        let extension =
            str::from_utf8(from).ok().and_then(NameAddr::parse).and_then(|from| from.uri.dialled());
        let agent = extension.and_then(|extension| self.numbering.agent(&extension));
        if let Some(call) = agent.and_then(|agent| self.desks.get(agent).call) {
            let number = self.share.of_id(call.0);
            self.second_calls.put(now, call_id.to_vec(), number, now + RINGS);
            return number;
        }
        // Who takes somebody's caller has to be where the caller is.
        let dialled = str::from_utf8(to).ok().and_then(|to| Uri::parse(to).ok()).and_then(|to| to.dialled());
        let lands = agent.zip(dialled).and_then(|(agent, dialled)| self.pick_up_lands(agent, &dialled));
        if let Some(number) = lands {
            self.second_calls.put(now, call_id.to_vec(), number, now + RINGS);
            return number;
        }
        if self.guard.trusted.contains(flow.remote.ip()) { self.share.of_call_id(call_id) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PLAN, plan_of};
    use super::*;
    use crate::base::{CallId, Ids, Rng, Wall};
    use crate::exchange::Config;
    use crate::sip::Transport;

    fn request(method: &str, from: &str, call_id: &str) -> Vec<u8> {
        format!(
            "{method} sip:100@192.0.2.1 SIP/2.0\r\nFrom: \"A\" <sip:{from}@192.0.2.1>;tag=x\r\nTo: <sip:100@192.0.2.1>\r\n\
             Call-ID: {call_id}\r\n\r\n"
        )
        .into_bytes()
    }

    #[test]
    fn an_agents_second_call_is_with_the_first_one_and_its_cancel_finds_it() {
        let now = Now { mono: Instant::ZERO, wall: Wall::from_micros(0) };
        let config = Config { loopback_is_trunk: false, ..Config::default() };
        let all = Exchange::several(&config, &plan_of(PLAN), Ids::default(), Rng::from_number(1), now, 2);
        let mut first = all.into_iter().next().expect("the first");
        let address = |host: [u8; 4]| std::net::SocketAddr::from((host, 5060));
        let flow = Flow {
            transport: Transport::Udp,
            local: address([192, 0, 2, 1]),
            remote: address([192, 0, 2, 9]),
            connection: 0,
        };
        let lands = |first: &mut Exchange, method: &str, from: &str, call_id: &str| {
            first.route(now, flow, &request(method, from, call_id))
        };
        assert_eq!(lands(&mut first, "INVITE", "1001", "a"), Some(0), "a stranger's, as far as one knows");
        let agent = first.numbering.agent("1001").expect("the agent");
        assert!(first.desks.take(agent, CallId(7)));
        assert_eq!(lands(&mut first, "INVITE", "1001", "b"), Some(1), "where call 7 is");
        assert_eq!(lands(&mut first, "INVITE", "1002", "c"), Some(0));
        first.desks.release(agent, CallId(7));
        assert_eq!(lands(&mut first, "CANCEL", "1001", "b"), Some(1), "though the first call is over");
        assert_eq!(lands(&mut first, "INVITE", "1001", "d"), Some(0));
    }

    #[test]
    fn a_trunks_calls_are_shared_and_each_ones_messages_go_one_way() {
        let now = Now { mono: Instant::ZERO, wall: Wall::from_micros(0) };
        let all = Exchange::several(
            &Config::default(),
            &plan_of(PLAN),
            Ids::default(),
            Rng::from_number(1),
            now,
            3,
        );
        let mut first = all.into_iter().next().expect("the first");
        let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 5060));
        let flow = Flow { transport: Transport::Udp, local: loopback, remote: loopback, connection: 0 };
        let mut counts = [0; 3];
        for call in 0..300 {
            let id = call.to_string();
            let lands = first.route(now, flow, &request("INVITE", "13800138000", &id)).expect("let in");
            let cancel = first.route(now, flow, &request("CANCEL", "13800138000", &id));
            assert_eq!(cancel, Some(lands));
            counts[usize::from(lands)] += 1;
        }
        assert!(counts.iter().all(|count| *count > 70), "{counts:?}");
        assert_eq!(first.route(now, flow, &request("REGISTER", "1001", "r")), Some(0));
        let bye = b"BYE sip:h SIP/2.0\r\nTo: <sip:a@h>;tag=2.abc\r\nCall-ID: 1\r\n\r\n";
        assert_eq!(first.route(now, flow, bye), Some(2));
        let unknown = b"BYE sip:h SIP/2.0\r\nTo: <sip:a@h>;tag=3.abc\r\nCall-ID: 1\r\n\r\n";
        assert_eq!(first.route(now, flow, unknown), Some(0), "there is no fourth");
    }
}
