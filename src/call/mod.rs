//! The caller's journey, one file per verb.
//!
//! A call is a stage and what all stages share (its [`Body`]): the caller's leg, the place in the dialplan,
//! the journal, the deadlines. A stage owns only what is legal in it, takes an [`Event`] and gives the next
//! stage; whatever shall happen outside is an [`Effect`] for the exchange to carry out.
//!
//! ```text
//!            arrive
//!              |
//!   +------> listen <-----------------------------+
//!   |          | queue        | dial    | message |
//!   |          v              v         v         |
//!   |        wait ---------> dial     message ----+
//!   |       ^    |            |
//!   |  back |    | offered    | answered
//!   |       |    v            v
//!   |       +- offer -----> talk <--> hold
//!   |            answered     |
//!   +-------------------------+        every stage --> hang up (over)
//! ```
//!
//! Architecture invariant: a call never touches another call, and never a socket, a clock or a file. What it
//! needs to know of the queue it reads through [`Ctx`]; what it wants from it is an effect.

mod arrive;
mod dial;
mod hang_up;
mod hold;
mod journal;
mod leg;
mod listen;
mod message;
mod offer;
mod ports;
mod talk;
mod timer;
mod wait;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use self::journal::Journal;
pub use self::leg::Leg;
pub use self::ports::PortPool;
pub use self::timer::Timer;

use self::dial::Dial;
use self::hang_up::{Closing, Over};
use self::hold::Hold;
use self::listen::Listen;
use self::message::Message;
use self::offer::Offer;
use self::talk::Talk;
use self::timer::Timers;
use self::wait::Wait;
use crate::base::{
    AgentId, CallId, Clip, Ids, Instant, LegId, Masked, Now, PlayId, QueueId, RecordingId, Rng, SlipId, Wall,
};
use crate::dialplan::{Cursor, DialEnd, PresenceChange, Requirement};
use crate::media;
use crate::queue;
use crate::record::{CallEnd, Record, StageKind};

/// What a call may read and draw from while it handles an event, and where its effects go.
pub struct Ctx<'a> {
    pub now: Now,
    pub rng: &'a mut Rng,
    pub ports: &'a mut PortPool,
    pub ids: &'a mut Ids,
    /// For positions and estimates; changes are effects.
    pub queue: &'a queue::Core,
    pub settings: &'a Settings,
    pub effects: &'a mut Vec<Effect>,
}

impl Ctx<'_> {
    fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}

/// The manners that are the house's, not a dialplan's.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long the caller may take to confirm a message before it is kept as it is.
    pub confirm_within: Duration,
    /// How long the writer and the store may take to make a message safe before the caller is told that
    /// it could not be taken.
    pub durable_within: Duration,
    /// How often somebody on hold is told that they are not forgotten.
    pub still_holding_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            confirm_within: Duration::from_secs(10),
            durable_within: Duration::from_secs(10),
            still_holding_every: Duration::from_secs(30),
        }
    }
}

/// What can happen to a call.
#[derive(Debug)]
pub enum Event {
    // -- the dialogs --
    /// The ACK of our 200 brought the SDP answer to our offer.
    Acked {
        sdp: Bytes,
    },
    /// An agent's phone answered.
    Answered {
        leg: LegId,
        sdp: Option<Bytes>,
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
    /// The caller gave up before our answer.
    Cancelled,
    /// A dialog is over; the leg can no longer be spoken to.
    Ended {
        leg: LegId,
        end: LegEnd,
    },

    // -- the media --
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

    // -- the queue and the desks --
    Queued {
        caller: queue::CallerId,
    },
    NotQueued {
        why: queue::JoinError,
    },
    Offered {
        offer: queue::OfferId,
        agent: AgentId,
        extension: String,
        address: IpAddr,
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
        address: IpAddr,
    },
    NotSeized {
        why: DialEnd,
    },
    PresenceSet {
        ok: bool,
    },

    // -- the exchange --
    Shutdown,
}

/// Why a leg is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegEnd {
    HungUp,
    SessionExpired,
    Lost { why: String },
}

