//! Callbacks that are owed: customers who gave up the line and kept their place in it.
//!
//! ```text
//!   booking: being written down -- not in time, or not at all --> the caller is told that it cannot be
//!                | durable: only now is it promised
//!                v
//!              in line: the core keeps the place, and nobody holds a telephone
//!                |  ^
//!     the turn:  |  | later, at the old place, while tries are left
//!  the agent goes|  |
//!  to the next   v  |
//!              calling: a call of ours ---- nobody there ---> resting
//!                |  \  \---- no try left ---> given up: a person's business, until they say that it is settled
//!                |   \------ "cancel" ---> over
//!                | the customer presses one
//!                v
//!              waits like anybody, at the old place: the next agent is theirs; over when an agent has them
//! ```
//!
//! A callback is in one of these states at a time, and a customer who calls in meanwhile takes the place over: so
//! nobody is waited for twice, and nobody is called twice. A place never gets better by being called back: the turn
//! comes when it would have come, and the customer joins where they stood.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::commons::Waiter;
use super::share::Say;
use super::{CallbackLine, Exchange, Notice, Output};
use crate::base::{CallId, Instant, Language, Masked, Now, Wall};
use crate::call::{Booking, Call, CalledBack, Event, Outgoing, Place};
use crate::dialplan::{Cursor, Facts, Origin, Requirement};
use crate::queue::{self, Join, LeaveWhy, Standing, WaitBand};
use crate::record::{Callback, PromiseState, Record};

/// More than these are not booked: a caller who is told no can still leave a message.
const MOST: usize = 10_000;

/// So long until somebody looks again where nothing could be tried: by night, or without a trunk.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The place of one that is given up: none.
const GIVEN_UP: Instant = Instant::from_micros(u64::MAX);

/// So long a person has for calling those whom we did not reach.
const GIVEN_UP_LASTS: Duration = Duration::from_secs(7 * 24 * 3600);

/// No wait in the core is without an end; this one is longer than any callback is owed.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// The customer called in where another exchange keeps the callback.
#[derive(Clone, Copy, Debug)]
pub(super) struct TakenOver(CallId);

#[derive(Debug, Default)]
pub(super) struct Callbacks {
    all: BTreeMap<CallId, Owed>,
    /// Of those in a state that lasts for a time: its end.
    due: BTreeSet<(Instant, CallId)>,
}

#[derive(Debug)]
struct Owed {
    record: Callback,
    arrived: Instant,
    state: State,
    /// The place that the core keeps while nobody stands there: the customer is called, or is to be called later.
    parked: Option<queue::CallerId>,
    /// Who waits to be told that it is booked.
    asked: Vec<CallId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The disk has until then.
    Booking(Instant),
    InLine(queue::CallerId),
    /// By this call of ours.
    Calling(CallId),
    Resting(Instant),
    /// Forgotten then.
    GivenUp(Instant),
}

impl State {
    fn ends(self) -> Option<Instant> {
        match self {
            State::Booking(at) | State::Resting(at) | State::GivenUp(at) => Some(at),
            State::InLine(_) | State::Calling(_) => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            State::Booking(_) => "booking",
            State::InLine(_) => "in line",
            State::Calling(_) => "calling",
            State::Resting(_) => "later",
            State::GivenUp(_) => "given up",
        }
    }
}

impl Callbacks {
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The core keeps this one's place now.
    pub(super) fn is_in_line(&self, callback: CallId) -> bool {
        self.all.get(&callback).is_some_and(|owed| matches!(owed.state, State::InLine(_)))
    }

    /// What is owed, but for what is given up.
    pub(super) fn owed(&self) -> impl Iterator<Item = &Callback> {
        let all =
            self.all.values().filter(|owed| !matches!(owed.state, State::GivenUp(_) | State::Booking(_)));
        all.map(|owed| &owed.record)
    }

    pub(super) fn is_owed(&self, callback: CallId) -> bool {
        self.all.contains_key(&callback)
    }

