//! Whatever is sent to a trunk: the name is asked for, the targets are tried one after the other (RFC 3263 §4.3), and
//! what came of it is heard by whom it concerns.
//!
//! ```text
//!   run --> name known? -- no --> Output::Resolve … Input::Resolved --+
//!                |  ^                                                  |
//!                |  +--------------------------------------------------+
//!                v
//!            attempt: first target --> 503, 408, silence --> next target --> … --> none is left: failed
//!                              |
//!                              +-----> any other answer: done
//! ```

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::registration::{Answer, Ask};
use crate::base::{LegId, Now};
use crate::exchange::{Exchange, Output};
use crate::sip::locate::{self, Abilities, Question, Target, locate};
use crate::sip::{
    Contacts, Flow, Headers, Method, Name, NameAddr, OutOfDialog, RequestId, Thread, Transport, Uri,
};

/// What is to be sent to a trunk.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    Register {
        trunk: String,
        ask: Ask,
    },
    Probe {
        trunk: String,
    },
    /// The INVITE of this leg.
    Call(LegId),
}

/// A request that is on its way, and where else it could go.
#[derive(Debug)]
pub(super) struct Underway {
    errand: Errand,
    rest: VecDeque<Target>,
}

/// Statuses that say "not here", not "no": the request was not looked at (RFC 3263 §4.3), or nobody answered.
pub(super) fn is_not_here(status: u16) -> bool {
    matches!(status, 408 | 503)
}

impl Exchange {
    pub(super) fn run_errand(&mut self, now: Now, errand: Errand) {
        let trunk = match &errand {
            Errand::Register { trunk, .. } | Errand::Probe { trunk } => Some(trunk.clone()),
            Errand::Call(leg) => self.trunks.outside.get(leg).map(|leg| leg.trunk.clone()),
        };
        let destination = trunk.as_deref().and_then(|name| self.trunk(name)?.destination().cloned());
        let Some(destination) = destination else { return self.attempt(now, errand, VecDeque::new()) };
        let mut transports = vec![Transport::Udp, Transport::Tcp];
        // TLS out where there is TLS in: then somebody has thought about certificates.
        transports.extend(self.config.listening.iter().map(|(of, _)| *of).find(|of| *of == Transport::Tls));
        let families = || self.config.listening.iter().map(|(_, address)| *address).chain([self.config.udp]);
        let abilities = Abilities {
            transports: &transports,
            ipv4: families().any(|address| address.is_ipv4()),
            ipv6: families().any(|address| address.is_ipv6()),
        };
        match locate(&destination, abilities, &self.trunks.names, now.mono, &mut self.rng) {
            Ok(targets) => {
                if let Some(mut line) = trunk.and_then(|name| self.commons.trunks.get_mut(&name)) {
                    line.addresses = targets.iter().map(|target| target.address.ip()).collect();
                }
                self.trust_found_trunks();
                self.attempt(now, errand, targets.into());
            }
            Err(questions) => {
                for question in questions {
                    if self.trunks.questions.insert(question.clone()) {
                        self.output.push_back(Output::Resolve(question));
                    }
                }
                self.trunks.waiting.push(errand);
            }
        }
    }

    /// The DNS has answered, or will not.
    pub(in crate::exchange) fn resolved(&mut self, now: Now, question: Question, answer: locate::Answer) {
        self.trunks.questions.remove(&question);
        self.trunks.names.learn(now.mono, question, answer);
        for errand in std::mem::take(&mut self.trunks.waiting) {
            self.run_errand(now, errand);
        }
    }

    pub(super) fn attempt(&mut self, now: Now, errand: Errand, mut rest: VecDeque<Target>) {
        let Some(target) = rest.pop_front() else { return self.nowhere(now, errand) };
        let local = self.config.local_for(target.transport, target.address);
        let via = Flow { transport: target.transport, local, remote: target.address, connection: 0 };
        let request = match &errand {
            Errand::Register { trunk, ask } => self.registration(trunk, ask, via),
            Errand::Probe { trunk } => self.probe(trunk, via),
            Errand::Call(leg) => return self.invite_at(now, *leg, via, rest),
        };
        let Some(request) = request else { return };
        let id = self.sip.request(now.mono, request);
        self.trunks.underway.insert(id, Underway { errand, rest });
    }

    /// The reply to a request of ours. `false`: it was no trunk's.
    pub(in crate::exchange) fn trunk_replied(
        &mut self,
        now: Now,
        id: RequestId,
        status: u16,
        headers: &[(String, String)],
    ) -> bool {
        let Some(Underway { mut errand, rest }) = self.trunks.underway.remove(&id) else { return false };
        if is_not_here(status) && !rest.is_empty() {
            if let Errand::Register { ask, .. } = &mut errand {
                // Within the room that is left between two of the registration's own.
                ask.thread.cseq = ask.thread.cseq.saturating_add(Thread::STRIDE / 2);
            }
            self.attempt(now, errand, rest);
            return true;
        }
        match errand {
            Errand::Register { trunk, .. } => {
                let answer = self.read(&trunk, status, headers);
                self.registered_with(now, &trunk, answer);
            }
            Errand::Probe { trunk } => self.probed(now, &trunk, !is_not_here(status)),
            Errand::Call(_) => {}
        }
        true
    }

