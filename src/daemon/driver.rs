//! The loop around the exchange: what happened goes in, what comes out is done, in a fixed order.
//!
//! ```text
//!   +-> 1 deadline due  2 reports of threads, signals  3 orders  4 network --+   inputs to the exchange,
//!   |                                                                        |   then its outputs, in order
//!   +--- wait for any of them, if a whole turn found nothing <-- watchdog <--+
//! ```
//!
//! Running calls come before new ones: deadlines and media first, the network last and on a budget. No turn
//! blocks: files, recordings and the store have threads of their own.

mod reload;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::base::ice::Certificates;
use crate::base::{Instant, Now, RecordingId};
use crate::exchange::{Account, Exchange, Input, Lands, Notice, Output, Reply, StatusLine};
use crate::media::{self, Command};
use crate::sip::Flow;

use self::reload::Reload;
use super::backlog::{Backlog, What};
use super::boxes::Boxes;
use super::browsers::Browsers;
use super::clock;
use super::control::{Control, Order, Pending, Response, Shell};
use super::counters::Counters;
use super::dns::Dns;
use super::events::Events;
use super::exchanges::Others;
use super::failure::Failure;
use super::heartbeat::{Heartbeat, Heartbeats};
use super::inbox::{Inbox, Report, Told};
use super::loaded::{Load, Loaded};
use super::logging::Log;
use super::notify;
use super::plays::{Play, Plays};
use super::priority::{self, Rank};
use super::recorder::Recorder;
use super::records::Records;
use super::trace::{Leg, Trace};
use super::transport::Transports;
use super::versions::{History, Task, Wanted};
use super::web::Web;
use super::workers::Workers;

/// Messages from the network that are handled in one turn.
const NETWORK: usize = 64;
/// Messages that are taken from the system in one turn.
const TAKEN: usize = 1024;
/// New calls are refused or taken again when the age of the backlog has changed by so much.
const NOTEWORTHY: Duration = Duration::from_millis(1);
/// Reports of threads in one turn.
const REPORTS: usize = 256;
/// Orders in one turn.
const ORDERS: usize = 16;
/// How long a closing phrase takes, which calls are ended with when the drain's limit is reached.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long the last BYEs may wait for their answers.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long messages that are still being written hold up an end that is at once.
const LAST_MESSAGES: Duration = Duration::from_secs(2);
/// A pause for timers while nothing has a deadline; any length would do.
const LONG: Duration = Duration::from_secs(3600);

/// Everything that the loop turns around. Built by [`serve`](super::serve).
pub struct Driver {
    pub exchange: Exchange,
    /// The other exchanges, where there are several.
    pub others: Others,
    pub history: History,
    pub transports: Transports,
    pub trace: Trace,
    pub events: Events,
    pub workers: Workers,
    pub browsers: Option<Browsers>,
    pub recorder: Recorder,
    /// The recorder's thread.
    pub recording: JoinHandle<()>,
    pub records: Records,
    pub boxes: Boxes,
    pub dns: Dns,
    pub inbox: Inbox<Report>,
    pub control: Control,
    pub web: Option<Web>,
    pub counters: Arc<Counters>,
    pub hearts: Heartbeats,
    pub heart: Heartbeat,
    pub load: Load,
    pub loaded: Loaded,
    pub rules: Rules,
    pub log: Log,
    /// The loop's thread asks for a real-time priority.
    pub real_time: bool,
}

/// What a start without a configuration file adds to the settings, for as long as it runs.
#[derive(Default)]
pub struct Rules {
    pub loopback_is_trunk: bool,
    /// By which browsers know us until the end.
    pub certificates: Option<Certificates>,
    pub demo_accounts: Vec<Account>,
}

