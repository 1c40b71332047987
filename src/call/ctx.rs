//! What a call may read while it handles an event.

use std::time::Duration;

use super::{Announce, Effect, HoldReminders, PortPool};
use crate::base::ice::Certificates;
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
    pub hold: HoldReminders,
    /// After the closing phrase the caller has so long to hang up first; zero: we hang up at once.
    pub caller_hangs_up_within: Duration,
    /// Who hears a tone when a supervisor joins their talk.
    pub announce_supervisor: Announce,
    /// By which browsers know us; `None`: no browser's media is taken.
    pub certificates: Option<Certificates>,
    /// Keys of an agent who talks that pause the recording, and resume it; none where it is empty.
    pub pause_recording_key: String,
    /// Both parties hear a tone when their recording begins, and again after each such time; zero: not again. `None`: no
    /// tone.
    pub recording_beep: Option<Duration>,
    /// What agents and whom they have called outside say to each other is recorded.
    pub record_outside: bool,
    pub transfer_keys: TransferKeys,
    /// Keys of an agent who talks that accept the caller's complaint, and say its number to both; none where it is empty.
    pub complaint_key: String,
    pub pledge_keys: PledgeKeys,
    /// After its latest call so long a customer's matter is still its owner's.
    pub matter_lasts: Duration,
    /// How long each target of a transfer is rung.
    pub transfer_ring: Duration,
    /// A promise is kept in time by a call that the customer answers so long after its time.
    pub promise_within: Duration,
    /// How long an agent may take for each digit of the number to transfer to.
    pub code_within: Duration,
}

/// Keys of an agent who talks, for phones that cannot transfer by themselves; none where it is empty.
#[derive(Clone, Debug)]
pub struct TransferKeys {
    /// A number follows, and `#`: the caller goes there at once.
    pub blind: String,
    /// A number follows, and `#`: the agent speaks with them first, and hangs up to join the two.
    pub attended: String,
    /// The agent talks with the other of the two.
    pub swap: String,
    /// All three talk.
    pub three: String,
    /// The target is let go; the agent is with the caller again.
    pub back: String,
    /// The caller is parked in the first free slot of the plan's.
    pub park: String,
}

/// Keys of an agent who talks, by which they answer for something; none where it is empty.
#[derive(Clone, Debug)]
pub struct PledgeKeys {
    /// Four digits follow, a time of the clock: I call you back then.
    pub promise: String,
    /// The customer's matter is mine from now on.
    pub matter: String,
}

impl Default for PledgeKeys {
    fn default() -> Self {
        let [promise, matter] = ["*7", "*8"].map(str::to_owned);
        PledgeKeys { promise, matter }
    }
}

impl Default for TransferKeys {
    fn default() -> Self {
        let [blind, attended, swap, three, back, park] =
            ["*1", "*2", "*4", "*3", "*5", "*6"].map(str::to_owned);
        TransferKeys { blind, attended, swap, three, back, park }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            confirm_within: Duration::from_secs(10),
            durable_within: Duration::from_secs(10),
            still_holding_every: Duration::from_secs(30),
            hold: HoldReminders::default(),
            caller_hangs_up_within: Duration::ZERO,
            announce_supervisor: Announce::default(),
            certificates: None,
            pause_recording_key: String::new(),
            recording_beep: None,
            record_outside: true,
            transfer_keys: TransferKeys::default(),
            complaint_key: "*9".to_owned(),
            pledge_keys: PledgeKeys::default(),
            matter_lasts: Duration::from_secs(30 * 24 * 3600),
            transfer_ring: Duration::from_secs(15),
            promise_within: Duration::from_secs(600),
            code_within: Duration::from_secs(4),
        }
    }
}
