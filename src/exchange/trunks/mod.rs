//! The lines to the world outside: how they are told where we are, whether they live, what they carry.
//!
//! ```text
//!   settings.rs      what a trunk is told to be          rewrite.rs       numbers as the house writes them
//!   registration.rs  our REGISTER, pure                  identity.rs      who calls, who sent the call on
//!   load.rs          calls at once, calls a second       outside.rs       calls to the outside
//!   errands.rs       whatever is sent to a trunk: where to (RFC 3263), and to whom next when nobody answers
//! ```
//!
//! Architecture invariant: no caller reaches a trunk. A call to the outside begins in two places only: where the
//! administrator wrote a number into the dialplan, and where an agent whose plan grants it dials from their own desk.

mod errands;
mod identity;
mod load;
mod outside;
mod registration;
mod rewrite;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::Exchange;
use super::commons::Commons;
use super::io::TrunkLine;
use super::probes::{Due, Life, Pace, Probes};
use super::share::{Say, Share};
use crate::base::{AgentId, CallId, Instant, LegId, Now, Rng};
use crate::sip::RequestId;
use crate::sip::locate::{Cache, Question};

pub(in crate::exchange) use self::identity::{Identity, diversions, identity};
pub(in crate::exchange) use self::rewrite::is_telephone;
pub use self::rewrite::{Rewrite, Rule};
pub use self::settings::{Limits, Outbound, Register, Trunk};

use self::errands::{Errand, Underway};
use self::load::Load;
use self::outside::OutsideLeg;
use self::registration::Registration;

/// What is known of all trunks beside their settings.
pub(super) struct Trunks {
    /// Registers and probes: the first exchange does, for all.
    looks_after: bool,
    commons: Arc<Commons>,
    /// By name.
    states: BTreeMap<String, State>,
    /// The trunk that a leg occupies.
    lines: BTreeMap<LegId, String>,
    names: Cache,
    /// Asked, and not answered yet.
    questions: BTreeSet<Question>,
    /// What cannot be sent before they are.
    waiting: Vec<Errand>,
    underway: BTreeMap<RequestId, Underway>,
    /// Calls to the outside that nobody has answered yet.
    outside: BTreeMap<LegId, OutsideLeg>,
    /// The desks that call the outside: no queue rings them meanwhile.
    desks: BTreeMap<CallId, AgentId>,
}

/// What every exchange of the house must know of a trunk.
#[derive(Debug, Default)]
pub(super) struct Line {
    load: Load,
    /// Until when calls to the outside are given to it, as its registration and its silence have it.
    up_until: Instant,
    /// Where its name led to last: calls from there are its calls, where we register with it.
    addresses: Vec<IpAddr>,
}

#[derive(Debug)]
struct State {
    registration: Option<Registration>,
    probes: Probes<()>,
}

impl State {
    fn new(trunk: &Trunk, looks_after: bool, now: Instant, rng: &mut Rng) -> Self {
        let mut probes = Probes::new(Pace { every: trunk.probe_every, ..Pace::default() });
        if looks_after && trunk.destination().is_some() {
            probes.watch(now, (), rng);
        }
        let register = trunk.register.as_ref().filter(|_| looks_after);
        let registration = register.map(|register| Registration::new(register.expires, rng));
        State { registration, probes }
    }

    /// Until when calls to the outside are given to it.
    fn up_until(&self) -> Instant {
        match &self.registration {
            _ if self.probes.is_down(&()) => Instant::ZERO,
            None => Instant::from_micros(u64::MAX),
            Some(registration) => registration.held_until().unwrap_or(Instant::ZERO),
        }
    }
}

impl Trunks {
    pub(super) fn of(share: Share, commons: Arc<Commons>) -> Self {
        Trunks {
            looks_after: share.is_first(),
            commons,
            states: BTreeMap::new(),
            lines: BTreeMap::new(),
            names: Cache::default(),
            questions: BTreeSet::new(),
            waiting: Vec::new(),
            underway: BTreeMap::new(),
            outside: BTreeMap::new(),
            desks: BTreeMap::new(),
        }
    }

    fn is_up(&self, name: &str, now: Instant) -> bool {
        let up_until = match self.states.get(name) {
            Some(state) if self.looks_after => Some(state.up_until()),
            _ => self.commons.trunks.get(name).map(|line| line.up_until),
        };
        up_until.is_some_and(|until| until > now)
    }

