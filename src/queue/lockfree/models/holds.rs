//! Agents with two calls at once: holding, a further offer, and talks that end meanwhile.

use super::super::holds::{emptied, set_aside, take_up};
use super::super::word::FURTHER;
use super::*;

const ROOM: usize = 2;

impl Thread {
    pub(super) fn held_by(&self, agent: u32, but: Option<u32>) -> usize {
        let callers = (0..CALLERS as u32).filter(|caller| Some(*caller) != but);
        callers.filter(|caller| self.is_held(*caller, agent)).count()
    }

    pub(super) fn is_held(&self, caller: u32, agent: u32) -> bool {
        let word = self.caller_word(caller);
        let listed = Thread::entry(&self.shared.held[caller as usize]) == u64::from(word.epoch) + 1;
        // One agent has calls on hold here.
        agent == 0 && listed && word.state == CallerState::Connected { agent }
    }

    pub(super) fn further(&self, agent: u32) -> AgentStep {
        let further = if self.held_by(agent, None) > 0 { FURTHER } else { 0 };
        AgentStep::Idle { place: u64::from(agent) | further }
    }

    fn hold(&mut self, agent: u32) {
        let further = AgentStep::Idle { place: u64::from(agent) | FURTHER };
        if let Some(word) = set_aside(self, agent, ROOM, further) {
            publish_agent(self, agent, word);
            self.match_agent(agent);
        }
        self.work();
    }

    fn resume_talk(&mut self, agent: u32) {
        if let Some(idle) = take_up(self, agent) {
            self.unlist_agent(agent, idle);
            self.settle_talks(agent);
        }
        self.work();
    }

    fn talk_ended(&mut self, agent: u32, over: u32) {
        loop {
            if let Found::Settled(word) = look(self, agent)
                && let AgentStep::Talking { caller: Some(caller), wish } = word.state
                && (caller == over || self.held_by(agent, Some(caller)) == 0)
            {
                let theirs = self.caller_word(caller);
                let next = match self.held_by(agent, Some(caller)) {
                    0 => AWAY,
                    _ => AgentStep::Holding { wish },
                };
                if word.swap(self.agent(agent), word.next(next)) {
                    theirs.swap(self.caller(caller), theirs.next(CallerState::Free));
                    if next.holds() {
                        self.settle_talks(agent);
                    }
                    break;
                }
                continue;
            }
            if !self.is_held(over, agent) {
                break;
            }
            let theirs = self.caller_word(over);
            if theirs.swap(self.caller(over), theirs.next(CallerState::Free)) {
                self.settle_talks(agent);
                break;
            }
        }
        self.work();
    }

    /// After the last talk everybody is away here.
    pub(super) fn settle_talks(&mut self, agent: u32) {
        while let Some(word) = emptied(self, agent) {
            if word.swap(self.agent(agent), word.next(AWAY)) {
                self.unlist_agent(agent, word);
                return;
            }
        }
    }

    pub(super) fn confirm_hold(&mut self, agent: u32, word: AgentWord) {
        if word.state.holds() && !mutant!(HoldNotLookedAt) {
            self.settle_talks(agent);
        }
    }

    /// At rest.
    pub(super) fn check_holds(&self) {
        for agent in 0..AGENTS as u32 {
            let word = self.agent_word(agent);
            let held = self.held_by(agent, None);
            assert!(!word.state.holds() || held > 0, "agent {agent} is {word:?} with nobody on hold");
            let may = word.state.holds()
                || matches!(word.state, AgentStep::Offered { .. } | AgentStep::Talking { .. });
            assert!(may || held == 0, "agent {agent} is {word:?} with {held} on hold");
        }
    }
}

const HOLD: Operation = |t| t.hold(0);
const RESUME_TALK: Operation = |t| t.resume_talk(0);
const FIRST_OVER: Operation = |t| t.talk_ended(0, 0);
const SECOND_OVER: Operation = |t| t.talk_ended(0, 1);
const ABANDON_TOO: Operation = |t| t.abandon(1);

// Without a bound: every order there is.
models! {
    hold_and_join: None, [READY, JOIN, ACCEPT] then [HOLD, JOIN_TOO];
    hold_and_end: None, [READY, JOIN, ACCEPT] then [HOLD, FIRST_OVER];
    hold_twice: None, [READY, JOIN, ACCEPT] then [HOLD, HOLD];
    hold_and_away: None, [READY, JOIN, ACCEPT] then [HOLD, AWAY_NOW];
    the_one_on_hold_goes_and_another_comes: None, [READY, JOIN, ACCEPT, HOLD] then [FIRST_OVER, JOIN_TOO];
    the_one_on_hold_goes_and_is_talked_to: None, [READY, JOIN, ACCEPT, HOLD] then [FIRST_OVER, RESUME_TALK];
    talk_again_and_join: None, [READY, JOIN, ACCEPT, HOLD] then [RESUME_TALK, JOIN_TOO];
    the_one_on_hold_goes_during_an_offer_taken: None, [READY, JOIN, ACCEPT, HOLD, JOIN_TOO] then [ACCEPT, FIRST_OVER];
    the_one_on_hold_goes_during_an_offer_refused: None, [READY, JOIN, ACCEPT, HOLD, JOIN_TOO] then [REFUSE, FIRST_OVER];
    the_one_on_hold_and_the_next_go: None, [READY, JOIN, ACCEPT, HOLD, JOIN_TOO] then [ABANDON_TOO, FIRST_OVER];
    away_and_the_one_on_hold_goes: None, [READY, JOIN, ACCEPT, HOLD, JOIN_TOO] then [AWAY_NOW, FIRST_OVER];
    away_and_the_next_goes: None, [READY, JOIN, ACCEPT, HOLD, JOIN_TOO] then [AWAY_NOW, ABANDON_TOO];
    both_go: None, [READY, JOIN, ACCEPT, HOLD, JOIN_TOO, ACCEPT] then [FIRST_OVER, SECOND_OVER];
}

// With at most so many forced changes of thread.
models! {
    hold_join_end: Some(3), [READY, JOIN, ACCEPT] then [HOLD, JOIN_TOO, FIRST_OVER];
    away_and_both_go: Some(3), [READY, JOIN, ACCEPT, HOLD, JOIN_TOO] then [AWAY_NOW, ABANDON_TOO, FIRST_OVER];
    accept_and_both_go: Some(3), [READY, JOIN, ACCEPT, HOLD, JOIN_TOO] then [ACCEPT, SECOND_OVER, FIRST_OVER];
}

#[test]
fn mutants_of_holds_are_caught() {
    let offered: &[Operation] = &[READY, JOIN, ACCEPT, HOLD, JOIN_TOO];
    caught(Mutant::NoHoldFence, None, offered, &[REFUSE, FIRST_OVER]);
    caught(Mutant::HoldNotLookedAt, None, offered, &[ABANDON_TOO, FIRST_OVER]);
    caught(Mutant::HeldLate, None, &[READY, JOIN, ACCEPT], &[HOLD, AWAY_NOW]);
}
