//! Asterisk's `app_queue`: a thread for each caller looks once a second whether it is its turn.
//!
//! ```text
//!              not its turn: 1 s              rings
//!   join ──► look ◄──────┐        ┌──────► the member ──► answers
//!              │  └──────┘        │             │
//!              └── its turn ──► a member? ◄─────┘ in vain: paused, the caller waits `retry`
//!                                 └── none that may ring: `retry`
//! ```
//!
//! Its turn it is when fewer callers of its queue stand before it than members are available, whatever penalty or
//! weight keeps these from ringing. Whoever may be rung must not be wanted by a queue of more weight that has as many
//! callers as available members.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::router::{Move, Router};
use super::super::scene::Scene;
use super::{Membership, Peer, memberships, seconds};
use crate::base::Instant;
use crate::record::QueueOutcome;

/// `RECHECK`.
const RECHECK: Duration = Duration::from_secs(1);

pub(in crate::rehearse) struct AppQueue {
    queues: Vec<Queue>,
    members: Vec<Member>,
    /// By their numbers.
    callers: Vec<Option<Channel>>,
    /// When each looks next.
    looks: BTreeSet<(Instant, u32)>,
    retry: Duration,
}

struct Queue {
    /// In the order of joining; who is being connected included.
    waiting: Vec<u32>,
    /// By member.
    members: Vec<Option<Membership>>,
    weight: u64,
    capacity: Option<u32>,
    max_wait: Option<Duration>,
}

#[derive(Clone, Copy, Default)]
struct Member {
    here: bool,
    paused: bool,
    busy: bool,
    /// Whom it rings for.
    rings_for: Option<u32>,
    /// Second of the last call's end, and how long the wrap-up is.
    last_call: Option<(u64, u64)>,
}

#[derive(Clone, Copy)]
struct Channel {
    queue: usize,
    joined: Instant,
    looks_at: Instant,
    rings: Option<u32>,
}

impl AppQueue {
    pub fn new(peer: Peer, scene: &Scene, callers: usize) -> Self {
        let mut members = memberships(scene);
        let dearest = scene.classes.iter().map(|class| class.queue.value).max().unwrap_or(0);
        if peer == Peer::AppQueueApart {
            let dear = scene.classes.iter().filter(|class| class.queue.value == dearest);
            let theirs: BTreeSet<usize> = dear.flat_map(|class| scene.able(class)).collect();
            for (_, members) in
                scene.classes.iter().zip(&mut members).filter(|(c, _)| c.queue.value < dearest)
            {
                let members = members.iter_mut().enumerate();
                members.filter(|(agent, _)| theirs.contains(agent)).for_each(|(_, member)| *member = None);
            }
        }
        let tuned = peer != Peer::AppQueueDefaults;
        if !tuned {
            members.iter_mut().flatten().flatten().for_each(|member| member.penalty = 0);
        }
        let queues = scene.classes.iter().zip(members).map(|(class, members)| Queue {
            waiting: Vec::new(),
            members,
            weight: if tuned { class.queue.credit.as_secs() } else { 0 },
            capacity: class.queue.capacity,
            max_wait: class.queue.max_wait,
        });
        AppQueue {
            queues: queues.collect(),
            members: vec![Member::default(); scene.agents.len()],
            callers: vec![None; callers],
            looks: BTreeSet::new(),
            retry: Duration::from_secs(if tuned { 1 } else { 5 }),
        }
    }

    /// `num_available_members`: everybody who is free, whatever the penalty. Whom the rules open to callers who have
    /// waited longer only is not counted, as if it were a member of a second queue that they are sent on to: counting
    /// them, as the product does, would hold up other queues' callers for nothing.
    fn available(&self, queue: &Queue, waited: Duration, second: u64) -> usize {
        let members = queue.members.iter().zip(&self.members);
        let free = members.filter(|(own, member)| {
            own.is_some_and(|own| own.after <= waited) && member.is_available(second)
        });
        free.count()
    }

