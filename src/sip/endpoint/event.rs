//! What an endpoint tells its host.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::sip::{Flow, Request};

use super::command::Names;
use super::refer::{Refer, ReferId};
use super::subscription::SubscriptionId;

/// A dialog, or the INVITE that may become one. Never used again: a handle of something that is over is
/// ignored wherever it is passed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId(pub(crate) u64);

/// A request that has no name of its own otherwise, ours or a peer's: one outside a dialog, or a text in one. Never
/// used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) u64);

impl DialogId {
    /// The ends of the order, to find all.
    pub(super) const FIRST: DialogId = DialogId(0);
    pub(super) const LAST: DialogId = DialogId(u64::MAX);
}

/// Something that happened. Taken with [`Endpoint::poll_event`](super::Endpoint::poll_event), in order.
///
/// After `Rejected`, `Cancelled` or `Ended` nothing more comes from that dialog; of every dialog that the
/// host heard of (by `Invite`, or by its own `invite`) exactly one of the three comes, except after the
/// host's own `reject` and `bye`, which end it without one.
pub enum Event {
    // -- a peer calls us --
    /// An INVITE outside a dialog. 100 Trying has been sent. The host rings, accepts or rejects.
    ///
    /// `replaces`: it wants the place of this dialog of ours (RFC 3891). Who accepts it ends that one; a caller
    /// without the right to it is rejected with 403 like any other.
    Invite { dialog: DialogId, request: Box<Request>, flow: Flow, replaces: Option<DialogId> },
    /// The ACK of our 200; `sdp` where it carries the answer to our late SDP offer.
    Acked { dialog: DialogId, sdp: Option<Bytes> },
    /// The caller gave up before the answer, or said in `Expires` how long it would wait; 200 to the CANCEL and 487
    /// are sent.
    Cancelled { dialog: DialogId },

    // -- we call a peer --
    /// A provisional response other than 100. `sdp` where there is early media; where our INVITE had no offer it
    /// is the peer's, to be answered with [`Endpoint::ack_sdp`](super::Endpoint::ack_sdp).
    Progress { dialog: DialogId, status: u16, sdp: Option<Bytes> },
    /// 2xx; the ACK is sent. `sdp` is the answer to our SDP offer (or an offer, where we sent none), also where it
    /// came in a reliable provisional response before.
    Answered { dialog: DialogId, sdp: Option<Bytes> },
    /// No call came of it: a final response of 300 and above, 408 for timer B, 487 after our own `cancel`,
    /// 503 for a lost flow.
    Rejected { dialog: DialogId, status: u16, reason: String, retry_after: Option<Duration> },

    // -- in a dialog --
    /// The peer re-negotiates, by re-INVITE, or by UPDATE or PRACK, which may come before the answer; `None` asks us for an SDP offer. To be answered with
    /// [`Endpoint::answer_reoffer`](super::Endpoint::answer_reoffer).
    Reoffer { dialog: DialogId, sdp: Option<Bytes> },
    /// The SDP answer to our `reoffer`, or to an SDP offer that we gave in a 200 or in a reliable `ring`.
    ReofferAnswered { dialog: DialogId, sdp: Bytes },
    /// Our `reoffer` came to nothing; the session goes on as it was.
    ReofferRefused { dialog: DialogId, status: u16 },
    /// An INFO with a body; 200 is sent.
    Info { dialog: DialogId, kind: String, body: Bytes },
    /// A text (RFC 3428 §8 allows it in a dialog). To be answered with
    /// [`Endpoint::respond`](super::Endpoint::respond).
    Message { id: RequestId, dialog: DialogId, request: Box<Request> },
    /// The peer asks us to call somebody (RFC 3515). To be answered with
    /// [`Endpoint::answer_refer`](super::Endpoint::answer_refer).
    Refer { id: ReferId, refer: Box<Refer> },
    /// The final response to our own REFER: 2xx where the peer will try.
    ReferAnswered { id: ReferId, status: u16 },
    /// What the peer says of the call that our REFER asked for; nothing follows when it is `over`.
    ReferProgress { id: ReferId, status: u16, over: bool },
    /// The dialog is over, by something else than the host's own word.
    Ended { dialog: DialogId, why: EndedWhy },

    // -- outside a dialog --
    /// A request of a method that [`Config::methods`](super::Config::methods) lists. To be answered with
    /// [`Endpoint::respond`](super::Endpoint::respond).
    Request { id: RequestId, request: Box<Request>, flow: Flow },
    // -- subscriptions (RFC 6665) --
    /// A peer wants to be told of something in one of [`Config::packages`](super::Config::packages), from now on
    /// or for longer (`refresh`). To be answered with
    /// [`Endpoint::accept_subscription`](super::Endpoint::accept_subscription) or
    /// [`Endpoint::reject_subscription`](super::Endpoint::reject_subscription).
    Subscribe {
        subscription: SubscriptionId,
        package: String,
        request: Box<Request>,
        flow: Flow,
        refresh: bool,
    },
    /// A NOTIFY can go out now. To be answered with [`Endpoint::notify`](super::Endpoint::notify). Nothing more
    /// comes of the subscription where it is the `last` one.
    NotifyDue { subscription: SubscriptionId, last: bool },
    /// A NOTIFY was refused, or not answered (408, 503): the subscription is over.
    SubscriptionLost { subscription: SubscriptionId, status: u16 },

