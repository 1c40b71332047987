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
//!
//! A phone behind proxies is reached through the [`path`](Binding::path) that they named (RFC 3327). A phone that
//! holds several flows (RFC 5626) has a binding for each: one of them is closed, the next one carries the call.

mod binding;
#[cfg(test)]
mod tests;
mod update;

pub use binding::{Binding, BindingId, Kept, Way};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use self::update::Update;
use super::flow::Flow;
use super::message::Request;
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
    /// Contacts of all together; past it nobody new is taken, and who is bound stays so.
    pub most: usize,
    /// What a phone that holds a stream open is asked for (RFC 5626 §4.4, `Flow-Timer`): a sign of life at least
    /// so often. Below the two minutes after which common firewalls forget a connection.
    pub flow_timer: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            default_expires: Duration::from_secs(3600),
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(3600),
            max_contacts: 5,
            most: 20_000,
            flow_timer: Duration::from_secs(110),
        }
    }
}

/// The bindings of all addresses-of-record.
#[derive(Debug, Default)]
pub struct Registrar {
    config: Config,
    /// By address-of-record, as the host names it. No entry is empty.
    bindings: BTreeMap<Masked<String>, Vec<Binding>>,
    /// Whose each binding is.
    owners: BTreeMap<BindingId, Masked<String>>,
    deadlines: BTreeSet<(Instant, BindingId)>,
    /// What each open stream carries, by the host's number of it.
    streams: BTreeSet<(u64, BindingId)>,
    last: u64,
}

/// A REGISTER that was accepted: 200.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registered {
    /// The Contact header's values of the 200: all current bindings, with the seconds they have left.
    pub contacts: Vec<String>,
    /// In the order in which they happened; empty for a fetch.
    pub changes: Vec<Change>,
    /// The Path of the request, for the 200 (RFC 3327 §5.3).
    pub path: Vec<String>,
    /// The rules of RFC 5626 were followed: `Require: outbound` in the 200, and over a stream `Flow-Timer`.
    pub outbound: bool,
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
    /// 400: a Path that no request could follow.
    #[error("bad Path")]
    BadPath,
    /// 420: proxies named a Path, and the phone does not know what that is (RFC 3327 §5.3): it could not tell a
    /// Path that somebody put in on the way.
    #[error("Path without Supported: path")]
    PathNotSupported,
    /// 439: the phone wants to be reached over this flow, and the first proxy on its way knows nothing of flows
    /// (RFC 5626 §6).
    #[error("first hop lacks outbound support")]
    FirstHopLacksOutbound,
    /// 403: one request with more contacts than an address-of-record may have.
    #[error("too many contacts")]
    TooManyContacts,
    /// 500: an older request of the same Call-ID came after a newer one (RFC 3261 §10.3 step 7).
    #[error("out of order")]
    OutOfOrder,
    /// 503: as many phones as there may be.
    #[error("registrar full")]
    Full,
}

