//! What a call may read while it handles an event.

use std::time::Duration;

use super::{Announce, Effect, PortPool};
use crate::base::{Ids, Now, Rng};
use crate::queue;

/// What a call may read and draw from while it handles an event, and where its effects go.
pub struct Ctx<'a> {
    pub now: Now,
    pub rng: &'a mut Rng,
    pub ports: &'a mut PortPool,
    pub ids: &'a mut Ids,
    /// For positions and estimates; changes are effects.
    pub queue: &'a queue::Core,
    pub settings: &'a Settings,
    pub effects: &'a mut Vec<Effect>,
}

impl Ctx<'_> {
    pub(super) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}

/// The manners that are the house's, not a dialplan's.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long the caller may take to confirm a message before it is kept as it is.
    pub confirm_within: Duration,
    /// How long the writer and the store may take to make a message safe before the caller is told that
    /// it could not be taken.
    pub durable_within: Duration,
    /// How often somebody on hold is told that they are not forgotten.
    pub still_holding_every: Duration,
    /// Who hears a tone when a supervisor joins their talk.
    pub announce_supervisor: Announce,
    /// Keys of an agent who talks that pause the recording, and resume it; none where it is empty.
    pub pause_recording_key: String,
    /// Both parties hear a tone when their recording begins, and again after each such time; zero: not again. `None`: no
    /// tone.
    pub recording_beep: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            confirm_within: Duration::from_secs(10),
            durable_within: Duration::from_secs(10),
            still_holding_every: Duration::from_secs(30),
            announce_supervisor: Announce::default(),
            pause_recording_key: String::new(),
            recording_beep: None,
        }
    }
}
