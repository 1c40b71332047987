//! Whom we listen to at all: looked at before anything of a datagram or a stream is read.

use std::net::IpAddr;

use crate::exchange::Network;

/// `deny` goes before `allow`; an empty `allow` admits everybody else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLists {
    pub allow: Vec<Network>,
    pub deny: Vec<Network>,
}

impl AccessLists {
    pub fn admits(&self, address: IpAddr) -> bool {
        let within = |list: &[Network]| list.iter().any(|network| network.contains(address));
        !within(&self.deny) && (self.allow.is_empty() || within(&self.allow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deny_goes_before_allow_and_no_list_admits_all() {
        let networks = |list: &[&str]| list.iter().map(|text| Network::parse(text).unwrap()).collect();
        let lists =
            |allow: &[&str], deny: &[&str]| AccessLists { allow: networks(allow), deny: networks(deny) };
        let admits = |lists: &AccessLists, address: &str| lists.admits(address.parse().unwrap());
        assert!(admits(&lists(&[], &[]), "203.0.113.9"));
        let shut_out = lists(&[], &["203.0.113.0/24", "2001:db8:bad::/48"]);
        assert!(!admits(&shut_out, "203.0.113.9") && !admits(&shut_out, "2001:db8:bad::1"));
        assert!(!admits(&shut_out, "::ffff:203.0.113.9"), "the same host by its mapped address");
        assert!(admits(&shut_out, "203.0.112.9"));
        let house = lists(&["192.0.2.0/24"], &["192.0.2.66"]);
        assert!(admits(&house, "192.0.2.1"));
        assert!(!admits(&house, "192.0.2.66") && !admits(&house, "198.51.100.1"));
    }
}
