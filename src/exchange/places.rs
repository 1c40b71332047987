//! Where callers stand: joining the line, places kept for those who dropped, who served whom last.

use std::collections::{BTreeMap, BTreeSet};

use super::callbacks::earlier;
use super::{Exchange, FloorEvent, Output};
use crate::base::{AgentId, CallId, Instant, Masked, Now, QueueId, Wall};
use crate::call::{Event, QueueRequest};
use crate::dialplan::{self, Plan, QueueState};
use crate::presence;
use crate::queue::{AgentState, Join, JoinError, Owner};
use crate::record::{Contact, KeptPlace, Record};

/// Callers who dropped within the last minutes: more than ever wait at a time.
pub(super) const MOST_PLACES: usize = 20_000;

/// An owner and their delegates: of so many people somebody is there, or nobody will be.
const MOST_IN_TURN: usize = 8;

/// Numbers whose matters are remembered: some 10 MB, a month of a large bank.
pub(super) const MOST_CONTACTS: usize = 100_000;

/// Whose a customer's matter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Matter {
    pub owner: AgentId,
    /// They took it first then, or accepted it.
    pub since: Wall,
}

/// Things that are remembered for a while, and no more of them than fit: who would end first is forgotten first.
#[derive(Debug)]
pub(super) struct Lasting<K, V> {
    by_key: BTreeMap<K, (Instant, V)>,
    ends: BTreeSet<(Instant, K)>,
    most: usize,
}

impl<K: Ord + Clone, V: Copy> Lasting<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Lasting { by_key: BTreeMap::new(), ends: BTreeSet::new(), most }
    }

    pub(super) fn put(&mut self, now: Instant, key: K, value: V, until: Instant) {
        self.take(now, &key);
        while let Some((end, _)) = self.ends.first()
            && (*end <= now || self.ends.len() >= self.most)
            && let Some((_, key)) = self.ends.pop_first()
        {
            self.by_key.remove(&key);
        }
        self.ends.insert((until, key.clone()));
        self.by_key.insert(key, (until, value));
    }

    pub(super) fn get(&self, now: Instant, key: &K) -> Option<V> {
        self.by_key.get(key).filter(|(until, _)| *until > now).map(|(_, value)| *value)
    }

    pub(super) fn take(&mut self, now: Instant, key: &K) -> Option<V> {
        let (until, value) = self.by_key.remove(key)?;
        self.ends.remove(&(until, key.clone()));
        (until > now).then_some(value)
    }
}

impl Exchange {
    pub(super) fn join(&mut self, now: Now, call: CallId, request: &QueueRequest, plan: &Plan) {
        let name = plan.queue(request.queue).map_or("", |queue| queue.name.as_str());
        let event = match self.numbering.queue(name) {
            Some(queue) => {
                let from = self.calls.get(&call).map(|call| call.from().clone()).unwrap_or_default();
                let dropped = self.place_kept(now, &from, name);
                let owed = self.take_over_callback(now, call, &from, name);
                let kept = request.arrived.or(owed).or(dropped);
                let arrived = kept.unwrap_or(now.mono);
                let owner = self.owner(now, call, request, plan);
                let join = Join {
                    extra: self.numbering.requirements(plan, &request.needs),
                    credit: request.credit,
                    kept: kept.is_some(),
                    owner,
                    ..Join::new(queue, arrived, call.0)
                };
                match self.core.join(now.mono, join, &mut self.core_events) {
                    Ok(caller) => {
                        self.joined_floor(call, queue, kept.is_some());
                        Event::Queued { caller, arrived, owner: owner.is_some() }
                    }
                    Err(why) => Event::NotQueued { why },
                }
            }
            None => Event::NotQueued { why: JoinError::NoSuchQueue },
        };
        self.work.push_back((call, event));
    }

    /// How a queue of some call's plan stands, as the core sees it.
    pub(super) fn queue_state(&self, queue: QueueId, plan: &Plan) -> QueueState {
        let named = plan.queue(queue).and_then(|queue| self.numbering.queue(&queue.name));
        let view = self.core.snapshot().queues.into_iter().find(|view| Some(view.id) == named);
        view.map_or_else(QueueState::default, |view| QueueState {
            waiting: view.waiting + view.offered,
            longest: view.longest,
            ready: view.ready,
        })
    }

    /// The first owner who can be waited for, else the first whom anybody knows: of them the core says that they are
    /// passed over.
    fn owner(&self, now: Now, call: CallId, request: &QueueRequest, plan: &Plan) -> Option<Owner> {
        let from = self.calls.get(&call).map(|call| call.from().clone()).filter(|from| !from.is_empty());
        let known: Vec<AgentId> = request
            .owners
            .iter()
            .filter_map(|owner| match owner {
                dialplan::Owner::Person(person) => self.numbering.agent(&plan.agent(*person)?.extension),
                dialplan::Owner::Contact => {
                    Some(self.commons.contacts().get(now.mono, from.as_ref()?)?.owner)
                }
            })
            .flat_map(|owner| self.with_delegates(owner))
            .collect();
        let is_there = |agent: &&AgentId| {
            let state = self.core.agent_state(**agent);
            state.is_some_and(|state| !matches!(state, AgentState::SignedOff | AgentState::Away(_)))
        };
        let agent = known.iter().find(is_there).or(known.first())?;
        Some(Owner { agent: *agent, hold: request.owner_wait })
    }