    /// `is_our_turn`.
    fn is_its_turn(&self, caller: u32, queue: &Queue, now: Instant) -> bool {
        let rings = |other: &&u32| self.channel(**other).is_some_and(|channel| channel.rings.is_some());
        let before = queue.waiting.iter().take_while(|other| **other != caller).filter(|other| !rings(other));
        before.count() < self.available(queue, self.waited(caller, now), seconds(now))
    }

    /// `compare_weight`.
    fn is_wanted_more(&self, member: usize, weight: u64, now: Instant) -> bool {
        self.queues.iter().filter(|other| other.weight > weight).any(|other| {
            let Some(first) = other.waiting.first() else { return false };
            let waited = self.waited(*first, now);
            let own = other.members.get(member).copied().flatten();
            own.is_some_and(|own| own.after <= waited)
                && other.waiting.len() >= self.available(other, waited, seconds(now))
        })
    }

    /// In whole seconds.
    fn waited(&self, caller: u32, now: Instant) -> Duration {
        let joined = self.channel(caller).map_or(now, |channel| channel.joined);
        Duration::from_secs(now.since(joined).as_secs())
    }

    /// `try_calling`: of the least penalty the one who had a call least recently.
    fn member_for(&self, caller: u32, queue: &Queue, now: Instant) -> Option<u32> {
        let second = seconds(now);
        let waited = self.waited(caller, now);
        let members = (0u32..).zip(queue.members.iter().zip(&self.members));
        let open = members.filter_map(|(number, (own, member))| {
            let own = own.filter(|own| own.after <= waited && member.is_available(second))?;
            Some((own.penalty, member.last_call.map(|(end, _)| end), number))
        });
        let mut open: Vec<_> = open.collect();
        open.sort_unstable();
        let mut order = open.into_iter().map(|(.., number)| number);
        order.find(|number| !self.is_wanted_more(*number as usize, queue.weight, now))
    }

    fn channel(&self, caller: u32) -> Option<Channel> {
        self.callers.get(caller as usize).copied().flatten()
    }

    fn look_at(&mut self, caller: u32, at: Instant) {
        if let Some(channel) = self.callers.get_mut(caller as usize).and_then(Option::as_mut) {
            self.looks.remove(&(channel.looks_at, caller));
            channel.looks_at = at;
            self.looks.insert((at, caller));
        }
    }

    fn look(&mut self, now: Instant, caller: u32, out: &mut Vec<Move>) {
        let Some(channel) = self.channel(caller) else { return };
        self.looks.remove(&(channel.looks_at, caller));
        let Some(queue) = self.queues.get(channel.queue) else { return };
        if queue.max_wait.is_some_and(|most| now.since(channel.joined) >= most) {
            self.remove(caller);
            out.push(Move::Out { caller, outcome: QueueOutcome::MaxWait });
            return;
        }
        if !self.is_its_turn(caller, queue, now) {
            self.look_at(caller, now + RECHECK);
            return;
        }
        let Some(agent) = self.member_for(caller, queue, now) else {
            self.look_at(caller, now + self.retry);
            return;
        };
        if let Some(channel) = self.callers.get_mut(caller as usize).and_then(Option::as_mut) {
            channel.rings = Some(agent);
        }
        if let Some(member) = self.members.get_mut(agent as usize) {
            member.busy = true;
            member.rings_for = Some(caller);
        }
        out.push(Move::Ring { agent, caller });
    }

    fn remove(&mut self, caller: u32) -> Option<Channel> {
        let channel = self.callers.get_mut(caller as usize)?.take()?;
        self.looks.remove(&(channel.looks_at, caller));
        self.queues.get_mut(channel.queue)?.waiting.retain(|other| *other != caller);
        Some(channel)
    }

