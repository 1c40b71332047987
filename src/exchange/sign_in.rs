//! Who somebody is who claims to be one of ours, and how often they may be wrong about it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::Config;
use crate::base::{Instant, Masked, Rng};
use crate::sip::auth::{Challenger, Secret, Verdict};
use crate::sip::{Answer, Request};

/// So many sources are remembered; past it the one that failed longest ago is forgotten.
const MOST_SOURCES: usize = 4096;

pub(super) struct SignIn {
    challenger: Challenger,
    secrets: BTreeMap<String, Secret>,
    failures: u32,
    window: Duration,
    sources: BTreeMap<IpAddr, Failures>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    since: Instant,
}

/// What a request's claim came to.
pub(super) enum Claim {
    /// This account, proven.
    Proven(Masked<String>),
    /// To be refused with this answer.
    Refused(Answer, &'static str),
}

impl SignIn {
    pub(super) fn new(config: &Config, rng: Rng) -> Self {
        SignIn {
            challenger: Challenger::new(config.security.realm.clone(), rng).offering(&config.security.digest),
            secrets: secrets(config),
            failures: config.security.failures,
            window: config.security.failure_window,
            sources: BTreeMap::new(),
        }
    }

    /// From now on these accounts and limits hold; failures that were counted stay counted. The realm stays, since
    /// challenges that are under way name it.
    pub(super) fn reconfigure(&mut self, config: &Config) {
        self.secrets = secrets(config);
        self.failures = config.security.failures;
        self.window = config.security.failure_window;
    }

    /// Whether the name is one of ours: who calls by it has to prove it.
    pub(super) fn has_account(&self, user: &str) -> bool {
        self.secrets.contains_key(user)
    }

    /// The answer is the same for an unknown user and a wrong password.
    pub(super) fn check(&mut self, now: Instant, request: &Request, source: IpAddr) -> Claim {
        if self.is_shut_out(now, source) {
            return Claim::Refused(Answer::new(403), "too many failed sign-ins");
        }
        let secrets = &self.secrets;
        match self.challenger.verify_request(now, request, |user| secrets.get(user).cloned()) {
            Verdict::Good(user) => {
                self.sources.remove(&source);
                Claim::Proven(user)
            }
            Verdict::Missing => Claim::Refused(self.challenge(now, false), "challenged"),
            Verdict::Stale => Claim::Refused(self.challenge(now, true), "challenged"),
            Verdict::Bad => {
                self.failed(now, source);
                Claim::Refused(Answer::new(403), "sign-in failed")
            }
        }
    }

    fn challenge(&mut self, now: Instant, stale: bool) -> Answer {
        let challenges = self.challenger.challenge(now, stale);
        challenges.into_iter().fold(Answer::new(401), |answer, value| answer.with("WWW-Authenticate", value))
    }

    fn is_shut_out(&self, now: Instant, source: IpAddr) -> bool {
        self.sources.get(&source).is_some_and(|failures| {
            failures.count >= self.failures && now.since(failures.since) < self.window
        })
    }

    fn failed(&mut self, now: Instant, source: IpAddr) {
        let window = self.window;
        self.sources.retain(|_, failures| now.since(failures.since) < window);
        if self.sources.len() >= MOST_SOURCES
            && let Some(oldest) = self.sources.iter().min_by_key(|(_, f)| f.since).map(|(source, _)| *source)
        {
            self.sources.remove(&oldest);
        }
        self.sources.entry(source).or_insert(Failures { count: 0, since: now }).count += 1;
    }
}

/// What each account, and each trunk that signs in, is recognised by.
fn secrets(config: &Config) -> BTreeMap<String, Secret> {
    let accounts = config.accounts.iter().map(|account| (account.user.clone(), account.secret.clone()));
    let trunks = config.trunks.iter().filter_map(|trunk| {
        let (user, password) = trunk.credentials.clone()?;
        Some((user, Secret::Password(password)))
    });
    accounts.chain(trunks).collect()
}
