//! What agents do: sign on, be ready, be away, answer, refuse, end a call.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Core;
use super::claims::{Found, Hall, Step, accept, look, standing_offer, take_back};
use super::codes::{Wish, code};
use super::op::{Facts, Op, whole};
use super::word::{AgentStep, AgentWord, CallerState, CallerWord};
use crate::base::{AgentId, Instant};
use crate::queue::{
    AgentState, Away, AwayResult, CallerId, Event, OfferGone, OfferId, OwnerSkip, Refusal, RequeueWhy,
    Seized, Sink, Withdrawn,
};

/// A word keeps deadlines for some days; nobody's paperwork takes longer than one.
const LONGEST_WRAP_UP: Duration = Duration::from_secs(24 * 3600);

impl Core {
    /// Signed on, but not ready yet. `false`: not in the topology.
    pub fn agent_login(&self, now: Instant, id: AgentId, s: &mut impl Sink) -> bool {
        let mut op = Op::begin(self, now, s);
        let known = op.agent_number(id);
        known.into_iter().for_each(|agent| op.login(agent));
        op.end();
        known.is_some()
    }

    pub fn agent_logout(&self, now: Instant, id: AgentId, s: &mut impl Sink) -> AwayResult {
        self.stop(now, id, Wish::SignOff, s)
    }

    /// No more callers, at once or, when talking, after the call. An offer under way is withdrawn.
    pub fn agent_away(&self, now: Instant, id: AgentId, why: Away, s: &mut impl Sink) -> AwayResult {
        self.stop(now, id, Wish::Away(why), s)
    }

    fn stop(&self, now: Instant, id: AgentId, wish: Wish, s: &mut impl Sink) -> AwayResult {
        let mut op = Op::begin(self, now, s);
        let result = op.agent_number(id).map_or(AwayResult::SignedOff, |agent| op.stop(agent, wish));
        op.end();
        result
    }

    /// Free for callers. Ends a wrap-up early, takes back a wish to be away after the call, forgets unanswered
    /// offers. `false`: not signed on.
    pub fn agent_ready(&self, now: Instant, id: AgentId, s: &mut impl Sink) -> bool {
        let mut op = Op::begin(self, now, s);
        let signed_on = op.agent_number(id).is_some_and(|agent| op.ready(agent));
        op.end();
        signed_on
    }

    /// The agent is in a call that comes from no queue. Ends with [`call_ended`](Core::call_ended); who was
    /// away is away again then.
    pub fn agent_seize(&self, now: Instant, id: AgentId, s: &mut impl Sink) -> Seized {
        let mut op = Op::begin(self, now, s);
        let seized = op.agent_number(id).map_or(Seized::SignedOff, |agent| op.seize(agent));
        op.end();
        seized
    }

    /// The agent has the caller. From here on the caller leaves by [`call_ended`](Core::call_ended).
    pub fn offer_accepted(&self, now: Instant, o: OfferId, s: &mut impl Sink) -> Result<CallerId, OfferGone> {
        let mut op = Op::begin(self, now, s);
        let accepted = op.agent_number(o.agent).and_then(|agent| op.accepted(agent, o.epoch));
        op.end();
        accepted.ok_or(OfferGone)
    }

    /// The agent does not take the caller, who goes back to its old place, and rests for a while: not even a "ready" before
    /// its end brings the same caller back. `false`: the offer had ended already.
    pub fn offer_refused(&self, now: Instant, o: OfferId, refusal: Refusal, s: &mut impl Sink) -> bool {
        let mut op = Op::begin(self, now, s);
        let stood = op.agent_number(o.agent).is_some_and(|agent| op.refused(agent, o.epoch, refusal));
        op.end();
        stood
    }