    /// No address, or none is left.
    fn nowhere(&mut self, now: Now, errand: Errand) {
        match errand {
            Errand::Register { trunk, .. } => {
                let answer = Answer { status: 503, ..Answer::default() };
                self.registered_with(now, &trunk, answer);
            }
            Errand::Probe { trunk } => self.probed(now, &trunk, false),
            Errand::Call(leg) => self.outside_failed(leg, 503),
        }
    }

    fn registered_with(&mut self, now: Now, name: &str, answer: Answer) {
        let Some(state) = self.trunks.states.get_mut(name) else { return };
        let Some(registration) = &mut state.registration else { return };
        let before = registration.is_held(now.mono);
        let ask = registration.answered(now.mono, &mut self.rng, answer);
        match (before, registration.is_held(now.mono)) {
            (false, true) => tracing::info!(trunk = name, "registered with the trunk"),
            (_, held) if answer.status >= 300 && ask.is_none() => {
                tracing::warn!(trunk = name, status = answer.status, held, "the trunk did not register us");
            }
            _ => {}
        }
        if answer.status < 300 {
            self.probed(now, name, true);
        }
        self.trunks.publish();
        if let Some(ask) = ask {
            self.run_errand(now, Errand::Register { trunk: name.to_owned(), ask });
        }
    }

    fn probed(&mut self, now: Now, name: &str, heard: bool) {
        let Some(state) = self.trunks.states.get_mut(name) else { return };
        if !heard {
            state.probes.failed(now.mono, &());
        } else if state.probes.heard(now.mono, &()) {
            tracing::info!(trunk = name, "the trunk is there again");
        }
        self.trunks.publish();
    }

    /// What a registrar's answer says about us.
    fn read(&self, trunk: &str, status: u16, fields: &[(String, String)]) -> Answer {
        let mut headers = Headers::default();
        for (name, value) in fields {
            headers.push_named(name, value.clone());
        }
        let seconds = |value: &[u8]| str::from_utf8(value).ok()?.parse().ok().map(Duration::from_secs);
        let own = self.trunk(trunk).and_then(|trunk| trunk.register.as_ref()?.address.user());
        let granted = match headers.contacts() {
            Ok(Contacts::List(contacts)) => contacts
                .iter()
                .find(|contact| contact.uri.user() == own)
                .and_then(|contact| seconds(contact.params.get("expires")?)),
            _ => None,
        };
        Answer {
            status,
            expires: granted.or(headers.seconds(Name::Expires)),
            min_expires: headers.seconds(Name::MinExpires),
            retry_after: headers.seconds(Name::RetryAfter),
        }
    }

    fn registration(&self, name: &str, ask: &Ask, via: Flow) -> Option<OutOfDialog> {
        let trunk = self.trunk(name)?;
        let address = &trunk.register.as_ref()?.address;
        let contact = Uri::sip(address.user().as_deref(), self.own_address(&via));
        let contact = match via.transport {
            Transport::Udp => contact,
            other => contact.with_param("transport", other.uri_name()),
        };
        // RFC 3261 §10.2: the registrar's domain, without a user.
        let registrar = Uri::sip_at(None, &address.host().to_string(), address.port()).ok()?;
        let request = OutOfDialog {
            request_uri: Some(registrar),
            thread: Some(ask.thread.clone()),
            credentials: trunk.login.clone(),
            ..OutOfDialog::new(Method::Register, address.clone(), via, NameAddr::new(address.clone()))
        };
        Some(
            request
                .with("Contact", NameAddr::new(contact).to_value())
                .with("Expires", ask.expires.as_secs().to_string()),
        )
    }

    fn probe(&self, name: &str, via: Flow) -> Option<OutOfDialog> {
        let trunk = self.trunk(name)?;
        let destination = trunk.destination()?;
        let to = Uri::sip_at(None, &destination.host().to_string(), destination.port()).ok()?;
        let from = NameAddr::new(Uri::sip(Some("hotline"), self.own_address(&via)));
        Some(OutOfDialog::new(Method::Options, to, via, from).with("Accept", "application/sdp"))
    }

    /// What the other side of this flow knows us by.
    pub(super) fn own_address(&self, via: &Flow) -> SocketAddr {
        SocketAddr::new(self.config.address_for(via.local.ip()), via.local.port())
    }
}
