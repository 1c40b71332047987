//! What any thread may look at while the exchanges work: the queue core makes nobody wait, neither who looks nor who
//! routes.

use std::sync::Arc;

use super::QueueLine;
use super::commons::Commons;
use super::io::millis;

/// The house's wall board. What it shows of one queue and another may be a moment apart.
#[derive(Clone)]
pub struct Board(Arc<Commons>);

impl Board {
    pub(super) fn of(commons: &Arc<Commons>) -> Self {
        Board(commons.clone())
    }

    /// As the plan in force has them.
    pub fn queues(&self) -> Vec<QueueLine> {
        let names = self.0.numbering();
        let snapshot = self.0.core.snapshot();
        let line = |queue: &crate::queue::QueueView| QueueLine {
            name: names.queue_name(queue.id).to_owned(),
            waiting: queue.waiting + queue.offered,
            talking: queue.talking,
            longest_ms: queue.longest.map_or(0, millis),
            signed_on: queue.signed_on,
            ready: queue.ready,
        };
        snapshot.queues.iter().map(line).collect()
    }
}
