//! The switch: all calls, all desks, all registrations, and the one place where a call meets another.
//!
//! [`Exchange`] is a state machine without input or output of its own. The host hands in what happened, with
//! the time; takes out what is to be done, in order; and asks when the next deadline is:
//!
//! ```text
//!   handle_input(now, input) -> poll_output() until None -> poll_timeout() -> wait -> handle_input …
//! ```
//!
//! Inside, everything that comes of one input is settled before the next: an event of a dialog becomes an
//! event of its call, the call's effects are carried out on the SIP endpoint and the queue core, and what
//! these say becomes events of calls again, until nothing is left to do.
//!
//! A house may have several exchanges, each in a thread of its own with a share of the calls: see [`Share`].
//!
//! Architecture invariant: only here does one call's doing touch another call, and only through the queue core
//! and the desks. An exchange is single-writer: what several have in common lies in the `commons`, nowhere else.

mod arrivals;
mod board;
mod call_out;
mod callbacks;
mod canary;
mod commons;
mod complaints;
mod config;
mod console;
mod desks;
mod directory;
mod effects;
mod encryption;
mod events;
mod feed;
mod follow_ups;
mod guard;
mod info;
mod invariants;
mod io;
mod keep_alive;
mod lamps;
mod landing;
mod numbering;
mod overload;
mod parking;
mod persons;
mod places;
mod probes;
mod promises;
mod publishing;
mod quality;
mod reconcile;
mod registrations;
mod replies;
mod ringing;
mod routing;
mod share;
mod sign_in;
mod supervise;
mod texts;
mod topology;
mod transfers;
mod trunks;
mod urgent;
mod words;

#[cfg(test)]
mod phones_tests;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub use self::board::Board;
pub use self::canary::{CanaryLine, CanaryNews, LEAST_CALLS, Tally, Trial, Worse};
pub use self::config::{Account, Config, MediaKind, Network, Overload, Security, Subscriptions};
pub use self::feed::FloorEvent;
pub use self::invariants::Broken;
pub use self::io::{
    AgentChange, AgentLine, AwayOrder, CallLine, CallbackLine, Command, ConsideredLine, Deadline, Gauges,
    Input, MatchLine, Notice, Output, QueueLine, Reply, RestLine, StatusLine, TrunkLine, UrgentLine,
};

pub use self::share::{Lands, Share, Word};
pub use self::topology::topology_of;
pub use self::trunks::{Limits, Outbound, Register, Rewrite, Rule, Trunk};

use self::callbacks::Callbacks;
use self::canary::Trying;
use self::commons::Commons;
use self::desks::Desks;
use self::directory::Directory;
use self::feed::Feed;
use self::guard::Guard;
use self::lamps::Lamps;
use self::landing::SecondCalls;
use self::numbering::Numbering;
use self::overload::Strain;
pub use self::persons::NotSet;
use self::persons::Timetable;
pub use self::probes::Pace;
use self::promises::Promises;
use self::quality::Qualities;
use self::reconcile::Reconciler;
use self::ringing::Rings;
use self::sign_in::SignIn;
use self::texts::Texts;
use self::trunks::Trunks;
use crate::base::{CallId, Ids, Instant, LegId, Now, RecordingId, Rng, SlipId};
use crate::call::{self, Call, Ctx, Effect, PortPool, Timer};
use crate::dialplan::Plan;
use crate::queue;
use crate::record::SlipState;
use crate::sip;

