//! What else decides who may have whom, as the core puts it together: a pool of idle agents with a reserve, the time
//! that a caller must have waited, callers who wait for an owner alone, and the floor that all lists belong to.

use loom::sync::atomic::{AtomicU64, Ordering, fence};

use super::*;

/// What is decided before a model begins.
#[derive(Clone, Copy, Default)]
pub(super) struct Limits {
    /// Callers may have an agent only while more than so many are idle.
    reserve: Option<u64>,
    /// And only from this time on.
    after: Option<u64>,
    /// A new topology comes: whoever lists somebody has to look.
    reloads: bool,
    owners: bool,
    /// Agent 1 has no skill that any caller asks for.
    only_first: bool,
}

const NONE: Limits = Limits { reserve: None, after: None, reloads: false, owners: false, only_first: false };
const RESERVE: Limits = Limits { reserve: Some(1), ..NONE };
const RESERVE_OF_TWO_GROUPS: Limits = Limits { only_first: true, ..RESERVE };
const LATER: Limits = Limits { after: Some(1), ..NONE };
const RELOADS: Limits = Limits { reloads: true, ..NONE };
const OWNERS: Limits = Limits { owners: true, ..NONE };

pub(super) struct Rules {
    limits: Limits,
    floor: AtomicU64,
    now: AtomicU64,
    idle: AtomicU64,
}

impl Rules {
    pub fn new(limits: Limits) -> Self {
        Rules { limits, floor: AtomicU64::new(0), now: AtomicU64::new(0), idle: AtomicU64::new(0) }
    }
}

impl Thread {
    fn rules(&self) -> &Rules {
        &self.shared.rules
    }

    // -- reserve --

    fn idle_now(&self) -> u64 {
        self.rules().idle.load(Ordering::Relaxed)
    }

    pub(super) fn count_idle(&mut self, agent: u32, word: AgentWord) {
        let Some(reserve) = self.rules().limits.reserve else {
            return Thread::enter(self.idle(agent), word.epoch);
        };
        if mutant!(CountedLate) {
            Thread::enter(self.idle(agent), word.epoch);
        }
        self.exceeded |= self.rules().idle.fetch_add(1, Ordering::Relaxed) == reserve;
        if !mutant!(CountedLate) {
            Thread::enter(self.idle(agent), word.epoch);
        }
    }

    pub(super) fn uncount_idle(&mut self, agent: u32, word: AgentWord) {
        let newest = self.newest();
        for floor in [Some(self.floor), Some(newest).filter(|newest| *newest != self.floor)] {
            if let Some(floor) = floor
                && Thread::remove(&self.shared.idle[floor][agent as usize], word.epoch)
            {
                self.one_less_idle();
            }
        }
    }

    pub(super) fn one_less_idle(&self) {
        if self.rules().limits.reserve.is_some() {
            let before = self.rules().idle.fetch_sub(1, Ordering::Relaxed);
            assert!(before > 0, "an idle agent was counted away before it was counted");
        }
    }

    pub(super) fn match_agent(&mut self, agent: u32) {
        let exceeded = std::mem::take(&mut self.exceeded);
        if serve_agent(self, agent) {
            return;
        }
        let Some(reserve) = self.rules().limits.reserve else { return };
        if mutant!(NoPoolSearch) || !(exceeded || self.idle_now() == reserve + 1) {
            return;
        }
        for other in 0..AGENTS as u32 {
            if Thread::entry(self.idle(other)) == 0 {
                continue;
            }
            while let Some((caller, epoch)) = self.first_caller(other) {
                serve_caller(self, caller);
                if self.caller_word(caller).epoch == epoch {
                    break;
                }
            }
        }
    }

    // -- time --

    /// Whether callers may have agents at all.
    pub(super) fn in_reach(&self) -> bool {
        let Limits { reserve, after, .. } = self.rules().limits;
        after.is_none_or(|after| self.rules().now.load(Ordering::Acquire) >= after)
            && reserve.is_none_or(|reserve| self.idle_now() > reserve)
    }

    pub(super) fn serves(&self, agent: u32) -> bool {
        agent == 0 || !self.rules().limits.only_first
    }

