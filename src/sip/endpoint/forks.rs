//! The early dialogs of an INVITE of ours: a proxy may have forked it, and every phone that rings has its own To tag,
//! its own reliable provisional responses and its own offers (RFC 3261 §13.2.2.4, RFC 3262 §4).

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::dialog::Dialog;
use crate::sip::{Method, Name, Request, Response, Text};

use super::clients::ClientUser;
use super::core::Core;
use super::deadlines::TransactionId;
use super::event::DialogId;
use super::identity::Identity;
use super::refusal;
use super::reliable::{Acknowledgeable, Received};
use super::usage::{First, Usage};

/// Early dialogs of one INVITE, and phones that answer it: more than this ring nowhere.
pub(super) const MOST: usize = 16;

#[derive(Default)]
pub(super) struct Forks {
    all: Vec<Fork>,
}

/// One phone that rings.
struct Fork {
    usage: Usage,
    received: Received,
    /// The PRACK on its way, in case the peer challenges it.
    prack: Option<Prack>,
    /// The reliable response whose SDP offer the host has not answered: its PRACK waits for that.
    unanswered: Option<Acknowledgeable>,
}

struct Prack {
    transaction: TransactionId,
    name: Acknowledgeable,
    answer: Option<Bytes>,
}

/// What a provisional response is.
pub(super) enum Heard {
    /// With the session description that counts.
    News(Option<Bytes>),
    /// A repetition, or out of order: as if it had not come (RFC 3262 §4).
    Nothing,
}

/// The INVITE that the forks are of.
pub(super) struct Origin<'a> {
    pub id: DialogId,
    pub tag: &'a Text,
    pub transaction: TransactionId,
    pub sdp: &'a Option<Bytes>,
}

impl Forks {
    pub fn dialogs(&self) -> impl Iterator<Item = &Dialog> {
        self.all.iter().map(|fork| &fork.usage.dialog)
    }

    /// A provisional response with a To tag. A reliable one gets its PRACK.
    pub fn heard(
        &mut self,
        core: &mut Core,
        now: Instant,
        origin: &Origin<'_>,
        identity: &mut Identity,
        response: &Response,
    ) -> Heard {
        let sdp = refusal::sdp_or_nothing(&response.headers, &response.body);
        let Some(fork) = self.find_or_add(core, origin, response) else { return Heard::News(sdp) };
        if response.headers.has(Name::Allow) {
            fork.usage.learn_methods(&response.headers);
        }
        fork.usage.dialog.refresh_target(&response.headers);
        let number = Received::number_of(response).filter(|_| core.config.reliable_provisional);
        let Some(number) = number else { return Heard::News(sdp) };
        if !fork.received.take(number) {
            core.stats.absorbed += 1;
            return Heard::Nothing;
        }
        let name = Acknowledgeable { response: number, invite: response.cseq.number };
        match (fork.usage.first, &sdp) {
            (First::Ours, Some(answer)) => {
                fork.usage.first = First::Agreed;
                fork.usage.remote_sdp = Some(answer.clone());
            }
            (First::None, Some(offer)) => {
                fork.usage.first = First::Theirs;
                fork.usage.remote_sdp = Some(offer.clone());
                fork.unanswered = Some(name);
                return Heard::News(sdp);
            }
            _ => {}
        }
        fork.send_prack(core, now, origin, identity, name, None);
        Heard::News(sdp)
    }

    /// The host's answer to the SDP offer of a reliable provisional response, and its PRACK. `false`: none waits.
    pub fn answer_offer(
        &mut self,
        core: &mut Core,
        now: Instant,
        origin: &Origin<'_>,
        identity: &mut Identity,
        sdp: &Bytes,
    ) -> bool {
        let Some(fork) = self.all.iter_mut().find(|fork| fork.unanswered.is_some()) else { return false };
        let Some(name) = fork.unanswered.take() else { return false };
        fork.usage.first = First::Agreed;
        fork.usage.local_sdp = Some(sdp.clone());
        fork.send_prack(core, now, origin, identity, name, Some(sdp.clone()));
        true
    }

    /// A response to a PRACK of ours. Only a challenge asks for anything; whatever else it says, the INVITE's own
    /// final response tells.
    pub fn prack_answered(
        &mut self,
        core: &mut Core,
        now: Instant,
        origin: &Origin<'_>,
        identity: &mut Identity,
        (transaction, response): (TransactionId, &Response),
    ) {
        if response.is_provisional() {
            return;
        }
        let of = |fork: &&mut Fork| fork.prack.as_ref().is_some_and(|prack| prack.transaction == transaction);
        let Some(fork) = self.all.iter_mut().find(of) else { return };
        let Some(prack) = fork.prack.take() else { return };
        if identity.challenged(response) {
            fork.send_prack(core, now, origin, identity, prack.name, prack.answer);
        } else if response.is_success() {
            identity.accepted();
        }
    }

