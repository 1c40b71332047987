//! Digest access authentication (RFC 7616, for SIP RFC 3261 §22 and RFC 8760), both sides, without state on
//! the wire side of a challenge.
//!
//! ```text
//!   server (challenger.rs)                      client (client.rs)
//!   challenge()  -- 401 WWW-Authenticate -->    Login::challenged()
//!   verify()    <-- Authorization -----------   Login::authorize()
//! ```
//!
//! Which algorithms are offered is the host's choice ([`Challenger::offering`]): some phones know nothing but
//! MD5, and some of those fail where anything else stands beside it. The `qop` that we ask for is always `auth`:
//! without it there is no nonce count, and without that no protection from replay. What others ask of us may be
//! `auth`, `auth-int` or nothing, with or without `-sess`.

mod challenger;
mod client;
#[cfg(test)]
mod tests;

pub use challenger::{Challenger, Verdict};
pub use client::{Credentials, Login, LoginRefused};

use std::borrow::Cow;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::wire::lexer;
use crate::base::Masked;

/// A hash of RFC 7616 §3.3, strongest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Algorithm {
    Sha256,
    Md5,
}

impl Algorithm {
    /// Strongest first.
    pub const ALL: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

    /// By [`name`](Self::name), in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Algorithm::ALL.into_iter().find(|algorithm| name.eq_ignore_ascii_case(algorithm.name()))
    }

    /// The token of the `algorithm` parameter.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Md5 => "MD5",
        }
    }

    /// No `algorithm` parameter means MD5 (RFC 7616 §3.3). `None`: one that we do not compute.
    fn from_param(value: Option<Cow<'_, str>>) -> Option<Self> {
        value.map_or(Some(Algorithm::Md5), |value| Algorithm::parse(&value))
    }

    /// Lower-case hexadecimal of the hash of `parts` joined by `:`.
    fn hash(self, parts: &[&str]) -> String {
        match self {
            Algorithm::Sha256 => joined::<Sha256>(parts),
            Algorithm::Md5 => joined::<Md5>(parts),
        }
    }

    fn hash_bytes(self, bytes: &[u8]) -> String {
        match self {
            Algorithm::Sha256 => hex(&Sha256::digest(bytes)),
            Algorithm::Md5 => hex(&Md5::digest(bytes)),
        }
    }
}

/// What a user is recognised by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Secret {
    Password(Masked<String>),
    /// `H(user:realm:password)` in lower-case hexadecimal (RFC 7616 §3.4.2), for who does not want to keep
    /// passwords. An algorithm without a value refuses those who answer with it.
    Ha1 {
        sha256: Option<Masked<String>>,
        md5: Option<Masked<String>>,
    },
}

impl Secret {
    fn ha1(&self, algorithm: Algorithm, user: &str, realm: &str) -> Option<String> {
        match (self, algorithm) {
            (Secret::Password(password), _) => Some(algorithm.hash(&[user, realm, password.expose()])),
            (Secret::Ha1 { sha256, .. }, Algorithm::Sha256) => {
                sha256.as_ref().map(|ha1| ha1.expose().clone())
            }
            (Secret::Ha1 { md5, .. }, Algorithm::Md5) => md5.as_ref().map(|ha1| ha1.expose().clone()),
        }
    }
}

/// What both sides hash (RFC 7616 §3.4.1).
struct Proof<'a> {
    algorithm: Algorithm,
    ha1: &'a str,
    method: &'a str,
    uri: &'a str,
    nonce: &'a str,
    /// `None` for a server of RFC 2069 that asks for none.
    qop: Option<Qop<'a>>,
}

#[derive(Clone, Copy)]
struct Qop<'a> {
    /// `nc` as it is written.
    count: &'a str,
    cnonce: &'a str,
    /// For `auth-int`, which covers it.
    body: Option<&'a [u8]>,
}

impl Qop<'_> {
    fn name(self) -> &'static str {
        if self.body.is_some() { "auth-int" } else { "auth" }
    }
}

impl Proof<'_> {
    fn response(&self) -> String {
        let Some(qop) = self.qop else {
            let ha2 = self.algorithm.hash(&[self.method, self.uri]);
            return self.algorithm.hash(&[self.ha1, self.nonce, &ha2]);
        };
        let ha2 = match qop.body {
            Some(body) => {
                let body = self.algorithm.hash_bytes(body);
                self.algorithm.hash(&[self.method, self.uri, &body])
            }
            None => self.algorithm.hash(&[self.method, self.uri]),
        };
        self.algorithm.hash(&[self.ha1, self.nonce, qop.count, qop.cnonce, qop.name(), &ha2])
    }
}

/// Whom an Authorization header says that the request is from.
pub(super) fn username(header: &[u8]) -> Option<Cow<'_, str>> {
    Fields::parse(header)?.get("username")
}

/// The `name=value` list behind `Digest`, of a challenge or an answer to one.
struct Fields<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Fields<'a> {
    /// `None` where the scheme is another one.
    fn parse(header: &'a [u8]) -> Option<Self> {
        let (scheme, rest) = lexer::token(lexer::trim(header)).ok()?;
        if !scheme.eq_ignore_ascii_case(b"Digest") {
            return None;
        }
        let pairs = lexer::list(rest).filter_map(|piece| lexer::split(piece, b'='));
        Some(Fields(pairs.map(|(name, value)| (lexer::trim(name), lexer::trim(value))).collect()))
    }

    /// Without quotes. The first of several of one name counts.
    fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let (_, value) = self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))?;
        Some(lexer::unquote(value))
    }
}

fn joined<H: Digest>(parts: &[&str]) -> String {
    let mut hash = H::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hash.update(b":");
        }
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}
