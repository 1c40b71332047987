//! FreeSWITCH's `mod_callcenter`: one thread passes over all who wait, sleeps 100 ms, and begins again.
//!
//! A pass takes the callers by their scores (seconds waited plus the queue's base score) and gives each the agent of
//! the lowest tier who is idle longest. Wrap-ups are compared in whole seconds, and strictly.

use std::time::Duration;

use super::super::router::{Move, Router};
use super::super::scene::Scene;
use super::{Membership, memberships, seconds};
use crate::base::Instant;
use crate::record::QueueOutcome;

/// From the end of a pass to the beginning of the next.
const PASS: Duration = Duration::from_millis(100);

pub(in crate::rehearse) struct ModCallcenter {
    queues: Vec<Queue>,
    agents: Vec<Agent>,
    /// In the order of joining; who is offered is not among them.
    waiting: Vec<u32>,
    /// By their numbers.
    members: Vec<Option<Member>>,
    next_pass: Instant,
    /// Offers missed in a row that put an agent on break.
    no_answers: u32,
}

struct Queue {
    agents: Vec<Option<Membership>>,
    base_score: u64,
    capacity: Option<u32>,
    max_wait: Option<Duration>,
    /// Waiting or offered.
    count: u32,
}

#[derive(Clone, Copy, Default)]
struct Agent {
    here: bool,
    on_break: bool,
    busy: bool,
    rings_for: Option<u32>,
    misses: u32,
    /// Second of the last talk's end, and how long the wrap-up is.
    last_bridge: Option<(u64, u64)>,
    idle_since: Instant,
}

#[derive(Clone, Copy)]
struct Member {
    queue: usize,
    joined: Instant,
}

impl ModCallcenter {
    pub fn new(scene: &Scene, callers: usize) -> Self {
        let queues = scene.classes.iter().zip(memberships(scene)).map(|(class, agents)| Queue {
            agents,
            base_score: class.queue.credit.as_secs(),
            capacity: class.queue.capacity,
            max_wait: class.queue.max_wait,
            count: 0,
        });
        ModCallcenter {
            queues: queues.collect(),
            agents: vec![Agent::default(); scene.agents.len()],
            waiting: Vec::new(),
            members: vec![None; callers],
            next_pass: Instant::ZERO,
            no_answers: scene.topology.config.no_answers,
        }
    }

    fn member(&self, caller: u32) -> Option<Member> {
        self.members.get(caller as usize).copied().flatten()
    }

    fn pass(&mut self, now: Instant, out: &mut Vec<Move>) {
        let second = seconds(now);
        self.expire(now, out);
        if !self.agents.iter().any(|agent| agent.is_free(second)) {
            return;
        }
        let score = |caller: &u32| {
            let member = self.member(*caller)?;
            let base = self.queues.get(member.queue)?.base_score;
            Some(second.saturating_sub(seconds(member.joined)) + base)
        };
        // Stable: equal scores keep the order of joining.
        let mut order: Vec<_> = self.waiting.iter().map(|caller| (score(caller), *caller)).collect();
        order.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        for (_, caller) in order {
            let Some(agent) = self.agent_for(caller, now) else { continue };
            if let Some(known) = self.agents.get_mut(agent as usize) {
                known.busy = true;
                known.rings_for = Some(caller);
            }
            self.waiting.retain(|other| *other != caller);
            out.push(Move::Ring { agent, caller });
        }
    }

    /// `longest-idle-agent` within the lowest tier.
    fn agent_for(&self, caller: u32, now: Instant) -> Option<u32> {
        let second = seconds(now);
        let member = self.member(caller)?;
        let waited = Duration::from_secs(second.saturating_sub(seconds(member.joined)));
        let queue = self.queues.get(member.queue)?;
        let free =
            (0u32..).zip(queue.agents.iter().zip(&self.agents)).filter_map(|(number, (own, agent))| {
                let own = own.filter(|own| own.after <= waited && agent.is_free(second))?;
                Some((own.penalty, agent.idle_since, number))
            });
        free.min().map(|(.., number)| number)
    }

    fn expire(&mut self, now: Instant, out: &mut Vec<Move>) {
        let over = |caller: &u32| {
            let member = self.member(*caller)?;
            let most = self.queues.get(member.queue)?.max_wait?;
            (now.since(member.joined) >= most).then_some(*caller)
        };
        let expired: Vec<u32> = self.waiting.iter().filter_map(over).collect();
        for caller in expired {
            self.remove(caller);
            out.push(Move::Out { caller, outcome: QueueOutcome::MaxWait });
        }
    }

