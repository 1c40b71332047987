//! What phones publish about their people, for as long as they say so: the event state compositor of RFC 3903.
//!
//! ```text
//!            initial: no SIP-If-Match                    SIP-If-Match, no body: refreshed
//!   (none) ---------------------------> published <---+  SIP-If-Match, body: modified
//!      ^                                    |         |  a new SIP-ETag each time
//!      |                                    +---------+
//!      +------------------------------------+  Expires: 0, deadline, pushed out by a newer one
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::{Instant, Rng};
use crate::sip::{Name, Request};

use super::presence::{self, Published};

/// Phones of one person that may publish at a time. A newer one pushes out the one that spoke longest ago: a phone
/// that restarts does not know its old entity tag.
const MOST_PER_RESOURCE: usize = 5;

/// How long a publication may last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expiry {
    /// What a peer gets that asks for nothing.
    pub default: Duration,
    /// Shorter is answered with 423.
    pub min: Duration,
    /// Longer is shortened.
    pub max: Duration,
}

impl Expiry {
    /// What is granted to a request; zero where it asks for zero.
    ///
    /// # Errors
    /// Too short: 423 with the least, in seconds.
    pub fn grant(&self, request: &Request) -> Result<Duration, u64> {
        let asked = request.headers.seconds(Name::Expires).unwrap_or(self.default);
        if !asked.is_zero() && asked < self.min {
            return Err(self.min.as_secs());
        }
        Ok(asked.min(self.max))
    }
}

/// All publications of the presence package.
#[derive(Debug)]
pub struct Compositor {
    rng: Rng,
    /// By person, the one that spoke last at the end. No entry is empty.
    publications: BTreeMap<String, Vec<Publication>>,
    /// No publication expires before this moment.
    next: Option<Instant>,
}

#[derive(Debug)]
struct Publication {
    etag: String,
    state: Published,
    expires: Instant,
}

/// A PUBLISH that was accepted: 200.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// For SIP-ETag.
    pub etag: String,
    pub expires: Duration,
}

/// A PUBLISH that was refused; nothing changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// 412: the entity tag is none of this person's, or has expired.
    #[error("no such publication")]
    NoMatch,
    /// 423; the answer's Min-Expires, in seconds.
    #[error("expires is shorter than {min_expires} s")]
    TooBrief { min_expires: u64 },
    /// 415.
    #[error("not a presence document by its type")]
    WrongKind,
    /// 400.
    #[error("{0}")]
    Bad(#[from] presence::BadPresence),
    /// 400: a first publication has to say something.
    #[error("nothing published")]
    Nothing,
}

impl Refused {
    pub fn status(self) -> u16 {
        match self {
            Refused::NoMatch => 412,
            Refused::TooBrief { .. } => 423,
            Refused::WrongKind => 415,
            Refused::Bad(_) | Refused::Nothing => 400,
        }
    }
}

impl Compositor {
    pub fn new(rng: Rng) -> Self {
        Compositor { rng, publications: BTreeMap::new(), next: None }
    }

    /// RFC 3903 §6. The host has authenticated the request and says whose state it is.
    ///
    /// # Errors
    /// Refused; nothing changed.
    pub fn publish(
        &mut self,
        now: Instant,
        resource: &str,
        request: &Request,
        expiry: &Expiry,
    ) -> Result<Accepted, Refused> {
        let own = self.publications.get(resource).map(Vec::as_slice).unwrap_or_default();
        let before = match request.headers.named("SIP-If-Match") {
            None => None,
            Some(tag) => {
                let known = |it: &Publication| it.etag.as_bytes() == tag && it.expires > now;
                Some(own.iter().position(known).ok_or(Refused::NoMatch)?)
            }
        };
        let expires = expiry.grant(request).map_err(|min_expires| Refused::TooBrief { min_expires })?;
        let state = match (request.body.is_empty(), before) {
            (true, None) => return Err(Refused::Nothing),
            (true, Some(_)) => None,
            (false, _) if request.headers.content_type().as_deref() != Some(presence::KIND) => {
                return Err(Refused::WrongKind);
            }
            (false, _) => Some(presence::read(&request.body)?),
        };
        let etag = self.rng.token(12);
        let own = self.publications.entry(resource.to_owned()).or_default();
        let before = before.map(|at| own.remove(at).state);
        if let Some(state) = state.or(before).filter(|_| !expires.is_zero()) {
            if own.len() >= MOST_PER_RESOURCE {
                own.remove(0);
            }
            let expires = now + expires;
            own.push(Publication { etag: etag.clone(), state, expires });
            self.next = Some(self.next.map_or(expires, |next| next.min(expires)));
        }
        if own.is_empty() {
            self.publications.remove(resource);
        }
        Ok(Accepted { etag, expires })
    }

    /// What holds of a person: what the phone said that spoke last.
    pub fn state(&self, resource: &str) -> Option<&Published> {
        self.publications.get(resource)?.last().map(|it| &it.state)
    }