    pub(super) fn in_line(&self) -> impl Iterator<Item = queue::CallerId> {
        self.all.values().filter_map(|owed| match owed.state {
            State::InLine(caller) => Some(caller),
            _ => None,
        })
    }

    /// The calls of ours that are under way.
    pub(super) fn calling(&self) -> impl Iterator<Item = CallId> {
        self.all.values().filter_map(|owed| match owed.state {
            State::Calling(call) => Some(call),
            _ => None,
        })
    }

    fn insert(&mut self, callback: CallId, owed: Owed) {
        self.due.extend(owed.state.ends().map(|at| (at, callback)));
        self.all.insert(callback, owed);
    }

    fn set(&mut self, callback: CallId, state: State) {
        let Some(owed) = self.all.get_mut(&callback) else { return };
        if let Some(at) = std::mem::replace(&mut owed.state, state).ends() {
            self.due.remove(&(at, callback));
        }
        self.due.extend(state.ends().map(|at| (at, callback)));
    }

    fn remove(&mut self, callback: CallId) -> Option<Owed> {
        let owed = self.all.remove(&callback)?;
        if let Some(at) = owed.state.ends() {
            self.due.remove(&(at, callback));
        }
        Some(owed)
    }
}

impl Exchange {
    /// A caller wants to be called back. `Some(false)`: the queue's rule does not have it, and the caller is told. `None`:
    /// it is being written down, and [`Event::CallbackBooked`] follows.
    pub(super) fn book_callback(&mut self, now: Now, call: CallId, booking: Booking) -> Option<bool> {
        let Booking { number, keyed, queue, language, grade, needs, credit, arrived } = booking;
        let rule = self.plan.queue_by_name(&queue);
        let allowed = rule.is_some_and(|queue| match keyed {
            true => queue.may_call_back_keyed(number.expose()),
            false => queue.may_call_back(number.expose()),
        });
        if !allowed || self.commons.owed.len() >= MOST {
            self.count("callbacks: not possible");
            return Some(false);
        }
        let waiter = (number.clone(), queue.clone());
        let present = self.commons.owed.get(&waiter).map(|owed| *owed);
        if let Some((present, since)) = present {
            match self.callbacks.all.get_mut(&present) {
                // A person need not call any more: we do.
                _ if since == GIVEN_UP => drop(self.take_owed(now, &waiter)),
                Some(owed) if matches!(owed.state, State::Booking(_)) => {
                    owed.asked.push(call);
                    return None;
                }
                // Booked already, at a place that is no worse.
                _ => return Some(true),
            }
        }
        let callback = self.ids.next_call();
        if !self.is_owed(waiter, callback, arrived) {
            return Some(true);
        }
        let waited = now.mono.since(arrived);
        let record = Callback {
            callback,
            number,
            queue,
            language: language.to_string(),
            grade,
            needs,
            credit_ms: credit.map(super::io::millis),
            since: earlier(now.wall, waited),
            tries: 0,
            last: None,
            given_up: None,
        };
        self.output.push_back(Output::Record(Record::Callback(Box::new(record.clone()))));
        let state = State::Booking(now.mono + self.config.call.durable_within);
        self.callbacks.insert(callback, Owed { record, arrived, state, parked: None, asked: vec![call] });
        None
    }

    /// The disk has a callback, or will not have it in time: who asked for it is told.
    pub(super) fn callback_saved(&mut self, now: Now, callback: CallId, saved: bool) {
        let Some(owed) = self.callbacks.all.get_mut(&callback) else { return };
        if !matches!(owed.state, State::Booking(_)) {
            return;
        }
        let asked = std::mem::take(&mut owed.asked);
        let mut wait = None;
        if saved {
            self.count("callbacks: booked");
            tracing::info!(%callback, queue = owed_queue(&self.callbacks, callback), "callback booked");
            let first = asked.first().copied();
            self.stand_in_line(now, callback);
            // What the caller is told of it is promised, too; where it is far off they are told no time.
            wait = self.expected_wait(callback);
            let most = wait.and_then(|wait| wait.range().1);
            let by = most.map(|most| now.wall + most + self.config.call.promise_within);
            if let Some(owed) = self.callbacks.all.get(&callback) {
                let record = owed.record.clone();
                self.place_promised(now, &record, first, by);
            }
        } else {
            self.count("callbacks: not written down");
            tracing::error!(%callback, "a callback could not be written down: it is not promised");
            self.callback_over(now, callback);
        }
        let booked = |call| (call, Event::CallbackBooked { ok: saved, wait });
        self.work.extend(asked.into_iter().map(booked));
    }

