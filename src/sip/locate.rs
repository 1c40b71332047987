//! Where a URI leads: transport, addresses and ports, in the order in which they are tried (RFC 3263).
//!
//! A function over what is known: [`locate`] reads a [`Cache`] of DNS answers and gives either the targets or the
//! questions that are still to be asked. The host asks them, hands the answers to [`Cache::learn`], and calls again;
//! after three rounds at most (NAPTR, SRV, addresses) nothing is left to ask.
//!
//! ```text
//!   numeric host ------------------------------------------------------> target      §4.1, §4.2: no DNS
//!   host:port   -------------------------------------> A, AAAA --------> targets
//!   host;transport=…  ----------> SRV _service._proto --> A, AAAA -----> targets     §4.2: priority, weight
//!   host        --> NAPTR ------> SRV of the best service                            §4.1
//!                     | none
//!                     +---------> SRV of each transport of ours; none --> A, AAAA of the host
//! ```
//!
//! What fails counts as "no such record": the next best way is tried, as where nothing was published at all.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Host, Scheme, Transport, Uri};
use crate::base::{Instant, Rng};

/// An answer is remembered for no less than this, whatever its TTL: all rounds of one search see the same answers,
/// and a name that cannot be found is not asked for with every call.
const FLOOR: Duration = Duration::from_secs(15);
/// … and for no longer.
const CEILING: Duration = Duration::from_secs(3600);
/// Answers that are remembered; past it the one that ends first is forgotten.
const MOST_ANSWERS: usize = 1024;
/// Records of one answer that are read: a hostile zone does not make us try thousands of addresses.
const MOST_RECORDS: usize = 32;

/// Somewhere to send a request to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Target {
    pub transport: Transport,
    pub address: SocketAddr,
}

/// A question to the DNS. The name is in lower case and has no dot at its end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Question {
    pub kind: Kind,
    pub name: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Naptr,
    Srv,
    A,
    Aaaa,
}

/// One record of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// RFC 3403 §4.1. `replacement` is what the flag `s` leads to: the name of SRV records.
    Naptr {
        order: u16,
        preference: u16,
        flags: String,
        service: String,
        replacement: String,
    },
    /// RFC 2782.
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        target: String,
    },
    Address(IpAddr),
}

/// The answer to a [`Question`]; no record where there is none, or where nobody answered.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Answer {
    pub records: Vec<Record>,
    pub ttl: Duration,
}

/// What the DNS said lately.
#[derive(Debug, Default)]
pub struct Cache {
    answers: BTreeMap<Question, (Instant, Vec<Record>)>,
}

impl Cache {
    pub fn learn(&mut self, now: Instant, question: Question, answer: Answer) {
        self.answers.retain(|_, (until, _)| *until > now);
        if self.answers.len() >= MOST_ANSWERS
            && let Some(first) =
                self.answers.iter().min_by_key(|(_, (until, _))| *until).map(|(q, _)| q.clone())
        {
            self.answers.remove(&first);
        }
        let mut records = answer.records;
        records.truncate(MOST_RECORDS);
        self.answers.insert(question, (now + answer.ttl.clamp(FLOOR, CEILING), records));
    }

    /// `None`: not asked, or too long ago.
    fn get(&self, now: Instant, question: &Question) -> Option<&[Record]> {
        self.answers.get(question).filter(|(until, _)| *until > now).map(|(_, records)| records.as_slice())
    }
}

/// What we can do.
#[derive(Clone, Copy, Debug)]
pub struct Abilities<'a> {
    /// The transports that we speak, best first where a peer leaves the choice to us.
    pub transports: &'a [Transport],
    pub ipv4: bool,
    pub ipv6: bool,
}

/// Where to send a request to `uri`, the first to be tried first (RFC 3263 §4); empty where it leads nowhere. Among
/// SRV records of one priority chance decides, by weight (RFC 2782): draw anew for each request. An error are the
/// questions that have to be answered before.
pub fn locate(
    uri: &Uri,
    abilities: Abilities<'_>,
    cache: &Cache,
    now: Instant,
    rng: &mut Rng,
) -> Result<Vec<Target>, Vec<Question>> {
    let mut search = Search { abilities, cache, now, rng, missing: Vec::new() };
    let targets = search.targets(uri);
    if search.missing.is_empty() { Ok(targets) } else { Err(search.missing) }
}

struct Search<'a> {
    abilities: Abilities<'a>,
    cache: &'a Cache,
    now: Instant,
    rng: &'a mut Rng,
    /// What would have to be known.
    missing: Vec<Question>,
}

