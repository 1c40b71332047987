//! The INVITE usage of a dialog (RFC 5057 §4.1): what an early dialog and a confirmed one have in common.

use std::time::Duration;

use bytes::Bytes;

use crate::sip::dialog::Dialog;
use crate::sip::{Flow, Headers, Name, Text};

use super::core::Core;
use super::deadlines::TransactionId;
use super::event::{DialogId, Event};
use super::identity::Identity;
use super::refer::Referrals;
use super::reliable::Acknowledgeable;
use super::reoffer::{Incoming, Outgoing};
use super::session_timer::SessionTimer;

/// A session between us and one peer, from the first response with a tag to the BYE.
pub(super) struct Usage {
    pub(super) id: DialogId,
    pub(super) tag: Text,
    pub(super) dialog: Dialog,
    /// We sent the INVITE, so that the Call-ID is ours (RFC 3261 §14.1).
    pub(super) caller: bool,
    /// The INVITE has its 2xx.
    pub(super) confirmed: bool,
    /// Where the first offer and answer stand.
    pub(super) first: First,
    /// Our 2xx, until its ACK comes.
    pub(super) unacked: Option<Unacked>,
    /// The peer's SDP offer came in its 2xx: the ACK waits for the host's answer.
    pub(super) unsent_ack: Option<UnsentAck>,
    /// Reliable provisional responses of ours that the final one overtook: their PRACK is still answered.
    pub(super) overtaken: Option<Acknowledgeable>,
    /// What we re-negotiate.
    pub(super) outgoing: Option<Outgoing>,
    /// The SDP offer that is to follow; a newer one replaces it.
    pub(super) wanted: Option<Bytes>,
    /// What the peer re-negotiates and the host has not answered.
    pub(super) incoming: Option<Incoming>,
    /// The host hung up before the ACK: "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has
    /// received an ACK for its 2xx response" (RFC 3261 §15).
    pub(super) hang_up: Option<Option<String>>,
    pub(super) session_timer: Option<SessionTimer>,
    /// The smallest session interval that the peer takes, once it has said so by 422 (RFC 4028 §7.4).
    pub(super) least_session: Option<Duration>,
    /// The descriptions in force, for refreshes.
    pub(super) local_sdp: Option<Bytes>,
    pub(super) remote_sdp: Option<Bytes>,
    pub(super) allows_update: bool,
    pub(super) allows_message: bool,
    pub(super) identity: Identity,
    pub(super) referrals: Referrals,
}

/// The first offer of a session and its answer: until they are through, nobody may make another offer
/// (RFC 3264 §4, RFC 3262 §5, RFC 3311 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum First {
    /// The INVITE had none.
    None,
    /// Ours awaits the peer's answer.
    Ours,
    /// The peer's awaits ours.
    Theirs,
    /// Offer and answer are through; before the 2xx only by a reliable provisional response.
    Agreed,
}

/// A 2xx of ours (RFC 3261 §13.3.1.4).
pub(super) struct Unacked {
    /// Of the INVITE, and so of the ACK.
    pub(super) sequence: u32,
    pub(super) flow: Flow,
    pub(super) bytes: Bytes,
    /// Until it is sent again; begins with T1.
    pub(super) interval: Duration,
    /// It established the dialog: the host hears of its ACK.
    pub(super) initial: bool,
    /// It carries our SDP offer; the ACK has the answer.
    pub(super) awaits_answer: bool,
}

pub(super) struct UnsentAck {
    pub(super) transaction: TransactionId,
    pub(super) sequence: u32,
    pub(super) tag: Option<Text>,
}

impl Usage {
    /// An early dialog.
    pub fn new(id: DialogId, dialog: Dialog, tag: Text, caller: bool, first: First) -> Self {
        Usage {
            id,
            tag,
            dialog,
            caller,
            confirmed: false,
            first,
            unacked: None,
            unsent_ack: None,
            overtaken: None,
            outgoing: None,
            wanted: None,
            incoming: None,
            hang_up: None,
            session_timer: None,
            least_session: None,
            local_sdp: None,
            remote_sdp: None,
            allows_update: false,
            allows_message: false,
            identity: Identity::default(),
            referrals: Referrals::default(),
        }
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

    pub fn lose_connection(&mut self) {
        self.dialog.lose_connection();
    }

    /// What the peer says that it takes (RFC 3261 §20.5); what it does not mention is not sent to it.
    pub(super) fn learn_methods(&mut self, headers: &Headers) {
        self.allows_update = headers.lists(Name::Allow, "UPDATE");
        self.allows_message = headers.lists(Name::Allow, "MESSAGE");
    }

    /// The host is gone; what still happens is between us and the peer.
    pub(super) fn is_deserted(&self) -> bool {
        self.hang_up.is_some()
    }

    pub(super) fn event(&self, core: &mut Core, event: Event) {
        if !self.is_deserted() {
            core.event(event);
        }
    }
}
