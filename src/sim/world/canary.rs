//! A plan on trial in a world: begun at a time, and what the exchange says of it carried out as the daemon would.

use std::sync::Arc;

use super::World;
use crate::base::Instant;
use crate::exchange::{CanaryNews, Input, Trial};
use crate::sim::agenda::Due;

impl World {
    /// From this time on some callers meet the trial's plan.
    pub fn canary_at(&mut self, at: Instant, trial: Arc<Trial>) {
        self.agenda.add(at, Due::Canary(trial));
    }

    pub(super) fn begin_canary(&mut self, trial: Arc<Trial>) {
        self.on_trial = Some(trial.clone());
        self.input(Input::Canary(trial));
    }

    /// In the same moment, when the exchange has nothing more to say.
    pub(super) fn canary_over(&mut self, news: CanaryNews) {
        self.report.canary = Some(news.clone());
        let Some(trial) = self.on_trial.take() else { return };
        match news {
            CanaryNews::TakenBack { .. } => self.input(Input::CanaryOver),
            CanaryNews::Accepted { .. } => {
                self.plan = trial.plan().clone();
                let plan = self.plan.clone();
                self.input(Input::Reload { plan, config: None });
            }
        }
    }
}