impl Refused {
    pub fn status(self) -> u16 {
        match self {
            Refused::BadContact | Refused::BadWildcard | Refused::BadAddress | Refused::BadPath => 400,
            Refused::TooManyContacts => 403,
            Refused::PathNotSupported => 420,
            Refused::TooBrief { .. } => 423,
            Refused::FirstHopLacksOutbound => 439,
            Refused::OutOfOrder => 500,
            Refused::Full => 503,
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
    /// By a newer contact: one that means it as well, or one too many ([`Config::max_contacts`]).
    PushedOut,
    /// Nobody of this name may register any longer.
    NoAccount,
}

impl Registrar {
    pub fn new(config: Config) -> Self {
        Registrar { config, ..Registrar::default() }
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
        let key = Masked::from(address_of_record);
        let before = self.bindings.get(&key).map_or(&[][..], Vec::as_slice);
        let room = self.config.most.saturating_sub(self.owners.len());
        let update = Update::of(&self.config, now, request, flow, before, self.last, room)?;
        let Update { mut bindings, changes, path, outbound, last, .. } = update;
        self.last = last;
        sort(&mut bindings);
        let contacts = bindings.iter().map(|b| b.contact_value(now)).collect();
        let changes = changes
            .into_iter()
            .map(|(what, binding)| Change { address_of_record: key.clone(), what, binding })
            .collect();
        self.put(key, bindings);
        Ok(Registered { contacts, changes, path, outbound })
    }

    /// Where to ring, best first: by `q`, then the one that was refreshed last.
    pub fn contacts_of(&self, address_of_record: &str) -> &[Binding] {
        self.bindings.get(&Masked::from(address_of_record)).map_or(&[], Vec::as_slice)
    }

    /// The binding with this number, and whose it is.
    pub fn binding(&self, id: BindingId) -> Option<(&str, &Binding)> {
        let owner = self.owners.get(&id)?;
        let binding = self.bindings.get(owner)?.iter().find(|binding| binding.id == id)?;
        Some((owner.expose(), binding))
    }

    /// Every binding, for a list on a console.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Binding)> {
        self.bindings.iter().flat_map(|(key, all)| all.iter().map(move |b| (key.expose().as_str(), b)))
    }

    /// How many bindings there are.
    pub fn len(&self) -> usize {
        self.owners.len()
    }

    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// Puts back what was kept on disk, before the first request. Deadlines that have passed end at the next
    /// [`handle_timeout`](Self::handle_timeout). What cannot be read is left out: the phone registers again.
    pub fn restore(&mut self, address_of_record: &str, kept: Kept) -> Option<&Binding> {
        let binding = Binding::restored(kept)?;
        let id = binding.id;
        // A number that is given already would mix two bindings up.
        if self.owners.contains_key(&id) {
            return None;
        }
        self.last = self.last.max(id.0);
        let key = Masked::from(address_of_record);
        let mut bindings = self.bindings.get(&key).cloned().unwrap_or_default();
        bindings.retain(|b| !b.is_for(&binding.contact));
        bindings.push(binding);
        sort(&mut bindings);
        self.put(key, bindings);
        self.binding(id).map(|(_, binding)| binding)
    }

    /// The stream is gone: what was registered over it is reached by a new connection to its contact, or not at
    /// all ([`Binding::way`]), until its deadline. Whose it was.
    pub fn handle_flow_closed(&mut self, flow: Flow) -> Vec<String> {
        let mut owners = Vec::new();
        while let Some(&(stream, id)) = self.streams.range((flow.connection, BindingId(0))..).next() {
            if stream != flow.connection {
                break;
            }
            self.streams.remove(&(stream, id));
            let Some(owner) = self.owners.get(&id) else { continue };
            let bindings = self.bindings.get_mut(owner).into_iter().flatten();
            for binding in bindings.filter(|binding| binding.id == id) {
                binding.flow.connection = 0;
            }
            owners.push(owner.expose().clone());
        }
        owners
    }

    /// Ends all that is registered for `address_of_record`: its account is gone.
    pub fn remove(&mut self, address_of_record: &str) -> Vec<Change> {
        let key = Masked::from(address_of_record);
        let bindings = self.bindings.get(&key).cloned().unwrap_or_default();
        self.put(key.clone(), Vec::new());
        let what = What::Unbound(Why::NoAccount);
        bindings.into_iter().map(|binding| Change { address_of_record: key.clone(), what, binding }).collect()
    }

    /// Call when [`poll_timeout`](Self::poll_timeout)'s instant has come; calling it early does nothing.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some(&(_, id)) = self.deadlines.first().filter(|(at, _)| *at <= now) {
            self.deadlines.pop_first();
            let Some(key) = self.owners.get(&id).cloned() else { continue };
            let mut bindings = self.bindings.get(&key).cloned().unwrap_or_default();
            for binding in bindings.extract_if(.., |b| b.id == id) {
                let what = What::Unbound(Why::Expired);
                changes.push(Change { address_of_record: key.clone(), what, binding });
            }
            self.put(key, bindings);
        }
        changes
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, and the deadline's name.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.deadlines.first().map(|(next, _)| (*next, "registration expires"))
    }

    fn put(&mut self, key: Masked<String>, mut bindings: Vec<Binding>) {
        for old in self.bindings.remove(&key).into_iter().flatten() {
            self.owners.remove(&old.id);
            self.deadlines.remove(&(old.expires, old.id));
            self.streams.remove(&(old.flow.connection, old.id));
        }
        for new in &bindings {
            self.owners.insert(new.id, key.clone());
            self.deadlines.insert((new.expires, new.id));
            if new.flow.connection != 0 {
                self.streams.insert((new.flow.connection, new.id));
            }
        }
        if !bindings.is_empty() {
            // Most have one, and a Vec begins with room for four.
            bindings.shrink_to_fit();
            self.bindings.insert(key, bindings);
        }
    }
}

fn sort(bindings: &mut [Binding]) {
    bindings.sort_by_key(|b| std::cmp::Reverse((b.q, b.refreshed)));
}
