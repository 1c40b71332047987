//! Callbacks that are owed: customers who gave up the line and kept their place in it.
//!
//! ```text
//!   booked --> in line: the core keeps the place, and nobody holds a telephone
//!                |  ^
//!     the turn:  |  | later, at the old place, while tries are left
//!  the agent goes|  |
//!  to the next   v  |
//!              calling: a call of ours ---- nobody there ---> resting
//!                |  \------ "cancel", or no try left ---> over
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
use crate::call::{Booking, Call, CalledBack, Ctx, Event, Outgoing, Place};
use crate::dialplan::{Cursor, Facts, Origin, Requirement};
use crate::queue::{self, Join, LeaveWhy, Standing};
use crate::record::{Callback, Record};

/// More than these are not booked: a caller who is told no can still leave a message.
const MOST: usize = 10_000;

/// So long until somebody looks again where nothing could be tried: by night, or without a trunk.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// No wait in the core is without an end; this one is longer than any callback is owed.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// The customer called in where another exchange keeps the callback.
#[derive(Clone, Copy, Debug)]
pub(super) struct TakenOver(CallId);

#[derive(Debug, Default)]
pub(super) struct Callbacks {
    all: BTreeMap<CallId, Owed>,
    /// Of those who rest: when to go on.
    due: BTreeSet<(Instant, CallId)>,
}

#[derive(Debug)]
struct Owed {
    record: Callback,
    arrived: Instant,
    state: State,
    /// The place that the core keeps while nobody stands there: the customer is called, or is to be called later.
    parked: Option<queue::CallerId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    InLine(queue::CallerId),
    /// By this call of ours.
    Calling(CallId),
    Resting(Instant),
}

impl Callbacks {
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The core keeps this one's place now.
    pub(super) fn is_in_line(&self, callback: CallId) -> bool {
        self.all.get(&callback).is_some_and(|owed| matches!(owed.state, State::InLine(_)))
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

    fn set(&mut self, callback: CallId, state: State) {
        let Some(owed) = self.all.get_mut(&callback) else { return };
        if let State::Resting(at) = std::mem::replace(&mut owed.state, state) {
            self.due.remove(&(at, callback));
        }
        if let State::Resting(at) = state {
            self.due.insert((at, callback));
        }
    }

    fn remove(&mut self, callback: CallId) -> Option<Owed> {
        let owed = self.all.remove(&callback)?;
        if let State::Resting(at) = owed.state {
            self.due.remove(&(at, callback));
        }
        Some(owed)
    }
}

impl Exchange {
    /// A caller wants to be called back. `false`: the queue's rule does not have it, and the caller is told.
    pub(super) fn book_callback(&mut self, now: Now, booking: Booking) -> bool {
        let Booking { number, queue, language, grade, needs, credit, arrived } = booking;
        let allowed =
            self.plan.queue_by_name(&queue).is_some_and(|queue| queue.may_call_back(number.expose()));
        if !allowed || self.commons.owed.len() >= MOST {
            self.count("callbacks: not possible");
            return false;
        }
        let callback = self.ids.next_call();
        if !self.is_owed((number.clone(), queue.clone()), callback, arrived) {
            // Booked already, at a place that is no worse.
            return true;
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
        };
        self.count("callbacks: booked");
        tracing::info!(%callback, queue = record.queue, "callback booked");
        self.output.push_back(Output::Record(Record::Callback(Box::new(record.clone()))));
        self.owe(now, record, arrived);
        true
    }

    /// What the last run owed.
    pub(super) fn restore_callbacks(&mut self, now: Now, mut callbacks: Vec<Callback>) {
        // Their order is kept also where the clock that nobody sets had not begun yet.
        callbacks.sort_by_key(|record| record.since);
        callbacks.retain(|record| self.share.has(record.callback));
        for record in callbacks {
            let arrived = now.mono - now.wall.since(record.since);
            if self.is_owed((record.number.clone(), record.queue.clone()), record.callback, arrived) {
                self.owe(now, record, arrived);
            } else {
                self.output.push_back(Output::Record(Record::CallbackOver(record.callback)));
            }
        }
    }

