//! We call a customer whose complaint is said to be solved (回访): is it? They say so by a key.
//!
//! ```text
//!   begin -- ReachOutside --> a trunk? -- NotSeized --------------------------> not asked
//!                               | OutsideReached
//!                               v
//!                            ringing -- Rejected, nobody answers -------------> not asked
//!                               | Answered
//!                               v
//!                            asking -- 1 --> solved: closed, and thanks
//!                               |  \-- 2 --> not solved: reopened, and said so
//!                               | no key, three times over: an answering machine, or nobody
//!                               v
//!                            goodbye -----------------------------------------> not asked
//! ```
//!
//! Whoever picks up hears that it is about a complaint, not which, nor of whom.

use std::time::Duration;

use bytes::Bytes;

use super::timer::Timers;
use super::{
    Body, Call, Ctx, Effect, Event, InviteOutside, Journal, NoMedia, Stage, Timer, Towards, hang_up,
};
use crate::base::{CallId, LegId, Masked};
use crate::dialplan::Cursor;
use crate::record::{CallEnd, Complaint, StageKind};

/// How often the customer is asked for a key, and how long each time after the phrase has ended.
const ASKED: u32 = 3;
const KEY_WITHIN: Duration = Duration::from_secs(5);

/// What a record says was dialled: the number itself is somebody's.
const FOLLOW_UP: &str = "follow-up";

// The keys, and what is said before each: the customer hears them from these very lines.
const SOLVED: (char, &str) = ('1', "complaint/it-is-solved");
const NOT_SOLVED: (char, &str) = ('2', "complaint/it-is-not-solved");

/// A call of ours to a customer who complained.
pub struct FollowUp {
    pub call: CallId,
    pub complaint: Box<Complaint>,
    pub number: Masked<String>,
    pub trunk: Option<String>,
    pub ring: Duration,
    /// For the language alone: no flow is walked.
    pub cursor: Cursor,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowedUp {
    Solved,
    NotSolved,
    /// Why, in a word; and whether it was the customer who was not there.
    NotAsked {
        why: &'static str,
        counts: bool,
    },
}

/// What the call is to bring about, until it is known what came of it.
pub(super) struct Asks {
    complaint: Box<Complaint>,
    what: FollowedUp,
}

pub(super) struct Following {
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
pub(super) fn begin(ctx: &mut Ctx<'_>, wanted: FollowUp) -> Call {
    let FollowUp { call, complaint, number, trunk, ring, cursor } = wanted;
    let span = tracing::info_span!("call", id = %call, to = %number, case = %complaint.case);
    let entered = span.clone().entered();
    let origin = trunk.clone().unwrap_or_default();
    let mut journal =
        Journal::new(call, String::new(), number.clone(), FOLLOW_UP.to_owned(), origin, ctx.now);
    journal.stage(ctx.now, StageKind::Complaint, format!("{} followed up", complaint.case));
    journal.complaint(complaint.case);
    let what = FollowedUp::NotAsked { why: "not reached", counts: false };
    let body = Body {
        follow_up: Some(Asks { complaint, what }),
        ..Body::of_ours(call, number.clone(), cursor, journal, span.clone())
    };
    ctx.effect(Effect::ReachOutside { number: number.clone(), trunk });
    drop(entered);
    Call { body, stage: Stage::Following(Following { number, ring, phase: Phase::Reaching, early: false }) }
}

impl Following {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match (self.phase, event) {
            (Phase::Reaching, Event::NotSeized { .. }) => not_asked(body, ctx, "no trunk", false),
            (Phase::Reaching, Event::OutsideReached { trunk, towards }) => {
                self.invite(body, ctx, trunk, towards)
            }
            (Phase::Ringing, Event::EarlyMedia { leg, sdp }) if leg == body.caller_id => {
                // What the network says concerns nobody; but its answer may come only here (RFC 3262 §5).
                self.early |= body.caller.as_mut().is_some_and(|caller| caller.agree(ctx, &sdp).is_ok());
                Stage::Following(self)
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
                not_asked(body, ctx, why, true)
            }
            (Phase::Asking { .. }, Event::Digit { leg, digit }) if leg == body.caller_id => {
                match digit.expose().key() {
                    key if key == SOLVED.0 => {
                        self.said(body, ctx, FollowedUp::Solved, "complaint/thanks-closed")
                    }
                    key if key == NOT_SOLVED.0 => {
                        self.said(body, ctx, FollowedUp::NotSolved, "complaint/reopened")
                    }
                    _ => Stage::Following(self),
                }
            }
            (Phase::Asking { .. }, Event::Played { leg, play })
                if leg == body.caller_id && body.finished(play) =>
            {
                body.timers.arm(Timer::Listen, ctx.now.mono + KEY_WITHIN);
                Stage::Following(self)
            }
            (Phase::Leaving, Event::Played { leg, play }) if leg == body.caller_id && body.finished(play) => {
                hang_up::goodbye(body, ctx, CallEnd::FlowEnded)
            }
            (_, Event::Reoffer { leg, sdp }) if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                Stage::Following(self)
            }
            _ => Stage::Following(self),
        }
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        match self.phase {
            Phase::Asking { asked } if asked < ASKED => self.ask(body, ctx, asked + 1),
            Phase::Asking { .. } => {
                let what = FollowedUp::NotAsked { why: "no key", counts: true };
                self.leave(body, ctx, what, &["goodbye/thanks"])
            }
            Phase::Ringing => {
                ctx.effect(Effect::Bye { leg: body.caller_id });
                not_asked(body, ctx, "no answer", true)
            }
            Phase::Reaching | Phase::Leaving => Stage::Following(self),
        }
    }

