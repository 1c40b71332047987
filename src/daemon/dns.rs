//! The DNS for the exchange: its questions go to a resolver on the same runtime, the answers come back by the inbox.
//! What fails is answered too, without records: the exchange waits for every question that it asked.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};

use super::failure::Failure;
use super::inbox::{Inbox, Report};
use crate::sip::locate::{Answer, Kind, Question, Record};

/// A server that takes longer has not answered; another attempt is made.
const ATTEMPT: Duration = Duration::from_millis(1500);
const ATTEMPTS: usize = 2;
/// After this a question is answered with nothing, whatever the resolver does.
const LIMIT: Duration = Duration::from_secs(4);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The servers to ask, in order; none for those of the system (`/etc/resolv.conf`).
    pub servers: Vec<SocketAddr>,
}

/// Asks, and lets the inbox have the answers.
pub struct Dns {
    /// `None` where the system names no server: then nothing is ever found.
    resolver: Option<TokioResolver>,
    inbox: Inbox<Report>,
}

impl Dns {
    /// Asks nobody yet. Errors where the configured servers cannot be used.
    pub fn new(config: &Config, inbox: Inbox<Report>) -> Result<Dns, Failure> {
        let broken =
            |error: &dyn std::fmt::Display| Failure::Other(format!("the DNS cannot be asked: {error}"));
        let mut builder = if config.servers.is_empty() {
            match TokioResolver::builder_tokio() {
                Ok(builder) => builder,
                Err(error) => {
                    tracing::warn!(%error, "no DNS server is known: host names cannot be found");
                    return Ok(Dns { resolver: None, inbox });
                }
            }
        } else {
            let servers = config.servers.iter().map(server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        (options.timeout, options.attempts) = (ATTEMPT, ATTEMPTS);
        // The exchange remembers what it was told, and for how long.
        options.cache_size = 0;
        let resolver = builder.build().map_err(|error| broken(&error))?;
        Ok(Dns { resolver: Some(resolver), inbox })
    }

    /// The answer comes as [`Report::Resolved`], in a few seconds at most.
    pub fn ask(&self, question: Question) {
        let (resolver, inbox) = (self.resolver.clone(), self.inbox.clone());
        tokio::spawn(async move {
            let answer = match &resolver {
                Some(resolver) => {
                    tokio::time::timeout(LIMIT, look_up(resolver, &question)).await.unwrap_or_default()
                }
                None => Answer::default(),
            };
            tracing::debug!(kind = ?question.kind, name = question.name, records = answer.records.len(), "asked the DNS");
            // The driver empties the inbox on this very thread: waiting for it here would be for ever.
            let mut report = Report::Resolved { question, answer };
            while let Err(returned) = inbox.push(report) {
                report = returned;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let at = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

async fn look_up(resolver: &TokioResolver, question: &Question) -> Answer {
    let kind = match question.kind {
        Kind::Naptr => RecordType::NAPTR,
        Kind::Srv => RecordType::SRV,
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
    };
    // With a dot at its end a name is complete: nothing is tried behind it.
    let found = match resolver.lookup(format!("{}.", question.name), kind).await {
        Ok(found) => found,
        Err(error) if error.is_no_records_found() => return Answer::default(),
        Err(error) => {
            tracing::warn!(kind = ?question.kind, name = question.name, %error, "the DNS does not answer");
            return Answer::default();
        }
    };
    let ttl = found.answers().iter().map(|record| record.ttl).min().unwrap_or(0);
    let records = found.answers().iter().filter_map(|record| read(&record.data)).collect();
    Answer { records, ttl: Duration::from_secs(ttl.into()) }
}

fn read(data: &RData) -> Option<Record> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match data {
        RData::A(address) => Some(Record::Address(address.0.into())),
        RData::AAAA(address) => Some(Record::Address(address.0.into())),
        RData::SRV(srv) => Some(Record::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_ascii(),
        }),
        RData::NAPTR(naptr) => Some(Record::Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            service: text(&naptr.services),
            replacement: naptr.replacement.to_ascii(),
        }),
        _ => None,
    }
}