/// What a call wants done. Carried out by the exchange in this order.
#[derive(Debug)]
pub enum Effect {
    /// 200 to the caller's INVITE.
    Accept {
        leg: LegId,
        sdp: Bytes,
    },
    /// A final refusal of the caller's INVITE.
    Refuse {
        leg: LegId,
        status: u16,
    },
    Invite(Box<InviteAgent>),
    AnswerReoffer {
        leg: LegId,
        sdp: Result<Bytes, u16>,
    },
    /// Ends the leg's dialog, whatever its state: CANCEL or BYE.
    Bye {
        leg: LegId,
    },
    Media(media::Command),
    /// What [`Command::Play`](media::Command::Play) is, with recordings still to be read from disk.
    Play {
        leg: LegId,
        play: PlayId,
        clips: Vec<Clip>,
        repeat: bool,
    },
    Join {
        request: QueueRequest,
        plan: SharedPlan,
    },
    Leave {
        caller: queue::CallerId,
        why: queue::LeaveWhy,
    },
    AcceptOffer {
        offer: queue::OfferId,
    },
    RefuseOffer {
        offer: queue::OfferId,
        why: queue::Refusal,
    },
    /// The talk of an agent who was given by the queue is over: wrap-up.
    TalkEnded {
        agent: AgentId,
    },
    /// Asks for the phone of the person with this extension, past the queues.
    Seize {
        extension: String,
    },
    Release {
        agent: AgentId,
    },
    Presence {
        agent: AgentId,
        change: PresenceChange,
    },
    Record(Record),
    /// A recording that nobody shall ever hear.
    Discard {
        recording: RecordingId,
    },
    /// The last: nothing of the call is left.
    Over,
}

/// What the dialplan wants of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueRequest {
    pub queue: QueueId,
    /// Beside the queue's own requirement.
    pub needs: Vec<Requirement>,
    /// Instead of the queue's own credit.
    pub credit: Option<Duration>,
    /// Keys that end the wait.
    pub keys: Vec<char>,
    /// Said after the queue's `offer_after`; may be empty.
    pub offer: Vec<Clip>,
}

/// An INVITE to an agent's phone.
#[derive(Debug)]
pub struct InviteAgent {
    pub leg: LegId,
    pub agent: AgentId,
    /// What a desk phone shows: queue, grade, caller.
    pub display: Masked<String>,
    /// The caller's number, for `From`.
    pub from: Masked<String>,
    pub sdp: Bytes,
}

/// How a call began.
pub struct Arrival {
    pub call: CallId,
    pub sip_call_id: String,
    pub from: Masked<String>,
    pub dialled: String,
    /// The trunk's name or the desk's extension, for the record.
    pub origin: String,
    /// The agent whose desk dialled.
    pub desk: Option<AgentId>,
    /// Our address towards the caller.
    pub address: IpAddr,
    /// The caller's SDP offer; `None` where the INVITE had none.
    pub sdp: Option<Bytes>,
    pub cursor: Cursor,
}

/// One caller's visit.
pub struct Call {
    body: Body,
    stage: Stage,
}

/// What every stage shares.
struct Body {
    id: CallId,
    caller_id: LegId,
    /// `None` once the caller's dialog is over: nothing is played, nobody is asked.
    caller: Option<Leg>,
    cursor: Cursor,
    journal: Journal,
    timers: Timers,
    from: Masked<String>,
    desk: Option<AgentId>,
    next_leg: u16,
    span: tracing::Span,
}

enum Stage {
    Listen(Listen),
    Wait(Wait),
    Offer(Offer),
    Dial(Dial),
    Talk(Talk),
    Hold(Hold),
    Message(Message),
    /// The caller has gone; a message is still being made safe.
    Closing(Closing),
    Over(Over),
    /// Only while an event is handled.
    Moving,
}

impl Call {
    /// Answers the caller and takes the first step of the flow. The call may be over at once: see
    /// [`Call::is_over`].
    pub fn arrive(ctx: &mut Ctx<'_>, arrival: Arrival) -> Call {
        arrive::arrive(ctx, arrival)
    }

