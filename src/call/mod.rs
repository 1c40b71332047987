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
//!   |       +- offer -----> talk <--> hold        dial to somebody outside: outside -----> talk
//!   |            answered     |
//!   +-------------------------+--> transfer --> talk     every stage --> hang up (over)
//!      gone, or to a flow
//! ```
//!
//! A caller who asks for somebody who is not to be disturbed may have them asked (urgent): dial, listen, urgent, and talk or
//! listen again.
//!
//! A caller who is parked, or for whom a phone rings, may be picked up by any colleague (pick_up) and talks with them.
//!
//! When the caller of a talk that was handed on has gone, its agent may be asked whether the matter is theirs now (matter).
//! A follow-up of a complaint (follow_up) is a call of ours that asks one thing.
//! A callback begins with a call of ours (call_back) and joins at `wait`, once the customer is there.
//!
//! Architecture invariant: a call never touches another call, and never a socket, a clock or a file. What it
//! needs to know of the queue it reads through [`Ctx`]; what it wants from it is an effect.

mod arrive;
mod body;
mod call_back;
mod call_out;
mod case_status;
mod complaint;
mod ctx;
mod dial;
mod effect;
mod event;
mod farewell;
mod follow_up;
mod hang_up;
mod hold;
mod inquiry;
mod journal;
mod keys;
mod leg;
mod listen;
mod mailbox;
mod matter;
mod message;
mod note;
mod offer;
mod outside;
mod pick_up;
mod pledge;
mod ports;
mod recording;
mod supervise;
mod survey;
mod talk;
mod timer;
mod transfer;
mod urgent;
mod wait;
mod whisper;

use std::sync::Arc;

pub use self::call_back::{CalledBack, Outgoing, Place};
pub use self::call_out::{Briefing, CallOut};
pub use self::complaint::ComplaintOrder;
pub use self::ctx::{Ctx, PledgeKeys, Settings, TransferKeys};
pub use self::effect::{Booking, Effect, InviteAgent, InviteOutside, Promising, QueueRequest};
pub use self::event::{Arrival, Event, LegEnd};
pub use self::follow_up::{FollowUp, FollowedUp};
pub use self::hold::HoldReminders;
pub use self::inquiry::{Inquired, Inquiry};
pub use self::journal::Journal;
pub use self::leg::{Browser, Leg, NoMedia, Refusal, Towards};
pub use self::mailbox::{NotOpened, OpenBox};
pub use self::note::NotNoted;
pub use self::ports::PortPool;
pub use self::recording::NotRecorded;
pub use self::supervise::{Announce, Manner, NoGuest};
pub use self::timer::Timer;
pub use self::transfer::{Destination, GivenAway, How, NoTransfer};
pub use self::urgent::{UrgentOver, UrgentSlip};

use self::body::{Body, answer_reoffer};
use self::call_back::CallBack;
use self::call_out::Calling;
use self::case_status::CaseStatus;
use self::complaint::Telling;
use self::dial::Dial;
use self::farewell::Farewell;
use self::follow_up::Following;
use self::hang_up::{Closing, Over};
use self::hold::Hold;
use self::listen::Listen;
use self::mailbox::Mailbox;
use self::matter::Asking;
use self::message::Message;
use self::offer::Offer;
use self::outside::Outside;
use self::pick_up::PickUp;
use self::survey::Survey;
use self::talk::Talk;
use self::transfer::{Parked, Transfer};
use self::urgent::Urgent;
use self::wait::Wait;
use crate::base::{AgentId, CallId, Instant, LegId, Masked, Wall};
use crate::dialplan::Plan;
use crate::media::{Command, DigitMeans};
use crate::queue;
use crate::record::{CallEnd, StageKind};

/// Heard by whoever is held, and while one person's phone rings.
const HOLD_MUSIC: &str = "common/hold-music";
/// Heard while a telephone outside rings.
const RING_BACK: &str = "common/ring-back";
/// Says: speak now.
const BEEP: &str = "common/beep";
/// Says: this is being recorded.
const RECORDING_BEEP: &str = "common/recording-beep";

type SharedPlan = Arc<Plan>;