    fn addresses(&self, name: &str) -> Vec<IpAddr> {
        self.commons.trunks.get(name).map(|line| line.addresses.clone()).unwrap_or_default()
    }

    fn calls(&self, name: &str) -> u32 {
        self.commons.trunks.get(name).map_or(0, |line| line.load.calls())
    }

    /// For the other exchanges.
    fn publish(&self) {
        for (name, state) in self.states.iter().filter(|_| self.looks_after) {
            self.commons.trunks.entry(name.clone()).or_default().up_until = state.up_until();
        }
    }

    /// Each trunk has a state; one that is told to be what it was keeps it.
    fn take_over(&mut self, old: &[Trunk], new: &[Trunk], now: Instant, rng: &mut Rng) {
        let same = |trunk: &Trunk| {
            let place = |of: &Trunk| (of.server.clone(), of.register.clone(), of.probe_every);
            old.iter().any(|old| old.name == trunk.name && place(old) == place(trunk))
        };
        self.states.retain(|name, _| new.iter().any(|trunk| trunk.name == *name));
        for trunk in new {
            let fresh = State::new(trunk, self.looks_after, now, rng);
            match self.states.entry(trunk.name.clone()) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(fresh);
                }
                std::collections::btree_map::Entry::Occupied(mut place) if !same(trunk) => {
                    place.insert(fresh);
                    if self.looks_after
                        && let Some(mut line) = self.commons.trunks.get_mut(&trunk.name)
                    {
                        line.addresses.clear();
                    }
                }
                std::collections::btree_map::Entry::Occupied(_) => {}
            }
        }
        self.publish();
    }

    /// One more call on a trunk, or why not.
    fn admit(&mut self, now: Instant, trunk: &Trunk, leg: LegId) -> Result<(), &'static str> {
        if self.states.contains_key(&trunk.name) {
            let mut line = self.commons.trunks.entry(trunk.name.clone()).or_default();
            line.load.admit(now, trunk.limits)?;
            drop(line);
            self.lines.insert(leg, trunk.name.clone());
        }
        Ok(())
    }

    /// A leg is over: its line is free.
    pub(super) fn leg_over(&mut self, leg: LegId) {
        self.outside.remove(&leg);
        self.waiting.retain(|errand| !matches!(errand, Errand::Call(of) if *of == leg));
        let trunk = self.lines.remove(&leg);
        if let Some(mut line) = trunk.and_then(|trunk| self.commons.trunks.get_mut(&trunk)) {
            line.load.over();
        }
    }

    /// The dialog of a leg is another call's leg from now on, and takes its line along.
    /// The desk is this call's, which makes a call to the outside for it.
    pub(super) fn desk_taken(&mut self, call: CallId, agent: AgentId) {
        self.desks.insert(call, agent);
    }

    /// The desk goes over to another call, which gives it back.
    pub(super) fn desk_moved(&mut self, call: CallId) {
        self.desks.remove(&call);
    }

    pub(super) fn leg_moved(&mut self, from: LegId, to: LegId) {
        if let Some(outside) = self.outside.remove(&from) {
            self.outside.insert(to, outside);
        }
        if let Some(line) = self.lines.remove(&from) {
            self.lines.insert(to, line);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let registrations =
            self.states.values().filter_map(|state| state.registration.as_ref()?.poll_timeout());
        let probes =
            self.states.values().filter_map(|state| Some((state.probes.poll_timeout()?, "trunk probe")));
        let silences = self.outside.values().filter_map(|leg| Some((leg.silent_at?, "trunk silent")));
        registrations.chain(probes).chain(silences).min()
    }

    /// So many lines are counted in the whole house.
    pub(super) fn counted(&self) -> usize {
        self.commons.trunks.iter().map(|line| line.load.calls() as usize).sum()
    }

    pub(super) fn occupied(&self) -> usize {
        self.lines.len()
    }
}

impl Exchange {
    /// From the start on, and after a reload: registers where that is wanted and not done.
    pub(super) fn begin_trunks(&mut self, now: Now, old: &[Trunk]) {
        let new = std::mem::take(&mut self.config.trunks);
        self.trunks.take_over(old, &new, now.mono, &mut self.rng);
        self.config.trunks = new;
        self.trust_found_trunks();
        if self.draining {
            return;
        }
        for name in self.trunk_names() {
            let ask =
                self.trunks.states.get_mut(&name).and_then(|state| state.registration.as_mut()?.begin());
            if let Some(ask) = ask {
                self.run_errand(now, Errand::Register { trunk: name, ask });
            }
        }
    }

