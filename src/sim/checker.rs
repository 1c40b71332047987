//! Watches everything that goes into the exchange and comes out of it, and says which sentence does not hold.
//!
//! It knows nothing of the exchange's inside (that is [`Exchange::invariants`](crate::exchange::Exchange)): what
//! it asserts is what a caller, an agent, a bank's auditor could see.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::ears::Ears;
use super::network::Phone;
use crate::base::{AgentId, CallId, Catalog, Clip, Instant, LegId, PromptId, RecordingId, SlipId};
use crate::dialplan::WHISPER_MOST;
use crate::exchange::{FloorEvent, Input, Notice, Output};
use crate::media::{self, Command};
use crate::record::{CallEnd, CallRecord, Record, SlipState};

/// Both hear each other so soon after the agent's 200.
const BRIDGED_WITHIN: Duration = Duration::from_millis(60);

/// A sentence that must hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Invariant {
    /// Each call ends with exactly one record.
    OneRecord,
    /// A record claims no more time than passed.
    HonestRecord,
    /// When a call is over, so are its dialogs, also in the phones' eyes.
    DialogsClosed,
    /// A caller hears something at least every so many seconds.
    NeverSilent,
    /// An RTP port belongs to one leg.
    PortOfOneLeg,
    /// A message is on disk before the caller is told so.
    DurableBeforeSaid,
    /// Agent and caller hear each other at once.
    BridgedInTime,
    /// An agent is offered one caller at a time.
    OneOfferPerAgent,
    /// A caller is given to one agent.
    OneWinnerPerCaller,
    /// The system hangs up only after what it had to say was heard.
    ClosingPhrase,
    /// When everybody has hung up, nothing is left.
    NothingLeft,
    /// The exchange does not contradict itself.
    Inside,
}

impl Invariant {
    /// Those that the checker sees from outside.
    pub const OUTSIDE: [Invariant; 11] = [
        Invariant::OneRecord,
        Invariant::HonestRecord,
        Invariant::DialogsClosed,
        Invariant::NeverSilent,
        Invariant::PortOfOneLeg,
        Invariant::DurableBeforeSaid,
        Invariant::BridgedInTime,
        Invariant::OneOfferPerAgent,
        Invariant::OneWinnerPerCaller,
        Invariant::ClosingPhrase,
        Invariant::NothingLeft,
    ];
}

/// A sentence that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    pub at: Instant,
    pub invariant: Invariant,
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}", self.at, self.invariant, self.what)
    }
}

/// The observer.
pub struct Checker {
    calls: BTreeMap<CallId, Seen>,
    over: BTreeSet<CallId>,
    ports: BTreeMap<LegId, u16>,
    holders: BTreeMap<u16, LegId>,
    ears: Ears,
    /// The prompt "message saved", in every language.
    saved: BTreeSet<PromptId>,
    /// Who is announced to a person who screens, or asks one urgently: that one decides by a key when the two are joined.
    screens: BTreeSet<PromptId>,
    /// Those that say goodbye.
    goodbyes: BTreeSet<PromptId>,
    /// Callers whose last words from us were one of those.
    said_goodbye: BTreeSet<CallId>,
    recordings: BTreeSet<RecordingId>,
    slips: BTreeMap<SlipId, CallId>,
    durable: BTreeSet<CallId>,
    /// When a desk's phone said 200 to our INVITE.
    answers: BTreeMap<Phone, Instant>,
    /// Legs of agents who have answered and hear nobody yet.
    unbridged: BTreeMap<LegId, Instant>,
    /// How many of them were told who it is before.
    whispers: u64,
    /// Legs that have been connected.
    connected: BTreeSet<LegId>,
    bridges: BTreeMap<LegId, LegId>,
    offers: BTreeMap<AgentId, Offer>,
    now: Instant,
    inputs: u64,
    broken: Vec<Broken>,
}

struct Seen {
    began: Instant,
    records: u32,
}

struct Offer {
    call: CallId,
    leg: Option<LegId>,
    input: u64,
}

