//! What the administrator has decided: which queues there are, what they ask for, and who can do what.
//! A topology never changes; [`Core::reconfigure`](super::Core::reconfigure) takes the next one.

use std::time::Duration;

use super::Refusal;
use crate::base::{AgentId, QueueId};

/// A skill and the level it is wanted or had at. `skill` is an index into the plan's list of skills; levels
/// are the administrator's own scale, higher is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    pub skill: u16,
    pub level: u8,
}

/// One named service that callers wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    pub id: QueueId,
    /// All of these are needed. Empty: any agent may serve.
    pub requirement: Vec<Requirement>,
    /// Or, instead, all of one of these.
    pub or: Vec<Vec<Requirement>>,
    /// Head start in the one order that all queues share: a caller is treated as if it had arrived this much
    /// earlier. It bounds overtaking: nobody is passed by a caller who came later than the difference of
    /// the two credits.
    pub credit: Duration,
    /// How much the agents who can serve this queue are kept free for it (VIP 4, complaint 2, consultation
    /// 0). A caller uses up agents of a queue with a higher value only when nobody else can come, and only
    /// beyond the reserve.
    pub value: u32,
    /// Share of the signed-on agents who can serve the queue that stay idle for it, in per cent, where it has a
    /// value; `None`: as [`Config`] says.
    pub reserve_percent: Option<u8>,
    /// After how long a caller becomes content with the next tier of agents, or with a level lower by one:
    /// the first entry is for one tier or level, the second for two, and so on. What has no entry is never
    /// reached. A missing skill is never made up for by waiting.
    pub relaxation: Vec<Duration>,
    /// After how long any agent will do who has the caller's own extra skills, whatever the queue asks for.
    pub anyone_after: Option<Duration>,
    /// Counted from joining; `None` waits for ever.
    pub max_wait: Option<Duration>,
    /// After a call from this queue.
    pub wrap_up: Duration,
    /// How many may wait at the same time.
    pub capacity: Option<u32>,
    /// Nobody new may join; who waits already is served.
    pub closed: bool,
}

impl QueueSpec {
    /// A queue that asks for nothing and favours nobody, with the product's defaults.
    pub fn new(id: QueueId) -> Self {
        QueueSpec {
            id,
            requirement: Vec::new(),
            or: Vec::new(),
            credit: Duration::ZERO,
            value: 0,
            reserve_percent: None,
            relaxation: [20, 40, 60].map(Duration::from_secs).to_vec(),
            anyone_after: None,
            max_wait: None,
            wrap_up: Duration::from_secs(20),
            capacity: None,
            closed: false,
        }
    }
}

/// A person who can be offered callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSpec {
    pub id: AgentId,
    /// What the agent can do and how well.
    pub skills: Vec<Requirement>,
    /// 0 is asked at once; higher tiers only after the queue's relaxation steps.
    pub tier: u8,
    /// Serves these queues only; `None`: every queue whose requirement is met.
    pub queues: Option<Vec<QueueId>>,
    /// With how many callers the agent may be connected: a further one is offered while all of them are on hold, where
    /// nobody else is free. 0 counts as 1.
    pub calls_at_once: u8,
}

impl AgentSpec {
    /// Somebody who can do nothing in particular, one call at a time.
    pub fn new(id: AgentId) -> Self {
        AgentSpec { id, skills: Vec::new(), tier: 0, queues: None, calls_at_once: 1 }
    }
}

/// Rules that hold for all queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Share of the signed-on agents of a protected queue that stay idle for it, in per cent, where the queue does not
    /// say otherwise.
    pub reserve_percent: u8,
    /// After this wait a caller may take an agent out of the reserve.
    pub reserve_waived_after: Duration,
    /// So many offers unanswered in a row put an agent away (no answer).
    pub no_answers: u32,
    /// How long an agent who rejected a caller is offered nobody.
    pub rest_rejected: Duration,
    /// The same after the phone was busy.
    pub rest_busy: Duration,
    /// The same after nobody answered, or the phone could not be reached.
    pub rest_no_answer: Duration,
    /// What one extension adds to a wrap-up.
    pub wrap_up_extension: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            reserve_percent: 20,
            reserve_waived_after: Duration::from_secs(90),
            no_answers: 2,
            rest_rejected: Duration::from_secs(10),
            rest_busy: Duration::from_secs(30),
            rest_no_answer: Duration::from_secs(15),
            wrap_up_extension: Duration::from_secs(40),
        }
    }
}

impl Config {
    /// For how long who did not take a caller rests, and whether it counts as an offer unanswered.
    pub(super) fn rest_after(&self, refusal: Refusal) -> (Duration, bool) {
        match refusal {
            Refusal::Rejected => (self.rest_rejected, false),
            Refusal::Busy => (self.rest_busy, false),
            Refusal::Unreachable | Refusal::RingTimeout => (self.rest_no_answer, true),
        }
    }
}

/// Queues, agents and rules. Where an id occurs twice, the first one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    pub queues: Vec<QueueSpec>,
    pub agents: Vec<AgentSpec>,
    pub config: Config,
}