    /// Whose calls come from where we register with it is a trunk there to the guard as well: no forged datagram
    /// silences it.
    pub(super) fn trust_found_trunks(&mut self) {
        let registers = |trunk: &&Trunk| trunk.register.is_some();
        let trunks = self.config.trunks.iter().filter(registers);
        let found: Vec<_> = trunks.flat_map(|trunk| self.trunks.addresses(&trunk.name)).collect();
        self.guard.trusted.find(found.iter().copied());
        self.sign_in.trusted.find(found);
        if self.share.is_first() {
            self.tell_all(&Say::Trunks);
        }
    }

    /// No call shall come any more: our registrations are taken back. With `unless`, only those that these settings
    /// do not have in the same way.
    pub(super) fn leave_trunks(&mut self, now: Now, unless: &[Trunk]) {
        for name in self.trunk_names() {
            let present = self.config.trunks.iter().find(|trunk| trunk.name == name);
            let stays = unless.iter().any(|trunk| {
                present.is_some_and(|old| {
                    (&old.name, &old.register, &old.server) == (&trunk.name, &trunk.register, &trunk.server)
                })
            });
            let Some(state) = self.trunks.states.get_mut(&name).filter(|_| !stays) else { continue };
            // Nobody is asked how they are by somebody who goes.
            state.probes.forget(&());
            if let Some(ask) = state.registration.as_mut().and_then(Registration::leave) {
                self.run_errand(now, Errand::Register { trunk: name, ask });
            }
        }
    }

    pub(super) fn trunk_timeouts(&mut self, now: Now) {
        for name in self.trunk_names() {
            let Some(state) = self.trunks.states.get_mut(&name) else { continue };
            let ask = state.registration.as_mut().and_then(|held| held.handle_timeout(now.mono));
            let due = state.probes.handle_timeout(now.mono);
            if let Some(ask) = ask {
                self.run_errand(now, Errand::Register { trunk: name.clone(), ask });
            }
            for due in due {
                match due {
                    Due::Ask(()) => self.run_errand(now, Errand::Probe { trunk: name.clone() }),
                    Due::Down(()) => {
                        tracing::warn!(trunk = name, "the trunk is silent: no calls to the outside over it");
                    }
                }
            }
        }
        self.trunks.publish();
        self.outside_timeouts(now);
    }

    /// By address: one of the settings, or one that the trunk's name leads to where we register with it.
    pub(super) fn trunk_at(&self, source: IpAddr) -> Option<&Trunk> {
        let listed = |trunk: &&Trunk| trunk.networks.iter().any(|net| net.contains(source));
        let found =
            |trunk: &&Trunk| trunk.register.is_some() && self.trunks.addresses(&trunk.name).contains(&source);
        let trunks = &self.config.trunks;
        trunks.iter().find(listed).or_else(|| trunks.iter().find(found))
    }

    /// A caller's call over a trunk: one line more.
    pub(super) fn admit_on_trunk(&mut self, now: Now, trunk: &str, leg: LegId) -> Result<(), &'static str> {
        let Some(trunk) = self.config.trunks.iter().find(|of| of.name == trunk) else { return Ok(()) };
        self.trunks.admit(now.mono, trunk, leg)
    }

    pub(super) fn trunk_lines(&self, now: Now) -> Vec<TrunkLine> {
        let line = |trunk: &Trunk| {
            let state = self.trunks.states.get(&trunk.name)?;
            let life = match state.probes.life(&()) {
                Life::Up => "up",
                Life::Down => "down",
                Life::Unknown => "not asked",
            };
            Some(TrunkLine {
                name: trunk.name.clone(),
                state: life.to_owned(),
                registration: state.registration.as_ref().map(|held| held.describe(now.mono)),
                carries_outside_calls: !trunk.outbound.numbers.is_empty()
                    && self.trunks.is_up(&trunk.name, now.mono),
                calls: self.trunks.calls(&trunk.name),
                most_calls: trunk.limits.calls,
            })
        };
        self.config.trunks.iter().filter_map(line).collect()
    }

    fn trunk(&self, name: &str) -> Option<&Trunk> {
        self.config.trunks.iter().find(|trunk| trunk.name == name)
    }

    fn trunk_names(&self) -> Vec<String> {
        self.trunks.states.keys().cloned().collect()
    }
}