impl Checker {
    pub(super) fn new(catalog: &Catalog) -> Self {
        let saved = catalog
            .iter()
            .filter(|(_, prompt)| matches!(prompt.name.as_str(), "message/saved" | "complaint/number-is"))
            .map(|(id, _)| id)
            .collect();
        let asks = ["transfer/screen-before", "agent/urgent-call"];
        let screens = catalog.iter().filter(|(_, prompt)| asks.contains(&prompt.name.as_str()));
        let screens = screens.map(|(id, _)| id).collect();
        let is_goodbye = |name: &str| name.starts_with("goodbye/");
        let goodbyes =
            catalog.iter().filter(|(_, prompt)| is_goodbye(&prompt.name)).map(|(id, _)| id).collect();
        Checker {
            goodbyes,
            said_goodbye: BTreeSet::new(),
            calls: BTreeMap::new(),
            over: BTreeSet::new(),
            ports: BTreeMap::new(),
            holders: BTreeMap::new(),
            ears: Ears::default(),
            saved,
            screens,
            recordings: BTreeSet::new(),
            slips: BTreeMap::new(),
            durable: BTreeSet::new(),
            answers: BTreeMap::new(),
            unbridged: BTreeMap::new(),
            whispers: 0,
            connected: BTreeSet::new(),
            bridges: BTreeMap::new(),
            offers: BTreeMap::new(),
            now: Instant::ZERO,
            inputs: 0,
            broken: Vec::new(),
        }
    }

    /// Everything that did not hold so far.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// How many agents were told who it is before they were joined.
    pub(super) fn whispers(&self) -> u64 {
        self.whispers
    }

    /// The clock of what is found outside of inputs and outputs.
    pub(super) fn at(&mut self, now: Instant) {
        self.now = now;
    }

    pub(super) fn breaks(&mut self, invariant: Invariant, what: impl Into<String>) {
        self.broken.push(Broken { at: self.now, invariant, what: what.into() });
    }

    pub(super) fn input(&mut self, now: Instant, input: &Input<'_>) {
        self.now = now;
        self.inputs += 1;
        let late = |(leg, since): (&LegId, &Instant)| (now.since(*since) > BRIDGED_WITHIN).then_some(*leg);
        if let Some(leg) = self.unbridged.iter().find_map(late) {
            self.unbridged.remove(&leg);
            self.breaks(Invariant::BridgedInTime, format!("{leg} answered and hears nobody"));
        }
        match input {
            Input::Sip { flow, bytes } => {
                let phone = Phone::at(flow.remote.ip());
                if let Some(phone @ Phone::Desk(_)) = phone
                    && is_success_of_invite(bytes)
                {
                    self.answers.insert(phone, now);
                }
            }
            Input::Media(media::Event::Played { leg, play }) => self.ears.played(now, *leg, *play),
            Input::Media(media::Event::RecordingEnded { recording, .. }) => {
                self.ears.recorded(now, *recording)
            }
            Input::RecordingSaved { recording, saved: true } => {
                self.recordings.insert(*recording);
            }
            Input::ComplaintSaved { case, saved: true } => {
                self.durable.insert(case.call());
            }
            Input::SlipSaved { slip, saved: true } => {
                let call = self.slips.get(slip).copied();
                self.durable.extend(call);
            }
            _ => {}
        }
        self.silences();
    }

