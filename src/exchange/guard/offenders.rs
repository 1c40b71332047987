//! Who failed to sign in how often, who is met with silence for it, and who is known to be ours.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::base::{Instant, Rng};
use crate::exchange::Security;

/// So many failing sources, and so many failing users at known sources, are remembered; past it the one whose time is
/// over first is forgotten, which is never one that is silenced while another only counts.
const MOST_FAILING: usize = 4096;
/// So many sources are known as ours: a bank's branches, and its home workers.
const MOST_KNOWN: usize = 16_384;

/// Where requests come from, as far as one address can stand for one party: an IPv4 address, or the /64 that an IPv6
/// host has to itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Source(IpAddr);

impl Source {
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(ip) => Source(IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)))),
            v4 => Source(v4),
        }
    }
}

/// Whom silence has come over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Silenced {
    /// Everything that is new from this source is dropped.
    Source,
    /// Only what claims to be this user at this source: others there have shown that they are ours.
    User,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    since: Instant,
    silent_until: Option<Instant>,
}

/// A pair's user is kept as a number that only this run of the daemon can make of the name.
type Pair = (Source, u64);

/// ```text
///   source unknown:            failures in the window        source known, or a trunk's:   the same for the pair
///     counting ---------------------------------> silent       (source, user)                of source and user
///        ^                                          |
///        +------------- silence over ---------------+         a good sign-in: the source is known for an hour
/// ```
#[derive(Debug)]
pub(crate) struct Offenders {
    failures: u32,
    window: Duration,
    silence: Duration,
    seed: u64,
    sources: BTreeMap<Source, Failures>,
    pairs: BTreeMap<Pair, Failures>,
    known: BTreeMap<Source, Instant>,
}

impl Offenders {
    pub fn new(security: &Security, rng: &mut Rng) -> Self {
        let seed = rng.next_u64();
        let (sources, pairs, known) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let Security { failures, failure_window: window, silence, .. } = *security;
        Offenders { failures, window, silence, seed, sources, pairs, known }
    }

    /// From now on these limits hold; what was counted stays counted.
    pub fn reconfigure(&mut self, security: &Security) {
        Security { failures: self.failures, failure_window: self.window, silence: self.silence, .. } =
            security.clone();
    }

    /// Somebody there has signed in, or is registered: for so long the source is not silenced as a whole.
    pub fn know(&mut self, now: Instant, source: Source, for_: Duration) {
        if self.known.len() >= MOST_KNOWN && !self.known.contains_key(&source) {
            self.known.retain(|_, until| *until > now);
            if self.known.len() >= MOST_KNOWN {
                forget_first(&mut self.known, |until| *until);
            }
        }
        let until = self.known.entry(source).or_default();
        *until = (*until).max(now + for_);
        self.sources.remove(&source);
    }

    pub fn knows(&self, now: Instant, source: Source) -> bool {
        self.known.get(&source).is_some_and(|until| *until > now)
    }

    pub fn signed_in(&mut self, source: Source, user: &str) {
        let pair = self.pair(source, user);
        self.pairs.remove(&pair);
    }

    /// A wrong password or an unknown user. Whom silence has now come over, if anybody. `shared`: others at this
    /// source are ours, whatever this one is.
    pub fn failed(&mut self, now: Instant, source: Source, user: &str, shared: bool) -> Option<Silenced> {
        let Offenders { failures, window, silence, .. } = *self;
        let count = |record: &mut Failures| {
            if now.since(record.since) >= window {
                *record = Failures { count: 0, since: now, silent_until: None };
            }
            record.count += 1;
            let over = record.count >= failures;
            if over {
                record.silent_until = Some(now + silence);
            }
            over
        };
        let ends = |record: &Failures| record.silent_until.unwrap_or(record.since + window);
        if shared {
            let pair = self.pair(source, user);
            let record = remembered(&mut self.pairs, now, pair, ends);
            count(record).then_some(Silenced::User)
        } else {
            let record = remembered(&mut self.sources, now, source, ends);
            count(record).then_some(Silenced::Source)
        }
    }

    /// What has given itself away as a scanner. False where it is silenced already.
    pub fn silence(&mut self, now: Instant, source: Source) -> bool {
        let until = now + self.silence;
        let window = self.window;
        let ends = |record: &Failures| record.silent_until.unwrap_or(record.since + window);
        let record = remembered(&mut self.sources, now, source, ends);
        let new = record.silent_until.is_none_or(|until| until <= now);
        record.silent_until = Some(until);
        new
    }

    pub fn is_silent(&self, now: Instant, source: Source) -> bool {
        is_silent(self.sources.get(&source), now)
    }

