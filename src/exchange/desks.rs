//! The agents' desks: who is there, who is away and why, whose phone is busy.
//!
//! What an agent may be offered is the queue core's business; a desk knows what the core does not: the
//! reason and the end of an absence, which callers are told, and calls that came from no queue. A manager has a desk
//! and is no agent of any queue.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dashmap::DashMap;

use crate::base::{AgentId, AwayReason, CallId, Instant, Wall};
use crate::call::Call;
use crate::presence::{Absence, Away, Person};
use crate::record::StageKind;

/// Beside one call: a dialplan gives nobody more than four.
const OTHERS: usize = 3;

/// One exchange's eyes on all desks.
#[derive(Debug)]
pub(super) struct Desks {
    room: Arc<Room>,
    /// Those that this exchange has changed since somebody last asked.
    touched: BTreeSet<AgentId>,
    /// Agents who have put all their callers on hold, or talk again, of which the core is not told yet.
    holds: BTreeMap<AgentId, bool>,
}

/// All desks of the house. Each is changed in one step, by whoever has reason to.
#[derive(Debug, Default)]
pub(super) struct Room {
    desks: DashMap<AgentId, Desk>,
    /// What is said of the people at the desks; of whom nothing is said, nothing.
    people: DashMap<AgentId, Person>,
    /// The calls that an agent's own phone has made.
    dialled: DashMap<AgentId, BTreeSet<CallId>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Desk {
    /// By all that is said of the person.
    pub away: Option<Away>,
    /// The last word by hand is what a phone published.
    pub published: Option<AwayReason>,
    /// The agent has signed on and not off: a restart keeps that, and it is no business of the phone's.
    pub signed_on: bool,
    /// The call that rings this desk or is talked in, whether or not a queue gave it.
    pub call: Option<CallId>,
    /// A queue gave it.
    offered: bool,
    /// Its phone has said that it rings.
    pub rings: bool,
    /// It is talked in, or held.
    pub talks: bool,
    /// The agent has put the caller on hold.
    held: bool,
    /// Earlier calls of an agent who may have several, and whether their callers are on hold.
    others: [Option<(CallId, bool)>; OTHERS],
    /// The core was told last that all callers are on hold.
    told: bool,
    /// Since when in the present state.
    pub since: Instant,
}

impl Desks {
    pub(super) fn of(room: Arc<Room>) -> Self {
        Desks { room, touched: BTreeSet::new(), holds: BTreeMap::new() }
    }

    /// Nothing changes where the desk exists.
    pub(super) fn open(&mut self, agent: AgentId, now: Instant) {
        self.room.desks.entry(agent).or_insert(Desk { since: now, ..Desk::default() });
    }

    pub(super) fn get(&self, agent: AgentId) -> Desk {
        self.room.desks.get(&agent).map(|desk| desk.clone()).unwrap_or_default()
    }

    fn change<T>(&mut self, agent: AgentId, how: impl FnOnce(&mut Desk) -> T) -> T {
        self.touch(agent);
        how(&mut self.room.desks.entry(agent).or_default())
    }

    pub(super) fn set_published(&mut self, agent: AgentId, published: Option<AwayReason>) {
        self.change(agent, |desk| desk.published = published);
    }

    pub(super) fn set_signed_on(&mut self, agent: AgentId, signed_on: bool) {
        self.change(agent, |desk| desk.signed_on = signed_on);
    }

    pub(super) fn person(&self, agent: AgentId) -> Person {
        self.room.people.get(&agent).map(|person| person.clone()).unwrap_or_default()
    }

    /// Changes what is said of a person.
    pub(super) fn change_person<T>(&mut self, agent: AgentId, how: impl FnOnce(&mut Person) -> T) -> T {
        self.touch(agent);
        let mut person = self.room.people.entry(agent).or_default();
        let done = how(&mut person);
        let nothing = *person == Person::default();
        drop(person);
        if nothing {
            self.room.people.remove_if(&agent, |_, person| *person == Person::default());
        }
        done
    }

    /// What holds of the person by all that is said, from now on: as it was before and as it is.
    pub(super) fn judge(
        &mut self,
        agent: AgentId,
        now: Wall,
        off_duty: &[Absence],
    ) -> (Option<Away>, Option<Away>) {
        let after = self.person(agent).away(now, off_duty);
        let set = after.clone();
        (self.change(agent, |desk| std::mem::replace(&mut desk.away, set)), after)
    }

