//! From what was written of trunks and the DNS to what is meant.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::daemon::dns;
use crate::dialplan::Pattern;
use crate::exchange::{Limits, Network, Outbound, Register, Rewrite, Rule, Trunk};
use crate::sip::auth::Credentials;
use crate::sip::{Scheme, Uri};

use super::meant::Reader;
use super::written;

/// The port of a name server (RFC 1035 §4.2).
const DNS_PORT: u16 = 53;

impl Reader<'_> {
    pub(super) fn dns(&mut self, written: &written::Dns) -> dns::Config {
        let servers = self.each("dns.servers", &written.servers, |text| {
            let plain = || text.trim_matches(['[', ']']).parse().ok().map(|ip| SocketAddr::new(ip, DNS_PORT));
            text.parse().ok().or_else(plain).ok_or("not an address (192.0.2.53 or 192.0.2.53:53)")
        });
        dns::Config { servers }
    }

    pub(super) fn trunks(&mut self, written: &BTreeMap<String, written::Trunk>) -> Vec<Trunk> {
        written.iter().map(|(name, trunk)| self.trunk(name, trunk)).collect()
    }

    fn trunk(&mut self, name: &str, trunk: &written::Trunk) -> Trunk {
        let setting = format!("trunk.{name}");
        let of = |key: &str| format!("{setting}.{key}");
        let networks = self.each(&of("addresses"), &trunk.addresses, |text| {
            Network::parse(text).ok_or("neither an address nor a network (192.0.2.0/24)")
        });
        if trunk.user.is_empty() != trunk.password.expose().is_empty() {
            self.mistake(&setting, "user and password belong together");
        }
        if trunk.auth_user.is_empty() != trunk.auth_password.expose().is_empty() {
            self.mistake(&setting, "auth_user and auth_password belong together");
        }
        let server = self.sip_uri(&of("server"), &trunk.server);
        let address = self.sip_uri(&of("register"), &trunk.register);
        if address.as_ref().is_some_and(|address| address.user().is_none()) {
            self.mistake(&of("register"), "names no user: write sip:USER@carrier.example");
        }
        let expires = self.at_least(&of("register_expires_s"), trunk.register_expires_s, 60);
        if trunk.addresses.0.is_empty() && trunk.user.is_empty() && address.is_none() && server.is_none() {
            self.mistake(
                &setting,
                "a trunk is recognised by addresses, or by user and password, or is reached at a server: it has none",
            );
        }
        let numbers = self.each(&of("outbound"), &trunk.outbound, Pattern::parse_telephone);
        if !numbers.is_empty() && server.is_none() && address.is_none() {
            self.mistake(&of("outbound"), "calls to the outside need a server to go to");
        }
        let outbound = Outbound {
            numbers,
            rewrite: self.rewrite(&of("outbound_rewrite"), &trunk.outbound_rewrite),
            caller_id: trunk.caller_id.clone(),
            rank: trunk.outbound_rank,
        };
        let login = (!trunk.auth_user.is_empty())
            .then(|| Credentials { user: trunk.auth_user.clone(), password: trunk.auth_password.clone() });
        Trunk {
            name: name.to_owned(),
            networks,
            credentials: (!trunk.user.is_empty()).then(|| (trunk.user.clone(), trunk.password.clone())),
            numbers: trunk.numbers.0.clone(),
            server,
            register: address.map(|address| Register { address, expires: Duration::from_secs(expires) }),
            login,
            trusted: trunk.trusted,
            rewrite: self.rewrite(&of("rewrite"), &trunk.rewrite),
            outbound,
            limits: Limits { calls: trunk.most_calls, calls_per_second: trunk.most_calls_per_s },
            encryption: self.encryption(&of("srtp"), &trunk.srtp),
            codecs: self.codecs(&of("codecs"), &trunk.codecs),
            digits: trunk.digits,
            probe_every: Duration::from_secs(trunk.probe_s),
        }
    }

    fn rewrite(&mut self, setting: &str, written: &[written::Rewrite]) -> Rewrite {
        let mut rules = Vec::new();
        for rule in written {
            if !rule.put.bytes().all(|b| b.is_ascii_digit() || b == b'+') {
                self.mistake(
                    setting,
                    format!("{:?} is put before a number and holds more than digits", rule.put),
                );
            }
            match Pattern::parse_telephone(&rule.number) {
                Ok(fits) => rules.push(Rule { fits, strip: rule.strip, put: rule.put.clone() }),
                Err(reason) => self.mistake(setting, format!("{:?}: {reason}", rule.number)),
            }
        }
        Rewrite(rules)
    }

    fn sip_uri(&mut self, setting: &str, text: &str) -> Option<Uri> {
        if text.is_empty() {
            return None;
        }
        let uri = Uri::parse(text).ok().filter(|uri| matches!(uri.scheme(), Scheme::Sip | Scheme::Sips));
        if uri.is_none() {
            self.mistake(
                setting,
                "not a SIP URI (sip:carrier.example, sip:user@192.0.2.1:5060;transport=tcp)",
            );
        }
        uri
    }
}
