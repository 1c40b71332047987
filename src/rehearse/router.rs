//! Who decides which agent gets which caller: the queue core, or the model of another product.

use std::time::Duration;

use super::scene::Scene;
use crate::base::{AgentId, Instant};
use crate::queue::{
    AgentState, Away, CallerId, Core, Event, Join, JoinError, LeaveWhy, OfferId, Refusal, Requirement,
};
use crate::record::QueueOutcome;

/// Told what happens, it says what is to be done; agents and callers by their numbers in the scene and the day.
pub(super) trait Router {
    fn join(&mut self, now: Instant, caller: u32, class: usize, out: &mut Vec<Move>);
    /// The caller has hung up, waiting or while a phone rang.
    fn hang_up(&mut self, now: Instant, caller: u32, out: &mut Vec<Move>);
    /// Comes on duty, or back to the desk.
    fn ready(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>);
    /// A break.
    fn away(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>);
    fn sign_off(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>);
    /// The agent whose phone rings has answered. `false`: there is no such offer.
    fn answer(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>) -> bool;
    /// The phone has rung for the whole ring time.
    fn miss(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>);
    /// The talk is over.
    fn finish(&mut self, now: Instant, agent: u32, wrap_up: Duration, out: &mut Vec<Move>);
    /// When to call [`Router::due`] at the latest.
    fn next_due(&self) -> Option<Instant>;
    fn due(&mut self, now: Instant, out: &mut Vec<Move>);
}

/// What a router wants to happen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Move {
    Ring {
        agent: u32,
        caller: u32,
    },
    StopRinging {
        agent: u32,
    },
    /// Waits no longer, or never did.
    Out {
        caller: u32,
        outcome: QueueOutcome,
    },
    /// Took no calls, and gets none until back.
    PutAway {
        agent: u32,
    },
}

/// The real queue core.
pub(super) struct House {
    core: Core,
    /// By agent.
    offers: Vec<Option<OfferId>>,
    /// By caller.
    callers: Vec<Option<CallerId>>,
    /// By class.
    joins: Vec<Join>,
    events: Vec<Event>,
}

impl House {
    pub fn new(scene: &Scene, callers: usize) -> Self {
        let joins = scene.classes.iter().map(|class| Join {
            extra: class.needs.iter().map(|n| Requirement { skill: n.skill, level: n.level }).collect(),
            ..Join::new(class.queue.id, Instant::ZERO, 0)
        });
        House {
            core: Core::new(Instant::ZERO, &scene.topology),
            offers: vec![None; scene.agents.len()],
            callers: vec![None; callers],
            joins: joins.collect(),
            events: Vec::new(),
        }
    }

    fn pass_on(&mut self, out: &mut Vec<Move>) {
        for event in self.events.drain(..) {
            match event {
                Event::Offered { offer, tag, agent, .. } => {
                    if let Some(known) = self.offers.get_mut(agent.0 as usize) {
                        *known = Some(offer);
                    }
                    out.push(Move::Ring { agent: agent.0, caller: tag as u32 });
                }
                Event::OfferWithdrawn { offer, .. } => out.push(Move::StopRinging { agent: offer.agent().0 }),
                Event::Left { tag, why: LeaveWhy::MaxWait, .. } => {
                    out.push(Move::Out { caller: tag as u32, outcome: QueueOutcome::MaxWait });
                }
                Event::AgentState { agent, state: AgentState::Away(Away::NoAnswer) } => {
                    out.push(Move::PutAway { agent: agent.0 });
                }
                _ => {}
            }
        }
    }

    fn take_offer(&mut self, agent: u32) -> Option<OfferId> {
        self.offers.get_mut(agent as usize)?.take()
    }
}

impl Router for House {
    fn join(&mut self, now: Instant, caller: u32, class: usize, out: &mut Vec<Move>) {
        let Some(join) = self.joins.get(class) else { return };
        let join = Join { arrived: now, tag: u64::from(caller), ..join.clone() };
        let joined = self.core.join(now, join, &mut self.events);
        if let (Ok(id), Some(known)) = (joined, self.callers.get_mut(caller as usize)) {
            *known = Some(id);
        }
        self.pass_on(out);
        if let Err(error) = joined {
            let outcome = match error {
                JoinError::Full => QueueOutcome::Full,
                JoinError::NoAgentsLoggedIn => QueueOutcome::NobodySignedOn,
                JoinError::Closed | JoinError::NoSuchQueue => QueueOutcome::Closed,
            };
            out.push(Move::Out { caller, outcome });
        }
    }

    fn hang_up(&mut self, now: Instant, caller: u32, out: &mut Vec<Move>) {
        if let Some(id) = self.callers.get(caller as usize).copied().flatten() {
            self.core.leave(now, id, LeaveWhy::Abandoned, &mut self.events);
        }
        self.pass_on(out);
    }

    fn ready(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>) {
        self.core.agent_login(now, AgentId(agent), &mut self.events);
        self.core.agent_ready(now, AgentId(agent), &mut self.events);
        self.pass_on(out);
    }

    fn away(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>) {
        self.core.agent_away(now, AgentId(agent), Away::Break, &mut self.events);
        self.pass_on(out);
    }

    fn sign_off(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>) {
        self.core.agent_logout(now, AgentId(agent), &mut self.events);
        self.pass_on(out);
    }

    fn answer(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>) -> bool {
        let Some(offer) = self.take_offer(agent) else { return false };
        let accepted = self.core.offer_accepted(now, offer, &mut self.events).is_ok();
        self.pass_on(out);
        accepted
    }

    fn miss(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>) {
        if let Some(offer) = self.take_offer(agent) {
            self.core.offer_refused(now, offer, Refusal::RingTimeout, &mut self.events);
        }
        self.pass_on(out);
    }

    fn finish(&mut self, now: Instant, agent: u32, wrap_up: Duration, out: &mut Vec<Move>) {
        self.core.call_ended(now, AgentId(agent), Some(wrap_up), &mut self.events);
        self.pass_on(out);
    }

    fn next_due(&self) -> Option<Instant> {
        self.core.next_deadline().map(|(at, _)| at)
    }

    fn due(&mut self, now: Instant, out: &mut Vec<Move>) {
        self.core.tick(now, &mut self.events);
        self.pass_on(out);
    }
}