/// All calls of one daemon, or a share of them.
pub struct Exchange {
    share: Share,
    commons: Arc<Commons>,
    config: Config,
    plan: Arc<Plan>,
    /// Another plan that some callers meet first.
    trying: Option<Trying>,
    rng: Rng,
    ids: Ids,
    sip: sip::Endpoint,
    /// The commons'.
    core: Arc<queue::Core>,
    /// What the core said and nobody has heard yet.
    core_events: Vec<queue::Event>,
    /// Why the latest offers were made.
    matches: routing::Matches,
    numbering: Numbering,
    desks: Desks,
    callbacks: Callbacks,
    promises: Promises,
    feed: Feed,
    timetable: Timetable,
    reconciler: Reconciler,
    directory: Directory,
    sign_in: SignIn,
    guard: Guard,
    strain: Strain,
    lamps: Lamps,
    trunks: Trunks,
    ports: PortPool,
    calls: BTreeMap<CallId, Call>,
    /// Each call's next deadline, earliest first, and the same by call.
    deadlines: BTreeSet<(Instant, CallId, Timer)>,
    deadline_of: BTreeMap<CallId, (Instant, Timer)>,
    dialogs: BTreeMap<sip::DialogId, LegId>,
    legs: BTreeMap<LegId, sip::DialogId>,
    /// Dialogs that take another one's place as soon as their leg has answered.
    takeovers: BTreeMap<sip::DialogId, sip::DialogId>,
    /// Legs whose phones have asked for a transfer and are told how it goes on.
    referrals: BTreeMap<LegId, sip::ReferId>,
    texts: Texts,
    /// The slots of our own calls.
    parked: BTreeMap<CallId, String>,
    second_calls: SecondCalls,
    /// Legs that ring, and so have no dialog yet.
    rings: Rings,
    /// Whom a recording or a slip in the making belongs to.
    recordings: BTreeMap<RecordingId, CallId>,
    slips: BTreeMap<SlipId, CallId>,
    qualities: Qualities,
    /// Events of calls that are still to be handled.
    work: VecDeque<(CallId, call::Event)>,
    output: VecDeque<Output>,
    draining: bool,
    drained: bool,
    refused: BTreeMap<&'static str, u64>,
    /// What else is worth a number in the administrator's list.
    counts: BTreeMap<&'static str, u64>,
}

impl Exchange {
    /// An exchange at rest. Agents whom the plan says to be ready are signed on at once; take the outputs
    /// after it as after any input.
    pub fn new(config: Config, plan: Arc<Plan>, ids: Ids, rng: Rng, now: Now) -> Self {
        let commons = Arc::new(Exchange::commons(&plan, now, 1));
        Exchange::with_share(Share::WHOLE, commons, config, plan, ids, rng, now)
    }

    /// So many exchanges of one house, the first one first; the same as [`new`](Self::new) where it is one. Each has
    /// its own inputs, outputs and deadlines, and a thread of its own where the host likes.
    pub fn several(config: &Config, plan: &Arc<Plan>, ids: Ids, mut rng: Rng, now: Now, of: u8) -> Vec<Self> {
        let commons = Arc::new(Exchange::commons(plan, now, of));
        let one = |share| {
            // One alone has the very randomness that it is given: a seed is a proof.
            let rng = if of > 1 { rng.fork() } else { rng.clone() };
            Exchange::with_share(share, commons.clone(), config.clone(), plan.clone(), ids, rng, now)
        };
        Share::all(of).map(one).collect()
    }

    fn commons(plan: &Plan, now: Now, of: u8) -> Commons {
        let mut numbering = Numbering::default();
        numbering.learn(plan);
        Commons::new(queue::Core::new(now.mono, &topology::topology(plan, &numbering)), numbering, of)
    }

    fn with_share(
        share: Share,
        commons: Arc<Commons>,
        config: Config,
        plan: Arc<Plan>,
        ids: Ids,
        mut rng: Rng,
        now: Now,
    ) -> Self {
        let mut numbering = Numbering::default();
        numbering.learn(&plan);
        let mut sip_config = sip::Config { advertised: config.advertised, ..config.sip.clone() };
        sip_config.number = (!share.is_whole()).then_some(share.number);
        lamps::serve_by(&mut sip_config);
        sip_config.info_kinds = info::KINDS.to_vec();
        let mut exchange = Exchange {
            sip: sip::Endpoint::new(sip_config, rng.fork()),
            core: commons.core.clone(),
            core_events: Vec::new(),
            matches: routing::Matches::default(),
            desks: Desks::of(commons.room.clone()),
            callbacks: Callbacks::default(),
            promises: Promises::default(),
            feed: Feed::default(),
            timetable: Timetable::default(),
            reconciler: Reconciler::default(),
            directory: Directory::new(&config, rng.fork()),
            sign_in: SignIn::new(&config, rng.fork()),
            guard: Guard::new(&config, &mut rng),
            strain: Strain::default(),
            lamps: Lamps::new(rng.fork()),
            trunks: Trunks::of(share, commons.clone()),
            ports: PortPool::new(share.of_ports(&config.rtp_ports)),
            calls: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            deadline_of: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            legs: BTreeMap::new(),
            takeovers: BTreeMap::new(),
            referrals: BTreeMap::new(),
            texts: Texts::default(),
            parked: BTreeMap::new(),
            second_calls: landing::no_second_calls(),
            rings: Rings::default(),
            recordings: BTreeMap::new(),
            slips: BTreeMap::new(),
            qualities: Qualities::default(),
            trying: None,
            work: VecDeque::new(),
            output: VecDeque::new(),
            draining: false,
            drained: false,
            refused: BTreeMap::new(),
            counts: BTreeMap::new(),
            numbering,
            plan,
            rng,
            ids: ids.of_share(share.number, share.of),
            config,
            share,
            commons,
        };
        exchange.sign_in.tells = !share.is_first();
        exchange.open_desks(now);
        if share.is_first() {
            exchange.watch_fixed_contacts(now.mono);
        }
        exchange.begin_trunks(now, &[]);
        if share.is_first() {
            exchange.judge_all(now);
            exchange.sign_on_the_ready(now, None);
        }
        exchange.settle(now);
        exchange
    }

