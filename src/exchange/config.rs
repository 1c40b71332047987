//! What the exchange is told before it starts: who may call, who may register, how much it takes on.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Pace;
use super::trunks::Trunk;
use crate::base::srtp::Encryption;
use crate::base::{Codecs, DigitWay};
use crate::sip::Transport;
use crate::sip::auth::Algorithm;
use crate::sip::events::compositor::Expiry;
use crate::{call, sip};

/// Everything that the exchange needs to know beside the dialplan.
#[derive(Clone, Debug)]
pub struct Config {
    pub sip: sip::Config,
    pub registrar: sip::registrar::Config,
    /// How phones are asked for signs of life.
    pub probes: Pace,
    pub call: call::Settings,
    pub trunks: Vec<Trunk>,
    pub accounts: Vec<Account>,
    pub security: Security,
    pub overload: Overload,
    pub subscriptions: Subscriptions,
    /// Every call from this machine's loopback addresses counts as a caller's: for a start without a
    /// configuration, when nobody else can reach us.
    pub loopback_is_trunk: bool,
    /// Where our own requests leave from where nothing better is in `listening`: a UDP address of the shell's.
    pub udp: SocketAddr,
    /// Where the shell listens, as peers see it: what Via and Contact of our own requests name.
    pub listening: Vec<(Transport, SocketAddr)>,
    /// What session descriptions name, where it is not the address that the peer reached us at (NAT).
    pub advertised: Option<IpAddr>,
    /// Whether media is encrypted, where trunk or account do not say otherwise.
    pub encryption: Encryption,
    /// The codecs of every trunk and account that says nothing else.
    pub codecs: Codecs,
    /// Keys are also given where anybody on the way can read them: over UDP, TCP and WebSockets without TLS.
    pub keys_in_clear: bool,
    /// Even ones for RTP, the odd one above each for RTCP.
    pub rtp_ports: RangeInclusive<u16>,
    /// More calls than these are refused with 503.
    pub most_calls: usize,
}

impl Config {
    /// The address of ours that a request of ours to `remote` names: of the same transport and family where we
    /// listen on such, else of the same family at least.
    pub fn local_for(&self, transport: Transport, remote: SocketAddr) -> SocketAddr {
        let family = |address: &SocketAddr| address.is_ipv4() == remote.is_ipv4();
        let mut near = self.listening.iter().filter(|(_, address)| family(address));
        let exact = near.clone().find(|(of, _)| *of == transport);
        exact.or_else(|| near.next()).map_or(self.udp, |(_, address)| *address)
    }

    /// What a peer that we reach from `local` knows us by: the address before a NAT, where it is of that family.
    pub fn address_for(&self, local: IpAddr) -> IpAddr {
        self.advertised.filter(|address| address.is_ipv4() == local.is_ipv4()).unwrap_or(local)
    }
}

/// An address, or all addresses that share its first `prefix` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub address: IpAddr,
    pub prefix: u8,
}

impl Network {
    /// `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then_some(Network { address, prefix })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |ours: u128, theirs: u128, width: u8| {
            let ignored = u32::from(width - self.prefix.min(width));
            ours.checked_shr(ignored).unwrap_or(0) == theirs.checked_shr(ignored).unwrap_or(0)
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
            _ => false,
        }
    }
}

/// A phone that signs in (RFC 3261 §22): a desk's where the plan has an agent with this extension, else a
/// caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user: String,
    pub secret: sip::auth::Secret,
    /// Whether its media is encrypted; `None` for the house's rule.
    pub encryption: Option<Encryption>,
    /// In which codecs; `None` for the house's.
    pub codecs: Option<Codecs>,
    /// How its keys are taken.
    pub digits: DigitWay,
    /// Whether it is called as a browser is.
    pub media: MediaKind,
}

/// What an account's phones speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaKind {
    /// A browser's media (WebRTC) where all its phones are registered over WebSockets, else RTP.
    #[default]
    Auto,
    /// RTP as desk phones speak it, also over WebSockets.
    Rtp,
    /// A browser's media, by whatever way its phones are registered.
    Browser,
}