    fn invite(mut self, body: &mut Body, ctx: &mut Ctx<'_>, trunk: String, towards: Towards) -> Stage {
        let Some(mut leg) = body.open_leg(ctx, towards) else {
            tracing::error!("no RTP port is free for a follow-up call");
            return not_asked(body, ctx, "no port", false);
        };
        let sdp = leg.offer();
        body.caller = Some(leg);
        body.stage(ctx, StageKind::Offer, format!("outside by {trunk}"));
        body.timers.arm(Timer::Ring, ctx.now.mono + self.ring);
        let (leg, number) = (body.caller_id, self.number.clone());
        ctx.effect(Effect::InviteOutside(Box::new(InviteOutside { leg, trunk, number, sdp })));
        self.phase = Phase::Ringing;
        Stage::Following(self)
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
            return not_asked(body, ctx, "no media", true);
        }
        body.journal.answered(ctx.now);
        // Who picks up and hangs up again has not said anything: a try.
        body.came_of_it(FollowedUp::NotAsked { why: "hung up", counts: true });
        self.ask(body, ctx, 1)
    }

    fn ask(mut self, body: &mut Body, ctx: &mut Ctx<'_>, asked: u32) -> Stage {
        let mut question = body.prompts(&["complaint/follow-up", "complaint/is-it-solved"]);
        question.extend(body.lines(&[SOLVED, NOT_SOLVED]));
        body.play(ctx, question, false);
        self.phase = Phase::Asking { asked };
        Stage::Following(self)
    }

    fn said(self, body: &mut Body, ctx: &mut Ctx<'_>, what: FollowedUp, phrase: &str) -> Stage {
        self.leave(body, ctx, what, &[phrase, "goodbye/thanks"])
    }

    /// What was said is written down at once: who hangs up in the middle of the thanks has said it.
    fn leave(mut self, body: &mut Body, ctx: &mut Ctx<'_>, what: FollowedUp, phrase: &[&str]) -> Stage {
        body.timers.disarm(Timer::Listen);
        body.came_of_it(what);
        body.settle_follow_up(ctx);
        let phrase = body.prompts(phrase);
        body.play(ctx, phrase, false);
        self.phase = Phase::Leaving;
        Stage::Following(self)
    }
}

fn not_asked(body: &mut Body, ctx: &mut Ctx<'_>, why: &'static str, counts: bool) -> Stage {
    body.came_of_it(FollowedUp::NotAsked { why, counts });
    hang_up::over(body, ctx, CallEnd::NotReached { why: why.to_owned() })
}

impl Body {
    fn came_of_it(&mut self, what: FollowedUp) {
        if let Some(asks) = &mut self.follow_up {
            asks.what = what;
        }
    }

    /// Once; wherever the call ends.
    pub(super) fn settle_follow_up(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(Asks { complaint, what }) = self.follow_up.take() {
            ctx.effect(Effect::FollowedUp { complaint, what });
        }
    }

    /// Of a call that we make: the customer's leg is the first.
    fn of_ours(
        call: CallId,
        number: Masked<String>,
        cursor: Cursor,
        journal: Journal,
        span: tracing::Span,
    ) -> Body {
        Body {
            id: call,
            caller_id: LegId { call, index: 0 },
            caller: None,
            cursor,
            journal,
            timers: Timers::default(),
            from: number,
            desk: None,
            outside: None,
            keys: Default::default(),
            next_leg: 0,
            place: None,
            owed: None,
            urgent: None,
            handed_by: None,
            case: None,
            talked: None,
            follow_up: None,
            span,
        }
    }
}
