//! Where the phones are: registered contacts, and those that the dialplan fixes; and whether they answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::probes::{Due, Probes};
use super::share::Say;
use super::{Config, Exchange};
use crate::base::{Instant, Now, Rng};
use crate::sip::registrar::{Binding, BindingId, Change, Kept, Refused, Registered, Registrar, Way, What};
use crate::sip::{Answer, Flow, NameAddr, Request, RequestId, Uri};

pub(super) struct Directory {
    registrar: Registrar,
    flow_timer_s: u64,
    probes: Probes<Key>,
    /// OPTIONS of ours that are not answered yet.
    asked: BTreeMap<RequestId, Key>,
    /// Who is registered from which address.
    at: BTreeMap<SocketAddr, BTreeSet<BindingId>>,
    addresses: BTreeMap<BindingId, SocketAddr>,
    rng: Rng,
}

/// What is asked for signs of life.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Key {
    Binding(BindingId),
    /// The contact that the dialplan fixes for this extension.
    Fixed(String),
}

/// One way to a phone.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub key: Key,
    pub uri: Uri,
    pub via: Flow,
    /// The proxies on the way, as the values of Route headers (RFC 3327).
    pub route: Vec<String>,
}

/// One phone: several ways where it keeps several flows for us (RFC 5626), best first, never none.
#[derive(Clone, Debug)]
pub(super) struct Phone {
    /// Preference in thousandths.
    pub q: u16,
    pub ways: Vec<Target>,
}

impl Directory {
    pub(super) fn new(config: &Config, rng: Rng) -> Self {
        Directory {
            registrar: Registrar::new(config.registrar.clone()),
            flow_timer_s: config.registrar.flow_timer.as_secs(),
            probes: Probes::new(config.probes),
            asked: BTreeMap::new(),
            at: BTreeMap::new(),
            addresses: BTreeMap::new(),
            rng,
        }
    }

    // -- registrations --

    /// The answer to an authenticated REGISTER, and what it changed.
    pub(super) fn register(
        &mut self,
        now: Instant,
        user: &str,
        request: &Request,
        flow: Flow,
    ) -> (Answer, Vec<Change>) {
        match self.registrar.register(now, user, request, flow) {
            Ok(registered) => {
                for change in &registered.changes {
                    self.follow(now, change.what, &change.binding);
                    self.probes.heard(now, &Key::Binding(change.binding.id));
                }
                (self.granted(&registered, flow), registered.changes)
            }
            Err(refused) => (refusal(refused), Vec::new()),
        }
    }

    fn granted(&self, registered: &Registered, flow: Flow) -> Answer {
        let contacts = registered.contacts.iter();
        let answer = contacts.fold(Answer::new(200), |answer, contact| answer.with("Contact", contact));
        let path = registered.path.iter();
        let answer = path.fold(answer, |answer, hop| answer.with("Path", hop));
        if !registered.outbound {
            return answer;
        }
        let answer = answer.with("Require", "outbound").with("Supported", "path, outbound");
        if !flow.transport.is_reliable() {
            return answer;
        }
        answer.with("Flow-Timer", self.flow_timer_s.to_string())
    }

    /// A binding of before the restart; whether there is one now.
    pub(super) fn restore(&mut self, now: Instant, user: &str, kept: Kept) -> bool {
        let Some(binding) = self.registrar.restore(user, kept).cloned() else { return false };
        self.follow(now, What::Bound, &binding);
        true
    }

    /// Keeps what is known of a binding beside the registrar in step with it.
    fn follow(&mut self, now: Instant, what: What, binding: &Binding) {
        let (id, key) = (binding.id, Key::Binding(binding.id));
        if let Some(before) = self.addresses.remove(&id)
            && let Some(there) = self.at.get_mut(&before)
        {
            there.remove(&id);
            if there.is_empty() {
                self.at.remove(&before);
            }
        }
        if matches!(what, What::Unbound(_)) {
            self.probes.forget(&key);
            return;
        }
        self.addresses.insert(id, binding.flow.remote);
        self.at.entry(binding.flow.remote).or_default().insert(id);
        self.probes.watch(now, key, &mut self.rng);
    }

    /// How many contacts the user has.
    pub(super) fn count(&self, user: &str) -> usize {
        self.registrar.contacts_of(user).len()
    }