    // -- outside a dialog, ours --
    /// The final response to our own request; 408 where none came, 503 where the flow was lost.
    Reply { id: RequestId, status: u16, reason: String, headers: Vec<(String, String)>, body: Bytes },
}

/// Why a confirmed dialog ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndedWhy {
    /// The peer hung up; the value of its `Reason` header (RFC 3326) where it gave one.
    Bye { reason: Option<String> },
    /// Our 200 was never acknowledged (RFC 3261 §13.3.1.4); BYE is sent.
    NoAck,
    /// A reliable provisional response of ours was never acknowledged (RFC 3262 §3); 504 is sent.
    NoPrack,
    /// A request of ours in the dialog failed for good: 408 or 481 (RFC 3261 §12.2.1.2). BYE is sent.
    RequestFailed { status: u16 },
    /// The session timer ran out without a refresh (RFC 4028 §10); BYE is sent.
    SessionExpired,
    /// The connection that carried the dialog is closed and the peer cannot be reached another way.
    FlowLost,
}

impl EndedWhy {
    /// The Reason (RFC 3326) of the BYE that follows.
    pub(super) fn reason(&self) -> Option<String> {
        let (cause, text) = match self {
            EndedWhy::NoAck => (408, "ACK missing"),
            EndedWhy::SessionExpired => (408, "session timer expired"),
            EndedWhy::RequestFailed { status } => (*status, "request in the dialog failed"),
            EndedWhy::Bye { .. } | EndedWhy::NoPrack | EndedWhy::FlowLost => return None,
        };
        Some(format!("SIP;cause={cause};text=\"{text}\""))
    }
}

impl fmt::Display for EndedWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndedWhy::Bye { .. } => f.write_str("bye"),
            EndedWhy::NoAck => f.write_str("no ACK"),
            EndedWhy::NoPrack => f.write_str("no PRACK"),
            EndedWhy::RequestFailed { status } => write!(f, "request failed with {status}"),
            EndedWhy::SessionExpired => f.write_str("session timer expired"),
            EndedWhy::FlowLost => f.write_str("flow lost"),
        }
    }
}

/// In short and without bodies: session descriptions, keyed digits and texts stay out of logs.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |sdp: &Option<Bytes>| if sdp.is_some() { " sdp" } else { "" };
        match self {
            Event::Invite { dialog, request, flow, replaces } => {
                write!(f, "{dialog} Invite {request:?} over {flow}")?;
                replaces.map_or(Ok(()), |replaced| write!(f, " replaces {replaced}"))
            }
            Event::Acked { dialog, sdp } => write!(f, "{dialog} Acked{}", with(sdp)),
            Event::Cancelled { dialog } => write!(f, "{dialog} Cancelled"),
            Event::Progress { dialog, status, sdp } => write!(f, "{dialog} Progress {status}{}", with(sdp)),
            Event::Answered { dialog, sdp } => write!(f, "{dialog} Answered{}", with(sdp)),
            Event::Rejected { dialog, status, .. } => write!(f, "{dialog} Rejected {status}"),
            Event::Reoffer { dialog, sdp } => write!(f, "{dialog} Reoffer{}", with(sdp)),
            Event::ReofferAnswered { dialog, .. } => write!(f, "{dialog} ReofferAnswered"),
            Event::ReofferRefused { dialog, status } => write!(f, "{dialog} ReofferRefused {status}"),
            Event::Info { dialog, kind, body } => write!(f, "{dialog} Info {kind:?} ({} octets)", body.len()),
            Event::Message { id, dialog, request } => {
                write!(f, "{dialog} Message {id} ({} octets)", request.body.len())
            }
            Event::Refer { id, refer } => write!(f, "{id} Refer {refer:?}"),
            Event::ReferAnswered { id, status } => write!(f, "{id} ReferAnswered {status}"),
            Event::ReferProgress { id, status, over } => {
                write!(f, "{id} ReferProgress {status}{}", if *over { " over" } else { "" })
            }
            Event::Ended { dialog, why } => write!(f, "{dialog} Ended {why}"),
            Event::Request { id, request, flow } => write!(f, "{id} Request {request:?} over {flow}"),
            Event::Subscribe { subscription, package, refresh, flow, .. } => {
                let again = if *refresh { " again" } else { "" };
                write!(f, "{subscription} Subscribe{again} {package} over {flow}")
            }
            Event::NotifyDue { subscription, last } => {
                write!(f, "{subscription} NotifyDue{}", if *last { " last" } else { "" })
            }
            Event::SubscriptionLost { subscription, status } => {
                write!(f, "{subscription} SubscriptionLost {status}")
            }
            Event::Reply { id, status, headers, .. } => write!(f, "{id} Reply {status} {:?}", Names(headers)),
        }
    }
}

macro_rules! handle {
    ($name:ident, $prefix:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

handle!(DialogId, "d");
handle!(RequestId, "q");
