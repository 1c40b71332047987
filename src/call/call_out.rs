//! An agent calls somebody outside by an order instead of the phone's keys: the agent's own phone rings first, and who
//! answers it hears the customer's ring.
//!
//! ```text
//!   begin: the desk rings -- Rejected, nobody answers --> over, nobody outside was rung
//!                 | Answered
//!                 |  \--- to keep a promise --> told whom, and for when -- 2, or no key: somebody else's --> over
//!                 |                                 | 1
//!                 v                                 v
//!             the flow of a desk's call to the outside, as if the agent had dialled
//! ```

use std::time::Duration;

use bytes::Bytes;

use super::call_back::Owed;
use super::timer::Timers;
use super::{
    Body, Call, CalledBack, Ctx, Effect, Event, InviteAgent, Journal, Leg, Stage, Timer, Towards, hang_up,
};
use crate::base::{AgentId, CallId, Clip, LegId, Masked, Wall};
use crate::dialplan::{self, Cursor};
use crate::record::{CallEnd, StageKind};

/// Who has asked for the call sits at the phone.
const RING: Duration = Duration::from_secs(20);
/// What a record says was dialled: the number itself is somebody's.
const OUTSIDE: &str = "outside";
/// How often an agent is told of a promise, and how long a key is waited for after the words each time.
const TOLD: u32 = 2;
const KEY_WITHIN: Duration = Duration::from_secs(4);

/// A call that an agent is to make.
pub struct CallOut {
    pub call: CallId,
    /// Theirs is the desk, which the call has.
    pub agent: AgentId,
    pub extension: String,
    pub towards: Towards,
    /// Their right to it has been looked at.
    pub number: Masked<String>,
    /// In the flow of desks' calls to the outside.
    pub cursor: Cursor,
    /// It keeps a promise: the agent is told before anybody is dialled.
    pub briefing: Option<Briefing>,
}

/// The promise that a call is to keep.
#[derive(Clone, Copy, Debug)]
pub struct Briefing {
    pub promise: CallId,
    /// The time that was named.
    pub due: Wall,
}

pub(super) struct Calling {
    briefing: Option<Briefing>,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Ringing,
    Telling {
        told: u32,
    },
    /// The last phrase.
    Leaving,
}

/// Rings the agent's phone.
pub(super) fn begin(ctx: &mut Ctx<'_>, wanted: CallOut) -> Call {
    let CallOut { call, agent, extension, towards, number, cursor, briefing } = wanted;
    let span = tracing::info_span!("call", id = %call, desk = extension, to = %number);
    let entered = span.clone().entered();
    let from = Masked::new(extension.clone());
    let mut journal =
        Journal::new(call, String::new(), from.clone(), OUTSIDE.to_owned(), extension.clone(), ctx.now);
    journal.stage(ctx.now, StageKind::Arrive, OUTSIDE);
    let id = LegId { call, index: 0 };
    let mut body = Body {
        id: call,
        caller_id: id,
        caller: None,
        cursor,
        journal,
        timers: Timers::default(),
        from,
        outside: Some(number.clone()),
        desk: Some(agent),
        keys: Default::default(),
        next_leg: 1,
        place: None,
        owed: briefing.map(|it| Owed::new(it.promise, CalledBack::NotTaken("did not answer"))),
        urgent: None,
        handed_by: None,
        case: None,
        talked: None,
        follow_up: None,
        span: span.clone(),
    };
    let stage = match Leg::open(ctx, id, towards) {
        Some(mut leg) => {
            let sdp = leg.offer();
            body.caller = Some(leg);
            body.stage(ctx, StageKind::Offer, extension);
            body.timers.arm(Timer::Ring, ctx.now.mono + RING);
            // The phone shows whom it is about to call.
            let invite = InviteAgent {
                leg: id,
                agent,
                display: number.clone(),
                from: number,
                about: Masked::default(),
                by: None,
                sdp,
            };
            ctx.effect(Effect::Invite(Box::new(invite)));
            Stage::CallOut(Calling { briefing, phase: Phase::Ringing })
        }
        None => {
            tracing::error!("no RTP port is free for a call to the outside");
            not_reached(&mut body, ctx, "no port")
        }
    };
    drop(entered);
    Call { body, stage }
}