    /// Whether this user at this source is met with silence. Costs nothing while nobody is.
    pub fn is_user_silent(&self, now: Instant, source: Source, user: &str) -> bool {
        !self.pairs.is_empty() && is_silent(self.pairs.get(&self.pair(source, user)), now)
    }

    /// Whether any user at any source may be silent: else nobody needs to look who it is.
    pub fn any_user(&self) -> bool {
        !self.pairs.is_empty()
    }

    /// Sources and users that are silent now.
    pub fn silent(&self, now: Instant) -> usize {
        let silent = |record: &&Failures| is_silent(Some(record), now);
        self.sources.values().filter(silent).count() + self.pairs.values().filter(silent).count()
    }

    fn pair(&self, source: Source, user: &str) -> Pair {
        (source, keyed(self.seed, user))
    }
}

fn is_silent(record: Option<&Failures>, now: Instant) -> bool {
    record.and_then(|record| record.silent_until).is_some_and(|until| until > now)
}

/// A number for anything that nobody outside can aim at: the first thing hashed is secret.
pub(super) fn keyed(seed: u64, what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, what).hash(&mut hasher);
    hasher.finish()
}

fn remembered<K: Ord + Copy>(
    all: &mut BTreeMap<K, Failures>,
    now: Instant,
    key: K,
    ends: impl Fn(&Failures) -> Instant,
) -> &mut Failures {
    if all.len() >= MOST_FAILING && !all.contains_key(&key) {
        all.retain(|_, record| ends(record) > now);
        if all.len() >= MOST_FAILING {
            forget_first(all, ends);
        }
    }
    all.entry(key).or_insert(Failures { count: 0, since: now, silent_until: None })
}

fn forget_first<K: Ord + Copy, V>(all: &mut BTreeMap<K, V>, ends: impl Fn(&V) -> Instant) {
    let first = all.iter().min_by_key(|(_, value)| ends(value)).map(|(key, _)| *key);
    if let Some(first) = first {
        all.remove(&first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(30);
    const SILENCE: Duration = Duration::from_secs(300);

    fn offenders() -> Offenders {
        let security =
            Security { failures: 5, failure_window: WINDOW, silence: SILENCE, ..Security::default() };
        Offenders::new(&security, &mut Rng::from_number(1))
    }

    fn source(number: u32) -> Source {
        Source::of(IpAddr::V4(std::net::Ipv4Addr::from_bits(number)))
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_fifth_failure_within_the_window_is_the_last_that_is_answered() {
        let mut offenders = offenders();
        let said: Vec<_> = (0..5).map(|n| offenders.failed(at(100 + n), source(1), "x", false)).collect();
        assert_eq!(said, [None, None, None, None, Some(Silenced::Source)]);
        assert!(offenders.is_silent(at(105), source(1)) && !offenders.is_silent(at(105), source(2)));
        assert!(offenders.is_silent(at(403), source(1)) && !offenders.is_silent(at(404), source(1)));
        assert_eq!(offenders.failed(at(404), source(1), "x", false), None, "counted anew");
    }

    #[test]
    fn failures_far_apart_are_typing_errors() {
        let mut offenders = offenders();
        for n in 0..50 {
            assert!(offenders.failed(at(100 + n * 8), source(1), "x", false).is_none(), "{n}");
        }
    }

    #[test]
    fn at_a_known_source_only_the_user_who_fails_is_silenced() {
        let mut offenders = offenders();
        let branch = source(1);
        offenders.know(at(1), branch, Duration::from_secs(3600));
        assert!(offenders.knows(at(3600), branch) && !offenders.knows(at(3601), branch));
        for n in 0..5 {
            let silenced = offenders.failed(at(10), branch, "1001", true);
            assert_eq!(silenced, (n == 4).then_some(Silenced::User));
        }
        assert!(offenders.is_user_silent(at(20), branch, "1001"));
        assert!(!offenders.is_user_silent(at(20), branch, "1002") && !offenders.is_silent(at(20), branch));
        assert!(!offenders.is_user_silent(at(20), source(2), "1001"), "the owner elsewhere");
    }

    #[test]
    fn a_flood_of_failing_sources_forgets_none_that_is_silent() {
        let mut offenders = offenders();
        for _ in 0..5 {
            offenders.failed(at(1), source(7), "x", false);
        }
        for number in 1000..20_000 {
            offenders.failed(at(2), source(number), "x", false);
            offenders.failed(at(2), source(number), &number.to_string(), true);
            offenders.know(at(2), source(number), WINDOW);
        }
        assert!(offenders.is_silent(at(3), source(7)));
        assert!(offenders.sources.len() <= MOST_FAILING && offenders.pairs.len() <= MOST_FAILING);
        assert!(offenders.known.len() <= MOST_KNOWN);
    }

    #[test]
    fn an_ipv6_host_is_its_network_and_a_mapped_address_is_ipv4() {
        let of = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
