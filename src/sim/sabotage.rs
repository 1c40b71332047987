//! Faults planted between the exchange and the checker: each must trip exactly the sentence that it breaks.
//!
//! The exchange is left alone; the checker is shown something else than what happened.

use std::collections::BTreeSet;
use std::time::Duration;

use super::checker::{Checker, Invariant};
use crate::base::{CallId, Catalog, Clip, Instant, LegId, PlayId, PromptId};
use crate::exchange::{Notice, Output};
use crate::media::Command;
use crate::record::{CallEnd, Record, SlipState};

/// One lie, told once, except where it says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Sabotage {
    SwallowRecord,
    DoubleRecord,
    /// A record claims an hour more of waiting.
    StretchRecord,
    /// A leg is opened with the port of the leg opened before it.
    SharePort,
    /// The music is not heard, nor what is said before it.
    SwallowMusic,
    /// "Your message has been saved" before it has.
    SayTooEarly,
    /// A slip counts as new before its recording is on disk.
    NewTooEarly,
    /// The bridge comes 100 ms after the agent's 200.
    BridgeLate,
    /// An agent who answered is never heard.
    NeverBridge,
    OfferTwice,
    /// A second agent is given to a caller who talks.
    SecondWinner,
    /// The end of a closing phrase is not heard.
    CutClosingPhrase,
    DropClose,
    /// A call never ends.
    SwallowEnd,
    /// No BYE reaches one phone. The one fault that is planted in the network and not shown to the checker only.
    SwallowByes,
}

impl Sabotage {
    pub const ALL: [Sabotage; 15] = [
        Sabotage::SwallowRecord,
        Sabotage::DoubleRecord,
        Sabotage::StretchRecord,
        Sabotage::SharePort,
        Sabotage::SwallowMusic,
        Sabotage::SayTooEarly,
        Sabotage::NewTooEarly,
        Sabotage::BridgeLate,
        Sabotage::NeverBridge,
        Sabotage::OfferTwice,
        Sabotage::SecondWinner,
        Sabotage::CutClosingPhrase,
        Sabotage::DropClose,
        Sabotage::SwallowEnd,
        Sabotage::SwallowByes,
    ];

    /// The sentence that it breaks.
    pub const fn breaks(self) -> Invariant {
        match self {
            Sabotage::SwallowRecord | Sabotage::DoubleRecord => Invariant::OneRecord,
            Sabotage::StretchRecord => Invariant::HonestRecord,
            Sabotage::SharePort => Invariant::PortOfOneLeg,
            Sabotage::SwallowMusic => Invariant::NeverSilent,
            Sabotage::SayTooEarly | Sabotage::NewTooEarly => Invariant::DurableBeforeSaid,
            Sabotage::BridgeLate | Sabotage::NeverBridge => Invariant::BridgedInTime,
            Sabotage::OfferTwice => Invariant::OneOfferPerAgent,
            Sabotage::SecondWinner => Invariant::OneWinnerPerCaller,
            Sabotage::CutClosingPhrase => Invariant::ClosingPhrase,
            Sabotage::DropClose | Sabotage::SwallowEnd => Invariant::NothingLeft,
            Sabotage::SwallowByes => Invariant::DialogsClosed,
        }
    }
}

/// Stands between the exchange and the checker.
pub(super) struct Saboteur {
    plan: Option<Sabotage>,
    done: bool,
    /// The port of the leg opened last.
    port: Option<u16>,
    saved: Option<PromptId>,
    music: BTreeSet<PromptId>,
}

impl Saboteur {
    pub(super) fn new(plan: Option<Sabotage>, catalog: &Catalog) -> Self {
        let saved = catalog.iter().find(|(_, prompt)| prompt.name == "message/saved").map(|(id, _)| id);
        let music =
            catalog.iter().filter(|(_, prompt)| prompt.name.ends_with("hold-music")).map(|(id, _)| id);
        Saboteur { plan, done: false, port: None, saved, music: music.collect() }
    }

    pub(super) fn is(&self, sabotage: Sabotage) -> bool {
        self.plan == Some(sabotage)
    }

    /// Whether its moment has come.
    pub(super) fn has_struck(&self) -> bool {
        self.done
    }

    pub(super) fn strike(&mut self) {
        self.done = true;
    }

