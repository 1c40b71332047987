//! The caller waits in a queue: music, the place in line, a phrase that comforts, a way out.

use std::time::Duration;

use super::offer::Offer;
use super::{Body, Ctx, Effect, Event, Listen, QueueRequest, SharedPlan, Stage, Timer};
use crate::base::{Clip, QueueId};
use crate::dialplan::{self, QueueEnd};
use crate::queue::{CallerId, JoinError, LeaveWhy, WaitBand};
use crate::record::{QueueOutcome, StageKind};

/// While a phone rings for the caller, announcements are put off by this much: the answer may come any moment.
const NOT_WHILE_RINGING: Duration = Duration::from_secs(5);

/// A caller in line. Also kept by [`Offer`] while an agent's phone rings: the place in line is still theirs.
pub(super) struct Wait {
    request: QueueRequest,
    /// `None` until the core has taken the caller in.
    caller: Option<CallerId>,
    /// The last place that the caller was told, as people ahead.
    told_place: Option<u32>,
    /// The last wait that the caller was told.
    told_wait: Option<WaitBand>,
    /// The way out has been offered: it is named with every comfort phrase from then on.
    offered_choice: bool,
}

/// Joins the queue. The core says in the same breath whether it took the caller, and whom it offers.
pub(super) fn enter(body: &mut Body, ctx: &mut Ctx<'_>, request: QueueRequest) -> Stage {
    let plan = body.cursor.plan().clone();
    let Some(queue) = plan.queue(request.queue) else {
        return leave(body, ctx, QueueOutcome::Full, QueueEnd::Full);
    };
    body.stage(ctx, StageKind::Wait, queue.name.clone());
    body.journal.queue_entered(ctx.now, &queue.name, queue.service_target.as_millis() as u64);
    ctx.effect(Effect::Join { request: request.clone(), plan: plan.clone() });
    Stage::Wait(Wait { request, caller: None, told_place: None, told_wait: None, offered_choice: false })
}