    /// How long it takes until the customer is called, by what is known now.
    fn expected_wait(&self, callback: CallId) -> Option<WaitBand> {
        let State::InLine(caller) = self.callbacks.all.get(&callback)?.state else { return None };
        self.core.estimate(caller)
    }

    /// A promise that no person can keep becomes a callback of its queue. `false` where one is owed to this number
    /// already, or no more are taken.
    pub(super) fn take_callback(&mut self, now: Now, record: Callback) -> bool {
        let callback = record.callback;
        let arrived = now.mono - now.wall.since(record.since);
        let waiter = (record.number.clone(), record.queue.clone());
        if self.commons.owed.len() >= MOST || !self.is_owed(waiter, callback, arrived) {
            return false;
        }
        self.output.push_back(Output::Record(Record::Callback(Box::new(record.clone()))));
        let state = State::Resting(now.mono);
        self.callbacks.insert(callback, Owed { record, arrived, state, parked: None, asked: Vec::new() });
        self.stand_in_line(now, callback);
        true
    }

    /// What the last run owed.
    pub(super) fn restore_callbacks(&mut self, now: Now, mut callbacks: Vec<Callback>) {
        // Their order is kept also where the clock that nobody sets had not begun yet.
        callbacks.sort_by_key(|record| record.since);
        callbacks.retain(|record| self.share.has(record.callback));
        for record in callbacks {
            let (callback, given_up) = (record.callback, record.given_up);
            let arrived = now.mono - now.wall.since(record.since);
            let waiter = (record.number.clone(), record.queue.clone());
            let place = if given_up.is_some() { GIVEN_UP } else { arrived };
            if !self.is_owed(waiter, callback, place) {
                self.output.push_back(Output::Record(Record::CallbackOver(callback)));
                continue;
            }
            let since = given_up.map_or(Duration::ZERO, |at| now.wall.since(at));
            let state = State::GivenUp(now.mono + GIVEN_UP_LASTS.saturating_sub(since));
            self.callbacks.insert(callback, Owed { record, arrived, state, parked: None, asked: Vec::new() });
            if given_up.is_none() {
                self.stand_in_line(now, callback);
            }
        }
    }

    /// `false` where one was owed to them before.
    fn is_owed(&self, waiter: Waiter, callback: CallId, arrived: Instant) -> bool {
        self.commons.owed.entry(waiter).or_insert((callback, arrived)).0 == callback
    }

    /// To the old place. Where nobody is signed on, as by night, the place is looked for again later.
    fn stand_in_line(&mut self, now: Now, callback: CallId) {
        let Some(owed) = self.callbacks.all.get_mut(&callback) else { return };
        if let Some(place) = owed.parked.take()
            && self.core.resume(now.mono, place, &mut self.core_events)
        {
            self.callbacks.set(callback, State::InLine(place));
            return;
        }
        let owed = &*owed;
        let plan = self.plan.clone();
        let joined = self.numbering.queue(&owed.record.queue).and_then(|queue| {
            let join = Join {
                extra: self.numbering.requirements(&plan, &requirements(&plan, &owed.record)),
                credit: owed.record.credit_ms.map(Duration::from_millis),
                kept: true,
                max_wait: Some(LONGEST),
                ..Join::new(queue, owed.arrived, callback.0)
            };
            self.core.join(now.mono, join, &mut self.core_events).ok()
        });
        let state = joined.map_or(State::Resting(now.mono + LOOK_AGAIN), State::InLine);
        self.callbacks.set(callback, state);
    }