    pub(super) fn show(&mut self, now: Instant, output: &Output, checker: &mut Checker) {
        let plan = self.plan.filter(|plan| !self.done || *plan == Sabotage::SwallowMusic);
        let Some(lie) = plan.and_then(|plan| self.lie(plan, output)) else {
            return checker.output(now, output);
        };
        self.done = true;
        for (after, shown) in lie {
            match shown {
                Shown::Real => checker.output(now + after, output),
                Shown::Made(made) => checker.output(now + after, &made),
            }
        }
    }

    /// What is shown instead of the truth; `None` where the moment for the lie has not come.
    fn lie(&mut self, plan: Sabotage, output: &Output) -> Option<Vec<(Duration, Shown)>> {
        let real = (Duration::ZERO, Shown::Real);
        let made = |output| (Duration::ZERO, Shown::Made(output));
        Some(match (plan, output) {
            (Sabotage::SwallowRecord, Output::Record(Record::Call(_)))
            | (Sabotage::SwallowEnd, Output::Notice(Notice::CallOver { .. })) => Vec::new(),
            (Sabotage::SwallowMusic, Output::Play { clips, .. })
                if clips.iter().any(|clip| matches!(clip, Clip::Prompt(id) if self.music.contains(id))) =>
            {
                Vec::new()
            }
            (Sabotage::DropClose, Output::Media { command: Command::Close { leg }, .. })
                if leg.index == 0 =>
            {
                Vec::new()
            }
            (Sabotage::DoubleRecord, Output::Record(Record::Call(_)))
            | (Sabotage::OfferTwice, Output::Notice(Notice::Offered { .. })) => {
                vec![real, (Duration::ZERO, Shown::Real)]
            }
            (Sabotage::StretchRecord, Output::Record(Record::Call(record))) => {
                let mut record = record.clone();
                record.queue.as_mut()?.waited_ms += 3_600_000;
                vec![made(Output::Record(Record::Call(record)))]
            }
            (
                Sabotage::SharePort,
                Output::Media { call, command: Command::Open { leg, rtp_port, ssrc, sequence, timestamp } },
            ) => {
                let rtp_port = self.port.replace(*rtp_port)?;
                let (leg, ssrc, sequence, timestamp) = (*leg, *ssrc, *sequence, *timestamp);
                let command = Command::Open { leg, rtp_port, ssrc, sequence, timestamp };
                vec![made(Output::Media { call: *call, command })]
            }
            (Sabotage::SharePort, Output::Media { command: Command::Close { .. }, .. }) => {
                self.port = None;
                return None;
            }
            (Sabotage::SayTooEarly, Output::Record(Record::Slip(slip))) if slip.state == SlipState::New => {
                let clips = vec![Clip::Prompt(self.saved?)];
                vec![real, made(play(slip.call, clips))]
            }
            (Sabotage::NewTooEarly, Output::Record(Record::Slip(slip)))
                if slip.state == SlipState::Taking =>
            {
                let mut slip = slip.clone();
                slip.state = SlipState::New;
                vec![made(Output::Record(Record::Slip(slip)))]
            }
            (Sabotage::CutClosingPhrase, Output::Record(Record::Call(record)))
                if record.end == CallEnd::FlowEnded =>
            {
                vec![made(play(record.call, Vec::new())), real]
            }
            (Sabotage::BridgeLate, Output::Media { command: Command::Bridge { .. }, .. }) => {
                vec![(Duration::from_millis(100), Shown::Real)]
            }
            // The caller hears somebody, and the agent who answered is not the one.
            (Sabotage::NeverBridge, Output::Media { call, command: Command::Bridge { a, b } }) => {
                vec![made(bridge(*call, *a, *b))]
            }
            (Sabotage::SecondWinner, Output::Media { call, command: Command::Bridge { a, b } }) => {
                vec![real, made(bridge(*call, *a, *b))]
            }
            _ => return None,
        })
    }
}

/// What the checker is shown.
enum Shown {
    Real,
    Made(Output),
}

fn play(call: CallId, clips: Vec<Clip>) -> Output {
    Output::Play { leg: LegId { call, index: 0 }, play: PlayId(u32::MAX), clips, repeat: false }
}

/// A bridge to a leg that nobody opened.
fn bridge(call: CallId, a: LegId, b: LegId) -> Output {
    let b = LegId { index: b.index + 1, ..b };
    Output::Media { call, command: Command::Bridge { a, b } }
}
