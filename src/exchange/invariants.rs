//! What must hold after every input, whatever happened.
//!
//! Checked in debug builds and in simulation. Each sentence has a name, so that a broken one says which.

use std::collections::BTreeSet;

use super::Exchange;
use crate::base::CallId;
use crate::queue::AgentState;
use crate::record::StageKind;

/// A sentence that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("an agent talks with nobody, or with a call that does not talk: {0}")]
    TalkWithoutCall(String),
    #[error("a call talks with an agent whom the queue core does not see talking: {0}")]
    CallWithoutTalk(String),
    #[error("a caller waits or is offered in the call, and not in the queue core: {0}")]
    CallerNotInLine(String),
    #[error("two legs have one RTP port: {0}")]
    SharedPort(u16),
    #[error("a port is taken and no leg has it: {0}")]
    LostPort(u16),
    #[error("a leg without a call, or a call's leg without a dialog: {0}")]
    StrayLeg(String),
    #[error("a caller is in line, and nothing would ever happen to them: {0}")]
    NoDeadline(String),
    #[error("a deadline that no call has: {0}")]
    StrayDeadline(String),
    #[error("a desk is taken by a call that is over: {0}")]
    DeskOfNobody(String),
    #[error("somebody watches without a subscription: {0}")]
    StrayWatch(String),
    #[error("the trunks count other calls than they carry")]
    TrunkMiscounts,
    #[error("a callback is in line and the core does not keep its place, or is called by no call: {0}")]
    CallbackAstray(String),
    #[error("somebody is asked about a call that waits for no answer, or a call waits and nobody is: {0}")]
    AskedForNothing(String),
    #[error("something is left though every call is over: {0}")]
    LeftOver(String),
}

impl Exchange {
    /// Panics at the first sentence that does not hold.
    pub fn check_invariants(&self) {
        if let Err(broken) = self.invariants() {
            panic!("broken invariant: {broken}");
        }
        self.core.check_invariants();
    }

    /// Of all exchanges of one house, when no word is on its way: what they have in the core is what the core has, and
    /// what they carry what their trunks count.
    pub fn invariants_of_all(all: &[Exchange]) -> Result<(), Broken> {
        let (mut in_line, mut lines) = (0, 0);
        for exchange in all {
            exchange.invariants()?;
            in_line += exchange.in_line()?;
            lines += exchange.trunks.occupied();
        }
        let Some(first) = all.first() else { return Ok(()) };
        let core: u32 = first.core.snapshot().queues.iter().map(|queue| queue.waiting + queue.offered).sum();
        if core as usize != in_line {
            return Err(Broken::CallerNotInLine(format!("{core} in the core, {in_line} calls of all")));
        }
        match first.trunks.counted() == lines {
            true => Ok(()),
            false => Err(Broken::TrunkMiscounts),
        }
    }

    /// The first sentence that does not hold.
    pub fn invariants(&self) -> Result<(), Broken> {
        self.ports_and_legs()?;
        self.talks()?;
        self.lines()?;
        self.deadlines()?;
        self.lamps()?;
        self.urgent()?;
        self.rest()
    }

    fn ports_and_legs(&self) -> Result<(), Broken> {
        let mut ports = BTreeSet::new();
        for leg in self.calls.values().flat_map(|call| call.legs()) {
            if !ports.insert(leg.port()) {
                return Err(Broken::SharedPort(leg.port()));
            }
        }
        if let Some(lost) = self.ports.taken().find(|port| !ports.contains(port)) {
            return Err(Broken::LostPort(lost));
        }
        for (leg, dialog) in &self.legs {
            if !self.calls.contains_key(&leg.call) || self.dialogs.get(dialog) != Some(leg) {
                return Err(Broken::StrayLeg(leg.to_string()));
            }
        }
        if !self.rings.is_sound() || self.rings.legs().any(|leg| !self.calls.contains_key(&leg.call)) {
            return Err(Broken::StrayLeg("a phone rings for nobody".to_owned()));
        }
        match self.dialogs.len() == self.legs.len() {
            true => Ok(()),
            false => {
                Err(Broken::StrayLeg(format!("{} dialogs, {} legs", self.dialogs.len(), self.legs.len())))
            }
        }
    }

    /// Agent talking with call c if and only if call c talks with the agent.
    fn talks(&self) -> Result<(), Broken> {
        for (id, call) in &self.calls {
            let talks = matches!(call.stage(), StageKind::Talk | StageKind::Hold);
            let Some(agent) = call.agent().filter(|_| talks) else { continue };
            let signed_on = self.core.agent_state(agent).filter(|state| *state != AgentState::SignedOff);
            let desk = self.desks.get(agent);
            let beside = desk.call != Some(*id);
            // With callers on hold the phone may ring for a further one.
            let fits = |state| state == AgentState::Talking || state == AgentState::Reserved && beside;
            if signed_on.is_some_and(|state| !fits(state)) || !desk.has(*id) {
                return Err(Broken::CallWithoutTalk(format!("{id} with {agent}")));
            }
        }
        for view in self.core.snapshot().agents {
            let talk = view.caller.filter(|_| view.state == AgentState::Talking);
            for (tag, _) in talk.into_iter().chain(view.held) {
                if !self.share.has(CallId(tag)) {
                    continue;
                }
                let call = self.calls.get(&CallId(tag));
                if call.is_none_or(|call| !call.concerns(view.id)) {
                    return Err(Broken::TalkWithoutCall(view.id.to_string()));
                }
            }
        }
        for (agent, desk) in self.desks.all() {
            let mut own = desk.calls().filter(|call| self.share.has(*call));
            if let Some(call) = own.find(|call| !self.calls.contains_key(call)) {
                return Err(Broken::DeskOfNobody(format!("{agent} by {call}")));
            }
        }
        Ok(())
    }

