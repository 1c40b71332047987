//! What callers were promised: that somebody calls them. Each promise has a clock and an owner, and ends in one way.
//!
//! ```text
//!   booking: being written down -- not in time, or not at all --> the caller is told that it cannot be
//!      | durable: only now is it promised
//!      v
//!   waiting for its time, and for hours in which customers may be called
//!      | due          ^
//!      v              | the customer was not there: later, while tries are left; none left --> passed on
//!   calling: the owner's phone rings; they hear who and why, press one, and the customer is dialled -- talk --> kept
//!      | away, no phone, no answer, no key; or busy when it is getting late
//!      v
//!   calling: the owner's delegate, in the same way
//!      | nobody there
//!      v
//!   the queue's: a callback like those with the place kept, at the place since it was due ------------------> kept,
//!                                                                               or in vain: passed on
//!   nobody has called them within a day ----------------------------------------> broken
//! ```
//!
//! A callback of a queue is a promise from the beginning, under the same number: `callbacks` drives it, and it ends here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::call_out::Ordered;
use super::{Exchange, FloorEvent, Output, Reply};
use crate::base::{CallId, Instant, Language, Now, Wall};
use crate::call::{CalledBack, Event, Promising};
use crate::dialplan::{DialEnd, Origin};
use crate::record::{Callback, Promise, PromiseKind, PromiseState, Record};

/// More than these are not made: a caller who is told no can still leave a message.
const MOST: usize = 10_000;

/// So long until somebody looks again where nothing could be tried: by night, or without a trunk.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// So long until a person who talks is looked at again.
const BUSY_AGAIN: Duration = Duration::from_secs(15);

/// The clock may be set: no time of the day is waited for in one go.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Who was not called for so long after the time was promised something that nobody has kept.
const BROKEN_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A queue that nobody works in for so long calls nobody back.
const QUEUE_LASTS: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Debug, Default)]
pub(super) struct Promises {
    /// The open ones.
    all: BTreeMap<CallId, Given>,
    /// Of those in a state that lasts for a time: its end.
    due: BTreeSet<(Instant, CallId)>,
}

#[derive(Debug)]
struct Given {
    record: Promise,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The disk has until then. Who asked is told.
    Booking(Instant, Asks),
    Waiting(Instant),
    /// By this call of ours.
    Calling(CallId),
    /// A callback of the queue stands for it, until then at the most.
    InQueue(Instant),
}

/// Who wants to know whether it is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    Call(CallId),
    /// An order of this number.
    Order(u64),
}

impl State {
    fn ends(self) -> Option<Instant> {
        match self {
            State::Booking(at, _) | State::Waiting(at) | State::InQueue(at) => Some(at),
            State::Calling(_) => None,
        }
    }
}

impl Promises {
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Who are called, and by which calls of ours.
    pub(super) fn calling(&self) -> impl Iterator<Item = (CallId, CallId)> {
        self.all.iter().filter_map(|(promise, given)| match given.state {
            State::Calling(call) => Some((*promise, call)),
            _ => None,
        })
    }

    fn insert(&mut self, record: Promise, state: State) {
        let promise = record.promise;
        self.remove(promise);
        self.due.extend(state.ends().map(|at| (at, promise)));
        self.all.insert(promise, Given { record, state });
    }

    fn set(&mut self, promise: CallId, state: State) {
        let Some(given) = self.all.get_mut(&promise) else { return };
        if let Some(at) = std::mem::replace(&mut given.state, state).ends() {
            self.due.remove(&(at, promise));
        }
        self.due.extend(state.ends().map(|at| (at, promise)));
    }

    fn remove(&mut self, promise: CallId) -> Option<Given> {
        let given = self.all.remove(&promise)?;
        if let Some(at) = given.state.ends() {
            self.due.remove(&(at, promise));
        }
        Some(given)
    }
}

