//! Where the phones are: registered contacts, and those that the dialplan fixes.

use super::{Config, Exchange};
use crate::base::Instant;
use crate::sip::registrar::{Refused, Registrar, Way, What};
use crate::sip::{Answer, Flow, Request, Uri};

pub(super) struct Directory {
    registrar: Registrar,
}

impl Directory {
    pub(super) fn new(config: &Config) -> Self {
        Directory { registrar: Registrar::new(config.registrar.clone()) }
    }

    /// The answer to an authenticated REGISTER, and whether it changed where the user is reached: a refresh and a
    /// fetch do not.
    pub(super) fn register(
        &mut self,
        now: Instant,
        user: &str,
        request: &Request,
        flow: Flow,
    ) -> (Answer, bool) {
        match self.registrar.register(now, user, request, flow) {
            Ok(registered) => {
                let changed = registered.changes.iter().any(|change| change.what != What::Refreshed);
                let contacts = registered.contacts.into_iter();
                (contacts.fold(Answer::new(200), |answer, contact| answer.with("Contact", contact)), changed)
            }
            Err(refused) => {
                let answer = Answer::new(refused.status());
                let answer = match refused {
                    Refused::TooBrief { min_expires } => answer.with("Min-Expires", min_expires.to_string()),
                    _ => answer,
                };
                (answer, false)
            }
        }
    }

    /// How many contacts the user has.
    pub(super) fn count(&self, user: &str) -> usize {
        self.registrar.contacts_of(user).len()
    }

    pub(super) fn registrations(&self) -> usize {
        self.registrar.iter().count()
    }

    /// Where to send an INVITE for this user: over the flow that the phone registered on.
    fn registered(&self, user: &str) -> Option<(Uri, Flow)> {
        self.registrar.contacts_of(user).iter().find_map(|binding| {
            let flow = match binding.way() {
                Way::Flow(flow) => flow,
                Way::Connect(remote) => Flow { remote, connection: 0, ..binding.flow },
                // Names are for the host to resolve; a phone that registers one over a stream is left unreached.
                Way::Resolve => return None,
            };
            Some((binding.contact.uri.clone(), flow))
        })
    }

    pub(super) fn flow_closed(&mut self, flow: Flow) {
        self.registrar.handle_flow_closed(flow);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.registrar.poll_timeout().map(|(at, _)| at)
    }

    /// The users who lost a contact.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<String> {
        let changes = self.registrar.handle_timeout(now);
        let mut users: Vec<_> =
            changes.into_iter().map(|change| change.address_of_record.expose().clone()).collect();
        users.dedup();
        users
    }
}

impl Exchange {
    /// The phone of the person with this extension, and how to reach it. A registered phone counts before a
    /// fixed contact.
    pub(super) fn phone_of(&self, extension: &str) -> Option<(Uri, Flow)> {
        self.directory.registered(extension).or_else(|| {
            let contact = self.plan.agent_by_extension(extension)?.contact.as_deref()?;
            fixed(&self.config, contact)
        })
    }
}

/// A contact that the dialplan fixes, and the way there.
fn fixed(config: &Config, contact: &str) -> Option<(Uri, Flow)> {
    let uri = Uri::parse(contact).ok()?;
    let (transport, remote) = (uri.carrier(), uri.socket_address()?);
    let local = config.local_for(transport, remote);
    Some((uri, Flow { transport, local, remote, connection: 0 }))
}