    /// Handles one input to its end. Take the outputs afterwards, then ask for the next deadline.
    pub fn handle_input(&mut self, now: Now, input: Input<'_>) {
        match input {
            Input::Sip { flow, bytes } => {
                // Of several, the first has let it in before anybody got it.
                if !self.share.is_whole() || self.lets_in(now, flow, bytes) {
                    self.message(now, flow, bytes);
                }
            }
            Input::Backlog(age) => self.strain.backlog = age,
            Input::Gauges(gauges) => self.strain.gauges = gauges,
            Input::FlowClosed(flow) => {
                self.sip.handle_flow_closed(now.mono, flow);
                for user in self.directory.flow_closed(flow) {
                    self.phone_gone(now, &user);
                }
            }
            Input::Restore(registrations) => self.restore_registrations(now, registrations),
            Input::RestoreCallbacks(callbacks) => self.restore_callbacks(now, callbacks),
            Input::RestorePromises(promises) => self.restore_promises(now, promises),
            Input::RestoreKept { contacts, places } => self.restore_kept(now, contacts, places),
            Input::RestorePresences(presences) => self.restore_presences(now, presences),
            Input::Calendar { extension, events } => self.calendar_read(now, &extension, events),
            Input::CallbackSaved { callback, saved } => {
                self.callback_saved(now, callback, saved);
                self.promise_saved(now, callback, saved);
            }
            Input::Media(event) => self.media_event(event),
            Input::RecordingSaved { recording, saved } => {
                if let Some(call) = self.recordings.remove(&recording) {
                    self.work.push_back((call, call::Event::RecordingSaved { recording, saved }));
                }
            }
            Input::SlipSaved { slip, saved } => {
                if let Some(call) = self.slips.remove(&slip) {
                    self.work.push_back((call, call::Event::SlipSaved { slip, saved }));
                }
            }
            Input::BoxOpened { call, opened } => {
                self.work.push_back((call, call::Event::BoxOpened(opened)));
            }
            Input::ComplaintSaved { case, saved } => self.complaint_saved(case, saved),
            Input::ComplaintDue { complaint, duty } => self.complaint_due(now, *complaint, duty),
            Input::Inquired { call, answer } => {
                self.work.push_back((call, call::Event::Inquired(answer)));
            }
            Input::Waiting { mailbox, waiting } => self.messages_wait(now, mailbox, waiting),
            Input::Command { id, command } => {
                if let Some(reply) = self.command(now, id, command) {
                    self.output.push_back(Output::Reply { id, reply });
                }
            }
            Input::Resolved { question, answer } => self.resolved(now, question, answer),
            Input::Reload { plan, config } => {
                if let Some(config) = config {
                    self.reconfigure(now, *config);
                }
                self.reload(now, plan);
            }
            Input::Canary(trial) => self.begin_trial(now, trial),
            Input::CanaryOver => self.end_trial(),
            Input::Drain => {
                self.draining = true;
                self.leave_trunks(now, &[]);
            }
            Input::Farewell => {
                self.draining = true;
                self.work.extend(self.calls.keys().map(|call| (*call, call::Event::Dismissed)));
            }
            Input::Shutdown => {
                self.draining = true;
                self.leave_trunks(now, &[]);
                self.work.extend(self.calls.keys().map(|call| (*call, call::Event::Shutdown)));
                self.lamps_out(now);
            }
            Input::Timeout => self.timeouts(now),
            Input::Word(word) => self.word(now, word),
            Input::Missed => self.missed(now),
        }
        self.settle(now);
        self.reconcile(now);
        self.commons.has_calls(self.share, self.calls.len());
    }