/// What the loop knows beside that.
struct Turning {
    driver: Driver,
    plays: Plays,
    backlog: Backlog,
    /// The age of the backlog that the exchange was told last.
    told_age: Duration,
    /// Inputs that outputs led to: handled before anything else.
    consequences: VecDeque<Consequence>,
    replies: BTreeMap<u64, Awaited>,
    /// Exchanges whose last call is over.
    drained: BTreeSet<u8>,
    orders: u64,
    reload: Reload,
    stage: Stage,
    started: Instant,
    /// When the service manager wants to hear of us next, and how often.
    watchdog: Option<(Instant, Duration)>,
}

enum Consequence {
    FlowLost(Flow),
    Media(media::Event),
}

/// An order whose reply has not come, or not from all exchanges.
struct Awaited {
    asked: Asked,
    missing: u8,
    reply: Option<Reply>,
}

/// What becomes of the exchange's reply.
enum Asked {
    Plain(oneshot::Sender<Response>),
    /// The shell's figures are added.
    Status(oneshot::Sender<Response>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Serving,
    /// No new calls; at `ends` the running ones are ended.
    Draining {
        ends: Instant,
    },
    /// Callers hear a closing phrase; at `ends` whoever is left is hung up on.
    Parting {
        ends: Instant,
    },
    /// All calls are ended; at `ends` nobody is waited for any longer.
    Leaving {
        ends: Instant,
    },
}

impl Driver {
    /// Until the drain is over. Threads and sockets are closed when it returns.
    pub async fn run(self) -> Result<(), Failure> {
        listen_to_signals(&self.inbox).map_err(Failure::io("signals cannot be handled"))?;
        if self.real_time {
            priority::ask_for(Rank::Signalling);
        }
        let now = clock::mono();
        let watchdog = notify::watchdog_interval().map(|interval| (now + interval, interval));
        let mut turning = Turning {
            driver: self,
            plays: Plays::default(),
            backlog: Backlog::default(),
            told_age: Duration::ZERO,
            consequences: VecDeque::new(),
            replies: BTreeMap::new(),
            drained: BTreeSet::new(),
            orders: 0,
            reload: Reload::default(),
            stage: Stage::Serving,
            started: now,
            watchdog,
        };
        turning.put_out();
        notify::ready("taking calls");
        while !turning.is_over() {
            if turning.turn() {
                // Streams, signals and control connections are tasks of this same thread.
                tokio::task::yield_now().await;
            } else {
                turning.wait().await;
            }
        }
        turning.close();
        Ok(())
    }
}

impl Turning {
    /// One turn. False where there was nothing to do.
    fn turn(&mut self) -> bool {
        let mut busy = self.deadlines();
        busy |= self.reports();
        busy |= self.words();
        busy |= self.orders();
        busy |= self.network();
        self.driver.heart.beat();
        self.feed_watchdog();
        busy
    }

    // -- 1: deadlines --

    fn deadlines(&mut self) -> bool {
        let now = clock::mono();
        if let Stage::Draining { ends } = self.stage
            && ends <= now
        {
            tracing::warn!(
                calls = self.driver.exchange.all_calls(),
                "the drain's limit is reached: calls are ended"
            );
            self.stage = Stage::Parting { ends: now + LAST_WORDS };
            self.input(Input::Farewell);
        }
        if let Stage::Parting { ends } = self.stage
            && ends <= now
        {
            self.leave(FAREWELL);
        }
        match self.driver.exchange.poll_timeout() {
            Some((at, deadline)) if at <= now => {
                tracing::trace!(%deadline, "due");
                self.input(Input::Timeout);
                true
            }
            _ => false,
        }
    }

    // -- 2: reports --

