//! The world around one exchange: a clock that jumps, a network, phones, people, a disk.
//!
//! ```text
//!             callers        desks                        time stands still while anything is still to be done
//!                |  trunk      |  office                  now; then it jumps to the next thing on the agenda,
//!                v             v                          or to the next deadline of the exchange or a phone
//!   agenda <- network -> Exchange -> checker, digest, report, ladder
//!      ^                  |    ^
//!      +--- disk <- media model +
//! ```
//!
//! Architecture invariant: nothing here decides anything that the product decides.

mod canary;
mod complaints;
mod mishaps;
mod wires;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::agenda::{Agenda, Due};
use super::attacker::Attacker;
use super::boxes::Boxes;
use super::called::Ring;
use super::caller::{Act, Caller, While};
use super::checker::{Broken, Checker, Invariant};
use super::desk::{Desk, DeskAct};
use super::digest::Digest;
use super::faults::Fault;
use super::house::House;
use super::ladder::Ladder;
use super::media_model::{Cue, MediaModel, Outcome};
use super::network::{CALLERS, GATEWAY, HOTLINE, Network, Phone, turned};
use super::office::{self, Office};
use super::report::Report;
use super::sabotage::Saboteur;
use super::setup::{Setup, Watch};
use super::transcript::{Moment, Transcript};
use super::trunk::{self, AFTERGLOW, Trunk};
use crate::base::{CallId, Catalog, Instant, LegId, Masked, Now, Rng, Wall};
use crate::call::{Inquired, NotOpened};
use crate::dialplan::{Pattern, Plan};
use crate::exchange::{
    Account, CanaryNews, Command, Config, FloorEvent, Input, Network as Addresses, Notice, Outbound, Output,
    Trial, Trunk as Carrier,
};
use crate::media;
use crate::record::{CallRecord, ComplaintChange, MessageSlip, Record, SlipState};
use crate::sip::Uri;
use crate::sip::auth::Secret;
use crate::sip::locate::{Answer, Question};

/// Within this time a phone that hears nothing any more ends the session by itself (RFC 4028 §10).
const SESSION: Duration = Duration::from_secs(600);

/// A hotline with everything around it.
pub struct World {
    now: Now,
    began: Wall,
    /// How far the wall clock was set since, in microseconds.
    clock_error: i64,
    exchange: House,
    plan: Arc<Plan>,
    next_plan: Arc<Plan>,
    catalog: Arc<Catalog>,
    agenda: Agenda,
    network: Network,
    media: MediaModel,
    trunk: Trunk,
    office: Office,
    rng: Rng,
    /// Phones that nothing reaches and that nothing comes from.
    dead: BTreeSet<IpAddr>,
    closed: BTreeSet<u64>,
    connection: u64,
    disk_fails_until: Instant,
    next_never_acknowledges: bool,
    /// Media events that the exchange has not heard of yet, and cues that nobody has noticed.
    events: VecDeque<media::Event>,
    cues: VecDeque<(Phone, Cue)>,
    watch: Watch,
    checker: Checker,
    saboteur: Saboteur,
    attacker: Attacker,
    deaf_to_byes: Option<IpAddr>,
    digest: Digest,
    report: Report,
    ladder: Option<Ladder>,
    transcript: Option<Transcript>,
    records: Vec<CallRecord>,
    floor: Vec<(Instant, FloorEvent)>,
    /// Asked of the DNS in this moment.
    unresolved: VecDeque<Question>,
    boxes: Boxes,
    /// Calls that asked for a message box, and what they are told.
    inquired: VecDeque<(CallId, Inquired)>,
    opened: VecDeque<(CallId, Result<Vec<MessageSlip>, NotOpened>)>,
    /// A plan that some callers meet first, and what has become of it.
    on_trial: Option<Arc<Trial>>,
    canary_news: Option<CanaryNews>,
    /// The phones on the legs.
    parties: BTreeMap<LegId, Phone>,
}

