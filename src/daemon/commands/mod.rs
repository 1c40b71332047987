//! What the command line does besides serving: ask a running daemon, read its store, check dialplans,
//! rehearse days.

mod agent;
mod callbacks;
mod cases;
mod check;
mod complaint_line;
mod complaints;
mod counted;
mod events;
mod graph;
mod import;
mod matters;
mod passage;
mod promises;
mod queues;
mod records;
mod rehearse;
mod routing;
mod schema;
mod sip;
mod trial;
mod urgent;
mod users;
mod version_line;
mod versions;

pub use agent::{
    AgentOrder, agent, call_out, parse_until, pause_recording, running, status, supervise, transfer,
};
pub use callbacks::{Callbacks, callbacks};
pub use cases::{TestOrder, test, tests_reference};
pub use check::{Checked, check, pin, plan_with, reference};
pub use complaint_line::{ComplaintOf, ComplaintsLine, NoteLine, SurveysLine};
pub use events::events;
pub use graph::{Drawn, GraphOrder, Over, graph};
pub use import::import;
pub use matters::{Matters, matters};
pub use passage::passage;
pub use promises::{Promises, promises};
pub use queues::queues;
pub use records::{Form, MessageOrder, call, calls, messages};
pub use rehearse::{RehearseOrder, days_reference, rehearse};
pub use routing::{change_waiting, why};
pub use schema::{SchemaOf, schema};
pub use sip::trace;
pub use trial::{TrialOrder, trial};
pub use urgent::{answer_urgent, parse_answer, urgents};
pub use users::{Audit, Tokens, Users, audit, tokens, users};
pub use version_line::{CanaryOrder, DiffLine, ReloadLine, RollbackLine, VersionsLine};
#[cfg(test)]
pub use versions::change;