/// One caller's visit.
pub struct Call {
    body: Body,
    stage: Stage,
}

enum Stage {
    /// We call the customer.
    CallBack(CallBack),
    /// An agent's phone rings, who wants to call somebody outside.
    CallOut(Calling),
    /// We call a customer who complained.
    Following(Following),
    Listen(Listen),
    Wait(Wait),
    Offer(Offer),
    Dial(Dial),
    Outside(Outside),
    Talk(Talk),
    Hold(Hold),
    /// The agent hands the caller on.
    Transfer(Transfer),
    /// In a slot, until somebody dials it.
    Parked(Parked),
    /// A colleague is on the way, who has dialled for the caller.
    PickUp(PickUp),
    Message(Message),
    /// Somebody who is not to be disturbed is asked what becomes of the caller.
    Urgent(Urgent),
    Mailbox(Mailbox),
    /// The number of their complaint is told.
    Telling(Telling),
    /// They ask how things stand with a complaint.
    CaseStatus(CaseStatus),
    /// They rate a talk.
    Survey(Survey),
    /// The caller has gone; the agent is asked whose the matter is.
    Asking(Asking),
    /// All is said; the line is closed next.
    Farewell(Farewell),
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

    /// Calls a customer back. Ends with what came of it: [`Effect::CalledBack`].
    pub fn call_back(ctx: &mut Ctx<'_>, outgoing: Outgoing) -> Call {
        call_back::begin(ctx, outgoing)
    }

    /// Calls a customer who complained. Ends with what came of it: [`Effect::FollowedUp`].
    pub fn follow_up(ctx: &mut Ctx<'_>, wanted: FollowUp) -> Call {
        follow_up::begin(ctx, wanted)
    }

    /// Calls an agent who is then connected with somebody outside.
    pub fn call_out(ctx: &mut Ctx<'_>, wanted: CallOut) -> Call {
        call_out::begin(ctx, wanted)
    }

