//! What can happen to a call.

use std::time::Duration;

use bytes::Bytes;

use super::{Inquired, NotOpened, Towards};
use crate::base::{AgentId, CallId, Instant, LegId, Masked, PlayId, RecordingId, SlipId, UrgentAnswer};
use crate::dialplan::{Cursor, DialEnd, QueueState};
use crate::media;
use crate::queue;
use crate::record::{CallEnd, Diverted, MessageSlip};

/// How a call began.
pub struct Arrival {
    pub call: CallId,
    pub sip_call_id: String,
    /// The number that the trunk or the desk said; of nobody's concern but the record's where it is withheld.
    pub from: Masked<String>,
    pub withheld: bool,
    pub diverted: Vec<Diverted>,
    /// The number of the outside that a desk dialled and may call. Never a caller's.
    pub outside: Option<Masked<String>>,
    pub dialled: String,
    /// The trunk's name or the desk's extension, for the record.
    pub origin: String,
    /// The agent whose desk dialled.
    pub desk: Option<AgentId>,
    pub towards: Towards,
    /// The caller's SDP offer; `None` where the INVITE had none.
    pub sdp: Option<Bytes>,
    pub cursor: Cursor,
}

/// What can happen to a call.
#[derive(Debug)]
pub enum Event {
    // -- the dialogs --
    /// The ACK of our 200, with the SDP answer where the 200 carried our offer.
    Acked {
        sdp: Option<Bytes>,
    },
    /// An agent's phone answered.
    Answered {
        leg: LegId,
        sdp: Option<Bytes>,
    },
    /// Somebody outside can be heard before they answer: a tone, an announcement.
    EarlyMedia {
        leg: LegId,
        sdp: Bytes,
    },
    /// An agent's phone will not.
    Rejected {
        leg: LegId,
        status: u16,
    },
    Reoffer {
        leg: LegId,
        sdp: Option<Bytes>,
    },
    ReofferAnswered {
        leg: LegId,
        sdp: Bytes,
    },
    ReofferRefused {
        leg: LegId,
        status: u16,
    },
    /// The caller gave up before our answer.
    Cancelled,
    /// A dialog is over; the leg can no longer be spoken to.
    Ended {
        leg: LegId,
        end: LegEnd,
    },

    // -- the media --
    /// A key by any means, as told: becomes [`Event::Digit`], unless the press is known already.
    Pressed {
        leg: LegId,
        digit: Masked<media::Digit>,
        by: media::DigitMeans,
        /// How long the key had been down by then, as far as was said.
        lasted: Duration,
    },
    /// A press that counts. Made of [`Event::Pressed`] within the call.
    Digit {
        leg: LegId,
        digit: Masked<media::Digit>,
    },
    Played {
        leg: LegId,
        play: PlayId,
    },
    RtpTimeout {
        leg: LegId,
    },
    OpenFailed {
        leg: LegId,
        reason: String,
    },
    RecordingEnded {
        recording: RecordingId,
        length: Duration,
        voiced: Duration,
        why: media::EndWhy,
    },

    // -- the writers --
    RecordingSaved {
        recording: RecordingId,
        saved: bool,
    },
    SlipSaved {
        slip: SlipId,
        saved: bool,
    },

    /// What lies in the box that was asked for, or why it stays shut.
    BoxOpened(Result<Vec<MessageSlip>, NotOpened>),

    /// The complaint of this call is committed, or could not be.
    ComplaintSaved {
        saved: bool,
    },
    /// What the store says to a question of this call's.
    Inquired(Inquired),

    // -- the queue and the desks --
    Queued {
        caller: queue::CallerId,
        /// Since when the core counts the wait: earlier than now where a place was kept.
        arrived: Instant,
        /// An owner is waited for alone, until [`OwnerSkipped`](Event::OwnerSkipped).
        owner: bool,
    },
    OwnerSkipped,
    /// By the administrator: the caller waits in this queue of the call's own plan from now on.
    QueueChanged {
        queue: crate::base::QueueId,
    },
    /// Whose the caller's matter is, by extension; `None`: nobody's.
    MatterIs {
        owner: Option<String>,
    },
    /// The callback is booked, or cannot be.
    CallbackBooked {
        ok: bool,
        /// How long it takes until the customer is called, where the place in line says it.
        wait: Option<queue::WaitBand>,
    },
    NotQueued {
        why: queue::JoinError,
    },
    Offered {
        offer: queue::OfferId,
        agent: AgentId,
        extension: String,
        towards: Towards,
    },
    OfferWithdrawn {
        offer: queue::OfferId,
    },
    /// The core took our acceptance.
    Connected {
        offer: queue::OfferId,
    },
    /// The core let us go without our asking: longest wait, closing of the queue.
    LeftQueue {
        why: queue::LeaveWhy,
    },
    /// The person's phone may be rung.
    Seized {
        agent: AgentId,
        extension: String,
        towards: Towards,
    },
    NotSeized {
        why: DialEnd,
    },
    /// This trunk carries a call to the outside.
    OutsideReached {
        trunk: String,
        towards: Towards,
    },
    PresenceSet {
        ok: bool,
    },
    /// Answers [`Effect::QueueState`](super::Effect::QueueState).
    QueueState(QueueState),
    /// The person may be asked what becomes of the caller.
    UrgentAllowed {
        ok: bool,
    },
    /// The person has been asked; not `told`: they could not be any more.
    UrgentTold {
        told: bool,
    },
    /// No phone of theirs took the text that asked them.
    UrgentUntold,
    /// What they say.
    UrgentAnswered {
        answer: UrgentAnswer,
    },
    /// The answer that this desk gave has reached a caller who waits for it.
    UrgentReplied {
        ok: bool,
    },
    /// What that caller has said; `None`: nobody waits.
    UrgentHeard {
        said: Option<RecordingId>,
    },
    /// The caller has this slot.
    Parked {
        slot: String,
    },
    NotParked,

    // -- the exchange --
    /// The call is to end, with a closing phrase.
    Dismissed,
    /// At once.
    Shutdown,
}

/// Why a leg is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegEnd {
    HungUp,
    SessionExpired,
    Lost { why: String },
}

impl From<LegEnd> for CallEnd {
    fn from(end: LegEnd) -> CallEnd {
        match end {
            LegEnd::HungUp => CallEnd::CallerHungUp,
            LegEnd::SessionExpired => CallEnd::SessionExpired,
            LegEnd::Lost { why } => CallEnd::DialogLost { why },
        }
    }
}
