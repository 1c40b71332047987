//! What concerns the dialplan: prepared beside the loop, put in force by it, one order after the other.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Stage, Turning};
use crate::daemon::control::Response;
use crate::daemon::failure::Failure;
use crate::daemon::inbox::Report;
use crate::daemon::loaded::Loaded;
use crate::daemon::priority;
use crate::daemon::versions::{Done, Prepared, Present, Task, Wanted};
use crate::daemon::{gauges, notify};
use crate::exchange::{CanaryNews, Input, Trial};

/// One order at a time: who asks during one waits, and with whoever asks for the same.
#[derive(Default)]
pub(super) struct Reload {
    running: Option<Order>,
    waiting: VecDeque<Order>,
    /// What is on trial.
    trial: Option<Loaded>,
}

struct Order {
    wanted: Wanted,
    replies: Vec<oneshot::Sender<Response>>,
}

impl Turning {
    pub(super) fn begin_reload(&mut self, wanted: Wanted, reply: Option<oneshot::Sender<Response>>) {
        let no = match wanted.task {
            // The service manager has been told that we end: nothing may tell it otherwise.
            _ if self.stage != Stage::Serving => Some("the hotline is ending"),
            Task::Accept | Task::Stop { .. } if self.reload.trial.is_none() => Some("there is no canary"),
            _ => None,
        };
        if let Some(no) = no {
            if let Some(reply) = reply {
                let _ = reply.send(Response::Refused(no.to_owned()));
            }
            return;
        }
        match self.reload.waiting.iter_mut().find(|order| order.wanted == wanted) {
            Some(same) => same.replies.extend(reply),
            None => self.reload.waiting.push_back(Order { wanted, replies: reply.into_iter().collect() }),
        }
        self.next_reload();
    }

    fn next_reload(&mut self) {
        if self.reload.running.is_some() {
            return;
        }
        let Some(order) = self.reload.waiting.pop_front() else { return };
        let wanted = order.wanted.clone();
        tracing::info!(task = ?wanted.task, by = wanted.by, "reload begins");
        self.reload.running = Some(order);
        notify::reloading();
        let driver = &self.driver;
        let present = Present {
            load: Arc::clone(&driver.load),
            prompts: driver.loaded.prompts.clone(),
            plan: Arc::clone(&driver.loaded.plan),
            history: driver.history.clone(),
        };
        let inbox = driver.inbox.clone();
        let prepare = move || {
            priority::give_up();
            // A reload that never ended would keep every later one waiting.
            let prepared = catch_unwind(AssertUnwindSafe(|| present.prepare(&wanted)));
            let prepared = prepared.unwrap_or_else(|_| {
                Err(Failure::Other("the reload failed by a fault of the hotline".to_owned()))
            });
            inbox.push_patiently(Report::Reloaded(Box::new(prepared)));
        };
        if let Err(error) = std::thread::Builder::new().name("reload".to_owned()).spawn(prepare) {
            self.end_reload(Err(Failure::Io { what: "the reload could not be started", error }));
        }
    }

    pub(super) fn end_reload(&mut self, result: Result<(Prepared, Done), Failure>) {
        let response = match result {
            Ok((prepared, done)) => {
                for warning in &done.warnings {
                    tracing::warn!("{warning}");
                }
                for change in &done.changes {
                    tracing::info!("{change}");
                }
                self.put_in_force(prepared);
                let Done { version, changes, warnings, tests } = done;
                tracing::info!(version, "reloaded");
                Response::Reloaded { warnings, version, changes, tests }
            }
            Err(failure) => {
                tracing::error!("not reloaded, everything stays as it was: {failure}");
                Response::Refused(failure.to_string())
            }
        };
        if self.stage == Stage::Serving {
            notify::ready("taking calls");
        }
        for waiting in self.reload.running.take().into_iter().flat_map(|order| order.replies) {
            let _ = waiting.send(response.clone());
        }
        if self.stage == Stage::Serving {
            return self.next_reload();
        }
        for left in std::mem::take(&mut self.reload.waiting).into_iter().flat_map(|order| order.replies) {
            let _ = left.send(Response::Refused("the hotline is ending".to_owned()));
        }
    }

    fn put_in_force(&mut self, prepared: Prepared) {
        match prepared {
            Prepared::Live(loaded) => {
                self.reload.trial = None;
                self.live(*loaded);
            }
            Prepared::Trial { loaded, per_mille, length } => {
                // The engines know a prompt before a plan can name it. Whatever becomes of the trial: ids that were given
                // keep their sounds, so the next reload goes on from here.
                self.driver.workers.library(&loaded.prompts.library);
                self.driver.loaded.prompts = loaded.prompts.clone();
                let salt = loaded.plan.version().wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let trial = Trial::new(Arc::clone(&loaded.plan), per_mille, length, salt);
                self.reload.trial = Some(*loaded);
                self.input(Input::Canary(Arc::new(trial)));
            }
            Prepared::Accepted => {
                if let Some(mut loaded) = self.reload.trial.take() {
                    loaded.prompts = self.driver.loaded.prompts.clone();
                    self.live(loaded);
                }
            }
            Prepared::Stopped => {
                self.reload.trial = None;
                self.input(Input::CanaryOver);
            }
        }
    }

    fn live(&mut self, loaded: Loaded) {
        tracing::info!(prompts = loaded.prompts.catalog.len(), version = loaded.plan.version(), "live");
        // The engines know a prompt before a plan can name it.
        self.driver.workers.library(&loaded.prompts.library);
        self.driver.log.set_filter(&loaded.settings.log.filter);
        self.driver.transports.reload(&loaded.settings.listen, loaded.tls.clone());
        if let Some(web) = &self.driver.web {
            web.reload(loaded.tls.server.clone());
        }
        let plan = Arc::clone(&loaded.plan);
        self.driver.boxes.set_pins(loaded.settings.pins.clone());
        self.driver.records.plan(Arc::clone(&plan));
        let rules = &self.driver.rules;
        let mut config = loaded.settings.exchange.clone();
        config.loopback_is_trunk = rules.loopback_is_trunk;
        config.call.certificates = rules.certificates;
        config.accounts.extend(rules.demo_accounts.iter().cloned());
        gauges::complete(&mut config.overload);
        self.driver.loaded = loaded;
        self.input(Input::Reload { plan, config: Some(Box::new(config)) });
    }

    /// The exchange has judged; what it said is written into the history, and carried out.
    pub(super) fn canary_news(&mut self, news: &CanaryNews) {
        let task = match news {
            CanaryNews::TakenBack { why, old, new } => {
                let shares = |of: fn(&crate::exchange::Tally) -> u32| {
                    format!(
                        "{} of {} calls, {} of {} with the version before",
                        of(new),
                        new.calls,
                        of(old),
                        old.calls
                    )
                };
                let shares = match why {
                    crate::exchange::Worse::GiveUps => shares(|tally| tally.gave_up),
                    crate::exchange::Worse::WrongKeys => shares(|tally| tally.wrong_keys),
                };
                tracing::warn!(%why, shares, "the canary is taken back");
                Task::Stop { why: format!("{why}: {shares}") }
            }
            CanaryNews::Accepted { .. } => {
                tracing::info!("the canary is accepted");
                Task::Accept
            }
        };
        self.begin_reload(Wanted { task, by: "canary".to_owned() }, None);
    }
}
