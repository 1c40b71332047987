//! How a peer's media is to be: encrypted or not, and in which codecs, as the settings say of its trunk or desk and its
//! way to us allows.

use super::Exchange;
use crate::base::ice::Certificate;
use crate::base::srtp::Encryption;
use crate::base::{Codecs, DigitWay};
use crate::call::{Browser, Towards};
use crate::exchange::{Account, Config, MediaKind, Trunk};
use crate::sip::{Flow, Transport};

impl Config {
    /// `set` is what its trunk or account says; without that the house's rule holds. Keys stand in the session
    /// description (RFC 4568 §7.1.1): over a transport that anybody on the way can read, what is optional is left.
    fn encryption_for(&self, set: Option<Encryption>, confidential: bool) -> Encryption {
        match set.unwrap_or(self.encryption) {
            Encryption::Optional if !confidential && !self.keys_in_clear => Encryption::Off,
            encryption => encryption,
        }
    }
}

impl Config {
    /// What the administrator should know: audio that must be encrypted, by keys that somebody on the way can read.
    /// `open`: we also listen on transports that are not encrypted.
    pub fn readable_keys(&self, open: bool) -> Option<String> {
        let must = |set: Option<Encryption>| set.unwrap_or(self.encryption) == Encryption::Mandatory;
        let trunks = self.trunks.iter().filter(|trunk| must(trunk.encryption));
        let trunks = trunks.filter(|trunk| match trunk.destination() {
            Some(uri) => !is_confidential(uri.carrier()),
            None => open,
        });
        let accounts = self.accounts.iter().filter(|account| open && must(account.encryption));
        let names: Vec<_> = trunks
            .map(|trunk| format!("trunk.{}", trunk.name))
            .chain(accounts.map(|account| format!("account.{}", account.user)))
            .collect();
        let names = names.join(", ");
        let advice = "let them come over TLS only ([listen] tls), or see to it that nobody reads the way";
        (!names.is_empty()).then(|| {
            format!("srtp is mandatory and its keys can cross the net unencrypted: {names}; {advice}")
        })
    }
}

impl Exchange {
    /// A caller who came over `flow`: from this trunk, or as this account.
    pub(super) fn towards_caller(&self, flow: Flow, trunk: Option<&Trunk>, account: &str) -> Towards {
        let account = self.account(account).filter(|_| trunk.is_none());
        let (encryption, codecs, digits) = match trunk {
            Some(trunk) => (trunk.encryption, trunk.codecs, trunk.digits),
            None => of_account(account),
        };
        // Only who has signed in: a handshake costs more than a call.
        let may = account.is_some_and(|account| account.media != MediaKind::Rtp) && self.takes_browsers();
        Towards {
            address: self.config.address_for(flow.local.ip()),
            encryption: self.config.encryption_for(encryption, is_confidential(flow.transport)),
            codecs: codecs.unwrap_or(self.config.codecs),
            digits,
            browser: if may { Browser::May } else { Browser::No },
        }
    }

    /// A desk, all of whose phones get one SDP offer; `via` leads to the best of them.
    pub(super) fn towards_desk(&self, extension: &str, via: Flow) -> Towards {
        let phones = self.phones_of(extension);
        let mut ways = phones.iter().flat_map(|phone| &phone.ways);
        let confidential = ways.all(|way| is_confidential(way.via.transport));
        let account = self.account(extension);
        let (encryption, codecs, digits) = of_account(account);
        // Scripts in browsers have no other transport, and nobody else has a reason for it (RFC 7118 §1).
        let mut ways = phones.iter().flat_map(|phone| &phone.ways);
        let is_browser = match account.map_or(MediaKind::Rtp, |account| account.media) {
            MediaKind::Auto => !phones.is_empty() && ways.all(|way| is_websocket(way.via.transport)),
            MediaKind::Rtp => false,
            MediaKind::Browser => true,
        };
        Towards {
            address: self.config.address_for(via.local.ip()),
            encryption: self.config.encryption_for(encryption, confidential),
            codecs: codecs.unwrap_or(self.config.codecs),
            digits,
            browser: match is_browser && self.takes_browsers() {
                true => Browser::Is(Certificate::First),
                false => Browser::No,
            },
        }
    }

    /// A call to the outside. A trunk whose name may lead anywhere counts as readable.
    pub(super) fn towards_trunk(&self, trunk: &Trunk, address: std::net::IpAddr) -> Towards {
        let confidential = trunk.destination().is_some_and(|uri| is_confidential(uri.carrier()));
        Towards {
            address,
            encryption: self.config.encryption_for(trunk.encryption, confidential),
            codecs: trunk.codecs.unwrap_or(self.config.codecs),
            digits: trunk.digits,
            browser: Browser::No,
        }
    }

    fn takes_browsers(&self) -> bool {
        self.config.call.certificates.is_some()
    }

    fn account(&self, user: &str) -> Option<&Account> {
        self.config.accounts.iter().find(|account| account.user == user)
    }
}

fn of_account(account: Option<&Account>) -> (Option<Encryption>, Option<Codecs>, DigitWay) {
    account
        .map_or((None, None, DigitWay::Auto), |account| (account.encryption, account.codecs, account.digits))
}

fn is_websocket(transport: Transport) -> bool {
    matches!(transport, Transport::Ws | Transport::Wss)
}

fn is_confidential(transport: Transport) -> bool {
    matches!(transport, Transport::Tls | Transport::Wss)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Encryption::{Mandatory, Off, Optional};

    #[test]
    fn readable_signalling_takes_the_optional_away_and_never_the_mandatory() {
        let rule = |house, keys_in_clear, set, confidential| {
            Config { encryption: house, keys_in_clear, ..Config::default() }.encryption_for(set, confidential)
        };
        assert_eq!(rule(Optional, false, None, true), Optional);
        assert_eq!(rule(Optional, false, None, false), Off);
        assert_eq!(rule(Optional, true, None, false), Optional);
        assert_eq!(rule(Optional, false, Some(Mandatory), false), Mandatory);
        assert_eq!(rule(Mandatory, false, Some(Off), true), Off);
        assert_eq!(rule(Off, false, Some(Optional), false), Off);
        assert_eq!(rule(Off, true, None, true), Off);
    }

    #[test]
    fn keys_that_can_be_read_are_warned_of() {
        let trunk = |server: &str, encryption| Trunk {
            name: "carrier".to_owned(),
            server: Some(crate::sip::Uri::parse(server).expect("a URI")),
            encryption,
            ..Trunk::default()
        };
        let warned = |trunk, open| {
            let config = Config { trunks: vec![trunk], ..Config::default() };
            config.readable_keys(open)
        };
        let tls = "sip:192.0.2.1;transport=tls";
        assert_eq!(warned(trunk(tls, Some(Mandatory)), true), None);
        assert_eq!(warned(trunk("sip:192.0.2.1", Some(Optional)), true), None);
        let warning = warned(trunk("sip:192.0.2.1", Some(Mandatory)), true).expect("a warning");
        assert!(warning.contains("trunk.carrier"), "{warning}");
        let callers = Trunk { server: None, ..trunk(tls, Some(Mandatory)) };
        assert!(warned(callers.clone(), true).is_some());
        assert_eq!(warned(callers, false), None);
    }
}