    /// A caller is waiting or offered, never both or none.
    fn lines(&self) -> Result<(), Broken> {
        let in_line = self.in_line()?;
        if !self.share.is_whole() {
            return Ok(());
        }
        let core: u32 = self.core.snapshot().queues.iter().map(|queue| queue.waiting + queue.offered).sum();
        match core as usize == in_line {
            true => Ok(()),
            false => Err(Broken::CallerNotInLine(format!("{core} in the core, {in_line} calls"))),
        }
    }

    /// So many of this exchange's callers and callbacks are in the core.
    fn in_line(&self) -> Result<usize, Broken> {
        let mut in_line = 0;
        for (id, call) in &self.calls {
            match (call.stage(), call.queued_as()) {
                (StageKind::Wait, Some(caller)) => {
                    if self.core.position(caller).is_none() {
                        return Err(Broken::CallerNotInLine(format!("{id} waits")));
                    }
                    in_line += 1;
                }
                (StageKind::Offer, Some(_)) => in_line += 1,
                (StageKind::Wait, None) => return Err(Broken::CallerNotInLine(format!("{id} has no place"))),
                _ => {}
            }
        }
        in_line += self.callbacks.in_line().count();
        if let Some(astray) = self.callbacks.in_line().find(|caller| self.core.position(*caller).is_none()) {
            return Err(Broken::CallbackAstray(format!("{astray:?}")));
        }
        let promised = self.promises.calling().map(|(_, call)| call);
        if let Some(astray) =
            self.callbacks.calling().chain(promised).find(|call| !self.calls.contains_key(call))
        {
            return Err(Broken::CallbackAstray(astray.to_string()));
        }
        Ok(in_line)
    }

    fn deadlines(&self) -> Result<(), Broken> {
        if let Some(forgotten) = self.calls.values().find(|call| call.is_forgotten()) {
            return Err(Broken::NoDeadline(forgotten.id().to_string()));
        }
        for (at, call, timer) in &self.deadlines {
            let has = self.calls.get(call).and_then(|call| call.next_deadline()) == Some((*at, *timer));
            if !has || self.deadline_of.get(call) != Some(&(*at, *timer)) {
                return Err(Broken::StrayDeadline(format!("{} of {call}", timer.name())));
            }
        }
        Ok(())
    }

    /// Who is asked is asked about a call that waits for the answer, and the other way round.
    fn urgent(&self) -> Result<(), Broken> {
        let asked: BTreeSet<CallId> = self.asked_about().into_iter().collect();
        let wait = self.calls.values().filter(|call| call.asks_urgently()).map(|call| call.id());
        let waiting: BTreeSet<CallId> = wait.collect();
        match asked.symmetric_difference(&waiting).next() {
            None => Ok(()),
            Some(call) => Err(Broken::AskedForNothing(call.to_string())),
        }
    }

    /// Who watches is told by the endpoint as long as they do, and nobody else is.
    fn lamps(&self) -> Result<(), Broken> {
        match self.lamps.watches() <= self.sip.subscriptions() {
            true => Ok(()),
            false => Err(Broken::StrayWatch(format!(
                "{} watches, {} subscriptions",
                self.lamps.watches(),
                self.sip.subscriptions()
            ))),
        }
    }

    /// When everybody has hung up, nothing is left.
    fn rest(&self) -> Result<(), Broken> {
        let even = self.trunks.counted() == self.trunks.occupied();
        if self.share.is_whole() && !even {
            return Err(Broken::TrunkMiscounts);
        }
        if !self.calls.is_empty() {
            return Ok(());
        }
        let left = [
            ("dialogs", self.dialogs.len()),
            ("rings", self.rings.legs().count()),
            ("transfers that phones asked for", self.referrals.len()),
            ("deadlines", self.deadlines.len()),
            ("ports", self.ports.taken().count()),
            ("work", self.work.len()),
            ("core events", self.core_events.len()),
            ("lines of trunks", self.trunks.occupied()),
            ("legs without media", self.qualities.unopened()),
        ];
        let dialled = self.share.is_whole() && self.desks.any_dialled();
        if let Some(what) = self.lamps.left_over().or(dialled.then_some("calls of desks")) {
            return Err(Broken::LeftOver(what.to_owned()));
        }
        match left.iter().find(|(_, count)| *count > 0) {
            Some((what, count)) => Err(Broken::LeftOver(format!("{count} {what}"))),
            None => Ok(()),
        }
    }
}