    /// `false` where one was owed to them before.
    fn is_owed(&self, waiter: Waiter, callback: CallId, arrived: Instant) -> bool {
        self.commons.owed.entry(waiter).or_insert((callback, arrived)).0 == callback
    }

    fn owe(&mut self, now: Now, record: Callback, arrived: Instant) {
        let callback = record.callback;
        let owed = Owed { record, arrived, state: State::Calling(callback), parked: None };
        self.callbacks.all.insert(callback, owed);
        self.stand_in_line(now, callback);
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
        let facts =
            Facts { from: owed.record.number.clone(), dialled: String::new(), origin: Origin::Caller, now };
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
        let mut effects = Vec::new();
        let begun = Call::call_back(
            &mut Ctx {
                now,
                rng: &mut self.rng,
                ports: &mut self.ports,
                ids: &mut self.ids,
                queue: &self.core,
                settings: &self.config.call,
                effects: &mut effects,
            },
            outgoing,
        );
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
            self.callback_over(now, callback);
            return;
        };
        // What was no fault of the customer's costs no try.
        owed.record.tries += u32::from(!matches!(why, "no trunk" | "no port"));
        owed.record.last = Some(why.to_owned());
        let rule = plan.queue_by_name(&owed.record.queue).and_then(|queue| queue.callback.as_ref());
        let (tries, every) = rule.map_or((1, LOOK_AGAIN), |rule| (rule.tries, rule.every));
        tracing::info!(%callback, why, tries = owed.record.tries, "callback came to nothing");
        if owed.record.tries >= tries {
            tracing::warn!(%callback, number = %owed.record.number, "callback given up");
            self.count("callbacks: given up");
            self.callback_over(now, callback);
            return;
        }
        let record = owed.record.clone();
        self.output.push_back(Output::Record(Record::Callback(Box::new(record))));
        self.callbacks.set(callback, State::Resting(now.mono + every));
    }

    fn callback_over(&mut self, now: Now, callback: CallId) -> Option<(Instant, State)> {
        let owed = self.callbacks.remove(callback)?;
        if let Some(place) = owed.parked {
            self.core.leave(now.mono, place, LeaveWhy::TakeMessage, &mut self.core_events);
        }
        let waiter = (owed.record.number, owed.record.queue);
        self.commons.owed.remove_if(&waiter, |_, (present, _)| *present == callback);
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
        // Of several who ask for it one gets it.
        let (_, (callback, arrived)) = self.commons.owed.remove(&waiter)?;
        self.count("callbacks: the customer called first");
        if self.share.has(callback) {
            self.taken_over(now, TakenOver(callback));
        } else {
            self.tell_owner(callback, Say::TakenOver(TakenOver(callback)));
        }
        Some(arrived)
    }

    /// The place is somebody else's already.
    pub(super) fn taken_over(&mut self, now: Now, TakenOver(callback): TakenOver) {
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
            State::Resting(_) => {}
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

    pub(super) fn callbacks_due(&mut self, now: Now) {
        while let Some((at, callback)) = self.callbacks.due.first().copied()
            && at <= now.mono
        {
            self.stand_in_line(now, callback);
        }
    }

    /// In the order of booking.
    pub(super) fn callback_lines(&self) -> Vec<CallbackLine> {
        let line = |owed: &Owed| CallbackLine {
            callback: owed.record.callback,
            number: owed.record.number.to_string(),
            queue: owed.record.queue.clone(),
            since: owed.record.since,
            state: match owed.state {
                State::InLine(_) => "in line",
                State::Calling(_) => "calling",
                State::Resting(_) => "later",
            }
            .to_owned(),
            tries: owed.record.tries,
            last: owed.record.last.clone(),
        };
        self.callbacks.all.values().map(line).collect()
    }

    /// By the administrator: nobody is called. `false`: there is no such callback.
    pub(super) fn cancel_callback(&mut self, now: Now, callback: CallId) -> bool {
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

fn earlier(wall: Wall, by: Duration) -> Wall {
    Wall::from_micros(
        wall.as_micros().saturating_sub_unsigned(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)),
    )
}