    pub(super) fn changed(&mut self, agent: AgentId, now: Instant) {
        self.change(agent, |desk| desk.since = now);
    }

    /// For a call past the queues. `false` where another call has the desk.
    pub(super) fn take(&mut self, agent: AgentId, call: CallId) -> bool {
        self.change(agent, |desk| desk.take(call, false))
    }

    /// For a call that the core offers. An offer that another exchange's call had the desk by is over by then, though
    /// that exchange may not know. `false` where a call past the queues has it.
    pub(super) fn take_offered(&mut self, agent: AgentId, call: CallId) -> bool {
        self.change(agent, |desk| desk.take(call, true))
    }

    pub(super) fn release(&mut self, agent: AgentId, call: CallId) {
        if self.change(agent, |desk| desk.release(call)) {
            // One of several talks is over: there is room for another.
            self.note_holds(agent, true);
        }
    }

    /// Who sits at the desk talks on in another call.
    pub(super) fn pass_on(&mut self, agent: AgentId, from: CallId, to: CallId) {
        self.change(agent, |desk| {
            if desk.call == Some(from) {
                (desk.call, desk.offered, desk.rings, desk.talks) = (Some(to), false, false, false);
            } else {
                desk.take(to, false);
            }
        });
    }

    /// Whose callers are all on hold now, or not any more.
    pub(super) fn next_hold(&mut self) -> Option<(AgentId, bool)> {
        self.holds.pop_first()
    }

    /// `anew`: the core is to be told again.
    fn note_holds(&mut self, agent: AgentId, anew: bool) {
        let dials = self.room.dialled.contains_key(&agent);
        let before = self.get(agent);
        let holds = before.all_on_hold() && !dials;
        if holds != before.told || anew && holds {
            self.change(agent, |desk| desk.told = holds);
            self.holds.insert(agent, holds);
        }
    }

    /// The phone has said that it rings for this call. `false`: it had before, or another call has the desk.
    pub(super) fn rings(&mut self, agent: AgentId, call: CallId) -> bool {
        self.change(agent, |desk| desk.call == Some(call) && !std::mem::replace(&mut desk.rings, true))
    }

    /// A call took a step: the desks in it may look different.
    pub(super) fn call_moved(&mut self, call: &Call) {
        if let Some(agent) = call.agent() {
            let talks = matches!(call.stage(), StageKind::Talk | StageKind::Hold);
            self.change(agent, |desk| desk.call_is(call.id(), talks, call.is_held_by_agent()));
            self.note_holds(agent, false);
        }
        let Some(agent) = call.desk() else { return };
        self.touch(agent);
        let mut calls = self.room.dialled.entry(agent).or_default();
        if call.is_over() {
            calls.remove(&call.id());
        } else {
            calls.insert(call.id());
        }
        let none = calls.is_empty();
        drop(calls);
        if none {
            self.room.dialled.remove_if(&agent, |_, calls| calls.is_empty());
        }
        self.note_holds(agent, false);
    }

    pub(super) fn dialled(&self, agent: AgentId) -> BTreeSet<CallId> {
        self.room.dialled.get(&agent).map(|calls| calls.clone()).unwrap_or_default()
    }

    /// Some agent's phone is in a call that it made.
    pub(super) fn any_dialled(&self) -> bool {
        !self.room.dialled.is_empty()
    }

    /// Something about the desk may be different: its call moved on, its phone came or went.
    pub(super) fn touch(&mut self, agent: AgentId) {
        self.touched.insert(agent);
    }

    pub(super) fn touch_all(&mut self) {
        self.touched.extend(self.room.desks.iter().map(|desk| *desk.key()));
    }

    pub(super) fn take_touched(&mut self) -> BTreeSet<AgentId> {
        std::mem::take(&mut self.touched)
    }

    /// In the order of the agents.
    pub(super) fn all(&self) -> Vec<(AgentId, Desk)> {
        let mut all: Vec<_> = self.room.desks.iter().map(|desk| (*desk.key(), desk.clone())).collect();
        all.sort_unstable_by_key(|(agent, _)| *agent);
        all
    }
}

impl Desk {
    /// All its calls.
    pub(super) fn calls(&self) -> impl Iterator<Item = CallId> {
        self.call.into_iter().chain(self.on_hold())
    }

    pub(super) fn has(&self, call: CallId) -> bool {
        self.calls().any(|has| has == call)
    }

    /// Those beside the latest.
    pub(super) fn on_hold(&self) -> impl Iterator<Item = CallId> {
        self.others.into_iter().flatten().map(|(call, _)| call)
    }