    /// The core has an agent for a callback. The agent is the next one's: first the customer has to be there.
    pub(super) fn callback_turn(&mut self, now: Now, callback: CallId) {
        let Some(owed) = self.callbacks.all.get_mut(&callback) else { return };
        let State::InLine(caller) = owed.state else { return };
        self.core.park(now.mono, caller, &mut self.core_events);
        owed.parked = Some(caller);
        if !self.call_back(now, callback) {
            self.callbacks.set(callback, State::Resting(now.mono + LOOK_AGAIN));
        }
    }

    /// The core lets a callback go: its queue is no longer in the plan, or it has waited beyond all measure.
    pub(super) fn callback_left(&mut self, now: Now, callback: CallId) {
        if self.callbacks.is_in_line(callback) {
            self.callbacks.set(callback, State::Resting(now.mono + LOOK_AGAIN));
        }
    }

    /// `false`: not now.
    fn call_back(&mut self, now: Now, callback: CallId) -> bool {
        let plan = self.plan.clone();
        let Some(owed) = self.callbacks.all.get(&callback) else { return true };
        let Some(queue) = plan.queue_by_name(&owed.record.queue) else { return false };
        let Some(rule) = &queue.callback else { return false };
        if !plan.calls_back(queue, now.wall) || self.draining || self.all_calls() >= self.config.most_calls {
            return false;
        }
        let facts = Facts {
            from: owed.record.number.clone(),
            dialled: String::new(),
            owner: None,
            origin: Origin::Caller,
            now,
        };
        let language = Language(owed.record.language.clone());
        let Some(cursor) =
            Cursor::called_back(plan.clone(), queue, facts, language, owed.record.grade.clone())
        else {
            return false;
        };
        let call = self.ids.next_call();
        let outgoing = Outgoing {
            call,
            callback,
            number: owed.record.number.clone(),
            trunk: rule.trunk.clone(),
            ring: rule.ring,
            cursor,
            place: Place {
                queue: queue.id,
                arrived: owed.arrived,
                needs: requirements(&plan, &owed.record),
                credit: owed.record.credit_ms.map(Duration::from_millis),
            },
        };
        self.output.push_back(Output::Notice(Notice::CallBegan {
            call,
            from: outgoing.number.clone(),
            dialled: "callback".to_owned(),
        }));
        self.callbacks.set(callback, State::Calling(call));
        self.count("callbacks: tries");
        let (begun, effects) = self.in_ctx(now, |ctx| Call::call_back(ctx, outgoing));
        self.keep(begun);
        self.carry_out(now, call, effects);
        true
    }

    /// What came of a try.
    pub(super) fn called_back(&mut self, now: Now, call: CallId, callback: CallId, what: CalledBack) {
        let plan = self.plan.clone();
        let owed = self.callbacks.all.get_mut(&callback).filter(|owed| owed.state == State::Calling(call));
        let Some(owed) = owed else { return };
        let CalledBack::NotReached(why) = what else {
            self.count(if what == CalledBack::Done { "callbacks: reached" } else { "callbacks: cancelled" });
            self.end_promise(now, callback, PromiseState::Kept);
            self.callback_over(now, callback);
            return;
        };
        // What was no fault of the customer's costs no try.
        owed.record.tries += u32::from(!matches!(why, "no trunk" | "no port"));
        owed.record.last = Some(why.to_owned());
        let rule = plan.queue_by_name(&owed.record.queue).and_then(|queue| queue.callback.as_ref());
        let (tries, every) = rule.map_or((1, LOOK_AGAIN), |rule| (rule.tries, rule.every));
        tracing::info!(%callback, why, tries = owed.record.tries, "callback came to nothing");
        let given_up = owed.record.tries >= tries;
        owed.record.given_up = given_up.then_some(now.wall);
        let parked = if given_up { owed.parked.take() } else { None };
        let record = owed.record.clone();
        if given_up {
            tracing::warn!(%callback, number = %record.number, queue = record.queue, "callback given up");
            self.count("callbacks: given up");
            self.given_up_floor(callback, record.queue.clone(), &record.number);
            // Their turn has passed: who calls in now has no place from then.
            if let Some(place) = parked {
                self.core.leave(now.mono, place, LeaveWhy::TakeMessage, &mut self.core_events);
            }
            let waiter = (record.number.clone(), record.queue.clone());
            self.commons.owed.insert(waiter, (callback, GIVEN_UP));
        }
        self.promise_in_queue_tried(callback, record.tries, why);
        if given_up {
            self.end_promise(now, callback, PromiseState::PassedOn);
        }
        self.output.push_back(Output::Record(Record::Callback(Box::new(record))));
        let state = match given_up {
            true => State::GivenUp(now.mono + GIVEN_UP_LASTS),
            false => State::Resting(now.mono + every),
        };
        self.callbacks.set(callback, state);
    }