impl World {
    pub fn new(setup: Setup) -> Self {
        let Setup {
            plan,
            other_plan,
            seed,
            wall,
            conditions,
            desks,
            watch,
            ladder,
            transcript,
            sabotage,
            exchanges,
            configure,
        } = setup;
        let mut rng = Rng::from_number(seed);
        let mut config = Config {
            trunks: vec![Carrier {
                name: "carrier".to_owned(),
                networks: vec![Addresses { address: CALLERS.0, prefix: CALLERS.1 }],
                server: Some(Uri::sip(None, GATEWAY.address())),
                outbound: Outbound { numbers: outside(), ..Outbound::default() },
                ..Carrier::default()
            }],
            accounts: desks.iter().map(account).collect(),
            loopback_is_trunk: false,
            udp: HOTLINE,
            ..Config::default()
        };
        configure(&mut config);
        let now = Now { mono: Instant::ZERO, wall };
        let catalog = plan.catalog().clone();
        let mut ladder = ladder.then(Ladder::default);
        let mut transcript = transcript.then(Transcript::default);
        let mut office = Office::new(rng.fork());
        for desk in desks {
            let extension = desk.extension.clone();
            let phone = Phone::Desk(office.add(desk));
            if let Some(ladder) = &mut ladder {
                ladder.name(phone, &extension);
            }
            if let Some(transcript) = &mut transcript {
                transcript.name(phone, &extension);
            }
        }
        let mut world = World {
            now,
            began: wall,
            clock_error: 0,
            exchange: House::new(exchanges, &config, &plan, rng.fork(), now),
            agenda: Agenda::default(),
            network: Network::new(conditions, rng.fork()),
            media: MediaModel::new(catalog.clone()),
            trunk: Trunk::new(rng.fork()),
            office,
            dead: BTreeSet::new(),
            closed: BTreeSet::new(),
            connection: 2_000_000,
            disk_fails_until: Instant::ZERO,
            next_never_acknowledges: false,
            events: VecDeque::new(),
            cues: VecDeque::new(),
            watch,
            checker: Checker::new(&catalog),
            saboteur: Saboteur::new(sabotage, &catalog),
            attacker: Attacker::new(rng.fork()),
            deaf_to_byes: None,
            digest: Digest::new(),
            report: Report { seed, ..Report::default() },
            ladder,
            transcript,
            records: Vec::new(),
            floor: Vec::new(),
            unresolved: VecDeque::new(),
            boxes: Boxes::default(),
            inquired: VecDeque::new(),
            opened: VecDeque::new(),
            on_trial: None,
            canary_news: None,
            parties: BTreeMap::new(),
            rng,
            next_plan: other_plan.unwrap_or_else(|| plan.clone()),
            plan,
            catalog,
        };
        world.take_outputs();
        world
    }

    // -- what is to happen --

    /// The caller dials at this time. Their number among callers.
    pub fn call_at(&mut self, at: Instant, caller: Caller) -> u32 {
        let number = self.trunk.add(caller);
        self.agenda.add(at, Due::Dial(number));
        number
    }

    /// The caller does this at this time, if the line stands.
    pub fn act_at(&mut self, at: Instant, caller: u32, act: Act) {
        self.agenda.add(at, Due::Caller(caller, act, While::Always));
    }

    /// What this person's telephone does whenever the hotline calls it.
    pub fn expect(&mut self, number: &str, rings: Vec<Ring>) {
        self.trunk.called.expect(number.to_owned(), rings);
    }

    pub fn desk_at(&mut self, at: Instant, desk: u16, act: DeskAct) {
        self.agenda.add(at, Due::Desk(desk, act));
    }

    pub fn command_at(&mut self, at: Instant, command: Command) {
        self.agenda.add(at, Due::Command(command));
    }

    pub fn fault_at(&mut self, at: Instant, fault: Fault) {
        self.agenda.add(at, Due::Fault(fault));
    }

    // -- what has happened --

    pub fn now(&self) -> Now {
        self.now
    }

    pub fn exchange(&self) -> &House {
        &self.exchange
    }

    pub fn records(&self) -> &[CallRecord] {
        &self.records
    }

    pub fn broken(&self) -> &[Broken] {
        self.checker.broken()
    }

