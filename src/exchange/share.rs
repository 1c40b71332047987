//! Several exchanges for one house: each has a share of the calls, and all work on one queue core.
//!
//! ```text
//!   network --> the first exchange: guard, where does it belong? --+--> first   sign-in, registrar, lamps, texts,
//!                                                                  |            trunks' registrations, its calls
//!               console: to the first, the call's, or all ---------+--> second  its calls
//!                                                                  +--> ...     its calls
//!                        core, desks, phones, places, trunks' load: Commons, seen by all
//! ```
//!
//! **Where things land.** Ids are dealt out by remainder ([`Ids::of_share`](crate::base::Ids::of_share)), tags and
//! branches bear the number of who gave them ([`Belonging`](crate::sip::Belonging)), RTP ports are split: whatever comes
//! later of a call, a dialog, a recording goes to the exchange that has it, and nobody keeps a table. A new call of a
//! trunk goes by a hash of its Call-ID; an INVITE with Replaces to the exchange that has the dialog it names, and the
//! second call of an agent who is in one to where that is, so that a REFER can join them. All
//! legs of a call are with the call: an agent's phone is rung by the caller's exchange, whoever else the agent talked
//! with before. Everything else outside a dialog, strangers' INVITEs included, is the first exchange's, which alone
//! keeps the guard's meters, the registrar, the lamps and the trunks' registrations; what the others must know of
//! these it lays open in the [`Commons`].
//!
//! **Who hears what the core says.** An operation of one exchange may match a caller of another: an agent who becomes
//! ready by a call of the second is offered a caller of the first. Whoever carried out the operation passes the event
//! on ([`Word`]). A word may be lost where the ring between two exchanges is full, and come late: the core's own words
//! are the truth. An offer is acted upon only while the core says that it stands, and who is told that words were lost
//! ([`Input::Missed`](super::Input::Missed)) reads the truth anew of all callers whom it has in line.
//!
//! **Whose is a desk.** That of the house: its absence, its call and its state stand in the commons. A queue's offer is
//! the core's to give, so it takes the desk from whoever had it by an earlier one; a call past the queues takes it
//! only where it is free.

use std::collections::BTreeSet;

use super::callbacks::TakenOver;
use super::directory::Key;
use super::{Command, Input};
use crate::base::{AgentId, CallId, Masked, UrgentAnswer};
use crate::media;
use crate::queue;

/// Which part of the calls an exchange has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    pub number: u8,
    pub of: u8,
}

impl Share {
    /// All calls.
    pub const WHOLE: Share = Share { number: 0, of: 1 };

    pub fn all(of: u8) -> impl Iterator<Item = Share> {
        (0..of.max(1)).map(move |number| Share { number, of: of.max(1) })
    }

    pub fn is_first(self) -> bool {
        self.number == 0
    }

    pub fn is_whole(self) -> bool {
        self.of == 1
    }

    pub fn has(self, call: CallId) -> bool {
        self.of_id(call.0) == self.number
    }

    /// Who has the call, recording or slip of this number.
    pub(super) fn of_id(self, id: u64) -> u8 {
        // The remainder of a u8 is one.
        (id % u64::from(self.of)) as u8
    }

    /// Who gets a new call with this Call-ID: evenly, and the same for whatever else says this Call-ID.
    pub(super) fn of_call_id(self, call_id: &[u8]) -> u8 {
        // FNV-1a, folded: the low bits of the plain one are poor.
        let hash = call_id.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
            (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
        });
        self.of_id(hash ^ hash >> 32)
    }

    /// This exchange's part of a range of RTP ports: as long as any other's, and beginning with an even one.
    pub(super) fn of_ports(self, all: &std::ops::RangeInclusive<u16>) -> std::ops::RangeInclusive<u16> {
        if self.is_whole() {
            return all.clone();
        }
        let first = u32::from(*all.start()).next_multiple_of(2);
        let pairs = (u32::from(*all.end()) + 1).saturating_sub(first) / 2 / u32::from(self.of);
        let from = first + 2 * pairs * u32::from(self.number);
        let end = from + 2 * pairs;
        let port = |port: u32| u16::try_from(port).unwrap_or(u16::MAX);
        // None at all where there are too few for everybody.
        port(from)..=port(end.saturating_sub(1))
    }
}

/// Who an input is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lands {
    With(u8),
    WithAll,
}