    /// The agent's call is over: wrap-up for this long (`None`: as the caller's queue says), then ready, or
    /// away or signed off at once where that was wished. `false`: the agent was not talking.
    pub fn call_ended(&self, now: Instant, id: AgentId, wrap: Option<Duration>, s: &mut impl Sink) -> bool {
        let mut op = Op::begin(self, now, s);
        let talked = op.agent_number(id).is_some_and(|agent| op.ended(agent, wrap));
        op.end();
        talked
    }

    /// More time for the paperwork, once per wrap-up. The new deadline; `None` where there is no wrap-up or it
    /// was extended before.
    pub fn wrap_up_extend(&self, now: Instant, id: AgentId, s: &mut impl Sink) -> Option<Instant> {
        let mut op = Op::begin(self, now, s);
        let until = op.agent_number(id).and_then(|agent| op.extend(agent));
        op.end();
        until
    }
}

impl Op<'_> {
    fn login(&mut self, agent: u32) {
        loop {
            let Found::Settled(word) = look(self, agent) else { return };
            match word.state {
                AgentStep::SignedOff => {
                    let next = word.next(AgentStep::Away(code(Away::NotReady)));
                    if word.swap(self.agent(agent), next) {
                        let cell = self.agent_cell(agent);
                        cell.misses.store(0, Ordering::Relaxed);
                        cell.rest_until.store(0, Ordering::Relaxed);
                        self.count_signed_on(agent);
                        self.announce(agent, next.state);
                        return;
                    }
                }
                state
                    if Wish::of(state.wish()) == Some(Wish::SignOff) && self.floor.group(agent).is_some() =>
                {
                    if word.swap(self.agent(agent), word.next(state.wishing(0))) {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    fn ready(&mut self, agent: u32) -> bool {
        let cell = self.agent_cell(agent);
        cell.misses.store(0, Ordering::Relaxed);
        loop {
            let Found::Settled(word) = look(self, agent) else { return true };
            let rest = cell.rest_until.load(Ordering::Relaxed);
            match word.state {
                AgentStep::SignedOff => return false,
                AgentStep::Away(_) | AgentStep::WrapUp { .. } => {
                    cell.rest_until.store(0, Ordering::Relaxed);
                    let next = word.next(self.ready_state(agent));
                    if word.swap(self.agent(agent), next) {
                        self.disarm_agent(agent, word, rest);
                        self.became_ready(agent, next);
                        return true;
                    }
                }
                state if state.wish() != 0 && self.floor.group(agent).is_some() => {
                    if word.swap(self.agent(agent), word.next(state.wishing(0))) {
                        return true;
                    }
                }
                AgentStep::Resting => {
                    let next = word.next(AgentStep::Idle { place: self.place(agent) });
                    if word.swap(self.agent(agent), next) {
                        cell.rest_until.store(0, Ordering::Relaxed);
                        self.disarm_agent(agent, word, rest);
                        self.became_ready(agent, next);
                        return true;
                    }
                }
                _ => return true,
            }
        }
    }

    fn seize(&mut self, agent: u32) -> Seized {
        loop {
            let Found::Settled(word) = look(self, agent) else { return Seized::Busy };
            let wish = match word.state {
                AgentStep::SignedOff => return Seized::SignedOff,
                AgentStep::Talking { .. } => return Seized::Busy,
                state if state.holds() => return Seized::Busy,
                AgentStep::Away(why) => Wish::code(Wish::of_away(why)),
                _ => 0,
            };
            let next = word.next(AgentStep::Talking { caller: None, wish });
            let rest = self.agent_cell(agent).rest_until.load(Ordering::Relaxed);
            if word.swap(self.agent(agent), next) {
                self.unlist_agent(agent, word);
                self.disarm_agent(agent, word, rest);
                self.announce(agent, next.state);
                return Seized::Yes;
            }
        }
    }

    fn accepted(&mut self, agent: u32, epoch: u32) -> Option<CallerId> {
        let (offer, caller, theirs) = standing_offer(self, agent, epoch)?;
        let facts = self.facts(caller);
        let now = self.now();
        if !accept(self, agent, offer, caller, theirs) {
            return None;
        }
        let waited = now.since(facts.arrived);
        if let Some(lane) = self.lane(facts.kind) {
            lane.last_wait.store(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            lane.last_at.store(now.as_micros().max(1), Ordering::Relaxed);
        }
        self.agent_cell(agent).misses.store(0, Ordering::Relaxed);
        self.announce(agent, AgentStep::Talking { caller: Some(caller), wish: 0 });
        let id = self.agent_id(agent);
        self.emit(Event::Connected { caller: facts.id, tag: facts.tag, agent: id, waited });
        Some(facts.id)
    }

    fn refused(&mut self, agent: u32, epoch: u32, refusal: Refusal) -> bool {
        let Some((_, caller, theirs)) = standing_offer(self, agent, epoch) else { return false };
        let id = self.facts(caller).id;
        let floor = self.floor.clone();
        let config = &floor.plan.config;
        let (rest, missed) = config.rest_after(refusal);
        let until = (self.now() + rest).as_micros();
        // Barred before it waits again: nobody shall find the pair in between.
        let bar = (caller, id.epoch, agent, self.next_seq());
        self.caller_cell(caller).barred.store(true, Ordering::Relaxed);
        self.core.bars.insert(bar, until);
        self.pause(Step::Barred);
        let Some(back) = self.give_back(caller, theirs) else {
            // Somebody who looked meanwhile may have passed the pair over.
            self.core.bars.remove(&bar);
            self.match_caller(caller);
            return false;
        };
        self.requeue(&back, agent, OwnerSkip::Refused, RequeueWhy::Refused(refusal));
        let before = theirs_epoch_when_waiting(theirs);
        if self.held(agent, None) > 0 {
            // Somebody who talks already need not take more.
            let holding = AgentStep::Holding { wish: 0 };
            if take_back(self, agent, caller, before, holding).is_some() {
                self.announce(agent, holding);
                self.settle(agent, None);
            }
            self.match_caller(caller);
            return true;
        }
        let cell = self.agent_cell(agent);
        let misses = match (missed, refusal) {
            (true, _) => cell.misses.fetch_add(1, Ordering::Relaxed) + 1,
            // Somebody is there.
            (false, Refusal::Rejected) => {
                cell.misses.store(0, Ordering::Relaxed);
                0
            }
            (false, _) => cell.misses.load(Ordering::Relaxed),
        };
        cell.rest_until.store(until, Ordering::Relaxed);
        if misses >= config.no_answers {
            let wish = Wish::Away(Away::NoAnswer);
            if take_back(self, agent, caller, before, wish.state()).is_some() {
                self.parked(agent, wish);
            }
        } else {
            let ready = self.ready_state(agent);
            if let Some(offer) = take_back(self, agent, caller, before, ready) {
                self.became_ready(agent, offer.next(ready));
            }
        }
        self.match_caller(caller);
        true
    }

    fn ended(&mut self, agent: u32, wrap: Option<Duration>) -> bool {
        loop {
            let Found::Settled(word) = look(self, agent) else { return false };
            if !matches!(word.state, AgentStep::Talking { .. }) {
                return false;
            }
            if self.end_talk(agent, word, wrap) {
                return true;
            }
        }
    }

    /// Ends the talk that this word names. `false`: somebody was quicker.
    pub fn end_talk(&mut self, agent: u32, word: AgentWord, wrap: Option<Duration>) -> bool {
        let AgentStep::Talking { caller, wish } = word.state else { return false };
        // The talk holds the caller's cell until its end is decided.
        let theirs = caller.map(|caller| (caller, CallerWord::load(self.caller(caller)), self.facts(caller)));
        let wrap = wrap.or_else(|| theirs.and_then(|(_, _, facts)| self.usual_wrap_up(facts)));
        let state = match self.held(agent, caller) {
            0 => self.after_talk(agent, wish, wrap),
            _ => AgentStep::Holding { wish },
        };
        let next = word.next(state);
        if !word.swap(self.agent(agent), next) {
            return false;
        }
        if let Some((caller, theirs, facts)) = theirs
            && theirs.state == (CallerState::Connected { agent })
            && theirs.swap(self.caller(caller), theirs.next(CallerState::Free))
        {
            self.free_cell(caller, facts);
        }
        match state.holds() {
            true => self.settle(agent, wrap),
            false => self.talk_over(agent, next, wish),
        }
        true
    }

    pub fn usual_wrap_up(&self, facts: Facts) -> Option<Duration> {
        self.floor.plan.queues.get(&facts.queue).map(|queue| queue.spec.wrap_up)
    }

    /// What an agent without any talk goes on with.
    pub fn after_talk(&self, agent: u32, wish: u32, wrap: Option<Duration>) -> AgentStep {
        match (Wish::of(wish), wrap.filter(|wrap| !wrap.is_zero())) {
            (Some(wish), _) => wish.state(),
            (None, Some(wrap)) => {
                let until = (self.now() + wrap.min(LONGEST_WRAP_UP)).as_micros();
                AgentStep::WrapUp { until: until & super::word::UNTIL, extended: false }
            }
            (None, None) => self.ready_state(agent),
        }
    }

    /// The agent has just got this word, after the last talk.
    pub fn talk_over(&mut self, agent: u32, word: AgentWord, wish: u32) {
        match Wish::of(wish) {
            Some(wish) => self.parked(agent, wish),
            None if matches!(word.state, AgentStep::WrapUp { .. }) => {
                self.announce(agent, word.state);
                self.arm_agent(agent, word);
            }
            None => self.became_ready(agent, word),
        }
    }

    fn extend(&mut self, agent: u32) -> Option<Instant> {
        loop {
            let Found::Settled(word) = look(self, agent) else { return None };
            let AgentStep::WrapUp { until, extended: false } = word.state else { return None };
            let until = whole(until, self.now()) + self.floor.plan.config.wrap_up_extension;
            let bits = until.as_micros() & super::word::UNTIL;
            let next = word.next(AgentStep::WrapUp { until: bits, extended: true });
            if word.swap(self.agent(agent), next) {
                self.disarm_agent(agent, word, 0);
                let id = self.agent_id(agent);
                self.emit(Event::AgentState { agent: id, state: AgentState::WrapUp { until } });
                self.arm_agent(agent, next);
                return Some(until);
            }
        }
    }

    /// Away or signed off, now or after the call.
    pub fn stop(&mut self, agent: u32, wish: Wish) -> AwayResult {
        let (withdrawn, why) = match wish {
            Wish::Away(_) => (Withdrawn::AgentAway, RequeueWhy::AgentAway),
            Wish::SignOff => (Withdrawn::AgentSignedOff, RequeueWhy::AgentSignedOff),
        };
        loop {
            match look(self, agent) {
                Found::Settled(word) => {
                    if let Some(result) = self.stop_settled(agent, word, wish) {
                        return result;
                    }
                }
                Found::Ringing { offer, caller, theirs } => {
                    let Some(back) = self.give_back(caller, theirs) else { continue };
                    self.withdraw(agent, offer, back.facts.tag, withdrawn);
                    self.requeue(&back, agent, OwnerSkip::Away, why);
                    let (state, result) = self.stopped(agent, wish);
                    if take_back(self, agent, caller, theirs_epoch_when_waiting(theirs), state).is_some() {
                        self.has_stopped(agent, state, wish);
                    }
                    self.match_caller(caller);
                    return result;
                }
                // Whoever has ended the offer would make the agent ready: our word comes first.
                Found::Ended(word) => {
                    let (state, result) = self.stopped(agent, wish);
                    if word.swap(self.agent(agent), word.next(state)) {
                        self.has_stopped(agent, state, wish);
                        return result;
                    }
                }
            }
        }
    }

    /// Where a wish leads an agent whose phone rang: there at once, or, with callers on hold, after these.
    fn stopped(&self, agent: u32, wish: Wish) -> (AgentStep, AwayResult) {
        if self.held(agent, None) == 0 {
            return (wish.state(), AwayResult::Now);
        }
        let heard = self.floor.group(agent).is_some() || wish == Wish::SignOff;
        let wish = if heard { Wish::code(Some(wish)) } else { 0 };
        (AgentStep::Holding { wish }, AwayResult::AfterCall)
    }

    fn has_stopped(&mut self, agent: u32, state: AgentStep, wish: Wish) {
        if !state.holds() {
            return self.parked(agent, wish);
        }
        self.announce(agent, state);
        self.skip_owner(agent, OwnerSkip::Away);
        self.settle(agent, None);
    }

    /// `None`: somebody was quicker.
    fn stop_settled(&mut self, agent: u32, word: AgentWord, wish: Wish) -> Option<AwayResult> {
        if word.state == AgentStep::SignedOff {
            return Some(AwayResult::SignedOff);
        }
        if matches!(word.state, AgentStep::Talking { .. }) || word.state.holds() {
            // A sign-off that the topology demands is not softened to being away.
            let heard = self.floor.group(agent).is_some() || wish == Wish::SignOff;
            let wish = if heard { Wish::code(Some(wish)) } else { word.state.wish() };
            let next = word.next(word.state.wishing(wish));
            if !word.swap(self.agent(agent), next) {
                return None;
            }
            self.unlist_agent(agent, word);
            self.skip_owner(agent, OwnerSkip::Away);
            if next.state.holds() {
                self.settle(agent, None);
            }
            return Some(AwayResult::AfterCall);
        }
        let rest = self.agent_cell(agent).rest_until.load(Ordering::Relaxed);
        if !word.swap(self.agent(agent), word.next(wish.state())) {
            return None;
        }
        self.unlist_agent(agent, word);
        self.disarm_agent(agent, word, rest);
        self.parked(agent, wish);
        Some(AwayResult::Now)
    }

    /// The agent has just gone out of everybody's reach.
    fn parked(&mut self, agent: u32, wish: Wish) {
        self.announce(agent, wish.state());
        if wish == Wish::SignOff {
            self.count_signed_on(agent);
        }
        self.skip_owner(agent, OwnerSkip::Away);
        if wish != Wish::SignOff {
            return;
        }
        let floor = self.floor.clone();
        let Some(group) = floor.group(agent) else { return };
        // Fewer signed on means a smaller reserve.
        for &pool in floor.pools_of(group) {
            if floor.idle_in(pool) > floor.reserve(pool) {
                self.match_pool(pool);
            }
        }
    }

    /// Makes the lists of who is signed on say what the agent's word says, however many do so at a time.
    pub fn count_signed_on(&mut self, agent: u32) {
        loop {
            let on = AgentWord::load(self.agent(agent)).state != AgentStep::SignedOff;
            if let Some(group) = self.floor.group(agent) {
                let pools = self.floor.pools_of(group).iter().map(|pool| &self.floor.pools[*pool].signed_on);
                for list in pools.chain([&self.floor.groups[group].signed_on]) {
                    match on {
                        true => drop(list.get_or_insert(agent, ())),
                        false => drop(list.remove(&agent)),
                    }
                }
            }
            super::sync::fence(super::sync::Ordering::SeqCst);
            let still = AgentWord::load(self.agent(agent)).state != AgentStep::SignedOff;
            match self.floor_changed() {
                Some(newest) => self.floor = newest,
                None if still == on => return,
                None => {}
            }
        }
    }
}

/// The epoch that an offer's caller had while it waited, which is what the agent's word names.
fn theirs_epoch_when_waiting(offered: CallerWord) -> u32 {
    super::word::later(offered.epoch, u32::MAX)
}
