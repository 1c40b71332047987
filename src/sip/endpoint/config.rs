//! What an endpoint can be told before it starts.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::sip::{Headers, Limits, Method, Name};

use super::reliable;

/// Timers, names and limits of an [`Endpoint`](super::Endpoint). Every default is the RFC's.
#[derive(Clone, Debug)]
pub struct Config {
    /// T1, the estimated round trip (RFC 3261 §17.1.1.1): the first retransmission interval; 64 × T1 ends
    /// every wait for a peer.
    pub t1: Duration,
    /// T2, the longest retransmission interval of non-INVITE requests and INVITE responses.
    pub t2: Duration,
    /// T4, the longest a message stays in the network.
    pub t4: Duration,
    /// How long an INVITE may go without a final response after its last provisional one: ours are then
    /// cancelled (the peer's timer C, RFC 3261 §16.6). A host normally cancels long before.
    pub invite_expires: Duration,
    /// `User-Agent` and `Server`; none by default, since it tells an attacker what to try.
    pub user_agent: Option<String>,
    /// The session interval that we ask for and grant at most (RFC 4028); `None` neither asks nor offers.
    pub session_expires: Option<Duration>,
    /// The smallest session interval that we accept; RFC 4028 §4 wants at least 90 s.
    pub min_session_expires: Duration,
    /// Whether provisional responses may be reliable (RFC 3262): ours with a session description where the peer
    /// can, and every one where it requires them; the peer's always.
    pub reliable_provisional: bool,
    /// A request longer than this goes to the same address over TCP instead of UDP (RFC 3261 §18.1.1: the path's
    /// MTU less 200, or 1300), and over UDP all the same where no connection can be opened. `None` where the host
    /// has no TCP: everything goes as the host says.
    pub udp_request_limit: Option<usize>,
    /// Of one message; a longer one is dropped and counted.
    pub limits: Limits,
    /// Methods outside a dialog that reach the host as [`Event::Request`](super::Event::Request); what else
    /// is known is answered 405, what is unknown 501. INVITE, ACK, BYE, CANCEL are the endpoint's own.
    pub methods: Vec<Method>,
    /// The event packages that peers may subscribe to (RFC 6665), as [`Event::Subscribe`](super::Event::Subscribe)
    /// names them; every other one is answered 489.
    pub packages: Vec<&'static str>,
    /// What an INFO may carry, as media types without parameters; all else is answered 415. None: anything.
    pub info_kinds: Vec<&'static str>,
    /// The shortest time between two NOTIFYs of one subscription: what changes more than once meanwhile is told
    /// once, as it is then.
    pub notify_interval: Duration,
    /// The address that others reach us at, for `Via` and `Contact`, where it is not the flow's local one
    /// (a one-to-one NAT before us).
    pub advertised: Option<IpAddr>,
    /// Where several endpoints share an address: which of them this is. What it gives out says so, and
    /// [`Belonging`](crate::sip::Belonging) reads it there.
    pub number: Option<u8>,
}

impl Config {
    /// What a peer takes our local address for. An IPv4 address means nothing to a peer that came over IPv6.
    pub(super) fn advertised(&self, local: SocketAddr) -> SocketAddr {
        let same_family = |address: &IpAddr| address.is_ipv4() == local.is_ipv4();
        SocketAddr::new(self.advertised.filter(same_family).unwrap_or(local.ip()), local.port())
    }

    /// The methods that are answered with something else than 405 or 501.
    pub(super) fn allow(&self) -> String {
        let own = [Method::Options, Method::Message, Method::Refer, Method::Notify, Method::Prack];
        let mut allow =
            String::from("INVITE, ACK, CANCEL, BYE, UPDATE, INFO, OPTIONS, MESSAGE, REFER, NOTIFY");
        if self.reliable_provisional {
            allow.push_str(", PRACK");
        }
        for method in self.methods.iter().filter(|method| !own.contains(method)) {
            allow.push_str(", ");
            allow.push_str(&method.to_string());
        }
        if !self.packages.is_empty() {
            allow.push_str(", SUBSCRIBE");
        }
        allow
    }

    /// The extensions that a peer may require of us.
    pub(super) fn extensions(&self) -> impl Iterator<Item = &'static str> {
        let reliable = self.reliable_provisional.then_some(reliable::OPTION);
        ["timer", "replaces", "norefersub"].into_iter().chain(reliable)
    }

    /// `Allow` and `Supported`: in INVITE, UPDATE, their 2xx and the answer to OPTIONS.
    pub(super) fn push_abilities(&self, headers: &mut Headers) {
        headers.push(Name::Allow, self.allow());
        headers.push(Name::Supported, self.extensions().collect::<Vec<_>>().join(", "));
        if !self.packages.is_empty() {
            headers.push(Name::AllowEvents, self.packages.join(", "));
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            invite_expires: Duration::from_secs(180),
            user_agent: None,
            session_expires: Some(Duration::from_secs(600)),
            min_session_expires: Duration::from_secs(90),
            reliable_provisional: true,
            udp_request_limit: Some(1300),
            limits: Limits::default(),
            methods: vec![Method::Register, Method::Options, Method::Message],
            packages: Vec::new(),
            info_kinds: Vec::new(),
            notify_interval: Duration::from_millis(100),
            advertised: None,
            number: None,
        }
    }
}