    fn reports(&mut self) -> bool {
        for taken in 0..REPORTS {
            let Some(report) = self.driver.inbox.pop() else { return taken > 0 };
            match report {
                Report::Media(event) => self.input(Input::Media(event)),
                Report::RecordingSaved { recording, result } => {
                    self.input(Input::RecordingSaved { recording, saved: result.is_ok() });
                }
                Report::SlipSaved { slip, result } => {
                    self.input(Input::SlipSaved { slip, saved: result.is_ok() });
                }
                Report::CallbackSaved { callback, saved } => {
                    self.input(Input::CallbackSaved { callback, saved });
                }
                Report::BoxOpened { call, opened } => self.input(Input::BoxOpened { call, opened }),
                Report::ComplaintSaved { case, saved } => self.input(Input::ComplaintSaved { case, saved }),
                Report::ComplaintDue { complaint, duty } => {
                    self.input(Input::ComplaintDue { complaint, duty });
                }
                Report::Inquired { call, answer } => self.input(Input::Inquired { call, answer }),
                Report::Waiting { mailbox, waiting } => self.input(Input::Waiting { mailbox, waiting }),
                Report::Loaded { recording, result } => {
                    if let Err(reason) = &result {
                        tracing::error!(%recording, reason, "a recording cannot be played");
                    }
                    self.loaded(recording, result.ok());
                    self.settle();
                }
                Report::Resolved { question, answer } => self.input(Input::Resolved { question, answer }),
                Report::Reloaded(result) => self.end_reload(*result),
                Report::Calendar { extension, events } => self.input(Input::Calendar { extension, events }),
                Report::Gauges(gauges) => self.input(Input::Gauges(gauges)),
                Report::Output { from, output } => {
                    self.carry_out(from, *output);
                    self.settle();
                }
                Report::Told(Told::Reload) => {
                    let task = Task::Reload { without_tests: false };
                    self.begin_reload(Wanted { task, by: "SIGHUP".to_owned() }, None);
                }
                Report::Told(Told::Stop) => self.begin_to_stop(),
                Report::Told(Told::StopAtOnce) => self.leave(Duration::ZERO),
            }
        }
        true
    }

    /// Of other exchanges.
    fn words(&mut self) -> bool {
        if self.driver.others.is_empty() {
            return false;
        }
        for heard in 0..REPORTS {
            let Some(word) = self.driver.others.word() else { return heard > 0 };
            self.input(word);
        }
        true
    }

    // -- 3: orders --

    fn orders(&mut self) -> bool {
        for taken in 0..ORDERS {
            let Some(pending) = self.driver.control.take() else { return taken > 0 };
            let (order, by, reply) = match pending {
                Pending::Events { reply } => {
                    let _ = reply.send(self.driver.events.follow());
                    continue;
                }
                Pending::Order { order, by, reply } => (order, by, reply),
                Pending::Trace { follow, reply } => {
                    let _ = reply.send(self.driver.trace.feed(follow));
                    continue;
                }
            };
            match order {
                // The console's own thread asks for a feed instead, and reads the core by itself.
                Order::Trace(_) | Order::Events | Order::Queues => {}
                Order::Dialplan(task) => self.begin_reload(Wanted { task, by }, Some(reply)),
                Order::Settled { slip } => {
                    self.driver.records.changed(slip);
                    // Whoever asked may have gone.
                    let _ = reply.send(Response::Reply(Reply::Done));
                }
                Order::Changed { case } => {
                    self.driver.records.complaint_changed(case);
                    let _ = reply.send(Response::Reply(Reply::Done));
                }
                Order::Exchange(command) => self.ask(command, Asked::Plain(reply)),
                Order::Status => self.ask(crate::exchange::Command::Status, Asked::Status(reply)),
            }
        }
        true
    }

    fn ask(&mut self, command: crate::exchange::Command, asked: Asked) {
        self.orders = self.orders.wrapping_add(1);
        let id = self.orders;
        let command = Input::Command { id, command };
        let missing = match Lands::of(&command, self.driver.others.of()) {
            Lands::With(_) => 1,
            Lands::WithAll => self.driver.others.of(),
        };
        self.replies.insert(id, Awaited { asked, missing, reply: None });
        self.input(command);
    }

