//! What a trunk is told to be.

use std::time::Duration;

use super::rewrite::Rewrite;
use crate::base::srtp::Encryption;
use crate::base::{Codecs, DigitWay, Masked};
use crate::dialplan::Pattern;
use crate::exchange::Network;
use crate::sip::Uri;
use crate::sip::auth::Credentials;

/// A line to the world outside: callers come from it, and agents with the right to it reach others over it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trunk {
    /// The name in records, logs and `[trunk.NAME]`.
    pub name: String,
    /// Callers are recognised by address, by credentials, or by both; the addresses that `server` leads to count
    /// as well where we register there.
    pub networks: Vec<Network>,
    /// The user and password with which the other side answers our challenge.
    pub credentials: Option<(String, Masked<String>)>,
    /// The numbers that may be dialled through this trunk; empty for all of the dialplan's.
    pub numbers: Vec<String>,
    /// Where our requests go, found by RFC 3263: registration, signs of life, calls to the outside.
    pub server: Option<Uri>,
    pub register: Option<Register>,
    /// The user and password with which we answer the other side's challenge.
    pub login: Option<Credentials>,
    /// Whether its word counts about who calls (RFC 3325): it is of our own house or under contract to tell it.
    pub trusted: bool,
    /// What callers' numbers are turned into.
    pub rewrite: Rewrite,
    pub outbound: Outbound,
    pub limits: Limits,
    /// Whether its media is encrypted; `None` for the house's rule.
    pub encryption: Option<Encryption>,
    /// In which codecs, best first; `None` for the house's.
    pub codecs: Option<Codecs>,
    /// How its keys are taken.
    pub digits: DigitWay,
    /// How often it is asked for a sign of life; zero for never.
    pub probe_every: Duration,
}

/// We tell the other side where we are (RFC 3261 §10.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// Our address-of-record there.
    pub address: Uri,
    /// What we ask for; the other side decides.
    pub expires: Duration,
}

/// Calls to the outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbound {
    /// The numbers that it carries; none for no calls at all.
    pub numbers: Vec<Pattern>,
    /// What dialled numbers are turned into for it.
    pub rewrite: Rewrite,
    /// The bank's own number, which the called party sees.
    pub caller_id: String,
    /// Of several trunks for a number the one of the lowest rank is taken, then the first by name.
    pub rank: u32,
}

/// How much a trunk takes at most, both directions together; zero for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub calls: u32,
    pub calls_per_second: u32,
}

impl Trunk {
    /// Where requests to it go.
    pub(in crate::exchange) fn destination(&self) -> Option<&Uri> {
        self.server.as_ref().or(self.register.as_ref().map(|register| &register.address))
    }

    /// Whether it carries calls to this number.
    pub(in crate::exchange) fn carries(&self, number: &str) -> bool {
        self.destination().is_some() && self.outbound.numbers.iter().any(|pattern| pattern.matches(number))
    }
}