/// Lamps, messages waiting and presence on desk phones (RFC 6665, RFC 3903).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriptions {
    /// Subscriptions in all; more are refused with 503.
    pub most: usize,
    /// Of one account; more are refused with 480.
    pub most_per_account: usize,
    /// Of subscriptions and publications.
    pub expiry: Expiry,
    /// The lamp of somebody who is away is on, as if they talked: most phones have no other light.
    pub away_is_busy: bool,
    /// Registered phones of agents are told of messages that wait without having asked, where they do not subscribe.
    pub unsolicited: bool,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Subscriptions {
            most: 20_000,
            // A console with sixty keys, its own box, and as many again from before its restart.
            most_per_account: 128,
            expiry: Expiry {
                default: Duration::from_secs(3600),
                min: Duration::from_secs(60),
                max: Duration::from_secs(3600),
            },
            away_is_busy: true,
            unsolicited: false,
        }
    }
}

/// Who may try how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// The protection space of every challenge (RFC 7616 §3.3).
    pub realm: String,
    /// What a challenge offers, best first (RFC 8760 §2.3); at least one.
    pub digest: Vec<Algorithm>,
    /// User-Agents, by their beginnings, whose phones fail as soon as anything but MD5 is offered.
    pub md5_only: Vec<String>,
    /// After this many failed sign-ins …
    pub failures: u32,
    /// … within this time, a source gets no answer at all …
    pub failure_window: Duration,
    /// … for this time. The same for a scanner.
    pub silence: Duration,
    /// User-Agents, by their beginnings, of programs that look for somebody to rob.
    pub scanners: Vec<String>,
    /// Requests a second from one source, after twice as many at once: from one that nobody has signed in from, from all
    /// of these together, and from one that somebody has signed in from. 0: no limit. Trunks have none.
    pub stranger_requests: u32,
    pub strangers_requests: u32,
    pub known_requests: u32,
}

/// When new calls are refused with 503, whatever else they are, so that running ones go on undisturbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overload {
    /// A message has waited for so long before anybody looked at it.
    pub queue_age: Duration,
    /// Fewer file handles than this are left: a call takes four, a stream one.
    pub files: u64,
    /// More memory than this is resident, in octets. `None`: no limit.
    pub resident: Option<u64>,
}

impl Default for Overload {
    fn default() -> Self {
        // A fifth of the time after which callers send their INVITE again (T1, RFC 3261 §17.1.1.1).
        Overload { queue_age: Duration::from_millis(100), files: 128, resident: None }
    }
}

/// What calls itself so has no honest use here; whoever forges another name meets the other limits.
const SCANNERS: [&str; 12] = [
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipsak",
    "sundayddr",
    "iwar",
    "pplsip",
    "VaxSIPUserAgent",
    "vaxasip",
    "eyeBeam release 3006o",
];

impl Default for Security {
    fn default() -> Self {
        Security {
            realm: "hotline".to_owned(),
            digest: vec![Algorithm::Sha256, Algorithm::Md5],
            md5_only: ["baresip v0", "baresip v1"].map(str::to_owned).to_vec(),
            failures: 5,
            failure_window: Duration::from_secs(30),
            silence: Duration::from_secs(300),
            scanners: SCANNERS.map(str::to_owned).to_vec(),
            stranger_requests: 100,
            strangers_requests: 2000,
            known_requests: 2000,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            sip: sip::Config::default(),
            registrar: sip::registrar::Config::default(),
            probes: Pace::default(),
            call: call::Settings::default(),
            trunks: Vec::new(),
            accounts: Vec::new(),
            security: Security::default(),
            overload: Overload::default(),
            subscriptions: Subscriptions::default(),
            loopback_is_trunk: true,
            udp: SocketAddr::from(([127, 0, 0, 1], 5060)),
            listening: Vec::new(),
            advertised: None,
            encryption: Encryption::Optional,
            keys_in_clear: false,
            codecs: Codecs::default(),
            rtp_ports: 20_000..=29_999,
            most_calls: 2_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_own_addresses_only() {
        let inside = |network: &str, address: &str| {
            Network::parse(network).is_some_and(|n| n.contains(address.parse().unwrap()))
        };
        assert!(inside("192.0.2.0/24", "192.0.2.200"));
        assert!(!inside("192.0.2.0/24", "192.0.3.1"));
        assert!(inside("192.0.2.7", "192.0.2.7"));
        assert!(!inside("192.0.2.7", "192.0.2.6"));
        assert!(inside("0.0.0.0/0", "203.0.113.9"));
        assert!(!inside("0.0.0.0/0", "2001:db8::1"));
        assert!(inside("2001:db8::/32", "2001:db8:1::1"));
        assert!(inside("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert_eq!(Network::parse("192.0.2.0/33"), None);
        assert_eq!(Network::parse("carrier"), None);
    }
}