    /// The early dialog that a peer's request belongs to.
    pub fn owner(&mut self, request: &Request) -> Option<&mut Usage> {
        self.usages().find(|usage| usage.dialog.owns(request))
    }

    /// The one that a response or failure of our UPDATE belongs to.
    pub fn awaiting(&mut self, transaction: TransactionId) -> Option<&mut Usage> {
        self.usages().find(|usage| usage.awaits(transaction))
    }

    /// Every early dialog.
    pub fn usages(&mut self) -> impl Iterator<Item = &mut Usage> {
        self.all.iter_mut().map(|fork| &mut fork.usage)
    }

    /// The one early dialog whose first offer is answered. `None` where there are several: one description for two
    /// phones would be a promise to both.
    pub fn only_agreed(&mut self) -> Option<&mut Usage> {
        let mut agreed = self.usages().filter(|usage| usage.first == First::Agreed);
        let one = agreed.next()?;
        agreed.next().is_none().then_some(one)
    }

    /// The host has the offer of one of them before it.
    pub fn is_asking(&self) -> bool {
        self.all.iter().any(|fork| fork.usage.incoming.is_some())
    }

    /// The 2xx has come: the dialog that it confirms, which may be a new one, and an end of the others.
    pub fn confirm(
        mut self,
        core: &mut Core,
        now: Instant,
        origin: &Origin<'_>,
        response: &Response,
    ) -> Option<Usage> {
        let tag = response.to.tag();
        let at = self.all.iter().position(|fork| fork.usage.dialog.remote_tag() == tag);
        let found = at.map(|at| self.all.remove(at).usage);
        for usage in self.usages() {
            usage.drop_incoming(core, now);
        }
        let (invite, flow) = (core.sent_invite(origin.transaction)?, core.client_flow(origin.transaction)?);
        Some(match found {
            Some(mut usage) => {
                usage.dialog = usage.dialog.confirmed(invite, response, flow);
                usage
            }
            None => new_usage(origin, Dialog::of_client(invite, response, flow)),
        })
    }

    /// No call came of it.
    pub fn dismiss(&mut self, core: &mut Core, now: Instant) {
        for usage in self.usages() {
            usage.drop_incoming(core, now);
        }
        self.all.clear();
    }

    fn find_or_add(&mut self, core: &Core, origin: &Origin<'_>, response: &Response) -> Option<&mut Fork> {
        let tag = response.to.tag()?;
        let at = self.all.iter().position(|fork| fork.usage.dialog.remote_tag().as_ref() == Some(&tag));
        let at = match at {
            Some(at) => at,
            None if self.all.len() >= MOST => return None,
            None => {
                let (invite, flow) =
                    (core.sent_invite(origin.transaction)?, core.client_flow(origin.transaction)?);
                let usage = new_usage(origin, Dialog::of_client(invite, response, flow));
                let received = Received::default();
                self.all.push(Fork { usage, received, prack: None, unanswered: None });
                self.all.len() - 1
            }
        };
        self.all.get_mut(at)
    }
}

impl Fork {
    fn send_prack(
        &mut self,
        core: &mut Core,
        now: Instant,
        origin: &Origin<'_>,
        identity: &mut Identity,
        name: Acknowledgeable,
        answer: Option<Bytes>,
    ) {
        let (mut prack, flow) = self.usage.dialog.request(Method::Prack);
        prack.headers.push(Name::RAck, name.to_value());
        if let Some(sdp) = &answer {
            prack = prack.with_body("application/sdp", sdp.clone());
        }
        identity.sign(&mut prack, &mut core.rng);
        core.note_sequence(origin.transaction, prack.cseq);
        let transaction = core.send_request(now, prack, flow, ClientUser::Prack(origin.id));
        self.prack = Some(Prack { transaction, name, answer });
    }
}

fn new_usage(origin: &Origin<'_>, dialog: Dialog) -> Usage {
    let first = if origin.sdp.is_some() { First::Ours } else { First::None };
    let mut usage = Usage::new(origin.id, dialog, origin.tag.clone(), true, first);
    usage.local_sdp = origin.sdp.clone();
    usage
}
