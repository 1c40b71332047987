//! One day in virtual time: callers arrive and lose patience, agents come, answer, talk, wrap up, have breaks and go.
//! Who gets whom is the router's business alone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::callers::Caller;
use super::figures::{Figures, Work};
use super::router::{Move, Router};
use super::scene::Scene;
use crate::base::{Instant, Rng, Wall};
use crate::record::{QueueOutcome, QueueVisit};

/// After the last thing that callers and agents do by themselves. The longest wait that a plan may set is as long.
const AFTERMATH: Duration = Duration::from_secs(2 * 3600);

/// What callers and agents do by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrive {
        caller: u32,
    },
    LosePatience {
        caller: u32,
    },
    /// On duty until the end of this span of the shift.
    Come {
        agent: u32,
        until: Instant,
    },
    Pause {
        agent: u32,
    },
    Leave {
        agent: u32,
    },
    /// Back at the desk after an absence.
    Return {
        agent: u32,
    },
    Answer {
        agent: u32,
        ring: u64,
    },
    RingOut {
        agent: u32,
        ring: u64,
    },
    EndTalk {
        agent: u32,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Elsewhere,
    Waiting,
    Talking,
}

#[derive(Clone, Copy, Debug, Default)]
struct Visitor {
    stage: Stage,
    /// How many phones have rung.
    offers: u32,
}

#[derive(Clone, Debug, Default)]
struct Person {
    /// While on duty: since when, and until when.
    duty: Option<(Instant, Instant)>,
    ringing: Option<Ringing>,
    talking: Option<u32>,
    absent: bool,
    /// The router gives no callers until the agent is back.
    put_away: bool,
    /// The present offer or talk began.
    busy_since: Instant,
    work: Work,
}

#[derive(Clone, Copy, Debug)]
struct Ringing {
    caller: u32,
    ring: u64,
}

struct World<'a, R> {
    scene: &'a Scene,
    callers: &'a [Caller],
    router: R,
    now: Instant,
    agenda: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    entries: u64,
    rings: u64,
    visitors: Vec<Visitor>,
    people: Vec<Person>,
    moves: Vec<Move>,
    figures: Figures,
    rng: Rng,
}

/// Lives through the day. `rng` decides what desks do.
pub(super) fn live(scene: &Scene, callers: &[Caller], router: impl Router, rng: Rng) -> Figures {
    let mut world = World {
        scene,
        callers,
        router,
        now: Instant::ZERO,
        agenda: BinaryHeap::with_capacity(2 * callers.len()),
        entries: 0,
        rings: 0,
        visitors: vec![Visitor::default(); callers.len()],
        people: vec![Person::default(); scene.agents.len()],
        moves: Vec::new(),
        figures: Figures { ends: vec![None; callers.len()], ..Figures::new(scene) },
        rng,
    };
    world.plan_shifts();
    for (number, caller) in (0..).zip(callers) {
        world.put(caller.at, Event::Arrive { caller: number });
    }
    world.run();
    world.close()
}

