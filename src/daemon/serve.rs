//! `hotline serve`: everything is read, checked and opened, then the loop turns.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::Rng;
use crate::exchange::{self, Board, Exchange, Input};
use crate::sip::Transport;

use super::accounts::DemoAccounts;
use super::banner::Ready;
use super::boxes::Boxes;
use super::browsers::{Browsers, Identity};
use super::calendars;
use super::clock;
use super::control::Socket;
use super::counters::Counters;
use super::dns::Dns;
use super::driver::{Driver, Rules};
use super::events::Events;
use super::exchanges::Others;
use super::failure::Failure;
use super::gauges;
use super::heartbeat::Heartbeats;
use super::inbox::{Inbox, Report, Told};
use super::loaded::{Load, Loaded};
use super::logging::{self, Log};
use super::priority;
use super::recorder::{self, Recorder, Repaired};
use super::records::Records;
use super::state::{self, State};
use super::store::{Sqlite, Store};
use super::trace::Trace;
use super::transport::{self, Transports};
use super::versions::{self, History};
use super::web::{self, Web};
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

/// Runs a daemon until it is told to stop. `ready` is called once, when it takes calls.
pub fn run(load: Load, ready: impl FnOnce(&Ready, Stopper) + Send) -> Result<(), Failure> {
    // A thread of its own for the sake of its name: `ps`, debuggers and the tests of the watchdog show it.
    std::thread::scope(|scope| {
        let exchange = std::thread::Builder::new().name("exchange".to_owned());
        let exchange = exchange
            .spawn_scoped(scope, || drive(load, ready))
            .map_err(Failure::io("the exchange's thread could not be started"))?;
        exchange.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn drive(load: Load, ready: impl FnOnce(&Ready, Stopper)) -> Result<(), Failure> {
    let settings = load()?;
    let counters = Arc::new(Counters::default());
    let log =
        logging::start(&settings.log, &counters).map_err(Failure::io("the log could not be started"))?;
    // The allocator asks for pages of two megabytes; a call takes some ten kilobytes, and no voice shall wait for such a
    // page to be made.
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages stay allowed");
    }
    let state = State::open(state::folder(settings.state.as_deref())?)?;
    let mut store = Sqlite::open(&state::database(state.folder()))?;
    let mut loaded = Loaded::first(settings, versions::pinned(&store)?)?;
    recover(&state, &mut store)?;
    versions::started(&mut store, &mut loaded)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::io("the runtime could not be started"))?;
    let inbox = Inbox::new(INBOX);
    let stopper = Stopper(inbox.clone());
    runtime.block_on(async {
        let (driver, is_ready) = build(load, loaded, &state, store, inbox, (log, counters))?;
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
    (log, counters): (Log, Arc<Counters>),
) -> Result<(Driver, Ready), Failure> {
    let settings = &loaded.settings;
    let mut rng = Rng::from_seed(seed()?);
    let demo = match settings.bare {
        true => Some(DemoAccounts::load_or_make(state.folder(), &loaded.plan, &mut rng)?),
        false => None,
    };
    let tls = loaded.tls.clone();
    let transports = Transports::bind(&settings.listen, tls, settings.exchange.sip.limits, &counters)?;
    let trace = Trace::start(&settings.trace, &settings.hep, &counters)?;
    let socket = Socket::bind(&state::control_socket(state.folder()))?;
    let (recorder, recording) =
        Recorder::start(state.folder(), &settings.recording, inbox.clone(), &counters)?;
    let mut hearts = Heartbeats::default();
    let heart = hearts.watch("exchange");
    let identity = settings.browsers.then(Identity::make).transpose()?;
    let browsers = match identity.clone() {
        Some(identity) => Some(Browsers::start(identity, inbox.clone(), &counters, &mut hearts)?),
        None => None,
    };
    let around = Surroundings {
        media: &settings.media,
        recorder: &recorder,
        inbox: &inbox,
        door: browsers.as_ref().map(Browsers::door),
        counters: &counters,
        hearts: &mut hearts,
    };
    gauges::start(inbox.clone())?;
    let zone = loaded.plan.time_zone().iana_name().unwrap_or("UTC").to_owned();
    let offices = calendars::Config { zone, ..settings.calendars.clone() };
    calendars::start(&offices, &state::calendars(state.folder()), inbox.clone(), &counters)?;
    let workers = Workers::start(&settings.workers, settings.rtp_address(), around)?;
    workers.library(&loaded.prompts.library);
    let ids = store.ids()?;
    let registrations = store.registrations()?;
    let callbacks = store.callbacks()?;
    let promises = store.promises(None)?;
    let (contacts, places) = store.kept(clock::now().wall)?;
    let presences = store.presences()?;
    let records = Records::start(
        store,
        Arc::clone(&loaded.plan),
        (&settings.post, state.folder()),
        inbox.clone(),
        &counters,
    )?;
    let boxes = Boxes::start(&state::database(state.folder()), settings.pins.clone(), inbox.clone())?;
    let dns = Dns::new(&settings.dns, inbox.clone())?;
    let addresses = transports.addresses();
    let mut config = exchange_config(&loaded, demo.as_ref(), &addresses);
    config.call.certificates = identity.map(|identity| identity.certificates());
    let ready = Ready {
        addresses,
        server: config.udp,
        state: state.folder().to_owned(),
        plan: Arc::clone(&loaded.plan),
        demo,
        open_loopback: config.loopback_is_trunk,
        trunks: config.trunks.iter().map(|trunk| trunk.name.clone()).collect(),
        accounts: !config.accounts.is_empty(),
    };
    let rules = Rules {
        loopback_is_trunk: config.loopback_is_trunk,
        certificates: config.call.certificates,
        demo_accounts: ready.demo.iter().flat_map(|demo| demo.as_accounts(ready.open_loopback)).collect(),
    };
    let (now, several) = (clock::now(), loaded.settings.exchanges);
    let mut exchanges = Exchange::several(&config, &loaded.plan, ids, rng, now, several);
    if let Some(first) = exchanges.first_mut() {
        first.handle_input(now, Input::Restore(registrations));
        first.handle_input(now, Input::RestoreKept { contacts, places });
        first.handle_input(now, Input::RestorePresences(presences));
    }
    for exchange in &mut exchanges {
        exchange.handle_input(now, Input::RestoreCallbacks(callbacks.clone()));
        exchange.handle_input(now, Input::RestorePromises(promises.clone()));
    }
    let boards = exchanges.first().map(Exchange::board);
    let control = socket.listen(move || boards.iter().flat_map(Board::queues).collect())?;
    let mut events = Events::new(&counters);
    let web = match settings.web.is_served() {
        true => Some(Web::start(
            &settings.web,
            web::Around {
                folder: state.folder(),
                orders: control.orders(),
                live: events.follow().map_err(|why| Failure::Other(why.to_owned()))?,
                access: &settings.listen.access,
                tls: loaded.tls.server.clone(),
                counters: &counters,
            },
        )?),
        false => None,
    };
    let real_time = loaded.settings.real_time && priority::is_there_room_for_signalling();
    let (exchange, others) = Others::start(exchanges, &inbox, &mut hearts, real_time)?;
    let driver = Driver {
        exchange,
        others,
        history: History { database: state::database(state.folder()) },
        transports,
        trace,
        events,
        workers,
        browsers,
        recorder,
        recording,
        records,
        boxes,
        dns,
        inbox,
        control,
        web,
        counters,
        hearts,
        heart,
        load,
        loaded,
        rules,
        log,
        real_time,
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
    let open = config.loopback_is_trunk;
    config.accounts.extend(demo.into_iter().flat_map(|demo| demo.as_accounts(open)));
    gauges::complete(&mut config.overload);
    config.listening = transport::as_seen(addresses);
    let udp = || config.listening.iter().filter(|(transport, _)| *transport == Transport::Udp);
    if let Some((_, address)) = udp().find(|(_, address)| address.is_ipv4()).or_else(|| udp().next()) {
        config.udp = *address;
    }
    config
}

/// What a crash left half done: recordings get their names, message slips what was said.
fn recover(state: &State, store: &mut Sqlite) -> Result<(), Failure> {
    let mut left = false;
    for repaired in recorder::repair_all(state.folder()).map_err(Failure::state(state.folder()))? {
        match repaired {
            Repaired::Kept(path) => {
                tracing::warn!(path = %path.display(), "a recording was cut short and is kept")
            }
            Repaired::Removed(path) => {
                tracing::info!(path = %path.display(), "a recording without sound is removed")
            }
            Repaired::Left { path, reason } => {
                left = true;
                tracing::error!(path = %path.display(), reason, "a recording cannot be repaired");
            }
        }
    }
    if left {
        // A slip vanishes where nothing was said. What was said may yet be repaired: another start tells.
        tracing::error!("messages that were cut short wait for the next start");
        return Ok(());
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

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::daemon::commands::{self, AgentOrder, Form};
    use crate::daemon::settings::Settings;
    use crate::daemon::versions::Task;

    const OPTIONS: &str = "OPTIONS sip:hotline@127.0.0.1 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKone\r\n\
        Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=a\r\nTo: <sip:hotline@127.0.0.1>\r\n\
        Call-ID: one\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

    fn settings(state: &std::path::Path) -> Settings {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut settings = Settings { state: Some(state.to_owned()), ..Settings::default() };
        settings.listen.udp = vec![any];
        settings.listen.tcp = vec![any];
        settings.workers.real_time = false;
        settings.log.filter = "off".to_owned();
        settings
    }

    #[test]
    fn a_daemon_answers_the_network_and_the_administrator_until_it_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        let load: Load = Arc::new(move || Ok(settings.clone()));
        let (sender, receiver) = mpsc::channel();
        let daemon = std::thread::spawn(move || {
            run(load, move |ready, stopper| sender.send((ready.addresses.clone(), stopper)).unwrap())
        });
        let (addresses, stopper) = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
        let udp = addresses.iter().find(|(transport, _)| *transport == Transport::Udp).unwrap().1;

        let phone = UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        phone.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        phone.send_to(OPTIONS.as_bytes(), udp).unwrap();
        let mut buffer = [0; 2000];
        let (length, _) = phone.recv_from(&mut buffer).unwrap();
        assert!(
            buffer[..length].starts_with(b"SIP/2.0 200 "),
            "{}",
            String::from_utf8_lossy(&buffer[..length])
        );

        let status = commands::status(folder.path(), Form::Table).unwrap();
        assert!(status.contains(&format!("UDP {udp}")) && status.contains("0 of "), "{status}");
        assert!(commands::agent(folder.path(), AgentOrder::List).unwrap().lines().count() > 1);
        let reload = || commands::change(folder.path(), Task::Reload { without_tests: true }, Form::Table);
        assert!(reload().unwrap().ends_with("reloaded: version 2 is live\n"));
        assert_eq!(commands::calls(folder.path(), 5, Form::Table).unwrap().lines().count(), 1);

        stopper.stop();
        daemon.join().unwrap().unwrap();
        assert!(matches!(commands::status(folder.path(), Form::Table), Err(Failure::NotRunning { .. })));
    }
}