    /// At rest.
    pub(super) fn may_have(&self, caller: u32, agent: u32) -> bool {
        let idle = (0..AGENTS as u32).filter(|a| matches!(self.agent_word(*a).state, AgentStep::Idle { .. }));
        let enough = self.rules().limits.reserve.is_none_or(|reserve| idle.count() as u64 > reserve);
        let late =
            self.rules().limits.after.is_none_or(|after| self.rules().now.load(Ordering::Acquire) >= after);
        enough && late && self.serves(agent) && is_for(self.caller_word(caller), agent)
    }

    fn relax(&mut self, caller: u32) {
        if mutant!(TimeRaisedLate) {
            serve_caller(self, caller);
        }
        self.rules()
            .now
            .fetch_max(1, if mutant!(NoTimeFence) { Ordering::Relaxed } else { Ordering::SeqCst });
        if !mutant!(NoTimeFence) {
            fence(Ordering::SeqCst);
        }
        if !mutant!(TimeRaisedLate) {
            serve_caller(self, caller);
        }
        self.work();
    }

    // -- owners --

    fn join_for_owner(&mut self, caller: u32) {
        let free = self.caller_word(caller);
        let word = free.next(CallerState::Waiting { owner: Some(0) });
        assert!(free.swap(self.caller(caller), word));
        publish_caller(self, caller, word, ());
        let there = !matches!(self.agent_word(0).state, AgentStep::Away(_));
        if !there && !mutant!(OwnerNotLookedAt) {
            self.leave_owner(caller, self.caller_word(caller));
        }
        serve_caller(self, caller);
        self.work();
    }

    fn leave_owner(&mut self, caller: u32, word: CallerWord) {
        if !matches!(word.state, CallerState::Waiting { owner: Some(_) }) {
            return;
        }
        let general = word.next(CallerState::Waiting { owner: None });
        if word.swap(self.caller(caller), general) {
            self.unlist_caller(caller, word);
            publish_caller(self, caller, general, ());
        }
    }

    /// At rest.
    pub(super) fn waits_in_vain(&self, caller: u32) -> bool {
        let gone = matches!(self.agent_word(0).state, AgentStep::Away(_));
        gone && self.caller_word(caller).state == (CallerState::Waiting { owner: Some(0) })
    }

    /// Whoever was to be away is.
    pub(super) fn skip_owner(&mut self, owner: u32) {
        if !self.rules().limits.owners || owner != 0 {
            return;
        }
        if !mutant!(NoOwnerFence) {
            fence(Ordering::SeqCst);
        }
        for caller in 0..CALLERS as u32 {
            let epoch = (Thread::entry(self.line(caller)) as u32).checked_sub(1);
            let word = self.caller_word(caller);
            if epoch == Some(word.epoch) && is_for(word, 0) && !is_for(word, 1) {
                self.leave_owner(caller, word);
                serve_caller(self, caller);
            }
        }
    }

    // -- floors --

    fn newest(&self) -> usize {
        match self.rules().limits.reloads {
            true => self.rules().floor.load(Ordering::Acquire) as usize,
            false => self.floor,
        }
    }

    pub(super) fn unlist_caller(&mut self, caller: u32, word: CallerWord) {
        Thread::remove(self.line(caller), word.epoch);
        let newest = self.newest();
        if newest != self.floor {
            Thread::remove(&self.shared.lines[newest][caller as usize], word.epoch);
        }
    }

    pub(super) fn settle_caller(&mut self, caller: u32, word: CallerWord) {
        if !self.rules().limits.reloads || mutant!(OldFloor) {
            return;
        }
        if self.caller_word(caller) != word {
            self.unlist_caller(caller, word);
        } else if self.newest() != self.floor {
            let old = self.floor;
            self.floor = self.newest();
            self.move_caller(caller, word, old);
        }
    }

    pub(super) fn settle_agent(&mut self, agent: u32, word: AgentWord) {
        if !self.rules().limits.reloads || mutant!(OldFloor) {
            return;
        }
        if self.agent_word(agent) != word {
            self.uncount_idle(agent, word);
        } else if self.newest() != self.floor {
            self.floor = self.newest();
            self.move_agent(agent, word);
        }
    }

    /// At rest.
    pub(super) fn assert_listed(&self, caller: u32, word: CallerWord) {
        let line = &self.shared.lines[self.newest()][caller as usize];
        assert_eq!(Thread::entry(line), u64::from(word.epoch) + 1, "caller {caller} stands in no line");
    }