    fn remove(&mut self, caller: u32) {
        self.waiting.retain(|other| *other != caller);
        let Some(member) = self.members.get_mut(caller as usize).and_then(Option::take) else { return };
        if let Some(queue) = self.queues.get_mut(member.queue) {
            queue.count = queue.count.saturating_sub(1);
        }
    }

    /// The ring is over without an answer; the caller waits again, at its old score.
    fn give_back(&mut self, agent: u32) -> Option<u32> {
        let known = self.agents.get_mut(agent as usize)?;
        let caller = known.rings_for.take()?;
        known.busy = false;
        let joined = self.member(caller)?.joined;
        let at = self.waiting.partition_point(|other| {
            self.members.get(*other as usize).copied().flatten().is_some_and(|other| other.joined <= joined)
        });
        self.waiting.insert(at, caller);
        Some(caller)
    }
}

impl Agent {
    fn is_free(&self, second: u64) -> bool {
        let wraps_up = self.last_bridge.is_some_and(|(end, wrap_up)| end >= second.saturating_sub(wrap_up));
        self.here && !self.on_break && !self.busy && !wraps_up
    }
}

impl Router for ModCallcenter {
    fn join(&mut self, now: Instant, caller: u32, class: usize, out: &mut Vec<Move>) {
        let Some(queue) = self.queues.get_mut(class) else { return };
        let here = queue.agents.iter().zip(&self.agents).any(|(own, agent)| own.is_some() && agent.here);
        let refused = if queue.capacity.is_some_and(|most| queue.count >= most) {
            Some(QueueOutcome::Full)
        } else {
            (!here).then_some(QueueOutcome::NobodySignedOn)
        };
        if let Some(outcome) = refused {
            out.push(Move::Out { caller, outcome });
            return;
        }
        queue.count += 1;
        if self.waiting.is_empty() {
            // The passes go on all the time; those that find nobody need not be carried out.
            let micros = PASS.as_micros() as u64;
            self.next_pass = Instant::from_micros(now.as_micros() / micros * micros + micros);
        }
        if let Some(known) = self.members.get_mut(caller as usize) {
            *known = Some(Member { queue: class, joined: now });
        }
        self.waiting.push(caller);
    }

    fn hang_up(&mut self, now: Instant, caller: u32, out: &mut Vec<Move>) {
        let ringing = self.agents.iter().position(|agent| agent.rings_for == Some(caller));
        self.remove(caller);
        let Some(agent) = ringing.and_then(|agent| u32::try_from(agent).ok()) else { return };
        if let Some(known) = self.agents.get_mut(agent as usize) {
            known.rings_for = None;
            known.busy = false;
            known.idle_since = now;
        }
        out.push(Move::StopRinging { agent });
    }

    fn ready(&mut self, now: Instant, agent: u32, _out: &mut Vec<Move>) {
        if let Some(agent) = self.agents.get_mut(agent as usize) {
            (agent.here, agent.on_break, agent.misses, agent.idle_since) = (true, false, 0, now);
        }
    }

    fn away(&mut self, _now: Instant, agent: u32, out: &mut Vec<Move>) {
        if self.give_back(agent).is_some() {
            out.push(Move::StopRinging { agent });
        }
        if let Some(agent) = self.agents.get_mut(agent as usize) {
            agent.on_break = true;
        }
    }

    fn sign_off(&mut self, _now: Instant, agent: u32, out: &mut Vec<Move>) {
        if self.give_back(agent).is_some() {
            out.push(Move::StopRinging { agent });
        }
        if let Some(agent) = self.agents.get_mut(agent as usize) {
            agent.here = false;
        }
    }

    fn answer(&mut self, _now: Instant, agent: u32, _out: &mut Vec<Move>) -> bool {
        let Some(known) = self.agents.get_mut(agent as usize) else { return false };
        let Some(caller) = known.rings_for.take() else { return false };
        known.misses = 0;
        self.remove(caller);
        true
    }

    fn miss(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>) {
        self.give_back(agent);
        let Some(known) = self.agents.get_mut(agent as usize) else { return };
        known.idle_since = now;
        known.misses += 1;
        if known.misses >= self.no_answers {
            known.on_break = true;
            out.push(Move::PutAway { agent });
        }
    }

    fn finish(&mut self, now: Instant, agent: u32, wrap_up: Duration, _out: &mut Vec<Move>) {
        if let Some(agent) = self.agents.get_mut(agent as usize) {
            agent.busy = false;
            agent.last_bridge = Some((seconds(now), wrap_up.as_secs()));
            agent.idle_since = now;
        }
    }

    fn next_due(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.next_pass)
    }

    fn due(&mut self, now: Instant, out: &mut Vec<Move>) {
        self.next_pass = now + PASS;
        self.pass(now, out);
    }
}
