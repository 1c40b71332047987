//! The sieve before everything: what is not worth reading is dropped unread, by what can be seen of it in passing.
//!
//! ```text
//!   a message -> Glance -> responses, keep-alives ----------------------------------> pass
//!                  |       from a trunk's network: all but a silent user's ---------> pass
//!                  |       a scanner's User-Agent -> a stream's source falls silent -> drop
//!                  |       a silent source, outside a dialog -----------------------> drop
//!                  |       a silent user's credentials -----------------------------> drop
//!                  +-----> too many for one source, or from all strangers together -> drop
//! ```
//!
//! Memory is bounded whoever comes: strangers' meters lie in a table of fixed size, by a hash that nobody outside can
//! aim at, so that a flood of forged addresses evicts nothing; it fills slots that others share, but neither those of
//! known sources nor the trunks.

mod offenders;
mod rate;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

pub(super) use self::offenders::{Offenders, Silenced, Source};
pub(super) use self::rate::{Meter, Pace};

use self::offenders::keyed;
use super::{Config, Network, Security};
use crate::base::{Instant, Rng};
use crate::sip::{Flow, Glance, Transport};

/// Meters of strangers: 64 KiB.
const SLOTS: usize = 8192;
/// Meters of known sources; at most as many as there are known ones, and cleared when they outgrow it.
const MOST_KNOWN: usize = 16_384;
/// Lines of the log about refusals and silences in a second: an attack must not fill the disk.
const LOG_LINES: u32 = 20;

/// What the exchange believes of where a message comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// A trunk's network: its callers are many and its User-Agents are theirs.
    Trunk,
    /// Somebody there has signed in lately.
    Known,
    Stranger,
}

pub(super) struct Guard {
    scanners: Vec<String>,
    pub(super) trusted: Trusted,
    strangers: Vec<Meter>,
    known: BTreeMap<Source, Meter>,
    all_strangers: Meter,
    log: Meter,
    paces: Paces,
    seed: u64,
    dropped: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Copy)]
struct Paces {
    stranger: Option<Pace>,
    strangers: Option<Pace>,
    known: Option<Pace>,
}

/// Where trunks are.
#[derive(Clone, Debug, Default)]
pub(super) struct Trusted {
    networks: Vec<Network>,
    /// Addresses that the names of trunks led to.
    found: BTreeSet<IpAddr>,
    loopback: bool,
}

impl Trusted {
    pub fn new(config: &Config) -> Self {
        let networks = config.trunks.iter().flat_map(|trunk| trunk.networks.iter().copied()).collect();
        Trusted { networks, found: BTreeSet::new(), loopback: config.loopback_is_trunk }
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        self.loopback && address.to_canonical().is_loopback()
            || self.found.contains(&address.to_canonical())
            || self.networks.iter().any(|network| network.contains(address))
    }

    /// From now on also these addresses, and none that were found before.
    pub fn find(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.found = addresses.into_iter().map(|address| address.to_canonical()).collect();
    }
}

impl Guard {
    pub(super) fn new(config: &Config, rng: &mut Rng) -> Self {
        Guard {
            scanners: config.security.scanners.clone(),
            trusted: Trusted::new(config),
            strangers: vec![Meter::default(); SLOTS],
            known: BTreeMap::new(),
            all_strangers: Meter::default(),
            log: Meter::default(),
            paces: Paces::new(&config.security),
            seed: rng.next_u64(),
            dropped: BTreeMap::new(),
        }
    }

    /// From now on these rules hold; meters and counts stay.
    pub(super) fn reconfigure(&mut self, config: &Config) {
        self.scanners.clone_from(&config.security.scanners);
        self.trusted = Trusted::new(config);
        self.paces = Paces::new(&config.security);
    }

    /// Whether the message is worth reading. What is not is counted.
    pub(super) fn lets_in(
        &mut self,
        now: Instant,
        offenders: &mut Offenders,
        flow: Flow,
        message: &[u8],
    ) -> bool {
        let Some(glance) = Glance::at(message) else { return true };
        let address = flow.remote.ip();
        let source = Source::of(address);
        let standing = self.standing(now, offenders, address);
        let forgeable = flow.transport == Transport::Udp;
        match self.sieve(now, offenders, source, standing, forgeable, &glance) {
            None => true,
            Some(why) => {
                *self.dropped.entry(why).or_default() += 1;
                tracing::debug!(why, source = %flow, "dropped");
                false
            }
        }
    }

    fn sieve(
        &mut self,
        now: Instant,
        offenders: &mut Offenders,
        source: Source,
        standing: Standing,
        forgeable: bool,
        glance: &Glance<'_>,
    ) -> Option<&'static str> {
        if standing != Standing::Trunk && glance.is_agent(&self.scanners) {
            // A datagram's address may be forged: it must not cut off whose address it is.
            let silences = standing == Standing::Stranger && !forgeable;
            if silences && offenders.silence(now, source) && self.may_log(now) {
                tracing::info!(source = ?source, "a scanner: met with silence");
            }
            return Some("scanner");
        }
        if standing == Standing::Stranger && !glance.in_dialog && offenders.is_silent(now, source) {
            return Some("silent source");
        }
        let silent_user = |user: std::borrow::Cow<'_, str>| offenders.is_user_silent(now, source, &user);
        if offenders.any_user() && glance.username().is_some_and(silent_user) {
            return Some("silent user");
        }
        match standing {
            Standing::Trunk => None,
            Standing::Known => {
                if self.known.len() >= MOST_KNOWN {
                    self.known.clear();
                }
                let meter = self.known.entry(source).or_default();
                (!meter.take(now, self.paces.known)).then_some("too many requests from a known source")
            }
            Standing::Stranger => {
                let slot = keyed(self.seed, source) as usize % SLOTS;
                let meter = self.strangers.get_mut(slot)?;
                if !meter.take(now, self.paces.stranger) {
                    return Some("too many requests from a stranger");
                }
                (!self.all_strangers.take(now, self.paces.strangers))
                    .then_some("too many requests from strangers")
            }
        }
    }

    pub(super) fn standing(&self, now: Instant, offenders: &Offenders, address: IpAddr) -> Standing {
        if self.trusted.contains(address) {
            Standing::Trunk
        } else if offenders.knows(now, Source::of(address)) {
            Standing::Known
        } else {
            Standing::Stranger
        }
    }

    /// Whether one more line about strangers fits into the log.
    pub(super) fn may_log(&mut self, now: Instant) -> bool {
        let fits = self.log.take(now, Pace::per_second(LOG_LINES));
        if !fits {
            *self.dropped.entry("log line").or_default() += 1;
        }
        fits
    }

    /// What was dropped, by reason.
    pub(super) fn dropped(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.dropped.iter().map(|(why, count)| (*why, *count))
    }
}

impl Paces {
    fn new(security: &Security) -> Self {
        Paces {
            stranger: Pace::per_second(security.stranger_requests),
            strangers: Pace::per_second(security.strangers_requests),
            known: Pace::per_second(security.known_requests),
        }
    }
}

#[cfg(test)]
mod tests;