impl Exchange {
    /// Somebody wants to be called, or says that they will call. `Some(false)`: the rules do not have it. `None`: it is
    /// being written down, and whoever asks is answered then: by [`Event::CallbackBooked`], or a reply.
    pub(super) fn make_promise(&mut self, now: Now, asks: Asks, wanted: Promising) -> Option<bool> {
        let plan = self.plan.clone();
        let Promising { kind, number, keyed, queue, owner, language, grade, due } = wanted;
        let named = queue.and_then(|name| plan.queue_by_name(&name)).filter(|queue| queue.callback.is_some());
        let queue = named.or_else(|| plan.queues().iter().find(|queue| queue.callback.is_some()));
        let granted = |owner: &String| {
            let agent = plan.agent_by_extension(owner).map(|agent| agent.id);
            agent.is_some_and(|agent| plan.entry_outside(number.expose(), agent).is_some())
        };
        let allowed = queue.filter(|queue| match keyed {
            // By who may call the number anyhow.
            _ if matches!(kind, PromiseKind::Agent | PromiseKind::Urgent)
                && owner.as_ref().is_some_and(granted) =>
            {
                true
            }
            true => queue.may_call_back_keyed(number.expose()),
            false => queue.may_call_back(number.expose()),
        });
        let Some(queue) = allowed.filter(|_| self.promises.all.len() < MOST && due >= now.wall) else {
            self.count("promises: not possible");
            return Some(false);
        };
        let trunk = queue.callback.as_ref().and_then(|rule| rule.trunk.as_deref());
        if !self.is_carried(number.expose(), trunk) {
            self.count("promises: no trunk for the number");
            return Some(false);
        }
        let record = Promise {
            promise: self.ids.next_call(),
            kind,
            call: match asks {
                Asks::Call(call) => Some(call),
                Asks::Order(_) => None,
            },
            number,
            queue: queue.name.clone(),
            holder: owner.clone(),
            owner,
            language: language.to_string(),
            grade,
            made: now.wall,
            due,
            by: Some(due + self.config.call.promise_within),
            tries: 0,
            last: None,
            state: PromiseState::Open,
            ended: None,
        };
        self.write_promise(&record);
        let state = State::Booking(now.mono + self.config.call.durable_within, asks);
        self.promises.insert(record, state);
        None
    }

    fn write_promise(&mut self, record: &Promise) {
        self.output.push_back(Output::Record(Record::Promise(Box::new(record.clone()))));
    }

    /// The disk has a promise, or will not have it in time: who asked for it is told.
    pub(super) fn promise_saved(&mut self, now: Now, promise: CallId, saved: bool) {
        let Some(given) = self.promises.all.get(&promise) else { return };
        let State::Booking(_, asks) = given.state else { return };
        if saved {
            tracing::info!(%promise, queue = given.record.queue, owner = given.record.owner, "promised");
            self.count("promises: made");
            self.tell_of_promise(promise);
            self.wait_for_time(now, promise);
        } else {
            self.count("promises: not written down");
            tracing::error!(%promise, "a promise could not be written down: it is not made");
            self.promises.remove(promise);
            self.output.push_back(Output::Record(Record::PromiseUnmade(promise)));
        }
        self.answer_promised(asks, saved);
    }

    fn answer_promised(&mut self, asks: Asks, ok: bool) {
        match asks {
            Asks::Call(call) => self.work.push_back((call, Event::CallbackBooked { ok, wait: None })),
            Asks::Order(id) => {
                let reply = match ok {
                    true => Reply::Done,
                    false => Reply::Refused("it could not be written down: it is not promised".to_owned()),
                };
                self.output.push_back(Output::Reply { id, reply });
            }
        }
    }