impl<R: Router> World<'_, R> {
    fn put(&mut self, at: Instant, event: Event) {
        self.entries += 1;
        self.agenda.push(Reverse((at, self.entries, event)));
    }

    fn plan_shifts(&mut self) {
        for (agent, desk) in (0..).zip(&self.scene.agents) {
            let last = desk.worker.shift.last().map(|span| span.1);
            for &(from, until) in &desk.worker.shift {
                self.put(from, Event::Come { agent, until });
                let end = if Some(until) == last { Event::Leave { agent } } else { Event::Pause { agent } };
                self.put(until, end);
            }
        }
    }

    fn run(&mut self) {
        let mut end = Instant::ZERO;
        loop {
            let own = self.agenda.peek().map(|Reverse((at, ..))| *at);
            end = own.map_or(end, |at| end.max(at + AFTERMATH));
            match (own, self.router.next_due()) {
                (None, None) => return,
                (Some(at), due) if due.is_none_or(|due| at < due) => self.step(at),
                // A model that looks again and again never comes to an end of its own.
                (_, Some(due)) if due > end => return,
                (_, due) => {
                    self.now = self.now.max(due.unwrap_or(self.now));
                    self.router.due(self.now, &mut self.moves);
                }
            }
            self.carry_out();
        }
    }

    fn step(&mut self, at: Instant) {
        self.now = self.now.max(at);
        if let Some(Reverse((_, _, event))) = self.agenda.pop() {
            self.handle(event);
        }
    }

    fn handle(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Arrive { caller } => self.arrive(caller),
            Event::LosePatience { caller } => {
                if self.stage(caller) == Stage::Waiting {
                    self.router.hang_up(now, caller, &mut self.moves);
                    self.end_visit(caller, QueueOutcome::Abandoned, Duration::ZERO);
                }
            }
            Event::Come { agent, until } => {
                let Some(person) = self.people.get_mut(agent as usize) else { return };
                person.duty = Some((now, until));
                person.put_away = false;
                self.router.ready(now, agent, &mut self.moves);
            }
            Event::Pause { agent } => {
                self.router.away(now, agent, &mut self.moves);
                self.off_duty(agent);
            }
            Event::Leave { agent } => {
                self.router.sign_off(now, agent, &mut self.moves);
                self.off_duty(agent);
            }
            Event::Return { agent } => {
                let Some(person) = self.people.get_mut(agent as usize) else { return };
                person.absent = false;
                if std::mem::take(&mut person.put_away) && person.duty.is_some() {
                    self.router.ready(now, agent, &mut self.moves);
                }
            }
            Event::Answer { agent, ring } => self.answer(agent, ring),
            Event::RingOut { agent, ring } => {
                if self.stop_ringing(agent, Some(ring)).is_some() {
                    self.router.miss(now, agent, &mut self.moves);
                }
            }
            Event::EndTalk { agent } => self.end_talk(agent),
        }
    }

    fn arrive(&mut self, number: u32) {
        let Some(caller) = self.callers.get(number as usize) else { return };
        if let Some(visitor) = self.visitors.get_mut(number as usize) {
            visitor.stage = Stage::Waiting;
        }
        if caller.patience < Duration::MAX {
            self.put(self.now + caller.patience, Event::LosePatience { caller: number });
        }
        self.router.join(self.now, number, caller.class, &mut self.moves);
    }

    fn carry_out(&mut self) {
        let mut moves = std::mem::take(&mut self.moves);
        for step in moves.drain(..) {
            match step {
                Move::Ring { agent, caller } => self.ring(agent, caller),
                Move::StopRinging { agent } => {
                    self.stop_ringing(agent, None);
                }
                Move::Out { caller, outcome } => self.end_visit(caller, outcome, Duration::ZERO),
                Move::PutAway { agent } => {
                    if let Some(person) = self.people.get_mut(agent as usize) {
                        person.put_away = true;
                    }
                    // Somebody at the desk all the same, whose phone was not heard, comes back at once.
                    if self.people.get(agent as usize).is_some_and(|person| !person.absent) {
                        self.put(self.now, Event::Return { agent });
                    }
                }
            }
        }
        self.moves = moves;
    }

    fn ring(&mut self, agent: u32, caller: u32) {
        let desks = self.scene.desks;
        let absent_now = self.rng.below(1000) < u64::from(desks.absent_per_mille);
        let answers = desks.answers.draw(&mut self.rng);
        let class = self.callers.get(caller as usize).and_then(|c| self.scene.classes.get(c.class));
        let ring_time = class.map_or(Duration::ZERO, |class| class.ring);
        self.rings += 1;
        let ring = self.rings;
        let Some(person) = self.people.get_mut(agent as usize) else { return };
        person.ringing = Some(Ringing { caller, ring });
        person.busy_since = self.now;
        let leaves = absent_now && !person.absent;
        person.absent |= absent_now;
        let absent = person.absent;
        if let Some(visitor) = self.visitors.get_mut(caller as usize) {
            visitor.offers += 1;
        }
        if leaves {
            let back = self.now + desks.absent_for.draw(&mut self.rng);
            self.put(back, Event::Return { agent });
        }
        if absent || answers >= ring_time {
            self.put(self.now + ring_time, Event::RingOut { agent, ring });
        } else {
            self.put(self.now + answers, Event::Answer { agent, ring });
        }
    }

    /// Who was offered, if this very ring, or any, is going on.
    fn stop_ringing(&mut self, agent: u32, ring: Option<u64>) -> Option<u32> {
        let person = self.people.get_mut(agent as usize)?;
        let ringing = person.ringing.filter(|r| ring.is_none_or(|ring| ring == r.ring))?;
        person.ringing = None;
        person.work.busy += self.now.since(person.busy_since);
        Some(ringing.caller)
    }

    fn answer(&mut self, agent: u32, ring: u64) {
        let Some(caller) = self.stop_ringing(agent, Some(ring)) else { return };
        if !self.router.answer(self.now, agent, &mut self.moves) {
            return;
        }
        let Some(who) = self.callers.get(caller as usize) else { return };
        let talk = who.talk;
        if let Some(person) = self.people.get_mut(agent as usize) {
            person.talking = Some(caller);
            person.busy_since = self.now;
        }
        self.end_visit(caller, QueueOutcome::Served, talk);
        self.put(self.now + talk, Event::EndTalk { agent });
    }

    fn end_talk(&mut self, agent: u32) {
        let now = self.now;
        let Some(person) = self.people.get_mut(agent as usize) else { return };
        let Some(caller) = person.talking.take() else { return };
        let wrap_up = self.callers.get(caller as usize).map_or(Duration::ZERO, |caller| caller.wrap_up);
        let talked = now.since(person.busy_since);
        person.work.busy += talked;
        match person.duty {
            Some((_, until)) => person.work.busy += wrap_up.min(until.since(now)),
            // Overtime: from the end of the shift to the end of the talk, which the shift does not count.
            None => person.work.on_duty += now.since(person.work.left_at.max(person.busy_since)),
        }
        self.router.finish(now, agent, wrap_up, &mut self.moves);
    }

    fn off_duty(&mut self, agent: u32) {
        let Some(person) = self.people.get_mut(agent as usize) else { return };
        if let Some((since, _)) = person.duty.take() {
            person.work.on_duty += self.now.since(since);
            person.work.left_at = self.now;
        }
    }

    fn stage(&self, caller: u32) -> Stage {
        self.visitors.get(caller as usize).map_or(Stage::Elsewhere, |visitor| visitor.stage)
    }

    /// The wait is over, one way or the other.
    fn end_visit(&mut self, number: u32, outcome: QueueOutcome, talk: Duration) {
        let Some(caller) = self.callers.get(number as usize) else { return };
        let Some(visitor) = self.visitors.get_mut(number as usize) else { return };
        if visitor.stage != Stage::Waiting {
            return;
        }
        let waited = self.now.since(caller.at);
        if let Some(end) = self.figures.ends.get_mut(number as usize) {
            *end = Some((outcome, waited));
        }
        visitor.stage = if outcome == QueueOutcome::Served { Stage::Talking } else { Stage::Elsewhere };
        let target = self.scene.classes.get(caller.class).map_or(Duration::ZERO, |class| class.target);
        self.figures.add(
            caller.class,
            &QueueVisit {
                name: String::new(),
                entered: Wall::default(),
                waited_ms: whole_ms(waited),
                offers: visitor.offers,
                outcome,
                agent: None,
                talked_ms: whole_ms(talk),
                target_ms: whole_ms(target),
            },
        );
    }

    /// Who waits for ever, beside nobody, is counted as sent away at the end of the day.
    fn close(mut self) -> Figures {
        for caller in (0..).take(self.callers.len()) {
            if self.stage(caller) == Stage::Waiting {
                self.end_visit(caller, QueueOutcome::Closed, Duration::ZERO);
            }
        }
        self.figures.work = self.people.into_iter().map(|person| person.work).collect();
        self.figures
    }
}

fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