    /// A person, and who takes their calls while they are away.
    fn with_delegates(&self, owner: AgentId) -> Vec<AgentId> {
        let delegates = presence::delegates(owner, |agent| self.delegate_of(agent));
        std::iter::once(owner).chain(delegates).take(MOST_IN_TURN).collect()
    }

    /// The extension of whose matter this number's is.
    pub(super) fn contact_owner(&self, now: Now, number: &Masked<String>) -> Option<String> {
        let matter = self.commons.contacts().get(now.mono, number).filter(|_| !number.is_empty())?;
        Some(self.numbering.extension(matter.owner).to_owned())
    }

    /// The agent serves this caller. Who does so first has the matter: their next calls are the agent's too, until
    /// somebody else accepts it by a key.
    pub(super) fn contact(&mut self, now: Now, call: CallId, agent: AgentId) {
        let known = self.calls.get(&call).and_then(|call| self.commons.contacts().get(now.mono, call.from()));
        // Who has left the house has left their matters.
        let theirs = known
            .filter(|matter| self.plan.agent_by_extension(self.numbering.extension(matter.owner)).is_some());
        let matter = theirs.unwrap_or(Matter { owner: agent, since: now.wall });
        self.matter_is(now, call, matter);
    }

    /// The agent accepts the matter of this caller.
    pub(super) fn take_matter(&mut self, now: Now, call: CallId, agent: AgentId) {
        let Some(number) = self.calls.get(&call).map(|call| call.from().clone()) else { return };
        let before = self.commons.contacts().get(now.mono, &number).map(|matter| matter.owner);
        if before == Some(agent) {
            return;
        }
        self.count("matters: accepted by somebody else");
        let from = before.map(|owner| self.numbering.extension(owner).to_owned());
        let to = self.numbering.extension(agent).to_owned();
        self.tell_floor(FloorEvent::Matter { call, customer: number.to_string(), from, to });
        self.matter_is(now, call, Matter { owner: agent, since: now.wall });
    }

    fn matter_is(&mut self, now: Now, call: CallId, matter: Matter) {
        let from = self.calls.get(&call).map(|call| call.from().clone()).filter(|from| !from.is_empty());
        let Some(number) = from else { return };
        let lasts = self.config.call.matter_lasts;
        self.commons.contacts().put(now.mono, number.clone(), matter, now.mono + lasts);
        let extension = self.numbering.extension(matter.owner).to_owned();
        let (since, until) = (matter.since, now.wall + lasts);
        let contact = Contact { number, extension, since, last_call: call, until };
        self.output.push_back(Output::Record(Record::Contact(Box::new(contact))));
    }

    /// The caller has hung up while waiting; whoever calls from this number until then stands where they stood.
    pub(super) fn keep_place(
        &mut self,
        now: Now,
        number: Masked<String>,
        queue: String,
        arrived: Instant,
        until: Instant,
    ) {
        self.commons.places().put(now.mono, (number.clone(), queue.clone()), arrived, until);
        let place = KeptPlace {
            number,
            queue,
            since: earlier(now.wall, now.mono.since(arrived)),
            until: now.wall + until.since(now.mono),
        };
        self.output.push_back(Output::Record(Record::Place(Box::new(place))));
    }

    fn place_kept(&mut self, now: Now, from: &Masked<String>, queue: &str) -> Option<Instant> {
        let key = (from.clone(), queue.to_owned());
        let arrived = self.commons.places().take(now.mono, &key)?;
        let (number, queue) = key;
        self.output.push_back(Output::Record(Record::PlaceTaken(number, queue)));
        Some(arrived)
    }

    /// What the last run remembered of callers.
    pub(super) fn restore_kept(&mut self, now: Now, contacts: Vec<Contact>, places: Vec<KeptPlace>) {
        for Contact { number, extension, since, until, .. } in contacts {
            if let Some(owner) = self.numbering.agent(&extension) {
                let matter = Matter { owner, since };
                self.commons.contacts().put(now.mono, number, matter, now.mono + until.since(now.wall));
            }
        }
        for KeptPlace { number, queue, since, until } in places {
            let (arrived, until) = (now.mono - now.wall.since(since), now.mono + until.since(now.wall));
            self.commons.places().put(now.mono, (number, queue), arrived, until);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_lasts_ends_in_time_and_makes_room() {
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let mut lasting = Lasting::new(2);
        lasting.put(at(0), "a", 1, at(10));
        lasting.put(at(0), "a", 2, at(20));
        assert_eq!((lasting.get(at(10), &"a"), lasting.get(at(20), &"a")), (Some(2), None));
        lasting.put(at(0), "b", 3, at(30));
        lasting.put(at(1), "c", 4, at(40));
        assert_eq!(lasting.get(at(1), &"a"), None, "the one that would have ended first made room");
        assert_eq!((lasting.take(at(1), &"b"), lasting.take(at(1), &"b")), (Some(3), None));
        assert_eq!(lasting.take(at(40), &"c"), None, "over");
        assert!(lasting.by_key.is_empty() && lasting.ends.is_empty());
    }
}