    fn answer(&mut self, from: u8, id: u64, reply: Reply) {
        let Some(mut awaited) = self.replies.remove(&id) else { return };
        // The first exchange's comes first.
        let reply = match awaited.reply.take() {
            None => reply,
            Some(others) if from == 0 => reply.and(others),
            Some(before) => before.and(reply),
        };
        awaited.missing = awaited.missing.saturating_sub(1);
        if awaited.missing > 0 {
            self.replies.insert(id, Awaited { reply: Some(reply), ..awaited });
            return;
        }
        let (to, response) = match (awaited.asked, reply) {
            (Asked::Status(to), Reply::Status(line)) => (to, self.status(line)),
            (Asked::Plain(to) | Asked::Status(to), reply) => (to, Response::Reply(reply)),
        };
        // Whoever asked may have gone.
        let _ = to.send(response);
    }

    fn status(&self, exchange: Box<StatusLine>) -> Response {
        let driver = &self.driver;
        let counters = driver.counters.all().into_iter().filter(|(_, value)| *value > 0);
        let (mixed_legs, transcoded_legs) = driver.workers.dear_legs();
        let shell = Shell {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            up_ms: u64::try_from(clock::mono().since(self.started).as_millis()).unwrap_or(u64::MAX),
            listening: driver
                .transports
                .addresses()
                .iter()
                .map(|(transport, address)| format!("{transport} {address}"))
                .chain(driver.web.iter().flat_map(|web| web.addresses().iter().cloned()))
                .collect(),
            exchanges: driver.others.of(),
            media_workers: driver.workers.count(),
            mixed_legs,
            transcoded_legs,
            open_streams: driver.transports.open_streams(),
            counters: counters.map(|(name, value)| (name.to_owned(), value)).collect(),
        };
        Response::Status { exchange, shell }
    }

    // -- 4: network --

    fn network(&mut self) -> bool {
        let now = clock::mono();
        let full = self.driver.others.are_full();
        let room = if full { 0 } else { self.backlog.room().min(TAKEN) };
        let backlog = &mut self.backlog;
        if room > 0 {
            self.driver.transports.receive(room, |arrival| backlog.push(now, &arrival));
        }
        if self.backlog.is_empty() {
            self.tell_age(Duration::ZERO);
            return false;
        }
        for _ in 0..NETWORK {
            let now = clock::now();
            self.tell_age(self.backlog.age(now.mono));
            let Some(what) = self.backlog.pop() else { break };
            match what {
                What::Message(flow, bytes) => {
                    self.driver.trace.message(now.wall, false, flow, &bytes);
                    self.message(now, flow, bytes);
                }
                What::Closed(flow) => self.give(now, Input::FlowClosed(flow)),
            }
            // What this one leads to does not wait until the others are looked at.
            self.settle();
        }
        true
    }

    fn message(&mut self, now: Now, flow: Flow, bytes: Box<[u8]>) {
        let Driver { exchange, others, .. } = &mut self.driver;
        let to = if others.is_empty() { Some(0) } else { exchange.route(now, flow, &bytes) };
        match to {
            Some(0) => exchange.handle_input(now, Input::Sip { flow, bytes: &bytes }),
            Some(number) => others.message(number, flow, bytes),
            None => {}
        }
    }

    fn tell_age(&mut self, age: Duration) {
        if age.abs_diff(self.told_age) >= NOTEWORTHY {
            self.told_age = age;
            self.driver.exchange.handle_input(clock::now(), Input::Backlog(age));
        }
    }

    // -- in and out --

    fn input(&mut self, input: Input<'static>) {
        self.give(clock::now(), input);
        self.settle();
    }

    fn give(&mut self, now: Now, input: Input<'static>) {
        if let Some(input) = self.driver.others.give(input) {
            self.driver.exchange.handle_input(now, input);
        }
    }

    /// Carries out all outputs, and what comes of that, until there is nothing more.
    fn settle(&mut self) {
        self.put_out();
        while let Some(consequence) = self.consequences.pop_front() {
            let input = match consequence {
                Consequence::FlowLost(flow) => Input::FlowClosed(flow),
                Consequence::Media(event) => Input::Media(event),
            };
            self.give(clock::now(), input);
            self.put_out();
        }
    }

