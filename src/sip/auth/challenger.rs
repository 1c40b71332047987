//! The server's side: who are you?

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use subtle::ConstantTimeEq;

use super::{Algorithm, Fields, Proof, Qop, Secret};
use crate::base::{Instant, Masked, Rng};
use crate::sip::header::Name;
use crate::sip::message::Request;

/// What a request's credentials are worth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// This user, right now, with an answer not seen before.
    Good(Masked<String>),
    /// A nonce that is too old, not ours (before a restart), given to another address, or used with this count
    /// already: challenge with `stale` and the phone answers without asking its user. Of the first three the secret
    /// was not looked at: nobody learns by an old nonce whether a guess was right.
    Stale,
    /// A wrong answer or an unknown user, nobody outside can tell which; by somebody who really is at this address,
    /// since the nonce was sent there.
    Bad(Masked<String>),
    /// None for this realm that could be judged: none at all, half of one, an algorithm that is not offered.
    Missing,
}

/// Issues challenges and checks the answers for one realm.
///
/// A nonce carries its time and a code that only we can make, over time, realm and the address that it was sent to:
/// a flood of unauthenticated requests costs no memory, an answer that was overheard is of no use elsewhere, and
/// whoever forges addresses can fail in nobody's name. Only a nonce that somebody has answered rightly is remembered,
/// for its nonce count. A phone whose address changes is told `stale` and answers once more.
pub struct Challenger {
    realm: String,
    rng: Rng,
    key: String,
    /// What is hashed for a user who does not exist.
    nobody: Secret,
    pub(super) algorithms: Vec<Algorithm>,
    nonce_life: Duration,
    /// Nonces in use, by nonce: the time comes first in it, so the oldest is the first.
    pub(super) used: BTreeMap<String, Counts>,
    /// No nonce up to this one is fresh any more: its counts may have been forgotten.
    horizon: String,
}

/// The counts seen with one nonce: the highest and, as bits, which of the 64 up to it. UDP reorders requests.
pub(super) struct Counts {
    pub(super) highest: u32,
    pub(super) seen: u64,
}

/// Enough for 10,000 phones' nonces; past it the oldest is forgotten and its user challenged once more.
const MOST_NONCES: usize = 16_384;

impl Challenger {
    /// All algorithms, nonces valid for five minutes.
    pub fn new(realm: impl Into<String>, mut rng: Rng) -> Self {
        let key = rng.token(52);
        let nobody = Secret::Password(Masked::from(rng.token(20)));
        let nonce_life = Duration::from_secs(300);
        let realm = realm.into().replace(['"', '\\', '\r', '\n'], "");
        Challenger {
            realm,
            rng,
            key,
            nobody,
            algorithms: Algorithm::ALL.to_vec(),
            nonce_life,
            used: BTreeMap::new(),
            horizon: String::new(),
        }
    }

    /// What is offered, in this order, and taken.
    pub fn offering(mut self, algorithms: &[Algorithm]) -> Self {
        self.algorithms = algorithms.to_vec();
        self
    }

