//! One cell per caller and per agent: all that the core remembers about them.

use std::collections::VecDeque;
use std::time::Duration;

use super::index::Place;
use super::line::{Key, Line};
use super::{AgentState, Away, CallerId, Deadline, OfferId, Requirement};
use crate::base::{AgentId, Instant, QueueId};

/// A caller. `Waiting` callers, and only they, stand in exactly one line: their owner's while `owner` is
/// set, else their lane's.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub id: CallerId,
    pub tag: u64,
    pub queue: QueueId,
    pub extra: Vec<Requirement>,
    /// The caller's own credit, where it has one.
    pub own_credit: Option<Duration>,
    pub arrived: Instant,
    pub key: Key,
    /// Index into the lanes. Means nothing once connected: a new topology may have no such lane.
    pub lane: usize,
    pub state: CallerState,
    /// The agent waited for alone, and until when.
    pub owner: Option<(AgentId, Instant)>,
    pub leave_by: Option<Instant>,
    /// Agents who did not take this caller, and until when they are not asked again.
    pub not_again: Vec<(AgentId, Instant)>,
    /// Relaxation steps reached, and whether the reserve is open: what has been announced, so that each
    /// fires once.
    pub relaxed: usize,
    pub waived: bool,
    /// Position right after joining, the yardstick of the estimate.
    pub joined_at: u32,
    pub timer: Option<(Instant, Deadline)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallerState {
    Waiting,
    /// Does something else for a while, and stands in no line.
    Parked,
    Offered(AgentId),
    Connected(AgentId),
}

impl Caller {
    pub fn barred(&self, agent: AgentId, now: Instant) -> bool {
        self.not_again.iter().any(|(barred, until)| *barred == agent && *until > now)
    }
}

/// An agent. `Ready` and not resting agents and those open to a `Further` caller, and only they, stand in their group's
/// list of idle agents.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub id: AgentId,
    /// Index into the groups; `None` once the topology has dropped an agent who still talks.
    pub group: Option<usize>,
    pub state: State,
    /// In this state since.
    pub since: Instant,
    /// Kept when an offer ends by no fault of the agent's.
    pub idle: Place,
    /// Callers on hold.
    pub held: Vec<CallerId>,
    /// The number of the last offer.
    pub epoch: u32,
    /// Offers unanswered in a row.
    pub misses: u32,
    /// Did not take a caller: no offers before this.
    pub rest_until: Option<Instant>,
    /// What becomes of the agent when the call ends.
    pub after_call: AfterCall,
    pub extended: bool,
    /// Callers who wait for this agent alone.
    pub owned: Line,
    pub timer: Option<(Instant, Deadline)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    SignedOff,
    Away(Away),
    Ready,
    Reserved(CallerId),
    /// `None`: a call from no queue.
    Talking(Option<CallerId>),
    /// All calls are on hold, and there is room for a further one.
    Further,
    /// Talks with somebody among those on hold, and is offered nobody.
    Holding,
    WrapUp(Instant),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterCall {
    Stays,
    Away(Away),
    SignOff,
}

impl Agent {
    pub fn new(id: AgentId, group: usize) -> Self {
        Agent {
            id,
            group: Some(group),
            state: State::SignedOff,
            since: Instant::ZERO,
            idle: (false, Instant::ZERO, 0),
            held: Vec::new(),
            epoch: 0,
            misses: 0,
            rest_until: None,
            after_call: AfterCall::Stays,
            extended: false,
            owned: Line::default(),
            timer: None,
        }
    }

    pub fn public_state(&self, now: Instant) -> AgentState {
        match (self.state, self.rest_until) {
            (State::Ready, Some(until)) if until > now => return AgentState::Resting { until },
            _ => {}
        }
        match self.state {
            State::SignedOff => AgentState::SignedOff,
            State::Away(why) => AgentState::Away(why),
            State::Ready => AgentState::Ready,
            State::Reserved(_) => AgentState::Reserved,
            State::Talking(_) | State::Further | State::Holding => AgentState::Talking,
            State::WrapUp(until) => AgentState::WrapUp { until },
        }
    }

    pub fn offer(&self) -> OfferId {
        OfferId { agent: self.id, epoch: self.epoch }
    }

    /// May be offered callers this instant.
    pub fn is_idle(&self, now: Instant) -> bool {
        self.state == State::Further
            || self.state == State::Ready && self.rest_until.is_none_or(|until| until <= now)
    }

    /// Worth waiting for: will be free again without anybody's decision.
    pub fn will_return(&self) -> bool {
        self.after_call == AfterCall::Stays && !matches!(self.state, State::SignedOff | State::Away(_))
    }
}

/// Callers by index, with an epoch per cell so that old handles are recognised.
#[derive(Clone, Debug, Default)]
pub(super) struct Callers {
    cells: Vec<Cell>,
    /// First in, first out: the longer a cell rests, the safer its epoch.
    free: VecDeque<u32>,
}

#[derive(Clone, Debug, Default)]
struct Cell {
    epoch: u32,
    caller: Option<Caller>,
}

impl Callers {
    /// Makes room, and puts there what `build` makes of the new handle.
    pub fn add(&mut self, build: impl FnOnce(CallerId) -> Caller) -> CallerId {
        let index = self.free.pop_front().unwrap_or_else(|| {
            self.cells.push(Cell::default());
            (self.cells.len() - 1) as u32
        });
        let cell = &mut self.cells[index as usize];
        cell.epoch = cell.epoch.wrapping_add(1);
        let id = CallerId { index, epoch: cell.epoch };
        cell.caller = Some(build(id));
        id
    }

    pub fn remove(&mut self, id: CallerId) -> Option<Caller> {
        self.get(id)?;
        self.free.push_back(id.index);
        self.cells.get_mut(id.index as usize)?.caller.take()
    }

    pub fn get(&self, id: CallerId) -> Option<&Caller> {
        self.at(id.index).filter(|c| c.id == id)
    }

    pub fn get_mut(&mut self, id: CallerId) -> Option<&mut Caller> {
        self.cells.get_mut(id.index as usize)?.caller.as_mut().filter(|c| c.id == id)
    }

    /// Whoever is in this cell now.
    pub fn at(&self, index: u32) -> Option<&Caller> {
        self.cells.get(index as usize)?.caller.as_ref()
    }

    /// In the order of their cells.
    pub fn iter(&self) -> impl Iterator<Item = &Caller> {
        self.cells.iter().filter_map(|cell| cell.caller.as_ref())
    }
}
