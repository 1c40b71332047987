//! We call the customer back whose turn has come: they say by a key that they are there before an agent is tied up.
//!
//! ```text
//!   begin -- ReachOutside --> a trunk? -- NotSeized ---------------------------------------> tried
//!                               | OutsideReached
//!                               v
//!                            ringing -- Rejected, nobody answers -------------------------> tried
//!                               | Answered
//!                               v
//!                            asking: "press one" -- 1 --> the queue, at the old place
//!                               |   \-- 2 --> cancelled: "your callback has been cancelled"
//!                               | no key, three times over: an answering machine, or nobody
//!                               v
//!                            goodbye -----------------------------------------------------> tried
//! ```

use std::time::Duration;

use bytes::Bytes;

use super::timer::Timers;
use super::{
    Body, Call, Ctx, Effect, Event, InviteOutside, Journal, NoMedia, Stage, Timer, Towards, hang_up,
};
use crate::base::{CallId, Instant, LegId, Masked, QueueId};
use crate::dialplan::{self, Cursor, Requirement};
use crate::record::{CallEnd, StageKind};

/// How often the customer is asked for a key, and how long each time after the phrase has ended.
const ASKED: u32 = 3;
const KEY_WITHIN: Duration = Duration::from_secs(4);

/// What a record says was dialled: the number itself is somebody's.
const CALLBACK: &str = "callback";

/// A call of ours to a customer.
pub struct Outgoing {
    pub call: CallId,
    /// The callback that it is a try of.
    pub callback: CallId,
    pub number: Masked<String>,
    pub trunk: Option<String>,
    pub ring: Duration,
    /// In the queue's flow for callbacks.
    pub cursor: Cursor,
    pub place: Place,
}

/// Where a caller stood who has left the line for a while, and what they asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub queue: QueueId,
    pub arrived: Instant,
    pub needs: Vec<Requirement>,
    pub credit: Option<Duration>,
}

/// What came of calling back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledBack {
    /// The customer was there and waits, talks or has hung up: nothing is owed any more.
    Done,
    /// The customer does not want it any longer.
    Cancelled,
    /// Nobody was reached. Why, in a word.
    NotReached(&'static str),
    /// Who was to call did not: the customer's phone has not rung to its end.
    NotTaken(&'static str),
}

/// The callback or the promise that a call is a try of, until it is known what came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    callback: CallId,
    so_far: CalledBack,
}

impl Owed {
    pub(super) fn new(callback: CallId, so_far: CalledBack) -> Self {
        Owed { callback, so_far }
    }
}

pub(super) struct CallBack {
    number: Masked<String>,
    ring: Duration,
    phase: Phase,
    /// The network has said something before anybody answered.
    early: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reaching,
    Ringing,
    Asking {
        asked: u32,
    },
    /// The last phrase.
    Leaving,
}

/// Asks for a trunk.
pub(super) fn begin(ctx: &mut Ctx<'_>, outgoing: Outgoing) -> Call {
    let Outgoing { call, callback, number, trunk, ring, cursor, place } = outgoing;
    let span = tracing::info_span!("call", id = %call, to = %number, %callback);
    let entered = span.clone().entered();
    let origin = trunk.clone().unwrap_or_default();
    let mut journal = Journal::new(call, String::new(), number.clone(), CALLBACK.to_owned(), origin, ctx.now);
    journal.stage(ctx.now, StageKind::Arrive, CALLBACK);
    let body = Body {
        id: call,
        caller_id: LegId { call, index: 0 },
        caller: None,
        cursor,
        journal,
        timers: Timers::default(),
        from: number.clone(),
        outside: None,
        desk: None,
        keys: Default::default(),
        // The customer's leg is the first.
        next_leg: 0,
        place: Some(place),
        owed: Some(Owed::new(callback, CalledBack::NotReached("not reached"))),
        urgent: None,
        handed_by: None,
        case: None,
        talked: None,
        follow_up: None,
        span: span.clone(),
    };
    ctx.effect(Effect::ReachOutside { number: number.clone(), trunk });
    drop(entered);
    Call { body, stage: Stage::CallBack(CallBack { number, ring, phase: Phase::Reaching, early: false }) }
}