    fn callback_over(&mut self, now: Now, callback: CallId) -> Option<(Instant, State)> {
        let owed = self.callbacks.remove(callback)?;
        if let Some(place) = owed.parked {
            self.core.leave(now.mono, place, LeaveWhy::TakeMessage, &mut self.core_events);
        }
        let waiter = (owed.record.number, owed.record.queue);
        self.commons.owed.remove_if(&waiter, |_, (present, _)| *present == callback);
        // Their number is with us by another call, or nobody shall be called: they are promised nothing.
        self.work.extend(
            owed.asked.into_iter().map(|call| (call, Event::CallbackBooked { ok: false, wait: None })),
        );
        self.output.push_back(Output::Record(Record::CallbackOver(callback)));
        Some((owed.arrived, owed.state))
    }

    /// Who calls in while a callback is owed to them takes its place; nobody calls them any more.
    pub(super) fn take_over_callback(
        &mut self,
        now: Now,
        call: CallId,
        from: &Masked<String>,
        queue: &str,
    ) -> Option<Instant> {
        let waiter = (from.clone(), queue.to_owned());
        let callback = self.commons.owed.get(&waiter)?.0;
        // It is the callback itself that joins.
        if self.callbacks.all.get(&callback).is_some_and(|owed| owed.state == State::Calling(call)) {
            return None;
        }
        let arrived = self.take_owed(now, &waiter)?;
        self.count("callbacks: the customer called first");
        Some(arrived)
    }

    /// What is owed to them is owed no more. Their place, where they still have one; of several who ask for it one gets it.
    fn take_owed(&mut self, now: Now, waiter: &Waiter) -> Option<Instant> {
        let (_, (callback, arrived)) = self.commons.owed.remove(waiter)?;
        if self.share.has(callback) {
            self.taken_over(now, TakenOver(callback));
        } else {
            self.tell_owner(callback, Say::TakenOver(TakenOver(callback)));
        }
        Some(arrived).filter(|arrived| *arrived != GIVEN_UP)
    }

    /// The place is somebody else's already.
    pub(super) fn taken_over(&mut self, now: Now, TakenOver(callback): TakenOver) {
        // They have come by themselves: what was promised is theirs.
        self.end_promise(now, callback, PromiseState::Kept);
        if let Some((_, state)) = self.callback_over(now, callback) {
            self.give_up(now, state);
        }
    }

    fn give_up(&mut self, now: Now, state: State) {
        match state {
            State::Calling(call) => self.work.push_back((call, Event::Shutdown)),
            State::InLine(caller) => {
                self.core.leave(now.mono, caller, LeaveWhy::TakeMessage, &mut self.core_events);
            }
            State::Resting(_) | State::Booking(_) | State::GivenUp(_) => {}
        }
    }

