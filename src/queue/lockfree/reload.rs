//! A new topology while people wait, talk, come and go.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Core;
use super::claims::{Hall, Step, end_offer};
use super::codes::Wish;
use super::floor::Floor;
use super::op::{AT_OLD_PLACE, Facts, Op};
use super::sync;
use super::word::{AgentStep, AgentWord, CallerState, CallerWord};
use crate::base::Instant;
use crate::queue::line::Key;
use crate::queue::{LeaveWhy, Sink, Topology};

impl Core {
    /// New rules for everybody, those who wait included; offers and talks go on. Who waits in a queue that is
    /// gone leaves; agents who are gone are signed off, when talking after the call.
    pub fn reconfigure(&self, now: Instant, topology: &Arc<Topology>, s: &mut impl Sink) {
        let mut op = Op::begin(self, now, s);
        op.reconfigure(topology);
        op.end();
        drop(op);
        self.give_back_lists();
    }

    /// All lists were made anew. What that leaves behind would be freed at the pace of operations that leave a few
    /// entries each, and pile up where topologies come often.
    fn give_back_lists(&self) {
        const FREED_AT_A_TIME: u32 = 256;
        for _ in 0..self.made.load(Ordering::Relaxed) / FREED_AT_A_TIME + 8 {
            crossbeam_epoch::pin().flush();
        }
    }
}

impl Op<'_> {
    fn reconfigure(&mut self, topology: &Arc<Topology>) {
        let old = self.lay_floor(topology);
        // Who gets into a list of the old floor from here on sees that it is the old one; who did before is seen
        // by the walk.
        sync::fence(sync::Ordering::SeqCst);
        self.pause(Step::Reloading);
        let homeless = self.move_callers(&old);
        let gone = self.move_agents(&old);
        // Everybody is searched for below.
        self.exceeded.clear();
        for (caller, word, facts) in homeless {
            match word.state {
                CallerState::Offered { .. } => {
                    if end_offer(self, caller, word, CallerState::Free) {
                        self.leave_offer(caller, word, facts, LeaveWhy::QueueRemoved);
                    }
                }
                CallerState::Parked => {
                    if word.swap(self.caller(caller), word.next(CallerState::Free)) {
                        self.depart(caller, facts, LeaveWhy::QueueRemoved);
                    }
                }
                // Its word is free already.
                _ => self.depart(caller, facts, LeaveWhy::QueueRemoved),
            }
        }
        for agent in gone {
            self.stop(agent, Wish::SignOff);
        }
        for (_, caller) in self.everybody_waiting() {
            self.match_caller(caller);
        }
    }

    fn lay_floor(&mut self, topology: &Arc<Topology>) -> Arc<Floor> {
        loop {
            let old = self.core.floor.load_full();
            let new = Arc::new(Floor::new(topology, Some(&old)));
            new.inherit(&old);
            // Before anybody asks: a caller who comes in between must not hear that nobody is there.
            for agent in 0..new.ids.len() as u32 {
                if AgentWord::load(self.agent(agent)).state != AgentStep::SignedOff {
                    new.sign_on(agent);
                }
            }
            let before = self.core.floor.compare_and_swap(&old, new.clone());
            if Arc::ptr_eq(&before, &old) {
                self.floor = new;
                return old;
            }
        }
    }

    /// Gives every waiting caller its lane on the new floor, in the new order. Returns those whose queue is gone.
    fn move_callers(&mut self, old: &Floor) -> Vec<(u32, CallerWord, Facts)> {
        let mut homeless = Vec::new();
        let mut moving: Vec<(Key, u32, CallerWord)> = Vec::new();
        for caller in 0..self.core.made.load(Ordering::Acquire) {
            let word = CallerWord::load(self.caller(caller));
            let facts = self.facts(caller);
            let lane = match word.state {
                CallerState::Waiting { .. } | CallerState::Offered { .. } | CallerState::Parked => {
                    self.lane(facts.kind)
                }
                // Whoever changes a caller right now sees the new floor when it publishes it.
                _ => continue,
            };
            match (word.state, lane) {
                (CallerState::Waiting { .. }, Some(lane)) => {
                    moving.push((self.key(caller, &facts, &lane), caller, word));
                    self.forget_wait(caller);
                }
                (CallerState::Waiting { .. }, None) => {
                    if self.move_caller(caller, word, facts, old).is_some() {
                        homeless.push((caller, word, facts));
                    }
                }
                // Its place in the new lane it gets if it ever comes back.
                (_, Some(_)) => {
                    self.caller_cell(caller).ticket.store(AT_OLD_PLACE, Ordering::Relaxed);
                    self.forget_wait(caller);
                }
                (_, None) => homeless.push((caller, word, facts)),
            }
        }
        // In order, so that nearly all of them get tickets.
        moving.sort_unstable_by_key(|(key, ..)| *key);
        for (_, caller, word) in moving {
            let facts = self.facts(caller);
            if let Some(facts) = self.move_caller(caller, word, facts, old) {
                homeless.push((caller, word, facts));
            }
        }
        homeless
    }

    /// What the new rules have brought the caller already is not told.
    fn forget_wait(&self, caller: u32) {
        self.caller_cell(caller).told_until.fetch_max(self.now().as_micros(), Ordering::Relaxed);
    }

    /// Gives every agent its group. Returns those who are gone, in the order of their ids.
    fn move_agents(&mut self, old: &Floor) -> Vec<u32> {
        let mut gone = Vec::new();
        let floor = self.floor.clone();
        for &agent in floor.numbers.values() {
            let word = AgentWord::load(self.agent(agent));
            self.count_signed_on(agent);
            if old.group(agent).is_none() && word.state == AgentStep::SignedOff {
                // New, or new again.
                self.agent_cell(agent).since.store(0, Ordering::Relaxed);
            }
            if floor.group(agent).is_none() {
                if word.state != AgentStep::SignedOff {
                    gone.push(agent);
                }
            } else if let AgentStep::Idle { .. } = word.state {
                self.move_agent(agent, word);
            }
        }
        gone
    }

    /// In order.
    pub fn everybody_waiting(&self) -> Vec<(Key, u32)> {
        let mut waiting = Vec::new();
        for caller in 0..self.core.made.load(Ordering::Acquire) {
            let word = CallerWord::load(self.caller(caller));
            let facts = self.facts(caller);
            if let (CallerState::Waiting { .. }, Some(lane)) = (word.state, self.lane(facts.kind)) {
                waiting.push((self.key(caller, &facts, &lane), caller));
            }
        }
        waiting.sort_unstable();
        waiting
    }
}
