//! Who can be reached where: the bindings of a registrar (RFC 3261 §10.3), as pure state.
//!
//! The host authenticates the request, decides which address-of-record it is for, and hands both in. What
//! comes out is the answer, and what changed, so that it can be kept on disk and shown on lamps.
//!
//! ```text
//!                 register: new contact            register: same contact
//!        (none) -----------------------> bound -----------------------> bound, new deadline
//!           ^                              |
//!           +------------------------------+  expires=0, "*", deadline, pushed out by a newer one
//! ```

mod binding;
#[cfg(test)]
mod tests;

pub use binding::{Binding, Way};

use std::collections::BTreeMap;
use std::time::Duration;

use super::flow::Flow;
use super::header::{Contacts, Name};
use super::message::Request;
use super::name_addr::NameAddr;
use super::uri::Scheme;
use crate::base::{Instant, Masked};

/// Settings of the registrar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// What a phone gets that asks for nothing. An hour, as RFC 3261 §10.2.1.1 proposes.
    pub default_expires: Duration,
    /// Shorter is answered with 423: a minute keeps a broken phone from registering all day long.
    pub min_expires: Duration,
    /// Longer is shortened: a phone that vanished is noticed within this time.
    pub max_expires: Duration,
    /// Contacts of one address-of-record. A newer one pushes out the one that was refreshed longest ago: a
    /// phone that restarts on another port each time must not lock itself out.
    pub max_contacts: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            default_expires: Duration::from_secs(3600),
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(3600),
            max_contacts: 5,
        }
    }
}

/// The bindings of all addresses-of-record.
#[derive(Debug, Default)]
pub struct Registrar {
    config: Config,
    /// By address-of-record, as the host names it. No entry is empty.
    bindings: BTreeMap<Masked<String>, Vec<Binding>>,
    /// The earliest deadline of all bindings.
    next: Option<Instant>,
}

/// A REGISTER that was accepted: 200.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registered {
    /// The Contact header's values of the 200: all current bindings, with the seconds they have left.
    pub contacts: Vec<String>,
    /// In the order in which they happened; empty for a fetch.
    pub changes: Vec<Change>,
}

/// A REGISTER that was refused; nothing changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// 400.
    #[error("bad Contact")]
    BadContact,
    /// 400: `*` with other contacts, or without `Expires: 0` (RFC 3261 §10.3 step 6).
    #[error("Contact: * needs Expires: 0")]
    BadWildcard,
    /// 400: To is no address that a phone can have.
    #[error("To cannot be registered")]
    BadAddress,
    /// 423; the answer's Min-Expires, in seconds.
    #[error("expires is shorter than {min_expires} s")]
    TooBrief { min_expires: u64 },
    /// 403: one request with more contacts than an address-of-record may have.
    #[error("too many contacts")]
    TooManyContacts,
    /// 500: an older request of the same Call-ID came after a newer one (RFC 3261 §10.3 step 7).
    #[error("out of order")]
    OutOfOrder,
}

impl Refused {
    pub fn status(self) -> u16 {
        match self {
            Refused::BadContact | Refused::BadWildcard | Refused::BadAddress => 400,
            Refused::TooManyContacts => 403,
            Refused::TooBrief { .. } => 423,
            Refused::OutOfOrder => 500,
        }
    }
}

/// What became of one binding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub address_of_record: Masked<String>,
    pub what: What,
    /// As it is now; for [`What::Unbound`] as it was.
    pub binding: Binding,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    Bound,
    Refreshed,
    Unbound(Why),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// The phone said so.
    Removed,
    Expired,
    /// By a newer contact, at [`Config::max_contacts`].
    PushedOut,
}

impl Registrar {
    pub fn new(config: Config) -> Self {
        Registrar { config, bindings: BTreeMap::new(), next: None }
    }

    /// An authenticated REGISTER for `address_of_record`, which came over `flow`. All of it happens or
    /// nothing.
    ///
    /// # Errors
    /// [`Refused`], with its status.
    pub fn register(
        &mut self,
        now: Instant,
        address_of_record: &str,
        request: &Request,
        flow: Flow,
    ) -> Result<Registered, Refused> {
        if request.to.uri.scheme() == Scheme::Other {
            return Err(Refused::BadAddress);
        }
        let key = Masked::from(address_of_record);
        let mut update = Update {
            config: &self.config,
            now,
            request,
            flow,
            bindings: self.bindings.get(&key).cloned().unwrap_or_default(),
            changes: Vec::new(),
        };
        match request.headers.contacts().map_err(|_| Refused::BadContact)? {
            Contacts::Any => update.remove_all()?,
            Contacts::List(contacts) => update.take(contacts)?,
        }
        let Update { mut bindings, changes, .. } = update;
        sort(&mut bindings);
        let contacts = bindings.iter().map(|b| b.contact_value(now)).collect();
        let changes = changes
            .into_iter()
            .map(|(what, binding)| Change { address_of_record: key.clone(), what, binding })
            .collect();
        self.put(key, bindings);
        Ok(Registered { contacts, changes })
    }

    /// Where to ring, best first: by `q`, then the one that was refreshed last.
    pub fn contacts_of(&self, address_of_record: &str) -> &[Binding] {
        self.bindings.get(&Masked::from(address_of_record)).map_or(&[], Vec::as_slice)
    }