    /// The queue calls this customer when their turn comes: so it is promised from now on.
    pub(super) fn place_promised(
        &mut self,
        now: Now,
        owed: &Callback,
        call: Option<CallId>,
        by: Option<Wall>,
    ) {
        let record = Promise {
            promise: owed.callback,
            kind: PromiseKind::Place,
            call,
            number: owed.number.clone(),
            queue: owed.queue.clone(),
            owner: None,
            holder: None,
            language: owed.language.clone(),
            grade: owed.grade.clone(),
            made: now.wall,
            due: now.wall,
            by,
            tries: owed.tries,
            last: owed.last.clone(),
            state: PromiseState::Open,
            ended: None,
        };
        self.count("promises: made");
        self.write_promise(&record);
        self.promises.insert(record, State::InQueue(now.mono + QUEUE_LASTS));
        self.tell_of_promise(owed.callback);
    }

    /// The callback that stands for a promise was tried.
    pub(super) fn promise_in_queue_tried(&mut self, callback: CallId, tries: u32, last: &str) {
        let Some(given) = self.promises.all.get_mut(&callback) else { return };
        (given.record.tries, given.record.last) = (tries, Some(last.to_owned()));
    }

    /// What the last run had promised. After the callbacks.
    pub(super) fn restore_promises(&mut self, now: Now, promises: Vec<Promise>) {
        for record in promises {
            if !self.share.has(record.promise) || record.state != PromiseState::Open {
                continue;
            }
            let (promise, in_queue) = (record.promise, record.holder.is_none());
            let lasts = QUEUE_LASTS.saturating_sub(now.wall.since(record.due));
            self.promises.insert(record, State::InQueue(now.mono + lasts));
            if !in_queue {
                self.wait_for_time(now, promise);
            } else if !self.callbacks.is_owed(promise) {
                self.the_queue_calls(now, promise);
            }
        }
        // Written down and never promised, for want of time: it is from now on.
        let unpromised: Vec<Callback> = self
            .callbacks
            .owed()
            .filter(|owed| !self.promises.all.contains_key(&owed.callback))
            .cloned()
            .collect();
        for owed in unpromised {
            self.place_promised(now, &owed, None, None);
        }
    }

    /// Ends a promise. What has ended before, or was none, stays as it is.
    pub(super) fn end_promise(&mut self, now: Now, promise: CallId, state: PromiseState) {
        let Some(Given { mut record, .. }) = self.promises.remove(promise) else { return };
        (record.state, record.ended) = (state, Some(now.wall));
        self.count(match state {
            PromiseState::Kept if record.is_late() => "promises: kept late",
            PromiseState::Kept => "promises: kept in time",
            PromiseState::Broken => "promises: broken",
            PromiseState::PassedOn | PromiseState::Open => "promises: passed on",
        });
        let (result, tries) = (record.result(), record.tries);
        match state {
            PromiseState::Kept => tracing::info!(%promise, result, "promise"),
            _ => {
                tracing::warn!(%promise, result, tries, number = %record.number, queue = record.queue, "promise")
            }
        }
        self.write_promise(&record);
        self.tell_floor(promise_event(&record));
    }

    fn tell_of_promise(&mut self, promise: CallId) {
        let Some(given) = self.promises.all.get(&promise) else { return };
        let event = promise_event(&given.record);
        self.tell_floor(event);
    }

    fn wait_for_time(&mut self, now: Now, promise: CallId) {
        let Some(given) = self.promises.all.get(&promise) else { return };
        let left = given.record.due.since(now.wall).min(LONGEST_WAIT);
        self.promises.set(promise, State::Waiting(now.mono + left));
    }

    pub(super) fn promises_due(&mut self, now: Now) {
        while let Some((at, promise)) = self.promises.due.first().copied()
            && at <= now.mono
        {
            match self.promises.all.get(&promise).map(|given| given.state) {
                Some(State::Booking(..)) => self.promise_saved(now, promise, false),
                Some(State::InQueue(_)) => {
                    self.give_promise_up(now, promise);
                    self.cancel_callback(now, promise);
                }
                _ => self.keep_promise(now, promise),
            }
        }
    }

