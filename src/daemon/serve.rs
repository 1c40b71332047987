//! `hotline serve`: everything is read, checked and opened, then the loop turns.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::Rng;
use crate::exchange::{self, Exchange};
use crate::sip::Transport;

use super::accounts::DemoAccounts;
use super::banner::Ready;
use super::clock;
use super::control::Control;
use super::counters::Counters;
use super::driver::Driver;
use super::failure::Failure;
use super::heartbeat::Heartbeats;
use super::inbox::{Inbox, Report, Told};
use super::loaded::{Load, Loaded};
use super::logging;
use super::recorder::{self, Recorder, Repaired};
use super::records::Records;
use super::state::{self, State};
use super::store::{Sqlite, Store};
use super::transport::{self, Transports};
use super::workers::{Surroundings, Workers};

/// What threads may report before the driver looks: a second of a thousand busy legs.
const INBOX: usize = 16 * 1024;

/// Ends a daemon from within its own process.
#[derive(Clone)]
pub struct Stopper(Inbox<Report>);

impl Stopper {
    /// As a second signal does: calls are ended, records written.
    pub fn stop(&self) {
        self.0.push_patiently(Report::Told(Told::StopAtOnce));
    }
}

/// Runs a daemon on this thread until it is told to stop. `ready` is called once, when it takes calls.
pub fn run(load: Load, ready: impl FnOnce(&Ready, Stopper)) -> Result<(), Failure> {
    let settings = load()?;
    logging::start(&settings.log);
    let loaded = Loaded::first(settings)?;
    let state = State::open(state::folder(loaded.settings.state.as_deref())?)?;
    let mut store = Sqlite::open(&state::database(state.folder()))?;
    recover(&state, &mut store)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::io("the runtime could not be started"))?;
    let inbox = Inbox::new(INBOX);
    let stopper = Stopper(inbox.clone());
    runtime.block_on(async {
        let (driver, is_ready) = build(load, loaded, &state, store, inbox)?;
        // Only now: whoever cannot start is told the one reason.
        for warning in &driver.loaded.warnings {
            tracing::warn!("{warning}");
        }
        ready(&is_ready, stopper);
        driver.run().await
    })
}

/// Opens everything, in an order that leaves nothing behind where a later step fails.
fn build(
    load: Load,
    loaded: Loaded,
    state: &State,
    mut store: Sqlite,
    inbox: Inbox<Report>,
) -> Result<(Driver, Ready), Failure> {
    let settings = &loaded.settings;
    let counters = Arc::new(Counters::default());
    let mut rng = Rng::from_seed(seed()?);
    let demo = match settings.bare {
        true => Some(DemoAccounts::load_or_make(state.folder(), &loaded.plan, &mut rng)?),
        false => None,
    };
    let transports = Transports::bind(&settings.listen, settings.exchange.sip.limits, &counters)?;
    let control = Control::listen(&state::control_socket(state.folder()))?;
    let (recorder, recording) =
        Recorder::start(state.folder(), &settings.recording, inbox.clone(), &counters)?;
    let mut hearts = Heartbeats::default();
    let heart = hearts.watch("exchange");
    let around = Surroundings {
        media: &settings.media,
        recorder: &recorder,
        inbox: &inbox,
        counters: &counters,
        hearts: &mut hearts,
    };
    let workers = Workers::start(&settings.workers, settings.rtp_address(), around)?;
    workers.library(&loaded.prompts.library);
    let ids = store.ids()?;
    let records = Records::start(store, inbox.clone())?;
    let addresses = transports.addresses();
    let config = exchange_config(&loaded, demo.as_ref(), &addresses);
    let ready = Ready {
        addresses,
        state: state.folder().to_owned(),
        plan: Arc::clone(&loaded.plan),
        demo,
        open_loopback: config.loopback_is_trunk,
        trunks: config.trunks.iter().map(|trunk| trunk.name.clone()).collect(),
    };
    let exchange = Exchange::new(config, Arc::clone(&loaded.plan), ids, rng, clock::now());
    let driver = Driver {
        exchange,
        transports,
        workers,
        recorder,
        recording,
        records,
        inbox,
        control,
        counters,
        hearts,
        heart,
        load,
        loaded,
    };
    Ok((driver, ready))
}

/// What the exchange is told, with what only the shell knows filled in.
fn exchange_config(
    loaded: &Loaded,
    demo: Option<&DemoAccounts>,
    addresses: &[(Transport, SocketAddr)],
) -> exchange::Config {
    let settings = &loaded.settings;
    let mut config = settings.exchange.clone();
    config.loopback_is_trunk = settings.bare && settings.loopback_only();
    config.accounts.extend(demo.into_iter().flat_map(DemoAccounts::as_accounts));
    if let Some(address) = transport::own_udp(addresses) {
        config.udp = address;
    }
    config
}

/// What a crash left half done: recordings get their names, message slips what was said.
fn recover(state: &State, store: &mut Sqlite) -> Result<(), Failure> {
    for repaired in recorder::repair_all(state.folder()).map_err(Failure::state(state.folder()))? {
        match repaired {
            Repaired::Kept(path) => {
                tracing::warn!(path = %path.display(), "a recording was cut short and is kept")
            }
            Repaired::Removed(path) => {
                tracing::info!(path = %path.display(), "a recording without sound is removed")
            }
            Repaired::Left { path, reason } => {
                tracing::error!(path = %path.display(), reason, "a recording cannot be repaired");
            }
        }
    }
    for slip in store.recover(&|recording| recorder::length(state.folder(), recording))? {
        tracing::warn!(slip = %slip.slip, mailbox = slip.mailbox, "a message was cut short and is kept");
    }
    Ok(())
}

fn seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Failure::Other(format!("no randomness: {error}")))?;
    Ok(seed)
}
