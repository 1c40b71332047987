//! Where callers stand: joining the line, places kept for those who dropped, who served whom last.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::callbacks::earlier;
use super::{Exchange, Output};
use crate::base::{AgentId, CallId, Instant, Masked, Now};
use crate::call::{Event, QueueRequest};
use crate::dialplan::{self, Plan};
use crate::queue::{AgentState, Join, JoinError, Owner};
use crate::record::{Contact, KeptPlace, Record};

/// Callers who dropped within the last minutes: more than ever wait at a time.
pub(super) const MOST_PLACES: usize = 20_000;

/// Numbers whose last agent is remembered: some 10 MB, a month of a large bank.
pub(super) const MOST_CONTACTS: usize = 100_000;

/// After this long nobody remembers what the last call was about.
const CONTACT_LASTS: Duration = Duration::from_secs(30 * 24 * 3600);

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

    /// The first owner who can be waited for, else the first whom anybody knows: of them the core says that they are
    /// passed over.
    fn owner(&self, now: Now, call: CallId, request: &QueueRequest, plan: &Plan) -> Option<Owner> {
        let from = self.calls.get(&call).map(|call| call.from().clone()).filter(|from| !from.is_empty());
        let known: Vec<AgentId> = request
            .owners
            .iter()
            .filter_map(|owner| match owner {
                dialplan::Owner::Person(person) => self.numbering.agent(&plan.agent(*person)?.extension),
                dialplan::Owner::Contact => self.commons.contacts().get(now.mono, from.as_ref()?),
            })
            .collect();
        let is_there = |agent: &&AgentId| {
            let state = self.core.agent_state(**agent);
            state.is_some_and(|state| !matches!(state, AgentState::SignedOff | AgentState::Away(_)))
        };
        let agent = known.iter().find(is_there).or(known.first())?;
        Some(Owner { agent: *agent, hold: request.owner_wait })
    }

    /// The extension of who served this number last.
    pub(super) fn contact_owner(&self, now: Now, number: &Masked<String>) -> Option<String> {
        let agent = self.commons.contacts().get(now.mono, number).filter(|_| !number.is_empty())?;
        Some(self.numbering.extension(agent).to_owned())
    }

    /// The agent serves this caller: their next call is the agent's too.
    pub(super) fn contact(&mut self, now: Now, call: CallId, agent: AgentId) {
        let from = self.calls.get(&call).map(|call| call.from().clone()).filter(|from| !from.is_empty());
        let Some(number) = from else { return };
        self.commons.contacts().put(now.mono, number.clone(), agent, now.mono + CONTACT_LASTS);
        let extension = self.numbering.extension(agent).to_owned();
        let contact = Contact { number, extension, until: now.wall + CONTACT_LASTS };
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
        for Contact { number, extension, until } in contacts {
            if let Some(agent) = self.numbering.agent(&extension) {
                self.commons.contacts().put(now.mono, number, agent, now.mono + until.since(now.wall));
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