    /// There are talks, and in none of them the caller is spoken with. A phone that rings matters not.
    fn all_on_hold(&self) -> bool {
        let latest = self.call.filter(|_| self.talks).map(|call| (call, self.held));
        let mut talks = latest.into_iter().chain(self.others.into_iter().flatten()).peekable();
        talks.peek().is_some() && talks.all(|(_, held)| held)
    }

    fn take(&mut self, call: CallId, offered: bool) -> bool {
        if self.call == Some(call) {
            self.offered = offered;
            return true;
        }
        // The core offers a further one only to who may have it.
        if let Some(present) = self.call.filter(|_| offered && self.offered && self.talks) {
            let Some(place) = self.others.iter_mut().find(|place| place.is_none()) else { return false };
            *place = Some((present, self.held));
            self.call = Some(call);
            (self.rings, self.talks, self.held) = (false, false, false);
            return true;
        }
        let free = self.call.is_none() || offered && self.offered;
        if free {
            (self.call, self.offered) = (Some(call), offered);
            (self.rings, self.talks, self.held) = (false, false, false);
        }
        free
    }

    /// Whether it was a talk, and others go on.
    fn release(&mut self, call: CallId) -> bool {
        let mut talked = true;
        if self.call == Some(call) {
            talked = self.talks;
            let next = self.others.iter_mut().find_map(Option::take);
            self.call = next.map(|(call, _)| call);
            (self.offered, self.talks) = (next.is_some(), next.is_some());
            self.held = next.is_some_and(|(_, held)| held);
            self.rings = false;
        } else if let Some(place) = self.others.iter_mut().find(|p| p.is_some_and(|(of, _)| of == call)) {
            *place = None;
        } else {
            return false;
        }
        self.told &= self.call.is_some();
        talked && self.call.is_some()
    }

    fn call_is(&mut self, call: CallId, talks: bool, held: bool) {
        if self.call == Some(call) {
            (self.talks, self.held) = (talks, held);
        }
        for other in self.others.iter_mut().flatten().filter(|(of, _)| *of == call) {
            other.1 = held;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_takes_the_desk_from_an_offer_and_from_nothing_else() {
        let (mut one, agent) = (Desks::of(Arc::default()), AgentId(1));
        let mut other = Desks::of(one.room.clone());
        assert!(one.take_offered(agent, CallId(1)));
        assert!(other.take_offered(agent, CallId(2)), "the core gives an agent one offer at a time");
        one.release(agent, CallId(1));
        assert_eq!(one.get(agent).call, Some(CallId(2)), "who lost it releases nothing");
        assert!(!one.take(agent, CallId(3)));
        other.release(agent, CallId(2));
        assert!(one.take(agent, CallId(3)) && !other.take_offered(agent, CallId(4)));
        assert_eq!(one.take_touched().len() + other.take_touched().len(), 2);
    }

    #[test]
    fn a_further_offer_stands_beside_the_calls_on_hold() {
        let (mut desks, agent) = (Desks::of(Arc::default()), AgentId(1));
        let talk = |desks: &mut Desks, call, held| {
            desks.change(agent, |desk| desk.call_is(CallId(call), true, held));
            desks.note_holds(agent, false);
        };
        assert!(desks.take_offered(agent, CallId(1)));
        talk(&mut desks, 1, false);
        assert_eq!(desks.next_hold(), None);
        talk(&mut desks, 1, true);
        assert_eq!(desks.next_hold(), Some((agent, true)));
        assert!(desks.take_offered(agent, CallId(2)));
        desks.note_holds(agent, false);
        assert_eq!(desks.next_hold(), None, "that the phone rings is no news");
        desks.release(agent, CallId(2));
        assert_eq!(
            (desks.get(agent).call, desks.next_hold()),
            (Some(CallId(1)), None),
            "refused: enough of it"
        );
        assert!(desks.take_offered(agent, CallId(3)));
        talk(&mut desks, 3, false);
        assert_eq!(desks.next_hold(), Some((agent, false)));
        assert!(desks.get(agent).has(CallId(1)) && desks.get(agent).has(CallId(3)));
        desks.release(agent, CallId(3));
        assert_eq!(desks.next_hold(), Some((agent, true)), "the first is still on hold");
        desks.release(agent, CallId(1));
        assert_eq!((desks.get(agent).call, desks.next_hold()), (None, None));
    }
}