impl CallBack {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match (self.phase, event) {
            (Phase::Reaching, Event::NotSeized { .. }) => not_reached(body, ctx, "no trunk"),
            (Phase::Reaching, Event::OutsideReached { trunk, towards }) => {
                self.invite(body, ctx, trunk, towards)
            }
            (Phase::Ringing, Event::EarlyMedia { leg, sdp }) if leg == body.caller_id => {
                // What the network says is for the record of nobody; but its answer may come only here (RFC 3262 §5).
                self.early |= body.caller.as_mut().is_some_and(|caller| caller.agree(ctx, &sdp).is_ok());
                Stage::CallBack(self)
            }
            (Phase::Ringing, Event::Answered { leg, sdp }) if leg == body.caller_id => {
                self.answered(body, ctx, sdp)
            }
            (_, Event::Rejected { leg, status }) if leg == body.caller_id => {
                let why = match status {
                    486 | 600 => "busy",
                    408 | 480 | 487 | 603 => "no answer",
                    _ => "not reached",
                };
                not_reached(body, ctx, why)
            }
            (Phase::Asking { .. }, Event::Digit { leg, digit }) if leg == body.caller_id => {
                match digit.expose().key() {
                    '1' => self.there(body, ctx),
                    '2' => self.cancelled(body, ctx),
                    _ => Stage::CallBack(self),
                }
            }
            (Phase::Asking { .. }, Event::Played { leg, play })
                if leg == body.caller_id && body.finished(play) =>
            {
                body.timers.arm(Timer::Listen, ctx.now.mono + KEY_WITHIN);
                Stage::CallBack(self)
            }
            (Phase::Leaving, Event::Played { leg, play }) if leg == body.caller_id && body.finished(play) => {
                hang_up::goodbye(body, ctx, CallEnd::FlowEnded)
            }
            (_, Event::Reoffer { leg, sdp }) if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                Stage::CallBack(self)
            }
            _ => Stage::CallBack(self),
        }
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        match self.phase {
            Phase::Asking { asked } if asked < ASKED => self.ask(body, ctx, asked + 1),
            // Whoever picked up and pressed nothing is no customer who waits: a machine, or a pocket.
            Phase::Asking { .. } => self.leave(body, ctx, "no key", &["goodbye/thanks"]),
            Phase::Ringing => {
                ctx.effect(Effect::Bye { leg: body.caller_id });
                not_reached(body, ctx, "no answer")
            }
            Phase::Reaching | Phase::Leaving => Stage::CallBack(self),
        }
    }

    fn invite(mut self, body: &mut Body, ctx: &mut Ctx<'_>, trunk: String, towards: Towards) -> Stage {
        let Some(mut leg) = body.open_leg(ctx, towards) else {
            tracing::error!("no RTP port is free for a callback");
            return not_reached(body, ctx, "no port");
        };
        let sdp = leg.offer();
        body.caller = Some(leg);
        body.stage(ctx, StageKind::Offer, format!("outside by {trunk}"));
        body.timers.arm(Timer::Ring, ctx.now.mono + self.ring);
        let (leg, number) = (body.caller_id, self.number.clone());
        ctx.effect(Effect::InviteOutside(Box::new(InviteOutside { leg, trunk, number, sdp })));
        self.phase = Phase::Ringing;
        Stage::CallBack(self)
    }

    fn answered(self, body: &mut Body, ctx: &mut Ctx<'_>, sdp: Option<Bytes>) -> Stage {
        body.timers.disarm(Timer::Ring);
        let agreed = match (&sdp, &mut body.caller) {
            (Some(answer), Some(caller)) => caller.agree(ctx, answer),
            (None, Some(_)) if self.early => Ok(()),
            _ => Err(NoMedia::NoAnswer),
        };
        if let Err(why) = agreed {
            tracing::warn!(%why, "a customer's answer cannot be used");
            ctx.effect(Effect::Bye { leg: body.caller_id });
            return not_reached(body, ctx, "no media");
        }
        body.journal.answered(ctx.now);
        self.ask(body, ctx, 1)
    }

    fn ask(mut self, body: &mut Body, ctx: &mut Ctx<'_>, asked: u32) -> Stage {
        let question = body.prompts(&["callback/here-it-is", "callback/answer"]);
        body.play(ctx, question, false);
        self.phase = Phase::Asking { asked };
        Stage::CallBack(self)
    }

    /// The customer is there: the flow begins, whose only step is the queue.
    fn there(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        body.timers.disarm(Timer::Listen);
        body.try_comes_to(CalledBack::Done);
        body.go_on(ctx, dialplan::Event::Begin)
    }

    fn cancelled(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        if let Some(Owed { callback, .. }) = body.owed.take() {
            ctx.effect(Effect::CalledBack { callback, what: CalledBack::Cancelled });
        }
        self.leave(body, ctx, "cancelled", &["callback/cancelled", "goodbye/thanks"])
    }

    fn leave(mut self, body: &mut Body, ctx: &mut Ctx<'_>, why: &'static str, phrase: &[&str]) -> Stage {
        body.timers.disarm(Timer::Listen);
        body.try_comes_to(CalledBack::NotReached(why));
        let phrase = body.prompts(phrase);
        body.play(ctx, phrase, false);
        self.phase = Phase::Leaving;
        Stage::CallBack(self)
    }
}

fn not_reached(body: &mut Body, ctx: &mut Ctx<'_>, why: &'static str) -> Stage {
    body.try_comes_to(CalledBack::NotReached(why));
    hang_up::over(body, ctx, CallEnd::NotReached { why: why.to_owned() })
}

impl Body {
    /// What is to be said of the try if nothing else happens.
    pub(super) fn try_comes_to(&mut self, what: CalledBack) {
        if let Some(owed) = &mut self.owed {
            owed.so_far = what;
        }
    }

    /// An agent has the customer, or the call is over: what was owed is known.
    pub(super) fn settle_callback(&mut self, ctx: &mut Ctx<'_>) {
        let Some(Owed { callback, so_far: what }) = self.owed.take() else { return };
        ctx.effect(Effect::CalledBack { callback, what });
    }
}