impl Search<'_> {
    fn targets(&mut self, uri: &Uri) -> Vec<Target> {
        let secure = uri.scheme() == Scheme::Sips;
        // RFC 3261 §19.1.1: `maddr` goes before the host.
        let maddr = uri.params().get("maddr").and_then(|value| str::from_utf8(value).ok()).map(str::to_owned);
        let host = maddr.unwrap_or_else(|| match uri.host() {
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name.to_owned(),
        });
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        // A transport that is named and not ours leads nowhere.
        let named = uri.params().get("transport").is_some();
        let asked = match uri.transport() {
            // `sips` with `tcp` is TLS over TCP (RFC 3261 §26.2.2).
            Some(Transport::Tcp) if secure => Some(Transport::Tls),
            Some(Transport::Ws) if secure => Some(Transport::Wss),
            other => other,
        };
        if asked.is_none() && named || asked.is_some_and(|asked| !self.speaks(asked)) {
            return Vec::new();
        }
        let usual = if secure { Transport::Tls } else { Transport::Udp };
        if let Ok(ip) = host.parse::<IpAddr>() {
            let transport = asked.unwrap_or(usual);
            let port = uri.port().unwrap_or(transport.default_port());
            let reachable = self.speaks(transport)
                && if ip.is_ipv4() { self.abilities.ipv4 } else { self.abilities.ipv6 };
            return reachable
                .then(|| Target { transport, address: SocketAddr::new(ip, port) })
                .into_iter()
                .collect();
        }
        if let Some(port) = uri.port() {
            return self.at(asked.unwrap_or(usual), &host, port);
        }
        let services = match asked {
            Some(transport) => vec![(transport, service_name(transport, secure, &host))],
            None => match self.services(&host, secure) {
                Some(services) => services,
                None => return Vec::new(),
            },
        };
        for (transport, name) in services {
            match self.service(transport, &name) {
                Some(targets) if targets.is_empty() && self.missing.is_empty() => {}
                Some(targets) => return targets,
                None => return Vec::new(),
            }
        }
        let transport = asked.unwrap_or(usual);
        self.at(transport, &host, transport.default_port())
    }

    /// §4.1: the names of SRV records in the order in which they are looked at. `None`: not known yet.
    fn services(&mut self, host: &str, secure: bool) -> Option<Vec<(Transport, String)>> {
        let records = self.known(Kind::Naptr, host)?;
        let mut found: Vec<(u16, u16, Transport, String)> = Vec::new();
        for record in records {
            let Record::Naptr { order, preference, flags, service, replacement } = record else { continue };
            let transport = naptr_transport(&service).filter(|transport| self.speaks(*transport));
            // A SIPS URI is never sent over a transport without TLS (§4.1).
            let fits = transport.is_some_and(|transport| !secure || transport.is_secure());
            if let (Some(transport), true, true) = (transport, fits, flags.eq_ignore_ascii_case("s")) {
                found.push((order, preference, transport, tidy(&replacement)));
            }
        }
        found.sort();
        if !found.is_empty() {
            return Some(found.into_iter().map(|(_, _, transport, name)| (transport, name)).collect());
        }
        let ours = self.abilities.transports.iter().copied();
        let ours = ours
            .filter(|transport| if secure { *transport == Transport::Tls } else { !transport.is_secure() });
        // WebSockets are found by URIs with `transport=ws` only (RFC 7118 §5.3).
        let ours = ours.filter(|transport| !matches!(transport, Transport::Ws | Transport::Wss));
        Some(ours.map(|transport| (transport, service_name(transport, secure, host))).collect())
    }

    /// §4.2: the targets of SRV records. `None`: not known yet.
    fn service(&mut self, transport: Transport, name: &str) -> Option<Vec<Target>> {
        let mut records: Vec<(u16, u16, u16, String)> = self
            .known(Kind::Srv, name)?
            .into_iter()
            .filter_map(|record| match record {
                // A target of "." says that the service is decidedly not there (RFC 2782).
                Record::Srv { priority, weight, port, target } if !tidy(&target).is_empty() => {
                    Some((priority, weight, port, tidy(&target)))
                }
                _ => None,
            })
            .collect();
        records.sort();
        let mut targets = Vec::new();
        while let Some((priority, ..)) = records.first() {
            let priority = *priority;
            let mut equal: Vec<_> = records.extract_if(.., |record| record.0 == priority).collect();
            while !equal.is_empty() {
                let chosen = equal.remove(self.draw(&equal));
                targets.extend(self.at(transport, &chosen.3, chosen.2));
            }
        }
        Some(targets)
    }

    /// RFC 2782: by weight. Those without weight come first in the list, so that they have a small chance too.
    fn draw(&mut self, equal: &[(u16, u16, u16, String)]) -> usize {
        let sum: u64 = equal.iter().map(|record| u64::from(record.1)).sum();
        let drawn = self.rng.below(sum + 1);
        let mut running = 0;
        equal
            .iter()
            .position(|record| {
                running += u64::from(record.1);
                running >= drawn
            })
            .unwrap_or(0)
    }

    /// The addresses of a host.
    fn at(&mut self, transport: Transport, host: &str, port: u16) -> Vec<Target> {
        if !self.speaks(transport) {
            return Vec::new();
        }
        let mut targets = Vec::new();
        let kinds = [(Kind::Aaaa, self.abilities.ipv6), (Kind::A, self.abilities.ipv4)];
        for (kind, _) in kinds.into_iter().filter(|(_, able)| *able) {
            for record in self.known(kind, host).unwrap_or_default() {
                if let Record::Address(ip) = record {
                    targets.push(Target { transport, address: SocketAddr::new(ip, port) });
                }
            }
        }
        targets
    }

    fn known(&mut self, kind: Kind, name: &str) -> Option<Vec<Record>> {
        let question = Question { kind, name: name.to_owned() };
        let known = self.cache.get(self.now, &question).map(<[Record]>::to_vec);
        if known.is_none() && !self.missing.contains(&question) {
            self.missing.push(question);
        }
        known
    }

    fn speaks(&self, transport: Transport) -> bool {
        self.abilities.transports.contains(&transport)
    }
}

/// RFC 3263 §4.1, RFC 7118 §5.3.
fn naptr_transport(service: &str) -> Option<Transport> {
    let services = [
        ("SIP+D2U", Transport::Udp),
        ("SIP+D2T", Transport::Tcp),
        ("SIPS+D2T", Transport::Tls),
        ("SIP+D2W", Transport::Ws),
        ("SIPS+D2W", Transport::Wss),
    ];
    services.into_iter().find(|(name, _)| service.eq_ignore_ascii_case(name)).map(|(_, transport)| transport)
}

fn service_name(transport: Transport, secure: bool, host: &str) -> String {
    let prefix = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp if secure => "_sips._tcp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        Transport::Ws => "_sip._ws",
        Transport::Wss => "_sips._ws",
    };
    format!("{prefix}.{host}")
}

fn tidy(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
