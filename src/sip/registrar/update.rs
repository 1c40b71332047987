//! What one REGISTER does to the bindings of its address-of-record (RFC 3261 §10.3 steps 6 to 8).

use std::time::Duration;

use super::binding::{Binding, BindingId};
use super::{Config, Refused, What, Why};
use crate::base::Instant;
use crate::sip::flow::Flow;
use crate::sip::header::{Contacts, Name};
use crate::sip::message::Request;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Scheme;

/// One request's work on a copy of the bindings, so that a mistake in its last contact leaves no trace.
pub(super) struct Update<'a> {
    config: &'a Config,
    now: Instant,
    request: &'a Request,
    flow: Flow,
    pub bindings: Vec<Binding>,
    pub changes: Vec<(What, Binding)>,
    pub path: Vec<String>,
    pub outbound: bool,
    /// The number that was given last.
    pub last: u64,
    /// So many bindings more may there be.
    room: usize,
}

impl<'a> Update<'a> {
    pub fn of(
        config: &'a Config,
        now: Instant,
        request: &'a Request,
        flow: Flow,
        before: &[Binding],
        last: u64,
        room: usize,
    ) -> Result<Self, Refused> {
        if request.to.uri.scheme() == Scheme::Other {
            return Err(Refused::BadAddress);
        }
        let path = path_of(request)?;
        let mut update = Update {
            config,
            now,
            request,
            flow,
            bindings: before.to_vec(),
            changes: Vec::new(),
            path,
            outbound: false,
            last,
            room: before.len().saturating_add(room),
        };
        match request.headers.contacts().map_err(|_| Refused::BadContact)? {
            Contacts::Any => update.remove_all()?,
            Contacts::List(contacts) => update.take(contacts)?,
        }
        Ok(update)
    }

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
        self.outbound = self.is_outbound(&contacts)?;
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
        if self.bindings.len() > self.room { Err(Refused::Full) } else { Ok(()) }
    }

    fn take_one(&mut self, contact: NameAddr) -> Result<(), Refused> {
        if !matches!(contact.uri.scheme(), Scheme::Sip | Scheme::Sips) {
            return Err(Refused::BadContact);
        }
        let life = self.life_of(&contact)?;
        // More than one where it means this binding by its URI and that one by its instance.
        let mut before = self.bindings.extract_if(.., |b| b.is_for(&contact)).collect::<Vec<_>>().into_iter();
        if life.is_zero() {
            // Removing what is not there is no mistake: the phone wants it gone, and it is.
            self.changes.extend(before.map(|b| (What::Unbound(Why::Removed), b)));
            return Ok(());
        }
        let (id, what) = match before.next() {
            Some(first) => (first.id, What::Refreshed),
            None => {
                self.last += 1;
                (BindingId(self.last), What::Bound)
            }
        };
        let binding = Binding {
            id,
            path: self.path.clone().into(),
            outbound: self.outbound,
            ..Binding::new(contact, self.request, self.flow, self.now, life).ok_or(Refused::BadContact)?
        };
        self.changes.extend(before.map(|b| (What::Unbound(Why::PushedOut), b)));
        self.changes.push((what, binding.clone()));
        self.bindings.push(binding);
        Ok(())
    }

    /// Whether the phone keeps a flow for us (RFC 5626 §6): it says that it knows how, by `Supported`, and which
    /// one this is, by `+sip.instance` and `reg-id`.
    fn is_outbound(&self, contacts: &[NameAddr]) -> Result<bool, Refused> {
        let headers = &self.request.headers;
        let knows = headers.lists(Name::Supported, "outbound") || headers.lists(Name::Require, "outbound");
        let numbered =
            |contact: &&NameAddr| contact.params.has("+sip.instance") && contact.params.has("reg-id");
        let Some(contact) = contacts.iter().find(numbered).filter(|_| knows) else { return Ok(false) };
        // One flow, one contact, numbers from 1 to 2^31 - 1 (§4.2).
        let number = contact.params.number("reg-id");
        let stays = |contact: &&NameAddr| contact.params.number("expires") != Some(0);
        if contacts.iter().filter(stays).count() > 1
            || !number.is_some_and(|number| (1..1 << 31).contains(&number))
        {
            return Err(Refused::BadContact);
        }
        // The proxy that the phone talks to keeps flows where its own address in the Path says `ob`.
        let path = self.request.headers.addresses(Name::Path).unwrap_or_default();
        let direct = self.request.vias.len() < 2;
        if !direct && !path.iter().any(|hop| hop.uri.params().has("ob")) {
            return Err(Refused::FirstHopLacksOutbound);
        }
        Ok(true)
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

/// The proxies that want to be on the way to the phone, nearest to us first (RFC 3327 §5.3).
fn path_of(request: &Request) -> Result<Vec<String>, Refused> {
    let path = request.headers.addresses(Name::Path).map_err(|_| Refused::BadPath)?;
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let supported = request.headers.lists(Name::Supported, "path");
    if !supported && !request.headers.lists(Name::Require, "path") {
        return Err(Refused::PathNotSupported);
    }
    if path.iter().any(|hop| !matches!(hop.uri.scheme(), Scheme::Sip | Scheme::Sips)) {
        return Err(Refused::BadPath);
    }
    Ok(path.iter().map(NameAddr::to_value).collect())
}
