//! What the world will do, and when.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::caller::{Act, While};
use super::desk::DeskAct;
use super::faults::Fault;
use super::media_model;
use super::network::Phone;
use crate::base::{CallId, Instant, RecordingId, SlipId};
use crate::exchange::{Command, Trial};
use crate::record::CaseNumber;
use crate::sip::Flow;

/// One thing to come.
#[derive(Debug)]
pub(super) enum Due {
    /// A message reaches the hotline.
    ToHotline(Flow, Bytes),
    /// A message reaches a phone; the flow is the phone's.
    ToPhone(Flow, Bytes),
    /// A stream breaks; the flow is the hotline's.
    FlowLost(Flow),
    Media(media_model::Due),
    RecordingSaved(RecordingId, bool),
    SlipSaved(SlipId, bool),
    ComplaintSaved(CaseNumber, bool),
    CallbackSaved(CallId, bool),
    Dial(u32),
    Caller(u32, Act, While),
    Desk(u16, DeskAct),
    Command(Command),
    /// A leg of this phone was closed then: its dialog must be too.
    LookAtPhone(Phone, Instant),
    Fault(Fault),
    Canary(Arc<Trial>),
}

/// Things to come, the earliest first; of those at one moment the one that was thought of first.
#[derive(Default, Debug)]
pub(super) struct Agenda {
    things: BTreeMap<(Instant, u64), Due>,
    count: u64,
}

impl Agenda {
    pub(super) fn add(&mut self, at: Instant, due: Due) {
        self.count += 1;
        self.things.insert((at, self.count), due);
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.things.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn take(&mut self, now: Instant) -> Option<Due> {
        if self.next()? > now {
            return None;
        }
        self.things.pop_first().map(|(_, due)| due)
    }
}