    /// Its time may have come.
    fn keep_promise(&mut self, now: Now, promise: CallId) {
        let plan = self.plan.clone();
        let Some(given) = self.promises.all.get(&promise) else { return };
        let record = &given.record;
        if now.wall < record.due {
            return self.wait_for_time(now, promise);
        }
        if now.wall.since(record.by.unwrap_or(record.due)) >= BROKEN_AFTER {
            return self.give_promise_up(now, promise);
        }
        let may = plan.queue_by_name(&record.queue).is_some_and(|queue| plan.calls_back(queue, now.wall));
        if !may || self.draining || self.all_calls() >= self.config.most_calls {
            return self.promises.set(promise, State::Waiting(now.mono + LOOK_AGAIN));
        }
        let Some(holder) = record.holder.clone() else { return self.the_queue_calls(now, promise) };
        let late = record.by.is_some_and(|by| now.wall >= by);
        let call = self.ids.next_call();
        match self.seize(now, call, &holder) {
            Event::NotSeized { why: DialEnd::Busy } if !late => {
                self.promises.set(promise, State::Waiting(now.mono + BUSY_AGAIN));
            }
            Event::NotSeized { .. } => self.pass_on(now, promise),
            seized => self.ring_holder(now, promise, call, seized),
        }
    }

    /// Nobody will keep it any more. It is broken where nobody even tried.
    fn give_promise_up(&mut self, now: Now, promise: CallId) {
        let tried = self.promises.all.get(&promise).is_some_and(|given| given.record.tries > 0);
        self.end_promise(now, promise, if tried { PromiseState::PassedOn } else { PromiseState::Broken });
    }

    /// Whose it is cannot call: their delegate, or the queue.
    fn pass_on(&mut self, now: Now, promise: CallId) {
        let Some(given) = self.promises.all.get(&promise) else { return };
        let owners = given.record.owner.clone().filter(|_| given.record.holder == given.record.owner);
        let Some(owner) = owners else { return self.the_queue_calls(now, promise) };
        let call = self.ids.next_call();
        match self.seize_delegate(now, call, &owner) {
            Event::NotSeized { .. } => self.the_queue_calls(now, promise),
            seized => self.ring_holder(now, promise, call, seized),
        }
    }

    /// Their phone rings; who answers hears who is to be called, and why.
    fn ring_holder(&mut self, now: Now, promise: CallId, call: CallId, seized: Event) {
        let (Event::Seized { agent, extension, towards }, Some(given)) =
            (seized, self.promises.all.get_mut(&promise))
        else {
            return;
        };
        let handed = given.record.holder.as_deref() != Some(&extension);
        given.record.holder = Some(extension.clone());
        let record = given.record.clone();
        if handed {
            self.write_promise(&record);
        }
        self.promises.set(promise, State::Calling(call));
        self.count("promises: tries");
        let origin = self.plan.agent_by_extension(&extension).map(|agent| Origin::Desk(agent.id));
        let briefing = Some(crate::call::Briefing { promise, due: record.due });
        let entry = self.plan.entry_promised();
        let origin = origin.unwrap_or(Origin::Caller);
        let order =
            Ordered { call, agent, extension, towards, number: record.number, origin, entry, briefing };
        self.ring_who_calls_out(now, order);
    }

    /// What came of a try.
    pub(super) fn promise_tried(&mut self, now: Now, call: CallId, promise: CallId, what: CalledBack) {
        let plan = self.plan.clone();
        let given = self.promises.all.get_mut(&promise).filter(|given| given.state == State::Calling(call));
        let Some(given) = given else { return };
        let record = &mut given.record;
        match what {
            CalledBack::Done | CalledBack::Cancelled => {
                return self.end_promise(now, promise, PromiseState::Kept);
            }
            CalledBack::NotTaken(why) => {
                tracing::info!(%promise, why, holder = record.holder, "a promise was not taken up");
                record.last = Some(format!("{} {why}", record.holder.as_deref().unwrap_or_default()));
                return self.pass_on(now, promise);
            }
            CalledBack::NotReached(why) => {
                // What was no fault of the customer's costs no try.
                record.tries += u32::from(!matches!(why, "no trunk" | "no port"));
                record.last = Some(why.to_owned());
            }
        }
        let rule = plan.queue_by_name(&record.queue).and_then(|queue| queue.callback.as_ref());
        let (tries, every) = rule.map_or((1, LOOK_AGAIN), |rule| (rule.tries, rule.every));
        if record.tries >= tries {
            return self.end_promise(now, promise, PromiseState::PassedOn);
        }
        let record = record.clone();
        self.write_promise(&record);
        self.promises.set(promise, State::Waiting(now.mono + every));
    }

