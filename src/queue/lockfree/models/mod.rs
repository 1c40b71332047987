//! The claims under every order in which two or three threads can see each other's steps. The words and all that
//! moves them are the real ones; the lists are small arrays, and there is one lane and one group. [`rules`] adds what
//! else decides who may have whom: the reserve, time, owners, and a new topology.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --lib --no-default-features lockfree::models`

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use super::claims::{
    Found, Hall, accept, begin_change, end_change, end_offer, look, publish_agent, publish_caller,
    serve_agent, serve_caller, standing_offer, take_back,
};
use super::sync::{self, MUTANT, Mutant, mutant};
use super::word::{AgentStep, AgentWord, CallerState, CallerWord, Then, later};

macro_rules! models {
    ($($name:ident: $bound:expr, [$($before:expr),*] then [$($thread:expr),+];)+) => {
        $(#[test]
        fn $name() {
            model($bound, &[$($before),*], &[$($thread),+]);
        })+
    };
}

mod holds;
mod rules;

const CALLERS: usize = 3;
const AGENTS: usize = 2;
/// The topology and its successor.
const FLOORS: usize = 2;
const AWAY: AgentStep = AgentStep::Away(1);

/// What all threads share.
struct Shared {
    callers: [AtomicU64; CALLERS],
    agents: [AtomicU64; AGENTS],
    /// The epoch, plus one, of the entry of each caller and agent. Written by read-modify-write only: loom lets a
    /// plain load see more than the machine's memory allows.
    lines: [[AtomicU64; CALLERS]; FLOORS],
    idle: [[AtomicU64; AGENTS]; FLOORS],
    /// The same of the callers whom agent 0 has on hold.
    held: [AtomicU64; CALLERS],
    rules: rules::Rules,
    /// Agent 0 was told to be away, and by nobody to be ready after that.
    away: std::sync::atomic::AtomicBool,
    /// Caller 0 was let go.
    left: std::sync::atomic::AtomicBool,
}

/// One thread's view: number 0 comes first among callers and agents.
struct Thread {
    shared: Arc<Shared>,
    again: Vec<u32>,
    /// The one that this operation began on.
    floor: usize,
    /// This operation has made the pool exceed its reserve.
    exceeded: bool,
}

impl Thread {
    fn new(shared: &Arc<Shared>) -> Self {
        Thread { shared: shared.clone(), again: Vec::new(), floor: 0, exceeded: false }
    }

    fn work(&mut self) {
        while let Some(agent) = self.again.pop() {
            self.match_agent(agent);
        }
    }

    fn line(&self, caller: u32) -> &AtomicU64 {
        &self.shared.lines[self.floor][caller as usize]
    }

    fn idle(&self, agent: u32) -> &AtomicU64 {
        &self.shared.idle[self.floor][agent as usize]
    }

    fn caller_word(&self, caller: u32) -> CallerWord {
        CallerWord::load(self.caller(caller))
    }

    fn agent_word(&self, agent: u32) -> AgentWord {
        AgentWord::load(self.agent(agent))
    }

    fn entry(list: &AtomicU64) -> u64 {
        list.load(Ordering::Acquire)
    }

    fn enter(list: &AtomicU64, epoch: u32) {
        list.fetch_max(u64::from(epoch) + 1, Ordering::AcqRel);
    }