    /// What other exchanges may have said of callbacks, and was lost.
    pub(super) fn callbacks_anew(&mut self, now: Now) {
        let all: Vec<CallId> = self.callbacks.all.keys().copied().collect();
        for callback in all {
            let Some(owed) = self.callbacks.all.get(&callback) else { continue };
            let waiter = (owed.record.number.clone(), owed.record.queue.clone());
            let is_owed = self.commons.owed.get(&waiter).is_some_and(|owed| owed.0 == callback);
            if is_owed {
                self.callback_anew(now, callback);
            } else {
                self.taken_over(now, TakenOver(callback));
            }
        }
    }

    /// Brings a callback to where the core has it. `false` where none of this number is in line.
    pub(super) fn callback_anew(&mut self, now: Now, callback: CallId) -> bool {
        let Some(Owed { state: State::InLine(caller), .. }) = self.callbacks.all.get(&callback) else {
            return false;
        };
        match self.core.standing(*caller) {
            Standing::Offered { .. } => self.callback_turn(now, callback),
            Standing::Gone => self.callback_left(now, callback),
            Standing::Waiting | Standing::Connected => {}
        }
        true
    }

    /// Those whose place nobody keeps, and whom nobody calls, are looked after later.
    pub(super) fn callbacks_astray(&mut self, now: Now) {
        let is_astray = |owed: &Owed| match owed.state {
            State::InLine(caller) => self.core.position(caller).is_none(),
            State::Calling(call) => !self.calls.contains_key(&call),
            State::Booking(_) | State::Resting(_) | State::GivenUp(_) => false,
        };
        let astray: Vec<CallId> =
            self.callbacks.all.iter().filter(|(_, owed)| is_astray(owed)).map(|(id, _)| *id).collect();
        for callback in astray {
            self.callbacks.set(callback, State::Resting(now.mono + LOOK_AGAIN));
        }
    }

    pub(super) fn callbacks_due(&mut self, now: Now) {
        while let Some((at, callback)) = self.callbacks.due.first().copied()
            && at <= now.mono
        {
            match self.callbacks.all.get(&callback).map(|owed| owed.state) {
                Some(State::Booking(_)) => self.callback_saved(now, callback, false),
                Some(State::GivenUp(_)) => drop(self.callback_over(now, callback)),
                _ => self.stand_in_line(now, callback),
            }
        }
    }

    /// In the order of booking.
    pub(super) fn callback_lines(&self) -> Vec<CallbackLine> {
        let line = |owed: &Owed| CallbackLine {
            callback: owed.record.callback,
            number: owed.record.number.to_string(),
            queue: owed.record.queue.clone(),
            since: owed.record.since,
            state: owed.state.name().to_owned(),
            tries: owed.record.tries,
            last: owed.record.last.clone(),
        };
        self.callbacks.all.values().map(line).collect()
    }

    /// By the administrator: nobody is called. `false`: there is no such callback.
    pub(super) fn cancel_callback(&mut self, now: Now, callback: CallId) -> bool {
        self.end_promise(now, callback, PromiseState::PassedOn);
        let Some((_, state)) = self.callback_over(now, callback) else { return false };
        self.give_up(now, state);
        true
    }
}

/// By name: the plan may be another one than the one that it was booked under. What no longer exists is not asked for.
fn requirements(plan: &crate::dialplan::Plan, record: &Callback) -> Vec<Requirement> {
    let skill = |name: &str| plan.skills().iter().zip(0u16..).find(|(skill, _)| skill.name == name);
    let needs = record.needs.iter();
    needs.filter_map(|(name, level)| Some(Requirement { skill: skill(name)?.1, level: *level })).collect()
}

fn owed_queue(callbacks: &Callbacks, callback: CallId) -> &str {
    callbacks.all.get(&callback).map_or("", |owed| owed.record.queue.as_str())
}

/// The same moment on the other clock.
pub(super) fn earlier(wall: Wall, by: Duration) -> Wall {
    Wall::from_micros(
        wall.as_micros().saturating_sub_unsigned(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)),
    )
}