    /// Nobody in person can call: the queue does, when it has an agent, at the place since it was due.
    fn the_queue_calls(&mut self, now: Now, promise: CallId) {
        let Some(given) = self.promises.all.get_mut(&promise) else { return };
        given.record.holder = None;
        let record = given.record.clone();
        let owed = Callback {
            callback: promise,
            number: record.number.clone(),
            queue: record.queue.clone(),
            language: record.language.clone(),
            grade: record.grade.clone(),
            needs: Vec::new(),
            credit_ms: None,
            since: record.due.min(now.wall),
            tries: record.tries,
            last: record.last.clone(),
            given_up: None,
        };
        self.promises.set(promise, State::InQueue(now.mono + QUEUE_LASTS));
        if self.take_callback(now, owed) {
            self.count("promises: to the queue");
            self.write_promise(&record);
        } else {
            // They are called for something else already; of two calls one would be too many.
            self.end_promise(now, promise, PromiseState::PassedOn);
        }
    }

    /// By the administrator. `None`: there is no such promise.
    pub(super) fn settle_promise(&mut self, now: Now, promise: CallId, kept: bool) -> Option<()> {
        let state = self.promises.all.get(&promise)?.state;
        self.end_promise(now, promise, if kept { PromiseState::Kept } else { PromiseState::PassedOn });
        match state {
            State::Calling(call) => self.work.push_back((call, Event::Shutdown)),
            State::InQueue(_) => drop(self.cancel_callback(now, promise)),
            State::Booking(_, asks) => self.answer_promised(asks, false),
            State::Waiting(_) => {}
        }
        Some(())
    }

    /// By the administrator: this agent has said that they will call then. The order is answered once that is on the disk.
    pub(super) fn order_promise(
        &mut self,
        now: Now,
        id: u64,
        extension: &str,
        number: &str,
        due: Wall,
    ) -> Result<(), String> {
        let number = super::call_out::as_dialled(number);
        let Some(agent) = self.plan.agent_by_extension(extension) else {
            return Err(format!("the dialplan has no agent {extension}"));
        };
        let language: Language = self.plan.language().clone();
        let wanted = Promising {
            kind: PromiseKind::Agent,
            number,
            keyed: true,
            queue: None,
            owner: Some(agent.extension.clone()),
            language,
            grade: None,
            due,
        };
        match self.make_promise(now, Asks::Order(id), wanted) {
            Some(false) if due < now.wall => Err("that time is in the past".to_owned()),
            Some(false) => Err(
                "that cannot be promised: a queue with callback_to, the agent's may_call and a trunk must all have it"
                    .to_owned(),
            ),
            _ => Ok(()),
        }
    }

    /// Those whom nobody calls any more are looked after again.
    pub(super) fn promises_astray(&mut self, now: Now) {
        let astray: Vec<CallId> = self
            .promises
            .calling()
            .filter(|(_, call)| !self.calls.contains_key(call))
            .map(|(promise, _)| promise)
            .collect();
        for promise in astray {
            self.promises.set(promise, State::Waiting(now.mono + LOOK_AGAIN));
        }
    }
}

fn promise_event(record: &Promise) -> FloorEvent {
    FloorEvent::Promise {
        promise: record.promise,
        kind: record.kind.name().to_owned(),
        owner: record.owner.clone(),
        holder: record.holder.clone(),
        queue: record.queue.clone(),
        number: record.number.to_string(),
        by: record.by,
        result: record.result().to_owned(),
    }
}
