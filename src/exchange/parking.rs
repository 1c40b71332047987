//! Slots that callers are parked in, and who takes somebody's caller at their own desk.
//!
//! Architecture invariant: a slot is the house's: it stands in the commons under its number with the call that has it,
//! and belongs to that call until somebody has the caller or they have hung up.

use super::Exchange;
use super::share::Say;
use crate::base::{AgentId, CallId, Now};
use crate::call::{Call, Event};
use crate::dialplan::{Agent, PickUp};

/// Why nobody is picked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotPickedUp {
    /// Nobody is there to be taken.
    Nobody,
    /// They share no group with whose phone rings.
    Foreign,
}

impl Exchange {
    /// The first free slot is the call's.
    pub(super) fn park(&mut self, call: CallId, slots: Vec<String>) {
        let free = slots.into_iter().find(|slot| {
            let mut taken = false;
            self.commons.slots.entry(slot.clone()).or_insert_with(|| {
                taken = true;
                call
            });
            taken
        });
        let event = match free {
            Some(slot) => {
                self.count("callers parked");
                self.parked.insert(call, slot.clone());
                self.slot_changed(slot.clone());
                Event::Parked { slot }
            }
            None => {
                self.count("callers not parked: no slot is free");
                Event::NotParked
            }
        };
        self.work.push_back((call, event));
    }

    /// A call took a step: it may have left its slot.
    pub(super) fn slot_of(&mut self, call: &Call) {
        let Some(slot) = self.parked.get(&call.id()) else { return };
        // While the exchange's answer is on its way the call knows of none.
        let is_answer =
            |(of, event): &(CallId, Event)| *of == call.id() && matches!(event, Event::Parked { .. });
        let asks = !call.is_over() && self.work.iter().any(is_answer);
        if call.slot() == Some(slot.as_str()) || asks {
            return;
        }
        if let Some(slot) = self.parked.remove(&call.id()) {
            self.commons.slots.remove_if(&slot, |_, of| *of == call.id());
            self.slot_changed(slot);
        }
    }

    fn slot_changed(&mut self, slot: String) {
        match self.share.is_first() {
            true => self.lamps.slot_changed(slot),
            false => self.tell_first(Say::Slot(slot)),
        }
    }

    /// The desk that made this call wants somebody's caller.
    pub(super) fn pick_up(&mut self, now: Now, by: CallId, which: &PickUp) {
        if let Err(why) = self.picked_up(now, by, which) {
            self.count(match why {
                NotPickedUp::Nobody => "pick-ups in vain",
                NotPickedUp::Foreign => "pick-ups refused: another group",
            });
            self.with_call(now, by, |call, ctx| call.not_picked_up(ctx, why == NotPickedUp::Nobody));
        }
    }

    fn picked_up(&mut self, now: Now, by: CallId, which: &PickUp) -> Result<(), NotPickedUp> {
        let desk = self.calls.get(&by).and_then(Call::desk).ok_or(NotPickedUp::Foreign)?;
        let wanted = self.meant(desk, which)?;
        let rings = |call: &Call| match which {
            PickUp::Slot(slot) => call.slot() == Some(slot),
            PickUp::Group | PickUp::Person(_) => {
                self.desks.all().into_iter().any(|(agent, _)| agent != desk && call.rings(agent))
            }
        };
        if !self.calls.get(&wanted).is_some_and(rings) || self.desks.get(desk).call.is_some() {
            return Err(NotPickedUp::Nobody);
        }
        self.take_desk(now, desk, by);
        if self.desks.get(desk).call != Some(by) {
            return Err(NotPickedUp::Nobody);
        }
        let extension = self.numbering.extension(desk).to_owned();
        let party = self.calls.get(&by).and_then(|call| call.own_party(&extension));
        let given = party.ok_or(NotPickedUp::Nobody)?;
        tracing::info!(call = %wanted, desk = extension, "picked up");
        self.count("pick-ups");
        // The desk goes over to the other call, busy as it is.
        self.trunks.desk_moved(by);
        self.with_call(now, wanted, |call, ctx| call.pick_up(ctx, given));
        self.with_call(now, by, Call::moved_over);
        // Where no port was free the desk is nobody's.
        if self.desks.get(desk).call == Some(by) {
            self.release(now, by, desk);
        }
        Ok(())
    }

    /// Which call that is, wherever it runs.
    fn meant(&self, desk: AgentId, which: &PickUp) -> Result<CallId, NotPickedUp> {
        let own = self.plan.agent_by_extension(self.numbering.extension(desk)).ok_or(NotPickedUp::Foreign)?;
        match which {
            PickUp::Slot(slot) => self.commons.slots.get(slot).map(|call| *call).ok_or(NotPickedUp::Nobody),
            // Who came first has the lowest number.
            PickUp::Group => {
                let ringing = self.desks.all().into_iter().filter(|(agent, desk)| {
                    let colleague = self.plan.agent_by_extension(self.numbering.extension(*agent));
                    !desk.talks && colleague.is_some_and(|colleague| shares_group(own, colleague))
                });
                let calls = ringing.filter_map(|(agent, desk)| Some((agent, desk.call?)));
                calls
                    .filter(|(agent, call)| self.may_ring(*agent, *call))
                    .map(|(_, call)| call)
                    .min()
                    .ok_or(NotPickedUp::Nobody)
            }
            PickUp::Person(extension) => {
                let colleague = self.plan.agent_by_extension(extension).ok_or(NotPickedUp::Nobody)?;
                if !shares_group(own, colleague) {
                    return Err(NotPickedUp::Foreign);
                }
                let agent = self.numbering.agent(extension).ok_or(NotPickedUp::Nobody)?;
                let desk = self.desks.get(agent);
                desk.call.filter(|_| !desk.talks).ok_or(NotPickedUp::Nobody)
            }
        }
    }

    /// Of another exchange's call nobody here knows.
    fn may_ring(&self, agent: AgentId, call: CallId) -> bool {
        self.calls.get(&call).is_none_or(|call| call.rings(agent)) || !self.share.has(call)
    }

    /// Which exchange has the caller whom this desk would take by dialling that; for the first one.
    pub(super) fn pick_up_lands(&self, desk: AgentId, dialled: &str) -> Option<u8> {
        let own = self.plan.agent_by_extension(self.numbering.extension(desk))?;
        let which = self.plan.picks_up(dialled, own.id)?;
        self.meant(desk, &which).ok().map(|call| self.share.of_id(call.0))
    }
}

/// Nobody takes their own ringing call this way: they pick up the phone.
fn shares_group(own: &Agent, other: &Agent) -> bool {
    own.id != other.id && !own.pick_up_groups.is_disjoint(&other.pick_up_groups)
}