    /// Whether it was there.
    fn remove(list: &AtomicU64, epoch: u32) -> bool {
        list.compare_exchange(u64::from(epoch) + 1, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    // -- the operations, as the core puts them together --

    fn join(&mut self, caller: u32) {
        let free = self.caller_word(caller);
        let word = free.next(CallerState::Waiting { owner: None });
        assert!(free.swap(self.caller(caller), word));
        publish_caller(self, caller, word, ());
        serve_caller(self, caller);
        self.work();
    }

    fn ready(&mut self, agent: u32) {
        let word = self.agent_word(agent);
        if !matches!(word.state, AgentStep::Away(_)) {
            return;
        }
        let idle = word.next(AgentStep::Idle { place: u64::from(agent) });
        if idle_swap(self, agent, word, idle) {
            self.match_agent(agent);
        }
        self.work();
    }

    fn abandon(&mut self, caller: u32) {
        loop {
            let word = self.caller_word(caller);
            match word.state {
                CallerState::Waiting { .. } => {
                    if word.swap(self.caller(caller), word.next(CallerState::Free)) {
                        self.unlist_caller(caller, word);
                        break;
                    }
                }
                CallerState::Parked => {
                    if word.swap(self.caller(caller), word.next(CallerState::Free)) {
                        break;
                    }
                }
                CallerState::Changing { then } if then != Then::Leaves => {
                    let leaves = CallerState::Changing { then: Then::Leaves };
                    if word.swap(self.caller(caller), word.next(leaves)) {
                        self.shared.left.store(true, std::sync::atomic::Ordering::Relaxed);
                        break;
                    }
                }
                CallerState::Offered { agent, .. } => {
                    if end_offer(self, caller, word, CallerState::Free) {
                        let idle = self.further(agent);
                        let back = take_back(self, agent, caller, later(word.epoch, u32::MAX), idle);
                        if let Some(offer) = back {
                            publish_agent(self, agent, offer.next(idle));
                            self.match_agent(agent);
                        }
                        break;
                    }
                }
                _ => break,
            }
        }
        self.work();
    }

    fn offer_of(&self, agent: u32) -> Option<u32> {
        let word = self.agent_word(agent);
        matches!(word.state, AgentStep::Tentative { .. } | AgentStep::Offered { .. }).then_some(word.epoch)
    }

    fn accept(&mut self, agent: u32) {
        if let Some(offer) = self.offer_of(agent)
            && let Some((offer, caller, theirs)) = standing_offer(self, agent, offer)
        {
            accept(self, agent, offer, caller, theirs);
        }
        self.work();
    }

    fn refuse(&mut self, agent: u32) {
        if let Some(offer) = self.offer_of(agent)
            && let Some((_, caller, theirs)) = standing_offer(self, agent, offer)
        {
            self.give_back(agent, caller, theirs);
        }
        self.work();
    }

    fn give_back(&mut self, agent: u32, caller: u32, theirs: CallerWord) -> bool {
        let waiting = CallerState::Waiting { owner: None };
        if !end_offer(self, caller, theirs, waiting) {
            return false;
        }
        publish_caller(self, caller, theirs.next(waiting), ());
        let next = self.stopped(agent);
        take_back(self, agent, caller, later(theirs.epoch, u32::MAX), next);
        if next.holds() {
            self.settle_talks(agent);
        }
        serve_caller(self, caller);
        true
    }

    /// Away, or, with callers on hold, after these. Who refuses goes the same way here.
    fn stopped(&self, agent: u32) -> AgentStep {
        match self.held_by(agent, None) {
            0 => AWAY,
            _ => AgentStep::Holding { wish: 1 },
        }
    }

    fn away(&mut self, agent: u32) {
        self.shared.away.store(true, std::sync::atomic::Ordering::Relaxed);
        loop {
            match look(self, agent) {
                Found::Settled(word) => match word.state {
                    AgentStep::Talking { caller, .. } => {
                        let wish = word.next(AgentStep::Talking { caller, wish: 1 });
                        if word.swap(self.agent(agent), wish) {
                            break;
                        }
                    }
                    AgentStep::Away(_) => break,
                    state if state.holds() => {
                        if word.swap(self.agent(agent), word.next(AgentStep::Holding { wish: 1 })) {
                            self.unlist_agent(agent, word);
                            self.settle_talks(agent);
                            break;
                        }
                    }
                    _ => {
                        if word.swap(self.agent(agent), word.next(AWAY)) {
                            self.unlist_agent(agent, word);
                            break;
                        }
                    }
                },
                Found::Ringing { caller, theirs, .. } => {
                    if self.give_back(agent, caller, theirs) {
                        break;
                    }
                }
                Found::Ended(word) => {
                    let next = self.stopped(agent);
                    if mutant!(AwayLeavesOffered) || word.swap(self.agent(agent), word.next(next)) {
                        if next.holds() {
                            self.settle_talks(agent);
                        }
                        break;
                    }
                }
            }
        }
        self.skip_owner(agent);
        self.work();
    }

    /// What the caller asks for becomes something else; here the other lane is the same one.
    fn change(&mut self, caller: u32) {
        let word = self.caller_word(caller);
        if begin_change(self, caller, word) {
            self.unlist_caller(caller, word);
            let next = end_change(self, caller, None);
            if matches!(next.state, CallerState::Waiting { .. }) {
                publish_caller(self, caller, next, ());
                serve_caller(self, caller);
            }
        }
        self.work();
    }

    fn park(&mut self, caller: u32) {
        loop {
            let word = self.caller_word(caller);
            match word.state {
                CallerState::Waiting { .. } => {
                    if word.swap(self.caller(caller), word.next(CallerState::Parked)) {
                        self.unlist_caller(caller, word);
                        break;
                    }
                }
                CallerState::Changing { then: Then::Waits } => {
                    let parks = CallerState::Changing { then: Then::Parks };
                    if word.swap(self.caller(caller), word.next(parks)) {
                        break;
                    }
                }
                CallerState::Offered { agent, .. } => {
                    if end_offer(self, caller, word, CallerState::Parked) {
                        let idle = self.further(agent);
                        let back = take_back(self, agent, caller, later(word.epoch, u32::MAX), idle);
                        if let Some(offer) = back {
                            publish_agent(self, agent, offer.next(idle));
                            self.match_agent(agent);
                        }
                        break;
                    }
                }
                _ => break,
            }
        }
        self.work();
    }

    fn resume(&mut self, caller: u32) {
        let word = self.caller_word(caller);
        let next = word.next(CallerState::Waiting { owner: None });
        if word.state == CallerState::Parked && word.swap(self.caller(caller), next) {
            publish_caller(self, caller, next, ());
            serve_caller(self, caller);
        }
        self.work();
    }

    fn end_call(&mut self, agent: u32) {
        if let Found::Settled(word) = look(self, agent)
            && let AgentStep::Talking { caller: Some(caller), .. } = word.state
        {
            let theirs = self.caller_word(caller);
            if word.swap(self.agent(agent), word.next(AWAY)) {
                theirs.swap(self.caller(caller), theirs.next(CallerState::Free));
            }
        }
        self.work();
    }

    /// S1 to S4, when all threads have ended.
    fn check(&self) {
        for caller in 0..CALLERS as u32 {
            let word = self.caller_word(caller);
            match word.state {
                CallerState::Offered { agent, .. } => {
                    let epoch = later(word.epoch, u32::MAX);
                    assert_eq!(self.agent_word(agent).state, AgentStep::Offered { caller, epoch }, "S3");
                }
                CallerState::Connected { agent } => {
                    let with = match self.agent_word(agent).state {
                        AgentStep::Talking { caller, .. } => caller,
                        _ => None,
                    };
                    let held = self.is_held(caller, agent);
                    assert!(
                        held || with == Some(caller),
                        "S3: connected beside {:?}",
                        self.agent_word(agent)
                    );
                }
                CallerState::Waiting { .. } => {
                    self.assert_listed(caller, word);
                    assert!(!self.waits_in_vain(caller), "caller {caller} waits for an owner who is away");
                    for agent in 0..AGENTS as u32 {
                        let idle = matches!(self.agent_word(agent).state, AgentStep::Idle { .. });
                        assert!(
                            !idle || !self.may_have(caller, agent),
                            "S4: caller {caller} waits beside agent {agent}, who is idle"
                        );
                    }
                }
                CallerState::Free | CallerState::Parked => {}
                CallerState::Changing { .. } => panic!("caller {caller} was left in the middle of a change"),
            }
        }
        if self.shared.left.load(std::sync::atomic::Ordering::Relaxed) {
            assert_eq!(self.caller_word(0).state, CallerState::Free, "a caller left and is here");
        }
        if self.shared.away.load(std::sync::atomic::Ordering::Relaxed) {
            let state = self.agent_word(0).state;
            let heard = matches!(state, AgentStep::Away(_)) || state.wish() == 1;
            assert!(heard, "agent 0 was to be away and is {state:?}");
        }
        self.check_holds();
        for agent in 0..AGENTS as u32 {
            match self.agent_word(agent).state {
                AgentStep::Tentative { .. } => panic!("agent {agent} was left in the middle"),
                AgentStep::Offered { caller, .. } => {
                    let state = self.caller_word(caller).state;
                    assert!(
                        matches!(state, CallerState::Offered { agent: to, .. } if to == agent),
                        "S2: {state:?}"
                    );
                }
                AgentStep::Talking { caller: Some(caller), .. } => {
                    assert_eq!(self.caller_word(caller).state, CallerState::Connected { agent }, "S2");
                }
                _ => {}
            }
        }
    }
}

fn idle_swap(thread: &mut Thread, agent: u32, word: AgentWord, idle: AgentWord) -> bool {
    let ours = word.swap(thread.agent(agent), idle);
    if ours {
        publish_agent(thread, agent, idle);
    }
    ours
}

impl Hall for Thread {
    type Facts = ();

    fn caller(&self, caller: u32) -> &AtomicU64 {
        &self.shared.callers[caller as usize]
    }

    fn agent(&self, agent: u32) -> &AtomicU64 {
        &self.shared.agents[agent as usize]
    }

    fn facts(&self, _: u32) {}

    fn place(&self, agent: u32) -> u64 {
        match self.further(agent) {
            AgentStep::Idle { place } => place,
            _ => u64::from(agent),
        }
    }

    fn held(&self, agent: u32, but: Option<u32>) -> usize {
        self.held_by(agent, but)
    }

    fn list_held(&mut self, _: u32, caller: u32, epoch: u32) {
        Thread::enter(&self.shared.held[caller as usize], epoch);
    }

    fn remember_place(&mut self, _: u32, _: u64) {}

    fn list_caller(&mut self, caller: u32, word: CallerWord, (): ()) {
        Thread::enter(self.line(caller), word.epoch);
    }

    fn list_agent(&mut self, agent: u32, word: AgentWord) {
        self.count_idle(agent, word);
    }

    fn unlist_agent(&mut self, agent: u32, word: AgentWord) {
        self.uncount_idle(agent, word);
    }

    fn confirm_caller(&mut self, caller: u32, word: CallerWord, (): ()) {
        self.settle_caller(caller, word);
    }

    fn confirm_agent(&mut self, agent: u32, word: AgentWord) {
        self.settle_agent(agent, word);
        self.confirm_hold(agent, word);
    }

    fn first_caller(&mut self, agent: u32) -> Option<(u32, u32)> {
        (0..CALLERS as u32).find_map(|caller| {
            let list = self.line(caller);
            let epoch = (Thread::entry(list) as u32).checked_sub(1)?;
            let word = self.caller_word(caller);
            let waits = matches!(word.state, CallerState::Waiting { .. }) && word.epoch == epoch;
            if !waits {
                Thread::remove(list, epoch);
            }
            (waits && self.serves(agent) && self.in_reach() && is_for(word, agent)).then_some((caller, epoch))
        })
    }

    fn first_agent(&mut self, _: u32, caller: CallerWord) -> Option<u32> {
        if !self.in_reach() {
            return None;
        }
        (0..AGENTS as u32).filter(|agent| self.serves(*agent) && is_for(caller, *agent)).find(|&agent| {
            let list = self.idle(agent);
            let Some(epoch) = (Thread::entry(list) as u32).checked_sub(1) else { return false };
            let word = self.agent_word(agent);
            let alive = match word.state {
                AgentStep::Idle { .. } => word.epoch == epoch,
                AgentStep::Tentative { .. } => word.epoch == later(epoch, 1),
                _ => false,
            };
            if !alive && Thread::remove(list, epoch) {
                self.one_less_idle();
            }
            alive
        })
    }

    fn taken(&mut self, caller: u32, word: CallerWord, (): ()) {
        self.unlist_caller(caller, word);
    }

    fn offered(&mut self, _: u32, _: AgentWord, (): ()) {}

    fn search_later(&mut self, agent: u32) {
        self.again.push(agent);
    }
}

/// Who waits for an owner alone is for nobody else.
fn is_for(caller: CallerWord, agent: u32) -> bool {
    !matches!(caller.state, CallerState::Waiting { owner: Some(owner) } if owner != agent)
}

type Operation = fn(&mut Thread);

/// Everybody away or gone; then `before`, one after the other; then the rest at the same time.
fn model(bound: Option<usize>, before: &'static [Operation], threads: &'static [Operation]) {
    model_by(rules::Limits::default(), bound, before, threads);
}

fn model_by(
    limits: rules::Limits,
    bound: Option<usize>,
    before: &'static [Operation],
    threads: &'static [Operation],
) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = bound;
    builder.check(move || {
        let word = || AtomicU64::new(0);
        let shared = Arc::new(Shared {
            callers: [word(), word(), word()],
            agents: [word(), word()],
            lines: [[word(), word(), word()], [word(), word(), word()]],
            idle: [[word(), word()], [word(), word()]],
            held: [word(), word(), word()],
            rules: rules::Rules::new(limits),
            away: std::sync::atomic::AtomicBool::new(false),
            left: std::sync::atomic::AtomicBool::new(false),
        });
        let mut main = Thread::new(&shared);
        for agent in 0..AGENTS as u32 {
            let off = main.agent_word(agent);
            assert!(off.swap(main.agent(agent), off.next(AWAY)));
        }
        for operation in before {
            operation(&mut main);
        }
        let others: Vec<_> = threads[1..]
            .iter()
            .map(|operation| {
                let mut thread = Thread::new(&shared);
                thread::spawn(move || operation(&mut thread))
            })
            .collect();
        threads[0](&mut main);
        for other in others {
            other.join().expect("a thread ends");
        }
        main.check();
    });
}

const JOIN: Operation = |t| t.join(0);
const JOIN_TOO: Operation = |t| t.join(1);
const READY: Operation = |t| t.ready(0);
const READY_TOO: Operation = |t| t.ready(1);
const AWAY_NOW: Operation = |t| t.away(0);
const ABANDON: Operation = |t| t.abandon(0);
const ACCEPT: Operation = |t| t.accept(0);
const REFUSE: Operation = |t| t.refuse(0);
const END: Operation = |t| t.end_call(0);
const CHANGE: Operation = |t| t.change(0);
const PARK: Operation = |t| t.park(0);
const RESUME: Operation = |t| t.resume(0);

// Without a bound: every order there is.
models! {
    join_and_ready: None, [] then [JOIN, READY];
    away_and_join: None, [READY] then [AWAY_NOW, JOIN];
    abandon_and_ready: None, [JOIN] then [ABANDON, READY];
    accept_and_abandon: None, [READY, JOIN] then [ACCEPT, ABANDON];
    accept_and_refuse: None, [READY, JOIN] then [ACCEPT, REFUSE];
    accept_and_away: None, [READY, JOIN] then [ACCEPT, AWAY_NOW];
    refuse_and_away: None, [READY, JOIN] then [REFUSE, AWAY_NOW];
    abandon_and_away: None, [READY, JOIN] then [ABANDON, AWAY_NOW];
    end_and_accept: None, [READY, JOIN] then [ACCEPT, END];
    refuse_and_ready: None, [READY, JOIN] then [REFUSE, READY_TOO];
}

// With at most so many forced changes of thread.
models! {
    change_and_ready: Some(3), [JOIN] then [CHANGE, READY];
    change_and_abandon: None, [JOIN] then [CHANGE, ABANDON];
    change_and_park: None, [JOIN] then [CHANGE, PARK];
    park_and_ready: None, [JOIN] then [PARK, READY];
    park_and_accept: None, [READY, JOIN] then [PARK, ACCEPT];
    park_and_away: None, [READY, JOIN] then [PARK, AWAY_NOW];
    resume_and_ready: None, [JOIN, PARK] then [RESUME, READY];
    resume_and_abandon: None, [READY, JOIN, PARK] then [RESUME, ABANDON];
    two_join_one_gets_ready: Some(3), [] then [JOIN, JOIN_TOO, READY];
    one_joins_two_get_ready: Some(3), [] then [JOIN, READY, READY_TOO];
    abandon_ready_join: Some(3), [JOIN] then [ABANDON, READY, JOIN_TOO];
    accept_end_abandon: Some(3), [READY, JOIN] then [ACCEPT, END, ABANDON];
    change_abandon_ready: Some(3), [JOIN] then [CHANGE, ABANDON, READY];
    park_resume_ready: Some(3), [JOIN] then [PARK, RESUME, READY];
    away_abandon_accept: Some(3), [READY, JOIN] then [AWAY_NOW, ABANDON, ACCEPT];
    refuse_abandon_ready: Some(3), [READY, JOIN] then [REFUSE, ABANDON, READY_TOO];
    refuse_abandon_ready_beside_a_second_waiter: Some(3), [READY, JOIN, JOIN_TOO] then [REFUSE, ABANDON, READY_TOO];
}

fn caught(mutant: Mutant, bound: Option<usize>, before: &'static [Operation], threads: &'static [Operation]) {
    caught_by(rules::Limits::default(), mutant, bound, before, threads);
}

fn caught_by(
    limits: rules::Limits,
    mutant: Mutant,
    bound: Option<usize>,
    before: &'static [Operation],
    threads: &'static [Operation],
) {
    let result = std::panic::catch_unwind(|| {
        MUTANT.set(mutant);
        model_by(limits, bound, before, threads);
    });
    MUTANT.set(Mutant::None);
    assert!(result.is_err(), "{mutant:?} was not noticed");
}

/// Each deliberate mistake is noticed.
#[test]
fn mutants_are_caught() {
    caught(Mutant::NoFence, None, &[], &[JOIN, READY]);
    caught(Mutant::RefusalByAgent, None, &[READY, JOIN], &[ACCEPT, REFUSE]);
    caught(Mutant::LoserFrees, None, &[READY, JOIN], &[ACCEPT, AWAY_NOW]);
    caught(Mutant::AwayLeavesOffered, None, &[READY, JOIN], &[ABANDON, AWAY_NOW]);
    caught(Mutant::NotListedAgain, Some(2), &[JOIN], &[ABANDON, READY, JOIN_TOO]);
    caught(Mutant::EndIgnoresAcceptance, None, &[READY, JOIN], &[ACCEPT, AWAY_NOW]);
    caught(Mutant::ChangeForgetsLeave, None, &[JOIN], &[CHANGE, ABANDON]);
}
