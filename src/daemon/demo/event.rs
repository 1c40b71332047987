//! What happens at a phone, told to the one who plays it and to the narrator.

use std::sync::mpsc::Sender;

use super::cast::Who;
use super::hearing::Heard;
use super::sounds::SoundId;
use crate::base::Instant;
use crate::daemon::clock;

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The hotline knows the phone.
    Registered,
    Dials(String),
    /// The hotline has answered.
    Connected,
    /// The hotline refused the call with this status.
    Refused(u16),
    /// The phone rings and shows this.
    Rings(String),
    Answers,
    StopsRinging,
    Presses(String),
    Says(SoundId),
    Begins(SoundId),
    Hears(Heard),
    HangsUp,
    /// The hotline has ended the call.
    HungUp,
    /// The phone itself is in trouble.
    Fails(String),
}

/// One event, for the narrator.
#[derive(Clone, Debug)]
pub struct Told {
    pub at: Instant,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Happened(Who, Event),
    /// Done from the command line.
    Command(String),
}

/// The way to both listeners. What nobody listens to any more is lost.
#[derive(Clone)]
pub struct Reporter {
    who: Who,
    player: Sender<(Instant, Event)>,
    narrator: Sender<Told>,
}

impl Reporter {
    pub fn new(who: Who, player: Sender<(Instant, Event)>, narrator: Sender<Told>) -> Reporter {
        Reporter { who, player, narrator }
    }

    pub fn tell(&self, event: Event) {
        let at = clock::mono();
        drop(self.narrator.send(Told { at, what: What::Happened(self.who, event.clone()) }));
        drop(self.player.send((at, event)));
    }
}
