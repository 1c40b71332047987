//! The client's side: a trunk or a proxy asks who we are.

use super::{Algorithm, Fields, Proof, Secret};
use crate::base::{Masked, Rng};
use crate::sip::header::Name;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::uri::Uri;
use crate::sip::wire::lexer;

/// Our name and password with a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    pub user: String,
    pub password: Masked<String>,
}

/// Credentials and the challenge that they answer, for the requests of one dialog or one registration: the
/// first request goes without, the 401 or 407 is given to [`challenged`](Self::challenged), and that
/// request's successor and every later one carry what [`authorize`](Self::authorize) makes.
#[derive(Clone, Debug)]
pub struct Login {
    credentials: Credentials,
    challenge: Option<Challenge>,
}

/// Why a challenge is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoginRefused {
    /// Our answer was refused: the password is wrong, and asking again will not make it right (RFC 3261
    /// §22.1).
    #[error("credentials refused")]
    Refused,
    /// No digest challenge with SHA-256 or MD5, and `qop` auth or none.
    #[error("no challenge that can be answered")]
    NoChallenge,
}

#[derive(Clone, Debug)]
struct Challenge {
    /// Authorization or Proxy-Authorization.
    header: Name,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// The challenge named its algorithm, so the answer does too.
    named: bool,
    qop: bool,
    stale: bool,
    /// Answers given to this nonce.
    count: u32,
}

impl Login {
    pub fn new(credentials: Credentials) -> Self {
        Login { credentials, challenge: None }
    }

    /// Takes the strongest challenge of a 401 or 407 that we can answer. After `Ok`, send the request again
    /// with a new branch and the next CSeq (RFC 3261 §22.2).
    pub fn challenged(&mut self, response: &Response) -> Result<(), LoginRefused> {
        let (asks, header) = match response.status {
            407 => (Name::ProxyAuthenticate, Name::ProxyAuthorization),
            _ => (Name::WwwAuthenticate, Name::Authorization),
        };
        let challenges = response.headers.all(asks).filter_map(|value| Challenge::read(header, value));
        let best = challenges.min_by_key(|c| c.algorithm).ok_or(LoginRefused::NoChallenge)?;
        let answered = self.challenge.as_ref().is_some_and(|old| {
            old.count > 0 && old.header == best.header && old.realm == best.realm && !best.stale
        });
        if answered {
            return Err(LoginRefused::Refused);
        }
        self.challenge = Some(best);
        Ok(())
    }

    /// The header for the next request. `None` before the first challenge.
    pub fn authorize(&mut self, rng: &mut Rng, method: &Method, uri: &Uri) -> Option<(Name, String)> {
        let challenge = self.challenge.as_mut()?;
        challenge.count = challenge.count.saturating_add(1);
        Some((challenge.header, challenge.answer(&self.credentials, rng, method, uri)))
    }
}

impl Challenge {
    fn read(header: Name, value: &[u8]) -> Option<Self> {
        let fields = Fields::parse(value)?;
        let text = |name| fields.get(name).map(|value| value.into_owned());
        let qop = match fields.get("qop") {
            Some(options) => {
                options.split(',').any(|option| option.trim().eq_ignore_ascii_case("auth")).then_some(true)?
            }
            None => false,
        };
        Some(Challenge {
            header,
            realm: text("realm")?,
            nonce: text("nonce")?,
            opaque: text("opaque"),
            algorithm: Algorithm::from_param(fields.get("algorithm"))?,
            named: fields.get("algorithm").is_some(),
            qop,
            stale: fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            count: 0,
        })
    }

    fn answer(&self, credentials: &Credentials, rng: &mut Rng, method: &Method, uri: &Uri) -> String {
        let user = &credentials.user;
        let secret = Secret::Password(credentials.password.clone());
        let ha1 = secret.ha1(self.algorithm, user, &self.realm).unwrap_or_default();
        let method = String::from_utf8_lossy(method.as_bytes());
        let uri = String::from_utf8_lossy(uri.as_bytes());
        let count = format!("{:08x}", self.count);
        let cnonce = rng.token(16);
        let qop = self.qop.then_some((&*count, &*cnonce));
        let proof = Proof {
            algorithm: self.algorithm,
            ha1: &ha1,
            method: &method,
            uri: &uri,
            nonce: &self.nonce,
            qop,
        };
        let mut value = format!(
            "Digest username={}, realm={}, nonce={}, uri=\"{uri}\", response=\"{}\"",
            lexer::quote(user),
            lexer::quote(&self.realm),
            lexer::quote(&self.nonce),
            proof.response(),
        );
        if self.named {
            value.push_str(&format!(", algorithm={}", self.algorithm.name()));
        }
        if self.qop {
            // `nc` and `qop` stand without quotes (RFC 7616 §3.4).
            value.push_str(&format!(", qop=auth, nc={count}, cnonce=\"{cnonce}\""));
        }
        if let Some(opaque) = &self.opaque {
            value.push_str(&format!(", opaque={}", lexer::quote(opaque)));
        }
        value
    }
}
