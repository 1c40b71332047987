//! The way to one browser: found by its checks, opened by the handshake, watched as long as the call lasts.
//!
//! ```text
//!                 a good check        it nominates its way        handshake over
//!   (terms) ----> Unknown ----------> Valid ---------------------> Nominated ------------> Secured
//!                    ^                  handshake from any valid address       |   ^
//!                    |                                                         |   +-- another way nominated
//!                    +---- new terms: a new password (restart), a new certificate (a new handshake)
//!
//!   no good check for 30 s: Lost, once (consent, RFC 7675 §5.1)
//! ```

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rtc_shared::error::Error;

use super::checks::{self, Check};
use super::handshake::Handshake;
use super::identity::Identity;
use crate::base::ice::{Credentials, Terms};
use crate::base::srtp::Keys;

pub(super) struct Way {
    identity: Identity,
    terms: Terms,
    /// Of before a restart: its checks go on until the new way is found.
    before: Option<Credentials>,
    /// Addresses whose checks knew the password, the last one last.
    valid: VecDeque<SocketAddr>,
    nominated: Option<SocketAddr>,
    handshake: Handshake,
    keys: Option<Keys>,
    /// Deadline "consent" counts from here.
    checked: Instant,
    lost: bool,
    out: VecDeque<Output>,
}

/// What the way wants done.
#[derive(Debug)]
pub(super) enum Output {
    Send {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// Voice goes to this address and comes under these keys; again when either has changed.
    Secured {
        peer: SocketAddr,
        keys: Box<Keys>,
    },
    /// The browser is gone, or its network.
    Lost,
}

/// Why a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    /// A check that did not know the password.
    Forged,
    /// From an address that no check has come from, or nothing that we understand.
    Stray,
    /// The handshake came to nothing: above all, another certificate than the one announced.
    Refused,
}

/// RFC 7675 §5.1.
pub(super) const CONSENT: Duration = Duration::from_secs(30);
/// A browser has a few ways: networks times address families, some behind relays.
const MOST_VALID: usize = 16;

impl Way {
    pub fn new(now: Instant, identity: &Identity, terms: Terms) -> Result<Self, Error> {
        Ok(Way {
            identity: identity.clone(),
            handshake: Handshake::new(identity, &terms)?,
            terms,
            before: None,
            valid: VecDeque::new(),
            nominated: None,
            keys: None,
            checked: now,
            lost: false,
            out: VecDeque::new(),
        })
    }

    /// What was agreed anew. The present way stays in use until the new one is found.
    pub fn renew(&mut self, now: Instant, terms: Terms) -> Result<(), Error> {
        let who = |terms: &Terms| (terms.certificate, terms.fingerprint, terms.role);
        if who(&terms) != who(&self.terms) {
            self.handshake = Handshake::new(&self.identity, &terms)?;
            self.keys = None;
        }
        if terms.ours != self.terms.ours {
            self.before = Some(self.terms.ours.clone());
        }
        self.terms = terms;
        self.checked = now;
        self.lost = false;
        if let Some(way) = self.nominated {
            self.begin(now, way)?;
        }
        Ok(())
    }

    /// A packet on the leg's port that is no voice (RFC 7983 §7).
    pub fn handle_packet(&mut self, now: Instant, from: SocketAddr, packet: &[u8]) -> Result<(), Dropped> {
        match packet.first() {
            Some(0..=3) => self.check(now, from, packet),
            Some(20..=63) if self.valid.contains(&from) => self.shake_hands(now, from, packet),
            _ => Err(Dropped::Stray),
        }
    }

    fn check(&mut self, now: Instant, from: SocketAddr, packet: &[u8]) -> Result<(), Dropped> {
        let crypto = self.identity.crypto.crypto();
        let mut checked = checks::check(crypto, &self.terms.ours, from, packet);
        let mut current = true;
        if checked == Check::Forged
            && let Some(before) = &self.before
        {
            checked = checks::check(crypto, before, from, packet);
            current = false;
        }
        match checked {
            Check::Forged => Err(Dropped::Forged),
            Check::Useless => Err(Dropped::Stray),
            Check::Conflict { answer } => {
                self.out.push_back(Output::Send { to: from, bytes: answer });
                Ok(())
            }
            Check::Good { answer, nominated } => {
                self.out.push_back(Output::Send { to: from, bytes: answer });
                self.checked = now;
                self.lost = false;
                self.note_valid(from);
                // After a restart the old way is only kept alive: it is not chosen any more.
                if nominated && current {
                    self.before = None;
                    return self.nominate(now, from).map_err(|_| Dropped::Refused);
                }
                Ok(())
            }
        }
    }

    fn note_valid(&mut self, from: SocketAddr) {
        if !self.valid.contains(&from) {
            if self.valid.len() == MOST_VALID {
                self.valid.pop_front();
            }
            self.valid.push_back(from);
        }
    }

    fn nominate(&mut self, now: Instant, way: SocketAddr) -> Result<(), Error> {
        if self.nominated == Some(way) {
            return Ok(());
        }
        self.nominated = Some(way);
        self.tell();
        self.begin(now, way)
    }

    fn begin(&mut self, now: Instant, way: SocketAddr) -> Result<(), Error> {
        self.handshake.begin(now)?;
        self.send_flight(way);
        Ok(())
    }

    fn shake_hands(&mut self, now: Instant, from: SocketAddr, packet: &[u8]) -> Result<(), Dropped> {
        let read = self.handshake.read(now, packet);
        // Also where it failed: the other side is told why.
        self.send_flight(from);
        match read {
            Ok(None) => Ok(()),
            Ok(Some(keys)) => {
                self.keys = Some(keys);
                self.nominated.get_or_insert(from);
                self.tell();
                Ok(())
            }
            Err(error) => {
                tracing::debug!(%error, "handshake");
                Err(Dropped::Refused)
            }
        }
    }

    fn send_flight(&mut self, to: SocketAddr) {
        while let Some(packet) = self.handshake.poll_transmit() {
            self.out.push_back(Output::Send { to, bytes: packet.to_vec() });
        }
    }

    fn tell(&mut self) {
        if let (Some(peer), Some(keys)) = (self.nominated, &self.keys) {
            self.out.push_back(Output::Secured { peer, keys: Box::new(keys.clone()) });
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if let Err(error) = self.handshake.handle_timeout(now) {
            tracing::debug!(%error, "handshake");
        }
        if let Some(to) = self.nominated.or(self.valid.back().copied()) {
            self.send_flight(to);
        }
        if !self.lost && now >= self.checked + CONSENT {
            self.lost = true;
            self.out.push_back(Output::Lost);
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let consent = (!self.lost).then(|| self.checked + CONSENT);
        [consent, self.handshake.poll_timeout()].into_iter().flatten().min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    #[cfg(test)]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }
}