impl Calling {
    pub(super) fn handle(self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match (self.phase, event) {
            (Phase::Ringing, Event::Answered { leg, sdp }) if leg == body.caller_id => {
                self.answered(body, ctx, sdp)
            }
            (_, Event::Rejected { leg, status }) if leg == body.caller_id => {
                not_reached(body, ctx, if matches!(status, 486 | 600) { "busy" } else { "no answer" })
            }
            (Phase::Telling { .. }, Event::Digit { leg, digit }) if leg == body.caller_id => {
                match digit.expose().key() {
                    '1' => {
                        body.timers.disarm(Timer::Listen);
                        body.stop_playing(ctx);
                        // Whoever hangs up before the customer answers has not called them.
                        body.try_comes_to(CalledBack::NotTaken("hung up"));
                        body.go_on(ctx, dialplan::Event::Begin)
                    }
                    '2' => self.leave(body, ctx, "declined"),
                    _ => Stage::CallOut(self),
                }
            }
            (Phase::Telling { .. }, Event::Played { leg, play })
                if leg == body.caller_id && body.finished(play) =>
            {
                body.timers.arm(Timer::Listen, ctx.now.mono + KEY_WITHIN);
                Stage::CallOut(self)
            }
            (Phase::Leaving, Event::Played { leg, play }) if leg == body.caller_id && body.finished(play) => {
                hang_up::goodbye(body, ctx, CallEnd::FlowEnded)
            }
            (_, Event::Reoffer { leg, sdp }) if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                Stage::CallOut(self)
            }
            _ => Stage::CallOut(self),
        }
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        match self.phase {
            Phase::Ringing => {
                ctx.effect(Effect::Bye { leg: body.caller_id });
                not_reached(body, ctx, "no answer")
            }
            Phase::Telling { told } if told < TOLD => self.tell(body, ctx, told + 1),
            // A voice box has answered, or nobody is at the phone.
            Phase::Telling { .. } => self.leave(body, ctx, "pressed no key"),
            Phase::Leaving => Stage::CallOut(self),
        }
    }

    fn answered(self, body: &mut Body, ctx: &mut Ctx<'_>, sdp: Option<Bytes>) -> Stage {
        body.timers.disarm(Timer::Ring);
        let agreed = match (&sdp, &mut body.caller) {
            (Some(answer), Some(caller)) => caller.agree(ctx, answer).is_ok(),
            _ => false,
        };
        if !agreed {
            tracing::warn!("the answer of an agent's phone cannot be used");
            ctx.effect(Effect::Bye { leg: body.caller_id });
            return not_reached(body, ctx, "no media");
        }
        body.journal.answered(ctx.now);
        match self.briefing {
            Some(_) => self.tell(body, ctx, 1),
            None => body.go_on(ctx, dialplan::Event::Begin),
        }
    }

    fn tell(mut self, body: &mut Body, ctx: &mut Ctx<'_>, told: u32) -> Stage {
        let Some(briefing) = self.briefing else { return body.go_on(ctx, dialplan::Event::Begin) };
        body.try_comes_to(CalledBack::NotTaken("hung up"));
        let words = briefing.words(body);
        body.play(ctx, words, false);
        self.phase = Phase::Telling { told };
        Stage::CallOut(self)
    }

    fn leave(mut self, body: &mut Body, ctx: &mut Ctx<'_>, why: &'static str) -> Stage {
        body.timers.disarm(Timer::Listen);
        body.try_comes_to(CalledBack::NotTaken(why));
        let phrase = body.prompts(&["promise/somebody-else", "goodbye/please-hang-up"]);
        body.play(ctx, phrase, false);
        self.phase = Phase::Leaving;
        Stage::CallOut(self)
    }
}

impl Briefing {
    /// Whom, and for when; then what can be keyed.
    fn words(self, body: &Body) -> Vec<Clip> {
        let speech = body.speech();
        let mut words = body.prompts(&["promise/is-due"]);
        words.extend(speech.time(self.due));
        if let Some(number) = &body.outside {
            words.extend(speech.prompt("promise/customers-number"));
            words.extend(speech.digits(number.expose()));
        }
        words.extend(body.lines(&[('1', "topic/call-now"), ('2', "topic/somebody-else")]));
        words
    }
}

fn not_reached(body: &mut Body, ctx: &mut Ctx<'_>, why: &'static str) -> Stage {
    body.try_comes_to(CalledBack::NotTaken(why));
    hang_up::over(body, ctx, CallEnd::NotReached { why: why.to_owned() })
}