    fn move_caller(&mut self, caller: u32, word: CallerWord, old: usize) {
        let moved = word.next(word.state);
        if word.swap(self.caller(caller), moved) {
            Thread::remove(&self.shared.lines[old][caller as usize], word.epoch);
            publish_caller(self, caller, moved, ());
        }
    }

    fn move_agent(&mut self, agent: u32, word: AgentWord) {
        let moved = word.next(word.state);
        if word.swap(self.agent(agent), moved) {
            publish_agent(self, agent, moved);
        }
    }

    fn reload(&mut self) {
        self.rules().floor.fetch_max(1, Ordering::AcqRel);
        self.floor = 1;
        if !mutant!(NoReloadFence) {
            fence(Ordering::SeqCst);
        }
        for caller in 0..CALLERS as u32 {
            let word = self.caller_word(caller);
            if matches!(word.state, CallerState::Waiting { .. }) {
                self.move_caller(caller, word, 0);
            }
        }
        for agent in 0..AGENTS as u32 {
            let word = self.agent_word(agent);
            if matches!(word.state, AgentStep::Idle { .. }) {
                self.move_agent(agent, word);
            }
        }
        for caller in 0..CALLERS as u32 {
            serve_caller(self, caller);
        }
        self.work();
    }
}

const RELAX: Operation = |t| t.relax(0);
const RELOAD: Operation = |t| t.reload();
const JOIN_FOR_OWNER: Operation = |t| t.join_for_owner(0);

macro_rules! models_by {
    ($($name:ident: $limits:expr, $bound:expr, [$($before:expr),*] then [$($thread:expr),+];)+) => {
        $(#[test]
        fn $name() {
            model_by($limits, $bound, &[$($before),*], &[$($thread),+]);
        })+
    };
}

models_by! {
    the_second_idle_agent_exceeds_the_reserve: RESERVE, Some(3), [JOIN] then [READY, READY_TOO];
    an_agent_of_another_group_exceeds_the_reserve: RESERVE_OF_TWO_GROUPS, Some(3), [JOIN] then [READY, READY_TOO];
    a_caller_comes_while_the_reserve_is_exceeded: RESERVE, Some(3), [READY] then [JOIN, READY_TOO];
    a_caller_leaves_and_the_reserve_is_exceeded_again: RESERVE, Some(2), [READY, JOIN, READY_TOO] then [ABANDON, JOIN_TOO];
    relax_and_ready: LATER, None, [JOIN] then [RELAX, READY];
    relax_and_away: LATER, None, [READY, JOIN] then [RELAX, AWAY_NOW];
    relax_ready_abandon: LATER, Some(2), [JOIN] then [RELAX, READY, ABANDON];
    join_for_an_owner_who_goes: OWNERS, Some(3), [READY, READY_TOO] then [JOIN_FOR_OWNER, AWAY_NOW];
    reload_and_the_first_join: RELOADS, Some(3), [] then [RELOAD, JOIN];
    reload_and_join: RELOADS, Some(3), [READY] then [RELOAD, JOIN];
    reload_and_ready: RELOADS, Some(3), [JOIN] then [RELOAD, READY];
    reload_and_abandon: RELOADS, Some(3), [READY, JOIN, JOIN_TOO] then [RELOAD, ABANDON];
    reload_join_ready: RELOADS, Some(1), [] then [RELOAD, JOIN, READY];
}

#[test]
fn mutants_of_the_rules_are_caught() {
    caught_by(RESERVE_OF_TWO_GROUPS, Mutant::NoPoolSearch, Some(3), &[JOIN], &[READY, READY_TOO]);
    caught_by(RESERVE, Mutant::CountedLate, None, &[], &[READY, AWAY_NOW]);
    caught_by(LATER, Mutant::TimeRaisedLate, None, &[JOIN], &[RELAX, READY]);
    caught_by(LATER, Mutant::NoTimeFence, None, &[JOIN], &[RELAX, READY]);
    caught_by(OWNERS, Mutant::NoOwnerFence, Some(3), &[READY, READY_TOO], &[JOIN_FOR_OWNER, AWAY_NOW]);
    caught_by(OWNERS, Mutant::OwnerNotLookedAt, Some(3), &[READY, READY_TOO], &[JOIN_FOR_OWNER, AWAY_NOW]);
    caught_by(RELOADS, Mutant::OldFloor, Some(3), &[READY], &[RELOAD, JOIN]);
    caught_by(RELOADS, Mutant::NoReloadFence, Some(3), &[], &[RELOAD, JOIN]);
}
