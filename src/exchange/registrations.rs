//! What is registered outlives the process: each change is written down, a start takes it back.

use super::{Account, Exchange, Notice, Output};
use crate::base::{Masked, Now, Wall};
use crate::record::{Record, Registration};
use crate::sip::registrar::{BindingId, Change, Kept, What};
use crate::sip::{Answer, Flow, Request, Transport};

impl Exchange {
    /// A REGISTER of somebody who has proven to be this user.
    pub(super) fn register_proven(&mut self, now: Now, user: &str, request: &Request, flow: Flow) -> Answer {
        let reachable = self.phone_of(user).is_some();
        let (answer, changes) = self.directory.register(now.mono, user, request, flow);
        if answer.status != 200 {
            self.refuse(now, answer.status, "registration not accepted", flow);
        }
        // A refresh signs nobody on who has signed off since; a phone that comes back on another stream does, though
        // its contact is the same.
        let back = !reachable && self.phone_of(user).is_some();
        let changed = back || changes.iter().any(|change| change.what != What::Refreshed);
        self.record_registrations(now, changes);
        self.publish_phones(user);
        if changed {
            let contacts = self.directory.count(user);
            tracing::info!(user, contacts, %flow, "registered");
            match self.phone_of(user) {
                None => self.phone_gone(now, user),
                Some(_) => self.phone_there(now, user),
            }
            self.tell_unasked(now, user);
            self.output.push_back(Output::Notice(Notice::Registered { user: user.to_owned(), contacts }));
        }
        answer
    }

    pub(super) fn record_registrations(&mut self, now: Now, changes: Vec<Change>) {
        for Change { address_of_record, what, binding } in changes {
            let record = match what {
                What::Bound | What::Refreshed => {
                    Record::Registration(Box::new(written(now, address_of_record, binding.kept())))
                }
                What::Unbound(_) => Record::RegistrationEnded(binding.id.0),
            };
            self.output.push_back(Output::Record(record));
        }
    }

    pub(super) fn registrations_expire(&mut self, now: Now) {
        let changes = self.directory.expire(now.mono);
        let mut users: Vec<_> = changes.iter().map(|change| change.address_of_record.clone()).collect();
        users.dedup();
        self.record_registrations(now, changes);
        for user in users {
            self.phone_gone(now, user.expose());
        }
    }

    /// Who has no account any longer is not rung any longer either: the phone of somebody who has left is not an agent's.
    pub(super) fn registrations_without_account(&mut self, now: Now, before: &[Account]) {
        let accounts = &self.config.accounts;
        let gone = |account: &&Account| !accounts.iter().any(|other| other.user == account.user);
        let gone: Vec<_> = before.iter().filter(gone).map(|account| account.user.clone()).collect();
        for user in gone {
            let changes = self.directory.remove(now.mono, &user);
            if !changes.is_empty() {
                tracing::info!(user, contacts = changes.len(), "registrations ended with their account");
                self.record_registrations(now, changes);
                self.phone_gone(now, &user);
            }
        }
    }

    /// Before the first message: where the phones were when the last run ended. Phones over UDP are reached at once.
    /// Streams went with that run; their phones are connected to, or come back by themselves.
    pub(super) fn restore_registrations(&mut self, now: Now, registrations: Vec<Registration>) {
        let all = registrations.len();
        let mut restored = 0;
        for registration in registrations {
            let (number, user) = (registration.number, registration.user.clone());
            let address = registration.remote.ip();
            let kept = read(now, registration);
            if kept.is_some_and(|kept| self.directory.restore(now.mono, user.expose(), kept)) {
                restored += 1;
                self.sign_in.know(now.mono, address);
                self.phone_there(now, user.expose());
            } else {
                // What has expired or cannot be read would be found at every start.
                self.output.push_back(Output::Record(Record::RegistrationEnded(number)));
            }
        }
        if all > 0 {
            tracing::info!(restored, left_out = all - restored, "registrations of before");
        }
    }
}

fn written(now: Now, user: Masked<String>, kept: Kept) -> Registration {
    let Kept { id, contact, expires, refreshed, call_id, cseq, flow, user_agent, path, outbound } = kept;
    let ago = now.mono.since(refreshed).as_micros();
    Registration {
        number: id.0,
        user,
        contact: Masked::new(contact),
        expires: now.wall + expires.since(now.mono),
        refreshed: Wall::from_micros(
            now.wall.as_micros().saturating_sub_unsigned(u64::try_from(ago).unwrap_or(0)),
        ),
        call_id,
        cseq,
        transport: flow.transport.via_name().to_owned(),
        local: flow.local,
        remote: flow.remote,
        user_agent,
        path,
        outbound,
    }
}

/// `None` where it has expired while nobody was there to see it, or is of a transport that we do not speak.
fn read(now: Now, registration: Registration) -> Option<Kept> {
    let Registration { expires, refreshed, local, remote, .. } = registration;
    let left = expires.since(now.wall);
    let transport = Transport::from_name(registration.transport.as_bytes())?;
    (!left.is_zero()).then(|| Kept {
        id: BindingId(registration.number),
        contact: registration.contact.expose().clone(),
        expires: now.mono + left,
        refreshed: now.mono - now.wall.since(refreshed),
        call_id: registration.call_id,
        cseq: registration.cseq,
        flow: Flow { transport, local, remote, connection: 0 },
        user_agent: registration.user_agent,
        path: registration.path,
        outbound: registration.outbound,
    })
}
