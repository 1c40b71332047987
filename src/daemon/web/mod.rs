//! The web: a versioned HTTP API with sign-in, roles, tokens, a list of deeds, and a stream of events; and the page.
//!
//! ```text
//!   browsers, programs --> "web": one thread, a task for each connection --> a few threads that may wait
//!                                         ^                                     |            |
//!        driver --tap--> "web-events" ----+  ring of events                  orders        store
//!                                                                           (console)  (own connections)
//! ```
//!
//! Nothing here has a priority, and nothing that carries calls waits for it: orders go through the console's bounded queue,
//! of which the driver takes some at a turn; events come through a bounded tap.

mod api;
mod app;
mod attempts;
mod document;
mod feed;
mod gate;
mod page;
mod problem;
mod routes;
mod rules;
mod serve;
mod shown;
mod sound;
mod stream;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use tokio::sync::{Semaphore, watch};

use self::app::App;
use self::attempts::Attempts;
use self::feed::Feed;
use self::gate::Lasting;
use self::serve::Shared;
use super::control::{Order, Orders};
use super::counters::Counters;
use super::events::Live;
use super::failure::Failure;
use super::office::Office;
use super::transport::access::AccessLists;
use super::transport::listen::{Seats, listen};
use super::users::Secret;

pub use self::gate::TOKEN_KIND;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Without TLS: of this machine only.
    pub http: Vec<SocketAddr>,
    pub https: Vec<SocketAddr>,
    pub connections: usize,
    pub connections_per_source: usize,
    /// Octets of one request's body.
    pub max_body: usize,
    /// For the head of a request, and between two requests.
    pub head_within: Duration,
    /// Without a request a session ends after so long.
    pub session_idle: Duration,
    pub session_whole: Duration,
    /// So many sign-ins in vain within that time, by source and by name.
    pub failures: u32,
    pub failure_window: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            http: Vec::new(),
            https: Vec::new(),
            connections: 512,
            connections_per_source: 64,
            max_body: 64 * 1024,
            head_within: Duration::from_secs(30),
            session_idle: Duration::from_secs(3600),
            session_whole: Duration::from_secs(12 * 3600),
            failures: 5,
            failure_window: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// Somebody has said where.
    pub fn is_served(&self) -> bool {
        !self.http.is_empty() || !self.https.is_empty()
    }
}

/// What the web is given of the daemon.
pub struct Around<'a> {
    pub folder: &'a Path,
    pub orders: Orders,
    /// The floor's events.
    pub live: Live,
    pub access: &'a AccessLists,
    pub tls: Option<Arc<ServerConfig>>,
    pub counters: &'a Arc<Counters>,
}

/// The driver's end. Connections are closed when it is dropped.
pub struct Web {
    addresses: Vec<String>,
    tls: Arc<ArcSwapOption<ServerConfig>>,
    ending: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Web {
    /// # Errors
    /// An address cannot be listened on; a thread cannot be started.
    pub fn start(config: &Config, around: Around<'_>) -> Result<Web, Failure> {
        let Around { folder, orders, live, access, tls, counters } = around;
        let run = Secret::new("")?.text().get(..8).unwrap_or_default().to_owned();
        let (ending, ended) = watch::channel(false);
        let feed = Arc::new(Feed::new(run.clone()));
        feed.fill(live)?;
        let to = folder.to_owned();
        let ask = move |order: Order, by: &str| {
            orders.carry_out(order, by.to_owned()).ok_or_else(|| Failure::NotRunning { folder: to.clone() })
        };
        let office = Office::with(folder, ask);
        let lasting = Lasting { idle: config.session_idle, whole: config.session_whole };
        let attempts = Attempts::new(config.failures, config.failure_window);
        let app = App::new(office, lasting, config.max_body, attempts, feed, ended.clone());
        let tls = Arc::new(ArcSwapOption::from(tls));
        let declared = routes::all().finish();
        let routes = declared.routes.len();
        let shared = Shared {
            router: page::router(declared.router).with_state(app),
            tls: Arc::clone(&tls),
            access: access.clone(),
            room: Arc::new(Semaphore::new(config.connections)),
            seats: Seats::new(config.connections_per_source),
            head_within: config.head_within,
            counters: Arc::clone(counters),
            ending: ended.clone(),
            run: run.into(),
            requests: Arc::default(),
        };
        let failed = || Failure::io("the web's thread could not be started");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            // For requests, for passwords, and for files as they are sent.
            .max_blocking_threads(app::AT_WORK + 4)
            .thread_name("web-work")
            .build()
            .map_err(failed())?;
        let mut addresses = Vec::new();
        let within = runtime.enter();
        for (all, secure) in [(&config.http, false), (&config.https, true)] {
            let scheme = if secure { "https" } else { "http" };
            for address in all {
                let bound = listen(*address).and_then(|listener| Ok((listener.local_addr()?, listener)));
                let (local, listener) = bound.map_err(|error| {
                    Failure::Other(format!("the web cannot be served at {scheme}://{address}: {error}"))
                })?;
                addresses.push(format!("{scheme}://{local}"));
                runtime.spawn(serve::accept(listener, secure, shared.clone()));
            }
        }
        drop(within);
        let mut until = ended;
        let turn = move || {
            runtime.block_on(async {
                let _ = until.changed().await;
                // Whoever is connected is told, and has a moment.
                tokio::time::sleep(Duration::from_millis(200)).await;
            });
            // What waits for a disk or for the driver is not waited for.
            runtime.shutdown_background();
        };
        let thread = Builder::new().name("web".to_owned()).spawn(turn).map_err(failed())?;
        tracing::info!(?addresses, routes, "the web is served");
        Ok(Web { addresses, tls, ending, thread: Some(thread) })
    }

    /// As `https://127.0.0.1:8443`.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// New connections begin with this certificate. Taken away, the one that there was goes on.
    pub fn reload(&self, tls: Option<Arc<ServerConfig>>) {
        if tls.is_some() {
            self.tls.store(tls);
        }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.ending.send(true);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