    /// The ring for it is over: the caller looks again after `retry`.
    fn give_back(&mut self, now: Instant, agent: u32) {
        let Some(member) = self.members.get_mut(agent as usize) else { return };
        member.busy = false;
        let Some(caller) = member.rings_for.take() else { return };
        if let Some(channel) = self.callers.get_mut(caller as usize).and_then(Option::as_mut) {
            channel.rings = None;
        }
        self.look_at(caller, now + self.retry);
    }

    fn withdraw(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>) {
        if self.members.get(agent as usize).is_some_and(|member| member.rings_for.is_some()) {
            self.give_back(now, agent);
            out.push(Move::StopRinging { agent });
        }
    }
}

impl Member {
    fn is_available(&self, second: u64) -> bool {
        let wraps_up = self.last_call.is_some_and(|(end, wrap_up)| second.saturating_sub(wrap_up) < end);
        self.here && !self.paused && !self.busy && !wraps_up
    }
}

impl Router for AppQueue {
    fn join(&mut self, now: Instant, caller: u32, class: usize, out: &mut Vec<Move>) {
        let Some(queue) = self.queues.get_mut(class) else { return };
        let refused = if queue.capacity.is_some_and(|most| queue.waiting.len() >= most as usize) {
            Some(QueueOutcome::Full)
        } else {
            let here =
                queue.members.iter().zip(&self.members).any(|(own, member)| own.is_some() && member.here);
            (!here).then_some(QueueOutcome::NobodySignedOn)
        };
        if let Some(outcome) = refused {
            out.push(Move::Out { caller, outcome });
            return;
        }
        queue.waiting.push(caller);
        if let Some(known) = self.callers.get_mut(caller as usize) {
            *known = Some(Channel { queue: class, joined: now, looks_at: now, rings: None });
        }
        self.look(now, caller, out);
    }

    fn hang_up(&mut self, _now: Instant, caller: u32, out: &mut Vec<Move>) {
        let Some(agent) = self.remove(caller).and_then(|channel| channel.rings) else { return };
        if let Some(member) = self.members.get_mut(agent as usize) {
            member.busy = false;
            member.rings_for = None;
        }
        out.push(Move::StopRinging { agent });
    }

    fn ready(&mut self, _now: Instant, agent: u32, _out: &mut Vec<Move>) {
        if let Some(member) = self.members.get_mut(agent as usize) {
            member.here = true;
            member.paused = false;
        }
    }

    fn away(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>) {
        self.withdraw(now, agent, out);
        if let Some(member) = self.members.get_mut(agent as usize) {
            member.paused = true;
        }
    }

    fn sign_off(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>) {
        self.withdraw(now, agent, out);
        if let Some(member) = self.members.get_mut(agent as usize) {
            member.here = false;
        }
    }

    fn answer(&mut self, _now: Instant, agent: u32, _out: &mut Vec<Move>) -> bool {
        let Some(caller) = self.members.get_mut(agent as usize).and_then(|member| member.rings_for.take())
        else {
            return false;
        };
        self.remove(caller).is_some()
    }

    fn miss(&mut self, now: Instant, agent: u32, out: &mut Vec<Move>) {
        self.give_back(now, agent);
        if let Some(member) = self.members.get_mut(agent as usize) {
            member.paused = true;
        }
        out.push(Move::PutAway { agent });
    }

    fn finish(&mut self, now: Instant, agent: u32, wrap_up: Duration, _out: &mut Vec<Move>) {
        if let Some(member) = self.members.get_mut(agent as usize) {
            member.busy = false;
            member.last_call = Some((seconds(now), wrap_up.as_secs()));
        }
    }

    fn next_due(&self) -> Option<Instant> {
        self.looks.first().map(|(at, _)| *at)
    }

    fn due(&mut self, now: Instant, out: &mut Vec<Move>) {
        while let Some(&(at, caller)) = self.looks.first() {
            if at > now {
                break;
            }
            self.look(now, caller, out);
        }
    }
}
