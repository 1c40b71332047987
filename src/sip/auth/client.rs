//! The client's side: a trunk or a proxy asks who we are.

use std::borrow::Cow;

use super::{Algorithm, Fields, Proof, Qop, Secret};
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
    /// No digest challenge with SHA-256 or MD5, and a `qop` of RFC 7616 or none.
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
    /// `-sess`: the secret is hashed once more with both nonces (RFC 7616 §3.4.2).
    session: bool,
    qop: Option<Protection>,
    stale: bool,
    /// Answers given to this nonce.
    count: u32,
}

/// What the answer covers (RFC 7616 §3.4, `qop`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Protection {
    Auth,
    AuthInt,
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

    /// The header for the next request, if that has no body. `None` before the first challenge.
    pub fn authorize(&mut self, rng: &mut Rng, method: &Method, uri: &Uri) -> Option<(Name, String)> {
        self.authorize_with(rng, method, uri, &[])
    }

    /// The header for the next request. `None` before the first challenge.
    pub fn authorize_with(
        &mut self,
        rng: &mut Rng,
        method: &Method,
        uri: &Uri,
        body: &[u8],
    ) -> Option<(Name, String)> {
        let challenge = self.challenge.as_mut()?;
        challenge.count = challenge.count.saturating_add(1);
        Some((challenge.header, challenge.answer(&self.credentials, rng, method, uri, body)))
    }
}

impl Challenge {
    fn read(header: Name, value: &[u8]) -> Option<Self> {
        let fields = Fields::parse(value)?;
        let text = |name| fields.get(name).map(|value| value.into_owned());
        let offers =
            |qops: &str, qop: &str| qops.split(',').any(|option| option.trim().eq_ignore_ascii_case(qop));
        let qop = match fields.get("qop") {
            Some(qops) if offers(&qops, "auth") => Some(Protection::Auth),
            Some(qops) if offers(&qops, "auth-int") => Some(Protection::AuthInt),
            Some(_) => return None,
            None => None,
        };
        let algorithm = fields.get("algorithm");
        let plain = algorithm.as_deref().and_then(strip_session);
        // Without qop there is no cnonce, which `-sess` needs.
        let session = plain.is_some() && qop.is_some();
        if plain.is_some() && !session {
            return None;
        }
        Some(Challenge {
            header,
            realm: text("realm")?,
            nonce: text("nonce")?,
            opaque: text("opaque"),
            named: algorithm.is_some(),
            algorithm: Algorithm::from_param(plain.map(Cow::Borrowed).or(algorithm.clone()))?,
            session,
            qop,
            stale: fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            count: 0,
        })
    }

    fn answer(
        &self,
        credentials: &Credentials,
        rng: &mut Rng,
        method: &Method,
        uri: &Uri,
        body: &[u8],
    ) -> String {
        let user = &credentials.user;
        let secret = Secret::Password(credentials.password.clone());
        let mut ha1 = secret.ha1(self.algorithm, user, &self.realm).unwrap_or_default();
        let method = String::from_utf8_lossy(method.as_bytes());
        let uri = String::from_utf8_lossy(uri.as_bytes());
        let count = format!("{:08x}", self.count);
        let cnonce = rng.token(16);
        if self.session {
            ha1 = self.algorithm.hash(&[&ha1, &self.nonce, &cnonce]);
        }
        let qop = self.qop.map(|qop| Qop {
            count: &count,
            cnonce: &cnonce,
            body: (qop == Protection::AuthInt).then_some(body),
        });
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
            let session = if self.session { "-sess" } else { "" };
            value.push_str(&format!(", algorithm={}{session}", self.algorithm.name()));
        }
        if let Some(qop) = qop {
            // `nc` and `qop` stand without quotes (RFC 7616 §3.4).
            value.push_str(&format!(", qop={}, nc={count}, cnonce=\"{cnonce}\"", qop.name()));
        }
        if let Some(opaque) = &self.opaque {
            value.push_str(&format!(", opaque={}", lexer::quote(opaque)));
        }
        value
    }
}

/// `SHA-256` of `SHA-256-sess`; `None` for all else.
fn strip_session(algorithm: &str) -> Option<&str> {
    let (plain, session) = algorithm.split_at_checked(algorithm.len().checked_sub(5)?)?;
    session.eq_ignore_ascii_case("-sess").then_some(plain)
}