    fn put_out(&mut self) {
        while let Some(output) = self.driver.exchange.poll_output() {
            self.carry_out(0, output);
        }
    }

    fn carry_out(&mut self, from: u8, output: Output) {
        match output {
            Output::Transmit(transmit) => {
                let at = clock::now().wall;
                self.driver.trace.message(at, true, transmit.flow, &transmit.bytes);
                let lost = self.driver.transports.send(transmit);
                self.consequences.extend(lost.map(Consequence::FlowLost));
            }
            Output::Media { call, command } => {
                if let Some(command) = self.plays.command(call, command) {
                    self.command(call, command);
                }
            }
            Output::Play { leg, play, clips, repeat } => {
                match self.plays.play(Play { leg, play, clips, repeat }) {
                    Ok(Some(command)) => self.command(leg.call, command),
                    Ok(None) => {}
                    Err(missing) => {
                        // In vain only where the recorder's thread is gone: the call must not wait for it.
                        let gone = missing.into_iter().filter(|id| !self.driver.recorder.load(*id));
                        for id in gone.collect::<Vec<_>>() {
                            self.loaded(id, None);
                        }
                    }
                }
            }
            Output::Resolve(question) => self.driver.dns.ask(question),
            Output::Record(record) => self.driver.records.save(record),
            Output::OpenBox { call, order } => self.driver.boxes.open(call, order),
            Output::Inquire { call, inquiry } => self.driver.boxes.inquire(call, inquiry),
            Output::Discard(recording) => self.driver.recorder.discard(recording),
            Output::Notice(notice) => self.notice(from, &notice),
            Output::Reply { id, reply } => self.answer(from, id, reply),
            Output::Word { to, word } => self.driver.others.say(to, word),
        }
    }

    fn command(&mut self, call: crate::base::CallId, command: Command) {
        if let Command::Record { recording, right, .. } = &command {
            self.driver.recorder.begin(*recording, if right.is_some() { 2 } else { 1 });
        }
        let failed = self.driver.workers.command(call, command);
        self.consequences.extend(failed.map(Consequence::Media));
    }

    fn loaded(&mut self, recording: RecordingId, samples: Option<Arc<[i16]>>) {
        for (call, command) in self.plays.loaded(recording, samples) {
            self.command(call, command);
        }
    }

    fn notice(&mut self, from: u8, notice: &Notice) {
        match notice {
            Notice::Drained if matches!(self.stage, Stage::Draining { .. } | Stage::Parting { .. }) => {
                self.drained.insert(from);
                if self.drained.len() == usize::from(self.driver.others.of()) {
                    self.leave(FAREWELL);
                }
            }
            Notice::Leg { leg, call_id, party } => {
                let call_id = call_id.to_str().into_owned();
                self.driver.trace.leg(Leg { call_id, call: leg.call, party: party.clone() });
            }
            Notice::Canary(news) => self.canary_news(news),
            Notice::Floor(event) => self.driver.events.tell(clock::now().wall, event),
            notice => tracing::debug!(?notice, "notice"),
        }
    }

    // -- the end --

    fn begin_to_stop(&mut self) {
        match self.stage {
            Stage::Serving => {
                let limit = self.driver.loaded.settings.drain.limit;
                let calls = self.driver.exchange.all_calls();
                tracing::info!(calls, ?limit, "draining: new calls are refused, running ones go on");
                notify::stopping("draining", limit.saturating_add(LAST_WORDS).saturating_add(FAREWELL));
                self.stage = Stage::Draining { ends: clock::mono() + limit };
                self.input(Input::Drain);
                if self.driver.exchange.all_calls() == 0 {
                    self.leave(Duration::ZERO);
                }
            }
            Stage::Draining { .. } | Stage::Parting { .. } | Stage::Leaving { .. } => {
                tracing::warn!("told to stop again: calls are ended");
                self.leave(Duration::ZERO);
            }
        }
    }

