//! The caller waits in a queue: music, the place in line, a phrase that comforts, a way out.

use std::time::Duration;

use super::offer::Offer;
use super::{Body, Ctx, Effect, Event, Listen, Place, QueueRequest, SharedPlan, Stage, Timer};
use crate::base::{Clip, Instant, QueueId};
use crate::dialplan::{self, Queue, QueueEnd};
use crate::queue::{CallerId, JoinError, LeaveWhy, WaitBand};
use crate::record::{QueueOutcome, StageKind};

/// "Sorry, please wait."
const SORRY: &str = "transfer/sorry-please-wait";
const SORRY_FOR_THE_WAIT: &str = "queue/sorry-for-the-wait";
/// "To keep waiting, please stay on the line."
const CONTINUE: &str = "queue/offer-continue";

/// While a phone rings for the caller, announcements are put off by this much: the answer may come any moment.
const NOT_WHILE_RINGING: Duration = Duration::from_secs(5);

/// The head start of somebody who stands before all others: the greatest that a plan can give (`credit`).
const FIRST: Duration = Duration::from_secs(600);

/// A caller in line. Also kept by [`Offer`] while an agent's phone rings, and through the talk, which a dead phone
/// may end: the place in line is still theirs.
pub(super) struct Wait {
    request: QueueRequest,
    /// `None` until the core has taken the caller in.
    caller: Option<CallerId>,
    /// The place, in time: since when the core counts the wait.
    arrived: Instant,
    /// The owner is waited for alone, and no place in line means anything.
    for_owner: bool,
    /// The last place that the caller was told, as people ahead.
    told_place: Option<u32>,
    told_wait: Told,
    /// The way out has been offered: it is named with every comfort phrase from then on.
    offered_choice: bool,
    /// At the last comfort phrase nobody who could come was signed on.
    unattended: bool,
    /// The agent's phone died: an apology is due.
    apologise: bool,
}

/// Joins the queue. The core says in the same breath whether it took the caller, and whom it offers.
pub(super) fn enter(body: &mut Body, ctx: &mut Ctx<'_>, request: QueueRequest) -> Stage {
    let plan = body.cursor.plan().clone();
    let Some(queue) = plan.queue(request.queue) else {
        return leave(body, ctx, QueueOutcome::Full, QueueEnd::Full);
    };
    body.stage(ctx, StageKind::Wait, queue.name.clone());
    body.journal.queue_entered(ctx.now, &queue.name, queue.service_target.as_millis() as u64);
    Stage::Wait(Wait::join(ctx, plan, request, false))
}

impl Wait {
    fn join(ctx: &mut Ctx<'_>, plan: SharedPlan, request: QueueRequest, apologise: bool) -> Wait {
        ctx.effect(Effect::Join { request: request.clone(), plan });
        Wait {
            arrived: request.arrived.unwrap_or(ctx.now.mono),
            request,
            caller: None,
            for_owner: false,
            told_place: None,
            told_wait: Told::default(),
            offered_choice: false,
            unattended: false,
            apologise,
        }
    }