    pub(super) fn registrations(&self) -> usize {
        self.registrar.len()
    }

    /// The users who were registered over this stream.
    pub(super) fn flow_closed(&mut self, flow: Flow) -> Vec<String> {
        self.registrar.handle_flow_closed(flow)
    }

    /// What has expired.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Change> {
        let changes = self.registrar.handle_timeout(now);
        for change in &changes {
            self.follow(now, change.what, &change.binding);
        }
        changes
    }

    /// The user's account is gone, and with it what the phones have registered.
    pub(super) fn remove(&mut self, now: Instant, user: &str) -> Vec<Change> {
        let changes = self.registrar.remove(user);
        for change in &changes {
            self.follow(now, change.what, &change.binding);
        }
        changes
    }

    // -- ways --

    /// The user's registered phones that can be reached, best first: by `q`, then the one that was refreshed last.
    fn registered(&self, user: &str) -> Vec<Phone> {
        let mut phones: Vec<(Option<&[u8]>, Phone)> = Vec::new();
        for binding in self.registrar.contacts_of(user) {
            let Some(target) = self.target(binding) else { continue };
            if self.probes.is_down(&target.key) {
                continue;
            }
            let instance = binding.instance();
            match phones.iter_mut().find(|(other, _)| instance.is_some() && *other == instance) {
                Some((_, phone)) => phone.ways.push(target),
                None => phones.push((instance, Phone { q: binding.q, ways: vec![target] })),
            }
        }
        phones.into_iter().map(|(_, phone)| phone).collect()
    }

    fn target(&self, binding: &Binding) -> Option<Target> {
        let via = match binding.way() {
            Way::Flow(flow) => flow,
            Way::Connect(remote) => Flow { remote, connection: 0, ..binding.flow },
            // Names are for the host to resolve; a phone that registers one over a stream is left unreached.
            Way::Resolve | Way::Gone => return None,
        };
        Some(Target {
            key: Key::Binding(binding.id),
            uri: binding.contact.uri.clone(),
            via: via_of(via, &binding.path),
            route: binding.path.to_vec(),
        })
    }

    // -- signs of life --

    /// From now on the contacts that the plan fixes are these.
    fn watch_fixed(&mut self, now: Instant, extensions: &BTreeSet<&str>) {
        let gone = |key: &&Key| match key {
            Key::Fixed(extension) => !extensions.contains(extension.as_str()),
            Key::Binding(_) => false,
        };
        for key in self.probes.keys().filter(gone).cloned().collect::<Vec<_>>() {
            self.probes.forget(&key);
        }
        for extension in extensions {
            self.probes.watch(now, Key::Fixed((*extension).to_owned()), &mut self.rng);
        }
    }

    /// Something came from there. The user whose phone had been silent until now. Of an address that several have, as a
    /// proxy's, nobody knows whose word it is: of them only answers and registrations count.
    pub(super) fn heard_from(&mut self, now: Instant, remote: SocketAddr) -> Option<String> {
        let there = self.at.get(&remote).filter(|there| there.len() == 1)?;
        let id = *there.first()?;
        let was_down = self.probes.heard(now, &Key::Binding(id));
        was_down.then(|| self.registrar.binding(id).map(|(user, _)| user.to_owned())).flatten()
    }

    pub(super) fn is_down(&self, key: &Key) -> bool {
        self.probes.is_down(key)
    }

    /// A call did not get through: it may be gone.
    pub(super) fn suspect(&mut self, now: Instant, key: &Key) {
        self.probes.suspect(now, key);
    }

    fn owner(&self, key: &Key) -> Option<String> {
        match key {
            Key::Binding(id) => self.registrar.binding(*id).map(|(user, _)| user.to_owned()),
            Key::Fixed(extension) => Some(extension.clone()),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let probe = self.probes.poll_timeout().map(|at| (at, "sign of life"));
        [self.registrar.poll_timeout(), probe].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

/// The request goes to the nearest proxy of the path. Over a stream that is whoever holds the other end; over UDP
/// the address that the proxy wrote, where it wrote one.
fn via_of(flow: Flow, path: &[String]) -> Flow {
    let hop = path.first().filter(|_| !flow.transport.is_reliable());
    let remote = hop.and_then(|hop| NameAddr::parse(hop)).and_then(|hop| hop.uri.socket_address());
    Flow { remote: remote.unwrap_or(flow.remote), ..flow }
}

fn refusal(refused: Refused) -> Answer {
    let answer = Answer::new(refused.status());
    match refused {
        Refused::TooBrief { min_expires } => answer.with("Min-Expires", min_expires.to_string()),
        Refused::PathNotSupported => answer.with("Unsupported", "path"),
        Refused::Full => answer.with("Retry-After", "60"),
        _ => answer,
    }
}

impl Exchange {
    /// The phones of the person with this extension that can be reached, best first. Registered phones count
    /// before a fixed contact.
    pub(super) fn phones_of(&self, extension: &str) -> Vec<Phone> {
        if !self.share.is_first() {
            return self.commons.phones.get(extension).map(|phones| phones.clone()).unwrap_or_default();
        }
        let registered = self.directory.registered(extension);
        if !registered.is_empty() {
            return registered;
        }
        let target = self.fixed_contact(extension).filter(|target| !self.directory.is_down(&target.key));
        target.into_iter().map(|target| Phone { q: 1000, ways: vec![target] }).collect()
    }

    /// The person's phones came, went or moved: the other exchanges are to know.
    pub(super) fn publish_phones(&self, extension: &str) {
        if self.share.is_whole() || !self.share.is_first() {
            return;
        }
        let phones = self.phones_of(extension);
        if phones.is_empty() {
            self.commons.phones.remove(extension);
        } else {
            self.commons.phones.insert(extension.to_owned(), phones);
        }
    }

    /// A phone did not answer a call: it may be gone.
    pub(super) fn suspect(&mut self, now: Now, key: Key) {
        if self.share.is_first() {
            self.directory.suspect(now.mono, &key);
        } else {
            self.tell_first(Say::Suspect(key));
        }
    }

    /// The best way to the person with this extension.
    pub(super) fn phone_of(&self, extension: &str) -> Option<(Uri, Flow)> {
        let target = self.phones_of(extension).into_iter().next()?.ways.into_iter().next()?;
        Some((target.uri, target.via))
    }

    fn fixed_contact(&self, extension: &str) -> Option<Target> {
        let contact = self.plan.agent_by_extension(extension)?.contact.as_deref()?;
        let uri = Uri::parse(contact).ok()?;
        let (transport, remote) = (uri.carrier(), uri.socket_address()?);
        let via = Flow { transport, local: self.config.local_for(transport, remote), remote, connection: 0 };
        Some(Target { key: Key::Fixed(extension.to_owned()), uri, via, route: Vec::new() })
    }

    /// After a start and after each change of the plan.
    pub(super) fn watch_fixed_contacts(&mut self, now: Instant) {
        let agents = self.plan.agents().iter().filter(|agent| agent.contact.is_some());
        let extensions = agents.map(|agent| agent.extension.as_str()).collect();
        self.directory.watch_fixed(now, &extensions);
        let plan = self.plan.clone();
        plan.agents().iter().for_each(|agent| self.publish_phones(&agent.extension));
    }

    /// Where to ask for a sign of life.
    pub(super) fn probe_target(&self, key: &Key) -> Option<Target> {
        match key {
            Key::Binding(id) => self.directory.target(self.directory.registrar.binding(*id)?.1),
            Key::Fixed(extension) => self.fixed_contact(extension),
        }
    }

    pub(super) fn owner_of(&self, key: &Key) -> Option<String> {
        self.directory.owner(key)
    }
}

impl Directory {
    /// No call will come any more.
    pub(super) fn end_probes(&mut self) {
        self.probes.end();
    }

    pub(super) fn due(&mut self, now: Instant) -> Vec<Due<Key>> {
        self.probes.handle_timeout(now)
    }

    pub(super) fn asking(&mut self, request: RequestId, key: Key) {
        self.asked.insert(request, key);
    }

    pub(super) fn take_asked(&mut self, request: RequestId) -> Option<Key> {
        self.asked.remove(&request)
    }

    /// `true`: it had been silent until now.
    pub(super) fn heard(&mut self, now: Instant, key: &Key) -> bool {
        self.probes.heard(now, key)
    }

    pub(super) fn unsent(&mut self, now: Instant, key: &Key) {
        self.probes.failed(now, key);
    }
}
