//! What the shell runs with. Every part owns its own `Config`; this only puts them side by side.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::{exchange, media};

use super::prompts::Levels;
use super::{boxes, calendars, dialplans, dns, logging, post, recorder, trace, transport, web, workers};

/// Everything that can be set, complete and checked. `Default` is what a bare start uses.
#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: transport::Config,
    pub web: web::Config,
    pub exchange: exchange::Config,
    /// So many exchanges share the calls, each in a thread of its own; from 1 to [`exchanges::MOST`].
    pub exchanges: u8,
    /// Their threads ask for a real-time priority, where there is more than one core.
    pub real_time: bool,
    pub media: media::Config,
    pub workers: workers::Config,
    /// Whether browsers' media is taken.
    pub browsers: bool,
    pub recording: recorder::Config,
    pub post: post::Config,
    /// Of message boxes, by extension.
    pub pins: boxes::Pins,
    pub calendars: calendars::Config,
    pub dns: dns::Config,
    pub log: logging::Config,
    pub trace: trace::Config,
    pub hep: trace::hep::Config,
    /// Where state lies; `None` for the folder that the XDG base directory specification gives.
    pub state: Option<PathBuf>,
    pub dialplans: dialplans::Config,
    /// Prompts that are laid over the embedded ones.
    pub prompts: Option<PathBuf>,
    /// How loud they are heard.
    pub levels: Levels,
    pub drain: Drain,
    /// No configuration file was given: the plan's agents get generated passwords, and while the daemon
    /// listens on loopback only, loopback is the callers' trunk.
    pub bare: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listen: transport::Config::default(),
            web: web::Config::default(),
            exchange: exchange::Config::default(),
            exchanges: 1,
            real_time: true,
            media: media::Config::default(),
            workers: workers::Config::default(),
            browsers: true,
            recording: recorder::Config::default(),
            post: post::Config::default(),
            pins: boxes::Pins::new(),
            calendars: calendars::Config::default(),
            dns: dns::Config::default(),
            log: logging::Config::default(),
            trace: trace::Config::default(),
            hep: trace::hep::Config::default(),
            state: None,
            dialplans: dialplans::Config::default(),
            prompts: None,
            levels: Levels::default(),
            drain: Drain::default(),
            bare: true,
        }
    }
}

impl Settings {
    /// Whether nobody outside this machine can reach the daemon.
    pub fn loopback_only(&self) -> bool {
        self.listening().all(|address| address.is_loopback())
    }

    /// The address that RTP is bound to.
    pub fn rtp_address(&self) -> IpAddr {
        if let Some(set) = self.workers.address {
            return set;
        }
        let mut listening = self.listening();
        match listening.next() {
            // One address of ours: RTP leaves from the one that the peer talks to.
            Some(first) if listening.all(|other| other == first) => first,
            _ if self.listening().any(|address| address.is_ipv6()) => Ipv6Addr::UNSPECIFIED.into(),
            _ => Ipv4Addr::UNSPECIFIED.into(),
        }
    }

    fn listening(&self) -> impl Iterator<Item = IpAddr> {
        self.listen.addresses().map(|(_, address)| address.ip())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long running calls may go on after the first signal to stop.
    pub limit: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Drain { limit: Duration::from_secs(600) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtp_is_bound_to_the_one_address_or_to_all() {
        let rtp = |udp: &[&str]| {
            let mut settings = Settings::default();
            settings.listen.udp = udp.iter().map(|text| text.parse().unwrap()).collect();
            settings.listen.tcp = Vec::new();
            settings.rtp_address().to_string()
        };
        assert_eq!(rtp(&["127.0.0.9:5060", "127.0.0.9:5070"]), "127.0.0.9");
        assert_eq!(rtp(&["127.0.0.1:5060", "192.0.2.1:5060"]), "0.0.0.0");
        assert_eq!(rtp(&["0.0.0.0:5060"]), "0.0.0.0");
        assert_eq!(rtp(&["127.0.0.1:5060", "[::1]:5060"]), "::");
    }
}