    /// Empty unless [`Setup::ladder`].
    pub fn ladder(&self) -> &str {
        self.ladder.as_ref().map_or("", Ladder::text)
    }

    /// What is met at this phone so far; nothing unless [`Setup::transcript`].
    pub fn met(&self, phone: Phone) -> &[Moment] {
        self.transcript.as_ref().map_or(&[], |transcript| transcript.of(phone))
    }

    /// Whether this phone is in a call that neither side has ended.
    pub fn is_on_the_line(&self, phone: Phone) -> bool {
        match phone {
            Phone::Caller(number) => self.trunk.line_of(number).is_some(),
            Phone::Desk(number) => self.office.has_line(number),
        }
    }

    /// What whoever follows the floor has been told; kept with the ladder.
    pub fn floor(&self) -> &[(Instant, FloorEvent)] {
        &self.floor
    }

    // -- time --

    /// Lets things happen until there is enough of them: `true`; or until this time.
    pub fn run_to(&mut self, end: Instant, mut enough: impl FnMut(&World) -> bool) -> bool {
        while !enough(self) {
            let Some(at) = self.next().filter(|at| *at <= end) else {
                self.advance(end);
                return false;
            };
            self.advance(at);
            self.act();
        }
        true
    }

    /// Lets everything happen until this time.
    pub fn run_until(&mut self, end: Instant) {
        while let Some(at) = self.next().filter(|at| *at <= end) {
            self.advance(at);
            self.act();
        }
        self.advance(end);
    }

    /// Lets the calls come to their ends, without further mishaps, and the last transactions after them; then
    /// nothing may be left. `false`: calls still run after `limit`.
    pub fn drain(&mut self, limit: Duration) -> bool {
        self.network.calm(self.now.mono);
        self.office.close();
        self.disk_fails_until = Instant::ZERO;
        let end = self.now.mono + limit;
        while self.exchange.calls() + self.trunk.left_over() + self.office.left_over() > 0 {
            match self.next().filter(|at| *at <= end) {
                Some(at) => {
                    self.advance(at);
                    self.act();
                }
                None => break,
            }
        }
        let drained = self.exchange.calls() == 0;
        // No phone is asked for signs of life any more.
        self.input(Input::Drain);
        self.run_until(self.now.mono + AFTERGLOW);
        self.at_rest();
        drained
    }

    /// The figures so far, and the hash of everything that came out.
    pub fn report(&mut self) -> Report {
        Report {
            messages_in: self.exchange.received(),
            taken: self.exchange.taken(),
            missed: self.exchange.missed(),
            dropped: self.exchange.dropped(),
            simulated: self.now.mono.since(Instant::ZERO),
            hash: self.digest.finish(),
            broken: self.checker.broken().to_vec(),
            whispers: self.checker.whispers(),
            sabotaged: self.saboteur.has_struck(),
            ..self.report.clone()
        }
    }

    fn next(&self) -> Option<Instant> {
        let exchange = self.exchange.poll_timeout();
        let trunk = self.trunk.endpoint.poll_timeout().map(|(at, _)| at);
        let office = self.office.endpoint.poll_timeout().map(|(at, _)| at);
        [self.agenda.next(), exchange, trunk, office].into_iter().flatten().min()
    }

    fn advance(&mut self, at: Instant) {
        let mono = self.now.mono.max(at);
        let passed = i64::try_from(mono.as_micros()).unwrap_or(i64::MAX);
        let wall = Wall::from_micros(self.began.as_micros() + passed + self.clock_error);
        self.now = Now { mono, wall };
    }

