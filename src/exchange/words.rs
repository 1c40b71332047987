//! What the exchanges of one house say to each other, and what they make of it: see [`share`](super::share).

use super::share::{Say, Share, Word};
use super::{Exchange, Output};
use crate::base::{CallId, Now};
use crate::call::Event;
use crate::queue::{self, LeaveWhy, Standing};

impl Exchange {
    fn say(&mut self, to: u8, say: Say) {
        if to != self.share.number {
            self.output.push_back(Output::Word { to, word: Word(say) });
        }
    }

    pub(super) fn tell_first(&mut self, say: Say) {
        self.say(0, say);
    }

    pub(super) fn tell_all(&mut self, say: &Say) {
        for share in Share::all(self.share.of) {
            self.say(share.number, say.clone());
        }
    }

    pub(super) fn tell_owner(&mut self, call: CallId, say: Say) {
        self.say(self.share.of_id(call.0), say);
    }

    /// The first exchange counts who may sign in and who may not.
    pub(super) fn tell_of_sign_ins(&mut self) {
        for (address, user, proven) in std::mem::take(&mut self.sign_in.told) {
            self.tell_first(Say::SignedIn { address, user, proven });
        }
    }

    /// What the core says is heard here, or by who has the caller.
    pub(super) fn queue_events(&mut self, now: Now) {
        for event in std::mem::take(&mut self.core_events) {
            let tag = match event {
                queue::Event::OfferWithdrawn { offer, tag, .. } => {
                    // Before anybody hears of the agent's next offer.
                    self.desks.release(offer.agent(), CallId(tag));
                    Some(tag)
                }
                queue::Event::Offered { tag, .. }
                | queue::Event::Left { tag, .. }
                | queue::Event::OwnerSkipped { tag, .. }
                | queue::Event::Connected { tag, .. } => Some(tag),
                queue::Event::AgentState { .. }
                | queue::Event::Requeued { .. }
                | queue::Event::Relaxed { .. }
                | queue::Event::Changed { .. }
                | queue::Event::Parked { .. }
                | queue::Event::Resumed { .. }
                | queue::Event::QueueDepth { .. } => None,
            };
            match tag.map(CallId).filter(|call| !self.share.has(*call)) {
                Some(theirs) => self.tell_owner(theirs, Say::Queue(event)),
                None => self.queue_event(now, event),
            }
        }
    }

    pub(super) fn word(&mut self, now: Now, Word(say): Word) {
        match say {
            Say::Queue(event) => {
                self.show_floor(now, &event);
                self.queue_word(now, event);
            }
            Say::Desks(desks) => desks.into_iter().for_each(|agent| self.desks.touch(agent)),
            Say::Slot(slot) => self.lamps.slot_changed(slot),
            Say::Suspect(key) => self.directory.suspect(now.mono, &key),
            Say::SignedIn { address, user, proven } => {
                self.sign_in.heard(now.mono, address, &user, proven);
            }
            Say::Trunks => self.trust_found_trunks(),
            Say::UrgentAnswered(call, answer) => self.urgent_answered(call, answer),
            Say::TakenOver(callback) => self.taken_over(now, callback),
        }
    }

    /// An event of another exchange's operation. It may be late, and others may be before it that never come: all but
    /// what cannot be read from the core is read there.
    fn queue_word(&mut self, now: Now, event: queue::Event) {
        let waits = |tag: u64, caller| {
            self.calls.get(&CallId(tag)).is_some_and(|call| call.queued_as() == Some(caller))
        };
        match event {
            queue::Event::Left { tag, caller, why, .. } if waits(tag, caller) => {
                self.read_anew(now, CallId(tag), why);
            }
            queue::Event::OwnerSkipped { tag, caller, .. } if waits(tag, caller) => {
                self.work.push_back((CallId(tag), Event::OwnerSkipped));
            }
            queue::Event::Offered { tag, .. }
            | queue::Event::OfferWithdrawn { tag, .. }
            | queue::Event::Left { tag, .. } => self.read_anew(now, CallId(tag), LeaveWhy::MaxWait),
            _ => {}
        }
    }

    /// Words were lost. What they said is read from what they were about.
    pub(super) fn missed(&mut self, now: Now) {
        tracing::warn!(exchange = self.share.number, "words of other exchanges were lost: all is read anew");
        self.count("times that words between exchanges were lost");
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        for call in calls {
            self.read_anew(now, call, LeaveWhy::MaxWait);
        }
        self.callbacks_anew(now);
        self.urgent_anew();
        if self.share.is_first() {
            self.desks.touch_all();
        } else {
            self.trust_found_trunks();
        }
    }

    /// Brings the call, or the callback, to where the core has its caller. `left`: why, should it be gone.
    fn read_anew(&mut self, now: Now, id: CallId, left: LeaveWhy) {
        if self.callback_anew(now, id) {
            return;
        }
        let Some(call) = self.calls.get(&id) else { return };
        let (Some(caller), told) = (call.queued_as(), call.offer()) else { return };
        let standing = self.core.standing(caller);
        let stands = match standing {
            Standing::Offered { offer, .. } => Some(offer),
            Standing::Connected => told,
            Standing::Waiting | Standing::Gone => None,
        };
        if stands == told && standing != Standing::Gone {
            return;
        }
        if let Some(offer) = told {
            self.desks.release(offer.agent(), id);
            self.work.push_back((id, Event::OfferWithdrawn { offer }));
        }
        match standing {
            Standing::Offered { offer, agent, queue } => {
                self.remember_match(now, caller);
                self.offered(now, id, offer, agent, queue);
            }
            Standing::Gone => {
                let name = self.calls.get(&id).and_then(|call| call.queue_name()).unwrap_or_default();
                let removed = self.plan.queue_by_name(name).is_none();
                let why = if removed { LeaveWhy::QueueRemoved } else { left };
                self.work.push_back((id, Event::LeftQueue { why }));
            }
            Standing::Waiting | Standing::Connected => {}
        }
    }
}
