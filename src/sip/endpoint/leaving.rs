//! After our BYE.

use crate::base::Instant;
use crate::sip::dialog::Dialog;
use crate::sip::{Method, Name, Response, Text};

use super::clients::ClientUser;
use super::core::Core;
use super::deadlines::TransactionId;
use super::event::DialogId;
use super::identity::Identity;
use super::session::Session;

/// Our BYE is on its way. Nothing of this reaches the host any more.
pub(super) struct Leaving {
    id: DialogId,
    tag: Text,
    dialog: Dialog,
    bye: TransactionId,
    /// A re-INVITE of ours that was still open when we left.
    reoffer: Option<TransactionId>,
    reason: Option<String>,
    identity: Identity,
}

impl Leaving {
    pub fn start(
        core: &mut Core,
        now: Instant,
        (id, tag, dialog): (DialogId, Text, Dialog),
        reason: Option<String>,
        reoffer: Option<TransactionId>,
        identity: Identity,
    ) -> Session {
        let mut leaving = Leaving { id, tag, dialog, bye: TransactionId(0), reoffer, reason, identity };
        leaving.send_bye(core, now);
        Session::Leaving(Box::new(leaving))
    }

    pub fn id(&self) -> DialogId {
        self.id
    }

    pub fn tag(&self) -> &Text {
        &self.tag
    }

    pub fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    /// A response to the BYE. Whatever it says, the dialog is over (RFC 3261 §15.1.1), unless the peer wants to
    /// know first who is hanging up.
    pub fn answered(
        mut self: Box<Self>,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        response: &Response,
    ) -> Option<Session> {
        if transaction != self.bye || response.is_provisional() {
            return Some(Session::Leaving(self));
        }
        if self.identity.challenged(response) {
            self.send_bye(core, now);
            return Some(Session::Leaving(self));
        }
        self.finish(core, now);
        None
    }

    /// Nothing more is expected.
    pub fn finish(self: Box<Self>, core: &mut Core, now: Instant) {
        if let Some(reoffer) = self.reoffer {
            core.abandon(now, reoffer);
        }
    }

    fn send_bye(&mut self, core: &mut Core, now: Instant) {
        let (mut bye, flow) = self.dialog.request(Method::Bye);
        if let Some(reason) = &self.reason {
            bye.headers.push(Name::Reason, reason.clone());
        }
        self.identity.sign(&mut bye, &mut core.rng);
        self.bye = core.send_request(now, bye, flow, ClientUser::Bye(self.id));
    }
}