    pub(super) fn output(&mut self, now: Instant, output: &Output) {
        self.now = now;
        match output {
            Output::Media { command, .. } => self.command(command),
            Output::Play { leg, play, clips, repeat } => {
                self.ears.play(now, *leg, *play, *repeat);
                if leg.index == 0 {
                    let says = clips
                        .iter()
                        .any(|clip| matches!(clip, Clip::Prompt(id) if self.goodbyes.contains(id)));
                    match says {
                        true => self.said_goodbye.insert(leg.call),
                        false => self.said_goodbye.remove(&leg.call),
                    };
                }
                // An agent who is told who it is: the two are joined after it, and soon.
                if clips.iter().any(|clip| matches!(clip, Clip::Prompt(id) if self.screens.contains(id))) {
                    self.unbridged.remove(leg);
                }
                if let Some(since) = self.unbridged.get_mut(leg) {
                    *since = now + WHISPER_MOST;
                    self.whispers += 1;
                }
                let says_saved =
                    clips.iter().any(|clip| matches!(clip, Clip::Prompt(id) if self.saved.contains(id)));
                if says_saved && !self.durable.contains(&leg.call) {
                    self.breaks(
                        Invariant::DurableBeforeSaid,
                        format!("{} is told of a message not on disk", leg.call),
                    );
                }
            }
            Output::Record(Record::Call(record)) => self.record(record),
            Output::Record(Record::Slip(slip)) => {
                self.slips.insert(slip.slip, slip.call);
                let mut parts = slip.who.iter().chain(&slip.recordings);
                if slip.state == SlipState::New && !parts.all(|id| self.recordings.contains(id)) {
                    self.breaks(
                        Invariant::DurableBeforeSaid,
                        format!("{} is new and its recording not saved", slip.slip),
                    );
                }
            }
            Output::Notice(notice) => self.notice(notice),
            Output::Record(
                Record::SlipDiscarded(_)
                | Record::Leg { .. }
                | Record::SlipChange(..)
                | Record::Complaint(..)
                | Record::Survey(_)
                | Record::Posted(_)
                | Record::Callback(_)
                | Record::CallbackOver(_)
                | Record::Promise(_)
                | Record::PromiseUnmade(_)
                | Record::Contact(_)
                | Record::Presence(_)
                | Record::Place(_)
                | Record::PlaceTaken(..)
                | Record::Registration(_)
                | Record::RegistrationEnded(_),
            )
            | Output::Discard(_) => {}
            Output::Transmit(_)
            | Output::Reply { .. }
            | Output::OpenBox { .. }
            | Output::Inquire { .. }
            | Output::Resolve(_)
            | Output::Word { .. } => {}
        }
        self.silences();
    }

    fn command(&mut self, command: &Command) {
        let now = self.now;
        match command {
            Command::Open { leg, rtp_port, .. } => {
                if let Some(other) = self.holders.insert(*rtp_port, *leg) {
                    self.breaks(
                        Invariant::PortOfOneLeg,
                        format!("port {rtp_port} of {other} is given to {leg}"),
                    );
                }
                self.ports.insert(*leg, *rtp_port);
                self.ears.open(*leg);
                if leg.index > 0
                    && let Some(offer) =
                        self.offers.values_mut().find(|o| o.call == leg.call && o.leg.is_none())
                {
                    offer.leg = Some(*leg);
                }
            }
            Command::Connect { leg, stream } => {
                self.ears.connect(now, *leg, stream);
                let answered =
                    Phone::at(stream.remote_rtp.ip()).and_then(|phone| self.answers.remove(&phone));
                // What a leg agrees on later is a re-negotiation: on hold, or while its caller is handed on, it hears nobody.
                let first = self.connected.insert(*leg);
                if let Some(at) = answered
                    && leg.index > 0
                    && first
                    && !self.bridges.values().any(|bridged| bridged == leg)
                {
                    self.unbridged.insert(*leg, at);
                }
            }
            Command::Bridge { a, b } => {
                if let Some(answered) = self.unbridged.remove(b)
                    && now.since(answered) > BRIDGED_WITHIN
                {
                    let late = now.since(answered).as_millis();
                    self.breaks(
                        Invariant::BridgedInTime,
                        format!("{b} hears the caller {late} ms after the 200"),
                    );
                }
                if let Some(other) = self.bridges.insert(*a, *b).filter(|other| other != b) {
                    self.breaks(
                        Invariant::OneWinnerPerCaller,
                        format!("{a} talks with {other} and with {b}"),
                    );
                }
                self.ears.bridge(now, *a, true);
            }
            Command::Unbridge { leg } => {
                self.bridges.remove(leg);
                self.ears.bridge(now, *leg, false);
            }
            Command::Record { recording, left, right: None, .. } => self.ears.record(now, *left, *recording),
            Command::Stop { leg } => self.ears.stop(now, *leg),
            Command::Close { leg } => self.close(*leg),
            _ => {}
        }
    }

    fn close(&mut self, leg: LegId) {
        self.ears.close(self.now, leg);
        self.unbridged.remove(&leg);
        self.connected.remove(&leg);
        self.bridges.retain(|caller, agent| *caller != leg && *agent != leg);
        self.offers.retain(|_, offer| offer.leg != Some(leg));
        if let Some(port) = self.ports.remove(&leg)
            && self.holders.get(&port) == Some(&leg)
        {
            self.holders.remove(&port);
        }
    }