    /// Handles one event. To be followed by carrying out the effects and by [`Call::next_deadline`].
    pub fn handle(&mut self, ctx: &mut Ctx<'_>, event: Event) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        let Some(event) = self.counted(ctx, event) else { return };
        if let Event::ComplaintSaved { saved } = event {
            self.body.case_saved(saved);
        }
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
            (stage, Event::Dismissed) => farewell::dismiss(stage, &mut self.body, ctx),
            (stage, Event::Acked { sdp }) => {
                if let Some(sdp) = sdp {
                    self.body.late_answer(ctx, &sdp);
                }
                if self.body.is_heard() {
                    stage
                } else {
                    // Nothing was agreed on: nobody would hear anything, and no audio would be missed.
                    ctx.effect(Effect::Bye { leg: caller });
                    hang_up::caller_gone(stage, &mut self.body, ctx, CallEnd::NoAudio)
                }
            }
            (Stage::CallBack(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Following(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::CallOut(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Talk(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Farewell(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Asking(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Hold(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Transfer(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Parked(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::PickUp(stage), event) => stage.handle(&mut self.body, ctx, event),
            // Where nobody else is on the line it changes what the caller hears us by, and nothing more.
            (stage, Event::ReofferAnswered { leg, sdp }) if leg == caller => {
                self.body.late_answer(ctx, &sdp);
                stage
            }
            (Stage::Listen(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Wait(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Offer(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Dial(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Outside(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Message(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Urgent(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Mailbox(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Telling(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Survey(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::CaseStatus(stage), event) => stage.handle(&mut self.body, ctx, event),
            (Stage::Moving, _) => unreachable!("a stage is put back after every event"),
        };
        self.want_keys(ctx);
    }

    /// Handles the deadlines that are due.
    pub fn handle_timeout(&mut self, ctx: &mut Ctx<'_>) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        while let Some(timer) = self.body.timers.take_due(ctx.now.mono) {
            tracing::trace!(timer = timer.name(), "deadline");
            let stage = std::mem::replace(&mut self.stage, Stage::Moving);
            self.stage = match stage {
                Stage::CallBack(stage) => stage.timed_out(&mut self.body, ctx),
                Stage::Following(stage) => stage.timed_out(&mut self.body, ctx),
                Stage::CallOut(stage) => stage.timed_out(&mut self.body, ctx),
                Stage::Listen(stage) => stage.timed_out(&mut self.body, ctx),
                Stage::Wait(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Offer(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Dial(stage) => stage.timed_out(&mut self.body, ctx),
                Stage::Outside(stage) => stage.timed_out(&mut self.body, ctx),
                Stage::Talk(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Hold(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Transfer(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Parked(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::PickUp(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Message(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Urgent(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Farewell(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Mailbox(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Telling(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Survey(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Asking(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::CaseStatus(stage) => stage.timed_out(&mut self.body, ctx, timer),
                Stage::Closing(stage) => stage.timed_out(&mut self.body, ctx),
                Stage::Over(over) => Stage::Over(over),
                Stage::Moving => unreachable!("a stage is put back after every deadline"),
            };
        }
        self.want_keys(ctx);
    }

    /// A press becomes a digit the first time that it is told of, if its leg's keys come by this means. `None` for what
    /// is known already. What two who talk key is the other party's: the media passes it on, but for an INFO.
    fn counted(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Option<Event> {
        let Event::Pressed { leg, digit, by, lasted } = event else { return Some(event) };
        let legs = self.legs();
        let of = legs.iter().find(|of| of.id == leg).filter(|of| of.takes_keys(by))?;
        if let Some(other) = self.other_party(leg) {
            if by == DigitMeans::Info && !of.has_events() {
                let digits = Masked::from(digit.expose().as_ref());
                ctx.media(Command::SendDigits { leg: other, digits });
            }
            // An agent's may be an order to us besides.
            if leg == self.body.caller_id {
                return None;
            }
        }
        let new =
            leg != self.body.caller_id || self.body.keys.is_new(ctx.now.mono, *digit.expose(), by, lasted);
        new.then_some(Event::Digit { leg, digit })
    }

    /// Keys are listened for in the caller's voice only where somebody waits for them: it costs an ear.
    fn want_keys(&mut self, ctx: &mut Ctx<'_>) {
        let wanted = match &self.stage {
            Stage::Listen(_)
            | Stage::Message(_)
            | Stage::Mailbox(_)
            | Stage::Survey(_)
            | Stage::CaseStatus(_)
            | Stage::CallBack(_)
            | Stage::Following(_)
            | Stage::CallOut(_) => true,
            Stage::Wait(wait) => wait.has_keys(),
            Stage::Offer(offer) => offer.has_keys(),
            Stage::Urgent(urgent) => urgent.has_keys(),
            _ => false,
        };
        if let Some(caller) = &mut self.body.caller {
            caller.want_keys(ctx, wanted);
        }
    }

    pub fn next_deadline(&self) -> Option<(Instant, Timer)> {
        self.body.timers.next()
    }

    /// In line, and no deadline would ever end that.
    pub fn is_forgotten(&self) -> bool {
        self.queued_as().is_some() && self.next_deadline().is_none()
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
            Stage::Survey(_) => StageKind::Survey,
            Stage::Listen(_) | Stage::Telling(_) | Stage::CaseStatus(_) | Stage::Moving => StageKind::Listen,
            Stage::Wait(_) => StageKind::Wait,
            Stage::Offer(_)
            | Stage::Dial(_)
            | Stage::Outside(_)
            | Stage::CallBack(_)
            | Stage::CallOut(_)
            | Stage::Following(_)
            | Stage::PickUp(_) => StageKind::Offer,
            Stage::Talk(_) | Stage::Asking(_) => StageKind::Talk,
            Stage::Hold(_) | Stage::Parked(_) => StageKind::Hold,
            Stage::Transfer(_) => StageKind::Transfer,
            Stage::Message(_) => StageKind::Message,
            Stage::Urgent(_) => StageKind::Urgent,
            Stage::Mailbox(_) => StageKind::Mailbox,
            Stage::Farewell(_) | Stage::Closing(_) | Stage::Over(_) => StageKind::HangUp,
        }
    }

    /// Somebody is being asked what becomes of the caller.
    pub fn asks_urgently(&self) -> bool {
        matches!(&self.stage, Stage::Urgent(urgent) if urgent.is_waiting())
    }

    /// The agent has put the caller on hold.
    pub fn is_held_by_agent(&self) -> bool {
        matches!(&self.stage, Stage::Hold(hold) if hold.is_caller_held())
    }

    /// The caller in the queue core's eyes, while there is one.
    pub fn queued_as(&self) -> Option<queue::CallerId> {
        match &self.stage {
            Stage::Wait(wait) => wait.caller(),
            Stage::Offer(offer) => offer.caller(),
            _ => None,
        }
    }

    /// The core's offer that rings a phone.
    pub fn offer(&self) -> Option<queue::OfferId> {
        match &self.stage {
            Stage::Offer(offer) => Some(offer.id()),
            _ => None,
        }
    }

    /// The agent whom this call rings or who talks in it.
    pub fn agent(&self) -> Option<AgentId> {
        match &self.stage {
            Stage::Offer(offer) => Some(offer.agent()),
            Stage::Dial(dial) => dial.agent(),
            Stage::Urgent(urgent) => urgent.agent(),
            Stage::Talk(talk) => talk.agent(),
            Stage::Hold(hold) => hold.agent(),
            Stage::Transfer(transfer) => transfer.agent(),
            Stage::Parked(parked) => parked.agent(),
            Stage::PickUp(pick_up) => Some(pick_up.agent()),
            Stage::Asking(asking) => Some(asking.agent()),
            _ => None,
        }
    }

    /// Whether this agent has a part in the call: talks, rings, or is still being told where the caller was parked while a
    /// colleague fetches them already.
    pub fn concerns(&self, agent: AgentId) -> bool {
        let parker = match &self.stage {
            Stage::PickUp(pick_up) => pick_up.parker(),
            _ => None,
        };
        [self.agent(), parker].contains(&Some(agent))
    }

    /// Whom the party of this leg talks with, on hold or not.
    pub fn other_party(&self, leg: LegId) -> Option<LegId> {
        let agents = match &self.stage {
            Stage::Talk(talk) => talk.leg().id,
            Stage::Hold(hold) => hold.leg().id,
            _ => return None,
        };
        let callers = self.body.caller_id;
        [(callers, agents), (agents, callers)]
            .into_iter()
            .find_map(|(one, other)| (one == leg).then_some(other))
    }

    /// The agent whose own phone this call came from.
    pub fn desk(&self) -> Option<AgentId> {
        self.body.desk
    }

    /// The legs that have media, the caller's first.
    pub fn legs(&self) -> Vec<&Leg> {
        let mut legs: Vec<&Leg> = self.body.caller.iter().collect();
        legs.extend(match &self.stage {
            Stage::Offer(offer) => Some(offer.leg()),
            Stage::Dial(dial) => dial.leg(),
            Stage::Urgent(urgent) => urgent.leg(),
            Stage::Outside(outside) => outside.leg(),
            Stage::Talk(talk) => Some(talk.leg()),
            Stage::Asking(asking) => Some(asking.talk().leg()),
            Stage::Hold(hold) => Some(hold.leg()),
            Stage::Parked(parked) => parked.leg(),
            _ => None,
        });
        if let Stage::PickUp(pick_up) = &self.stage {
            legs.extend(pick_up.legs());
        }
        if let Stage::Transfer(transfer) = &self.stage {
            legs.extend(transfer.legs());
        }
        legs.extend(match &self.stage {
            Stage::Talk(talk) => talk.guest_leg(),
            Stage::Hold(hold) => hold.talk().guest_leg(),
            _ => None,
        });
        if let Stage::Hold(hold) = &self.stage {
            legs.extend(hold.reminders_leg());
        }
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

    /// A queue by name, as the plan knows it that this call began with.
    pub fn queue_in_its_plan(&self, name: &str) -> Option<crate::base::QueueId> {
        self.body.cursor.plan().queue_by_name(name).map(|queue| queue.id)
    }

    pub fn started(&self) -> Wall {
        self.body.journal.started()
    }

    /// The journey so far.
    pub fn stages(&self) -> &[crate::record::Stage] {
        self.body.journal.stages()
    }
}
