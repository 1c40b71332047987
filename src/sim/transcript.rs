//! What the callers and desks of a world met, in order, as they would tell it: for those who judge a call from outside.

use std::collections::BTreeMap;

use super::media_model::Cue;
use super::network::Phone;
use crate::base::{Clip, Instant, LegId};
use crate::media::Command;
use crate::record::MessageSlip;

/// Something that a caller, or whoever calls from a desk, noticed.
#[derive(Clone, PartialEq, Debug)]
pub struct Moment {
    pub at: Instant,
    pub met: Met,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Met {
    /// This began to play.
    Hears(Vec<Clip>),
    /// What played is over, or was stopped.
    Silence,
    /// Somebody is on the line: the extension of a desk, or `None` for another caller.
    Talks(Option<String>),
    /// Nobody is any more.
    Alone,
    /// The tone has sounded: what is said now is recorded.
    MaySpeak,
    /// A message was kept, in this box.
    Message(String),
}

/// Who met what; in the order in which it happened.
#[derive(Default, Debug)]
pub(super) struct Transcript {
    /// What the desks are called.
    desks: BTreeMap<Phone, String>,
    met: BTreeMap<Phone, Vec<Moment>>,
    /// Who hears whom.
    talks: BTreeMap<Phone, Phone>,
    /// Who was told last to speak.
    speaks: Option<Phone>,
}

impl Transcript {
    pub(super) fn name(&mut self, desk: Phone, extension: &str) {
        self.desks.insert(desk, extension.to_owned());
    }

    /// Before the cues that come of it.
    pub(super) fn command(&mut self, command: &Command, phone: impl Fn(LegId) -> Option<Phone>) {
        if let Command::Bridge { a, b } = command
            && let (Some(a), Some(b)) = (phone(*a), phone(*b))
        {
            self.talks.insert(a, b);
            self.talks.insert(b, a);
        }
    }

    pub(super) fn cue(&mut self, at: Instant, phone: Phone, cue: &Cue) {
        let met = match cue {
            Cue::Answered => return,
            Cue::Hears { clips, .. } => Met::Hears(clips.clone()),
            Cue::Silence => Met::Silence,
            Cue::Talks => {
                let other = self.talks.get(&phone);
                Met::Talks(other.and_then(|other| self.desks.get(other)).cloned())
            }
            Cue::Alone => Met::Alone,
            Cue::Speaks => {
                self.speaks = Some(phone);
                Met::MaySpeak
            }
        };
        self.met.entry(phone).or_default().push(Moment { at, met });
    }

    /// Kept, of who spoke last: a transcript is for worlds in which one message is left at a time.
    pub(super) fn message(&mut self, at: Instant, slip: &MessageSlip) {
        if let Some(met) = self.speaks.and_then(|phone| self.met.get_mut(&phone)) {
            met.push(Moment { at, met: Met::Message(slip.mailbox.clone()) });
        }
    }

    pub(super) fn of(&self, phone: Phone) -> &[Moment] {
        self.met.get(&phone).map_or(&[], Vec::as_slice)
    }
}
