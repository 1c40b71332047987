//! What is true of one caller at this moment, for a host that was not there when it came about.

use std::sync::atomic::Ordering;

use super::Core;
use super::word::{AgentStep, AgentWord, CallerState, CallerWord, Then, later};
use crate::base::QueueId;
use crate::queue::{CallerId, OfferId, Standing};

impl Core {
    /// How things stand for this caller. Events say the same in the order of one thread's operations; where several
    /// threads work on the core, an event may reach its host late, beside others, or not at all: this is what counts.
    pub fn standing(&self, id: CallerId) -> Standing {
        if id.index >= self.made.load(Ordering::Acquire) {
            return Standing::Gone;
        }
        let cell = self.callers.at(id.index);
        loop {
            let word = CallerWord::load(&cell.word);
            let queue = QueueId(cell.queue.load(Ordering::Relaxed) as u16);
            if cell.epoch.load(Ordering::Relaxed) != id.epoch {
                return Standing::Gone;
            }
            let agent = match word.state {
                CallerState::Free | CallerState::Changing { then: Then::Leaves } => return Standing::Gone,
                CallerState::Waiting { .. } | CallerState::Parked | CallerState::Changing { .. } => {
                    return Standing::Waiting;
                }
                CallerState::Connected { .. } => return Standing::Connected,
                CallerState::Offered { agent, .. } => agent,
            };
            let theirs = AgentWord::load(&self.agents.at(agent).word);
            // The offer bears the number of the tentative match, whether or not somebody has confirmed it yet.
            if let AgentStep::Tentative { caller, epoch } | AgentStep::Offered { caller, epoch } =
                theirs.state
                && caller == id.index
                && later(epoch, 1) == word.epoch
            {
                let agent = self.agent_id(&self.floor.load(), agent);
                return Standing::Offered { offer: OfferId { agent, epoch: theirs.epoch }, agent, queue };
            }
            // The offer ended between the two looks: the caller's word has moved on.
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::base::{AgentId, Instant};
    use crate::queue::{AgentSpec, Config, Event, Join, LeaveWhy, QueueSpec, Refusal, Topology};

    #[test]
    fn what_stands_is_what_the_events_said_last() {
        let topology = Topology {
            queues: vec![QueueSpec::new(QueueId(3))],
            agents: vec![AgentSpec::new(AgentId(7))],
            config: Config::default(),
        };
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let (core, mut events) = (Core::new(at(0), &Arc::new(topology)), Vec::new());
        core.agent_login(at(0), AgentId(7), &mut events);
        let caller = core.join(at(0), Join::new(QueueId(3), at(0), 1), &mut events).unwrap();
        assert_eq!(core.standing(caller), Standing::Waiting);
        let offer = |events: &mut Vec<Event>| {
            events.drain(..).find_map(|event| match event {
                Event::Offered { offer, .. } => Some(offer),
                _ => None,
            })
        };
        core.agent_ready(at(1), AgentId(7), &mut events);
        let first = offer(&mut events).unwrap();
        let standing = Standing::Offered { offer: first, agent: AgentId(7), queue: QueueId(3) };
        assert_eq!(core.standing(caller), standing);
        core.offer_refused(at(2), first, Refusal::RingTimeout, &mut events);
        assert_eq!(core.standing(caller), Standing::Waiting);
        core.agent_ready(at(200), AgentId(7), &mut events);
        let second = offer(&mut events).unwrap();
        core.offer_accepted(at(201), second, &mut events).unwrap();
        assert_eq!(core.standing(caller), Standing::Connected);
        core.call_ended(at(202), AgentId(7), None, &mut events);
        assert_eq!(core.standing(caller), Standing::Gone);
        let next = core.join(at(203), Join::new(QueueId(3), at(203), 1), &mut events).unwrap();
        assert_eq!((core.standing(caller), core.standing(next)), (Standing::Gone, Standing::Waiting));
        core.leave(at(204), next, LeaveWhy::Abandoned, &mut events);
        assert_eq!(core.standing(next), Standing::Gone);
    }
}