    pub fn len(&self) -> usize {
        self.publications.values().map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.publications.is_empty()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Those of whom a publication has expired.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<String> {
        if self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        let mut whose = Vec::new();
        self.publications.retain(|resource, own| {
            let count = own.len();
            own.retain(|it| it.expires > now);
            if own.len() < count {
                whose.push(resource.clone());
            }
            !own.is_empty()
        });
        self.next = self.publications.values().flatten().map(|it| it.expires).min();
        whose
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::presence::Activity;
    use super::*;
    use crate::sip::{Framing, Limits, Message};

    const EXPIRY: Expiry = Expiry {
        default: Duration::from_secs(3600),
        min: Duration::from_secs(60),
        max: Duration::from_secs(3600),
    };
    const MEETING: &str = "<presence><person><activities><meeting/></activities></person></presence>";
    const OPEN: &str = "<presence><tuple><status><basic>open</basic></status></tuple></presence>";

    fn request(headers: &str, body: &str) -> Request {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/pidf+xml\r\n" };
        let text = format!(
            "PUBLISH sip:8001@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n\
             From: <sip:8001@h>;tag=a\r\nTo: <sip:8001@h>\r\nCall-ID: 1\r\nCSeq: 1 PUBLISH\r\n{kind}{headers}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        match Message::parse(Bytes::from(text), Framing::Datagram, &Limits::default()) {
            Ok(Message::Request(request)) => request,
            _ => panic!("a PUBLISH"),
        }
    }

    struct House {
        compositor: Compositor,
        now: Instant,
    }

    impl House {
        fn new() -> Self {
            House { compositor: Compositor::new(Rng::from_number(1)), now: Instant::from_micros(0) }
        }

        fn publish(&mut self, headers: &str, body: &str) -> Result<Accepted, Refused> {
            self.compositor.publish(self.now, "8001", &request(headers, body), &EXPIRY)
        }

        fn open(&self) -> Option<bool> {
            self.compositor.state("8001").map(|state| state.activities != [Activity::Meeting])
        }
    }

    #[test]
    fn published_refreshed_modified_and_removed() {
        let mut house = House::new();
        let first = house.publish("Expires: 120\r\n", MEETING).unwrap();
        assert_eq!((first.expires, house.open()), (Duration::from_secs(120), Some(false)));
        house.now += Duration::from_secs(100);
        let second = house.publish(&format!("Expires: 120\r\nSIP-If-Match: {}\r\n", first.etag), "").unwrap();
        assert_ne!(first.etag, second.etag);
        assert_eq!(
            house.publish(&format!("SIP-If-Match: {}\r\n", first.etag), ""),
            Err(Refused::NoMatch),
            "an old tag"
        );
        let third = house.publish(&format!("SIP-If-Match: {}\r\n", second.etag), OPEN).unwrap();
        assert_eq!((third.expires, house.open()), (Duration::from_secs(3600), Some(true)));
        house.publish(&format!("Expires: 0\r\nSIP-If-Match: {}\r\n", third.etag), "").unwrap();
        assert_eq!(house.open(), None);
        assert!(house.compositor.is_empty());
    }

    #[test]
    fn it_expires_and_then_the_other_phone_counts() {
        let mut house = House::new();
        house.publish("Expires: 600\r\n", OPEN).unwrap();
        house.publish("Expires: 60\r\n", MEETING).unwrap();
        assert_eq!(house.open(), Some(false), "who spoke last");
        let at = house.compositor.poll_timeout().unwrap();
        assert_eq!(at, house.now + Duration::from_secs(60));
        assert_eq!(house.compositor.handle_timeout(at), ["8001"]);
        assert_eq!(house.open(), Some(true));
        assert!(house.compositor.handle_timeout(at).is_empty());
    }

    #[test]
    fn what_cannot_be_published_is_refused_as_the_rfc_says() {
        let mut house = House::new();
        assert_eq!(house.publish("", "").unwrap_err().status(), 400);
        assert_eq!(house.publish("", "<presence>").unwrap_err().status(), 400);
        assert_eq!(house.publish("Expires: 59\r\n", OPEN), Err(Refused::TooBrief { min_expires: 60 }));
        let plain = request("Content-Type: text/plain\r\n", "");
        let mut plain = Request { body: Bytes::from_static(b"I am here"), ..plain };
        plain.headers.set(Name::ContentType, "text/plain");
        let refused = house.compositor.publish(house.now, "8001", &plain, &EXPIRY);
        assert_eq!(refused, Err(Refused::WrongKind));
        // Somebody else's tag is no tag.
        let own = house.publish("", OPEN).unwrap();
        let theirs = request(&format!("SIP-If-Match: {}\r\n", own.etag), MEETING);
        let refused = house.compositor.publish(house.now, "8002", &theirs, &EXPIRY);
        assert_eq!(refused, Err(Refused::NoMatch));
        for _ in 0..9 {
            house.publish("", OPEN).unwrap();
        }
        assert_eq!(house.compositor.len(), MOST_PER_RESOURCE);
    }
}