    /// One thing that is due now.
    fn act(&mut self) {
        let now = self.now.mono;
        let due = |timeout: Option<(Instant, &'static str)>| timeout.is_some_and(|(at, _)| at <= now);
        if self.exchange.poll_timeout().is_some_and(|at| at <= now) {
            self.input(Input::Timeout);
        } else if due(self.trunk.endpoint.poll_timeout()) {
            self.trunk.endpoint.handle_timeout(now);
        } else if due(self.office.endpoint.poll_timeout()) {
            self.office.endpoint.handle_timeout(now);
        } else if let Some(due) = self.agenda.take(now) {
            self.carry_out(due);
        }
        self.settle();
    }

    fn carry_out(&mut self, due: Due) {
        let now = self.now.mono;
        self.checker.at(now);
        let mut outcome = Outcome::default();
        match due {
            Due::ToHotline(flow, bytes) => {
                if !self.closed.contains(&flow.connection) {
                    self.input(Input::Sip { flow, bytes: &bytes });
                }
            }
            Due::ToPhone(flow, bytes) => {
                if self.dead.contains(&flow.local.ip()) || self.closed.contains(&flow.connection) {
                    return;
                }
                match Phone::at(flow.local.ip()) {
                    Some(Phone::Caller(_)) => self.trunk.endpoint.handle_message(now, flow, &bytes),
                    Some(Phone::Desk(_)) => self.office.endpoint.handle_message(now, flow, &bytes),
                    None => {
                        if let Some(guess) = self.attacker.hear(flow, &bytes) {
                            let at = now + Duration::from_millis(100);
                            self.agenda.add(at, Due::ToHotline(turned(flow), guess));
                        }
                    }
                }
            }
            Due::FlowLost(flow) => self.input(Input::FlowClosed(flow)),
            Due::Media(due) => self.media.handle_due(now, due, &mut outcome),
            Due::RecordingSaved(recording, saved) => self.input(Input::RecordingSaved { recording, saved }),
            Due::CallbackSaved(callback, saved) => self.input(Input::CallbackSaved { callback, saved }),
            Due::SlipSaved(slip, saved) => self.input(Input::SlipSaved { slip, saved }),
            Due::ComplaintSaved(case, saved) => self.input(Input::ComplaintSaved { case, saved }),
            Due::Dial(number) => {
                let never_acknowledges = std::mem::take(&mut self.next_never_acknowledges);
                let (trunk, mut ctx) = self.callers();
                trunk.dial(&mut ctx, number, never_acknowledges);
            }
            Due::Caller(number, act, only) => {
                let (trunk, mut ctx) = self.callers();
                if trunk.holds(number, only) && trunk.act(&mut ctx, number, act, &mut outcome) {
                    self.dead.insert(Phone::Caller(number).ip());
                }
            }
            Due::Desk(number, act) => {
                let (office, mut ctx) = self.desks();
                match office.act(&mut ctx, number, act, &mut outcome) {
                    Some(true) => {
                        self.dead.insert(Phone::Desk(number).ip());
                    }
                    Some(false) => {
                        self.dead.remove(&Phone::Desk(number).ip());
                    }
                    None => {}
                }
            }
            Due::Command(command) => self.input(Input::Command { id: 0, command }),
            Due::LookAtPhone(phone, over) => self.look_at_phone(phone, over),
            Due::Fault(fault) => self.strike(fault, &mut outcome),
            Due::Canary(trial) => self.begin_canary(trial),
        }
        self.follow_up(outcome);
    }

    // -- the exchange --

    fn input(&mut self, input: Input<'_>) {
        self.report.inputs += 1;
        let now = self.now;
        self.checker.input(now.mono, &input);
        if let Some(ladder) = &mut self.ladder {
            ladder.input(now.mono, &input);
        }
        if let Input::Media(media::Event::RecordingEnded { recording, .. }) = &input {
            self.disk_says(|saved| Due::RecordingSaved(*recording, saved));
        }
        self.exchange.handle_input(now, input);
        self.take_outputs();
        match self.watch {
            Watch::Closely => self.exchange.check_invariants(),
            Watch::Every(inputs) if self.report.inputs.is_multiple_of(inputs) => self.look_inside(),
            Watch::Every(_) => {}
        }
    }

    /// Whose leg it is, and when to look whether the phone knows that it is over.
    fn keep_account(&mut self, command: &media::Command) {
        match command {
            media::Command::Connect { leg, stream } => {
                if let Some(phone) = Phone::at(stream.remote_rtp.ip()) {
                    self.parties.insert(*leg, phone);
                }
            }
            media::Command::Close { leg } => {
                if let Some(phone) = self.parties.remove(leg) {
                    let now = self.now.mono;
                    self.agenda.add(now + AFTERGLOW, Due::LookAtPhone(phone, now));
                }
            }
            _ => {}
        }
    }

    /// The leg has been closed for a while, and the phone must have heard of it; but for one whose stream broke.
    fn look_at_phone(&mut self, phone: Phone, over: Instant) {
        let flow = match phone {
            Phone::Caller(number) => self.trunk.line_of(number),
            Phone::Desk(number) => self.office.line_before(number, over),
        };
        // A desk that has picked somebody up talks on in another call, by the same dialog: it is looked at when that is over.
        let goes_on = self.parties.values().any(|of| *of == phone);
        if goes_on || flow.is_none_or(|flow| self.closed.contains(&flow.connection)) {
            return;
        }
        if self.network.was_cut_off(phone.ip(), over) {
            // No BYE could reach it: its session timer ends it, and then it must have heard.
            let now = self.now.mono;
            self.agenda.add(now + SESSION + AFTERGLOW, Due::LookAtPhone(phone, now));
        } else {
            self.checker.breaks(
                Invariant::DialogsClosed,
                format!("{phone:?} holds on to a leg that was closed at {over}"),
            );
        }
    }

    fn look_inside(&mut self) {
        if let Err(broken) = self.exchange.invariants() {
            self.checker.breaks(Invariant::Inside, broken.to_string());
        }
    }

    fn take_outputs(&mut self) {
        let now = self.now.mono;
        while let Some(output) = self.exchange.poll_output() {
            self.digest.take(now.as_micros(), &output);
            self.report.take(&output);
            self.saboteur.show(now, &output, &mut self.checker);
            if let Some(ladder) = &mut self.ladder {
                ladder.output(now, &output, &self.catalog);
            }
            let mut outcome = Outcome::default();
            match &output {
                Output::Media { command, .. } => {
                    self.keep_account(command);
                    if let Some(transcript) = &mut self.transcript {
                        transcript.command(command, |leg| self.parties.get(&leg).copied());
                    }
                }
                Output::Record(record) => self.boxes.take(record),
                _ => {}
            }
            match output {
                Output::Transmit(transmit) => self.send_from_hotline(transmit),
                Output::Media { command, .. } => self.media.handle(now, &command, &mut outcome),
                Output::Play { leg, play, clips, repeat } => {
                    self.media.play(now, leg, play, &clips, repeat, &mut outcome);
                }
                Output::Record(Record::Slip(slip)) if slip.state == SlipState::New => {
                    if let Some(transcript) = &mut self.transcript {
                        transcript.message(now, &slip);
                    }
                    self.disk_says(|saved| Due::SlipSaved(slip.slip, saved));
                }
                Output::Record(Record::Complaint(case, ComplaintChange::Accepted(_))) => {
                    self.disk_says(|saved| Due::ComplaintSaved(case, saved));
                }
                Output::Inquire { call, inquiry } => {
                    let answer = self.boxes.answer(&inquiry);
                    self.inquired.push_back((call, answer));
                }
                Output::Record(Record::Callback(owed)) => {
                    self.disk_says(|saved| Due::CallbackSaved(owed.callback, saved));
                }
                Output::Record(Record::Promise(made)) => {
                    self.disk_says(|saved| Due::CallbackSaved(made.promise, saved));
                }
                Output::Record(Record::Call(record)) => self.records.push(*record),
                Output::OpenBox { call, order } => {
                    let opened = self.boxes.open(now, &order);
                    self.opened.push_back((call, opened));
                }
                Output::Notice(Notice::Canary(news)) => self.canary_news = Some(news),
                Output::Notice(Notice::Floor(event)) if self.ladder.is_some() => {
                    self.floor.push((now, *event));
                }
                // A world without names: who asks for one hears at once that there is none.
                Output::Resolve(question) => self.unresolved.push_back(question),
                Output::Record(_)
                | Output::Discard(_)
                | Output::Notice(_)
                | Output::Reply { .. }
                | Output::Word { .. } => {}
            }
            self.follow_up(outcome);
        }
    }

    /// A write that begins now is through after a while, and succeeds unless the disk is out of order.
    fn disk_says(&mut self, due: impl FnOnce(bool) -> Due) {
        let now = self.now.mono;
        self.agenda.add(now + self.network.disk_delay(), due(now >= self.disk_fails_until));
    }

    fn follow_up(&mut self, outcome: Outcome) {
        self.events.extend(outcome.events);
        self.cues.extend(outcome.cues);
        for (at, due) in outcome.later {
            self.agenda.add(at, Due::Media(due));
        }
    }

    /// Until nothing is left that happens in this moment.
    fn settle(&mut self) {
        loop {
            if let Some(event) = self.events.pop_front() {
                self.input(Input::Media(event));
            } else if let Some((call, opened)) = self.opened.pop_front() {
                self.input(Input::BoxOpened { call, opened });
            } else if let Some((call, answer)) = self.inquired.pop_front() {
                self.input(Input::Inquired { call, answer });
            } else if let Some(news) = self.canary_news.take() {
                self.canary_over(news);
            } else if let Some(question) = self.unresolved.pop_front() {
                self.input(Input::Resolved { question, answer: Answer::default() });
            } else if let Some((phone, cue)) = self.cues.pop_front() {
                if let Some(transcript) = &mut self.transcript {
                    transcript.cue(self.now.mono, phone, &cue);
                }
                if let Phone::Desk(number) = phone {
                    let catalog = self.catalog.clone();
                    let (office, mut ctx) = self.desks();
                    office.notice(&mut ctx, number, &cue, &catalog);
                } else if let Phone::Caller(number) = phone {
                    let (trunk, mut ctx) = self.callers();
                    trunk.cue(&mut ctx, number, &cue);
                }
            } else if let Some(transmit) = self.trunk.endpoint.poll_transmit() {
                self.send_from_phone(transmit);
            } else if let Some(transmit) = self.office.endpoint.poll_transmit() {
                self.send_from_phone(transmit);
            } else {
                let (trunk, mut ctx) = self.callers();
                let more = trunk.poll_event(&mut ctx);
                let (office, mut ctx) = self.desks();
                if !office.poll_event(&mut ctx) && !more {
                    return;
                }
            }
        }
    }

    // -- the end --

    fn at_rest(&mut self) {
        self.look_inside();
        self.checker.at_rest(self.now.mono);
        for (what, count) in self.media.left_over() {
            self.checker.breaks(Invariant::NothingLeft, format!("{count} {what}"));
        }
        if !self.exchange.is_idle() {
            let next = self.exchange.waits_for();
            let what =
                format!("{} calls, or transactions: the exchange waits for {next}", self.exchange.calls());
            self.checker.breaks(Invariant::NothingLeft, what);
        }
        for (side, dialogs) in [("callers", self.trunk.left_over()), ("desks", self.office.left_over())] {
            if dialogs > 0 {
                self.checker.breaks(Invariant::DialogsClosed, format!("{dialogs} dialogs of {side}' phones"));
            }
        }
    }

    fn callers(&mut self) -> (&mut Trunk, trunk::Ctx<'_>) {
        let ctx = trunk::Ctx {
            now: self.now.mono,
            agenda: &mut self.agenda,
            media: &mut self.media,
            catalog: &self.catalog,
        };
        (&mut self.trunk, ctx)
    }

    fn desks(&mut self) -> (&mut Office, office::Ctx<'_>) {
        let ctx = office::Ctx { now: self.now.mono, agenda: &mut self.agenda, media: &mut self.media };
        (&mut self.office, ctx)
    }
}

/// All numbers, as far as the trunk is concerned: whom the house calls, its dialplan says.
fn outside() -> Vec<Pattern> {
    Pattern::parse_telephone("1.").into_iter().collect()
}

fn account(desk: &Desk) -> Account {
    Account {
        user: desk.extension.clone(),
        secret: Secret::Password(Masked::new(desk.password.clone())),
        encryption: None,
        codecs: None,
        digits: Default::default(),
        media: Default::default(),
    }
}