    /// The talk that this wait led to broke off without anybody's wish: an apology, and the head of the line. The
    /// call goes on with all that is known of it; the owner is not asked for again, it may be they who vanished.
    pub(super) fn again_first(self, body: &mut Body, ctx: &mut Ctx<'_>, lost: &str) -> Stage {
        let plan = body.cursor.plan().clone();
        let name = plan.queue(self.request.queue).map_or("", |queue| queue.name.as_str());
        body.stage(ctx, StageKind::Wait, format!("{name}, after {lost} was lost"));
        body.journal.queue_again(ctx.now);
        let (credit, arrived) = (Some(FIRST), Some(self.arrived));
        let request = QueueRequest { credit, arrived, owners: Vec::new(), ..self.request };
        Stage::Wait(Wait::join(ctx, plan, request, true))
    }

    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::Queued { caller, arrived, owner } => {
                (self.caller, self.arrived, self.for_owner) = (Some(caller), arrived, owner);
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
            Event::OwnerSkipped => {
                self.for_owner = false;
                let plan = body.cursor.plan().clone();
                if let Some(queue) = plan.queue(self.request.queue).filter(|queue| queue.position) {
                    body.timers.arm(Timer::Position, ctx.now.mono + queue.position_every);
                    let place = self.place(body, ctx, &plan);
                    body.play_over(ctx, place);
                }
                Stage::Wait(self)
            }
            event => self.waiting(body, ctx, event).unwrap_or_else(Stage::Wait),
        }
    }

    /// Another queue's line. What was told of the place in the old one means nothing any more; the way out by key
    /// stays as it was offered.
    fn change(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, queue: QueueId) {
        let plan = body.cursor.plan().clone();
        let Some(queue) = plan.queue(queue) else { return };
        body.stage(ctx, StageKind::Wait, queue.name.clone());
        body.journal.queue_changed(&queue.name, queue.service_target.as_millis() as u64);
        (self.request.queue, self.request.credit) = (queue.id, None);
        (self.told_place, self.told_wait, self.for_owner) = (None, Told::default(), false);
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
                        self.remember(body);
                        Ok(leave(body, ctx, QueueOutcome::LeftByKey, QueueEnd::Key(key)))
                    }
                    _ => Err(self),
                }
            }
            Event::OwnerSkipped => {
                self.for_owner = false;
                Err(self)
            }
            Event::QueueChanged { queue } => {
                self.change(body, ctx, queue);
                Err(self)
            }
            Event::LeftQueue { why } => {
                self.caller = None;
                self.remember(body);
                let (outcome, end) = match why {
                    LeaveWhy::MaxWait => (QueueOutcome::MaxWait, QueueEnd::MaxWait),
                    _ => (QueueOutcome::NobodySignedOn, QueueEnd::NobodySignedOn),
                };
                Ok(leave(body, ctx, outcome, end))
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                Err(self)
            }
            _ => Err(self),
        }
    }

    pub(super) fn timed_out(mut self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        let plan = body.cursor.plan().clone();
        let Some(queue) = plan.queue(self.request.queue) else { return Stage::Wait(self) };
        if timer == Timer::Comfort
            && let Some((outcome, end)) = self.waits_in_vain(ctx, &plan, queue)
        {
            if let Some(caller) = self.caller {
                ctx.effect(Effect::Leave { caller, why: LeaveWhy::TakeMessage });
            }
            self.remember(body);
            return leave(body, ctx, outcome, end);
        }
        self.announce(body, ctx, &plan, queue, timer);
        Stage::Wait(self)
    }

    /// The service has closed, or nobody is left who could come: the caller is told instead of comforted, unless the
    /// queue serves to the end. A phone that starts anew is no reason: nobody must have been there twice.
    fn waits_in_vain(
        &mut self,
        ctx: &Ctx<'_>,
        plan: &SharedPlan,
        queue: &Queue,
    ) -> Option<(QueueOutcome, QueueEnd)> {
        if queue.serve_to_the_end {
            return None;
        }
        if plan.is_closed(queue, ctx.now.wall) {
            return Some((QueueOutcome::Closed, QueueEnd::Closed));
        }
        let unattended = self.caller.and_then(|caller| ctx.queue.is_attended(caller)) == Some(false);
        let before = std::mem::replace(&mut self.unattended, unattended);
        (before && unattended).then_some((QueueOutcome::NobodySignedOn, QueueEnd::NobodySignedOn))
    }

    /// An announcement is due, and nobody's phone rings.
    fn announce(
        &mut self,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        plan: &SharedPlan,
        queue: &Queue,
        timer: Timer,
    ) {
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
                self.place(body, ctx, plan)
            }
            Timer::Choice if !std::mem::replace(&mut self.offered_choice, true) => {
                if let Some(after) = queue.choice_after {
                    body.timers.arm(Timer::Choice, again(after.saturating_sub(queue.offer_after)));
                }
                self.request.offer.clone()
            }
            // Asked outright: all there is to choose, holding the line included.
            Timer::Choice => {
                let mut phrase = queue.comfort.clips(body.cursor.language()).to_vec();
                phrase.extend(self.request.offer.iter().cloned());
                phrase.extend(body.prompts(&[CONTINUE]));
                phrase
            }
            _ => Vec::new(),
        };
        body.play_over(ctx, phrase);
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
        let mut phrase = if self.apologise { body.prompts(&[SORRY]) } else { Vec::new() };
        if queue.position {
            phrase.extend(self.place(body, ctx, &plan));
        }
        self.music(body, ctx);
        body.play_over(ctx, phrase);
    }

    /// The place in line, only if it is better than what was told last; the wait that is left as well, and one that
    /// has grown beyond all that was told with an apology. What nobody knows is not guessed.
    fn place(&mut self, body: &Body, ctx: &Ctx<'_>, plan: &SharedPlan) -> Vec<Clip> {
        let Some(caller) = self.caller.filter(|_| !self.for_owner) else { return Vec::new() };
        let speech = plan.speech(body.cursor.language());
        let mut phrase = Vec::new();
        if let Some(ahead) = ctx.queue.position(caller).map(|position| position.saturating_sub(1))
            && self.told_place.is_none_or(|told| ahead < told)
        {
            self.told_place = Some(ahead);
            phrase.extend(speech.position(ahead));
        }
        if let Some(wait) = ctx.queue.estimate(caller)
            && let Some(news) = self.told_wait.tell(wait)
        {
            if news == News::Worse {
                phrase.extend(body.prompts(&[SORRY_FOR_THE_WAIT]));
            }
            let (least, most) = wait.range();
            phrase.extend(speech.wait(least, most));
        }
        phrase
    }

    /// Music until something else is to be heard; announcements are laid over it.
    fn music(&self, body: &mut Body, ctx: &mut Ctx<'_>) {
        let plan = body.cursor.plan().clone();
        if let Some(queue) = plan.queue(self.request.queue) {
            body.play(ctx, plan.music(queue, ctx.now.mono), true);
        }
    }

    /// "Sorry, please wait", and the old place in line.
    pub(super) fn resume(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let sorry = body.prompts(&[SORRY]);
        body.play_over(ctx, sorry);
        Stage::Wait(self)
    }

    /// What the flow offers instead of waiting may take the place up again.
    fn remember(&self, body: &mut Body) {
        let QueueRequest { queue, needs, credit, .. } = &self.request;
        body.place =
            Some(Place { queue: *queue, arrived: self.arrived, needs: needs.clone(), credit: *credit });
    }

    /// The caller has hung up. Whoever calls again soon stands where they stood.
    pub(super) fn abandon(self, body: &mut Body, ctx: &mut Ctx<'_>) {
        body.journal.queue_left(ctx.now, QueueOutcome::Abandoned);
        let Some(caller) = self.caller else { return };
        ctx.effect(Effect::Leave { caller, why: LeaveWhy::Abandoned });
        let queue = body.cursor.plan().queue(self.request.queue);
        if let Some(queue) = queue.filter(|queue| !queue.keep_place.is_zero() && !body.from.is_empty()) {
            ctx.effect(Effect::KeepPlace {
                number: body.from.clone(),
                queue: queue.name.clone(),
                arrived: self.arrived,
                until: ctx.now.mono + queue.keep_place,
            });
        }
    }

    /// Whether there is a way out by key.
    pub(super) fn has_keys(&self) -> bool {
        !self.request.keys.is_empty()
    }

    pub(super) fn caller(&self) -> Option<CallerId> {
        self.caller
    }

    /// Who answers for a customer of this queue is asked first.
    pub(super) fn asks_contact(&self) -> bool {
        self.request.owners.contains(&dialplan::Owner::Contact)
    }

    pub(super) fn queue(&self) -> QueueId {
        self.request.queue
    }

    /// Since when the wait counts.
    pub(super) fn arrived(&self) -> Instant {
        self.arrived
    }
}

/// The waits that a caller was told.
#[derive(Default)]
struct Told(Option<(WaitBand, WaitBand)>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    Better,
    Worse,
}

impl Told {
    /// Whether this wait is worth telling: shorter than the one told last, or longer than all of them. A wait that
    /// goes up and down between is no news.
    fn tell(&mut self, wait: WaitBand) -> Option<News> {
        let (last, longest) = self.0.unwrap_or((wait, wait));
        let news = match self.0 {
            Some(_) if wait > longest => News::Worse,
            Some(_) if wait >= last => return None,
            _ => News::Better,
        };
        self.0 = Some((wait, longest.max(wait)));
        Some(news)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_when_it_is_shorter_and_with_an_apology_when_it_is_longer_than_ever() {
        use WaitBand::*;
        let mut told = Told::default();
        let heard = [
            TwoToFive,
            TwoToFive,
            OneToTwo,
            TwoToFive,
            FiveToTen,
            FiveToTen,
            TwoToFive,
            FiveToTen,
            UnderOneMinute,
        ]
        .map(|wait| told.tell(wait));
        let (better, worse) = (Some(News::Better), Some(News::Worse));
        assert_eq!(heard, [better, None, better, None, worse, None, better, None, better]);
    }
}