impl Wait {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::Queued { caller } => {
                self.caller = Some(caller);
                self.settle_in(body, ctx);
                Stage::Wait(self)
            }
            Event::NotQueued { why } => {
                let (outcome, end) = match why {
                    JoinError::Full => (QueueOutcome::Full, QueueEnd::Full),
                    JoinError::Closed | JoinError::NoAgentsLoggedIn | JoinError::NoSuchQueue => {
                        (QueueOutcome::NobodySignedOn, QueueEnd::NobodySignedOn)
                    }
                };
                leave(body, ctx, outcome, end)
            }
            Event::Offered { offer, agent, extension, towards } => {
                Offer::ring(self, body, ctx, offer, agent, extension, towards)
            }
            event => self.waiting(body, ctx, event).unwrap_or_else(Stage::Wait),
        }
    }

    /// What can happen to somebody in line, whether or not a phone rings for them. `Err` gives the wait back
    /// unchanged, `Ok` is where the caller went.
    pub(super) fn waiting(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Result<Stage, Wait> {
        match event {
            Event::Digit { leg, digit } if leg == body.caller_id => {
                let key = digit.expose().key();
                match self.caller {
                    Some(caller) if self.request.keys.contains(&key) => {
                        ctx.effect(Effect::Leave { caller, why: LeaveWhy::Key(key) });
                        Ok(leave(body, ctx, QueueOutcome::LeftByKey, QueueEnd::Key(key)))
                    }
                    _ => Err(self),
                }
            }
            Event::LeftQueue { why } => {
                self.caller = None;
                let (outcome, end) = match why {
                    LeaveWhy::MaxWait => (QueueOutcome::MaxWait, QueueEnd::MaxWait),
                    _ => (QueueOutcome::NobodySignedOn, QueueEnd::NobodySignedOn),
                };
                Ok(leave(body, ctx, outcome, end))
            }
            Event::Played { leg, play } if leg == body.caller_id && body.finished(play) => {
                self.music(body, ctx, Vec::new());
                Err(self)
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                Err(self)
            }
            _ => Err(self),
        }
    }

    pub(super) fn timed_out(mut self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        self.announce(body, ctx, timer);
        Stage::Wait(self)
    }

    /// An announcement is due, and nobody's phone rings.
    fn announce(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) {
        let plan = body.cursor.plan().clone();
        let Some(queue) = plan.queue(self.request.queue) else { return };
        let again = |after: Duration| ctx.now.mono + after;
        let phrase = match timer {
            Timer::Comfort => {
                body.timers.arm(Timer::Comfort, again(queue.comfort_every));
                let mut phrase = queue.comfort.clips(body.cursor.language()).to_vec();
                if self.offered_choice {
                    phrase.extend(self.request.offer.iter().cloned());
                }
                phrase
            }
            Timer::Position => {
                body.timers.arm(Timer::Position, again(queue.position_every));
                self.place(body, ctx, &plan)
            }
            Timer::Choice => {
                self.offered_choice = true;
                self.request.offer.clone()
            }
            _ => Vec::new(),
        };
        if !phrase.is_empty() {
            self.music(body, ctx, phrase);
        }
    }

    /// The same deadline while a phone rings: later.
    pub(super) fn put_off(&self, body: &mut Body, ctx: &Ctx<'_>, timer: Timer) {
        body.timers.arm(timer, ctx.now.mono + NOT_WHILE_RINGING);
    }

    /// The first thing heard in line, and the deadlines of all that follows.
    fn settle_in(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) {
        let plan = body.cursor.plan().clone();
        let Some(queue) = plan.queue(self.request.queue) else { return };
        let now = ctx.now.mono;
        body.timers.arm(Timer::Comfort, now + queue.comfort_every);
        if queue.position {
            body.timers.arm(Timer::Position, now + queue.position_every);
        }
        if !self.request.keys.is_empty() && !self.request.offer.is_empty() {
            body.timers.arm(Timer::Choice, now + queue.offer_after);
        }
        let place = if queue.position { self.place(body, ctx, &plan) } else { Vec::new() };
        self.music(body, ctx, place);
    }

    /// The place in line and the wait that is left, each only if it is better than what was told last: a wait
    /// that grows is no comfort, and one that nobody knows is not guessed.
    fn place(&mut self, body: &Body, ctx: &Ctx<'_>, plan: &SharedPlan) -> Vec<Clip> {
        let Some(caller) = self.caller else { return Vec::new() };
        let speech = plan.speech(body.cursor.language());
        let mut phrase = Vec::new();
        if let Some(ahead) = ctx.queue.position(caller).map(|position| position.saturating_sub(1))
            && self.told_place.is_none_or(|told| ahead < told)
        {
            self.told_place = Some(ahead);
            phrase.extend(speech.position(ahead));
        }
        if let Some(wait) = ctx.queue.estimate(caller)
            && self.told_wait.is_none_or(|told| wait < told)
        {
            self.told_wait = Some(wait);
            let (least, most) = range(wait);
            phrase.extend(speech.wait(least, most));
        }
        phrase
    }

    /// `phrase`, and then music until something else is to be heard.
    pub(super) fn music(&self, body: &mut Body, ctx: &mut Ctx<'_>, mut phrase: Vec<Clip>) {
        let Some(queue) = body.cursor.plan().queue(self.request.queue) else { return };
        let music = Clip::Prompt(queue.music);
        // A phrase must not be repeated with the music: what follows it is asked for when it has ended.
        if phrase.is_empty() {
            body.play(ctx, vec![music], true);
        } else {
            phrase.push(music);
            body.play(ctx, phrase, false);
        }
    }

    /// "Sorry, please wait", and the old place in line.
    pub(super) fn resume(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let sorry = body.prompts(&["transfer/sorry-please-wait"]);
        self.music(body, ctx, sorry);
        Stage::Wait(self)
    }

    pub(super) fn caller(&self) -> Option<CallerId> {
        self.caller
    }

    pub(super) fn queue(&self) -> QueueId {
        self.request.queue
    }
}

/// A band of waiting times in whole minutes; no end for the longest.
fn range(wait: WaitBand) -> (Duration, Option<Duration>) {
    let minutes = |n: u64| Duration::from_secs(60 * n);
    match wait {
        WaitBand::UnderOneMinute => (minutes(0), Some(minutes(1))),
        WaitBand::OneToTwo => (minutes(1), Some(minutes(2))),
        WaitBand::TwoToFive => (minutes(2), Some(minutes(5))),
        WaitBand::FiveToTen => (minutes(5), Some(minutes(10))),
        WaitBand::OverTen => (minutes(10), None),
    }
}

/// Out of the line, back to the flow.
fn leave(body: &mut Body, ctx: &mut Ctx<'_>, outcome: QueueOutcome, end: QueueEnd) -> Stage {
    body.journal.queue_left(ctx.now, outcome);
    stop_announcing(body);
    body.stop_playing(ctx);
    Listen::begin(body, ctx, dialplan::Event::QueueEnded(end))
}

pub(super) fn stop_announcing(body: &mut Body) {
    for timer in [Timer::Comfort, Timer::Position, Timer::Choice] {
        body.timers.disarm(timer);
    }
}