    fn leave(&mut self, patience: Duration) {
        self.stage = Stage::Leaving { ends: clock::mono() + patience };
        self.input(Input::Shutdown);
    }

    fn is_over(&self) -> bool {
        match self.stage {
            Stage::Leaving { ends } => {
                let (now, exchange) = (clock::mono(), &self.driver.exchange);
                // A call that is left now has a message whose writing takes its moment.
                let others = &self.driver.others;
                let quiet = others.is_empty() || others.are_idle() && self.driver.inbox.is_empty();
                let idle = exchange.is_idle() && quiet;
                idle || ends <= now && (exchange.all_calls() == 0 || ends + LAST_MESSAGES <= now)
            }
            _ => false,
        }
    }

    /// What was said and recorded up to here reaches the disk.
    fn close(mut self) {
        // Calls whose messages are not written yet get their records; the next start finds the messages.
        self.input(Input::Shutdown);
        self.driver.others.stop();
        // What they still want is done; with a full inbox they wait for it.
        while !self.driver.others.have_ended() {
            if !self.reports() {
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
        if !self.driver.others.is_empty() {
            while self.reports() {}
        }
        self.driver.inbox.close();
        let Driver {
            exchange,
            others,
            workers,
            browsers,
            recorder,
            recording,
            records,
            control,
            web,
            counters,
            trace,
            ..
        } = self.driver;
        // Orders that wait are told that there is nobody to take them.
        drop(control);
        drop(web);
        workers.stop();
        if let Some(browsers) = browsers {
            browsers.stop();
        }
        recorder.stop();
        if recording.join().is_err() {
            tracing::error!("the recorder's thread had panicked");
        }
        records.stop(others.join(exchange.ids()));
        trace.stop();
        let lost = counters.to_string();
        tracing::info!(lost = if lost.is_empty() { "nothing" } else { &lost }, "ended");
    }

    // -- waiting --

    async fn wait(&mut self) {
        let deadline = self.driver.exchange.poll_timeout().map(|(at, _)| at);
        let stage = match self.stage {
            Stage::Serving => None,
            Stage::Draining { ends } | Stage::Parting { ends } => Some(ends),
            Stage::Leaving { ends } if clock::mono() < ends => Some(ends),
            Stage::Leaving { ends } => Some(ends + LAST_MESSAGES),
        };
        let watchdog = self.watchdog.map(|(at, _)| at);
        let next = [deadline, stage, watchdog].into_iter().flatten().min();
        let patience = next.map_or(LONG, clock::until);
        let Driver { inbox, control, transports, .. } = &mut self.driver;
        tokio::select! {
            () = tokio::time::sleep(patience) => {}
            () = inbox.knocked() => {}
            () = control.ready() => {}
            () = transports.ready() => {}
        }
    }

    fn feed_watchdog(&mut self) {
        let now = clock::mono();
        let Some((at, interval)) = self.watchdog else { return };
        if at > now {
            return;
        }
        self.watchdog = Some((now + interval, interval));
        let stalled = self.driver.hearts.stalled();
        if stalled.is_empty() {
            notify::watchdog();
        } else {
            tracing::error!(?stalled, "the watchdog is not fed");
        }
    }
}

/// Signals come by the inbox like everything else, so that no load keeps them out.
fn listen_to_signals(inbox: &Inbox<Report>) -> std::io::Result<()> {
    let kinds = [
        (SignalKind::hangup(), Told::Reload),
        (SignalKind::terminate(), Told::Stop),
        (SignalKind::interrupt(), Told::Stop),
    ];
    for (kind, told) in kinds {
        let (mut signals, inbox) = (signal(kind)?, inbox.clone());
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                while inbox.push(Report::Told(told)).is_err() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
    }
    Ok(())
}