    pub fn with_nonce_life(mut self, life: Duration) -> Self {
        self.nonce_life = life;
        self
    }

    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The values of the WWW-Authenticate headers of a 401 to `peer`, in order of preference (RFC 8760 §2.3); only
    /// those that `knows` is true for, or all where it is true for none. `stale` after [`Verdict::Stale`].
    pub fn challenge(
        &mut self,
        now: Instant,
        peer: IpAddr,
        stale: bool,
        knows: impl Fn(Algorithm) -> bool,
    ) -> Vec<String> {
        let nonce = self.new_nonce(now, peer);
        let stale = if stale { ", stale=true" } else { "" };
        let value = |algorithm: &Algorithm| {
            let (realm, name) = (&self.realm, algorithm.name());
            format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\", algorithm={name}{stale}")
        };
        let all = !self.algorithms.iter().any(|algorithm| knows(*algorithm));
        self.algorithms.iter().filter(|algorithm| all || knows(**algorithm)).map(value).collect()
    }

    /// The verdict on the request's Authorization headers: the first that is for this realm counts.
    pub fn verify_request(
        &mut self,
        now: Instant,
        peer: IpAddr,
        request: &Request,
        lookup: impl Fn(&str) -> Option<Secret>,
    ) -> Verdict {
        let method = String::from_utf8_lossy(request.method.as_bytes()).into_owned();
        let mut verdicts =
            request.headers.all(Name::Authorization).map(|h| self.verify(now, peer, &method, h, &lookup));
        verdicts.find(|verdict| *verdict != Verdict::Missing).unwrap_or(Verdict::Missing)
    }

    /// The verdict on one Authorization header's value.
    ///
    /// The `uri` is hashed as the client wrote it and not held against the Request-URI: proxies and phones
    /// rewrite that, and the nonce count already makes every answer good for one request.
    pub fn verify(
        &mut self,
        now: Instant,
        peer: IpAddr,
        method: &str,
        header: &[u8],
        lookup: impl Fn(&str) -> Option<Secret>,
    ) -> Verdict {
        let Some(fields) = Fields::parse(header) else { return Verdict::Missing };
        if fields.get("realm").as_deref() != Some(&*self.realm) {
            return Verdict::Missing;
        }
        let Some(answer) = Answer::read(&fields) else { return Verdict::Missing };
        if !self.algorithms.contains(&answer.algorithm) {
            return Verdict::Missing;
        }
        // Before anything that depends on who it claims to be.
        if !self.is_fresh(now, peer, &answer.nonce) {
            return Verdict::Stale;
        }
        // From here on the same is computed whoever asks, so that time does not tell who exists: one password is
        // hashed, a made-up one where there is none, and one proof.
        let secret = lookup(&answer.user);
        let (password, stored) = match &secret {
            Some(password @ Secret::Password(_)) => (password, None),
            Some(stored) => (&self.nobody, stored.ha1(answer.algorithm, &answer.user, &self.realm)),
            None => (&self.nobody, None),
        };
        let known = stored.is_some() | matches!(secret, Some(Secret::Password(_)));
        let hashed = password.ha1(answer.algorithm, &answer.user, &self.realm).unwrap_or_default();
        let ha1 = stored.unwrap_or(hashed);
        let matches = answer.proof(&ha1, method).response().as_bytes().ct_eq(answer.response.as_bytes());
        if !(bool::from(matches) & known) {
            return Verdict::Bad(Masked::new(answer.user));
        }
        if !self.count(now, &answer.nonce, answer.number) {
            return Verdict::Stale;
        }
        Verdict::Good(Masked::new(answer.user))
    }

    /// 16 digits of time, 12 of chance, 32 of our code for both, the realm and the peer.
    fn new_nonce(&mut self, now: Instant, peer: IpAddr) -> String {
        let mut nonce = format!("{:016x}{}", now.as_micros(), self.rng.token(12));
        nonce.push_str(&self.code(&nonce, peer));
        nonce
    }

    fn code(&self, text: &str, peer: IpAddr) -> String {
        let peer = peer.to_canonical().to_string();
        let mut code = Algorithm::Sha256.hash(&[&self.key, text, &self.realm, &peer, &self.key]);
        code.truncate(32);
        code
    }

    /// Ours, given to this peer, not expired, and its counts not forgotten.
    fn is_fresh(&self, now: Instant, peer: IpAddr, nonce: &str) -> bool {
        let Some((text, code)) = nonce.split_at_checked(28) else { return false };
        if !bool::from(self.code(text, peer).as_bytes().ct_eq(code.as_bytes())) {
            return false;
        }
        if nonce <= self.horizon.as_str() {
            return false;
        }
        let issued = text.get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok());
        issued.is_some_and(|issued| now < Instant::from_micros(issued) + self.nonce_life)
    }

    /// False for a count that this nonce has seen (RFC 7616 §3.4 `nc`), or that is too far behind to tell.
    fn count(&mut self, now: Instant, nonce: &str, number: u32) -> bool {
        if let Some(counts) = self.used.get_mut(nonce) {
            return counts.take(number);
        }
        self.forget_expired(now);
        self.used.insert(nonce.to_owned(), Counts { highest: number, seen: 1 });
        true
    }

    fn forget_expired(&mut self, now: Instant) {
        let oldest = format!("{:016x}", (now - self.nonce_life).as_micros());
        while let Some((nonce, _)) = self.used.first_key_value() {
            if *nonce >= oldest && self.used.len() < MOST_NONCES {
                break;
            }
            self.horizon.clone_from(nonce);
            self.used.pop_first();
        }
    }
}

impl Counts {
    pub(super) fn take(&mut self, number: u32) -> bool {
        if number > self.highest {
            let ahead = number - self.highest;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = number;
            return true;
        }
        let behind = self.highest - number;
        let Some(bit) = 1u64.checked_shl(behind) else { return false };
        let new = self.seen & bit == 0;
        self.seen |= bit;
        new
    }
}

/// An Authorization header with everything that `qop=auth` asks for.
struct Answer {
    algorithm: Algorithm,
    user: String,
    uri: String,
    nonce: String,
    count: String,
    number: u32,
    cnonce: String,
    response: String,
}

impl Answer {
    fn read(fields: &Fields<'_>) -> Option<Self> {
        let text = |name| fields.get(name).map(|value| value.into_owned());
        let count = text("nc")?;
        let number = u32::from_str_radix(&count, 16).ok().filter(|_| count.len() == 8)?;
        let is_auth = text("qop")?.eq_ignore_ascii_case("auth");
        is_auth.then_some(())?;
        Some(Answer {
            algorithm: Algorithm::from_param(fields.get("algorithm"))?,
            user: text("username")?,
            uri: text("uri")?,
            nonce: text("nonce")?,
            count,
            number,
            cnonce: text("cnonce")?,
            response: text("response")?.to_ascii_lowercase(),
        })
    }

    fn proof<'a>(&'a self, ha1: &'a str, method: &'a str) -> Proof<'a> {
        let qop = Some(Qop { count: &self.count, cnonce: &self.cnonce, body: None });
        Proof { algorithm: self.algorithm, ha1, method, uri: &self.uri, nonce: &self.nonce, qop }
    }
}

impl std::fmt::Debug for Challenger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Challenger({:?}, {} nonces in use)", self.realm, self.used.len())
    }
}
