//! A reload: read beside the loop, put in force by it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Stage, Turning};
use crate::daemon::control::Response;
use crate::daemon::failure::Failure;
use crate::daemon::inbox::Report;
use crate::daemon::loaded::Loaded;
use crate::daemon::priority;
use crate::daemon::{gauges, notify};
use crate::exchange::Input;

/// One reload at a time: who asks during one waits for the next.
#[derive(Default)]
pub(super) struct Reload {
    running: bool,
    wanted: bool,
    waiting: Vec<oneshot::Sender<Response>>,
    next: Vec<oneshot::Sender<Response>>,
}

impl Turning {
    pub(super) fn begin_reload(&mut self, reply: Option<oneshot::Sender<Response>>) {
        if self.stage != Stage::Serving {
            // The service manager has been told that we end: nothing may tell it otherwise.
            let waiting =
                if self.reload.running { Vec::new() } else { std::mem::take(&mut self.reload.waiting) };
            for asked in waiting.into_iter().chain(reply) {
                let _ = asked.send(Response::Refused("the hotline is ending".to_owned()));
            }
            return;
        }
        if self.reload.running {
            self.reload.wanted = true;
            self.reload.next.extend(reply);
            return;
        }
        self.reload.running = true;
        self.reload.waiting.extend(reply);
        tracing::info!("reload begins");
        notify::reloading();
        let (load, prompts) = (Arc::clone(&self.driver.load), self.driver.loaded.prompts.clone());
        let inbox = self.driver.inbox.clone();
        let read = move || {
            priority::give_up();
            // A reload that never ended would keep every later one waiting.
            let read = AssertUnwindSafe(|| Loaded::again(&load, &prompts));
            let loaded = catch_unwind(read).unwrap_or_else(|_| {
                Err(Failure::Other("the reload failed by a fault of the hotline".to_owned()))
            });
            inbox.push_patiently(Report::Reloaded(Box::new(loaded)));
        };
        if let Err(error) = std::thread::Builder::new().name("reload".to_owned()).spawn(read) {
            self.end_reload(Err(Failure::Io { what: "the reload could not be started", error }));
        }
    }

    pub(super) fn end_reload(&mut self, result: Result<Loaded, Failure>) {
        let response = match result {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    tracing::warn!("{warning}");
                }
                tracing::info!(prompts = loaded.prompts.catalog.len(), "reloaded");
                // The engines know a prompt before a plan can name it.
                self.driver.workers.library(&loaded.prompts.library);
                self.driver.log.set_filter(&loaded.settings.log.filter);
                self.driver.transports.reload(&loaded.settings.listen, loaded.tls.clone());
                let warnings = loaded.warnings.clone();
                let plan = Arc::clone(&loaded.plan);
                self.driver.boxes.set_pins(loaded.settings.pins.clone());
                self.driver.records.plan(Arc::clone(&plan));
                let rules = &self.driver.rules;
                let mut config = loaded.settings.exchange.clone();
                config.loopback_is_trunk = rules.loopback_is_trunk;
                config.accounts.extend(rules.demo_accounts.iter().cloned());
                gauges::complete(&mut config.overload);
                self.driver.loaded = loaded;
                self.input(Input::Reload { plan, config: Some(Box::new(config)) });
                Response::Reloaded { warnings }
            }
            Err(failure) => {
                tracing::error!("not reloaded, everything stays as it was: {failure}");
                Response::Refused(failure.to_string())
            }
        };
        if self.stage == Stage::Serving {
            notify::ready("taking calls");
        }
        for waiting in std::mem::take(&mut self.reload.waiting) {
            let _ = waiting.send(response.clone());
        }
        self.reload.running = false;
        if std::mem::take(&mut self.reload.wanted) {
            self.reload.waiting = std::mem::take(&mut self.reload.next);
            self.begin_reload(None);
        }
    }
}