impl Lands {
    /// Where an input goes that is no message of the network's: those the first exchange
    /// [routes](super::Exchange::route).
    pub fn of(input: &Input<'_>, of: u8) -> Lands {
        let share = Share { number: 0, of: of.max(1) };
        let with = |id: u64| Lands::With(share.of_id(id));
        match input {
            Input::Media(event) => match event {
                media::Event::RecordingEnded { recording, .. } => with(recording.0),
                media::Event::Digit { leg, .. }
                | media::Event::Played { leg, .. }
                | media::Event::RtpTimeout { leg }
                | media::Event::OpenFailed { leg, .. }
                | media::Event::FirstPacket { leg }
                | media::Event::Quality { leg, .. } => with(leg.call.0),
            },
            Input::RecordingSaved { recording, .. } => with(recording.0),
            Input::SlipSaved { slip, .. } => with(slip.0),
            Input::CallbackSaved { callback, .. } => with(callback.0),
            Input::BoxOpened { call, .. } | Input::Inquired { call, .. } => with(call.0),
            Input::ComplaintSaved { case, .. } => with(case.call().0),
            Input::ComplaintDue { complaint, .. } => with(complaint.case.call().0),
            Input::Command { command, .. } => match command {
                Command::Agents
                | Command::SetAgent { .. }
                | Command::CallOut { .. }
                | Command::Urgents
                | Command::AnswerUrgent { .. }
                | Command::Promise { .. } => Lands::With(0),
                Command::Status | Command::Calls | Command::Callbacks => Lands::WithAll,
                Command::Supervise { call, .. }
                | Command::PauseRecording { call, .. }
                | Command::ChangeWaiting { call, .. }
                | Command::Why { call }
                | Command::Transfer { call, .. }
                | Command::AcceptComplaint { call, .. }
                | Command::Note { call, .. }
                | Command::CancelCallback { callback: call }
                | Command::SettlePromise { promise: call, .. }
                | Command::HangUp { call } => with(call.0),
            },
            Input::FlowClosed(_)
            | Input::RestoreCallbacks(_)
            | Input::RestorePromises(_)
            | Input::Resolved { .. }
            | Input::Reload { .. }
            | Input::Canary(_)
            | Input::CanaryOver
            | Input::Gauges(_)
            | Input::Drain
            | Input::Farewell
            | Input::Shutdown => Lands::WithAll,
            // Boxes and registrations are the first one's; the rest is each exchange's own, and comes no other way.
            Input::Sip { .. }
            | Input::Restore(_)
            | Input::RestoreKept { .. }
            | Input::RestorePresences(_)
            | Input::Calendar { .. }
            | Input::Waiting { .. }
            | Input::Backlog(_)
            | Input::Timeout
            | Input::Word(_)
            | Input::Missed => Lands::With(0),
        }
    }
}

impl Input<'_> {
    /// The same for another exchange, of those that land with all.
    pub fn for_another(&self) -> Option<Input<'static>> {
        Some(match self {
            Input::FlowClosed(flow) => Input::FlowClosed(*flow),
            Input::RestoreCallbacks(callbacks) => Input::RestoreCallbacks(callbacks.clone()),
            Input::RestorePromises(promises) => Input::RestorePromises(promises.clone()),
            Input::Command { id, command } => Input::Command { id: *id, command: command.clone() },
            Input::Resolved { question, answer } => {
                Input::Resolved { question: question.clone(), answer: answer.clone() }
            }
            Input::Reload { plan, config } => Input::Reload { plan: plan.clone(), config: config.clone() },
            Input::Canary(trial) => Input::Canary(trial.clone()),
            Input::CanaryOver => Input::CanaryOver,
            Input::Gauges(gauges) => Input::Gauges(*gauges),
            Input::Drain => Input::Drain,
            Input::Farewell => Input::Farewell,
            Input::Shutdown => Input::Shutdown,
            _ => return None,
        })
    }
}

/// What one exchange tells another.
#[derive(Clone, Debug)]
pub struct Word(pub(super) Say);

#[derive(Clone, Debug)]
pub(super) enum Say {
    /// The core, of a caller or a callback of yours.
    Queue(queue::Event),
    /// These desks may look different.
    Desks(BTreeSet<AgentId>),
    /// This slot may look different.
    Slot(String),
    /// This phone did not answer a call.
    Suspect(Key),
    /// Somebody at this address has proven to be this account, or has not.
    SignedIn { address: std::net::IpAddr, user: Masked<String>, proven: bool },
    /// The names of trunks lead elsewhere now.
    Trunks,
    /// Who was asked urgently has answered, of a call of yours.
    UrgentAnswered(CallId, UrgentAnswer),
    /// The customer has called first.
    TakenOver(TakenOver),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{LegId, RecordingId};

    #[test]
    fn ports_are_split_evenly_and_none_is_given_twice() {
        for (all, of) in [(20_000..=29_999, 3), (20_001..=20_008, 2), (65_000..=65_535, 4)] {
            let parts: Vec<_> = Share::all(of).map(|share| share.of_ports(&all)).collect();
            for (one, next) in parts.iter().zip(parts.iter().skip(1)) {
                assert!(one.end() < next.start() && one.len() == next.len(), "{parts:?}");
            }
            assert!(parts.iter().all(|part| part.start() % 2 == 0 && part.end() % 2 == 1));
            assert!(all.contains(parts[0].start()) && all.contains(parts[of as usize - 1].end()));
        }
        assert_eq!(Share::WHOLE.of_ports(&(5..=9)), 5..=9);
        assert!(Share { number: 1, of: 2 }.of_ports(&(5..=6)).is_empty(), "too few for two");
    }

    #[test]
    fn calls_are_spread_evenly() {
        let share = Share { number: 0, of: 4 };
        let mut counts = [0u32; 4];
        for call in 0..4000 {
            counts[usize::from(share.of_call_id(format!("{call:x}@192.0.2.7").as_bytes()))] += 1;
        }
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
    }

    #[test]
    fn whatever_bears_a_number_goes_to_who_gave_it() {
        let leg = LegId { call: CallId(7), index: 1 };
        assert_eq!(Lands::of(&Input::Media(media::Event::RtpTimeout { leg }), 2), Lands::With(1));
        let saved = Input::RecordingSaved { recording: RecordingId(4), saved: true };
        assert_eq!(Lands::of(&saved, 3), Lands::With(1));
        let hang_up = Input::Command { id: 1, command: Command::HangUp { call: CallId(9) } };
        assert_eq!((Lands::of(&hang_up, 2), Lands::of(&hang_up, 1)), (Lands::With(1), Lands::With(0)));
        assert_eq!(Lands::of(&Input::Drain, 2), Lands::WithAll);
    }
}