    /// Handles one event. To be followed by carrying out the effects and by [`Call::next_deadline`].
    pub fn handle(&mut self, ctx: &mut Ctx<'_>, event: Event) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        let stage = std::mem::replace(&mut self.stage, Stage::Moving);
        let caller = self.body.caller_id;
        self.stage = match (stage, event) {
            (Stage::Over(over), _) => Stage::Over(over),
            (Stage::Closing(closing), event) => closing.handle(&mut self.body, ctx, event),
            (stage, Event::Ended { leg, end }) if leg == caller => {
                hang_up::caller_gone(stage, &mut self.body, ctx, CallEnd::from(end))
            }
            (stage, Event::Cancelled) => {
                hang_up::caller_gone(stage, &mut self.body, ctx, CallEnd::CallerCancelled)
            }
            (stage, Event::RtpTimeout { leg }) if leg == caller => {
                ctx.effect(Effect::Bye { leg });
                hang_up::caller_gone(stage, &mut self.body, ctx, CallEnd::NoAudio)
            }
            (stage, Event::OpenFailed { leg, reason }) if leg == caller => {
                tracing::error!(%leg, reason, "media could not be opened");
                ctx.effect(Effect::Bye { leg });
                hang_up::caller_gone(stage, &mut self.body, ctx, CallEnd::Fault { why: "no media".into() })
            }
            (stage, Event::Shutdown) => {
                ctx.effect(Effect::Bye { leg: caller });
                hang_up::caller_gone(stage, &mut self.body, ctx, CallEnd::Shutdown)
            }
            (stage, Event::Acked { sdp }) => {
                self.body.late_answer(ctx, &sdp);
                stage
            }
            (Stage::Listen(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Wait(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Offer(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Dial(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Talk(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Hold(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Message(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Moving, _) => unreachable!("a stage is put back after every event"),
        };
    }

    /// Handles the deadlines that are due.
    pub fn handle_timeout(&mut self, ctx: &mut Ctx<'_>) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        while let Some(timer) = self.body.timers.take_due(ctx.now.mono) {
            tracing::trace!(timer = timer.name(), "deadline");
            let stage = std::mem::replace(&mut self.stage, Stage::Moving);
            self.stage = match stage {
                Stage::Listen(stage) => stage.timed_out(&mut self.body, ctx),
                Stage::Wait(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Offer(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Dial(stage) => stage.timed_out(&mut self.body, ctx),
                Stage::Talk(stage) => Stage::Talk(stage),
                Stage::Hold(stage) => stage.timed_out(&mut self.body, ctx),
                Stage::Message(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Closing(stage) => stage.timed_out(&mut self.body, ctx),
                Stage::Over(over) => Stage::Over(over),
                Stage::Moving => unreachable!("a stage is put back after every deadline"),
            };
        }
    }

    pub fn next_deadline(&self) -> Option<(Instant, Timer)> {
        self.body.timers.next()
    }

    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over(_))
    }

    pub fn id(&self) -> CallId {
        self.body.id
    }

    /// Where the caller is, for lists and invariants.
    pub fn stage(&self) -> StageKind {
        match &self.stage {
            Stage::Listen(_) | Stage::Moving => StageKind::Listen,
            Stage::Wait(_) => StageKind::Wait,
            Stage::Offer(_) | Stage::Dial(_) => StageKind::Offer,
            Stage::Talk(_) => StageKind::Talk,
            Stage::Hold(_) => StageKind::Hold,
            Stage::Message(_) => StageKind::Message,
            Stage::Closing(_) | Stage::Over(_) => StageKind::HangUp,
        }
    }

    /// The caller in the queue core's eyes, while there is one.
    pub fn queued_as(&self) -> Option<queue::CallerId> {
        match &self.stage {
            Stage::Wait(wait) => wait.caller(),
            Stage::Offer(offer) => offer.caller(),
            _ => None,
        }
    }

    /// The agent whom this call rings or who talks in it.
    pub fn agent(&self) -> Option<AgentId> {
        match &self.stage {
            Stage::Offer(offer) => Some(offer.agent()),
            Stage::Dial(dial) => dial.agent(),
            Stage::Talk(talk) => Some(talk.agent()),
            Stage::Hold(hold) => Some(hold.agent()),
            _ => None,
        }
    }

    /// The legs that have media, the caller's first.
    pub fn legs(&self) -> Vec<&Leg> {
        let mut legs: Vec<&Leg> = self.body.caller.iter().collect();
        legs.extend(match &self.stage {
            Stage::Offer(offer) => Some(offer.leg()),
            Stage::Dial(dial) => dial.leg(),
            Stage::Talk(talk) => Some(talk.leg()),
            Stage::Hold(hold) => Some(hold.leg()),
            _ => None,
        });
        legs
    }

    pub fn from(&self) -> &Masked<String> {
        &self.body.from
    }

    /// The queue that the caller waits in or is offered from.
    pub fn queue_name(&self) -> Option<&str> {
        let queue = match &self.stage {
            Stage::Wait(wait) => wait.queue(),
            Stage::Offer(offer) => offer.queue(),
            _ => return None,
        };
        self.body.cursor.plan().queue(queue).map(|queue| queue.name.as_str())
    }

    pub fn started(&self) -> Wall {
        self.body.journal.started()
    }
}

impl Body {
    /// A new party of this call.
    fn open_leg(&mut self, ctx: &mut Ctx<'_>, address: IpAddr) -> Option<Leg> {
        let id = LegId { call: self.id, index: self.next_leg };
        self.next_leg += 1;
        // The caller's codec first: a bridge of equal codecs forwards without decoding.
        let mut codecs = crate::base::Codec::ALL.to_vec();
        let callers = self.caller.as_ref().and_then(Leg::codec);
        codecs.sort_by_key(|codec| Some(*codec) != callers);
        Leg::open(ctx, id, address, codecs)
    }

    fn play(&mut self, ctx: &mut Ctx<'_>, clips: Vec<Clip>, repeat: bool) {
        if let Some(caller) = &mut self.caller {
            caller.play(ctx, clips, repeat);
        }
    }

    fn stop_playing(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(caller) = &mut self.caller {
            caller.stop(ctx);
        }
    }

    /// The caller has heard the end of what was asked for last.
    fn finished(&mut self, play: PlayId) -> bool {
        self.caller.as_mut().is_some_and(|caller| caller.finished(play))
    }

    fn caller_holds(&self) -> bool {
        self.caller.as_ref().is_some_and(Leg::holds)
    }

    /// A prompt by name in the caller's language; what the catalogue lacks is left out, since the checker
    /// has already said so.
    fn prompt(&self, name: &str) -> Option<Clip> {
        let catalog = self.cursor.plan().catalog();
        catalog.find(self.cursor.language(), name).map(Clip::Prompt)
    }

    /// A person of this call's plan, by what every plan knows them by.
    fn extension(&self, person: AgentId) -> Option<String> {
        self.cursor.plan().agent(person).map(|agent| agent.extension.clone())
    }

    fn prompts(&self, names: &[&str]) -> Vec<Clip> {
        names.iter().filter_map(|name| self.prompt(name)).collect()
    }

    /// The caller re-negotiates while nobody else is on the line.
    fn reoffer(&mut self, ctx: &mut Ctx<'_>, sdp: Option<Bytes>) {
        if let Some(caller) = &mut self.caller {
            answer_reoffer(ctx, caller, sdp);
        }
    }

    fn late_answer(&mut self, ctx: &mut Ctx<'_>, sdp: &[u8]) {
        let agreed = self.caller.as_mut().map(|caller| caller.agree(ctx, sdp));
        if let Some(Err(why)) = agreed {
            tracing::warn!(why, "an SDP answer of the caller cannot be used");
        }
    }

    fn stage(&mut self, ctx: &Ctx<'_>, kind: StageKind, detail: impl Into<String>) {
        let detail = detail.into();
        tracing::info!(stage = kind.name(), detail, "stage");
        self.journal.stage(ctx.now, kind, detail);
    }

    /// Takes the dialplan's next step.
    fn go_on(&mut self, ctx: &mut Ctx<'_>, event: crate::dialplan::Event) -> Stage {
        Listen::begin(self, ctx, event)
    }
}

/// Answers a re-negotiation of `leg`.
fn answer_reoffer(ctx: &mut Ctx<'_>, leg: &mut Leg, sdp: Option<Bytes>) {
    let sdp = match sdp {
        Some(offer) => leg.answer(ctx, &offer).map_err(|why| {
            tracing::warn!(leg = %leg.id, why, "re-negotiation refused");
            488
        }),
        None => Ok(leg.offer()),
    };
    ctx.effect(Effect::AnswerReoffer { leg: leg.id, sdp });
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

/// Heard by whoever is held, and while one person's phone rings.
const HOLD_MUSIC: &str = "common/hold-music";
/// Says: speak now.
const BEEP: &str = "common/beep";

/// Interpreter actions still to be carried out.
type Actions = VecDeque<crate::dialplan::Action>;

/// What the plan and its prompts are shared by.
type SharedPlan = Arc<crate::dialplan::Plan>;