    fn record(&mut self, record: &CallRecord) {
        let call = record.call;
        let Some(seen) = self.calls.get_mut(&call) else {
            self.breaks(Invariant::OneRecord, format!("a record of {call}, which does not run"));
            return;
        };
        seen.records += 1;
        let lasted = self.now.since(seen.began) + Duration::from_millis(1);
        if let Some(visit) = &record.queue {
            let claimed = Duration::from_millis(visit.waited_ms) + Duration::from_millis(visit.talked_ms);
            if claimed > lasted {
                let what = format!("{call} waited and talked for {claimed:?} in a call of {lasted:?}");
                self.breaks(Invariant::HonestRecord, what);
            }
        }
        let spoken = self.ears.has_heard_out(LegId { call, index: 0 });
        if record.end == CallEnd::FlowEnded && record.answered.is_some() && !spoken {
            self.breaks(
                Invariant::ClosingPhrase,
                format!("{call} was hung up while something was being said"),
            );
        }
        // A desk's own call may end without: its agent has called a machine, or a colleague who has hung up.
        let desks = !record.origin.is_empty() && record.origin.bytes().all(|b| b.is_ascii_digit());
        if record.end == CallEnd::FlowEnded
            && record.answered.is_some()
            && !desks
            && !self.said_goodbye.contains(&call)
        {
            self.breaks(Invariant::ClosingPhrase, format!("{call} was hung up without a goodbye"));
        }
    }

    fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::CallBegan { call, .. } => {
                if self.over.contains(call) {
                    self.breaks(Invariant::OneRecord, format!("{call} begins twice"));
                }
                self.calls.insert(*call, Seen { began: self.now, records: 0 });
            }
            Notice::CallOver { call } => {
                let records = self.calls.remove(call).map_or(0, |seen| seen.records);
                if records != 1 {
                    self.breaks(Invariant::OneRecord, format!("{call} is over with {records} records"));
                }
                self.ears.over(self.now, *call);
                self.over.insert(*call);
                self.durable.remove(call);
                self.said_goodbye.remove(call);
            }
            Notice::Offered { call, agent, .. } => {
                let new = Offer { call: *call, leg: None, input: self.inputs };
                // An offer that was withdrawn in the same breath rings nowhere.
                if let Some(old) = self.offers.insert(*agent, new)
                    && (old.leg.is_some() || old.input == self.inputs)
                {
                    let what =
                        format!("{agent} is offered {call} while offered or talking with {}", old.call);
                    self.breaks(Invariant::OneOfferPerAgent, what);
                }
            }
            Notice::Floor(event) => {
                if let FloorEvent::Mended { what } = &**event {
                    self.breaks(Invariant::Inside, format!("had to be put in order: {what}"));
                }
            }
            _ => {}
        }
    }

    fn silences(&mut self) {
        while let Some((leg, length)) = self.ears.take_silence() {
            let seconds = length.as_secs_f64();
            self.breaks(
                Invariant::NeverSilent,
                format!("the caller of {} heard nothing for {seconds:.1} s", leg.call),
            );
        }
    }

    /// Everybody has hung up, and the last transaction has had its time.
    pub(super) fn at_rest(&mut self, now: Instant) {
        self.now = now;
        let left = [
            ("calls", self.calls.len()),
            ("ports", self.ports.len()),
            ("bridges", self.bridges.len()),
            ("answered legs without a bridge", self.unbridged.len()),
        ];
        for (what, count) in left.into_iter().filter(|(_, count)| *count > 0) {
            self.breaks(Invariant::NothingLeft, format!("{count} {what}"));
        }
    }
}

/// A 2xx to an INVITE, by its first line and its CSeq.
fn is_success_of_invite(bytes: &[u8]) -> bool {
    bytes.starts_with(b"SIP/2.0 2") && {
        let head = bytes.split(|byte| *byte == b'\n');
        head.take_while(|line| line.len() > 1)
            .any(|line| line.starts_with(b"CSeq:") && line.trim_ascii_end().ends_with(b"INVITE"))
    }
}