    /// Every binding, for a list on a console and for a safe copy.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Binding)> {
        self.bindings.iter().flat_map(|(key, all)| all.iter().map(move |b| (key.expose().as_str(), b)))
    }

    /// Puts back what was kept on disk, before the first request. Deadlines that have passed end at the next
    /// [`handle_timeout`](Self::handle_timeout).
    pub fn restore(&mut self, address_of_record: &str, binding: Binding) {
        let key = Masked::from(address_of_record);
        let mut bindings = self.bindings.remove(&key).unwrap_or_default();
        bindings.retain(|b| !b.is_for(&binding.contact));
        bindings.push(binding);
        sort(&mut bindings);
        self.put(key, bindings);
    }

    /// The stream is gone: what was registered over it is reached by a new connection to its contact
    /// ([`Binding::way`]), until its deadline.
    pub fn handle_flow_closed(&mut self, flow: Flow) {
        for binding in self.bindings.values_mut().flatten() {
            if flow.connection != 0 && binding.flow == flow {
                binding.flow.connection = 0;
            }
        }
    }

    /// Call when [`poll_timeout`](Self::poll_timeout)'s instant has come; calling it early does nothing.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.next.is_none_or(|next| now < next) {
            return changes;
        }
        for (key, bindings) in &mut self.bindings {
            for binding in bindings.extract_if(.., |b| b.expires <= now) {
                let what = What::Unbound(Why::Expired);
                changes.push(Change { address_of_record: key.clone(), what, binding });
            }
        }
        self.bindings.retain(|_, bindings| !bindings.is_empty());
        self.find_next();
        changes
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, and the deadline's name.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.next.map(|next| (next, "registration expires"))
    }

    fn put(&mut self, key: Masked<String>, bindings: Vec<Binding>) {
        if bindings.is_empty() {
            self.bindings.remove(&key);
        } else {
            self.bindings.insert(key, bindings);
        }
        self.find_next();
    }

    /// A walk over all bindings costs less than keeping an order of deadlines: a thousand phones register a
    /// few times a second, and the deadline is asked for after every input.
    fn find_next(&mut self) {
        self.next = self.bindings.values().flatten().map(|b| b.expires).min();
    }
}

fn sort(bindings: &mut [Binding]) {
    bindings.sort_by_key(|b| std::cmp::Reverse((b.q, b.refreshed)));
}

/// One request's work on a copy of the bindings, so that a mistake in its last contact leaves no trace.
struct Update<'a> {
    config: &'a Config,
    now: Instant,
    request: &'a Request,
    flow: Flow,
    bindings: Vec<Binding>,
    changes: Vec<(What, Binding)>,
}

impl Update<'_> {
    /// `Contact: *` (RFC 3261 §10.3 step 6).
    fn remove_all(&mut self) -> Result<(), Refused> {
        if self.request.headers.number(Name::Expires) != Some(0) {
            return Err(Refused::BadWildcard);
        }
        if self.bindings.iter().any(|b| self.is_late(b)) {
            return Err(Refused::OutOfOrder);
        }
        self.changes.extend(self.bindings.drain(..).map(|b| (What::Unbound(Why::Removed), b)));
        Ok(())
    }

    /// RFC 3261 §10.3 step 7.
    fn take(&mut self, contacts: Vec<NameAddr>) -> Result<(), Refused> {
        if contacts.len() > self.config.max_contacts {
            return Err(Refused::TooManyContacts);
        }
        // Held against what was there before, so that one request may name a contact twice.
        let late = |contact: &NameAddr| self.bindings.iter().any(|b| b.is_for(contact) && self.is_late(b));
        if contacts.iter().any(late) {
            return Err(Refused::OutOfOrder);
        }
        for contact in contacts {
            self.take_one(contact)?;
        }
        while self.bindings.len() > self.config.max_contacts {
            let oldest = self.bindings.iter().enumerate().min_by_key(|(_, b)| b.refreshed).map(|(at, _)| at);
            let Some(at) = oldest else { break };
            self.changes.push((What::Unbound(Why::PushedOut), self.bindings.remove(at)));
        }
        Ok(())
    }

    fn take_one(&mut self, contact: NameAddr) -> Result<(), Refused> {
        if !matches!(contact.uri.scheme(), Scheme::Sip | Scheme::Sips) {
            return Err(Refused::BadContact);
        }
        let life = self.life_of(&contact)?;
        let at = self.bindings.iter().position(|b| b.is_for(&contact));
        let before = at.map(|at| self.bindings.remove(at));
        if life.is_zero() {
            // Removing what is not there is no mistake: the phone wants it gone, and it is.
            self.changes.extend(before.map(|b| (What::Unbound(Why::Removed), b)));
            return Ok(());
        }
        let binding = Binding::new(contact, self.request, self.flow, self.now, life);
        let what = if before.is_some() { What::Refreshed } else { What::Bound };
        self.changes.push((what, binding.clone()));
        self.bindings.push(binding);
        Ok(())
    }

    /// The contact's own `expires`, else the Expires header, else our default. What is no number counts as
    /// not said (RFC 3261 §10.2.1.1).
    fn life_of(&self, contact: &NameAddr) -> Result<Duration, Refused> {
        let header = || self.request.headers.seconds(Name::Expires);
        let own = contact.params.number("expires").map(|s| Duration::from_secs(s.into()));
        let asked = own.or_else(header).unwrap_or(self.config.default_expires);
        if !asked.is_zero() && asked < self.config.min_expires {
            return Err(Refused::TooBrief { min_expires: self.config.min_expires.as_secs() });
        }
        Ok(asked.min(self.config.max_expires))
    }

    /// Whether the request is not newer than what made this binding.
    fn is_late(&self, binding: &Binding) -> bool {
        binding.call_id == self.request.call_id && self.request.cseq <= binding.cseq
    }
}
