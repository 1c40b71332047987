//! The core's deadlines. An entry holds for one epoch of a word: with another it is dead, and whoever meets it at
//! the front drops it. A late timer can only lose against the word.

use std::sync::atomic::Ordering;

use super::Core;
use super::cells::NEVER;
use super::claims::Hall;
use super::op::{Facts, Op, whole};
use super::word::{AgentStep, AgentWord, CallerState, CallerWord};
use crate::base::{AgentId, Instant};
use crate::queue::deadlines::Who;
use crate::queue::{CallerId, Deadline, Event, LeaveWhy, OwnerSkip, Sink};

impl Op<'_> {
    /// Carries out whatever is due by then, each thing at its own time: a late tick changes nothing.
    pub fn advance(&mut self, now: Instant) {
        while let Some(entry) = self.core.timers.front() {
            let (at, who, epoch) = *entry.key();
            if at > now {
                break;
            }
            // Of several threads one gets it.
            if !entry.remove() {
                continue;
            }
            self.raise(at);
            match who {
                Who::Agent(id) => self.agent_due(id, epoch),
                Who::Caller(id) => self.caller_due(id, epoch),
            }
        }
        self.raise(now);
    }

    /// Time is raised before a search for what it has made eligible, and read after publishing: of a timer and
    /// one who becomes available at the same moment, one sees the other.
    fn raise(&self, now: Instant) {
        if self.core.now.load(Ordering::Relaxed) < now.as_micros() {
            self.core.now.fetch_max(now.as_micros(), Ordering::SeqCst);
        }
        super::sync::fence(Ordering::SeqCst);
    }

    fn agent_due(&mut self, id: AgentId, epoch: u32) {
        let Some(&agent) = self.floor.numbers.get(&id) else { return };
        let word = AgentWord::load(self.agent(agent));
        if word.epoch != epoch {
            return;
        }
        match word.state {
            AgentStep::WrapUp { .. } => {
                let ready = word.next(self.ready_state(agent));
                if word.swap(self.agent(agent), ready) {
                    self.became_ready(agent, ready);
                }
            }
            // Its place among the idle is where it was.
            AgentStep::Resting => {
                let idle = word.next(AgentStep::Idle { place: self.place(agent) });
                if word.swap(self.agent(agent), idle) {
                    self.became_ready(agent, idle);
                }
            }
            _ => {}
        }
    }

    fn caller_due(&mut self, id: CallerId, epoch: u32) {
        let caller = id.index;
        let word = CallerWord::load(self.caller(caller));
        let facts = self.facts(caller);
        let CallerState::Waiting { owner } = word.state else { return };
        if word.epoch != epoch || facts.id != id {
            return;
        }
        let now = self.now().as_micros();
        self.caller_cell(caller).timer_at.store(NEVER, Ordering::Relaxed);
        if facts.leave_by <= now {
            if word.swap(self.caller(caller), word.next(CallerState::Free)) {
                self.unlist_caller(caller, word, facts);
                self.count(facts.queue, false);
                self.depart(caller, facts, LeaveWhy::MaxWait);
            }
            return;
        }
        if owner.is_some() && self.caller_cell(caller).owner_until.load(Ordering::Relaxed) <= now {
            self.leave_owner(caller, word, OwnerSkip::HoldEnded);
        }
        self.catch_up(caller);
        self.match_caller(caller);
    }

    /// Tells what the caller's wait has brought it by now, once.
    pub fn catch_up(&mut self, caller: u32) {
        let cell = self.caller_cell(caller);
        let facts = self.facts(caller);
        let now = self.now();
        self.drop_bars(facts, |until| until <= now.as_micros());
        let Some(lane) = self.lane(facts.kind) else { return };
        let told = Instant::from_micros(cell.told_until.fetch_max(now.as_micros(), Ordering::Relaxed));
        for (tier, moment) in (1..).zip(&lane.design.moments) {
            let at = facts.arrived + *moment;
            if at > told && at <= now {
                let tier = u8::try_from(tier).unwrap_or(u8::MAX);
                self.emit(Event::Relaxed { caller: facts.id, tag: facts.tag, tier });
            }
        }
    }

    /// After anything that a caller's deadlines depend on. Only waiting callers have any: an offer that
    /// rings is not taken away because the longest wait ends meanwhile.
    pub fn arm_caller(&mut self, caller: u32) {
        // Before the word: an entry known by now is of this word or of an earlier one, and never what somebody else has
        // entered for a later one.
        let timer = self.facts(caller).timer;
        let word = CallerWord::load(self.caller(caller));
        let CallerState::Waiting { owner } = word.state else { return };
        let facts = Facts { timer, ..self.facts(caller) };
        let next = self.caller_deadline(caller, facts, owner.is_some());
        if next.map_or(NEVER, |(at, _)| at.as_micros()) == facts.timer.0 && facts.timer.1 == word.epoch {
            // The same moment may now be for something else.
            let Some((at, deadline)) = next else { return };
            let key = (at, Who::Caller(facts.id), word.epoch);
            if self.core.timers.get(&key).is_some_and(|entry| *entry.value() == deadline) {
                return;
            }
        }
        self.disarm(facts);
        let cell = self.caller_cell(caller);
        cell.timer_epoch.store(word.epoch, Ordering::Relaxed);
        cell.timer_at.store(next.map_or(NEVER, |(at, _)| at.as_micros()), Ordering::Relaxed);
        if let Some((at, deadline)) = next {
            let key = (at, Who::Caller(facts.id), word.epoch);
            self.core.timers.insert(key, deadline);
            // Whoever has taken the caller meanwhile may not have known of this entry.
            if CallerWord::load(self.caller(caller)) != word {
                self.core.timers.remove(&key);
            }
        }
    }

    pub fn disarm(&self, facts: Facts) {
        let (at, epoch) = facts.timer;
        if at != NEVER {
            self.core.timers.remove(&(Instant::from_micros(at), Who::Caller(facts.id), epoch));
        }
    }

    pub fn caller_deadline(&self, caller: u32, facts: Facts, owned: bool) -> Option<(Instant, Deadline)> {
        let lane = self.lane(facts.kind)?;
        let cell = self.caller_cell(caller);
        let now = self.now();
        let waiver = facts.arrived + self.floor.plan.config.reserve_waived_after;
        let told = Instant::from_micros(cell.told_until.load(Ordering::Relaxed));
        let moments = lane.design.moments.iter().map(|after| facts.arrived + *after);
        let moment = moments.into_iter().find(|at| *at > told);
        let time = |at: u64| (at != NEVER).then(|| Instant::from_micros(at));
        let again = facts.barred.then(|| {
            let until = self.bars(facts).map(|bar| Instant::from_micros(*bar.value()));
            until.filter(|until| *until > now).min()
        });
        let hold = owned.then(|| Instant::from_micros(cell.owner_until.load(Ordering::Relaxed)));
        [
            time(facts.leave_by).map(|at| (at, Deadline::MaxWait)),
            hold.map(|at| (at, Deadline::OwnerHold)),
            moment.map(|at| (at, Deadline::Relaxation)),
            (lane.design.guarded && waiver > now).then_some((waiver, Deadline::ReserveWaiver)),
            again.flatten().map(|at| (at, Deadline::OfferAgain)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The agent has just got this word.
    pub fn arm_agent(&mut self, agent: u32, word: AgentWord) {
        let timer = match word.state {
            AgentStep::WrapUp { until, .. } => (whole(until, self.now()), Deadline::WrapUp),
            AgentStep::Resting => {
                let until = self.agent_cell(agent).rest_until.load(Ordering::Relaxed);
                (Instant::from_micros(until), Deadline::Rest)
            }
            _ => return,
        };
        let key = (timer.0, Who::Agent(self.agent_id(agent)), word.epoch);
        self.core.timers.insert(key, timer.1);
        if AgentWord::load(self.agent(agent)).epoch != word.epoch {
            self.core.timers.remove(&key);
        }
    }

    /// The agent has just left this word, when its rest was to end at this time.
    pub fn disarm_agent(&mut self, agent: u32, word: AgentWord, rest_until: u64) {
        let at = match word.state {
            AgentStep::WrapUp { until, .. } => whole(until, self.now()),
            AgentStep::Resting => Instant::from_micros(rest_until),
            _ => return,
        };
        self.core.timers.remove(&(at, Who::Agent(self.agent_id(agent)), word.epoch));
    }
}

impl Core {
    /// Carries out what is due, and says what is due next.
    pub fn tick(&self, now: Instant, s: &mut impl Sink) -> Option<(Instant, Deadline)> {
        Op::begin(self, now, s).end();
        self.next_deadline()
    }

    /// When to call [`tick`](Core::tick) next, and what for.
    pub fn next_deadline(&self) -> Option<(Instant, Deadline)> {
        loop {
            let entry = self.timers.front()?;
            let (at, who, epoch) = *entry.key();
            let alive = match who {
                Who::Caller(id) => {
                    let word = CallerWord::load(&self.callers.at(id.index).word);
                    word.epoch == epoch && matches!(word.state, CallerState::Waiting { .. })
                }
                Who::Agent(id) => self
                    .floor
                    .load()
                    .numbers
                    .get(&id)
                    .is_none_or(|agent| AgentWord::load(&self.agents.at(*agent).word).epoch == epoch),
            };
            if alive {
                return Some((at, *entry.value()));
            }
            entry.remove();
        }
    }
}
