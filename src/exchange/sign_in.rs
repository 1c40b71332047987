//! Who somebody is who claims to be one of ours, and how often they may be wrong about it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::Config;
use super::guard::{Offenders, Silenced, Source, Trusted};
use crate::base::{Instant, Masked, Rng};
use crate::sip::auth::{Algorithm, Challenger, Secret, Verdict};
use crate::sip::{Answer, Name, Request, begins_with_any};

/// Why somebody is refused who has not said yet who they are, or said it too late.
pub(super) const CHALLENGED: &str = "challenged";

pub(super) struct SignIn {
    challenger: Challenger,
    secrets: BTreeMap<String, Secret>,
    /// User-Agents that fail where anything but MD5 is offered.
    md5_only: Vec<String>,
    pub(super) trusted: Trusted,
    /// Who signs in makes its source known for so long: until its registration would have ended.
    known_for: Duration,
    pub(super) offenders: Offenders,
    /// Another exchange keeps the house's account of who signs in and who fails to.
    pub(super) tells: bool,
    /// What it has not been told yet: from where, as whom, and whether it was proven.
    pub(super) told: Vec<(IpAddr, Masked<String>, bool)>,
}

/// What a request's claim came to.
pub(super) enum Claim {
    /// This account, proven.
    Proven(Masked<String>),
    /// To be refused with this answer.
    Refused(Answer, &'static str),
}

impl SignIn {
    pub(super) fn new(config: &Config, mut rng: Rng) -> Self {
        SignIn {
            offenders: Offenders::new(&config.security, &mut rng),
            challenger: Challenger::new(config.security.realm.clone(), rng).offering(&config.security.digest),
            secrets: secrets(config),
            md5_only: config.security.md5_only.clone(),
            trusted: Trusted::new(config),
            known_for: config.registrar.max_expires,
            tells: false,
            told: Vec::new(),
        }
    }

    /// From now on these accounts and limits hold; failures that were counted stay counted. Realm and algorithms
    /// stay, since challenges that are under way name them.
    pub(super) fn reconfigure(&mut self, config: &Config) {
        self.secrets = secrets(config);
        self.md5_only.clone_from(&config.security.md5_only);
        self.trusted = Trusted::new(config);
        self.offenders.reconfigure(&config.security);
    }

    /// Whether the name is one of ours: who calls by it has to prove it.
    pub(super) fn has_account(&self, user: &str) -> bool {
        self.secrets.contains_key(user)
    }

    /// No credentials, wrong ones and those of an unknown user have the same answer: 401 with a new challenge
    /// (RFC 3261 §22.1). A 403 would tell which of them it was, and that trying again is of no use, which a phone
    /// with a nonce of before our restart must not hear.
    pub(super) fn check(&mut self, now: Instant, request: &Request, address: IpAddr) -> Claim {
        let source = Source::of(address);
        let secrets = &self.secrets;
        let lookup = |user: &str| secrets.get(user).cloned();
        match self.challenger.verify_request(now, address, request, lookup) {
            // The sieve sees only what stands plainly in a message: silence is kept here too, by saying nothing new.
            Verdict::Good(user) | Verdict::Bad(user) if self.is_silent(now, source, user.expose()) => {
                Claim::Refused(self.challenge(now, request, address, false), "silenced")
            }
            Verdict::Good(user) => {
                self.offenders.signed_in(source, user.expose());
                self.know(now, address);
                if self.tells {
                    self.told.push((address, user.clone(), true));
                }
                Claim::Proven(user)
            }
            Verdict::Missing => Claim::Refused(self.challenge(now, request, address, false), CHALLENGED),
            Verdict::Stale => Claim::Refused(self.challenge(now, request, address, true), CHALLENGED),
            Verdict::Bad(user) => {
                if self.tells {
                    self.told.push((address, user.clone(), false));
                }
                let why = match self.failed(now, address, user.expose()) {
                    None => "sign-in failed",
                    Some(Silenced::Source) => "sign-in failed, the source is met with silence",
                    Some(Silenced::User) => "sign-in failed, the user at this source is met with silence",
                };
                Claim::Refused(self.challenge(now, request, address, false), why)
            }
        }
    }

    /// What another exchange found.
    pub(super) fn heard(&mut self, now: Instant, address: IpAddr, user: &Masked<String>, proven: bool) {
        if proven {
            self.offenders.signed_in(Source::of(address), user.expose());
            self.know(now, address);
        } else {
            self.failed(now, address, user.expose());
        }
    }

    fn failed(&mut self, now: Instant, address: IpAddr, user: &str) -> Option<Silenced> {
        let source = Source::of(address);
        let shared = self.trusted.contains(address) || self.offenders.knows(now, source);
        self.offenders.failed(now, source, user, shared)
    }

    /// Somebody there is registered: the source is known as ours.
    pub(super) fn know(&mut self, now: Instant, address: IpAddr) {
        self.offenders.know(now, Source::of(address), self.known_for);
    }

    fn is_silent(&self, now: Instant, source: Source, user: &str) -> bool {
        self.offenders.is_user_silent(now, source, user)
            || self.offenders.is_silent(now, source) && !self.offenders.knows(now, source)
    }

    fn challenge(&mut self, now: Instant, request: &Request, peer: IpAddr, stale: bool) -> Answer {
        let agent = request.headers.value(Name::UserAgent).unwrap_or_default();
        let md5_only = begins_with_any(agent, &self.md5_only);
        let knows = |algorithm| !md5_only || algorithm == Algorithm::Md5;
        let challenges = self.challenger.challenge(now, peer, stale, knows);
        challenges.into_iter().fold(Answer::new(401), |answer, value| answer.with("WWW-Authenticate", value))
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