    fn lets_in(&mut self, now: Now, flow: sip::Flow, bytes: &[u8]) -> bool {
        let lets_in = self.guard.lets_in(now.mono, &mut self.sign_in.offenders, flow, bytes);
        if lets_in {
            self.heard_over(now, flow);
        }
        lets_in
    }

    /// The next thing to be done outside. `None`: wait for input or for the deadline.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When [`Input::Timeout`] is due, and what for. Changes with every input.
    pub fn poll_timeout(&self) -> Option<(Instant, Deadline)> {
        let sip = self.sip.poll_timeout().map(|(at, name)| (at, Deadline::Sip(name)));
        let queue = self.core.next_deadline().map(|(at, deadline)| (at, Deadline::Queue(deadline)));
        let call = self.deadlines.first().map(|&(at, call, timer)| (at, Deadline::Call(call, timer)));
        let registration = self.directory.poll_timeout().map(|(at, name)| (at, Deadline::Phone(name)));
        let publication = self.lamps.poll_timeout().map(|at| (at, Deadline::Publication));
        let callback = self.callbacks.next_due().map(|at| (at, Deadline::Callback));
        let promise = self.promises.next_due().map(|at| (at, Deadline::Promise));
        let trunk = self.trunks.poll_timeout().map(|(at, name)| (at, Deadline::Trunk(name)));
        let person = self.timetable.next().map(|at| (at, Deadline::Presence));
        let canary = self.next_look().map(|at| (at, Deadline::Canary));
        [sip, queue, call, callback, promise, registration, publication, trunk, person, canary]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    /// Nothing runs, and no transaction is waiting for anything.
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.sip.is_empty()
    }

    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// For other threads.
    pub fn board(&self) -> Board {
        Board::of(&self.commons)
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Messages that the guard did not let in.
    pub fn dropped(&self) -> u64 {
        self.guard.dropped().map(|(_, count)| count).sum()
    }

    pub fn sip_stats(&self) -> &sip::Stats {
        self.sip.stats()
    }

    /// The numbers that the next call, recording and slip will get.
    pub fn ids(&self) -> Ids {
        self.ids
    }

    /// Registered phones and running calls stay; who calls or registers next is met by the new rules.
    fn reconfigure(&mut self, now: Now, config: Config) {
        self.sign_in.reconfigure(&config);
        self.guard.reconfigure(&config);
        self.leave_trunks(now, &config.trunks);
        let (before, accounts_before) = (self.config.trunks.clone(), self.config.accounts.clone());
        let Config {
            trunks,
            accounts,
            security,
            overload,
            subscriptions,
            loopback_is_trunk,
            most_calls,
            call,
            ..
        } = config;
        self.config = Config {
            trunks,
            accounts,
            security,
            overload,
            subscriptions,
            loopback_is_trunk,
            most_calls,
            call,
            ..self.config.clone()
        };
        self.begin_trunks(now, &before);
        self.registrations_without_account(now, &accounts_before);
    }

    /// Running calls keep the plan that they began with; queues, agents and numbers change now.
    fn reload(&mut self, now: Now, plan: Arc<Plan>) {
        self.numbering.learn(&plan);
        let before = std::mem::replace(&mut self.plan, plan);
        self.end_trial();
        self.open_desks(now);
        if !self.share.is_first() {
            return;
        }
        self.commons.set_numbering(self.numbering.clone());
        self.core.reconfigure(
            now.mono,
            &topology::topology(&self.plan, &self.numbering),
            &mut self.core_events,
        );
        self.watch_fixed_contacts(now.mono);
        self.sign_on_the_ready(now, Some(&before));
        self.judge_all(now);
        self.watch_by_new_rules(now);
        tracing::info!(
            numbers = self.plan.numbers().len(),
            queues = self.plan.queues().len(),
            agents = self.plan.agents().len(),
            "dialplan in force"
        );
    }

    /// Every agent of the plan has a desk, from now on if not before.
    fn open_desks(&mut self, now: Now) {
        for agent in self.plan.agents() {
            if let Some(id) = self.numbering.agent(&agent.extension) {
                self.desks.open(id, now.mono);
            }
        }
    }

    fn timeouts(&mut self, now: Now) {
        self.sip.handle_timeout(now.mono);
        self.core.tick(now.mono, &mut self.core_events);
        self.registrations_expire(now);
        self.ask_for_life(now);
        self.publications_expire(now);
        self.trunk_timeouts(now);
        self.callbacks_due(now);
        self.promises_due(now);
        self.persons_due(now);
        self.trial_due(now);
        while let Some(&(at, call, _)) = self.deadlines.first() {
            if at > now.mono {
                break;
            }
            self.deadlines.pop_first();
            self.deadline_of.remove(&call);
            self.with_call(now, call, |call, ctx| call.handle_timeout(ctx));
            self.settle(now);
        }
    }

    /// Until nothing is left to do: what dialogs, the core and calls said is heard by whom it concerns.
    fn settle(&mut self, now: Now) {
        loop {
            self.drain_transmits();
            if let Some(event) = self.sip.poll_event() {
                self.sip_event(now, event);
            } else if !self.core_events.is_empty() {
                self.queue_events(now);
            } else if let Some((call, event)) = self.work.pop_front() {
                self.with_call(now, call, |call, ctx| call.handle(ctx, event));
            } else if let Some((agent, holds)) = self.desks.next_hold() {
                self.core.agent_holds(now.mono, agent, holds, &mut self.core_events);
            } else if self.light_lamps(now) {
                // What they say is sent before anything else is done.
            } else {
                break;
            }
        }
        self.tell_of_sign_ins();
        if self.draining && !self.drained && self.calls.is_empty() {
            self.drained = true;
            self.directory.end_probes();
            self.output.push_back(Output::Notice(Notice::Drained));
        }
    }

    /// Before anything else is done: what was said first leaves first.
    fn drain_transmits(&mut self) {
        while let Some(transmit) = self.sip.poll_transmit() {
            self.output.push_back(Output::Transmit(transmit));
        }
    }

    /// Lets a call do something, and carries out what it wants.
    fn with_call(&mut self, now: Now, id: CallId, act: impl FnOnce(&mut Call, &mut Ctx<'_>)) {
        let Some(mut call) = self.calls.remove(&id) else { return };
        let ((), effects) = self.in_ctx(now, |ctx| act(&mut call, ctx));
        self.keep(call);
        self.carry_out(now, id, effects);
    }

    /// What a call does with all that it may read and draw from, and the effects that it wants.
    fn in_ctx<T>(&mut self, now: Now, act: impl FnOnce(&mut Ctx<'_>) -> T) -> (T, Vec<Effect>) {
        let mut effects = Vec::new();
        let done = act(&mut Ctx {
            now,
            rng: &mut self.rng,
            ports: &mut self.ports,
            ids: &mut self.ids,
            queue: &self.core,
            settings: &self.config.call,
            effects: &mut effects,
        });
        (done, effects)
    }

    /// Puts a call back among the others, under its next deadline.
    fn keep(&mut self, call: Call) {
        let id = call.id();
        self.desks.call_moved(&call);
        self.slot_of(&call);
        if let Some((at, timer)) = self.deadline_of.remove(&id) {
            self.deadlines.remove(&(at, id, timer));
        }
        if call.is_over() {
            return;
        }
        if let Some((at, timer)) = call.next_deadline() {
            self.deadline_of.insert(id, (at, timer));
            self.deadlines.insert((at, id, timer));
        }
        self.calls.insert(id, call);
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn count_refusal(&mut self, why: &'static str) {
        *self.refused.entry(why).or_default() += 1;
    }
}

/// Whether somebody waits for the news that a slip in this state is committed.
fn is_awaited(state: SlipState) -> bool {
    state != SlipState::Taking
}
